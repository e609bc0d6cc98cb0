//! Positions of iterators.

use crate::error::{DataError, Result};

/// Where an iterator stands: bytes, to be kept in a file, out of which an iterator over the same pipeline goes on exactly there.
///
/// It holds places in sources, counters and seeds, and elements only where these cannot be had again.
#[derive(Clone, PartialEq, Eq)]
pub struct Position(Vec<u8>);

impl Position {
    /// What every position begins with; the last byte is the version of the format.
    pub(super) const HEADER: [u8; 4] = *b"TWP\x02";

    pub(super) fn new(bytes: Vec<u8>) -> Position {
        Position(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A position out of its bytes.
    ///
    /// # Errors
    /// When these are none, or of another version. What is damaged further on is found by [`Iter::restore`](crate::Iter::restore).
    pub fn from_bytes(bytes: &[u8]) -> Result<Position> {
        match bytes.starts_with(&Position::HEADER) {
            true => Ok(Position(bytes.to_vec())),
            false => Err(DataError::data_loss(
                "these bytes are no position of an iterator, or one of another version",
            )),
        }
    }
}

impl std::fmt::Debug for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Position({} bytes)", self.0.len())
    }
}
