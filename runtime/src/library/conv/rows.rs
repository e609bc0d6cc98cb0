//! Convolutions of few channels: pixels of a row are lanes of registers.
//!
//! As products they would have as many rows as there are channels, and spend their time gathering. Here each element that a tile needs is copied once, to a *patch*:
//! a row of elements for each index of the sum and each place of the axes around the row, with zeros for what is padding. A term of the sum is then a place in the
//! patch, from which on the elements of adjacent pixels are adjacent, and a weight for each channel. Where neighbours are several elements apart, as with a stride, the rows of the patch are
//! cut into *strands* that hold every so many of them. The terms of a sum and their order are those of a product, and so are the bits.

use smallvec::SmallVec;
use tensorwright_compiler::program::{Convolution, ConvolutionAxis, ConvolutionSum, TileSize};

use super::gather::{Source, Target};
use super::loops::{Cursor, Loop, Loops, Places, count};
use super::phase::{Phase, choices};
use super::plan::{ConvolutionPlan, is_channel, share};
use super::run::{Job, Side};
use crate::buffer::ALIGNMENT;
use crate::library::matmul::{DEPTH, Element, Kernel, MAX_COLUMNS, Packs, Slid};

/// Channels up to which pixels of rows are lanes.
const MOST_CHANNELS: u64 = 8;
/// Taps from which on an element that was copied is read often enough.
const FEWEST_TAPS: u64 = 3;
/// Pixels of a row from which on registers are full enough, and most pixels of a row of a tile.
const SHORTEST_ROW: u64 = 8;
const LONGEST_ROW: u64 = 1024;
/// Numbers of a patch that stay near, and of one that a few channels read from L2, which may be larger still if a single row needs as many.
const NEAR_PATCH: usize = 1 << 14;
const PATCH: usize = 1 << 16;
const MOST_PATCH: usize = 1 << 17;
const VERY_FEW_CHANNELS: u64 = 4;
/// Multiplications of a tile that are worth a thread's attention, and groups of a tile.
const LEAST_WORK: u64 = 1 << 16;
const MOST_GROUPS: u64 = 64;

/// Whether pixels of rows are lanes.
pub(super) fn fits(routine: &Convolution) -> bool {
    let channels: u64 =
        routine.axes.iter().filter(|axis| is_channel(axis)).map(ConvolutionAxis::extent).product();
    let taps: u64 = routine.slides().fold(1, |taps, slide| taps.saturating_mul(slide.taps));
    let (input, output) = (Element::from(routine.input), Element::from(routine.output));
    let row = routine.slides().last();
    let sums = routine.terms() > 0;
    input.is_number(output.accumulator())
        && output.is_number(output.accumulator())
        && (1..=MOST_CHANNELS).contains(&channels)
        && taps >= FEWEST_TAPS
        && sums
        && routine.slides().all(|slide| slide.elements > 0 && slide.taps > 0)
        && row.is_some_and(|row| row.results >= SHORTEST_ROW * row.element_places)
}

/// The size of tiles along each axis; `None` if the patch of a single row is too large.
pub(super) fn tile(plan: &ConvolutionPlan) -> Option<TileSize> {
    let axes = &plan.routine.axes;
    let slides: Vec<usize> =
        (0..axes.len()).filter(|&at| matches!(axes[at], ConvolutionAxis::Slide(_))).collect();
    let mut tile: TileSize =
        axes.iter().map(|axis| if is_channel(axis) { axis.extent() } else { 1 }).collect();
    let (&row, around) = slides.split_last()?;
    let channels: u64 = tile.iter().zip(axes).filter(|(_, axis)| is_channel(axis)).map(|(n, _)| n).product();
    let [wanted, most] = match channels {
        ..=VERY_FEW_CHANNELS => [PATCH, MOST_PATCH],
        _ => [NEAR_PATCH; 2],
    };
    tile[row] = share(axes[row].extent(), &mut { LONGEST_ROW });
    while plan.patch_numbers(&tile) > wanted && tile[row] > 2 * MAX_COLUMNS as u64 {
        tile[row] = tile[row].div_ceil(2);
    }
    if plan.patch_numbers(&tile) > most {
        return None;
    }
    let work = |tile: &TileSize| tile.iter().fold(plan.routine.terms(), |work, &n| work.saturating_mul(n));
    for &axis in around.iter().rev() {
        while tile[axis] < axes[axis].extent() && work(&tile) < LEAST_WORK {
            let more = (2 * tile[axis]).min(axes[axis].extent());
            let grown = tile.iter().enumerate().map(|(at, &n)| if at == axis { more } else { n }).collect();
            if plan.patch_numbers(&grown) > wanted {
                break;
            }
            tile = grown;
        }
    }
    if let Some(groups) = plan.groups() {
        let mut room = (LEAST_WORK / work(&tile).max(1)).clamp(1, MOST_GROUPS);
        tile[groups] = share(axes[groups].extent(), &mut room);
    }
    Some(tile)
}

