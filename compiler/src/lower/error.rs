//! Why compiling fails.

use tensorwright_ir::Type;
use tensorwright_ir::op::Port;

use crate::passes::PassError;
use crate::program::InvalidProgram;

/// Why a graph cannot be compiled. A graph that verifies and takes and gives tensors always compiles, so all but [`NoTensor`] are bugs
/// of the compiler.
///
/// [`NoTensor`]: CompileError::NoTensor
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A pass failed.
    #[error(transparent)]
    Pass(#[from] PassError),
    /// A list or a token where a function meets its caller.
    #[error(
        "{port} {position} of the function is a {ty}: lists and tokens live inside functions, what goes in and out are tensors"
    )]
    NoTensor {
        /// Input or output.
        port: Port,
        /// Its position, from 0.
        position: usize,
        /// Its type.
        ty: Box<Type>,
    },
    /// A program that breaks a rule. Reported if [`PassOptions::verify`](crate::passes::PassOptions::verify) is set.
    #[error(transparent)]
    Program(#[from] InvalidProgram),
    /// A stage of lowering that changed what a program computes. Reported if [`PassOptions::verify`](crate::passes::PassOptions::verify) is set.
    #[error("stage `{stage}` overwrites what step {step} still needs")]
    Flow {
        /// The stage.
        stage: &'static str,
        /// The first step that reads another value than before; the number of steps if an output is another value.
        step: usize,
    },
    /// An invariant does not hold.
    #[error("internal error of the compiler: {what}")]
    Internal {
        /// What went wrong.
        what: &'static str,
    },
}
