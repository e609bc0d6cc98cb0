//! Loops over the slices of tensors along axis 0.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::control::{Map, Scan};
use tensorwright_ir::{Shape, Type};

use super::agree::{self, Parties};
use super::region::{self, Captures, Traced};
use crate::error::{CallSite, Error, Result, caller};
use crate::function::Output;
use crate::interpret::trace::Session;
use crate::tensor::rows::no_tensor;
use crate::tensor::traced::is_tracing;
use crate::tree::tensors::{tensors, types_of, with_tensors};
use crate::{Tensor, Tree};

/// Runs `body` on the state and one slice after the other of the tensors in `xs`, along axis 0. The body gives the new state and
/// a result; results are stacked along a new axis 0. Returns the last state and the stacks.
///
/// In a traced function the body is traced once. Tensors in `xs` must have the same extent along axis 0, and there must be one.
///
/// # Errors
/// When `xs` are not such tensors, the body fails, or the state changes its type.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let sums = function(|x: Tensor| {
///     scan(Tensor::from(0.0f32), x, |sum, x| { let sum = sum + x; (sum.clone(), sum) })
/// });
/// let (last, all) = sums.call([1.0f32, 2.0, 3.0])?;
/// assert_eq!(last.item::<f32>()?, 6.0);
/// assert_eq!(all.to_vec::<f32>()?, [1.0, 3.0, 6.0]);
/// # Ok::<(), tensorwright::Error>(())
/// ```
#[track_caller]
pub fn scan<S: Tree, X: Tree, Y: Tree, O: Output<Tree = (S, Y)>>(
    state: S,
    xs: X,
    body: impl Fn(S, X) -> O,
) -> Result<(S, Y)> {
    Slices::of(xs, "scan", caller())?.scan(state, false, body)
}

/// Runs `body` on slices from the last to the first; see [`scan`]. Results are stacked at the places of their slices.
///
/// # Errors
/// As [`scan`].
#[track_caller]
pub fn scan_reverse<S: Tree, X: Tree, Y: Tree, O: Output<Tree = (S, Y)>>(
    state: S,
    xs: X,
    body: impl Fn(S, X) -> O,
) -> Result<(S, Y)> {
    Slices::of(xs, "scan", caller())?.scan(state, true, body)
}

/// Runs `body` on each slice of the tensors in `xs`, along axis 0, independently. Results are stacked along a new axis 0.
///
/// # Errors
/// When tensors in `xs` have no common extent along axis 0, or the body fails.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let norms = function(|x: Tensor| map(x, |row| (&row * &row).sum(..).sqrt()));
/// assert_eq!(norms.call([[3.0f32, 4.0], [0.0, 2.0]])?.to_vec::<f32>()?, [5.0, 2.0]);
/// # Ok::<(), tensorwright::Error>(())
/// ```
#[track_caller]
pub fn map<X: Tree, Y: Tree, O: Output<Tree = Y>>(xs: X, body: impl Fn(X) -> O) -> Result<Y> {
    Slices::of(xs, "map", caller())?.map(body)
}

/// Tensors that are sliced together.
struct Slices<X> {
    xs: X,
    length: usize,
    /// Types of the slices.
    types: Vec<Type>,
    at: CallSite,
}

impl<X: Tree> Slices<X> {
    fn of(xs: X, op: &'static str, at: CallSite) -> Result<Slices<X>> {
        let types = types_of(&tensors(&xs))?;
        let slice = |ty: &Type| {
            let (ty, length) = ty.as_tensor().and_then(|ty| Some((ty, ty.shape.first()?.size())))?;
            Some((length, ty.with_shape(ty.shape.without(&[0]))))
        };
        let slices = types.iter().map(slice).collect::<Option<Vec<_>>>().unwrap_or_default();
        let length = slices.first().map(|&(length, _)| length);
        let Some(length) = length.filter(|length| slices.iter().all(|(own, _)| own == length)) else {
            let wanted = "what is sliced must have a common extent along axis 0".to_owned();
            return Err(Error::refused(at, op, types, TypeError::Other(wanted)));
        };
        Ok(Slices { length, types: slices.into_iter().map(|(_, ty)| ty.into()).collect(), xs, at })
    }

    /// The slices at `index`, of tensors with values.
    fn slice(&self, index: usize) -> X {
        let slices = tensors(&self.xs).into_iter().map(|x| x.i(index as i64));
        with_tensors(&self.xs, slices)
    }

    fn scan<S: Tree, Y: Tree, O: Output<Tree = (S, Y)>>(
        self,
        state: S,
        reverse: bool,
        body: impl Fn(S, X) -> O,
    ) -> Result<(S, Y)> {
        if is_tracing() {
            return self.record_scan(state, reverse, body);
        }
        let at = self.at;
        let mut stacks = Stacks::new(self.length, at);
        let mut state = state;
        for count in 0..self.length {
            let index = if reverse { self.length - 1 - count } else { count };
            let before = with_tensors(&state, tensors(&state));
            let (after, y) = body(state, self.slice(index)).into_result()?;
            agree::check(&before, &after, Parties::Iteration, at)?;
            state = after;
            stacks.push(y)?;
        }
        if reverse {
            stacks.results.reverse();
        }
        let empty = || {
            let types: Vec<Type> =
                types_of(&tensors(&state))?.into_iter().chain(self.types.clone()).collect();
            let traced = trace_apart("body", &types, at, |inputs| self.call(&state, inputs, &body))?;
            let (_, y) = traced.result;
            Ok((y, traced.types[types.len() - self.types.len()..].to_vec()))
        };
        let y = stacks.finish(empty)?;
        Ok((state, y))
    }

