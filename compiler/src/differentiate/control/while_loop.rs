//! Reverse mode through `while`: nobody knows how often it runs, so it counts its runs, and what they save goes onto pages or lists.
//!
//! The backward node runs as often as the forward one. It carries the cotangents of the state, sums of the cotangents of the invariants, and the
//! counters that it needs, which it undoes step by step. What a run has saved is kept in one of these ways:
//!
//! | runs, rows | forward | way back |
//! |---|---|---|
//! | few at most | one [page](Pages), which the loop carries | reads the page from its end |
//! | any number | a loop that fills a page, in a loop that puts pages onto lists | a loop over the rows of a page, in one that pops pages |
//! | large rows, lists | lists, which the loop carries | pops rows |
//!
//! A loop that fills or reads a page is native if the loop was; the work on lists is shared by the runs of a page. Example, of lists:
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
//!
//! On a page the state is `page, n`, the body of the first loop writes `s` at place `n`, and that of the second one, which counts its runs,
//! reads it there.

use tensorwright_ir::op::Results;
use tensorwright_ir::op::primitive::CompareFn;
use tensorwright_ir::{BuildError, Builder, Graph, Type, Value};

use super::keep::Shelf;
use super::pages::{self, Pages};
use super::trips::{Counter, counted, counters};
use super::{Fate, Request, Site, Split, Trips, or_zeros, set_positions};
use crate::differentiate::DifferentiateError;

/// Residuals of a `while`: what it keeps for the way back.
pub(in crate::differentiate) struct LoopResiduals {
    split: Split,
    carried: usize,
    operands: Vec<Value>,
    /// How each output of the forward part beyond the state is kept.
    keeping: Keeping,
    /// What was kept: pages or lists.
    kept: Vec<Value>,
    /// How often the loop ran.
    runs: Value,
    /// Counters that are needed again.
    counters: Vec<Counter>,
    /// Positions and types of the state that has cotangents.
    active: Vec<(usize, Type)>,
}

/// How a loop keeps what its runs save.
enum Keeping {
    Pages(Pages),
    Lists(Vec<Shelf>),
}

pub(super) fn record(
    b: &mut Builder,
    site: &Site<'_>,
) -> Result<(Results, LoopResiduals), DifferentiateError> {
    let (flow, node) = (site.flow(), site.node);
    let (ports, carried) = (flow.ports, flow.ports.carried);
    let wanted = flow.varied_inputs(site.varied);
    let active = flow.active_outputs(site.varied, site.active);
    let counters = counters(b.graph(), ports, site.operands, &node.regions);
    let fate = |input: usize| match () {
        () if input >= carried => Fate::Invariant,
        () if counters[input].is_some() => Fate::AtHand,
        () => Fate::Gone,
    };
    let fates: Vec<Fate> = (0..wanted.len()).map(fate).collect();
    let summed: Vec<bool> = (0..wanted.len()).map(|input| input >= carried).collect();
    let trips = Trips::of(b.graph(), ports, site.operands, &node.regions);
    let runs = trips.at_most().unwrap_or(pages::ROWS);
    let request = Request {
        wanted: &wanted,
        active: &active,
        fates: &fates,
        runs,
        summed: &summed,
        kept_outputs: carried,
    };
    let split = Split::of(&node.regions[1], &request)?;
    let forward = Forward { condition: &node.regions[0], body: &split.forward, carried };
    let (keeping, mut results) = forward.append(b, site.operands, trips)?;
    let runs = results.remove(results.len() - 1);
    let kept = results.drain(carried..).collect();
    let active = set_positions(&active).into_iter().map(|i| (i, b.ty(results[i]).clone())).collect();
    let operands = site.operands.to_vec();
    let counters = counted(&split.given, &counters, &results);
    Ok((results, LoopResiduals { split, carried, operands, keeping, kept, runs, counters, active }))
}

/// The loop that saves.
struct Forward<'a> {
    condition: &'a Graph,
    /// Gives the state, then what is to be kept.
    body: &'a Graph,
    carried: usize,
}

