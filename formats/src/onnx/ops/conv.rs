//! Convolutions.

use tensorwright::{ConvOptions, DType, ImageLayout, Padding, Tensor};

use super::linear::{self, centred};
use super::{Apply, dequantized};
use crate::onnx::call::{Call, Results, expect_rank, integers, natural, naturals, one, sizes};
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("Conv", conv),
    ("ConvTranspose", conv_transpose),
    ("ConvInteger", conv_integer),
    ("QLinearConv", quantized),
    ("DeformConv", deform_conv),
    ("CausalConvWithState", causal_conv),
    ("Col2Im", col2im),
];

/// Attributes of what slides over images.
pub(super) struct Sliding {
    pub(super) taps: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) dilations: Vec<usize>,
    pub(super) padding: Padding,
}

impl Sliding {
    /// Of so many axes; taps are those of the kernel unless it says.
    pub(super) fn of(call: &Call<'_>, taps: Option<&[usize]>) -> Result<Sliding, Reason> {
        let said = call.ints("kernel_shape")?.map(|taps| naturals("kernel_shape", &taps)).transpose()?;
        let taps = said.or_else(|| taps.map(<[usize]>::to_vec));
        let taps = taps.ok_or_else(|| Reason::attribute("kernel_shape", "is missing"))?;
        let numbers = |name: &str| -> Result<Vec<usize>, Reason> {
            let said = call.ints(name)?.map(|numbers| naturals(name, &numbers)).transpose()?;
            Ok(said.unwrap_or_else(|| vec![1; taps.len()]))
        };
        let (strides, dilations) = (numbers("strides")?, numbers("dilations")?);
        if strides.len() != taps.len() || dilations.len() != taps.len() {
            return Err(Reason::other(format!(
                "strides and dilations are not one for each of {} axes",
                taps.len()
            )));
        }
        let padding = match call.word("auto_pad", "NOTSET")? {
            "NOTSET" => Padding::Explicit(pads(call, taps.len())?),
            "VALID" => Padding::Valid,
            "SAME_UPPER" => Padding::Same,
            "SAME_LOWER" => Padding::SameLower,
            other => return Err(call.unknown_word("auto_pad", other)),
        };
        Ok(Sliding { taps, strides, dilations, padding })
    }
}

/// Pairs of what is in front and behind, for so many axes.
pub(super) fn pads(call: &Call<'_>, axes: usize) -> Result<Vec<(i64, i64)>, Reason> {
    pairs(&call.ints("pads")?.unwrap_or_else(|| vec![0; 2 * axes]), axes)
}

fn pairs(pads: &[i64], axes: usize) -> Result<Vec<(i64, i64)>, Reason> {
    if pads.len() != 2 * axes {
        return Err(Reason::attribute("pads", format!("has {} numbers for {axes} axes", pads.len())));
    }
    Ok((0..axes).map(|i| (pads[i], pads[i + axes])).collect())
}

fn groups(call: &Call<'_>) -> Result<usize, Reason> {
    natural("group", call.int("group", 1)?)
}

fn convolved(call: &Call<'_>, x: &Tensor, kernel: &Tensor) -> Result<Tensor, Reason> {
    let (sliding, options) = sliding_options(call, kernel)?;
    Ok(x.conv(kernel, options.padding(sliding.padding)))
}

/// How a convolution slides, and the same as options, but for the padding.
fn sliding_options(call: &Call<'_>, kernel: &Tensor) -> Result<(Sliding, ConvOptions), Reason> {
    let spatial = sizes(kernel)?.get(2..).map(<[usize]>::to_vec);
    let sliding = Sliding::of(call, spatial.as_deref())?;
    let options = ConvOptions::new()
        .strides(sliding.strides.clone())
        .dilation(sliding.dilations.clone())
        .groups(groups(call)?)
        .layout(ImageLayout::Nchw);
    Ok((sliding, options))
}

