//! Pictures of graphs: what is drawn, and the two ways to draw it.
//!
//! A [`Figure`] is the graph as boxes and arrows. Inputs, constants and outputs are boxes of their own kinds; an operation's
//! box has its attributes, an arrow the type of the value. Groups (fused kernels, say) are colours.

mod dot;
mod svg;

use std::collections::BTreeMap;

use tensorwright_ir::op::AttrValue;
use tensorwright_ir::text::value_labels;
use tensorwright_ir::{Graph, Node, NodeId, Op, Source, Value};

pub(crate) use dot::dot;
pub(crate) use svg::svg;

/// A graph as boxes and arrows.
pub(crate) struct Figure {
    name: String,
    boxes: Vec<Shape>,
    arrows: Vec<Arrow>,
    /// Titles of the groups.
    groups: Vec<String>,
}

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Input,
    Constant,
    Operation,
    Output,
}

struct Shape {
    kind: Kind,
    title: String,
    lines: Vec<String>,
    group: Option<usize>,
}

struct Arrow {
    from: usize,
    to: usize,
    label: String,
    /// From an operation into one of its regions.
    enters: bool,
}

/// Which nodes belong together: titles of the groups, and the group of each node.
#[derive(Clone, Default)]
pub(crate) struct Groups {
    pub(crate) titles: Vec<String>,
    pub(crate) of: BTreeMap<NodeId, usize>,
}

impl Figure {
    /// The figure of a graph and its regions.
    pub(crate) fn new(graph: &Graph, groups: Groups) -> Figure {
        let mut figure = Figure {
            name: graph.name().to_owned(),
            boxes: Vec::new(),
            arrows: Vec::new(),
            groups: groups.titles,
        };
        // Regions are drawn beside the graph, with an arrow from the operation that runs them.
        let mut open: Vec<(&Graph, Option<(usize, usize)>)> = vec![(graph, None)];
        while let Some((part, entered)) = open.pop() {
            let first = figure.boxes.len();
            let of_group = |id: NodeId| if entered.is_none() { groups.of.get(&id).copied() } else { None };
            let boxes = figure.add_graph(part, of_group);
            if let Some((outer, position)) = entered
                && first < figure.boxes.len()
            {
                let label = format!("region {position}");
                figure.arrows.push(Arrow { from: outer, to: first, label, enters: true });
            }
            for (node, &shape) in part.nodes().iter().zip(&boxes) {
                open.extend(node.regions.iter().enumerate().map(|(i, region)| (region, Some((shape, i)))));
            }
        }
        figure
    }

    /// How many boxes there are.
    pub(crate) fn len(&self) -> usize {
        self.boxes.len()
    }

    /// Draws a graph and returns the boxes of its nodes.
    fn add_graph(&mut self, graph: &Graph, group: impl Fn(NodeId) -> Option<usize>) -> Vec<usize> {
        let labels = value_labels(graph);
        let inputs: Vec<usize> = graph
            .inputs()
            .iter()
            .map(|&v| self.add(Kind::Input, labels[v.index()].clone(), vec![graph.ty(v).to_string()], None))
            .collect();
        let mut nodes: Vec<usize> = Vec::new();
        for (id, node) in graph.iter() {
            let kind = if matches!(node.op, Op::Constant(_)) { Kind::Constant } else { Kind::Operation };
            let shape = self.add(kind, title(graph, node), details(node), group(id));
            self.connect(graph, &inputs, &nodes, &node.operands, shape);
            nodes.push(shape);
        }
        for (i, &output) in graph.outputs().iter().enumerate() {
            let shape =
                self.add(Kind::Output, format!("output {i}"), vec![labels[output.index()].clone()], None);
            self.connect(graph, &inputs, &nodes, &[output], shape);
        }
        nodes
    }

    fn add(&mut self, kind: Kind, title: String, lines: Vec<String>, group: Option<usize>) -> usize {
        self.boxes.push(Shape { kind, title, lines, group });
        self.boxes.len() - 1
    }

    /// One arrow for each box that operands come from; its label tells which operands and results it stands for.
    fn connect(&mut self, graph: &Graph, inputs: &[usize], nodes: &[usize], operands: &[Value], to: usize) {
        let mut arrows: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (position, &operand) in operands.iter().enumerate() {
            let (from, result) = match graph.source(operand) {
                Source::Input(i) => (inputs[i], None),
                Source::Result { node, position } => {
                    (nodes[node.index()], (graph.node(node).results.len() > 1).then_some(position))
                }
            };
            let operand_number = if operands.len() > 1 { format!("{position}: ") } else { String::new() };
            let result_number = result.map_or(String::new(), |r| format!(" (result {r})"));
            arrows
                .entry(from)
                .or_default()
                .push(format!("{operand_number}{}{result_number}", graph.ty(operand)));
        }
        for (from, labels) in arrows {
            self.arrows.push(Arrow { from, to, label: labels.join("\n"), enters: false });
        }
    }
}

