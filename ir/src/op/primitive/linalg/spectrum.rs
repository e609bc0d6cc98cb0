//! QR, symmetric eigenvalues and singular values by the algorithms of textbooks, in f64: what the evaluator means by them.

use super::plain::Matrix;

/// Sweeps after which a Jacobi method gives up; they converge in about ten.
const SWEEPS: usize = 60;
/// Part of the greatest magnitude from which on a component decides about a vector's sign.
const DECISIVE: f64 = 0.7;

/// `x = q r` by Householder reflections; `q` has `columns` columns, and no element of the diagonal of `r` is negative.
pub(super) fn qr(x: &Matrix, columns: usize) -> (Matrix, Matrix) {
    let (m, n) = (x.rows, x.columns);
    if !x.is_finite() {
        return (Matrix::nan(m, columns), Matrix::nan(columns, n));
    }
    let (mut r, mut q) = (x.clone(), Matrix::identity(m));
    for j in 0..m.min(n) {
        let norm = (j..m).map(|i| r[(i, j)] * r[(i, j)]).sum::<f64>().sqrt();
        let mut v: Vec<f64> = (j..m).map(|i| r[(i, j)]).collect();
        v[0] += if v[0] < 0.0 { -norm } else { norm };
        let length: f64 = v.iter().map(|v| v * v).sum();
        if length > 0.0 {
            reflect_rows(&mut r, j, &v, 2.0 / length);
            reflect_columns(&mut q, j, &v, 2.0 / length);
        }
    }
    for j in 0..m.min(n) {
        if r[(j, j)] < 0.0 {
            (0..n).for_each(|column| r[(j, column)] = -r[(j, column)]);
            (0..m).for_each(|i| q[(i, j)] = -q[(i, j)]);
        }
    }
    let upper = |i: usize, j: usize| if j < i { 0.0 } else { r[(i, j)] };
    (Matrix::from_fn(m, columns, |i, j| q[(i, j)]), Matrix::from_fn(columns, n, upper))
}

/// `x - scale v (v^T x)` for the rows from `first` on.
fn reflect_rows(x: &mut Matrix, first: usize, v: &[f64], scale: f64) {
    for column in 0..x.columns {
        let product: f64 = v.iter().enumerate().map(|(i, v)| v * x[(first + i, column)]).sum();
        v.iter().enumerate().for_each(|(i, v)| x[(first + i, column)] -= scale * product * v);
    }
}

/// `x - (x v) scale v^T` for the columns from `first` on.
fn reflect_columns(x: &mut Matrix, first: usize, v: &[f64], scale: f64) {
    for row in 0..x.rows {
        let product: f64 = v.iter().enumerate().map(|(i, v)| v * x[(row, first + i)]).sum();
        v.iter().enumerate().for_each(|(i, v)| x[(row, first + i)] -= scale * product * v);
    }
}

