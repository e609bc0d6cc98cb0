//! Reverse mode through `scan` and `map`.
//!
//! The forward node stacks what its runs save, among it the state that entered them. The backward one runs the other way round. It
//! carries the cotangents of the state and sums of the cotangents of the invariants; it scans what was saved, the scanned
//! operands that are needed again and the cotangents of the stacks; it stacks the cotangents of the scanned operands. Example:
//!
//! ```text
//! last = scan(s, x, w) {carried = 1, scanned = 1} (body(s, x, w) { a = mul(s, w) next = add(a, x) return next })
//! ```
//!
//! becomes, with the cotangent `last^`,
//!
//! ```text
//! last, t = scan(s, x, w) {carried = 1, scanned = 1} (body(s, x, w) { a = mul(s, w) next = add(a, x) return next, s })
//! s^, w^, x^ = scan(last^, 0, t, w) {carried = 2, scanned = 1, reverse = true} (
//!   body(s^, w^, t, w) { p = mul(s^, w) q = mul(s^, t) w^ = add(w^, q) return p, w^, s^ })
//! ```
//!
//! A list that a run saves goes onto a list that the loop carries, and its length is stacked ([`keep`](super::keep)); a `map` becomes a
//! `scan` for that.
//!
//! A `map` is a `scan` without state; without sums to carry, the way back is a `map`, too. Sums are carried rather than stacked
//! and summed afterwards, since a stack of, say, cotangents of a weight matrix takes as many times its memory as the loop runs.

use tensorwright_ir::op::control::{Map, Scan};
use tensorwright_ir::op::{Feed, Order, Ports, Results};
use tensorwright_ir::{BuildError, Builder, Graph, Op, Type, Value};

use super::keep::{append, split_off};
use super::trips::{Counter, counted, counters};
use super::{Fate, Request, Site, Split, or_zeros, set_positions};
use crate::differentiate::DifferentiateError;

/// Residuals of a `scan` or `map`: what it keeps for the way back.
pub(in crate::differentiate) struct ScanResiduals {
    length: usize,
    order: Order,
    split: Split,
    /// Those of the node.
    ports: Ports,
    operands: Vec<Value>,
    /// The stacks that were saved; of lists their lengths.
    saved: Vec<Value>,
    /// Which of them are lengths, and the lists with the rows of all runs.
    lists: Vec<(usize, Value)>,
    /// Counters that are needed again.
    counters: Vec<Counter>,
    /// Positions and types of the outputs of the body that have cotangents, state first, and types of the results.
    active: Vec<(usize, Type)>,
}

/// Of a node that runs once for each of `length` slices.
pub(super) fn record(
    b: &mut Builder,
    site: &Site<'_>,
    length: usize,
    order: Order,
) -> Result<(Results, ScanResiduals), DifferentiateError> {
    let (flow, node) = (site.flow(), site.node);
    let (ports, carried) = (flow.ports, flow.ports.carried);
    let wanted = flow.varied_inputs(site.varied);
    let active = flow.active_outputs(site.varied, site.active);
    let counters = counters(b.graph(), ports, site.operands, &node.regions);
    let fate = |input: usize| match ports.feed(input) {
        Feed::Carried if counters[input].is_some() => Fate::AtHand,
        Feed::Carried => Fate::Gone,
        Feed::Sliced => Fate::AtHand,
        Feed::Invariant => Fate::Invariant,
    };
    let fates: Vec<Fate> = (0..wanted.len()).map(fate).collect();
    let summed: Vec<bool> = (0..wanted.len()).map(|input| ports.feed(input) == Feed::Invariant).collect();
    let request = Request {
        wanted: &wanted,
        active: &active,
        fates: &fates,
        runs: length,
        summed: &summed,
        kept_outputs: carried,
    };
    let split = Split::of(&node.regions[0], &request)?;
    let Forward { results, mut stacks, lists } = forward(b, site, &split, &ports)?;
    let lists = lists.into_iter().map(|(output, list)| (position(&split.saved, output), list)).collect();
    let saved = split.saved.iter().map(|&output| stacks[output - carried]).collect();
    stacks.truncate(node.results.len() - carried);
    let results: Results = results.into_iter().chain(stacks).collect();
    let active = set_positions(&active).into_iter().map(|i| (i, b.ty(results[i]).clone())).collect();
    let operands = site.operands.to_vec();
    let counters = counted(&split.given, &counters, &results);
    Ok((results, ScanResiduals { length, order, split, ports, operands, saved, lists, counters, active }))
}

