//! Functions of one example, for many.

use std::sync::Arc;

use tensorwright_compiler::batch::{self, BatchError, Batched};
use tensorwright_ir::op::TypeError;
use tensorwright_ir::{Graph, Type};

use crate::control::region;
use crate::error::{CallSite, Error, Result};
use crate::function::{Body, Callable, Site, Transformed, body, describe, erased};
use crate::interpret::graph;
use crate::interpret::trace::Captured;
use crate::state::State;
use crate::tree::erased::{AnyTree, Erased, typed};
use crate::tree::tensors::{types_of, with_tensors};
use crate::{Function, Tensor, Tree};

/// A function of many examples out of a function of one: tensors of the argument have one more axis 0, with a slice for each example, and
/// so have tensors of the result.
///
/// The function is traced once, for one example, and every op in it then becomes one op for all examples: a product of a vector and a
/// matrix a product of matrices, a `cond` on a value that differs a selection, a `while` a loop until all are done. Tensors that the function
/// uses from around it are shared by all examples. `print` prints the batch. It composes with [`grad`](crate::grad()),
/// [`function`](crate::function()), the closures of control flow and itself, in any order.
///
/// ```
/// use tensorwright::prelude::*;
///
/// // Gradients of each example's own loss, by the weights that they share.
/// let loss = |(w, x, y): (Tensor, Tensor, Tensor)| ((w * x).sum(..) - y).square();
/// let gradients = vmap_axes(
///     move |(w, x, y): (Tensor, Tensor, Tensor)| {
///         let (_, pullback) = vjp(|w| loss((w, x.clone(), y.clone())), w)?;
///         pullback.call(&Tensor::from(1.0f32))
///     },
///     &[None, Some(0), Some(0)],
///     &[],
/// );
/// let w = Tensor::from([1.0f32, -1.0]);
/// let (x, y) = (Tensor::from([[1.0f32, 2.0], [3.0, 4.0], [0.5, 0.5]]), Tensor::from([0.0f32, 1.0, -1.0]));
/// let found = gradients.call((w, x, y))?;
/// assert_eq!(found.to_vec::<f32>()?, [-2.0, -4.0, -12.0, -16.0, 1.0, 1.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// The derivative of a `while` that ends at another time for each example needs lists of each example's own, so a function with one goes
/// example by example, in parallel: `grad` of the sum of `vmap(f)` does better than `vmap` of `grad(f)`.
///
/// Calls fail if the function does, if the tensors of the argument have no common extent along axis 0, if examples would differ about
/// effects or the lengths of lists, or if the function assigns variables.
#[doc(alias("vectorized_map", "pmap"))]
pub fn vmap<A: Tree, M, F>(f: F) -> Function<A, F::Tree>
where
    F: Callable<A, M>,
    F::Kept: Send + Sync + 'static,
{
    vmap_axes(f, &[], &[])
}

/// As [`vmap`], with axes to choose: for each tensor of the argument, in order, the axis along which the examples lie, or `None` if they
/// share it; for each tensor of the result the axis along which they come to lie. An empty list stands for axis 0 everywhere.
///
/// ```
/// use tensorwright::prelude::*;
///
/// // A matrix times each column of another one.
/// let f = vmap_axes(|(m, v): (Tensor, Tensor)| m.matvec(&v), &[None, Some(1)], &[1]);
/// let (m, v) = (Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]), Tensor::from([[1.0f32, 0.0], [0.0, 1.0]]));
/// assert_eq!(f.call((&m, &v))?.to_vec::<f32>()?, m.to_vec::<f32>()?);
/// # Ok::<(), Error>(())
/// ```
pub fn vmap_axes<A: Tree, M, F>(f: F, arguments: &[Option<usize>], results: &[usize]) -> Function<A, F::Tree>
where
    F: Callable<A, M>,
    F::Kept: Send + Sync + 'static,
{
    let axes = Axes::new(arguments, results);
    mapped(body(f), axes)
}

#[inline(never)]
fn mapped<A: Tree, R: Tree>(f: Body<A, R>, axes: Axes) -> Function<A, R> {
    let names = f.names().to_vec();
    let many = move |argument: A, site: Site<'_>| {
        let one = |inputs| erased(f.call_from(with_tensors(&argument, inputs), site));
        axes.apply(&argument, site, &one).map(typed)
    };
    Function::of(Arc::new(Transformed { names, f: many }))
}

/// Where the examples lie.
struct Axes {
    arguments: Vec<Option<usize>>,
    results: Vec<usize>,
}

/// The tensors of an argument, sliced.
struct Examples {
    /// Those with examples have them along axis 0.
    inputs: Vec<Tensor>,
    /// Types for one example.
    types: Vec<Type>,
    per_example: Vec<bool>,
    size: usize,
}

impl Axes {
    #[inline(never)]
    fn new(arguments: &[Option<usize>], results: &[usize]) -> Axes {
        Axes { arguments: arguments.to_vec(), results: results.to_vec() }
    }

