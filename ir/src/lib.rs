//! What a Tensorwright program is: dtypes, shapes, ops, graphs, their text form, the verifier and the reference evaluator.

#![forbid(unsafe_code)]

mod builder;
mod copier;
mod dtype;
pub mod eval;
mod graph;
pub mod host;
mod literal;
mod location;
pub mod op;
mod scalar;
mod shape;
pub mod text;
mod types;
mod verify;

pub use builder::{BuildError, Builder};
pub use copier::Copier;
pub use dtype::{DType, DTypeClass, UnknownDType};
pub use graph::{Graph, Node, NodeId, Source, Value};
pub use literal::{Element, Literal, LiteralRef};
pub use location::Location;
pub use op::Op;
pub use scalar::Scalar;
pub use shape::{Dim, Shape};
pub use types::{TensorType, Type};
pub use verify::{Violation, Violations, verify};
