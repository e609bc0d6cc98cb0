//! `wright run`: compiles a graph and runs it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tensorwright_compiler::CompileOptions;
use tensorwright_ir::eval::{EvalError, Evaluator, evaluate};
use tensorwright_ir::{Graph, Literal, TensorType};
use tensorwright_runtime::buffer::{BufferPool, SharedBuffer};
use tensorwright_runtime::{Executable, RunError};

use crate::fault::Fault;
use crate::input::GraphFile;
use crate::tensors::{self, Tolerance};
use crate::{model, npy, output};

/// Compile a graph or a trained model (an .onnx file), run it and print its outputs.
#[derive(clap::Args)]
#[command(after_help = "\
Inputs are named as in the file, or by their position from 0. A source is a NumPy file, `random` (numbers of moderate size),
`random:SEED`, or `count` (the numbers 0, 1, 2..). Inputs of models may also come from an array of a .npz file, from a picture (.png, .jpg ..), or be
random with a shape, `random:1x3x224x224`.

Examples:
  wright run layer.tw --input x=x.npy --input w=random --input b=random:7
  wright run layer.tw --random --time --threads 2
  wright run layer.tw --random --check
  wright run model.onnx --input image=cat.png --time")]
pub(crate) struct Args {
    #[command(flatten)]
    graph: GraphFile,
    /// Where an input comes from.
    #[arg(short, long = "input", value_name = "NAME=SOURCE")]
    inputs: Vec<String>,
    /// Random numbers for all inputs that no `--input` names.
    #[arg(long)]
    random: bool,
    /// Measure: compile time, first run, and the best and median of many runs.
    #[arg(long)]
    time: bool,
    /// How many threads may take part; without this option all cores. Results do not depend on it.
    #[arg(long)]
    threads: Option<usize>,
    /// Compare with the reference evaluator; exit code 1 if results differ.
    #[arg(long)]
    check: bool,
    /// How far floats may be from the evaluator's, as a part of the largest number in sight.
    #[arg(long, requires = "check")]
    tolerance: Option<f64>,
    /// Do not compile: use the reference evaluator.
    #[arg(long, conflicts_with_all = ["time", "check"])]
    evaluate: bool,
    /// Write the outputs to 0.npy, 1.npy .. in this folder instead of printing them.
    #[arg(long, value_name = "FOLDER")]
    save: Option<PathBuf>,
    /// Write the outputs of a model to this file, by their names.
    #[arg(long, value_name = "FILE.npz")]
    output: Option<PathBuf>,
    /// Results of a model are those of its operators one by one, bit for bit, which takes more time.
    #[arg(long)]
    exact: bool,
    /// How many elements of each output to print.
    #[arg(long, default_value_t = 32)]
    elements: usize,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(path) = args.graph.model() {
        return run_model(args, path);
    }
    let graph = args.graph.read()?;
    let inputs = inputs(&graph, &args.inputs, args.random)?;
    if args.evaluate {
        return show(args, &evaluated(&graph, &inputs)?);
    }
    let start = Instant::now();
    let executable = Executable::compile(&graph, &CompileOptions::default()).map_err(Fault::internal)?;
    let compiled = start.elapsed();
    let threads = args.threads.unwrap_or_else(tensorwright::threads);
    let job = Job::new(&executable, &inputs, threads)?;
    let start = Instant::now();
    let outputs = job.run()?;
    let first = start.elapsed();
    if args.check {
        let expected = evaluate(&graph, &inputs).map_err(failed)?;
        let tolerance = Tolerance::Relative(args.tolerance);
        if let Some(difference) = tensors::difference(&expected, &outputs, tolerance, &inputs) {
            return Err(Fault::check(format!("compiled results differ: {difference}")).into());
        }
    }
    show(args, &outputs)?;
    if args.time { output::print(&measured(&job, compiled, first)?) } else { Ok(()) }
}

