//! TIFF.

use std::io::Cursor;

use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};

use super::{Image, MOST, Result, damaged, size};

pub(super) fn tiff(bytes: &[u8]) -> Result<Image> {
    let failed = damaged("TIFF");
    let refuse = |what: String| damaged("TIFF")(what);
    let mut limits = Limits::default();
    (limits.decoding_buffer_size, limits.intermediate_buffer_size) = (MOST, MOST);
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(&failed)?.with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(&failed)?;
    let (height, width) = (height as usize, width as usize);
    let colours = decoder.colortype().map_err(&failed)?;
    let (channels, bits) = match colours {
        ColorType::Gray(bits) => (1, bits),
        ColorType::GrayA(bits) => (2, bits),
        ColorType::RGB(bits) => (3, bits),
        ColorType::RGBA(bits) => (4, bits),
        other => return Err(refuse(format!("its colours are {other:?}"))),
    };
    size(height, width, channels)?;
    let pixels = match decoder.read_image().map_err(&failed)? {
        DecodingResult::U8(pixels) if bits == 8 => pixels,
        DecodingResult::U8(packed) if matches!(bits, 1 | 2 | 4) => expanded(&packed, width * channels, bits),
        DecodingResult::U16(pixels) if bits == 16 => pixels.into_iter().map(|x| (x >> 8) as u8).collect(),
        _ => {
            return Err(refuse(format!(
                "its numbers are not integers of 1, 2, 4, 8 or 16 bits, but {colours:?}"
            )));
        }
    };
    Ok(Image { height, width, channels, pixels })
}

/// Numbers of few bits, the first in the highest ones, as numbers of 8 bits. Each row begins with a byte.
fn expanded(packed: &[u8], columns: usize, bits: u8) -> Vec<u8> {
    let (per_byte, most) = (usize::from(8 / bits), (1u16 << bits) - 1);
    let number = |row: &[u8], at: usize| {
        let place = bits * (per_byte - 1 - at % per_byte) as u8;
        let number = u16::from(row[at / per_byte] >> place) & most;
        (number * 255 / most) as u8
    };
    let rows = packed.chunks_exact(columns.div_ceil(per_byte).max(1));
    rows.flat_map(|row| (0..columns).map(move |at| number(row, at))).collect()
}

#[cfg(test)]
mod tests {
    use super::expanded;

    #[test]
    fn bits_are_spread_over_bytes_row_by_row() {
        assert_eq!(expanded(&[0b1010_0000, 0b0100_0000], 3, 1), [255, 0, 255, 0, 255, 0]);
        assert_eq!(expanded(&[0x0f, 0x80], 3, 4), [0, 255, 136]);
    }
}
