//! Taking a region apart: what runs forward, what goes back, and what the one saves for the other.
//!
//! The way back is appended to a copy of the region, as in any graph, and the two are then cut apart. Values of the region that the
//! way back uses are *saved*, save those that cost nothing to have there:
//!
//! - inputs that are operands of the node on the way back too: all but the state of loops, and of that the counters;
//! - what depends on invariants and constants alone, which `hoist` takes out of both loops;
//! - what a few cheap element-wise ops, index maps and reads at computed places make of such values;
//! - what one cheap element-wise op or index map makes of values that are there anyway, or of smaller ones.
//!
//! A value that the region gives as a stacked output already is not saved a second time.

use tensorwright_ir::op::Lowering;
use tensorwright_ir::{BuildError, Builder, Copier, Graph, Node, Op, Value};

use crate::cost;
use crate::differentiate::reverse::Recording;
use crate::differentiate::{DifferentiateError, copy_inputs};

/// The steps of the cost model that making a value again may take, of what is at hand in any case.
const MAX_COST: u32 = 4 * cost::MEMORY;

/// How the way back gets at an input of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is the same in every run.
    Invariant,
    /// It is at hand, run by run: a slice, or a counter that is undone.
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
    /// How often the region runs, or may run: so many times is kept what is saved.
    pub(super) runs: usize,
    /// For each input whether its cotangents are added to a sum that the way back takes.
    pub(super) summed: &'a [bool],
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
    /// Inputs of the region with cotangents that `backward` adds to a sum.
    pub(super) sums: Vec<usize>,
    /// Takes `given`, `saved`, cotangents of the active outputs, then `sums`. Gives cotangents of inputs.
    pub(super) backward: Graph,
    /// For each input of the region the output of `backward` that is its cotangent.
    pub(super) cotangents: Vec<Option<usize>>,
}

impl Split {
    pub(super) fn of(region: &Graph, request: &Request<'_>) -> Result<Split, DifferentiateError> {
        Gone::through(region, request)?.back(request.summed)?.split()
    }
}

/// A region that was gone through, not yet back.
pub(super) struct Gone<'a> {
    region: &'a Graph,
    request: &'a Request<'a>,
    forward: Builder,
    recording: Recording<'a>,
}

impl<'a> Gone<'a> {
    pub(super) fn through(
        region: &'a Graph,
        request: &'a Request<'a>,
    ) -> Result<Gone<'a>, DifferentiateError> {
        let mut forward = Builder::new(region.name());
        let inputs = copy_inputs(&mut forward, region);
        let recording = Recording::append(&mut forward, region, &inputs, request.wanted, request.active)?;
        Ok(Gone { region, request, forward, recording })
    }

    /// The way back, with sums for these inputs.
    pub(super) fn back(&self, summed: &[bool]) -> Result<Back<'_>, DifferentiateError> {
        let (region, mut b) = (self.region, self.forward.clone());
        let active = region.outputs().iter().zip(self.request.active);
        let cotangents: Vec<Option<Value>> =
            active.map(|(&y, active)| active.then(|| b.input(region.ty(y).clone()))).collect();
        let mut sum = |(&input, (&summed, &wanted)): (&Value, (&bool, &bool))| {
            (summed && wanted).then(|| b.input(region.ty(input).clone()))
        };
        let asked = summed.iter().zip(self.request.wanted);
        let sums: Vec<Option<Value>> = region.inputs().iter().zip(asked).map(&mut sum).collect();
        let mut derivatives = self.recording.back(&mut b, &cotangents, &sums)?;
        // To these nothing was added.
        derivatives.iter_mut().zip(&sums).filter(|(d, sum)| d == sum).for_each(|(d, _)| *d = None);
        Ok(Back { gone: self, joint: b, cotangents, sums, derivatives })
    }
}

/// A region and the way back, in one graph.
pub(super) struct Back<'a> {
    gone: &'a Gone<'a>,
    joint: Builder,
    /// Of the outputs.
    cotangents: Vec<Option<Value>>,
    sums: Vec<Option<Value>>,
    /// Of the inputs.
    derivatives: Vec<Option<Value>>,
}

