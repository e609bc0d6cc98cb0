//! Factorisations of matrices, which have several results.

use tensorwright_ir::Op;
use tensorwright_ir::op::composite::{Lu, Slogdet, SvdFull};
use tensorwright_ir::op::primitive::{Basis, Eig, Eigh, LuFactor, Qr, Svd};

use crate::error::{CallSite, caller};
use crate::interpret::apply;
use crate::tensor::Tensor;

/// Factorisations of the matrices of the last two axes.
impl Tensor {
    /// Triangular factors of matrices with permuted rows, in one matrix; the permutation, and its sign.
    ///
    /// `T[.., m, n] -> T[.., m, n], i32[.., m], T[..]`, f32, f64, c64 or c128. With the results `lu`, `permutation` and `sign`: rows `permutation` of `x` are
    /// `l u`, where `u` is the upper triangle of `lu`, and `l` the part below it with ones on the diagonal.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let (lu, permutation, sign) = Tensor::from([[1.0f64, 2.0], [2.0, 6.0]]).lu_factor();
    /// assert_eq!(lu.to_vec::<f64>()?, [2.0, 6.0, 0.5, -1.0]);
    /// assert_eq!((permutation.to_vec::<i32>()?, sign.item::<f64>()?), (vec![1, 0], -1.0));
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn lu_factor(&self) -> (Tensor, Tensor, Tensor) {
        let [lu, permutation, sign] = several(LuFactor {}, self, caller());
        (lu, permutation, sign)
    }

