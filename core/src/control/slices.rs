//! Loops over the slices of tensors along axis 0.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::control::{Map, Scan};
use tensorwright_ir::{Shape, Type};

use super::agree::{self, Carried, Parties};
use super::region::{self, Captures, Traced};
use crate::error::{CallSite, Error, Result, caller};
use crate::function::{AnyFunction, Output, Site, erased};
use crate::interpret::trace::Session;
use crate::tensor::rows::no_tensor;
use crate::tensor::traced::is_tracing;
use crate::tree::erased::{AnyTree, Erased, typed};
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
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn scan<S: Tree, X: Tree, Y: Tree, O: Output<Tree = (S, Y)>>(
    state: S,
    xs: X,
    body: impl Fn(S, X) -> O,
) -> Result<(S, Y)> {
    scanned(state, xs, false, &|(state, x)| body(state, x), caller())
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
    scanned(state, xs, true, &|(state, x)| body(state, x), caller())
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
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("map_fn", "vectorized_map"))]
#[track_caller]
pub fn map<X: Tree, Y: Tree, O: Output<Tree = Y>>(xs: X, body: impl Fn(X) -> O) -> Result<Y> {
    mapped(xs, &body, caller())
}

#[inline(never)]
fn mapped<X: Tree, Y: Tree>(xs: X, body: &dyn AnyFunction<X, Y>, at: CallSite) -> Result<Y> {
    let site = Site { at, names: &[] };
    let call = |slices| erased(body.call_from(with_tensors(&xs, slices), site));
    Slices::of(tensors(&xs), "map", at)?.map(&call).map(typed)
}

#[inline(never)]
fn scanned<S: Tree, X: Tree, Y: Tree>(
    state: S,
    xs: X,
    reverse: bool,
    body: &dyn AnyFunction<(S, X), (S, Y)>,
    at: CallSite,
) -> Result<(S, Y)> {
    let site = Site { at, names: &[] };
    let call = |now, slices| {
        let (state, y) = body.call_from((with_tensors(&state, now), with_tensors(&xs, slices)), site)?;
        Ok((Box::new(state) as Erased, Box::new(y) as Erased))
    };
    let (last, stacks) = Slices::of(tensors(&xs), "scan", at)?.scan(&state, reverse, &call)?;
    Ok((with_tensors(&state, last), typed(stacks)))
}

/// The body of a scan behind its door: state and slices in, state and a result out.
type Body<'b> = &'b dyn Fn(Vec<Tensor>, Vec<Tensor>) -> Result<(Erased, Erased)>;

/// Tensors that are sliced together.
pub(super) struct Slices {
    xs: Vec<Tensor>,
    length: usize,
    /// Types of the slices.
    types: Vec<Type>,
    at: CallSite,
}

impl Slices {
    pub(super) fn of(xs: Vec<Tensor>, op: &'static str, at: CallSite) -> Result<Slices> {
        let types = types_of(&xs)?;
        let slice = |ty: &Type| {
            let (ty, length) = ty.as_tensor().and_then(|ty| Some((ty, ty.shape.first()?.size())))?;
            Some((length, ty.with_shape(ty.shape.without(&[0]))))
        };
        let slices = types.iter().map(slice).collect::<Option<Vec<_>>>().unwrap_or_default();
        let length = slices.first().map(|&(length, _)| length);
        let Some(length) = length.filter(|length| slices.iter().all(|(own, _)| own == length)) else {
            let wanted = match types.is_empty() {
                true => "there must be a tensor to slice, which says how often the body runs",
                false => "what is sliced must have a common extent along axis 0",
            };
            return Err(Error::refused(at, op, types, TypeError::Other(wanted.to_owned())));
        };
        Ok(Slices { length, types: slices.into_iter().map(|(_, ty)| ty.into()).collect(), xs, at })
    }

    /// How many slices there are.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The slices at `index`, of tensors with values.
    fn slice(&self, index: usize) -> Vec<Tensor> {
        self.xs.iter().map(|x| x.i(index as i64)).collect()
    }

    /// The last state and the stacks.
    fn scan(self, state: &dyn AnyTree, reverse: bool, body: Body<'_>) -> Result<(Vec<Tensor>, Erased)> {
        let (at, now) = (self.at, state.tensors());
        let carried = Carried::new(state, at)?;
        let types: Vec<Type> = types_of(&now)?.into_iter().chain(self.types.clone()).collect();
        // The state's tensors, then the slices.
        let call = |mut inputs: Vec<Tensor>| {
            let slices = inputs.split_off(now.len());
            let (state, y) = body(inputs, slices)?;
            Ok((carried.after(&*state)?, y))
        };
        if is_tracing() {
            let traced = region::trace("body", &types, at, call)?;
            return self.record_scan(&now, reverse, traced);
        }
        let (last, mut stacks) = self.run_scan(now.clone(), reverse, &call)?;
        if reverse {
            stacks.results.reverse();
        }
        let stacks = stacks.finish(|| {
            let traced = trace_apart("body", &types, at, call)?;
            Ok((traced.result.1, traced.types[now.len()..].to_vec()))
        })?;
        Ok((last, stacks))
    }

