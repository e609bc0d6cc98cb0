//! Gradients of functions with one result.

use std::sync::Arc;

use super::traced::{Traced, ones, zeros_like};
use crate::error::Result;
use crate::function::{Body, Callable, Site, Transformed, body, erased};
use crate::tensor::id::TensorId;
use crate::tree::erased::{AnyTree, Erased};
use crate::tree::tensors::{tensors, with_tensors};
use crate::{Function, Tensor, Tree};

/// The gradient of a function with a float result: a function that gives, for each tensor of the argument, the derivative of the
/// result (of its sum, if it is not a scalar).
///
/// ```
/// use tensorwright::prelude::*;
///
/// let cube = |x: Tensor| &x * &x * &x;
/// assert_eq!(grad(cube).call(2.0f64)?.item::<f64>()?, 12.0);
/// // To any order, for many examples, and inside traced functions:
/// let curvature = grad(grad(cube));
/// assert_eq!(curvature.call(2.0f64)?.item::<f64>()?, 12.0);
/// assert_eq!(vmap(curvature).call([1.0f64, 2.0])?.to_vec::<f64>()?, [6.0, 12.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// Calls fail if the function does, if its result is not a float tensor, or if it does not depend on a float tensor of the argument; the message
/// has the line of the call and the path of that tensor. [`Gradient`] is by chosen tensors.
///
/// ```
/// # use tensorwright::prelude::*;
/// let f = grad(|(x, y): (Tensor, Tensor)| x * y.floor());
/// let message = f.call((1.0f32, 2.0f32)).unwrap_err().to_string();
/// assert!(message.contains("`.1` -> floor"), "{message}");
/// ```
pub fn grad<A: Tree, M, F>(f: F) -> Function<A, A>
where
    F: Callable<A, M, Tree = Tensor>,
    F::Kept: Send + Sync + 'static,
{
    Gradient::of(f).function()
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
/// # Ok::<(), Error>(())
/// ```
pub fn value_and_grad<A: Tree, M, F>(f: F) -> Function<A, (Tensor, A)>
where
    F: Callable<A, M, Tree = Tensor>,
    F::Kept: Send + Sync + 'static,
{
    Gradient::of(f).function_with_value()
}

/// A gradient with choices: by which part of the argument (what JAX calls `argnums`), and what there is for tensors that are not connected.
///
/// ```
/// use tensorwright::prelude::*;
///
/// // By the weights alone. The labels are integers, and nothing asks for a derivative by the inputs.
/// let loss = |(w, x, label): (Tensor, Tensor, Tensor)| (w * x).take(&label, 0);
/// let by_weights = Gradient::of(loss).wrt(|(w, _, _)| w).function();
/// let dw = by_weights.call(([1.0f32, 2.0], [3.0f32, 4.0], 1i32))?;
/// assert_eq!(dw.to_vec::<f32>()?, [0.0, 4.0]);
///
/// // Zeros in place of an error.
/// let by_all = Gradient::of(|(x, _y): (Tensor, Tensor)| x * 3.0).missing(Missing::Zeros).function();
/// let (dx, dy) = by_all.call((1.0f32, [1.0f32, 2.0]))?;
/// assert_eq!(dx.item::<f32>()?, 3.0);
/// assert_eq!(dy.to_vec::<f32>()?, [0.0, 0.0]);
///
/// // Or nothing.
/// let found = Gradient::of(|(x, _y): (Tensor, Tensor)| x * 3.0).function_of_options();
/// let found = found.call((1.0f32, [1.0f32, 2.0]))?;
/// assert!(found[0].is_some() && found[1].is_none());
/// # Ok::<(), Error>(())
/// ```
pub struct Gradient<A, P = A> {
    f: Body<A, Tensor>,
    part: Arc<dyn Fn(A) -> P + Send + Sync>,
    missing: Missing,
}

/// What a [`Gradient`] has for a float tensor on which the result does not depend differentiably.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// An error that says why.
    #[default]
    Error,
    /// Zeros.
    Zeros,
}

impl<A: Tree> Gradient<A> {
    /// The gradient of a function with a float result, by all of its argument.
    pub fn of<M, F>(f: F) -> Gradient<A>
    where
        F: Callable<A, M, Tree = Tensor>,
        F::Kept: Send + Sync + 'static,
    {
        Gradient::of_body(body(f))
    }

    #[inline(never)]
    pub(super) fn of_body(f: Body<A, Tensor>) -> Gradient<A> {
        Gradient { f, part: Arc::new(|argument| argument), missing: Missing::Error }
    }
}