fn position(saved: &[usize], output: usize) -> usize {
    saved.iter().position(|&s| s == output).expect("lists are saved and never stacked")
}

/// What the node that saves gives.
struct Forward {
    /// The last state.
    results: Vec<Value>,
    /// Of all other outputs of the body, in their order.
    stacks: Vec<Value>,
    /// Lists with the rows of all runs, by the outputs of the body that they belong to.
    lists: Vec<(usize, Value)>,
}

/// The loop that saves.
fn forward(b: &mut Builder, site: &Site<'_>, split: &Split, ports: &Ports) -> Result<Forward, BuildError> {
    let carried = ports.carried;
    let types = split.forward.output_types();
    let lists: Vec<usize> =
        (carried..types.len()).filter(|&output| types[output].as_list().is_some()).collect();
    let op = site.node.op.with_counts(carried + lists.len(), ports.sliced);
    let op = op.expect("a loop over slices can carry more");
    let mut operands = site.operands[..carried].to_vec();
    for &output in &lists {
        operands.push(b.list_new(types[output].list())?);
    }
    operands.extend(&site.operands[carried..]);
    let body = match lists.is_empty() {
        true => split.forward.clone(),
        false => with_lists(b, &split.forward, carried, &lists)?,
    };
    let mut results = b.push_with_regions(op, &operands, vec![body])?.into_vec();
    let stacks = results.split_off(carried + lists.len());
    let rows = results.split_off(carried);
    Ok(Forward { results, stacks, lists: lists.into_iter().zip(rows).collect() })
}

/// The body with a list more for each of these outputs, behind the state, and the length of each in its place.
fn with_lists(b: &Builder, body: &Graph, carried: usize, lists: &[usize]) -> Result<Graph, BuildError> {
    let mut types = body.input_types();
    let of_lists: Vec<Type> = lists.iter().map(|&output| body.output_types()[output].clone()).collect();
    types.splice(carried..carried, of_lists);
    b.region(body.name(), &types, |b, inputs| {
        let (state, rest) = inputs.split_at(carried);
        let (rows, rest) = rest.split_at(lists.len());
        let mut outputs = b.inline(body, &[state, rest].concat())?;
        let mut all = Vec::new();
        for (&output, &rows) in lists.iter().zip(rows) {
            let (rows, length) = append(b, rows, outputs[output])?;
            outputs[output] = length;
            all.push(rows);
        }
        outputs.splice(carried..carried, all);
        Ok(outputs)
    })
}

/// Which inputs of the body take part in the way back, and how.
struct Roles {
    /// State that has cotangents.
    state: Vec<usize>,
    /// Slices that have cotangents.
    stacked: Vec<usize>,
    /// Slices that are needed again.
    slices: Vec<usize>,
    /// Invariants that are needed again.
    invariants: Vec<usize>,
}

impl ScanResiduals {
    fn roles(&self) -> Roles {
        let (split, first_invariant) = (&self.split, self.ports.first_invariant());
        let has = |inputs: std::ops::Range<usize>| -> Vec<usize> {
            inputs.filter(|&input| split.cotangents[input].is_some()).collect()
        };
        let given = split.given.iter().filter(|&&input| input >= self.ports.carried);
        let (slices, invariants) = given.partition(|&&input| input < first_invariant);
        Roles {
            state: self.active.iter().map(|&(i, _)| i).filter(|&i| i < self.ports.carried).collect(),
            stacked: has(self.ports.carried..first_invariant),
            slices,
            invariants,
        }
    }

