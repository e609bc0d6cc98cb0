//! Graphs as code: what was read from a file, built by hand, or made by a transformation runs like ops that the user wrote.

use std::sync::Arc;

use tensorwright_ir::op::{Lowering, TypeError};
use tensorwright_ir::{Copier, Graph, Node};

use super::trace::Captured;
use super::{Application, Code, Operand, apply, apply_stateful, assigned, eager};
use crate::error::{CallSite, Error, Result, caller};
use crate::state::{State, Variable, variables};
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

/// Applies the ops of a graph to tensors and state; see [`run_graph`]. Outputs from `first_state` on are the new values of `states`; they are not
/// returned.
pub(crate) fn run_captured(
    graph: &Graph,
    inputs: &[Captured],
    states: &[State],
    first_state: usize,
    at: CallSite,
) -> Result<Vec<Tensor>> {
    let operands: Vec<Operand<'_>> = inputs.iter().map(Operand::from).collect();
    // The ops of a plain graph go down the stack one by one, out of the cache of ops.
    if !is_tracing() && graph.nodes().iter().all(is_plain) {
        let variables: Vec<Variable> = variables(states).cloned().collect();
        let _turns = Variable::take_turns(&variables);
        let mut outputs = run_ops(graph, eager::values(&operands), at)?;
        let new: Vec<Tensor> = outputs[first_state..].iter().map(|new| assigned(new, at)).collect();
        eager::assign(&variables, &new, at)?;
        outputs.drain(first_state..first_state + variables.len());
        return Ok(outputs);
    }
    let code = Code::Graph(graph);
    let results = apply_stateful(Application { code, operands: &operands, states, first_state, at });
    results.map(Results::into_vec).map_err(Arc::unwrap_or_clone)
}

/// The outputs that have values: a token, which no op of a plain graph reads, has none.
fn run_ops(graph: &Graph, inputs: Vec<Option<Tensor>>, at: CallSite) -> Result<Vec<Tensor>> {
    let mut copier = Copier::new(graph);
    for (&value, input) in graph.inputs().iter().zip(inputs) {
        if let Some(tensor) = input {
            copier.set(value, tensor);
        }
    }
    for node in graph.nodes() {
        let operands = copier.values(&node.operands);
        let operands: Vec<&Tensor> = operands.iter().collect();
        let results = apply(node.op.clone(), &operands, at).map_err(Arc::unwrap_or_clone)?;
        copier.set_all(&node.results, &results);
    }
    Ok(graph.outputs().iter().filter_map(|&output| copier.get(output)).collect())
}

/// Whether the node is an op without regions and effects, which calls nothing.
fn is_plain(node: &Node) -> bool {
    use Lowering::{Effect, Host, List, Region, Token};
    !matches!(node.op.lowering(), Region | Effect | List | Token | Host)
}
