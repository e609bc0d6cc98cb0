//! The eager interpreter: each op runs at once, as a compiled graph out of a [`cache`] of the process.
//!
//! So do effects, and graphs with regions, which are compiled as a whole. Operands are tensors with values; of state the value
//! of the moment is taken, and new values are assigned.

pub(crate) mod cache;

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::{DType, Graph, Op, TensorType};
use tensorwright_runtime::buffer::SharedBuffer;

use super::application::{Application, Applied, Code, Operand};
use crate::error::{Error, Failure, Place, Result};
use crate::settings;
use crate::state::State;
use crate::tensor::{Repr, Results, Tensor, rows};
use cache::{Entry, GraphQuery, OpQuery, executable};

/// Runs an op on tensors with values. Of an effect the operands are those without the token, and there are no results.
pub(super) fn run(op: &Op, operands: &[&Tensor], at: Place) -> Result<Results, Failure> {
    let mut inputs: SmallVec<[&SharedBuffer; 4]> = SmallVec::new();
    let mut types: SmallVec<[&TensorType; 4]> = SmallVec::new();
    for operand in operands {
        match operand.repr() {
            Repr::Concrete(ty, buffer) => {
                types.push(ty);
                inputs.push(buffer);
            }
            _ => return Err(without_value(operand, at)),
        }
    }
    if let Some(result) = without_code(op, &types, &inputs, at) {
        return result;
    }
    let query = OpQuery { op, types };
    run_entry(&executable(&query, at)?, &inputs, at)
}

#[inline]
fn run_entry(entry: &Entry, inputs: &[&SharedBuffer], at: Place) -> Result<Results, Failure> {
    let executable = &entry.executable;
    let outputs = executable.run(inputs, settings::eager_threads()).map_err(|error| Error::run(at, error))?;
    let types = executable.output_types().iter().cloned();
    Ok(types.zip(outputs).map(|(ty, buffer)| Tensor::concrete(ty, buffer)).collect())
}

#[cold]
fn without_value(operand: &Tensor, at: Place) -> Failure {
    match operand.repr() {
        Repr::Traced(traced) => Error::Escaped { made: traced.made.into(), used: at.into() }.into(),
        Repr::List(list) => rows::no_tensor(&list.ty(), at).into(),
        Repr::Failed(failure) => Arc::clone(failure),
        Repr::Concrete(..) => unreachable!("it has a value"),
    }
}

/// Ops that need no code: the result of a reshape shares the operand's memory, and a constant is there already.
fn without_code(
    op: &Op,
    types: &[&TensorType],
    inputs: &[&SharedBuffer],
    at: Place,
) -> Option<Result<Results, Failure>> {
    match op {
        Op::Constant(constant) => Some(Ok(smallvec![Tensor::literal_in_memory(&constant.value, at)])),
        Op::Reshape(_) => Some(match op.infer_tensors(types) {
            Ok(results) => {
                Ok(results.into_iter().map(|ty| Tensor::concrete(ty, inputs[0].clone())).collect())
            }
            Err(source) => {
                let types = types.iter().map(|&ty| ty.into());
                Err(Error::refused(at, op.name(), types, source).into())
            }
        }),
        _ => None,
    }
}

/// Runs an application, and gives its states their new values.
pub(super) fn run_stateful(application: Application<'_>) -> Result<Applied, Failure> {
    let Application { code, operands, states, first_state, at } = application;
    let operands: Vec<Tensor> = match &code {
        // Effects that run at once are in order.
        Code::Op(..) => operands.iter().filter_map(Operand::tensor).cloned().collect(),
        Code::Graph(_) => operands.iter().map(|operand| tensor(*operand, at)).collect(),
    };
    let mut results = match &code {
        Code::Op(op, _) => run(op, &operands.iter().collect::<Vec<_>>(), at)?.into_vec(),
        Code::Graph(graph) => run_graph(graph, &operands, at)?.into_vec(),
    };
    if let Code::Op(..) = code {
        results.extend(states.iter().map(|state| tensor(Operand::State(state), at)));
    }
    assign(states, results[first_state..].iter().take(states.len()).cloned(), at)?;
    Ok(Applied { operands, results })
}

fn run_graph(graph: &Graph, operands: &[Tensor], at: Place) -> Result<Results, Failure> {
    let inputs = operands.iter().map(|operand| match operand.repr() {
        Repr::Concrete(_, buffer) => Ok(buffer),
        _ => Err(without_value(operand, at)),
    });
    let inputs = inputs.collect::<Result<Vec<&SharedBuffer>, Failure>>()?;
    run_entry(&executable(&GraphQuery(graph), at)?, &inputs, at)
}

/// An operand as a tensor: a variable as its value now.
pub(super) fn tensor(operand: Operand<'_>, at: Place) -> Tensor {
    match operand {
        Operand::Tensor(tensor) => tensor.clone(),
        Operand::State(State::Variable(variable)) => {
            Tensor::concrete(variable.ty().clone(), variable.buffer())
        }
        // The order of effects has no value: something empty stands in its place among operands and results.
        Operand::State(State::Token) => Tensor::in_memory(TensorType::new(DType::Bool, [0]), at, |_| {}),
    }
}

/// Gives states their new values.
pub(super) fn assign(states: &[State], values: impl IntoIterator<Item = Tensor>, at: Place) -> Result<()> {
    for (state, value) in states.iter().zip(values) {
        if let State::Variable(variable) = state {
            variable.set(value.value(at)?.1.clone());
        }
    }
    Ok(())
}
