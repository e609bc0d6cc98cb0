//! Elements as values of Rust, and back.

use std::collections::BTreeMap;
use std::sync::Arc;

use tensorwright::{DType, Element, Ragged, Tensor};

use super::{Item, RaggedArray, Text};
use crate::error::{DataError, Result};
use crate::spec::{ElementKind, Extents, Spec};

/// A type that elements become: what closures of pipelines take, and what iterators give.
///
/// Numbers, `String`, bytes (`Vec<u8>`), [`Tensor`], [`Ragged`], [`Item`] itself, tuples of these, and maps by name. A number becomes only the type of
/// its dtype.
#[diagnostic::on_unimplemented(
    message = "an element of a dataset does not become `{Self}`",
    note = "it becomes numbers, `String`, `Vec<u8>`, `Tensor`, `Ragged`, `Item`, tuples of these, and `BTreeMap<String, _>`"
)]
pub trait FromItem: Sized {
    /// Whether this consists of tensors alone: closures over them are traced and compiled.
    const IS_TENSORS: bool = false;

    /// Whether elements of this spec may become it.
    fn accepts(spec: &Spec) -> bool;

    /// What the element becomes.
    ///
    /// # Errors
    /// When it is something else.
    fn from_item(item: Item) -> Result<Self>;
}

/// A type that becomes an element: what closures of pipelines give.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not become an element of a dataset",
    note = "numbers, `String`, `Vec<u8>`, `Tensor`, `Ragged`, `Item`, tuples of these, `BTreeMap<String, _>`, and `Result`s of them do"
)]
pub trait IntoItem {
    /// Whether this consists of tensors alone.
    const IS_TENSORS: bool = false;

    /// What is known of the element by its type.
    fn spec() -> Spec;

    /// The element.
    ///
    /// # Errors
    /// The error that it carries.
    fn into_item(self) -> Result<Item>;
}

fn unexpected(item: &Item, wanted: &str) -> DataError {
    DataError::invalid(format!("{wanted} is wanted, found {}", item.spec()))
}

macro_rules! numbers {
    ($($ty:ty)*) => {$(
        impl FromItem for $ty {
            fn accepts(spec: &Spec) -> bool {
                match spec {
                    Spec::Dense(kind, shape) => {
                        *kind == ElementKind::Number(<$ty as Element>::DTYPE) && shape.is_compatible(&Extents::scalar())
                    }
                    other => *other == Spec::Any,
                }
            }

            fn from_item(item: Item) -> Result<$ty> {
                match item {
                    Item::Number(number) if number.dtype() == <$ty as Element>::DTYPE => Ok(<$ty as Element>::from_scalar(number)),
                    other => Err(unexpected(&other, stringify!($ty))),
                }
            }
        }

        impl IntoItem for $ty {
            fn spec() -> Spec {
                Spec::scalar(<$ty as Element>::DTYPE)
            }

            #[inline]
            fn into_item(self) -> Result<Item> {
                Ok(Item::Number(self.into()))
            }
        }
    )*};
}
numbers!(bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64);

fn is_text(spec: &Spec) -> bool {
    match spec {
        Spec::Dense(ElementKind::Text, shape) => shape.is_compatible(&Extents::scalar()),
        other => *other == Spec::Any,
    }
}

macro_rules! texts {
    ($($ty:ty, $from:expr;)*) => {$(
        impl FromItem for $ty {
            fn accepts(spec: &Spec) -> bool {
                is_text(spec)
            }

            fn from_item(item: Item) -> Result<$ty> {
                match item {
                    Item::Text(text) => $from(text),
                    other => Err(unexpected(&other, "a text")),
                }
            }
        }

        impl IntoItem for $ty {
            fn spec() -> Spec {
                Spec::scalar(ElementKind::Text)
            }

            fn into_item(self) -> Result<Item> {
                Ok(Item::text(self))
            }
        }
    )*};
}
texts! {
    String, |text: Text| String::from_utf8(text.to_vec()).map_err(|_| DataError::invalid("the text is no UTF-8: take it as bytes"));
    Vec<u8>, |text: Text| Ok(text.to_vec());
    Text, Ok;
}

impl IntoItem for &str {
    fn spec() -> Spec {
        Spec::scalar(ElementKind::Text)
    }

    fn into_item(self) -> Result<Item> {
        Ok(Item::text(self))
    }
}

impl FromItem for Item {
    fn accepts(_: &Spec) -> bool {
        true
    }

    fn from_item(item: Item) -> Result<Item> {
        Ok(item)
    }
}

impl IntoItem for Item {
    fn spec() -> Spec {
        Spec::Any
    }

    fn into_item(self) -> Result<Item> {
        Ok(self)
    }
}

impl FromItem for Tensor {
    const IS_TENSORS: bool = true;

    fn accepts(spec: &Spec) -> bool {
        match spec {
            Spec::Dense(kind, _) | Spec::Ragged(kind, _, 0) => *kind != ElementKind::Text,
            other => *other == Spec::Any,
        }
    }

    fn from_item(item: Item) -> Result<Tensor> {
        item.to_tensor()
    }
}

impl IntoItem for Tensor {
    const IS_TENSORS: bool = true;

