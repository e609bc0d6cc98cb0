//! Models as people write them: layers, losses, metrics, optimisers, and the loop that trains them.

pub mod activations;
pub mod config;
pub mod constraints;
pub mod initializers;
pub mod losses;
pub mod metrics;
pub mod optimizers;
pub mod regularizers;
pub mod schedules;
