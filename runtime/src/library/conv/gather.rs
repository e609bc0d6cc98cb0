//! Gathering a block of a matrix that is not in memory: elements of an operand for some lanes (pixels or channels) and some depth.

use std::ops::Range;

use super::loops::{Cursor, Loop, Places, Run, count};
use crate::library::matmul::{BlockCopy, CopyBlock, Number, zeros};

/// An operand as a matrix of lanes by depth.
pub(super) struct Source<'a, N> {
    /// The element at the first lane and depth, whether it exists or not.
    pub(super) from: *const u8,
    /// Bytes of an element.
    pub(super) bytes: isize,
    pub(super) copy: CopyBlock<N>,
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

    /// The same elements by other loops.
    pub(super) fn over<'l>(&'l self, lanes: &'l [Loop], depth: &'l [Loop]) -> Source<'l, N> {
        Source { lanes, depth, ..*self }
    }

    /// Gathers all lanes, one after the other.
    ///
    /// # Safety
    /// As of [`Self::gather`].
    pub(super) unsafe fn gather_all(&self, to: *mut N) {
        let (lanes, depth) = (count(self.lanes), count(self.depth));
        // SAFETY: the caller's promise.
        unsafe { self.gather(0..lanes, 0..depth, Target { to, lane: depth, depth: 1 }) };
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

    /// Copies runs along the second axis, for each of the first: blocks of as many runs as are at constant steps.
    ///
    /// # Safety
    /// As of [`Self::gather`].
    unsafe fn runs(
        &self,
        (outer, outer_range, outer_step): (&[Loop], Range<usize>, usize),
        (inner, inner_range, inner_step): (&[Loop], Range<usize>, usize),
        to: *mut N,
    ) {
        let (around_runs, run) = Run::of(inner);
        let once = Loop { count: 1, step: 0, out: 0, slide: None };
        let (around_rows, row) = outer.split_last().map_or((outer, once), |(&row, around)| (around, row));
        let slides = self.places.len();
        let mut runs = Cursor::new(around_runs, slides, inner_range.start / run.length.max(1));
        let mut at = inner_range.start;
        while at < inner_range.end {
            let part = within(at, inner_range.end, run.length);
            let mut rows = Cursor::new(around_rows, slides, outer_range.start / row.count.max(1));
            let mut first = outer_range.start;
            while first < outer_range.end {
                let rows_here = within(first, outer_range.end, row.count);
                let place = |axis: usize| self.places[axis] + runs.places[axis] + rows.places[axis];
                let block = Block {
                    run,
                    part: part.clone(),
                    row,
                    rows: rows_here.clone(),
                    offset: runs.offset.wrapping_add(rows.offset),
                    places: (0..slides).map(place).collect(),
                };
                let to = to
                    .wrapping_add((first - outer_range.start) * outer_step)
                    .wrapping_add((at - inner_range.start) * inner_step);
                // SAFETY: the caller's promise, for a part.
                unsafe { self.block(&block, [outer_step, inner_step], to) };
                first += rows_here.len();
                rows.advance();
            }
            at += part.len();
            runs.advance();
        }
    }

    /// Copies what is there of a block, and makes zeros of the rest.
    ///
    /// # Safety
    /// As of [`Self::gather`].
    unsafe fn block(&self, block: &Block, steps: [usize; 2], to: *mut N) {
        let slides = |of: Option<(usize, i64)>, axis: usize| of.is_some_and(|(slides, _)| slides == axis);
        let fixed = |&axis: &usize| !slides(block.row.slide, axis) && !slides(block.run.slide, axis);
        let is_there = |axis: usize| (0..self.elements[axis]).contains(&block.places[axis]);
        // SAFETY: the caller's promise, for parts.
        unsafe {
            if !(0..self.places.len()).filter(fixed).all(is_there) {
                return self.put(block, (block.rows.clone(), 0..0), steps, to);
            }
            if let (Some((row, _)), Some((run, _))) = (block.row.slide, block.run.slide)
                && row == run
            {
                return self.sliding_together(block, steps, to);
            }
            let there = self.run_at(block, 0);
            let rows = match block.row.slide {
                Some((axis, by)) => inside(block.places[axis], by, self.elements[axis], &block.rows),
                None => block.rows.clone(),
            };
            for (rows, there) in [
                (block.rows.start..rows.start, 0..0),
                (rows.clone(), there),
                (rows.end..block.rows.end, 0..0),
            ] {
                self.put(block, (rows, there), steps, to);
            }
        }
    }

    /// A block whose rows slide along the axis along which its runs do: whole runs at once, and those at the borders one by one.
    ///
    /// # Safety
    /// As of [`Self::gather`].
    unsafe fn sliding_together(&self, block: &Block, steps: [usize; 2], to: *mut N) {
        let Some(((axis, by), (_, run_by))) = block.row.slide.zip(block.run.slide) else { return };
        let unit = block.run.unit;
        let [first, last] = [block.part.start / unit, (block.part.end - 1) / unit].map(|n| n as i64 * run_by);
        let place = block.places[axis];
        let before = inside(place + first, by, self.elements[axis], &block.rows);
        let behind = inside(place + last, by, self.elements[axis], &block.rows);
        let start = before.start.max(behind.start);
        let whole = start..before.end.min(behind.end).max(start);
        // SAFETY: the caller's promise, for parts.
        unsafe {
            for row in (block.rows.start..whole.start).chain(whole.end..block.rows.end) {
                self.put(block, (row..row + 1, self.run_at(block, row as i64 * by)), steps, to);
            }
            self.put(block, (whole, block.part.clone()), steps, to);
        }
    }

    /// What is there of the runs of a block that are so many places on.
    fn run_at(&self, block: &Block, on: i64) -> Range<usize> {
        match block.run.slide {
            Some((axis, by)) => {
                block.run.inside(block.places[axis] + on, by, self.elements[axis], &block.part)
            }
            None => block.part.clone(),
        }
    }

    /// Copies some of the runs of a block as far as they are there, with zeros for the rest.
    ///
    /// # Safety
    /// As of [`Self::gather`].
    unsafe fn put(
        &self,
        block: &Block,
        (rows, there): (Range<usize>, Range<usize>),
        steps: [usize; 2],
        to: *mut N,
    ) {
        let there = if there.is_empty() { block.part.start..block.part.start } else { there };
        let at = |run: Range<usize>| {
            let on = block.row.step.wrapping_mul(rows.start as isize);
            let skipped = block.run.step.wrapping_mul(run.start as isize);
            let offset = block.offset.wrapping_add(on).wrapping_add(skipped);
            BlockCopy {
                from: self.from.wrapping_offset(offset.wrapping_mul(self.bytes)),
                from_steps: [block.row.step, block.run.step],
                to: to
                    .wrapping_add((rows.start - block.rows.start) * steps[0])
                    .wrapping_add((run.start - block.part.start) * steps[1]),
                to_steps: steps,
                counts: [rows.len(), run.len()],
            }
        };
        // SAFETY: what is inside is readable, and the target holds the block.
        unsafe {
            zeros(&at(block.part.start..there.start));
            (self.copy)(&at(there.clone()));
            zeros(&at(there.end..block.part.end));
        }
    }
}

