//! JPEG and JPEG 2000.

use hayro_jpeg2000::{ColorSpace as Space, DecodeSettings, DecoderContext};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{Error, Image, MOST, Result, damaged, size};

/// Strictly: of a file that is cut short, the rest would be grey.
pub(super) fn jpeg(bytes: &[u8]) -> Result<Image> {
    if !is_whole(bytes) {
        let reason = "the file ends before its image does".to_owned();
        return Err(Error::Damaged { format: "JPEG", reason });
    }
    let failed = damaged("JPEG");
    let options =
        DecoderOptions::default().set_strict_mode(true).set_max_width(1 << 16).set_max_height(1 << 16);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(&failed)?;
    let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let space = if is_grey { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    decoder.output_buffer_size().filter(|size| *size <= MOST).ok_or(Error::TooLarge)?;
    let pixels = decoder.decode().map_err(&failed)?;
    let (width, height) = decoder.dimensions().ok_or(Error::TooLarge)?;
    Ok(Image { height, width, channels: space.num_components(), pixels })
}

/// Whether the mark of an end comes behind the last mark of pixels: within these are no marks, and small images in the header have both.
fn is_whole(bytes: &[u8]) -> bool {
    let is_mark = |at: &usize| *at > 0 && bytes[at - 1] == 0xff;
    let last = |mark: u8| memchr::memrchr_iter(mark, bytes).find(is_mark);
    last(0xd9).is_some_and(|end| last(0xda).is_some_and(|pixels| pixels < end))
}

pub(super) fn jpeg_2000(bytes: &[u8]) -> Result<Image> {
    let failed = damaged("JPEG 2000");
    let settings = DecodeSettings { strict: true, ..DecodeSettings::default() };
    let image = hayro_jpeg2000::Image::new(bytes, &settings).map_err(&failed)?;
    let colours = match image.color_space() {
        Space::Gray => 1,
        Space::RGB => 3,
        Space::Icc { num_channels: count @ (1 | 3), .. } => usize::from(*count),
        _ => return Err(damaged("JPEG 2000")("its colours are neither grey nor red, green and blue")),
    };
    let channels = colours + usize::from(image.has_alpha());
    let (height, width) = (image.height() as usize, image.width() as usize);
    size(height, width, channels)?;
    let mut context = DecoderContext::default();
    let pixels = image.decode(&mut context).map_err(&failed)?.data_u8();
    Ok(Image { height, width, channels, pixels })
}
