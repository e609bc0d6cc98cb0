//! Derivatives of operations on lists.
//!
//! A list of floats has a list of tangents, row by row. All operations are linear in the rows, so a tangent is what the operation
//! makes of tangents. A list of cotangents may lack rows at its front: those that it lacks are zeros, as what is popped from an
//! empty list is. Going back, what was pushed is popped, and what was popped is pushed. A row that was read by its index gets its
//! cotangent among zeros, a list as long as the one that was read: many reads of a long list are better done from a stack. A row that another one
//! took the place of has no cotangent.

use tensorwright_ir::op::Results;
use tensorwright_ir::op::control::{ListPop, Scan};
use tensorwright_ir::{BuildError, Builder, DType, Node, Op, Scalar, Type, Value};

use super::{Site, or_zeros};

/// Appends the operation and its tangents.
pub(super) fn jvp(
    b: &mut Builder,
    node: &Node,
    operands: &[Value],
    tangents: &[Option<Value>],
) -> Result<(Results, Vec<Option<Value>>), BuildError> {
    let results = b.push(node.op.clone(), operands)?;
    let mut moved = operands.to_vec();
    for (operand, &tangent) in moved.iter_mut().zip(tangents) {
        if b.ty(*operand).is_differentiable() {
            *operand = or_zeros_like(b, tangent, *operand)?;
        }
    }
    let found = b.push(node.op.clone(), &moved)?;
    Ok((results, found.into_iter().map(Some).collect()))
}

/// A tangent, or zeros: of a list as many rows of them.
pub(super) fn or_zeros_like(
    b: &mut Builder,
    tangent: Option<Value>,
    value: Value,
) -> Result<Value, BuildError> {
    let ty = b.ty(value).clone();
    let zeros = or_zeros(b, tangent, &ty)?;
    let Type::List(row) = ty else { return Ok(zeros) };
    if tangent.is_some() || matches!(b.graph().op(value), Some(Op::ListNew(_))) {
        return Ok(zeros);
    }
    let length = b.list_len(value)?;
    let row = or_zeros(b, None, &row.into())?;
    let shorter = |b: &mut Builder, x: &[Value]| {
        let length = b.list_len(x[0])?;
        b.lt(length, x[1])
    };
    let filled = b.while_loop(&[zeros], &[length, row], shorter, |b, x| Ok([b.list_push(x[0], x[2])?]))?;
    Ok(filled[0])
}

/// Residuals of an operation on lists: what it keeps for the way back.
pub(in crate::differentiate) struct ListResiduals {
    op: Op,
    /// Types of its results.
    types: Vec<Type>,
    /// Of a row that was read or set: the clamped index, and how many rows there are.
    read: Option<[Value; 2]>,
}

pub(super) fn record(b: &mut Builder, site: &Site<'_>) -> Result<(Results, ListResiduals), BuildError> {
    let op = site.node.op.clone();
    let read = match op {
        Op::ListGet(_) | Op::ListSet(_) => Some(read_at(b, site.operands[0], site.operands[1])?),
        _ => None,
    };
    let results = b.push(op.clone(), site.operands)?;
    let types = results.iter().map(|&v| b.ty(v).clone()).collect();
    Ok((results, ListResiduals { op, types, read }))
}

/// The index, clamped as reading does, and the length.
fn read_at(b: &mut Builder, list: Value, index: Value) -> Result<[Value; 2], BuildError> {
    let length = b.list_len(list)?;
    let dtype = b.tensor(index).dtype;
    let wide = if dtype.bits() < 32 { DType::I32 } else { dtype };
    let one = b.scalar(1i32);
    let last = b.sub(length, one)?;
    let (index, last) = (b.cast(index, wide)?, b.cast(last, wide)?);
    let zero = b.scalar(Scalar::zero(wide));
    let clamped = b.minimum(index, last)?;
    let clamped = b.maximum(clamped, zero)?;
    Ok([b.cast(clamped, DType::I32)?, length])
}

impl ListResiduals {
    /// Cotangents of the operands.
    pub(super) fn back(
        &self,
        b: &mut Builder,
        cotangents: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>, BuildError> {
        let all = cotangents.iter().zip(&self.types).map(|(&cotangent, ty)| or_zeros(b, cotangent, ty));
        let all = all.collect::<Result<Vec<Value>, _>>()?;
        match (&self.op, self.read) {
            (Op::ListPush(_), _) => Ok(b.push(ListPop {}, &all)?.into_iter().map(Some).collect()),
            (Op::ListPop(_), _) => Ok(vec![Some(b.list_push(all[0], all[1])?)]),
            (Op::ListStack(op), _) => unstacked(b, op.length, all[0]).map(|list| vec![Some(list)]),
            (Op::ListGet(_), Some(read)) => among_zeros(b, all[0], read).map(|list| vec![Some(list), None]),
            (Op::ListSet(_), Some(at)) => {
                taken_out(b, all[0], at).map(|(list, row)| vec![Some(list), None, Some(row)])
            }
            // The other ops have no float operand or no float result.
            _ => Ok(vec![None; self.types.len()]),
        }
    }
}

/// The slices of a stack as a list.
fn unstacked(b: &mut Builder, length: usize, stack: Value) -> Result<Value, BuildError> {
    let ty = b.tensor(stack).clone();
    let list = b.list_new(&ty.with_shape(ty.shape.without(&[0])))?;
    let scan = Scan { carried: 1, scanned: 1, length, reverse: false };
    Ok(b.scan(scan, &[list, stack], |b, x| Ok([b.list_push(x[0], x[1])?]))?[0])
}

/// A list with `row` where a row was read, and zeros elsewhere.
fn among_zeros(b: &mut Builder, row: Value, [index, length]: [Value; 2]) -> Result<Value, BuildError> {
    let ty = b.tensor(row).clone();
    let (list, zeros) = (b.list_new(&ty)?, b.full(Scalar::zero(ty.dtype), &ty.shape)?);
    let shorter = |b: &mut Builder, x: &[Value]| {
        let length = b.list_len(x[0])?;
        b.lt(length, x[1])
    };
    let body = |b: &mut Builder, x: &[Value]| Ok([b.list_push(x[0], x[2])?]);
    let all = b.while_loop(&[list], &[length, zeros], shorter, body)?[0];
    b.list_set(all, index, row)
}

/// Cotangents of a list in which a row was set, and of that row: its own, and zeros in its place. The list may lack rows at its front.
fn taken_out(
    b: &mut Builder,
    list: Value,
    [index, length]: [Value; 2],
) -> Result<(Value, Value), BuildError> {
    let found = b.list_len(list)?;
    let lacking = b.sub(length, found)?;
    let at = b.sub(index, lacking)?;
    let own = b.list_get(list, at)?;
    let ty = b.tensor(own).clone();
    let zeros = b.full(Scalar::zero(ty.dtype), &ty.shape)?;
    let zero = b.scalar(0i32);
    let is_there = b.ge(at, zero)?;
    let is_there = b.broadcast_to(is_there, &ty.shape)?;
    let (row, rest) = (b.select(is_there, own, zeros)?, b.select(is_there, zeros, own)?);
    Ok((b.list_set(list, at, rest)?, row))
}
