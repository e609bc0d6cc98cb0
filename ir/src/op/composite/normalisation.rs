//! Normalisation: softmax and the layers that bring their input to mean 0 and variance 1.
//!
//! Half-precision operands are computed in f32 and rounded once. Each op is a row of folds along its axes with
//! element-wise code between them, all at the shape of the operand, so that it becomes one kernel.

use smallvec::{SmallVec, smallvec};

use super::build::{Dims, other_axes};
use super::norm::NormOrder;
use super::reduction::mean_square;
use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::derivative::Differentiable;
use crate::op::primitive::ReduceKind;
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{
    Arity, Batching, CompositeDef, Derivative, Derivatives, OwnRules, Primal, Results, Sample, TypeError,
    rule,
};
use crate::{Builder, DTypeClass, Dim, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// `exp(x - max) / sum(exp(x - max))` along `axis`; NaN along a row of minus infinities or with an infinity.
    pub struct Softmax {
        /// The axis whose elements sum to one.
        pub axis: usize,
    }
}

impl CompositeDef for Softmax {
    const NAME: &'static str = "softmax";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let dtype = rule::require_class(&[b.tensor(x[0])], 0, DTypeClass::Float)?;
        rule::check_axis(self.axis, b.tensor(x[0]).rank())?;
        let x = b.widen(x[0])?;
        let shifted = less_max(b, x, self.axis)?;
        let exp = b.exp(shifted)?;
        let sum = b.fold_like(ReduceKind::Sum, exp, &[self.axis])?;
        let result = b.div(exp, sum)?;
        Ok(smallvec![b.convert(result, dtype)?])
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Softmax> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let axis = draw.axis(ty.rank());
        Sample::epsilons(Softmax { axis }, 64, [Operand::moderate(ty)])
    }
}

impl OwnRules for Softmax {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(Softmax { axis: self.axis + 1 })
    }
}

/// The Jacobian is symmetric.
impl Differentiable for Softmax {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None]) };
        let dtype = primal.operand_type(0).dtype;
        let b = &mut *primal.b;
        let (y, t) = (b.widen(primal.results[0])?, b.widen(tangent)?);
        let weighted = b.mul(y, t)?;
        let mean = b.fold_like(ReduceKind::Sum, weighted, &[self.axis])?;
        let centred = b.sub(t, mean)?;
        let result = b.mul(y, centred)?;
        Ok(smallvec![Some(b.convert(result, dtype)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        self.jvp(primal, cotangents)
    }
}

attributes! {
    /// The logarithm of [`Softmax`], as `(x - max) - log(sum(exp(x - max)))` along `axis`: finite where softmax rounds to 0.
    pub struct LogSoftmax {
        /// The axis whose exponentials sum to one.
        pub axis: usize,
    }
}

impl CompositeDef for LogSoftmax {
    const NAME: &'static str = "log_softmax";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let dtype = rule::require_class(&[b.tensor(x[0])], 0, DTypeClass::Float)?;
        rule::check_axis(self.axis, b.tensor(x[0]).rank())?;
        let x = b.widen(x[0])?;
        let result = log_softmax(b, x, self.axis)?;
        Ok(smallvec![b.convert(result, dtype)?])
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<LogSoftmax> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let axis = draw.axis(ty.rank());
        Sample::epsilons(LogSoftmax { axis }, 64, [Operand::moderate(ty)])
    }
}

impl OwnRules for LogSoftmax {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(LogSoftmax { axis: self.axis + 1 })
    }
}

/// With the softmax `p`: `y' = x' - sum(p x')`, and `x^ = y^ - p sum(y^)`.
impl Differentiable for LogSoftmax {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None]) };
        let dtype = primal.operand_type(0).dtype;
        let p = self.probabilities(primal)?;
        let b = &mut *primal.b;
        let t = b.widen(tangent)?;
        let weighted = b.mul(p, t)?;
        let mean = b.fold_like(ReduceKind::Sum, weighted, &[self.axis])?;
        let result = b.sub(t, mean)?;
        Ok(smallvec![Some(b.convert(result, dtype)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None]) };
        let dtype = primal.operand_type(0).dtype;
        let p = self.probabilities(primal)?;
        let b = &mut *primal.b;
        let cotangent = b.widen(cotangent)?;
        let sum = b.fold_like(ReduceKind::Sum, cotangent, &[self.axis])?;
        let share = b.mul(p, sum)?;
        let result = b.sub(cotangent, share)?;
        Ok(smallvec![Some(b.convert(result, dtype)?)])
    }
}

