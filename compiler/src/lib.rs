//! From graphs to kernels to machine code.
//!
//! - [`passes`]: graph to graph, the optimiser.
//! - [`kernel`]: small programs over tiles.
//! - [`math`]: vector math, written once.

pub mod kernel;
pub mod math;
pub mod passes;
