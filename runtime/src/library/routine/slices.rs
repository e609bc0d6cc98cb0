//! Ops that compute one slice after the other, a slice of each result out of one of each operand: matrices, lines. A tile is a number of slices.

use std::fmt;
use std::mem::MaybeUninit;
use std::ops::Range;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::TensorType;

use super::{Memory, Phase, RoutineKernel};

/// Nanoseconds of a tile, if slices are small.
const TILE_NS: u64 = 10_000;
/// Operations in a nanosecond, and nanoseconds of a slice besides them.
const FLOPS_PER_NS: u64 = 4;
const SLICE_NS: u64 = 200;

/// An op that takes the slices of its operands one by one.
pub(super) struct PerSlice {
    name: &'static str,
    count: usize,
    per_tile: usize,
    slice_ns: u64,
    /// Bytes of a slice of each operand and of each result.
    inputs: SmallVec<[usize; 2]>,
    outputs: SmallVec<[usize; 3]>,
    job: Job,
}

/// What is done with one slice.
pub(super) struct Job {
    flops: u64,
    scratch_bytes: usize,
    each: Box<dyn Fn(&One<'_>) + Send + Sync>,
}

impl Job {
    pub(super) fn some(
        flops: u64,
        scratch_bytes: usize,
        each: Box<dyn Fn(&One<'_>) + Send + Sync>,
    ) -> Option<Job> {
        Some(Job { flops, scratch_bytes, each })
    }

    /// The same for numbers with which an operation takes so many.
    pub(super) fn times(self, factor: u64) -> Job {
        Job { flops: self.flops * factor, ..self }
    }
}

/// A slice of each operand and of each result, and scratch memory. Whoever makes it vouches for the pointers, and that elements have
/// values.
pub(super) struct One<'a> {
    inputs: &'a [(*const u8, usize)],
    outputs: &'a [(*mut u8, usize)],
    scratch: (*mut u8, usize),
}

impl One<'_> {
    pub(super) fn input<T>(&self, operand: usize) -> &[T] {
        let (start, bytes) = self.inputs[operand];
        // SAFETY: what is promised of the pointers.
        unsafe { std::slice::from_raw_parts(start.cast(), bytes / size_of::<T>()) }
    }

    #[expect(clippy::mut_from_ref, reason = "each result is asked for once")]
    pub(super) fn output<T>(&self, result: usize) -> &mut [T] {
        let (start, bytes) = self.outputs[result];
        // SAFETY: what is promised of the pointers; nobody else has this part of the result.
        unsafe { std::slice::from_raw_parts_mut(start.cast(), bytes / size_of::<T>()) }
    }

    #[expect(clippy::mut_from_ref, reason = "it is asked for once")]
    pub(super) fn scratch(&self) -> &mut [MaybeUninit<u8>] {
        let (start, bytes) = self.scratch;
        if bytes == 0 {
            return &mut [];
        }
        // SAFETY: what is promised of the pointers; the memory is this thread's.
        unsafe { std::slice::from_raw_parts_mut(start.cast(), bytes) }
    }
}

impl PerSlice {
    /// The job for each of `count` slices.
    pub(super) fn new(
        name: &'static str,
        count: usize,
        job: Job,
        operands: &[TensorType],
        results: &[TensorType],
    ) -> Self {
        let slice_ns = SLICE_NS + job.flops / FLOPS_PER_NS;
        let bytes = |ty: &TensorType| ty.bytes() / count.max(1);
        Self {
            name,
            count,
            per_tile: (TILE_NS / slice_ns).max(1) as usize,
            slice_ns,
            inputs: operands.iter().map(bytes).collect(),
            outputs: results.iter().map(bytes).collect(),
            job,
        }
    }
}

impl fmt::Debug for PerSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} slices", self.name, self.count)
    }
}

impl RoutineKernel for PerSlice {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        let tiles = self.count.div_ceil(self.per_tile) as u64;
        smallvec![Phase { tiles, tile_ns: self.slice_ns * self.per_tile as u64 }]
    }

    fn scratch_bytes(&self) -> usize {
        self.job.scratch_bytes
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, scratch: *mut u8) {
        let slices =
            tiles.start as usize * self.per_tile..(tiles.end as usize * self.per_tile).min(self.count);
        for index in slices {
            // SAFETY: the slice is one of the tile's, within operands and results, and elements of results are written before they are read.
            let inputs: SmallVec<[(*const u8, usize); 2]> = unsafe {
                let at = |(i, &bytes): (usize, &usize)| (memory.inputs[i].add(index * bytes), bytes);
                self.inputs.iter().enumerate().map(at).collect()
            };
            // SAFETY: as above.
            let outputs: SmallVec<[(*mut u8, usize); 3]> = unsafe {
                let at = |(i, &bytes): (usize, &usize)| {
                    let start = memory.outputs[i].add(index * bytes);
                    start.write_bytes(0, bytes);
                    (start, bytes)
                };
                self.outputs.iter().enumerate().map(at).collect()
            };
            (self.job.each)(&One {
                inputs: &inputs,
                outputs: &outputs,
                scratch: (scratch, self.job.scratch_bytes),
            });
        }
    }
}
