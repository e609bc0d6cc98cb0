//! Single steps: rules 3 to 7.

use tensorwright_ir::op::Types;
use tensorwright_ir::{DType, Op, TensorType, Type};

use super::{Verifier, same_kind};
use crate::kernel::{Access, Param};
use crate::program::control::carried;
use crate::program::{KernelCall, OperandForm, Step, Tiled, TiledCall};

/// An op with the slots of its operands and results, and the types that it takes them for.
struct Typed<'p> {
    operands: (&'p [usize], &'p [Type]),
    results: (&'p [usize], &'p [Type]),
}

impl<'p> Verifier<'p> {
    pub(super) fn one_step(&mut self, step: &'p Step) {
        match step {
            Step::Kernel(call) => self.kernel_call(call),
            Step::Tiled(call) => {
                self.tiled(call);
                call.epilogue.iter().for_each(|epilogue| self.epilogue(call, epilogue));
            }
            Step::Pack { routine, operand, from, out } => self.pack(routine, *operand, *from, *out),
            Step::Routine { op, operands, operand_types, results, result_types, .. } => {
                let tensors = |types: &[TensorType]| types.iter().map(Type::from).collect::<Vec<_>>();
                let (operand_types, result_types) = (tensors(operand_types), tensors(result_types));
                let operands = (&operands[..], &operand_types[..]);
                self.op(op, &Typed { operands, results: (results, &result_types) });
            }
            Step::List { op, operands, operand_types, results, result_types, .. } => {
                let operands = (&operands[..], &operand_types[..]);
                self.op(op, &Typed { operands, results: (results, result_types) });
            }
            Step::Effect { op, operands, operand_types, .. } => {
                self.accepts(op, operand_types);
                self.typed(operands, operand_types);
            }
            Step::Control(c) => {
                let operands = (&c.operands[..], &c.operand_types[..]);
                let typed = Typed { operands, results: (&c.results, &c.result_types) };
                self.slots_of(&typed);
                self.updates(&c.op, &typed);
                self.control(c);
            }
        }
    }

    /// Rules 3 and 4.
    fn kernel_call(&mut self, call: &KernelCall) {
        let params = &self.program.kernels[call.kernel].params;
        let (found, expected) = (call.args.len(), params.len());
        if found != expected {
            return self.complain(3, format!("k{} has {expected} params, not {found}", call.kernel));
        }
        for (&slot, param) in call.args.iter().zip(params) {
            self.argument(call.kernel, slot, param);
            let uses = call.args.iter().filter(|&&other| other == slot).count();
            self.require(param.access == Access::Read || uses == 1, 4, || {
                format!("k{} writes s{slot}, which is several of its arguments", call.kernel)
            });
        }
    }

    fn argument(&mut self, kernel: usize, slot: usize, param: &Param) {
        let ty = &self.program.slots[slot].ty;
        let bytes = param.len.saturating_mul(param.dtype.size() as u64);
        let fits = ty.as_tensor().is_some_and(|ty| {
            ty.bytes() as u64 == bytes
                && (ty.dtype == param.dtype || [ty.dtype, param.dtype].iter().all(|d| *d != DType::Bool))
        });
        self.require(fits, 3, || format!("s{slot}: {ty} is no {param} for k{kernel}"));
    }

    /// Rule 5.
    fn tiled(&mut self, call: &'p TiledCall) {
        let TiledCall { routine, operands, out, .. } = call;
        self.require(call.operand_slots().all(|slot| slot != *out), 5, || {
            format!("s{out} is both operand and result")
        });
        let Some(reach) = routine.reach() else {
            return self.complain(5, format!("{routine} leaves its operands"));
        };
        let dtypes = routine.operand_dtypes();
        self.require(operands.len() == dtypes.len(), 5, || {
            format!("{routine} has {} operands", dtypes.len())
        });
        self.holds(*out, routine.result_dtype(), reach.result);
        for (position, operand) in operands.iter().enumerate().take(dtypes.len()) {
            match operand.form {
                OperandForm::Strided => {
                    self.holds(operand.slot, dtypes[position], reach.operands[position]);
                }
                OperandForm::Packed => self.is_packed(operand.slot, (routine, position)),
            }
        }
    }

    fn is_packed(&mut self, slot: usize, (routine, operand): (&Tiled, usize)) {
        let fits = self.packed[slot]
            .is_some_and(|(known, packed)| packed == operand && known.packs_like(operand, routine));
        self.require(fits, 5, || format!("s{slot} is not packed for {routine}"));
    }

