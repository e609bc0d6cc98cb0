//! Fourier transforms of one line of f32 or f64, by the crates `rustfft` and `realfft`.
//!
//! Their code is generic, and whoever calls it compiles it. Here it is compiled for two element types and for nobody else: this crate depends on
//! none of ours and hardly ever changes.
//!
//! A transform is made ready for a length once: twiddle factors and the way to factor the length are kept in a cache of the process, so that a
//! length that came before costs a look-up. One call transforms one line on one thread. Nothing is scaled. What bits come out depends on the vector
//! instructions of the processor, not on who calls.
//!
//! ```
//! use tensorwright_spectral::{Complex, Number};
//!
//! let transform = f64::forward(4);
//! let mut scratch = vec![Complex::default(); transform.scratch()];
//! let (line, mut out) = ([1.0, 0.0, 0.0, 0.0].map(Complex::from), [Complex::default(); 4]);
//! transform.run(&line, &mut out, &mut scratch);
//! assert_eq!(out, [1.0; 4].map(Complex::from));
//! ```

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
pub use rustfft::num_complex::Complex;
use rustfft::num_traits::Zero;
use rustfft::{Fft, FftNum, FftPlanner};

/// An element type of parts.
pub trait Number: FftNum {
    /// From times to frequencies: `e^(-2 pi i j k / n)`.
    fn forward(length: usize) -> Lines<Self>;

    /// Back to times, `length` times too large.
    fn backward(length: usize) -> Lines<Self>;

    /// From real numbers to the first half of the frequencies. There must be an element.
    fn real_forward(length: usize) -> RealLines<Self>;

    /// From the first half of the frequencies back to real numbers, `length` times too large. There must be an element.
    fn real_backward(length: usize) -> RealLinesBack<Self>;
}

/// Transforms of lines of complex numbers of one length.
#[derive(Clone)]
pub struct Lines<T>(Arc<dyn Fft<T>>);

/// Transforms of lines of real numbers of one length.
#[derive(Clone)]
pub struct RealLines<T>(Arc<dyn RealToComplex<T>>);

/// Transforms of halves of frequencies to lines of real numbers of one length.
#[derive(Clone)]
pub struct RealLinesBack<T>(Arc<dyn ComplexToReal<T>>);

impl<T: Number> Lines<T> {
    /// Numbers of scratch memory of [`Lines::run`].
    pub fn scratch(&self) -> usize {
        self.0.get_immutable_scratch_len()
    }

    /// Transforms `line` into `out`, both of the length.
    pub fn run(&self, line: &[Complex<T>], out: &mut [Complex<T>], scratch: &mut [Complex<T>]) {
        self.0.process_immutable_with_scratch(line, out, scratch);
    }
}

impl<T: Number> RealLines<T> {
    /// Numbers of scratch memory of [`RealLines::run`], besides a copy of the line.
    pub fn scratch(&self) -> usize {
        self.0.get_scratch_len()
    }

    /// Transforms `line`, of the length, into `out`, of half of it and one; `copy` is of the length too.
    pub fn run(&self, line: &[T], out: &mut [Complex<T>], copy: &mut [T], scratch: &mut [Complex<T>]) {
        copy.copy_from_slice(line);
        let done = self.0.process_with_scratch(copy, out, scratch);
        assert!(done.is_ok(), "the lengths fit");
    }
}

impl<T: Number> RealLinesBack<T> {
    /// Numbers of scratch memory of [`RealLinesBack::run`].
    pub fn scratch(&self) -> usize {
        self.0.get_scratch_len() + self.0.complex_len()
    }

    /// Transforms `half` into `out`. The imaginary parts of frequencies that are their own conjugates count for nothing.
    pub fn run(&self, half: &[Complex<T>], out: &mut [T], scratch: &mut [Complex<T>]) {
        let (own, scratch) = scratch.split_at_mut(half.len());
        own.copy_from_slice(half);
        own[0].im = Zero::zero();
        if out.len().is_multiple_of(2) {
            own[half.len() - 1].im = Zero::zero();
        }
        let done = self.0.process_with_scratch(own, out, scratch);
        assert!(done.is_ok(), "the lengths fit");
    }
}

/// After so many transforms that were made ready the cache begins anew, so that lengths that never come again do not pile up.
const MOST: usize = 4096;

/// What makes transforms ready, with those that it made.
struct Planners<T: FftNum> {
    complex: FftPlanner<T>,
    real: RealFftPlanner<T>,
    asked: usize,
}

impl<T: FftNum> Planners<T> {
    fn new() -> Mutex<Planners<T>> {
        Mutex::new(Planners { complex: FftPlanner::new(), real: RealFftPlanner::new(), asked: 0 })
    }
}

fn planned<T: FftNum, R>(planners: &Mutex<Planners<T>>, plan: impl FnOnce(&mut Planners<T>) -> R) -> R {
    let mut planners = planners.lock().unwrap_or_else(PoisonError::into_inner);
    planners.asked += 1;
    if planners.asked > MOST {
        *planners = Planners { complex: FftPlanner::new(), real: RealFftPlanner::new(), asked: 1 };
    }
    plan(&mut planners)
}

macro_rules! numbers {
    ($($number:ident $planners:ident)*) => {$(
        static $planners: LazyLock<Mutex<Planners<$number>>> = LazyLock::new(Planners::new);

        impl Number for $number {
            fn forward(length: usize) -> Lines<$number> {
                Lines(planned(&$planners, |planners| planners.complex.plan_fft_forward(length)))
            }

            fn backward(length: usize) -> Lines<$number> {
                Lines(planned(&$planners, |planners| planners.complex.plan_fft_inverse(length)))
            }

            fn real_forward(length: usize) -> RealLines<$number> {
                RealLines(planned(&$planners, |planners| planners.real.plan_fft_forward(length)))
            }

            fn real_backward(length: usize) -> RealLinesBack<$number> {
                RealLinesBack(planned(&$planners, |planners| planners.real.plan_fft_inverse(length)))
            }
        }
    )*};
}
numbers!(f32 F32 f64 F64);
