//! Random numbers out of an explicit key: the same key gives the same numbers, on every machine and however the work is
//! split. Nothing is kept between calls; new keys come from [`RngSplit`] and [`RngFoldIn`].
//!
//! A key is `u32[2]`. All draw from its Philox stream (see `rng_bits`): numbers from block 0 on, keys that are folded in from
//! block 2^62 on, keys that are split off from block 2^63 on, so that they have nothing in common.

use smallvec::smallvec;

use super::indexing::take;
use super::quantile::normal_quantile;
use crate::builder::BuildError;
use crate::op::primitive::{ArgKind, RngAlgorithm};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Dim, Scalar, Shape, TensorType, Value, attributes};

/// First block of the keys that are folded in.
const FOLD_BLOCKS: u64 = 1 << 62;
/// First block of the keys that are split off.
const SPLIT_BLOCKS: u64 = 1 << 63;

attributes! {
    /// Uniformly distributed numbers from `low` to below `high`: `key -> dtype[shape]`.
    ///
    /// Floats are multiples of 2^-24 (f32), 2^-53 (f64), 2^-11 (f16) or 2^-8 (bf16) in [0, 1), scaled. Integers are 64
    /// random bits modulo their number, which prefers none by more than their number in 2^64.
    pub struct Uniform {
        /// Dtype of the result, any number.
        pub dtype: DType,
        /// Shape of the result.
        pub shape: Shape,
        /// The least possible number.
        pub low: Scalar,
        /// What all numbers are below.
        pub high: Scalar,
    }
}

