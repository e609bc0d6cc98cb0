//! Cuts: what was traced so far is run, because the size of what comes next is an element that it computes.
//!
//! Shapes of a graph are fixed, so a size that data decide must be known before its tensor can be traced. Where a function asks for one
//! ([`number`]), its graph ends (PyTorch's compiler calls that a graph break): it becomes a *subgraph*, whose outputs are the size and what the rest of the function may still use, and
//! somebody who knows the function's inputs ([`Subgraphs`]) compiles and runs it. The trace then goes on with an empty graph. What an earlier subgraph has
//! computed is *carried*: an input of the subgraph that uses it.
//!
//! What may still be used are the values of which somebody has a tensor, so each tensor of such a trace counts its handles; and the variables
//! that the function has touched.
//!
//! A closure that is being differentiated is a region, of which the values of its arguments are known too, as tensors of the trace around
//! it: what the size needs of the region is computed there, and the region itself goes on as a whole.

use std::rc::Rc;

use hashbrown::{HashMap, HashSet};
use tensorwright_ir::{Builder, Copier, DType, Graph, Type, Value};

use super::super::application::{Application, Code, Operand};
use super::super::eager;
use super::capture::Captured;
use super::carried::Subgraphs;
use super::recording::Recording;
use super::stack::{Scope, TRACES, Trace};
use crate::error::{CallSite, Error, Failure};
use crate::state::State;
use crate::tensor::traced::{TraceId, Traced};
use crate::tensor::{Repr, Tensor};

/// What a number is that is asked for.
pub(crate) enum Number {
    /// It was computed: by a subgraph of the function.
    Computed(usize),
    /// This tensor, which has a value.
    Tensor(Tensor),
}

/// How a number is computed.
enum Way {
    /// By a subgraph of the function that is traced.
    Subgraph(Recording, Rc<dyn Subgraphs>),
    /// By code of its own, from tensors with values.
    Graph(Graph, Vec<Captured>),
    /// It has a value.
    Known(Tensor),
}

/// The value of a number, an integer of rank 0, that may be a value of a trace.
pub(crate) fn number(number: &Tensor, at: CallSite) -> Result<Number, Failure> {
    // Code is compiled and run without the traces being borrowed.
    match TRACES.with_borrow_mut(|traces| way(traces, number, at))? {
        Way::Known(tensor) => Ok(Number::Tensor(tensor)),
        Way::Subgraph(recording, subgraphs) => subgraphs.run(recording, at).map(Number::Computed),
        Way::Graph(graph, operands) => {
            let operands: Vec<Operand<'_>> = operands.iter().map(Operand::from).collect();
            let code = Code::Graph(&graph);
            let application = Application { code, operands: &operands, states: &[], first_state: 1, at };
            let mut results = eager::run_stateful(&application)?.results;
            Ok(Number::Tensor(results.remove(0)))
        }
    }
}

/// Takes a number down to where it can be computed.
fn way(traces: &mut [Trace], number: &Tensor, at: CallSite) -> Result<Way, Failure> {
    let mut number = number.clone();
    loop {
        let traced = match number.repr() {
            Repr::Traced(traced) => traced.clone(),
            Repr::Failed(failure) => return Err(failure.clone()),
            Repr::Concrete(..) | Repr::List(_) => return Ok(Way::Known(number)),
        };
        let Some(level) = traces.iter().rposition(|trace| trace.owns(&traced)) else {
            let (made, used) = (traced.made.into(), at.into());
            return Err(Error::Escaped { made, used }.into());
        };
        let (outer, rest) = traces.split_at_mut(level);
        let trace = &mut rest[0];
        if trace.cuts.is_some() {
            return trace.cut(&number, at);
        }
        let Some(stands) = &trace.stands else {
            let inside = trace.without_values();
            return Err(Error::UnknownSize { at: at.into(), made: traced.made.into(), inside }.into());
        };
        let (graph, operands) = trace.computing(traced.value, stands, at)?;
        let Some((around, further)) = outer.split_last_mut() else {
            return Ok(Way::Graph(graph, operands));
        };
        number = around.inlined(&graph, &operands, further, at)?;
    }
}

impl Trace {
    /// Whether the tensor is a value of this trace, of whichever subgraph.
    pub(super) fn owns(&self, traced: &Traced) -> bool {
        traced.trace == self.subgraph || self.cuts.as_ref().is_some_and(|cuts| cuts.carried(traced).is_some())
    }

