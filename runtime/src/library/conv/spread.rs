//! Convolutions of adjacent groups that have a few channels each, with channels last: channels of several groups are the lanes of registers.
//!
//! As products each group would have a few columns, and spend its time gathering. Here each element that a tile needs is *spread*: written once for each channel of its
//! group, beside those of the other groups, with zeros for what is padding. A term of the sum is then a vector of such elements times a vector of weights, as in
//! [`lanes`](super::lanes). Rows of a tile follow each other in a ring of as many rows as taps reach over, so that each is spread once. The terms of a sum and their order are those of a
//! product, and so are the bits. Bytes are multiplied in pairs of channels ([`pairs`](super::pairs)), where there are kernels for that.

use smallvec::SmallVec;
use tensorwright_compiler::program::{
    Convolution, ConvolutionAxis, ConvolutionLoop, ConvolutionSum, Slide, TileSize,
};
use tensorwright_ir::DType;

use super::gather::{Source, Target};
use super::loops::{Cursor, Loop, Loops, Places, count};
use super::plan::{ConvolutionPlan, is_channel, share};
use crate::buffer::ALIGNMENT;
use crate::library::matmul::{Accumulator, BlockCopy, DEPTH, Element, Kernel, Packs, Weighted};

/// Channels of a group, on each side.
const MOST_CHANNELS: u64 = 16;
/// Those of results if images are of numbers: more of them fill the registers of products, which read such images in place and must gather bytes.
const MOST_CHANNELS_OF_NUMBERS: u64 = 7;
/// Lanes from which on registers are full enough, and those of a tile: fewer where each place takes many numbers.
const FEWEST_LANES: u64 = 8;
const LANES: u64 = 32;
const NUMBERS_OF_PLACE: u64 = 256;
/// Places of a row that are not cut any more.
const SHORTEST_ROW: u64 = 16;
/// Taps from which on an element that was spread is read often enough.
const FEWEST_TAPS: u64 = 3;
/// Numbers of a ring that stays in L2, and of one that may be.
const RING: u64 = 1 << 15;
const MOST_RING: u64 = 1 << 17;
/// Rows of a tile: as many as make the first ones, which other tiles spread too, a small part; and multiplications that are worth a thread's attention.
const ROWS: u64 = 14;
const LEAST_WORK: u64 = 1 << 17;

/// Groups of a few channels: the axes of the result and the loop of the sum that they are.
struct Groups {
    /// The axis of groups, by its number, and its loop.
    at: usize,
    groups: ConvolutionLoop,
    /// Channels of the right operand, and of both.
    channels: ConvolutionLoop,
    summed: ConvolutionLoop,
}

const ONE: ConvolutionLoop = ConvolutionLoop { extent: 1, lhs: 0, rhs: 0 };

impl Groups {
    /// Those of a convolution; `None` if groups are not what is adjacent.
    fn of(routine: &Convolution) -> Option<Groups> {
        let mut inner = routine.axes.iter().enumerate().rev().filter(|(_, axis)| axis.extent() != 1);
        let (mut at, mut axis) = inner.next()?;
        let mut channels = ONE;
        if let ConvolutionAxis::Right(l) = axis {
            channels = *l;
            (at, axis) = inner.next()?;
        }
        let ConvolutionAxis::Batch(groups) = *axis else { return None };
        if inner.any(|(_, axis)| is_channel(axis)) {
            return None;
        }
        let mut loops = routine.sums.iter().filter_map(|sum| match sum {
            ConvolutionSum::Loop(l) if l.extent != 1 => Some(*l),
            _ => None,
        });
        let summed = loops.next().unwrap_or(ONE);
        loops.next().is_none().then_some(Groups { at, groups, channels, summed })
    }
}

/// Whether lanes are channels of groups.
pub(super) fn fits(routine: &Convolution) -> bool {
    let Some(Groups { groups, channels, summed, .. }) = Groups::of(routine) else { return false };
    let taps: u64 = routine.slides().fold(1, |taps, slide| taps.saturating_mul(slide.taps));
    let whole = |slide: &Slide| slide.element_places == 1 && slide.elements > 0 && slide.taps > 0;
    let bytes = matches!(routine.input, DType::I8 | DType::U8)
        && Element::from(routine.output).accumulator() == Accumulator::I32
        && Element::from(routine.output).is_number(Accumulator::I32);
    let floats = routine.input == routine.output && matches!(routine.input, DType::F32 | DType::F64);
    let most = if bytes { MOST_CHANNELS } else { MOST_CHANNELS_OF_NUMBERS };
    (bytes || floats)
        && (1..=2).contains(&routine.slides().count())
        && routine.slides().all(whole)
        && channels.extent.max(summed.extent) > 1
        && (1..=most).contains(&channels.extent)
        && (1..=MOST_CHANNELS).contains(&summed.extent)
        && groups.extent.saturating_mul(channels.extent) >= FEWEST_LANES
        && taps >= FEWEST_TAPS
        && routine.terms() <= DEPTH as u64
        && ring(routine, &tile(routine)) <= MOST_RING
}

