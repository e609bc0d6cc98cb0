//! Times first calls of programs that grow: `cargo run --release -p tensorwright-benches --bin scaling`
//!
//! Each line has the size, milliseconds of the first call (the best of several), microseconds for each unit of size, and how many times
//! the time is that of half the size. What grows faster than the program is a search without a budget. Lines of `eager` are of ops that run
//! at once, on as many sizes of tensors.

use std::sync::atomic::{AtomicUsize, Ordering};
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
    /// Only the program of this name.
    #[arg(long)]
    only: Option<String>,
    /// How often sizes double.
    #[arg(long, default_value_t = 5)]
    doublings: u32,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    report("sums", 250, &arguments, sums)?;
    report("momentum", 20, &arguments, momentum)?;
    report("chain", 250, &arguments, |size| first_call(&function(chain(size))))?;
    report("chain_grad", 250, &arguments, |size| first_call(&grad(chain(size))))?;
    report("eager_add", 50, &arguments, |sizes| eager(sizes, 1000, |x| x + x))?;
    report("eager_exp", 50, &arguments, |sizes| eager(sizes, 3000, Tensor::exp))?;
    report("eager_sum", 50, &arguments, |sizes| eager(sizes, 5000, |x| x.sum(..)))?;
    report("eager_slice", 50, &arguments, |sizes| eager(sizes, 7000, |x| x.i(3..33)))?;
    let rows = |sizes, op: fn(&Tensor) -> Tensor| eager_on(sizes, |k| vec![k, 3], op);
    report("eager_row", 50, &arguments, |sizes| rows(sizes, |x| x + x.i(0)))?;
    report("eager_mean", 50, &arguments, |sizes| rows(sizes, |x| x.mean(0)))?;
    report("eager_max", 50, &arguments, |sizes| rows(sizes, |x| x.max(-1)))?;
    report("eager_softmax", 50, &arguments, |sizes| rows(sizes, |x| x.softmax(0)))?;
    report("eager_matmul", 50, &arguments, |sizes| rows(sizes, |x| x.matmul(x.i(..3))))?;
    report("eager_transpose", 50, &arguments, |sizes| rows(sizes, |x| x.t()))?;
    report("eager_concat", 50, &arguments, |sizes| rows(sizes, |x| Tensor::concat(&[x, x], 0)))?;
    report("eager_take", 50, &arguments, |sizes| rows(sizes, |x| x.take([2, 1], 0)))?;
    report("eager_sort", 50, &arguments, |sizes| rows(sizes, |x| x.sort(0)))?;
    report("eager_cumsum", 50, &arguments, |sizes| rows(sizes, |x| x.cumsum(0)))
}

fn report(
    name: &str,
    smallest: usize,
    arguments: &Arguments,
    first_call: impl Fn(usize) -> Result<Duration>,
) -> Result<()> {
    if arguments.only.as_deref().is_some_and(|only| only != name) {
        return Ok(());
    }
    let mut before: Option<f64> = None;
    for doubling in 0..=arguments.doublings {
        let size = smallest << doubling;
        let mut best = f64::INFINITY;
        for _ in 0..arguments.firsts.max(1) {
            best = best.min(first_call(size)?.as_secs_f64() * 1e3);
        }
        let ratio = before.map_or(String::new(), |before| format!("{:.2}", best / before));
        let each = best * 1e3 / size as f64;
        println!("{name:<11} {size:>6} {best:>10.1} ms {each:>8.1} us {ratio:>6}");
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
        Ok(gradient.sum(..))
    });
    let gradient = Tensor::ones([8, 8], DType::F32);
    let start = Instant::now();
    drop(step.call(&gradient)?);
    Ok(start.elapsed())
}

/// So many element-wise steps in a row.
fn chain(steps: usize) -> impl Fn(Tensor) -> Tensor + Send + Sync + 'static {
    let step = |y: Tensor, k| if k % 3 == 0 { y.sin() } else { &y * &y * 0.5 + 0.1 };
    move |x| (0..steps).fold(x, step).sum(..)
}

/// An op on tensors of so many sizes, each for the first time.
fn eager(sizes: usize, smallest: usize, op: impl Fn(&Tensor) -> Tensor) -> Result<Duration> {
    static USED: AtomicUsize = AtomicUsize::new(0);
    let first = smallest + USED.fetch_add(sizes, Ordering::Relaxed);
    let inputs: Vec<Tensor> = (0..sizes).map(|k| Tensor::ones([first + k], DType::F32)).collect();
    let start = Instant::now();
    for x in &inputs {
        op(x).ty()?;
    }
    Ok(start.elapsed())
}

/// An op on tensors of so many shapes, each for the first time.
fn eager_on(sizes: usize, shape: fn(usize) -> Vec<usize>, op: fn(&Tensor) -> Tensor) -> Result<Duration> {
    static USED: AtomicUsize = AtomicUsize::new(1000);
    let first = USED.fetch_add(sizes, Ordering::Relaxed);
    let inputs: Vec<Tensor> = (0..sizes).map(|k| Tensor::ones(shape(first + k), DType::F32)).collect();
    let start = Instant::now();
    for x in &inputs {
        op(x).ty()?;
    }
    Ok(start.elapsed())
}

fn first_call(f: &Function<Tensor, Tensor>) -> Result<Duration> {
    let x = Tensor::from([0.1f64, 0.2, 0.3, 0.4]);
    let start = Instant::now();
    drop(f.call(&x)?);
    Ok(start.elapsed())
}
