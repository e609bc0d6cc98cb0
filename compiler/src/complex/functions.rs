//! Functions of complex numbers, as expressions of their parts. What they are, and where their branch cuts lie, the evaluator says in its own
//! words (`ir/src/op/primitive/unary/complex.rs`); the formulas are those of W. Kahan (1987) and, for quotients, of R. L. Smith (1962).

use tensorwright_ir::op::primitive::{BinaryFn, UnaryFn};
use tensorwright_ir::{BuildError, Builder, DType, Value};

use super::Parts;

type Built<T = Value> = Result<T, BuildError>;

/// From here on the real part of the hyperbolic tangent is 1.
const SATURATED: f64 = 22.0;

/// The function of a complex number that gives one; `None` if there is none of complex numbers.
pub(super) fn unary(b: &mut Builder, function: UnaryFn, z: Parts) -> Built<Option<Parts>> {
    let function = match function {
        UnaryFn::Neg => |b: &mut Builder, z: Parts| Ok(Parts { re: b.neg(z.re)?, im: b.neg(z.im)? }),
        UnaryFn::OptimizationBarrier => |b: &mut Builder, z: Parts| {
            Ok(Parts { re: b.optimization_barrier(z.re)?, im: b.optimization_barrier(z.im)? })
        },
        UnaryFn::Exp => exp,
        UnaryFn::Log => log,
        UnaryFn::Expm1 => expm1,
        UnaryFn::Log1p => log1p,
        UnaryFn::Exp2 => exp2,
        UnaryFn::Log2 => log2,
        UnaryFn::Sqrt => sqrt,
        UnaryFn::Rsqrt => rsqrt,
        UnaryFn::Cbrt => cbrt,
        UnaryFn::Sin => |b: &mut Builder, z: Parts| around(b, z, sinh),
        UnaryFn::Cos => cos,
        UnaryFn::Tan => |b: &mut Builder, z: Parts| around(b, z, tanh),
        UnaryFn::Sinh => sinh,
        UnaryFn::Cosh => cosh,
        UnaryFn::Tanh => tanh,
        UnaryFn::Asin => asin,
        UnaryFn::Acos => acos,
        UnaryFn::Atan => |b: &mut Builder, z: Parts| around(b, z, atanh),
        UnaryFn::Asinh => |b: &mut Builder, z: Parts| around(b, z, asin),
        UnaryFn::Acosh => acosh,
        UnaryFn::Atanh => atanh,
        _ => return Ok(None),
    };
    function(b, z).map(Some)
}

/// The function of two complex numbers that gives one; `None` if there is none of complex numbers.
pub(super) fn binary(b: &mut Builder, function: BinaryFn, x: Parts, y: Parts) -> Built<Option<Parts>> {
    let function = match function {
        BinaryFn::Add => {
            |b: &mut Builder, x: Parts, y: Parts| Ok(Parts { re: b.add(x.re, y.re)?, im: b.add(x.im, y.im)? })
        }
        BinaryFn::Sub => {
            |b: &mut Builder, x: Parts, y: Parts| Ok(Parts { re: b.sub(x.re, y.re)?, im: b.sub(x.im, y.im)? })
        }
        BinaryFn::Mul => mul,
        BinaryFn::Div => div,
        BinaryFn::Pow => pow,
        _ => return Ok(None),
    };
    function(b, x, y).map(Some)
}

/// The distance from 0.
pub(super) fn magnitude(b: &mut Builder, z: Parts) -> Built {
    b.hypot(z.re, z.im)
}

pub(super) fn mul(b: &mut Builder, x: Parts, y: Parts) -> Built<Parts> {
    let (of_re, of_im) = (b.mul(x.re, y.re)?, b.mul(x.im, y.im)?);
    let (left, right) = (b.mul(x.re, y.im)?, b.mul(x.im, y.re)?);
    Ok(Parts { re: b.sub(of_re, of_im)?, im: b.add(left, right)? })
}

