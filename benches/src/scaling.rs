//! Times first calls of programs that grow: `cargo run --release -p tensorwright-benches --bin scaling`
//!
//! Each line has the size, milliseconds of the first call (the best of several), and how many times those of half the size. What grows
//! faster than the program is a search without a budget.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use tensorwright::prelude::*;

/// Times first calls of programs that grow.
#[derive(Parser)]
struct Arguments {
    /// New functions made to find the best time of a first call.
    #[arg(long, default_value_t = 3)]
    firsts: usize,
    /// How often sizes double.
    #[arg(long, default_value_t = 5)]
    doublings: u32,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    report("sums", 250, &arguments, sums)?;
    report("momentum", 20, &arguments, momentum)
}

fn report(
    name: &str,
    smallest: usize,
    arguments: &Arguments,
    first_call: impl Fn(usize) -> Result<Duration>,
) -> Result<()> {
    let mut before: Option<f64> = None;
    for doubling in 0..=arguments.doublings {
        let size = smallest << doubling;
        let mut best = f64::INFINITY;
        for _ in 0..arguments.firsts.max(1) {
            best = best.min(first_call(size)?.as_secs_f64() * 1e3);
        }
        let ratio = before.map_or(String::new(), |before| format!("{:.2}", best / before));
        println!("{name:<10} {size:>6} {best:>10.1} ms {ratio:>6}");
        before = Some(best);
    }
    Ok(())
}

/// As many outputs as the size, the sums of `x * i`.
fn sums(size: usize) -> Result<Duration> {
    let sums = function(move |x: Tensor| (0..size).map(|i| (&x * i as f32).sum(..)).collect::<Vec<Tensor>>());
    let x = Tensor::ones([64], DType::F32);
    let start = Instant::now();
    drop(sums.call(&x)?);
    Ok(start.elapsed())
}

/// A step with momentum of so many variables.
fn momentum(size: usize) -> Result<Duration> {
    let variables = |size: usize| {
        (0..size).map(|_| Variable::new(Tensor::zeros([8, 8], DType::F32))).collect::<Result<Vec<_>, _>>()
    };
    let (weights, velocities) = (variables(size)?, variables(size)?);
    let step = function(move |gradient: Tensor| {
        for (weight, velocity) in weights.iter().zip(&velocities) {
            let next = velocity.value() * 0.9f32 + &gradient * &weight.value();
            velocity.assign(&next)?;
            weight.assign_sub(&next * 0.01f32)?;
        }
        Ok::<_, tensorwright::Error>(gradient.sum(..))
    });
    let gradient = Tensor::ones([8, 8], DType::F32);
    let start = Instant::now();
    drop(step.call(&gradient)?);
    Ok(start.elapsed())
}
