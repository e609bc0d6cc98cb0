//! Which elements the results of a resized axis are made of, with which weights.
//!
//! A result has a place among the elements, which the coordinates say. A kernel is a function of the distance from there that is 0 from its radius on, but for nearest elements. With antialiasing
//! the kernel of an axis that shrinks is stretched by as much, so that each element is seen by some result.

use std::f64::consts::PI;

use super::{Antialias, Resize, ResizeBorder, ResizeCoordinates, ResizeKernel};

/// An axis that is resized.
pub(super) struct Axis {
    pub(super) elements: usize,
    pub(super) results: usize,
    /// Results for each element, if the two numbers above do not say it.
    pub(super) scale: Option<f64>,
    /// Begin and end of the part of the axis that becomes the result.
    pub(super) region: Option<(f64, f64)>,
}

/// Elements that results see.
pub(super) struct Taps {
    /// How many elements each result sees.
    pub(super) each: usize,
    /// `[each, results]`: the elements, in range.
    pub(super) places: Vec<usize>,
    /// `[each, results]`: their weights.
    pub(super) weights: Vec<f64>,
    /// `[results]`: whether the result's place is outside the image, where that matters.
    pub(super) outside: Vec<bool>,
}

impl Axis {
    /// More elements than all results see, the wider kernel of an axis that shrinks included.
    pub(super) fn most_seen(&self, kernel: ResizeKernel) -> f64 {
        self.results as f64 * (2.0 * kernel.radius() * self.shrink().max(1.0) + 2.0)
    }

    /// Elements for each result.
    fn shrink(&self) -> f64 {
        self.scale.map_or(self.elements as f64 / self.results.max(1) as f64, |scale| 1.0 / scale)
    }

    /// How many results the whole axis would have, which need not be a whole number.
    fn length(&self) -> f64 {
        self.scale.map_or(self.results as f64, |scale| scale * self.elements as f64)
    }

    /// `i / s`, divided last, so that it is exact where it can be.
    fn unscaled(&self, i: f64) -> f64 {
        self.scale.map_or(i * self.elements as f64 / self.results as f64, |scale| i / scale)
    }

    /// Where result `i` is among the elements.
    fn place(&self, coordinates: ResizeCoordinates, i: usize) -> f64 {
        let (i, last) = (i as f64, self.elements as f64 - 1.0);
        let half_pixel = self.unscaled(i + 0.5) - 0.5;
        match coordinates {
            ResizeCoordinates::HalfPixel => half_pixel,
            ResizeCoordinates::HalfPixelSymmetric => {
                let kept = self.results as f64 / self.length();
                self.elements as f64 / 2.0 * (1.0 - kept) + half_pixel
            }
            ResizeCoordinates::PytorchHalfPixel => {
                if self.length() == 1.0 {
                    -0.5
                } else {
                    half_pixel
                }
            }
            ResizeCoordinates::HalfPixelForNearest => self.unscaled(i + 0.5),
            ResizeCoordinates::AlignCorners => self.between_corners(i, last),
            ResizeCoordinates::Asymmetric => self.unscaled(i),
            ResizeCoordinates::Region => {
                let (start, end) = self.region.unwrap_or((0.0, 1.0));
                let span = (end - start) * last;
                let inside = if self.length() == 1.0 { span / 2.0 } else { self.between_corners(i, span) };
                start * last + inside
            }
        }
    }

    fn between_corners(&self, i: f64, span: f64) -> f64 {
        if self.length() == 1.0 { 0.0 } else { i * span / (self.length() - 1.0) }
    }
}

