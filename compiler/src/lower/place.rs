//! Places in the arena.
//!
//! First fit, large slots first: they leave the fewest gaps. A slot must be apart from those that are placed already and needed at the same
//! time. [`Needed`] finds them by time, in two trees over the steps: those that are needed at the first step of the slot, and those
//! that begin to be needed later. The nodes of the trees hold memory, not slots: neighbours are one span, so that a thousand slots that are all
//! needed at once are as quick to go through as one.

use std::cmp::Reverse;

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

/// What is placed, by when it is needed. Trees over the steps are arrays, with the root at 1 and the steps at the end.
struct Needed {
    steps: usize,
    /// What is needed during all steps below a node.
    during: Vec<Busy>,
    /// What begins to be needed at some step below a node.
    begins: Vec<Busy>,
}

impl Needed {
    fn new(steps: usize) -> Needed {
        let steps = steps.next_power_of_two();
        Needed { steps, during: vec![Busy::default(); 2 * steps], begins: vec![Busy::default(); 2 * steps] }
    }

    fn add(&mut self, life: Life, span: Span) {
        path(life.first + self.steps).for_each(|node| self.begins[node].add(span));
        cover(self.steps, life.first, life.last + 1, |node| self.during[node].add(span));
    }

    /// What is needed at some step of a life.
    fn during(&self, life: Life) -> Vec<Span> {
        let mut found = Vec::new();
        path(life.first + self.steps).for_each(|node| found.extend(&self.during[node].0));
        cover(self.steps, life.first + 1, life.last + 1, |node| found.extend(&self.begins[node].0));
        found
    }
}

/// A node and those above it.
fn path(node: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(node), |node| Some(node / 2)).take_while(|&node| node > 0)
}

/// Visits the highest nodes below which there are just the steps `first..end` of so many.
fn cover(steps: usize, first: usize, end: usize, mut visit: impl FnMut(usize)) {
    let (mut low, mut high) = (first + steps, end + steps);
    while low < high {
        if low % 2 == 1 {
            visit(low);
            low += 1;
        }
        if high % 2 == 1 {
            high -= 1;
            visit(high);
        }
        (low, high) = (low / 2, high / 2);
    }
}

/// A part of memory as spans in order, between which there are gaps.
#[derive(Clone, Debug, Default)]
struct Busy(Vec<Span>);

impl Busy {
    fn add(&mut self, span: Span) {
        let from = self.0.partition_point(|busy| busy.end < span.start);
        let to = from + self.0[from..].partition_point(|busy| busy.start <= span.end);
        let touched = &self.0[from..to];
        let start = touched.first().map_or(span.start, |first| first.start.min(span.start));
        let end = touched.last().map_or(span.end, |last| last.end.max(span.end));
        self.0.splice(from..to, [Span { start, end }]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_found_by_time() {
        let mut needed = Needed::new(10);
        let span = |i| Span { start: 2 * i, end: 2 * i + 1 };
        let lives = [(0, 9), (2, 4), (5, 5), (4, 7)].map(|(first, last)| Life { first, last });
        lives.iter().enumerate().for_each(|(i, &life)| needed.add(life, span(i)));
        let found = |first, last| {
            let mut found: Vec<usize> =
                needed.during(Life { first, last }).into_iter().map(|span| span.start / 2).collect();
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
    fn neighbours_are_one_span() {
        let mut busy = Busy::default();
        let mut bytes = [false; 40];
        let mut random = tensorwright_ir::op::Random::new(3);
        for _ in 0..60 {
            let start = random.below(36);
            let end = start + 1 + random.below(4);
            busy.add(Span { start, end });
            bytes[start..end].fill(true);
            let starts: Vec<usize> = (0..40).filter(|&i| bytes[i] && (i == 0 || !bytes[i - 1])).collect();
            assert_eq!(busy.0.iter().map(|span| span.start).collect::<Vec<_>>(), starts);
            assert_eq!(
                busy.0.iter().map(|span| span.end - span.start).sum::<usize>(),
                bytes.iter().filter(|b| **b).count()
            );
        }
    }

    #[test]
    fn the_first_gap_that_is_large_enough_is_taken() {
        let busy = || vec![Span { start: 128, end: 192 }, Span { start: 0, end: 64 }];
        assert_eq!(first_fit(busy(), 64), 64);
        assert_eq!(first_fit(busy(), 128), 192);
        assert_eq!(first_fit(Vec::new(), 64), 0);
    }
}
