//! Spectra, and windows over signals.

use tensorwright::{DType, FftOptions, Tensor};

use super::Apply;
use crate::onnx::call::{Call, Results, axis, floats, natural, one, sizes};
use crate::onnx::dtype;
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("DFT", dft),
    ("STFT", stft),
    ("MelWeightMatrix", mel_weight_matrix),
    ("HannWindow", |call| window(call, &[0.5, 0.5])),
    ("HammingWindow", |call| window(call, &[25.0 / 46.0, 21.0 / 46.0])),
    ("BlackmanWindow", |call| window(call, &[0.42, 0.5, 0.08])),
];

/// Numbers and pairs of them as complex numbers, with the axis at its place among the axes before the pairs.
fn as_complex(x: &Tensor) -> Result<Tensor, Reason> {
    let last = x.rank()?.saturating_sub(1);
    match x.shape()?.sizes().last() {
        Some(1) => {
            let re = x.squeeze([last]);
            Ok(re.complex(re.zeros_like()))
        }
        Some(2) => Ok(x.as_complex()),
        _ => Err(Reason::other(format!("the last axis has numbers or pairs of them, found {}", x.ty()?))),
    }
}

/// Forwards it is computed in f64: what the specification's own results round is far below what f32 does.
fn dft(call: &Call<'_>) -> Results {
    let (x, own) = (call.tensor(0)?, call.tensor(0)?.dtype()?);
    let wide = if call.flag("inverse", false)? { own } else { DType::F64 };
    one(transformed(call, &x.cast(wide))?.cast(own))
}

fn transformed(call: &Call<'_>, x: &Tensor) -> Result<Tensor, Reason> {
    let rank = x.rank()?;
    // Version 20 has the axis among its inputs.
    let at = match call.maybe_numbers(2)?.and_then(|numbers| numbers.first().copied()) {
        Some(at) => at,
        None => call.int("axis", if call.version() < 20 { 1 } else { -2 })?,
    };
    let at = axis(at, rank)?;
    if at + 1 == rank {
        return Err(Reason::other("the axis of pairs is not transformed"));
    }
    let length = match call.maybe_numbers(1)?.and_then(|numbers| numbers.first().copied()) {
        Some(length) => Some(natural("dft_length", length)?),
        None => None,
    };
    let (inverse, half) = (call.flag("inverse", false)?, call.flag("onesided", false)?);
    let options = || match length {
        Some(length) => FftOptions::new().lengths([length]),
        None => FftOptions::new(),
    };
    let is_real = x.shape()?.size(rank - 1) == 1;
    if inverse && half {
        let z = as_complex(x)?;
        let count = length.unwrap_or(2 * (z.shape()?.size(at).max(1) - 1));
        let y = z.irfft_with([at], FftOptions::new().lengths([count]));
        return Ok(y.expand_dims(-1));
    }
    if half && is_real {
        return Ok(x.squeeze([rank - 1]).rfft_with([at], options()).as_real());
    }
    let z = as_complex(x)?;
    let y = if inverse { z.ifft_with([at], options()) } else { z.fft_with([at], options()) };
    Ok(y.as_real())
}

fn stft(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let hop = natural("frame_step", call.number(1)?)?;
    let window = call.maybe(2)?;
    let length = match (call.maybe_numbers(3)?.and_then(|numbers| numbers.first().copied()), window) {
        (Some(length), _) => natural("frame_length", length)?,
        (None, Some(window)) => window.elements()?,
        (None, None) => return Err(Reason::other("neither a window nor its length is there")),
    };
    let own = sizes(x)?;
    if own.is_empty() {
        return Err(Reason::other("the signal has no axis"));
    }
    let (batch, samples) = (own[0], *own.get(1).unwrap_or(&0));
    if hop == 0 || length == 0 || samples < length {
        return Err(Reason::other(format!("frames of {length} samples, {hop} apart, of {samples}")));
    }
    let frames = (samples - length) / hop + 1;
    let starts = Tensor::arange(frames, DType::I64) * hop as i64;
    let places = starts.expand_dims(-1) + Tensor::arange(length, DType::I64);
    let signal = if own.len() == 2 { x.expand_dims(-1) } else { x.clone() };
    let is_real = signal.shape()?.size(2) == 1;
    let framed = |part: Tensor| {
        let framed = part.take(places.clone(), 1);
        window.map_or(framed.clone(), |window| framed * window)
    };
    let half = call.flag("onesided", true)? && is_real;
    let re = framed(signal.i((.., .., 0)));
    let spectrum = if half {
        re.rfft(-1)
    } else {
        let im = if is_real { re.zeros_like() } else { framed(signal.i((.., .., 1))) };
        re.complex(im).fft(-1)
    };
    let bins = if half { length / 2 + 1 } else { length };
    one(spectrum.as_real().reshape([batch, frames, bins, 2]))
}