impl LogSoftmax {
    /// The exponential of the result. It would blow up what was rounded off a half-precision result, so that one is computed
    /// once more as it was before.
    fn probabilities(&self, primal: &mut Primal<'_>) -> Result<Value, BuildError> {
        let b = &mut *primal.b;
        let x = b.widen(primal.operands[0])?;
        let same = b.tensor(x) == b.tensor(primal.operands[0]);
        let y = if same { primal.results[0] } else { log_softmax(b, x, self.axis)? };
        b.exp(y)
    }
}

/// The definition of [`LogSoftmax`].
fn log_softmax(b: &mut Builder, x: Value, axis: usize) -> Result<Value, BuildError> {
    let shape = b.shape(x);
    let shifted = less_max(b, x, axis)?;
    let exp = b.exp(shifted)?;
    let sum = b.sum_over(exp, &[axis])?;
    let log = b.log(sum)?;
    let log = b.spread(log, &[axis], &shape)?;
    b.sub(shifted, log)
}

/// `x` less its maximum along `axis`.
fn less_max(b: &mut Builder, x: Value, axis: usize) -> Result<Value, BuildError> {
    let max = b.fold_like(ReduceKind::Max, x, &[axis])?;
    b.sub(x, max)
}

attributes! {
    /// `(x - mean) * rsqrt(var + epsilon) * scale + offset`, with mean and variance along the axes from `axis` on:
    /// `T[s.., t..], T[t..], T[t..] -> T[s.., t..]`, where `s` has `axis` axes (Ba et al. 2016; ONNX
    /// LayerNormalization).
    pub struct LayerNorm {
        /// The first axis that is normalised.
        pub axis: usize,
        /// What is added to the variance, often 1e-5.
        pub epsilon: Scalar,
    }
}

