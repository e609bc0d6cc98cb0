//! `x.i((0, 1..3, .., NewAxis))`: indexing by NumPy's rules, and `x.set(index, value)`.
//!
//! - [`item`]: what stands for one axis; [`selection`]: an index resolved against a shape; [`mask`]: tensors of bool whose values are known;
//! - [`place`]: places that are computed; [`read`]: what an index picks; [`write`]: the tensor with that updated; [`update`]: its methods.

mod item;
mod mask;
mod place;
mod read;
mod selection;
mod update;
mod write;

pub use item::{Bounds, By, Ellipsis, Index, IntoIndex, IntoIndices, NewAxis, Stepped, Window, window};
pub(super) use place::{as_i64, from_start};
pub(super) use read::vectors;

use crate::error::{CallSite, Failure, caller};
use crate::tensor::Tensor;
use selection::Selection;

/// Indexing.
impl Tensor {
    /// The elements at an index: one item for each axis, from the first on; several are a tuple.
    ///
    /// | item | picks | the axis |
    /// |---|---|---|
    /// | `1`, `-1` | one element; negative numbers count from the end | disappears |
    /// | `1..3`, `..`, `-2..`, `(..).by(2)`, `(..).by(-1)` | a range, which ends where the axis does, in steps of [`By::by`] | stays |
    /// | `&j`, a scalar tensor of integers | one element, at a computed place | disappears |
    /// | [`window(&j, 3)`](crate::window) | 3 elements from a computed place on | stays |
    /// | `[2, 0]`, `&indices` | the elements that numbers or a tensor of integers name | becomes those of the tensor |
    /// | `&mask`, `[true, false]` | where it is true: how many that is may be decided by data, see [`Tensor::nonzero`] | as many as the mask has become one |
    /// | [`Ellipsis`] | as many whole axes as are left | stay |
    /// | [`NewAxis`] | nothing | a new one, of extent 1 |
    ///
    /// Several tensors broadcast and pick single places together, as in NumPy; their axes stand in front if they are not neighbours. A mask beside them
    /// stands for the places where it is true, one tensor of integers for each of its axes. Numbers out of range are errors; computed places are moved
    /// into range.
    ///
    /// ```text
    /// x = 0  1  2  3     x.i(1)       4 5 6 7     x.i((.., 1..3))   1  2     x.i(([0, 2], [3, 0]))   3 8
    ///     4  5  6  7     x.i((.., 0)) 0 4 8                         5  6
    ///     8  9 10 11     x.i((2, -1)) 11                            9 10
    /// ```
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::arange(12, DType::I32).reshape([3, 4]);
    /// assert_eq!(x.i((0, 1..3)).to_vec::<i32>()?, [1, 2]);
    /// assert_eq!(x.i((.., -1)).to_vec::<i32>()?, [3, 7, 11]);
    /// assert_eq!(x.i((Ellipsis, (..).by(-2))).i(0).to_vec::<i32>()?, [3, 1]);
    /// assert_eq!(x.i((NewAxis, 1)).shape()?, &[1, 4].into());
    /// assert_eq!(x.i(([0, 2], [3, 0])).to_vec::<i32>()?, [3, 8]);
    /// assert_eq!(x.i(x.gt(9)).to_vec::<i32>()?, [10, 11]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("get", "index", "slice", "narrow", "select", "index_axis", "strided_slice"))]
    #[doc(alias("masked_select", "boolean_mask", "compress", "extract"))]
    #[track_caller]
    pub fn i(&self, index: impl IntoIndices) -> Tensor {
        self.i_at(index, caller())
    }

    pub(crate) fn i_at(&self, index: impl IntoIndices, at: CallSite) -> Tensor {
        match self.indexed(index.into_indices(at), at) {
            Ok(tensor) => tensor,
            Err(failure) => Tensor::failed(failure),
        }
    }

    fn indexed(&self, items: Vec<Index>, at: CallSite) -> Result<Tensor, Failure> {
        let selection = Selection::new(items, self, at)?.with_known_masks("index", self, at)?;
        read::read(self, selection, at)
    }
}
