//! A tile at work: packing, and the loops around the kernels.

use std::ops::Range;

use super::MatMul;
use super::blocks::BlockCopy;
use super::element::{Accumulator, Finished, Packs, Panels};
use super::kernel::{
    Block, DEPTH, DOT_LANES, Kernel, Kernels, MAX_COLUMNS, MAX_ROWS, PACKED_COLUMNS, Repeat, UNPACKED_ROWS,
};
use super::tiling::Method;

/// Columns of a tile from which packing its rows costs next to nothing.
const PACKING_COLUMNS: u64 = 128;

impl MatMul {
    pub(super) fn scratch(&self) -> Scratch {
        let number = match self.output.accumulator() {
            Accumulator::I32 | Accumulator::F32 => 4,
            Accumulator::I64 | Accumulator::F64 => 8,
        };
        let depth = self.block_depth().min(self.depth as usize);
        let rows = self.tile_rows as usize + MAX_ROWS;
        let left = depth * rows * usize::from(self.packs_left());
        let packs_right = !self.prepacked && (self.method == Method::Blocked || !self.reads_in_place());
        let right = depth * PACKED_COLUMNS * usize::from(packs_right);
        let sums = self.tile_rows as usize * self.pitch() * usize::from(!self.is_direct());
        let [left, right, sums] = [left, right, sums].map(|n| (n * number).next_multiple_of(64));
        Scratch { right: left, sums: left + right, bytes: left + right + sums }
    }

    /// Whether the operands need no conversion.
    fn reads_in_place(&self) -> bool {
        self.input.is_number(self.output.accumulator())
    }

    /// Terms that are added up in registers, one after the other in each lane.
    fn block_depth(&self) -> usize {
        match self.method {
            Method::Dot => DEPTH * DOT_LANES,
            Method::Blocked | Method::Stream => DEPTH,
        }
    }

    /// Whether sums can be kept in the output itself.
    pub(super) fn is_direct(&self) -> bool {
        self.output.is_number(self.output.accumulator()) && self.out.column == 1
    }

    /// Numbers per row of a scratch tile: whole register blocks.
    pub(super) fn pitch(&self) -> usize {
        (self.tile_columns as usize).next_multiple_of(MAX_COLUMNS)
    }

    /// Whether rows of the left operand are widened as they are, for kernels that read them in place.
    fn widens_rows(&self) -> bool {
        self.method == Method::Blocked && !self.reads_in_place() && self.lhs.column == 1
    }

    fn packs_left(&self) -> bool {
        if !self.reads_in_place() {
            return true;
        }
        match self.method {
            Method::Stream => false,
            Method::Dot => self.lhs.column != 1,
            Method::Blocked => {
                // Read in place, rows that begin at the same place in their pages fight for the same sets of the caches.
                let clash = self.lhs.row * self.input.size() as i64 % 4096 == 0;
                let cheap = self.tile_columns >= PACKING_COLUMNS && self.tile_rows > MAX_ROWS as u64;
                self.lhs.column != 1 || (clash && cheap)
            }
        }
    }

    /// # Safety
    /// `operands` are those of one tile, valid as [`Self::run_tile`] says, and `N` is the accumulator.
    pub(super) unsafe fn run_part<N: Kernel + Packs>(&self, operands: &Operands) {
        let direct = self.is_direct();
        let scratch = self.scratch();
        // SAFETY: the parts of the scratch memory are within it.
        let (right, sums) = unsafe { scratch.parts::<N>(operands.scratch) };
        let run = Run::<N> {
            plan: self,
            operands,
            kernels: N::kernels(),
            left: operands.scratch.cast(),
            right,
            out: if direct { operands.out.cast() } else { sums },
            out_row: if direct { self.out.row as isize } else { self.pitch() as isize },
        };
        let mut adds = direct && self.accumulate;
        let depth = self.depth as usize;
        if depth == 0 && !adds {
            // SAFETY: `run` is of this tile.
            unsafe { run.clear() };
        }
        for start in (0..depth).step_by(self.block_depth()) {
            // SAFETY: the block is within the depth.
            unsafe { run.block(start, self.block_depth().min(depth - start), adds) };
            adds = true;
        }
        if !direct {
            // SAFETY: all sums of the tile have been computed.
            unsafe { self.finish_sums::<N>(operands, sums, self.pitch()) };
        }
    }

