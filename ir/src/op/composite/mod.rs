//! Composite ops, defined by their expansion, one file per group.

mod activation;
mod arithmetic;
mod blocks;
mod build;
mod contraction;
mod create;
mod einsum;
mod elementwise;
mod indexing;
mod loss;
mod movement;
mod normalisation;
mod quantile;
mod random;
mod reduction;
mod scan;
mod sort;
mod triangular;

#[cfg(test)]
mod tests;

pub use activation::{
    Celu, Elu, Gelu, GeluForm, Glu, HardSigmoid, HardSwish, HardTanh, LeakyRelu, Mish, Prelu, Relu, Relu6,
    Selu, Silu, Softsign, Swiglu,
};
pub use arithmetic::{
    DivideNoNan, Hypot, LogAddExp, LogSigmoid, Reciprocal, Softplus, Square, SquaredDifference, StopGradient,
    Xlogy,
};
pub use blocks::{BatchToSpace, DepthOrder, DepthToSpace, ImageLayout, SpaceToBatch, SpaceToDepth};
pub use build::Dims;
pub use contraction::{Matmul, Matvec, Outer, Tensordot};
pub use create::{Eye, Fill, Linspace, OnesLike, Range, ZerosLike};
pub use einsum::Einsum;
pub use elementwise::{ElementWise, Precision};
pub use indexing::{Embedding, GatherNd, OneHot, Take, TakeAlongAxis};
pub use loss::{
    CosineLoss, CosineSimilarity, Hinge, Huber, KlDivergence, L2Loss, LossReduction, Mae, Mse, Nll,
    SigmoidCrossEntropy, SoftmaxCrossEntropy, SparseSoftmaxCrossEntropy,
};
pub use movement::{ExpandDims, Flatten, Roll, Split, Squeeze, Stack, Tile, Unstack};
pub use normalisation::{GroupNorm, InstanceNorm, L2Normalize, LayerNorm, LogSoftmax, RmsNorm, Softmax};
pub use random::{
    Bernoulli, Categorical, Dropout, Normal, Permutation, RngFoldIn, RngSplit, Shuffle, TruncatedNormal,
    Uniform,
};
pub use reduction::{CountNonzero, Logsumexp, Mean, Moments, Norm, NormOrder, ReduceKeepDims, Std, Var};
pub use scan::CumulativeLogsumexp;
pub use sort::{Argsort, InTopK};
pub use triangular::{BandPart, Diag, DiagPart, SetDiag, Trace, Tril, Triu};
