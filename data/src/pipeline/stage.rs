//! What sources and transformations are made of.

use super::pass::Pass;
use crate::error::{DataError, Result};
use crate::item::Item;
use crate::state::{Reader, Writer};

/// What a place in a dataset gives: an element, or the error that belongs to it.
pub(crate) type Outcome = Result<Item, DataError>;

/// A cursor of any kind.
pub(crate) type BoxCursor = Box<dyn Cursor>;

/// A source or a transformation: immutable, it opens cursors.
pub(crate) trait Stage: Send + Sync {
    /// A cursor at the beginning of a pass.
    fn open(&self, pass: &Pass) -> BoxCursor;
}

/// Whether opening a stage again for the same pass gives the same elements in the same order. Positions of what replays hold places; of what does not,
/// elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replay {
    /// It does.
    Exact,
    /// Threads, or something outside, decide the order.
    Never,
}

/// Whether elements are there when they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Supply {
    /// They are, or take only the time that it takes to compute them.
    AtHand,
    /// Somebody may be waited for: a generator of the user's, or a dataset that his code opens. Who reads ahead would keep back what is there.
    Awaited,
}

/// A place in a pass. Its elements come one after the other; an error takes the place of its element.
pub(crate) trait Cursor: Send {
    /// The element at the place, which moves on. `None` at the end, also when it is asked again.
    fn next(&mut self) -> Option<Outcome>;

    /// Moves over `count` elements, computing none that need not be; gives over how many, fewer only at the end.
    fn advance(&mut self, count: u64) -> u64 {
        (0..count).take_while(|_| self.next().is_some()).count() as u64
    }

    /// Writes the place.
    ///
    /// # Errors
    /// When an element that must be written has no values.
    fn save(&mut self, to: &mut Writer) -> Result<()>;

    /// Moves a cursor that is at the beginning of the same pass to the place that was written.
    ///
    /// # Errors
    /// When the bytes are damaged, or of another pipeline.
    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()>;
}
