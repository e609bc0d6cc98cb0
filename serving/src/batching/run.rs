//! Rows of several requests as one batch, and its results as theirs.

use super::BatchOptions;
use crate::error::{Error, Result};
use crate::value::Value;

/// The rows of a request.
pub(super) fn rows(inputs: &[Value]) -> Result<usize> {
    let rows = |value: &Value| value.shape().first().copied().unwrap_or(0);
    let first = inputs.first().map_or(0, rows);
    match inputs.iter().all(|input| rows(input) == first) && first > 0 {
        true => Ok(first),
        false => {
            let found: Vec<usize> = inputs.iter().map(rows).collect();
            Err(Error::invalid(format!("inputs of a batch have as many rows, at least 1; found {found:?}")))
        }
    }
}

/// Whether the rows of two requests are of one type.
pub(super) fn fit(one: &[Value], other: &[Value]) -> bool {
    one.iter().zip(other).all(|(a, b)| a.ty() == b.ty() && a.shape()[1..] == b.shape()[1..])
}

/// Runs the rows of all requests, in batches of allowed sizes, and gives each its own results.
pub(super) fn together(
    requests: &[&[Value]],
    options: &BatchOptions,
    run: impl Fn(&[Value]) -> Result<Vec<Value>>,
) -> Result<Vec<Vec<Value>>> {
    let counts: Vec<usize> = requests.iter().map(|inputs| inputs[0].shape()[0]).collect();
    let total: usize = counts.iter().sum();
    let outputs = if total > options.max_batch_size {
        in_parts(requests[0], options, &run)?
    } else {
        padded(requests, total, options, &run)?
    };
    let mut begin = 0;
    let mut results = Vec::with_capacity(requests.len());
    for count in counts {
        results.push(outputs.iter().map(|output| output.rows(begin..begin + count)).collect());
        begin += count;
    }
    Ok(results)
}

/// One request of more rows than a batch has: batch after batch.
fn in_parts(
    inputs: &[Value],
    options: &BatchOptions,
    run: &impl Fn(&[Value]) -> Result<Vec<Value>>,
) -> Result<Vec<Value>> {
    let total = inputs[0].shape()[0];
    let mut parts: Vec<Vec<Value>> = Vec::new();
    for begin in (0..total).step_by(options.max_batch_size) {
        let end = total.min(begin + options.max_batch_size);
        let part: Vec<Value> = inputs.iter().map(|input| input.rows(begin..end)).collect();
        let outputs = padded(&[&part], end - begin, options, run)?;
        parts.push(outputs.iter().map(|output| output.rows(0..end - begin)).collect());
    }
    let output = |at: usize| {
        let parts: Vec<&Value> = parts.iter().map(|part| &part[at]).collect();
        match parts.iter().all(|part| part.shape()[1..] == parts[0].shape()[1..]) {
            true => Ok(Value::concatenated(&parts, total)),
            false => Err(Error::invalid(
                "the rows of an output have different shapes: the request has too many rows",
            )),
        }
    };
    (0..parts[0].len()).map(output).collect()
}

/// One batch: of the next allowed size, with the first row in those that are left.
fn padded(
    requests: &[&[Value]],
    total: usize,
    options: &BatchOptions,
    run: &impl Fn(&[Value]) -> Result<Vec<Value>>,
) -> Result<Vec<Value>> {
    let size = options.size_for(total);
    let outputs = if requests.len() == 1 && size == total {
        run(requests[0])?
    } else {
        let input = |at: usize| {
            let own: Vec<&Value> = requests.iter().map(|inputs| &inputs[at]).collect();
            Value::concatenated(&own, size)
        };
        run(&(0..requests[0].len()).map(input).collect::<Vec<_>>())?
    };
    match outputs.iter().find(|output| output.shape().first() != Some(&size)) {
        None => Ok(outputs),
        Some(output) => Err(Error::internal(format!(
            "an output has the shape {:?} for a batch of {size}: the model cannot be batched",
            output.shape()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Twice each number; notes the sizes of batches.
    fn doubled(sizes: &RefCell<Vec<usize>>, inputs: &[Value]) -> Result<Vec<Value>> {
        sizes.borrow_mut().push(inputs[0].shape()[0]);
        let twice: Vec<f32> = inputs[0].to_f32()?.iter().map(|x| x * 2.0).collect();
        Ok(vec![Value::of_f32(inputs[0].shape().to_vec(), &twice)])
    }

    fn options() -> BatchOptions {
        BatchOptions { max_batch_size: 4, ..BatchOptions::batched() }
    }

    #[test]
    fn requests_share_a_batch_and_get_their_own_rows() -> Result<()> {
        let sizes = RefCell::default();
        let (one, two) =
            ([Value::of_f32(vec![1, 2], &[1.0, 2.0])], [Value::of_f32(vec![2, 2], &[3.0, 4.0, 5.0, 6.0])]);
        let results = together(&[&one, &two], &options(), |inputs| doubled(&sizes, inputs))?;
        assert_eq!(results[0][0].to_f32()?, [2.0, 4.0]);
        assert_eq!(results[1][0].to_f32()?, [6.0, 8.0, 10.0, 12.0]);
        assert_eq!(*sizes.borrow(), [4]);
        Ok(())
    }

    #[test]
    fn large_requests_are_split() -> Result<()> {
        let sizes = RefCell::default();
        let numbers: Vec<f32> = (0..11).map(|x| x as f32).collect();
        let large = [Value::of_f32(vec![11], &numbers)];
        let results = together(&[&large], &options(), |inputs| doubled(&sizes, inputs))?;
        assert_eq!(results[0][0].to_f32()?, numbers.iter().map(|x| x * 2.0).collect::<Vec<_>>());
        assert_eq!(*sizes.borrow(), [4, 4, 4]);
        Ok(())
    }

    #[test]
    fn models_that_mix_rows_are_found_out() {
        let input = [Value::of_f32(vec![2], &[1.0, 2.0])];
        let summed = |_: &[Value]| Ok(vec![Value::of_f32(vec![1], &[3.0])]);
        let error = together(&[&input], &options(), summed).unwrap_err();
        assert!(error.message().contains("cannot be batched"), "{error}");
    }
}
