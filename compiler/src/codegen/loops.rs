//! Loop nests as instructions: the scalars of each level in front of its loop, then the sections of the innermost loop, block by block.

use cranelift_codegen::ir::{InstBuilder, Value, types};
use smallvec::{SmallVec, smallvec};
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn};
use tensorwright_ir::{DType, Scalar};

use super::CodegenError;
use super::binary::Known;
use super::control::{self, Bound, OpenLoop, Range};
use super::function::Frame;
use super::repeat::Flow;
use super::value::{Emitter, Pack, int_type, lane_type, vector_type};
use crate::kernel::{Affine, Instr, Reg, Var};
use crate::nest::{Edge, Entry, LoopNest, Map, Section, SectionRange, Variation, Work};

/// A nest under construction.
pub(super) struct LoopEmitter<'n, 'a, 'f, 'k> {
    pub(super) e: &'n mut Emitter<'a, 'f>,
    pub(super) frame: &'n Frame<'k>,
    pub(super) nest: &'n LoopNest<'k>,
    /// The variables of the open loops, outermost first.
    indices: Vec<Value>,
    /// The nest's addresses at each level.
    pointers: Vec<Vec<Value>>,
    /// The values of instructions that do not vary along the innermost loop.
    scalars: Vec<Option<Value>>,
    /// The same as vectors, for the width in which they are wanted.
    splats: Vec<(Reg, u32, Value)>,
    /// For `Index` instructions that vary: the index where the innermost loop begins.
    index_bases: Vec<Option<Value>>,
    /// Values of the instructions that vary, in the block being emitted.
    packs: Vec<Pack>,
    /// Lengths of the innermost loop that have been rounded down to multiples.
    wholes: Vec<(u64, Bound)>,
    /// Addresses at the position being emitted, by the nest's address and bytes per step.
    addresses: Vec<(usize, i64, Value)>,
    /// Computed places that have been brought below a number of elements.
    pub(super) clamped: Vec<(Value, u64, Value)>,
}

/// Where in the innermost loop a block of elements lies.
#[derive(Clone, Copy)]
pub(super) struct Position {
    /// The loop variable.
    pub(super) index: Value,
    /// Elements beyond the loop variable.
    pub(super) offset: u32,
}

impl<'n, 'a, 'f, 'k> LoopEmitter<'n, 'a, 'f, 'k> {
    /// Emits a nest.
    pub(super) fn emit(
        e: &'n mut Emitter<'a, 'f>,
        frame: &'n Frame<'k>,
        nest: &'n LoopNest<'k>,
    ) -> Result<(), CodegenError> {
        let count = nest.values.len();
        let mut emission = LoopEmitter {
            e,
            frame,
            nest,
            indices: Vec::new(),
            pointers: Vec::new(),
            scalars: vec![None; count],
            splats: Vec::new(),
            index_bases: vec![None; count],
            packs: vec![Pack::new(); count],
            wholes: Vec::new(),
            addresses: Vec::new(),
            clamped: Vec::new(),
        };
        emission.emit_nest()
    }

    fn emit_nest(&mut self) -> Result<(), CodegenError> {
        let nest = self.nest;
        let kept = match &nest.work {
            Work::Nothing => return Ok(()),
            Work::Map(_) => nest.inner() - 1,
            Work::Fold(fold) => fold.kept,
            Work::Transpose(_) => nest.inner() - 2,
        };
        let pointers = nest.addresses.iter().map(|address| self.frame.address(self.e, address)).collect();
        self.pointers.push(pointers);
        self.emit_level(0)?;
        let open = self.open_loops(0, kept)?;
        match &nest.work {
            Work::Nothing => {}
            Work::Map(map) => {
                self.prepare_innermost()?;
                self.emit_map(map)?;
            }
            Work::Fold(fold) => self.emit_fold(fold)?,
            Work::Transpose(copy) => self.emit_transpose(copy)?,
        }
        self.close_loops(open);
        Ok(())
    }

    /// Opens the loops `from..to`, emitting what belongs to each level on the way.
    pub(super) fn open_loops(
        &mut self,
        from: usize,
        to: usize,
    ) -> Result<Vec<Option<OpenLoop>>, CodegenError> {
        let mut open = Vec::new();
        for dim in from..to {
            open.push(self.open_dim(dim));
            self.emit_level(dim + 1)?;
        }
        Ok(open)
    }

