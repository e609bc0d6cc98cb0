//! Folds: partial accumulators in vectors, joined in a tree at the end.
//!
//! Within the innermost loop the accumulators are in registers. They move to a stack slot where elements are handled one by
//! one, because then the partial that an element belongs to is not known when the code is emitted, and between
//! iterations of outer folded loops.

use cranelift_codegen::ir::{InstBuilder, StackSlotData, StackSlotKind, Type, Value, types};
use smallvec::SmallVec;
use tensorwright_ir::DType;
use tensorwright_ir::op::primitive::ReduceKind;

use super::CodegenError;
use super::binary::Known;
use super::control::{Bound, Range};
use super::nest::{Nest, Position};
use super::plan::FoldPlan;
use super::value::{Emitter, Pack, VECTOR, int_type, lane_type, memory, vector_type};

/// The accumulators of all folds, one after the other.
type Accumulators = Pack;

impl FoldPlan {
    /// The type of a vector of accumulators; a bool's is a mask.
    fn vector(&self) -> Type {
        vector_type(self.lane())
    }

    fn lane(&self) -> Type {
        if self.dtype == DType::Bool { int_type(self.width) } else { lane_type(self.dtype) }
    }
}

impl Nest<'_, '_, '_, '_> {
    /// Emits the folded loops, and the stores of their results. `empty` if the folded loops do not run.
    pub(super) fn emit_folds(&mut self, empty: bool) -> Result<(), CodegenError> {
        let (outer, inner) = (self.plan.outer(), self.plan.inner());
        let nested = inner - outer > 1 && !empty;
        let mut accumulators = self.identities();
        if !empty {
            let slot = self.slot();
            if nested {
                self.spill(slot, &accumulators);
            }
            let open = self.open_loops(outer, inner - 1, true)?;
            if nested {
                accumulators = self.reload(slot);
            }
            self.prepare_innermost()?;
            accumulators = self.fold_innermost(slot, accumulators)?;
            if nested {
                self.spill(slot, &accumulators);
            }
            self.close_loops(open);
            if nested {
                accumulators = self.reload(slot);
            }
        }
        self.finish(&accumulators)
    }

    fn identities(&mut self) -> Accumulators {
        let mut all = Accumulators::new();
        for (k, plan) in self.plan.folds.clone().iter().enumerate() {
            let identity = self.plan.body.folds[k].kind.identity(plan.dtype).bits();
            let bits = if plan.dtype == DType::Bool { identity.wrapping_neg() } else { identity };
            let vector = self.e.bits(plan.vector(), bits);
            all.extend((0..plan.vectors()).map(|_| vector));
        }
        all
    }

