//! Discrete Fourier transforms of complex and of real tensors, along any axes.
//!
//! Along an axis, `y[k] = sum(x[j] e^(-2 pi i j k / n))`; the way back has the opposite sign. [`FourierNorm`] says which of both is divided by what.

use smallvec::smallvec;

use super::build::fold_count;
use crate::op::attribute::Axes;
use crate::op::primitive::FourierSign;
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Shape, TensorType, Value, attributes, word_attribute};

word_attribute! {
    /// What a Fourier transform is divided by.
    #[derive(Default)]
    pub enum FourierNorm {
        /// The way back by the number of elements, the way forward by nothing.
        #[default]
        Backward = "backward",
        /// Both by its square root.
        Ortho = "ortho",
        /// The way forward by the number of elements, the way back by nothing.
        Forward = "forward",
    }
}

impl FourierNorm {
    /// What a transform of so many elements with exponents of this sign is multiplied by.
    fn scale(self, sign: FourierSign, elements: f64) -> f64 {
        match (self, sign) {
            (FourierNorm::Ortho, _) => 1.0 / elements.sqrt(),
            (FourierNorm::Backward, FourierSign::Backward) | (FourierNorm::Forward, FourierSign::Forward) => {
                1.0 / elements
            }
            _ => 1.0,
        }
    }

    /// The norm with which the way forward is scaled as the way back is with this one.
    pub fn swapped(self) -> FourierNorm {
        match self {
            FourierNorm::Backward => FourierNorm::Forward,
            FourierNorm::Ortho => FourierNorm::Ortho,
            FourierNorm::Forward => FourierNorm::Backward,
        }
    }
}

attributes! {
    /// The discrete Fourier transform along `axes`: `C[s] -> C[s]`, c64 or c128.
    pub struct Fft {
        /// The axes, distinct; none may be empty.
        pub axes: Axes,
        /// What it is divided by.
        pub norm: FourierNorm,
    }
}

attributes! {
    /// The inverse of the discrete Fourier transform along `axes`: `C[s] -> C[s]`, c64 or c128.
    pub struct Ifft {
        /// The axes, distinct; none may be empty.
        pub axes: Axes,
        /// What it is divided by.
        pub norm: FourierNorm,
    }
}

attributes! {
    /// The discrete Fourier transform of real numbers along `axes`, of which the last one has the first half only: `f32[.., n, ..] -> c64[.., n / 2 + 1, ..]`,
    /// f64 to c128.
    pub struct Rfft {
        /// The axes, distinct, at least one; none may be empty.
        pub axes: Axes,
        /// What it is divided by.
        pub norm: FourierNorm,
    }
}

attributes! {
    /// Real numbers out of a discrete Fourier transform whose last axis has the first half only: `c64[.., length / 2 + 1, ..] -> f32[.., length, ..]`.
    pub struct Irfft {
        /// The axes, distinct, at least one; none may be empty.
        pub axes: Axes,
        /// Elements of the result along the last of them.
        pub length: usize,
        /// What it is divided by.
        pub norm: FourierNorm,
    }
}

/// Checks axes of a transform, and gives the number of elements that it adds up.
fn elements(ty: &TensorType, axes: &[usize]) -> Result<f64, TypeError> {
    rule::check_axes(axes, ty.rank())?;
    match axes.iter().find(|&&axis| ty.shape.size(axis) == 0) {
        Some(axis) => Err(TypeError::attribute("axes", format!("axis {axis} has no elements"))),
        None => Ok(fold_count(&ty.shape, axes)),
    }
}

/// The last of the axes, and those before.
fn last_of(axes: &[usize]) -> Result<(usize, &[usize]), TypeError> {
    match axes {
        [others @ .., last] => Ok((*last, others)),
        [] => Err(TypeError::attribute("axes", "there must be at least one")),
    }
}

impl Builder {
    /// `compute` of `x` with the axis moved behind the others, but for the last `kept` ones; the result with the axis where it was.
    fn at_the_end(
        &mut self,
        x: Value,
        axis: usize,
        kept: (usize, usize),
        compute: impl FnOnce(&mut Builder, Value) -> Result<Value, TypeError>,
    ) -> Result<Value, TypeError> {
        let rank = self.shape(x).rank() - kept.0;
        let mut order: Axes = (0..rank).filter(|&other| other != axis).collect();
        order.push(axis);
        let there = order.iter().copied().chain(rank..rank + kept.0);
        let moved = if axis + 1 == rank { x } else { self.transpose(x, there.collect::<Axes>())? };
        let found = compute(self, moved)?;
        if axis + 1 == rank {
            return Ok(found);
        }
        let mut back = Axes::from_elem(0, rank);
        order.iter().enumerate().for_each(|(place, &axis)| back[axis] = place);
        Ok(self.transpose(found, back.into_iter().chain(rank..rank + kept.1).collect::<Axes>())?)
    }

