//! How derivatives get into, through and out of the regions of a node.
//!
//! A [`Relation`] says for each output of a graph, or result of a node, which inputs or operands it depends on differentiably.
//! It is worked out once for each region, from the inside out; whatever activity a caller asks for then is a matter of looking
//! it up. Asking regions anew for each round of a loop would take time exponential in their depth.

use tensorwright_ir::op::{Derivative, Ports};
use tensorwright_ir::{Graph, Node, Value};

use crate::differentiate::activity::{is_float, passes};

/// A set of inputs or operands.
type Set = Vec<bool>;

/// For each output the inputs that it depends on differentiably.
#[derive(Clone, Debug)]
struct Relation(Vec<Set>);

impl Relation {
    fn of(graph: &Graph) -> Relation {
        let inputs = graph.inputs().len();
        let mut sets: Vec<Set> = vec![vec![false; inputs]; graph.values().len()];
        for (i, &input) in graph.inputs().iter().enumerate() {
            sets[input.index()][i] = is_float(graph, input);
        }
        for node in graph.nodes().iter().filter(|node| passes(node)) {
            let of_results = of_results(graph, node, &sets, inputs);
            for (&result, set) in node.results.iter().zip(of_results) {
                sets[result.index()] = set;
            }
        }
        Relation(graph.outputs().iter().map(|v| sets[v.index()].clone()).collect())
    }

    /// The outputs that depend on one of these inputs.
    fn outputs(&self, inputs: &[bool]) -> Set {
        self.0.iter().map(|row| row.iter().zip(inputs).any(|(&r, &i)| r && i)).collect()
    }

    /// The inputs that one of these outputs depends on.
    fn inputs(&self, outputs: &[bool], count: usize) -> Set {
        let mut inputs = vec![false; count];
        for (row, _) in self.0.iter().zip(outputs).filter(|(_, of_use)| **of_use) {
            join(&mut inputs, row);
        }
        inputs
    }
}

/// Adds a set to another; says whether that changed it.
fn join(set: &mut Set, other: &[bool]) -> bool {
    let mut changed = false;
    for (s, &o) in set.iter_mut().zip(other) {
        changed |= o && !*s;
        *s |= o;
    }
    changed
}

/// Of each result the inputs of the graph that it depends on.
fn of_results(graph: &Graph, node: &Node, sets: &[Set], inputs: usize) -> Vec<Set> {
    let flow = Flow::of(node);
    let of_result = |(position, &result): (usize, &Value)| {
        let mut set = vec![false; inputs];
        let operands = node.operands.iter().enumerate();
        let depends = |operand: usize| flow.as_ref().is_none_or(|flow| flow.results.0[position][operand]);
        if is_float(graph, result) {
            operands.filter(|(i, _)| depends(*i)).for_each(|(_, v)| {
                join(&mut set, &sets[v.index()]);
            });
        }
        set
    };
    node.results.iter().enumerate().map(of_result).collect()
}

/// How derivatives get through a node with regions.
#[derive(Clone, Debug)]
pub(in crate::differentiate) struct Flow {
    pub(in crate::differentiate) ports: Ports,
    /// Of the outputs of regions on the inputs, whichever region runs.
    body: Relation,
    /// For each input of the regions the operands that it depends on when one of the runs begins.
    entering: Vec<Set>,
    /// Of results on operands.
    results: Relation,
}

impl Flow {
    /// The flow through a node; `None` if it has no regions, or says itself how it is differentiated.
    pub(in crate::differentiate) fn of(node: &Node) -> Option<Flow> {
        if !matches!(node.op.derivative(), Derivative::Regions | Derivative::Again { .. }) {
            return None;
        }
        let ports = node.op.ports()?;
        let mut regions = ports.bodies(&node.regions).iter().map(Relation::of);
        let mut body = regions.next()?;
        for other in regions {
            body.0.iter_mut().zip(&other.0).for_each(|(row, other)| {
                join(row, other);
            });
        }
        let entering = entering(node, ports, &body);
        let results = results(node, ports, &body, &entering);
        Some(Flow { ports, body, entering, results })
    }

    /// The results that depend on one of these operands.
    pub(in crate::differentiate) fn varied_results(&self, operands: &[bool]) -> Vec<bool> {
        self.results.outputs(operands)
    }

    /// The operands that one of these results depends on.
    pub(in crate::differentiate) fn useful_operands(&self, results: &[bool]) -> Vec<bool> {
        self.results.inputs(results, self.ports.selectors() + self.entering.len())
    }

    /// The inputs of regions that depend on one of these operands.
    pub(in crate::differentiate) fn varied_inputs(&self, operands: &[bool]) -> Vec<bool> {
        let meets = |set: &Set| set.iter().zip(operands).any(|(&s, &o)| s && o);
        self.entering.iter().map(meets).collect()
    }

    /// The operands that an input of the regions depends on.
    pub(in crate::differentiate) fn origins(&self, input: usize) -> &[bool] {
        &self.entering[input]
    }

    /// The outputs of regions that one of these results depends on: state also through the runs that follow.
    pub(in crate::differentiate) fn useful_outputs(&self, results: &[bool]) -> Vec<bool> {
        let mut outputs = results.to_vec();
        loop {
            let inputs = self.body.inputs(&outputs, self.entering.len());
            let carried = self.ports.carried;
            if !join(&mut outputs, &inputs[..carried]) {
                return outputs;
            }
        }
    }

    /// For each output of regions, when these operands vary and these results are of use, whether it needs a derivative.
    pub(super) fn active_outputs(&self, operands: &[bool], results: &[bool]) -> Vec<bool> {
        let (inputs, of_use) = (self.varied_inputs(operands), self.useful_outputs(results));
        let mut varied = self.body.outputs(&inputs);
        varied[..self.ports.carried].copy_from_slice(&inputs[..self.ports.carried]);
        varied.iter().zip(of_use).map(|(&varied, of_use)| varied && of_use).collect()
    }
}

/// For each input the operands that it depends on when a run begins: for state, what earlier runs brought there too.
fn entering(node: &Node, ports: Ports, body: &Relation) -> Vec<Set> {
    let region = &node.regions[0];
    let own = |(i, &input): (usize, &Value)| {
        let mut set = vec![false; node.operands.len()];
        set[ports.selectors() + i] = is_float(region, input);
        set
    };
    let mut entering: Vec<Set> = region.inputs().iter().enumerate().map(own).collect();
    loop {
        let mut changed = false;
        for state in 0..ports.carried {
            let after = leaving(&body.0[state], &entering, node.operands.len());
            changed |= join(&mut entering[state], &after);
        }
        if !changed {
            return entering;
        }
    }
}

/// The operands that an output depends on which depends on these inputs.
fn leaving(row: &[bool], entering: &[Set], operands: usize) -> Set {
    let mut set = vec![false; operands];
    row.iter().zip(entering).filter(|(depends, _)| **depends).for_each(|(_, from)| {
        join(&mut set, from);
    });
    set
}

fn results(node: &Node, ports: Ports, body: &Relation, entering: &[Set]) -> Relation {
    // Else the result is the state at the start of the run that there is not.
    let runs = ports.surely_runs();
    let of_output = |(i, row): (usize, &Set)| match runs || i >= ports.carried {
        true => leaving(row, entering, node.operands.len()),
        false => entering[i].clone(),
    };
    Relation(body.0.iter().enumerate().map(of_output).collect())
}