/// The mnemonic, and the names that the user gave the results.
fn title(graph: &Graph, node: &Node) -> String {
    let names: Vec<&str> = node.results.iter().filter_map(|&v| graph.value_name(v)).collect();
    let named = if names.is_empty() { String::new() } else { format!("{} = ", names.join(", ")) };
    format!("{named}{}", node.op.name())
}

fn details(node: &Node) -> Vec<String> {
    node.op
        .attributes()
        .iter()
        .map(|(name, value)| shortened(&format!("{name} = {}", attribute(value))))
        .collect()
}

fn attribute(value: &AttrValue) -> String {
    match value {
        AttrValue::Int(v) => v.to_string(),
        AttrValue::Word(word) => word.clone(),
        AttrValue::Scalar(scalar) => format!("{scalar}:{}", scalar.dtype()),
        AttrValue::Text(text) => format!("{text:?}"),
        AttrValue::List(items) => format!("[{}]", items.iter().map(attribute).collect::<Vec<_>>().join(", ")),
        AttrValue::Type(ty) => ty.to_string(),
        AttrValue::Literal(literal) => {
            let (few, more) = (literal.iter().take(4), if literal.len() > 4 { ", .." } else { "" });
            let elements = few.map(|element| element.to_string()).collect::<Vec<_>>().join(", ");
            format!("{} [{elements}{more}]", literal.ty())
        }
    }
}

/// At most as many characters as a box is wide.
fn shortened(text: &str) -> String {
    const MOST: usize = 44;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}..", &text[..at]),
    }
}

/// Fill colours of groups; they repeat when there are more groups.
const GROUP_COLOURS: [&str; 8] =
    ["#fde2c8", "#d6eaf8", "#d5f0dc", "#f6d5e5", "#e6dcf7", "#f9efb8", "#cdeeee", "#e5e0d8"];

impl Shape {
    fn fill(&self) -> &'static str {
        match (self.kind, self.group) {
            (_, Some(group)) => GROUP_COLOURS[group % GROUP_COLOURS.len()],
            (Kind::Input, _) => "#dbe9ff",
            (Kind::Constant, _) => "#eeeeee",
            (Kind::Output, _) => "#d9f7d9",
            (Kind::Operation, _) => "#ffffff",
        }
    }

    fn stroke(&self) -> &'static str {
        match self.kind {
            Kind::Input => "#2f6fd0",
            Kind::Constant => "#888888",
            Kind::Output => "#2e8b40",
            Kind::Operation => "#444444",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "graph @f(%x: f32[2,3], %\"<w>\": f32[2,3]) {
        %c = constant() {value = f32[6] [1, 2, 3, 4, 5, 6]}
        %1 = reshape(%c) {shape = [2, 3]}
        %2 = mul(%x, %x)
        %3 = sub(%2, %1)
        %sum = reduce(%3) {kind = sum, axes = [1]}
        return %sum, %\"<w>\", %sum
    }";

    fn figure() -> Figure {
        let graph: Graph = TEXT.parse().unwrap();
        let of = [(NodeId::new(2), 0), (NodeId::new(3), 0)].into();
        Figure::new(&graph, Groups { titles: vec!["kernel 0".to_owned()], of })
    }

    #[test]
    fn boxes_and_arrows_are_those_of_the_graph() {
        let figure = figure();
        assert_eq!(figure.len(), 2 + 5 + 3);
        let labels: Vec<&str> = figure.arrows.iter().map(|a| a.label.as_str()).collect();
        assert!(labels.contains(&"0: f32[2,3]\n1: f32[2,3]"), "{labels:?}");
        assert_eq!(figure.boxes[2].lines, ["value = f32[6] [1.0, 2.0, 3.0, 4.0, ..]"]);
    }

    #[test]
    fn dot_names_groups_and_escapes() {
        let dot = dot(&figure());
        assert!(dot.starts_with("digraph \"f\" {"), "{dot}");
        assert!(dot.contains("subgraph cluster_0") && dot.contains("label=\"kernel 0\""), "{dot}");
        assert_eq!(dot.matches('{').count(), dot.matches('}').count());
    }

    #[test]
    fn svg_is_escaped_and_has_each_box_once() {
        let svg = svg(figure()).unwrap();
        assert_eq!(svg.matches("<rect class=\"box").count(), 10, "{svg}");
        assert!(svg.contains("&lt;w&gt;") && !svg.contains("<w>"), "{svg}");
    }

    #[test]
    fn empty_graphs_have_pictures() {
        let graph: Graph = "graph() { return }".parse().unwrap();
        let figure = Figure::new(&graph, Groups::default());
        assert!(dot(&figure).contains("digraph"));
        assert!(svg(figure).unwrap().ends_with("</svg>\n"));
    }
}