impl Forward<'_> {
    /// Results are the state, what was kept, and how often the loop ran.
    fn append(
        &self,
        b: &mut Builder,
        operands: &[Value],
        trips: Trips,
    ) -> Result<(Keeping, Results), BuildError> {
        let rows = &self.body.output_types()[self.carried..];
        let (state, invariants) = operands.split_at(self.carried);
        match Pages::of(rows, trips) {
            Some(pages) if pages.are_sole => {
                let results = self.fill(b, &pages, state, invariants)?;
                Ok((Keeping::Pages(pages), results))
            }
            Some(pages) => {
                let results = self.by_pages(b, &pages, state, invariants)?;
                Ok((Keeping::Pages(pages), results))
            }
            None => {
                let shelves: Vec<Shelf> = rows.iter().map(Shelf::of).collect();
                let results = self.by_lists(b, &shelves, state, invariants)?;
                Ok((Keeping::Lists(shelves), results))
            }
        }
    }

    /// Whether the loop goes on from a state.
    fn goes_on(&self, b: &mut Builder, state: &[Value], invariants: &[Value]) -> Result<Value, BuildError> {
        Ok(b.inline(self.condition, &[state, invariants].concat())?[0])
    }

    /// Fills a page: runs until the loop is over or the page full.
    fn fill(
        &self,
        b: &mut Builder,
        pages: &Pages,
        state: &[Value],
        invariants: &[Value],
    ) -> Result<Results, BuildError> {
        let (carried, count) = (self.carried, self.carried + pages.len());
        let state = [state, &pages.blank(b)?, &[b.scalar(0i64)]].concat();
        b.while_loop(
            &state,
            invariants,
            |b, x| {
                let goes_on = self.goes_on(b, &x[..carried], &x[count + 1..])?;
                if pages.are_sole {
                    return Ok(goes_on);
                }
                let capacity = b.scalar(pages.capacity as i64);
                let fits = b.lt(x[count], capacity)?;
                b.and(fits, goes_on)
            },
            |b, x| {
                let mut outputs = b.inline(self.body, &[&x[..carried], &x[count + 1..]].concat())?;
                let rows = outputs.split_off(carried);
                outputs.extend(pages.write(b, &x[carried..count], x[count], &rows)?);
                outputs.push(shifted(b, x[count], 1)?);
                Ok(outputs)
            },
        )
    }

    /// Fills page after page, and puts them onto lists.
    fn by_pages(
        &self,
        b: &mut Builder,
        pages: &Pages,
        state: &[Value],
        invariants: &[Value],
    ) -> Result<Results, BuildError> {
        let (carried, count) = (self.carried, self.carried + pages.len());
        let state = [state, &pages.lists(b)?, &[b.scalar(0i64)]].concat();
        b.while_loop(
            &state,
            invariants,
            |b, x| self.goes_on(b, &x[..carried], &x[count + 1..]),
            |b, x| {
                let mut outputs = self.fill(b, pages, &x[..carried], &x[count + 1..])?.into_vec();
                for (page, &list) in outputs[carried..count].iter_mut().zip(&x[carried..]) {
                    *page = b.list_push(list, *page)?;
                }
                outputs[count] = b.add(x[count], outputs[count])?;
                Ok(outputs)
            },
        )
    }

    /// Puts each row onto a list.
    fn by_lists(
        &self,
        b: &mut Builder,
        shelves: &[Shelf],
        state: &[Value],
        invariants: &[Value],
    ) -> Result<Results, BuildError> {
        let carried = self.carried;
        let mut state = state.to_vec();
        for shelf in shelves {
            state.extend(shelf.empty(b)?);
        }
        let count = state.len();
        state.push(b.scalar(0i64));
        b.while_loop(
            &state,
            invariants,
            |b, x| self.goes_on(b, &x[..carried], &x[count + 1..]),
            |b, x| {
                let mut outputs = b.inline(self.body, &[&x[..carried], &x[count + 1..]].concat())?;
                let mut at = carried;
                for (shelf, value) in shelves.iter().zip(outputs.split_off(carried)) {
                    outputs.extend(shelf.put(b, &x[at..at + shelf.width()], value)?);
                    at += shelf.width();
                }
                outputs.push(shifted(b, x[count], 1)?);
                Ok(outputs)
            },
        )
    }
}

fn shifted(b: &mut Builder, count: Value, by: i64) -> Result<Value, BuildError> {
    let by = b.scalar(by);
    b.add(count, by)
}

fn is_positive(b: &mut Builder, count: Value) -> Result<Value, BuildError> {
    let zero = b.scalar(0i64);
    b.push_one(CompareFn::Gt, &[count, zero])
}

