//! A model's graphs in the form that is run: operators found, attributes read, nodes in an order in which they can run.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::error::{Error, Reason};
use super::function::Functions;
use super::narrow::Narrow;
use super::ops::{self, Operator};
use super::schema::{AttributeProto, GraphProto, NodeProto, TypeProto, ValueInfoProto};
use super::tensor::{self, Folder};
use super::value::Value;
use crate::mapped::Mapped;

/// The most nodes of a model, those of functions counted at each call.
const MOST_NODES: usize = 1 << 20;

/// Nodes that compute outputs from inputs, from constants, and from what is around the graph.
pub(crate) struct Graph {
    pub(crate) name: String,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    /// Values that the file has, by their names.
    pub(crate) constants: HashMap<String, Value>,
    pub(crate) nodes: Vec<Node>,
    /// For each node the names that nobody needs behind it.
    pub(crate) last_uses: Vec<Vec<String>>,
}

/// An input or an output.
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) ty: Option<TypeProto>,
}

/// One application of an operator.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) op: String,
    /// The version of the operators of its domain.
    pub(crate) version: i64,
    /// Its place in the file.
    pub(crate) place: usize,
    /// Names; empty ones are left out.
    pub(crate) inputs: Vec<String>,
    /// Names; empty ones are not wanted.
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: BTreeMap<String, Attribute>,
    /// ONNX's numbers of the dtypes of inputs, by their places, that no dtype of ours is.
    pub(crate) narrow: Vec<(usize, i32)>,
    pub(crate) action: Action,
    /// Whether it, or a node of its graphs, draws random numbers.
    pub(crate) draws: bool,
}

/// How a node is run.
pub(crate) enum Action {
    /// By an operator.
    Operator(Operator),
    /// By a function of the model.
    Graph(Arc<Graph>),
    /// There is no such operator.
    Unknown,
}

/// An attribute of a node.
pub(crate) enum Attribute {
    Float(f32),
    Int(i64),
    Text(Bytes),
    Value(Value),
    Graph(Arc<Graph>),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    Texts(Vec<Bytes>),
    /// Anything that no operator takes.
    Other,
}

/// What is known while graphs are read: versions, functions, files, and how much has been read.
pub(crate) struct Reading<'r> {
    pub(crate) versions: HashMap<String, i64>,
    pub(crate) functions: &'r Functions<'r>,
    pub(crate) folder: Folder<'r>,
    /// The file itself, if it is one.
    pub(crate) file: Option<&'r Mapped>,
    /// Attributes of the call, in a function.
    pub(crate) given: Option<&'r HashMap<String, AttributeProto>>,
    /// Functions around this one.
    pub(crate) depth: usize,
    pub(crate) nodes: &'r std::cell::Cell<usize>,
}

