//! Ops whose results are as large as data decide: exactly so, or in a size that bounds them.

use std::borrow::Borrow;
use std::sync::Arc;

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::composite::{Compress, Nonzero, RepeatEach, Unique as UniqueOp};
use tensorwright_ir::{Op, Scalar};

use super::attribute::IntoAttribute;
use super::operand::{Operand, alone, beside, fit};
use super::ranked::two_with_ranks;
use super::refusal::refused;
use crate::error::{CallSite, Error, Failure, Result, caller};
use crate::interpret::apply;
use crate::interpret::size::size;
use crate::tensor::Tensor;

/// The distinct elements of a tensor, of [`Tensor::unique`].
#[derive(Clone)]
pub struct Unique {
    /// `T[n]`, ascending: the elements.
    pub elements: Tensor,
    /// `i64[n]`: the row-major number of the first of each.
    pub first: Tensor,
    /// `i64[s]`: for each element of the tensor its place among the distinct ones.
    pub inverse: Tensor,
    /// `i64[n]`: how often each occurs.
    pub counts: Tensor,
    /// `i64[]`: how many there are.
    pub count: Tensor,
}

/// Sizes that data decide.
///
/// How large these results are depends on elements. Outside of a traced function that is no question. A traced function is *cut* there: what it has
/// traced is compiled and run, and tracing goes on with the size, so that a signature has a graph before the cut and one behind it for each
/// size (see [`SizeRounding`](crate::SizeRounding)). In branches and loops, and under `vmap`, there is no such thing: there the forms `within` a size that is known
/// give as much as fits, what is asked for behind it, and how much there is.
impl Tensor {
    /// The number, an integer of rank 0, as a size, for shapes and bounds: its value, which decides what comes next.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    ///
    /// let f = function(|n: Tensor| Ok(Tensor::ones([n.to_size()?], DType::F32)));
    /// assert_eq!(f.call(3)?.to_vec::<f32>()?, [1.0; 3]);
    /// assert_eq!(f.call(1)?.to_vec::<f32>()?, [1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// When it is no integer of rank 0 or less than 0; in a branch or loop of a traced function, and under `vmap`, when it is computed there.
    #[track_caller]
    pub fn to_size(&self) -> Result<usize> {
        let at = caller();
        let ty = self.ty()?;
        if !ty.dtype.is_int() || ty.rank() != 0 {
            let message = format!("a size is an integer of rank 0, found {ty}");
            let source = TypeError::Other(message);
            return Err(Error::refused(at, "to_size", [ty.clone().into()], source));
        }
        size(self, at).map_err(Arc::unwrap_or_clone)
    }

    /// Where the elements are not zero, row-major: an index vector for each.
    ///
    /// `T[s] -> i64[n, rank]`, any dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[3, 0], [0, 4]]);
    /// assert_eq!(x.nonzero().to_vec::<i64>()?, [0, 0, 1, 1]);
    /// let f = function(|x: Tensor| x.nonzero());
    /// assert_eq!(f.call([5, 0, 7])?.shape()?, &[2, 1].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("argwhere", "flatnonzero", "where"))]
    #[track_caller]
    pub fn nonzero(&self) -> Tensor {
        self.nonzero_from(caller())
    }

    pub(super) fn nonzero_from(&self, at: CallSite) -> Tensor {
        exact(at, |size| self.nonzero_at(size, Scalar::I64(0), at))
    }

