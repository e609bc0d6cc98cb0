//! Images that are read where they are.
//!
//! What pixels next to each other read of a block of depth is in runs, such as the channels of some taps, which are at the same places for all of them. The kernels can walk from run to
//! run, so that nothing is gathered. Where some of it is padding the elements of the tile are copied once, with zeros around them, into a *patch*: as many times less than
//! gathering as there are taps.

use std::ops::Range;

use smallvec::SmallVec;
use tensorwright_compiler::program::{ConvolutionAxis, ConvolutionSum};

use super::gather::Source;
use super::loops::{Cursor, Loop, Loops, Run, count};
use super::phase::Phase;
use super::plan::{ConvolutionPlan, Orientation};
use super::run::{Line, Side};
use crate::library::matmul::{DEPTH, Kernel, Packs, RowPanels, equal_parts};

/// Numbers of a patch, at most.
const MOST_PATCH: usize = 1 << 17;
/// Rows that the kernels should have on average.
const FEWEST_ROWS: usize = 4;

/// An image, or a patch of it, with the loops over its pixels and its depth, none of which meets padding.
pub(super) struct Walk<N> {
    pub(super) from: *const N,
    pixels: Loops,
    depth: Loops,
}

impl ConvolutionPlan {
    /// Whether pixels are rows, and elements numbers as they are.
    fn may_walk(&self) -> bool {
        self.orientation == Orientation::Channels && self.input.is_number(self.output.accumulator())
    }

    /// Numbers of the patch of a tile; 0 if there is none.
    pub(super) fn walk_numbers(&self) -> usize {
        if !self.may_walk() {
            return 0;
        }
        let along = self.phases.iter().zip(self.of_tile(is_sliding)).map(|(phases, results)| {
            let ways = |phase: &Phase| {
                let pixels = phase.most(results).saturating_sub(1).saturating_mul(phase.by as u64);
                let taps = phase.taps.saturating_sub(1).saturating_mul(phase.tap_elements as u64);
                pixels.saturating_add(taps).saturating_add(1)
            };
            phases.iter().map(ways).max().unwrap_or(1)
        });
        let images = self.of_tile(|axis| matches!(axis, ConvolutionAxis::Left(_)));
        let channels = self.routine.sums.iter().filter_map(|sum| match sum {
            ConvolutionSum::Loop(l) => Some(l.extent),
            ConvolutionSum::Taps(_) => None,
        });
        let numbers = along.chain(images).chain(channels).fold(1, u64::saturating_mul);
        usize::try_from(numbers).ok().filter(|&numbers| numbers <= MOST_PATCH).unwrap_or(0)
    }

    /// The size of tiles along some axes.
    fn of_tile(&self, is: fn(&ConvolutionAxis) -> bool) -> impl Iterator<Item = u64> {
        self.routine.axes.iter().zip(&self.tile).filter(move |(axis, _)| is(axis)).map(|(_, &n)| n)
    }
}

fn is_sliding(axis: &ConvolutionAxis) -> bool {
    matches!(axis, ConvolutionAxis::Slide(_))
}

