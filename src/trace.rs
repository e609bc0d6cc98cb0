//! Recording ops into graphs.
//!
//! Traces of a thread form a stack; ops record into the top one. A traced tensor is a value of one trace,
//! named by the trace's number, so a tensor that outlives its trace, or strays into another, is found out
//! when it is used. Concrete tensors that an op meets are *captured*: each becomes one hidden input of the
//! graph, after the arguments, and is shared, not copied.
//!
//! The bodies of control flow are traced as *regions*. A region captures values of the traces around it too, up to the
//! function that is being traced; the op that owns it hands them in as operands.
//!
//! What ops of a trace change, besides making values, is its *state*: the token that orders effects, and the variables that it
//! reads and assigns. State goes through the graph as values: a region captures it like a tensor, and gives what it changed as
//! outputs.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use smallvec::SmallVec;
use tensorwright_ir::{BuildError, Builder, Graph, Op, Scalar, Shape, Type, Value};
use tensorwright_runtime::buffer::SharedBuffer;

use crate::control::list::Rows;
use crate::error::{Error, Failure, Place};
use crate::gradient::tape;
use crate::tensor::{Repr, Results, Tensor, broadcast};
use crate::variable::Variable;

/// The number of a trace, unlike that of any other trace of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TraceId(u64);

/// A tensor that is a value of a trace.
#[derive(Clone)]
pub(crate) struct Traced {
    trace: TraceId,
    value: Value,
    pub(crate) ty: Type,
    pub(crate) made: Place,
}

/// What an input of a graph stands for that is no argument.
#[derive(Clone)]
pub(crate) enum Captured {
    /// A tensor from outside.
    Tensor(Tensor),
    /// State of the trace around a region, or of the process around a function.
    State(State),
}

/// Something that ops change.
#[derive(Clone, PartialEq)]
pub(crate) enum State {
    /// The order of effects.
    Token,
    /// The value of a variable.
    Variable(Variable),
}

impl State {
    fn ty(&self) -> Type {
        match self {
            State::Token => Type::token(),
            State::Variable(variable) => variable.ty().clone(),
        }
    }
}

/// Tells captured tensors apart.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// Memory at an address, under a type.
    Memory(usize, Type),
    /// A value of another trace.
    Value(TraceId, Value),
}

struct Trace {
    id: TraceId,
    builder: Builder,
    captures: Vec<Captured>,
    by_source: HashMap<Source, Value>,
    /// The state that was used, and what it is now.
    states: Vec<Now>,
    /// Whether values of the traces around this one may be captured.
    is_region: bool,
}

