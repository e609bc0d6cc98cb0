//! Products of bytes that are added up in 32 bits: several terms in each lane at once.
//!
//! Neighbouring terms of a sum are one number of four bytes: *quads* of bytes for `vpdpbusd` (AVX512-VNNI), *pairs* of 16-bit integers for `vpmaddwd` (AVX2).
//! The kernels are those of all other products, with registers that multiply such numbers. Neither instruction saturates here, and integers wrap, so
//! results are the same bits on every machine.
//!
//! `vpdpbusd` wants unsigned bytes on the left and signed ones on the right. Signed bytes on the left get 128 more, unsigned ones on the right 128 less; what that adds
//! to a sum is 128 times the sum of the other operand's terms, which is taken off behind each block.

use super::MatMul;
use super::element::{Accumulator, Element};
use super::kernel::{Block, ByteKernels, DEPTH, Grouping, MAX_COLUMNS, Repeat, byte_kernels};
use super::run::{Operands, Room, RowPanels, register_rows};
use super::tiling::Method;

/// Terms from which on products of bytes are grouped.
const LEAST_DEPTH: u64 = 16;

impl MatMul {
    /// The kernels of a product of bytes in 32 bits; `None` for all others, and on machines without such.
    pub(super) fn byte_kernels(&self) -> Option<&'static ByteKernels> {
        let is_bytes = matches!(self.input, Element::I8 | Element::U8);
        let is_narrow = self.output.accumulator() == Accumulator::I32;
        let fits = is_bytes && is_narrow && self.method == Method::Blocked && self.depth >= LEAST_DEPTH;
        byte_kernels().filter(|_| fits && !self.prepacked)
    }

    /// Computes a tile.
    ///
    /// # Safety
    /// `operands` are those of one tile, and the kernels are those of the product.
    pub(super) unsafe fn run_bytes(&self, operands: &Operands, bytes: &ByteKernels) {
        let scratch = self.scratch();
        // SAFETY: the parts of the scratch memory are within it.
        let (right, sums) = unsafe { scratch.parts::<i32>(operands.scratch) };
        let is_direct = self.is_direct();
        let run = Bytes {
            plan: self,
            operands,
            bytes,
            left: operands.scratch.cast(),
            right,
            out: if is_direct { operands.out.cast() } else { sums },
            out_row: if is_direct { self.out.row as isize } else { self.pitch() as isize },
        };
        let mut adds = is_direct && self.accumulate;
        let (depth, terms) = (self.depth as usize, DEPTH * bytes.grouping.terms());
        for start in (0..depth).step_by(terms) {
            // SAFETY: the block is within the depth.
            unsafe { run.block(start, terms.min(depth - start), adds) };
            adds = true;
        }
        if !is_direct {
            // SAFETY: all sums of the tile have been computed.
            unsafe { self.finish_sums::<i32>(operands, sums, self.pitch()) };
        }
    }
}

impl Grouping {
    /// Terms of a number.
    pub(super) fn terms(self) -> usize {
        match self {
            Grouping::Quads => 4,
            Grouping::Pairs => 2,
        }
    }
}

/// A tile at work.
struct Bytes<'a> {
    plan: &'a MatMul,
    operands: &'a Operands,
    bytes: &'a ByteKernels,
    left: *mut i32,
    right: *mut i32,
    out: *mut i32,
    out_row: isize,
}

