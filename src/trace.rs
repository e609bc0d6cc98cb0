//! Recording ops into graphs.
//!
//! Traces of a thread form a stack; ops record into the top one. A traced tensor is a value of one trace,
//! named by the trace's number, so a tensor that outlives its trace, or strays into another, is found out
//! when it is used. Concrete tensors that an op meets are *captured*: each becomes one hidden input of the
//! graph, after the arguments, and is shared, not copied.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use smallvec::SmallVec;
use tensorwright_ir::{Builder, Graph, Op, Type, Value};
use tensorwright_runtime::buffer::SharedBuffer;

use crate::error::{Error, Failure, Place};
use crate::tensor::{Repr, Results, Tensor, broadcast};

/// The number of a trace, unlike that of any other trace of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceId(u64);

/// A tensor that is a value of a trace.
#[derive(Clone)]
pub(crate) struct Traced {
    trace: TraceId,
    value: Value,
    pub(crate) ty: Type,
    pub(crate) made: Place,
}

struct Capture {
    ty: Type,
    buffer: SharedBuffer,
    value: Value,
}

struct Trace {
    id: TraceId,
    builder: Builder,
    captures: Vec<Capture>,
    /// Indices of the captures at an address; several if memory is seen under several shapes.
    by_address: HashMap<usize, SmallVec<[u32; 1]>>,
}

thread_local! {
    static TRACES: RefCell<Vec<Trace>> = const { RefCell::new(Vec::new()) };
    /// Length of `TRACES`, where it costs nothing to read.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Whether ops of this thread record.
#[inline]
pub(crate) fn is_active() -> bool {
    DEPTH.get() != 0
}

/// Appends an op to the current trace. Fails if there is none, or the op or the trace does not accept an operand.
pub(crate) fn record(op: Op, operands: &[&Tensor], at: Place) -> Result<Results, Failure> {
    TRACES.with_borrow_mut(|traces| match traces.split_last_mut() {
        Some((top, outer)) => top.record(op, operands, outer, at),
        None => Err(escaped(operands, at)),
    })
}

fn escaped(operands: &[&Tensor], at: Place) -> Failure {
    let made = operands.iter().find_map(|tensor| match tensor.repr() {
        Repr::Traced(traced) => Some(traced.made),
        _ => None,
    });
    Error::Escaped { made: made.unwrap_or(at).into(), used: at.into() }.into()
}

impl Trace {
    fn record(
        &mut self,
        op: Op,
        operands: &[&Tensor],
        outer: &[Trace],
        at: Place,
    ) -> Result<Results, Failure> {
        let values: Result<SmallVec<[Value; 4]>, Failure> =
            operands.iter().map(|tensor| self.value_of(tensor, outer, at)).collect();
        self.builder.set_location(Some(at.into()));
        let values = broadcast::operands(&mut self.builder, &op, values?);
        let results = values.and_then(|values| self.builder.push(op, &values));
        let results = results.map_err(|error| Error::op(at, error))?;
        Ok(results.iter().map(|&value| self.tensor(value, at)).collect())
    }

    fn tensor(&self, value: Value, made: Place) -> Tensor {
        let ty = self.builder.ty(value).clone();
        Tensor::traced(Traced { trace: self.id, value, ty, made })
    }

    fn value_of(&mut self, tensor: &Tensor, outer: &[Trace], at: Place) -> Result<Value, Failure> {
        match tensor.repr() {
            Repr::Concrete(ty, buffer) => Ok(self.capture(ty, buffer)),
            Repr::Traced(traced) if traced.trace == self.id => Ok(traced.value),
            Repr::Traced(traced) => {
                let (made, used) = (traced.made.into(), at.into());
                let is_outer = outer.iter().any(|trace| trace.id == traced.trace);
                Err(if is_outer { Error::TwoTraces { made, used } } else { Error::Escaped { made, used } }
                    .into())
            }
            Repr::Failed(failure) => Err(failure.clone()),
        }
    }

    fn capture(&mut self, ty: &Type, buffer: &SharedBuffer) -> Value {
        let known = self.by_address.entry(buffer.as_ptr() as usize).or_default();
        let same = known.iter().map(|&i| &self.captures[i as usize]).find(|capture| capture.ty == *ty);
        if let Some(capture) = same {
            return capture.value;
        }
        known.push(self.captures.len() as u32);
        let value = self.builder.input(ty.clone());
        self.captures.push(Capture { ty: ty.clone(), buffer: buffer.clone(), value });
        value
    }
}

/// A trace that is being recorded. Dropping it ends the trace, also when the traced closure panics.
pub(crate) struct Session {
    id: TraceId,
}

/// What a trace comes to.
pub(crate) struct Recording {
    pub(crate) graph: Graph,
    /// Values of the graph's last inputs.
    pub(crate) captures: Vec<SharedBuffer>,
}

impl Session {
    pub(crate) fn begin(name: &str) -> Session {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = TraceId(NEXT.fetch_add(1, Ordering::Relaxed));
        let builder = Builder::new(name);
        let trace = Trace { id, builder, captures: Vec::new(), by_address: HashMap::new() };
        TRACES.with_borrow_mut(|traces| traces.push(trace));
        DEPTH.set(DEPTH.get() + 1);
        Session { id }
    }

    /// Adds an argument. All of them come before the first op.
    pub(crate) fn input(&self, ty: Type, name: &str, made: Place) -> Tensor {
        self.with(|trace, _| {
            let value =
                if name.is_empty() { trace.builder.input(ty) } else { trace.builder.named_input(name, ty) };
            trace.tensor(value, made)
        })
    }

    /// The value of a result.
    pub(crate) fn output(&self, tensor: &Tensor, at: Place) -> Result<Value, Failure> {
        self.with(|trace, outer| trace.value_of(tensor, outer, at))
    }

    pub(crate) fn finish(self, outputs: &[Value]) -> Recording {
        let (builder, captures) =
            self.with(|trace, _| (std::mem::take(&mut trace.builder), std::mem::take(&mut trace.captures)));
        let captures = captures.into_iter().map(|capture| capture.buffer).collect();
        Recording { graph: builder.finish(outputs), captures }
    }

    fn with<R>(&self, work: impl FnOnce(&mut Trace, &[Trace]) -> R) -> R {
        TRACES.with_borrow_mut(|traces| {
            let at = traces.iter().rposition(|trace| trace.id == self.id).expect("a session keeps its trace");
            let (outer, rest) = traces.split_at_mut(at);
            work(&mut rest[0], outer)
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The trace is taken out of the borrow before its captures are dropped.
        let traces = TRACES.with_borrow_mut(|traces| {
            let at = traces.iter().rposition(|trace| trace.id == self.id);
            at.map(|at| traces.split_off(at)).unwrap_or_default()
        });
        DEPTH.set(DEPTH.get() - traces.len());
    }
}
