//! The rows of elements as elements: `unbatch`, `rebatch`.

use std::collections::VecDeque;

use crate::error::{DataError, Result};
use crate::item::{Item, read_item, stack, write_item};
use crate::pipeline::{BoxCursor, Cardinality, Cursor, Dataset, Input, Outcome, Pass, Plan, Stage};
use crate::spec::{Extents, Spec};
use crate::state::{Reader, Writer, damaged};

/// Rows one by one.
struct Unbatch {
    input: Input,
}

impl Stage for Unbatch {
    fn open(&self, pass: &Pass) -> BoxCursor {
        Box::new(RowsOf::new(self.input.open(&pass.input(0))))
    }
}

/// A cursor over the rows of elements.
struct RowsOf {
    input: BoxCursor,
    /// The element whose rows are given, the next row, and how many there are.
    current: Option<(Item, usize, usize)>,
    /// Rows that a position held: they come first.
    restored: VecDeque<Item>,
}

impl RowsOf {
    fn new(input: BoxCursor) -> RowsOf {
        RowsOf { input, current: None, restored: VecDeque::new() }
    }

    /// The next row, or the error of an element that has none.
    fn next_row(&mut self) -> Option<Outcome> {
        loop {
            if let Some(row) = self.restored.pop_front() {
                return Some(Ok(row));
            }
            if let Some((item, next, rows)) = &mut self.current {
                if *next < *rows {
                    *next += 1;
                    return Some(item.row(*next - 1));
                }
                self.current = None;
            }
            let item = match self.input.next()? {
                Ok(item) => item,
                error => return Some(error),
            };
            match item.common_rows() {
                Ok(rows) => self.current = Some((item, 0, rows)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Cursor for RowsOf {
    fn next(&mut self) -> Option<Outcome> {
        self.next_row()
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        let rest = self.current.as_ref().map_or(0, |(_, next, rows)| rows - next);
        to.usize(self.restored.len() + rest);
        self.restored.iter().try_for_each(|row| write_item(row, to))?;
        if let Some((item, next, rows)) = &self.current {
            (*next..*rows).try_for_each(|row| write_item(&item.row(row)?, to))?;
        }
        self.input.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.restored = (0..from.count()?).map(|_| read_item(from)).collect::<Result<_>>()?;
        self.input.restore(from)
    }
}

/// Batches of other sizes.
struct Rebatch {
    input: Input,
    sizes: Vec<usize>,
    drops_remainder: bool,
    row: Spec,
}

impl Stage for Rebatch {
    fn open(&self, pass: &Pass) -> BoxCursor {
        let rows = RowsOf::new(self.input.open(&pass.input(0)));
        let (sizes, row) = (self.sizes.clone(), self.row.clone());
        Box::new(Rebatching { rows, sizes, drops_remainder: self.drops_remainder, row, at: 0 })
    }
}

struct Rebatching {
    rows: RowsOf,
    sizes: Vec<usize>,
    drops_remainder: bool,
    row: Spec,
    at: u64,
}

impl Rebatching {
    fn gather(&mut self, size: usize) -> Result<Vec<Item>> {
        let mut items = Vec::with_capacity(size.min(1 << 16));
        while items.len() < size {
            match self.rows.next_row() {
                Some(row) => items.push(row?),
                None => break,
            }
        }
        Ok(items)
    }
}

impl Cursor for Rebatching {
    fn next(&mut self) -> Option<Outcome> {
        let size = self.sizes[(self.at % self.sizes.len() as u64) as usize];
        let items = match self.gather(size) {
            Ok(items) => items,
            Err(error) => return Some(Err(error)),
        };
        if items.is_empty() || (self.drops_remainder && items.len() < size) {
            return None;
        }
        self.at += 1;
        Some(stack(&self.row, &items).map_err(|error| error.of_element("rebatch", self.at - 1)))
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.u64(self.at);
        self.rows.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.at = from.u64()?;
        self.rows.restore(from).map_err(|_| damaged())
    }
}

/// The spec of a row, if components can have as many.
fn row_spec(spec: &Spec) -> Result<Spec> {
    let rows =
        spec.components().into_iter().filter_map(|component| component.shape().and_then(Extents::first));
    let mut rows: Vec<usize> = rows.collect();
    rows.dedup();
    if let [first, other, ..] = rows[..] {
        return Err(DataError::invalid(format!("components have as many rows: {first} and {other} are not")));
    }
    spec.row().ok_or_else(|| DataError::invalid(format!("{spec} has no rows: a component is a scalar")))
}

/// How many rows each element has, if a component that is not sparse says so.
fn rows_each(spec: &Spec) -> Option<usize> {
    spec.components().into_iter().find_map(|component| match component {
        Spec::Dense(_, shape) | Spec::Ragged(_, shape, _) => shape.first(),
        _ => None,
    })
}

impl Dataset {
    /// The rows of elements along their first axes: what [`Dataset::batch`] has put together.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// assert_eq!(Dataset::range(7).batch(3).unbatch().iter_as::<i64>()?.count(), 7);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn unbatch(&self) -> Dataset {
        self.then(|input| {
            let spec = row_spec(input.spec())?;
            let cardinality = match (input.cardinality(), rows_each(input.spec())) {
                (Cardinality::Known(count), Some(rows)) => {
                    Cardinality::Known(count.saturating_mul(rows as u64))
                }
                _ => Cardinality::Unknown,
            };
            let stage = Unbatch { input: input.clone() };
            Ok(Plan::like(input, "unbatch", stage).with_spec(spec).with_cardinality(cardinality))
        })
    }

    /// Batches of other sizes, which are gone through over and over.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let batches = Dataset::range(10).batch(4).rebatch(&[1, 3], false);
    /// assert_eq!(batches.iter()?.count(), 6); // 1, 3, 1, 3, 1, 1 elements
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn rebatch(&self, sizes: &[usize], drops_remainder: bool) -> Dataset {
        self.then(|input| {
            if sizes.is_empty() || sizes.contains(&0) {
                return Err(DataError::invalid("a batch has at least 1 element"));
            }
            let row = row_spec(input.spec())?;
            let size = sizes
                .first()
                .copied()
                .filter(|size| drops_remainder && sizes.iter().all(|other| other == size));
            let spec = row.batched(size).ok_or_else(|| DataError::invalid("windows do not stack"))?;
            let stage = Rebatch { input: input.clone(), sizes: sizes.to_vec(), drops_remainder, row };
            Ok(Plan::like(input, "rebatch", stage).with_spec(spec).with_cardinality(Cardinality::Unknown))
        })
    }
}
