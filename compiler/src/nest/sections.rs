//! How the innermost loop is cut up: unrolled blocks, single blocks, and what fills no block.

use tensorwright_ir::op::primitive::ReduceKind;

use super::form::{Accumulator, Edge, Entry, FoldOrder, LoopNest, Section, SectionRange, Trip};
use super::lanes::Blocks;
use super::machine::Machine;
use super::variation::stores_to;
use crate::kernel::Instr;

impl SectionRange {
    fn new(from: Edge, to: Edge, always: bool) -> SectionRange {
        SectionRange { from, to, entry: if always { Entry::Always } else { Entry::Perhaps } }
    }
}

/// All points one by one.
fn elements(trip: Trip) -> Vec<Section> {
    vec![Section::Elements { range: SectionRange::new(Edge::At(0), trip.whole(1), true) }]
}

/// Whether the loop is too short for any vector.
fn is_short(trip: Trip, blocks: Blocks, machine: Machine) -> bool {
    machine.has_vectors() && (blocks.lanes == 1 || trip.all(|n| n < u64::from(blocks.lanes)))
}

/// The sections of a loop that stores.
pub(super) fn of_map(nest: &LoopNest<'_>, blocks: Blocks, machine: Machine) -> Vec<Section> {
    let trip = nest.inner_trip();
    if is_short(trip, blocks, machine) {
        return elements(trip);
    }
    let Blocks { lanes, unroll } = blocks;
    let (block, step) = (u64::from(lanes), u64::from(lanes * unroll));
    let (mut sections, main) = unrolled(trip, blocks);
    let whole = trip.whole(block);
    if unroll > 1 && !trip.all(|n| n % step < block) {
        let range = SectionRange::new(main, whole, trip.all(|n| n % step >= block));
        sections.push(Section::Blocks { range, lanes, unroll: 1 });
    }
    if trip.all(|n| n % block == 0) {
        return sections;
    }
    sections.push(if is_repeatable(nest) && trip.all(|n| n >= block) {
        Section::LastBlock { lanes }
    } else {
        Section::Elements { range: SectionRange::new(whole, trip.whole(1), trip.all(|n| n % block > 0)) }
    });
    sections
}

/// The main loop, if it ever runs, and where it ends.
fn unrolled(trip: Trip, Blocks { lanes, unroll }: Blocks) -> (Vec<Section>, Edge) {
    let step = u64::from(lanes * unroll);
    if trip.all(|n| n < step) {
        return (Vec::new(), Edge::At(0));
    }
    let main = trip.whole(step);
    let range = SectionRange::new(Edge::At(0), main, trip.all(|n| n >= step));
    (vec![Section::Blocks { range, lanes, unroll }], main)
}

/// Whether evaluating points twice does no harm.
fn is_repeatable(nest: &LoopNest<'_>) -> bool {
    let mut loads = nest.source.body.iter().filter_map(|instr| match instr {
        Instr::Load { buffer, .. } => Some(*buffer),
        _ => None,
    });
    loads.all(|buffer| !stores_to(nest.source, buffer))
}

/// The sections of a loop that folds. Only in a loop of constant length is it known which partials the blocks belong to that
/// fill no iteration of the main loop.
pub(super) fn of_fold(
    nest: &LoopNest<'_>,
    blocks: Blocks,
    accumulators: &[Accumulator],
    machine: Machine,
) -> Vec<Section> {
    let trip = nest.inner_trip();
    if is_short(trip, blocks, machine) {
        return elements(trip);
    }
    let Blocks { lanes, unroll } = blocks;
    let (block, step) = (u64::from(lanes), u64::from(lanes * unroll));
    let fixed = accumulators.iter().any(|a| a.order == FoldOrder::Fixed);
    let (mut sections, main) = unrolled(trip, blocks);
    let mut done = main;
    match (main, trip.constant()) {
        (Edge::At(from), Some(n)) => {
            let rest = (n - from) / block;
            done = Edge::At(from + rest * block);
            if rest > 0 {
                let range = SectionRange::new(main, done, true);
                sections.push(Section::Blocks { range, lanes, unroll: rest as u32 });
            }
        }
        _ if !fixed => {
            done = trip.whole(block);
            let range = SectionRange::new(main, done, false);
            sections.push(Section::Blocks { range, lanes, unroll: 1 });
        }
        _ => {}
    }
    let whole = if fixed && trip.constant().is_none() { step } else { block };
    if trip.all(|n| n % whole == 0) {
        return sections;
    }
    sections.push(if is_idempotent(nest) && trip.all(|n| n >= block) {
        Section::LastBlock { lanes }
    } else {
        Section::Elements { range: SectionRange::new(done, trip.whole(1), false) }
    });
    sections
}

/// Whether an element may be folded twice.
fn is_idempotent(nest: &LoopNest<'_>) -> bool {
    nest.source.folds.iter().all(|fold| !matches!(fold.kind, ReduceKind::Sum | ReduceKind::Prod))
}
