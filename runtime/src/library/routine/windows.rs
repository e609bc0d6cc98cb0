//! Where the windows of `gather` and `scatter` lie, as loops with steps.
//!
//! The axes of `slices` (see [`GatherAxes`]) are loops of two kinds: over positions of index vectors, and over windows. The loops up to the
//! last position are the *prefix*, the window loops after it the *suffix*. For each turn of the prefix an index vector is
//! read; the suffix is a strided section. Walking both in order goes through `slices` in row-major order, also where window axes come
//! before positions.

use std::ops::Range;

use smallvec::SmallVec;
use tensorwright_ir::op::primitive::GatherAxes;
use tensorwright_ir::{DType, TensorType};

use super::copy::Axis;

/// A loop of the prefix; steps in elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loop {
    pub(super) extent: usize,
    /// Where the loop begins.
    pub(super) first: isize,
    /// In `slices`.
    pub(super) slices: isize,
    /// In `x`: of batch axes and window axes.
    pub(super) x: isize,
    /// In the list of index vectors: 0 for window axes.
    vector: isize,
}

/// What one number of an index vector means.
#[derive(Clone, Copy, Debug)]
struct Component {
    /// Step in `x`.
    step: isize,
    /// The last start of a window that lies within `x`.
    last: i64,
}

/// The loops of a gather or scatter.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    pub(super) prefix: SmallVec<[Loop; 6]>,
    /// Steps in `x` and in `slices`.
    pub(super) suffix: SmallVec<[Axis; 6]>,
    components: SmallVec<[Component; 3]>,
    index: DType,
    /// A loop over which windows never overlap, for sharing among threads: its place in the prefix, or behind it in the suffix.
    pub(super) independent: Option<usize>,
}

/// Single elements along one axis, each where a list of numbers says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    /// Dtype of the list.
    pub(super) index: DType,
    /// Length of the list.
    pub(super) count: usize,
    /// From one place to the next, in elements.
    pub(super) step: usize,
    /// Number of places.
    pub(super) extent: u64,
}

/// The place of a turn of the prefix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) slices: isize,
    pub(super) x: isize,
    vector: isize,
}

impl Turn {
    #[inline(always)]
    fn advance(&mut self, l: &Loop, by: isize) {
        self.slices += by * l.slices;
        self.x += by * l.x;
        self.vector += by * l.vector;
    }
}

impl Windows {
    /// The loops over `slices`, whose windows have `sizes` along the axes of `x`.
    pub(super) fn new(
        axes: &GatherAxes<'_>,
        sizes: &[usize],
        x: &TensorType,
        indices: &TensorType,
        slices: &TensorType,
    ) -> Self {
        let (x_strides, slice_strides) = (x.shape.strides(), slices.shape.strides());
        let positions = &indices.shape.sizes()[..indices.rank() - 1];
        let window = axes.window_axes(x.rank());
        let mut loops = SmallVec::<[(Loop, Option<usize>); 6]>::new();
        let (mut next_window, mut next_position) = (window.iter(), 0);
        for (axis, &step) in slice_strides.iter().enumerate() {
            let (extent, slices) = (slices.shape.size(axis), step as isize);
            if axes.offset_axes.contains(&axis) {
                let Some(&of_x) = next_window.next() else { continue };
                loops.push((
                    Loop { extent, first: 0, slices, x: x_strides[of_x] as isize, vector: 0 },
                    Some(of_x),
                ));
                continue;
            }
            let vector = positions[next_position + 1..].iter().product::<usize>() as isize;
            let batch = axes.index_batch.iter().position(|&of_indices| of_indices == next_position);
            let x = batch.map_or(0, |j| x_strides[axes.batch[j]] as isize);
            loops.push((Loop { extent, first: 0, slices, x, vector }, batch.map(|j| axes.batch[j])));
            next_position += 1;
        }
        let is_window = |(l, of_x): &(Loop, Option<usize>)| {
            l.vector == 0 && of_x.is_some_and(|axis| window.contains(&axis))
        };
        let prefix = loops.iter().rposition(|l| !is_window(l)).map_or(0, |last| last + 1);
        let independent = (0..loops.len())
            .filter(|&i| loops[i].1.is_some_and(|axis| !axes.indexed.contains(&axis)))
            .max_by_key(|&i| loops[i].0.extent);
        let component = |&axis: &usize| Component {
            step: x_strides[axis] as isize,
            last: x.shape.size(axis) as i64 - sizes[axis] as i64,
        };
        Self {
            prefix: loops[..prefix].iter().map(|&(l, _)| l).collect(),
            suffix: loops[prefix..]
                .iter()
                .map(|&(l, _)| Axis { extent: l.extent, from: l.x, to: l.slices })
                .collect(),
            components: axes.indexed.iter().map(component).collect(),
            index: indices.dtype,
            independent,
        }
    }

