//! Batching rules: what an op's definition says about many examples at once.
//!
//! A value is *batched* if it has a new axis 0 with one slice per example; other values are shared by all examples. A node with a batched
//! operand becomes nodes whose results are batched, and the slice of a result at an example is what the node gives for that example.
//!
//! An op states its rule in the weakest form that it has:
//!
//! | form | what is stated | whose |
//! |---|---|---|
//! | [`Batching::ElementWise`] | nothing: the op itself is right | functions of elements |
//! | [`Batching::Moved`] | the op with its axes moved, for operands that are all batched | movement, folds, scans, sorting, row-wise functions |
//! | [`BatchRule`] | the nodes, for any choice of batched operands | products, computed places, what would be lost otherwise |
//! | [`Batching::Expansion`] | nothing: the definition is batched | composites without rules of their own |
//! | [`Batching::Map`] | nothing: it goes example by example | random bits |
//! | [`Batching::Shared`] | nothing: there is no operand that could be batched | constants |
//! | [`Batching::Regions`] | nothing: the regions are batched | control flow, lists and effects |
//!
//! An op with a derivative of its own is still that op when it is batched, or becomes ops whose derivative is the same: that of its
//! definition may lose digits, or be NaN where a derivative exists. So only a composite that is differentiated as its definition may be
//! batched as its definition.

use std::fmt::Debug;

use smallvec::SmallVec;

use super::attribute::{Axes, Offsets};
use super::{Op, Results};
use crate::builder::BuildError;
use crate::{Builder, Dim, Shape, TensorType, Type, Value};

/// What becomes of a node of the op for many examples.
#[derive(Debug)]
pub enum Batching<'a> {
    /// The op, of operands that are all batched: each result element depends on the operand elements at its own index, wherever that is.
    ElementWise,
    /// This op, of operands that are all batched: the same with its axes moved by one.
    Moved(Box<Op>),
    /// The nodes that the rule appends.
    Rule(&'a dyn BatchRule),
    /// The op's definition, node by node.
    Expansion,
    /// A `map` over the examples.
    Map,
    /// The node as it is: it has no operands.
    Shared,
    /// The op with batched regions, lists or effects, which whoever batches graphs knows.
    Regions,
}

impl Batching<'_> {
    /// A batching by the same op, of operands that are all batched, with its axes moved by one.
    pub fn moved(op: impl Into<Op>) -> Batching<'static> {
        Batching::Moved(Box::new(op.into()))
    }
}

/// A rule built from ops.
pub trait BatchRule: Debug {
    /// Results for all examples, of which at least one operand is batched.
    fn batch(&self, node: &mut Examples<'_>) -> Result<Items, BuildError>;
}

/// A value for all examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// The value.
    pub value: Value,
    /// Whether the value has one slice per example, along axis 0; of a list its rows do.
    pub per_example: bool,
}

impl Item {
    /// A value that all examples share.
    pub fn shared(value: Value) -> Item {
        Item { value, per_example: false }
    }

    /// A value with one slice per example.
    pub fn batched(value: Value) -> Item {
        Item { value, per_example: true }
    }
}

/// Results of a node for all examples.
pub type Items = SmallVec<[Item; 1]>;

/// A node that is batched, in the graph that its rule appends to.
#[derive(Debug)]
pub struct Examples<'a> {
    /// Builder that the rule appends to.
    pub b: &'a mut Builder,
    /// Number of examples.
    pub size: usize,
    /// Types of the operands for one example.
    pub types: &'a [&'a Type],
    /// The operands for all examples.
    pub operands: &'a [Item],
}

impl Examples<'_> {
    /// The type of the operand for one example. Panics if it is no tensor: ops that state rules take tensors alone.
    #[track_caller]
    pub fn tensor(&self, operand: usize) -> &TensorType {
        self.types[operand].tensor()
    }

    /// Whether the operand has one slice per example.
    pub fn has(&self, operand: usize) -> bool {
        self.operands[operand].per_example
    }

    /// The operand, batched or not.
    pub fn value(&self, operand: usize) -> Value {
        self.operands[operand].value
    }

    /// The operand, batched: repeated for each example if they share it.
    pub fn spread(&mut self, operand: usize) -> Result<Value, BuildError> {
        spread(self.b, self.size, self.operands[operand])
    }

    /// Appends an op all of whose results are batched.
    pub fn push(&mut self, op: impl Into<Op>, operands: &[Value]) -> Result<Items, BuildError> {
        Ok(batched(self.b.push(op, operands)?))
    }

    /// Appends an op of operands that are all batched.
    pub fn push_spread(&mut self, op: impl Into<Op>) -> Result<Items, BuildError> {
        let operands = (0..self.operands.len()).map(|i| self.spread(i));
        let operands = operands.collect::<Result<SmallVec<[Value; 4]>, _>>()?;
        self.push(op, &operands)
    }
}

/// The tensor with one slice per example.
pub fn spread(b: &mut Builder, size: usize, item: Item) -> Result<Value, BuildError> {
    if item.per_example {
        return Ok(item.value);
    }
    let shape = b.shape(item.value);
    let axes: Axes = (1..=shape.rank()).collect();
    b.broadcast_in_dim(item.value, with_examples(&shape, size), axes)
}

/// These results as batched ones.
pub(super) fn batched(results: Results) -> Items {
    results.into_iter().map(Item::batched).collect()
}

/// The shape of `size` slices of this shape.
pub(super) fn with_examples(shape: &Shape, size: usize) -> Shape {
    shape.with_leading(Dim::known(size))
}

/// The axes behind a new axis 0.
pub(super) fn up(axes: &[usize]) -> Axes {
    axes.iter().map(|axis| axis + 1).collect()
}

/// Axis 0 and the axes behind it.
pub(super) fn zero_and_up(axes: &[usize]) -> Axes {
    after(0, &up(axes))
}

/// Numbers per axis, with that of a new axis 0.
pub(super) fn after(first: usize, rest: &[usize]) -> Axes {
    [first].into_iter().chain(rest.iter().copied()).collect()
}

/// Offsets per axis, with that of a new axis 0.
pub(super) fn offsets(first: i64, rest: &[i64]) -> Offsets {
    [first].into_iter().chain(rest.iter().copied()).collect()
}