impl LoopResiduals {
    /// Cotangents of the operands, added to `sums`.
    pub(super) fn back(
        &self,
        b: &mut Builder,
        cotangents: &[Option<Value>],
        sums: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>, BuildError> {
        let mut state = Vec::new();
        for (output, ty) in &self.active {
            state.push(or_zeros(b, cotangents[*output], ty)?);
        }
        for &invariant in &self.split.sums {
            let ty = b.ty(self.operands[invariant]).clone();
            state.push(or_zeros(b, sums[invariant], &ty)?);
        }
        state.extend(self.counters.iter().map(|counter| counter.last));
        let given = self.split.given.iter().filter(|&&input| input >= self.carried);
        let invariants: Vec<Value> = given.map(|&input| self.operands[input]).collect();
        let found = match &self.keeping {
            Keeping::Pages(pages) if pages.are_sole => {
                self.unread(b, pages, &self.kept, self.runs, &state, &invariants)?
            }
            Keeping::Pages(pages) => self.by_pages(b, pages, &state, &invariants)?,
            Keeping::Lists(shelves) => self.by_lists(b, shelves, &state, &invariants)?,
        };
        let mut results = sums.to_vec();
        for (&(input, _), &cotangent) in self.active.iter().zip(&found) {
            results[input] = b.add_derivatives(results[input], Some(cotangent))?;
        }
        let of_sums = &found[self.active.len()..];
        self.split.sums.iter().zip(of_sums).for_each(|(&input, &sum)| results[input] = Some(sum));
        Ok(results)
    }

    /// Goes back through the `runs` runs whose rows are on a page, the last one first.
    fn unread(
        &self,
        b: &mut Builder,
        pages: &Pages,
        kept: &[Value],
        runs: Value,
        state: &[Value],
        invariants: &[Value],
    ) -> Result<Results, BuildError> {
        let done = state.len();
        let state = [state, &[b.scalar(0i64)]].concat();
        let fixed = [&[runs], kept, invariants].concat();
        b.while_loop(
            &state,
            &fixed,
            |b, x| {
                // Whoever differentiates this loop sees how often it runs at most.
                let capacity = b.scalar(pages.capacity as i64);
                let runs = b.minimum(x[done + 1], capacity)?;
                b.lt(x[done], runs)
            },
            |b, x| {
                let (pages_of_runs, invariants) = x[done + 2..].split_at(pages.len());
                let left = b.sub(x[done + 1], x[done])?;
                let run = shifted(b, left, -1)?;
                let rows = pages.read(b, pages_of_runs, run)?;
                let mut outputs = self.run_back(b, &rows, &x[..done], invariants)?;
                outputs.push(shifted(b, x[done], 1)?);
                Ok(outputs)
            },
        )
    }

    /// Takes page after page off the lists.
    fn by_pages(
        &self,
        b: &mut Builder,
        pages: &Pages,
        state: &[Value],
        invariants: &[Value],
    ) -> Result<Results, BuildError> {
        let (own, left) = (state.len(), state.len() + pages.len());
        let state = [state, &self.kept, &[self.runs]].concat();
        b.while_loop(
            &state,
            invariants,
            |b, x| is_positive(b, x[left]),
            |b, x| {
                let (mut lists, mut kept) = (Vec::new(), Vec::new());
                for &list in &x[own..left] {
                    let (rest, page) = b.list_pop(list)?;
                    lists.push(rest);
                    kept.push(page);
                }
                // All pages but the last one are full.
                let capacity = b.scalar(pages.capacity as i64);
                let before = shifted(b, x[left], -1)?;
                let before = b.rem(before, capacity)?;
                let runs = shifted(b, before, 1)?;
                let mut outputs = self.unread(b, pages, &kept, runs, &x[..own], &x[left + 1..])?.into_vec();
                outputs.truncate(own);
                outputs.extend(lists);
                outputs.push(b.sub(x[left], runs)?);
                Ok(outputs)
            },
        )
    }

    /// Takes row after row off the lists.
    fn by_lists(
        &self,
        b: &mut Builder,
        shelves: &[Shelf],
        state: &[Value],
        invariants: &[Value],
    ) -> Result<Results, BuildError> {
        let (own, left) = (state.len(), state.len() + self.kept.len());
        let state = [state, &self.kept, &[self.runs]].concat();
        b.while_loop(
            &state,
            invariants,
            |b, x| is_positive(b, x[left]),
            |b, x| {
                let (mut lists, mut rows, mut at) = (Vec::new(), Vec::new(), own);
                for shelf in shelves {
                    let (rest, row) = shelf.take(b, &x[at..at + shelf.width()])?;
                    lists.extend(rest);
                    rows.push(row);
                    at += shelf.width();
                }
                let mut outputs = self.run_back(b, &rows, &x[..own], &x[left + 1..])?;
                outputs.extend(lists);
                outputs.push(shifted(b, x[left], -1)?);
                Ok(outputs)
            },
        )
    }

    /// One run back: from what it kept, and from cotangents of the state, sums and counters to those before the run.
    fn run_back(
        &self,
        b: &mut Builder,
        rows: &[Value],
        state: &[Value],
        invariants: &[Value],
    ) -> Result<Vec<Value>, BuildError> {
        let (cotangents, rest) = state.split_at(self.active.len());
        let (sums, counters) = rest.split_at(self.split.sums.len());
        let undone = self.counters.iter().zip(counters).map(|(counter, &v)| counter.step.undone(b, v));
        let counters = undone.collect::<Result<Vec<Value>, _>>()?;
        let saved: Vec<Value> = self.split.saved.iter().map(|&output| rows[output - self.carried]).collect();
        let inputs = [&counters, invariants, &saved, cotangents, sums].concat();
        let found = b.inline(&self.split.backward, &inputs)?;
        let cotangent = |input: usize| self.split.cotangents[input].map(|output| found[output]);
        let mut outputs = Vec::new();
        for (input, ty) in &self.active {
            outputs.push(or_zeros(b, cotangent(*input), ty)?);
        }
        outputs.extend(self.split.sums.iter().filter_map(|&input| cotangent(input)));
        outputs.extend(counters);
        Ok(outputs)
    }
}
