//! Phases: results that meet the same taps.
//!
//! Along one axis tap `k` of result `y` is at place `y * by + k * t + from`, and there is an element if that is a multiple of `e`. Results
//! that are `e / gcd(e, by)` apart meet the same taps, and their taps are `e / gcd(e, t)` apart; counted in elements both go on by
//! whole numbers.

use std::ops::Range;

use smallvec::SmallVec;
use tensorwright_compiler::program::Slide;

/// A phase along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Phase {
    /// The first of its results.
    first: u64,
    /// From one of its results to the next.
    step: u64,
    /// The first of its taps.
    pub(super) first_tap: u64,
    /// From one of its taps to the next.
    pub(super) tap_step: u64,
    /// Number of taps.
    pub(super) taps: u64,
    /// The element that the first tap of the first result meets.
    from: i64,
    /// Elements from one of its results to the next.
    pub(super) by: i64,
    /// Elements from one of its taps to the next.
    pub(super) tap_elements: i64,
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl Phase {
    /// All phases along an axis.
    pub(super) fn all(slide: &Slide) -> Vec<Phase> {
        let step = slide.element_places / gcd(slide.element_places, slide.by);
        (0..step.min(slide.results.max(1))).map(|first| Phase::of(slide, first, step)).collect()
    }

    fn of(slide: &Slide, first: u64, step: u64) -> Phase {
        let dilation = slide.element_places as i64;
        let tap_step = slide.element_places / gcd(slide.element_places, slide.tap_places);
        let place = |tap: u64| (first * slide.by + tap * slide.tap_places) as i64 + slide.from;
        let first_tap = (0..tap_step.min(slide.taps)).find(|&tap| place(tap) % dilation == 0);
        let taps = first_tap.map_or(0, |tap| (slide.taps - tap).div_ceil(tap_step));
        let first_tap = first_tap.unwrap_or(0);
        Phase {
            first,
            step,
            first_tap,
            tap_step,
            taps,
            from: place(first_tap).div_euclid(dilation),
            by: (slide.by / gcd(slide.element_places, slide.by)) as i64,
            tap_elements: (slide.tap_places / gcd(slide.element_places, slide.tap_places)) as i64,
        }
    }

    /// Its results among some: the first one, how many there are, and their distance.
    pub(super) fn among(&self, results: &Range<u64>) -> (u64, u64, u64) {
        let number = |end: u64| end.saturating_sub(self.first).div_ceil(self.step);
        let (start, end) = (number(results.start), number(results.end));
        (self.first + start * self.step, end - start, self.step)
    }

    /// Its results among so many that follow each other, at most.
    pub(super) fn most(&self, results: u64) -> u64 {
        results.div_ceil(self.step)
    }

    /// The element that the first tap meets of one of its results.
    pub(super) fn element(&self, result: u64) -> i64 {
        self.from + ((result - self.first) / self.step) as i64 * self.by
    }
}

/// Every choice of one phase for each axis.
pub(super) fn choices(phases: &[Vec<Phase>]) -> impl Iterator<Item = SmallVec<[Phase; 4]>> + '_ {
    let total: usize = phases.iter().map(Vec::len).product();
    (0..total).map(move |mut number| {
        let choose = |phases: &Vec<Phase>| {
            let phase = phases[number % phases.len()];
            number /= phases.len();
            phase
        };
        phases.iter().map(choose).collect()
    })
}