    fn apply(
        &self,
        argument: &dyn AnyTree,
        site: Site<'_>,
        one: &dyn Fn(Vec<Tensor>) -> Result<Erased>,
    ) -> Result<Erased> {
        let at = site.at;
        let examples = self.examples(argument, site)?;
        let traced = region::trace("vmap", &examples.types, at, one)?;
        if traced.region.changes.iter().any(|state| matches!(state, State::Variable(_))) {
            return Err(refused(at, "the function assigns a variable, which all examples share".to_owned()));
        }
        let mut operands: Vec<Captured> = examples.inputs.into_iter().map(Captured::Tensor).collect();
        operands.extend(traced.region.captures.iter().cloned());
        let mut mask = examples.per_example;
        mask.resize(operands.len(), false);
        let (results, changes) = (traced.types.len(), traced.region.changes.clone());
        let Batched { graph, per_example } = batched(&traced.region.into_graph(), examples.size, &mask, at)?;
        let outputs = graph::run_captured(&graph, &operands, &changes, results, at)?;
        let outputs = outputs.into_iter().zip(per_example).enumerate();
        let place = |(i, (x, own)): (usize, (Tensor, bool))| {
            let x = if own { x } else { repeated(&x, examples.size)? };
            self.placed(i, x, at)
        };
        Ok(traced.result.with(outputs.map(place).collect::<Result<Vec<_>>>()?))
    }

    fn examples(&self, argument: &dyn AnyTree, site: Site<'_>) -> Result<Examples> {
        let (at, tensors) = (site.at, argument.tensors());
        if !self.arguments.is_empty() && self.arguments.len() != tensors.len() {
            let (axes, found) = (self.arguments.len(), tensors.len());
            return Err(refused(
                at,
                format!("there are {axes} axes for the {found} tensors of the argument"),
            ));
        }
        let all = types_of(&tensors)?;
        let (mut inputs, mut types, mut per_example, mut sizes) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (i, (x, ty)) in tensors.into_iter().zip(&all).enumerate() {
            let axis = self.arguments.get(i).copied().unwrap_or(Some(0));
            match axis {
                Some(axis) => {
                    let Some(ty) = ty.as_tensor().filter(|ty| axis < ty.rank()) else {
                        let name = &describe::paths(argument, site)[i];
                        return Err(refused(
                            at,
                            format!("{name}: tensor {i} of the argument is {ty} and has no axis {axis}"),
                        ));
                    };
                    sizes.push(ty.shape.size(axis));
                    types.push(ty.with_shape(ty.shape.without(&[axis])).into());
                    inputs.push(moved(&x, ty.rank(), axis, 0));
                }
                None => {
                    types.push(ty.clone());
                    inputs.push(x);
                }
            }
            per_example.push(axis.is_some());
        }
        match sizes.first() {
            Some(&size) if sizes.iter().all(|&other| other == size) => {
                Ok(Examples { inputs, types, per_example, size })
            }
            _ => Err(refused(at, different(&sizes, &per_example, &describe::paths(argument, site)))),
        }
    }

    /// The result number `i` with the examples along the axis that was asked for.
    fn placed(&self, i: usize, x: Tensor, at: CallSite) -> Result<Tensor> {
        let ty = x.ty()?.clone();
        let axis = match self.results.get(i) {
            Some(&axis) => axis,
            None if self.results.is_empty() => 0,
            None => {
                return Err(refused(at, format!("there are {} axes for the results", self.results.len())));
            }
        };
        if axis >= ty.rank() {
            return Err(refused(
                at,
                format!("result {i} is {ty}, examples included, and has no axis {axis}"),
            ));
        }
        Ok(moved(&x, ty.rank(), 0, axis))
    }
}

/// What is wrong with numbers of examples.
fn different(sizes: &[usize], per_example: &[bool], paths: &[String]) -> String {
    let mapped = paths.iter().zip(per_example).filter_map(|(path, &is_mapped)| is_mapped.then_some(path));
    let found: Vec<String> = mapped.zip(sizes).map(|(path, size)| format!("{path} has {size}")).collect();
    match found.is_empty() {
        true => "no tensor of the argument has examples".to_owned(),
        false => format!(
            "tensors of the argument must have a common number of examples, found {sizes:?}: {}",
            found.join(", ")
        ),
    }
}

fn batched(graph: &Graph, size: usize, mask: &[bool], at: CallSite) -> Result<Batched> {
    batch::batch(graph, size, mask).map_err(|error: BatchError| refused(at, error.to_string()))
}

fn refused(at: CallSite, what: String) -> Error {
    Error::refused(at, "vmap", [], TypeError::Other(what))
}

/// The tensor with one axis moved.
fn moved(x: &Tensor, rank: usize, from: usize, to: usize) -> Tensor {
    if from == to {
        return x.clone();
    }
    let mut permutation: Vec<usize> = (0..rank).filter(|&axis| axis != from).collect();
    permutation.insert(to, from);
    x.transpose(&permutation[..])
}

/// The tensor for each example.
fn repeated(x: &Tensor, size: usize) -> Result<Tensor> {
    let shape: Vec<usize> = [size].into_iter().chain(x.ty()?.shape.sizes()).collect();
    Ok(x.broadcast_to(&shape[..]))
}
