//! Convolution: a contraction some of whose axes slide.
//!
//! It is [`DotGeneral`](super::DotGeneral) with one more kind of axis. A *spatial* axis of the left operand (the input) goes with one of the
//! right operand (the kernel, whose elements along it are *taps*) and with one of the result. Groups are batch axes, channels
//! contracted axes, and the operands exchange roles in derivatives, so that the derivatives of a convolution are convolutions:
//!
//! | | batch | contracted | free of the left | free of the right | spatial |
//! |---|---|---|---|---|---|
//! | of an image | groups | channels in | images | channels out | input, taps, output |
//! | by the input | groups | channels out | images | channels in | output, reversed taps, input |
//! | by the kernel | groups | images | channels in | channels out | input, output, taps |

mod derivative;
mod evaluate;
mod sample;

use smallvec::SmallVec;

use crate::builder::BuildError;
use crate::op::attribute::{Axes, ShortAxes, ShortOffsets};
use crate::op::batching::{BatchRule, Examples, Items, up, zero_and_up};
use crate::op::primitive::dot::check_sums;
use crate::op::primitive::slide::Slide;
use crate::op::sample::Draw;
use crate::op::{Arity, Batching, Derivative, Lowering, OpDef, Sample, TensorTypes, TypeError, rule};
use crate::{DType, Dim, Literal, Shape, TensorType, attributes};

attributes! {
    /// The general convolution: axes are paired as batch axes, as contracted axes or as spatial axes, and the rest is free.
    ///
    /// `result[b.., l.., r.., y..] = sum over c.., k.. of lhs[b, l, c, i] * rhs[b, r, c, k]`, where along each spatial axis
    /// `i * lhs_dilation = y * stride + k * rhs_dilation - low`, and terms are left out whose `i` is no integer or no index of `lhs`.
    ///
    /// `T[..], T[..] -> R[..]`. Axis `i` of the result is axis `order[i]` of: batch axes in the order of `lhs_batch`, free axes in the order
    /// of their operand, spatial axes in the order of `lhs_spatial`. With `n` elements, `t` taps and all dilations 1 a spatial axis has
    /// `(low + n + high - t) / stride + 1` results, rounded down, and none if there is no room for all taps. Dilation puts `d - 1` holes between
    /// neighbours; negative padding cuts off.
    ///
    /// The dtype is that of the sum, as for `dot_general`.
    pub struct Conv {
        /// Batch axes of `lhs`.
        pub lhs_batch: ShortAxes,
        /// The batch axes of `rhs` that go with them, in the same order.
        pub rhs_batch: ShortAxes,
        /// Contracted axes of `lhs`.
        pub lhs_contract: ShortAxes,
        /// The contracted axes of `rhs` that go with them, in the same order.
        pub rhs_contract: ShortAxes,
        /// Spatial axes of `lhs`.
        pub lhs_spatial: ShortAxes,
        /// The spatial axes of `rhs` that go with them, in the same order.
        pub rhs_spatial: ShortAxes,
        /// For each spatial axis how far the taps move from one result to the next.
        pub strides: ShortAxes,
        /// For each spatial axis the zeros before the first element.
        pub low: ShortOffsets,
        /// For each spatial axis the zeros after the last element.
        pub high: ShortOffsets,
        /// For each spatial axis the distance of elements.
        pub lhs_dilation: ShortAxes,
        /// For each spatial axis the distance of taps.
        pub rhs_dilation: ShortAxes,
        /// Which axis each axis of the result is.
        pub order: Axes,
        /// The order in which terms are added up, the outermost axis first: contracted axes as they come in the lists, and spatial axes behind them. So sums do not depend
        /// on where axes are in the operands.
        pub sum_order: ShortAxes,
        /// Dtype of the result: that of the operands, or a wider one of the same kind.
        pub dtype: DType,
    }
}

impl Conv {
    /// Axes of `lhs`, of this rank, that are neither batch axes nor contracted nor spatial.
    pub fn lhs_free(&self, rank: usize) -> Axes {
        free(rank, [&self.lhs_batch, &self.lhs_contract, &self.lhs_spatial])
    }

