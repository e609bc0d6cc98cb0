//! How many predictions are right.

use tensorwright::{DType, Result, Tensor, TensorType};

use super::mean::means;
use super::{MetricRule, MetricSum};
use crate::config::{with_fields, without_fields};
use crate::losses::{paired, same_rank};

without_fields! {
    /// How many predictions are the truth.
    Accuracy;
    /// How often the greatest prediction is that of the true class, which is the greatest of a vector.
    CategoricalAccuracy;
    /// How often the greatest prediction is that of the true class, which is a number.
    SparseCategoricalAccuracy;
}

with_fields! {
    /// How many predictions are on the true side of a threshold.
    BinaryAccuracy {
        /// What is above is 1.
        threshold: f64 = 0.5,
    }
    /// How often the true class, the greatest of a vector, is among the `k` greatest predictions.
    TopKCategoricalAccuracy {
        /// How many predictions count.
        k: usize = 5,
    }
    /// How often the true class, a number, is among the `k` greatest predictions.
    SparseTopKCategoricalAccuracy {
        /// How many predictions count.
        k: usize = 5,
        /// Whether predictions are numbers of classes, the best first.
        from_sorted_ids: bool = false,
    }
}

means! {
    Accuracy = |_, truth, prediction| {
        let (truth, prediction) = paired(truth, prediction)?;
        Ok(truth.eq(prediction))
    };
    BinaryAccuracy = |rule, truth, prediction| {
        // Predictions stay what they are: as whole numbers all of them would lie below the threshold.
        let (truth, prediction) = same_rank(truth, prediction)?;
        Ok(prediction.gt(rule.threshold).cast(truth.dtype()?).eq(truth))
    };
    CategoricalAccuracy = |_, truth, prediction| Ok(truth.argmax(-1).eq(prediction.argmax(-1)));
    SparseCategoricalAccuracy = |_, truth, prediction| {
        Ok(classes(truth, prediction)?.eq(prediction.argmax(-1).cast(DType::I64)))
    };
    TopKCategoricalAccuracy = |rule, truth, prediction| among_best(&truth.argmax(-1), prediction, rule.k);
    SparseTopKCategoricalAccuracy = |rule, truth, prediction| {
        let truth = classes(truth, prediction)?;
        if !rule.from_sorted_ids {
            return among_best(&truth, prediction, rule.k);
        }
        let best = rule.k.min(prediction.extent(-1)?);
        let best = prediction.cast(DType::I64).split(-1, [best, prediction.extent(-1)? - best]);
        Ok(best[0].eq(truth.expand_dims(-1)).any(-1))
    };
}

/// Numbers of classes, without the axis of extent 1 where predictions have the classes.
fn classes(truth: &Tensor, prediction: &Tensor) -> Result<Tensor> {
    let truth = truth.cast(DType::I64).ok()?;
    let has_axis = truth.rank()? == prediction.rank()? && truth.extent(-1)? == 1;
    if has_axis { truth.squeeze(-1).ok() } else { Ok(truth) }
}

/// Whether each class is among the `k` greatest predictions.
fn among_best(truth: &Tensor, prediction: &Tensor, k: usize) -> Result<Tensor> {
    let of_truth = prediction.take_along_axis(truth.expand_dims(-1), -1);
    let better = prediction.gt(&of_truth).count_nonzero(-1);
    better.lt(Tensor::from(k as i64).cast(better.dtype()?)).and(of_truth.squeeze(-1).is_finite()).ok()
}
