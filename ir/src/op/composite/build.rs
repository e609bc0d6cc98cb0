//! What the definitions of composites have in common: arithmetic with numbers, folds whose result is spread back over
//! the operand, wide arithmetic for half-precision operands, masks of indices.

use smallvec::SmallVec;

use crate::builder::BuildError;
use crate::op::attribute::{Axes, Offsets};
use crate::op::primitive::{CompareFn, ReduceKind};
use crate::op::{TypeError, rule};
use crate::{Builder, DType, Dim, Scalar, Shape, TensorType, Value, word_attribute};

word_attribute! {
    /// What becomes of the axes that a reduction folds.
    pub enum Dims {
        /// They disappear.
        Drop = "drop",
        /// They stay, with extent 1.
        Keep = "keep",
    }
}

/// What arithmetic on `dtype` is done in: f32 for the half-precision floats, else the dtype itself.
pub(in crate::op) fn wide_dtype(dtype: DType) -> DType {
    match dtype {
        DType::F16 | DType::BF16 => DType::F32,
        other => other,
    }
}

/// The narrowest signed dtype that indexes up to `extent` fit in.
pub(in crate::op) fn index_dtype(extent: usize) -> DType {
    if i32::try_from(extent).is_ok() { DType::I32 } else { DType::I64 }
}

/// Axes of a shape of `rank` that are not in `axes`, ascending.
pub(in crate::op) fn other_axes(rank: usize, axes: &[usize]) -> Axes {
    (0..rank).filter(|axis| !axes.contains(axis)).collect()
}

/// How many elements are folded into one.
pub(in crate::op) fn fold_count(shape: &Shape, axes: &[usize]) -> f64 {
    axes.iter().map(|&axis| shape.size(axis) as f64).product()
}

/// Conversions.
impl Builder {
    /// `x` in `dtype`; no node if it is already.
    pub(in crate::op) fn convert(&mut self, x: Value, dtype: DType) -> Result<Value, BuildError> {
        if self.tensor(x).dtype == dtype { Ok(x) } else { self.cast(x, dtype) }
    }

    /// `x` in the dtype that its arithmetic is done in.
    pub(in crate::op) fn widen(&mut self, x: Value) -> Result<Value, BuildError> {
        let dtype = wide_dtype(self.tensor(x).dtype);
        self.convert(x, dtype)
    }

    /// All of `xs` in the dtype that their arithmetic is done in.
    pub(in crate::op) fn widen_all(&mut self, xs: &[Value]) -> Result<SmallVec<[Value; 4]>, BuildError> {
        xs.iter().map(|&x| self.widen(x)).collect()
    }
}

/// Arithmetic with a number, which becomes a broadcast constant of the dtype of `x`.
impl Builder {
    /// `x + number`.
    pub(in crate::op) fn add_number(&mut self, x: Value, number: f64) -> Result<Value, BuildError> {
        let number = self.full_like(number, x)?;
        self.add(x, number)
    }

    /// `x * number`.
    pub(in crate::op) fn mul_number(&mut self, x: Value, number: f64) -> Result<Value, BuildError> {
        let number = self.full_like(number, x)?;
        self.mul(x, number)
    }

    /// `x / number`.
    pub(in crate::op) fn div_number(&mut self, x: Value, number: f64) -> Result<Value, BuildError> {
        let number = self.full_like(number, x)?;
        self.div(x, number)
    }

    /// The greater of `x` and `number`; NaN stays.
    pub(in crate::op) fn at_least(&mut self, x: Value, number: f64) -> Result<Value, BuildError> {
        let number = self.full_like(number, x)?;
        self.maximum(x, number)
    }

    /// The lesser of `x` and `number`; NaN stays.
    pub(in crate::op) fn at_most(&mut self, x: Value, number: f64) -> Result<Value, BuildError> {
        let number = self.full_like(number, x)?;
        self.minimum(x, number)
    }

    /// `x` with the greatest finite magnitude in place of infinity.
    pub(in crate::op) fn bounded_by_finite(&mut self, x: Value) -> Result<Value, BuildError> {
        if self.tensor(x).dtype.is_complex() {
            let (re, im) = (self.real(x)?, self.imag(x)?);
            let (re, im) = (self.bounded_by_finite(re)?, self.bounded_by_finite(im)?);
            return self.complex(re, im);
        }
        let most = match self.tensor(x).dtype {
            DType::F64 => f64::MAX,
            DType::F16 => f64::from(half::f16::MAX),
            DType::BF16 => f64::from(half::bf16::MAX),
            _ => f64::from(f32::MAX),
        };
        let x = self.at_most(x, most)?;
        self.at_least(x, -most)
    }

