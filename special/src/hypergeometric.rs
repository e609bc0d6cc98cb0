//! Confluent hypergeometric functions.
//!
//! Power series are summed in numbers of twice the digits, which leaves a result its digits where terms up to 2^50 times as great cancel each other. Where more
//! is lost, another expansion takes over (Kummer's transformation, and those for large arguments); where none has the digits, the value is NaN. Sources: NIST
//! Digital Library of Mathematical Functions, 13.2, 13.7 and 10.17; T. J. Dekker, "A floating-point technique for extending the available precision", 1971.

use crate::gamma::gamma;
use crate::pair::{Number, Pair};

/// Terms after which a series is given up.
const TERMS: u32 = 20_000;
/// Products of numbers beyond this may overflow.
const GREAT: f64 = 1e280;

/// The sum of a power series whose terms are those before times `ratio(k)`, from 1 on; none before number `settled` is taken for the last one. `None` if too
/// many digits cancel or terms do not end; infinite if it is too great.
fn series(settled: f64, ratio: impl Fn(f64) -> Pair) -> Option<f64> {
    let (mut term, mut sum, mut greatest) = (Pair::of(1.0), Pair::of(1.0), 1.0f64);
    for k in 0..TERMS {
        let k = f64::from(k);
        term = term * ratio(k);
        sum = sum + term;
        greatest = greatest.max(term.high.abs());
        if sum.high.is_nan() || greatest >= GREAT {
            let positive = term.high > 0.0 && sum.high > 0.5 * greatest;
            return positive.then_some(f64::INFINITY);
        }
        if term.high == 0.0 || (k > settled && term.high.abs() < 1e-33 * sum.high.abs()) {
            let value = sum.high + sum.low;
            return (greatest <= Pair::MOST_CANCELLATION * value.abs()).then_some(value);
        }
    }
    None
}

pub(crate) fn is_pole(b: f64) -> bool {
    b <= 0.0 && b == b.floor()
}

/// Which terms may be followed by greater ones.
fn settled(parameters: [f64; 2]) -> f64 {
    parameters.into_iter().fold(0.0, |most, p| most.max(-p))
}

/// `sum of a (a + 1) .. / (b (b + 1) ..) x^k / k!`.
fn kummer_series(a: Pair, b: f64, x: f64) -> Option<f64> {
    series(settled([a.high, b]), |k| {
        let over = (a + Pair::of(k)) * Pair::of(x);
        let under = Pair::sum(b, k) * Pair::of(k + 1.0);
        over / under
    })
}

/// Kummer's function `M(a, b, x)`, the sum of `a (a + 1) .. / (b (b + 1) ..) x^k / k!`. At integers `b` up to 0 it is infinite, unless `a` ends the sum before.
/// NaN where no expansion has its digits, which is for large negative parameters.
pub fn hyp1f1(a: f64, b: f64, x: f64) -> f64 {
    if !(a.is_finite() && b.is_finite() && x.is_finite()) {
        return f64::NAN;
    }
    if a == 0.0 || x == 0.0 {
        return 1.0;
    }
    if is_pole(b) && !(is_pole(a) && a >= b) {
        return f64::INFINITY;
    }
    let ends = is_pole(a) || is_pole(b - a);
    let direct = || kummer_series(Pair::of(a), b, x);
    let turned = || {
        let sum = kummer_series(Pair::sum(b, -a), b, -x)?;
        // Half of the exponent at a time: the sum may be great where the exponential is small.
        let half = (0.5 * x).exp();
        Some(half * sum * half).filter(|value| value.is_finite())
    };
    let far = || if ends { None } else { far_from_zero(a, b, x) };
    let found = match x < 0.0 {
        _ if is_pole(a) => direct().or_else(turned),
        true if x < -600.0 => far().or_else(turned).or_else(direct),
        true => turned().or_else(direct).or_else(far),
        false => direct().or_else(turned).or_else(far),
    };
    found.unwrap_or(f64::NAN)
}

/// The expansion for large arguments; `None` if its terms do not become small enough.
fn far_from_zero(a: f64, b: f64, x: f64) -> Option<f64> {
    if a.abs().max(b.abs()) > 150.0 || x.abs() < 30.0 {
        return None;
    }
    let size = x.abs();
    let (one, other, exponent) = if x < 0.0 { (a, a - b + 1.0, -a) } else { (b - a, 1.0 - a, a - b) };
    let (mut term, mut sum) = (1.0f64, 1.0);
    for k in 0..200 {
        let k = f64::from(k);
        let next = term * (one + k) * (other + k) / ((k + 1.0) * size);
        if next == 0.0 || next.abs() < 1e-17 * f64::abs(sum) {
            let divisor = if x < 0.0 { gamma(b - a) } else { gamma(a) };
            let half = if x < 0.0 { 1.0 } else { (0.5 * x).exp() };
            return Some(gamma(b) / divisor * half * size.powf(exponent) * sum * half);
        }
        if next.abs() > term.abs() {
            return None;
        }
        term = next;
        sum += term;
    }
    None
}

/// The confluent limit function `0F1(b, x)`, the sum of `x^k / (b (b + 1) .. k!)`; infinite at integers `b` up to 0. NaN where no expansion has its digits, which is
/// for large negative `x` with a `b` that is large beside its root. Where it is a wave (`x < 0`) it may be as far off as its rounded phase.
pub fn hyp0f1(b: f64, x: f64) -> f64 {
    if !(b.is_finite() && x.is_finite()) {
        return f64::NAN;
    }
    if is_pole(b) {
        return f64::INFINITY;
    }
    let near = series(settled([b, 0.0]), |k| Pair::of(x) / (Pair::sum(b, k) * Pair::of(k + 1.0)));
    near.or_else(|| wave(b, x)).unwrap_or(f64::NAN)
}

/// By the expansion of Bessel functions for large arguments (Hankel).
fn wave(b: f64, x: f64) -> Option<f64> {
    if x > -100.0 || b.abs() > 150.0 {
        return None;
    }
    let (z, order) = (2.0 * (-x).sqrt(), b - 1.0);
    let (mut term, mut even, mut odd) = (1.0f64, 1.0, 0.0);
    for k in 1..200 {
        let (number, k) = (k, f64::from(k));
        let next = term * (4.0 * order * order - (2.0 * k - 1.0).powi(2)) / (8.0 * k * z);
        if next.abs() < 1e-17 {
            let phase = z - (0.5 * order + 0.25) * std::f64::consts::PI;
            let bessel = (2.0 / (std::f64::consts::PI * z)).sqrt() * (phase.cos() * even - phase.sin() * odd);
            return Some(gamma(b) * (0.5 * z).powf(-order) * bessel);
        }
        if next.abs() > term.abs() && k > order.abs() {
            return None;
        }
        term = next;
        match number % 4 {
            0 => even += term,
            1 => odd += term,
            2 => even -= term,
            _ => odd -= term,
        }
    }
    None
}
