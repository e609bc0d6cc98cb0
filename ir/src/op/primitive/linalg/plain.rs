//! Factorisations and systems by the algorithms of textbooks, in f64: what the evaluator means by them.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Index, IndexMut, Mul, MulAssign, Neg, Sub, SubAssign};

use num_complex::Complex;

use crate::op::primitive::{Diagonal, Side, Triangle, TriangularSolve, Turned};
use crate::{DType, Literal, Scalar};

/// A complex number.
pub(super) type C = Complex<f64>;

/// What the elements of a matrix are.
pub(super) trait Number:
    Copy
    + PartialEq
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
{
    fn of(real: f64) -> Self;
    fn from_scalar(scalar: Scalar) -> Self;
    fn to_scalar(self, dtype: DType) -> Scalar;
    fn real(self) -> f64;
    fn conj(self) -> Self;
    fn abs(self) -> f64;
    /// The quotient by a real number, whose square may underflow.
    fn over(self, real: f64) -> Self;
    /// The sum of the magnitudes of both parts.
    fn abs_of_parts(self) -> f64;
    fn is_finite(self) -> bool;

    /// The number of magnitude 1 in the same direction; 1 for 0.
    fn unit(self) -> Self {
        let length = self.abs();
        if length > 0.0 { self.over(length) } else { Self::of(1.0) }
    }
}

impl Number for f64 {
    fn of(real: f64) -> f64 {
        real
    }

    fn over(self, real: f64) -> f64 {
        self / real
    }

    fn from_scalar(scalar: Scalar) -> f64 {
        scalar.to_f64()
    }

    fn to_scalar(self, dtype: DType) -> Scalar {
        Scalar::from_f64(dtype, self)
    }

    fn real(self) -> f64 {
        self
    }

    fn conj(self) -> f64 {
        self
    }

    fn abs(self) -> f64 {
        f64::abs(self)
    }

    fn abs_of_parts(self) -> f64 {
        f64::abs(self)
    }

    fn is_finite(self) -> bool {
        f64::is_finite(self)
    }
}

impl Number for C {
    fn of(real: f64) -> C {
        C::new(real, 0.0)
    }

    fn over(self, real: f64) -> C {
        C::new(self.re / real, self.im / real)
    }

    fn from_scalar(scalar: Scalar) -> C {
        scalar.to_c128()
    }

    fn to_scalar(self, dtype: DType) -> Scalar {
        if dtype.is_complex() { Scalar::from_c128(dtype, self) } else { Scalar::from_f64(dtype, self.re) }
    }

    fn real(self) -> f64 {
        self.re
    }

    fn conj(self) -> C {
        C::new(self.re, -self.im)
    }

    fn abs(self) -> f64 {
        self.re.hypot(self.im)
    }

    fn abs_of_parts(self) -> f64 {
        self.re.abs() + self.im.abs()
    }

    fn is_finite(self) -> bool {
        self.re.is_finite() && self.im.is_finite()
    }
}

/// A dense matrix.
#[derive(Clone, Debug)]
pub(super) struct Matrix<T> {
    pub(super) rows: usize,
    pub(super) columns: usize,
    elements: Vec<T>,
}

impl<T: Number> Matrix<T> {
    /// The matrix number `index` of a tensor.
    pub(super) fn at(x: &Literal, index: usize) -> Matrix<T> {
        let sizes = x.ty().shape.sizes();
        let (rows, columns) = (sizes[sizes.len() - 2], sizes[sizes.len() - 1]);
        let first = index * rows * columns;
        Matrix::from_fn(rows, columns, |i, j| T::from_scalar(x.get(first + i * columns + j)))
    }

