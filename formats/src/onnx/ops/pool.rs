//! Folds over windows of images.

use tensorwright::{
    DType, ImageLayout, Padding, PaddingCount, PlaceOrder, PoolOptions, PoolRounding, RegionFold,
    RegionOrigin, RoiOptions, Tensor,
};

use super::Apply;
use super::conv::Sliding;
use crate::onnx::call::{Call, Results, natural, naturals, one, sizes};
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("AveragePool", average_pool),
    ("MaxPool", max_pool),
    ("LpPool", lp_pool),
    ("GlobalAveragePool", |call| one(call.tensor(0)?.global_avg_pool(ImageLayout::Nchw))),
    ("GlobalMaxPool", |call| one(call.tensor(0)?.global_max_pool(ImageLayout::Nchw))),
    ("GlobalLpPool", global_lp_pool),
    ("MaxUnpool", max_unpool),
    ("MaxRoiPool", max_roi_pool),
    ("RoiAlign", roi_align),
];

pub(super) fn options(call: &Call<'_>) -> Result<(Vec<usize>, PoolOptions), Reason> {
    let sliding = Sliding::of(call, None)?;
    let rounding = if call.flag("ceil_mode", false)? { PoolRounding::Ceil } else { PoolRounding::Floor };
    let options = PoolOptions::new()
        .strides(sliding.strides)
        .dilation(sliding.dilations)
        .padding(sliding.padding)
        .rounding(rounding)
        .layout(ImageLayout::Nchw);
    Ok((sliding.taps, options))
}

fn average_pool(call: &Call<'_>) -> Results {
    let (taps, options) = options(call)?;
    let count = match call.flag("count_include_pad", false)? {
        true => PaddingCount::Included,
        false => PaddingCount::Excluded,
    };
    one(call.tensor(0)?.avg_pool(taps, options.count(count)))
}

fn max_pool(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let (taps, options) = options(call)?;
    if !call.wanted(1) {
        return one(x.max_pool(taps, options));
    }
    let order = match call.flag("storage_order", false)? {
        true => PlaceOrder::ColumnMajor,
        false => PlaceOrder::Tensor,
    };
    let (greatest, places) = x.max_pool_with_indices(taps, options, order);
    Ok(vec![greatest.into(), places.cast(DType::I64).into()])
}

fn lp_pool(call: &Call<'_>) -> Results {
    let (taps, options) = options(call)?;
    one(call.tensor(0)?.lp_pool(call.int("p", 2)? as f64, taps, options))
}

fn global_lp_pool(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let taps = sizes(x)?.split_off(2.min(x.rank()?));
    let options = PoolOptions::new().strides(1).layout(ImageLayout::Nchw);
    one(x.lp_pool(call.int("p", 2)? as f64, taps, options))
}

fn max_unpool(call: &Call<'_>) -> Results {
    let (x, places) = (call.tensor(0)?, call.tensor(1)?);
    let own = sizes(x)?;
    let sliding = Sliding::of(call, None)?;
    let padding = match &sliding.padding {
        Padding::Explicit(pairs) => pairs.clone(),
        _ => vec![(0, 0); sliding.taps.len()],
    };
    if own.len() != sliding.taps.len() + 2 {
        return Err(Reason::other(format!("{} taps for an image {}", sliding.taps.len(), x.ty()?)));
    }
    let mut pooled = own[..2].to_vec();
    for (i, &size) in own[2..].iter().enumerate() {
        let steps = (size as i64 - 1).saturating_mul(sliding.strides[i] as i64);
        let whole = steps.saturating_add(sliding.taps[i] as i64);
        pooled.push(natural("pads", whole.saturating_sub(padding[i].0).saturating_sub(padding[i].1))?);
    }
    let wanted = match call.maybe_numbers(2)? {
        Some(numbers) => naturals("output_shape", &numbers)?,
        None => pooled.clone(),
    };
    if wanted.len() != pooled.len() {
        return Err(Reason::other(format!("the shape {wanted:?} is of another rank than {pooled:?}")));
    }
    // Places count in the image that was pooled; in a larger one they are others.
    let places = in_larger(places, &pooled, &wanted);
    one(x.max_unpool(places, wanted))
}