    /// The permutation and the triangular factors of matrices: rows `permutation` of `x` are `l u`.
    ///
    /// `T[.., m, n] -> i32[.., m], T[.., m, k], T[.., k, n]`, f32, f64, c64 or c128, with `k` the lesser of `m` and `n`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1.0f64, 2.0], [2.0, 6.0]]);
    /// let (permutation, l, u) = x.lu();
    /// assert_eq!(l.matmul(u).to_vec::<f64>()?, x.take(permutation, 0).to_vec::<f64>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn lu(&self) -> (Tensor, Tensor, Tensor) {
        let [permutation, l, u] = several(Lu {}, self, caller());
        (permutation, l, u)
    }

    /// Sign and logarithm of the magnitude of the determinant.
    ///
    /// `T[.., n, n] -> T[..], R[..]`, f32, f64, c64 or c128; 0 and minus infinity for singular matrices. The sign of a complex number is the number of magnitude 1
    /// in its direction; the logarithm is real.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let (sign, logarithm) = Tensor::from([[0.0f64, 1.0], [1.0, 0.0]]).slogdet();
    /// assert_eq!((sign.item::<f64>()?, logarithm.item::<f64>()?), (-1.0, 0.0));
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn slogdet(&self) -> (Tensor, Tensor) {
        let [sign, logarithm] = several(Slogdet {}, self, caller());
        (sign, logarithm)
    }

    /// Orthonormal columns `q` and an upper triangular `r` with `q r = x`.
    ///
    /// `T[.., m, n] -> T[.., m, k], T[.., k, n]`, f32, f64, c64 or c128, where `k` is the lesser of `m` and `n`, or `m` for a complete basis. Elements of the
    /// diagonal of `r` are real, and none is negative.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::Basis;
    /// let (q, r) = Tensor::from([[0.0f64, 2.0], [-3.0, 1.0]]).qr(Basis::Reduced);
    /// assert!(q.allclose([[0.0, 1.0], [-1.0, 0.0]], 1e-12, 1e-12).item::<bool>()?);
    /// assert!(r.allclose([[3.0, -1.0], [0.0, 2.0]], 1e-12, 1e-12).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn qr(&self, basis: Basis) -> (Tensor, Tensor) {
        let [q, r] = several(Qr { basis }, self, caller());
        (q, r)
    }

    /// Eigenvalues, ascending, and eigenvectors, as columns, of Hermitian (or symmetric) matrices.
    ///
    /// `T[.., n, n] -> R[.., n], T[.., n, n]`, f32, f64, c64 or c128; eigenvalues are real. Both triangles are read: of the Hermitian part of `x`. The first component
    /// of a vector whose magnitude is at least 0.7 times the greatest is real and positive.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let (w, v) = Tensor::from([[2.0f64, 1.0], [1.0, 2.0]]).eigh();
    /// assert!(w.allclose([1.0, 3.0], 1e-12, 1e-12).item::<bool>()?);
    /// assert!(v.i((.., 1)).allclose([0.5f64.sqrt(); 2], 1e-12, 1e-12).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "symeig")]
    #[track_caller]
    pub fn eigh(&self) -> (Tensor, Tensor) {
        let [w, v] = several(Eigh {}, self, caller());
        (w, v)
    }

    /// Eigenvalues and eigenvectors, as columns, of square matrices.
    ///
    /// `T[.., n, n] -> C[.., n], C[.., n, n]`, f32, f64, c64 or c128; results are complex. Eigenvalues ascend by their real parts, and by their imaginary parts where
    /// real ones differ by less than 1e-4 times the greatest magnitude. Vectors have length 1, and the first component whose magnitude is at least 0.7
    /// times the greatest is real and positive. Of a matrix that lacks eigenvectors some are nearly the same, and derivatives are not finite.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[0.0f64, 1.0], [-1.0, 0.0]]); // a quarter of a turn
    /// let (w, v) = x.eig();
    /// assert!(w.imag().allclose([-1.0, 1.0], 1e-12, 1e-12).item::<bool>()?);
    /// let difference = x.cast(DType::C128).matmul(&v) - &v * w;
    /// assert!(difference.abs().max(..).item::<f64>()? < 1e-12);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn eig(&self) -> (Tensor, Tensor) {
        let [w, v] = several(Eig {}, self, caller());
        (w, v)
    }

    /// Singular vectors `u`, singular values `s`, descending, and singular vectors `vt`, with `x = u diag(s) vt`.
    ///
    /// `T[.., m, n] -> T[.., m, k], R[.., k], T[.., k, n]`, f32, f64, c64 or c128, with `k` the lesser of `m` and `n`; singular values are real. Rows of `vt` are
    /// conjugates of vectors of complex matrices. The first component of a column of `u` whose magnitude is at least 0.7 times the greatest is real and
    /// positive. [`Tensor::svd_full`] gives square matrices of vectors.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[3.0f64, 0.0], [0.0, -4.0]]);
    /// let (u, s, vt) = x.svd();
    /// assert!(s.allclose([4.0, 3.0], 1e-12, 1e-12).item::<bool>()?);
    /// assert!((u * s).matmul(vt).allclose(x, 1e-12, 1e-12).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn svd(&self) -> (Tensor, Tensor, Tensor) {
        let [u, s, vt] = several(Svd {}, self, caller());
        (u, s, vt)
    }

    /// As [`Tensor::svd`], with square matrices of singular vectors: those beyond the `k` of the singular values make a basis of the whole space.
    ///
    /// `T[.., m, n] -> T[.., m, m], R[.., k], T[.., n, n]`, f32, f64, c64 or c128. Vectors without a singular value are those that Householder's reflections add. Nothing
    /// settles them but the space that they span: derivatives of functions of that space are right, and the vectors are taken to turn as
    /// little as they can.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[3.0f64], [4.0]]);
    /// let (u, s, vt) = x.svd_full();
    /// assert_eq!((u.shape()?, vt.shape()?), (&[2, 2].into(), &[1, 1].into()));
    /// assert!(s.allclose([5.0], 1e-12, 1e-12).item::<bool>()?);
    /// assert!(u.t().matmul(&x).abs().allclose([[5.0], [0.0]], 1e-12, 1e-12).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "full_matrices")]
    #[track_caller]
    pub fn svd_full(&self) -> (Tensor, Tensor, Tensor) {
        let [u, s, vt] = several(SvdFull {}, self, caller());
        (u, s, vt)
    }
}

/// All results of an op of one tensor; a failure is that many failed tensors.
fn several<const N: usize>(op: impl Into<Op>, x: &Tensor, at: CallSite) -> [Tensor; N] {
    match apply(op.into(), &[x], at) {
        Ok(results) => std::array::from_fn(|i| results[i].clone()),
        Err(failure) => std::array::from_fn(|_| Tensor::failed(failure.clone())),
    }
}
