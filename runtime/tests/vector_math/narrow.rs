//! f32 functions against double precision.

use tensorwright_compiler::math::MathFn;
use tensorwright_ir::op::Random;

use super::inputs;
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
        MathFn::Asin => libm::asin(x),
        MathFn::Acos => libm::acos(x),
        MathFn::Atan => libm::atan(x),
        MathFn::Sinh => libm::sinh(x),
        MathFn::Cosh => libm::cosh(x),
        MathFn::Asinh => libm::asinh(x),
        // libm gives numbers for some arguments below 1.
        MathFn::Acosh if x < 1.0 => f64::NAN,
        MathFn::Acosh => libm::acosh(x),
        MathFn::Atanh => libm::atanh(x),
        MathFn::Erf => libm::erf(x),
        MathFn::Erfc => libm::erfc(x),
        MathFn::Cbrt => libm::cbrt(x),
        MathFn::Pow => libm::pow(x, y),
        MathFn::Atan2 => libm::atan2(x, y),
    }
}

/// Largest error allowed, in units in the last place.
fn tolerance(function: MathFn) -> f64 {
    match function {
        MathFn::Tan | MathFn::Sinh | MathFn::Asinh | MathFn::Acosh | MathFn::Atanh | MathFn::Erfc => 4.0,
        _ => 2.0,
    }
}

/// Error in units in the last place of the exact result; infinity counts as the next power of two.
fn ulps(got: f32, exact: f64) -> f64 {
    if got.is_nan() && exact.is_nan() || f64::from(got) == exact {
        return 0.0;
    }
    let limit = 2f64.powi(128);
    let clip = |v: f64| v.clamp(-limit, limit);
    let magnitude = exact.abs().clamp(2f64.powi(-126), limit / 2.0);
    let exponent = (magnitude.to_bits() >> 52) as i32 - 1023 - 23;
    let error = (clip(f64::from(got)) - clip(exact)).abs() / 2f64.powi(exponent);
    if error.is_nan() { f64::INFINITY } else { error }
}

/// Where references come from.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// The `libm` crate, which shares nothing with us.
    Libm,
    /// Our own f64 functions, which another test holds against arbitrary precision: ten times faster.
    Wide,
}

impl Source {
    fn references(self, function: MathFn, xs: &[f32], ys: &[f32]) -> Vec<f64> {
        let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&v| f64::from(v)).collect() };
        let (xs, ys) = (wide(xs), wide(ys));
        match self {
            Source::Libm => xs.iter().zip(&ys).map(|(&x, &y)| reference(function, x, y)).collect(),
            Source::Wide => Strip::of(function).run(&xs, &ys),
        }
    }
}

/// The worst error seen, and where.
#[derive(Default)]
struct Worst {
    ulps: f64,
    x: f32,
    y: f32,
}

impl Worst {
    fn look(&mut self, function: MathFn, source: Source, xs: &[f32], ys: &[f32]) {
        let got = Strip::of(function).run(xs, ys);
        let exact = source.references(function, xs, ys);
        for (((&x, &y), got), exact) in xs.iter().zip(ys).zip(got).zip(exact) {
            let error = ulps(got, exact);
            if error > self.ulps {
                *self = Worst { ulps: error, x, y };
            }
        }
    }

    fn report(&self, function: MathFn) -> String {
        format!("{:10} {:6.3} at {:e} {:e}", function.name(), self.ulps, self.x, self.y)
    }
}

/// Every `stride`-th bit pattern.
fn unary(function: MathFn, source: Source, stride: usize) -> Worst {
    let mut worst = Worst::default();
    let mut patterns = (0..1u64 << 32).step_by(stride).map(|p| f32::from_bits(p as u32));
    loop {
        let xs: Vec<f32> = patterns.by_ref().take(4096).collect();
        if xs.is_empty() {
            return worst;
        }
        worst.look(function, source, &xs, &xs);
    }
}

/// Special values, any bits, and arguments whose power is in range.
fn binary(function: MathFn, source: Source, count: usize) -> Worst {
    let mut worst = Worst::default();
    let (xs, ys) = inputs::narrow(count);
    worst.look(function, source, &xs, &ys);
    let mut random = Random::new(2);
    let (xs, ys): (Vec<f32>, Vec<f32>) = (0..count)
        .map(|i| {
            let x =
                if i % 2 == 0 { (random.symmetric() * 88.0).exp() } else { 1.0 + random.symmetric() * 0.5 };
            (x as f32, (random.symmetric() * 104.0 / x.ln()) as f32)
        })
        .unzip();
    worst.look(function, source, &xs, &ys);
    worst
}

/// Checks every `stride`-th argument of functions of one, and `count` pairs for those of two.
pub(crate) fn check(source: Source, stride: usize, count: usize) {
    let mut failures = 0;
    for &function in MathFn::ALL {
        let worst = if function.arity() == 1 {
            unary(function, source, stride)
        } else {
            binary(function, source, count)
        };
        println!("f32 {}", worst.report(function));
        failures += usize::from(worst.ulps > tolerance(function));
    }
    assert_eq!(failures, 0, "functions beyond their tolerance; see above");
}

#[test]
fn sampled() {
    check(Source::Libm, 9973, 200_000);
    check(Source::Wide, 999_983, 2_000);
}