    /// Moves the sums of a tile, rows of `pitch` numbers, to the output.
    ///
    /// # Safety
    /// As of [`Self::run_part`]; the sums are complete.
    pub(super) unsafe fn finish_sums<N: Packs>(&self, operands: &Operands, sums: *const N, pitch: usize) {
        let finished = Finished {
            sums,
            pitch,
            rows: operands.rows,
            columns: operands.columns,
            row_stride: self.out.row as isize,
            column_stride: self.out.column as isize,
            adds: self.accumulate,
        };
        if let Some(unpack) = N::unpack(self.output) {
            // SAFETY: the output's part is the caller's to write.
            unsafe { unpack(&finished, operands.out) };
        }
    }
}

/// Where the parts of the scratch memory begin (the packed left operand is first), and its size.
pub(super) struct Scratch {
    right: usize,
    sums: usize,
    pub(super) bytes: usize,
}

impl Scratch {
    /// Where the packed right operand and the sums are.
    ///
    /// # Safety
    /// `base` is scratch memory of this size.
    pub(super) unsafe fn parts<N>(&self, base: *mut u8) -> (*mut N, *mut N) {
        // SAFETY: the parts are within the memory.
        unsafe { (base.add(self.right).cast(), base.add(self.sums).cast()) }
    }
}

/// One tile's memory.
pub(super) struct Operands {
    pub(super) left: *const u8,
    pub(super) right: *const u8,
    pub(super) out: *mut u8,
    pub(super) scratch: *mut u8,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// The first of the columns, in the whole product.
    pub(super) first_column: usize,
}

/// A tile at work.
struct Run<'a, N: 'static> {
    plan: &'a MatMul,
    operands: &'a Operands,
    kernels: &'static Kernels<N>,
    left: *mut N,
    right: *mut N,
    out: *mut N,
    out_row: isize,
}

