//! Convolutions, as steps of a program compute them, and their text form.
//!
//! ```text
//! f32->f32 left 16 (200704) slide 56 of 56 (3584) taps 3 (12288) by 1 from -1 right 64 (1) taps 0 sum 64 (1, 64)
//! ```
//!
//! The axes of the result come first, the outermost first: `batch` axes, which both operands have, `left` and `right` ones, which one operand
//! has, and those along which taps `slide`, of as many elements and taps. In parentheses is how far neighbours are apart in the operands. A result slides `by` so
//! many places, `from` the place of its first tap; elements or taps that are apart by more than a place are `dilated`. Then comes what is summed over, the
//! outermost first: a `sum` over elements of both operands, or the `taps` along an axis that slides; `at 3, 0` is where the operands begin, unless it is at 0.
//! One that is `reassociated` may give other results in the last bits.

use std::fmt::{self, Display, Formatter};

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::DType;

use super::{Reach, TileSize, TiledRoutine};
use crate::kernel::GridDim;
use crate::syntax::{Parser, Result};

/// A convolution of strided operands with a dense row-major result. Strides and offsets are in elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Convolution {
    /// Dtype of both operands.
    pub input: DType,
    /// Dtype of the result, in which products are added up (f32 for f16 and bf16).
    pub output: DType,
    /// Axes of the result.
    pub axes: Vec<ConvolutionAxis>,
    /// What is summed over, the outermost first.
    pub sums: Vec<ConvolutionSum>,
    /// First element of the left operand.
    pub lhs_offset: i64,
    /// First element of the right operand.
    pub rhs_offset: i64,
    /// Whether terms may be added up in any order, after sums of elements and of taps have been multiplied.
    pub reassociates: bool,
}

/// An axis of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConvolutionAxis {
    /// Of both operands.
    Batch(ConvolutionLoop),
    /// Of the left operand.
    Left(ConvolutionLoop),
    /// Of the right operand.
    Right(ConvolutionLoop),
    /// Along which taps slide.
    Slide(Slide),
}

/// What a result is summed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConvolutionSum {
    /// A loop over elements of both operands.
    Loop(ConvolutionLoop),
    /// The taps that slide along the axis of this number among those along which taps slide.
    Taps(u64),
}

/// A loop over elements at equal distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvolutionLoop {
    /// Number of iterations.
    pub extent: u64,
    /// Step in the left operand.
    pub lhs: i64,
    /// Step in the right operand.
    pub rhs: i64,
}

/// How taps slide along elements: tap `k` of result `y` is at place `y * by + k * tap_places + from`, element `i` at `i * element_places`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slide {
    /// Results.
    pub results: u64,
    /// Elements of the left operand.
    pub elements: u64,
    /// From one element to the next.
    pub lhs: i64,
    /// Elements of the right operand.
    pub taps: u64,
    /// From one tap to the next.
    pub rhs: i64,
    /// Places from one result to the next.
    pub by: u64,
    /// The place of the first tap of the first result.
    pub from: i64,
    /// Places from one element to the next.
    pub element_places: u64,
    /// Places from one tap to the next.
    pub tap_places: u64,
}

impl Slide {
    /// Whether all places are numbers that can be computed with.
    pub fn is_moderate(&self) -> bool {
        const MOST: i128 = 1 << 60;
        let way = |count: u64, step: u64| i128::from(count) * i128::from(step);
        let ways = [
            way(self.results, self.by),
            way(self.taps, self.tap_places),
            way(self.elements, self.element_places),
            i128::from(self.from).abs(),
        ];
        ways.into_iter().all(|way| way < MOST)
    }
}

impl ConvolutionAxis {
    /// How many results there are along it.
    pub fn extent(&self) -> u64 {
        match self {
            ConvolutionAxis::Batch(l) | ConvolutionAxis::Left(l) | ConvolutionAxis::Right(l) => l.extent,
            ConvolutionAxis::Slide(slide) => slide.results,
        }
    }

    /// Loops over the elements of the operands.
    fn loops(&self) -> [ConvolutionLoop; 2] {
        let once = ConvolutionLoop { extent: 1, lhs: 0, rhs: 0 };
        match *self {
            ConvolutionAxis::Batch(l) | ConvolutionAxis::Left(l) | ConvolutionAxis::Right(l) => [l, once],
            ConvolutionAxis::Slide(slide) => [
                ConvolutionLoop { extent: slide.elements, lhs: slide.lhs, rhs: 0 },
                ConvolutionLoop { extent: slide.taps, lhs: 0, rhs: slide.rhs },
            ],
        }
    }
}

