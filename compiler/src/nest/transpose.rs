//! Copies that exchange rows and columns.
//!
//! A stage that does nothing but copy, reading along the innermost loop and writing along the one around it, would store
//! element by element. Here blocks of `n x n` elements, `n` to a vector, are read as `n` vectors, transposed in registers, and
//! written as `n` vectors.

use super::form::{LoopNest, MemoryAccess, TransposedCopy};
use super::machine::{Machine, Vectors};
use crate::kernel::{Instr, Var};

/// Elements between rows: their distance in bytes, times the rows of a block, must fit an address's constant part.
const MAX_ROW: u64 = 1 << 24;

/// The stage as such a copy, if it is one.
pub(super) fn transposed(
    nest: &LoopNest<'_>,
    stores: &[MemoryAccess],
    machine: Machine,
) -> Option<TransposedCopy> {
    let Vectors::Bytes(vector) = machine.vectors else { return None };
    let ([Instr::Load { buffer, index }], [store], true) =
        (&nest.source.body[..], &nest.source.stores[..], nest.inner() >= 2)
    else {
        return None;
    };
    let (outer, inner) = (Var::Dim(nest.inner() as u32 - 2), nest.inner_var());
    let turns = index.coefficient(inner) == 1 && store.index.coefficient(outer) == 1;
    let rows = [index.coefficient(outer), store.index.coefficient(inner)];
    if !turns || *buffer == store.buffer || rows.iter().any(|row| row.unsigned_abs() >= MAX_ROW) {
        return None;
    }
    let size = nest.values[0].dtype.size();
    let [load_row, store_row] = rows.map(|row| row * size as i64);
    let block = u64::from(vector) / size as u64;
    Some(TransposedCopy { load: nest.values[0].access?, store: *stores.first()?, load_row, store_row, block })
}
