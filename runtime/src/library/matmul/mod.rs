//! Matrix products on strided matrices: `out[b] (+)= lhs[b] * rhs[b]`.
//!
//! [`MatMul::plan`] decides once, from shapes and strides, how the product is cut into tiles and which loops compute
//! them; [`MatMul::run_tile`] computes one tile, on whichever thread. Nothing is allocated: a tile works in
//! scratch memory that the caller provides.
//!
//! # The loops
//!
//! A tile of at most 240 rows goes through the depth in blocks of 256. In each block, panel after panel of the right
//! operand (as many columns as two registers hold) is packed into L1, and multiplied with all rows of the left operand, which
//! are read in place if their depth is adjacent and packed into L2 if not. The results of a block are added to the output, or to
//! a scratch tile when the output has another type or layout. Products whose output has adjacent *rows* are computed
//! transposed. A few rows (or columns) run at the speed of memory in kernels that read the large
//! operand once, in place.
//!
//! Operands narrower than the accumulator are widened while they are packed, and f16 and bf16 results rounded once, at the
//! end. Integers wrap.
//!
//! # Reproducibility
//!
//! Each result is a sum of blocks of 256 terms, each summed in order (only [`Method::Dot`] keeps 16 partial sums), so it
//! depends on the operands and the plan, and neither on tiles, threads, nor the width of the registers.

mod element;
mod kernel;
mod tiling;
mod vector;

pub use element::Element;

use element::{Accumulator, Finished, Packs, Panels};
use kernel::{
    Block, DEPTH, DOT_LANES, DOT_ROWS, Kernel, Kernels, MAX_COLUMNS, MAX_ROWS, PACKED_COLUMNS, STREAM_ROWS,
    UNPACKED_ROWS,
};
use std::ops::Range;
use tiling::{Grid, Method};

/// Columns of a tile from which packing its rows costs next to nothing.
const PACKING_COLUMNS: u64 = 128;

/// Steps between elements of a batch of matrices, in elements.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Strides {
    /// From one matrix of the batch to the next.
    pub batch: i64,
    /// From one row to the next.
    pub row: i64,
    /// From one column to the next.
    pub column: i64,
}

impl Strides {
    /// Adjacent matrices with adjacent rows of adjacent columns.
    pub fn row_major(rows: usize, columns: usize) -> Self {
        Self { batch: (rows * columns) as i64, row: columns as i64, column: 1 }
    }

    /// The strides of the transposed matrices.
    pub fn transposed(self) -> Self {
        Self { batch: self.batch, row: self.column, column: self.row }
    }

    fn offset(self, batch: u64, row: u64, column: u64) -> isize {
        let terms = [(batch, self.batch), (row, self.row), (column, self.column)];
        terms.iter().map(|&(i, step)| i as isize * step as isize).sum()
    }
}

/// A product to be planned: `batch` times `rows * depth` by `depth * columns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Product {
    /// Number of matrices.
    pub batch: usize,
    /// Rows of the left operand and the output.
    pub rows: usize,
    /// Columns of the right operand and the output.
    pub columns: usize,
    /// Columns of the left operand, rows of the right one.
    pub depth: usize,
    /// Element type of both operands.
    pub input: Element,
    /// Element type of the output.
    pub output: Element,
    /// Layout of the left operand.
    pub lhs: Strides,
    /// Layout of the right operand.
    pub rhs: Strides,
    /// Layout of the output.
    pub out: Strides,
    /// Whether the product is added to what the output holds, instead of replacing it.
    pub accumulate: bool,
}

impl Product {
    /// A product of row-major matrices of one type.
    pub fn row_major(element: Element, rows: usize, depth: usize, columns: usize) -> Self {
        Self {
            batch: 1,
            rows,
            columns,
            depth,
            input: element,
            output: element,
            lhs: Strides::row_major(rows, depth),
            rhs: Strides::row_major(depth, columns),
            out: Strides::row_major(rows, columns),
            accumulate: false,
        }
    }

    /// The same product as `rhs' * lhs' = out'`.
    fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            lhs: self.rhs.transposed(),
            rhs: self.lhs.transposed(),
            out: self.out.transposed(),
            ..self
        }
    }
}

/// A product of element types that cannot be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a product of {input:?} matrices cannot have {output:?} elements")]
pub struct UnsupportedProduct {
    /// Element type of the operands.
    pub input: Element,
    /// Element type of the output.
    pub output: Element,
}

