//! Bytes of files as pixels.

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::Pixels;
use crate::error::{DataError, Result};

/// Pictures of more pixels are damaged: they would take gigabytes.
const MOST: usize = 1 << 29;

pub(super) fn pixels(bytes: &[u8]) -> Result<Pixels> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => png(bytes),
        [0xff, 0xd8, 0xff, ..] => jpeg(bytes),
        _ => Err(DataError::data_loss("this is neither a PNG nor a JPEG file")),
    }
}

fn too_large() -> DataError {
    DataError::data_loss("the image is too large")
}

fn png(bytes: &[u8]) -> Result<Pixels> {
    let damaged = |error: png::DecodingError| DataError::data_loss(error);
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(damaged)?;
    let size = reader.output_buffer_size().filter(|size| *size <= MOST).ok_or_else(too_large)?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(damaged)?;
    pixels.truncate(frame.buffer_size());
    let (height, width) = (frame.height as usize, frame.width as usize);
    Ok(Pixels { height, width, channels: frame.color_type.samples(), bytes: pixels })
}

/// Strictly: of a file that is cut short, the rest would be grey.
fn jpeg(bytes: &[u8]) -> Result<Pixels> {
    if !is_whole(bytes) {
        return Err(DataError::data_loss("the file ends before its image does"));
    }
    let damaged = |error: DecodeErrors| DataError::data_loss(error);
    let options =
        DecoderOptions::default().set_strict_mode(true).set_max_width(1 << 16).set_max_height(1 << 16);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let space = if is_grey { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    decoder.output_buffer_size().filter(|size| *size <= MOST).ok_or_else(too_large)?;
    let pixels = decoder.decode().map_err(damaged)?;
    let (width, height) = decoder.dimensions().ok_or_else(too_large)?;
    Ok(Pixels { height, width, channels: space.num_components(), bytes: pixels })
}

/// Whether the mark of an end comes behind the last mark of pixels: within these are no marks, and small pictures in the header have both.
fn is_whole(bytes: &[u8]) -> bool {
    let last = |mark: u8| bytes.windows(2).rposition(|own| own == [0xff, mark]);
    last(0xd9).is_some_and(|end| last(0xda).is_some_and(|pixels| pixels < end))
}
