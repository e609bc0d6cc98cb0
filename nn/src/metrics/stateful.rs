//! A metric with its sums in variables.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tensorwright::module::Path;
use tensorwright::{DType, Module, Result, Tensor, TensorType, Variable};

use super::mean::{mean_of, mean_result, mean_sums};
use super::{MetricKind, MetricRule, MetricSum};
use crate::config::{ConfigError, snake_case};
use crate::losses::masked_weights;

/// A metric with its sums in variables: one of Keras's, or the mean of a closure's values.
///
/// The variables are made by [`Metric::build`], or by the first use outside of a trace.
pub struct Metric {
    name: String,
    rule: Kind,
    sums: OnceLock<Vec<(&'static str, Variable)>>,
}

enum Kind {
    Known(Box<MetricKind>),
    Closure(MeanOfClosure),
}

/// The mean of what a closure says of each sample.
struct MeanOfClosure {
    values: crate::losses::Closure,
}

impl<K: Into<MetricKind>> From<K> for Metric {
    fn from(kind: K) -> Metric {
        let kind = kind.into();
        let name = match kind.class_name() {
            "LogCoshError" => "logcosh".to_owned(),
            "FBetaScore" => "fbeta_score".to_owned(),
            class => snake_case(class),
        };
        Metric { name, rule: Kind::Known(Box::new(kind)), sums: OnceLock::new() }
    }
}

impl Metric {
    /// A metric of one's own: the mean of what a closure says of each sample.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::nn::metrics::Metric;
    ///
    /// let bias = Metric::of("bias", |truth, prediction| (prediction - truth).ok());
    /// bias.update(&Tensor::from([1.0f32, 2.0]), &Tensor::from([2.0f32, 5.0]), None)?;
    /// assert_eq!(bias.result()?.item::<f32>()?, 2.0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn of(
        name: &str,
        values: impl Fn(&Tensor, &Tensor) -> Result<Tensor> + Send + Sync + 'static,
    ) -> Metric {
        let rule = Kind::Closure(MeanOfClosure { values: Arc::new(values) });
        Metric { name: name.to_owned(), rule, sums: OnceLock::new() }
    }

    /// The same metric under another name.
    #[must_use]
    pub fn named(self, name: &str) -> Metric {
        Metric { name: name.to_owned(), ..self }
    }

    /// The name, for histories: the class in lower case, if nothing else was said.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn rule(&self) -> &dyn MetricRule {
        match &self.rule {
            Kind::Known(kind) => kind.rule(),
            Kind::Closure(closure) => closure,
        }
    }

    /// Makes the variables, for predictions of this type, if they are not there yet.
    ///
    /// # Errors
    /// In a traced function, or when the metric takes no such predictions.
    #[track_caller]
    pub fn build(&self, prediction: &TensorType) -> Result<()> {
        self.sums(Some(prediction)).map(|_| ())
    }

    #[track_caller]
    fn sums(&self, prediction: Option<&TensorType>) -> Result<&[(&'static str, Variable)]> {
        if let Some(sums) = self.sums.get() {
            return Ok(sums);
        }
        let variable = |sum: MetricSum| {
            let zeros = Tensor::zeros(sum.ty.shape.clone(), sum.ty.dtype);
            Ok((sum.name, Variable::named(sum.name, zeros)?.frozen()))
        };
        let made = self.rule().sums(prediction)?.into_iter().map(variable).collect::<Result<Vec<_>>>()?;
        Ok(self.sums.get_or_init(|| made))
    }

    /// Adds a batch, which may have a weight for each sample.
    ///
    /// # Errors
    /// When a tensor carries an error or the shapes do not fit; in a traced function, when the metric is not built.
    #[track_caller]
    pub fn update(&self, truth: &Tensor, prediction: &Tensor, weights: Option<&Tensor>) -> Result<()> {
        self.update_masked(truth, prediction, weights, None)
    }

    /// Adds the samples of a batch where the mask is true.
    ///
    /// # Errors
    /// As [`Metric::update`].
    #[track_caller]
    pub fn update_masked(
        &self,
        truth: &Tensor,
        prediction: &Tensor,
        weights: Option<&Tensor>,
        mask: Option<&Tensor>,
    ) -> Result<()> {
        let sums = self.sums(Some(prediction.ty()?))?;
        let weights = match mask {
            None => weights.cloned(),
            Some(_) => masked_weights(weights, mask, DType::F32, false)?,
        };
        let values: Vec<Tensor> = sums.iter().map(|(_, sum)| sum.value()).collect();
        let new = self.rule().update(&values, truth, prediction, weights.as_ref())?;
        sums.iter().zip(new).try_for_each(|((_, sum), new)| sum.assign(new))
    }

    /// Adds values that are none of predictions, to a mean or a sum.
    ///
    /// # Errors
    /// As [`Metric::update`].
    #[track_caller]
    pub fn update_values(&self, values: &Tensor, weights: Option<&Tensor>) -> Result<()> {
        self.update(values, values, weights)
    }

    /// What all batches since the last reset say.
    ///
    /// # Errors
    /// When the sums depend on the predictions' type and there were none.
    #[track_caller]
    pub fn result(&self) -> Result<Tensor> {
        let values: Vec<Tensor> = self.sums(None)?.iter().map(|(_, sum)| sum.value()).collect();
        self.rule().result(&values)
    }

    /// Forgets all batches.
    ///
    /// # Errors
    /// In a traced function, as [`Variable::assign`].
    #[track_caller]
    pub fn reset(&self) -> Result<()> {
        let sums = self.sums.get().map_or(&[][..], Vec::as_slice);
        sums.iter().try_for_each(|(_, sum)| sum.assign(Tensor::zeros(sum.ty().shape.clone(), sum.ty().dtype)))
    }

    /// The row of the metric.
    ///
    /// # Errors
    /// When it is a closure.
    pub fn to_config(&self) -> Result<Value, ConfigError> {
        let name = self.name.clone();
        match &self.rule {
            Kind::Known(kind) => serde_json::to_value(kind).map_err(|source| ConfigError::Field {
                family: "metric",
                name,
                source,
            }),
            Kind::Closure(_) => Err(ConfigError::Closure { family: "metric", name }),
        }
    }
}

impl MetricRule for MeanOfClosure {
    fn sums(&self, _: Option<&TensorType>) -> Result<Vec<MetricSum>> {
        Ok(mean_sums())
    }

    fn update(
        &self,
        sums: &[Tensor],
        truth: &Tensor,
        prediction: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        mean_of(sums, &(self.values)(truth, prediction)?, weights)
    }

    fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
        mean_result(sums)
    }
}

/// The variables of the sums, if they are made.
impl Module for Metric {
    fn visit_variables(&self, path: &mut Path, visit: &mut dyn FnMut(&str, &Variable)) {
        for (name, variable) in self.sums.get().into_iter().flatten() {
            path.within(name, |path| variable.visit_variables(path, visit));
        }
    }
}

impl TryFrom<&Value> for Metric {
    type Error = ConfigError;

    fn try_from(row: &Value) -> Result<Metric, ConfigError> {
        MetricKind::try_from(row).map(Metric::from)
    }
}

impl FromStr for Metric {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Metric, ConfigError> {
        name.parse::<MetricKind>().map(Metric::from)
    }
}

impl fmt::Debug for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metric({})", self.name)
    }
}
