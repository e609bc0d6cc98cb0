//! Quantisation: floats as integers times a scale, and floats of fewer bits.

use smallvec::smallvec;

use super::elementwise::{ElementWise, Precision};
use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::derivative::{Partial, Partials};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, CompositeDef, Derivative, Primal, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// `round(x / scale) + zero`, ties to even, limited to the range of `dtype`: `T[s], T[t], I[t] -> I[s]`, floats `T`, integers `I` of at most 32 bits. NaN gives 0.
    ///
    /// `scale` and `zero` are scalars, or have the rank of `x`: along each axis as many as `x` has, or one for each of so many blocks of equal length.
    pub struct Quantize {
        /// Dtype of the result, that of `zero`.
        pub dtype: DType,
    }
}

impl CompositeDef for Quantize {
    const NAME: &'static str = "quantize";
    const ARITY: Arity = Arity::Exact(3);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (x, scale, zero) = (b.type_of(operands[0]), b.type_of(operands[1]), b.type_of(operands[2]));
        rule::require_class(&[&x, &scale], 0, DTypeClass::Float)?;
        rule::same_dtype(&[&x, &scale], 0, 1)?;
        rule::same_shape(&[&x, &scale, &zero], 1, 2)?;
        check_code(self.dtype, "dtype")?;
        if zero.dtype != self.dtype {
            let reason = format!("must be the dtype of operand 2, {}, found {}", zero.dtype, self.dtype);
            return Err(TypeError::attribute("dtype", reason));
        }
        let wide = arithmetic(x.dtype, self.dtype);
        let value = b.convert(operands[0], wide)?;
        let scale = spread_blocks(b, operands[1], &x.shape)?;
        let zero = spread_blocks(b, operands[2], &x.shape)?;
        let (scale, zero) = (b.convert(scale, wide)?, b.convert(zero, wide)?);
        let steps = b.div(value, scale)?;
        let whole = b.round_even(steps)?;
        let moved = b.add(whole, zero)?;
        let [low, high] = [Scalar::lowest(self.dtype), Scalar::highest(self.dtype)].map(Scalar::to_f64);
        let limited = b.at_least(moved, low)?;
        let limited = b.at_most(limited, high)?;
        Ok(smallvec![b.cast(limited, self.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Quantize> {
        let x = draw.like(hint, DTypeClass::Float, 0);
        let dtype = draw.choose(&[DType::I8, DType::U8, DType::I16, DType::I32]);
        let blocks = sampled_blocks(draw, &x.shape);
        let scale = Operand::new(TensorType::new(x.dtype, blocks.clone()), Values::Range(0.25, 4.0));
        let zero = Operand::new(TensorType::new(dtype, blocks), Values::Range(0.0, 3.0));
        Sample::exact(Quantize { dtype }, [Operand::moderate(x), scale, zero])
    }
}

attributes! {
    /// `(x - zero) scale`: `I[s], T[t], I[t] -> T[s]`, integers `I` of at most 32 bits, floats `T`; `scale` and `zero` as those of [`Quantize`].
    pub struct Dequantize {}
}

impl CompositeDef for Dequantize {
    const NAME: &'static str = "dequantize";
    const ARITY: Arity = Arity::Exact(3);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (x, scale, zero) = (b.type_of(operands[0]), b.type_of(operands[1]), b.type_of(operands[2]));
        rule::require_class(&[&x, &scale], 1, DTypeClass::Float)?;
        rule::same_dtype(&[&x, &scale, &zero], 0, 2)?;
        rule::same_shape(&[&x, &scale, &zero], 1, 2)?;
        check_code(x.dtype, "x")?;
        let wide = arithmetic(scale.dtype, x.dtype);
        let code = b.convert(operands[0], wide)?;
        let (zero, factor) =
            (spread_blocks(b, operands[2], &x.shape)?, spread_blocks(b, operands[1], &x.shape)?);
        let (zero, factor) = (b.convert(zero, wide)?, b.convert(factor, wide)?);
        let steps = b.sub(code, zero)?;
        let value = b.mul(steps, factor)?;
        Ok(smallvec![b.convert(value, scale.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Dequantize> {
        let float = draw.like(hint, DTypeClass::Float, 0);
        let dtype = draw.choose(&[DType::I8, DType::U8, DType::I16, DType::I32]);
        let blocks = sampled_blocks(draw, &float.shape);
        let code = Operand::new(TensorType::new(dtype, float.shape), Values::Range(0.0, 100.0));
        let scale = Operand::new(TensorType::new(float.dtype, blocks.clone()), Values::Range(0.25, 4.0));
        let zero = Operand::new(TensorType::new(dtype, blocks), Values::Range(0.0, 3.0));
        Sample::epsilons(Dequantize {}, 4, [code, scale, zero])
    }
}

attributes! {
    /// `x` rounded to the steps that a quantisation has: `T[s], T[t] -> T[s]`, floats, operands `x, scale`; `scale` as that of [`Quantize`].
    ///
    /// `round(x / scale)`, ties to even, limited to `low..=high`, times `scale`. To differentiation the rounding is the identity (the straight-through estimator): by `x` it is 1
    /// within the limits and 0 outside, by `scale` the rounding error over the step, or the limit (Esser et al. 2020).
    pub struct FakeQuantize {
        /// The least number of steps.
        pub low: i64,
        /// The greatest number of steps.
        pub high: i64,
    }
}

impl CompositeDef for FakeQuantize {
    const NAME: &'static str = "fake_quantize";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (x, scale) = (b.type_of(operands[0]), b.type_of(operands[1]));
        rule::require_class(&[&x, &scale], 0, DTypeClass::Float)?;
        rule::same_dtype(&[&x, &scale], 0, 1)?;
        if self.low > self.high {
            let reason = format!("must not be below low, found {} and {}", self.low, self.high);
            return Err(TypeError::attribute("high", reason));
        }
        let value = b.widen(operands[0])?;
        let scale = spread_blocks(b, operands[1], &x.shape)?;
        let scale = b.widen(scale)?;
        let steps = b.div(value, scale)?;
        let limited = b.at_least(steps, self.low as f64)?;
        let limited = b.at_most(limited, self.high as f64)?;
        let whole = b.round_even(limited)?;
        let error = b.sub(whole, limited)?;
        let error = b.stop_gradient(error)?;
        let whole = b.add(limited, error)?;
        let rounded = b.mul(whole, scale)?;
        Ok(smallvec![b.convert(rounded, x.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<FakeQuantize> {
        let x = draw.like(hint, DTypeClass::Float, 0);
        let blocks = sampled_blocks(draw, &x.shape);
        let scale = Operand::new(TensorType::new(x.dtype, blocks), Values::Range(0.25, 4.0));
        let (low, high) = draw.choose(&[(-128, 127), (0, 255), (-8, 7)]);
        Sample::epsilons(FakeQuantize { low, high }, 4, [Operand::moderate(x), scale])
    }
}

/// Integers that a step count may be.
fn check_code(dtype: DType, attribute: &'static str) -> Result<(), TypeError> {
    if dtype.is_int() && dtype.bits() <= 32 {
        return Ok(());
    }
    let reason = format!("must be an integer dtype of at most 32 bits, found {dtype}");
    Err(TypeError::attribute(attribute, reason))
}

/// The float dtype that holds all integers of a dtype and all of a float dtype's digits.
fn arithmetic(float: DType, code: DType) -> DType {
    if float == DType::F64 || code.bits() > 16 { DType::F64 } else { DType::F32 }
}

/// `x`, a scalar or blocks of `shape`, at each place of `shape`.
fn spread_blocks(b: &mut Builder, x: Value, shape: &Shape) -> Result<Value, TypeError> {
    let blocks = b.shape(x);
    if blocks.rank() == 0 {
        return Ok(b.broadcast_to(x, shape)?);
    }
    let fits = |(&n, &m): (&usize, &usize)| m == n || (m > 0 && n.is_multiple_of(m));
    if blocks.rank() != shape.rank() || !shape.sizes().iter().zip(&blocks.sizes()).all(fits) {
        let reason = format!("scale and zero must be scalars or blocks of {shape}, found {blocks}");
        return Err(TypeError::Other(reason));
    }
    if blocks == *shape {
        return Ok(x);
    }
    let pairs =
        shape.sizes().iter().zip(&blocks.sizes()).flat_map(|(&n, &m)| [m, n / m.max(1)]).collect::<Vec<_>>();
    let own: Axes = (0..blocks.rank()).map(|axis| 2 * axis).collect();
    let spread = b.broadcast_in_dim(x, Shape::from(pairs.as_slice()), own)?;
    Ok(b.reshape(spread, shape.clone())?)
}

fn sampled_blocks(draw: &mut Draw<'_>, shape: &Shape) -> Shape {
    let halves = |n: usize| if n > 0 && n.is_multiple_of(2) { n / 2 } else { n };
    match draw.below(3) {
        0 => Shape::scalar(),
        1 => shape.sizes().iter().map(|&n| n.min(1)).collect(),
        _ => shape.sizes().iter().map(|&n| halves(n)).collect(),
    }
}

attributes! {
    /// `x` rounded to what a float of fewer bits holds, ties to even: `T[s] -> T[s]`, f32 or f64. What is too large becomes infinite, what is below the least
    /// normal number 0, as in StableHLO. To differentiation it is the identity.
    pub struct ReducePrecision {
        /// Bits of the exponent, at least 1.
        pub exponent_bits: usize,
        /// Bits of the fraction.
        pub mantissa_bits: usize,
    }
}

impl ElementWise for ReducePrecision {
    const NAME: &'static str = "reduce_precision";
    const PRECISION: Precision = Precision::Own;

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let dtype = b.tensor(x[0]).dtype;
        // Narrower floats pass through f32, which holds them.
        let value = b.widen(x[0])?;
        let rounded = self.rounded(b, value)?;
        b.convert(rounded, dtype)
    }

    fn check(&self) -> Result<(), TypeError> {
        if (1..=11).contains(&self.exponent_bits) && self.mantissa_bits <= 52 {
            return Ok(());
        }
        let reason = format!(
            "must be from 1 to 11, with at most 52 of the fraction, found {} and {}",
            self.exponent_bits, self.mantissa_bits
        );
        Err(TypeError::attribute("exponent_bits", reason))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(draw: &mut Draw<'_>) -> ReducePrecision {
        let (exponent_bits, mantissa_bits) = draw.choose(&[(8, 7), (5, 10), (8, 23), (4, 3), (11, 52)]);
        ReducePrecision { exponent_bits, mantissa_bits }
    }
}

impl ReducePrecision {
    /// Of f32 or f64.
    fn rounded(&self, b: &mut Builder, x: Value) -> Result<Value, BuildError> {
        let (own_exponent, own_mantissa) = if b.tensor(x).dtype == DType::F64 { (11, 52) } else { (8, 23) };
        let mut y = x;
        if self.mantissa_bits < own_mantissa {
            y = round_bits(b, x, own_mantissa - self.mantissa_bits)?;
        }
        if self.exponent_bits < own_exponent {
            let bias = (1i32 << (self.exponent_bits - 1)) - 1;
            let most = 2f64.powi(bias) * (2.0 - 0.5f64.powi(self.mantissa_bits.min(own_mantissa) as i32));
            let magnitude = b.abs(y)?;
            let (most, least) = (b.full_like(most, y)?, b.full_like(2f64.powi(1 - bias), y)?);
            let (is_large, is_small) = (b.gt(magnitude, most)?, b.lt(magnitude, least)?);
            // With their signs.
            let (none, all) = (b.mul_number(y, 0.0)?, b.mul_number(y, f64::INFINITY)?);
            let flushed = b.select(is_small, none, y)?;
            y = b.select(is_large, all, flushed)?;
        }
        let is_number = b.eq(x, x)?;
        b.select(is_number, y, x)
    }
}

/// The bits of `x` without the last `dropped` ones of its fraction, rounded; a carry goes into the exponent.
fn round_bits(b: &mut Builder, x: Value, dropped: usize) -> Result<Value, BuildError> {
    let dtype = b.tensor(x).dtype;
    let word = if dtype == DType::F64 { DType::U64 } else { DType::U32 };
    let shape = b.shape(x);
    let number = |b: &mut Builder, n: u64| b.full(Scalar::from_i128(word, n.into()), &shape);
    let bits = b.bitcast(x, word)?;
    let (shift, one) = (number(b, dropped as u64)?, number(b, 1)?);
    let last = b.shr_logic(bits, shift)?;
    let odd = b.and(last, one)?;
    let below_half = number(b, (1u64 << (dropped - 1)) - 1)?;
    let half = b.add(below_half, odd)?;
    let sum = b.add(bits, half)?;
    let kept = number(b, !((1u64 << dropped) - 1) & (u64::MAX >> (64 - dtype.bits())))?;
    let rounded = b.and(sum, kept)?;
    let rounded = b.bitcast(rounded, dtype)?;
    let infinite = b.is_inf(x)?;
    b.select(infinite, x, rounded)
}

impl Partials for ReducePrecision {
    fn partial(&self, _primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        Ok(Partial::One)
    }
}
