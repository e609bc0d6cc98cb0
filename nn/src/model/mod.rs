//! Models: layers in a row, or in a graph.
//!
//! - [`sequential`]: in a row; [`symbol`]: what the functional API hands on; [`functional`]: the graph as a layer; [`keras_json`]: the graph
//!   as JSON, as Keras writes it.

mod functional;
mod keras_json;
mod sequential;
mod symbol;

pub use functional::Functional;
pub use sequential::Sequential;
pub use symbol::{Input, OnSymbols, Symbol, SymbolCall};
