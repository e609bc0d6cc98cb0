//! A sorted table of strings, as LevelDB writes it: the index of a checkpoint.
//!
//! A table is a row of blocks and a footer of 48 bytes, which says where two blocks are: one of no interest here, and the index, whose values say where the others
//! are. Behind the bytes of a block stand one byte for its compression and a masked checksum of both. A block is a row of entries: how many bytes the key shares with the one before, how many more it
//! has, how long the value is, and then the bytes of both; at its end stand the places of keys that share nothing, for those who search.

use std::borrow::Cow;

use crc32c::{crc32c, crc32c_append};

use super::super::error::{Damage, Read, damaged};

/// The last bytes of a table.
const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
const FOOTER: usize = 48;
/// Compression and checksum of a block.
const TRAILER: usize = 5;
/// The most bytes of keys, values and unpacked blocks for each byte of a table: keys share their beginnings with those before them, and blocks are compressed.
const MOST: usize = 64;
/// How many bytes there may be in the smallest table.
const LEAST: usize = 1 << 12;

/// A checksum as files have it.
pub(super) fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Whether these are the last bytes of a table.
pub(super) fn is_table(bytes: &[u8]) -> bool {
    bytes.len() >= FOOTER && bytes.ends_with(&MAGIC.to_le_bytes())
}

/// Bytes that are read from the front.
pub(super) struct Bytes<'b>(pub(super) &'b [u8]);

impl<'b> Bytes<'b> {
    pub(super) fn take(&mut self, count: usize) -> Read<&'b [u8]> {
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or_else(|| Damage::new("the index ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn varint(&mut self) -> Read<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                break;
            }
            number |= part << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        damaged("a number is too long")
    }

    pub(super) fn size(&mut self) -> Read<usize> {
        usize::try_from(self.varint()?).map_err(|_| Damage::new("a size is too large"))
    }
}

/// Where a block is.
#[derive(Clone, Copy)]
struct Handle {
    offset: usize,
    size: usize,
}

impl Handle {
    fn read(from: &mut Bytes<'_>) -> Read<Handle> {
        Ok(Handle { offset: from.size()?, size: from.size()? })
    }

    /// The bytes of the block, unpacked.
    fn block(self, table: &[u8]) -> Read<Cow<'_, [u8]>> {
        let blocks = &table[..table.len() - FOOTER];
        let end = self.offset.checked_add(self.size).and_then(|end| end.checked_add(TRAILER));
        let whole = end.and_then(|end| blocks.get(self.offset..end));
        let whole = whole.ok_or_else(|| Damage::new("a block of the index is not in the file"))?;
        let (bytes, trailer) = whole.split_at(self.size);
        let crc = masked(crc32c_append(crc32c(bytes), &trailer[..1]));
        if trailer[1..] != crc.to_le_bytes() {
            return damaged(format!(
                "the index is damaged: the checksum of its block at byte {} is wrong",
                self.offset
            ));
        }
        match trailer[0] {
            0 => Ok(Cow::Borrowed(bytes)),
            1 => unpacked(bytes).map(Cow::Owned),
            kind => {
                damaged(format!("a block of the index is compressed in a way that is not known ({kind})"))
            }
        }
    }
}

fn unpacked(bytes: &[u8]) -> Read<Vec<u8>> {
    let failed = |error: snap::Error| Damage::new(format!("a block of the index is damaged: {error}"));
    let size = snap::raw::decompress_len(bytes).map_err(failed)?;
    if size > bytes.len().saturating_mul(MOST) {
        return damaged("a block of the index says that it is larger than its bytes can tell");
    }
    snap::raw::Decoder::new().decompress_vec(bytes).map_err(failed)
}

/// A key and its value.
type Pair = (Vec<u8>, Vec<u8>);

/// What there may still be of keys and values.
struct Budget(usize);

impl Budget {
    fn spend(&mut self, bytes: usize) -> Read<()> {
        self.0 = self.0.checked_sub(bytes).ok_or_else(|| {
            Damage::new(format!("the index says more than {MOST} times what its bytes can tell"))
        })?;
        Ok(())
    }
}

