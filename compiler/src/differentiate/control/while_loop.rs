//! Reverse mode through `while`: nobody knows how often it runs, so what its runs save goes onto lists.
//!
//! The forward node carries a list for each value that the way back uses, and counts its runs. The backward node runs as often; each of
//! its runs pops what the run that it goes back through has pushed. It carries the cotangents of the state and sums of the
//! cotangents of the invariants. Example:
//!
//! ```text
//! last = while(s, w) {carried = 1} (condition(s, w) { .. return go }, body(s, w) { next = mul(s, w) return next })
//! ```
//!
//! becomes, with the cotangent `last^`,
//!
//! ```text
//! last, t, n = while(s, [], 0, w) {carried = 3} (
//!   condition(s, t, n, w) { .. return go }
//!   body(s, t, n, w) { next = mul(s, w) u = list_push(t, s) m = add(n, 1) return next, u, m })
//! s^, w^ = while(last^, 0, t, n, w) {carried = 4} (
//!   condition(s^, w^, t, n, w) { go = gt(n, 0) return go }
//!   body(s^, w^, t, n, w) { u, s = list_pop(t) p = mul(s^, w) q = mul(s^, s) w^ = add(w^, q) m = sub(n, 1) return p, w^, u, m })
//! ```

use tensorwright_ir::op::Results;
use tensorwright_ir::op::primitive::CompareFn;
use tensorwright_ir::{BuildError, Builder, Graph, Type, Value};

use super::keep::Shelf;
use super::{Fate, Request, Site, Split, or_zeros, set_positions};
use crate::differentiate::DifferentiateError;

/// Residuals of a `while`: what it keeps for the way back.
pub(in crate::differentiate) struct LoopResiduals {
    split: Split,
    carried: usize,
    operands: Vec<Value>,
    /// For each output of the forward part beyond the state how it is kept.
    shelves: Vec<Shelf>,
    /// What was kept: the state of the shelves.
    lists: Vec<Value>,
    /// How often the loop ran.
    runs: Value,
    /// Positions and types of the state that has cotangents.
    active: Vec<(usize, Type)>,
}

pub(super) fn record(
    b: &mut Builder,
    site: &Site<'_>,
) -> Result<(Results, LoopResiduals), DifferentiateError> {
    let (flow, node) = (site.flow(), site.node);
    let carried = flow.ports.carried;
    let wanted = flow.varied_inputs(site.varied);
    let active = flow.active_outputs(site.varied, site.active);
    let fates: Vec<Fate> =
        (0..wanted.len()).map(|i| if i < carried { Fate::Gone } else { Fate::Invariant }).collect();
    let request = Request { wanted: &wanted, active: &active, fates: &fates, kept_outputs: carried };
    let split = Split::of(&node.regions[1], &request)?;
    let shelves: Vec<Shelf> = split.forward.output_types()[carried..].iter().map(Shelf::of).collect();
    let mut results = forward(b, site, &shelves, &split.forward)?;
    let runs = results.remove(results.len() - 1);
    let lists = results.drain(carried..).collect();
    let active = set_positions(&active).into_iter().map(|i| (i, b.ty(results[i]).clone())).collect();
    let operands = site.operands.to_vec();
    Ok((results, LoopResiduals { split, carried, operands, shelves, lists, runs, active }))
}

/// The loop that saves: its state, what it keeps, and how often it ran.
fn forward(b: &mut Builder, site: &Site<'_>, shelves: &[Shelf], body: &Graph) -> Result<Results, BuildError> {
    let condition = &site.node.regions[0];
    let carried = body.outputs().len() - shelves.len();
    let (initial, invariants) = site.operands.split_at(carried);
    let mut state = initial.to_vec();
    for shelf in shelves {
        state.extend(shelf.empty(b)?);
    }
    state.push(b.scalar(0i64));
    let own = state.len();
    let visible = |inputs: &[Value]| [&inputs[..carried], &inputs[own..]].concat();
    b.while_loop(
        &state,
        invariants,
        |b, inputs| Ok(b.inline(condition, &visible(inputs))?[0]),
        |b, inputs| {
            let mut outputs = b.inline(body, &visible(inputs))?;
            let mut at = carried;
            for (shelf, value) in shelves.iter().zip(outputs.split_off(carried)) {
                outputs.extend(shelf.put(b, &inputs[at..at + shelf.width()], value)?);
                at += shelf.width();
            }
            let one = b.scalar(1i64);
            outputs.push(b.add(inputs[own - 1], one)?);
            Ok(outputs)
        },
    )
}

impl LoopResiduals {
    /// Cotangents of the operands.
    pub(super) fn back(
        &self,
        b: &mut Builder,
        cotangents: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>, BuildError> {
        let sums: Vec<usize> =
            (self.carried..self.operands.len()).filter(|&i| self.split.cotangents[i].is_some()).collect();
        let mut state = Vec::new();
        for (output, ty) in &self.active {
            state.push(or_zeros(b, cotangents[*output], ty)?);
        }
        for &invariant in &sums {
            let ty = b.ty(self.operands[invariant]).clone();
            state.push(or_zeros(b, None, &ty)?);
        }
        state.extend(&self.lists);
        state.push(self.runs);
        let own = state.len();
        let invariants: Vec<Value> = self.split.given.iter().map(|&input| self.operands[input]).collect();
        let found = b.while_loop(
            &state,
            &invariants,
            |b, inputs| {
                let zero = b.scalar(0i64);
                b.push_one(CompareFn::Gt, &[inputs[own - 1], zero])
            },
            |b, inputs| self.body(b, &sums, inputs),
        )?;
        let mut results = vec![None; self.operands.len()];
        let places = self.active.iter().map(|&(i, _)| i).chain(sums);
        places.zip(&found).for_each(|(input, &value)| results[input] = Some(value));
        Ok(results)
    }

    /// One run back: from cotangents of the state, sums, lists, the number of runs left, and invariants.
    fn body(&self, b: &mut Builder, sums: &[usize], inputs: &[Value]) -> Result<Vec<Value>, BuildError> {
        let (state, rest) = inputs.split_at(self.active.len());
        let (old_sums, rest) = rest.split_at(sums.len());
        let (lists, rest) = rest.split_at(self.lists.len());
        let (runs, invariants) = (rest[0], &rest[1..]);
        let (mut left, mut rows, mut at) = (Vec::new(), Vec::new(), 0);
        for shelf in &self.shelves {
            let (rest, row) = shelf.take(b, &lists[at..at + shelf.width()])?;
            left.extend(rest);
            rows.push(row);
            at += shelf.width();
        }
        let saved: Vec<Value> = self.split.saved.iter().map(|&output| rows[output - self.carried]).collect();
        let found = b.inline(&self.split.backward, &[invariants, &saved, state].concat())?;
        let cotangent = |input: usize| self.split.cotangents[input].map(|output| found[output]);
        let mut outputs = Vec::new();
        for (input, ty) in &self.active {
            outputs.push(or_zeros(b, cotangent(*input), ty)?);
        }
        for (&input, &sum) in sums.iter().zip(old_sums) {
            outputs.extend(b.add_derivatives(Some(sum), cotangent(input))?);
        }
        outputs.extend(left);
        let one = b.scalar(1i64);
        outputs.push(b.sub(runs, one)?);
        Ok(outputs)
    }
}
