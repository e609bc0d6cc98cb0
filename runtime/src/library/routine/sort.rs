//! Sorting and the greatest elements.
//!
//! Elements become unsigned keys that are ordered as they are; the opposite order is that of the complements. A key
//! and the element's position, in one number with the key on top, make a *tag*. Tags are all different, so any way of sorting them is
//! stable with respect to the elements. Tags of keys up to 32 bits fit 64 bits; long lines of those are sorted by
//! digits, short ones and wider tags by comparison. Further keys are sorted by first, from the last to the first, each
//! on top of the order before it.

use std::ops::Range;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::TensorType;
use tensorwright_ir::op::primitive::{Sort, TopK};

use super::lines::Lines;
use super::value::{Value, with_bits, with_value};
use super::{Memory, Phase, RoutineKernel};

/// Elements of a tile, if lines are short.
const TILE: usize = 1 << 11;
/// Length from which on sorting by digits beats comparisons.
const DIGITS_FROM: usize = 1 << 10;

/// A key and a position.
trait Tag: Copy + Ord {
    fn new(key: u64, position: usize) -> Self;
    fn position(self) -> usize;
    /// Sorts tags that are in the order of their positions; `spare` is as long.
    fn sort(tags: &mut [Self], spare: &mut [Self]);
}

impl Tag for u64 {
    #[inline(always)]
    fn new(key: u64, position: usize) -> Self {
        key << 32 | position as u64
    }

    #[inline(always)]
    fn position(self) -> usize {
        self as u32 as usize
    }

    fn sort(tags: &mut [u64], spare: &mut [u64]) {
        if tags.len() < DIGITS_FROM { tags.sort_unstable() } else { sort_by_digits(tags, spare) }
    }
}

impl Tag for u128 {
    #[inline(always)]
    fn new(key: u64, position: usize) -> Self {
        u128::from(key) << 64 | position as u128
    }

    #[inline(always)]
    fn position(self) -> usize {
        self as usize
    }

    fn sort(tags: &mut [u128], _spare: &mut [u128]) {
        tags.sort_unstable();
    }
}

/// Bits of a digit.
const DIGIT: u32 = 8;

/// Sorts by the upper half, digit by digit from the lowest; digits that are the same everywhere are left out.
fn sort_by_digits(tags: &mut [u64], spare: &mut [u64]) {
    const DIGITS: usize = (32 / DIGIT) as usize;
    let digit = |tag: u64, nth: usize| (tag >> (32 + nth as u32 * DIGIT)) as usize & ((1 << DIGIT) - 1);
    let mut counts = [[0u32; 1 << DIGIT]; DIGITS];
    for &tag in tags.iter() {
        for (nth, counts) in counts.iter_mut().enumerate() {
            counts[digit(tag, nth)] += 1;
        }
    }
    let (mut from, mut to) = (&mut *tags, &mut *spare);
    let mut swapped = false;
    for (nth, counts) in counts.iter_mut().enumerate() {
        if counts[digit(from[0], nth)] as usize == from.len() {
            continue;
        }
        let mut before = 0;
        for count in counts.iter_mut() {
            before += std::mem::replace(count, before);
        }
        for &tag in from.iter() {
            let place = &mut counts[digit(tag, nth)];
            to[*place as usize] = tag;
            *place += 1;
        }
        std::mem::swap(&mut from, &mut to);
        swapped = !swapped;
    }
    if swapped {
        tags.copy_from_slice(spare);
    }
}

/// Makes the tags of a line: `order` gives the element of each position, or is empty if that is its own.
type Tagging<T> = unsafe fn(&Line, &[u32], *mut T);

/// A line of elements that are `stride` apart.
#[derive(Clone, Copy)]
struct Line {
    from: *const u8,
    stride: usize,
    length: usize,
    descending: bool,
}

/// # Safety
/// The line is readable, `order` holds positions of it, and `to` is writable for its length.
unsafe fn tag<V: Value, T: Tag>(line: &Line, order: &[u32], to: *mut T) {
    let from = line.from.cast::<V>();
    let mask = if line.descending { u64::MAX >> (64 - V::KEY_BITS) } else { 0 };
    for i in 0..line.length {
        let position = if order.is_empty() { i } else { order[i] as usize };
        // SAFETY: the caller's promise.
        unsafe {
            let key = (*from.add(position * line.stride)).key() ^ mask;
            to.add(i).write(T::new(key, i));
        }
    }
}

