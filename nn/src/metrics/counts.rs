//! How many predictions are true and false, positive and negative, for many thresholds.

use serde::{Deserialize, Serialize};
use tensorwright::{DType, Error, ReduceKind, Result, Tensor};

use crate::losses::same_rank;

/// What predictions above are positive: one threshold, or several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Thresholds {
    /// One.
    One(f64),
    /// Several.
    Several(Vec<f64>),
}

/// What stands for predictions that are not among the greatest.
const OUT: f64 = -1e10;

/// The thresholds, or the one that stands for none: 0.5, or what all that are among the greatest are above.
pub(super) fn thresholds(given: Option<&Thresholds>, top_k: Option<usize>) -> Result<Vec<f64>> {
    let list = match given {
        None => return Ok(vec![if top_k.is_some() { OUT } else { 0.5 }]),
        Some(Thresholds::One(one)) => vec![*one],
        Some(Thresholds::Several(several)) => several.clone(),
    };
    match list.iter().find(|threshold| !(0.0..=1.0).contains(*threshold)) {
        Some(outside) => Err(Error::other(format!("a threshold is from 0 to 1, not {outside}"))),
        None if list.is_empty() => Err(Error::other("there are no thresholds")),
        None => Ok(list),
    }
}

/// `count` thresholds at equal distances from 0 to 1.
pub(super) fn even(count: usize) -> Vec<f64> {
    (0..count).map(|i| i as f64 / (count - 1) as f64).collect()
}

/// How predictions are counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Counting<'r> {
    pub(super) thresholds: Vec<f64>,
    pub(super) top_k: Option<usize>,
    pub(super) class_id: Option<usize>,
    /// Whether labels, along the last axis, are counted apart.
    pub(super) by_label: bool,
    pub(super) label_weights: Option<&'r [f64]>,
}

/// Weighted counts by threshold, and by label if that is asked for.
pub(super) struct Counts {
    pub(super) true_positives: Tensor,
    pub(super) false_positives: Tensor,
    pub(super) true_negatives: Tensor,
    pub(super) false_negatives: Tensor,
}

impl Counting<'_> {
    /// Counts a batch.
    pub(super) fn count(
        &self,
        truth: &Tensor,
        prediction: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Counts> {
        let (prediction, truth) = same_rank(&prediction.cast(DType::F32), &truth.cast(DType::F32))?;
        let weights = weights.map(|weights| weights_like(weights, &truth)).transpose()?;
        let prediction = match self.top_k {
            Some(k) => best_only(&prediction, k)?,
            None => prediction,
        };
        let (truth, prediction) = match self.class_id {
            Some(class) => (one_class(&truth, class)?, one_class(&prediction, class)?),
            None => (truth, prediction),
        };
        let weights = self.all_weights(weights, &prediction)?;
        let labels = if self.by_label { prediction.extent(-1)? } else { 1 };
        let rows = [prediction.elements()? / labels.max(1), labels];
        let truth = truth.ne(0).reshape(rows);
        self.by_threshold(&truth, &prediction.reshape(rows), &weights.reshape(rows))
    }

    /// Weights of samples times those of labels, one for each prediction.
    fn all_weights(&self, weights: Option<Tensor>, prediction: &Tensor) -> Result<Tensor> {
        let weights = match weights {
            Some(weights) => weights.broadcast_to(prediction.shape()?),
            None => prediction.ones_like(),
        };
        match self.label_weights.filter(|_| !self.by_label) {
            Some(of_labels) => (weights * of_labels.to_vec()).ok(),
            None => weights.ok(),
        }
    }

    /// Counts of `[samples, labels]`: `[thresholds, labels]`, or `[thresholds]` of one label that is not asked for.
    fn by_threshold(&self, truth: &Tensor, prediction: &Tensor, weights: &Tensor) -> Result<Counts> {
        let of = |label: &Tensor| label.select(weights, 0.0);
        let (positive, negative) = (of(truth), of(&!truth));
        let flat = |counts: Tensor| if self.by_label { counts } else { counts.squeeze(-1) };
        // What is not above is added up for itself: less what is above of all would leave a rounding error where it is nothing.
        let [(tp, not_tp), (fp, not_fp)] = if is_even(&self.thresholds) {
            let buckets = Buckets::of(prediction, &self.thresholds)?;
            [buckets.parted(&positive), buckets.parted(&negative)]
        } else {
            let thresholds: Vec<f32> = self.thresholds.iter().map(|&threshold| threshold as f32).collect();
            let thresholds = Tensor::from(thresholds).expand_dims([1, 2]);
            let above = prediction.expand_dims(0).gt(thresholds);
            let sum = |part: &Tensor| {
                let part = part.expand_dims(0);
                (above.select(&part, 0.0).sum(1), above.select(0.0, &part).sum(1))
            };
            [sum(&positive), sum(&negative)]
        };
        Ok(Counts {
            true_negatives: flat(not_fp).ok()?,
            false_negatives: flat(not_tp).ok()?,
            true_positives: flat(tp).ok()?,
            false_positives: flat(fp).ok()?,
        })
    }
}

