//! Whole Jacobians and Hessians.

use super::linear::{jvp, vjp};
use super::reverse::grad;
use crate::error::{Error, Result};
use crate::function::Output;
use crate::{Function, Tensor, function, map};

/// The Jacobian of a function from one float tensor to another: `jacobian[i.., j..]` is the derivative of result element `i` by
/// argument element `j`, so its shape is that of the result followed by that of the argument. Row by row, in reverse mode.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let j = jacobian(|x: Tensor| &x * x.sum(..)).call([1.0f32, 2.0])?;
/// assert_eq!(j.to_vec::<f32>()?, [4.0, 1.0, 2.0, 5.0]);
/// # Ok::<(), tensorwright::Error>(())
/// ```
pub fn jacobian<O: Output<Tree = Tensor>>(
    f: impl Fn(Tensor) -> O + Send + Sync + 'static,
) -> Function<Tensor, Tensor> {
    function(move |x: Tensor| {
        let (y, pullback) = vjp(&f, x.clone())?;
        let rows = basis(&y)?;
        let rows = map(rows, |row| pullback.call(&row))?;
        joined(&rows, &y, &x)
    })
}

/// The Hessian of a function from one float tensor to a scalar: `hessian[i.., j..]` is the second derivative by argument elements
/// `i` and `j`. Columns of the gradient's Jacobian, in forward mode over reverse mode.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let h = hessian(|x: Tensor| (&x * &x * &x).sum(..)).call([1.0f64, 2.0])?;
/// assert_eq!(h.to_vec::<f64>()?, [6.0, 0.0, 0.0, 12.0]);
/// # Ok::<(), tensorwright::Error>(())
/// ```
pub fn hessian<O: Output<Tree = Tensor>>(
    f: impl Fn(Tensor) -> O + Send + Sync + 'static,
) -> Function<Tensor, Tensor> {
    let gradient = grad(f);
    function(move |x: Tensor| {
        let rows = basis(&x)?;
        let columns =
            map(rows, |direction| Ok::<_, Error>(jvp(|x| gradient.call(x), x.clone(), direction)?.1))?;
        joined(&columns, &x, &x)
    })
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
