//! Products of a Jacobian and a vector.

use hashbrown::HashMap;
use tensorwright_compiler::differentiate;
use tensorwright_ir::Type;

use super::traced::{Traced, failed, ones, zeros_like};
use crate::error::{CallSite, Error, Result, caller};
use crate::function::{AnyFunction, Callable, Output, Site, describe, erased};
use crate::interpret::trace::{CaptureId, Captured};
use crate::state::State;
use crate::tree::erased::{AnyTree, Erased, typed};
use crate::tree::tensors::{tensors, types_of, with_tensors};
use crate::{Tensor, Tree, Variable};

/// What [`vjp`] gives besides the value: takes cotangents of the result back to the argument.
pub struct Pullback<A, R> {
    traced: Traced,
    argument: A,
    /// The result, of which only the structure is of use.
    result: R,
}

impl<A: Tree, R: Tree> Pullback<A, R> {
    /// The product of the transposed Jacobian and these cotangents, which are a tree like the result.
    ///
    /// # Errors
    /// When a cotangent has not the type of its part of the result, or an op has no derivative.
    #[track_caller]
    pub fn call(&self, cotangents: &R) -> Result<A> {
        let gradients = pulled_back(&self.traced, &self.result, &tensors(cotangents), caller())?;
        Ok(with_tensors(&self.argument, gradients))
    }
}

fn pulled_back(
    traced: &Traced,
    result: &dyn AnyTree,
    cotangents: &[Tensor],
    at: CallSite,
) -> Result<Vec<Tensor>> {
    check_like((result, "the result"), cotangents, "cotangent", Site { at, names: &[] })?;
    let (_, gradients) = traced.pull_back(cotangents, |_| true, at)?;
    let gradients = gradients.into_iter().zip(&traced.inputs);
    gradients.map(|(gradient, x)| gradient.map_or_else(|| zeros_like(x), Ok)).collect()
}

/// Fails with the first of the tensors that is not like that of a tree, which has a name as a whole.
fn check_like(
    (tree, whole): (&dyn AnyTree, &str),
    found: &[Tensor],
    what: &str,
    site: Site<'_>,
) -> Result<()> {
    let (expected, found) = (types_of(&tree.tensors())?, types_of(found)?);
    let count = expected.len().max(found.len());
    let Some(i) = (0..count).find(|&i| expected.get(i) != found.get(i)) else { return Ok(()) };
    let text = |types: &[Type]| types.get(i).map_or("nothing".to_owned(), ToString::to_string);
    let paths = describe::paths(tree, site);
    let of = match paths.get(i).map(String::as_str) {
        None | Some("the argument") => whole,
        Some(path) => path,
    };
    let what = format!("the {what} of {of} must be {}, found {}", text(&expected), text(&found));
    Err(Error::NotDifferentiable { at: site.at.into(), what })
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
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
#[expect(clippy::type_complexity, reason = "the value and its pullback are what the name promises")]
pub fn vjp<A: Tree, M, F: Callable<A, M>>(f: F, argument: A) -> Result<(F::Tree, Pullback<A, F::Tree>)> {
    vjp_at(&f.kept(), argument, caller())
}

#[inline(never)]
fn vjp_at<A: Tree, R: Tree>(
    f: &dyn AnyFunction<A, R>,
    argument: A,
    at: CallSite,
) -> Result<(R, Pullback<A, R>)> {
    let site = Site { at, names: f.names() };
    let traced = Traced::new(&argument, site, &on_tensors(f, &argument, site))?;
    let value: R = typed(traced.run_here()?);
    let result = with_tensors(&value, tensors(&value));
    Ok((value, Pullback { traced, argument, result }))
}

/// The function as code behind a door sees it.
fn on_tensors<'f, A: Tree, R: Tree>(
    f: &'f dyn AnyFunction<A, R>,
    argument: &'f A,
    site: Site<'f>,
) -> impl Fn(Vec<Tensor>) -> Result<Erased> + 'f {
    move |inputs| erased(f.call_from(with_tensors(argument, inputs), site))
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
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("linearize", "forward_mode"))]
#[track_caller]
pub fn jvp<A: Tree, M, F: Callable<A, M>>(f: F, argument: A, tangents: A) -> Result<(F::Tree, F::Tree)> {
    jvp_at(&f.kept(), argument, tangents, caller())
}