/// Numbers of the rows of a ring.
fn ring(routine: &Convolution, tile: &TileSize) -> u64 {
    let Some(Groups { at, channels, summed, .. }) = Groups::of(routine) else { return u64::MAX };
    let place = tile[at].saturating_mul(channels.extent * summed.extent);
    let slides = routine.axes.iter().zip(tile).filter_map(|(axis, &size)| match axis {
        ConvolutionAxis::Slide(slide) => Some((slide, size)),
        _ => None,
    });
    let count = routine.slides().count();
    let numbers = |(number, (slide, size)): (usize, (&Slide, u64))| {
        if number + 1 == count { reach(slide, size) } else { reach(slide, 1) }
    };
    slides.enumerate().map(numbers).fold(place, u64::saturating_mul)
}

/// Elements along an axis that so many results meet, from the first to the last one.
fn reach(slide: &Slide, results: u64) -> u64 {
    (results.max(1) - 1) * slide.by + (slide.taps - 1) * slide.tap_places + 1
}

/// The size of tiles along each axis.
pub(super) fn tile(routine: &Convolution) -> TileSize {
    let mut tile: TileSize = SmallVec::from_elem(1, routine.axes.len());
    let Some(Groups { at, groups, channels, summed }) = Groups::of(routine) else { return tile };
    let mut lanes = LANES.min((NUMBERS_OF_PLACE / summed.extent).max(FEWEST_LANES)) / channels.extent;
    tile[at] = share(groups.extent, &mut lanes);
    for (axis, size) in routine.axes.iter().zip(&mut tile).filter(|(axis, _)| is_channel(axis)) {
        *size = axis.extent();
    }
    let slides: Vec<usize> =
        (0..tile.len()).filter(|&at| matches!(routine.axes[at], ConvolutionAxis::Slide(_))).collect();
    let Some((&row, around)) = slides.split_last() else { return tile };
    tile[row] = routine.axes[row].extent().max(1);
    while tile[row] > SHORTEST_ROW && ring(routine, &tile) > RING {
        tile[row] = tile[row].div_ceil(2);
    }
    if let Some(&around) = around.last() {
        let work = tile.iter().fold(routine.terms().max(1), |work, &n| work.saturating_mul(n));
        tile[around] = share(routine.axes[around].extent(), &mut ROWS.max(LEAST_WORK / work.max(1)));
    }
    tile
}

/// What is the same for all tiles.
struct Shape {
    groups: Groups,
    /// The axes along which taps slide: that of rows, if there is one, and that of a row.
    down: Option<Slide>,
    along: Slide,
    /// Numbers of the channels that are summed, for each lane and tap: half of them where they are pairs.
    depth: usize,
    /// Rows of the ring.
    ring: usize,
}

/// One tile: where it begins, and how much it is.
struct Tile {
    lhs: isize,
    rhs: isize,
    out: isize,
    groups: usize,
    lanes: usize,
    /// Results down and along, and from one to the next in the output.
    results: [usize; 2],
    steps: [isize; 2],
    /// The places that the first tap of the first result meets.
    places: [i64; 2],
}

/// A term of the sum: its row and place among those that a result reaches, and its number among those of a place.
#[derive(Clone, Copy)]
struct Term {
    row: usize,
    place: usize,
    number: usize,
    /// Where its weights begin in the operand.
    weights: isize,
}

/// Parts of the scratch memory.
struct Memory<N> {
    weights: *mut N,
    staged: *mut N,
    ring: *mut N,
}

impl ConvolutionPlan {
    fn shape(&self) -> Option<Shape> {
        let groups = Groups::of(&self.routine)?;
        let (&along, down) = self.slides.split_last()?;
        let down = down.first().copied();
        let depth = self.numbers(groups.summed.extent as usize);
        Some(Shape { groups, down, along, depth, ring: down.map_or(1, |slide| reach(&slide, 1)) as usize })
    }