    /// The address of memory for all accumulators.
    fn slot(&mut self) -> Value {
        let vectors: usize = self.plan.folds.iter().map(FoldPlan::vectors).sum();
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, vectors as u32 * VECTOR, 4);
        let slot = self.e.builder.create_sized_stack_slot(data);
        self.e.ins().stack_addr(types::I64, slot, 0)
    }

    fn spill(&mut self, slot: Value, accumulators: &[Value]) {
        for (k, &vector) in accumulators.iter().enumerate() {
            self.e.ins().store(memory(), vector, slot, (k as u32 * VECTOR) as i32);
        }
    }

    fn reload(&mut self, slot: Value) -> Accumulators {
        let mut all = Accumulators::new();
        for plan in self.plan.folds.clone() {
            for _ in 0..plan.vectors() {
                let at = (all.len() as u32 * VECTOR) as i32;
                all.push(self.e.ins().load(plan.vector(), memory(), slot, at));
            }
        }
        all
    }

    fn fold_innermost(
        &mut self,
        slot: Value,
        accumulators: Accumulators,
    ) -> Result<Accumulators, CodegenError> {
        let (trip, lanes) = (self.inner_trip(), self.vector_lanes());
        let end = self.frame.length(self.e, trip);
        let begin = Bound::Const(0);
        if lanes == 1 {
            return self.fold_singly(slot, Range { from: begin, to: end, step: 1, sure: true }, accumulators);
        }
        let (lane_step, unroll) = (u64::from(lanes), self.plan.unroll);
        let step = lane_step * u64::from(unroll);
        let main = if trip.all(|n| n < step) { begin } else { self.e.round_down(end, step) };
        let sure = trip.all(|n| n >= step);
        let all =
            self.fold_range(Range { from: begin, to: main, step, sure }, lanes, unroll, accumulators)?;
        let Bound::Const(done) = main else {
            if trip.all(|n| n % step == 0) {
                return Ok(all);
            }
            return self.fold_singly(slot, Range { from: main, to: end, step: 1, sure: false }, all);
        };
        let rest = ((trip.full - done) / lane_step) as u32;
        let vectors = Bound::Const(done + u64::from(rest) * lane_step);
        let all = if rest > 0 && trip.constant().is_some() {
            self.fold_range(Range { from: main, to: vectors, step, sure: true }, lanes, rest, all)?
        } else {
            all
        };
        let from = if trip.constant().is_some() { vectors } else { main };
        if trip.constant().is_some_and(|n| n % lane_step == 0) {
            return Ok(all);
        }
        self.fold_singly(slot, Range { from, to: end, step: 1, sure: true }, all)
    }

    /// `blocks` vectors in each iteration, the first of them for the first partials.
    fn fold_range(
        &mut self,
        range: Range,
        lanes: u32,
        blocks: u32,
        accumulators: Accumulators,
    ) -> Result<Accumulators, CodegenError> {
        self.range(range, accumulators, &mut |nest, index, mut accumulators| {
            for k in 0..blocks {
                nest.fold_block(Position { index, offset: k * lanes }, lanes, &mut accumulators)?;
            }
            Ok(accumulators)
        })
    }

    fn fold_block(
        &mut self,
        at: Position,
        lanes: u32,
        accumulators: &mut Accumulators,
    ) -> Result<(), CodegenError> {
        self.emit_block(at, lanes)?;
        let mut first = 0;
        for (k, plan) in self.plan.folds.clone().iter().enumerate() {
            let fold = &self.plan.body.folds[k];
            let value = self.operand(fold.value, plan.width, lanes)?;
            let begin = (at.offset * plan.width / VECTOR) as usize;
            for (part, vector) in value.into_iter().enumerate() {
                let accumulator = &mut accumulators[first + (begin + part) % plan.vectors()];
                *accumulator = self.e.join(fold.kind, plan.dtype, *accumulator, vector)?;
            }
            first += plan.vectors();
        }
        Ok(())
    }

    /// One element at a time, with the accumulators in memory.
    fn fold_singly(
        &mut self,
        slot: Value,
        range: Range,
        accumulators: Accumulators,
    ) -> Result<Accumulators, CodegenError> {
        self.spill(slot, &accumulators);
        self.range(range, Pack::new(), &mut |nest, index, carried| {
            nest.emit_block(Position { index, offset: 0 }, 1)?;
            let mut first = 0;
            for (k, plan) in nest.plan.folds.clone().into_iter().enumerate() {
                nest.fold_element(slot, k, plan, first, index)?;
                first += plan.vectors() as u32 * VECTOR;
            }
            Ok(carried)
        })?;
        Ok(self.reload(slot))
    }

    fn fold_element(
        &mut self,
        slot: Value,
        k: usize,
        plan: FoldPlan,
        first: u32,
        index: Value,
    ) -> Result<(), CodegenError> {
        let fold = &self.plan.body.folds[k];
        let value = self.operand(fold.value, plan.width, 1)?[0];
        let value = if plan.dtype == DType::Bool { self.e.scalar_mask(plan.width, value) } else { value };
        let address = if plan.ordered {
            let partial = self.e.ins().band_imm_u(index, i64::from(plan.lanes) - 1);
            self.e.advance(slot, partial, i64::from(plan.width))
        } else {
            slot
        };
        let sum = self.e.ins().load(plan.lane(), memory(), address, first as i32);
        let sum = self.e.join(fold.kind, plan.dtype, sum, value)?;
        self.e.ins().store(memory(), sum, address, first as i32);
        Ok(())
    }

    fn finish(&mut self, accumulators: &[Value]) -> Result<(), CodegenError> {
        let mut first = 0;
        for (k, plan) in self.plan.folds.clone().into_iter().enumerate() {
            let kind = self.plan.body.folds[k].kind;
            let vectors = &accumulators[first..first + plan.vectors()];
            let mut result = self.e.tree(kind, plan, vectors)?;
            if plan.dtype == DType::Bool {
                let lane = if plan.width == 1 { result } else { self.e.ins().ireduce(types::I8, result) };
                result = self.e.ins().band_imm_u(lane, 1);
            }
            self.store_here(self.plan.fold_stores[k], result);
            first += plan.vectors();
        }
        Ok(())
    }
}

impl Emitter<'_, '_> {
    /// A scalar bool as a mask.
    fn scalar_mask(&mut self, width: u32, value: Value) -> Value {
        let wide = self.resize_int(int_type(width), false, value);
        self.ins().ineg(wide)
    }

    /// The monoid's operation on scalars or vectors; bools are masks.
    fn join(&mut self, kind: ReduceKind, dtype: DType, a: Value, b: Value) -> Result<Value, CodegenError> {
        let ty = self.type_of(a);
        let lanes = std::mem::replace(&mut self.lanes, if ty.is_vector() { ty.lane_count() } else { 1 });
        let joined = self.binary(kind.function(), dtype, &[a], &[b], Known::default());
        self.lanes = lanes;
        Ok(joined?[0])
    }

    /// Joins the partials: the upper half with the lower half, until one is left.
    fn tree(&mut self, kind: ReduceKind, plan: FoldPlan, vectors: &[Value]) -> Result<Value, CodegenError> {
        let mut vectors: SmallVec<[Value; 4]> = SmallVec::from_slice(vectors);
        while vectors.len() > 1 {
            let half = vectors.len() / 2;
            for k in 0..half {
                vectors[k] = self.join(kind, plan.dtype, vectors[k], vectors[k + half])?;
            }
            vectors.truncate(half);
        }
        let mut vector = vectors[0];
        let mut lanes = plan.lanes.min(VECTOR / plan.width);
        while lanes > 1 {
            lanes /= 2;
            let upper = self.shift_down(vector, lanes * plan.width);
            vector = self.join(kind, plan.dtype, vector, upper)?;
        }
        Ok(self.ins().extractlane(vector, 0u8))
    }
}