#[inline(never)]
pub(super) fn jvp_at<A: Tree, R: Tree>(
    f: &dyn AnyFunction<A, R>,
    argument: A,
    tangents: A,
    at: CallSite,
) -> Result<(R, R)> {
    let site = Site { at, names: f.names() };
    let f = on_tensors(f, &argument, site);
    let (result, values, tangents) = pushed_forward(&argument, &tensors(&tangents), site, &f)?;
    Ok((typed(result.with(values)), typed(result.with(tangents))))
}

fn pushed_forward(
    argument: &dyn AnyTree,
    tangents: &[Tensor],
    site: Site<'_>,
    f: &dyn Fn(Vec<Tensor>) -> Result<Erased>,
) -> Result<(Erased, Vec<Tensor>, Vec<Tensor>)> {
    check_like((argument, "the argument"), tangents, "tangent", site)?;
    let traced = Traced::new(argument, site, f)?;
    let (values, tangents) = traced.push_forward(tangents)?;
    Ok((traced.result, values, tangents))
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
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn value_and_grad_of<O: Output<Tree = Tensor>>(
    variables: &[&Variable],
    f: impl Fn() -> O,
) -> Result<(Tensor, Vec<Tensor>)> {
    let (value, gradients) = by_variables(variables, &|_| erased(f()), caller())?;
    Ok((value, gradients.into_iter().collect::<Result<_>>()?))
}

/// As [`value_and_grad_of`], with nothing for a variable on which the result does not depend: a step of training leaves it as it is.
///
/// # Errors
/// When the function fails, or its result is not a float tensor.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::value_and_grad_of_used;
///
/// let (w, b) = (Variable::new([1.0f32, 2.0])?, Variable::new(0.0f32)?);
/// let (_, gradients) = value_and_grad_of_used(&[&w, &b], || w.value().square().sum(..))?;
/// assert!(gradients[0].is_some() && gradients[1].is_none());
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn value_and_grad_of_used<O: Output<Tree = Tensor>>(
    variables: &[&Variable],
    f: impl Fn() -> O,
) -> Result<(Tensor, Vec<Option<Tensor>>)> {
    let (value, gradients) = by_variables(variables, &|_| erased(f()), caller())?;
    Ok((value, gradients.into_iter().map(Result::ok).collect()))
}

/// The value, and for each variable the derivative by it, or why there is none.
fn by_variables(
    variables: &[&Variable],
    f: &dyn Fn(Vec<Tensor>) -> Result<Erased>,
    at: CallSite,
) -> Result<(Tensor, Vec<Result<Tensor>>)> {
    let traced = Traced::new(&(), Site { at, names: &[] }, f)?;
    let one = ones(traced.float_result()?);
    let inputs: HashMap<Option<CaptureId>, usize> =
        traced.operands.iter().map(Captured::id).zip(0..).collect();
    let input =
        |variable: &Variable| inputs.get(&Some(CaptureId::State(State::Variable(variable.clone())))).copied();
    let unread = |variable: &Variable| traced.refusal(format!("the function does not read {variable:?}"));
    let read: Vec<usize> = variables.iter().filter_map(|variable| input(variable)).collect();
    let derived = differentiate::vjp_of(&traced.graph, traced.results(), &read).map_err(|e| failed(e, at))?;
    let outputs = traced.run(&derived, [one].into_iter(), at)?;
    let mut derivatives = derived.derivatives.iter();
    let gradient = |variable: &&Variable| {
        let input = input(variable).ok_or_else(|| unread(variable))?;
        match derivatives.next() {
            Some(Some(output)) => Ok(outputs[traced.without_state(*output)].clone()),
            _ => Err(traced.unconnected_as(input, &format!("{variable:?}"))),
        }
    };
    let gradients = variables.iter().map(gradient).collect();
    Ok((outputs[0].clone(), gradients))
}
