//! From an expression and a layout to the stages of a kernel.
//!
//! Terms are either *full* (they depend on a reduced axis) or *row* terms. The phase of a term says how many folds and vector
//! math calls must be done before it. Phase by phase, the tile
//! 1. computes row terms that somebody needs from memory or scratch,
//! 2. computes full terms that somebody needs from memory or scratch,
//! 3. calls vector math functions on what is now in scratch,
//! 4. folds.
//!
//! In tiles of a transposition, memory that is contiguous along the other axis is copied to scratch first, turned: so both
//! sides move whole cache lines, and rows at a distance of a power of two do not push each other out of the cache.
//!
//! A term that a later phase needs is *kept* in scratch, unless computing it again from memory and scratch is cheap.

use hashbrown::HashMap;
use smallvec::SmallVec;
use tensorwright_ir::op::primitive::{CostClass, ReduceKind};
use tensorwright_ir::{DType, TensorType};

use super::body::LoopBody;
use super::columns::Rows;
use super::expression::{Expression, Term};
use super::layout::{Axis, LONG_ROW, Layout, SIDE_BY_SIDE, extents};
use crate::cost::{self, SCRATCH};
use crate::fusion::Form;
use crate::kernel::{
    Access, Affine, Buffer, Extent, Fold, Instr, Kernel, Local, Loop, Math, MathOp, Param, Reg, Span, Store,
    TileStage, Var,
};

/// Elements from which on a call of a vector math function beats code in the loop.
const MIN_MATH_ELEMENTS: u64 = 16;
/// Functions of an expression from which on all are called: in line their code would take long to compile.
const MANY_FUNCTIONS: usize = 16;
/// Elements up to which scratch stays near the core.
const MAX_MATH_ELEMENTS: u64 = 1 << 18;
/// Bytes of scratch for memory that is copied there to turn it.
const MAX_TURNED_BYTES: u64 = 1 << 16;

/// The vector math function that a term of `dtype` is.
pub(super) fn math_of(term: &Term, dtype: DType) -> Option<MathOp> {
    match *term {
        Term::Instr(Instr::Unary(f, _)) if f.work(dtype) == CostClass::VectorMath => Some(MathOp::Unary(f)),
        Term::Instr(Instr::Binary(f, ..)) if f.work(dtype) == CostClass::VectorMath => {
            Some(MathOp::Binary(f))
        }
        _ => None,
    }
}

/// Builds the kernel. `types` are those of the expression's memory.
pub(super) fn build(expression: Expression, layout: Layout, form: Form, types: &[TensorType]) -> Kernel {
    let mut builder = Stages::new(&expression, &layout, form);
    builder.analyse();
    builder.turn();
    for phase in 0..=builder.last_phase() {
        builder.run_phase(phase);
    }
    let (stages, locals) = (builder.stages, builder.locals);
    let params = params(&expression, types);
    Kernel { params, locals, grid: layout.grid, stages }
}

fn params(expression: &Expression, types: &[TensorType]) -> Vec<Param> {
    let loads = |param: u32| {
        expression
            .terms
            .iter()
            .any(|t| matches!(t, Term::Instr(Instr::Load { buffer: Buffer::Param(p), .. }) if *p == param))
    };
    let access = |param: u32| match (loads(param), expression.stores.iter().any(|s| s.0 == param)) {
        (true, true) => Access::ReadWrite,
        (false, _) => Access::Write,
        (true, false) => Access::Read,
    };
    let param = |(i, ty): (usize, &TensorType)| Param {
        dtype: ty.dtype,
        len: ty.elements() as u64,
        access: access(i as u32),
    };
    types.iter().enumerate().map(param).collect()
}

pub(super) struct Stages<'a> {
    pub(super) expression: &'a Expression,
    pub(super) layout: &'a Layout,
    pub(super) form: Form,
    /// Loops of row stages.
    pub(super) tile: Vec<Axis>,
    /// For each term: whether it depends on a reduced axis.
    pub(super) full: Vec<bool>,
    /// For each term: the math function that computes it by a call.
    math: Vec<Option<MathOp>>,
    /// Elements from which on they are called.
    min_math_elements: u64,
    phase: Vec<u32>,
    /// Terms that are written to scratch when they are computed.
    keep: Vec<bool>,
    /// Where kept terms are.
    pub(super) local: HashMap<Reg, u32>,
    /// Terms that are in scratch by now.
    pub(super) ready: Vec<bool>,
    pub(super) stages: Vec<TileStage>,
    locals: Vec<Local>,
}

