//! Taking a region apart: what runs forward, what goes back, and what the one saves for the other.
//!
//! The way back is appended to a copy of the region, as in any graph, and the two are then cut apart. Values of the region that the
//! way back uses are *saved*, save those that cost nothing to have there:
//!
//! - inputs that are operands of the node on the way back too: all but the state of loops;
//! - what depends on invariants and constants alone, which `hoist` takes out of both loops;
//! - what one cheap element-wise op or index map makes of values that are there anyway, or of smaller ones.
//!
//! A value that the region gives as a stacked output already is not saved a second time.

use tensorwright_ir::op::Lowering;
use tensorwright_ir::{BuildError, Builder, Copier, Graph, Node, Value};

use crate::cost;
use crate::differentiate::reverse::Recording;
use crate::differentiate::{DifferentiateError, copy_inputs};

/// How the way back gets at an input of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is the same in every run.
    Invariant,
    /// It is at hand, run by run.
    AtHand,
    /// It is gone unless it is saved.
    Gone,
}

/// How a region is to be taken apart.
pub(super) struct Request<'a> {
    /// For each input whether its cotangent is wanted.
    pub(super) wanted: &'a [bool],
    /// For each output whether it has a cotangent.
    pub(super) active: &'a [bool],
    /// For each input how the way back gets at it.
    pub(super) fates: &'a [Fate],
    /// The first of the outputs that are as good as saved.
    pub(super) kept_outputs: usize,
}

/// A region taken apart.
#[derive(Debug)]
pub(super) struct Split {
    /// The region with further outputs.
    pub(super) forward: Graph,
    /// Outputs of `forward` that `backward` takes.
    pub(super) saved: Vec<usize>,
    /// Inputs of the region that `backward` takes.
    pub(super) given: Vec<usize>,
    /// Takes `given`, `saved`, then cotangents of the active outputs. Gives cotangents of inputs.
    pub(super) backward: Graph,
    /// For each input of the region the output of `backward` that is its cotangent.
    pub(super) cotangents: Vec<Option<usize>>,
}

impl Split {
    pub(super) fn of(region: &Graph, request: &Request<'_>) -> Result<Split, DifferentiateError> {
        let mut b = Builder::new(region.name());
        let inputs = copy_inputs(&mut b, region);
        let recording = Recording::append(&mut b, region, &inputs, request.wanted, request.active)?;
        let (forward, outputs) = (b.clone(), recording.outputs());
        let active = region.outputs().iter().zip(request.active);
        let cotangents: Vec<Option<Value>> =
            active.map(|(&y, active)| active.then(|| b.input(region.ty(y).clone()))).collect();
        let derivatives = recording.back(&mut b, &cotangents)?;
        let back: Vec<Value> = derivatives.iter().flatten().copied().collect();
        let joint = Joint { graph: b.graph(), forward: forward.graph(), fates: request.fates };
        let cut = joint.cut(&back);
        let (mut forward_outputs, mut saved) = (outputs, Vec::new());
        for &value in &cut.saved {
            saved.push(kept(&mut forward_outputs, request.kept_outputs, value));
        }
        let cotangents: Vec<Value> = cotangents.into_iter().flatten().collect();
        let backward = joint.backward(&cut, &cotangents, &back)?;
        Ok(Split {
            forward: forward.finish(&forward_outputs),
            saved,
            given: cut.given,
            backward,
            cotangents: numbered(&derivatives),
        })
    }
}

/// The position of a value among outputs from `first` on; it is added if it is not there.
fn kept(outputs: &mut Vec<Value>, first: usize, value: Value) -> usize {
    let found = (first..outputs.len()).find(|&i| outputs[i] == value);
    found.unwrap_or_else(|| {
        outputs.push(value);
        outputs.len() - 1
    })
}

/// Numbers those that are there.
fn numbered(values: &[Option<Value>]) -> Vec<Option<usize>> {
    let mut next = 0..;
    values.iter().map(|value| value.and_then(|_| next.next())).collect()
}

