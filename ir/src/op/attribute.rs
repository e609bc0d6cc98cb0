//! Attributes of ops, and how they look in the text form.
//!
//! The [`attributes!`](crate::attributes) macro writes an op's struct and derives [`Attributes`] from its fields, so that
//! no op has printing or parsing code of its own.

use std::fmt;
use std::hash::Hash;

use smallvec::SmallVec;

use crate::{DType, Literal, LiteralRef, Scalar, Shape, TensorType};

/// A list of axes or extents.
pub type Axes = SmallVec<[usize; 6]>;
/// A list of signed numbers, one per axis.
pub type Offsets = SmallVec<[i64; 6]>;
/// A list of axes or extents of which there are mostly two: an op with many lists is small.
pub type ShortAxes = SmallVec<[usize; 2]>;
/// A list of signed numbers, one for each of mostly two axes.
pub type ShortOffsets = SmallVec<[i64; 2]>;

/// A list of numbers, a few for each of mostly two axes.
pub type Scalars = SmallVec<[Scalar; 2]>;

/// The value of one attribute as the text form knows it.
#[derive(Clone, Debug, PartialEq)]
pub enum AttrValue {
    /// `12`, `-3`.
    Int(i128),
    /// `true`, `reflect`, `f32`.
    Word(String),
    /// `1.5:f32`, `true:bool`, `3:i8`: a scalar with its dtype.
    Scalar(Scalar),
    /// `[1, 2]`.
    List(Vec<AttrValue>),
    /// `"text"`.
    Text(String),
    /// The type of a tensor: `f32[2]`.
    Type(TensorType),
    /// A tensor: `f32[2] [1.0, 2.0]`, or a reference to the side file.
    Literal(LiteralRef),
}

/// A type that attributes may have.
pub trait Attribute: Sized {
    /// What the parser says it expected.
    const EXPECTED: &'static str;
    /// The textual value.
    fn to_value(&self) -> AttrValue;
    /// The attribute out of a textual value; `None` if the value is of another kind.
    fn from_value(value: &AttrValue) -> Option<Self>;
}

/// A struct of attributes: what an op is besides its name.
pub trait Attributes: Clone + fmt::Debug + Eq + Hash {
    /// Names of the fields, in order.
    const FIELDS: &'static [&'static str];
    /// Names and values of the fields, in order.
    fn to_attrs(&self) -> Vec<(&'static str, AttrValue)>;
    /// The struct out of parsed attributes.
    fn from_attrs(attrs: &mut AttrMap) -> Result<Self, AttributeError>;
}

/// Parsed attributes, taken out one by one.
#[derive(Clone, Debug, Default)]
pub struct AttrMap {
    entries: Vec<(String, AttrValue)>,
}

impl AttrMap {
    /// Adds an attribute; an error if the name is there already.
    pub fn insert(&mut self, name: String, value: AttrValue) -> Result<(), AttributeError> {
        if self.entries.iter().any(|(n, _)| *n == name) {
            return Err(AttributeError::Duplicate { name });
        }
        self.entries.push((name, value));
        Ok(())
    }

    /// Takes out the attribute `name`.
    pub fn take<T: Attribute>(&mut self, name: &'static str) -> Result<T, AttributeError> {
        let at = self.entries.iter().position(|(n, _)| n == name).ok_or(AttributeError::Missing { name })?;
        let (_, value) = self.entries.swap_remove(at);
        T::from_value(&value).ok_or(AttributeError::Kind { name, expected: T::EXPECTED })
    }

    /// An error if an attribute is left: the op has no such attribute.
    pub fn finish(self) -> Result<(), AttributeError> {
        match self.entries.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(AttributeError::Unknown { name }),
        }
    }
}

/// Why parsed attributes do not make an op.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// An attribute is not there.
    #[error("missing attribute `{name}`")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// An attribute is there twice.
    #[error("attribute `{name}` is given twice")]
    Duplicate {
        /// Its name.
        name: String,
    },
    /// The op has no such attribute.
    #[error("unknown attribute `{name}`")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// The value is of the wrong kind.
    #[error("attribute `{name}` must be {expected}")]
    Kind {
        /// Its name.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

/// Writes an op's struct and its [`Attributes`].
#[macro_export]
macro_rules! attributes {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$fmeta:meta])* pub $field:ident : $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        $vis struct $name { $($(#[$fmeta])* pub $field: $ty),* }

        impl $crate::op::Attributes for $name {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn to_attrs(&self) -> Vec<(&'static str, $crate::op::AttrValue)> {
                vec![$((stringify!($field), $crate::op::Attribute::to_value(&self.$field))),*]
            }

            fn from_attrs(
                #[allow(unused_variables, reason = "ops without attributes take none")]
                attrs: &mut $crate::op::AttrMap,
            ) -> Result<$name, $crate::op::AttributeError> {
                Ok($name { $($field: attrs.take(stringify!($field))?),* })
            }
        }
    };
}

/// An enum of words that can be an attribute.
#[macro_export]
macro_rules! word_attribute {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant),* }

        impl $name {
            /// Every variant, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The word of the text form.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
        }

        impl $crate::op::Attribute for $name {
            const EXPECTED: &'static str = concat!("one of", $(" ", $word),*);

            fn to_value(&self) -> $crate::op::AttrValue {
                $crate::op::AttrValue::Word(self.word().to_owned())
            }

            fn from_value(value: &$crate::op::AttrValue) -> Option<$name> {
                let $crate::op::AttrValue::Word(word) = value else { return None };
                $name::ALL.iter().copied().find(|v| v.word() == word)
            }
        }
    };
}