    fn open_dim(&mut self, dim: usize) -> Option<OpenLoop> {
        let trip = self.nest.trips[dim];
        let (index, open) = if trip.constant() == Some(1) {
            (self.e.bound(Bound::Const(0)), None)
        } else {
            let to = self.frame.length(trip);
            let range = Range { from: Bound::Const(0), to, step: 1, entry: Entry::Always };
            let (open, _) = self.e.open_loop(range, &[]);
            (open.index, Some(open))
        };
        self.indices.push(index);
        let mut pointers = self.pointers[dim].clone();
        for (pointer, address) in pointers.iter_mut().zip(&self.nest.addresses) {
            let size = self.frame.kernel().dtype(address.buffer).size() as i64;
            let stride = address.index.coefficient(Var::Dim(dim as u32)) * size;
            if open.is_some() {
                *pointer = self.e.advance(*pointer, index, stride);
            }
        }
        self.pointers.push(pointers);
        open
    }

    pub(super) fn close_loops(&mut self, open: Vec<Option<OpenLoop>>) {
        for open in open.into_iter().rev() {
            self.indices.pop();
            self.pointers.pop();
            if let Some(open) = open {
                self.e.close_loop(open, &[]);
            }
        }
    }

    /// Emits the scalars of a level; the innermost has none.
    fn emit_level(&mut self, level: usize) -> Result<(), CodegenError> {
        self.forget_addresses();
        for reg in self.nest.scalars.get(level).into_iter().flatten() {
            let i = reg.0 as usize;
            let index = self.e.bound(Bound::Const(0));
            let value = self.evaluate(i, 1, Position { index, offset: 0 })?[0];
            self.scalars[i] = Some(value);
        }
        Ok(())
    }

    /// Emits what the innermost loop needs before it begins: the beginnings of indices, and splats.
    pub(super) fn prepare_innermost(&mut self) -> Result<(), CodegenError> {
        let (nest, inner) = (self.nest, self.nest.inner_var());
        for &reg in &nest.index_bases {
            if let Instr::Index { index, .. } = nest.instr(reg) {
                let outside = index.clone().plus(inner, -index.coefficient(inner));
                self.index_bases[reg.0 as usize] = Some(self.index(&outside));
            }
        }
        self.splats.clear();
        self.wholes.clear();
        for splat in &nest.splats {
            let value = self.splat(splat.value, splat.width)?;
            self.splats.push((splat.value, splat.width, value));
        }
        Ok(())
    }

    fn splat(&mut self, reg: Reg, width: u32) -> Result<Value, CodegenError> {
        let dtype = self.nest.dtype(reg);
        match self.nest.constant(reg) {
            Some(scalar) if dtype == DType::Bool => {
                let ty = vector_type(int_type(width));
                Ok(self.e.int(ty, -(scalar.bits() as i64)))
            }
            Some(scalar) => Ok(self.e.bits(vector_type(lane_type(dtype)), scalar.bits())),
            None => {
                let scalar = self.scalar(reg)?;
                Ok(self.e.splat(dtype, scalar, width))
            }
        }
    }

    pub(super) fn scalar(&self, reg: Reg) -> Result<Value, CodegenError> {
        self.scalars[reg.0 as usize]
            .ok_or(CodegenError::Internal { what: "operands are defined before their use" })
    }

    /// An affine index as an `i64`, by the variables of the open loops.
    fn index(&mut self, index: &Affine) -> Value {
        let mut sum = self.e.ins().iconst(types::I64, index.offset);
        for &(var, coefficient) in &index.terms {
            let value = match var {
                Var::Grid(g) => self.frame.grid(g),
                Var::Dim(d) => self.indices.get(d as usize).copied(),
            };
            if let Some(value) = value {
                sum = self.e.advance(sum, value, coefficient);
            }
        }
        sum
    }

    /// The length of the innermost loop in this tile.
    pub(super) fn inner_length(&self) -> Bound {
        self.frame.length(self.nest.inner_trip())
    }

    /// A position along the innermost loop, computed once.
    fn edge(&mut self, edge: Edge) -> Bound {
        let step = match edge {
            Edge::At(n) => return Bound::Const(n),
            Edge::Whole(1) => return self.inner_length(),
            Edge::Whole(step) => step,
        };
        if let Some(&(_, bound)) = self.wholes.iter().find(|&&(s, _)| s == step) {
            return bound;
        }
        let end = self.inner_length();
        let bound = self.e.round_down(end, step);
        self.wholes.push((step, bound));
        bound
    }

