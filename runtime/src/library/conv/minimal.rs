//! Convolutions with 3 x 3 taps by Winograd's minimal filtering, where results may change in their last bits.
//!
//! A tile of the result is cut into blocks of 4 x 4. The windows of all blocks are transformed into 36 matrices of blocks by channels, each is multiplied with the matrix of transformed
//! taps, which is packed ahead, and panel by panel of channels the products are transformed into results. That is a quarter of the multiplications, and nine times less gathering; the taps take four times the memory.

use std::ops::Range;

use smallvec::SmallVec;
use tensorwright_compiler::program::{
    Convolution, ConvolutionAxis, ConvolutionLoop, ConvolutionSum, Slide, TileSize,
};
use tensorwright_ir::DType;

use super::plan::{ConvolutionPlan, is_channel, is_pixel, share};
use crate::library::matmul::{
    Block, DEPTH, Filtered, Kernel, MATRICES, MAX_COLUMNS, RESULTS, Repeat, Room, RowPanels, TAPS, WINDOW,
    Window, register_rows, taps,
};

/// Channels of an image, and of the result, from which registers are full.
const FEWEST_CHANNELS: u64 = 16;
/// Blocks of a tile, for as many as there is memory in the caches.
const MOST_BLOCKS: u64 = 32;
const FEWEST_BLOCKS: u64 = 12;
/// Numbers of the transformed windows of a tile.
const MOST_NUMBERS: u64 = 1 << 18;
/// Channels of the result that a tile has.
const MOST_CHANNELS: u64 = 256;
/// Channels below which transforming the windows once more for each tile takes long.
const ENOUGH_CHANNELS: u64 = 64;
/// Tiles that a large convolution should have, and multiplications of one that is worth a thread's attention.
const WANTED_TILES: u64 = 12;
const LEAST_WORK: u64 = 1 << 20;

/// What is needed of a convolution that can be computed so.
struct Shape {
    /// Channels of the image.
    depth: ConvolutionLoop,
    /// Channels of the result.
    channels: ConvolutionLoop,
    slides: [Slide; 2],
    /// Images.
    images: u64,
}

impl Shape {
    /// `None` if the convolution is another one.
    fn of(routine: &Convolution) -> Option<Shape> {
        let slides: SmallVec<[Slide; 2]> = routine.slides().copied().collect();
        let plain = |slide: &Slide| {
            (slide.taps, slide.by, slide.element_places, slide.tap_places) == (TAPS as u64, 1, 1, 1)
                && slide.elements > 0
        };
        let mut sums = routine.sums.iter().filter_map(|sum| match sum {
            ConvolutionSum::Loop(l) if l.extent != 1 => Some(*l),
            _ => None,
        });
        let depth = sums.next().filter(|l| l.lhs == 1 && sums.next().is_none())?;
        let mut channels = routine.axes.iter().filter_map(|axis| match axis {
            ConvolutionAxis::Right(l) if l.extent != 1 => Some(*l),
            _ => None,
        });
        let channels = channels.next().filter(|_| channels.next().is_none())?;
        let innermost = routine.axes.iter().rev().find(|axis| axis.extent() != 1)?;
        let images = routine.axes.iter().filter(|axis| matches!(axis, ConvolutionAxis::Left(_)));
        let fits = (routine.input, routine.output) == (DType::F32, DType::F32)
            && slides.iter().all(plain)
            && is_channel(innermost)
            && depth.extent.min(channels.extent) >= FEWEST_CHANNELS;
        let slides: [Slide; 2] = slides.into_inner().ok().filter(|_| fits)?;
        let images = images.map(ConvolutionAxis::extent).fold(1, u64::saturating_mul);
        Some(Shape { depth, channels, slides, images })
    }

    /// Whether it takes less time than adding term by term, in multiplications of a pair of channels: those of matrices, the transforms, and reading what is four times as much as taps.
    fn gains(&self) -> bool {
        const TRANSFORM: f64 = 210.0;
        const TAPS_READ: f64 = 400.0;
        let of = |each: fn(&Slide) -> u64| -> f64 { self.slides.iter().map(|s| each(s) as f64).product() };
        let pixels = of(|slide| slide.results) * self.images as f64;
        let blocks = of(|slide| slide.results.div_ceil(RESULTS as u64)) * self.images as f64;
        let transforms = TRANSFORM / self.channels.extent as f64 + TRANSFORM / self.depth.extent as f64;
        let minimal = blocks * (1.1 * MATRICES as f64 + transforms) + TAPS_READ;
        minimal < 0.8 * (TAPS * TAPS) as f64 * pixels
    }
}

