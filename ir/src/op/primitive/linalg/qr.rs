//! QR.

use smallvec::smallvec;

use super::{DrawnMatrices, Matrices, per_matrix, spectrum};
use crate::builder::BuildError;
use crate::op::derivative::Differentiable;
use crate::op::primitive::{Diagonal, Side, Triangle, TriangularSolve, Turned};
use crate::op::sample::Draw;
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError,
};
use crate::{Builder, DType, Dim, Literal, TensorType, Value, attributes, word_attribute};

word_attribute! {
    /// How many orthonormal vectors a factorisation gives.
    pub enum Basis {
        /// As many as are needed: the lesser of rows and columns.
        Reduced = "reduced",
        /// A square matrix of them.
        Complete = "complete",
    }
}

attributes! {
    /// Orthonormal columns `q` and an upper triangular `r` with `q r = x`: `T[.., m, n] -> T[.., m, k], T[.., k, n]`, f32, f64, c64 or c128, where `k` is the
    /// lesser of `m` and `n`, or `m` for a complete basis.
    ///
    /// Elements of the diagonal of `r` are real, and none is negative, which leaves one answer where the columns are independent. (LAPACK, and so NumPy, leaves the signs
    /// open.) Columns of a complete basis that `r` does not use are those of Householder's reflections.
    pub struct Qr {
        /// How many columns `q` has.
        pub basis: Basis,
    }
}

impl Qr {
    /// Columns of the first result.
    fn columns(&self, x: &Matrices<'_>) -> Dim {
        if self.basis == Basis::Complete { x.rows } else { x.lesser() }
    }
}

impl OpDef for Qr {
    const NAME: &'static str = "qr";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let x = Matrices::of(operands, 0)?;
        let columns = self.columns(&x);
        Ok(smallvec![x.with(&[x.rows, columns])?, x.with(&[columns, x.columns])?])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let shape = &results[0].shape;
        let columns = shape.size(shape.rank() - 1);
        per_matrix!(operands, results, |x| {
            let (q, r) = spectrum::qr(&x[0], columns);
            vec![q, r]
        })
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    /// Columns beyond the range change as they like, so that differences say nothing of them: samples in f64, of which derivatives are tested,
    /// have none.
    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Qr> {
        let drawn = DrawnMatrices::new(draw, hint);
        let is_smooth = drawn.dtype == DType::F32 || drawn.rows <= drawn.columns;
        let basis = draw.choose(if is_smooth { Basis::ALL } else { &Basis::ALL[..1] });
        Sample::epsilons(Qr { basis }, 64, [drawn.dominant(drawn.rows, drawn.columns, draw.below(3))])
    }
}

/// What is differentiated of `x = q r`: `x = [y z]` with independent columns `y`, `q = [range rest]`, and `r = [[upper, right], [0, 0]]`.
struct Parts {
    range: Value,
    rest: Option<Value>,
    upper: Value,
    /// The columns `z` and `right`.
    beyond: Option<(Value, Value)>,
    rank: usize,
    k: usize,
    columns: usize,
}

impl Parts {
    fn of(primal: &mut Primal<'_>) -> Result<Parts, BuildError> {
        let (b, x, q, r) = (&mut *primal.b, primal.operands[0], primal.results[0], primal.results[1]);
        let (shape, columns) = (b.shape(x), b.shape(r));
        let rank = shape.rank();
        let (n, columns) = (shape.size(rank - 1), columns.size(rank - 2));
        let k = shape.size(rank - 2).min(n);
        let range = b.section(q, rank - 1, 0, k)?;
        let rest = if columns > k { Some(b.section(q, rank - 1, k, columns)?) } else { None };
        let top = b.section(r, rank - 2, 0, k)?;
        let upper = b.section(top, rank - 1, 0, k)?;
        let beyond = match n > k {
            true => Some((b.section(x, rank - 1, k, n)?, b.section(top, rank - 1, k, n)?)),
            false => None,
        };
        Ok(Parts { range, rest, upper, beyond, rank, k, columns })
    }

    /// `x upper^-1`.
    fn without_upper(&self, b: &mut Builder, x: Value) -> Result<Value, BuildError> {
        solve(b, self.upper, x, Turned::No)
    }

    /// `x upper^-H`.
    fn without_upper_adjoint(&self, b: &mut Builder, x: Value) -> Result<Value, BuildError> {
        let conjugate = b.conjugate(self.upper)?;
        solve(b, conjugate, x, Turned::Yes)
    }
}

fn solve(b: &mut Builder, upper: Value, x: Value, turned: Turned) -> Result<Value, BuildError> {
    let (side, triangle, diagonal) = (Side::Right, Triangle::Upper, Diagonal::Stored);
    b.push_one(TriangularSolve { side, triangle, turned, diagonal }, &[upper, x])
}

