//! The rules that every graph keeps, and the check of them. This page is the specification of the IR's structure: each
//! sentence has the number of the error that says it is broken, and each is checked here and nowhere else.
//!
//! - **E101** Each input of a graph is a value whose source is the input at that position.
//! - **E102** Values are numbered without gaps: the inputs in order, then the results of the first node, of the second, and so
//!   on; each value has one such place.
//! - **E103** Each result of a node is a value whose source is that node and that position.
//! - **E104** Each operand of a node is an input of the graph or a result of an earlier node.
//! - **E105** Each output of a graph is one of its values.
//! - **E106** The op of a node accepts the number and the types of its operands, and its regions.
//! - **E107** The results of a node have the types that its op infers.
//! - **E108** Each type, and that of the rows of each list, has at most [`Shape::MAX_RANK`] axes and [`Shape::MAX_ELEMENTS`] elements.
//! - **E109** Graphs nest at most [`MAX_DEPTH`](crate::text::MAX_DEPTH) deep, and each region keeps all these rules.
//!
//! Nothing else is a rule. A region is closed because its operands can only name its own values. The same value may be
//! several operands or outputs, inputs may be outputs, and results may be unused. Names need not be unique. An effect is
//! ordered by its token, which is a value like any other, by the node that makes it.

use std::fmt;

use smallvec::SmallVec;

use crate::op::TypeError;
use crate::text::{Code, MAX_DEPTH};
use crate::{Graph, Location, Node, NodeId, Shape, Source, Type, Value};

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub code: Code,
    /// The regions that lead to the graph, from the outermost: the node and the region's position.
    pub region: Vec<(NodeId, usize)>,
    /// The node, if the rule is about one.
    pub node: Option<NodeId>,
    /// The source line that wrote the node.
    pub location: Option<Location>,
    /// Description of what is wrong.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: ", self.code)?;
        for (node, position) in &self.region {
            write!(f, "in region {position} of {node}: ")?;
        }
        if let Some(node) = self.node {
            write!(f, "{node}: ")?;
        }
        f.write_str(&self.message)?;
        self.location.as_ref().map_or(Ok(()), |location| write!(f, " (written at {location})"))
    }
}

