//! Graphs as code: what was read from a file or built by hand runs like ops that the user wrote.

use std::sync::Arc;
use tensorwright_ir::op::{Lowering, TypeError};
use tensorwright_ir::{Builder, Graph, Node, Op, Type, Value};

use crate::backend::{CompileOptions, Executable};
use crate::error::{Error, Place, Result, caller};
use crate::gradient::tape;
use crate::tensor::apply;
use crate::trace::{Captured, State};
use crate::{DType, Tensor, settings, trace};

/// Applies the ops of a graph to tensors: at once, or recorded in a traced function.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::{Graph, run_graph};
///
/// let graph: Graph = "graph @f(%x: f32[2]) { %y = mul(%x, %x) return %y }".parse()?;
/// let square = function(move |x: Tensor| Ok(run_graph(&graph, &[x])?.remove(0)));
/// assert_eq!(square.call([1.0f32, 3.0])?.to_vec::<f32>()?, [1.0, 9.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the inputs are not those of the graph, or one of them carries an error.
#[track_caller]
pub fn run_graph(graph: &Graph, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let at = caller();
    let found: Vec<Type> = inputs.iter().map(|x| x.ty().cloned()).collect::<Result<_>>()?;
    let expected = graph.input_types();
    if found != expected {
        let message = format!("the graph takes {expected:?}, found {found:?}");
        return Err(Error::refused(at, "run_graph", found, TypeError::Other(message)));
    }
    let operands: Vec<Captured> = inputs.iter().cloned().map(Captured::Tensor).collect();
    run_captured(graph, &operands, &[], 0, at)
}

/// As [`run_graph`], for inputs that may be state. Outputs from `at_states` on are the new values of `states`; they are not
/// returned.
pub(crate) fn run_captured(
    graph: &Graph,
    inputs: &[Captured],
    states: &[State],
    at_states: usize,
    at: Place,
) -> Result<Vec<Tensor>> {
    if trace::is_active() {
        let operands: Vec<trace::Operand<'_>> = inputs.iter().map(trace::Operand::from).collect();
        return trace::record_graph(graph, &operands, states, at_states, at).map_err(Arc::unwrap_or_clone);
    }
    let tensor = |input: &Captured| match input {
        Captured::Tensor(tensor) => tensor.clone(),
        Captured::State(State::Token) => Tensor::zeros([0], DType::Bool),
        Captured::State(State::Variable(variable)) => variable.value(),
    };
    let inputs: Vec<Tensor> = inputs.iter().map(tensor).collect();
    let mut outputs = if graph.nodes().iter().all(is_plain) {
        run_ops(graph, &inputs, at)?
    } else {
        run_whole(graph, &inputs, at)?
    };
    for (state, value) in states.iter().zip(outputs.drain(at_states..at_states + states.len())) {
        if let State::Variable(variable) = state {
            variable.assign(value)?;
        }
    }
    Ok(outputs)
}

fn run_ops(graph: &Graph, inputs: &[Tensor], at: Place) -> Result<Vec<Tensor>> {
    let mut values: Vec<Option<Tensor>> = vec![None; graph.values().len()];
    for (value, input) in graph.inputs().iter().zip(inputs) {
        values[value.index()] = Some(input.clone());
    }
    for node in graph.nodes() {
        let operands: Vec<&Tensor> = node.operands.iter().map(|&value| made(&values, value)).collect();
        let results = apply(node.op.clone(), &operands, at).map_err(Arc::unwrap_or_clone)?;
        for (value, result) in node.results.iter().zip(results) {
            values[value.index()] = Some(result);
        }
    }
    Ok(graph.outputs().iter().map(|&value| made(&values, value).clone()).collect())
}

/// Whether the node is an op without regions and effects.
fn is_plain(node: &Node) -> bool {
    !matches!(node.op.lowering(), Lowering::Region | Lowering::Effect | Lowering::List)
}

/// Compiles the graph and runs it on tensors with values.
fn run_whole(graph: &Graph, inputs: &[Tensor], at: Place) -> Result<Vec<Tensor>> {
    let executable = Executable::compile(graph, &CompileOptions::default())
        .map_err(|error| Error::Compile { at: at.into(), message: error.to_string().into() })?;
    let buffers = inputs.iter().map(|x| x.value(at).map(|(_, buffer)| buffer)).collect::<Result<Vec<_>>>()?;
    let outputs =
        executable.run(&buffers, settings::eager_threads()).map_err(|error| Error::run(at, error))?;
    let types = graph.output_types().into_iter();
    let outputs: Vec<Tensor> = types.zip(outputs).map(|(ty, buffer)| Tensor::concrete(ty, buffer)).collect();
    if tape::is_active() {
        tape::note_graph(graph, &inputs.iter().collect::<Vec<_>>(), &outputs, at);
    }
    Ok(outputs)
}

/// Has an effect on tensors with values at once.
pub(crate) fn run_effect(op: Op, values: &[&Tensor], at: Place) -> Result<()> {
    let mut b = Builder::new(op.name());
    b.set_location(Some(at.into()));
    let mut operands = Vec::new();
    for value in values {
        operands.push(b.input(value.ty()?.clone()));
    }
    operands.insert(0, b.token());
    b.push(op, &operands).map_err(|error| Error::op(at, error))?;
    let inputs: Vec<Tensor> = values.iter().map(|&value| value.clone()).collect();
    run_whole(&b.finish(&[]), &inputs, at).map(drop)
}

fn made(values: &[Option<Tensor>], value: Value) -> &Tensor {
    values[value.index()].as_ref().expect("nodes are in topological order")
}
