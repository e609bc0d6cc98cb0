//! The list of all ops. One line makes the variant of [`Op`], the builder method, the tensor method of the facade, the
//! mnemonic of the text form, and the op's place in every generic test.

use smallvec::SmallVec;

pub use super::argument::Argument;
use super::attribute::{Axes, Offsets};
use super::batching::Batching;
use super::composite::*;
use super::control::*;
use super::derivative::Derivative;
use super::primitive::*;
use super::sample::tensor_hint;
use super::{
    Arity, AttrMap, AttrValue, AttributeError, Attributes, ControlDef, Draw, Lowering, OpDef, Ports, Results,
    Sample, TensorTypes, TypeError, Types, rule,
};
use crate::builder::BuildError;
use crate::eval::{Datum, EvalError, Evaluator};
use crate::text::MAX_DEPTH;
use crate::{Builder, DType, Graph, Literal, Scalar, Shape, TensorType, Type, Value};

/// Calls `$callback!` with the table of ops. A line reads
/// `method [operands] { attribute: argument type, .. } results => Struct`; `[xs ..]` is a variadic op. The argument of an
/// attribute is anything that the facade and the builder convert with [`Argument`](crate::op::registry::Argument). The facade makes
/// its method of the line; `by hand` at the end says that users expect more than that, and its method is written by hand.
#[macro_export]
macro_rules! for_each_op {
    ($callback:path) => {
        $callback! {
            /// The integers 0, 1, 2.. along one axis, as any number dtype.
            iota [] { dtype: DType, shape: Shape, axis: usize } 1 => Iota by hand,
            /// Each element converted to `dtype`: floats to integers saturate and truncate, NaN becomes 0; to bool is `x != 0`.
            cast [x] { dtype: DType } 1 => Cast,
            /// The same bits as another number dtype; if sizes differ, the last axis appears or disappears.
            bitcast [x] { dtype: DType } 1 => Bitcast,
            /// Repeats `x` along new or size-1 axes: axis `i` of `x` becomes axis `axes[i]` of the result.
            broadcast_in_dim [x] { shape: Shape, axes: Axes } 1 => BroadcastInDim by hand,
            /// The same elements in row-major order under another shape.
            reshape [x] { shape: Shape } 1 => Reshape by hand,
            /// Permutes axes: axis `i` of the result is axis `permutation[i]` of `x`.
            transpose [x] { permutation: Axes } 1 => Transpose by hand,
            /// Strided section: along each axis the elements `start, start + stride, ..` before `limit`; strides may be negative.
            slice [x] { starts: Offsets, limits: Offsets, strides: Offsets } 1 => Slice,
            /// The same elements in opposite order along `axes`.
            reverse [x] { axes: Axes } 1 => Reverse,
            /// The operands one after the other along `axis`.
            concat [xs ..] { axis: usize } 1 => Concat,
            /// Adds `value` before, after and between elements; negative `low` and `high` cut elements off.
            pad [x, value] { low: Offsets, high: Offsets, interior: Axes } 1 => Pad,
            /// The section of shape `sizes` that begins at `starts`, one number per axis; starts are clamped into range.
            dynamic_slice [x, starts] { sizes: Shape } 1 => DynamicSlice by hand,
            /// `x` with the section that begins at `starts`, one number per axis, replaced; starts are clamped into range.
            dynamic_update_slice [x, update, starts] {} 1 => DynamicUpdateSlice by hand,
            /// One slice of `x` for each index vector (the last axis of `indices`); starts are clamped into range.
            gather [x, indices] { offset_axes: Axes, collapsed: Axes, batch: Axes, index_batch: Axes, indexed: Axes, sizes: Axes } 1 => Gather,
            /// `x` with one window updated for each index vector; windows out of range are dropped, the rest applied in order.
            scatter [x, indices, updates] { kind: ScatterKind, offset_axes: Axes, collapsed: Axes, batch: Axes, index_batch: Axes, indexed: Axes } 1 => Scatter,
            /// Element-wise `if predicate { on_true } else { on_false }`.
            select [predicate, on_true, on_false] {} 1 => Select by hand,
            /// Element-wise `minimum(maximum(x, low), high)`.
            clamp [low, x, high] {} 1 => Clamp by hand,
            /// Element-wise `a * b + c`, rounded once.
            fma [a, b, c] {} 1 => Fma,
            /// Folds along `axes`, which disappear.
            reduce [x] { kind: ReduceKind, axes: Axes } 1 => Reduce by hand,
            /// Index of the first greatest or least element along `axis`, which disappears; the first NaN wins.
            arg_reduce [x] { kind: ArgKind, axis: usize, dtype: DType } 1 => ArgReduce by hand,
            /// Running folds along `axis`, from the last element if `reverse`, without each element's own value if `exclusive`.
            cumulative [x] { kind: ReduceKind, axis: usize, exclusive: bool, reverse: bool } 1 => Cumulative,
            /// Sum of products over the contracted axes; the result's axes are batch, free axes of `lhs`, free axes of `rhs`.
            dot_general [lhs, rhs] { lhs_batch: Axes, rhs_batch: Axes, lhs_contract: Axes, rhs_contract: Axes, dtype: DType } 1 => DotGeneral,
            /// All operands sorted along `axis` by the first `keys` of them; stable, NaN above all numbers.
            sort [xs ..] { axis: usize, keys: usize, descending: bool } many => Sort by hand,
            /// The `k` greatest elements along `axis`, greatest first, and their i32 indices.
            top_k [x] { k: usize, axis: usize } many => TopK by hand,
            /// Random u32 or u64 bits of a counter-based generator; `key` is `u32[2]`, `counter` (the first block) is `u64[]`.
            rng_bits [key, counter] { algorithm: RngAlgorithm, dtype: DType, shape: Shape } 1 => RngBits,

            // Composites: creation.
            /// A tensor with the same element everywhere.
            fill [value] { shape: Shape } 1 => Fill,
            /// A tensor of the type of `x` with 0 everywhere.
            zeros_like [x] {} 1 => ZerosLike by hand,
            /// A tensor of the type of `x` with 1 everywhere.
            ones_like [x] {} 1 => OnesLike by hand,
            /// A matrix with ones on one diagonal and zeros elsewhere.
            eye [] { dtype: DType, rows: usize, columns: usize, diagonal: i64 } 1 => Eye by hand,
            /// `count` numbers at equal distances from `start` to `stop`, both included.
            linspace [start, stop] { count: usize } 1 => Linspace by hand,
            /// `start, start + step, ..`, `count` numbers.
            range [start, step] { count: usize } 1 => Range by hand,

            // Composites: movement.
            /// Drops axes of extent 1.
            squeeze [x] { axes: Axes } 1 => Squeeze,
            /// Adds axes of extent 1.
            expand_dims [x] { axes: Axes } 1 => ExpandDims by hand,
            /// Merges the axes `start..end` into one.
            flatten [x] { start: usize, end: usize } 1 => Flatten,
            /// The operand repeated as a whole along each axis.
            tile [x] { repeats: Axes } 1 => Tile,
            /// Joins operands of one type along a new axis.
            stack [xs ..] { axis: usize } 1 => Stack by hand,
            /// The slices along one axis, which they do not have.
            unstack [x] { axis: usize } many => Unstack,
            /// Consecutive sections of these sizes along one axis.
            split [x] { axis: usize, sizes: Axes } many => Split,
            /// Moves elements along axes; what leaves at one end comes in at the other.
            roll [x] { shifts: Offsets, axes: Axes } 1 => Roll,
            /// Moves channels into blocks of pixels.
            depth_to_space [x] { block: usize, layout: ImageLayout, order: DepthOrder } 1 => DepthToSpace,
            /// Moves blocks of pixels into channels.
            space_to_depth [x] { block: usize, layout: ImageLayout, order: DepthOrder } 1 => SpaceToDepth,
            /// Pads spatial axes with zeros and moves blocks of them into the batch axis.
            space_to_batch [x] { block: Axes, low: Axes, high: Axes } 1 => SpaceToBatch,
            /// Moves the batch axis into blocks of spatial axes and cuts off borders.
            batch_to_space [x] { block: Axes, low: Axes, high: Axes } 1 => BatchToSpace,

            // Composites: indexing.
            /// The slices of `x` at `indices` along `axis`.
            take [x, indices] { axis: usize } 1 => Take,
            /// One element of `x` for each index, at the index's own place along all axes but `axis`.
            take_along_axis [x, indices] { axis: usize } 1 => TakeAlongAxis,
            /// The slices of `x` at index vectors.
            gather_nd [x, indices] { batch_dims: usize } 1 => GatherNd,
            /// Rows of a table.
            embedding [table, indices] {} 1 => Embedding,
            /// Vectors with 1 at the index and 0 elsewhere, along a new axis.
            one_hot [indices] { depth: usize, axis: usize, dtype: DType } 1 => OneHot by hand,

            // Composites: triangles and diagonals.
            /// The lower triangle: elements above the diagonal become 0.
            tril [x] { diagonal: i64 } 1 => Tril,
            /// The upper triangle: elements below the diagonal become 0.
            triu [x] { diagonal: i64 } 1 => Triu,
            /// A band around the main diagonal: all other elements become 0.
            band_part [x] { lower: Option<usize>, upper: Option<usize> } 1 => BandPart,
            /// Square matrices with the elements of `x` on one diagonal.
            diag [x] { diagonal: i64 } 1 => Diag,
            /// The elements of one diagonal.
            diag_part [x] { diagonal: i64 } 1 => DiagPart,
            /// `x` with one diagonal replaced.
            set_diag [x, values] { diagonal: i64 } 1 => SetDiag,
            /// The sum of one diagonal.
            trace [x] { diagonal: i64 } 1 => Trace,

            // Composites: arithmetic.
            /// `x * x`; integers wrap.
            square [x] {} 1 => Square,
            /// `1 / x`.
            reciprocal [x] {} 1 => Reciprocal,
            /// `log(1 + e^x)` without overflow.
            softplus [x] {} 1 => Softplus,
            /// `log(1 / (1 + e^-x))` without overflow.
            log_sigmoid [x] {} 1 => LogSigmoid,
            /// `(lhs - rhs)^2`; integers wrap.
            squared_difference [lhs, rhs] {} 1 => SquaredDifference,
            /// `lhs / rhs`, and 0 where `rhs` is 0.
            divide_no_nan [lhs, rhs] {} 1 => DivideNoNan,
            /// `lhs * log(rhs)`, and 0 where `lhs` is 0.
            xlogy [lhs, rhs] {} 1 => Xlogy,
            /// `sqrt(lhs^2 + rhs^2)` without overflow.
            hypot [lhs, rhs] {} 1 => Hypot,

            /// `log(e^lhs + e^rhs)` without overflow.
            log_add_exp [lhs, rhs] {} 1 => LogAddExp,
            /// `x` as a constant to differentiation.
            stop_gradient [x] {} 1 => StopGradient,

            // Composites: reductions.
            /// Folds along `axes`, which stay with extent 1.
            reduce_keep_dims [x] { kind: ReduceKind, axes: Axes } 1 => ReduceKeepDims by hand,
            /// The mean along `axes`.
            mean [x] { axes: Axes, dims: Dims } 1 => Mean by hand,
            /// The variance along `axes`: `sum((x - mean)^2) / (n - correction)`.
            var [x] { axes: Axes, correction: usize, dims: Dims } 1 => Var by hand,
            /// The standard deviation along `axes`.
            std [x] { axes: Axes, correction: usize, dims: Dims } 1 => Std by hand,
            /// Mean and variance along `axes`.
            moments [x] { axes: Axes, dims: Dims } many => Moments by hand,
            /// `log(sum(e^x))` along `axes` without overflow.
            logsumexp [x] { axes: Axes, dims: Dims } 1 => Logsumexp by hand,
            /// The norm of the vectors along `axes`.
            norm [x] { order: NormOrder, axes: Axes, dims: Dims } 1 => Norm by hand,
            /// How many elements along `axes` are not zero.
            count_nonzero [x] { axes: Axes, dims: Dims, dtype: DType } 1 => CountNonzero by hand,

            /// Running `log(sum(e^x))` along `axis`.
            cumulative_logsumexp [x] { axis: usize, exclusive: bool, reverse: bool } 1 => CumulativeLogsumexp,

            // Composites: contractions.
            /// The matrix product, by NumPy's rules for vectors and batches.
            matmul [lhs, rhs] {} 1 => Matmul,
            /// Products of matrices with vectors; batch axes broadcast.
            matvec [matrix, vector] {} 1 => Matvec,
            /// All products of an element of `lhs` and an element of `rhs`.
            outer [lhs, rhs] {} 1 => Outer,
            /// The sum of products over pairs of axes.
            tensordot [lhs, rhs] { lhs_axes: Axes, rhs_axes: Axes } 1 => Tensordot,
            /// The sum of products that an equation such as `bij,bjk->bik` describes.
            einsum [xs ..] { equation: String } 1 => Einsum,

            // Composites: normalisation.
            /// `exp(x - max) / sum(exp(x - max))` along `axis`.
            softmax [x] { axis: usize } 1 => Softmax,
            /// The logarithm of softmax along `axis`.
            log_softmax [x] { axis: usize } 1 => LogSoftmax,
            /// `(x - mean) * rsqrt(var + epsilon) * scale + offset` over the axes from `axis` on.
            layer_norm [x, scale, offset] { axis: usize, epsilon: Scalar } 1 => LayerNorm,
            /// `x * rsqrt(mean(x^2) + epsilon) * scale` over the axes from `axis` on.
            rms_norm [x, scale] { axis: usize, epsilon: Scalar } 1 => RmsNorm,
            /// Layer normalisation per batch entry and group of channels.
            group_norm [x, scale, offset] { groups: usize, channel_axis: usize, epsilon: Scalar } 1 => GroupNorm,
            /// Layer normalisation per batch entry and channel.
            instance_norm [x, scale, offset] { channel_axis: usize, epsilon: Scalar } 1 => InstanceNorm,
            /// `x * rsqrt(max(sum(x^2), epsilon))` along `axes`.
            l2_normalize [x] { axes: Axes, epsilon: Scalar } 1 => L2Normalize,

            // Composites: activations.
            /// `max(x, 0)`.
            relu [x] {} 1 => Relu,
            /// `min(max(x, 0), 6)`.
            relu6 [x] {} 1 => Relu6,
            /// `x` where it is positive, else `slope * x`.
            leaky_relu [x] { slope: Scalar } 1 => LeakyRelu,
            /// `x` where it is positive, else `slope * x` with a learned slope that broadcasts to `x`.
            prelu [x, slope] {} 1 => Prelu,
            /// `x` where it is positive, else `alpha * (e^x - 1)`.
            elu [x] { alpha: Scalar } 1 => Elu,
            /// The self-normalising `scale * elu(x, alpha)`.
            selu [x] {} 1 => Selu,
            /// `x` where it is positive, else `alpha * (e^(x / alpha) - 1)`.
            celu [x] { alpha: Scalar } 1 => Celu,
            /// `x` times the normal distribution function of `x`.
            gelu [x] { approximate: GeluForm } 1 => Gelu,
            /// `x * logistic(x)`.
            silu [x] {} 1 => Silu,
            /// `x * tanh(softplus(x))`.
            mish [x] {} 1 => Mish,
            /// `relu6(x + 3) / 6`.
            hard_sigmoid [x] {} 1 => HardSigmoid,
            /// `x * relu6(x + 3) / 6`.
            hard_swish [x] {} 1 => HardSwish,
            /// `min(max(x, -1), 1)`.
            hard_tanh [x] {} 1 => HardTanh,
            /// `x / (1 + |x|)`.
            softsign [x] {} 1 => Softsign,
            /// `silu(gate) * x`.
            swiglu [gate, x] {} 1 => Swiglu,
            /// The first half along `axis` times the logistic function of the second.
            glu [x] { axis: usize } 1 => Glu,

            // Composites: losses.
            /// `-sum(labels * log_softmax(logits))` along `axis`.
            softmax_cross_entropy [logits, labels] { axis: usize, reduction: LossReduction } 1 => SoftmaxCrossEntropy,
            /// `-log_softmax(logits)[label]` along `axis`.
            sparse_softmax_cross_entropy [logits, labels] { axis: usize, reduction: LossReduction } 1 => SparseSoftmaxCrossEntropy,
            /// `-log_probabilities[label]` along `axis`.
            nll [log_probabilities, labels] { axis: usize, reduction: LossReduction } 1 => Nll,
            /// The cross entropy of labels and the logistic function of logits, element by element.
            sigmoid_cross_entropy [logits, labels] { reduction: LossReduction } 1 => SigmoidCrossEntropy,
            /// Squared error.
            mse [prediction, target] { reduction: LossReduction } 1 => Mse,
            /// Absolute error.
            mae [prediction, target] { reduction: LossReduction } 1 => Mae,
            /// Squared error up to `delta`, then on with that slope.
            huber [prediction, target] { delta: Scalar, reduction: LossReduction } 1 => Huber,
            /// `max(1 - target * prediction, 0)`.
            hinge [prediction, target] { reduction: LossReduction } 1 => Hinge,
            /// `sum(target * log(target / prediction))` along `axis`.
            kl_divergence [target, prediction] { axis: usize, reduction: LossReduction } 1 => KlDivergence,
            /// The cosine of the angle between vectors along `axis`.
            cosine_similarity [lhs, rhs] { axis: usize, epsilon: Scalar } 1 => CosineSimilarity,
            /// `1 - cosine_similarity`.
            cosine_loss [lhs, rhs] { axis: usize, epsilon: Scalar, reduction: LossReduction } 1 => CosineLoss,
            /// Half the sum of squares of all elements.
            l2_loss [x] {} 1 => L2Loss,

            // Composites: sorting.
            /// The indices that would sort `x` along `axis`.
            argsort [x] { axis: usize, descending: bool, dtype: DType } 1 => Argsort by hand,
            /// Whether the target's prediction is among the `k` greatest.
            in_top_k [predictions, targets] { k: usize } 1 => InTopK,

            // Composites: random numbers.
            /// Uniformly distributed numbers from `low` to below `high`.
            uniform [key] { dtype: DType, shape: Shape, low: Scalar, high: Scalar } 1 => Uniform,
            /// Normally distributed numbers.
            normal [key] { dtype: DType, shape: Shape, mean: Scalar, std: Scalar } 1 => Normal,
            /// Normally distributed numbers within two standard deviations of the mean.
            truncated_normal [key] { dtype: DType, shape: Shape, mean: Scalar, std: Scalar } 1 => TruncatedNormal,
            /// True with the given probabilities.
            bernoulli [probabilities, key] {} 1 => Bernoulli,
            /// One class for each row of logits.
            categorical [logits, key] { axis: usize } 1 => Categorical,
            /// Zero with probability `rate`, else `x / (1 - rate)`.
            dropout [x, key] { rate: Scalar } 1 => Dropout,
            /// The numbers `0..count` in random order.
            permutation [key] { count: usize } 1 => Permutation,
            /// The slices along `axis` in random order.
            shuffle [x, key] { axis: usize } 1 => Shuffle,
            /// New keys.
            rng_split [key] { count: usize } 1 => RngSplit,
            /// A new key for each number.
            rng_fold_in [key, number] {} 1 => RngFoldIn,
        }
    };
}

