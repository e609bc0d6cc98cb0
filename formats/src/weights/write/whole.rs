//! Files that are written beside their place, and moved there when they are whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::error::WeightsError;

/// A file that is not there yet. Without [`Whole::finish`] nothing is left of it.
pub(super) struct Whole {
    path: PathBuf,
    beside: PathBuf,
    /// Nothing when the file is in its place.
    file: Option<BufWriter<File>>,
}

impl Whole {
    /// Begins a file.
    pub(super) fn create(path: &Path) -> Result<Whole, WeightsError> {
        /// Several threads may write at a time.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = path.file_name().ok_or_else(|| WeightsError::io(path, "a file name is wanted"))?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let beside =
            path.with_file_name(format!(".{}.{}-{number}", name.to_string_lossy(), std::process::id()));
        let file = File::create(&beside).map_err(|error| WeightsError::io(path, error))?;
        Ok(Whole { path: path.to_owned(), beside, file: Some(BufWriter::with_capacity(1 << 17, file)) })
    }

    fn open(&mut self) -> io::Result<&mut BufWriter<File>> {
        self.file.as_mut().ok_or_else(|| io::Error::other("the file is finished"))
    }

    /// Moves the file to its place.
    pub(super) fn finish(mut self) -> Result<(), WeightsError> {
        let mut move_there = || -> io::Result<()> {
            let file = self.open()?;
            file.flush()?;
            file.get_ref().sync_all()?;
            fs::rename(&self.beside, &self.path)?;
            self.file = None;
            Ok(())
        };
        let moved = move_there();
        moved.map_err(|error| WeightsError::io(&self.path, error))
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Nothing depends on it.
            let _ = fs::remove_file(&self.beside);
        }
    }
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open()?.flush()
    }
}

impl Seek for Whole {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.open()?.seek(to)
    }
}
