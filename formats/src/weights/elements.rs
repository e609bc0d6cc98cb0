//! Tensors out of the bytes of files.

use std::borrow::Cow;

use tensorwright::{DType, Tensor, TensorType};
use tensorwright_data::swap_bytes;

use super::error::{Read, damaged};

/// Which byte of a number stands first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    /// The lowest.
    Little,
    /// The highest.
    Big,
}

/// Bytes of numbers with the lowest one first.
pub(super) fn little(bytes: &[u8], dtype: DType, order: ByteOrder) -> Cow<'_, [u8]> {
    if order == ByteOrder::Little {
        return Cow::Borrowed(bytes);
    }
    let mut turned = bytes.to_vec();
    swap_bytes(dtype, &mut turned);
    Cow::Owned(turned)
}

/// A tensor of its bytes, row-major and little-endian.
pub(super) fn tensor(bytes: &[u8], ty: &TensorType) -> Read<Tensor> {
    if ty.dtype == DType::Bool && bytes.iter().any(|&byte| byte > 1) {
        return damaged("a bool is neither 0 nor 1");
    }
    if bytes.len() != ty.bytes() {
        return damaged(format!("{ty} takes {} bytes, {} are there", ty.bytes(), bytes.len()));
    }
    Ok(Tensor::from_bytes(bytes, ty.clone()).ok()?)
}
