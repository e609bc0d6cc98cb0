//! Arrays of numbers and of texts, which are views.

use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;
use tensorwright::{DType, Scalar, Tensor, TensorType};

use super::{Item, Text};
use crate::error::{DataError, Result};

/// Sizes along axes, outermost first.
pub(crate) type Sizes = SmallVec<[usize; 4]>;

/// Numbers along axes: a tensor, or adjacent rows of one.
#[derive(Clone, Debug)]
pub struct Array {
    base: Tensor,
    dtype: DType,
    sizes: Sizes,
    /// Where the first number is, in bytes.
    start: usize,
}

impl Array {
    /// The whole of a tensor.
    pub(crate) fn whole(base: Tensor) -> Result<Array> {
        let ty = base.ty()?;
        let (dtype, sizes) = (ty.dtype, ty.shape.sizes().iter().copied().collect());
        Ok(Array { base, dtype, sizes, start: 0 })
    }

    /// Numbers as little-endian bytes.
    pub(crate) fn of_bytes(dtype: DType, sizes: &[usize], bytes: &[u8]) -> Result<Array> {
        Array::whole(Tensor::from_bytes(bytes, TensorType::new(dtype, sizes)))
    }

    /// What the places hold.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The sizes along the axes, outermost first.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    fn len(&self) -> usize {
        self.sizes.iter().product::<usize>() * self.dtype.size()
    }

    /// The numbers, little endian, row major.
    ///
    /// # Errors
    /// When the tensor is traced, and has no values.
    pub fn bytes(&self) -> Result<&[u8]> {
        Ok(&self.base.as_bytes()?[self.start..self.start + self.len()])
    }

    /// As a tensor; the one that it is, if it is all of it.
    pub(crate) fn to_tensor(&self) -> Result<Tensor> {
        let ty = self.base.ty()?;
        if ty.shape.sizes().as_slice() == self.sizes.as_slice() {
            return Ok(self.base.clone());
        }
        Ok(Tensor::from_bytes(self.bytes()?, TensorType::new(self.dtype, &self.sizes[..])).ok()?)
    }

    /// A row along the first axis.
    pub(crate) fn row(&self, row: usize) -> Result<Item> {
        let width = self.len() / self.sizes[0].max(1);
        let start = self.start + row * width;
        if self.sizes.len() == 1 {
            let bytes = &self.base.as_bytes()?[start..start + width];
            return Ok(Item::Number(Scalar::from_le_bytes(self.dtype, bytes)));
        }
        let sizes = self.sizes[1..].into();
        Ok(Item::Array(Box::new(Array { base: self.base.clone(), dtype: self.dtype, sizes, start })))
    }

    /// Adjacent rows along the first axis.
    pub(crate) fn slice(&self, rows: Range<usize>) -> Array {
        let width = self.len() / self.sizes[0].max(1);
        let mut sizes = self.sizes.clone();
        sizes[0] = rows.len();
        Array { base: self.base.clone(), dtype: self.dtype, sizes, start: self.start + rows.start * width }
    }
}

/// Texts along axes.
#[derive(Clone, Debug)]
pub struct Texts {
    values: Arc<[Text]>,
    sizes: Sizes,
    start: usize,
}

impl Texts {
    /// Texts along axes, row major.
    ///
    /// # Errors
    /// When there are not as many as the sizes say.
    pub fn new(sizes: &[usize], values: impl Into<Arc<[Text]>>) -> Result<Texts> {
        let values = values.into();
        if values.len() != sizes.iter().product::<usize>() {
            return Err(DataError::invalid(format!("{} texts for an array of {sizes:?}", values.len())));
        }
        Ok(Texts { values, sizes: sizes.into(), start: 0 })
    }

    /// The sizes along the axes, outermost first.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The texts, row major.
    pub fn values(&self) -> &[Text] {
        &self.values[self.start..self.start + self.sizes.iter().product::<usize>()]
    }

    pub(crate) fn row(&self, row: usize) -> Item {
        let width: usize = self.sizes[1..].iter().product();
        let start = self.start + row * width;
        if self.sizes.len() == 1 {
            return Item::Text(Arc::clone(&self.values[start]));
        }
        Item::Texts(Box::new(Texts {
            values: Arc::clone(&self.values),
            sizes: self.sizes[1..].into(),
            start,
        }))
    }

    pub(crate) fn slice(&self, rows: Range<usize>) -> Texts {
        let width: usize = self.sizes[1..].iter().product();
        let mut sizes = self.sizes.clone();
        sizes[0] = rows.len();
        Texts { values: Arc::clone(&self.values), sizes, start: self.start + rows.start * width }
    }
}

impl Item {
    /// Numbers along axes, as little-endian bytes: a number if there are no axes.
    ///
    /// # Errors
    /// When there are not as many as the sizes say.
    pub fn array(dtype: DType, sizes: &[usize], bytes: &[u8]) -> Result<Item> {
        if sizes.is_empty() && bytes.len() == dtype.size() {
            return Ok(Item::Number(Scalar::from_le_bytes(dtype, bytes)));
        }
        Ok(Item::Array(Box::new(Array::of_bytes(dtype, sizes, bytes)?)))
    }

    /// Numbers along axes, row major: a number if there are no axes.
    ///
    /// # Errors
    /// When there are not as many as the sizes say.
    pub fn numbers(dtype: DType, sizes: &[usize], numbers: impl IntoIterator<Item = Scalar>) -> Result<Item> {
        let bytes: Vec<u8> = numbers.into_iter().flat_map(|number| number.cast(dtype).le_bytes()).collect();
        Item::array(dtype, sizes, &bytes)
    }

    /// Texts along axes, row major: a text if there are no axes.
    ///
    /// # Errors
    /// When there are not as many as the sizes say.
    pub fn texts(sizes: &[usize], values: impl Into<Arc<[Text]>>) -> Result<Item> {
        let texts = Texts::new(sizes, values)?;
        Ok(match sizes {
            [] => Item::Text(Arc::clone(&texts.values()[0])),
            _ => Item::Texts(Box::new(texts)),
        })
    }
}
