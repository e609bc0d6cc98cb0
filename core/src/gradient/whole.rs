//! Whole Jacobians and Hessians.

use std::sync::Arc;

use super::linear::jvp_at;
use super::reverse::Gradient;
use super::traced::Traced;
use crate::error::Result;
use crate::function::{Body, Callable, Site, Transformed, body, erased};
use crate::tensor::Tensor;
use crate::tree::erased::typed;
use crate::{Error, Function, map};

/// The Jacobian of a function from one float tensor to another: `jacobian[i.., j..]` is the derivative of result element `i` by
/// argument element `j`, so its shape is that of the result followed by that of the argument. Row by row, in reverse mode.
///
/// Calls fail as those of [`grad`](crate::grad()) do: if the function does, if argument or result are no floats, or if the result does not depend
/// differentiably on the argument.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let j = jacobian(|x: Tensor| &x * x.sum(..)).call([1.0f32, 2.0])?;
/// assert_eq!(j.to_vec::<f32>()?, [4.0, 1.0, 2.0, 5.0]);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("jacfwd", "jacrev"))]
pub fn jacobian<M, F>(f: F) -> Function<Tensor, Tensor>
where
    F: Callable<Tensor, M, Tree = Tensor>,
    F::Kept: Send + Sync + 'static,
{
    rows_of(body(f))
}

fn rows_of(f: Body<Tensor, Tensor>) -> Function<Tensor, Tensor> {
    let names = f.names().to_vec();
    let rows = move |x: Tensor, site: Site<'_>| {
        float_argument(&x, site)?;
        let call = |mut inputs: Vec<Tensor>| erased(f.call_from(inputs.remove(0), site));
        let traced = Traced::new(&x, site, &call)?;
        traced.float_result()?;
        let y: Tensor = typed(traced.run_here()?);
        let row = |cotangent: Tensor| {
            let (_, mut found) = traced.pull_back(&[cotangent], |_| true, site.at)?;
            found.remove(0).ok_or_else(|| traced.unconnected(0))
        };
        joined(&map(basis(&y)?, row)?, &y, &x)
    };
    Function::of(Arc::new(Transformed { names, f: rows }))
}

/// The Hessian of a function from one float tensor to a scalar: `hessian[i.., j..]` is the second derivative by argument elements
/// `i` and `j`. Columns of the gradient's Jacobian, in forward mode over reverse mode.
///
/// Calls fail as those of [`grad`](crate::grad()) do, and if the result is not a scalar. (Of a vector `jacobian(grad(f))` is the Hessian of the sum.)
///
/// ```
/// use tensorwright::prelude::*;
///
/// let h = hessian(|x: Tensor| (&x * &x * &x).sum(..)).call([1.0f64, 2.0])?;
/// assert_eq!(h.to_vec::<f64>()?, [6.0, 0.0, 0.0, 12.0]);
/// # Ok::<(), Error>(())
/// ```
pub fn hessian<M, F>(f: F) -> Function<Tensor, Tensor>
where
    F: Callable<Tensor, M, Tree = Tensor>,
    F::Kept: Send + Sync + 'static,
{
    columns_of(body(f))
}

fn columns_of(f: Body<Tensor, Tensor>) -> Function<Tensor, Tensor> {
    let names = f.names().to_vec();
    let checked = move |x: Tensor, site: Site<'_>| f.call_from(x, site).and_then(|y| scalar(y, site));
    let checked = Transformed { names: names.clone(), f: checked };
    let gradient = Gradient::of_body(Arc::new(checked)).function();
    let columns = move |x: Tensor, site: Site<'_>| {
        float_argument(&x, site)?;
        let column = |direction| Ok(jvp_at(&gradient, x.clone(), direction, site.at)?.1);
        joined(&map(basis(&x)?, column)?, &x, &x)
    };
    Function::of(Arc::new(Transformed { names, f: columns }))
}

fn scalar(y: Tensor, site: Site<'_>) -> Result<Tensor> {
    match y.ty()? {
        ty if ty.rank() == 0 => Ok(y),
        ty => Err(refusal(site, format!("the function's result is {ty}, and only scalars have a Hessian"))),
    }
}

fn float_argument(x: &Tensor, site: Site<'_>) -> Result<()> {
    match x.ty()? {
        ty if ty.dtype.is_differentiable() => Ok(()),
        ty => Err(refusal(site, format!("the argument is {ty}, and there are derivatives by floats only"))),
    }
}

fn refusal(site: Site<'_>, what: String) -> Error {
    Error::NotDifferentiable { at: site.at.into(), what }
}

/// One tensor like `x` for each of its elements, with 1 there and 0 elsewhere, along a new axis 0.
fn basis(x: &Tensor) -> Result<Tensor> {
    let ty = x.ty()?;
    let count = ty.elements();
    let shape: Vec<usize> = [count].into_iter().chain(ty.shape.sizes()).collect();
    Ok(Tensor::eye(count, ty.dtype).reshape(&shape[..]))
}

/// Rows for the elements of `y`, each of the shape of `x`, as one tensor of both shapes.
fn joined(rows: &Tensor, y: &Tensor, x: &Tensor) -> Result<Tensor> {
    let shape: Vec<usize> = y.ty()?.shape.sizes().into_iter().chain(x.ty()?.shape.sizes()).collect();
    Ok(rows.reshape(&shape[..]))
}
