//! Normalisation by channel: over a batch, and over neighbouring channels.

use smallvec::smallvec;

use super::build::other_axes;
use super::normalisation::{UNIT, affine, check_parameters, draw_epsilon, rsqrt_plus, widen};
use super::reduction::mean_square;
use crate::op::primitive::{ReduceKind, WindowAxes, WindowAxis};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DTypeClass, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// Brings each channel to mean 0 and variance 1 by a mean and a variance that are known: `(x - mean) / sqrt(variance + epsilon) * scale + offset`.
    /// `T[.., c, ..], T[c], T[c], T[c], T[c] -> T[.., c, ..]` (Ioffe, Szegedy 2015).
    pub struct BatchNorm {
        /// The axis of channels.
        pub channel_axis: usize,
        /// What is added to the variance, often 1e-5 or 1e-3.
        pub epsilon: Scalar,
    }
}

attributes! {
    /// [`BatchNorm`] by the mean and the variance of the channels themselves, which are results too: `x, scale, offset` give `y, mean, variance`. The variance is the
    /// biased one, which divides by the number of elements. `T[.., c, ..], T[c], T[c] -> T[.., c, ..], T[c], T[c]`.
    pub struct BatchNormTraining {
        /// The axis of channels.
        pub channel_axis: usize,
        /// What is added to the variance, often 1e-5 or 1e-3.
        pub epsilon: Scalar,
    }
}

attributes! {
    /// Divides each element by a power of the sum of squares of neighbouring channels: `x / (bias + alpha / size * sum(x^2))^beta`, the sum over channels
    /// `c - (size - 1) / 2 ..= c + size / 2`. `T[.., c, ..] -> T[.., c, ..]` (Krizhevsky et al. 2012).
    pub struct LocalResponseNorm {
        /// The axis of channels.
        pub channel_axis: usize,
        /// Channels that are neighbours, at least 1.
        pub size: usize,
        /// Factor of the mean square, often 1e-4.
        pub alpha: Scalar,
        /// Exponent, often 0.75.
        pub beta: Scalar,
        /// What is added, often 1 or 2.
        pub bias: Scalar,
    }
}

/// The type of the first operand; all others must have an element for each channel.
fn by_channel(b: &Builder, operands: &[Value], channel_axis: usize) -> Result<TensorType, TypeError> {
    let ty = b.type_of(operands[0]);
    rule::require_class(&[&ty], 0, DTypeClass::Float)?;
    rule::check_axis(channel_axis, ty.rank())?;
    check_parameters(b, operands, &Shape::from_iter([ty.shape[channel_axis]]))?;
    Ok(ty)
}

impl CompositeDef for BatchNorm {
    const NAME: &'static str = "batch_norm";
    const ARITY: Arity = Arity::Exact(5);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = by_channel(b, operands, self.channel_axis)?;
        let [x, scale, offset, mean, variance] =
            widen(b, [operands[0], operands[1], operands[2], operands[3], operands[4]])?;
        let others = other_axes(ty.rank(), &[self.channel_axis]);
        let mean = b.spread(mean, &others, &ty.shape)?;
        let centred = b.sub(x, mean)?;
        let root = rsqrt_plus(b, variance, self.epsilon)?;
        let factor = b.mul(root, scale)?;
        let result = affine(b, centred, factor, offset, &[self.channel_axis])?;
        Ok(smallvec![b.convert(result, ty.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<BatchNorm> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let channel_axis = draw.axis(ty.rank());
        let parameter = Operand::new(ty.with_shape([ty.shape.size(channel_axis)]), UNIT);
        let variance = Operand { values: Values::Range(0.5, 2.0), ..parameter.clone() };
        let op = BatchNorm { channel_axis, epsilon: draw_epsilon(draw) };
        let operands = [Operand::new(ty, UNIT), parameter.clone(), parameter.clone(), parameter, variance];
        Sample::epsilons(op, 64, operands)
    }
}

impl CompositeDef for BatchNormTraining {
    const NAME: &'static str = "batch_norm_training";
    const ARITY: Arity = Arity::Exact(3);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = by_channel(b, operands, self.channel_axis)?;
        let [x, scale, offset] = widen(b, [operands[0], operands[1], operands[2]])?;
        let others = other_axes(ty.rank(), &[self.channel_axis]);
        let mean = b.mean_over(x, &others)?;
        let spread = b.spread(mean, &others, &ty.shape)?;
        let centred = b.sub(x, spread)?;
        let variance = mean_square(b, centred, &others, 0)?;
        let root = rsqrt_plus(b, variance, self.epsilon)?;
        let factor = b.mul(root, scale)?;
        let result = affine(b, centred, factor, offset, &[self.channel_axis])?;
        let narrowed = [result, mean, variance].map(|x| b.convert(x, ty.dtype));
        Ok(narrowed.into_iter().collect::<Result<Results, _>>()?)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<BatchNormTraining> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let channel_axis = draw.axis(ty.rank());
        let parameter = Operand::moderate(ty.with_shape([ty.shape.size(channel_axis)]));
        let op = BatchNormTraining { channel_axis, epsilon: draw_epsilon(draw) };
        Sample::epsilons(op, 256, [Operand::new(ty, UNIT), parameter.clone(), parameter])
    }
}

impl CompositeDef for LocalResponseNorm {
    const NAME: &'static str = "local_response_norm";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = by_channel(b, operands, self.channel_axis)?;
        if self.size == 0 {
            return Err(TypeError::attribute("size", "must be at least 1"));
        }
        let x = b.widen(operands[0])?;
        let squares = b.mul(x, x)?;
        let mut window = WindowAxes::from_elem(WindowAxis::ONE, ty.rank());
        let before = (self.size - 1) / 2;
        window[self.channel_axis] = WindowAxis {
            taps: self.size,
            low: i64::try_from(before).unwrap_or(i64::MAX),
            high: i64::try_from(self.size - 1 - before).unwrap_or(i64::MAX),
            ..WindowAxis::ONE
        };
        let sum = b.reduce_window(squares, ReduceKind::Sum, window)?;
        let weighted = b.mul_number(sum, self.alpha.to_f64() / self.size as f64)?;
        let base = b.add_number(weighted, self.bias.to_f64())?;
        let exponent = b.full_like(-self.beta.to_f64(), base)?;
        let power = b.pow(base, exponent)?;
        let result = b.mul(x, power)?;
        Ok(smallvec![b.convert(result, ty.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<LocalResponseNorm> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let op = LocalResponseNorm {
            channel_axis: draw.axis(ty.rank()),
            size: draw.choose(&[3, 1, 2, 5]),
            alpha: Scalar::F64(0.25),
            beta: draw.choose(&[Scalar::F32(0.75), Scalar::F64(1.0)]),
            bias: Scalar::F32(1.0),
        };
        Sample::epsilons(op, 256, [Operand::new(ty, UNIT)])
    }
}
