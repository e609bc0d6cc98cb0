//! `#[function]`: programs in natural Rust, run eagerly, compiled, and as plain Rust over `f32`, with the same results.

#![allow(
    clippy::all,
    unused,
    while_true,
    reason = "programs are written to be odd, and for two types at once"
)]

#[macro_use]
mod harness;
mod branches;
mod errors;
mod generated;
mod gradients;
mod grammar;
mod items;
mod loops;
mod ranges;
mod state;
