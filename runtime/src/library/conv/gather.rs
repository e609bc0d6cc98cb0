//! Gathering a block of a matrix that is not in memory: elements of an operand for some lanes (pixels or channels) and some depth.

use std::ops::Range;

use smallvec::SmallVec;

use super::loops::{Cursor, Loop, Run};
use crate::library::matmul::{CopyRun, Number};

/// An operand as a matrix of lanes by depth.
pub(super) struct Source<'a, N> {
    /// The element at the first lane and depth, whether it exists or not.
    pub(super) from: *const u8,
    /// Bytes of an element.
    pub(super) bytes: isize,
    pub(super) copy: CopyRun<N>,
    pub(super) lanes: &'a [Loop],
    pub(super) depth: &'a [Loop],
    /// For each axis along which taps slide the element at the first lane and depth.
    pub(super) places: &'a [i64],
    /// For each axis along which taps slide its elements.
    pub(super) elements: &'a [i64],
}

/// Where a block goes: steps in numbers from one lane and from one depth to the next.
#[derive(Clone, Copy)]
pub(super) struct Target<N> {
    pub(super) to: *mut N,
    pub(super) lane: usize,
    pub(super) depth: usize,
}

impl<N: Number> Source<'_, N> {
    /// Whether lanes that are next to each other are in longer runs than depth.
    pub(super) fn runs_along_lanes(&self) -> bool {
        let length = |loops| match Run::of(loops).1 {
            Run { length, step: 1, .. } => length,
            _ => 1,
        };
        length(self.lanes) > length(self.depth)
    }

    /// The element at the first of some depth, the step from lane to lane and that from depth to depth, if they are constant and nothing is padding.
    pub(super) fn in_place(
        &self,
        lanes: Range<usize>,
        depth: Range<usize>,
    ) -> Option<(*const u8, isize, isize)> {
        let lane = super::loops::common_step(self.lanes, |l| l.step)?;
        let (around, run) = Run::of(self.depth);
        let number = depth.start / run.length.max(1);
        if (depth.end - 1) / run.length != number {
            return None;
        }
        let slides = self.places.len();
        let outer = Cursor::new(around, slides, number);
        for axis in 0..slides {
            let way = |loops: &[Loop]| -> i64 {
                let ways = loops.iter().map(|l| match l.slide {
                    Some((of, by)) if of == axis => by * (l.count as i64 - 1),
                    _ => 0,
                });
                ways.sum()
            };
            let inner = match run.slide {
                Some((of, by)) if of == axis => by * ((run.length / run.unit) as i64 - 1),
                _ => 0,
            };
            let first = self.places[axis] + outer.places[axis];
            if first < 0 || first + inner + way(self.lanes) >= self.elements[axis] {
                return None;
            }
        }
        let first = lane.wrapping_mul(lanes.start as isize);
        let skipped = run.step.wrapping_mul((depth.start - number * run.length) as isize);
        let offset = outer.offset.wrapping_add(first).wrapping_add(skipped);
        let from = self.from.wrapping_offset(offset.wrapping_mul(self.bytes));
        Some((from, lane, run.step))
    }

    /// Gathers a block.
    ///
    /// # Safety
    /// Where the places of lanes and depth are elements of their axes, the operand is readable; the target is writable for the block.
    pub(super) unsafe fn gather(&self, lanes: Range<usize>, depth: Range<usize>, target: Target<N>) {
        let Target { to, lane, depth: down } = target;
        // SAFETY: the caller's promise.
        unsafe {
            if self.runs_along_lanes() {
                self.runs((self.depth, depth, down), (self.lanes, lanes, lane), to);
            } else {
                self.runs((self.lanes, lanes, lane), (self.depth, depth, down), to);
            }
        }
    }

    /// Copies runs along the second axis, for each of the first.
    ///
    /// # Safety
    /// As of [`Self::gather`].
    unsafe fn runs(
        &self,
        (outer, outer_range, outer_step): (&[Loop], Range<usize>, usize),
        (inner, inner_range, inner_step): (&[Loop], Range<usize>, usize),
        to: *mut N,
    ) {
        let (around, run) = Run::of(inner);
        let slides = self.places.len();
        let mut cursor = Cursor::new(around, slides, inner_range.start / run.length.max(1));
        let mut at = inner_range.start;
        while at < inner_range.end {
            let start = at % run.length;
            let end = run.length.min(start + inner_range.end - at);
            let segment = Segment { run, part: start..end, offset: cursor.offset, places: &cursor.places };
            let to = to.wrapping_add((at - inner_range.start) * inner_step);
            // SAFETY: the caller's promise, for a part.
            unsafe { self.segment(&segment, (outer, outer_range.clone(), outer_step), inner_step, to) };
            at += end - start;
            cursor.advance();
        }
    }

    /// Copies a part of a run for each of the outer iterations.
    ///
    /// # Safety
    /// As of [`Self::gather`].
    unsafe fn segment(
        &self,
        segment: &Segment<'_>,
        (outer, range, step): (&[Loop], Range<usize>, usize),
        inner_step: usize,
        mut to: *mut N,
    ) {
        let Segment { run, part, .. } = segment;
        let mut cursor = Cursor::new(outer, self.places.len(), range.start);
        // Of what does not slide everything is there.
        let fixed: SmallVec<[usize; 4]> =
            (0..self.places.len()).filter(|&axis| run.slide.is_none_or(|(of, _)| of != axis)).collect();
        for _ in range {
            let place = |axis: usize| self.places[axis] + segment.places[axis] + cursor.places[axis];
            let outside = fixed.iter().any(|&axis| !(0..self.elements[axis]).contains(&place(axis)));
            let there = match run.slide {
                _ if outside => part.start..part.start,
                None => part.clone(),
                Some((axis, by)) => run.inside(place(axis), by, self.elements[axis], part),
            };
            let skipped = run.step.wrapping_mul(there.start as isize);
            let offset = cursor.offset.wrapping_add(segment.offset).wrapping_add(skipped);
            // SAFETY: what is inside is readable, and the target holds the part.
            unsafe {
                zero(to, inner_step, there.start - part.start);
                let middle = to.wrapping_add((there.start - part.start) * inner_step);
                if !there.is_empty() {
                    let from = self.from.wrapping_offset(offset.wrapping_mul(self.bytes));
                    (self.copy)(from, run.step, middle, inner_step, there.len());
                }
                let behind = to.wrapping_add((there.end - part.start) * inner_step);
                zero(behind, inner_step, part.end - there.end);
            }
            cursor.advance();
            to = to.wrapping_add(step);
        }
    }
}

/// A part of a run.
struct Segment<'a> {
    run: Run,
    part: Range<usize>,
    offset: isize,
    places: &'a [i64],
}

impl Run {
    /// Which elements of a part of the run are there, if its first one is at `place`, of so many elements.
    fn inside(&self, place: i64, by: i64, elements: i64, part: &Range<usize>) -> Range<usize> {
        let number = |place: i64| (place.max(0) as u64).div_ceil(by as u64) as usize;
        let (first, end) = (number(-place), number(elements - place));
        let start = first.saturating_mul(self.unit).clamp(part.start, part.end);
        start..end.saturating_mul(self.unit).clamp(start, part.end)
    }
}

/// # Safety
/// The numbers are writable.
#[inline(always)]
unsafe fn zero<N: Number>(to: *mut N, step: usize, count: usize) {
    for i in 0..count {
        // SAFETY: the caller's promise.
        unsafe { *to.add(i * step) = N::ZERO };
    }
}
