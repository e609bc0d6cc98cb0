//! Effects, which take place once for all examples, and calls of the program's code, for each of them.

use tensorwright_ir::op::control::{CallBatching, Scan};
use tensorwright_ir::op::primitive::ReduceKind;
use tensorwright_ir::{Op, Value};

use super::rules::Site;
use super::{BatchError, Item};

impl Site<'_> {
    /// Prints and checks the batch, once. A closure is called for each example, in their order.
    pub(super) fn effect(&mut self, op: &Op) -> Result<Vec<Item>, BatchError> {
        if matches!(op, Op::HostCallback(_)) {
            return self.in_turns();
        }
        let mut operands: Vec<_> = self.x.iter().map(|item| item.value).collect();
        if let (Op::Assert(_), true) = (op, self.has(1)) {
            operands[1] = self.b.reduce(operands[1], ReduceKind::All, [0usize])?;
        }
        Ok(self.b.push(op.clone(), &operands)?.into_iter().map(Item::shared).collect())
    }

    /// An effect on one example after the other: its first operand is its token.
    fn in_turns(&mut self) -> Result<Vec<Item>, BatchError> {
        let (sliced, shared): (Vec<usize>, Vec<usize>) = (1..self.x.len()).partition(|&i| self.has(i));
        let order = [&[0usize][..], &sliced, &shared].concat();
        let operands: Vec<Value> = order.iter().map(|&i| self.value(i)).collect();
        let (node, count) = (self.node, self.x.len());
        let op = Scan { carried: 1, scanned: sliced.len(), length: self.size, reverse: false };
        let tokens = self.b.scan(op, &operands, |b, x| {
            let mut own = vec![x[0]; count];
            order.iter().zip(x).for_each(|(&i, &value)| own[i] = value);
            b.copy_node(node, &own)
        })?;
        Ok(tokens.into_iter().map(Item::shared).collect())
    }

    /// Code of the program, called as the op says.
    pub(super) fn host(&mut self, op: &Op) -> Result<Vec<Item>, BatchError> {
        let op: Op = match op {
            Op::PureCallback(op) if op.batching == CallBatching::BroadcastAll => {
                op.of_examples(self.size).into()
            }
            Op::CustomCall(op) if op.batching == CallBatching::BroadcastAll => {
                op.of_examples(self.size).into()
            }
            _ => return self.mapped(),
        };
        let operands = (0..self.x.len()).map(|i| self.spread(i)).collect::<Result<Vec<_>, _>>()?;
        self.push(op, &operands)
    }
}