impl ConvolutionSum {
    fn taps(&self) -> Option<u64> {
        match self {
            ConvolutionSum::Taps(slide) => Some(*slide),
            ConvolutionSum::Loop(_) => None,
        }
    }

    fn as_loop(&self) -> Option<ConvolutionLoop> {
        match self {
            ConvolutionSum::Loop(l) => Some(*l),
            ConvolutionSum::Taps(_) => None,
        }
    }
}

impl Convolution {
    /// How taps slide along the axes along which they do.
    pub fn slides(&self) -> impl Iterator<Item = &Slide> {
        self.axes.iter().filter_map(|axis| match axis {
            ConvolutionAxis::Slide(slide) => Some(slide),
            _ => None,
        })
    }

    /// Terms of each sum.
    pub fn terms(&self) -> u64 {
        let sums = self.sums.iter().filter_map(ConvolutionSum::as_loop).map(|l| l.extent);
        sums.chain(self.slides().map(|slide| slide.taps)).fold(1, u64::saturating_mul)
    }
}

impl TiledRoutine for Convolution {
    const WORD: &'static str = "conv";

    fn operand_dtypes(&self) -> SmallVec<[DType; 2]> {
        smallvec![self.input, self.input]
    }

    fn result_dtype(&self) -> DType {
        self.output
    }

    fn products(&self) -> u64 {
        let results = self.axes.iter().map(ConvolutionAxis::extent);
        results.fold(self.terms(), u64::saturating_mul)
    }

    fn reach(&self) -> Option<Reach> {
        let result = self.axes.iter().try_fold(1u64, |all, axis| all.checked_mul(axis.extent()))?;
        if !self.slides().all(Slide::is_moderate) {
            return None;
        }
        let mut summed: Vec<u64> = self.sums.iter().filter_map(ConvolutionSum::taps).collect();
        summed.sort_unstable();
        if !summed.into_iter().eq(0..self.slides().count() as u64) {
            return None;
        }
        let sums = || self.sums.iter().filter_map(ConvolutionSum::as_loop);
        let loops = || self.axes.iter().flat_map(ConvolutionAxis::loops).chain(sums());
        if result == 0 || loops().any(|l| l.extent == 0) {
            return Some(Reach { operands: smallvec![0, 0], result });
        }
        let reach = |from: i64, step: fn(&ConvolutionLoop) -> i64| {
            let (mut first, mut last) = (i128::from(from), i128::from(from));
            for l in loops() {
                let way = i128::from(step(&l)) * (i128::from(l.extent) - 1);
                *(if way < 0 { &mut first } else { &mut last }) += way;
            }
            u64::try_from(last + 1).ok().filter(|_| first >= 0)
        };
        let (lhs, rhs) = (reach(self.lhs_offset, |l| l.lhs)?, reach(self.rhs_offset, |l| l.rhs)?);
        Some(Reach { operands: smallvec![lhs, rhs], result })
    }

    /// A dim for each axis of the result.
    fn grid(&self, tile: &TileSize) -> Option<SmallVec<[GridDim; 4]>> {
        let dim = |(axis, &tile): (&ConvolutionAxis, &u64)| GridDim { extent: axis.extent(), tile };
        (tile.len() == self.axes.len()).then(|| self.axes.iter().zip(tile).map(dim).collect())
    }

    fn packs_like(&self, _operand: usize, other: &Convolution) -> bool {
        self == other
    }

    fn reassociated(self) -> Convolution {
        Convolution { reassociates: true, ..self }
    }

    fn parse(parser: &mut Parser<'_>) -> Result<Convolution> {
        parser.convolution()
    }
}

impl Display for Slide {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Slide { results, elements, lhs, taps, rhs, by, from, element_places, tap_places } = self;
        write!(f, "{results} of {elements} ({lhs}) taps {taps} ({rhs}) by {by} from {from}")?;
        if (*element_places, *tap_places) != (1, 1) {
            write!(f, " dilated {element_places}, {tap_places}")?;
        }
        Ok(())
    }
}