    /// As [`Tensor::nonzero`], in `size` rows: those behind the last are `fill` everywhere. The second result, `i64[]`, is how many elements are not
    /// zero, which may be more.
    ///
    /// `T[s] -> i64[size, rank], i64[]`, any dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let (places, count) = Tensor::from([0, 5, 7]).nonzero_within(3, -1);
    /// assert_eq!(places.to_vec::<i64>()?, [1, 2, -1]);
    /// assert_eq!(count.item::<i64>()?, 2);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn nonzero_within(&self, size: usize, fill: i64) -> (Tensor, Tensor) {
        self.nonzero_at(size, Scalar::I64(fill), caller())
    }

    fn nonzero_at(&self, size: usize, fill: Scalar, at: CallSite) -> (Tensor, Tensor) {
        two_with_ranks("nonzero", &[self], at, |_| Ok(Nonzero { size, fill }.into()))
    }

    /// The slices along `axis` where `mask`, a vector with a bool for each of them, is true.
    ///
    /// `T[a.., n, b..], bool[n] -> T[a.., m, b..]`, any dtype. `x.i(&mask)` takes masks of several axes.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    /// assert_eq!(x.compress([true, false, true], 0).to_vec::<f32>()?, [1.0, 2.0, 5.0, 6.0]);
    /// // The rows that sum to more than 5, and their gradient.
    /// let f = |x: Tensor| x.compress(x.sum(1).gt(5.0), 0).square().sum(..);
    /// assert_eq!(grad(f).call(&x)?.to_vec::<f32>()?, [0.0, 0.0, 6.0, 8.0, 10.0, 12.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("boolean_mask", "masked_select", "filter"))]
    #[track_caller]
    pub fn compress(&self, mask: impl Operand, axis: impl IntoAttribute<usize>) -> Tensor {
        let at = caller();
        let mask = alone(mask, "compress", at);
        let axis = self.axis("compress", axis, at);
        exact(at, |size| self.compress_at(mask.borrow(), &axis, size, None, at))
    }

    /// As [`Tensor::compress`], in `size` slices: those behind the last are `fill` everywhere. The second result, `i64[]`, is how many there are, which may be
    /// more.
    ///
    /// `T[a.., n, b..], bool[n] -> T[a.., size, b..], i64[]`, any dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]);
    /// let (slices, count) = x.compress_within(x.gt(1.5), 0, 3, 0.0);
    /// assert_eq!(slices.to_vec::<f32>()?, [2.0, 3.0, 0.0]);
    /// assert_eq!(count.item::<i64>()?, 2);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn compress_within(
        &self,
        mask: impl Operand,
        axis: impl IntoAttribute<usize>,
        size: usize,
        fill: impl Into<Scalar>,
    ) -> (Tensor, Tensor) {
        let at = caller();
        let mask = alone(mask, "compress", at);
        let axis = self.axis("compress", axis, at);
        self.compress_at(mask.borrow(), &axis, size, Some(fill.into()), at)
    }

    fn compress_at(
        &self,
        mask: &Tensor,
        axis: &Result<usize, Failure>,
        size: usize,
        fill: Option<Scalar>,
        at: CallSite,
    ) -> (Tensor, Tensor) {
        let op = |fill| Ok(Compress { axis: axis.clone()?, size, fill }.into());
        pair(self.with_fill("compress", &[self, mask], fill, 2, at, op))
    }

    /// The distinct elements, ascending, with where they are and how often. All NaNs are one element, above all numbers.
    ///
    /// `T[s] -> T[n], ..`, any dtype; see [`Unique`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let unique = Tensor::from([3, 1, 3, 2]).unique();
    /// assert_eq!(unique.elements.to_vec::<i32>()?, [1, 2, 3]);
    /// assert_eq!(unique.inverse.to_vec::<i64>()?, [2, 0, 2, 1]);
    /// assert_eq!(unique.counts.to_vec::<i64>()?, [1, 1, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("unique_with_counts", "distinct"))]
    #[track_caller]
    pub fn unique(&self) -> Unique {
        let at = caller();
        let bound = match self.known_type() {
            Ok(ty) => ty.elements(),
            Err(failure) => return Unique::failed(&failure),
        };
        let all = self.unique_at(bound, None, at);
        match size(&all.count, at) {
            Ok(size) if size <= bound => all.first_of(size, at),
            // The size was rounded up.
            Ok(size) => self.unique_at(size, None, at),
            Err(failure) => Unique::failed(&failure),
        }
    }

    /// As [`Tensor::unique`], in `size` elements: behind the last is `fill`, with the first place and the count 0. There may be more.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let unique = Tensor::from([3, 1, 3]).unique_within(3, -1);
    /// assert_eq!(unique.elements.to_vec::<i32>()?, [1, 3, -1]);
    /// assert_eq!(unique.count.item::<i64>()?, 2);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn unique_within(&self, size: usize, fill: impl Into<Scalar>) -> Unique {
        self.unique_at(size, Some(fill.into()), caller())
    }

    fn unique_at(&self, size: usize, fill: Option<Scalar>, at: CallSite) -> Unique {
        let op = |fill| Ok(UniqueOp { size, fill }.into());
        let mut results = self.with_fill("unique", &[self], fill, 5, at, op).into_iter();
        let mut next = || results.next().expect("there are five results");
        Unique { elements: next(), first: next(), inverse: next(), counts: next(), count: next() }
    }

    /// Each slice along `axis` as often as its number in `repeats` says, one after the other. [`Tensor::repeat`] takes numbers that are known.
    ///
    /// `T[a.., n, b..], I[n] -> T[a.., m, b..]`, any dtype, integers. Numbers below 0 count as 0.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([7.0f32, 8.0, 9.0]);
    /// assert_eq!(x.repeat_each([2, 0, 1], 0).to_vec::<f32>()?, [7.0, 7.0, 9.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("repeat_interleave"))]
    #[track_caller]
    pub fn repeat_each(&self, repeats: impl Operand, axis: impl IntoAttribute<usize>) -> Tensor {
        let at = caller();
        let repeats = repeats.hold(&beside(self, "number", at), "repeat_each", at);
        let axis = self.axis("repeat_each", axis, at);
        exact(at, |size| self.repeat_each_at(repeats.borrow(), &axis, size, None, at))
    }

    /// As [`Tensor::repeat_each`], in `size` slices: those behind the last are `fill` everywhere. The second result, `i64[]`, is how many there are, which may
    /// be more.
    ///
    /// `T[a.., n, b..], I[n] -> T[a.., size, b..], i64[]`, any dtype, integers.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let (slices, count) = Tensor::from([7, 8]).repeat_each_within([2, 1], 0, 4, -1);
    /// assert_eq!(slices.to_vec::<i32>()?, [7, 7, 8, -1]);
    /// assert_eq!(count.item::<i64>()?, 3);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn repeat_each_within(
        &self,
        repeats: impl Operand,
        axis: impl IntoAttribute<usize>,
        size: usize,
        fill: impl Into<Scalar>,
    ) -> (Tensor, Tensor) {
        let at = caller();
        let repeats = repeats.hold(&beside(self, "number", at), "repeat_each", at);
        let axis = self.axis("repeat_each", axis, at);
        self.repeat_each_at(repeats.borrow(), &axis, size, Some(fill.into()), at)
    }

    fn repeat_each_at(
        &self,
        repeats: &Tensor,
        axis: &Result<usize, Failure>,
        size: usize,
        fill: Option<Scalar>,
        at: CallSite,
    ) -> (Tensor, Tensor) {
        let op = |fill| Ok(RepeatEach { axis: axis.clone()?, size, fill }.into());
        pair(self.with_fill("repeat_each", &[self, repeats], fill, 2, at, op))
    }

    /// The axis that a number stands for.
    fn axis(
        &self,
        op: &'static str,
        axis: impl IntoAttribute<usize>,
        at: CallSite,
    ) -> Result<usize, Failure> {
        let rank = self.known_type()?.rank();
        axis.into_attribute("axis", rank).map_err(|source| refused(op, &[self], at, source))
    }

    /// The results of an op whose fill has the dtype of this tensor: a number, or its zero. A failure is that of all results.
    fn with_fill(
        &self,
        name: &'static str,
        operands: &[&Tensor],
        fill: Option<Scalar>,
        results: usize,
        at: CallSite,
        op: impl FnOnce(Scalar) -> Result<Op, Failure>,
    ) -> Vec<Tensor> {
        let applied = || {
            let dtype = self.known_type()?.dtype;
            let literal = fill.unwrap_or(Scalar::zero(dtype));
            let fill =
                fit(literal, dtype).ok_or(Error::Literal { at: at.into(), op: name, literal, dtype })?;
            apply(op(fill)?, operands, at)
        };
        match applied() {
            Ok(results) => results.into_vec(),
            Err(failure) => vec![Tensor::failed(failure); results],
        }
    }
}

impl Unique {
    fn failed(failure: &Failure) -> Unique {
        let [elements, first, inverse, counts, count] = [(); 5].map(|()| Tensor::failed(failure.clone()));
        Unique { elements, first, inverse, counts, count }
    }

    /// That of so many elements.
    fn first_of(self, size: usize, at: CallSite) -> Unique {
        let [elements, first, counts] = [self.elements, self.first, self.counts].map(|x| x.i_at(..size, at));
        Unique { elements, first, counts, ..self }
    }
}

/// The first result of an op that is as large as it says: its second result, whatever its size.
fn exact(at: CallSite, within: impl Fn(usize) -> (Tensor, Tensor)) -> Tensor {
    match size(&within(0).1, at) {
        Ok(size) => within(size).0,
        Err(failure) => Tensor::failed(failure),
    }
}

/// The two results of an op.
fn pair(results: Vec<Tensor>) -> (Tensor, Tensor) {
    let [first, second] =
        <[Tensor; 2]>::try_from(results).unwrap_or_else(|_| unreachable!("there are two results"));
    (first, second)
}
