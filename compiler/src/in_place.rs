//! In-place updates: a step that changes part of a tensor changes the tensor itself if nobody needs the old one any more.
//!
//! `dynamic_update_slice` and `scatter` begin with a copy of their first operand, and loops with a copy of the state that their
//! body updates in place. If the operand is in the arena, and no later step touches it, the result gets its memory and the copy
//! is left out. Inputs may be overwritten only where the caller says so, as loops do with their state: then the new state
//! ends up where the old one was. A function's caller may say so too, of the variables that it assigns: for these kernels that
//! read and write the same elements do it in one place ([`Kernel::updating`]).
//!
//! Lists are handles, which move instead of being copied; a list is changed in place if no other handle is of it. So for
//! `list_push` and `list_pop` sharing memory only spares loops a second handle.

use tensorwright_ir::Op;

use crate::control;
use crate::kernel::Kernel;
use crate::program::{KernelCall, Place, Program, Step};

/// Inputs that are given away: each with the output that may get its memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Donations {
    pub(crate) pairs: Vec<(usize, usize)>,
    /// Whether kernels may write over inputs too. The state of loops has two places already, which take turns.
    pub(crate) to_kernels: bool,
}

impl Donations {
    /// The state of a loop: the first `carried` inputs become the outputs of the same numbers.
    pub(crate) fn of_loop(carried: usize) -> Donations {
        Donations { pairs: (0..carried).map(|i| (i, i)).collect(), to_kernels: false }
    }
}

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

/// Shares memory wherever that is sound.
pub(crate) fn update_in_place(program: &mut Program, donations: &Donations) {
    // Last to first: a chain of updates takes over the memory of the output from its end.
    for at in (0..program.steps.len()).rev() {
        for (operand, result) in candidates(&program.steps[at]) {
            if is_free(program, at, operand, result, donations) {
                share(program, result, operand);
            }
        }
        if donations.to_kernels {
            for &(input, output) in &donations.pairs {
                let (operand, result) = (input, program.outputs[output].1);
                if is_free(program, at, operand, result, donations) && join(program, at, operand, result) {
                    share(program, result, operand);
                }
            }
        }
    }
}

/// Moves the steps that make the outputs which may get the memory of inputs behind the last steps that read these inputs. A
/// parameter's update then follows the last use of the parameter.
pub(crate) fn update_late(program: &mut Program, donations: &Donations) {
    for &(input, output) in &donations.pairs {
        let result = program.outputs[output].1;
        let writes = |step: &Step| program.written(step).contains(&result);
        let Some(at) = program.steps.iter().position(writes) else { continue };
        let last = program.steps.iter().rposition(|step| step.slots().contains(&input));
        let Some(last) = last.filter(|&last| last > at) else { continue };
        let written = program.written(&program.steps[at]);
        let waits = |step: &Step| step.slots().iter().any(|slot| written.contains(slot));
        if !program.steps[at + 1..=last].iter().any(waits) {
            program.steps[at..=last].rotate_left(1);
        }
    }
}

/// Lets the kernel of a step, or the one that finishes its tiles, write its result over its operand.
fn join(program: &mut Program, at: usize, operand: usize, result: usize) -> bool {
    let call = match &program.steps[at] {
        Step::Kernel(call) => call,
        Step::MatMul { epilogue: Some(call), .. } => call,
        _ => return false,
    };
    let param = |slot: usize| call.args.iter().position(|&arg| arg == slot);
    let (Some(read), Some(written)) = (param(operand), param(result)) else { return false };
    let Some(kernel) = program.kernels[call.kernel].updating(read, written) else { return false };
    let mut args = call.args.clone();
    args.remove(read);
    let call = KernelCall { kernel: number_of(&mut program.kernels, kernel), args };
    match &mut program.steps[at] {
        Step::Kernel(old) | Step::MatMul { epilogue: Some(old), .. } => *old = call,
        _ => {}
    }
    true
}

fn number_of(kernels: &mut Vec<Kernel>, kernel: Kernel) -> usize {
    kernels.iter().position(|known| *known == kernel).unwrap_or_else(|| {
        kernels.push(kernel);
        kernels.len() - 1
    })
}

/// Gives the result the memory of the operand.
fn share(program: &mut Program, result: usize, operand: usize) {
    if let Place::Input(input) = program.slots[operand].place {
        let at = program.overwritten.partition_point(|&other| other < input);
        program.overwritten.insert(at, input);
    }
    rename(program, result, operand);
}

/// Whether the step at `at` may write its result over its operand.
fn is_free(program: &Program, at: usize, operand: usize, result: usize, donations: &Donations) -> bool {
    let slots = &program.slots;
    let uses = |step: &Step| step.slots().iter().filter(|&&slot| slot == operand).count();
    operand != result
        && slots[operand].ty.bytes() == slots[result].ty.bytes()
        && may_be_written(program, operand, result, donations)
        && program.outputs.iter().all(|&(_, slot)| slot != operand)
        && uses(&program.steps[at]) == 1
        && program.steps[at + 1..].iter().all(|step| uses(step) == 0)
}

fn may_be_written(program: &Program, operand: usize, result: usize, donations: &Donations) -> bool {
    match program.slots[operand].place {
        Place::Arena(_) | Place::Unplaced => true,
        // Nobody but the output that it is given to may take the place of an input.
        Place::Input(input) => {
            donations.pairs.iter().any(|&(own, output)| own == input && program.outputs[output].1 == result)
        }
        Place::Constant(_) | Place::Output => false,
    }
}

/// Makes `from` another name of the memory of `to`.
fn rename(program: &mut Program, from: usize, to: usize) {
    if matches!(program.slots[from].place, Place::Output) && program.slots[to].is_in_arena() {
        program.slots[to].place = Place::Output;
    }
    // Nobody uses it any more, so it gets no memory.
    program.slots[from].place = Place::Unplaced;
    let new = |slot: &mut usize| {
        if *slot == from {
            *slot = to;
        }
    };
    program.steps.iter_mut().flat_map(Step::slots_mut).for_each(new);
    program.outputs.iter_mut().map(|(_, slot)| slot).for_each(new);
}
