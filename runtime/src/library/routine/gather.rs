//! Reading windows at computed places.

use std::ops::Range;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::TensorType;
use tensorwright_ir::op::primitive::Gather;

use super::copy::Strided;
use super::windows::Windows;
use super::{Memory, Phase, RoutineKernel};

/// Elements that a tile copies at least.
const TILE: usize = 1 << 12;

/// `gather` of certain types.
#[derive(Debug)]
pub(super) struct Gathering {
    windows: Windows,
    window: Strided,
    element: usize,
    per_tile: usize,
}

impl Gathering {
    pub(super) fn new(op: &Gather, operands: &[TensorType], result: &TensorType) -> Self {
        let windows = Windows::new(&op.axes(), &op.sizes, &operands[0], &operands[1], result);
        let element = result.dtype.size();
        Self {
            window: Strided::new(windows.suffix.iter().copied(), element),
            per_tile: (TILE / windows.window().max(1)).max(1),
            windows,
            element,
        }
    }
}

impl RoutineKernel for Gathering {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        let window = self.windows.window();
        if window == 0 {
            return SmallVec::new();
        }
        let tiles = self.windows.turns().div_ceil(self.per_tile) as u64;
        let tile_ns = (self.per_tile * (5 + window * self.element / 4)) as u64;
        smallvec![Phase { tiles, tile_ns }]
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, _scratch: *mut u8) {
        let (x, indices, out) = (memory.inputs[0], memory.inputs[1], memory.outputs[0]);
        let first = tiles.start as usize * self.per_tile;
        let end = (tiles.end as usize * self.per_tile).min(self.windows.turns());
        let element = self.element as isize;
        self.windows.for_each_turn(first..end, |turn| {
            // SAFETY: starts are clamped, so windows lie within `x`; each has its own place in the result.
            unsafe {
                let from = self.windows.clamped(turn, indices);
                self.window.copy(x.offset(from * element), out.offset(turn.slices * element));
            }
        });
    }
}
