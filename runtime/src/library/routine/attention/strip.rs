//! A strip of queries: its memory, and the scores of a block of keys.

use std::marker::PhantomData;
use std::ops::Range;

use tensorwright_ir::op::primitive::Unseen;

use super::Real;
use super::passes::{Beside, Dropped, Finish, Scoring, run};
use super::plan::Plan;
use super::product::{Right, pack, product};
use crate::library::matmul::{Block, DEPTH, Element, Packs, Panels, Repeat};
use crate::library::routine::Memory;
use crate::library::routine::random::philox_words;

/// Keys whose scores are computed together: the terms of a product's block.
pub(super) const KEYS: usize = DEPTH;

/// Scratch memory, handed out piece by piece; without memory it adds up how much is needed.
pub(super) struct Scratch {
    base: *mut u8,
    used: usize,
}

impl Scratch {
    pub(super) fn new(base: *mut u8) -> Scratch {
        Scratch { base, used: 0 }
    }

    /// Memory for so many values.
    pub(super) fn take<U>(&mut self, count: usize) -> *mut U {
        let at = self.base.wrapping_add(self.used);
        self.used += (count * size_of::<U>()).next_multiple_of(64);
        at.cast()
    }

    pub(super) fn bytes(&self) -> usize {
        self.used
    }
}

/// What is beside the scores of a block of keys, in scratch.
pub(super) struct Buffers<T, const W: usize> {
    bias: *mut [T; W],
    mask: *mut [i32; W],
    words: *mut [u32; W],
    pub(super) bent: *mut [T; W],
    /// Columns that fill no register block.
    pub(super) spill: *mut T,
}

impl<T: Real, const W: usize> Buffers<T, W> {
    pub(super) fn new(plan: &Plan, scratch: &mut Scratch) -> Self {
        let rows = |is_there: bool| if is_there { KEYS } else { 0 };
        Self {
            bias: scratch.take(rows(plan.bias.is_some())),
            mask: scratch.take(rows(plan.mask.is_some())),
            words: scratch.take(rows(plan.extents.key.is_some())),
            bent: scratch.take(rows(plan.op.soft_cap.to_f64() != 0.0)),
            spill: scratch.take(DEPTH * W),
        }
    }
}

/// Some queries of a head.
pub(super) struct Strip<'a, T, const W: usize> {
    plan: &'a Plan,
    inputs: &'a [*const u8],
    /// Its head among those of all batch entries.
    pub(super) head: usize,
    pub(super) first: usize,
    pub(super) count: usize,
    /// Keys that some of its queries see.
    pub(super) seen: Range<usize>,
    /// Keys that all of them see.
    by_all: Range<usize>,
    pub(super) scoring: Scoring<T, W>,
    of: PhantomData<T>,
}

impl<'a, T: Real, const W: usize> Strip<'a, T, W> {
    /// # Safety
    /// The operands are those of the plan's op, and the strip is one of its queries.
    pub(super) unsafe fn new(plan: &'a Plan, memory: &Memory<'a>, head: usize, first: usize) -> Self {
        let (op, extents) = (&plan.op, &plan.extents);
        let count = W.min(extents.queries - first);
        let of = |query: usize| op.seen(query..query + 1, extents.keys);
        let lanes: [usize; W] = std::array::from_fn(|lane| first + lane.min(count - 1));
        let windows = lanes.map(of);
        let slope = plan.slopes.as_ref().map(|slopes| {
            // SAFETY: there is a slope for each head.
            unsafe { *memory.inputs[slopes.operand].cast::<T>().add(slopes.at(head, 0, 0)) }
        });
        let scoring = Scoring {
            scale: T::of(op.scale.to_f64()),
            divisor: T::of(op.divisor.to_f64()),
            cap: T::of(op.soft_cap.to_f64()),
            fill: T::of(op.fill.to_f64()),
            slope,
            places: lanes.map(|query| T::of((op.offset + query as i64) as f64)),
            first: std::array::from_fn(|lane| windows[lane].start as i64),
            end: std::array::from_fn(|lane| windows[lane].end as i64),
        };
        // NaN is what the weights of all keys are, of which some may be dropped.
        let is_nan = op.unseen == Unseen::Nan && windows.iter().any(Range::is_empty);
        Strip {
            plan,
            inputs: memory.inputs,
            head,
            first,
            count,
            seen: if is_nan { 0..extents.keys } else { windows[0].start..windows[W - 1].end },
            by_all: windows[W - 1].start..windows[0].end,
            scoring,
            of: PhantomData,
        }
    }

    /// An operand from an element on.
    fn operand(&self, operand: usize, element: usize) -> *const T {
        self.inputs[operand].cast::<T>().wrapping_add(element)
    }

    /// A row of an operand that has one for each query, of that many numbers.
    pub(super) fn query_row(&self, operand: usize, width: usize) -> *const T {
        self.operand(operand, (self.head * self.plan.extents.queries + self.first) * width)
    }

    /// A row of the keys or values, of that many numbers.
    pub(super) fn key_row(&self, operand: usize, key: usize, width: usize) -> *const T {
        let row = self.plan.group(self.head) * self.plan.extents.keys + key;
        self.operand(operand, row * width)
    }

