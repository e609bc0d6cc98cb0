//! Control flow: rules 13 and 14.

use tensorwright_ir::{DType, Op, Type};

use super::{Placement, Verifier};
use crate::program::control::{carried, workspace};
use crate::program::{Control, Place, Program};

impl<'p> Verifier<'p> {
    pub(super) fn control(&mut self, control: &'p Control) {
        self.workspace(control);
        for (position, region) in control.regions.iter().enumerate() {
            self.interface(control, position, region);
            self.state(control, position, region);
            let mut path = self.region.clone();
            path.extend(self.step.map(|step| (step, position)));
            let first = first_operand(&control.op);
            let packed = |input: usize| self.packed[*control.operands.get(input + first)?];
            let packed = (0..region.inputs.len()).map(packed).collect();
            self.regions.push((region, path, packed));
        }
    }

    /// Rule 13.
    fn workspace(&mut self, control: &Control) {
        let slot = control.workspace;
        let known = &self.program.slots[slot];
        let again = control.operands.iter().chain(&control.results).any(|&other| other == slot);
        let owners = self.program.steps.iter().filter(|step| step.slots().contains(&slot)).count();
        self.require(known.is_in_arena() && !again && owners == 1, 13, || {
            format!("s{slot} is not a workspace alone")
        });
        if self.placement == Placement::Required {
            let bytes = workspace(&control.op, &control.regions).bytes;
            self.require(known.ty.bytes() >= bytes, 13, || {
                format!("s{slot}: {} is too small for {bytes} bytes", known.ty)
            });
        }
    }

    /// Rule 14: what goes in and out.
    fn interface(&mut self, control: &Control, position: usize, region: &Program) {
        let (inputs, outputs) = expected(control, position);
        let given: Vec<Type> = region.outputs.iter().map(|(ty, _)| ty.clone()).collect();
        self.require(region.inputs == inputs && given == outputs, 14, || {
            format!(
                "region {position} goes from {:?} to {given:?}, not from {inputs:?} to {outputs:?}",
                region.inputs
            )
        });
    }

    /// Rule 14: what is overwritten.
    fn state(&mut self, control: &Control, position: usize, region: &Program) {
        let is_body = position + 1 == control.regions.len();
        let state = if is_body { carried(&control.op) } else { 0 };
        for &input in &region.overwritten {
            let in_place = input < state
                && region.outputs.get(input).is_some_and(
                    |&(_, slot)| matches!(region.slots[slot].place, Place::Input(i) if i == input),
                );
            self.require(in_place, 14, || {
                format!("region {position} overwrites input {input}, which is no state")
            });
        }
    }
}

/// The first operand that regions take.
fn first_operand(op: &Op) -> usize {
    usize::from(matches!(op, Op::If(_) | Op::Case(_)))
}

/// What a region takes and gives, by the op and the types of its operands and results.
fn expected(control: &Control, position: usize) -> (Vec<Type>, Vec<Type>) {
    let all = |types: &[Type]| types.to_vec();
    let slices = |types: &[Type], from: usize, count: usize| -> Vec<Type> {
        let slice = |(i, ty): (usize, &Type)| match (from..from + count).contains(&i) {
            true => ty.with_shape(ty.shape.sizes().get(1..).unwrap_or(&[]).to_vec()),
            false => ty.clone(),
        };
        types.iter().enumerate().map(slice).collect()
    };
    let (operands, results) = (&control.operand_types, &control.result_types);
    match &control.op {
        Op::If(_) | Op::Case(_) => (all(operands.get(1..).unwrap_or(&[])), all(results)),
        Op::While(_) if position == 0 => (all(operands), vec![Type::scalar(DType::Bool)]),
        Op::Scan(op) => (
            slices(operands, op.carried, op.scanned),
            slices(results, op.carried, results.len().saturating_sub(op.carried)),
        ),
        Op::Map(op) => (slices(operands, 0, op.mapped), slices(results, 0, results.len())),
        _ => (all(operands), all(results)),
    }
}
