//! Copies between memory of different layout.

use std::ops::Range;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::TensorType;

use super::value::with_bits;
use super::{Memory, Phase, RoutineKernel};

/// Bytes that one tile copies at least.
const TILE_BYTES: usize = 1 << 15;
/// Estimated bytes per nanosecond: of long runs, and of single elements.
const FAST: usize = 8;
const SLOW: usize = 1;

/// A copy of the same bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes {
    pub(super) bytes: usize,
}

impl Bytes {
    pub(super) fn phase(self) -> Phase {
        Phase { tiles: self.bytes.div_ceil(TILE_BYTES) as u64, tile_ns: (TILE_BYTES / FAST) as u64 }
    }

    /// Copies some tiles, unless source and target are the same.
    ///
    /// # Safety
    /// Both are valid for all bytes, and do not overlap if they differ.
    pub(super) unsafe fn copy(self, tiles: Range<u64>, from: *const u8, to: *mut u8) {
        let start = tiles.start as usize * TILE_BYTES;
        let end = (tiles.end as usize * TILE_BYTES).min(self.bytes);
        if from != to {
            // SAFETY: the range is within the bytes.
            unsafe { to.add(start).copy_from_nonoverlapping(from.add(start), end - start) };
        }
    }
}

impl RoutineKernel for Bytes {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        smallvec![self.phase()]
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, _scratch: *mut u8) {
        // SAFETY: the operand and the result have the same size.
        unsafe { self.copy(tiles, memory.inputs[0], memory.outputs[0]) };
    }
}

/// One axis of a strided copy; steps in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) extent: usize,
    pub(super) from: isize,
    pub(super) to: isize,
}

/// A copy of an n-dimensional section. Axes that continue each other are one.
///
/// The innermost loop is one of three: a run of adjacent elements, a strided run, or, if the source is adjacent along one axis and
/// the target along another, square blocks of both.
#[derive(Clone, Debug)]
pub(super) struct Strided {
    /// Loops around the innermost.
    outer: SmallVec<[Axis; 6]>,
    inner: Inner,
    element: usize,
    rows_per_tile: usize,
}

#[derive(Clone, Copy, Debug)]
enum Inner {
    Run(usize),
    Apart(Axis),
    /// Adjacent in the source along the first, in the target along the second.
    Blocks(Axis, Axis),
}

impl Strided {
    /// A copy of elements of `element` bytes.
    pub(super) fn new(axes: impl IntoIterator<Item = Axis>, element: usize) -> Self {
        let mut merged = SmallVec::<[Axis; 6]>::new();
        for axis in axes {
            match merged.last_mut() {
                _ if axis.extent == 1 => {}
                Some(last) if continues(*last, axis) => {
                    *last = Axis { extent: last.extent * axis.extent, ..axis }
                }
                _ => merged.push(axis),
            }
        }
        let inner = innermost(&mut merged);
        let copy = Self { outer: merged, inner, element, rows_per_tile: 1 };
        let rows_per_tile = (TILE_BYTES / copy.row_bytes().max(1)).max(1);
        Self { rows_per_tile, ..copy }
    }

    /// The copy that a transpose is.
    pub(super) fn transpose(permutation: &[usize], operand: &TensorType) -> Self {
        let from = operand.shape.strides();
        let mut step = operand.elements();
        let axes = permutation.iter().map(|&axis| {
            let extent = operand.shape.size(axis);
            step /= extent.max(1);
            Axis { extent, from: from[axis] as isize, to: step as isize }
        });
        Self::new(axes, operand.dtype.size())
    }

    fn rows(&self) -> usize {
        self.outer.iter().map(|axis| axis.extent).product()
    }

    fn row_bytes(&self) -> usize {
        let elements = match self.inner {
            Inner::Run(extent) => extent,
            Inner::Apart(axis) => axis.extent,
            Inner::Blocks(a, b) => a.extent * b.extent,
        };
        elements * self.element
    }

    pub(super) fn phase(&self) -> Phase {
        let speed = if matches!(self.inner, Inner::Run(_)) { FAST } else { SLOW };
        Phase {
            tiles: self.rows().div_ceil(self.rows_per_tile) as u64,
            tile_ns: (self.rows_per_tile * self.row_bytes() / speed + 10) as u64,
        }
    }