impl Graph {
    /// Reads a graph of a file.
    pub(crate) fn read(proto: &GraphProto, reading: &Reading<'_>) -> Result<Graph, Error> {
        let mut constants = HashMap::new();
        for initializer in &proto.initializer {
            constants.insert(initializer.name.clone(), tensor::value(initializer, reading.folder)?);
            if let Some(file) = reading.file {
                file.forget(&initializer.raw_data);
            }
        }
        for sparse in &proto.sparse_initializer {
            let name = sparse.values.as_ref().map_or_else(String::new, |values| values.name.clone());
            constants.insert(name, tensor::dense(sparse, reading.folder)?);
        }
        let narrow = Narrow::of(proto);
        let port = |info: &ValueInfoProto| Port { name: info.name.clone(), ty: info.r#type.clone() };
        let inputs: Vec<Port> = proto.input.iter().map(port).collect();
        let outputs: Vec<Port> = proto.output.iter().map(port).collect();
        let mut graph = Graph::of(proto.name.clone(), inputs, outputs, constants, &proto.node, reading)?;
        narrow.tell(&mut graph.nodes);
        Ok(graph)
    }

    /// The graph of these nodes.
    pub(crate) fn of(
        name: String,
        inputs: Vec<Port>,
        outputs: Vec<Port>,
        constants: HashMap<String, Value>,
        protos: &[NodeProto],
        reading: &Reading<'_>,
    ) -> Result<Graph, Error> {
        let mut nodes = Vec::with_capacity(protos.len().min(1024));
        for (place, proto) in protos.iter().enumerate() {
            nodes.push(Node::read(proto, place, reading)?);
        }
        let mut graph = Graph { name, inputs, outputs, constants, nodes, last_uses: Vec::new() };
        graph.order()?;
        ops::dequantized::take_integers(&mut graph.nodes);
        graph.find_last_uses();
        Ok(graph)
    }

    /// Puts nodes behind those that compute what they take.
    fn order(&mut self) -> Result<(), Error> {
        let mut maker: HashMap<&str, usize> = HashMap::new();
        for (at, node) in self.nodes.iter().enumerate() {
            for output in node.outputs.iter().filter(|name| !name.is_empty()) {
                if maker.insert(output, at).is_some() {
                    return Err(node.failed(Reason::other(format!("`{output}` is computed twice"))));
                }
            }
        }
        let uses: Vec<HashSet<&str>> = self.nodes.iter().map(Node::uses).collect();
        let mut waits: Vec<usize> = vec![0; self.nodes.len()];
        let mut wakes: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for (at, names) in uses.iter().enumerate() {
            let makers: HashSet<usize> = names.iter().filter_map(|name| maker.get(name).copied()).collect();
            waits[at] = makers.len();
            makers.into_iter().for_each(|made| wakes[made].push(at));
        }
        // In the order of the file, where that is one.
        let mut ready: std::collections::BinaryHeap<_> =
            (0..waits.len()).filter(|&at| waits[at] == 0).map(std::cmp::Reverse).collect();
        let mut order = Vec::with_capacity(waits.len());
        while let Some(std::cmp::Reverse(at)) = ready.pop() {
            order.push(at);
            for &next in &wakes[at] {
                waits[next] -= 1;
                if waits[next] == 0 {
                    ready.push(std::cmp::Reverse(next));
                }
            }
        }
        if let Some(at) = (0..waits.len()).find(|&at| waits[at] > 0) {
            return Err(
                self.nodes[at].failed(Reason::other("it waits for its own result: the graph has a cycle"))
            );
        }
        let mut nodes: Vec<Option<Node>> = std::mem::take(&mut self.nodes).into_iter().map(Some).collect();
        self.nodes = order.into_iter().filter_map(|at| nodes[at].take()).collect();
        Ok(())
    }

    fn find_last_uses(&mut self) {
        let mut needed: HashSet<&str> = self.outputs.iter().map(|port| port.name.as_str()).collect();
        let mut last_uses: Vec<Vec<String>> = Vec::with_capacity(self.nodes.len());
        for node in self.nodes.iter().rev() {
            let mut last = Vec::new();
            for name in node.uses().into_iter().chain(node.outputs.iter().map(String::as_str)) {
                if needed.insert(name) {
                    last.push(name.to_owned());
                }
            }
            last_uses.push(last);
        }
        last_uses.reverse();
        self.last_uses = last_uses;
    }

    /// All nodes, those of graphs in attributes and of functions too.
    pub(crate) fn for_each_node(&self, visit: &mut dyn FnMut(&Node)) {
        for node in &self.nodes {
            visit(node);
            if let Action::Graph(body) = &node.action {
                body.for_each_node(visit);
            }
            for graph in node.graphs() {
                graph.for_each_node(visit);
            }
        }
    }
}

impl Node {
    fn read(proto: &NodeProto, place: usize, reading: &Reading<'_>) -> Result<Node, Error> {
        let count = reading.nodes.get() + 1;
        reading.nodes.set(count);
        let domain = if proto.domain == "ai.onnx" { String::new() } else { proto.domain.clone() };
        let mut node = Node {
            name: proto.name.clone(),
            version: reading.versions.get(&domain).copied().unwrap_or(1),
            op: proto.op_type.clone(),
            domain,
            place,
            inputs: proto.input.clone(),
            outputs: proto.output.clone(),
            attributes: BTreeMap::new(),
            narrow: Vec::new(),
            action: Action::Unknown,
            draws: false,
        };
        if count > MOST_NODES {
            return Err(node.failed(Reason::other(format!("the model has more than {MOST_NODES} nodes"))));
        }
        let found = |own| reading.resolved(own).map(|attribute| (&own.name, attribute));
        let attributes = proto.attribute.iter().filter_map(found);
        for (name, attribute) in attributes.clone() {
            let read = Attribute::read(attribute, reading).map_err(|error| node.within(error))?;
            node.attributes.insert(name.clone(), read);
        }
        node.action = match ops::find(&node.domain, &node.op) {
            Some(operator) => Action::Operator(operator),
            None => match reading.functions.find(proto) {
                Some(function) => {
                    let given =
                        attributes.map(|(name, attribute)| (name.clone(), attribute.clone())).collect();
                    let body = function.body(given, reading).map_err(|error| node.within(error))?;
                    Action::Graph(Arc::new(body))
                }
                None => Action::Unknown,
            },
        };
        let own = matches!(&node.action, Action::Operator(operator) if operator.draws);
        node.draws = own || node.graphs().any(|graph| graph.nodes.iter().any(|node| node.draws));
        Ok(node)
    }

