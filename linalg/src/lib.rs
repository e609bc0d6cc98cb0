//! Factorisations of one matrix of real or complex numbers, by the crate `faer`.
//!
//! The code of `faer` is generic, and whoever calls it compiles it. Here it is compiled for four element types and for nobody else: this crate
//! depends on none of ours and hardly ever changes, so that work on the runtime does not pay for it. A complex number lies in memory as its
//! real and its imaginary part. `x^H` is the conjugate transpose, which is the transpose of a real matrix.
//!
//! Matrices are dense and row-major. One call uses one thread, so that results do not depend on how many there are. A matrix with an element
//! that is not finite gives NaN everywhere, unless a function says otherwise. Nothing fails: what has no result is NaN.
//!
//! | module | functions |
//! |---|---|
//! | `factor` | Cholesky, LU and QR |
//! | `triangular` | triangular systems, and square ones by LU |
//! | `spectrum` | eigenvalues of Hermitian matrices, singular values |
//! | `general` | eigenvalues of general matrices |

mod factor;
mod general;
mod number;
mod spectrum;
mod triangular;

use std::mem::MaybeUninit;

pub use faer::{c32, c64};
use number::Number;
pub use triangular::{Form, Side, Triangle};

/// Memory for a call that it does not look at before it writes.
pub type Scratch<'a> = &'a mut [MaybeUninit<u8>];

