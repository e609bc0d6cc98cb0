//! Calls of vector math strips.

use cranelift_codegen::ir::{InstBuilder, Value, types};
use tensorwright_ir::DType;

use super::CodegenError;
use super::function::Frame;
use super::imports::Import;
use super::value::Emitter;
use super::{binary, unary};
use crate::kernel::{Extent, Math, MathOp, Span};
use crate::math::Float;

/// The strip function that a stage calls.
pub(super) fn strip(math: &Math) -> Result<Import, CodegenError> {
    let (name, function) = match math.function {
        MathOp::Unary(f) => (f.name(), unary::math_of(f)),
        MathOp::Binary(f) => (f.name(), binary::math_of(f)),
    };
    let unsupported = CodegenError::Unsupported { function: name, dtype: math.dtype };
    let float = match math.dtype {
        DType::F32 => Float::F32,
        DType::F64 => Float::F64,
        _ => return Err(unsupported),
    };
    Ok(Import::Strip(function.ok_or(unsupported)?, float))
}

/// Emits the call.
pub(super) fn emit(e: &mut Emitter<'_, '_>, frame: &Frame<'_>, math: &Math) -> Result<(), CodegenError> {
    let callee = e.imports.get(strip(math)?)?;
    let count = count(e, frame, &math.dims);
    let mut args = vec![pointer(e, frame, math.dtype, &math.out)];
    args.extend(math.args.iter().map(|span| pointer(e, frame, math.dtype, span)));
    args.push(count);
    e.ins().call(callee, &args);
    Ok(())
}

fn pointer(e: &mut Emitter<'_, '_>, frame: &Frame<'_>, dtype: DType, span: &Span) -> Value {
    let base = frame.pointer(e, span.buffer, &span.start);
    let bytes = span.start.offset * dtype.size() as i64;
    if bytes == 0 { base } else { e.ins().iadd_imm_s(base, bytes) }
}

/// The product of extents.
fn count(e: &mut Emitter<'_, '_>, frame: &Frame<'_>, dims: &[Extent]) -> Value {
    let fixed: u64 = dims.iter().filter_map(|&d| frame.trip(d).constant()).product();
    let mut count = e.ins().iconst(types::I64, fixed as i64);
    for &extent in dims {
        let trip = frame.trip(extent);
        if trip.constant().is_none() {
            let n = frame.length(e, trip);
            let n = e.bound(n);
            count = e.ins().imul(count, n);
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use tensorwright_ir::op::primitive::{BinaryFn, UnaryFn, Work};

    use super::*;

    #[test]
    fn what_costs_as_vector_math_is_vector_math() {
        for &f in UnaryFn::ALL {
            assert_eq!(unary::math_of(f).is_some(), f.work(DType::F32) == Work::VectorMath, "{}", f.name());
        }
        for &f in BinaryFn::ALL {
            assert_eq!(binary::math_of(f).is_some(), f.work(DType::F32) == Work::VectorMath, "{}", f.name());
        }
    }
}
