//! Packing the right operand, the channels, ahead of the runs that have it in common.
//!
//! Packed is one box of channels after the other, as tiles have them, in each one phase after the other, in each one block of depth after the other: the panels that the
//! kernels take, as they would be gathered for each tile.

use std::ops::Range;

use smallvec::SmallVec;
use tensorwright_compiler::program::ConvolutionAxis;

use super::gather::Target;
use super::phase::{Phase, choices};
use super::plan::{ConvolutionPlan, Method, Orientation, is_channel};
use super::run::{Job, depth_loops, gathered};
use crate::library::matmul::{Accumulator, DEPTH, Kernel, Packs};

impl ConvolutionPlan {
    /// The same convolution with its right operand packed ahead. The bits of results are the same, if the routine has its order. `None` if it would not gain.
    pub(crate) fn prepacked(&self) -> Option<ConvolutionPlan> {
        let gains = self.method == Method::Products && self.work_per_tile() > 0 && self.tiles() > 0;
        let method = if self.is_minimal { Method::Minimal } else { self.method };
        gains.then(|| ConvolutionPlan { prepacked: true, method, ..self.clone() })
    }

    /// Bytes of the packed operand.
    pub(crate) fn packed_bytes(&self) -> usize {
        let parts = self.packing_parts() as usize;
        match self.output.accumulator() {
            Accumulator::I32 => 4 * self.numbers_of_box::<i32>() * parts,
            Accumulator::I64 => 8 * self.numbers_of_box::<i64>() * parts,
            Accumulator::F32 => 4 * self.numbers_of_box::<f32>() * parts,
            Accumulator::F64 => 8 * self.numbers_of_box::<f64>() * parts,
        }
    }

    /// Boxes of channels, which can be packed at the same time.
    pub(crate) fn packing_parts(&self) -> u64 {
        self.boxes().map(|(_, count)| count).product()
    }