    /// The places along one axis of single elements, if that is what the windows are: with dense slices, and one number per index vector.
    pub(super) fn places(&self) -> Option<Places> {
        let ([l], [component], 1) = (&self.prefix[..], &self.components[..], self.window()) else {
            return None;
        };
        let dense = (l.slices, l.x, l.vector) == (1, 0, 1);
        let extent = u64::try_from(component.last + 1).ok()?;
        dense.then_some(Places { index: self.index, count: l.extent, step: component.step as usize, extent })
    }

    /// Turns of the prefix.
    pub(super) fn turns(&self) -> usize {
        self.prefix.iter().map(|l| l.extent).product()
    }

    /// Elements of the suffix.
    pub(super) fn window(&self) -> usize {
        self.suffix.iter().map(|axis| axis.extent).product()
    }

    /// Calls `visit` with some turns, in order.
    #[inline(always)]
    pub(super) fn for_each_turn(&self, turns: Range<usize>, mut visit: impl FnMut(Turn)) {
        let none = Loop { extent: 1, first: 0, slices: 0, x: 0, vector: 0 };
        let (inner, outer) = self.prefix.split_last().map_or((none, &self.prefix[..0]), |(i, o)| (*i, o));
        let mut next = turns.start;
        while next < turns.end {
            let first = next % inner.extent;
            let count = (inner.extent - first).min(turns.end - next);
            let mut turn = start_of_row(outer, next / inner.extent);
            turn.advance(&inner, first as isize + inner.first);
            for _ in 0..count {
                visit(turn);
                turn.advance(&inner, 1);
            }
            next += count;
        }
    }

    /// Where in `x` the window of a turn begins, with its starts clamped so that it lies within `x`.
    ///
    /// # Safety
    /// `indices` points to all index vectors.
    #[inline(always)]
    pub(super) unsafe fn clamped(&self, turn: Turn, indices: *const u8) -> isize {
        let mut at = turn.x;
        for (nth, component) in self.components.iter().enumerate() {
            // SAFETY: the caller's promise.
            let start = unsafe { self.start(turn, nth, indices) };
            at += start.clamp(0, component.last) as isize * component.step;
        }
        at
    }

    /// Where in `x` the window of a turn begins, `None` if it does not lie within `x`.
    ///
    /// # Safety
    /// `indices` points to all index vectors.
    #[inline(always)]
    pub(super) unsafe fn checked(&self, turn: Turn, indices: *const u8) -> Option<isize> {
        let mut at = turn.x;
        for (nth, component) in self.components.iter().enumerate() {
            // SAFETY: the caller's promise.
            let start = unsafe { self.start(turn, nth, indices) };
            if start < 0 || start > component.last {
                return None;
            }
            at += start as isize * component.step;
        }
        Some(at)
    }

    /// # Safety
    /// `indices` points to all index vectors.
    #[inline(always)]
    unsafe fn start(&self, turn: Turn, nth: usize, indices: *const u8) -> i64 {
        let at = turn.vector * self.components.len() as isize + nth as isize;
        // SAFETY: the number is one of an index vector.
        unsafe { read_index(self.index, indices, at) }
    }
}

/// The first turn of a row of the innermost loop.
fn start_of_row(outer: &[Loop], mut row: usize) -> Turn {
    let mut turn = Turn { slices: 0, x: 0, vector: 0 };
    for l in outer.iter().rev() {
        turn.advance(l, (row % l.extent) as isize + l.first);
        row /= l.extent;
    }
    turn
}

/// An index; one above the range of i64 is the highest.
///
/// # Safety
/// `indices` points to numbers of this dtype, aligned, of which there is one at `at`.
#[inline(always)]
pub(super) unsafe fn read_index(dtype: DType, indices: *const u8, at: isize) -> i64 {
    // SAFETY: the caller's promise.
    unsafe {
        match dtype {
            DType::I32 => i64::from(*indices.cast::<i32>().offset(at)),
            DType::U32 => i64::from(*indices.cast::<u32>().offset(at)),
            DType::U64 => i64::try_from(*indices.cast::<u64>().offset(at)).unwrap_or(i64::MAX),
            _ => *indices.cast::<i64>().offset(at),
        }
    }
}
