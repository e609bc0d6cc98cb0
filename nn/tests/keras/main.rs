//! Layers and models against Keras 3: cases computed with Keras, of which each must come out the same.

mod case;
mod compare;
mod layers;
mod models;
mod npz;
