//! Calls of the program's code that run at once: nothing is compiled for them, and nothing keeps their closures.

use tensorwright_ir::eval::EvalError;
use tensorwright_ir::op::control::HostCall;
use tensorwright_ir::{Graph, Literal, Op, TensorType};
use tensorwright_runtime::RunError;
use tensorwright_runtime::buffer::SharedBuffer;

use crate::error::{CallSite, Error, Failure};
use crate::tensor::{Results, Tensor};

/// What the code gives for these operands.
pub(super) fn call(
    op: &Op,
    types: &[&TensorType],
    inputs: &[&SharedBuffer],
    at: CallSite,
) -> Result<Results, Failure> {
    let literal = |(&ty, buffer): (&&TensorType, &&SharedBuffer)| {
        Literal::from_bytes(ty.clone(), buffer.as_bytes().to_vec())
            .expect("a tensor has the bytes of its type")
    };
    let operands: Vec<Literal> = types.iter().zip(inputs).map(literal).collect();
    let types: Vec<TensorType> = types.iter().map(|&ty| ty.clone()).collect();
    let call = HostCall::of(op, &types).expect("the op calls the program's code");
    let given = call.and_then(|call| call.run(operands));
    let failed = |message| EvalError::Host { op: op.name(), message, location: None };
    let given = given.map_err(|message| Error::run(at, RunError::Effect(failed(message))))?;
    Ok(given.iter().map(|literal| Tensor::literal_in_memory(literal, at)).collect())
}

/// Whether a node of the graph, or of its regions, calls a closure.
pub(super) fn holds_closures(graph: &Graph) -> bool {
    graph.nodes().iter().any(|node| !node.op.has_text() || node.regions.iter().any(holds_closures))
}
