//! Calls strip functions by symbol.

use tensorwright_compiler::math::{Float, MathFn};
use tensorwright_runtime::library::math::{Binary, Unary, symbols};

/// A float type with strip functions.
pub(crate) trait Strips: Copy + Default + 'static {
    const FLOAT: Float;
}

impl Strips for f32 {
    const FLOAT: Float = Float::F32;
}

impl Strips for f64 {
    const FLOAT: Float = Float::F64;
}

/// A strip function, looked up.
#[derive(Clone, Copy)]
pub(crate) enum Strip<T: 'static> {
    Unary(Unary<T>),
    Binary(Binary<T>),
}

impl<T: Strips> Strip<T> {
    /// The strip function of `function`.
    pub(crate) fn of(function: MathFn) -> Self {
        let name = function.symbol(T::FLOAT);
        let (_, address) =
            symbols().into_iter().find(|(symbol, _)| *symbol == name).expect("every function is exported");
        // SAFETY: the table holds functions of exactly these types, by arity and float type.
        unsafe {
            match function.arity() {
                1 => Strip::Unary(std::mem::transmute::<*const u8, Unary<T>>(address)),
                _ => Strip::Binary(std::mem::transmute::<*const u8, Binary<T>>(address)),
            }
        }
    }

    /// Applies it; `b` is ignored by functions of one argument.
    pub(crate) fn run(self, a: &[T], b: &[T]) -> Vec<T> {
        let mut out = vec![T::default(); a.len()];
        // SAFETY: all slices have `a.len()` elements, and `out` is a new vector.
        unsafe {
            match self {
                Strip::Unary(f) => f(out.as_mut_ptr(), a.as_ptr(), a.len()),
                Strip::Binary(f) => {
                    assert_eq!(a.len(), b.len());
                    f(out.as_mut_ptr(), a.as_ptr(), b.as_ptr(), a.len());
                }
            }
        }
        out
    }

    /// Applies it with the output over the first argument.
    pub(crate) fn run_in_place(self, a: &[T], b: &[T]) -> Vec<T> {
        let mut out = a.to_vec();
        // SAFETY: as above, and an output equal to an argument is allowed.
        unsafe {
            match self {
                Strip::Unary(f) => f(out.as_mut_ptr(), out.as_ptr(), out.len()),
                Strip::Binary(f) => f(out.as_mut_ptr(), out.as_ptr(), b.as_ptr(), out.len()),
            }
        }
        out
    }
}
