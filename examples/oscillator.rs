//! Physics: how far a mass on a spring has swung depends on the stiffness of the spring. The solver chooses its own steps, in a loop whose
//! length is known only when it runs, and is differentiated through that loop, forwards and backwards.
//!
//! `cargo run --release -p tensorwright-examples --bin oscillator`
//!
//! `x'' = -k x`, `x(0) = 1`, `x'(0) = 0`, so `x(T) = cos(sqrt(k) T)` and `dx/dk = -T sin(sqrt(k) T) / (2 sqrt(k))`. Steps are those of
//! Runge and Kutta of fourth order; one of length `h` against two of length `h/2` tells the error, and the error the next length
//! (step doubling, Press et al., Numerical Recipes, 17.2).

use anyhow::{Result, ensure};
use tensorwright::prelude::*;

/// When the swing ends.
const TIME: f64 = 10.0;
/// Error of one step.
const TOLERANCE: f64 = 1e-10;
/// How near the results must be to the exact ones.
const NEAR: f64 = 1e-7;

/// Position and velocity.
type State = (Tensor, Tensor);

fn main() -> Result<()> {
    let swing = function(|k: Tensor| Ok(simulate(&k)?.0));
    // Forward mode: the sensitivity is carried along with the state, through a compiled loop.
    let sensitivity =
        function(|k: Tensor| Ok(jvp(|k| simulate(&k).map(|r| r.0), k.clone(), k.ones_like())?.1));
    // Reverse mode: the loop saves its steps in lists, and a second loop goes back through them.
    let gradient = grad(|k: Tensor| Ok(simulate(&k)?.0));
    println!("   k  steps         x(T)       exact  dx/dk forward  dx/dk reverse   dx/dk tape       exact");
    for k in [0.5f64, 1.0, 4.0, 9.0] {
        let (_, steps) = simulate(&Tensor::from(k))?;
        let x = swing.call(k)?.item::<f64>()?;
        let forward = sensitivity.call(k)?.item::<f64>()?;
        let reverse = gradient.call(k)?.item::<f64>()?;
        let tape = on_tape(k)?;
        let w = k.sqrt();
        let (exact, slope) = ((w * TIME).cos(), -TIME * (w * TIME).sin() / (2.0 * w));
        let steps = steps.item::<i32>()?;
        println!(
            "{k:>4}  {steps:>5}  {x:>11.8} {exact:>11.8}  {forward:>13.8}  {reverse:>13.8}  {tape:>11.8} {slope:>11.8}"
        );
        ensure!((x - exact).abs() < NEAR, "x(T) is {x}, expected {exact}");
        for found in [forward, reverse, tape] {
            ensure!((found - slope).abs() < NEAR, "dx/dk is {found}, expected {slope}");
        }
    }
    println!("one graph for all stiffnesses: {} traced", swing.trace_count());
    let traced = [swing.trace_count(), sensitivity.trace_count(), gradient.trace_count()];
    ensure!(traced == [1; 3], "the loop's length is no part of the graph");
    Ok(())
}

/// Reverse mode of eager code: a tape records the steps as they are made.
fn on_tape(k: f64) -> Result<f64> {
    let k = Tensor::from(k);
    let tape = GradientTape::new();
    tape.watch(&k);
    let (x, _) = simulate(&k)?;
    let gradient = tape.gradient(&x, &[&k])?.remove(0);
    Ok(gradient.ok_or_else(|| anyhow::anyhow!("x does not depend on k"))?.item()?)
}

/// The position at the end, and the number of steps that were tried.
fn simulate(k: &Tensor) -> tensorwright::Result<(Tensor, Tensor)> {
    let number = |x: f64| Tensor::from(x);
    let start = (number(0.0), number(0.1), (number(1.0), number(0.0)), Tensor::from(0i32));
    let (_, _, (x, _), steps) = while_loop(
        start,
        |(t, ..)| t.lt(TIME),
        |(t, h, state, steps)| {
            // How long steps are is no part of the solution: it is not differentiated.
            let h = h.minimum(TIME - &t).stop_gradient();
            let whole = step(k, &state, &h);
            let half = &h * 0.5;
            let halves = step(k, &step(k, &state, &half), &half);
            let error = (&whole.0 - &halves.0).abs() + (&whole.1 - &halves.1).abs();
            let good = error.le(TOLERANCE);
            let scale = ((TOLERANCE / (error + 1e-300)).pow(0.2) * 0.9).clamp(0.2, 4.0);
            let state = (good.select(halves.0, state.0), good.select(halves.1, state.1));
            (good.select(&t + &h, t), (h * scale).stop_gradient(), state, steps + 1)
        },
    )?;
    Ok((x, steps))
}

/// One step of Runge and Kutta.
fn step(k: &Tensor, (x, v): &State, h: &Tensor) -> State {
    let slope = |x: &Tensor, v: &Tensor| (v.clone(), -(k * x));
    let along = |(dx, dv): &State, part: f64| (x + h * dx * part, v + h * dv * part);
    let a = slope(x, v);
    let (xb, vb) = along(&a, 0.5);
    let b = slope(&xb, &vb);
    let (xc, vc) = along(&b, 0.5);
    let c = slope(&xc, &vc);
    let (xd, vd) = along(&c, 1.0);
    let d = slope(&xd, &vd);
    let mean = |a: Tensor, b: Tensor, c: Tensor, d: Tensor| (a + (b + c) * 2.0 + d) / 6.0;
    (x + h * mean(a.0, b.0, c.0, d.0), v + h * mean(a.1, b.1, c.1, d.1))
}
