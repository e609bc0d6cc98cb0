//! Sorting and searching.

use tensorwright_ir::DType;
use tensorwright_ir::op::composite::Argsort;
use tensorwright_ir::op::primitive::{ArgKind, ArgReduce, Sort, TopK};

use super::attribute::IntoAttribute;
use super::ranked::{all_with_ranks, one_with_ranks, two_with_ranks};
use crate::error::{CallSite, caller};
use crate::tensor::Tensor;

/// Sorting and searching.
impl Tensor {
    /// The elements along `axis` in ascending order, NaN last; stable.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([3i32, 1, 2]);
    /// assert_eq!(x.sort(0).to_vec::<i32>()?, [1, 2, 3]);
    /// assert_eq!(x.argsort(0).to_vec::<i32>()?, [1, 2, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn sort(&self, axis: impl IntoAttribute<usize>) -> Tensor {
        one_with_ranks("sort", &[self], caller(), |ranks| {
            let axis = axis.into_attribute("axis", ranks.of("axis"))?;
            Ok(Sort { axis, keys: 1, descending: false }.into())
        })
    }

    /// The elements along `axis` in descending order, NaN first; stable.
    ///
    /// `T[s] -> T[s]`, any dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([3, 1, 2]);
    /// assert_eq!(x.sort_descending(0).to_vec::<i32>()?, [3, 2, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn sort_descending(&self, axis: impl IntoAttribute<usize>) -> Tensor {
        one_with_ranks("sort_descending", &[self], caller(), |ranks| {
            let axis = axis.into_attribute("axis", ranks.of("axis"))?;
            Ok(Sort { axis, keys: 1, descending: true }.into())
        })
    }

    /// For each place along `axis` the i32 index of the element that [`Tensor::sort`] puts there.
    ///
    /// `T[s] -> i32[s]`, any dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([3, 1, 2]);
    /// assert_eq!(x.argsort(0).to_vec::<i32>()?, [1, 2, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn argsort(&self, axis: impl IntoAttribute<usize>) -> Tensor {
        one_with_ranks("argsort", &[self], caller(), |ranks| {
            let axis = axis.into_attribute("axis", ranks.of("axis"))?;
            Ok(Argsort { axis, descending: false, dtype: DType::I32 }.into())
        })
    }

    /// All tensors, which have one shape, sorted along `axis` by the first `keys` of them; stable. If they do
    /// not fit together, each result carries the error.
    ///
    /// `T[s], U[s], .. -> T[s], U[s], ..`, any dtypes.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let (names, ages) = (Tensor::from([10, 11, 12]), Tensor::from([41, 23, 35]));
    /// let sorted = Tensor::sort_together(&[ages, names], 0, 1, false);
    /// assert_eq!(sorted[1].to_vec::<i32>()?, [11, 12, 10]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("lexsort", "sort_by_key"))]
    #[track_caller]
    pub fn sort_together<T: AsRef<Tensor>>(
        xs: &[T],
        axis: impl IntoAttribute<usize>,
        keys: usize,
        descending: bool,
    ) -> Vec<Tensor> {
        let operands: Vec<&Tensor> = xs.iter().map(AsRef::as_ref).collect();
        all_with_ranks("sort_together", &operands, xs.len(), caller(), |ranks| {
            let axis = axis.into_attribute("axis", ranks.of("axis"))?;
            Ok(Sort { axis, keys, descending }.into())
        })
    }

    /// The `k` greatest elements along `axis`, greatest first, and their i32 indices.
    ///
    /// `T[.., n, ..] -> T[.., k, ..], i32[.., k, ..]`, any dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([3, 1, 2]);
    /// let (greatest, places) = x.top_k(2, 0);
    /// assert_eq!((greatest.to_vec::<i32>()?, places.to_vec::<i32>()?), (vec![3, 2], vec![0, 2]));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "topk")]
    #[track_caller]
    pub fn top_k(&self, k: usize, axis: impl IntoAttribute<usize>) -> (Tensor, Tensor) {
        two_with_ranks("top_k", &[self], caller(), |ranks| {
            Ok(TopK { k, axis: axis.into_attribute("axis", ranks.of("axis"))? }.into())
        })
    }

    /// The i32 index of the first greatest element along `axis`, which disappears; the first NaN wins.
    ///
    /// `T[.., n, ..] -> i32[.., ..]`, any dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([3, 1, 2]);
    /// assert_eq!(x.argmax(0).item::<i32>()?, 0);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn argmax(&self, axis: impl IntoAttribute<usize>) -> Tensor {
        self.arg_reduce("argmax", ArgKind::Max, axis, caller())
    }

    /// The i32 index of the first least element along `axis`, which disappears; the first NaN wins.
    ///
    /// `T[.., n, ..] -> i32[.., ..]`, any dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([3, 1, 2]);
    /// assert_eq!(x.argmin(0).item::<i32>()?, 1);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn argmin(&self, axis: impl IntoAttribute<usize>) -> Tensor {
        self.arg_reduce("argmin", ArgKind::Min, axis, caller())
    }

    fn arg_reduce(
        &self,
        name: &'static str,
        kind: ArgKind,
        axis: impl IntoAttribute<usize>,
        at: CallSite,
    ) -> Tensor {
        one_with_ranks(name, &[self], at, |ranks| {
            let axis = axis.into_attribute("axis", ranks.of("axis"))?;
            Ok(ArgReduce { kind, axis, dtype: DType::I32 }.into())
        })
    }
}
