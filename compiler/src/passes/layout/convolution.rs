//! Convolutions.

use std::ops::Range;

use tensorwright_ir::op::attribute::{Axes, ShortAxes};
use tensorwright_ir::op::primitive::Conv;
use tensorwright_ir::{BuildError, Shape, Value};

use super::{Images, Moved, order, places};
use crate::passes::rewriter::{Rewriter, Site};

/// Channels of a group below which groups are few.
const FEW_CHANNELS: usize = 16;
/// Results of a row below which it is short.
const SHORT_ROW: usize = 32;

impl<'g> Images<'g> {
    pub(super) fn convolution(
        &mut self,
        r: &mut Rewriter<'g>,
        site: &Site<'g>,
        conv: &Conv,
    ) -> Result<Option<Moved>, BuildError> {
        let [lhs, rhs] = [0, 1].map(|at| &self.graph.tensor(site.node.operands[at]).shape);
        let result = &self.graph.tensor(site.node.results[0]).shape;
        let Some(axes) = ImageAxes::of(conv, [lhs, rhs, result]) else { return Ok(None) };
        let known =
            self.moved.get(&site.node.operands[0]).is_some_and(|known| known.channels == axes.channels);
        if result.elements() == 0 || !known && !self.wants(conv, [lhs, rhs, result]) {
            return Ok(None);
        }
        let image = self.operand(r, site, 0, &axes.channels)?;
        let kernel = kernel_order(conv, rhs);
        let (kernel, to) = transposed(r, site.operands[1], kernel)?;
        let from = places(lhs.rank(), &axes.channels);
        let new = Conv {
            lhs_batch: renumbered(&conv.lhs_batch, &from),
            rhs_batch: renumbered(&conv.rhs_batch, &to),
            lhs_contract: renumbered(&conv.lhs_contract, &from),
            rhs_contract: renumbered(&conv.rhs_contract, &to),
            lhs_spatial: renumbered(&conv.lhs_spatial, &from),
            rhs_spatial: renumbered(&conv.rhs_spatial, &to),
            order: order(result.rank(), &axes.results).into_iter().map(|axis| conv.order[axis]).collect(),
            ..conv.clone()
        };
        let value = r.build().push_one(new, &[image, kernel])?;
        Ok(Some(Moved { value, channels: axes.results }))
    }

    /// Whether a convolution gains by channels that are last, whatever is around it.
    fn wants(&self, conv: &Conv, [lhs, rhs, result]: [&Shape; 3]) -> bool {
        let size =
            |shape: &Shape, axes: &[usize]| axes.iter().map(|&axis| shape.size(axis)).product::<usize>();
        let taps = size(rhs, &conv.rhs_spatial);
        let grouped = size(lhs, &conv.lhs_batch) > 1 && size(lhs, &conv.lhs_contract) < FEW_CHANNELS;
        let strided = conv.strides.iter().any(|&stride| stride > 1);
        let row = conv.order.iter().rposition(|&axis| axis + conv.lhs_spatial.len() >= conv.order.len());
        let short = row.is_some_and(|axis| result.size(axis) < SHORT_ROW);
        taps > 1 && (grouped || strided || short || self.convolutions > 1)
    }
}

/// Where the channels of an image and of the result are, in a convolution of images.
struct ImageAxes {
    channels: Range<usize>,
    results: Range<usize>,
}

impl ImageAxes {
    /// `None` if channels are last already, or apart, or it is no convolution of images by small windows.
    fn of(conv: &Conv, [lhs, rhs, result]: [&Shape; 3]) -> Option<ImageAxes> {
        let batch = conv.lhs_batch.len();
        let images = conv.lhs_free(lhs.rank()).len();
        let filters = conv.rhs_free(rhs.rank()).len();
        if batch > 1 || conv.lhs_contract.len() > 1 || filters > 1 || conv.lhs_spatial.is_empty() {
            return None;
        }
        let channels = adjacent(conv.lhs_batch.iter().chain(&conv.lhs_contract))?;
        let at = conv.places();
        let first = batch + images;
        let results = adjacent(at[..batch].iter().chain(&at[first..first + filters]))?;
        // In gradients by kernels there are as many taps as there were results.
        let spatial = &at[at.len() - conv.lhs_spatial.len()..];
        let taps: usize = conv.rhs_spatial.iter().map(|&axis| rhs.size(axis)).product();
        let small = taps == 1 || taps < spatial.iter().map(|&place| result.size(place)).product();
        let first = |range: &Range<usize>, spatial: usize| range.end <= spatial;
        let is_first = conv.lhs_spatial.iter().all(|&axis| first(&channels, axis))
            && spatial.iter().all(|&axis| first(&results, axis));
        (small && is_first && images <= 1).then_some(ImageAxes { channels, results })
    }
}

/// Axes that follow each other; `None` if they do not, or there are none.
fn adjacent<'a>(axes: impl Iterator<Item = &'a usize>) -> Option<Range<usize>> {
    let axes: Axes = axes.copied().collect();
    let first = *axes.first()?;
    axes.iter().copied().eq(first..first + axes.len()).then(|| first..first + axes.len())
}

/// Taps first, then contracted axes, groups, and filters.
fn kernel_order(conv: &Conv, rhs: &Shape) -> Axes {
    let free = conv.rhs_free(rhs.rank());
    conv.rhs_spatial.iter().chain(&conv.rhs_contract).chain(&conv.rhs_batch).chain(&free).copied().collect()
}

/// A value with its axes in this order, and for each axis where it is then.
fn transposed(r: &mut Rewriter<'_>, value: Value, order: Axes) -> Result<(Value, Axes), BuildError> {
    let places = tensorwright_ir::op::primitive::inverse(&order);
    let value = if order.is_sorted() { value } else { r.build().transpose(value, order)? };
    Ok((value, places))
}

fn renumbered(axes: &[usize], places: &[usize]) -> ShortAxes {
    axes.iter().map(|&axis| places[axis]).collect()
}
