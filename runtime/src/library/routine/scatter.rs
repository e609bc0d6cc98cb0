//! Updating windows at computed places.
//!
//! First `x` is copied, unless the result is the same memory; then the updates are applied in row-major order. Threads share
//! the work along an axis over which windows cannot overlap, if there is one: an axis of the windows that is not indexed, such as that of
//! the features of an embedding, or a batch axis. Of long [lists](super::listed) of single elements each takes those that are for its part
//! of `x`. So each element still sees its updates in order.

use std::ops::Range;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::op::primitive::{Scatter, ScatterKind};
use tensorwright_ir::{DType, TensorType};

use super::copy::{Axis, Bytes};
use super::joining::{Add, Joining, Max, Min, Mul, Replace};
use super::listed::Listed;
use super::value::{with_bits, with_value};
use super::windows::Windows;
use super::{Memory, Phase, RoutineKernel};

/// Tiles of the updates, if they can be shared.
const TILES: usize = 16;
/// Elements of an independent axis that go together: cache lines are not shared among threads.
const STEP: usize = 16;

/// Joins a window of updates with elements.
type Join = unsafe fn(&[Axis], *const u8, *mut u8);

/// `scatter` of certain types.
#[derive(Debug)]
pub(super) struct Scattering {
    x: Bytes,
    windows: Windows,
    /// How single elements are updated, if that is all.
    listed: Option<Listed>,
    element: usize,
    join: Join,
    /// Extent of the independent axis, and how much of it is one tile.
    shared: usize,
    per_tile: usize,
}

impl Scattering {
    pub(super) fn new(op: &Scatter, operands: &[TensorType]) -> Self {
        let [x, indices, updates] = [&operands[0], &operands[1], &operands[2]];
        let sizes = op.sizes(x.rank(), &updates.shape);
        let windows = Windows::new(&op.axes(), &sizes, x, indices, updates);
        let shared = windows.independent.map_or(1, |at| match windows.prefix.get(at) {
            Some(l) => l.extent,
            None => windows.suffix[at - windows.prefix.len()].extent,
        });
        Self {
            x: Bytes { bytes: x.bytes() },
            listed: windows.places().and_then(|places| Listed::new(places, op.kind, x.dtype)),
            windows,
            element: x.dtype.size(),
            join: join(op.kind, x.dtype),
            shared,
            per_tile: shared.div_ceil(TILES).max(1).next_multiple_of(STEP),
        }
    }

    /// The loops of a tile, and where they begin in the updates and in `x`.
    fn part(&self, tile: u64) -> (Windows, isize, isize) {
        let mut windows = self.windows.clone();
        let Some(at) = windows.independent else {
            return (windows, 0, 0);
        };
        let first = tile as usize * self.per_tile;
        let extent = self.per_tile.min(self.shared - first);
        let first = first as isize;
        let prefix = windows.prefix.len();
        if at < prefix {
            let l = &mut windows.prefix[at];
            (l.extent, l.first) = (extent, first);
            return (windows, 0, 0);
        }
        let axis = &mut windows.suffix[at - prefix];
        axis.extent = extent;
        let (x, updates) = (first * axis.from, first * axis.to);
        (windows, updates, x)
    }

    /// # Safety
    /// As for [`RoutineKernel::run`].
    unsafe fn apply(&self, tile: u64, memory: &Memory<'_>) {
        let (windows, updates_start, x_start) = self.part(tile);
        let (indices, updates, out) = (memory.inputs[1], memory.inputs[2], memory.outputs[0]);
        let element = self.element as isize;
        windows.for_each_turn(0..windows.turns(), |turn| {
            // SAFETY: windows that do not lie within `x` are left out, and no other tile has elements of this one.
            unsafe {
                if let Some(to) = windows.checked(turn, indices) {
                    let from = (turn.slices + updates_start) * element;
                    let to = (to + x_start) * element;
                    (self.join)(&windows.suffix, updates.offset(from), out.offset(to));
                }
            }
        });
    }
}

impl RoutineKernel for Scattering {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        if let Some(listed) = &self.listed {
            return smallvec![self.x.phase(), listed.phase()];
        }
        let work = self.windows.turns() * (5 + self.windows.window());
        let tiles = if work == 0 { 0 } else { self.shared.div_ceil(self.per_tile) };
        let tile_ns = (work / tiles.max(1)) as u64;
        smallvec![self.x.phase(), Phase { tiles: tiles as u64, tile_ns }]
    }

    fn is_done(&self, phase: usize, memory: &Memory<'_>) -> bool {
        phase == 0 && memory.is_in_place()
    }

    unsafe fn run(&self, phase: usize, tiles: Range<u64>, memory: &Memory<'_>, _scratch: *mut u8) {
        if phase == 0 {
            // SAFETY: operand and result have the same size.
            return unsafe { self.x.copy(tiles, memory.inputs[0], memory.outputs[0]) };
        }
        if let Some(listed) = &self.listed {
            // SAFETY: as the caller promises; `x` has all places.
            return unsafe { listed.apply(tiles, memory.inputs[1], memory.inputs[2], memory.outputs[0]) };
        }
        for tile in tiles {
            // SAFETY: as the caller promises.
            unsafe { self.apply(tile, memory) };
        }
    }
}

fn join(kind: ScatterKind, dtype: DType) -> Join {
    match kind {
        ScatterKind::Set => with_bits!(dtype.size(), Bits => window::<Bits, Replace>),
        ScatterKind::Add => with_value!(dtype, V => window::<V, Add>),
        ScatterKind::Mul => with_value!(dtype, V => window::<V, Mul>),
        ScatterKind::Min => with_value!(dtype, V => window::<V, Min>),
        ScatterKind::Max => with_value!(dtype, V => window::<V, Max>),
    }
}

/// # Safety
/// All updates of the window are readable at `from`, and its elements writable at `to`.
unsafe fn window<T: Copy, J: Joining<T>>(axes: &[Axis], from: *const u8, to: *mut u8) {
    let (from, to) = (from.cast::<T>(), to.cast::<T>());
    let one = Axis { extent: 1, from: 0, to: 0 };
    let (inner, outer) = axes.split_last().map_or((one, axes), |(inner, outer)| (*inner, outer));
    for row in 0..outer.iter().map(|axis| axis.extent).product() {
        let (mut rest, mut x, mut update) = (row, 0, 0);
        for axis in outer.iter().rev() {
            let i = (rest % axis.extent) as isize;
            rest /= axis.extent;
            x += i * axis.from;
            update += i * axis.to;
        }
        for i in 0..inner.extent as isize {
            // SAFETY: the caller's promise.
            unsafe {
                let place = to.offset(x + i * inner.from);
                *place = J::join(*place, *from.offset(update + i * inner.to));
            }
        }
    }
}