    /// Ends the subgraph, which gives the number and what is carried, and begins the next one.
    fn cut(&mut self, number: &Tensor, at: CallSite) -> Result<Way, Failure> {
        let number = self.value_of(number, &[], at)?;
        let number = self.builder.cast(number, DType::I64).map_err(|error| Error::op(at, error))?;
        let carried = self.usable();
        let types: Vec<Type> =
            self.bindings.iter().map(|binding| self.builder.ty(binding.value).clone()).collect();
        let outputs: Vec<Value> = [number].into_iter().chain(carried.iter().copied()).collect();
        let captures = self.take_captures(&HashMap::new());
        let name = self.builder.graph().name().to_owned();
        let graph = std::mem::replace(&mut self.builder, Builder::new(name)).finish(&outputs);
        let before = std::mem::replace(&mut self.subgraph, TraceId::fresh());
        let cuts = self.cuts.as_mut().expect("a trace that is cut has subgraphs");
        for value in carried {
            let next = cuts.carried.len();
            cuts.carried.insert((before, value), next);
        }
        let subgraphs = cuts.subgraphs.clone();
        self.captured.clear();
        self.bind_again(before, types, at);
        Ok(Way::Subgraph(Recording { graph, captures, assigned: Vec::new() }, subgraphs))
    }

    /// The tensors of this subgraph of which somebody has a handle, and the variables, as they are now.
    fn usable(&mut self) -> Vec<Value> {
        let made = self.cuts.as_mut().map(|cuts| std::mem::take(&mut cuts.made)).unwrap_or_default();
        let kept = made.iter().filter(|(_, handle)| handle.strong_count() > 0).map(|&(value, _)| value);
        let variables = self.bindings.iter().filter(|binding| binding.state != State::Token);
        let mut seen = HashSet::new();
        kept.chain(variables.map(|binding| binding.value))
            .filter(|&value| matches!(self.builder.ty(value), Type::Tensor(_)) && seen.insert(value))
            .collect()
    }

    /// Binds variables, of these types, to what they were at the end of the subgraph before. Effects begin anew.
    fn bind_again(&mut self, before: TraceId, types: Vec<Type>, at: CallSite) {
        self.bound.clear();
        for (mut binding, ty) in std::mem::take(&mut self.bindings).into_iter().zip(types) {
            if binding.state == State::Token {
                continue;
            }
            let old = Traced { trace: before, value: binding.value, ty: ty.clone(), made: at, handle: None };
            binding.value = self.capture(ty, &Tensor::traced(old).with_id(binding.id));
            self.bound.insert(binding.state.clone(), self.bindings.len());
            self.bindings.push(binding);
        }
    }

    /// The graph of what a value of this region needs, with its operands, where `stands` stand for the arguments.
    fn computing(
        &self,
        value: Value,
        stands: &[Tensor],
        at: CallSite,
    ) -> Result<(Graph, Vec<Captured>), Failure> {
        let graph = self.builder.graph();
        let mut needed: HashSet<Value> = [value].into();
        let mut nodes = Vec::new();
        for node in graph.nodes().iter().rev() {
            if node.results.iter().any(|result| needed.contains(result)) {
                needed.extend(node.operands.iter().copied());
                nodes.push(node);
            }
        }
        let mut b = Builder::new("size");
        let mut copier = Copier::new(graph);
        let mut operands = Vec::new();
        let arguments = stands.iter().cloned().map(Captured::Tensor);
        for (&input, operand) in graph.inputs().iter().zip(arguments.chain(self.captures.iter().cloned())) {
            if needed.contains(&input) {
                copier.declare(graph, &mut b, input);
                operands.push(operand);
            }
        }
        for node in nodes.into_iter().rev() {
            copier.copy(&mut b, node).map_err(|error| Error::op(at, error))?;
        }
        Ok((b.finish(&copier.values(&[value])), operands))
    }

    /// The result of a graph that is recorded here, of operands of this trace.
    fn inlined(
        &mut self,
        graph: &Graph,
        operands: &[Captured],
        outer: &[Trace],
        at: CallSite,
    ) -> Result<Tensor, Failure> {
        let operands = operands.iter().map(|operand| self.operand(Operand::from(operand), outer, at));
        let operands = operands.map(|found| Ok(found?.0)).collect::<Result<Vec<Value>, Failure>>()?;
        let results = self.builder.inline(graph, &operands).map_err(|error| Error::op(at, error))?;
        Ok(self.tensor(results[0], at))
    }

    /// What kind of code this is, of which nothing has a value.
    fn without_values(&self) -> String {
        match (self.scope, self.builder.graph().name()) {
            (Scope::Function, name) => format!("`{name}`, which is compiled without values"),
            (Scope::Region, "vmap") => "a function under `vmap`".to_owned(),
            (Scope::Region, _) => "a branch or a loop".to_owned(),
        }
    }
}
