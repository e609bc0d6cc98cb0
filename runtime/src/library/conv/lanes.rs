//! Convolutions of adjacent groups that have one channel each: depthwise ones with channels last.
//!
//! As products they would have one column. Here groups are the lanes of registers: a result is the sum of what its taps meet, each times a vector of weights,
//! which are put in order once for a tile. The terms of a sum and their order are those of a product, and so are the bits.

use smallvec::SmallVec;
use tensorwright_compiler::program::{Convolution, ConvolutionAxis, TileSize};
use tensorwright_ir::DType;

use super::loops::{Cursor, Loop, Loops, Places, count};
use super::plan::{ConvolutionPlan, is_channel, is_pixel, share};
use crate::library::matmul::{Kernel, Weighted};

/// Taps up to which a sum is one block.
const MOST_TAPS: u64 = 128;
/// Lanes from which registers are full enough.
const FEWEST_LANES: u64 = 8;
const MOST_LANES: u64 = 512;
/// Pixels of a tile.
const MOST_PIXELS: u64 = 256;

/// Whether lanes are groups.
pub(super) fn fits(routine: &Convolution) -> bool {
    let innermost = routine.axes.iter().rev().find(|axis| axis.extent() != 1);
    let adjacent =
        matches!(innermost, Some(ConvolutionAxis::Batch(l)) if l.lhs == 1 && l.extent >= FEWEST_LANES);
    let whole = routine.slides().all(|slide| slide.element_places == 1 && slide.elements > 0);
    let taps: u64 = routine.slides().fold(1, |taps, slide| taps.saturating_mul(slide.taps));
    routine.input == routine.output
        && matches!(routine.input, DType::F32 | DType::F64)
        && routine.axes.iter().all(|axis| !is_channel(axis) || axis.extent() == 1)
        && adjacent
        && whole
        && routine.terms() == taps
        && (1..=MOST_TAPS).contains(&taps)
}

/// The size of tiles along each axis.
pub(super) fn tile(axes: &[ConvolutionAxis]) -> TileSize {
    let (mut pixels, mut lanes) = (MOST_PIXELS, Some(MOST_LANES));
    let mut tile: TileSize = SmallVec::new();
    for axis in axes.iter().rev() {
        tile.push(match axis {
            axis if is_pixel(axis) => share(axis.extent(), &mut pixels),
            ConvolutionAxis::Batch(l) if l.extent != 1 => match lanes.take() {
                Some(mut lanes) => share(l.extent, &mut lanes),
                None => 1,
            },
            _ => 1,
        });
    }
    tile.reverse();
    tile
}

/// Where a tile begins, and its loops.
struct Tile {
    lhs: isize,
    rhs: isize,
    out: isize,
    lanes: usize,
    weight_step: isize,
    pixels: Loops,
    places: Places,
}

/// For each tap its offset in the operand, that of its weights, and its places.
type Taps = SmallVec<[(isize, isize, Places); 16]>;
/// Where the vectors of each term begin, in the operand and in the weights.
type Terms = SmallVec<[(isize, isize); 16]>;

impl ConvolutionPlan {
    /// Bytes of the weights of a tile.
    pub(super) fn weight_bytes(&self) -> usize {
        self.routine.terms() as usize * MOST_LANES as usize * self.input.size()
    }

    /// # Safety
    /// As of [`ConvolutionPlan::run_tile`]; the convolution [`fits`], and `N` is its element type.
    pub(super) unsafe fn run_lanes<N: Kernel>(
        &self,
        tile: u64,
        operands: [*const u8; 2],
        out: *mut u8,
        scratch: *mut u8,
    ) {
        let part = self.tile_of_lanes(tile);
        let weights = scratch.cast::<N>();
        let rhs = operands[1].cast::<N>().wrapping_offset(part.rhs);
        // SAFETY: the weights are within the operand, and there is room for all taps.
        let taps = unsafe { self.taps_in_order(&part, rhs, weights) };
        let (around, row) = match part.pixels.split_last() {
            Some((&row, around)) => (around, row),
            None => (&part.pixels[..], Loop { count: 1, step: 0, out: 0, slide: None }),
        };
        let mut cursor = Cursor::new(around, self.slides.len(), 0);
        let mut terms: Terms = SmallVec::new();
        for _ in 0..count(around) {
            let (before, after) = self.whole(&row, &part);
            let at = |axis: usize| part.places[axis] + cursor.places[axis];
            let mut first = 0;
            while first < row.count {
                // Where all taps of a row of pixels are inside they have the same terms.
                let pixels = if first == before && before < after { after - before } else { 1 };
                let place = |axis| {
                    at(axis) + row.slide.map_or(0, |(of, by)| if of == axis { by * first as i64 } else { 0 })
                };
                self.met(&taps, place, &mut terms);
                let x =
                    part.lhs.wrapping_add(cursor.offset).wrapping_add(row.step.wrapping_mul(first as isize));
                let weighted = Weighted {
                    x: operands[0].cast::<N>().wrapping_offset(x),
                    weights: weights.cast_const(),
                    terms: &terms,
                    out: out.cast::<N>().wrapping_offset(part.out + cursor.out + row.out * first as isize),
                    lanes: part.lanes,
                    places: pixels,
                    x_step: row.step,
                    out_step: row.out,
                };
                // SAFETY: elements of taps that are inside are readable, and the pixels are of the tile.
                unsafe { (N::kernels().weighted)(&weighted) };
                first += pixels;
            }
            cursor.advance();
        }
    }

