//! Loop nests: each instruction is emitted at the outermost level where its operands exist; the innermost loop is unrolled
//! vector code, followed by one vector at a time, followed by single elements.

use cranelift_codegen::ir::{InstBuilder, Value, types};
use smallvec::SmallVec;
use tensorwright_ir::DType;

use super::CodegenError;
use super::binary::Known;
use super::control::{self, Bound, OpenLoop, Range};
use super::function::Frame;
use super::plan::{Plan, Trip};
use super::value::{Emitter, Pack, int_type, lane_type, vector_type};
use crate::kernel::{Affine, Instr, Loop, Reg, Var};

/// A nest under construction.
pub(super) struct Nest<'n, 'a, 'f, 'k> {
    pub(super) e: &'n mut Emitter<'a, 'f>,
    pub(super) frame: &'n Frame<'k>,
    pub(super) plan: Plan<'k>,
    /// The variables of the open loops, outermost first.
    indices: Vec<Value>,
    /// The addresses of the plan's places at each level.
    pointers: Vec<Vec<Value>>,
    /// Scalars: the values of instructions that do not vary along the innermost loop.
    uniform: Vec<Option<Value>>,
    /// The same as vectors, for the width in which they are wanted.
    splats: Vec<(Reg, u32, Value)>,
    /// For `Index` instructions that vary: the index where the innermost loop begins.
    index_bases: Vec<Option<Value>>,
    /// Values of the instructions that vary, in the block being emitted.
    packs: Vec<Pack>,
    /// Addresses at the position being emitted, by place and bytes per step.
    addresses: Vec<(usize, i64, Value)>,
}

/// Where in the innermost loop a block of elements lies.
#[derive(Clone, Copy)]
pub(super) struct Position {
    /// The loop variable.
    pub(super) index: Value,
    /// Elements beyond it.
    pub(super) offset: u32,
}

impl<'n, 'a, 'f, 'k> Nest<'n, 'a, 'f, 'k> {
    /// Emits a loop stage.
    pub(super) fn emit(
        e: &'n mut Emitter<'a, 'f>,
        frame: &'n Frame<'k>,
        body: &'k Loop,
    ) -> Result<(), CodegenError> {
        let plan = Plan::new(frame.kernel(), body);
        let kept = plan.trips.len() - body.folded as usize;
        if plan.trips[..kept].iter().any(|t| t.constant() == Some(0)) {
            return Ok(());
        }
        let count = body.body.len();
        let mut nest = Nest {
            e,
            frame,
            plan,
            indices: Vec::new(),
            pointers: Vec::new(),
            uniform: vec![None; count],
            splats: Vec::new(),
            index_bases: vec![None; count],
            packs: vec![Pack::new(); count],
            addresses: Vec::new(),
        };
        nest.emit_nest()
    }

    fn emit_nest(&mut self) -> Result<(), CodegenError> {
        let places = self.plan.places.clone();
        let pointers = places.iter().map(|place| self.frame.place(self.e, place)).collect();
        self.pointers.push(pointers);
        let empty = self.plan.trips.iter().any(|t| t.constant() == Some(0));
        if !empty {
            self.emit_level(0)?;
        }
        if let Some(copy) = self.plan.crosswise() {
            let open = self.open_loops(0, self.plan.inner() - 2, true)?;
            self.emit_crosswise(copy)?;
            self.close_loops(open);
            return Ok(());
        }
        let outer = self.plan.outer();
        let open = self.open_loops(0, outer, !empty)?;
        if self.plan.body.folds.is_empty() {
            self.prepare_innermost()?;
            self.emit_stores()?;
        } else {
            self.emit_folds(empty)?;
        }
        self.close_loops(open);
        Ok(())
    }

    /// Opens the loops `from..to`, emitting what belongs to each level on the way.
    pub(super) fn open_loops(
        &mut self,
        from: usize,
        to: usize,
        instructions: bool,
    ) -> Result<Vec<Option<OpenLoop>>, CodegenError> {
        let mut open = Vec::new();
        for dim in from..to {
            open.push(self.open_dim(dim));
            if instructions {
                self.emit_level(dim + 1)?;
            }
        }
        Ok(open)
    }