    /// `number - x`.
    pub(in crate::op) fn number_minus(&mut self, number: f64, x: Value) -> Result<Value, BuildError> {
        let number = self.full_like(number, x)?;
        self.sub(number, x)
    }

    /// `x == number`.
    pub(in crate::op) fn equals(&mut self, x: Value, number: f64) -> Result<Value, BuildError> {
        let number = self.full_like(number, x)?;
        self.eq(x, number)
    }

    /// `x > 0`.
    pub(in crate::op) fn is_positive(&mut self, x: Value) -> Result<Value, BuildError> {
        let zero = self.full_like(0.0, x)?;
        self.gt(x, zero)
    }

    /// `number` where `predicate` holds, else `x`.
    pub(in crate::op) fn number_where(
        &mut self,
        predicate: Value,
        number: f64,
        x: Value,
    ) -> Result<Value, BuildError> {
        let number = self.full_like(number, x)?;
        self.select(predicate, number, x)
    }

    /// `x` where `predicate` holds, else the zero of its dtype.
    pub(in crate::op) fn zero_unless(&mut self, predicate: Value, x: Value) -> Result<Value, BuildError> {
        let zero = self.full_like(0.0, x)?;
        self.select(predicate, x, zero)
    }

    /// `log(1 + exp(-|x|))`, between 0 and log 2: the part of softplus and its kin that needs care.
    pub(in crate::op) fn log1p_exp_neg_abs(&mut self, x: Value) -> Result<Value, BuildError> {
        let magnitude = self.abs(x)?;
        let below_zero = self.neg(magnitude)?;
        let exp = self.exp(below_zero)?;
        self.log1p(exp)
    }
}

/// Complex numbers.
impl Builder {
    /// The squares of the distances from 0, which are real.
    pub(in crate::op) fn squared_magnitudes(&mut self, x: Value) -> Result<Value, BuildError> {
        if !self.tensor(x).dtype.is_complex() {
            return self.mul(x, x);
        }
        let (re, im) = (self.real(x)?, self.imag(x)?);
        let squares = (self.mul(re, re)?, self.mul(im, im)?);
        self.add(squares.0, squares.1)
    }

    /// `x / y`, and 0 where `y` is 0: as [`divide_no_nan`](Builder::divide_no_nan), of complex numbers too.
    pub(in crate::op) fn quotient_or_zero(&mut self, x: Value, y: Value) -> Result<Value, BuildError> {
        if !self.tensor(y).dtype.is_complex() {
            return self.divide_no_nan(x, y);
        }
        let zero = self.equals(y, 0.0)?;
        let divisor = self.number_where(zero, 1.0, y)?;
        let quotient = self.div(x, divisor)?;
        self.number_where(zero, 0.0, quotient)
    }
}

/// Folds.
impl Builder {
    /// The sum along `axes`, which disappear.
    pub(in crate::op) fn sum_over(&mut self, x: Value, axes: &[usize]) -> Result<Value, BuildError> {
        self.reduce(x, ReduceKind::Sum, axes)
    }

    /// The mean along `axes`, which disappear.
    pub(in crate::op) fn mean_over(&mut self, x: Value, axes: &[usize]) -> Result<Value, BuildError> {
        let count = fold_count(&self.shape(x), axes);
        let sum = self.sum_over(x, axes)?;
        self.div_number(sum, count)
    }

    /// A fold of a tensor of `shape` along `axes`, repeated along them.
    pub(in crate::op) fn spread(
        &mut self,
        fold: Value,
        axes: &[usize],
        shape: &Shape,
    ) -> Result<Value, BuildError> {
        self.broadcast_in_dim(fold, shape.clone(), other_axes(shape.rank(), axes))
    }

    /// The fold of `x` along `axes`, repeated along them: a tensor of the shape of `x`.
    pub(in crate::op) fn fold_like(
        &mut self,
        kind: ReduceKind,
        x: Value,
        axes: &[usize],
    ) -> Result<Value, BuildError> {
        let shape = self.shape(x);
        let fold = self.reduce(x, kind, axes)?;
        self.spread(fold, axes, &shape)
    }

    /// `x` less its mean along `axes`.
    pub(in crate::op) fn centre(&mut self, x: Value, axes: &[usize]) -> Result<Value, BuildError> {
        let shape = self.shape(x);
        let mean = self.mean_over(x, axes)?;
        let mean = self.spread(mean, axes, &shape)?;
        self.sub(x, mean)
    }

    /// A fold of a tensor of `shape` along `axes`, with these axes as `dims` says.
    pub(in crate::op) fn shape_fold(
        &mut self,
        fold: Value,
        axes: &[usize],
        dims: Dims,
        shape: &Shape,
    ) -> Result<Value, BuildError> {
        match dims {
            Dims::Keep if !axes.is_empty() => self.reshape(fold, shape.with_ones_at(axes)),
            _ => Ok(fold),
        }
    }

