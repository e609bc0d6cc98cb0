//! Factorisations and systems by the algorithms of textbooks, in f64: what the evaluator means by them.

use crate::Literal;
use crate::op::primitive::{Diagonal, Side, Triangle, TriangularSolve, Turned};

/// A dense matrix.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub(super) rows: usize,
    pub(super) columns: usize,
    elements: Vec<f64>,
}

impl Matrix {
    /// The matrix number `index` of a tensor.
    pub(super) fn at(x: &Literal, index: usize) -> Matrix {
        let sizes = x.ty().shape.sizes();
        let (rows, columns) = (sizes[sizes.len() - 2], sizes[sizes.len() - 1]);
        let first = index * rows * columns;
        Matrix::from_fn(rows, columns, |i, j| x.get(first + i * columns + j).to_f64())
    }

    pub(super) fn from_fn(rows: usize, columns: usize, f: impl Fn(usize, usize) -> f64) -> Matrix {
        let elements = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))).map(|(i, j)| f(i, j));
        Matrix { rows, columns, elements: elements.collect() }
    }

    /// A row of numbers.
    pub(super) fn row(elements: Vec<f64>) -> Matrix {
        Matrix { rows: 1, columns: elements.len(), elements }
    }

    pub(super) fn identity(n: usize) -> Matrix {
        Matrix::from_fn(n, n, |i, j| f64::from(u8::from(i == j)))
    }

    pub(super) fn nan(rows: usize, columns: usize) -> Matrix {
        Matrix::from_fn(rows, columns, |_, _| f64::NAN)
    }

    pub(super) fn transposed(&self) -> Matrix {
        Matrix::from_fn(self.columns, self.rows, |i, j| self[(j, i)])
    }

    /// `(x + x^T) / 2`.
    pub(super) fn symmetric_part(&self) -> Matrix {
        Matrix::from_fn(self.rows, self.rows, |i, j| (self[(i, j)] + self[(j, i)]) * 0.5)
    }

    pub(super) fn is_finite(&self) -> bool {
        self.elements.iter().all(|x| x.is_finite())
    }

    pub(super) fn swap_rows(&mut self, one: usize, other: usize) {
        (0..self.columns).for_each(|j| {
            self.elements.swap(one * self.columns + j, other * self.columns + j);
        });
    }

    pub(super) fn into_elements(self) -> Vec<f64> {
        self.elements
    }
}

impl std::ops::Index<(usize, usize)> for Matrix {
    type Output = f64;

    fn index(&self, (i, j): (usize, usize)) -> &f64 {
        &self.elements[i * self.columns + j]
    }
}

impl std::ops::IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut f64 {
        &mut self.elements[i * self.columns + j]
    }
}

/// Row by row (Cholesky and Banachiewicz).
pub(super) fn cholesky(x: &Matrix) -> Matrix {
    let n = x.rows;
    let x = x.symmetric_part();
    let mut l = Matrix::from_fn(n, n, |_, _| 0.0);
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|p| l[(i, p)] * l[(j, p)]).sum();
            let rest = x[(i, j)] - sum;
            l[(i, j)] = if i == j { rest.sqrt() } else { rest / l[(j, j)] };
        }
        if !(l[(i, i)] > 0.0 && l[(i, i)].is_finite()) {
            return Matrix::nan(n, n);
        }
    }
    l
}

/// Substitution, from the first or the last unknown on.
pub(super) fn solve_triangular(form: &TriangularSolve, a: &Matrix, right: &Matrix) -> Matrix {
    if form.side == Side::Right {
        let turned = TriangularSolve { side: Side::Left, turned: form.turned.other(), ..form.clone() };
        return solve_triangular(&turned, a, &right.transposed()).transposed();
    }
    let is_lower = (form.triangle == Triangle::Lower) == (form.turned == Turned::No);
    let a = if form.turned == Turned::Yes { a.transposed() } else { a.clone() };
    let n = a.rows;
    let mut x = right.clone();
    for step in 0..n {
        let i = if is_lower { step } else { n - 1 - step };
        let known = if is_lower { 0..i } else { i + 1..n };
        for j in 0..x.columns {
            let sum: f64 = known.clone().map(|p| a[(i, p)] * x[(p, j)]).sum();
            let rest = x[(i, j)] - sum;
            x[(i, j)] = if form.diagonal == Diagonal::Unit { rest } else { rest / a[(i, i)] };
        }
    }
    x
}

/// `x[permutation] = l u`, by elimination with the greatest pivot of each column. A column without one is left as it is.
pub(super) struct Factors {
    pub(super) lu: Matrix,
    pub(super) permutation: Vec<usize>,
    pub(super) sign: f64,
}

pub(super) fn lu(x: &Matrix) -> Factors {
    let (m, n) = (x.rows, x.columns);
    let mut factors = Factors { lu: x.clone(), permutation: (0..m).collect(), sign: 1.0 };
    if !x.is_finite() {
        factors.lu = Matrix::nan(m, n);
        return factors;
    }
    let Factors { lu, permutation, sign } = &mut factors;
    for j in 0..m.min(n) {
        let greater = |best: usize, i: usize| if lu[(i, j)].abs() > lu[(best, j)].abs() { i } else { best };
        let pivot = (j..m).fold(j, greater);
        if lu[(pivot, j)] == 0.0 {
            continue;
        }
        if pivot != j {
            lu.swap_rows(j, pivot);
            permutation.swap(j, pivot);
            *sign = -*sign;
        }
        for i in j + 1..m {
            lu[(i, j)] /= lu[(j, j)];
            for column in j + 1..n {
                lu[(i, column)] -= lu[(i, j)] * lu[(j, column)];
            }
        }
    }
    factors
}

/// `a x = right`, by LU.
pub(super) fn solve(a: &Matrix, right: &Matrix) -> Matrix {
    if !a.is_finite() {
        return Matrix::nan(right.rows, right.columns);
    }
    let Factors { lu, permutation, .. } = lu(a);
    let moved = Matrix::from_fn(right.rows, right.columns, |i, j| right[(permutation[i], j)]);
    let form =
        |triangle, diagonal| TriangularSolve { side: Side::Left, triangle, turned: Turned::No, diagonal };
    let middle = solve_triangular(&form(Triangle::Lower, Diagonal::Unit), &lu, &moved);
    solve_triangular(&form(Triangle::Upper, Diagonal::Stored), &lu, &middle)
}
