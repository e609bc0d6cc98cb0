//! Normalisation over parts of the channels.

use tensorwright::{Result, Tensor, keep};

use super::widened;
use crate::{Constraint, Initializer, Inputs, Layer, Outputs, Regularizer, Scope, initializers, layer};

layer! {
    /// Each group of channels of an example less its mean, divided by its standard deviation (Wu and He 2018). With as many groups as channels
    /// (or -1) it is instance normalisation.
    pub struct GroupNormalization() {
        /// How many groups there are; -1 for as many as channels.
        groups: i64 = 32,
        /// The axis of channels.
        axis: i64 = -1,
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
        /// What the offset adds to the loss.
        beta_regularizer: Option<Regularizer> = None,
        /// What the factor adds to the loss.
        gamma_regularizer: Option<Regularizer> = None,
        /// What is done to the offset after each step.
        beta_constraint: Option<Constraint> = None,
        /// What is done to the factor after each step.
        gamma_constraint: Option<Constraint> = None,
    }
}

impl Layer for GroupNormalization {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let given = inputs.tensor()?;
        let rank = given.rank()?;
        let axis = if self.axis < 0 { self.axis + rank as i64 } else { self.axis } as usize;
        let channels = given.extent(axis as i64)?;
        let groups = if self.groups == -1 { channels } else { self.groups.max(0) as usize };
        if groups == 0 || channels % groups != 0 {
            return Err(scope.refuse(format!("{channels} channels are not {groups} groups")));
        }
        let x = widened(given.clone())?;
        let dtype = x.dtype()?;
        let gamma = self.scale.then(|| {
            let spec = self.gamma_initializer.spec(&self.gamma_regularizer, &self.gamma_constraint);
            Ok::<_, tensorwright::Error>(scope.variable("gamma", [channels], spec)?.value().cast(dtype))
        });
        let beta = self.center.then(|| {
            let spec = self.beta_initializer.spec(&self.beta_regularizer, &self.beta_constraint);
            Ok::<_, tensorwright::Error>(scope.variable("beta", [channels], spec)?.value().cast(dtype))
        });
        let y = self.normalized(&x, axis, groups, gamma.transpose()?, beta.transpose()?)?;
        Ok(inputs.masked_like(y.cast(given.dtype()?)))
    }
}

impl GroupNormalization {
    fn normalized(
        &self,
        x: &Tensor,
        axis: usize,
        groups: usize,
        gamma: Option<Tensor>,
        beta: Option<Tensor>,
    ) -> Result<Tensor> {
        let sizes = x.shape()?.sizes().to_vec();
        let mut split = sizes.clone();
        split[axis] = sizes[axis] / groups;
        split.insert(axis, groups);
        let grouped = x.reshape(&split[..]);
        let axes: Vec<usize> = (1..split.len()).filter(|&own| own != axis).collect();
        let centred = &grouped - grouped.mean(keep(&axes));
        let y = &centred * (centred.square().mean(keep(&axes)) + self.epsilon).rsqrt();
        let mut y = y.reshape(&sizes[..]);
        let mut broad = vec![1; sizes.len()];
        broad[axis] = sizes[axis];
        if let Some(gamma) = gamma {
            y *= gamma.reshape(&broad[..]);
        }
        if let Some(beta) = beta {
            y += beta.reshape(&broad[..]);
        }
        y.ok()
    }
}
