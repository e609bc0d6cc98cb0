//! Metrics: what is known of predictions after many batches, by Keras 3's names and definitions.
//!
//! A [`MetricRule`] is a pure function: from what it added up and one batch to new sums, and from sums to a result. A [`Metric`] holds the sums in
//! variables, so that it is updated inside the compiled step of training or evaluation.
//!
//! ```
//! use tensorwright::prelude::*;
//! use tensorwright::nn::metrics::{Metric, Precision};
//!
//! let precision = Metric::from(Precision::default());
//! precision.update(&Tensor::from([0.0f32, 1.0, 1.0]), &Tensor::from([0.9f32, 0.8, 0.2]), None)?;
//! assert_eq!(precision.result()?.item::<f32>()?, 0.5);
//! precision.update(&Tensor::from([1.0f32, 1.0]), &Tensor::from([0.6f32, 0.7]), None)?;
//! assert_eq!(precision.result()?.item::<f32>()?, 0.75);
//! # Ok::<(), Error>(())
//! ```

mod accuracy;
mod auc;
mod confusion;
mod counts;
mod iou;
mod matrix;
mod mean;
mod regression;
mod score;
mod stateful;

use serde_json::Value;
use tensorwright::{DType, Result, Shape, Tensor, TensorType};

pub use self::accuracy::{
    Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
};
pub use self::auc::{Auc, Curve, Summation};
pub use self::confusion::{
    FalseNegatives, FalsePositives, Precision, PrecisionAtRecall, Recall, RecallAtPrecision,
    SensitivityAtSpecificity, SpecificityAtSensitivity, TrueNegatives, TruePositives,
};
pub use self::counts::Thresholds;
pub use self::iou::{BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU};
pub use self::matrix::ConfusionMatrix;
pub use self::mean::{Mean, Sum};
pub use self::regression::{
    ConcordanceCorrelation, MeanCosine, PearsonCorrelation, R2Aggregation, R2Score, RootMeanSquaredError,
};
pub use self::score::{Average, F1Score, FBetaScore};
pub use self::stateful::Metric;
use crate::config::family;
use crate::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge, Hinge, KlDivergence, LogCosh,
    MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson,
    SparseCategoricalCrossentropy, SquaredHinge,
};

/// What is added up over batches, and what becomes of it.
pub trait MetricRule {
    /// What is added up; 0 at first.
    ///
    /// # Errors
    /// When the settings say nothing, or the sums depend on the predictions' type and there is none.
    fn sums(&self, prediction: Option<&TensorType>) -> Result<Vec<MetricSum>>;

    /// The sums with one batch, which may have a weight for each sample.
    ///
    /// # Errors
    /// When a tensor carries an error, or the shapes do not fit.
    fn update(
        &self,
        sums: &[Tensor],
        truth: &Tensor,
        prediction: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Vec<Tensor>>;

    /// What the sums say.
    ///
    /// # Errors
    /// When a tensor carries an error.
    fn result(&self, sums: &[Tensor]) -> Result<Tensor>;
}

/// A tensor that is added up.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSum {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: TensorType,
}

impl MetricSum {
    /// Sums of this shape, in f32.
    pub fn of(name: &'static str, shape: impl Into<Shape>) -> MetricSum {
        MetricSum { name, ty: TensorType::new(DType::F32, shape) }
    }
}

macro_rules! metrics {
    ($($variant:ident: $class:literal $(| $alias:literal)*;)*) => {
        family! {
            /// One of the metrics of Keras, or a confusion matrix.
            MetricKind as "metric" { $($variant: $class $(| $alias)*;)* }
        }

        impl MetricKind {
            /// The rule.
            pub fn rule(&self) -> &dyn MetricRule {
                match self { $(MetricKind::$variant(rule) => rule,)* }
            }
        }
    };
}

metrics! {
    Mean: "Mean";
    Sum: "Sum";
    Accuracy: "Accuracy";
    BinaryAccuracy: "BinaryAccuracy";
    CategoricalAccuracy: "CategoricalAccuracy";
    SparseCategoricalAccuracy: "SparseCategoricalAccuracy";
    TopKCategoricalAccuracy: "TopKCategoricalAccuracy";
    SparseTopKCategoricalAccuracy: "SparseTopKCategoricalAccuracy";
    BinaryCrossentropy: "BinaryCrossentropy" | "bce";
    CategoricalCrossentropy: "CategoricalCrossentropy";
    SparseCategoricalCrossentropy: "SparseCategoricalCrossentropy";
    KlDivergence: "KLDivergence" | "kld";
    Poisson: "Poisson";
    Hinge: "Hinge";
    SquaredHinge: "SquaredHinge";
    CategoricalHinge: "CategoricalHinge";
    MeanSquaredError: "MeanSquaredError" | "mse";
    RootMeanSquaredError: "RootMeanSquaredError" | "rmse";
    MeanAbsoluteError: "MeanAbsoluteError" | "mae";
    MeanAbsolutePercentageError: "MeanAbsolutePercentageError" | "mape";
    MeanSquaredLogarithmicError: "MeanSquaredLogarithmicError" | "msle";
    LogCosh: "LogCoshError" | "logcosh";
    MeanCosine: "CosineSimilarity";
    PearsonCorrelation: "PearsonCorrelation";
    ConcordanceCorrelation: "ConcordanceCorrelation";
    R2Score: "R2Score";
    TruePositives: "TruePositives";
    FalsePositives: "FalsePositives";
    TrueNegatives: "TrueNegatives";
    FalseNegatives: "FalseNegatives";
    Precision: "Precision";
    Recall: "Recall";
    SensitivityAtSpecificity: "SensitivityAtSpecificity";
    SpecificityAtSensitivity: "SpecificityAtSensitivity";
    PrecisionAtRecall: "PrecisionAtRecall";
    RecallAtPrecision: "RecallAtPrecision";
    Auc: "AUC";
    F1Score: "F1Score";
    FBetaScore: "FBetaScore";
    IoU: "IoU";
    MeanIoU: "MeanIoU";
    BinaryIoU: "BinaryIoU";
    OneHotIoU: "OneHotIoU";
    OneHotMeanIoU: "OneHotMeanIoU";
    ConfusionMatrix: "ConfusionMatrix";
}

impl MetricKind {
    /// The metric that a name stands for with such truths and predictions: `accuracy` and `crossentropy` are of two classes where
    /// the predictions' last axis has extent 1, of numbers of classes where truths lack the predictions' last axis or have extent 1 there, and of vectors
    /// else.
    ///
    /// # Errors
    /// As [`MetricKind::from_config`].
    pub fn resolved(
        row: &Value,
        truth: &TensorType,
        prediction: &TensorType,
    ) -> Result<MetricKind, crate::config::ConfigError> {
        let last = |ty: &TensorType| ty.shape.sizes().last().copied();
        let is_binary = last(prediction) == Some(1);
        let is_sparse = truth.rank() < prediction.rank() || last(truth) == Some(1);
        let class = match (row.as_str().unwrap_or_default(), is_binary, is_sparse) {
            ("accuracy" | "acc", true, _) => "binary_accuracy",
            ("accuracy" | "acc", false, true) => "sparse_categorical_accuracy",
            ("accuracy" | "acc", false, false) => "categorical_accuracy",
            ("crossentropy" | "ce", true, _) => "binary_crossentropy",
            ("crossentropy" | "ce", false, true) => "sparse_categorical_crossentropy",
            ("crossentropy" | "ce", false, false) => "categorical_crossentropy",
            _ => return MetricKind::try_from(row),
        };
        class.parse()
    }
}
