//! The body of a loop: terms become instructions, operands first.

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::columns::Rows;
use super::expression::Term;
use super::layout::Axis;
use super::stages::Stages;
use crate::fusion::Form;
use crate::kernel::{Affine, Buffer, Instr, Reg, Store, Var};

/// The body of one loop.
pub(super) struct LoopBody<'s, 'a> {
    stages: &'s Stages<'a>,
    axes: &'s [Axis],
    full: bool,
    pub(super) instrs: Vec<Instr>,
    known: HashMap<Reg, Reg>,
    /// A loop variable that stands for `.1` times itself plus `.2`.
    row: Option<(Var, i64, i64)>,
}

impl<'s, 'a> LoopBody<'s, 'a> {
    pub(super) fn new(stages: &'s Stages<'a>, axes: &'s [Axis], full: bool) -> LoopBody<'s, 'a> {
        LoopBody { stages, axes, full, instrs: Vec::new(), known: HashMap::new(), row: None }
    }

    /// From here on the loop `dim` stands for row `row` of each group of rows.
    pub(super) fn next_row(&mut self, dim: usize, rows: Rows, row: u64) {
        let (instrs, stages) = (&self.instrs, self.stages);
        let same = |term: &Reg| stages.form == Form::Columns && !stages.full[term.0 as usize];
        self.known.retain(|term, reg| matches!(instrs[reg.0 as usize], Instr::Const(_)) || same(term));
        self.row = Some((Var::Dim(dim as u32), rows.count as i64, (rows.first + row) as i64));
    }

    /// The index of the expression at this loop's point.
    fn index(&self, affine: &Affine) -> Affine {
        self.in_row(self.stages.layout.index(affine, self.axes))
    }

    /// The index of scratch at this loop's point.
    pub(super) fn in_row(&self, index: Affine) -> Affine {
        let Some((var, step, first)) = self.row else { return index };
        let c = index.coefficient(var);
        index.plus(var, c * (step - 1)).shifted(c * first)
    }

    pub(super) fn push(&mut self, instr: Instr) -> Reg {
        self.instrs.push(instr);
        Reg(self.instrs.len() as u32 - 1)
    }

    /// The instruction that holds the term: loaded from scratch if it is there, else computed, operands first.
    pub(super) fn emit(&mut self, term: Reg) -> Reg {
        let mut open = vec![term];
        while let Some(&top) = open.last() {
            if self.known.contains_key(&top) {
                open.pop();
                continue;
            }
            let operands = if self.is_ready(top) { SmallVec::new() } else { self.term(top).operands() };
            let before = open.len();
            open.extend(operands.iter().filter(|r| !self.known.contains_key(*r)));
            if open.len() == before {
                let instr = self.instr(top);
                let reg = self.push(instr);
                self.known.insert(top, reg);
                open.pop();
            }
        }
        self.known[&term]
    }

    fn term(&self, reg: Reg) -> &'a Term {
        &self.stages.expression.terms[reg.0 as usize]
    }

    fn is_ready(&self, reg: Reg) -> bool {
        self.stages.ready[reg.0 as usize]
    }

    fn instr(&self, reg: Reg) -> Instr {
        if self.is_ready(reg) {
            let index = self.in_row(self.stages.local_index(self.stages.full[reg.0 as usize], self.axes));
            return Instr::Load { buffer: Buffer::Local(self.stages.local[&reg]), index };
        }
        match self.term(reg) {
            Term::Fold(..) => unreachable!("folds are in scratch before anybody reads them"),
            Term::Instr(Instr::Load { buffer, index }) => {
                Instr::Load { buffer: *buffer, index: self.index(index) }
            }
            Term::Instr(Instr::Index { dtype, index }) => {
                Instr::Index { dtype: *dtype, index: self.index(index) }
            }
            Term::Instr(instr) => instr.with_operands(|r| self.known[&r]),
        }
    }

    pub(super) fn store(&mut self, store: usize) -> Store {
        let (param, index, value) = &self.stages.expression.stores[store];
        let value = self.emit(*value);
        debug_assert!(self.full || !self.stages.runs_along_reduced(index));
        Store { buffer: Buffer::Param(*param), index: self.index(index), value }
    }
}
