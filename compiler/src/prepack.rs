//! Products in loops whose right operand is the same in each run: it is packed once, before the loop.
//!
//! Few rows times a large matrix take long to bring the matrix into the order in which the product reads it. The packed matrix is one
//! more operand of the loop, of bytes, behind the others.

use tensorwright_ir::{DType, Op, Type};

use crate::Target;
use crate::program::{Place, Product, Program, Slot, Step};

/// An operand of a loop that is to be packed.
#[derive(Debug)]
pub(crate) struct Packed {
    /// Which operand.
    pub(crate) operand: usize,
    /// For which product.
    pub(crate) product: Product,
    /// The slot of the packed operand in the body, an input.
    slot: usize,
}

/// Has products in the body of a loop read packed operands, as further inputs of the body, in this order.
pub(crate) fn pack_ahead(op: &Op, body: &mut Program, target: &dyn Target) -> Vec<Packed> {
    let Some(first) = first_invariant(op) else { return Vec::new() };
    let mut found: Vec<Packed> = Vec::new();
    for at in 0..body.steps.len() {
        let Step::MatMul { product, rhs, packed: false, .. } = &body.steps[at] else { continue };
        let Place::Input(input) = body.slots[*rhs].place else { continue };
        let Some(bytes) = target.packed_bytes(product).filter(|_| input >= first) else { continue };
        let product = product.clone();
        let known = found.iter().find(|p| p.operand == input && p.product.packs_like(&product));
        let slot = match known {
            Some(known) => known.slot,
            None => {
                let slot = add_input(body, bytes);
                found.push(Packed { operand: input, product, slot });
                slot
            }
        };
        if let Step::MatMul { rhs, packed, .. } = &mut body.steps[at] {
            (*rhs, *packed) = (slot, true);
        }
    }
    // What loops in the body have packed from invariants of this one.
    while let Some(at) = body.steps.iter().position(|step| packs_invariant(body, step, first)) {
        if let Step::Pack { product, matrix, out } = body.steps.remove(at)
            && let Place::Input(input) = body.slots[matrix].place
        {
            body.slots[out].place = Place::Input(body.inputs.len());
            body.inputs.push(body.slots[out].ty.clone());
            found.push(Packed { operand: input, product, slot: out });
        }
    }
    found
}

fn packs_invariant(body: &Program, step: &Step, first: usize) -> bool {
    match step {
        Step::Pack { matrix, .. } => matches!(body.slots[*matrix].place, Place::Input(i) if i >= first),
        _ => false,
    }
}

/// The first operand of a loop that is the same in each run.
fn first_invariant(op: &Op) -> Option<usize> {
    match op {
        Op::While(op) => Some(op.carried),
        Op::Scan(op) if op.length > 1 => Some(op.carried + op.scanned),
        Op::Map(op) if op.length > 1 => Some(op.mapped),
        _ => None,
    }
}

fn add_input(body: &mut Program, bytes: usize) -> usize {
    let ty = Type::new(DType::U8, [bytes]);
    body.slots.push(Slot { ty: ty.clone(), place: Place::Input(body.inputs.len()) });
    body.inputs.push(ty);
    body.slots.len() - 1
}