/// The pairs of a block, sorted by their keys.
fn pairs(block: &[u8], budget: &mut Budget) -> Read<Vec<Pair>> {
    let cut = || Damage::new("a block of the index ends too early");
    let (rest, count) = block.split_last_chunk::<4>().ok_or_else(cut)?;
    let restarts = (u32::from_le_bytes(*count) as usize).checked_mul(4).ok_or_else(cut)?;
    let mut bytes = Bytes(&rest[..rest.len().checked_sub(restarts).ok_or_else(cut)?]);
    let mut found: Vec<Pair> = Vec::new();
    while !bytes.0.is_empty() {
        let [shared, own, length] = [bytes.size()?, bytes.size()?, bytes.size()?];
        let before = found.last().map_or(&[][..], |(key, _)| key);
        let shared = before.get(..shared).ok_or_else(|| Damage::new("a key of the index shares too much"))?;
        let own = bytes.take(own)?;
        let value = bytes.take(length)?;
        budget.spend(shared.len() + own.len() + value.len() + 2 * size_of::<Vec<u8>>())?;
        let key = [shared, own].concat();
        if found.last().is_some_and(|(before, _)| *before >= key) {
            return damaged("the keys of the index are not in order");
        }
        found.push((key, value.to_vec()));
    }
    Ok(found)
}

/// All pairs of a table, in the order of their keys.
pub(super) fn read(table: &[u8]) -> Read<Vec<Pair>> {
    if !is_table(table) {
        return damaged("this is no index of a checkpoint, or its end is missing");
    }
    let mut budget = Budget(table.len().saturating_mul(MOST).max(LEAST));
    let mut footer = Bytes(&table[table.len() - FOOTER..]);
    Handle::read(&mut footer)?;
    let index = Handle::read(&mut footer)?.block(table)?;
    let mut found: Vec<Pair> = Vec::new();
    let mut end = 0;
    for (_, value) in pairs(&index, &mut budget)? {
        let handle = Handle::read(&mut Bytes(&value))?;
        if handle.offset < end {
            return damaged("the blocks of the index overlap");
        }
        end = handle.offset.saturating_add(handle.size);
        let more = pairs(&handle.block(table)?, &mut budget)?;
        if let (Some((last, _)), Some((first, _))) = (found.last(), more.first())
            && last >= first
        {
            return damaged("the keys of the index are not in order");
        }
        found.extend(more);
    }
    Ok(found)
}

/// A number in bytes of seven bits, the lowest first.
pub(super) fn varint(mut number: u64, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Bytes of a block from which on the next pair begins a new one.
const BLOCK: usize = 1 << 18;
/// Every so many keys one shares nothing with the one before.
const RESTART: usize = 16;

/// A block that is written.
#[derive(Default)]
struct BlockWriter {
    bytes: Vec<u8>,
    restarts: Vec<u32>,
    count: usize,
    last: Vec<u8>,
}

impl BlockWriter {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        let shared = match self.count % RESTART {
            0 => {
                self.restarts.push(self.bytes.len() as u32);
                0
            }
            _ => self.last.iter().zip(key).take_while(|(one, other)| one == other).count(),
        };
        for length in [shared, key.len() - shared, value.len()] {
            varint(length as u64, &mut self.bytes);
        }
        self.bytes.extend(&key[shared..]);
        self.bytes.extend(value);
        self.last = key.to_vec();
        self.count += 1;
    }

    /// Appends the block with its trailer to a file; its handle there.
    fn finish(mut self, to: &mut Vec<u8>) -> Vec<u8> {
        if self.restarts.is_empty() {
            self.restarts.push(0);
        }
        self.bytes.extend(self.restarts.iter().flat_map(|place| place.to_le_bytes()));
        self.bytes.extend((self.restarts.len() as u32).to_le_bytes());
        let mut handle = Vec::new();
        varint(to.len() as u64, &mut handle);
        varint(self.bytes.len() as u64, &mut handle);
        self.bytes.push(0);
        let crc = masked(crc32c(&self.bytes));
        to.extend(self.bytes);
        to.extend(crc.to_le_bytes());
        handle
    }
}

