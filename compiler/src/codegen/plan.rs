//! What is decided about a loop nest before any of it is emitted: where each instruction goes, how wide vectors are, which
//! addresses there are.

use smallvec::SmallVec;
use tensorwright_ir::op::primitive::Work;
use tensorwright_ir::{DType, Scalar};

use super::value::VECTOR;
use crate::cost;
use crate::kernel::loops::{self, Span};
use crate::kernel::{Affine, Buffer, Extent, GridDim, Instr, Kernel, Loop, Reg, Var, fold_lanes};

/// How often a loop runs: `full` times, but in the last tile of the grid loop `last` times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trip {
    pub(super) full: u64,
    pub(super) last: u64,
    /// The grid loop on which it depends, if `full` and `last` differ.
    pub(super) grid: Option<u32>,
}

impl Trip {
    pub(super) fn fixed(n: u64) -> Trip {
        Trip { full: n, last: n, grid: None }
    }

    pub(super) fn new(extent: Extent, grid: &[GridDim]) -> Trip {
        match extent {
            Extent::Fixed(n) => Trip::fixed(n),
            Extent::Tile(g) => {
                let GridDim { extent, tile } = grid[g as usize];
                match (extent <= tile, extent % tile) {
                    (true, _) => Trip::fixed(extent),
                    (_, 0) => Trip::fixed(tile),
                    (_, last) => Trip { full: tile, last, grid: Some(g) },
                }
            }
        }
    }

    pub(super) fn constant(self) -> Option<u64> {
        (self.full == self.last).then_some(self.full)
    }

    pub(super) fn all(self, f: impl Fn(u64) -> bool) -> bool {
        f(self.full) && f(self.last)
    }
}

/// An address up to a constant and the innermost variable; accesses that differ only in these share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) buffer: Buffer,
    /// In elements.
    pub(super) index: Affine,
}

/// A load or a store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    /// Which [`Place`].
    pub(super) place: usize,
    /// Bytes to add.
    pub(super) displacement: i32,
    /// Elements per step of the innermost loop.
    pub(super) stride: i64,
    pub(super) dtype: DType,
}

/// How a fold is carried out.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoldPlan {
    pub(super) dtype: DType,
    /// Bytes of a lane of the accumulators.
    pub(super) width: u32,
    /// Number of partial accumulators.
    pub(super) lanes: u32,
    /// Whether element `j` must go to the partial `j % lanes`.
    pub(super) ordered: bool,
}

impl FoldPlan {
    /// Vectors of accumulators.
    pub(super) fn vectors(&self) -> usize {
        (self.lanes * self.width).div_ceil(VECTOR) as usize
    }
}

pub(super) struct Plan<'k> {
    pub(super) body: &'k Loop,
    /// One for each dim, at least one.
    pub(super) trips: Vec<Trip>,
    pub(super) dtypes: Vec<DType>,
    /// Loops that points run by themselves.
    pub(super) spans: Vec<Span>,
    /// Whether the instruction's value is used.
    live: Vec<bool>,
    /// How many loops the instruction is inside of; only those inside of all vary from lane to lane.
    levels: Vec<usize>,
    /// Whether the instruction is part of a loop in the body, but its value is the same along the innermost loop of the stage.
    steady: Vec<bool>,
    /// Bytes of a lane of the instruction's value, in vector code.
    pub(super) widths: Vec<u32>,
    pub(super) places: Vec<Place>,
    /// For each instruction that is a load.
    pub(super) loads: Vec<Option<Access>>,
    pub(super) stores: Vec<Access>,
    pub(super) fold_stores: Vec<Access>,
    pub(super) folds: Vec<FoldPlan>,
    /// Elements that vector code handles at once, a power of two.
    pub(super) lanes: u32,
    /// How many times the body stands in the main loop, a power of two.
    pub(super) unroll: u32,
    /// Whether evaluating points twice does no harm.
    pub(super) repeatable: bool,
}

