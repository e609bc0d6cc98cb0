//! The trait of layers.

use serde_json::{Map, Value};
use tensorwright::{Result as TensorResult, Tensor};

use super::{Argument, Inputs, LayerRef, Outputs, Scope, Strings};
use crate::error::Result;

/// The settings of a layer, which the macro [`layer!`](crate::layer!) writes.
pub trait Configuration: Send + Sync + 'static {
    /// The name of the class, such as `Dense`.
    fn class_name(&self) -> &'static str;

    /// The settings by name.
    fn config(&self) -> Map<String, Value>;

    /// Calls `visit` with each layer among the settings, and its name here.
    fn visit_layers(&self, visit: &mut dyn FnMut(&str, &LayerRef));

    /// Whether the settings by name say all of the layer.
    ///
    /// # Errors
    /// When they do not, because it is a closure.
    fn check_written(&self) -> Result<()> {
        Ok(())
    }
}

/// A class of layers that can be made of its settings.
pub trait LayerClass: Layer + Sized {
    /// The name of the class.
    const CLASS: &'static str;

    /// A layer with these settings.
    ///
    /// # Errors
    /// When a setting is unknown, missing or not what it may be.
    fn from_config(config: &Map<String, Value>) -> Result<Self>;
}

/// Makes a layer of its settings.
pub(crate) type Maker = fn(&Map<String, Value>) -> Result<Box<dyn Layer>>;

/// How a class of layers is made.
pub(crate) fn maker<L: LayerClass>(config: &Map<String, Value>) -> Result<Box<dyn Layer>> {
    Ok(Box::new(L::from_config(config)?))
}

/// A function of tensors that has weights.
///
/// A layer is its settings; the function asks its [`Scope`] for weights by name and shape, which the first call makes. So a layer of
/// one's own is a struct with `#[derive(Layer)]` and one function, `forward`, which takes what is [`FromInputs`](crate::FromInputs):
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::nn::{Initializer, Layer, Scope, initializers, layer_from_json, register};
///
/// /// Each channel times a number that is learnt.
/// #[derive(Clone, Layer)]
/// pub struct Scale {
///     /// The number to begin with.
///     #[layer(default = 1.0)]
///     start: f64,
/// }
///
/// impl Scale {
///     fn forward(&self, x: Tensor, scope: &Scope<'_>) -> Result<Tensor> {
///         let start = Initializer::from(initializers::Constant { value: self.start });
///         Ok(&x * scope.weight("scale", [x.extent(-1)?], start)?)
///     }
/// }
///
/// let scale = Scale::new().start(2.0).layer();
/// assert_eq!(scale.infer(Tensor::from([1.0f32, 2.0]))?.to_vec::<f32>()?, [2.0, 4.0]);
/// assert_eq!(scale.variables()[0].0, "scale");
///
/// // Models with it are loaded where the class is known.
/// register::<Scale>();
/// assert_eq!(layer_from_json(&scale.to_json())?.to_json(), scale.to_json());
/// # Ok::<(), tensorwright::nn::Error>(())
/// ```
///
/// A layer that also learns by [`Layer::adapt`], or has states, is declared by [`layer!`](crate::layer!), and implements this trait itself.
pub trait Layer: Configuration {
    /// What the layer makes of its inputs.
    ///
    /// # Errors
    /// When the inputs are not what the layer takes.
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> TensorResult<Outputs>;

    /// Learns from data, outside training: a vocabulary, or means.
    ///
    /// # Errors
    /// When the data are not what the layer learns from, or there is nothing that it learns so.
    fn adapt(&self, _data: &[Argument], scope: &Scope<'_>) -> TensorResult<()> {
        Err(scope.refuse("there is nothing that it learns from data by `adapt`"))
    }

    /// The shapes of the states of a recurrent cell, for inputs of this shape of one step; nothing for what is no cell.
    fn state_shapes(&self, _inputs: &[usize]) -> Option<Vec<Vec<usize>>> {
        None
    }

    /// The paths of weights beside which an update of low rank can be learnt, see [`LayerRef::enable_lora`]: matrices whose last axis is that of
    /// results.
    fn low_rank(&self) -> &'static [&'static str] {
        &[]
    }

    /// The words at these places of a vocabulary, for a lookup that goes back.
    ///
    /// # Errors
    /// When the layer knows no words.
    fn words(&self, _places: &Tensor, scope: &Scope<'_>) -> TensorResult<Strings> {
        Err(scope.refuse("it knows no words"))
    }

    /// The words or numbers that the layer knows, special ones first, if it looks things up.
    fn vocabulary(&self) -> Option<Value> {
        None
    }
}