/// All broken rules of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>);

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, violation) in self.0.iter().enumerate() {
            write!(f, "{}{violation}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

/// Checks all rules, in the graph and in its regions. Fails with everything that is wrong.
pub fn verify(graph: &Graph) -> Result<(), Violations> {
    let mut found = Vec::new();
    let mut open: Vec<(&Graph, Vec<(NodeId, usize)>)> = vec![(graph, Vec::new())];
    while let Some((graph, region)) = open.pop() {
        let mut check = Check { graph, region, found: &mut found };
        check.whole();
        let region = check.region;
        for (id, node) in graph.iter() {
            for (position, inner) in node.regions.iter().enumerate() {
                if region.len() + 1 < MAX_DEPTH {
                    let mut region = region.clone();
                    region.push((id, position));
                    open.push((inner, region));
                }
            }
        }
    }
    if found.is_empty() { Ok(()) } else { Err(Violations(found)) }
}

/// The check of one graph.
struct Check<'a> {
    graph: &'a Graph,
    region: Vec<(NodeId, usize)>,
    found: &'a mut Vec<Violation>,
}

impl Check<'_> {
    fn whole(&mut self) {
        self.inputs();
        self.numbering();
        for (id, node) in self.graph.iter() {
            self.results(id, node);
            self.nesting(id, node);
            if self.operands(id, node) && node.regions.iter().all(has_typed_ports) {
                self.types(id, node);
            }
        }
        self.outputs();
        self.limits();
    }

    fn inputs(&mut self) {
        for (position, &input) in self.graph.inputs().iter().enumerate() {
            match self.source(input) {
                Some(Source::Input(found)) if found == position => {}
                found => self.broken(
                    Code::InputTable,
                    format!("input {position} is {input}, which is {}", origin(found)),
                ),
            }
        }
    }

    fn numbering(&mut self) {
        let results = self.graph.nodes().iter().flat_map(|node| &node.results);
        let places = self.graph.inputs().iter().chain(results);
        let count = places.clone().count();
        if let Some((expected, found)) = places.enumerate().find(|(i, value)| value.index() != *i) {
            let expected = Value::new(expected);
            self.broken(Code::Numbering, format!("the inputs and results in order must be %0, %1.., but {found} stands where {expected} must"));
        } else if count != self.graph.values().len() {
            let values = self.graph.values().len();
            self.broken(
                Code::Numbering,
                format!("the graph has {values} values, but {count} inputs and results"),
            );
        }
    }

    fn results(&mut self, id: NodeId, node: &Node) {
        for (position, &result) in node.results.iter().enumerate() {
            if self.source(result) != Some(Source::Result { node: id, position }) {
                let found = origin(self.source(result));
                self.broken_at(
                    Code::ResultTable,
                    id,
                    format!("result {position} is {result}, which is {found}"),
                );
            }
        }
    }

    /// Whether the operands are there.
    fn operands(&mut self, id: NodeId, node: &Node) -> bool {
        let mut fine = true;
        for (position, &operand) in node.operands.iter().enumerate() {
            let found = self.source(operand);
            let early = match found {
                Some(Source::Input(_)) => true,
                Some(Source::Result { node, .. }) => node < id,
                None => false,
            };
            if !early {
                self.broken_at(
                    Code::OperandOrder,
                    id,
                    format!("operand {position} is {operand}, which is {}", origin(found)),
                );
            }
            fine &= found.is_some();
        }
        fine
    }

    fn types(&mut self, id: NodeId, node: &Node) {
        let operands: SmallVec<[&Type; 4]> = node.operands.iter().map(|&v| self.graph.ty(v)).collect();
        match node.op.infer(&operands, &node.regions) {
            Err(error) => self.rejected(id, node, &operands, &error),
            Ok(inferred) => {
                let found: Vec<Option<&Type>> = node.results.iter().map(|&v| self.ty(v)).collect();
                if !found.iter().copied().eq(inferred.iter().map(Some)) {
                    let found: Vec<String> =
                        found.iter().map(|ty| ty.map_or("nothing".to_owned(), Type::to_string)).collect();
                    let (found, inferred, op) = (found.join(", "), join(&inferred), node.op.name());
                    self.broken_at(
                        Code::ResultTypes,
                        id,
                        format!("the results are ({found}), but `{op}` gives ({inferred})"),
                    );
                }
            }
        }
    }

    fn rejected(&mut self, id: NodeId, node: &Node, operands: &[&Type], error: &TypeError) {
        let (op, operands) = (node.op.name(), join(operands));
        self.broken_at(Code::NotAccepted, id, format!("`{op}` does not accept ({operands}): {error}"));
    }

    fn nesting(&mut self, id: NodeId, node: &Node) {
        if !node.regions.is_empty() && self.region.len() + 1 >= MAX_DEPTH {
            self.broken_at(Code::Nesting, id, format!("regions nest deeper than {MAX_DEPTH}"));
        }
    }

    fn outputs(&mut self) {
        for (position, &output) in self.graph.outputs().iter().enumerate() {
            if self.source(output).is_none() {
                self.broken(
                    Code::OutputTable,
                    format!("output {position} is {output}, which is no value of the graph"),
                );
            }
        }
    }

    fn limits(&mut self) {
        for value in self.graph.values() {
            let ty = self.graph.ty(value);
            let (Type::Tensor(tensor) | Type::List(tensor)) = ty else { continue };
            if !tensor.shape.check() {
                let (rank, elements) = (Shape::MAX_RANK, Shape::MAX_ELEMENTS);
                self.broken(
                    Code::TypeLimits,
                    format!("{value} is {ty}; a tensor has at most {rank} axes and {elements} elements"),
                );
            }
        }
    }

    fn source(&self, value: Value) -> Option<Source> {
        (value.index() < self.graph.values().len()).then(|| self.graph.source(value))
    }

    fn ty(&self, value: Value) -> Option<&Type> {
        (value.index() < self.graph.values().len()).then(|| self.graph.ty(value))
    }

    fn broken(&mut self, code: Code, message: String) {
        let region = self.region.clone();
        self.found.push(Violation { code, region, node: None, location: None, message });
    }

    fn broken_at(&mut self, code: Code, node: NodeId, message: String) {
        let location = self.graph.node(node).location.clone();
        self.found.push(Violation { code, region: self.region.clone(), node: Some(node), location, message });
    }
}

/// Whether the inputs and outputs of a region are values of it, so that they have types. If not, E101 or E105 says so.
fn has_typed_ports(region: &Graph) -> bool {
    let values = region.values().len();
    region.inputs().iter().chain(region.outputs()).all(|port| port.index() < values)
}

fn origin(source: Option<Source>) -> String {
    match source {
        None => "no value of the graph".to_owned(),
        Some(Source::Input(position)) => format!("input {position}"),
        Some(Source::Result { node, position }) => format!("result {position} of {node}"),
    }
}

