//! Pseudo-inverses, least squares and ranks: what singular values below a bound are taken for is 0.

use smallvec::smallvec;

use super::{epsilon, matrices_type, sample_matrices, size};
use crate::builder::BuildError;
use crate::op::derivative::Differentiable;
use crate::op::primitive::ReduceKind;
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, CompositeDef, Derivative, Derivatives, OwnRules, Primal, Results, Sample, TypeError,
    rule,
};
use crate::{Builder, DType, Dim, Scalar, Shape, TensorType, Value, attributes};

/// Which singular values count: those above `relative` times the greatest, or above its rounding errors.
fn significant(b: &mut Builder, x: Value, s: Value, relative: Option<Scalar>) -> Result<Value, BuildError> {
    let TensorType { dtype, shape } = b.type_of(x);
    let (m, n) = size(&shape);
    let relative = relative.map_or(m.max(n) as f64 * epsilon(dtype), Scalar::to_f64);
    let axis = shape.rank() - 2;
    let greatest = b.fold_like(ReduceKind::Max, s, &[axis])?;
    let bound = b.mul_number(greatest, relative)?;
    b.gt(s, bound)
}

attributes! {
    /// The Moore-Penrose inverse: `T[.., m, n] -> T[.., n, m]`.
    pub struct Pinv {
        /// Part of the greatest singular value up to which one is taken for 0; by default the greater of `m` and `n` times the dtype's epsilon.
        pub relative: Option<Scalar>,
    }
}

impl CompositeDef for Pinv {
    const NAME: &'static str = "pinv";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        matrices_type(b, x, 0)?;
        let factors = b.svd(x[0])?;
        let significant = significant(b, x[0], factors[1], self.relative)?;
        let inverse = b.safe_inverse(factors[1])?;
        let inverse = b.zero_unless(significant, inverse)?;
        let scaled = b.scale_columns(factors[0], inverse)?;
        let product = b.matmul(scaled, factors[2])?;
        Ok(smallvec![b.adjoint(product)?])
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Pinv> {
        let (_, x) = sample_matrices(draw, hint, |m, n| (m, n));
        Sample::epsilons(Pinv { relative: None }, 256, [x])
    }
}

impl OwnRules for Pinv {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }
}

/// What `x` and its inverse `p` leave over: `1 - x p`, and `1 - p x`.
fn left_over(b: &mut Builder, x: Value, p: Value) -> Result<(Value, Value), BuildError> {
    let mut one_less = |left: Value, right: Value| {
        let product = b.matmul(left, right)?;
        let TensorType { dtype, shape } = b.type_of(product);
        let n = shape.size(shape.rank() - 1);
        let one = b.eye(dtype, n, n, 0)?;
        let one = b.broadcast_to(one, &shape)?;
        b.sub(one, product)
    };
    Ok((one_less(x, p)?, one_less(p, x)?))
}

/// Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate", 1973, for matrices whose
/// rank does not change: `p' = -p x' p + p p^H x'^H (1 - x p) + (1 - p x) x'^H p^H p`.
impl Differentiable for Pinv {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None]) };
        let (b, x, p) = (&mut *primal.b, primal.operands[0], primal.results[0]);
        let (left, right) = left_over(b, x, p)?;
        let turned = b.adjoint(tangent)?;
        let first = product(b, [p, tangent, p])?;
        let outer = b.matmul_nh(p, p)?;
        let second = product(b, [outer, turned, left])?;
        let inner = b.matmul_hn(p, p)?;
        let third = product(b, [right, turned, inner])?;
        let sum = b.add(second, third)?;
        Ok(smallvec![Some(b.sub(sum, first)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None]) };
        let (b, x, p) = (&mut *primal.b, primal.operands[0], primal.results[0]);
        let (left, right) = left_over(b, x, p)?;
        let gradient = b.conjugate(cotangent)?;
        let (turned, p_turned) = (b.swapped(cotangent)?, b.adjoint(p)?);
        let first = product(b, [p_turned, gradient, p_turned])?;
        let outer = b.matmul_nh(p, p)?;
        let second = product(b, [left, turned, outer])?;
        let inner = b.matmul_hn(p, p)?;
        let third = product(b, [inner, turned, right])?;
        let sum = b.add(second, third)?;
        let gradient = b.sub(sum, first)?;
        Ok(smallvec![Some(b.conjugate(gradient)?)])
    }
}

fn product(b: &mut Builder, [x, y, z]: [Value; 3]) -> Result<Value, BuildError> {
    let product = b.matmul(x, y)?;
    b.matmul(product, z)
}

attributes! {
    /// The shortest `x` for which `|a x - b|` is least: `T[.., m, n], T[.., m, k] -> T[.., n, k]`, or `T[.., m, n], T[m] -> T[.., n]`; batch axes
    /// broadcast. For any shape and rank: by the pseudo-inverse.
    pub struct Lstsq {
        /// As of [`Pinv`].
        pub relative: Option<Scalar>,
    }
}

impl CompositeDef for Lstsq {
    const NAME: &'static str = "lstsq";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let a = matrices_type(b, operands, 0)?;
        let right = b.type_of(operands[1]);
        rule::same_dtype(&[&a, &right], 0, 1)?;
        let rows = right.shape.get(right.rank().saturating_sub(2));
        if rows != Some(&a.shape[a.rank() - 2]) {
            let what = "rows of operands 0 and 1".to_owned();
            return Err(TypeError::ShapeMismatch { what, left: a.shape, right: right.shape });
        }
        let inverse = b.push_one(Pinv { relative: self.relative }, &operands[..1])?;
        Ok(smallvec![b.matmul(inverse, operands[1])?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Lstsq> {
        let (ty, a) = sample_matrices(draw, hint, |m, n| (m, n));
        let rows = ty.shape[ty.rank() - 2];
        let columns = Dim::known(draw.choose(&[1, 2, 0]));
        let batch = &ty.shape[..ty.rank() - 2];
        let right: Shape = match draw.below(2) {
            0 => batch.iter().copied().chain([rows, columns]).collect(),
            _ => [rows].into_iter().collect(),
        };
        let right = Operand::moderate(ty.with_shape(right));
        Sample::epsilons(Lstsq { relative: None }, 256, [a, right])
    }
}

attributes! {
    /// The rank: how many singular values are not taken for 0: `T[.., m, n] -> i32[..]`.
    pub struct MatrixRank {
        /// As of [`Pinv`].
        pub relative: Option<Scalar>,
    }
}

impl CompositeDef for MatrixRank {
    const NAME: &'static str = "matrix_rank";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let axis = matrices_type(b, x, 0)?.rank() - 2;
        let s = b.svdvals(x[0])?;
        let significant = significant(b, x[0], s, self.relative)?;
        let counts = b.cast(significant, DType::I32)?;
        Ok(smallvec![b.sum_over(counts, &[axis])?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<MatrixRank> {
        let (_, x) = sample_matrices(draw, hint, |m, n| (m, n));
        Sample::exact(MatrixRank { relative: None }, [x])
    }
}
