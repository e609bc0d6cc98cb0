//! Quotients and powers of complex numbers.

use num_complex::Complex;

use crate::op::primitive::unary::complex::{exp, log};

/// The quotient, by Smith's method (1962): no square overflows. Parts are divided by 0 as real numbers are.
pub(super) fn div(x: Complex<f64>, y: Complex<f64>) -> Complex<f64> {
    let swapped = y.re.abs() < y.im.abs();
    let (greater, lesser) = if swapped { (y.im, y.re) } else { (y.re, y.im) };
    let (first, second) = if swapped { (x.im, x.re) } else { (x.re, x.im) };
    let ratio = if greater == 0.0 { 0.0 } else { lesser / greater };
    let divisor = greater + lesser * ratio;
    let im = (second - first * ratio) / divisor;
    Complex::new((first + second * ratio) / divisor, if swapped { -im } else { im })
}

/// The principal value `e^(y log x)`; 1 if `y` is 0. Of 0 it is 0 if the real part of `y` is positive, else NaN.
pub(super) fn pow(x: Complex<f64>, y: Complex<f64>) -> Complex<f64> {
    match (y == Complex::ZERO, x == Complex::ZERO) {
        (true, _) => Complex::ONE,
        (false, true) if y.re > 0.0 => Complex::ZERO,
        (false, true) => Complex::new(f64::NAN, f64::NAN),
        (false, false) => exp(log(x) * y),
    }
}
