//! Effects, which take place once for all examples.

use tensorwright_ir::Op;
use tensorwright_ir::op::primitive::ReduceKind;

use super::rules::Site;
use super::{BatchError, Item};

impl Site<'_> {
    /// Prints and checks the batch, once.
    pub(super) fn effect(&mut self, op: &Op) -> Result<Vec<Item>, BatchError> {
        let mut operands: Vec<_> = self.x.iter().map(|item| item.value).collect();
        if let (Op::Assert(_), true) = (op, self.has(1)) {
            operands[1] = self.b.reduce(operands[1], ReduceKind::All, [0usize])?;
        }
        Ok(self.b.push(op.clone(), &operands)?.into_iter().map(Item::shared).collect())
    }
}
