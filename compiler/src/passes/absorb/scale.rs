//! Numbers for each channel: broadcasts of few axes.

use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::{BuildError, Graph, Op, Shape, Value};

use crate::passes::pattern::Rewritten;
use crate::passes::rewriter::Rewriter;

/// A value that varies along some axes of a result, which are ascending.
#[derive(Clone, Debug)]
pub(super) struct ByChannel {
    value: Number,
    axes: Axes,
}

/// A value of the graph before the sweep or after it.
#[derive(Clone, Copy, Debug)]
enum Number {
    Old(Value),
    New(Value),
}

/// What the broadcast repeats.
pub(super) fn by_channel(graph: &Graph, value: Value) -> Option<ByChannel> {
    let (_, node) = graph.producer(value)?;
    let Op::BroadcastInDim(op) = &node.op else { return None };
    let source = node.operands[0];
    let whole = op
        .axes
        .iter()
        .enumerate()
        .all(|(i, &axis)| graph.tensor(source).shape.size(i) == op.shape.size(axis));
    (whole && op.axes.len() < op.shape.rank())
        .then(|| ByChannel { value: Number::Old(source), axes: op.axes.clone() })
}

impl ByChannel {
    fn now(&self, r: &Rewriter<'_>) -> Value {
        match self.value {
            Number::Old(value) => r.current(value),
            Number::New(value) => value,
        }
    }

    /// Weights times this, whose axes are those of the weights; `None` if one is none.
    pub(super) fn times(&self, r: &mut Rewriter<'_>, weights: Value, of: &[Option<usize>]) -> Rewritten {
        let axes: Option<Axes> = self.axes.iter().map(|&axis| of[axis]).collect();
        let Some(axes) = axes.filter(|axes| axes.is_sorted()) else { return Ok(None) };
        let shape = r.graph().tensor(weights).shape.clone();
        let scale = self.now(r);
        let scale = r.build().broadcast_in_dim(scale, shape, axes)?;
        r.build().mul(weights, scale).map(Some)
    }

    /// This times another, or less than nothing by as much.
    pub(super) fn scaled_by(
        &self,
        r: &mut Rewriter<'_>,
        scale: &ByChannel,
        negative: bool,
    ) -> Result<ByChannel, BuildError> {
        let ([x, y], axes) = self.together(r, scale)?;
        let product = r.build().mul(x, y)?;
        let value = if negative { r.build().neg(product)? } else { product };
        Ok(ByChannel { value: Number::New(value), axes })
    }

    pub(super) fn plus(&self, r: &mut Rewriter<'_>, other: &ByChannel) -> Result<ByChannel, BuildError> {
        let ([x, y], axes) = self.together(r, other)?;
        Ok(ByChannel { value: Number::New(r.build().add(x, y)?), axes })
    }

    /// Both along the axes along which one of them varies.
    fn together(&self, r: &mut Rewriter<'_>, other: &ByChannel) -> Result<([Value; 2], Axes), BuildError> {
        if self.axes == other.axes {
            return Ok(([self.now(r), other.now(r)], self.axes.clone()));
        }
        let mut axes: Axes = self.axes.iter().chain(&other.axes).copied().collect();
        axes.sort_unstable();
        axes.dedup();
        let (x, y) = (self.now(r), other.now(r));
        let size = |r: &Rewriter<'_>, axis: usize| {
            let of = |by: &ByChannel, value: Value| {
                let at = by.axes.iter().position(|&a| a == axis)?;
                Some(r.graph().tensor(value).shape[at])
            };
            of(self, x).or_else(|| of(other, y)).expect("one of them varies along it")
        };
        let shape: Shape = axes.iter().map(|&axis| size(r, axis)).collect();
        let mut spread = |by: &ByChannel, value: Value| {
            let places: Axes = axes
                .iter()
                .enumerate()
                .filter(|(_, axis)| by.axes.contains(axis))
                .map(|(at, _)| at)
                .collect();
            r.build().broadcast_in_dim(value, shape.clone(), places)
        };
        let values = [spread(self, x)?, spread(other, y)?];
        Ok((values, axes))
    }

    pub(super) fn broadcast(&self, r: &mut Rewriter<'_>, shape: &Shape) -> Result<Value, BuildError> {
        let value = self.now(r);
        r.build().broadcast_in_dim(value, shape.clone(), self.axes.clone())
    }
}
