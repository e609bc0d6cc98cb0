//! Exponential integrals.

/// `integral of e^-t / t` over `t` from `x` to infinity; infinite at 0, NaN below.
pub fn exp1(x: f64) -> f64 {
    match x {
        0.0 => f64::INFINITY,
        f64::INFINITY => 0.0,
        _ if x > 0.0 => spec_math::cephes64::expn(1, x),
        _ => f64::NAN,
    }
}

/// `- integral of e^-t / t` over `t` from `-x` to infinity, as a principal value where `x > 0`; minus infinity at 0.
pub fn expi(x: f64) -> f64 {
    match x {
        0.0 => f64::NEG_INFINITY,
        f64::INFINITY => x,
        _ if x < 0.0 => -exp1(-x),
        _ if (x - ROOT).abs() < 0.25 => near_root(x),
        _ if x <= 40.0 => EULER_GAMMA + x.ln() + series(x, |power| power),
        _ => asymptotic(x),
    }
}

/// The least order of [`expn`]: its derivatives are functions of lower orders.
const LEAST_ORDER: f64 = -64.0;

/// `integral of e^(-x t) / t^order` over `t` from 1 to infinity, of the order rounded to an integer; infinite at 0 up to the order 1, NaN for negative `x` and orders
/// below -64.
pub fn expn(order: f64, x: f64) -> f64 {
    let order = order.round();
    if !(LEAST_ORDER..=f64::from(i32::MAX)).contains(&order) || x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x == f64::INFINITY {
        return 0.0;
    }
    if x == 0.0 {
        return if order > 1.0 { 1.0 / (order - 1.0) } else { f64::INFINITY };
    }
    if order > 0.0 {
        return spec_math::cephes64::expn(order as i32, x);
    }
    // Integration by parts: all terms are positive.
    let (mut term, mut sum, mut left) = (1.0, 1.0, -order);
    while left > 0.0 {
        term *= left / x;
        sum += term;
        left -= 1.0;
    }
    (-x).exp() / x * sum
}

const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
/// Where the integral is 0, and what its digits lack.
const ROOT: f64 = 0.372_507_410_781_366_6;
const ROOT_REST: f64 = 1.313_140_183_414_386e-17;

/// `sum of f(x^k) / (k k!)` over `k` from 1, for powers that `f` makes others of.
fn series(x: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (mut power, mut sum) = (1.0, 0.0);
    for k in 1..200 {
        power *= x / f64::from(k);
        let term = f(power) / f64::from(k);
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

/// `Ei(x) - Ei(root)`, term by term.
fn near_root(x: f64) -> f64 {
    let distance = (x - ROOT) - ROOT_REST;
    // `(x^k - root^k) / (x - root) / k!` by recurrence.
    let (mut quotient, mut root_power, mut factorial, mut sum) = (0.0, 1.0, 1.0, 0.0);
    for k in 1..40 {
        quotient = quotient * x + root_power;
        root_power *= ROOT;
        factorial *= f64::from(k);
        sum += quotient / (factorial * f64::from(k));
    }
    (distance / ROOT).ln_1p() + distance * sum
}

/// `e^x / x sum of k! / x^k`, to the least term.
fn asymptotic(x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..100 {
        let next = term * f64::from(k) / x;
        if next >= term || next < 1e-17 {
            break;
        }
        term = next;
        sum += term;
    }
    // Half of the exponent at a time: `e^x` overflows before its quotient does.
    let half = (0.5 * x).exp();
    half * (half / x * sum)
}
