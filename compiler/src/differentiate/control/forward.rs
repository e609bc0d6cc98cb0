//! Forward mode of every op with regions: the node with tangents beside values.

use tensorwright_ir::op::{Derivative, Results, Role};
use tensorwright_ir::{Builder, Graph, Node, Op, Value};

use super::list::{self, or_zeros_like};
use super::{Flow, custom};
use crate::differentiate::{DifferentiateError, forward::append_jvp_of};

/// Appends the node and the tangents of those results that `useful` asks for. Tangents of state are carried behind the state,
/// those of slices and invariants come behind these; and so with results.
pub(in crate::differentiate) fn jvp(
    b: &mut Builder,
    node: &Node,
    operands: &[Value],
    tangents: &[Option<Value>],
    useful: &[bool],
) -> Result<(Results, Vec<Option<Value>>), DifferentiateError> {
    if let Derivative::Region(rule) = node.op.derivative() {
        return custom::jvp(b, node, rule, operands, tangents);
    }
    let Some(flow) = Flow::of(node) else { return Ok(list::jvp(b, node, operands, tangents)?) };
    let wide = Wide::new(flow, tangents, useful);
    let operands = wide.operands(b, node, operands, tangents)?;
    let regions = node.regions.iter().enumerate().map(|(i, region)| match wide.flow.ports.role(i) {
        Role::Body => wide.region(b, region),
        Role::Condition | Role::Rule => wide.copied(b, region),
    });
    let regions = regions.collect::<Result<Vec<_>, _>>()?;
    let mut found = b.push_with_regions(wide.op(&node.op), &operands, regions)?.into_iter();
    let mut results = vec![None; node.results.len()];
    let mut of_results = vec![None; node.results.len()];
    for group in wide.output_groups() {
        group.clone().for_each(|i| results[i] = found.next());
        group.filter(|&i| wide.outputs[i]).for_each(|i| of_results[i] = found.next());
    }
    Ok((results.into_iter().flatten().collect(), of_results))
}

/// A node with tangents.
struct Wide {
    flow: Flow,
    /// The regions' inputs that have tangents.
    inputs: Vec<bool>,
    /// The regions' outputs that have tangents.
    outputs: Vec<bool>,
}

impl Wide {
    fn new(flow: Flow, tangents: &[Option<Value>], useful: &[bool]) -> Wide {
        let varied: Vec<bool> = tangents.iter().map(Option::is_some).collect();
        let outputs = flow.active_outputs(&varied, useful);
        let mut inputs = flow.varied_inputs(&varied);
        // What no later run needs has no tangent either.
        let carried = flow.ports.carried;
        inputs[..carried].copy_from_slice(&outputs[..carried]);
        Wide { flow, inputs, outputs }
    }

    /// State, slices, invariants.
    fn input_groups(&self) -> [std::ops::Range<usize>; 3] {
        let (carried, invariant) = (self.flow.ports.carried, self.flow.ports.first_invariant());
        [0..carried, carried..invariant, invariant..self.inputs.len()]
    }

    /// State, all else.
    fn output_groups(&self) -> [std::ops::Range<usize>; 2] {
        let carried = self.flow.ports.carried;
        [0..carried, carried..self.outputs.len()]
    }

    fn operands(
        &self,
        b: &mut Builder,
        node: &Node,
        operands: &[Value],
        tangents: &[Option<Value>],
    ) -> Result<Vec<Value>, DifferentiateError> {
        let selector = self.flow.ports.selectors();
        let mut wide = operands[..selector].to_vec();
        debug_assert_eq!(operands.len() - selector, node.regions[0].inputs().len());
        for group in self.input_groups() {
            wide.extend(group.clone().map(|i| operands[selector + i]));
            for i in group.filter(|&i| self.inputs[i]) {
                wide.push(or_zeros_like(b, tangents[selector + i], operands[selector + i])?);
            }
        }
        Ok(wide)
    }

    /// The builder of a region, the values and the tangents of its inputs.
    fn inputs(&self, b: &Builder, region: &Graph) -> (Builder, Vec<Value>, Vec<Option<Value>>) {
        let mut inner = Builder::new(region.name());
        inner.set_location(b.location().cloned());
        let (mut values, mut tangents) = (Vec::new(), vec![None; self.inputs.len()]);
        for group in self.input_groups() {
            values.extend(group.clone().map(|i| inner.input_like(region, region.inputs()[i])));
            for i in group.filter(|&i| self.inputs[i]) {
                tangents[i] = Some(inner.input(region.ty(region.inputs()[i]).clone()));
            }
        }
        (inner, values, tangents)
    }

    /// A region that looks at values alone, as the condition of a loop does.
    fn copied(&self, b: &Builder, region: &Graph) -> Result<Graph, DifferentiateError> {
        let (mut inner, values, _) = self.inputs(b, region);
        let outputs = inner.inline(region, &values)?;
        Ok(inner.finish(&outputs))
    }

    fn region(&self, b: &Builder, region: &Graph) -> Result<Graph, DifferentiateError> {
        if !self.outputs.contains(&true) {
            return self.copied(b, region);
        }
        let (mut inner, values, tangents) = self.inputs(b, region);
        let appended = append_jvp_of(&mut inner, region, &values, &tangents, &self.outputs)?;
        let mut outputs = Vec::new();
        for group in self.output_groups() {
            outputs.extend_from_slice(&appended.outputs[group.clone()]);
            for i in group.filter(|&i| self.outputs[i]) {
                outputs.push(or_zeros_like(&mut inner, appended.derivatives[i], appended.outputs[i])?);
            }
        }
        Ok(inner.finish(&outputs))
    }

    fn op(&self, op: &Op) -> Op {
        let [state, sliced, _] = self.input_groups();
        let width = |group: std::ops::Range<usize>| {
            group.len() + self.inputs[group].iter().filter(|&&active| active).count()
        };
        op.with_counts(width(state), width(sliced)).expect("its operands can come and go")
    }
}
