//! The stack of traces of a thread, and ops going into its top.

use std::cell::RefCell;
use std::rc::Rc;

use hashbrown::HashMap;
use smallvec::SmallVec;
use tensorwright_ir::op::primitive::Constant;
use tensorwright_ir::{Builder, Op, Scalar, Type, Value};

use super::super::application::{Application, Applied, Code, Operand};
use super::super::broadcast;
use super::capture::{Binding, Captured};
use super::carried::{Cuts, Subgraphs};
use crate::error::{CallSite, Error, Failure};
use crate::state::{State, Variable};
use crate::tensor::id::TensorId;
use crate::tensor::rows::Rows;
use crate::tensor::traced::{self, TraceId, Traced};
use crate::tensor::{Repr, Results, Tensor};

/// What a trace is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// A function, which sees nothing of the traces around it.
    Function,
    /// A closure of control flow, which may capture values of the traces around it, up to the function.
    Region,
}

/// A graph that is being recorded.
pub(super) struct Trace {
    pub(super) id: TraceId,
    /// Whose values are recorded now: those of the trace, until it is [cut](super::cut).
    pub(super) subgraph: TraceId,
    pub(super) builder: Builder,
    pub(super) captures: Vec<Captured>,
    pub(super) captured: HashMap<TensorId, Value>,
    /// The state that was used, in the order of its first use.
    pub(super) bindings: Vec<Binding>,
    /// For each state its position among the bindings.
    pub(super) bound: HashMap<State, usize>,
    pub(super) scope: Scope,
    /// The tensors that the arguments of a region are, if they are tensors of the code around it.
    pub(super) stands: Option<Vec<Tensor>>,
    /// The cuts of a function, if the values of its arguments are known.
    pub(super) cuts: Option<Cuts>,
}

thread_local! {
    pub(super) static TRACES: RefCell<Vec<Trace>> = const { RefCell::new(Vec::new()) };
}

/// Begins the trace of a function, which is the top of the stack from now on; of one in another trace, or whose arguments have no values, no
/// subgraphs can be run.
pub(super) fn begin_function(name: &str, subgraphs: Option<Rc<dyn Subgraphs>>) -> TraceId {
    begin(name, Scope::Function, None, subgraphs.map(Cuts::new))
}

/// Begins the trace of a region, as [`begin_function`] does.
pub(super) fn begin_region(name: &str, stands: Option<Vec<Tensor>>) -> TraceId {
    begin(name, Scope::Region, stands, None)
}

fn begin(name: &str, scope: Scope, stands: Option<Vec<Tensor>>, cuts: Option<Cuts>) -> TraceId {
    let id = TraceId::fresh();
    let trace = Trace {
        id,
        subgraph: id,
        builder: Builder::new(name),
        captures: Vec::new(),
        captured: HashMap::new(),
        bindings: Vec::new(),
        bound: HashMap::new(),
        scope,
        stands,
        cuts,
    };
    TRACES.with_borrow_mut(|traces| {
        traces.push(trace);
        traced::set_depth(traces.len());
    });
    id
}

/// Ends a trace, and those above it.
pub(super) fn end(id: TraceId) {
    // The traces are taken out of the borrow before their captures are dropped.
    let _ended = TRACES.with_borrow_mut(|traces| {
        let at = traces.iter().rposition(|trace| trace.id == id);
        let ended = at.map(|at| traces.split_off(at));
        traced::set_depth(traces.len());
        ended
    });
}

/// Does something as if this thread recorded no traces, which are there again behind it.
pub(crate) fn outside<R>(work: impl FnOnce() -> R) -> R {
    struct Away(Vec<Trace>);

    impl Drop for Away {
        fn drop(&mut self) {
            let traces = std::mem::take(&mut self.0);
            traced::set_depth(traces.len());
            TRACES.set(traces);
        }
    }

    if !traced::is_tracing() {
        return work();
    }
    let _away = Away(TRACES.take());
    traced::set_depth(0);
    work()
}

/// Does something with a trace that has not ended, and those below it.
pub(super) fn with<R>(id: TraceId, work: impl FnOnce(&mut Trace, &[Trace]) -> R) -> R {
    TRACES.with_borrow_mut(|traces| {
        let at = traces.iter().rposition(|trace| trace.id == id).expect("a session keeps its trace");
        let (outer, rest) = traces.split_at_mut(at);
        work(&mut rest[0], outer)
    })
}

