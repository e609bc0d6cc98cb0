//! The verifier of nests: what makes a [`NestProgram`] a faithful account of its kernel. Readers rely on it.
//!
//! 1. Each instruction that is needed is evaluated at one place: an invariant at its level, everything else in the body, both in
//!    the order of the source.
//! 2. An operand is evaluated at the same level or further out, and no instruction outside of the body needs one that is in it.
//! 3. What has a varying operand varies, but for loops, tests and repeats. What a computed place or a store there reads does not, nor what
//!    a test reads, unless the state is frozen where it fails.
//! 4. An invariant index or load uses the variables of loops around its level only. A load of a buffer that the nest stores to is not
//!    hoisted out of the loop around the innermost one, and one of a buffer that the body itself writes is not hoisted.
//! 5. An access reads or writes the element of the source: address, displacement and stride add up to its index.
//! 6. Sections follow each other and cover the innermost loop, in each tile: each point once, but for the points of a last
//!    block, which comes last, where twice does no harm and each tile has that many points.
//! 7. A section of blocks is a multiple of its iterations, and one that is always entered has points in each tile.
//! 8. Lanes are a power of two, and 1 on a machine without vectors, where there are neither splats nor transposed copies.
//! 9. Where there are vectors, each invariant operand of a varying instruction, store or fold is splat in the width in which it is
//!    wanted. Only invariants are splat, each once in each width. The indices that vary are those with a base.
//! 10. The registers of an accumulator hold its partials. The order is fixed if the monoid's result depends on it, and then there are
//!     as many partials as [`fold_lanes`] says, and a block begins with the same partial whatever the iteration.
//! 11. Only maxima and minima of floats on a machine with vectors are mended.
//! 12. A transposed copy is one load along the innermost loop and one store along the one around it, of different buffers, with
//!     the rows of the source.
//! 13. Imports are the functions that are called, each once, in order.
//! 14. A computed place that is not brought into range is in range, whatever the memory holds.

use std::fmt;

use tensorwright_ir::op::primitive::ReduceKind;

use super::form::{
    Accumulator, Entry, FoldOrder, Joining, LoopNest, MemoryAccess, Reduction, Section, SectionRange,
    TransposedCopy, Variation, Work,
};
use super::machine::Machine;
use super::variation::{is_ordered, stores_to};
use super::{NestProgram, NestStage, calls};
use crate::kernel::bounds::Bounds;
use crate::kernel::{Affine, Buffer, Instr, Kernel, Reg, Var, fold_lanes};

/// A rule that a nest breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NestViolation {
    /// The rule's number in the [module documentation](self).
    pub rule: u32,
    /// The stage.
    pub stage: usize,
    /// Description of what is wrong.
    pub message: String,
}

/// Nests that break rules: all that were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidNest {
    /// The rules that are broken, at least one.
    pub violations: Vec<NestViolation>,
}

impl fmt::Display for InvalidNest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid nest")?;
        let line = |v: &NestViolation| write_line(f, v);
        self.violations.iter().try_for_each(line)
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, violation: &NestViolation) -> fmt::Result {
    let NestViolation { rule, stage, message } = violation;
    write!(f, "\n  stage {stage}: {message} (rule {rule})")
}

impl std::error::Error for InvalidNest {}

/// Checks all rules of nests.
///
/// # Errors
///
/// All violations, if there are any.
pub fn verify(program: &NestProgram<'_>) -> Result<(), InvalidNest> {
    let mut violations = Vec::new();
    for (stage, nest) in program.stages.iter().enumerate() {
        if let NestStage::Nest(nest) = nest {
            let (kernel, machine) = (program.kernel, program.machine);
            let mut verifier = Verifier {
                kernel,
                machine,
                nest,
                bounds: Bounds::new(kernel, nest.source),
                broken: Vec::new(),
            };
            verifier.nest();
            let broken = verifier.broken.into_iter();
            violations.extend(broken.map(|(rule, message)| NestViolation { rule, stage, message }));
        }
    }
    if program.imports != calls::imports(&program.stages) {
        let message = format!("the imports are {:?}", program.imports);
        violations.push(NestViolation { rule: 13, stage: 0, message });
    }
    if violations.is_empty() { Ok(()) } else { Err(InvalidNest { violations }) }
}

struct Verifier<'v, 'k> {
    kernel: &'k Kernel,
    machine: Machine,
    nest: &'v LoopNest<'k>,
    bounds: Bounds<'k>,
    broken: Vec<(u32, String)>,
}

