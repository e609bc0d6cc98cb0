//! Functions that say how they are differentiated, and functions that are computed again.

use tensorwright_ir::op::control::{Checkpoint, CheckpointRun, CustomGradient, ListNew};
use tensorwright_ir::{Scalar, TensorType, Type};

use super::traced::Traced;
use crate::control::agree::{self, Parties};
use crate::control::region::{self, Captures};
use crate::error::{CallSite, Error, Result, caller};
use crate::function::{AnyFunction, Callable, Output, Site, erased};
use crate::interpret::trace::{Input, Output as RegionOutput};
use crate::interpret::{one, tape};
use crate::tensor::traced::is_tracing;
use crate::tree::erased::{AnyTree, Erased, typed};
use crate::tree::tensors::{types_of, with_tensors};
use crate::{Tensor, Tree};

/// Runs `forward`, and is differentiated by `backward`: what autodiff would make of `forward` is too slow, inexact, or not what is
/// wanted.
///
/// `forward` gives the value, and whatever `backward` is to be given of its run. `backward` takes that and a cotangent of the value, a tree
/// like it, and gives cotangents of the argument, a tree like it: of each float tensor in there the product of the transposed Jacobian
/// and the cotangent. In the places of tensors that are no floats anything of their type will do. Both closures may use tensors from around
/// them, as constants: a gradient by one of these is an error.
///
/// Reverse mode runs `backward`, of the second order too: it is differentiated like all code, while the value goes by the rule again. Forward
/// mode follows from it, because it is linear in the cotangent: the rule is transposed. A rule that is not linear, say one that clips, is
/// taken at a cotangent of 0 there.
///
/// # Errors
/// When a closure fails, the cotangents are not like the argument, or `backward` changes state.
///
/// ```
/// use tensorwright::prelude::*;
///
/// /// `ln(1 + e^x)`, whose slope is NaN for large `x` if it is differentiated as it is written.
/// fn log1pexp(x: Tensor) -> Result<Tensor> {
///     custom_gradient(
///         |x: Tensor| {
///             let e = x.exp();
///             ((&e + 1.0).log(), e)
///         },
///         |e, dy: Tensor| dy * (1.0 - 1.0 / (e + 1.0)),
///         x,
///     )
/// }
/// let slope = grad(log1pexp);
/// assert_eq!(slope.call(0.0f32)?.item::<f32>()?, 0.5);
/// assert_eq!(slope.call(1000.0f32)?.item::<f32>()?, 1.0);
/// let naive = grad(|x: Tensor| (x.exp() + 1.0).log());
/// assert!(naive.call(1000.0f32)?.item::<f32>()?.is_nan());
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("custom_vjp", "custom_jvp"))]
#[track_caller]
pub fn custom_gradient<A: Tree, R: Tree, S: Tree, O: Output<Tree = (R, S)>, P: Output<Tree = A>>(
    forward: impl Fn(A) -> O,
    backward: impl Fn(S, R) -> P,
    argument: A,
) -> Result<R> {
    custom_at(
        &|argument| forward(argument).into_result(),
        &|saved, value| backward(saved, value).into_result(),
        argument,
        caller(),
    )
}

#[inline(never)]
pub(crate) fn custom_at<A: Tree, R: Tree, S: Tree>(
    forward: &dyn Fn(A) -> Result<(R, S)>,
    backward: &dyn Fn(S, R) -> Result<A>,
    argument: A,
    at: CallSite,
) -> Result<R> {
    let forward = |inputs| {
        let (value, saved) = forward(with_tensors(&argument, inputs))?;
        Ok((Box::new(value) as Erased, Box::new(saved) as Erased))
    };
    let backward = |(saved, s): Part<'_>, (value, r): Part<'_>| {
        erased(backward(typed(saved.with(s)), typed(value.with(r))))
    };
    Custom { forward: &forward, backward: &backward, at }.apply(&argument).map(typed)
}

/// A tree with other tensors.
type Part<'p> = (&'p dyn AnyTree, Vec<Tensor>);

/// A function with a rule, behind its door.
struct Custom<'f> {
    forward: &'f dyn Fn(Vec<Tensor>) -> Result<(Erased, Erased)>,
    backward: &'f dyn Fn(Part<'_>, Part<'_>) -> Result<Erased>,
    at: CallSite,
}

