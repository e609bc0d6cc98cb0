//! `wright reduce`: makes a failing graph smaller while it keeps failing (delta debugging).

mod check;
mod rebuild;
mod shrink;

use std::path::PathBuf;

use crate::fault::Fault;
use crate::input::GraphFile;
use crate::output;

use check::Check;

/// Shrink a graph that fails: fewer outputs, operations, inputs and elements.
#[derive(clap::Args)]
#[command(after_help = "\
Checks; a graph is kept as long as its check fails:
  pass=NAME     the pass fails, or changes what the reference evaluator computes
  pipeline      the same for the whole optimiser
  compile       the graph does not compile, or the compiled code differs from the evaluator
  cmd:COMMAND   the command ends with the exit code that it has for the whole graph; `{}` in it is the file of the graph.
                For crashes of the compiled code, which would end this program too: cmd:wright run {} --random

Examples:
  wright reduce big.tw --check pass=algebra -o small.tw
  wright reduce big.tw --check compile
  wright reduce big.tw --check 'cmd:wright run {} --random --check'")]
pub(crate) struct Args {
    #[command(flatten)]
    graph: GraphFile,
    /// What fails.
    #[arg(long, value_parser = Check::parse)]
    check: Check,
    /// How many sets of inputs a check tries.
    #[arg(long, default_value_t = 4)]
    samples: u32,
    /// How many graphs to try at most.
    #[arg(long, default_value_t = 2000)]
    budget: usize,
    /// How long a command may take, in seconds; one that takes longer counts as ended with exit code 124.
    #[arg(long, default_value_t = 60)]
    timeout: u64,
    /// Write the graph to this file, and large constants to the side file beside it.
    #[arg(short, long, value_name = "FILE.tw")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let graph = args.graph.read()?;
    let tester = check::Tester::new(&args.check, args.samples, args.timeout, &graph)?;
    let Some(reason) = tester.failure(&graph) else {
        return Err(Fault::check("the graph does not fail this check: there is nothing to reduce").into());
    };
    eprintln!("fails: {reason}");
    let mut search =
        shrink::Search::new(graph.clone(), args.budget, |candidate| tester.failure(candidate).is_some());
    search.run();
    let tried = search.tried();
    let small = search.into_graph();
    let size = |graph: &tensorwright_ir::Graph| {
        format!("{} operations, {} inputs", graph.nodes().len(), graph.inputs().len())
    };
    eprintln!("reduced from {} to {} with {tried} tries", size(&graph), size(&small));
    if let Some(reason) = tester.failure(&small) {
        eprintln!("fails: {reason}");
    }
    match &args.output {
        Some(path) => output::save_graph(path, &small),
        None => output::print(&small.to_string()),
    }
}