/// The convolution of bytes less their zero points, in i32. `None` if an operand is no image of bytes, there is more than one zero point of the image, or
/// the kernel has one that is not 0, once bytes have a sign.
pub(super) fn of_bytes(
    call: &Call<'_>,
    x: &Tensor,
    x_zero: Option<&Tensor>,
    kernel: &Tensor,
    kernel_zero: Option<&Tensor>,
) -> Result<Option<Tensor>, Reason> {
    let is_image =
        |x: &Tensor| Ok::<_, Reason>(matches!(x.dtype()?, DType::I8 | DType::U8) && x.rank()? >= 3);
    let is_known = !kernel.is_traced() && kernel_zero.is_none_or(|zero| !zero.is_traced());
    let has_one = x_zero.map_or(Ok(1), Tensor::elements)? == 1;
    if !is_image(x)? || !is_image(kernel)? || !is_known || !has_one {
        return Ok(None);
    }
    let (kernel, centre) = tensorwright::eagerly(|| linear::signed(kernel, kernel_zero, true))?;
    let is_zero = |zero: &Tensor| integers(zero).is_ok_and(|zeros| zeros.iter().all(|&zero| zero == 0));
    if centre.is_some_and(|zero| !is_zero(&zero)) {
        return Ok(None);
    }
    let (sliding, options) = sliding_options(call, &kernel)?;
    let (x, zero) = linear::signed(x, x_zero, true)?;
    let options = options.dtype(DType::I32);
    let zero = zero.filter(|zero| zero.is_traced() || !is_zero(zero));
    let Some(zero) = zero else { return Ok(Some(x.conv(&kernel, options.padding(sliding.padding)))) };
    // Padding stands for zeros, which are bytes like the zero point.
    let x = padded(&x, &sliding, &zero)?;
    let sums = || kernel.cast(DType::I32).sum(&(1..kernel.rank().unwrap_or(1)).collect::<Vec<_>>()[..]);
    let away = tensorwright::eagerly(sums) * zero;
    Ok(Some(x.conv(&kernel, options.padding(Padding::Valid)) - per_channel(&away, x.rank()?)?))
}

/// The image with its padding, of this element.
fn padded(x: &Tensor, sliding: &Sliding, element: &Tensor) -> Result<Tensor, Reason> {
    let own = sizes(x)?;
    let pair = |at: usize| -> (i64, i64) {
        let all = |to_high: bool| {
            let (size, step) = (own[at + 2], sliding.strides[at].max(1));
            let span = sliding.taps[at].saturating_sub(1).saturating_mul(sliding.dilations[at]);
            let needed =
                (size.div_ceil(step).saturating_sub(1)).saturating_mul(step).saturating_add(span + 1);
            let whole = needed.saturating_sub(size) as i64;
            if to_high { (whole / 2, whole - whole / 2) } else { (whole - whole / 2, whole / 2) }
        };
        match &sliding.padding {
            Padding::Explicit(pairs) => pairs[at],
            Padding::Same => all(true),
            Padding::SameLower => all(false),
            _ => (0, 0),
        }
    };
    let pairs: Vec<(i64, i64)> = (0..own.len().saturating_sub(2).min(sliding.taps.len())).map(pair).collect();
    if pairs.iter().all(|pair| *pair == (0, 0)) {
        return Ok(x.clone());
    }
    let side =
        |of: fn(&(i64, i64)) -> i64| -> Vec<i64> { [0, 0].into_iter().chain(pairs.iter().map(of)).collect() };
    Ok(x.pad(element.cast(x.dtype()?), side(|pair| pair.0), side(|pair| pair.1), vec![0usize; own.len()]))
}

/// One number for each channel, along the channels of an image of this rank.
pub(super) fn per_channel(vector: &Tensor, rank: usize) -> Result<Tensor, Reason> {
    if rank < 2 {
        return Err(Reason::other(format!("an image has images and channels, found rank {rank}")));
    }
    let mut shape = vec![1; rank];
    shape[1] = vector.elements()?;
    Ok(vector.reshape(shape))
}

fn conv(call: &Call<'_>) -> Results {
    match (dequantized::convolution(call, 3)?, call.maybe(2)?) {
        (Some(y), Some(bias)) => one(&y + per_channel(bias, y.rank()?)?),
        (Some(y), None) => one(y),
        (None, bias) => one(with_bias(call, call.tensor(0)?, call.tensor(1)?, bias)?),
    }
}

/// A convolution and one summand for each channel.
pub(super) fn with_bias(
    call: &Call<'_>,
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
) -> Result<Tensor, Reason> {
    let y = convolved(call, x, kernel)?;
    match bias {
        Some(bias) => Ok(y + per_channel(bias, x.rank()?)?),
        None => Ok(y),
    }
}

fn conv_integer(call: &Call<'_>) -> Results {
    let (image, kernel) = (call.tensor(0)?, call.tensor(1)?);
    if let Some(sum) = of_bytes(call, image, call.maybe(2)?, kernel, call.maybe(3)?)? {
        return one(sum);
    }
    let x = centred(call.tensor(0)?, call.maybe(2)?, false)?;
    let kernel = centred_kernel(call.tensor(1)?, call.maybe(3)?)?;
    one(convolved(call, &x, &kernel)?)
}