    /// Copies some tiles.
    ///
    /// # Safety
    /// All elements of the section are readable at `from` and writable at `to`, and the two do not overlap.
    pub(super) unsafe fn copy_tiles(&self, tiles: Range<u64>, from: *const u8, to: *mut u8) {
        let start = tiles.start as usize * self.rows_per_tile;
        let end = (tiles.end as usize * self.rows_per_tile).min(self.rows());
        // SAFETY: the rows are of the section.
        unsafe { self.copy_rows(start..end, from, to) };
    }

    /// Copies the whole section.
    ///
    /// # Safety
    /// As for [`Self::copy_tiles`].
    #[inline]
    pub(super) unsafe fn copy(&self, from: *const u8, to: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe {
            if self.outer.is_empty() {
                self.copy_row(from, to);
            } else {
                self.copy_rows(0..self.rows(), from, to);
            }
        }
    }

    /// # Safety
    /// As for [`Self::copy_tiles`].
    unsafe fn copy_rows(&self, rows: Range<usize>, from: *const u8, to: *mut u8) {
        let element = self.element as isize;
        for row in rows {
            let (mut rest, mut source, mut target) = (row, 0, 0);
            for axis in self.outer.iter().rev() {
                let i = (rest % axis.extent) as isize;
                rest /= axis.extent;
                source += i * axis.from;
                target += i * axis.to;
            }
            // SAFETY: the row is of the section.
            unsafe { self.copy_row(from.offset(source * element), to.offset(target * element)) };
        }
    }

    /// # Safety
    /// A row of the section is readable at `from` and writable at `to`.
    #[inline]
    unsafe fn copy_row(&self, from: *const u8, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { with_bits!(self.element, Bits => self.inner.copy::<Bits>(from.cast(), to.cast())) };
    }
}

impl Inner {
    /// # Safety
    /// All elements of the loops are readable at `from` and writable at `to`.
    #[inline(always)]
    unsafe fn copy<T: Copy>(self, from: *const T, to: *mut T) {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Inner::Run(1) => *to = *from,
                Inner::Run(extent) => to.copy_from_nonoverlapping(from, extent),
                Inner::Apart(axis) => apart(axis, from, to),
                Inner::Blocks(a, b) => blocks(a, b, from, to),
            }
        }
    }
}

impl RoutineKernel for Strided {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        smallvec![self.phase()]
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, _scratch: *mut u8) {
        // SAFETY: the section is the whole operand, and the whole result.
        unsafe { self.copy_tiles(tiles, memory.inputs[0], memory.outputs[0]) };
    }
}

/// Whether a step of `outer` is what the end of `inner` leads to, in source and target.
fn continues(outer: Axis, inner: Axis) -> bool {
    let extent = inner.extent as isize;
    outer.from == inner.from * extent && outer.to == inner.to * extent
}

/// Takes the innermost loop, or two.
fn innermost(axes: &mut SmallVec<[Axis; 6]>) -> Inner {
    let Some(last) = axes.pop() else {
        return Inner::Run(1);
    };
    if last.from == 1 && last.to == 1 {
        return Inner::Run(last.extent);
    }
    if last.to == 1
        && let Some(at) = axes.iter().position(|axis| axis.from == 1)
    {
        return Inner::Blocks(axes.remove(at), last);
    }
    Inner::Apart(last)
}

/// # Safety
/// All elements of the axis are readable at `from` and writable at `to`.
#[inline(always)]
unsafe fn apart<T: Copy>(axis: Axis, from: *const T, to: *mut T) {
    for i in 0..axis.extent as isize {
        // SAFETY: the caller's promise.
        unsafe { *to.offset(i * axis.to) = *from.offset(i * axis.from) };
    }
}

/// Both sides of a block fit L1 and are read and written by whole cache lines.
const BLOCK: usize = 16;

/// # Safety
/// All elements of both axes are readable at `from` and writable at `to`.
#[inline(always)]
unsafe fn blocks<T: Copy>(a: Axis, b: Axis, from: *const T, to: *mut T) {
    for first_a in (0..a.extent).step_by(BLOCK) {
        let end_a = (first_a + BLOCK).min(a.extent);
        for first_b in (0..b.extent).step_by(BLOCK) {
            let end_b = (first_b + BLOCK).min(b.extent);
            for i in first_a as isize..end_a as isize {
                for j in first_b as isize..end_b as isize {
                    // SAFETY: the caller's promise.
                    unsafe { *to.offset(i * a.to + j * b.to) = *from.offset(i * a.from + j * b.from) };
                }
            }
        }
    }
}
