//! Rows along the first axis.

use std::ops::Range;

use super::Item;
use crate::error::{DataError, Result};

impl Item {
    /// How many rows there are along the first axis of an array. `None` for what has no axis, and for tuples, dicts and windows.
    pub fn rows(&self) -> Option<usize> {
        match self {
            Item::Array(array) => array.sizes().first().copied(),
            Item::Texts(texts) => texts.sizes().first().copied(),
            Item::Ragged(ragged) => Some(ragged.rows()),
            Item::Sparse(sparse) => sparse.sizes().first().copied(),
            Item::Number(_) | Item::Text(_) | Item::Window(_) | Item::Tuple(_) | Item::Dict(_) => None,
        }
    }

    /// How many rows all components have.
    ///
    /// # Errors
    /// When one has no axis, or another number of rows.
    pub(crate) fn common_rows(&self) -> Result<usize> {
        let mut common = None;
        for (i, component) in self.components().into_iter().enumerate() {
            let rows = component.rows().ok_or_else(|| {
                DataError::invalid(format!("component {i} has no rows: {}", component.spec()))
            })?;
            match common {
                Some(first) if first != rows => {
                    let message = format!("component 0 has {first} rows, component {i} has {rows}");
                    return Err(DataError::invalid(message));
                }
                _ => common = Some(rows),
            }
        }
        common.ok_or_else(|| DataError::invalid("an element without components has no rows"))
    }

    /// A row along the first axis, of all components. Panics if there is no such row: that is the caller's bug.
    ///
    /// # Errors
    /// When a tensor is traced, and has no values.
    pub(crate) fn row(&self, row: usize) -> Result<Item> {
        match self {
            Item::Array(array) => array.row(row),
            Item::Texts(texts) => Ok(texts.row(row)),
            Item::Ragged(ragged) => Ok(ragged.row(row)),
            Item::Sparse(sparse) => sparse.row(row),
            Item::Tuple(_) | Item::Dict(_) => self.try_map(&mut |leaf| leaf.row(row)),
            Item::Number(_) | Item::Text(_) | Item::Window(_) => Err(DataError::invalid("there are no rows")),
        }
    }

    /// Adjacent rows of an array; what is none, unchanged.
    pub(crate) fn slice(&self, rows: Range<usize>) -> Item {
        match self {
            Item::Array(array) => Item::Array(Box::new(array.slice(rows))),
            Item::Texts(texts) => Item::Texts(Box::new(texts.slice(rows))),
            Item::Ragged(ragged) => Item::Ragged(Box::new(ragged.slice(rows))),
            other => other.clone(),
        }
    }

    /// The sizes of an array; none of a number or a text. `None` of what is no array.
    pub fn sizes(&self) -> Option<&[usize]> {
        match self {
            Item::Number(_) | Item::Text(_) => Some(&[]),
            Item::Array(array) => Some(array.sizes()),
            Item::Texts(texts) => Some(texts.sizes()),
            _ => None,
        }
    }
}
