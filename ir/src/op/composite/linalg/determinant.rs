//! Determinants.

use smallvec::smallvec;

use super::{epsilon, sample_matrices, size, square_type};
use crate::builder::BuildError;
use crate::op::derivative::Differentiable;
use crate::op::primitive::{Diagonal, ReduceKind, Side, Triangle, Turned, rows_at};
use crate::op::sample::Draw;
use crate::op::{
    Arity, Batching, CompositeDef, Derivative, Derivatives, OwnRules, Primal, Results, Sample, TypeError,
};
use crate::{Builder, DType, Scalar, TensorType, Value, attributes};

attributes! {
    /// The determinant: `T[.., n, n] -> T[..]`.
    ///
    /// By its formula up to three rows, else by LU, as its derivative is, the matrix of cofactors.
    pub struct Det {}
}

impl CompositeDef for Det {
    const NAME: &'static str = "det";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = square_type(b, x, 0)?;
        let (axis, n) = (ty.rank() - 2, size(&ty.shape).0);
        if (1..=3).contains(&n) {
            let cofactors = cofactors(b, x[0])?;
            let row = b.section(x[0], axis, 0, 1)?;
            let of_row = b.section(cofactors, axis, 0, 1)?;
            let products = b.mul(row, of_row)?;
            return Ok(smallvec![b.sum_over(products, &[axis, axis + 1])?]);
        }
        let factors = b.lu_factor(x[0])?;
        let diagonal = b.diag_part(factors[0], 0)?;
        let product = b.reduce(diagonal, ReduceKind::Prod, [axis])?;
        Ok(smallvec![b.mul(product, factors[2])?])
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Det> {
        let (_, x) = sample_matrices(draw, hint, |_, n| (n, n));
        Sample::epsilons(Det {}, 64, [x])
    }
}

impl OwnRules for Det {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }
}

/// The matrix of cofactors, of one to three rows.
fn cofactors(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let TensorType { dtype, shape } = b.type_of(x);
    let (n, axis) = (size(&shape).0, shape.rank() - 2);
    if n == 1 {
        return b.full(Scalar::one(dtype), &shape);
    }
    let batch = shape.without(&[axis, axis + 1]);
    let mut elements = Vec::new();
    for place in 0..n * n {
        let row = b.section(x, axis, place / n, place / n + 1)?;
        let element = b.section(row, axis + 1, place % n, place % n + 1)?;
        elements.push(b.reshape(element, batch.clone())?);
    }
    let at = |i: usize, j: usize| elements[i % n * n + j % n];
    let mut cofactors = Vec::new();
    for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
        cofactors.push(if n == 2 {
            let minor = at(i + 1, j + 1);
            if i == j { minor } else { b.neg(minor)? }
        } else {
            // Rows and columns that go on at the beginning bring the sign with them.
            let plus = b.mul(at(i + 1, j + 1), at(i + 2, j + 2))?;
            let minus = b.mul(at(i + 1, j + 2), at(i + 2, j + 1))?;
            b.sub(plus, minus)?
        });
    }
    let flat = b.stack(&cofactors, axis)?;
    b.reshape(flat, shape)
}

/// The matrix of cofactors: of `x[p] = l u` it is `det(x) (l^-T u^-T)[p^-1]`. A zero on the diagonal of `u` stands for a number that is lost beside the
/// greatest one: with such a number there, matrices that are singular have cofactors too.
fn cofactors_by_lu(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let TensorType { dtype, shape } = b.type_of(x);
    let axis = shape.rank() - 2;
    let factors = b.lu_factor(x)?;
    let (lu, order, sign) = (factors[0], factors[1], factors[2]);
    let diagonal = b.diag_part(lu, 0)?;
    let magnitudes = b.abs(diagonal)?;
    let greatest = b.reduce(magnitudes, ReduceKind::Max, [axis])?;
    let is_zero = b.equals(greatest, 0.0)?;
    let greatest = b.number_where(is_zero, 1.0, greatest)?;
    let lost = b.mul_number(greatest, epsilon(dtype))?;
    let lost = b.convert(lost, dtype)?;
    let diagonal_shape = b.shape(diagonal);
    let lost = b.spread(lost, &[axis], &diagonal_shape)?;
    let is_missing = b.equals(diagonal, 0.0)?;
    let lost = b.zero_unless(is_missing, lost)?;
    let diagonal = b.add(diagonal, lost)?;
    let product = b.reduce(diagonal, ReduceKind::Prod, [axis])?;
    let det = b.mul(product, sign)?;

    let (u, lost) = (b.triu(lu, 0)?, b.diagonal_like(lu, lost)?);
    let u = b.add(u, lost)?;
    let identity = b.eye(dtype, shape.size(axis), shape.size(axis), 0)?;
    let identity = b.broadcast_to(identity, &shape)?;
    let without_u =
        b.triangular_solve(u, identity, Side::Left, Triangle::Upper, Turned::Yes, Diagonal::Stored)?;
    let both = b.triangular_solve(lu, without_u, Side::Left, Triangle::Lower, Turned::Yes, Diagonal::Unit)?;
    let back = b.argsort(order, axis, false, DType::I32)?;
    let turned = rows_at(b, both, back)?;
    times_scalars(b, turned, det)
}

