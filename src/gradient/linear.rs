//! Products of a Jacobian and a vector.

use hashbrown::HashMap;
use tensorwright_compiler::differentiate::{self, Derived, DifferentiateError};
use tensorwright_ir::{Graph, Scalar};

use crate::control::region;
use crate::error::{CallSite, Error, Result, caller};
use crate::function::Output;
use crate::interpret::graph;
use crate::interpret::trace::{CaptureId, Captured};
use crate::state::State;
use crate::tree::tensors::{tensors, types_of, with_tensors};
use crate::{Tensor, Tree, Variable};

/// A function at a point, as a graph.
pub(super) struct Traced<A, R> {
    pub(super) argument: A,
    /// What the function returned while it was traced: only its structure is of use.
    pub(super) result: R,
    graph: Graph,
    /// The values of the graph's inputs: the tensors of the argument, then what was captured.
    operands: Vec<Captured>,
    arguments: usize,
    /// How many outputs are tensors of the result.
    results: usize,
    /// The state that the function changes: what it is then are the next outputs.
    changes: Vec<State>,
    at: CallSite,
}

impl<A: Tree, R: Tree> Traced<A, R> {
    pub(super) fn new<O: Output<Tree = R>>(
        f: &dyn Fn(A) -> O,
        argument: A,
        at: CallSite,
    ) -> Result<Traced<A, R>> {
        let inputs = tensors(&argument);
        let types = types_of(&inputs)?;
        let traced = region::trace("f", &types, at, |inputs| f(with_tensors(&argument, inputs)))?;
        let arguments = types.len();
        let operands = inputs.into_iter().map(Captured::Tensor).chain(traced.region.captures.iter().cloned());
        let operands = operands.collect();
        let (results, changes) = (traced.types.len(), traced.region.changes.clone());
        let graph = traced.region.into_graph();
        Ok(Traced { argument, result: traced.result, graph, operands, arguments, results, changes, at })
    }

    /// The result with values, or as part of the trace around.
    pub(super) fn run_here(&self) -> Result<R> {
        let outputs = graph::run_captured(&self.graph, &self.operands, &self.changes, self.results, self.at)?;
        Ok(with_tensors(&self.result, outputs))
    }

    fn is_float(&self, input: usize) -> bool {
        self.graph.ty(self.graph.inputs()[input]).is_float()
    }

    /// The outputs, and a cotangent for each tensor of the argument: zero for what has none, if it is no float or unless `strict`.
    pub(super) fn pull_back(
        &self,
        cotangents: &[Tensor],
        strict: bool,
    ) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
        let wrt: Vec<usize> = (0..self.arguments).filter(|&i| self.is_float(i)).collect();
        let derived = differentiate::vjp(&self.graph, &wrt).map_err(|e| failed(e, self.at))?;
        let is_float =
            |&(i, _): &(usize, &Tensor)| self.graph.tensor(self.graph.outputs()[i]).dtype.is_float();
        let cotangents = cotangents.iter().enumerate().filter(is_float).map(|(_, c)| c.clone());
        let outputs = self.run(&derived, cotangents)?;
        let mut found = wrt.iter().zip(&derived.derivatives);
        let mut gradients = Vec::new();
        for (input, x) in tensors(&self.argument).iter().enumerate() {
            let derivative = if self.is_float(input) { found.next().and_then(|(_, d)| *d) } else { None };
            match derivative {
                Some(at) => gradients.push(outputs[self.without_state(at)].clone()),
                None if strict && self.is_float(input) => return Err(self.unconnected(input)),
                None => gradients.push(zeros_like(x)?),
            }
        }
        Ok((outputs[..self.results].to_vec(), gradients))
    }

    /// The outputs and their tangents.
    fn push_forward(&self, tangents: &[Tensor]) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
        let wrt: Vec<usize> = (0..self.arguments).filter(|&i| self.is_float(i)).collect();
        let derived = differentiate::jvp(&self.graph, &wrt).map_err(|e| failed(e, self.at))?;
        let outputs = self.run(&derived, wrt.iter().map(|&i| tangents[i].clone()))?;
        let results = &outputs[..self.results];
        let tangent = |(output, derivative): (&Tensor, &Option<usize>)| match derivative {
            Some(at) => Ok(outputs[self.without_state(*at)].clone()),
            None => zeros_like(output),
        };
        let tangents = results.iter().zip(&derived.derivatives).map(tangent).collect::<Result<_>>()?;
        Ok((results.to_vec(), tangents))
    }

    fn run(&self, derived: &Derived, more: impl Iterator<Item = Tensor>) -> Result<Vec<Tensor>> {
        let operands: Vec<Captured> =
            self.operands.iter().cloned().chain(more.map(Captured::Tensor)).collect();
        graph::run_captured(&derived.graph, &operands, &self.changes, self.results, self.at)
    }

    /// The position of an output among those that are no state.
    fn without_state(&self, output: usize) -> usize {
        if output < self.results { output } else { output - self.changes.len() }
    }

    fn unconnected(&self, input: usize) -> Error {
        let what = match differentiate::explain(&self.graph, input) {
            Ok(Some(unconnected)) => unconnected.to_string(),
            _ => format!("input {input} is not connected to the result"),
        };
        Error::NotDifferentiable { at: self.at.into(), what }
    }
}