    /// Numbers of the weights of a tile, of a row of elements as they are, and of the ring.
    fn numbers_of_spread(&self, shape: &Shape) -> [usize; 3] {
        let Groups { at, channels, summed, .. } = shape.groups;
        let lanes = self.tile[at] as usize * channels.extent as usize;
        let mut along = self
            .routine
            .axes
            .iter()
            .zip(&self.tile)
            .filter(|(axis, _)| matches!(axis, ConvolutionAxis::Slide(_)));
        let places = reach(&shape.along, along.next_back().map_or(1, |(_, &n)| n)) as usize;
        let taps: u64 = self.slides.iter().map(|slide| slide.taps).product();
        let staged = places * self.tile[at] as usize * summed.extent as usize;
        [taps as usize * shape.depth * lanes, staged, shape.ring * places * shape.depth * lanes]
    }

    /// Bytes of the scratch memory of a tile.
    pub(super) fn spread_bytes(&self) -> usize {
        let size = if self.output.accumulator() == Accumulator::F64 { 8 } else { 4 };
        let numbers = self.shape().map_or([0; 3], |shape| self.numbers_of_spread(&shape));
        numbers.into_iter().map(|n| (n * size).next_multiple_of(ALIGNMENT)).sum()
    }

    /// # Safety
    /// As of [`ConvolutionPlan::run_tile`]; the convolution [`fits`], and `N` is its accumulator.
    pub(super) unsafe fn run_spread<N: Kernel + Packs>(
        &self,
        tile: u64,
        operands: [*const u8; 2],
        out: *mut u8,
        scratch: *mut u8,
    ) {
        let Some(shape) = self.shape() else { return };
        let [weights, staged, _] =
            self.numbers_of_spread(&shape).map(|n| (n * size_of::<N>()).next_multiple_of(ALIGNMENT));
        let memory = Memory::<N> {
            weights: scratch.cast(),
            staged: scratch.wrapping_add(weights).cast(),
            ring: scratch.wrapping_add(weights + staged).cast(),
        };
        let part = self.tile_of_spread(tile, &shape);
        let terms = self.terms_of_spread(&shape);
        // SAFETY: the weights are within the operand, and there is room for all terms.
        unsafe { self.order_spread(&shape, &part, &terms, operands[1], memory.weights) };
        let (lanes, depth) = (part.lanes, shape.depth);
        let place = depth * lanes;
        let places = reach(&shape.along, part.results[1] as u64) as usize;
        let down = shape.down.map_or(1, |slide| slide.by as usize);
        let mut spread = 0;
        let mut found: SmallVec<[(isize, isize); 64]> = SmallVec::new();
        for result in 0..part.results[0] {
            let first = result * down;
            for row in spread.max(first)..first + shape.ring {
                let to = memory.ring.wrapping_add(row % shape.ring * places * place);
                // SAFETY: the row is one that the tile's taps meet, and the scratch memory has room for it.
                unsafe {
                    self.spread_row(&shape, &part, (row as i64, places), operands[0], memory.staged, to)
                };
            }
            spread = first + shape.ring;
            found.clear();
            found.extend(terms.iter().enumerate().map(|(number, term)| {
                let row = (first + term.row) % shape.ring;
                let x = (row * places + term.place) * place + term.number * lanes;
                (x as isize, (number * lanes) as isize)
            }));
            let sum = Weighted {
                x: memory.ring.cast_const(),
                weights: memory.weights.cast_const(),
                terms: &found,
                out: out.cast::<N>().wrapping_offset(part.out + result as isize * part.steps[0]),
                lanes,
                places: part.results[1],
                x_step: (shape.along.by as usize * place) as isize,
                out_step: part.steps[1],
            };
            // SAFETY: the rows that the terms are in are spread, and the results are the tile's.
            unsafe { (self.kernels::<N>().weighted)(&sum) };
        }
    }