    /// `exp(x - max)` along `axes`, and the maximum, as a constant to differentiation: its choice changes nothing. Where it is infinite
    /// it is 0 instead: there is nothing to gain, and infinity minus infinity to lose.
    pub(in crate::op) fn exp_less_max(
        &mut self,
        x: Value,
        axes: &[usize],
    ) -> Result<(Value, Value), BuildError> {
        let shape = self.shape(x);
        let max = self.reduce(x, ReduceKind::Max, axes)?;
        let finite = self.is_finite(max)?;
        let max = self.zero_unless(finite, max)?;
        let max = self.stop_gradient(max)?;
        let spread = self.spread(max, axes, &shape)?;
        let shifted = self.sub(x, spread)?;
        Ok((self.exp(shifted)?, max))
    }

    /// `log(sum(exp(x)))` along `axes`, which disappear.
    pub(in crate::op) fn log_sum_exp_over(&mut self, x: Value, axes: &[usize]) -> Result<Value, BuildError> {
        let (exp, max) = self.exp_less_max(x, axes)?;
        let sum = self.sum_over(exp, axes)?;
        let log = self.log(sum)?;
        self.add(log, max)
    }
}

/// Sections.
impl Builder {
    /// Elements `start..limit` of `axis`.
    pub(in crate::op) fn section(
        &mut self,
        x: Value,
        axis: usize,
        start: usize,
        limit: usize,
    ) -> Result<Value, BuildError> {
        let shape = self.shape(x);
        if (start, limit) == (0, shape.size(axis)) {
            return Ok(x);
        }
        let mut starts = Offsets::from_elem(0, shape.rank());
        let mut limits: Offsets = shape.sizes().iter().map(|&n| n as i64).collect();
        (starts[axis], limits[axis]) = (start as i64, limit as i64);
        self.slice(x, starts, limits, Offsets::from_elem(1, shape.rank()))
    }

    /// The first `length` elements of a diagonal of the last two axes, as the last axis. It starts at `row`, `column` and
    /// must end inside. The two axes become one, in which its elements are a fixed distance apart, so that nothing
    /// else is looked at.
    pub(in crate::op) fn diagonal_of_last(
        &mut self,
        x: Value,
        row: usize,
        column: usize,
        length: usize,
    ) -> Result<Value, BuildError> {
        let shape = self.shape(x);
        let rank = shape.rank() - 1;
        let width = shape.size(rank);
        let flat = rule::product(&shape[rank - 1..]).unwrap_or(Dim::known(usize::MAX));
        let flat_shape: Shape = shape[..rank - 1].iter().copied().chain([flat]).collect();
        let flat = self.reshape(x, flat_shape.clone())?;
        let start = row * width + column;
        let limit = if length == 0 { start } else { start + (length - 1) * (width + 1) + 1 };
        let mut starts = Offsets::from_elem(0, rank);
        let mut limits: Offsets = flat_shape.sizes().iter().map(|&n| n as i64).collect();
        let mut strides = Offsets::from_elem(1, rank);
        (starts[rank - 1], limits[rank - 1]) = (start as i64, limit as i64);
        strides[rank - 1] = width as i64 + 1;
        self.slice(flat, starts, limits, strides)
    }
}

/// Index arithmetic.
impl Builder {
    /// For each element of the matrices (the last two axes) of `shape` how the number of its diagonal, column minus row,
    /// compares with `diagonal`.
    pub(in crate::op) fn diagonal_mask(
        &mut self,
        shape: &Shape,
        compare: CompareFn,
        diagonal: i64,
    ) -> Result<Value, TypeError> {
        rule::one(DType::Bool, shape.clone())?;
        let (row_axis, column_axis) = (shape.rank() - 2, shape.rank() - 1);
        let (rows, columns) = (shape.size(row_axis), shape.size(column_axis));
        let dtype = index_dtype(rows.max(columns));
        let row = self.iota(dtype, shape.clone(), row_axis)?;
        let column = self.iota(dtype, shape.clone(), column_axis)?;
        let number = self.sub(column, row)?;
        // Beyond the corners all diagonals compare alike.
        let bound = i128::from(diagonal).clamp(-(rows as i128), columns as i128);
        let bound = self.full(Scalar::from_i128(dtype, bound), shape)?;
        Ok(self.push_one(compare, &[number, bound])?)
    }

    /// TensorType of a value, by copy.
    pub(in crate::op) fn type_of(&self, x: Value) -> TensorType {
        self.tensor(x).clone()
    }
}
