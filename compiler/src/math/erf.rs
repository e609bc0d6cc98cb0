//! The error function and its complement.
//!
//! `erf(x) = 1 - e^(-x Q(x))` with `Q(x) = -log(erfc x) / x`, which is smooth on the whole half line: from `2/sqrt(pi)` at zero it turns
//! into a line of slope one. One polynomial for `Q` and the branch-free `expm1` kernel cover every argument. The polynomial is
//! minimax under the weight `x erfc(x) / erf(x)`, which is what an error of `Q` costs in the result: it vanishes quickly, so a moderate degree is enough.

use super::exp::{self, halves, power_of_two, scale_bias};
use super::lanes::{Lanes, Real};

/// Constants of the error function for one float type.
pub trait ErfTables: Sized + 'static {
    /// `Q(x) - ERF_Q0` on `[0, ERF_MAX]`.
    const ERF_Q: &'static [Self];
    /// `2/sqrt(pi)`, rounded; the rounding error is in `ERF_Q[0]`.
    const ERF_Q0: Self;
    /// From here up `erf` rounds to 1.
    const ERF_MAX: Self;
    /// `H` of [`erfc`] in `t = 2u - 1`, minimax relative to `G / u`.
    const ERFC_H: &'static [Self];
    /// The `x` that is in the middle of [`erfc`]'s polynomial.
    const ERFC_CENTRE: Self;
    /// From here up `erfc` rounds to zero.
    const ERFC_MAX: Self;
}

impl ErfTables for f32 {
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
    // Error 2^-25.39.
    const ERFC_H: &'static [f32] = &[
        0.5539568,
        -0.7394849,
        0.40742072,
        -0.07930773,
        -0.029086687,
        0.012960388,
        0.0042531863,
        -0.0016357003,
        -0.0007681299,
    ];
    const ERFC_CENTRE: f32 = 2.0;
    const ERFC_MAX: f32 = 10.1;
}

impl ErfTables for f64 {
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
    // Error 2^-56.05, of which 2^-59.51 before rounding.
    const ERFC_H: &'static [f64] = &[
        0.465990237251105,
        -0.7452324709322301,
        0.7759917751374694,
        -0.6397976666280781,
        0.43771953455547896,
        -0.2502538645589904,
        0.11759313293435164,
        -0.04325810185594725,
        0.010862633742695797,
        -0.0007986938175614431,
        -0.0007168527766499671,
        0.00031833955418975426,
        -1.7096115743442917e-05,
        -3.17028780937852e-05,
        9.258495652346808e-06,
        2.1621566747305515e-06,
        -1.573703749713107e-06,
        -7.858848955845577e-08,
        2.265039447967736e-07,
        -5.592449425548329e-09,
        -2.9033575427184438e-08,
        8.68754236797449e-10,
        2.3547499767641272e-09,
    ];
    const ERFC_CENTRE: f64 = 4.0;
    const ERFC_MAX: f64 = 27.3;
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

/// The complement `1 - erf(x)`, accurate to its far tail.
///
/// For the magnitude of `x` it is `e^(-x^2) G(u) / (1 + 2x)`, where `u = x / (x + c)` brings the half line to `[0, 1)`, on
/// which `G = e^(x^2) erfc(x) (1 + 2x)` is almost constant (M. M. Shepherd and J. G. Laframboise, "Chebyshev
/// approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity", Mathematics of Computation 36, 1981; the polynomial is our own).
/// As `G = 1 + u H`, the quotient is `1 + (u H - 2x) / (1 + 2x)`, which is the better way to compute it where `x` is small.
#[inline(always)]
pub fn erfc<L: Lanes>(l: &L, x: L::F) -> L::F {
    let (one, two) = (l.k(1.0), l.k(2.0));
    let a = l.min(l.float(L::Scalar::ERFC_MAX), l.abs(x));
    let u = l.div(a, l.add(a, l.float(L::Scalar::ERFC_CENTRE)));
    let h = l.poly(l.fma(two, u, l.k(-1.0)), L::Scalar::ERFC_H);
    let small = l.lt(a, l.k(0.5));
    let above = l.fma(u, h, l.select(small, l.mul(a, l.k(-2.0)), one));
    let quotient = l.div(above, l.fma(a, two, one));
    let g = l.select(small, l.add(one, quotient), quotient);
    // e^(-square - low), with the rounding error of the square to first order.
    let square = l.mul(a, a);
    let low = l.fma(a, a, l.neg(square));
    let exp::Split { n, p } = exp::split(l, l.neg(square), scale_bias::<L>());
    let p = l.sub(p, l.fma(low, p, low));
    let (first, second) = halves(l, n);
    let value = l.mul(l.mul(l.fma(g, p, g), first), second);
    l.select(l.lt(x, l.k(0.0)), l.sub(two, value), value)
}
