//! `layout`: images with channels last, from a convolution that gains by it on, through all that follows.
//!
//! Where channels are innermost in memory, channels are what fills registers: depthwise convolutions run at the speed of memory, strides and short rows cost nothing. Programs
//! that come from elsewhere have channels first. A convolution *wants* channels last if it has more than one tap, and groups of few channels, a stride, short
//! rows, or company: other convolutions in the graph. From there on convolutions, pools, element-wise functions, paddings, sections and concatenations work on images with channels last; an operand that has them elsewhere is
//! transposed, once, and so is what somebody else reads. Kernels get their taps in front and their channels last too.
//!
//! Bits stay: sums are in the order that the op says, wherever axes are. Other passes take the transposes on that are left, and remove what nobody reads. What
//! has channels last already is left alone, and so are convolutions of one tap by themselves: those are products, in any layout.
//!
//! ```text
//! graph @f(%x: f32[1,4,8,8], %w: f32[2,4,3,3]) {
//!   %y = conv(%x, %w) {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [1], lhs_spatial = [2, 3], rhs_spatial = [2, 3], strides = [2, 2], low = [1, 1], high = [1, 1], lhs_dilation = [1, 1], rhs_dilation = [1, 1], order = [0, 1, 2, 3], sum_order = [1, 2, 0], dtype = f32}
//!   %z = tanh(%y)
//!   return %z
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%x: f32[1,4,8,8], %w: f32[2,4,3,3]) {
//!   %a = transpose(%x) {permutation = [0, 2, 3, 1]}
//!   %b = transpose(%w) {permutation = [2, 3, 1, 0]}
//!   %y = conv(%a, %b) {lhs_batch = [], rhs_batch = [], lhs_contract = [3], rhs_contract = [2], lhs_spatial = [1, 2], rhs_spatial = [0, 1], strides = [2, 2], low = [1, 1], high = [1, 1], lhs_dilation = [1, 1], rhs_dilation = [1, 1], order = [0, 2, 3, 1], sum_order = [1, 2, 0], dtype = f32}
//!   %z = tanh(%y)
//!   %t = transpose(%z) {permutation = [0, 3, 1, 2]}
//!   return %t
//! }
//! ```

mod convolution;
mod through;

use std::ops::Range;

use hashbrown::HashMap;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::inverse;
use tensorwright_ir::{BuildError, Graph, Op, Value};

use super::rewriter::{Rewrite, Rewriter, Site, rewrite};
use super::{Context, Pass};

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Layout;

impl Pass for Layout {
    fn name(&self) -> &'static str {
        "layout"
    }

    fn description(&self) -> &'static str {
        "brings the channels of images to the end"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        let convolutions = graph.nodes().iter().filter(|node| matches!(node.op, Op::Conv(_))).count();
        if convolutions == 0 {
            return None;
        }
        let mut images =
            Images { graph, moved: HashMap::new(), copies: HashMap::new(), convolutions, transposed: 0 };
        let new =
            rewrite(graph, cx, |r, site| Ok(images.node(r, site)?.map_or(Rewrite::Keep, Rewrite::with)));
        (0..images.transposed).for_each(|_| cx.count("operands transposed"));
        new
    }
}

/// An image whose channels are last.
#[derive(Clone, Debug)]
struct Moved {
    /// The image in the new graph.
    value: Value,
    /// The axes that are channels where it has them in the old graph.
    channels: Range<usize>,
}

/// The images that have been moved.
struct Images<'g> {
    graph: &'g Graph,
    moved: HashMap<Value, Moved>,
    /// Copies of what stays where it is.
    copies: HashMap<Value, Moved>,
    convolutions: usize,
    transposed: u64,
}

impl<'g> Images<'g> {
    /// What takes the place of a node's result, if the node works on images that are moved.
    fn node(&mut self, r: &mut Rewriter<'g>, site: &Site<'g>) -> Result<Option<Value>, BuildError> {
        let moved = match &site.node.op {
            Op::Conv(conv) => self.convolution(r, site, conv)?,
            _ => self.through(r, site)?,
        };
        let Some(moved) = moved else { return Ok(None) };
        let rank = r.graph().tensor(moved.value).rank();
        let back = inverse(&order(rank, &moved.channels));
        let result = r.build().transpose(moved.value, back)?;
        self.moved.insert(site.node.results[0], moved);
        Ok(Some(result))
    }

    /// The operand at a position with these axes last: as it is known, or transposed.
    fn operand(
        &mut self,
        r: &mut Rewriter<'g>,
        site: &Site<'g>,
        position: usize,
        channels: &Range<usize>,
    ) -> Result<Value, BuildError> {
        let old = site.node.operands[position];
        let known = [&self.moved, &self.copies].into_iter().filter_map(|known| known.get(&old));
        if let Some(known) = known.into_iter().find(|known| known.channels == *channels) {
            return Ok(known.value);
        }
        self.transposed += 1;
        let now = site.operands[position];
        let rank = r.graph().tensor(now).rank();
        let value = r.build().transpose(now, order(rank, channels))?;
        self.copies.insert(old, Moved { value, channels: channels.clone() });
        Ok(value)
    }
}

/// The axes of a tensor of this rank, these last.
fn order(rank: usize, channels: &Range<usize>) -> Axes {
    (0..rank).filter(|axis| !channels.contains(axis)).chain(channels.clone()).collect()
}

/// For each axis of a tensor of this rank where it is when these are last.
fn places(rank: usize, channels: &Range<usize>) -> Axes {
    inverse(&order(rank, channels))
}

#[cfg(test)]
mod tests;
