//! Whether sharing memory has changed which values steps read.

use hashbrown::HashMap;

use crate::program::{Place, Program};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Origin {
    /// What the caller or the program put there before the first step, in a slot of `before`.
    Start(usize),
    /// The steps up to this one that wrote to the memory, one after the other.
    Steps(usize),
}

/// The first step that reads another value in `after` than in `before`, or the number of steps if an output is another one: `after` has the
/// same steps, but some slots of `before` have become the same.
pub(crate) fn same_flow(before: &Program, after: &Program) -> Result<(), usize> {
    let (old, new) = (Flow::of(before), Flow::of(after));
    match old.reads.iter().zip(&new.reads).position(|(old, new)| old != new) {
        Some(at) => Err(at),
        None if old.reads.len() == new.reads.len() && old.outputs == new.outputs => Ok(()),
        None => Err(old.reads.len()),
    }
}

/// For each step, and for the outputs, where what it reads comes from.
struct Flow {
    reads: Vec<Vec<Origin>>,
    outputs: Vec<Origin>,
}

impl Flow {
    fn of(program: &Program) -> Flow {
        // Inputs and constants keep their numbers; what else is never written has no bytes.
        let start = |slot: usize| match program.slots[slot].place {
            Place::Input(_) | Place::Constant(_) => Origin::Start(slot),
            _ => Origin::Start(usize::MAX),
        };
        // Memory that several steps write, each a part of it, has the value that the last of them leaves.
        let mut last: HashMap<usize, Origin> = HashMap::new();
        let mut reads = Vec::with_capacity(program.steps.len());
        for (at, step) in program.steps.iter().enumerate() {
            let mut origins: Vec<Origin> = program
                .read(step)
                .into_iter()
                .map(|slot| last.get(&slot).copied().unwrap_or_else(|| start(slot)))
                .collect();
            origins.sort_unstable();
            origins.dedup();
            reads.push(origins);
            last.extend(program.written(step).into_iter().map(|slot| (slot, Origin::Steps(at))));
        }
        let origin = |&(_, slot): &(_, usize)| last.get(&slot).copied().unwrap_or_else(|| start(slot));
        Flow { reads, outputs: program.outputs.iter().map(origin).collect() }
    }
}