    /// The range of a section, in steps of so many points.
    pub(super) fn section_range(&mut self, range: SectionRange, step: u64) -> Range {
        let (from, to) = (self.edge(range.from), self.edge(range.to));
        Range { from, to, step, entry: range.entry }
    }

    /// Emits `body` over a range of the innermost loop.
    pub(super) fn range(
        &mut self,
        range: Range,
        carried: Pack,
        body: control::BodyEmitter<'_, Self>,
    ) -> Result<Pack, CodegenError> {
        control::run(self, |nest| nest.e, range, carried, &mut |nest, index, carried| {
            nest.forget_addresses();
            body(nest, index, carried)
        })
    }

    /// The innermost loop of a nest without folds.
    fn emit_map(&mut self, map: &Map) -> Result<(), CodegenError> {
        for &section in &map.sections {
            match section {
                Section::Blocks { range, lanes, unroll } => self.store_range(map, range, lanes, unroll)?,
                Section::Elements { range } => self.store_range(map, range, 1, 1)?,
                Section::LastBlock { lanes } => {
                    let at = self.last_block(lanes);
                    self.store_block(map, at, lanes)?;
                }
            }
        }
        Ok(())
    }

    fn store_range(
        &mut self,
        map: &Map,
        range: SectionRange,
        lanes: u32,
        unroll: u32,
    ) -> Result<(), CodegenError> {
        let range = self.section_range(range, u64::from(lanes * unroll));
        self.range(range, Pack::new(), &mut |nest, index, carried| {
            for k in 0..unroll {
                nest.store_block(map, Position { index, offset: k * lanes }, lanes)?;
            }
            Ok(carried)
        })?;
        Ok(())
    }

    /// Where the last block begins.
    pub(super) fn last_block(&mut self, lanes: u32) -> Position {
        let end = self.inner_length();
        let end = self.e.bound(end);
        let index = self.e.ins().iadd_imm_s(end, -i64::from(lanes));
        self.forget_addresses();
        Position { index, offset: 0 }
    }

    fn store_block(&mut self, map: &Map, at: Position, lanes: u32) -> Result<(), CodegenError> {
        self.emit_block(at, lanes)?;
        for (store, &access) in self.nest.source.stores.iter().zip(&map.stores) {
            let value = self.operand(store.value, access.dtype.size() as u32, lanes)?;
            self.e.lanes = lanes;
            self.store(access, at, &value);
        }
        Ok(())
    }

    /// Evaluates the body for `lanes` points.
    pub(super) fn emit_block(&mut self, at: Position, lanes: u32) -> Result<(), CodegenError> {
        let (mut open, mut next) = (Vec::new(), 0);
        while let Some(&reg) = self.nest.body.get(next) {
            let i = reg.0 as usize;
            next += 1;
            match self.emit_repeat(i, lanes, &mut open)? {
                Flow::Other if self.emit_store(i)? => continue,
                Flow::Other => {}
                Flow::On => continue,
                Flow::Again(from) => {
                    next = from;
                    continue;
                }
            }
            let lanes = if self.is_uniform(reg) { 1 } else { lanes };
            let value = self.evaluate(i, lanes, at)?;
            self.define(i, &value);
        }
        Ok(())
    }

    fn is_uniform(&self, reg: Reg) -> bool {
        self.nest.variation(reg) == Variation::Uniform
    }

    /// Notes the value of an instruction of the innermost loop.
    pub(super) fn define(&mut self, i: usize, value: &[Value]) {
        if self.is_uniform(Reg(i as u32)) {
            self.scalars[i] = value.first().copied();
        } else {
            self.packs[i] = Pack::from_slice(value);
        }
    }