/// A planned product. Machine code refers to it by address, so it has a C layout; it is not to be taken apart.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MatMul {
    batch: u64,
    rows: u64,
    columns: u64,
    depth: u64,
    lhs: Strides,
    rhs: Strides,
    out: Strides,
    tile_rows: u64,
    tile_columns: u64,
    row_tiles: u64,
    column_tiles: u64,
    input: Element,
    output: Element,
    method: Method,
    accumulate: bool,
    /// Whether all of the above is about the transposed product.
    transposed: bool,
}

/// The part of the output that a tile computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Which matrix of the batch.
    pub batch: u64,
    /// Which rows.
    pub rows: Range<u64>,
    /// Which columns.
    pub columns: Range<u64>,
}

impl MatMul {
    /// Decides how to compute a product.
    ///
    /// # Errors
    /// When the output is narrower than the operands (64 bits to fewer), or one is integers and the other floats. Products
    /// are computed in the output's precision: in f32 for f16, bf16 and f32, else in the output's type.
    pub fn plan(product: &Product) -> Result<Self, UnsupportedProduct> {
        let Product { input, output, .. } = *product;
        if !widens(input.accumulator(), output.accumulator()) {
            return Err(UnsupportedProduct { input, output });
        }
        let transposed = prefers_transposed(product);
        let product = if transposed { product.transposed() } else { *product };
        let method = method(&product);
        let [batch, rows, columns, depth] =
            [product.batch, product.rows, product.columns, product.depth].map(|n| n as u64);
        let grid = Grid::new(method, batch, rows, columns, depth);
        Ok(Self {
            batch,
            rows,
            columns,
            depth,
            lhs: product.lhs,
            rhs: product.rhs,
            out: product.out,
            tile_rows: grid.tile_rows,
            tile_columns: grid.tile_columns,
            row_tiles: grid.row_tiles,
            column_tiles: grid.column_tiles,
            input,
            output,
            method,
            accumulate: product.accumulate,
            transposed,
        })
    }

    /// The number of tiles; they may run in any order and at the same time.
    pub fn tiles(&self) -> u64 {
        self.batch * self.row_tiles * self.column_tiles
    }

    /// Multiplications per tile, for deciding whether threads pay off.
    pub fn work_per_tile(&self) -> u64 {
        (self.tile_rows * self.tile_columns).saturating_mul(self.depth.max(1))
    }

    /// Rows and columns of all tiles but those at the lower and right edges.
    pub fn tile_size(&self) -> (u64, u64) {
        if self.transposed {
            (self.tile_columns, self.tile_rows)
        } else {
            (self.tile_rows, self.tile_columns)
        }
    }

    /// Which part of the output a tile computes.
    pub fn tile(&self, tile: u64) -> Tile {
        let part = self.part(tile);
        let (rows, columns) =
            if self.transposed { (part.columns, part.rows) } else { (part.rows, part.columns) };
        Tile { rows, columns, ..part }
    }

    /// As [`Self::tile`], of the product that is really computed.
    fn part(&self, tile: u64) -> Tile {
        let column = tile % self.column_tiles * self.tile_columns;
        let row = tile / self.column_tiles % self.row_tiles * self.tile_rows;
        Tile {
            batch: tile / self.column_tiles / self.row_tiles,
            rows: row..(row + self.tile_rows).min(self.rows),
            columns: column..(column + self.tile_columns).min(self.columns),
        }
    }

    /// Bytes of scratch memory, aligned to 64 bytes, that each running tile needs for itself.
    pub fn scratch_bytes(&self) -> usize {
        self.scratch().bytes
    }

