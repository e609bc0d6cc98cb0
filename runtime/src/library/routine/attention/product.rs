//! Products of a strip with what is in memory.

use super::Real;
use crate::library::matmul::{Block, DEPTH, Panels, Room, RowPanels, register_rows};

/// The right operand of a product.
#[derive(Clone, Copy)]
pub(super) enum Right<T> {
    /// Rows of whole register blocks.
    Panel,
    /// Rows of that many numbers, whose last ones are packed in this memory if they fill no register block.
    InPlace { spill: *mut T },
}

/// `out (+)= a b`: the block's operands, in pieces of [`DEPTH`] terms. Each result is the sum that a product of the library is.
///
/// # Safety
/// `a` is readable for `rows` by the depth, `b` for the depth by `columns`, `out` writable for `rows` by `columns`, at the block's strides; spill memory is writable
/// for `DEPTH` register blocks of columns. `block.depth` terms may be more than [`DEPTH`].
pub(super) unsafe fn product<T: Real>(block: &Block<'_, T>, rows: usize, columns: usize, right: Right<T>) {
    for start in (0..block.depth).step_by(DEPTH) {
        let piece = Block {
            depth: DEPTH.min(block.depth - start),
            a: block.a.wrapping_offset(start as isize * block.a_depth),
            b: block.b.wrapping_offset(start as isize * block.b_step),
            adds: block.adds || start > 0,
            ..*block
        };
        // SAFETY: the piece is part of the block.
        unsafe { piece_of_depth(&piece, rows, columns, right) };
    }
}

/// # Safety
/// As of [`product`], for at most [`DEPTH`] terms.
unsafe fn piece_of_depth<T: Real>(block: &Block<'_, T>, rows: usize, columns: usize, right: Right<T>) {
    let width = T::kernels().columns;
    for column in (0..columns).step_by(width) {
        let count = width.min(columns - column);
        let mut block =
            Block { b: block.b.wrapping_add(column), out: block.out.wrapping_add(column), ..*block };
        if let (Right::InPlace { spill }, true) = (right, count < width) {
            let panels = Panels {
                from: block.b.cast(),
                lane_stride: 1,
                depth_stride: block.b_step,
                lanes: count,
                depth: block.depth,
                width,
            };
            // SAFETY: the columns are those that are left of the operand.
            unsafe { pack(&panels, spill) };
            (block.b, block.b_step) = (spill, width as isize);
        }
        // SAFETY: the caller's promise; columns of whole register blocks are there.
        unsafe { rows_of(&block, rows, count) };
    }
}

/// # Safety
/// As of [`product`], for at most [`DEPTH`] terms and one register block of columns, all of which can be read.
unsafe fn rows_of<T: Real>(block: &Block<'_, T>, rows: usize, columns: usize) {
    let kernels = T::kernels();
    let height = kernels.panel_rows(rows, columns);
    let rows = RowPanels { count: rows, height, step: height as isize * block.a_row };
    // SAFETY: the caller's promise.
    unsafe { register_rows(kernels, block, rows, columns, Room::Exact) };
}

/// Packs vectors of these numbers.
///
/// # Safety
/// The vectors are readable, and `to` is writable for whole panels.
pub(super) unsafe fn pack<T: Real>(panels: &Panels, to: *mut T) {
    let pack = T::pack(T::ELEMENT).expect("numbers are packed as they are");
    // SAFETY: the caller's promise.
    unsafe { pack(panels, to) };
}