    fn run_scan(
        &self,
        mut now: Vec<Tensor>,
        reverse: bool,
        call: &dyn Fn(Vec<Tensor>) -> Result<(Vec<Tensor>, Erased)>,
    ) -> Result<(Vec<Tensor>, Stacks)> {
        let mut stacks = Stacks::new(self.length, self.at);
        for count in 0..self.length {
            let index = if reverse { self.length - 1 - count } else { count };
            now.extend(self.slice(index));
            let (after, y) = call(now)?;
            now = after;
            stacks.push(y)?;
        }
        Ok((now, stacks))
    }

    fn record_scan(
        self,
        now: &[Tensor],
        reverse: bool,
        traced: Traced<(Vec<Tensor>, Erased)>,
    ) -> Result<(Vec<Tensor>, Erased)> {
        let (at, count) = (self.at, now.len());
        let captures = Captures::of(&[&traced.region]);
        let (inputs, outputs) =
            (captures.inputs(count, self.types.len()), captures.outputs(count, traced.types.len() - count));
        let graph = region::graph(&traced.region, &inputs, &outputs, at)?;
        let carried = count + captures.changes.len();
        let scan = Scan { carried, scanned: self.xs.len(), length: self.length, reverse };
        let operands = captures.operands(now, &self.xs);
        let mut results = region::record(scan, &operands, vec![graph], &captures, count, at)?.into_vec();
        let stacks = results.split_off(count);
        Ok((results, traced.result.1.with(stacks)))
    }

    /// The stacks of results.
    fn map(self, call: &dyn Fn(Vec<Tensor>) -> Result<Erased>) -> Result<Erased> {
        let at = self.at;
        if !is_tracing() {
            let mut stacks = Stacks::new(self.length, at);
            for index in 0..self.length {
                stacks.push(call(self.slice(index))?)?;
            }
            return stacks.finish(|| {
                let traced = trace_apart("body", &self.types, at, call)?;
                Ok((traced.result, traced.types))
            });
        }
        let Traced { region, result, types } = region::trace("body", &self.types, at, call)?;
        let captures = Captures::of(&[&region]);
        if !captures.changes.is_empty() {
            // In order, because what the iterations change is.
            let traced = Traced { region, result: (Vec::new(), result), types };
            return Ok(self.record_scan(&[], false, traced)?.1);
        }
        let count = types.len();
        let (inputs, outputs) = (captures.inputs(self.types.len(), 0), captures.outputs(count, 0));
        let graph = region::graph(&region, &inputs, &outputs, at)?;
        let map = Map { mapped: self.xs.len(), length: self.length };
        let operands = captures.operands(&self.xs, &[]);
        let results = region::record(map, &operands, vec![graph], &captures, count, at)?;
        Ok(result.with(results.into_vec()))
    }
}

/// Traces a closure for its types alone.
fn trace_apart<R: region::Given>(
    name: &str,
    types: &[Type],
    at: CallSite,
    body: impl FnOnce(Vec<Tensor>) -> Result<R>,
) -> Result<Traced<R>> {
    let _around = Session::begin(name, None);
    region::trace(name, types, at, body)
}

/// Results of iterations that ran, to be stacked.
struct Stacks {
    results: Vec<Erased>,
    at: CallSite,
}

impl Stacks {
    fn new(length: usize, at: CallSite) -> Stacks {
        Stacks { results: Vec::with_capacity(length), at }
    }

    fn push(&mut self, y: Erased) -> Result<()> {
        if let Some(first) = self.results.first() {
            agree::check(&**first, &*y, Parties::Branches(0, self.results.len()), self.at)?;
        }
        self.results.push(y);
        Ok(())
    }

    /// The stacks. If there was no iteration `empty` says what one would have given, and of which types.
    fn finish(self, empty: impl FnOnce() -> Result<(Erased, Vec<Type>)>) -> Result<Erased> {
        let Some(first) = self.results.first() else {
            let (y, types) = empty()?;
            let none = |ty: &Type| {
                let Type::Tensor(ty) = ty else { return Tensor::failed(no_tensor(ty, self.at)) };
                let shape: Shape = [0].into_iter().chain(ty.shape.sizes()).collect();
                Tensor::zeros(shape, ty.dtype)
            };
            return Ok(y.with(types.iter().map(none).collect()));
        };
        let rows: Vec<Vec<Tensor>> = self.results.iter().map(|y| y.tensors()).collect();
        let stack =
            |column: usize| Tensor::stack(&rows.iter().map(|row| &row[column]).collect::<Vec<_>>(), 0);
        let stacks: Vec<Tensor> = (0..rows[0].len()).map(stack).collect();
        types_of(&stacks)?;
        Ok(first.with(stacks))
    }
}
