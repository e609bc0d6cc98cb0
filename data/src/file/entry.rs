//! What a file with tensors by name says of one.

use tensorwright::{DType, Shape, TensorType};

/// A tensor in a file, as the table of the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorEntry {
    /// Its name.
    pub name: String,
    /// Its dtype, in the words of the file.
    pub word: String,
    /// Its shape.
    pub shape: Shape,
    /// Its type, unless its dtype is one that is not read.
    pub ty: Option<TensorType>,
    /// The bytes of its elements, unpacked.
    pub bytes: u64,
}

/// Turns the bytes of each number around: elements of a machine or file with the other byte order. Complex numbers are two.
///
/// ```
/// use tensorwright::data::swap_bytes;
///
/// let mut bytes = [0, 1, 0, 2];
/// swap_bytes(tensorwright::DType::I16, &mut bytes);
/// assert_eq!(bytes, [1, 0, 2, 0]);
/// ```
pub fn swap_bytes(dtype: DType, elements: &mut [u8]) {
    let number = match dtype {
        DType::C64 | DType::C128 => dtype.size() / 2,
        _ => dtype.size(),
    };
    elements.chunks_exact_mut(number).for_each(<[u8]>::reverse);
}
