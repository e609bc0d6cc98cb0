//! Triangular systems, and square ones by LU.

use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::triangular_solve as tri;
use faer::{MatMut, MatRef, Par};

use crate::number::{Number, is_finite, spoil};
use crate::{Scratch, factor};

/// On which side of the unknowns the matrix stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `a x = b`.
    Left,
    /// `x a = b`.
    Right,
}

/// Which triangle of a matrix is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Triangle {
    /// The lower one.
    Lower,
    /// The upper one.
    Upper,
}

/// A triangular system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Where the matrix stands.
    pub side: Side,
    /// What is read of it.
    pub triangle: Triangle,
    /// Whether its transpose stands there.
    pub is_transposed: bool,
    /// Whether its diagonal is taken to be ones.
    pub has_unit_diagonal: bool,
}

pub(crate) fn solve_triangular<T: Number>(form: Form, a: &[T], x: &mut [T], (rows, columns): (usize, usize)) {
    let on_right = form.side == Side::Right;
    let n = if on_right { columns } else { rows };
    if rows == 0 || columns == 0 {
        return;
    }
    let a = MatRef::from_row_major_slice(a, n, n);
    let x = MatMut::from_row_major_slice_mut(x, rows, columns);
    // `x a = b` is `a^T x^T = b^T`.
    let x = if on_right { x.transpose_mut() } else { x };
    let is_turned = form.is_transposed != on_right;
    let a = if is_turned { a.transpose() } else { a };
    match ((form.triangle == Triangle::Lower) != is_turned, form.has_unit_diagonal) {
        (true, false) => tri::solve_lower_triangular_in_place(a, x, Par::Seq),
        (true, true) => tri::solve_unit_lower_triangular_in_place(a, x, Par::Seq),
        (false, false) => tri::solve_upper_triangular_in_place(a, x, Par::Seq),
        (false, true) => tri::solve_unit_upper_triangular_in_place(a, x, Par::Seq),
    }
}

fn reserved<T: Number>((n, columns): (usize, usize)) -> StackReq {
    StackReq::new::<T>(n * n).and(StackReq::new::<u32>(n)).and(StackReq::new::<T>(n * columns))
}

pub(crate) fn solve_bytes<T: Number>(size @ (n, _): (usize, usize)) -> usize {
    reserved::<T>(size).unaligned_bytes_required() + factor::lu_bytes::<T>((n, n))
}

pub(crate) fn solve<T: Number>(
    is_transposed: bool,
    (n, columns): (usize, usize),
    a: &[T],
    x: &mut [T],
    scratch: Scratch<'_>,
) {
    if n == 0 || columns == 0 {
        return;
    }
    if !is_finite(a) {
        return spoil(x);
    }
    let (kept, rest) = scratch.split_at_mut(reserved::<T>((n, columns)).unaligned_bytes_required());
    let (mut lu, stack) = MemStack::new(kept).make_with(n * n, |i| a[i]);
    let (mut permutation, stack) = stack.make_with(n, |_| 0u32);
    factor::lu((n, n), a, &mut lu, &mut permutation, rest);
    let form = |triangle| Form {
        side: Side::Left,
        triangle,
        is_transposed,
        has_unit_diagonal: triangle == Triangle::Lower,
    };
    let row = |i: usize| i * columns..(i + 1) * columns;
    let (mut moved, _) = stack.make_with(n * columns, |i| x[i]);
    if is_transposed {
        solve_triangular(form(Triangle::Upper), &lu, &mut moved, (n, columns));
        solve_triangular(form(Triangle::Lower), &lu, &mut moved, (n, columns));
        for (i, &to) in permutation.iter().enumerate() {
            x[row(to as usize)].copy_from_slice(&moved[row(i)]);
        }
    } else {
        for (i, &from) in permutation.iter().enumerate() {
            moved[row(i)].copy_from_slice(&x[row(from as usize)]);
        }
        x.copy_from_slice(&moved);
        solve_triangular(form(Triangle::Lower), &lu, x, (n, columns));
        solve_triangular(form(Triangle::Upper), &lu, x, (n, columns));
    }
}
