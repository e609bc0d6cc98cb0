//! Graphs to text.

use std::fmt::Write;

use hashbrown::HashSet;

use super::lexer::is_name;
use super::weights::checksum;
use super::{FREE_FILL_ELEMENTS, MAX_FILL_BYTES, Weights};
use crate::literal::Exact;
use crate::op::{AttrValue, Op};
use crate::{Graph, LiteralRef, Location, Node, TensorType, Value};

/// What of a graph is printed. The default is everything, so that the text parses back to the same graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether the source line that wrote a node stands behind it.
    pub locations: bool,
    /// Whether constants of more than [`FREE_FILL_ELEMENTS`] elements are cut short with `...`. Such a text is for eyes
    /// only: it does not parse.
    pub elide: bool,
}

impl Default for Style {
    fn default() -> Style {
        Style { locations: true, elide: false }
    }
}

/// The graph in the text form, constants inline.
pub fn print(graph: &Graph, style: Style) -> String {
    let mut printer = Printer::new(style, None);
    printer.graph(graph, 0);
    printer.out
}

/// The whole graph in the text form, and the side file for its constants of more than [`FREE_FILL_ELEMENTS`] elements.
pub fn print_with_weights(graph: &Graph) -> (String, Weights) {
    let mut weights = Weights::default();
    let mut printer = Printer::new(Style::default(), Some(&mut weights));
    printer.graph(graph, 0);
    (printer.out, weights)
}

/// An op with its attributes, such as `reduce {kind = sum, axes = [0]}`.
pub fn print_op(op: &Op, style: Style) -> String {
    let mut printer = Printer::new(style, None);
    printer.out.push_str(op.name());
    printer.attributes(op);
    printer.out
}

/// A place in the source, such as `@ "src/main.rs":12:8`.
pub fn print_location(location: &Location) -> String {
    format!("@ {}:{}:{}", quoted(location.file()), location.line, location.column)
}

/// How each value is written: `%name`, or `%7` without a name. Names that are given twice get a suffix.
pub fn value_labels(graph: &Graph) -> Vec<String> {
    let mut taken: HashSet<&str> = HashSet::new();
    graph
        .values()
        .map(|value| match graph.value_name(value) {
            None => value.to_string(),
            Some(name) if taken.insert(name) => format!("%{}", quoted_name(name)),
            Some(name) => format!("%{}#{}", quoted_name(name), value.index()),
        })
        .collect()
}