/// From `at` on what is left of `length` things that begin again and again, and no more than up to `end`.
fn within(at: usize, end: usize, length: usize) -> Range<usize> {
    let start = at % length;
    start..length.min(start + end - at)
}

/// Parts of runs, one for each of some iterations of a loop.
struct Block {
    run: Run,
    part: Range<usize>,
    row: Loop,
    rows: Range<usize>,
    /// The first element of the first run.
    offset: isize,
    places: Places,
}

/// Which of some iterations meet elements, if the first of all is at `place`, of so many elements.
fn inside(place: i64, by: i64, elements: i64, of: &Range<usize>) -> Range<usize> {
    let number = |place: i64| (place.max(0) as u64).div_ceil(by as u64) as usize;
    let start = number(-place).clamp(of.start, of.end);
    start..number(elements - place).clamp(start, of.end)
}

impl Run {
    /// Which elements of a part of the run are there, if its first one is at `place`, of so many elements.
    fn inside(&self, place: i64, by: i64, elements: i64, part: &Range<usize>) -> Range<usize> {
        let units = inside(place, by, elements, &(0..part.end.div_ceil(self.unit)));
        let start = units.start.saturating_mul(self.unit).clamp(part.start, part.end);
        start..units.end.saturating_mul(self.unit).clamp(start, part.end)
    }
}
