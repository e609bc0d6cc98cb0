//! Elements in random order.
//!
//! A buffer is kept full; each element that is given is drawn from it, and the next one of the input takes its place. What the buffer holds is a function of the
//! seed, of how much was read and given, and of which elements failed, which never enter it. So a position holds these numbers, and a place of the
//! input from which on all elements of the buffer can be read again: *draws are repeated with numbers in place of elements*, and only the elements that
//! are in the buffer then are read. If the input does not replay, the position holds the elements.

use std::collections::VecDeque;

use crate::error::{DataError, Result};
use crate::item::{Item, read_item, write_item};
use crate::pipeline::{BoxCursor, Cursor, Dataset, Input, Outcome, Pass, Plan, Stage};
use crate::random::Rng;
use crate::source::Passes;
use crate::state::{Reader, Writer, damaged};

/// How elements are shuffled. A number is the size of the buffer.
#[derive(Clone, Copy, Debug)]
pub struct ShuffleOptions {
    buffer: usize,
    seed: Option<u64>,
    passes: Passes,
}

impl ShuffleOptions {
    /// By a buffer of so many elements, in another order in each pass.
    pub fn new(buffer: usize) -> ShuffleOptions {
        ShuffleOptions { buffer, seed: None, passes: Passes::Different }
    }

    /// In an order that the seed and the number of the pass decide.
    pub fn seed(self, seed: u64) -> ShuffleOptions {
        ShuffleOptions { seed: Some(seed), ..self }
    }

    /// In the same order in each pass, or in another one.
    #[doc(alias("reshuffle_each_iteration"))]
    pub fn passes(self, passes: Passes) -> ShuffleOptions {
        ShuffleOptions { passes, ..self }
    }
}

impl From<usize> for ShuffleOptions {
    fn from(buffer: usize) -> ShuffleOptions {
        ShuffleOptions::new(buffer)
    }
}

/// Buffer and seed.
impl From<(usize, u64)> for ShuffleOptions {
    fn from((buffer, seed): (usize, u64)) -> ShuffleOptions {
        ShuffleOptions::new(buffer).seed(seed)
    }
}

struct Shuffle {
    input: Input,
    options: ShuffleOptions,
}

impl Stage for Shuffle {
    fn open(&self, pass: &Pass) -> BoxCursor {
        let seed = self.options.passes.seed(pass, self.options.seed);
        let input = self.input.open(&pass.input(0));
        Box::new(Shuffling {
            input,
            replays: self.input.replays(),
            size: self.options.buffer,
            seed,
            rng: Rng::new(seed),
            buffer: Vec::new(),
            read: 0,
            given: 0,
            failed: Vec::new(),
            has_ended: false,
            landmarks: VecDeque::new(),
        })
    }
}

/// A place of the input, and its number.
type Landmark = (u64, Vec<u8>);

/// So many landmarks, a buffer's length apart: an element stays in the buffer for longer than all of them with probability e^-32.
const LANDMARKS: usize = 32;

struct Shuffling {
    input: BoxCursor,
    replays: bool,
    size: usize,
    seed: u64,
    rng: Rng,
    buffer: Vec<Item>,
    /// How many places of the input were read.
    read: u64,
    given: u64,
    /// The places among them that failed.
    failed: Vec<u64>,
    has_ended: bool,
    landmarks: VecDeque<Landmark>,
}

impl Shuffling {
    /// Notes a place of the input now and then, the first of all for good.
    fn note_landmark(&mut self) -> Result<()> {
        if !self.replays || !self.read.is_multiple_of(self.size as u64) {
            return Ok(());
        }
        let mut place = Writer::new();
        self.input.save(&mut place)?;
        if self.landmarks.len() > LANDMARKS {
            self.landmarks.remove(1);
        }
        self.landmarks.push_back((self.read, place.into_bytes()));
        Ok(())
    }

    /// Fills the buffer; the error of an element that fails on the way.
    fn fill(&mut self) -> Option<DataError> {
        while self.buffer.len() < self.size && !self.has_ended {
            if let Err(error) = self.note_landmark() {
                return Some(error);
            }
            match self.input.next() {
                None => self.has_ended = true,
                Some(Ok(item)) => {
                    self.read += 1;
                    self.buffer.push(item);
                }
                Some(Err(error)) => {
                    self.failed.push(self.read);
                    self.read += 1;
                    return Some(error);
                }
            }
        }
        None
    }

    /// The numbers of the elements in the buffer, in its order, after the draws that were made; the generator has then made them.
    fn repeat_draws(&self, rng: &mut Rng) -> Vec<u64> {
        let mut failed = self.failed.iter().peekable();
        let mut numbers = (0..self.read).filter(|number| failed.next_if_eq(&number).is_none());
        let mut buffer: Vec<u64> = Vec::new();
        for _ in 0..self.given {
            buffer.extend(numbers.by_ref().take(self.size - buffer.len()));
            draw(rng, &mut buffer);
        }
        buffer.extend(numbers);
        buffer
    }

