//! Cholesky, LU and QR.

use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::cholesky::llt::factor as llt;
use faer::linalg::householder;
use faer::linalg::lu::partial_pivoting::factor as partial;
use faer::linalg::qr::no_pivoting::factor as qr_factor;
use faer::linalg::{temp_mat_scratch, temp_mat_zeroed};
use faer::mat::AsMatMut;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Conj, MatMut, MatRef, Par};

use crate::Scratch;
use crate::number::{Number, hermitian_part, is_finite, spoil};

pub(crate) fn cholesky_bytes<T: Number>(n: usize) -> usize {
    llt::cholesky_in_place_scratch::<T>(n, Par::Seq, Default::default()).unaligned_bytes_required()
}

/// The factor of the conjugate matrix is made in its lower triangle, column by column: the rows of the upper triangle as they lie in memory.
pub(crate) fn cholesky<T: Number>(n: usize, x: &[T], l: &mut [T], scratch: Scratch<'_>) {
    if n == 0 {
        return;
    }
    hermitian_part(n, x, l);
    let columns = MatMut::from_column_major_slice_mut(&mut *l, n, n);
    let stack = MemStack::new(scratch);
    let outcome = llt::cholesky_in_place(columns, Default::default(), Par::Seq, stack, Default::default());
    if outcome.is_err() || !(0..n).all(|i| l[i * n + i].is_finite()) {
        return spoil(l);
    }
    for i in 0..n {
        for j in 0..i {
            l[i * n + j] = std::mem::replace(&mut l[j * n + i], T::ZERO).conjugate();
        }
    }
}

pub(crate) fn lu_bytes<T: Number>((m, n): (usize, usize)) -> usize {
    let factor = partial::lu_in_place_scratch::<u32, T>(m, n, Par::Seq, Default::default());
    StackReq::new::<u32>(m).and(factor).unaligned_bytes_required()
}

pub(crate) fn lu<T: Number>(
    (m, n): (usize, usize),
    x: &[T],
    lu: &mut [T],
    permutation: &mut [u32],
    scratch: Scratch<'_>,
) -> bool {
    lu.copy_from_slice(x);
    permutation.iter_mut().zip(0..).for_each(|(place, row)| *place = row);
    if !is_finite(x) {
        spoil(lu);
        return false;
    }
    if m.min(n) == 0 {
        return false;
    }
    let (mut inverse, stack) = MemStack::new(scratch).make_with(m, |_| 0u32);
    let matrix = MatMut::from_row_major_slice_mut(&mut *lu, m, n);
    let (info, _) =
        partial::lu_in_place(matrix, permutation, &mut inverse, Par::Seq, stack, Default::default());
    if is_finite(lu) {
        return info.transposition_count % 2 == 1;
    }
    // The library divides by pivots that are 0.
    lu.copy_from_slice(x);
    plain_lu((m, n), lu, permutation)
}

/// Row by row, past columns that have no pivot.
fn plain_lu<T: Number>((m, n): (usize, usize), lu: &mut [T], permutation: &mut [u32]) -> bool {
    permutation.iter_mut().zip(0..).for_each(|(place, row)| *place = row);
    let mut is_odd = false;
    for j in 0..m.min(n) {
        let mut pivot = j;
        for i in j + 1..m {
            if lu[i * n + j].cheap_magnitude() > lu[pivot * n + j].cheap_magnitude() {
                pivot = i;
            }
        }
        if lu[pivot * n + j] == T::ZERO {
            continue;
        }
        if pivot != j {
            permutation.swap(j, pivot);
            (0..n).for_each(|column| lu.swap(j * n + column, pivot * n + column));
            is_odd = !is_odd;
        }
        for i in j + 1..m {
            let factor = lu[i * n + j] / lu[j * n + j];
            lu[i * n + j] = factor;
            for column in j + 1..n {
                lu[i * n + column] -= factor * lu[j * n + column];
            }
        }
    }
    is_odd
}

pub(crate) fn qr_bytes<T: Number>((m, n): (usize, usize), columns: usize) -> usize {
    let k = m.min(n);
    if k == 0 {
        return 0;
    }
    let block = qr_factor::recommended_block_size::<T>(m, n);
    let factor = qr_factor::qr_in_place_scratch::<T>(m, n, block, Par::Seq, Default::default());
    let apply =
        householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<T>(m, block, columns);
    let kept = StackReq::all_of(&[
        temp_mat_scratch::<T>(m, n),
        temp_mat_scratch::<T>(block, k),
        temp_mat_scratch::<T>(m, columns),
    ]);
    kept.and(factor.or(apply)).unaligned_bytes_required()
}

pub(crate) fn qr<T: Number>(
    (m, n): (usize, usize),
    columns: usize,
    x: &[T],
    q: &mut [T],
    r: &mut [T],
    scratch: Scratch<'_>,
) {
    if !is_finite(x) {
        spoil(q);
        return spoil(r);
    }
    q.fill(T::ZERO);
    (0..columns).for_each(|j| q[j * columns + j] = T::ONE);
    let k = m.min(n);
    if k == 0 {
        return;
    }
    let block = qr_factor::recommended_block_size::<T>(m, n);
    let stack = MemStack::new(scratch);
    let (mut basis, stack) = temp_mat_zeroed::<T, _, _>(m, n, stack);
    let (mut heads, stack) = temp_mat_zeroed::<T, _, _>(block, k, stack);
    let (mut full, stack) = temp_mat_zeroed::<T, _, _>(m, columns, stack);
    let (mut basis, mut heads, mut full) = (basis.as_mat_mut(), heads.as_mat_mut(), full.as_mat_mut());
    basis.copy_from(MatRef::from_row_major_slice(x, m, n));
    qr_factor::qr_in_place(basis.rb_mut(), heads.rb_mut(), Par::Seq, stack, Default::default());
    for (i, row) in r.chunks_exact_mut(n).enumerate() {
        row.iter_mut().enumerate().for_each(|(j, r)| *r = if j < i { T::ZERO } else { basis[(i, j)] });
    }
    full.copy_from(MatRef::from_row_major_slice(q, m, columns));
    householder::apply_block_householder_sequence_on_the_left_in_place_with_conj(
        basis.rb().subcols(0, k),
        heads.rb(),
        Conj::No,
        full.rb_mut(),
        Par::Seq,
        stack,
    );
    MatMut::from_row_major_slice_mut(&mut *q, m, columns).copy_from(full.rb());
    for j in 0..k {
        let (pivot, turn) = (r[j * n + j], r[j * n + j].turn());
        if turn == T::ONE {
            continue;
        }
        r[j * n..(j + 1) * n].iter_mut().for_each(|r| *r *= turn);
        r[j * n + j] = T::of(pivot.magnitude());
        (0..m).for_each(|i| q[i * columns + j] *= turn.conjugate());
    }
}
