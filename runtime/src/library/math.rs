//! Vector math over strips, compiled by rustc for the widest vectors the CPU has.
//!
//! The functions are those of [`tensorwright_compiler::math`], instantiated with [`Native`]: scalar code without branches, which the loop
//! here turns into vector code. `pulp` compiles the loop once for each instruction set (AVX-512, AVX2 with FMA, or what the
//! target guarantees, which on aarch64 includes NEON) and tells which one to run.
//!
//! A strip is worked off in blocks of [`BLOCK`] elements through a local array. So the output may be the input, there is one loop for
//! full blocks and rests alike, and an element's result cannot depend on its position. Arguments
//! of `sin`, `cos` and `tan` that need Payne-Hanek reduction are looked for before each block; a block without any,
//! practically every one, runs vectorised.

use std::sync::LazyLock;

use pulp::{Arch, Simd, WithSimd};
use tensorwright_compiler::math::{Float, Lanes, MathFn, Native, Scalar, functions};
use tensorwright_compiler::math_functions;

/// Elements in a block: long enough to fill the pipeline of the longest function, short enough that the rest of a strip costs little.
const BLOCK: usize = 64;

/// The loop runs over a multiple of this, the lanes of the widest vector.
const ROUND: usize = 16;

/// The instruction set to use, found out once.
static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// Adapts a generic function of `N` arguments to a type, so that a strip can be generic over it.
trait Kernel<const N: usize> {
    /// Whether [`functions::is_far`] arguments need [`Native`]'s slow path.
    const HAS_FAR: bool;
    /// Applies the function to one vector.
    fn apply<L: Lanes>(l: &L, args: [L::F; N]) -> L::F;
}

/// A float type with its native instances.
trait Element: Scalar {
    /// The instance for loops that vectorise.
    type Fast: Lanes<Scalar = Self, F = Self, M = bool>;
    /// The instance that takes any argument.
    type Full: Lanes<Scalar = Self, F = Self>;
    const FAST: Self::Fast;
    const FULL: Self::Full;
    const ZERO: Self;
}

impl Element for f32 {
    type Fast = Native<f32, false>;
    type Full = Native<f32, true>;
    const FAST: Self::Fast = Native::new();
    const FULL: Self::Full = Native::new();
    const ZERO: f32 = 0.0;
}

impl Element for f64 {
    type Fast = Native<f64, false>;
    type Full = Native<f64, true>;
    const FAST: Self::Fast = Native::new();
    const FULL: Self::Full = Native::new();
    const ZERO: f64 = 0.0;
}

/// One call: `out[i] = K(args[0][i], ...)` for `i < n`.
struct Strip<K, T, const N: usize> {
    kernel: std::marker::PhantomData<K>,
    out: *mut T,
    args: [*const T; N],
    n: usize,
}

impl<K: Kernel<N>, T: Element, const N: usize> WithSimd for Strip<K, T, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let mut args = [[T::ZERO; BLOCK]; N];
        let mut out = [T::ZERO; BLOCK];
        for start in (0..self.n).step_by(BLOCK) {
            let len = BLOCK.min(self.n - start);
            for (block, arg) in args.iter_mut().zip(self.args) {
                // SAFETY: whoever made the strip promised `n` readable elements, and `start + len <= n`.
                unsafe { copy(arg.add(start), block.as_mut_ptr(), len) };
            }
            block::<K, T, N>(&args, &mut out, len.next_multiple_of(ROUND).min(BLOCK));
            // SAFETY: as above, for `n` writable elements; `out` here is a local, so nothing overlaps.
            unsafe { copy(out.as_ptr(), self.out.add(start), len) };
        }
    }
}

/// Copies `len <= BLOCK` elements, with the usual full block as a copy of known size.
///
/// # Safety
///
/// `from` must be readable and `to` writable for `len` elements, without overlap.
#[inline(always)]
unsafe fn copy<T: Copy>(from: *const T, to: *mut T, len: usize) {
    // SAFETY: the caller's promise; `len` is at most `BLOCK`.
    unsafe {
        if len == BLOCK {
            to.cast::<[T; BLOCK]>().write_unaligned(from.cast::<[T; BLOCK]>().read_unaligned());
        } else {
            from.copy_to_nonoverlapping(to, len);
        }
    }
}

