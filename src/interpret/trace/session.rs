//! Sessions: traces from their beginning to their end.

use hashbrown::HashMap;
use tensorwright_ir::{Graph, Type, Value};
use tensorwright_runtime::buffer::SharedBuffer;

use super::capture::Captured;
use super::region::Region;
use super::stack::{self, Scope, Trace};
use crate::error::{CallSite, Failure};
use crate::state::{State, Variable};
use crate::tensor::traced::TraceId;
use crate::tensor::{Repr, Tensor};

/// A trace that is being recorded. Dropping it ends the trace, also when the traced closure panics.
pub(crate) struct Session {
    id: TraceId,
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
    /// The inputs that hold the old values of variables, which a call donates, with the outputs that hold the new ones.
    pub(crate) fn donations(&self) -> Vec<(usize, usize)> {
        let first_input = self.graph.inputs().len() - self.captures.len();
        let first_output = self.graph.outputs().len() - self.assigned.len();
        let pair = |(at, outside): (usize, &Outside)| match outside {
            Outside::Assigned(own) => Some((first_input + at, first_output + own)),
            Outside::Buffer(_) | Outside::Variable(_) => None,
        };
        self.captures.iter().enumerate().filter_map(pair).collect()
    }
}

/// Where the value of an input of a function comes from that is no argument.
pub(crate) enum Outside {
    /// A tensor.
    Buffer(SharedBuffer),
    /// A variable that is only read, at the time of the call.
    Variable(Variable),
    /// A variable that is assigned, by its position among these.
    Assigned(usize),
}

impl Outside {
    /// The variable, if it is one, where these are assigned.
    pub(crate) fn variable<'v>(&'v self, assigned: &'v [Variable]) -> Option<&'v Variable> {
        match self {
            Outside::Buffer(_) => None,
            Outside::Variable(variable) => Some(variable),
            Outside::Assigned(own) => Some(&assigned[*own]),
        }
    }

    /// The variable that is only read.
    pub(crate) fn read_only(&self) -> Option<&Variable> {
        match self {
            Outside::Buffer(_) | Outside::Assigned(_) => None,
            Outside::Variable(variable) => Some(variable),
        }
    }
}

impl Session {
    /// Begins the trace of a function.
    pub(crate) fn begin(name: &str) -> Session {
        Session { id: stack::begin(name, Scope::Function) }
    }

    /// Begins the trace of a region of control flow.
    pub(crate) fn begin_region(name: &str) -> Session {
        Session { id: stack::begin(name, Scope::Region) }
    }

    /// Adds an argument. All of them come before the first op.
    pub(crate) fn input(&self, ty: impl Into<Type>, name: &str, made: CallSite) -> Tensor {
        self.with(|trace, _| {
            let value =
                if name.is_empty() { trace.builder.input(ty) } else { trace.builder.named_input(name, ty) };
            trace.tensor(value, made)
        })
    }

    /// The value of a result.
    pub(crate) fn output(&self, tensor: &Tensor, at: CallSite) -> Result<Value, Failure> {
        self.with(|trace, outer| trace.value_of(tensor, outer, at))
    }

    /// Ends the trace of a function.
    pub(crate) fn finish(self, outputs: &[Value]) -> Recording {
        self.with(|trace, _| {
            let assigned = trace.changed().filter_map(|binding| match &binding.state {
                State::Variable(variable) => Some((variable.clone(), binding.value)),
                State::Token => None,
            });
            let (assigned, last): (Vec<Variable>, Vec<Value>) = assigned.unzip();
            let positions: HashMap<Variable, usize> = assigned.iter().cloned().zip(0..).collect();
            let outside = |captured| match captured {
                Captured::Tensor(tensor) => match tensor.repr() {
                    Repr::Concrete(_, buffer) => Outside::Buffer(buffer.clone()),
                    _ => unreachable!("functions capture tensors with values"),
                },
                Captured::State(State::Variable(variable)) => match positions.get(&variable) {
                    Some(&own) => Outside::Assigned(own),
                    None => Outside::Variable(variable),
                },
                Captured::State(State::Token) => unreachable!("functions begin with a token of their own"),
            };
            let captures: Vec<Outside> =
                std::mem::take(&mut trace.captures).into_iter().map(outside).collect();
            let outputs: Vec<Value> = outputs.iter().copied().chain(last).collect();
            Recording { graph: std::mem::take(&mut trace.builder).finish(&outputs), captures, assigned }
        })
    }

    /// Ends the trace of a region that has so many arguments.
    pub(crate) fn finish_region(self, arguments: usize, outputs: &[Value]) -> Region {
        self.with(|trace, _| {
            let changed = trace.changed().map(|binding| (binding.state.clone(), binding.value));
            let (changes, last): (Vec<State>, Vec<Value>) = changed.unzip();
            let outputs: Vec<Value> = outputs.iter().copied().chain(last).collect();
            let captures = std::mem::take(&mut trace.captures);
            let graph = std::mem::take(&mut trace.builder).finish(&outputs);
            Region { graph, arguments, captures, changes }
        })
    }

    fn with<R>(&self, work: impl FnOnce(&mut Trace, &[Trace]) -> R) -> R {
        stack::with(self.id, work)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        stack::end(self.id);
    }
}
