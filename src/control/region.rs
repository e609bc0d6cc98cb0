//! How a closure becomes a region.

use tensorwright_ir::{Graph, Op, Type, Value};

use super::agree::tensors;
use crate::Tensor;
use crate::error::{Error, Place};
use crate::function::Output as ClosureOutput;
use crate::tensor::Results;
use crate::trace::{self, Captured, Input, Output, Region, Session};

/// A traced closure.
pub(crate) struct Traced<R> {
    pub(crate) region: Region,
    /// What the closure returned, of tensors of the region.
    pub(crate) result: R,
    /// Types of its tensors.
    pub(crate) types: Vec<Type>,
}

/// Traces a closure on arguments of these types.
pub(crate) fn trace<O: ClosureOutput>(
    name: &str,
    arguments: &[Type],
    at: Place,
    body: impl FnOnce(Vec<Tensor>) -> O,
) -> Result<Traced<O::Tree>, Error> {
    let session = Session::begin_region(name);
    let inputs = arguments.iter().map(|ty| session.input(ty.clone(), "", at)).collect();
    let result = body(inputs).into_result()?;
    let outputs = tensors(&result);
    let types = super::agree::types(&outputs)?;
    let values: Result<Vec<Value>, _> = outputs.iter().map(|tensor| session.output(tensor, at)).collect();
    let values = values.map_err(|failure| (*failure).clone())?;
    Ok(Traced { region: session.finish_region(arguments.len(), &values), result, types })
}

/// All that the regions captured, each once; a token is first.
pub(crate) fn captures(regions: &[&Region]) -> Vec<Captured> {
    let mut all: Vec<Captured> = Vec::new();
    if regions.iter().any(|region| region.has_effects) {
        all.push(Captured::Token);
    }
    for capture in regions.iter().flat_map(|region| &region.captures) {
        if !all.iter().any(|known| known.is(capture)) {
            all.push(capture.clone());
        }
    }
    all
}

/// The inputs of a region: `state` arguments, the token if there is one among the captures, so many other arguments, and the
/// other captures.
pub(crate) fn inputs(state: usize, others: usize, captures: &[Captured]) -> Vec<Input> {
    let (tokens, tensors): (Vec<_>, Vec<_>) =
        captures.iter().cloned().partition(|c| matches!(c, Captured::Token));
    let arguments = |range: std::ops::Range<usize>| range.map(Input::Argument);
    let captured = |list: Vec<Captured>| list.into_iter().map(Input::Captured);
    arguments(0..state)
        .chain(captured(tokens))
        .chain(arguments(state..state + others))
        .chain(captured(tensors))
        .collect()
}

/// The outputs of a region: `state` results, the token if there is one among the captures, and so many other results.
pub(crate) fn outputs(state: usize, others: usize, captures: &[Captured]) -> Vec<Output> {
    let token = has_token(captures).then_some(Output::Token);
    let others = (state..state + others).map(Output::Result);
    (0..state).map(Output::Result).chain(token).chain(others).collect()
}

pub(crate) fn has_token(captures: &[Captured]) -> bool {
    captures.iter().any(|capture| matches!(capture, Captured::Token))
}

/// A region as a graph. A rewrite that fails is a bug of the library.
pub(crate) fn graph(
    region: &Region,
    inputs: &[Input],
    outputs: &[Output],
    at: Place,
) -> Result<Graph, Error> {
    region.arranged(inputs, outputs).map_err(|error| Error::op(at, error))
}

/// Records an op with regions.
pub(crate) fn record(
    op: impl Into<Op>,
    operands: &[trace::Operand<'_>],
    regions: Vec<Graph>,
    token: Option<usize>,
    at: Place,
) -> Result<Results, Error> {
    trace::record_control(op.into(), operands, regions, token, at).map_err(|failure| (*failure).clone())
}
