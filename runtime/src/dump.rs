//! What a graph looks like at each stage between the user's code and the machine's.

use std::fmt::Write;

use tensorwright_compiler::passes::{self, PassError, PassOptions, StopAfter};
use tensorwright_compiler::program::Program;
use tensorwright_compiler::program::text::print;
use tensorwright_compiler::{CompileError, CompileOptions, lower};
use tensorwright_ir::Graph;
use tensorwright_ir::text::Style;

use crate::executable::Native;
use crate::jit::{JitError, listing};

/// Why a stage cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// There is no such stage.
    #[error("unknown stage `{0}`: expected traced, optimized, kernels, clif, asm or the name of a pass")]
    UnknownStage(String),
    /// The compiler failed.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// Code generation failed.
    #[error(transparent)]
    Jit(#[from] JitError),
}

impl From<PassError> for DumpError {
    fn from(error: PassError) -> DumpError {
        DumpError::Compile(error.into())
    }
}

/// The text of `graph` at a stage: `traced`, the name of a pass (after its first run), `optimized`, `kernels`, `clif`
/// or `asm`.
///
/// # Errors
/// If there is no such stage, or through a bug of the compiler.
pub fn dump(graph: &Graph, options: &CompileOptions, stage: &str) -> Result<String, DumpError> {
    match stage {
        "traced" => Ok(graph.to_string()),
        "optimized" => Ok(optimized(graph, &options.passes)?.to_string()),
        "kernels" => Ok(print(&program(graph, options)?, Style { locations: true, elide: true })),
        "clif" => machine(&program(graph, options)?, |l| l.clif),
        "asm" => machine(&program(graph, options)?, |l| l.assembly),
        pass if passes::by_name(pass).is_some() => {
            let stop_after = Some(StopAfter::Pass(pass.to_owned()));
            Ok(optimized(graph, &PassOptions { stop_after, ..options.passes.clone() })?.to_string())
        }
        other => Err(DumpError::UnknownStage(other.to_owned())),
    }
}

fn optimized(graph: &Graph, options: &PassOptions) -> Result<Graph, PassError> {
    passes::run_pipeline(graph.clone(), options)
}

/// The program of a graph.
fn program(graph: &Graph, options: &CompileOptions) -> Result<Program, DumpError> {
    Ok(lower(&optimized(graph, &options.passes)?, &Native)?)
}

fn machine(program: &Program, part: impl Fn(crate::jit::Listing) -> String) -> Result<String, DumpError> {
    let mut text = String::new();
    for program in program.with_regions() {
        for (i, kernel) in program.kernels.iter().enumerate() {
            let _ = write!(text, "; @{} kernel {i}\n{}\n", program.name, part(listing(kernel)?));
        }
    }
    Ok(text)
}
