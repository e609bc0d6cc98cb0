//! Singular vectors that span the whole space.

use smallvec::smallvec;

use super::{matrices_type, sample_matrices, size};
use crate::builder::BuildError;
use crate::op::primitive::Basis;
use crate::op::sample::Draw;
use crate::op::{Arity, Batching, CompositeDef, Derivative, OwnRules, Results, Sample, TypeError};
use crate::{Builder, DType, TensorType, Value, attributes};

attributes! {
    /// As [`Svd`](crate::op::primitive::Svd), with square matrices of singular vectors: `T[.., m, n] -> T[.., m, m], R[.., k], T[.., n, n]`.
    ///
    /// The vectors that belong to no singular value are those which a complete basis of a [`Qr`](crate::op::primitive::Qr) adds to the others, and are differentiated as these:
    /// they turn as little as they can. Functions of the space that they span have the right derivative, others depend on a choice that
    /// nothing settles.
    pub struct SvdFull {}
}

impl CompositeDef for SvdFull {
    const NAME: &'static str = "svd_full";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = matrices_type(b, x, 0)?;
        let (m, n) = size(&ty.shape);
        let factors = b.svd(x[0])?;
        let (mut u, s, mut vh) = (factors[0], factors[1], factors[2]);
        if m > n {
            u = completed(b, u)?;
        } else if n > m {
            let v = b.adjoint(vh)?;
            let v = completed(b, v)?;
            vh = b.adjoint(v)?;
        }
        Ok(smallvec![u, s, vh])
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    /// Samples in double precision, of which derivatives are tested, are square: differences say nothing of vectors that change as they like.
    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<SvdFull> {
        let is_double = hint.dtype.part() != DType::F32;
        let (_, x) = sample_matrices(draw, hint, |m, n| if is_double { (n, n) } else { (m, n) });
        Sample::epsilons(SvdFull {}, 256, [x])
    }
}

impl OwnRules for SvdFull {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::Expansion
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }
}

/// Orthonormal columns, and behind them as many others as make a basis.
fn completed(b: &mut Builder, q: Value) -> Result<Value, BuildError> {
    let shape = b.shape(q);
    let axis = shape.rank() - 1;
    let (rows, columns) = size(&shape);
    let basis = b.qr(q, Basis::Complete)?[0];
    let rest = b.section(basis, axis, columns, rows)?;
    b.concat(&[q, rest], axis)
}
