//! Runs the checks of the tests on many more inputs than `cargo test` does, for as long as one likes.
//!
//! `cargo run --release -p tensorwright-soak -- --share 0.1` runs a tenth of everything; names choose checks, `--list` lists them. Each
//! check reports how much it looked at and its first disagreement, shrunk where it can be. The exit code is 1 if there was any.
//! `GRAPH_SEED` (0 to 255) chooses other random graphs.
// As a test it would run the tests of the files again.
#![cfg(not(test))]

mod checks;
mod report;

use std::process::ExitCode;

use clap::Parser;
use report::Check;

#[expect(dead_code, reason = "the file is a test's")]
#[path = "../../runtime/tests/codegen/harness.rs"]
mod harness;

/// Runs checks on many inputs.
#[derive(Parser)]
struct Arguments {
    /// Checks to run: names, or their beginnings; all if there are none.
    names: Vec<String>,
    /// Which part of the full number of inputs to look at.
    #[arg(long, default_value_t = 1.0)]
    share: f64,
    /// Only lists the checks and their full numbers.
    #[arg(long)]
    list: bool,
}

/// All checks with the number of inputs of a full run.
fn checks() -> Vec<Check> {
    let mut all: Vec<Check> = checks::random_graphs::CLASSES
        .iter()
        .map(|&(class, check)| {
            Check::new(format!("graphs/{class}"), 10_000, "random graphs", move |n| check(n as u32))
        })
        .collect();
    all.extend([
        Check::new("kernels", 100_000, "random kernels", |n| checks::random::run(n as u32)),
        Check::new("texts", 1_200_000, "hostile texts", |n| {
            checks::text_fuzz::run(1 << 32, n);
        }),
        Check::new("models", 1_000_000, "damaged models", checks::hostile::run),
        Check::new("weights", 1_000_000, "damaged files of weights", checks::hostile_weights::run),
        Check::new("bundles", 1_000_000, "damaged bundles", checks::hostile_bundles::run),
        Check::new("math/f32", 1 << 32, "arguments of each function", |n| {
            let stride = ((1u64 << 32) / n) as usize;
            checks::narrow::check(checks::narrow::Source::Wide, stride, (n >> 8).max(1) as usize);
        }),
        Check::new("math/f64", 20_000, "arguments of each function", |n| checks::wide::check(n as usize)),
        Check::new("pipelines", 100_000, "random chains of transformations", checks::chains::run),
        Check::new("eager", 10_000, "random graphs", |n| checks::modes::graphs_agree(n, 2)),
        Check::new("sums", 20_000, "random reductions", checks::order::sums_agree),
        Check::new("tapes", 10_000, "random programs", checks::programs::tapes_agree),
        Check::new("cache", 100_000, "signatures", |n| {
            checks::cache::memory_stays_flat(n as usize).expect("zeros can be made");
        }),
    ]);
    all
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let wanted = |check: &Check| {
        arguments.names.is_empty() || arguments.names.iter().any(|name| check.name.starts_with(name))
    };
    let chosen: Vec<Check> = checks().into_iter().filter(wanted).collect();
    if chosen.is_empty() || !(arguments.share > 0.0 && arguments.share <= 1.0) {
        eprintln!("no such check, or a share that is not above 0 and at most 1; see --list");
        return ExitCode::from(2);
    }
    if arguments.list {
        chosen.iter().for_each(|check| println!("{:24} {:>10} {}", check.name, check.full, check.of));
        return ExitCode::SUCCESS;
    }
    report::run_all(&chosen, arguments.share)
}
