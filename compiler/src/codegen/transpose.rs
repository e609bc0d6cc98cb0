//! Transposed copies.
//!
//! Number the rows and columns of a block in binary. Interleaving vectors `i` and `i + n/2` (the lower halves to vector `2i`,
//! the upper ones to `2i + 1`) rotates the digits `row, column` of an element's place by one; `log2 n` times, and row and
//! column have changed places.

use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::CodegenError;
use super::control::{Bound, Range};
use super::loops::LoopEmitter;
use super::memory::Address;
use super::value::{Emitter, Pack, int_type, memory};
use crate::nest::{Entry, TransposedCopy};

/// Where a block begins in memory that is read and memory that is written.
#[derive(Clone, Copy)]
struct Corner {
    from: Value,
    to: Value,
}

impl LoopEmitter<'_, '_, '_, '_> {
    /// Emits the two innermost loops of a copy: blocks, then what is left of each row, then the rows that are left.
    pub(super) fn emit_transpose(&mut self, copy: &TransposedCopy) -> Result<(), CodegenError> {
        let depth = self.depth();
        let [rows, columns] = [0, 1].map(|k| self.frame.length(self.nest.trips[depth + k]));
        let block = copy.block;
        let whole_rows = self.e.round_down(rows, block);
        let whole_columns = self.e.round_down(columns, block);
        let range = |from, to, step| Range { from, to, step, entry: Entry::Perhaps };
        let zero = Bound::Const(0);
        self.copy_blocks(copy, range(zero, whole_rows, block), range(zero, whole_columns, block))?;
        self.copy_blocks(copy, range(zero, whole_rows, 1), range(whole_columns, columns, 1))?;
        self.copy_blocks(copy, range(whole_rows, rows, 1), range(zero, columns, 1))
    }

    fn copy_blocks(
        &mut self,
        copy: &TransposedCopy,
        rows: Range,
        columns: Range,
    ) -> Result<(), CodegenError> {
        let size = copy.load.dtype.size() as i64;
        let first = Corner { from: self.pointer(copy.load.address), to: self.pointer(copy.store.address) };
        self.range(rows, Pack::new(), &mut |nest, row, carried| {
            let from = nest.e.advance(first.from, row, copy.load_row);
            let to = nest.e.advance(first.to, row, size);
            nest.range(columns, Pack::new(), &mut |nest, column, carried| {
                let from = nest.e.advance(from, column, size);
                let to = nest.e.advance(to, column, copy.store_row);
                nest.e.copy_block(copy, Corner { from, to }, columns.step as usize);
                Ok(carried)
            })?;
            Ok(carried)
        })?;
        Ok(())
    }
}

impl Emitter<'_, '_> {
    /// Copies `n x n` elements.
    fn copy_block(&mut self, copy: &TransposedCopy, corner: Corner, n: usize) {
        let size = copy.load.dtype.size();
        let ty = if n == 1 { int_type(size as u32) } else { types::I8X16 };
        let mut block = Pack::new();
        for k in 0..n as i64 {
            let bytes = i64::from(copy.load.displacement) + k * copy.load_row;
            let (base, bytes) = self.settle(Address { base: corner.from, bytes }, 0);
            block.push(self.ins().load(ty, memory(), base, bytes));
        }
        for (k, value) in self.transposed(block, size).into_iter().enumerate() {
            let bytes = i64::from(copy.store.displacement) + k as i64 * copy.store_row;
            let (base, bytes) = self.settle(Address { base: corner.to, bytes }, 0);
            self.ins().store(memory(), value, base, bytes);
        }
    }

    /// The vectors of a block with rows and columns exchanged.
    fn transposed(&mut self, mut block: Pack, size: usize) -> Pack {
        let half = block.len() / 2;
        for _ in 0..block.len().ilog2() {
            let pairs: Vec<(Value, Value)> = (0..half).map(|i| (block[i], block[i + half])).collect();
            block = pairs
                .into_iter()
                .flat_map(|(a, b)| [0, 8].map(|first| self.shuffle(a, b, interleaved(size, first))))
                .collect();
        }
        block
    }
}

/// The bytes that interleave elements of `size` bytes of half a vector, from byte `first` on, with those of another one.
fn interleaved(size: usize, first: usize) -> [u8; 16] {
    std::array::from_fn(|byte| {
        let (element, within) = (byte / size, byte % size);
        (first + element / 2 * size + within + element % 2 * 16) as u8
    })
}
