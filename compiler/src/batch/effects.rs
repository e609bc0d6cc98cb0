//! Effects, which take place once for all examples.

use tensorwright_ir::op::primitive::ReduceKind;
use tensorwright_ir::{Literal, Op, Type};

use super::rules::Site;
use super::{BatchError, Item};

impl Site<'_> {
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
