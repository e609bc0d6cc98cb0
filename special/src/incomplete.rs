//! Incomplete gamma and beta functions.

use std::f64::consts::TAU;

use crate::dual::Dual;
use crate::gamma::{digamma, gamma, lbeta, lgamma, stirling_rest};

/// Steps after which a series or a continued fraction is taken as it is.
const MOST_STEPS: usize = 200_000;

/// Shapes from which derivatives by the shape are those of the limit, which is normal.
const HUGE: f64 = 1e8;

/// The regularised lower incomplete gamma function, for `a > 0` and `x >= 0`.
pub fn igamma(a: f64, x: f64) -> f64 {
    if a > 0.0 && x >= 0.0 { spec_math::cephes64::igam(a, x) } else { f64::NAN }
}

/// The regularised upper incomplete gamma function, for `a > 0` and `x >= 0`.
pub fn igammac(a: f64, x: f64) -> f64 {
    if a > 0.0 && x >= 0.0 { spec_math::cephes64::igamc(a, x) } else { f64::NAN }
}

/// `x^(a - 1) e^-x / Γ(a)`, the derivative of [`igamma`] by `x`: the density of the gamma distribution with shape `a`.
pub fn gamma_density(a: f64, x: f64) -> f64 {
    match x {
        _ if a.is_nan() || a <= 0.0 || x.is_nan() => f64::NAN,
        _ if x < 0.0 || x == f64::INFINITY => 0.0,
        0.0 if a < 1.0 => f64::INFINITY,
        0.0 => f64::from(u8::from(a == 1.0)),
        _ if a.is_infinite() => 0.0,
        _ => scaled_power(a, x) / x,
    }
}

/// `x^a e^-x / Γ(a)`. For large `a` the exponent is taken relative to its greatest value, so that no large numbers cancel (Loader 2000).
fn scaled_power(a: f64, x: f64) -> f64 {
    if a < 10.0 {
        let power = x.powf(a) * (-x).exp() / gamma(a);
        let is_lost = power == 0.0 || !power.is_finite();
        return if is_lost { (a * x.ln() - x - lgamma(a)).exp() } else { power };
    }
    (-a * deviance(x / a, (x - a) / a) - stirling_rest(a)).exp() * (a / TAU).sqrt()
}

/// `ratio - 1 - ln ratio`, given `ratio - 1`.
fn deviance(ratio: f64, above: f64) -> f64 {
    if above.abs() < 0.4 { -spec_math::cephes64::log1pmx(above) } else { above - ratio.ln() }
}

/// The derivative of [`igamma`] by `a`: of its series, or of its continued fraction, term by term. From shapes of 1e8 on, those of the limit, to 8 digits.
pub fn igamma_grad_a(a: f64, x: f64) -> f64 {
    match x {
        _ if !(a > 0.0 && x >= 0.0) => f64::NAN,
        0.0 => 0.0,
        f64::INFINITY => 0.0,
        _ if a > HUGE => -gamma_density(a, x) * (1.0 + (x - a) / (2.0 * a)),
        _ if x > 1.0 && x > a => -by_fraction(a, x),
        _ => by_series(a, x),
    }
}

/// Of the lower function: `x^a e^-x / Γ(a + 1) sum of x^n / ((a + 1) .. (a + n))`.
fn by_series(a: f64, x: f64) -> f64 {
    let shape = Dual::parameter(a);
    let (mut term, mut sum) = (Dual::constant(1.0), Dual::constant(1.0));
    for n in 1..MOST_STEPS {
        term = term * x / (shape + n as f64);
        sum = sum + term;
        if term.value < sum.value * 1e-17 && term.slope.abs() <= sum.slope.abs() * 1e-17 {
            break;
        }
    }
    scaled_power(a, x) / a * (sum.value * (x.ln() - digamma(a + 1.0)) + sum.slope)
}

/// Of the upper function, by Lentz's method: `x^a e^-x / Γ(a) / (x + 1 - a - 1 (1 - a) / (x + 3 - a - ..))`.
fn by_fraction(a: f64, x: f64) -> f64 {
    let shape = Dual::parameter(a);
    let mut b = -shape + (x + 1.0);
    let mut c = Dual::constant(1e290);
    let mut d = Dual::constant(1.0) / b.away_from_zero();
    let mut h = d;
    for n in 1..MOST_STEPS {
        let n = n as f64;
        let numerator = (shape + -n) * n;
        b = b + 2.0;
        d = Dual::constant(1.0) / (numerator * d + b).away_from_zero();
        c = (b + numerator / c).away_from_zero();
        let factor = c * d;
        h = h * factor;
        if (factor.value - 1.0).abs() < 1e-16 && factor.slope.abs() * h.value.abs() <= h.slope.abs() * 1e-16 {
            break;
        }
    }
    scaled_power(a, x) * (h.value * (x.ln() - digamma(a)) + h.slope)
}

