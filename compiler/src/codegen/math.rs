//! Calls of vector math strips.

use cranelift_codegen::ir::{InstBuilder, Value, types};
use tensorwright_ir::DType;

use super::CodegenError;
use super::function::Frame;
use super::value::Emitter;
use crate::kernel::Span;
use crate::nest::{StripCall, Trip};

/// Emits the call.
pub(super) fn emit(
    e: &mut Emitter<'_, '_>,
    frame: &Frame<'_>,
    call: &StripCall<'_>,
) -> Result<(), CodegenError> {
    let callee = e.imports.get(call.function)?;
    let count = count(e, frame, &call.trips);
    let math = call.stage;
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
fn count(e: &mut Emitter<'_, '_>, frame: &Frame<'_>, trips: &[Trip]) -> Value {
    let fixed: u64 = trips.iter().filter_map(|trip| trip.constant()).product();
    let mut count = e.ins().iconst(types::I64, fixed as i64);
    for trip in trips.iter().filter(|trip| trip.constant().is_none()) {
        let n = frame.length(*trip);
        let n = e.bound(n);
        count = e.ins().imul(count, n);
    }
    count
}
