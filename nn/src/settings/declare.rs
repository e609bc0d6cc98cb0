//! The macro that declares a layer's settings.

/// Declares a layer: its required settings in parentheses, the others, with their defaults, in braces. It makes a struct, `new` with the
/// required settings, a method for each other one, and JSON both ways.
///
/// [`Layer`](crate::Layer) has an example.
#[macro_export]
macro_rules! layer {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(as $class:literal)? ($($(#[$need_doc:meta])* $need:ident: $need_ty:ty),* $(,)?) {
            $($(#[$doc:meta])* $field:ident: $ty:ty = $default:expr),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone)]
        $vis struct $name {
            $($need: $need_ty,)*
            $($field: $ty,)*
        }

        impl $name {
            #[doc = concat!("A `", stringify!($name), "` with ", $("`", stringify!($need), "`, ",)* "and defaults for all else.")]
            #[allow(clippy::new_without_default, reason = "layers with settings that have no default are made by `new` too")]
            pub fn new($($need: impl $crate::Setting<$need_ty>),*) -> $name {
                $name { $($need: $need.setting(),)* $($field: $default,)* }
            }

            $(
                $(#[$doc])*
                #[must_use]
                pub fn $field(mut self, $field: impl $crate::Setting<$ty>) -> $name {
                    self.$field = $field.setting();
                    self
                }
            )*

            /// The layer, to be called and shared.
            pub fn layer(self) -> $crate::LayerRef {
                self.into()
            }
        }

        impl $crate::Configuration for $name {
            fn class_name(&self) -> &'static str {
                <$name as $crate::LayerClass>::CLASS
            }

            #[allow(unused_mut, reason = "some layers have no settings")]
            fn config(&self) -> $crate::json::Map<String, $crate::json::Value> {
                let mut config = $crate::json::Map::new();
                $(config.insert(stringify!($need).to_owned(), $crate::Field::to_json(&self.$need));)*
                $(config.insert(stringify!($field).to_owned(), $crate::Field::to_json(&self.$field));)*
                config
            }

            #[allow(unused_variables, reason = "some layers have no settings")]
            fn visit_layers(&self, visit: &mut dyn FnMut(&str, &$crate::LayerRef)) {
                $($crate::Field::visit_layers(&self.$need, visit);)*
                $($crate::Field::visit_layers(&self.$field, visit);)*
            }
        }

        impl $crate::LayerClass for $name {
            const CLASS: &'static str = $crate::class_name!($name $($class)?);

            fn from_config(config: &$crate::json::Map<String, $crate::json::Value>) -> Result<$name, $crate::Error> {
                #[allow(unused_variables, reason = "some layers have no settings")]
                let row = $crate::Row::new(Self::CLASS, config, &[$(stringify!($need),)* $(stringify!($field),)*])?;
                Ok($name {
                    $($need: row.required(stringify!($need))?,)*
                    $($field: row.optional(stringify!($field))?.unwrap_or_else(|| $default),)*
                })
            }
        }
    };
}

/// The name that a class has in JSON.
#[doc(hidden)]
#[macro_export]
macro_rules! class_name {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $class:literal) => {
        $class
    };
}