    fn open_dim(&mut self, dim: usize) -> Option<OpenLoop> {
        let trip = self.plan.trips[dim];
        let (index, open) = if trip.constant() == Some(1) {
            (self.e.bound(Bound::Const(0)), None)
        } else {
            let to = self.frame.length(self.e, trip);
            let range = Range { from: Bound::Const(0), to, step: 1, sure: true };
            let (open, _) = self.e.open_loop(range, &[]);
            (open.index, Some(open))
        };
        self.indices.push(index);
        let mut pointers = self.pointers[dim].clone();
        for (pointer, place) in pointers.iter_mut().zip(&self.plan.places) {
            let size = self.frame.kernel().dtype(place.buffer).size() as i64;
            let stride = place.index.coefficient(Var::Dim(dim as u32)) * size;
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

    /// Emits the scalars of a level, unless it is the innermost.
    fn emit_level(&mut self, level: usize) -> Result<(), CodegenError> {
        if level == self.plan.inner() {
            return Ok(());
        }
        self.addresses.clear();
        for i in self.plan.at_level(level) {
            let index = self.e.bound(Bound::Const(0));
            let value = self.evaluate(i, 1, Position { index, offset: 0 })?[0];
            self.uniform[i] = Some(value);
        }
        Ok(())
    }

    /// Emits what the innermost loop needs before it begins: splats and the beginnings of indices.
    pub(super) fn prepare_innermost(&mut self) -> Result<(), CodegenError> {
        self.splats.clear();
        let inner = self.plan.inner();
        for i in self.plan.at_varying() {
            if let Instr::Index { index, .. } = &self.plan.body.body[i] {
                let outside = index
                    .clone()
                    .plus(Var::Dim(inner as u32 - 1), -index.coefficient(Var::Dim(inner as u32 - 1)));
                self.index_bases[i] = Some(self.index(&outside));
            }
        }
        if self.vector_lanes() == 1 {
            return Ok(());
        }
        let repeats = self.plan.spans.iter().map(|span| span.end);
        let mut wanted: Vec<(Reg, u32)> =
            self.plan.at_varying().chain(repeats).flat_map(|i| self.plan.wanted(i)).collect();
        wanted
            .extend(self.plan.body.stores.iter().map(|s| (s.value, self.plan.dtype(s.value).size() as u32)));
        wanted
            .extend(self.plan.body.folds.iter().zip(&self.plan.folds).map(|(f, plan)| (f.value, plan.width)));
        for (reg, width) in wanted {
            let known = self.splats.iter().any(|&(r, w, _)| r == reg && w == width);
            if !known && !self.plan.varies(reg) && !self.plan.is_steady(reg) {
                let splat = self.splat(reg, width)?;
                self.splats.push((reg, width, splat));
            }
        }
        Ok(())
    }

    fn splat(&mut self, reg: Reg, width: u32) -> Result<Value, CodegenError> {
        let dtype = self.plan.dtype(reg);
        match self.plan.constant(reg) {
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
        self.uniform[reg.0 as usize]
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

    /// Lanes of vector code in the innermost loop, 1 if it is too short for any.
    pub(super) fn vector_lanes(&self) -> u32 {
        let lanes = self.plan.lanes;
        if self.inner_trip().all(|n| n < u64::from(lanes)) { 1 } else { lanes }
    }

    pub(super) fn inner_trip(&self) -> Trip {
        self.plan.trips[self.plan.inner() - 1]
    }

    /// Emits `body` over a range of the innermost loop.
    pub(super) fn range(
        &mut self,
        range: Range,
        carried: Pack,
        body: control::Body<'_, Self>,
    ) -> Result<Pack, CodegenError> {
        control::run(self, |nest| nest.e, range, carried, &mut |nest, index, carried| {
            nest.addresses.clear();
            body(nest, index, carried)
        })
    }

    /// The innermost loop of a nest without folds.
    fn emit_stores(&mut self) -> Result<(), CodegenError> {
        let (trip, lanes) = (self.inner_trip(), self.vector_lanes());
        let end = self.frame.length(self.e, trip);
        let begin = Bound::Const(0);
        if lanes == 1 {
            return self.store_range(Range { from: begin, to: end, step: 1, sure: true }, 1, 1);
        }
        let (lane_step, unroll) = (u64::from(lanes), self.plan.unroll);
        let step = lane_step * u64::from(unroll);
        let main = if trip.all(|n| n < step) { begin } else { self.e.round_down(end, step) };
        let sure = trip.all(|n| n >= step);
        self.store_range(Range { from: begin, to: main, step, sure }, lanes, unroll)?;
        let vectors = self.e.round_down(end, lane_step);
        if unroll > 1 && !trip.all(|n| n % step < lane_step) {
            let sure = trip.all(|n| n % step >= lane_step);
            self.store_range(Range { from: main, to: vectors, step: lane_step, sure }, lanes, 1)?;
        }
        if trip.all(|n| n % lane_step == 0) {
            return Ok(());
        }
        if self.plan.repeatable && trip.all(|n| n >= lane_step) {
            return self.store_last(end, lanes);
        }
        let sure = trip.all(|n| n % lane_step > 0);
        self.store_range(Range { from: vectors, to: end, step: 1, sure }, 1, 1)
    }

    fn store_range(&mut self, range: Range, lanes: u32, unroll: u32) -> Result<(), CodegenError> {
        self.range(range, Pack::new(), &mut |nest, index, carried| {
            for k in 0..unroll {
                nest.store_block(Position { index, offset: k * lanes }, lanes)?;
            }
            Ok(carried)
        })?;
        Ok(())
    }

    /// The last full vector once more, up to the end: points are independent, so that doing some twice does no harm.
    fn store_last(&mut self, end: Bound, lanes: u32) -> Result<(), CodegenError> {
        let end = self.e.bound(end);
        let index = self.e.ins().iadd_imm_s(end, -i64::from(lanes));
        self.forget_addresses();
        self.store_block(Position { index, offset: 0 }, lanes)
    }

    fn store_block(&mut self, at: Position, lanes: u32) -> Result<(), CodegenError> {
        self.emit_block(at, lanes)?;
        for k in 0..self.plan.stores.len() {
            let (store, access) = (&self.plan.body.stores[k], self.plan.stores[k]);
            let value = self.operand(store.value, access.dtype.size() as u32, lanes)?;
            self.e.lanes = lanes;
            self.store(access, at, &value);
        }
        Ok(())
    }

    /// Evaluates the varying instructions for `lanes` elements.
    pub(super) fn emit_block(&mut self, at: Position, lanes: u32) -> Result<(), CodegenError> {
        let mut open = Vec::new();
        for i in self.plan.at_level(self.plan.inner()) {
            if self.emit_repeat(i, lanes, &mut open)? {
                continue;
            }
            let lanes = if self.plan.is_steady(Reg(i as u32)) { 1 } else { lanes };
            let value = self.evaluate(i, lanes, at)?;
            self.define(i, &value);
        }
        Ok(())
    }

    /// Notes the value of an instruction of the innermost loop.
    pub(super) fn define(&mut self, i: usize, value: &[Value]) {
        if self.plan.is_steady(Reg(i as u32)) {
            self.uniform[i] = value.first().copied();
        } else {
            self.packs[i] = Pack::from_slice(value);
        }
    }

    /// The value of a register; if it is a bool, as masks of the given width.
    pub(super) fn operand(&mut self, reg: Reg, width: u32, lanes: u32) -> Result<Pack, CodegenError> {
        let dtype = self.plan.dtype(reg);
        self.e.lanes = lanes;
        if self.plan.varies(reg) {
            let pack = self.packs[reg.0 as usize].clone();
            let own = self.plan.widths[reg.0 as usize];
            return Ok(if dtype == DType::Bool { self.e.resize_mask(pack, own, width) } else { pack });
        }
        if lanes == 1 {
            return Ok(SmallVec::from_slice(&[self.scalar(reg)?]));
        }
        if self.plan.is_steady(reg) {
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
        let body = self.plan.body;
        let dtype = self.plan.dtypes[i];
        let args: SmallVec<[Pack; 3]> = self
            .plan
            .wanted(i)
            .into_iter()
            .map(|(reg, width)| self.operand(reg, width, lanes))
            .collect::<Result<_, _>>()?;
        self.e.lanes = lanes;
        Ok(match &body.body[i] {
            Instr::Const(scalar) => SmallVec::from_slice(&[self.e.bits(lane_type(dtype), scalar.bits())]),
            Instr::Index { index, .. } => self.evaluate_index(i, dtype, index, at),
            Instr::Load { .. } => self.load(i, at, None)?,
            Instr::LoadAt { at: place, count, .. } => {
                let place = self.scalar(*place)?;
                let place = self.e.clamped(place, *count);
                self.load(i, at, Some(place))?
            }
            Instr::Unary(f, x) => self.e.unary(*f, self.plan.dtype(*x), &args[0])?,
            Instr::Binary(f, x, y) => {
                let (swap, known) = self.known(*x, *y);
                let (x, y) =
                    if swap && is_symmetric(*f) { (&args[1], &args[0]) } else { (&args[0], &args[1]) };
                let known = if swap && !is_symmetric(*f) { Known::default() } else { known };
                self.e.binary(*f, dtype, x, y, known)?
            }
            Instr::Compare(f, x, _) => self.e.compare(*f, self.plan.dtype(*x), &args[0], &args[1])?,
            Instr::Select(..) => self.select(&args),
            Instr::Fma(..) => self.fma(&args),
            Instr::Cast(to, x) => self.e.cast(self.plan.dtype(*x), *to, &args[0]),
            Instr::Bitcast(to, _) => self.e.bitcast(*to, &args[0]),
            Instr::Loop | Instr::State(_) | Instr::While(_) | Instr::Repeat(_) => {
                return Err(CodegenError::Internal { what: "loops of bodies are emitted as a whole" });
            }
        })
    }

    /// What is known of the second operand, or, if that is nothing, of the first (`true`).
    fn known(&self, x: Reg, y: Reg) -> (bool, Known) {
        let of =
            |reg: Reg| Known { constant: self.plan.constant(reg), uniform: self.uniform[reg.0 as usize] };
        let swap = self.plan.constant(y).is_none() && self.plan.constant(x).is_some();
        (swap, of(if swap { x } else { y }))
    }

    fn select(&mut self, args: &[Pack]) -> Pack {
        (0..args[1].len()).map(|k| self.e.choose(args[0][k], args[1][k], args[2][k])).collect()
    }

    fn fma(&mut self, args: &[Pack]) -> Pack {
        (0..args[0].len()).map(|k| self.e.ins().fma(args[0][k], args[1][k], args[2][k])).collect()
    }

    fn evaluate_index(&mut self, i: usize, dtype: DType, index: &Affine, at: Position) -> Pack {
        let stride = index.coefficient(Var::Dim(self.plan.inner() as u32 - 1));
        let Some(base) = self.index_bases[i].filter(|_| self.plan.varies(Reg(i as u32))) else {
            let index = self.index(index);
            return self.index_as(dtype, index, 0, true);
        };
        let first = self.e.advance(base, at.index, stride);
        let first = self.e.ins().iadd_imm_s(first, i64::from(at.offset).wrapping_mul(stride));
        self.index_as(dtype, first, stride, self.is_small(index))
    }

    /// Whether an index fits 32 bits. Loops and the grid bound it.
    fn is_small(&self, index: &Affine) -> bool {
        let reach = |var: Var| match var {
            Var::Grid(g) => self.frame.kernel().grid[g as usize].extent,
            Var::Dim(d) => self.plan.trips[d as usize].full,
        };
        let most: i128 =
            index.terms.iter().map(|&(var, c)| i128::from(reach(var)) * i128::from(c.unsigned_abs())).sum();
        most + i128::from(index.offset.unsigned_abs()) < 1 << 31
    }

    /// `first`, `first + stride`, and so on, as `dtype`: floats by way of integers of 32 bits, if they suffice.
    fn index_as(&mut self, dtype: DType, first: Value, stride: i64, small: bool) -> Pack {
        let integer = match (dtype.is_float(), small && self.e.is_vector()) {
            (false, _) => dtype,
            (true, true) => DType::I32,
            (true, false) => DType::I64,
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
    pub(super) fn address(&mut self, place: usize, level: usize, step: i64, index: Value) -> Value {
        if let Some(&(.., address)) = self.addresses.iter().find(|&&(p, s, _)| p == place && s == step) {
            return address;
        }
        let pointer = self.pointers[level][place];
        let address = self.e.advance(pointer, index, step);
        self.addresses.push((place, step, address));
        address
    }

    /// The loop variable is another one from here on.
    pub(super) fn forget_addresses(&mut self) {
        self.addresses.clear();
    }

    /// The address of a place at the current level of loops.
    pub(super) fn pointer(&self, place: usize) -> Value {
        self.pointers[self.pointers.len() - 1][place]
    }

    /// The number of open loops.
    pub(super) fn depth(&self) -> usize {
        self.pointers.len() - 1
    }
}

/// Functions of which operands may be exchanged.
fn is_symmetric(f: tensorwright_ir::op::primitive::BinaryFn) -> bool {
    use tensorwright_ir::op::primitive::BinaryFn;
    matches!(f, BinaryFn::Maximum | BinaryFn::Minimum)
}