    /// Blocks of keys that some query sees; each ends at a multiple of [`KEYS`] or with the last one.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<T, W> {
        let seen = self.seen.clone();
        let first = seen.start / KEYS;
        (first..seen.end.div_ceil(KEYS).max(first))
            .map(move |block| seen.start.max(block * KEYS)..seen.end.min((block + 1) * KEYS))
    }

    /// Packs a row of numbers for each query, as columns.
    ///
    /// # Safety
    /// The rows are there, and the panel has room for `width` rows of the strip.
    pub(super) unsafe fn pack_rows(&self, rows: *const T, width: usize, panel: *mut T) {
        let panels = Panels {
            from: rows.cast(),
            lane_stride: width as isize,
            depth_stride: 1,
            lanes: self.count,
            depth: width,
            width: W,
        };
        // SAFETY: the caller's promise.
        unsafe { pack(&panels, panel) };
    }

    /// Products of keys, or values, with a packed row of each query.
    ///
    /// # Safety
    /// The operand is that of keys or of values, of that many numbers each; `out` has a row for each key.
    pub(super) unsafe fn products(
        &self,
        operand: usize,
        width: usize,
        keys: &Range<usize>,
        panel: *const T,
        out: *mut [T; W],
    ) {
        let block = Block {
            depth: width,
            a: self.key_row(operand, keys.start, width),
            a_row: width as isize,
            a_depth: 1,
            a_terms: &[],
            b: panel,
            b_step: W as isize,
            out: out.cast(),
            out_row: W as isize,
            adds: false,
            repeat: Repeat::ONCE,
        };
        // SAFETY: the caller's promise.
        unsafe {
            if width == 0 {
                rows(out, keys.len()).fill([T::ZERO; W]);
            }
            product(&block, keys.len(), W, Right::Panel);
        }
    }

    /// What is beside the scores of a block of keys.
    ///
    /// # Safety
    /// The keys are of the op, at most [`KEYS`].
    pub(super) unsafe fn beside<'b>(
        &self,
        keys: &Range<usize>,
        buffers: &'b Buffers<T, W>,
    ) -> Beside<'b, T, W> {
        let panels = |from: *const u8, query: usize, key: usize| Panels {
            from,
            lane_stride: query as isize,
            depth_stride: key as isize,
            lanes: self.count,
            depth: keys.len(),
            width: W,
        };
        let bias = self.plan.bias.as_ref().map(|bias| {
            let from = self.operand(bias.operand, bias.at(self.head, self.first, keys.start));
            // SAFETY: the operand has a number for each query and key; there is room for the keys.
            unsafe {
                pack(&panels(from.cast(), bias.query, bias.key), buffers.bias.cast::<T>());
                &*rows(buffers.bias, keys.len())
            }
        });
        let mask = self.plan.mask.as_ref().map(|mask| {
            let from = self.inputs[mask.operand].wrapping_add(mask.at(self.head, self.first, keys.start));
            let pack = i32::pack(Element::U8).expect("bytes become integers");
            // SAFETY: as above, with a byte for each query and key.
            unsafe {
                pack(&panels(from, mask.query, mask.key), buffers.mask.cast());
                &*rows(buffers.mask, keys.len())
            }
        });
        let is_windowed = keys.start < self.by_all.start || keys.end > self.by_all.end;
        Beside { first_key: keys.start, bias, mask, is_windowed }
    }

    /// Scores of a block of keys, and the greatest of them.
    ///
    /// # Safety
    /// As of [`Self::products`] and [`Self::beside`], with the queries packed.
    pub(super) unsafe fn scores(
        &self,
        keys: &Range<usize>,
        panel: *const T,
        out: *mut [T; W],
        buffers: &Buffers<T, W>,
        max: &mut [T; W],
    ) {
        let is_bent = self.scoring.cap != T::ZERO;
        // SAFETY: the caller's promise.
        unsafe {
            self.products(1, self.plan.extents.width, keys, panel, out);
            run(Finish {
                rows: rows(out, keys.len()),
                scoring: &self.scoring,
                beside: self.beside(keys, buffers),
                bent: is_bent.then(|| rows(buffers.bent, keys.len())),
                max,
            });
        }
    }

    /// Which weights of a block of keys are dropped, if any may be.
    ///
    /// # Safety
    /// As of [`Self::beside`].
    pub(super) unsafe fn dropped<'b>(
        &self,
        keys: &Range<usize>,
        buffers: &'b Buffers<T, W>,
    ) -> Option<Dropped<'b, T, W>> {
        let extents = &self.plan.extents;
        let rate = self.plan.op.rate.to_f64();
        // SAFETY: the operand is a key of two words; there is room for the words of the keys.
        let (key, words) =
            unsafe { (*self.inputs[extents.key?].cast::<[u32; 2]>(), rows(buffers.words, keys.len())) };
        words.fill([0; W]);
        for lane in 0..self.count {
            let row = (self.head * extents.queries + self.first + lane) as u64;
            let first = row * extents.keys as u64 + keys.start as u64;
            let mut found = [0u32; KEYS + 4];
            let skipped = (first % 4) as usize;
            philox_words(key, first / 4, &mut found[..skipped + keys.len()]);
            for (words, &word) in words.iter_mut().zip(&found[skipped..]) {
                words[lane] = word;
            }
        }
        let grows = T::of(1.0 / (1.0 - rate));
        Some(Dropped { words, bound: tensorwright_ir::op::primitive::drop_bound(rate), grows })
    }
}

/// Rows of scratch memory.
///
/// # Safety
/// They are in memory that nobody else uses meanwhile, and have been written if they are read before they are written.
pub(super) unsafe fn rows<'b, R>(from: *mut R, count: usize) -> &'b mut [R] {
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts_mut(from, count) }
}
