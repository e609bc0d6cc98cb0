//! How many different values there are, counted up to a limit.

use std::collections::HashSet;
use std::fmt;

use crate::random::mix2;

/// So many values are told apart; whoever has more has many.
const MOST: usize = 1 << 16;

/// How many different values there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distinct {
    /// So many.
    Exactly(u64),
    /// More than so many.
    MoreThan(u64),
}

impl fmt::Display for Distinct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Distinct::Exactly(count) => count.fmt(f),
            Distinct::MoreThan(count) => write!(f, "> {count}"),
        }
    }
}

/// The values that were seen, as 128 bits of each.
#[derive(Default)]
pub(super) struct Seen {
    values: HashSet<u128>,
    last: Option<u128>,
    are_many: bool,
}

impl Seen {
    #[inline]
    pub(super) fn add(&mut self, value: u128) {
        if !self.are_many && self.last != Some(value) {
            self.last = Some(value);
            self.values.insert(value);
            self.are_many = self.values.len() > MOST;
        }
    }

    /// A text, of which the length and well mixed bits are kept: two texts have the same with a chance of one in 10^38.
    pub(super) fn add_text(&mut self, text: &[u8]) {
        let length = text.len() as u64;
        let half = |seed: u64| {
            text.chunks(8).fold(mix2(seed, length), |hash, chunk| {
                let word = chunk.iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
                mix2(hash, word)
            })
        };
        self.add(u128::from(half(1)) << 64 | u128::from(half(2)));
    }

    pub(super) fn count(&self) -> Distinct {
        match self.are_many {
            true => Distinct::MoreThan(MOST as u64),
            false => Distinct::Exactly(self.values.len() as u64),
        }
    }
}