/// The elements that a phase of a tile needs of one group and image: loops around the rows, the strands of a row, and the numbers of a strand.
struct Patch {
    around: Loops,
    strands: usize,
    pitch: usize,
}

impl Patch {
    /// Steps of the loops around the rows.
    fn strides(&self) -> SmallVec<[usize; 6]> {
        let mut strides = SmallVec::from_elem(self.strands * self.pitch, self.around.len());
        for at in (1..self.around.len()).rev() {
            strides[at - 1] = strides[at] * self.around[at].count;
        }
        strides
    }

    fn numbers(&self) -> usize {
        count(&self.around) * self.strands * self.pitch
    }
}

/// How a phase slides along an axis: results, taps, and elements from one of each to the next.
#[derive(Clone, Copy)]
struct Way {
    results: usize,
    by: usize,
    taps: usize,
    apart: usize,
}

impl Way {
    /// Elements from the first to the last one, both included.
    fn places(self) -> usize {
        (self.results.max(1) - 1) * self.by + (self.taps.max(1) - 1) * self.apart + 1
    }
}

/// How so many results along each axis slide in these phases.
fn ways(results: impl Iterator<Item = u64>, phases: &[Phase]) -> SmallVec<[Way; 4]> {
    let way = |(phase, results): (&Phase, u64)| Way {
        results: results as usize,
        by: phase.by as usize,
        taps: phase.taps as usize,
        apart: phase.tap_elements as usize,
    };
    phases.iter().zip(results).map(way).collect()
}

impl ConvolutionPlan {
    /// The patch of results that slide in these ways.
    fn patch(&self, ways: &[Way]) -> Patch {
        let mut around = Loops::new();
        for sum in &self.routine.sums {
            if let ConvolutionSum::Loop(l) = sum {
                around.push(Loop { count: l.extent as usize, step: l.lhs as isize, out: 0, slide: None });
            }
        }
        let (row, others) = match ways.split_last() {
            Some((row, others)) => (*row, others),
            None => (Way { results: 1, by: 1, taps: 1, apart: 1 }, ways),
        };
        for (axis, way) in others.iter().enumerate() {
            let step = self.slides[axis].lhs as isize;
            around.push(Loop { count: way.places(), step, out: 0, slide: Some((axis, 1)) });
        }
        let reach = (row.taps.max(1) - 1) * row.apart / row.by;
        let pitch = reach + row.results.next_multiple_of(MAX_COLUMNS);
        Patch { around, strands: row.by, pitch }
    }

    /// Numbers of the largest patch of tiles of this size.
    pub(super) fn patch_numbers(&self, tile: &TileSize) -> usize {
        let numbers = |phases: SmallVec<[Phase; 4]>| {
            let results = phases.iter().zip(slides_of(&self.routine.axes, tile));
            self.patch(&ways(results.map(|(phase, &size)| phase.most(size)), &phases)).numbers()
        };
        choices(&self.phases).map(numbers).max().unwrap_or(0)
    }

    /// Channels of a tile.
    fn channels(&self) -> usize {
        let channels = self.routine.axes.iter().zip(&self.tile).filter(|(axis, _)| is_channel(axis));
        channels.map(|(_, &n)| n as usize).product()
    }

    /// Bytes of scratch memory, each a multiple of those of a cache line: places of terms, weights, a row of results of each channel, and the patch.
    fn parts_of_rows(&self) -> [usize; 4] {
        let (channels, terms) = (self.channels(), self.routine.terms() as usize);
        let row = slides_of(&self.routine.axes, &self.tile).last().map_or(1, |&size| size as usize);
        let size = self.output.size();
        let row = row.next_multiple_of(MAX_COLUMNS) * channels * size;
        [terms * size_of::<isize>(), terms * channels * size, row, self.patch * size]
            .map(|bytes| bytes.next_multiple_of(ALIGNMENT))
    }

    /// Bytes of the scratch memory of a tile.
    pub(super) fn row_bytes(&self) -> usize {
        self.parts_of_rows().iter().sum()
    }