    fn scratch(&self) -> Scratch {
        let number = match self.output.accumulator() {
            Accumulator::I32 | Accumulator::F32 => 4,
            Accumulator::I64 | Accumulator::F64 => 8,
        };
        let depth = self.block_depth().min(self.depth as usize);
        let rows = self.tile_rows as usize + MAX_ROWS;
        let left = depth * rows * usize::from(self.packs_left());
        let packs_right = self.method == Method::Blocked || !self.reads_in_place();
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
    fn is_direct(&self) -> bool {
        self.output.is_number(self.output.accumulator()) && self.out.column == 1
    }

    /// Numbers per row of a scratch tile: whole register blocks.
    fn pitch(&self) -> usize {
        (self.tile_columns as usize).next_multiple_of(MAX_COLUMNS)
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

    /// Computes one tile. `out`, `lhs` and `rhs` point to the first element of the whole batch.
    ///
    /// # Safety
    /// `tile < self.tiles()`. The operands are readable and the output is writable at all elements of the product,
    /// they do not overlap, and nobody else uses this tile's part of the output. `scratch` is aligned to 64
    /// bytes, writable for [`Self::scratch_bytes`], and used by no other running tile. Elements are aligned to their
    /// size; the output needs to be initialised only if the product accumulates.
    pub unsafe fn run_tile(&self, tile: u64, out: *mut u8, lhs: *const u8, rhs: *const u8, scratch: *mut u8) {
        let part = self.part(tile);
        let first = self.out.offset(part.batch, part.rows.start, part.columns.start);
        // SAFETY: the first element of the part is one of the output; the rest is the caller's promise.
        unsafe {
            let out = out.offset(first * self.output.size() as isize);
            self.run_tile_to(tile, out, lhs, rhs, scratch);
        }
    }

    /// Like [`Self::run_tile`], with `out` pointing to the first element *of the tile*: so the output can be a buffer that
    /// holds just one tile, with the strides that the product was planned for.
    ///
    /// # Safety
    /// As for [`Self::run_tile`].
    pub unsafe fn run_tile_to(
        &self,
        tile: u64,
        out: *mut u8,
        lhs: *const u8,
        rhs: *const u8,
        scratch: *mut u8,
    ) {
        let (lhs, rhs) = if self.transposed { (rhs, lhs) } else { (lhs, rhs) };
        let part = self.part(tile);
        let left = self.lhs.offset(part.batch, part.rows.start, 0);
        let right = self.rhs.offset(part.batch, 0, part.columns.start);
        let size = self.input.size() as isize;
        // Without depth the operands have no elements, and their pointers must not move.
        let empty = self.depth == 0;
        let at = |offset: isize| if empty { 0 } else { offset * size };
        let operands = Operands {
            // SAFETY: the first elements of the part are elements of the operands.
            left: unsafe { lhs.offset(at(left)) },
            // SAFETY: as above.
            right: unsafe { rhs.offset(at(right)) },
            out,
            scratch,
            rows: (part.rows.end - part.rows.start) as usize,
            columns: (part.columns.end - part.columns.start) as usize,
        };
        // SAFETY: the caller's promise, for the part.
        unsafe {
            match self.output.accumulator() {
                Accumulator::I32 => self.run_part::<i32>(&operands),
                Accumulator::I64 => self.run_part::<i64>(&operands),
                Accumulator::F32 => self.run_part::<f32>(&operands),
                Accumulator::F64 => self.run_part::<f64>(&operands),
            }
        }
    }

    /// # Safety
    /// `operands` are those of one tile, valid as [`Self::run_tile`] says, and `N` is the accumulator.
    unsafe fn run_part<N: Kernel + Packs>(&self, operands: &Operands) {
        let direct = self.is_direct();
        let scratch = self.scratch();
        // SAFETY: the parts of the scratch memory are within it.
        let (right, sums) = unsafe {
            let base = operands.scratch;
            (base.add(scratch.right).cast(), base.add(scratch.sums).cast())
        };
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
            unsafe { run.finish() };
        }
    }
}

/// Where the parts of the scratch memory begin (the packed left operand is first), and its size.
struct Scratch {
    right: usize,
    sums: usize,
    bytes: usize,
}

/// One tile's memory.
struct Operands {
    left: *const u8,
    right: *const u8,
    out: *mut u8,
    scratch: *mut u8,
    rows: usize,
    columns: usize,
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
            b: std::ptr::null(),
            b_step: 0,
            out: self.out,
            out_row: self.out_row,
            adds,
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
            Method::Blocked => rows.div_ceil(rows.div_ceil(self.kernels.micro.len())),
            Method::Stream => rows,
            Method::Dot => 1,
        }
    }

    /// Packed panels and register blocks.
    ///
    /// # Safety
    /// See [`Self::block`].
    unsafe fn panels(&self, block: Block<N>, start: usize) {
        let Operands { rows, columns, .. } = *self.operands;
        let width = self.kernels.columns;
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
    unsafe fn rows(&self, block: &Block<N>, columns: usize) {
        let packed = self.plan.packs_left();
        // A scratch tile has room for whole register blocks, the output has not.
        let fits = columns == self.kernels.columns || !self.plan.is_direct();
        let height = self.panel_rows();
        for first in (0..self.operands.rows).step_by(height) {
            let rows = height.min(self.operands.rows - first);
            let (skipped, a_row, a_depth) = if packed {
                ((first * block.depth) as isize, 1, height as isize)
            } else {
                (first as isize * block.a_row, block.a_row, block.a_depth)
            };
            let block = Block {
                a: block.a.wrapping_offset(skipped),
                a_row,
                a_depth,
                out: block.out.wrapping_offset(first as isize * block.out_row),
                ..*block
            };
            let micro = self.kernels.micro[rows - 1];
            // SAFETY: the rows are those of the tile, and the kernel's columns fit or go to a buffer where they do.
            unsafe {
                if fits {
                    micro(&block);
                } else {
                    edge(micro, &block, rows, columns, self.kernels.columns);
                }
            }
        }
    }

    /// Very few rows against the large operand, which is read in place, or widened strip by strip.
    ///
    /// # Safety
    /// See [`Self::block`].
    unsafe fn stream(&self, block: Block<N>, start: usize) {
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
    unsafe fn dot(&self, block: Block<N>, start: usize) {
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

    /// Moves the sums to the output.
    ///
    /// # Safety
    /// See [`Self::block`]; the sums are complete.
    unsafe fn finish(&self) {
        let finished = Finished {
            sums: self.out.cast_const(),
            pitch: self.out_row as usize,
            rows: self.operands.rows,
            columns: self.operands.columns,
            row_stride: self.plan.out.row as isize,
            column_stride: self.plan.out.column as isize,
            adds: self.plan.accumulate,
        };
        if let Some(unpack) = N::unpack(self.plan.output) {
            // SAFETY: the output's part is the caller's to write.
            unsafe { unpack(&finished, self.operands.out) };
        }
    }
}

/// A register block of which only the first columns exist in the output.
///
/// # Safety
/// As for the kernel, but `block.out` is writable for `columns` only.
unsafe fn edge<N: Kernel>(
    micro: kernel::Micro<N>,
    block: &Block<N>,
    rows: usize,
    columns: usize,
    width: usize,
) {
    let mut whole = [N::ZERO; MAX_ROWS * MAX_COLUMNS];
    let inner = Block { out: whole.as_mut_ptr(), out_row: width as isize, adds: false, ..*block };
    // SAFETY: `whole` has room for the largest register block; the rest is the caller's promise.
    unsafe {
        micro(&inner);
        for row in 0..rows {
            let out = block.out.offset(row as isize * block.out_row);
            for (column, &sum) in whole[row * width..][..columns].iter().enumerate() {
                let out = out.add(column);
                *out = if block.adds { (*out).plus(sum) } else { sum };
            }
        }
    }
}

/// Whether every number of the one accumulator is one of the other.
fn widens(from: Accumulator, to: Accumulator) -> bool {
    use Accumulator::{F32, F64, I32, I64};
    matches!((from, to), (I32 | I64, I64) | (I32, I32) | (F32 | F64, F64) | (F32, F32))
}

/// Whether the transposed product is the faster one.
fn prefers_transposed(product: &Product) -> bool {
    let flipped = product.transposed();
    let [skinny, flipped_skinny] = [product, &flipped].map(|p| method(p) != Method::Blocked);
    if skinny != flipped_skinny {
        return flipped_skinny;
    }
    product.out.column != 1 && product.out.row == 1
}

fn method(product: &Product) -> Method {
    let Product { rows, rhs, .. } = *product;
    let wide = rows < product.columns.max(2);
    if wide && rows <= STREAM_ROWS && rhs.column == 1 {
        Method::Stream
    } else if wide
        && rows <= DOT_ROWS
        && rhs.row == 1
        && product.input.is_number(product.output.accumulator())
    {
        Method::Dot
    } else {
        Method::Blocked
    }
}

/// [`MatMul::run_tile`] for machine code.
///
/// # Safety
/// As for [`MatMul::run_tile`]; `plan` points to a plan.
pub unsafe extern "C" fn tensorwright_matmul_tile(
    plan: *const MatMul,
    tile: u64,
    out: *mut u8,
    lhs: *const u8,
    rhs: *const u8,
    scratch: *mut u8,
) {
    // SAFETY: the caller's promise.
    unsafe { (*plan).run_tile(tile, out, lhs, rhs, scratch) };
}

/// [`MatMul::run_tile_to`] for machine code.
///
/// # Safety
/// As for [`MatMul::run_tile_to`]; `plan` points to a plan.
pub unsafe extern "C" fn tensorwright_matmul_tile_to(
    plan: *const MatMul,
    tile: u64,
    out: *mut u8,
    lhs: *const u8,
    rhs: *const u8,
    scratch: *mut u8,
) {
    // SAFETY: the caller's promise.
    unsafe { (*plan).run_tile_to(tile, out, lhs, rhs, scratch) };
}

#[cfg(test)]
mod tests;
