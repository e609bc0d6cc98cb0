//! Fourier transforms.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::{Axes, Offsets};
use tensorwright_ir::op::composite::{Fft, FourierNorm, Ifft, Irfft, Rfft, Roll};
use tensorwright_ir::op::primitive::{Cast, Pad};
use tensorwright_ir::{DType, Op, Scalar, TensorType};

use super::attribute::IntoAttribute;
use super::refusal::{refused, renamed};
use crate::error::{CallSite, Failure, caller};
use crate::interpret::apply;
use crate::tensor::Tensor;

/// Lengths and scale of a Fourier transform.
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::{FftOptions, FourierNorm};
/// let x = Tensor::from([1.0f32, 2.0, 3.0]);
/// let padded = x.rfft_with(-1, FftOptions::new().lengths([8]).norm(FourierNorm::Ortho));
/// assert_eq!(padded.shape()?, &[5].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct FftOptions {
    lengths: Option<Vec<usize>>,
    norm: FourierNorm,
}

impl FftOptions {
    /// Lengths as they are, and only the way back is divided by the number of elements.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::FftOptions;
    /// let x = Tensor::from([1.0f32, 2.0]);
    /// assert_eq!(x.rfft_with(0, FftOptions::new()).abs().to_vec::<f32>()?, [3.0, 1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new() -> FftOptions {
        FftOptions::default()
    }

    /// How many elements along each of the axes are transformed: zeros are added at the end, or elements left out. For the way back to real
    /// numbers, the last length is that of the result.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::FftOptions;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]);
    /// assert_eq!(x.rfft_with(0, FftOptions::new().lengths([2])).abs().to_vec::<f32>()?, [3.0, 1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn lengths(self, lengths: impl Into<Vec<usize>>) -> FftOptions {
        FftOptions { lengths: Some(lengths.into()), ..self }
    }

    /// What is divided by what.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{FftOptions, FourierNorm};
    /// let x = Tensor::from([1.0f32, 3.0]);
    /// let mean = x.rfft_with(0, FftOptions::new().norm(FourierNorm::Forward)).real().i(0);
    /// assert_eq!(mean.item::<f32>()?, 2.0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn norm(self, norm: FourierNorm) -> FftOptions {
        FftOptions { norm, ..self }
    }
}

/// Which transform.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Complex(Direction),
    Real,
    RealBack,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// Two methods for each transform, one of them with options; `before` and `after` are what is done besides.
