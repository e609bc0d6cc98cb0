//! A model in the user's hands.

use std::sync::{Arc, Mutex, PoisonError};

use tensorwright::{Module, Tensor};

use super::epochs;
use super::plan::Plan;
use super::step::{Parts, Steps};
use super::{Arrays, Fit, History, Logs};
use crate::error::{Error, Result};
use crate::losses::Loss;
use crate::optimizers::Optimizer;
use crate::{Argument, Context, Inputs, LayerRef, Sequential};

/// A layer that is trained, evaluated and saved as a whole. Clones are the same model.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright_nn::layers::*;
/// use tensorwright_nn::losses::MeanSquaredError;
/// use tensorwright_nn::optimizers::{Adam, Optimizer};
/// use tensorwright_nn::{Activation, Fit, Model, Sequential};
///
/// let x = RandomKey::new(1).normal((64, 4), 0.0f32, 1.0);
/// let y = x.sum(-1).expand_dims(-1);
/// let model = Model::new(Sequential::new().add(Dense::new(8).activation(Activation::Tanh)).add(Dense::new(1)));
/// model.compile(Optimizer::from(Adam::default()).learning_rate(0.03), MeanSquaredError, &["mae"]);
/// let history = model.fit((&x, &y), Fit::new().epochs(20))?;
/// let losses = history.curve("loss");
/// assert!(losses[19] < losses[0] / 4.0);
/// assert_eq!(model.predict(&x)?.shape()?, &[64, 1].into());
/// # Ok::<(), tensorwright_nn::Error>(())
/// ```
#[derive(Clone)]
pub struct Model {
    layer: LayerRef,
    training: Arc<Mutex<Training>>,
}

/// What a model is trained with; its functions are compiled once inputs are known.
#[derive(Default)]
struct Training {
    plan: Option<Plan>,
    steps: Option<Arc<Steps>>,
}

impl Model {
    /// A model of a layer: a [`Sequential`], a [`Functional`](crate::Functional), or any other.
    pub fn new(layer: impl Into<LayerRef>) -> Model {
        Model { layer: layer.into(), training: Arc::default() }
    }

    /// A model of layers in a row.
    pub fn sequential(layers: impl IntoIterator<Item = LayerRef>) -> Model {
        Model::new(layers.into_iter().collect::<Sequential>())
    }

    /// The layer.
    pub fn layer(&self) -> &LayerRef {
        &self.layer
    }

    /// Says what the model is trained with: an optimiser, a loss, and metrics by their names.
    ///
    /// What does not fit is found when inputs are known.
    pub fn compile(&self, optimizer: impl Into<Optimizer>, loss: impl Into<Loss>, metrics: &[&str]) {
        let plan = Plan::new(optimizer, loss);
        self.compile_with(metrics.iter().fold(plan, |plan, name| plan.metric_named(name)));
    }

    /// Says what the model is trained with.
    pub fn compile_with(&self, plan: Plan) {
        let mut training = self.training.lock().unwrap_or_else(PoisonError::into_inner);
        *training = Training { plan: Some(plan), steps: None };
    }

    /// Makes the weights, for inputs of these types: calls the layer with zeros.
    ///
    /// # Errors
    /// When the layer does not take such inputs.
    pub fn build(&self, inputs: &[Tensor]) -> Result<()> {
        let zeros = inputs.iter().map(|x| {
            let ty = x.ty()?;
            let shape: Vec<usize> = [1].into_iter().chain(ty.shape.sizes().iter().skip(1).copied()).collect();
            Ok(Tensor::zeros(shape, ty.dtype))
        });
        let mut zeros = zeros.collect::<Result<Vec<Tensor>>>()?;
        let inputs = if zeros.len() == 1 { Argument::from(zeros.remove(0)) } else { zeros.into() };
        self.layer.call(Inputs::of(inputs), &Context::inference())?;
        Ok(())
    }

    /// The compiled functions, for inputs of these types.
    pub(super) fn steps(&self, inputs: &[Tensor]) -> Result<Arc<Steps>> {
        let mut training = self.training.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(steps) = &training.steps {
            return Ok(steps.clone());
        }
        self.build(inputs)?;
        let plan = training.plan.take();
        let plan = plan.ok_or_else(|| Error::Model("the model is trained after `compile`".to_owned()))?;
        let parts = Parts::new(self.layer.clone(), plan)?;
        let steps = Arc::new(Steps::new(parts));
        training.steps = Some(steps.clone());
        Ok(steps)
    }

    /// Trains the model. See [`Fit`] for what can be said.
    ///
    /// # Errors
    /// When it was not compiled, or data do not fit the model and its loss.
    pub fn fit(&self, data: impl Into<Arrays>, options: Fit) -> Result<History> {
        epochs::fit(self, data.into(), options)
    }

    /// The loss and metrics of examples.
    ///
    /// # Errors
    /// As [`Model::fit`].
    pub fn evaluate(&self, data: impl Into<Arrays>) -> Result<Logs> {
        epochs::evaluate(self, &data.into(), 32)
    }

    /// What the model gives for inputs, batch by batch.
    ///
    /// # Errors
    /// When inputs do not fit the model, or it gives several tensors.
    pub fn predict(&self, inputs: impl Into<Argument>) -> Result<Tensor> {
        let inputs: Vec<Tensor> = inputs.into().signals().into_iter().map(|signal| signal.value).collect();
        let mut outputs = epochs::predict(self, &inputs, 32)?;
        match outputs.len() {
            1 => Ok(outputs.remove(0)),
            count => Err(Error::Model(format!("the model gives {count} tensors; call its layer"))),
        }
    }

    /// One step of training with these examples. Gives the loss before it.
    ///
    /// # Errors
    /// As [`Model::fit`].
    pub fn train_on_batch(&self, data: impl Into<Arrays>) -> Result<f64> {
        let Arrays { inputs, targets, weights } = data.into();
        let steps = self.steps(&inputs)?;
        let loss = steps.train(&(inputs, targets, weights, None))?;
        Ok(loss.cast(tensorwright::DType::F64).item::<f64>()?)
    }

    /// The variables that training changes, with their paths.
    pub fn parameters(&self) -> Vec<(String, tensorwright::Variable)> {
        Module::parameters(&self.layer)
    }
}
