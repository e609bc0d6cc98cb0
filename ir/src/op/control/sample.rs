//! Drawing small regions.

use crate::op::Draw;
use crate::op::sample::tensor_hint;
use crate::{BuildError, Builder, DType, DTypeClass, Graph, Scalar, Type, Value};

/// One to three types of operands, the first of them `hint`.
pub(super) fn types(draw: &mut Draw<'_>, hint: &Type) -> Vec<Type> {
    let mut types = vec![hint.clone()];
    for _ in 0..draw.below(3) {
        types.push(match draw.below(5) {
            1 | 3 => hint.clone(),
            4 => Type::List(tensor_hint(hint)),
            _ => draw.ty(DTypeClass::Any, 2).into(),
        });
    }
    types
}

/// Up to three of the types, in any order, repeated or not.
pub(super) fn some_of(draw: &mut Draw<'_>, types: &[Type]) -> Vec<Type> {
    (0..draw.below(4)).map(|_| types[draw.below(types.len())].clone()).collect()
}

/// A region that computes outputs of these types from inputs of those by element-wise ops that are the same on all machines.
pub(super) fn region(draw: &mut Draw<'_>, name: &str, inputs: &[Type], outputs: &[Type]) -> Graph {
    built(name, inputs, |b, x| elementwise(draw, b, x, outputs))
}

/// A region that a closure builds from its inputs. The closure must build valid nodes: it is part of a sample.
pub(super) fn built(
    name: &str,
    inputs: &[Type],
    build: impl FnOnce(&mut Builder, &[Value]) -> Result<Vec<Value>, BuildError>,
) -> Graph {
    let mut b = Builder::new(name);
    let inputs: Vec<Value> = inputs.iter().map(|ty| b.input(ty.clone())).collect();
    let outputs = build(&mut b, &inputs).expect("samples are valid");
    b.finish(&outputs)
}

/// Values of the wanted types out of those at hand.
pub(super) fn elementwise(
    draw: &mut Draw<'_>,
    b: &mut Builder,
    at_hand: &[Value],
    wanted: &[Type],
) -> Result<Vec<Value>, BuildError> {
    let mut values = at_hand.to_vec();
    for _ in 0..draw.below(4) {
        if values.is_empty() {
            break;
        }
        let x = values[draw.below(values.len())];
        match b.ty(x).clone() {
            ty @ Type::Tensor(_) => {
                let y = pick(draw, b, &values, &ty)?;
                values.push(combined(draw, b, x, y)?);
            }
            Type::List(row) => {
                let y = pick(draw, b, &values, &row.into())?;
                values.extend(of_list(draw, b, x, y)?);
            }
            Type::Token => values.push(b.print(x, "", &[])?),
        }
    }
    wanted.iter().map(|ty| pick(draw, b, &values, ty)).collect()
}

/// A value of the type, mostly a late one, or a constant.
fn pick(draw: &mut Draw<'_>, b: &mut Builder, values: &[Value], ty: &Type) -> Result<Value, BuildError> {
    let fits: Vec<Value> = values.iter().copied().filter(|&v| b.ty(v) == ty).collect();
    match (draw.below(fits.len() + 1), ty) {
        (i, _) if i < fits.len() => Ok(fits[fits.len() - 1 - i]),
        (_, Type::Tensor(ty)) => b.full(Scalar::from_i128(ty.dtype, draw.between(-2, 2).into()), &ty.shape),
        (_, Type::List(row)) => b.list_new(row),
        (_, Type::Token) => Ok(b.token()),
    }
}

/// What can be made of a list and a row.
fn of_list(draw: &mut Draw<'_>, b: &mut Builder, list: Value, row: Value) -> Result<Vec<Value>, BuildError> {
    match draw.below(5) {
        0 | 1 => Ok(vec![b.list_push(list, row)?]),
        2 => b.list_pop(list).map(|(list, row)| vec![row, list]),
        3 => {
            let index = b.scalar(draw.between(-1, 4) as i32);
            Ok(vec![b.list_get(list, index)?])
        }
        _ => {
            let index = b.scalar(draw.between(-1, 4) as i32);
            Ok(vec![b.list_set(list, index, row)?])
        }
    }
}

fn combined(draw: &mut Draw<'_>, b: &mut Builder, x: Value, y: Value) -> Result<Value, BuildError> {
    if b.tensor(x).dtype == DType::Bool {
        return match draw.below(4) {
            0 => b.not(x),
            1 => b.and(x, y),
            2 => b.or(x, y),
            _ => b.xor(x, y),
        };
    }
    match draw.below(5) {
        0 => b.add(x, y),
        1 => b.mul(x, y),
        2 => b.sub(x, y),
        3 => b.maximum(x, y),
        _ => b.minimum(x, y),
    }
}
