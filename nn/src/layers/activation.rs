//! Activations as layers.

use tensorwright::{DType, Result, Tensor, keep};

use crate::{
    Activation, AxisList, Constraint, Initializer, Inputs, Layer, Outputs, Regularizer, Scope, initializers,
    layer,
};

layer! {
    /// An activation as a layer.
    pub struct ActivationLayer as "Activation"(
        /// The function.
        activation: Activation,
    ) {
        /// What the results add to the loss.
        activity_regularizer: Option<Regularizer> = None,
    }
}

impl Layer for ActivationLayer {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let y = self.activation.call(&inputs.tensor()?);
        scope.regularize(&self.activity_regularizer, &y)?;
        Ok(inputs.masked_like(y))
    }
}

layer! {
    /// `max(x, 0)`, or with a threshold, a greatest value, and a slope below the threshold.
    pub struct ReLU() {
        /// The greatest value.
        max_value: Option<f64> = None,
        /// The slope below the threshold.
        negative_slope: f64 = 0.0,
        /// Below it the slope begins.
        threshold: f64 = 0.0,
    }
}

impl Layer for ReLU {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> Result<Outputs> {
        let &ReLU { max_value, negative_slope, threshold } = self;
        let relu = Activation::Rectified { negative_slope, max_value, threshold };
        Ok(inputs.masked_like(relu.call(&inputs.tensor()?)))
    }
}

layer! {
    /// `x` where it is positive, else `negative_slope * x`.
    pub struct LeakyReLU() {
        /// The slope below 0.
        negative_slope: f64 = 0.3,
    }
}

impl Layer for LeakyReLU {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> Result<Outputs> {
        Ok(inputs.masked_like(inputs.tensor()?.leaky_relu(self.negative_slope)))
    }
}

layer! {
    /// `x` where it is positive, else `alpha * (e^x - 1)`.
    pub struct ELU() {
        /// How far below 0 it goes.
        alpha: f64 = 1.0,
    }
}

impl Layer for ELU {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> Result<Outputs> {
        Ok(inputs.masked_like(inputs.tensor()?.elu(self.alpha)))
    }
}

layer! {
    /// `x` where it is positive, else `x` times a slope that is learnt, one for each element or for those that share it.
    pub struct PReLU() {
        /// The slopes before training.
        alpha_initializer: Initializer = initializers::Zeros.into(),
        /// What the slopes add to the loss.
        alpha_regularizer: Option<Regularizer> = None,
        /// What is done to the slopes after each step.
        alpha_constraint: Option<Constraint> = None,
        /// Axes along which elements share their slope; the first one behind the batch is 1.
        shared_axes: Option<AxisList> = None,
    }
}

impl Layer for PReLU {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        let mut shape = x.shape()?.sizes().to_vec();
        if shape.is_empty() {
            return Err(scope.refuse("a batch is wanted, found a number"));
        }
        for axis in self.shared_axes.as_ref().map_or(Ok(Vec::new()), |axes| axes.of(shape.len()))? {
            shape[axis] = 1;
        }
        let spec = self.alpha_initializer.spec(&self.alpha_regularizer, &self.alpha_constraint);
        let alpha = scope.weight("alpha", &shape[1..], spec)?;
        Ok(inputs.masked_like(x.relu() - alpha * (-&x).relu()))
    }
}

layer! {
    /// `e^x / sum(e^x)` along an axis or several, over what a mask leaves.
    pub struct Softmax() {
        /// The axes that sum to 1.
        axis: AxisList = crate::Setting::<AxisList>::setting(-1),
    }
}

impl Layer for Softmax {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> Result<Outputs> {
        let (x, mask) = (inputs.tensor()?, inputs.mask());
        let axes: Vec<i64> = self.axis.of(x.rank()?)?.into_iter().map(|axis| axis as i64).collect();
        let y = masked_softmax(&x, mask.as_ref(), &axes)?;
        Ok(inputs.masked_like(y))
    }
}

/// A softmax over what a mask leaves, and zeros elsewhere; zeros where it leaves nothing.
pub(crate) fn masked_softmax(x: &Tensor, mask: Option<&Tensor>, axes: &[i64]) -> Result<Tensor> {
    let Some(mask) = mask else { return Ok(softmax(x, axes)) };
    let mask = match mask.dtype()? {
        DType::Bool => mask.clone(),
        dtype if dtype.is_int() => mask.gt(0),
        _ => mask.gt(0.5),
    };
    let least = match x.dtype()? {
        DType::F16 => -3e4,
        _ => -1e9,
    };
    Ok(mask.select(softmax(&mask.select(x, least), axes), 0.0))
}

fn softmax(x: &Tensor, axes: &[i64]) -> Tensor {
    match axes {
        [axis] => x.softmax(*axis),
        axes => (x - x.logsumexp(keep(axes))).exp(),
    }
}
