//! Tensors on their way between a request and a model: plain bytes or strings, with a shape.

use bytes::Bytes;
use tensorwright::{DType, Tensor, TensorType};

use crate::error::{Error, Result};

/// What the elements of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// Numbers, or truth values.
    Number(DType),
    /// Strings of bytes.
    Bytes,
}

/// The elements of a tensor, row major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elements {
    /// Numbers, little-endian.
    Numbers(DType, Bytes),
    /// Strings of bytes.
    Strings(Vec<Bytes>),
}

/// A tensor of a request or of an answer.
///
/// ```
/// use tensorwright_serving::Value;
///
/// let value = Value::of_f32(vec![2, 2], &[1.0, 2.0, 3.0, 4.0]);
/// assert_eq!(value.rows(1..2).to_f32()?, [3.0, 4.0]);
/// # Ok::<(), tensorwright_serving::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    shape: Vec<usize>,
    elements: Elements,
}

impl Value {
    /// A tensor.
    ///
    /// # Errors
    /// When the number of elements is not that of the shape.
    pub fn new(shape: Vec<usize>, elements: Elements) -> Result<Value> {
        let wanted = shape.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent));
        let found = match &elements {
            Elements::Numbers(dtype, bytes) if bytes.len() % dtype.size() == 0 => {
                Some(bytes.len() / dtype.size())
            }
            Elements::Numbers(..) => None,
            Elements::Strings(strings) => Some(strings.len()),
        };
        match (wanted, found) {
            (Some(wanted), Some(found)) if wanted == found => Ok(Value { shape, elements }),
            _ => {
                let found = found.map_or("a broken number of".to_owned(), |found| found.to_string());
                Err(Error::invalid(format!("a tensor of shape {shape:?} has {found} elements")))
            }
        }
    }

    /// A tensor of f32.
    ///
    /// # Panics
    /// When the number of elements is not that of the shape.
    pub fn of_f32(shape: Vec<usize>, elements: &[f32]) -> Value {
        assert_eq!(
            shape.iter().product::<usize>(),
            elements.len(),
            "elements of a tensor of shape {shape:?}"
        );
        let bytes: Vec<u8> = elements.iter().flat_map(|x| x.to_le_bytes()).collect();
        Value { shape, elements: Elements::Numbers(DType::F32, bytes.into()) }
    }

    /// Zeros, `false`, or empty strings.
    pub(crate) fn zeros(ty: ElementType, shape: Vec<usize>) -> Value {
        let count: usize = shape.iter().product();
        let elements = match ty {
            ElementType::Number(dtype) => Elements::Numbers(dtype, vec![0; count * dtype.size()].into()),
            ElementType::Bytes => Elements::Strings(vec![Bytes::new(); count]),
        };
        Value { shape, elements }
    }

    /// The extents.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements.
    pub fn elements(&self) -> &Elements {
        &self.elements
    }

    /// What the elements are.
    pub fn ty(&self) -> ElementType {
        match &self.elements {
            Elements::Numbers(dtype, _) => ElementType::Number(*dtype),
            Elements::Strings(_) => ElementType::Bytes,
        }
    }

    /// The number of elements.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The elements as f32.
    ///
    /// # Errors
    /// When they are strings or complex numbers.
    pub fn to_f32(&self) -> Result<Vec<f32>> {
        match &self.elements {
            Elements::Numbers(DType::F32, bytes) => {
                Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
            }
            _ => {
                let tensor = self.tensor()?.cast(DType::F32);
                tensor.to_vec::<f32>().map_err(Error::invalid)
            }
        }
    }

    /// Some of the rows, which are along the first axis.
    pub fn rows(&self, range: std::ops::Range<usize>) -> Value {
        let (rows, width) =
            (self.shape.first().copied().unwrap_or(1), self.shape.iter().skip(1).product::<usize>());
        if range == (0..rows) {
            return self.clone();
        }
        let mut shape = self.shape.clone();
        if let Some(first) = shape.first_mut() {
            *first = range.len();
        }
        let elements = match &self.elements {
            Elements::Numbers(dtype, bytes) => {
                let row = width * dtype.size();
                // A copy, so that a small answer does not keep a large batch alive.
                Elements::Numbers(*dtype, Bytes::copy_from_slice(&bytes[range.start * row..range.end * row]))
            }
            Elements::Strings(strings) => {
                Elements::Strings(strings[range.start * width..range.end * width].to_vec())
            }
        };
        Value { shape, elements }
    }

    /// The rows of several values of one row type, one after the other, and the first row again until there are so many.
    pub(crate) fn concatenated(values: &[&Value], rows: usize) -> Value {
        let first = values[0];
        let mut shape = first.shape.clone();
        shape[0] = rows;
        let width: usize = shape[1..].iter().product();
        let elements = match &first.elements {
            Elements::Numbers(dtype, padding) => {
                let row = width * dtype.size();
                let mut bytes = Vec::with_capacity(rows * row);
                for value in values {
                    if let Elements::Numbers(_, own) = &value.elements {
                        bytes.extend_from_slice(own);
                    }
                }
                while bytes.len() < rows * row {
                    bytes.extend_from_slice(&padding[..row]);
                }
                Elements::Numbers(*dtype, bytes.into())
            }
            Elements::Strings(padding) => {
                let mut strings = Vec::with_capacity(rows * width);
                for value in values {
                    if let Elements::Strings(own) = &value.elements {
                        strings.extend_from_slice(own);
                    }
                }
                while strings.len() < rows * width {
                    strings.extend_from_slice(&padding[..width]);
                }
                Elements::Strings(strings)
            }
        };
        Value { shape, elements }
    }

    /// The tensor.
    ///
    /// # Errors
    /// When the elements are strings, or truth values that are neither 0 nor 1.
    pub fn tensor(&self) -> Result<Tensor> {
        match &self.elements {
            Elements::Numbers(dtype, bytes) => {
                let ty = TensorType::new(*dtype, self.shape.clone());
                Tensor::from_bytes(bytes, ty).ok().map_err(Error::invalid)
            }
            Elements::Strings(_) => Err(Error::invalid("strings are no tensor of numbers")),
        }
    }

    /// The value of a tensor.
    ///
    /// # Errors
    /// The error that the tensor carries.
    pub fn of_tensor(tensor: &Tensor) -> Result<Value> {
        let ty = tensor.ty().map_err(Error::internal)?;
        let bytes = Bytes::copy_from_slice(tensor.as_bytes().map_err(Error::internal)?);
        Ok(Value { shape: ty.shape.sizes().to_vec(), elements: Elements::Numbers(ty.dtype, bytes) })
    }
}
