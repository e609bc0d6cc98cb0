//! Sizes that data decide: the value of a number, for the shape of what comes next.

use tensorwright_ir::Scalar;

use super::trace;
use crate::error::{CallSite, Error, Failure};
use crate::tensor::Tensor;
use crate::tensor::traced::is_tracing;

/// The number, an integer of rank 0, as a size. In a trace this is where the function is [cut](super::trace).
pub(crate) fn size(number: &Tensor, at: CallSite) -> Result<usize, Failure> {
    let known = if is_tracing() { trace::number(number, at)? } else { trace::Number::Tensor(number.clone()) };
    let tensor = match known {
        trace::Number::Computed(size) => return Ok(size),
        trace::Number::Tensor(tensor) => tensor,
    };
    let (ty, buffer) = tensor.value(at).map_err(Failure::from)?;
    let mut bits = [0; 8];
    bits[..ty.bytes()].copy_from_slice(buffer.as_bytes());
    let found = Scalar::from_bits(ty.dtype, u64::from_le_bytes(bits)).to_i128();
    usize::try_from(found).map_err(|_| Error::NoSize { at: at.into(), found }.into())
}
