//! What a traced graph takes from outside.

use crate::state::Variable;
use crate::tensor::Tensor;

/// What an input of a traced graph stands for that is no part of the argument.
#[derive(Clone, Debug)]
pub enum Capture {
    /// A tensor that the closure holds.
    Tensor(Tensor),
    /// A variable: its value at the time of the call.
    Variable(Variable),
}
