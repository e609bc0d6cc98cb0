//! Composite ops, defined by their expansion, one file per group.

mod activation;

pub use activation::Softmax;
