//! What a setting can be.

use serde_json::{Map, Value};

use crate::activations::Activation;
use crate::constraints::Constraint;
use crate::error::{Error, Result};
use crate::initializers::Initializer;
use crate::layer::{LayerRef, Policy};
use crate::regularizers::Regularizer;

/// The type of a setting: written as JSON and read back.
pub trait Field: Sized {
    /// The setting as JSON.
    fn to_json(&self) -> Value;

    /// The setting that the JSON stands for.
    ///
    /// # Errors
    /// What is wrong with it.
    fn from_json(value: &Value) -> Result<Self, String>;

    /// Calls `visit` with each layer in the setting, and its name.
    fn visit_layers(&self, _visit: &mut dyn FnMut(&str, &LayerRef)) {}
}

/// What a setting of type `T` can be given as.
pub trait Setting<T> {
    /// The setting.
    fn setting(self) -> T;
}

impl<T> Setting<T> for T {
    fn setting(self) -> T {
        self
    }
}

impl<T> Setting<Option<T>> for T {
    fn setting(self) -> Option<T> {
        Some(self)
    }
}

impl Setting<String> for &str {
    fn setting(self) -> String {
        self.to_owned()
    }
}

impl<const N: usize> Setting<Vec<i64>> for [i64; N] {
    fn setting(self) -> Vec<i64> {
        self.to_vec()
    }
}

macro_rules! plain_fields {
    ($($ty:ty: $what:literal $read:expr;)*) => {$(
        impl Field for $ty {
            fn to_json(&self) -> Value {
                self.clone().into()
            }

            fn from_json(value: &Value) -> Result<$ty, String> {
                let read: fn(&Value) -> Option<$ty> = $read;
                read(value).ok_or_else(|| format!(concat!($what, " is wanted, found {}"), value))
            }
        }
    )*};
}

plain_fields! {
    bool: "true or false" Value::as_bool;
    usize: "a number of 0 or more" |value| whole(value)?.try_into().ok();
    i64: "a whole number" whole;
    f64: "a number" Value::as_f64;
    String: "a string" |value| value.as_str().map(str::to_owned);
    Value: "anything" |value| Some(value.clone());
}

/// Whole numbers, also those that are written as `3.0`.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i64))
}

impl<T: Field> Field for Option<T> {
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_json)
    }

    fn from_json(value: &Value) -> Result<Option<T>, String> {
        if value.is_null() { Ok(None) } else { T::from_json(value).map(Some) }
    }

    fn visit_layers(&self, visit: &mut dyn FnMut(&str, &LayerRef)) {
        if let Some(value) = self {
            value.visit_layers(visit);
        }
    }
}

impl<T: Field> Field for Vec<T> {
    fn to_json(&self) -> Value {
        self.iter().map(T::to_json).collect()
    }

    fn from_json(value: &Value) -> Result<Vec<T>, String> {
        let list = value.as_array().ok_or_else(|| format!("a list is wanted, found {value}"))?;
        list.iter().map(T::from_json).collect()
    }

    fn visit_layers(&self, visit: &mut dyn FnMut(&str, &LayerRef)) {
        self.iter().for_each(|value| value.visit_layers(visit));
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn to_json(&self) -> Value {
        Value::Array(vec![self.0.to_json(), self.1.to_json()])
    }

    fn from_json(value: &Value) -> Result<(A, B), String> {
        match value.as_array().map(Vec::as_slice) {
            Some([first, second]) => Ok((A::from_json(first)?, B::from_json(second)?)),
            _ => Err(format!("a pair is wanted, found {value}")),
        }
    }
}

/// A name, or as Keras writes it, `{"config": {"name": ..}}`.
impl Field for Policy {
    fn to_json(&self) -> Value {
        self.name().into()
    }

    fn from_json(value: &Value) -> Result<Policy, String> {
        let name = value.as_str().or_else(|| value.get("config")?.get("name")?.as_str());
        name.and_then(Policy::named).ok_or_else(|| format!("{value} is no dtype policy"))
    }
}

macro_rules! families {
    ($($ty:ty),*) => {$(
        impl Field for $ty {
            fn to_json(&self) -> Value {
                serde_json::to_value(self).unwrap_or(Value::Null)
            }

            fn from_json(value: &Value) -> Result<$ty, String> {
                <$ty>::try_from(value).map_err(|error| error.to_string())
            }
        }
    )*};
}
families!(Activation, Initializer, Regularizer, Constraint);

/// The settings of one layer while they are read.
#[doc(hidden)]
pub struct Row<'a> {
    class: &'static str,
    config: &'a Map<String, Value>,
}

/// What every layer has, and its handle reads, or what says nothing about values.
const COMMON: [&str; 17] = [
    "name",
    "dtype",
    "trainable",
    "seed",
    "module",
    "registered_name",
    "build_config",
    "batch_input_shape",
    "lora_rank",
    "lora_alpha",
    "quantization_config",
    "use_cudnn",
    "flash_attention",
    "implementation",
    "synchronized",
    "autocast",
    // Says something of boxes, which do not move with images here.
    "bounding_box_format",
];

impl<'a> Row<'a> {
    /// The settings of a class, which has these and no others.
    ///
    /// # Errors
    /// When there is one that the class does not have.
    pub fn new(class: &'static str, config: &'a Map<String, Value>, known: &[&str]) -> Result<Row<'a>> {
        let unknown = config
            .iter()
            .find(|(field, _)| !known.contains(&field.as_str()) && !COMMON.contains(&field.as_str()));
        match unknown {
            None => Ok(Row { class, config }),
            Some((field, _)) => Err(setting_error(
                class,
                field,
                format!("there is no such setting, but {}", known.join(", ")),
            )),
        }
    }

    /// A setting that has a default.
    ///
    /// # Errors
    /// When it is not what it may be.
    pub fn optional<T: Field>(&self, field: &str) -> Result<Option<T>> {
        let read = |value| T::from_json(value).map_err(|reason| setting_error(self.class, field, reason));
        self.config.get(field).map(read).transpose()
    }

    /// A setting that has none.
    ///
    /// # Errors
    /// When it is missing, or not what it may be.
    pub fn required<T: Field>(&self, field: &str) -> Result<T> {
        self.optional(field)?.ok_or_else(|| setting_error(self.class, field, "it is missing".to_owned()))
    }
}

fn setting_error(class: &str, field: &str, reason: String) -> Error {
    Error::Setting { class: class.to_owned(), field: field.to_owned(), reason }
}
