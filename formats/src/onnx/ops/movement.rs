//! The same elements elsewhere.

use tensorwright::{DType, DepthOrder, ImageLayout, PadMode, Scalar, Tensor};

use super::Apply;
use crate::onnx::call::{Call, Results, axes, axis, extents, naturals, one, sizes};
use crate::onnx::error::Reason;
use crate::onnx::value::Value;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("Reshape", reshape),
    ("Transpose", transpose),
    ("Squeeze", squeeze),
    ("Unsqueeze", unsqueeze),
    ("Flatten", flatten),
    ("Concat", concat),
    ("Split", split),
    ("Slice", slice),
    ("DynamicSlice", slice),
    ("Expand", expand),
    ("Tile", tile),
    ("Pad", pad),
    ("Trilu", trilu),
    ("DepthToSpace", depth_to_space),
    ("SpaceToDepth", space_to_depth),
    ("CenterCropPad", center_crop_pad),
    ("ReverseSequence", reverse_sequence),
];

fn reshape(call: &Call<'_>) -> Results {
    let wanted = call.list(1, "shape")?.ok_or(Reason::MissingInput(1))?;
    let keeps_zeros = call.flag("allowzero", false)?;
    let own = match call.value(0)? {
        Value::Strings(strings) => strings.0.shape.sizes().to_vec(),
        _ => sizes(call.tensor(0)?)?,
    };
    let mut found = Vec::with_capacity(wanted.len());
    for (at, &size) in wanted.iter().enumerate() {
        found.push(match size {
            0 if !keeps_zeros => own.get(at).map(|&size| size as i64).ok_or_else(|| {
                Reason::other(format!("axis {at} is to be as before, but there are {} axes", own.len()))
            })?,
            size => size,
        });
    }
    if let Some(open) = found.iter().position(|&size| size == -1) {
        let others = found.iter().enumerate().filter(|&(at, _)| at != open);
        let rest = others.fold(1i64, |product, (_, &size)| product.saturating_mul(size));
        let elements: usize = own.iter().product();
        if rest <= 0 || elements as i64 % rest != 0 {
            return Err(Reason::other(format!("{elements} elements do not fill {wanted:?}")));
        }
        found[open] = elements as i64 / rest;
    }
    let shape = extents(&found)?;
    match call.value(0)? {
        Value::Strings(strings) if strings.0.elements.len() == shape.elements() => {
            Ok(vec![Value::strings(shape, strings.0.elements.clone())])
        }
        _ => one(call.tensor(0)?.reshape(shape)),
    }
}

fn transpose(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    match call.ints("perm")? {
        Some(order) => one(x.transpose(axes(&order, x.rank()?)?)),
        None => one(x.transpose((0..x.rank()?).rev().collect::<Vec<_>>())),
    }
}

fn squeeze(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let away = match call.list(1, "axes")? {
        Some(given) => axes(&given, x.rank()?)?,
        None => sizes(x)?.iter().enumerate().filter(|&(_, &size)| size == 1).map(|(at, _)| at).collect(),
    };
    one(x.squeeze(away))
}

fn unsqueeze(call: &Call<'_>) -> Results {
    let given = call.list(1, "axes")?.ok_or(Reason::MissingInput(1))?;
    let x = call.tensor(0)?;
    one(x.expand_dims(axes(&given, x.rank()? + given.len())?))
}

fn flatten(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let (own, at) = (sizes(x)?, call.int("axis", 1)?);
    let at = if at == own.len() as i64 { own.len() } else { axis(at, own.len())? };
    let outer: usize = own[..at].iter().product();
    one(x.reshape([outer, own[at..].iter().product()]))
}

fn concat(call: &Call<'_>) -> Results {
    if matches!(call.value(0)?, Value::Strings(_)) {
        return super::text::concat(call);
    }
    let tensors = call.tensors()?;
    let at = axis(call.int("axis", 1)?, tensors[0].rank()?)?;
    one(Tensor::concat(&tensors, at))
}

