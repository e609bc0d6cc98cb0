//! From a graph to native code: passes over graphs, fusion into kernels, kernel IR, Cranelift code generation.

pub mod kernel;
pub mod math;