/// One kind of op, for tests and listings.
#[derive(Clone, Copy)]
pub struct OpKind {
    /// The mnemonic.
    pub name: &'static str,
    /// Number of operands that the op takes.
    pub arity: Arity,
    /// Number of regions of the op.
    pub regions: Arity,
    /// Kind of computation that the op is.
    pub lowering: Lowering,
    /// Names of its attributes.
    pub attributes: &'static [&'static str],
    sample: fn(&str, &mut Draw<'_>, &Type) -> Sample<Op>,
}

impl OpKind {
    /// Draws an op of this kind; see [`OpDef::sample`]. Ordinary ops are offered the type of the rows of a list.
    pub fn sample(&self, draw: &mut Draw<'_>, hint: &Type) -> Sample<Op> {
        (self.sample)(self.name, draw, hint)
    }

    fn family<T: OpDef + Into<Op>>() -> impl Iterator<Item = OpKind> {
        T::names().into_iter().map(|name| OpKind {
            name,
            arity: T::ARITY,
            regions: Arity::Exact(0),
            lowering: T::LOWERING,
            attributes: T::FIELDS,
            sample: |name, draw, hint| T::sample(name, draw, &tensor_hint(hint)).map(Into::into),
        })
    }

    fn control<T: ControlDef + Into<Op>>() -> OpKind {
        OpKind {
            name: T::NAME,
            arity: T::ARITY,
            regions: T::REGIONS,
            lowering: T::LOWERING,
            attributes: T::FIELDS,
            sample: |_, draw, hint| <T as ControlDef>::sample(draw, hint).map(Into::into),
        }
    }
}

