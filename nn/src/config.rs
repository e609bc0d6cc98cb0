//! Configuration: what layers, losses, metrics and optimisers are made of, as rows of JSON that are written down and read back.
//!
//! A row is Keras 3's: `{"class_name": NAME, "config": {..}}`, or a name alone, which stands for the defaults. Upper and lower case and underscores
//! of names mean nothing, so that `GlorotUniform` and `glorot_uniform` are one. Fields that are left out have their defaults; a field
//! that is not known is an error, but for those that say nothing about what is computed.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The fields of a configuration.
pub type Fields = Map<String, Value>;

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is nothing of this name.
    #[error("there is no {family} `{name}`")]
    UnknownName {
        /// What is looked for, such as "loss".
        family: &'static str,
        /// The name.
        name: String,
    },
    /// A field that is not known, or has another type.
    #[error("configuration of the {family} `{name}`: {source}")]
    Field {
        /// What is configured, such as "loss".
        family: &'static str,
        /// Its name.
        name: String,
        /// Which field, and why.
        source: serde_json::Error,
    },
    /// The value is neither a name nor a class with its configuration.
    #[error("a {family} is a name or a `class_name` with its `config`, not {found}")]
    NoRow {
        /// What is looked for, such as "loss".
        family: &'static str,
        /// What was found.
        found: Value,
    },
    /// Closures cannot be written down.
    #[error("the {family} `{name}` is a closure, which cannot be written down")]
    Closure {
        /// What is written down, such as "loss".
        family: &'static str,
        /// Its name.
        name: String,
    },
}

/// The name and the fields of a row: of `"relu"`, or of `{"class_name": "Constant", "config": {"value": 1.0}}`.
///
/// # Errors
/// When the value is neither.
pub fn row(family: &'static str, value: &Value) -> Result<(String, Fields), ConfigError> {
    let refused = || ConfigError::NoRow { family, found: value.clone() };
    if let Value::String(name) = value {
        return Ok((name.clone(), Fields::new()));
    }
    let name = value.get("class_name").and_then(Value::as_str).ok_or_else(refused)?;
    match value.get("config") {
        None | Some(Value::Null) => Ok((name.to_owned(), Fields::new())),
        Some(Value::Object(fields)) => Ok((name.to_owned(), fields.clone())),
        Some(Value::String(function)) if name == "function" => Ok((function.clone(), Fields::new())),
        Some(_) => Err(refused()),
    }
}

/// The row of a class: `{"class_name": name, "config": fields}`.
pub fn row_of(name: &str, fields: impl Into<Value>) -> Value {
    json!({"class_name": name, "config": fields.into()})
}

/// Whether two names are one, but for upper and lower case and underscores.
pub fn same_name(left: &str, right: &str) -> bool {
    let letters = |name: &str| name.bytes().filter(|b| *b != b'_').map(|b| b.to_ascii_lowercase()).collect();
    let (left, right): (Vec<u8>, Vec<u8>) = (letters(left), letters(right));
    left == right
}

/// A name of words in capitals as words with underscores: `F1Score` is `f1_score`.
pub fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let begins_word = |at: usize| {
        let after_small = at > 0 && !letters[at - 1].is_uppercase();
        let before_small = at > 0 && letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        letters[at].is_uppercase() && (after_small || before_small)
    };
    let mut snake = String::new();
    for (at, letter) in letters.iter().enumerate() {
        if begins_word(at) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Fields of Keras that say how a thing is called or stored, not what it computes.
const WITHOUT_MEANING: [&str; 4] = ["name", "dtype", "seed", "trainable"];

/// A typed configuration out of fields.
pub(crate) fn typed<T: DeserializeOwned>(
    family: &'static str,
    name: &str,
    mut fields: Fields,
) -> Result<T, ConfigError> {
    fields.retain(|field, _| !WITHOUT_MEANING.contains(&field.as_str()));
    serde_json::from_value(Value::Object(fields)).map_err(|source| ConfigError::Field {
        family,
        name: name.to_owned(),
        source,
    })
}

/// The axes that something is computed along: one, several, or all. Negative ones count from the end.
///
/// In JSON a number, a list or `null`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Along {
    /// One axis.
    Axis(i64),
    /// Several axes.
    Axes(Vec<i64>),
    /// All axes.
    All,
}

