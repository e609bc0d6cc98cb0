//! Norms and condition numbers of matrices.

use smallvec::smallvec;

use super::{matrices_type, sample_matrices, size, square_type};
use crate::builder::BuildError;
use crate::op::composite::{Dims, NormOrder};
use crate::op::primitive::ReduceKind;
use crate::op::sample::Draw;
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError};
use crate::{Builder, TensorType, Value, attributes, word_attribute};

word_attribute! {
    /// Which norm of a matrix.
    pub enum MatrixOrder {
        /// Frobenius': the root of the sum of squares.
        Frobenius = "frobenius",
        /// The sum of singular values.
        Nuclear = "nuclear",
        /// The greatest singular value.
        Spectral = "spectral",
        /// The least singular value, which is no norm.
        LeastSingular = "least_singular",
        /// The greatest sum of magnitudes of a column.
        One = "one",
        /// The greatest sum of magnitudes of a row.
        Infinity = "infinity",
    }
}

attributes! {
    /// A norm of matrices: `T[.., m, n] -> R[..]`, real; 0 for matrices without elements.
    pub struct MatrixNorm {
        /// Which norm.
        pub order: MatrixOrder,
    }
}

impl CompositeDef for MatrixNorm {
    const NAME: &'static str = "matrix_norm";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = matrices_type(b, x, 0)?;
        let axis = ty.rank() - 2;
        let (m, n) = size(&ty.shape);
        let order = if m.min(n) == 0 { MatrixOrder::Frobenius } else { self.order };
        Ok(smallvec![norm(b, x[0], order, axis)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<MatrixNorm> {
        let order = draw.choose(MatrixOrder::ALL);
        let (_, x) = sample_matrices(draw, hint, |m, n| (m, n));
        Sample::epsilons(MatrixNorm { order }, 64, [x])
    }
}

/// The norm of matrices with elements, whose rows are that axis.
fn norm(b: &mut Builder, x: Value, order: MatrixOrder, axis: usize) -> Result<Value, BuildError> {
    let of_singular = |b: &mut Builder, kind| {
        let s = b.svdvals(x)?;
        b.reduce(s, kind, [axis])
    };
    let greatest_sum = |b: &mut Builder, summed: usize| {
        let magnitudes = b.abs(x)?;
        let sums = b.sum_over(magnitudes, &[summed])?;
        b.reduce(sums, ReduceKind::Max, [axis])
    };
    match order {
        MatrixOrder::Frobenius => b.norm(x, NormOrder::L2, [axis, axis + 1], Dims::Drop),
        MatrixOrder::Nuclear => of_singular(b, ReduceKind::Sum),
        MatrixOrder::Spectral => of_singular(b, ReduceKind::Max),
        MatrixOrder::LeastSingular => of_singular(b, ReduceKind::Min),
        MatrixOrder::One => greatest_sum(b, axis),
        MatrixOrder::Infinity => greatest_sum(b, axis + 1),
    }
}

attributes! {
    /// The condition number: `T[.., m, n] -> R[..]`, real.
    ///
    /// The norm of the matrix times that of its inverse, which must exist for most norms; for the spectral one the greatest singular value divided by the
    /// least, of matrices of any shape.
    pub struct ConditionNumber {
        /// In which norm.
        pub order: MatrixOrder,
    }
}

impl CompositeDef for ConditionNumber {
    const NAME: &'static str = "condition_number";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let norm = |b: &mut Builder, x: Value, order| b.push_one(MatrixNorm { order }, &[x]);
        if matches!(self.order, MatrixOrder::Spectral | MatrixOrder::LeastSingular) {
            matrices_type(b, x, 0)?;
            let (greatest, least) =
                (norm(b, x[0], MatrixOrder::Spectral)?, norm(b, x[0], MatrixOrder::LeastSingular)?);
            let (over, under) =
                if self.order == MatrixOrder::Spectral { (greatest, least) } else { (least, greatest) };
            return Ok(smallvec![b.div(over, under)?]);
        }
        square_type(b, x, 0)?;
        let inverse = b.inverse(x[0])?;
        let (one, other) = (norm(b, x[0], self.order)?, norm(b, inverse, self.order)?);
        Ok(smallvec![b.mul(one, other)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<ConditionNumber> {
        let order = draw.choose(MatrixOrder::ALL);
        let (_, x) = sample_matrices(draw, hint, |_, n| (n, n));
        Sample::epsilons(ConditionNumber { order }, 256, [x])
    }
}
