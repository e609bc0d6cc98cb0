//! Normalisation over a batch.

use tensorwright::{Result, Tensor, Variable, keep};

use super::widened;
use crate::{
    Constraint, Initializer, Inputs, Layer, Outputs, Regularizer, Scope, WeightSpec, initializers, layer,
};

layer! {
    /// Each channel less its mean, divided by its standard deviation (Ioffe and Szegedy 2015): in training of the batch, else of the averages that
    /// training keeps; perhaps with the corrections of batch renormalisation (Ioffe 2017).
    pub struct BatchNormalization() {
        /// The axis of channels.
        axis: i64 = -1,
        /// How much of the averages stays in a step.
        momentum: f64 = 0.99,
        /// Added to the variance.
        epsilon: f64 = 1e-3,
        /// Whether an offset is learnt.
        center: bool = true,
        /// Whether a factor is learnt.
        scale: bool = true,
        /// The offset before training.
        beta_initializer: Initializer = initializers::Zeros.into(),
        /// The factor before training.
        gamma_initializer: Initializer = initializers::Ones.into(),
        /// The average of means before training.
        moving_mean_initializer: Initializer = initializers::Zeros.into(),
        /// The average of variances before training.
        moving_variance_initializer: Initializer = initializers::Ones.into(),
        /// What the offset adds to the loss.
        beta_regularizer: Option<Regularizer> = None,
        /// What the factor adds to the loss.
        gamma_regularizer: Option<Regularizer> = None,
        /// What is done to the offset after each step.
        beta_constraint: Option<Constraint> = None,
        /// What is done to the factor after each step.
        gamma_constraint: Option<Constraint> = None,
        /// Whether training corrects the statistics of the batch towards the averages.
        renorm: bool = false,
        /// The bounds of the corrections: `rmin`, `rmax`, `dmax`.
        renorm_clipping: Option<serde_json::Value> = None,
        /// How much of the averages that corrections are made by stays in a step.
        renorm_momentum: f64 = 0.99,
    }
}

/// The variables of the averages.
struct Averages {
    mean: Variable,
    variance: Variable,
    renorm: Option<[Variable; 3]>,
}

/// What is normalised with.
struct Statistics {
    mean: Tensor,
    variance: Tensor,
    gamma: Option<Tensor>,
    beta: Option<Tensor>,
}

impl Layer for BatchNormalization {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let given = inputs.tensor()?;
        let rank = given.rank()?;
        let axis = if self.axis < 0 { self.axis + rank as i64 } else { self.axis };
        let axis = usize::try_from(axis).ok().filter(|&axis| axis < rank);
        let axis = axis.ok_or_else(|| scope.refuse(format!("there is no axis {} of {rank}", self.axis)))?;
        let x = widened(given.clone())?;
        let channels = x.extent(axis)?;
        let gamma = self.scale.then(|| {
            let spec = self.gamma_initializer.spec(&self.gamma_regularizer, &self.gamma_constraint);
            scope.variable("gamma", [channels], spec)
        });
        let beta = self.center.then(|| {
            let spec = self.beta_initializer.spec(&self.beta_regularizer, &self.beta_constraint);
            scope.variable("beta", [channels], spec)
        });
        let (gamma, beta) = (gamma.transpose()?, beta.transpose()?);
        let averages = self.averages(channels, scope)?;
        let dtype = x.dtype()?;
        let value = |variable: &Variable| variable.value().cast(dtype);
        let (gamma, beta) = (gamma.as_ref().map(value), beta.as_ref().map(value));
        let statistics = if scope.is_training() && scope.is_trainable() {
            self.learnt(&x, axis, inputs.mask(), &averages, (gamma, beta))?
        } else {
            Statistics { mean: value(&averages.mean), variance: value(&averages.variance), gamma, beta }
        };
        let y = self.normalized(&x, axis, &statistics)?;
        Ok(inputs.masked_like(y.cast(given.dtype()?)))
    }
}

impl BatchNormalization {
    fn averages(&self, channels: usize, scope: &Scope<'_>) -> Result<Averages> {
        let kept = |name: &str, initializer: &Initializer| {
            scope.variable(name, [channels], WeightSpec::from(initializer).frozen())
        };
        let mean = kept("moving_mean", &self.moving_mean_initializer)?;
        let variance = kept("moving_variance", &self.moving_variance_initializer)?;
        let renorm = self.renorm.then(|| {
            Ok::<_, tensorwright::Error>([
                kept("moving_stddev", &self.moving_variance_initializer)?,
                kept("renorm_mean", &self.moving_mean_initializer)?,
                kept("renorm_stddev", &self.moving_variance_initializer)?,
            ])
        });
        Ok(Averages { mean, variance, renorm: renorm.transpose()? })
    }

