//! Gradients of functions: closures in, closures out.
//!
//! - [`grad`], [`value_and_grad`]: reverse mode, compiled per signature like every [`function`](crate::function());
//! - [`value_and_grad_of`]: by variables;
//! - [`vjp`], [`jvp`]: one product with the Jacobian, from the left or from the right;
//! - [`jacobian`], [`hessian`]: whole matrices of derivatives;
//! - [`custom_gradient`]: functions with a rule of their own; [`checkpoint`]: functions to be run again on the way back;
//! - [`GradientTape`]: gradients of code that runs op by op.
//!
//! The closure is traced and differentiated as a graph, so gradients compose with [`function`](crate::function()) and with each
//! other, to any order. Tensors that a closure uses from around it are constants to it, unless a function around it differentiates
//! them. Integer and bool tensors have no gradients: in their place there is a zero of their type. A float tensor on which the
//! result does not depend differentiably is an error that says why.

mod custom;
mod linear;
pub(crate) mod tape;
mod whole;

pub use custom::{checkpoint, custom_gradient};
pub use linear::{Pullback, jvp, value_and_grad_of, vjp};
pub use tape::GradientTape;
pub use whole::{hessian, jacobian};

use tensorwright_ir::Scalar;

use crate::control::agree::with_tensors;
use crate::error::{Error, Place, Result, caller};
use crate::function::Output;
use crate::{Function, Tensor, Tree, function};
use linear::Traced;

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

/// As [`grad`], with the function's value beside it.
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
    at: Place,
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
