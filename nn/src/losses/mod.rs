//! Losses: how far predictions are from the truth, by Keras 3's names and definitions.
//!
//! A [`LossFunction`] gives a value for each sample; a [`Loss`] weights these and makes one number of them.
//!
//! ```
//! use tensorwright::prelude::*;
//! use tensorwright::nn::losses::{Huber, Loss, Reduction};
//!
//! let (truth, prediction) = (Tensor::from([[0.0f32, 1.0], [2.0, 3.0]]), Tensor::from([[0.0f32, 1.5], [2.0, 7.0]]));
//! let loss = Loss::from(Huber { delta: 1.0 }).reduced(Reduction::None);
//! assert_eq!(loss.call(&truth, &prediction)?.to_vec::<f32>()?, [0.0625, 1.75]);
//! let mse: Loss = "mse".parse()?;
//! assert_eq!(mse.call(&truth, &prediction)?.item::<f32>()?, 4.0625);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod crossentropy;
mod ctc;
mod hinge;
mod overlap;
mod reduce;
mod regression;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::Value;
use tensorwright::{Result, Tensor};

pub use self::crossentropy::{
    BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy, CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy, ClassWeights, SparseCategoricalCrossentropy,
};
pub use self::ctc::Ctc;
pub use self::hinge::{CategoricalHinge, Hinge, SquaredHinge};
pub use self::overlap::{Circle, Dice, Tversky};
pub use self::reduce::Reduction;
pub(crate) use self::reduce::{masked_weights, same_rank};
pub(crate) use self::regression::cosine;
pub use self::regression::{
    CosineSimilarity, Huber, KlDivergence, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError,
    MeanSquaredError, MeanSquaredLogarithmicError, Poisson,
};
use crate::config::{ConfigError, Fields, family, row, row_of};

/// The least number that a probability is taken for, and 1 minus the greatest; what keeps divisors from 0.
pub(crate) const EPSILON: f64 = 1e-7;

/// A value for each sample.
pub trait LossFunction {
    /// The values, and which of them count.
    ///
    /// # Errors
    /// When a tensor carries an error, or the shapes do not fit.
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues>;
}

/// The values of samples, and which of them count.
#[derive(Clone, Debug)]
pub struct LossValues {
    /// One number for each sample.
    pub values: Tensor,
    /// Where it counts; everywhere if there is none.
    pub mask: Option<Tensor>,
}

impl From<Tensor> for LossValues {
    fn from(values: Tensor) -> LossValues {
        LossValues { values, mask: None }
    }
}

macro_rules! losses {
    ($($variant:ident: $class:literal $(| $alias:literal)*;)*) => {
        family! {
            /// One of the losses of Keras.
            LossKind as "loss" { $($variant: $class $(| $alias)*;)* }
        }

        impl LossFunction for LossKind {
            fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
                match self { $(LossKind::$variant(loss) => loss.values(truth, prediction),)* }
            }
        }
    };
}

losses! {
    MeanSquaredError: "MeanSquaredError" | "mse";
    MeanAbsoluteError: "MeanAbsoluteError" | "mae";
    MeanAbsolutePercentageError: "MeanAbsolutePercentageError" | "mape";
    MeanSquaredLogarithmicError: "MeanSquaredLogarithmicError" | "msle";
    CosineSimilarity: "CosineSimilarity";
    Huber: "Huber" | "huber_loss";
    LogCosh: "LogCosh";
    KlDivergence: "KLDivergence" | "kld" | "kullback_leibler_divergence";
    Poisson: "Poisson";
    Hinge: "Hinge";
    SquaredHinge: "SquaredHinge";
    CategoricalHinge: "CategoricalHinge";
    BinaryCrossentropy: "BinaryCrossentropy" | "bce";
    BinaryFocalCrossentropy: "BinaryFocalCrossentropy";
    CategoricalCrossentropy: "CategoricalCrossentropy";
    CategoricalFocalCrossentropy: "CategoricalFocalCrossentropy";
    SparseCategoricalCrossentropy: "SparseCategoricalCrossentropy";
    CategoricalGeneralizedCrossEntropy: "CategoricalGeneralizedCrossEntropy";
    Ctc: "CTC";
    Dice: "Dice";
    Tversky: "Tversky";
    Circle: "Circle";
}

/// What a closure says of each sample.
pub(crate) type Closure = Arc<dyn Fn(&Tensor, &Tensor) -> Result<Tensor> + Send + Sync>;

/// A loss with its reduction: one of Keras's, or a closure.
#[derive(Clone)]
pub struct Loss {
    function: Function,
    reduction: Reduction,
}

#[derive(Clone)]
enum Function {
    Known(LossKind),
    Closure { name: String, values: Closure },
}

