//! Files of weights, of whichever library: listed, and read by name.
//!
//! [`Weights::open`] tells the format by the content. Opening reads the table of a file; a tensor is read when it is asked for, out of memory that is mapped to the file where the
//! format allows it. What a file says is checked against what it has: damage is an error that names the file and the tensor.
//!
//! | room | what |
//! |---|---|
//! | `error`, `spec`, `source`, `elements` | errors; what is known of a tensor; what a format's reader gives; elements as bytes |
//! | `checkpoint/` | checkpoints of TensorFlow |
//! | `torch/` | checkpoints of PyTorch |
//! | `safetensors`, `npz`, `gguf`, `hdf5` | safetensors, arrays of NumPy, GGUF, weights of Keras |
//! | `sharded` | several files with an index |
//! | `file`, `write/` | what users have: files that are read, and files that are written |

mod checkpoint;
mod elements;
mod error;
mod file;
mod gguf;
mod hdf5;
mod npz;
mod safetensors;
mod sharded;
mod source;
mod spec;
mod torch;
mod write;

pub use error::WeightsError;
pub use file::{Weights, WeightsFormat};
pub use source::MetadataValue;
pub use spec::{WeightDtype, WeightSpec};
pub use write::{Converted, convert, write};
