//! Discrete Fourier transforms of lines of real numbers and of pairs, without any scale.
//!
//! A complex number is a pair along the last axis, its real and its imaginary part, so that these are ops of real tensors: linear, each the
//! transposed map of another one. What users call are composites of complex tensors that are made of them (`composite/fourier.rs`).

use std::f64::consts::TAU;

use num_complex::Complex;
use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::derivative::LinearOp;
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{Builder, DType, Dim, Literal, Scalar, Shape, TensorType, Value, attributes, word_attribute};

word_attribute! {
    /// The sign of the exponents of a Fourier transform.
    pub enum FourierSign {
        /// `e^(-2 pi i j k / n)`: from times to frequencies.
        Forward = "forward",
        /// `e^(2 pi i j k / n)`: back to times, `n` times too large.
        Backward = "backward",
    }
}

impl FourierSign {
    /// The other one.
    pub fn reversed(self) -> FourierSign {
        match self {
            FourierSign::Forward => FourierSign::Backward,
            FourierSign::Backward => FourierSign::Forward,
        }
    }
}

attributes! {
    /// The discrete Fourier transform of each line of pairs: `F[.., n, 2] -> F[.., n, 2]`, f32 or f64.
    pub struct Dft {
        /// The sign of the exponents.
        pub sign: FourierSign,
    }
}

attributes! {
    /// The first half of the discrete Fourier transform of each line of real numbers, of which the rest is the conjugate in opposite order:
    /// `F[.., n] -> F[.., n / 2 + 1, 2]`, f32 or f64, `n` at least 1.
    pub struct RealDft {}
}

attributes! {
    /// Lines of real numbers out of the first halves of their transforms, times their length: `F[.., n / 2 + 1, 2] -> F[.., n]`, f32 or f64. The
    /// imaginary part of the first number counts for nothing, nor does that of the last one if the length is even.
    pub struct RealDftBack {
        /// Elements of a line of the result, at least 1.
        pub length: usize,
    }
}

type C = Complex<f64>;

/// `sum(x[j] e^(sign 2 pi i j k / n))` for a frequency.
fn frequency(line: &[C], k: usize, sign: f64) -> C {
    let n = line.len();
    let turn = |j: usize| C::cis(sign * TAU * ((j * k) % n) as f64 / n as f64);
    line.iter().enumerate().map(|(j, x)| x * turn(j)).sum()
}

/// Results out of each line of the operand, whose elements are `width` numbers.
fn per_line(
    x: &Literal,
    line: usize,
    result: &TensorType,
    compute: impl Fn(&[f64]) -> Vec<f64>,
) -> Vec<Literal> {
    let elements: Vec<f64> = x.iter().map(Scalar::to_f64).collect();
    let found = elements.chunks(line.max(1)).flat_map(compute);
    vec![Literal::from_scalars(result.clone(), found.map(|x| Scalar::from_f64(result.dtype, x)))]
}

fn pairs(numbers: &[f64]) -> Vec<C> {
    numbers.chunks_exact(2).map(|pair| C::new(pair[0], pair[1])).collect()
}

fn numbers(pairs: impl Iterator<Item = C>) -> Vec<f64> {
    pairs.flat_map(|z| [z.re, z.im]).collect()
}

/// The operand's dtype, f32 or f64.
fn dtype_of(operands: &[&TensorType]) -> Result<DType, TypeError> {
    match operands[0].dtype {
        dtype @ (DType::F32 | DType::F64) => Ok(dtype),
        dtype => Err(TypeError::Other(format!("operand 0 must be f32 or f64, found {dtype}; cast it"))),
    }
}

/// The axes in front and the length of the lines of pairs.
fn lines_of_pairs<'a>(operands: &[&'a TensorType]) -> Result<(&'a [Dim], usize), TypeError> {
    match operands[0].shape.dims() {
        [batch @ .., length, pair] if pair.size() == 2 => Ok((batch, length.size())),
        _ => Err(TypeError::Other(format!("operand 0 must be lines of pairs, found {}", operands[0]))),
    }
}

fn with(dtype: DType, batch: &[Dim], axes: &[usize]) -> Result<TensorTypes, TypeError> {
    rule::one(dtype, batch.iter().copied().chain(axes.iter().map(|&size| size.into())).collect())
}

/// A small type of real lines: evaluating takes the square of their length.
fn drawn(draw: &mut Draw<'_>, hint: &TensorType) -> TensorType {
    let dtype = match hint.dtype {
        DType::F32 | DType::F64 => hint.dtype,
        DType::C64 => DType::F32,
        DType::C128 => DType::F64,
        _ => draw.choose(&[DType::F64, DType::F32]),
    };
    let mut sizes = hint.shape.sizes();
    let length = sizes.pop().unwrap_or_else(|| draw.extent()).clamp(1, 24);
    let few = sizes.iter().product::<usize>() <= 64 && sizes.len() < 6;
    let batch = if few { sizes.to_vec() } else { Vec::new() };
    TensorType { dtype, shape: batch.into_iter().chain([length]).collect() }
}