/// The size of tiles along each axis, if a convolution is computed so.
pub(super) fn tile(routine: &Convolution) -> Option<TileSize> {
    let shape = Shape::of(routine).filter(|shape| routine.reassociates && shape.gains())?;
    let numbers = MATRICES as u64 * shape.depth.extent;
    let (mut blocks, mut channels) = (
        (MOST_NUMBERS / numbers).clamp(FEWEST_BLOCKS, MOST_BLOCKS),
        MOST_CHANNELS.min(shape.channels.extent),
    );
    let wanted = (routine_work(routine) / LEAST_WORK).clamp(1, WANTED_TILES);
    loop {
        let tile = boxes(&routine.axes, blocks, channels);
        let count = routine.axes.iter().zip(&tile).map(|(axis, &n)| axis.extent().div_ceil(n.max(1)));
        if count.fold(1, u64::saturating_mul) >= wanted {
            return Some(tile);
        }
        match (channels >= 2 * ENOUGH_CHANNELS, blocks >= 2 * FEWEST_BLOCKS) {
            (true, _) => channels /= 2,
            (false, true) => blocks /= 2,
            (false, false) => return Some(tile),
        }
    }
}

fn routine_work(routine: &Convolution) -> u64 {
    let results = routine.axes.iter().map(ConvolutionAxis::extent);
    results.fold(routine.terms(), u64::saturating_mul)
}

/// Tiles of at most so many blocks and channels.
fn boxes(axes: &[ConvolutionAxis], mut blocks: u64, mut channels: u64) -> TileSize {
    let size = |axis: &ConvolutionAxis| match axis {
        ConvolutionAxis::Slide(slide) => {
            let along = share(slide.results.div_ceil(RESULTS as u64), &mut blocks);
            (along * RESULTS as u64).min(slide.results).max(1)
        }
        axis if is_pixel(axis) => share(axis.extent(), &mut blocks),
        axis if is_channel(axis) => share(axis.extent(), &mut channels),
        _ => 1,
    };
    let mut tile: TileSize = axes.iter().rev().map(size).collect();
    tile.reverse();
    tile
}

/// A block of a tile: the first element of its window, whether it exists or not, and its place; its first result, and how many there are.
#[derive(Clone, Copy, Default)]
struct Place {
    from: isize,
    places: [i64; 2],
    out: isize,
    results: [usize; 2],
}

/// As many as any tile has: those of one are kept without allocating.
type Blocks = SmallVec<[Place; MOST_BLOCKS as usize]>;

/// Where the parts of the scratch memory begin, in numbers.
struct Parts {
    products: usize,
    padded: usize,
    end: usize,
}

impl ConvolutionPlan {
    /// Bytes of scratch memory of a tile.
    pub(super) fn minimal_bytes(&self) -> usize {
        self.minimal_parts().map_or(0, |parts| parts.end * size_of::<f32>())
    }

    fn minimal_parts(&self) -> Option<Parts> {
        let depth = Shape::of(&self.routine)?.depth.extent as usize;
        let blocks: u64 = self
            .routine
            .axes
            .iter()
            .zip(&self.tile)
            .map(|(axis, &tile)| match axis {
                ConvolutionAxis::Slide(_) => tile.div_ceil(RESULTS as u64),
                axis if is_pixel(axis) => tile,
                _ => 1,
            })
            .product();
        let windows = MATRICES * blocks as usize * depth;
        let products = MATRICES * blocks as usize * MAX_COLUMNS;
        let [windows, products, padded] =
            [windows, products, MATRICES * depth].map(|numbers| numbers.next_multiple_of(16));
        Some(Parts { products: windows, padded: windows + products, end: windows + products + padded })
    }

    /// Numbers of a box of transformed taps.
    pub(super) fn minimal_numbers(&self, padded_channels: usize) -> usize {
        Shape::of(&self.routine).map_or(0, |shape| MATRICES * shape.depth.extent as usize * padded_channels)
    }

