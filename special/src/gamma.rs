//! The gamma function and its kin.

use crate::dual::Dual;

/// `B(2j) / (2j)!` for `j` from 1, with Bernoulli's numbers.
const BERNOULLI: [f64; 13] = [
    0.08333333333333333,
    -0.001388888888888889,
    3.306878306878307e-05,
    -8.267195767195768e-07,
    2.08767569878681e-08,
    -5.284190138687493e-10,
    1.3382536530684679e-11,
    -3.3896802963225827e-13,
    8.586062056277845e-15,
    -2.174868698558062e-16,
    5.5090028283602295e-18,
    -1.3954464685812522e-19,
    3.534707039629467e-21,
];

/// `Γ(x)`; NaN at negative integers.
pub fn gamma(x: f64) -> f64 {
    if x.is_infinite() {
        return if x > 0.0 { x } else { f64::NAN };
    }
    match x {
        0.0 => 1.0 / x,
        _ if x < 0.0 && x == x.trunc() => f64::NAN,
        _ => pxfm::f_tgamma(x),
    }
}

/// `ln |Γ(x)|`; infinite at 0 and negative integers.
pub fn lgamma(x: f64) -> f64 {
    if x.is_infinite() || x <= 0.0 && x == x.trunc() {
        return f64::INFINITY;
    }
    // Near the zeros between negative integers the reflection loses digits.
    if x < 0.0 { pxfm::f_lgamma(x) } else { libm::lgamma(x) }
}

/// The derivative of `ln Γ(x)`; NaN at negative integers.
pub fn digamma(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 && x == x.trunc() {
        return f64::NAN;
    }
    if x < 0.0 { pxfm::f_digamma(x) } else { spec_math::cephes64::psi(x) }
}

/// `ln |B(a, b)|`, the logarithm of the beta function.
pub fn lbeta(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        return f64::NAN;
    }
    if a > 0.0 && b > 0.0 { log_beta(a.min(b), a.max(b)) } else { lgamma(a) + lgamma(b) - lgamma(a + b) }
}

/// Of positive numbers, `a` the lesser: what Stirling's series of large numbers have in common is taken out first (Didonato and Morris,
/// TOMS 18, 1992).
fn log_beta(a: f64, b: f64) -> f64 {
    if b < 10.0 {
        let product = gamma(a) * gamma(b) / gamma(a + b);
        return if product.is_finite() && product > 1e-300 { product.ln() } else { -a.ln() };
    }
    if b.is_infinite() {
        return f64::NEG_INFINITY;
    }
    let ratio = a / b;
    if a < 10.0 {
        // ln(Γ(b) / Γ(a + b))
        let rest = stirling_rest(b) - stirling_rest(a + b);
        return lgamma(a) + rest + a - a * (a + b).ln() - (b - 0.5) * ratio.ln_1p();
    }
    let rest = stirling_rest(a) + stirling_rest(b) - stirling_rest(a + b);
    let share = a / (a + b);
    rest + 0.5 * (std::f64::consts::TAU / b).ln() + (a - 0.5) * share.ln() - b * ratio.ln_1p()
}

/// `ln Γ(a) - (a - 1/2) ln a + a - ln(2 pi) / 2` for `a >= 10`: Stirling's series.
pub(crate) fn stirling_rest(a: f64) -> f64 {
    const TERMS: [f64; 7] = [
        0.08333333333333333,
        -0.002777777777777778,
        0.0007936507936507937,
        -0.0005952380952380953,
        0.0008417508417508417,
        -0.0019175269175269176,
        0.00641025641025641,
    ];
    let square = 1.0 / (a * a);
    TERMS.iter().rev().fold(0.0, |sum, term| sum * square + term) / a
}

/// Hurwitz's zeta function `sum (q + k)^-s` over `k` from 0, for `s > 1`. For negative `q` only integers `s` give real numbers, and integers `q` are
/// poles.
pub fn zeta(s: f64, q: f64) -> f64 {
    zeta_of(Dual::constant(s), q).value
}

/// The derivative of [`zeta`] by `s`, for positive `q`.
pub fn zeta_grad_s(s: f64, q: f64) -> f64 {
    if q > 0.0 { zeta_of(Dual::parameter(s), q).slope } else { f64::NAN }
}

fn zeta_of(s: Dual, q: f64) -> Dual {
    let nan = Dual::constant(f64::NAN);
    match s.value {
        _ if q.is_nan() => nan,
        1.0 => Dual::constant(f64::INFINITY),
        exponent if exponent > 1.0 => match q {
            _ if q == f64::INFINITY => Dual::constant(0.0),
            _ if q > 0.0 => euler_maclaurin(s, q),
            _ if q == q.trunc() => Dual::constant(f64::INFINITY),
            _ if exponent == exponent.trunc() => reflected(s, q),
            _ => nan,
        },
        _ => nan,
    }
}

/// Below zero: the terms of negative numbers are a zeta function backwards, but for its end.
fn reflected(s: Dual, q: f64) -> Dual {
    let count = (-q).ceil();
    let (last, first) = (q + count, -(q + (count - 1.0)));
    let backwards = euler_maclaurin(s, first) - euler_maclaurin(s, first + count);
    let sign = if s.value % 2.0 == 0.0 { 1.0 } else { -1.0 };
    euler_maclaurin(s, last) + backwards * sign
}

/// `x^-s`.
fn power(x: f64, s: Dual) -> Dual {
    let value = x.powf(-s.value);
    Dual { value, slope: if s.slope == 0.0 { 0.0 } else { -value * x.ln() * s.slope } }
}

/// The first terms, then the integral of the others with corrections by Bernoulli's numbers.
fn euler_maclaurin(s: Dual, q: f64) -> Dual {
    let mut sum = Dual::constant(0.0);
    let mut at = q;
    let far = (s.value / 3.0 + 10.0).max(12.0);
    while at < far {
        let term = power(at, s);
        sum = sum + term;
        if term.value <= sum.value * 1e-18 {
            return sum;
        }
        at += 1.0;
    }
    let own = power(at, s);
    sum = sum + power(at, s + -1.0) / (s + -1.0) + own * 0.5;
    let mut factor = s * own * (1.0 / at);
    for (j, coefficient) in BERNOULLI.iter().enumerate() {
        let term = factor * *coefficient;
        sum = sum + term;
        let next = 2.0 * j as f64;
        factor = factor * (s + (next + 1.0)) * (s + (next + 2.0)) * (1.0 / (at * at));
        if term.value.abs() < sum.value.abs() * 1e-18 && term.slope.abs() <= sum.slope.abs() * 1e-18 {
            break;
        }
    }
    sum
}
