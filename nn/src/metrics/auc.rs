//! The area under a curve of two rates, drawn by thresholds.

use serde::{Deserialize, Serialize};
use tensorwright::{Error, Result, Tensor, TensorType};

use super::confusion::{all_added, all_sums, share};
use super::counts::{Counting, even};
use super::{MetricRule, MetricSum};
use crate::config::with_fields;
use crate::losses::EPSILON;

/// Which curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Curve {
    /// Recall over the rate of false positives.
    #[default]
    #[serde(rename = "ROC", alias = "roc")]
    Roc,
    /// Precision over recall.
    #[serde(rename = "PR", alias = "pr")]
    PrecisionRecall,
    /// Gain in precision over gain in recall (Flach and Kull 2015).
    #[serde(rename = "PRGAIN", alias = "prgain")]
    Gain,
}

/// How the area between two points is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Summation {
    /// By the mean of both heights; under precision over recall by the curve that counts give between them (Davis and Goadrich 2006).
    #[default]
    #[serde(alias = "Interpolation")]
    Interpolation,
    /// By the lesser height.
    #[serde(alias = "Minoring")]
    Minoring,
    /// By the greater height.
    #[serde(alias = "Majoring")]
    Majoring,
}

with_fields! {
    /// The area under a curve of two rates, drawn by thresholds.
    Auc {
        /// How many thresholds at equal distances.
        num_thresholds: usize = 200,
        /// Which curve.
        curve: Curve = Curve::Roc,
        /// How the area between two points is taken.
        summation_method: Summation = Summation::Interpolation,
        /// Thresholds between 0 and 1 in place of those at equal distances.
        thresholds: Option<Vec<f64>> = None,
        /// Whether labels, along the last axis, have a curve each, whose areas are averaged.
        multi_label: bool = false,
        /// How many labels there are, if that is to be known before the first batch.
        num_labels: Option<usize> = None,
        /// The weights of labels.
        label_weights: Option<Vec<f64>> = None,
        /// Whether predictions are logits instead of probabilities.
        from_logits: bool = false,
    }
}

impl Auc {
    /// The thresholds, the first below 0 and the last above 1, so that nothing is on them.
    fn all_thresholds(&self) -> Result<Vec<f64>> {
        let mut all = match &self.thresholds {
            Some(given) => {
                let mut between = given.clone();
                between.sort_by(f64::total_cmp);
                [vec![0.0], between, vec![1.0]].concat()
            }
            None if self.num_thresholds > 1 => even(self.num_thresholds),
            None => {
                return Err(Error::other(format!("an area under {} thresholds", self.num_thresholds)));
            }
        };
        let last = all.len() - 1;
        (all[0], all[last]) = (-EPSILON, 1.0 + EPSILON);
        Ok(all)
    }
}

impl MetricRule for Auc {
    fn sums(&self, prediction: Option<&TensorType>) -> Result<Vec<MetricSum>> {
        let count = self.all_thresholds()?.len();
        if !self.multi_label {
            return Ok(all_sums(&[count]));
        }
        let found = prediction.filter(|ty| ty.rank() == 2).map(|ty| ty.shape.size(1));
        let labels = self.num_labels.or(found).ok_or_else(|| {
            Error::other(
                "an area by label takes predictions [samples, labels], and how many labels is not known yet",
            )
        })?;
        Ok(all_sums(&[count, labels]))
    }

    fn update(
        &self,
        sums: &[Tensor],
        truth: &Tensor,
        prediction: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        let prediction = if self.from_logits { prediction.logistic() } else { prediction.clone() };
        let counting = Counting {
            thresholds: self.all_thresholds()?,
            by_label: self.multi_label,
            label_weights: self.label_weights.as_deref(),
            ..Counting::default()
        };
        all_added(sums, counting.count(truth, &prediction, weights)?)
    }

    fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
        let between = match (self.curve, self.summation_method) {
            (Curve::PrecisionRecall, Summation::Interpolation) => interpolated(sums),
            _ => self.between(sums),
        };
        let areas = between.sum(0);
        match &self.label_weights {
            Some(weights) if self.multi_label => {
                let weights = areas.zeros_like() + weights.clone();
                (areas * &weights).sum(..).divide_no_nan(weights.sum(..)).ok()
            }
            _ => areas.mean(..).ok(),
        }
    }
}

impl Auc {
    /// The areas between neighbouring points.
    fn between(&self, sums: &[Tensor]) -> Tensor {
        let (x, y) = self.points(sums);
        let (left, right) = neighbours(&y);
        let height = match self.summation_method {
            Summation::Interpolation => (left + right) / 2.0,
            Summation::Minoring => left.minimum(right),
            Summation::Majoring => left.maximum(right),
        };
        let (from, to) = neighbours(&x);
        (from - to) * height
    }

    fn points(&self, sums: &[Tensor]) -> (Tensor, Tensor) {
        let [tp, fp, tn, missed] = [&sums[0], &sums[1], &sums[2], &sums[3]];
        let recall = share(tp, missed);
        match self.curve {
            Curve::Roc => (share(fp, tn), recall),
            Curve::PrecisionRecall => (recall, share(tp, fp)),
            Curve::Gain => {
                let odds = (tp + missed).divide_no_nan(tn + fp);
                let gain = |wrong: &Tensor| 1.0 - &odds * wrong.divide_no_nan(tp);
                let of = |gain: Tensor, at_none: f64| tp.eq(0).select(gain.full_like(at_none), gain);
                (of(gain(missed), 0.0).maximum(0.0), of(gain(fp), 1.0))
            }
        }
    }
}

/// All points but the last, and all but the first.
fn neighbours(x: &Tensor) -> (Tensor, Tensor) {
    (x.i(..-1), x.i(1..))
}

/// Areas under precision over recall where counts between two thresholds go evenly.
fn interpolated(sums: &[Tensor]) -> Tensor {
    let (tp, next_tp) = neighbours(&sums[0]);
    let (p, next_p) = neighbours(&(&sums[0] + &sums[1]));
    let (_, next_missed) = neighbours(&sums[3]);
    let gained = tp - &next_tp;
    let slope = gained.divide_no_nan((&p - &next_p).maximum(0.0));
    let intercept = &next_tp - &slope * &next_p;
    let both = p.gt(0).and(next_p.gt(0));
    let ratio = both.select(p.divide_no_nan(next_p.maximum(0.0)), p.ones_like());
    (slope * (gained + intercept * ratio.log())).divide_no_nan((next_tp + next_missed).maximum(0.0))
}