    /// Packs one box of channels.
    ///
    /// # Safety
    /// `part` is below [`Self::packing_parts`]. `rhs` is readable as far as the routine reaches, `to` is aligned to its numbers and writable for
    /// [`Self::packed_bytes`], and nobody else uses the part.
    pub(crate) unsafe fn pack_part(&self, part: u64, rhs: *const u8, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.output.accumulator() {
                Accumulator::I32 => self.pack::<i32>(part, rhs, to.cast()),
                Accumulator::I64 => self.pack::<i64>(part, rhs, to.cast()),
                Accumulator::F32 => self.pack::<f32>(part, rhs, to.cast()),
                Accumulator::F64 => self.pack::<f64>(part, rhs, to.cast()),
            }
        }
    }

    /// # Safety
    /// As of [`Self::pack_part`], and `N` is the accumulator.
    unsafe fn pack<N: Kernel + Packs>(&self, part: u64, rhs: *const u8, to: *mut N) {
        let ranges = self.part_of_box(part);
        let side = self.side();
        let mut to = to.wrapping_add(part as usize * self.numbers_of_box::<N>());
        if self.is_minimal {
            // SAFETY: the caller's promise; elements are f32 if taps are transformed.
            return unsafe { self.pack_minimal(&ranges, rhs.cast(), to.cast()) };
        }
        for phases in choices(&self.phases) {
            if let Some(job) = Job::new(self, &ranges, &phases, [std::ptr::null(), rhs], std::ptr::null_mut())
            {
                let (lanes, depth) = job.extents(side);
                for start in (0..depth).step_by(DEPTH) {
                    let block = start..depth.min(start + DEPTH);
                    let to = to.wrapping_add(self.numbers(start) * self.padded::<N>(lanes));
                    // SAFETY: the caller's promise, for a part.
                    unsafe { self.pack_block(&job, lanes, block, to) };
                }
            }
            to = to.wrapping_add(self.packed_numbers::<N>(&phases));
        }
    }

    /// # Safety
    /// As of [`Self::pack`], for a block of depth of some channels.
    unsafe fn pack_block<N: Kernel + Packs>(
        &self,
        job: &Job<'_>,
        lanes: usize,
        depth: Range<usize>,
        to: *mut N,
    ) {
        let source = job.source::<N>(self.side());
        let unit = self.unit::<N>(lanes);
        // Pairs are made of a panel that is twice as large.
        let mut whole = vec![N::ZERO; if self.pairs { depth.len() * unit } else { 0 }];
        for first in (0..lanes).step_by(unit) {
            let (panel, to) =
                (first..lanes.min(first + unit), to.wrapping_add(first * self.numbers(depth.len())));
            let all = if self.pairs { whole.as_mut_ptr() } else { to };
            // SAFETY: the caller's promise; there is room for whole panels.
            unsafe {
                match self.orientation {
                    Orientation::Channels => gathered(&source, panel, depth.clone(), all, unit),
                    Orientation::Pixels => {
                        source.gather(panel, depth.clone(), Target { to: all, lane: 1, depth: unit });
                    }
                }
                self.pair_rows(all, to, depth.len(), unit);
            }
        }
    }

    /// The side of the product that the channels are.
    fn side(&self) -> usize {
        match self.orientation {
            Orientation::Channels => 1,
            Orientation::Pixels => 0,
        }
    }

    /// Channels of a panel, of so many.
    fn unit<N: Kernel>(&self, lanes: usize) -> usize {
        match self.orientation {
            Orientation::Channels => self.kernels::<N>().columns,
            Orientation::Pixels => {
                let kernels = self.kernels::<N>();
                kernels.panel_rows(lanes, kernels.columns)
            }
        }
    }

    /// Channels of all panels, of so many.
    fn padded<N: Kernel>(&self, lanes: usize) -> usize {
        lanes.next_multiple_of(self.unit::<N>(lanes))
    }

    /// Channels of a box, and their panels: what is left at the far edges has no more.
    fn padded_box<N: Kernel>(&self) -> usize {
        let channels = self.routine.axes.iter().zip(&self.tile).filter(|(axis, _)| is_channel(axis));
        self.padded::<N>(channels.map(|(_, &tile)| tile as usize).product::<usize>().max(1))
    }

    /// Numbers of one phase of a box.
    pub(super) fn packed_numbers<N: Kernel>(&self, phases: &[Phase]) -> usize {
        let depth: usize = depth_loops(self, phases).iter().map(|l| l.count).product();
        self.numbers(depth) * self.padded_box::<N>()
    }

    fn numbers_of_box<N: Kernel>(&self) -> usize {
        if self.is_minimal {
            return self.minimal_numbers(self.padded_box::<N>());
        }
        choices(&self.phases).map(|phases| self.packed_numbers::<N>(&phases)).sum()
    }

    /// Axes of the result that the right operand has, by their numbers, and into how many parts tiles cut each.
    fn boxes(&self) -> impl DoubleEndedIterator<Item = (usize, u64)> + '_ {
        let axes = self.routine.axes.iter().zip(&self.tile).enumerate();
        let is_ours = |axis: &ConvolutionAxis| is_channel(axis) || matches!(axis, ConvolutionAxis::Batch(_));
        axes.filter(move |(_, (axis, _))| is_ours(axis))
            .map(|(at, (axis, &tile))| (at, axis.extent().div_ceil(tile.max(1))))
    }

    /// Where the channels of a tile are packed, if they are.
    pub(super) fn packed_tile<N: Kernel>(&self, part: &[Range<u64>], packed: *const u8) -> Option<*const N> {
        let number = self
            .boxes()
            .fold(0, |number, (axis, count)| number * count + part[axis].start / self.tile[axis].max(1));
        let at = number as usize * self.numbers_of_box::<N>();
        self.prepacked.then(|| packed.cast::<N>().wrapping_add(at))
    }

    /// A box as a part of the result: with all pixels.
    fn part_of_box(&self, mut number: u64) -> SmallVec<[Range<u64>; 6]> {
        let mut part: SmallVec<[Range<u64>; 6]> =
            self.routine.axes.iter().map(|axis| 0..axis.extent()).collect();
        for (axis, count) in self.boxes().rev() {
            let first = number % count * self.tile[axis];
            part[axis] = first..(first + self.tile[axis]).min(part[axis].end);
            number /= count;
        }
        part
    }
}
