//! Eigenvalues of general matrices.

use faer::diag::DiagMut;
use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::linalg::{temp_mat_scratch, temp_mat_zeroed};
use faer::mat::AsMatMut;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::traits::ComplexField;
use faer::{MatRef, Par};
use num_complex::Complex;

use crate::Scratch;
use crate::number::{Number, Part, direction, is_finite, spoil};

/// What is in the scratch memory of both: `width` numbers for each eigenvalue, the vectors, and what the library takes.
fn bytes<T: ComplexField>(n: usize, width: usize) -> usize {
    if n == 0 {
        return 0;
    }
    let (no, yes) = (ComputeEigenvectors::No, ComputeEigenvectors::Yes);
    let kept = StackReq::new::<T>(width * n).and(temp_mat_scratch::<T>(n, n));
    kept.and(evd::evd_scratch::<T>(n, no, yes, Par::Seq, Default::default())).unaligned_bytes_required()
}

pub(crate) fn bytes_of_real<T: Part>(n: usize) -> usize {
    bytes::<T>(n, 2)
}

pub(crate) fn bytes_of_complex<T: Part>(n: usize) -> usize {
    bytes::<Complex<T>>(n, 1)
}

pub(crate) fn eig_of_real<T: Part>(
    n: usize,
    x: &[T],
    w: &mut [Complex<T>],
    v: Option<&mut [Complex<T>]>,
    scratch: Scratch<'_>,
) {
    if n == 0 {
        return;
    }
    let (mut parts, stack) = MemStack::new(scratch).make_with(2 * n, |_| T::ZERO);
    let (mut vectors, stack) = temp_mat_zeroed::<T, _, _>(n, n, stack);
    let mut vectors = vectors.as_mat_mut();
    let (re, im) = parts.split_at_mut(n);
    let found = is_finite(x) && {
        let wanted = v.is_some().then(|| vectors.rb_mut());
        let (re, im) = (DiagMut::from_slice_mut(&mut *re), DiagMut::from_slice_mut(&mut *im));
        let matrix = MatRef::from_row_major_slice(x, n, n);
        evd::evd_real(matrix, re, im, None, wanted, Par::Seq, stack, Default::default()).is_ok()
    };
    if !(found && is_finite(re) && is_finite(im)) {
        return fail(w, v);
    }
    w.iter_mut().zip(re.iter().zip(im.iter())).for_each(|(w, (&re, &im))| *w = Complex { re, im });
    let mut v = v;
    if let Some(v) = v.as_deref_mut() {
        let mut is_second = false;
        for j in 0..n {
            let is_real = w[j].im == T::ZERO;
            for i in 0..n {
                // Of conjugate eigenvalues the first column holds the real parts of both vectors, and the second the imaginary parts.
                v[i * n + j] = match (is_real, is_second) {
                    (true, _) => Complex { re: vectors[(i, j)], im: T::ZERO },
                    (false, false) => Complex { re: vectors[(i, j)], im: vectors[(i, j + 1)] },
                    (false, true) => Complex { re: vectors[(i, j - 1)], im: -vectors[(i, j)] },
                };
            }
            is_second = !is_real && !is_second;
        }
    }
    settle(n, w, v);
}

pub(crate) fn eig_of_complex<T: Part>(
    n: usize,
    x: &[Complex<T>],
    w: &mut [Complex<T>],
    v: Option<&mut [Complex<T>]>,
    scratch: Scratch<'_>,
) {
    if n == 0 {
        return;
    }
    let (mut values, stack) = MemStack::new(scratch).make_with(n, |_| Complex::<T>::ZERO);
    let (mut vectors, stack) = temp_mat_zeroed::<Complex<T>, _, _>(n, n, stack);
    let mut vectors = vectors.as_mat_mut();
    let found = is_finite(x) && {
        let wanted = v.is_some().then(|| vectors.rb_mut());
        let matrix = MatRef::from_row_major_slice(x, n, n);
        let values = DiagMut::from_slice_mut(&mut values);
        evd::evd_cplx(matrix, values, None, wanted, Par::Seq, stack, Default::default()).is_ok()
    };
    if !found || !is_finite(&values) {
        return fail(w, v);
    }
    w.copy_from_slice(&values);
    let mut v = v;
    if let Some(v) = v.as_deref_mut() {
        (0..n * n).for_each(|flat| v[flat] = vectors.rb()[(flat / n, flat % n)]);
    }
    settle(n, w, v);
}

fn fail<T: Number>(w: &mut [T], v: Option<&mut [T]>) {
    spoil(w);
    v.into_iter().for_each(spoil);
}

/// The order of eigenvalues, and the lengths and directions of vectors.
fn settle<T: Part>(n: usize, w: &mut [Complex<T>], mut v: Option<&mut [Complex<T>]>) {
    let mut swap = |w: &mut [Complex<T>], j: usize, other: usize| {
        w.swap(j, other);
        if let Some(v) = &mut v {
            (0..n).for_each(|i| v.swap(i * n + j, i * n + other));
        }
    };
    // Selection: swaps are few, and vectors move with their values.
    let mut sort = |w: &mut [Complex<T>], from: usize, to: usize, key: fn(&Complex<T>) -> T| {
        for j in from..to {
            let least = (j..to).min_by(|&a, &b| key(&w[a]).compare(key(&w[b]))).unwrap_or(j);
            if least != j {
                swap(w, j, least);
            }
        }
    };
    sort(w, 0, n, |w| w.re);
    let greater = |most: T, w: &Complex<T>| if w.magnitude() > most { w.magnitude() } else { most };
    let near = w.iter().fold(T::ZERO, greater) * T::NEAR;
    let mut from = 0;
    for to in 1..=n {
        if to == n || w[to].re - w[to - 1].re > near {
            sort(w, from, to, |w| w.im);
            from = to;
        }
    }
    let Some(v) = v else { return };
    for j in 0..n {
        normalise(n, v, j);
    }
}

/// Makes the length of a column 1, without overflow, and its first component of about the greatest magnitude real and positive.
fn normalise<T: Part>(n: usize, v: &mut [Complex<T>], j: usize) {
    let column = (0..n).map(|i| v[i * n + j]);
    let length = column.clone().fold(T::ZERO, |length, x| length.hypotenuse(x.magnitude()));
    let (turn, place) = direction(column);
    let decisive = v[place * n + j].magnitude();
    for i in 0..n {
        let x = v[i * n + j] * turn;
        v[i * n + j] = Complex { re: x.re / length, im: x.im / length };
    }
    v[place * n + j] = Complex { re: decisive / length, im: T::ZERO };
}
