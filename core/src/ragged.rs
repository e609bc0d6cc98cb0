//! Rows of different lengths.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::{DType, Scalar, Type};

use crate::Tree;
use crate::error::{Error, Result, caller};
use crate::ops::{Operand, owned};
use crate::sparse::row_numbers;
use crate::tensor::Tensor;

/// Rows of different lengths: their slices one after the other, and where rows begin and end.
///
/// It is a [`Tree`]: functions take and give it. What works slice by slice works on [`Ragged::values`] and keeps the rows ([`Ragged::map`]).
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::Ragged;
///
/// let words = Ragged::from_lengths([1.0f32, 2.0, 3.0, 4.0], [3, 0, 1])?;
/// assert_eq!(words.sum().to_vec::<f32>()?, [6.0, 0.0, 4.0]);
/// assert_eq!(words.to_padded(3, -1.0f32)?.to_vec::<f32>()?, [1.0, 2.0, 3.0, -1.0, -1.0, -1.0, 4.0, -1.0, -1.0]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Tree)]
pub struct Ragged {
    /// The slices: `T[n, b..]`.
    values: Tensor,
    /// Where rows begin, and where the last one ends: `i64[rows + 1]`.
    splits: Tensor,
}

fn refused(op: &'static str, found: impl Into<Type>, message: &str) -> Error {
    Error::refused(caller(), op, [found.into()], TypeError::Other(message.to_owned()))
}

impl Ragged {
    /// Rows that begin where `splits` says, the last of which is where the last row ends: `T[n, b..]`, integers `[rows + 1]`.
    ///
    /// # Errors
    /// When the splits are no vector of integers, at least one.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// let x = Ragged::from_splits([1.0f32, 2.0, 3.0], [0, 2, 3])?;
    /// assert_eq!(x.lengths().to_vec::<i64>()?, [2, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("RaggedTensor", "row_splits", "from_row_splits"))]
    #[track_caller]
    pub fn from_splits(values: impl Operand, splits: impl Operand) -> Result<Ragged> {
        let at = caller();
        let (values, splits) =
            (owned(values, "Ragged::from_splits", at), owned(splits, "Ragged::from_splits", at));
        let (ty, own) = (splits.ty()?.clone(), values.ty()?.clone());
        if ty.rank() != 1 || !ty.dtype.is_int() || ty.shape.elements() == 0 {
            return Err(refused(
                "Ragged::from_splits",
                ty,
                "splits must be a vector of integers, at least one",
            ));
        }
        if own.rank() == 0 {
            return Err(refused("Ragged::from_splits", own, "there must be slices along an axis"));
        }
        Ok(Ragged { values, splits: splits.cast(DType::I64) })
    }

