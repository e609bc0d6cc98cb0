//! The picture of a model's layers: each a box with what it gives, in rows from the inputs down.

use std::collections::HashMap;
use std::fmt::Write;

use serde_json::Value;

use super::summary::{LayerRow, elements, grouped, without_batch};
use crate::LayerRef;

const ROW: f64 = 84.0;
const HEIGHT: f64 = 46.0;
const GAP: f64 = 24.0;
/// Width of a letter of the lines in a box.
const LETTER: f64 = 6.8;

/// A box, and which ones are before it.
struct Node {
    title: String,
    line: String,
    before: Vec<usize>,
    /// How many boxes are above it, on the longest way.
    depth: usize,
}

impl Node {
    fn width(&self) -> f64 {
        let letters = self.title.chars().count().max(self.line.chars().count());
        letters as f64 * LETTER + 20.0
    }
}

/// The layers of a model as SVG.
pub(super) fn picture(root: &LayerRef, rows: &[LayerRow]) -> String {
    let nodes = match root.class_name() {
        "Functional" => graph(&root.config().into_iter().collect(), rows),
        _ => row(rows),
    };
    drawn(&nodes)
}

fn node(row: &LayerRow, before: Vec<usize>, nodes: &[Node]) -> Node {
    let outputs: Vec<String> = row.outputs.iter().map(without_batch).collect();
    let weights = elements(&row.layer.weights());
    let line = if weights == 0 { String::new() } else { format!(", {} parameters", grouped(weights)) };
    let depth = before.iter().map(|&at| nodes[at].depth + 1).max().unwrap_or(0);
    let title = format!("{} ({})", row.name, row.layer.class_name());
    Node { title, line: outputs.join(", ") + &line, before, depth }
}

/// Layers in a row, as in a `Sequential`.
fn row(rows: &[LayerRow]) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for row in rows {
        nodes.push(node(row, nodes.len().checked_sub(1).into_iter().collect(), &nodes));
    }
    nodes
}

/// The layers of a graph, which come behind those that they need, by its configuration. A layer that is called several times is one box.
fn graph(config: &Value, rows: &[LayerRow]) -> Vec<Node> {
    let (mut nodes, mut places): (Vec<Node>, HashMap<&str, usize>) = (Vec::new(), HashMap::new());
    for written in config["layers"].as_array().into_iter().flatten() {
        let name = written["name"].as_str().unwrap_or_default();
        let mut needed = Vec::new();
        sources(&written["inbound_nodes"], &mut needed);
        let mut before: Vec<usize> = needed.iter().filter_map(|name| places.get(name).copied()).collect();
        before.sort_unstable();
        before.dedup();
        let made = match rows.iter().find(|row| row.name == name) {
            Some(row) => node(row, before, &nodes),
            None => input(name, &written["config"]),
        };
        places.insert(name, nodes.len());
        nodes.push(made);
    }
    nodes
}

fn input(name: &str, config: &Value) -> Node {
    let shape = config["batch_shape"].as_array().map_or(&[][..], Vec::as_slice);
    let sizes: Vec<String> =
        shape.iter().map(|size| size.as_u64().map_or("?".to_owned(), |size| size.to_string())).collect();
    let dtype = config["dtype"].as_str().unwrap_or_default();
    Node {
        title: name.to_owned(),
        line: format!("{dtype}[{}]", sizes.join(",")),
        before: Vec::new(),
        depth: 0,
    }
}

/// The names of the layers whose tensors are arguments somewhere in JSON.
fn sources<'j>(json: &'j Value, found: &mut Vec<&'j str>) {
    match json {
        Value::Array(list) => list.iter().for_each(|item| sources(item, found)),
        Value::Object(fields) => match fields.get("keras_history").and_then(|history| history[0].as_str()) {
            Some(name) => found.push(name),
            None => fields.values().for_each(|value| sources(value, found)),
        },
        _ => {}
    }
}

fn drawn(nodes: &[Node]) -> String {
    let depths = nodes.iter().map(|node| node.depth + 1).max().unwrap_or(0);
    let of_depth = |depth: usize| nodes.iter().enumerate().filter(move |(_, node)| node.depth == depth);
    let width_of = |depth: usize| of_depth(depth).map(|(_, node)| node.width() + GAP).sum::<f64>() + GAP;
    let width = (0..depths).map(width_of).fold(0.0, f64::max);
    let mut middles = vec![0.0; nodes.len()];
    for depth in 0..depths {
        let mut x = (width - width_of(depth)) / 2.0 + GAP;
        for (at, node) in of_depth(depth) {
            middles[at] = x + node.width() / 2.0;
            x += node.width() + GAP;
        }
    }
    let height = depths as f64 * ROW + GAP;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"monospace\" font-size=\"11\" text-anchor=\"middle\">\n\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" fill=\"white\"/>\n"
    );
    for (node, &x) in nodes.iter().zip(&middles) {
        node.before.iter().for_each(|&before| arrow(&mut svg, (middles[before], &nodes[before]), (x, node)));
    }
    nodes.iter().zip(&middles).for_each(|(node, &x)| boxed(&mut svg, node, x));
    svg.push_str("</svg>\n");
    svg
}

fn top(node: &Node) -> f64 {
    GAP + node.depth as f64 * ROW
}

/// A curve from one box to another with a dot at its end; around the boxes between them, if it passes a row.
fn arrow(svg: &mut String, (from, above): (f64, &Node), (to, below): (f64, &Node)) {
    let (start, end) = (top(above) + HEIGHT, top(below));
    let aside = if below.depth > above.depth + 1 { (above.width() + below.width()) / 2.0 } else { 0.0 };
    let _ = writeln!(
        svg,
        "<path d=\"M{from:.1},{start:.1} C{:.1},{:.1} {:.1},{:.1} {to:.1},{end:.1}\" fill=\"none\" stroke=\"#57606a\"/>\
         <circle cx=\"{to:.1}\" cy=\"{end:.1}\" r=\"2.5\" fill=\"#57606a\"/>",
        from + aside,
        start + 19.0,
        to + aside,
        end - 19.0
    );
}

fn boxed(svg: &mut String, node: &Node, x: f64) {
    let (y, width) = (top(node), node.width());
    let _ = writeln!(
        svg,
        "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" rx=\"5\" fill=\"#f6f8fa\" stroke=\"#1f6feb\"/>\
         <text x=\"{x:.1}\" y=\"{:.1}\" font-weight=\"bold\">{}</text><text x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
        x - width / 2.0,
        y + 19.0,
        super::curves::escaped(&node.title),
        y + 35.0,
        super::curves::escaped(&node.line)
    );
}