impl CompositeDef for LayerNorm {
    const NAME: &'static str = "layer_norm";
    const ARITY: Arity = Arity::Exact(3);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = check_trailing(b, operands, self.axis)?;
        let axes: Axes = (self.axis..ty.rank()).collect();
        let [x, scale, offset] = widen(b, [operands[0], operands[1], operands[2]])?;
        let standard = standardised(b, x, &axes, self.epsilon)?;
        let result = affine(b, standard, scale, offset, &axes)?;
        Ok(smallvec![b.convert(result, ty.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<LayerNorm> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let axis = draw.axis(ty.rank());
        let parameter = Operand::moderate(trailing(&ty, axis));
        let op = LayerNorm { axis, epsilon: draw_epsilon(draw) };
        Sample::epsilons(op, 256, [Operand::new(ty, UNIT), parameter.clone(), parameter])
    }
}

attributes! {
    /// `x * rsqrt(mean(x^2) + epsilon) * scale`, with the mean along the axes from `axis` on:
    /// `T[s.., t..], T[t..] -> T[s.., t..]`, where `s` has `axis` axes (Zhang and Sennrich 2019).
    pub struct RmsNorm {
        /// The first axis that is normalised.
        pub axis: usize,
        /// What is added to the mean square, often 1e-5.
        pub epsilon: Scalar,
    }
}

impl CompositeDef for RmsNorm {
    const NAME: &'static str = "rms_norm";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = check_trailing(b, operands, self.axis)?;
        let axes: Axes = (self.axis..ty.rank()).collect();
        let [x, scale] = widen(b, [operands[0], operands[1]])?;
        let mean = mean_square(b, x, &axes, 0)?;
        let root = rsqrt_plus(b, mean, self.epsilon)?;
        let root = b.spread(root, &axes, &ty.shape)?;
        let scaled = b.mul(x, root)?;
        let scale = b.broadcast_in_dim(scale, ty.shape.clone(), axes)?;
        let result = b.mul(scaled, scale)?;
        Ok(smallvec![b.convert(result, ty.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<RmsNorm> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let axis = draw.axis(ty.rank());
        let parameter = Operand::moderate(trailing(&ty, axis));
        let op = RmsNorm { axis, epsilon: draw_epsilon(draw) };
        Sample::epsilons(op, 256, [Operand::new(ty, UNIT), parameter])
    }
}

attributes! {
    /// [`LayerNorm`] of groups of channels: axis `channel_axis` is cut into `groups` equal parts, and mean and variance are
    /// taken per batch entry (axis 0) and group, over all else. `T[n, .., c, ..], T[c], T[c] -> T[n, .., c, ..]`
    /// (Wu and He 2018).
    pub struct GroupNorm {
        /// Number of groups; must divide the number of channels.
        pub groups: usize,
        /// The axis of channels, not 0.
        pub channel_axis: usize,
        /// What is added to the variance, often 1e-5.
        pub epsilon: Scalar,
    }
}

impl CompositeDef for GroupNorm {
    const NAME: &'static str = "group_norm";
    const ARITY: Arity = Arity::Exact(3);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = check_channels(b, operands, self.channel_axis)?;
        let size = ty.shape[self.channel_axis].quotient(self.groups).ok_or_else(|| {
            let channels = ty.shape[self.channel_axis];
            TypeError::attribute(
                "groups",
                format!("must divide the {channels} channels, found {}", self.groups),
            )
        })?;
        let split = split_axis(&ty.shape, self.channel_axis, self.groups, size);
        let group_axis = self.channel_axis;
        let folded = other_axes(split.rank(), &[0, group_axis]);
        let [x, scale, offset] = widen(b, [operands[0], operands[1], operands[2]])?;
        let x = b.reshape(x, split)?;
        let standard = standardised(b, x, &folded, self.epsilon)?;
        let per_group = Shape::from([self.groups, size.size()]);
        let scale = b.reshape(scale, per_group.clone())?;
        let offset = b.reshape(offset, per_group)?;
        let result = affine(b, standard, scale, offset, &[group_axis, group_axis + 1])?;
        let result = b.reshape(result, ty.shape.clone())?;
        Ok(smallvec![b.convert(result, ty.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<GroupNorm> {
        let ty = draw.like(hint, DTypeClass::Float, 2);
        let channel_axis = 1 + draw.below(ty.rank() - 1);
        let channels = ty.shape.size(channel_axis);
        let divisors: Vec<usize> = (1..=channels.max(1)).filter(|&g| channels.is_multiple_of(g)).collect();
        let op = GroupNorm { groups: draw.choose(&divisors), channel_axis, epsilon: draw_epsilon(draw) };
        let parameter = Operand::moderate(ty.with_shape([channels]));
        Sample::epsilons(op, 256, [Operand::new(ty, UNIT), parameter.clone(), parameter])
    }
}

attributes! {
    /// [`LayerNorm`] of each channel of each batch entry (axis 0): mean and variance over all other axes.
    /// `T[n, .., c, ..], T[c], T[c] -> T[n, .., c, ..]` (Ulyanov et al. 2016).
    pub struct InstanceNorm {
        /// The axis of channels, not 0.
        pub channel_axis: usize,
        /// What is added to the variance, often 1e-5.
        pub epsilon: Scalar,
    }
}

impl CompositeDef for InstanceNorm {
    const NAME: &'static str = "instance_norm";
    const ARITY: Arity = Arity::Exact(3);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = check_channels(b, operands, self.channel_axis)?;
        let axes = other_axes(ty.rank(), &[0, self.channel_axis]);
        let [x, scale, offset] = widen(b, [operands[0], operands[1], operands[2]])?;
        let standard = standardised(b, x, &axes, self.epsilon)?;
        let result = affine(b, standard, scale, offset, &[self.channel_axis])?;
        Ok(smallvec![b.convert(result, ty.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<InstanceNorm> {
        let ty = draw.like(hint, DTypeClass::Float, 2);
        let channel_axis = 1 + draw.below(ty.rank() - 1);
        let parameter = Operand::moderate(ty.with_shape([ty.shape.size(channel_axis)]));
        let op = InstanceNorm { channel_axis, epsilon: draw_epsilon(draw) };
        Sample::epsilons(op, 256, [Operand::new(ty, UNIT), parameter.clone(), parameter])
    }
}

attributes! {
    /// `x / sqrt(max(sum(x^2), epsilon))` along `axes`: vectors of length 1. The squares do not overflow.
    pub struct L2Normalize {
        /// The axes of the vectors, distinct.
        pub axes: Axes,
        /// The least sum of squares that is divided by, often 1e-12.
        pub epsilon: Scalar,
    }
}

impl CompositeDef for L2Normalize {
    const NAME: &'static str = "l2_normalize";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        rule::require_class(&[&ty], 0, DTypeClass::Float)?;
        rule::check_axes(&self.axes, ty.rank())?;
        let x = b.widen(x[0])?;
        let length = b.norm(x, NormOrder::L2, self.axes.clone(), Dims::Drop)?;
        let bounded = b.at_least(length, self.epsilon.to_f64().sqrt())?;
        let bounded = b.spread(bounded, &self.axes, &ty.shape)?;
        let result = b.div(x, bounded)?;
        Ok(smallvec![b.convert(result, ty.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<L2Normalize> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let axes = draw.axes(ty.rank(), 1);
        let op = L2Normalize { axes, epsilon: draw_epsilon(draw) };
        Sample::epsilons(op, 64, [Operand::new(ty, UNIT)])
    }
}

/// Operand values for which a small variance does not blow up rounding errors.
pub(super) const UNIT: Values = Values::Range(-2.0, 2.0);

pub(super) fn draw_epsilon(draw: &mut Draw<'_>) -> Scalar {
    draw.choose(&[Scalar::F32(1e-2), Scalar::F64(0.125)])
}

/// `(x - mean) * rsqrt(var + epsilon)` along `axes`.
fn standardised(b: &mut Builder, x: Value, axes: &[usize], epsilon: Scalar) -> Result<Value, BuildError> {
    let shape = b.shape(x);
    let centred = b.centre(x, axes)?;
    let variance = mean_square(b, centred, axes, 0)?;
    let root = rsqrt_plus(b, variance, epsilon)?;
    let root = b.spread(root, axes, &shape)?;
    b.mul(centred, root)
}

pub(super) fn rsqrt_plus(b: &mut Builder, x: Value, epsilon: Scalar) -> Result<Value, BuildError> {
    let sum = b.add_number(x, epsilon.to_f64())?;
    b.rsqrt(sum)
}

/// `x * scale + offset`, with the axes of `scale` and `offset` being `axes` of `x`.
pub(super) fn affine(
    b: &mut Builder,
    x: Value,
    scale: Value,
    offset: Value,
    axes: &[usize],
) -> Result<Value, BuildError> {
    let shape = b.shape(x);
    let scale = b.broadcast_in_dim(scale, shape.clone(), axes)?;
    let scaled = b.mul(x, scale)?;
    let offset = b.broadcast_in_dim(offset, shape, axes)?;
    b.add(scaled, offset)
}

pub(super) fn widen<const N: usize>(b: &mut Builder, mut xs: [Value; N]) -> Result<[Value; N], BuildError> {
    for x in &mut xs {
        *x = b.widen(*x)?;
    }
    Ok(xs)
}

/// The type of the parameters of a layer that normalises the axes from `axis` on.
fn trailing(ty: &TensorType, axis: usize) -> TensorType {
    ty.with_shape(ty.shape.dims()[axis..].iter().copied().collect::<Shape>())
}

fn check_trailing(b: &Builder, operands: &[Value], axis: usize) -> Result<TensorType, TypeError> {
    let ty = b.type_of(operands[0]);
    rule::require_class(&[&ty], 0, DTypeClass::Float)?;
    rule::check_axis(axis, ty.rank())?;
    check_parameters(b, operands, &trailing(&ty, axis).shape)?;
    Ok(ty)
}

fn check_channels(b: &Builder, operands: &[Value], channel_axis: usize) -> Result<TensorType, TypeError> {
    let ty = b.type_of(operands[0]);
    rule::require_class(&[&ty], 0, DTypeClass::Float)?;
    rule::check_axis(channel_axis, ty.rank())?;
    if channel_axis == 0 {
        return Err(TypeError::attribute("channel_axis", "must not be 0, the batch axis"));
    }
    check_parameters(b, operands, &Shape::from_iter([ty.shape[channel_axis]]))?;
    Ok(ty)
}

/// All operands but the first must have this shape, and the dtype of the first.
pub(super) fn check_parameters(b: &Builder, operands: &[Value], shape: &Shape) -> Result<(), TypeError> {
    let types: SmallVec<[&TensorType; 4]> = operands.iter().map(|&x| b.tensor(x)).collect();
    for operand in 1..types.len() {
        rule::same_dtype(&types, 0, operand)?;
        if types[operand].shape != *shape {
            let what = format!("the shape of operand {operand} and the extents it applies to");
            return Err(TypeError::ShapeMismatch {
                what,
                left: types[operand].shape.clone(),
                right: shape.clone(),
            });
        }
    }
    Ok(())
}

/// The shape with `axis` cut into `parts` of `size`.
fn split_axis(shape: &Shape, axis: usize, parts: usize, size: Dim) -> Shape {
    let (before, after) = shape.dims().split_at(axis);
    before.iter().copied().chain([Dim::known(parts), size]).chain(after[1..].iter().copied()).collect()
}
