//! Discrete cosine transforms, by Fourier transforms.

use std::f64::consts::PI;

use tensorwright_ir::op::composite::FourierNorm;

use super::section::section;
use crate::{Complex, DType, FftOptions, Tensor};

/// Which cosine transform, of `n` elements along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CosineType {
    /// `x[0] + (-1)^k x[n - 1] + 2 sum(x[j] cos(pi j k / (n - 1)))` over what is between; at least two elements. It is its own inverse.
    I,
    /// `2 sum(x[j] cos(pi k (2 j + 1) / (2 n)))`: what "the" cosine transform is.
    II,
    /// `x[0] + 2 sum(x[j] cos(pi j (2 k + 1) / (2 n)))` over the other elements: the inverse of type II.
    III,
    /// `2 sum(x[j] cos(pi (2 k + 1) (2 j + 1) / (4 n)))`. It is its own inverse.
    IV,
}

impl CosineType {
    fn inverse(self) -> CosineType {
        match self {
            CosineType::II => CosineType::III,
            CosineType::III => CosineType::II,
            own => own,
        }
    }
}

/// The cosine transform of type II along the last axis, without a scale: `F[.., n] -> F[.., n]`, f32 or f64.
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::signal::dct;
/// let y = dct(&Tensor::ones(4, DType::F64));
/// assert!(y.allclose([8.0, 0.0, 0.0, 0.0], 1e-12, 1e-12).item::<bool>()?);
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn dct(x: &Tensor) -> Tensor {
    dct_with(x, CosineType::II, FourierNorm::Backward)
}

/// The inverse of [`dct`]: `F[.., n] -> F[.., n]`, f32 or f64.
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::signal::{dct, idct};
/// let x = Tensor::from([1.0f64, -2.0, 0.5]);
/// assert!(idct(&dct(&x)).allclose(&x, 1e-12, 1e-12).item::<bool>()?);
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn idct(x: &Tensor) -> Tensor {
    idct_with(x, CosineType::II, FourierNorm::Backward)
}

/// The inverse of [`dct_with`] of the same type and norm: `F[.., n] -> F[.., n]`, f32 or f64.
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::FourierNorm;
/// use tensorwright::signal::{CosineType, dct_with, idct_with};
/// let x = Tensor::from([1.0f64, -2.0, 0.5]);
/// let y = dct_with(&x, CosineType::IV, FourierNorm::Ortho);
/// assert!(idct_with(&y, CosineType::IV, FourierNorm::Ortho).allclose(&x, 1e-12, 1e-12).item::<bool>()?);
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn idct_with(x: &Tensor, kind: CosineType, norm: FourierNorm) -> Tensor {
    dct_with(x, kind.inverse(), norm.swapped())
}

/// The cosine transform along the last axis: `F[.., n] -> F[.., n]`, f32 or f64.
///
/// The norm says what it is divided by, as for [`Tensor::fft`], with `2 n` for the number of elements (`2 (n - 1)` for type I); an orthonormal transform also weighs
/// the first element (of type I the last one too), as SciPy has it.
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::FourierNorm;
/// use tensorwright::signal::{CosineType, dct_with};
/// let x = Tensor::from([3.0f64, 4.0]);
/// let length = dct_with(&x, CosineType::II, FourierNorm::Ortho).square().sum(..).sqrt();
/// assert!((length.item::<f64>()? - 5.0).abs() < 1e-12);
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn dct_with(x: &Tensor, kind: CosineType, norm: FourierNorm) -> Tensor {
    let Ok(ty) = x.ty().cloned() else { return x.clone() };
    let n = ty.shape.sizes().last().copied().unwrap_or(0);
    let elements = 2 * if kind == CosineType::I { n.saturating_sub(1) } else { n };
    let ortho = norm == FourierNorm::Ortho;
    let scale = match norm {
        FourierNorm::Backward => 1.0,
        FourierNorm::Ortho => 1.0 / (elements as f64).sqrt(),
        FourierNorm::Forward => 1.0 / elements as f64,
    };
    let root = 2f64.sqrt();
    let (before, after) = match kind {
        CosineType::I if ortho => (ends(n, root, root, ty.dtype), ends(n, 1.0 / root, 1.0 / root, ty.dtype)),
        CosineType::II if ortho => (None, ends(n, 1.0 / root, 1.0, ty.dtype)),
        CosineType::III if ortho => (ends(n, root, 1.0, ty.dtype), None),
        _ => (None, None),
    };
    let x = before.map_or_else(|| x.clone(), |weights| x * weights);
    let y = match kind {
        CosineType::I => type_1(&x, n),
        CosineType::II => type_2(&x, n, ty.dtype),
        CosineType::III => type_3(&x, n, ty.dtype),
        CosineType::IV => type_4(&x, n, ty.dtype),
    };
    let y = after.map_or_else(|| y.clone(), |weights| &y * weights);
    if scale == 1.0 { y } else { y * scale }
}

/// Weights that are 1 but for the ends.
fn ends(n: usize, first: f64, last: f64, dtype: DType) -> Option<Tensor> {
    let weight = |i: usize| match i {
        0 => first,
        i if i + 1 == n => last,
        _ => 1.0,
    };
    Some(Tensor::from_slice(&(0..n).map(weight).collect::<Vec<_>>(), [n]).cast(dtype))
}

/// `e^(i angle(j))` for the first numbers, in the complex dtype of `dtype`.
fn turns(n: usize, dtype: DType, angle: impl Fn(usize) -> f64) -> Tensor {
    let turns: Vec<Complex<f64>> = (0..n).map(|j| Complex::cis(angle(j))).collect();
    Tensor::from_slice(&turns, [n]).cast(complex_of(dtype))
}

fn complex_of(dtype: DType) -> DType {
    if dtype == DType::F64 { DType::C128 } else { DType::C64 }
}

/// The real part of the transform of `x` and its mirror image, whose ends are not repeated.
#[track_caller]
fn type_1(x: &Tensor, n: usize) -> Tensor {
    let inner = section(x, 1, n.saturating_sub(2)).reverse(-1);
    Tensor::concat(&[x.clone(), inner], -1).rfft(-1).real()
}

/// The transform of `x` and its mirror image, turned by half a sample.
#[track_caller]
fn type_2(x: &Tensor, n: usize, dtype: DType) -> Tensor {
    let twice = Tensor::concat(&[x.clone(), x.reverse(-1)], -1);
    let half = section(&twice.rfft(-1), 0, n);
    (half * turns(n, dtype, |k| -PI * k as f64 / (2 * n) as f64)).real()
}

/// Type II the other way round.
#[track_caller]
fn type_3(x: &Tensor, n: usize, dtype: DType) -> Tensor {
    let turned = x.cast(complex_of(dtype)) * turns(n, dtype, |j| PI * j as f64 / (2 * n) as f64);
    let options = FftOptions::new().lengths([2 * n]).norm(FourierNorm::Forward);
    section(&turned.irfft_with(-1, options), 0, n)
}

/// A transform of twice the length, of which half is zeros, turned before and after.
#[track_caller]
fn type_4(x: &Tensor, n: usize, dtype: DType) -> Tensor {
    let turned = x.cast(complex_of(dtype)) * turns(n, dtype, |j| -PI * j as f64 / (2 * n) as f64);
    let found = section(&turned.fft_with(-1, FftOptions::new().lengths([2 * n])), 0, n);
    (found * turns(n, dtype, |k| -PI * (2 * k + 1) as f64 / (4 * n) as f64)).real() * 2.0
}
