//! Why the library cannot compute something.

use super::matmul::UnsupportedProduct;

/// The library cannot compute this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoutineError {
    /// There is no routine for the op.
    #[error("the library has no routine for `{op}`")]
    NoRoutine {
        /// Name of the op.
        op: &'static str,
    },
    /// A call of the program's code that cannot be made: no kernel is registered under the name, or it gives something else.
    #[error("`{op}`: {reason}")]
    NoCall {
        /// Name of the op.
        op: &'static str,
        /// Why not.
        reason: String,
    },
    /// A matrix product of such element types.
    #[error(transparent)]
    Product(#[from] UnsupportedProduct),
    /// A convolution whose taps are too far from each other, or from the first element.
    #[error("a convolution over more places than can be counted")]
    TooFar,
    /// An operand is given packed to a routine that does not gain by it.
    #[error("`{routine}` takes no such operand packed")]
    NotPacked {
        /// Name of the routine.
        routine: &'static str,
    },
}