/// The extent of a table that is computed here, one element after the other.
fn table_size(name: &str, number: i64) -> Result<usize, Reason> {
    const MOST: i64 = 1 << 16;
    if number > MOST {
        return Err(Reason::attribute(name, format!("is {number}, and may be {MOST} at most")));
    }
    natural(name, number)
}

/// A sum of cosines, of which each second one is taken away.
fn window(call: &Call<'_>, weights: &[f64]) -> Results {
    let size = table_size("size", call.number(0)?)?;
    let dtype = dtype::dtype(i32::try_from(call.int("output_datatype", 1)?).unwrap_or(0))?;
    let turns = if call.flag("periodic", true)? { size } else { size.max(2) - 1 } as f64;
    let value = |n: usize| -> f64 {
        let term = |(k, weight): (usize, &f64)| {
            let sign = if k.is_multiple_of(2) { 1.0 } else { -1.0 };
            sign * weight * (std::f64::consts::TAU * k as f64 * n as f64 / turns).cos()
        };
        weights.iter().enumerate().map(term).sum()
    };
    let values: Vec<f64> = (0..size).map(value).collect();
    one(Tensor::from_slice(&values, size).cast(dtype))
}

/// Triangles over the bins of a spectrum, whose corners are equally far apart in mel.
fn mel_weight_matrix(call: &Call<'_>) -> Results {
    let bands = table_size("num_mel_bins", call.number(0)?)?;
    let length = table_size("dft_length", call.number(1)?)?;
    let rate = call.number(2)? as f64;
    let edge = |position: usize| -> Result<f64, Reason> {
        floats(call.tensor(position)?)?.first().copied().ok_or_else(|| Reason::other("an edge has no value"))
    };
    let (low, high) = (edge(3)?, edge(4)?);
    let dtype = dtype::dtype(i32::try_from(call.int("output_datatype", 1)?).unwrap_or(0))?;
    let bins = length / 2 + 1;
    let mel = |frequency: f64| 2595.0 * (1.0 + frequency / 700.0).log10();
    let (low, high) = (mel(low), mel(high));
    if bins.saturating_mul(bands) > 1 << 26 {
        return Err(Reason::other(format!("{bins} bins and {bands} bands are too many")));
    }
    let step = (high - low) / (bands + 2) as f64;
    let corner = |i: usize| -> usize {
        let frequency = 700.0 * (10f64.powf((low + i as f64 * step) / 2595.0) - 1.0);
        (((length + 1) as f64 * frequency) / rate).floor().max(0.0) as usize
    };
    let mut weights = vec![0.0f64; bins * bands];
    for band in 0..bands {
        let (left, centre, right) = (corner(band), corner(band + 1), corner(band + 2));
        let rise = centre - left.min(centre);
        if rise == 0 {
            if let Some(weight) = weights.get_mut(centre * bands + band) {
                *weight = 1.0;
            }
        } else {
            for bin in left..=centre.min(bins.saturating_sub(1)) {
                weights[bin * bands + band] = (bin - left) as f64 / rise as f64;
            }
        }
        let fall = right - centre.min(right);
        for bin in centre..right.min(bins) {
            weights[bin * bands + band] = (right - bin) as f64 / fall as f64;
        }
    }
    one(Tensor::from_slice(&weights, [bins, bands]).cast(dtype))
}