    /// # Safety
    /// As of [`ConvolutionPlan::run_tile`]; the convolution [`fits`], and `N` is its element type.
    pub(super) unsafe fn run_rows<N: Kernel + Packs>(
        &self,
        tile: u64,
        operands: [*const u8; 2],
        out: *mut u8,
        scratch: *mut u8,
    ) {
        let mut part = self.part(tile);
        let groups = self.groups();
        let all = groups.map_or(0..1, |axis| part[axis].clone());
        for group in all {
            if let Some(axis) = groups {
                part[axis] = group..group + 1;
            }
            for phases in choices(&self.phases) {
                if let Some(job) = Job::new(self, &part, &phases, operands, out) {
                    let results = phases.iter().zip(slides_of(&self.routine.axes, &part));
                    let ways = ways(results.map(|(phase, range)| phase.among(range).1), &phases);
                    // SAFETY: the job is a part of the tile.
                    unsafe { self.run_phase::<N>(&job, &ways, scratch) };
                }
            }
        }
    }

    /// The innermost axis of groups.
    fn groups(&self) -> Option<usize> {
        self.routine.axes.iter().rposition(|axis| matches!(axis, ConvolutionAxis::Batch(l) if l.extent > 1))
    }

    /// # Safety
    /// As of [`Self::run_rows`], for a phase of one group and image.
    unsafe fn run_phase<N: Kernel + Packs>(&self, job: &Job<'_>, ways: &[Way], scratch: *mut u8) {
        let [places, weights, row, _] = self.parts_of_rows();
        let to_weights = scratch.wrapping_add(places);
        let to_row = to_weights.wrapping_add(weights);
        let elements = to_row.wrapping_add(row).cast::<N>();
        let (weights, row_of_results) = (to_weights.cast::<N>(), to_row.cast::<N>());
        let patch = self.patch(ways);
        let [channels, pixels] = &job.sides;
        // SAFETY: the scratch memory is aligned, and has room for the weights and places of all terms and for the patch.
        let terms = unsafe {
            order_weights(channels, weights);
            self.fill(job, &patch, elements);
            self.terms_of_rows(&patch, ways, scratch.cast())
        };
        let last = self.slides.len() - 1;
        let is_row = |l: &Loop| l.slide.is_some_and(|(axis, _)| axis == last);
        let step = pixels.lanes.iter().find(|l| is_row(l)).map_or(1, |l| l.out);
        let around: Loops = pixels.lanes.iter().filter(|l| !is_row(l)).copied().collect();
        let offsets = Rows { lanes: &channels.lanes, step, of: ways[last].results };
        let strides = patch.strides();
        let mut cursor = Cursor::new(&around, self.slides.len(), 0);
        for _ in 0..count(&around) {
            let at: usize =
                self.slide_strides(&strides).zip(&cursor.places).map(|(s, &p)| s * p as usize).sum();
            let out = job.out.cast::<N>().wrapping_offset(cursor.out);
            // SAFETY: the terms are of the patch for all pixels of the row, and the results are the tile's.
            unsafe { offsets.run((elements.wrapping_add(at), terms, weights), out, row_of_results) };
            cursor.advance();
        }
    }

    /// The steps in a patch from place to place along the axes around its rows.
    fn slide_strides<'s>(&self, strides: &'s [usize]) -> impl Iterator<Item = &'s usize> {
        strides[strides.len() + 1 - self.slides.len()..].iter()
    }

    /// Copies the elements of a patch.
    ///
    /// # Safety
    /// As of [`Self::run_rows`]; `to` is writable for the patch.
    unsafe fn fill<N: Packs>(&self, job: &Job<'_>, patch: &Patch, to: *mut N) {
        let source = job.source::<N>(1);
        let row = self.slides.len() - 1;
        let element = self.slides[row].lhs as isize;
        let step = element.wrapping_mul(patch.strands as isize);
        let along = Loop { count: patch.pitch, step, out: 0, slide: Some((row, patch.strands as i64)) };
        for strand in 0..patch.strands {
            let mut places: Places = source.places.into();
            places[row] += strand as i64;
            let skipped = element.wrapping_mul(strand as isize).wrapping_mul(source.bytes);
            let strands = Source {
                from: source.from.wrapping_offset(skipped),
                lanes: std::slice::from_ref(&along),
                depth: &patch.around,
                places: &places,
                ..source
            };
            let to = to.wrapping_add(strand * patch.pitch);
            let target = Target { to, lane: 1, depth: patch.strands * patch.pitch };
            // SAFETY: the caller's promise.
            unsafe { strands.gather(0..patch.pitch, 0..count(&patch.around), target) };
        }
    }

    /// Where the elements of each term begin in a patch, in the order of the sum.
    ///
    /// # Safety
    /// `to` is aligned, and writable for all terms while the result lives.
    unsafe fn terms_of_rows<'t>(&self, patch: &Patch, ways: &[Way], to: *mut isize) -> &'t [isize] {
        let strides = patch.strides();
        let mut of_sums = strides.iter();
        let of_slides: Vec<usize> = self.slide_strides(&strides).copied().collect();
        let row = self.slides.len() - 1;
        let term = |sum: &ConvolutionSum| match *sum {
            ConvolutionSum::Loop(l) => {
                let step = of_sums.next().copied().unwrap_or(0) as isize;
                Loop { count: l.extent as usize, step, out: 0, slide: None }
            }
            ConvolutionSum::Taps(axis) => {
                let (axis, way) = (axis as usize, ways[axis as usize]);
                let step = if axis == row { 0 } else { of_slides[axis] * way.apart };
                Loop { count: way.taps, step: step as isize, out: 0, slide: Some((axis, way.apart as i64)) }
            }
        };
        let loops: Loops = self.routine.sums.iter().map(term).collect();
        let mut cursor = Cursor::new(&loops, self.slides.len(), 0);
        for number in 0..count(&loops) {
            let place = cursor.places[row] as usize;
            let (strand, element) = (place % patch.strands, place / patch.strands);
            let term = cursor.offset + (strand * patch.pitch + element) as isize;
            // SAFETY: the caller's promise; a phase has no more terms than the convolution.
            unsafe { to.add(number).write(term) };
            cursor.advance();
        }
        // SAFETY: all of them have been written.
        unsafe { std::slice::from_raw_parts(to, count(&loops)) }
    }
}