    /// Calls the body with the state's tensors, then the slices.
    fn call<S: Tree, O>(&self, state: &S, mut inputs: Vec<Tensor>, body: impl Fn(S, X) -> O) -> O {
        let slices = inputs.split_off(inputs.len() - self.types.len());
        body(with_tensors(state, inputs), with_tensors(&self.xs, slices))
    }

    fn record_scan<S: Tree, Y: Tree, O: Output<Tree = (S, Y)>>(
        self,
        state: S,
        reverse: bool,
        body: impl Fn(S, X) -> O,
    ) -> Result<(S, Y)> {
        let now = tensors(&state);
        let types: Vec<Type> = types_of(&now)?.into_iter().chain(self.types.clone()).collect();
        let traced = region::trace("body", &types, self.at, |inputs| self.call(&state, inputs, &body))?;
        agree::check(&state, &traced.result.0, Parties::Iteration, self.at)?;
        self.record_traced(&state, reverse, traced)
    }

    fn record_traced<S: Tree, Y: Tree>(
        self,
        state: &S,
        reverse: bool,
        traced: Traced<(S, Y)>,
    ) -> Result<(S, Y)> {
        let (at, now) = (self.at, tensors(state));
        let count = now.len();
        let captures = Captures::of(&[&traced.region]);
        let (inputs, outputs) =
            (captures.inputs(count, self.types.len()), captures.outputs(count, traced.types.len() - count));
        let graph = region::graph(&traced.region, &inputs, &outputs, at)?;
        let xs = tensors(&self.xs);
        let carried = count + captures.changes.len();
        let scan = Scan { carried, scanned: xs.len(), length: self.length, reverse };
        let operands = captures.operands(&now, &xs);
        let mut results = region::record(scan, &operands, vec![graph], &captures, count, at)?.into_iter();
        let state = with_tensors(state, results.by_ref().take(count));
        Ok((state, with_tensors(&traced.result.1, results)))
    }

    fn map<Y: Tree, O: Output<Tree = Y>>(self, body: impl Fn(X) -> O) -> Result<Y> {
        let at = self.at;
        let call = |inputs: Vec<Tensor>| body(with_tensors(&self.xs, inputs));
        if !is_tracing() {
            let mut stacks = Stacks::new(self.length, at);
            for index in 0..self.length {
                stacks.push(body(self.slice(index)).into_result()?)?;
            }
            return stacks.finish(|| {
                let traced = trace_apart("body", &self.types, at, call)?;
                Ok((traced.result, traced.types))
            });
        }
        let traced = region::trace("body", &self.types, at, call)?;
        let captures = Captures::of(&[&traced.region]);
        if !captures.changes.is_empty() {
            // In order, because what the iterations change is.
            let Traced { region, result, types } = traced;
            return Ok(self.record_traced(&(), false, Traced { region, result: ((), result), types })?.1);
        }
        let count = traced.types.len();
        let (inputs, outputs) = (captures.inputs(self.types.len(), 0), captures.outputs(count, 0));
        let graph = region::graph(&traced.region, &inputs, &outputs, at)?;
        let xs = tensors(&self.xs);
        let map = Map { mapped: xs.len(), length: self.length };
        let results = region::record(map, &captures.operands(&xs, &[]), vec![graph], &captures, count, at)?;
        Ok(with_tensors(&traced.result, results))
    }
}

/// Traces a closure for its types alone.
fn trace_apart<O: Output>(
    name: &str,
    types: &[Type],
    at: CallSite,
    body: impl FnOnce(Vec<Tensor>) -> O,
) -> Result<Traced<O::Tree>> {
    let _around = Session::begin(name);
    region::trace(name, types, at, body)
}

/// Results of iterations that ran, to be stacked.
struct Stacks<Y> {
    results: Vec<Y>,
    at: CallSite,
}

impl<Y: Tree> Stacks<Y> {
    fn new(length: usize, at: CallSite) -> Stacks<Y> {
        Stacks { results: Vec::with_capacity(length), at }
    }

    fn push(&mut self, y: Y) -> Result<()> {
        if let Some(first) = self.results.first() {
            agree::check(first, &y, Parties::Branches(0, self.results.len()), self.at)?;
        }
        self.results.push(y);
        Ok(())
    }

    /// The stacks. If there was no iteration `empty` says what one would have given, and of which types.
    fn finish(self, empty: impl FnOnce() -> Result<(Y, Vec<Type>)>) -> Result<Y> {
        let Some(first) = self.results.first() else {
            let (y, types) = empty()?;
            let none = |ty: &Type| {
                let Type::Tensor(ty) = ty else { return Tensor::failed(no_tensor(ty, self.at)) };
                let shape: Shape = [0].into_iter().chain(ty.shape.sizes()).collect();
                Tensor::zeros(shape, ty.dtype)
            };
            return Ok(with_tensors(&y, types.iter().map(none)));
        };
        let rows: Vec<Vec<Tensor>> = self.results.iter().map(tensors).collect();
        let stack =
            |column: usize| Tensor::stack(&rows.iter().map(|row| &row[column]).collect::<Vec<_>>(), 0);
        let stacks: Vec<Tensor> = (0..tensors(first).len()).map(stack).collect();
        types_of(&stacks)?;
        Ok(with_tensors(first, stacks))
    }
}