/// The regularised incomplete beta function, for `a > 0`, `b > 0` and `x` from 0 to 1.
pub fn betainc(a: f64, b: f64, x: f64) -> f64 {
    match x {
        _ if !(a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&x)) => f64::NAN,
        0.0 => 0.0,
        1.0 => 1.0,
        _ if a.is_infinite() || b.is_infinite() => f64::NAN,
        _ => spec_math::cephes64::incbet(a, b, x),
    }
}

/// `x^(a - 1) (1 - x)^(b - 1) / B(a, b)`, the derivative of [`betainc`] by `x`: the density of the beta distribution.
pub fn beta_density(a: f64, b: f64, x: f64) -> f64 {
    match x {
        _ if !(a > 0.0 && b > 0.0) || x.is_nan() => f64::NAN,
        _ if !(0.0..=1.0).contains(&x) => 0.0,
        0.0 => at_end(a, b),
        1.0 => at_end(b, a),
        _ => scaled_powers(a, b, x) / (x * (1.0 - x)),
    }
}

/// The density where the power with exponent `a - 1` is 0, infinite or 1.
fn at_end(a: f64, b: f64) -> f64 {
    match a {
        _ if a < 1.0 => f64::INFINITY,
        1.0 => b,
        _ => 0.0,
    }
}

/// `x^a (1 - x)^b / B(a, b)`, as [`scaled_power`].
fn scaled_powers(a: f64, b: f64, x: f64) -> f64 {
    if a.min(b) < 10.0 {
        return (a * x.ln() + b * (-x).ln_1p() - lbeta(a, b)).exp();
    }
    let n = a + b;
    let (left, right) = (deviation(a, n * x), deviation(b, n * (1.0 - x)));
    let rest = stirling_rest(n) - stirling_rest(a) - stirling_rest(b);
    (rest - left - right).exp() * (a / n * b / TAU).sqrt()
}

/// `a ln(a / expected) - a + expected`.
fn deviation(a: f64, expected: f64) -> f64 {
    a * deviance(expected / a, (expected - a) / a)
}

/// Which parameter a derivative is taken by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    First,
    Second,
}

/// The derivative of [`betainc`] by `a`: of its continued fraction, term by term. That by `b` is minus this one with `a` and `b`
/// exchanged and `1 - x` for `x`.
pub fn betainc_grad_a(a: f64, b: f64, x: f64) -> f64 {
    match x {
        _ if !(a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&x)) => f64::NAN,
        0.0 | 1.0 => 0.0,
        _ if a.is_infinite() || b.is_infinite() => f64::NAN,
        _ if x < (a + 1.0) / (a + b + 2.0) => by_beta_fraction(a, b, x, By::First),
        _ => -by_beta_fraction(b, a, 1.0 - x, By::Second),
    }
}

/// Of `x^a (1 - x)^b / (a B(a, b)) / (1 + d1 / (1 + d2 / ..))`.
fn by_beta_fraction(a: f64, b: f64, x: f64, by: By) -> f64 {
    let seed = |of: By, value| if of == by { Dual::parameter(value) } else { Dual::constant(value) };
    let (first, second) = (seed(By::First, a), seed(By::Second, b));
    let h = beta_fraction(first, second, x);
    let scale = scaled_powers(a, b, x) / a;
    let both = digamma(a + b);
    let logarithmic = match by {
        By::First => x.ln() - digamma(a) + both - 1.0 / a,
        By::Second => (-x).ln_1p() - digamma(b) + both,
    };
    scale * (h.value * logarithmic + h.slope)
}

/// The continued fraction of Numerical Recipes 6.4, by Lentz's method.
fn beta_fraction(a: Dual, b: Dual, x: f64) -> Dual {
    let one = Dual::constant(1.0);
    let mut c = one;
    let mut d = one / (one - (a + b) * x / (a + 1.0)).away_from_zero();
    let mut h = d;
    for m in 1..MOST_STEPS {
        let m = m as f64;
        let even = (b + -m) * (m * x) / ((a + (2.0 * m - 1.0)) * (a + 2.0 * m));
        let odd = -((a + m) * (a + b + m)) * x / ((a + 2.0 * m) * (a + (2.0 * m + 1.0)));
        let before = h;
        for numerator in [even, odd] {
            d = one / (one + numerator * d).away_from_zero();
            c = (one + numerator / c).away_from_zero();
            h = h * (c * d);
        }
        let (value, slope) = ((h.value - before.value).abs(), (h.slope - before.slope).abs());
        if value <= h.value.abs() * 1e-16 && slope <= h.slope.abs() * 1e-16 {
            break;
        }
    }
    h
}