/// Flat places of one shape as flat places of another one with the same indices.
fn in_larger(places: &Tensor, from: &[usize], to: &[usize]) -> Tensor {
    if from == to {
        return places.cast(DType::I64);
    }
    let (mut rest, mut stride) = (places.cast(DType::I64), 1i64);
    let mut found = Tensor::scalar(0i64);
    for (&from, &to) in from.iter().zip(to).rev() {
        found = rest.floor_mod(from as i64) * stride + found;
        rest = rest.floordiv(from as i64);
        stride *= to as i64;
    }
    found
}

fn region_sizes(call: &Call<'_>) -> Result<[usize; 2], Reason> {
    Ok([
        natural("output_height", call.int("output_height", 1)?)?,
        natural("output_width", call.int("output_width", 1)?)?,
    ])
}

fn roi_align(call: &Call<'_>) -> Results {
    let (x, regions, images) = (call.tensor(0)?, call.tensor(1)?, call.tensor(2)?);
    let default = if call.version() < 16 { "output_half_pixel" } else { "half_pixel" };
    let origin = match call.word("coordinate_transformation_mode", default)? {
        "half_pixel" => RegionOrigin::Border,
        "output_half_pixel" => RegionOrigin::Middle,
        other => return Err(call.unknown_word("coordinate_transformation_mode", other)),
    };
    let fold = match call.word("mode", "avg")? {
        "avg" => RegionFold::Mean,
        "max" => RegionFold::Max,
        other => return Err(call.unknown_word("mode", other)),
    };
    let mut options = RoiOptions::new()
        .scale(call.float("spatial_scale", 1.0)?)
        .origin(origin)
        .fold(fold)
        .layout(ImageLayout::Nchw);
    let samples = natural("sampling_ratio", call.int("sampling_ratio", 0)?)?;
    if samples > 0 {
        options = options.samples(samples);
    }
    one(x.roi_align(regions, images.cast(DType::I32), region_sizes(call)?, options))
}

/// The greatest element of each cell of regions with borders on pixels.
fn max_roi_pool(call: &Call<'_>) -> Results {
    let (x, regions) = (call.tensor(0)?, call.tensor(1)?);
    let cells = naturals("pooled_shape", &call.ints("pooled_shape")?.unwrap_or_default())?;
    let scale = call.float("spatial_scale", 1.0)?;
    let [rows, columns] = cells[..] else {
        return Err(Reason::attribute("pooled_shape", "must be two numbers"));
    };
    let [_, _, height, width] = sizes(x)?[..] else {
        return Err(Reason::other(format!("an image of rank 4, found {}", x.ty()?)));
    };
    let bounds = |low: usize, high: usize, size: usize, cells: usize| -> (Tensor, Tensor) {
        let start = (regions.i((.., low)) * scale).round();
        let end = (regions.i((.., high)) * scale).round();
        let cell = ((end - &start + 1).maximum(1) / cells as f64).expand_dims(-1);
        let at = Tensor::arange(cells, DType::F32);
        let start = start.expand_dims(-1);
        let from = (&at * &cell).floor() + &start;
        let to = ((&at + 1) * &cell).ceil() + &start;
        (from.clamp(0, size as f64), to.clamp(0, size as f64))
    };
    let (top, bottom) = bounds(2, 4, height, rows);
    let (left, right) = bounds(1, 3, width, columns);
    let inside = |from: &Tensor, to: &Tensor, size: usize| -> Tensor {
        let at = Tensor::arange(size, DType::F32);
        at.ge(from.expand_dims(-1)) & at.lt(to.expand_dims(-1))
    };
    // Rows of each cell, then columns: `[regions, channels, cells down, cells along]`.
    let images = x.take(regions.i((.., 0)).cast(DType::I64), 0);
    let down = inside(&top, &bottom, height).expand_dims(1).expand_dims(-1);
    let low = f64::NEG_INFINITY;
    let by_row = down.select(images.expand_dims(2), low).max(3);
    let along = inside(&left, &right, width).expand_dims(1).expand_dims(1);
    let found = along.select(by_row.expand_dims(3), low).max(-1);
    one(found.eq(low).select(0, &found))
}
