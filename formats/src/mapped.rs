//! Files in memory that the system reads when it is used.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

/// Bytes from which on it is worth to tell the system of them.
#[cfg(unix)]
const LEAST: usize = 1 << 16;

/// A file in memory. An empty one has none.
#[derive(Clone)]
pub(crate) struct Mapped(Option<Arc<(Mmap, File)>>);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |own| &own.0)
    }
}

impl Mapped {
    /// Opens a file.
    pub(crate) fn open(path: &Path) -> io::Result<Mapped> {
        // What is no file may have no end, or none to write to it.
        let about = std::fs::metadata(path)?;
        if !about.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
        }
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(Mapped(None));
        }
        // SAFETY: the memory is read as plain bytes, of which every value is one. Who changes the file meanwhile changes what is read, as with any file;
        // who makes it shorter while it is read stops the process, which is the price of not reading all of it; [`Mapped::check`] tells before.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(Mapped(Some(Arc::new((map, file)))))
    }

    /// Fails if the file has become shorter since it was opened: nobody may touch its memory then.
    pub(crate) fn check(&self) -> io::Result<()> {
        let Some(own) = &self.0 else { return Ok(()) };
        match own.1.metadata()?.len() < own.0.len() as u64 {
            true => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter")),
            false => Ok(()),
        }
    }

    /// A part of the file, which is still there.
    pub(crate) fn part(&self, place: Range<usize>) -> io::Result<&[u8]> {
        self.check()?;
        let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "it ends behind its file");
        self.as_ref().get(place).ok_or_else(cut)
    }

    /// Lets the system take the memory of a part that has been read: it reads the file again if somebody else wants it.
    pub(crate) fn forget(&self, part: &[u8]) {
        let whole = self.as_ref();
        let Some(start) = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize) else { return };
        if start.checked_add(part.len()).is_none_or(|end| end > whole.len()) {
            return;
        }
        #[cfg(unix)]
        if let (Some(own), true) = (&self.0, part.len() >= LEAST) {
            // SAFETY: the pages are those of a file, mapped to be read: they have the same bytes when they are read again.
            let told = unsafe {
                own.0.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, part.len())
            };
            // A system that does not listen keeps the memory.
            let _ = told;
        }
    }
}
