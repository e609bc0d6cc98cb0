//! What a layer is: a row of settings, a function that asks for weights by name, and the weights that are made for it.
//!
//! - [`definition`]: the trait; [`inputs`]: what layers take and give;
//! - [`handle`]: a layer with its weights, as models hold it; [`weights`]: these weights; [`low_rank`]: updates of low rank beside them;
//! - [`context`]: what a call is for; [`scope`]: a layer in a call; [`policy`]: dtypes to compute in and to keep.

mod context;
mod definition;
mod handle;
mod inputs;
mod low_rank;
mod policy;
mod scope;
mod weights;

pub use context::{Context, Decoding, Mode};
pub use definition::{Configuration, Layer, LayerClass};
pub(crate) use definition::{Maker, maker};
pub use handle::LayerRef;
pub(crate) use handle::{is_low_rank, snake_case};
pub use inputs::{Argument, FromInputs, Inputs, Outputs, Signal, Strings};
pub use policy::Policy;
pub(crate) use policy::{dtype_name, dtype_named};
pub use scope::Scope;
pub(crate) use weights::Weights;
pub use weights::{Weight, WeightSpec, set_seed};
