//! Functions of one float, in double precision, that the standard library lacks.

/// -1 or 1 with the sign of `x`; zeros and NaNs stay as they are.
pub(super) fn sign(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() { x } else { x.signum() }
}

/// `1 / (1 + e^-x)`. Never overflows: the exponential is of a negative number.
pub(super) fn logistic(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

/// The inverse hyperbolic cosine. The library's own is right from 1 on only.
pub(super) fn acosh(x: f64) -> f64 {
    if x < 1.0 { f64::NAN } else { libm::acosh(x) }
}
