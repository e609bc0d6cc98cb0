//! Choosing between branches.

use tensorwright_ir::op::control::{Case, If};
use tensorwright_ir::op::{Selector, TypeError};
use tensorwright_ir::{DType, Op, TensorType};

use super::agree::{self, Parties};
use super::region::{self, Captures, Traced};
use crate::error::{CallSite, Error, Result, caller};
use crate::function::Output;
use crate::interpret::Operand;
use crate::tensor::traced::is_tracing;
use crate::tree::tensors::with_tensors;
use crate::{Tensor, Tree};

/// `if predicate { then() } else { otherwise() }` for a predicate that is a tensor: a bool scalar.
///
/// In a traced function both closures are traced, and each run computes one of them. They must give results of the same
/// structure, dtypes and shapes.
///
/// # Errors
/// When the predicate is no bool scalar, a closure fails, or the closures give results of different types.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let clipped = function(|x: Tensor| {
///     let sum = x.sum(..);
///     cond(&sum.gt(10.0), || &x * (10.0 / &sum), || x.clone())
/// });
/// assert_eq!(clipped.call([8.0f32, 12.0])?.to_vec::<f32>()?, [4.0, 6.0]);
/// assert_eq!(clipped.call([1.0f32, 2.0])?.to_vec::<f32>()?, [1.0, 2.0]);
/// assert_eq!(clipped.trace_count(), 1);
/// # Ok::<(), tensorwright::Error>(())
/// ```
#[track_caller]
pub fn cond<O: Output, P: Output<Tree = O::Tree>>(
    predicate: impl AsRef<Tensor>,
    then: impl FnOnce() -> O,
    otherwise: impl FnOnce() -> P,
) -> Result<O::Tree> {
    let at = caller();
    let predicate = predicate.as_ref();
    check_scalar(predicate, "if", DType::Bool, at)?;
    if !is_tracing() {
        let holds = predicate.scalar_value(at)?.to_bool();
        return if holds { then().into_result() } else { otherwise().into_result() };
    }
    let branches =
        vec![region::trace("then", &[], at, |_| then())?, region::trace("else", &[], at, |_| otherwise())?];
    choose(If {}.into(), predicate, branches, at)
}

/// The result of branch number `index`, an i32 scalar; of the last branch if there is none of that number, as in
/// TensorFlow's `switch_case`.
///
/// # Errors
/// When the index is no i32 scalar, there is no branch, a branch fails, or branches give results of different types.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let f = function(|(i, x): (Tensor, Tensor)| {
///     case(&i, &[&|| &x + 1.0, &|| &x * 2.0, &|| x.clone()])
/// });
/// assert_eq!(f.call((1i32, 5.0f32))?.item::<f32>()?, 10.0);
/// assert_eq!(f.call((7i32, 5.0f32))?.item::<f32>()?, 5.0);
/// # Ok::<(), tensorwright::Error>(())
/// ```
#[track_caller]
pub fn case<O: Output>(index: impl AsRef<Tensor>, branches: &[&dyn Fn() -> O]) -> Result<O::Tree> {
    let (at, index) = (caller(), index.as_ref());
    check_scalar(index, "case", DType::I32, at)?;
    if branches.is_empty() {
        let source = TypeError::Other("there must be at least one branch".to_owned());
        return Err(Error::refused(at, "case", [index.ty()?.into()], source));
    }
    if !is_tracing() {
        let selected = Selector::Index.region(index.scalar_value(at)?.to_i128(), branches.len());
        return branches[selected]().into_result();
    }
    let traced = branches.iter().map(|branch| region::trace("branch", &[], at, |_| branch()));
    let traced = traced.collect::<Result<Vec<_>>>()?;
    choose(Case {}.into(), index, traced, at)
}

fn choose<R: Tree>(op: Op, chooser: &Tensor, branches: Vec<Traced<R>>, at: CallSite) -> Result<R> {
    for (i, branch) in branches.iter().enumerate().skip(1) {
        agree::check(&branches[0].result, &branch.result, Parties::Branches(0, i), at)?;
    }
    let regions: Vec<_> = branches.iter().map(|branch| &branch.region).collect();
    let captures = Captures::of(&regions);
    let count = branches[0].types.len();
    let (inputs, outputs) = (captures.inputs(0, 0), captures.outputs(count, 0));
    let graphs = regions.iter().map(|region| region::graph(region, &inputs, &outputs, at));
    let graphs = graphs.collect::<Result<Vec<_>>>()?;
    let operands: Vec<Operand<'_>> =
        [Operand::Tensor(chooser)].into_iter().chain(captures.operands(&[], &[])).collect();
    let results = region::record(op, &operands, graphs, &captures, count, at)?;
    Ok(with_tensors(&branches[0].result, results))
}

/// Fails unless the tensor is a scalar of the dtype.
pub(super) fn check_scalar(x: &Tensor, op: &'static str, dtype: DType, at: CallSite) -> Result<()> {
    let ty = x.ty()?;
    if *ty == TensorType::scalar(dtype) {
        return Ok(());
    }
    let wanted = format!("what it depends on must be {}, found {ty}", TensorType::scalar(dtype));
    let source = TypeError::Other(wanted);
    Err(Error::refused(at, op, [ty.into()], source))
}