impl Back<'_> {
    /// For each input whether its cotangent is zeros that were added to here and there.
    pub(super) fn spread(&self) -> impl Iterator<Item = bool> + '_ {
        self.derivatives.iter().map(|derivative| derivative.is_some_and(|v| self.joint.begins_with_zeros(v)))
    }

    /// Takes the two apart.
    pub(super) fn split(self) -> Result<Split, DifferentiateError> {
        let Back { gone: Gone { request, forward, recording, .. }, joint, cotangents, sums, derivatives } =
            self;
        let back: Vec<Value> = derivatives.iter().flatten().copied().collect();
        let joint = Joint {
            graph: joint.graph(),
            forward: forward.graph(),
            fates: request.fates,
            runs: request.runs,
        };
        let cut = joint.cut(&back);
        let (mut outputs, mut saved) = (recording.outputs(), Vec::new());
        for &value in &cut.saved {
            saved.push(kept(&mut outputs, request.kept_outputs, value));
        }
        let (sums, of_sums): (Vec<usize>, Vec<Value>) =
            (0..sums.len()).filter(|&i| derivatives[i].is_some()).filter_map(|i| Some((i, sums[i]?))).unzip();
        let taken: Vec<Value> = cotangents.into_iter().flatten().chain(of_sums).collect();
        let backward = joint.backward(&cut, &taken, &back)?;
        Ok(Split {
            forward: forward.clone().finish(&outputs),
            saved,
            sums,
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
    runs: usize,
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
        let ready = self.ready();
        let first_back = self.forward.nodes().len();
        for (id, node) in self.graph.iter().rev() {
            let of_use = node.results.iter().any(|v| needed[v.index()]);
            if of_use && (id.index() >= first_back || self.is_cheap(node, &needed, &ready)) {
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

    /// For each value of the region what it costs to make it again of what is at hand anyway; `None` if that is too much. What is the
    /// same in every run costs nothing: it is made once.
    fn ready(&self) -> Vec<Option<u32>> {
        let mut ready = vec![None; self.forward.values().len()];
        let mut is_free = vec![false; ready.len()];
        for (&input, fate) in self.forward.inputs().iter().zip(self.fates) {
            is_free[input.index()] = *fate == Fate::Invariant;
            ready[input.index()] = (*fate != Fate::Gone).then_some(0);
        }
        for node in self.forward.nodes() {
            let runs_again =
                !matches!(node.op.lowering(), Lowering::Region | Lowering::Effect | Lowering::Host);
            let free = runs_again && node.operands.iter().all(|v| is_free[v.index()]);
            let cost = if free { Some(0) } else { self.cost_again(node, &ready) };
            for result in &node.results {
                (is_free[result.index()], ready[result.index()]) = (free, cost);
            }
        }
        ready
    }

    fn cost_again(&self, node: &Node, ready: &[Option<u32>]) -> Option<u32> {
        let own = match (&node.op, node.op.lowering()) {
            (_, Lowering::View | Lowering::Mark) => 0,
            (_, Lowering::Map) => cost::element_cost(self.graph, node),
            (Op::DynamicSlice(_) | Op::Gather(_), _) => cost::MEMORY,
            _ => return None,
        };
        let cost = |&v: &Value| ready[v.index()].filter(|_| self.is_worth(v, node));
        let operands = node.operands.iter().map(cost).sum::<Option<u32>>()?;
        Some(operands + own).filter(|&cost| cost <= MAX_COST)
    }

    /// Whether it takes no more memory to have an operand on the way back than to save what the node makes of it. What is at hand here
    /// may be state of a loop around.
    fn is_worth(&self, operand: Value, node: &Node) -> bool {
        let results: usize = node.results.iter().map(|&v| self.graph.ty(v).bytes()).sum();
        self.graph.ty(operand).bytes() <= results.saturating_mul(self.runs)
    }

    /// Whether a node of the region is better run again than saved.
    fn is_cheap(&self, node: &Node, needed: &[bool], ready: &[Option<u32>]) -> bool {
        if node.results.iter().all(|v| ready[v.index()].is_some()) {
            return true;
        }
        let cheap = match node.op.lowering() {
            Lowering::Map => cost::element_cost(self.graph, node) <= cost::MEMORY,
            Lowering::View | Lowering::Mark => true,
            _ => false,
        };
        let at_hand = |v: Value| needed[v.index()] || (ready[v.index()].is_some() && self.is_worth(v, node));
        let bytes = |v: Value| self.graph.ty(v).bytes();
        let operands: usize = node.operands.iter().filter(|&&v| !at_hand(v)).map(|&v| bytes(v)).sum();
        cheap && operands < node.results.iter().map(|&v| bytes(v)).sum()
    }

    fn backward(&self, cut: &Cut, taken: &[Value], outputs: &[Value]) -> Result<Graph, BuildError> {
        let mut b = Builder::new(format!("{}_vjp", self.graph.name()));
        let mut copier = Copier::new(self.graph);
        let given = cut.given.iter().map(|&input| self.graph.inputs()[input]);
        for value in given.chain(cut.saved.iter().copied()).chain(taken.iter().copied()) {
            copier.declare(self.graph, &mut b, value);
        }
        for (node, _) in self.graph.nodes().iter().zip(&cut.back).filter(|(_, back)| **back) {
            copier.copy(&mut b, node)?;
        }
        Ok(b.finish(&copier.values(outputs)))
    }
}
