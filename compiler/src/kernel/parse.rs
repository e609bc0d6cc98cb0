//! Reads the text form of kernels that [`text`](super::text) describes. `//` begins a comment.

use std::str::FromStr;

use half::{bf16, f16};
use smallvec::SmallVec;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, ReduceKind, SpecialFn, UnaryFn};
use tensorwright_ir::{DType, Scalar};

use super::{
    Access, Affine, Buffer, Extent, Fold, GridDim, Instr, Kernel, Local, Loop, Math, MathOp, Outside, Param,
    Reg, Span, Store, TileStage, Var,
};
use crate::syntax::{Parser, Result, SyntaxError};

/// Fails at the first place where the text does not follow the grammar. Whether the kernel is valid is not checked.
impl FromStr for Kernel {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Kernel> {
        let mut parser = Parser::new(text);
        let kernel = parser.kernel()?;
        parser.end()?;
        Ok(kernel)
    }
}

/// Kernels and stages.
impl Parser<'_> {
    pub(crate) fn kernel(&mut self) -> Result<Kernel> {
        self.require("kernel")?;
        self.require("{")?;
        let mut kernel =
            Kernel { params: Vec::new(), locals: Vec::new(), grid: Vec::new(), stages: Vec::new() };
        while !self.accept("}") {
            match self.peek_word() {
                "param" => {
                    self.declared("param", 'p', kernel.params.len())?;
                    kernel.params.push(self.param()?);
                }
                "local" => {
                    self.declared("local", 'l', kernel.locals.len())?;
                    let (dtype, len) = self.elements()?;
                    kernel.locals.push(Local { dtype, len });
                }
                "grid" => {
                    self.declared("grid", 'g', kernel.grid.len())?;
                    kernel.grid.push(self.grid()?);
                }
                "loop" => kernel.stages.push(TileStage::Loop(self.stage_loop()?)),
                "math" => kernel.stages.push(TileStage::Math(self.math()?)),
                _ => return Err(self.expected("`param`, `local`, `grid`, `loop`, `math` or `}`")),
            }
        }
        Ok(kernel)
    }

    /// A keyword, and the name that comes next in order.
    fn declared(&mut self, keyword: &str, letter: char, number: usize) -> Result<()> {
        self.require(keyword)?;
        let name = format!("{letter}{number}");
        if !self.accept_word(&name) {
            return Err(self.expected(format!("`{name}`")));
        }
        self.require(":")
    }

    fn param(&mut self) -> Result<Param> {
        let all = [Access::Read, Access::Write, Access::ReadWrite];
        let access =
            self.named("`read`, `write` or `readwrite`", |word| all.into_iter().find(|a| a.name() == word))?;
        let (dtype, len) = self.elements()?;
        Ok(Param { dtype, len, access })
    }

    fn elements(&mut self) -> Result<(DType, u64)> {
        let dtype = self.dtype()?;
        self.require("[")?;
        let len = self.number("a number of elements")?;
        self.require("]")?;
        Ok((dtype, len))
    }

    fn grid(&mut self) -> Result<GridDim> {
        let extent = self.number("a number of indices")?;
        self.require("by")?;
        Ok(GridDim { extent, tile: self.number("a number of indices")? })
    }

    fn extent(&mut self) -> Result<Extent> {
        if self.accept_word("tile") {
            return Ok(Extent::Tile(self.numbered('g')?));
        }
        Ok(Extent::Fixed(self.number("a number of iterations or `tile`")?))
    }

    /// `d0 < 4, d1 < 8`, numbered on from the loops that there are.
    fn dims(&mut self, dims: &mut Vec<Extent>) -> Result<()> {
        loop {
            let name = format!("d{}", dims.len());
            if !self.accept_word(&name) {
                return Err(self.expected(format!("`{name}`")));
            }
            self.require("<")?;
            dims.push(self.extent()?);
            if !self.accept(",") {
                return Ok(());
            }
        }
    }

    fn stage_loop(&mut self) -> Result<Loop> {
        self.require("loop")?;
        let mut dims = Vec::new();
        if self.peek_word().starts_with('d') {
            self.dims(&mut dims)?;
        }
        let kept = dims.len();
        if self.accept_word("fold") {
            self.dims(&mut dims)?;
        }
        let folded = (dims.len() - kept) as u32;
        let mut result = Loop { dims, body: Vec::new(), stores: Vec::new(), folded, folds: Vec::new() };
        self.require("{")?;
        while !self.accept("}") {
            self.statement(&mut result)?;
        }
        Ok(result)
    }

    fn statement(&mut self, body: &mut Loop) -> Result<()> {
        if self.accept_word("store") {
            let (buffer, index) = self.element()?;
            self.require("=")?;
            body.stores.push(Store { buffer, index, value: self.reg()? });
        } else if self.accept_word("fold") {
            let kind =
                self.named("a monoid", |word| ReduceKind::ALL.iter().copied().find(|k| k.word() == word))?;
            let (buffer, index) = self.element()?;
            self.require("=")?;
            body.folds.push(Fold { kind, value: self.reg()?, buffer, index });
        } else {
            let name = format!("r{}", body.body.len());
            if !self.accept_word(&name) {
                return Err(self.expected(format!("`{name}`, `store`, `fold` or `}}`")));
            }
            self.require("=")?;
            body.body.push(self.instr()?);
        }
        Ok(())
    }

    fn math(&mut self) -> Result<Math> {
        self.require("math")?;
        let function = self.named("a function", |word| {
            unary(word).map(MathOp::Unary).or_else(|| binary(word).map(MathOp::Binary))
        })?;
        let dtype = self.dtype()?;
        let out = self.span()?;
        self.require("=")?;
        let mut args = SmallVec::new();
        while !self.accept_word("for") {
            args.push(self.span()?);
        }
        let mut dims = vec![self.extent()?];
        while self.accept(",") {
            dims.push(self.extent()?);
        }
        Ok(Math { function, dtype, out, args, dims })
    }

    fn span(&mut self) -> Result<Span> {
        let (buffer, start) = self.element()?;
        Ok(Span { buffer, start })
    }
}

