//! The interpreter of nests: what the decisions of a [`NestProgram`] mean, on scalars.
//!
//! It goes through levels, sections and blocks as a nest says, evaluates invariants where they are hoisted to, reads through the
//! shared addresses, and stores the lanes of a block only when all of them are known, as vectors do. So it computes what
//! the [kernel interpreter](mod@crate::kernel::interpret) does exactly if the decisions are right, for machines that nobody here has too.

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::Scalar;

use super::form::{
    Accumulator, FoldOrder, LoopNest, MemoryAccess, Reduction, Section, TransposedCopy, Trip, Variation, Work,
};
use super::{NestProgram, NestStage};
use crate::kernel::interpret::{
    InterpretError, Tile, check_buffers, computed, computed_place, is_stored, tree,
};
use crate::kernel::{Instr, Reg, Store};

/// A value for each point of a block, or one if it is the same for all.
type Lanes = SmallVec<[Scalar; 4]>;

/// Computes the tiles `begin..end` on `params`, the bytes of each param in the order of this machine.
///
/// # Errors
///
/// If what it is given does not fit the kernel.
pub fn interpret(
    program: &NestProgram<'_>,
    params: &mut [Vec<u8>],
    begin: u64,
    end: u64,
) -> Result<(), InterpretError> {
    check_buffers(program.kernel, params, end)?;
    for tile in begin..end {
        let mut tile = Tile::new(program.kernel, params, tile);
        for stage in &program.stages {
            match stage {
                NestStage::Strip(call) => tile.math(call.stage),
                NestStage::Nest(nest) => Run::new(&mut tile, nest).level(0),
            }
        }
    }
    Ok(())
}

/// A nest that is being run in a tile.
struct Run<'r, 'k, 'p> {
    tile: &'r mut Tile<'k, 'p>,
    nest: &'r LoopNest<'k>,
    values: Vec<Lanes>,
    /// The partials of each accumulator.
    partials: Vec<Vec<Scalar>>,
}

/// The points of a block.
#[derive(Clone, Copy)]
struct Block {
    first: u64,
    lanes: u32,
    partial: Partial,
}

/// Where the first point of a block is folded into.
#[derive(Clone, Copy)]
enum Partial {
    /// The partial of this number, modulo how many there are.
    Known(u64),
    /// That of the point's index if the order is fixed, else the first.
    OfIndex,
}

