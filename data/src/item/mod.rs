//! Elements: what flows through a pipeline.
//!
//! A number or a text that stands alone is kept as it is, so that a million of them are no million tensors; arrays are views of tensors, so that a
//! row of a dataset's tensor is not copied before a batch is made of it.

mod array;
mod codec;
mod convert;
mod fit;
mod pad;
mod ragged;
mod rows;
mod sparse;
mod stack;

use std::sync::Arc;

use tensorwright::{Scalar, Tensor};

use crate::error::{DataError, Result};
use crate::spec::Spec;

pub use array::{Array, Texts};
pub(crate) use codec::{read_item, read_outcome, read_spec, write_item, write_outcome, write_spec};
pub use convert::{FromItem, IntoItem};
pub(crate) use pad::{Fill, PadTarget, pad};
pub use ragged::RaggedArray;
pub use sparse::SparseArray;
pub(crate) use stack::{concat, stack, stack_ragged};

/// A string of bytes, as a rule UTF-8.
pub type Text = Arc<[u8]>;

/// One element of a dataset, or a part of one.
#[derive(Clone, Debug)]
pub enum Item {
    /// One number.
    Number(Scalar),
    /// One text.
    Text(Text),
    /// Numbers along axes.
    Array(Box<Array>),
    /// Texts along axes.
    Texts(Box<Texts>),
    /// Rows of different lengths.
    Ragged(Box<RaggedArray>),
    /// An array by the places that are not 0.
    Sparse(Box<SparseArray>),
    /// A finite dataset.
    Window(Arc<Window>),
    /// Parts side by side.
    Tuple(Box<[Item]>),
    /// Parts by names.
    Dict(Box<Dict>),
}

/// Parts by names, which are sorted.
#[derive(Clone, Debug)]
pub struct Dict {
    names: Arc<[Arc<str>]>,
    parts: Vec<Item>,
}

/// A finite dataset as an element.
#[derive(Debug)]
pub struct Window {
    /// What an element looks like.
    pub spec: Spec,
    /// The elements.
    pub items: Vec<Item>,
}

impl Dict {
    /// A dict of names that are sorted, and a part for each.
    pub(crate) fn sorted(names: Arc<[Arc<str>]>, parts: Vec<Item>) -> Dict {
        debug_assert_eq!(names.len(), parts.len());
        Dict { names, parts }
    }

    /// The names, sorted.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The parts, in the order of their names.
    pub fn parts(&self) -> &[Item] {
        &self.parts
    }

    /// The part of this name.
    pub fn get(&self, name: &str) -> Option<&Item> {
        let place = self.names.binary_search_by(|other| (**other).cmp(name)).ok()?;
        self.parts.get(place)
    }

    pub(crate) fn shared_names(&self) -> Arc<[Arc<str>]> {
        Arc::clone(&self.names)
    }
}

impl Item {
    /// A number.
    pub fn number(value: impl Into<Scalar>) -> Item {
        Item::Number(value.into())
    }

    /// A text.
    pub fn text(value: impl AsRef<[u8]>) -> Item {
        Item::Text(Arc::from(value.as_ref()))
    }

    /// Parts side by side.
    pub fn tuple(parts: impl IntoIterator<Item = Item>) -> Item {
        Item::Tuple(parts.into_iter().collect())
    }

    /// Parts by names.
    pub fn dict<'n>(entries: impl IntoIterator<Item = (&'n str, Item)>) -> Item {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by_key(|(name, _)| *name);
        let (names, parts): (Vec<Arc<str>>, Vec<Item>) =
            entries.into_iter().map(|(name, item)| (Arc::from(name), item)).unzip();
        Item::Dict(Box::new(Dict::sorted(names.into(), parts)))
    }

    /// The parts of a tuple or a dict, in order.
    pub fn parts(&self) -> Option<&[Item]> {
        match self {
            Item::Tuple(parts) => Some(parts),
            Item::Dict(dict) => Some(dict.parts()),
            _ => None,
        }
    }

    /// The same structure, with `f` of each part that is no tuple or dict.
    ///
    /// # Errors
    /// The first that `f` gives.
    pub(crate) fn try_map<E>(&self, f: &mut impl FnMut(&Item) -> Result<Item, E>) -> Result<Item, E> {
        Ok(match self {
            Item::Tuple(parts) => {
                Item::Tuple(parts.iter().map(|part| part.try_map(f)).collect::<Result<_, E>>()?)
            }
            Item::Dict(dict) => {
                let parts = dict.parts.iter().map(|part| part.try_map(f)).collect::<Result<_, E>>()?;
                Item::Dict(Box::new(Dict::sorted(dict.shared_names(), parts)))
            }
            leaf => f(leaf)?,
        })
    }

    /// The parts that are no tuples or dicts, in order.
    pub fn components(&self) -> Vec<&Item> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect<'i>(&'i self, found: &mut Vec<&'i Item>) {
        match self.parts() {
            Some(parts) => parts.iter().for_each(|part| part.collect(found)),
            None => found.push(self),
        }
    }

    /// About how many bytes it keeps in memory.
    pub(crate) fn held_bytes(&self) -> usize {
        let inner = match self {
            Item::Number(_) => 0,
            Item::Text(text) => text.len(),
            Item::Array(array) => array.sizes().iter().product::<usize>() * array.dtype().size(),
            Item::Texts(texts) => texts.values().iter().map(|text| text.len() + size_of::<Text>()).sum(),
            Item::Ragged(ragged) => ragged.values().held_bytes(),
            Item::Sparse(sparse) => sparse.values().held_bytes() + size_of_val(sparse.places()),
            Item::Window(window) => window.items.iter().map(Item::held_bytes).sum(),
            Item::Tuple(parts) => parts.iter().map(Item::held_bytes).sum(),
            Item::Dict(dict) => dict.parts().iter().map(Item::held_bytes).sum(),
        };
        size_of::<Item>() + inner
    }

    /// A tensor, as an element.
    ///
    /// # Errors
    /// The error that the tensor carries.
    pub fn from_tensor(tensor: Tensor) -> Result<Item> {
        Ok(match tensor.rank()? {
            0 if !tensor.is_traced() => Item::Number(tensor.to_scalar()?),
            _ => Item::Array(Box::new(Array::whole(tensor)?)),
        })
    }

    /// A number or an array, as a tensor.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn to_tensor(&self) -> Result<Tensor> {
        match self {
            Item::Number(number) => Ok(Tensor::scalar(*number)),
            Item::Array(array) => array.to_tensor(),
            other => Err(DataError::invalid(format!("a tensor is wanted, found {}", other.spec()))),
        }
    }

    /// The number.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn to_number(&self) -> Result<Scalar> {
        match self {
            Item::Number(number) => Ok(*number),
            other => Err(DataError::invalid(format!("a number is wanted, found {}", other.spec()))),
        }
    }
}

impl From<Scalar> for Item {
    fn from(number: Scalar) -> Item {
        Item::Number(number)
    }
}
