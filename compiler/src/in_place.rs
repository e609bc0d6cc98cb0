//! In-place updates: a step that changes part of a tensor changes the tensor itself if nobody needs the old one any more.
//!
//! `dynamic_update_slice` and `scatter` begin with a copy of their first operand, and loops with a copy of the state that their
//! body updates in place. If the operand is in the arena, and no later step touches it, the result gets its memory and the copy
//! is left out. Inputs may be overwritten only where the caller says so, as loops do with their state: then the new state
//! ends up where the old one was.
//!
//! Lists are handles, which move instead of being copied; a list is changed in place if no other handle is of it. So for
//! `list_push` and `list_pop` sharing memory only spares loops a second handle.

use tensorwright_ir::Op;

use crate::control;
use crate::program::{Place, Program, Step};

/// Pairs of an operand and a result whose memory the step can share.
fn candidates(step: &Step) -> Vec<(usize, usize)> {
    match step {
        Step::Routine { op: Op::DynamicUpdateSlice(_) | Op::Scatter(_), operands, results, .. } => {
            vec![(operands[0], results[0])]
        }
        Step::List { op: Op::ListPush(_) | Op::ListPop(_), operands, results, .. } => {
            vec![(operands[0], results[0])]
        }
        Step::Control(c) => {
            let carried = control::carried(&c.op);
            let pairs = c.operands.iter().zip(&c.results).take(carried);
            pairs.map(|(&operand, &result)| (operand, result)).collect()
        }
        _ => Vec::new(),
    }
}

/// Shares memory wherever that is sound. The first `donated` inputs are given away: the memory of input `i` may become that of
/// output `i`.
pub(crate) fn update_in_place(program: &mut Program, donated: usize) {
    // Last to first: a chain of updates takes over the memory of the output from its end.
    for at in (0..program.steps.len()).rev() {
        for (operand, result) in candidates(&program.steps[at]) {
            if is_free(program, at, operand, result, donated) {
                rename(program, result, operand);
            }
        }
    }
}

/// Whether the step at `at` may write its result over its operand.
fn is_free(program: &Program, at: usize, operand: usize, result: usize, donated: usize) -> bool {
    let slots = &program.slots;
    let uses = |step: &Step| step.slots().iter().filter(|&&slot| slot == operand).count();
    operand != result
        && slots[operand].ty.bytes() == slots[result].ty.bytes()
        && may_be_written(program, operand, result, donated)
        && program.outputs.iter().all(|&(_, slot)| slot != operand)
        && uses(&program.steps[at]) == 1
        && program.steps[at + 1..].iter().all(|step| uses(step) == 0)
}

fn may_be_written(program: &Program, operand: usize, result: usize, donated: usize) -> bool {
    match program.slots[operand].place {
        Place::Arena(_) => true,
        // Nobody but the output of the same number may take the place of an input.
        Place::Input(input) => input < donated && program.outputs[input].1 == result,
        Place::Constant(_) | Place::Output => false,
    }
}

/// Makes `from` another name of the memory of `to`.
fn rename(program: &mut Program, from: usize, to: usize) {
    if matches!(program.slots[from].place, Place::Output)
        && matches!(program.slots[to].place, Place::Arena(_))
    {
        program.slots[to].place = Place::Output;
    }
    // Nobody uses it any more, so it gets no memory.
    program.slots[from].place = Place::Arena(0);
    let new = |slot: &mut usize| {
        if *slot == from {
            *slot = to;
        }
    };
    program.steps.iter_mut().flat_map(Step::slots_mut).for_each(new);
    program.outputs.iter_mut().map(|(_, slot)| slot).for_each(new);
}
