//! Loops with state.

use tensorwright_ir::DType;
use tensorwright_ir::op::control::{Scan, While};

use super::agree::{self, Parties};
use super::branch::check_scalar;
use super::region::{self, Captures};
use crate::error::{CallSite, Result, caller};
use crate::function::Output;
use crate::interpret::trace::Output as RegionOutput;
use crate::tensor::traced::is_tracing;
use crate::tree::tensors::{tensors, types_of, with_tensors};
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
/// # Ok::<(), tensorwright::Error>(())
/// ```
#[track_caller]
pub fn while_loop<S: Tree, O: Output<Tree = S>>(
    state: S,
    condition: impl Fn(&S) -> Tensor,
    body: impl Fn(S) -> O,
) -> Result<S> {
    while_loop_at(state, condition, body, caller())
}

fn while_loop_at<S: Tree, O: Output<Tree = S>>(
    state: S,
    condition: impl Fn(&S) -> Tensor,
    body: impl Fn(S) -> O,
    at: CallSite,
) -> Result<S> {
    if !is_tracing() {
        return run_while(state, condition, body, at);
    }
    let now = tensors(&state);
    let types = types_of(&now)?;
    let condition = region::trace("condition", &types, at, |inputs| {
        let predicate = condition(&with_tensors(&state, inputs));
        check_scalar(&predicate, "while", DType::Bool, at).map(|()| predicate)
    })?;
    let body = region::trace("body", &types, at, |inputs| body(with_tensors(&state, inputs)))?;
    agree::check(&state, &body.result, Parties::Iteration, at)?;
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
    Ok(with_tensors(&state, results))
}

fn run_while<S: Tree, O: Output<Tree = S>>(
    mut state: S,
    condition: impl Fn(&S) -> Tensor,
    body: impl Fn(S) -> O,
    at: CallSite,
) -> Result<S> {
    loop {
        let predicate = condition(&state);
        check_scalar(&predicate, "while", DType::Bool, at)?;
        if !predicate.scalar_value(at)?.to_bool() {
            return Ok(state);
        }
        let before = with_tensors(&state, tensors(&state));
        state = body(state).into_result()?;
        agree::check(&before, &state, Parties::Iteration, at)?;
    }
}

/// Runs `body` on `i` and the state for each `i` in `lower..upper`, which are scalars of one integer dtype. Returns the last state.
///
/// In a traced function the body is traced once. If the bounds are known while tracing, the loop has a fixed length; else it is a
/// loop that counts.
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
/// # Ok::<(), tensorwright::Error>(())
/// ```
#[track_caller]
pub fn fori_loop<S: Tree, O: Output<Tree = S>>(
    lower: impl Into<Tensor>,
    upper: impl Into<Tensor>,
    state: S,
    body: impl Fn(Tensor, S) -> O,
) -> Result<S> {
    let (at, lower, upper) = (caller(), lower.into(), upper.into());
    let dtype = lower.ty()?.dtype;
    let dtype = if dtype.is_int() { dtype } else { DType::I32 };
    check_scalar(&lower, "for", dtype, at)?;
    check_scalar(&upper, "for", dtype, at)?;
    if is_tracing()
        && let (Ok(first), Ok(end)) = (lower.scalar_value(at), upper.scalar_value(at))
    {
        let length = usize::try_from(end.to_i128() - first.to_i128()).unwrap_or(0);
        return counted(lower, length, state, body, at);
    }
    let step = |(i, state): (Tensor, S)| {
        let next = &i + 1;
        body(i, state).into_result().map(|state| (next, state))
    };
    while_loop_at((lower, state), |(i, _)| i.lt(&upper), step, at).map(|(_, state)| state)
}

/// A loop of fixed length: a scan without slices.
fn counted<S: Tree, O: Output<Tree = S>>(
    first: Tensor,
    length: usize,
    state: S,
    body: impl Fn(Tensor, S) -> O,
    at: CallSite,
) -> Result<S> {
    let now: Vec<Tensor> = [first].into_iter().chain(tensors(&state)).collect();
    let types = types_of(&now)?;
    let body = region::trace("body", &types, at, |mut inputs| {
        let i = inputs.remove(0);
        let next = &i + 1;
        body(i, with_tensors(&state, inputs)).into_result().map(|state| (next, state))
    })?;
    agree::check(&state, &body.result.1, Parties::Iteration, at)?;
    let count = types.len();
    let captures = Captures::of(&[&body.region]);
    let (inputs, outputs) = (captures.inputs(count, 0), captures.outputs(count, 0));
    let graph = region::graph(&body.region, &inputs, &outputs, at)?;
    let scan = Scan { carried: count + captures.changes.len(), scanned: 0, length, reverse: false };
    let results = region::record(scan, &captures.operands(&now, &[]), vec![graph], &captures, count, at)?;
    Ok(with_tensors(&state, results.into_iter().skip(1)))
}
