//! Formats that store pixels as they are, or nearly so.

use zune_bmp::BmpDecoder;
use zune_bmp::zune_core::colorspace::ColorSpace;
use zune_bmp::zune_core::options::DecoderOptions;
use zune_bmp::zune_core::result::DecodingResult;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_ppm::PPMDecoder;

use super::{Error, Image, Result, damaged, size};

fn options() -> DecoderOptions {
    DecoderOptions::default().set_strict_mode(true).set_max_width(1 << 16).set_max_height(1 << 16)
}

/// So many channels, if they are those of an [`Image`].
fn channels(format: &'static str, space: Option<ColorSpace>) -> Result<usize> {
    match space {
        Some(ColorSpace::Luma) => Ok(1),
        Some(ColorSpace::LumaA) => Ok(2),
        Some(ColorSpace::RGB) => Ok(3),
        Some(ColorSpace::RGBA) => Ok(4),
        other => Err(damaged(format)(format!("its colours are {other:?}"))),
    }
}

pub(super) fn bmp(bytes: &[u8]) -> Result<Image> {
    let failed = |error: zune_bmp::BmpDecoderErrors| damaged("BMP")(format!("{error:?}"));
    // The decoder reads rows of bits without what fills them up.
    if let Some(bits @ 1..8) = bits_of_pixel(bytes) {
        return Err(damaged("BMP")(format!("pixels of {bits} bits are not read")));
    }
    let mut decoder = BmpDecoder::new_with_options(ZCursor::new(bytes), options());
    decoder.decode_headers().map_err(failed)?;
    let channels = channels("BMP", decoder.colorspace())?;
    let (width, height) = decoder.dimensions().ok_or(Error::TooLarge)?;
    size(height, width, channels)?;
    let pixels = decoder.decode().map_err(failed)?;
    Ok(Image { height, width, channels, pixels })
}

/// Its place depends on how long the second header is, of which the oldest has 12 bytes.
fn bits_of_pixel(bytes: &[u8]) -> Option<u16> {
    let at = if bytes.get(14..18)? == [12, 0, 0, 0] { 24 } else { 28 };
    Some(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

pub(super) fn pnm(bytes: &[u8]) -> Result<Image> {
    let failed = |error: zune_ppm::PPMDecodeErrors| damaged("PNM")(format!("{error:?}"));
    let mut decoder = PPMDecoder::new_with_options(ZCursor::new(bytes), options());
    decoder.decode_headers().map_err(failed)?;
    let channels = channels("PNM", decoder.colorspace())?;
    let (width, height) = decoder.dimensions().ok_or(Error::TooLarge)?;
    size(height, width, channels)?;
    let pixels = match decoder.decode().map_err(failed)? {
        DecodingResult::U8(pixels) => pixels,
        DecodingResult::U16(pixels) => pixels.into_iter().map(|x| (x >> 8) as u8).collect(),
        _ => return Err(damaged("PNM")("its numbers are floats")),
    };
    Ok(Image { height, width, channels, pixels })
}
