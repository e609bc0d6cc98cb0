//! Kernels and slots that are left over when kernels were merged and slots have become others.

use super::{Context, Donations};
use crate::program::{Place, Program, Step};

/// Leaves out the kernels that no step calls, and the slots that no step touches and that are neither inputs nor outputs.
pub(super) fn drop_unused(program: &mut Program, _: &Donations, cx: &mut Context<'_>) {
    drop_kernels(program, cx);
    drop_slots(program, cx);
}

fn drop_kernels(program: &mut Program, cx: &mut Context<'_>) {
    let mut kernels: Vec<_> = std::mem::take(&mut program.kernels).into_iter().map(Some).collect();
    let mut number: Vec<Option<usize>> = vec![None; kernels.len()];
    for call in program.steps.iter_mut().filter_map(Step::call_mut) {
        let kept = &mut program.kernels;
        if let Some(kernel) = kernels[call.kernel].take() {
            number[call.kernel] = Some(kept.len());
            kept.push(kernel);
        }
        call.kernel = number[call.kernel].unwrap_or(call.kernel);
    }
    cx.count("kernels dropped", kernels.iter().flatten().count() as u64);
}

fn drop_slots(program: &mut Program, cx: &mut Context<'_>) {
    let mut used: Vec<bool> =
        program.slots.iter().map(|slot| matches!(slot.place, Place::Input(_))).collect();
    program.steps.iter().flat_map(Step::slots).for_each(|slot| used[slot] = true);
    program.outputs.iter().for_each(|&(_, slot)| used[slot] = true);
    let mut next = 0;
    let number: Vec<usize> = used
        .iter()
        .map(|&used| {
            next += usize::from(used);
            next - usize::from(used)
        })
        .collect();
    cx.count("slots dropped", (used.len() - next) as u64);
    let mut keep = used.iter();
    program.slots.retain(|_| keep.next() == Some(&true));
    let renumber = |slot: &mut usize| *slot = number[*slot];
    program.steps.iter_mut().flat_map(Step::slots_mut).for_each(renumber);
    program.outputs.iter_mut().map(|(_, slot)| slot).for_each(renumber);
}
