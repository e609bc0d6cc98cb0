//! Layers by the names of their classes, so that models are loaded without the code that built them.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::layer::{Layer, LayerClass, LayerRef, Maker, Policy, maker};
use crate::layers::BUILT_IN;
use crate::model::{Functional, Sequential};
use crate::regularizers::Regularizer;
use crate::settings::Field;

/// The classes that there are without any of one's own.
fn built_in() -> impl Iterator<Item = (&'static str, Maker)> {
    let models: [(&str, Maker); 2] =
        [(Functional::CLASS, maker::<Functional>), (Sequential::CLASS, maker::<Sequential>)];
    BUILT_IN.iter().copied().chain(models)
}

static OWN: RwLock<Option<HashMap<String, Maker>>> = RwLock::new(None);

/// Makes a class of layers of one's own known, so that models with it can be loaded. It takes the place of a class of the same name.
pub fn register<L: LayerClass>() {
    let mut own = OWN.write().unwrap_or_else(PoisonError::into_inner);
    own.get_or_insert_default().insert(L::CLASS.to_owned(), maker::<L>);
}

fn find(class: &str) -> Option<Maker> {
    let own = OWN.read().unwrap_or_else(PoisonError::into_inner);
    let own = own.as_ref().and_then(|own| own.get(class).copied());
    own.or_else(|| built_in().find(|(name, _)| *name == class).map(|(_, maker)| maker))
}

/// The names of the classes that there are without any of one's own.
pub fn layer_classes() -> Vec<&'static str> {
    built_in().map(|(name, _)| name).collect()
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
    let (made, rule) = made(maker, class, config)?;
    let mut layer = LayerRef::boxed(made, name, policy.map_err(wrong)?);
    if let Some(rule) = rule {
        layer = layer.with_activity_regularizer(rule)?;
    }
    if config.get("trainable") == Some(&Value::Bool(false)) {
        layer.set_trainable(false);
    }
    low_rank(&layer, config).map_err(|reason| Error::Setting {
        class: class.to_owned(),
        field: "lora_rank".to_owned(),
        reason,
    })?;
    Ok(layer)
}

/// The layer of these settings, and a regulariser of what it gives where its class has no such setting: any layer may have one.
fn made(
    maker: Maker,
    class: &str,
    config: &Map<String, Value>,
) -> Result<(Box<dyn Layer>, Option<Regularizer>)> {
    const FIELD: &str = "activity_regularizer";
    let Some(rule) = config.get(FIELD) else { return Ok((maker(config)?, None)) };
    let mut others = config.clone();
    others.remove(FIELD);
    let plain = maker(&others)?;
    if plain.config().contains_key(FIELD) {
        return Ok((maker(config)?, None));
    }
    let rule = <Option<Regularizer> as Field>::from_json(rule).map_err(|reason| Error::Setting {
        class: class.to_owned(),
        field: FIELD.to_owned(),
        reason,
    })?;
    Ok((plain, rule))
}

/// Lets the layer learn the update of low rank that its settings speak of.
fn low_rank(layer: &LayerRef, config: &Map<String, Value>) -> Result<(), String> {
    let rank: Option<Option<usize>> = config.get("lora_rank").map(Field::from_json).transpose()?;
    let alpha: Option<Option<f64>> = config.get("lora_alpha").map(Field::from_json).transpose()?;
    match rank.flatten() {
        Some(rank) => layer.enable_lora(rank, alpha.flatten()).map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

/// Settings that are layers are read by the names of their classes.
impl Field for LayerRef {
    fn to_json(&self) -> Value {
        LayerRef::to_json(self)
    }

    fn from_json(value: &Value) -> Result<LayerRef, String> {
        layer_from_json(value).map_err(|error| error.to_string())
    }

    fn visit_layers(&self, visit: &mut dyn FnMut(&str, &LayerRef)) {
        visit(&self.name(), self);
    }
}
