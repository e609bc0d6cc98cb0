//! How a loop keeps, run by run, what its way back needs.
//!
//! A tensor goes onto a list as a row. A list, saved by a loop inside, cannot be a row itself: its rows go onto a list of all runs' rows,
//! last row first, and their number onto a list of numbers. On the way back as many rows are taken off again, which turns them round
//! once more. Moving the rows costs as much as saving them did.

use tensorwright_ir::{BuildError, Builder, DType, TensorType, Type, Value};

/// Values of one type that a loop keeps.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    ty: Type,
}

impl Shelf {
    pub(super) fn of(ty: &Type) -> Shelf {
        Shelf { ty: ty.clone() }
    }

    /// Number of values of the loop's state that keeping the value takes.
    pub(super) fn width(&self) -> usize {
        if self.ty.as_list().is_some() { 2 } else { 1 }
    }

    /// The state of a loop that has kept nothing yet.
    pub(super) fn empty(&self, b: &mut Builder) -> Result<Vec<Value>, BuildError> {
        match &self.ty {
            Type::List(row) => Ok(vec![b.list_new(row)?, b.list_new(&count())?]),
            ty => Ok(vec![b.list_new(ty.tensor())?]),
        }
    }

    /// The state with one value more.
    pub(super) fn put(
        &self,
        b: &mut Builder,
        state: &[Value],
        value: Value,
    ) -> Result<Vec<Value>, BuildError> {
        if self.ty.as_list().is_none() {
            return Ok(vec![b.list_push(state[0], value)?]);
        }
        let (rows, length) = append(b, state[0], value)?;
        Ok(vec![rows, b.list_push(state[1], length)?])
    }

    /// The state without the value that was kept last, and that value.
    pub(super) fn take(&self, b: &mut Builder, state: &[Value]) -> Result<(Vec<Value>, Value), BuildError> {
        if self.ty.as_list().is_none() {
            let (left, row) = b.list_pop(state[0])?;
            return Ok((vec![left], row));
        }
        let (numbers, length) = b.list_pop(state[1])?;
        let (left, list) = split_off(b, state[0], length)?;
        Ok((vec![left, numbers], list))
    }
}

fn count() -> TensorType {
    TensorType::scalar(DType::I32)
}

/// The list with all rows of another one behind its own, the last of them first, and how many they are.
pub(super) fn append(b: &mut Builder, list: Value, rows: Value) -> Result<(Value, Value), BuildError> {
    let length = b.list_len(rows)?;
    let zero = b.scalar(0i32);
    let some_left = |b: &mut Builder, x: &[Value]| {
        let left = b.list_len(x[1])?;
        b.gt(left, x[2])
    };
    let found = b.while_loop(&[list, rows], &[zero], some_left, |b, x| {
        let (left, row) = b.list_pop(x[1])?;
        Ok([b.list_push(x[0], row)?, left])
    })?;
    Ok((found[0], length))
}

/// The list without its last `length` rows, and these, the last of them first.
pub(super) fn split_off(b: &mut Builder, list: Value, length: Value) -> Result<(Value, Value), BuildError> {
    let row = b.row(list).clone();
    let rows = b.list_new(&row)?;
    let too_few = |b: &mut Builder, x: &[Value]| {
        let found = b.list_len(x[1])?;
        b.lt(found, x[2])
    };
    let found = b.while_loop(&[list, rows], &[length], too_few, |b, x| {
        let (left, row) = b.list_pop(x[0])?;
        Ok([left, b.list_push(x[1], row)?])
    })?;
    Ok((found[0], found[1]))
}