impl Det {
    /// The derivative by each element: its cofactor.
    fn slopes(&self, primal: &mut Primal<'_>) -> Result<Value, BuildError> {
        let (b, x) = (&mut *primal.b, primal.operands[0]);
        let shape = b.shape(x);
        if (1..=3).contains(&size(&shape).0) {
            return cofactors(b, x);
        }
        cofactors_by_lu(b, x)
    }
}

impl Differentiable for Det {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None]) };
        let slopes = self.slopes(primal)?;
        Ok(smallvec![Some(sum_of_products(primal.b, slopes, tangent)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None]) };
        let slopes = self.slopes(primal)?;
        Ok(smallvec![Some(times_scalars(primal.b, slopes, cotangent)?)])
    }
}

/// The sum of products of the elements of each matrix.
fn sum_of_products(b: &mut Builder, x: Value, y: Value) -> Result<Value, BuildError> {
    let products = b.mul(x, y)?;
    let rank = b.shape(products).rank();
    b.sum_over(products, &[rank - 2, rank - 1])
}

/// Each matrix times a number of its own.
fn times_scalars(b: &mut Builder, x: Value, scalars: Value) -> Result<Value, BuildError> {
    let shape = b.shape(x);
    let scalars = b.spread(scalars, &[shape.rank() - 2, shape.rank() - 1], &shape)?;
    b.mul(x, scalars)
}

attributes! {
    /// Sign and logarithm of the magnitude of the determinant: `T[.., n, n] -> T[..], R[..]`; 0 and minus infinity for singular matrices. The sign of a complex
    /// number is the one of magnitude 1 in its direction, the logarithm is real.
    pub struct Slogdet {}
}

impl CompositeDef for Slogdet {
    const NAME: &'static str = "slogdet";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let axis = square_type(b, x, 0)?.rank() - 2;
        let factors = b.lu_factor(x[0])?;
        let diagonal = b.diag_part(factors[0], 0)?;
        let magnitudes = b.abs(diagonal)?;
        let signs = signs(b, diagonal, magnitudes)?;
        let sign = b.reduce(signs, ReduceKind::Prod, [axis])?;
        let logarithms = b.log(magnitudes)?;
        Ok(smallvec![b.mul(sign, factors[2])?, b.sum_over(logarithms, &[axis])?])
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Slogdet> {
        let (_, x) = sample_matrices(draw, hint, |_, n| (n, n));
        Sample::epsilons(Slogdet {}, 64, [x])
    }
}

impl OwnRules for Slogdet {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }
}

/// Numbers divided by their magnitudes; 0 for 0.
fn signs(b: &mut Builder, x: Value, magnitudes: Value) -> Result<Value, BuildError> {
    let dtype = b.tensor(x).dtype;
    if !dtype.is_complex() {
        return b.sign(x);
    }
    let magnitudes = b.cast(magnitudes, dtype)?;
    b.quotient_or_zero(x, magnitudes)
}

/// With `t = tr(x^-1 x')` (Giles, 2008): the logarithm changes by `Re(t)`, and the sign by itself times `i Im(t)`, which is 0 of real matrices.
impl Differentiable for Slogdet {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None, None]) };
        let b = &mut *primal.b;
        let inverse = b.inverse(primal.operands[0])?;
        let turned = b.swapped(inverse)?;
        let trace = sum_of_products(b, turned, tangent)?;
        if !b.tensor(trace).dtype.is_complex() {
            let sign = b.full_like(0.0, primal.results[0])?;
            return Ok(smallvec![Some(sign), Some(trace)]);
        }
        let (real, imaginary) = (b.real(trace)?, b.imag(trace)?);
        let angle = b.times_i(imaginary)?;
        Ok(smallvec![Some(b.mul(primal.results[0], angle)?), Some(real)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let b = &mut *primal.b;
        let dtype = b.tensor(primal.operands[0]).dtype;
        let mut of_trace = cotangents[1].map(|cotangent| b.convert(cotangent, dtype)).transpose()?;
        if let (Some(cotangent), true) = (cotangents[0], dtype.is_complex()) {
            let product = b.mul(cotangent, primal.results[0])?;
            let imaginary = b.imag(product)?;
            let angle = b.times_i(imaginary)?;
            of_trace = b.add_derivatives(of_trace, Some(angle))?;
        }
        let Some(of_trace) = of_trace else {
            return Ok(smallvec![Some(b.full_like(0.0, primal.operands[0])?)]);
        };
        let inverse = b.inverse(primal.operands[0])?;
        let turned = b.swapped(inverse)?;
        Ok(smallvec![Some(times_scalars(b, turned, of_trace)?)])
    }
}
