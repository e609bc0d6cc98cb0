//! Losses: how far predictions are from targets. Half-precision operands are computed in f32 and rounded once.

use smallvec::smallvec;

use super::build::{Dims, other_axes};
use super::elementwise::same_types;
use super::indexing::one_hot;
use super::norm::NormOrder;
use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::batching::{BatchRule, Examples, Item, Items, spread};
use crate::op::derivative::Differentiable;
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{
    Arity, Batching, CompositeDef, Derivative, Derivatives, OwnRules, Primal, Results, Sample, TypeError,
    rule,
};
use crate::{Builder, DType, DTypeClass, Scalar, TensorType, Value, attributes, word_attribute};

word_attribute! {
    /// What becomes of the losses of single elements or rows.
    pub enum LossReduction {
        /// They are the result.
        None = "none",
        /// Their mean is, a scalar; NaN for none.
        Mean = "mean",
        /// Their sum is, a scalar.
        Sum = "sum",
    }
}

attributes! {
    /// `-sum(labels * log_softmax(logits))` along `axis`: `T[a.., c, b..], T[a.., c, b..] -> T[a.., b..]`. Labels are
    /// probabilities; where one is 0, the logit does not matter, even if it is minus infinity.
    pub struct SoftmaxCrossEntropy {
        /// The axis of classes.
        pub axis: usize,
        /// What becomes of the rows' losses.
        pub reduction: LossReduction,
    }
}

impl CompositeDef for SoftmaxCrossEntropy {
    const NAME: &'static str = "softmax_cross_entropy";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        row_loss(b, operands, self.axis, self.reduction, |b, logits, labels| {
            let log = b.log_softmax(logits, self.axis)?;
            let unlikely = b.neg(log)?;
            let none = b.equals(labels, 0.0)?;
            let impossible = b.is_inf(unlikely)?;
            let none = b.and(none, impossible)?;
            let unlikely = b.number_where(none, 0.0, unlikely)?;
            let weighted = b.mul(labels, unlikely)?;
            b.sum_over(weighted, &[self.axis])
        })
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<SoftmaxCrossEntropy> {
        let (ty, axis, reduction) = draw_rows(draw, hint);
        let labels = Operand::new(ty.clone(), Values::Range(0.0, 1.0));
        Sample::epsilons(SoftmaxCrossEntropy { axis, reduction }, 256, [Operand::moderate(ty), labels])
    }
}

attributes! {
    /// `-log_softmax(logits)[label]` along `axis`: `T[a.., c, b..], I[a.., b..] -> T[a.., b..]`, labels of any integer dtype.
    /// NaN where a label is not a class.
    pub struct SparseSoftmaxCrossEntropy {
        /// The axis of classes.
        pub axis: usize,
        /// What becomes of the rows' losses.
        pub reduction: LossReduction,
    }
}

impl CompositeDef for SparseSoftmaxCrossEntropy {
    const NAME: &'static str = "sparse_softmax_cross_entropy";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let dtype = check_labels(b, operands, self.axis)?;
        let logits = b.widen(operands[0])?;
        let log = b.log_softmax(logits, self.axis)?;
        let losses = unlikelihood(b, log, operands[1], self.axis)?;
        finish(b, losses, self.reduction, dtype)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<SparseSoftmaxCrossEntropy> {
        let (ty, axis, reduction) = draw_rows(draw, hint);
        let labels = draw_labels(draw, &ty, axis);
        let op = SparseSoftmaxCrossEntropy { axis, reduction };
        Sample::epsilons(op, 256, [Operand::moderate(ty), labels])
    }
}

attributes! {
    /// `-log_probabilities[label]` along `axis`: `T[a.., c, b..], I[a.., b..] -> T[a.., b..]`, labels of any integer dtype. NaN
    /// where a label is not a class.
    pub struct Nll {
        /// The axis of classes.
        pub axis: usize,
        /// What becomes of the rows' losses.
        pub reduction: LossReduction,
    }
}

