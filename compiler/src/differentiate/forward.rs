//! Forward mode: tangents go along with the nodes.

use tensorwright_ir::op::{Primal, Results};
use tensorwright_ir::{BuildError, Builder, Copier, Graph, Node, Value};

use super::activity::{masked, useful};
use super::prepare::prepare;
use super::{Appended, DifferentiateError, Rules, all_empty, control, rule};

/// Appends `graph` to `b`, with `inputs` in place of its inputs, and the tangents of its outputs.
///
/// `tangents` has one entry for each input, of its type; `None` is zero, as it must be for inputs that are no floats.
/// [`Appended::derivatives`] has one entry for each output. New nodes carry the locations of the nodes of `graph` that they
/// belong to. Fails as [`jvp`](super::jvp) does.
pub fn append_jvp(
    b: &mut Builder,
    graph: &Graph,
    inputs: &[Value],
    tangents: &[Option<Value>],
) -> Result<Appended, DifferentiateError> {
    append_jvp_of(b, graph, inputs, tangents, &vec![true; graph.outputs().len()])
}

/// Appends a graph and the tangents of some of its outputs; see [`append_jvp`].
pub(super) fn append_jvp_of(
    b: &mut Builder,
    graph: &Graph,
    inputs: &[Value],
    tangents: &[Option<Value>],
    outputs: &[bool],
) -> Result<Appended, DifferentiateError> {
    let active: Vec<bool> = tangents.iter().map(Option::is_some).collect();
    let graph = prepare(graph, &active, outputs)?;
    let useful = useful(&graph, outputs);
    let (values, none) = (Copier::with_inputs(&graph, inputs), vec![None; graph.values().len()]);
    let mut sweep = Sweep { b: &mut *b, useful, values, tangents: none };
    for (&input, &tangent) in graph.inputs().iter().zip(tangents) {
        sweep.tangents[input.index()] = tangent;
    }
    let outer = sweep.b.location().cloned();
    for node in graph.nodes() {
        sweep.step(node)?;
    }
    let Sweep { b, values, tangents, .. } = sweep;
    b.set_location(outer);
    let of_output = |(v, &wanted): (&Value, &bool)| tangents[v.index()].filter(|_| wanted);
    Ok(Appended {
        outputs: values.values(graph.outputs()).into_vec(),
        derivatives: graph.outputs().iter().zip(outputs).map(of_output).collect(),
    })
}

struct Sweep<'b> {
    b: &'b mut Builder,
    useful: Vec<bool>,
    /// What stands for the values of the original.
    values: Copier,
    tangents: Vec<Option<Value>>,
}

impl Sweep<'_> {
    fn step(&mut self, node: &Node) -> Result<(), DifferentiateError> {
        let operands = self.values.values(&node.operands);
        let tangents: Vec<Option<Value>> = node.operands.iter().map(|v| self.tangents[v.index()]).collect();
        let of_use = masked(&self.useful, &node.results);
        let active = of_use.contains(&true) && tangents.iter().any(Option::is_some);
        let rules = if active { rule(node) } else { Rules::Nothing };
        if matches!(rules, Rules::Regions) {
            self.b.set_location(node.location.clone());
            let (results, found) = control::jvp(self.b, node, &operands, &tangents, &of_use)?;
            self.put(node, &results, found);
            return Ok(());
        }
        let results = self.b.copy_node(node, &operands)?;
        let found = match rules {
            Rules::Op(_) if self.has_nothing(&operands, &tangents, &results) => self.zeros(&results)?,
            Rules::Op(rule) => {
                self.b.set_location(node.location.clone());
                let wanted = vec![false; operands.len()];
                let (op, operands, results, wanted) = (&node.op, &operands[..], &results[..], &wanted[..]);
                let mut primal = Primal { b: &mut *self.b, op, operands, results, wanted };
                rule.jvp(&mut primal, &tangents)?.into_vec()
            }
            Rules::Nothing | Rules::Regions => vec![None; results.len()],
        };
        self.put(node, &results, found);
        Ok(())
    }

    /// Whether no result has elements, or no operand with a tangent: then no rule is needed.
    fn has_nothing(&self, operands: &[Value], tangents: &[Option<Value>], results: &[Value]) -> bool {
        let moving = operands.iter().zip(tangents).filter(|(_, tangent)| tangent.is_some());
        all_empty(self.b, results.iter()) || all_empty(self.b, moving.map(|(value, _)| value))
    }

    fn zeros(&mut self, results: &[Value]) -> Result<Vec<Option<Value>>, BuildError> {
        let zero = |&value: &Value| {
            let is_float = self.b.ty(value).is_differentiable();
            is_float.then(|| self.b.full_like(0.0, value)).transpose()
        };
        results.iter().map(zero).collect()
    }

    fn put(&mut self, node: &Node, results: &Results, tangents: Vec<Option<Value>>) {
        self.values.set_all(&node.results, results);
        for (old, tangent) in node.results.iter().zip(tangents) {
            self.tangents[old.index()] = tangent.filter(|_| self.useful[old.index()]);
        }
    }
}
