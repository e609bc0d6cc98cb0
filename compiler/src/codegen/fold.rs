//! Folds: partial accumulators in vectors, joined in a tree at the end.
//!
//! Maxima and minima of floats would need eight instructions a vector, because NaN must win and `-0` is less than `+0`. In the
//! innermost loop the hardware's own maximum does, which is wrong in these two cases, and two more accumulators for each fold
//! keep what is needed to correct it: where a NaN was, and the signs, ANDed for a maximum and ORed for a minimum. A
//! maximum of zero is `+0` if some sign was clear, since then no element was positive; see [`LoopEmitter::settle`].
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
use super::loops::{LoopEmitter, Position};
use super::value::{Emitter, Pack, VECTOR, int_type, lane_type, memory, vector_type};
use crate::kernel::Fold;
use crate::nest::{Accumulator, FoldOrder, Joining, Reduction, Section, SectionRange};

/// The accumulators of all folds, one after the other.
type Accumulators = Pack;

impl Emitter<'_, '_> {
    /// The type of a partial; a bool's in vectors is a mask.
    fn partial(&self, accumulator: &Accumulator) -> Type {
        match accumulator.dtype {
            DType::Bool => int_type(accumulator.width),
            dtype => lane_type(dtype),
        }
    }

    /// The type of a register of partials.
    fn register(&self, accumulator: &Accumulator) -> Type {
        let lane = self.partial(accumulator);
        if self.machine.has_vectors() { vector_type(lane) } else { lane }
    }

    /// Bytes of the registers of an accumulator.
    fn bytes(&self, accumulator: &Accumulator) -> u32 {
        accumulator.registers * self.machine.register(accumulator.width)
    }
}

