//! A layer in a call.

use tensorwright::{DType, RandomKey, Result, Shape, Tensor, Variable};

use super::low_rank::LowRank;
use super::{Context, Decoding, Inputs, LayerRef, Mode, Outputs, Policy, Signal, WeightSpec, Weights};
use crate::error::Error;
use crate::regularizers::Regularizer;

/// What a layer's function asks for weights, keys and the mode of the call.
pub struct Scope<'a> {
    pub(super) name: &'a str,
    /// What stands before the names of weights.
    pub(super) prefix: String,
    pub(super) weights: &'a Weights,
    pub(super) trainable: bool,
    pub(super) policy: Policy,
    pub(super) context: &'a Context,
    /// How many losses the call had when the layer's began.
    pub(super) losses_before: usize,
    /// What is learnt beside the weights of these paths, which are frozen.
    pub(super) low_rank: Option<(LowRank, &'static [&'static str])>,
}

impl<'a> Scope<'a> {
    /// The same layer and call, with weights whose paths begin with a name.
    pub fn within(&self, name: &str) -> Scope<'a> {
        let prefix = format!("{}{name}.", self.prefix);
        Scope { prefix, ..*self }
    }

    /// A weight in the dtype that the layer computes in; the first call makes it.
    ///
    /// # Errors
    /// When it was made with another shape, or its initialiser fails.
    pub fn weight(&self, name: &str, shape: impl Into<Shape>, spec: impl Into<WeightSpec>) -> Result<Tensor> {
        let variable = self.variable(name, shape, spec)?;
        let path = format!("{}{name}", self.prefix);
        let value = match (self.context.replacement(self.weights, &path), self.low_rank(&path)) {
            (Some(value), _) => value,
            (None, None) => variable.value(),
            (None, Some(update)) => {
                let matrices = update.matrices(self.name, self.weights, &path, self.trainable)?;
                update.added(&variable.value(), &matrices)?
            }
        };
        Ok(if value.dtype()? == self.policy.variable { self.computed(value)? } else { value })
    }

    /// A weight as it is kept; the first call makes it.
    ///
    /// # Errors
    /// As [`Scope::weight`].
    pub fn variable(
        &self,
        name: &str,
        shape: impl Into<Shape>,
        spec: impl Into<WeightSpec>,
    ) -> Result<Variable> {
        let ty = (self.policy.variable, shape.into());
        let path = format!("{}{name}", self.prefix);
        let is_frozen = self.low_rank(&path).is_some();
        let spec = || if is_frozen { spec.into().frozen() } else { spec.into() };
        self.weights.get(self.name, &path, ty, self.trainable, spec)
    }

    /// What is learnt beside the weight of this path, if anything is.
    fn low_rank(&self, path: &str) -> Option<LowRank> {
        self.low_rank.filter(|(_, paths)| paths.contains(&path)).map(|(update, _)| update)
    }

    /// A state that the layer keeps from call to call: zeros, until it is assigned.
    ///
    /// # Errors
    /// When memory could not be had.
    pub fn state(&self, name: &str, shape: impl Into<Shape>) -> Result<Variable> {
        self.weights.state(name, self.policy.compute, shape.into())
    }

    /// The tensor in the dtype that the layer computes in, if it is of floats.
    ///
    /// # Errors
    /// When it carries an error.
    pub fn computed(&self, x: Tensor) -> Result<Tensor> {
        let dtype = x.dtype()?;
        Ok(if dtype.is_float() && dtype != self.policy.compute { x.cast(self.policy.compute) } else { x })
    }

    /// The dtype that the layer computes in.
    pub fn dtype(&self) -> DType {
        self.policy.compute
    }

    /// The dtypes that the layer computes in and keeps its weights in.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Whether the call is part of training.
    pub fn is_training(&self) -> bool {
        self.context.mode() == Mode::Training
    }

    /// Whether the layer is trained, and not frozen.
    pub fn is_trainable(&self) -> bool {
        self.trainable
    }

    /// Where in a sequence the call is, if it sees a part of it alone.
    pub fn decoding(&self) -> Option<&Decoding> {
        self.context.decodes()
    }

    /// A key that no other draw of this call has.
    ///
    /// # Errors
    /// When the call was given none.
    pub fn key(&self) -> Result<RandomKey> {
        self.context
            .next_key()
            .ok_or_else(|| self.refuse("randomness needs a key in the context of the call"))
    }

    /// Adds to the loss of the call.
    pub fn add_loss(&self, loss: Tensor) {
        self.context.add_loss(loss);
    }

    /// Adds to the loss of the call what a regulariser says of a tensor, for each example of the batch.
    ///
    /// # Errors
    /// When the regulariser fails.
    pub fn regularize(&self, rule: &Option<Regularizer>, y: &Tensor) -> Result<()> {
        if let Some(rule) = rule {
            self.add_loss(penalty(rule, y)?);
        }
        Ok(())
    }

    /// Adds to the loss of the call what a regulariser says of each tensor that the layer gives, before what the layers in it add.
    ///
    /// # Errors
    /// When the regulariser fails.
    pub fn regularize_all(&self, rule: &Option<Regularizer>, outputs: &Outputs) -> Result<()> {
        if let Some(rule) = rule {
            let outputs = outputs.clone().tensors();
            let penalties = outputs.iter().map(|y| penalty(rule, y)).collect::<Result<_>>()?;
            self.context.add_losses_at(self.losses_before, penalties);
        }
        Ok(())
    }

    /// What another layer makes of inputs, in this call.
    ///
    /// # Errors
    /// When that layer fails.
    pub fn call(&self, layer: &LayerRef, inputs: impl Into<Inputs>) -> Result<Outputs> {
        layer.call_within(&inputs.into(), self.context, self.policy)
    }

    /// What another layer makes of inputs, in this call, with another value in the place of one of its own weights.
    ///
    /// # Errors
    /// When that layer fails.
    pub(crate) fn call_with(
        &self,
        layer: &LayerRef,
        inputs: &Inputs,
        weight: &str,
        value: Tensor,
    ) -> Result<Outputs> {
        self.context.replacing(layer.own_weights(), weight, value, || self.call(layer, inputs.clone()))
    }

    /// Makes the weights of another layer, before anything else is done with it: calls it with zeros of the types of these inputs. To be called
    /// eagerly, in a trace too.
    pub(crate) fn make(&self, layer: &LayerRef, inputs: &Inputs) -> Result<()> {
        let mut failed = None;
        let zeros = inputs.map(&mut |signal| {
            let mut zeros = |x: &Tensor| match x.ty() {
                Ok(ty) => Some(Tensor::zeros(ty.shape.clone(), ty.dtype)),
                Err(error) => {
                    failed = Some(error);
                    None
                }
            };
            Signal { value: zeros(&signal.value).unwrap_or_else(|| signal.value.clone()), mask: None }
        });
        match failed {
            Some(error) => Err(error),
            None => layer.call_within(&zeros, &Context::inference(), self.policy).map(|_| ()),
        }
    }

    /// What another layer makes of one tensor, in this call.
    ///
    /// # Errors
    /// When that layer fails.
    pub fn apply(&self, layer: &LayerRef, x: impl Into<Inputs>) -> Result<Tensor> {
        self.call(layer, x)?.tensor()
    }

    /// An error of this layer.
    pub fn refuse(&self, reason: impl Into<String>) -> tensorwright::Error {
        Error::Inputs { layer: self.name.to_owned(), reason: reason.into() }.into()
    }

    /// The call that this is part of.
    pub fn context(&self) -> &Context {
        self.context
    }
}

/// What a regulariser says of a tensor, for each example of the batch.
fn penalty(rule: &Regularizer, y: &Tensor) -> Result<Tensor> {
    let examples = if y.rank()? == 0 { 1 } else { y.extent(0)?.max(1) };
    (rule.call(y)? / examples as f64).ok()
}