    fn save_elements(&mut self, to: &mut Writer) -> Result<()> {
        to.usize(self.buffer.len());
        self.buffer.iter().try_for_each(|item| write_item(item, to))?;
        self.rng.save(to);
        self.input.save(to)
    }

    fn restore_elements(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.buffer = (0..from.count()?).map(|_| read_item(from)).collect::<Result<_>>()?;
        self.rng = Rng::restored(from)?;
        self.input.restore(from)
    }

    /// Writes two landmarks: the last that is surely before all elements of the buffer, and the one that almost surely is. Which it is takes repeating
    /// the draws, which is left to whoever restores.
    fn save_place(&mut self, to: &mut Writer) -> Result<()> {
        if self.landmarks.is_empty() {
            self.note_landmark()?;
        }
        let chosen = self.landmarks.iter().take(2);
        to.usize(chosen.len());
        for (read, place) in chosen {
            to.u64(*read);
            to.bytes(place);
        }
        Ok(())
    }

    fn restore_place(&mut self, from: &mut Reader<'_>) -> Result<()> {
        if self.given > self.read || self.failed.iter().any(|failed| *failed >= self.read) {
            return Err(damaged());
        }
        let landmarks = (0..from.count()?).map(|_| Ok((from.u64()?, from.bytes()?.to_vec())));
        let landmarks: Vec<Landmark> = landmarks.collect::<Result<_>>()?;
        let mut rng = Rng::new(self.seed);
        let numbers = self.repeat_draws(&mut rng);
        self.rng = rng;
        let oldest = numbers.iter().copied().min().unwrap_or(self.read);
        let landmark = landmarks.into_iter().rev().find(|(read, _)| *read <= oldest).ok_or_else(damaged)?;
        self.input.restore(&mut Reader::new(&landmark.1))?;
        self.refill(landmark.0, &numbers)?;
        self.landmarks.push_back(landmark);
        Ok(())
    }

    /// Reads the elements of the buffer again, from a landmark on.
    fn refill(&mut self, landmark: u64, numbers: &[u64]) -> Result<()> {
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_by_key(|place| numbers[*place]);
        let mut items: Vec<Option<Item>> = vec![None; numbers.len()];
        let mut at = landmark;
        for place in order {
            let gap = numbers[place].checked_sub(at).ok_or_else(damaged)?;
            if self.input.advance(gap) != gap {
                return Err(shorter());
            }
            items[place] = Some(self.input.next().ok_or_else(shorter)??);
            at = numbers[place] + 1;
        }
        let gap = self.read.checked_sub(at).ok_or_else(damaged)?;
        if self.input.advance(gap) != gap {
            return Err(shorter());
        }
        self.buffer = items.into_iter().flatten().collect();
        Ok(())
    }
}

fn shorter() -> DataError {
    DataError::invalid("the input of a shuffle is not what it was when the position was saved")
}

/// Draws from the buffer.
fn draw<T>(rng: &mut Rng, buffer: &mut Vec<T>) -> Option<T> {
    let count = buffer.len() as u64;
    (count > 0).then(|| buffer.swap_remove(rng.below(count) as usize))
}

impl Cursor for Shuffling {
    fn next(&mut self) -> Option<Outcome> {
        if let Some(error) = self.fill() {
            return Some(Err(error));
        }
        let item = draw(&mut self.rng, &mut self.buffer)?;
        self.given += 1;
        Some(Ok(item))
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.u64(self.read);
        to.u64(self.given);
        to.rising(&self.failed);
        to.flag(self.has_ended);
        if self.replays { self.save_place(to) } else { self.save_elements(to) }
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.read = from.u64()?;
        self.given = from.u64()?;
        self.failed = from.rising()?;
        self.has_ended = from.flag()?;
        if self.replays { self.restore_place(from) } else { self.restore_elements(from) }
    }
}

impl Dataset {
    /// The elements in random order, drawn from a buffer of the next ones: the larger the buffer, the better they are mixed.
    ///
    /// Each pass has another order, as have the epochs of a [`Dataset::repeat`] behind it, unless the options say otherwise. The same seed gives the same
    /// sequence of orders, on any number of threads. The position of an iterator stays small, whatever the buffer is.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let shuffled = Dataset::range(100).shuffle((100, 7)); // a buffer of 100, seed 7
    /// let mut numbers: Vec<i64> = shuffled.iter_as()?.collect::<Result<_, _>>()?;
    /// assert!(!numbers.is_sorted());
    /// numbers.sort();
    /// assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn shuffle(&self, options: impl Into<ShuffleOptions>) -> Dataset {
        self.then(|input| {
            let options = options.into();
            if options.buffer == 0 {
                return Err(DataError::invalid("the buffer of a shuffle has at least 1 element"));
            }
            Ok(Plan::like(input, "shuffle", Shuffle { input: input.clone(), options }))
        })
    }
}
