//! Regression with a Gaussian process: a function is learnt from noisy points, with an idea of how sure the prediction is. How smooth, how
//! large and how noisy it is are learnt too, by gradient: each step is one compiled function, through a Cholesky factor.
//!
//! `cargo run --release -p tensorwright-examples --bin gaussian_process`
//!
//! With the covariance `k(x, x') = a^2 exp(-(x - x')^2 / (2 l^2))` and noise `s`, the points `y` at `x` have the covariance
//! `K = k(x, x) + s^2 = L L^T` and the log marginal likelihood `-|L^-1 y|^2 / 2 - sum(log(diag(L))) - n log(2 pi) / 2` (Rasmussen and Williams,
//! Gaussian Processes for Machine Learning, 2006, algorithm 2.1).

use anyhow::{Result, ensure};
use tensorwright::prelude::*;
use tensorwright::{Diagonal, Side, Triangle, Turned};

/// Points to learn from, and standard deviation of their noise.
const POINTS: usize = 60;
const NOISE: f64 = 0.1;
/// Steps of gradient ascent (Adam).
const STEPS: usize = 150;
const RATE: f64 = 0.05;

fn main() -> Result<()> {
    let key = RandomKey::new(5);
    let x = Tensor::linspace(0.0f64, 6.0, POINTS);
    let noise = key.normal([POINTS], 0.0, NOISE);
    let y = truth(&x) + noise;
    let step = function(ascend);
    // Logarithms of the size, the length and the noise, and the moments of Adam.
    let mut parameters = Tensor::from([0.0f64, 0.5, -0.5]);
    let (mut mean, mut square) = (parameters.zeros_like(), parameters.zeros_like());
    let before = likelihood(&parameters, &x, &y).item::<f64>()?;
    let error_before = error(&parameters, &x, &y)?;
    for number in 1..=STEPS {
        let number = Tensor::from(number as f64);
        (parameters, mean, square) = step.call((parameters, mean, square, number, x.clone(), y.clone()))?;
    }
    let after = likelihood(&parameters, &x, &y).item::<f64>()?;
    let error_after = error(&parameters, &x, &y)?;
    let learnt = parameters.exp().to_vec::<f64>()?;
    println!("                         before     after");
    println!("log marginal likelihood {before:7.2}   {after:7.2}");
    println!("error of the prediction {error_before:7.4}   {error_after:7.4}");
    println!("size {:.3}, length {:.3}, noise {:.3} (true: {NOISE})", learnt[0], learnt[1], learnt[2]);
    ensure!(step.trace_count() == 1, "one graph");
    ensure!(after > before + 10.0 && error_after < 0.06, "the hyperparameters are learnt");
    ensure!((learnt[2] - NOISE).abs() < 0.05, "the noise is found");
    Ok(())
}

fn truth(x: &Tensor) -> Tensor {
    x.sin() + (x * 2.5).cos() * 0.4
}

/// Covariances of the function at points `x` and `z`.
fn covariance(parameters: &Tensor, x: &Tensor, z: &Tensor) -> Tensor {
    let (size, length) = (parameters.i(0).exp(), parameters.i(1).exp());
    let distance = (x.expand_dims(1) - z.expand_dims(0)) / length;
    size.square() * (distance.square() * -0.5).exp()
}

/// The factor `L` of the covariance of the points, and `L^-1 y`.
fn factor(parameters: &Tensor, x: &Tensor, y: &Tensor) -> (Tensor, Tensor) {
    let noise = parameters.i(2).exp().square() + 1e-8;
    let l = (covariance(parameters, x, x) + noise * Tensor::eye(POINTS, DType::F64)).cholesky();
    let white =
        l.triangular_solve(y.expand_dims(1), Side::Left, Triangle::Lower, Turned::No, Diagonal::Stored);
    (l, white)
}

/// The logarithm of how likely the points are, whatever the function is.
fn likelihood(parameters: &Tensor, x: &Tensor, y: &Tensor) -> Tensor {
    let (l, white) = factor(parameters, x, y);
    let constant = 0.5 * POINTS as f64 * std::f64::consts::TAU.ln();
    white.square().sum(..) * -0.5 - l.diag_part(0).log().sum(..) - constant
}

/// Parameters and moments, the number of the step, the points.
type Ascent = (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor);

/// One step of Adam up the likelihood.
fn ascend((parameters, mean, square, number, x, y): Ascent) -> Result<(Tensor, Tensor, Tensor), Error> {
    let slope = grad(move |parameters: Tensor| likelihood(&parameters, &x, &y)).call(parameters.clone())?;
    let mean = mean * 0.9 + &slope * 0.1;
    let square = square * 0.999 + slope.square() * 0.001;
    let unbiased = &mean / (1.0 - Tensor::from(0.9f64).pow(&number));
    let scale = (&square / (1.0 - Tensor::from(0.999f64).pow(&number))).sqrt() + 1e-8;
    Ok((parameters + unbiased / scale * RATE, mean, square))
}

/// The root of the mean squared error of the prediction between the points: `k(z, x) K^-1 y`.
fn error(parameters: &Tensor, x: &Tensor, y: &Tensor) -> Result<f64> {
    let z = Tensor::linspace(0.05f64, 5.95, 200);
    let (l, _) = factor(parameters, x, y);
    let weights = l.cholesky_solve(y);
    let prediction = covariance(parameters, &z, x).matmul(weights);
    Ok((prediction - truth(&z)).square().mean(..).sqrt().item::<f64>()?)
}
