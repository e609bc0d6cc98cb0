//! Convolution and correlation by Fourier transforms.

use super::section::section;
use crate::{FftOptions, Tensor};

/// How much of a convolution is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Overlap {
    /// Wherever both overlap: `m + n - 1` elements.
    #[default]
    Full,
    /// As many elements as the first one has, from the middle.
    Same,
    /// Where the shorter one lies within the longer one: `|m - n| + 1` elements.
    Valid,
}

/// The convolution along the last axis, `y[k] = sum(x[j] kernel[k - j])`, by Fourier transforms: for long kernels.
///
/// `F[.., m], F[.., n] -> F[.., l]`, f32 or f64; batch axes broadcast. Errors are relative to the greatest element.
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::signal::{Overlap, fft_convolve};
/// let y = fft_convolve(&Tensor::from([1.0f64, 2.0, 3.0]), &Tensor::from([1.0f64, -1.0]), Overlap::Full);
/// assert!(y.allclose([1.0, 1.0, 1.0, -3.0], 1e-12, 1e-12).item::<bool>()?);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("fftconvolve", "oaconvolve"))]
#[track_caller]
pub fn fft_convolve(x: &Tensor, kernel: &Tensor, overlap: Overlap) -> Tensor {
    let sizes = [x, kernel].map(|x| x.shape().map(|shape| shape.sizes().last().copied().unwrap_or(0)));
    let [Ok(m), Ok(n)] = sizes else { return x * kernel };
    let full = (m + n).saturating_sub(1);
    let length = fast_length(full);
    let transformed = |x: &Tensor| x.rfft_with(-1, FftOptions::new().lengths([length]));
    let product = transformed(x) * transformed(kernel);
    let whole = product.irfft_with(-1, FftOptions::new().lengths([length]));
    let count = match overlap {
        Overlap::Full => full,
        Overlap::Same => m,
        Overlap::Valid => m.abs_diff(n) + 1,
    };
    section(&whole, (full - count.min(full)) / 2, count.min(full))
}

/// The correlation along the last axis, `y[k] = sum(x[j + k] kernel[j])`: the convolution with the kernel in opposite order. Shapes are those of
/// [`fft_convolve`].
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::signal::{Overlap, fft_correlate};
/// let y = fft_correlate(&Tensor::from([1.0f64, 2.0, 3.0]), &Tensor::from([0.0f64, 1.0]), Overlap::Valid);
/// assert!(y.allclose([2.0, 3.0], 1e-12, 1e-12).item::<bool>()?);
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn fft_correlate(x: &Tensor, kernel: &Tensor, overlap: Overlap) -> Tensor {
    fft_convolve(x, &kernel.reverse(-1), overlap)
}

/// The least number of no prime factors but 2, 3 and 5 that is not less: transforms of such lengths are the fastest.
fn fast_length(least: usize) -> usize {
    let is_smooth = |mut n: usize| {
        for factor in [2, 3, 5] {
            while n.is_multiple_of(factor) {
                n /= factor;
            }
        }
        n == 1
    };
    (least.max(1)..).find(|&n| is_smooth(n)).unwrap_or(least)
}
