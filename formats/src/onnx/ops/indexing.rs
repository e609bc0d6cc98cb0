//! Elements by their places.

use tensorwright::{DType, ScatterKind, Tensor};

use super::Apply;
use crate::onnx::call::{Call, Results, axis, expect_rank, one, sizes};
use crate::onnx::error::Reason;
use crate::onnx::value::Value;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("Gather", gather),
    ("GatherElements", gather_elements),
    ("GatherND", gather_nd),
    ("Scatter", scatter_elements),
    ("ScatterElements", scatter_elements),
    ("ScatterND", scatter_nd),
    ("TensorScatter", tensor_scatter),
    ("NonZero", |call| one(call.tensor(0)?.ne(zero_like(call.tensor(0)?)?).nonzero().t())),
    ("Compress", compress),
    ("Unique", unique),
];

fn zero_like(x: &Tensor) -> Result<Tensor, Reason> {
    Ok(Tensor::zeros((), x.dtype()?))
}

/// Places counted from the end if they are negative.
fn from_start(indices: &Tensor, size: usize) -> Tensor {
    let indices = indices.cast(DType::I64);
    indices.lt(0).select(&indices + size as i64, &indices)
}

fn gather(call: &Call<'_>) -> Results {
    if let Value::Strings(strings) = call.value(0)? {
        return super::text::gather(call, &strings.0);
    }
    let (x, indices) = (call.tensor(0)?, call.tensor(1)?);
    let at = axis(call.int("axis", 0)?, x.rank()?)?;
    one(x.take(from_start(indices, x.shape()?.size(at)), at))
}

fn gather_elements(call: &Call<'_>) -> Results {
    let (x, indices) = (call.tensor(0)?, call.tensor(1)?);
    let at = axis(call.int("axis", 0)?, x.rank()?)?;
    let indices = from_start(indices, x.shape()?.size(at));
    expect_rank("the indices", indices.rank()?, x.rank()?)?;
    // Along other axes there may be more of the data than of the indices.
    let mut limits = sizes(x)?;
    for (other, &size) in sizes(&indices)?.iter().enumerate() {
        if other != at {
            limits[other] = limits[other].min(size);
        }
    }
    let rank = limits.len();
    let limits: Vec<i64> = limits.iter().map(|&size| size as i64).collect();
    one(x.slice(vec![0i64; rank], limits, vec![1i64; rank]).take_along_axis(indices, at))
}

/// Rows of indices with places counted from the end made places from the start.
fn rows_from_start(indices: &Tensor, extents: &[usize]) -> Tensor {
    let indices = indices.cast(DType::I64);
    let extents: Vec<i64> = extents.iter().map(|&size| size as i64).collect();
    let extents = Tensor::from_slice(&extents, extents.len());
    indices.lt(0).select(&indices + extents, &indices)
}

pub(super) fn gather_nd(call: &Call<'_>) -> Results {
    let (x, indices) = (call.tensor(0)?, call.tensor(1)?);
    let batch = call.int("batch_dims", 0)?;
    let batch =
        usize::try_from(batch).map_err(|_| Reason::attribute("batch_dims", "must not be negative"))?;
    let count = *sizes(indices)?.last().ok_or_else(|| Reason::other("the indices have no axis"))?;
    let own = sizes(x)?;
    let extents = own.get(batch..batch.saturating_add(count));
    let extents = extents.ok_or_else(|| {
        Reason::other(format!(
            "{count} indices for {}",
            x.shape().map_or_else(|_| String::new(), |s| s.to_string())
        ))
    })?;
    one(x.gather_nd(rows_from_start(indices, extents), batch))
}

fn kind(call: &Call<'_>) -> Result<Option<ScatterKind>, Reason> {
    Ok(match call.word("reduction", "none")? {
        "none" => None,
        "add" => Some(ScatterKind::Add),
        "mul" => Some(ScatterKind::Mul),
        "max" => Some(ScatterKind::Max),
        "min" => Some(ScatterKind::Min),
        other => return Err(call.unknown_word("reduction", other)),
    })
}

fn scatter_elements(call: &Call<'_>) -> Results {
    let (x, indices, updates) = (call.tensor(0)?, call.tensor(1)?, call.tensor(2)?);
    let at = axis(call.int("axis", 0)?, x.rank()?)?;
    let indices = from_start(indices, x.shape()?.size(at));
    let own = sizes(&indices)?;
    expect_rank("the indices", own.len(), x.rank()?)?;
    // Whole places: those of the indices along the axis, the elements' own along the others.
    let mut places = Vec::with_capacity(own.len());
    for (along, &size) in own.iter().enumerate() {
        let place = if along == at {
            indices.clone()
        } else {
            let mut shape = vec![1; own.len()];
            shape[along] = size;
            Tensor::arange(size, DType::I64).reshape(shape).broadcast_to(own.clone())
        };
        places.push(place);
    }
    one(scattered(x, &Tensor::stack(&places, -1), updates, kind(call)?)?)
}

fn scatter_nd(call: &Call<'_>) -> Results {
    let (x, indices, updates) = (call.tensor(0)?, call.tensor(1)?, call.tensor(2)?);
    let count = *sizes(indices)?.last().ok_or_else(|| Reason::other("the indices have no axis"))?;
    let own = sizes(x)?;
    let extents =
        own.get(..count).ok_or_else(|| Reason::other(format!("{count} indices for rank {}", own.len())))?;
    one(scattered(x, &rows_from_start(indices, extents), updates, kind(call)?)?)
}