    fn graphs(&self) -> impl Iterator<Item = &Arc<Graph>> {
        self.attributes.values().filter_map(|attribute| match attribute {
            Attribute::Graph(graph) => Some(graph),
            _ => None,
        })
    }

    /// Names of all that it takes, also for graphs in its attributes, from the graph that it is in.
    pub(crate) fn uses(&self) -> HashSet<&str> {
        let mut uses: HashSet<&str> = self.inputs.iter().map(String::as_str).collect();
        for graph in self.graphs() {
            graph.add_uses_from_around(&mut uses);
        }
        uses.remove("");
        uses
    }

    /// What the operator is called, with its domain if it is not the standard's.
    pub(crate) fn operator(&self) -> String {
        if self.domain.is_empty() { self.op.clone() } else { format!("{}.{}", self.domain, self.op) }
    }

    /// The error at this node.
    pub(crate) fn failed(&self, reason: Reason) -> Error {
        let name = if self.name.is_empty() {
            match self.outputs.first() {
                Some(output) => format!("that makes `{output}`"),
                None => format!("number {}", self.place),
            }
        } else {
            format!("`{}`", self.name)
        };
        Error::Node { node: format!("{} {name}", self.operator()), reason }
    }

    /// The error of something in this node, at this node.
    pub(crate) fn within(&self, error: Error) -> Error {
        self.failed(Reason::Inner(Box::new(error)))
    }
}

impl Graph {
    fn add_uses_from_around<'g>(&'g self, uses: &mut HashSet<&'g str>) {
        let mut own: HashSet<&str> = self.inputs.iter().map(|port| port.name.as_str()).collect();
        own.extend(self.constants.keys().map(String::as_str));
        own.extend(self.nodes.iter().flat_map(|node| &node.outputs).map(String::as_str));
        for node in &self.nodes {
            uses.extend(node.uses().into_iter().filter(|name| !own.contains(name)));
        }
        uses.extend(self.outputs.iter().map(|port| port.name.as_str()).filter(|name| !own.contains(name)));
    }
}

impl Reading<'_> {
    /// The attribute, or that of the call that it stands for; `None` if the call has none.
    fn resolved<'a>(&'a self, attribute: &'a AttributeProto) -> Option<&'a AttributeProto> {
        if attribute.ref_attr_name.is_empty() {
            return Some(attribute);
        }
        self.given.and_then(|given| given.get(&attribute.ref_attr_name))
    }
}

impl Attribute {
    fn read(proto: &AttributeProto, reading: &Reading<'_>) -> Result<Attribute, Error> {
        let missing = || Error::Part {
            what: "attribute",
            name: proto.name.clone(),
            reason: "its value is missing".to_owned(),
        };
        Ok(match proto.kind() {
            1 => Attribute::Float(proto.f),
            2 => Attribute::Int(proto.i),
            // Copied, so that they do not keep the whole file in memory.
            3 => Attribute::Text(Bytes::copy_from_slice(&proto.s)),
            4 => Attribute::Value(tensor::value(proto.t.as_ref().ok_or_else(missing)?, reading.folder)?),
            5 => Attribute::Graph(Arc::new(Graph::read(proto.g.as_ref().ok_or_else(missing)?, reading)?)),
            6 => Attribute::Floats(proto.floats.clone()),
            7 => Attribute::Ints(proto.ints.clone()),
            8 => Attribute::Texts(proto.strings.iter().map(|text| Bytes::copy_from_slice(text)).collect()),
            11 => {
                let sparse = proto.sparse_tensor.as_ref().ok_or_else(missing)?;
                Attribute::Value(tensor::dense(sparse, reading.folder)?)
            }
            _ => Attribute::Other,
        })
    }
}

impl AttributeProto {
    /// Which of the fields is in use. Old files do not say.
    fn kind(&self) -> i32 {
        let found = [
            (self.t.is_some(), 4),
            (self.g.is_some(), 5),
            (self.sparse_tensor.is_some(), 11),
            (self.tp.is_some(), 13),
            (!self.floats.is_empty(), 6),
            (!self.ints.is_empty(), 7),
            (!self.strings.is_empty(), 8),
            (!self.s.is_empty(), 3),
            (self.f != 0.0, 1),
        ];
        match self.r#type {
            0 => found.into_iter().find(|(is_there, _)| *is_there).map_or(2, |(_, kind)| kind),
            kind => kind,
        }
    }
}
