//! Layers, models, losses, metrics, optimisers and what belongs to them give what Keras 3 gives.

mod arrays;
mod case;
mod compare;
mod layers;
mod losses;
mod metrics;
mod models;
mod optimizers;
mod small;
mod tally;
mod weights;
