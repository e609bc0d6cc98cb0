//! Closures as layers.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Map, Value, json};
use tensorwright::{Result as TensorResult, Tensor};

use crate::error::{Error, Result};
use crate::{Configuration, Inputs, Layer, LayerClass, LayerRef, Outputs, Scope};

/// What a closure makes of the tensors that a layer is applied to.
type Closure = Arc<dyn Fn(&[Tensor]) -> TensorResult<Tensor> + Send + Sync>;

static NAMED: RwLock<Option<HashMap<String, Closure>>> = RwLock::new(None);

/// A closure as a layer without weights. Results have no mask.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::nn::{Sequential, layers::{Dense, Lambda}};
///
/// let network = Sequential::new().add(Lambda::new(|x| x.square() + 1.0)).add(Dense::new(3)).layer();
/// assert_eq!(network.infer(Tensor::ones((2, 4), DType::F32))?.shape()?, &[2, 3].into());
/// # Ok::<(), Error>(())
/// ```
///
/// A closure cannot be written down: a model with one is not saved. One with a name is saved by its name, and loaded where the name
/// was given to a closure before.
///
/// ```
/// use tensorwright::nn::{layer_from_json, layers::Lambda};
///
/// let square = Lambda::named("square", |x| x.square()).layer();
/// assert!(layer_from_json(&square.to_json()).is_ok());
/// assert!(Lambda::new(|x| x.square()).layer().check_written().is_err());
/// ```
#[derive(Clone)]
pub struct Lambda {
    name: Option<String>,
    closure: Closure,
}

impl Lambda {
    /// A closure of the one tensor that the layer is applied to.
    pub fn new(closure: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static) -> Lambda {
        Lambda { name: None, closure: of_one(closure) }
    }

    /// A closure of all tensors that the layer is applied to.
    pub fn of_list(closure: impl Fn(&[Tensor]) -> Tensor + Send + Sync + 'static) -> Lambda {
        Lambda { name: None, closure: of_all(closure) }
    }

    /// A closure of one tensor that models are saved with by a name, and that models with this name are loaded with from now on.
    pub fn named(name: &str, closure: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static) -> Lambda {
        Lambda::registered(name, of_one(closure))
    }

    /// A closure of all tensors, with a name as [`Lambda::named`] gives one.
    pub fn named_of_list(
        name: &str,
        closure: impl Fn(&[Tensor]) -> Tensor + Send + Sync + 'static,
    ) -> Lambda {
        Lambda::registered(name, of_all(closure))
    }

    fn registered(name: &str, closure: Closure) -> Lambda {
        let mut named = NAMED.write().unwrap_or_else(PoisonError::into_inner);
        named.get_or_insert_default().insert(name.to_owned(), closure.clone());
        Lambda { name: Some(name.to_owned()), closure }
    }

    /// The layer, to be called and shared.
    pub fn layer(self) -> LayerRef {
        self.into()
    }
}

fn of_one(closure: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static) -> Closure {
    Arc::new(move |tensors| match tensors {
        [one] => closure(one).ok(),
        several => Err(tensorwright::Error::other(format!("one tensor is wanted, found {}", several.len()))),
    })
}

fn of_all(closure: impl Fn(&[Tensor]) -> Tensor + Send + Sync + 'static) -> Closure {
    Arc::new(move |tensors| closure(tensors).ok())
}

fn wrong(reason: String) -> Error {
    Error::Setting { class: Lambda::CLASS.to_owned(), field: "function".to_owned(), reason }
}

impl Configuration for Lambda {
    fn class_name(&self) -> &'static str {
        Self::CLASS
    }

    fn config(&self) -> Map<String, Value> {
        Map::from_iter([("function".to_owned(), json!(self.name))])
    }

    fn visit_layers(&self, _visit: &mut dyn FnMut(&str, &LayerRef)) {}

    fn check_written(&self) -> Result<()> {
        match self.name {
            Some(_) => Ok(()),
            None => {
                Err(wrong("a closure cannot be written down; `Lambda::named` gives it a name".to_owned()))
            }
        }
    }
}

impl LayerClass for Lambda {
    const CLASS: &'static str = "Lambda";

    fn from_config(config: &Map<String, Value>) -> Result<Lambda> {
        let name = config.get("function").and_then(Value::as_str);
        let name = name.ok_or_else(|| wrong("the name of a closure is wanted".to_owned()))?;
        let named = NAMED.read().unwrap_or_else(PoisonError::into_inner);
        let closure = named.as_ref().and_then(|named| named.get(name)).cloned();
        let closure = closure
            .ok_or_else(|| wrong(format!("no closure is called `{name}`; `Lambda::named` comes first")))?;
        Ok(Lambda { name: Some(name.to_owned()), closure })
    }
}

impl Layer for Lambda {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> TensorResult<Outputs> {
        let given: Vec<Tensor> = inputs.list().into_iter().map(|signal| signal.value).collect();
        Ok((self.closure)(&given)?.into())
    }
}
