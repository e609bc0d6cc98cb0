//! The files of `tests/corpus/`: what the optimiser leaves of each graph, which steps it compiles to, and that compiled
//! results are those of the evaluator; or, for files that are no graphs, the error. `BLESS=1 cargo test --test corpus` rewrites
//! the expectations.

use std::collections::BTreeMap;
use std::path::Path;

use tensorwright_compiler::CompileOptions;
use tensorwright_compiler::passes::{PassOptions, run_pipeline};
use tensorwright_compiler::program::{Program, Step};
use tensorwright_ir::op::{Draw, Operand, Tolerance};
use tensorwright_ir::{Graph, Literal, eval, text};
use tensorwright_runtime::Executable;
use tensorwright_testkit::corpus::{self, Aspects};
use tensorwright_testkit::literals::random_literal;
use tensorwright_testkit::tolerance::first_difference;

/// How far results of whole graphs may be from the evaluator's.
const TOLERANCE: Tolerance = Tolerance::Epsilons(256);

#[test]
fn corpus_files_are_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let failures = corpus::run(&folder, aspects).expect("the corpus can be read");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn aspects(file: &str) -> Result<Aspects, String> {
    let graph = match text::parse(file) {
        Ok(graph) => graph,
        Err(error) => return Ok(vec![("error", error.to_string())]),
    };
    let optimised = run_pipeline(graph.clone(), &PassOptions::default()).map_err(|e| e.to_string())?;
    let executable = Executable::compile(&graph, &CompileOptions::default()).map_err(|e| e.to_string())?;
    check_results(&graph, &executable)?;
    check_text(executable.program())?;
    Ok(vec![("ops", ops(&optimised)), ("steps", steps(executable.program()))])
}

/// What prints parses back to the same program.
fn check_text(program: &Program) -> Result<(), String> {
    let text = program.to_string();
    let parsed: Program = text.parse().map_err(|error| format!("{error} in {text}"))?;
    if parsed == *program { Ok(()) } else { Err(format!("{text} does not parse back to itself")) }
}

/// Names of the ops with how often they occur.
fn ops(graph: &Graph) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for node in graph.nodes() {
        *counts.entry(node.op.name()).or_default() += 1;
    }
    let times = |(name, count): (&str, usize)| match count {
        1 => name.to_owned(),
        n => format!("{name}*{n}"),
    };
    counts.into_iter().map(times).collect::<Vec<_>>().join(" ")
}

fn steps(program: &Program) -> String {
    let name = |step: &Step| match step {
        Step::Kernel(_) => "kernel",
        Step::Tiled(call) if call.epilogue.is_none() => "matmul",
        Step::Tiled(_) => "matmul+epilogue",
        Step::Pack { .. } => "pack",
        Step::Routine { op, .. } | Step::List { op, .. } | Step::Effect { op, .. } => op.name(),
        Step::Control(control) => control.op.name(),
    };
    program.steps.iter().map(name).collect::<Vec<_>>().join(" ")
}

/// Compiled results on drawn inputs against the evaluator's.
fn check_results(graph: &Graph, executable: &Executable) -> Result<(), String> {
    let input = |(i, ty)| random_literal(&mut Draw::new(&[i as u32 + 1]), &Operand::moderate(ty));
    let inputs: Vec<Literal> = graph.input_types().into_iter().enumerate().map(input).collect();
    let expected = eval::evaluate(graph, &inputs).map_err(|e| e.to_string())?;
    let found = executable.run_literals(&inputs, 2).map_err(|e| e.to_string())?;
    for (position, (e, found)) in expected.iter().zip(&found).enumerate() {
        let operands: Vec<&Literal> = inputs.iter().collect();
        if let Some(difference) = first_difference(e, found, TOLERANCE, &operands) {
            return Err(format!("output {position}, {difference}"));
        }
    }
    Ok(())
}
