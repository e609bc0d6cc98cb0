//! Square systems and inverses.

use smallvec::smallvec;

use super::triangular::check_system;
use super::{DrawnMatrices, Matrices, per_matrix, plain};
use crate::builder::BuildError;
use crate::op::derivative::Differentiable;
use crate::op::primitive::linalg::plain::Matrix;
use crate::op::primitive::{Side, Turned};
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError,
};
use crate::{Literal, TensorType, Value, attributes};

attributes! {
    /// The solution `x` of `op(a) x = b`: `T[.., n, n], T[.., n, k] -> T[.., n, k]`, f32, f64, c64 or c128.
    ///
    /// By LU with partial pivoting. A singular matrix gives infinities and NaN.
    pub struct LinearSolve {
        /// Whether `op(a)` is `a` or its transpose.
        pub turned: Turned,
    }
}

impl OpDef for LinearSolve {
    const NAME: &'static str = "linear_solve";
    const ARITY: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        check_system(operands, Side::Left)?;
        Ok(smallvec![operands[1].clone()])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        per_matrix!(operands, results, |x| {
            let a = if self.turned == Turned::Yes { x[0].transposed() } else { x[0].clone() };
            vec![plain::solve(&a, &x[1])]
        })
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<LinearSolve> {
        let drawn = DrawnMatrices::new(draw, hint);
        let right = Operand::moderate(drawn.ty(&[drawn.rows, drawn.columns]));
        let turned = draw.choose(Turned::ALL);
        let matrices = drawn.dominant(drawn.rows, drawn.rows, draw.below(3));
        Sample::epsilons(LinearSolve { turned }, 64, [matrices, right])
    }
}

/// Giles, 2008: `op(a) x' = b' - op(a') x`.
impl Differentiable for LinearSolve {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let (b, a, x) = (&mut *primal.b, primal.operands[0], primal.results[0]);
        let mut right = tangents[1];
        if let Some(tangent) = tangents[0] {
            let product = match self.turned {
                Turned::No => b.matmul(tangent, x)?,
                Turned::Yes => b.matmul_tn(tangent, x)?,
            };
            let less = b.neg(product)?;
            right = b.add_derivatives(right, Some(less))?;
        }
        Ok(smallvec![right.map(|right| b.linear_solve(a, right, self.turned)).transpose()?])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None, None]) };
        let (a, x) = (primal.operands[0], primal.results[0]);
        let right = primal.b.linear_solve(a, cotangent, self.turned.other())?;
        let of_matrix = primal.when_wanted(0, |b| {
            let product = match self.turned {
                Turned::No => b.matmul_nt(right, x)?,
                Turned::Yes => b.matmul_nt(x, right)?,
            };
            b.neg(product)
        })?;
        Ok(smallvec![of_matrix, Some(right)])
    }
}

attributes! {
    /// The inverse: `T[.., n, n] -> T[.., n, n]`, f32, f64, c64 or c128.
    ///
    /// By LU with partial pivoting. A singular matrix gives infinities and NaN.
    pub struct Inverse {}
}

impl OpDef for Inverse {
    const NAME: &'static str = "inverse";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        Matrices::square(operands, 0)?;
        Ok(smallvec![operands[0].clone()])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        per_matrix!(operands, results, |x| vec![plain::solve(&x[0], &Matrix::identity(x[0].rows))])
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Inverse> {
        let drawn = DrawnMatrices::new(draw, hint);
        Sample::epsilons(Inverse {}, 64, [drawn.dominant(drawn.columns, drawn.columns, draw.below(3))])
    }
}

/// `y' = -y x' y`.
impl Differentiable for Inverse {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None]) };
        let (b, y) = (&mut *primal.b, primal.results[0]);
        let left = b.matmul(y, tangent)?;
        let both = b.matmul(left, y)?;
        Ok(smallvec![Some(b.neg(both)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None]) };
        let (b, y) = (&mut *primal.b, primal.results[0]);
        let left = b.matmul_tn(y, cotangent)?;
        let both = b.matmul_nt(left, y)?;
        Ok(smallvec![Some(b.neg(both)?)])
    }
}