/// Instructions.
impl Parser<'_> {
    fn instr(&mut self) -> Result<Instr> {
        let word = self.peek_word();
        let start = self.at;
        self.at += word.len();
        Ok(match word {
            "const" => Instr::Const(self.scalar()?),
            "index" => Instr::Index { dtype: self.dtype()?, index: self.bracketed()? },
            "load" => {
                let (buffer, index) = self.element()?;
                if !self.accept_word("at") {
                    return Ok(Instr::Load { buffer, index });
                }
                let at = self.reg()?;
                self.require("of")?;
                Instr::LoadAt { buffer, index, at, count: self.number("a number of elements")? }
            }
            "store" => {
                let (buffer, index) = self.element()?;
                let outside = match self.accept_word("within") {
                    true => Outside::Nowhere,
                    false => self.require("at").map(|()| Outside::Nearest)?,
                };
                let at = self.reg()?;
                self.require("of")?;
                let count = self.number("a number of elements")?;
                self.require("=")?;
                Instr::StoreAt { buffer, index, at, count, value: self.reg()?, outside }
            }
            "select" => Instr::Select(self.reg()?, self.reg()?, self.reg()?),
            "fma" => Instr::Fma(self.reg()?, self.reg()?, self.reg()?),
            "cast" => Instr::Cast(self.dtype()?, self.reg()?),
            "bitcast" => Instr::Bitcast(self.dtype()?, self.reg()?),
            "loop" => Instr::Loop,
            "state" => Instr::State(self.reg()?),
            "while" => Instr::While(self.reg()?),
            "repeat" => Instr::Repeat(self.regs()?),
            _ => match (unary(word), binary(word), compare(word), SpecialFn::find(word)) {
                (Some(function), ..) => Instr::Unary(function, self.reg()?),
                (_, Some(function), ..) => Instr::Binary(function, self.reg()?, self.reg()?),
                (_, _, Some(function), _) => Instr::Compare(function, self.reg()?, self.reg()?),
                (.., Some(function)) => {
                    let x: Result<_> = (0..function.operands()).map(|_| self.reg()).collect();
                    Instr::Special(function, x?)
                }
                _ => {
                    self.at = start;
                    return Err(self.expected("an instruction"));
                }
            },
        })
    }

    fn reg(&mut self) -> Result<Reg> {
        Ok(Reg(self.numbered('r')?))
    }

    /// Registers up to the next statement, which may itself begin with one: `r7 = ..`.
    fn regs(&mut self) -> Result<SmallVec<[Reg; 4]>> {
        let mut regs = SmallVec::new();
        while self.peek_word().strip_prefix('r').is_some_and(|n| n.parse::<u32>().is_ok()) {
            let before = self.at;
            let reg = self.reg()?;
            if self.accept("=") {
                self.at = before;
                break;
            }
            regs.push(reg);
        }
        Ok(regs)
    }

    fn element(&mut self) -> Result<(Buffer, Affine)> {
        let buffer = self.named("a buffer", |word| {
            let number = |letter: char| word.strip_prefix(letter)?.parse().ok();
            number('p').map(Buffer::Param).or_else(|| number('l').map(Buffer::Local))
        })?;
        Ok((buffer, self.bracketed()?))
    }

    fn bracketed(&mut self) -> Result<Affine> {
        self.require("[")?;
        let index = self.affine()?;
        self.require("]")?;
        Ok(index)
    }

    fn affine(&mut self) -> Result<Affine> {
        let mut sum = Affine::default();
        let mut negative = self.accept("-");
        loop {
            sum = self.term(sum, negative)?;
            negative = match (self.accept("+"), self.accept("-")) {
                (true, minus) => minus,
                (false, true) => true,
                (false, false) => return Ok(sum),
            };
        }
    }

    /// `4`, `d0` or `4*d0`.
    fn term(&mut self, mut sum: Affine, negative: bool) -> Result<Affine> {
        let what = "a number or a variable";
        if !self.peek_word().starts_with(|c: char| c.is_ascii_digit()) {
            let var = self.var(what)?;
            return self.add(sum, var, if negative { -1 } else { 1 });
        }
        let magnitude = self.named(what, |word| word.parse::<i128>().ok())?;
        let signed = i64::try_from(if negative { -magnitude } else { magnitude });
        let factor = signed.map_err(|_| self.expected("a number of 64 bits"))?;
        if self.accept("*") {
            let var = self.var("a variable")?;
            return self.add(sum, var, factor);
        }
        sum.offset = sum.offset.checked_add(factor).ok_or_else(|| self.expected("a number of 64 bits"))?;
        Ok(sum)
    }

    fn add(&self, sum: Affine, var: Var, factor: i64) -> Result<Affine> {
        match sum.coefficient(var).checked_add(factor) {
            Some(_) => Ok(sum.plus(var, factor)),
            None => Err(self.expected("a coefficient of 64 bits")),
        }
    }

    fn var(&mut self, what: &str) -> Result<Var> {
        self.named(what, |word| {
            let number = |letter: char| word.strip_prefix(letter)?.parse().ok();
            number('g').map(Var::Grid).or_else(|| number('d').map(Var::Dim))
        })
    }

    fn scalar(&mut self) -> Result<Scalar> {
        let dtype = self.dtype()?;
        let rest = self.rest();
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let scalar =
            scalar(dtype, &rest[..end]).ok_or_else(|| self.expected(format!("a number of {dtype}")))?;
        self.at += end;
        Ok(scalar)
    }
}