    /// Axes of `rhs`, of this rank, that are neither batch axes nor contracted nor spatial.
    pub fn rhs_free(&self, rank: usize) -> Axes {
        free(rank, [&self.rhs_batch, &self.rhs_contract, &self.rhs_spatial])
    }

    /// Where in the result the axes are that `order` counts: the inverse of `order`.
    pub fn places(&self) -> Axes {
        super::movement::inverse(&self.order)
    }

    /// How taps slide along a spatial axis.
    fn slide(&self, axis: usize) -> Slide {
        Slide {
            stride: self.strides[axis],
            low: self.low[axis],
            high: self.high[axis],
            element_places: self.lhs_dilation[axis],
            tap_places: self.rhs_dilation[axis],
        }
    }

    /// The op with other slides along its spatial axes.
    fn with_slides(self, slides: impl Iterator<Item = Slide> + Clone) -> Conv {
        Conv {
            strides: slides.clone().map(|slide| slide.stride).collect(),
            low: slides.clone().map(|slide| slide.low).collect(),
            high: slides.clone().map(|slide| slide.high).collect(),
            lhs_dilation: slides.clone().map(|slide| slide.element_places).collect(),
            rhs_dilation: slides.map(|slide| slide.tap_places).collect(),
            ..self
        }
    }

    fn check_spatial(&self) -> Result<(), TypeError> {
        let axes = self.lhs_spatial.len();
        for (attribute, found) in [
            ("strides", self.strides.len()),
            ("low", self.low.len()),
            ("high", self.high.len()),
            ("lhs_dilation", self.lhs_dilation.len()),
            ("rhs_dilation", self.rhs_dilation.len()),
        ] {
            if found != axes {
                let reason = format!("needs one entry per spatial axis ({axes}), found {found}");
                return Err(TypeError::attribute(attribute, reason));
            }
        }
        for (attribute, steps) in [
            ("strides", &self.strides),
            ("lhs_dilation", &self.lhs_dilation),
            ("rhs_dilation", &self.rhs_dilation),
        ] {
            if steps.contains(&0) {
                return Err(TypeError::attribute(attribute, "must be at least 1".to_owned()));
            }
        }
        Ok(())
    }

    fn check_sum_order(&self) -> Result<(), TypeError> {
        let summed = self.lhs_contract.len() + self.lhs_spatial.len();
        if self.sum_order.len() != summed {
            let reason = format!("{} axes where {summed} are summed over", self.sum_order.len());
            return Err(TypeError::attribute("sum_order", reason));
        }
        rule::check_axes(&self.sum_order, summed)
    }

    fn check_pairs(&self, lhs: &Shape, rhs: &Shape) -> Result<(), TypeError> {
        let spatial = (self.lhs_spatial.len(), self.rhs_spatial.len());
        let pairs = [
            ("rhs_batch", &self.lhs_batch, &self.rhs_batch),
            ("rhs_contract", &self.lhs_contract, &self.rhs_contract),
        ];
        let counts = pairs.map(|(name, left, right)| (name, left.len(), right.len()));
        for (attribute, left, right) in counts.into_iter().chain([("rhs_spatial", spatial.0, spatial.1)]) {
            if left != right {
                let reason = format!("{right} axes to go with {left} of lhs");
                return Err(TypeError::attribute(attribute, reason));
            }
        }
        for (_, left, right) in pairs {
            if let Some((&l, &r)) = left.iter().zip(right).find(|&(&l, &r)| lhs[l] != rhs[r]) {
                let what = format!("extents of lhs axis {l} and rhs axis {r}");
                return Err(TypeError::ShapeMismatch { what, left: lhs.clone(), right: rhs.clone() });
            }
        }
        Ok(())
    }

