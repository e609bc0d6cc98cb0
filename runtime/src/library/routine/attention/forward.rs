//! The way forward: a tile is a strip of queries.

use std::marker::PhantomData;
use std::ops::Range;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::TensorType;
use tensorwright_ir::op::primitive::{Attend, Unseen};

use super::Real;
use super::passes::{Exponentials, Weights, joined, run};
use super::plan::Plan;
use super::product::{Right, product};
use super::strip::{Buffers, Scratch, Strip, rows};
use crate::library::matmul::{Block, Repeat};
use crate::library::routine::{Memory, Phase, RoutineKernel};

#[derive(Debug)]
pub(super) struct Forward<T, const W: usize> {
    plan: Plan,
    of: PhantomData<fn() -> T>,
}

/// Scratch memory of a strip.
struct Room<T, const W: usize> {
    buffers: Buffers<T, W>,
    panel: *mut T,
    /// Scores of all keys that are seen.
    strip: *mut [T; W],
}

impl<T: Real, const W: usize> Forward<T, W> {
    pub(super) fn new(op: &Attend, operands: &[TensorType]) -> Option<Self> {
        Some(Self { plan: Plan::new(op, operands)?, of: PhantomData })
    }

    fn strips(&self) -> usize {
        self.plan.extents.queries.div_ceil(W)
    }

    fn room(&self, base: *mut u8) -> (Room<T, W>, usize) {
        let mut scratch = Scratch::new(base);
        let room = Room {
            buffers: Buffers::new(&self.plan, &mut scratch),
            panel: scratch.take(self.plan.extents.width * W),
            strip: scratch.take(self.plan.most_seen(W)),
        };
        (room, scratch.bytes())
    }

    /// # Safety
    /// As of [`RoutineKernel::run`], for one tile.
    unsafe fn strip(&self, tile: usize, memory: &Memory<'_>, room: &Room<T, W>) {
        let (head, first) = (tile / self.strips(), tile % self.strips() * W);
        let extents = &self.plan.extents;
        let row = head * extents.queries + first;
        // SAFETY: the strip is of the op's queries, and these are its results.
        unsafe {
            let strip = Strip::<T, W>::new(&self.plan, memory, head, first);
            let out = memory.outputs[0].cast::<T>().add(row * extents.values);
            let logs = memory.outputs[1].cast::<T>().add(row);
            if strip.seen.is_empty() {
                rows(out, strip.count * extents.values).fill(T::ZERO);
                rows(logs, strip.count).fill(T::NEG_INFINITY);
                return;
            }
            strip.pack_rows(strip.query_row(0, extents.width), extents.width, room.panel);
            let divisor = self.exponentials(&strip, room, logs);
            for (number, keys) in strip.blocks().enumerate() {
                run(Weights {
                    rows: rows(room.at(&strip, &keys), keys.len()),
                    divisor: &divisor,
                    dropped: strip.dropped(&keys, &room.buffers),
                });
                self.mix(&strip, &keys, room, out, number > 0);
            }
        }
    }

    /// Puts exponentials of all scores in the strip and the logarithms of their sums in the result, and gives what they are to be divided by.
    ///
    /// # Safety
    /// As of [`Self::strip`], with the queries packed.
    unsafe fn exponentials(&self, strip: &Strip<'_, T, W>, room: &Room<T, W>, logs: *mut T) -> [T; W] {
        let mut max = [T::NEG_INFINITY; W];
        for keys in strip.blocks() {
            // SAFETY: the strip has room for all keys that are seen.
            unsafe { strip.scores(&keys, room.panel, room.at(strip, &keys), &room.buffers, &mut max) };
        }
        let unseen = max.map(|max| self.plan.op.unseen == Unseen::Zero && max == T::NEG_INFINITY);
        let from: [T; W] = std::array::from_fn(|lane| if unseen[lane] { T::ZERO } else { max[lane] });
        let mut lanes = [[T::ZERO; W]; MOST_LANES];
        let sums = &mut lanes[..T::FOLD_LANES];
        for keys in strip.blocks() {
            // SAFETY: the scores have been written.
            let rows = unsafe { rows(room.at(strip, &keys), keys.len()) };
            run(Exponentials { rows, first_key: keys.start, max: &from, sums });
        }
        let sums = joined(sums);
        for lane in 0..strip.count {
            // SAFETY: there is a logarithm for each query.
            unsafe { *logs.add(lane) = max[lane] + sums[lane].log() };
        }
        std::array::from_fn(|lane| if unseen[lane] { T::ONE } else { sums[lane] })
    }

    /// Adds values times weights.
    ///
    /// # Safety
    /// As of [`Self::strip`], with the weights of the keys in the strip.
    unsafe fn mix(
        &self,
        strip: &Strip<'_, T, W>,
        keys: &Range<usize>,
        room: &Room<T, W>,
        out: *mut T,
        adds: bool,
    ) {
        let values = self.plan.extents.values;
        let block = Block {
            depth: keys.len(),
            a: room.at(strip, keys).cast::<T>().cast_const(),
            a_row: 1,
            a_depth: W as isize,
            a_terms: &[],
            b: strip.key_row(2, keys.start, values),
            b_step: values as isize,
            out,
            out_row: values as isize,
            adds,
            repeat: Repeat::ONCE,
        };
        // SAFETY: the caller's promise.
        unsafe { product(&block, strip.count, values, Right::InPlace { spill: room.buffers.spill }) };
    }
}

/// The most lanes of a fold.
const MOST_LANES: usize = 16;

impl<T, const W: usize> Room<T, W> {
    /// Where the scores of some keys are.
    fn at(&self, strip: &Strip<'_, T, W>, keys: &Range<usize>) -> *mut [T; W] {
        self.strip.wrapping_add(keys.start - strip.seen.start)
    }
}

impl<T: Real, const W: usize> RoutineKernel for Forward<T, W> {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        let extents = &self.plan.extents;
        let tile_ns = self.plan.query_ns(extents.width + extents.values) * W as u64;
        smallvec![Phase { tiles: (self.plan.heads() * self.strips()) as u64, tile_ns }]
    }

    fn scratch_bytes(&self) -> usize {
        self.room(std::ptr::null_mut()).1
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, scratch: *mut u8) {
        let (room, _) = self.room(scratch);
        for tile in tiles {
            // SAFETY: the caller's promise.
            unsafe { self.strip(tile as usize, memory, &room) };
        }
    }
}