impl<N: Kernel + Packs> Walk<N> {
    /// The image of a part of a tile, which is copied to `patch` if need be; `None` if gathering is the better way.
    ///
    /// # Safety
    /// The image is readable where its places are elements; `patch` is writable for the numbers of the plan's patch.
    pub(super) unsafe fn new(
        plan: &ConvolutionPlan,
        (side, source): (&Side, &Source<'_, N>),
        most_rows: usize,
        patch: *mut N,
    ) -> Option<Walk<N>> {
        if !plan.may_walk() || count(&side.depth) == 0 {
            return None;
        }
        let ways: SmallVec<[i64; 4]> = (0..plan.slides.len()).map(|axis| side.way(axis)).collect();
        let is_whole = (0..ways.len()).all(|axis| {
            let first = source.places[axis];
            first >= 0 && first + ways[axis] < source.elements[axis]
        });
        if is_whole {
            let fixed = |loops: &Loops| loops.iter().map(|l| Loop { slide: None, ..*l }).collect();
            let walk = Walk { from: side.from.cast(), pixels: fixed(&side.lanes), depth: fixed(&side.depth) };
            return walk.pays(most_rows).then_some(walk);
        }
        let copied = Copied::of(plan, side, &ways);
        if copied.numbers() > plan.patch {
            return None;
        }
        let walk = copied.walk(side, patch.cast_const());
        if !walk.pays(most_rows) {
            return None;
        }
        // SAFETY: the caller's promise; the patch has room.
        unsafe { source.over(&copied.around, &copied.channels).gather_all(patch) };
        Some(walk)
    }

    fn pays(&self, most_rows: usize) -> bool {
        let rows = Run::of(&self.pixels).1.length;
        rows >= FEWEST_ROWS.min(most_rows) * rows.div_ceil(most_rows).max(1)
    }

    /// Steps from pixel to pixel within a panel, and from term to term within a run.
    pub(super) fn steps(&self) -> (isize, isize) {
        (Run::of(&self.pixels).1.step, Run::of(&self.depth).1.step)
    }

    /// Pixels that are at one step, in about equal parts for the kernels.
    pub(super) fn lines(&self, most_rows: usize) -> SmallVec<[Line; 16]> {
        let (around, run) = Run::of(&self.pixels);
        let height = equal_parts(run.length, most_rows);
        let rows = RowPanels { count: run.length, height, step: height as isize * run.step };
        let mut cursor = Cursor::new(around, 0, 0);
        let line = |number| {
            let line = Line { first: number * run.length, at: cursor.offset, rows };
            cursor.advance();
            line
        };
        (0..count(around)).map(line).collect()
    }

    /// The places of some depth, from the first one of each pixel; none if they are at one step from there.
    pub(super) fn terms(&self, depth: Range<usize>) -> SmallVec<[isize; DEPTH]> {
        let (around, run) = Run::of(&self.depth);
        if around.is_empty() && depth.start == 0 {
            return SmallVec::new();
        }
        let mut cursor = Cursor::new(around, 0, depth.start / run.length.max(1));
        let (mut terms, mut at) = (SmallVec::new(), depth.start);
        while at < depth.end {
            let skipped = at % run.length;
            let count = (run.length - skipped).min(depth.end - at);
            terms.extend((skipped..skipped + count).map(|term| cursor.offset + term as isize * run.step));
            cursor.advance();
            at += count;
        }
        terms
    }
}

/// What a patch holds: images and places of the image around, channels within.
struct Copied {
    around: Loops,
    channels: Loops,
}

impl Copied {
    fn of(plan: &ConvolutionPlan, side: &Side, ways: &[i64]) -> Copied {
        let still =
            |loops: &Loops| -> Loops { loops.iter().filter(|l| l.slide.is_none()).copied().collect() };
        let along = ways.iter().enumerate().map(|(axis, &way)| Loop {
            count: way as usize + 1,
            step: plan.slides[axis].lhs as isize,
            out: 0,
            slide: Some((axis, 1)),
        });
        Copied { around: still(&side.lanes).into_iter().chain(along).collect(), channels: still(&side.depth) }
    }

    fn numbers(&self) -> usize {
        self.around.iter().chain(&self.channels).fold(1, |numbers, l| numbers.saturating_mul(l.count))
    }

    /// The loops of pixels and of depth, over the patch.
    fn walk<N>(&self, side: &Side, patch: *const N) -> Walk<N> {
        let all: Loops = self.around.iter().chain(&self.channels).copied().collect();
        let mut steps: SmallVec<[isize; 8]> = SmallVec::from_elem(1, all.len());
        for at in (1..all.len()).rev() {
            steps[at - 1] = steps[at] * all[at].count as isize;
        }
        let images = self.around.iter().filter(|l| l.slide.is_none()).count();
        let moved = |loops: &Loops, first_still: usize| -> Loops {
            let mut still = first_still;
            let of = |l: &Loop| {
                let step = match l.slide {
                    Some((axis, by)) => by as isize * steps[images + axis],
                    None => {
                        still += 1;
                        steps[still - 1]
                    }
                };
                Loop { step, slide: None, ..*l }
            };
            loops.iter().map(of).collect()
        };
        Walk { from: patch, pixels: moved(&side.lanes, 0), depth: moved(&side.depth, self.around.len()) }
    }
}