fn unary(name: &str) -> Option<UnaryFn> {
    UnaryFn::ALL.iter().copied().find(|f| f.name() == name)
}

fn binary(name: &str) -> Option<BinaryFn> {
    BinaryFn::ALL.iter().copied().find(|f| f.name() == name)
}

fn compare(name: &str) -> Option<CompareFn> {
    CompareFn::ALL.iter().copied().find(|f| f.name() == name)
}

/// The element that prints as `text`.
fn scalar(dtype: DType, text: &str) -> Option<Scalar> {
    if let Some(bits) = text.strip_prefix("nan:0x") {
        let scalar = Scalar::from_bits(dtype, u64::from_str_radix(bits, 16).ok()?);
        return (dtype.is_float() && scalar.to_f64().is_nan()).then_some(scalar);
    }
    match dtype {
        DType::Bool => text.parse().ok().map(Scalar::Bool),
        DType::F32 => text.parse().ok().map(Scalar::F32),
        DType::F64 => text.parse().ok().map(Scalar::F64),
        DType::F16 => text.parse().ok().map(|x| Scalar::F16(f16::from_f32(x))),
        DType::BF16 => text.parse().ok().map(|x| Scalar::BF16(bf16::from_f32(x))),
        _ => {
            let value = text.parse::<i128>().ok()?;
            let scalar = Scalar::from_i128(dtype, value);
            (scalar.to_i128() == value).then_some(scalar)
        }
    }
}
