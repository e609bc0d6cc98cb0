//! What gives a training its batches, pass by pass.

use serde_json::{Value, json};
use tensorwright::{DType, RandomKey, Tensor};

use super::batch::Batch;
use crate::error::{Error, Result};

/// What gives batches.
pub(super) trait Feed {
    /// How many batches a pass has, if that is known.
    fn steps(&self) -> Option<usize>;

    /// Whether passes end.
    fn is_finite(&self) -> bool {
        true
    }

    /// Goes to the beginning of a pass.
    fn begin(&mut self, pass: usize) -> Result<()>;

    /// The next batch of the pass, nothing at its end.
    fn next(&mut self) -> Result<Option<&Batch>>;

    /// A batch like the next one, which stays the next one; nothing at the end.
    fn peek(&mut self) -> Result<Option<&Batch>>;

    /// Where in which pass it is.
    fn position(&mut self) -> Result<Value>;

    /// Goes to a position.
    fn restore(&mut self, position: &Value) -> Result<()>;

    /// What is wrong with the batch that was given last, with its place.
    fn blame(&self, error: Error) -> Error;
}

/// The error of a position that nobody wrote.
pub(super) fn no_position() -> Error {
    Error::Model("the place in the data is damaged, or is one in other data".to_owned())
}

/// Rows of arrays.
pub(super) struct Rows {
    batch: Batch,
    count: usize,
    size: usize,
    /// What passes are shuffled by.
    seed: Option<u64>,
    pass: usize,
    order: Vec<i32>,
    at: usize,
}

impl Rows {
    pub(super) fn new(batch: Batch, size: usize, seed: Option<u64>) -> Result<Rows> {
        let count = batch.count()?;
        i32::try_from(count)
            .map_err(|_| Error::Model(format!("{count} examples are too many for arrays")))?;
        Ok(Rows { batch, count, size, seed, pass: 0, order: Vec::new(), at: 0 })
    }
}

impl Feed for Rows {
    fn steps(&self) -> Option<usize> {
        Some(self.count.div_ceil(self.size))
    }

    fn begin(&mut self, pass: usize) -> Result<()> {
        (self.pass, self.at) = (pass, 0);
        match self.seed {
            None if self.order.is_empty() => self.order = (0..self.count as i32).collect(),
            None => {}
            Some(seed) => {
                let order = RandomKey::new(seed).fold_in(pass).permutation(self.count);
                self.order = order.cast(DType::I32).to_vec::<i32>()?;
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<&Batch>> {
        let end = self.count.min(self.at + self.size);
        let rows = &self.order[self.at..end];
        if rows.is_empty() {
            return Ok(None);
        }
        self.batch.rows = Some(Tensor::from_slice(rows, [rows.len()]));
        self.at = end;
        Ok(Some(&self.batch))
    }

    fn peek(&mut self) -> Result<Option<&Batch>> {
        Ok((self.at < self.count).then_some(&self.batch))
    }

    fn position(&mut self) -> Result<Value> {
        Ok(json!({"pass": self.pass, "at": self.at, "of": self.count}))
    }

    fn restore(&mut self, position: &Value) -> Result<()> {
        let number = |field: &str| usize::try_from(position[field].as_u64()?).ok();
        let (Some(pass), Some(at), Some(count)) = (number("pass"), number("at"), number("of")) else {
            return Err(no_position());
        };
        if count != self.count || at > count {
            return Err(Error::Model(format!(
                "{at} of {count} examples were done, and now there are {}",
                self.count
            )));
        }
        self.begin(pass)?;
        self.at = at;
        Ok(())
    }

    fn blame(&self, error: Error) -> Error {
        error
    }
}
