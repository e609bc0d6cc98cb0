//! Places of an input that is read ahead.
//!
//! What reads ahead of what it has given cannot ask its input where it was before. It notes places now and then; a position is the last of these that is not behind
//! what was given, and how many elements to move over from there. So elements that were computed ahead are neither lost nor kept in positions.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::stage::Cursor;
use crate::error::Result;
use crate::state::{Reader, Writer, damaged};

/// Noting a place takes a microsecond or so; moving on from it, at most what was read in this time.
const EVERY: Duration = Duration::from_millis(5);

/// Places that were noted: how many elements had been read, and the place.
#[derive(Default)]
pub(crate) struct Places {
    places: VecDeque<(u64, Vec<u8>)>,
    last: Option<Instant>,
}

impl Places {
    /// Notes where the input is, having read so many elements, if it is time; forgets what is no longer needed, now that so many were given.
    ///
    /// # Errors
    /// When the place of the input cannot be written.
    pub(crate) fn note(&mut self, input: &mut dyn Cursor, read: u64, given: u64) -> Result<()> {
        if self.last.is_some_and(|last| last.elapsed() < EVERY) {
            return Ok(());
        }
        let mut place = Writer::new();
        input.save(&mut place)?;
        self.places.push_back((read, place.into_bytes()));
        self.last = Some(Instant::now());
        while self.places.get(1).is_some_and(|(read, _)| *read <= given) {
            self.places.pop_front();
        }
        Ok(())
    }

    /// Writes the place behind `given` elements.
    pub(crate) fn save(&self, given: u64, to: &mut Writer) -> Result<()> {
        let place = self.places.iter().rev().find(|(read, _)| *read <= given);
        let (read, place) = place.ok_or_else(damaged)?;
        to.u64(given);
        to.u64(given - read);
        to.bytes(place);
        Ok(())
    }

    /// Moves an input to the place that was written; how many elements lie before it.
    pub(crate) fn restore(input: &mut dyn Cursor, from: &mut Reader<'_>) -> Result<u64> {
        let (given, over) = (from.u64()?, from.u64()?);
        input.restore(&mut Reader::new(from.bytes()?))?;
        input.advance(over);
        Ok(given)
    }
}
