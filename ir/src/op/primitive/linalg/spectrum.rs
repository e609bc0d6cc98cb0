//! QR, eigenvalues of Hermitian matrices and singular values by the algorithms of textbooks, in f64: what the evaluator means by them.

use super::plain::{Matrix, Number};

/// Sweeps after which a Jacobi method gives up; they converge in about ten.
const SWEEPS: usize = 60;
/// Products of columns that are taken for 0.
const UNDERFLOWN: f64 = 1e-290;
/// Part of the greatest magnitude from which on a component decides about a vector's direction.
const DECISIVE: f64 = 0.7;

/// `x = q r` by Householder reflections; `q` has `columns` columns; elements of the diagonal of `r` are real, and none is negative.
pub(super) fn qr<T: Number>(x: &Matrix<T>, columns: usize) -> (Matrix<T>, Matrix<T>) {
    let (m, n) = (x.rows, x.columns);
    if !x.is_finite() {
        return (Matrix::nan(m, columns), Matrix::nan(columns, n));
    }
    let (mut r, mut q) = (x.clone(), Matrix::identity(m));
    for j in 0..m.min(n) {
        let column = (j..m).map(|i| r[(i, j)]).collect();
        if let Some(reflection) = Reflection::of(column) {
            reflection.of_rows(&mut r, j);
            reflection.of_columns(&mut q, j);
        }
    }
    for j in 0..m.min(n) {
        let unit = r[(j, j)].unit();
        (0..n).for_each(|column| r[(j, column)] *= unit.conj());
        r[(j, j)] = T::of(r[(j, j)].abs());
        q.scale_column(j, unit);
    }
    let upper = |i: usize, j: usize| if j < i { T::of(0.0) } else { r[(i, j)] };
    (Matrix::from_fn(m, columns, |i, j| q[(i, j)]), Matrix::from_fn(columns, n, upper))
}

/// The reflection `1 - scale v v^H`.
pub(super) struct Reflection<T> {
    v: Vec<T>,
    scale: T,
}

impl<T: Number> Reflection<T> {
    /// The one that leaves of a column its first element alone; `None` for zeros.
    pub(super) fn of(mut column: Vec<T>) -> Option<Reflection<T>> {
        let squares = |v: &[T]| v.iter().map(|v| v.abs() * v.abs()).sum::<f64>();
        let norm = squares(&column).sqrt();
        let first = column.first_mut()?;
        *first += first.unit() * T::of(norm);
        let length = squares(&column);
        (length > 0.0).then(|| Reflection { v: column, scale: T::of(2.0 / length) })
    }

    /// Of the rows from `first` on.
    pub(super) fn of_rows(&self, x: &mut Matrix<T>, first: usize) {
        for column in 0..x.columns {
            let terms = self.v.iter().enumerate().map(|(i, v)| v.conj() * x[(first + i, column)]);
            let product = terms.sum::<T>() * self.scale;
            self.v.iter().enumerate().for_each(|(i, &v)| x[(first + i, column)] -= product * v);
        }
    }

    /// Of the columns from `first` on.
    pub(super) fn of_columns(&self, x: &mut Matrix<T>, first: usize) {
        for row in 0..x.rows {
            let terms = self.v.iter().enumerate().map(|(i, &v)| v * x[(row, first + i)]);
            let product = terms.sum::<T>() * self.scale;
            self.v.iter().enumerate().for_each(|(i, v)| x[(row, first + i)] -= product * v.conj());
        }
    }
}

/// Eigenvalues of the Hermitian part, ascending, and eigenvectors, by Jacobi's method: each rotation makes one element off the diagonal 0.
pub(super) fn eigh<T: Number>(x: &Matrix<T>) -> (Vec<f64>, Matrix<T>) {
    let n = x.rows;
    let mut a = x.hermitian_part();
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
    order.sort_by(|&i, &j| a[(i, i)].real().total_cmp(&a[(j, j)].real()));
    let values = order.iter().map(|&j| a[(j, j)].real()).collect();
    let mut vectors = Matrix::from_fn(n, n, |i, j| v[(i, order[j])]);
    (0..n).for_each(|j| {
        turn(&mut vectors, j);
    });
    (values, vectors)
}

/// Makes the elements at `(p, q)` and `(q, p)` 0, if they are not negligible beside the diagonal.
fn rotate_away<T: Number>(a: &mut Matrix<T>, v: &mut Matrix<T>, p: usize, q: usize) -> bool {
    let off = a[(p, q)];
    let size = off.abs();
    let (first, second) = (a[(p, p)].real(), a[(q, q)].real());
    if size <= f64::EPSILON * 1e-2 * (first.abs() * second.abs()).sqrt() || size == 0.0 {
        return false;
    }
    // With a column and a row turned, the element is real.
    let unit = off.unit();
    a.scale_column(q, unit.conj());
    v.scale_column(q, unit.conj());
    (0..a.columns).for_each(|i| a[(q, i)] *= unit);
    let (cosine, sine) = rotation((second - first) / (2.0 * size));
    rotate_columns(a, (p, q), (cosine, sine));
    rotate_columns(v, (p, q), (cosine, sine));
    let (cosine, sine) = (T::of(cosine), T::of(sine));
    for i in 0..a.columns {
        let (x, y) = (a[(p, i)], a[(q, i)]);
        (a[(p, i)], a[(q, i)]) = (cosine * x - sine * y, sine * x + cosine * y);
    }
    (a[(p, q)], a[(q, p)]) = (T::of(0.0), T::of(0.0));
    true
}

