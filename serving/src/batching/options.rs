//! How requests wait and run together.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::tf;

/// How requests wait for a model, and whether they run together.
///
/// Requests run together if all first extents of a signature are any number: rows of several requests make one batch, whose size is the next allowed one, and the first row
/// stands in the rows that are left. What a row gives must not depend on the other rows then. A request of more rows runs in several batches.
///
/// ```
/// use std::time::Duration;
/// use tensorwright_serving::BatchOptions;
///
/// let options = BatchOptions::parse("max_batch_size { value: 32 } batch_timeout_micros { value: 2000 }
///     allowed_batch_sizes: 8 allowed_batch_sizes: 32")?;
/// assert_eq!((options.max_batch_size, options.timeout), (32, Duration::from_millis(2)));
/// assert_eq!(options.size_for(9), 32);
/// # Ok::<(), tensorwright_serving::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchOptions {
    /// Whether requests run together at all.
    pub enabled: bool,
    /// The most rows of a batch.
    pub max_batch_size: usize,
    /// How long the first request of a batch waits for others; while a batch runs, requests gather anyway.
    pub timeout: Duration,
    /// Sizes that are compiled when a model is loaded, in order. None: the powers of two.
    pub allowed_batch_sizes: Vec<usize>,
    /// So many full batches, or single requests, may wait for a signature; others are refused.
    pub max_enqueued_batches: usize,
    /// So many batches of a signature run at once.
    pub threads: usize,
}

impl Default for BatchOptions {
    fn default() -> BatchOptions {
        BatchOptions {
            enabled: false,
            max_batch_size: 32,
            timeout: Duration::ZERO,
            allowed_batch_sizes: Vec::new(),
            max_enqueued_batches: 100,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

impl BatchOptions {
    /// Requests run together.
    pub fn batched() -> BatchOptions {
        BatchOptions { enabled: true, ..BatchOptions::default() }
    }

    /// Reads TensorFlow Serving's file (`--batching_parameters_file`).
    ///
    /// # Errors
    /// When the text is no such file, or sizes contradict each other.
    pub fn parse(text: &str) -> Result<BatchOptions> {
        let mut options = BatchOptions::batched();
        for (name, value) in tf::config::parse_options(text)? {
            let number = || {
                let wrong = |_| Error::invalid(format!("`{name}` is a number, found `{value}`"));
                value.parse::<usize>().map_err(wrong)
            };
            match &*name {
                "max_batch_size" => options.max_batch_size = number()?,
                "batch_timeout_micros" => options.timeout = Duration::from_micros(number()? as u64),
                "max_enqueued_batches" => options.max_enqueued_batches = number()?,
                "num_batch_threads" => options.threads = number()?,
                "allowed_batch_sizes" => options.allowed_batch_sizes.push(number()?),
                // They say nothing here: names of pools, and padding of other axes.
                "thread_pool_name" | "pad_variable_length_inputs" => {}
                other => return Err(Error::invalid(format!("`{other}` is not known"))),
            }
        }
        options.check()?;
        Ok(options)
    }

    /// Refuses sizes that contradict each other.
    ///
    /// # Errors
    /// When a number is 0, or the allowed sizes do not grow up to the greatest.
    pub fn check(&self) -> Result<()> {
        if self.max_batch_size == 0 || self.max_enqueued_batches == 0 || self.threads == 0 {
            return Err(Error::invalid("sizes and numbers of batches are at least 1"));
        }
        let sizes = &self.allowed_batch_sizes;
        let grow = sizes.first().is_none_or(|first| *first > 0) && sizes.is_sorted_by(|a, b| a < b);
        match grow && sizes.last().is_none_or(|last| *last == self.max_batch_size) {
            true => Ok(()),
            false => Err(Error::invalid(format!(
                "`allowed_batch_sizes` grow, and the last one is `max_batch_size`, {}",
                self.max_batch_size
            ))),
        }
    }

    /// The sizes of batches.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        if !self.allowed_batch_sizes.is_empty() {
            return self.allowed_batch_sizes.clone();
        }
        let powers = (0..usize::BITS).map(|bit| 1 << bit).take_while(|size| *size < self.max_batch_size);
        powers.chain([self.max_batch_size]).collect()
    }

    /// The size of a batch with so many rows.
    pub fn size_for(&self, rows: usize) -> usize {
        self.sizes().into_iter().find(|size| *size >= rows).unwrap_or(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_grow_up_to_the_greatest() {
        let options = BatchOptions { max_batch_size: 24, ..BatchOptions::batched() };
        assert_eq!(options.sizes(), [1, 2, 4, 8, 16, 24]);
        assert_eq!((options.size_for(3), options.size_for(17), options.size_for(24)), (4, 24, 24));
    }

    #[test]
    fn contradictions_are_refused() {
        for text in [
            "max_batch_size: 32 allowed_batch_sizes: 8",
            "max_batch_size: 8 allowed_batch_sizes: 8 allowed_batch_sizes: 4",
            "max_batch_size: 0",
            "max_batch_size: many",
            "max_batch: 3",
        ] {
            assert!(BatchOptions::parse(text).is_err(), "{text}");
        }
    }
}
