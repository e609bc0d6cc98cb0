//! Where inputs of models come from.

use std::io::Read;
use std::path::Path;

use tensorwright::data::{ImageOptions, decode_image};
use tensorwright::onnx::{Extent, Spec};
use tensorwright::{DType, RandomKey, Tensor};
use tensorwright_ir::Literal;

use crate::fault::Fault;
use crate::{input, npy};

/// A tensor for an input, from a source as users write it.
pub(super) fn tensor(spec: &Spec, source: &str, seed: u64) -> Result<Tensor, Fault> {
    let dtype = spec.dtype.ok_or_else(|| Fault::usage(format!("input {spec} is no tensor of numbers")))?;
    if let Some(shape) = source.strip_prefix("random:") {
        return random(dtype, extents(shape)?, seed);
    }
    match (source, Path::new(source).extension().and_then(|extension| extension.to_str())) {
        ("random", _) => random(dtype, known(spec)?, seed),
        ("count", _) => {
            let shape = known(spec)?;
            let count = shape.iter().product();
            Ok(Tensor::arange(count, DType::I64).cast(dtype).reshape(shape))
        }
        (_, Some("npz")) => from_literal(&of_archive(Path::new(source), &spec.name, dtype)?),
        (_, Some("png" | "jpg" | "jpeg" | "bmp" | "webp" | "tif" | "tiff")) => {
            picture(Path::new(source), spec, dtype)
        }
        _ => from_literal(&npy::load_any(Path::new(source), dtype)?),
    }
}

fn extents(text: &str) -> Result<Vec<usize>, Fault> {
    let wrong = |_| Fault::usage(format!("`{text}` is no shape: numbers with `x` between them expected"));
    text.split('x').map(|size| size.parse().map_err(wrong)).collect()
}

/// The extents, if the model says them all.
fn known(spec: &Spec) -> Result<Vec<usize>, Fault> {
    let size = |extent: &Extent| match extent {
        Extent::Size(size) => Some(*size),
        Extent::Any(_) => None,
    };
    let known = spec.shape.as_ref().and_then(|shape| shape.iter().map(size).collect());
    known.ok_or_else(|| {
        let name = &spec.name;
        Fault::usage(format!(
            "the model leaves extents of {spec} open: give `--input {name}=random:1x..` with a shape"
        ))
    })
}

/// Floats from -1 to 1, integers below 100.
fn random(dtype: DType, shape: Vec<usize>, seed: u64) -> Result<Tensor, Fault> {
    let key = RandomKey::new(seed);
    let drawn = match dtype {
        dtype if dtype.is_float() => key.uniform(shape, -1.0f32, 1.0),
        DType::Bool => key.uniform(shape, 0.0f32, 2.0).floor(),
        _ => key.uniform(shape, 0.0f32, 100.0).floor(),
    };
    drawn.cast(dtype).ok().map_err(Fault::usage)
}

fn from_literal(literal: &Literal) -> Result<Tensor, Fault> {
    Tensor::from(literal).ok().map_err(Fault::internal)
}

/// The array of this name of a .npz file, or its only one.
fn of_archive(path: &Path, name: &str, dtype: DType) -> Result<Literal, Fault> {
    let fault = |what: String| Fault::input(format!("{}: {what}", path.display()));
    let bytes = input::read(path)?;
    let mut archive =
        zip::ZipArchive::new(std::io::Cursor::new(bytes)).map_err(|error| fault(error.to_string()))?;
    let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
    let own = format!("{name}.npy");
    let chosen = match names.as_slice() {
        [only] => only.clone(),
        names if names.contains(&own) => own,
        _ => return Err(fault(format!("it has no `{name}`, but {}", names.join(", ")))),
    };
    let mut bytes = Vec::new();
    let mut file = archive.by_name(&chosen).map_err(|error| fault(error.to_string()))?;
    file.read_to_end(&mut bytes).map_err(|error| fault(error.to_string()))?;
    npy::parse(&bytes, dtype).map_err(|what| fault(format!("{chosen}: {what}")))
}

/// A picture as numbers from 0 to 1 (floats) or 0 to 255, in the size and with the order of axes that the model says.
fn picture(path: &Path, spec: &Spec, dtype: DType) -> Result<Tensor, Fault> {
    let fault = |what: String| Fault::input(format!("{}: {what}", path.display()));
    let bytes = input::read(path)?;
    let pixels = decode_image(&bytes, &ImageOptions::new()).map_err(|error| fault(error.to_string()))?;
    let sizes = pixels.shape().map_err(Fault::internal)?.sizes().to_vec();
    let [height, width, found] = sizes[..] else { return Err(fault("it is no picture".to_owned())) };
    let image = pixels.expand_dims(0).cast(DType::F32);
    let size = |at: usize| match spec.shape.as_ref().and_then(|shape| shape.get(at)) {
        Some(Extent::Size(size)) => Some(*size),
        _ => None,
    };
    let channels_first = !matches!(size(3), Some(1 | 3 | 4)) || matches!(size(1), Some(1 | 3 | 4));
    let at = if channels_first { [1, 2, 3] } else { [3, 1, 2] };
    let image = coloured(image, found, size(at[0]).unwrap_or(3));
    let sizes = [size(at[1]).unwrap_or(height), size(at[2]).unwrap_or(width)];
    let image = if sizes == [height, width] {
        image
    } else {
        image.resize(sizes, tensorwright::ResizeOptions::linear())
    };
    let image = if channels_first { image.transpose([0, 3, 1, 2]) } else { image };
    let image = if dtype.is_float() { image / 255.0 } else { image.round_even() };
    image.cast(dtype).ok().map_err(Fault::internal)
}

/// The picture with so many channels: grey is repeated, colours become grey, what is transparent is forgotten.
fn coloured(image: Tensor, found: usize, wanted: usize) -> Tensor {
    let colours = if found >= 3 { 3 } else { 1 };
    let plain = image.i((.., .., .., ..colours));
    match (colours, wanted) {
        (1, 3) => plain.repeat([3usize], 3),
        (3, 1) => plain.mean(tensorwright::keep(3)),
        _ => plain,
    }
}