    /// The terms of a sum, in its order: bytes in pairs, in which order does not matter.
    fn terms_of_spread(&self, shape: &Shape) -> Vec<Term> {
        let Groups { summed, .. } = shape.groups;
        let loops = self.routine.sums.iter().filter_map(|sum| match *sum {
            ConvolutionSum::Taps(axis) => {
                let slide = &self.slides[axis as usize];
                let by = slide.tap_places as i64;
                Some(Loop {
                    count: slide.taps as usize,
                    step: 0,
                    out: slide.rhs as isize,
                    slide: Some((axis as usize, by)),
                })
            }
            ConvolutionSum::Loop(l) if l.extent == 1 || self.pairs => None,
            // The step counts the channels.
            ConvolutionSum::Loop(l) => {
                Some(Loop { count: l.extent as usize, step: 1, out: l.rhs as isize, slide: None })
            }
        });
        let mut loops: Loops = loops.collect();
        if self.pairs {
            let out = summed.rhs as isize * 2;
            loops.push(Loop { count: shape.depth, step: 1, out, slide: None });
        }
        let mut cursor = Cursor::new(&loops, self.slides.len(), 0);
        let row = self.slides.len() - 1;
        (0..count(&loops))
            .map(|_| {
                let term = Term {
                    row: if row > 0 { cursor.places[0] as usize } else { 0 },
                    place: cursor.places[row] as usize,
                    number: cursor.offset as usize,
                    weights: cursor.out,
                };
                cursor.advance();
                term
            })
            .collect()
    }

    /// Weights of a tile: lane by lane for each term.
    ///
    /// # Safety
    /// `rhs` is the right operand, and `to` is writable for the weights of all terms.
    unsafe fn order_spread<N: Kernel + Packs>(
        &self,
        shape: &Shape,
        part: &Tile,
        terms: &[Term],
        rhs: *const u8,
        to: *mut N,
    ) {
        let Groups { groups, channels, summed, .. } = shape.groups;
        let (copy, size) = (N::copy_block(self.input), self.input.size() as isize);
        let lanes = |at: isize, to: *mut N| BlockCopy {
            from: rhs.wrapping_offset((part.rhs + at) * size),
            from_steps: [groups.rhs as isize, channels.rhs as isize],
            to,
            to_steps: [channels.extent as usize, 1],
            counts: [part.groups, channels.extent as usize],
        };
        let mut odd = [N::ZERO; LANES as usize];
        for (number, term) in terms.iter().enumerate() {
            let to = to.wrapping_add(number * part.lanes);
            // SAFETY: the caller's promise; a tile has no more lanes than there is room for.
            unsafe {
                copy(&lanes(term.weights, to));
                if !self.pairs {
                    continue;
                }
                match 2 * term.number + 1 < summed.extent as usize {
                    true => copy(&lanes(term.weights + summed.rhs as isize, odd.as_mut_ptr())),
                    false => odd.fill(N::ZERO),
                }
                (0..part.lanes).for_each(|lane| *to.add(lane) = N::paired(*to.add(lane), odd[lane]));
            }
        }
    }

    /// Copies a row of elements, and spreads it.
    ///
    /// # Safety
    /// As of [`Self::run_spread`]; the row is one that taps of the tile meet.
    unsafe fn spread_row<N: Kernel + Packs>(
        &self,
        shape: &Shape,
        part: &Tile,
        (row, places): (i64, usize),
        lhs: *const u8,
        staged: *mut N,
        to: *mut N,
    ) {
        let Groups { groups, channels, summed, .. } = shape.groups;
        let size = self.input.size() as isize;
        let last = self.slides.len() - 1;
        let down = shape.down.map_or(0, |slide| (row as isize).wrapping_mul(slide.lhs as isize));
        let along = Loop { count: places, step: shape.along.lhs as isize, out: 0, slide: Some((last, 1)) };
        let of =
            |l: &ConvolutionLoop, count: usize| Loop { count, step: l.lhs as isize, out: 0, slide: None };
        let depth: Loops = [of(&groups, part.groups), of(&summed, summed.extent as usize)]
            .into_iter()
            .filter(|l| l.count != 1)
            .collect();
        let at: Places = match shape.down {
            Some(_) => [part.places[0] + row, part.places[1]].into_iter().collect(),
            None => [part.places[1]].into_iter().collect(),
        };
        let elements: Places = self.slides.iter().map(|slide| slide.elements as i64).collect();
        let source = Source {
            from: lhs.wrapping_offset(part.lhs.wrapping_add(down).wrapping_mul(size)),
            bytes: size,
            copy: N::copy_block(self.input),
            lanes: std::slice::from_ref(&along),
            depth: &depth,
            places: &at,
            elements: &elements,
        };
        let width = part.groups * summed.extent as usize;
        // SAFETY: the caller's promise.
        unsafe {
            source.gather(0..places, 0..width, Target { to: staged, lane: width, depth: 1 });
            let row = Row {
                from: staged.cast_const(),
                to,
                places,
                groups: part.groups,
                summed: summed.extent as usize,
            };
            match (self.pairs, channels.extent) {
                (true, of) => row.spread_pairs(of as usize),
                (false, 1) => row.spread::<1>(),
                (false, 2) => row.spread::<2>(),
                (false, 4) => row.spread::<4>(),
                (false, 8) => row.spread::<8>(),
                (false, 16) => row.spread::<16>(),
                (false, of) => row.spread_any(of as usize),
            }
        }
    }

