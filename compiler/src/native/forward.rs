//! Cells that a loop carries in registers: what a run reads where the one before has written last.
//!
//! Such a loop waits, in each run, until what it has just stored can be loaded again. So the cell becomes a state variable: the first run's is loaded
//! in front of the loop, each other one's is what was stored. The store stays.
//!
//! Places are compared as sums of multiples of registers, in which a run's state variables are replaced by those of the next.

use hashbrown::HashMap;
use tensorwright_ir::DType;
use tensorwright_ir::op::primitive::BinaryFn;

use super::tidy::Rewrite;
use crate::kernel::bounds::Bounds;
use crate::kernel::loops::{self, BodyLoop};
use crate::kernel::{Affine, Buffer, Instr, Kernel, Loop, Outside, Reg, TileStage};

/// How far back the search for what a place is made of goes.
const DEPTH: u32 = 12;
/// Cells of one stage: each takes a register.
const MAX_CELLS: usize = 4;

/// Carries cells in all stages.
pub(super) fn carry(kernel: &mut Kernel) {
    for at in 0..kernel.stages.len() {
        for _ in 0..MAX_CELLS {
            let TileStage::Loop(stage) = &kernel.stages[at] else { break };
            let Some(carried) = carried(kernel, stage) else { break };
            kernel.stages[at] = TileStage::Loop(carried);
        }
    }
}

/// The stage with one more cell carried.
fn carried(kernel: &Kernel, stage: &Loop) -> Option<Loop> {
    stage.written().next()?;
    let spans = loops::spans(&stage.body).ok()?;
    spans.iter().find_map(|span| {
        let search = Search {
            stage,
            span,
            spans: &spans,
            bounds: Bounds::new(kernel, stage),
            dtypes: kernel.dtypes(stage),
        };
        let (load, value) = search.cell()?;
        with_cell(stage, span, load, value)
    })
}

/// A cell of memory that an instruction of a loop accesses.
struct Cell<'k> {
    instr: usize,
    buffer: Buffer,
    index: &'k Affine,
    at: Reg,
    count: u64,
    /// What is stored there.
    value: Option<Reg>,
    /// Whether it is surely there, in range or not.
    is_sure: bool,
}

/// `offset` and multiples of numbers, modulo 2^64.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sum {
    /// In order of the numbers, none of them 0 times.
    terms: Vec<(Number, i64)>,
    offset: i64,
}

/// A number that a place is made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Number {
    Register(Reg),
    /// The maximum or the minimum of two sums.
    Bounded(Bound, Sum, Sum),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    Maximum,
    Minimum,
}

/// Of which run a place is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    This,
    Next,
}

struct Search<'k> {
    stage: &'k Loop,
    span: &'k BodyLoop,
    spans: &'k [BodyLoop],
    bounds: Bounds<'k>,
    dtypes: Vec<DType>,
}

