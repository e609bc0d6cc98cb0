//! Lists whose rows are batched. All examples share the length of a list, and which of its rows are read.

use tensorwright_ir::op::Lowering;
use tensorwright_ir::op::control::{ListPush, ListSet, ListStack};
use tensorwright_ir::{BuildError, Builder, Op, Value};

use super::rules::Site;
use super::{BatchError, Item};

impl Site<'_> {
    pub(super) fn list(&mut self, op: &Op) -> Result<Vec<Item>, BatchError> {
        debug_assert_eq!(op.lowering(), Lowering::List);
        let list = self.value(0);
        match op {
            Op::ListPush(_) => {
                let operands = [self.spread(0)?, self.spread(1)?];
                self.push(ListPush {}, &operands)
            }
            Op::ListLen(_) => Ok(vec![Item::shared(self.b.list_len(list)?)]),
            Op::ListGet(_) | Op::ListSet(_) if self.has(1) => Err(self.lists_differ()),
            Op::ListSet(_) => {
                let operands = [self.spread(0)?, self.x[1].value, self.spread(2)?];
                self.push(ListSet {}, &operands)
            }
            Op::ListStack(stack) => {
                // Rows first, examples second, until they change places.
                let stacked = self.b.push_one(ListStack { length: stack.length }, &[list])?;
                Ok(vec![Item::batched(swapped(self.b, stacked)?)])
            }
            op => {
                let operands: Vec<Value> = self.x.iter().map(|item| item.value).collect();
                self.push(op.clone(), &operands)
            }
        }
    }

    pub(super) fn lists_differ(&self) -> BatchError {
        BatchError::List { op: self.node.op.name(), location: self.node.location.clone() }
    }
}

/// The tensor with its first two axes in each other's places.
pub(super) fn swapped(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let rank = b.shape(x).rank();
    let permutation: Vec<usize> = [1, 0].into_iter().chain(2..rank).collect();
    b.transpose(x, &permutation[..])
}
