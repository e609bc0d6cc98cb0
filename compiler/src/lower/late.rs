//! Late updates: the steps that make outputs which may get the memory of inputs follow the last steps that read these inputs. A parameter's
//! update then comes after the last use of the parameter.
//!
//! A step moves only over steps that do not need what it writes. Where it goes is decided from the last step to the first, so that the
//! places of all steps behind it are known: after step `n`, and after what else goes there. Then all move at once.

use hashbrown::HashMap;

use super::{Context, Donations};
use crate::program::{Place, Program};

/// Where a step goes: behind this step, as the so manyth of those that do.
type Key = (usize, usize);

/// Moves updates.
pub(super) fn update_late(program: &mut Program, donations: &Donations, cx: &mut Context<'_>) {
    if donations.pairs.is_empty() {
        return;
    }
    let touches = touching(program);
    let inputs = program.input_slots();
    let mut updates: HashMap<usize, Vec<usize>> = HashMap::new();
    for &(input, output) in &donations.pairs {
        let result = program.outputs[output].1;
        let writes = |&at: &usize| program.written(&program.steps[at]).contains(&result);
        let slot = inputs.get(&input).copied();
        if let (Some(at), Some(slot)) = (touches[result].iter().copied().find(writes), slot) {
            updates.entry(at).or_default().push(slot);
        }
    }
    let mut keys: Vec<Key> = (0..program.steps.len()).map(|at| (at, 0)).collect();
    for at in (0..keys.len()).rev() {
        for &input in updates.get(&at).into_iter().flatten() {
            let later = |slot: usize, keys: &[Key]| {
                let behind = touches[slot].iter().filter(|&&step| step > at);
                behind.map(|&step| keys[step]).collect::<Vec<Key>>()
            };
            let Some(last) = later(input, &keys).into_iter().max().filter(|last| *last > keys[at]) else {
                continue;
            };
            let key = (last.0, last.1 + 1);
            let written = program.written(&program.steps[at]);
            if written.iter().flat_map(|&slot| later(slot, &keys)).all(|user| user > key) {
                keys[at] = key;
                cx.count("updates moved", 1);
            }
        }
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|&at| (keys[at], at));
    let mut steps: Vec<_> = std::mem::take(&mut program.steps).into_iter().map(Some).collect();
    program.steps = order.into_iter().filter_map(|at| steps[at].take()).collect();
}

/// For each slot the steps that touch it.
fn touching(program: &Program) -> Vec<Vec<usize>> {
    let mut touches: Vec<Vec<usize>> = vec![Vec::new(); program.slots.len()];
    for (at, step) in program.steps.iter().enumerate() {
        for slot in step.slots() {
            if touches[slot].last() != Some(&at) {
                touches[slot].push(at);
            }
        }
    }
    touches
}

impl Program {
    /// For each input its slot.
    pub(super) fn input_slots(&self) -> HashMap<usize, usize> {
        let slots = self.slots.iter().enumerate();
        slots
            .filter_map(|(s, slot)| match slot.place {
                Place::Input(input) => Some((input, s)),
                _ => None,
            })
            .collect()
    }
}