/// A kernel less its zero points, one of all or one for each channel out.
fn centred_kernel(kernel: &Tensor, zero: Option<&Tensor>) -> Result<Tensor, Reason> {
    let Some(zero) = zero.filter(|zero| zero.elements().is_ok_and(|count| count > 1)) else {
        return centred(kernel, zero, false);
    };
    let mut shape = vec![1; kernel.rank()?.max(1)];
    shape[0] = zero.elements()?;
    Ok(kernel.cast(DType::I32) - zero.cast(DType::I32).reshape(shape))
}

fn quantized(call: &Call<'_>) -> Results {
    one(quantized_image(call, call.tensor(0)?)?)
}

/// The convolution of an image of integers `[n, channels, ..]`.
pub(super) fn quantized_image(call: &Call<'_>, x: &Tensor) -> Result<Tensor, Reason> {
    let rank = x.rank()?;
    let mut sum = match of_bytes(call, x, call.maybe(2)?, call.tensor(3)?, call.maybe(5)?)? {
        Some(sum) => sum,
        None => {
            let kernel = centred_kernel(call.tensor(3)?, call.maybe(5)?)?;
            convolved(call, &centred(x, call.maybe(2)?, false)?, &kernel)?
        }
    };
    if let Some(bias) = call.maybe(8)? {
        sum += per_channel(bias, rank)?;
    }
    let scale = call.tensor(4)?;
    let kernel_scale = if scale.elements()? > 1 { per_channel(scale, rank)? } else { scale.reshape(()) };
    let factor = call.tensor(1)?.reshape(()) * kernel_scale / call.tensor(6)?.reshape(());
    super::quantize::requantized(&sum, &factor, call.tensor(7)?)
}

fn conv_transpose(call: &Call<'_>) -> Results {
    one(transposed(call, None, call.maybe(2)?)?)
}

/// How a transposed convolution slides: one number for each axis.
struct Spreading {
    strides: Vec<i64>,
    dilations: Vec<i64>,
    /// Results besides, at the end of each axis.
    more: Vec<i64>,
}

impl Spreading {
    fn of(call: &Call<'_>, axes: usize) -> Result<Spreading, Reason> {
        let numbers = |name: &str, default: i64| -> Result<Vec<i64>, Reason> {
            let found = call.ints(name)?.unwrap_or_else(|| vec![default; axes]);
            match found.len() == axes {
                true => Ok(found),
                false => Err(Reason::attribute(name, format!("has {} numbers for {axes} axes", found.len()))),
            }
        };
        let (strides, dilations) = (numbers("strides", 1)?, numbers("dilations", 1)?);
        Ok(Spreading { strides, dilations, more: numbers("output_padding", 0)? })
    }

    /// What is taken away in front and behind for results of the sizes that attributes say.
    fn pads(&self, call: &Call<'_>, own: &[usize], taps: &[usize]) -> Result<Vec<(i64, i64)>, Reason> {
        let axes = own.len();
        let word = call.word("auto_pad", "NOTSET")?;
        let wanted: Vec<i64> = match (call.ints("output_shape")?, word) {
            (Some(sizes), _) if sizes.len() >= axes => sizes[sizes.len() - axes..].to_vec(),
            (Some(_), _) => {
                return Err(Reason::attribute("output_shape", format!("is not one for each of {axes} axes")));
            }
            (None, "SAME_UPPER" | "SAME_LOWER") => own
                .iter()
                .zip(&self.strides)
                .map(|(&size, &stride)| (size as i64).saturating_mul(stride))
                .collect(),
            (None, "NOTSET") => return pads(call, axes),
            (None, _) => return Ok(vec![(0, 0); axes]),
        };
        let pair = |i: usize| {
            let steps = (own[i] as i64 - 1).saturating_mul(self.strides[i]);
            let span = (taps[i] as i64 - 1).saturating_mul(self.dilations[i]).saturating_add(1);
            let whole = steps.saturating_add(self.more[i]).saturating_add(span);
            let away = whole.saturating_sub(wanted[i]);
            let half = away.div_euclid(2);
            if word == "SAME_UPPER" { (half, away - half) } else { (away - half, half) }
        };
        Ok((0..axes).map(pair).collect())
    }
}