/// What there is for each axis along which taps slide.
fn slides_of<'a, T>(axes: &'a [ConvolutionAxis], of: &'a [T]) -> impl DoubleEndedIterator<Item = &'a T> {
    axes.iter().zip(of).filter(|(axis, _)| matches!(axis, ConvolutionAxis::Slide(_))).map(|(_, of)| of)
}

/// Weights term by term, those of the channels of a term side by side.
///
/// # Safety
/// The side is that of the channels, of numbers as they are, readable for all terms; `to` is writable for all weights.
unsafe fn order_weights<N: Kernel>(channels: &Side, to: *mut N) {
    let from = channels.from.cast::<N>();
    let (lanes, terms) = (count(&channels.lanes), count(&channels.depth));
    let mut lane = Cursor::new(&channels.lanes, 0, 0);
    for channel in 0..lanes {
        let mut depth = Cursor::new(&channels.depth, 0, 0);
        for term in 0..terms {
            let at = lane.offset.wrapping_add(depth.offset);
            // SAFETY: the caller's promise.
            unsafe { *to.add(term * lanes + channel) = from.wrapping_offset(at).read_unaligned() };
            depth.advance();
        }
        lane.advance();
    }
}

/// Where the results of a row go: loops over channels, the step from pixel to pixel, and pixels.
struct Rows<'a> {
    lanes: &'a [Loop],
    step: isize,
    of: usize,
}

impl Rows<'_> {
    /// Computes the results of a row, of all channels.
    ///
    /// # Safety
    /// The elements of all terms are readable for the row, a multiple of [`MAX_COLUMNS`] long, and so are their weights; `out` is writable for the results, and `spare`
    /// for a row of each channel.
    unsafe fn run<N: Kernel>(
        &self,
        (x, terms, weights): (*mut N, &[isize], *mut N),
        out: *mut N,
        spare: *mut N,
    ) {
        let channels = count(self.lanes);
        let pitch = self.of.next_multiple_of(MAX_COLUMNS);
        // Results of one channel that are adjacent are computed where they belong.
        let in_place = self.step == 1 && channels == 1 && self.of.is_multiple_of(MAX_COLUMNS);
        let to = if in_place { out } else { spare };
        for first in (0..terms.len().max(1)).step_by(DEPTH) {
            let sum = Slid {
                x: x.cast_const(),
                terms: &terms[first..terms.len().min(first + DEPTH)],
                weights: weights.wrapping_add(first * channels).cast_const(),
                channels,
                out: to,
                out_step: pitch,
                lanes: pitch,
                adds: first > 0,
            };
            // SAFETY: the caller's promise.
            unsafe { (N::kernels().slid)(&sum) };
        }
        if in_place {
            return;
        }
        let mut lane = Cursor::new(self.lanes, 0, 0);
        for channel in 0..channels {
            let from = spare.wrapping_add(channel * pitch).cast_const();
            let out = out.wrapping_offset(lane.out);
            // SAFETY: the caller's promise.
            unsafe {
                if self.step == 1 {
                    std::ptr::copy_nonoverlapping(from, out, self.of);
                } else {
                    (0..self.of).for_each(|i| *out.offset(i as isize * self.step) = *from.add(i));
                }
            }
            lane.advance();
        }
    }
}
