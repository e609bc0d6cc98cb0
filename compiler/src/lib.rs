//! From a graph to native code.
//!
//! ```text
//! graph --passes--> graph --fusion--> clusters --schedule--> kernels --plan--> program --codegen--> machine code
//! ```

pub mod batch;
pub mod codegen;
mod compile;
pub mod contraction;
pub mod control;
pub mod cost;
pub mod differentiate;
mod fusion;
mod in_place;
pub mod kernel;
pub mod math;
mod merge;
mod native;
pub mod passes;
mod plan;
mod prepack;
pub mod program;
mod schedule;
mod syntax;

pub use compile::{CompileError, CompileOptions, clusters, compile, compile_donating, lower};
pub use program::Target;
pub use syntax::SyntaxError;
