//! `wright`: looks into every stage of the compiler, runs graphs, and shrinks those that fail.
//!
//! One file per command; `input` reads graphs, `fault` is what goes wrong and its exit code, `diagnostic` shows errors in texts.

mod data;
mod diagnostic;
mod dump;
mod explain;
mod fault;
mod input;
mod list;
mod model;
mod npy;
mod opt;
mod output;
mod picture;
mod profile;
mod reduce;
mod run;
mod serve;
mod tensors;
mod weights;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::fault::Fault;

/// Look into the tensorwright compiler.
///
/// Graphs are read from text files (FILE.tw, `-` is standard input); large constants lie beside them in FILE.tww.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Cli {
    /// When to colour messages. `auto` colours terminals, unless the variable NO_COLOR is set.
    #[arg(long, value_enum, default_value = "auto", global = true)]
    color: diagnostic::Color,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  all is well
  1  a check failed: results differ, or a graph does not fail where it should
  2  the command line is wrong
  3  an input file cannot be read or is not what it should be
  4  an internal error: a bug of the compiler, or output that cannot be written";

#[derive(Subcommand)]
enum Command {
    Dump(dump::Args),
    Opt(opt::Args),
    Run(run::Args),
    Inspect(model::InspectArgs),
    Bench(model::BenchArgs),
    Profile(profile::Args),
    #[command(subcommand)]
    Data(data::Command),
    #[command(subcommand)]
    Weights(weights::Command),
    Reduce(reduce::Args),
    Serve(serve::Args),
    ListOps(list::OpsArgs),
    ListPasses(list::PassesArgs),
    Explain(explain::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let color = cli.color;
    match catch_unwind(AssertUnwindSafe(|| run(cli))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => report(&error, color),
        Err(_) => {
            let message =
                "this is a bug of tensorwright: please report it with the graph, after `wright reduce`";
            report(&Fault::internal(message).into(), color)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Dump(args) => dump::run(&args),
        Command::Opt(args) => opt::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Inspect(args) => model::inspect(&args),
        Command::Bench(args) => model::bench(&args),
        Command::Data(command) => data::run(&command),
        Command::Weights(command) => weights::run(&command),
        Command::Profile(args) => profile::profile(&args),
        Command::Reduce(args) => reduce::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::ListOps(args) => list::ops(&args),
        Command::ListPasses(args) => list::passes(&args),
        Command::Explain(args) => explain::run(&args),
    }
}

/// Shows the error and gives its exit code.
fn report(error: &anyhow::Error, color: diagnostic::Color) -> ExitCode {
    if output::is_closed(error) {
        // Whoever reads our output has seen enough.
        return ExitCode::SUCCESS;
    }
    let fault = error.downcast_ref::<Fault>();
    let shown = match fault {
        Some(fault) => fault.render(color.renderer()),
        None => diagnostic::plain(&format!("{error:#}"), color.renderer()),
    };
    // There is nobody to tell if even this cannot be written.
    let _ = writeln!(std::io::stderr(), "{}", shown.trim_end());
    ExitCode::from(fault.map_or(fault::INTERNAL, Fault::exit_code))
}