    /// Transforms of pairs along axes, without a scale.
    fn dft_along(&mut self, pairs: Value, axes: &[usize], sign: FourierSign) -> Result<Value, TypeError> {
        axes.iter().try_fold(pairs, |x, &axis| self.at_the_end(x, axis, (1, 1), |b, x| Ok(b.dft(x, sign)?)))
    }

    fn scaled_by(&mut self, x: Value, scale: f64) -> Result<Value, TypeError> {
        if scale == 1.0 { Ok(x) } else { Ok(self.mul_number(x, scale)?) }
    }

    /// The transform of complex numbers along axes.
    fn transformed(
        &mut self,
        x: Value,
        axes: &[usize],
        sign: FourierSign,
        norm: FourierNorm,
    ) -> Result<Results, TypeError> {
        let ty = self.type_of(x);
        rule::require_class(&[&ty], 0, DTypeClass::Complex)?;
        let count = elements(&ty, axes)?;
        let pairs = self.as_real(x)?;
        let found = self.dft_along(pairs, axes, sign)?;
        let scaled = self.scaled_by(found, norm.scale(sign, count))?;
        Ok(smallvec![self.as_complex(scaled)?])
    }
}

impl CompositeDef for Fft {
    const NAME: &'static str = "fft";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        b.transformed(x[0], &self.axes, FourierSign::Forward, self.norm)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Fft> {
        let (ty, axes) = drawn(draw, hint, DTypeClass::Complex);
        Sample::epsilons(Fft { axes, norm: draw.choose(FourierNorm::ALL) }, 64, [Operand::moderate(ty)])
    }
}

impl CompositeDef for Ifft {
    const NAME: &'static str = "ifft";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        b.transformed(x[0], &self.axes, FourierSign::Backward, self.norm)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Ifft> {
        let (ty, axes) = drawn(draw, hint, DTypeClass::Complex);
        Sample::epsilons(Ifft { axes, norm: draw.choose(FourierNorm::ALL) }, 64, [Operand::moderate(ty)])
    }
}

impl CompositeDef for Rfft {
    const NAME: &'static str = "rfft";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        let count = elements(&ty, &self.axes)?;
        let (last, others) = last_of(&self.axes)?;
        let pairs = b.at_the_end(x[0], last, (0, 1), |b, x| Ok(b.real_dft(x)?))?;
        let found = b.dft_along(pairs, others, FourierSign::Forward)?;
        let scaled = b.scaled_by(found, self.norm.scale(FourierSign::Forward, count))?;
        Ok(smallvec![b.as_complex(scaled)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Rfft> {
        let (mut ty, axes) = drawn(draw, hint, DTypeClass::Complex);
        ty.dtype = ty.dtype.part();
        Sample::epsilons(Rfft { axes, norm: draw.choose(FourierNorm::ALL) }, 64, [Operand::moderate(ty)])
    }
}

impl CompositeDef for Irfft {
    const NAME: &'static str = "irfft";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        rule::require_class(&[&ty], 0, DTypeClass::Complex)?;
        elements(&ty, &self.axes)?;
        let (last, others) = last_of(&self.axes)?;
        let count = fold_count(&ty.shape, others) * self.length as f64;
        let pairs = b.as_real(x[0])?;
        let pairs = b.dft_along(pairs, others, FourierSign::Backward)?;
        let found = b.at_the_end(pairs, last, (1, 0), |b, x| Ok(b.real_dft_back(x, self.length)?))?;
        Ok(smallvec![b.scaled_by(found, self.norm.scale(FourierSign::Backward, count))?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Irfft> {
        let (ty, axes) = drawn(draw, hint, DTypeClass::Complex);
        let half = ty.shape.size(axes[axes.len() - 1]);
        let length = if half == 1 { 1 } else { 2 * (half - 1) + draw.below(2) };
        let op = Irfft { axes, length, norm: draw.choose(FourierNorm::ALL) };
        Sample::epsilons(op, 64, [Operand::moderate(ty)])
    }
}

/// A small type, and axes of it: evaluating takes the square of their extents.
fn drawn(draw: &mut Draw<'_>, hint: &TensorType, class: DTypeClass) -> (TensorType, Axes) {
    let ty = draw.like(hint, class, 1);
    let mut sizes: Vec<usize> = ty.shape.sizes().iter().map(|&size| size.clamp(1, 9)).take(4).collect();
    while sizes.iter().product::<usize>() > 500 {
        sizes.pop();
    }
    let axes = draw.axes(sizes.len(), 1);
    let dtype: DType = ty.dtype;
    (TensorType { dtype, shape: Shape::from(sizes) }, axes)
}