/// The ways to make tags of a dtype.
#[derive(Clone, Copy, Debug)]
struct Key {
    narrow: Tagging<u64>,
    wide: Tagging<u128>,
    bits: u32,
}

impl Key {
    fn new(ty: &TensorType) -> Self {
        with_value!(ty.dtype, V => Key { narrow: tag::<V, u64>, wide: tag::<V, u128>, bits: V::KEY_BITS })
    }
}

/// A kind of tags with its way to make them.
trait Tags: Tag {
    fn tagging(key: &Key) -> Tagging<Self>;
}

impl Tags for u64 {
    fn tagging(key: &Key) -> Tagging<u64> {
        key.narrow
    }
}

impl Tags for u128 {
    fn tagging(key: &Key) -> Tagging<u128> {
        key.wide
    }
}

/// Scratch memory of one line: two arrays of tags, and two of positions if there are several keys.
struct Scratch<'a, T> {
    tags: &'a mut [T],
    spare: &'a mut [T],
    orders: [&'a mut [u32]; 2],
}

fn scratch_bytes(length: usize, wide: bool, keys: usize) -> usize {
    let tag = if wide { 16 } else { 8 };
    let orders = if keys > 1 { 2 * 4 } else { 0 };
    length * (2 * tag + orders)
}

impl<'a, T: Tag> Scratch<'a, T> {
    /// # Safety
    /// `memory` is aligned to 64 bytes and writable for [`scratch_bytes`], for as long as the result lives.
    unsafe fn new(memory: *mut u8, length: usize, keys: usize) -> Self {
        let tags = memory.cast::<T>();
        let orders = if keys > 1 { length } else { 0 };
        // SAFETY: the arrays follow each other within the memory. All bytes are given a value first, so they are initialised.
        unsafe {
            memory.write_bytes(0, scratch_bytes(length, size_of::<T>() == 16, keys));
            let positions = tags.add(2 * length).cast::<u32>();
            Self {
                tags: std::slice::from_raw_parts_mut(tags, length),
                spare: std::slice::from_raw_parts_mut(tags.add(length), length),
                orders: [
                    std::slice::from_raw_parts_mut(positions, orders),
                    std::slice::from_raw_parts_mut(positions.add(orders), orders),
                ],
            }
        }
    }
}

/// `sort` of certain types.
#[derive(Debug)]
pub(super) struct SortLines {
    lines: Lines,
    keys: SmallVec<[Key; 1]>,
    descending: bool,
    wide: bool,
    /// Element sizes of the operands.
    elements: SmallVec<[usize; 3]>,
    per_tile: usize,
}

impl SortLines {
    pub(super) fn new(op: &Sort, operands: &[TensorType]) -> Self {
        let lines = Lines::new(&operands[0].shape, op.axis);
        let keys: SmallVec<[Key; 1]> = operands[..op.keys].iter().map(Key::new).collect();
        Self {
            lines,
            wide: keys.iter().any(|key| key.bits > 32) || lines.length > u32::MAX as usize,
            keys,
            descending: op.descending,
            elements: operands.iter().map(|ty| ty.dtype.size()).collect(),
            per_tile: lines.per_tile(TILE),
        }
    }

    /// # Safety
    /// The line is one of the operands, and nobody else writes it; the scratch memory is as [`RoutineKernel::run`] says.
    unsafe fn sort<T: Tags>(&self, line: usize, memory: &Memory<'_>, scratch: *mut u8) {
        let Lines { length, stride, .. } = self.lines;
        let start = self.lines.start(line);
        // SAFETY: the caller's promise; all lines are within the operands.
        unsafe {
            let Scratch { tags, spare, orders: [mut order, mut next] } =
                Scratch::<T>::new(scratch, length, self.keys.len());
            for (nth, key) in self.keys.iter().enumerate().rev() {
                let from = memory.inputs[nth].add(start * self.elements[nth]);
                let line = Line { from, stride, length, descending: self.descending };
                let last = nth + 1 == self.keys.len();
                T::tagging(key)(&line, if last { &[] } else { order }, tags.as_mut_ptr());
                T::sort(tags, spare);
                for (next, tag) in next.iter_mut().zip(tags.iter()) {
                    *next = if last { tag.position() as u32 } else { order[tag.position()] };
                }
                std::mem::swap(&mut order, &mut next);
            }
            for (operand, &element) in self.elements.iter().enumerate() {
                let at = start * element;
                let (from, to) = (memory.inputs[operand].add(at), memory.outputs[operand].add(at));
                let single = self.keys.len() == 1;
                let position = |i: usize| if single { tags[i].position() } else { order[i] as usize };
                with_bits!(element, Bits => permute::<Bits>(length, stride, position, from.cast(), to.cast()));
            }
        }
    }
}

