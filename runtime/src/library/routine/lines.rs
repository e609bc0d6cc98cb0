//! The lines of a tensor along one axis.

use std::ops::Range;

use tensorwright_ir::Shape;

/// All lines along an axis of a dense row-major tensor. Lines that begin at neighbouring elements follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    /// Elements of a line.
    pub(super) length: usize,
    /// Distance of its elements.
    pub(super) stride: usize,
    /// Number of lines.
    pub(super) count: usize,
}

impl Lines {
    pub(super) fn new(shape: &Shape, axis: usize) -> Self {
        let sizes = shape.sizes();
        let stride = sizes[axis + 1..].iter().product();
        let outer: usize = sizes[..axis].iter().product();
        Self { length: sizes[axis], stride, count: outer * stride }
    }

    /// Lines at the same places with another number of elements each.
    pub(super) fn with_length(self, length: usize) -> Self {
        Self { length, ..self }
    }

    /// The first element of a line.
    pub(super) fn start(self, line: usize) -> usize {
        line / self.stride * self.length * self.stride + line % self.stride
    }

    /// Lines per tile, so that a tile has about `elements`.
    pub(super) fn per_tile(self, elements: usize) -> usize {
        (elements / self.length.max(1)).clamp(1, self.count.max(1))
    }

    /// Number of tiles of `per_tile` lines.
    pub(super) fn tiles(self, per_tile: usize) -> u64 {
        self.count.div_ceil(per_tile) as u64
    }

    /// The lines of some tiles.
    pub(super) fn of_tiles(self, tiles: Range<u64>, per_tile: usize) -> Range<usize> {
        tiles.start as usize * per_tile..(tiles.end as usize * per_tile).min(self.count)
    }
}