impl<A: Tree, P: Tree> Gradient<A, P> {
    /// The gradient by a part of the argument: `part` picks it out, `|(w, _)| w` or `|p| p.layers`. It must only pick: calls fail if it gives a tensor
    /// that is none of the argument's.
    #[doc(alias = "argnums")]
    pub fn wrt<Q: Tree>(self, part: impl Fn(A) -> Q + Send + Sync + 'static) -> Gradient<A, Q> {
        let Gradient { f, missing, .. } = self;
        Gradient { f, part: Arc::new(part), missing }
    }

    /// The gradient with another choice about what is not connected.
    #[must_use]
    pub fn missing(self, missing: Missing) -> Gradient<A, P> {
        Gradient { missing, ..self }
    }

    /// The function that gives the gradient: a tree like the part of the argument.
    #[inline(never)]
    pub fn function(self) -> Function<A, P> {
        self.made(|gradient, argument, site| {
            let (point, part) = gradient.at(argument, site)?;
            Ok(with_tensors(&part, point.filled(gradient.missing)?))
        })
    }

    /// The function that gives the value and the gradient.
    #[inline(never)]
    pub fn function_with_value(self) -> Function<A, (Tensor, P)> {
        self.made(|gradient, argument, site| {
            let (point, part) = gradient.at(argument, site)?;
            Ok((point.value.clone(), with_tensors(&part, point.filled(gradient.missing)?)))
        })
    }

    /// The function that gives, for each tensor of the part of the argument, its gradient; none for those that are not connected, and for integers and
    /// bools.
    pub fn function_of_options(self) -> Function<A, Vec<Option<Tensor>>> {
        self.made(|gradient, argument, site| Ok(gradient.at(argument, site)?.0.gradients))
    }

    fn made<R: Tree>(self, give: fn(&Self, A, Site<'_>) -> Result<R>) -> Function<A, R> {
        let names = self.f.names().to_vec();
        let f = move |argument: A, site: Site<'_>| give(&self, argument, site);
        Function::of(Arc::new(Transformed { names, f }))
    }

    fn at(&self, argument: A, site: Site<'_>) -> Result<(Point, P)> {
        // Which tensors are picked is told by their numbers, so that each has one of its own.
        let own: Vec<Tensor> = tensors(&argument).into_iter().map(|x| x.with_id(TensorId::fresh())).collect();
        let part = (self.part)(with_tensors(&argument, own.clone()));
        let f = |inputs| erased(self.f.call_from(with_tensors(&argument, inputs), site));
        Ok((Point::new(&argument, &own, &part, site, &f)?, part))
    }
}

/// The gradient of a function of one result, at a point.
struct Point {
    traced: Traced,
    value: Tensor,
    /// For each tensor of the part which one of the argument it is.
    picked: Vec<usize>,
    gradients: Vec<Option<Tensor>>,
}

impl Point {
    fn new(
        argument: &dyn AnyTree,
        own: &[Tensor],
        part: &dyn AnyTree,
        site: Site<'_>,
        f: &dyn Fn(Vec<Tensor>) -> Result<Erased>,
    ) -> Result<Point> {
        let traced = Traced::new(argument, site, f)?;
        let one = ones(traced.float_result()?);
        let find = |x: &Tensor| own.iter().position(|own| own.id() == x.id());
        let picked = part.tensors().iter().map(find).collect::<Option<Vec<usize>>>();
        let picked = picked.ok_or_else(|| {
            traced
                .refusal("`wrt` gives a tensor that is none of the argument's: it must only pick".to_owned())
        })?;
        let (mut values, all) = traced.pull_back(&[one], |input| picked.contains(&input), site.at)?;
        let gradients = picked.iter().map(|&input| all[input].clone()).collect();
        Ok(Point { value: values.remove(0), traced, picked, gradients })
    }

    /// The gradients, with zeros in the places of tensors that are no floats.
    fn filled(&self, missing: Missing) -> Result<Vec<Tensor>> {
        let fill = |(gradient, &input): (&Option<Tensor>, &usize)| match (gradient, missing) {
            (Some(gradient), _) => Ok(gradient.clone()),
            (None, Missing::Error) if self.traced.is_float(input) => Err(self.traced.unconnected(input)),
            (None, _) => zeros_like(&self.traced.inputs[input]),
        };
        self.gradients.iter().zip(&self.picked).map(fill).collect()
    }
}