impl CompositeDef for Nll {
    const NAME: &'static str = "nll";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let dtype = check_labels(b, operands, self.axis)?;
        let log = b.widen(operands[0])?;
        let losses = unlikelihood(b, log, operands[1], self.axis)?;
        finish(b, losses, self.reduction, dtype)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Nll> {
        let (ty, axis, reduction) = draw_rows(draw, hint);
        let labels = draw_labels(draw, &ty, axis);
        Sample::epsilons(Nll { axis, reduction }, 256, [Operand::moderate(ty), labels])
    }
}

attributes! {
    /// `-z log(logistic(x)) - (1 - z) log(1 - logistic(x))` for logits `x` and labels `z`, element by element, as
    /// `max(x, 0) - x z + log1p(exp(-|x|))`.
    pub struct SigmoidCrossEntropy {
        /// What becomes of the elements' losses.
        pub reduction: LossReduction,
    }
}

impl CompositeDef for SigmoidCrossEntropy {
    const NAME: &'static str = "sigmoid_cross_entropy";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        pair_loss(b, operands, self.reduction, |b, logits, labels| {
            let positive = b.at_least(logits, 0.0)?;
            let product = b.mul(logits, labels)?;
            let linear = b.sub(positive, product)?;
            let rest = b.log1p_exp_neg_abs(logits)?;
            b.add(linear, rest)
        })
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<SigmoidCrossEntropy> {
        sample_pair(draw, hint, |_, reduction| SigmoidCrossEntropy { reduction })
    }
}

impl OwnRules for SigmoidCrossEntropy {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        match self.reduction {
            LossReduction::None => Batching::moved(self.clone()),
            LossReduction::Mean | LossReduction::Sum => Batching::Rule(self),
        }
    }
}

/// By the logit `logistic(x) - z`, by the label `-x`.
impl Differentiable for SigmoidCrossEntropy {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let dtype = primal.operand_type(0).dtype;
        let mut sum = None;
        for (operand, &tangent) in tangents.iter().enumerate() {
            let Some(tangent) = tangent else { continue };
            let slope = self.slope(primal, operand)?;
            let tangent = primal.b.widen(tangent)?;
            let part = primal.b.mul(slope, tangent)?;
            sum = primal.b.add_derivatives(sum, Some(part))?;
        }
        Ok(smallvec![sum.map(|sum| reduced(primal.b, sum, self.reduction, dtype)).transpose()?])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None, None]) };
        let TensorType { dtype, shape } = primal.operand_type(0);
        let cotangent = primal.b.widen(cotangent)?;
        let cotangent = match self.reduction {
            LossReduction::Mean => primal.b.div_number(cotangent, shape.elements() as f64)?,
            LossReduction::None | LossReduction::Sum => cotangent,
        };
        let cotangent = primal.b.broadcast_to(cotangent, &shape)?;
        let mut results = smallvec![None, None];
        for operand in (0..2).filter(|&operand| primal.wanted[operand]) {
            let slope = self.slope(primal, operand)?;
            let product = primal.b.mul(cotangent, slope)?;
            results[operand] = Some(primal.b.convert(product, dtype)?);
        }
        Ok(results)
    }
}

/// The elements' losses by the op itself, which keeps its derivative, then their reduction for each example. In the dtype that arithmetic
/// is done in, so that half-precision losses round once.
impl BatchRule for SigmoidCrossEntropy {
    fn batch(&self, node: &mut Examples<'_>) -> Result<Items, BuildError> {
        let (dtype, rank) = (node.tensor(0).dtype, node.tensor(0).rank());
        let mut wide = [node.operands[0], node.operands[1]];
        for item in &mut wide {
            item.value = node.b.widen(item.value)?;
        }
        let logits = spread(node.b, node.size, wide[0])?;
        let labels = spread(node.b, node.size, wide[1])?;
        let losses = node.b.sigmoid_cross_entropy(logits, labels, LossReduction::None)?;
        let axes: Axes = (1..=rank).collect();
        let loss = reduced_over(node.b, losses, self.reduction, &axes, dtype)?;
        Ok(smallvec![Item::batched(loss)])
    }
}

impl SigmoidCrossEntropy {
    fn slope(&self, primal: &mut Primal<'_>, operand: usize) -> Result<Value, BuildError> {
        let b = &mut *primal.b;
        let (x, z) = (b.widen(primal.operands[0])?, b.widen(primal.operands[1])?);
        if operand == 1 {
            return b.neg(x);
        }
        let probability = b.logistic(x)?;
        b.sub(probability, z)
    }
}

