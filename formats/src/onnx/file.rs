//! Files as bytes, and bytes as messages.

use std::path::Path;

use bytes::Bytes;
use prost::Message;

use super::error::Error;
use super::schema::ModelProto;
use crate::mapped::Mapped;

/// The bytes of a file, in memory that the system reads when they are used.
pub(crate) fn bytes(path: &Path) -> Result<Bytes, Error> {
    Ok(Bytes::from_owner(mapped(path)?))
}

/// A file in memory.
pub(crate) fn mapped(path: &Path) -> Result<Mapped, Error> {
    Mapped::open(path).map_err(|error| Error::File { path: path.to_owned(), reason: error.to_string() })
}

/// The model of a file's bytes. Large fields share the memory.
pub(crate) fn model(bytes: Bytes) -> Result<ModelProto, Error> {
    ModelProto::decode(bytes).map_err(|error| Error::Format(error.to_string()))
}