impl std::fmt::Debug for OpKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! define_ops {
    ($($(#[$meta:meta])* $method:ident [$($operands:tt)*] { $($field:ident : $ty:ty),* } $results:tt => $variant:ident $(by $form:ident)?,)*) => {
        define_ops! { @enum
            {
                Constant(Constant), Unary(UnaryFn), Binary(BinaryFn), Compare(CompareFn),
                $($variant($variant),)*
            }
            // Control flow, effects and lists. Their builder methods take closures: see `control::build`.
            {
                If,
                Case,
                While,
                Scan,
                Map,
                Call,
                CustomGradient,
                Checkpoint,
                TokenNew,
                Print,
                Assert,
                CheckFinite,
                ListNew,
                ListPush,
                ListPop,
                ListGet,
                ListLen,
                ListStack,
            }
        }

        /// One method per op. Each fails if the op does not accept its operands.
        impl Builder {
            $(define_ops! { @method $(#[$meta])* $method [$($operands)*] { $($field : $ty),* } $results => $variant })*
        }
    };
    (@enum { $($variant:ident($payload:ident),)* } { $($control:ident,)* }) => {
        /// Every op.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each variant is documented on its payload")]
        pub enum Op { $($variant($payload),)* $($control($control),)* }

        $(impl From<$payload> for Op {
            fn from(op: $payload) -> Op { Op::$variant(op) }
        })*

        $(impl From<$control> for Op {
            fn from(op: $control) -> Op { Op::$control(op) }
        })*

        impl Op {
            /// The mnemonic of the text form.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Op::$variant(op) => OpDef::name(op),)*
                    $(Op::$control(_) => <$control as ControlDef>::NAME,)*
                }
            }

            /// Number of operands that the op takes.
            pub fn arity(&self) -> Arity {
                match self {
                    $(Op::$variant(_) => <$payload as OpDef>::ARITY,)*
                    $(Op::$control(_) => <$control as ControlDef>::ARITY,)*
                }
            }

            /// Number of regions of the op.
            pub fn regions(&self) -> Arity {
                match self {
                    $(Op::$variant(_) => Arity::Exact(0),)*
                    $(Op::$control(_) => <$control as ControlDef>::REGIONS,)*
                }
            }

            /// Kind of computation that the op is.
            pub fn lowering(&self) -> Lowering {
                match self {
                    $(Op::$variant(_) => <$payload as OpDef>::LOWERING,)*
                    $(Op::$control(_) => <$control as ControlDef>::LOWERING,)*
                }
            }

            /// Attributes of the op as the text form shows them.
            pub fn attributes(&self) -> Vec<(&'static str, AttrValue)> {
                match self {
                    $(Op::$variant(op) => op.to_attrs(),)*
                    $(Op::$control(op) => op.to_attrs(),)*
                }
            }

            /// The op with this mnemonic and these attributes; `None` if there is no such op.
            pub fn parse(name: &str, attrs: &mut AttrMap) -> Option<Result<Op, AttributeError>> {
                $(if name == <$control as ControlDef>::NAME {
                    return Some(<$control>::from_attrs(attrs).map(Op::$control));
                })*
                None$(.or_else(|| <$payload as OpDef>::parse(name, attrs).map(|op| op.map(Op::$variant))))*
            }

            /// Every kind of op, in the order of the registry.
            pub fn kinds() -> Vec<OpKind> {
                let mut kinds = Vec::new();
                $(kinds.extend(OpKind::family::<$payload>());)*
                $(kinds.push(OpKind::control::<$control>());)*
                kinds
            }

            /// Whether its definition takes its place in the optimiser.
            pub fn has_definition(&self) -> bool {
                match self {
                    $(Op::$variant(_) => <$payload as OpDef>::LOWERING == Lowering::Expand,)*
                    $(Op::$control(op) => ControlDef::definition(op).is_some(),)*
                }
            }

            /// Appends the definition of an op with these regions to `b`; `None` for an op without definition.
            pub fn expand(
                &self,
                b: &mut Builder,
                operands: &[Value],
                regions: &[Graph],
            ) -> Option<Result<Results, TypeError>> {
                match self {
                    $(Op::$variant(op) => OpDef::expand(op, b, operands),)*
                    $(Op::$control(op) => ControlDef::definition(op).map(|it| it.expand(b, operands, regions)),)*
                }
            }

            /// How the regions of the op run, and how values get in and out; `None` for an op without regions, or with a definition in their place.
            pub fn ports(&self) -> Option<Ports> {
                match self {
                    $(Op::$variant(_) => None,)*
                    $(Op::$control(op) => ControlDef::ports(op),)*
                }
            }

            /// The op that does the same with other numbers of carried and of sliced operands; `None` if there is none.
            pub fn with_counts(&self, carried: usize, sliced: usize) -> Option<Op> {
                match self {
                    $(Op::$variant(_) => None,)*
                    $(Op::$control(op) => ControlDef::with_counts(op, carried, sliced),)*
                }
            }

            /// How the op is differentiated.
            pub fn derivative(&self) -> Derivative<'_> {
                match self {
                    $(Op::$variant(op) => OpDef::derivative(op),)*
                    $(Op::$control(op) => ControlDef::derivative(op),)*
                }
            }

            /// What the op becomes for that many examples at once.
            pub fn batching(&self, examples: usize) -> Batching<'_> {
                match self {
                    $(Op::$variant(op) => OpDef::batching(op, examples),)*
                    $(Op::$control(_) => Batching::Regions,)*
                }
            }

            /// Result values out of operand values of the types that [`Op::infer`] accepted. `None` for ops that run regions or
            /// have an effect: they need an [`Evaluator`].
            pub fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Option<Vec<Literal>> {
                match self {
                    $(Op::$variant(op) => Some(op.eval(operands, results)),)*
                    $(Op::$control(_) => None,)*
                }
            }

            /// Evaluates any op, those with regions too; see [`Op::eval`]. Fails where an effect fails, or if the evaluator's budget is used up.
            pub(crate) fn eval_in(
                &self,
                evaluator: &mut Evaluator<'_>,
                operands: &[&Datum],
                regions: &[Graph],
                results: &[Type],
            ) -> Result<Vec<Datum>, EvalError> {
                match self {
                    $(Op::$variant(op) => Ok(eval_tensors(op, operands, results)),)*
                    $(Op::$control(op) => ControlDef::eval(op, evaluator, operands, regions, results),)*
                }
            }

            fn infer_checked(&self, operands: &[&Type], regions: &[Graph]) -> Result<Types, TypeError> {
                match self {
                    $(Op::$variant(op) => infer_ordinary(op, operands),)*
                    $(Op::$control(op) => ControlDef::infer(op, operands, regions),)*
                }
            }
        }
    };
    (@method $(#[$meta:meta])* $method:ident [$xs:ident ..] { $($field:ident : $ty:ty),* } 1 => $variant:ident) => {
        $(#[$meta])*
        pub fn $method(&mut self, $xs: &[Value] $(, $field: impl Argument<$ty>)*) -> Result<Value, BuildError> {
            self.push_one($variant { $($field: $field.into_attribute()),* }, $xs)
        }
    };
    (@method $(#[$meta:meta])* $method:ident [$($x:ident),*] { $($field:ident : $ty:ty),* } 1 => $variant:ident) => {
        $(#[$meta])*
        pub fn $method(&mut self $(, $x: Value)* $(, $field: impl Argument<$ty>)*) -> Result<Value, BuildError> {
            self.push_one($variant { $($field: $field.into_attribute()),* }, &[$($x),*])
        }
    };
    (@method $(#[$meta:meta])* $method:ident [$xs:ident ..] { $($field:ident : $ty:ty),* } many => $variant:ident) => {
        $(#[$meta])*
        pub fn $method(&mut self, $xs: &[Value] $(, $field: impl Argument<$ty>)*) -> Result<Results, BuildError> {
            self.push($variant { $($field: $field.into_attribute()),* }, $xs)
        }
    };
    (@method $(#[$meta:meta])* $method:ident [$($x:ident),*] { $($field:ident : $ty:ty),* } many => $variant:ident) => {
        $(#[$meta])*
        pub fn $method(&mut self $(, $x: Value)* $(, $field: impl Argument<$ty>)*) -> Result<Results, BuildError> {
            self.push($variant { $($field: $field.into_attribute()),* }, &[$($x),*])
        }
    };
}
for_each_op!(define_ops);

impl Op {
    /// Whether the op is a scalar function: operands and results have one shape, and each result element depends on the operand elements
    /// at its own index, wherever that is.
    pub fn is_elementwise(&self) -> bool {
        matches!(self.batching(1), Batching::ElementWise)
    }

    /// Result types out of operand types: the only typing judgement. The builder and the verifier both call it.
    pub fn infer(&self, operands: &[&Type], regions: &[Graph]) -> Result<Types, TypeError> {
        let found = operands.len();
        match self.arity() {
            arity if arity.accepts(found) => {}
            expected => return Err(TypeError::Arity { expected, found }),
        }
        let regions_found = regions.len();
        if !self.regions().accepts(regions_found) {
            return Err(TypeError::RegionCount { expected: self.regions(), found: regions_found });
        }
        if regions.iter().any(|region| region.depth() >= MAX_DEPTH) {
            return Err(TypeError::Nesting);
        }
        self.infer_checked(operands, regions)
    }

    /// Types of the results of an ordinary op, which takes and gives tensors alone; see [`Op::infer`].
    pub fn infer_tensors(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let operands: SmallVec<[Type; 4]> = operands.iter().map(|&ty| ty.into()).collect();
        let operands: SmallVec<[&Type; 4]> = operands.iter().collect();
        Ok(self.infer(&operands, &[])?.iter().map(|ty| ty.tensor().clone()).collect())
    }
}

/// As [`OpDef::infer`]. Ordinary ops take and give tensors alone: lists and tokens are refused here, for all of them.
fn infer_ordinary(op: &impl OpDef, operands: &[&Type]) -> Result<Types, TypeError> {
    let mut tensors = SmallVec::<[&TensorType; 4]>::new();
    for (operand, &ty) in operands.iter().enumerate() {
        tensors.push(rule::tensor(ty, operand)?);
    }
    Ok(op.infer(&tensors)?.into_iter().map(Type::Tensor).collect())
}

/// As [`OpDef::eval`].
fn eval_tensors(op: &impl OpDef, operands: &[&Datum], results: &[Type]) -> Vec<Datum> {
    let operands: SmallVec<[&Literal; 4]> = operands.iter().map(|x| x.tensor()).collect();
    let results: SmallVec<[TensorType; 1]> = results.iter().map(|ty| ty.tensor().clone()).collect();
    op.eval(&operands, &results).into_iter().map(Datum::Tensor).collect()
}
