//! Batching: from a graph for one example to a graph for many.
//!
//! [`batch`] gives inputs a new axis 0 with one slice per example, and every value that depends on them. Other values stay as they
//! are, shared by all examples. It is a transformation like differentiation: from graph to graph, op by op, before the optimiser.
//!
//! The rules are those of the ops ([`tensorwright_ir::op::batching`]): an element-wise op stays what it is, on operands that are broadcast
//! along the new axis where they lack it, movement and folds have their axes moved by one, in products the new axis is a batch axis
//! or a free one. Here is only what is about graphs:
//!
//! | ops | what becomes of them |
//! |---|---|
//! | composites without rules of their own | their definitions |
//! | `if`, `case` | the op, if the examples agree on the choice by sharing it; else all branches, and a selection (`guard`) |
//! | `while` | the op, if the examples share the condition; else a `map` of it, if the state of an example is a few numbers, or it runs as long as one example goes on, the others keep their state |
//! | `scan`, `map`, calls | the op, its regions batched; what it slices is moved so that the new axis comes second |
//! | random bits | `map` |
//!
//! Lists get batched rows: their lengths are common to all examples. Where they cannot be, say because a `while` that ends at another
//! time for each example has saved them for its derivative, the whole graph becomes the body of a `map`. Effects take place once: `print` prints the batch, `assert` asks
//! that all examples hold.
//!
//! ```
//! use tensorwright_compiler::batch::batch;
//! use tensorwright_ir::{Builder, DType, Literal, TensorType, eval::evaluate};
//!
//! let mut b = Builder::new("f");
//! let (x, w) = (b.input(TensorType::new(DType::F32, [2])), b.input(TensorType::new(DType::F32, [2])));
//! let y = b.mul(x, w)?;
//! let graph = b.finish(&[y]);
//!
//! // Three examples of x, one w.
//! let batched = batch(&graph, 3, &[true, false])?;
//! assert_eq!(batched.per_example, [true]);
//! let x = Literal::new([3, 2], &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
//! let y = evaluate(&batched.graph, &[x, Literal::new([2], &[1.0f32, 10.0]).unwrap()])?;
//! assert_eq!(y[0], Literal::new([3, 2], &[1.0f32, 20.0, 3.0, 40.0, 5.0, 60.0]).unwrap());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alone;
mod control;
mod depend;
mod effects;
mod guard;
mod lists;
mod rules;
mod spread;

pub use tensorwright_ir::op::batching::Item;
use tensorwright_ir::op::control::Map;
use tensorwright_ir::{BuildError, Builder, Copier, Dim, Graph, Location, TensorType, Type, Value};

use self::guard::Guard;
use crate::passes::has_effect;

/// Why a graph cannot be batched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// There is not one flag for each input.
    #[error("the graph has {inputs} inputs, found {found} flags")]
    Inputs {
        /// Inputs of the graph.
        inputs: usize,
        /// Flags that were given.
        found: usize,
    },
    /// Examples would take different branches, or iterate differently, around an effect.
    #[error("`{op}`{} depends on the example and prints or checks inside: effects take place once for all examples", at(location.as_ref()))]
    Effect {
        /// Mnemonic of the op.
        op: &'static str,
        /// The source line that wrote it, if known.
        location: Option<Location>,
    },
    /// Examples would have lists of different lengths, or read different rows.
    #[error("`{op}`{} would give examples lists of their own: all examples share the length of a list, and the places of its rows", at(location.as_ref()))]
    List {
        /// Mnemonic of the op.
        op: &'static str,
        /// The source line that wrote it, if known.
        location: Option<Location>,
    },
    /// A batched value is larger than memory can be, or a rule is wrong.
    #[error(transparent)]
    Build(#[from] Box<BuildError>),
}

impl From<BuildError> for BatchError {
    fn from(error: BuildError) -> BatchError {
        BatchError::Build(error.into())
    }
}

fn at(location: Option<&Location>) -> String {
    location.map(|l| format!(" at {l}")).unwrap_or_default()
}

/// A graph for many examples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batched {
    /// The graph: the inputs that were asked for, and the outputs that depend on them, have a new axis 0.
    pub graph: Graph,
    /// For each output whether it has the new axis; the others are the same for all examples.
    pub per_example: Vec<bool>,
}

/// The graph for `size` examples, of which the inputs flagged in `per_example` have one slice each along a new axis 0.
///
/// Fails if there is not one flag for each input, if examples that differ would disagree about effects, or about lists in a graph that has
/// effects or gives lists, or if a value is larger than memory can be.
pub fn batch(graph: &Graph, size: usize, per_example: &[bool]) -> Result<Batched, BatchError> {
    let (inputs, found) = (graph.inputs().len(), per_example.len());
    if inputs != found {
        return Err(BatchError::Inputs { inputs, found });
    }
    match together(graph, Many { size, loops: Loops::ByExample }, per_example) {
        Err(BatchError::List { .. }) if can_be_mapped(graph) => one_by_one(graph, size, per_example),
        batched => batched,
    }
}

