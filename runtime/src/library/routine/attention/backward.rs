//! The way back: a tile is all queries that share a head of keys, strip by strip, so that what keys and values get is added up in one order.

use std::marker::PhantomData;
use std::ops::Range;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::TensorType;
use tensorwright_ir::op::primitive::{AttendBack, ScoreCotangent, Unseen};

use super::Real;
use super::passes::{Back, Through, run};
use super::plan::Plan;
use super::product::{Right, product};
use super::strip::{Buffers, KEYS, Scratch, Strip, rows};
use crate::library::matmul::{Block, Repeat};
use crate::library::routine::{Memory, Phase, RoutineKernel};

#[derive(Debug)]
pub(super) struct Backward<T, const W: usize> {
    plan: Plan,
    /// The operand behind those of the op.
    behind: usize,
    scores: ScoreCotangent,
    of: PhantomData<fn() -> T>,
}

/// Scratch memory of a strip.
struct Room<T, const W: usize> {
    buffers: Buffers<T, W>,
    /// Queries, and cotangents of results, as columns.
    queries: *mut T,
    cotangents: *mut T,
    /// Scores of a block of keys, then weights.
    weights: *mut [T; W],
    /// Cotangents of the weights of a block of keys, then of its products.
    back: *mut [T; W],
}

/// A strip on its way back.
struct Work<'a, T, const W: usize> {
    strip: Strip<'a, T, W>,
    logs: [T; W],
    sums: [T; W],
    /// Rows of the queries and of the results' cotangents.
    queries: *const T,
    cotangents: *const T,
}

impl<T: Real, const W: usize> Backward<T, W> {
    pub(super) fn new(op: &AttendBack, operands: &[TensorType]) -> Option<Self> {
        let behind = operands.len().checked_sub(3)?;
        let plan = Plan::new(&op.forward(), &operands[..behind])?;
        Some(Self { plan, behind, scores: op.scores, of: PhantomData })
    }

    fn room(&self, base: *mut u8) -> (Room<T, W>, usize) {
        let mut scratch = Scratch::new(base);
        let room = Room {
            buffers: Buffers::new(&self.plan, &mut scratch),
            queries: scratch.take(self.plan.extents.width * W),
            cotangents: scratch.take(self.plan.extents.values * W),
            weights: scratch.take(KEYS),
            back: scratch.take(KEYS),
        };
        (room, scratch.bytes())
    }

    /// # Safety
    /// As of [`RoutineKernel::run`], for one tile.
    unsafe fn group(&self, group: usize, memory: &Memory<'_>, room: &Room<T, W>) {
        let extents = &self.plan.extents;
        for (result, width) in [(1, extents.width), (2, extents.values)] {
            // SAFETY: what keys and values of the group get is this tile's.
            unsafe { rows(self.of_group(memory, result, group, width), extents.keys * width).fill(T::ZERO) };
        }
        let shared = extents.shared();
        for head in group * shared..(group + 1) * shared {
            for first in (0..extents.queries).step_by(W) {
                // SAFETY: the strip is of the op's queries, and of this group.
                unsafe { self.strip(head, first, memory, room) };
            }
        }
    }

    /// What the keys or values of a group get.
    fn of_group(&self, memory: &Memory<'_>, result: usize, group: usize, width: usize) -> *mut T {
        memory.outputs[result].cast::<T>().wrapping_add(group * self.plan.extents.keys * width)
    }

    /// # Safety
    /// As of [`Self::group`].
    unsafe fn strip(&self, head: usize, first: usize, memory: &Memory<'_>, room: &Room<T, W>) {
        let extents = &self.plan.extents;
        // SAFETY: the strip is of the op's queries, and these are its operands and results.
        unsafe {
            let work = self.work(head, first, memory);
            let strip = &work.strip;
            let row = head * extents.queries + first;
            let by_query = memory.outputs[0].cast::<T>().add(row * extents.width);
            let by_score = (self.scores == ScoreCotangent::Kept)
                .then(|| memory.outputs[3].cast::<T>().wrapping_add(row * extents.keys));
            rows(by_query, strip.count * extents.width).fill(T::ZERO);
            if let Some(by_score) = by_score {
                rows(by_score, strip.count * extents.keys).fill(T::ZERO);
            }
            strip.pack_rows(work.queries, extents.width, room.queries);
            strip.pack_rows(work.cotangents, extents.values, room.cotangents);
            for keys in strip.blocks() {
                self.cotangents_of_scores(&work, &keys, room);
                if let Some(by_score) = by_score {
                    self.keep(&work, &keys, room, by_score);
                }
                let is_bent = work.strip.scoring.cap != T::ZERO;
                run(Through {
                    rows: rows(room.back, keys.len()),
                    scoring: &work.strip.scoring,
                    bent: is_bent.then(|| &*rows(room.buffers.bent, keys.len())),
                });
                self.add_products(&work, &keys, memory, room, by_query);
            }
        }
    }