fn split(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let at = axis(call.int("axis", 0)?, x.rank()?)?;
    let size = x.shape()?.size(at);
    let parts = match call.list(1, "split")? {
        Some(parts) => naturals("split", &parts)?,
        None => {
            let count = call.int("num_outputs", call.node.outputs.len() as i64)?;
            even_parts(size, usize::try_from(count).unwrap_or(0))?
        }
    };
    Ok(x.split(at, parts).into_iter().map(Value::from).collect())
}

/// Parts of one size, of which the last may be smaller.
fn even_parts(size: usize, count: usize) -> Result<Vec<usize>, Reason> {
    if count == 0 {
        return Err(Reason::other("there is no part"));
    }
    let part = size.div_ceil(count);
    Ok((0..count).map(|i| part.min(size.saturating_sub(i * part))).collect())
}

fn slice(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let own = sizes(x)?;
    let starts = call.list(1, "starts")?.ok_or(Reason::MissingInput(1))?;
    let ends = call.list(2, "ends")?.ok_or(Reason::MissingInput(2))?;
    let along = match call.list(3, "axes")? {
        Some(given) => axes(&given, own.len())?,
        None => (0..starts.len()).collect(),
    };
    let steps = call.maybe_numbers(4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), along.len(), steps.len()].iter().any(|&len| len != starts.len()) {
        return Err(Reason::other("starts, ends, axes and steps are not equally many"));
    }
    let rank = own.len();
    let (mut low, mut high, mut strides) =
        (vec![0i64; rank], own.iter().map(|&n| n as i64).collect::<Vec<_>>(), vec![1i64; rank]);
    let mut turned = Vec::new();
    for (i, &at) in along.iter().enumerate() {
        let size = *own.get(at).ok_or_else(|| Reason::other(format!("there is no axis {at}")))? as i64;
        let part = Stretch::of(size, starts[i], ends[i], steps[i])?;
        (low[at], high[at], strides[at]) = (part.start, part.end, part.step);
        if part.reversed {
            turned.push(at);
        }
    }
    let part = x.slice(low, high, strides);
    one(if turned.is_empty() { part } else { part.reverse(turned) })
}

/// Elements of an axis, the first one first unless they are reversed.
struct Stretch {
    start: i64,
    end: i64,
    step: i64,
    reversed: bool,
}

impl Stretch {
    /// Python's rule, but that one which goes down begins at the first element if its start is before that.
    fn of(size: i64, start: i64, end: i64, step: i64) -> Result<Stretch, Reason> {
        let place = |at: i64, low: i64, high: i64| {
            (if at < 0 { at.saturating_add(size) } else { at }).clamp(low, high)
        };
        if step > 0 {
            let (start, end) = (place(start, 0, size), place(end, 0, size));
            return Ok(Stretch { start, end: end.max(start), step: step.min(size.max(1)), reversed: false });
        }
        if step == 0 {
            return Err(Reason::other("a step is 0"));
        }
        let last = size - 1;
        let (start, end) = (place(start, last.min(0), last), place(end, -1, last));
        let step = step.saturating_neg().min(size.max(1));
        let count = ((start - end).max(0) + step - 1) / step;
        let last = start - (count - 1).max(0) * step;
        match count {
            0 => Ok(Stretch { start: 0, end: 0, step: 1, reversed: true }),
            _ => Ok(Stretch { start: last, end: start + 1, step, reversed: true }),
        }
    }
}

fn expand(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let wanted = extents(&call.numbers(1)?)?.sizes().to_vec();
    let own = sizes(x)?;
    let rank = own.len().max(wanted.len());
    let from_end = |sizes: &[usize], i: usize| (i + sizes.len()).checked_sub(rank).map_or(1, |at| sizes[at]);
    let both = (0..rank).map(|i| match (from_end(&own, i), from_end(&wanted, i)) {
        (1, size) => size,
        (size, _) => size,
    });
    one(x.broadcast_to(both.collect::<Vec<_>>()))
}

fn tile(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let repeats = if call.version() < 6 {
        let mut repeats = vec![1; x.rank()?];
        repeats[axis(call.number(2)?, x.rank()?)?] = call.number(1)?;
        repeats
    } else {
        call.numbers(1)?
    };
    one(x.tile(naturals("repeats", &repeats)?))
}

