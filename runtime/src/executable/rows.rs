//! The rows of a list: a chain of chunks of pooled memory.
//!
//! Chunks have room for twice as many rows as the one before, up to [`LARGEST_CHUNK`] bytes or one row. A chunk may belong to several
//! lists that have its rows in common; whoever is to change a chunk that is not its own alone copies it, which costs no more than
//! the largest chunk whatever the length of the list.

use std::sync::Arc;

use crate::buffer::{Buffer, BufferPool, OutOfMemory};

/// Bytes of the first chunk, unless a row is larger.
const FIRST_CHUNK: usize = 1 << 10;
/// The most bytes of a chunk, unless a row is larger.
const LARGEST_CHUNK: usize = 64 << 10;

/// Rows of the same size.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    row_bytes: usize,
    len: usize,
    chunks: Vec<Arc<Chunk>>,
}

#[derive(Debug)]
struct Chunk {
    /// How many rows stand in the chunks before.
    first: usize,
    /// How many rows there is room for.
    capacity: usize,
    /// As many rows as the list has beyond `first` are written, up to `capacity`.
    memory: Buffer,
}

impl Chunk {
    fn new(first: usize, capacity: usize, row_bytes: usize) -> Result<Chunk, OutOfMemory> {
        let memory = BufferPool::global().get(capacity * row_bytes)?;
        Ok(Chunk { first, capacity, memory })
    }
}