/// Eigenvalues of the symmetric part, ascending, and eigenvectors, by Jacobi's method: each rotation makes one element off the diagonal 0.
pub(super) fn eigh(x: &Matrix) -> (Vec<f64>, Matrix) {
    let n = x.rows;
    let mut a = x.symmetric_part();
    if !a.is_finite() {
        return (vec![f64::NAN; n], Matrix::nan(n, n));
    }
    let mut v = Matrix::identity(n);
    for _ in 0..SWEEPS {
        let mut is_diagonal = true;
        for p in 0..n {
            for q in p + 1..n {
                is_diagonal &= !rotate_away(&mut a, &mut v, p, q);
            }
        }
        if is_diagonal {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[(i, i)].total_cmp(&a[(j, j)]));
    let values = order.iter().map(|&j| a[(j, j)]).collect();
    let mut vectors = Matrix::from_fn(n, n, |i, j| v[(i, order[j])]);
    for j in 0..n {
        if is_reversed(&vectors, j) {
            (0..n).for_each(|i| vectors[(i, j)] = -vectors[(i, j)]);
        }
    }
    (values, vectors)
}

/// Makes the elements at `(p, q)` and `(q, p)` 0, if they are not negligible beside the diagonal.
fn rotate_away(a: &mut Matrix, v: &mut Matrix, p: usize, q: usize) -> bool {
    let n = a.rows;
    let off = a[(p, q)];
    if off.abs() <= f64::EPSILON * 1e-2 * (a[(p, p)].abs() * a[(q, q)].abs()).sqrt() || off == 0.0 {
        return false;
    }
    let (cosine, sine) = rotation((a[(q, q)] - a[(p, p)]) / (2.0 * off));
    for i in 0..n {
        let (x, y) = (a[(i, p)], a[(i, q)]);
        (a[(i, p)], a[(i, q)]) = (cosine * x - sine * y, sine * x + cosine * y);
        let (x, y) = (v[(i, p)], v[(i, q)]);
        (v[(i, p)], v[(i, q)]) = (cosine * x - sine * y, sine * x + cosine * y);
    }
    for i in 0..n {
        let (x, y) = (a[(p, i)], a[(q, i)]);
        (a[(p, i)], a[(q, i)]) = (cosine * x - sine * y, sine * x + cosine * y);
    }
    (a[(p, q)], a[(q, p)]) = (0.0, 0.0);
    true
}

/// Cosine and sine of the smaller angle whose double has this cotangent.
fn rotation(cotangent: f64) -> (f64, f64) {
    let sign = if cotangent < 0.0 { -1.0 } else { 1.0 };
    let tangent = sign / (cotangent.abs() + cotangent.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    (cosine, tangent * cosine)
}

/// Whether the column should be turned around: its first component of about the greatest magnitude is positive by convention.
fn is_reversed(x: &Matrix, column: usize) -> bool {
    let greatest = (0..x.rows).map(|i| x[(i, column)].abs()).fold(0.0, f64::max);
    let decides = |i: &usize| x[(*i, column)].abs() >= DECISIVE * greatest;
    (0..x.rows).find(decides).is_some_and(|i| x[(i, column)] < 0.0)
}

/// Singular values, descending, with `u` and `v` such that `x = u diag(s) v^T`.
pub(super) struct Singular {
    pub(super) u: Matrix,
    pub(super) s: Vec<f64>,
    pub(super) v: Matrix,
}

pub(super) fn svd(x: &Matrix) -> Singular {
    let (m, n) = (x.rows, x.columns);
    let k = m.min(n);
    if !x.is_finite() {
        return Singular { u: Matrix::nan(m, k), s: vec![f64::NAN; k], v: Matrix::nan(n, k) };
    }
    let mut found = if m < n {
        let Singular { u, s, v } = svd_of_tall(&x.transposed());
        Singular { u: v, s, v: u }
    } else {
        svd_of_tall(x)
    };
    for j in 0..k {
        if is_reversed(&found.u, j) {
            (0..m).for_each(|i| found.u[(i, j)] = -found.u[(i, j)]);
            (0..n).for_each(|i| found.v[(i, j)] = -found.v[(i, j)]);
        }
    }
    found
}

/// Hestenes' method: rotations of columns make them orthogonal; their lengths are the singular values.
fn svd_of_tall(x: &Matrix) -> Singular {
    let (m, n) = (x.rows, x.columns);
    let (mut a, mut v) = (x.clone(), Matrix::identity(n));
    for _ in 0..SWEEPS {
        let mut is_orthogonal = true;
        for p in 0..n {
            for q in p + 1..n {
                is_orthogonal &= !make_orthogonal(&mut a, &mut v, p, q);
            }
        }
        if is_orthogonal {
            break;
        }
    }
    let length = |j: usize| (0..m).fold(0.0f64, |length, i| length.hypot(a[(i, j)]));
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| length(j).total_cmp(&length(i)));
    let s: Vec<f64> = order.iter().map(|&j| length(j)).collect();
    let mut u = Matrix::from_fn(m, n, |i, j| if s[j] > 0.0 { a[(i, order[j])] / s[j] } else { 0.0 });
    (0..n).filter(|&j| s[j] == 0.0).for_each(|j| complete(&mut u, j));
    Singular { u, s, v: Matrix::from_fn(n, n, |i, j| v[(i, order[j])]) }
}

/// Turns two columns until they are orthogonal, if they are not.
fn make_orthogonal(a: &mut Matrix, v: &mut Matrix, p: usize, q: usize) -> bool {
    let m = a.rows;
    let dot = |x: usize, y: usize| (0..m).map(|i| a[(i, x)] * a[(i, y)]).sum::<f64>();
    let (pp, qq, pq) = (dot(p, p), dot(q, q), dot(p, q));
    if pq == 0.0 || pq.abs() <= f64::EPSILON * (pp * qq).sqrt() {
        return false;
    }
    let (cosine, sine) = rotation((qq - pp) / (2.0 * pq));
    for x in [a, v] {
        for i in 0..x.rows {
            let (left, right) = (x[(i, p)], x[(i, q)]);
            (x[(i, p)], x[(i, q)]) = (cosine * left - sine * right, sine * left + cosine * right);
        }
    }
    true
}

/// Makes a column of zeros a unit vector orthogonal to the other columns: what is left of the first axis that is not among them.
fn complete(u: &mut Matrix, column: usize) {
    for axis in 0..u.rows {
        let mut rest: Vec<f64> = (0..u.rows).map(|i| f64::from(u8::from(i == axis))).collect();
        for other in (0..u.columns).filter(|&other| other != column).chain(0..u.columns) {
            let product: f64 = (0..u.rows).map(|i| u[(i, other)] * rest[i]).sum();
            (0..u.rows).for_each(|i| rest[i] -= product * u[(i, other)]);
        }
        let length = rest.iter().map(|x| x * x).sum::<f64>().sqrt();
        if length > 0.1 {
            return (0..u.rows).for_each(|i| u[(i, column)] = rest[i] / length);
        }
    }
}
