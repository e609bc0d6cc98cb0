//! Layers in a row.

use serde_json::{Map, Value, json};
use tensorwright::Result as TensorResult;

use crate::error::Result;
use crate::{Configuration, Field, Inputs, Layer, LayerClass, LayerRef, Outputs, Scope};

/// Layers one after the other: each takes what the one before gives.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::nn::{Activation, Sequential, layers::*};
///
/// let network = Sequential::new().add(Dense::new(8).activation(Activation::Relu)).add(Dense::new(3)).layer();
/// let y = network.infer(Tensor::ones((2, 5), DType::F32))?;
/// assert_eq!(y.shape()?, &[2, 3].into());
/// assert_eq!(network.variables()[2].0, "dense_1.kernel");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Sequential {
    layers: Vec<LayerRef>,
}

impl Sequential {
    /// No layers yet, which give what they are given.
    pub fn new() -> Sequential {
        Sequential::default()
    }

    /// The layers and one more.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "it is the word that users of Keras know")]
    pub fn add(mut self, layer: impl Into<LayerRef>) -> Sequential {
        self.layers.push(layer.into());
        self
    }

    /// The layer, to be called and shared.
    pub fn layer(self) -> LayerRef {
        self.into()
    }
}

impl<L: Into<LayerRef>> FromIterator<L> for Sequential {
    fn from_iter<I: IntoIterator<Item = L>>(layers: I) -> Sequential {
        Sequential { layers: layers.into_iter().map(Into::into).collect() }
    }
}

impl Configuration for Sequential {
    fn class_name(&self) -> &'static str {
        Self::CLASS
    }

    fn config(&self) -> Map<String, Value> {
        Map::from_iter([("layers".to_owned(), self.layers.to_json())])
    }

    fn visit_layers(&self, visit: &mut dyn FnMut(&str, &LayerRef)) {
        self.layers.visit_layers(visit);
    }
}

impl LayerClass for Sequential {
    const CLASS: &'static str = "Sequential";

    fn from_config(config: &Map<String, Value>) -> Result<Sequential> {
        let wrong = |reason| crate::Error::Setting {
            class: Self::CLASS.to_owned(),
            field: "layers".to_owned(),
            reason,
        };
        let list = config.get("layers").cloned().unwrap_or_else(|| json!([]));
        let list: Vec<Value> = Field::from_json(&list).map_err(wrong)?;
        let layers = list.iter().filter(|layer| layer["class_name"] != "InputLayer");
        let layers: Result<Vec<LayerRef>, String> = layers.map(Field::from_json).collect();
        Ok(Sequential { layers: layers.map_err(wrong)? })
    }
}

impl Layer for Sequential {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> TensorResult<Outputs> {
        let mut layers = self.layers.iter();
        let Some(first) = layers.next() else { return Ok(inputs.list().into()) };
        layers.try_fold(scope.call(first, inputs.clone())?, |outputs, layer| scope.call(layer, outputs))
    }
}
