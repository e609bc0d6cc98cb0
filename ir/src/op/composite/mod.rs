//! Composite ops, defined by their expansion, one file per group.

mod activation;
mod arithmetic;
mod blocks;
mod build;
mod contraction;
mod create;
mod einsum;
mod elementwise;
mod movement;
mod normalisation;
mod reduction;
mod triangular;

#[cfg(test)]
mod tests;

pub use activation::{
    Celu, Elu, Gelu, GeluForm, HardSigmoid, HardSwish, HardTanh, LeakyRelu, Mish, Prelu, Relu, Relu6, Selu,
    Silu, Softsign, Swiglu,
};
pub use arithmetic::{
    DivideNoNan, Hypot, LogSigmoid, Reciprocal, Softplus, Square, SquaredDifference, Xlogy,
};
pub use blocks::{BatchToSpace, DepthOrder, DepthToSpace, ImageLayout, SpaceToBatch, SpaceToDepth};
pub use build::Dims;
pub use contraction::{Matmul, Matvec, Outer, Tensordot};
pub use create::{Eye, Fill, Linspace, OnesLike, Range, ZerosLike};
pub use einsum::Einsum;
pub use elementwise::{ElementWise, Precision};
pub use movement::{ExpandDims, Flatten, Roll, Split, Squeeze, Stack, Tile, Unstack};
pub use normalisation::{GroupNorm, InstanceNorm, L2Normalize, LayerNorm, LogSoftmax, RmsNorm, Softmax};
pub use reduction::{CountNonzero, Logsumexp, Mean, Moments, Norm, NormOrder, ReduceKeepDims, Std, Var};
pub use triangular::{BandPart, Diag, DiagPart, SetDiag, Trace, Tril, Triu};
