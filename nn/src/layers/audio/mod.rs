//! Sound as pictures of its frequencies.
//!
//! - [`stft`]: with kernels that can be trained; [`mel`]: on the scale of hearing; [`window`]: weights of the samples of a frame.

mod mel;
mod stft;
mod window;

pub use mel::MelSpectrogram;
pub use stft::STFTSpectrogram;
