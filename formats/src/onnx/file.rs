//! Files as bytes, and bytes as messages.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::Mmap;
use prost::Message;

use super::error::Error;
use super::schema::ModelProto;

/// Bytes from which on it is worth to tell the system of them.
#[cfg(unix)]
const LEAST: usize = 1 << 16;

/// A file in memory.
#[derive(Clone)]
pub(crate) struct Mapped(Arc<Mmap>);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Mapped {
    /// Lets the system take the memory of a part that has been read: it reads the file again if somebody else wants it.
    pub(crate) fn forget(&self, part: &[u8]) {
        let Some(start) = (part.as_ptr() as usize).checked_sub(self.0.as_ptr() as usize) else { return };
        if start.checked_add(part.len()).is_none_or(|end| end > self.0.len()) {
            return;
        }
        #[cfg(unix)]
        if part.len() >= LEAST {
            // SAFETY: the pages are those of a file, mapped to be read: they have the same bytes when they are read again.
            let told = unsafe {
                self.0.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, part.len())
            };
            // A system that does not listen keeps the memory.
            let _ = told;
        }
    }
}

/// The bytes of a file, in memory that the system reads when they are used.
pub(crate) fn bytes(path: &Path) -> Result<Bytes, Error> {
    Ok(mapped(path)?.map_or_else(Bytes::new, Bytes::from_owner))
}

/// A file in memory; `None` if it is empty.
pub(crate) fn mapped(path: &Path) -> Result<Option<Mapped>, Error> {
    let failed = |error: std::io::Error| Error::File { path: path.to_owned(), reason: error.to_string() };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() == 0 {
        return Ok(None);
    }
    // SAFETY: the memory is read as plain bytes, of which every value is one. Who changes the file meanwhile changes what is read, as with any file;
    // who makes it shorter stops the process, which is the price of not reading all of it.
    let map = unsafe { Mmap::map(&file) }.map_err(failed)?;
    Ok(Some(Mapped(Arc::new(map))))
}

/// The model of a file's bytes. Large fields share the memory.
pub(crate) fn model(bytes: Bytes) -> Result<ModelProto, Error> {
    ModelProto::decode(bytes).map_err(|error| Error::Format(error.to_string()))
}