    /// Transforms the taps of some channels: panel by panel of channels one matrix after the other, as kernels read them.
    ///
    /// # Safety
    /// `rhs` is readable as far as the routine reaches, and `to` is writable for [`minimal_numbers`](Self::minimal_numbers). Elements are f32.
    pub(super) unsafe fn pack_minimal(&self, part: &[Range<u64>], rhs: *const f32, to: *mut f32) {
        let Some(shape) = Shape::of(&self.routine) else { return };
        let width = f32::kernels().columns;
        let depth = shape.depth.extent as usize;
        let (mut from, mut channels) = (self.routine.rhs_offset as isize, 0..0);
        for (axis, range) in self.routine.axes.iter().zip(part) {
            if let ConvolutionAxis::Batch(l) | ConvolutionAxis::Right(l) = axis {
                from += range.start as isize * l.rhs as isize;
            }
            if is_channel(axis) && axis.extent() != 1 {
                channels = 0..(range.end - range.start) as usize;
            }
        }
        let steps = shape.slides.map(|slide| slide.rhs as isize);
        for panel in channels.clone().step_by(width) {
            let to = to.wrapping_add(panel * MATRICES * depth);
            for term in 0..depth {
                for lane in 0..width {
                    let channel = (panel + lane).min(channels.end - 1);
                    let at = from
                        + term as isize * shape.depth.rhs as isize
                        + channel as isize * shape.channels.rhs as isize;
                    let tap = |y: usize, x: usize| {
                        // SAFETY: the taps of a pair of channels are elements.
                        unsafe { *rhs.offset(at + y as isize * steps[0] + x as isize * steps[1]) }
                    };
                    let changed = taps(std::array::from_fn(|y| std::array::from_fn(|x| tap(y, x))));
                    for (matrix, &number) in changed.as_flattened().iter().enumerate() {
                        // SAFETY: the panel has room for all matrices.
                        unsafe { *to.add((matrix * depth + term) * width + lane) = number };
                    }
                }
            }
        }
    }

    /// # Safety
    /// As of [`ConvolutionPlan::run_tile`]; the right operand is packed by [`pack_minimal`](Self::pack_minimal), and `N` is the element type.
    pub(super) unsafe fn run_minimal<N: Kernel>(
        &self,
        tile: u64,
        operands: [*const u8; 2],
        out: *mut u8,
        scratch: *mut u8,
    ) {
        let (Some(shape), Some(parts)) = (Shape::of(&self.routine), self.minimal_parts()) else { return };
        let part = self.part(tile);
        let Some(packed) = self.packed_tile::<N>(&part, operands[1]) else { return };
        let (blocks, channels) = self.blocks(&part);
        let memory = scratch.cast::<N>();
        let run = Run {
            plan: self,
            depth: shape.depth.extent as usize,
            shape,
            image: operands[0].cast(),
            out: out.cast(),
            blocks: &blocks,
            windows: memory,
            products: memory.wrapping_add(parts.products),
            padded: memory.wrapping_add(parts.padded),
        };
        // SAFETY: the caller's promise, for the blocks of the tile.
        unsafe {
            run.transform();
            let width = N::kernels().columns;
            for first in (0..channels).step_by(width) {
                let panel = packed.wrapping_add(first * MATRICES * run.depth);
                run.panel(panel, first, width.min(channels - first));
            }
        }
    }

    /// The blocks of a tile, and how many channels it has.
    fn blocks(&self, part: &[Range<u64>]) -> (Blocks, usize) {
        let first = Place { from: self.routine.lhs_offset as isize, results: [1, 1], ..Place::default() };
        let mut channels = 1;
        let mut blocks: Blocks = SmallVec::from_slice(&[first]);
        let mut slide_number = 0;
        for ((axis, range), &step) in self.routine.axes.iter().zip(part).zip(&self.out) {
            let count = (range.end - range.start) as usize;
            match axis {
                ConvolutionAxis::Slide(slide) => {
                    let number = slide_number;
                    slide_number += 1;
                    spread(&mut blocks, count.div_ceil(RESULTS), |block, at| {
                        let result = range.start + (at * RESULTS) as u64;
                        let place = result as i64 + slide.from;
                        block.from =
                            block.from.wrapping_add((place as isize).wrapping_mul(slide.lhs as isize));
                        block.places[number] = place;
                        block.out += result as isize * step;
                        block.results[number] = RESULTS.min(count - at * RESULTS);
                    });
                }
                ConvolutionAxis::Left(l) => spread(&mut blocks, count, |block, at| {
                    block.from += (range.start as isize + at as isize) * l.lhs as isize;
                    block.out += (range.start as isize + at as isize) * step;
                }),
                ConvolutionAxis::Batch(l) | ConvolutionAxis::Right(l) => {
                    if is_channel(axis) && axis.extent() != 1 {
                        channels = count;
                    }
                    spread(&mut blocks, 1, |block, _| {
                        block.from += range.start as isize * l.lhs as isize;
                        block.out += range.start as isize * step;
                    });
                }
            }
        }
        (blocks, channels)
    }
}

/// Each of the blocks as so many, in order.
fn spread(blocks: &mut Blocks, count: usize, mut each: impl FnMut(&mut Place, usize)) {
    let spread = blocks.iter().flat_map(|&block| (0..count).map(move |at| (block, at)));
    *blocks = spread
        .map(|(mut block, at)| {
            each(&mut block, at);
            block
        })
        .collect();
}

