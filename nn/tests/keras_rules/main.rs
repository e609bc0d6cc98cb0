//! Losses, metrics, optimisers and what belongs to them give what Keras 3 gives.

mod cases;
mod losses;
mod metrics;
mod optimizers;
mod small;
mod weights;
