//! Merging of small kernels: neighbours that each have one tile become one kernel, so that a graph of small tensors is one call.
//!
//! Memory that only the merged kernel touches becomes scratch.

use hashbrown::HashMap;
use tensorwright_ir::DType;

use super::{Context, Donations};
use crate::cost;
use crate::kernel::{Access, Buffer, Kernel, Local, Param};
use crate::program::{KernelCall, Program, Step};

/// Bytes of scratch of a merged kernel.
const MAX_SCRATCH: usize = 32 << 10;
/// Stages of a merged kernel, and instructions of its bodies: beyond this, compiling takes longer than calls save.
const MAX_STAGES: usize = 64;
const MAX_INSTRUCTIONS: u64 = 1024;

/// Merges runs of kernel calls with one tile each.
pub(super) fn merge_small_kernels(program: &mut Program, _: &Donations, cx: &mut Context<'_>) {
    let steps = std::mem::take(&mut program.steps);
    let touches = count_touches(&steps, program);
    let before = steps.len();
    let ahead = program.ahead;
    let mut run: Vec<KernelCall> = Vec::new();
    for (at, step) in steps.into_iter().enumerate() {
        if at == ahead {
            flush(program, &mut run, &touches);
            program.ahead = program.steps.len();
        }
        match step {
            Step::Kernel(call) if is_small(&program.kernels[call.kernel]) => {
                let is_full = is_full(run.iter().chain([&call]).map(|call| &program.kernels[call.kernel]));
                cx.count("runs that are full", u64::from(is_full));
                if is_full || run.iter().any(|earlier| sees_other_elements(program, earlier, &call)) {
                    flush(program, &mut run, &touches);
                }
                run.push(call);
            }
            other => {
                flush(program, &mut run, &touches);
                program.steps.push(other);
            }
        }
    }
    flush(program, &mut run, &touches);
    if ahead == before {
        program.ahead = program.steps.len();
    }
    cx.count("kernels merged into others", (before - program.steps.len()) as u64);
}

/// Whether these kernels are too many for one.
fn is_full<'k>(kernels: impl Iterator<Item = &'k Kernel> + Clone) -> bool {
    let stages: usize = kernels.clone().map(|kernel| kernel.stages.len()).sum();
    stages > MAX_STAGES || kernels.map(cost::code).sum::<u64>() > MAX_INSTRUCTIONS
}

/// Whether the calls take some memory for elements of different dtypes: one kernel could not order their accesses.
fn sees_other_elements(program: &Program, left: &KernelCall, right: &KernelCall) -> bool {
    let elements = |call: &KernelCall, at: usize| {
        let param = &program.kernels[call.kernel].params[at];
        (param.dtype, param.len)
    };
    left.args.iter().enumerate().any(|(l, slot)| {
        let same_slot = right.args.iter().enumerate().filter(|(_, other)| *other == slot);
        same_slot.map(|(r, _)| r).any(|r| elements(left, l) != elements(right, r))
    })
}

fn is_small(kernel: &Kernel) -> bool {
    kernel.grid.is_empty() && kernel.scratch_bytes() <= MAX_SCRATCH
}

/// For each slot the number of steps that touch it; outputs count once more.
fn count_touches(steps: &[Step], program: &Program) -> Vec<u32> {
    let mut touches = vec![0; program.slots.len()];
    for step in steps {
        let mut slots = step.slots();
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            touches[slot] += 1;
        }
    }
    for (_, slot) in &program.outputs {
        touches[*slot] += 1;
    }
    touches
}

fn flush(program: &mut Program, run: &mut Vec<KernelCall>, touches: &[u32]) {
    match &run[..] {
        [] => {}
        [single] => program.steps.push(Step::Kernel(single.clone())),
        calls => {
            let call = merged(program, calls, touches);
            program.steps.push(Step::Kernel(call));
        }
    }
    run.clear();
}

/// The calls as one.
fn merged(program: &mut Program, calls: &[KernelCall], touches: &[u32]) -> KernelCall {
    let mut inside: HashMap<usize, u32> = HashMap::new();
    for call in calls {
        let mut slots = call.args.clone();
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            *inside.entry(slot).or_default() += 1;
        }
    }
    let mut joined = Kernel { params: vec![], locals: vec![], grid: vec![], stages: vec![] };
    let mut args: Vec<usize> = Vec::new();
    // A slot that is only read may be several params, one for each kind of elements that it is taken for.
    let mut place: HashMap<(usize, DType, u64), Buffer> = HashMap::new();
    for call in calls {
        let kernel = &program.kernels[call.kernel];
        let first_local = joined.locals.len() as u32;
        joined.locals.extend(kernel.locals.iter().cloned());
        for (param, &slot) in kernel.params.iter().zip(&call.args) {
            let private = program.slots[slot].is_in_arena() && inside[&slot] == touches[slot];
            let fits = joined.scratch_bytes() + program.slots[slot].ty.bytes() <= MAX_SCRATCH;
            let buffer = *place.entry((slot, param.dtype, param.len)).or_insert_with(|| {
                if private && fits {
                    joined.locals.push(Local { dtype: param.dtype, len: param.len });
                    Buffer::Local(joined.locals.len() as u32 - 1)
                } else {
                    args.push(slot);
                    joined.params.push(param.clone());
                    Buffer::Param(joined.params.len() as u32 - 1)
                }
            });
            if let Buffer::Param(p) = buffer {
                let known = &mut joined.params[p as usize];
                known.access = after(known.access, param);
            }
        }
        let rename = |buffer: Buffer| match buffer {
            Buffer::Param(p) => {
                let param = &kernel.params[p as usize];
                place[&(call.args[p as usize], param.dtype, param.len)]
            }
            Buffer::Local(l) => Buffer::Local(first_local + l),
        };
        let first = joined.stages.len();
        joined.stages.extend(kernel.stages.iter().cloned());
        joined.stages[first..].iter_mut().for_each(|stage| stage.rename_buffers(&rename));
    }
    program.kernels.push(joined);
    KernelCall { kernel: program.kernels.len() - 1, args }
}

/// How a param is used by a kernel that used it as `first` and then as `then`.
fn after(first: Access, then: &Param) -> Access {
    match (first, then.access) {
        (Access::Read, Access::Read) => Access::Read,
        (Access::Write, _) => Access::Write,
        _ => Access::ReadWrite,
    }
}
