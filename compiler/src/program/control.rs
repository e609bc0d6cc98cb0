//! Memory of control flow: what an op with regions needs besides its operands and results, decided once for the planner, which
//! reserves it, and the runtime, which uses it.
//!
//! The state of a loop lives in two buffers between which the body goes back and forth: the memory of the result, and a *spare*
//! one. State that the body updates in place, or passes on, lives in the memory of the result alone.

use tensorwright_ir::Op;

use super::{ALIGNMENT, Place, Program};

/// The workspace of one op: offsets from its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workspace {
    /// Where the condition of a loop writes its result. The arena of the region that runs is at 0.
    pub flag: usize,
    /// For each state variable of a loop its spare buffer; none for state that is updated in place.
    pub spare: Vec<Option<usize>>,
    /// Bytes of all.
    pub bytes: usize,
}

/// How many of an op's operands are the state of a loop.
pub fn carried(op: &Op) -> usize {
    op.ports().map_or(0, |ports| ports.carried)
}

/// The workspace of an op with these regions, lowered.
pub fn workspace(op: &Op, regions: &[Program]) -> Workspace {
    let arena = regions.iter().map(|region| region.arena_bytes).max().unwrap_or(0);
    let flag = arena.next_multiple_of(ALIGNMENT);
    let mut bytes = flag + ALIGNMENT;
    let body = regions.last();
    let spare = (0..carried(op)).map(|state| {
        let body = body.expect("loops have a body");
        if in_place(body, state) {
            return None;
        }
        let at = bytes;
        bytes += body.inputs[state].bytes().next_multiple_of(ALIGNMENT);
        Some(at)
    });
    let spare = spare.collect();
    Workspace { flag, spare, bytes }
}

/// Whether the body leaves the new state in the memory of the old one.
fn in_place(body: &Program, state: usize) -> bool {
    let (_, slot) = &body.outputs[state];
    matches!(body.slots[*slot].place, Place::Input(input) if input == state)
}
