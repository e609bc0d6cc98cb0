//! Powers and the exponential of matrices.

use smallvec::smallvec;

use super::{identity_like, sample_matrices, size, square_type};
use crate::builder::BuildError;
use crate::op::derivative::Differentiable;
use crate::op::primitive::{ReduceKind, Turned};
use crate::op::sample::Draw;
use crate::op::{
    Arity, Batching, CompositeDef, Derivative, Derivatives, OwnRules, Primal, Results, Sample, TypeError,
};
use crate::{Builder, DType, TensorType, Value, attributes};

attributes! {
    /// The matrix multiplied with itself so many times; the identity for 0, powers of the inverse below: `T[.., n, n] -> T[.., n, n]`.
    pub struct MatrixPower {
        /// How many times.
        pub exponent: i64,
    }
}

impl CompositeDef for MatrixPower {
    const NAME: &'static str = "matrix_power";
    const ARITY: Arity = Arity::Exact(1);

    /// By repeated squaring.
    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        square_type(b, x, 0)?;
        let mut rest = self.exponent.unsigned_abs();
        let mut square = if self.exponent < 0 { b.inverse(x[0])? } else { x[0] };
        let mut power = None;
        while rest > 0 {
            if rest % 2 == 1 {
                power = Some(match power {
                    Some(power) => b.matmul(power, square)?,
                    None => square,
                });
            }
            rest /= 2;
            if rest > 0 {
                square = b.matmul(square, square)?;
            }
        }
        match power {
            Some(power) => Ok(smallvec![power]),
            None => Ok(smallvec![identity_like(b, x[0])?]),
        }
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<MatrixPower> {
        let exponent = draw.choose(&[2, 0, 1, 3, -1, -2, 5]);
        let (_, x) = sample_matrices(draw, hint, |_, n| (n, n));
        Sample::epsilons(MatrixPower { exponent }, 256, [x])
    }
}

attributes! {
    /// The exponential of a matrix, `1 + x + x^2 / 2 + ..`: `T[.., n, n] -> T[.., n, n]`.
    ///
    /// By scaling, an approximation by fractions, and at most 16 squarings: NaN if the greatest sum of magnitudes of a column is above some 250,000.
    pub struct Expm {}
}

/// Squarings at most.
const SQUARINGS: i32 = 16;

impl CompositeDef for Expm {
    const NAME: &'static str = "expm";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = square_type(b, x, 0)?;
        if size(&ty.shape).0 == 0 {
            return Ok(smallvec![x[0]]);
        }
        let (numbers, bound) = approximation(ty.dtype);
        let count = squarings(b, x[0], bound)?;
        let halvings = b.neg(count)?;
        let scale = b.exp2(halvings)?;
        let scale = b.spread(scale, &[ty.rank() - 2, ty.rank() - 1], &ty.shape)?;
        let scaled = b.times(x[0], scale)?;
        let mut power = fraction(b, scaled, numbers)?;
        let count = b.spread(count, &[ty.rank() - 2, ty.rank() - 1], &ty.shape)?;
        for step in 0..SQUARINGS {
            let number = b.full_like(f64::from(step), count)?;
            let is_left = b.gt(count, number)?;
            let square = b.matmul(power, power)?;
            power = b.select(is_left, square, power)?;
        }
        let most = b.full_like(f64::from(SQUARINGS), count)?;
        let is_possible = b.le(count, most)?;
        let nan = b.full_like(f64::NAN, power)?;
        Ok(smallvec![b.select(is_possible, power, nan)?])
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Expm> {
        let (_, x) = sample_matrices(draw, hint, |_, n| (n.min(4), n.min(4)));
        Sample::epsilons(Expm {}, 256, [x])
    }
}

/// Numbers of the diagonal Padé approximant of the exponential, and up to which norm it is exact (Higham, "The scaling and squaring method for the
/// matrix exponential revisited", 2005).
fn approximation(dtype: DType) -> (&'static [f64], f64) {
    const SEVEN: &[f64] = &[17297280.0, 8648640.0, 1995840.0, 277200.0, 25200.0, 1512.0, 56.0, 1.0];
    const THIRTEEN: &[f64] = &[
        64764752532480000.0,
        32382376266240000.0,
        7771770303897600.0,
        1187353796428800.0,
        129060195264000.0,
        10559470521600.0,
        670442572800.0,
        33522128640.0,
        1323241920.0,
        40840800.0,
        960960.0,
        16380.0,
        182.0,
        1.0,
    ];
    if dtype.part() == DType::F32 { (SEVEN, 3.92572478313866) } else { (THIRTEEN, 5.371920351148152) }
}

/// How often each matrix must be halved for its norm to be within the bound, as a float.
fn squarings(b: &mut Builder, x: Value, bound: f64) -> Result<Value, BuildError> {
    let axis = b.shape(x).rank() - 2;
    let magnitudes = b.abs(x)?;
    let sums = b.sum_over(magnitudes, &[axis])?;
    let norm = b.reduce(sums, ReduceKind::Max, [axis])?;
    let ratio = b.div_number(norm, bound)?;
    let logarithm = b.log2(ratio)?;
    let count = b.ceil(logarithm)?;
    b.at_least(count, 0.0)
}

/// `(even - odd)^-1 (even + odd)`, with the even and the odd powers of a polynomial.
fn fraction(b: &mut Builder, x: Value, numbers: &[f64]) -> Result<Value, TypeError> {
    let square = b.matmul(x, x)?;
    let mut power = identity_like(b, x)?;
    let (mut even, mut odd) = (None, None);
    for (step, pair) in numbers.chunks_exact(2).enumerate() {
        if step > 0 {
            power = if step == 1 { square } else { b.matmul(power, square)? };
        }
        let (one, other) = (b.mul_number(power, pair[0])?, b.mul_number(power, pair[1])?);
        even = b.add_derivatives(even, Some(one))?;
        odd = b.add_derivatives(odd, Some(other))?;
    }
    let (Some(even), Some(odd)) = (even, odd) else { return Ok(power) };
    let odd = b.matmul(x, odd)?;
    let (over, under) = (b.add(even, odd)?, b.sub(even, odd)?);
    Ok(b.linear_solve(under, over, Turned::No)?)
}

impl OwnRules for Expm {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }
}

/// The derivative at `x` towards `x'` is the upper right part of the exponential of `[[x, x'], [0, x]]` (Mathias, "A chain rule for matrix functions
/// and applications", 1996); towards a cotangent the same with `x^T`.
impl Differentiable for Expm {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None]) };
        Ok(smallvec![Some(towards(primal.b, primal.operands[0], tangent)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None]) };
        let turned = primal.b.swapped(primal.operands[0])?;
        Ok(smallvec![Some(towards(primal.b, turned, cotangent)?)])
    }
}

fn towards(b: &mut Builder, x: Value, direction: Value) -> Result<Value, BuildError> {
    let rank = b.shape(x).rank();
    let n = b.shape(x).size(rank - 1);
    let zero = b.full_like(0.0, x)?;
    let top = b.concat(&[x, direction], rank - 1)?;
    let bottom = b.concat(&[zero, x], rank - 1)?;
    let both = b.concat(&[top, bottom], rank - 2)?;
    let exponential = b.expm(both)?;
    let top = b.section(exponential, rank - 2, 0, n)?;
    b.section(top, rank - 1, n, 2 * n)
}