/// Does something with the top, and those below it.
fn with_top<R>(work: impl FnOnce(&mut Trace, &[Trace]) -> R) -> R {
    TRACES.with_borrow_mut(|traces| {
        let (top, outer) = traces.split_last_mut().expect("this thread traces");
        work(top, outer)
    })
}

/// Appends an op to the top. Fails if the op or the trace does not accept an operand.
pub(crate) fn record(op: Op, operands: &[&Tensor], at: CallSite) -> Result<Results, Failure> {
    with_top(|top, outer| top.record(op, operands, outer, at))
}

/// Appends an application to the top, whose state is then what it gives.
pub(crate) fn record_stateful(application: Application<'_>) -> Result<Applied, Failure> {
    with_top(|top, outer| top.record_stateful(application, outer))
}

/// The value of a variable in the top.
pub(crate) fn read(variable: &Variable, at: CallSite) -> Tensor {
    with_top(|top, _| {
        let (value, id) = top.state(&State::Variable(variable.clone()));
        top.tensor(value, at).with_id(id)
    })
}

/// Gives a variable another value in the top. The tensor must have its type.
pub(crate) fn assign(variable: &Variable, tensor: &Tensor, at: CallSite) -> Result<(), Failure> {
    with_top(|top, outer| {
        let value = top.value_of(tensor, outer, at)?;
        let state = State::Variable(variable.clone());
        top.state(&state);
        top.set_state(&state, (value, tensor.id()));
        Ok(())
    })
}

/// The element of a scalar of a trace that is a constant there.
pub(crate) fn constant(traced: &Traced) -> Option<Scalar> {
    TRACES.with_borrow(|traces| {
        let trace = traces.iter().find(|trace| trace.id == traced.trace)?;
        match &trace.builder.graph().producer(traced.value)?.1.op {
            Op::Constant(Constant { value }) if value.ty().rank() == 0 => Some(value.get(0)),
            _ => None,
        }
    })
}

impl Trace {
    fn record(
        &mut self,
        op: Op,
        operands: &[&Tensor],
        outer: &[Trace],
        at: CallSite,
    ) -> Result<Results, Failure> {
        let values: Result<SmallVec<[Value; 4]>, Failure> =
            operands.iter().map(|tensor| self.value_of(tensor, outer, at)).collect();
        self.builder.set_location(Some(at.into()));
        let values = broadcast::operands(&mut self.builder, &op, values?);
        let results = values.and_then(|values| self.builder.push(op, &values));
        let results = results.map_err(|error| Error::op(at, error))?;
        let mut made = Results::new();
        made.extend(results.iter().map(|&value| self.tensor(value, at)));
        Ok(made)
    }

    fn record_stateful(&mut self, application: Application<'_>, outer: &[Trace]) -> Result<Applied, Failure> {
        let Application { code, operands, states, first_state, at } = application;
        let taken = operands.iter().map(|operand| self.operand(*operand, outer, at));
        let taken = taken.collect::<Result<SmallVec<[(Value, TensorId); 8]>, Failure>>()?;
        let values: SmallVec<[Value; 8]> = taken.iter().map(|(value, _)| *value).collect();
        self.builder.set_location(Some(at.into()));
        let results = match code {
            Code::Op(op, regions) => {
                self.builder.push_with_regions(*op, &values, regions).map(SmallVec::into_vec)
            }
            Code::Graph(graph) => self.builder.inline(graph, &values),
        };
        let results = results.map_err(|error| Error::op(at, error))?;
        let made: Vec<Tensor> = results.iter().map(|&value| self.tensor(value, at)).collect();
        for (state, (&value, tensor)) in states.iter().zip(results.iter().zip(&made).skip(first_state)) {
            self.set_state(state, (value, tensor.id()));
        }
        let mut operand = |(operand, &(value, id)): (&Operand<'_>, &(Value, TensorId))| match *operand {
            Operand::Tensor(tensor) => tensor.clone(),
            Operand::State(_) => self.tensor(value, at).with_id(id),
        };
        Ok(Applied {
            operands: operands.iter().zip(&taken).map(&mut operand).collect(),
            results: made,
            states: first_state..first_state + states.len(),
        })
    }

