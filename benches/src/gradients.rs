//! Times gradients of loops, beside the loops themselves and both in Rust: `cargo run --release -p tensorwright-benches --bin gradients -- [NAME..]`
//!
//! Each line has the iterations of the loop, and for one of them the nanoseconds of the loop and of its gradient, which includes the loop, in
//! Rust and in ours with one thread. All are the best of many runs, taken in turns.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use tensorwright::prelude::*;

/// Times gradients of loops.
#[derive(Parser)]
struct Arguments {
    /// Which loops; all if none is named.
    names: Vec<String>,
    /// Seconds to spend on each line.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
}

/// A loop from a tensor to a scalar, in both forms.
struct Case {
    name: &'static str,
    iterations: usize,
    argument: Tensor,
    ours: fn(Tensor) -> tensorwright::Result<Tensor>,
    /// The result, and the gradient.
    forward: fn(&[f64]) -> f64,
    gradient: fn(&[f64]) -> (f64, Vec<f64>),
}

const CASES: &[fn() -> Case] = &[counted, until, recurrence, table, stencil];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!(
        "{:<12} {:>10} {:>9} {:>9} {:>9} {:>9} {:>7} {:>7}",
        "loop", "iterations", "rust", "rust grad", "ours", "our grad", "to loop", "to rust"
    );
    let named = |case: &Case| arguments.names.is_empty() || arguments.names.iter().any(|n| n == case.name);
    for case in CASES.iter().map(|case| case()).filter(named) {
        let [rust, rust_grad, ours, grad] = measure(&case, Duration::from_secs_f64(arguments.seconds))?;
        println!(
            "{:<12} {:>10} {rust:>9.2} {rust_grad:>9.2} {ours:>9.2} {grad:>9.2} {:>7.2} {:>7.2}",
            case.name,
            case.iterations,
            grad / ours,
            grad / rust_grad
        );
    }
    Ok(())
}

/// Nanoseconds of an iteration: of the loop and its gradient in Rust, and of ours.
fn measure(case: &Case, time: Duration) -> Result<[f64; 4]> {
    let body = case.ours;
    let forward = function(body).with_threads(1);
    let gradient = function(move |x: Tensor| value_and_grad(body).call(x)).with_threads(1);
    let numbers = case.argument.to_vec::<f64>()?;
    check(case, &numbers, &gradient.call(&case.argument)?)?;
    drop(forward.call(&case.argument)?);
    let mut best = [f64::INFINITY; 4];
    let end = Instant::now() + time;
    let mut rounds = 0;
    while Instant::now() < end || rounds < 5 {
        let mut note = |which: usize, start: Instant| {
            best[which] = f64::min(best[which], start.elapsed().as_secs_f64() * 1e9 / case.iterations as f64);
        };
        let start = Instant::now();
        black_box((case.forward)(black_box(&numbers)));
        note(0, start);
        let start = Instant::now();
        black_box((case.gradient)(black_box(&numbers)));
        note(1, start);
        let start = Instant::now();
        drop(forward.call(&case.argument)?);
        note(2, start);
        let start = Instant::now();
        drop(gradient.call(&case.argument)?);
        note(3, start);
        rounds += 1;
    }
    Ok(best)
}

fn check(case: &Case, numbers: &[f64], (value, slopes): &(Tensor, Tensor)) -> Result<()> {
    let (expected, expected_slopes) = (case.gradient)(numbers);
    let found = value.to_vec::<f64>()?.into_iter().chain(slopes.to_vec::<f64>()?);
    for (found, expected) in found.zip([expected].into_iter().chain(expected_slopes)) {
        let is_close = (found - expected).abs() <= 1e-9 * expected.abs().max(1e-200);
        anyhow::ensure!(is_close, "{}: found {found}, in Rust {expected}", case.name);
    }
    Ok(())
}

const RUNS: usize = 10_000;

