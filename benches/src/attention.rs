//! Times attention: `cargo run --release -p tensorwright-benches --bin attention -- --json`
//!
//! A line has the case, the best and the median time in microseconds, and 10^9 multiplications and additions per second at the best, of the products that
//! are looked at. `--gradient` times the value and its gradient by queries, keys and values.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use tensorwright::AttentionOptions;
use tensorwright::prelude::*;

/// Times attention.
#[derive(Parser)]
struct Arguments {
    /// One JSON line per case.
    #[arg(long)]
    json: bool,
    /// Only cases whose name begins so.
    #[arg(long, default_value = "")]
    only: String,
    /// The gradient too.
    #[arg(long)]
    gradient: bool,
    /// As a user writes it out, which the compiler recognises.
    #[arg(long)]
    written: bool,
    /// Threads that a call may use.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Seconds to spend on each case.
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
}

/// Name, heads, heads of keys, queries, keys, width, whether queries look back alone.
type Case = (&'static str, [usize; 5], bool);

const CASES: [Case; 15] = [
    ("t16", [12, 12, 16, 16, 64], false),
    ("t32", [12, 12, 32, 32, 64], false),
    ("t64", [12, 12, 64, 64, 64], false),
    ("t128", [12, 12, 128, 128, 64], false),
    ("t256", [12, 12, 256, 256, 64], false),
    ("t512", [12, 12, 512, 512, 64], false),
    ("t1024", [12, 12, 1024, 1024, 64], false),
    ("t2048", [12, 12, 2048, 2048, 64], false),
    ("t4096", [12, 12, 4096, 4096, 64], false),
    ("causal512", [12, 12, 512, 512, 64], true),
    ("causal2048", [12, 12, 2048, 2048, 64], true),
    ("width128", [8, 8, 512, 512, 128], false),
    ("width80", [8, 8, 512, 512, 80], false),
    ("shared512", [12, 3, 512, 512, 64], true),
    ("decode2048", [12, 12, 1, 2048, 64], false),
];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    for case in CASES.iter().filter(|case| case.0.starts_with(&arguments.only)) {
        let (best, median) = measure(case, &arguments)?;
        let &(name, [heads, _, queries, keys, width], causal) = case;
        let seen = if causal { queries * (queries + 1) / 2 } else { queries * keys };
        let rate = 4.0 * (heads * seen * width) as f64 / best.as_nanos() as f64;
        let [best, median] = [best, median].map(|time| time.as_secs_f64() * 1e6);
        if arguments.json {
            let line =
                serde_json::json!({ "case": name, "best_us": best, "median_us": median, "gflops": rate });
            println!("{line}");
        } else {
            println!("{name:<12} {best:>10.1} {median:>10.1} {rate:>8.1}");
        }
    }
    Ok(())
}

fn numbers(shape: [usize; 4], seed: usize) -> Tensor {
    let values: Vec<f32> =
        (0..shape.iter().product::<usize>()).map(|i| ((i * 37 + seed) % 101) as f32 * 0.01 - 0.5).collect();
    Tensor::from_slice(&values, shape)
}

fn written(q: &Tensor, k: &Tensor, v: &Tensor, width: usize, causal: bool) -> Tensor {
    let mut scores = q.matmul(k.swap_axes(-1, -2)) / (width as f32).sqrt();
    if causal {
        let sizes = scores.shape().map_or_else(|_| Vec::new(), |shape| shape.sizes().to_vec());
        let places = Tensor::arange(sizes[2], DType::I32);
        let mask = places.expand_dims(-1).ge(&places).broadcast_to(sizes);
        scores = mask.select(&scores, f32::NEG_INFINITY);
    }
    scores.softmax(-1).matmul(v)
}

fn measure(
    &(_, [heads, groups, queries, keys, width], causal): &Case,
    arguments: &Arguments,
) -> Result<(Duration, Duration)> {
    let inputs = (
        numbers([1, heads, queries, width], 1),
        numbers([1, groups, keys, width], 2),
        numbers([1, groups, keys, width], 3),
    );
    let options = if causal { AttentionOptions::new().causal() } else { AttentionOptions::new() };
    let is_written = arguments.written && heads == groups;
    let attend = move |(q, k, v): (Tensor, Tensor, Tensor)| match is_written {
        true => written(&q, &k, &v, width, causal),
        false => q.attention(&k, &v, options.clone()),
    };
    if arguments.gradient {
        let loss = move |x: (Tensor, Tensor, Tensor)| attend(x).square().sum(..);
        let gradient = function(move |x: (Tensor, Tensor, Tensor)| grad(loss.clone()).call(x));
        let gradient = gradient.with_threads(arguments.threads);
        return times(arguments.seconds, || {
            drop(gradient.call(&inputs)?);
            Ok(())
        });
    }
    let attend = function(attend).with_threads(arguments.threads);
    times(arguments.seconds, || {
        drop(attend.call(&inputs)?);
        Ok(())
    })
}

fn times(seconds: f64, call: impl Fn() -> Result<()>) -> Result<(Duration, Duration)> {
    for _ in 0..3 {
        call()?;
    }
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut times = Vec::new();
    while Instant::now() < end || times.len() < 5 {
        let start = Instant::now();
        call()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok((times[0], times[times.len() / 2]))
}
