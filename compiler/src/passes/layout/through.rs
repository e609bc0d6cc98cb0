//! What works on images wherever their channels are: functions of elements, pools, paddings, sections, concatenations, and reshapes that split or merge
//! channels.

use std::ops::Range;

use tensorwright_ir::op::primitive::{
    ArgWindow, Concat, GatherWindow, Pad, ReduceWindow, Reshape, ScatterWindow, Slice,
};
use tensorwright_ir::{BuildError, Op, Shape, Value};

use super::{Images, Moved, order, places};
use crate::fusion::is_elementwise;
use crate::passes::pattern::splat;
use crate::passes::rewriter::{Operands, Rewriter, Site};

impl<'g> Images<'g> {
    pub(super) fn through(
        &mut self,
        r: &mut Rewriter<'g>,
        site: &Site<'g>,
    ) -> Result<Option<Moved>, BuildError> {
        let Some(channels) = self.channels(site) else { return Ok(None) };
        if let Op::Reshape(op) = &site.node.op {
            return self.reshape(r, site, &channels, &op.shape);
        }
        let rank = self.graph.tensor(site.node.operands[0]).rank();
        let Some(op) = self.moved_op(site, rank, &channels) else { return Ok(None) };
        let mut operands = Operands::new();
        for position in 0..site.operands.len() {
            // The padding of a `pad` is a scalar.
            operands.push(match self.graph.tensor(site.node.operands[position]).rank() {
                0 => site.operands[position],
                _ => self.operand(r, site, position, &channels)?,
            });
        }
        let value = r.build().push_one(op, &operands)?;
        Ok(Some(Moved { value, channels }))
    }

    /// The channels of the operands that are moved, if there are as many of these as others that would have to be.
    fn channels(&self, site: &Site<'g>) -> Option<Range<usize>> {
        let operands = || site.node.operands.iter();
        let channels = operands().find_map(|v| Some(self.moved.get(v)?.channels.clone()))?;
        let is_moved = |v: &Value| self.moved.get(v).is_some_and(|known| known.channels == channels);
        let moved = operands().filter(|v| is_moved(v)).count();
        let others = operands().filter(|v| !is_moved(v) && self.is_whole(**v)).count();
        (site.node.results.len() == 1 && site.node.regions.is_empty() && others <= moved).then_some(channels)
    }

    /// Whether the value has elements of its own at each place: a broadcast of fewer is a broadcast in any layout.
    fn is_whole(&self, value: Value) -> bool {
        let elements = |v: Value| self.graph.tensor(v).elements();
        match self.graph.producer(value) {
            Some((_, node)) if matches!(node.op, Op::BroadcastInDim(_)) => {
                elements(node.operands[0]) == elements(value)
            }
            _ => splat(self.graph, value).is_none(),
        }
    }

    /// The op on operands with these axes last.
    fn moved_op(&self, site: &Site<'g>, rank: usize, channels: &Range<usize>) -> Option<Op> {
        let node = site.node;
        let order = order(rank, channels);
        macro_rules! reordered {
            ($list:expr) => {
                order.iter().map(|&axis| $list[axis]).collect()
            };
        }
        Some(match &node.op {
            Op::ReduceWindow(op) => ReduceWindow { window: reordered!(op.window), ..op.clone() }.into(),
            Op::ArgWindow(op) => ArgWindow { window: reordered!(op.window), ..op.clone() }.into(),
            Op::GatherWindow(op) => GatherWindow { window: reordered!(op.window) }.into(),
            Op::ScatterWindow(op) => {
                let shape = order.iter().map(|&axis| op.shape[axis]).collect();
                ScatterWindow { shape, window: reordered!(op.window) }.into()
            }
            Op::Pad(op) => {
                let interior = reordered!(op.interior);
                Pad { low: reordered!(op.low), high: reordered!(op.high), interior }.into()
            }
            Op::Slice(op) => {
                let limits = reordered!(op.limits);
                Slice { starts: reordered!(op.starts), limits, strides: reordered!(op.strides) }.into()
            }
            Op::Concat(op) => Concat { axis: places(rank, channels)[op.axis] }.into(),
            op if is_elementwise(self.graph, node) && self.is_of_one_shape(site) => op.clone(),
            _ => return None,
        })
    }

    fn is_of_one_shape(&self, site: &Site<'g>) -> bool {
        let shape = |value: Value| &self.graph.tensor(value).shape;
        let result = shape(site.node.results[0]);
        !matches!(site.node.op, Op::Reduce(_)) && site.node.operands.iter().all(|&v| shape(v) == result)
    }

    /// A reshape that splits or merges channels and nothing else.
    fn reshape(
        &mut self,
        r: &mut Rewriter<'g>,
        site: &Site<'g>,
        channels: &Range<usize>,
        to: &Shape,
    ) -> Result<Option<Moved>, BuildError> {
        let from = &self.graph.tensor(site.node.operands[0]).shape;
        let behind = from.rank() - channels.end;
        let Some(end) = to.rank().checked_sub(behind).filter(|&end| end > channels.start) else {
            return Ok(None);
        };
        let same = from.dims()[..channels.start] == to.dims()[..channels.start]
            && from.dims()[channels.end..] == to.dims()[end..];
        if !same {
            return Ok(None);
        }
        let split = channels.start..end;
        let image = self.operand(r, site, 0, channels)?;
        let shape: Shape = order(to.rank(), &split).into_iter().map(|axis| to[axis]).collect();
        let value = r.build().push_one(Reshape { shape }, &[image])?;
        Ok(Some(Moved { value, channels: split }))
    }
}
