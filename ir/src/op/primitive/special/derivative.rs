//! Expressions that derivatives of special functions are made of, all in double precision.

use std::f64::consts::{FRAC_1_SQRT_2, PI, TAU};

use super::super::unary::exp_minus_square;
use super::SpecialFn;
use crate::builder::BuildError;
use crate::{Builder, Value};

type Result<T> = std::result::Result<T, BuildError>;

/// `function` of `x`.
pub(super) fn of(b: &mut Builder, function: SpecialFn, x: &[Value]) -> Result<Value> {
    b.push_one(function, x)
}

/// `x - y`, both functions of the builder's.
pub(super) fn minus(b: &mut Builder, x: Result<Value>, y: Result<Value>) -> Result<Value> {
    b.sub(x?, y?)
}

/// `zeta(order, x)` times a number.
pub(super) fn zeta(b: &mut Builder, order: f64, x: Value, times: f64) -> Result<Value> {
    let order = b.full_like(order, x)?;
    let zeta = b.zeta(order, x)?;
    b.mul_number(zeta, times)
}

/// `sqrt(pi) / 2 e^(y^2)` for `y = erfinv(x)`, the exponential as `erfcx(|y|) / erfc(|y|)`, which does not blow up the rounding error of `y`.
pub(super) fn erfinv(b: &mut Builder, x: Value) -> Result<Value> {
    let (y, magnitude) = (b.erfinv(x)?, b.abs(x)?);
    let (y, rest) = (b.abs(y)?, b.number_minus(1.0, magnitude)?);
    let erfcx = b.erfcx(y)?;
    let exp = b.div(erfcx, rest)?;
    b.mul_number(exp, PI.sqrt() / 2.0)
}

/// The density of the normal distribution.
pub(super) fn normal_density(b: &mut Builder, x: Value) -> Result<Value> {
    let exp = exp_minus_square(b, x, 0.5)?;
    b.mul_number(exp, 1.0 / TAU.sqrt())
}

/// `1 / density(ndtri(x))`, as [`erfinv`].
pub(super) fn ndtri(b: &mut Builder, x: Value) -> Result<Value> {
    let (y, rest) = (b.ndtri(x)?, b.number_minus(1.0, x)?);
    let (y, tail) = (b.abs(y)?, b.minimum(x, rest)?);
    let scaled = b.mul_number(y, FRAC_1_SQRT_2)?;
    let erfcx = b.erfcx(scaled)?;
    let exp = b.div(erfcx, tail)?;
    b.mul_number(exp, (PI / 2.0).sqrt())
}

/// The density over the distribution: below 0 `sqrt(2 / pi) / erfcx(-x / sqrt 2)`, where both are tiny.
pub(super) fn log_ndtr(b: &mut Builder, x: Value) -> Result<Value> {
    let below = |b: &mut Builder, x: Value| {
        let scaled = b.mul_number(x, -FRAC_1_SQRT_2)?;
        let (erfcx, scale) = (b.erfcx(scaled)?, b.full_like((2.0 / PI).sqrt(), x)?);
        b.div(scale, erfcx)
    };
    let above = |b: &mut Builder, x: Value| {
        let (density, distribution) = (normal_density(b, x)?, b.ndtr(x)?);
        b.div(density, distribution)
    };
    by_distance(b, x, 0.0, below, above)
}

/// A sum of powers of `x` with these coefficients, that of power 0 first.
fn polynomial(b: &mut Builder, x: Value, coefficients: &[f64]) -> Result<Value> {
    let (last, rest) = coefficients.split_last().expect("coefficients");
    let mut sum = b.full_like(*last, x)?;
    for &coefficient in rest.iter().rev() {
        let product = b.mul(sum, x)?;
        sum = b.add_number(product, coefficient)?;
    }
    Ok(sum)
}

/// `near(x)` up to `limit`, `far(x)` beyond; each is given numbers of its own side only, so that neither spoils a derivative of the other.
fn by_distance(
    b: &mut Builder,
    x: Value,
    limit: f64,
    near: impl FnOnce(&mut Builder, Value) -> Result<Value>,
    far: impl FnOnce(&mut Builder, Value) -> Result<Value>,
) -> Result<Value> {
    let bound = b.full_like(limit, x)?;
    let is_far = b.gt(x, bound)?;
    let (low, high) = (b.number_where(is_far, limit, x)?, b.select(is_far, x, bound)?);
    let (near, far) = (near(b, low)?, far(b, high)?);
    b.select(is_far, far, near)
}

