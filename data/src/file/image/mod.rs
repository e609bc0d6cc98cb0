//! Pictures in files, and what is made of them on the way, so that pictures of all sizes can lie in one batch.

mod resize;

use std::path::{Path, PathBuf};

use tensorwright::{DType, Tensor};

use crate::error::{DataError, Result};
use crate::item::{FromItem, Item};
use crate::pipeline::Dataset;
use crate::spec::Spec;
use crate::transform::Parallel;

/// Pixels of 8 bits: rows, columns, channels.
struct Pixels {
    height: usize,
    width: usize,
    channels: usize,
    bytes: Vec<u8>,
}

/// The pixels of the bytes of a file.
fn pixels(bytes: &[u8]) -> Result<Pixels> {
    let image = tensorwright_images::decode(bytes).map_err(DataError::data_loss)?;
    let (height, width, channels) = (image.height, image.width, image.channels);
    Ok(Pixels { height, width, channels, bytes: image.pixels })
}

/// What is made of the pictures that are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImageOptions {
    size: Option<[usize; 2]>,
    channels: Option<usize>,
    parallel: Option<Parallel>,
}

impl ImageOptions {
    /// As they are: `u8[height, width, channels]`.
    pub fn new() -> ImageOptions {
        ImageOptions::default()
    }

    /// Stretched to so many rows and columns, linearly between the centres of pixels, as `tf.image.resize` does: `f32[height, width, channels]` of 0 to 255.
    pub fn size(self, height: usize, width: usize) -> ImageOptions {
        ImageOptions { size: Some([height, width]), ..self }
    }

    /// With so many channels: 1 (brightness), 3 (red, green, blue) or 4 (with opacity).
    pub fn channels(self, channels: usize) -> ImageOptions {
        ImageOptions { channels: Some(channels), ..self }
    }

    /// Datasets read the pictures on several threads, and give them in the order of the files unless [`Parallel::any_order`] says otherwise. Without this the reader's own thread does.
    pub fn parallel(self, parallel: impl Into<Parallel>) -> ImageOptions {
        ImageOptions { parallel: Some(parallel.into()), ..self }
    }

    pub(crate) fn check(&self) -> Result<()> {
        match (self.channels, self.size) {
            (Some(channels), _) if ![1, 3, 4].contains(&channels) => {
                Err(DataError::invalid(format!("pictures have 1, 3 or 4 channels, not {channels}")))
            }
            (_, Some([0, _] | [_, 0])) => Err(DataError::invalid("a picture has at least one pixel")),
            _ => Ok(()),
        }
    }

    /// What a picture becomes.
    pub(crate) fn spec(&self) -> Spec {
        let [height, width] = self.size.map_or([None, None], |size| size.map(Some));
        let dtype = if self.size.is_some() { DType::F32 } else { DType::U8 };
        Spec::number(dtype, [height, width, self.channels])
    }

    fn apply(&self, pixels: Pixels) -> Result<Item> {
        let pixels = match self.channels {
            Some(channels) => pixels.with_channels(channels),
            None => pixels,
        };
        let sizes = |[height, width]: [usize; 2]| [height, width, pixels.channels];
        match self.size {
            None => Item::array(DType::U8, &sizes([pixels.height, pixels.width]), &pixels.bytes),
            Some(size) => Item::array(DType::F32, &sizes(size), &resize::linear(&pixels, size)),
        }
    }
}

impl Pixels {
    fn with_channels(self, channels: usize) -> Pixels {
        if channels == self.channels {
            return self;
        }
        let mut bytes = Vec::with_capacity(self.height * self.width * channels);
        for pixel in self.bytes.chunks_exact(self.channels) {
            let (colour, opacity) = match *pixel {
                [y] => ([y; 3], 255),
                [y, a] => ([y; 3], a),
                [r, g, b] => ([r, g, b], 255),
                [r, g, b, a, ..] => ([r, g, b], a),
                [] => ([0; 3], 0),
            };
            match channels {
                1 => bytes.push(brightness(colour)),
                3 => bytes.extend(colour),
                _ => bytes.extend([colour[0], colour[1], colour[2], opacity]),
            }
        }
        Pixels { channels, bytes, ..self }
    }
}

