//! Routines in loops one of whose operands is the same in each run: it is packed once, before the loop.
//!
//! Few rows times a large matrix take long to bring the matrix into the order in which the product reads it. The packed matrix is one
//! more operand of the loop, of bytes, behind the others.

use tensorwright_ir::op::Ports;
use tensorwright_ir::{DType, Op, TensorType, Type};

use super::{Context, Donations};
use crate::program::{OperandForm, Place, Program, Slot, Step, Target, Tiled, TiledCall, TiledOperand};

/// An operand of a loop that is to be packed.
#[derive(Debug)]
struct Packed {
    /// Which operand.
    operand: usize,
    /// For which operand of which routine.
    routine: (Tiled, usize),
    /// The slot of the packed operand in the body, an input.
    slot: usize,
}

/// Packs operands of loops before them.
pub(super) fn pack_ahead(program: &mut Program, _: &Donations, cx: &mut Context<'_>) {
    let steps = std::mem::take(&mut program.steps);
    for mut step in steps {
        if let Step::Control(control) = &mut step
            && let Some(body) = control.regions.last_mut()
        {
            let first = body.inputs.len();
            let found = packed_operands(&control.op, body, cx.target);
            cx.count("matrices packed ahead", found.len() as u64);
            for (Packed { operand, routine: (routine, position), .. }, ty) in
                found.into_iter().zip(&body.inputs[first..])
            {
                program.slots.push(Slot { ty: ty.clone(), place: Place::Unplaced });
                let out = program.slots.len() - 1;
                let from = control.operands[operand];
                program.steps.push(Step::Pack { routine, operand: position, from, out });
                control.operands.push(out);
                control.operand_types.push(ty.clone());
            }
        }
        program.steps.push(step);
    }
}

/// Has routines in the body of a loop read packed operands, as further inputs of the body, in this order.
fn packed_operands(op: &Op, body: &mut Program, target: &dyn Target) -> Vec<Packed> {
    let Some(first) = first_invariant(op) else { return Vec::new() };
    let mut found: Vec<Packed> = Vec::new();
    let mut steps = std::mem::take(&mut body.steps);
    for step in &mut steps {
        let Step::Tiled(call) = step else { continue };
        let TiledCall { routine, operands, .. } = &mut **call;
        for (position, operand) in operands.iter_mut().enumerate() {
            let packed = packed_operand(body, first, (routine, position), *operand, target, &mut found);
            *operand = packed.unwrap_or(*operand);
        }
    }
    // What loops in the body have packed from invariants of this one.
    steps.retain(|step| match step {
        Step::Pack { routine, operand, from, out } => match body.slots[*from].place {
            Place::Input(input) if input >= first => {
                body.slots[*out].place = Place::Input(body.inputs.len());
                body.inputs.push(body.slots[*out].ty.clone());
                let routine = (routine.clone(), *operand);
                found.push(Packed { operand: input, routine, slot: *out });
                false
            }
            _ => true,
        },
        _ => true,
    });
    body.steps = steps;
    found
}

/// The operand at a position of a routine in the body as a packed one, if it gains by that.
fn packed_operand(
    body: &mut Program,
    first: usize,
    (routine, position): (&Tiled, usize),
    from: TiledOperand,
    target: &dyn Target,
    found: &mut Vec<Packed>,
) -> Option<TiledOperand> {
    let Place::Input(operand) = body.slots[from.slot].place else { return None };
    if from.form == OperandForm::Packed || operand < first {
        return None;
    }
    let bytes = target.packed_bytes(routine, position)?;
    let same = |p: &Packed| {
        p.operand == operand && p.routine.1 == position && p.routine.0.packs_like(position, routine)
    };
    let packed = |slot| Some(TiledOperand { slot, form: OperandForm::Packed });
    if let Some(known) = found.iter().find(|p| same(p)) {
        return packed(known.slot);
    }
    let slot = add_input(body, bytes);
    found.push(Packed { operand, routine: (routine.clone(), position), slot });
    packed(slot)
}

/// The first operand of a loop that is the same in each run.
fn first_invariant(op: &Op) -> Option<usize> {
    op.ports().filter(Ports::repeats).map(|ports| ports.first_invariant())
}

fn add_input(body: &mut Program, bytes: usize) -> usize {
    let ty = Type::from(TensorType::new(DType::U8, [bytes]));
    body.slots.push(Slot { ty: ty.clone(), place: Place::Input(body.inputs.len()) });
    body.inputs.push(ty);
    body.slots.len() - 1
}