/// `2 x erfcx(x) - 2 / sqrt(pi)`. Far out, where that is a difference of equal numbers, the derivative of the asymptotic series.
pub(super) fn erfcx(b: &mut Builder, x: Value) -> Result<Value> {
    let near = |b: &mut Builder, x: Value| {
        let (erfcx, twice) = (b.erfcx(x)?, b.mul_number(x, 2.0)?);
        let product = b.mul(erfcx, twice)?;
        b.add_number(product, -2.0 / PI.sqrt())
    };
    let far = |b: &mut Builder, x: Value| {
        let one = b.full_like(1.0, x)?;
        let inverse = b.div(one, x)?;
        let square = b.mul(inverse, inverse)?;
        let (mut coefficient, mut series) = (-1.0 / PI.sqrt(), Vec::new());
        for k in 0..8 {
            series.push(coefficient * f64::from(2 * k + 1));
            coefficient *= -f64::from(2 * k + 1) / 2.0;
        }
        let sum = polynomial(b, square, &series)?;
        b.mul(sum, square)
    };
    by_distance(b, x, 20.0, near, far)
}

/// Order of a modified Bessel function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BesselOrder {
    Zero,
    One,
}

/// Coefficients of minus the derivative of `sum a_k x^(-k - 1/2)`, the asymptotic series of a scaled modified Bessel function.
fn scaled_bessel_series(order: BesselOrder) -> Vec<f64> {
    let four_squares = if order == BesselOrder::One { 4.0 } else { 0.0 };
    let (mut coefficient, mut series) = (1.0, Vec::new());
    for k in 0..9 {
        series.push(-coefficient * (f64::from(k) + 0.5));
        let odd = f64::from(2 * k + 1);
        coefficient *= -(four_squares - odd * odd) / (f64::from(k + 1) * 8.0);
    }
    series
}

/// The derivative of a scaled modified Bessel function far out, for positive `x`.
fn scaled_bessel_far(b: &mut Builder, x: Value, order: BesselOrder) -> Result<Value> {
    let one = b.full_like(1.0, x)?;
    let inverse = b.div(one, x)?;
    let sum = polynomial(b, inverse, &scaled_bessel_series(order))?;
    let root = b.rsqrt(x)?;
    let scale = b.mul_number(root, 1.0 / TAU.sqrt())?;
    let product = b.mul(sum, scale)?;
    b.mul(product, inverse)
}

/// `sign(x) (i1e(|x|) - i0e(x))`.
pub(super) fn i0e(b: &mut Builder, x: Value) -> Result<Value> {
    let (sign, magnitude) = (b.sign(x)?, b.abs(x)?);
    let near = |b: &mut Builder, x: Value| {
        let (one, zero) = (b.i1e(x)?, b.i0e(x)?);
        b.sub(one, zero)
    };
    let slope = by_distance(b, magnitude, 100.0, near, |b, x| scaled_bessel_far(b, x, BesselOrder::Zero))?;
    b.mul(sign, slope)
}

/// `i0e(x) - i1e(|x|) (1 + 1 / |x|)`.
pub(super) fn i1e(b: &mut Builder, x: Value) -> Result<Value> {
    let magnitude = b.abs(x)?;
    let near = |b: &mut Builder, x: Value| {
        let (zero, one) = (b.i0e(x)?, b.i1e(x)?);
        let both = minus(b, Ok(zero), Ok(one))?;
        let quotient = over_argument(b, one, x, 0.5)?;
        b.sub(both, quotient)
    };
    by_distance(b, magnitude, 100.0, near, |b, x| scaled_bessel_far(b, x, BesselOrder::One))
}

/// `y / x`, and its limit where `x` is 0 or nearly so: where numbers have few digits.
fn over_argument(b: &mut Builder, y: Value, x: Value, limit: f64) -> Result<Value> {
    let (magnitude, least) = (b.abs(x)?, b.full_like(1e-200, x)?);
    let is_tiny = b.lt(magnitude, least)?;
    let divisor = b.number_where(is_tiny, 1.0, x)?;
    let quotient = b.div(y, divisor)?;
    b.number_where(is_tiny, limit, quotient)
}

/// `zero(x) - one(x) / x`, the derivative of a Bessel function of order 1.
pub(super) fn bessel_one(
    b: &mut Builder,
    zero: SpecialFn,
    one: SpecialFn,
    x: Value,
    limit: f64,
) -> Result<Value> {
    let (zero, one) = (of(b, zero, &[x])?, of(b, one, &[x])?);
    let quotient = over_argument(b, one, x, limit)?;
    b.sub(zero, quotient)
}