    /// The value of a register; if it is a bool, as masks of the given width.
    pub(super) fn operand(&mut self, reg: Reg, width: u32, lanes: u32) -> Result<Pack, CodegenError> {
        let dtype = self.nest.dtype(reg);
        self.e.lanes = lanes;
        if self.nest.varies(reg) {
            let pack = self.packs[reg.0 as usize].clone();
            let own = self.nest.value(reg).width;
            return Ok(if dtype == DType::Bool { self.e.resize_mask(pack, own, width) } else { pack });
        }
        if lanes == 1 {
            return Ok(SmallVec::from_slice(&[self.scalar(reg)?]));
        }
        if self.is_uniform(reg) {
            let splat = self.splat(reg, width)?;
            return Ok(SmallVec::from_elem(splat, self.e.parts(width)));
        }
        let splat = self.splats.iter().find(|&&(r, w, _)| r == reg && w == width);
        let splat =
            splat.ok_or(CodegenError::Internal { what: "uniform operands are splat before the loop" })?.2;
        Ok(SmallVec::from_elem(splat, self.e.parts(width)))
    }

    /// The value of instruction `i` for `lanes` elements.
    fn evaluate(&mut self, i: usize, lanes: u32, at: Position) -> Result<Pack, CodegenError> {
        let nest = self.nest;
        let (value, body) = (&nest.values[i], nest.source);
        let dtype = value.dtype;
        let args: SmallVec<[Pack; 3]> = value
            .operands
            .iter()
            .map(|&(reg, width)| self.operand(reg, width, lanes))
            .collect::<Result<_, _>>()?;
        self.e.lanes = lanes;
        Ok(match &body.body[i] {
            Instr::Const(scalar) => SmallVec::from_slice(&[self.e.bits(lane_type(dtype), scalar.bits())]),
            Instr::Index { index, .. } => self.evaluate_index(i, dtype, index, at),
            Instr::Load { .. } => self.load(i, at, None)?,
            Instr::LoadAt { at: place, count, .. } => {
                let place = self.place(i, *place, *count)?;
                self.load(i, at, Some(place))?
            }
            Instr::Unary(f, x) => self.e.unary(*f, self.nest.dtype(*x), &args[0])?,
            Instr::Binary(f, x, y) => {
                let (swap, known) = self.known(*x, *y);
                let (x, y) =
                    if swap && is_symmetric(*f) { (&args[1], &args[0]) } else { (&args[0], &args[1]) };
                let known = if swap && !is_symmetric(*f) { Known::default() } else { known };
                match self.within(*f, Reg(i as u32)).filter(|_| lanes == 1) {
                    Some((number, places)) => {
                        let number = self.operand(number, 0, 1)?[0];
                        smallvec![self.e.is_below(number, places)]
                    }
                    None => self.e.binary(*f, dtype, x, y, known)?,
                }
            }
            Instr::Special(f, _) => self.e.special(*f, dtype, &args)?,
            Instr::Compare(f, x, _) => self.e.compare(*f, self.nest.dtype(*x), &args[0], &args[1])?,
            Instr::Select(..) => self.select(&args),
            Instr::Fma(..) => self.fma(&args),
            Instr::Cast(to, x) => self.e.cast(self.nest.dtype(*x), *to, &args[0]),
            Instr::Bitcast(to, _) => self.e.bitcast(*to, &args[0]),
            Instr::Loop | Instr::State(_) | Instr::While(_) | Instr::Repeat(_) | Instr::StoreAt { .. } => {
                return Err(CodegenError::Internal { what: "what has no value is emitted apart" });
            }
        })
    }

    /// The integer of which an instruction says that it is at least 0 and below some number, which is one comparison of unsigned numbers.
    fn within(&self, function: BinaryFn, and: Reg) -> Option<(Reg, u64)> {
        let Instr::Binary(BinaryFn::And, x, y) = *self.nest.instr(and) else { return None };
        let number = |reg: Reg| self.nest.constant(reg).map(Scalar::to_i128);
        let least = |reg: Reg| match *self.nest.instr(reg) {
            Instr::Compare(CompareFn::Ge, of, zero) if number(zero) == Some(0) => Some(of),
            Instr::Compare(CompareFn::Le, zero, of) if number(zero) == Some(0) => Some(of),
            _ => None,
        };
        let most = |reg: Reg, of: Reg| match *self.nest.instr(reg) {
            Instr::Compare(CompareFn::Lt, x, n) if x == of => number(n),
            Instr::Compare(CompareFn::Le, x, n) if x == of => Some(number(n)? + 1),
            Instr::Compare(CompareFn::Gt, n, x) if x == of => number(n),
            Instr::Compare(CompareFn::Ge, n, x) if x == of => Some(number(n)? + 1),
            _ => None,
        };
        let both = |low: Reg, high: Reg| least(low).and_then(|of| Some((of, most(high, of)?)));
        let (of, places) = both(x, y).or_else(|| both(y, x))?;
        let is_signed = function == BinaryFn::And && self.nest.dtype(of).is_signed_int();
        Some((of, u64::try_from(places).ok().filter(|_| is_signed)?))
    }

