//! Arrays by those of their places that are not 0.

use super::Item;
use crate::error::{DataError, Result};

/// An array of which only some places are kept, in order.
#[derive(Clone, Debug)]
pub struct SparseArray {
    /// The index of each place, one after the other: as many numbers a place as there are axes.
    places: Vec<i64>,
    values: Item,
    sizes: Vec<usize>,
}

impl SparseArray {
    /// Places, each with as many numbers as there are axes, and a vector of values.
    ///
    /// # Errors
    /// When there are not as many values as places, or a place lies outside of the array.
    pub fn new(places: Vec<i64>, values: Item, sizes: Vec<usize>) -> Result<SparseArray> {
        let count =
            values.rows().ok_or_else(|| DataError::invalid("a sparse array needs a vector of values"))?;
        if places.len() != count * sizes.len() {
            return Err(DataError::invalid(format!(
                "{} numbers are no places for {count} values",
                places.len()
            )));
        }
        let is_inside = |(i, place): (usize, &i64)| (0..sizes[i % sizes.len()] as i64).contains(place);
        match places.iter().enumerate().all(is_inside) {
            true => Ok(SparseArray { places, values, sizes }),
            false => Err(DataError::invalid(format!("a place lies outside of a sparse array of {sizes:?}"))),
        }
    }

    /// The index of each place, one after the other.
    pub fn places(&self) -> &[i64] {
        &self.places
    }

    /// The values, a vector.
    pub fn values(&self) -> &Item {
        &self.values
    }

    /// The sizes of the array.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    pub(crate) fn row(&self, row: usize) -> Result<Item> {
        let rank = self.sizes.len();
        let chosen = self.places.chunks_exact(rank).enumerate().filter(|(_, place)| place[0] == row as i64);
        let (mut places, mut values) = (Vec::new(), Vec::new());
        for (i, place) in chosen {
            places.extend_from_slice(&place[1..]);
            values.push(self.values.row(i)?);
        }
        let values = match values.is_empty() {
            true => self.values.slice(0..0),
            false => super::stack(&values[0].spec(), &values)?,
        };
        Ok(Item::Sparse(Box::new(SparseArray { places, values, sizes: self.sizes[1..].to_vec() })))
    }
}
