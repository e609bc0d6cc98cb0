//! Rows that have different lengths.

use std::ops::Range;
use std::sync::Arc;

use super::Item;
use crate::error::{DataError, Result};

/// Rows of different lengths: all their rows in one array or, if these are ragged too, in one ragged array, and where each row begins.
#[derive(Clone, Debug)]
pub struct RaggedArray {
    /// Where each row begins and the next one ends, one more than rows.
    offsets: Arc<[usize]>,
    values: Item,
}

impl RaggedArray {
    /// Rows of values, which are an array of at least one axis, or ragged. Row `i` is `offsets[i]..offsets[i + 1]`.
    ///
    /// # Errors
    /// When offsets fall, or do not lie in the values.
    pub fn new(offsets: impl Into<Arc<[usize]>>, values: Item) -> Result<RaggedArray> {
        let offsets = offsets.into();
        let len = values.rows().ok_or_else(|| DataError::invalid("ragged rows need an array of values"))?;
        let fits = offsets.is_sorted() && offsets.last().is_some_and(|last| *last <= len);
        match fits {
            true => Ok(RaggedArray { offsets, values }),
            false => Err(DataError::invalid(format!("offsets {offsets:?} do not lie in {len} values"))),
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Where each row begins and the next one ends, one more than rows.
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// What rows consist of, one behind the other.
    pub fn values(&self) -> &Item {
        &self.values
    }

    /// How many axes are ragged: 1 if rows consist of arrays.
    pub fn ragged_axes(&self) -> usize {
        match &self.values {
            Item::Ragged(inner) => 1 + inner.ragged_axes(),
            _ => 1,
        }
    }

    pub(crate) fn row(&self, row: usize) -> Item {
        self.values.slice(self.offsets[row]..self.offsets[row + 1])
    }

    pub(crate) fn slice(&self, rows: Range<usize>) -> RaggedArray {
        RaggedArray { offsets: self.offsets[rows.start..=rows.end].into(), values: self.values.clone() }
    }
}
