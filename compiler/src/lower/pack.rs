//! Products in loops whose right operand is the same in each run: it is packed once, before the loop.
//!
//! Few rows times a large matrix take long to bring the matrix into the order in which the product reads it. The packed matrix is one
//! more operand of the loop, of bytes, behind the others.

use tensorwright_ir::op::Ports;
use tensorwright_ir::{DType, Op, TensorType, Type};

use super::{Context, Donations};
use crate::program::{Place, Product, Program, Slot, Step, Target};

/// An operand of a loop that is to be packed.
#[derive(Debug)]
struct Packed {
    /// Which operand.
    operand: usize,
    /// For which product.
    product: Product,
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
            for (Packed { operand, product, .. }, ty) in found.into_iter().zip(&body.inputs[first..]) {
                program.slots.push(Slot { ty: ty.clone(), place: Place::Unplaced });
                let out = program.slots.len() - 1;
                program.steps.push(Step::Pack { product, matrix: control.operands[operand], out });
                control.operands.push(out);
                control.operand_types.push(ty.clone());
            }
        }
        program.steps.push(step);
    }
}

/// Has products in the body of a loop read packed operands, as further inputs of the body, in this order.
fn packed_operands(op: &Op, body: &mut Program, target: &dyn Target) -> Vec<Packed> {
    let Some(first) = first_invariant(op) else { return Vec::new() };
    let mut found: Vec<Packed> = Vec::new();
    let mut steps = std::mem::take(&mut body.steps);
    steps.retain_mut(|step| match step {
        Step::MatMul { product, rhs, packed, .. } if !*packed => {
            if let Some(slot) = packed_operand(body, first, product, *rhs, target, &mut found) {
                (*rhs, *packed) = (slot, true);
            }
            true
        }
        _ => true,
    });
    // What loops in the body have packed from invariants of this one.
    steps.retain(|step| match step {
        Step::Pack { product, matrix, out } => match body.slots[*matrix].place {
            Place::Input(input) if input >= first => {
                body.slots[*out].place = Place::Input(body.inputs.len());
                body.inputs.push(body.slots[*out].ty.clone());
                found.push(Packed { operand: input, product: product.clone(), slot: *out });
                false
            }
            _ => true,
        },
        _ => true,
    });
    body.steps = steps;
    found
}

/// The slot of the packed operand of a product in the body, if it gains by it.
fn packed_operand(
    body: &mut Program,
    first: usize,
    product: &Product,
    rhs: usize,
    target: &dyn Target,
    found: &mut Vec<Packed>,
) -> Option<usize> {
    let Place::Input(operand) = body.slots[rhs].place else { return None };
    let bytes = target.packed_bytes(product).filter(|_| operand >= first)?;
    let known = found.iter().find(|p| p.operand == operand && p.product.packs_like(product));
    if let Some(known) = known {
        return Some(known.slot);
    }
    let slot = add_input(body, bytes);
    found.push(Packed { operand, product: product.clone(), slot });
    Some(slot)
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
