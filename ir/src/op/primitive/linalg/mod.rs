//! Linear algebra: ops on the matrices of the last two axes, one by one; axes before them are batch axes.
//!
//! Operands are f32, f64, c64 or c128; `x^H` is the conjugate transpose, which is the transpose of a real matrix. The evaluator computes in double
//! precision by the algorithms of textbooks (`plain`, `spectrum`, `general`). Unless an op says
//! otherwise, a matrix with an element that is not finite gives NaN everywhere, and so does one that lacks what is asked for; other
//! matrices of the batch do not notice. What factors leave open is settled: elements on the diagonals of
//! triangular factors are real and not negative, eigenvalues ascend, singular values descend, and the first component of about the greatest magnitude of an
//! eigenvector or a left singular vector is real and positive.
//!
//! Cotangents of complex matrices have the convention of [`derivative`](crate::op::derivative): rules of factors that are not differentiable in the complex sense
//! work with their conjugates, which are gradients for the real inner product `Re(tr(g^H x'))`, and so have adjoints where papers have transposes.

mod build;
mod cholesky;
mod direction;
mod eigen;
mod general;
mod general_eigen;
mod linear;
mod lu;
mod pairs;
mod plain;
mod qr;
mod spectrum;
mod svd;
mod triangular;

use self::plain::{Matrix, Number};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{TypeError, rule};
use crate::{DType, Dim, Literal, Shape, TensorType};

pub use cholesky::*;
pub use eigen::*;
pub use general_eigen::*;
pub use linear::*;
pub use lu::*;
pub use pairs::*;
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
    /// The operand's type, which must be one of matrices of f32, f64, c64 or c128.
    pub(in crate::op) fn of(operands: &[&'a TensorType], operand: usize) -> Result<Matrices<'a>, TypeError> {
        let ty = operands[operand];
        let dtype = ty.dtype;
        if !has_matrices(dtype) {
            let reason = format!("operand {operand} must be f32, f64, c64 or c128, found {dtype}; cast it");
            return Err(TypeError::Other(reason));
        }
        match ty.shape.dims() {
            [batch @ .., rows, columns] => Ok(Matrices { dtype, batch, rows: *rows, columns: *columns }),
            _ => Err(TypeError::Other(format!("operand {operand} must have rows and columns, found {ty}"))),
        }
    }

    /// The operand's type, which must be one of square matrices of these.
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
        self.with_dtype(self.dtype, axes)
    }

    /// As [`Matrices::with`], of real numbers.
    pub(in crate::op) fn real_with(&self, axes: &[Dim]) -> Result<TensorType, TypeError> {
        self.with_dtype(self.dtype.part(), axes)
    }

    /// As [`Matrices::with`], of complex numbers.
    pub(in crate::op) fn complex_with(&self, axes: &[Dim]) -> Result<TensorType, TypeError> {
        self.with_dtype(complex_dtype(self.dtype).expect("matrices have a complex dtype"), axes)
    }

    fn with_dtype(&self, dtype: DType, axes: &[Dim]) -> Result<TensorType, TypeError> {
        let shape: Shape = self.batch.iter().chain(axes).copied().collect();
        rule::one(dtype, shape).map(|mut types| types.remove(0))
    }
}

/// Whether linear algebra takes matrices of this dtype.
pub(in crate::op) fn has_matrices(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64 | DType::C64 | DType::C128)
}

/// Results out of the operands' matrices, one batch entry after the other: an expression of real or of complex matrices, whatever the first
/// operand holds.
macro_rules! per_matrix {
    ($operands:expr, $results:expr, |$x:ident| $compute:expr) => {{
        let (operands, results): (&[&$crate::Literal], &[$crate::TensorType]) = ($operands, $results);
        match operands[0].ty().dtype.is_complex() {
            true => $crate::op::primitive::linalg::each_matrix::<$crate::op::primitive::linalg::plain::C>(
                operands,
                results,
                |$x| $compute,
            ),
            false => $crate::op::primitive::linalg::each_matrix::<f64>(operands, results, |$x| $compute),
        }
    }};
}
use per_matrix;

/// Results out of the operands' matrices of such numbers, one batch entry after the other.
fn each_matrix<T: Number>(
    operands: &[&Literal],
    results: &[TensorType],
    compute: impl Fn(&[Matrix<T>]) -> Vec<Matrix<T>>,
) -> Vec<Literal> {
    let shape = &operands[0].ty().shape;
    let count: usize = shape.sizes()[..shape.rank() - 2].iter().product();
    let mut elements: Vec<Vec<T>> = vec![Vec::new(); results.len()];
    for index in 0..count {
        let matrices: Vec<Matrix<T>> = operands.iter().map(|x| Matrix::at(x, index)).collect();
        for (elements, found) in elements.iter_mut().zip(compute(&matrices)) {
            elements.extend(found.into_elements());
        }
    }
    let literal = |(ty, elements): (&TensorType, Vec<T>)| {
        Literal::from_fn(ty.clone(), |flat| elements[flat].to_scalar(ty.dtype))
    };
    results.iter().zip(elements).map(literal).collect()
}

/// The most rows and columns of a sample: evaluating takes the cube.
const MOST: usize = 9;

/// The complex dtype with the same parts; `None` if there is none.
fn complex_dtype(dtype: DType) -> Option<DType> {
    [DType::C64, DType::C128].into_iter().find(|complex| complex.part() == dtype.part())
}

/// The hint's dtype, if matrices may have it.
pub(in crate::op) fn drawn_dtype(draw: &mut Draw<'_>, hint: &TensorType) -> DType {
    if has_matrices(hint.dtype) { hint.dtype } else { draw.choose(&[DType::F64, DType::F32]) }
}

/// Drawn batch axes, rows and columns of matrices.
struct DrawnMatrices {
    dtype: DType,
    batch: Vec<usize>,
    rows: usize,
    columns: usize,
}

impl DrawnMatrices {
    fn new(draw: &mut Draw<'_>, hint: &TensorType) -> DrawnMatrices {
        let dtype = drawn_dtype(draw, hint);
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
