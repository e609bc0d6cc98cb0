//! A pass over a dataset: what makes one reading differ from another.

use std::sync::Arc;

use super::profile::{Row, Sheet};
use crate::error::Result;
use crate::random::mix2;
use crate::state::{Reader, Writer, damaged};

/// Which pass a cursor belongs to. All randomness of a pipeline is a function of it, so that a position holds two numbers in place of the state of
/// generators, and no reader changes what another one reads.
#[derive(Clone)]
pub(crate) struct Pass {
    /// Which pass over the dataset, mixed with the epochs and the outer elements on the way to this stage.
    number: u64,
    /// What takes the place of seeds that are not given: drawn once for a dataset.
    entropy: u64,
    /// Where in the pipeline the stage is.
    path: u64,
    /// Where its time is noted, if somebody wants to know.
    notes: Option<Notes>,
}

/// Where the time of a pass is noted.
#[derive(Clone)]
struct Notes {
    sheet: Arc<Sheet>,
    /// The row of the stage.
    row: Option<Arc<Row>>,
    depth: usize,
}

impl Pass {
    /// The pass of this number over a dataset.
    pub(crate) fn root(number: u64, entropy: u64) -> Pass {
        Pass { number, entropy, path: 0, notes: None }
    }

    /// The same pass, for the input of this number.
    pub(crate) fn input(&self, place: u64) -> Pass {
        let deeper = |notes: &Notes| Notes { depth: notes.depth + 1, ..notes.clone() };
        Pass { path: mix2(self.path, place), notes: self.notes.as_ref().map(deeper), ..*self }
    }

    /// The part of the pass that is an epoch, or belongs to an outer element.
    pub(crate) fn part(&self, number: u64) -> Pass {
        Pass { number: mix2(self.number, number), notes: self.notes.clone(), ..*self }
    }

    /// The seed of a stage in this pass.
    pub(crate) fn seed(&self, seed: Option<u64>) -> u64 {
        mix2(self.lasting_seed(seed), self.number)
    }

    /// The seed of a stage that is the same in all passes.
    pub(crate) fn lasting_seed(&self, seed: Option<u64>) -> u64 {
        seed.unwrap_or_else(|| mix2(self.entropy, self.path))
    }

    /// Whether it is the same pass.
    pub(crate) fn is(&self, other: &Pass) -> bool {
        [self.number, self.entropy, self.path] == [other.number, other.entropy, other.path]
    }

    /// Writes which pass it is.
    pub(crate) fn save(&self, to: &mut Writer) {
        [self.number, self.entropy, self.path].iter().for_each(|word| to.raw(&word.to_le_bytes()));
    }

    /// Reads which pass it is.
    pub(crate) fn restored(from: &mut Reader<'_>) -> Result<Pass> {
        let mut word =
            || -> Result<u64> { Ok(u64::from_le_bytes(from.raw(8)?.try_into().map_err(|_| damaged())?)) };
        Ok(Pass { number: word()?, entropy: word()?, path: word()?, notes: None })
    }

    /// The same pass, whose time is noted.
    pub(super) fn noted(self, sheet: Arc<Sheet>) -> Pass {
        Pass { notes: Some(Notes { sheet, row: None, depth: 0 }), ..self }
    }

    /// The same pass for the stage of a name, with its row, if its time is noted.
    pub(super) fn with_row(&self, name: &'static str) -> Option<(Pass, Arc<Row>)> {
        let notes = self.notes.as_ref()?;
        let row = notes.sheet.row(self.path, name, notes.depth);
        let notes = Notes { row: Some(Arc::clone(&row)), ..notes.clone() };
        Some((Pass { notes: Some(notes), ..*self }, row))
    }

    /// The row of the stage, if its time is noted.
    pub(crate) fn row(&self) -> Option<Arc<Row>> {
        self.notes.as_ref()?.row.clone()
    }
}