impl Along {
    /// The last axis.
    pub const LAST: Along = Along::Axis(-1);
}

impl From<i64> for Along {
    fn from(axis: i64) -> Along {
        Along::Axis(axis)
    }
}

impl<const N: usize> From<[i64; N]> for Along {
    fn from(axes: [i64; N]) -> Along {
        Along::Axes(axes.to_vec())
    }
}

impl Along {
    /// The axes of a tensor of this rank.
    pub fn axes(&self, rank: usize) -> Vec<i64> {
        match self {
            Along::Axis(axis) => vec![*axis],
            Along::Axes(axes) => axes.clone(),
            Along::All => (0..rank as i64).collect(),
        }
    }
}

/// Declares a family of configurations: an enum with a variant for each struct, its names (the first is the one that is written), and how rows become
/// values and back.
macro_rules! family {
    ($(#[$meta:meta])* $family:ident as $what:literal { $($variant:ident: $class:literal $(| $alias:literal)*;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum $family {
            $(#[doc = concat!("[`", stringify!($variant), "`].")] $variant($variant),)*
        }

        $(impl From<$variant> for $family {
            fn from(value: $variant) -> $family {
                $family::$variant(value)
            }
        })*

        impl $family {
            /// The name of the class in Keras 3.
            pub fn class_name(&self) -> &'static str {
                match self { $($family::$variant(_) => $class,)* }
            }

            /// The one of this name, with these fields.
            ///
            /// # Errors
            /// When there is none of this name, or a field is not one of its own.
            pub fn from_config(name: &str, fields: $crate::config::Fields) -> Result<$family, $crate::config::ConfigError> {
                $(if [$class $(, $alias)*].iter().any(|known| $crate::config::same_name(known, name)) {
                    return $crate::config::typed::<$variant>($what, $class, fields).map($family::$variant);
                })*
                Err($crate::config::ConfigError::UnknownName { family: $what, name: name.to_owned() })
            }
        }

        $crate::config::rows!($family as $what { self => match self {
            $($family::$variant(value) => serde::Serialize::serialize(value, serde_json::value::Serializer),)*
        }});
    };
}

/// Rows in and out of a type with `class_name` and `from_config`.
macro_rules! rows {
    ($family:ident as $what:literal { $this:ident => $fields:expr }) => {
        impl TryFrom<&serde_json::Value> for $family {
            type Error = $crate::config::ConfigError;

            fn try_from(value: &serde_json::Value) -> Result<$family, Self::Error> {
                let (name, fields) = $crate::config::row($what, value)?;
                $family::from_config(&name, fields)
            }
        }

        impl std::str::FromStr for $family {
            type Err = $crate::config::ConfigError;

            fn from_str(name: &str) -> Result<$family, Self::Err> {
                $family::from_config(name, $crate::config::Fields::new())
            }
        }

        impl serde::Serialize for $family {
            fn serialize<S: serde::Serializer>(&$this, serializer: S) -> Result<S::Ok, S::Error> {
                let fields = $fields.map_err(serde::ser::Error::custom)?;
                $crate::config::row_of($this.class_name(), fields).serialize(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $family {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$family, D::Error> {
                let value = serde_json::Value::deserialize(deserializer)?;
                $family::try_from(&value).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Structs without fields, whose configuration is `{}`.
macro_rules! without_fields {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(from = "crate::config::NoFields", into = "crate::config::NoFields")]
        pub struct $name;

        impl From<$crate::config::NoFields> for $name {
            fn from(_: $crate::config::NoFields) -> $name {
                $name
            }
        }

        impl From<$name> for $crate::config::NoFields {
            fn from(_: $name) -> $crate::config::NoFields {
                $crate::config::NoFields {}
            }
        }
    )*};
}

/// Structs with fields: the struct, its defaults, and its configuration.
macro_rules! with_fields {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty = $default:expr,)+ })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $ty,)+
        }

        /// The defaults of Keras.
        impl Default for $name {
            fn default() -> $name {
                $name { $($field: $default,)+ }
            }
        }
    )*};
}
pub(crate) use {family, rows, with_fields, without_fields};

/// The configuration of what has none.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}
