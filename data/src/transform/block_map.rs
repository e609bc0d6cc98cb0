//! `map` of small elements by a function of tensors, in blocks.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::blocks::MapFn;
use crate::error::Result;
use crate::pipeline::{BoxCursor, Cursor, Outcome};
use crate::state::{Reader, Writer};

/// The first block has so few elements: who asks for one is not kept waiting for hundreds.
const FIRST: usize = 8;
/// A block is to be read in such a time: cheap elements make large ones, dear ones small ones.
const SHORT: Duration = Duration::from_micros(50);
const LONG: Duration = Duration::from_micros(400);

/// Reads a block of an input that may be read ahead, and gives its results. Its position is the place before the block, and how many to move over.
pub(super) struct BlockMapping {
    input: BoxCursor,
    f: MapFn,
    /// The number of the next element.
    at: u64,
    /// Results that are not given yet.
    ready: VecDeque<Outcome>,
    /// Where the input was before the block, and how many elements of the block were given.
    place: Vec<u8>,
    given: u64,
    /// How many elements the next block has.
    wanted: usize,
}

impl BlockMapping {
    pub(super) fn new(input: BoxCursor, f: MapFn) -> BlockMapping {
        BlockMapping { input, f, at: 0, ready: VecDeque::new(), place: Vec::new(), given: 0, wanted: FIRST }
    }

    fn read(&mut self) -> Result<()> {
        let mut place = Writer::new();
        self.input.save(&mut place)?;
        (self.place, self.given) = (place.into_bytes(), 0);
        let start = Instant::now();
        let outcomes: Vec<Outcome> = std::iter::from_fn(|| self.input.next()).take(self.wanted).collect();
        self.tune(start.elapsed());
        self.ready = self.f.apply(outcomes, self.at);
        Ok(())
    }

    fn tune(&mut self, took: Duration) {
        let most = self.f.blocks.as_ref().map_or(1, |blocks| blocks.size());
        if took < SHORT {
            self.wanted = (self.wanted * 2).min(most);
        } else if took > LONG {
            self.wanted = (self.wanted / 2).max(1);
        }
    }
}

impl Cursor for BlockMapping {
    #[inline]
    fn next(&mut self) -> Option<Outcome> {
        if self.ready.is_empty()
            && let Err(error) = self.read()
        {
            return Some(Err(error));
        }
        let outcome = self.ready.pop_front()?;
        self.at += 1;
        self.given += 1;
        Some(outcome)
    }

    fn advance(&mut self, count: u64) -> u64 {
        let ready = count.min(self.ready.len() as u64);
        self.ready.drain(..ready as usize);
        let over = ready + if ready < count { self.input.advance(count - ready) } else { 0 };
        self.at += over;
        self.given += ready;
        over
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.u64(self.at);
        if self.ready.is_empty() {
            to.u64(0);
            return self.input.save(to);
        }
        to.u64(self.given);
        to.raw(&self.place);
        Ok(())
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.at = from.u64()?;
        let over = from.u64()?;
        self.input.restore(from)?;
        self.input.advance(over);
        Ok(())
    }
}
