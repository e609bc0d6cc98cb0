//! What derivatives of linear algebra have in common.

use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::{Builder, Value};

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

    /// `(x + x^T) / 2`.
    pub(in crate::op) fn symmetric_part(&mut self, x: Value) -> Result<Value, BuildError> {
        let turned = self.swapped(x)?;
        let sum = self.add(x, turned)?;
        self.mul_number(sum, 0.5)
    }

    /// `x + x^T`.
    pub(in crate::op) fn plus_swapped(&mut self, x: Value) -> Result<Value, BuildError> {
        let turned = self.swapped(x)?;
        self.add(x, turned)
    }

    /// The lower triangle with its diagonal halved.
    pub(in crate::op) fn half_triangle(&mut self, x: Value) -> Result<Value, BuildError> {
        let (lower, strictly) = (self.tril(x, 0)?, self.tril(x, -1)?);
        let sum = self.add(lower, strictly)?;
        self.mul_number(sum, 0.5)
    }

    /// `x diag(s)`.
    pub(in crate::op) fn scale_columns(&mut self, x: Value, s: Value) -> Result<Value, BuildError> {
        let shape = self.shape(x);
        let s = self.spread(s, &[shape.rank() - 2], &shape)?;
        self.mul(x, s)
    }

    /// `diag(s) x`.
    pub(in crate::op) fn scale_rows(&mut self, x: Value, s: Value) -> Result<Value, BuildError> {
        let shape = self.shape(x);
        let s = self.spread(s, &[shape.rank() - 1], &shape)?;
        self.mul(x, s)
    }

    /// `1 / x`, and 0 where `x` is 0.
    pub(in crate::op) fn safe_inverse(&mut self, x: Value) -> Result<Value, BuildError> {
        let one = self.full_like(1.0, x)?;
        self.divide_no_nan(one, x)
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
