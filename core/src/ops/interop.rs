//! To and from `ndarray`, by the feature of that name: `Tensor::from(&array)` and [`Tensor::to_ndarray`].

use ndarray::{ArrayBase, ArrayD, Data, Dimension, IxDyn};
use tensorwright_ir::{DType, Element};

use super::nested::Nested;
use crate::error::{Error, Result, caller};
use crate::tensor::Tensor;

impl<T: Element + Nested, S: Data<Elem = T>, D: Dimension> Nested for ArrayBase<S, D> {
    const ELEMENT: DType = T::DTYPE;

    fn extents(&self, extents: &mut Vec<usize>) {
        extents.extend(self.shape());
    }

    fn flatten(&self, extents: &[usize], bytes: &mut Vec<u8>) -> bool {
        extents == self.shape() && self.iter().all(|element| element.flatten(&[], bytes))
    }
}

impl Tensor {
    /// The tensor as an array of `ndarray`.
    ///
    /// # Errors
    /// As [`Tensor::to_vec`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let array = ndarray::array![[1.0f32, 2.0], [3.0, 4.0]];
    /// let x = Tensor::from(&array) * 2;
    /// assert_eq!(x.to_ndarray::<f32>()?, (array * 2.0).into_dyn());
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn to_ndarray<T: Element>(&self) -> Result<ArrayD<T>> {
        let at = caller();
        let (elements, shape) = (self.to_vec::<T>()?, self.shape()?);
        let found = elements.len();
        ArrayD::from_shape_vec(IxDyn(&shape.sizes()), elements).map_err(|_| Error::ElementCount {
            at: at.into(),
            shape: shape.clone(),
            found,
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use crate::prelude::*;

    #[test]
    fn arrays_go_in_and_out_whatever_their_layout() -> crate::Result<()> {
        let a: Array2<f32> = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let x = Tensor::from(a.t());
        assert_eq!(x.to_vec::<f32>()?, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(x.to_ndarray::<f32>()?, a.t().into_dyn());
        Ok(())
    }
}
