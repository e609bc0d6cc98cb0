//! In-place updates: a step that changes part of a tensor changes the tensor itself if nobody needs the old one any more.
//!
//! `dynamic_update_slice` and `scatter` begin with a copy of their first operand, loops with a copy of the state that their
//! body updates in place, and kernels of such loops with a stage that makes it. If the operand is in the arena, and no later step touches it, the result gets its memory and the copy
//! is left out. Inputs may be overwritten only where the caller says so, as loops do with their state: then the new state
//! ends up where the old one was. A function's caller may say so too, of the variables that it assigns: for these kernels that
//! read and write the same elements do it in one place ([`Kernel::updating`]).
//!
//! Lists are handles, which move instead of being copied; a list is changed in place if no other handle is of it. So for
//! `list_push` and `list_pop` sharing memory only spares loops a second handle.

//!
//! Steps are looked at from the last to the first: a chain of updates takes over the memory of the output from its end. A slot that becomes
//! another is renamed when all are done; until then [`Names`] knows which slots are one, and the last step that touches them.

use hashbrown::HashMap;
use tensorwright_ir::Op;

use super::driver::Writers;
use super::{Context, Donations};
use crate::kernel::Kernel;
use crate::program::control;
use crate::program::{KernelCall, Place, Program, Step};

/// Pairs of an operand and a result whose memory the step can share.
fn candidates(program: &Program, step: &Step) -> Vec<(usize, usize)> {
    match step {
        Step::Kernel(call) => {
            let copies = program.kernels[call.kernel].copies();
            copies.into_iter().map(|(read, written)| (call.args[read], call.args[written])).collect()
        }
        Step::Routine { op: Op::DynamicUpdateSlice(_) | Op::Scatter(_), operands, results, .. } => {
            vec![(operands[0], results[0])]
        }
        Step::List { op: Op::ListPush(_) | Op::ListPop(_) | Op::ListSet(_), operands, results, .. } => {
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
pub(super) fn update_in_place(program: &mut Program, donations: &Donations, cx: &mut Context<'_>) {
    let mut donor = Donor::new(program, donations);
    let given = donor.given_to_kernels(donations);
    for at in (0..donor.program.steps.len()).rev() {
        let candidates = candidates(donor.program, &donor.program.steps[at]);
        let given = given.get(&at).into_iter().flatten();
        let given: Vec<(usize, usize)> =
            given.map(|&(operand, output)| (operand, donor.program.outputs[output].1)).collect();
        let is_kernel = matches!(donor.program.steps[at], Step::Kernel(_));
        let all = candidates
            .into_iter()
            .map(|pair| (pair, !is_kernel))
            .chain(given.into_iter().map(|pair| (pair, false)));
        for ((operand, result), knows_how) in all {
            if donor.is_free(at, operand, result) && (knows_how || donor.join(at, operand, result)) {
                donor.share(result, operand);
            }
        }
    }
    cx.count("results in place", donor.shared);
    cx.count("kernels asked", donor.asked);
    donor.finish();
}

/// Slots that have become one, and the last step that touches them.
struct Names {
    /// The slot that a slot has become, or itself.
    now: Vec<usize>,
    last: Vec<LastUse>,
}

/// The last step that touches memory, how often it does, and whether it is an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LastUse {
    at: usize,
    times: usize,
    is_output: bool,
}

impl Names {
    fn of(program: &Program) -> Names {
        let mut last = vec![LastUse::default(); program.slots.len()];
        for (at, step) in program.steps.iter().enumerate() {
            for slot in step.slots() {
                let times = if last[slot].at == at { last[slot].times + 1 } else { 1 };
                last[slot] = LastUse { at, times, is_output: false };
            }
        }
        program.outputs.iter().for_each(|&(_, slot)| last[slot].is_output = true);
        Names { now: (0..program.slots.len()).collect(), last }
    }

    /// What the slot is by now. Shortens the way there.
    fn find(&mut self, slot: usize) -> usize {
        let mut root = slot;
        while self.now[root] != root {
            self.now[root] = self.now[self.now[root]];
            root = self.now[root];
        }
        root
    }

    /// Lets `from` become `to`.
    fn join(&mut self, from: usize, to: usize) {
        let (old, new) = (self.last[from], self.last[to]);
        let (at, times) = match old.at.cmp(&new.at) {
            std::cmp::Ordering::Less => (new.at, new.times),
            std::cmp::Ordering::Equal => (new.at, old.times + new.times),
            std::cmp::Ordering::Greater => (old.at, old.times),
        };
        self.last[to] = LastUse { at, times, is_output: old.is_output || new.is_output };
        self.now[from] = to;
    }
}

struct Donor<'p> {
    program: &'p mut Program,
    names: Names,
    /// For each input that is given away the outputs that may get its memory.
    takers: HashMap<usize, Vec<usize>>,
    numbers: HashMap<Kernel, usize>,
    /// Kernels that read and write in one place, by kernel and params.
    updating: HashMap<(usize, usize, usize), Option<usize>>,
    shared: u64,
    asked: u64,
}

impl<'p> Donor<'p> {
    fn new(program: &'p mut Program, donations: &Donations) -> Donor<'p> {
        let mut takers: HashMap<usize, Vec<usize>> = HashMap::new();
        donations.pairs.iter().for_each(|&(input, output)| takers.entry(input).or_default().push(output));
        let names = Names::of(program);
        let (numbers, updating) = (HashMap::new(), HashMap::new());
        Donor { program, names, takers, numbers, updating, shared: 0, asked: 0 }
    }

    /// By step the slots of inputs that its kernel may write over, and their outputs: it is the last that touches them.
    fn given_to_kernels(&self, donations: &Donations) -> HashMap<usize, Vec<(usize, usize)>> {
        let mut given: HashMap<usize, Vec<(usize, usize)>> = HashMap::new();
        if donations.writers == Writers::Kernels {
            let slots = self.program.input_slots();
            for (input, output) in &donations.pairs {
                if let Some(&slot) = slots.get(input) {
                    given.entry(self.names.last[slot].at).or_default().push((slot, *output));
                }
            }
        }
        given
    }

    /// Whether the step at `at` may write its result over its operand.
    fn is_free(&mut self, at: usize, operand: usize, result: usize) -> bool {
        let (operand, result) = (self.names.find(operand), self.names.find(result));
        let slots = &self.program.slots;
        operand != result
            && !matches!(slots[result].place, Place::Kept(_))
            && slots[operand].ty.bytes() == slots[result].ty.bytes()
            && self.names.last[operand] == LastUse { at, times: 1, is_output: false }
            && self.may_be_written(operand, result)
    }

    fn may_be_written(&mut self, operand: usize, result: usize) -> bool {
        match self.program.slots[operand].place {
            Place::Arena(_) | Place::Unplaced => true,
            // Nobody but the output that it is given to may take the place of an input.
            Place::Input(input) => {
                let outputs = self.takers.get(&input).into_iter().flatten();
                let slots: Vec<usize> = outputs.map(|&output| self.program.outputs[output].1).collect();
                slots.into_iter().any(|slot| self.names.find(slot) == result)
            }
            Place::Constant(_) | Place::Output | Place::Kept(_) => false,
        }
    }

    /// Lets the kernel of a step, or the one that finishes its tiles, write its result over its operand.
    fn join(&mut self, at: usize, operand: usize, result: usize) -> bool {
        let Some(call) = self.program.steps[at].call_mut().map(|call| call.clone()) else { return false };
        let (operand, result) = (self.names.find(operand), self.names.find(result));
        let mut param = |slot: usize| call.args.iter().position(|&arg| self.names.find(arg) == slot);
        let (Some(read), Some(written)) = (param(operand), param(result)) else { return false };
        let Some(kernel) = self.updating(call.kernel, read, written) else { return false };
        let mut args = call.args;
        args.remove(read);
        if let Some(old) = self.program.steps[at].call_mut() {
            *old = KernelCall { kernel, args };
        }
        true
    }

    /// The number of the kernel that reads and writes in one place.
    fn updating(&mut self, kernel: usize, read: usize, written: usize) -> Option<usize> {
        if let Some(&known) = self.updating.get(&(kernel, read, written)) {
            return known;
        }
        self.asked += 1;
        let kernels = &mut self.program.kernels;
        let number = kernels[kernel].updating(read, written).map(|updating| {
            *self.numbers.entry(updating).or_insert_with_key(|updating| {
                kernels.push(updating.clone());
                kernels.len() - 1
            })
        });
        self.updating.insert((kernel, read, written), number);
        number
    }

    /// Gives the result the memory of the operand.
    fn share(&mut self, result: usize, operand: usize) {
        let (from, to) = (self.names.find(result), self.names.find(operand));
        let slots = &mut self.program.slots;
        if let Place::Input(input) = slots[to].place {
            self.program.overwritten.push(input);
        }
        if matches!(slots[from].place, Place::Output) && slots[to].is_in_arena() {
            slots[to].place = Place::Output;
        }
        // Nobody uses it any more, so it gets no memory.
        slots[from].place = Place::Unplaced;
        self.names.join(from, to);
        self.shared += 1;
    }

    /// Renames what has become something else.
    fn finish(mut self) {
        self.program.overwritten.sort_unstable();
        let names = &mut self.names;
        let mut rename = |slot: &mut usize| *slot = names.find(*slot);
        self.program.steps.iter_mut().flat_map(Step::slots_mut).for_each(&mut rename);
        self.program.outputs.iter_mut().map(|(_, slot)| slot).for_each(&mut rename);
    }
}