    /// Weights of a tile in the order of the sum, and where the taps are.
    ///
    /// # Safety
    /// `rhs` is the first weight of the tile, and `weights` is writable for those of all taps.
    unsafe fn taps_in_order<N: Kernel>(&self, part: &Tile, rhs: *const N, weights: *mut N) -> Taps {
        let loops = self.tap_loops();
        let mut taps = Taps::new();
        let mut cursor = Cursor::new(&loops, self.slides.len(), 0);
        for tap in 0..count(&loops) {
            // The result's step of a tap's loop is its step in the weights.
            let from = rhs.wrapping_offset(cursor.out);
            for lane in 0..part.lanes {
                // SAFETY: the caller's promise.
                unsafe {
                    *weights.add(tap * part.lanes + lane) = *from.offset(lane as isize * part.weight_step)
                };
            }
            taps.push((cursor.offset, (tap * part.lanes) as isize, cursor.places.clone()));
            cursor.advance();
        }
        taps
    }

    /// The pixels of a row all of whose taps are inside along it: the first one, and that behind the last.
    fn whole(&self, row: &Loop, part: &Tile) -> (usize, usize) {
        let Some((axis, by)) = row.slide else { return (0, row.count) };
        let slide = &self.slides[axis];
        let (first, way) = (part.places[axis], (slide.taps as i64 - 1) * slide.tap_places as i64);
        let number = |places: i64| (places.max(0) as u64).div_ceil(by as u64).min(row.count as u64) as usize;
        (number(-first), number(slide.elements as i64 - way - first))
    }

    /// The terms of a pixel whose first tap is at a place of each axis.
    fn met(&self, taps: &Taps, first: impl Fn(usize) -> i64, terms: &mut Terms) {
        let inside = |(_, _, places): &&(isize, isize, Places)| {
            (0..self.slides.len())
                .all(|axis| (0..self.slides[axis].elements as i64).contains(&(first(axis) + places[axis])))
        };
        terms.clear();
        terms.extend(taps.iter().filter(inside).map(|&(offset, weight, _)| (offset, weight)));
    }

    /// Loops over taps, whose result's steps are those of the weights, in the order of the sum.
    fn tap_loops(&self) -> Loops {
        use tensorwright_compiler::program::ConvolutionSum::Taps;
        let mut loops = Loops::new();
        for sum in &self.routine.sums {
            if let Taps(axis) = *sum {
                let slide = &self.slides[axis as usize];
                let places = slide.tap_places as i64;
                loops.push(Loop {
                    count: slide.taps as usize,
                    step: (places as isize).wrapping_mul(slide.lhs as isize),
                    out: slide.rhs as isize,
                    slide: Some((axis as usize, places)),
                });
            }
        }
        loops
    }

    fn tile_of_lanes(&self, tile: u64) -> Tile {
        let routine = &self.routine;
        let innermost = routine.axes.iter().rposition(|axis| axis.extent() != 1);
        let mut part = Tile {
            lhs: routine.lhs_offset as isize,
            rhs: routine.rhs_offset as isize,
            out: 0,
            lanes: 1,
            weight_step: 0,
            pixels: Loops::new(),
            places: Places::new(),
        };
        for (at, (axis, range)) in routine.axes.iter().zip(self.part(tile)).enumerate() {
            let (start, length) = (range.start as isize, (range.end - range.start) as usize);
            part.out += start * self.out[at];
            match axis {
                ConvolutionAxis::Batch(l) => {
                    part.lhs += start * l.lhs as isize;
                    part.rhs += start * l.rhs as isize;
                    if Some(at) == innermost {
                        (part.lanes, part.weight_step) = (length, l.rhs as isize);
                    }
                }
                ConvolutionAxis::Right(_) => {}
                ConvolutionAxis::Left(l) => {
                    part.lhs += start * l.lhs as isize;
                    let step = l.lhs as isize;
                    part.pixels.push(Loop { count: length, step, out: self.out[at], slide: None });
                }
                ConvolutionAxis::Slide(slide) => {
                    let by = slide.by as i64;
                    let place = slide.from + range.start as i64 * by;
                    part.lhs = part.lhs.wrapping_add((place as isize).wrapping_mul(slide.lhs as isize));
                    part.pixels.push(Loop {
                        count: length,
                        step: (by as isize).wrapping_mul(slide.lhs as isize),
                        out: self.out[at],
                        slide: Some((part.places.len(), by)),
                    });
                    part.places.push(place);
                }
            }
        }
        part
    }
}