    fn tile_of_spread(&self, tile: u64, shape: &Shape) -> Tile {
        let routine = &self.routine;
        let mut part = Tile {
            lhs: routine.lhs_offset as isize,
            rhs: routine.rhs_offset as isize,
            out: 0,
            groups: 1,
            lanes: shape.groups.channels.extent as usize,
            results: [1; 2],
            steps: [0; 2],
            places: [0; 2],
        };
        let mut slide = 2 - self.slides.len();
        for (at, (axis, range)) in routine.axes.iter().zip(self.part(tile)).enumerate() {
            let (start, length) = (range.start as isize, (range.end - range.start) as usize);
            part.out += start * self.out[at];
            match axis {
                ConvolutionAxis::Batch(l) | ConvolutionAxis::Left(l) | ConvolutionAxis::Right(l) => {
                    part.lhs += start * l.lhs as isize;
                    part.rhs += start * l.rhs as isize;
                    if at == shape.groups.at {
                        part.groups = length;
                        part.lanes *= length;
                    }
                }
                ConvolutionAxis::Slide(along) => {
                    let place = along.from + range.start as i64 * along.by as i64;
                    part.lhs = part.lhs.wrapping_add((place as isize).wrapping_mul(along.lhs as isize));
                    (part.results[slide], part.steps[slide]) = (length, self.out[at]);
                    part.places[slide] = place;
                    slide += 1;
                }
            }
        }
        part
    }
}

/// A row of elements, all channels of a group side by side, on its way to lanes.
struct Row<N> {
    from: *const N,
    to: *mut N,
    places: usize,
    groups: usize,
    summed: usize,
}

impl<N: Kernel> Row<N> {
    /// Each element as often as its group has results.
    ///
    /// # Safety
    /// `from` is readable for the row, and `to` is writable for it spread.
    unsafe fn spread<const OF: usize>(&self) {
        let Row { mut from, mut to, places, groups, summed } = *self;
        for _ in 0..places {
            for channel in 0..summed {
                for group in 0..groups {
                    // SAFETY: the caller's promise.
                    unsafe {
                        to.cast::<[N; OF]>().write_unaligned([*from.add(group * summed + channel); OF])
                    };
                    to = to.wrapping_add(OF);
                }
            }
            from = from.wrapping_add(groups * summed);
        }
    }

    /// As [`Self::spread`], for any number.
    ///
    /// # Safety
    /// As of [`Self::spread`].
    unsafe fn spread_any(&self, of: usize) {
        let Row { mut from, mut to, places, groups, summed } = *self;
        for _ in 0..places {
            for channel in 0..summed {
                for group in 0..groups {
                    // SAFETY: the caller's promise.
                    unsafe {
                        let element = *from.add(group * summed + channel);
                        (0..of).for_each(|i| to.add(i).write(element));
                    }
                    to = to.wrapping_add(of);
                }
            }
            from = from.wrapping_add(groups * summed);
        }
    }

    /// Two channels at a time as a number.
    ///
    /// # Safety
    /// As of [`Self::spread`].
    unsafe fn spread_pairs(&self, of: usize) {
        let Row { mut from, mut to, places, groups, summed } = *self;
        for _ in 0..places {
            for channel in (0..summed).step_by(2) {
                for group in 0..groups {
                    // SAFETY: the caller's promise.
                    unsafe {
                        let at = from.add(group * summed + channel);
                        let odd = if channel + 1 < summed { *at.add(1) } else { N::ZERO };
                        let pair = N::paired(*at, odd);
                        (0..of).for_each(|i| to.add(i).write(pair));
                    }
                    to = to.wrapping_add(of);
                }
            }
            from = from.wrapping_add(groups * summed);
        }
    }
}
