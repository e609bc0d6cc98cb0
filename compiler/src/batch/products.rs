//! Products: the new axis is a batch axis or a free one.

use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::DotGeneral;

use super::rules::{Site, up, zero_and_up};
use super::{BatchError, Item};

impl Site<'_> {
    pub(super) fn product(&mut self, dot: &DotGeneral) -> Result<Vec<Item>, BatchError> {
        let operands = [self.value(0), self.value(1)];
        let (left, right) = (self.has(0), self.has(1));
        let moved = |own: bool, axes: &Axes| if own { up(axes) } else { axes.clone() };
        let mut op = DotGeneral {
            lhs_batch: moved(left, &dot.lhs_batch),
            rhs_batch: moved(right, &dot.rhs_batch),
            lhs_contract: moved(left, &dot.lhs_contract),
            rhs_contract: moved(right, &dot.rhs_contract),
            dtype: dot.dtype,
        };
        if left && right {
            op.lhs_batch = zero_and_up(&dot.lhs_batch);
            op.rhs_batch = zero_and_up(&dot.rhs_batch);
            return self.push(op, &operands);
        }
        // The first free axis of its operand: behind the batch axes, and behind the other operand's free axes if it is the right one.
        let free = dot.lhs_free(self.types[0].rank()).len();
        let place = dot.lhs_batch.len() + if left { 0 } else { free };
        let product = self.b.push_one(op, &operands)?;
        let rank = self.b.shape(product).rank();
        let others = (0..rank).filter(|&axis| axis != place);
        let permutation: Axes = [place].into_iter().chain(others).collect();
        let front = if place == 0 { product } else { self.b.transpose(product, permutation)? };
        Ok(vec![Item::batched(front)])
    }
}