impl<'k> Plan<'k> {
    pub(super) fn new(kernel: &'k Kernel, body: &'k Loop) -> Plan<'k> {
        let mut trips: Vec<Trip> = body.dims.iter().map(|&extent| Trip::new(extent, &kernel.grid)).collect();
        if trips.is_empty() {
            trips.push(Trip::fixed(1));
        }
        let mut plan = Plan {
            body,
            trips,
            dtypes: kernel.dtypes(body),
            spans: loops::spans(&body.body).unwrap_or_default(),
            live: Vec::new(),
            levels: Vec::new(),
            steady: vec![false; body.body.len()],
            widths: Vec::new(),
            places: Vec::new(),
            loads: Vec::new(),
            stores: Vec::new(),
            fold_stores: Vec::new(),
            folds: Vec::new(),
            lanes: 1,
            unroll: 1,
            repeatable: body.folds.is_empty(),
        };
        plan.find_live();
        plan.find_levels();
        plan.find_widths();
        plan.find_accesses(kernel);
        plan.choose_lanes();
        plan.plan_folds();
        plan
    }

    /// The innermost level: the number of loops.
    pub(super) fn inner(&self) -> usize {
        self.trips.len()
    }

    /// Number of loops around the folds, or around the innermost loop.
    pub(super) fn outer(&self) -> usize {
        self.trips.len() - self.body.folded.max(1) as usize
    }

    pub(super) fn dtype(&self, reg: Reg) -> DType {
        self.dtypes[reg.0 as usize]
    }

    /// Whether the value differs from one iteration of the innermost loop to the next.
    pub(super) fn varies(&self, reg: Reg) -> bool {
        self.levels[reg.0 as usize] == self.inner() && !self.steady[reg.0 as usize]
    }

    /// Whether the value is a scalar that changes from run to run of a loop in the body.
    pub(super) fn is_steady(&self, reg: Reg) -> bool {
        self.steady[reg.0 as usize]
    }

    /// The instructions that vary along the innermost loop.
    pub(super) fn at_varying(&self) -> impl Iterator<Item = usize> + use<> {
        let varying: Vec<usize> =
            self.at_level(self.inner()).filter(|&i| self.varies(Reg(i as u32))).collect();
        varying.into_iter()
    }

    /// The constant that a register is.
    pub(super) fn constant(&self, reg: Reg) -> Option<Scalar> {
        match self.body.body[reg.0 as usize] {
            Instr::Const(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The instructions inside of exactly `level` loops, in order.
    pub(super) fn at_level(&self, level: usize) -> impl Iterator<Item = usize> + use<> {
        let at: Vec<usize> =
            (0..self.levels.len()).filter(|&i| self.live[i] && self.levels[i] == level).collect();
        at.into_iter()
    }

    fn results(&self) -> impl Iterator<Item = Reg> + '_ {
        self.body.stores.iter().map(|s| s.value).chain(self.body.folds.iter().map(|f| f.value))
    }

    fn find_live(&mut self) {
        self.live = vec![false; self.body.body.len()];
        let results: Vec<Reg> = self.results().collect();
        results.into_iter().for_each(|reg| self.live[reg.0 as usize] = true);
        for span in &self.spans {
            self.live[span.begin..=span.end].fill(true);
        }
        for i in (0..self.live.len()).rev() {
            if self.live[i] {
                self.body.body[i].operands().into_iter().for_each(|reg| self.live[reg.0 as usize] = true);
            }
        }
    }

    fn stored(&self, buffer: Buffer) -> bool {
        let mut stored =
            self.body.stores.iter().map(|s| s.buffer).chain(self.body.folds.iter().map(|f| f.buffer));
        stored.any(|b| b == buffer)
    }

    fn find_levels(&mut self) {
        for instr in &self.body.body {
            let level = match instr {
                Instr::Const(_) => 0,
                Instr::Index { index, .. } => self.index_level(index),
                // What this stage stores changes under way; only within the innermost loop are points independent.
                Instr::Load { buffer, index } if self.stored(*buffer) => {
                    self.index_level(index).max(self.inner() - 1)
                }
                Instr::Load { index, .. } => self.index_level(index),
                Instr::LoadAt { index, at, .. } => self.index_level(index).max(self.levels[at.0 as usize]),
                _ => instr.operands().iter().map(|reg| self.levels[reg.0 as usize]).max().unwrap_or(0),
            };
            self.levels.push(level);
        }
        if self.spans.is_empty() {
            return;
        }
        let varies = loops::varying(&self.body.body, &self.spans, Var::Dim(self.inner() as u32 - 1));
        // What is in a loop, and what is made of its state behind it.
        for (i, instr) in self.body.body.iter().enumerate() {
            let inside = self.spans.iter().any(|span| span.contains(i));
            let of_state = || instr.operands().iter().any(|reg| self.levels[reg.0 as usize] == self.inner());
            if inside || (self.levels[i] < self.inner() && of_state()) {
                self.levels[i] = self.inner();
                self.steady[i] = !varies[i];
            }
        }
    }

    fn index_level(&self, index: &Affine) -> usize {
        let dims = index.terms.iter().filter_map(|&(var, _)| match var {
            Var::Dim(d) => Some(d as usize + 1),
            Var::Grid(_) => None,
        });
        dims.max().unwrap_or(0)
    }

    fn find_widths(&mut self) {
        for (i, instr) in self.body.body.iter().enumerate() {
            let width = if self.dtypes[i] == DType::Bool {
                self.mask_width(instr)
            } else {
                self.dtypes[i].size() as u32
            };
            self.widths.push(width);
        }
    }

    /// A mask is as wide as what it was made from: the first varying operand, if it is of bools. State is as wide as the other state.
    fn mask_width(&self, instr: &Instr) -> u32 {
        if let Instr::State(_) = instr {
            let states = self.body.body.iter().zip(&self.dtypes);
            let states = states.filter(|(instr, _)| matches!(instr, Instr::State(_)));
            return states.map(|(_, dtype)| dtype.size() as u32).max().unwrap_or(1);
        }
        let of = instr.operands().into_iter().find(|&reg| self.varies(reg));
        of.map_or(1, |reg| self.widths[reg.0 as usize])
    }

    /// The width in which the instruction at `i` wants each of its operands.
    pub(super) fn wanted(&self, i: usize) -> SmallVec<[(Reg, u32); 3]> {
        let size = |reg: Reg| self.dtype(reg).size() as u32;
        let own = self.widths[i];
        let instr = &self.body.body[i];
        if let Instr::LoadAt { .. } = instr {
            // The place is a scalar.
            return SmallVec::new();
        }
        if let Instr::Repeat(next) = instr {
            let span = self.spans.iter().find(|span| span.end == i);
            let states = span.into_iter().flat_map(Span::state).zip(next);
            let varying = states.filter(|(state, _)| self.varies(Reg(*state as u32)));
            return varying.map(|(state, &reg)| (reg, self.widths[state])).collect();
        }
        let width = |reg: Reg| match instr {
            _ if self.dtype(reg) != DType::Bool => size(reg),
            Instr::Select(..)
            | Instr::Cast(..)
            | Instr::Unary(..)
            | Instr::Binary(..)
            | Instr::Compare(..)
            | Instr::State(..) => own,
            _ => size(reg),
        };
        instr.operands().into_iter().map(|reg| (reg, width(reg))).collect()
    }

    fn find_accesses(&mut self, kernel: &Kernel) {
        for instr in &self.body.body {
            let access = match instr {
                Instr::Load { buffer, index } => {
                    self.repeatable &= !self.stored(*buffer);
                    Some(self.access(kernel, *buffer, index))
                }
                Instr::LoadAt { buffer, index, .. } => Some(self.access(kernel, *buffer, index)),
                _ => None,
            };
            self.loads.push(access);
        }
        self.stores = self.body.stores.iter().map(|s| self.access(kernel, s.buffer, &s.index)).collect();
        self.fold_stores = self.body.folds.iter().map(|f| self.access(kernel, f.buffer, &f.index)).collect();
    }

    fn access(&mut self, kernel: &Kernel, buffer: Buffer, index: &Affine) -> Access {
        let dtype = kernel.dtype(buffer);
        let inner = Var::Dim(self.inner() as u32 - 1);
        let stride = index.coefficient(inner);
        let bytes = index.offset.wrapping_mul(dtype.size() as i64);
        // Lanes add up to a few thousand bytes more.
        let (offset, displacement) =
            if bytes.unsigned_abs() < 1 << 30 { (0, bytes as i32) } else { (index.offset, 0) };
        let place = Place { buffer, index: Affine { offset, ..index.clone() }.plus(inner, -stride) };
        let at = self.places.iter().position(|p| *p == place).unwrap_or_else(|| {
            self.places.push(place);
            self.places.len() - 1
        });
        Access { place: at, displacement, stride, dtype }
    }

    /// Vectors are full in the narrowest type, unless the widest would need more than four of them.
    fn choose_lanes(&mut self) {
        let varying = self.at_varying().map(|i| self.widths[i]);
        let stored = self.body.stores.iter().map(|s| self.dtype(s.value).size() as u32);
        let folded = self.body.folds.iter().map(|f| self.widths[f.value.0 as usize]);
        let widths: SmallVec<[u32; 16]> = varying.chain(stored).chain(folded).collect();
        let narrowest = widths.iter().copied().min().unwrap_or(4);
        let widest = widths.iter().copied().max().unwrap_or(4);
        self.lanes = (VECTOR / narrowest).min(4 * VECTOR / widest);
        if !self.spans.is_empty() {
            self.lanes = self.lanes_of_loops(widest);
            return;
        }
        let vectors = self.lanes * widest / VECTOR;
        let cost: u32 = self
            .at_level(self.inner())
            .map(|i| cost::instructions(&self.body.body[i], self.dtypes[i]))
            .sum::<u32>()
            * vectors.max(1);
        let budget = (BODY_BUDGET / cost.max(1)).clamp(1, 4 / vectors.clamp(1, 4));
        self.unroll = 1 << budget.ilog2();
    }

    /// Loops of points are not unrolled, but run for several vectors at once, so that these need not wait for each other; for
    /// fewer if there is more state, which is to stay in registers.
    fn lanes_of_loops(&self, widest: u32) -> u32 {
        let states = self.spans.iter().flat_map(Span::state).filter(|&s| self.varies(Reg(s as u32)));
        // A vector math function needs all registers for itself, a call does too.
        let math =
            self.at_varying().any(|i| cost::work(&self.body.body[i], self.dtypes[i]) >= Work::VectorMath);
        let vectors = match states.count() {
            _ if math => 1,
            0..=2 => 4,
            3..=4 => 2,
            _ => 1,
        };
        let trip = self.trips[self.inner() - 1];
        let most = trip.full.min(u64::from(vectors * VECTOR / widest)).max(1);
        1 << most.ilog2()
    }

    fn plan_folds(&mut self) {
        for fold in &self.body.folds {
            let dtype = self.dtype(fold.value);
            let ordered = fold.kind.depends_on_order(dtype);
            if ordered {
                self.unroll = self.unroll.max(fold_lanes(dtype) as u32 / self.lanes);
            }
        }
        let step = self.lanes * self.unroll;
        self.folds = self
            .body
            .folds
            .iter()
            .map(|fold| {
                let dtype = self.dtype(fold.value);
                let width = self.widths[fold.value.0 as usize];
                let ordered = fold.kind.depends_on_order(dtype);
                let lanes = match ordered {
                    true => fold_lanes(dtype) as u32,
                    // Next to much wider values a vector is filled in part; what is in its other lanes is no element.
                    false if self.lanes * width < VECTOR => self.lanes,
                    false => step.min(4 * VECTOR / width),
                };
                FoldPlan { dtype, width, lanes, ordered }
            })
            .collect();
    }
}

/// Machine instructions that the main loop may have before it is no longer unrolled.
const BODY_BUDGET: u32 = 48;
