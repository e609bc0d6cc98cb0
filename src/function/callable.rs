//! What transformations take: closures, and what transformations gave.

use std::sync::Arc;

use super::output::Output;
use crate::error::{CallSite, Result};
use crate::tree::Tree;

/// A function of a tree `A` that can be transformed: by [`function`](crate::function()), [`grad`](crate::grad()), [`vmap`](crate::vmap()),
/// [`jvp`](crate::jvp()) and the others, each of which gives such a function again, so that they nest in any order.
///
/// Closures and plain functions that take an `A` by value are callable, and so are a [`Function`](crate::Function) and a [`Concrete`](crate::Concrete), by value or by reference.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let f = function(|x: Tensor| x.sin());
/// let slopes = vmap(grad(&f));
/// assert_eq!(slopes.call([0.0f64, 0.0])?.to_vec::<f64>()?, [1.0, 1.0]);
/// let curvature = grad(grad(f));
/// assert_eq!(curvature.call(0.0f64)?.item::<f64>()?, 0.0);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no function of a tree that could be transformed",
    label = "neither a closure of one argument, nor a `Function`",
    note = "a closure takes one tree by value: `|x: Tensor| ..`, `|(x, y): (Tensor, Tensor)| ..`",
    note = "a `Function` or a `Concrete` is taken too, by value or by reference"
)]
pub trait Callable<A> {
    /// What a call gives.
    type Tree: Tree;

    /// What is kept of it.
    #[doc(hidden)]
    type Kept: Callable<A, Tree = Self::Tree>;

    #[doc(hidden)]
    fn kept(self) -> Self::Kept;

    #[doc(hidden)]
    fn call_from(&self, argument: A, site: Site<'_>) -> Result<Self::Tree>;

    /// Names of the arguments, if it has them.
    #[doc(hidden)]
    fn names(&self) -> &[String] {
        &[]
    }
}

/// Where a call was written, and what the function that was called there calls its arguments.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Site<'n> {
    pub(crate) at: CallSite,
    pub(crate) names: &'n [String],
}

/// A function as an object. A trait of our own in place of `Fn`, because a closure as an object of that comes with three shims.
pub(crate) trait AnyFunction<A, R> {
    fn call_from(&self, argument: A, site: Site<'_>) -> Result<R>;

    fn names(&self) -> &[String];
}

impl<A, F: Callable<A>> AnyFunction<A, F::Tree> for F {
    fn call_from(&self, argument: A, site: Site<'_>) -> Result<F::Tree> {
        Callable::call_from(self, argument, site)
    }

    fn names(&self) -> &[String] {
        Callable::names(self)
    }
}

/// A function of any kind, for as long as somebody has it.
pub(crate) type Body<A, R> = Arc<dyn AnyFunction<A, R> + Send + Sync>;

/// The function as a body: all that is compiled of a transformation for each closure of a program.
pub(crate) fn body<A, F>(f: F) -> Body<A, F::Tree>
where
    F: Callable<A>,
    F::Kept: Send + Sync + 'static,
{
    Arc::new(f.kept())
}

/// A transformed function, that is to know where it is called from, with the names of its arguments.
pub(crate) struct Transformed<F> {
    pub(crate) names: Vec<String>,
    pub(crate) f: F,
}

impl<A, R: Tree, F: Fn(A, Site<'_>) -> Result<R>> Callable<A> for Transformed<F> {
    type Tree = R;
    type Kept = Transformed<F>;

    fn kept(self) -> Transformed<F> {
        self
    }

    fn call_from(&self, argument: A, site: Site<'_>) -> Result<R> {
        (self.f)(argument, site)
    }

    fn names(&self) -> &[String] {
        &self.names
    }
}

impl<A, O: Output, F: Fn(A) -> O> Callable<A> for F {
    type Tree = O::Tree;
    type Kept = F;

    fn kept(self) -> F {
        self
    }

    fn call_from(&self, argument: A, _: Site<'_>) -> Result<O::Tree> {
        self(argument).into_result()
    }
}
