//! Reverse mode: cotangents go back through the nodes, last node first.

use std::borrow::Cow;

use tensorwright_ir::op::Primal;
use tensorwright_ir::{BuildError, Builder, Copier, Graph, Node, Value};

use super::activity::{masked, useful, varied};
use super::control::{Residuals, Site};
use super::prepare::prepare;
use super::{Appended, DifferentiateError, Rules, all_empty, rule};

/// Appends `graph` to `b`, with `inputs` in place of its inputs, and the cotangents of its inputs.
///
/// `cotangents` has one entry for each output, of its type; `None` is zero, as it must be for outputs that are no floats.
/// `wanted` says for each input whether its cotangent is asked for, and [`Appended::derivatives`] has one entry for each.
/// Where several uses of a value have cotangents, these are added in the order in which the sweep meets them: outputs first,
/// then uses from the last to the first. New nodes carry the locations of the nodes of `graph` that they belong to. Fails as
/// [`vjp`](super::vjp) does.
pub fn append_vjp(
    b: &mut Builder,
    graph: &Graph,
    inputs: &[Value],
    cotangents: &[Option<Value>],
    wanted: &[bool],
) -> Result<Appended, DifferentiateError> {
    let active: Vec<bool> = cotangents.iter().map(Option::is_some).collect();
    let recording = Recording::append(b, graph, inputs, wanted, &active)?;
    let outputs = recording.outputs();
    Ok(Appended { outputs, derivatives: recording.back(b, cotangents, &vec![None; inputs.len()])? })
}

/// A graph that was appended and can be gone back through.
pub(super) struct Recording<'g> {
    graph: Cow<'g, Graph>,
    /// What stands for the values of the original.
    values: Copier,
    varied: Vec<bool>,
    /// For each node what control flow keeps for the way back.
    saved: Vec<Option<Residuals>>,
}

impl<'g> Recording<'g> {
    /// Appends the graph. Cotangents of the `wanted` inputs will be asked for, given those of the `active` outputs.
    pub(super) fn append(
        b: &mut Builder,
        graph: &'g Graph,
        inputs: &[Value],
        wanted: &[bool],
        active: &[bool],
    ) -> Result<Recording<'g>, DifferentiateError> {
        let graph = prepare(graph, wanted, active)?;
        let (varied, useful) = (varied(&graph, wanted), useful(&graph, active));
        let mut values = Copier::with_inputs(&graph, inputs);
        let mut saved = Vec::with_capacity(graph.nodes().len());
        for node in graph.nodes() {
            let (of_operands, of_results) = (masked(&varied, &node.operands), masked(&varied, &node.results));
            let of_results: Vec<bool> =
                of_results.iter().zip(&node.results).map(|(&v, y)| v && useful[y.index()]).collect();
            let mut residuals = None;
            match of_results.contains(&true).then(|| rule(node)) {
                Some(Rules::Regions) => values.place(b, node, |b, operands| {
                    let site = Site { node, operands, varied: &of_operands, active: &of_results };
                    let (results, recorded) = site.record(b)?;
                    residuals = Some(recorded);
                    Ok::<_, DifferentiateError>(results)
                })?,
                _ => values.copy(b, node)?,
            };
            saved.push(residuals);
        }
        Ok(Recording { graph, values, varied, saved })
    }

    /// What stands for the outputs.
    pub(super) fn outputs(&self) -> Vec<Value> {
        self.values.values(self.graph.outputs()).into_vec()
    }

    /// Appends the way back, from cotangents of the outputs to those of the inputs. `sums` has for each input what its cotangents are
    /// added to.
    pub(super) fn back(
        &self,
        b: &mut Builder,
        cotangents: &[Option<Value>],
        sums: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>, DifferentiateError> {
        let Recording { graph, values, varied, saved } = self;
        let outer = b.location().cloned();
        let mut sweep = Sweep { b: &mut *b, values, varied, sums: vec![None; graph.values().len()] };
        for (&input, &sum) in graph.inputs().iter().zip(sums) {
            sweep.sums[input.index()] = sum;
        }
        for (&output, &cotangent) in graph.outputs().iter().zip(cotangents) {
            sweep.add(output, cotangent)?;
        }
        for (node, residuals) in graph.nodes().iter().zip(saved).rev() {
            sweep.step(node, residuals.as_ref())?;
        }
        let sums = sweep.sums;
        b.set_location(outer);
        Ok(graph.inputs().iter().map(|v| sums[v.index()]).collect())
    }
}

