//! Sessions: traces from their beginning to their end.

use std::rc::Rc;

use hashbrown::HashMap;
use tensorwright_ir::{Type, Value};

use super::capture::Captured;
use super::carried::Subgraphs;
use super::recording::{Outside, Recording};
use super::region::Region;
use super::stack::{self, Trace};
use crate::error::{CallSite, Failure};
use crate::state::{State, Variable};
use crate::tensor::traced::TraceId;
use crate::tensor::{Repr, Tensor};

/// A trace that is being recorded. Dropping it ends the trace, also when the traced closure panics.
pub(crate) struct Session {
    id: TraceId,
}

impl Trace {
    /// What was captured, with assigned variables by their positions.
    pub(super) fn take_captures(&mut self, assigned: &HashMap<Variable, usize>) -> Vec<Outside> {
        let captures = std::mem::take(&mut self.captures);
        let outside = |captured| match captured {
            Captured::Tensor(tensor) => match tensor.repr() {
                Repr::Concrete(_, buffer) => Outside::Buffer(buffer.clone()),
                Repr::Traced(traced) => {
                    let carried = self.cuts.as_ref().and_then(|cuts| cuts.carried(traced));
                    Outside::Carried(carried.expect("functions capture values of their own subgraphs only"))
                }
                _ => unreachable!("functions capture tensors with values"),
            },
            Captured::State(State::Variable(variable)) => match assigned.get(&variable) {
                Some(&own) => Outside::Assigned(own),
                None => Outside::Variable(variable),
            },
            Captured::State(State::Token) => unreachable!("functions begin with a token of their own"),
        };
        captures.into_iter().map(outside).collect()
    }
}

impl Session {
    /// Begins the trace of a function, with what runs its subgraphs, if the values of its arguments are known.
    pub(crate) fn begin(name: &str, subgraphs: Option<Rc<dyn Subgraphs>>) -> Session {
        Session { id: stack::begin_function(name, subgraphs) }
    }

    /// Begins the trace of a region of control flow.
    pub(crate) fn begin_region(name: &str) -> Session {
        Session { id: stack::begin_region(name, None) }
    }

    /// Begins the trace of a region whose arguments will be these tensors.
    pub(crate) fn begin_region_at(name: &str, arguments: &[Tensor]) -> Session {
        Session { id: stack::begin_region(name, Some(arguments.to_vec())) }
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
            let captures = trace.take_captures(&positions);
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