/// A transposed convolution, with the padding of the attributes unless another one is given.
pub(super) fn transposed(
    call: &Call<'_>,
    padding: Option<&[i64]>,
    bias: Option<&Tensor>,
) -> Result<Tensor, Reason> {
    let (x, kernel) = (call.tensor(0)?, call.tensor(1)?);
    let (own, taps) = (sizes(x)?, sizes(kernel)?);
    if own.len() < 3 || taps.len() != own.len() {
        return Err(Reason::other(format!("an image and a kernel, found {} and {}", x.ty()?, kernel.ty()?)));
    }
    let spreading = Spreading::of(call, own.len() - 2)?;
    let pads = match padding {
        Some(given) => pairs(given, own.len() - 2)?,
        None => spreading.pads(call, &own[2..], &taps[2..])?,
    };
    // What is wanted behind is padding that takes nothing away.
    let behind = |(&(low, high), &more): (&(i64, i64), &i64)| (low, high.saturating_sub(more));
    let options = ConvOptions::new()
        .strides(naturals("strides", &spreading.strides)?)
        .dilation(naturals("dilations", &spreading.dilations)?)
        .padding(Padding::Explicit(pads.iter().zip(&spreading.more).map(behind).collect()))
        .groups(groups(call)?)
        .layout(ImageLayout::Nchw);
    let y = x.conv_transpose(kernel, options);
    match bias {
        Some(bias) => Ok(y + per_channel(bias, own.len())?),
        None => Ok(y),
    }
}

/// A convolution of each channel by itself with what came before, of which the last elements are the state.
pub(super) fn causal_conv(call: &Call<'_>) -> Results {
    let (x, kernel) = (call.tensor(0)?, call.tensor(1)?);
    let own = sizes(x)?;
    let (Some(&channels), Some(&taps)) = (own.get(1), sizes(kernel)?.get(2).or(None)) else {
        return Err(Reason::other(format!(
            "images and a kernel of rank 3, found {} and {}",
            x.ty()?,
            kernel.ty()?
        )));
    };
    if taps == 0 {
        return Err(Reason::other("the kernel has no taps"));
    }
    let past = match call.maybe(3)? {
        Some(past) => past.clone(),
        None => Tensor::zeros([own[0], channels, taps - 1], x.dtype()?),
    };
    let whole = Tensor::concat(&[&past, x], 2);
    let options = ConvOptions::new().groups(channels).layout(ImageLayout::Nchw);
    let mut y = whole.conv(kernel, options);
    if let Some(bias) = call.maybe(2)? {
        y += per_channel(bias, 3)?;
    }
    let y = match call.word("activation", "none")? {
        "none" => y,
        "silu" | "swish" => y.silu(),
        other => return Err(call.unknown_word("activation", other)),
    };
    let end = whole.shape()?.size(2) as i64;
    let state =
        whole.slice([0, 0, end - (taps as i64 - 1)], [own[0] as i64, channels as i64, end], [1i64, 1, 1]);
    Ok(vec![y.into(), state.into()])
}

fn col2im(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let image = naturals("image_shape", &call.numbers(1)?)?;
    let block = naturals("block_shape", &call.numbers(2)?)?;
    let sliding = Sliding::of(call, Some(&block))?;
    // Places of blocks are one axis here, as many as there are axes of the image to the library.
    let (own, pads) = (sizes(x)?, pads(call, image.len())?);
    if block.len() != image.len() || sliding.taps.len() != image.len() {
        return Err(Reason::other(format!("blocks {block:?} are not one number for each axis of {image:?}")));
    }
    let mut places = own[..own.len().min(2)].to_vec();
    for (i, &size) in image.iter().enumerate() {
        let span = (block[i] as i64 - 1).saturating_mul(sliding.dilations[i] as i64).saturating_add(1);
        let room = (size as i64).saturating_add(pads[i].0).saturating_add(pads[i].1).saturating_sub(span);
        places.push(natural(
            "image_shape",
            room.div_euclid(sliding.strides[i].max(1) as i64).saturating_add(1),
        )?);
    }
    let x = x.reshape(places);
    let options = tensorwright::PoolOptions::new()
        .strides(sliding.strides)
        .dilation(sliding.dilations)
        .padding(sliding.padding)
        .layout(ImageLayout::Nchw);
    one(x.col2im(image, block, options))
}