struct Sweep<'b> {
    b: &'b mut Builder,
    values: &'b Copier,
    varied: &'b [bool],
    /// The cotangents so far.
    sums: Vec<Option<Value>>,
}

impl Sweep<'_> {
    /// Adds to the cotangent of a value, if anything that is asked for depends on it.
    fn add(&mut self, value: Value, cotangent: Option<Value>) -> Result<(), BuildError> {
        if self.varied[value.index()] {
            let sum = &mut self.sums[value.index()];
            *sum = self.b.add_derivatives(*sum, cotangent)?;
        }
        Ok(())
    }

    fn step(&mut self, node: &Node, residuals: Option<&Residuals>) -> Result<(), DifferentiateError> {
        let cotangents: Vec<Option<Value>> = node.results.iter().map(|v| self.sums[v.index()]).collect();
        let wanted = masked(self.varied, &node.operands);
        if cotangents.iter().all(Option::is_none) || !wanted.contains(&true) {
            return Ok(());
        }
        self.b.set_location(node.location.clone());
        match (residuals, rule(node)) {
            (Some(residuals), _) => self.step_through(node, residuals, &cotangents),
            (None, Rules::Op(_)) if self.has_nothing(node, &wanted) => self.add_zeros(node),
            (None, Rules::Op(rule)) => {
                let operands = self.values.values(&node.operands);
                let results = self.values.values(&node.results);
                let (op, operands, results, wanted) = (&node.op, &operands[..], &results[..], &wanted[..]);
                let mut primal = Primal { b: &mut *self.b, op, operands, results, wanted };
                for (&operand, cotangent) in node.operands.iter().zip(rule.vjp(&mut primal, &cotangents)?) {
                    self.add(operand, cotangent)?;
                }
                Ok(())
            }
            (None, Rules::Nothing | Rules::Regions) => Ok(()),
        }
    }

    /// A node with regions adds to the sums by itself; to that of an operand which it takes twice, once.
    fn step_through(
        &mut self,
        node: &Node,
        residuals: &Residuals,
        cotangents: &[Option<Value>],
    ) -> Result<(), DifferentiateError> {
        let of_operand = |(i, v): (usize, &Value)| match node.operands[..i].contains(v) {
            false => self.sums[v.index()],
            true => None,
        };
        let sums: Vec<Option<Value>> = node.operands.iter().enumerate().map(of_operand).collect();
        let found = residuals.back(self.b, cotangents, &sums)?;
        for ((&operand, sum), found) in node.operands.iter().zip(sums).zip(found) {
            match sum {
                Some(_) => self.sums[operand.index()] = found,
                None => self.add(operand, found)?,
            }
        }
        Ok(())
    }

    /// Whether no result has elements, or no operand that is asked for: then no rule is needed.
    fn has_nothing(&self, node: &Node, wanted: &[bool]) -> bool {
        let results = self.values.values(&node.results);
        let operands = self.values.values(&node.operands);
        let asked = operands.iter().zip(wanted).filter(|(_, wanted)| **wanted);
        all_empty(self.b, results.iter()) || all_empty(self.b, asked.map(|(value, _)| value))
    }

    /// Adds zeros to the cotangents of the operands.
    fn add_zeros(&mut self, node: &Node) -> Result<(), DifferentiateError> {
        for (&operand, value) in node.operands.iter().zip(self.values.values(&node.operands)) {
            if self.varied[operand.index()] {
                let zero = self.b.full_like(0.0, value)?;
                self.add(operand, Some(zero))?;
            }
        }
        Ok(())
    }
}
