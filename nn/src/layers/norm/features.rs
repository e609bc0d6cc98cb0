//! Normalisation of each example over its features.

use tensorwright::{Result, Tensor, keep};

use super::widened;
use crate::{
    AxisList, Constraint, Initializer, Inputs, Layer, Outputs, Regularizer, Scope, Setting, initializers,
    layer,
};

/// The shape of a weight of these axes, and that in which it broadcasts.
fn shapes(x: &Tensor, features: &AxisList) -> Result<(Vec<usize>, Vec<usize>)> {
    let sizes = x.shape()?.sizes();
    let axes = features.of(sizes.len())?;
    let extents = features.by_number(sizes.len())?.into_iter().map(|axis| sizes[axis]).collect();
    let broad = (0..sizes.len()).map(|axis| if axes.contains(&axis) { sizes[axis] } else { 1 }).collect();
    Ok((extents, broad))
}

layer! {
    /// Features less their mean, divided by their standard deviation (Ba et al. 2016), with a factor and an offset for each.
    pub struct LayerNormalization() {
        /// The axes of features.
        axis: AxisList = Setting::<AxisList>::setting(-1),
        /// Added to the variance.
        epsilon: f64 = 1e-3,
        /// Whether an offset is learnt.
        center: bool = true,
        /// Whether a factor is learnt.
        scale: bool = true,
        /// Whether the mean stays: features are divided by their root mean square.
        rms_scaling: bool = false,
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

impl Layer for LayerNormalization {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let given = inputs.tensor()?;
        let axes = self.axis.of(given.rank()?)?;
        let (extents, broad) = shapes(&given, &self.axis)?;
        let x = widened(given.clone())?;
        let gamma = (self.scale || self.rms_scaling).then(|| {
            let spec = self.gamma_initializer.spec(&self.gamma_regularizer, &self.gamma_constraint);
            scope.variable("gamma", &extents[..], spec)
        });
        let beta = (self.center && !self.rms_scaling).then(|| {
            let spec = self.beta_initializer.spec(&self.beta_regularizer, &self.beta_constraint);
            scope.variable("beta", &extents[..], spec)
        });
        let value = |variable: Result<tensorwright::Variable>| -> Result<Tensor> {
            Ok(variable?.value().cast(x.dtype()?))
        };
        let (gamma, beta) = (gamma.map(value).transpose()?, beta.map(value).transpose()?);
        let y = self.normalized(&x, &axes, &broad, gamma, beta)?;
        Ok(inputs.masked_like(y.cast(given.dtype()?)))
    }
}

impl LayerNormalization {
    fn normalized(
        &self,
        x: &Tensor,
        axes: &[usize],
        broad: &[usize],
        gamma: Option<Tensor>,
        beta: Option<Tensor>,
    ) -> Result<Tensor> {
        if let ([axis], false) = (axes, self.rms_scaling) {
            let extent = x.extent(*axis)?;
            let gamma =
                gamma.unwrap_or_else(|| Tensor::ones(extent, x.dtype().unwrap_or(tensorwright::DType::F32)));
            let beta = beta.unwrap_or_else(|| gamma.zeros_like());
            if axis + 1 == x.rank()? {
                return x.layer_norm(gamma, beta, *axis, self.epsilon).ok();
            }
            return self.written_out(x, axes, broad, Some(gamma), Some(beta));
        }
        self.written_out(x, axes, broad, gamma, beta)
    }

    fn written_out(
        &self,
        x: &Tensor,
        axes: &[usize],
        broad: &[usize],
        gamma: Option<Tensor>,
        beta: Option<Tensor>,
    ) -> Result<Tensor> {
        let centred = if self.rms_scaling { x.clone() } else { x - x.mean(keep(axes)) };
        let spread = if self.rms_scaling { x - x.mean(keep(axes)) } else { centred.clone() };
        let mut y = centred * (spread.square().mean(keep(axes)) + self.epsilon).rsqrt();
        if let Some(gamma) = gamma {
            y *= gamma.reshape(broad);
        }
        if let Some(beta) = beta {
            y += beta.reshape(broad);
        }
        y.ok()
    }
}

layer! {
    /// Features divided by their root mean square (Zhang and Sennrich 2019), with a factor for each.
    pub struct RMSNormalization() {
        /// The axes of features.
        axis: AxisList = Setting::<AxisList>::setting(-1),
        /// Added to the mean square.
        epsilon: f64 = 1e-6,
    }
}

impl Layer for RMSNormalization {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let given = inputs.tensor()?;
        let axes = self.axis.of(given.rank()?)?;
        let (extents, broad) = shapes(&given, &self.axis)?;
        let x = widened(given.clone())?;
        let scale = scope.variable("scale", &extents[..], Initializer::from(initializers::Ones))?;
        let scale = scale.value().cast(x.dtype()?);
        let y = match axes[..] {
            [axis] if axis + 1 == x.rank()? => x.rms_norm(scale, axis, self.epsilon),
            _ => &x * (x.square().mean(keep(&axes)) + self.epsilon).rsqrt() * scale.reshape(broad),
        };
        Ok(y.cast(given.dtype()?).into())
    }
}

layer! {
    /// Vectors divided by their length.
    pub struct UnitNormalization() {
        /// The axes of a vector.
        axis: AxisList = Setting::<AxisList>::setting(-1),
    }
}

impl Layer for UnitNormalization {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        let axes = self.axis.of(x.rank()?)?;
        let squares = x.square().sum(keep(&axes));
        Ok(inputs.masked_like(x * squares.maximum(1e-24).rsqrt()))
    }
}
