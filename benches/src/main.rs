//! Times the workloads. `cargo run --release -p tensorwright-benches --bin workloads -- [NAME..] --json`
//!
//! Claims of speed are ratios against a peer measured in the same sitting on the same machine.

mod workloads;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Parser;
use tensorwright::prelude::*;
use workloads::{Body, Random, Workload};

/// Times the workloads.
#[derive(Parser)]
struct Arguments {
    /// Which workloads; all if none is named.
    names: Vec<String>,
    /// One JSON line per workload: peer, workload, first_ms, best_us, median_us.
    #[arg(long)]
    json: bool,
    /// Threads that a call may use.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Seconds to spend on each workload.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// New functions made to find the best time of a first call.
    #[arg(long, default_value_t = 5)]
    firsts: usize,
}

/// What was measured.
struct Figures {
    first: Duration,
    best: Duration,
    median: Duration,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(name) = arguments.names.iter().find(|n| workloads::ALL.iter().all(|w| w.name != **n)) {
        let known: Vec<&str> = workloads::ALL.iter().map(|w| w.name).collect();
        bail!("no workload `{name}`; there are {}", known.join(", "));
    }
    if !arguments.json {
        println!("{:<20} {:>10} {:>12} {:>12}", "workload", "first ms", "best us", "median us");
    }
    let wanted = |w: &&Workload| arguments.names.is_empty() || arguments.names.iter().any(|n| n == w.name);
    for workload in workloads::ALL.iter().filter(wanted) {
        report(workload.name, &measure(workload, &arguments)?, arguments.json);
    }
    Ok(())
}

fn report(name: &str, figures: &Figures, json: bool) {
    let round = |x: f64| (x * 1000.0).round() / 1000.0;
    let (first, best, median) = (
        round(figures.first.as_secs_f64() * 1e3),
        round(figures.best.as_secs_f64() * 1e6),
        round(figures.median.as_secs_f64() * 1e6),
    );
    if json {
        let line = serde_json::json!({
            "peer": "tensorwright", "workload": name, "first_ms": first, "best_us": best, "median_us": median,
        });
        println!("{line}");
    } else {
        println!("{name:<20} {first:>10.3} {best:>12.3} {median:>12.3}");
    }
}

/// Calls at least this long are timed one by one; of shorter ones many together.
const TIMED_TOGETHER: Duration = Duration::from_micros(20);

fn measure(workload: &Workload, arguments: &Arguments) -> Result<Figures> {
    let threads = arguments.threads;
    match workload.body {
        Body::One(body) => {
            let fresh = || function(move |inputs: Vec<Tensor>| body(&inputs)).with_threads(threads);
            time(workload, arguments, fresh)
        }
        Body::Several(body) => {
            let fresh = || function(move |inputs: Vec<Tensor>| body(&inputs)).with_threads(threads);
            time(workload, arguments, fresh)
        }
    }
}

fn time<R: Tree>(
    workload: &Workload,
    arguments: &Arguments,
    fresh: impl Fn() -> Function<Vec<Tensor>, R>,
) -> Result<Figures> {
    let inputs = (workload.inputs)(&mut Random::new());
    let mut first = Duration::MAX;
    for _ in 0..arguments.firsts.max(1) {
        let fresh = fresh();
        let start = Instant::now();
        drop(fresh.call(&inputs)?);
        first = first.min(start.elapsed());
    }
    let call = fresh();
    for _ in 0..3 {
        drop(call.call(&inputs)?);
    }
    let start = Instant::now();
    drop(call.call(&inputs)?);
    let together = if start.elapsed() < TIMED_TOGETHER { 100 } else { 1 };
    let end = Instant::now() + Duration::from_secs_f64(arguments.seconds);
    let mut times = Vec::new();
    while (Instant::now() < end || times.len() < 5) && times.len() < 100_000 {
        let start = Instant::now();
        for _ in 0..together {
            drop(call.call(&inputs)?);
        }
        times.push(start.elapsed() / together);
    }
    times.sort_unstable();
    Ok(Figures { first, best: times[0], median: times[times.len() / 2] })
}