/// A region and the way back through it, in one graph.
struct Joint<'a> {
    graph: &'a Graph,
    /// The part of the graph that is the region.
    forward: &'a Graph,
    fates: &'a [Fate],
}

/// Where the two are cut apart.
struct Cut {
    saved: Vec<Value>,
    /// Positions of inputs.
    given: Vec<usize>,
    /// For each node of the graph whether it runs on the way back.
    back: Vec<bool>,
}

impl Joint<'_> {
    fn cut(&self, outputs: &[Value]) -> Cut {
        let mut needed = vec![false; self.graph.values().len()];
        let mut back = vec![false; self.graph.nodes().len()];
        outputs.iter().for_each(|v| needed[v.index()] = true);
        let free = self.free();
        let first_back = self.forward.nodes().len();
        for (id, node) in self.graph.iter().rev() {
            let of_use = node.results.iter().any(|v| needed[v.index()]);
            if of_use && (id.index() >= first_back || self.is_cheap(node, &needed, &free)) {
                back[id.index()] = true;
                node.operands.iter().for_each(|v| needed[v.index()] = true);
            }
        }
        for (node, _) in self.graph.nodes().iter().zip(&back).filter(|(_, back)| **back) {
            node.results.iter().for_each(|v| needed[v.index()] = false);
        }
        let (mut saved, mut given) = (Vec::new(), Vec::new());
        for value in self.forward.values().filter(|v| needed[v.index()]) {
            match self.graph.inputs().iter().position(|&input| input == value) {
                Some(input) if self.fates[input] != Fate::Gone => given.push(input),
                _ => saved.push(value),
            }
        }
        Cut { saved, given, back }
    }

    /// For each value of the region whether it is the same in every run, and made by ops that may run again.
    fn free(&self) -> Vec<bool> {
        let mut free = vec![false; self.forward.values().len()];
        for (&input, fate) in self.forward.inputs().iter().zip(self.fates) {
            free[input.index()] = *fate == Fate::Invariant;
        }
        for node in self.forward.nodes() {
            let runs_again = !matches!(node.op.lowering(), Lowering::Region | Lowering::Effect);
            if runs_again && node.operands.iter().all(|v| free[v.index()]) {
                node.results.iter().for_each(|v| free[v.index()] = true);
            }
        }
        free
    }

    /// Whether a node of the region is better run again than saved.
    fn is_cheap(&self, node: &Node, needed: &[bool], free: &[bool]) -> bool {
        if node.results.iter().all(|v| free[v.index()]) {
            return true;
        }
        let cheap = match node.op.lowering() {
            Lowering::Map => cost::element_cost(self.graph, node) <= cost::MEMORY,
            Lowering::View => true,
            _ => false,
        };
        let at_hand = |v: Value| needed[v.index()] || free[v.index()] || self.is_given(v);
        let bytes = |v: Value| self.graph.ty(v).bytes();
        let operands: usize = node.operands.iter().filter(|&&v| !at_hand(v)).map(|&v| bytes(v)).sum();
        cheap && operands < node.results.iter().map(|&v| bytes(v)).sum()
    }

    fn is_given(&self, value: Value) -> bool {
        let input = self.forward.inputs().iter().position(|&input| input == value);
        input.is_some_and(|input| self.fates[input] != Fate::Gone)
    }

    fn backward(&self, cut: &Cut, cotangents: &[Value], outputs: &[Value]) -> Result<Graph, BuildError> {
        let mut b = Builder::new(format!("{}_vjp", self.graph.name()));
        let mut copier = Copier::new(self.graph);
        let given = cut.given.iter().map(|&input| self.graph.inputs()[input]);
        for value in given.chain(cut.saved.iter().copied()).chain(cotangents.iter().copied()) {
            copier.declare(self.graph, &mut b, value);
        }
        for (node, _) in self.graph.nodes().iter().zip(&cut.back).filter(|(_, back)| **back) {
            copier.copy(&mut b, node)?;
        }
        Ok(b.finish(&copier.values(outputs)))
    }
}