    pub(super) fn from_fn(rows: usize, columns: usize, f: impl Fn(usize, usize) -> T) -> Matrix<T> {
        let elements = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))).map(|(i, j)| f(i, j));
        Matrix { rows, columns, elements: elements.collect() }
    }

    /// A row of real numbers.
    pub(super) fn row(elements: impl IntoIterator<Item = f64>) -> Matrix<T> {
        Matrix::row_of(elements.into_iter().map(T::of).collect())
    }

    pub(super) fn row_of(elements: Vec<T>) -> Matrix<T> {
        Matrix { rows: 1, columns: elements.len(), elements }
    }

    pub(super) fn identity(n: usize) -> Matrix<T> {
        Matrix::from_fn(n, n, |i, j| T::of(f64::from(u8::from(i == j))))
    }

    pub(super) fn nan(rows: usize, columns: usize) -> Matrix<T> {
        // Of complex numbers both parts: an infinity times 0.
        let nan = T::of(f64::INFINITY) * T::of(0.0);
        Matrix::from_fn(rows, columns, |_, _| nan + nan * nan)
    }

    pub(super) fn transposed(&self) -> Matrix<T> {
        Matrix::from_fn(self.columns, self.rows, |i, j| self[(j, i)])
    }

    /// The conjugate transpose.
    pub(super) fn adjoint(&self) -> Matrix<T> {
        Matrix::from_fn(self.columns, self.rows, |i, j| self[(j, i)].conj())
    }

    /// `(x + x^H) / 2`.
    pub(super) fn hermitian_part(&self) -> Matrix<T> {
        let half = T::of(0.5);
        Matrix::from_fn(self.rows, self.rows, |i, j| (self[(i, j)] + self[(j, i)].conj()) * half)
    }

    pub(super) fn is_finite(&self) -> bool {
        self.elements.iter().all(|x| x.is_finite())
    }

    pub(super) fn swap_rows(&mut self, one: usize, other: usize) {
        (0..self.columns).for_each(|j| {
            self.elements.swap(one * self.columns + j, other * self.columns + j);
        });
    }

    /// The column times a number.
    pub(super) fn scale_column(&mut self, j: usize, factor: T) {
        (0..self.rows).for_each(|i| self[(i, j)] *= factor);
    }

    pub(super) fn into_elements(self) -> Vec<T> {
        self.elements
    }
}

impl<T> Index<(usize, usize)> for Matrix<T> {
    type Output = T;

    fn index(&self, (i, j): (usize, usize)) -> &T {
        &self.elements[i * self.columns + j]
    }
}

impl<T> IndexMut<(usize, usize)> for Matrix<T> {
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut T {
        &mut self.elements[i * self.columns + j]
    }
}

/// Row by row (Cholesky and Banachiewicz).
pub(super) fn cholesky<T: Number>(x: &Matrix<T>) -> Matrix<T> {
    let n = x.rows;
    let x = x.hermitian_part();
    let mut l = Matrix::from_fn(n, n, |_, _| T::of(0.0));
    for i in 0..n {
        for j in 0..=i {
            let sum: T = (0..j).map(|p| l[(i, p)] * l[(j, p)].conj()).sum();
            let rest = x[(i, j)] - sum;
            l[(i, j)] = if i == j { T::of(rest.real().sqrt()) } else { rest / l[(j, j)] };
        }
        if !(l[(i, i)].real() > 0.0 && l[(i, i)].is_finite()) {
            return Matrix::nan(n, n);
        }
    }
    l
}

/// Substitution, from the first or the last unknown on.
pub(super) fn solve_triangular<T: Number>(
    form: &TriangularSolve,
    a: &Matrix<T>,
    right: &Matrix<T>,
) -> Matrix<T> {
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
            let sum: T = known.clone().map(|p| a[(i, p)] * x[(p, j)]).sum();
            let rest = x[(i, j)] - sum;
            x[(i, j)] = if form.diagonal == Diagonal::Unit { rest } else { rest / a[(i, i)] };
        }
    }
    x
}

/// `x[permutation] = l u`, by elimination with the greatest pivot of each column, by the sum of the magnitudes of both parts. A column without one is left as it is.
pub(super) struct Factors<T> {
    pub(super) lu: Matrix<T>,
    pub(super) permutation: Vec<usize>,
    pub(super) sign: f64,
}

pub(super) fn lu<T: Number>(x: &Matrix<T>) -> Factors<T> {
    let (m, n) = (x.rows, x.columns);
    let mut factors = Factors { lu: x.clone(), permutation: (0..m).collect(), sign: 1.0 };
    if !x.is_finite() {
        factors.lu = Matrix::nan(m, n);
        return factors;
    }
    let Factors { lu, permutation, sign } = &mut factors;
    for j in 0..m.min(n) {
        let size = |i: usize| lu[(i, j)].abs_of_parts();
        let greater = |best: usize, i: usize| if size(i) > size(best) { i } else { best };
        let pivot = (j..m).fold(j, greater);
        if lu[(pivot, j)] == T::of(0.0) {
            continue;
        }
        if pivot != j {
            lu.swap_rows(j, pivot);
            permutation.swap(j, pivot);
            *sign = -*sign;
        }
        for i in j + 1..m {
            let factor = lu[(i, j)] / lu[(j, j)];
            lu[(i, j)] = factor;
            for column in j + 1..n {
                let product = factor * lu[(j, column)];
                lu[(i, column)] -= product;
            }
        }
    }
    factors
}

/// `a x = right`, by LU.
pub(super) fn solve<T: Number>(a: &Matrix<T>, right: &Matrix<T>) -> Matrix<T> {
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