    /// # Safety
    /// As of [`Self::strip`].
    unsafe fn work<'a>(&'a self, head: usize, first: usize, memory: &Memory<'a>) -> Work<'a, T, W> {
        let extents = &self.plan.extents;
        // SAFETY: the caller's promise.
        let strip = unsafe { Strip::<T, W>::new(&self.plan, memory, head, first) };
        let per_query = |operand: usize| -> [T; W] {
            let from = strip.query_row(operand, 1);
            // SAFETY: the operand has a number for each query.
            std::array::from_fn(|lane| unsafe { *from.add(lane.min(strip.count - 1)) })
        };
        let is_unseen = |log: T| self.plan.op.unseen == Unseen::Zero && log == T::NEG_INFINITY;
        let logs = per_query(self.behind).map(|log| if is_unseen(log) { T::ZERO } else { log });
        let sums = per_query(self.behind + 1);
        let queries = strip.query_row(0, extents.width);
        let cotangents = strip.query_row(self.behind + 2, extents.values);
        Work { strip, logs, sums, queries, cotangents }
    }

    /// Puts the weights of a block of keys, and the cotangents of its scores, in their places.
    ///
    /// # Safety
    /// As of [`Self::strip`], with queries and cotangents packed.
    unsafe fn cotangents_of_scores(&self, work: &Work<'_, T, W>, keys: &Range<usize>, room: &Room<T, W>) {
        let Work { strip, logs, sums, .. } = work;
        let mut max = [T::ZERO; W];
        // SAFETY: the caller's promise.
        unsafe {
            strip.scores(keys, room.queries, room.weights, &room.buffers, &mut max);
            strip.products(2, self.plan.extents.values, keys, room.cotangents, room.back);
            run(Back {
                rows: rows(room.weights, keys.len()),
                back: rows(room.back, keys.len()),
                scoring: &strip.scoring,
                beside: strip.beside(keys, &room.buffers),
                dropped: strip.dropped(keys, &room.buffers),
                logs,
                sums,
            });
        }
    }

    /// Writes the cotangents of scores down.
    ///
    /// # Safety
    /// As of [`Self::strip`]; the result is of the strip's queries.
    unsafe fn keep(&self, work: &Work<'_, T, W>, keys: &Range<usize>, room: &Room<T, W>, to: *mut T) {
        // SAFETY: the caller's promise.
        unsafe {
            for (key, row) in keys.clone().zip(&*rows(room.back, keys.len())) {
                for (query, &number) in row.iter().enumerate().take(work.strip.count) {
                    *to.add(query * self.plan.extents.keys + key) = number;
                }
            }
        }
    }

    /// Adds what queries, keys and values get.
    ///
    /// # Safety
    /// As of [`Self::strip`], with the cotangents of products in their place.
    unsafe fn add_products(
        &self,
        work: &Work<'_, T, W>,
        keys: &Range<usize>,
        memory: &Memory<'_>,
        room: &Room<T, W>,
        by_query: *mut T,
    ) {
        let strip = &work.strip;
        let (width, values) = (self.plan.extents.width, self.plan.extents.values);
        let group = self.plan.group(strip.head);
        let right = Right::InPlace { spill: room.buffers.spill };
        let to = |result: usize, width: usize| {
            self.of_group(memory, result, group, width).wrapping_add(keys.start * width)
        };
        let by_key = |a: *mut [T; W], b: *const T, width: usize, out: *mut T| Block {
            depth: strip.count,
            a: a.cast::<T>().cast_const(),
            a_row: W as isize,
            a_depth: 1,
            a_terms: &[],
            b,
            b_step: width as isize,
            out,
            out_row: width as isize,
            adds: true,
            repeat: Repeat::ONCE,
        };
        let query = Block {
            depth: keys.len(),
            a: room.back.cast::<T>().cast_const(),
            a_row: 1,
            a_depth: W as isize,
            a_terms: &[],
            b: strip.key_row(1, keys.start, width),
            b_step: width as isize,
            out: by_query,
            out_row: width as isize,
            adds: true,
            repeat: Repeat::ONCE,
        };
        // SAFETY: the caller's promise.
        unsafe {
            product(&by_key(room.weights, work.cotangents, values, to(2, values)), keys.len(), values, right);
            product(&by_key(room.back, work.queries, width, to(1, width)), keys.len(), width, right);
            product(&query, strip.count, width, right);
        }
    }
}

impl<T: Real, const W: usize> RoutineKernel for Backward<T, W> {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        let extents = &self.plan.extents;
        let queries = (extents.shared() * extents.queries) as u64;
        let tile_ns = self.plan.query_ns(3 * extents.width + 2 * extents.values).saturating_mul(queries);
        smallvec![Phase { tiles: self.plan.groups() as u64, tile_ns }]
    }

    fn scratch_bytes(&self) -> usize {
        self.room(std::ptr::null_mut()).1
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, scratch: *mut u8) {
        let (room, _) = self.room(scratch);
        for tile in tiles {
            // SAFETY: the caller's promise.
            unsafe { self.group(tile as usize, memory, &room) };
        }
    }
}