impl<'a> Stages<'a> {
    fn new(expression: &'a Expression, layout: &'a Layout, form: Form) -> Stages<'a> {
        let count = expression.terms.len();
        let functions = expression.terms.iter().zip(&expression.dtypes);
        let functions = functions.filter(|(term, dtype)| math_of(term, **dtype).is_some()).count();
        let min_math_elements = if functions < MANY_FUNCTIONS { MIN_MATH_ELEMENTS } else { 1 };
        Stages {
            min_math_elements,
            expression,
            layout,
            form,
            tile: layout.tile_axes(),
            full: vec![false; count],
            math: vec![None; count],
            phase: vec![0; count],
            keep: vec![false; count],
            local: HashMap::new(),
            ready: vec![false; count],
            stages: Vec::new(),
            locals: Vec::new(),
        }
    }

    fn last_phase(&self) -> u32 {
        self.phase.iter().copied().max().unwrap_or(0)
    }

    /// The axes of a stage on full or row terms, outermost first.
    pub(super) fn axes(&self, full: bool) -> Vec<Axis> {
        let mut axes = self.tile.clone();
        if full && self.form == Form::Columns {
            axes.splice(0..0, self.layout.reduced.iter().copied());
        } else if full {
            axes.extend(&self.layout.reduced);
        }
        axes
    }

    fn elements(&self, full: bool) -> u64 {
        self.axes(full).iter().map(|a| a.most(&self.layout.grid)).product()
    }

    /// Level, phase and keeping of every term.
    fn analyse(&mut self) {
        let expression = self.expression;
        for (i, term) in expression.terms.iter().enumerate() {
            let operands = term.operands();
            self.full[i] = match term {
                Term::Fold(..) => false,
                Term::Instr(Instr::Load { index, .. } | Instr::Index { index, .. }) => {
                    self.runs_along_reduced(index)
                }
                _ => operands.iter().any(|r| self.full[r.0 as usize]),
            };
            self.math[i] = math_of(term, expression.dtypes[i]).filter(|_| self.may_call(i, &operands));
            let ends_phase = |r: &Reg| match term {
                Term::Fold(..) => self.phase[r.0 as usize] + 1,
                _ if self.math[i].is_some() => self.phase[r.0 as usize] + 1,
                _ => self.phase[r.0 as usize],
            };
            self.phase[i] = operands.iter().map(ends_phase).max().unwrap_or(0);
        }
        self.decide_keeping();
    }

    pub(super) fn runs_along_reduced(&self, index: &Affine) -> bool {
        self.layout.reduced.iter().any(|a| index.coefficient(Var::Dim(a.var)) != 0)
    }

    /// Whether a math function is called on scratch, and not computed inside a loop: its operands must lie there side by
    /// side with its result.
    fn may_call(&self, term: usize, operands: &[Reg]) -> bool {
        let full = self.full[term];
        operands.iter().all(|r| self.full[r.0 as usize] == full)
            && (self.form != Form::Columns || !full)
            && matches!(self.expression.dtypes[term], DType::F32 | DType::F64)
            && (self.min_math_elements..=MAX_MATH_ELEMENTS).contains(&self.elements(full))
    }

    /// Loops over the elements of a kept term. Where a tile is cut along several axes, its scratch has gaps, and the
    /// function runs over them too.
    fn call_dims(&self, full: bool) -> Vec<Extent> {
        if self.layout.blocked {
            vec![Extent::Fixed(self.elements(full))]
        } else {
            extents(&self.axes(full)).to_vec()
        }
    }

    fn decide_keeping(&mut self) {
        let terms = &self.expression.terms;
        for (i, term) in terms.iter().enumerate() {
            let is_call = self.math[i].is_some();
            self.keep[i] |= is_call || matches!(term, Term::Fold(..));
            if let (Term::Fold(_, value), true) = (term, self.layout.flat.is_some()) {
                self.keep[value.0 as usize] = true;
            }
            for r in term.operands() {
                let operand = r.0 as usize;
                let crosses = self.phase[operand] < self.phase[i] && !matches!(term, Term::Fold(..));
                let leaves_row = self.full[i] && !self.full[operand];
                let again = crosses || leaves_row;
                self.keep[operand] |= is_call || (again && self.repeat_cost(operand, leaves_row) > SCRATCH);
            }
        }
        for (_, _, reg) in &self.expression.stores {
            // A fold of a wider value that is only stored needs no second look.
            self.keep[reg.0 as usize] |= matches!(terms[reg.0 as usize], Term::Fold(..));
        }
    }

    /// Steps needed to compute the term again from memory and scratch.
    fn repeat_cost(&self, term: usize, in_inner_loop: bool) -> u32 {
        let mut open: SmallVec<[usize; 16]> = SmallVec::from_elem(term, 1);
        let mut total = 0;
        while let Some(i) = open.pop() {
            if self.keep[i] || total > SCRATCH {
                continue;
            }
            let term = &self.expression.terms[i];
            total += match term {
                Term::Instr(Instr::Const(_) | Instr::Load { .. } | Instr::Index { .. }) => 0,
                // A row value that an inner loop would compute for each element.
                Term::Instr(_) if in_inner_loop => SCRATCH + 1,
                Term::Instr(instr) => cost::steps(cost::work(instr, self.expression.dtypes[i])),
                Term::Fold(..) => 0,
            };
            open.extend(term.operands().iter().map(|r| r.0 as usize));
        }
        total
    }

    /// Copies what is read across to scratch, so that the tile has it as it needs it.
    fn turn(&mut self) {
        let mut bytes = 0;
        for (i, term) in self.expression.terms.iter().enumerate() {
            let Term::Instr(Instr::Load { buffer, index }) = term else { continue };
            let Some(axes) = self.layout.turned(index) else { continue };
            bytes += self.elements(false) * self.expression.dtypes[i].size() as u64;
            if bytes > MAX_TURNED_BYTES {
                return;
            }
            let body = vec![Instr::Load { buffer: *buffer, index: self.layout.index(index, &axes) }];
            let local = Buffer::Local(self.allocate(Reg(i as u32), false));
            let store = Store { buffer: local, index: self.local_index(false, &axes), value: Reg(0) };
            self.ready[i] = true;
            self.stages.push(each_point(&axes, body, vec![store]));
        }
    }

    fn run_phase(&mut self, phase: u32) {
        let in_phase = |s: &Self, i: usize| s.phase[i] == phase;
        let count = self.expression.terms.len();
        for full in [false, true] {
            let kept: Vec<Reg> = (0..count)
                .filter(|&i| {
                    in_phase(self, i) && self.full[i] == full && self.keep[i] && self.math[i].is_none()
                })
                .filter(|&i| !self.ready[i])
                .filter(|&i| !matches!(self.expression.terms[i], Term::Fold(..)))
                .map(|i| Reg(i as u32))
                .collect();
            let stores: Vec<usize> = (0..self.expression.stores.len())
                .filter(|&s| {
                    let value = self.expression.stores[s].2.0 as usize;
                    in_phase(self, value) && self.store_is_full(s) == full
                })
                .collect();
            if full && self.form == Form::Columns {
                self.accumulate(phase, &stores);
            } else {
                self.evaluate(full, &kept, &stores);
            }
        }
        self.call_math(phase);
        if self.form == Form::Rows {
            self.fold(phase);
        }
    }

    /// Whether a store is to memory that runs along reduced axes.
    fn store_is_full(&self, store: usize) -> bool {
        self.runs_along_reduced(&self.expression.stores[store].1)
            || self.full[self.expression.stores[store].2.0 as usize]
    }

    /// A loop that computes terms into scratch and memory.
    fn evaluate(&mut self, full: bool, kept: &[Reg], stores: &[usize]) {
        if kept.is_empty() && stores.is_empty() {
            return;
        }
        let axes = self.axes(full);
        let mut body = LoopBody::new(self, &axes, full);
        let values: Vec<(Reg, Reg)> = kept.iter().map(|&reg| (reg, body.emit(reg))).collect();
        let mut writes: Vec<Store> = stores.iter().map(|&s| body.store(s)).collect();
        let body = body.instrs;
        for (term, value) in values {
            let local = self.allocate(term, full);
            let index = self.local_index(full, &axes);
            writes.push(Store { buffer: Buffer::Local(local), index, value });
            self.ready[term.0 as usize] = true;
        }
        self.stages.push(each_point(&axes, body, writes));
    }

    /// Calls of math functions whose operands are ready after `phase`.
    fn call_math(&mut self, phase: u32) {
        for i in 0..self.expression.terms.len() {
            let Some(function) = self.math[i] else { continue };
            if self.phase[i] != phase + 1 {
                continue;
            }
            let operands = self.expression.terms[i].operands();
            // An operand that nobody needs any more gives its place to the result.
            let reusable = operands.iter().copied().find(|&r| self.is_last_use(r, i));
            let out = match reusable {
                Some(r) if self.full[r.0 as usize] == self.full[i] => {
                    let local = self.local[&r];
                    self.local.insert(Reg(i as u32), local);
                    local
                }
                _ => self.allocate(Reg(i as u32), self.full[i]),
            };
            let span = |local: u32| Span { buffer: Buffer::Local(local), start: Affine::default() };
            let args = operands.iter().map(|r| span(self.local[r])).collect();
            let dims = self.call_dims(self.full[i]);
            let dtype = self.expression.dtypes[i];
            self.stages.push(TileStage::Math(Math { function, dtype, out: span(out), args, dims }));
            self.ready[i] = true;
            if let Some(r) = reusable.filter(|r| self.local[r] == out) {
                self.ready[r.0 as usize] = false;
            }
        }
    }

    fn is_last_use(&self, reg: Reg, user: usize) -> bool {
        let terms = self.expression.terms.iter().enumerate();
        let other = terms.filter(|&(i, t)| i != user && t.operands().contains(&reg)).count();
        other == 0 && !self.expression.stores.iter().any(|s| s.2 == reg)
    }

    /// Folds of values of `phase` along the reduced axes, row by row.
    fn fold(&mut self, phase: u32) {
        let folds = self.folds_of(phase);
        if folds.is_empty() {
            return;
        }
        let results: Vec<u32> = folds.iter().map(|&(term, ..)| self.allocate(term, false)).collect();
        let one = self.fold_rows(&folds, &results, 1);
        let rows = self.rows_at_once(&folds, one.body.len());
        let folded = if rows == 1 { one } else { self.fold_rows(&folds, &results, rows) };
        self.stages.push(TileStage::Loop(folded));
        for (term, ..) in folds {
            self.ready[term.0 as usize] = true;
        }
    }

    /// How many rows are folded side by side: memory gives more when several streams are read, as far as there are registers
    /// for the accumulators. `instructions` are those of one row.
    fn rows_at_once(&self, folds: &[FoldTerm], instructions: usize) -> u64 {
        let simple = matches!(folds, [(_, ReduceKind::Sum | ReduceKind::Prod, _)]);
        let length: u64 = self.layout.reduced.iter().map(|axis| axis.extent).product();
        let rows = match instructions {
            1 => SIDE_BY_SIDE,
            2..=4 => SIDE_BY_SIDE / 2,
            _ => 1,
        };
        match self.tile.last().and_then(|axis| axis.within) {
            Some(Extent::Fixed(n)) if simple && length >= LONG_ROW && n.is_multiple_of(rows) => rows,
            _ => 1,
        }
    }

    /// The loop that folds rows, `rows` of them at a time.
    fn fold_rows(&self, folds: &[FoldTerm], results: &[u32], rows: u64) -> Loop {
        let reduced = self.layout.flat.as_ref().unwrap_or(&self.layout.reduced);
        let axes = [&self.tile[..], reduced].concat();
        let at = self.local_index(false, &self.tile);
        let mut body = LoopBody::new(self, &axes, true);
        let mut written = Vec::new();
        for row in 0..rows {
            if rows > 1 {
                body.next_row(self.tile.len() - 1, Rows { first: 0, count: rows }, row);
            }
            for (&(_, kind, value), &local) in folds.iter().zip(results) {
                let (value, index) = (body.emit(value), body.in_row(at.clone()));
                written.push(Fold { kind, value, buffer: Buffer::Local(local), index });
            }
        }
        let body = body.instrs;
        let mut dims = extents(&axes).to_vec();
        if rows > 1 {
            let last = self.tile.len() - 1;
            dims[last] = Extent::Fixed(self.tile[last].most(&self.layout.grid) / rows);
        }
        let folded = reduced.len() as u32;
        Loop { dims, body, stores: Vec::new(), folded, folds: written }
    }

    pub(super) fn folds_of(&self, phase: u32) -> Vec<FoldTerm> {
        let terms = self.expression.terms.iter().enumerate();
        terms
            .filter_map(|(i, t)| match t {
                Term::Fold(kind, value) if self.phase[i] == phase + 1 => Some((Reg(i as u32), *kind, *value)),
                _ => None,
            })
            .collect()
    }

    pub(super) fn allocate(&mut self, term: Reg, full: bool) -> u32 {
        let local = self.locals.len() as u32;
        self.locals.push(Local { dtype: self.expression.dtypes[term.0 as usize], len: self.elements(full) });
        self.local.insert(term, local);
        local
    }

    /// Where in its scratch the element of a full or row term is, in a stage with these loops.
    pub(super) fn local_index(&self, full: bool, axes: &[Axis]) -> Affine {
        let own = self.axes(full);
        let mut stride = 1i64;
        let mut index = Affine::default();
        for axis in own.iter().rev() {
            if let Some(at) = axes.iter().position(|a| a.var == axis.var) {
                index = index.plus(Var::Dim(at as u32), stride);
            }
            stride *= axis.most(&self.layout.grid) as i64;
        }
        index
    }
}

/// A fold: the term that it is, and the value that is folded.
pub(super) type FoldTerm = (Reg, ReduceKind, Reg);

/// A loop that stores at each of its points.
pub(super) fn each_point(axes: &[Axis], body: Vec<Instr>, stores: Vec<Store>) -> TileStage {
    TileStage::Loop(Loop { dims: extents(axes).to_vec(), body, stores, folded: 0, folds: Vec::new() })
}
