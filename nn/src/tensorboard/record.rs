//! Records: a length, its checksum, the bytes, their checksum; numbers are little-endian.

use std::io::{self, Read, Write};

use crc32c::crc32c;

/// Writes one record.
pub(super) fn write(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = (bytes.len() as u64).to_le_bytes();
    to.write_all(&length)?;
    to.write_all(&masked_crc32c(&length).to_le_bytes())?;
    to.write_all(bytes)?;
    to.write_all(&masked_crc32c(bytes).to_le_bytes())
}

/// What is at a place of a file.
pub(super) enum Found {
    /// A record.
    Record(Vec<u8>),
    /// Nothing more.
    End,
    /// Bytes that are no record, and what is wrong with them.
    Broken(&'static str),
}

/// Reads one record of a file that has so many bytes left.
pub(super) fn read(from: &mut impl Read, left: u64) -> io::Result<Found> {
    if left == 0 {
        return Ok(Found::End);
    }
    let mut head = [0; 12];
    if left < 16 {
        return Ok(Found::Broken("is cut off"));
    }
    from.read_exact(&mut head)?;
    let (length, checksum) = head.split_at(8);
    if masked_crc32c(length).to_le_bytes() != *checksum {
        return Ok(Found::Broken("has a length with another checksum"));
    }
    let length = u64::from_le_bytes(std::array::from_fn(|i| length[i]));
    if length > left - 16 {
        return Ok(Found::Broken("is cut off"));
    }
    let mut bytes = vec![0; length as usize];
    from.read_exact(&mut bytes)?;
    let mut checksum = [0; 4];
    from.read_exact(&mut checksum)?;
    let is_whole = masked_crc32c(&bytes).to_le_bytes() == checksum;
    Ok(if is_whole { Found::Record(bytes) } else { Found::Broken("has another checksum") })
}

/// The CRC-32C of bytes, turned, so that checksums of what holds checksums stay good.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::{Found, read, write};

    #[test]
    fn records_that_are_broken_are_found_out() {
        let mut file = Vec::new();
        write(&mut file, b"an event").expect("memory can be written");
        let found = |bytes: &[u8]| read(&mut &bytes[..], bytes.len() as u64).expect("memory can be read");
        assert!(matches!(found(&file), Found::Record(bytes) if bytes == b"an event"));
        assert!(matches!(found(&[]), Found::End));
        for cut in 1..file.len() {
            assert!(matches!(found(&file[..cut]), Found::Broken("is cut off")), "{cut}");
        }
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 0x40;
            assert!(matches!(found(&changed), Found::Broken(_)), "{at}");
        }
    }
}
