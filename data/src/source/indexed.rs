//! Sources whose elements have numbers: their position is a number, and going anywhere takes no time.

use crate::error::Result;
use crate::pipeline::{BoxCursor, Cursor, Outcome};
use crate::state::{Reader, Writer};

/// A cursor over the elements `get(0)..get(len)`.
pub(crate) struct Indexed<F> {
    at: u64,
    len: u64,
    get: F,
}

/// A cursor over the elements `get(0)..get(len)`.
pub(crate) fn indexed(len: u64, get: impl FnMut(u64) -> Outcome + Send + 'static) -> BoxCursor {
    Box::new(Indexed { at: 0, len, get })
}

impl<F: FnMut(u64) -> Outcome + Send> Cursor for Indexed<F> {
    #[inline]
    fn next(&mut self) -> Option<Outcome> {
        if self.at >= self.len {
            return None;
        }
        self.at += 1;
        Some((self.get)(self.at - 1))
    }

    fn advance(&mut self, count: u64) -> u64 {
        let over = count.min(self.len - self.at);
        self.at += over;
        over
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.u64(self.at);
        Ok(())
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.at = from.u64()?.min(self.len);
        Ok(())
    }
}