fn rotate_columns<T: Number>(x: &mut Matrix<T>, (p, q): (usize, usize), (cosine, sine): (f64, f64)) {
    let (cosine, sine) = (T::of(cosine), T::of(sine));
    for i in 0..x.rows {
        let (left, right) = (x[(i, p)], x[(i, q)]);
        (x[(i, p)], x[(i, q)]) = (cosine * left - sine * right, sine * left + cosine * right);
    }
}

/// Cosine and sine of the smaller angle whose double has this cotangent.
fn rotation(cotangent: f64) -> (f64, f64) {
    let sign = if cotangent < 0.0 { -1.0 } else { 1.0 };
    let tangent = sign / (cotangent.abs() + cotangent.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    (cosine, tangent * cosine)
}

/// Turns a column: its first component of about the greatest magnitude is real and positive by convention. Returns what it was multiplied by.
pub(super) fn turn<T: Number>(x: &mut Matrix<T>, column: usize) -> T {
    let greatest = (0..x.rows).map(|i| x[(i, column)].abs()).fold(0.0, f64::max);
    let decides = |i: &usize| x[(*i, column)].abs() >= DECISIVE * greatest;
    let Some(place) = (0..x.rows).find(decides) else { return T::of(1.0) };
    let factor = x[(place, column)].unit().conj();
    x.scale_column(column, factor);
    x[(place, column)] = T::of(x[(place, column)].abs());
    factor
}

/// Singular values, descending, with `u` and `v` such that `x = u diag(s) v^H`.
pub(super) struct Singular<T> {
    pub(super) u: Matrix<T>,
    pub(super) s: Vec<f64>,
    pub(super) v: Matrix<T>,
}

pub(super) fn svd<T: Number>(x: &Matrix<T>) -> Singular<T> {
    let (m, n) = (x.rows, x.columns);
    let k = m.min(n);
    if !x.is_finite() {
        return Singular { u: Matrix::nan(m, k), s: vec![f64::NAN; k], v: Matrix::nan(n, k) };
    }
    let mut found = if m < n {
        let Singular { u, s, v } = svd_of_tall(&x.adjoint());
        Singular { u: v, s, v: u }
    } else {
        svd_of_tall(x)
    };
    for j in 0..k {
        let factor = turn(&mut found.u, j);
        found.v.scale_column(j, factor);
    }
    found
}

/// Hestenes' method: rotations of columns make them orthogonal; their lengths are the singular values.
fn svd_of_tall<T: Number>(x: &Matrix<T>) -> Singular<T> {
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
    let length = |j: usize| (0..m).fold(0.0f64, |length, i| length.hypot(a[(i, j)].abs()));
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| length(j).total_cmp(&length(i)));
    let s: Vec<f64> = order.iter().map(|&j| length(j)).collect();
    let unit = |i: usize, j: usize| if s[j] > 0.0 { a[(i, order[j])].over(s[j]) } else { T::of(0.0) };
    let mut u = Matrix::from_fn(m, n, unit);
    (0..n).filter(|&j| s[j] == 0.0).for_each(|j| complete(&mut u, j));
    Singular { u, s, v: Matrix::from_fn(n, n, |i, j| v[(i, order[j])]) }
}

/// Turns two columns until they are orthogonal, if they are not.
fn make_orthogonal<T: Number>(a: &mut Matrix<T>, v: &mut Matrix<T>, p: usize, q: usize) -> bool {
    let m = a.rows;
    let dot = |x: usize, y: usize| (0..m).map(|i| a[(i, x)].conj() * a[(i, y)]).sum::<T>();
    let (pp, qq, pq) = (dot(p, p).real(), dot(q, q).real(), dot(p, q));
    let size = pq.abs();
    // Columns that are nothing but rounding errors shrink until their products underflow.
    if size <= UNDERFLOWN || size <= f64::EPSILON * (pp * qq).sqrt() {
        return false;
    }
    let unit = pq.unit();
    for x in [a, v] {
        x.scale_column(q, unit.conj());
        rotate_columns(x, (p, q), rotation((qq - pp) / (2.0 * size)));
    }
    true
}

/// Makes a column of zeros a unit vector orthogonal to the other columns: what is left of the first axis that is not among them.
fn complete<T: Number>(u: &mut Matrix<T>, column: usize) {
    for axis in 0..u.rows {
        let mut rest: Vec<T> = (0..u.rows).map(|i| T::of(f64::from(u8::from(i == axis)))).collect();
        for other in (0..u.columns).filter(|&other| other != column).chain(0..u.columns) {
            let product: T = (0..u.rows).map(|i| u[(i, other)].conj() * rest[i]).sum();
            (0..u.rows).for_each(|i| rest[i] -= product * u[(i, other)]);
        }
        let length = rest.iter().map(|x| x.abs() * x.abs()).sum::<f64>().sqrt();
        if length > 0.1 {
            return (0..u.rows).for_each(|i| u[(i, column)] = rest[i].over(length));
        }
    }
}
