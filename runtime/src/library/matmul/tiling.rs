//! How a product is cut into tiles. Only shapes and strides decide, so a result never depends on who computes it.

use super::kernel::STREAM_COLUMNS;

/// Which loops compute a tile.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Method {
    /// Packed panels and register blocks.
    Blocked,
    /// Very few rows against a matrix with adjacent columns.
    Stream,
    /// Few rows against a matrix with adjacent depth.
    Dot,
}

/// Rows whose panel of one depth block stays in L2 (240 KiB in f32).
const MOST_ROWS: u64 = 240;
/// Row tiles are multiples of this: full register blocks on every instruction set.
const ROW_STEP: u64 = 12;
/// Columns up to which the tile of results stays in the caches for whatever follows.
const MOST_COLUMNS: u64 = 256;
const COLUMN_STEP: u64 = 32;
/// Tiles that a large product should have at least, so that threads end together.
const WANTED_TILES: u64 = 32;
/// Multiplications below which a tile is not worth a thread's attention (a few microseconds).
const LEAST_WORK: u64 = 1 << 17;
/// Multiplications that a tile has before there are more than a few: each tile packs its operands anew.
const GOOD_WORK: u64 = 1 << 21;

/// Columns of a strip below which memory is read in pieces too short for the hardware to look ahead.
const GOOD_STRIP: u64 = 768;

/// How many tiles a product of so many multiplications should have.
fn wanted_tiles(work: u64) -> u64 {
    (work / LEAST_WORK).min(4 + work / GOOD_WORK).clamp(1, WANTED_TILES)
}

/// The grid of tiles, and the size of all but the last in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) row_tiles: u64,
    pub(crate) column_tiles: u64,
    pub(crate) tile_rows: u64,
    pub(crate) tile_columns: u64,
}

impl Grid {
    /// The grid for `batch` products of `rows * depth` and `depth * columns`.
    pub(crate) fn new(method: Method, batch: u64, rows: u64, columns: u64, depth: u64) -> Self {
        let work = [batch, rows, columns, depth.max(1)].into_iter().fold(1, u64::saturating_mul);
        let wanted = wanted_tiles(work).div_ceil(batch.max(1));
        match method {
            Method::Blocked => Self::blocked(rows, columns, wanted),
            Method::Stream => {
                let long = columns.div_ceil(GOOD_STRIP);
                Self::strips(rows, columns, wanted.min(long), 64)
            }
            Method::Dot => Self::strips(rows, columns, wanted, 8),
        }
    }

    fn blocked(rows: u64, columns: u64, wanted: u64) -> Self {
        let most_column_tiles = columns.div_ceil(COLUMN_STEP).max(1);
        let most_row_tiles = rows.div_ceil(2 * ROW_STEP).max(1);
        let row_tiles = wanted.div_ceil(most_column_tiles).min(most_row_tiles).max(rows.div_ceil(MOST_ROWS));
        let column_tiles =
            wanted.div_ceil(row_tiles.max(1)).min(most_column_tiles).max(columns.div_ceil(MOST_COLUMNS));
        Self::of(rows, columns, share(rows, row_tiles, ROW_STEP), share(columns, column_tiles, COLUMN_STEP))
    }

    fn strips(rows: u64, columns: u64, wanted: u64, step: u64) -> Self {
        let tiles = wanted.max(columns.div_ceil(STREAM_COLUMNS as u64));
        let tile_columns = share(columns, tiles, step).min(STREAM_COLUMNS as u64);
        Self::of(rows, columns, rows.max(1), tile_columns)
    }

    fn of(rows: u64, columns: u64, tile_rows: u64, tile_columns: u64) -> Self {
        Self {
            row_tiles: rows.div_ceil(tile_rows),
            column_tiles: columns.div_ceil(tile_columns),
            tile_rows,
            tile_columns,
        }
    }
}

/// The size of a tile when `length` is cut into about `tiles`, in whole steps unless one tile is all.
fn share(length: u64, tiles: u64, step: u64) -> u64 {
    let even = length.div_ceil(tiles.max(1));
    even.max(1).next_multiple_of(step).min(length.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_matrix_and_balance() {
        for rows in [0, 1, 5, 32, 64, 239, 241, 1000, 5000] {
            for columns in [0, 1, 10, 33, 512, 1000, 4097] {
                let grid = Grid::new(Method::Blocked, 1, rows, columns, 700);
                assert_eq!(grid.row_tiles, rows.div_ceil(grid.tile_rows));
                assert_eq!(grid.column_tiles, columns.div_ceil(grid.tile_columns));
                assert!(grid.tile_rows <= MOST_ROWS && grid.tile_columns <= MOST_COLUMNS);
            }
        }
        let cube = Grid::new(Method::Blocked, 1, 1000, 1000, 1000);
        assert!(cube.row_tiles * cube.column_tiles >= WANTED_TILES);
        let row = Grid::new(Method::Stream, 1, 1, 3072, 768);
        assert_eq!((row.column_tiles, row.tile_columns), (4, 768));
    }
}
