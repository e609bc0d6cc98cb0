//! The derivative of a convolution, which is linear in each operand: the cotangent of one is the convolution of the result's cotangent with
//! the other, in the dtype of the result, rounded to the operand's.

use smallvec::{SmallVec, smallvec};

use super::{Conv, short, taps_first};
use crate::builder::BuildError;
use crate::op::attribute::{Axes, ShortAxes};
use crate::op::derivative::Differentiable;
use crate::op::primitive::movement::inverse;
use crate::op::primitive::slide::Slide;
use crate::op::{Derivatives, Primal};
use crate::{Builder, DType, Dim, Shape, Value};

impl Differentiable for Conv {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let (lhs, rhs) = (primal.operands[0], primal.operands[1]);
        let mut of =
            |pair: Option<[Value; 2]>| pair.map(|pair| primal.b.push_one(self.clone(), &pair)).transpose();
        let left = of(tangents[0].map(|tangent| [tangent, rhs]))?;
        let right = of(tangents[1].map(|tangent| [lhs, tangent]))?;
        Ok(smallvec![primal.b.add_derivatives(left, right)?])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None, None]) };
        let (lhs, rhs) = (primal.operands[0], primal.operands[1]);
        let left = primal.when_wanted(0, |b| self.by_lhs(b, cotangent, lhs, rhs))?;
        let right = primal.when_wanted(1, |b| self.by_rhs(b, cotangent, lhs, rhs))?;
        Ok(smallvec![left, right])
    }
}

/// Where the axes of the result are, by what they are.
struct Parts {
    batch: ShortAxes,
    lhs_free: ShortAxes,
    rhs_free: ShortAxes,
    spatial: ShortAxes,
}

impl Conv {
    fn parts(&self, lhs: &Shape, rhs: &Shape) -> Parts {
        let places = self.places();
        let (batch, rest) = places.split_at(self.lhs_batch.len());
        let (lhs_free, rest) = rest.split_at(self.lhs_free(lhs.rank()).len());
        let (rhs_free, spatial) = rest.split_at(self.rhs_free(rhs.rank()).len());
        Parts {
            batch: batch.into(),
            lhs_free: lhs_free.into(),
            rhs_free: rhs_free.into(),
            spatial: spatial.into(),
        }
    }

    /// A result meets an element `i` at tap `k` if `i * lhs_dilation + low - k * rhs_dilation` is its number times the stride. Counted from
    /// the last tap on, that is a convolution of the cotangent: strides and dilations of the operand exchange roles.
    fn by_lhs(&self, b: &mut Builder, cotangent: Value, lhs: Value, rhs: Value) -> Result<Value, BuildError> {
        let (lhs_shape, rhs_shape) = (b.shape(lhs), b.shape(rhs));
        let parts = self.parts(&lhs_shape, &rhs_shape);
        let kernel = b.convert(rhs, self.dtype)?;
        let kernel = b.reverse(kernel, &self.rhs_spatial[..])?;
        let results = b.shape(cotangent);
        let slides: SmallVec<[Slide; 2]> = (0..self.lhs_spatial.len())
            .map(|axis| {
                let elements = lhs_shape.size(self.lhs_spatial[axis]);
                let taps = rhs_shape.size(self.rhs_spatial[axis]);
                self.slide(axis).transposed(elements, taps, results.size(parts.spatial[axis]))
            })
            .collect();
        let free: Axes = sorted_with(&parts.lhs_free, &self.lhs_free(lhs_shape.rank()));
        let channels = sorted_with(&self.rhs_contract, &self.lhs_contract);
        let op = Conv {
            sum_order: taps_first(parts.rhs_free.len(), parts.spatial.len()),
            lhs_batch: parts.batch,
            rhs_batch: self.rhs_batch.clone(),
            lhs_contract: parts.rhs_free,
            rhs_contract: short(&self.rhs_free(rhs_shape.rank())),
            lhs_spatial: parts.spatial,
            rhs_spatial: self.rhs_spatial.clone(),
            order: order([&self.lhs_batch, &free, &channels, &self.lhs_spatial]),
            ..self.clone()
        };
        let op = op.with_slides(slides.into_iter());
        let gradient = b.push_one(op, &[cotangent, kernel])?;
        let dtype = b.tensor(lhs).dtype;
        b.convert(gradient, dtype)
    }

