//! `wright bench`, and runs of models.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tensorwright::onnx::{Model, Value};

use super::{load, source};
use crate::fault::Fault;
use crate::{npy, output};

/// Measure a trained model: reading, the first run, and the best and median of many runs.
#[derive(clap::Args)]
pub(crate) struct BenchArgs {
    /// The model.
    #[arg(value_name = "MODEL.onnx")]
    file: PathBuf,
    /// Where an input comes from, as for `run`; others are random.
    #[arg(short, long = "input", value_name = "NAME=SOURCE")]
    inputs: Vec<String>,
    /// How many threads may take part; without this option all cores. Results do not depend on it.
    #[arg(long)]
    threads: Option<usize>,
    /// How long to measure.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Results are those of the operators one by one, bit for bit, which takes more time.
    #[arg(long)]
    exact: bool,
}

pub(crate) fn bench(args: &BenchArgs) -> anyhow::Result<()> {
    let mut job = Job::new(&args.file, &args.inputs, true)?.exactly(args.exact);
    job.threads = args.threads.unwrap_or_else(tensorwright::threads);
    let (_, first) = job.first()?;
    let seconds = Duration::try_from_secs_f64(args.seconds)
        .map_err(|error| Fault::usage(format!("--seconds: {error}")))?;
    output::print(&job.measured(first, seconds)?)
}

/// A model with inputs.
pub(crate) struct Job {
    model: Model,
    inputs: Vec<Option<Value>>,
    pub(crate) threads: usize,
    read: Duration,
}

impl Job {
    /// Reads the model, and its inputs from what users say.
    pub(crate) fn new(path: &Path, given: &[String], random: bool) -> Result<Job, Fault> {
        let start = Instant::now();
        let model = load(path)?;
        let read = start.elapsed();
        let unsupported = model.unsupported();
        if !unsupported.is_empty() {
            let names: Vec<String> =
                unsupported.iter().map(|(name, count)| format!("{name} ({count} times)")).collect();
            return Err(Fault::input(format!(
                "{}: operators that are not supported: {}",
                path.display(),
                names.join(", ")
            )));
        }
        let mut inputs: Vec<Option<Value>> = vec![None; model.inputs().len()];
        for pair in given {
            let (name, source) = pair
                .split_once('=')
                .ok_or_else(|| Fault::usage(format!("`--input {pair}`: NAME=SOURCE expected")))?;
            let at = position(&model, name)?;
            let tensor = source::tensor(&model.inputs()[at], source, at as u64 + 1)?;
            if inputs[at].replace(tensor.into()).is_some() {
                return Err(Fault::usage(format!("input `{name}` is given twice")));
            }
        }
        for (at, spec) in model.inputs().iter().enumerate() {
            if inputs[at].is_some() || model.is_optional(at) {
                continue;
            }
            if !random {
                return Err(Fault::usage(format!(
                    "no source for input {spec}: give `--input {}=..` or `--random`",
                    spec.name
                )));
            }
            inputs[at] = Some(source::tensor(spec, "random", at as u64 + 1)?.into());
        }
        Ok(Job { model, inputs, threads: 0, read })
    }

    /// The same with results that are those of the operators bit for bit, if so.
    pub(crate) fn exactly(self, exact: bool) -> Job {
        if exact { Job { model: self.model.exact(), ..self } } else { self }
    }

    /// The outputs of the first run, which compiles, and how long it took.
    pub(crate) fn first(&self) -> Result<(Vec<(String, Value)>, Duration), Fault> {
        let bar = ProgressBar::new_spinner().with_message("compiling and running");
        bar.set_style(ProgressStyle::default_spinner());
        bar.enable_steady_tick(Duration::from_millis(100));
        let names: Vec<&str> = self.model.inputs().iter().map(|spec| spec.name.as_str()).collect();
        let given: Vec<(&str, Value)> = names
            .into_iter()
            .zip(&self.inputs)
            .filter_map(|(name, value)| Some((name, value.clone()?)))
            .collect();
        self.model.function().set_threads(self.threads);
        let start = Instant::now();
        let outputs = self.model.call(&given).map_err(Fault::input);
        let first = start.elapsed();
        bar.finish_and_clear();
        Ok((outputs?, first))
    }

