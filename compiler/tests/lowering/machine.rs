//! Programs run step by step in plain memory, with kernels interpreted: slow, and apart from the runtime.

use tensorwright_compiler::kernel::{Access, interpret};
use tensorwright_compiler::program::{
    Control, KernelCall, OperandForm, Place, Product, ProductLoop, Program, Step, Tiled,
};
use tensorwright_ir::op::primitive::BinaryFn;
use tensorwright_ir::{DType, Literal, Op, Scalar, TensorType, Type};

use super::convolved::convolved;

/// The outputs, or `None` if a step is of a kind that is not run here: lists and effects.
pub(crate) fn run(program: &Program, inputs: &[Literal]) -> Option<Vec<Literal>> {
    let mut memory = Memory::new(program, inputs);
    let (ahead, rest) = program.steps.split_at(program.ahead);
    ahead.iter().try_for_each(|step| memory.step(step))?;
    // In later runs the steps ahead have left nothing but what is kept.
    memory.arena.fill(0xa5);
    rest.iter().try_for_each(|step| memory.step(step))?;
    let literal =
        |(ty, slot): &(Type, usize)| Literal::from_bytes(ty.as_tensor()?.clone(), memory.get(*slot));
    program.outputs.iter().map(literal).collect()
}

struct Memory<'p> {
    program: &'p Program,
    arena: Vec<u8>,
    kept: Vec<u8>,
    inputs: Vec<Vec<u8>>,
    /// Outputs that are neither inputs nor constants, by slot.
    fresh: Vec<Vec<u8>>,
}

impl<'p> Memory<'p> {
    fn new(program: &'p Program, inputs: &[Literal]) -> Memory<'p> {
        // What is read before it is written would be noticed.
        let fresh = program.slots.iter().map(|slot| vec![0xa5; slot.ty.bytes()]).collect();
        let inputs = inputs.iter().map(|input| input.bytes().to_vec()).collect();
        let [arena, kept] = [program.arena_bytes, program.kept_bytes].map(|bytes| vec![0xa5; bytes]);
        Memory { program, arena, kept, inputs, fresh }
    }

    fn get(&self, slot: usize) -> Vec<u8> {
        let bytes = self.program.slots[slot].ty.bytes();
        match &self.program.slots[slot].place {
            Place::Input(input) => self.inputs[*input].clone(),
            Place::Constant(value) => value.bytes().to_vec(),
            Place::Output => self.fresh[slot].clone(),
            Place::Arena(offset) => self.arena[*offset..offset + bytes].to_vec(),
            Place::Kept(offset) => self.kept[*offset..offset + bytes].to_vec(),
            Place::Unplaced => unreachable!("the program is verified"),
        }
    }

    fn put(&mut self, slot: usize, bytes: &[u8]) {
        match &self.program.slots[slot].place {
            Place::Input(input) => self.inputs[*input].copy_from_slice(bytes),
            Place::Output => self.fresh[slot].copy_from_slice(bytes),
            Place::Arena(offset) => self.arena[*offset..offset + bytes.len()].copy_from_slice(bytes),
            Place::Kept(offset) => self.kept[*offset..offset + bytes.len()].copy_from_slice(bytes),
            Place::Constant(_) | Place::Unplaced => unreachable!("the program is verified"),
        }
    }

    fn literals<'t>(
        &self,
        slots: &[usize],
        types: impl IntoIterator<Item = &'t TensorType>,
    ) -> Option<Vec<Literal>> {
        slots.iter().zip(types).map(|(&slot, ty)| Literal::from_bytes(ty.clone(), self.get(slot))).collect()
    }

    fn step(&mut self, step: &Step) -> Option<()> {
        match step {
            Step::Kernel(call) => self.kernel(call),
            Step::Tiled(call) if call.operands.iter().all(|operand| operand.form == OperandForm::Strided) => {
                let operands: Vec<Vec<u8>> = call.operand_slots().map(|slot| self.get(slot)).collect();
                let (lhs, rhs, out) = (&operands[0], &operands[1], self.get(call.out));
                let result = match &call.routine {
                    Tiled::Product(product) => multiplied(product, lhs, rhs, out),
                    Tiled::Convolution(routine) => convolved(routine, lhs, rhs, out),
                };
                self.put(call.out, &result);
                call.epilogue.iter().for_each(|call| self.kernel(call));
            }
            Step::Routine { op, operands, operand_types, results, result_types, .. } => {
                let operands = self.literals(operands, operand_types)?;
                let operands: Vec<&Literal> = operands.iter().collect();
                let values = op.eval(&operands, result_types)?;
                results.iter().zip(&values).for_each(|(&slot, value)| self.put(slot, value.bytes()));
            }
            Step::Control(control) => {
                let types: Vec<&TensorType> =
                    control.operand_types.iter().map(Type::as_tensor).collect::<Option<_>>()?;
                let operands = self.literals(&control.operands, types)?;
                let results = controlled(control, operands)?;
                let slots = control.results.iter().zip(&results);
                slots.for_each(|(&slot, value)| self.put(slot, value.bytes()));
            }
            Step::Tiled(_) | Step::Pack { .. } | Step::List { .. } | Step::Effect { .. } => return None,
        }
        Some(())
    }

