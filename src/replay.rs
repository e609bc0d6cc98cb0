//! Graphs as code: what was read from a file or built by hand runs like ops that the user wrote.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::{Graph, Type, Value};

use crate::Tensor;
use crate::error::{Error, Result, caller};
use crate::tensor::apply;

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
    let mut values: Vec<Option<Tensor>> = vec![None; graph.values().len()];
    for (value, input) in graph.inputs().iter().zip(inputs) {
        values[value.index()] = Some(input.clone());
    }
    for node in graph.nodes() {
        let operands: Vec<&Tensor> = node.operands.iter().map(|&value| made(&values, value)).collect();
        let results = apply(node.op.clone(), &operands, at).map_err(std::sync::Arc::unwrap_or_clone)?;
        for (value, result) in node.results.iter().zip(results) {
            values[value.index()] = Some(result);
        }
    }
    Ok(graph.outputs().iter().map(|&value| made(&values, value).clone()).collect())
}

fn made(values: &[Option<Tensor>], value: Value) -> &Tensor {
    values[value.index()].as_ref().expect("nodes are in topological order")
}