impl<N: Kernel + Packs> Run<'_, N> {
    /// Adds one depth block.
    ///
    /// # Safety
    /// The run is valid and the block within the depth, as for all methods here.
    unsafe fn block(&self, start: usize, depth: usize, adds: bool) {
        let (a, a_row, a_depth) = {
            // SAFETY: the caller's promise.
            unsafe { self.left_block(start, depth) }
        };
        let block = Block {
            depth,
            a,
            a_row,
            a_depth,
            a_terms: &[],
            b: std::ptr::null(),
            b_step: 0,
            out: self.out,
            out_row: self.out_row,
            adds,
            repeat: Repeat::ONCE,
        };
        // SAFETY: the caller's promise.
        unsafe {
            match self.plan.method {
                Method::Blocked => self.panels(block, start),
                Method::Stream => self.stream(block, start),
                Method::Dot => self.dot(block, start),
            }
        }
    }

    /// The left operand of a block, packed if need be: pointer, row step, depth step.
    ///
    /// # Safety
    /// See [`Self::block`].
    unsafe fn left_block(&self, start: usize, depth: usize) -> (*const N, isize, isize) {
        let plan = self.plan;
        let [row, column] = [plan.lhs.row as isize, plan.lhs.column as isize];
        let offset = start as isize * column * plan.input.size() as isize;
        // SAFETY: the depth is within the operand.
        let from = unsafe { self.operands.left.offset(offset) };
        let Some(pack) = N::pack(plan.input).filter(|_| plan.packs_left()) else {
            return (from.cast(), row, column);
        };
        if plan.widens_rows() {
            let rows = BlockCopy {
                from: from.cast(),
                from_steps: [row, 1],
                to: self.left,
                to_steps: [depth, 1],
                counts: [self.operands.rows, depth],
            };
            // SAFETY: the rows and the depth are part of the operand, and the scratch has room for the rows.
            unsafe { N::copy_block(plan.input)(&rows) };
            return (self.left, depth as isize, 1);
        }
        let panels = Panels {
            from: from.cast(),
            lane_stride: row,
            depth_stride: column,
            lanes: self.operands.rows,
            depth,
            width: self.panel_rows(),
        };
        // SAFETY: the rows and the depth are part of the operand, and the scratch has room for whole panels.
        unsafe { pack(&panels, self.left) };
        // The rows of a panel are adjacent; one-row panels, as the dot kernel has them, follow each other.
        match plan.method {
            Method::Dot => (self.left, depth as isize, 1),
            _ => (self.left, 1, panels.width as isize),
        }
    }

    /// Rows that are multiplied at once: about equal parts for the micro-kernels.
    fn panel_rows(&self) -> usize {
        let rows = self.operands.rows;
        match self.plan.method {
            Method::Blocked => self.kernels.panel_rows(rows, self.operands.columns),
            Method::Stream => rows,
            Method::Dot => 1,
        }
    }

    /// Packed panels and register blocks.
    ///
    /// # Safety
    /// See [`Self::block`].
    unsafe fn panels(&self, block: Block<'_, N>, start: usize) {
        let Operands { rows, columns, .. } = *self.operands;
        let width = self.kernels.columns;
        if self.plan.prepacked {
            // SAFETY: as the caller promises.
            return unsafe { self.packed_panels(block, start) };
        }
        let in_place = rows <= UNPACKED_ROWS && self.plan.reads_in_place() && self.plan.rhs.column == 1;
        let whole = if in_place { columns / width * width } else { 0 };
        for first in (0..whole).step_by(width) {
            let b = self.right_at(start, first);
            let out = block.out.wrapping_add(first);
            let b_step = self.plan.rhs.row as isize;
            // SAFETY: as the caller promises.
            unsafe { self.rows(&Block { b, b_step, out, ..block }, width) };
        }
        for first in (whole..columns).step_by(PACKED_COLUMNS) {
            let end = columns.min(first + PACKED_COLUMNS);
            // SAFETY: as the caller promises.
            unsafe { self.pack_right(start, block.depth, first..end, width) };
            for column in (first..end).step_by(width) {
                let b = self.right.wrapping_add((column - first) * block.depth);
                let (b_step, out) = (width as isize, block.out.wrapping_add(column));
                let lanes = width.min(end - column);
                // SAFETY: as the caller promises.
                unsafe { self.rows(&Block { b, b_step, out, ..block }, lanes) };
            }
        }
    }

    /// Panels that were packed ahead, and register blocks.
    ///
    /// # Safety
    /// See [`Self::block`].
    unsafe fn packed_panels(&self, block: Block<'_, N>, start: usize) {
        let Operands { columns, first_column, .. } = *self.operands;
        let width = self.kernels.columns;
        for column in (0..columns).step_by(width) {
            let at = self.plan.packed_at::<N>(start, first_column + column, block.depth);
            let b = self.operands.right.cast::<N>().wrapping_add(at);
            let (b_step, out) = (width as isize, block.out.wrapping_add(column));
            // SAFETY: as the caller promises.
            unsafe { self.rows(&Block { b, b_step, out, ..block }, width.min(columns - column)) };
        }
    }

    /// Packs at most [`PACKED_COLUMNS`] columns of the right operand.
    ///
    /// # Safety
    /// See [`Self::block`].
    unsafe fn pack_right(&self, start: usize, depth: usize, columns: Range<usize>, width: usize) {
        let plan = self.plan;
        let [row, column] = [plan.rhs.row as isize, plan.rhs.column as isize];
        let offset = start as isize * row + columns.start as isize * column;
        let panels = Panels {
            from: self.operands.right.wrapping_offset(offset * plan.input.size() as isize),
            lane_stride: column,
            depth_stride: row,
            lanes: columns.len(),
            depth,
            width,
        };
        if let Some(pack) = N::pack(plan.input) {
            // SAFETY: the columns and the depth are part of the operand, and the scratch has room for whole panels.
            unsafe { pack(&panels, self.right) };
        }
    }

    /// All rows against one panel.
    ///
    /// # Safety
    /// See [`Self::block`].
    unsafe fn rows(&self, block: &Block<'_, N>, columns: usize) {
        let packed = self.plan.packs_left() && !self.plan.widens_rows();
        // A scratch tile has room for whole register blocks, the output has not.
        let room = if self.plan.is_direct() { Room::Exact } else { Room::Whole };
        let (count, height) = (self.operands.rows, self.panel_rows());
        let (block, step) = if packed {
            let step = (height * block.depth) as isize;
            (Block { a_row: 1, a_depth: height as isize, ..*block }, step)
        } else {
            (*block, height as isize * block.a_row)
        };
        // SAFETY: the rows are those of the tile, and there is that room.
        unsafe { register_rows(self.kernels, &block, RowPanels { count, height, step }, columns, room) };
    }

    /// Very few rows against the large operand, which is read in place, or widened strip by strip.
    ///
    /// # Safety
    /// See [`Self::block`].
    unsafe fn stream(&self, block: Block<'_, N>, start: usize) {
        let Operands { rows, columns, .. } = *self.operands;
        let stream = self.kernels.stream[rows - 1];
        if self.plan.reads_in_place() {
            let (b, b_step) = (self.right_at(start, 0), self.plan.rhs.row as isize);
            // SAFETY: as the caller promises; the method is only chosen for few rows and adjacent columns.
            return unsafe { stream(&Block { b, b_step, ..block }, columns) };
        }
        for first in (0..columns).step_by(PACKED_COLUMNS) {
            let width = PACKED_COLUMNS.min(columns - first);
            let block = Block {
                b: self.right.cast_const(),
                b_step: width as isize,
                out: block.out.wrapping_add(first),
                ..block
            };
            // SAFETY: as above.
            unsafe {
                self.pack_right(start, block.depth, first..first + width, width);
                stream(&block, width);
            }
        }
    }

    /// Few rows against the large operand, which is read in place.
    ///
    /// # Safety
    /// See [`Self::block`].
    unsafe fn dot(&self, block: Block<'_, N>, start: usize) {
        let block = Block { b: self.right_at(start, 0), b_step: self.plan.rhs.column as isize, ..block };
        // SAFETY: as the caller promises; the method is only chosen for adjacent depth.
        unsafe { (self.kernels.dot)(&block, self.operands.rows, self.operands.columns) };
    }

    /// Where an element of the right operand is, for operands that need no conversion.
    fn right_at(&self, depth: usize, column: usize) -> *const N {
        let strides = self.plan.rhs;
        let offset = depth as isize * strides.row as isize + column as isize * strides.column as isize;
        self.operands.right.cast::<N>().wrapping_offset(offset)
    }

    /// A product without terms is zero.
    ///
    /// # Safety
    /// See [`Self::block`].
    unsafe fn clear(&self) {
        for row in 0..self.operands.rows {
            // SAFETY: the rows are those of the tile.
            unsafe {
                let out = self.out.offset(row as isize * self.out_row);
                (0..self.operands.columns).for_each(|column| *out.add(column) = N::ZERO);
            }
        }
    }
}

