//! Error functions and the normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, TAU};

/// Nodes and weights of Gauss and Legendre's rule of 24 points on `[-1, 1]`; those below 0 are mirrored.
const GAUSS_LEGENDRE: [(f64, f64); 12] = [
    (0.06405689286260563, 0.12793819534675202),
    (0.1911188674736163, 0.12583745634682825),
    (0.3150426796961634, 0.1216704729278033),
    (0.4337935076260451, 0.11550566805372552),
    (0.5454214713888396, 0.10744427011596556),
    (0.6480936519369755, 0.09761865210411393),
    (0.7401241915785544, 0.0861901615319532),
    (0.820001985973903, 0.07334648141108016),
    (0.8864155270044011, 0.05929858491543636),
    (0.9382745520027328, 0.04427743881741941),
    (0.9747285559713095, 0.02853138862893356),
    (0.9951872199970213, 0.01234122979998869),
];

/// The inverse of the error function.
pub fn erfinv(x: f64) -> f64 {
    if x.abs() > 1.0 { f64::NAN } else { pxfm::f_erfinv(x) }
}

/// `e^(x^2) erfc(x)`.
pub fn erfcx(x: f64) -> f64 {
    // Only the first term of the asymptotic series counts, and the square overflows at last.
    if x > 1e9 { 0.5 * FRAC_2_SQRT_PI / x } else { pxfm::f_erfcx(x) }
}

/// `e^(-x^2 / 2)`: the square's rounding error, which the exponential would blow up, is taken into account.
fn bell(x: f64) -> f64 {
    let square = x * x;
    let rest = x.mul_add(x, -square);
    let whole = (-0.5 * square).exp();
    if whole == 0.0 { 0.0 } else { whole - whole * 0.5 * rest }
}

/// The probability that a standard normal number is at most `x`.
pub fn ndtr(x: f64) -> f64 {
    if x < -1.0 {
        return 0.5 * erfcx(-x * FRAC_1_SQRT_2) * bell(x);
    }
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// The logarithm of [`ndtr`].
pub fn log_ndtr(x: f64) -> f64 {
    match x {
        _ if x < -1.0 => (0.5 * erfcx(-x * FRAC_1_SQRT_2)).ln() - 0.5 * x * x,
        _ if x > 1.0 => (-0.5 * erfcx(x * FRAC_1_SQRT_2) * bell(x)).ln_1p(),
        _ => (-0.5 * libm::erfc(x * FRAC_1_SQRT_2)).ln_1p(),
    }
}

/// The inverse of [`ndtr`].
pub fn ndtri(p: f64) -> f64 {
    match p {
        0.0 => f64::NEG_INFINITY,
        1.0 => f64::INFINITY,
        _ if p > 0.0 && p < 1.0 => spec_math::cephes64::ndtri(p),
        _ => f64::NAN,
    }
}

/// Owen's T: the integral of `e^(-h^2 (1 + x^2) / 2) / (2 pi (1 + x^2))` over `x` from 0 to `a`. Below `a = 1` by a rule of 24 points
/// on the part that matters, above it by what remains of a quadrant (Owen, Ann. Math. Statist. 27, 1956).
pub fn owens_t(h: f64, a: f64) -> f64 {
    if h.is_nan() || a.is_nan() {
        return f64::NAN;
    }
    if h == 0.0 {
        return a.atan() / TAU;
    }
    let (h, steep) = (h.abs(), a.abs());
    let value = if steep <= 1.0 { quadrature(h, steep) } else { above_diagonal(h, steep) };
    value.copysign(a)
}

fn above_diagonal(h: f64, a: f64) -> f64 {
    let scaled = if a.is_infinite() { f64::INFINITY } else { a * h };
    let rest = quadrature(scaled, 1.0 / a);
    if h <= 0.67 {
        return 0.25 - (0.5 - ndtr(-h)) * (0.5 - ndtr(-scaled)) - rest;
    }
    let (near, far) = (ndtr(-h), ndtr(-scaled));
    0.5 * (near + far) - near * far - rest
}

fn quadrature(h: f64, a: f64) -> f64 {
    let peak = bell(h);
    if a == 0.0 || peak == 0.0 {
        return 0.0;
    }
    // Beyond 9 standard deviations nothing is left.
    let half = 0.5 * if h * a > 9.0 { 9.0 / h } else { a };
    let at = |x: f64| (-0.5 * (h * x) * (h * x)).exp() / (1.0 + x * x);
    let sum: f64 = GAUSS_LEGENDRE
        .iter()
        .map(|&(x, weight)| weight * (at(half * (1.0 - x)) + at(half * (1.0 + x))))
        .sum();
    peak * sum * half / TAU
}
