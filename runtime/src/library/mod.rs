//! Kernels that are compiled ahead of time, by rustc: what Cranelift's 128-bit vectors do not do fast enough, and what is
//! not a program over tiles.

mod conv;
pub mod error;
pub mod math;
pub mod matmul;
pub mod routine;
pub mod scalar;
pub mod special;
pub mod tiled;
