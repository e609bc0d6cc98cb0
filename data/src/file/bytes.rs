//! The bytes of a file, behind its compression.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{DataError, Result};

/// How files are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// As `gzip` does.
    Gzip,
    /// As zlib does.
    Zlib,
}

impl Compression {
    /// What the name of a file says: gzip if it ends in `.gz`.
    pub fn of(path: &Path) -> Compression {
        match path.extension().is_some_and(|extension| extension == "gz") {
            true => Compression::Gzip,
            false => Compression::None,
        }
    }
}

const BUFFER: usize = 1 << 17;

/// A file that is read from front to back. Its places are numbers of bytes behind the compression.
pub(crate) struct Bytes {
    reader: Box<dyn BufRead + Send>,
    path: PathBuf,
    at: u64,
}

impl Bytes {
    /// Opens a file at a place: at once, or, if it is compressed, by reading up to there.
    pub(crate) fn open(path: &Path, compression: Compression, at: u64) -> Result<Bytes> {
        let mut file = File::open(path).map_err(|error| DataError::io(path, &error))?;
        let path = path.to_owned();
        if compression == Compression::None {
            file.seek(SeekFrom::Start(at)).map_err(|error| DataError::io(&path, &error))?;
            return Ok(Bytes { reader: Box::new(BufReader::with_capacity(BUFFER, file)), path, at });
        }
        let file = BufReader::with_capacity(BUFFER, file);
        let reader: Box<dyn BufRead + Send> = match compression {
            Compression::Zlib => {
                Box::new(BufReader::with_capacity(BUFFER, flate2::bufread::ZlibDecoder::new(file)))
            }
            _ => Box::new(BufReader::with_capacity(BUFFER, flate2::bufread::MultiGzDecoder::new(file))),
        };
        let mut bytes = Bytes { reader, path, at: 0 };
        bytes.skip(at)?;
        Ok(bytes)
    }

    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    fn fail(&self, error: &std::io::Error) -> DataError {
        DataError::io(&self.path, error)
    }

    /// Appends the bytes up to and with the next `end`, or to the end of the file; how many there were.
    pub(crate) fn read_until(&mut self, end: u8, to: &mut Vec<u8>) -> Result<usize> {
        let count = self.reader.read_until(end, to).map_err(|error| self.fail(&error))?;
        self.at += count as u64;
        Ok(count)
    }

    /// Fills the front of `to`; how many bytes there were, fewer only at the end of the file.
    pub(crate) fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        let mut count = 0;
        while count < to.len() {
            match self.reader.read(&mut to[count..]) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fail(&error)),
            }
        }
        self.at += count as u64;
        Ok(count)
    }

    /// Moves over bytes, fewer only at the end of the file.
    pub(crate) fn skip(&mut self, count: u64) -> Result<()> {
        let taken = std::io::copy(&mut (&mut self.reader).take(count), &mut std::io::sink());
        self.at += taken.map_err(|error| self.fail(&error))?;
        Ok(())
    }
}

/// What writes a file that is compressed like this. It must be told that it is done, by `flush`, and dropped.
pub(crate) fn writer(path: &Path, compression: Compression) -> Result<Box<dyn Write + Send>> {
    let file = File::create(path).map_err(|error| DataError::io(path, &error))?;
    let file = BufWriter::with_capacity(BUFFER, file);
    let level = flate2::Compression::default();
    Ok(match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(flate2::write::GzEncoder::new(file, level)),
        Compression::Zlib => Box::new(flate2::write::ZlibEncoder::new(file, level)),
    })
}
