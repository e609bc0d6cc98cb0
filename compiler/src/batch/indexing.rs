//! Reading and writing at computed places.
//!
//! If the examples share the places, the new axis is one more that every window takes whole. If each has its own, the new axis of the
//! indices goes along with the new axis of the tensor, or, where the tensor is shared, there are just more places.

use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{DynamicSlice, DynamicUpdateSlice, Gather, Scatter, ScatterKind};
use tensorwright_ir::{BuildError, Literal, Scalar, Type, Value};

use super::rules::{Site, after, up, with_dim, zero_and_up};
use super::{BatchError, Item};

impl Site<'_> {
    pub(super) fn gather(&mut self, op: &Gather) -> Result<Vec<Item>, BatchError> {
        let operands = [self.value(0), self.value(1)];
        let op = match (self.has(0), self.has(1)) {
            (true, true) => Gather {
                offset_axes: up(&op.offset_axes),
                collapsed: up(&op.collapsed),
                batch: zero_and_up(&op.batch),
                index_batch: zero_and_up(&op.index_batch),
                indexed: up(&op.indexed),
                sizes: after(1, &op.sizes).into(),
            },
            (true, false) => Gather {
                offset_axes: zero_and_up(&op.offset_axes),
                collapsed: up(&op.collapsed),
                batch: up(&op.batch),
                index_batch: op.index_batch.clone(),
                indexed: up(&op.indexed),
                sizes: after(self.size, &op.sizes).into(),
            },
            _ => Gather { offset_axes: up(&op.offset_axes), index_batch: up(&op.index_batch), ..op.clone() },
        };
        self.push(op, &operands)
    }

    pub(super) fn scatter(&mut self, op: &Scatter) -> Result<Vec<Item>, BatchError> {
        let own = self.has(1);
        let (x, indices, updates) = (self.spread(0)?, self.value(1), self.spread(2)?);
        let op = Scatter {
            kind: op.kind,
            offset_axes: if own { up(&op.offset_axes) } else { zero_and_up(&op.offset_axes) },
            collapsed: up(&op.collapsed),
            batch: if own { zero_and_up(&op.batch) } else { up(&op.batch) },
            index_batch: if own { zero_and_up(&op.index_batch) } else { op.index_batch.clone() },
            indexed: up(&op.indexed),
        };
        self.push(op, &[x, indices, updates])
    }

    pub(super) fn dynamic_slice(&mut self, op: &DynamicSlice) -> Result<Vec<Item>, BatchError> {
        if op.sizes.rank() == 0 {
            return Ok(vec![self.x[0]]);
        }
        if !self.has(1) {
            let starts = self.shared_starts(1)?;
            let x = self.value(0);
            return self.push(DynamicSlice { sizes: with_dim(&op.sizes, self.size) }, &[x, starts]);
        }
        let rank = op.sizes.rank();
        let all: Axes = (0..rank).collect();
        let sizes: Axes = op.sizes.sizes().into_iter().collect();
        // One index vector per example, and windows of all axes.
        let gather = match self.has(0) {
            true => Gather {
                offset_axes: up(&all),
                collapsed: Axes::new(),
                batch: [0].into_iter().collect(),
                index_batch: [0].into_iter().collect(),
                indexed: up(&all),
                sizes: after(1, &sizes).into(),
            },
            false => Gather {
                offset_axes: up(&all),
                collapsed: Axes::new(),
                batch: Axes::new(),
                index_batch: Axes::new(),
                indexed: all,
                sizes,
            },
        };
        let operands = [self.value(0), self.value(1)];
        self.push(gather, &operands)
    }

    /// Updates at places of the examples' own are a scatter, whose places are clamped first.
    pub(super) fn dynamic_update_slice(&mut self) -> Result<Vec<Item>, BatchError> {
        let rank = self.types[0].rank();
        if rank == 0 {
            return Ok(vec![self.x[1]]);
        }
        let (x, update) = (self.spread(0)?, self.spread(1)?);
        if !self.has(2) {
            let starts = self.shared_starts(2)?;
            return self.push(DynamicUpdateSlice {}, &[x, update, starts]);
        }
        let starts = self.clamped_starts()?;
        let all: Axes = (0..rank).collect();
        let scatter = Scatter {
            kind: ScatterKind::Set,
            offset_axes: up(&all),
            collapsed: Axes::new(),
            batch: [0].into_iter().collect(),
            index_batch: [0].into_iter().collect(),
            indexed: up(&all),
        };
        self.push(scatter, &[x, starts, update])
    }

    /// Starts with one more for the new axis.
    fn shared_starts(&mut self, operand: usize) -> Result<Value, BuildError> {
        let starts = self.value(operand);
        let ty = self.types[operand];
        let zero = self.b.full(Scalar::zero(ty.dtype), &[1usize].into_iter().collect())?;
        self.b.concat(&[zero, starts], 0usize)
    }

    fn clamped_starts(&mut self) -> Result<Value, BuildError> {
        let (x, update, starts) = (self.types[0], self.types[1], self.types[2]);
        let last = |axis: usize| x.shape.size(axis) - update.shape.size(axis);
        let limits = Literal::from_fn(Type::new(starts.dtype, [x.rank()]), |axis| {
            Scalar::from_i128(starts.dtype, last(axis) as i128)
        });
        let limits = self.b.literal(limits);
        let shape = with_dim(&starts.shape, self.size);
        let high = self.b.broadcast_in_dim(limits, shape.clone(), [1usize])?;
        let low = self.b.full(Scalar::zero(starts.dtype), &shape)?;
        let own = self.value(2);
        self.b.clamp(low, own, high)
    }
}