/// Runs a trained model.
fn run_model(args: &Args, path: &Path) -> anyhow::Result<()> {
    if args.check || args.evaluate {
        return Err(Fault::usage(
            "a model is not compared with the evaluator: dump its graph and check that",
        )
        .into());
    }
    let mut job = model::Job::new(path, &args.inputs, args.random)?.exactly(args.exact);
    job.threads = args.threads.unwrap_or_else(tensorwright::threads);
    let (outputs, first) = job.first()?;
    match (&args.save, &args.output) {
        (_, Some(path)) => model::save(path, &outputs)?,
        (Some(folder), None) => model::save_each(folder, &outputs)?,
        (None, None) => output::print(
            &outputs
                .iter()
                .map(|(name, value)| {
                    let text =
                        value.tensor().and_then(|x| x.to_literal().ok()).map(|l| shown(&l, args.elements));
                    format!("{name}: {}", text.unwrap_or_else(|| format!("{value}\n")))
                })
                .collect::<String>(),
        )?,
    }
    if args.time {
        output::print(&job.measured(first, Duration::from_secs(1))?)?;
    }
    Ok(())
}

/// Evaluates a graph and prints what it prints.
fn evaluated(graph: &Graph, inputs: &[Literal]) -> anyhow::Result<Vec<Literal>> {
    let mut printed = String::new();
    let mut sink = |text: &str| printed.extend([text, "\n"]);
    let outputs = Evaluator::new().with_sink(&mut sink).evaluate(graph, inputs);
    output::print(&printed)?;
    Ok(outputs.map_err(failed)?)
}

/// An effect that fails is the graph's own doing.
fn failed(error: EvalError) -> Fault {
    match error {
        EvalError::Assertion { .. } | EvalError::NotFinite { .. } => Fault::check(error),
        other => Fault::internal(other),
    }
}

/// Compiles a graph and runs it once.
pub(crate) fn compiled(graph: &Graph, inputs: &[Literal]) -> Result<Vec<Literal>, Fault> {
    let executable = Executable::compile(graph, &CompileOptions::default()).map_err(Fault::internal)?;
    Job::new(&executable, inputs, 1)?.run()
}

/// An executable with inputs.
pub(crate) struct Job<'e> {
    executable: &'e Executable,
    inputs: Vec<SharedBuffer>,
    threads: usize,
}

impl Job<'_> {
    pub(crate) fn new<'e>(
        executable: &'e Executable,
        inputs: &[Literal],
        threads: usize,
    ) -> Result<Job<'e>, Fault> {
        let copy = |literal: &Literal| BufferPool::global().copy_of(literal.bytes());
        let inputs = inputs.iter().map(copy).collect::<Result<Vec<_>, _>>().map_err(Fault::internal)?;
        Ok(Job { executable, inputs, threads })
    }

    fn run(&self) -> Result<Vec<Literal>, Fault> {
        let results = self.dispatch()?;
        let outputs = results.iter().zip(self.executable.output_types());
        outputs.map(|(buffer, ty)| literal(buffer, ty)).collect()
    }

    /// Runs once.
    pub(crate) fn dispatch(&self) -> Result<impl std::ops::Deref<Target = [SharedBuffer]>, Fault> {
        let inputs: Vec<&SharedBuffer> = self.inputs.iter().collect();
        self.executable.run(&inputs, self.threads).map_err(|error| match error {
            RunError::Effect(error) => failed(error),
            other => Fault::internal(other),
        })
    }
}

fn literal(buffer: &SharedBuffer, ty: &TensorType) -> Result<Literal, Fault> {
    Literal::from_bytes(ty.clone(), buffer.as_bytes().to_vec())
        .ok_or_else(|| Fault::internal(format!("the compiled code has not written a {ty}")))
}

