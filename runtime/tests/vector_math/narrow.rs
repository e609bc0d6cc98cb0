//! f32 functions against double precision.

use tensorwright_compiler::math::MathFn;

use super::strips::Strip;

/// The reference: in double precision, so at most a few billionths of a float's unit in the last place off.
fn reference(function: MathFn, x: f64, y: f64) -> f64 {
    match function {
        MathFn::Exp => libm::exp(x),
        MathFn::Expm1 => libm::expm1(x),
        MathFn::Exp2 => libm::exp2(x),
        MathFn::Log => libm::log(x),
        MathFn::Log1p => libm::log1p(x),
        MathFn::Log2 => libm::log2(x),
        MathFn::Logistic => 1.0 / (1.0 + libm::exp(-x)),
        MathFn::Tanh => libm::tanh(x),
        MathFn::Sin => libm::sin(x),
        MathFn::Cos => libm::cos(x),
        MathFn::Tan => libm::tan(x),
        MathFn::Erf => libm::erf(x),
    }
}

/// Error in units in the last place of the exact result; infinity counts as the next power of two.
fn ulps(got: f32, exact: f64) -> f64 {
    if got.is_nan() && exact.is_nan() || f64::from(got) == exact {
        return 0.0;
    }
    let limit = 2f64.powi(128);
    let clip = |v: f64| v.clamp(-limit, limit);
    let exponent = (exact.abs().clamp(2f64.powi(-126), limit / 2.0).log2().floor() as i32) - 23;
    let error = (clip(f64::from(got)) - clip(exact)).abs() / 2f64.powi(exponent);
    if error.is_nan() { f64::INFINITY } else { error }
}

/// The worst error over every `stride`-th bit pattern, and where it is.
fn worst(function: MathFn, stride: usize) -> (f64, f32) {
    let strip = Strip::of(function);
    let mut worst = (0.0, 0.0f32);
    let mut pattern = 0u64;
    while pattern < 1 << 32 {
        let xs: Vec<f32> = (0..1024)
            .map(|i| pattern + i * stride as u64)
            .filter(|&p| p < 1 << 32)
            .map(|p| f32::from_bits(p as u32))
            .collect();
        pattern += 1024 * stride as u64;
        for (&x, got) in xs.iter().zip(strip.run(&xs, &xs)) {
            let error = ulps(got, reference(function, f64::from(x), 0.0));
            if error > worst.0 {
                worst = (error, x);
            }
        }
    }
    worst
}

#[test]
fn sampled() {
    for &function in MathFn::ALL {
        let (error, x) = worst(function, 997);
        println!("{:10} {error:.3} at {x:e} ({:#x})", function.name(), x.to_bits());
    }
}