/// # Safety
/// Both lines are valid for all positions.
#[inline(always)]
unsafe fn permute<T: Copy>(
    length: usize,
    stride: usize,
    position: impl Fn(usize) -> usize,
    from: *const T,
    to: *mut T,
) {
    for i in 0..length {
        // SAFETY: the caller's promise.
        unsafe { *to.add(i * stride) = *from.add(position(i) * stride) };
    }
}

/// Estimated time of sorting a line.
fn sort_ns(length: usize, wide: bool) -> u64 {
    let comparisons = length * (length.max(2).ilog2() as usize);
    let cost = if wide { comparisons * 3 } else { comparisons.min(length * 12) };
    (cost + 20) as u64
}

impl RoutineKernel for SortLines {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        let line = sort_ns(self.lines.length, self.wide) * self.keys.len() as u64;
        let tile_ns = line.saturating_mul(self.per_tile as u64);
        smallvec![Phase { tiles: self.lines.tiles(self.per_tile), tile_ns }]
    }

    fn scratch_bytes(&self) -> usize {
        scratch_bytes(self.lines.length, self.wide, self.keys.len())
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, scratch: *mut u8) {
        for line in self.lines.of_tiles(tiles, self.per_tile) {
            // SAFETY: the line is of this tile.
            unsafe {
                if self.wide {
                    self.sort::<u128>(line, memory, scratch);
                } else {
                    self.sort::<u64>(line, memory, scratch);
                }
            }
        }
    }
}

/// `top_k` of one type.
#[derive(Debug)]
pub(super) struct Greatest {
    lines: Lines,
    k: usize,
    key: Key,
    element: usize,
    per_tile: usize,
}

impl Greatest {
    pub(super) fn new(op: &TopK, operand: &TensorType) -> Self {
        let lines = Lines::new(&operand.shape, op.axis);
        Self {
            lines,
            k: op.k,
            key: Key::new(operand),
            element: operand.dtype.size(),
            per_tile: lines.per_tile(TILE),
        }
    }

    fn wide(&self) -> bool {
        self.key.bits > 32
    }

    /// # Safety
    /// As for [`SortLines::sort`].
    unsafe fn select<T: Tags>(&self, line: usize, memory: &Memory<'_>, scratch: *mut u8) {
        let Lines { length, stride, .. } = self.lines;
        let start = self.lines.start(line);
        // SAFETY: the caller's promise; all lines are within operand and results.
        unsafe {
            let from = memory.inputs[0].add(start * self.element);
            let Scratch { tags, spare, .. } = Scratch::<T>::new(scratch, length, 1);
            let whole = Line { from, stride, length, descending: true };
            T::tagging(&self.key)(&whole, &[], tags.as_mut_ptr());
            if self.k < length / 4 {
                // Tags are all different, so the order after the selection is that of a stable sort.
                tags.select_nth_unstable(self.k);
                tags[..self.k].sort_unstable();
            } else {
                T::sort(tags, spare);
            }
            let start = self.lines.with_length(self.k).start(line);
            let to = memory.outputs[0].add(start * self.element);
            let position = |i: usize| tags[i].position();
            with_bits!(self.element, Bits => permute::<Bits>(self.k, stride, position, from.cast(), to.cast()));
            let indices = memory.outputs[1].cast::<i32>().add(start);
            for (i, tag) in tags[..self.k].iter().enumerate() {
                *indices.add(i * stride) = tag.position() as i32;
            }
        }
    }
}

impl RoutineKernel for Greatest {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        if self.k == 0 {
            return SmallVec::new();
        }
        let tile_ns = sort_ns(self.lines.length, self.wide()).saturating_mul(self.per_tile as u64);
        smallvec![Phase { tiles: self.lines.tiles(self.per_tile), tile_ns }]
    }

    fn scratch_bytes(&self) -> usize {
        scratch_bytes(self.lines.length, self.wide(), 1)
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, scratch: *mut u8) {
        for line in self.lines.of_tiles(tiles, self.per_tile) {
            // SAFETY: the line is of this tile.
            unsafe {
                if self.wide() {
                    self.select::<u128>(line, memory, scratch);
                } else {
                    self.select::<u64>(line, memory, scratch);
                }
            }
        }
    }
}
