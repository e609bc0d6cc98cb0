//! Graphs as code: what was read from a file, built by hand, or made by a transformation runs like ops that the user wrote.

use std::borrow::Cow;
use std::sync::Arc;

use tensorwright_ir::op::{Lowering, TypeError};
use tensorwright_ir::{BuildError, Builder, Copier, Graph, Node, Type, Value};

use super::trace::Captured;
use super::{Application, Code, Operand, apply, apply_stateful, eager};
use crate::error::{Error, Place, Result, caller};
use crate::state::State;
use crate::tensor::traced::is_tracing;
use crate::tensor::{Results, Tensor};
use crate::tree::tensors::types_of;

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
    let found = types_of(inputs)?;
    let expected = graph.input_types();
    if found != expected {
        let message = format!("the graph takes {expected:?}, found {found:?}");
        return Err(Error::refused(at, "run_graph", found, TypeError::Other(message)));
    }
    let operands: Vec<Captured> = inputs.iter().cloned().map(Captured::Tensor).collect();
    run_captured(graph, &operands, &[], 0, at)
}

/// As [`run_graph`], for inputs that may be state. Outputs from `first_state` on are the new values of `states`; they are not
/// returned.
pub(crate) fn run_captured(
    graph: &Graph,
    inputs: &[Captured],
    states: &[State],
    first_state: usize,
    at: Place,
) -> Result<Vec<Tensor>> {
    let operands: Vec<Operand<'_>> = inputs.iter().map(Operand::from).collect();
    if is_tracing() {
        let code = Code::Graph(graph);
        return apply_whole(Application { code, operands: &operands, states, first_state, at });
    }
    // What runs at once is in order: the graph has an order of effects of its own.
    let graph = &*without_tokens(graph).map_err(|error| Error::op(at, error))?;
    let is_order = |operand: &&Operand<'_>| matches!(operand, Operand::State(State::Token));
    let operands: Vec<Operand<'_>> = operands.iter().filter(|operand| !is_order(operand)).copied().collect();
    let states: Vec<State> = states.iter().filter(|&state| *state != State::Token).cloned().collect();
    // The ops of a plain graph go down the stack one by one, out of the cache of ops.
    if graph.nodes().iter().all(is_plain) {
        let inputs: Vec<Tensor> = operands.iter().map(|operand| eager::tensor(*operand, at)).collect();
        let mut outputs = run_ops(graph, &inputs, at)?;
        let new = outputs.drain(first_state..first_state + states.len());
        eager::assign(&states, new, at)?;
        return Ok(outputs);
    }
    let code = Code::Graph(graph);
    apply_whole(Application { code, operands: &operands, states: &states, first_state, at })
}

fn apply_whole(application: Application<'_>) -> Result<Vec<Tensor>> {
    apply_stateful(application).map(Results::into_vec).map_err(Arc::unwrap_or_clone)
}

/// The graph with an order of effects of its own, in place of one that it takes and gives.
fn without_tokens(graph: &Graph) -> std::result::Result<Cow<'_, Graph>, BuildError> {
    let is_token = |&value: &Value| matches!(graph.ty(value), Type::Token);
    if !graph.inputs().iter().chain(graph.outputs()).any(is_token) {
        return Ok(Cow::Borrowed(graph));
    }
    let mut b = Builder::new(graph.name());
    let inputs = graph.inputs().iter().map(|&input| match graph.ty(input) {
        Type::Token => b.token(),
        ty => b.input(ty.clone()),
    });
    let inputs: Vec<Value> = inputs.collect();
    let outputs = b.inline(graph, &inputs)?;
    let outputs = outputs.into_iter().filter(|&output| !matches!(b.ty(output), Type::Token));
    let outputs: Vec<Value> = outputs.collect();
    Ok(Cow::Owned(b.finish(&outputs)))
}

fn run_ops(graph: &Graph, inputs: &[Tensor], at: Place) -> Result<Vec<Tensor>> {
    let mut copier = Copier::with_inputs(graph, inputs);
    for node in graph.nodes() {
        let operands = copier.values(&node.operands);
        let operands: Vec<&Tensor> = operands.iter().collect();
        let results = apply(node.op.clone(), &operands, at).map_err(Arc::unwrap_or_clone)?;
        copier.set_all(&node.results, &results);
    }
    Ok(copier.values(graph.outputs()).into_vec())
}

/// Whether the node is an op without regions and effects.
fn is_plain(node: &Node) -> bool {
    !matches!(node.op.lowering(), Lowering::Region | Lowering::Effect | Lowering::List | Lowering::Token)
}