/// The inputs of a graph from what users say, and random ones for the others if they are allowed.
pub(crate) fn inputs(graph: &Graph, given: &[String], random: bool) -> Result<Vec<Literal>, Fault> {
    let mut sources: Vec<Option<&str>> = vec![None; graph.inputs().len()];
    for pair in given {
        let (name, source) = pair
            .split_once('=')
            .ok_or_else(|| Fault::usage(format!("`--input {pair}`: NAME=SOURCE expected")))?;
        let position = position(graph, name)?;
        if sources[position].replace(source).is_some() {
            return Err(Fault::usage(format!("input `{name}` is given twice")));
        }
    }
    graph
        .input_types()
        .iter()
        .enumerate()
        .map(|(position, ty)| match (ty.as_tensor(), sources[position]) {
            (None, _) => Err(Fault::usage(format!(
                "input {} is a {ty}: lists and tokens live inside functions",
                named(graph, position)
            ))),
            (Some(ty), Some(source)) => tensor(source, ty, position),
            (Some(ty), None) if random => Ok(tensors::moderate(ty, position as u32 + 1)),
            (_, None) => Err(Fault::usage(format!(
                "no source for input {}: give `--input {}=FILE.npy` or `--random`",
                named(graph, position),
                graph.value_name(graph.inputs()[position]).map_or(position.to_string(), str::to_owned)
            ))),
        })
        .collect()
}

/// The input of this name or at this position.
fn position(graph: &Graph, name: &str) -> Result<usize, Fault> {
    let by_name = graph.inputs().iter().position(|&v| graph.value_name(v) == Some(name));
    by_name.or_else(|| name.parse().ok().filter(|&i| i < graph.inputs().len())).ok_or_else(|| {
        let names: Vec<String> = (0..graph.inputs().len()).map(|i| named(graph, i)).collect();
        Fault::usage(format!("there is no input `{name}`; inputs are {}", names.join(", ")))
    })
}

/// `0 (x: f32[4])`.
fn named(graph: &Graph, position: usize) -> String {
    let value = graph.inputs()[position];
    let name = graph.value_name(value).map_or(String::new(), |name| format!("{name}: "));
    format!("{position} ({name}{})", graph.ty(value))
}

fn tensor(source: &str, ty: &TensorType, position: usize) -> Result<Literal, Fault> {
    match source.split_once(':') {
        None if source == "random" => Ok(tensors::moderate(ty, position as u32 + 1)),
        None if source == "count" => Ok(tensors::moderate(ty, 0)),
        Some(("random", seed)) => {
            let wrong =
                |_| Fault::usage(format!("`{seed}` is not a seed: a whole number below 2^32 expected"));
            Ok(tensors::moderate(ty, seed.parse::<u32>().map_err(wrong)?.max(1)))
        }
        _ => npy::load(source.as_ref(), ty),
    }
}

fn show(args: &Args, outputs: &[Literal]) -> anyhow::Result<()> {
    let Some(folder) = &args.save else {
        return output::print(&outputs.iter().map(|l| shown(l, args.elements)).collect::<String>());
    };
    std::fs::create_dir_all(folder)
        .map_err(|error| Fault::usage(format!("cannot make {}: {error}", folder.display())))?;
    outputs.iter().enumerate().try_for_each(|(i, l)| npy::save(&folder.join(format!("{i}.npy")), l))
}

/// The type and the first elements.
fn shown(literal: &Literal, elements: usize) -> String {
    let mut text = format!("{} [", literal.ty());
    for (i, element) in literal.iter().take(elements).enumerate() {
        // Writing to a string does not fail.
        let _ = write!(text, "{}{element}", if i == 0 { "" } else { ", " });
    }
    text.push_str(if literal.len() > elements { ", ..]\n" } else { "]\n" });
    text
}

/// Runs often enough to tell, and reports.
fn measured(job: &Job<'_>, compiled: Duration, first: Duration) -> Result<String, Fault> {
    const LEAST: usize = 5;
    const MOST: usize = 10_000;
    let budget = Instant::now() + Duration::from_secs(1);
    let mut times = Vec::new();
    while times.len() < LEAST || (times.len() < MOST && Instant::now() < budget) {
        let start = Instant::now();
        let outputs = job.dispatch()?;
        times.push(start.elapsed());
        drop(outputs);
    }
    times.sort_unstable();
    let executable = job.executable;
    Ok(format!(
        "compile {compiled:.3?}\nfirst run {first:.3?}\nbest {:.3?}, median {:.3?} of {} runs on {} threads\ncode {} bytes, constants {} bytes, peak {} bytes\n",
        times[0],
        times[times.len() / 2],
        times.len(),
        job.threads,
        executable.code_bytes(),
        executable.constant_bytes(),
        executable.peak_bytes(),
    ))
}