impl<K: LossFunction> From<K> for Loss
where
    LossKind: From<K>,
{
    fn from(loss: K) -> Loss {
        Loss { function: Function::Known(loss.into()), reduction: Reduction::default() }
    }
}

impl Loss {
    /// A loss of one's own: a closure that gives a value for each sample.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::nn::losses::Loss;
    ///
    /// let cubic = Loss::of("cubic", |truth, prediction| (truth - prediction).abs().powi(3).mean(-1).ok());
    /// let loss = cubic.call(&Tensor::from([[1.0f32]]), &Tensor::from([[3.0f32]]))?;
    /// assert_eq!(loss.item::<f32>()?, 8.0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn of(
        name: &str,
        values: impl Fn(&Tensor, &Tensor) -> Result<Tensor> + Send + Sync + 'static,
    ) -> Loss {
        let function = Function::Closure { name: name.to_owned(), values: Arc::new(values) };
        Loss { function, reduction: Reduction::default() }
    }

    /// The same loss with another reduction.
    #[must_use]
    pub fn reduced(self, reduction: Reduction) -> Loss {
        Loss { reduction, ..self }
    }

    /// The class of Keras, or the name of the closure.
    pub fn name(&self) -> &str {
        match &self.function {
            Function::Known(kind) => kind.class_name(),
            Function::Closure { name, .. } => name,
        }
    }

    /// How values become one number.
    pub fn reduction(&self) -> Reduction {
        self.reduction
    }

    /// The loss of predictions, in their dtype: a scalar, or a value for each sample with [`Reduction::None`].
    ///
    /// # Errors
    /// When a tensor carries an error, or the shapes do not fit.
    #[track_caller]
    pub fn call(&self, truth: &Tensor, prediction: &Tensor) -> Result<Tensor> {
        self.call_weighted(truth, prediction, None, None)
    }

    /// The loss with a weight for each sample and a mask of the samples that count: both broadcast to the values of samples.
    ///
    /// # Errors
    /// When a tensor carries an error, or the shapes do not fit.
    #[track_caller]
    pub fn call_weighted(
        &self,
        truth: &Tensor,
        prediction: &Tensor,
        weights: Option<&Tensor>,
        mask: Option<&Tensor>,
    ) -> Result<Tensor> {
        let found = self.values(truth, prediction)?;
        let mask = match (mask, found.mask) {
            (Some(given), Some(found)) => Some(given.cast(tensorwright::DType::Bool).and(found)),
            (given, found) => given.cloned().or(found),
        };
        reduce::weighted(found.values, weights, mask.as_ref(), self.reduction)
    }

    /// The loss of this name, with these fields.
    ///
    /// # Errors
    /// As [`LossKind::from_config`].
    pub fn from_config(name: &str, mut fields: Fields) -> Result<Loss, ConfigError> {
        let reduction = match fields.remove("reduction") {
            None => Reduction::default(),
            Some(written) => serde_json::from_value(written).map_err(|source| ConfigError::Field {
                family: "loss",
                name: name.to_owned(),
                source,
            })?,
        };
        Ok(Loss { function: Function::Known(LossKind::from_config(name, fields)?), reduction })
    }

    /// The row of the loss.
    ///
    /// # Errors
    /// When it is a closure.
    pub fn to_config(&self) -> Result<Value, ConfigError> {
        let Function::Known(kind) = &self.function else {
            return Err(ConfigError::Closure { family: "loss", name: self.name().to_owned() });
        };
        let broken = |source| ConfigError::Field { family: "loss", name: self.name().to_owned(), source };
        let mut row = serde_json::to_value(kind).map_err(broken)?;
        row["config"]["reduction"] = serde_json::to_value(self.reduction).map_err(broken)?;
        Ok(row_of(self.name(), row["config"].take()))
    }
}

impl LossFunction for Loss {
    #[track_caller]
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        match &self.function {
            Function::Known(kind) => kind.values(truth, prediction),
            Function::Closure { values, .. } => values(truth, prediction).map(LossValues::from),
        }
    }
}

impl TryFrom<&Value> for Loss {
    type Error = ConfigError;

    fn try_from(value: &Value) -> Result<Loss, ConfigError> {
        let (name, fields) = row("loss", value)?;
        Loss::from_config(&name, fields)
    }
}

impl FromStr for Loss {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Loss, ConfigError> {
        Loss::from_config(name, Fields::new())
    }
}

impl fmt::Debug for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loss({}, {:?})", self.name(), self.reduction)
    }
}

/// The truth in the predictions' dtype, both of one rank.
pub(crate) fn paired(truth: &Tensor, prediction: &Tensor) -> Result<(Tensor, Tensor)> {
    same_rank(&truth.cast(prediction.dtype()?), prediction)
}
