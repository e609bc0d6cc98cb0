//! Control flow: rules 13 and 14.

use tensorwright_ir::op::{Ports, Role};
use tensorwright_ir::{DType, TensorType, Type};

use super::{Placement, Verifier};
use crate::program::control::workspace;
use crate::program::{Control, Place, Program};

impl<'p> Verifier<'p> {
    pub(super) fn control(&mut self, control: &'p Control) {
        self.workspace(control);
        let Some(ports) = control.op.ports() else {
            return self.require(false, 14, || format!("{} runs no regions", control.op.name()));
        };
        for (position, region) in control.regions.iter().enumerate() {
            self.interface(control, &ports, position, region);
            self.state(&ports, position, region);
            let mut path = self.region.clone();
            path.extend(self.step.map(|step| (step, position)));
            let packed = |input: usize| self.packed[*control.operands.get(ports.selectors() + input)?];
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
    fn interface(&mut self, control: &Control, ports: &Ports, position: usize, region: &Program) {
        let (inputs, outputs) = expected(control, ports, position);
        let given: Vec<Type> = region.outputs.iter().map(|(ty, _)| ty.clone()).collect();
        self.require(region.inputs == inputs && given == outputs, 14, || {
            format!(
                "region {position} goes from {:?} to {given:?}, not from {inputs:?} to {outputs:?}",
                region.inputs
            )
        });
    }

    /// Rule 14: what is overwritten.
    fn state(&mut self, ports: &Ports, position: usize, region: &Program) {
        let state = match ports.role(position) {
            Role::Body => ports.carried,
            Role::Condition | Role::Rule => 0,
        };
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

/// What a region takes and gives, by the op and the types of its operands and results.
fn expected(control: &Control, ports: &Ports, position: usize) -> (Vec<Type>, Vec<Type>) {
    let operands = control.operand_types.iter().skip(ports.selectors()).enumerate();
    let inputs = operands.map(|(input, ty)| ports.input_type(input, ty)).collect();
    let results = control.result_types.iter().enumerate();
    let outputs = match ports.role(position) {
        Role::Condition => vec![TensorType::scalar(DType::Bool).into()],
        Role::Body | Role::Rule => results.map(|(output, ty)| ports.output_type(output, ty)).collect(),
    };
    (inputs, outputs)
}
