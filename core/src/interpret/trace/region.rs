//! Regions: closures of control flow, traced.

use hashbrown::HashMap;
use tensorwright_ir::{BuildError, Builder, Graph, Scalar, Shape, Type, Value};

use super::capture::{CaptureId, Captured};
use crate::state::State;

/// A region that has been traced. Its inputs are its arguments and what it captured, in the order in which it did.
pub(crate) struct Region {
    pub(super) graph: Graph,
    pub(super) arguments: usize,
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
        let captured: HashMap<Option<CaptureId>, usize> =
            self.captures.iter().map(Captured::id).zip(self.arguments..).collect();
        let mut own: Vec<Option<Value>> = vec![None; self.graph.inputs().len()];
        let mut taken = Vec::with_capacity(inputs.len());
        for input in inputs {
            let position = match input {
                Input::Argument(i) => Some(*i),
                Input::Captured(what) => captured.get(&what.id()).copied(),
                Input::Unused(_) => None,
            };
            let value = self.arranged_input(&mut b, input, position);
            taken.push(value);
            if let Some(position) = position {
                own[position] = Some(value);
            }
        }
        let own: Vec<Value> = own.into_iter().map(|v| v.expect("every input is among them")).collect();
        let results = b.inline(&self.graph, &own)?;
        let changed = results.len() - self.changes.len();
        let changes = self.changes.iter().zip(results[changed..].iter().copied());
        let before = inputs.iter().zip(&taken).filter_map(|(input, &value)| match input {
            Input::Captured(Captured::State(state)) => Some((state, value)),
            _ => None,
        });
        let states: HashMap<&State, Value> = before.chain(changes).collect();
        let output = |output: &Output| match output {
            Output::Result(i) => Ok(results[*i]),
            Output::Input(i) => Ok(taken[*i]),
            Output::Fill(element, shape) => b.full(*element, shape),
            Output::State(state) => Ok(*states.get(state).expect("state that is given is taken")),
        };
        let outputs = outputs.iter().map(output).collect::<Result<Vec<_>, BuildError>>()?;
        Ok(b.finish(&outputs))
    }

    /// Adds an input as its op has it, under the region's own name for it.
    fn arranged_input(&self, b: &mut Builder, input: &Input, position: Option<usize>) -> Value {
        let own = position.map(|position| self.graph.inputs()[position]);
        let value = b.input(match (input, own) {
            (_, Some(own)) => self.graph.ty(own).clone(),
            (Input::Captured(what), None) => what.ty(),
            (Input::Unused(ty), None) => ty.clone(),
            (Input::Argument(_), None) => unreachable!("arguments are inputs"),
        });
        if let Some(own) = own {
            b.set_name(value, self.graph.value_name(own).map(str::to_owned));
        }
        value
    }

    /// The region as it was traced.
    pub(crate) fn into_graph(self) -> Graph {
        self.graph
    }
}