impl<'k> Search<'k> {
    /// A load that gives what the run before has stored, and the register that it stores.
    fn cell(&self) -> Option<(usize, Reg)> {
        let cells = (self.span.begin..self.span.end).filter_map(|at| self.accessed(at));
        let (stores, loads): (Vec<Cell<'k>>, Vec<Cell<'k>>) = cells.partition(|cell| cell.value.is_some());
        loads.iter().find_map(|load| {
            let stores: Vec<&Cell<'k>> = stores.iter().filter(|store| store.buffer == load.buffer).collect();
            let is_plain = |cell: &Cell<'k>| self.is_own(cell.instr) && cell.instr > load.instr;
            if !self.is_own(load.instr) || !stores.iter().all(|store| is_plain(store)) {
                return None;
            }
            let next = self.place(load, Run::Next)?;
            let is_same = |store: &Cell<'k>| {
                store.is_sure
                    && self.is_brought_alike(load, store)
                    && self.place(store, Run::This).as_ref() == Some(&next)
            };
            let (found, store) = stores.iter().enumerate().find(|(_, store)| is_same(store))?;
            let is_last = stores[found + 1..].iter().all(|later| self.is_elsewhere(later, store));
            is_last.then_some((load.instr, store.value?))
        })
    }

    fn accessed(&self, instr: usize) -> Option<Cell<'k>> {
        match self.stage.body[instr] {
            Instr::LoadAt { buffer, ref index, at, count } => {
                Some(Cell { instr, buffer, index, at, count, value: None, is_sure: true })
            }
            Instr::StoreAt { buffer, ref index, at, count, value, outside } => {
                let is_sure = outside == Outside::Nearest || self.bounds.is_in_range(instr);
                Some(Cell { instr, buffer, index, at, count, value: Some(value), is_sure })
            }
            _ => None,
        }
    }

    /// Whether an instruction is of this loop, and not of one inside.
    fn is_own(&self, instr: usize) -> bool {
        let is_inside =
            |other: &BodyLoop| other.contains(instr) && self.span.contains(other.begin) && other != self.span;
        !self.spans.iter().any(is_inside)
    }

    /// Whether the same place is the same cell for both, in range or not.
    fn is_brought_alike(&self, one: &Cell<'k>, other: &Cell<'k>) -> bool {
        let same = one.index == other.index && one.count == other.count;
        same || [one, other].into_iter().all(|cell| self.bounds.is_in_range(cell.instr))
    }

    /// Whether two stores are of different cells.
    fn is_elsewhere(&self, one: &Cell<'k>, other: &Cell<'k>) -> bool {
        if ![one, other].into_iter().all(|cell| self.bounds.is_in_range(cell.instr)) {
            return false;
        }
        match (self.place(one, Run::This), self.place(other, Run::This)) {
            (Some(one), Some(other)) => one.terms == other.terms && one.offset != other.offset,
            _ => false,
        }
    }

    fn place(&self, cell: &Cell<'k>, run: Run) -> Option<Sum> {
        if !cell.index.terms.is_empty() {
            return None;
        }
        let at = self.sum(cell.at, run, DEPTH)?;
        Some(Sum { offset: at.offset.wrapping_add(cell.index.offset), ..at })
    }

    /// What a register is in a run; `None` for what only that run can know.
    fn sum(&self, reg: Reg, run: Run, depth: u32) -> Option<Sum> {
        let at = reg.0 as usize;
        let less = depth.checked_sub(1)?;
        let of = |reg: Reg| self.sum(reg, run, less);
        match self.stage.body[at] {
            Instr::Const(scalar) if scalar.dtype().is_int() => Some(Sum::constant(scalar.to_i128() as i64)),
            _ if at < self.span.begin => Some(Sum::of(Number::Register(reg))),
            Instr::State(_) if run == Run::Next => match self.span.state().position(|state| state == at) {
                Some(variable) => self.next(variable, less),
                None => None,
            },
            Instr::Binary(BinaryFn::Add, x, y) if self.is_exact(at) => Some(of(x)?.plus(&of(y)?, 1)),
            Instr::Binary(BinaryFn::Sub, x, y) if self.is_exact(at) => Some(of(x)?.plus(&of(y)?, -1)),
            Instr::Binary(BinaryFn::Mul, x, y) if self.is_exact(at) => {
                let (x, y) = (of(x)?, of(y)?);
                match (x.as_constant(), y.as_constant()) {
                    (_, Some(factor)) => Some(Sum::constant(0).plus(&x, factor)),
                    (Some(factor), _) => Some(Sum::constant(0).plus(&y, factor)),
                    _ => self.opaque(reg, run),
                }
            }
            Instr::Binary(BinaryFn::Maximum, x, y) => {
                Some(Sum::of(Number::Bounded(Bound::Maximum, of(x)?, of(y)?)))
            }
            Instr::Binary(BinaryFn::Minimum, x, y) => {
                Some(Sum::of(Number::Bounded(Bound::Minimum, of(x)?, of(y)?)))
            }
            Instr::Cast(_, x) if self.is_exact_cast(at, x) => of(x),
            _ => self.opaque(reg, run),
        }
    }

    fn next(&self, variable: usize, depth: u32) -> Option<Sum> {
        match &self.stage.body[self.span.end] {
            Instr::Repeat(next) => self.sum(next[variable], Run::This, depth),
            _ => None,
        }
    }

    fn opaque(&self, reg: Reg, run: Run) -> Option<Sum> {
        (run == Run::This).then(|| Sum::of(Number::Register(reg)))
    }

    /// Whether a sum, a difference or a product is that of the numbers: modulo 2^64 all of i64 are.
    fn is_exact(&self, at: usize) -> bool {
        self.dtypes[at] == DType::I64 || (self.dtypes[at].is_int() && self.bounds.is_exact(at))
    }

    fn is_exact_cast(&self, at: usize, from: Reg) -> bool {
        let (from_dtype, to) = (self.dtypes[from.0 as usize], self.dtypes[at]);
        from_dtype.is_int() && to.is_int() && self.bounds.is_exact(at)
    }
}

