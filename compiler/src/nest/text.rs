//! How nests print. The text is for reading: it has no parser, since a kernel and a machine determine it.

use std::fmt::{self, Display, Formatter};

use super::form::{
    Accumulator, Edge, Entry, FoldOrder, Joining, LoopNest, MemoryAccess, Section, SectionRange, Trip,
    Variation, Work,
};
use super::{Import, NestProgram, NestStage};
use crate::kernel::{Instr, Outside, Reg, Var};

impl Display for NestProgram<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "nests for {} {{", self.machine)?;
        self.imports.iter().try_for_each(|import| writeln!(f, "  import {import}"))?;
        for stage in &self.stages {
            match stage {
                NestStage::Nest(nest) => write!(f, "{nest}")?,
                NestStage::Strip(call) => writeln!(f, "  call {} for {}", call.function, call.stage)?,
            }
        }
        f.write_str("}\n")
    }
}

impl Display for Import {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

impl Display for Trip {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.grid {
            None => write!(f, "{}", self.full),
            Some(g) => write!(f, "{} or {} in the last tile of g{g}", self.full, self.last),
        }
    }
}

impl Display for Edge {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Edge::At(n) => write!(f, "{n}"),
            Edge::Whole(1) => f.write_str("end"),
            Edge::Whole(step) => write!(f, "end/{step}*{step}"),
        }
    }
}

impl Display for SectionRange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)?;
        if self.entry == Entry::Perhaps { f.write_str(", perhaps") } else { Ok(()) }
    }
}

impl Display for Section {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Section::Blocks { range, lanes, unroll } => write!(f, "{unroll} x {lanes} lanes: {range}"),
            Section::LastBlock { lanes } => write!(f, "{lanes} lanes: the last {lanes}"),
            Section::Elements { range } => write!(f, "elements: {range}"),
        }
    }
}

impl Display for MemoryAccess {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} a{}", self.dtype, self.address)?;
        match self.step() {
            0 => {}
            step => write!(f, " + {step}*i")?,
        }
        match self.displacement {
            0 => Ok(()),
            bytes => write!(f, " + {bytes}"),
        }
    }
}

impl Display for Accumulator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let order = match self.order {
            FoldOrder::Fixed => "fixed order",
            FoldOrder::Free => "free order",
        };
        let mended = match self.joining {
            Joining::Exact => "",
            Joining::Mended => ", mended",
        };
        let Accumulator { partials, registers, width, .. } = self;
        write!(f, "{partials} partials of {width} bytes in {registers} registers, {order}{mended}")
    }
}

/// A computed place, with the number of places if it must be brought below it.
struct Place {
    at: Reg,
    count: u64,
    in_range: bool,
    outside: Outside,
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.in_range {
            true => write!(f, "at {}", self.at),
            false => write!(f, "{} {} of {}", self.outside, self.at, self.count),
        }
    }
}

/// Lines of a nest, each indented by its level.
struct Printer<'a, 'f, 'n> {
    f: &'a mut Formatter<'f>,
    nest: &'a LoopNest<'n>,
    indent: usize,
}

impl Display for LoopNest<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Printer { f, nest: self, indent: 1 }.nest()
    }
}

