//! Choosing among boxes that overlap.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::{DType, Shape};

use crate::control::scan;
use crate::error::{Error, Result, caller};
use crate::tensor::Tensor;

/// How [`nms`] chooses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NmsOptions {
    /// The greatest share of their union that two chosen boxes may have in common; more, and the one with the lower score goes.
    pub iou_threshold: f64,
    /// Boxes whose score is not above this are not chosen.
    pub score_threshold: f64,
    /// How many boxes are chosen at most.
    pub most: usize,
    /// Soft suppression (Bodla et al. 2017): scores of boxes that overlap a chosen one are multiplied by `e^(-iou^2 / (2 sigma))`. 0 leaves them.
    pub sigma: f64,
}

impl Default for NmsOptions {
    /// A threshold of one half, any score, a hundred boxes, no soft suppression.
    fn default() -> NmsOptions {
        NmsOptions { iou_threshold: 0.5, score_threshold: f64::NEG_INFINITY, most: 100, sigma: 0.0 }
    }
}

/// What [`nms_within`] chose.
#[derive(Clone, Debug, crate::Tree)]
pub struct Chosen {
    /// Numbers of boxes, the highest score first, -1 behind the last: `i32[most]`.
    pub indices: Tensor,
    /// Their scores when they were chosen, 0 behind the last: `T[most]`.
    pub scores: Tensor,
    /// How many there are: `i64[]`.
    pub count: Tensor,
}

/// Non-maximum suppression: numbers of the boxes with the highest scores, without those that overlap a chosen one too much.
///
/// `T[n, 4], T[n] -> i32[k]`, floats; a box is two opposite corners, `y, x, y, x` or `x, y, x, y`. How many are chosen depends on the values: a traced function is cut here, as by
/// [`Tensor::nonzero`]; [`nms_within`] is for loops, branches and `vmap`.
///
/// # Errors
/// When the shapes or dtypes are others, or as [`Tensor::to_size`].
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::{NmsOptions, nms};
///
/// let boxes = Tensor::from([[0.0f32, 0.0, 2.0, 2.0], [0.0, 0.1, 2.0, 2.1], [5.0, 5.0, 6.0, 6.0]]);
/// let chosen = nms(&boxes, &Tensor::from([0.8f32, 0.9, 0.3]), NmsOptions::default())?;
/// assert_eq!(chosen.to_vec::<i32>()?, [1, 2]);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("non_max_suppression", "non_maximum_suppression"))]
#[track_caller]
pub fn nms(boxes: &Tensor, scores: &Tensor, options: NmsOptions) -> Result<Tensor> {
    let chosen = nms_within(boxes, scores, options)?;
    let count = chosen.count.to_size()?;
    Ok(chosen.indices.i(..count as i64))
}

/// As [`nms`], in `options.most` places.
///
/// # Errors
/// When the shapes or dtypes are others.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::{NmsOptions, nms_within};
///
/// let boxes = Tensor::from([[0.0f32, 0.0, 2.0, 2.0], [0.0, 0.1, 2.0, 2.1]]);
/// let options = NmsOptions { most: 2, ..NmsOptions::default() };
/// let chosen = nms_within(&boxes, &Tensor::from([0.8f32, 0.9]), options)?;
/// assert_eq!(chosen.indices.to_vec::<i32>()?, [1, -1]);
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn nms_within(boxes: &Tensor, scores: &Tensor, options: NmsOptions) -> Result<Chosen> {
    let (at, box_type, score_type) = (caller(), boxes.ty()?, scores.ty()?);
    let (count, dtype) = (score_type.shape.first().map_or(0, |dim| dim.size()), score_type.dtype);
    let fits = box_type.shape == Shape::from([count, 4]) && score_type.rank() == 1;
    if !fits || box_type.dtype != dtype || !dtype.is_float() {
        let reason = "there must be four floats for each box, and a score of the same dtype".to_owned();
        let types = [box_type.clone().into(), score_type.clone().into()];
        return Err(Error::refused(at, "nms", types, TypeError::Other(reason)));
    }
    if count == 0 || options.most == 0 {
        return Ok(Chosen {
            indices: Tensor::full([options.most], -1i32),
            scores: Tensor::zeros([options.most], dtype),
            count: Tensor::from(0i64),
        });
    }
    let corners = Corners::of(boxes);
    // What was chosen or suppressed has the score minus infinity.
    let above = scores.gt(options.score_threshold);
    let left = above.select(scores, f64::NEG_INFINITY);
    let (steps, numbers) = (Tensor::arange(options.most, DType::I32), Tensor::arange(count, DType::I32));
    let (_, (indices, kept)) = scan(left, steps, |left: Tensor, _step: Tensor| {
        let best = left.argmax(0).cast(DType::I32);
        let score = left.take(&best, 0);
        let overlap = corners.overlap_with(&best);
        let mut next = left.clone();
        if options.sigma > 0.0 {
            next = &next * (overlap.square() * (-0.5 / options.sigma)).exp();
            next = next.gt(options.score_threshold).select(&next, f64::NEG_INFINITY);
        }
        let gone = overlap.gt(options.iou_threshold).or(numbers.eq(&best));
        let next = gone.select(f64::NEG_INFINITY, next);
        let found = score.gt(f64::NEG_INFINITY);
        (next, (found.select(&best, -1), found.select(&score, 0.0)))
    })?;
    let count = indices.ge(0).cast(DType::I64).sum(..);
    Ok(Chosen { indices, scores: kept, count })
}

