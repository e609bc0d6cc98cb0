//! The Cholesky factor.

use smallvec::smallvec;

use super::{DrawnMatrices, Matrices, per_matrix, plain};
use crate::builder::BuildError;
use crate::op::derivative::Differentiable;
use crate::op::primitive::{Diagonal, Side, Triangle, TriangularSolve, Turned};
use crate::op::sample::Draw;
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError,
};
use crate::{Builder, Literal, TensorType, Value, attributes};

attributes! {
    /// The lower triangular `l` with `l l^H = (x + x^H) / 2`: `T[.., n, n] -> T[.., n, n]`, f32, f64, c64 or c128.
    ///
    /// Both triangles of `x` are read; of a Hermitian matrix the Hermitian part is itself. If it is not positive definite, all elements of the
    /// factor are NaN.
    pub struct Cholesky {}
}

impl OpDef for Cholesky {
    const NAME: &'static str = "cholesky";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        Matrices::square(operands, 0)?;
        Ok(smallvec![operands[0].clone()])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        per_matrix!(operands, results, |x| vec![plain::cholesky(&x[0])])
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Cholesky> {
        let drawn = DrawnMatrices::new(draw, hint);
        Sample::epsilons(Cholesky {}, 64, [drawn.dominant(drawn.columns, drawn.columns, 0)])
    }
}

/// Murray, "Differentiation of the Cholesky decomposition", 2016: `l' = l half(l^-1 s' l^-H)`, where `half` keeps the lower triangle and halves
/// the diagonal, and `s` is the Hermitian part.
impl Differentiable for Cholesky {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None]) };
        let (b, l) = (&mut *primal.b, primal.results[0]);
        let tangent = b.hermitian_part(tangent)?;
        let left = solve(b, l, tangent, Side::Left, Turned::No)?;
        let conjugate = b.conjugate(l)?;
        let both = solve(b, conjugate, left, Side::Right, Turned::Yes)?;
        let half = b.half_triangle(both)?;
        Ok(smallvec![Some(b.matmul(l, half)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None]) };
        let (b, l) = (&mut *primal.b, primal.results[0]);
        let gradient = b.conjugate(cotangent)?;
        let product = b.matmul_hn(l, gradient)?;
        let half = b.half_triangle(product)?;
        let conjugate = b.conjugate(l)?;
        let left = solve(b, conjugate, half, Side::Left, Turned::Yes)?;
        let both = solve(b, l, left, Side::Right, Turned::No)?;
        let gradient = b.hermitian_part(both)?;
        Ok(smallvec![Some(b.conjugate(gradient)?)])
    }
}

fn solve(b: &mut Builder, l: Value, x: Value, side: Side, turned: Turned) -> Result<Value, BuildError> {
    let op = TriangularSolve { side, triangle: Triangle::Lower, turned, diagonal: Diagonal::Stored };
    b.push_one(op, &[l, x])
}