impl Rows {
    pub(super) fn new(row_bytes: usize) -> Rows {
        Rows { row_bytes, len: 0, chunks: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds a copy of a row at the end.
    ///
    /// # Safety
    /// `row` is valid for reads of the bytes of a row.
    pub(super) unsafe fn push(&mut self, row: *const u8) -> Result<(), OutOfMemory> {
        let full = self.chunks.last().is_none_or(|last| self.len == last.first + last.capacity);
        if full {
            self.chunks.push(Arc::new(Chunk::new(self.len, self.next_capacity(), self.row_bytes)?));
        }
        let (len, row_bytes) = (self.len, self.row_bytes);
        let chunk = self.alone(self.chunks.len() - 1)?;
        let at = (len - chunk.first) * row_bytes;
        // SAFETY: the chunk has room for another row at `at`, and is nobody else's, so that no other list sees it change.
        unsafe { chunk.memory.as_mut_ptr().add(at).copy_from_nonoverlapping(row, row_bytes) };
        self.len += 1;
        Ok(())
    }

    /// How many rows the next chunk has room for.
    fn next_capacity(&self) -> usize {
        let rows = |bytes: usize| (bytes / self.row_bytes.max(1)).max(1);
        let doubled = self.chunks.last().map_or(rows(FIRST_CHUNK), |last| last.capacity * 2);
        doubled.min(rows(LARGEST_CHUNK))
    }

    /// A chunk, as a copy if other lists have it too.
    fn alone(&mut self, number: usize) -> Result<&mut Chunk, OutOfMemory> {
        let chunk = &mut self.chunks[number];
        if Arc::get_mut(chunk).is_none() {
            let mut copy = Chunk::new(chunk.first, chunk.capacity, self.row_bytes)?;
            let bytes = (self.len - chunk.first).min(chunk.capacity) * self.row_bytes;
            // SAFETY: so many bytes of the old chunk are written, and the new one is as large.
            unsafe { copy.memory.as_mut_ptr().copy_from_nonoverlapping(chunk.memory.as_ptr(), bytes) };
            *chunk = Arc::new(copy);
        }
        Ok(Arc::get_mut(chunk).expect("it is this list's alone"))
    }

    /// Puts a copy of another row in the place of one.
    ///
    /// # Safety
    /// `row` is valid for reads of the bytes of a row, and `index` is below the number of rows.
    pub(super) unsafe fn set(&mut self, index: usize, row: *const u8) -> Result<(), OutOfMemory> {
        let number = self.chunks.partition_point(|chunk| chunk.first <= index) - 1;
        let row_bytes = self.row_bytes;
        let chunk = self.alone(number)?;
        let at = (index - chunk.first) * row_bytes;
        // SAFETY: the row is within the chunk, which is nobody else's, so that no other list sees it change.
        unsafe { chunk.memory.as_mut_ptr().add(at).copy_from_nonoverlapping(row, row_bytes) };
        Ok(())
    }

    /// A row, which stays valid until the list changes; `None` if there is no such row.
    pub(super) fn get(&self, index: usize) -> Option<*const u8> {
        if index >= self.len {
            return None;
        }
        let after = self.chunks.partition_point(|chunk| chunk.first <= index);
        let chunk = &self.chunks[after - 1];
        Some(chunk.memory.as_ptr().wrapping_add((index - chunk.first) * self.row_bytes))
    }

    /// Takes away the last row, which must have been read.
    pub(super) fn pop(&mut self) {
        self.len = self.len.saturating_sub(1);
        // A chunk without rows is kept until the one before it has room: a list that goes up and down does not ask for it each time.
        if let [.., before, last] = &self.chunks[..]
            && self.len < before.first + before.capacity
            && last.first > self.len
        {
            self.chunks.pop();
        } else if self.len == 0 {
            self.chunks.clear();
        }
    }

    /// Copies all rows, one after the other.
    ///
    /// # Safety
    /// `out` is valid for writes of the bytes of all rows.
    pub(super) unsafe fn copy_to(&self, out: *mut u8) {
        for chunk in &self.chunks {
            let rows = self.len.saturating_sub(chunk.first).min(chunk.capacity);
            // SAFETY: so many rows of the chunk are written, and belong at this place of all rows.
            unsafe {
                let to = out.add(chunk.first * self.row_bytes);
                to.copy_from_nonoverlapping(chunk.memory.as_ptr(), rows * self.row_bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(rows: &mut Rows, value: u64) {
        // SAFETY: a u64 is a row.
        unsafe { rows.push((&raw const value).cast()).unwrap() };
    }

    fn all(rows: &Rows) -> Vec<u64> {
        let mut out = vec![0u64; rows.len()];
        // SAFETY: there is room for all rows.
        unsafe { rows.copy_to(out.as_mut_ptr().cast()) };
        // SAFETY: rows that are there are u64s.
        let got = (0..rows.len()).map(|i| unsafe { rows.get(i).unwrap().cast::<u64>().read_unaligned() });
        assert!(got.eq(out.iter().copied()));
        out
    }

    #[test]
    fn rows_of_all_chunks_are_found() {
        let mut rows = Rows::new(8);
        for count in [0, 1, 128, 129, 40_000] {
            (rows.len() as u64..count).for_each(|i| push(&mut rows, i));
            assert_eq!(all(&rows), (0..count).collect::<Vec<_>>());
        }
        assert_eq!(rows.get(40_000), None);
        while rows.len() > 0 {
            rows.pop();
        }
        assert_eq!((all(&rows), rows.chunks.len()), (vec![], 0));
        rows.pop();
        push(&mut rows, 7);
        assert_eq!(all(&rows), [7]);
    }

    #[test]
    fn lists_with_rows_in_common_do_not_see_each_other_change() {
        let mut rows = Rows::new(8);
        (0..300).for_each(|i| push(&mut rows, i));
        let mut other = rows.clone();
        (0..100).for_each(|_| other.pop());
        push(&mut other, 1000);
        push(&mut rows, 300);
        assert_eq!(all(&rows), (0..301).collect::<Vec<_>>());
        assert_eq!(all(&other), (0..200).chain([1000]).collect::<Vec<_>>());
    }

    #[test]
    fn up_and_down_at_the_border_of_chunks() {
        let mut rows = Rows::new(8);
        let mut expected = Vec::new();
        for i in 0..2000u64 {
            push(&mut rows, i);
            expected.push(i);
            for _ in 0..i % 3 {
                rows.pop();
                expected.pop();
            }
        }
        assert_eq!(all(&rows), expected);
    }

    #[test]
    fn rows_without_bytes_count() {
        let mut rows = Rows::new(0);
        for _ in 0..5000 {
            // SAFETY: no byte is read.
            unsafe { rows.push(std::ptr::dangling()).unwrap() };
        }
        rows.pop();
        assert_eq!(rows.len(), 4999);
        assert!(rows.get(4998).is_some() && rows.get(4999).is_none());
    }
}
