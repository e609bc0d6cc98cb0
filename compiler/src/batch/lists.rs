//! Lists whose rows are batched. All examples share the length of a list, and which of its rows are read.

use tensorwright_ir::op::Lowering;
use tensorwright_ir::op::control::{ListPush, ListStack};
use tensorwright_ir::{BuildError, Builder, Op, Value};

use super::rules::{self, Site};
use super::{BatchError, Item, with_axis};

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
            Op::ListGet(_) if self.has(1) => Err(self.lists_differ()),
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

/// The list with batched rows.
pub(super) fn spread(b: &mut Builder, size: usize, list: Value) -> Result<Value, BuildError> {
    let wide = with_axis(b.row(list), size);
    let wide = b.list_new(&wide)?;
    if matches!(b.graph().op(list), Some(Op::ListNew(_))) {
        return Ok(wide);
    }
    let length = b.list_len(list)?;
    let shorter = |b: &mut Builder, x: &[Value]| {
        let found = b.list_len(x[0])?;
        b.lt(found, x[2])
    };
    let spread = b.while_loop(&[wide], &[list, length], shorter, |b, x| {
        let index = b.list_len(x[0])?;
        let row = b.list_get(x[1], index)?;
        let row = rules::spread(b, size, Item::shared(row))?;
        Ok([b.list_push(x[0], row)?])
    })?;
    Ok(spread[0])
}

/// The tensor with its first two axes in each other's places.
pub(super) fn swapped(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let rank = b.shape(x).rank();
    let permutation: Vec<usize> = [1, 0].into_iter().chain(2..rank).collect();
    b.transpose(x, &permutation[..])
}
