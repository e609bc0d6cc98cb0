//! Triangular systems.

use smallvec::smallvec;

use super::{DrawnMatrices, Matrices, per_matrix, plain};
use crate::builder::BuildError;
use crate::op::derivative::Differentiable;
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError,
};
use crate::{Builder, Literal, TensorType, Value, attributes, word_attribute};

word_attribute! {
    /// On which side of the unknowns a matrix stands.
    pub enum Side {
        /// `a x = b`.
        Left = "left",
        /// `x a = b`.
        Right = "right",
    }
}

word_attribute! {
    /// Which triangle of a matrix is read.
    pub enum Triangle {
        /// The lower one.
        Lower = "lower",
        /// The upper one.
        Upper = "upper",
    }
}

word_attribute! {
    /// Whether the transpose of a matrix stands in its place.
    pub enum Turned {
        /// The matrix itself.
        No = "no",
        /// Its transpose.
        Yes = "yes",
    }
}

word_attribute! {
    /// What is on the diagonal of a triangular matrix.
    pub enum Diagonal {
        /// What the matrix holds there.
        Stored = "stored",
        /// Ones, whatever it holds there.
        Unit = "unit",
    }
}

impl Turned {
    /// The other one.
    pub fn other(self) -> Turned {
        if self == Turned::No { Turned::Yes } else { Turned::No }
    }
}

attributes! {
    /// The solution `x` of a triangular system `op(a) x = b`, or `x op(a) = b`: `T[.., n, n], T[.., m, k] -> T[.., m, k]`, f32, f64, c64 or c128, with `n`
    /// the extent on the side of `a`.
    ///
    /// The other triangle of `a` is not looked at. Zeros on the diagonal give infinities and NaN.
    pub struct TriangularSolve {
        /// On which side of `x` the matrix stands.
        pub side: Side,
        /// Which triangle of `a` is read.
        pub triangle: Triangle,
        /// Whether `op(a)` is `a` or its transpose.
        pub turned: Turned,
        /// What is on the diagonal of `a`.
        pub diagonal: Diagonal,
    }
}

impl OpDef for TriangularSolve {
    const NAME: &'static str = "triangular_solve";
    const ARITY: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        check_system(operands, self.side)?;
        Ok(smallvec![operands[1].clone()])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        per_matrix!(operands, results, |x| vec![plain::solve_triangular(self, &x[0], &x[1])])
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<TriangularSolve> {
        let drawn = DrawnMatrices::new(draw, hint);
        let op = TriangularSolve {
            side: draw.choose(Side::ALL),
            triangle: draw.choose(Triangle::ALL),
            turned: draw.choose(Turned::ALL),
            diagonal: draw.choose(Diagonal::ALL),
        };
        let n = if op.side == Side::Left { drawn.rows } else { drawn.columns };
        let right = Operand::moderate(drawn.ty(&[drawn.rows, drawn.columns]));
        Sample::epsilons(op, 64, [drawn.dominant(n, n, 0), right])
    }
}

/// Operand 0 must hold square matrices, and operand 1 as many others that fit on that side.
pub(super) fn check_system(operands: &[&TensorType], side: Side) -> Result<(), TypeError> {
    let (a, right) = (Matrices::square(operands, 0)?, Matrices::of(operands, 1)?);
    crate::op::rule::same_dtype(operands, 0, 1)?;
    let (what, extent) = match side {
        Side::Left => ("rows", right.rows),
        Side::Right => ("columns", right.columns),
    };
    if a.batch != right.batch || a.rows != extent {
        return Err(TypeError::ShapeMismatch {
            what: format!("batch axes of operands 0 and 1, and rows of operand 0 and {what} of operand 1,"),
            left: operands[0].shape.clone(),
            right: operands[1].shape.clone(),
        });
    }
    Ok(())
}

impl TriangularSolve {
    fn solve(&self, b: &mut Builder, a: Value, right: Value) -> Result<Value, BuildError> {
        b.push_one(self.clone(), &[a, right])
    }

    /// The part of a matrix that the op reads.
    fn read(&self, b: &mut Builder, a: Value) -> Result<Value, BuildError> {
        let without = i64::from(self.diagonal == Diagonal::Unit);
        match self.triangle {
            Triangle::Lower => b.tril(a, -without),
            Triangle::Upper => b.triu(a, without),
        }
    }

    /// `op(a') x`, or `x op(a')`.
    fn product(&self, b: &mut Builder, a: Value, x: Value) -> Result<Value, BuildError> {
        let a = self.read(b, a)?;
        let a = if self.turned == Turned::Yes { b.swapped(a)? } else { a };
        if self.side == Side::Left { b.matmul(a, x) } else { b.matmul(x, a) }
    }
}

/// Giles, "An extended collection of matrix derivative results", 2008: `op(a) x' = b' - op(a') x`.
impl Differentiable for TriangularSolve {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let (b, a, x) = (&mut *primal.b, primal.operands[0], primal.results[0]);
        let mut right = tangents[1];
        if let Some(tangent) = tangents[0] {
            let product = self.product(b, tangent, x)?;
            let less = b.neg(product)?;
            right = b.add_derivatives(right, Some(less))?;
        }
        Ok(smallvec![right.map(|right| self.solve(b, a, right)).transpose()?])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None, None]) };
        let (a, x) = (primal.operands[0], primal.results[0]);
        let transposed = TriangularSolve { turned: self.turned.other(), ..self.clone() };
        let right = transposed.solve(primal.b, a, cotangent)?;
        let of_matrix = primal.when_wanted(0, |b| {
            let product = match (self.side, self.turned) {
                (Side::Left, Turned::No) => b.matmul_nt(right, x)?,
                (Side::Left, Turned::Yes) => b.matmul_nt(x, right)?,
                (Side::Right, Turned::No) => b.matmul_tn(x, right)?,
                (Side::Right, Turned::Yes) => b.matmul_tn(right, x)?,
            };
            let read = self.read(b, product)?;
            b.neg(read)
        })?;
        Ok(smallvec![of_matrix, Some(right)])
    }
}
