//! Eigenvalues of general matrices.

use smallvec::smallvec;

use super::direction::Directions;
use super::plain::C;
use super::{DrawnMatrices, Matrices, each_matrix, general};
use crate::builder::BuildError;
use crate::op::derivative::Differentiable;
use crate::op::primitive::Turned;
use crate::op::primitive::linalg::plain::Matrix;
use crate::op::sample::Draw;
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError,
};
use crate::{Builder, Literal, TensorType, Value, attributes};

attributes! {
    /// Eigenvalues and eigenvectors, as columns, of square matrices: `T[.., n, n] -> C[.., n], C[.., n, n]`, f32, f64, c64 or c128; results are complex.
    ///
    /// Real parts ascend. Those that differ by less than 1e-4 times the greatest magnitude of the matrix's eigenvalues count as equal, and then imaginary parts
    /// ascend: so conjugate eigenvalues stand beside each other, and rounding does not order what is equal. (LAPACK, and so NumPy, leaves the order open.)
    /// Vectors have length 1; the first component whose magnitude is at least 0.7 times the greatest is real and positive. A matrix
    /// that lacks eigenvectors (a defective one) has its eigenvalues, to half of the digits, and vectors that are nearly the same.
    pub struct Eig {}
}

impl OpDef for Eig {
    const NAME: &'static str = "eig";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let x = Matrices::square(operands, 0)?;
        Ok(smallvec![x.complex_with(&[x.rows])?, x.complex_with(&[x.rows, x.rows])?])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        each_matrix::<C>(operands, results, |x| {
            let (values, vectors) = general::eig(&x[0]);
            vec![Matrix::row_of(values), vectors]
        })
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Eig> {
        let drawn = DrawnMatrices::new(draw, hint);
        Sample::epsilons(Eig {}, 256, [drawn.dominant(drawn.columns, drawn.columns, 0)])
    }
}

/// The matrix, or a tangent of it, as complex numbers.
fn complex(b: &mut Builder, x: Value, like: Value) -> Result<Value, BuildError> {
    b.convert(x, b.tensor(like).dtype)
}

/// A cotangent of the matrix out of a gradient: of a real matrix real parts count alone.
fn cotangent(b: &mut Builder, x: Value, gradient: Value) -> Result<Value, BuildError> {
    if b.tensor(x).dtype.is_complex() { b.conj(gradient) } else { b.real(gradient) }
}

/// `Re(v^H x)`, column by column, in the dtype of `v`.
fn along(b: &mut Builder, v: Value, x: Value) -> Result<Value, BuildError> {
    let rows = b.shape(v).rank() - 2;
    let conjugate = b.conj(v)?;
    let products = b.mul(conjugate, x)?;
    let sums = b.sum_over(products, &[rows])?;
    b.real_alone(sums)
}

/// With `m = v^-1 x' v` and `f` of `1 / (w_j - w_i)`, and 0 where these are equal: `w' = diag(m)`, and `v' = v (f * m)` less what would change lengths
/// and directions. (Boeddeker, Hanebrink, Drude, Heymann and Haeb-Umbach, "On the computation of complex-valued gradients with application to statistically
/// optimum beamforming", 2017; PyTorch and JAX have the same for functions that do not ask for the direction of a vector.)
impl Differentiable for Eig {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None, None]) };
        let (b, w, v) = (&mut *primal.b, primal.results[0], primal.results[1]);
        let inner = seen_from_vectors(b, tangent, v)?;
        let gaps = b.inverse_gaps(w)?;
        let rotation = b.mul(inner, gaps)?;
        let mut change = b.matmul(v, rotation)?;
        if let Some(directions) = Directions::of(b, v)? {
            let (lengths, angles) = (along(b, v, change)?, directions.angles(b, change)?);
            let both = b.add(lengths, angles)?;
            change = directions.without(b, v, change, both)?;
        }
        Ok(smallvec![Some(b.diag_part(inner, 0)?), Some(change)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let (b, x, w, v) = (&mut *primal.b, primal.operands[0], primal.results[0], primal.results[1]);
        let mut inner = match cotangents[0] {
            Some(cotangent) => {
                let gradient = b.conj(cotangent)?;
                Some(b.diag(gradient, 0)?)
            }
            None => None,
        };
        if let Some(cotangent) = cotangents[1] {
            let mut gradient = b.conj(cotangent)?;
            if let Some(directions) = Directions::of(b, v)? {
                let (lengths, torque) = (along(b, v, gradient)?, Directions::torque(b, v, gradient)?);
                let lengthening = b.scale_columns(v, lengths)?;
                gradient = directions.gradient(b, gradient, torque)?;
                gradient = b.sub(gradient, lengthening)?;
            }
            let product = b.matmul_hn(v, gradient)?;
            let gaps = b.inverse_gaps(w)?;
            let gaps = b.conj(gaps)?;
            let rotation = b.mul(product, gaps)?;
            inner = b.add_derivatives(inner, Some(rotation))?;
        }
        let Some(inner) = inner else { return Ok(smallvec![None]) };
        let gradient = seen_from_outside(b, inner, v)?;
        Ok(smallvec![Some(cotangent(b, x, gradient)?)])
    }
}

/// `v^-1 x v`.
fn seen_from_vectors(b: &mut Builder, x: Value, v: Value) -> Result<Value, BuildError> {
    let x = complex(b, x, v)?;
    let right = b.matmul(x, v)?;
    b.linear_solve(v, right, Turned::No)
}

/// `v^-H x v^H`.
fn seen_from_outside(b: &mut Builder, x: Value, v: Value) -> Result<Value, BuildError> {
    let conjugate = b.conj(v)?;
    let left = b.linear_solve(conjugate, x, Turned::Yes)?;
    b.matmul_nh(left, v)
}

attributes! {
    /// Eigenvalues of square matrices, as [`Eig`] orders them: `T[.., n, n] -> C[.., n]`, complex, of f32, f64, c64 or c128.
    pub struct Eigvals {}
}

impl OpDef for Eigvals {
    const NAME: &'static str = "eigvals";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let x = Matrices::square(operands, 0)?;
        Ok(smallvec![x.complex_with(&[x.rows])?])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        each_matrix::<C>(operands, results, |x| vec![Matrix::row_of(general::eig(&x[0]).0)])
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Eigvals> {
        let drawn = DrawnMatrices::new(draw, hint);
        Sample::epsilons(Eigvals {}, 64, [drawn.dominant(drawn.columns, drawn.columns, 0)])
    }
}

/// That of [`Eig`], which is computed for its vectors.
impl Differentiable for Eigvals {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None]) };
        let b = &mut *primal.b;
        let v = b.eig(primal.operands[0])?[1];
        let inner = seen_from_vectors(b, tangent, v)?;
        Ok(smallvec![Some(b.diag_part(inner, 0)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(of_values) = cotangents[0] else { return Ok(smallvec![None]) };
        let (b, x) = (&mut *primal.b, primal.operands[0]);
        let v = b.eig(x)?[1];
        let gradient = b.conj(of_values)?;
        let inner = b.diag(gradient, 0)?;
        let gradient = seen_from_outside(b, inner, v)?;
        Ok(smallvec![Some(cotangent(b, x, gradient)?)])
    }
}
