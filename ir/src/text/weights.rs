//! The side file of constants: what is too large to be read in a text.
//!
//! A side file (by habit `NAME.tww` beside `NAME.tw`) is a header of 64 bytes that starts with [`MAGIC`], then the
//! little-endian elements of one constant after the other, each starting at a multiple of 64 bytes. There is no table: the
//! text says `f32[784,128] blob(64, 0x53be0e5c4a7f9d11)`, so the type gives the length, the first number is the offset
//! and the second a checksum of the bytes. The checksum is there to notice a side file of another text; it is not
//! cryptographic.

use hashbrown::HashMap;

use crate::{Literal, LiteralRef, TensorType};

/// The first bytes of a side file; the digit is the version.
pub(super) const MAGIC: [u8; 8] = *b"twblob1\n";

const ALIGNMENT: usize = 64;

/// A side file under construction. Equal constants are stored once.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    bytes: Vec<u8>,
    offsets: HashMap<LiteralRef, usize>,
}

impl Weights {
    /// Stores the constant, unless it is there already, and returns where it is.
    pub(super) fn store(&mut self, literal: &LiteralRef) -> usize {
        if let Some(&offset) = self.offsets.get(literal) {
            return offset;
        }
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(&MAGIC);
        }
        let offset = self.bytes.len().next_multiple_of(ALIGNMENT);
        self.bytes.resize(offset, 0);
        self.bytes.extend_from_slice(literal.bytes());
        self.offsets.insert(literal.clone(), offset);
        offset
    }

    /// Whether no constant was stored, so that no side file is needed.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The side file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Why a reference to the side file cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BlobError {
    #[error("there is no side file of constants")]
    NoSideFile,
    #[error("the side file is not one: it does not start with `twblob1`")]
    NotASideFile,
    #[error("the constant ends at byte {end}, beyond the side file's end at {len}")]
    OutOfRange { end: u128, len: usize },
    #[error("references overlap: they ask for more bytes than the side file of {len} bytes has")]
    Overlap { len: usize },
    #[error("the constant's checksum is {found:#018x}: this is the side file of another text")]
    Checksum { found: u64 },
    #[error("the bytes are no bools: they must be 0 or 1")]
    NotBool,
}

/// The constants of a side file, read on demand.
pub(super) struct Reader<'w> {
    bytes: Option<&'w [u8]>,
    /// How many bytes further references may ask for. Constants do not overlap, so this limits the memory of a text that
    /// refers to one large blob under a thousand shapes.
    budget: usize,
    seen: HashMap<(usize, TensorType), LiteralRef>,
}

impl<'w> Reader<'w> {
    pub(super) fn new(bytes: Option<&'w [u8]>) -> Reader<'w> {
        Reader { bytes, budget: bytes.map_or(0, <[u8]>::len), seen: HashMap::new() }
    }

    /// The constant of type `ty` at `offset`.
    pub(super) fn read(
        &mut self,
        ty: TensorType,
        offset: usize,
        checksum: u64,
    ) -> Result<LiteralRef, BlobError> {
        let bytes = self.bytes.ok_or(BlobError::NoSideFile)?;
        if !bytes.starts_with(&MAGIC) {
            return Err(BlobError::NotASideFile);
        }
        let key = (offset, ty);
        if let Some(literal) = self.seen.get(&key) {
            return Ok(literal.clone());
        }
        let (ty, len) = (key.1, bytes.len());
        let size = ty.bytes();
        let end = offset as u128 + size as u128;
        let slice = offset.checked_add(size).and_then(|end| bytes.get(offset..end));
        let slice = slice.ok_or(BlobError::OutOfRange { end, len })?;
        self.budget = self.budget.checked_sub(size).ok_or(BlobError::Overlap { len })?;
        match self::checksum(slice) {
            found if found != checksum => return Err(BlobError::Checksum { found }),
            _ => {}
        }
        let literal = Literal::from_bytes(ty.clone(), slice.to_vec()).ok_or(BlobError::NotBool)?;
        Ok(self.seen.entry((offset, ty)).or_insert(literal.into()).clone())
    }
}

/// A 64-bit checksum, eight bytes at a time; the length goes in, so that zeros at the end count.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(ODD).rotate_left(29);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = mix(ODD, bytes.len() as u64);
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    hash = mix(hash, u64::from_le_bytes(last));
    (hash ^ (hash >> 32)).wrapping_mul(ODD)
}