impl Taps {
    pub(super) fn of(op: &Resize, axis: &Axis) -> Taps {
        let places: Vec<f64> = (0..axis.results).map(|i| axis.place(op.coordinates, i)).collect();
        let last = axis.elements as f64 - 1.0;
        let is_outside = |x: &f64| op.coordinates == ResizeCoordinates::Region && !(0.0..=last).contains(x);
        let outside = places.iter().map(is_outside).collect();
        if op.kernel.is_nearest() {
            let nearest = |&x: &f64| op.kernel.nearest(x).clamp(0.0, last) as usize;
            let places: Vec<usize> = places.iter().map(nearest).collect();
            return Taps { each: 1, weights: vec![1.0; places.len()], places, outside };
        }
        let window = Window::of(op, axis.shrink());
        let seen: Vec<Vec<(usize, f64)>> = places.iter().map(|&x| window.seen(x, axis.elements)).collect();
        let each = seen.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let mut taps = Taps { each, places: Vec::new(), weights: Vec::new(), outside };
        for tap in 0..each {
            for seen in &seen {
                // A result that sees fewer elements sees its last one again, without weight.
                let &(place, weight) = seen.get(tap).or(seen.last()).unwrap_or(&(0, 0.0));
                taps.places.push(place);
                taps.weights.push(if tap < seen.len() { weight } else { 0.0 });
            }
        }
        taps
    }
}

impl ResizeKernel {
    fn nearest(self, x: f64) -> f64 {
        match self {
            ResizeKernel::NearestFloor => x.floor(),
            ResizeKernel::NearestCeil => x.ceil(),
            ResizeKernel::NearestHalfDown => (x - 0.5).ceil(),
            _ => (x + 0.5).floor(),
        }
    }

    /// Distance from which on elements have no weight.
    fn radius(self) -> f64 {
        match self {
            ResizeKernel::Cubic => 2.0,
            ResizeKernel::Lanczos3 => 3.0,
            ResizeKernel::Lanczos5 => 5.0,
            _ => 1.0,
        }
    }

    /// The weight of an element at that distance.
    fn weight(self, distance: f64, coefficient: f64) -> f64 {
        let (x, a) = (distance.abs(), coefficient);
        match self {
            _ if x >= self.radius() => 0.0,
            ResizeKernel::Cubic if x <= 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
            ResizeKernel::Cubic => ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a,
            ResizeKernel::Lanczos3 | ResizeKernel::Lanczos5 => sinc(x) * sinc(x / self.radius()),
            _ => 1.0 - x,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// A kernel as wide as an axis needs it.
struct Window {
    kernel: ResizeKernel,
    coefficient: f64,
    stretch: f64,
    border: ResizeBorder,
    /// Whether weights are divided by their sum, which is not 1 by itself.
    is_normalised: bool,
}

impl Window {
    fn of(op: &Resize, shrink: f64) -> Window {
        let stretch = if op.antialias == Antialias::On { shrink.max(1.0) } else { 1.0 };
        let lanczos = matches!(op.kernel, ResizeKernel::Lanczos3 | ResizeKernel::Lanczos5);
        Window {
            kernel: op.kernel,
            coefficient: op.coefficient.to_f64(),
            stretch,
            border: op.border,
            is_normalised: stretch > 1.0 || lanczos || op.border == ResizeBorder::Exclude,
        }
    }

    /// Elements that a result at `x` sees, with their weights; beyond the ends they are the last ones, or left out.
    fn seen(&self, x: f64, elements: usize) -> Vec<(usize, f64)> {
        let reach = self.kernel.radius() * self.stretch;
        let end = elements as f64 - 1.0;
        // From further outside nothing else is seen.
        let x = x.clamp(-reach - 1.0, end + reach + 1.0);
        let (first, last) = ((x - reach).floor() + 1.0, (x + reach).ceil() - 1.0);
        let mut seen: Vec<(usize, f64)> = Vec::new();
        let mut place = first;
        while place <= last {
            let at = place.clamp(0.0, end);
            if at == place || self.border == ResizeBorder::Extend {
                let weight = self.kernel.weight((place - x) / self.stretch, self.coefficient);
                match seen.last_mut() {
                    // All places beyond an end are one element.
                    Some(before) if before.0 == at as usize => before.1 += weight,
                    _ if weight == 0.0 => {}
                    _ => seen.push((at as usize, weight)),
                }
            }
            place += 1.0;
        }
        let sum: f64 = seen.iter().map(|(_, weight)| weight).sum();
        if self.is_normalised && sum != 0.0 {
            seen.iter_mut().for_each(|(_, weight)| *weight /= sum);
        }
        seen
    }
}
