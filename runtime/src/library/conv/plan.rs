//! How a convolution is cut into tiles. Only the description decides.

use std::ops::Range;

use smallvec::SmallVec;
use tensorwright_compiler::program::{Convolution, ConvolutionAxis, ConvolutionLoop, Slide, TileSize};

use super::phase::Phase;
use super::{lanes, minimal, rows, spread};
use crate::library::error::RoutineError;
use crate::library::matmul::{DEPTH, Element, UnsupportedProduct, widens};

/// Rows of a tile whose block of depth stays in L2: so many of whole blocks, and as many more of shorter ones as have as many numbers, up to a limit.
const MOST_ROWS: u64 = 240;
const MOST_SHORT_ROWS: u64 = 960;
/// Columns of a tile whose results stay in the caches for what follows.
const MOST_COLUMNS: u64 = 256;
/// Rows and columns below which a tile repeats too much work.
const LEAST: [u64; 2] = [24, 32];
/// Channels below which registers full of channels are too empty.
const FEW_CHANNELS: u64 = 8;
/// Tiles that a large convolution should have, so that threads end together.
const WANTED_TILES: u64 = 24;
/// Tiles that will do where more of them would be so small that gathering takes as long as multiplying.
const ENOUGH_TILES: u64 = 8;
/// Rows and columns of a tile for which gathering takes little.
const ROOMY: [u64; 2] = [48, 64];
/// Multiplications below which a tile is not worth a thread's attention.
const LEAST_WORK: u64 = 1 << 17;

/// Which of the operands' lanes are adjacent in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orientation {
    /// Channels: pixels are the rows.
    Channels,
    /// Pixels: channels are the rows.
    Pixels,
}

/// How a tile is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// As products of gathered matrices.
    Products,
    /// With groups as lanes.
    Lanes,
    /// With channels of several groups as lanes.
    Spread,
    /// With pixels of a row as lanes.
    Rows,
    /// By minimal filtering.
    Minimal,
}

/// A planned convolution.
#[derive(Clone, Debug)]
pub(crate) struct ConvolutionPlan {
    pub(super) routine: Convolution,
    pub(super) input: Element,
    pub(super) output: Element,
    /// Steps of the result's axes, in elements.
    pub(super) out: SmallVec<[isize; 6]>,
    /// Axes along which taps slide, in the order of the result.
    pub(super) slides: Vec<Slide>,
    /// Phases along each of them.
    pub(super) phases: Vec<Vec<Phase>>,
    pub(super) method: Method,
    pub(super) orientation: Orientation,
    /// Size of all tiles but those at far edges, for each axis of the result.
    pub(super) tile: TileSize,
    pub(super) tiles: u64,
    pub(super) work_per_tile: u64,
    /// Numbers of the elements that a tile copies first at most, where pixels of a row are lanes and where images are read in place.
    pub(super) patch: usize,
    /// Whether minimal filtering is the method once taps are packed.
    pub(super) is_minimal: bool,
    /// Whether numbers are pairs of neighbouring terms ([`pairs`](super::pairs)).
    pub(super) pairs: bool,
    /// Whether the right operand is given as [`Self::pack_part`] makes it.
    pub(super) prepacked: bool,
}

impl ConvolutionPlan {
    /// Decides how to compute a convolution.
    ///
    /// # Errors
    /// When there are no products of such elements, or its places are too many to be counted.
    pub(crate) fn new(routine: &Convolution) -> Result<ConvolutionPlan, RoutineError> {
        let (input, output) = (Element::from(routine.input), Element::from(routine.output));
        if !widens(input.accumulator(), output.accumulator()) {
            return Err(UnsupportedProduct { input, output }.into());
        }
        let slides: Vec<Slide> = routine.slides().copied().collect();
        if !slides.iter().all(Slide::is_moderate) {
            return Err(RoutineError::TooFar);
        }
        let mut plan = ConvolutionPlan {
            input,
            output,
            out: steps(&routine.axes),
            phases: slides.iter().map(Phase::all).collect(),
            slides,
            method: Method::Products,
            orientation: orientation(&routine.axes),
            tiles: 0,
            tile: TileSize::new(),
            work_per_tile: 0,
            patch: 0,
            is_minimal: false,
            routine: routine.clone(),
            pairs: false,
            prepacked: false,
        };
        plan.cut();
        plan.pairs = plan.fits_pairs();
        Ok(plan)
    }