/// What there is of the output of a register block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// The columns that are wanted, and no more.
    Exact,
    /// All that a micro-kernel computes.
    Whole,
}

/// Rows of a left operand: how many there are, how many of them are multiplied at once, and how far those are from the ones before, in numbers.
#[derive(Clone, Copy)]
pub(crate) struct RowPanels {
    pub(crate) count: usize,
    pub(crate) height: usize,
    pub(crate) step: isize,
}

/// Rows against columns of one register block.
///
/// # Safety
/// As of [`register_block`], for all rows.
pub(crate) unsafe fn register_rows<N: Kernel>(
    kernels: &Kernels<N>,
    block: &Block<'_, N>,
    rows: RowPanels,
    columns: usize,
    room: Room,
) {
    let (whole, rest) = (rows.count / rows.height, rows.count % rows.height);
    let repeat = Repeat { count: whole, a: rows.step, out: rows.height as isize * block.out_row };
    // SAFETY: the caller's promise.
    unsafe {
        register_block(kernels, &Block { repeat, ..*block }, [rows.height, columns], room);
        if rest > 0 {
            let (a, out) = (rows.step * whole as isize, repeat.out * whole as isize);
            let block =
                Block { a: block.a.wrapping_offset(a), out: block.out.wrapping_offset(out), ..*block };
            register_block(kernels, &Block { repeat: Repeat::ONCE, ..block }, [rest, columns], room);
        }
    }
}

/// A register block of so many rows and columns, at most those of the kernels, and those that follow it.
///
/// # Safety
/// As for the kernel, but `block.out` is writable for the columns alone if there is no more room.
pub(crate) unsafe fn register_block<N: Kernel>(
    kernels: &Kernels<N>,
    block: &Block<'_, N>,
    [rows, columns]: [usize; 2],
    room: Room,
) {
    let (micro, width) = kernels.micro_for(rows, columns);
    if room == Room::Whole || columns == width {
        // SAFETY: the caller's promise.
        return unsafe { micro(block) };
    }
    let mut whole = [N::ZERO; MAX_ROWS * MAX_COLUMNS];
    let mut inner = Block {
        out: whole.as_mut_ptr(),
        out_row: width as isize,
        adds: false,
        repeat: Repeat::ONCE,
        ..*block
    };
    let mut out = block.out;
    for _ in 0..block.repeat.count {
        // SAFETY: `whole` has room for the largest register block; the rest is the caller's promise.
        unsafe {
            micro(&inner);
            for row in 0..rows {
                let out = out.offset(row as isize * block.out_row);
                for (column, &sum) in whole[row * width..][..columns].iter().enumerate() {
                    let out = out.add(column);
                    *out = if block.adds { (*out).plus(sum) } else { sum };
                }
            }
        }
        (inner.a, out) = (inner.a.wrapping_offset(block.repeat.a), out.wrapping_offset(block.repeat.out));
    }
}
