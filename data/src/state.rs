//! Bytes in which positions and elements are written: numbers of seven bits a byte, small ones first.

use crate::error::{DataError, Result};

/// Writes.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn new() -> Writer {
        Writer::default()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn u64(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    pub(crate) fn usize(&mut self, number: usize) {
        self.u64(number as u64);
    }

    pub(crate) fn i64(&mut self, number: i64) {
        self.u64(((number << 1) ^ (number >> 63)) as u64);
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.bytes.push(u8::from(flag));
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes with their number.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.usize(bytes.len());
        self.raw(bytes);
    }

    /// Numbers that rise, by their differences.
    pub(crate) fn rising(&mut self, numbers: &[u64]) {
        self.usize(numbers.len());
        let mut last = 0;
        for number in numbers {
            self.u64(number - last);
            last = *number;
        }
    }
}

/// Reads what [`Writer`] wrote. Anything else is an error.
pub(crate) struct Reader<'b> {
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Reader<'b> {
        Reader { bytes }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn raw(&mut self, count: usize) -> Result<&'b [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or_else(damaged)?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.raw(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(damaged())
    }

    pub(crate) fn usize(&mut self) -> Result<usize> {
        usize::try_from(self.u64()?).map_err(|_| damaged())
    }

    /// A number of things that take at least a byte each.
    pub(crate) fn count(&mut self) -> Result<usize> {
        Some(self.usize()?).filter(|count| *count <= self.bytes.len()).ok_or_else(damaged)
    }

    pub(crate) fn i64(&mut self) -> Result<i64> {
        let number = self.u64()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(crate) fn flag(&mut self) -> Result<bool> {
        match self.raw(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(damaged()),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<&'b [u8]> {
        let count = self.usize()?;
        self.raw(count)
    }

    pub(crate) fn text(&mut self) -> Result<&'b str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| damaged())
    }

    pub(crate) fn rising(&mut self) -> Result<Vec<u64>> {
        let mut last = 0u64;
        (0..self.count()?)
            .map(|_| {
                last = last.checked_add(self.u64()?).ok_or_else(damaged)?;
                Ok(last)
            })
            .collect()
    }
}

/// The error of bytes that nobody wrote.
pub(crate) fn damaged() -> DataError {
    DataError::data_loss("the bytes are damaged, or were written by something else")
}

#[cfg(test)]
mod tests {
    use super::{Reader, Writer};

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::new();
        [0, 127, 128, u64::MAX].into_iter().for_each(|number| writer.u64(number));
        [0, -1, i64::MIN, i64::MAX].into_iter().for_each(|number| writer.i64(number));
        writer.bytes(b"ab");
        writer.rising(&[3, 3, 900]);
        let bytes = writer.into_bytes();
        let mut reader = Reader::new(&bytes);
        assert_eq!([0; 4].map(|_| reader.u64().expect("written")), [0, 127, 128, u64::MAX]);
        assert_eq!([0; 4].map(|_| reader.i64().expect("written")), [0, -1, i64::MIN, i64::MAX]);
        assert_eq!(reader.bytes().expect("written"), b"ab");
        assert_eq!(reader.rising().expect("written"), [3, 3, 900]);
        assert!(reader.is_at_end() && reader.u64().is_err());
    }
}
