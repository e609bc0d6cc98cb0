//! Singular values.

use smallvec::smallvec;

use super::{DrawnMatrices, Matrices, per_matrix, spectrum};
use crate::builder::BuildError;
use crate::op::derivative::Differentiable;
use crate::op::primitive::linalg::plain::Matrix;
use crate::op::sample::Draw;
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError,
};
use crate::{Builder, Literal, TensorType, Value, attributes};

attributes! {
    /// Singular values, descending, with orthonormal columns of `u` and rows of `vt` such that `x = u diag(s) vt`:
    /// `T[.., m, n] -> T[.., m, k], T[.., k], T[.., k, n]`, f32 or f64, with `k` the lesser of `m` and `n`.
    ///
    /// The first component of a column of `u` whose magnitude is at least 0.7 times the greatest is positive. Vectors of equal singular values are
    /// some orthonormal basis.
    pub struct Svd {}
}

impl OpDef for Svd {
    const NAME: &'static str = "svd";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let x = Matrices::of(operands, 0)?;
        let k = x.lesser();
        Ok(smallvec![x.with(&[x.rows, k])?, x.with(&[k])?, x.with(&[k, x.columns])?])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        per_matrix(operands, results, |x| {
            let spectrum::Singular { u, s, v } = spectrum::svd(&x[0]);
            vec![u, Matrix::row(s), v.transposed()]
        })
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Svd> {
        let drawn = DrawnMatrices::new(draw, hint);
        Sample::epsilons(Svd {}, 256, [drawn.dominant(drawn.rows, drawn.columns, 0)])
    }
}

/// `1 / (s_j^2 - s_i^2)`, and 0 where these are equal.
fn inverse_gaps_of_squares(b: &mut Builder, s: Value) -> Result<Value, BuildError> {
    let gaps = b.inverse_gaps(s)?;
    let shape = b.shape(gaps);
    let columns = b.spread(s, &[shape.rank() - 2], &shape)?;
    let rows = b.spread(s, &[shape.rank() - 1], &shape)?;
    let sums = b.add(columns, rows)?;
    let sums = b.safe_inverse(sums)?;
    b.mul(gaps, sums)
}

/// What of `x` is not in the range of the orthonormal columns `q`.
fn beyond(b: &mut Builder, q: Value, x: Value) -> Result<Value, BuildError> {
    let inner = b.matmul_tn(q, x)?;
    let within = b.matmul(q, inner)?;
    b.sub(x, within)
}

/// Townsend, "Differentiating the singular value decomposition", 2016. With `p = u^T x' v` and `f` of `1 / (s_j^2 - s_i^2)`: `s' = diag(p)`,
/// `u' = u (f * (p s + s p^T))` and `v' = v (f * (s p + p^T s))`, and what lies beyond their ranges divided by `s`. Vectors of equal singular values
/// do not turn into each other, and those of the value 0 do not leave their range.
impl Differentiable for Svd {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None, None, None]) };
        let (b, &[u, s, vt]) = (&mut *primal.b, primal.results) else {
            unreachable!("svd has three results")
        };
        let v = b.swapped(vt)?;
        let right = b.matmul(tangent, v)?;
        let left = b.matmul_tn(tangent, u)?;
        let inner = b.matmul_tn(u, right)?;
        let gaps = inverse_gaps_of_squares(b, s)?;
        let inverse = b.safe_inverse(s)?;
        let turn = |b: &mut Builder, basis: Value, scaled: Value, image: Value| {
            let sum = b.plus_swapped(scaled)?;
            let rotation = b.mul(gaps, sum)?;
            let within = b.matmul(basis, rotation)?;
            let rest = beyond(b, basis, image)?;
            let rest = b.scale_columns(rest, inverse)?;
            b.add(within, rest)
        };
        let (of_u, of_v) = (b.scale_columns(inner, s)?, b.scale_rows(inner, s)?);
        let (u, v) = (turn(b, u, of_u, right)?, turn(b, v, of_v, left)?);
        Ok(smallvec![Some(u), Some(b.diag_part(inner, 0)?), Some(b.swapped(v)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let (b, &[u, s, vt]) = (&mut *primal.b, primal.results) else {
            unreachable!("svd has three results")
        };
        let mut inner = cotangents[1].map(|cotangent| b.diag(cotangent, 0)).transpose()?;
        let mut rest = None;
        let gaps = inverse_gaps_of_squares(b, s)?;
        let inverse = b.safe_inverse(s)?;
        let turn = |b: &mut Builder, basis: Value, cotangent: Value| {
            let product = b.matmul_tn(basis, cotangent)?;
            let rotation = b.mul(gaps, product)?;
            let outer = beyond(b, basis, cotangent)?;
            Ok::<_, BuildError>((b.plus_swapped(rotation)?, b.scale_columns(outer, inverse)?))
        };
        if let Some(cotangent) = cotangents[0] {
            let (rotation, outer) = turn(b, u, cotangent)?;
            let scaled = b.scale_columns(rotation, s)?;
            inner = b.add_derivatives(inner, Some(scaled))?;
            rest = Some(b.matmul(outer, vt)?);
        }
        if let Some(cotangent) = cotangents[2] {
            let (v, cotangent) = (b.swapped(vt)?, b.swapped(cotangent)?);
            let (rotation, outer) = turn(b, v, cotangent)?;
            let scaled = b.scale_rows(rotation, s)?;
            inner = b.add_derivatives(inner, Some(scaled))?;
            let of_rest = b.matmul_nt(u, outer)?;
            rest = b.add_derivatives(rest, Some(of_rest))?;
        }
        let Some(inner) = inner else { return Ok(smallvec![rest]) };
        let left = b.matmul(u, inner)?;
        let within = b.matmul(left, vt)?;
        Ok(smallvec![b.add_derivatives(Some(within), rest)?])
    }
}

attributes! {
    /// Singular values, descending: `T[.., m, n] -> T[.., k]`, f32 or f64, with `k` the lesser of `m` and `n`.
    pub struct Svdvals {}
}

impl OpDef for Svdvals {
    const NAME: &'static str = "svdvals";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let x = Matrices::of(operands, 0)?;
        Ok(smallvec![x.with(&[x.lesser()])?])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        per_matrix(operands, results, |x| vec![Matrix::row(spectrum::svd(&x[0]).s)])
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Svdvals> {
        let drawn = DrawnMatrices::new(draw, hint);
        Sample::epsilons(Svdvals {}, 64, [drawn.dominant(drawn.rows, drawn.columns, draw.below(3))])
    }
}

/// That of [`Svd`], which is computed for its vectors.
impl Differentiable for Svdvals {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None]) };
        let b = &mut *primal.b;
        let factors = b.svd(primal.operands[0])?;
        let right = b.matmul_nt(tangent, factors[2])?;
        let inner = b.matmul_tn(factors[0], right)?;
        Ok(smallvec![Some(b.diag_part(inner, 0)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None]) };
        let b = &mut *primal.b;
        let factors = b.svd(primal.operands[0])?;
        let left = b.scale_columns(factors[0], cotangent)?;
        Ok(smallvec![Some(b.matmul(left, factors[2])?)])
    }
}