    /// The graph for inputs of these types, with the weights as constants.
    pub(crate) fn graph(&self) -> Result<tensorwright::Graph, Fault> {
        let concrete = self.model.function().concrete(&self.inputs).map_err(Fault::input)?;
        concrete.frozen_graph().map_err(Fault::input)
    }

    /// The program that runs on inputs of these types, at a stage after the last graph: weights are inputs of it, which its first run puts in order.
    pub(crate) fn dump(&self, stage: &str) -> Result<String, Fault> {
        let concrete = self.model.function().concrete(&self.inputs).map_err(Fault::input)?;
        concrete.dump(tensorwright::Stage::Lowered(stage.to_owned())).map_err(Fault::input)
    }

    /// Where the time goes.
    pub(crate) fn profile(&self, runs: usize) -> Result<tensorwright::Profile, Fault> {
        self.model.function().set_threads(self.threads);
        let concrete = self.model.function().concrete(&self.inputs).map_err(Fault::input)?;
        concrete.profile(&self.inputs, runs).map_err(Fault::input)
    }

    /// Runs often enough to tell, and reports.
    pub(crate) fn measured(&self, first: Duration, seconds: Duration) -> Result<String, Fault> {
        const LEAST: usize = 5;
        const MOST: usize = 10_000;
        let budget = Instant::now() + seconds;
        let mut times = Vec::new();
        while times.len() < LEAST || (times.len() < MOST && Instant::now() < budget) {
            let start = Instant::now();
            let outputs = self
                .model
                .function()
                .call_with_threads(self.threads, &self.inputs)
                .map_err(Fault::internal)?;
            times.push(start.elapsed());
            drop(outputs);
        }
        times.sort_unstable();
        let compiled: Duration = self.model.function().concretes().iter().map(|c| c.compile_time()).sum();
        Ok(format!(
            "read {:.3?}\nfirst run {first:.3?}, tracing and compiling {compiled:.3?} of it\nbest {:.3?}, median {:.3?} of {} runs on {} threads\n",
            self.read,
            times[0],
            times[times.len() / 2],
            times.len(),
            self.threads,
        ))
    }
}

fn position(model: &Model, name: &str) -> Result<usize, Fault> {
    let by_name = model.inputs().iter().position(|spec| spec.name == name);
    by_name.or_else(|| name.parse().ok().filter(|&at| at < model.inputs().len())).ok_or_else(|| {
        let names: Vec<String> = model.inputs().iter().map(|spec| spec.to_string()).collect();
        Fault::usage(format!("there is no input `{name}`; inputs are {}", names.join(", ")))
    })
}

fn literal(name: &str, value: &Value) -> Result<Option<tensorwright::Literal>, Fault> {
    let Some(tensor) = value.tensor() else { return Ok(None) };
    tensor.to_literal().map(Some).map_err(|error| Fault::internal(format!("output `{name}`: {error}")))
}

/// Writes the tensors among the outputs to a .npz file.
pub(crate) fn save(path: &Path, outputs: &[(String, Value)]) -> anyhow::Result<()> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, value) in outputs {
        if let Some(literal) = literal(name, value)? {
            archive.start_file(format!("{name}.npy"), stored)?;
            archive.write_all(&npy::bytes(&literal)?)?;
        }
    }
    output::save(path, archive.finish()?.get_ref())
}

/// Writes each tensor among the outputs to a file of its own.
pub(crate) fn save_each(folder: &Path, outputs: &[(String, Value)]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Fault::usage(format!("cannot make {}: {error}", folder.display())))?;
    for (at, (name, value)) in outputs.iter().enumerate() {
        if let Some(literal) = literal(name, value)? {
            npy::save(&folder.join(format!("{at}.npy")), &literal)?;
        }
    }
    Ok(())
}
