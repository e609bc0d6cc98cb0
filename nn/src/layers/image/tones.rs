//! Images whose tones are spread out, always in the same way.

use tensorwright::{DType, Result, Tensor, keep};

use super::pictures::{Pictures, augmentations};
use super::range::Range;
use crate::{DataFormat, Inputs, Layer, Outputs, Scope, layer};

layer! {
    /// Images whose darkest pixel of a channel becomes the least number, and whose brightest the greatest.
    pub struct AutoContrast() {
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
        /// Where channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
}

impl Layer for AutoContrast {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let given = Pictures::read(inputs, self.data_format, scope)?;
        let (original, eight) = (given.batch()?, Range::of_pixels());
        let x = self.value_range.mapped(&original, eight);
        let (low, high) = (x.min(keep([1, 2])), x.max(keep([1, 2])));
        let is_flat = high.le(&low);
        let scale = 255.0 / is_flat.select(1.0, &high - &low);
        let spread = eight.clamp(&x * &scale - &low * &scale);
        given.back(is_flat.select(original, eight.mapped(&spread, self.value_range)))
    }
}

augmentations! {
    /// In training, images whose tones are equally frequent, channel by channel of the whole batch.
    Equalization() {
        /// How many tones are told apart.
        bins: usize = 256,
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
    } (this, x, scope) reads FloatsInTraining => {
        if this.bins == 0 {
            return Err(scope.refuse("`bins` is at least 1"));
        }
        let eight = Range::of_pixels();
        eight.mapped(&equalized(&this.value_range.mapped(&x, eight), this.bins)?, this.value_range)
    };
}

/// Numbers of bins, from 0 to one less than how many there are.
fn bins(x: &Tensor, count: usize) -> Tensor {
    x.clamp(0.0, count as f64 - 1.0).cast(DType::I32)
}

/// `T[b, h, w, c]`, from 0 to 255, by the running share of pixels that are as dark or darker.
fn equalized(x: &Tensor, count: usize) -> Result<Tensor> {
    let (channels, last) = (x.extent(-1)?, count as f64 - 1.0);
    let rows = Tensor::arange(channels, DType::I32) * count as i32;
    let places = bins(&(x * last / 255.0), count) + &rows;
    let counts = places.reshape([-1]).bincount(channels * count).reshape([channels, count]).cast(DType::I64);
    let running = counts.cumsum(1);
    let first = running.gt(0).select(&running, i64::MAX).min(keep(1));
    let all = (running.max(keep(1)) - &first).maximum(1);
    let table = ((running - first) * 255).cast(DType::F64) / all.cast(DType::F64);
    let table = table.round_even().clamp(0.0, 255.0).cast(x.dtype()?).reshape([-1]);
    let found = table.take(bins(&(x / 255.0 * last), count) + rows, 0);
    let is_flat = counts.gt(0).count_nonzero(1).le(1);
    is_flat.select(x, found).ok()
}
