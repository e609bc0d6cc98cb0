//! Trips: what decides how often a loop runs.

use tensorwright_ir::{DType, Scalar, TensorType};

use super::range::Range;
use crate::error::CallSite;
use crate::tensor::Tensor;

/// What decides how often a loop runs.
pub enum Trip {
    /// Its condition.
    While,
    /// Jumps.
    Forever,
    /// The slices of a tensor along axis 0.
    Slices {
        /// The tensor.
        xs: Tensor,
        /// The type of a slice.
        slice: TensorType,
        /// How many there are.
        length: usize,
        /// Whether the loop may end earlier.
        jumps: bool,
    },
    /// The numbers of a range.
    Count(Range),
}

impl Trip {
    pub(super) fn with_jumps(self, may_jump: bool) -> Trip {
        match self {
            Trip::Slices { xs, slice, length, .. } => Trip::Slices { xs, slice, length, jumps: may_jump },
            other => other,
        }
    }

    /// The dtype of the counter, if there is one.
    pub(super) fn counter(&self) -> Option<DType> {
        match self {
            Trip::Count(range) => range.counter(),
            Trip::Slices { jumps: true, .. } => Some(DType::I64),
            _ => None,
        }
    }

    /// Where the counter ends.
    pub(super) fn limit(&self, at: CallSite) -> Tensor {
        match self {
            Trip::Count(range) => range.count().clone(),
            Trip::Slices { length, .. } => Tensor::scalar_at(Scalar::from(*length as i64), at),
            Trip::While | Trip::Forever => unreachable!("there is no counter"),
        }
    }
}
