//! The error function.
//!
//! `erf(x) = 1 - e^(-x Q(x))` with `Q(x) = -log(erfc x) / x`, which is smooth on the whole half line: from `2/sqrt(pi)` at zero it turns
//! into a line of slope one. One polynomial for `Q` and the branch-free `expm1` kernel cover every argument. The polynomial is
//! minimax under the weight `x erfc(x) / erf(x)`, which is what an error of `Q` costs in the result: it vanishes quickly, so a moderate degree is enough.

use super::exp::{self, power_of_two};
use super::lanes::{Lanes, Real};

/// Constants of the error function for one float type.
pub trait Tables: Sized + 'static {
    /// `Q(x) - ERF_Q0` on `[0, ERF_MAX]`.
    const ERF_Q: &'static [Self];
    /// `2/sqrt(pi)`, rounded; the rounding error is in `ERF_Q[0]`.
    const ERF_Q0: Self;
    /// From here up `erf` rounds to 1.
    const ERF_MAX: Self;
}

impl Tables for f32 {
    // Error 2^-27.82.
    const ERF_Q: &'static [f32] = &[
        -5.4122907e-08,
        0.6366194,
        0.10277779,
        -0.019152978,
        -0.00016048245,
        0.0016671021,
        -0.0006328859,
        0.000117656615,
        -9.257693e-06,
    ];
    const ERF_Q0: f32 = std::f32::consts::FRAC_2_SQRT_PI;
    const ERF_MAX: f32 = 3.93;
}

impl Tables for f64 {
    // Error 2^-57.60.
    const ERF_Q: &'static [f64] = &[
        1.4551278591519685e-17,
        0.6366197723675816,
        0.10277260330192356,
        -0.019128447008672052,
        -0.00020919464425936437,
        0.0016962059533593978,
        -0.0005901230957398971,
        2.586876338588848e-05,
        6.452079736694106e-05,
        -2.9788402315821835e-05,
        3.5179443752221403e-06,
        2.6854992821824027e-06,
        -1.5805311783951853e-06,
        1.9726089286046518e-07,
        2.3422817386470223e-07,
        -1.966047520375559e-07,
        9.084817624037372e-08,
        -3.025927239212929e-08,
        7.763428089537046e-09,
        -1.5630137524331554e-09,
        2.463304360819749e-10,
        -2.986674042435438e-11,
        2.693438391262114e-12,
        -1.7021462892452303e-13,
        6.7253630536632085e-15,
        -1.249692913692581e-16,
    ];
    const ERF_Q0: f64 = std::f64::consts::FRAC_2_SQRT_PI;
    const ERF_MAX: f64 = 5.95;
}

/// The error function, `2/sqrt(pi)` times the integral of `e^(-t^2)` from 0 to `x`.
#[inline(always)]
pub fn erf<L: Lanes>(l: &L, x: L::F) -> L::F {
    let a = l.min(l.float(L::Scalar::ERF_MAX), l.abs(x));
    let q = l.poly(a, L::Scalar::ERF_Q);
    let y = l.fma(a, l.float(L::Scalar::ERF_Q0), l.mul(a, q));
    let exp::Split { n, p } = exp::split(l, l.neg(y), L::Scalar::BIAS);
    let s = power_of_two(l, n);
    l.with_sign(l.fma(l.neg(s), p, l.sub(l.k(1.0), s)), x)
}
