//! Values that all examples share, once for each example.

use tensorwright_ir::op::batching;
use tensorwright_ir::{BuildError, Builder, Op, Type, Value};

use super::{Item, with_axis};

/// The value, a tensor or a list, with the new axis.
pub(super) fn spread(b: &mut Builder, size: usize, item: Item) -> Result<Value, BuildError> {
    match b.ty(item.value) {
        Type::Token => Ok(item.value),
        Type::List(_) if !item.per_example => spread_list(b, size, item.value),
        Type::List(_) | Type::Tensor(_) => batching::spread(b, size, item),
    }
}

/// The list with batched rows.
fn spread_list(b: &mut Builder, size: usize, list: Value) -> Result<Value, BuildError> {
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
        let row = batching::spread(b, size, Item::shared(row))?;
        Ok([b.list_push(x[0], row)?])
    })?;
    Ok(spread[0])
}
