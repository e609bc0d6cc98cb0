//! The eager interpreter: each op runs at once, as a compiled graph out of a [`cache`] of the process.
//!
//! So do effects, and graphs with regions, which are compiled as a whole. Operands are tensors with values; of state the value
//! of the moment is taken, and new values are assigned. Effects that run at once are in order, so that nothing stands for tokens: a
//! graph that takes or gives some is compiled [without them](order).

pub(crate) mod cache;
mod host;
mod order;
mod pieces;
mod section;

use std::sync::Arc;

use section::{Sections, sections};
use smallvec::{SmallVec, smallvec};
use tensorwright_ir::op::OpDef;
use tensorwright_ir::op::primitive::Slice;
use tensorwright_ir::{Graph, Op, TensorType};
use tensorwright_runtime::Executable;
use tensorwright_runtime::buffer::SharedBuffer;

use super::application::{Application, Applied, Code, Operand};
use crate::error::{CallSite, Error, Failure, Result};
use crate::settings;
use crate::state::{State, Variable, variables};
use crate::tensor::{Repr, Results, Tensor, rows};
use cache::{Entry, GraphQuery, OpQuery, compile, executable, known};

/// Runs an op on tensors with values. Of an effect the operands are those without the token, and there are no results.
pub(super) fn run(op: &Op, operands: &[&Tensor], at: CallSite) -> Result<Results, Failure> {
    match op {
        Op::Slice(slice) => run_slice(slice, operands[0], at),
        op => run_compiled(op, operands, at),
    }
}

/// Runs an op as code for just this op.
fn run_compiled(op: &Op, operands: &[&Tensor], at: CallSite) -> Result<Results, Failure> {
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
    match known(&query) {
        Some(entry) => run_entry(&entry, &inputs, at),
        None => run_new(&query, &inputs, at),
    }
}

/// Runs an op that is not compiled for these types.
#[cold]
fn run_new(query: &OpQuery<'_>, inputs: &[&SharedBuffer], at: CallSite) -> Result<Results, Failure> {
    if let Some(pieces) = pieces::pieces(query) {
        let entry = executable(&pieces.query(), at)?;
        if let Some(result) = pieces.run(&entry.executable, inputs, at) {
            return result;
        }
    }
    run_entry(&executable(query, at)?, inputs, at)
}

/// Runs a slice in [parts](section) that do not depend on where it begins.
fn run_slice(slice: &Slice, x: &Tensor, at: CallSite) -> Result<Results, Failure> {
    let Repr::Concrete(ty, buffer) = x.repr() else { return Err(without_value(x, at)) };
    let refused = |source| Error::refused(at, Slice::NAME, [ty.into()], source);
    let results = slice.infer(&[ty]).map_err(refused)?;
    let Sections { section, steps } = sections(slice, &ty.shape, &results[0].shape);
    let mut result = Tensor::concrete(ty.clone(), buffer.clone());
    if let Some((section, starts)) = section {
        let starts = Tensor::literal_in_memory(&starts, at);
        result = run_compiled(&section.into(), &[&result, &starts], at)?.remove(0);
    }
    if let Some(steps) = steps {
        result = run_compiled(&steps.into(), &[&result], at)?.remove(0);
    }
    Ok(smallvec![result])
}

#[inline]
fn run_entry(entry: &Entry, inputs: &[&SharedBuffer], at: CallSite) -> Result<Results, Failure> {
    run_executable(&entry.executable, inputs, at)
}

#[inline]
fn run_executable(
    executable: &Executable,
    inputs: &[&SharedBuffer],
    at: CallSite,
) -> Result<Results, Failure> {
    let outputs = executable.run(inputs, settings::eager_threads()).map_err(|error| Error::run(at, error))?;
    let types = executable.output_types().iter().cloned();
    Ok(types.zip(outputs).map(|(ty, buffer)| Tensor::concrete(ty, buffer)).collect())
}

#[cold]
fn without_value(operand: &Tensor, at: CallSite) -> Failure {
    match operand.repr() {
        Repr::Traced(traced) => Error::Escaped { made: traced.made.into(), used: at.into() }.into(),
        Repr::List(list) => rows::no_tensor(&list.ty(), at).into(),
        Repr::Failed(failure) => Arc::clone(failure),
        Repr::Concrete(..) => unreachable!("it has a value"),
    }
}

/// Ops that need no code: the result of a reshape shares the operand's memory, as that of a mark does, a constant is there already, and calls have
/// theirs.
fn without_code(
    op: &Op,
    types: &[&TensorType],
    inputs: &[&SharedBuffer],
    at: CallSite,
) -> Option<Result<Results, Failure>> {
    match op {
        Op::Constant(constant) => Some(Ok(smallvec![Tensor::literal_in_memory(&constant.value, at)])),
        Op::HostCallback(_) | Op::PureCallback(_) | Op::CustomCall(_) => {
            Some(host::call(op, types, inputs, at))
        }
        Op::TraceMark(_) => Some(Ok(smallvec![Tensor::concrete(types[0].clone(), inputs[0].clone())])),
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
pub(super) fn run_stateful(application: &Application<'_>) -> Result<Applied, Failure> {
    let &Application { ref code, operands, states, first_state, at } = application;
    let assigned: Vec<Variable> = variables(states).cloned().collect();
    let _turns = Variable::take_turns(&assigned);
    let operands: Vec<Tensor> = values(operands).into_iter().flatten().collect();
    let results = match code {
        Code::Op(op, _) => run(op, &operands.iter().collect::<Vec<_>>(), at)?.into_vec(),
        Code::Graph(graph) => run_graph(graph, &operands, at)?.into_vec(),
    };
    assign(&assigned, &results[first_state..], at)?;
    Ok(Applied { operands, results, states: first_state..first_state + assigned.len() })
}

fn run_graph(graph: &Graph, operands: &[Tensor], at: CallSite) -> Result<Results, Failure> {
    let inputs = operands.iter().map(|operand| match operand.repr() {
        Repr::Concrete(_, buffer) => Ok(buffer),
        _ => Err(without_value(operand, at)),
    });
    let inputs = inputs.collect::<Result<Vec<&SharedBuffer>, Failure>>()?;
    let query = GraphQuery(graph);
    // The cache would keep closures, of which each is another, longer than whoever made them.
    match host::holds_closures(graph) {
        true => run_executable(&compile(&query, at)?.executable, &inputs, at),
        false => run_entry(&executable(&query, at)?, &inputs, at),
    }
}

/// Operands as tensors: variables as their values at one moment. Tokens have no values: what runs at once is in order.
pub(super) fn values(operands: &[Operand<'_>]) -> Vec<Option<Tensor>> {
    let variables: Vec<&Variable> = operands.iter().filter_map(|operand| operand.variable()).collect();
    let mut values = Variable::tensors(&variables).into_iter();
    let tensor = |operand: &Operand<'_>| match *operand {
        Operand::Tensor(tensor) => Some(tensor.clone()),
        Operand::State(State::Variable(_)) => values.next(),
        Operand::State(State::Token) => None,
    };
    operands.iter().map(tensor).collect()
}

/// Gives variables the first of these values, all at one moment.
pub(super) fn assign(variables: &[Variable], values: &[Tensor], at: CallSite) -> Result<()> {
    let known = |value: &Tensor| Ok((value.value(at)?.1.clone(), value.id()));
    let values = values.iter().take(variables.len()).map(known).collect::<Result<Vec<_>>>()?;
    Variable::set_all(variables, values);
    Ok(())
}
