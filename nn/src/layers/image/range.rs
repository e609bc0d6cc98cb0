//! Ranges that random numbers are drawn from.

use serde_json::Value;
use tensorwright::{Result, Tensor};

use crate::{Field, Scope, Setting};

/// Where a random number lies: between two numbers; one number stands for both signs of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    low: f64,
    high: f64,
}

impl Setting<Range> for (f64, f64) {
    fn setting(self) -> Range {
        Range::new(self.0, self.1)
    }
}

impl Setting<Range> for f64 {
    fn setting(self) -> Range {
        Range::new(-self, self)
    }
}

impl Setting<Option<Range>> for (f64, f64) {
    fn setting(self) -> Option<Range> {
        Some(self.setting())
    }
}

impl Setting<Option<Range>> for f64 {
    fn setting(self) -> Option<Range> {
        Some(self.setting())
    }
}

impl Field for Range {
    fn to_json(&self) -> Value {
        vec![self.low, self.high].into()
    }

    fn from_json(value: &Value) -> Result<Range, String> {
        let wanted = || format!("a number or two numbers are wanted, found {value}");
        let number = |value: &Value| value.as_f64().filter(|number| number.is_finite()).ok_or_else(wanted);
        match value.as_array().map(Vec::as_slice) {
            Some([low, high]) => Ok(Range::new(number(low)?, number(high)?)),
            Some(_) => Err(wanted()),
            None => number(value).map(Setting::setting),
        }
    }
}

impl Range {
    pub(super) fn new(first: f64, second: f64) -> Range {
        Range { low: first.min(second), high: first.max(second) }
    }

    /// What colours of pixels lie in, if nothing is said.
    pub(super) fn of_pixels() -> Range {
        Range::new(0.0, 255.0)
    }

    pub(super) fn low(self) -> f64 {
        self.low
    }

    pub(super) fn high(self) -> f64 {
        self.high
    }

    pub(super) fn length(self) -> f64 {
        self.high - self.low
    }

    /// The range without what lies below: of one number, for what is never negative, from there to the number.
    pub(super) fn at_least(self, least: f64) -> Range {
        Range { low: self.low.max(least), high: self.high.max(least) }
    }

    /// One number of the range for each image of a batch, `T[b, 1, 1, 1]`.
    pub(super) fn draw(self, images: &Tensor, scope: &Scope<'_>) -> Result<Tensor> {
        self.draw_in(&[images.extent(0)?, 1, 1, 1], scope)
    }

    /// Numbers of the range in this shape.
    pub(super) fn draw_in(self, shape: &[usize], scope: &Scope<'_>) -> Result<Tensor> {
        let part = scope.key()?.uniform(shape, 0.0f32, 1.0).cast(scope.dtype());
        Ok(part * self.length() + self.low)
    }

    /// For each image whether something happens to it, as probably as one of the range's numbers says: `bool[b, 1, 1, 1]`.
    pub(super) fn chance(self, images: &Tensor, scope: &Scope<'_>) -> Result<Tensor> {
        let probability = self.at_least(0.0).draw(images, scope)?;
        Ok(Range::new(0.0, 1.0).draw(images, scope)?.lt(probability))
    }

    /// Pixels of this range in another one.
    pub(super) fn mapped(self, x: &Tensor, to: Range) -> Tensor {
        if self == to {
            return x.clone();
        }
        (x - self.low) / self.length() * to.length() + to.low
    }

    /// Numbers outside the range become its ends.
    pub(super) fn clamp(self, x: Tensor) -> Tensor {
        x.clamp(self.low, self.high)
    }
}
