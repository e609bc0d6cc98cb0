//! The inverse of the normal distribution function.
//!
//! M. J. Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37 (1988): a
//! rational function of the probability near the middle, another of `sqrt(-log(tail))` further out. The f64 version is good to
//! 16 digits, the f32 version to 7. The third piece of the original, for tails below e^-25, is left out: nobody here goes there.

use crate::builder::BuildError;
use crate::{Builder, DType, Value};

/// Coefficients of numerator and denominator, constant first.
struct Rational {
    above: &'static [f64],
    below: &'static [f64],
}

/// PPND7, for `q^2` shifted.
const MIDDLE_7: Rational = Rational {
    above: &[3.3871327179, 50.434271938, 159.29113202, 59.10937472],
    below: &[1.0, 17.895169469, 78.757757664, 67.1875636],
};

/// PPND7, for `r` shifted.
const OUTER_7: Rational = Rational {
    above: &[1.4234372777, 2.75681539, 1.3067284816, 0.17023821103],
    below: &[1.0, 0.7370016425, 0.12021132975],
};

/// PPND16, for `q^2` shifted.
const MIDDLE_16: Rational = Rational {
    above: &[
        3.3871328727963665,
        133.14166789178438,
        1971.5909503065513,
        13731.69376550946,
        45921.95393154987,
        67265.7709270087,
        33430.57558358813,
        2509.0809287301227,
    ],
    below: &[
        1.0,
        42.31333070160091,
        687.1870074920579,
        5394.196021424751,
        21213.794301586597,
        39307.89580009271,
        28729.085735721943,
        5226.495278852854,
    ],
};

/// PPND16, for `r` shifted.
const OUTER_16: Rational = Rational {
    above: &[
        1.4234371107496835,
        4.630337846156546,
        5.769497221460691,
        3.6478483247632045,
        1.2704582524523684,
        0.2417807251774506,
        0.022723844989269184,
        0.0007745450142783414,
    ],
    below: &[
        1.0,
        2.053191626637759,
        1.6763848301838038,
        0.6897673349851,
        0.14810397642748008,
        0.015198666563616457,
        0.0005475938084995345,
        1.0507500716444169e-09,
    ],
};

/// Where the two pieces meet, as a distance of the probability from one half.
const MIDDLE: f64 = 0.425;

/// `x` with `P(X <= x) = 1/2 + q` for a standard normal `X`; `q` of f32 or f64, with `|q|` below 1/2 by e^-25 at least.
pub(super) fn normal_quantile(b: &mut Builder, q: Value) -> Result<Value, BuildError> {
    let double = b.tensor(q).dtype == DType::F64;
    let (middle, outer) = if double { (&MIDDLE_16, &OUTER_16) } else { (&MIDDLE_7, &OUTER_7) };
    let square = b.mul(q, q)?;
    let shifted = b.number_minus(MIDDLE * MIDDLE, square)?;
    let near = rational(b, shifted, middle)?;
    let near = b.mul(q, near)?;

    let distance = b.abs(q)?;
    let tail = b.number_minus(0.5, distance)?;
    let log = b.log(tail)?;
    let squared = b.neg(log)?;
    let r = b.sqrt(squared)?;
    let shifted = b.add_number(r, -1.6)?;
    let far = rational(b, shifted, outer)?;
    let sign = b.sign(q)?;
    let far = b.mul(sign, far)?;

    let bound = b.full_like(MIDDLE, distance)?;
    let inside = b.le(distance, bound)?;
    b.select(inside, near, far)
}

fn rational(b: &mut Builder, x: Value, function: &Rational) -> Result<Value, BuildError> {
    let above = polynomial(b, x, function.above)?;
    let below = polynomial(b, x, function.below)?;
    b.div(above, below)
}

/// By Horner's rule.
fn polynomial(b: &mut Builder, x: Value, coefficients: &[f64]) -> Result<Value, BuildError> {
    let (&last, rest) = coefficients.split_last().expect("a polynomial has coefficients");
    let mut sum = b.full_like(last, x)?;
    for &coefficient in rest.iter().rev() {
        let product = b.mul(sum, x)?;
        sum = b.add_number(product, coefficient)?;
    }
    Ok(sum)
}