    /// Chooses a method and the size of tiles.
    fn cut(&mut self) {
        let routine = &self.routine;
        let depth = routine.terms();
        if lanes::fits(routine) {
            (self.method, self.tile) = (Method::Lanes, lanes::tile(&routine.axes));
        } else if spread::fits(routine) {
            (self.method, self.tile) = (Method::Spread, spread::tile(routine));
        } else if let Some(tile) = self.fits_rows().then(|| rows::tile(self)).flatten() {
            self.patch = self.patch_numbers(&tile);
            (self.method, self.tile) = (Method::Rows, tile);
        } else if let Some(tile) = minimal::tile(routine) {
            (self.is_minimal, self.tile) = (true, tile);
        } else {
            self.tile = tile(&routine.axes, self.orientation, depth);
        }
        if self.method == Method::Products {
            self.patch = self.walk_numbers();
        }
        let axes = self.routine.axes.iter().zip(&self.tile);
        let counts = axes.map(|(axis, &tile)| axis.extent().div_ceil(tile.max(1)));
        self.tiles = counts.fold(1, u64::saturating_mul);
        self.work_per_tile = self.tile.iter().fold(depth.max(1), |work, &n| work.saturating_mul(n));
    }

    fn fits_rows(&self) -> bool {
        self.orientation == Orientation::Pixels && rows::fits(&self.routine)
    }

    pub(crate) fn tiles(&self) -> u64 {
        self.tiles
    }

    /// Multiplications per tile.
    pub(crate) fn work_per_tile(&self) -> u64 {
        self.work_per_tile
    }

    pub(crate) fn tile_size(&self) -> &TileSize {
        &self.tile
    }

    /// The indices of the result that a tile computes, along each axis.
    pub(super) fn part(&self, mut tile: u64) -> SmallVec<[Range<u64>; 6]> {
        let mut part: SmallVec<[Range<u64>; 6]> = SmallVec::new();
        for (axis, &size) in self.routine.axes.iter().zip(&self.tile).rev() {
            let count = axis.extent().div_ceil(size.max(1)).max(1);
            let first = tile % count * size;
            part.push(first..(first + size).min(axis.extent()));
            tile /= count;
        }
        part.reverse();
        part
    }

    /// Rows and columns of a tile, as the kernels see it.
    pub(super) fn lanes(&self) -> [u64; 2] {
        let of = |is: fn(&ConvolutionAxis) -> bool| -> u64 {
            self.routine.axes.iter().zip(&self.tile).filter(|(axis, _)| is(axis)).map(|(_, &n)| n).product()
        };
        let (pixels, channels) = (of(is_pixel), of(is_channel));
        match self.orientation {
            Orientation::Channels => [pixels, channels],
            Orientation::Pixels => [channels, pixels],
        }
    }
}

pub(super) fn is_pixel(axis: &ConvolutionAxis) -> bool {
    matches!(axis, ConvolutionAxis::Left(_) | ConvolutionAxis::Slide(_))
}

pub(super) fn is_channel(axis: &ConvolutionAxis) -> bool {
    matches!(axis, ConvolutionAxis::Right(ConvolutionLoop { .. }))
}

/// Row-major steps.
fn steps(axes: &[ConvolutionAxis]) -> SmallVec<[isize; 6]> {
    let mut steps = SmallVec::from_elem(1, axes.len());
    for axis in (1..axes.len()).rev() {
        steps[axis - 1] = steps[axis] * axes[axis].extent() as isize;
    }
    steps
}