/// A table that is written.
#[derive(Default)]
pub(super) struct Writer {
    file: Vec<u8>,
    block: BlockWriter,
    /// The last key of each block, and its handle.
    blocks: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Writer {
    /// Adds a pair, whose key comes after those before it.
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) {
        if self.block.bytes.len() >= BLOCK {
            self.end_block();
        }
        self.block.put(key, value);
    }

    fn end_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        let last = block.last.clone();
        self.blocks.push((last, block.finish(&mut self.file)));
    }

    /// The bytes of the table.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.end_block();
        let mut footer = BlockWriter::default().finish(&mut self.file);
        let mut index = BlockWriter::default();
        self.blocks.iter().for_each(|(last, handle)| index.put(last, handle));
        footer.extend(index.finish(&mut self.file));
        footer.resize(FOOTER - size_of::<u64>(), 0);
        self.file.extend(footer);
        self.file.extend(MAGIC.to_le_bytes());
        self.file
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Writer, masked, read};

    #[test]
    fn numbers_are_read() {
        let varint = |bytes: &[u8]| Bytes(bytes).varint().ok();
        assert_eq!(varint(&[0x81, 1]), Some(129));
        assert_eq!(varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), Some(u64::MAX));
        assert_eq!(varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]), None);
        assert_eq!(varint(&[0xff; 12]), None);
        assert_eq!(varint(&[0x80]), None);
    }

    /// A block with its trailer, at most 127 bytes.
    fn block(kind: u8, bytes: &[u8]) -> Vec<u8> {
        let mut whole = [bytes, &[kind]].concat();
        let crc = masked(crc32c::crc32c(&whole));
        whole.extend(crc.to_le_bytes());
        whole
    }

    /// A table of one block.
    fn table(entries: &[u8], packed: bool) -> Vec<u8> {
        let plain = [entries, &[0, 0, 0, 0, 1, 0, 0, 0]].concat();
        let bytes =
            if packed { snap::raw::Encoder::new().compress_vec(&plain).expect("packed") } else { plain };
        let mut file = block(u8::from(packed), &bytes);
        let at = file.len();
        let index = [&[0, 1, 2, b'z', 0, bytes.len() as u8][..], &[0, 0, 0, 0, 1, 0, 0, 0]].concat();
        file.extend(block(0, &index));
        let mut footer = vec![0, 0, at as u8, index.len() as u8];
        footer.resize(40, 0);
        footer.extend(super::MAGIC.to_le_bytes());
        file.extend(footer);
        file
    }

    #[test]
    fn what_is_written_is_read() {
        // Several blocks.
        let pairs: Vec<(Vec<u8>, Vec<u8>)> =
            (0..9000).map(|at| (format!("block_{at:05}/kernel").into_bytes(), vec![at as u8; 40])).collect();
        let mut writer = Writer::default();
        pairs.iter().for_each(|(key, value)| writer.put(key, value));
        let file = writer.finish();
        assert_eq!(read(&file).expect("a table"), pairs);
        assert!(file.len() < 9000 * 56, "keys share their beginnings");
        assert_eq!(read(&Writer::default().finish()).expect("a table"), []);
    }

    #[test]
    fn keys_share_beginnings_and_blocks_may_be_packed() {
        let entries = [&[0, 3, 1][..], b"abc", &[7], &[2, 1, 2], b"d", &[8, 9]].concat();
        let expected = vec![(b"abc".to_vec(), vec![7]), (b"abd".to_vec(), vec![8, 9])];
        for packed in [false, true] {
            assert_eq!(read(&table(&entries, packed)).expect("a table"), expected);
        }
        let wrong =
            |entries: &[u8]| format!("{:?}", read(&table(entries, false)).expect_err("it is damaged"));
        assert!(wrong(&[0, 1, 0, b'b', 0, 1, 0, b'a']).contains("order"));
        assert!(wrong(&[4, 1, 0, b'b']).contains("shares"));
        assert!(wrong(&[0, 9, 0, b'b']).contains("early"));
        let mut flipped = table(&entries, false);
        flipped[1] ^= 1;
        assert!(format!("{:?}", read(&flipped).expect_err("it is damaged")).contains("checksum"));
    }
}
