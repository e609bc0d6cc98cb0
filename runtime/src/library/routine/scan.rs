//! Prefix folds along an axis.
//!
//! Lines along the last axis are folded one by one. Along another axis, neighbouring lines go side by side, a block of
//! accumulators at a time. Sums and products of floats are kept in f64.

use std::ops::Range;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::TensorType;
use tensorwright_ir::op::primitive::{Cumulative, ReduceKind};

use super::lines::Lines;
use super::value::{Value, with_value};
use super::{Memory, Phase, RoutineKernel};

/// Elements of a tile, if lines are short.
const TILE: usize = 1 << 13;
/// Lines that are folded side by side.
const WIDTH: usize = 64;

/// `cumulative` of one type.
#[derive(Debug)]
pub(super) struct Scan {
    lines: Lines,
    element: usize,
    /// Whether to go from the last element to the first.
    reverse: bool,
    per_tile: usize,
    fold: Fold,
}

/// Folds some neighbouring lines, from and to their first elements.
type Fold = unsafe fn(&Walk, *const u8, *mut u8);

/// How a group of lines is walked.
struct Walk {
    lines: usize,
    length: usize,
    /// Step along a line, negative for reverse scans.
    step: isize,
}

impl Scan {
    pub(super) fn new(op: &Cumulative, operand: &TensorType) -> Self {
        let lines = Lines::new(&operand.shape, op.axis);
        let group = if lines.stride == 1 { 1 } else { WIDTH };
        let per_tile = lines.per_tile(TILE).next_multiple_of(group);
        let fold = with_value!(operand.dtype, V => folds::<V>(op.kind, op.exclusive));
        Self { lines, element: operand.dtype.size(), reverse: op.reverse, per_tile, fold }
    }

    /// # Safety
    /// The lines are of one run of neighbours, within the operand and the result.
    unsafe fn group(&self, first: usize, lines: usize, memory: &Memory<'_>) {
        let Lines { length, stride, .. } = self.lines;
        let mut start = self.lines.start(first);
        let mut step = stride as isize;
        if self.reverse {
            start += length.saturating_sub(1) * stride;
            step = -step;
        }
        let walk = Walk { lines, length, step };
        // SAFETY: the caller's promise.
        unsafe {
            let at = start * self.element;
            (self.fold)(&walk, memory.inputs[0].add(at), memory.outputs[0].add(at));
        }
    }
}

impl RoutineKernel for Scan {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        if self.lines.length == 0 {
            return SmallVec::new();
        }
        let speed = if self.lines.stride == 1 { 1 } else { 2 };
        let tile_ns = (self.per_tile * self.lines.length / speed) as u64;
        smallvec![Phase { tiles: self.lines.tiles(self.per_tile), tile_ns }]
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, _scratch: *mut u8) {
        let lines = self.lines.of_tiles(tiles, self.per_tile);
        let mut first = lines.start;
        while first < lines.end {
            // Neighbours are next to each other until the end of a row.
            let row_end = (first / self.lines.stride + 1) * self.lines.stride;
            let end = lines.end.min(row_end).min(first + WIDTH);
            // SAFETY: the lines are of this tile, and of one row.
            unsafe { self.group(first, end - first, memory) };
            first = end;
        }
    }
}

/// The fold of a monoid. Any and all are the greater and the lesser of bools.
fn folds<V: Value>(kind: ReduceKind, exclusive: bool) -> Fold {
    match (kind, exclusive) {
        (ReduceKind::Sum, false) => fold::<V, Sum, false>,
        (ReduceKind::Sum, true) => fold::<V, Sum, true>,
        (ReduceKind::Prod, false) => fold::<V, Prod, false>,
        (ReduceKind::Prod, true) => fold::<V, Prod, true>,
        (ReduceKind::Max, false) => fold::<V, Max, false>,
        (ReduceKind::Max, true) => fold::<V, Max, true>,
        (ReduceKind::Min, false) => fold::<V, Min, false>,
        (ReduceKind::Min, true) => fold::<V, Min, true>,
        (ReduceKind::Any, false) => fold::<V, Any, false>,
        (ReduceKind::Any, true) => fold::<V, Any, true>,
        (ReduceKind::All, false) => fold::<V, All, false>,
        (ReduceKind::All, true) => fold::<V, All, true>,
    }
}

trait Monoid {
    fn identity<V: Value>() -> V::Wide;
    fn join<V: Value>(a: V::Wide, b: V::Wide) -> V::Wide;
}

macro_rules! monoids {
    ($($monoid:ident $identity:ident $join:ident;)*) => {$(
        struct $monoid;
        impl Monoid for $monoid {
            #[inline(always)]
            fn identity<V: Value>() -> V::Wide { V::$identity() }
            #[inline(always)]
            fn join<V: Value>(a: V::Wide, b: V::Wide) -> V::Wide { V::$join(a, b) }
        }
    )*};
}

monoids! {
    Sum zero plus;
    Prod one times;
    Max lowest greater;
    Min highest lesser;
    Any zero greater;
    All one lesser;
}

/// # Safety
/// The lines are readable at `from` and writable at `to`, along the walk; at most [`WIDTH`] of them.
unsafe fn fold<V: Value, M: Monoid, const EXCLUSIVE: bool>(walk: &Walk, from: *const u8, to: *mut u8) {
    let (mut from, mut to) = (from.cast::<V>(), to.cast::<V>());
    // SAFETY: the caller's promise.
    unsafe {
        if walk.lines == 1 {
            let mut sum = [M::identity::<V>()];
            for _ in 0..walk.length {
                step::<V, M, EXCLUSIVE>(&mut sum, from, to);
                (from, to) = (from.wrapping_offset(walk.step), to.wrapping_offset(walk.step));
            }
            return;
        }
        let mut sums = [M::identity::<V>(); WIDTH];
        for _ in 0..walk.length {
            step::<V, M, EXCLUSIVE>(&mut sums[..walk.lines], from, to);
            (from, to) = (from.wrapping_offset(walk.step), to.wrapping_offset(walk.step));
        }
    }
}

/// One element of each of some neighbouring lines.
///
/// # Safety
/// As many elements are readable at `from` and writable at `to`.
#[inline(always)]
unsafe fn step<V: Value, M: Monoid, const EXCLUSIVE: bool>(sums: &mut [V::Wide], from: *const V, to: *mut V) {
    for (i, sum) in sums.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        unsafe {
            let joined = M::join::<V>(*sum, (*from.add(i)).widen());
            *to.add(i) = V::narrow(if EXCLUSIVE { *sum } else { joined });
            *sum = joined;
        }
    }
}
