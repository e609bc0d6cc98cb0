//! What a graph looks like at each stage between the user's code and the machine's.

use std::fmt::Write;

use tensorwright_compiler::lower::{self, LowerOptions, Promises, StageRun, lower_observed};
use tensorwright_compiler::passes::{self, PassError, PassOptions, StopAfter};
use tensorwright_compiler::program::Program;
use tensorwright_compiler::program::text::print;
use tensorwright_compiler::{CompileError, CompileOptions, compile_promised};
use tensorwright_ir::Graph;
use tensorwright_ir::text::Style;

use crate::executable::{Executable, HostLibrary};
use crate::jit::{JitError, listing};

/// Why a stage cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// There is no such stage.
    #[error(
        "unknown stage `{0}`: expected traced, optimized, kernels, nests, clif, asm or the name of a pass or of a stage of lowering"
    )]
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

impl Executable {
    /// The graph at a stage of compilation, as text, with the inputs donated that are; see [`dump`]. Kernels and machine code are
    /// those of the program that runs.
    ///
    /// # Errors
    /// If there is no such stage.
    pub fn dump(&self, stage: &str) -> Result<String, DumpError> {
        dump_program(self.program(), stage)
            .unwrap_or_else(|| dump(&self.graph, &self.options, &self.promises, stage))
    }
}

/// The text of `graph` at a stage: `traced`, the name of a pass (after its first run), `optimized`, the name of a stage of
/// lowering (after it), `kernels`, `nests`, `clif` or `asm`. The caller makes promises about inputs, as in
/// [`Executable::compile_promised`](crate::Executable::compile_promised).
///
/// # Errors
/// If there is no such stage, or through a bug of the compiler.
pub fn dump(
    graph: &Graph,
    options: &CompileOptions,
    promises: &Promises,
    stage: &str,
) -> Result<String, DumpError> {
    match stage {
        "traced" => Ok(graph.to_string()),
        "optimized" => Ok(optimized(graph, &promises.passes(&options.passes))?.to_string()),
        "kernels" | "nests" | "clif" | "asm" => {
            let program = compile_promised(graph, options, &HostLibrary, promises)?;
            dump_program(&program, stage).unwrap_or_else(|| Err(DumpError::UnknownStage(stage.to_owned())))
        }
        name if lower::stage(name).is_some() => lowered(graph, options, promises, name),
        pass if passes::by_name(pass).is_some() => {
            let stop_after = Some(StopAfter::Pass(pass.to_owned()));
            let passes = promises.passes(&options.passes);
            Ok(optimized(graph, &PassOptions { stop_after, ..passes })?.to_string())
        }
        other => Err(DumpError::UnknownStage(other.to_owned())),
    }
}

/// The text of a program at a stage that comes of one: `kernels`, `nests`, `clif` or `asm`. `None` for other stages.
pub fn dump_program(program: &Program, stage: &str) -> Option<Result<String, DumpError>> {
    match stage {
        "kernels" => Some(Ok(print(program, STYLE))),
        "nests" => Some(machine(program, |l| l.nests)),
        "clif" => Some(machine(program, |l| l.clif)),
        "asm" => Some(machine(program, |l| l.assembly)),
        _ => None,
    }
}

/// Large constants are cut short: dumps are for eyes.
const STYLE: Style = Style { locations: true, elide: true };

fn optimized(graph: &Graph, options: &PassOptions) -> Result<Graph, PassError> {
    passes::run_pipeline(graph.clone(), options)
}

/// What has been decided after a stage of lowering.
fn lowered(
    graph: &Graph,
    options: &CompileOptions,
    promises: &Promises,
    stage: &str,
) -> Result<String, DumpError> {
    let graph = optimized(graph, &promises.passes(&options.passes))?;
    let lowering = LowerOptions::of(&options.passes, promises);
    let mut text = String::new();
    lower_observed(&graph, &lowering, &HostLibrary, &mut |run: &StageRun<'_>| {
        if run.stage.name == stage {
            text = run.program.map_or_else(|| run.text.to_string(), |program| print(program, STYLE));
        }
    })?;
    Ok(text)
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