/// `x` with updates at rows of indices; without a kind they take the place of what is there.
fn scattered(
    x: &Tensor,
    rows: &Tensor,
    updates: &Tensor,
    kind: Option<ScatterKind>,
) -> Result<Tensor, Reason> {
    let batch = rows.rank()? - 1;
    let (rank, count) = (x.rank()?, *sizes(rows)?.last().unwrap_or(&0));
    let offset_axes: Vec<usize> = (batch..batch + rank - count).collect();
    let none: Vec<usize> = Vec::new();
    let collapsed: Vec<usize> = (0..count).collect();
    let kind = kind.unwrap_or(ScatterKind::Set);
    Ok(x.scatter(rows, updates, kind, offset_axes, collapsed.clone(), none.clone(), none, collapsed))
}

/// Updates of each example of a batch, from a place of its own on along an axis.
fn tensor_scatter(call: &Call<'_>) -> Results {
    let (cache, update) = (call.tensor(0)?, call.tensor(1)?);
    let rank = cache.rank()?;
    let at = axis(call.int("axis", -2)?, rank)?;
    expect_rank("the update", update.rank()?, rank)?;
    let (size, count) = (cache.shape()?.size(at), update.shape()?.size(at));
    let examples = cache.shape()?.size(0);
    let starts = match call.maybe(2)? {
        Some(starts) => starts.cast(DType::I64),
        None => Tensor::zeros([examples], DType::I64),
    };
    let places = starts.expand_dims(-1) + Tensor::arange(count, DType::I64);
    let places = match call.word("mode", "linear")? {
        "linear" => places,
        "circular" => places.floor_mod(size as i64),
        other => return Err(call.unknown_word("mode", other)),
    };
    // One index of the example and one along the axis, with both axes in front.
    let example = Tensor::arange(examples, DType::I64).expand_dims(-1).broadcast_to([examples, count]);
    let rows = Tensor::stack(&[example, places], -1);
    let (moved, update) = (cache.move_axis(at, 1), update.move_axis(at, 1));
    one(scattered(&moved, &rows, &update, None)?.move_axis(1, at))
}

fn compress(call: &Call<'_>) -> Results {
    let (x, mask) = (call.tensor(0)?, call.tensor(1)?);
    let (x, at) = match call.maybe_int("axis")? {
        Some(at) => (x.clone(), axis(at, x.rank()?)?),
        None => (x.reshape([-1]), 0),
    };
    // What the mask does not reach is away.
    let (size, count) = (x.shape()?.size(at), mask.elements()?);
    let mask = if count < size {
        mask.pad(false, [0i64], [(size - count) as i64], [0usize])
    } else {
        mask.slice([0i64], [size as i64], [1i64])
    };
    one(x.compress(mask, at))
}

fn unique(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let (rows, own, at) = match call.maybe_int("axis")? {
        Some(at) => {
            let at = axis(at, x.rank()?)?;
            let moved = x.move_axis(at, 0);
            (moved.reshape([moved.shape()?.size(0) as i64, -1]), sizes(&moved)?, Some(at))
        }
        None => (x.reshape([-1, 1]), vec![x.elements()?], None),
    };
    let found = UniqueRows::of(&rows, call.flag("sorted", true)?)?;
    let mut shape = own;
    shape[0] = found.first.elements()?;
    let values = rows.take(&found.first, 0).reshape(shape);
    let values = at.map_or(values.clone(), |at| values.move_axis(0, at));
    Ok(vec![values.into(), found.first.into(), found.inverse.into(), found.counts.into()])
}

/// Rows that differ.
pub(super) struct UniqueRows {
    /// Where each is for the first time.
    pub(super) first: Tensor,
    /// For each row which of them it is.
    pub(super) inverse: Tensor,
    /// How often each is there.
    pub(super) counts: Tensor,
}

impl UniqueRows {
    /// In the order of rows, or in that of first occurrence.
    pub(super) fn of(rows: &Tensor, sorted: bool) -> Result<UniqueRows, Reason> {
        let count = rows.shape()?.size(0);
        let columns = rows.unstack(1);
        let places = Tensor::arange(count, DType::I64);
        let mut keys: Vec<Tensor> = columns;
        let width = keys.len();
        keys.push(places.clone());
        // Equal rows follow each other, in the order in which they were.
        let ordered = Tensor::sort_together(&keys, 0, width, false);
        let order = ordered[width].clone();
        let moved = rows.take(&order, 0);
        let previous = moved.roll([1i64], [0usize]);
        let begins = moved.ne(previous).any(1) | places.eq(0);
        let group = begins.cast(DType::I64).cumsum(0) - 1;
        let starts = begins.nonzero().reshape([-1]);
        let first = order.take(&starts, 0);
        let found = first.elements()?;
        let of_row = Tensor::zeros([count], DType::I64).scatter_set(0, &order, &group);
        let counts = Tensor::ones([count], DType::I64).segment_sum(&group, found);
        if sorted {
            return Ok(UniqueRows { first, inverse: of_row, counts });
        }
        let by_place = first.argsort(0).cast(DType::I64);
        let rank = by_place.argsort(0).cast(DType::I64);
        Ok(UniqueRows {
            first: first.take(&by_place, 0),
            inverse: rank.take(of_row, 0),
            counts: counts.take(by_place, 0),
        })
    }
}
