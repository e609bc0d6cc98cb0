//! `wright profile`: where the time of a graph or a trained model goes.

use std::path::PathBuf;

use tensorwright::Profile;
use tensorwright_compiler::CompileOptions;
use tensorwright_runtime::Executable;

use crate::fault::Fault;
use crate::input::GraphFile;
use crate::{model, output, run};

/// Show where the time of a graph or a trained model goes, step by step, the longest first.
#[derive(clap::Args)]
#[command(after_help = "\
The steps are those of `wright dump --stage kernels`, in the fastest of many runs. GB/s count the memory that a step reads and writes once,
GFLOP/s the multiplications and additions of products and convolutions. Inputs that no `--input` names are random.

Examples:
  wright profile layer.tw --threads 2
  wright profile model.onnx --input image=random:1x3x224x224 --trace model.json")]
pub(crate) struct Args {
    #[command(flatten)]
    graph: GraphFile,
    /// Where an input comes from, as for `run`; others are random.
    #[arg(short, long = "input", value_name = "NAME=SOURCE")]
    inputs: Vec<String>,
    /// How many threads may take part; without this option all cores. Results do not depend on it.
    #[arg(long)]
    threads: Option<usize>,
    /// A model whose results are those of its operators one by one, bit for bit.
    #[arg(long)]
    exact: bool,
    /// How many runs to choose from.
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Write the times to this file, for Chrome's trace viewer or Perfetto.
    #[arg(long, value_name = "FILE.json")]
    trace: Option<PathBuf>,
}

pub(crate) fn profile(args: &Args) -> anyhow::Result<()> {
    let threads = args.threads.unwrap_or_else(tensorwright::threads);
    let profile = match args.graph.model() {
        Some(path) => {
            let mut job = model::Job::new(path, &args.inputs, true)?.exactly(args.exact);
            job.threads = threads;
            job.profile(args.runs)?
        }
        None => of_graph(args, threads)?,
    };
    if let Some(path) = &args.trace {
        output::save(path, profile.trace().as_bytes())?;
    }
    output::print(&profile.to_string())
}

fn of_graph(args: &Args, threads: usize) -> Result<Profile, Fault> {
    let graph = args.graph.read()?;
    let inputs = run::inputs(&graph, &args.inputs, true)?;
    let executable = Executable::compile(&graph, &CompileOptions::default()).map_err(Fault::internal)?;
    let job = run::Job::new(&executable, &inputs, threads)?;
    Profile::of(&executable, args.runs, || job.dispatch().map(drop))
}
