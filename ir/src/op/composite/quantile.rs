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
    above: &[3.3871327179E+00, 5.0434271938E+01, 1.5929113202E+02, 5.9109374720E+01],
    below: &[1.0, 1.7895169469E+01, 7.8757757664E+01, 6.7187563600E+01],
};

/// PPND7, for `r` shifted.
const OUTER_7: Rational = Rational {
    above: &[1.4234372777E+00, 2.7568153900E+00, 1.3067284816E+00, 1.7023821103E-01],
    below: &[1.0, 7.3700164250E-01, 1.2021132975E-01],
};

/// PPND16, for `q^2` shifted.
const MIDDLE_16: Rational = Rational {
    above: &[
        3.3871328727963666080E+00,
        1.3314166789178437745E+02,
        1.9715909503065514427E+03,
        1.3731693765509461125E+04,
        4.5921953931549871457E+04,
        6.7265770927008700853E+04,
        3.3430575583588128105E+04,
        2.5090809287301226727E+03,
    ],
    below: &[
        1.0,
        4.2313330701600911252E+01,
        6.8718700749205790830E+02,
        5.3941960214247511077E+03,
        2.1213794301586595867E+04,
        3.9307895800092710610E+04,
        2.8729085735721942674E+04,
        5.2264952788528545610E+03,
    ],
};

/// PPND16, for `r` shifted.
const OUTER_16: Rational = Rational {
    above: &[
        1.42343711074968357734E+00,
        4.63033784615654529590E+00,
        5.76949722146069140550E+00,
        3.64784832476320460504E+00,
        1.27045825245236838258E+00,
        2.41780725177450611770E-01,
        2.27238449892691845833E-02,
        7.74545014278341407640E-04,
    ],
    below: &[
        1.0,
        2.05319162663775882187E+00,
        1.67638483018380384940E+00,
        6.89767334985100004550E-01,
        1.48103976427480074590E-01,
        1.51986665636164571966E-02,
        5.47593808499534494600E-04,
        1.05075007164441684324E-09,
    ],
};

/// Where the two pieces meet, as a distance of the probability from one half.
const MIDDLE: f64 = 0.425;

/// `x` with `P(X <= x) = 1/2 + q` for a standard normal `X`; `q` of f32 or f64, with `|q|` below 1/2 by e^-25 at least.
pub(super) fn normal_quantile(b: &mut Builder, q: Value) -> Result<Value, BuildError> {
    let double = b.ty(q).dtype == DType::F64;
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
