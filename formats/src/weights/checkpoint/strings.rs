//! Tensors of strings: their lengths, the checksum of these, and their bytes.

use crc32c::crc32c_append;

use super::super::error::{Damage, Read, damaged};
use super::table::{Bytes, masked, varint};

/// The checksum of one more length: of four bytes, unless it needs eight.
fn with_length(crc: u32, length: u64) -> u32 {
    match u32::try_from(length) {
        Ok(short) => crc32c_append(crc, &short.to_le_bytes()),
        Err(_) => crc32c_append(crc, &length.to_le_bytes()),
    }
}

/// So many strings out of bytes with a checksum.
pub(super) fn read(bytes: &[u8], count: usize, crc: u32) -> Read<Vec<Vec<u8>>> {
    let wrong = || Damage::new("it is damaged: its checksum is wrong");
    // A length takes a byte at least.
    if count > bytes.len() {
        return damaged("its strings end too early");
    }
    let mut rest = Bytes(bytes);
    let mut own = 0;
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        let length = rest.varint()?;
        own = with_length(own, length);
        lengths.push(usize::try_from(length).map_err(|_| wrong())?);
    }
    let check = rest.take(4)?;
    if masked(own).to_le_bytes() != check {
        return Err(wrong());
    }
    own = crc32c_append(own, check);
    let mut found = Vec::with_capacity(count);
    for length in lengths {
        let string = rest.take(length)?;
        own = crc32c_append(own, string);
        found.push(string.to_vec());
    }
    match rest.0.is_empty() && masked(own) == crc {
        true => Ok(found),
        false => Err(wrong()),
    }
}

/// Strings as bytes, and the checksum of these.
pub(in crate::weights) fn encoded(strings: &[Vec<u8>]) -> (Vec<u8>, u32) {
    let (mut bytes, mut crc) = (Vec::new(), 0);
    for string in strings {
        varint(string.len() as u64, &mut bytes);
        crc = with_length(crc, string.len() as u64);
    }
    let check = masked(crc).to_le_bytes();
    bytes.extend(check);
    crc = crc32c_append(crc, &check);
    for string in strings {
        bytes.extend(string);
        crc = crc32c_append(crc, string);
    }
    (bytes, masked(crc))
}
