//! Places in the arena.
//!
//! First fit, large slots first: they leave the fewest gaps. A slot must be apart from those that are placed already and needed at the same
//! time. [`Needed`] finds them by time: those that are needed at the first step of the slot in a tree over the steps, and those
//! that begin to be needed later in a list by their first step.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use tensorwright_ir::{DType, TensorType};

use super::{Context, Donations};
use crate::program::control::workspace;
use crate::program::{ALIGNMENT, Place, Program, Step};

/// Gives workspaces their bytes, and each slot in the arena that a step touches an offset. A place is free again after the last step that
/// touches its slot. Places of lists are never shared: they hold handles from the first step to the last.
pub(super) fn place_in_arena(program: &mut Program, _: &Donations, cx: &mut Context<'_>) {
    for step in &program.steps {
        if let Step::Control(control) = step {
            let bytes = workspace(&control.op, &control.regions).bytes;
            program.slots[control.workspace].ty = TensorType::new(DType::U8, [bytes]).into();
        }
    }
    let lives = program.lifetimes();
    let mut order: Vec<(usize, Life)> = Vec::new();
    for (slot, life) in lives.into_iter().enumerate().filter(|&(slot, _)| program.slots[slot].is_in_arena()) {
        order.extend(life.map(|(first, last)| (slot, Life { first, last })));
    }
    order.sort_by_key(|&(slot, _)| (Reverse(program.slots[slot].ty.bytes()), slot));
    let mut needed = Needed::new(program.steps.len() + 1);
    for (slot, life) in order {
        let bytes = program.slots[slot].ty.bytes().next_multiple_of(ALIGNMENT).max(ALIGNMENT);
        let busy = needed.during(life);
        cx.count("places compared", busy.len() as u64);
        let offset = first_fit(busy, bytes);
        needed.add(life, Span { start: offset, end: offset + bytes });
        program.slots[slot].place = Place::Arena(offset);
        program.arena_bytes = program.arena_bytes.max(offset + bytes);
    }
    cx.count("arena bytes", program.arena_bytes as u64);
}

fn first_fit(mut busy: Vec<Span>, bytes: usize) -> usize {
    busy.sort_unstable();
    let mut offset = 0;
    for Span { start, end } in busy {
        if offset + bytes <= start {
            break;
        }
        offset = offset.max(end);
    }
    offset
}

/// The first and the last step that touch a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Life {
    first: usize,
    last: usize,
}

/// A part of the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    start: usize,
    end: usize,
}

/// What is placed, by when it is needed.
struct Needed {
    steps: usize,
    /// A tree over the steps as an array: what is needed during all steps below a node.
    during: Vec<Vec<Span>>,
    /// By first step.
    begins: BTreeSet<(usize, Span, usize)>,
}

impl Needed {
    fn new(steps: usize) -> Needed {
        let steps = steps.next_power_of_two();
        Needed { steps, during: vec![Vec::new(); 2 * steps], begins: BTreeSet::new() }
    }

    fn add(&mut self, life: Life, span: Span) {
        self.begins.insert((life.first, span, life.last));
        let (mut low, mut high) = (life.first + self.steps, life.last + 1 + self.steps);
        while low < high {
            if low % 2 == 1 {
                self.during[low].push(span);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                self.during[high].push(span);
            }
            (low, high) = (low / 2, high / 2);
        }
    }

    /// What is needed at some step of a life.
    fn during(&self, life: Life) -> Vec<Span> {
        let at_first = std::iter::successors(Some(life.first + self.steps), |node| Some(node / 2))
            .take_while(|&node| node > 0)
            .flat_map(|node| &self.during[node]);
        let none = Span { start: 0, end: 0 };
        let later = self.begins.range((life.first + 1, none, 0)..(life.last + 1, none, 0));
        at_first.copied().chain(later.map(|&(_, span, _)| span)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_found_by_time() {
        let mut needed = Needed::new(10);
        let span = |start| Span { start, end: start + 1 };
        let lives = [(0, 9), (2, 4), (5, 5), (4, 7)].map(|(first, last)| Life { first, last });
        lives.iter().enumerate().for_each(|(i, &life)| needed.add(life, span(i)));
        let found = |first, last| {
            let mut found: Vec<usize> =
                needed.during(Life { first, last }).into_iter().map(|span| span.start).collect();
            found.sort_unstable();
            found
        };
        assert_eq!(found(0, 1), [0]);
        assert_eq!(found(3, 3), [0, 1]);
        assert_eq!(found(0, 4), [0, 1, 3]);
        assert_eq!(found(5, 9), [0, 2, 3]);
        assert_eq!(found(8, 9), [0]);
    }

    #[test]
    fn the_first_gap_that_is_large_enough_is_taken() {
        let busy = || vec![Span { start: 128, end: 192 }, Span { start: 0, end: 64 }];
        assert_eq!(first_fit(busy(), 64), 64);
        assert_eq!(first_fit(busy(), 128), 192);
        assert_eq!(first_fit(Vec::new(), 64), 0);
    }
}