/// By the weights of ITU-R BT.601.
fn brightness([r, g, b]: [u8; 3]) -> u8 {
    ((299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000) as u8
}

/// The pixels of the bytes of a PNG, JPEG, JPEG 2000, BMP, WebP, TIFF or PNM file, which are told apart by their first bytes.
///
/// Palettes and fewer than 8 bits are expanded, of 16 bits the first 8 are kept, JPEG files in the colours of print become red, green and blue.
///
/// # Errors
/// When the bytes are no such file, or are damaged or cut short; when the options make no sense.
///
/// ```
/// # use tensorwright::data::{ImageOptions, decode_image};
/// assert!(decode_image(b"no picture", &ImageOptions::new()).is_err());
/// ```
#[doc(alias("decode_jpeg", "decode_png", "decode_bmp"))]
pub fn decode_image(bytes: &[u8], options: &ImageOptions) -> Result<Tensor> {
    options.check()?;
    options.apply(pixels(bytes)?)?.to_tensor()
}

/// A dataset of what `f` makes of each of so many pictures, on as many threads as the options say.
#[track_caller]
pub(crate) fn pictures<F>(count: usize, options: &ImageOptions, spec: Spec, f: F) -> Dataset
where
    F: Fn(usize) -> Result<Item> + Send + Sync + 'static,
{
    let Some(parallel) = options.parallel else {
        return Dataset::from_fn(count as u64, move |i| f(i as usize)).with_spec(spec);
    };
    Dataset::range(count as i64)
        .map_items_parallel(parallel, spec, move |place| f(i64::from_item(place)? as usize))
}

/// The pixels of a file.
pub(crate) fn image(path: &Path, options: &ImageOptions) -> Result<Item> {
    let bytes = std::fs::read(path).map_err(|error| DataError::io(path, &error))?;
    pixels(&bytes).and_then(|pixels| options.apply(pixels)).map_err(|error| error.in_file(path))
}

impl Dataset {
    /// The pixels of files, of the formats of [`decode_image`]. A file that is no such image is an error in its place.
    ///
    /// ```
    /// # use tensorwright::data::{Dataset, ImageOptions};
    /// let thumbnails = Dataset::image_files(["a.jpg", "b.png"], ImageOptions::new().size(64, 48).channels(3));
    /// assert_eq!(thumbnails.batch(2).spec()?.to_string(), "f32[?,64,48,3]");
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn image_files(paths: impl IntoIterator<Item = impl AsRef<Path>>, options: ImageOptions) -> Dataset {
        if let Err(error) = options.check() {
            return Dataset::failed(error);
        }
        let paths: Vec<PathBuf> = paths.into_iter().map(|path| path.as_ref().to_owned()).collect();
        pictures(paths.len(), &options, options.spec(), move |i| image(&paths[i], &options))
    }
}

#[cfg(test)]
mod tests {
    use super::Pixels;

    fn grey(width: usize, bytes: &[u8]) -> Pixels {
        Pixels { height: bytes.len() / width, width, channels: 1, bytes: bytes.to_vec() }
    }

    #[test]
    fn channels_are_changed() {
        let rgb = grey(2, &[10, 20]).with_channels(3);
        assert_eq!((rgb.channels, &rgb.bytes[..]), (3, &[10, 10, 10, 20, 20, 20][..]));
        assert_eq!(rgb.with_channels(4).bytes, [10, 10, 10, 255, 20, 20, 20, 255]);
        let red = Pixels { height: 1, width: 1, channels: 4, bytes: vec![255, 0, 0, 9] };
        assert_eq!(red.with_channels(1).bytes, [76]);
    }

    #[test]
    fn pictures_are_stretched_between_centres() {
        let stretched = |pixels: &Pixels, size| -> Vec<f32> {
            let bytes = super::resize::linear(pixels, size);
            bytes.as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number)).collect()
        };
        assert_eq!(stretched(&grey(2, &[0, 100]), [1, 4]), [0.0, 25.0, 75.0, 100.0]);
        assert_eq!(stretched(&grey(2, &[0, 100, 100, 200]), [1, 1]), [100.0]);
        assert_eq!(stretched(&grey(1, &[0, 100, 40]), [6, 1]), [0.0, 25.0, 75.0, 85.0, 55.0, 40.0]);
        let rgb = Pixels { channels: 3, ..grey(6, &[0, 10, 20, 100, 110, 120]) };
        assert_eq!(stretched(&Pixels { width: 2, height: 1, ..rgb }, [1, 1]), [50.0, 60.0, 70.0]);
    }
}