    /// The statistics of the batch, which also go into the averages.
    fn learnt(
        &self,
        x: &Tensor,
        axis: usize,
        mask: Option<Tensor>,
        averages: &Averages,
        (gamma, beta): (Option<Tensor>, Option<Tensor>),
    ) -> Result<Statistics> {
        let (mean, variance) = moments(x, axis, mask)?;
        let Some(renorm) = &averages.renorm else {
            blend(&averages.mean, &mean, self.momentum)?;
            blend(&averages.variance, &variance, self.momentum)?;
            return Ok(Statistics { mean, variance, gamma, beta });
        };
        let [moving_deviation, renorm_mean, renorm_deviation] = renorm;
        let deviation = (&variance + self.epsilon).sqrt();
        let (r, d) = self.corrections(&mean, &deviation, renorm_mean, renorm_deviation)?;
        blend(renorm_mean, &mean, self.renorm_momentum)?;
        blend(renorm_deviation, &deviation, self.renorm_momentum)?;
        blend(&averages.mean, &mean, self.momentum)?;
        blend(moving_deviation, &deviation, self.momentum)?;
        averages.variance.assign((moving_deviation.value().square() - self.epsilon).relu())?;
        let offset = gamma.as_ref().map_or_else(|| d.clone(), |gamma| &d * gamma);
        let beta = Some(beta.map_or_else(|| offset.clone(), |beta| &offset + beta));
        Ok(Statistics {
            mean,
            variance,
            gamma: Some(gamma.map_or_else(|| r.clone(), |gamma| &r * gamma)),
            beta,
        })
    }

    /// A factor and an offset that bring statistics of the batch to the averages; constants to the gradient.
    fn corrections(
        &self,
        mean: &Tensor,
        deviation: &Tensor,
        renorm_mean: &Variable,
        renorm_deviation: &Variable,
    ) -> Result<(Tensor, Tensor)> {
        let dtype = mean.dtype()?;
        let by = renorm_deviation.value().cast(dtype).maximum(self.epsilon.sqrt());
        let (mut r, mut d) = (deviation / &by, (mean - renorm_mean.value().cast(dtype)) / &by);
        let bound = |name: &str| self.renorm_clipping.as_ref().and_then(|bounds| bounds.get(name)?.as_f64());
        if let Some(least) = bound("rmin") {
            r = r.maximum(least);
        }
        if let Some(most) = bound("rmax") {
            r = r.minimum(most);
        }
        if let Some(most) = bound("dmax") {
            d = d.clamp(-most, most);
        }
        Ok((r.stop_gradient(), d.stop_gradient()))
    }

    fn normalized(&self, x: &Tensor, axis: usize, statistics: &Statistics) -> Result<Tensor> {
        let Statistics { mean, variance, gamma, beta } = statistics;
        let gamma = gamma.clone().unwrap_or_else(|| mean.ones_like());
        let beta = beta.clone().unwrap_or_else(|| mean.zeros_like());
        x.batch_norm(gamma, beta, mean, variance, axis, self.epsilon).ok()
    }
}

/// Moves an average towards a value.
fn blend(average: &Variable, value: &Tensor, momentum: f64) -> Result<()> {
    let now = average.value();
    average.assign(&now * momentum + value.stop_gradient().cast(now.dtype()?) * (1.0 - momentum))
}

/// Mean and variance of each channel, over the steps that a mask leaves.
fn moments(x: &Tensor, axis: usize, mask: Option<Tensor>) -> Result<(Tensor, Tensor)> {
    let axes: Vec<usize> = (0..x.rank()?).filter(|&own| own != axis).collect();
    let Some(mask) = mask else { return Ok(x.moments(&axes[..])) };
    let mask = mask.expand_dims(-1).broadcast_to(x.shape()?.clone());
    let count = mask.cast(x.dtype()?).sum(keep(&axes)) + 1e-7;
    let mean = mask.select(x, 0.0).sum(keep(&axes)) / &count;
    let variance = mask.select((x - &mean).square(), 0.0).sum(keep(&axes)) / count;
    Ok((mean.squeeze(&axes[..]), variance.squeeze(&axes[..])))
}