fn div(b: &mut Builder, x: Parts, y: Parts) -> Built<Parts> {
    let (re, im) = (b.abs(y.re)?, b.abs(y.im)?);
    let swapped = b.lt(re, im)?;
    let (greater, lesser) = (b.select(swapped, y.im, y.re)?, b.select(swapped, y.re, y.im)?);
    let (first, second) = (b.select(swapped, x.im, x.re)?, b.select(swapped, x.re, x.im)?);
    let zero = b.full_like(0.0, greater)?;
    let nothing = b.eq(greater, zero)?;
    let ratio = b.div(lesser, greater)?;
    let ratio = b.select(nothing, zero, ratio)?;
    let part = b.mul(lesser, ratio)?;
    let divisor = b.add(greater, part)?;
    let (of_second, of_first) = (b.mul(second, ratio)?, b.mul(first, ratio)?);
    let (re, im) = (b.add(first, of_second)?, b.sub(second, of_first)?);
    let (re, im) = (b.div(re, divisor)?, b.div(im, divisor)?);
    let negated = b.neg(im)?;
    Ok(Parts { re, im: b.select(swapped, negated, im)? })
}

/// A power, which for parts of f32 is computed in f64: what the exponent `y log x` rounds counts as often as the exponent is large.
fn pow(b: &mut Builder, x: Parts, y: Parts) -> Built<Parts> {
    let dtype = b.tensor(x.re).dtype;
    let (x, y) = (x.cast(b, DType::F64)?, y.cast(b, DType::F64)?);
    exp_of_log(b, x, y)?.cast(b, dtype)
}

/// `e^(y log x)`; 1 if `y` is 0. Of 0 it is 0 if the real part of `y` is positive, else NaN.
fn exp_of_log(b: &mut Builder, x: Parts, y: Parts) -> Built<Parts> {
    let exponent = log(b, x)?;
    let exponent = mul(b, exponent, y)?;
    let power = exp(b, exponent)?;
    let (of_zero, to_zero) = (is_zero(b, x)?, is_zero(b, y)?);
    let (zero, one) = (b.full_like(0.0, y.re)?, b.full_like(1.0, y.re)?);
    let nan = b.full_like(f64::NAN, y.re)?;
    let grows = b.gt(y.re, zero)?;
    let of_zero_power = b.select(grows, zero, nan)?;
    let mut part = |part: Value, unit: Value| {
        let part = b.select(of_zero, of_zero_power, part)?;
        b.select(to_zero, unit, part)
    };
    Ok(Parts { re: part(power.re, one)?, im: part(power.im, zero)? })
}

fn is_zero(b: &mut Builder, z: Parts) -> Built {
    let zero = b.full_like(0.0, z.re)?;
    let (re, im) = (b.eq(z.re, zero)?, b.eq(z.im, zero)?);
    b.and(re, im)
}

/// `x * factor`, and `x` itself if it is 0, whatever the factor is.
fn scaled(b: &mut Builder, x: Value, factor: Value) -> Built {
    let zero = b.full_like(0.0, x)?;
    let zero = b.eq(x, zero)?;
    let product = b.mul(x, factor)?;
    b.select(zero, x, product)
}

/// `x`, which is not negative, with the sign of another number.
fn signed(b: &mut Builder, x: Value, like: Value) -> Built {
    let zero = b.full_like(0.0, like)?;
    let (negative, negated) = (b.lt_total(like, zero)?, b.neg(x)?);
    b.select(negative, negated, x)
}

/// `-i f(i z)`.
fn around(
    b: &mut Builder,
    z: Parts,
    function: impl FnOnce(&mut Builder, Parts) -> Built<Parts>,
) -> Built<Parts> {
    let turned = Parts { re: b.neg(z.im)?, im: z.re };
    let result = function(b, turned)?;
    Ok(Parts { re: result.im, im: b.neg(result.re)? })
}

fn exp(b: &mut Builder, z: Parts) -> Built<Parts> {
    let (magnitude, cos, sin) = (b.exp(z.re)?, b.cos(z.im)?, b.sin(z.im)?);
    Ok(Parts { re: b.mul(magnitude, cos)?, im: scaled(b, sin, magnitude)? })
}