impl Verifier<'_, '_> {
    fn require(&mut self, holds: bool, rule: u32, message: impl FnOnce() -> String) {
        if !holds {
            self.broken.push((rule, message()));
        }
    }

    fn nest(&mut self) {
        let nest = self.nest;
        match &nest.work {
            Work::Nothing => return,
            Work::Map(map) => {
                let indices = nest.source.stores.iter().map(|s| (s.buffer, &s.index));
                indices.zip(&map.stores).for_each(|((b, i), &access)| self.access(b, i, access));
                self.sections();
            }
            Work::Fold(fold) => {
                let indices = nest.source.folds.iter().map(|f| (f.buffer, &f.index));
                indices.zip(&fold.stores).for_each(|((b, i), &access)| self.access(b, i, access));
                self.fold(fold);
                if fold.sections.is_empty() {
                    return;
                }
                self.sections();
            }
            Work::Transpose(copy) => self.transposed(copy),
        }
        self.places();
        for (i, instr) in nest.source.body.iter().enumerate() {
            if nest.values[i].variation != Variation::Unused {
                self.operands(Reg(i as u32), instr);
                self.memory(Reg(i as u32), instr);
            }
        }
        self.vectors();
    }

    /// Rule 1.
    fn places(&mut self) {
        let nest = self.nest;
        let in_order = |regs: &[Reg]| regs.windows(2).all(|pair| pair[0] < pair[1]);
        let ordered = nest.scalars.iter().all(|level| in_order(level)) && in_order(&nest.body);
        self.require(ordered, 1, || "instructions are out of order".to_owned());
        for (i, value) in nest.values.iter().enumerate() {
            let reg = Reg(i as u32);
            let levels = nest.scalars.iter().enumerate().filter(|(_, regs)| regs.contains(&reg));
            let levels: Vec<usize> = levels.map(|(level, _)| level).collect();
            let fits = match value.variation {
                Variation::Unused => levels.is_empty() && !nest.body.contains(&reg),
                Variation::Invariant(level) => levels == [level] && !nest.body.contains(&reg),
                Variation::Uniform | Variation::Varying => levels.is_empty() && nest.body.contains(&reg),
            };
            self.require(fits, 1, || format!("{reg} is {:?}, but at {levels:?}", value.variation));
        }
    }

    fn level(&self, reg: Reg) -> usize {
        match self.nest.variation(reg) {
            Variation::Invariant(level) => level,
            _ => self.nest.inner(),
        }
    }

    /// Rules 2 and 3.
    fn operands(&mut self, reg: Reg, instr: &Instr) {
        let nest = self.nest;
        let has_value = instr.has_value();
        for operand in instr.operands() {
            let known = nest.variation(operand) != Variation::Unused;
            self.require(known && self.level(operand) <= self.level(reg), 2, || {
                format!("{reg} needs {operand}, which is further inside")
            });
            let varies = nest.varies(operand);
            self.require(!varies || !has_value || nest.varies(reg), 3, || {
                format!("{reg} needs {operand}, which varies")
            });
            let scalar = match instr {
                Instr::While(_) => !nest.is_frozen(reg),
                Instr::LoadAt { .. } | Instr::StoreAt { .. } => true,
                _ => false,
            };
            self.require(!varies || !scalar, 3, || format!("{reg} depends on {operand}, which varies"));
        }
    }

    /// Rules 4 and 5 for an instruction.
    fn memory(&mut self, reg: Reg, instr: &Instr) {
        let (nest, level) = (self.nest, self.level(reg));
        let (index, buffer) = match instr {
            Instr::Index { index, .. } => (index, None),
            Instr::Load { index, buffer }
            | Instr::LoadAt { index, buffer, .. }
            | Instr::StoreAt { index, buffer, .. } => (index, Some(*buffer)),
            _ => return,
        };
        let outside = index.terms.iter().all(|&(var, _)| match var {
            Var::Dim(d) => (d as usize) < level,
            Var::Grid(_) => true,
        });
        let uniform = nest.variation(reg) == Variation::Uniform && index.coefficient(nest.inner_var()) != 0;
        self.require(outside && !uniform, 4, || format!("{reg} is evaluated outside of its loops"));
        let Some(buffer) = buffer else { return };
        let stored = stores_to(nest.source, buffer);
        self.require(!stored || level + 1 >= nest.inner(), 4, || {
            format!("{reg} reads {buffer} before it is stored")
        });
        let in_range = nest.value(reg).in_range;
        self.require(!in_range || self.bounds.is_in_range(reg.0 as usize), 14, || {
            format!("the place of {reg} may be out of range")
        });
        let ordered = is_ordered(nest.source, instr);
        self.require(!ordered || level == nest.inner(), 4, || {
            format!("{reg} leaves its place among the stores to {buffer}")
        });
        match nest.value(reg).access {
            Some(access) => self.access(buffer, index, access),
            None => self.require(false, 5, || format!("{reg} has no address")),
        }
    }