struct Now {
    state: State,
    value: Value,
    changed: bool,
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

/// An operand of an op with regions.
#[derive(Clone, Copy)]
pub(crate) enum Operand<'t> {
    /// A tensor.
    Tensor(&'t Tensor),
    /// Current state of the trace.
    State(&'t State),
}

impl<'t> From<&'t Captured> for Operand<'t> {
    fn from(captured: &'t Captured) -> Operand<'t> {
        match captured {
            Captured::Tensor(tensor) => Operand::Tensor(tensor),
            Captured::State(state) => Operand::State(state),
        }
    }
}

/// Appends an op with regions to the current trace. The results from position `at_states` on are the new values of `states`; they
/// are not returned.
pub(crate) fn record_control(
    op: Op,
    operands: &[Operand<'_>],
    regions: Vec<Graph>,
    states: &[State],
    at_states: usize,
    at: Place,
) -> Result<Results, Failure> {
    let noted = tape::is_active().then(|| (op.clone(), regions.clone()));
    let (results, given) = TRACES.with_borrow_mut(|traces| {
        let (top, outer) = traces.split_last_mut().expect("control flow is recorded inside a trace");
        let values = top.operands(operands, outer, at)?;
        top.builder.set_location(Some(at.into()));
        let results = top.builder.push_with_regions(op, &values, regions);
        let results = results.map_err(|error| Error::op(at, error))?.into_vec();
        let given = top.given(operands, &values, &results, at);
        Ok::<_, Failure>((Results::from(top.results(results, states, at_states, at)), given))
    })?;
    if let (Some((op, regions)), Some(given)) = (noted, given) {
        given.note(|operands, results| tape::note(&op, &regions, operands, results, at));
    }
    Ok(results)
}

/// What an op was given and gave, for tapes: state as the tensors that it was and is.
struct Given {
    operands: Vec<Tensor>,
    results: Vec<Tensor>,
}

impl Given {
    fn note(&self, note: impl FnOnce(&[&Tensor], &[Tensor])) {
        note(&self.operands.iter().collect::<Vec<_>>(), &self.results);
    }
}

/// Appends a graph to the current trace. The outputs from position `at_states` on are the new values of `states`; they
/// are not returned.
pub(crate) fn record_graph(
    graph: &Graph,
    operands: &[Operand<'_>],
    states: &[State],
    at_states: usize,
    at: Place,
) -> Result<Vec<Tensor>, Failure> {
    let (results, given) = TRACES.with_borrow_mut(|traces| {
        let (top, outer) = traces.split_last_mut().expect("graphs are recorded inside a trace");
        let values = top.operands(operands, outer, at)?;
        top.builder.set_location(Some(at.into()));
        let results = top.builder.inline(graph, &values).map_err(|error| Error::op(at, error))?;
        let given = top.given(operands, &values, &results, at);
        Ok::<_, Failure>((top.results(results, states, at_states, at), given))
    })?;
    if let Some(given) = given {
        given.note(|operands, results| tape::note_graph(graph, operands, results, at));
    }
    Ok(results)
}

/// The value of a variable in the current trace.
pub(crate) fn read(variable: &Variable, at: Place) -> Tensor {
    TRACES.with_borrow_mut(|traces| {
        let top = traces.last_mut().expect("variables are read inside a trace");
        let value = top.state(&State::Variable(variable.clone()));
        top.tensor(value, at)
    })
}

/// Gives a variable another value in the current trace. The tensor must have its type.
pub(crate) fn assign(variable: &Variable, tensor: &Tensor, at: Place) -> Result<(), Failure> {
    TRACES.with_borrow_mut(|traces| {
        let (top, outer) = traces.split_last_mut().expect("variables are assigned inside a trace");
        let value = top.value_of(tensor, outer, at)?;
        let state = State::Variable(variable.clone());
        top.state(&state);
        top.set_state(&state, value);
        Ok(())
    })
}

/// Appends an effect, which takes the trace's token first and gives the next one.
pub(crate) fn record_effect(op: Op, operands: &[&Tensor], at: Place) -> Result<(), Failure> {
    TRACES.with_borrow_mut(|traces| match traces.split_last_mut() {
        Some((top, outer)) => {
            let mut values: SmallVec<[Value; 4]> = SmallVec::from_elem(top.state(&State::Token), 1);
            for tensor in operands {
                values.push(top.value_of(tensor, outer, at)?);
            }
            top.builder.set_location(Some(at.into()));
            let results = top.builder.push(op, &values).map_err(|error| Error::op(at, error))?;
            top.set_state(&State::Token, results[0]);
            Ok(())
        }
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

    fn operands(
        &mut self,
        operands: &[Operand<'_>],
        outer: &[Trace],
        at: Place,
    ) -> Result<Vec<Value>, Failure> {
        let value = |operand: &Operand<'_>| match operand {
            Operand::Tensor(tensor) => self.value_of(tensor, outer, at),
            Operand::State(state) => Ok(self.state(state)),
        };
        operands.iter().map(value).collect()
    }

    /// What tapes are told of an op, if there are any.
    fn given(
        &self,
        operands: &[Operand<'_>],
        values: &[Value],
        results: &[Value],
        at: Place,
    ) -> Option<Given> {
        let tensor = |(operand, &value): (&Operand<'_>, &Value)| match *operand {
            Operand::Tensor(tensor) => tensor.clone(),
            Operand::State(_) => self.tensor(value, at),
        };
        tape::is_active().then(|| Given {
            operands: operands.iter().zip(values).map(tensor).collect(),
            results: results.iter().map(|&value| self.tensor(value, at)).collect(),
        })
    }

    /// Results as tensors, but for new state.
    fn results(&mut self, mut results: Vec<Value>, states: &[State], first: usize, at: Place) -> Vec<Tensor> {
        for (state, value) in states.iter().zip(results.drain(first..first + states.len())) {
            self.set_state(state, value);
        }
        results.into_iter().map(|value| self.tensor(value, at)).collect()
    }

    fn tensor(&self, value: Value, made: Place) -> Tensor {
        let ty = self.builder.ty(value).clone();
        Tensor::traced(Traced { trace: self.id, value, ty, made })
    }

    fn value_of(&mut self, tensor: &Tensor, outer: &[Trace], at: Place) -> Result<Value, Failure> {
        match tensor.repr() {
            Repr::Concrete(ty, _) => Ok(self.capture(ty, tensor)),
            Repr::Traced(traced) if traced.trace == self.id => Ok(traced.value),
            Repr::Traced(traced) if self.is_region && is_visible(outer, traced.trace) => {
                Ok(self.capture(&traced.ty, tensor))
            }
            Repr::Traced(traced) => {
                let (made, used) = (traced.made.into(), at.into());
                let is_outer = outer.iter().any(|trace| trace.id == traced.trace);
                Err(if is_outer { Error::TwoTraces { made, used } } else { Error::Escaped { made, used } }
                    .into())
            }
            Repr::List(rows) => self.list(rows, outer, at),
            Repr::Failed(failure) => Err(failure.clone()),
        }
    }

    /// A list with values, built anew.
    fn list(&mut self, rows: &Rows, outer: &[Trace], at: Place) -> Result<Value, Failure> {
        let new = self.builder.list_new(&rows.ty().row());
        let mut list = new.map_err(|error| Error::op(at, error))?;
        for row in rows.to_vec() {
            let row = self.value_of(&row, outer, at)?;
            list = self.builder.list_push(list, row).map_err(|error| Error::op(at, error))?;
        }
        Ok(list)
    }

    fn capture(&mut self, ty: &Type, tensor: &Tensor) -> Value {
        let source = source(tensor).expect("tensors with a type have a source");
        if let Some(&value) = self.by_source.get(&source) {
            return value;
        }
        let value = self.builder.input(ty.clone());
        self.by_source.insert(source, value);
        self.captures.push(Captured::Tensor(tensor.clone()));
        value
    }

    /// What some state is now. State from outside is captured, but a function's effects begin with a token of its own.
    fn state(&mut self, state: &State) -> Value {
        if let Some(now) = self.states.iter().find(|now| now.state == *state) {
            return now.value;
        }
        let value = match state {
            State::Token if !self.is_region => self.builder.token(),
            state => {
                self.captures.push(Captured::State(state.clone()));
                self.builder.input(state.ty())
            }
        };
        self.states.push(Now { state: state.clone(), value, changed: false });
        value
    }

    fn set_state(&mut self, state: &State, value: Value) {
        // Whatever gives new state was given the old one, so it is known.
        if let Some(now) = self.states.iter_mut().find(|now| now.state == *state) {
            now.value = value;
            now.changed = true;
        }
    }

    fn changed(&self) -> impl Iterator<Item = &Now> {
        self.states.iter().filter(|now| now.changed)
    }
}

pub(crate) fn source(tensor: &Tensor) -> Option<Source> {
    match tensor.repr() {
        Repr::Concrete(ty, buffer) => Some(Source::Memory(buffer.as_ptr() as usize, ty.clone())),
        Repr::Traced(traced) => Some(Source::Value(traced.trace, traced.value)),
        Repr::List(_) | Repr::Failed(_) => None,
    }
}

/// Whether a region within these traces may use values of the trace: those of regions around it, and of the function.
fn is_visible(outer: &[Trace], trace: TraceId) -> bool {
    let function = outer.iter().rposition(|outer| !outer.is_region).unwrap_or(0);
    outer[function..].iter().any(|outer| outer.id == trace)
}

/// A trace that is being recorded. Dropping it ends the trace, also when the traced closure panics.
pub(crate) struct Session {
    id: TraceId,
}

/// A region that has been traced. Its inputs are its arguments and what it captured, in the order in which it did.
pub(crate) struct Region {
    graph: Graph,
    arguments: usize,
    pub(crate) captures: Vec<Captured>,
    /// The state that it changes, which its last outputs are.
    pub(crate) changes: Vec<State>,
}

/// An input of a region, as its op orders them.
#[derive(Clone)]
pub(crate) enum Input {
    /// An argument of the traced closure.
    Argument(usize),
    /// What one of the regions of the op captured.
    Captured(Captured),
    /// State that the region does not read.
    Unused(Type),
}

/// An output of a region, as its op orders them.
#[derive(Clone)]
pub(crate) enum Output {
    /// A result of the traced closure.
    Result(usize),
    /// What some state is at the end.
    State(State),
    /// The input at this position.
    Input(usize),
    /// This element everywhere.
    Fill(Scalar, Shape),
}

impl Region {
    /// The region with these inputs and outputs. All that it captured must be among the inputs, and the state that it is
    /// to give.
    pub(crate) fn arranged(&self, inputs: &[Input], outputs: &[Output]) -> Result<Graph, BuildError> {
        let mut b = Builder::new(self.graph.name());
        b.set_location(self.graph.nodes().first().and_then(|node| node.location.clone()));
        let mut values: Vec<Option<Value>> = vec![None; self.graph.inputs().len()];
        let mut states: Vec<(&State, Value)> = Vec::new();
        let mut given = Vec::new();
        for input in inputs {
            let (ty, own) = match input {
                Input::Argument(i) => (self.graph.ty(self.graph.inputs()[*i]).clone(), Some(*i)),
                Input::Captured(what) => (what.ty(), self.input_of(what)),
                Input::Unused(ty) => (ty.clone(), None),
            };
            let value = b.input(ty);
            given.push(value);
            if let Some(own) = own {
                b.set_name(value, self.graph.value_name(self.graph.inputs()[own]).map(str::to_owned));
                values[own] = Some(value);
            }
            if let Input::Captured(Captured::State(state)) = input {
                states.push((state, value));
            }
        }
        let values: Vec<Value> = values.into_iter().map(|v| v.expect("every input is given")).collect();
        let results = b.inline(&self.graph, &values)?;
        let changed = results.len() - self.changes.len();
        states.splice(0..0, self.changes.iter().zip(results[changed..].iter().copied()));
        let output = |output: &Output| match output {
            Output::Result(i) => Ok(results[*i]),
            Output::Input(i) => Ok(given[*i]),
            Output::Fill(element, shape) => b.full(*element, shape),
            Output::State(state) => {
                let now = states.iter().find(|(known, _)| *known == state);
                Ok(now.expect("state that is given is taken").1)
            }
        };
        let outputs = outputs.iter().map(output).collect::<Result<Vec<_>, BuildError>>()?;
        Ok(b.finish(&outputs))
    }

    /// The region as it was traced.
    pub(crate) fn into_graph(self) -> Graph {
        self.graph
    }

    /// The input that stands for what was captured, if the region did so.
    fn input_of(&self, what: &Captured) -> Option<usize> {
        let at = self.captures.iter().position(|own| own.is(what))?;
        Some(self.arguments + at)
    }
}

/// The tensor, said to be made where the other one was.
pub(crate) fn made_as(tensor: &Tensor, other: &Tensor) -> Tensor {
    match (tensor.repr(), other.repr()) {
        (Repr::Traced(traced), Repr::Traced(other)) => {
            Tensor::traced(Traced { made: other.made, ..traced.clone() })
        }
        _ => tensor.clone(),
    }
}

/// Whether both tensors are the same value: not equal, the same.
pub(crate) fn same(left: &Tensor, right: &Tensor) -> bool {
    source(left).is_some_and(|left| source(right) == Some(left))
}

impl Captured {
    fn ty(&self) -> Type {
        match self {
            Captured::Tensor(tensor) => tensor.known_type().expect("captured tensors have types").clone(),
            Captured::State(state) => state.ty(),
        }
    }

    /// Whether both are the same.
    pub(crate) fn is(&self, other: &Captured) -> bool {
        match (self, other) {
            (Captured::State(l), Captured::State(r)) => l == r,
            (Captured::Tensor(l), Captured::Tensor(r)) => source(l) == source(r),
            _ => false,
        }
    }
}

/// What a trace comes to.
pub(crate) struct Recording {
    pub(crate) graph: Graph,
    /// What the graph's last inputs are.
    pub(crate) captures: Vec<Outside>,
    /// The variables that are assigned: their new values are the last outputs.
    pub(crate) assigned: Vec<Variable>,
}

impl Recording {
    /// The inputs that hold the old values of variables, with the outputs that hold the new ones.
    pub(crate) fn given_away(&self) -> Vec<(usize, usize)> {
        let first_input = self.graph.inputs().len() - self.captures.len();
        let first_output = self.graph.outputs().len() - self.assigned.len();
        let input_of = |variable: &Variable| {
            self.captures.iter().position(|own| matches!(own, Outside::Variable(own) if own == variable))
        };
        let pair = |(at, variable)| Some((first_input + input_of(variable)?, first_output + at));
        self.assigned.iter().enumerate().filter_map(pair).collect()
    }
}

/// Where the value of an input of a function comes from that is no argument.
pub(crate) enum Outside {
    /// A tensor.
    Buffer(SharedBuffer),
    /// A variable, at the time of the call.
    Variable(Variable),
}

impl Session {
    /// Begins the trace of a function.
    pub(crate) fn begin(name: &str) -> Session {
        Session::start(name, false)
    }

    /// Begins the trace of a region of control flow.
    pub(crate) fn begin_region(name: &str) -> Session {
        Session::start(name, true)
    }

    fn start(name: &str, is_region: bool) -> Session {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = TraceId(NEXT.fetch_add(1, Ordering::Relaxed));
        let builder = Builder::new(name);
        let (captures, by_source) = (Vec::new(), HashMap::new());
        let trace = Trace { id, builder, captures, by_source, states: Vec::new(), is_region };
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

    /// Ends the trace of a function.
    pub(crate) fn finish(self, outputs: &[Value]) -> Recording {
        self.with(|trace, _| {
            let assigned = trace.changed().filter_map(|now| match &now.state {
                State::Variable(variable) => Some((variable.clone(), now.value)),
                State::Token => None,
            });
            let (assigned, last): (Vec<Variable>, Vec<Value>) = assigned.unzip();
            let outside = |captured| match captured {
                Captured::Tensor(tensor) => match tensor.repr() {
                    Repr::Concrete(_, buffer) => Outside::Buffer(buffer.clone()),
                    _ => unreachable!("functions capture tensors with values"),
                },
                Captured::State(State::Variable(variable)) => Outside::Variable(variable),
                Captured::State(State::Token) => unreachable!("functions begin with a token of their own"),
            };
            let captures = std::mem::take(&mut trace.captures).into_iter().map(outside).collect();
            let outputs: Vec<Value> = outputs.iter().copied().chain(last).collect();
            Recording { graph: std::mem::take(&mut trace.builder).finish(&outputs), captures, assigned }
        })
    }

    /// Ends the trace of a region that has so many arguments.
    pub(crate) fn finish_region(self, arguments: usize, outputs: &[Value]) -> Region {
        self.with(|trace, _| {
            let changed = trace.changed().map(|now| (now.state.clone(), now.value));
            let (changes, last): (Vec<State>, Vec<Value>) = changed.unzip();
            let outputs: Vec<Value> = outputs.iter().copied().chain(last).collect();
            let captures = std::mem::take(&mut trace.captures);
            let graph = std::mem::take(&mut trace.builder).finish(&outputs);
            Region { graph, arguments, captures, changes }
        })
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