impl Custom<'_> {
    fn apply(&self, argument: &dyn AnyTree) -> Result<Erased> {
        if is_tracing() {
            return self.record(argument, argument.tensors());
        }
        if tape::is_active() {
            return on_tape(argument, self.at, &|inputs| self.record(argument, inputs));
        }
        (self.forward)(argument.tensors()).map(|(value, _)| value)
    }

    fn record(&self, argument: &dyn AnyTree, inputs: Vec<Tensor>) -> Result<Erased> {
        let at = self.at;
        let types = types_of(&inputs)?;
        let forward = region::trace_at("forward", &inputs, at, self.forward)?;
        let (value, saved) = &forward.result;
        let results = value.tensors().len();
        let (of_value, of_saved) = forward.types.split_at(results);
        let taken: Vec<Type> =
            of_saved.iter().chain(of_value.iter().filter(|ty| ty.is_differentiable())).cloned().collect();
        let backward = region::trace("backward", &taken, at, |mut taken| {
            let cotangents = with_zeros(of_value, taken.split_off(of_saved.len()), at);
            (self.backward)((&**saved, taken), (&**value, cotangents))
        })?;
        agree::check(argument, &*backward.result, Parties::Cotangents, at)?;
        if !backward.region.changes.is_empty() {
            let what = "the rule of a custom gradient assigns variables, prints or checks".to_owned();
            return Err(Error::NotDifferentiable { at: at.into(), what });
        }
        let captures = Captures::of(&[&forward.region, &backward.region]);
        let body_inputs = captures.inputs(types.len(), 0);
        let body =
            region::graph(&forward.region, &body_inputs, &captures.outputs(results, of_saved.len()), at)?;
        let captured = body_inputs[types.len()..].iter().cloned();
        let rule_inputs: Vec<Input> = captured.chain((0..taken.len()).map(Input::Argument)).collect();
        let floats = types.iter().enumerate().filter(|(_, ty)| ty.is_differentiable());
        let rule_outputs: Vec<RegionOutput> = floats.map(|(i, _)| RegionOutput::Result(i)).collect();
        let rule = region::graph(&backward.region, &rule_inputs, &rule_outputs, at)?;
        let op = CustomGradient { arguments: types.len(), results, saved: of_saved.len() };
        let operands = captures.operands(&inputs, &[]);
        let found = region::record(op, &operands, vec![body, rule], &captures, results, at)?;
        Ok(value.with(found.into_vec()))
    }
}

/// What `record` records in a trace, run at once: to a tape it is one op.
fn on_tape(
    argument: &dyn AnyTree,
    at: CallSite,
    record: &dyn Fn(Vec<Tensor>) -> Result<Erased>,
) -> Result<Erased> {
    Traced::new(argument, Site { at, names: &[] }, record)?.run_here()
}

/// Cotangents of the floats, and zeros for the rest: of a list the empty one.
fn with_zeros(types: &[Type], floats: Vec<Tensor>, at: CallSite) -> Vec<Tensor> {
    let mut floats = floats.into_iter();
    let zeros = |ty: &Type| match ty {
        Type::List(TensorType { dtype, shape }) => {
            one(ListNew { dtype: *dtype, shape: shape.clone() }, &[], at)
        }
        ty => Tensor::full(ty.tensor().shape.clone(), Scalar::zero(ty.tensor().dtype)),
    };
    let of =
        |ty: &Type| if ty.is_differentiable() { floats.next() } else { None }.unwrap_or_else(|| zeros(ty));
    types.iter().map(of).collect()
}

/// Runs `f`, and saves nothing of it for its gradient but the argument and what `f` uses from around it: going back, `f` runs again. It
/// costs time and saves memory, most where `f` is a layer of many, or the body of a loop.
///
/// A function that prints or checks is not run again: what its gradient needs of it is saved.
///
/// # Errors
/// When `f` fails.
///
/// ```
/// use tensorwright::prelude::*;
///
/// // Ten layers, of which the gradient keeps the inputs alone.
/// let loss = |x: Tensor| {
///     let layer = |x: Tensor| (x.sin() * 2.0).exp().log1p();
///     let x = fori_loop(0i32, 10i32, x, |_, x| checkpoint(layer, x))?;
///     Ok(x.sum(..))
/// };
/// let gradient = grad(loss).call([0.5f32, 1.0])?;
/// assert!(gradient.to_vec::<f32>()?.iter().all(|g| g.is_finite()));
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("recompute_grad", "remat"))]
#[track_caller]
pub fn checkpoint<A: Tree, M, F: Callable<A, M>>(f: F, argument: A) -> Result<F::Tree> {
    checkpoint_at(&f.kept(), argument, caller())
}

#[inline(never)]
fn checkpoint_at<A: Tree, R: Tree>(f: &dyn AnyFunction<A, R>, argument: A, at: CallSite) -> Result<R> {
    let site = Site { at, names: f.names() };
    let call = |inputs| erased(f.call_from(with_tensors(&argument, inputs), site));
    again(&argument, at, &call).map(typed)
}

fn again(
    argument: &dyn AnyTree,
    at: CallSite,
    call: &dyn Fn(Vec<Tensor>) -> Result<Erased>,
) -> Result<Erased> {
    if is_tracing() {
        return record(argument.tensors(), at, call);
    }
    match tape::is_active() {
        true => on_tape(argument, at, &|inputs| record(inputs, at, call)),
        false => call(argument.tensors()),
    }
}

fn record(inputs: Vec<Tensor>, at: CallSite, call: &dyn Fn(Vec<Tensor>) -> Result<Erased>) -> Result<Erased> {
    let types = types_of(&inputs)?;
    let traced = region::trace_at("checkpoint", &inputs, at, call)?;
    let captures = Captures::of(&[&traced.region]);
    let count = traced.types.len();
    let body =
        region::graph(&traced.region, &captures.inputs(types.len(), 0), &captures.outputs(count, 0), at)?;
    let op = Checkpoint { name: "checkpoint".to_owned(), again: CheckpointRun::First };
    let operands = captures.operands(&inputs, &[]);
    let results = region::record(op, &operands, vec![body], &captures, count, at)?;
    Ok(traced.result.with(results.into_vec()))
}
