//! Convolutions as products of matrices that are gathered as they are needed.
//!
//! A convolution is, for each group, a product: a result for each *pixel* (an index of the axes that the left operand has or along which taps
//! slide) and each *channel* (an index of the axes of the right operand), summed over *depth* (contracted axes and taps). The matrix of the left
//! operand, in which most elements stand many times, is never in memory: for each tile and block of depth, what the kernels of
//! [`matmul`](super::matmul) need next is gathered into a few panels in the caches, with zeros for what is padding, unless they can read it where it is ([`walk`]).
//!
//! # Tiles and phases
//!
//! A tile is a box of the result: as much of the inner axes as there is room for. Elements that are apart (a dilated input, as in transposed convolutions and
//! gradients of strided ones) meet only some of the taps, the same for every so many results. Such a *phase* ([`phase`]) is a convolution
//! without holes, so that nothing is multiplied with holes.
//!
//! # Methods
//!
//! Groups of one channel each that are adjacent are lanes of registers ([`lanes`]), and so are adjacent groups of a few channels ([`spread`]). Where there are few channels pixels of a row are ([`rows`]). All else is products. Where results may change in
//! their last bits 3 x 3 taps that are packed ahead take minimal filtering ([`minimal`]).
//!
//! # Orientation
//!
//! Kernels broadcast elements of their left operand over registers of the right one. Where channels are adjacent in the result (NHWC) pixels are the
//! rows; where pixels are (NCHW), or where channels are few, channels are.
//!
//! Bytes that are added up in 32 bits are multiplied in pairs ([`pairs`]).
//!
//! # Packing ahead
//!
//! What is gathered of the right operand is the same for all tiles of the same channels. Where it stays the same from run to run it is gathered once ([`prepack`]).
//!
//! # Reproducibility
//!
//! But for minimal filtering depth is in the order of the description, which is that of the left operand's axes, and sums are cut into blocks of 256 terms as those of products. So a result
//! depends on the op and its operands, and neither on where they are in memory, nor on tiles, threads, orientation, or the width of registers.

mod gather;
mod lanes;
mod loops;
mod minimal;
mod pairs;
mod phase;
mod plan;
mod prepack;
mod rows;
mod run;
mod spread;
mod walk;

pub(super) use plan::ConvolutionPlan;
