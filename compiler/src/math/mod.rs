//! Elementary functions for code generation: written once, emitted as CLIF or compiled by rustc, the same bits either way.
//!
//! Everything starts at [`MathFn`]. [`emit`] appends a function's instructions to CLIF under construction; the runtime exports strip
//! functions under [`MathFn::symbol`], compiled from the same source for wide vectors; [`functions`] holds the generic source itself.
//!
//! Each function is generic over [`Lanes`] and free of branches, takes every argument (NaN, infinities, signed zeros, subnormals) and gives what
//! C's Annex F and IEEE 754 prescribe.

mod emit;
mod erf;
mod exp;
mod hyperbolic;
mod inverse;
mod lanes;
mod log;
mod payne_hanek;
mod power;
mod scalar_lanes;
mod trig;

use cranelift_codegen::ir::{Type, Value, types};
use cranelift_frontend::FunctionBuilder;

pub use emit::{Clif, Emit};
pub use lanes::{Lanes, Real, Scalar};
pub use payne_hanek::{Angle, Words};
pub use scalar_lanes::ScalarLanes;

/// The generic functions.
pub mod functions {
    pub use super::erf::{erf, erfc};
    pub use super::exp::{exp, exp2, expm1, logistic, tanh};
    pub use super::hyperbolic::{acosh, asinh, atanh, cosh, sinh};
    pub use super::inverse::{acos, asin, atan, atan2};
    pub use super::log::{log, log1p, log2};
    pub use super::power::{cbrt, pow};
    pub use super::trig::{cos, is_far, sin, tan};
}

/// Expands `callback!` with the table of all functions: variant, function, documentation; first those of one argument, then those of two.
///
/// This is the registry: a new function is written in its module, re-exported in [`functions`](crate::math::functions), and
/// listed here.
#[doc(hidden)]
#[macro_export]
macro_rules! math_functions {
    ($callback:ident) => {
        $callback! {
            unary {
                Exp exp "`e^x`",
                Expm1 expm1 "`e^x - 1`",
                Exp2 exp2 "`2^x`",
                Log log "the natural logarithm",
                Log1p log1p "`log(1 + x)`",
                Log2 log2 "the logarithm to base 2",
                Logistic logistic "`1 / (1 + e^-x)`",
                Tanh tanh "the hyperbolic tangent",
                Sin sin "the sine",
                Cos cos "the cosine",
                Tan tan "the tangent",
                Asin asin "the arc sine",
                Acos acos "the arc cosine",
                Atan atan "the arc tangent",
                Sinh sinh "the hyperbolic sine",
                Cosh cosh "the hyperbolic cosine",
                Asinh asinh "the inverse hyperbolic sine",
                Acosh acosh "the inverse hyperbolic cosine",
                Atanh atanh "the inverse hyperbolic tangent",
                Erf erf "the error function",
                Erfc erfc "`1 - erf(x)`",
                Cbrt cbrt "the cube root",
            }
            binary {
                Pow pow "`x^y`",
                Atan2 atan2 "the angle of the point with coordinates `y` (first) and `x`",
            }
        }
    };
}

macro_rules! define {
    (
        unary { $($unary:ident $unary_fn:ident $unary_doc:literal,)* }
        binary { $($binary:ident $binary_fn:ident $binary_doc:literal,)* }
    ) => {
        /// An elementary function.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum MathFn {
            $(#[doc = $unary_doc] $unary,)*
            $(#[doc = $binary_doc] $binary,)*
        }

        impl MathFn {
            /// All vector math functions.
            pub const ALL: &'static [MathFn] = &[$(MathFn::$unary,)* $(MathFn::$binary,)*];

            /// The name in lower case, such as `log1p`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(MathFn::$unary => stringify!($unary_fn),)*
                    $(MathFn::$binary => stringify!($binary_fn),)*
                }
            }

            /// The number of arguments, 1 or 2.
            pub const fn arity(self) -> usize {
                match self {
                    $(MathFn::$unary => 1,)*
                    $(MathFn::$binary => 2,)*
                }
            }

            /// The name under which the runtime exports the strip function: for one argument
            /// `extern "C" fn(out: *mut T, a: *const T, n: usize)`, for two with `b: *const T` before `n`. `out` may be equal to
            /// `a` or `b`, but must not overlap them otherwise.
            pub const fn symbol(self, float: Float) -> &'static str {
                match (self, float) {
                    $((MathFn::$unary, Float::F32) => concat!("tw_math_", stringify!($unary_fn), "_f32"),)*
                    $((MathFn::$unary, Float::F64) => concat!("tw_math_", stringify!($unary_fn), "_f64"),)*
                    $((MathFn::$binary, Float::F32) => concat!("tw_math_", stringify!($binary_fn), "_f32"),)*
                    $((MathFn::$binary, Float::F64) => concat!("tw_math_", stringify!($binary_fn), "_f64"),)*
                }
            }

            /// Applies the function; `y` is ignored by functions of one argument.
            pub fn apply<L: Lanes>(self, l: &L, x: L::F, y: L::F) -> L::F {
                match self {
                    $(MathFn::$unary => functions::$unary_fn(l, x),)*
                    $(MathFn::$binary => functions::$binary_fn(l, x, y),)*
                }
            }
        }
    };
}

math_functions!(define);

/// The float types that the functions exist for. Others (f16, bf16) compute in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Float {
    /// `f32`
    F32,
    /// `f64`
    F64,
}

/// Why [`emit`] refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// The number of arguments is not the arity.
    #[error("`{}` takes {} arguments, not {given}", .function.name(), .function.arity())]
    Arity {
        /// The function.
        function: MathFn,
        /// How many arguments there were.
        given: usize,
    },
    /// An argument has a type that is not supported, or that differs from the first argument's.
    #[error("`{}` is not defined for an argument of type {ty}", .function.name())]
    Type {
        /// The function.
        function: MathFn,
        /// The type.
        ty: Type,
    },
}

/// Appends the instructions that compute `function` of `args` and returns the result, of the arguments' type: `F32`, `F64`,
/// `F32X4` or `F64X2`.
///
/// The circular functions end the current block: they branch around the reduction of huge angles, and emission goes on
/// in a new, sealed block. All other functions stay in the block.
///
/// # Errors
///
/// If the number of arguments or their types are wrong; nothing has been emitted then.
pub fn emit(builder: &mut FunctionBuilder<'_>, function: MathFn, args: &[Value]) -> Result<Value, EmitError> {
    let wrong_arity = EmitError::Arity { function, given: args.len() };
    let (&x, &y) = args.first().zip(args.last()).ok_or_else(|| wrong_arity.clone())?;
    if args.len() != function.arity() {
        return Err(wrong_arity);
    }
    let type_of = |value| builder.func.dfg.value_type(value);
    let ty = type_of(x);
    if type_of(y) != ty {
        return Err(EmitError::Type { function, ty: type_of(y) });
    }
    match ty {
        types::F32 | types::F32X4 => Ok(function.apply(&Emit::<f32>::new(builder, ty.lane_count()), x, y)),
        types::F64 | types::F64X2 => Ok(function.apply(&Emit::<f64>::new(builder, ty.lane_count()), x, y)),
        _ => Err(EmitError::Type { function, ty }),
    }
}
