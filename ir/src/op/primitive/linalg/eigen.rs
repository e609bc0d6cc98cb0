//! Eigenvalues of Hermitian matrices.

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
    /// Eigenvalues, ascending, and eigenvectors, as columns, of the Hermitian part of matrices: `T[.., n, n] -> R[.., n], T[.., n, n]`, f32, f64, c64 or c128;
    /// eigenvalues are real.
    ///
    /// Vectors have length 1; the first component whose magnitude is at least 0.7 times the greatest is real and positive. Vectors of equal eigenvalues
    /// are some orthonormal basis.
    pub struct Eigh {}
}

impl OpDef for Eigh {
    const NAME: &'static str = "eigh";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let x = Matrices::square(operands, 0)?;
        Ok(smallvec![x.real_with(&[x.rows])?, operands[0].clone()])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        per_matrix!(operands, results, |x| {
            let (values, vectors) = spectrum::eigh(&x[0]);
            vec![Matrix::row(values), vectors]
        })
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Eigh> {
        let drawn = DrawnMatrices::new(draw, hint);
        Sample::epsilons(Eigh {}, 256, [drawn.dominant(drawn.columns, drawn.columns, 0)])
    }
}

/// With `m = v^H s' v`: `w' = diag(m)` and `v' = v (f * m)`, where `f` is `1 / (w_j - w_i)`. Vectors of equal eigenvalues do not
/// turn into each other: there `f` is 0. (Giles, 2008.) Complex vectors turn so that the component that decides about their direction stays real, which
/// changes nothing for functions that do not ask for the direction.
impl Differentiable for Eigh {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None, None]) };
        let (b, w, v) = (&mut *primal.b, primal.results[0], primal.results[1]);
        let tangent = b.hermitian_part(tangent)?;
        let right = b.matmul(tangent, v)?;
        let inner = b.matmul_hn(v, right)?;
        let gaps = b.inverse_gaps(w)?;
        let rotation = b.times(inner, gaps)?;
        let mut turned = b.matmul(v, rotation)?;
        if let Some(directions) = Directions::of(b, v)? {
            let angles = directions.angles(b, turned)?;
            turned = directions.without(b, v, turned, angles)?;
        }
        Ok(smallvec![Some(b.real_diagonal(inner)?), Some(turned)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let (b, w, v) = (&mut *primal.b, primal.results[0], primal.results[1]);
        let mut inner = cotangents[0].map(|cotangent| b.diagonal_like(v, cotangent)).transpose()?;
        if let Some(cotangent) = cotangents[1] {
            let mut gradient = b.conjugate(cotangent)?;
            if let Some(directions) = Directions::of(b, v)? {
                let torque = Directions::torque(b, v, gradient)?;
                gradient = directions.gradient(b, gradient, torque)?;
            }
            let product = b.matmul_hn(v, gradient)?;
            let gaps = b.inverse_gaps(w)?;
            let rotation = b.times(product, gaps)?;
            inner = b.add_derivatives(inner, Some(rotation))?;
        }
        Ok(smallvec![inner.map(|inner| around(b, v, inner)).transpose()?])
    }
}

/// The conjugate of the Hermitian part of `v inner v^H`.
fn around(b: &mut Builder, v: Value, inner: Value) -> Result<Value, BuildError> {
    let left = b.matmul(v, inner)?;
    let both = b.matmul_nh(left, v)?;
    let gradient = b.hermitian_part(both)?;
    b.conjugate(gradient)
}

attributes! {
    /// Eigenvalues of the Hermitian part of matrices, ascending: `T[.., n, n] -> R[.., n]`, real, of f32, f64, c64 or c128.
    pub struct Eigvalsh {}
}

impl OpDef for Eigvalsh {
    const NAME: &'static str = "eigvalsh";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let x = Matrices::square(operands, 0)?;
        Ok(smallvec![x.real_with(&[x.rows])?])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        per_matrix!(operands, results, |x| vec![Matrix::row(spectrum::eigh(&x[0]).0)])
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Eigvalsh> {
        let drawn = DrawnMatrices::new(draw, hint);
        Sample::epsilons(Eigvalsh {}, 64, [drawn.dominant(drawn.columns, drawn.columns, 0)])
    }
}

/// That of [`Eigh`], which is computed for its vectors.
impl Differentiable for Eigvalsh {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None]) };
        let b = &mut *primal.b;
        let v = b.eigh(primal.operands[0])?[1];
        let tangent = b.hermitian_part(tangent)?;
        let right = b.matmul(tangent, v)?;
        let inner = b.matmul_hn(v, right)?;
        Ok(smallvec![Some(b.real_diagonal(inner)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None]) };
        let b = &mut *primal.b;
        let v = b.eigh(primal.operands[0])?[1];
        let inner = b.diagonal_like(v, cotangent)?;
        Ok(smallvec![Some(around(b, v, inner)?)])
    }
}
