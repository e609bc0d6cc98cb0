//! The nodes of a region in an order in which memory can change: whoever reads a tensor comes before what overwrites it.

use smallvec::SmallVec;
use tensorwright_ir::{Graph, Node, NodeId, Op, Value};

use super::lower::{Lowerer, MAX_INSTRUCTIONS, Tensor};
use super::memory::{Memory, Owner};

/// A region on its way.
struct Walk<'g> {
    graph: &'g Graph,
    values: Vec<Tensor>,
    lowered: Vec<bool>,
    /// For each value how many reads there are still to come.
    reads: Vec<u32>,
}

impl Lowerer {
    /// The results of a region; `None` if some op in it has no native form.
    pub(super) fn region(&mut self, graph: &Graph, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let mut walk = Walk::new(graph, inputs);
        for (id, node) in graph.iter() {
            for changed in changes(node) {
                walk.read_before(self, node.operands[changed], id)?;
            }
            walk.lower(self, id)?;
        }
        Some(graph.outputs().iter().map(|&output| walk.operand(output, 1)).collect())
    }
}

impl Lowerer {
    /// One value of a region.
    pub(super) fn value_of(&mut self, graph: &Graph, inputs: &[Tensor], value: Value) -> Option<Tensor> {
        let mut walk = Walk::new(graph, inputs);
        if let Some((producer, _)) = graph.producer(value) {
            for node in walk.needed(producer, None)? {
                walk.lower(self, node)?;
            }
        }
        Some(walk.operand(value, 0))
    }
}

/// The operands that a node takes over if they are memory.
fn changes(node: &Node) -> std::ops::Range<usize> {
    match &node.op {
        Op::DynamicUpdateSlice(_) | Op::Scatter(_) => 0..1,
        op => match op.ports() {
            Some(ports) if ports.is_loop() => 0..ports.carried,
            Some(ports) => ports.selectors()..node.operands.len(),
            None => 0..0,
        },
    }
}

impl<'g> Walk<'g> {
    fn new(graph: &'g Graph, inputs: &[Tensor]) -> Walk<'g> {
        let mut values: Vec<Tensor> = vec![Tensor::default(); graph.values().len()];
        for (value, tensor) in graph.inputs().iter().zip(inputs) {
            values[value.index()] = tensor.clone();
        }
        let mut reads = vec![0; graph.values().len()];
        let read = graph.nodes().iter().flat_map(|node| &node.operands).chain(graph.outputs());
        read.for_each(|value| reads[value.index()] += 1);
        Walk { graph, values, lowered: vec![false; graph.nodes().len()], reads }
    }

    /// The tensor for a reader who reads it so often, who owns its memory if nobody reads it after him.
    fn operand(&self, value: Value, times: u32) -> Tensor {
        let is_last = self.reads[value.index()] <= times;
        let tensor = &self.values[value.index()];
        tensor.map_memory(|memory| if is_last { memory } else { Memory { owner: Owner::Others, ..memory } })
    }

    fn lower(&mut self, lowerer: &mut Lowerer, id: NodeId) -> Option<()> {
        if std::mem::replace(&mut self.lowered[id.index()], true) {
            return Some(());
        }
        let node = self.graph.node(id);
        let times = |value: Value| node.operands.iter().filter(|&&v| v == value).count() as u32;
        // Who takes a tensor over and reads it besides gets a copy.
        let once = |value: Value| if times(value) == 1 { 1 } else { 0 };
        let operands: Vec<Tensor> = node.operands.iter().map(|&v| self.operand(v, once(v))).collect();
        node.operands.iter().for_each(|value| self.reads[value.index()] -= 1);
        let results = lowerer.node(self.graph, node, &operands)?;
        if lowerer.weight > MAX_INSTRUCTIONS {
            return None;
        }
        for (value, tensor) in node.results.iter().zip(results) {
            self.values[value.index()] = tensor;
        }
        Some(())
    }

    /// Lowers what reads memory that the node `id` takes over, unless that waits for the node itself.
    fn read_before(&mut self, lowerer: &mut Lowerer, value: Value, id: NodeId) -> Option<()> {
        let Some(buffer) = self.values[value.index()].buffer() else { return Some(()) };
        let mut open: SmallVec<[Value; 4]> = SmallVec::from_elem(value, 1);
        while let Some(value) = open.pop() {
            let readers = self.graph.iter().skip(id.index() + 1);
            let readers = readers.filter(|(_, node)| node.operands.contains(&value));
            let readers: Vec<NodeId> = readers.map(|(reader, _)| reader).collect();
            for reader in readers {
                let Some(needed) = self.needed(reader, Some(id)) else { continue };
                for node in needed {
                    self.lower(lowerer, node)?;
                }
                // Who reads a section of the memory reads it later.
                let sections = self.graph.node(reader).results.iter().copied();
                open.extend(sections.filter(|v| self.values[v.index()].buffer() == Some(buffer)));
            }
        }
        Some(())
    }

    /// A node and what it needs that is not there yet, in order; `None` if it needs `without`, or memory that another node takes over.
    fn needed(&self, node: NodeId, without: Option<NodeId>) -> Option<Vec<NodeId>> {
        let mut found: Vec<NodeId> = Vec::new();
        let mut open = vec![node];
        while let Some(id) = open.pop() {
            if self.lowered[id.index()] || found.contains(&id) {
                continue;
            }
            if Some(id) == without || !changes(self.graph.node(id)).is_empty() {
                return None;
            }
            found.push(id);
            let producers = self.graph.node(id).operands.iter().filter_map(|&v| self.graph.producer(v));
            open.extend(producers.map(|(producer, _)| producer));
        }
        found.sort_unstable();
        Some(found)
    }
}
