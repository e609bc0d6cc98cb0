//! The files of a bundle: a folder, or a zip archive without compression.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::error::{BundleError, Result};
use crate::manifest::Sum;

/// Bytes that are hashed at a time.
const CHUNK: usize = 1 << 20;

/// A part of a file, as a file.
pub(crate) struct Section {
    file: File,
    start: u64,
    length: u64,
    at: u64,
}

impl Read for Section {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.length - self.at).unwrap_or(usize::MAX).min(to.len());
        let read = self.file.read(&mut to[..most])?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Section {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let wanted = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = wanted.ok_or(io::ErrorKind::InvalidInput)?.min(self.length);
        self.file.seek(SeekFrom::Start(self.start + self.at))?;
        Ok(self.at)
    }
}

/// A bundle that is read.
pub(crate) struct Source {
    path: PathBuf,
    /// Where each file of an archive is in it.
    entries: Option<BTreeMap<String, (u64, u64)>>,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Source> {
        if path.is_dir() {
            return Ok(Source { path: path.to_owned(), entries: None });
        }
        let failed = |error: &dyn std::fmt::Display| BundleError::file(path, error);
        let file = File::open(path).map_err(|error| failed(&error))?;
        let size = file.metadata().map_err(|error| failed(&error))?.len();
        let mut archive = ZipArchive::new(file).map_err(|error| failed(&error))?;
        let mut entries = BTreeMap::new();
        for at in 0..archive.len() {
            let entry = archive.by_index_raw(at).map_err(|error| failed(&error))?;
            let (name, start, length) = (entry.name().to_owned(), entry.data_start(), entry.size());
            if entry.compression() != CompressionMethod::Stored {
                return Err(failed(&format!("`{name}` is compressed, which bundles are not")));
            }
            if start.checked_add(length).is_none_or(|end| end > size) {
                return Err(failed(&format!("`{name}` ends behind the archive")));
            }
            entries.insert(name, (start, length));
        }
        Ok(Source { path: path.to_owned(), entries: Some(entries) })
    }

    fn failed(&self, name: &str, reason: impl std::fmt::Display) -> BundleError {
        BundleError::file(&self.path.join(name), reason)
    }

    fn section(&self, name: &str) -> Result<Section> {
        let failed = |error: io::Error| self.failed(name, error);
        let Some(entries) = &self.entries else {
            let file = File::open(self.path.join(name)).map_err(failed)?;
            let length = file.metadata().map_err(failed)?.len();
            return Ok(Section { file, start: 0, length, at: 0 });
        };
        let &(start, length) = entries.get(name).ok_or_else(|| self.failed(name, "it is not there"))?;
        let mut section = Section { file: File::open(&self.path).map_err(failed)?, start, length, at: 0 };
        section.rewind().map_err(failed)?;
        Ok(section)
    }

    /// A file that no other one vouches for, of at most so many bytes.
    pub(crate) fn unchecked(&self, name: &str, most: u64) -> Result<Vec<u8>> {
        let mut section = self.section(name)?;
        if section.length > most {
            return Err(self.failed(name, format!("it is larger than {most} bytes")));
        }
        let mut bytes = Vec::new();
        section.read_to_end(&mut bytes).map_err(|error| self.failed(name, error))?;
        Ok(bytes)
    }

    /// A file, if it is the one that this is the sum of.
    pub(crate) fn checked(&self, name: &str, sums: &BTreeMap<String, Sum>) -> Result<Section> {
        let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        if !name.split('/').all(is_plain) || name.contains(['\\', ':', '\0']) {
            return Err(self.failed(name, "it is no name of a file in a bundle"));
        }
        let sum = sums.get(name).ok_or_else(|| self.failed(name, "the manifest has no sum of it"))?;
        let mut section = self.section(name)?;
        let found = Sum::of(&mut section).map_err(|error| self.failed(name, error))?;
        if &found != sum {
            let reason = format!(
                "it has {} bytes and the SHA-256 {}, where the manifest says {} and {}",
                found.bytes, found.sha256, sum.bytes, sum.sha256
            );
            return Err(self.failed(name, reason));
        }
        section.rewind().map_err(|error| self.failed(name, error))?;
        Ok(section)
    }

    /// As [`Self::checked`], read.
    pub(crate) fn bytes(&self, name: &str, sums: &BTreeMap<String, Sum>) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut section = self.checked(name, sums)?;
        section.read_to_end(&mut bytes).map_err(|error| self.failed(name, error))?;
        Ok(bytes)
    }

    /// As [`Self::bytes`], as text.
    pub(crate) fn text(&self, name: &str, sums: &BTreeMap<String, Sum>) -> Result<String> {
        String::from_utf8(self.bytes(name, sums)?).map_err(|error| self.failed(name, error))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        match &self.entries {
            Some(entries) => entries.contains_key(name),
            None => self.path.join(name).is_file(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Sum {
    pub(crate) fn of(from: &mut impl Read) -> io::Result<Sum> {
        let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK]);
        loop {
            let read = from.read(&mut chunk)?;
            if read == 0 {
                let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
                return Ok(Sum { bytes, sha256 });
            }
            hash.update(&chunk[..read]);
            bytes += read as u64;
        }
    }
}

/// Writes the files as an archive, or to a folder: beside their place, to which they are moved when they are complete.
pub(crate) fn write(path: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    let name = path.file_name().ok_or_else(|| BundleError::file(path, "a name is wanted"))?;
    let beside = path.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let is_archive = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    let written = match is_archive {
        true => archive(&beside, files).and_then(|()| fs::rename(&beside, path)),
        false => folder(&beside, files).and_then(|()| replace(&beside, path)),
    };
    written.map_err(|error| {
        let _ = if is_archive { fs::remove_file(&beside) } else { fs::remove_dir_all(&beside) };
        BundleError::file(path, error)
    })
}

fn archive(path: &Path, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    let mut zip = ZipWriter::new(File::create(path)?);
    for (name, bytes) in files {
        zip.start_file(name, options)?;
        zip.write_all(bytes)?;
    }
    zip.finish()?.sync_all()
}

fn folder(path: &Path, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    for (name, bytes) in files {
        let file = path.join(name);
        fs::create_dir_all(file.parent().unwrap_or(path))?;
        let mut file = File::create(file)?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    Ok(())
}

/// Moves a folder to its place, and what is there away.
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    if !to.exists() {
        return fs::rename(from, to);
    }
    if !to.join(MANIFEST).exists() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is there, and no bundle"));
    }
    let old = from.with_extension("old");
    fs::rename(to, &old)?;
    fs::rename(from, to)?;
    fs::remove_dir_all(old)
}

pub(crate) const MANIFEST: &str = "manifest.json";
