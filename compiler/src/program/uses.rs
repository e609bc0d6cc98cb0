//! What steps read and write.

use super::{Control, KernelCall, Place, Program, Slot, Step, TiledCall};
use crate::kernel::Access;

impl Step {
    /// Slots that the step reads or writes.
    pub fn slots(&self) -> Vec<usize> {
        match self {
            Step::Kernel(call) => call.args.clone(),
            Step::Tiled(call) => {
                let more = call.epilogue.iter().flat_map(|call| call.args.iter().copied());
                call.operand_slots().chain([call.out]).chain(more).collect()
            }
            Step::Pack { from, out, .. } => vec![*from, *out],
            Step::Routine { operands, results, .. } | Step::List { operands, results, .. } => {
                operands.iter().chain(results).copied().collect()
            }
            Step::Control(c) => c.operands.iter().chain(&c.results).chain([&c.workspace]).copied().collect(),
            Step::Effect { operands, .. } => operands.clone(),
        }
    }

    /// The kernels that the step calls.
    pub fn calls(&self) -> impl Iterator<Item = &KernelCall> {
        match self {
            Step::Kernel(call) => Some(call),
            Step::Tiled(call) => call.epilogue.as_ref(),
            Step::Pack { .. }
            | Step::Routine { .. }
            | Step::List { .. }
            | Step::Control(_)
            | Step::Effect { .. } => None,
        }
        .into_iter()
    }

    /// The kernel that the step calls, to be changed.
    pub(crate) fn call_mut(&mut self) -> Option<&mut KernelCall> {
        match self {
            Step::Kernel(call) => Some(call),
            Step::Tiled(call) => call.epilogue.as_mut(),
            Step::Pack { .. }
            | Step::Routine { .. }
            | Step::List { .. }
            | Step::Control(_)
            | Step::Effect { .. } => None,
        }
    }

    /// Slots of the results, of steps whose results are values of the graph.
    pub(crate) fn results(&self) -> &[usize] {
        match self {
            Step::Routine { results, .. } | Step::List { results, .. } => results,
            Step::Control(control) => &control.results,
            Step::Kernel(_) | Step::Tiled(_) | Step::Pack { .. } | Step::Effect { .. } => &[],
        }
    }

    /// As [`Step::slots`], to be changed.
    pub(crate) fn slots_mut(&mut self) -> Vec<&mut usize> {
        match self {
            Step::Kernel(call) => call.args.iter_mut().collect(),
            Step::Tiled(call) => {
                let TiledCall { operands, out, epilogue, .. } = &mut **call;
                let more = epilogue.iter_mut().flat_map(|call| call.args.iter_mut());
                operands.iter_mut().map(|operand| &mut operand.slot).chain([out]).chain(more).collect()
            }
            Step::Pack { from, out, .. } => vec![from, out],
            Step::Routine { operands, results, .. } | Step::List { operands, results, .. } => {
                operands.iter_mut().chain(results).collect()
            }
            Step::Control(c) => {
                let Control { operands, results, workspace, .. } = &mut **c;
                operands.iter_mut().chain(results).chain([workspace]).collect()
            }
            Step::Effect { operands, .. } => operands.iter_mut().collect(),
        }
    }
}

impl TiledCall {
    /// Slots of the operands.
    pub fn operand_slots(&self) -> impl Iterator<Item = usize> {
        self.operands.iter().map(|operand| operand.slot)
    }
}

impl Program {
    /// The slots that a step reads.
    pub fn read(&self, step: &Step) -> Vec<usize> {
        let by_kernel = |call: &KernelCall| self.args(call, |access| access != Access::Write);
        match step {
            Step::Kernel(call) => by_kernel(call),
            Step::Pack { from, .. } => vec![*from],
            Step::Tiled(call) => {
                let more = call.epilogue.iter().flat_map(by_kernel).filter(|&slot| slot != call.out);
                call.operand_slots().chain(more).collect()
            }
            Step::Routine { operands, .. } | Step::List { operands, .. } | Step::Effect { operands, .. } => {
                operands.clone()
            }
            Step::Control(control) => control.operands.clone(),
        }
    }

    /// The slots of params that are used in some way.
    fn args(&self, call: &KernelCall, used: impl Fn(Access) -> bool) -> Vec<usize> {
        let params = &self.kernels[call.kernel].params;
        call.args.iter().zip(params).filter(|(_, param)| used(param.access)).map(|(&slot, _)| slot).collect()
    }

    /// The slots that a step writes to.
    pub fn written(&self, step: &Step) -> Vec<usize> {
        let by_kernel = |call: &KernelCall| self.args(call, |access| access != Access::Read);
        match step {
            Step::Kernel(call) => by_kernel(call),
            Step::Pack { out, .. } => vec![*out],
            Step::Tiled(call) => call.epilogue.iter().flat_map(by_kernel).chain([call.out]).collect(),
            other => other.results().to_vec(),
        }
    }

    /// For each slot the first and the last step that touch it. Lists hold handles from the first step to the last.
    pub(crate) fn lifetimes(&self) -> Vec<Option<(usize, usize)>> {
        let mut life: Vec<Option<(usize, usize)>> = vec![None; self.slots.len()];
        for (at, step) in self.steps.iter().enumerate() {
            for slot in step.slots() {
                let first = life[slot].map_or(at, |(first, _)| first);
                life[slot] = match self.slots[slot].ty.as_list().is_some() {
                    true => Some((0, self.steps.len())),
                    false => Some((first, at)),
                };
            }
        }
        life
    }

    /// For each slot the last step that needs it; outputs are needed after all.
    pub fn last_uses(&self) -> Vec<usize> {
        let mut last = vec![0; self.slots.len()];
        for (at, step) in self.steps.iter().enumerate() {
            step.slots().into_iter().for_each(|slot| last[slot] = at);
        }
        self.outputs.iter().for_each(|&(_, slot)| last[slot] = self.steps.len());
        last
    }

    /// Whether nothing needs the value in `slot` after step number `at`, given the [last uses](Program::last_uses): it is no output, and
    /// later steps do not touch it, or the step itself replaces it.
    pub fn is_last_use(&self, at: usize, slot: usize, last_uses: &[usize]) -> bool {
        let step = &self.steps[at];
        let uses = step.slots().into_iter().filter(|&used| used == slot).count();
        match step.results().contains(&slot) {
            true => uses == 2,
            false => uses == 1 && last_uses[slot] == at,
        }
    }

    /// The slots that hold lists, but for those of inputs and outputs, whose handles are the caller's.
    pub fn own_lists(&self) -> Vec<usize> {
        let mut touched = vec![false; self.slots.len()];
        for slot in self.steps.iter().flat_map(Step::slots) {
            touched[slot] = true;
        }
        let is_own = |slot: &Slot| slot.ty.as_list().is_some() && slot.is_in_arena();
        (0..self.slots.len()).filter(|&slot| touched[slot] && is_own(&self.slots[slot])).collect()
    }

    /// The program and those of all regions in it, outermost first.
    pub fn with_regions(&self) -> Vec<&Program> {
        let mut found = vec![self];
        let mut next = 0;
        while let Some(&program) = found.get(next) {
            for step in &program.steps {
                if let Step::Control(control) = step {
                    found.extend(&control.regions);
                }
            }
            next += 1;
        }
        found
    }
}

impl Slot {
    /// Whether its place is, or will be, in the arena.
    pub(crate) fn is_in_arena(&self) -> bool {
        matches!(self.place, Place::Arena(_) | Place::Unplaced)
    }
}