impl<'r, 'k, 'p> Run<'r, 'k, 'p> {
    fn new(tile: &'r mut Tile<'k, 'p>, nest: &'r LoopNest<'k>) -> Run<'r, 'k, 'p> {
        let values = vec![Lanes::new(); nest.values.len()];
        Run { tile, nest, values, partials: Vec::new() }
    }

    /// What is at a level, and everything inside of it.
    fn level(&mut self, level: usize) {
        let nest = self.nest;
        let innermost = match nest.work {
            Work::Nothing => return,
            Work::Transpose(_) => nest.inner() - 2,
            Work::Map(_) | Work::Fold(_) => nest.inner() - 1,
        };
        for &reg in nest.scalars.get(level).into_iter().flatten() {
            self.values[reg.0 as usize] = smallvec![self.scalar(reg, None)];
        }
        let reduction = match &nest.work {
            Work::Fold(fold) if fold.kept == level => Some(fold),
            _ => None,
        };
        if reduction.is_some() {
            self.begin_fold();
        }
        if level == innermost {
            self.innermost();
        } else if !nest.sections().is_empty() || reduction.is_none() {
            for index in 0..self.count(nest.trips[level]) {
                self.tile.dims.push(index as i64);
                self.level(level + 1);
                self.tile.dims.pop();
            }
        }
        if let Some(fold) = reduction {
            self.end_fold(fold);
        }
    }

    fn count(&self, trip: Trip) -> u64 {
        match trip.grid {
            Some(g) => self.tile.count(crate::kernel::Extent::Tile(g)),
            None => trip.full,
        }
    }

    fn innermost(&mut self) {
        let nest = self.nest;
        if let Work::Transpose(copy) = &nest.work {
            return self.transpose(copy);
        }
        let length = self.count(nest.inner_trip());
        for &section in nest.sections() {
            match section {
                Section::LastBlock { lanes } => {
                    let first = length - u64::from(lanes);
                    self.block(Block { first, lanes, partial: Partial::Known(0) });
                }
                Section::Elements { range } => {
                    for first in range.from.within(length)..range.to.within(length) {
                        self.block(Block { first, lanes: 1, partial: Partial::OfIndex });
                    }
                }
                Section::Blocks { range, lanes, unroll } => {
                    let step = u64::from(lanes * unroll);
                    for first in (range.from.within(length)..range.to.within(length)).step_by(step as usize) {
                        for at in (0..step).step_by(lanes as usize) {
                            self.block(Block { first: first + at, lanes, partial: Partial::Known(at) });
                        }
                    }
                }
            }
        }
    }

    fn block(&mut self, block: Block) {
        self.evaluate(block);
        match &self.nest.work {
            Work::Map(map) => {
                for (store, &access) in self.nest.source.stores.iter().zip(&map.stores) {
                    self.store(store, access, block);
                }
            }
            Work::Fold(fold) => {
                for (k, accumulator) in fold.accumulators.iter().enumerate() {
                    self.fold(k, accumulator, block);
                }
            }
            Work::Nothing | Work::Transpose(_) => {}
        }
    }

    /// The body, for all points of a block.
    fn evaluate(&mut self, block: Block) {
        let nest = self.nest;
        let mut at = 0;
        while let Some(&reg) = nest.body.get(at) {
            at += 1;
            let span = |end: bool| {
                nest.spans.iter().find(|span| if end { span.end } else { span.test } == reg.0 as usize)
            };
            match nest.instr(reg) {
                // The points of a block leave when the last of them does.
                Instr::While(holds) if !self.values[holds.0 as usize].iter().any(|lane| lane.is_truthy()) => {
                    at = span(false).map_or(at, |span| self.after(span.end));
                }
                Instr::Repeat(next) => {
                    let Some(span) = span(true) else { continue };
                    let next: Vec<Lanes> =
                        next.iter().map(|reg| self.values[reg.0 as usize].clone()).collect();
                    span.state().zip(next).for_each(|(state, value)| self.values[state] = value);
                    at = self.after(span.begin + span.states);
                }
                Instr::StoreAt { at, count, value, outside, .. } => {
                    let place = self.values[at.0 as usize][0];
                    if nest.value(reg).in_range || is_stored(place, *count, *outside) {
                        self.store_at(reg, *at, *count, *value);
                    }
                }
                _ => self.values[reg.0 as usize] = self.lanes(reg, block),
            }
        }
    }

    /// The place in the body behind an instruction.
    fn after(&self, instr: usize) -> usize {
        self.nest.body.iter().position(|reg| reg.0 as usize > instr).unwrap_or(self.nest.body.len())
    }

    fn lanes(&mut self, reg: Reg, block: Block) -> Lanes {
        let lanes = if self.nest.varies(reg) { block.lanes } else { 1 };
        (0..lanes).map(|lane| self.scalar(reg, Some((block.first, lane)))).collect()
    }

    /// The value of a register in a lane.
    fn lane(&self, reg: Reg, lane: u32) -> Scalar {
        let lanes = &self.values[reg.0 as usize];
        lanes[if lanes.len() == 1 { 0 } else { lane as usize }]
    }

    /// The value of an instruction: at its level, or at a lane of a block that begins at a point.
    fn scalar(&mut self, reg: Reg, at: Option<(u64, u32)>) -> Scalar {
        let (nest, lane) = (self.nest, at.map_or(0, |(_, lane)| lane));
        let point = at.map(|(first, lane)| (first + u64::from(lane)) as i64);
        match (nest.instr(reg), nest.value(reg).access) {
            (Instr::Index { dtype, index }, _) => {
                let varies = nest.variation(reg) == Variation::Varying;
                let own = point.filter(|_| varies).map_or(0, |p| p * index.coefficient(nest.inner_var()));
                let outside = index.clone().plus(nest.inner_var(), -index.coefficient(nest.inner_var()));
                Scalar::I64(self.tile.index(&outside) + own).cast(*dtype)
            }
            (Instr::Load { .. }, Some(access)) => self.load(access, point, 0),
            (Instr::LoadAt { at, count, .. }, Some(access)) => {
                let further = self.place(reg, *at, *count);
                self.load(access, point, further)
            }
            (instr, _) => computed(instr, |reg| self.lane(reg, lane)),
        }
    }

    /// The element of an access at a point of the innermost loop.
    fn element(&self, access: MemoryAccess, point: Option<i64>) -> i64 {
        let first = self.tile.index(&self.nest.addresses[access.address].index);
        first
            + i64::from(access.displacement) / access.dtype.size() as i64
            + access.stride * point.unwrap_or(0)
    }

    fn load(&mut self, access: MemoryAccess, point: Option<i64>, further: i64) -> Scalar {
        let at = self.element(access, point) + further;
        self.tile.load(self.nest.addresses[access.address].buffer, at)
    }

    fn place(&self, reg: Reg, at: Reg, count: u64) -> i64 {
        let place = self.lane(at, 0);
        if self.nest.value(reg).in_range { place.to_i128() as i64 } else { computed_place(place, count) }
    }

    /// A store within the body, which is the same for all points.
    fn store_at(&mut self, reg: Reg, at: Reg, count: u64, value: Reg) {
        let Some(access) = self.nest.value(reg).access else { return };
        let place = self.element(access, None) + self.place(reg, at, count);
        let value = self.lane(value, 0);
        self.tile.store(self.nest.addresses[access.address].buffer, place, value);
    }

    fn store(&mut self, store: &Store, access: MemoryAccess, block: Block) {
        for lane in 0..block.lanes {
            let at = self.element(access, Some((block.first + u64::from(lane)) as i64));
            let value = self.lane(store.value, lane);
            self.tile.store(store.buffer, at, value);
        }
    }

    fn begin_fold(&mut self) {
        let Work::Fold(fold) = &self.nest.work else { return };
        let identities = self.nest.source.folds.iter().zip(&fold.accumulators);
        self.partials =
            identities.map(|(f, a)| vec![f.kind.identity(a.dtype); a.partials as usize]).collect();
    }

    fn fold(&mut self, k: usize, accumulator: &Accumulator, block: Block) {
        let fold = &self.nest.source.folds[k];
        let partials = u64::from(accumulator.partials);
        for lane in 0..block.lanes {
            let partial = match (block.partial, accumulator.order) {
                (Partial::Known(first), _) => first + u64::from(lane),
                (Partial::OfIndex, FoldOrder::Fixed) => block.first,
                (Partial::OfIndex, FoldOrder::Free) => 0,
            };
            let value = self.lane(fold.value, lane);
            let joined = &mut self.partials[k][(partial % partials) as usize];
            *joined = fold.kind.function().eval(*joined, value);
        }
    }

    fn end_fold(&mut self, fold: &Reduction) {
        let partials = std::mem::take(&mut self.partials);
        for ((source, &access), partials) in self.nest.source.folds.iter().zip(&fold.stores).zip(partials) {
            let at = self.element(access, None);
            self.tile.store(source.buffer, at, tree(source, partials));
        }
    }

    fn transpose(&mut self, copy: &TransposedCopy) {
        let nest = self.nest;
        let [rows, columns] = [0, 1].map(|k| self.count(nest.trips[nest.inner() - 2 + k]) as i64);
        let size = copy.load.dtype.size() as i64;
        self.tile.dims.push(0);
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let from = self.element(copy.load, None) + row * copy.load_row / size + column;
            let to = self.element(copy.store, None) + column * copy.store_row / size + row;
            let value = self.tile.load(nest.addresses[copy.load.address].buffer, from);
            self.tile.store(nest.addresses[copy.store.address].buffer, to, value);
        }
        self.tile.dims.pop();
    }
}
