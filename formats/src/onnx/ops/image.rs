//! Images in other sizes, at other places, and boxes in them.

use tensorwright::{
    Antialias, Corners, DType, GridBorder, GridKernel, ImageLayout, NmsOptions, ResizeBorder,
    ResizeCoordinates, ResizeKernel, ResizeOptions, Tensor,
};

use super::Apply;
use super::conv::per_channel;
use crate::onnx::call::{Call, Results, axes, floats, naturals, one, sizes};
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("Resize", resize),
    ("Upsample", upsample),
    ("GridSample", grid_sample),
    ("AffineGrid", affine_grid),
    ("NonMaxSuppression", non_max_suppression),
    ("Crop", crop),
    ("ImageScaler", image_scaler),
    ("Scale", |call| one(call.tensor(0)? * call.float("scale", 1.0)?)),
];

/// An image without its borders, or a part of this size within the first two. An operator of the first versions.
fn crop(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let (own, border) = (sizes(x)?, naturals("border", &call.ints("border")?.unwrap_or_default())?);
    let ([_, _, height, width], [left, top, right, bottom]) = (&own[..], &border[..]) else {
        return Err(Reason::other(format!(
            "four borders of an image, found {} of {}",
            border.len(),
            x.ty()?
        )));
    };
    let (low, high) = match call.ints("scale")? {
        Some(wanted) => match naturals("scale", &wanted)?[..] {
            [rows, columns] => (rows.saturating_add(*top), columns.saturating_add(*left)),
            _ => return Err(Reason::attribute("scale", "must be two numbers")),
        },
        None => (height.saturating_sub(*bottom), width.saturating_sub(*right)),
    };
    if low > *height || high > *width || *top > low || *left > high {
        return Err(Reason::other(format!("borders {border:?} leave nothing of {}", x.ty()?)));
    }
    one(x.i((.., .., *top..low, *left..high)))
}

/// A factor, and a summand for each channel. An operator of the first versions.
fn image_scaler(call: &Call<'_>) -> Results {
    let x = call.tensor(0)? * call.float("scale", 1.0)?;
    match call.float_list("bias")? {
        Some(bias) => one(&x + per_channel(&Tensor::from_slice(&bias, bias.len()), x.rank()?)?),
        None => one(x),
    }
}

fn corners(call: &Call<'_>) -> Result<Corners, Reason> {
    Ok(if call.flag("align_corners", false)? { Corners::Middle } else { Corners::Outer })
}

fn upsample(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let scales = match (call.maybe(1)?, call.float_list("scales")?) {
        (Some(scales), _) => floats(scales)?,
        (None, Some(scales)) => scales.iter().map(|&scale| f64::from(scale)).collect(),
        (None, None) => vec![1.0, 1.0, call.float("height_scale", 1.0)?, call.float("width_scale", 1.0)?],
    };
    let options = match call.word("mode", "nearest")? {
        "nearest" => ResizeOptions::new(ResizeKernel::NearestFloor),
        "linear" | "bilinear" => ResizeOptions::linear(),
        other => return Err(call.unknown_word("mode", other)),
    };
    let options = options.coordinates(ResizeCoordinates::Asymmetric).axes(0..x.rank()?);
    one(x.resize_by(scales, options))
}

fn resize(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let own = sizes(x)?;
    // Version 10 has no region.
    let (scales_at, sizes_at) = if call.version() < 11 { (1, usize::MAX) } else { (2, 3) };
    let along = match call.ints("axes")? {
        Some(given) => axes(&given, own.len())?,
        None => (0..own.len()).collect(),
    };
    let scales = match call.maybe(scales_at)? {
        Some(scales) if scales.elements()? > 0 => Some(floats(scales)?),
        _ => None,
    };
    let wanted = match call.maybe(sizes_at).ok().flatten() {
        Some(wanted) if wanted.elements()? > 0 => Some(naturals("sizes", &call.numbers(sizes_at)?)?),
        _ => None,
    };
    let options = resize_options(call, &along)?;
    match (scales, wanted) {
        (Some(scales), None) => Scaled { x, own: &own, along, options }.by(scales),
        (None, Some(wanted)) => Scaled { x, own: &own, along, options }.to(call, wanted),
        _ => Err(Reason::other("either scales or sizes must be there")),
    }
}

