//! WAV files: sampled sound.

use std::path::Path;

use tensorwright::{DType, Scalar};

use super::{Bytes, Compression};
use crate::error::{DataError, Result};
use crate::item::Item;
use crate::pipeline::Dataset;
use crate::spec::Spec;

/// How samples are written.
#[derive(Clone, Copy)]
struct Format {
    is_float: bool,
    channels: usize,
    rate: u32,
    bits: usize,
}

fn take<const N: usize>(bytes: &mut Bytes) -> Result<[u8; N]> {
    let mut taken = [0; N];
    match bytes.read(&mut taken)? {
        count if count == N => Ok(taken),
        _ => Err(DataError::data_loss("the file ends within a chunk")),
    }
}

fn format(bytes: &mut Bytes, size: u32) -> Result<Format> {
    let [a, b, c0, c1, r0, r1, r2, r3, .., b0, b1] = take::<16>(bytes)?;
    let mut tag = u16::from_le_bytes([a, b]);
    let mut left = size.saturating_sub(16);
    // The extensible form has the tag of the samples behind it.
    if tag == 0xfffe && left >= 24 {
        let extension = take::<24>(bytes)?;
        tag = u16::from_le_bytes([extension[8], extension[9]]);
        left -= 24;
    }
    bytes.skip(u64::from(left + size % 2))?;
    let format = Format {
        is_float: tag == 3,
        channels: usize::from(u16::from_le_bytes([c0, c1])),
        rate: u32::from_le_bytes([r0, r1, r2, r3]),
        bits: usize::from(u16::from_le_bytes([b0, b1])),
    };
    match (tag, format.bits) {
        (1, 8 | 16 | 24 | 32) | (3, 32) if format.channels > 0 => Ok(format),
        _ => Err(DataError::invalid(format!("samples of form {tag} and {} bits are not read", format.bits))),
    }
}

/// One sample as a number of [-1, 1).
fn sample(bytes: &[u8], format: Format) -> f32 {
    match (format.is_float, bytes) {
        (true, [a, b, c, d]) => f32::from_le_bytes([*a, *b, *c, *d]),
        (_, [a]) => (f32::from(*a) - 128.0) / 128.0,
        (_, [a, b]) => f32::from(i16::from_le_bytes([*a, *b])) / 32_768.0,
        (_, [a, b, c]) => (i32::from_le_bytes([0, *a, *b, *c]) >> 8) as f32 / 8_388_608.0,
        (_, [a, b, c, d]) => i32::from_le_bytes([*a, *b, *c, *d]) as f32 / 2_147_483_648.0,
        _ => 0.0,
    }
}

fn samples(bytes: &mut Bytes, size: u32, format: Format) -> Result<Item> {
    let mut data = Vec::new();
    while data.len() < size as usize {
        let before = data.len();
        data.resize((size as usize).min(before + (1 << 20)), 0);
        let count = bytes.read(&mut data[before..])?;
        data.truncate(before + count);
        if count == 0 {
            return Err(DataError::data_loss("the file ends within its samples"));
        }
    }
    let frame = format.channels * format.bits / 8;
    let frames = data.len() / frame;
    let numbers =
        data[..frames * frame].chunks_exact(format.bits / 8).map(|bytes| Scalar::F32(sample(bytes, format)));
    Item::numbers(DType::F32, &[frames, format.channels], numbers)
}

/// The samples of a file, `f32[frames, channels]` of [-1, 1), and how many frames a second has.
///
/// # Errors
/// When the file cannot be read, is no WAV file, is cut short, or has samples of another form than integers of 8 to 32 bits and floats of 32.
fn wav(path: &Path) -> Result<(Item, u32)> {
    let mut bytes = Bytes::open(path, Compression::None, 0)?;
    let header = take::<12>(&mut bytes)?;
    if !header.starts_with(b"RIFF") || !header.ends_with(b"WAVE") {
        return Err(DataError::data_loss("this is no WAV file"));
    }
    let mut known = None;
    loop {
        let [a, b, c, d, s0, s1, s2, s3] = take::<8>(&mut bytes)?;
        let size = u32::from_le_bytes([s0, s1, s2, s3]);
        match (&[a, b, c, d], known) {
            (b"fmt ", _) => known = Some(format(&mut bytes, size)?),
            (b"data", Some(format)) => return Ok((samples(&mut bytes, size, format)?, format.rate)),
            (b"data", None) => return Err(DataError::data_loss("samples come before their format")),
            _ => bytes.skip(u64::from(size) + u64::from(size % 2))?,
        }
    }
}

impl Dataset {
    /// The samples of WAV files, and how many frames a second has: `(f32[frames, channels], i64)`, samples of [-1, 1).
    #[track_caller]
    pub fn wav_files(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Dataset {
        let paths: Vec<_> = paths.into_iter().map(|path| path.as_ref().to_owned()).collect();
        let spec = Spec::Tuple(vec![Spec::number(DType::F32, [None, None]), Spec::scalar(DType::I64)]);
        Dataset::from_fn(paths.len() as u64, move |i| -> Result<Item> {
            let path = &paths[i as usize];
            let (samples, rate) = wav(path).map_err(|error| error.in_file(path))?;
            Ok(Item::tuple([samples, Item::number(i64::from(rate))]))
        })
        .with_spec(spec)
    }
}

#[cfg(test)]
mod tests {
    use super::Dataset;

    #[test]
    fn samples_are_read() {
        let path = std::env::temp_dir().join(format!("tensorwright-{}.wav", std::process::id()));
        let mut file =
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0".to_vec();
        file.extend(b"LIST\x03\0\0\0abc\0data\x08\0\0\0");
        [16_384i16, -32_768, 0, 8192].iter().for_each(|sample| file.extend(sample.to_le_bytes()));
        std::fs::write(&path, &file).expect("written");
        let sounds: Vec<(tensorwright::Tensor, i64)> =
            Dataset::wav_files([&path]).iter_as().expect("pairs").collect::<Result<_, _>>().expect("read");
        assert_eq!(sounds[0].0.shape().expect("samples"), &[2, 2].into());
        assert_eq!(
            (sounds[0].0.to_vec::<f32>().expect("values"), sounds[0].1),
            (vec![0.5, -1.0, 0.0, 0.25], 8000)
        );
        for cut in 0..file.len() {
            std::fs::write(&path, &file[..cut]).expect("written");
            assert!(Dataset::wav_files([&path]).iter().expect("built").all(|sound| sound.is_err()), "{cut}");
        }
        std::fs::remove_file(path).expect("removed");
    }
}