attributes! {
    /// Squared error: `(prediction - target)^2`.
    pub struct Mse {
        /// What becomes of the elements' losses.
        pub reduction: LossReduction,
    }
}

impl CompositeDef for Mse {
    const NAME: &'static str = "mse";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        pair_loss(b, operands, self.reduction, |b, prediction, target| {
            let error = b.sub(prediction, target)?;
            b.mul(error, error)
        })
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Mse> {
        sample_pair(draw, hint, |_, reduction| Mse { reduction })
    }
}

attributes! {
    /// Absolute error: `|prediction - target|`.
    pub struct Mae {
        /// What becomes of the elements' losses.
        pub reduction: LossReduction,
    }
}

impl CompositeDef for Mae {
    const NAME: &'static str = "mae";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        pair_loss(b, operands, self.reduction, |b, prediction, target| {
            let error = b.sub(prediction, target)?;
            b.abs(error)
        })
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Mae> {
        sample_pair(draw, hint, |_, reduction| Mae { reduction })
    }
}

attributes! {
    /// With `e = |prediction - target|`: `e^2 / 2` up to `delta`, then on with that slope, `delta (e - delta / 2)`
    /// (Huber 1964).
    pub struct Huber {
        /// Where the parabola becomes a line, often 1.
        pub delta: Scalar,
        /// What becomes of the elements' losses.
        pub reduction: LossReduction,
    }
}

impl CompositeDef for Huber {
    const NAME: &'static str = "huber";
    const ARITY: Arity = Arity::Exact(2);

    /// With `d` the difference and `q` the difference bounded by `delta` both pieces are `q (d - q / 2)`, and smooth at 0.
    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        pair_loss(b, operands, self.reduction, |b, prediction, target| {
            let error = b.sub(prediction, target)?;
            let bounded = b.at_least(error, -self.delta.to_f64())?;
            let bounded = b.at_most(bounded, self.delta.to_f64())?;
            let half = b.mul_number(bounded, 0.5)?;
            let rest = b.sub(error, half)?;
            b.mul(bounded, rest)
        })
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Huber> {
        sample_pair(draw, hint, |draw, reduction| Huber {
            delta: draw.choose(&[Scalar::F32(1.0), Scalar::F64(0.5)]),
            reduction,
        })
    }
}

attributes! {
    /// `max(1 - target * prediction, 0)`, with targets -1 and 1.
    pub struct Hinge {
        /// What becomes of the elements' losses.
        pub reduction: LossReduction,
    }
}

impl CompositeDef for Hinge {
    const NAME: &'static str = "hinge";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        pair_loss(b, operands, self.reduction, |b, prediction, target| {
            let margin = b.mul(prediction, target)?;
            let missing = b.number_minus(1.0, margin)?;
            b.at_least(missing, 0.0)
        })
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Hinge> {
        sample_pair(draw, hint, |_, reduction| Hinge { reduction })
    }
}

attributes! {
    /// `sum(target * log(target / prediction))` along `axis`, for probabilities; terms with a target of 0 are 0. Operands
    /// `target, prediction`; `T[a.., c, b..], T[a.., c, b..] -> T[a.., b..]` (Kullback and Leibler 1951).
    pub struct KlDivergence {
        /// The axis of classes.
        pub axis: usize,
        /// What becomes of the rows' losses.
        pub reduction: LossReduction,
    }
}

impl CompositeDef for KlDivergence {
    const NAME: &'static str = "kl_divergence";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        row_loss(b, operands, self.axis, self.reduction, |b, target, prediction| {
            let none = b.equals(target, 0.0)?;
            // No division by 0 where the quotient does not count: its derivative would be NaN.
            let prediction = b.number_where(none, 1.0, prediction)?;
            let ratio = b.div(target, prediction)?;
            let ratio = b.number_where(none, 1.0, ratio)?;
            let log = b.log(ratio)?;
            let terms = b.mul(target, log)?;
            b.sum_over(terms, &[self.axis])
        })
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<KlDivergence> {
        let (ty, axis, reduction) = draw_rows(draw, hint);
        let operand = Operand::new(ty, Values::Range(0.125, 1.0));
        Sample::epsilons(KlDivergence { axis, reduction }, 256, [operand.clone(), operand])
    }
}

