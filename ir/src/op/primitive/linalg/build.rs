//! What derivatives of linear algebra have in common.

use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::{Builder, TensorType, Value};

impl Builder {
    /// Each matrix transposed.
    pub(in crate::op) fn swapped(&mut self, x: Value) -> Result<Value, BuildError> {
        let rank = self.shape(x).rank();
        let mut permutation: Axes = (0..rank).collect();
        permutation.swap(rank - 2, rank - 1);
        self.transpose(x, permutation)
    }

    /// `x^T y`.
    pub(in crate::op) fn matmul_tn(&mut self, x: Value, y: Value) -> Result<Value, BuildError> {
        let x = self.swapped(x)?;
        self.matmul(x, y)
    }

    /// `x y^T`.
    pub(in crate::op) fn matmul_nt(&mut self, x: Value, y: Value) -> Result<Value, BuildError> {
        let y = self.swapped(y)?;
        self.matmul(x, y)
    }

    /// The complex conjugates; real numbers as they are.
    pub(in crate::op) fn conjugate(&mut self, x: Value) -> Result<Value, BuildError> {
        if self.tensor(x).dtype.is_complex() { self.conj(x) } else { Ok(x) }
    }

    /// The real parts, in the dtype of `x`.
    pub(in crate::op) fn real_alone(&mut self, x: Value) -> Result<Value, BuildError> {
        let dtype = self.tensor(x).dtype;
        if !dtype.is_complex() {
            return Ok(x);
        }
        let real = self.real(x)?;
        self.cast(real, dtype)
    }

    /// Each matrix conjugated and transposed.
    pub(in crate::op) fn adjoint(&mut self, x: Value) -> Result<Value, BuildError> {
        let x = self.conjugate(x)?;
        self.swapped(x)
    }

    /// `x^H y`.
    pub(in crate::op) fn matmul_hn(&mut self, x: Value, y: Value) -> Result<Value, BuildError> {
        let x = self.adjoint(x)?;
        self.matmul(x, y)
    }

    /// `x y^H`.
    pub(in crate::op) fn matmul_nh(&mut self, x: Value, y: Value) -> Result<Value, BuildError> {
        let y = self.adjoint(y)?;
        self.matmul(x, y)
    }

    /// `(x + x^H) / 2`.
    pub(in crate::op) fn hermitian_part(&mut self, x: Value) -> Result<Value, BuildError> {
        let sum = self.plus_adjoint(x)?;
        self.mul_number(sum, 0.5)
    }

    /// `x + x^H`.
    pub(in crate::op) fn plus_adjoint(&mut self, x: Value) -> Result<Value, BuildError> {
        let turned = self.adjoint(x)?;
        self.add(x, turned)
    }

    /// The real parts of the main diagonals, as real numbers.
    pub(in crate::op) fn real_diagonal(&mut self, x: Value) -> Result<Value, BuildError> {
        let diagonal = self.diag_part(x, 0)?;
        if self.tensor(x).dtype.is_complex() { self.real(diagonal) } else { Ok(diagonal) }
    }

    /// Matrices of the dtype of `like` with these real numbers on their diagonals.
    pub(in crate::op) fn diagonal_like(&mut self, like: Value, numbers: Value) -> Result<Value, BuildError> {
        let numbers = self.convert(numbers, self.tensor(like).dtype)?;
        self.diag(numbers, 0)
    }

    /// `i x`, of real numbers.
    pub(in crate::op) fn times_i(&mut self, x: Value) -> Result<Value, BuildError> {
        let zero = self.full_like(0.0, x)?;
        self.complex(zero, x)
    }

    /// The lower triangle with its diagonal halved.
    pub(in crate::op) fn half_triangle(&mut self, x: Value) -> Result<Value, BuildError> {
        let (lower, strictly) = (self.tril(x, 0)?, self.tril(x, -1)?);
        let sum = self.add(lower, strictly)?;
        self.mul_number(sum, 0.5)
    }

    /// `x diag(s)`, with `s` in the dtype of `x` or real.
    pub(in crate::op) fn scale_columns(&mut self, x: Value, s: Value) -> Result<Value, BuildError> {
        let TensorType { dtype, shape } = self.type_of(x);
        let s = self.convert(s, dtype)?;
        let s = self.spread(s, &[shape.rank() - 2], &shape)?;
        self.mul(x, s)
    }

    /// `diag(s) x`, with `s` in the dtype of `x` or real.
    pub(in crate::op) fn scale_rows(&mut self, x: Value, s: Value) -> Result<Value, BuildError> {
        let TensorType { dtype, shape } = self.type_of(x);
        let s = self.convert(s, dtype)?;
        let s = self.spread(s, &[shape.rank() - 1], &shape)?;
        self.mul(x, s)
    }

    /// Each element times one of a real tensor, or of one in the same dtype.
    pub(in crate::op) fn times(&mut self, x: Value, factors: Value) -> Result<Value, BuildError> {
        let factors = self.convert(factors, self.tensor(x).dtype)?;
        self.mul(x, factors)
    }

    /// `1 / x`, and 0 where `x` is 0.
    pub(in crate::op) fn safe_inverse(&mut self, x: Value) -> Result<Value, BuildError> {
        let one = self.full_like(1.0, x)?;
        self.quotient_or_zero(one, x)
    }

    /// The matrix of `1 / (x_j - x_i)`, and 0 where these are equal.
    pub(in crate::op) fn inverse_gaps(&mut self, x: Value) -> Result<Value, BuildError> {
        let shape = self.shape(x);
        let n = shape[shape.rank() - 1];
        let square = shape.dims().iter().copied().chain([n]).collect();
        let (rank, columns) = (shape.rank() + 1, x);
        let columns = self.spread(columns, &[rank - 2], &square)?;
        let rows = self.spread(x, &[rank - 1], &square)?;
        let gaps = self.sub(columns, rows)?;
        self.safe_inverse(gaps)
    }
}