fn join(types: &[impl fmt::Display]) -> String {
    types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::parse_trusting;
    use crate::{Builder, DType, TensorType};

    /// `%2, %3 = [neg(%0), add(%2, %1)]`.
    fn sound() -> Graph {
        let mut b = Builder::new("f");
        let ty = TensorType::new(DType::F32, [4]);
        let (x, y) = (b.input(ty.clone()), b.input(ty));
        let z = b.neg(x).unwrap();
        let sum = b.add(z, y).unwrap();
        b.finish(&[sum, sum, x])
    }

    fn codes(graph: &Graph) -> Vec<Code> {
        verify(graph).err().map_or(Vec::new(), |found| found.0.iter().map(|v| v.code).collect())
    }

    fn broken(change: impl FnOnce(&mut Graph)) -> Vec<Code> {
        let mut graph = sound();
        change(&mut graph);
        codes(&graph)
    }

    #[test]
    fn a_built_graph_keeps_all_rules() {
        verify(&sound()).unwrap();
    }

    #[test]
    fn the_specification_has_a_sentence_for_each_code() {
        let page = include_str!("verify.rs");
        for code in Code::ALL.iter().filter(|code| code.number() > "E1") {
            assert_eq!(page.matches(&format!("- **{code}** ")).count(), 1, "{code}");
        }
    }

    #[test]
    fn e101_inputs_know_their_position() {
        assert_eq!(broken(|g| g.set_source(Value::new(0), Source::Input(1))), [Code::InputTable]);
        assert!(broken(|g| g.inputs_mut()[0] = Value::new(99)).contains(&Code::InputTable));
    }

    #[test]
    fn e102_values_are_numbered_in_order() {
        assert_eq!(
            broken(|g| {
                g.add_stray(TensorType::scalar(DType::F32).into());
            }),
            [Code::Numbering]
        );
        let swapped = broken(|g| g.nodes_mut()[0].results[0] = Value::new(3));
        assert!(swapped.contains(&Code::Numbering));
    }

    #[test]
    fn e103_results_know_their_node() {
        let source = Source::Result { node: NodeId::new(0), position: 0 };
        assert_eq!(broken(|g| g.set_source(Value::new(3), source)), [Code::ResultTable]);
        assert!(broken(|g| g.nodes_mut()[1].results[0] = Value::new(99)).contains(&Code::ResultTable));
    }

    #[test]
    fn e104_operands_come_from_earlier_nodes() {
        assert_eq!(broken(|g| g.nodes_mut()[0].operands[0] = Value::new(3)), [Code::OperandOrder]);
        assert_eq!(broken(|g| g.nodes_mut()[0].operands[0] = Value::new(2)), [Code::OperandOrder]);
        assert_eq!(broken(|g| g.nodes_mut()[0].operands[0] = Value::new(99)), [Code::OperandOrder]);
    }

    #[test]
    fn e105_outputs_are_values() {
        assert_eq!(broken(|g| g.set_outputs(&[Value::new(99)])), [Code::OutputTable]);
    }

    #[test]
    fn e106_ops_accept_their_operands() {
        assert_eq!(
            broken(|g| {
                g.nodes_mut()[1].operands.pop();
            }),
            [Code::NotAccepted]
        );
        assert_eq!(broken(|g| g.nodes_mut()[1].regions.push(sound())), [Code::NotAccepted]);
        let graph =
            parse_trusting("graph(%x: f32[4], %y: f32[3]) { %z = add(%x, %y) : f32[4] return %z }").unwrap();
        assert_eq!(codes(&graph), [Code::NotAccepted]);
    }

    #[test]
    fn e107_results_have_the_inferred_types() {
        let graph = parse_trusting("graph(%x: f32[4]) { %z = neg(%x) : f32[5] return %z }").unwrap();
        assert_eq!(codes(&graph), [Code::ResultTypes]);
        let graph =
            parse_trusting("graph(%x: f32[4]) { %z, %w = neg(%x) : f32[4], f32[4] return %z }").unwrap();
        assert_eq!(codes(&graph), [Code::ResultTypes]);
    }

    #[test]
    fn e108_types_are_within_limits() {
        let huge = TensorType::new(DType::F32, [usize::MAX, 3]);
        assert!(broken(|g| g.set_type(Value::new(1), huge.into())).contains(&Code::TypeLimits));
    }

    #[test]
    fn e109_regions_keep_the_rules_and_nest_little() {
        let mut inner = sound();
        inner.set_outputs(&[Value::new(99)]);
        let errors = {
            let mut graph = sound();
            graph.nodes_mut()[1].regions.push(inner);
            verify(&graph).unwrap_err()
        };
        assert_eq!(errors.0.iter().map(|v| v.code).collect::<Vec<_>>(), [Code::OutputTable]);
        assert!(errors.to_string().contains("in region 0 of n1: output 0 is %99"), "{errors}");

        let deep = (0..MAX_DEPTH).fold(sound(), |inner, _| {
            let mut outer = sound();
            outer.nodes_mut()[0].regions.push(inner);
            outer
        });
        assert!(codes(&deep).contains(&Code::Nesting));
    }

    #[test]
    fn all_violations_are_reported() {
        let codes = broken(|g| {
            g.set_outputs(&[Value::new(99)]);
            g.set_source(Value::new(0), Source::Input(1));
            g.nodes_mut()[1].operands[0] = Value::new(98);
        });
        assert_eq!(codes, [Code::InputTable, Code::OperandOrder, Code::OutputTable]);
    }
}