/// What of `q^H x' r^-1` turns `q`: the strictly lower triangle, less its conjugate transpose, and imaginary parts of the diagonal.
fn rotation(b: &mut Builder, inner: Value) -> Result<Value, BuildError> {
    let below = b.tril(inner, -1)?;
    let turned = b.adjoint(below)?;
    let rotation = b.sub(below, turned)?;
    if !b.tensor(inner).dtype.is_complex() {
        return Ok(rotation);
    }
    let diagonal = b.diag_part(inner, 0)?;
    let imaginary = b.imag(diagonal)?;
    let imaginary = b.times_i(imaginary)?;
    let imaginary = b.diag(imaginary, 0)?;
    b.add(rotation, imaginary)
}

/// The Hermitian matrix with this lower triangle, and real parts on the diagonal.
fn mirrored(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let below = b.tril(x, -1)?;
    let both = b.plus_adjoint(below)?;
    let diagonal = b.real_diagonal(x)?;
    let diagonal = b.diagonal_like(x, diagonal)?;
    b.add(both, diagonal)
}

/// Walter and Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum experimental design", 2010, and for more
/// columns than rows Roberts and Roberts, "QR and LQ decomposition matrix backpropagation algorithms", 2020. The columns that `r` does
/// not use turn as little as they can.
impl Differentiable for Qr {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None, None]) };
        let parts = Parts::of(primal)?;
        let (b, rank, k) = (&mut *primal.b, parts.rank, parts.k);
        let n = b.shape(tangent).size(rank - 1);
        let of_range = b.section(tangent, rank - 1, 0, k)?;
        let scaled = parts.without_upper(b, of_range)?;
        let inner = b.matmul_hn(parts.range, scaled)?;
        let rotation = rotation(b, inner)?;
        let outer = b.sub(rotation, inner)?;
        let along = b.matmul(parts.range, outer)?;
        let mut q = b.add(along, scaled)?;
        let less = b.sub(inner, rotation)?;
        let mut r = b.matmul(less, parts.upper)?;
        if let Some((z, _)) = parts.beyond {
            let of_beyond = b.section(tangent, rank - 1, k, n)?;
            let (one, other) = (b.matmul_hn(q, z)?, b.matmul_hn(parts.range, of_beyond)?);
            let right = b.add(one, other)?;
            r = b.concat(&[r, right], rank - 1)?;
        }
        if let Some(rest) = parts.rest {
            let product = b.matmul_hn(q, rest)?;
            let product = b.matmul(parts.range, product)?;
            let of_rest = b.neg(product)?;
            q = b.concat(&[q, of_rest], rank - 1)?;
            let bottom = b.shape(r).with_dim(rank - 2, Dim::known(parts.columns - k));
            let bottom = b.full(crate::Scalar::zero(b.tensor(r).dtype), &bottom)?;
            r = b.concat(&[r, bottom], rank - 2)?;
        }
        Ok(smallvec![Some(q), Some(r)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let parts = Parts::of(primal)?;
        let [q, r] = [0, 1].map(|i| match cotangents[i] {
            Some(cotangent) => primal.b.conjugate(cotangent),
            None => primal.b.full_like(0.0, primal.results[i]),
        });
        let (b, rank, k, mut q, r) = (&mut *primal.b, parts.rank, parts.k, q?, r?);
        if let Some(rest) = parts.rest {
            let of_rest = b.section(q, rank - 1, k, parts.columns)?;
            q = b.section(q, rank - 1, 0, k)?;
            let product = b.matmul_hn(of_rest, parts.range)?;
            let product = b.matmul(rest, product)?;
            q = b.sub(q, product)?;
        }
        let top = b.section(r, rank - 2, 0, k)?;
        let mut of_beyond = None;
        if let Some((z, _)) = parts.beyond {
            let right = b.section(top, rank - 1, k, b.shape(r).size(rank - 1))?;
            let product = b.matmul_nh(z, right)?;
            q = b.add(q, product)?;
            of_beyond = Some(b.matmul(parts.range, right)?);
        }
        let upper = b.section(top, rank - 1, 0, k)?;
        let (one, other) = (b.matmul_nh(parts.upper, upper)?, b.matmul_hn(q, parts.range)?);
        let sum = b.sub(one, other)?;
        let hermitian = mirrored(b, sum)?;
        let along = b.matmul(parts.range, hermitian)?;
        let sum = b.add(q, along)?;
        let mut x = parts.without_upper_adjoint(b, sum)?;
        if let Some(of_beyond) = of_beyond {
            x = b.concat(&[x, of_beyond], rank - 1)?;
        }
        Ok(smallvec![Some(b.conjugate(x)?)])
    }
}
