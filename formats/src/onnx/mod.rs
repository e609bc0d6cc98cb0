//! ONNX files: read, looked at, run, and used as functions.
//!
//! A file becomes a [`graph`] with operators found and attributes read. It is [`run`] node after node with values by name, eagerly or in a
//! trace; operators are functions of a [`Call`](call::Call), in [`ops`]. Nothing is compiled here: a model is a closure for
//! [`tensorwright::function()`].
//!
//! | module | what |
//! |---|---|
//! | `schema`, `file` | messages of files, and files as bytes |
//! | `tensor`, `dtype`, `value` | elements, dtypes, and what flows along edges |
//! | `graph`, `function`, `narrow` | nodes in order; operators that a model defines; dtypes that files say |
//! | `run`, `call`, `ops` | nodes that run |
//! | `model`, `spec`, `saved` | what users have |

mod call;
mod dtype;
mod error;
mod file;
mod function;
mod graph;
mod model;
mod narrow;
mod ops;
mod run;
mod saved;
mod schema;
mod spec;
mod tensor;
mod value;

pub use error::{Error, Reason};
pub use model::{About, Model, read_value};
pub use spec::{Extent, Spec};
pub use value::{Key, Strings, Value};

/// The result of reading or running a model.
pub type Result<T, E = Error> = std::result::Result<T, E>;