/// `x = sin(x) * 0.9 + 0.3`, so many times.
fn counted() -> Case {
    fn forward(x: &[f64]) -> f64 {
        (0..RUNS).fold(x[0], |x, _| x.sin() * 0.9 + 0.3)
    }
    fn gradient(x: &[f64]) -> (f64, Vec<f64>) {
        let (mut x, mut kept) = (x[0], Vec::with_capacity(RUNS));
        for _ in 0..RUNS {
            kept.push(x);
            x = x.sin() * 0.9 + 0.3;
        }
        (x, vec![kept.iter().rev().fold(1.0, |slope, x| slope * 0.9 * x.cos())])
    }
    let ours = |x: Tensor| fori_loop(0, RUNS as i32, x, |_, x| x.sin() * 0.9 + 0.3);
    Case { name: "counted", iterations: RUNS, argument: Tensor::from(0.4f64), ours, forward, gradient }
}

/// The same until a sum of what it gives is large enough, some 10,000 times.
fn until() -> Case {
    fn forward(x: &[f64]) -> f64 {
        let (mut x, mut sum) = (x[0], 0.0);
        while sum < 10_400.0 {
            x = x.sin() * 0.9 + 0.3;
            sum += x;
        }
        x
    }
    fn gradient(x: &[f64]) -> (f64, Vec<f64>) {
        let (mut x, mut sum, mut kept) = (x[0], 0.0, Vec::new());
        while sum < 10_400.0 {
            kept.push(x);
            x = x.sin() * 0.9 + 0.3;
            sum += x;
        }
        (x, vec![kept.iter().rev().fold(1.0, |slope, x| slope * 0.9 * x.cos())])
    }
    let ours = |x: Tensor| {
        let step = |(x, sum): (Tensor, Tensor)| {
            let x = x.sin() * 0.9 + 0.3;
            let sum = sum + &x;
            (x, sum)
        };
        while_loop((x, Tensor::from(0.0f64)), |(_, sum)| sum.lt(10_400.0), step).map(|(x, _)| x)
    };
    let mut iterations = 0;
    let (mut x, mut sum) = (0.4f64, 0.0);
    while sum < 10_400.0 {
        x = x.sin() * 0.9 + 0.3;
        sum += x;
        iterations += 1;
    }
    Case { name: "until", iterations, argument: Tensor::from(0.4f64), ours, forward, gradient }
}

const STEP: f64 = 1e-3;
const TIMES: usize = 1000;

fn lorenz([x, y, z]: [f64; 3]) -> [f64; 3] {
    [x + STEP * 10.0 * (y - x), y + STEP * (x * (28.0 - z) - y), z + STEP * (x * y - 8.0 / 3.0 * z)]
}

/// Three numbers that depend on each other: Euler's method for the Lorenz equations.
fn recurrence() -> Case {
    fn forward(x: &[f64]) -> f64 {
        (0..TIMES).fold([x[0], x[1], x[2]], |state, _| lorenz(state))[0]
    }
    fn gradient(x: &[f64]) -> (f64, Vec<f64>) {
        let (mut state, mut kept) = ([x[0], x[1], x[2]], Vec::with_capacity(TIMES));
        for _ in 0..TIMES {
            kept.push(state);
            state = lorenz(state);
        }
        let back = |[a, b, c]: [f64; 3], [x, y, z]: &[f64; 3]| {
            [
                a - STEP * 10.0 * a + STEP * b * (28.0 - z) + STEP * c * y,
                b + STEP * 10.0 * a - STEP * b + STEP * c * x,
                c - STEP * b * x - STEP * 8.0 / 3.0 * c,
            ]
        };
        (state[0], kept.iter().rev().fold([1.0, 0.0, 0.0], back).to_vec())
    }
    let ours = |start: Tensor| {
        let state = (start.i(0), start.i(1), start.i(2));
        let step = |_, (x, y, z): (Tensor, Tensor, Tensor)| {
            (
                &x + (&y - &x) * (STEP * 10.0),
                &y + (&x * (28.0 - &z) - &y) * STEP,
                &z + (&x * &y - &z * (8.0 / 3.0)) * STEP,
            )
        };
        fori_loop(0, TIMES as i32, state, step).map(|(x, _, _)| x)
    };
    let argument = Tensor::from([1.0f64, 2.0, 20.0]);
    Case { name: "recurrence", iterations: TIMES, argument, ours, forward, gradient }
}