fn orientation(axes: &[ConvolutionAxis]) -> Orientation {
    let many = |is: fn(&ConvolutionAxis) -> bool| -> u64 {
        axes.iter().filter(|axis| is(axis)).map(ConvolutionAxis::extent).fold(1, u64::saturating_mul)
    };
    let (pixels, channels) = (many(is_pixel), many(is_channel));
    let innermost = axes.iter().rev().find(|axis| axis.extent() != 1);
    let few = channels < FEW_CHANNELS && pixels > channels;
    match innermost {
        Some(axis) if is_pixel(axis) && pixels >= FEW_CHANNELS.min(channels) => Orientation::Pixels,
        _ if few => Orientation::Pixels,
        _ => Orientation::Channels,
    }
}

/// The size of tiles along each axis.
fn tile(axes: &[ConvolutionAxis], orientation: Orientation, depth: u64) -> TileSize {
    let work = axes.iter().fold(depth.max(1), |work, axis| work.saturating_mul(axis.extent()));
    let wanted = (work / LEAST_WORK).clamp(1, WANTED_TILES);
    let many = |is: fn(&ConvolutionAxis) -> bool| -> u64 {
        axes.iter().filter(|axis| is(axis)).map(ConvolutionAxis::extent).fold(1, u64::saturating_mul)
    };
    let lanes = match orientation {
        Orientation::Channels => [many(is_pixel), many(is_channel)],
        Orientation::Pixels => [many(is_channel), many(is_pixel)],
    };
    // No more than there is, so that halving it divides something.
    let rows = (MOST_ROWS * DEPTH as u64 / depth.max(1)).clamp(MOST_ROWS, MOST_SHORT_ROWS);
    let mut most = [rows.min(lanes[0].max(1)), MOST_COLUMNS.min(lanes[1].max(1))];
    loop {
        let tile = boxes(axes, orientation, most);
        let count = axes.iter().zip(&tile).map(|(axis, &n)| axis.extent().div_ceil(n.max(1)));
        // What is halved makes the other operand be gathered once more for each of its parts.
        let parts = |side: usize| lanes[side].div_ceil(most[side]).max(1);
        let rows = parts(0).saturating_mul(lanes[1]) <= parts(1).saturating_mul(lanes[0]);
        let halved = match rows {
            true if most[0] >= 2 * LEAST[0] => 0,
            false if most[1] < 2 * LEAST[1] => 0,
            _ => 1,
        };
        let is_small = most[halved] < 2 * ROOMY[halved];
        let wanted = if is_small { wanted.min(ENOUGH_TILES) } else { wanted };
        if count.fold(1, u64::saturating_mul) >= wanted || most[halved] < 2 * LEAST[halved] {
            return tile;
        }
        most[halved] /= 2;
    }
}

/// Tiles of at most so many rows and columns.
fn boxes(axes: &[ConvolutionAxis], orientation: Orientation, [rows, columns]: [u64; 2]) -> TileSize {
    let (mut pixels, mut channels) = match orientation {
        Orientation::Channels => (rows, columns),
        Orientation::Pixels => (columns, rows),
    };
    let mut tile: TileSize = axes
        .iter()
        .rev()
        .map(|axis| match axis {
            axis if is_pixel(axis) => share(axis.extent(), &mut pixels),
            axis if is_channel(axis) => share(axis.extent(), &mut channels),
            _ => 1,
        })
        .collect();
    tile.reverse();
    tile
}

/// As much of an axis as there is room for, in about equal parts; what is left of the room is for the next axis.
pub(super) fn share(extent: u64, room: &mut u64) -> u64 {
    let most = (*room).max(1);
    if extent <= most {
        *room = most / extent.max(1);
        return extent.max(1);
    }
    *room = 1;
    extent.div_ceil(extent.div_ceil(most))
}
