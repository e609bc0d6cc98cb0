//! Checks of passes on graphs in the text form.

use tensorwright_ir::text::{Style, parse, print};
use tensorwright_ir::{Builder, Copier, Graph, NodeId, Source, Value};

use super::effects::has_effect;
use super::everywhere::run_everywhere;
use super::{Context, Dce, Pass, PassOptions};

/// The graph of a text.
pub(super) fn graph(text: &str) -> Graph {
    parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// What the pass makes of the graph and its regions. Panics if a rewrite had to be taken back.
pub(super) fn run(pass: &dyn Pass, graph: &Graph) -> Option<Graph> {
    run_with(pass, graph, &PassOptions::default())
}

/// Graph that the pass makes with these options; see [`run`].
pub(super) fn run_with(pass: &dyn Pass, graph: &Graph, options: &PassOptions) -> Option<Graph> {
    let mut cx = Context::new(options, pass.name());
    let new = run_everywhere(pass, graph, &mut cx);
    assert!(cx.failures().is_empty(), "{:?}", cx.failures());
    new
}

/// Asserts that the pass makes `after` of `before`, but for names, the order of nodes, and dead code.
pub(super) fn check(pass: &dyn Pass, before: &str, after: &str) {
    check_with(pass, before, after, &PassOptions::default());
}

/// As [`check`], with these options.
pub(super) fn check_with(pass: &dyn Pass, before: &str, after: &str, options: &PassOptions) {
    let new = run_with(pass, &graph(before), options)
        .unwrap_or_else(|| panic!("{} changes nothing:\n{before}", pass.name()));
    let (found, expected) = (plain_text(&new), plain_text(&graph(after)));
    assert!(found == expected, "{} made\n{found}\nnot\n{expected}", pass.name());
}

/// Asserts that the pass leaves the graph as it is.
pub(super) fn check_unchanged(pass: &dyn Pass, text: &str) {
    if let Some(new) = run(pass, &graph(text)) {
        panic!("{} made\n{}\nof\n{text}", pass.name(), print(&new, Style::default()));
    }
}

/// The before and after graphs of a pass's documentation: the first two blocks that begin with `graph`.
pub(super) fn documented_example(source: &str) -> (String, String) {
    let docs: Vec<&str> = source.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let docs = docs.join("\n");
    let mut graphs = docs
        .split("```")
        .filter_map(|block| block.strip_prefix("text\n"))
        .filter(|b| b.trim().starts_with("graph"));
    let mut next = || graphs.next().expect("a graph before and one after").to_owned();
    (next(), next())
}

/// A text that does not depend on names and on the order of independent nodes, and shows no dead code.
pub(super) fn plain_text(graph: &Graph) -> String {
    let live = run(&Dce, graph);
    print(&plain(live.as_ref().unwrap_or(graph)), Style::default())
}

/// The graph without names and with nodes in the order of need, and so its regions, which nest little.
fn plain(graph: &Graph) -> Graph {
    let mut b = Builder::new("f");
    let inputs: Vec<Value> = graph.inputs().iter().map(|&input| b.input(graph.ty(input).clone())).collect();
    let mut copier = Copier::with_inputs(graph, &inputs);
    let effects = graph.nodes().iter().filter(|node| has_effect(node));
    let roots =
        graph.outputs().iter().copied().chain(effects.filter_map(|node| node.results.first().copied()));
    for root in roots {
        place(graph, &mut b, &mut copier, root);
    }
    b.finish(&copier.values(graph.outputs()))
}

/// Appends what `value` is made of, in the order of operands.
fn place(graph: &Graph, b: &mut Builder, copier: &mut Copier, value: Value) {
    let mut stack: Vec<NodeId> = Vec::new();
    let maker = |value: Value| match graph.source(value) {
        Source::Result { node, .. } => Some(node),
        Source::Input(_) => None,
    };
    stack.extend(maker(value));
    while let Some(&id) = stack.last() {
        let node = graph.node(id);
        let missing = node.operands.iter().find(|&&v| copier.get(v).is_none()).and_then(|&v| maker(v));
        if let Some(first) = missing {
            stack.push(first);
            continue;
        }
        stack.pop();
        if copier.get(node.results[0]).is_some() {
            continue;
        }
        let operands = copier.values(&node.operands);
        let regions = node.regions.iter().map(plain).collect();
        let results = b.push_with_regions(node.op.clone(), &operands, regions).expect("a valid graph");
        copier.set_all(&node.results, &results);
    }
}
