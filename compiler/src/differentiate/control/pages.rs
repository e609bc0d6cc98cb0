//! Pages: flat memory in which a loop keeps, run by run, what its way back needs.
//!
//! A page has room for the rows of so many runs, side by side; the loop carries it and each run writes its row at the place of its number.
//! Unlike a list, a page can be state of a native loop. What a loop of many runs has on its pages goes onto lists, page by page.

use tensorwright_ir::op::primitive::{DynamicSlice, DynamicUpdateSlice};
use tensorwright_ir::{BuildError, Builder, Scalar, Shape, TensorType, Type, Value};

use super::Trips;

/// Rows of a page: the work of a page is shared by so many runs.
pub(super) const ROWS: usize = 256;
/// Bytes of a page.
const BYTES: usize = 1 << 16;
/// With fewer rows than this pages are no better than lists.
const MIN_ROWS: usize = 8;

/// Pages for rows of several types.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    rows: Vec<TensorType>,
    /// Runs that fit a page.
    pub(super) capacity: usize,
    /// Whether all runs of the loop do.
    pub(super) are_sole: bool,
}

impl Pages {
    /// For these values of each run of a loop; `None` if lists are better: for lists, for large rows, and if there is nothing to keep.
    pub(super) fn of(types: &[Type], trips: Trips) -> Option<Pages> {
        let rows: Vec<TensorType> = types.iter().map(|ty| ty.as_tensor().cloned()).collect::<Option<_>>()?;
        let largest = rows.iter().map(TensorType::bytes).max()?;
        let is_empty = rows.iter().any(|row| row.elements() == 0);
        let capacity = (BYTES / largest.max(1)).min(ROWS);
        if is_empty || capacity < MIN_ROWS {
            return None;
        }
        let most = trips.at_most().filter(|&most| most <= capacity);
        Some(Pages { rows, capacity: most.unwrap_or(capacity).max(1), are_sole: most.is_some() })
    }

    /// Their number.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Pages with nothing on them yet.
    pub(super) fn blank(&self, b: &mut Builder) -> Result<Vec<Value>, BuildError> {
        let blank = |row: &TensorType| b.full(Scalar::zero(row.dtype), &self.shape(row));
        self.rows.iter().map(blank).collect()
    }

    /// The pages with these rows of run number `run`.
    pub(super) fn write(
        &self,
        b: &mut Builder,
        pages: &[Value],
        run: Value,
        rows: &[Value],
    ) -> Result<Vec<Value>, BuildError> {
        let write = |((ty, &page), &row): ((&TensorType, &Value), &Value)| {
            let (start, row) = (start(b, ty, run)?, b.reshape(row, [ty.elements()])?);
            b.push_one(DynamicUpdateSlice {}, &[page, row, start])
        };
        self.rows.iter().zip(pages).zip(rows).map(write).collect()
    }

    /// The rows of run number `run`.
    pub(super) fn read(
        &self,
        b: &mut Builder,
        pages: &[Value],
        run: Value,
    ) -> Result<Vec<Value>, BuildError> {
        let read = |(ty, &page): (&TensorType, &Value)| {
            let start = start(b, ty, run)?;
            let row = b.push_one(DynamicSlice { sizes: [ty.elements()].into() }, &[page, start])?;
            b.reshape(row, ty.shape.clone())
        };
        self.rows.iter().zip(pages).map(read).collect()
    }

    /// Empty lists of pages.
    pub(super) fn lists(&self, b: &mut Builder) -> Result<Vec<Value>, BuildError> {
        self.rows.iter().map(|row| b.list_new(&row.with_shape(self.shape(row)))).collect()
    }

    fn shape(&self, row: &TensorType) -> Shape {
        [self.capacity * row.elements()].into()
    }
}

/// Where the row of a run begins.
fn start(b: &mut Builder, row: &TensorType, run: Value) -> Result<Value, BuildError> {
    let size = b.scalar(row.elements() as i64);
    let start = if row.elements() == 1 { run } else { b.mul(run, size)? };
    b.reshape(start, [1usize])
}
