//! Differentiation: from a graph to a graph that computes its derivatives.
//!
//! - [`jvp`] (forward mode) carries tangents of inputs along to the outputs: `y' = J x'`.
//! - [`vjp`] (reverse mode) carries cotangents of outputs back to the inputs: `x^ = J^T y^`.
//! - [`append_jvp`] and [`append_vjp`] do the same inside a graph under construction.
//! - [`explain`] says why an input gets no derivative.
//!
//! The rules are those of the ops ([`tensorwright_ir::op::derivative`]); here is only the order in which they are applied. The
//! results are ordinary graphs: they differentiate again, to any order, and go through the optimiser, which shares, folds
//! and drops what rules leave behind.
//!
//! Only the *active* part of a graph is differentiated: values that depend on an input with a tangent (or one whose cotangent is
//! asked for), through ops that have a derivative, and that an output depends on the same way. Composites on it are replaced by
//! their definitions unless they have rules of their own; all else stays as it was.
//!
//! ```
//! use tensorwright_compiler::differentiate::vjp;
//! use tensorwright_ir::{Builder, DType, Literal, TensorType, eval::evaluate};
//!
//! let mut b = Builder::new("f");
//! let x = b.named_input("x", TensorType::scalar(DType::F64));
//! let y = b.mul(x, x)?;
//! let y = b.mul(y, x)?;
//! let graph = b.finish(&[y]);
//!
//! // Inputs: x and the cotangent of y. Outputs: y and the cotangent of x.
//! let gradient = vjp(&graph, &[0])?;
//! let outputs = evaluate(&gradient.graph, &[Literal::scalar(2.0), Literal::scalar(1.0)])?;
//! assert_eq!(outputs, [Literal::scalar(8.0), Literal::scalar(12.0)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod activity;
mod control;
mod explain;
mod forward;
mod prepare;
mod reverse;

use tensorwright_ir::op::{Derivative, Rule};
use tensorwright_ir::{BuildError, Builder, Copier, Graph, Location, Node, Type, Value};

pub use explain::{PathStep, Reason, Unconnected, explain};
pub use forward::append_jvp;
pub use reverse::append_vjp;

/// Why a graph cannot be differentiated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DifferentiateError {
    /// There is no such input.
    #[error("the graph has {inputs} inputs, so there is none at position {position}")]
    NoSuchInput {
        /// The position that was asked for.
        position: usize,
        /// Inputs of the graph.
        inputs: usize,
    },
    /// An input is named twice.
    #[error("input {position} is named twice")]
    DuplicateInput {
        /// Its position.
        position: usize,
    },
    /// A function with a gradient of its own uses a value from around it whose derivative is asked for, and has no rule for that.
    #[error(
        "the function with a gradient of its own{} uses a tensor from around it that is differentiated: make it an argument, or stop its gradient",
        at(location.as_ref())
    )]
    Captured {
        /// The source line that wrote the function, if known.
        location: Option<Location>,
    },
    /// A derivative is larger than memory can be, or a rule is wrong.
    #[error(transparent)]
    Build(#[from] Box<BuildError>),
}

impl From<BuildError> for DifferentiateError {
    fn from(error: BuildError) -> DifferentiateError {
        DifferentiateError::Build(error.into())
    }
}

fn at(location: Option<&Location>) -> String {
    location.map(|l| format!(" at {l}")).unwrap_or_default()
}

/// A graph with derivatives among its outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// The graph: first all outputs of the original, then the derivatives that are not zero by structure.
    pub graph: Graph,
    /// For each derivative the position of the output that it is; `None` for those that are zero by structure.
    pub derivatives: Vec<Option<usize>>,
}

/// What was appended to a graph under construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The outputs of the original.
    pub outputs: Vec<Value>,
    /// The derivatives; `None` for those that are zero by structure.
    pub derivatives: Vec<Option<Value>>,
}

/// The graph with the product of the transposed Jacobian and a vector: reverse mode.
///
/// Inputs of the new graph are those of `graph`, then one cotangent for each float output, of its type. Outputs are those of
/// `graph`, then the cotangents of the inputs at the positions `wrt`, of their types, as far as they are connected.
/// [`Derived::derivatives`] has one entry for each of `wrt`.
///
/// Of a complex value a cotangent `g` says that the result changes by `Re(conj(g) z')`: for a real result it is the derivative by the real part
/// plus `i` times that by the imaginary part, the direction of steepest ascent (as in PyTorch and TensorFlow; JAX has the conjugate).
///
/// Fails if `wrt` names an input that is not there, or one twice, or if an op on the way has no derivative.
pub fn vjp(graph: &Graph, wrt: &[usize]) -> Result<Derived, DifferentiateError> {
    vjp_of(graph, graph.outputs().len(), wrt)
}

