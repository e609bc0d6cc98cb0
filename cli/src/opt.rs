//! `wright opt`: runs passes, and checks each of them against the reference evaluator.

use std::path::PathBuf;

use tensorwright_compiler::complex::in_reals;
use tensorwright_compiler::lower::{LowerOptions, StageRun, lower_observed};
use tensorwright_compiler::passes::{
    self, Pass, PassObserver, PassOptions, PassRun, StopAfter, Timings, run_passes, run_pipeline_observed,
};
use tensorwright_ir::{Graph, Literal};
use tensorwright_runtime::executable::HostLibrary;

use crate::fault::Fault;
use crate::input::GraphFile;
use crate::output;
use crate::tensors::{self, Tolerance};

/// Run passes on a graph and print the result.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wright opt layer.tw
  wright opt layer.tw --passes=expand,cse --verify
  wright opt layer.tw --stop-after 3 -o after3.tw
  wright opt layer.tw --time > /dev/null")]
pub(crate) struct Args {
    #[command(flatten)]
    graph: GraphFile,
    /// The passes to run, in this order, each once; without this option the whole pipeline.
    #[arg(long, value_delimiter = ',', value_name = "PASS,..", value_parser = by_name)]
    passes: Option<Vec<&'static dyn Pass>>,
    /// Check each run of a pass: evaluate the graph before and after on generated inputs, and compare. Verify what each
    /// stage of lowering makes of the result.
    #[arg(long)]
    verify: bool,
    /// How many sets of inputs to check with.
    #[arg(long, default_value_t = 4)]
    samples: u32,
    /// Stop after this many runs of passes, to find by halving the one that breaks a graph.
    #[arg(long, value_name = "RUNS")]
    stop_after: Option<usize>,
    /// Allow rules that change results: reassociation, reciprocals, fused multiply-add.
    #[arg(long)]
    value_changing: bool,
    /// Print to standard error how long each pass took and what it counted.
    #[arg(long)]
    time: bool,
    /// Write the graph to this file, and large constants to the side file beside it.
    #[arg(short, long, value_name = "FILE.tw")]
    output: Option<PathBuf>,
}

fn by_name(name: &str) -> Result<&'static dyn Pass, String> {
    passes::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = passes::all().iter().map(|pass| pass.name()).collect();
        format!("passes are {}", names.join(", "))
    })
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // What passes see, so that each of them is compared with the one before.
    let graph = in_reals(&args.graph.read()?).map_err(Fault::internal)?.into_owned();
    let options = PassOptions {
        verify: true,
        value_changing: args.value_changing,
        stop_after: args.stop_after.map(StopAfter::Runs),
        ..PassOptions::default()
    };
    let mut watch = Watch::new(&graph, if args.verify { args.samples } else { 0 });
    let result = match &args.passes {
        Some(passes) => run_passes(graph, passes, &options, &mut watch),
        None => run_pipeline_observed(graph, &options, &mut watch),
    };
    if args.time {
        eprint!("{}", report(&watch.timings));
    }
    let optimized =
        result.map_err(|error| if args.verify { Fault::check(error) } else { Fault::internal(error) })?;
    if let Some(problem) = watch.problem {
        return Err(Fault::check(problem).into());
    }
    if args.verify && args.passes.is_none() && args.stop_after.is_none() {
        let options = LowerOptions { verify: true, ..LowerOptions::default() };
        lower_observed(&optimized, &options, &HostLibrary, &mut |_: &StageRun<'_>| {})
            .map_err(Fault::check)?;
    }
    match &args.output {
        Some(path) => output::save_graph(path, &optimized),
        None => output::print(&optimized.to_string()),
    }
}

/// Takes the times of passes and checks what they do.
struct Watch {
    timings: Timings,
    inputs: Vec<Vec<Literal>>,
    /// Outputs for each set of inputs, of the graph that the next pass sees.
    outputs: Vec<Vec<Literal>>,
    problem: Option<String>,
}

impl Watch {
    fn new(graph: &Graph, samples: u32) -> Watch {
        let inputs: Vec<Vec<Literal>> = (0..samples).map(|seed| tensors::any_inputs(graph, seed)).collect();
        let mut watch = Watch { timings: Timings::default(), inputs, outputs: Vec::new(), problem: None };
        watch.outputs = watch.evaluated(graph);
        watch
    }

    fn evaluated(&self, graph: &Graph) -> Vec<Vec<Literal>> {
        self.inputs.iter().map(|inputs| tensors::evaluated(graph, inputs).unwrap_or_default()).collect()
    }
}

impl PassObserver for Watch {
    fn ran(&mut self, run: &PassRun<'_>) {
        self.timings.ran(run);
        let Some(after) = run.after.filter(|_| self.problem.is_none()) else { return };
        let outputs = self.evaluated(after);
        for (seed, (before, after)) in self.outputs.iter().zip(&outputs).enumerate() {
            if let Some(difference) = tensors::difference(before, after, Tolerance::Exact, &self.inputs[seed])
            {
                let (name, number) = (run.pass.name(), run.number);
                self.problem = Some(format!(
                    "pass `{name}` (run {number}) changes results, with input set {seed}: {difference}; `wright reduce --check pass={name}` makes the graph smaller"
                ));
                return;
            }
        }
        self.outputs = outputs;
    }
}

fn report(timings: &Timings) -> String {
    let row = |name: &str, runs: usize, changed: usize, time: std::time::Duration, counters: String| {
        let time = format!("{time:.1?}");
        format!("{name:16} {runs:4} runs {changed:4} changes {time:>10}{counters}\n")
    };
    timings
        .entries()
        .iter()
        .map(|t| {
            let counters = t.counters.iter().map(|(name, count)| format!("  {name} {count}")).collect();
            row(t.pass, t.runs, t.changed, t.elapsed, counters)
        })
        .collect()
}