pub(super) fn zeros_like(x: &Tensor) -> Result<Tensor> {
    let ty = x.ty()?;
    Ok(Tensor::full(ty.shape.clone(), Scalar::zero(ty.dtype)))
}

pub(super) fn failed(error: DifferentiateError, at: CallSite) -> Error {
    Error::NotDifferentiable { at: at.into(), what: error.to_string() }
}

/// What [`vjp`] gives besides the value: takes cotangents of the result back to the argument.
pub struct Pullback<A, R> {
    traced: Traced<A, R>,
}

impl<A: Tree, R: Tree> Pullback<A, R> {
    /// The product of the transposed Jacobian and these cotangents, which are a tree like the result.
    ///
    /// # Errors
    /// When a cotangent has not the type of its part of the result, or an op has no derivative.
    pub fn call(&self, cotangents: &R) -> Result<A> {
        let cotangents = tensors(cotangents);
        check_like(&tensors(&self.traced.result), &cotangents, "cotangent", self.traced.at)?;
        let (_, gradients) = self.traced.pull_back(&cotangents, false)?;
        Ok(with_tensors(&self.traced.argument, gradients))
    }
}

fn check_like(expected: &[Tensor], found: &[Tensor], what: &str, at: CallSite) -> Result<()> {
    let (expected, found) = (types_of(expected)?, types_of(found)?);
    match expected.iter().zip(&found).position(|(e, f)| e != f) {
        None if expected.len() == found.len() => Ok(()),
        position => {
            let i = position.unwrap_or(expected.len().min(found.len()));
            let text = |types: &[tensorwright_ir::Type]| {
                types.get(i).map_or("nothing".to_owned(), ToString::to_string)
            };
            let what = format!("{what} {i} must be {}, found {}", text(&expected), text(&found));
            Err(Error::NotDifferentiable { at: at.into(), what })
        }
    }
}

/// The value of a function, and the [`Pullback`] that takes cotangents of the value back to cotangents of the argument: zero where
/// nothing is connected.
///
/// # Errors
/// When the function fails.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let x = Tensor::from([1.0f32, 2.0]);
/// let (y, pullback) = vjp(|x: Tensor| &x * &x, x)?;
/// assert_eq!(y.to_vec::<f32>()?, [1.0, 4.0]);
/// assert_eq!(pullback.call(&Tensor::from([1.0f32, 10.0]))?.to_vec::<f32>()?, [2.0, 40.0]);
/// # Ok::<(), tensorwright::Error>(())
/// ```
#[track_caller]
#[expect(clippy::type_complexity, reason = "the value and its pullback are what the name promises")]
pub fn vjp<A: Tree, O: Output>(f: impl Fn(A) -> O, argument: A) -> Result<(O::Tree, Pullback<A, O::Tree>)> {
    let traced = Traced::new(&f, argument, caller())?;
    Ok((traced.run_here()?, Pullback { traced }))
}