/// A name as it stands in the text: in quotes if it is no plain word.
pub fn quoted_name(name: &str) -> String {
    let plain = name.bytes().all(is_name) && name.starts_with(|c: char| !c.is_ascii_digit());
    if plain { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

struct Printer<'w> {
    out: String,
    style: Style,
    weights: Option<&'w mut Weights>,
    fill_budget: usize,
}

impl<'w> Printer<'w> {
    fn new(style: Style, weights: Option<&'w mut Weights>) -> Printer<'w> {
        Printer { out: String::new(), style, weights, fill_budget: MAX_FILL_BYTES }
    }

    fn graph(&mut self, graph: &Graph, depth: usize) {
        let labels = value_labels(graph);
        self.header(graph, &labels, depth);
        for node in graph.nodes() {
            self.indent(depth + 1);
            self.node(graph, node, &labels, depth + 1);
            self.out.push('\n');
        }
        self.indent(depth + 1);
        self.out.push_str("return");
        for (i, output) in graph.outputs().iter().enumerate() {
            self.out.push_str(if i == 0 { " " } else { ", " });
            self.out.push_str(label(&labels, *output));
        }
        self.out.push('\n');
        self.indent(depth);
        self.out.push_str(if depth == 0 { "}\n" } else { "}" });
    }

    fn header(&mut self, graph: &Graph, labels: &[String], depth: usize) {
        self.indent(depth);
        self.out.push_str("graph ");
        if !graph.name().is_empty() {
            self.write(format_args!("@{}", quoted_name(graph.name())));
        }
        self.list("(", ")", graph.inputs(), |p, &input| {
            p.write(format_args!("{}: {}", label(labels, input), graph.ty(input)));
        });
        self.out.push_str(" -> ");
        self.list("(", ")", graph.outputs(), |p, &output| p.write(format_args!("{}", graph.ty(output))));
        self.out.push_str(" {\n");
    }

    fn node(&mut self, graph: &Graph, node: &Node, labels: &[String], depth: usize) {
        if !node.results.is_empty() {
            self.list("", " = ", &node.results, |p, &result| p.out.push_str(label(labels, result)));
        }
        self.out.push_str(node.op.name());
        self.list("(", ")", &node.operands, |p, &operand| p.out.push_str(label(labels, operand)));
        self.attributes(&node.op);
        self.regions(&node.regions, depth);
        if !node.results.is_empty() {
            self.list(" : ", "", &node.results, |p, &v| p.write(format_args!("{}", graph.ty(v))));
        }
        if let Some(location) = node.location.as_ref().filter(|_| self.style.locations) {
            self.write(format_args!(" {}", print_location(location)));
        }
    }

    fn attributes(&mut self, op: &Op) {
        let attributes = op.attributes();
        if !attributes.is_empty() {
            self.list(" {", "}", &attributes, |p, (name, value)| {
                p.write(format_args!("{name} = "));
                p.attribute(value);
            });
        }
    }

    fn regions(&mut self, regions: &[Graph], depth: usize) {
        if regions.is_empty() {
            return;
        }
        self.out.push_str(" (\n");
        for (i, region) in regions.iter().enumerate() {
            self.out.push_str(if i == 0 { "" } else { ",\n" });
            self.graph(region, depth + 1);
        }
        self.out.push('\n');
        self.indent(depth);
        self.out.push(')');
    }

    fn attribute(&mut self, value: &AttrValue) {
        match value {
            AttrValue::Int(v) => self.write(format_args!("{v}")),
            AttrValue::Word(w) => self.out.push_str(w),
            AttrValue::Scalar(s) => self.write(format_args!("{s}:{}", s.dtype())),
            AttrValue::Text(text) => self.out.push_str(&quoted(text)),
            AttrValue::List(items) => self.list("[", "]", items, Printer::attribute),
            AttrValue::Type(ty) => self.write(format_args!("{ty}")),
            AttrValue::Literal(literal) => self.literal(literal),
        }
    }

    fn literal(&mut self, literal: &LiteralRef) {
        let ty = literal.ty();
        self.write(format_args!("{ty} "));
        let large = literal.len() > FREE_FILL_ELEMENTS;
        if let Some(element) = literal.splat().filter(|_| self.affords(ty)) {
            return self.write(format_args!("{element}"));
        }
        match &mut self.weights {
            Some(weights) if large => {
                let offset = weights.store(literal);
                self.write(format_args!("blob({offset}, {:#018x})", checksum(literal.bytes())));
            }
            _ if large && self.style.elide => self.out.push_str("[...]"),
            // All elements: a text is not an archive.
            _ => self.write(format_args!("{}", Exact(literal))),
        }
    }

    /// Whether the parser will let a tensor of this type be written as one element; the two count alike.
    fn affords(&mut self, ty: &TensorType) -> bool {
        if ty.elements() <= FREE_FILL_ELEMENTS {
            return true;
        }
        let left = self.fill_budget.checked_sub(ty.bytes());
        self.fill_budget = left.unwrap_or(self.fill_budget);
        left.is_some()
    }

    fn list<T>(&mut self, open: &str, close: &str, items: &[T], mut one: impl FnMut(&mut Self, &T)) {
        self.out.push_str(open);
        for (i, item) in items.iter().enumerate() {
            self.out.push_str(if i == 0 { "" } else { ", " });
            one(self, item);
        }
        self.out.push_str(close);
    }

    fn indent(&mut self, depth: usize) {
        self.out.extend(std::iter::repeat_n("  ", depth));
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("writing to a string does not fail");
    }
}

/// A value as it is written; of a broken graph, the index.
fn label(labels: &[String], value: Value) -> &str {
    labels.get(value.index()).map_or("%?", String::as_str)
}
