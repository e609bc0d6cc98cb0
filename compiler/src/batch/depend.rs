//! Which results depend on which operands, through regions: whether they differ from example to example.
//!
//! Worked out once for each region, from the inside out, so that loops in loops cost no more than their size.

use tensorwright_ir::op::{Lowering, Ports};
use tensorwright_ir::{Graph, Node, Op};

/// A set of inputs or operands.
pub(super) type Set = Vec<bool>;

fn join(set: &mut Set, other: &[bool]) -> bool {
    let mut changed = false;
    for (s, &o) in set.iter_mut().zip(other) {
        changed |= o && !*s;
        *s |= o;
    }
    changed
}

/// Whether the set meets the mask.
pub(super) fn meets(set: &[bool], mask: &[bool]) -> bool {
    set.iter().zip(mask).any(|(&s, &m)| s && m)
}

/// For each output of the graph the inputs that it depends on.
pub(super) fn outputs(graph: &Graph) -> Vec<Set> {
    let inputs = graph.inputs().len();
    let mut sets: Vec<Set> = vec![vec![false; inputs]; graph.values().len()];
    for (i, &input) in graph.inputs().iter().enumerate() {
        sets[input.index()][i] = true;
    }
    for node in graph.nodes() {
        let operands: Vec<&Set> = node.operands.iter().map(|v| &sets[v.index()]).collect();
        let found: Vec<Set> = results(node).iter().map(|row| union(row, &operands, inputs)).collect();
        for (&result, set) in node.results.iter().zip(found) {
            sets[result.index()] = set;
        }
    }
    graph.outputs().iter().map(|v| sets[v.index()].clone()).collect()
}

/// The union of the sets that `row` names.
fn union(row: &[bool], sets: &[&Set], size: usize) -> Set {
    let mut all = vec![false; size];
    row.iter().zip(sets).filter(|(named, _)| **named).for_each(|(_, set)| {
        join(&mut all, set);
    });
    all
}

/// For each result of the node the operands that it depends on.
pub(super) fn results(node: &Node) -> Vec<Set> {
    let operands = node.operands.len();
    match (&node.op, node.op.ports()) {
        // The examples share the order of effects, and the lengths of lists.
        (Op::ListLen(_), _) => vec![vec![false; operands]; node.results.len()],
        (op, _) if op.lowering() == Lowering::Effect => vec![vec![false; operands]; node.results.len()],
        (_, Some(ports)) => of_regions(node, ports),
        (_, None) => vec![vec![true; operands]; node.results.len()],
    }
}

fn of_regions(node: &Node, ports: Ports) -> Vec<Set> {
    let operands = node.operands.len();
    let mut body: Vec<Set> = vec![vec![false; operands - ports.selectors()]; node.results.len()];
    for region in ports.bodies(&node.regions) {
        body.iter_mut().zip(outputs(region)).for_each(|(row, other)| {
            join(row, &other);
        });
    }
    let mut entering: Vec<Set> =
        (0..operands - ports.selectors()).map(|i| single(ports.selectors() + i, operands)).collect();
    // What decides is what all results depend on.
    let mut decides: Set = (0..operands).map(|i| i < ports.selectors()).collect();
    loop {
        let mut changed = false;
        let rows: Vec<Set> =
            body.iter().map(|row| union(row, &entering.iter().collect::<Vec<_>>(), operands)).collect();
        for (state, row) in entering[..ports.carried].iter_mut().zip(&rows) {
            changed |= join(state, row);
        }
        if let Some(condition) = ports.condition(&node.regions) {
            let go = &outputs(condition)[0];
            join(&mut decides, &union(go, &entering.iter().collect::<Vec<_>>(), operands));
        }
        if !changed {
            return rows
                .into_iter()
                .enumerate()
                .map(|(i, mut row)| {
                    if i < ports.carried {
                        join(&mut row, &entering[i]);
                    }
                    join(&mut row, &decides);
                    row
                })
                .collect();
        }
    }
}

fn single(position: usize, size: usize) -> Set {
    (0..size).map(|i| i == position).collect()
}
