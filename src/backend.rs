//! The compiler and the runtime, as the rest of the facade sees them.

pub use tensorwright_compiler::CompileOptions;
pub(crate) use tensorwright_runtime::Executable;
pub(crate) use tensorwright_runtime::executable::Operand;
