//! Loops with state.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::control::{Scan, While};
use tensorwright_ir::{DType, Scalar, TensorType, Type};

use super::agree::Carried;
use super::branch::check_scalar;
use super::region::{self, Captures};
use crate::error::{CallSite, Error, Result, caller};
use crate::function::{AnyFunction, Output, Site, erased};
use crate::interpret::trace::{self, Output as RegionOutput};
use crate::tensor::Repr;
use crate::tensor::traced::is_tracing;
use crate::tree::erased::{AnyTree, Erased};
use crate::tree::tensors::{types_of, with_tensors};
use crate::{Tensor, Tree};

/// Runs `body` on the state as long as `condition` gives true: a bool scalar. The condition comes first, so the body may run
/// never. Returns the last state.
///
/// In a traced function both closures are traced once. The body must give a state of the structure, dtypes and shapes that it
/// takes. State of which the body replaces a part, by `dynamic_update_slice` or `scatter`, is updated in place.
///
/// # Errors
/// When a closure fails, the condition is no bool scalar, or the state changes its type.
///
/// ```
/// use tensorwright::prelude::*;
///
/// // Newton's square root, to convergence.
/// let sqrt = function(|a: Tensor| {
///     let far = |x: &Tensor| (x * x - &a).abs().gt(1e-6);
///     while_loop(a.clone(), far, |x| (&x + &a / &x) * 0.5)
/// });
/// assert_eq!(sqrt.call(2.0f64)?.item::<f64>()?, 1.4142135623746899);
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn while_loop<S: Tree, O: Output<Tree = S>>(
    state: S,
    condition: impl Fn(&S) -> Tensor,
    body: impl Fn(S) -> O,
) -> Result<S> {
    while_at(state, &condition, &body, caller())
}

#[inline(never)]
fn while_at<S: Tree>(
    state: S,
    condition: &dyn Fn(&S) -> Tensor,
    body: &dyn AnyFunction<S, S>,
    at: CallSite,
) -> Result<S> {
    let site = Site { at, names: &[] };
    let condition = |now| condition(&with_tensors(&state, now));
    let body = |now| erased(body.call_from(with_tensors(&state, now), site));
    let last = repeated(&state, &condition, &body, at)?;
    Ok(with_tensors(&state, last))
}

/// A `while` behind its door.
fn repeated(
    state: &dyn AnyTree,
    condition: &dyn Fn(Vec<Tensor>) -> Tensor,
    body: &dyn Fn(Vec<Tensor>) -> Result<Erased>,
    at: CallSite,
) -> Result<Vec<Tensor>> {
    let carried = Carried::new(state, at)?;
    repeat(state.tensors(), condition, &|now| carried.after(&*body(now)?), at)
}

fn repeat(
    now: Vec<Tensor>,
    condition: &dyn Fn(Vec<Tensor>) -> Tensor,
    body: &dyn Fn(Vec<Tensor>) -> Result<Vec<Tensor>>,
    at: CallSite,
) -> Result<Vec<Tensor>> {
    let condition = |now: Vec<Tensor>| {
        let predicate = condition(now);
        check_scalar(&predicate, "while", DType::Bool, at).map(|()| predicate)
    };
    if is_tracing() {
        return record(now, condition, body, at);
    }
    let mut now = now;
    while condition(now.clone())?.scalar_value(at)?.to_bool() {
        now = body(now)?;
    }
    Ok(now)
}

fn record(
    now: Vec<Tensor>,
    condition: impl Fn(Vec<Tensor>) -> Result<Tensor>,
    body: &dyn Fn(Vec<Tensor>) -> Result<Vec<Tensor>>,
    at: CallSite,
) -> Result<Vec<Tensor>> {
    let types = types_of(&now)?;
    let condition = region::trace("condition", &types, at, condition)?;
    let body = region::trace("body", &types, at, body)?;
    let count = types.len();
    let captures = Captures::of(&[&condition.region, &body.region]);
    let inputs = captures.inputs(count, 0);
    let regions = vec![
        region::graph(&condition.region, &inputs, &[RegionOutput::Result(0)], at)?,
        region::graph(&body.region, &inputs, &captures.outputs(count, 0), at)?,
    ];
    let carried = count + captures.changes.len();
    let operands = captures.operands(&now, &[]);
    let results = region::record(While { carried }, &operands, regions, &captures, count, at)?;
    Ok(results.into_vec())
}