fn with_pairs(ty: &TensorType) -> TensorType {
    let shape: Shape = ty.shape.dims().iter().copied().chain([2.into()]).collect();
    ty.with_shape(shape)
}

impl OpDef for Dft {
    const NAME: &'static str = "dft";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let (dtype, (batch, length)) = (dtype_of(operands)?, lines_of_pairs(operands)?);
        with(dtype, batch, &[length, 2])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let length = results[0].shape.size(results[0].rank() - 2);
        let sign = if self.sign == FourierSign::Forward { -1.0 } else { 1.0 };
        per_line(operands[0], 2 * length, &results[0], |line| {
            let line = pairs(line);
            numbers((0..length).map(|k| frequency(&line, k, sign)))
        })
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Dft> {
        let ty = with_pairs(&drawn(draw, hint));
        Sample::epsilons(Dft { sign: draw.choose(FourierSign::ALL) }, 64, [Operand::moderate(ty)])
    }
}

impl OpDef for RealDft {
    const NAME: &'static str = "real_dft";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let dtype = dtype_of(operands)?;
        match operands[0].shape.dims() {
            [batch @ .., length] if length.size() > 0 => with(dtype, batch, &[length.size() / 2 + 1, 2]),
            _ => {
                let found = operands[0];
                Err(TypeError::Other(format!(
                    "operand 0 must have elements along its last axis, found {found}"
                )))
            }
        }
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let length = operands[0].ty().shape.size(operands[0].ty().rank() - 1);
        per_line(operands[0], length, &results[0], |line| {
            let line: Vec<C> = line.iter().map(|&x| C::new(x, 0.0)).collect();
            numbers((0..length / 2 + 1).map(|k| frequency(&line, k, -1.0)))
        })
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<RealDft> {
        Sample::epsilons(RealDft {}, 64, [Operand::moderate(drawn(draw, hint))])
    }
}

impl OpDef for RealDftBack {
    const NAME: &'static str = "real_dft_back";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let (dtype, (batch, half)) = (dtype_of(operands)?, lines_of_pairs(operands)?);
        if self.length == 0 || self.length / 2 + 1 != half {
            let reason = format!("{half} frequencies are not the first half of {}", self.length);
            return Err(TypeError::attribute("length", reason));
        }
        with(dtype, batch, &[self.length])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let (n, half) = (self.length, self.length / 2 + 1);
        per_line(operands[0], 2 * half, &results[0], |line| {
            let first = pairs(line);
            let real = |z: C| C::new(z.re, 0.0);
            let whole = |k: usize| match k {
                0 => real(first[0]),
                k if 2 * k == n => real(first[k]),
                k if k < half => first[k],
                k => first[n - k].conj(),
            };
            let whole: Vec<C> = (0..n).map(whole).collect();
            (0..n).map(|j| frequency(&whole, j, 1.0).re).collect()
        })
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<RealDftBack> {
        let ty = drawn(draw, hint);
        let axis = ty.rank() - 1;
        let half = ty.shape.size(axis);
        let length = if half == 1 { 1 } else { 2 * (half - 1) + draw.below(2) };
        Sample::epsilons(RealDftBack { length }, 64, [Operand::moderate(with_pairs(&ty))])
    }
}

/// The transposed map of real numbers is the conjugate transposed one of complex numbers: exponents of the other sign.
impl LinearOp for Dft {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let sign = self.sign.reversed();
        Ok(smallvec![primal.when_wanted(0, |b| b.dft(cotangent, sign))?])
    }
}

/// The way back counts frequencies that have a conjugate twice, the cotangent has them once.
impl LinearOp for RealDft {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let shape = primal.operand_type(0).shape;
        let length = shape.size(shape.rank() - 1);
        let back = primal.when_wanted(0, |b| {
            let once = weighted(b, cotangent, length, 0.5)?;
            b.real_dft_back(once, length)
        })?;
        Ok(smallvec![back])
    }
}

impl LinearOp for RealDftBack {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let length = self.length;
        let there = primal.when_wanted(0, |b| {
            let once = b.real_dft(cotangent)?;
            weighted(b, once, length, 2.0)
        })?;
        Ok(smallvec![there])
    }
}

/// Lines of pairs with those that have a conjugate in the whole line of this length times `weight`.
fn weighted(b: &mut Builder, pairs: Value, length: usize, weight: f64) -> Result<Value, BuildError> {
    let TensorType { dtype, shape } = b.tensor(pairs).clone();
    let axis = shape.rank() - 2;
    let is_single = |k: usize| k == 0 || 2 * k == length;
    let weights = Literal::from_fn(TensorType::new(dtype, [shape.size(axis)]), |k| {
        Scalar::from_f64(dtype, if is_single(k) { 1.0 } else { weight })
    });
    let weights = b.literal(weights);
    let weights = b.broadcast_in_dim(weights, shape, [axis])?;
    b.mul(pairs, weights)
}