impl Sum {
    fn constant(offset: i64) -> Sum {
        Sum { terms: Vec::new(), offset }
    }

    fn of(number: Number) -> Sum {
        Sum { terms: vec![(number, 1)], offset: 0 }
    }

    fn as_constant(&self) -> Option<i64> {
        self.terms.is_empty().then_some(self.offset)
    }

    /// `self + factor * other`.
    fn plus(mut self, other: &Sum, factor: i64) -> Sum {
        for (number, count) in &other.terms {
            let count = count.wrapping_mul(factor);
            match self.terms.binary_search_by(|term| term.0.cmp(number)) {
                Ok(at) => self.terms[at].1 = self.terms[at].1.wrapping_add(count),
                Err(at) => self.terms.insert(at, (number.clone(), count)),
            }
        }
        self.terms.retain(|term| term.1 != 0);
        self.offset = self.offset.wrapping_add(other.offset.wrapping_mul(factor));
        self
    }
}

/// The stage in which the loop carries what the instruction `load` reads; `value` is what it will be in the next run.
fn with_cell(stage: &Loop, span: &BodyLoop, load: usize, value: Reg) -> Option<Loop> {
    let mut rewrite = Rewrite::default();
    let mut cell = None;
    for (at, instr) in stage.body.iter().enumerate() {
        if at == span.begin {
            let first = First { stage, span }.instr(&mut rewrite, load, &mut HashMap::new(), DEPTH)?;
            rewrite.keep(instr);
            cell = Some(first);
            continue;
        }
        if at == span.begin + 1 + span.states {
            cell = cell.map(|first| rewrite.push(Instr::State(first)));
        }
        match instr {
            _ if at == load => rewrite.replace(cell?),
            Instr::Repeat(next) if at == span.end => {
                let mut next: smallvec::SmallVec<[Reg; 4]> =
                    next.iter().map(|&reg| rewrite.of(reg)).collect();
                next.push(rewrite.of(value));
                let end = rewrite.push(Instr::Repeat(next));
                rewrite.replace(end);
            }
            _ => rewrite.keep(instr),
        }
    }
    Some(rewrite.finish(stage))
}

/// What instructions of a loop are in its first run, in front of it.
struct First<'k> {
    stage: &'k Loop,
    span: &'k BodyLoop,
}

impl First<'_> {
    fn instr(
        &self,
        rewrite: &mut Rewrite,
        at: usize,
        known: &mut HashMap<usize, Reg>,
        depth: u32,
    ) -> Option<Reg> {
        let instr = &self.stage.body[at];
        if at < self.span.begin {
            return Some(rewrite.of(Reg(at as u32)));
        }
        if let Some(&reg) = known.get(&at) {
            return Some(reg);
        }
        let depth = depth.checked_sub(1)?;
        let reg = match instr {
            Instr::State(first) if self.span.state().any(|state| state == at) => rewrite.of(*first),
            Instr::Const(_) | Instr::Binary(..) | Instr::Cast(..) | Instr::LoadAt { .. } => {
                let mut operands = HashMap::new();
                for operand in instr.operands() {
                    operands.insert(operand, self.instr(rewrite, operand.0 as usize, known, depth)?);
                }
                rewrite.push(instr.with_operands(|reg| operands[&reg]))
            }
            _ => return None,
        };
        known.insert(at, reg);
        Some(reg)
    }
}
