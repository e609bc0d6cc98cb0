//! Factorisations of one matrix of f32 or f64, by the crate `faer`.
//!
//! The code of `faer` is generic, and whoever calls it compiles it. Here it is compiled for two element types and for nobody else: this crate
//! depends on none of ours and hardly ever changes, so that work on the runtime does not pay for it.
//!
//! Matrices are dense and row-major. One call uses one thread, so that results do not depend on how many there are. A matrix with an element
//! that is not finite gives NaN everywhere, unless a function says otherwise. Nothing fails: what has no result is NaN.
//!
//! | module | functions |
//! |---|---|
//! | `factor` | Cholesky, LU and QR |
//! | `triangular` | triangular systems, and square ones by LU |
//! | `spectrum` | symmetric eigenvalues, singular values |

mod factor;
mod spectrum;
mod triangular;

use std::mem::MaybeUninit;

pub use triangular::{Form, Side, Triangle};

/// Memory for a call that it does not look at before it writes.
pub type Scratch<'a> = &'a mut [MaybeUninit<u8>];

/// An element type. Sizes are `m` rows and `n` columns, `k` is the lesser of them; slices have as many elements as they say.
pub trait Real: Copy + Send + Sync + 'static {
    /// -1 or 1.
    fn sign(is_negative: bool) -> Self;

    /// The lower triangular `l` of `n` by `n` elements with `l l^T = (x + x^T) / 2`; NaN if that is not positive definite.
    fn cholesky(n: usize, x: &[Self], l: &mut [Self], scratch: Scratch<'_>);
    /// Bytes of scratch of [`Real::cholesky`].
    fn cholesky_bytes(n: usize) -> usize;

    /// `x[p] = l u` of `m` by `n` elements: `lu` holds `u` and, below its diagonal, `l` without its ones. Returns whether `p` is odd. A column
    /// without a pivot is left as it is.
    fn lu(
        size: (usize, usize),
        x: &[Self],
        lu: &mut [Self],
        permutation: &mut [u32],
        scratch: Scratch<'_>,
    ) -> bool;
    /// Bytes of scratch of [`Real::lu`].
    fn lu_bytes(size: (usize, usize)) -> usize;

    /// `x = q r` of `m` by `n` elements: `q` has `columns` orthonormal columns, either `k` or `m`, and `r` as many rows; no element of its
    /// diagonal is negative.
    fn qr(
        size: (usize, usize),
        columns: usize,
        x: &[Self],
        q: &mut [Self],
        r: &mut [Self],
        scratch: Scratch<'_>,
    );
    /// Bytes of scratch of [`Real::qr`].
    fn qr_bytes(size: (usize, usize), columns: usize) -> usize;

    /// Eigenvalues of `(x + x^T) / 2`, ascending, and eigenvectors as columns of `v`, if they are asked for.
    fn eigh(n: usize, x: &[Self], w: &mut [Self], v: Option<&mut [Self]>, scratch: Scratch<'_>);
    /// Bytes of scratch of [`Real::eigh`].
    fn eigh_bytes(n: usize) -> usize;

    /// Singular values of `m` by `n` elements, descending, and, if they are asked for, `u` (`m` by `k`) and `vt` (`k` by `n`) with
    /// `x = u diag(s) vt`.
    fn svd(
        size: (usize, usize),
        x: &[Self],
        s: &mut [Self],
        vectors: Option<(&mut [Self], &mut [Self])>,
        scratch: Scratch<'_>,
    );
    /// Bytes of scratch of [`Real::svd`].
    fn svd_bytes(size: (usize, usize)) -> usize;

    /// Solves a triangular system in place, of `rows` by `columns` elements. Numbers that are not finite spread as they do.
    fn solve_triangular(form: Form, a: &[Self], x: &mut [Self], size: (usize, usize));

    /// Solves `a y = x`, or `a^T y = x`, in place, with an `n` by `n` matrix `a`.
    fn solve(transposed: bool, size: (usize, usize), a: &[Self], x: &mut [Self], scratch: Scratch<'_>);
    /// Bytes of scratch of [`Real::solve`].
    fn solve_bytes(size: (usize, usize)) -> usize;
}

macro_rules! reals {
    ($($real:ident)*) => {$(
        impl Real for $real {
            fn sign(is_negative: bool) -> $real {
                if is_negative { -1.0 } else { 1.0 }
            }

            fn cholesky(n: usize, x: &[$real], l: &mut [$real], scratch: Scratch<'_>) {
                factor::cholesky(n, x, l, scratch);
            }

            fn cholesky_bytes(n: usize) -> usize {
                factor::cholesky_bytes::<$real>(n)
            }

            fn lu(
                size: (usize, usize),
                x: &[$real],
                lu: &mut [$real],
                permutation: &mut [u32],
                scratch: Scratch<'_>,
            ) -> bool {
                factor::lu(size, x, lu, permutation, scratch)
            }

            fn lu_bytes(size: (usize, usize)) -> usize {
                factor::lu_bytes::<$real>(size)
            }

            fn qr(
                size: (usize, usize),
                columns: usize,
                x: &[$real],
                q: &mut [$real],
                r: &mut [$real],
                scratch: Scratch<'_>,
            ) {
                factor::qr(size, columns, x, q, r, scratch);
            }

            fn qr_bytes(size: (usize, usize), columns: usize) -> usize {
                factor::qr_bytes::<$real>(size, columns)
            }

            fn eigh(n: usize, x: &[$real], w: &mut [$real], v: Option<&mut [$real]>, scratch: Scratch<'_>) {
                spectrum::eigh(n, x, w, v, scratch);
            }

            fn eigh_bytes(n: usize) -> usize {
                spectrum::eigh_bytes::<$real>(n)
            }

            fn svd(
                size: (usize, usize),
                x: &[$real],
                s: &mut [$real],
                vectors: Option<(&mut [$real], &mut [$real])>,
                scratch: Scratch<'_>,
            ) {
                spectrum::svd(size, x, s, vectors, scratch);
            }

            fn svd_bytes(size: (usize, usize)) -> usize {
                spectrum::svd_bytes::<$real>(size)
            }

            fn solve_triangular(form: Form, a: &[$real], x: &mut [$real], size: (usize, usize)) {
                triangular::solve_triangular(form, a, x, size);
            }

            fn solve(transposed: bool, size: (usize, usize), a: &[$real], x: &mut [$real], scratch: Scratch<'_>) {
                triangular::solve(transposed, size, a, x, scratch);
            }

            fn solve_bytes(size: (usize, usize)) -> usize {
                triangular::solve_bytes::<$real>(size)
            }
        }
    )*};
}
reals!(f32 f64);

/// What the generic code asks of an element type.
trait Number: faer::traits::RealField + Copy {
    const ZERO: Self;
    const HALF: Self;
    const ONE: Self;
    const NAN: Self;
    /// Part of the greatest magnitude from which on a component decides about a vector's sign.
    const DECISIVE: Self;

    fn magnitude(self) -> Self;
    fn is_finite(self) -> bool;
}

macro_rules! numbers {
    ($($number:ident)*) => {$(
        impl Number for $number {
            const ZERO: $number = 0.0;
            const HALF: $number = 0.5;
            const ONE: $number = 1.0;
            const NAN: $number = $number::NAN;
            const DECISIVE: $number = 0.7;

            fn magnitude(self) -> $number {
                self.abs()
            }

            fn is_finite(self) -> bool {
                $number::is_finite(self)
            }
        }
    )*};
}
numbers!(f32 f64);

/// `x` is NaN everywhere from now on.
fn spoil<T: Number>(x: &mut [T]) {
    x.fill(T::NAN);
}

fn is_finite<T: Number>(x: &[T]) -> bool {
    x.iter().all(|x| x.is_finite())
}

/// `(x + x^T) / 2` into `out`.
fn symmetric_part<T: Number>(n: usize, x: &[T], out: &mut [T]) {
    for i in 0..n {
        for j in 0..=i {
            let mean = (x[i * n + j] + x[j * n + i]) * T::HALF;
            (out[i * n + j], out[j * n + i]) = (mean, mean);
        }
    }
}