pub(super) fn pad(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let rank = x.rank()?;
    let pads = match call.list(1, "pads")? {
        Some(pads) => pads,
        None => call.ints("paddings")?.ok_or(Reason::MissingInput(1))?,
    };
    let along = match call.maybe_numbers(3)? {
        Some(given) => axes(&given, rank)?,
        None => (0..rank).collect(),
    };
    if pads.len() != 2 * along.len() {
        return Err(Reason::other(format!("{} numbers for {} axes", pads.len(), along.len())));
    }
    let (mut low, mut high) = (vec![0i64; rank], vec![0i64; rank]);
    for (i, &at) in along.iter().enumerate() {
        (low[at], high[at]) = (pads[i], pads[i + along.len()]);
    }
    let mode = match call.word("mode", "constant")? {
        "constant" => {
            let dtype = x.dtype()?;
            let value = match call.maybe(2)? {
                Some(value) => value.reshape(()),
                None => Tensor::scalar(Scalar::from_f64(dtype, call.float("value", 0.0)?)),
            };
            return one(x.pad(value, low, high, vec![0usize; rank]));
        }
        "reflect" => PadMode::Reflect,
        "edge" => PadMode::Edge,
        "wrap" => PadMode::Wrap,
        other => return Err(call.unknown_word("mode", other)),
    };
    one(x.pad_border(low, high, mode))
}

pub(super) fn trilu(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let diagonal = call.maybe_numbers(1)?.and_then(|numbers| numbers.first().copied()).unwrap_or(0);
    match call.flag("upper", true)? {
        true => one(x.triu(diagonal)),
        false => one(x.tril(diagonal)),
    }
}

fn block(call: &Call<'_>) -> Result<usize, Reason> {
    let block = call.required_int("blocksize")?;
    usize::try_from(block).map_err(|_| Reason::attribute("blocksize", "must be at least 1"))
}

fn depth_to_space(call: &Call<'_>) -> Results {
    let order = match call.word("mode", "DCR")? {
        "DCR" => DepthOrder::Dcr,
        "CRD" => DepthOrder::Crd,
        other => return Err(call.unknown_word("mode", other)),
    };
    one(call.tensor(0)?.depth_to_space(block(call)?, ImageLayout::Nchw, order))
}

fn space_to_depth(call: &Call<'_>) -> Results {
    one(call.tensor(0)?.space_to_depth(block(call)?, ImageLayout::Nchw, DepthOrder::Dcr))
}

fn center_crop_pad(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let own = sizes(x)?;
    let wanted = call.numbers(1)?;
    let along = match call.ints("axes")? {
        Some(given) => axes(&given, own.len())?,
        None => (0..own.len()).collect(),
    };
    let (mut low, mut high) = (vec![0i64; own.len()], vec![0i64; own.len()]);
    for (&at, &size) in along.iter().zip(&wanted) {
        let more = size.saturating_sub(own[at] as i64);
        low[at] = if more >= 0 { more / 2 } else { -(-more / 2) };
        high[at] = more - low[at];
    }
    let zero = Tensor::zeros((), x.dtype()?);
    one(x.pad(zero, low, high, vec![0usize; own.len()]))
}

/// The first elements of each sequence in opposite order.
fn reverse_sequence(call: &Call<'_>) -> Results {
    let (x, lengths) = (call.tensor(0)?, call.tensor(1)?);
    let rank = x.rank()?;
    let (batch, time) = (axis(call.int("batch_axis", 1)?, rank)?, axis(call.int("time_axis", 0)?, rank)?);
    let along = |vector: &Tensor, at: usize| -> Result<Tensor, Reason> {
        let mut shape = vec![1; rank];
        shape[at] = vector.elements()?;
        Ok(vector.reshape(shape))
    };
    let places = along(&Tensor::arange(x.shape()?.size(time), DType::I64), time)?;
    let lengths = along(&lengths.cast(DType::I64), batch)?;
    let places = places.lt(&lengths).select(&lengths - 1 - &places, &places);
    one(x.take_along_axis(places.broadcast_to(x.shape()?), time))
}