/// An element type. Sizes are `m` rows and `n` columns, `k` is the lesser of them; slices have as many elements as they say.
pub trait Element: Copy + Send + Sync + 'static {
    /// The type of magnitudes.
    type Part: Copy + Send + Sync + 'static;
    /// The type of eigenvalues.
    type Complex: Copy + Send + Sync + 'static;

    /// -1 or 1.
    fn sign(is_negative: bool) -> Self;

    /// The lower triangular `l` of `n` by `n` elements with `l l^H = (x + x^H) / 2`; NaN if that is not positive definite.
    fn cholesky(n: usize, x: &[Self], l: &mut [Self], scratch: Scratch<'_>);
    /// Bytes of scratch of [`Element::cholesky`].
    fn cholesky_bytes(n: usize) -> usize;

    /// `x[p] = l u` of `m` by `n` elements: `lu` holds `u` and, below its diagonal, `l` without its ones. Returns whether `p` is odd. A column
    /// without a pivot is left as it is. The pivot is the greatest sum of the magnitudes of both parts.
    fn lu(
        size: (usize, usize),
        x: &[Self],
        lu: &mut [Self],
        permutation: &mut [u32],
        scratch: Scratch<'_>,
    ) -> bool;
    /// Bytes of scratch of [`Element::lu`].
    fn lu_bytes(size: (usize, usize)) -> usize;

    /// `x = q r` of `m` by `n` elements: `q` has `columns` orthonormal columns, either `k` or `m`, and `r` as many rows; elements of its
    /// diagonal are real, and none is negative.
    fn qr(
        size: (usize, usize),
        columns: usize,
        x: &[Self],
        q: &mut [Self],
        r: &mut [Self],
        scratch: Scratch<'_>,
    );
    /// Bytes of scratch of [`Element::qr`].
    fn qr_bytes(size: (usize, usize), columns: usize) -> usize;

    /// Eigenvalues of `(x + x^H) / 2`, ascending, and eigenvectors as columns of `v`, if they are asked for.
    fn eigh(n: usize, x: &[Self], w: &mut [Self::Part], v: Option<&mut [Self]>, scratch: Scratch<'_>);
    /// Bytes of scratch of [`Element::eigh`].
    fn eigh_bytes(n: usize) -> usize;

    /// Eigenvalues of `n` by `n` elements and eigenvectors of length 1 as columns of `v`, if they are asked for. Real parts ascend; those that differ
    /// by less than [`NEAR`] times the greatest magnitude count as equal, and imaginary parts ascend.
    fn eig(
        n: usize,
        x: &[Self],
        w: &mut [Self::Complex],
        v: Option<&mut [Self::Complex]>,
        scratch: Scratch<'_>,
    );
    /// Bytes of scratch of [`Element::eig`].
    fn eig_bytes(n: usize) -> usize;

    /// Singular values of `m` by `n` elements, descending, and, if they are asked for, `u` (`m` by `k`) and `vh` (`k` by `n`) with
    /// `x = u diag(s) vh`.
    fn svd(
        size: (usize, usize),
        x: &[Self],
        s: &mut [Self::Part],
        vectors: Option<(&mut [Self], &mut [Self])>,
        scratch: Scratch<'_>,
    );
    /// Bytes of scratch of [`Element::svd`].
    fn svd_bytes(size: (usize, usize)) -> usize;

    /// Solves a triangular system in place, of `rows` by `columns` elements. Numbers that are not finite spread as they do.
    fn solve_triangular(form: Form, a: &[Self], x: &mut [Self], size: (usize, usize));

    /// Solves `a y = x`, or `a^T y = x`, in place, with an `n` by `n` matrix `a`.
    fn solve(transposed: bool, size: (usize, usize), a: &[Self], x: &mut [Self], scratch: Scratch<'_>);
    /// Bytes of scratch of [`Element::solve`].
    fn solve_bytes(size: (usize, usize)) -> usize;
}

/// Part of the greatest magnitude of a matrix's eigenvalues by which real parts must differ to be told apart, so that rounding does not order
/// what is equal.
pub const NEAR: f64 = 1e-4;

macro_rules! elements {
    ($($element:ident: $part:ident, $complex:ident, $eig:ident, $eig_bytes:ident;)*) => {$(
        impl Element for $element {
            type Part = $part;
            type Complex = $complex;

            fn sign(is_negative: bool) -> $element {
                let one = <$element as Number>::ONE;
                if is_negative { -one } else { one }
            }

            fn cholesky(n: usize, x: &[$element], l: &mut [$element], scratch: Scratch<'_>) {
                factor::cholesky(n, x, l, scratch);
            }

            fn cholesky_bytes(n: usize) -> usize {
                factor::cholesky_bytes::<$element>(n)
            }

            fn lu(
                size: (usize, usize),
                x: &[$element],
                lu: &mut [$element],
                permutation: &mut [u32],
                scratch: Scratch<'_>,
            ) -> bool {
                factor::lu(size, x, lu, permutation, scratch)
            }

            fn lu_bytes(size: (usize, usize)) -> usize {
                factor::lu_bytes::<$element>(size)
            }

            fn qr(
                size: (usize, usize),
                columns: usize,
                x: &[$element],
                q: &mut [$element],
                r: &mut [$element],
                scratch: Scratch<'_>,
            ) {
                factor::qr(size, columns, x, q, r, scratch);
            }

            fn qr_bytes(size: (usize, usize), columns: usize) -> usize {
                factor::qr_bytes::<$element>(size, columns)
            }

            fn eigh(
                n: usize,
                x: &[$element],
                w: &mut [$part],
                v: Option<&mut [$element]>,
                scratch: Scratch<'_>,
            ) {
                spectrum::eigh(n, x, w, v, scratch);
            }

            fn eigh_bytes(n: usize) -> usize {
                spectrum::eigh_bytes::<$element>(n)
            }

            fn eig(
                n: usize,
                x: &[$element],
                w: &mut [$complex],
                v: Option<&mut [$complex]>,
                scratch: Scratch<'_>,
            ) {
                general::$eig(n, x, w, v, scratch);
            }

            fn eig_bytes(n: usize) -> usize {
                general::$eig_bytes::<$part>(n)
            }

            fn svd(
                size: (usize, usize),
                x: &[$element],
                s: &mut [$part],
                vectors: Option<(&mut [$element], &mut [$element])>,
                scratch: Scratch<'_>,
            ) {
                spectrum::svd(size, x, s, vectors, scratch);
            }

            fn svd_bytes(size: (usize, usize)) -> usize {
                spectrum::svd_bytes::<$element>(size)
            }

            fn solve_triangular(form: Form, a: &[$element], x: &mut [$element], size: (usize, usize)) {
                triangular::solve_triangular(form, a, x, size);
            }

            fn solve(
                transposed: bool,
                size: (usize, usize),
                a: &[$element],
                x: &mut [$element],
                scratch: Scratch<'_>,
            ) {
                triangular::solve(transposed, size, a, x, scratch);
            }

            fn solve_bytes(size: (usize, usize)) -> usize {
                triangular::solve_bytes::<$element>(size)
            }
        }
    )*};
}
elements! {
    f32: f32, c32, eig_of_real, bytes_of_real;
    f64: f64, c64, eig_of_real, bytes_of_real;
    c32: f32, c32, eig_of_complex, bytes_of_complex;
    c64: f64, c64, eig_of_complex, bytes_of_complex;
}