macro_rules! transforms {
    ($($(#[$meta:meta])* $method:ident $with:ident => $kind:expr, $before:expr, $after:expr, $norm:expr;)*) => {
        /// Discrete Fourier transforms along one axis or several.
        impl Tensor {
            $(
                $(#[$meta])*
                #[track_caller]
                pub fn $method(&self, axes: impl IntoAttribute<Axes>) -> Tensor {
                    self.transformed(stringify!($method), $kind, axes, FftOptions::new(), ($before, $after, $norm), caller())
                }

                #[doc = concat!("As [`Tensor::", stringify!($method), "`], of other lengths or with another scale.")]
                ///
                /// ```
                /// # use tensorwright::prelude::*;
                /// use tensorwright::{FftOptions, FourierNorm};
                /// let options = FftOptions::new().lengths([8]).norm(FourierNorm::Ortho);
                #[doc = concat!("let x = Tensor::from([1.0f32, 2.0, 3.0]);\nassert!(x.", stringify!($with), "(0, options).error().is_none());")]
                /// # Ok::<(), Error>(())
                /// ```
                #[track_caller]
                pub fn $with(&self, axes: impl IntoAttribute<Axes>, options: FftOptions) -> Tensor {
                    self.transformed(stringify!($with), $kind, axes, options, ($before, $after, $norm), caller())
                }
            )*
        }
    };
}
transforms! {
    /// The discrete Fourier transform along `axes`: `y[k] = sum(x[j] e^(-2 pi i j k / n))`.
    ///
    /// `c64[s] -> c64[s]`, `c128[s] -> c128[s]`; f32 and f64 become complex first. Of the line as a whole, errors are a few units of rounding.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let y = Tensor::from([1.0f32, 2.0, 3.0, 4.0]).fft(-1);
    /// assert_eq!(y.real().to_vec::<f32>()?, [10.0, -2.0, -2.0, -2.0]);
    /// assert_eq!(y.imag().to_vec::<f32>()?, [0.0, 2.0, 0.0, -2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("fftn", "fft2", "dft"))]
    fft fft_with => Kind::Complex(Direction::Forward), same, same, keep;
    /// The inverse of the discrete Fourier transform along `axes`.
    ///
    /// `c64[s] -> c64[s]`, `c128[s] -> c128[s]`; f32 and f64 become complex first.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0]);
    /// assert_eq!(x.fft(0).ifft(0).real().to_vec::<f32>()?, [1.0, 2.0, 3.0, 4.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("ifftn", "ifft2", "idft"))]
    ifft ifft_with => Kind::Complex(Direction::Backward), same, same, keep;
    /// The discrete Fourier transform of real numbers along `axes`, with the first half along the last of them: the rest is conjugates.
    ///
    /// `f32[.., n, ..] -> c64[.., n / 2 + 1, ..]`, f64 to c128.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let y = Tensor::from([1.0f32, 2.0, 3.0, 4.0]).rfft(-1);
    /// assert_eq!(y.real().to_vec::<f32>()?, [10.0, -2.0, -2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("rfftn", "rfft2"))]
    rfft rfft_with => Kind::Real, same, same, keep;
    /// The inverse of [`Tensor::rfft`]: real numbers, an even number of them unless [`FftOptions::lengths`] says another one.
    ///
    /// `c64[.., m, ..] -> f32[.., 2 (m - 1), ..]`, c128 to f64.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0]);
    /// assert_eq!(x.rfft(0).irfft(0).to_vec::<f32>()?, [1.0, 2.0, 3.0, 4.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("irfftn", "irfft2"))]
    irfft irfft_with => Kind::RealBack, same, same, keep;
    /// The transform of numbers whose second half is the conjugates of the first: real numbers.
    ///
    /// `c64[.., m, ..] -> f32[.., 2 (m - 1), ..]`, c128 to f64.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let half = Tensor::from([1.0f32, 2.0, 3.0]).cast(DType::C64);
    /// assert_eq!(half.hfft(0).to_vec::<f32>()?, [8.0, -2.0, 0.0, -2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    hfft hfft_with => Kind::RealBack, Tensor::conj, same, FourierNorm::swapped;
    /// The inverse of [`Tensor::hfft`].
    ///
    /// `f32[.., n, ..] -> c64[.., n / 2 + 1, ..]`, f64 to c128.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([8.0f32, -2.0, 0.0, -2.0]);
    /// assert_eq!(x.ihfft(0).real().to_vec::<f32>()?, [1.0, 2.0, 3.0]);
    /// # Ok::<(), Error>(())
    /// ```
    ihfft ihfft_with => Kind::Real, same, Tensor::conj, FourierNorm::swapped;
}

/// What is done before a transform and after it, and the norm that it has then.
type Besides = (fn(&Tensor) -> Tensor, fn(&Tensor) -> Tensor, fn(FourierNorm) -> FourierNorm);

fn same(x: &Tensor) -> Tensor {
    x.clone()
}

fn keep(norm: FourierNorm) -> FourierNorm {
    norm
}

impl Tensor {
    fn transformed(
        &self,
        name: &'static str,
        kind: Kind,
        axes: impl IntoAttribute<Axes>,
        options: FftOptions,
        (before, after, norm): Besides,
        at: CallSite,
    ) -> Tensor {
        let axes = |rank| axes.into_attribute("axes", rank);
        let result = self.known_type().cloned().and_then(|ty| {
            let wrong = |source| refused(name, &[self], at, source);
            let axes = axes(ty.rank()).map_err(wrong)?;
            let lengths = Lengths::new(kind, &ty, &axes, &options).map_err(wrong)?;
            let x = resized(&numbers(self, kind, ty.dtype, at)?, &ty, &axes, &lengths.operand, at)?;
            let op = op(kind, axes, lengths.result, norm(options.norm));
            let results = apply(op, &[&before(&x)], at).map_err(|failure| renamed(failure, name))?;
            Ok(after(&results[0]))
        });
        result.unwrap_or_else(Tensor::failed)
    }
}

fn op(kind: Kind, axes: Axes, length: usize, norm: FourierNorm) -> Op {
    match kind {
        Kind::Complex(Direction::Forward) => Fft { axes, norm }.into(),
        Kind::Complex(Direction::Backward) => Ifft { axes, norm }.into(),
        Kind::Real => Rfft { axes, norm }.into(),
        Kind::RealBack => Irfft { axes, length, norm }.into(),
    }
}

/// Lengths of an operand along the axes of a transform, and of a real result along the last one.
struct Lengths {
    operand: Vec<usize>,
    result: usize,
}

impl Lengths {
    fn new(kind: Kind, ty: &TensorType, axes: &[usize], options: &FftOptions) -> Result<Lengths, TypeError> {
        if let Some(&axis) = axes.iter().find(|&&axis| axis >= ty.rank()) {
            return Err(TypeError::Axis { axis, rank: ty.rank() });
        }
        let mut operand: Vec<usize> = match &options.lengths {
            Some(lengths) if lengths.len() == axes.len() => lengths.clone(),
            Some(lengths) => {
                let reason = format!("{} lengths for {} axes", lengths.len(), axes.len());
                return Err(TypeError::attribute("lengths", reason));
            }
            None => axes.iter().map(|&axis| ty.shape.size(axis)).collect(),
        };
        let (Kind::RealBack, Some(last)) = (kind, operand.last_mut()) else {
            return Ok(Lengths { operand, result: 0 });
        };
        let result = match options.lengths {
            Some(_) => *last,
            None if *last == 1 => {
                let reason = "one frequency is that of one number or of none: say the length";
                return Err(TypeError::attribute("lengths", reason));
            }
            None => 2 * last.saturating_sub(1),
        };
        *last = if result == 0 { 0 } else { result / 2 + 1 };
        Ok(Lengths { operand, result })
    }
}

/// The operand in the dtype of the transform.
fn numbers(x: &Tensor, kind: Kind, dtype: DType, at: CallSite) -> Result<Tensor, Failure> {
    let to = match (kind, dtype) {
        (Kind::Complex(_) | Kind::RealBack, DType::F32) => DType::C64,
        (Kind::Complex(_) | Kind::RealBack, DType::F64) => DType::C128,
        _ => return Ok(x.clone()),
    };
    Ok(apply(Cast { dtype: to }.into(), &[x], at)?.remove(0))
}

/// The operand with zeros at the ends of the axes, or without what is too much.
fn resized(
    x: &Tensor,
    ty: &TensorType,
    axes: &[usize],
    lengths: &[usize],
    at: CallSite,
) -> Result<Tensor, Failure> {
    let mut high = Offsets::from_elem(0, ty.rank());
    for (&axis, &length) in axes.iter().zip(lengths) {
        high[axis] = length as i64 - ty.shape.size(axis) as i64;
    }
    if high.iter().all(|&more| more == 0) {
        return Ok(x.clone());
    }
    let zero = Tensor::scalar_at(Scalar::zero(x.known_type()?.dtype), at);
    let (low, interior) = (Offsets::from_elem(0, ty.rank()), Axes::from_elem(0, ty.rank()));
    Ok(apply(Pad { low, high, interior }.into(), &[x, &zero], at)?.remove(0))
}

/// Frequencies, and their order.
impl Tensor {
    /// Frequencies in ascending order: the frequency 0 moves to the middle of each of the axes.
    ///
    /// `T[s] -> T[s]`, any dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let frequencies = Tensor::fftfreq(5, 1.0, DType::F64) * 5.0;
    /// assert!(frequencies.fftshift(0).allclose([-2.0, -1.0, 0.0, 1.0, 2.0], 1e-12, 1e-12).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn fftshift(&self, axes: impl IntoAttribute<Axes>) -> Tensor {
        self.rolled("fftshift", axes, |size| size / 2, caller())
    }

    /// The inverse of [`Tensor::fftshift`].
    ///
    /// `T[s] -> T[s]`, any dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1, 2, 3]);
    /// assert_eq!(x.fftshift(0).ifftshift(0).to_vec::<i32>()?, [1, 2, 3]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn ifftshift(&self, axes: impl IntoAttribute<Axes>) -> Tensor {
        self.rolled("ifftshift", axes, |size| size - size / 2, caller())
    }

    /// The frequencies of a transform of `count` elements that are `spacing` apart: `0, 1, .., -2, -1`, over `count spacing`.
    ///
    /// `-> F[count]`, a float dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::fftfreq(4, 0.5, DType::F32).to_vec::<f32>()?, [0.0, 0.5, -1.0, -0.5]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn fftfreq(count: usize, spacing: f64, dtype: DType) -> Tensor {
        let number = |k: usize| if k < count.div_ceil(2) { k as f64 } else { k as f64 - count as f64 };
        frequencies(count, count, spacing, number).cast(dtype)
    }

    /// The frequencies of the transform of `count` real numbers that are `spacing` apart.
    ///
    /// `-> F[count / 2 + 1]`, a float dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::rfftfreq(4, 0.5, DType::F32).to_vec::<f32>()?, [0.0, 0.5, 1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn rfftfreq(count: usize, spacing: f64, dtype: DType) -> Tensor {
        frequencies(count / 2 + 1, count, spacing, |k| k as f64).cast(dtype)
    }

    fn rolled(
        &self,
        name: &'static str,
        axes: impl IntoAttribute<Axes>,
        shift: impl Fn(usize) -> usize,
        at: CallSite,
    ) -> Tensor {
        let axes = |rank| axes.into_attribute("axes", rank);
        let result = self.known_type().cloned().and_then(|ty| {
            let wrong = |source| refused(name, &[self], at, source);
            let axes = axes(ty.rank()).map_err(wrong)?;
            if let Some(&axis) = axes.iter().find(|&&axis| axis >= ty.rank()) {
                return Err(wrong(TypeError::Axis { axis, rank: ty.rank() }));
            }
            let shifts = axes.iter().map(|&axis| shift(ty.shape.size(axis)) as i64).collect();
            let results = apply(Roll { shifts, axes }.into(), &[self], at);
            Ok(results.map_err(|failure| renamed(failure, name))?.remove(0))
        });
        result.unwrap_or_else(Tensor::failed)
    }
}

#[track_caller]
fn frequencies(count: usize, of: usize, spacing: f64, number: impl Fn(usize) -> f64) -> Tensor {
    let numbers: Vec<f64> = (0..count).map(|k| number(k) / (of as f64 * spacing)).collect();
    Tensor::from_slice(&numbers, [count])
}
