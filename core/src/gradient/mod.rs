//! Gradients of functions: closures in, closures out.
//!
//! - [`grad`], [`value_and_grad`]: reverse mode, compiled per signature like every [`function`](crate::function());
//! - [`Gradient`]: by a part of the argument, with a choice about what is not connected; [`value_and_grad_of`]: by variables;
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
mod reverse;
mod tape;
mod traced;
mod whole;

pub(crate) use custom::custom_at;
pub use custom::{checkpoint, custom_gradient};
pub use linear::{Pullback, jvp, value_and_grad_of, value_and_grad_of_used, vjp};
pub use reverse::{Gradient, Missing, grad, value_and_grad};
pub use tape::GradientTape;
pub use whole::{hessian, jacobian};
