//! Which instructions are hoisted out of which loops.

use super::form::Variation;
use crate::kernel::loops::{self, BodyLoop};
use crate::kernel::{Affine, Buffer, Instr, Loop, Reg, Var};

/// How each instruction of `source` changes, in a nest of `inner` loops.
pub(super) fn variations(source: &Loop, inner: usize, spans: &[BodyLoop]) -> Vec<Variation> {
    let live = live(source, spans);
    let mut levels = levels(source, inner);
    let uniform = within_spans(source, inner, spans, &mut levels);
    let of = |i: usize| match levels[i] {
        _ if !live[i] => Variation::Unused,
        level if level < inner => Variation::Invariant(level),
        _ if uniform[i] => Variation::Uniform,
        _ => Variation::Varying,
    };
    (0..source.body.len()).map(of).collect()
}

/// Whether something needs the instruction's value. Loops of points may not end, so they stay.
fn live(source: &Loop, spans: &[BodyLoop]) -> Vec<bool> {
    let mut live = vec![false; source.body.len()];
    let results = source.stores.iter().map(|s| s.value).chain(source.folds.iter().map(|f| f.value));
    results.for_each(|reg| live[reg.0 as usize] = true);
    spans.iter().for_each(|span| live[span.begin..=span.end].fill(true));
    let writes = |(live, instr): (&mut bool, &Instr)| *live |= instr.written().is_some();
    live.iter_mut().zip(&source.body).for_each(writes);
    for i in (0..live.len()).rev() {
        if live[i] {
            source.body[i].operands().into_iter().for_each(|reg| live[reg.0 as usize] = true);
        }
    }
    live
}

/// How many loops each instruction must be inside of.
fn levels(source: &Loop, inner: usize) -> Vec<usize> {
    let mut levels: Vec<usize> = Vec::with_capacity(source.body.len());
    for instr in &source.body {
        let of = |reg: Reg| levels[reg.0 as usize];
        levels.push(match instr {
            Instr::Const(_) => 0,
            // The body changes the memory under way.
            instr if is_ordered(source, instr) => inner,
            Instr::Index { index, .. } => level(index),
            // What this stage stores changes under way; only within the innermost loop are points independent.
            Instr::Load { buffer, index } if stores_to(source, *buffer) => level(index).max(inner - 1),
            Instr::Load { index, .. } => level(index),
            Instr::LoadAt { index, at, .. } => level(index).max(of(*at)),
            _ => instr.operands().iter().map(|&reg| of(reg)).max().unwrap_or(0),
        });
    }
    levels
}

/// The loops that an index depends on, from the outermost to the last.
fn level(index: &Affine) -> usize {
    let dims = index.terms.iter().filter_map(|&(var, _)| match var {
        Var::Dim(d) => Some(d as usize + 1),
        Var::Grid(_) => None,
    });
    dims.max().unwrap_or(0)
}

/// Whether the stage stores to the buffer.
pub(super) fn stores_to(source: &Loop, buffer: Buffer) -> bool {
    let stores = source.stores.iter().map(|s| s.buffer).chain(source.written());
    stores.chain(source.folds.iter().map(|f| f.buffer)).any(|b| b == buffer)
}

/// Whether an instruction reads or writes memory that the body itself writes, so that it keeps its place in the body.
pub(super) fn is_ordered(source: &Loop, instr: &Instr) -> bool {
    instr.buffer().is_some_and(|buffer| source.written().any(|written| written == buffer))
}

/// Brings what is in a loop of points, and what is made of its state behind it, to the innermost level; returns which
/// instructions there are the same for all points nevertheless.
fn within_spans(source: &Loop, inner: usize, spans: &[BodyLoop], levels: &mut [usize]) -> Vec<bool> {
    let mut uniform = vec![false; levels.len()];
    if spans.is_empty() && source.written().next().is_none() {
        return uniform;
    }
    let varies = loops::varying(&source.body, spans, Var::Dim(inner as u32 - 1));
    for (i, instr) in source.body.iter().enumerate() {
        let inside = spans.iter().any(|span| span.contains(i));
        let of_state = || instr.operands().iter().any(|reg| levels[reg.0 as usize] == inner);
        if inside || levels[i] == inner || of_state() {
            levels[i] = inner;
            uniform[i] = !varies[i];
        }
    }
    uniform
}
