//! Functions outside of the kernel that its code calls: strips of vector math, and scalar functions too large to inline.

use tensorwright_ir::DType;
use tensorwright_ir::op::primitive::{BinaryFn, SpecialFn};

use super::form::LoopNest;
use super::{NestStage, Unsupported};
use crate::kernel::{Instr, Math};
use crate::math::{Float, MathFn};

/// A function that the runtime provides, by its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Import {
    /// A strip of vector math, see [`MathFn::symbol`].
    Strip(MathFn, Float),
    /// A special function of floats, one number at a time.
    Special(SpecialFn, Float),
    /// `fn(f32, f32) -> f32`, the remainder of truncated division.
    FmodF32,
    /// `fn(f64, f64) -> f64`, the remainder of truncated division.
    FmodF64,
    /// `fn(i64, i64) -> i64`, the power of the `pow` op, wrapped.
    PowI64,
    /// `fn(u64, u64) -> u64`, the power of the `pow` op, wrapped.
    PowU64,
}

impl Import {
    /// The name that the linker or the JIT resolves.
    pub const fn symbol(self) -> &'static str {
        match self {
            Import::Strip(function, float) => function.symbol(float),
            Import::Special(function, Float::F32) => function.symbols().0,
            Import::Special(function, Float::F64) => function.symbols().1,
            Import::FmodF32 => "tw_fmod_f32",
            Import::FmodF64 => "tw_fmod_f64",
            Import::PowI64 => "tw_pow_i64",
            Import::PowU64 => "tw_pow_u64",
        }
    }
}

/// The strip function that a stage calls.
pub(super) fn strip(math: &Math) -> Result<Import, Unsupported> {
    let name = math.function.name();
    let unsupported = Unsupported { function: name, dtype: math.dtype };
    let float = match math.dtype {
        DType::F32 => Float::F32,
        DType::F64 => Float::F64,
        _ => return Err(unsupported),
    };
    Ok(Import::Strip(strip_of(name, math.args.len()).ok_or(unsupported)?, float))
}

/// The vector math function of this name.
fn strip_of(name: &str, arity: usize) -> Option<MathFn> {
    MathFn::ALL.iter().copied().find(|m| m.name() == name && m.arity() == arity)
}

/// What a binary function is a call of.
pub(crate) fn of_binary(function: BinaryFn, dtype: DType) -> Option<Import> {
    match (function, dtype) {
        (BinaryFn::Rem | BinaryFn::FloorMod, DType::F32) => Some(Import::FmodF32),
        (BinaryFn::Rem | BinaryFn::FloorMod, DType::F64) => Some(Import::FmodF64),
        (BinaryFn::Pow, _) if dtype.is_signed_int() => Some(Import::PowI64),
        (BinaryFn::Pow, _) if dtype.is_unsigned_int() => Some(Import::PowU64),
        _ => None,
    }
}

/// The code of a special function; `None` for dtypes that it does not take.
pub(crate) fn of_special(function: SpecialFn, dtype: DType) -> Option<Import> {
    match dtype {
        DType::F32 => Some(Import::Special(function, Float::F32)),
        DType::F64 => Some(Import::Special(function, Float::F64)),
        _ => None,
    }
}

/// What stages call, in ascending order of symbols.
pub(super) fn imports(stages: &[NestStage<'_>]) -> Vec<Import> {
    let mut imports: Vec<Import> = Vec::new();
    for stage in stages {
        match stage {
            NestStage::Strip(call) => imports.push(call.function),
            NestStage::Nest(nest) => imports.extend(scalar_imports(nest)),
        }
    }
    imports.sort_unstable_by_key(|import| import.symbol());
    imports.dedup();
    imports
}

fn scalar_imports<'n>(nest: &'n LoopNest<'_>) -> impl Iterator<Item = Import> + 'n {
    nest.source.body.iter().filter_map(|instr| match *instr {
        Instr::Binary(function, lhs, _) => of_binary(function, nest.dtype(lhs)),
        Instr::Special(function, ref x) => of_special(function, nest.dtype(x[0])),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use tensorwright_ir::op::primitive::{CostClass, UnaryFn};

    use super::*;

    #[test]
    fn what_costs_as_vector_math_is_vector_math() {
        for &f in UnaryFn::ALL {
            assert_eq!(
                strip_of(f.name(), 1).is_some(),
                f.work(DType::F32) == CostClass::VectorMath,
                "{}",
                f.name()
            );
        }
        for &f in BinaryFn::ALL {
            assert_eq!(
                strip_of(f.name(), 2).is_some(),
                f.work(DType::F32) == CostClass::VectorMath,
                "{}",
                f.name()
            );
        }
    }
}
