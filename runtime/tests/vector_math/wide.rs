//! f64 functions against arbitrary precision.

use dashu_float::FBig;
use dashu_float::round::mode::HalfEven;
use tensorwright_compiler::math::MathFn;
use tensorwright_ir::op::Random;

use super::strips::Strip;

type Big = FBig<HalfEven, 2>;

/// Bits of the reference.
const PRECISION: usize = 160;

fn big(value: f64) -> Big {
    Big::try_from(value).expect("finite").with_precision(PRECISION).value()
}

/// The exact result, for arguments in the interior of the domain.
fn reference(function: MathFn, x: &Big, y: &Big) -> Big {
    let (zero, one, two) = (big(0.0), big(1.0), big(2.0));
    match function {
        MathFn::Exp => x.exp(),
        MathFn::Expm1 => x.exp_m1(),
        MathFn::Exp2 => (x * two.ln()).exp(),
        MathFn::Log => x.ln(),
        MathFn::Log1p => x.ln_1p(),
        MathFn::Log2 => x.ln() / two.ln(),
        MathFn::Logistic => &one / (&one + (-x).exp()),
        MathFn::Tanh => x.tanh(),
        MathFn::Sin => x.sin(),
        MathFn::Cos => x.cos(),
        MathFn::Tan => x.tan(),
        MathFn::Asin => x.asin(),
        MathFn::Acos => x.acos(),
        MathFn::Atan => x.atan(),
        MathFn::Sinh => x.sinh(),
        MathFn::Cosh => x.cosh(),
        MathFn::Asinh => x.asinh(),
        MathFn::Acosh => x.acosh(),
        MathFn::Atanh => x.atanh(),
        MathFn::Erf => erf(x),
        MathFn::Erfc if *x < zero => one + erf(&-x),
        MathFn::Erfc if *x < two => one - erf(x),
        MathFn::Erfc => erfc_fraction(x),
        MathFn::Cbrt if *x < zero => -reference(function, &-x, y),
        MathFn::Cbrt => x.nth_root(3),
        MathFn::Pow => x.powf(y),
        MathFn::Atan2 => x.atan2(y),
    }
}

/// `2/sqrt(pi) e^(-x^2) sum 2^n x^(2n+1) / (2n+1)!!`: no terms cancel.
fn erf(x: &Big) -> Big {
    let square = x * x;
    let (mut term, mut sum) = (x.clone(), x.clone());
    let negligible = x.clone() * big(2f64.powi(-(PRECISION as i32)));
    for n in 1.. {
        term = term * big(2.0) * &square / big(f64::from(2 * n + 1));
        sum += &term;
        if abs(&term) <= abs(&negligible) {
            break;
        }
    }
    sum * (-square).exp() * big(2.0) / pi().sqrt()
}

/// `e^(-x^2) / (sqrt(pi) (x + (1/2) / (x + (2/2) / (x + (3/2) / ...))))` for `x >= 2`.
fn erfc_fraction(x: &Big) -> Big {
    let mut fraction = x.clone();
    for n in (1..800).rev() {
        fraction = x + big(f64::from(n) / 2.0) / fraction;
    }
    (-(x * x)).exp() / (pi().sqrt() * fraction)
}

fn pi() -> Big {
    big(1.0).atan() * big(4.0)
}

fn abs(value: &Big) -> Big {
    if *value < big(0.0) { -value } else { value.clone() }
}

/// Error of `got` in units in the last place of the exact result.
fn ulps(got: f64, exact: &Big) -> f64 {
    let rounded = exact.to_f64().value();
    if got.is_infinite() || rounded.is_infinite() {
        return if got == rounded { 0.0 } else { f64::INFINITY };
    }
    let exponent = ((rounded.abs().to_bits() >> 52) as i32).max(1) - 1023 - 52;
    let error = abs(&(exact - big(got)));
    // Scaled in two steps: the unit itself may be too small for a normal number.
    let half = exponent / 2;
    (error * big(2f64.powi(-half)) * big(2f64.powi(half - exponent))).to_f64().value()
}

/// Largest error allowed, in units in the last place.
fn tolerance(function: MathFn) -> f64 {
    match function {
        MathFn::Tan | MathFn::Sinh | MathFn::Asinh | MathFn::Acosh | MathFn::Atanh | MathFn::Erfc => 4.0,
        // Where e^-x is near 2^53, adding 1 to it rounds once more than elsewhere: 2.08 was seen.
        MathFn::Logistic => 2.1,
        _ => 2.0,
    }
}

/// Arguments spread over the domain: uniformly over several scales, and over the exponents.
fn draw(function: MathFn, random: &mut Random) -> (f64, f64) {
    let scale = [0.1, 1.0, 10.0, 100.0][random.bits() as usize % 4];
    let uniform = random.symmetric() * scale;
    let spread = random.symmetric() * 2f64.powf(random.symmetric() * 1000.0);
    let any = if random.below(2) == 0 { uniform } else { spread };
    let small = if any.abs() < 1.0 { any } else { 1.0 / any };
    match function {
        MathFn::Exp | MathFn::Expm1 | MathFn::Sinh | MathFn::Cosh | MathFn::Logistic => {
            (random.symmetric() * scale.max(1.0) * 7.0, 0.0)
        }
        MathFn::Exp2 => (random.symmetric() * scale * 10.0, 0.0),
        MathFn::Log | MathFn::Log2 => {
            (if random.below(2) == 0 { any.abs() } else { 1.0 + uniform.abs() / 100.0 }, 0.0)
        }
        MathFn::Log1p => (if any > -1.0 { any } else { -any }, 0.0),
        MathFn::Acosh => (1.0 + any.abs(), 0.0),
        MathFn::Asin | MathFn::Acos | MathFn::Atanh => (small, 0.0),
        MathFn::Tanh => (uniform / 4.0, 0.0),
        MathFn::Erf => (random.symmetric() * 6.0 * scale.min(1.0), 0.0),
        MathFn::Erfc => (random.symmetric() * 27.2 * scale.min(1.0), 0.0),
        MathFn::Pow => {
            let x = if random.below(2) == 0 { 1.0 + random.symmetric() * 0.5 } else { any.abs() };
            (x, random.symmetric() * 740.0 / x.ln())
        }
        MathFn::Atan2 => (any, random.symmetric() * scale),
        _ => (any, 0.0),
    }
}

fn worst(function: MathFn, count: usize) -> (f64, f64, f64) {
    let mut random = Random::new(function as u64 + 3);
    let (xs, ys): (Vec<f64>, Vec<f64>) = (0..count).map(|_| draw(function, &mut random)).unzip();
    let got = Strip::of(function).run(&xs, &ys);
    let mut worst = (0.0, 0.0, 0.0);
    for ((&x, &y), got) in xs.iter().zip(&ys).zip(got) {
        let error = ulps(got, &reference(function, &big(x), &big(y)));
        if error > worst.0 {
            worst = (error, x, y);
        }
    }
    worst
}

/// Checks this many arguments of each function.
pub(crate) fn check(count: usize) {
    let mut failures = 0;
    for &function in MathFn::ALL {
        let (error, x, y) = worst(function, count);
        println!("f64 {:10} {error:6.3} at {x:e} {y:e}", function.name());
        failures += usize::from(error > tolerance(function));
    }
    assert_eq!(failures, 0, "functions beyond their tolerance; see above");
}

#[test]
fn sampled() {
    check(300);
}
