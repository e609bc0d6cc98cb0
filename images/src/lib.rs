//! Images in files as pixels of 8 bits.
//!
//! Files are told apart by their first bytes. Palettes and fewer than 8 bits are expanded, of more bits the first 8 are kept, and colours of print become red, green and
//! blue where the format says how. What is too large, cut short or damaged is an error: no decoder is asked for more pixels than [`MOST`] bytes hold.
//!
//! | format | decoder | what is refused |
//! |---|---|---|
//! | PNG | `png` | |
//! | JPEG | `zune-jpeg` | arithmetic coding, 12 bits, files that are cut short |
//! | JPEG 2000 | `hayro-jpeg2000` | colours of print |
//! | BMP | `zune-bmp` | pixels of 1, 2 or 4 bits |
//! | WebP | `image-webp` | all frames but the first |
//! | TIFF | `tiff` | palettes, floats, planes apart, more than one page; fax and Zstandard |
//! | PNM | `zune-ppm` | bits (`P1`, `P4`), numbers as text (`P2`, `P3`) |
//!
//! ```
//! // A picture of one white pixel, in the simplest of formats.
//! let image = tensorwright_images::decode(b"P6 1 1 255\n\xff\xff\xff")?;
//! assert_eq!((image.height, image.width, image.channels), (1, 1, 3));
//! assert_eq!(image.pixels, [255; 3]);
//! # Ok::<(), tensorwright_images::Error>(())
//! ```

mod jpeg;
mod plain;
mod tagged;

use std::io::Cursor;

/// Bytes of the largest image: those of more are damaged, as they would take gigabytes.
pub const MOST: usize = 1 << 29;

/// Pixels of 8 bits: rows, columns, channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Numbers of a pixel: brightness (1), with opacity (2), red, green and blue (3), with opacity (4).
    pub channels: usize,
    /// Row after row, pixel after pixel.
    pub pixels: Vec<u8>,
}

/// Why bytes are no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The first bytes are those of no format that is read.
    #[error("this is no PNG, JPEG, JPEG 2000, BMP, WebP, TIFF or PNM file")]
    Unknown,
    /// The image is larger than [`MOST`].
    #[error("the image is too large")]
    TooLarge,
    /// The file is of this format, and damaged, cut short, or of a kind that its decoder does not read.
    #[error("{format}: {reason}")]
    Damaged {
        /// The format.
        format: &'static str,
        /// What the decoder says.
        reason: String,
    },
}

/// The result of reading an image.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How an error of a format's decoder is told.
fn damaged<E: std::fmt::Display>(format: &'static str) -> impl Fn(E) -> Error {
    move |error| Error::Damaged { format, reason: error.to_string() }
}

/// The bytes of so many pixels, if they are not too many.
fn size(height: usize, width: usize, channels: usize) -> Result<usize> {
    let all = height.checked_mul(width).and_then(|pixels| pixels.checked_mul(channels));
    all.filter(|&bytes| bytes <= MOST).ok_or(Error::TooLarge)
}

/// The pixels of the bytes of a file.
///
/// # Errors
/// When the bytes are no such file, or are damaged or cut short; when the image is too large.
///
/// ```
/// use tensorwright_images::{Error, decode};
///
/// assert_eq!(decode(b"no image"), Err(Error::Unknown));
/// ```
pub fn decode(bytes: &[u8]) -> Result<Image> {
    let image = match bytes {
        [0x89, b'P', b'N', b'G', ..] => png(bytes)?,
        [0xff, 0xd8, 0xff, ..] => jpeg::jpeg(bytes)?,
        [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => jpeg::jpeg_2000(bytes)?,
        [b'B', b'M', ..] => plain::bmp(bytes)?,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => webp(bytes)?,
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => tagged::tiff(bytes)?,
        [b'P', b'1'..=b'7', ..] => plain::pnm(bytes)?,
        _ => return Err(Error::Unknown),
    };
    match size(image.height, image.width, image.channels)? == image.pixels.len() {
        true => Ok(image),
        false => {
            Err(Error::Damaged { format: "image", reason: "it has not as many pixels as it says".into() })
        }
    }
}

fn png(bytes: &[u8]) -> Result<Image> {
    let failed = damaged("PNG");
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(&failed)?;
    let size = reader.output_buffer_size().filter(|size| *size <= MOST).ok_or(Error::TooLarge)?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(&failed)?;
    pixels.truncate(frame.buffer_size());
    let (height, width) = (frame.height as usize, frame.width as usize);
    Ok(Image { height, width, channels: frame.color_type.samples(), pixels })
}

fn webp(bytes: &[u8]) -> Result<Image> {
    let failed = damaged("WebP");
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).map_err(&failed)?;
    decoder.set_memory_limit(MOST);
    let (width, height) = decoder.dimensions();
    let (height, width) = (height as usize, width as usize);
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    let mut pixels = vec![0; size(height, width, channels)?];
    decoder.read_image(&mut pixels).map_err(&failed)?;
    Ok(Image { height, width, channels, pixels })
}
