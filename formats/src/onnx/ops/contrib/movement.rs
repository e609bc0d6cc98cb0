//! The same elements elsewhere.

use tensorwright::{DType, Tensor};

use super::super::Apply;
use crate::onnx::call::{Call, Results, axis, naturals, one, sizes};
use crate::onnx::error::Reason;
use crate::onnx::ops::{image, indexing, movement, shape};

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("Trilu", movement::trilu),
    ("Pad", movement::pad),
    ("GatherND", indexing::gather_nd),
    ("GridSample", image::grid_sample),
    ("Range", shape::range),
    ("ExpandDims", expand_dims),
    ("Unique", unique),
    ("UnfoldTensor", unfold),
    ("CropAndResize", crop_and_resize),
    ("TorchEmbedding", |call| one(call.tensor(0)?.take(call.tensor(1)?.cast(DType::I64), 0))),
];

fn expand_dims(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    one(x.expand_dims(axis(call.number(1)?, x.rank()? + 1)?))
}

/// Elements in the order in which they occur first.
fn unique(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?.reshape([-1]);
    let found = indexing::UniqueRows::of(&x.expand_dims(1), false)?;
    Ok(vec![x.take(&found.first, 0).into(), found.inverse.into(), found.counts.into()])
}

/// Windows along an axis, which become the last one.
fn unfold(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let at = axis(call.int("dim", -1)?, x.rank()?)?;
    let numbers = naturals("size", &[call.required_int("size")?, call.int("step", 1)?])?;
    let (taps, step, whole) = (numbers[0], numbers[1], x.shape()?.size(at));
    if taps == 0 || step == 0 || taps > whole {
        return Err(Reason::other(format!("windows of {taps} elements, {step} apart, of {whole}")));
    }
    let starts = Tensor::arange((whole - taps) / step + 1, DType::I64) * step as i64;
    let places = starts.expand_dims(-1) + Tensor::arange(taps, DType::I64);
    one(x.take(places, at).move_axis(at + 1, x.rank()?))
}

/// Boxes of images in one size, as TensorFlow's operator has them: corners are in the middle of pixels.
fn crop_and_resize(call: &Call<'_>) -> Results {
    let (x, boxes) = (call.tensor(0)?, call.tensor(1)?);
    let wanted = naturals("crop_size", &call.numbers(3)?)?;
    let [rows, columns] = wanted[..] else {
        return Err(Reason::other("the size of crops must be two numbers"));
    };
    let [_, _, height, width] = sizes(x)?[..] else {
        return Err(Reason::other(format!("images of rank 4, found {}", x.ty()?)));
    };
    let is_nearest = match call.word("mode", "bilinear")? {
        "bilinear" => false,
        "nearest" => true,
        other => return Err(call.unknown_word("mode", other)),
    };
    let axis = |low: usize, high: usize, size: usize, count: usize| Cut {
        low: boxes.i((.., low)),
        high: boxes.i((.., high)),
        size,
        count,
        is_nearest,
    };
    let (down, along) = (axis(0, 2, height, rows), axis(1, 3, width, columns));
    let images = x.take(call.tensor(2)?.cast(DType::I64), 0);
    // `[boxes, 1, rows, height] [boxes, channels, height, width] [boxes, 1, width, columns]`
    let found = down.weights().expand_dims(1).matmul(images);
    let found = found.matmul(along.weights().expand_dims(1).swap_axes(-1, -2));
    let inside = down.inside().expand_dims([1usize, 3]) & along.inside().expand_dims([1usize, 2]);
    one(inside.select(found, call.float("extrapolation_value", 0.0)?))
}

/// Boxes along one axis of an image.
struct Cut {
    low: Tensor,
    high: Tensor,
    size: usize,
    count: usize,
    is_nearest: bool,
}

impl Cut {
    /// Where pixels are read, `[boxes, count]`.
    fn places(&self) -> Tensor {
        let last = self.size as f64 - 1.0;
        if self.count < 2 {
            return ((&self.low + &self.high) * (0.5 * last)).expand_dims(-1);
        }
        let step = (&self.high - &self.low) * (last / (self.count - 1) as f64);
        (&self.low * last).expand_dims(-1) + step.expand_dims(-1) * Tensor::arange(self.count, DType::F32)
    }

    fn inside(&self) -> Tensor {
        let places = self.places();
        places.ge(0) & places.le(self.size as f64 - 1.0)
    }

    /// What each pixel counts, `[boxes, count, size]`.
    fn weights(&self) -> Tensor {
        let places = if self.is_nearest { self.places().round() } else { self.places() };
        let apart = places.expand_dims(-1) - Tensor::arange(self.size, DType::F32);
        (1 - apart.abs()).maximum(0)
    }
}
