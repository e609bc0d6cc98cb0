//! Fourier transforms of many lengths: microseconds of a call of a compiled function, best of many.
//!
//! `cargo run --release -p tensorwright-benches --bin spectra`
//!
//! SciPy's are measured by the same rule with `scipy.fft.fft(x, workers=1)` and kin on operands of the same shapes.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use tensorwright::prelude::*;

/// Lengths of lines, and how many there are.
const SHAPES: [(usize, usize); 9] = [
    (64, 256),
    (64, 1000),
    (16, 1009),
    (16, 1024),
    (4, 4096),
    (4, 10_000),
    (1, 65_536),
    (1, 100_003),
    (1, 1 << 20),
];

#[derive(Parser)]
struct Options {
    /// Threads of a call.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Milliseconds for each line of the table.
    #[arg(long, default_value_t = 300)]
    milliseconds: u64,
}

fn main() -> Result<()> {
    let options = Options::parse();
    println!(
        "lines x length       fft c64   fft c128   rfft f32   rfft f64  (us, {} threads)",
        options.threads
    );
    for (lines, length) in SHAPES {
        let real = RandomKey::new(1).normal([lines, length], 0.0f64, 1.0);
        let mut row = Vec::new();
        for dtype in [DType::C64, DType::C128] {
            row.push(best(&options, |x: Tensor| x.fft(-1), &real.cast(dtype))?);
        }
        for dtype in [DType::F32, DType::F64] {
            row.push(best(&options, |x: Tensor| x.rfft(-1), &real.cast(dtype))?);
        }
        let row: Vec<String> = row.iter().map(|us| format!("{us:10.1}")).collect();
        println!("{:14} {}", format!("{lines} x {length}"), row.join(" "));
    }
    Ok(())
}

/// Microseconds of the fastest call.
fn best(options: &Options, f: fn(Tensor) -> Tensor, x: &Tensor) -> Result<f64> {
    let f = function(f);
    black_box(f.call_with_threads(options.threads, x)?);
    let (start, mut best) = (Instant::now(), Duration::MAX);
    while start.elapsed() < Duration::from_millis(options.milliseconds) {
        let begin = Instant::now();
        black_box(f.call_with_threads(options.threads, x)?);
        best = best.min(begin.elapsed());
    }
    Ok(best.as_secs_f64() * 1e6)
}
