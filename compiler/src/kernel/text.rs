//! The text form of kernels: what prints parses back to the same kernel (see [`parse`](super::parse)).
//!
//! ```text
//! kernel {
//!   param p0: read f32[4096]
//!   param p1: write f32[64]
//!   local l0: f32[64]
//!   grid g0: 64 by 1
//!   loop d0 < 64 {
//!     r0 = load p0[64*g0 + d0]
//!     r1 = const f32 2.0
//!     r2 = mul r0 r1
//!     store l0[d0] = r2
//!   }
//!   math exp f32 l0[0] = l0[0] for 64
//!   loop fold d0 < 64 {
//!     r0 = load l0[d0]
//!     fold sum p1[g0] = r0
//!   }
//! }
//! ```
//!
//! `d0 < tile g0` is a loop over the indices of the tile along a grid loop. Loops after `fold` are reduced. A store at a computed place is an
//! instruction, `r7 = store p1[0] at r3 of 64 = r6`, since its place in the body matters. With `within` in place of `at` it stores nothing
//! where the place is not one of those.

use std::fmt::{self, Display, Formatter};

use super::{
    Access, Affine, Buffer, Extent, Fold, GridDim, Instr, Kernel, Local, Loop, Math, MathOp, Outside, Param,
    Reg, Span, Store, TileStage, Var,
};

impl Display for Buffer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Buffer::Param(i) => write!(f, "p{i}"),
            Buffer::Local(i) => write!(f, "l{i}"),
        }
    }
}

impl Display for Var {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Var::Grid(g) => write!(f, "g{g}"),
            Var::Dim(d) => write!(f, "d{d}"),
        }
    }
}

impl Display for Reg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl Access {
    /// The word in the text form.
    pub const fn name(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::Write => "write",
            Access::ReadWrite => "readwrite",
        }
    }
}

/// Terms in descending order of the stride, the constant last: `64*g0 + d0 - 3`.
impl Display for Affine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for &(var, coefficient) in &self.terms {
            sign(f, &mut first, coefficient < 0)?;
            match coefficient.unsigned_abs() {
                1 => write!(f, "{var}")?,
                factor => write!(f, "{factor}*{var}")?,
            }
        }
        if self.offset != 0 || first {
            sign(f, &mut first, self.offset < 0)?;
            write!(f, "{}", self.offset.unsigned_abs())?;
        }
        Ok(())
    }
}

fn sign(f: &mut Formatter<'_>, first: &mut bool, negative: bool) -> fmt::Result {
    f.write_str(match (std::mem::take(first), negative) {
        (true, false) => "",
        (true, true) => "-",
        (false, false) => " + ",
        (false, true) => " - ",
    })
}

impl Display for Extent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Extent::Fixed(n) => write!(f, "{n}"),
            Extent::Tile(g) => write!(f, "tile g{g}"),
        }
    }
}

impl Display for Param {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}[{}]", self.access.name(), self.dtype, self.len)
    }
}

impl Display for Local {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.dtype, self.len)
    }
}

impl Display for GridDim {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.extent, self.tile)
    }
}

impl Display for Outside {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outside::Nearest => "at",
            Outside::Nowhere => "within",
        })
    }
}

impl Display for Instr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Instr::Const(scalar) => write!(f, "const {} {scalar}", scalar.dtype()),
            Instr::Index { dtype, index } => write!(f, "index {dtype} [{index}]"),
            Instr::Load { buffer, index } => write!(f, "load {buffer}[{index}]"),
            Instr::LoadAt { buffer, index, at, count } => {
                write!(f, "load {buffer}[{index}] at {at} of {count}")
            }
            Instr::StoreAt { buffer, index, at, count, value, outside } => {
                write!(f, "store {buffer}[{index}] {outside} {at} of {count} = {value}")
            }
            Instr::Unary(function, x) => write!(f, "{} {x}", function.name()),
            Instr::Binary(function, x, y) => write!(f, "{} {x} {y}", function.name()),
            Instr::Special(function, x) => {
                f.write_str(function.name())?;
                x.iter().try_for_each(|x| write!(f, " {x}"))
            }
            Instr::Compare(function, x, y) => write!(f, "{} {x} {y}", function.name()),
            Instr::Select(c, x, y) => write!(f, "select {c} {x} {y}"),
            Instr::Fma(x, y, z) => write!(f, "fma {x} {y} {z}"),
            Instr::Cast(dtype, x) => write!(f, "cast {dtype} {x}"),
            Instr::Bitcast(dtype, x) => write!(f, "bitcast {dtype} {x}"),
            Instr::Loop => write!(f, "loop"),
            Instr::State(x) => write!(f, "state {x}"),
            Instr::While(x) => write!(f, "while {x}"),
            Instr::Repeat(next) => {
                f.write_str("repeat")?;
                next.iter().try_for_each(|x| write!(f, " {x}"))
            }
        }
    }
}

impl Display for Store {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "store {}[{}] = {}", self.buffer, self.index, self.value)
    }
}

impl Display for Fold {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "fold {} {}[{}] = {}", self.kind.word(), self.buffer, self.index, self.value)
    }
}

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.buffer, self.start)
    }
}

impl MathOp {
    /// The function's mnemonic.
    pub const fn name(self) -> &'static str {
        match self {
            MathOp::Unary(function) => function.name(),
            MathOp::Binary(function) => function.name(),
        }
    }
}

impl Display for Math {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "math {} {} {} =", self.function.name(), self.dtype, self.out)?;
        self.args.iter().try_for_each(|arg| write!(f, " {arg}"))?;
        f.write_str(" for ")?;
        list(f, self.dims.iter())
    }
}

fn list(f: &mut Formatter<'_>, items: impl Iterator<Item = impl Display>) -> fmt::Result {
    items.enumerate().try_for_each(|(k, item)| write!(f, "{}{item}", if k > 0 { ", " } else { "" }))
}

/// The header and the body, indented by two for a place in a kernel.
impl Display for Loop {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kept = self.dims.len().saturating_sub(self.folded as usize);
        let dims = |from: usize, to: usize| (from..to).map(|d| format!("d{d} < {}", self.dims[d]));
        f.write_str("loop ")?;
        list(f, dims(0, kept))?;
        if self.folded > 0 {
            f.write_str(if kept > 0 { " fold " } else { "fold " })?;
            list(f, dims(kept, self.dims.len()))?;
        }
        f.write_str(if self.dims.is_empty() { "{\n" } else { " {\n" })?;
        for (number, instr) in self.body.iter().enumerate() {
            writeln!(f, "    r{number} = {instr}")?;
        }
        self.stores.iter().try_for_each(|store| writeln!(f, "    {store}"))?;
        self.folds.iter().try_for_each(|fold| writeln!(f, "    {fold}"))?;
        f.write_str("  }")
    }
}

impl Display for TileStage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            TileStage::Loop(body) => body.fmt(f),
            TileStage::Math(math) => math.fmt(f),
        }
    }
}

impl Display for Kernel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("kernel {\n")?;
        self.params.iter().enumerate().try_for_each(|(i, param)| writeln!(f, "  param p{i}: {param}"))?;
        self.locals.iter().enumerate().try_for_each(|(i, local)| writeln!(f, "  local l{i}: {local}"))?;
        self.grid.iter().enumerate().try_for_each(|(g, dim)| writeln!(f, "  grid g{g}: {dim}"))?;
        self.stages.iter().try_for_each(|stage| writeln!(f, "  {stage}"))?;
        f.write_str("}\n")
    }
}
