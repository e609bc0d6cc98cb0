//! Eigenvalues of general matrices by the algorithm of textbooks, in f64: what the evaluator means by them.
//!
//! Householder's reflections leave one diagonal below the main one (Hessenberg's form); shifted QR steps by Givens' rotations make it 0, from the
//! last row on; vectors of the triangular matrix are found by substitution (Golub and Van Loan, "Matrix Computations", chapter 7).

use super::plain::{C, Matrix, Number};
use super::spectrum::{Reflection, turn};

/// Steps for one eigenvalue after which the method gives up.
const STEPS: usize = 100;
/// Steps after which a shift of another kind is tried.
const PATIENCE: usize = 10;
/// Part of the greatest magnitude of the eigenvalues by which real parts must differ to be told apart.
const NEAR: f64 = 1e-4;

/// Eigenvalues in their order, and eigenvectors as columns.
pub(super) fn eig(x: &Matrix<C>) -> (Vec<C>, Matrix<C>) {
    let n = x.rows;
    let failed = || (Matrix::<C>::nan(1, n).into_elements(), Matrix::nan(n, n));
    if !x.is_finite() {
        return failed();
    }
    let Some((t, q)) = schur(x.clone()) else { return failed() };
    let values: Vec<C> = (0..n).map(|j| t[(j, j)]).collect();
    let order = order(&values);
    let mut vectors = Matrix::from_fn(n, n, |_, _| C::of(0.0));
    for (place, &j) in order.iter().enumerate() {
        let y = vector(&t, j);
        let x: Vec<C> = (0..n).map(|i| y.iter().enumerate().map(|(p, y)| q[(i, p)] * y).sum()).collect();
        let length = x.iter().fold(0.0f64, |length, x| length.hypot(x.abs()));
        (0..n).for_each(|i| vectors[(i, place)] = x[i] / length);
        turn(&mut vectors, place);
    }
    (order.iter().map(|&j| values[j]).collect(), vectors)
}

/// Real parts ascend, and imaginary parts where real ones are near to each other.
fn order(values: &[C]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].re.total_cmp(&values[j].re));
    let near = values.iter().fold(0.0, |most: f64, w| most.max(w.abs())) * NEAR;
    let is_near = |i: &usize, j: &usize| values[*j].re - values[*i].re <= near;
    let lengths: Vec<usize> = order.chunk_by(is_near).map(<[usize]>::len).collect();
    let mut rest = &mut order[..];
    for length in lengths {
        let (group, others) = rest.split_at_mut(length);
        group.sort_by(|&i, &j| values[i].im.total_cmp(&values[j].im));
        rest = others;
    }
    order
}

/// `x = q t q^H` with a triangular `t`; `None` if it is not found.
fn schur(mut t: Matrix<C>) -> Option<(Matrix<C>, Matrix<C>)> {
    let n = t.rows;
    let mut q = Matrix::identity(n);
    for j in 0..n.saturating_sub(2) {
        let column = (j + 1..n).map(|i| t[(i, j)]).collect();
        if let Some(reflection) = Reflection::of(column) {
            reflection.of_rows(&mut t, j + 1);
            reflection.of_columns(&mut t, j + 1);
            reflection.of_columns(&mut q, j + 1);
        }
        (j + 2..n).for_each(|i| t[(i, j)] = C::of(0.0));
    }
    let (mut last, mut steps) = (n.saturating_sub(1), 0);
    while last > 0 {
        let is_negligible = |i: &usize| {
            let beside = t[(*i - 1, *i - 1)].abs() + t[(*i, *i)].abs();
            t[(*i, *i - 1)].abs() <= f64::EPSILON * beside || t[(*i, *i - 1)].abs() < f64::MIN_POSITIVE
        };
        let first = (1..=last).rev().find(is_negligible).unwrap_or(0);
        if first > 0 {
            t[(first, first - 1)] = C::of(0.0);
        }
        if first == last {
            (last, steps) = (last - 1, 0);
            continue;
        }
        steps += 1;
        if steps > STEPS {
            return None;
        }
        let shift = if steps % PATIENCE == 0 {
            t[(last, last)] + C::of(t[(last, last - 1)].abs())
        } else {
            nearest_eigenvalue(&t, last)
        };
        step(&mut t, &mut q, first, last, shift);
    }
    Some((t, q))
}

/// That of the last two rows and columns up to `last` which is nearer to the last element (Wilkinson's shift).
fn nearest_eigenvalue(t: &Matrix<C>, last: usize) -> C {
    let (a, b, c, d) = (t[(last - 1, last - 1)], t[(last - 1, last)], t[(last, last - 1)], t[(last, last)]);
    let half = (a - d) / 2.0;
    let root = (half * half + b * c).sqrt();
    let (one, other) = (half + root, half - root);
    d + if one.abs() < other.abs() { one } else { other }
}

/// A QR step of the rows and columns `first..=last`.
fn step(t: &mut Matrix<C>, q: &mut Matrix<C>, first: usize, last: usize, shift: C) {
    let n = t.rows;
    (first..=last).for_each(|i| t[(i, i)] -= shift);
    let mut rotations = Vec::new();
    for k in first..last {
        let (a, b) = (t[(k, k)], t[(k + 1, k)]);
        let length = a.abs().hypot(b.abs());
        let (a, b) = if length > 0.0 { (a / length, b / length) } else { (C::of(1.0), C::of(0.0)) };
        for j in k..n {
            let (x, y) = (t[(k, j)], t[(k + 1, j)]);
            (t[(k, j)], t[(k + 1, j)]) = (a.conj() * x + b.conj() * y, a * y - b * x);
        }
        rotations.push((k, a, b));
    }
    let columns = |x: &mut Matrix<C>, rows: usize, k: usize, a: C, b: C| {
        for i in 0..rows {
            let (left, right) = (x[(i, k)], x[(i, k + 1)]);
            (x[(i, k)], x[(i, k + 1)]) = (left * a + right * b, right * a.conj() - left * b.conj());
        }
    };
    for (k, a, b) in rotations {
        columns(t, k + 2, k, a, b);
        columns(q, n, k, a, b);
    }
    (first..=last).for_each(|i| t[(i, i)] += shift);
}

/// The eigenvector of a triangular matrix for its element `(k, k)`. Where values are equal, a difference as great as rounding errors stands for 0.
fn vector(t: &Matrix<C>, k: usize) -> Vec<C> {
    let n = t.rows;
    let norm = (0..n).flat_map(|j| (0..=j).map(move |i| (i, j))).map(|place| t[place].abs()).sum::<f64>();
    let least = (f64::EPSILON * norm).max(f64::MIN_POSITIVE);
    let mut y = vec![C::of(0.0); n];
    y[k] = C::of(1.0);
    for i in (0..k).rev() {
        let sum: C = (i + 1..=k).map(|j| t[(i, j)] * y[j]).sum();
        let gap = t[(i, i)] - t[(k, k)];
        y[i] = -sum / if gap.abs() < least { C::of(least) } else { gap };
    }
    y
}
