//! Metrics of true and false, positive and negative predictions.

use serde::{Deserialize, Serialize};
use tensorwright::{Error, Result, Tensor, TensorType};

use super::counts::{Counting, Counts, Thresholds, even, thresholds};
use super::{MetricRule, MetricSum};
use crate::config::with_fields;

/// Declares metrics that count predictions of one sort.
macro_rules! sorts {
    ($($(#[$meta:meta])* $name:ident $count:ident;)*) => {$(
        with_fields! {
            $(#[$meta])*
            $name {
                /// What is above is positive; 0.5 if nothing is said.
                thresholds: Option<Thresholds> = None,
            }
        }

        impl MetricRule for $name {
            fn sums(&self, _: Option<&TensorType>) -> Result<Vec<MetricSum>> {
                Ok(vec![MetricSum::of("accumulator", [thresholds(self.thresholds.as_ref(), None)?.len()])])
            }

            fn update(&self, sums: &[Tensor], truth: &Tensor, prediction: &Tensor, weights: Option<&Tensor>) -> Result<Vec<Tensor>> {
                let thresholds = thresholds(self.thresholds.as_ref(), None)?;
                let counts = Counting { thresholds, ..Counting::default() }.count(truth, prediction, weights)?;
                Ok(vec![(&sums[0] + counts.$count).ok()?])
            }

            fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
                only(sums[0].clone())
            }
        }
    )*};
}

sorts! {
    /// How many predictions are rightly above a threshold.
    TruePositives true_positives;
    /// How many predictions are wrongly above a threshold.
    FalsePositives false_positives;
    /// How many predictions are rightly below a threshold.
    TrueNegatives true_negatives;
    /// How many predictions are wrongly below a threshold.
    FalseNegatives false_negatives;
}

/// The one element of a vector of one, else the vector.
fn only(x: Tensor) -> Result<Tensor> {
    if x.elements()? == 1 { x.squeeze(0).ok() } else { x.ok() }
}

/// Declares how many of some predictions are right.
macro_rules! shares {
    ($($(#[$meta:meta])* $name:ident $wrong:ident $wrong_name:literal;)*) => {$(
        with_fields! {
            $(#[$meta])*
            $name {
                /// What is above is positive; 0.5 if nothing is said, and all with `top_k`.
                thresholds: Option<Thresholds> = None,
                /// Only so many of the greatest predictions of a sample can be positive.
                top_k: Option<usize> = None,
                /// The class that counts, if it is one alone.
                class_id: Option<usize> = None,
            }
        }

        impl MetricRule for $name {
            fn sums(&self, _: Option<&TensorType>) -> Result<Vec<MetricSum>> {
                let count = thresholds(self.thresholds.as_ref(), self.top_k)?.len();
                Ok(["true_positives", $wrong_name].map(|name| MetricSum::of(name, [count])).into())
            }

            fn update(&self, sums: &[Tensor], truth: &Tensor, prediction: &Tensor, weights: Option<&Tensor>) -> Result<Vec<Tensor>> {
                let thresholds = thresholds(self.thresholds.as_ref(), self.top_k)?;
                let counting = Counting { thresholds, top_k: self.top_k, class_id: self.class_id, ..Counting::default() };
                let counts = counting.count(truth, prediction, weights)?;
                Ok(vec![(&sums[0] + counts.true_positives).ok()?, (&sums[1] + counts.$wrong).ok()?])
            }

            fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
                only(share(&sums[0], &sums[1]))
            }
        }
    )*};
}

shares! {
    /// How many of the predictions above a threshold are right.
    Precision false_positives "false_positives";
    /// How many of the true labels are predicted above a threshold.
    Recall false_negatives "false_negatives";
}

/// `x / (x + others)`, and 0 of nothing.
pub(super) fn share(x: &Tensor, others: &Tensor) -> Tensor {
    x.divide_no_nan(x + others)
}

/// The sums of all four sorts.
pub(super) fn all_sums(shape: &[usize]) -> Vec<MetricSum> {
    let names = ["true_positives", "false_positives", "true_negatives", "false_negatives"];
    names.map(|name| MetricSum::of(name, shape.iter().copied().collect::<tensorwright::Shape>())).into()
}

/// The sums of all four sorts with the counts of a batch.
pub(super) fn all_added(sums: &[Tensor], counts: Counts) -> Result<Vec<Tensor>> {
    let Counts { true_positives, false_positives, true_negatives, false_negatives } = counts;
    let new = [true_positives, false_positives, true_negatives, false_negatives];
    sums.iter().zip(new).map(|(sum, new)| (sum + new).ok()).collect()
}

/// Declares the best of one rate at thresholds where another is good enough.
macro_rules! bests {
    ($($(#[$meta:meta])* $name:ident $bound:ident $of_bound:ident $of_result:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The least that the other rate is to be, from 0 to 1.
            pub $bound: f64,
            /// How many thresholds at equal distances are tried.
            #[serde(default = "many")]
            pub num_thresholds: usize,
            /// The class that counts, if it is one alone.
            #[serde(default)]
            pub class_id: Option<usize>,
        }

        impl $name {
            /// The metric with this bound, and 200 thresholds.
            pub fn new($bound: f64) -> $name {
                $name { $bound, num_thresholds: many(), class_id: None }
            }
        }

        impl MetricRule for $name {
            fn sums(&self, _: Option<&TensorType>) -> Result<Vec<MetricSum>> {
                if !(0.0..=1.0).contains(&self.$bound) {
                    let name = stringify!($bound);
                    return Err(Error::other(format!("`{name}` is from 0 to 1, not {}", self.$bound)));
                }
                Ok(all_sums(&[tried(self.num_thresholds)?.len()]))
            }

            fn update(&self, sums: &[Tensor], truth: &Tensor, prediction: &Tensor, weights: Option<&Tensor>) -> Result<Vec<Tensor>> {
                let thresholds = tried(self.num_thresholds)?;
                let counting = Counting { thresholds, class_id: self.class_id, ..Counting::default() };
                all_added(sums, counting.count(truth, prediction, weights)?)
            }

            fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
                let is_good = $of_bound(sums).ge(self.$bound);
                is_good.select($of_result(sums), 0.0).max(..).ok()
            }
        }
    )*};
}

bests! {
    /// The greatest sensitivity where the specificity is good enough.
    SensitivityAtSpecificity specificity specificity sensitivity;
    /// The greatest specificity where the sensitivity is good enough.
    SpecificityAtSensitivity sensitivity sensitivity specificity;
    /// The greatest precision where the recall is good enough.
    PrecisionAtRecall recall sensitivity precision;
    /// The greatest recall where the precision is good enough.
    RecallAtPrecision precision precision sensitivity;
}

fn many() -> usize {
    200
}

#[track_caller]
fn tried(count: usize) -> Result<Vec<f64>> {
    match count {
        0 => Err(Error::other("a metric of 0 thresholds")),
        1 => Ok(vec![0.5]),
        more => Ok(even(more)),
    }
}

fn sensitivity(sums: &[Tensor]) -> Tensor {
    share(&sums[0], &sums[3])
}

fn specificity(sums: &[Tensor]) -> Tensor {
    share(&sums[2], &sums[1])
}

fn precision(sums: &[Tensor]) -> Tensor {
    share(&sums[0], &sums[1])
}