/// The value of a function, and the product of its Jacobian and the tangents, which are a tree like the argument.
///
/// # Errors
/// When the function fails, or a tangent has not the type of its part of the argument.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let (y, dy) = jvp(|x: Tensor| x.sin(), Tensor::from(0.0f64), Tensor::from(2.0f64))?;
/// assert_eq!((y.item::<f64>()?, dy.item::<f64>()?), (0.0, 2.0));
/// # Ok::<(), tensorwright::Error>(())
/// ```
#[track_caller]
pub fn jvp<A: Tree, O: Output>(f: impl Fn(A) -> O, argument: A, tangents: A) -> Result<(O::Tree, O::Tree)> {
    let at = caller();
    let tangents = tensors(&tangents);
    check_like(&tensors(&argument), &tangents, "tangent", at)?;
    let traced = Traced::new(&f, argument, at)?;
    let (values, tangents) = traced.push_forward(&tangents)?;
    Ok((with_tensors(&traced.result, values), with_tensors(&traced.result, tangents)))
}

/// The value of a function of variables, and its derivative (of the sum of its elements) by each of them, in order: what a step of
/// training needs. The function reads the variables; it may assign them too.
///
/// # Errors
/// When the function fails, its result is not a float tensor, or it does not depend differentiably on a variable.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let w = Variable::new([1.0f32, 2.0])?;
/// let (loss, gradients) = value_and_grad_of(&[&w], || w.value().square().sum(..))?;
/// assert_eq!(loss.item::<f32>()?, 5.0);
/// assert_eq!(gradients[0].to_vec::<f32>()?, [2.0, 4.0]);
/// # Ok::<(), tensorwright::Error>(())
/// ```
#[track_caller]
pub fn value_and_grad_of<O: Output<Tree = Tensor>>(
    variables: &[&Variable],
    f: impl Fn() -> O,
) -> Result<(Tensor, Vec<Tensor>)> {
    let at = caller();
    let traced = Traced::new(&|()| f(), (), at)?;
    let ty = traced.result.ty()?.clone();
    let refuse = |what: String| Error::NotDifferentiable { at: at.into(), what };
    if !ty.dtype.is_float() {
        return Err(refuse(format!("the function's result is {ty}, and only floats have gradients")));
    }
    let inputs: HashMap<Option<CaptureId>, usize> =
        traced.operands.iter().map(Captured::id).zip(0..).collect();
    let input =
        |variable: &Variable| inputs.get(&Some(CaptureId::State(State::Variable(variable.clone())))).copied();
    let unread = |variable: &Variable| refuse(format!("the function does not read {variable:?}"));
    let wrt = variables.iter().map(|v| input(v).ok_or_else(|| unread(v))).collect::<Result<Vec<_>>>()?;
    let derived = differentiate::vjp(&traced.graph, &wrt).map_err(|e| failed(e, at))?;
    let one = Tensor::full(ty.shape.clone(), Scalar::one(ty.dtype));
    let outputs = traced.run(&derived, [one].into_iter())?;
    let gradient = |(&input, derivative): (&usize, &Option<usize>)| match derivative {
        Some(output) => Ok(outputs[traced.without_state(*output)].clone()),
        None => Err(traced.unconnected(input)),
    };
    let gradients = wrt.iter().zip(&derived.derivatives).map(gradient).collect::<Result<_>>()?;
    Ok((outputs[0].clone(), gradients))
}