    /// What is known of the second operand, or, if that is nothing, of the first (`true`).
    fn known(&self, x: Reg, y: Reg) -> (bool, Known) {
        let of =
            |reg: Reg| Known { constant: self.nest.constant(reg), uniform: self.scalars[reg.0 as usize] };
        let swap = self.nest.constant(y).is_none() && self.nest.constant(x).is_some();
        (swap, of(if swap { x } else { y }))
    }

    fn select(&mut self, args: &[Pack]) -> Pack {
        (0..args[1].len()).map(|k| self.e.choose(args[0][k], args[1][k], args[2][k])).collect()
    }

    fn fma(&mut self, args: &[Pack]) -> Pack {
        (0..args[0].len()).map(|k| self.e.ins().fma(args[0][k], args[1][k], args[2][k])).collect()
    }

    fn evaluate_index(&mut self, i: usize, dtype: DType, index: &Affine, at: Position) -> Pack {
        let stride = index.coefficient(self.nest.inner_var());
        let counter = self.nest.values[i].counter;
        let Some(base) = self.index_bases[i].filter(|_| self.nest.varies(Reg(i as u32))) else {
            let index = self.index(index);
            return self.index_as(dtype, index, 0, counter);
        };
        let first = self.e.advance(base, at.index, stride);
        let first = self.e.ins().iadd_imm_s(first, i64::from(at.offset).wrapping_mul(stride));
        self.index_as(dtype, first, stride, counter)
    }

    /// `first`, `first + stride`, and so on, as `dtype`: in vectors by way of the integers `counter`.
    fn index_as(&mut self, dtype: DType, first: Value, stride: i64, counter: DType) -> Pack {
        let integer = match dtype.is_float() && !self.e.is_vector() {
            true => DType::I64,
            false => counter,
        };
        let lane = lane_type(integer);
        let first = self.e.resize_int(lane, true, first);
        let pack = if self.e.is_vector() {
            self.ramp(integer, first, stride)
        } else {
            SmallVec::from_slice(&[first])
        };
        self.e.cast(integer, dtype, &pack)
    }

    fn ramp(&mut self, dtype: DType, first: Value, stride: i64) -> Pack {
        let ty = self.e.part(dtype);
        let splat = self.e.ins().splat(ty, first);
        let (size, per) = (dtype.size(), ty.lane_count() as usize);
        (0..self.e.parts(size as u32))
            .map(|part| {
                let steps = (0..per).map(|lane| ((part * per + lane) as i64).wrapping_mul(stride));
                let bytes: Vec<u8> = steps.flat_map(|s| s.to_le_bytes().into_iter().take(size)).collect();
                let constant = self.e.builder.func.dfg.constants.insert(bytes.into());
                let steps = self.e.ins().vconst(ty, constant);
                self.e.ins().iadd(splat, steps)
            })
            .collect()
    }

    /// The address at a position, without the position's offset.
    pub(super) fn address(&mut self, address: usize, level: usize, step: i64, index: Value) -> Value {
        if let Some(&(.., value)) = self.addresses.iter().find(|&&(a, s, _)| a == address && s == step) {
            return value;
        }
        let pointer = self.pointers[level][address];
        let value = self.e.advance(pointer, index, step);
        self.addresses.push((address, step, value));
        value
    }

    /// The loop variable is another one from here on, or what was computed may not have been.
    pub(super) fn forget_addresses(&mut self) {
        self.addresses.clear();
        self.clamped.clear();
    }

    /// An address at the current level of loops.
    pub(super) fn pointer(&self, address: usize) -> Value {
        self.pointers[self.pointers.len() - 1][address]
    }

    /// The number of open loops.
    pub(super) fn depth(&self) -> usize {
        self.pointers.len() - 1
    }
}

/// Functions of which operands may be exchanged.
fn is_symmetric(f: BinaryFn) -> bool {
    matches!(f, BinaryFn::Maximum | BinaryFn::Minimum)
}
