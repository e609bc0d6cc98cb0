//! Eigenvalues of Hermitian matrices, and singular values.

use faer::diag::DiagMut;
use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::linalg::svd::{self as decomposition, ComputeSvdVectors};
use faer::linalg::{temp_mat_scratch, temp_mat_zeroed};
use faer::mat::AsMatMut;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{MatRef, Par};

use crate::Scratch;
use crate::number::{Number, direction, hermitian_part, is_finite, spoil};

fn column<T: Number>(x: MatRef<'_, T>, j: usize) -> impl Iterator<Item = T> + Clone {
    (0..x.nrows()).map(move |i| x[(i, j)])
}

pub(crate) fn eigh_bytes<T: Number>(n: usize) -> usize {
    if n == 0 {
        return 0;
    }
    let kept = StackReq::new::<T>(n * n).and(StackReq::new::<T>(n)).and(temp_mat_scratch::<T>(n, n));
    let inner = evd::self_adjoint_evd_scratch::<T>(n, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    kept.and(inner).unaligned_bytes_required()
}

pub(crate) fn eigh<T: Number>(
    n: usize,
    x: &[T],
    w: &mut [T::Part],
    v: Option<&mut [T]>,
    scratch: Scratch<'_>,
) {
    if n == 0 {
        return;
    }
    let (mut hermitian, stack) = MemStack::new(scratch).make_with(n * n, |i| x[i]);
    hermitian_part(n, x, &mut hermitian);
    let (mut values, stack) = stack.make_with(n, |_| T::ZERO);
    let (mut vectors, stack) = temp_mat_zeroed::<T, _, _>(n, n, stack);
    let mut vectors = vectors.as_mat_mut();
    let matrix = MatRef::from_row_major_slice(&hermitian, n, n);
    let found = is_finite(&hermitian) && {
        let wanted = v.is_some().then(|| vectors.rb_mut());
        let values = DiagMut::from_slice_mut(&mut values);
        evd::self_adjoint_evd(matrix, values, wanted, Par::Seq, stack, Default::default()).is_ok()
    };
    if !found {
        spoil(w);
        return v.into_iter().for_each(spoil);
    }
    w.iter_mut().zip(values.iter()).for_each(|(w, value)| *w = value.real());
    let Some(v) = v else { return };
    for j in 0..n {
        let (turn, place) = direction(column(vectors.rb(), j));
        (0..n).for_each(|i| v[i * n + j] = vectors[(i, j)] * turn);
        v[place * n + j] = T::of(vectors[(place, j)].magnitude());
    }
}

pub(crate) fn svd_bytes<T: Number>((m, n): (usize, usize)) -> usize {
    let (k, thin) = (m.min(n), ComputeSvdVectors::Thin);
    if k == 0 {
        return 0;
    }
    let kept = StackReq::all_of(&[
        StackReq::new::<T>(k),
        temp_mat_scratch::<T>(m, n),
        temp_mat_scratch::<T>(m, k),
        temp_mat_scratch::<T>(n, k),
    ]);
    let inner = decomposition::svd_scratch::<T>(m, n, thin, thin, Par::Seq, Default::default());
    kept.and(inner).unaligned_bytes_required()
}

pub(crate) fn svd<T: Number>(
    (m, n): (usize, usize),
    x: &[T],
    s: &mut [T::Part],
    vectors: Option<(&mut [T], &mut [T])>,
    scratch: Scratch<'_>,
) {
    let k = m.min(n);
    if k == 0 {
        return;
    }
    let (mut values, stack) = MemStack::new(scratch).make_with(k, |_| T::ZERO);
    let (mut matrix, stack) = temp_mat_zeroed::<T, _, _>(m, n, stack);
    let (mut left, stack) = temp_mat_zeroed::<T, _, _>(m, k, stack);
    let (mut right, stack) = temp_mat_zeroed::<T, _, _>(n, k, stack);
    let (mut matrix, mut left, mut right) = (matrix.as_mat_mut(), left.as_mat_mut(), right.as_mat_mut());
    matrix.copy_from(MatRef::from_row_major_slice(x, m, n));
    let found = is_finite(x) && {
        let wanted = vectors.is_some();
        let (u, v) = (wanted.then(|| left.rb_mut()), wanted.then(|| right.rb_mut()));
        let values = DiagMut::from_slice_mut(&mut values);
        decomposition::svd(matrix.rb(), values, u, v, Par::Seq, stack, Default::default()).is_ok()
    };
    if !found {
        spoil(s);
        return vectors.into_iter().for_each(|(u, vh)| {
            spoil(u);
            spoil(vh);
        });
    }
    s.iter_mut().zip(values.iter()).for_each(|(s, value)| *s = value.real());
    let Some((u, vh)) = vectors else { return };
    for j in 0..k {
        let (turn, place) = direction(column(left.rb(), j));
        (0..m).for_each(|i| u[i * k + j] = left[(i, j)] * turn);
        u[place * k + j] = T::of(left[(place, j)].magnitude());
        (0..n).for_each(|i| vh[j * n + i] = (right[(i, j)] * turn).conjugate());
    }
}