/// `e^(rate x) / x`.
pub(super) fn exp_over(b: &mut Builder, x: Value, rate: f64) -> Result<Value> {
    let exponent = b.mul_number(x, rate)?;
    let exp = b.exp(exponent)?;
    b.div(exp, x)
}

/// `ln x - digamma(a)`: the logarithmic derivative, by `a`, of what has the factor `x^a / gamma(a)`.
pub(super) fn log_minus_digamma(b: &mut Builder, x: Value, a: Value) -> Result<Value> {
    let (log, digamma) = (b.log(x), b.digamma(a));
    minus(b, log, digamma)
}

/// `digamma(x) - digamma(x + y)`. For small `y`, where that is a difference of equal numbers, by derivatives in the middle.
pub(super) fn digamma_minus_sum(b: &mut Builder, x: Value, y: Value) -> Result<Value> {
    let limit = b.mul_number(x, 1e-3)?;
    let magnitude = b.abs(y)?;
    let is_far = b.gt(magnitude, limit)?;
    let (near, far) = (b.number_where(is_far, 0.0, y)?, b.select(is_far, y, x)?);
    let sum = b.add(x, far)?;
    let (own, both) = (b.digamma(x), b.digamma(sum));
    let difference = minus(b, own, both)?;
    let half = b.mul_number(near, 0.5)?;
    let middle = b.add(x, half)?;
    let (once, thrice) = (zeta(b, 2.0, middle, -1.0)?, zeta(b, 4.0, middle, -0.25)?);
    let square = b.mul(near, near)?;
    let bend = b.mul(thrice, square)?;
    let slope = b.add(once, bend)?;
    let product = b.mul(slope, near)?;
    b.select(is_far, difference, product)
}

/// `gamma_density(a, x) (ln x - digamma(a))`.
pub(super) fn gamma_density_by_shape(b: &mut Builder, a: Value, x: Value) -> Result<Value> {
    let (density, factor) = (b.gamma_density(a, x)?, log_minus_digamma(b, x, a)?);
    b.mul(density, factor)
}

/// `gamma_density(a, x) ((a - 1) / x - 1)`.
pub(super) fn gamma_density_by_point(b: &mut Builder, a: Value, x: Value) -> Result<Value> {
    let less = b.add_number(a, -1.0)?;
    let quotient = b.div(less, x)?;
    let (density, factor) = (b.gamma_density(a, x)?, b.add_number(quotient, -1.0)?);
    b.mul(density, factor)
}

/// `beta_density(a, b, x) (ln x - digamma(a) + digamma(a + b))`.
pub(super) fn beta_density_by_first(b: &mut Builder, x: &[Value]) -> Result<Value> {
    let (log, rest) = (b.log(x[2]), digamma_minus_sum(b, x[0], x[1]));
    let (density, factor) = (b.beta_density(x[0], x[1], x[2])?, minus(b, log, rest)?);
    b.mul(density, factor)
}

/// `a b / c` times the function of parameters that are greater by 1.
pub(super) fn hyp2f1_by_point(b: &mut Builder, x: &[Value]) -> Result<Value> {
    let mut next = x.to_vec();
    for parameter in &mut next[..3] {
        *parameter = b.add_number(*parameter, 1.0)?;
    }
    let (value, product) = (of(b, SpecialFn::Hyp2f1, &next)?, b.mul(x[0], x[1])?);
    let ratio = b.div(product, x[2])?;
    b.mul(value, ratio)
}

/// `x` with the two shapes exchanged, and `1 - x`.
pub(super) fn mirrored(b: &mut Builder, x: &[Value]) -> Result<[Value; 3]> {
    Ok([x[1], x[0], b.number_minus(1.0, x[2])?])
}

/// `beta_density(a, b, x) ((a - 1) / x - (b - 1) / (1 - x))`.
pub(super) fn beta_density_by_point(b: &mut Builder, x: &[Value]) -> Result<Value> {
    let rest = b.number_minus(1.0, x[2])?;
    let (first, second) = (b.add_number(x[0], -1.0)?, b.add_number(x[1], -1.0)?);
    let (left, right) = (b.div(first, x[2]), b.div(second, rest));
    let (density, factor) = (b.beta_density(x[0], x[1], x[2])?, minus(b, left, right)?);
    b.mul(density, factor)
}

