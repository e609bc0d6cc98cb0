//! Kernels compiled by rustc, which compiled graphs call: what Cranelift's 128-bit vectors do not do fast enough.

pub mod math;
