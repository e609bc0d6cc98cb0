//! Attention, strip by strip: as many queries of a head as the columns of a register block, with all keys that some of them see.
//!
//! Keys are rows in all that is computed. So scores of a strip are products of keys, read where they are, with the queries of the strip, packed once;
//! a softmax runs across registers, query beside query; and the mix of values is a product of the strip, whose columns are its rows, with values read where
//! they are. Scores of a strip wait in scratch until all of them are there, in L2 for some thousand keys: memory grows with the number of keys, not with
//! its square. Keys that a window hides from the whole strip are not looked at.
//!
//! Going forward each number is computed as the ops do that the definition is made of: products in blocks of 256 terms, the sum of a softmax in
//! the lanes of a fold, the same exponential. So the bits are those of the written-out form (docs/decisions/032).
//!
//! On the way back a tile is all queries that share a head of keys. Scores and weights of a strip are computed again, block of keys by block of keys.

mod backward;
mod forward;
mod passes;
mod plan;
mod product;
mod strip;

use tensorwright_ir::{DType, Op, TensorType};

use super::RoutineKernel;
use crate::library::matmul::{Element, Kernel, Packs};

/// The kernel of an op of attention; `None` for any other op.
pub(super) fn kernel(op: &Op, operands: &[TensorType]) -> Option<Box<dyn RoutineKernel>> {
    match (operands.first()?.dtype, f32::kernels().columns, f64::kernels().columns) {
        (DType::F32, 32, _) => of_columns::<f32, 32>(op, operands),
        (DType::F32, 16, _) => of_columns::<f32, 16>(op, operands),
        (DType::F32, ..) => of_columns::<f32, 8>(op, operands),
        (DType::F64, _, 16) => of_columns::<f64, 16>(op, operands),
        (DType::F64, _, 8) => of_columns::<f64, 8>(op, operands),
        (DType::F64, ..) => of_columns::<f64, 4>(op, operands),
        _ => None,
    }
}

fn of_columns<T: Real, const W: usize>(op: &Op, operands: &[TensorType]) -> Option<Box<dyn RoutineKernel>> {
    match op {
        Op::Attend(op) => Some(Box::new(forward::Forward::<T, W>::new(op, operands)?)),
        Op::AttendBack(op) => Some(Box::new(backward::Backward::<T, W>::new(op, operands)?)),
        _ => None,
    }
}

/// Numbers that attention is computed in.
trait Real:
    Kernel
    + Packs
    + PartialOrd
    + std::fmt::Debug
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
{
    /// Their type in memory.
    const ELEMENT: Element;
    /// Partial results of a fold.
    const FOLD_LANES: usize;
    const ONE: Self;
    const NEG_INFINITY: Self;

    fn of(number: f64) -> Self;
    fn magnitude(self) -> Self;
    fn exp(self) -> Self;
    fn log(self) -> Self;
    fn tanh(self) -> Self;
}

macro_rules! real {
    ($($real:ident $dtype:ident $element:ident;)*) => {$(
        impl Real for $real {
            const ELEMENT: Element = Element::$element;
            const FOLD_LANES: usize = tensorwright_compiler::kernel::fold_lanes(DType::$dtype);
            const ONE: Self = 1.0;
            const NEG_INFINITY: Self = $real::NEG_INFINITY;

            #[inline(always)]
            fn of(number: f64) -> Self {
                number as $real
            }
            #[inline(always)]
            fn magnitude(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn exp(self) -> Self {
                tensorwright_compiler::math::functions::exp(&lanes::<$real>(), self)
            }
            #[inline(always)]
            fn log(self) -> Self {
                tensorwright_compiler::math::functions::log(&lanes::<$real>(), self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                tensorwright_compiler::math::functions::tanh(&lanes::<$real>(), self)
            }
        }
    )*};
}

/// The lanes in which the compiler's functions run here: one, of which rustc makes vectors.
#[inline(always)]
fn lanes<T>() -> tensorwright_compiler::math::ScalarLanes<T, false> {
    tensorwright_compiler::math::ScalarLanes::new()
}

real! {
    f32 F32 F32;
    f64 F64 F64;
}
