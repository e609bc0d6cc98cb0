//! Sections of fixed size at computed places.

use std::ops::Range;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::{DType, Shape, TensorType};

use super::copy::{Axis, Bytes, Strided};
use super::windows::read_index;
use super::{Memory, Phase, RoutineKernel};

/// Where a section begins.
#[derive(Debug)]
struct Starts {
    dtype: DType,
    /// For each axis the step in `x`, in bytes, and the last start of a section that lies within `x`.
    axes: SmallVec<[(isize, i64); 6]>,
}

impl Starts {
    fn new(x: &TensorType, section: &Shape, starts: &TensorType) -> Self {
        let steps = x.shape.strides();
        let axis = |(axis, &step): (usize, &usize)| {
            let last = x.shape.size(axis) as i64 - section.size(axis) as i64;
            ((step * x.dtype.size()) as isize, last)
        };
        Self { dtype: starts.dtype, axes: steps.iter().enumerate().map(axis).collect() }
    }

    /// Bytes from the beginning of `x` to the section, with the starts clamped.
    ///
    /// # Safety
    /// `starts` points to a number for each axis.
    unsafe fn read(&self, starts: *const u8) -> isize {
        let mut at = 0;
        for (axis, &(step, last)) in self.axes.iter().enumerate() {
            // SAFETY: the caller's promise.
            let start = unsafe { read_index(self.dtype, starts, axis as isize) };
            at += start.clamp(0, last) as isize * step;
        }
        at
    }
}

/// Axes of a section of `x` that is dense somewhere else: steps in `x`, and there.
fn section_axes(x: &Shape, section: &Shape) -> impl Iterator<Item = (usize, isize, isize)> {
    let (in_x, dense) = (x.strides(), section.strides());
    let sizes = section.sizes();
    (0..sizes.len()).map(move |axis| (sizes[axis], in_x[axis] as isize, dense[axis] as isize))
}

/// `dynamic_slice` of certain types.
#[derive(Debug)]
pub(super) struct Reading {
    starts: Starts,
    section: Strided,
    empty: bool,
}

impl Reading {
    pub(super) fn new(operands: &[TensorType], result: &TensorType) -> Self {
        let x = &operands[0];
        let axes = section_axes(&x.shape, &result.shape).map(|(extent, from, to)| Axis { extent, from, to });
        Self {
            starts: Starts::new(x, &result.shape, &operands[1]),
            section: Strided::new(axes, x.dtype.size()),
            empty: result.elements() == 0,
        }
    }
}

impl RoutineKernel for Reading {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        if self.empty { SmallVec::new() } else { smallvec![self.section.phase()] }
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, _scratch: *mut u8) {
        // SAFETY: starts are clamped, so the section lies within the operand; it is as large as the result.
        unsafe {
            let from = memory.inputs[0].offset(self.starts.read(memory.inputs[1]));
            self.section.copy_tiles(tiles, from, memory.outputs[0]);
        }
    }
}

/// `dynamic_update_slice` of certain types.
#[derive(Debug)]
pub(super) struct Writing {
    x: Bytes,
    starts: Starts,
    section: Strided,
    empty: bool,
}

impl Writing {
    pub(super) fn new(operands: &[TensorType]) -> Self {
        let [x, update, starts] = [&operands[0], &operands[1], &operands[2]];
        let axes = section_axes(&x.shape, &update.shape).map(|(extent, to, from)| Axis { extent, from, to });
        Self {
            x: Bytes { bytes: x.bytes() },
            starts: Starts::new(x, &update.shape, starts),
            section: Strided::new(axes, x.dtype.size()),
            empty: update.elements() == 0,
        }
    }
}

impl RoutineKernel for Writing {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        let section = if self.empty { Phase { tiles: 0, tile_ns: 0 } } else { self.section.phase() };
        smallvec![self.x.phase(), section]
    }

    fn is_done(&self, phase: usize, memory: &Memory<'_>) -> bool {
        phase == 0 && memory.is_in_place()
    }

    unsafe fn run(&self, phase: usize, tiles: Range<u64>, memory: &Memory<'_>, _scratch: *mut u8) {
        // SAFETY: the result is as large as `x`; starts are clamped, so the section lies within it.
        unsafe {
            if phase == 0 {
                return self.x.copy(tiles, memory.inputs[0], memory.outputs[0]);
            }
            let to = memory.outputs[0].offset(self.starts.read(memory.inputs[2]));
            self.section.copy_tiles(tiles, memory.inputs[1], to);
        }
    }
}