impl Printer<'_, '_, '_> {
    fn line(&mut self, line: impl Display) -> fmt::Result {
        writeln!(self.f, "{:indent$}{line}", "", indent = 2 * self.indent)
    }

    fn open(&mut self, line: impl Display) -> fmt::Result {
        self.line(format_args!("{line} {{"))?;
        self.indent += 1;
        Ok(())
    }

    fn close(&mut self) -> fmt::Result {
        self.indent -= 1;
        self.line("}")
    }

    fn nest(&mut self) -> fmt::Result {
        let nest = self.nest;
        self.open("nest")?;
        for (number, address) in nest.addresses.iter().enumerate() {
            self.line(format_args!("a{number} = {}[{}]", address.buffer, address.index))?;
        }
        match &nest.work {
            Work::Nothing => self.line("nothing")?,
            Work::Map(_) => self.level(0, nest.inner() - 1)?,
            Work::Fold(_) => self.level(0, nest.inner() - 1)?,
            Work::Transpose(_) => self.level(0, nest.inner() - 2)?,
        }
        self.close()
    }

    /// What is at a level, and the loops inside of it, down to the work at level `innermost`.
    fn level(&mut self, level: usize, innermost: usize) -> fmt::Result {
        let nest = self.nest;
        let reduction = match &nest.work {
            Work::Fold(fold) if fold.kept == level => Some(fold),
            _ => None,
        };
        for &reg in nest.scalars.get(level).into_iter().flatten() {
            self.instr(reg)?;
        }
        if let Some(fold) = reduction {
            for (k, (accumulator, source)) in fold.accumulators.iter().zip(&nest.source.folds).enumerate() {
                self.line(format_args!("f{k} = {} of {accumulator}", source.kind.word()))?;
            }
        }
        if level < innermost {
            self.open(format_args!("for {} < {}", Var::Dim(level as u32), nest.trips[level]))?;
            self.level(level + 1, innermost)?;
            self.close()?;
        } else {
            self.innermost()?;
        }
        for (k, store) in reduction.into_iter().flat_map(|fold| &fold.stores).enumerate() {
            self.line(format_args!("store {store} = f{k}"))?;
        }
        Ok(())
    }

    fn innermost(&mut self) -> fmt::Result {
        let nest = self.nest;
        for splat in &nest.splats {
            self.line(format_args!("splat {} as {} bytes", splat.value, splat.width))?;
        }
        match &nest.work {
            Work::Nothing => Ok(()),
            Work::Transpose(copy) => {
                let [rows, columns] = [0, 1].map(|k| nest.trips[nest.inner() - 2 + k]);
                self.open(format_args!("transpose {rows} by {columns} in blocks of {}", copy.block))?;
                self.line(format_args!("load {}, rows {} bytes apart", copy.load, copy.load_row))?;
                self.line(format_args!("store {}, rows {} bytes apart", copy.store, copy.store_row))?;
                self.close()
            }
            Work::Map(_) | Work::Fold(_) => self.points(),
        }
    }

    /// The innermost loop: its sections, and what each point does.
    fn points(&mut self) -> fmt::Result {
        let nest = self.nest;
        let inner = nest.inner() - 1;
        self.open(format_args!("each i = {} < {}", Var::Dim(inner as u32), nest.inner_trip()))?;
        for section in nest.sections() {
            self.line(section)?;
        }
        for &reg in &nest.body {
            self.instr(reg)?;
        }
        match &nest.work {
            Work::Map(map) => {
                for (access, store) in map.stores.iter().zip(&nest.source.stores) {
                    self.line(format_args!("store {access} = {}", store.value))?;
                }
            }
            _ => {
                for (k, fold) in nest.source.folds.iter().enumerate() {
                    self.line(format_args!("fold {} into f{k}", fold.value))?;
                }
            }
        }
        self.close()
    }

    fn instr(&mut self, reg: Reg) -> fmt::Result {
        let nest = self.nest;
        let instr = nest.instr(reg);
        if matches!(instr, Instr::Repeat(_)) {
            self.indent -= 1;
        }
        let variation = match nest.variation(reg) {
            Variation::Varying => "varying ",
            Variation::Uniform => "uniform ",
            Variation::Invariant(_) | Variation::Unused => "",
        };
        match (instr, nest.value(reg).access) {
            (Instr::Load { .. }, Some(access)) => {
                self.line(format_args!("{reg} = {variation}load {access}"))?;
            }
            (Instr::LoadAt { at, count, .. }, Some(access)) => {
                let (in_range, outside) = (nest.value(reg).in_range, Outside::Nearest);
                let place = Place { at: *at, count: *count, in_range, outside };
                self.line(format_args!("{reg} = {variation}load {access} {place}"))?;
            }
            (Instr::StoreAt { at, count, value, outside, .. }, Some(access)) => {
                let (in_range, outside) = (nest.value(reg).in_range, *outside);
                let place = Place { at: *at, count: *count, in_range, outside };
                self.line(format_args!("{reg} = {variation}store {access} {place} = {value}"))?;
            }
            _ => self.line(format_args!("{reg} = {variation}{instr}"))?,
        }
        if matches!(instr, Instr::Loop) {
            self.indent += 1;
        }
        Ok(())
    }
}
