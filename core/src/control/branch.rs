//! Choosing between branches.

use tensorwright_ir::op::control::{Case, If};
use tensorwright_ir::op::{Selector, TypeError};
use tensorwright_ir::{DType, Op, TensorType};

use super::agree::{self, Parties};
use super::region::{self, Captures, Traced};
use crate::Tensor;
use crate::error::{CallSite, Error, Result, caller};
use crate::function::{Output, erased};
use crate::interpret::Operand;
use crate::tensor::traced::is_tracing;
use crate::tree::erased::{Erased, typed};

/// `if predicate { then.run() } else { otherwise.run() }` for a predicate that is a tensor: a bool scalar.
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
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn cond<O: Output, P: Output<Tree = O::Tree>>(
    predicate: impl AsRef<Tensor>,
    then: impl FnOnce() -> O,
    otherwise: impl FnOnce() -> P,
) -> Result<O::Tree> {
    either(predicate.as_ref(), &mut Some(then), &mut Some(otherwise), caller()).map(typed)
}

/// A branch behind its door.
trait Branch {
    /// Runs it, once at most.
    fn run(&mut self) -> Result<Erased>;
}

impl<O: Output, F: FnOnce() -> O> Branch for Option<F> {
    fn run(&mut self) -> Result<Erased> {
        erased(self.take().expect("a branch is taken once")())
    }
}

fn either(
    predicate: &Tensor,
    then: &mut dyn Branch,
    otherwise: &mut dyn Branch,
    at: CallSite,
) -> Result<Erased> {
    check_scalar(predicate, "if", DType::Bool, at)?;
    if !is_tracing() {
        return if predicate.scalar_value(at)?.to_bool() { then.run() } else { otherwise.run() };
    }
    let branches = vec![
        region::trace("then", &[], at, |_| then.run())?,
        region::trace("else", &[], at, |_| otherwise.run())?,
    ];
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
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("switch_case", "switch"))]
#[track_caller]
pub fn case<O: Output>(index: impl AsRef<Tensor>, branches: &[&dyn Fn() -> O]) -> Result<O::Tree> {
    let branch = |number: usize| erased(branches[number]());
    one_of(index.as_ref(), branches.len(), &branch, caller()).map(typed)
}

fn one_of(
    index: &Tensor,
    count: usize,
    branch: &dyn Fn(usize) -> Result<Erased>,
    at: CallSite,
) -> Result<Erased> {
    check_scalar(index, "case", DType::I32, at)?;
    if count == 0 {
        let source = TypeError::Other("there must be at least one branch".to_owned());
        return Err(Error::refused(at, "case", [index.ty()?.into()], source));
    }
    if !is_tracing() {
        return branch(Selector::Index.region(index.scalar_value(at)?.to_i128(), count));
    }
    let traced = (0..count).map(|number| region::trace("branch", &[], at, |_| branch(number)));
    choose(Case {}.into(), index, traced.collect::<Result<Vec<_>>>()?, at)
}

fn choose(op: Op, chooser: &Tensor, branches: Vec<Traced<Erased>>, at: CallSite) -> Result<Erased> {
    for (i, branch) in branches.iter().enumerate().skip(1) {
        agree::check(&*branches[0].result, &*branch.result, Parties::Branches(0, i), at)?;
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
    Ok(branches[0].result.with(results.into_vec()))
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
