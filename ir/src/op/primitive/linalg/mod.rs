//! Linear algebra: ops on the matrices of the last two axes, one by one; axes before them are batch axes.
//!
//! Operands are f32 or f64. The evaluator computes in f64 by the algorithms of textbooks (`plain`, `spectrum`). Unless an op says
//! otherwise, a matrix with an element that is not finite gives NaN everywhere, and so does one that lacks what is asked for; other
//! matrices of the batch do not notice. What factors leave open is settled: triangular factors have no negative element on their
//! diagonals, eigenvalues ascend, singular values descend, and the first component of about the greatest magnitude of an eigenvector or a left
//! singular vector is positive.

mod build;
mod cholesky;
mod eigen;
mod linear;
mod lu;
mod plain;
mod qr;
mod spectrum;
mod svd;
mod triangular;

use self::plain::Matrix;
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{TypeError, rule};
use crate::{DType, Dim, Literal, Scalar, Shape, TensorType};

pub use cholesky::*;
pub use eigen::*;
pub use linear::*;
pub use lu::*;
pub use qr::*;
pub use svd::*;
pub use triangular::*;

/// The type of matrices.
pub(in crate::op) struct Matrices<'a> {
    pub(in crate::op) dtype: DType,
    pub(in crate::op) batch: &'a [Dim],
    pub(in crate::op) rows: Dim,
    pub(in crate::op) columns: Dim,
}

impl<'a> Matrices<'a> {
    /// The operand's type, which must be one of matrices of f32 or f64.
    pub(in crate::op) fn of(operands: &[&'a TensorType], operand: usize) -> Result<Matrices<'a>, TypeError> {
        let ty = operands[operand];
        let dtype = ty.dtype;
        if !matches!(dtype, DType::F32 | DType::F64) {
            let reason = format!("operand {operand} must be f32 or f64, found {dtype}; cast it");
            return Err(TypeError::Other(reason));
        }
        match ty.shape.dims() {
            [batch @ .., rows, columns] => Ok(Matrices { dtype, batch, rows: *rows, columns: *columns }),
            _ => Err(TypeError::Other(format!("operand {operand} must have rows and columns, found {ty}"))),
        }
    }

    /// The operand's type, which must be one of square matrices of f32 or f64.
    pub(in crate::op) fn square(
        operands: &[&'a TensorType],
        operand: usize,
    ) -> Result<Matrices<'a>, TypeError> {
        let matrices = Matrices::of(operands, operand)?;
        if matrices.rows == matrices.columns {
            return Ok(matrices);
        }
        let found = operands[operand];
        Err(TypeError::Other(format!("operand {operand} must have as many rows as columns, found {found}")))
    }

    /// The lesser of the numbers of rows and columns.
    pub(in crate::op) fn lesser(&self) -> Dim {
        if self.rows.size() < self.columns.size() { self.rows } else { self.columns }
    }

    /// A result type with the batch axes and these behind them, if it is of a possible size.
    pub(in crate::op) fn with(&self, axes: &[Dim]) -> Result<TensorType, TypeError> {
        let shape: Shape = self.batch.iter().chain(axes).copied().collect();
        rule::one(self.dtype, shape).map(|mut types| types.remove(0))
    }
}

/// Results out of the operands' matrices, one batch entry after the other.
fn per_matrix(
    operands: &[&Literal],
    results: &[TensorType],
    compute: impl Fn(&[Matrix]) -> Vec<Matrix>,
) -> Vec<Literal> {
    let shape = &operands[0].ty().shape;
    let count: usize = shape.sizes()[..shape.rank() - 2].iter().product();
    let mut elements: Vec<Vec<f64>> = vec![Vec::new(); results.len()];
    for index in 0..count {
        let matrices: Vec<Matrix> = operands.iter().map(|x| Matrix::at(x, index)).collect();
        for (elements, found) in elements.iter_mut().zip(compute(&matrices)) {
            elements.extend(found.into_elements());
        }
    }
    let literal = |(ty, elements): (&TensorType, Vec<f64>)| {
        Literal::from_fn(ty.clone(), |flat| Scalar::from_f64(ty.dtype, elements[flat]))
    };
    results.iter().zip(elements).map(literal).collect()
}

/// The most rows and columns of a sample: evaluating takes the cube.
const MOST: usize = 9;

/// Drawn batch axes, rows and columns of matrices.
struct DrawnMatrices {
    dtype: DType,
    batch: Vec<usize>,
    rows: usize,
    columns: usize,
}

impl DrawnMatrices {
    fn new(draw: &mut Draw<'_>, hint: &TensorType) -> DrawnMatrices {
        let dtype = match hint.dtype {
            DType::F32 | DType::F64 => hint.dtype,
            _ => draw.choose(&[DType::F64, DType::F32]),
        };
        let sizes = hint.shape.sizes();
        let mut extent = |place: usize| {
            let extent = match sizes.len().checked_sub(place) {
                Some(axis) => sizes[axis],
                None => draw.extent(),
            };
            extent.min(MOST)
        };
        let (columns, rows) = (extent(1), extent(2));
        let batch = sizes[..sizes.len().saturating_sub(2)].to_vec();
        let few = batch.iter().product::<usize>() <= 64;
        DrawnMatrices { dtype, batch: if few { batch } else { Vec::new() }, rows, columns }
    }

    fn ty(&self, axes: &[usize]) -> TensorType {
        let shape: Shape = self.batch.iter().chain(axes).copied().collect();
        TensorType::new(self.dtype, shape)
    }

    /// Matrices whose greatest elements are on one diagonal, so that all that a factorisation asks for is there and changes smoothly.
    fn dominant(&self, rows: usize, columns: usize, turn: usize) -> Operand {
        Operand::new(self.ty(&[rows, columns]), Values::Dominant(turn))
    }
}
