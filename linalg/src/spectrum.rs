//! Symmetric eigenvalues and singular values.

use faer::diag::DiagMut;
use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::linalg::svd::{self as decomposition, ComputeSvdVectors};
use faer::linalg::{temp_mat_scratch, temp_mat_zeroed};
use faer::mat::AsMatMut;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{ColRef, MatRef, Par};

use crate::{Number, Scratch, is_finite, spoil, symmetric_part};

/// Whether the vector should be turned around: its first component of about the greatest magnitude is positive by convention.
fn is_reversed<T: Number>(vector: ColRef<'_, T>) -> bool {
    let greater = |most: T, x: &T| if x.magnitude() > most { x.magnitude() } else { most };
    let bound = vector.iter().fold(T::ZERO, greater) * T::DECISIVE;
    vector.iter().find(|x| x.magnitude() >= bound).is_some_and(|x| *x < T::ZERO)
}

pub(crate) fn eigh_bytes<T: Number>(n: usize) -> usize {
    if n == 0 {
        return 0;
    }
    let kept = StackReq::new::<T>(n * n).and(temp_mat_scratch::<T>(n, n));
    let inner = evd::self_adjoint_evd_scratch::<T>(n, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    kept.and(inner).unaligned_bytes_required()
}

pub(crate) fn eigh<T: Number>(n: usize, x: &[T], w: &mut [T], v: Option<&mut [T]>, scratch: Scratch<'_>) {
    if n == 0 {
        return;
    }
    let (mut symmetric, stack) = MemStack::new(scratch).make_with(n * n, |i| x[i]);
    symmetric_part(n, x, &mut symmetric);
    let (mut vectors, stack) = temp_mat_zeroed::<T, _, _>(n, n, stack);
    let mut vectors = vectors.as_mat_mut();
    let matrix = MatRef::from_row_major_slice(&symmetric, n, n);
    let found = is_finite(&symmetric) && {
        let wanted = v.is_some().then(|| vectors.rb_mut());
        let values = DiagMut::from_slice_mut(&mut *w);
        evd::self_adjoint_evd(matrix, values, wanted, Par::Seq, stack, Default::default()).is_ok()
    };
    if !found {
        spoil(w);
        return v.into_iter().for_each(spoil);
    }
    let Some(v) = v else { return };
    for j in 0..n {
        let is_reversed = is_reversed(vectors.rb().col(j));
        for i in 0..n {
            v[i * n + j] = if is_reversed { -vectors[(i, j)] } else { vectors[(i, j)] };
        }
    }
}

pub(crate) fn svd_bytes<T: Number>((m, n): (usize, usize)) -> usize {
    let (k, thin) = (m.min(n), ComputeSvdVectors::Thin);
    if k == 0 {
        return 0;
    }
    let kept = temp_mat_scratch::<T>(m, n).and(temp_mat_scratch::<T>(m, k)).and(temp_mat_scratch::<T>(n, k));
    let inner = decomposition::svd_scratch::<T>(m, n, thin, thin, Par::Seq, Default::default());
    kept.and(inner).unaligned_bytes_required()
}

pub(crate) fn svd<T: Number>(
    (m, n): (usize, usize),
    x: &[T],
    s: &mut [T],
    vectors: Option<(&mut [T], &mut [T])>,
    scratch: Scratch<'_>,
) {
    let k = m.min(n);
    if k == 0 {
        return;
    }
    let stack = MemStack::new(scratch);
    let (mut matrix, stack) = temp_mat_zeroed::<T, _, _>(m, n, stack);
    let (mut left, stack) = temp_mat_zeroed::<T, _, _>(m, k, stack);
    let (mut right, stack) = temp_mat_zeroed::<T, _, _>(n, k, stack);
    let (mut matrix, mut left, mut right) = (matrix.as_mat_mut(), left.as_mat_mut(), right.as_mat_mut());
    matrix.copy_from(MatRef::from_row_major_slice(x, m, n));
    let found = is_finite(x) && {
        let wanted = vectors.is_some();
        let (u, v) = (wanted.then(|| left.rb_mut()), wanted.then(|| right.rb_mut()));
        let values = DiagMut::from_slice_mut(&mut *s);
        decomposition::svd(matrix.rb(), values, u, v, Par::Seq, stack, Default::default()).is_ok()
    };
    if !found {
        spoil(s);
        return vectors.into_iter().for_each(|(u, vt)| {
            spoil(u);
            spoil(vt);
        });
    }
    let Some((u, vt)) = vectors else { return };
    for j in 0..k {
        let is_reversed = is_reversed(left.rb().col(j));
        let turned = |x: T| if is_reversed { -x } else { x };
        (0..m).for_each(|i| u[i * k + j] = turned(left[(i, j)]));
        (0..n).for_each(|i| vt[j * n + i] = turned(right[(i, j)]));
    }
}