fn resize_options(call: &Call<'_>, along: &[usize]) -> Result<ResizeOptions, Reason> {
    let kernel = match (call.word("mode", "nearest")?, call.word("nearest_mode", "round_prefer_floor")?) {
        ("nearest", _) if call.version() < 11 => ResizeKernel::NearestFloor,
        ("nearest", "round_prefer_floor") => ResizeKernel::NearestHalfDown,
        ("nearest", "round_prefer_ceil") => ResizeKernel::NearestHalfUp,
        ("nearest", "floor") => ResizeKernel::NearestFloor,
        ("nearest", "ceil") => ResizeKernel::NearestCeil,
        ("nearest", other) => return Err(call.unknown_word("nearest_mode", other)),
        ("linear", _) => ResizeKernel::Linear,
        ("cubic", _) => ResizeKernel::Cubic,
        (other, _) => return Err(call.unknown_word("mode", other)),
    };
    let default = if call.version() < 11 { "asymmetric" } else { "half_pixel" };
    let options = ResizeOptions::new(kernel)
        .coefficient(call.float("cubic_coeff_a", -0.75)?)
        .border(if call.flag("exclude_outside", false)? {
            ResizeBorder::Exclude
        } else {
            ResizeBorder::Extend
        })
        .antialias(if call.flag("antialias", false)? { Antialias::On } else { Antialias::Off });
    let coordinates = match call.word("coordinate_transformation_mode", default)? {
        "half_pixel" => ResizeCoordinates::HalfPixel,
        "half_pixel_symmetric" => ResizeCoordinates::HalfPixelSymmetric,
        "pytorch_half_pixel" => ResizeCoordinates::PytorchHalfPixel,
        "align_corners" => ResizeCoordinates::AlignCorners,
        "asymmetric" => ResizeCoordinates::Asymmetric,
        "tf_half_pixel_for_nn" => ResizeCoordinates::HalfPixelForNearest,
        "tf_crop_and_resize" => {
            let region = floats(call.tensor(1)?)?;
            let count = along.len();
            if region.len() != 2 * count {
                return Err(Reason::other(format!("a region of {} numbers for {count} axes", region.len())));
            }
            let pairs: Vec<(f64, f64)> = (0..count).map(|i| (region[i], region[i + count])).collect();
            return Ok(options.region(pairs, call.float("extrapolation_value", 0.0)?));
        }
        other => return Err(call.unknown_word("coordinate_transformation_mode", other)),
    };
    Ok(options.coordinates(coordinates))
}

/// An image that is made larger or smaller along some of its axes.
struct Scaled<'s> {
    x: &'s Tensor,
    own: &'s [usize],
    along: Vec<usize>,
    options: ResizeOptions,
}

impl Scaled<'_> {
    fn by(self, scales: Vec<f64>) -> Results {
        if scales.len() != self.along.len() {
            return Err(Reason::other(format!("{} scales for {} axes", scales.len(), self.along.len())));
        }
        one(self.x.resize_by(scales, self.options.axes(self.along)))
    }

    fn to(self, call: &Call<'_>, wanted: Vec<usize>) -> Results {
        if wanted.len() != self.along.len() {
            return Err(Reason::other(format!("{} sizes for {} axes", wanted.len(), self.along.len())));
        }
        let ratio = |(&size, &at): (&usize, &usize)| size as f64 / self.own[at] as f64;
        let ratios: Vec<f64> = wanted.iter().zip(&self.along).map(ratio).collect();
        let scale = match call.word("keep_aspect_ratio_policy", "stretch")? {
            "stretch" => return one(self.x.resize(wanted, self.options.axes(self.along))),
            "not_larger" => ratios.into_iter().fold(f64::INFINITY, f64::min),
            "not_smaller" => ratios.into_iter().fold(0.0, f64::max),
            other => return Err(call.unknown_word("keep_aspect_ratio_policy", other)),
        };
        let sizes: Vec<usize> =
            self.along.iter().map(|&at| (self.own[at] as f64 * scale).round() as usize).collect();
        let scales = vec![scale; sizes.len()];
        one(self.x.resize(sizes, self.options.scales(scales).axes(self.along)))
    }
}