impl CompositeDef for Uniform {
    const NAME: &'static str = "uniform";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, key: &[Value]) -> Result<Results, TypeError> {
        check_key(b, key, 0)?;
        if self.dtype.is_int() {
            return Ok(smallvec![self.integers(b, key[0])?]);
        }
        check_float(self.dtype)?;
        let dtype = super::build::wide_dtype(self.dtype);
        let [low, high] = [self.low, self.high].map(|s| s.cast(self.dtype).to_f64());
        let span = Scalar::from_f64(dtype, high - low).to_f64();
        if !(low < high && low.is_finite() && span.is_finite()) {
            let reason =
                format!("must be above low, by a finite amount; found {} and {}", self.low, self.high);
            return Err(TypeError::attribute("high", reason));
        }
        let mut number = unit(b, key[0], dtype, &self.shape, digits(self.dtype))?;
        if (low, high) != (0.0, 1.0) {
            let scaled = b.mul_number(number, span)?;
            let moved = b.add_number(scaled, low)?;
            // Rounding must not reach what it must stay below.
            number = b.at_most(moved, below(high, self.dtype))?;
        }
        Ok(smallvec![b.convert(number, self.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Uniform> {
        let dtype = draw.dtype(hint.dtype, DTypeClass::Real);
        let (low, high) = draw.choose(&[(0i64, 1i64), (3, 100), (1, 2)]);
        let op = Uniform { dtype, shape: draw.shape(3), low: low.into(), high: high.into() };
        Sample::epsilons(op, 4, [key_operand()])
    }
}

impl Uniform {
    fn integers(&self, b: &mut Builder, key: Value) -> Result<Value, TypeError> {
        let [low, high] = [self.low, self.high].map(|s| s.cast(self.dtype).to_i128());
        if low >= high {
            let reason = format!("must be above low, found {} and {}", self.low, self.high);
            return Err(TypeError::attribute("high", reason));
        }
        let bits = bits(b, key, DType::U64, &self.shape, 0)?;
        let count = b.full(Scalar::from_i128(DType::U64, high - low), &self.shape)?;
        let number = b.rem(bits, count)?;
        let number = b.convert(number, self.dtype)?;
        let low = b.full(Scalar::from_i128(self.dtype, low), &self.shape)?;
        Ok(b.add(number, low)?)
    }
}

attributes! {
    /// Normally distributed numbers: `key -> dtype[shape]`, floats.
    ///
    /// By Box and Muller (1958): `sqrt(-2 log u) cos(2 pi v)` with `u` in (0, 1] of 32 bits (53 for f64), so that numbers go
    /// up to 6.7 (8.6) standard deviations.
    pub struct Normal {
        /// Dtype of the result.
        pub dtype: DType,
        /// Shape of the result.
        pub shape: Shape,
        /// The mean.
        pub mean: Scalar,
        /// The standard deviation.
        pub std: Scalar,
    }
}

impl CompositeDef for Normal {
    const NAME: &'static str = "normal";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, key: &[Value]) -> Result<Results, TypeError> {
        check_key(b, key, 0)?;
        check_float(self.dtype)?;
        let dtype = super::build::wide_dtype(self.dtype);
        let (u, v) = two_units(b, key[0], dtype, &self.shape)?;
        let log = b.log(u)?;
        let square = b.mul_number(log, -2.0)?;
        let radius = b.sqrt(square)?;
        let angle = b.mul_number(v, std::f64::consts::TAU)?;
        let cos = b.cos(angle)?;
        let standard = b.mul(radius, cos)?;
        Ok(smallvec![scaled(b, standard, self.mean, self.std, self.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Normal> {
        let dtype = draw.dtype(hint.dtype, DTypeClass::Float);
        let op = Normal { dtype, shape: draw.shape(3), mean: 0.0.into(), std: 1.0.into() };
        Sample::epsilons(op, 64, [key_operand()])
    }
}

attributes! {
    /// Normally distributed numbers, but none further than two standard deviations from the mean: `key -> dtype[shape]`,
    /// floats. By inversion of the distribution function (Wichura 1988, AS 241).
    pub struct TruncatedNormal {
        /// Dtype of the result.
        pub dtype: DType,
        /// Shape of the result.
        pub shape: Shape,
        /// The mean.
        pub mean: Scalar,
        /// The standard deviation, before truncation.
        pub std: Scalar,
    }
}

/// Where [`TruncatedNormal`] is cut off.
const TRUNCATION: f64 = 2.0;

impl CompositeDef for TruncatedNormal {
    const NAME: &'static str = "truncated_normal";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, key: &[Value]) -> Result<Results, TypeError> {
        check_key(b, key, 0)?;
        check_float(self.dtype)?;
        let dtype = super::build::wide_dtype(self.dtype);
        let number = unit(b, key[0], dtype, &self.shape, digits(dtype))?;
        // Probability less one half, which has the digits where they are needed.
        let inside = libm::erf(TRUNCATION * std::f64::consts::FRAC_1_SQRT_2);
        let centred = b.add_number(number, -0.5)?;
        let probability = b.mul_number(centred, inside)?;
        let standard = normal_quantile(b, probability)?;
        let low = b.at_least(standard, -TRUNCATION)?;
        let standard = b.at_most(low, TRUNCATION)?;
        Ok(smallvec![scaled(b, standard, self.mean, self.std, self.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<TruncatedNormal> {
        let dtype = draw.dtype(hint.dtype, DTypeClass::Float);
        let op = TruncatedNormal { dtype, shape: draw.shape(3), mean: 0.0.into(), std: 1.0.into() };
        Sample::epsilons(op, 64, [key_operand()])
    }
}

attributes! {
    /// True with the given probabilities: `T[s], key -> bool[s]`, float probabilities.
    pub struct Bernoulli {}
}

impl CompositeDef for Bernoulli {
    const NAME: &'static str = "bernoulli";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        check_key(b, operands, 1)?;
        rule::require_class(&[b.tensor(operands[0])], 0, DTypeClass::Float)?;
        let probability = b.widen(operands[0])?;
        let TensorType { dtype, shape } = b.type_of(probability);
        let number = unit(b, operands[1], dtype, &shape, digits(dtype))?;
        Ok(smallvec![b.lt(number, probability)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Bernoulli> {
        let ty = draw.like(hint, DTypeClass::Float, 0);
        Sample::exact(Bernoulli {}, [Operand::new(ty, Values::Range(0.0, 1.0)), key_operand()])
    }
}

attributes! {
    /// One class for each row of logits along `axis`: `T[a.., c, b..], key -> i32[a.., b..]`, with probabilities
    /// `softmax(logits)`. By the Gumbel-max method: the class with the greatest `logit - log(-log(u))`.
    pub struct Categorical {
        /// The axis of classes.
        pub axis: usize,
    }
}

impl CompositeDef for Categorical {
    const NAME: &'static str = "categorical";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        check_key(b, operands, 1)?;
        rule::require_class(&[b.tensor(operands[0])], 0, DTypeClass::Float)?;
        rule::check_axis(self.axis, b.tensor(operands[0]).rank())?;
        let logits = b.widen(operands[0])?;
        let TensorType { dtype, shape } = b.type_of(logits);
        rule::check_index_dtype("axis", DType::I32, shape[self.axis])?;
        // Odd multiples of half the last digit: neither 0 nor 1 occurs.
        let digits = digits(dtype) - 1;
        let number = unit(b, operands[1], dtype, &shape, digits)?;
        let number = b.add_number(number, 0.5f64.powi(digits as i32 + 1))?;
        let log = b.log(number)?;
        let exponential = b.neg(log)?;
        let log = b.log(exponential)?;
        let perturbed = b.sub(logits, log)?;
        Ok(smallvec![b.arg_reduce(perturbed, ArgKind::Max, self.axis, DType::I32)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Categorical> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let axis = draw.axis(ty.rank());
        let ty = ty.with_shape(ty.shape.with_dim(axis, Dim::known(ty.shape.size(axis).max(1))));
        Sample::exact(Categorical { axis }, [Operand::moderate(ty), key_operand()])
    }
}

attributes! {
    /// Zero with probability `rate`, else `x / (1 - rate)`, element by element: `T[s], key -> T[s]` (Srivastava et al. 2014).
    pub struct Dropout {
        /// The share that is dropped, from 0 to 1.
        pub rate: Scalar,
    }
}

impl CompositeDef for Dropout {
    const NAME: &'static str = "dropout";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        check_key(b, operands, 1)?;
        let (x, rate) = (operands[0], self.rate.to_f64());
        let dtype = rule::require_class(&[b.tensor(x)], 0, DTypeClass::Float)?;
        if !(0.0..=1.0).contains(&rate) {
            return Err(TypeError::attribute("rate", format!("must be from 0 to 1, found {}", self.rate)));
        }
        // In 2^32 random words, that many are dropped; all, if the share rounds to 1.
        let dropped = (rate * 2f64.powi(32)).round() as u64;
        let Ok(dropped) = u32::try_from(dropped) else { return Ok(smallvec![b.full_like(0.0, x)?]) };
        let shape = b.shape(x);
        let word = bits(b, operands[1], DType::U32, &shape, 0)?;
        let bound = b.full(dropped, &shape)?;
        let kept = b.ge(word, bound)?;
        let wide = b.widen(x)?;
        let grown = b.mul_number(wide, 1.0 / (1.0 - rate))?;
        let result = b.zero_unless(kept, grown)?;
        Ok(smallvec![b.convert(result, dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Dropout> {
        let ty = draw.like(hint, DTypeClass::Float, 0);
        let rate = draw.choose(&[Scalar::F32(0.5), Scalar::F32(0.0), Scalar::F64(0.1), Scalar::F64(1.0)]);
        Sample::ulps(Dropout { rate }, 1, [Operand::moderate(ty), key_operand()])
    }
}

attributes! {
    /// The numbers `0..count` in random order: `key -> i32[count]`. Every order is equally likely, up to what 64 random bits
    /// per number can tell apart.
    pub struct Permutation {
        /// Number of samples.
        pub count: usize,
    }
}

impl CompositeDef for Permutation {
    const NAME: &'static str = "permutation";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, key: &[Value]) -> Result<Results, TypeError> {
        check_key(b, key, 0)?;
        rule::check_index_dtype("count", DType::I32, Dim::known(self.count))?;
        Ok(smallvec![permutation(b, key[0], self.count)?])
    }

    fn sample(draw: &mut Draw<'_>, _hint: &TensorType) -> Sample<Permutation> {
        Sample::exact(Permutation { count: draw.extent() }, [key_operand()])
    }
}

attributes! {
    /// The slices along `axis` in random order: `T[s], key -> T[s]`.
    pub struct Shuffle {
        /// The axis along which to shuffle.
        pub axis: usize,
    }
}

impl CompositeDef for Shuffle {
    const NAME: &'static str = "shuffle";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        check_key(b, operands, 1)?;
        let shape = b.shape(operands[0]);
        rule::check_axis(self.axis, shape.rank())?;
        rule::check_index_dtype("axis", DType::I32, shape[self.axis])?;
        let order = permutation(b, operands[1], shape.size(self.axis))?;
        Ok(smallvec![take(b, operands[0], order, self.axis)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Shuffle> {
        let ty = draw.like(hint, DTypeClass::Any, 1);
        let axis = draw.axis(ty.rank());
        Sample::exact(Shuffle { axis }, [Operand::any(ty), key_operand()])
    }
}

attributes! {
    /// New keys: `key -> u32[count, 2]`.
    pub struct RngSplit {
        /// Number of samples.
        pub count: usize,
    }
}

impl CompositeDef for RngSplit {
    const NAME: &'static str = "rng_split";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, key: &[Value]) -> Result<Results, TypeError> {
        check_key(b, key, 0)?;
        Ok(smallvec![bits(b, key[0], DType::U32, &Shape::from([self.count, 2]), SPLIT_BLOCKS)?])
    }

    fn sample(draw: &mut Draw<'_>, _hint: &TensorType) -> Sample<RngSplit> {
        Sample::exact(RngSplit { count: draw.extent() }, [key_operand()])
    }
}

attributes! {
    /// A new key for each number: `key, I[] -> key`, any integer dtype. Numbers that agree modulo 2^62 give the same key.
    pub struct RngFoldIn {}
}

impl CompositeDef for RngFoldIn {
    const NAME: &'static str = "rng_fold_in";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        check_key(b, operands, 0)?;
        let types = [b.tensor(operands[0]), b.tensor(operands[1])];
        rule::require_class(&types, 1, DTypeClass::Int)?;
        rule::require_scalar(&types, 1)?;
        let number = b.convert(operands[1], DType::U64)?;
        let mask = b.scalar(FOLD_BLOCKS - 1);
        let number = b.and(number, mask)?;
        let first = b.scalar(FOLD_BLOCKS);
        let block = b.or(number, first)?;
        Ok(smallvec![b.rng_bits(operands[0], block, RngAlgorithm::Philox, DType::U32, [2])?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<RngFoldIn> {
        let dtype = draw.dtype(hint.dtype, DTypeClass::Int);
        Sample::exact(RngFoldIn {}, [key_operand(), Operand::any(TensorType::scalar(dtype))])
    }
}

pub(super) fn key_operand() -> Operand {
    Operand::any(TensorType::new(DType::U32, [2]))
}

pub(super) fn check_key(b: &Builder, operands: &[Value], key: usize) -> Result<(), TypeError> {
    match b.tensor(operands[key]) {
        ty if *ty == TensorType::new(DType::U32, [2]) => Ok(()),
        ty => Err(TypeError::Other(format!("the key (operand {key}) must be u32[2], found {ty}"))),
    }
}

pub(super) fn check_float(dtype: DType) -> Result<(), TypeError> {
    if dtype.is_float() {
        Ok(())
    } else {
        let reason = format!("must be {}, found {dtype}", DTypeClass::Float.describe());
        Err(TypeError::attribute("dtype", reason))
    }
}

/// Random bits of the key's stream from `block` on.
pub(super) fn bits(
    b: &mut Builder,
    key: Value,
    dtype: DType,
    shape: &Shape,
    block: u64,
) -> Result<Value, BuildError> {
    let block = b.scalar(block);
    b.rng_bits(key, block, RngAlgorithm::Philox, dtype, shape.clone())
}

/// Digits of the significand, in bits.
pub(super) fn digits(dtype: DType) -> u32 {
    match dtype {
        DType::BF16 => 8,
        DType::F16 => 11,
        DType::F32 => 24,
        _ => 53,
    }
}

/// Multiples of `2^-digits` in [0, 1), of dtype f32 or f64.
pub(super) fn unit(
    b: &mut Builder,
    key: Value,
    dtype: DType,
    shape: &Shape,
    digits: u32,
) -> Result<Value, BuildError> {
    let word = if dtype == DType::F64 { DType::U64 } else { DType::U32 };
    let bits = bits(b, key, word, shape, 0)?;
    top_digits(b, bits, dtype, digits)
}

/// The top `digits` of random words as a fraction.
pub(super) fn top_digits(
    b: &mut Builder,
    words: Value,
    dtype: DType,
    digits: u32,
) -> Result<Value, BuildError> {
    let ty = b.type_of(words);
    let shift = b.full(Scalar::from_i128(ty.dtype, i128::from(ty.dtype.bits() - digits)), &ty.shape)?;
    let top = b.shr_logic(words, shift)?;
    let number = b.cast(top, dtype)?;
    b.mul_number(number, 0.5f64.powi(digits as i32))
}

/// Two independent numbers for each element, the first in (0, 1], the second in [0, 1).
fn two_units(b: &mut Builder, key: Value, dtype: DType, shape: &Shape) -> Result<(Value, Value), BuildError> {
    let first = bits(b, key, DType::U64, shape, 0)?;
    if dtype == DType::F64 {
        let used = (shape.elements() as u64).div_ceil(RngAlgorithm::Philox.block_words() / 2);
        let second = bits(b, key, DType::U64, shape, used)?;
        let u = top_digits(b, first, dtype, 53)?;
        let u = b.number_minus(1.0, u)?;
        return Ok((u, top_digits(b, second, dtype, 53)?));
    }
    // All 32 bits of the lower word: a small number keeps a full significand, so that large results are not on a grid.
    let lower = b.cast(first, DType::U32)?;
    let u = b.cast(lower, dtype)?;
    let u = b.mul_number(u, 0.5f64.powi(32))?;
    let u = b.add_number(u, 0.5f64.powi(33))?;
    let half = b.full(32u64, shape)?;
    let upper = b.shr_logic(first, half)?;
    let upper = b.cast(upper, DType::U32)?;
    Ok((u, top_digits(b, upper, dtype, 24)?))
}

/// `mean + std * x`, rounded to `dtype`.
fn scaled(b: &mut Builder, x: Value, mean: Scalar, std: Scalar, dtype: DType) -> Result<Value, BuildError> {
    let mut result = x;
    if std.to_f64() != 1.0 {
        result = b.mul_number(result, std.to_f64())?;
    }
    if mean.to_f64() != 0.0 {
        result = b.add_number(result, mean.to_f64())?;
    }
    b.convert(result, dtype)
}

/// The numbers `0..count` in random order: sorted by random words.
fn permutation(b: &mut Builder, key: Value, count: usize) -> Result<Value, BuildError> {
    let shape = Shape::from([count]);
    let words = bits(b, key, DType::U64, &shape, 0)?;
    let numbers = b.iota(DType::I32, shape, 0usize)?;
    Ok(b.sort(&[words, numbers], 0usize, 1usize, false)?[1])
}

/// The greatest number of `dtype` below `high`.
fn below(high: f64, dtype: DType) -> f64 {
    match dtype {
        DType::F64 => high.next_down(),
        DType::F32 => f64::from((high as f32).next_down()),
        // By hand: one step of the last digit, rounded down.
        _ => {
            let bits = Scalar::from_f64(dtype, high).bits();
            let sign = 1u64 << (dtype.bits() - 1);
            let down = match bits {
                0 => sign | 1,
                _ if bits & sign != 0 && bits != sign => bits + 1,
                _ if bits == sign => sign | 1,
                _ => bits - 1,
            };
            Scalar::from_bits(dtype, down).to_f64()
        }
    }
}
