//! Reductions along outer axes: a row of accumulators in scratch, to which row after row is added.
//!
//! Where that is little code, several rows are added at once, one after the other as ever, so that the accumulators are loaded
//! and stored once for all of them.

use super::body::LoopBody;
use super::layout::extents;
use super::stages::{FoldTerm, Stages, each_point};
use crate::kernel::{Buffer, Extent, Instr, Loop, Reg, Store, TileStage};

/// Rows that are added at once.
const ROWS_AT_ONCE: u64 = 4;
/// Instructions for one row that are little code.
const SHORT_BODY: usize = 8;

/// Rows that are taken together, from a first one on.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) first: u64,
    pub(super) count: u64,
}

impl Stages<'_> {
    /// Folds along outer axes: a row of accumulators to which row after row is added.
    pub(super) fn accumulate(&mut self, phase: u32, stores: &[usize]) {
        let folds = self.folds_of(phase);
        if folds.is_empty() && stores.is_empty() {
            return;
        }
        let accumulators: Vec<u32> = folds.iter().map(|&(term, ..)| self.allocate(term, false)).collect();
        self.clear(&folds, &accumulators);
        let one = self.add_rows(&folds, &accumulators, stores, Rows { first: 0, count: 1 });
        let rows = self.layout.reduced.last().map_or(1, |axis| axis.extent);
        let rest = rows % ROWS_AT_ONCE;
        // The order in which rows are added must not depend on how the reduced axes were merged.
        let in_order = rest == 0 || self.layout.reduced.len() == 1;
        if one.body.len() > SHORT_BODY || rows < 2 * ROWS_AT_ONCE || !in_order {
            self.stages.push(TileStage::Loop(one));
        } else {
            let many = Rows { first: 0, count: ROWS_AT_ONCE };
            self.push_rows(self.add_rows(&folds, &accumulators, stores, many), rows / ROWS_AT_ONCE);
            if rest > 0 {
                let last = Rows { first: rows - rest, count: 1 };
                self.push_rows(self.add_rows(&folds, &accumulators, stores, last), rest);
            }
        }
        for (term, ..) in folds {
            self.ready[term.0 as usize] = true;
        }
    }

    /// Sets accumulators to the identities of their folds.
    fn clear(&mut self, folds: &[FoldTerm], accumulators: &[u32]) {
        let at = self.local_index(false, &self.tile);
        let (mut body, mut stores) = (Vec::new(), Vec::new());
        for (&(term, kind, _), &local) in folds.iter().zip(accumulators) {
            let value = Reg(body.len() as u32);
            body.push(Instr::Const(kind.identity(self.expression.dtypes[term.0 as usize])));
            stores.push(Store { buffer: Buffer::Local(local), index: at.clone(), value });
        }
        if !folds.is_empty() {
            self.stages.push(each_point(&self.tile, body, stores));
        }
    }

    /// The loop that adds rows to accumulators, as if it ran over all rows one by one.
    fn add_rows(&self, folds: &[FoldTerm], accumulators: &[u32], stores: &[usize], rows: Rows) -> Loop {
        let axes = self.axes(true);
        let reduced = self.layout.reduced.len();
        let at = self.local_index(false, &axes[reduced..]).moved(reduced as u32);
        let mut body = LoopBody::new(self, &axes, true);
        let mut writes = Vec::new();
        let mut sums: Vec<Reg> = accumulators
            .iter()
            .map(|&local| body.push(Instr::Load { buffer: Buffer::Local(local), index: at.clone() }))
            .collect();
        for row in 0..rows.count {
            if let Some(innermost) = reduced.checked_sub(1) {
                body.next_row(innermost, rows, row);
            }
            writes.extend(stores.iter().map(|&s| body.store(s)));
            for (sum, &(_, kind, value)) in sums.iter_mut().zip(folds) {
                let x = body.emit(value);
                *sum = body.push(Instr::Binary(kind.function(), *sum, x));
            }
        }
        let sums = sums.into_iter().zip(accumulators);
        writes.extend(sums.map(|(value, &local)| Store {
            buffer: Buffer::Local(local),
            index: at.clone(),
            value,
        }));
        Loop {
            dims: extents(&axes).to_vec(),
            body: body.instrs,
            stores: writes,
            folded: 0,
            folds: Vec::new(),
        }
    }

    /// Appends a loop with another number of iterations over the innermost reduced axis.
    fn push_rows(&mut self, mut rows: Loop, count: u64) {
        rows.dims[self.layout.reduced.len() - 1] = Extent::Fixed(count);
        self.stages.push(TileStage::Loop(rows));
    }
}