/// Near the unit circle, the square of the distance less 1 has more digits than the distance.
fn log(b: &mut Builder, z: Parts) -> Built<Parts> {
    let distance = magnitude(b, z)?;
    let (re, im) = (b.abs(z.re)?, b.abs(z.im)?);
    let (greater, lesser) = (b.maximum(re, im)?, b.minimum(re, im)?);
    let [half, one, two] = numbers(b, [0.5, 1.0, 2.0], distance)?;
    let (less, more, square) = (b.sub(greater, one)?, b.add(greater, one)?, b.mul(lesser, lesser)?);
    let product = b.mul(less, more)?;
    let excess = b.add(product, square)?;
    let near = b.log1p(excess)?;
    let near = b.mul(near, half)?;
    let far = b.log(distance)?;
    let (above, below) = (b.gt(distance, half)?, b.lt(distance, two)?);
    let is_near = b.and(above, below)?;
    Ok(Parts { re: b.select(is_near, near, far)?, im: b.atan2(z.im, z.re)? })
}

/// The sine of half the angle keeps what the cosine is less than 1.
fn expm1(b: &mut Builder, z: Parts) -> Built<Parts> {
    let [half, two] = numbers(b, [0.5, 2.0], z.im)?;
    let half_angle = b.mul(z.im, half)?;
    let sin_half = b.sin(half_angle)?;
    let square = b.mul(sin_half, sin_half)?;
    let less = b.mul(square, two)?;
    let (growth, cos, sin) = (b.expm1(z.re)?, b.cos(z.im)?, b.sin(z.im)?);
    let grown = b.mul(growth, cos)?;
    let magnitude = b.exp(z.re)?;
    Ok(Parts { re: b.sub(grown, less)?, im: scaled(b, sin, magnitude)? })
}

/// Near -1 and 0, the square of the distance of `1 + z` less 1 has more digits than the distance.
fn log1p(b: &mut Builder, z: Parts) -> Built<Parts> {
    let [half, one, two] = numbers(b, [0.5, 1.0, 2.0], z.re)?;
    let more = Parts { re: b.add(z.re, one)?, im: z.im };
    let far = log(b, more)?;
    let around = b.add(z.re, two)?;
    let (of_re, of_im) = (b.mul(z.re, around)?, b.mul(z.im, z.im)?);
    let excess = b.add(of_re, of_im)?;
    let near = b.log1p(excess)?;
    let near = b.mul(near, half)?;
    let (re, im) = (b.abs(z.re)?, b.abs(z.im)?);
    let greater = b.maximum(re, im)?;
    let is_far = b.gt(greater, one)?;
    Ok(Parts { re: b.select(is_far, far.re, near)?, im: far.im })
}

fn exp2(b: &mut Builder, z: Parts) -> Built<Parts> {
    let [scale] = numbers(b, [std::f64::consts::LN_2], z.im)?;
    let angle = b.mul(z.im, scale)?;
    let (magnitude, cos, sin) = (b.exp2(z.re)?, b.cos(angle)?, b.sin(angle)?);
    Ok(Parts { re: b.mul(magnitude, cos)?, im: scaled(b, sin, magnitude)? })
}

fn log2(b: &mut Builder, z: Parts) -> Built<Parts> {
    let natural = log(b, z)?;
    let [scale] = numbers(b, [std::f64::consts::LOG2_E], z.re)?;
    Ok(Parts { re: b.mul(natural.re, scale)?, im: b.mul(natural.im, scale)? })
}

fn numbers<const N: usize>(b: &mut Builder, numbers: [f64; N], like: Value) -> Built<[Value; N]> {
    let mut values = [like; N];
    for (value, number) in values.iter_mut().zip(numbers) {
        *value = b.full_like(number, like)?;
    }
    Ok(values)
}

