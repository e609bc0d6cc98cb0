//! Linear algebra made of factorisations: systems, determinants, inverses of all shapes, functions and norms of matrices.
//!
//! Matrices are the last two axes of f32, f64, c64 or c128; axes before them are batch axes. Systems follow NumPy's rules: their batch axes broadcast, and a
//! right-hand side of one axis is a vector.

mod determinant;
mod full;
mod function;
mod norm;
mod pseudo;
mod system;

pub use determinant::*;
pub use full::*;
pub use function::*;
pub use norm::*;
pub use pseudo::*;
pub use system::*;

use crate::op::TypeError;
use crate::op::primitive::{Matrices, drawn_dtype};
use crate::op::sample::{Draw, Operand, Values};
use crate::{Builder, DType, Shape, TensorType, Value};

/// The type of an operand that must be square matrices.
fn square_type(b: &Builder, operands: &[Value], operand: usize) -> Result<TensorType, TypeError> {
    let types: Vec<&TensorType> = operands.iter().map(|&x| b.tensor(x)).collect();
    Matrices::square(&types, operand)?;
    Ok(types[operand].clone())
}

/// The type of an operand that must be matrices.
fn matrices_type(b: &Builder, operands: &[Value], operand: usize) -> Result<TensorType, TypeError> {
    let types: Vec<&TensorType> = operands.iter().map(|&x| b.tensor(x)).collect();
    Matrices::of(&types, operand)?;
    Ok(types[operand].clone())
}

/// Rows and columns of matrices of this shape.
fn size(shape: &Shape) -> (usize, usize) {
    (shape.size(shape.rank() - 2), shape.size(shape.rank() - 1))
}

/// Identity matrices of the type of `x`, which are square.
fn identity_like(b: &mut Builder, x: Value) -> Result<Value, TypeError> {
    let TensorType { dtype, shape } = b.type_of(x);
    let n = shape.size(shape.rank() - 1);
    let eye = b.eye(dtype, n, n, 0)?;
    Ok(b.broadcast_to(eye, &shape)?)
}

/// The distance of 1 to the next number.
fn epsilon(dtype: DType) -> f64 {
    if dtype.part() == DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON }
}

/// Drawn matrices with a dominant diagonal: `rows` is given the drawn rows and columns, and says how many there are.
fn sample_matrices(
    draw: &mut Draw<'_>,
    hint: &TensorType,
    size: impl FnOnce(usize, usize) -> (usize, usize),
) -> (TensorType, Operand) {
    let dtype = drawn_dtype(draw, hint);
    let sizes = hint.shape.sizes();
    let (m, n) = match sizes[..] {
        [.., m, n] => (m.min(6), n.min(6)),
        _ => (draw.extent().min(6), draw.extent().min(6)),
    };
    let (m, n) = size(m, n);
    let mut batch = sizes[..sizes.len().saturating_sub(2)].to_vec();
    if batch.iter().product::<usize>() > 16 {
        batch.clear();
    }
    let shape: Shape = batch.into_iter().chain([m, n]).collect();
    let ty = TensorType::new(dtype, shape);
    (ty.clone(), Operand::new(ty, Values::Dominant(0)))
}
