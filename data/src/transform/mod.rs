//! Transformations: what is made of the elements of a dataset.

mod batch;
mod block_map;
mod blocks;
mod combine;
mod function;
mod group;
mod map;
mod mix;
mod nested;
mod parallel;
mod pick;
mod prefetch;
mod resample;
mod rows;
mod shuffle;
mod window;

pub use batch::{BatchOptions, PadOptions};
pub use combine::Zipped;
pub use group::BucketOptions;
pub use mix::{OnEmpty, SampleOptions};
pub use nested::InterleaveOptions;
pub use parallel::Parallel;
pub use pick::OnError;
pub use resample::ResampleOptions;
pub use shuffle::ShuffleOptions;
pub use window::WindowOptions;