    /// Whether a slot has so many elements.
    fn holds(&mut self, slot: usize, dtype: DType, elements: u64) {
        let ty = &self.program.slots[slot].ty;
        let bytes = elements.saturating_mul(dtype.size() as u64);
        let fits =
            ty.as_tensor().is_some_and(|ty| ty.dtype.size() == dtype.size() && bytes <= ty.bytes() as u64);
        self.require(fits, 5, || format!("s{slot}: {ty} does not hold {elements} elements of {dtype}"));
    }

    fn pack(&mut self, routine: &'p Tiled, operand: usize, from: usize, out: usize) {
        let dtype = routine.operand_dtypes().get(operand).copied();
        let read = routine.reach().and_then(|reach| reach.operands.get(operand).copied());
        match dtype.zip(read) {
            Some((dtype, elements)) => self.holds(from, dtype, elements),
            None => self.complain(5, format!("{routine} leaves its operands")),
        }
        let found = self.program.slots[out].ty.bytes();
        let expected = self.target.packed_bytes(routine, operand);
        self.require(expected == Some(found) && out != from, 5, || {
            format!("s{out} has {found} bytes, but {routine} packed has {expected:?}")
        });
        self.packed[out] = Some((routine, operand));
    }

    fn epilogue(&mut self, tiled: &TiledCall, call: &KernelCall) {
        self.kernel_call(call);
        let kernel = &self.program.kernels[call.kernel];
        let grid = self.target.tile(&tiled.routine).and_then(|tile| tiled.routine.grid(&tile));
        let same = grid.is_some_and(|grid| {
            let first_is_one = grid.first().is_some_and(|dim| dim.extent == 1);
            kernel.grid[..] == grid[..] || (first_is_one && kernel.grid[..] == grid[1..])
        });
        self.require(same, 5, || format!("k{} has other tiles than the routine", call.kernel));
        for (&slot, param) in call.args.iter().zip(&kernel.params) {
            let written = param.access != Access::Read;
            self.require(!written || tiled.operand_slots().all(|operand| operand != slot), 5, || {
                format!("s{slot} is written while it is an operand")
            });
        }
    }

    /// Rules 6 and 7.
    fn op(&mut self, op: &Op, typed: &Typed<'_>) {
        if let Some(results) = self.accepts(op, typed.operands.1) {
            let same = results[..] == *typed.results.1;
            self.require(same, 6, || format!("{} gives {results:?}", op.name()));
        }
        self.slots_of(typed);
        self.updates(op, typed);
    }

    /// What the op gives, if it accepts such operands.
    fn accepts(&mut self, op: &Op, operands: &[Type]) -> Option<Types> {
        let operands: Vec<&Type> = operands.iter().collect();
        let results = op.infer(&operands, &[]);
        results.map_err(|error| self.complain(6, format!("{}: {error}", op.name()))).ok()
    }

    /// Rule 6, as far as it is about slots.
    fn slots_of(&mut self, typed: &Typed<'_>) {
        self.typed(typed.operands.0, typed.operands.1);
        self.typed(typed.results.0, typed.results.1);
    }

    fn typed(&mut self, slots: &[usize], types: &[Type]) {
        self.require(slots.len() == types.len(), 6, || {
            format!("there are {} slots of {} types", slots.len(), types.len())
        });
        for (&slot, ty) in slots.iter().zip(types) {
            let known = &self.program.slots[slot].ty;
            let fits = known.bytes() == ty.bytes() && same_kind(known, ty);
            self.require(fits, 6, || format!("s{slot}: {known} is no {ty}"));
        }
    }

    /// Rule 7.
    fn updates(&mut self, op: &Op, typed: &Typed<'_>) {
        let (operands, results) = (typed.operands.0, typed.results.0);
        for (i, result) in results.iter().enumerate() {
            let again = results[..i].contains(result);
            self.require(!again, 7, || format!("s{result} is several results"));
            let mut shared = (0..operands.len()).filter(|&operand| operands[operand] == *result);
            let in_place = match (shared.next(), shared.next()) {
                (None, _) => true,
                (Some(operand), None) => operand == i && operand < updated_in_place(op),
                (Some(_), Some(_)) => false,
            };
            self.require(in_place, 7, || format!("{} does not update s{result} in place", op.name()));
        }
    }
}

/// How many of its first operands an op can update in place.
fn updated_in_place(op: &Op) -> usize {
    match op {
        Op::DynamicUpdateSlice(_) | Op::Scatter(_) | Op::ListPush(_) | Op::ListPop(_) | Op::ListSet(_) => 1,
        op => carried(op),
    }
}
