//! Files as bytes, and bytes as messages.

use std::fs::File;
use std::path::Path;

use bytes::Bytes;
use memmap2::Mmap;
use prost::Message;

use super::error::Error;
use super::schema::ModelProto;

/// The bytes of a file, in memory that the system reads when they are used.
pub(crate) fn bytes(path: &Path) -> Result<Bytes, Error> {
    let failed = |error: std::io::Error| Error::File { path: path.to_owned(), reason: error.to_string() };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() == 0 {
        return Ok(Bytes::new());
    }
    // SAFETY: the memory is read as plain bytes, of which every value is one. Who changes the file meanwhile changes what is read, as with any file;
    // who makes it shorter stops the process, which is the price of not reading all of it.
    let map = unsafe { Mmap::map(&file) }.map_err(failed)?;
    Ok(Bytes::from_owner(map))
}

/// The model of a file's bytes. Large fields share the memory.
pub(crate) fn model(bytes: Bytes) -> Result<ModelProto, Error> {
    ModelProto::decode(bytes).map_err(|error| Error::Format(error.to_string()))
}
