//! Models as people write them: layers, losses, metrics, optimisers, and the loop that trains them.

pub mod activations;
pub mod config;
pub mod initializers;