    fn kernel(&mut self, call: &KernelCall) {
        let kernel = &self.program.kernels[call.kernel];
        let mut params: Vec<Vec<u8>> = call.args.iter().map(|&slot| self.get(slot)).collect();
        interpret(kernel, &mut params, 0, kernel.tiles()).expect("the program is verified");
        for ((&slot, param), bytes) in call.args.iter().zip(&kernel.params).zip(&params) {
            if param.access != Access::Read {
                self.put(slot, bytes);
            }
        }
    }
}

/// The result of a product, in memory that held `out`.
fn multiplied(product: &Product, lhs: &[u8], rhs: &[u8], mut out: Vec<u8>) -> Vec<u8> {
    let Product { input, output, batch, rows, columns, depth, outer, lhs_offset, rhs_offset } = product;
    let loops: Vec<&ProductLoop> = outer.iter().chain([batch, rows, columns]).collect();
    let points: u64 = loops.iter().map(|l| l.extent).product();
    for point in 0..points {
        let (mut rest, mut at) = (point, [*lhs_offset, *rhs_offset, 0]);
        for l in loops.iter().rev() {
            let index = (rest % l.extent) as i64;
            rest /= l.extent;
            at = [at[0] + index * l.lhs, at[1] + index * l.rhs, at[2] + index * l.out];
        }
        let mut sum = Scalar::zero(*output);
        for k in 0..depth.extent as i64 {
            let x = element(lhs, *input, at[0] + k * depth.lhs).cast(*output);
            let y = element(rhs, *input, at[1] + k * depth.rhs).cast(*output);
            sum = BinaryFn::Add.eval(sum, BinaryFn::Mul.eval(x, y));
        }
        let (size, place) = (output.size(), at[2] as usize * output.size());
        out[place..place + size].copy_from_slice(&sum.bits().to_le_bytes()[..size]);
    }
    out
}

pub(crate) fn element(bytes: &[u8], dtype: DType, at: i64) -> Scalar {
    let (size, begin) = (dtype.size(), at as usize * dtype.size());
    let mut bits = [0; 8];
    bits[..size].copy_from_slice(&bytes[begin..begin + size]);
    Scalar::from_bits(dtype, u64::from_le_bytes(bits))
}

fn controlled(control: &Control, operands: Vec<Literal>) -> Option<Vec<Literal>> {
    let regions = &control.regions;
    match &control.op {
        Op::If(_) => {
            let chosen = usize::from(!operands[0].get(0).is_truthy());
            run(&regions[chosen], &operands[1..])
        }
        Op::Case(_) => {
            let index = operands[0].get(0).to_i128();
            let last = regions.len() - 1;
            let chosen = usize::try_from(index).map_or(last, |index| index.min(last));
            run(&regions[chosen], &operands[1..])
        }
        Op::While(op) => {
            let mut state = operands;
            while run(&regions[0], &state)?[0].get(0).is_truthy() {
                let next = run(&regions[1], &state)?;
                state.splice(..op.carried, next);
            }
            state.truncate(op.carried);
            Some(state)
        }
        Op::Scan(op) => repeated(control, &operands, (op.carried, op.scanned), op.length, op.reverse),
        Op::Map(op) => repeated(control, &operands, (0, op.mapped), op.length, false),
        Op::Call(_) => run(&regions[0], &operands),
        _ => None,
    }
}

/// A loop over slices.
fn repeated(
    control: &Control,
    operands: &[Literal],
    (carried, scanned): (usize, usize),
    length: usize,
    reverse: bool,
) -> Option<Vec<Literal>> {
    let body = &control.regions[0];
    let mut state: Vec<Literal> = operands[..carried].to_vec();
    let mut stacked: Vec<Vec<u8>> =
        control.result_types[carried..].iter().map(|ty| vec![0; ty.bytes()]).collect();
    for count in 0..length {
        let index = if reverse { length - 1 - count } else { count };
        let mut inputs = state.clone();
        for (i, operand) in operands.iter().enumerate().skip(carried) {
            let ty = body.inputs[i].as_tensor()?;
            inputs.push(match i < carried + scanned {
                true => {
                    let part = index * ty.bytes()..(index + 1) * ty.bytes();
                    Literal::from_bytes(ty.clone(), operand.bytes()[part].to_vec())?
                }
                false => operand.clone(),
            });
        }
        let mut outputs = run(body, &inputs)?;
        for (all, slice) in stacked.iter_mut().zip(outputs.split_off(carried)) {
            let bytes = slice.bytes();
            all[index * bytes.len()..(index + 1) * bytes.len()].copy_from_slice(bytes);
        }
        state = outputs;
    }
    let types = &control.result_types[carried..];
    let stacked =
        stacked.into_iter().zip(types).map(|(bytes, ty)| Literal::from_bytes(ty.as_tensor()?.clone(), bytes));
    state.into_iter().map(Some).chain(stacked).collect()
}
