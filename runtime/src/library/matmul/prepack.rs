//! Packing a right operand ahead of the products that have it in common.
//!
//! Packed are all columns of one depth block after the other: panels as wide as a register block, the last one filled up with zeros.

use super::MatMul;
use super::element::{Accumulator, Packs, Panels};
use super::kernel::{DEPTH, Kernel, PACKED_COLUMNS};

impl MatMul {
    /// Bytes of the packed operand.
    pub fn packed_bytes(&self) -> usize {
        let (width, number) = match self.output.accumulator() {
            Accumulator::I32 => (i32::kernels().columns, 4),
            Accumulator::I64 => (i64::kernels().columns, 8),
            Accumulator::F32 => (f32::kernels().columns, 4),
            Accumulator::F64 => (f64::kernels().columns, 8),
        };
        self.depth as usize * (self.columns as usize).next_multiple_of(width) * number
    }

    /// Parts of the operand that can be packed at the same time.
    pub fn packing_parts(&self) -> u64 {
        self.depth.div_ceil(DEPTH as u64) * self.columns.div_ceil(PACKED_COLUMNS as u64)
    }

    /// Packs one part.
    ///
    /// # Safety
    /// `part < self.packing_parts()`. `rhs` is readable at all elements of the operand, `to` is aligned to its numbers and writable for
    /// [`Self::packed_bytes`], and nobody else uses the part.
    pub unsafe fn pack_part(&self, part: u64, rhs: *const u8, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.output.accumulator() {
                Accumulator::I32 => self.pack_numbers::<i32>(part, rhs, to.cast()),
                Accumulator::I64 => self.pack_numbers::<i64>(part, rhs, to.cast()),
                Accumulator::F32 => self.pack_numbers::<f32>(part, rhs, to.cast()),
                Accumulator::F64 => self.pack_numbers::<f64>(part, rhs, to.cast()),
            }
        }
    }

    /// # Safety
    /// As of [`Self::pack_part`], and `N` is the accumulator.
    unsafe fn pack_numbers<N: Kernel + Packs>(&self, part: u64, rhs: *const u8, to: *mut N) {
        let across = self.columns.div_ceil(PACKED_COLUMNS as u64);
        let start = (part / across) as usize * DEPTH;
        let first = (part % across) as usize * PACKED_COLUMNS;
        let depth = DEPTH.min(self.depth as usize - start);
        let offset = start as isize * self.rhs.row as isize + first as isize * self.rhs.column as isize;
        let panels = Panels {
            from: rhs.wrapping_offset(offset * self.input.size() as isize),
            lane_stride: self.rhs.column as isize,
            depth_stride: self.rhs.row as isize,
            lanes: PACKED_COLUMNS.min(self.columns as usize - first),
            depth,
            width: N::kernels().columns,
        };
        let to = to.wrapping_add(self.packed_at::<N>(start, first, depth));
        if let Some(pack) = N::pack(self.input) {
            // SAFETY: the part is within the operand, and the memory has room for whole panels.
            unsafe { pack(&panels, to) };
        }
    }

    /// Where the panel of a depth block begins that holds a column, which is the panel's first.
    pub(super) fn packed_at<N: Kernel>(&self, start: usize, column: usize, depth: usize) -> usize {
        start * (self.columns as usize).next_multiple_of(N::kernels().columns) + column * depth
    }
}