/// Boxes as their least and greatest coordinates, and their areas.
struct Corners {
    low: [Tensor; 2],
    high: [Tensor; 2],
    area: Tensor,
}

impl Corners {
    fn of(boxes: &Tensor) -> Corners {
        let column = |k: i64| boxes.i((.., k));
        let low = [0, 1].map(|k| column(k).minimum(column(k + 2)));
        let high = [0, 1].map(|k| column(k).maximum(column(k + 2)));
        let area = (&high[0] - &low[0]) * (&high[1] - &low[1]);
        Corners { low, high, area }
    }

    /// The intersection of each with one of them over the union; 0 if both are empty.
    fn overlap_with(&self, one: &Tensor) -> Tensor {
        let sides = [0, 1].map(|k| {
            let high = self.high[k].minimum(self.high[k].take(one, 0));
            (high - self.low[k].maximum(self.low[k].take(one, 0))).maximum(0.0)
        });
        let common = &sides[0] * &sides[1];
        let union = &self.area + self.area.take(one, 0) - &common;
        common.divide_no_nan(union)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One box after the other, as the definition says.
    fn plainly(boxes: &[[f64; 4]], scores: &[f64], options: NmsOptions) -> Vec<i32> {
        let area = |b: &[f64; 4]| (b[2] - b[0]) * (b[3] - b[1]);
        let overlap = |a: &[f64; 4], b: &[f64; 4]| {
            let side = |k: usize| (a[k + 2].min(b[k + 2]) - a[k].max(b[k])).max(0.0);
            let common = side(0) * side(1);
            common / (area(a) + area(b) - common)
        };
        let mut left = scores.to_vec();
        let mut chosen = Vec::new();
        while chosen.len() < options.most {
            let best = (0..left.len()).reduce(|a, b| if left[b] > left[a] { b } else { a }).expect("boxes");
            if left[best] <= options.score_threshold.max(f64::MIN) {
                break;
            }
            chosen.push(best as i32);
            left[best] = f64::NEG_INFINITY;
            for i in 0..left.len() {
                let iou = overlap(&boxes[i], &boxes[best]);
                if options.sigma > 0.0 {
                    left[i] *= (-0.5 * iou * iou / options.sigma).exp();
                }
                if iou > options.iou_threshold {
                    left[i] = f64::NEG_INFINITY;
                }
            }
        }
        chosen
    }

    #[test]
    fn agrees_with_the_definition() -> Result<()> {
        let mut random = tensorwright_ir::op::Random::new(3);
        for round in 0..40 {
            let count = 1 + random.below(30);
            let boxes: Vec<[f64; 4]> = (0..count)
                .map(|_| {
                    let (y, x) = (random.unit() * 4.0, random.unit() * 4.0);
                    [y, x, y + random.unit() * 3.0 + 0.1, x + random.unit() * 3.0 + 0.1]
                })
                .collect();
            let scores: Vec<f64> = (0..count).map(|_| random.unit()).collect();
            let options = NmsOptions {
                iou_threshold: [0.3, 0.5, 1.0][round % 3],
                score_threshold: [f64::NEG_INFINITY, 0.2][round % 2],
                most: [5, 40][round / 2 % 2],
                sigma: [0.0, 0.5][round / 4 % 2],
            };
            let (b, s) = (Tensor::from(boxes.as_slice()), Tensor::from(scores.as_slice()));
            let expected = plainly(&boxes, &scores, options);
            assert_eq!(nms(&b, &s, options)?.to_vec::<i32>()?, expected, "{options:?}");
            let f = crate::function(move |(b, s): (Tensor, Tensor)| nms(&b, &s, options));
            assert_eq!(f.call((&b, &s))?.to_vec::<i32>()?, expected, "{options:?}");
        }
        Ok(())
    }

    #[test]
    fn no_boxes_and_wrong_shapes() -> Result<()> {
        let none =
            nms(&Tensor::zeros([0, 4], DType::F32), &Tensor::zeros([0], DType::F32), NmsOptions::default())?;
        assert_eq!(none.shape()?, &[0].into());
        let wrong =
            nms(&Tensor::zeros([3, 4], DType::F32), &Tensor::zeros([2], DType::F32), NmsOptions::default());
        assert!(wrong.expect_err("three boxes, two scores").to_string().contains("nms"));
        Ok(())
    }
}