    /// Rows of these lengths: `T[n, b..]`, integers `[rows]` that add up to `n`.
    ///
    /// # Errors
    /// When the lengths are no vector of integers.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// let x = Ragged::from_lengths([1.0f32, 2.0, 3.0], [2, 1])?;
    /// assert_eq!(x.splits().to_vec::<i64>()?, [0, 2, 3]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn from_lengths(values: impl Operand, lengths: impl Operand) -> Result<Ragged> {
        let lengths = owned(lengths, "Ragged::from_lengths", caller());
        let ty = lengths.ty()?.clone();
        if ty.rank() != 1 || !ty.dtype.is_int() {
            return Err(refused("Ragged::from_lengths", ty, "lengths must be a vector of integers"));
        }
        let ends = lengths.cast(DType::I64).cumsum(0);
        Ragged::from_splits(values, Tensor::concat(&[Tensor::zeros([1], DType::I64), ends], 0))
    }

    /// The first `lengths[i]` slices of each row `i` of `x`: `T[rows, m, b..]`, integers `[rows]`. How many there are depends on values: a traced
    /// function is cut here, as by [`Tensor::compress`].
    ///
    /// # Errors
    /// When there are not as many lengths as rows.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// let x = Ragged::from_padded(&Tensor::from([[1.0f32, 2.0], [3.0, 0.0]]), [2, 1])?;
    /// assert_eq!(x.values().to_vec::<f32>()?, [1.0, 2.0, 3.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn from_padded(x: &Tensor, lengths: impl Operand) -> Result<Ragged> {
        let lengths = owned(lengths, "Ragged::from_padded", caller()).cast(DType::I64);
        let sizes = x.shape()?.sizes();
        if sizes.len() < 2 || lengths.shape()?.sizes()[..] != sizes[..1] {
            return Err(refused(
                "Ragged::from_padded",
                x.ty()?.clone(),
                "there must be a length for each row",
            ));
        }
        let lengths = lengths.clamp(0, sizes[1] as i64);
        let is_inside = Tensor::arange(sizes[1], DType::I64).lt(lengths.expand_dims(-1));
        let flat: Vec<usize> =
            std::iter::once(sizes[0] * sizes[1]).chain(sizes[2..].iter().copied()).collect();
        let kept = x.reshape(flat).compress(is_inside.reshape([sizes[0] * sizes[1]]), 0);
        Ragged::from_lengths(kept, lengths)
    }

    /// The slices of all rows: `T[n, b..]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// assert_eq!(Ragged::from_lengths([1, 2], [2, 0])?.values().to_vec::<i32>()?, [1, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// Where rows begin, and where the last one ends: `i64[rows + 1]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// assert_eq!(Ragged::from_lengths([1, 2], [2, 0])?.splits().to_vec::<i64>()?, [0, 2, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn splits(&self) -> &Tensor {
        &self.splits
    }

    /// How many rows there are.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// assert_eq!(Ragged::from_lengths([1, 2], [2, 0])?.rows(), 2);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn rows(&self) -> usize {
        self.splits.shape().map_or(0, |shape| shape.elements() - 1)
    }

    fn slices(&self) -> usize {
        self.values.shape().map_or(0, |shape| shape.sizes()[0])
    }

    /// How long each row is: `i64[rows]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// assert_eq!(Ragged::from_lengths([1, 2], [2, 0])?.lengths().to_vec::<i64>()?, [2, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn lengths(&self) -> Tensor {
        self.splits.diff(1, 0)
    }

    /// For each slice the number of its row: `i64[n]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// assert_eq!(Ragged::from_lengths([1, 2], [1, 1])?.row_numbers().to_vec::<i64>()?, [0, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "value_rowids")]
    pub fn row_numbers(&self) -> Tensor {
        row_numbers(&self.splits, self.slices())
    }

    /// Rows of the same lengths, of what `f` makes of the slices, as many.
    ///
    /// # Errors
    /// When there are not as many.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// let x = Ragged::from_lengths([1.0f32, 2.0, 3.0], [1, 2])?.map(|x| x * 2.0)?;
    /// assert_eq!(x.sum().to_vec::<f32>()?, [2.0, 10.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn map(&self, f: impl FnOnce(&Tensor) -> Tensor) -> Result<Ragged> {
        let values = f(&self.values);
        let ty = values.ty()?;
        if ty.shape.first().is_none_or(|dim| dim.size() != self.slices()) {
            return Err(refused("Ragged::map", ty.clone(), "there must be a slice for each slice"));
        }
        Ok(Ragged { values, splits: self.splits.clone() })
    }

    /// The rows in the places of a tensor, `fill` behind them: `T[rows, width, b..]`. What is longer is cut off.
    ///
    /// # Errors
    /// When the slices carry an error.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// let x = Ragged::from_lengths([1, 2, 3], [1, 2])?;
    /// assert_eq!(x.to_padded(2, 0)?.to_vec::<i32>()?, [1, 0, 2, 3]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("to_tensor", "pad_sequence"))]
    #[track_caller]
    pub fn to_padded(&self, width: usize, fill: impl Into<Scalar>) -> Result<Tensor> {
        let (rows, own) = (self.rows(), self.values.ty()?.clone());
        let fill: Scalar = fill.into();
        let shape: Vec<usize> =
            [rows, width].into_iter().chain(own.shape.sizes()[1..].iter().copied()).collect();
        if self.slices() == 0 {
            return Ok(Tensor::full(shape, fill.cast(own.dtype)));
        }
        let offsets = Tensor::arange(width, DType::I64);
        let places = self.splits.i(..rows as i64).expand_dims(-1) + &offsets;
        let mut is_inside = offsets.lt(self.lengths().expand_dims(-1));
        let slices = self.values.take(places.clamp(0, self.slices() as i64 - 1), 0);
        for _ in 1..own.rank() {
            is_inside = is_inside.expand_dims(-1);
        }
        Ok(is_inside.select(slices, Tensor::full((), fill.cast(own.dtype))))
    }

    /// The sum of each row: `T[rows, b..]`, 0 if it is empty.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// assert_eq!(Ragged::from_lengths([1.0f32, 2.0, 3.0], [1, 2])?.sum().to_vec::<f32>()?, [1.0, 5.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn sum(&self) -> Tensor {
        self.values.segment_sum(self.row_numbers(), self.rows())
    }

    /// The mean of each row: `T[rows, b..]`, floats; 0 if it is empty.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// assert_eq!(Ragged::from_lengths([1.0f32, 2.0, 3.0], [1, 2])?.mean().to_vec::<f32>()?, [1.0, 2.5]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn mean(&self) -> Tensor {
        self.values.segment_mean(self.row_numbers(), self.rows())
    }

    /// The greatest elements of each row: `T[rows, b..]`; minus infinity, or the least integer, if it is empty.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// assert_eq!(Ragged::from_lengths([1.0f32, 2.0, 3.0], [1, 2])?.max().to_vec::<f32>()?, [1.0, 3.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn max(&self) -> Tensor {
        self.values.segment_max(self.row_numbers(), self.rows())
    }

    /// The least elements of each row: `T[rows, b..]`; infinity, or the greatest integer, if it is empty.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// assert_eq!(Ragged::from_lengths([1.0f32, 2.0, 3.0], [1, 2])?.min().to_vec::<f32>()?, [1.0, 2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn min(&self) -> Tensor {
        self.values.segment_min(self.row_numbers(), self.rows())
    }

    /// `exp(x)` over its sum in the row: `T[n, b..]`, floats.
    ///
    /// # Errors
    /// When the slices carry an error.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Ragged;
    /// let x = Ragged::from_lengths([0.0f32, 5.0, 5.0], [1, 2])?.softmax()?;
    /// assert_eq!(x.values().to_vec::<f32>()?, [1.0, 0.5, 0.5]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn softmax(&self) -> Result<Ragged> {
        let rows = self.row_numbers();
        let greatest = self.max().stop_gradient();
        let exp = (&self.values - greatest.take(&rows, 0)).exp();
        let sums = exp.segment_sum(&rows, self.rows());
        self.map(|_| exp / sums.take(&rows, 0))
    }
}
