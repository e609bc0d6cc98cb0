//! Composite ops, defined by their expansion, one file per group.

mod activation;
mod arithmetic;
mod build;
mod contraction;
mod einsum;
mod elementwise;
mod normalisation;
mod reduction;

#[cfg(test)]
mod tests;

pub use activation::{
    Celu, Elu, Gelu, GeluForm, HardSigmoid, HardSwish, HardTanh, LeakyRelu, Mish, Prelu, Relu, Relu6, Selu,
    Silu, Softsign, Swiglu,
};
pub use arithmetic::{
    DivideNoNan, Hypot, LogSigmoid, Reciprocal, Softplus, Square, SquaredDifference, Xlogy,
};
pub use build::Dims;
pub use contraction::{Matmul, Matvec, Outer, Tensordot};
pub use einsum::Einsum;
pub use elementwise::{ElementWise, Precision};
pub use normalisation::{GroupNorm, InstanceNorm, L2Normalize, LayerNorm, LogSoftmax, RmsNorm, Softmax};
pub use reduction::{CountNonzero, Logsumexp, Mean, Moments, Norm, NormOrder, ReduceKeepDims, Std, Var};
