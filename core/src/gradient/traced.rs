//! A function at a point as a graph, and products with its Jacobian there.

use tensorwright_compiler::differentiate::{self, Derived, DifferentiateError, Unconnected};
use tensorwright_ir::{Graph, Scalar, TensorType, Type};

use crate::control::region;
use crate::error::{CallSite, Error, Result};
use crate::function::{Site, describe};
use crate::interpret::graph;
use crate::interpret::trace::Captured;
use crate::state::State;
use crate::tensor::Tensor;
use crate::tree::erased::{AnyTree, Erased};

/// A function at a point.
pub(super) struct Traced {
    /// What the function returned while it was traced: only its structure is of use.
    pub(super) result: Erased,
    /// The types of its tensors.
    pub(super) types: Vec<Type>,
    pub(super) inputs: Vec<Tensor>,
    /// What messages call the inputs.
    paths: Vec<String>,
    pub(super) graph: Graph,
    /// The values of the graph's inputs: the tensors of the argument, then what was captured.
    pub(super) operands: Vec<Captured>,
    /// The state that the function changes: what it is then are the next outputs.
    changes: Vec<State>,
    at: CallSite,
}

impl Traced {
    pub(super) fn new(
        argument: &dyn AnyTree,
        site: Site<'_>,
        f: &dyn Fn(Vec<Tensor>) -> Result<Erased>,
    ) -> Result<Traced> {
        let (at, inputs) = (site.at, argument.tensors());
        let paths = describe::paths(argument, site);
        let region::Traced { region, result, types } = region::trace_at("f", &inputs, at, f)?;
        let operands = inputs.iter().cloned().map(Captured::Tensor);
        let operands = operands.chain(region.captures.iter().cloned()).collect();
        let changes = region.changes.clone();
        let graph = region.into_graph();
        Ok(Traced { result, types, inputs, paths, graph, operands, changes, at })
    }

    /// The result with values, or as part of the trace around.
    pub(super) fn run_here(&self) -> Result<Erased> {
        let outputs =
            graph::run_captured(&self.graph, &self.operands, &self.changes, self.results(), self.at)?;
        Ok(self.result.with(outputs))
    }

    /// How many outputs are tensors of the result.
    pub(super) fn results(&self) -> usize {
        self.types.len()
    }

    /// The type of the result of a function that gives one tensor. Fails unless it is a float.
    pub(super) fn float_result(&self) -> Result<&TensorType> {
        match &self.types[..] {
            [Type::Tensor(ty)] if ty.dtype.is_differentiable() => Ok(ty),
            types => {
                let found = types.first().map_or("nothing".to_owned(), ToString::to_string);
                Err(self.refusal(format!("the function's result is {found}, and only floats have gradients")))
            }
        }
    }

    pub(super) fn is_float(&self, input: usize) -> bool {
        self.graph.ty(self.graph.inputs()[input]).is_differentiable()
    }

    /// The outputs, and a cotangent for each input that is asked for: none for what has none.
    pub(super) fn pull_back(
        &self,
        cotangents: &[Tensor],
        asked: impl Fn(usize) -> bool,
        at: CallSite,
    ) -> Result<(Vec<Tensor>, Vec<Option<Tensor>>)> {
        let count = self.inputs.len();
        let wrt: Vec<usize> = (0..count).filter(|&i| self.is_float(i) && asked(i)).collect();
        let derived = differentiate::vjp_of(&self.graph, self.results(), &wrt).map_err(|e| failed(e, at))?;
        let floats = cotangents.iter().zip(&self.types).filter(|(_, ty)| ty.is_differentiable());
        let mut outputs = self.run(&derived, floats.map(|(c, _)| c.clone()), at)?;
        let mut found = vec![None; count];
        for (&input, derivative) in wrt.iter().zip(&derived.derivatives) {
            found[input] = derivative.map(|output| outputs[self.without_state(output)].clone());
        }
        outputs.truncate(self.results());
        Ok((outputs, found))
    }

    /// The outputs and their tangents.
    pub(super) fn push_forward(&self, tangents: &[Tensor]) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
        let wrt: Vec<usize> = (0..self.inputs.len()).filter(|&i| self.is_float(i)).collect();
        let derived = differentiate::jvp(&self.graph, &wrt).map_err(|e| failed(e, self.at))?;
        let outputs = self.run(&derived, wrt.iter().map(|&i| tangents[i].clone()), self.at)?;
        let results = &outputs[..self.results()];
        let tangent = |(output, derivative): (&Tensor, &Option<usize>)| match derivative {
            Some(at) => Ok(outputs[self.without_state(*at)].clone()),
            None => zeros_like(output),
        };
        let tangents = results.iter().zip(&derived.derivatives).map(tangent).collect::<Result<_>>()?;
        Ok((results.to_vec(), tangents))
    }

    pub(super) fn run(
        &self,
        derived: &Derived,
        more: impl Iterator<Item = Tensor>,
        at: CallSite,
    ) -> Result<Vec<Tensor>> {
        let operands: Vec<Captured> =
            self.operands.iter().cloned().chain(more.map(Captured::Tensor)).collect();
        graph::run_captured(&derived.graph, &operands, &self.changes, self.results(), at)
    }

    /// The position of an output among those that are no state.
    pub(super) fn without_state(&self, output: usize) -> usize {
        if output < self.results() { output } else { output - self.changes.len() }
    }

    /// Why the result does not depend on an input.
    pub(super) fn unconnected(&self, input: usize) -> Error {
        self.unconnected_as(input, &self.paths[input])
    }

    /// As [`Traced::unconnected`], for an input that has a name.
    pub(super) fn unconnected_as(&self, input: usize, name: &str) -> Error {
        self.refusal(match differentiate::explain(&self.graph, input) {
            Ok(Some(unconnected)) => Unconnected { input: name.to_owned(), ..unconnected }.to_string(),
            _ => format!("{name} is not connected to the result"),
        })
    }

    pub(super) fn refusal(&self, what: String) -> Error {
        Error::NotDifferentiable { at: self.at.into(), what }
    }
}

/// A cotangent or tangent of 1 everywhere.
pub(super) fn ones(ty: &TensorType) -> Tensor {
    Tensor::full(ty.shape.clone(), Scalar::one(ty.dtype))
}

pub(super) fn zeros_like(x: &Tensor) -> Result<Tensor> {
    let ty = x.ty()?;
    Ok(Tensor::full(ty.shape.clone(), Scalar::zero(ty.dtype)))
}

pub(super) fn failed(error: DifferentiateError, at: CallSite) -> Error {
    let wrote = match &error {
        DifferentiateError::Build(error) => error.location.clone(),
        _ => None,
    };
    Error::NotDifferentiable { at: wrote.unwrap_or_else(|| at.into()), what: error.to_string() }
}
