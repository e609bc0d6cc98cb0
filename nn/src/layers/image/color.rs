//! What training does to the colours of images, so that a network does not rely on them.

use tensorwright::{Result, Tensor, keep};

use super::blur::blurred;
use super::pictures::{augmentations, widened};
use super::range::Range;

/// The mean brightness of each pixel, as people see it: `T[b, h, w, 3] -> T[b, h, w, 1]`.
fn gray(x: &Tensor) -> Result<Tensor> {
    let weights = Tensor::from_slice(&[0.2989, 0.5870, 0.1140], [3]).cast(x.dtype()?);
    (x * weights).sum(keep(-1)).ok()
}

/// Images whose pixels are nearer to the mean of their channel, or farther from it.
pub(super) fn contrasted(x: &Tensor, factor: Tensor, values: Range) -> Tensor {
    let mean = x.mean(keep([1, 2]));
    values.clamp((x - &mean) * factor + mean)
}

augmentations! {
    /// In training, images brighter or darker by a part of the range.
    RandomBrightness(
        /// By which part.
        factor: Range,
    ) {
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
    } (this, x, scope) reads Integers => {
        let (dtype, more) = (x.dtype()?, this.factor.draw(&x, scope)? * this.value_range.length());
        let more = if dtype.is_int() { more.trunc() } else { more };
        this.value_range.clamp(widened(&x)? + more).cast(dtype)
    };
    /// In training, colours nearer to gray.
    RandomColorDegeneration(
        /// How near: 0 is as it was, 1 gray.
        factor: Range,
    ) {
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
    } (this, x, scope) reads FloatsInTraining => {
        let factor = this.factor.at_least(0.0).draw(&x, scope)?;
        this.value_range.clamp(&x + factor * (gray(&x)? - &x))
    };
    /// In training, the distance of pixels from the mean of their channel times a factor.
    RandomContrast(
        /// How far below and above 1 the factor lies.
        factor: Range,
    ) {
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
    } (this, x, scope) reads FloatsInTraining => {
        let range = this.factor.at_least(0.0);
        let factor = Range::new(1.0 - range.low(), 1.0 + range.high()).draw(&x, scope)?;
        contrasted(&x, factor, this.value_range)
    };
    /// In training, some images with their colours turned round.
    RandomInvert() {
        /// How probable it is.
        factor: Range = Range::new(0.0, 1.0),
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
    } (this, x, scope) reads FloatsInTraining => {
        this.factor.chance(&x, scope)?.select(this.value_range.high() - &x, &x)
    };
    /// In training, some images without colours.
    RandomGrayscale() {
        /// How probable it is.
        factor: f64 = 0.5,
    } (this, x, scope) reads Integers => {
        let number = Range::new(0.0, 1.0).draw(&x, scope)?;
        let gray = gray(&widened(&x)?)?.cast(x.dtype()?).broadcast_to(x.shape()?.clone());
        number.lt(this.factor).select(gray, &x)
    };
    /// In training, colours of fewer bits.
    RandomPosterization(
        /// How many bits, of 8: from the first number to one less than the second.
        factor: Range,
    ) {
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
    } (this, x, scope) reads FloatsInTraining => {
        let (range, eight) = (this.factor.at_least(1.0), Range::of_pixels());
        let bits = range.draw(&x, scope)?.floor().minimum((range.high() - 1.0).max(range.low()));
        // The lower bits are a remainder.
        let step = (8.0 - bits).exp2().round();
        let whole = this.value_range.mapped(&x, eight).floor();
        eight.mapped(&((whole / &step).floor() * step), this.value_range)
    };
    /// In training, images sharper or smoother.
    RandomSharpness(
        /// How sharp: 0.5 is as it was, 0 smooth.
        factor: Range,
    ) {
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
    } (this, x, scope) => {
        let factor = this.factor.at_least(0.0).draw(&x, scope)? * 2.0;
        let (a, b) = (1.0 / 13.0, 5.0 / 13.0);
        let kernel = Tensor::from_slice(&[a, a, a, a, b, a, a, a, a], [3, 3]).cast(x.dtype()?);
        let smooth = blurred(&x, &kernel)?;
        this.value_range.clamp(&x + (1.0 - factor) * (smooth - &x))
    };
    /// In training, images to which something is added, and whose pixels above a threshold are then turned round.
    Solarization() {
        /// How much is added, as a part of the range.
        addition_factor: Range = Range::new(0.0, 0.0),
        /// The threshold, as a part of the range.
        threshold_factor: Range = Range::new(0.0, 0.0),
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
    } (this, x, scope) => {
        let eight = Range::of_pixels();
        // As Keras has it: only the upper end is a part of 255.
        let scaled = |range: Range| {
            let range = range.at_least(0.0);
            Range::new(range.low(), range.high() * 255.0)
        };
        let additions = scaled(this.addition_factor).draw(&x, scope)?;
        let thresholds = scaled(this.threshold_factor).draw(&x, scope)?;
        let more = eight.clamp(this.value_range.mapped(&x, eight) + additions);
        eight.mapped(&more.lt(thresholds).select(&more, 255.0 - &more), this.value_range)
    };
}