pub(super) fn grid_sample(call: &Call<'_>) -> Results {
    let kernel = match call.word("mode", if call.version() < 20 { "bilinear" } else { "linear" })? {
        "bilinear" | "linear" => GridKernel::Linear,
        "nearest" => GridKernel::Nearest,
        "bicubic" | "cubic" => GridKernel::Cubic,
        other => return Err(call.unknown_word("mode", other)),
    };
    let border = match call.word("padding_mode", "zeros")? {
        "zeros" => GridBorder::Zeros,
        "border" => GridBorder::Border,
        "reflection" => GridBorder::Reflection,
        other => return Err(call.unknown_word("padding_mode", other)),
    };
    one(call.tensor(0)?.grid_sample(call.tensor(1)?, kernel, border, corners(call)?, ImageLayout::Nchw))
}

fn affine_grid(call: &Call<'_>) -> Results {
    let sizes = naturals("size", &call.numbers(1)?)?;
    one(call.tensor(0)?.affine_grid(sizes.get(2..).unwrap_or(&[]), corners(call)?))
}

/// Boxes that overlap no better one of their class: rows of image, class and box.
fn non_max_suppression(call: &Call<'_>) -> Results {
    let (boxes, scores) = (call.tensor(0)?, call.tensor(1)?);
    let most = call.maybe_numbers(2)?.and_then(|numbers| numbers.first().copied()).unwrap_or(0);
    let number = |position: usize| -> Result<Option<f64>, Reason> {
        let found = call.maybe(position)?.map(floats).transpose()?;
        Ok(found.and_then(|numbers| numbers.first().copied()))
    };
    let overlap = number(3)?.unwrap_or(0.0);
    let least = number(4)?;
    let [images, classes, _] = sizes(scores)?[..] else {
        return Err(Reason::other(format!("scores of images, classes and boxes, found {}", scores.ty()?)));
    };
    let boxes = match call.int("center_point_box", 0)? {
        0 => corners_in_order(boxes),
        _ => around_centres(boxes),
    };
    let mut rows = Vec::new();
    for image in 0..images {
        for class in 0..classes {
            let options = NmsOptions {
                iou_threshold: overlap,
                score_threshold: least.unwrap_or(f64::NEG_INFINITY),
                most: usize::try_from(most).unwrap_or(0).min(boxes.shape()?.size(1)),
                sigma: 0.0,
            };
            let kept =
                tensorwright::nms(&boxes.i(image), &scores.i((image, class)), options)?.cast(DType::I64);
            let count = kept.elements()?;
            let number = |n: usize| Tensor::full([count], n as i64);
            rows.push(Tensor::stack(&[number(image), number(class), kept], 1));
        }
    }
    match rows.is_empty() {
        true => one(Tensor::zeros([0, 3], DType::I64)),
        false => one(Tensor::concat(&rows, 0)),
    }
}

/// Boxes by their least and greatest corner, given by two opposite ones.
fn corners_in_order(boxes: &Tensor) -> Tensor {
    let parts = boxes.unstack(-1);
    let [y1, x1, y2, x2] = &parts[..] else { return boxes.clone() };
    Tensor::stack(&[y1.minimum(y2), x1.minimum(x2), y1.maximum(y2), x1.maximum(x2)], -1)
}

/// Boxes by their corners, given by `x` and `y` of the centre, width and height.
fn around_centres(boxes: &Tensor) -> Tensor {
    let parts = boxes.unstack(-1);
    let [x, y, width, height] = &parts[..] else { return boxes.clone() };
    let (half_width, half_height) = (width / 2, height / 2);
    Tensor::stack(&[y - &half_height, x - &half_width, y + half_height, x + half_width], -1)
}