impl<'n> LoopEmitter<'n, '_, '_, '_> {
    /// Emits the folded loops, and the stores of their results.
    pub(super) fn emit_fold(&mut self, fold: &'n Reduction) -> Result<(), CodegenError> {
        let inner = self.nest.inner();
        let runs = !fold.sections.is_empty();
        let nested = inner - fold.kept > 1 && runs;
        let mut accumulators = self.identities(fold);
        if runs {
            let slot = self.slot(fold);
            if nested {
                self.spill(fold, slot, &accumulators);
            }
            let open = self.open_loops(fold.kept, inner - 1)?;
            if nested {
                accumulators = self.reload(fold, slot);
            }
            self.prepare_innermost()?;
            accumulators = self.fold_innermost(fold, slot, accumulators)?;
            if nested {
                self.spill(fold, slot, &accumulators);
            }
            self.close_loops(open);
            if nested {
                accumulators = self.reload(fold, slot);
            }
        }
        self.finish(fold, &accumulators)
    }

    /// The folds of the source with their accumulators.
    fn folds(&self, fold: &'n Reduction) -> impl Iterator<Item = (&'n Fold, &'n Accumulator)> + use<'n> {
        self.nest.source.folds.iter().zip(&fold.accumulators)
    }

    fn identities(&mut self, fold: &'n Reduction) -> Accumulators {
        let mut all = Accumulators::new();
        for (source, accumulator) in self.folds(fold) {
            let identity = source.kind.identity(accumulator.dtype).bits();
            let mask = accumulator.dtype == DType::Bool && self.e.machine.has_vectors();
            let bits = if mask { identity.wrapping_neg() } else { identity };
            let ty = self.e.register(accumulator);
            let register = self.e.bits(ty, bits);
            all.extend((0..accumulator.registers).map(|_| register));
        }
        all
    }

    /// The address of memory for all accumulators.
    fn slot(&mut self, fold: &Reduction) -> Value {
        let bytes: u32 = fold.accumulators.iter().map(|a| self.slot_bytes(a)).sum();
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 4);
        let slot = self.e.builder.create_sized_stack_slot(data);
        self.e.ins().stack_addr(types::I64, slot, 0)
    }

    /// Bytes of an accumulator in memory: a multiple of 16, so that the next one is aligned.
    fn slot_bytes(&self, accumulator: &Accumulator) -> u32 {
        self.e.bytes(accumulator).next_multiple_of(VECTOR)
    }

    /// Where each register lies in the slot, and its type.
    fn homes(&self, fold: &Reduction) -> SmallVec<[(i32, Type); 16]> {
        let (mut homes, mut first) = (SmallVec::new(), 0);
        for accumulator in &fold.accumulators {
            let (ty, size) = (self.e.register(accumulator), self.e.machine.register(accumulator.width));
            homes.extend((0..accumulator.registers).map(|k| ((first + k * size) as i32, ty)));
            first += self.slot_bytes(accumulator);
        }
        homes
    }

    fn spill(&mut self, fold: &Reduction, slot: Value, accumulators: &[Value]) {
        for (&register, (at, _)) in accumulators.iter().zip(self.homes(fold)) {
            self.e.ins().store(memory(), register, slot, at);
        }
    }

    fn reload(&mut self, fold: &Reduction, slot: Value) -> Accumulators {
        let homes = self.homes(fold).into_iter();
        homes.map(|(at, ty)| self.e.ins().load(ty, memory(), slot, at)).collect()
    }

    fn fold_innermost(
        &mut self,
        fold: &'n Reduction,
        slot: Value,
        accumulators: Accumulators,
    ) -> Result<Accumulators, CodegenError> {
        let is_elements = |section: &Section| matches!(section, Section::Elements { .. });
        let blocks: SmallVec<[Section; 4]> =
            fold.sections.iter().copied().filter(|s| !is_elements(s)).collect();
        let mut all = accumulators;
        if !blocks.is_empty() {
            all = self.watch(fold, &all);
            for section in blocks {
                all = self.fold_section(fold, section, all)?;
            }
            all = self.settle(fold, &all);
        }
        for &section in fold.sections.iter().filter(|s| is_elements(s)) {
            if let Section::Elements { range } = section {
                all = self.fold_singly(fold, slot, range, all)?;
            }
        }
        Ok(all)
    }

    /// A section of blocks: the first of each iteration is for the first partials.
    fn fold_section(
        &mut self,
        fold: &'n Reduction,
        section: Section,
        mut accumulators: Accumulators,
    ) -> Result<Accumulators, CodegenError> {
        match section {
            Section::Elements { .. } => {
                Err(CodegenError::Internal { what: "single elements are folded after blocks" })
            }
            Section::LastBlock { lanes } => {
                let at = self.last_block(lanes);
                self.fold_block(fold, at, lanes, &mut accumulators)?;
                Ok(accumulators)
            }
            Section::Blocks { range, lanes, unroll } => {
                let range = self.section_range(range, u64::from(lanes * unroll));
                self.range(range, accumulators, &mut |nest, index, mut accumulators| {
                    for k in 0..unroll {
                        let at = Position { index, offset: k * lanes };
                        nest.fold_block(fold, at, lanes, &mut accumulators)?;
                    }
                    Ok(accumulators)
                })
            }
        }
    }

    /// Adds the accumulators of signs and NaNs that [`LoopEmitter::settle`] takes away again.
    fn watch(&mut self, fold: &'n Reduction, accumulators: &[Value]) -> Accumulators {
        let (mut all, mut first) = (Accumulators::new(), 0);
        for (source, accumulator) in self.folds(fold) {
            let own = &accumulators[first..first + accumulator.registers as usize];
            all.extend_from_slice(own);
            if accumulator.joining == Joining::Mended {
                let bits = self.e.map(own, Emitter::as_int);
                let signs =
                    bits[1..].iter().fold(bits[0], |signs, &b| self.e.join_signs(source.kind, signs, b));
                let int = self.e.type_of(signs);
                let none = self.e.int(int, 0);
                all.extend([signs, none]);
            }
            first += accumulator.registers as usize;
        }
        all
    }

    /// Corrects maxima and minima. The signs and NaNs of one lane are those of all vectors together; that a zero may get the
    /// sign of an element in another vector changes no result, because joining the vectors would do the same.
    fn settle(&mut self, fold: &'n Reduction, watched: &[Value]) -> Accumulators {
        let (mut all, mut first) = (Accumulators::new(), 0);
        for (_, accumulator) in self.folds(fold) {
            let vectors = &watched[first..first + accumulator.registers as usize];
            first += accumulator.registers as usize;
            if accumulator.joining == Joining::Exact {
                all.extend_from_slice(vectors);
                continue;
            }
            let (signs, nans) = (watched[first], watched[first + 1]);
            first += 2;
            all.extend(self.e.map(vectors, |e, x| e.correct(x, signs, nans)));
        }
        all
    }

    fn fold_block(
        &mut self,
        fold: &'n Reduction,
        at: Position,
        lanes: u32,
        accumulators: &mut Accumulators,
    ) -> Result<(), CodegenError> {
        self.emit_block(at, lanes)?;
        let mut first = 0;
        for (source, accumulator) in self.folds(fold) {
            let registers = accumulator.registers as usize;
            let value = self.operand(source.value, accumulator.width, lanes)?;
            let begin = (at.offset * accumulator.width / self.e.machine.register(accumulator.width)) as usize;
            let own = &mut accumulators[first..];
            for (part, &register) in value.iter().enumerate() {
                let joined = &mut own[(begin + part) % registers];
                *joined = match accumulator.joining {
                    Joining::Mended => self.e.pick_extreme(source.kind, register, *joined),
                    Joining::Exact => self.e.join(source.kind, accumulator.dtype, *joined, register)?,
                };
            }
            first += registers;
            if accumulator.joining == Joining::Mended {
                self.e.note(source.kind, &value, &mut accumulators[first..first + 2]);
                first += 2;
            }
        }
        Ok(())
    }

    /// One element at a time, with the accumulators in memory.
    fn fold_singly(
        &mut self,
        fold: &'n Reduction,
        slot: Value,
        range: SectionRange,
        accumulators: Accumulators,
    ) -> Result<Accumulators, CodegenError> {
        let range = self.section_range(range, 1);
        self.spill(fold, slot, &accumulators);
        self.range(range, Pack::new(), &mut |nest, index, carried| {
            nest.emit_block(Position { index, offset: 0 }, 1)?;
            let mut first = 0;
            for (source, accumulator) in nest.folds(fold) {
                nest.fold_element(slot, source, accumulator, first, index)?;
                first += nest.slot_bytes(accumulator);
            }
            Ok(carried)
        })?;
        Ok(self.reload(fold, slot))
    }

    /// Folds the element at `index`, with the partials `first` bytes into the slot.
    fn fold_element(
        &mut self,
        slot: Value,
        fold: &Fold,
        accumulator: &Accumulator,
        first: u32,
        index: Value,
    ) -> Result<(), CodegenError> {
        let Accumulator { dtype, width, partials, order, .. } = *accumulator;
        let value = self.operand(fold.value, width, 1)?[0];
        let mask = dtype == DType::Bool && self.e.machine.has_vectors();
        let value = if mask { self.e.scalar_mask(width, value) } else { value };
        let address = match order {
            FoldOrder::Fixed => {
                let partial = self.e.ins().band_imm_u(index, i64::from(partials) - 1);
                self.e.advance(slot, partial, i64::from(width))
            }
            FoldOrder::Free => slot,
        };
        let ty = self.e.partial(accumulator);
        let sum = self.e.ins().load(ty, memory(), address, first as i32);
        let sum = self.e.join(fold.kind, dtype, sum, value)?;
        self.e.ins().store(memory(), sum, address, first as i32);
        Ok(())
    }

    fn finish(&mut self, fold: &'n Reduction, accumulators: &[Value]) -> Result<(), CodegenError> {
        let mut first = 0;
        for ((source, accumulator), &store) in self.folds(fold).zip(&fold.stores) {
            let registers = &accumulators[first..first + accumulator.registers as usize];
            let mut result = self.e.tree(source.kind, accumulator, registers)?;
            if accumulator.dtype == DType::Bool {
                let lane =
                    if accumulator.width == 1 { result } else { self.e.ins().ireduce(types::I8, result) };
                result = self.e.ins().band_imm_u(lane, 1);
            }
            self.store_here(store, result);
            first += accumulator.registers as usize;
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
    fn tree(
        &mut self,
        kind: ReduceKind,
        accumulator: &Accumulator,
        registers: &[Value],
    ) -> Result<Value, CodegenError> {
        let Accumulator { dtype, width, partials, .. } = *accumulator;
        let mut registers: SmallVec<[Value; 4]> = SmallVec::from_slice(registers);
        while registers.len() > 1 {
            let half = registers.len() / 2;
            for k in 0..half {
                registers[k] = self.join(kind, dtype, registers[k], registers[k + half])?;
            }
            registers.truncate(half);
        }
        let mut register = registers[0];
        if !self.machine.has_vectors() {
            return Ok(register);
        }
        let mut lanes = partials.min(self.machine.lanes(width));
        while lanes > 1 {
            lanes /= 2;
            let upper = self.shift_down(register, lanes * width);
            register = self.join(kind, dtype, register, upper)?;
        }
        Ok(self.ins().extractlane(register, 0u8))
    }
}
