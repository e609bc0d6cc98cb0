//! Steps that depend on nothing that changes from run to run: on constants, and on inputs that last. They come first and run once; what the other
//! steps read of theirs is kept.
//!
//! Operands of routines that last, such as the weights of a network, are packed by such steps, as those of loops are before the loop.

use std::collections::BTreeMap;

use tensorwright_ir::op::Lowering;
use tensorwright_ir::{DType, TensorType, Type};

use super::{Context, Donations};
use crate::program::{ALIGNMENT, OperandForm, Place, Program, Slot, Step, Target, Tiled, TiledOperand};

/// Bytes below which keeping what kernels have computed gains nothing.
const LEAST_BYTES: usize = 1 << 12;
/// How many times as many bytes as it reads a step may leave to be kept.
const MOST_GROWTH: usize = 2;

/// Brings steps ahead, and packs operands.
pub(super) fn keep_ahead(program: &mut Program, donations: &Donations, cx: &mut Context<'_>) {
    let Some(lasting) = &donations.lasting else { return };
    let ahead = lasting_steps(program, lasting);
    let packed = pack_operands(program, &ahead, lasting, cx.target);
    cx.count("operands packed once", packed.len() as u64);
    let computed = ahead.iter().zip(&program.steps).filter(|(ahead, _)| **ahead);
    let bytes: usize = computed.map(|(_, step)| written_bytes(program, step)).sum();
    if packed.is_empty() && bytes < LEAST_BYTES {
        return;
    }
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for (step, ahead) in std::mem::take(&mut program.steps).into_iter().zip(ahead) {
        if ahead { first.push(step) } else { rest.push(step) }
    }
    let first = as_written(program, first, packed);
    cx.count("steps ahead", first.len() as u64);
    program.ahead = first.len();
    program.lasting = lasting.clone();
    program.lasting.sort_unstable();
    program.steps = first;
    program.steps.extend(rest);
    place_kept(program);
    cx.count("bytes kept", program.kept_bytes as u64);
}

/// The steps with those that pack, each right behind the one that writes what it packs: what is packed need not be in memory all at once.
fn as_written(program: &Program, steps: Vec<Step>, packed: Vec<Step>) -> Vec<Step> {
    let mut waiting: BTreeMap<usize, Vec<Step>> = BTreeMap::new();
    for step in packed {
        let Step::Pack { from, .. } = step else { unreachable!("only such steps pack") };
        waiting.entry(from).or_default().push(step);
    }
    let mut ordered = Vec::new();
    for step in steps {
        let written = program.written(&step);
        ordered.push(step);
        ordered.extend(written.iter().filter_map(|slot| waiting.remove(slot)).flatten());
    }
    // What packs constants and inputs.
    ordered.extend(waiting.into_values().flatten());
    ordered
}

/// For each step whether all that it reads lasts, and what it writes is nothing but its own.
fn lasting_steps(program: &Program, lasting: &[usize]) -> Vec<bool> {
    let mut writers = vec![0; program.slots.len()];
    program.steps.iter().flat_map(|step| program.written(step)).for_each(|slot| writers[slot] += 1);
    let mut lasts = lasting_slots(program, lasting);
    let mut ahead = Vec::with_capacity(program.steps.len());
    for step in &program.steps {
        let plain = match step {
            Step::Kernel(_) | Step::Tiled(_) | Step::Pack { .. } => true,
            // The program is called in each run.
            Step::Routine { op, .. } => op.lowering() != Lowering::Host,
            Step::List { .. } | Step::Control(_) | Step::Effect { .. } => false,
        };
        let written = program.written(step);
        let is_own = |&slot: &usize| writers[slot] == 1 && program.slots[slot].is_in_arena();
        let read: usize = program.read(step).iter().map(|&slot| program.slots[slot].ty.bytes()).sum();
        let most = read.saturating_mul(MOST_GROWTH).max(LEAST_BYTES);
        let is_ahead = plain
            && program.read(step).into_iter().all(|slot| lasts[slot])
            && written.iter().all(is_own)
            && (matches!(step, Step::Pack { .. }) || written_bytes(program, step) <= most);
        if is_ahead {
            written.into_iter().for_each(|slot| lasts[slot] = true);
        }
        ahead.push(is_ahead);
    }
    ahead
}

/// For each slot whether it holds the same in every run.
fn lasting_slots(program: &Program, lasting: &[usize]) -> Vec<bool> {
    let lasts = |slot: &Slot| match slot.place {
        Place::Constant(_) => true,
        Place::Input(input) => lasting.contains(&input),
        _ => false,
    };
    program.slots.iter().map(lasts).collect()
}

fn written_bytes(program: &Program, step: &Step) -> usize {
    program.written(step).iter().map(|&slot| program.slots[slot].ty.bytes()).sum()
}

/// Has routines behind read packed operands, and gives the steps that pack them.
fn pack_operands(program: &mut Program, ahead: &[bool], lasting: &[usize], target: &dyn Target) -> Vec<Step> {
    let mut lasts = lasting_slots(program, lasting);
    for (step, _) in program.steps.iter().zip(ahead).filter(|(_, ahead)| **ahead) {
        program.written(step).into_iter().for_each(|slot| lasts[slot] = true);
    }
    let mut packed: Vec<Step> = Vec::new();
    let mut steps = std::mem::take(&mut program.steps);
    for (step, _) in steps.iter_mut().zip(ahead).filter(|(_, ahead)| !**ahead) {
        let Step::Tiled(call) = step else { continue };
        for position in 0..call.operands.len() {
            let operand = call.operands[position];
            if operand.form == OperandForm::Strided && lasts[operand.slot] {
                let slot = packed_slot(program, (&call.routine, position), operand.slot, target, &mut packed);
                let packed = slot.map(|slot| TiledOperand { slot, form: OperandForm::Packed });
                call.operands[position] = packed.unwrap_or(operand);
            }
        }
    }
    program.steps = steps;
    packed
}

/// The slot in which an operand is packed for a routine, if that gains.
fn packed_slot(
    program: &mut Program,
    (routine, position): (&Tiled, usize),
    slot: usize,
    target: &dyn Target,
    packed: &mut Vec<Step>,
) -> Option<usize> {
    let same = packed.iter().find_map(|step| match step {
        Step::Pack { routine: other, operand, from, out }
            if *from == slot && *operand == position && other.packs_like(position, routine) =>
        {
            Some(*out)
        }
        _ => None,
    });
    if same.is_some() {
        return same;
    }
    let ty = Type::from(TensorType::new(DType::U8, [target.packed_bytes(routine, position)?]));
    program.slots.push(Slot { ty, place: Place::Unplaced });
    let out = program.slots.len() - 1;
    packed.push(Step::Pack { routine: routine.clone(), operand: position, from: slot, out });
    Some(out)
}

/// Places what steps ahead leave to the others.
fn place_kept(program: &mut Program) {
    let (first, rest) = program.steps.split_at(program.ahead);
    let mut left: Vec<usize> = first.iter().flat_map(|step| program.written(step)).collect();
    let read: std::collections::BTreeSet<usize> = rest.iter().flat_map(|step| program.read(step)).collect();
    left.retain(|slot| read.contains(slot));
    for slot in left {
        let slot = &mut program.slots[slot];
        slot.place = Place::Kept(program.kept_bytes);
        program.kept_bytes += slot.ty.bytes().next_multiple_of(ALIGNMENT);
    }
}