/// `sqrt((|x| + |z|) / 2)`, with both divided by the greater of `|x|` and `|y|`, and the other part by division.
fn sqrt(b: &mut Builder, z: Parts) -> Built<Parts> {
    let (x, y) = (b.abs(z.re)?, b.abs(z.im)?);
    let greater = b.maximum(x, y)?;
    let [zero, half, one, infinity] = numbers(b, [0.0, 0.5, 1.0, f64::INFINITY], x)?;
    let (nothing, unbounded) = (b.eq(greater, zero)?, b.eq(greater, infinity)?);
    let plain = b.or(nothing, unbounded)?;
    let divisor = b.select(plain, one, greater)?;
    let (scaled_x, scaled_y) = (b.div(x, divisor)?, b.div(y, divisor)?);
    let distance = b.hypot(scaled_x, scaled_y)?;
    let sum = b.add(scaled_x, distance)?;
    let mean = b.mul(sum, half)?;
    let (scale, root) = (b.sqrt(divisor)?, b.sqrt(mean)?);
    let root = b.mul(scale, root)?;
    let other = b.div(y, root)?;
    let other = b.mul(other, half)?;
    let right = b.ge(z.re, zero)?;
    let (re, im) = (b.select(right, root, other)?, b.select(right, other, root)?);
    // An infinite part decides about both, the imaginary one first.
    let (im_unbounded, positive) = (b.eq(y, infinity)?, b.gt(z.re, zero)?);
    let vanishing = b.mul(y, zero)?;
    let to_right = b.or(im_unbounded, positive)?;
    let far_re = b.select(to_right, infinity, vanishing)?;
    let far_im = b.select(positive, vanishing, infinity)?;
    let far_im = b.select(im_unbounded, infinity, far_im)?;
    let (re, im) = (b.select(unbounded, far_re, re)?, b.select(unbounded, far_im, im)?);
    let im = b.select(nothing, zero, im)?;
    Ok(Parts { re: b.select(nothing, zero, re)?, im: signed(b, im, z.im)? })
}

/// The root of the distance, and a third of the angle.
fn cbrt(b: &mut Builder, z: Parts) -> Built<Parts> {
    let distance = magnitude(b, z)?;
    let [three] = numbers(b, [3.0], distance)?;
    let (root, angle) = (b.cbrt(distance)?, b.atan2(z.im, z.re)?);
    let angle = b.div(angle, three)?;
    let (cos, sin) = (b.cos(angle)?, b.sin(angle)?);
    Ok(Parts { re: b.mul(root, cos)?, im: scaled(b, sin, root)? })
}

/// The conjugate of the root over the square of its distance, without that square's overflow.
fn rsqrt(b: &mut Builder, z: Parts) -> Built<Parts> {
    let root = sqrt(b, z)?;
    let distance = magnitude(b, root)?;
    let mut over = |part: Value| {
        let once = b.div(part, distance)?;
        b.div(once, distance)
    };
    let (re, im) = (over(root.re)?, over(root.im)?);
    Ok(Parts { re, im: b.neg(im)? })
}

fn sinh(b: &mut Builder, z: Parts) -> Built<Parts> {
    let (sinh, cosh) = (b.sinh(z.re)?, b.cosh(z.re)?);
    let (cos, sin) = (b.cos(z.im)?, b.sin(z.im)?);
    Ok(Parts { re: scaled(b, sinh, cos)?, im: scaled(b, sin, cosh)? })
}

fn cosh(b: &mut Builder, z: Parts) -> Built<Parts> {
    let (sinh, cosh) = (b.sinh(z.re)?, b.cosh(z.re)?);
    let (cos, sin) = (b.cos(z.im)?, b.sin(z.im)?);
    Ok(Parts { re: b.mul(cosh, cos)?, im: scaled(b, sinh, sin)? })
}

fn cos(b: &mut Builder, z: Parts) -> Built<Parts> {
    let turned = Parts { re: b.neg(z.im)?, im: z.re };
    cosh(b, turned)
}

fn tanh(b: &mut Builder, z: Parts) -> Built<Parts> {
    let [one, four, minus_two, limit] = numbers(b, [1.0, 4.0, -2.0, SATURATED], z.re)?;
    let magnitude = b.abs(z.re)?;
    // No square overflows below the limit, and beyond it this counts for nothing.
    let near = b.minimum(magnitude, limit)?;
    let near = signed(b, near, z.re)?;
    let (tan, sinh) = (b.tan(z.im)?, b.sinh(near)?);
    let (tan_square, sinh_square) = (b.mul(tan, tan)?, b.mul(sinh, sinh)?);
    let (slope, cosh_square) = (b.add(tan_square, one)?, b.add(sinh_square, one)?);
    let product = b.mul(slope, sinh_square)?;
    let divisor = b.add(product, one)?;
    let cosh = b.sqrt(cosh_square)?;
    let product = b.mul(slope, cosh)?;
    let product = b.mul(product, sinh)?;
    let (near_re, near_im) = (b.div(product, divisor)?, b.div(tan, divisor)?);
    let far_re = signed(b, one, z.re)?;
    let (sin, cos) = (b.sin(z.im)?, b.cos(z.im)?);
    let product = b.mul(sin, cos)?;
    let product = b.mul(product, four)?;
    let exponent = b.mul(magnitude, minus_two)?;
    let vanishing = b.exp(exponent)?;
    let far_im = b.mul(product, vanishing)?;
    let far = b.gt(magnitude, limit)?;
    Ok(Parts { re: b.select(far, far_re, near_re)?, im: b.select(far, far_im, near_im)? })
}