    /// Rule 5.
    fn access(&mut self, buffer: Buffer, index: &Affine, access: MemoryAccess) {
        let (nest, dtype) = (self.nest, self.kernel.dtype(buffer));
        let size = dtype.size() as i64;
        let found = nest.addresses.get(access.address).is_some_and(|address| {
            let bytes = address.index.offset.wrapping_mul(size).wrapping_add(i64::from(access.displacement));
            let whole = Affine { offset: index.offset, ..address.index.clone() };
            address.buffer == buffer
                && address.index.coefficient(nest.inner_var()) == 0
                && bytes == index.offset.wrapping_mul(size)
                && whole.plus(nest.inner_var(), access.stride) == *index
        });
        self.require(found && access.dtype == dtype, 5, || format!("{access} is not {buffer}[{index}]"));
    }
}

/// Sections.
impl Verifier<'_, '_> {
    /// Rules 6 and 7.
    fn sections(&mut self) {
        let trip = self.nest.inner_trip();
        for length in [trip.full, trip.last] {
            let mut done = 0;
            for &section in self.nest.sections() {
                done = self.section(section, length, done);
            }
            self.require(done == length, 6, || format!("{done} of {length} points are done"));
        }
    }

    /// Checks a section in a loop of so many points, of which some are done; returns how many are done after it.
    fn section(&mut self, section: Section, length: u64, done: u64) -> u64 {
        let lanes = section.lanes();
        let fits = lanes.is_power_of_two() && (lanes == 1 || self.machine.has_vectors());
        self.require(fits, 8, || format!("blocks of {lanes} lanes"));
        let (range, step) = match section {
            Section::LastBlock { lanes } => {
                let last = self.nest.sections().last() == Some(&section);
                let fits = last && length >= u64::from(lanes) && done <= length && self.may_repeat();
                self.require(fits, 6, || format!("{section} does some of {length} points twice"));
                return length;
            }
            Section::Blocks { range, lanes, unroll } => (range, u64::from(lanes) * u64::from(unroll)),
            Section::Elements { range } => (range, 1),
        };
        let SectionRange { from, to, entry } = range;
        let (begin, end) = (from.within(length), to.within(length));
        self.require(begin == done && begin <= end && end <= length, 6, || {
            format!("{section} goes from {begin} to {end} of {length}, {done} are done")
        });
        let whole = end.saturating_sub(begin).is_multiple_of(step.max(1)) && step > 0;
        self.require(whole, 7, || format!("{section} goes from {begin} to {end}"));
        self.require(entry == Entry::Perhaps || begin < end, 7, || format!("{section} has no points"));
        end
    }

    /// Whether evaluating, storing and folding a point twice does no harm.
    fn may_repeat(&self) -> bool {
        let source = self.nest.source;
        let loads = source.body.iter().filter_map(|instr| match instr {
            Instr::Load { buffer, .. } => Some(*buffer),
            _ => None,
        });
        let idempotent = |kind| !matches!(kind, ReduceKind::Sum | ReduceKind::Prod);
        let folds_again = source.folds.iter().all(|fold| idempotent(fold.kind));
        loads.into_iter().all(|buffer| !stores_to(source, buffer)) && folds_again
    }

    /// Rules 8 and 9.
    fn vectors(&mut self) {
        let nest = self.nest;
        let is_index = |&reg: &Reg| nest.varies(reg) && matches!(nest.instr(reg), Instr::Index { .. });
        let indices: Vec<Reg> = nest.body.iter().copied().filter(is_index).collect();
        self.require(nest.index_bases == indices, 9, || format!("{:?} are bases", nest.index_bases));
        for (k, splat) in nest.splats.iter().enumerate() {
            let invariant = matches!(nest.variation(splat.value), Variation::Invariant(_));
            let once = !nest.splats[..k].contains(splat);
            self.require(invariant && once, 9, || format!("{} is splat", splat.value));
        }
        self.require(nest.splats.is_empty() || self.machine.has_vectors(), 8, || "splats".to_owned());
        if nest.sections().iter().any(|section| section.lanes() > 1) {
            self.splats();
        }
    }