/// A tile at work.
struct Run<'a, N> {
    plan: &'a ConvolutionPlan,
    shape: Shape,
    depth: usize,
    image: *const N,
    out: *mut N,
    blocks: &'a [Place],
    windows: *mut N,
    products: *mut N,
    /// Room for one window with its padding.
    padded: *mut N,
}

impl<N: Kernel> Run<'_, N> {
    /// Transforms the windows of all blocks.
    ///
    /// # Safety
    /// As of [`ConvolutionPlan::run_minimal`].
    unsafe fn transform(&self) {
        let [rows, columns] = &self.shape.slides;
        for (number, block) in self.blocks.iter().enumerate() {
            let inside = |axis: usize, slide: &Slide| {
                block.places[axis] >= 0 && block.places[axis] + WINDOW as i64 <= slide.elements as i64
            };
            let window = Window {
                from: self.image.wrapping_offset(block.from),
                row: rows.lhs as isize,
                column: columns.lhs as isize,
                to: self.windows.wrapping_add(number * self.depth),
                matrix: self.blocks.len() * self.depth,
                lanes: self.depth,
            };
            // SAFETY: what is inside is readable, and there is room for all blocks.
            unsafe {
                let window = match inside(0, rows) && inside(1, columns) {
                    true => window,
                    false => self.with_padding(block, window),
                };
                (N::kernels().window)(&window);
            }
        }
    }

    /// A window that reaches over the border, as a copy with zeros there.
    ///
    /// # Safety
    /// As of [`Self::transform`].
    unsafe fn with_padding(&self, block: &Place, window: Window<N>) -> Window<N> {
        let there = |axis: usize, at: usize| {
            (0..self.shape.slides[axis].elements as i64).contains(&(block.places[axis] + at as i64))
        };
        for y in 0..WINDOW {
            for x in 0..WINDOW {
                let to = self.padded.wrapping_add((y * WINDOW + x) * self.depth);
                let from = window.from.wrapping_offset(y as isize * window.row + x as isize * window.column);
                // SAFETY: the channels of an element that is there are readable, and there is room for a window.
                unsafe {
                    match there(0, y) && there(1, x) {
                        true => from.copy_to_nonoverlapping(to, self.depth),
                        false => (0..self.depth).for_each(|lane| *to.add(lane) = N::ZERO),
                    }
                }
            }
        }
        let column = self.depth as isize;
        Window { from: self.padded, row: WINDOW as isize * column, column, ..window }
    }

    /// Multiplies all matrices with a panel of taps, and transforms the products into results.
    ///
    /// # Safety
    /// As of [`ConvolutionPlan::run_minimal`]; the panel is that of the channels from `first` on.
    unsafe fn panel(&self, panel: *const N, first: usize, channels: usize) {
        let kernels = N::kernels();
        let (blocks, width) = (self.blocks.len(), kernels.columns);
        let height = kernels.panel_rows(blocks, channels);
        for matrix in 0..MATRICES {
            let left = self.windows.wrapping_add(matrix * blocks * self.depth);
            let right = panel.wrapping_add(matrix * self.depth * width);
            let products = self.products.wrapping_add(matrix * blocks * width);
            for start in (0..self.depth).step_by(DEPTH) {
                let block = Block {
                    depth: DEPTH.min(self.depth - start),
                    a: left.wrapping_add(start).cast_const(),
                    a_row: self.depth as isize,
                    a_depth: 1,
                    a_terms: &[],
                    b: right.wrapping_add(start * width),
                    b_step: width as isize,
                    out: products,
                    out_row: width as isize,
                    adds: start > 0,
                    repeat: Repeat::ONCE,
                };
                let rows = RowPanels { count: blocks, height, step: (height * self.depth) as isize };
                // SAFETY: windows, taps and products of the rows are in the memory of the tile.
                unsafe { register_rows(kernels, &block, rows, channels, Room::Whole) };
            }
        }
        let mut steps = self
            .plan
            .routine
            .axes
            .iter()
            .zip(&self.plan.out)
            .filter_map(|(axis, &step)| matches!(axis, ConvolutionAxis::Slide(_)).then_some(step));
        let (row, column) = (steps.next().unwrap_or(0), steps.next().unwrap_or(0));
        for (number, block) in self.blocks.iter().enumerate() {
            let filtered = Filtered {
                from: self.products.wrapping_add(number * width).cast_const(),
                matrix: blocks * width,
                out: self.out.wrapping_offset(block.out).wrapping_add(first),
                row,
                column,
                results: block.results,
                lanes: channels,
            };
            // SAFETY: the results are those of the tile.
            unsafe { (kernels.filtered)(&filtered) };
        }
    }
}