/// Runs `body` on `i` and the state for each `i` in `lower..upper`, which are scalars of one integer dtype. Returns the last state.
///
/// In a traced function the body is traced once. If the bounds are known while tracing, the loop has a fixed length; else it is a
/// loop that counts. A loop that is known to be empty gives the state back, and its body is neither run nor traced nor checked, as
/// outside of traced functions.
///
/// # Errors
/// When the bounds are no integer scalars of one dtype, the body fails, or the state changes its type.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let power = function(|(x, n): (Tensor, Tensor)| {
///     fori_loop(Tensor::from(0i32), n, Tensor::from(1.0f32), |_, y| y * &x)
/// });
/// assert_eq!(power.call((2.0f32, 10i32))?.item::<f32>()?, 1024.0);
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn fori_loop<S: Tree, O: Output<Tree = S>>(
    lower: impl Into<Tensor>,
    upper: impl Into<Tensor>,
    state: S,
    body: impl Fn(Tensor, S) -> O,
) -> Result<S> {
    let at = caller();
    for_at(&lower.into(), &upper.into(), state, &|(i, state)| body(i, state), at)
}

#[inline(never)]
fn for_at<S: Tree>(
    lower: &Tensor,
    upper: &Tensor,
    state: S,
    body: &dyn AnyFunction<(Tensor, S), S>,
    at: CallSite,
) -> Result<S> {
    let site = Site { at, names: &[] };
    let body = |i, now| erased(body.call_from((i, with_tensors(&state, now)), site));
    let last = numbered(lower, upper, &state, &body, at)?;
    Ok(with_tensors(&state, last))
}

/// A `for` behind its door.
fn numbered(
    lower: &Tensor,
    upper: &Tensor,
    state: &dyn AnyTree,
    body: &dyn Fn(Tensor, Vec<Tensor>) -> Result<Erased>,
    at: CallSite,
) -> Result<Vec<Tensor>> {
    check_bounds(lower, upper, at)?;
    let carried = Carried::new(state, at)?;
    // The number goes first.
    let step = |mut now: Vec<Tensor>| {
        let i = now.remove(0);
        let next = &i + 1;
        let mut after = carried.after(&*body(i, now)?)?;
        after.insert(0, next);
        Ok(after)
    };
    let now: Vec<Tensor> = [lower.clone()].into_iter().chain(state.tensors()).collect();
    if known(lower, at).zip(known(upper, at)).is_some_and(|(first, end)| first >= end) {
        return Ok(state.tensors());
    }
    let values = || Some((lower.scalar_value(at).ok()?, upper.scalar_value(at).ok()?));
    let mut last = match values() {
        Some((first, end)) if is_tracing() => {
            let length = usize::try_from(end.to_i128() - first.to_i128()).unwrap_or(usize::MAX);
            counted(now, length, &step, at)?
        }
        _ => repeat(now, &|now| now[0].lt(upper), &step, at)?,
    };
    last.remove(0);
    Ok(last)
}

fn check_bounds(lower: &Tensor, upper: &Tensor, at: CallSite) -> Result<()> {
    let types = [lower.ty()?.clone(), upper.ty()?.clone()];
    let is_bound = |ty: &TensorType| ty.rank() == 0 && ty.dtype.is_int();
    if types.iter().all(is_bound) && types[0] == types[1] {
        return Ok(());
    }
    let message = format!("the bounds are integer scalars of one dtype, found {} and {}", types[0], types[1]);
    Err(Error::refused(at, "for", types.map(Type::from), TypeError::Other(message)))
}

/// A bound that is known, also while tracing.
fn known(bound: &Tensor, at: CallSite) -> Option<i128> {
    let known = match bound.repr() {
        Repr::Traced(traced) => trace::constant(traced),
        _ => bound.scalar_value(at).ok(),
    };
    known.map(Scalar::to_i128)
}

/// A loop of fixed length: a scan without slices.
fn counted(
    now: Vec<Tensor>,
    length: usize,
    body: &dyn Fn(Vec<Tensor>) -> Result<Vec<Tensor>>,
    at: CallSite,
) -> Result<Vec<Tensor>> {
    let types = types_of(&now)?;
    let body = region::trace("body", &types, at, body)?;
    let count = types.len();
    let captures = Captures::of(&[&body.region]);
    let (inputs, outputs) = (captures.inputs(count, 0), captures.outputs(count, 0));
    let graph = region::graph(&body.region, &inputs, &outputs, at)?;
    let scan = Scan { carried: count + captures.changes.len(), scanned: 0, length, reverse: false };
    let results = region::record(scan, &captures.operands(&now, &[]), vec![graph], &captures, count, at)?;
    Ok(results.into_vec())
}
