//! Singular values.

use smallvec::smallvec;

use super::direction::Directions;
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
    /// `T[.., m, n] -> T[.., m, k], R[.., k], T[.., k, n]`, f32, f64, c64 or c128, with `k` the lesser of `m` and `n`; singular values are real.
    ///
    /// The first component of a column of `u` whose magnitude is at least 0.7 times the greatest is real and positive. Vectors of equal singular values are
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
        Ok(smallvec![x.with(&[x.rows, k])?, x.real_with(&[k])?, x.with(&[k, x.columns])?])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        per_matrix!(operands, results, |x| {
            let spectrum::Singular { u, s, v } = spectrum::svd(&x[0]);
            vec![u, Matrix::row(s), v.adjoint()]
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
    let inner = b.matmul_hn(q, x)?;
    let within = b.matmul(q, inner)?;
    b.sub(x, within)
}

/// What both derivatives ask of the results.
struct Factors {
    u: Value,
    s: Value,
    v: Value,
    gaps: Value,
    inverse: Value,
}

impl Factors {
    fn of(primal: &mut Primal<'_>) -> Result<Factors, BuildError> {
        let (b, &[u, s, vt]) = (&mut *primal.b, primal.results) else {
            unreachable!("svd has three results")
        };
        Ok(Factors {
            u,
            s,
            v: b.adjoint(vt)?,
            gaps: inverse_gaps_of_squares(b, s)?,
            inverse: b.safe_inverse(s)?,
        })
    }

    /// How vectors turn: within their range as `scaled` says, and out of it towards `image`.
    fn turned(
        &self,
        b: &mut Builder,
        basis: Value,
        scaled: Value,
        image: Value,
    ) -> Result<Value, BuildError> {
        let sum = b.plus_adjoint(scaled)?;
        let rotation = b.times(sum, self.gaps)?;
        let within = b.matmul(basis, rotation)?;
        let rest = beyond(b, basis, image)?;
        let rest = b.scale_columns(rest, self.inverse)?;
        b.add(within, rest)
    }

    /// The transposed map of [`Factors::turned`].
    fn turned_back(
        &self,
        b: &mut Builder,
        basis: Value,
        gradient: Value,
    ) -> Result<(Value, Value), BuildError> {
        let product = b.matmul_hn(basis, gradient)?;
        let rotation = b.times(product, self.gaps)?;
        let outer = beyond(b, basis, gradient)?;
        Ok((b.plus_adjoint(rotation)?, b.scale_columns(outer, self.inverse)?))
    }
}

/// Townsend, "Differentiating the singular value decomposition", 2016, and for complex numbers Wan and Zhang, "Automatic differentiation for complex
/// valued SVD", 2019. With `p = u^H x' v` and `f` of `1 / (s_j^2 - s_i^2)`: `s' = Re(diag(p))`, `u' = u (f * (p s + s p^H))` and
/// `v' = v (f * (s p + p^H s) - i Im(diag(p)) / s)`, and what lies beyond their ranges divided by `s`. Vectors of equal singular values do not turn into each
/// other, and those of the value 0 do not leave their range. Complex vectors turn, `u` and `v` together, so that the component that decides about the
/// direction of `u` stays real.
impl Differentiable for Svd {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None, None, None]) };
        let factors = Factors::of(primal)?;
        let (b, &Factors { u, s, v, inverse, .. }) = (&mut *primal.b, &factors);
        let right = b.matmul(tangent, v)?;
        let left = b.matmul_hn(tangent, u)?;
        let inner = b.matmul_hn(u, right)?;
        let (of_u, of_v) = (b.scale_columns(inner, s)?, b.scale_rows(inner, s)?);
        let mut u_turned = factors.turned(b, u, of_u, right)?;
        let mut v_turned = factors.turned(b, v, of_v, left)?;
        if let Some(directions) = Directions::of(b, u)? {
            let diagonal = b.diag_part(inner, 0)?;
            let angles = b.imag(diagonal)?;
            let angles = b.mul(angles, inverse)?;
            let own_angles = b.times_i(angles)?;
            let angles = directions.angles(b, u_turned)?;
            u_turned = directions.without(b, u, u_turned, angles)?;
            let angles = b.add(angles, own_angles)?;
            v_turned = directions.without(b, v, v_turned, angles)?;
        }
        Ok(smallvec![Some(u_turned), Some(b.real_diagonal(inner)?), Some(b.adjoint(v_turned)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let factors = Factors::of(primal)?;
        let (b, &Factors { u, s, v, inverse, .. }) = (&mut *primal.b, &factors);
        let mut inner = cotangents[1].map(|cotangent| b.diagonal_like(u, cotangent)).transpose()?;
        let mut of_u = cotangents[0].map(|cotangent| b.conjugate(cotangent)).transpose()?;
        let of_v = cotangents[2].map(|cotangent| b.swapped(cotangent)).transpose()?;
        if let (Some(directions), true) = (Directions::of(b, u)?, of_u.is_some() || of_v.is_some()) {
            let mut torque = of_u.map(|gradient| Directions::torque(b, u, gradient)).transpose()?;
            if let Some(gradient) = of_v {
                let of_v = Directions::torque(b, v, gradient)?;
                torque = b.add_derivatives(torque, Some(of_v))?;
                let angles = b.mul(of_v, inverse)?;
                let angles = b.neg(angles)?;
                let angles = b.times_i(angles)?;
                let angles = b.diag(angles, 0)?;
                inner = b.add_derivatives(inner, Some(angles))?;
            }
            let gradient = match of_u {
                Some(gradient) => gradient,
                None => b.full_like(0.0, u)?,
            };
            let torque = torque.expect("one of them is there");
            of_u = Some(directions.gradient(b, gradient, torque)?);
        }
        let mut rest = None;
        if let Some(gradient) = of_u {
            let (rotation, outer) = factors.turned_back(b, u, gradient)?;
            let scaled = b.scale_columns(rotation, s)?;
            inner = b.add_derivatives(inner, Some(scaled))?;
            rest = Some(b.matmul_nh(outer, v)?);
        }
        if let Some(gradient) = of_v {
            let (rotation, outer) = factors.turned_back(b, v, gradient)?;
            let scaled = b.scale_rows(rotation, s)?;
            inner = b.add_derivatives(inner, Some(scaled))?;
            let of_rest = b.matmul_nh(u, outer)?;
            rest = b.add_derivatives(rest, Some(of_rest))?;
        }
        let Some(inner) = inner else { return Ok(smallvec![rest]) };
        let left = b.matmul(u, inner)?;
        let within = b.matmul_nh(left, v)?;
        let gradient = b.add_derivatives(Some(within), rest)?;
        Ok(smallvec![gradient.map(|gradient| b.conjugate(gradient)).transpose()?])
    }
}

attributes! {
    /// Singular values, descending: `T[.., m, n] -> R[.., k]`, real, of f32, f64, c64 or c128, with `k` the lesser of `m` and `n`.
    pub struct Svdvals {}
}

impl OpDef for Svdvals {
    const NAME: &'static str = "svdvals";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let x = Matrices::of(operands, 0)?;
        Ok(smallvec![x.real_with(&[x.lesser()])?])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        per_matrix!(operands, results, |x| vec![Matrix::row(spectrum::svd(&x[0]).s)])
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
        let right = b.matmul_nh(tangent, factors[2])?;
        let inner = b.matmul_hn(factors[0], right)?;
        Ok(smallvec![Some(b.real_diagonal(inner)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None]) };
        let b = &mut *primal.b;
        let factors = b.svd(primal.operands[0])?;
        let left = b.scale_columns(factors[0], cotangent)?;
        let gradient = b.matmul(left, factors[2])?;
        Ok(smallvec![Some(b.conjugate(gradient)?)])
    }
}
