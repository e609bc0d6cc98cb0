//! Layers by the names of their classes, so that models are loaded without the code that built them.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::layer::{Layer, LayerClass, LayerRef, Policy};
use crate::layers::BUILT_IN;
use crate::settings::Field;

/// Makes a layer of its settings.
pub(crate) type Maker = fn(&Map<String, Value>) -> Result<Box<dyn Layer>>;

static OWN: RwLock<Option<HashMap<String, Maker>>> = RwLock::new(None);

/// How a class of layers is made.
pub(crate) fn maker<L: LayerClass>(config: &Map<String, Value>) -> Result<Box<dyn Layer>> {
    Ok(Box::new(L::from_config(config)?))
}

/// Makes a class of layers of one's own known, so that models with it can be loaded. It takes the place of a class of the same name.
pub fn register<L: LayerClass>() {
    let mut own = OWN.write().unwrap_or_else(PoisonError::into_inner);
    own.get_or_insert_default().insert(L::CLASS.to_owned(), maker::<L>);
}

fn find(class: &str) -> Option<Maker> {
    let own = OWN.read().unwrap_or_else(PoisonError::into_inner);
    let own = own.as_ref().and_then(|own| own.get(class).copied());
    own.or_else(|| BUILT_IN.iter().find(|(name, _)| *name == class).map(|(_, maker)| *maker))
}

/// The names of the classes that there are without any of one's own.
pub fn layer_classes() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

/// The layer that JSON describes: `{"class_name": .., "config": {..}}`, as [`LayerRef::to_json`] and Keras write it.
///
/// # Errors
/// When the class is unknown, or a setting is not what it may be.
pub fn layer_from_json(value: &Value) -> Result<LayerRef> {
    let class = value.get("class_name").and_then(Value::as_str);
    let class = class
        .ok_or_else(|| Error::Model(format!("a layer is an object with a `class_name`, found {value}")))?;
    let none = Map::new();
    let config = value.get("config").and_then(Value::as_object).unwrap_or(&none);
    let maker = find(class).ok_or_else(|| Error::UnknownClass(class.to_owned()))?;
    let name = config.get("name").and_then(Value::as_str).map(str::to_owned);
    let policy = config.get("dtype").filter(|value| !value.is_null()).map(Policy::from_json).transpose();
    let wrong = |reason| Error::Setting { class: class.to_owned(), field: "dtype".to_owned(), reason };
    let layer = LayerRef::boxed(maker(config)?, name, policy.map_err(wrong)?);
    if config.get("trainable") == Some(&Value::Bool(false)) {
        layer.set_trainable(false);
    }
    Ok(layer)
}
