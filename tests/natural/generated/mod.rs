//! Programs out of `grammar.rs`.

mod deep;
mod shallow;
