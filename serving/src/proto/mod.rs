//! The messages of the protocols, as their `.proto` files number the fields.
//!
//! They are written by hand after the descriptors in the Python packages `tensorflow`, `tensorflow-serving-api` 2.21 and `tritonclient` 2.73, so that no compiler of
//! `.proto` files is needed to build. What the server has no use for is left out, and skipped in messages.
//!
//! - [`tensor`]: tensors and signatures of TensorFlow; [`example`]: its examples; [`tf_serving`]: TensorFlow Serving's services;
//! - [`kserve`]: the open inference protocol; [`health`]: `grpc.health.v1`.

pub mod example;
pub mod health;
pub mod kserve;
pub mod tensor;
pub mod tf_serving;
