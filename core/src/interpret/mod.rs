//! The stack of interpreters: what an op means, here and now.
//!
//! Every method of a tensor, every operator and every construct of control flow comes to one call, [`apply`]: an op, its operands, and
//! the line that wrote it. The interpreters below decide what the op does. From the top:
//!
//! | interpreter | there | what it does with an op |
//! |---|---|---|
//! | [`tape`] | while this thread has a [`GradientTape`](crate::GradientTape) | lets the interpreter below apply it, and notes operands and results if an operand is watched |
//! | [`trace`] | while this thread traces a function | appends it to the graph; results are values of the trace, without elements |
//! | [`eager`] | else | looks for the op and its operands' types in a cache of the process, compiles a graph of one op if it is not there, and runs that |
//!
//! The last two are bottoms: an op ends in one of them. A tape is a layer: it watches the op go by. A later transformation that works
//! op by op is one more layer, with a thread-local that says whether it is there, and a place in `apply` that is the order of layers.
//! (Transformations of whole graphs are not here: `grad`, `vjp` and `vmap` trace a closure and give the transformed graph to
//! [`graph::run_captured`].)
//!
//! # An op on its way down
//!
//! Take `y = &x + 1`, on line 7, with `x: f32[3]`.
//!
//! 1. The operator (`crate::ops`) makes the literal a scalar tensor of x's dtype and calls `one(BinaryFn::Add, &[&x, &scalar], line 7)`. `one`
//!    is `apply` for ops with one result; a failure becomes a tensor that carries it.
//! 2. `apply` finds no tape, and asks whether the thread traces.
//! 3. It does not: `eager` takes the buffers out of the operands, forms the key `(add, f32[3], f32[])`, and runs what the cache has for it. That
//!    was made of the graph `add(x, broadcast_in_dim(scalar))`: NumPy's rule for shapes ([`broadcast`]) is part of what is compiled.
//! 4. It does: `trace` maps operands to values. A traced operand *is* a value; a tensor with elements is *captured*, as an
//!    input of the graph; one of a trace that has ended is an error that shows where it was made. Then it appends the same nodes.
//! 5. With a tape that watches `x`, the record `add, [x, scalar] -> [y]` is kept, and `y` is watched from now on.
//!
//! An operand that carries an error ends the way at once: the first error is the result of all that follows.
//!
//! # State
//!
//! Effects and variables are *state* (`crate::state`): it is in nobody's hands, so ops name it instead of passing it. What touches state is an
//! [`Application`]: its operands are tensors or states, and some of its results are new states, which are not returned.
//! [`apply_stateful`] sends it down the same stack. To a trace a state is a value that it knows, or captures; eagerly a variable is its value
//! now, and the order of effects is the order in which they run, so that tokens have no values. Tapes see states as the tensors that they are.
//!
//! Ops with regions are applications too. Their regions are graphs already: `crate::control` traces the closures, and only in a trace, because
//! outside of one control flow is Rust's.

mod application;
pub(crate) mod broadcast;
pub(crate) mod eager;
pub(crate) mod graph;
pub(crate) mod size;
pub(crate) mod tape;
pub(crate) mod trace;

use std::sync::Arc;

use tensorwright_ir::Op;

pub(crate) use application::{Application, Code, Operand};

use crate::error::{CallSite, Failure, Result};
use crate::state::Variable;
use crate::tensor::id::TensorId;
use crate::tensor::traced::is_tracing;
use crate::tensor::{Results, Tensor};
use application::Applied;

/// Runs ops at once even where a function is traced: what is computed of tensors with values has a value, which the trace takes as it is.
///
/// For what is the same in each call, such as tables and weights that are changed once. Tensors of the trace have no value in it: using one is an error.
/// JAX has this as `ensure_compile_time_eval`, TensorFlow as `init_scope`.
///
/// ```
/// use tensorwright::eagerly;
/// use tensorwright::prelude::*;
///
/// let f = function(|x: Tensor| {
///     let weights = eagerly(|| Tensor::range(0.0f64, 3.0, 1.0).exp());
///     assert!(!weights.is_traced());
///     (x * weights).sum(..)
/// });
/// assert_eq!(f.call([1.0, 0.0, 0.0])?.item::<f64>()?, 1.0);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("init_scope", "ensure_compile_time_eval"))]
pub fn eagerly<R>(work: impl FnOnce() -> R) -> R {
    trace::outside(work)
}

/// Applies an op to tensors.
pub(crate) fn apply(op: Op, operands: &[&Tensor], at: CallSite) -> Result<Results, Failure> {
    if !tape::is_active() {
        return at_bottom(op, operands, at);
    }
    let noted = op.clone();
    let results = at_bottom(op, operands, at)?;
    tape::note(&noted, &[], operands, &results, at);
    Ok(results)
}

#[inline]
fn at_bottom(op: Op, operands: &[&Tensor], at: CallSite) -> Result<Results, Failure> {
    if is_tracing() { trace::record(op, operands, at) } else { eager::run(&op, operands, at) }
}

/// The result of an op that has one; a failure is a failed tensor.
pub(crate) fn one(op: impl Into<Op>, operands: &[&Tensor], at: CallSite) -> Tensor {
    match apply(op.into(), operands, at) {
        Ok(mut results) => results.remove(0),
        Err(failure) => Tensor::failed(failure),
    }
}

/// Applies code to tensors and state. Gives the results that are no state.
pub(crate) fn apply_stateful(application: Application<'_>) -> Result<Results, Failure> {
    let at = application.at;
    let noted = tape::is_active().then(|| application.code.clone());
    let Applied { operands, mut results, states } =
        if is_tracing() { trace::record_stateful(application) } else { eager::run_stateful(&application) }?;
    if let Some(code) = noted {
        tape::note_code(&code, &operands.iter().collect::<Vec<_>>(), &results, at);
    }
    results.drain(states);
    Ok(results.into())
}

/// The value of a variable now. Tapes watch it, if the variable is one that is trained.
pub(crate) fn read(variable: &Variable, at: CallSite) -> Tensor {
    let value = if is_tracing() { trace::read(variable, at) } else { variable.tensor() };
    if tape::is_active() && variable.trainable() && variable.ty().dtype.is_differentiable() {
        tape::watch(&value);
    }
    value
}

/// Gives a variable the value that `new` makes of the current one, which must have its type.
pub(crate) fn update(
    variable: &Variable,
    new: impl FnOnce(&Tensor) -> Result<Tensor>,
    at: CallSite,
) -> Result<()> {
    if is_tracing() {
        let new = assigned(&new(&trace::read(variable, at))?, at);
        return trace::assign(variable, &new, at).map_err(Arc::unwrap_or_clone);
    }
    let _turn = Variable::take_turns(std::slice::from_ref(variable));
    let new = assigned(&new(&read(variable, at))?, at);
    let value = (new.value(at)?.1.clone(), new.id());
    Variable::set_all(std::slice::from_ref(variable), [value]);
    Ok(())
}

/// The tensor that a variable is when it is assigned this one: of the same value, but another tensor, which tapes know to come from it.
pub(crate) fn assigned(value: &Tensor, at: CallSite) -> Tensor {
    let new = value.clone().with_id(TensorId::fresh());
    if tape::is_active() {
        tape::note_assignment(value, &new, at);
    }
    new
}