    fn splats(&mut self) {
        let nest = self.nest;
        let repeats = nest.spans.iter().map(|span| Reg(span.end as u32));
        let readers = nest.body.iter().copied().filter(|&reg| nest.varies(reg)).chain(repeats);
        let operands = readers.flat_map(|reg| nest.value(reg).operands.iter().copied());
        let results: Vec<(Reg, u32)> = match &nest.work {
            Work::Fold(fold) => {
                let folds = nest.source.folds.iter().zip(&fold.accumulators);
                folds.map(|(fold, accumulator)| (fold.value, accumulator.width)).collect()
            }
            _ => {
                let stores = nest.source.stores.iter().map(|store| store.value);
                stores.map(|value| (value, nest.dtype(value).size() as u32)).collect()
            }
        };
        for (value, width) in operands.chain(results) {
            let splat = nest.splats.iter().any(|s| s.value == value && s.width == width);
            let invariant = matches!(nest.variation(value), Variation::Invariant(_));
            self.require(splat || !invariant, 9, || format!("{value} is wanted in {width} bytes"));
        }
    }
}

/// Folds and transposed copies.
impl Verifier<'_, '_> {
    /// Rules 10 and 11.
    fn fold(&mut self, fold: &Reduction) {
        for (source, &accumulator) in self.nest.source.folds.iter().zip(&fold.accumulators) {
            let Accumulator { dtype, width, partials, registers, order, joining } = accumulator;
            let register = self.machine.register(width);
            let holds = partials.is_power_of_two() && registers == (partials * width).div_ceil(register);
            self.require(holds, 10, || format!("{accumulator} of {dtype}"));
            let fixed = source.kind.depends_on_order(dtype);
            self.require(fixed == (order == FoldOrder::Fixed), 10, || format!("{accumulator}"));
            self.require(!fixed || partials as usize == fold_lanes(dtype), 10, || format!("{accumulator}"));
            let extreme = matches!(source.kind, ReduceKind::Max | ReduceKind::Min) && dtype.is_float();
            let may_mend = extreme && self.machine.has_vectors();
            self.require(may_mend || joining == Joining::Exact, 11, || format!("{accumulator}"));
            for &section in fold.sections.iter().filter(|_| fixed) {
                let in_order = self.keeps_order(section, u64::from(partials));
                self.require(in_order, 10, || format!("{section} begins with any partial"));
            }
        }
    }

    /// Whether each iteration of a section begins with partial 0.
    fn keeps_order(&self, section: Section, partials: u64) -> bool {
        let trip = self.nest.inner_trip();
        let Section::Blocks { range, lanes, unroll } = section else { return true };
        let step = u64::from(lanes) * u64::from(unroll);
        [trip.full, trip.last].into_iter().all(|length| {
            let (begin, end) = (range.from.within(length), range.to.within(length));
            begin.is_multiple_of(partials) && (step.is_multiple_of(partials) || end - begin <= step)
        })
    }

    /// Rule 12.
    fn transposed(&mut self, copy: &TransposedCopy) {
        let nest = self.nest;
        self.require(self.machine.has_vectors(), 8, || "a transposed copy".to_owned());
        let ([Instr::Load { buffer, index }], [store], true) =
            (&nest.source.body[..], &nest.source.stores[..], nest.inner() >= 2)
        else {
            return self.require(false, 12, || "this is no copy".to_owned());
        };
        self.access(*buffer, index, copy.load);
        self.access(store.buffer, &store.index, copy.store);
        let (outer, inner) = (Var::Dim(nest.inner() as u32 - 2), nest.inner_var());
        let size = copy.load.dtype.size() as i64;
        let exchanged = index.coefficient(inner) == 1 && store.index.coefficient(outer) == 1;
        let rows = [index.coefficient(outer) * size, store.index.coefficient(inner) * size];
        let fits = exchanged && *buffer != store.buffer && rows == [copy.load_row, copy.store_row];
        self.require(fits, 12, || "rows and columns are not exchanged".to_owned());
        let block = copy.block * size as u64;
        self.require(block == u64::from(self.machine.register(size as u32)), 12, || {
            format!("blocks of {}", copy.block)
        });
    }
}
