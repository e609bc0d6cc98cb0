//! Sections of time.

use crate::{Ellipsis, Tensor};

/// So many elements of the last axis from one on.
#[track_caller]
pub(super) fn section(x: &Tensor, start: usize, length: usize) -> Tensor {
    x.i((Ellipsis, start..start + length))
}