/// As [`vjp`], of the first outputs, which are so many: what the others are, say new state, has no cotangent.
pub fn vjp_of(graph: &Graph, outputs: usize, wrt: &[usize]) -> Result<Derived, DifferentiateError> {
    let wanted = positions(graph, wrt)?;
    let mut b = Builder::new(format!("{}_vjp", graph.name()));
    let inputs = copy_inputs(&mut b, graph);
    let cotangents: Vec<Option<Value>> = graph
        .outputs()
        .iter()
        .enumerate()
        .map(|(i, &y)| (i < outputs && graph.ty(y).is_differentiable()).then(|| b.input(graph.ty(y).clone())))
        .collect();
    let cotangents = conjugates(&mut b, &cotangents)?;
    let Appended { outputs, derivatives } = append_vjp(&mut b, graph, &inputs, &cotangents, &wanted)?;
    let derivatives: Vec<Option<Value>> = wrt.iter().map(|&input| derivatives[input]).collect();
    let derivatives = conjugates(&mut b, &derivatives)?;
    Ok(derived(b, outputs, &derivatives))
}

/// The graph with the product of the Jacobian and a vector: forward mode.
///
/// Inputs of the new graph are those of `graph`, then one tangent for each float input among those at the positions `wrt`, of its
/// type, in their order. Outputs are those of `graph`, then the tangents of its outputs, of their types, as far as they are
/// connected. [`Derived::derivatives`] has one entry for each output of `graph`.
///
/// Fails if `wrt` names an input that is not there, or one twice, or if an op on the way has no derivative.
pub fn jvp(graph: &Graph, wrt: &[usize]) -> Result<Derived, DifferentiateError> {
    positions(graph, wrt)?;
    let mut b = Builder::new(format!("{}_jvp", graph.name()));
    let inputs = copy_inputs(&mut b, graph);
    let mut tangents = vec![None; inputs.len()];
    for &input in wrt {
        let ty = graph.ty(graph.inputs()[input]);
        tangents[input] = ty.is_differentiable().then(|| b.input(ty.clone()));
    }
    let Appended { outputs, derivatives } = append_jvp(&mut b, graph, &inputs, &tangents)?;
    Ok(derived(b, outputs, &derivatives))
}

/// Cotangents as rules of ops have them out of those that users see, or the other way round: the conjugates of those that are complex.
fn conjugates(b: &mut Builder, cotangents: &[Option<Value>]) -> Result<Vec<Option<Value>>, BuildError> {
    let mut conjugate = |value: Value| match b.ty(value) {
        Type::Tensor(ty) if ty.dtype.is_complex() => b.conj(value),
        _ => Ok(value),
    };
    cotangents.iter().map(|cotangent| cotangent.map(&mut conjugate).transpose()).collect()
}

/// For each input whether it is among `wrt`.
fn positions(graph: &Graph, wrt: &[usize]) -> Result<Vec<bool>, DifferentiateError> {
    let inputs = graph.inputs().len();
    let mut named = vec![false; inputs];
    for &position in wrt {
        match named.get_mut(position) {
            None => return Err(DifferentiateError::NoSuchInput { position, inputs }),
            Some(true) => return Err(DifferentiateError::DuplicateInput { position }),
            Some(input) => *input = true,
        }
    }
    Ok(named)
}

fn copy_inputs(b: &mut Builder, graph: &Graph) -> Vec<Value> {
    Copier::declaring(graph, b).values(graph.inputs()).into_vec()
}

fn derived(b: Builder, mut outputs: Vec<Value>, derivatives: &[Option<Value>]) -> Derived {
    let mut place = |derivative: &Option<Value>| {
        derivative.map(|value| {
            outputs.push(value);
            outputs.len() - 1
        })
    };
    let derivatives = derivatives.iter().map(&mut place).collect();
    Derived { graph: b.finish(&outputs), derivatives }
}

/// How an active node is differentiated.
enum Rules<'a> {
    /// By a rule of the op's own.
    Op(Rule<'a>),
    /// As its regions are, or by one of them.
    Regions,
    /// Nothing is differentiable about it.
    Nothing,
}

/// Whether none of the tensors has elements.
fn all_empty<'v>(b: &Builder, mut values: impl Iterator<Item = &'v Value>) -> bool {
    values.all(|&value| b.ty(value).as_tensor().is_some_and(|ty| ty.elements() == 0))
}

fn rule(node: &Node) -> Rules<'_> {
    match node.op.derivative() {
        Derivative::Rule(rule) => Rules::Op(rule),
        Derivative::Regions | Derivative::Again { .. } | Derivative::Region(_) => Rules::Regions,
        Derivative::Zero => Rules::Nothing,
        Derivative::Expansion => unreachable!("active composites without a rule were expanded"),
    }
}
