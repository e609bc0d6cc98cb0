//! How a closure becomes a region.

use std::sync::Arc;

use hashbrown::HashSet;
use tensorwright_ir::{Graph, Op, Type, Value};

use crate::Tensor;
use crate::error::{CallSite, Error};
use crate::interpret::trace::{CaptureId, Captured, Input, Output, Region, Session};
use crate::interpret::{self, Application, Code, Operand};
use crate::state::State;
use crate::tensor::Results;
use crate::tree::erased::{AnyTree, Erased};
use crate::tree::tensors::types_of;

/// A traced closure.
pub(crate) struct Traced<R> {
    pub(crate) region: Region,
    /// What the closure returned, of tensors of the region.
    pub(crate) result: R,
    /// Types of its tensors.
    pub(crate) types: Vec<Type>,
}

/// What closures give, behind their doors.
pub(crate) trait Given {
    /// The tensors in it.
    fn row(&self) -> Vec<Tensor>;
}

impl Given for Tensor {
    fn row(&self) -> Vec<Tensor> {
        vec![self.clone()]
    }
}

impl Given for Vec<Tensor> {
    fn row(&self) -> Vec<Tensor> {
        self.clone()
    }
}

impl Given for Erased {
    fn row(&self) -> Vec<Tensor> {
        AnyTree::tensors(&**self)
    }
}

impl<A: Given, B: Given> Given for (A, B) {
    fn row(&self) -> Vec<Tensor> {
        let mut row = self.0.row();
        row.extend(self.1.row());
        row
    }
}

/// Traces a closure on arguments of these types.
pub(crate) fn trace<R: Given>(
    name: &str,
    arguments: &[Type],
    at: CallSite,
    body: impl FnOnce(Vec<Tensor>) -> Result<R, Error>,
) -> Result<Traced<R>, Error> {
    traced(Session::begin_region(name), arguments, at, body)
}

/// As [`trace`], for a closure whose arguments will be these tensors: it may ask them for sizes.
pub(crate) fn trace_at<R: Given>(
    name: &str,
    arguments: &[Tensor],
    at: CallSite,
    body: impl FnOnce(Vec<Tensor>) -> Result<R, Error>,
) -> Result<Traced<R>, Error> {
    traced(Session::begin_region_at(name, arguments), &types_of(arguments)?, at, body)
}

fn traced<R: Given>(
    session: Session,
    arguments: &[Type],
    at: CallSite,
    body: impl FnOnce(Vec<Tensor>) -> Result<R, Error>,
) -> Result<Traced<R>, Error> {
    let inputs = arguments.iter().map(|ty| session.input(ty.clone(), "", at)).collect();
    let result = body(inputs)?;
    let outputs = result.row();
    let types = types_of(&outputs)?;
    let values: Result<Vec<Value>, _> = outputs.iter().map(|tensor| session.output(tensor, at)).collect();
    let values = values.map_err(|failure| (*failure).clone())?;
    Ok(Traced { region: session.finish_region(arguments.len(), &values), result, types })
}

/// The captures that the regions of an op share: the state that one of them changes, which all of them take and give, and the rest of
/// what they captured, which all of them take.
pub(crate) struct Captures {
    pub(crate) changes: Vec<State>,
    pub(crate) invariants: Vec<Captured>,
    known: HashSet<Option<CaptureId>>,
}

impl Captures {
    pub(crate) fn of(regions: &[&Region]) -> Captures {
        let mut known = HashSet::new();
        let changes = regions.iter().flat_map(|region| &region.changes);
        let changes = changes.filter(|&state| known.insert(Some(CaptureId::State(state.clone()))));
        let changes = changes.cloned().collect();
        let mut captures = Captures { changes, invariants: Vec::new(), known };
        captures.add(regions.iter().flat_map(|region| region.captures.iter().cloned()));
        captures
    }

    /// Adds what the regions take besides, unless it is among the captures.
    pub(crate) fn add(&mut self, more: impl IntoIterator<Item = Captured>) {
        for captured in more {
            if self.known.insert(captured.id()) {
                self.invariants.push(captured);
            }
        }
    }

    /// The inputs of a region: `state` arguments, changed state, so many other arguments, invariants.
    pub(crate) fn inputs(&self, state: usize, others: usize) -> Vec<Input> {
        let changes = self.changes.iter().cloned().map(Captured::State).map(Input::Captured);
        let invariants = self.invariants.iter().cloned().map(Input::Captured);
        let others = (state..state + others).map(Input::Argument);
        (0..state).map(Input::Argument).chain(changes).chain(others).chain(invariants).collect()
    }

    /// The outputs of a region: `state` results, changed state, and so many other results.
    pub(crate) fn outputs(&self, state: usize, others: usize) -> Vec<Output> {
        let changes = self.changes.iter().cloned().map(Output::State);
        let others = (state..state + others).map(Output::Result);
        (0..state).map(Output::Result).chain(changes).chain(others).collect()
    }

    /// The operands that go with [`Captures::inputs`].
    pub(crate) fn operands<'t>(&'t self, state: &'t [Tensor], others: &'t [Tensor]) -> Vec<Operand<'t>> {
        let changes = self.changes.iter().map(Operand::State);
        let invariants = self.invariants.iter().map(Operand::from);
        let tensors = |tensors: &'t [Tensor]| tensors.iter().map(Operand::Tensor);
        tensors(state).chain(changes).chain(tensors(others)).chain(invariants).collect()
    }
}

/// A region as a graph. A rewrite that fails is a bug of the library.
pub(crate) fn graph(
    region: &Region,
    inputs: &[Input],
    outputs: &[Output],
    at: CallSite,
) -> Result<Graph, Error> {
    region.arranged(inputs, outputs).map_err(|error| Error::op(at, error))
}

/// Records an op with regions. The results from `first_state` on are new state.
pub(crate) fn record(
    op: impl Into<Op>,
    operands: &[Operand<'_>],
    regions: Vec<Graph>,
    captures: &Captures,
    first_state: usize,
    at: CallSite,
) -> Result<Results, Error> {
    let code = Code::Op(Box::new(op.into()), regions);
    let application = Application { code, operands, states: &captures.changes, first_state, at };
    interpret::apply_stateful(application).map_err(Arc::unwrap_or_clone)
}