    /// Extents of the result before it is ordered.
    fn extents(&self, lhs: &Shape, rhs: &Shape) -> Result<SmallVec<[Dim; 8]>, TypeError> {
        let mut extents: SmallVec<[Dim; 8]> = self.lhs_batch.iter().map(|&axis| lhs[axis]).collect();
        extents.extend(self.lhs_free(lhs.rank()).into_iter().map(|axis| lhs[axis]));
        extents.extend(self.rhs_free(rhs.rank()).into_iter().map(|axis| rhs[axis]));
        for (axis, (&l, &r)) in self.lhs_spatial.iter().zip(&self.rhs_spatial).enumerate() {
            let results = self.slide(axis).results(lhs.size(l), rhs.size(r)).ok_or_else(|| {
                let reason = format!("spatial axis {axis} would get an extent that is too large");
                TypeError::attribute(if self.low[axis] > self.high[axis] { "low" } else { "high" }, reason)
            })?;
            extents.push(Dim::known(results));
        }
        Ok(extents)
    }
}

/// The [`Conv::sum_order`] of so many contracted and spatial axes that goes through all channels at a tap before the next tap.
pub fn taps_first(contracted: usize, spatial: usize) -> ShortAxes {
    (contracted..contracted + spatial).chain(0..contracted).collect()
}

fn short(axes: &[usize]) -> ShortAxes {
    axes.into()
}

/// Axes of a tensor of this rank that are in none of the lists.
fn free(rank: usize, taken: [&ShortAxes; 3]) -> Axes {
    (0..rank).filter(|axis| taken.iter().all(|axes| !axes.contains(axis))).collect()
}

/// Axes named in the lists must be distinct and below the rank.
fn check_operand_axes(lists: [&ShortAxes; 3], rank: usize) -> Result<(), TypeError> {
    let all: Axes = lists.into_iter().flatten().copied().collect();
    rule::check_axes(&all, rank)
}

impl OpDef for Conv {
    const NAME: &'static str = "conv";
    const ARITY: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::Tiled;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        check_sums(operands, self.dtype)?;
        let (lhs, rhs) = (&operands[0].shape, &operands[1].shape);
        check_operand_axes([&self.lhs_batch, &self.lhs_contract, &self.lhs_spatial], lhs.rank())?;
        check_operand_axes([&self.rhs_batch, &self.rhs_contract, &self.rhs_spatial], rhs.rank())?;
        self.check_pairs(lhs, rhs)?;
        self.check_spatial()?;
        self.check_sum_order()?;
        let extents = self.extents(lhs, rhs)?;
        if self.order.len() != extents.len() {
            let reason = format!("{} axes for a result of rank {}", self.order.len(), extents.len());
            return Err(TypeError::attribute("order", reason));
        }
        rule::check_axes(&self.order, extents.len())?;
        rule::one(self.dtype, self.order.iter().map(|&axis| extents[axis]).collect())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        evaluate::convolution(self, [operands[0], operands[1]], &results[0])
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::Rule(self)
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Conv> {
        sample::convolution(draw, hint)
    }
}

/// The new axis is a batch axis if both operands have it, else a free one.
impl BatchRule for Conv {
    fn batch(&self, node: &mut Examples<'_>) -> Result<Items, BuildError> {
        let operands = [node.value(0), node.value(1)];
        let (left, right) = (node.has(0), node.has(1));
        let moved = |own: bool, axes: &ShortAxes| if own { short(&up(axes)) } else { axes.clone() };
        let batch = self.lhs_batch.len();
        let place = match (left, right) {
            (true, true) => 0,
            (true, false) => batch,
            (false, _) => batch + self.lhs_free(node.tensor(0).rank()).len(),
        };
        let behind = self.order.iter().map(|&axis| if axis >= place { axis + 1 } else { axis });
        let both = left && right;
        let op = Conv {
            lhs_batch: if both { short(&zero_and_up(&self.lhs_batch)) } else { moved(left, &self.lhs_batch) },
            rhs_batch: if both {
                short(&zero_and_up(&self.rhs_batch))
            } else {
                moved(right, &self.rhs_batch)
            },
            lhs_contract: moved(left, &self.lhs_contract),
            rhs_contract: moved(right, &self.rhs_contract),
            lhs_spatial: moved(left, &self.lhs_spatial),
            rhs_spatial: moved(right, &self.rhs_spatial),
            order: [place].into_iter().chain(behind).collect(),
            ..self.clone()
        };
        node.push(op, &operands)
    }
}
