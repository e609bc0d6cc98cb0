//! What a kernel that is registered by name is told besides its operands.

use smallvec::SmallVec;

use super::attribute::{AttrValue, Attribute};
use super::sample::Draw;
use crate::Scalar;

/// The value of an attribute of a `custom_call`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CallAttribute {
    /// `12`, `-3`.
    Int(i64),
    /// `[1, 2]`.
    Ints(SmallVec<[i64; 4]>),
    /// `1.5:f32`, `true:bool`.
    Scalar(Scalar),
    /// `"text"`.
    Text(String),
}

impl From<i64> for CallAttribute {
    fn from(value: i64) -> CallAttribute {
        CallAttribute::Int(value)
    }
}

impl From<i32> for CallAttribute {
    fn from(value: i32) -> CallAttribute {
        CallAttribute::Int(value.into())
    }
}

impl From<bool> for CallAttribute {
    fn from(value: bool) -> CallAttribute {
        CallAttribute::Scalar(value.into())
    }
}

impl From<f64> for CallAttribute {
    fn from(value: f64) -> CallAttribute {
        CallAttribute::Scalar(value.into())
    }
}

impl From<&str> for CallAttribute {
    fn from(value: &str) -> CallAttribute {
        CallAttribute::Text(value.to_owned())
    }
}

impl From<&[i64]> for CallAttribute {
    fn from(value: &[i64]) -> CallAttribute {
        CallAttribute::Ints(value.into())
    }
}

impl Attribute for CallAttribute {
    const EXPECTED: &'static str = "an integer, a list of integers, a scalar with its dtype, or a text";

    fn to_value(&self) -> AttrValue {
        match self {
            CallAttribute::Int(value) => value.to_value(),
            CallAttribute::Ints(values) => values.to_value(),
            CallAttribute::Scalar(value) => value.to_value(),
            CallAttribute::Text(value) => value.to_value(),
        }
    }

    fn from_value(value: &AttrValue) -> Option<CallAttribute> {
        match value {
            AttrValue::Int(_) => Attribute::from_value(value).map(CallAttribute::Int),
            AttrValue::List(_) => Attribute::from_value(value).map(CallAttribute::Ints),
            AttrValue::Scalar(_) => Attribute::from_value(value).map(CallAttribute::Scalar),
            AttrValue::Text(_) => Attribute::from_value(value).map(CallAttribute::Text),
            AttrValue::Word(_) | AttrValue::Type(_) | AttrValue::Literal(_) => None,
        }
    }
}

/// Attributes with their names, in order: `[["axis", 1], ["mode", "fast"]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CallAttributes(Vec<(String, CallAttribute)>);

impl CallAttributes {
    /// The attribute of this name.
    pub fn get(&self, name: &str) -> Option<&CallAttribute> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &CallAttribute)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(super) fn sample(draw: &mut Draw<'_>) -> CallAttributes {
        let values = [
            CallAttribute::Int(draw.between(-3, 3)),
            CallAttribute::Ints((0..draw.below(3) as i64).collect()),
            CallAttribute::Scalar(draw.flip().into()),
            CallAttribute::Scalar(1.5f32.into()),
            CallAttribute::Text("a \"text\"".to_owned()),
        ];
        values
            .into_iter()
            .take(draw.below(6))
            .enumerate()
            .map(|(i, value)| (format!("a{i}"), value))
            .collect()
    }
}

impl<N: Into<String>, V: Into<CallAttribute>> FromIterator<(N, V)> for CallAttributes {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(items: I) -> CallAttributes {
        CallAttributes(items.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Attribute for CallAttributes {
    const EXPECTED: &'static str = "a list of names with values, such as [[\"axis\", 1]]";

    fn to_value(&self) -> AttrValue {
        let pair = |(name, value): &(String, CallAttribute)| {
            AttrValue::List(vec![name.to_value(), value.to_value()])
        };
        AttrValue::List(self.0.iter().map(pair).collect())
    }

    fn from_value(value: &AttrValue) -> Option<CallAttributes> {
        let AttrValue::List(items) = value else { return None };
        let pair = |item: &AttrValue| match item {
            AttrValue::List(pair) => match &pair[..] {
                [AttrValue::Text(name), value] => Some((name.clone(), CallAttribute::from_value(value)?)),
                _ => None,
            },
            _ => None,
        };
        items.iter().map(pair).collect()
    }
}
