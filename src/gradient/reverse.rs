//! Gradients of functions with one result.

use tensorwright_ir::Scalar;

use super::linear::Traced;
use crate::error::{CallSite, Error, Result, caller};
use crate::function::Output;
use crate::tree::tensors::with_tensors;
use crate::{Function, Tensor, Tree, function};

/// The gradient of a function with a float result: a function that gives, for each tensor of the argument, the derivative of the
/// result (of its sum, if it is not a scalar).
///
/// ```
/// use tensorwright::prelude::*;
///
/// let slope = grad(|x: Tensor| &x * &x * &x);
/// assert_eq!(slope.call(2.0f64)?.item::<f64>()?, 12.0);
/// // To any order, and inside traced functions:
/// let curvature = grad(move |x: Tensor| slope.call(x));
/// assert_eq!(curvature.call(2.0f64)?.item::<f64>()?, 12.0);
/// # Ok::<(), tensorwright::Error>(())
/// ```
///
/// Calls fail if the function does, if its result is not a float tensor, or if it does not depend on a float tensor of the argument:
///
/// ```
/// # use tensorwright::prelude::*;
/// let f = grad(|(x, y): (Tensor, Tensor)| x * y.floor());
/// let message = f.call((1.0f32, 2.0f32)).unwrap_err().to_string();
/// assert!(message.contains("floor"), "{message}");
/// ```
pub fn grad<A: Tree, O: Output<Tree = Tensor>>(f: impl Fn(A) -> O + Send + Sync + 'static) -> Function<A, A> {
    function(move |argument: A| Ok::<_, Error>(reverse(&f, argument, caller())?.1))
}

/// A function's value, and its gradient as [`grad`] gives it.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let f = value_and_grad(|(w, x): (Tensor, Tensor)| (w * x).sum(..));
/// let (value, (dw, dx)) = f.call(([1.0f32, 2.0], [3.0f32, 4.0]))?;
/// assert_eq!(value.item::<f32>()?, 11.0);
/// assert_eq!(dw.to_vec::<f32>()?, [3.0, 4.0]);
/// assert_eq!(dx.to_vec::<f32>()?, [1.0, 2.0]);
/// # Ok::<(), tensorwright::Error>(())
/// ```
pub fn value_and_grad<A: Tree, O: Output<Tree = Tensor>>(
    f: impl Fn(A) -> O + Send + Sync + 'static,
) -> Function<A, (Tensor, A)> {
    function(move |argument: A| reverse(&f, argument, caller()))
}

/// The value and the gradient, here and now.
fn reverse<A: Tree, O: Output<Tree = Tensor>>(
    f: &dyn Fn(A) -> O,
    argument: A,
    at: CallSite,
) -> Result<(Tensor, A)> {
    let traced = Traced::new(f, argument, at)?;
    let ty = traced.result.ty()?.clone();
    if !ty.dtype.is_float() {
        return Err(Error::NotDifferentiable {
            at: at.into(),
            what: format!("the function's result is {ty}, and only floats have gradients"),
        });
    }
    let one = Tensor::full(ty.shape.clone(), Scalar::one(ty.dtype));
    let (mut values, gradients) = traced.pull_back(&[one], true)?;
    Ok((values.remove(0), with_tensors(&traced.argument, gradients)))
}
