//! From a graph to native code.
//!
//! ```text
//! graph --passes--> graph --lower: fusion, schedule, plan, memory--> program --nest--> loop nests --codegen--> machine code
//! ```

pub mod batch;
pub mod codegen;
pub mod complex;
pub mod cost;
pub mod differentiate;
mod fusion;
pub mod kernel;
pub mod lower;
pub mod math;
mod native;
pub mod nest;
pub mod passes;
pub mod program;
mod schedule;
mod syntax;

pub use lower::{CompileError, CompileOptions, clusters, compile, compile_promised};
pub use program::Target;
pub use syntax::SyntaxError;
