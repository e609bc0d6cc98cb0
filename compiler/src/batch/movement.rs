//! Ops that remain what they are, with their axes moved.

use tensorwright_ir::op::composite::{LogSoftmax, Logsumexp, Mean, ReduceKeepDims, Softmax};
use tensorwright_ir::op::primitive::{
    ArgReduce, BroadcastInDim, Concat, Cumulative, Pad, Reduce, ReduceKind, Reshape, Reverse, Slice, Sort,
    TopK, Transpose,
};
use tensorwright_ir::{Literal, Op, Scalar, Type};

use super::rules::{Site, after, offsets, up, with_dim, zero_and_up};
use super::{BatchError, Item};

impl Site<'_> {
    /// The op for operands that all have the new axis; `None` if it is no such op.
    pub(super) fn moved(&self, op: &Op) -> Result<Option<Op>, BatchError> {
        let size = self.size;
        let end = i64::try_from(size).unwrap_or(i64::MAX);
        Ok(Some(match op {
            Op::Bitcast(_) => op.clone(),
            Op::BroadcastInDim(op) => {
                BroadcastInDim { shape: with_dim(&op.shape, size), axes: zero_and_up(&op.axes) }.into()
            }
            Op::Reshape(op) => Reshape { shape: with_dim(&op.shape, size) }.into(),
            Op::Transpose(op) => Transpose { permutation: zero_and_up(&op.permutation) }.into(),
            Op::Slice(op) => Slice {
                starts: offsets(0, &op.starts),
                limits: offsets(end, &op.limits),
                strides: offsets(1, &op.strides),
            }
            .into(),
            Op::Reverse(op) => Reverse { axes: up(&op.axes) }.into(),
            Op::Concat(op) => Concat { axis: op.axis + 1 }.into(),
            Op::Reduce(op) => Reduce { kind: op.kind, axes: up(&op.axes) }.into(),
            Op::ArgReduce(op) => ArgReduce { axis: op.axis + 1, ..op.clone() }.into(),
            Op::Cumulative(op) => Cumulative { axis: op.axis + 1, ..op.clone() }.into(),
            Op::Sort(op) => Sort { axis: op.axis + 1, ..op.clone() }.into(),
            Op::TopK(op) => TopK { axis: op.axis + 1, ..op.clone() }.into(),
            // Composites with derivatives of their own, which their definitions would lose.
            Op::Softmax(op) => Softmax { axis: op.axis + 1 }.into(),
            Op::LogSoftmax(op) => LogSoftmax { axis: op.axis + 1 }.into(),
            Op::Logsumexp(op) => Logsumexp { axes: up(&op.axes), ..op.clone() }.into(),
            Op::Mean(op) => Mean { axes: up(&op.axes), ..op.clone() }.into(),
            Op::ReduceKeepDims(op) => ReduceKeepDims { axes: up(&op.axes), ..op.clone() }.into(),
            _ => return Ok(None),
        }))
    }

    /// A padding value of each example's own is selected where nothing else is.
    pub(super) fn pad(&mut self, op: &Pad) -> Result<Vec<Item>, BatchError> {
        let wide = Pad {
            low: offsets(0, &op.low),
            high: offsets(0, &op.high),
            interior: after(0, &op.interior).into(),
        };
        let x = self.spread(0)?;
        if !self.has(1) {
            let value = self.value(1);
            return self.push(wide, &[x, value]);
        }
        let zero = self.b.scalar(Scalar::zero(self.types[0].dtype));
        let padded = self.b.push_one(wide, &[x, zero])?;
        let yes = self.b.full(true, &self.types[0].shape)?;
        let no = self.b.scalar(false);
        let inside = self.b.push_one(op.clone(), &[yes, no])?;
        let shape = self.b.shape(padded);
        let inside =
            self.b.broadcast_in_dim(inside, shape.clone(), up(&(0..shape.rank() - 1).collect::<Vec<_>>()))?;
        let value = self.value(1);
        let value = self.b.broadcast_in_dim(value, shape, [0usize])?;
        Ok(vec![Item::batched(self.b.select(inside, padded, value)?)])
    }

    /// Prints and checks the batch, once.
    pub(super) fn effect(&mut self, op: &Op) -> Result<Vec<Item>, BatchError> {
        let mut operands: Vec<_> = self.x.iter().map(|item| item.value).collect();
        if let (Op::Assert(_), true) = (op, self.has(1)) {
            operands[1] = self.b.reduce(operands[1], ReduceKind::All, [0usize])?;
        }
        if self.has(0) {
            // A tensor without elements that only looks like a token.
            operands[0] = self.b.literal(Literal::new([0], &[false; 0]).expect("no elements"));
        }
        Ok(self.b.push(op.clone(), &operands)?.into_iter().map(Item::shared).collect())
    }
}

/// Whether values of this type order effects.
pub(super) fn is_token(ty: &Type) -> bool {
    ty.is_token()
}
