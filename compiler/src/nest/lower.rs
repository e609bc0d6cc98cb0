//! From a stage to its nest: each instruction's dtype, place and width, the addresses, and what is done in front of which loop.

use smallvec::SmallVec;
use tensorwright_ir::DType;

use super::form::{Address, LoopNest, Map, MemoryAccess, NestValue, Reduction, Splat, Trip, Variation, Work};
use super::machine::Machine;
use super::variation::variations;
use super::{fold, lanes, sections, transpose};
use crate::kernel::bounds::Bounds;
use crate::kernel::loops::{self, BodyLoop};
use crate::kernel::{Affine, Buffer, Instr, Kernel, Loop, Reg, Var};

/// The nest of a loop stage of a verified kernel.
pub(super) fn lower<'k>(kernel: &'k Kernel, source: &'k Loop, machine: Machine) -> LoopNest<'k> {
    let mut nest = evaluated(kernel, source, machine);
    let stores = accesses(&mut nest, kernel);
    let never = |trip: &Trip| trip.constant() == Some(0);
    let kept = nest.trips.len() - source.folded as usize;
    if nest.trips[..kept].iter().any(never) {
        return nest;
    }
    let runs = !nest.trips.iter().any(never);
    nest.body = at_level(&nest, nest.inner());
    let lanes = lanes::choose(&nest, machine);
    nest.work = if source.folds.is_empty() {
        match transpose::transposed(&nest, &stores, machine) {
            Some(copy) => Work::Transpose(copy),
            None => {
                let sections = sections::of_map(&nest, lanes, machine);
                Work::Map(Map { stores, sections })
            }
        }
    } else {
        let lanes = fold::unrolled(&nest, lanes);
        let accumulators = fold::accumulators(&nest, lanes, machine);
        let sections = match runs {
            true => sections::of_fold(&nest, lanes, &accumulators, machine),
            false => Vec::new(),
        };
        Work::Fold(Reduction { kept, accumulators, stores, sections })
    };
    if runs {
        hoist(&mut nest);
    } else {
        nest.body.clear();
    }
    nest
}

/// The nest with nothing but its values.
fn evaluated<'k>(kernel: &'k Kernel, source: &'k Loop, machine: Machine) -> LoopNest<'k> {
    let mut trips: Vec<Trip> = source.dims.iter().map(|&extent| Trip::new(extent, &kernel.grid)).collect();
    if trips.is_empty() {
        trips.push(Trip::fixed(1));
    }
    let spans = loops::spans(&source.body).unwrap_or_default();
    let variations = variations(source, trips.len(), &spans);
    let mut nest = LoopNest {
        source,
        trips,
        values: Vec::new(),
        spans,
        addresses: Vec::new(),
        scalars: Vec::new(),
        index_bases: Vec::new(),
        splats: Vec::new(),
        body: Vec::new(),
        work: Work::Nothing,
    };
    let dtypes = kernel.dtypes(source);
    let states = source.body.iter().zip(&dtypes).filter(|(instr, _)| matches!(instr, Instr::State(_)));
    let widest_state = states.map(|(_, dtype)| dtype.size() as u32).max().unwrap_or(1);
    for ((instr, dtype), variation) in source.body.iter().zip(dtypes).zip(variations) {
        let width = match instr {
            _ if dtype != DType::Bool || !machine.has_vectors() => dtype.size() as u32,
            Instr::State(_) => widest_state,
            _ => mask_width(&nest, instr),
        };
        let counter = counter(&nest, kernel, instr, dtype);
        let (operands, access) = (SmallVec::new(), None);
        let in_range = false;
        nest.values.push(NestValue { dtype, variation, width, operands, access, in_range, counter });
    }
    let bounds = Bounds::new(kernel, source);
    for i in 0..nest.values.len() {
        nest.values[i].operands = operands(&nest, i);
        nest.values[i].in_range = bounds.is_in_range(i);
    }
    nest
}

/// A mask is as wide as what it was made from: the first varying operand, if it is of bools.
fn mask_width(nest: &LoopNest<'_>, instr: &Instr) -> u32 {
    let of = instr.operands().into_iter().find(|&reg| nest.varies(reg));
    of.map_or(1, |reg| nest.value(reg).width)
}

/// Floats by way of integers of 32 bits, if these suffice: grid and loops bound an index.
fn counter(nest: &LoopNest<'_>, kernel: &Kernel, instr: &Instr, dtype: DType) -> DType {
    let Instr::Index { index, .. } = instr else { return dtype };
    if !dtype.is_float() {
        return dtype;
    }
    let reach = |var: Var| match var {
        Var::Grid(g) => kernel.grid[g as usize].extent,
        Var::Dim(d) => nest.trips[d as usize].full,
    };
    let most: i128 =
        index.terms.iter().map(|&(var, c)| i128::from(reach(var)) * i128::from(c.unsigned_abs())).sum();
    if most + i128::from(index.offset.unsigned_abs()) < 1 << 31 { DType::I32 } else { DType::I64 }
}