/// Computes the first `len` elements of a block.
#[inline(always)]
fn block<K: Kernel<N>, T: Element, const N: usize>(args: &[[T; BLOCK]; N], out: &mut [T; BLOCK], len: usize) {
    if K::HAS_FAR && (0..len).fold(false, |far, i| far | functions::is_far(&T::FAST, args[0][i])) {
        return apply::<K, T::Full, N>(&T::FULL, args, out, len);
    }
    apply::<K, T::Fast, N>(&T::FAST, args, out, len);
}

/// The loop that is vectorised.
#[inline(always)]
fn apply<K: Kernel<N>, L: Lanes, const N: usize>(
    l: &L,
    args: &[[L::F; BLOCK]; N],
    out: &mut [L::F; BLOCK],
    len: usize,
) {
    for i in 0..len {
        out[i] = K::apply(l, std::array::from_fn(|k| args[k][i]));
    }
}

/// A strip function of one argument.
///
/// # Safety
///
/// `a` must be readable and `out` writable for `n` elements; `out` may be `a`, but must not overlap it otherwise.
unsafe extern "C" fn unary<K: Kernel<1>, T: Element>(out: *mut T, a: *const T, n: usize) {
    ARCH.dispatch(Strip { kernel: std::marker::PhantomData::<K>, out, args: [a], n });
}

/// A strip function of two arguments.
///
/// # Safety
///
/// As for [`unary`], with `b` like `a`.
unsafe extern "C" fn binary<K: Kernel<2>, T: Element>(out: *mut T, a: *const T, b: *const T, n: usize) {
    ARCH.dispatch(Strip { kernel: std::marker::PhantomData::<K>, out, args: [a, b], n });
}

/// Signature of a strip function of one argument.
///
/// # Safety
///
/// `out` must be writable and `a` readable for `n` elements. `out` may be equal to `a`, but must not overlap it otherwise.
pub type Unary<T> = unsafe extern "C" fn(out: *mut T, a: *const T, n: usize);

/// Signature of a strip function of two arguments; as [`Unary`].
pub type Binary<T> = unsafe extern "C" fn(out: *mut T, a: *const T, b: *const T, n: usize);

macro_rules! define {
    (
        unary { $($unary:ident $unary_fn:ident $unary_doc:literal,)* }
        binary { $($binary:ident $binary_fn:ident $binary_doc:literal,)* }
    ) => {
        /// One type for each function.
        mod kernel {
            $(pub(super) struct $unary;)*
            $(pub(super) struct $binary;)*
        }

        $(impl Kernel<1> for kernel::$unary {
            const HAS_FAR: bool = matches!(MathFn::$unary, MathFn::Sin | MathFn::Cos | MathFn::Tan);
            #[inline(always)]
            fn apply<L: Lanes>(l: &L, [x]: [L::F; 1]) -> L::F {
                functions::$unary_fn(l, x)
            }
        })*

        $(impl Kernel<2> for kernel::$binary {
            const HAS_FAR: bool = false;
            #[inline(always)]
            fn apply<L: Lanes>(l: &L, [x, y]: [L::F; 2]) -> L::F {
                functions::$binary_fn(l, x, y)
            }
        })*

        /// Every strip function under the name by which compiled code imports it, for the JIT's symbol table.
        pub fn symbols() -> Vec<(&'static str, *const u8)> {
            vec![
                $((MathFn::$unary.symbol(Float::F32), unary::<kernel::$unary, f32> as *const u8),)*
                $((MathFn::$unary.symbol(Float::F64), unary::<kernel::$unary, f64> as *const u8),)*
                $((MathFn::$binary.symbol(Float::F32), binary::<kernel::$binary, f32> as *const u8),)*
                $((MathFn::$binary.symbol(Float::F64), binary::<kernel::$binary, f64> as *const u8),)*
            ]
        }
    };
}

math_functions!(define);
