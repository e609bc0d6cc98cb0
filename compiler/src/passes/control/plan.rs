//! Rebuilding nodes with regions: which operands and results stay, and what takes the place of the others.

use tensorwright_ir::op::primitive::Constant;
use tensorwright_ir::op::{Ports, Results, Role};
use tensorwright_ir::{
    BuildError, Builder, Copier, Graph, LiteralRef, Node, Op, Scalar, Source, Type, Value,
};

use crate::passes::rewriter::{Rewriter, Site};

/// The ports of a node whose operands and results can come and go; `None` if it has no regions, or fixed operands.
pub(super) fn ports(node: &Node) -> Option<Ports> {
    node.op.ports().filter(|ports| node.op.with_counts(ports.carried, ports.sliced).is_some())
}

/// The input that the region hands out as this output.
pub(super) fn handed_through(region: &Graph, output: usize) -> Option<usize> {
    match region.source(region.outputs()[output]) {
        Source::Input(input) => Some(input),
        Source::Result { .. } => None,
    }
}

/// What takes the place of an input inside regions.
#[derive(Clone, Debug)]
pub(super) enum Local {
    /// A constant.
    Literal(LiteralRef),
    /// A constant of equal elements.
    Splat(Scalar),
}

/// A value of a region that is now computed outside.
#[derive(Clone, Debug)]
pub(super) struct Hoisted {
    /// The value outside.
    pub(super) outside: Value,
    /// The region.
    pub(super) region: usize,
    /// The value in the region.
    pub(super) inside: Value,
}

/// A node with regions as it is to be.
#[derive(Clone, Debug)]
pub(super) struct RegionPlan<'g> {
    node: &'g Node,
    ports: Ports,
    /// Inputs that stay state.
    pub(super) state: Vec<usize>,
    /// Inputs that stay slices.
    pub(super) sliced: Vec<usize>,
    /// Inputs that are the same each time.
    pub(super) invariants: Vec<usize>,
    /// Results that stay.
    pub(super) results: Vec<usize>,
    /// Inputs in whose place there are constants now.
    pub(super) locals: Vec<(usize, Local)>,
    /// Inputs in whose place there are other inputs, which stay.
    pub(super) aliases: Vec<(usize, usize)>,
    /// Values that come in as slices of new operands.
    pub(super) batched: Vec<Hoisted>,
    /// Values that come in as new inputs, the same each time.
    pub(super) hoisted: Vec<Hoisted>,
}

