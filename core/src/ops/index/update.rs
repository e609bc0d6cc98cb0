//! `x.set((0, 1..3), value)` and its kin: a tensor with part of another value.

use std::borrow::Borrow;

use tensorwright_ir::op::primitive::ScatterKind;

use super::super::operand::Operand;
use super::item::{Index, IntoIndices};
use super::selection::Selection;
use super::write::{Update, write};
use crate::error::caller;
use crate::tensor::Tensor;

macro_rules! updates {
    ($($(#[$meta:meta])* $name:ident $kind:ident;)*) => {
        /// Updates of a part: a new tensor, of the same shape.
        impl Tensor {
            $($(#[$meta])*
            #[track_caller]
            pub fn $name(&self, index: impl IntoIndices, value: impl Operand) -> Tensor {
                let at = caller();
                let value = value.hold(self, stringify!($name), at);
                let update =
                    Update { name: stringify!($name), kind: ScatterKind::$kind, value: value.borrow(), at };
                self.updated(index.into_indices(at), update)
            })*
        }
    };
}

updates! {
    /// The tensor with the elements at an index replaced by `value`, which broadcasts to what the index picks: [`Tensor::i`] says what an
    /// index is, and [`window`](crate::window) how a range starts at a computed place.
    ///
    /// Numbers out of range are errors; what an index tensor or a window has out of range is left out. Where an index tensor names an element
    /// twice, the last value stays. A mask picks where it is true; the value broadcasts to the whole axes that it stands for, or, if the mask
    /// has a value, to the places where it is true. In a loop, state of which an iteration sets a part is updated in place.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::zeros([2, 3], DType::I32);
    /// assert_eq!(x.set((0, 1..), 7).to_vec::<i32>()?, [0, 7, 7, 0, 0, 0]);
    /// assert_eq!(x.set((.., -1), [1, 2]).to_vec::<i32>()?, [0, 0, 1, 0, 0, 2]);
    /// assert_eq!(x.set((.., (..).by(2)), 5).to_vec::<i32>()?, [5, 0, 5, 5, 0, 5]);
    ///
    /// let (row, column) = (Tensor::from(1), Tensor::from(0));
    /// assert_eq!(x.set((&row, &column), 9).to_vec::<i32>()?, [0, 0, 0, 9, 0, 0]);
    /// assert_eq!(x.set(x.eq(0), -1).to_vec::<i32>()?, [-1; 6]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("index_put_", "slice_scatter", "masked_scatter", "tensor_scatter_nd_update", "put", "place"))]
    set Set;
    /// The tensor with `value` added to the elements at an index, as [`Tensor::set`] sets them. An element that an index tensor names twice
    /// gets both summands.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let counts = Tensor::zeros(4, DType::I32).add_at([0, 2, 2], 1);
    /// assert_eq!(counts.to_vec::<i32>()?, [1, 0, 2, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "tensor_scatter_nd_add")]
    add_at Add;
    /// The tensor with the elements at an index multiplied by `value`, as [`Tensor::add_at`] adds to them.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]).mul_at(1.., 0.5);
    /// assert_eq!(x.to_vec::<f32>()?, [1.0, 1.0, 1.5]);
    /// # Ok::<(), Error>(())
    /// ```
    mul_at Mul;
    /// The tensor with the lesser of the elements at an index and `value` in their place, NaN if one is NaN; see [`Tensor::add_at`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([5, 6, 7]).min_at([0, 0], [4, 3]);
    /// assert_eq!(x.to_vec::<i32>()?, [3, 6, 7]);
    /// # Ok::<(), Error>(())
    /// ```
    min_at Min;
    /// The tensor with the greater of the elements at an index and `value` in their place, NaN if one is NaN; see [`Tensor::add_at`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[5, 6], [7, 8]]).max_at((.., 0), [9, 1]);
    /// assert_eq!(x.to_vec::<i32>()?, [9, 6, 7, 8]);
    /// # Ok::<(), Error>(())
    /// ```
    max_at Max;
}

impl Tensor {
    fn updated(&self, index: Vec<Index>, update: Update<'_>) -> Tensor {
        let selection = Selection::new(index, self, update.at);
        match selection.and_then(|selection| write(self, selection, update)) {
            Ok(tensor) => tensor,
            Err(failure) => Tensor::failed(failure),
        }
    }
}