attributes! {
    /// The cosine of the angle between vectors along `axis`: `sum(a b) / (max(|a|, epsilon) max(|b|, epsilon))`.
    pub struct CosineSimilarity {
        /// The axis of the vectors.
        pub axis: usize,
        /// The least length that is divided by, often 1e-8.
        pub epsilon: Scalar,
    }
}

impl CompositeDef for CosineSimilarity {
    const NAME: &'static str = "cosine_similarity";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        row_loss(b, operands, self.axis, LossReduction::None, |b, left, right| {
            cosine(b, left, right, self.axis, self.epsilon)
        })
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<CosineSimilarity> {
        let (ty, axis, _) = draw_rows(draw, hint);
        let operands = [Operand::moderate(ty.clone()), Operand::moderate(ty)];
        Sample::epsilons(CosineSimilarity { axis, epsilon: Scalar::F32(0.5) }, 64, operands)
    }
}

attributes! {
    /// `1 - cosine_similarity` of vectors along `axis`.
    pub struct CosineLoss {
        /// The axis of the vectors.
        pub axis: usize,
        /// The least length that is divided by, often 1e-8.
        pub epsilon: Scalar,
        /// What becomes of the vectors' losses.
        pub reduction: LossReduction,
    }
}

impl CompositeDef for CosineLoss {
    const NAME: &'static str = "cosine_loss";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        row_loss(b, operands, self.axis, self.reduction, |b, left, right| {
            let cosine = cosine(b, left, right, self.axis, self.epsilon)?;
            b.number_minus(1.0, cosine)
        })
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<CosineLoss> {
        let (ty, axis, reduction) = draw_rows(draw, hint);
        let operands = [Operand::moderate(ty.clone()), Operand::moderate(ty)];
        Sample::epsilons(CosineLoss { axis, epsilon: Scalar::F32(0.5), reduction }, 256, operands)
    }
}

attributes! {
    /// Half the sum of squares of all elements: `T[..] -> T[]`.
    pub struct L2Loss {}
}

impl CompositeDef for L2Loss {
    const NAME: &'static str = "l2_loss";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let dtype = rule::require_class(&[b.tensor(x[0])], 0, DTypeClass::Float)?;
        let x = b.widen(x[0])?;
        let squares = b.mul(x, x)?;
        let half = b.mul_number(squares, 0.5)?;
        finish(b, half, LossReduction::Sum, dtype)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<L2Loss> {
        let ty = draw.like(hint, DTypeClass::Float, 0);
        Sample::epsilons(L2Loss {}, 256, [Operand::moderate(ty)])
    }
}

/// A loss of two operands of one float type: checks, widens, computes, reduces, narrows.
fn pair_loss(
    b: &mut Builder,
    operands: &[Value],
    reduction: LossReduction,
    compute: impl FnOnce(&mut Builder, Value, Value) -> Result<Value, BuildError>,
) -> Result<Results, TypeError> {
    let dtype = same_types(b, operands, DTypeClass::Float)?.dtype;
    let (left, right) = (b.widen(operands[0])?, b.widen(operands[1])?);
    let losses = compute(b, left, right)?;
    finish(b, losses, reduction, dtype)
}

/// As [`pair_loss`], for a loss along an axis.
fn row_loss(
    b: &mut Builder,
    operands: &[Value],
    axis: usize,
    reduction: LossReduction,
    compute: impl FnOnce(&mut Builder, Value, Value) -> Result<Value, BuildError>,
) -> Result<Results, TypeError> {
    let ty = same_types(b, operands, DTypeClass::Float)?;
    rule::check_axis(axis, ty.rank())?;
    pair_loss(b, operands, reduction, compute)
}

/// Reduces losses and brings the result to its dtype.
fn finish(
    b: &mut Builder,
    losses: Value,
    reduction: LossReduction,
    dtype: DType,
) -> Result<Results, TypeError> {
    Ok(smallvec![reduced(b, losses, reduction, dtype)?])
}