/// A convolution whose taps are moved by numbers of pixels of their own, read between pixels.
fn deform_conv(call: &Call<'_>) -> Results {
    let (x, kernel, offset) = (call.tensor(0)?, call.tensor(1)?, call.tensor(2)?);
    let (own, taps) = (sizes(x)?, sizes(kernel)?);
    let ([n, channels, height, width], [filters, per_group, rows, columns]) = (&own[..], &taps[..]) else {
        return Err(Reason::other("images and kernels of rank 4 are supported"));
    };
    let sliding = Sliding::of(call, Some(&taps[2..]))?;
    let pads = pads(call, 2)?;
    let (groups, parts) = (groups(call)?, natural("offset_group", call.int("offset_group", 1)?)?);
    let count = rows * columns;
    expect_rank("the offset", offset.rank()?, 4)?;
    if groups == 0 || parts == 0 || filters % groups != 0 || channels % parts != 0 {
        return Err(Reason::other(format!(
            "{groups} groups and {parts} groups of offsets do not divide the channels"
        )));
    }
    let out = sizes(offset)?[2..].to_vec();
    let (down, along) = (out[0], out[1]);
    let shifts = offset.reshape([*n, parts, count, 2, down, along]);
    let grid = |axis: usize, count: usize| -> Tensor {
        let steps = Tensor::arange(count, DType::F32) * sliding.strides[axis] as f64 - pads[axis].0 as f64;
        if axis == 0 { steps.reshape([count, 1]) } else { steps.reshape([1, count]) }
    };
    let tap = Tensor::arange(count, DType::I64);
    let tap_at = |axis: usize| -> Tensor {
        let at = if axis == 0 { tap.floordiv(*columns as i64) } else { tap.floor_mod(*columns as i64) };
        (at.cast(DType::F32) * sliding.dilations[axis] as f64).reshape([count, 1, 1])
    };
    let place = |axis: usize, size: usize| -> Tensor {
        shifts.i((.., .., .., axis)) + (grid(axis, size) + tap_at(axis)).cast(x.dtype().unwrap_or(DType::F32))
    };
    let (ys, xs) = (place(0, down), place(1, along));
    let mask = call.maybe(4)?.map(|mask| mask.reshape([*n, parts, count, down, along]));
    let image = x.reshape([*n, parts, channels / parts, height * width]);
    let samples = Between { image, height: *height, width: *width }.read(&ys, &xs, mask.as_ref())?;
    // Samples of each channel and tap, then a product with the kernel.
    let columns_of = samples.reshape([*n, groups, per_group * count, down * along]);
    let kernel = kernel.reshape([groups, filters / groups, per_group * count]);
    let mut y = kernel.matmul(columns_of).reshape([*n, *filters, down, along]);
    if let Some(bias) = call.maybe(3)? {
        y += per_channel(bias, 4)?;
    }
    one(y)
}

/// Images that are read between their pixels: `[n, parts, channels, pixels]`.
struct Between {
    image: Tensor,
    height: usize,
    width: usize,
}

impl Between {
    /// `[n, parts, channels, taps, down, along]` at places `[n, parts, taps, down, along]`; outside are zeros.
    fn read(&self, ys: &Tensor, xs: &Tensor, mask: Option<&Tensor>) -> Result<Tensor, Reason> {
        let (top, left) = (ys.floor(), xs.floor());
        let mut sum: Option<Tensor> = None;
        for (down, along) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let (row, column) = (&top + down, &left + along);
            let weight = (1 - (ys - &row).abs()) * (1 - (xs - &column).abs());
            let inside = row.ge(0) & row.lt(self.height as f64) & column.ge(0) & column.lt(self.width as f64);
            let mut weight = inside.select(weight, 0);
            if let Some(mask) = mask {
                weight *= mask;
            }
            let row = row.clamp(0, self.height.saturating_sub(1) as f64).cast(DType::I64);
            let column = column.clamp(0, self.width.saturating_sub(1) as f64).cast(DType::I64);
            let flat = row * self.width as i64 + column;
            let shape = sizes(&flat)?;
            let channels = self.image.shape()?.size(2);
            let places = flat.reshape([shape[0], shape[1], 1, shape[2] * shape[3] * shape[4]]);
            let places = places.broadcast_to([shape[0], shape[1], channels, shape[2] * shape[3] * shape[4]]);
            let found = self.image.take_along_axis(places, 3);
            let found = found.reshape([shape[0], shape[1], channels, shape[2], shape[3], shape[4]]);
            let part = found * weight.expand_dims(2);
            sum = Some(sum.map_or_else(|| part.clone(), |sum| sum + &part));
        }
        sum.ok_or_else(|| Reason::other("there are no neighbours"))
    }
}