impl<'g> RegionPlan<'g> {
    /// The node as it is.
    pub(super) fn new(node: &'g Node, ports: Ports) -> RegionPlan<'g> {
        RegionPlan {
            node,
            ports,
            state: (0..ports.carried).collect(),
            sliced: (ports.carried..ports.first_invariant()).collect(),
            invariants: (ports.first_invariant()..node.operands.len() - ports.selectors()).collect(),
            results: (0..node.results.len()).collect(),
            locals: Vec::new(),
            aliases: Vec::new(),
            batched: Vec::new(),
            hoisted: Vec::new(),
        }
    }

    /// Drops inputs. Nothing that stays may need them, unless something takes their place.
    pub(super) fn retain_inputs(&mut self, keep: impl Fn(usize) -> bool) {
        for inputs in [&mut self.state, &mut self.sliced, &mut self.invariants] {
            inputs.retain(|&input| keep(input));
        }
    }

    /// Appends the node. Its results are those that stay, in order.
    pub(super) fn build(&self, r: &mut Rewriter<'_>, site: &Site<'_>) -> Result<Results, BuildError> {
        let operand = |&input: &usize| site.operands[self.ports.selectors() + input];
        let selector = site.operands[..self.ports.selectors()].iter().copied();
        let operands: Vec<Value> = selector
            .chain(self.state.iter().chain(&self.sliced).map(operand))
            .chain(self.batched.iter().map(|batched| batched.outside))
            .chain(self.invariants.iter().map(operand))
            .chain(self.hoisted.iter().map(|hoisted| hoisted.outside))
            .collect();
        let regions = self.node.regions.iter().enumerate();
        let regions = regions.map(|(i, region)| self.region(i, region, r)).collect::<Result<_, _>>()?;
        r.build().push_with_regions(self.op(), &operands, regions)
    }

    fn op(&self) -> Op {
        let (carried, sliced) = (self.state.len(), self.sliced.len() + self.batched.len());
        self.node.op.with_counts(carried, sliced).expect("its operands can come and go")
    }

    fn region(&self, position: usize, region: &Graph, r: &Rewriter<'_>) -> Result<Graph, BuildError> {
        let mut copy = Copy::of(region);
        for &input in self.state.iter().chain(&self.sliced) {
            copy.add_input(region.inputs()[input]);
        }
        for batched in &self.batched {
            let ty = r.graph().tensor(batched.outside);
            copy.add_moved(batched, position, ty.with_shape(ty.shape.without(&[0])).into());
        }
        for &input in &self.invariants {
            copy.add_input(region.inputs()[input]);
        }
        for hoisted in &self.hoisted {
            copy.add_moved(hoisted, position, r.graph().ty(hoisted.outside).clone());
        }
        for (input, local) in &self.locals {
            copy.add_local(region.inputs()[*input], local)?;
        }
        for &(from, to) in &self.aliases {
            if let Some(new) = copy.copier.get(region.inputs()[to]) {
                copy.copier.set(region.inputs()[from], new);
            }
        }
        let outputs: Vec<Value> = match self.ports.role(position) {
            Role::Body => self.results.iter().map(|&output| region.outputs()[output]).collect(),
            Role::Condition | Role::Rule => region.outputs().to_vec(),
        };
        copy.finish(&outputs)
    }
}

/// A copy of a region in the making.
struct Copy<'g> {
    region: &'g Graph,
    b: Builder,
    copier: Copier,
}

impl<'g> Copy<'g> {
    fn of(region: &'g Graph) -> Copy<'g> {
        Copy { region, b: Builder::new(region.name()), copier: Copier::new(region) }
    }

    fn add_input(&mut self, old: Value) {
        self.copier.declare(self.region, &mut self.b, old);
    }

    /// An input for a value that is computed outside, which only one region needs.
    fn add_moved(&mut self, moved: &Hoisted, position: usize, ty: Type) {
        let new = self.b.input(ty);
        if moved.region == position {
            self.b.set_name(new, self.region.value_name(moved.inside).map(str::to_owned));
            self.copier.set(moved.inside, new);
        }
    }

    fn add_local(&mut self, old: Value, local: &Local) -> Result<(), BuildError> {
        let new = match local {
            Local::Literal(value) => self.b.push_one(Constant { value: value.clone() }, &[])?,
            Local::Splat(scalar) => self.b.full(*scalar, &self.region.tensor(old).shape)?,
        };
        self.copier.set(old, new);
        Ok(())
    }

    /// Copies the nodes whose operands are there; the others need what was dropped, and nothing that stays needs them.
    fn finish(mut self, outputs: &[Value]) -> Result<Graph, BuildError> {
        for node in self.region.nodes() {
            let known = self.copier.try_values(&node.results).is_some_and(|results| !results.is_empty());
            if let Some(operands) = self.copier.try_values(&node.operands).filter(|_| !known) {
                self.copy(node, &operands)?;
            }
        }
        Ok(self.b.finish(&self.copier.values(outputs)))
    }

    /// Copies a node. Results that come in from outside stay what they are.
    fn copy(&mut self, node: &Node, operands: &[Value]) -> Result<(), BuildError> {
        let results = self.b.copy_node(node, operands)?;
        for (&old, new) in node.results.iter().zip(results) {
            if self.copier.get(old).is_none() {
                self.b.set_name(new, self.region.value_name(old).map(str::to_owned));
                self.copier.set(old, new);
            }
        }
        Ok(())
    }
}
