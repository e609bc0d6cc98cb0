//! Graphs built anew with something changed. A change that does not type-check gives no graph.

use std::collections::BTreeMap;

use tensorwright_ir::op::{AttrMap, AttrValue, rule};
use tensorwright_ir::{Builder, Copier, Graph, Literal, NodeId, Op, Shape, Source, TensorType, Value};

/// What is changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Change {
    /// Values to read instead of others; they must come earlier.
    pub(super) replaced: BTreeMap<Value, Value>,
    /// Nodes whose results become inputs.
    pub(super) cut: Vec<NodeId>,
    /// An extent, and what it becomes wherever it occurs.
    pub(super) resized: Option<(usize, usize)>,
    /// Whether names and source lines go.
    pub(super) anonymous: bool,
}

/// The graph with these outputs and the change; what no output needs is left out.
pub(super) fn rebuild(graph: &Graph, outputs: &[Value], change: &Change) -> Option<Graph> {
    let plan = Rebuilding::new(graph, outputs, change);
    let mut b = Builder::new(graph.name());
    let mut copier = Copier::new(graph);
    for value in graph.values().filter(|v| plan.needed[v.index()] && plan.is_input(*v)) {
        // Inputs of functions are tensors.
        let ty = resized_type(graph.ty(value).as_tensor()?, change.resized)?;
        let input = match graph.value_name(value) {
            Some(name) if !change.anonymous => b.named_input(name, ty),
            _ => b.input(ty),
        };
        copier.set(value, input);
    }
    for (id, node) in graph.iter().filter(|(id, _)| plan.runs(*id)) {
        let operands: Option<Vec<Value>> = node.operands.iter().map(|&v| copier.get(plan.read(v))).collect();
        b.set_location(node.location.clone().filter(|_| !change.anonymous));
        let op = resized_op(&node.op, change.resized)?;
        let results = b.push_with_regions(op, &operands?, node.regions.clone()).ok()?;
        for (&old, &new) in graph.node(id).results.iter().zip(&results) {
            copier.set(old, new);
            if !change.anonymous {
                b.set_name(new, graph.value_name(old).map(str::to_owned));
            }
        }
    }
    let outputs: Option<Vec<Value>> = outputs.iter().map(|&v| copier.get(plan.read(v))).collect();
    Some(b.finish(&outputs?))
}

/// What is needed for the outputs.
struct Rebuilding<'a> {
    graph: &'a Graph,
    change: &'a Change,
    cut: Vec<bool>,
    needed: Vec<bool>,
}

impl<'a> Rebuilding<'a> {
    fn new(graph: &'a Graph, outputs: &[Value], change: &'a Change) -> Rebuilding<'a> {
        let mut cut = vec![false; graph.nodes().len()];
        for node in &change.cut {
            cut[node.index()] = true;
        }
        let needed = vec![false; graph.values().len()];
        let mut plan = Rebuilding { graph, change, cut, needed };
        for &output in outputs {
            let read = plan.read(output);
            plan.needed[read.index()] = true;
        }
        for (id, node) in graph.iter().rev() {
            if plan.runs(id) {
                for &operand in &node.operands {
                    let read = plan.read(operand);
                    plan.needed[read.index()] = true;
                }
            }
        }
        plan
    }

    /// The value to read for `value`.
    fn read(&self, value: Value) -> Value {
        // Replacements go to earlier values, so this ends.
        let mut value = value;
        while let Some(&earlier) = self.change.replaced.get(&value) {
            value = earlier;
        }
        value
    }

    fn is_input(&self, value: Value) -> bool {
        match self.graph.source(value) {
            Source::Input(_) => true,
            Source::Result { node, .. } => self.cut[node.index()],
        }
    }

    fn runs(&self, id: NodeId) -> bool {
        !self.cut[id.index()] && self.graph.node(id).results.iter().any(|v| self.needed[v.index()])
    }
}

fn resized_type(ty: &TensorType, resized: Option<(usize, usize)>) -> Option<TensorType> {
    let Some((from, to)) = resized else { return Some(ty.clone()) };
    let sizes = ty.shape.sizes().into_iter().map(|size| if size == from { to } else { size });
    let ty = TensorType { dtype: ty.dtype, shape: sizes.collect::<Shape>() };
    ty.shape.check().then_some(ty)
}

/// The op with the extent replaced in its attributes and in its constant.
fn resized_op(op: &Op, resized: Option<(usize, usize)>) -> Option<Op> {
    let Some((from, to)) = resized else { return Some(op.clone()) };
    let mut attributes = AttrMap::default();
    for (name, value) in op.attributes() {
        let value = if is_about_axes(name) { value } else { resized_attribute(&value, from, to)? };
        attributes.insert(name.to_owned(), value).ok()?;
    }
    Op::parse(op.name(), &mut attributes)?.ok()
}

/// Attributes whose numbers are axes, not extents.
fn is_about_axes(name: &str) -> bool {
    ["axis", "axes", "permutation", "batch", "contract"].iter().any(|part| name.contains(part))
}

fn resized_attribute(value: &AttrValue, from: usize, to: usize) -> Option<AttrValue> {
    Some(match value {
        AttrValue::Int(v) if *v == from as i128 => AttrValue::Int(to as i128),
        AttrValue::List(items) => AttrValue::List(
            items.iter().map(|item| resized_attribute(item, from, to)).collect::<Option<_>>()?,
        ),
        AttrValue::Type(ty) => AttrValue::Type(resized_type(ty, Some((from, to)))?),
        AttrValue::Literal(literal) => AttrValue::Literal(cropped(literal, from, to)?.into()),
        other => other.clone(),
    })
}

/// The first elements along each resized axis; a longer axis repeats.
fn cropped(literal: &Literal, from: usize, to: usize) -> Option<Literal> {
    let ty = resized_type(literal.ty(), Some((from, to)))?;
    if literal.is_empty() && ty.elements() > 0 {
        return None;
    }
    let (old, new) = (&literal.ty().shape, ty.shape.clone());
    let element = |flat| {
        let index = rule::unravel(flat, &new);
        let index: Vec<usize> = index.iter().zip(old.dims()).map(|(&i, dim)| i % dim.size().max(1)).collect();
        literal.get(rule::ravel(&index, old))
    };
    Some(Literal::from_fn(ty, element))
}