    pub(super) fn operand(
        &mut self,
        operand: Operand<'_>,
        outer: &[Trace],
        at: CallSite,
    ) -> Result<(Value, TensorId), Failure> {
        match operand {
            Operand::Tensor(tensor) => Ok((self.value_of(tensor, outer, at)?, tensor.id())),
            Operand::State(state) => Ok(self.state(state)),
        }
    }

    pub(super) fn tensor(&mut self, value: Value, made: CallSite) -> Tensor {
        let ty = self.builder.ty(value).clone();
        let handle = self.cuts.as_mut().map(|cuts| cuts.handle(value));
        Tensor::traced(Traced { trace: self.subgraph, value, ty, made, handle })
    }

    /// The value that a tensor is in this trace.
    pub(super) fn value_of(
        &mut self,
        tensor: &Tensor,
        outer: &[Trace],
        at: CallSite,
    ) -> Result<Value, Failure> {
        match tensor.repr() {
            Repr::Concrete(ty, _) => Ok(self.capture(ty.into(), tensor)),
            Repr::Traced(traced) if traced.trace == self.subgraph => Ok(traced.value),
            Repr::Traced(traced) if self.owns(traced) => Ok(self.capture(traced.ty.clone(), tensor)),
            Repr::Traced(traced) if self.scope == Scope::Region && is_visible(outer, traced) => {
                Ok(self.capture(traced.ty.clone(), tensor))
            }
            Repr::Traced(traced) => {
                let (made, used) = (traced.made.into(), at.into());
                if self.cuts.is_some() && traced.ty.as_list().is_some() {
                    return Err(Error::ListOverCut { made, used }.into());
                }
                let is_outer = outer.iter().any(|trace| trace.owns(traced));
                Err(if is_outer { Error::TwoTraces { made, used } } else { Error::Escaped { made, used } }
                    .into())
            }
            Repr::List(rows) => self.list(rows, outer, at),
            Repr::Failed(failure) => Err(failure.clone()),
        }
    }

    /// A list with values, built anew.
    fn list(&mut self, rows: &Rows<Tensor>, outer: &[Trace], at: CallSite) -> Result<Value, Failure> {
        let new = self.builder.list_new(rows.row());
        let mut list = new.map_err(|error| Error::op(at, error))?;
        for row in rows.to_vec() {
            let row = self.value_of(&row, outer, at)?;
            list = self.builder.list_push(list, row).map_err(|error| Error::op(at, error))?;
        }
        Ok(list)
    }

    pub(super) fn capture(&mut self, ty: Type, tensor: &Tensor) -> Value {
        if let Some(&value) = self.captured.get(&tensor.id()) {
            return value;
        }
        let value = self.builder.input(ty);
        self.captured.insert(tensor.id(), value);
        self.captures.push(Captured::Tensor(tensor.clone()));
        value
    }

    /// What some state is now. State from outside is captured, but a function's effects begin with a token of its own.
    fn state(&mut self, state: &State) -> (Value, TensorId) {
        if let Some(&at) = self.bound.get(state) {
            return (self.bindings[at].value, self.bindings[at].id);
        }
        let value = match state {
            State::Token if self.scope == Scope::Function => self.builder.token(),
            state => {
                self.captures.push(Captured::State(state.clone()));
                self.builder.input(state.ty())
            }
        };
        self.bound.insert(state.clone(), self.bindings.len());
        let id = TensorId::fresh();
        self.bindings.push(Binding { state: state.clone(), value, id, changed: false });
        (value, id)
    }

    fn set_state(&mut self, state: &State, (value, id): (Value, TensorId)) {
        // Whatever gives new state was given the old one, so it is known.
        if let Some(&at) = self.bound.get(state) {
            let binding = &mut self.bindings[at];
            (binding.value, binding.id, binding.changed) = (value, id, true);
        }
    }

    /// The state that ops of the trace changed.
    pub(super) fn changed(&self) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(|binding| binding.changed)
    }
}

/// Whether a region within these traces may use values of the trace: those of regions around it, and of the function.
fn is_visible(outer: &[Trace], traced: &Traced) -> bool {
    let function = outer.iter().rposition(|outer| outer.scope == Scope::Function).unwrap_or(0);
    outer[function..].iter().any(|outer| outer.owns(traced))
}