fn reduced(
    b: &mut Builder,
    losses: Value,
    reduction: LossReduction,
    dtype: DType,
) -> Result<Value, BuildError> {
    let all: Axes = (0..b.tensor(losses).rank()).collect();
    reduced_over(b, losses, reduction, &all, dtype)
}

/// The losses reduced along these axes.
fn reduced_over(
    b: &mut Builder,
    losses: Value,
    reduction: LossReduction,
    axes: &[usize],
    dtype: DType,
) -> Result<Value, BuildError> {
    let result = match reduction {
        LossReduction::None => losses,
        LossReduction::Mean => b.mean_over(losses, axes)?,
        LossReduction::Sum => b.sum_over(losses, axes)?,
    };
    b.convert(result, dtype)
}

/// Rows of classes and integer labels, one for each row; returns the dtype of the former.
fn check_labels(b: &Builder, operands: &[Value], axis: usize) -> Result<DType, TypeError> {
    let types = [b.tensor(operands[0]), b.tensor(operands[1])];
    let dtype = rule::require_class(&types, 0, DTypeClass::Float)?;
    rule::require_class(&types, 1, DTypeClass::Int)?;
    rule::check_axis(axis, types[0].rank())?;
    let rows = types[0].shape.without(&[axis]);
    if types[1].shape != rows {
        let what = format!("the shape of the labels and that of operand 0 without axis {axis}");
        return Err(TypeError::ShapeMismatch { what, left: types[1].shape.clone(), right: rows });
    }
    Ok(dtype)
}

/// Minus the element at the label along `axis`; NaN if the label is not an index. The element is found by a comparison with
/// all indices, which the loop over the row does on the way, rather than by a gather, which would be a pass of its own.
fn unlikelihood(b: &mut Builder, log: Value, labels: Value, axis: usize) -> Result<Value, TypeError> {
    let classes = b.shape(log)[axis];
    let hot = one_hot(b, labels, axis, classes)?;
    let picked = b.zero_unless(hot, log)?;
    let picked = b.sum_over(picked, &[axis])?;
    let loss = b.neg(picked)?;
    let known = b.reduce(hot, crate::op::primitive::ReduceKind::Any, [axis])?;
    let nan = b.full_like(f64::NAN, loss)?;
    Ok(b.select(known, loss, nan)?)
}

fn cosine(
    b: &mut Builder,
    left: Value,
    right: Value,
    axis: usize,
    epsilon: Scalar,
) -> Result<Value, BuildError> {
    let left = by_length(b, left, axis, epsilon)?;
    let right = by_length(b, right, axis, epsilon)?;
    let product = b.mul(left, right)?;
    b.sum_over(product, &[axis])
}

/// Vectors along `axis`, divided by their lengths or `epsilon`: their product could overflow.
fn by_length(b: &mut Builder, x: Value, axis: usize, epsilon: Scalar) -> Result<Value, BuildError> {
    let shape = b.shape(x);
    let length = b.norm(x, NormOrder::L2, [axis], Dims::Drop)?;
    let length = b.at_least(length, epsilon.to_f64())?;
    let length = b.spread(length, &[axis], &shape)?;
    b.div(x, length)
}

fn draw_rows(draw: &mut Draw<'_>, hint: &TensorType) -> (TensorType, usize, LossReduction) {
    let ty = draw.like(hint, DTypeClass::Float, 1);
    let axis = draw.axis(ty.rank());
    (ty, axis, draw.choose(LossReduction::ALL))
}

fn draw_labels(draw: &mut Draw<'_>, rows: &TensorType, axis: usize) -> Operand {
    let dtype = draw.choose(&[DType::I32, DType::U8, DType::I64]);
    let shape = other_axes(rows.rank(), &[axis]).iter().map(|&a| rows.shape[a]).collect();
    Operand::new(TensorType { dtype, shape }, Values::Index(rows.shape.size(axis)))
}

fn sample_pair<T>(
    draw: &mut Draw<'_>,
    hint: &TensorType,
    op: impl FnOnce(&mut Draw<'_>, LossReduction) -> T,
) -> Sample<T> {
    let ty = draw.like(hint, DTypeClass::Float, 0);
    let reduction = draw.choose(LossReduction::ALL);
    Sample::epsilons(op(draw, reduction), 256, [Operand::moderate(ty.clone()), Operand::moderate(ty)])
}
