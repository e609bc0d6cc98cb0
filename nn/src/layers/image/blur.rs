//! Images whose pixels are means of those around them.

use tensorwright::{ConvOptions, Padding, Result, Tensor};

use super::pictures::augmentations;
use super::range::Range;
use crate::{Setting, Sizes};

/// Each channel of `T[b, h, w, c]` under a kernel `T[rows, columns]`, with zeros around the images.
pub(super) fn blurred(x: &Tensor, kernel: &Tensor) -> Result<Tensor> {
    let (rows, columns) = (kernel.extent(0)?, kernel.extent(1)?);
    let kernel = kernel.reshape([rows, columns, 1, 1]).broadcast_to([rows, columns, x.extent(-1)?, 1]);
    x.depthwise_conv(kernel, ConvOptions::new().padding(Padding::Same)).ok()
}

/// Weights of a normal distribution around the middle of so many places, within `reach` of it: `T[size]`.
pub(super) fn bell(size: usize, deviation: &Tensor, reach: Option<&Tensor>) -> Result<Tensor> {
    let places = Tensor::arange(size, deviation.dtype()?) - (size as f64 - 1.0) / 2.0;
    let weights = (-0.5 * (&places / deviation).square()).exp();
    let weights = match reach {
        Some(reach) => places.abs().le(reach).select(weights, 0.0),
        None => weights,
    };
    (&weights / weights.sum(..)).ok()
}

augmentations! {
    /// In training, some images blurred by a normal distribution.
    RandomGaussianBlur() {
        /// How probable it is.
        factor: Range = Range::new(0.0, 1.0),
        /// How many rows and columns are looked at.
        kernel_size: Sizes = Setting::<Sizes>::setting(3),
        /// The standard deviation, in pixels.
        sigma: Range = Range::new(0.0, 1.0),
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
    } (this, x, scope) => {
        let sizes = this.kernel_size.of(2)?;
        if sizes.iter().any(|size| size % 2 == 0) {
            return Err(scope.refuse(format!("`kernel_size` is odd, found {sizes:?}")));
        }
        let happens = this.factor.chance(&x, scope)?;
        let deviations = this.sigma.at_least(0.0).draw_in(&[2], scope)? + 1e-6;
        let [rows, columns] = [0, 1].map(|axis| bell(sizes[axis], &deviations.i(axis), None));
        let kernel = rows?.expand_dims(1) * columns?;
        this.value_range.clamp(happens.select(blurred(&x, &kernel)?, &x))
    };
}