    fn spec() -> Spec {
        Spec::Any
    }

    fn into_item(self) -> Result<Item> {
        Item::from_tensor(self)
    }
}

impl FromItem for Ragged {
    fn accepts(spec: &Spec) -> bool {
        match spec {
            Spec::Ragged(kind, _, 1) => *kind != ElementKind::Text,
            other => *other == Spec::Any,
        }
    }

    fn from_item(item: Item) -> Result<Ragged> {
        match &item {
            Item::Ragged(ragged) => {
                let own = ragged.offsets();
                let values = ragged.values().slice(own[0]..own[own.len() - 1]).to_tensor()?;
                let lengths: Vec<i64> = own.windows(2).map(|ends| (ends[1] - ends[0]) as i64).collect();
                Ok(Ragged::from_lengths(values, lengths)?)
            }
            other => Err(unexpected(other, "a ragged array")),
        }
    }
}

impl IntoItem for Ragged {
    fn spec() -> Spec {
        Spec::Any
    }

    fn into_item(self) -> Result<Item> {
        let lengths = self.lengths().cast(DType::I64).to_vec::<i64>()?;
        let ends = lengths.iter().scan(0, |end, length| {
            *end += *length as usize;
            Some(*end)
        });
        let offsets: Vec<usize> = [0].into_iter().chain(ends).collect();
        let values = Item::from_tensor(self.values().clone())?;
        Ok(Item::Ragged(Box::new(RaggedArray::new(offsets, values)?)))
    }
}

impl<T: IntoItem, E: Into<DataError>> IntoItem for Result<T, E> {
    const IS_TENSORS: bool = T::IS_TENSORS;

    fn spec() -> Spec {
        T::spec()
    }

    fn into_item(self) -> Result<Item> {
        self.map_err(E::into)?.into_item()
    }
}

impl<T: FromItem> FromItem for BTreeMap<String, T> {
    const IS_TENSORS: bool = T::IS_TENSORS;

    fn accepts(spec: &Spec) -> bool {
        match spec {
            Spec::Dict(parts) => parts.values().all(T::accepts),
            other => *other == Spec::Any,
        }
    }

    fn from_item(item: Item) -> Result<BTreeMap<String, T>> {
        match item {
            Item::Dict(dict) => {
                let entries = dict.names().iter().zip(dict.parts());
                entries.map(|(name, part)| Ok((name.to_string(), T::from_item(part.clone())?))).collect()
            }
            other => Err(unexpected(&other, "parts by names")),
        }
    }
}

impl<T: IntoItem> IntoItem for BTreeMap<String, T> {
    const IS_TENSORS: bool = T::IS_TENSORS;

    fn spec() -> Spec {
        Spec::Any
    }

    fn into_item(self) -> Result<Item> {
        let names: Arc<[Arc<str>]> = self.keys().map(|name| Arc::from(name.as_str())).collect();
        let parts = self.into_values().map(T::into_item).collect::<Result<_>>()?;
        Ok(Item::Dict(Box::new(super::Dict::sorted(names, parts))))
    }
}

macro_rules! tuples {
    ($count:literal: $($t:ident $x:ident),*) => {
        impl<$($t: FromItem),*> FromItem for ($($t,)*) {
            const IS_TENSORS: bool = true $(&& $t::IS_TENSORS)*;

            fn accepts(spec: &Spec) -> bool {
                match spec {
                    Spec::Tuple(parts) => match &parts[..] {
                        [$($x),*] => true $(&& $t::accepts($x))*,
                        _ => false,
                    },
                    other => *other == Spec::Any,
                }
            }

            fn from_item(item: Item) -> Result<Self> {
                match item {
                    Item::Tuple(parts) => match <[Item; $count]>::try_from(parts.into_vec()) {
                        Ok([$($x),*]) => Ok(($($t::from_item($x)?,)*)),
                        Err(parts) => Err(unexpected(&Item::tuple(parts), concat!("a tuple of ", $count))),
                    },
                    other => Err(unexpected(&other, concat!("a tuple of ", $count))),
                }
            }
        }

        impl<$($t: IntoItem),*> IntoItem for ($($t,)*) {
            const IS_TENSORS: bool = true $(&& $t::IS_TENSORS)*;

            fn spec() -> Spec {
                Spec::Tuple(vec![$($t::spec()),*])
            }

            fn into_item(self) -> Result<Item> {
                let ($($x,)*) = self;
                Ok(Item::Tuple(Box::new([$($x.into_item()?),*])))
            }
        }
    };
}
tuples!(1: A a);
tuples!(2: A a, B b);
tuples!(3: A a, B b, C c);
tuples!(4: A a, B b, C c, D d);
tuples!(5: A a, B b, C c, D d, E e);
tuples!(6: A a, B b, C c, D d, E e, F f);

impl FromItem for Arc<super::Window> {
    fn accepts(spec: &Spec) -> bool {
        matches!(spec, Spec::Window(_) | Spec::Any)
    }

    fn from_item(item: Item) -> Result<Arc<super::Window>> {
        match item {
            Item::Window(window) => Ok(window),
            other => Err(unexpected(&other, "a window")),
        }
    }
}