impl Display for Convolution {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Convolution { input, output, axes, sums, lhs_offset, rhs_offset, reassociates } = self;
        write!(f, "{input}->{output}")?;
        for axis in axes {
            match axis {
                ConvolutionAxis::Batch(l) => write!(f, " batch {} ({}, {})", l.extent, l.lhs, l.rhs)?,
                ConvolutionAxis::Left(l) => write!(f, " left {} ({})", l.extent, l.lhs)?,
                ConvolutionAxis::Right(l) => write!(f, " right {} ({})", l.extent, l.rhs)?,
                ConvolutionAxis::Slide(slide) => write!(f, " slide {slide}")?,
            }
        }
        for sum in sums {
            match sum {
                ConvolutionSum::Loop(l) => write!(f, " sum {} ({}, {})", l.extent, l.lhs, l.rhs)?,
                ConvolutionSum::Taps(slide) => write!(f, " taps {slide}")?,
            }
        }
        if (*lhs_offset, *rhs_offset) != (0, 0) {
            write!(f, " at {lhs_offset}, {rhs_offset}")?;
        }
        if *reassociates {
            write!(f, " reassociated")?;
        }
        Ok(())
    }
}

impl Parser<'_> {
    fn convolution(&mut self) -> Result<Convolution> {
        let input = self.dtype()?;
        self.require("->")?;
        let output = self.dtype()?;
        let mut axes = Vec::new();
        while let Some(axis) = self.convolution_axis()? {
            axes.push(axis);
        }
        let mut sums = Vec::new();
        loop {
            if self.accept_word("sum") {
                sums.push(ConvolutionSum::Loop(self.loop_of_both()?));
            } else if self.accept_word("taps") {
                sums.push(ConvolutionSum::Taps(self.number("the number of an axis that slides")?));
            } else {
                break;
            }
        }
        let (mut lhs_offset, mut rhs_offset) = (0, 0);
        if self.accept_word("at") {
            lhs_offset = self.signed("an element")?;
            self.require(",")?;
            rhs_offset = self.signed("an element")?;
        }
        let reassociates = self.accept_word("reassociated");
        Ok(Convolution { input, output, axes, sums, lhs_offset, rhs_offset, reassociates })
    }

    fn convolution_axis(&mut self) -> Result<Option<ConvolutionAxis>> {
        Ok(Some(if self.accept_word("batch") {
            ConvolutionAxis::Batch(self.loop_of_both()?)
        } else if self.accept_word("left") {
            let (extent, lhs) = self.loop_of_one()?;
            ConvolutionAxis::Left(ConvolutionLoop { extent, lhs, rhs: 0 })
        } else if self.accept_word("right") {
            let (extent, rhs) = self.loop_of_one()?;
            ConvolutionAxis::Right(ConvolutionLoop { extent, lhs: 0, rhs })
        } else if self.accept_word("slide") {
            ConvolutionAxis::Slide(self.slide()?)
        } else {
            return Ok(None);
        }))
    }

    /// `56 of 56 (3584) taps 3 (12288) by 1 from -1 dilated 1, 2`.
    fn slide(&mut self) -> Result<Slide> {
        let results = self.number("a number of results")?;
        self.require("of")?;
        let (elements, lhs) = self.loop_of_one()?;
        self.require("taps")?;
        let (taps, rhs) = self.loop_of_one()?;
        self.require("by")?;
        let by = self.number("a number of places")?;
        self.require("from")?;
        let from = self.signed("a place")?;
        let (mut element_places, mut tap_places) = (1, 1);
        if self.accept_word("dilated") {
            element_places = self.number("a number of places")?;
            self.require(",")?;
            tap_places = self.number("a number of places")?;
        }
        Ok(Slide { results, elements, lhs, taps, rhs, by, from, element_places, tap_places })
    }

    /// `64 (1)`.
    fn loop_of_one(&mut self) -> Result<(u64, i64)> {
        let extent = self.number("a number of iterations")?;
        self.require("(")?;
        let step = self.signed("a step")?;
        self.require(")")?;
        Ok((extent, step))
    }

    /// `64 (1, 64)`.
    fn loop_of_both(&mut self) -> Result<ConvolutionLoop> {
        let extent = self.number("a number of iterations")?;
        self.require("(")?;
        let lhs = self.signed("a step")?;
        self.require(",")?;
        let rhs = self.signed("a step")?;
        self.require(")")?;
        Ok(ConvolutionLoop { extent, lhs, rhs })
    }
}