/// As [`batch`], but all examples run each loop together, as is best for derivatives: no loop becomes the body of a `map`.
pub(crate) fn batch_together(
    graph: &Graph,
    size: usize,
    per_example: &[bool],
) -> Result<Batched, BatchError> {
    together(graph, Many { size, loops: Loops::Together }, per_example)
}

/// How many examples there are, and how they run loops that each of them leaves when it likes.
#[derive(Clone, Copy, Debug)]
struct Many {
    size: usize,
    loops: Loops,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loops {
    /// All of them, until the last one leaves.
    Together,
    /// Each by itself, where a kernel does that.
    ByExample,
}

fn together(graph: &Graph, many: Many, per_example: &[bool]) -> Result<Batched, BatchError> {
    let mut b = Builder::new(graph.name());
    let items = rules::inputs(&mut b, graph, many.size, per_example);
    let outputs = append_active(&mut b, graph, many, &items, None)?;
    let values: Vec<Value> = outputs.iter().map(|item| item.value).collect();
    let per_example = outputs.iter().map(|item| item.per_example).collect();
    Ok(Batched { graph: b.finish(&values), per_example })
}

/// Whether the graph gives tensors and does nothing else.
fn can_be_mapped(graph: &Graph) -> bool {
    graph.output_types().iter().all(|ty| ty.as_tensor().is_some()) && !graph.nodes().iter().any(has_effect)
}

/// The graph as the body of a `map`.
fn one_by_one(graph: &Graph, size: usize, per_example: &[bool]) -> Result<Batched, BatchError> {
    let mut b = Builder::new(graph.name());
    let inputs = rules::inputs(&mut b, graph, size, per_example);
    let (mapped, shared): (Vec<usize>, Vec<usize>) = (0..inputs.len()).partition(|&i| per_example[i]);
    let order = [&mapped[..], &shared].concat();
    let operands: Vec<Value> = order.iter().map(|&i| inputs[i].value).collect();
    let results = b.map(Map { mapped: mapped.len(), length: size }, &operands, |b, x| {
        let mut own = x.to_vec();
        order.iter().zip(x).for_each(|(&i, &value)| own[i] = value);
        b.inline(graph, &own)
    })?;
    let per_example = vec![true; results.len()];
    Ok(Batched { graph: b.finish(&results), per_example })
}

/// Appends the graph for so many examples to `b`, with `inputs` in place of its inputs; `active` says which of the examples need it, if not
/// all do. Gives its outputs. Fails as [`batch`] does, and if examples would disagree about lists.
fn append_active(
    b: &mut Builder,
    graph: &Graph,
    many: Many,
    inputs: &[Item],
    active: Option<Value>,
) -> Result<Vec<Item>, BatchError> {
    let mut items = Copier::with_inputs(graph, inputs);
    let outer = b.location().cloned();
    for node in graph.nodes() {
        b.set_location(node.location.clone());
        let guard = Guard { node, size: many.size, active };
        let shared = items.values(&node.operands);
        let operands = guard.operands(b, &shared)?;
        let types: Vec<&Type> = node.operands.iter().map(|&v| graph.ty(v)).collect();
        let site = rules::Site {
            b: &mut *b,
            size: many.size,
            many,
            node,
            types: &types,
            x: &operands,
            active: guard.within(),
        };
        let results = site.results()?;
        let results = guard.results(b, &shared, results)?;
        for (&result, item) in node.results.iter().zip(results) {
            if let (Some(name), None) = (graph.value_name(result), b.graph().value_name(item.value)) {
                b.set_name(item.value, Some(name.to_owned()));
            }
            items.set(result, item);
        }
    }
    b.set_location(outer);
    Ok(items.values(graph.outputs()).into_vec())
}

/// An input of the builder's graph for an input of another graph.
fn input_like(b: &mut Builder, graph: &Graph, input: Value, size: usize, per_example: bool) -> Item {
    let (ty, per_example) = match graph.ty(input) {
        // The examples share the order of effects.
        Type::Token => (Type::Token, false),
        ty if !per_example => (ty.clone(), false),
        Type::Tensor(ty) => (with_axis(ty, size).into(), true),
        Type::List(row) => (Type::List(with_axis(row, size)), true),
    };
    let value = b.input(ty);
    b.set_name(value, graph.value_name(input).map(str::to_owned));
    Item { value, per_example }
}

/// The type for many examples.
fn with_axis(ty: &TensorType, size: usize) -> TensorType {
    ty.with_shape(ty.shape.with_leading(Dim::known(size)))
}
