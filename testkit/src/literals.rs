//! Random tensors: special values among ordinary ones.

pub use tensorwright_ir::op::Random;
use tensorwright_ir::op::{Draw, Operand, Values};
use tensorwright_ir::{DType, Literal, Scalar};

/// Numbers that arithmetic treats specially, as `f64`.
pub const SPECIAL_FLOATS: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    -3.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::MIN_POSITIVE,
    1e-45,
    f64::MAX,
    65504.0,
    1e-8,
    16777217.0,
];

/// A complex number of two parts.
fn complex(dtype: DType, mut part: impl FnMut(DType) -> Scalar) -> Scalar {
    let (re, im) = (part(dtype.part()), part(dtype.part()));
    Scalar::complex(re, im)
}

/// One of the numbers that rules about constants look for: 0, 1, -1, 2 and the like.
pub fn simple(draw: &mut Draw<'_>, dtype: DType) -> Scalar {
    if dtype.is_complex() {
        complex(dtype, |part| simple(draw, part))
    } else if dtype.is_float() {
        Scalar::from_f64(
            dtype,
            draw.choose(&[0.0, 1.0, -1.0, 2.0, -0.0, 0.5, 3.0, f64::NAN, f64::INFINITY, 0.1]),
        )
    } else {
        Scalar::from_i128(dtype, draw.choose(&[0, 1, -1, 2, 3, 8, i128::from(i64::MIN), 127]))
    }
}

/// A scalar of the dtype: a special value in one of three cases, else random bits or a number of moderate size.
pub fn random_scalar(random: &mut Random, dtype: DType) -> Scalar {
    if dtype.is_complex() {
        return complex(dtype, |part| random_scalar(random, part));
    }
    match random.below(3) {
        0 if dtype.is_float() => Scalar::from_f64(dtype, SPECIAL_FLOATS[random.below(SPECIAL_FLOATS.len())]),
        0 => special_int(random, dtype),
        1 => Scalar::from_bits(dtype, random.bits()),
        _ => moderate(random, dtype),
    }
}

fn special_int(random: &mut Random, dtype: DType) -> Scalar {
    let extremes = [Scalar::lowest(dtype), Scalar::highest(dtype)];
    match random.below(4) {
        0 => extremes[random.below(2)],
        _ => Scalar::from_i128(dtype, random.below(5) as i128 - 2),
    }
}

fn moderate(random: &mut Random, dtype: DType) -> Scalar {
    if dtype.is_complex() {
        return complex(dtype, |part| moderate(random, part));
    }
    Scalar::from_f64(dtype, (random.unit() - 0.5) * if dtype.is_float() { 8.0 } else { 40.0 })
}

/// An element of matrices with dominant elements, which are about real numbers.
fn dominant(random: &mut Random, operand: &Operand, flat: usize) -> Scalar {
    let ty = operand.ty.tensor();
    let about = operand.values.about(&ty.shape, flat);
    let mut near = |about: f64, dtype| Scalar::from_f64(dtype, about + Values::SLIGHT * random.symmetric());
    if ty.dtype.is_complex() {
        let part = ty.dtype.part();
        return Scalar::complex(near(about, part), near(0.0, part));
    }
    near(about, ty.dtype)
}

/// A tensor with the values that the operand, which is one, asks for. The first choice is 0, 1, 2..
pub fn random_literal(draw: &mut Draw<'_>, operand: &Operand) -> Literal {
    let seed = draw.raw();
    let ty = operand.ty.tensor();
    let dtype = ty.dtype;
    let mut random = Random::new(u64::from(seed));
    Literal::from_fn(ty.clone(), |flat| match operand.values {
        Values::Range(low, high) => Scalar::from_f64(dtype, low + (high - low) * random.unit()),
        Values::Index(bound) => Scalar::from_i128(dtype, random.below(bound + 3) as i128 - 1),
        Values::Dominant(_) => dominant(&mut random, operand, flat),
        _ if seed == 0 => Scalar::from_i128(dtype, flat as i128),
        Values::Any | Values::Rows(_) => random_scalar(&mut random, dtype),
        Values::Moderate => moderate(&mut random, dtype),
    })
}

/// A tensor for tests of derivatives: floats from the range that the operand asks for, or else from `smooth`.
pub fn smooth_literal(random: &mut Random, operand: &Operand, smooth: (f64, f64)) -> Literal {
    let ty = operand.ty.tensor();
    let dtype = ty.dtype;
    let (low, high) = match operand.values {
        Values::Range(low, high) => (low, high),
        _ => smooth,
    };
    Literal::from_fn(ty.clone(), |flat| match operand.values {
        Values::Index(bound) => Scalar::from_i128(dtype, random.below(bound + 3) as i128 - 1),
        Values::Dominant(_) => dominant(random, operand, flat),
        _ if dtype.is_complex() => {
            complex(dtype, |part| Scalar::from_f64(part, low + (high - low) * random.unit()))
        }
        _ if dtype.is_float() => Scalar::from_f64(dtype, low + (high - low) * random.unit()),
        _ => Scalar::from_i128(dtype, random.below(5) as i128 - 2),
    })
}
