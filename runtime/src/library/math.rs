//! Vector math over strips, compiled by rustc for the widest vectors the CPU has.
//!
//! The functions are those of [`tensorwright_compiler::math`], instantiated with [`ScalarLanes`]: scalar code without branches, which the loop
//! here turns into vector code. `pulp` compiles the loop once for each instruction set (AVX-512, AVX2 with FMA, or what the
//! target guarantees, which on aarch64 includes NEON) and tells which one to run.
//!
//! A strip is worked off in blocks of [`BLOCK`] elements through a local array. So the output may be the input, there is one loop for
//! full blocks and rests alike, and an element's result cannot depend on its position. Arguments
//! of `sin`, `cos` and `tan` that need Payne-Hanek reduction are looked for before each block; a block without any,
//! practically every one, runs vectorised.

use std::marker::PhantomData;
use std::sync::LazyLock;

use pulp::{Arch, Simd, WithSimd};
use tensorwright_compiler::math::{Float, Lanes, MathFn, Scalar, ScalarLanes, functions};
use tensorwright_compiler::math_functions;

/// Elements in a block: long enough to fill the pipeline of the longest function, short enough that the rest of a strip costs little.
const BLOCK: usize = 32;

/// The instruction set to use, found out once.
pub(super) static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// Adapts a generic function of `N` arguments to a type, so that a strip can be generic over it.
trait LaneFunction<const N: usize> {
    /// Whether [`functions::is_far`] arguments need [`ScalarLanes`]'s slow path.
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
    type Fast = ScalarLanes<f32, false>;
    type Full = ScalarLanes<f32, true>;
    const FAST: Self::Fast = ScalarLanes::new();
    const FULL: Self::Full = ScalarLanes::new();
    const ZERO: f32 = 0.0;
}

impl Element for f64 {
    type Fast = ScalarLanes<f64, false>;
    type Full = ScalarLanes<f64, true>;
    const FAST: Self::Fast = ScalarLanes::new();
    const FULL: Self::Full = ScalarLanes::new();
    const ZERO: f64 = 0.0;
}

/// `out[i] = K(args[0][i], ...)` for whole blocks.
struct Blocks<K, T, const N: usize> {
    kernel: PhantomData<K>,
    out: *mut T,
    args: [*const T; N],
    count: usize,
}

impl<K: LaneFunction<N>, T: Element, const N: usize> WithSimd for Blocks<K, T, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let mut out = [T::ZERO; BLOCK];
        for start in (0..self.count).map(|block| block * BLOCK) {
            // SAFETY: [`strip`] made this of readable arguments that hold `count` blocks. The output may be the same memory, but
            // is written only below, after the last use of these references.
            let args = self.args.map(|arg| unsafe { &*arg.add(start).cast::<[T; BLOCK]>() });
            block::<K, T, N>(args, &mut out);
            // SAFETY: likewise for a writable output.
            unsafe { self.out.add(start).cast::<[T; BLOCK]>().write(out) };
        }
    }
}

/// Computes one block.
#[inline(always)]
fn block<K: LaneFunction<N>, T: Element, const N: usize>(args: [&[T; BLOCK]; N], out: &mut [T; BLOCK]) {
    if K::HAS_FAR && args[0].iter().fold(false, |far, &x| far | functions::is_far(&T::FAST, x)) {
        return apply::<K, T::Full, N>(&T::FULL, args, out);
    }
    apply::<K, T::Fast, N>(&T::FAST, args, out);
}

/// The loop that is vectorised.
#[inline(always)]
fn apply<K: LaneFunction<N>, L: Lanes, const N: usize>(
    l: &L,
    args: [&[L::F; BLOCK]; N],
    out: &mut [L::F; BLOCK],
) {
    for (i, out) in out.iter_mut().enumerate() {
        *out = K::apply(l, std::array::from_fn(|k| args[k][i]));
    }
}

/// A strip of any length: its whole blocks in place, the rest in a padded copy.
///
/// # Safety
///
/// `args` must be readable and `out` writable for `n` elements; `out` may be one of `args`, but must not overlap them
/// otherwise. All must be aligned.
#[inline(always)]
unsafe fn strip<K: LaneFunction<N>, T: Element, const N: usize>(out: *mut T, args: [*const T; N], n: usize) {
    let run = |out, args, count| {
        ARCH.dispatch(Blocks { kernel: PhantomData::<K>, out, args, count });
    };
    run(out, args, n / BLOCK);
    let (done, rest) = (n / BLOCK * BLOCK, n % BLOCK);
    if rest == 0 {
        return;
    }
    let mut padded = [[T::ZERO; BLOCK]; N];
    let mut result = [T::ZERO; BLOCK];
    for (padded, arg) in padded.iter_mut().zip(args) {
        // SAFETY: `done + rest` is `n`, and `rest` is less than a block.
        unsafe { arg.add(done).copy_to_nonoverlapping(padded.as_mut_ptr(), rest) };
    }
    run(result.as_mut_ptr(), padded.each_ref().map(|block| block.as_ptr()), 1);
    // SAFETY: as above.
    unsafe { out.add(done).copy_from_nonoverlapping(result.as_ptr(), rest) };
}

/// A strip function of one argument.
///
/// # Safety
///
/// `a` must be readable and `out` writable for `n` elements; `out` may be `a`, but must not overlap it otherwise.
unsafe extern "C" fn unary<K: LaneFunction<1>, T: Element>(out: *mut T, a: *const T, n: usize) {
    // SAFETY: the caller's promise.
    unsafe { strip::<K, T, 1>(out, [a], n) }
}

/// A strip function of two arguments.
///
/// # Safety
///
/// As for [`unary`], with `b` like `a`.
unsafe extern "C" fn binary<K: LaneFunction<2>, T: Element>(out: *mut T, a: *const T, b: *const T, n: usize) {
    // SAFETY: the caller's promise.
    unsafe { strip::<K, T, 2>(out, [a, b], n) }
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

        $(impl LaneFunction<1> for kernel::$unary {
            const HAS_FAR: bool = matches!(MathFn::$unary, MathFn::Sin | MathFn::Cos | MathFn::Tan);
            #[inline(always)]
            fn apply<L: Lanes>(l: &L, [x]: [L::F; 1]) -> L::F {
                functions::$unary_fn(l, x)
            }
        })*

        $(impl LaneFunction<2> for kernel::$binary {
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