macro_rules! int_attribute {
    ($($ty:ty : $expected:literal),*) => {$(
        impl Attribute for $ty {
            const EXPECTED: &'static str = $expected;
            fn to_value(&self) -> AttrValue {
                AttrValue::Int(*self as i128)
            }
            fn from_value(value: &AttrValue) -> Option<$ty> {
                match value {
                    AttrValue::Int(v) => <$ty>::try_from(*v).ok(),
                    _ => None,
                }
            }
        }
    )*};
}
int_attribute!(usize: "a non-negative integer", i64: "an integer", u64: "a non-negative integer");

impl Attribute for bool {
    const EXPECTED: &'static str = "true or false";
    fn to_value(&self) -> AttrValue {
        AttrValue::Word(self.to_string())
    }
    fn from_value(value: &AttrValue) -> Option<bool> {
        match value {
            AttrValue::Word(w) => w.parse().ok(),
            _ => None,
        }
    }
}

impl Attribute for DType {
    const EXPECTED: &'static str = "a dtype";
    fn to_value(&self) -> AttrValue {
        AttrValue::Word(self.name().to_owned())
    }
    fn from_value(value: &AttrValue) -> Option<DType> {
        match value {
            AttrValue::Word(w) => w.parse().ok(),
            _ => None,
        }
    }
}

impl Attribute for Scalar {
    const EXPECTED: &'static str = "a scalar with its dtype, such as 1.5:f32";
    fn to_value(&self) -> AttrValue {
        AttrValue::Scalar(*self)
    }
    fn from_value(value: &AttrValue) -> Option<Scalar> {
        match value {
            AttrValue::Scalar(s) => Some(*s),
            _ => None,
        }
    }
}

impl Attribute for TensorType {
    const EXPECTED: &'static str = "the type of a tensor, such as f32[4,8]";
    fn to_value(&self) -> AttrValue {
        AttrValue::Type(self.clone())
    }
    fn from_value(value: &AttrValue) -> Option<TensorType> {
        match value {
            AttrValue::Type(ty) => Some(ty.clone()),
            _ => None,
        }
    }
}

impl Attribute for LiteralRef {
    const EXPECTED: &'static str = "a tensor";
    fn to_value(&self) -> AttrValue {
        AttrValue::Literal(self.clone())
    }
    fn from_value(value: &AttrValue) -> Option<LiteralRef> {
        match value {
            AttrValue::Literal(l) => Some(l.clone()),
            AttrValue::Scalar(s) => Some(Literal::scalar(*s).into()),
            _ => None,
        }
    }
}

impl Attribute for String {
    const EXPECTED: &'static str = "a quoted string";
    fn to_value(&self) -> AttrValue {
        AttrValue::Text(self.clone())
    }
    fn from_value(value: &AttrValue) -> Option<String> {
        match value {
            AttrValue::Text(s) => Some(s.clone()),
            _ => None,
        }
    }
}

impl Attribute for Shape {
    const EXPECTED: &'static str = "a list of extents";
    fn to_value(&self) -> AttrValue {
        AttrValue::List(self.sizes().iter().map(Attribute::to_value).collect())
    }
    fn from_value(value: &AttrValue) -> Option<Shape> {
        Axes::from_value(value).map(|sizes| Shape::from(&sizes[..]))
    }
}

impl<T: Attribute, const N: usize> Attribute for SmallVec<[T; N]>
where
    [T; N]: smallvec::Array<Item = T>,
{
    const EXPECTED: &'static str = "a list";
    fn to_value(&self) -> AttrValue {
        AttrValue::List(self.iter().map(Attribute::to_value).collect())
    }
    fn from_value(value: &AttrValue) -> Option<Self> {
        match value {
            AttrValue::List(items) => items.iter().map(T::from_value).collect(),
            _ => None,
        }
    }
}

impl<T: Attribute> Attribute for Option<T> {
    const EXPECTED: &'static str = "`none` or a value";
    fn to_value(&self) -> AttrValue {
        self.as_ref().map_or(AttrValue::Word("none".to_owned()), Attribute::to_value)
    }
    fn from_value(value: &AttrValue) -> Option<Option<T>> {
        match value {
            AttrValue::Word(w) if w == "none" => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}
