//! Formats of files, told by their names or, where these say nothing, by their first bytes.

use std::fmt;
use std::io::Read;
use std::path::Path;

use crate::error::{DataError, Result};
use crate::file::{Bytes, Compression, is_framed};

/// What a file or folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// An array of NumPy.
    Npy,
    /// Arrays of NumPy by their names.
    Npz,
    /// Tensors by their names.
    Safetensors,
    /// Comma-separated values.
    Csv,
    /// Framed records, of `tf.train.Example` messages or of anything.
    TfRecord,
    /// An array as MNIST's files have it.
    Idx,
    /// CIFAR's records: images with one byte of label, or with two.
    Cifar {
        /// How many bytes of labels an image has.
        labels: usize,
    },
    /// A picture.
    Image,
    /// Sampled sound.
    Wav,
    /// Lines of text.
    Text,
    /// Texts in folders that are named by their labels.
    TextFolders,
    /// Pictures in folders that are named by their labels.
    ImageFolders,
    /// A folder that [`Dataset::save`](crate::Dataset::save) wrote.
    Saved,
    /// A dataset of the library.
    Set,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Npy => "array of NumPy",
            Format::Npz => "arrays of NumPy",
            Format::Safetensors => "safetensors",
            Format::Csv => "comma-separated values",
            Format::TfRecord => "TFRecord",
            Format::Idx => "idx",
            Format::Cifar { labels: 1 } => "CIFAR-10 records",
            Format::Cifar { .. } => "CIFAR-100 records",
            Format::Image => "image",
            Format::Wav => "WAV sound",
            Format::Text => "lines of text",
            Format::TextFolders => "texts in folders of labels",
            Format::ImageFolders => "images in folders of labels",
            Format::Saved => "saved dataset",
            Format::Set => "dataset of the library",
        })
    }
}

/// Bytes of a record of CIFAR's, without its labels.
const CIFAR: u64 = 3 * 32 * 32;

impl Format {
    /// The format of a file.
    ///
    /// # Errors
    /// When it cannot be read, or is of none of the formats.
    pub(super) fn of_file(path: &Path) -> Result<Format> {
        match Format::of_name(path) {
            Some(format) => Ok(format),
            None => Format::of_bytes(path)?.ok_or_else(|| unknown(path)),
        }
    }

    /// What the ending of a name says.
    pub(super) fn of_name(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let (_, ending) = name.rsplit_once('.')?;
        Some(match ending {
            "npy" => Format::Npy,
            "npz" => Format::Npz,
            "safetensors" => Format::Safetensors,
            "csv" | "tsv" => Format::Csv,
            "tfrecord" | "tfrecords" => Format::TfRecord,
            "png" | "jpg" | "jpeg" | "jp2" | "bmp" | "webp" | "tif" | "tiff" | "ppm" | "pgm" => Format::Image,
            "wav" => Format::Wav,
            "txt" | "text" => Format::Text,
            _ if ending.ends_with("idx1-ubyte") || ending.ends_with("idx3-ubyte") => Format::Idx,
            _ => return None,
        })
    }

    /// What the first bytes and the size say; letters of UTF-8 are text.
    fn of_bytes(path: &Path) -> Result<Option<Format>> {
        let mut start = vec![0; 4096];
        let mut bytes = Bytes::open(path, Compression::of(path), 0)?;
        let count = bytes.read(&mut start)?;
        let start = &start[..count];
        let size = std::fs::metadata(path).map_err(|error| DataError::io(path, &error))?.len();
        Ok(match start {
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Some(Format::Npy),
            [b'P', b'K', 3, 4, ..] => Some(Format::Npz),
            [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] => Some(Format::Image),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Format::Wav),
            _ if is_framed(start) => Some(Format::TfRecord),
            [0, 0, 8 | 9 | 0x0b..=0x0e, 1..=8, ..] => Some(Format::Idx),
            [_, _, _, _, _, _, 0, 0, b'{', ..] => Some(Format::Safetensors),
            _ if size > 0 && size.is_multiple_of(CIFAR + 1) => Some(Format::Cifar { labels: 1 }),
            _ if size > 0 && size.is_multiple_of(CIFAR + 2) => Some(Format::Cifar { labels: 2 }),
            _ => is_text(start).then_some(Format::Text),
        })
    }
}

/// Whether bytes, the last letter of which may be cut, are text.
fn is_text(bytes: &[u8]) -> bool {
    let is_letters = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    is_letters && !bytes.is_empty() && !bytes.contains(&0)
}

fn unknown(path: &Path) -> DataError {
    let mut start = [0; 2];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    let what = match (read, start) {
        (Ok(()), [0x1f, 0x8b]) => "the file is compressed: its name must end in `.gz`",
        (Err(_), _) => "the file is empty, and its name does not say what it is",
        _ => "the file is of no format that is known",
    };
    DataError::invalid(what).in_file(path)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Format;

    #[test]
    fn names_tell_formats() {
        let of = |name: &str| Format::of_name(Path::new(name));
        assert_eq!(of("a/b.csv.gz"), Some(Format::Csv));
        assert_eq!(of("B.NPZ"), Some(Format::Npz));
        assert_eq!(of("train-images.idx3-ubyte.gz"), Some(Format::Idx));
        assert_eq!((of("train"), of("a.bin")), (None, None));
    }
}