/// `sqrt(1 - z)` and `sqrt(1 + z)`.
fn roots(b: &mut Builder, z: Parts) -> Built<(Parts, Parts)> {
    let one = b.full_like(1.0, z.re)?;
    let less = Parts { re: b.sub(one, z.re)?, im: b.neg(z.im)? };
    let more = Parts { re: b.add(one, z.re)?, im: z.im };
    Ok((sqrt(b, less)?, sqrt(b, more)?))
}

/// `asinh(x.re * y.im - x.im * y.re)`.
fn asinh_of_turn(b: &mut Builder, x: Parts, y: Parts) -> Built {
    let (left, right) = (b.mul(x.re, y.im)?, b.mul(x.im, y.re)?);
    let turn = b.sub(left, right)?;
    b.asinh(turn)
}

fn asin(b: &mut Builder, z: Parts) -> Built<Parts> {
    let (less, more) = roots(b, z)?;
    let (of_re, of_im) = (b.mul(less.re, more.re)?, b.mul(less.im, more.im)?);
    let cosine = b.sub(of_re, of_im)?;
    Ok(Parts { re: b.atan2(z.re, cosine)?, im: asinh_of_turn(b, less, more)? })
}

fn acos(b: &mut Builder, z: Parts) -> Built<Parts> {
    let (less, more) = roots(b, z)?;
    let two = b.full_like(2.0, z.re)?;
    let half = b.atan2(less.re, more.re)?;
    Ok(Parts { re: b.mul(half, two)?, im: asinh_of_turn(b, more, less)? })
}

fn acosh(b: &mut Builder, z: Parts) -> Built<Parts> {
    let [one, two] = numbers(b, [1.0, 2.0], z.re)?;
    let (less, more) = (b.sub(z.re, one)?, b.add(z.re, one)?);
    let less = sqrt(b, Parts { re: less, im: z.im })?;
    let more = sqrt(b, Parts { re: more, im: z.im })?;
    let (of_re, of_im) = (b.mul(less.re, more.re)?, b.mul(less.im, more.im)?);
    let along = b.add(of_re, of_im)?;
    let half = b.atan2(less.im, more.re)?;
    Ok(Parts { re: b.asinh(along)?, im: b.mul(half, two)? })
}

fn atanh(b: &mut Builder, z: Parts) -> Built<Parts> {
    let large = if b.tensor(z.re).dtype == DType::F32 { 1e18 } else { 1e153 };
    let [half, one, two, four, quarter, large] = numbers(b, [0.5, 1.0, 2.0, 4.0, 0.25, large], z.re)?;
    let (x, y) = (b.abs(z.re)?, b.abs(z.im)?);
    // The squares of these are finite.
    let (x, y) = (b.minimum(x, large)?, b.minimum(y, large)?);
    let y = signed(b, y, z.im)?;
    let (less, more, square) = (b.sub(one, x)?, b.add(one, x)?, b.mul(y, y)?);
    let less_square = b.mul(less, less)?;
    let divisor = b.add(less_square, square)?;
    let four_x = b.mul(x, four)?;
    let quotient = b.div(four_x, divisor)?;
    let log = b.log1p(quotient)?;
    let re = b.mul(log, quarter)?;
    let product = b.mul(less, more)?;
    let (rest, twice) = (b.sub(product, square)?, b.mul(y, two)?);
    let angle = b.atan2(twice, rest)?;
    Ok(Parts { re: signed(b, re, z.re)?, im: b.mul(angle, half)? })
}