const CELLS: usize = 4096;

/// Each cell of a row made of the one before it and its own old value.
fn table() -> Case {
    fn filled(row: &[f64]) -> Vec<f64> {
        let mut row = row.to_vec();
        for j in 1..CELLS {
            row[j] = row[j - 1] * row[j] + 0.5;
        }
        row
    }
    fn forward(row: &[f64]) -> f64 {
        filled(row)[CELLS - 1]
    }
    fn gradient(old: &[f64]) -> (f64, Vec<f64>) {
        let (row, mut slopes) = (filled(old), vec![0.0; CELLS]);
        slopes[CELLS - 1] = 1.0;
        for j in (1..CELLS).rev() {
            let slope = slopes[j];
            slopes[j - 1] += slope * old[j];
            slopes[j] = slope * row[j - 1];
        }
        (row[CELLS - 1], slopes)
    }
    let ours = |row: Tensor| {
        let step = |j: Tensor, row: Tensor| {
            let new = row.take(&j - 1, 0) * row.take(&j, 0) + 0.5;
            row.dynamic_update_slice(new.reshape([1]), j.reshape([1]))
        };
        fori_loop(1, CELLS as i32, row, step).map(|row| row.i(-1))
    };
    let argument = Tensor::linspace(0.9f64, 1.0, CELLS);
    Case { name: "table", iterations: CELLS - 1, argument, ours, forward, gradient }
}

const POINTS: usize = 1000;
const STEPS: usize = 100;

/// Points that move with their neighbours; an iteration is one step of all of them.
fn stencil() -> Case {
    fn moved(u: &[f64]) -> Vec<f64> {
        let mut next = u.to_vec();
        for j in 1..POINTS - 1 {
            next[j] = u[j] + 0.1 * (u[j - 1] + u[j + 1] - 2.0 * u[j]) * u[j] * u[j];
        }
        next
    }
    fn forward(u: &[f64]) -> f64 {
        (0..STEPS).fold(u.to_vec(), |u, _| moved(&u)).iter().sum()
    }
    fn gradient(u: &[f64]) -> (f64, Vec<f64>) {
        let mut kept = vec![u.to_vec()];
        for step in 0..STEPS {
            kept.push(moved(&kept[step]));
        }
        let value = kept[STEPS].iter().sum();
        let mut slopes = vec![1.0; POINTS];
        for u in kept[..STEPS].iter().rev() {
            let mut before = slopes.clone();
            for j in 1..POINTS - 1 {
                let slope = 0.1 * slopes[j] * u[j] * u[j];
                before[j - 1] += slope;
                before[j + 1] += slope;
                before[j] += 0.2 * slopes[j] * (u[j - 1] + u[j + 1] - 2.0 * u[j]) * u[j] - 2.0 * slope;
            }
            slopes = before;
        }
        (value, slopes)
    }
    let ours = |u: Tensor| {
        let step = |_, u: Tensor| {
            let (left, own, right) = (u.i(..-2), u.i(1..POINTS as i64 - 1), u.i(2..));
            let inner = &own + (left + right - &own * 2.0) * 0.1 * &own * &own;
            Tensor::concat(&[u.i(..1), inner, u.i(-1..)], 0)
        };
        fori_loop(0, STEPS as i32, u, step).map(|u| u.sum(..))
    };
    let argument = Tensor::linspace(0.0f64, 3.0, POINTS).sin();
    Case { name: "stencil", iterations: STEPS, argument, ours, forward, gradient }
}
