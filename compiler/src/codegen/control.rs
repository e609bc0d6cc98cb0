//! Counted loops.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, Value, types};
use smallvec::SmallVec;

use super::CodegenError;
use super::value::{Emitter, Pack};
use crate::nest::Entry;

/// A number of iterations, or a position in them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    Const(u64),
    /// An `i64`.
    Dyn(Value),
}

/// A loop whose body is being emitted.
pub(super) struct OpenLoop {
    header: Block,
    exit: Block,
    end: Value,
    step: u64,
    /// The loop variable.
    pub(super) index: Value,
}

/// The range of a loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) from: Bound,
    pub(super) to: Bound,
    /// Step of the loop variable, which divides `to - from`.
    pub(super) step: u64,
    /// Whether the loop runs at all.
    pub(super) entry: Entry,
}

impl Emitter<'_, '_> {
    pub(super) fn bound(&mut self, bound: Bound) -> Value {
        match bound {
            Bound::Const(n) => self.ins().iconst(types::I64, n as i64),
            Bound::Dyn(value) => value,
        }
    }

    /// The greatest multiple of `step`, a power of two, that is not above `bound`.
    pub(super) fn round_down(&mut self, bound: Bound, step: u64) -> Bound {
        match bound {
            Bound::Const(n) => Bound::Const(n / step * step),
            Bound::Dyn(value) => Bound::Dyn(self.ins().band_imm_s(value, -(step as i64))),
        }
    }

    /// Begins a loop with loop-carried values; returns them as the body sees them.
    pub(super) fn open_loop(&mut self, range: Range, carried: &[Value]) -> (OpenLoop, Pack) {
        let (from, end) = (self.bound(range.from), self.bound(range.to));
        let (header, exit) = (self.builder.create_block(), self.builder.create_block());
        let index = self.builder.append_block_param(header, types::I64);
        let mut inside = Pack::new();
        for &value in carried {
            let ty = self.type_of(value);
            inside.push(self.builder.append_block_param(header, ty));
            self.builder.append_block_param(exit, ty);
        }
        let (enter, skip) = (args(Some(from), carried), args(None, carried));
        if range.entry == Entry::Always {
            self.ins().jump(header, &enter);
        } else {
            let any = self.icmp(IntCC::UnsignedLessThan, from, end);
            self.ins().brif(any, header, &enter, exit, &skip);
        }
        self.builder.switch_to_block(header);
        (OpenLoop { header, exit, end, step: range.step, index }, inside)
    }

    /// Ends a loop; returns the carried values as they are after it.
    pub(super) fn close_loop(&mut self, open: OpenLoop, carried: &[Value]) -> Pack {
        let next = self.ins().iadd_imm_s(open.index, open.step as i64);
        let more = self.icmp(IntCC::UnsignedLessThan, next, open.end);
        let (again, done) = (args(Some(next), carried), args(None, carried));
        self.ins().brif(more, open.header, &again, open.exit, &done);
        self.builder.seal_block(open.header);
        self.builder.seal_block(open.exit);
        self.builder.switch_to_block(open.exit);
        Pack::from_slice(self.builder.block_params(open.exit))
    }
}

fn args(index: Option<Value>, carried: &[Value]) -> SmallVec<[BlockArg; 8]> {
    index.into_iter().chain(carried.iter().copied()).map(BlockArg::from).collect()
}

/// The function that emits a body: given the loop variable and the carried values, the carried values after it.
pub(super) type BodyEmitter<'b, S> = &'b mut dyn FnMut(&mut S, Value, Pack) -> Result<Pack, CodegenError>;

/// Emits `body` for the range: not at all, once without a loop, or in a loop.
pub(super) fn run<'e, 'a: 'e, 'f: 'a, S>(
    state: &mut S,
    emitter: fn(&mut S) -> &mut Emitter<'a, 'f>,
    range: Range,
    carried: Pack,
    body: BodyEmitter<'_, S>,
) -> Result<Pack, CodegenError> {
    if let (Bound::Const(from), Bound::Const(to)) = (range.from, range.to) {
        if from >= to {
            return Ok(carried);
        }
        if to - from <= range.step {
            let index = emitter(state).bound(range.from);
            return body(state, index, carried);
        }
    }
    let known = matches!((range.from, range.to), (Bound::Const(_), Bound::Const(_)));
    let entry = if known { Entry::Always } else { range.entry };
    let (open, inside) = emitter(state).open_loop(Range { entry, ..range }, &carried);
    let after = body(state, open.index, inside)?;
    Ok(emitter(state).close_loop(open, &after))
}
