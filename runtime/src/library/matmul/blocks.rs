//! Copies of blocks of elements, as numbers: rows and columns of them at any distances, to any distances.

use super::element::{GROUP, Panels, RUN, Stored, copy_run, pack_block};
use super::vector::Number;

/// A block to be copied: for rows and columns how far elements are apart where they come from and where they go, and how many there are.
#[derive(Clone, Copy)]
pub(crate) struct BlockCopy<N> {
    pub(crate) from: *const u8,
    pub(crate) from_steps: [isize; 2],
    pub(crate) to: *mut N,
    pub(crate) to_steps: [usize; 2],
    pub(crate) counts: [usize; 2],
}

/// Copies a block.
pub(crate) type CopyBlock<N> = unsafe fn(&BlockCopy<N>);

impl<N> BlockCopy<N> {
    /// The same block with its columns as rows.
    fn turned(&self) -> BlockCopy<N> {
        let [[f0, f1], [t0, t1], [n0, n1]] =
            [self.from_steps.map(|step| step as usize), self.to_steps, self.counts];
        let from_steps = [f1 as isize, f0 as isize];
        BlockCopy { from: self.from, from_steps, to: self.to, to_steps: [t1, t0], counts: [n1, n0] }
    }

    /// The block as one row, if its rows follow each other at both ends.
    fn joined(self) -> BlockCopy<N> {
        let [rows, length] = self.counts;
        let follow = self.from_steps == [length as isize, 1] && self.to_steps == [length, 1];
        if follow { BlockCopy { counts: [1, rows * length], ..self } } else { self }
    }

    /// The block with elements of its rows adjacent where they come from, if they are in either direction, and best where they go too.
    fn along_memory(self) -> BlockCopy<N> {
        let adjacent = |axis: usize| self.from_steps[axis] == 1 && self.to_steps[axis] == 1;
        let turn = match (adjacent(0), adjacent(1)) {
            (true, true) => self.counts[0] > self.counts[1],
            (along, across) if along || across => along,
            _ => self.from_steps[1] != 1 && (self.from_steps[0] == 1 || self.counts[0] > self.counts[1]),
        };
        if turn { self.turned() } else { self }
    }
}

/// # Safety
/// The elements are readable, and the numbers writable.
pub(super) unsafe fn copy<E: Stored<N>, N: Number>(block: &BlockCopy<N>) {
    let block = block.along_memory().joined();
    if block.counts.contains(&0) {
        return;
    }
    // SAFETY: the caller's promise; rows are as long as what is copied of them.
    unsafe {
        match (block.from_steps[1], block.to_steps) {
            (1, [_, 1]) => match block.counts[1] {
                16.. => rows::<E, N, 16>(&block),
                8.. => rows::<E, N, 8>(&block),
                4.. => rows::<E, N, 4>(&block),
                2.. => rows::<E, N, 2>(&block),
                _ => rows::<E, N, 1>(&block),
            },
            (1, [1, _]) => transposed::<E, N>(&block),
            _ => one_by_one::<E, N>(&block),
        }
    }
}

/// Rows of adjacent elements, at least `WIDTH`, so many at once; the last ones of a row overlap those before.
///
/// # Safety
/// As of [`copy`].
unsafe fn rows<E: Stored<N>, N: Number, const WIDTH: usize>(block: &BlockCopy<N>) {
    let [count, length] = block.counts;
    let (mut from, mut to) = (block.from.cast::<E>(), block.to);
    for _ in 0..count {
        // SAFETY: the elements are those of the row.
        unsafe {
            for at in (0..length - (WIDTH - 1)).step_by(WIDTH) {
                copy_run::<E, N, WIDTH>(from.add(at), to.add(at));
            }
            if !length.is_multiple_of(WIDTH) {
                copy_run::<E, N, WIDTH>(from.add(length - WIDTH), to.add(length - WIDTH));
            }
        }
        from = from.wrapping_offset(block.from_steps[0]);
        to = to.wrapping_add(block.to_steps[0]);
    }
}

/// Rows of adjacent elements that become columns of adjacent numbers.
///
/// # Safety
/// As of [`copy`].
unsafe fn transposed<E: Stored<N>, N: Number>(block: &BlockCopy<N>) {
    let [lanes, depth] = block.counts;
    let width = block.to_steps[1];
    let panels =
        Panels { from: block.from, lane_stride: block.from_steps[0], depth_stride: 1, lanes, depth, width };
    for first in (0..depth).step_by(RUN) {
        let count = RUN.min(depth - first);
        for lane in (0..lanes).step_by(GROUP) {
            let to = block.to.wrapping_add(first * width + lane);
            // SAFETY: the part is within the block.
            unsafe { pack_block::<E, N>(&panels, [lane, first], [GROUP.min(lanes - lane), count], to) };
        }
    }
}

/// # Safety
/// As of [`copy`].
unsafe fn one_by_one<E: Stored<N>, N: Number>(block: &BlockCopy<N>) {
    let from = block.from.cast::<E>();
    for row in 0..block.counts[0] {
        let from = from.wrapping_offset(row as isize * block.from_steps[0]);
        let to = block.to.wrapping_add(row * block.to_steps[0]);
        for column in 0..block.counts[1] {
            // SAFETY: the caller's promise.
            unsafe {
                *to.add(column * block.to_steps[1]) =
                    (*from.offset(column as isize * block.from_steps[1])).read();
            }
        }
    }
}

/// What is made of elements that are no such numbers, and of what is not there.
///
/// # Safety
/// The numbers are writable.
pub(crate) unsafe fn zeros<N: Number>(block: &BlockCopy<N>) {
    for row in 0..block.counts[0] {
        let to = block.to.wrapping_add(row * block.to_steps[0]);
        for column in 0..block.counts[1] {
            // SAFETY: the caller's promise.
            unsafe { *to.add(column * block.to_steps[1]) = N::ZERO };
        }
    }
}
