//! Folds: partial accumulators in vectors, joined in a tree at the end.
//!
//! Maxima and minima of floats would need eight instructions a vector, because NaN must win and `-0` is less than `+0`. In the
//! innermost loop the hardware's own maximum does, which is wrong in these two cases, and two more accumulators for each fold
//! keep what is needed to correct it: where a NaN was, and the signs, ANDed for a maximum and ORed for a minimum. A
//! maximum of zero is `+0` if some sign was clear, since then no element was positive; see [`Nest::settle`].
//!
//! Within the innermost loop the accumulators are in registers. They move to a stack slot where elements are handled one by
//! one, because then the partial that an element belongs to is not known when the code is emitted, and between
//! iterations of outer folded loops.

use cranelift_codegen::ir::condcodes::FloatCC;
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
        let lanes = self.vector_lanes();
        let end = self.frame.length(self.e, self.inner_trip());
        if lanes == 1 {
            return self.fold_singly(
                slot,
                Range { from: Bound::Const(0), to: end, step: 1, sure: true },
                accumulators,
            );
        }
        let watched = self.watch(&accumulators);
        let (folded, done) = self.fold_vectors(end, lanes, watched)?;
        let accumulators = self.settle(&folded);
        match done {
            Some(from) => self.fold_singly(slot, Range { from, to: end, step: 1, sure: false }, accumulators),
            None => Ok(accumulators),
        }
    }

    /// What can be done in vectors, and where the rest begins, if there is any.
    fn fold_vectors(
        &mut self,
        end: Bound,
        lanes: u32,
        accumulators: Accumulators,
    ) -> Result<(Accumulators, Option<Bound>), CodegenError> {
        let (trip, begin) = (self.inner_trip(), Bound::Const(0));
        let (lane_step, unroll) = (u64::from(lanes), self.plan.unroll);
        let step = lane_step * u64::from(unroll);
        let main = if trip.all(|n| n < step) { begin } else { self.e.round_down(end, step) };
        let sure = trip.all(|n| n >= step);
        let mut all =
            self.fold_range(Range { from: begin, to: main, step, sure }, lanes, unroll, accumulators)?;
        let mut done = main;
        let ordered = self.plan.folds.iter().any(|plan| plan.ordered);
        match (main, trip.constant()) {
            (Bound::Const(from), Some(n)) => {
                // The partials that the vectors belong to are known.
                let rest = (n - from) / lane_step;
                done = Bound::Const(from + rest * lane_step);
                all = self.fold_range(
                    Range { from: main, to: done, step, sure: true },
                    lanes,
                    rest as u32,
                    all,
                )?;
            }
            _ if !ordered => {
                done = self.e.round_down(end, lane_step);
                all = self.fold_range(
                    Range { from: main, to: done, step: lane_step, sure: false },
                    lanes,
                    1,
                    all,
                )?;
            }
            _ => {}
        }
        let whole = if ordered && trip.constant().is_none() { step } else { lane_step };
        if trip.all(|n| n % whole == 0) {
            return Ok((all, None));
        }
        if self.is_idempotent() && trip.all(|n| n >= lane_step) {
            return Ok((self.fold_last(end, lanes, all)?, None));
        }
        Ok((all, Some(done)))
    }

    /// Whether an element may be folded twice.
    fn is_idempotent(&self) -> bool {
        let mut folds = self.plan.body.folds.iter();
        folds.all(|fold| !matches!(fold.kind, ReduceKind::Sum | ReduceKind::Prod))
    }

    /// The last full vector up to the end, some of which may have been folded before.
    fn fold_last(
        &mut self,
        end: Bound,
        lanes: u32,
        mut accumulators: Accumulators,
    ) -> Result<Accumulators, CodegenError> {
        let end = self.e.bound(end);
        let index = self.e.ins().iadd_imm_s(end, -i64::from(lanes));
        self.forget_addresses();
        self.fold_block(Position { index, offset: 0 }, lanes, &mut accumulators)?;
        Ok(accumulators)
    }

    /// Adds the accumulators of signs and NaNs that [`Nest::settle`] takes away again.
    fn watch(&mut self, accumulators: &[Value]) -> Accumulators {
        let (mut all, mut first) = (Accumulators::new(), 0);
        for (k, plan) in self.plan.folds.clone().iter().enumerate() {
            let own = &accumulators[first..first + plan.vectors()];
            all.extend_from_slice(own);
            if self.is_watched(k) {
                let kind = self.plan.body.folds[k].kind;
                let bits = self.e.map(own, Emitter::as_int);
                let signs = bits[1..].iter().fold(bits[0], |signs, &b| self.e.join_signs(kind, signs, b));
                let int = self.e.type_of(signs);
                let none = self.e.int(int, 0);
                all.extend([signs, none]);
            }
            first += plan.vectors();
        }
        all
    }

    /// Whether the fold has accumulators of signs and NaNs.
    fn is_watched(&self, k: usize) -> bool {
        let extreme = matches!(self.plan.body.folds[k].kind, ReduceKind::Max | ReduceKind::Min);
        extreme && self.plan.folds[k].dtype.is_float()
    }

    /// Corrects maxima and minima. The signs and NaNs of one lane are those of all vectors together; that a zero may get the
    /// sign of an element in another vector changes no result, because joining the vectors would do the same.
    fn settle(&mut self, watched: &[Value]) -> Accumulators {
        let (mut all, mut first) = (Accumulators::new(), 0);
        for (k, plan) in self.plan.folds.clone().iter().enumerate() {
            let vectors = &watched[first..first + plan.vectors()];
            first += plan.vectors();
            if !self.is_watched(k) {
                all.extend_from_slice(vectors);
                continue;
            }
            let (signs, nans) = (watched[first], watched[first + 1]);
            first += 2;
            all.extend(self.e.map(vectors, |e, x| e.correct(x, signs, nans)));
        }
        all
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
            let own = &mut accumulators[first..];
            for (part, &vector) in value.iter().enumerate() {
                let accumulator = &mut own[(begin + part) % plan.vectors()];
                *accumulator = if self.is_watched(k) {
                    self.e.pick_extreme(fold.kind, vector, *accumulator)
                } else {
                    self.e.join(fold.kind, plan.dtype, *accumulator, vector)?
                };
            }
            first += plan.vectors();
            if self.is_watched(k) {
                self.e.note(fold.kind, &value, &mut accumulators[first..first + 2]);
                first += 2;
            }
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

    /// The greater or lesser of `x` and the accumulator, which stays if either is NaN or both are zero.
    fn pick_extreme(&mut self, kind: ReduceKind, x: Value, accumulator: Value) -> Value {
        match kind {
            ReduceKind::Max => self.pick_greater(x, accumulator),
            _ => self.pick_less(x, accumulator),
        }
    }

    fn join_signs(&mut self, kind: ReduceKind, a: Value, b: Value) -> Value {
        match kind {
            ReduceKind::Max => self.ins().band(a, b),
            _ => self.ins().bor(a, b),
        }
    }

    /// Notes signs and NaNs of vectors; one comparison tells whether either of two is NaN.
    fn note(&mut self, kind: ReduceKind, vectors: &[Value], noted: &mut [Value]) {
        for &vector in vectors {
            let bits = self.as_int(vector);
            noted[0] = self.join_signs(kind, noted[0], bits);
        }
        for pair in vectors.chunks(2) {
            let nan = self.fcmp(FloatCC::Unordered, pair[0], pair[pair.len() - 1]);
            noted[1] = self.ins().bor(noted[1], nan);
        }
    }

    /// The accumulator `x` with the sign of a zero and NaNs as they must be.
    fn correct(&mut self, x: Value, signs: Value, nans: Value) -> Value {
        let ty = self.type_of(x);
        let int = self.type_of(signs);
        let (zero, top) = (self.float(ty, 0.0), self.bits(int, 1 << (int.lane_bits() - 1)));
        let is_zero = self.fcmp(FloatCC::Equal, x, zero);
        let sign = self.ins().band(signs, top);
        let bits = self.as_int(x);
        let signed = self.choose(is_zero, sign, bits);
        let result = self.ins().bor(signed, nans);
        self.reinterpret(ty, result)
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