/// What the instruction at `i` reads, and in which width.
fn operands(nest: &LoopNest<'_>, i: usize) -> SmallVec<[(Reg, u32); 3]> {
    let instr = &nest.source.body[i];
    match instr {
        // The place is a scalar, and so is what is stored there.
        Instr::LoadAt { .. } | Instr::StoreAt { .. } => SmallVec::new(),
        Instr::Repeat(next) => {
            let span = nest.spans.iter().find(|span| span.end == i);
            let states = span.into_iter().flat_map(BodyLoop::state).zip(next);
            let varying = states.filter(|(state, _)| nest.varies(Reg(*state as u32)));
            varying.map(|(state, &reg)| (reg, nest.values[state].width)).collect()
        }
        _ => {
            let own = nest.values[i].width;
            let masks = matches!(
                instr,
                Instr::Select(..)
                    | Instr::Cast(..)
                    | Instr::Unary(..)
                    | Instr::Binary(..)
                    | Instr::Compare(..)
                    | Instr::State(..)
            );
            let width = |reg: Reg| match nest.dtype(reg) {
                DType::Bool if masks => own,
                dtype => dtype.size() as u32,
            };
            instr.operands().into_iter().map(|reg| (reg, width(reg))).collect()
        }
    }
}

/// Notes the accesses of loads, and gives those of the results.
fn accesses(nest: &mut LoopNest<'_>, kernel: &Kernel) -> Vec<MemoryAccess> {
    let source = nest.source;
    for (i, instr) in source.body.iter().enumerate() {
        if let Instr::Load { buffer, index }
        | Instr::LoadAt { buffer, index, .. }
        | Instr::StoreAt { buffer, index, .. } = instr
        {
            nest.values[i].access = Some(access(nest, kernel, *buffer, index));
        }
    }
    let stores = source.stores.iter().map(|s| (s.buffer, &s.index));
    let results = stores.chain(source.folds.iter().map(|f| (f.buffer, &f.index)));
    results.map(|(buffer, index)| access(nest, kernel, buffer, index)).collect()
}

fn access(nest: &mut LoopNest<'_>, kernel: &Kernel, buffer: Buffer, index: &Affine) -> MemoryAccess {
    let (dtype, inner) = (kernel.dtype(buffer), nest.inner_var());
    let stride = index.coefficient(inner);
    let bytes = index.offset.wrapping_mul(dtype.size() as i64);
    // Lanes add up to a few thousand bytes more.
    let (offset, displacement) =
        if bytes.unsigned_abs() < 1 << 30 { (0, bytes as i32) } else { (index.offset, 0) };
    let shared = Address { buffer, index: Affine { offset, ..index.clone() }.plus(inner, -stride) };
    let known = nest.addresses.iter().position(|address| *address == shared);
    let address = known.unwrap_or_else(|| {
        nest.addresses.push(shared);
        nest.addresses.len() - 1
    });
    MemoryAccess { address, displacement, stride, dtype }
}

/// The instructions inside of exactly `level` loops.
fn at_level(nest: &LoopNest<'_>, level: usize) -> Vec<Reg> {
    let at = |&reg: &Reg| match nest.variation(reg) {
        Variation::Unused => false,
        Variation::Invariant(invariant) => invariant == level,
        Variation::Uniform | Variation::Varying => level == nest.inner(),
    };
    (0..nest.values.len() as u32).map(Reg).filter(at).collect()
}

/// Fills in what is computed in front of the innermost loop.
fn hoist(nest: &mut LoopNest<'_>) {
    nest.scalars = (0..nest.inner()).map(|level| at_level(nest, level)).collect();
    let is_index = |&reg: &Reg| nest.varies(reg) && matches!(nest.instr(reg), Instr::Index { .. });
    nest.index_bases = nest.body.iter().copied().filter(is_index).collect();
    if nest.sections().iter().any(|section| section.lanes() > 1) {
        nest.splats = splats(nest);
    }
}

/// The invariants that vectors are combined with, each in each width in which it is wanted.
fn splats(nest: &LoopNest<'_>) -> Vec<Splat> {
    let is_repeat = |reg: Reg| matches!(nest.instr(reg), Instr::Repeat(_));
    let (varying, repeats): (Vec<Reg>, Vec<Reg>) = {
        let varying = nest.body.iter().copied().filter(|&reg| nest.varies(reg));
        let repeats = nest.spans.iter().map(|span| Reg(span.end as u32));
        (varying.collect(), repeats.filter(|&reg| is_repeat(reg)).collect())
    };
    let operands = varying.iter().chain(&repeats).flat_map(|&reg| nest.value(reg).operands.iter().copied());
    let mut splats: Vec<Splat> = Vec::new();
    for (value, width) in operands.chain(results(nest)) {
        let splat = Splat { value, width };
        let invariant = matches!(nest.variation(value), Variation::Invariant(_));
        if invariant && !splats.contains(&splat) {
            splats.push(splat);
        }
    }
    splats
}

/// The values that are stored or folded, in the width in which they are.
fn results(nest: &LoopNest<'_>) -> Vec<(Reg, u32)> {
    let stores = nest.source.stores.iter().map(|s| (s.value, nest.dtype(s.value).size() as u32));
    match &nest.work {
        Work::Fold(fold) => {
            nest.source.folds.iter().zip(&fold.accumulators).map(|(f, a)| (f.value, a.width)).collect()
        }
        _ => stores.collect(),
    }
}
