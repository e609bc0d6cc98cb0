//! LU with partial pivoting.

use smallvec::smallvec;

use super::{DrawnMatrices, Matrices, per_matrix, plain};
use crate::builder::BuildError;
use crate::op::attribute::{Axes, Offsets};
use crate::op::derivative::Differentiable;
use crate::op::primitive::linalg::plain::Matrix;
use crate::op::primitive::{Diagonal, Side, Triangle, TriangularSolve, Turned};
use crate::op::sample::Draw;
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{Builder, DType, Literal, Scalar, TensorType, Value, attributes};

attributes! {
    /// Factors of matrices whose rows are permuted: `T[.., m, n] -> T[.., m, n], i32[.., m], T[..]`, f32, f64, c64 or c128.
    ///
    /// The results are `lu`, `permutation` and `sign`: rows `permutation` of `x` are `l u`, where `u` is the upper triangle of `lu`, and `l` the
    /// part below it with ones on the diagonal. The pivot is the greatest magnitude in its column, the first of several. A column without
    /// one is left as it is, so singular matrices have factors too. `sign` is the determinant of the permutation, 1 or -1.
    pub struct LuFactor {}
}

impl OpDef for LuFactor {
    const NAME: &'static str = "lu_factor";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let x = Matrices::of(operands, 0)?;
        rule::check_index_dtype("rows", DType::I32, x.rows)?;
        let permutation = x.with(&[x.rows])?.with_dtype(DType::I32);
        Ok(smallvec![operands[0].clone(), permutation, x.with(&[])?])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        per_matrix!(operands, results, |x| {
            let plain::Factors { lu, permutation, sign } = plain::lu(&x[0]);
            let permutation: Vec<f64> = permutation.into_iter().map(|row| row as f64).collect();
            vec![lu, Matrix::row(permutation), Matrix::row(vec![sign])]
        })
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<LuFactor> {
        let drawn = DrawnMatrices::new(draw, hint);
        let turn = draw.below(3);
        Sample::epsilons(LuFactor {}, 64, [drawn.dominant(drawn.rows, drawn.columns, turn)])
    }
}

/// Factors of `x[permutation]` as square matrices, filled up with the identity, and their extents.
struct Factors {
    l: Value,
    u: Value,
}

impl Factors {
    fn of(primal: &mut Primal<'_>) -> Result<Factors, BuildError> {
        let (b, lu) = (&mut *primal.b, primal.results[0]);
        let shape = b.shape(lu);
        let (m, n) = (shape.size(shape.rank() - 2), shape.size(shape.rank() - 1));
        let k = m.min(n);
        let left = b.section(lu, shape.rank() - 1, 0, k)?;
        let below = b.tril(left, -1)?;
        let above = b.section(lu, shape.rank() - 2, 0, k)?;
        let above = b.triu(above, 0)?;
        let l = filled_up(b, below, (0, m - k))?;
        let l = with_ones(b, l, 0)?;
        let u = filled_up(b, above, (n - k, 0))?;
        Ok(Factors { l, u: if n > k { with_ones(b, u, k)? } else { u } })
    }

    /// `l^-1 x`, or `l^-T x`.
    fn without_l(&self, b: &mut Builder, x: Value, turned: Turned) -> Result<Value, BuildError> {
        let (side, triangle, diagonal) = (Side::Left, Triangle::Lower, Diagonal::Unit);
        b.push_one(TriangularSolve { side, triangle, turned, diagonal }, &[self.l, x])
    }

    /// `x u^-1`, or `x u^-T`.
    fn without_u(&self, b: &mut Builder, x: Value, turned: Turned) -> Result<Value, BuildError> {
        let (side, triangle, diagonal) = (Side::Right, Triangle::Upper, Diagonal::Stored);
        b.push_one(TriangularSolve { side, triangle, turned, diagonal }, &[self.u, x])
    }
}

/// The matrices with so many more rows and columns of zeros.
fn filled_up(b: &mut Builder, x: Value, (rows, columns): (usize, usize)) -> Result<Value, BuildError> {
    let TensorType { dtype, shape } = b.type_of(x);
    let zero = b.scalar(Scalar::zero(dtype));
    let none = Offsets::from_elem(0, shape.rank());
    let mut high = none.clone();
    (high[shape.rank() - 2], high[shape.rank() - 1]) = (rows as i64, columns as i64);
    b.pad(x, zero, none, high, Axes::from_elem(0, shape.rank()))
}

/// The square matrices with ones added to the diagonal from `first` on.
fn with_ones(b: &mut Builder, x: Value, first: usize) -> Result<Value, BuildError> {
    let TensorType { dtype, shape } = b.type_of(x);
    let n = shape.size(shape.rank() - 1);
    let ones = b.eye(dtype, n - first, n - first, 0)?;
    let zero = b.scalar(Scalar::zero(dtype));
    let first = first as i64;
    let ones = b.pad(ones, zero, [first, first], [0, 0], [0usize, 0])?;
    let ones = b.broadcast_to(ones, &shape)?;
    b.add(x, ones)
}

/// The rows of each matrix at indices.
pub(in crate::op) fn rows_at(b: &mut Builder, x: Value, indices: Value) -> Result<Value, BuildError> {
    let shape = b.shape(x);
    let axis = shape.rank() - 2;
    let count = b.shape(indices)[axis];
    let indices = b.spread(indices, &[axis + 1], &shape.with_dim(axis, count))?;
    b.take_along_axis(x, indices, axis)
}

/// With `f = l^-1 x'[p] u^-1`: `l' = l strictly_lower(f)`, `u' = upper(f) u`. The factors are filled up to squares, which makes the same rule
/// hold for all shapes.
impl Differentiable for LuFactor {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None, None, None]) };
        let factors = Factors::of(primal)?;
        let b = &mut *primal.b;
        let sign = b.full_like(0.0, primal.results[2])?;
        let moved = rows_at(b, tangent, primal.results[1])?;
        let left = factors.without_l(b, moved, Turned::No)?;
        let both = factors.without_u(b, left, Turned::No)?;
        let (below, above) = (b.tril(both, -1)?, b.triu(both, 0)?);
        let (below, above) = (b.matmul(factors.l, below)?, b.matmul(above, factors.u)?);
        Ok(smallvec![Some(b.add(below, above)?), None, Some(sign)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else {
            return Ok(smallvec![Some(primal.b.full_like(0.0, primal.operands[0])?)]);
        };
        let factors = Factors::of(primal)?;
        let b = &mut *primal.b;
        let (below, above) = (b.matmul_tn(factors.l, cotangent)?, b.matmul_nt(cotangent, factors.u)?);
        let (below, above) = (b.tril(below, -1)?, b.triu(above, 0)?);
        let both = b.add(below, above)?;
        let left = factors.without_u(b, both, Turned::Yes)?;
        let moved = factors.without_l(b, left, Turned::Yes)?;
        let axis = b.shape(primal.results[1]).rank() - 1;
        let back = b.argsort(primal.results[1], axis, false, DType::I32)?;
        Ok(smallvec![Some(rows_at(b, moved, back)?)])
    }
}
