//! Where the greatest or least element along an axis is.

use std::ops::Range;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::Type;
use tensorwright_ir::op::primitive::{ArgKind, ArgReduce};

use super::lines::Lines;
use super::value::{Value, with_value};
use super::{Kernel, Memory, Phase};

/// Elements of a tile, if lines are short.
const TILE: usize = 1 << 13;

/// `arg_reduce` of one type.
#[derive(Debug)]
pub(super) struct Best {
    lines: Lines,
    element: usize,
    index_size: usize,
    per_tile: usize,
    find: Find,
}

/// The index of the best of some elements at a distance.
type Find = unsafe fn(from: *const u8, length: usize, stride: usize) -> usize;

impl Best {
    pub(super) fn new(op: &ArgReduce, operand: &Type) -> Self {
        let lines = Lines::new(&operand.shape, op.axis);
        let find = with_value!(operand.dtype, V => match op.kind {
            ArgKind::Max => find::<V, true>,
            ArgKind::Min => find::<V, false>,
        });
        let (element, index_size) = (operand.dtype.size(), op.dtype.size());
        Self { lines, element, index_size, per_tile: lines.per_tile(TILE), find }
    }
}

impl Kernel for Best {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        let tile_ns = (self.per_tile * self.lines.length) as u64;
        smallvec![Phase { tiles: self.lines.tiles(self.per_tile), tile_ns }]
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, _scratch: *mut u8) {
        for line in self.lines.of_tiles(tiles, self.per_tile) {
            let start = self.lines.start(line) * self.element;
            // SAFETY: the line lies within the operand, and the result has an index for each line.
            unsafe {
                let index = (self.find)(memory.inputs[0].add(start), self.lines.length, self.lines.stride);
                let to = memory.outputs[0].add(line * self.index_size);
                match self.index_size {
                    4 => to.cast::<u32>().write(index as u32),
                    _ => to.cast::<u64>().write(index as u64),
                }
            }
        }
    }
}

/// # Safety
/// As many elements are readable at `from`, at that distance, at least one.
unsafe fn find<V: Value, const MAX: bool>(from: *const u8, length: usize, stride: usize) -> usize {
    let from = from.cast::<V>();
    // SAFETY: the caller's promise.
    let at = |i: usize| unsafe { (*from.add(i * stride)).widen() };
    let mut best = (0, at(0));
    for i in 1..length {
        if V::is_nan(best.1) {
            break;
        }
        let x = at(i);
        let beats = if MAX { V::is_above(x, best.1) } else { V::is_above(best.1, x) };
        if beats || V::is_nan(x) {
            best = (i, x);
        }
    }
    best.0
}
