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
//! end. Integers wrap. Bytes that are added up in 32 bits are multiplied several at a time (`bytes`).
//!
//! # Reproducibility
//!
//! Each result is a sum of blocks of 256 terms, each summed in order (only [`Method::Dot`] keeps 16 partial sums), so it
//! depends on the operands and the plan, and neither on tiles, threads, nor the width of the registers.

mod blocks;
mod bytes;
mod element;
mod kernel;
mod minimal;
mod prepack;
mod run;
mod sliding;
mod tiling;
mod vector;

pub(super) use blocks::{BlockCopy, CopyBlock, zeros};
pub use element::Element;
pub(super) use element::{Accumulator, Finished, Packs, Panels};
pub(super) use kernel::{Block, DEPTH, Kernel, Kernels, MAX_COLUMNS, MAX_ROWS, Repeat, equal_parts};
pub(super) use minimal::{Filtered, MATRICES, RESULTS, TAPS, WINDOW, Window, taps};
pub(super) use run::{Room, RowPanels, register_rows};
pub(super) use sliding::{Slid, Weighted};
pub(super) use vector::Number;

use kernel::{DOT_LANES, DOT_ROWS, STREAM_ROWS};
use run::Operands;
use std::ops::Range;
use tiling::{Grid, Method};

/// Steps between elements of a batch of matrices, in elements.
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

/// A product, by its shapes and layouts, that [`MatMul::plan`] plans: `batch` times `rows * depth` by `depth * columns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MatMulDescriptor {
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

impl MatMulDescriptor {
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

/// A planned product: its tiles, and the loops that compute them.
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
    /// Whether the right operand is given as [`Self::pack_part`] makes it.
    prepacked: bool,
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
    pub fn plan(product: &MatMulDescriptor) -> Result<Self, UnsupportedProduct> {
        let MatMulDescriptor { input, output, .. } = *product;
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
            prepacked: false,
        })
    }

    /// The same product with its right operand packed ahead, for operands that many products have in common. The bits of results
    /// are the same. `None` if this product would not gain: if it reads the operand as it is, packs it for many rows at once, or multiplies bytes.
    pub fn prepacked(&self) -> Option<Self> {
        let gains = self.method == Method::Blocked && !self.transposed && self.rows <= PREPACKED_ROWS;
        (gains && self.batch == 1 && self.depth > 0 && self.byte_kernels().is_none())
            .then_some(Self { prepacked: true, ..*self })
    }

    /// The number of tiles; they may run in any order and at the same time.
    pub fn tiles(&self) -> u64 {
        self.batch * self.row_tiles * self.column_tiles
    }

    /// Multiplications per tile, for deciding whether threads pay off.
    pub fn work_per_tile(&self) -> u64 {
        (self.tile_rows * self.tile_columns).saturating_mul(self.depth.max(1))
    }

    /// Partial sums of each result: term `i` is added to partial `i` modulo their number, in order; in the end partials are added
    /// pairwise, and zero to that.
    pub fn partial_sums(&self) -> usize {
        match self.method {
            Method::Dot => DOT_LANES,
            Method::Blocked | Method::Stream => 1,
        }
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
        let right = if self.prepacked { 0 } else { self.rhs.offset(part.batch, 0, part.columns.start) };
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
            first_column: part.columns.start as usize,
        };
        // SAFETY: the caller's promise, for the part.
        unsafe {
            if let Some(bytes) = self.byte_kernels() {
                return self.run_bytes(&operands, bytes);
            }
            match self.output.accumulator() {
                Accumulator::I32 => self.run_part::<i32>(&operands),
                Accumulator::I64 => self.run_part::<i64>(&operands),
                Accumulator::F32 => self.run_part::<f32>(&operands),
                Accumulator::F64 => self.run_part::<f64>(&operands),
            }
        }
    }
}

/// Rows up to which packing the right operand takes a good part of a product's time.
const PREPACKED_ROWS: u64 = 96;

/// Whether every number of the one accumulator is one of the other.
pub(super) fn widens(from: Accumulator, to: Accumulator) -> bool {
    use Accumulator::{F32, F64, I32, I64};
    matches!((from, to), (I32 | I64, I64) | (I32, I32) | (F32 | F64, F64) | (F32, F32))
}

/// Whether the transposed product is the faster one.
fn prefers_transposed(product: &MatMulDescriptor) -> bool {
    let flipped = product.transposed();
    let [skinny, flipped_skinny] = [product, &flipped].map(|p| method(p) != Method::Blocked);
    if skinny != flipped_skinny {
        return flipped_skinny;
    }
    product.out.column != 1 && product.out.row == 1
}

fn method(product: &MatMulDescriptor) -> Method {
    let MatMulDescriptor { rows, rhs, .. } = *product;
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

#[cfg(test)]
mod tests;
