//! Places in the arena: rules 11 and 12.

use std::collections::BTreeMap;

use super::Verifier;
use crate::program::{ALIGNMENT, Place};

impl Verifier<'_> {
    /// Rule 11.
    pub(super) fn places(&mut self) {
        let program = self.program;
        for (s, life) in program.lifetimes().into_iter().enumerate() {
            let slot = &program.slots[s];
            match slot.place {
                Place::Unplaced => {
                    self.require(life.is_none(), 11, || format!("s{s} is used, but has no place"));
                }
                Place::Arena(offset) => {
                    let fits = offset.is_multiple_of(ALIGNMENT)
                        && offset.checked_add(slot.ty.bytes()).is_some_and(|end| end <= program.arena_bytes);
                    self.require(fits, 11, || {
                        format!("s{s}: {} at {offset} is not aligned or leaves the arena", slot.ty)
                    });
                }
                Place::Input(_) | Place::Constant(_) | Place::Output | Place::Kept(_) => {}
            }
        }
    }

    /// Rule 12. Walks through the steps with what is needed at each: since that never overlaps, it is enough to look at the neighbours of
    /// a slot that begins to be needed.
    pub(super) fn lifetimes(&mut self) {
        let program = self.program;
        let lifetimes = program.lifetimes();
        let mut begins: Vec<(usize, usize)> = Vec::new();
        for (s, life) in lifetimes.iter().enumerate() {
            if let (Some((first, _)), Place::Arena(_)) = (life, &program.slots[s].place)
                && program.slots[s].ty.bytes() > 0
            {
                begins.push((*first, s));
            }
        }
        begins.sort_unstable();
        // By offset: the end of the place, the last step, the slot.
        let mut needed: BTreeMap<usize, (usize, usize, usize)> = BTreeMap::new();
        for (first, s) in begins {
            let (Place::Arena(offset), Some((_, last))) = (&program.slots[s].place, lifetimes[s]) else {
                continue;
            };
            let end = offset.saturating_add(program.slots[s].ty.bytes());
            while let Some((&at, &(_, over, _))) =
                needed.range(..end).next_back().filter(|(_, (place_end, ..))| *place_end > *offset)
                && over < first
            {
                needed.remove(&at);
            }
            let clash = needed.range(..end).next_back().filter(|(_, (place_end, ..))| *place_end > *offset);
            match clash.map(|(_, &(.., other))| other) {
                Some(other) => {
                    let message = format!("s{other} and s{s} overlap while both are needed");
                    self.step = Some(first);
                    self.complain(12, message);
                    self.step = None;
                }
                None => {
                    needed.insert(*offset, (end, last, s));
                }
            }
        }
    }
}