/// Weights with an axis at the end, as far as the labels have one.
fn weights_like(weights: &Tensor, truth: &Tensor) -> Result<Tensor> {
    let weights = weights.cast(DType::F32).expand_dims(-1).ok()?;
    if weights.rank()? == truth.rank()? + 1 { weights.squeeze(-1).ok() } else { Ok(weights) }
}

/// The `k` greatest predictions along the last axis; others are below all thresholds.
fn best_only(prediction: &Tensor, k: usize) -> Result<Tensor> {
    let classes = prediction.extent(-1)?;
    let (_, places) = prediction.top_k(k.min(classes), -1);
    let is_best = places.one_hot(classes, -1, DType::F32).sum(-2).gt(0);
    is_best.select(prediction, OUT).ok()
}

#[track_caller]
fn one_class(x: &Tensor, class: usize) -> Result<Tensor> {
    let (rank, classes) = (x.rank()?, if x.rank()? > 0 { x.extent(-1)? } else { 0 });
    if rank < 2 || class >= classes {
        return Err(Error::other(format!("there is no class {class} in {}", x.ty()?)));
    }
    let parts = x.split(-1, [class, 1, classes - class - 1]);
    parts[1].clone().ok()
}

/// Whether thresholds are at equal distances from about 0 to about 1.
fn is_even(thresholds: &[f64]) -> bool {
    let is_near = |(threshold, even): (&f64, f64)| (threshold - even).abs() <= 2e-7 + 1e-5 * even;
    thresholds.len() >= 3 && thresholds.iter().zip(even(thresholds.len())).all(is_near)
}

/// Predictions by the greatest of thresholds at equal distances that they are above: one pass instead of one for each threshold.
struct Buckets {
    /// The bucket of each prediction and label: 0 below all thresholds, else how many of these it is above.
    places: Tensor,
    thresholds: usize,
    labels: usize,
}

impl Buckets {
    fn of(prediction: &Tensor, thresholds: &[f64]) -> Result<Buckets> {
        let labels = prediction.extent(-1)?;
        let place = (prediction.clamp(0.0, 1.0) * (thresholds.len() - 1) as f64).ceil() - 1.0;
        // Where the first threshold is below 0, all predictions are above it.
        let first = if thresholds[0] < 0.0 { 1.0 } else { 0.0 };
        let label = Tensor::arange(labels, DType::I32);
        let places = (place + 1.0).maximum(first).cast(DType::I32) * labels as i32 + label;
        Ok(Buckets { places, thresholds: thresholds.len(), labels })
    }

    /// The sums of weights above each threshold, and of those that are not: `[thresholds, labels]` each.
    fn parted(&self, weights: &Tensor) -> (Tensor, Tensor) {
        let buckets = self.thresholds + 1;
        let sums = weights.reshape([-1]).segment_sum(self.places.reshape([-1]), buckets * self.labels);
        let sums = sums.reshape([buckets, self.labels]);
        let running = |part: Tensor, backwards| part.cumulative(ReduceKind::Sum, 0, false, backwards);
        (running(sums.i(1..), true), running(sums.i(..self.thresholds), false))
    }
}