    /// The results are the taps with which the input is read; strides and dilations of the kernel exchange roles.
    fn by_rhs(&self, b: &mut Builder, cotangent: Value, lhs: Value, rhs: Value) -> Result<Value, BuildError> {
        let (lhs_shape, rhs_shape) = (b.shape(lhs), b.shape(rhs));
        let parts = self.parts(&lhs_shape, &rhs_shape);
        let input = b.convert(lhs, self.dtype)?;
        let results = b.shape(cotangent);
        let slides: SmallVec<[Slide; 2]> = (0..self.lhs_spatial.len())
            .map(|axis| {
                let elements = lhs_shape.size(self.lhs_spatial[axis]);
                let taps = rhs_shape.size(self.rhs_spatial[axis]);
                self.slide(axis).by_taps(elements, taps, results.size(parts.spatial[axis]))
            })
            .collect();
        let channels = sorted_with(&self.lhs_contract, &self.rhs_contract);
        let free: Axes = sorted_with(&parts.rhs_free, &self.rhs_free(rhs_shape.rank()));
        let op = Conv {
            // One image after the other.
            sum_order: (0..parts.lhs_free.len() + parts.spatial.len()).collect(),
            lhs_batch: self.lhs_batch.clone(),
            rhs_batch: parts.batch,
            lhs_contract: short(&self.lhs_free(lhs_shape.rank())),
            rhs_contract: parts.lhs_free,
            lhs_spatial: self.lhs_spatial.clone(),
            rhs_spatial: parts.spatial,
            order: order([&self.rhs_batch, &channels, &free, &self.rhs_spatial]),
            ..self.clone()
        };
        let op = op.with_slides(slides.into_iter());
        let gradient = op.in_parts(b, input, cotangent, rhs_shape.elements())?;
        let dtype = b.tensor(rhs).dtype;
        b.convert(gradient, dtype)
    }

    /// The convolution that adds up images, as a sum of those of some images each, if these have few results: each reads its images once, and they can be computed at the same time.
    fn in_parts(&self, b: &mut Builder, lhs: Value, rhs: Value, results: usize) -> Result<Value, BuildError> {
        let Some(parts) = self.image_parts(&b.shape(lhs), &b.shape(rhs), results) else {
            return b.push_one(self.clone(), &[lhs, rhs]);
        };
        let (left, right) = (self.lhs_contract[0], self.rhs_contract[0]);
        let lhs = split(b, lhs, left, parts)?;
        let rhs = split(b, rhs, right, parts)?;
        let behind = |axes: &[usize], axis: usize| -> Axes {
            axes.iter().map(|&other| other + usize::from(other >= axis)).collect()
        };
        // The result's first axis is that of the parts; in the order of axes as they come it follows the groups.
        let groups = self.lhs_batch.len();
        let order = std::iter::once(groups).chain(behind(&self.order, groups)).collect();
        let op = Conv {
            lhs_batch: behind(&self.lhs_batch, left).into_iter().chain([left]).collect(),
            rhs_batch: behind(&self.rhs_batch, right).into_iter().chain([right]).collect(),
            lhs_contract: short(&behind(&self.lhs_contract, left)),
            rhs_contract: short(&behind(&self.rhs_contract, right)),
            lhs_spatial: short(&behind(&self.lhs_spatial, left)),
            rhs_spatial: short(&behind(&self.rhs_spatial, right)),
            order,
            ..self.clone()
        };
        let sums = b.push_one(op, &[lhs, rhs])?;
        b.sum_over(sums, &[0])
    }

    /// How many parts images are added up in: as many as leave less to write than there is to read. Sums in narrow floats are not cut, which would round them.
    fn image_parts(&self, left: &Shape, right: &Shape, results: usize) -> Option<usize> {
        const MOST: usize = 8;
        const LEAST_READ: usize = 1 << 14;
        let images = left.size(*self.lhs_contract.first()?);
        let read = left.elements().saturating_add(right.elements());
        let fits = |&parts: &usize| images.is_multiple_of(parts) && results.saturating_mul(4 * parts) <= read;
        let pays = read >= LEAST_READ && matches!(self.dtype, DType::F32 | DType::F64);
        let has_room = left.rank().max(right.rank()).max(self.order.len()) < Shape::MAX_RANK;
        (2..=MOST.min(images)).rev().find(fits).filter(|_| has_room && pays)
    }
}

/// The tensor with an axis cut into two, of which the first counts the parts.
fn split(b: &mut Builder, x: Value, axis: usize, parts: usize) -> Result<Value, BuildError> {
    let shape = b.shape(x);
    let inner = shape.size(axis) / parts;
    let cut: Shape = shape[..axis]
        .iter()
        .copied()
        .chain([Dim::known(parts), Dim::known(inner)])
        .chain(shape[axis + 1..].iter().copied())
        .collect();
    b.reshape(x, cut)
}

/// The second list in the order that sorts the first.
fn sorted_with(keys: &[usize], values: &[usize]) -> Axes {
    let mut pairs: Vec<(usize, usize)> = keys.iter().copied().zip(values.iter().copied()).collect();
    pairs.sort_unstable();
    pairs.into_iter().map(|(_, value)| value).collect()
}

/// The order of a result whose axes, as they come, are to be these.
fn order(axes: [&[usize]; 4]) -> Axes {
    inverse(&axes.into_iter().flatten().copied().collect::<Axes>())
}