impl Bytes<'_> {
    /// Adds a block of so many terms.
    ///
    /// # Safety
    /// The run is valid and the block within the depth, as for all methods here.
    unsafe fn block(&self, start: usize, terms: usize, adds: bool) {
        let Operands { rows, columns, .. } = *self.operands;
        let (width, numbers) = (self.bytes.kernels.columns, terms.div_ceil(self.bytes.grouping.terms()));
        // SAFETY: the caller's promise; scratch memory has room for blocks of numbers.
        unsafe {
            for row in 0..rows {
                self.pack_row(row, start, terms, self.left.add(row * numbers));
            }
            for column in (0..columns).step_by(width) {
                let count = width.min(columns - column);
                self.pack_panel(column, count, start, terms);
                let block = Block {
                    depth: numbers,
                    a: self.left,
                    a_row: numbers as isize,
                    a_depth: 1,
                    a_terms: &[],
                    b: self.right,
                    b_step: width as isize,
                    out: self.out.add(column),
                    out_row: self.out_row,
                    adds,
                    repeat: Repeat::ONCE,
                };
                self.rows(&block, count);
                self.take_off(&block, count);
            }
        }
    }

    /// # Safety
    /// See [`Self::block`].
    unsafe fn rows(&self, block: &Block<'_, i32>, columns: usize) {
        let (kernels, count) = (&self.bytes.kernels, self.operands.rows);
        let height = kernels.panel_rows(count, columns);
        let room = if self.plan.is_direct() { Room::Exact } else { Room::Whole };
        let rows = RowPanels { count, height, step: height as isize * block.a_row };
        // SAFETY: the rows are those of the tile, and there is that room.
        unsafe { register_rows(kernels, block, rows, columns, room) };
    }

    /// Takes off what unsigned bytes on the left and signed ones on the right are too much.
    ///
    /// # Safety
    /// See [`Self::block`]; the block has been added.
    unsafe fn take_off(&self, block: &Block<'_, i32>, columns: usize) {
        if self.bytes.grouping == Grouping::Pairs {
            return;
        }
        let mut by_column = [0i32; MAX_COLUMNS];
        let is_signed = self.plan.input == Element::I8;
        if is_signed {
            let all = [i32::from_ne_bytes([128; 4]); DEPTH];
            let one = Block { a: all.as_ptr(), out: by_column.as_mut_ptr(), adds: false, ..*block };
            // SAFETY: a row of sums of all columns of the panel.
            unsafe { self.bytes.kernels.micro[0](&one) };
        }
        for row in 0..self.operands.rows {
            // SAFETY: the row is one of the block's, and of the tile's.
            let (numbers, out) = unsafe {
                let out = block.out.offset(row as isize * block.out_row);
                let a = block.a.offset(row as isize * block.a_row);
                (
                    std::slice::from_raw_parts(a.cast::<u8>(), 4 * block.depth),
                    std::slice::from_raw_parts_mut(out, columns),
                )
            };
            let by_row = if is_signed { 0 } else { 128 * numbers.iter().map(|&x| i32::from(x)).sum::<i32>() };
            for (out, &by_column) in out.iter_mut().zip(&by_column) {
                *out = out.wrapping_sub(by_column).wrapping_add(by_row);
            }
        }
    }

    /// Packs a row of the left operand. Terms that are missing in the last number are 0.
    ///
    /// # Safety
    /// See [`Self::block`]; `to` has room for the numbers.
    unsafe fn pack_row(&self, row: usize, start: usize, terms: usize, to: *mut i32) {
        let [down, across] = [self.plan.lhs.row as isize, self.plan.lhs.column as isize];
        let from = self.operands.left.wrapping_offset(row as isize * down + start as isize * across);
        let flip = if self.plan.input == Element::I8 { 0x80 } else { 0 };
        // SAFETY: the terms are those of the operand.
        let byte = |i: usize| unsafe { *from.offset(i as isize * across) };
        match self.bytes.grouping {
            Grouping::Quads => {
                let to = to.cast::<u8>();
                // SAFETY: the numbers are writable.
                unsafe {
                    (terms..terms.next_multiple_of(4)).for_each(|i| *to.add(i) = 0);
                    if across == 1 {
                        let (from, to) = (
                            std::slice::from_raw_parts(from, terms),
                            std::slice::from_raw_parts_mut(to, terms),
                        );
                        to.iter_mut().zip(from).for_each(|(to, &from)| *to = from ^ flip);
                    } else {
                        (0..terms).for_each(|i| *to.add(i) = byte(i) ^ flip);
                    }
                }
            }
            Grouping::Pairs => {
                let to = to.cast::<i16>();
                // SAFETY: the numbers are writable.
                unsafe {
                    (terms..terms.next_multiple_of(2)).for_each(|i| *to.add(i) = 0);
                    (0..terms).for_each(|i| *to.add(i) = self.wide(byte(i)));
                }
            }
        }
    }

    fn wide(&self, byte: u8) -> i16 {
        if self.plan.input == Element::I8 { i16::from(byte as i8) } else { i16::from(byte) }
    }

    /// Packs a panel of the right operand: rows of a number for each column. Missing columns and terms are 0.
    ///
    /// # Safety
    /// See [`Self::block`].
    unsafe fn pack_panel(&self, column: usize, count: usize, start: usize, terms: usize) {
        let [down, across] = [self.plan.rhs.row as isize, self.plan.rhs.column as isize];
        let from = self.operands.right.wrapping_offset(column as isize * across + start as isize * down);
        let (width, group) = (self.bytes.kernels.columns, self.bytes.grouping.terms());
        let flip = if self.plan.input == Element::U8 { 0x80 } else { 0 };
        for number in 0..terms.div_ceil(group) {
            let first = number * group;
            let row = from.wrapping_offset(first as isize * down);
            let is_whole = count == width && first + group <= terms;
            let to = self.right.wrapping_add(number * width);
            // SAFETY: the terms and columns are those of the operand, and the panel is writable.
            unsafe {
                match self.bytes.grouping {
                    Grouping::Quads if is_whole && across == 1 => interleave(row, down, flip, width, to),
                    Grouping::Quads => {
                        for lane in 0..width {
                            let byte = |i: usize| match lane < count && first + i < terms {
                                true => *row.offset(lane as isize * across + i as isize * down) ^ flip,
                                false => 0,
                            };
                            *to.add(lane) = i32::from_ne_bytes(std::array::from_fn(byte));
                        }
                    }
                    Grouping::Pairs => {
                        for lane in 0..width {
                            let half = |i: usize| match lane < count && first + i < terms {
                                true => self.wide(*row.offset(lane as isize * across + i as isize * down)),
                                false => 0,
                            };
                            to.add(lane).cast::<[i16; 2]>().write(std::array::from_fn(half));
                        }
                    }
                }
            }
        }
    }
}

/// Four rows of bytes as one row of quads.
///
/// # Safety
/// The rows are readable for `width` bytes, a multiple of 16, and `to` is writable for as many quads.
unsafe fn interleave(from: *const u8, row: isize, flip: u8, width: usize, to: *mut i32) {
    for first in (0..width).step_by(16) {
        // SAFETY: the caller's promise.
        let rows: [[u8; 16]; 4] = std::array::from_fn(|i| unsafe {
            from.offset(i as isize * row).add(first).cast::<[u8; 16]>().read()
        });
        let quads: [[u8; 4]; 16] = std::array::from_fn(|lane| std::array::from_fn(|i| rows[i][lane] ^ flip));
        // SAFETY: as above.
        unsafe { to.add(first).cast::<[[u8; 4]; 16]>().write_unaligned(quads) };
    }
}
