//! Layers around layers of sequences.

use tensorwright::{Result, Tensor};

use crate::settings::keyword;
use crate::{Argument, Field, Inputs, Layer, LayerRef, Outputs, Scope, Signal, layer};

keyword! {
    /// What is made of the results of both directions.
    pub enum MergeMode {
        /// One after the other.
        Concat = "concat",
        /// Their sum.
        Sum = "sum",
        /// Their mean.
        Average = "ave",
        /// Their product.
        Multiply = "mul",
    }
}

layer! {
    /// A recurrent layer forwards, and another one backwards.
    pub struct Bidirectional(
        /// The layer that runs forwards.
        layer: LayerRef,
    ) {
        /// The layer that runs backwards: as the other one, with weights of its own, if nothing is said.
        backward_layer: Backward = Backward::default(),
        /// What is made of both results; nothing, to have both.
        merge_mode: Option<MergeMode> = Some(MergeMode::Concat),
    }
}

/// A layer that is made of another one if it is not given.
#[derive(Clone, Default)]
pub struct Backward {
    layer: std::sync::Arc<std::sync::OnceLock<LayerRef>>,
}

impl From<LayerRef> for Backward {
    fn from(layer: LayerRef) -> Backward {
        let given = Backward::default();
        let _ = given.layer.set(layer);
        given
    }
}

impl<L: Into<LayerRef>> crate::Setting<Backward> for L {
    fn setting(self) -> Backward {
        let layer: LayerRef = self.into();
        layer.into()
    }
}

impl Field for Backward {
    fn to_json(&self) -> serde_json::Value {
        self.layer.get().map_or(serde_json::Value::Null, LayerRef::to_json)
    }

    fn from_json(value: &serde_json::Value) -> Result<Backward, String> {
        if value.is_null() {
            return Ok(Backward::default());
        }
        <LayerRef as Field>::from_json(value).map(Backward::from)
    }

    fn visit_layers(&self, visit: &mut dyn FnMut(&str, &LayerRef)) {
        if let Some(layer) = self.layer.get() {
            visit(&layer.name(), layer);
        }
    }
}

impl Bidirectional {
    fn backward(&self, scope: &Scope<'_>) -> Result<LayerRef> {
        if let Some(layer) = self.backward_layer.layer.get() {
            return Ok(layer.clone());
        }
        let mut json = self.layer.to_json();
        let config = &mut json["config"];
        config["go_backwards"] = (config["go_backwards"] != true).into();
        config["name"] = format!("backward_{}", self.layer.name()).into();
        let made = <LayerRef as Field>::from_json(&json).map_err(|reason| scope.refuse(reason))?;
        Ok(self.backward_layer.layer.get_or_init(|| made).clone())
    }

    fn merged(&self, forward: Tensor, backward: Tensor) -> Vec<Tensor> {
        match self.merge_mode {
            None => vec![forward, backward],
            Some(MergeMode::Concat) => vec![Tensor::concat(&[forward, backward], -1)],
            Some(MergeMode::Sum) => vec![forward + backward],
            Some(MergeMode::Average) => vec![(forward + backward) / 2.0],
            Some(MergeMode::Multiply) => vec![forward * backward],
        }
    }
}

impl Layer for Bidirectional {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let backward_layer = self.backward(scope)?;
        let states: Vec<Tensor> =
            inputs.several("initial_state").into_iter().map(|state| state.value).collect();
        let (first, second) = states.split_at(states.len() / 2);
        let x = inputs.signal()?;
        let call = |states: &[Tensor]| {
            let call = Inputs::from(Argument::from(x.clone()));
            if states.is_empty() { call } else { call.with("initial_state", Argument::from(states.to_vec())) }
        };
        let mut forward = scope.call(&self.layer, call(first))?.tensors();
        let mut backward = scope.call(&backward_layer, call(second))?.tensors();
        let sequences = self.layer.config().get("return_sequences") == Some(&true.into());
        let (y, z) = (forward.remove(0), backward.remove(0));
        let z = if sequences { z.reverse([1]) } else { z };
        let mask = x.mask.filter(|_| sequences);
        let merged = self.merged(y, z).into_iter().map(|value| Signal { value, mask: mask.clone() });
        Ok(merged.chain(forward.into_iter().chain(backward).map(Signal::from)).collect::<Vec<_>>().into())
    }
}

layer! {
    /// A layer for each step of sequences: `T[b, t, ..] -> T[b, t, ..]`. Steps are examples to it, all of one batch.
    pub struct TimeDistributed(
        /// The layer.
        layer: LayerRef,
    ) {}
}

impl Layer for TimeDistributed {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.signal()?;
        let sizes = x.value.shape()?.sizes().to_vec();
        let [batch, steps, rest @ ..] = &sizes[..] else {
            return Err(scope.refuse(format!("a batch of sequences is wanted, found {}", x.value.ty()?)));
        };
        let merged: Vec<usize> = [batch * steps].into_iter().chain(rest.iter().copied()).collect();
        let value = x.value.reshape(merged);
        // A mask of steps says nothing about a step; one that says more is the layer's.
        let mask = match &x.mask {
            Some(mask) if mask.rank()? > 2 => {
                let own = mask.shape()?.sizes().to_vec();
                Some(mask.reshape([&[batch * steps], &own[2..]].concat()))
            }
            _ => None,
        };
        let y = scope.apply(&self.layer, Signal { value, mask })?;
        let own = y.shape()?.sizes().to_vec();
        let split: Vec<usize> = [*batch, *steps].into_iter().chain(own[1..].iter().copied()).collect();
        Ok(Signal { value: y.reshape(split), mask: x.mask }.into())
    }
}
