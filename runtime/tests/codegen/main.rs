//! Generated code against the kernel interpreter: the same bits, but for transcendental functions and NaNs.

mod cache;
mod harness;
mod instructions;
mod kernels;
mod random;
mod shapes;
mod speed;
