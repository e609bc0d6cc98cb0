//! What transformations take: closures, and what transformations gave.

use std::sync::Arc;

use super::output::Output;
use crate::error::{CallSite, Result};
use crate::tree::Tree;

/// A function of a tree `A` that can be transformed: by [`function`](crate::function()), [`grad`](crate::grad()), [`vmap`](crate::vmap()),
/// [`jvp`](crate::jvp()) and the others, each of which gives such a function again, so that they nest in any order.
///
/// Closures and plain functions that take an `A`, by value or by reference, are callable, and so are a [`Function`](crate::Function) and a
/// [`Concrete`](crate::Concrete), which may be handed over by reference too. `M` says how the function takes its argument; the compiler finds it.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let f = function(|x: Tensor| x.sin());
/// let slopes = vmap(grad(&f));
/// assert_eq!(slopes.call([0.0f64, 0.0])?.to_vec::<f64>()?, [1.0, 1.0]);
/// let curvature = grad(grad(f));
/// assert_eq!(curvature.call(0.0f64)?.item::<f64>()?, 0.0);
///
/// fn energy(x: &Tensor) -> Tensor {
///     (x * x).sum(..) * 0.5
/// }
/// assert_eq!(grad(energy).call([1.0f64, 2.0])?.to_vec::<f64>()?, [1.0, 2.0]);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no function of a tree that could be transformed",
    label = "neither a closure of one argument, nor a `Function`",
    note = "a closure takes one tree: `|x: Tensor| ..`, `|x: &Tensor| ..`, `|(x, y): (Tensor, Tensor)| ..`",
    note = "what it gives is a tree too, or a `tensorwright::Result` of one",
    note = "a `Function` or a `Concrete` is taken too, by value or by reference"
)]
pub trait Callable<A, M = ByValue> {
    /// What a call gives.
    type Tree: Tree;

    /// What is kept of it.
    #[doc(hidden)]
    type Kept: AnyFunction<A, Self::Tree>;

    #[doc(hidden)]
    fn kept(self) -> Self::Kept;
}

/// Of functions that take their argument by value.
pub enum ByValue {}

/// Of functions that take their argument by reference.
pub enum ByReference {}

/// Where a call was written, and what the function that was called there calls its arguments.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Site<'n> {
    pub(crate) at: CallSite,
    pub(crate) names: &'n [String],
}

/// A function as an object. A trait of our own in place of `Fn`, because a closure as an object of that comes with three shims.
#[doc(hidden)]
pub trait AnyFunction<A, R> {
    fn call_from(&self, argument: A, site: Site<'_>) -> Result<R>;

    /// Names of the arguments, if it has them.
    fn names(&self) -> &[String] {
        &[]
    }
}

/// A function of any kind, for as long as somebody has it.
pub(crate) type Body<A, R> = Arc<dyn AnyFunction<A, R> + Send + Sync>;

/// The function as a body: all that is compiled of a transformation for each closure of a program.
pub(crate) fn body<A, M, F>(f: F) -> Body<A, F::Tree>
where
    F: Callable<A, M>,
    F::Kept: Send + Sync + 'static,
{
    Arc::new(f.kept())
}

/// A transformed function, that is to know where it is called from, with the names of its arguments.
pub(crate) struct Transformed<F> {
    pub(crate) names: Vec<String>,
    pub(crate) f: F,
}

impl<A, R: Tree, F: Fn(A, Site<'_>) -> Result<R>> AnyFunction<A, R> for Transformed<F> {
    fn call_from(&self, argument: A, site: Site<'_>) -> Result<R> {
        (self.f)(argument, site)
    }

    fn names(&self) -> &[String] {
        &self.names
    }
}

impl<A, O: Output, F: Fn(A) -> O> AnyFunction<A, O::Tree> for F {
    fn call_from(&self, argument: A, _: Site<'_>) -> Result<O::Tree> {
        self(argument).into_result()
    }
}

/// References are no trees, so that a closure is callable in one way.
impl<A: Tree, O: Output, F: Fn(A) -> O> Callable<A> for F {
    type Tree = O::Tree;
    type Kept = F;

    fn kept(self) -> F {
        self
    }
}

/// A function that takes its argument by reference.
#[doc(hidden)]
pub struct Borrowing<F>(F);

impl<A, O: Output, F: Fn(&A) -> O> AnyFunction<A, O::Tree> for Borrowing<F> {
    fn call_from(&self, argument: A, _: Site<'_>) -> Result<O::Tree> {
        (self.0)(&argument).into_result()
    }
}

impl<A: Tree, O: Output, F: Fn(&A) -> O> Callable<A, ByReference> for F {
    type Tree = O::Tree;
    type Kept = Borrowing<F>;

    fn kept(self) -> Borrowing<F> {
        Borrowing(self)
    }
}