/// `-density(h) erf(a h / sqrt 2) / 2`.
pub(super) fn owens_t_by_height(b: &mut Builder, h: Value, a: Value) -> Result<Value> {
    let (product, density) = (b.mul(a, h)?, normal_density(b, h)?);
    let scaled = b.mul_number(product, FRAC_1_SQRT_2)?;
    let erf = b.erf(scaled)?;
    let product = b.mul(density, erf)?;
    b.mul_number(product, -0.5)
}

/// `e^(-h^2 (1 + a^2) / 2) / (2 pi (1 + a^2))`.
pub(super) fn owens_t_by_slope(b: &mut Builder, h: Value, a: Value) -> Result<Value> {
    let (product, square) = (b.mul(a, h)?, b.mul(a, a)?);
    let (own, scaled) = (exp_minus_square(b, h, 0.5)?, exp_minus_square(b, product, 0.5)?);
    let (exp, sum) = (b.mul(own, scaled)?, b.add_number(square, 1.0)?);
    let quotient = b.div(exp, sum)?;
    b.mul_number(quotient, 1.0 / TAU)
}

/// `-(zeta(s + 1, q) + s slope)`, where `slope` is a function of `s + 1` and `q`: the derivative by `q` of `zeta_grad_s`.
pub(super) fn zeta_grad_by_point(b: &mut Builder, s: Value, q: Value) -> Result<Value> {
    let next = b.add_number(s, 1.0)?;
    let (zeta, slope) = (b.zeta(next, q)?, b.zeta_grad_s(next, q)?);
    let product = b.mul(s, slope)?;
    let sum = b.add(zeta, product)?;
    b.neg(sum)
}

/// The derivative of `function` by one operand where no formula is known: a difference of fourth order, right to about 9 digits. The step is a part
/// of the distance of the operand from `pole`.
pub(super) fn difference(
    b: &mut Builder,
    function: SpecialFn,
    x: &[Value],
    operand: usize,
    pole: f64,
) -> Result<Value> {
    let distance = b.add_number(x[operand], -pole)?;
    difference_of_scale(b, function, x, operand, distance)
}

/// As [`difference`], by an operand without poles: the step is a part of its magnitude and 1.
pub(super) fn difference_anywhere(
    b: &mut Builder,
    function: SpecialFn,
    x: &[Value],
    operand: usize,
) -> Result<Value> {
    let magnitude = b.abs(x[operand])?;
    let scale = b.add_number(magnitude, 1.0)?;
    difference_of_scale(b, function, x, operand, scale)
}

fn difference_of_scale(
    b: &mut Builder,
    function: SpecialFn,
    x: &[Value],
    operand: usize,
    scale: Value,
) -> Result<Value> {
    let step = b.mul_number(scale, 1.0 / 256.0)?;
    let mut across = |steps: f64| {
        let shift = b.mul_number(step, steps)?;
        let mut moved = x.to_vec();
        moved[operand] = b.add(x[operand], shift)?;
        let after = of(b, function, &moved)?;
        moved[operand] = b.sub(x[operand], shift)?;
        let before = of(b, function, &moved)?;
        b.sub(after, before)
    };
    let (once, twice) = (across(1.0)?, across(2.0)?);
    let eightfold = b.mul_number(once, 8.0)?;
    let (rise, run) = (b.sub(eightfold, twice)?, b.mul_number(step, 12.0)?);
    b.div(rise, run)
}

/// The derivative by the shape of the logarithm of a draw, of the same quantile of the distribution (Figurnov, Mohamed and Mnih 2018):
/// `-igamma_grad_a(a, x) / (x density(a, x))`; near 0 the limit, `(digamma(a + 1) - ln x) / a`.
pub(super) fn log_gamma_draw_by_shape(b: &mut Builder, a: Value, seed: Value) -> Result<Value> {
    let log = b.log_gamma_draw(a, seed)?;
    let exp = b.exp(log)?;
    let least = b.full_like(1e-14, a)?;
    let is_tiny = b.lt(exp, least)?;
    let x = b.number_where(is_tiny, 1.0, exp)?;
    let (slope, density) = (b.igamma_grad_a(a, x)?, b.gamma_density(a, x)?);
    let divisor = b.mul(x, density)?;
    let quotient = b.div(slope, divisor)?;
    let quotient = b.neg(quotient)?;
    let next = b.add_number(a, 1.0)?;
    let digamma = b.digamma(next)?;
    let limit = b.sub(digamma, log)?;
    let limit = b.div(limit, a)?;
    b.select(is_tiny, limit, quotient)
}
