//! What is kept from run to run: rule 15.

use super::Verifier;
use crate::program::{ALIGNMENT, Place, Step};

impl Verifier<'_> {
    /// What a step may read and be, by where it is.
    pub(super) fn ahead(&mut self, at: usize, step: &Step) {
        let program = self.program;
        if at == program.ahead {
            self.forget();
        }
        if at >= program.ahead {
            return;
        }
        let plain =
            matches!(step, Step::Kernel(_) | Step::Tiled(_) | Step::Pack { .. } | Step::Routine { .. });
        self.require(plain && self.region.is_empty(), 15, || "it is no step that is ahead".to_owned());
        let reads = self.well_called(step).then(|| (program.read(step), program.written(step)));
        let (read, written) = reads.unwrap_or_default();
        for slot in read {
            let lasts = match program.slots[slot].place {
                Place::Input(input) => program.lasting.contains(&input),
                _ => true,
            };
            self.require(lasts, 15, || format!("s{slot} is read ahead, but does not last"));
        }
        for slot in written {
            let place = &program.slots[slot].place;
            let fits = matches!(place, Place::Arena(_) | Place::Unplaced | Place::Kept(_));
            self.require(fits, 15, || format!("s{slot} is written ahead, but neither kept nor in the arena"));
        }
    }

    /// In a later run nothing has been written but what is kept: rule 9 finds whoever counts on more.
    fn forget(&mut self) {
        for (slot, written) in self.program.slots.iter().zip(&mut self.written) {
            *written &= matches!(slot.place, Place::Kept(_));
        }
    }

    /// Places that are kept, and inputs that last.
    pub(super) fn kept(&mut self) {
        let program = self.program;
        let mut places: Vec<(usize, usize, usize)> = Vec::new();
        for (s, slot) in program.slots.iter().enumerate() {
            if let Place::Kept(offset) = slot.place {
                let end = offset.saturating_add(slot.ty.bytes());
                let fits = offset.is_multiple_of(ALIGNMENT) && end <= program.kept_bytes;
                self.require(fits, 15, || format!("s{s}: {} at {offset} is not kept", slot.ty));
                places.push((offset, end, s));
            }
        }
        places.sort_unstable();
        for pair in places.windows(2) {
            let (one, other) = (pair[0], pair[1]);
            self.require(one.1 <= other.0, 15, || {
                format!("s{} and s{} overlap, and are both kept", one.2, other.2)
            });
        }
        let ascending = program.lasting.windows(2).all(|pair| pair[0] < pair[1]);
        let whole = program.lasting.iter().all(|input| !program.overwritten.contains(input));
        self.require(ascending && whole, 15, || {
            "the inputs that last are not in order, or overwritten".to_owned()
        });
        self.require(program.ahead <= program.steps.len(), 15, || {
            format!("there are no {} steps to be ahead", program.ahead)
        });
    }
}