    /// Cotangents of the operands, added to `sums`.
    pub(super) fn back(
        &self,
        b: &mut Builder,
        cotangents: &[Option<Value>],
        sums: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>, BuildError> {
        let roles = self.roles();
        let (state, stacks) = self.active.split_at(roles.state.len());
        let cotangent = |b: &mut Builder, (output, ty): &(usize, Type)| or_zeros(b, cotangents[*output], ty);
        let mut operands = state.iter().map(|of| cotangent(b, of)).collect::<Result<Vec<_>, _>>()?;
        for &invariant in &self.split.sums {
            let ty = b.ty(self.operands[invariant]).clone();
            operands.push(or_zeros(b, sums[invariant], &ty)?);
        }
        operands.extend(self.counters.iter().map(|counter| counter.last));
        operands.extend(self.lists.iter().map(|&(_, list)| list));
        let carried = operands.len();
        operands.extend(roles.slices.iter().map(|&slice| self.operands[slice]));
        operands.extend(&self.saved);
        for stack in stacks {
            operands.push(cotangent(b, stack)?);
        }
        let scanned = operands.len() - carried;
        operands.extend(roles.invariants.iter().map(|&invariant| self.operands[invariant]));
        let body = self.body(b, &roles, &operands, carried..carried + scanned)?;
        let found = b.push_with_regions(self.backward_op(carried, scanned), &operands, vec![body])?;
        let mut results = sums.to_vec();
        let (carried, stacked) = found.split_at(carried);
        for (&input, &value) in roles.state.iter().zip(carried).chain(roles.stacked.iter().zip(stacked)) {
            results[input] = b.add_derivatives(results[input], Some(value))?;
        }
        let of_sums = &carried[roles.state.len()..];
        self.split.sums.iter().zip(of_sums).for_each(|(&input, &sum)| results[input] = Some(sum));
        Ok(results)
    }

    /// The loop the other way round.
    fn backward_op(&self, carried: usize, scanned: usize) -> Op {
        let length = self.length;
        match self.order {
            Order::Any if carried == 0 => Map { mapped: scanned, length }.into(),
            Order::Any | Order::Forward => Scan { carried, scanned, length, reverse: true }.into(),
            Order::Backward => Scan { carried, scanned, length, reverse: false }.into(),
        }
    }

    /// The backward body: state, sums, counters and lists, slices, saved values and cotangents of slices of stacks, then invariants.
    fn body(
        &self,
        b: &Builder,
        roles: &Roles,
        operands: &[Value],
        sliced: std::ops::Range<usize>,
    ) -> Result<Graph, BuildError> {
        let ty = |(i, &v): (usize, &Value)| match b.ty(v) {
            Type::Tensor(ty) if sliced.contains(&i) => ty.with_shape(ty.shape.without(&[0])).into(),
            ty => ty.clone(),
        };
        let types: Vec<Type> = operands.iter().enumerate().map(ty).collect();
        let split = &self.split;
        b.region(split.backward.name(), &types, |b, inputs| {
            let (state, rest) = inputs.split_at(roles.state.len());
            let (sums, rest) = rest.split_at(split.sums.len());
            let (counters, rest) = rest.split_at(self.counters.len());
            let (lists, rest) = rest.split_at(self.lists.len());
            let (slices, rest) = rest.split_at(roles.slices.len());
            let (saved_and_stacks, invariants) = rest.split_at(rest.len() - roles.invariants.len());
            let (saved, stacks) = saved_and_stacks.split_at(self.saved.len());
            let (mut saved, mut left) = (saved.to_vec(), Vec::new());
            for (&(position, _), &rows) in self.lists.iter().zip(lists) {
                let (less, list) = split_off(b, rows, saved[position])?;
                saved[position] = list;
                left.push(less);
            }
            let undone = self.counters.iter().zip(counters).map(|(counter, &v)| counter.step.undone(b, v));
            let counters = undone.collect::<Result<Vec<Value>, _>>()?;
            let own = [&counters, slices, invariants, &saved, state, stacks, sums].concat();
            let found = b.inline(&split.backward, &own)?;
            let cotangent = |input: usize| split.cotangents[input].map(|output| found[output]);
            let mut outputs = Vec::new();
            for (&input, &entering) in roles.state.iter().zip(state) {
                let ty = b.ty(entering).clone();
                outputs.push(or_zeros(b, cotangent(input), &ty)?);
            }
            outputs.extend(split.sums.iter().filter_map(|&input| cotangent(input)));
            outputs.extend(counters);
            outputs.extend(left);
            outputs.extend(roles.stacked.iter().filter_map(|&input| cotangent(input)));
            Ok(outputs)
        })
    }
}
