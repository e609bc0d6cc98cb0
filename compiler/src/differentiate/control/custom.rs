//! Derivatives of functions that say how they are gone back through, and of those that are to be computed again.
//!
//! **`custom_gradient`**: the values that its rule wants are computed beside it, by its first region; the node itself stays, so that a
//! derivative of the derivative follows the rule again. The optimiser merges the two. The way back is the second region. That is linear
//! in the cotangents, so forward mode follows from it: the tangents of the results are what the *transposed* rule makes of those of the
//! operands. A rule that is not linear, say one that clips, is taken at cotangents of 0. Its cotangents of complex values are those that users
//! see, the conjugates of those that other rules have.
//!
//! **`checkpoint`**: the way back takes the operands and cotangents, runs the region again and then back, all in one region that stays
//! apart from the first run. Example, with the cotangent `y^`:
//!
//! ```text
//! y = checkpoint(x) {name = "f", again = false} (f(x) { a = exp(x) y = sin(a) return y })
//! ```
//!
//! becomes
//!
//! ```text
//! y = checkpoint(x) {name = "f", again = false} (f(x) { a = exp(x) y = sin(a) return y })
//! x^ = checkpoint(x, y^) {name = "f_vjp", again = true} (
//!   f_vjp(x, y^) { a = exp(x) c = cos(a) p = mul(y^, c) x^ = mul(p, a) return x^ })
//! ```

use tensorwright_ir::op::control::{Checkpoint, CheckpointRun};
use tensorwright_ir::op::{RegionRule, Results};
use tensorwright_ir::{BuildError, Builder, Graph, Node, Type, Value};

use super::{Site, or_zeros};
use crate::differentiate::conjugates;
use crate::differentiate::reverse::append_vjp;
use crate::differentiate::{DifferentiateError, control::list::or_zeros_like};
use crate::passes::has_effect;

/// Residuals of a function with a gradient of its own: what it keeps for the way back.
pub(in crate::differentiate) struct CustomResiduals {
    backward: Graph,
    /// What it captured, then what it saved.
    inputs: Vec<Value>,
    /// Which operands have cotangents, of how many.
    arguments: Vec<usize>,
    operands: usize,
    /// Positions and types of the results with cotangents.
    results: Vec<(usize, Type)>,
}

pub(super) fn record(
    b: &mut Builder,
    site: &Site<'_>,
    rule: RegionRule,
) -> Result<(Results, CustomResiduals), DifferentiateError> {
    if site.varied[rule.arguments..].contains(&true) {
        return Err(DifferentiateError::Captured { location: site.node.location.clone() });
    }
    let (results, inputs) = run(b, site.node, rule, site.operands)?;
    let float = |b: &Builder, v: Value| b.ty(v).is_differentiable();
    let arguments = (0..rule.arguments).filter(|&i| float(b, site.operands[i])).collect();
    let of_results = (0..rule.results).filter(|&i| float(b, results[i]));
    let residuals = CustomResiduals {
        backward: site.node.regions[1].clone(),
        inputs,
        arguments,
        operands: site.operands.len(),
        results: of_results.map(|i| (i, b.ty(results[i]).clone())).collect(),
    };
    Ok((results, residuals))
}

/// The results, and the first inputs of the second region.
fn run(
    b: &mut Builder,
    node: &Node,
    rule: RegionRule,
    operands: &[Value],
) -> Result<(Results, Vec<Value>), BuildError> {
    let mut results: Results = b.inline(&node.regions[0], operands)?.into();
    let saved: Vec<Value> = results.drain(node.results.len()..).collect();
    // What has an effect must not run twice.
    if !node.regions[0].nodes().iter().any(has_effect) {
        results = b.copy_node(node, operands)?;
    }
    Ok((results, [&operands[rule.arguments..], &saved].concat()))
}

impl CustomResiduals {
    /// Cotangents of the operands.
    pub(super) fn back(
        &self,
        b: &mut Builder,
        cotangents: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>, BuildError> {
        let mut inputs = self.inputs.clone();
        for (result, ty) in &self.results {
            inputs.push(or_zeros(b, cotangents[*result], ty)?);
        }
        let of_results = inputs.split_off(self.inputs.len()).into_iter().map(Some).collect::<Vec<_>>();
        inputs.extend(conjugates(b, &of_results)?.into_iter().flatten());
        let found = b.inline(&self.backward, &inputs)?;
        let found = conjugates(b, &found.into_iter().map(Some).collect::<Vec<_>>())?;
        let mut cotangents = vec![None; self.operands];
        self.arguments.iter().zip(found).for_each(|(&argument, value)| cotangents[argument] = value);
        Ok(cotangents)
    }
}

/// Appends the node and the tangents of its results.
pub(super) fn jvp(
    b: &mut Builder,
    node: &Node,
    rule: RegionRule,
    operands: &[Value],
    tangents: &[Option<Value>],
) -> Result<(Results, Vec<Option<Value>>), DifferentiateError> {
    if tangents[rule.arguments..].iter().any(Option::is_some) {
        return Err(DifferentiateError::Captured { location: node.location.clone() });
    }
    let (results, mut inputs) = run(b, node, rule, operands)?;
    let first = inputs.len();
    let floats: Vec<usize> = (0..rule.results).filter(|&i| b.ty(results[i]).is_differentiable()).collect();
    for &result in &floats {
        let ty = b.ty(results[result]).clone();
        inputs.push(or_zeros(b, None, &ty)?);
    }
    let mut moved = Vec::new();
    for (&operand, &tangent) in operands[..rule.arguments].iter().zip(tangents) {
        if b.ty(operand).is_differentiable() {
            moved.push(Some(or_zeros_like(b, tangent, operand)?));
        }
    }
    let wanted: Vec<bool> = (0..inputs.len()).map(|i| i >= first).collect();
    let moved = conjugates(b, &moved)?;
    let found = append_vjp(b, &node.regions[1], &inputs, &moved, &wanted)?.derivatives;
    let found = conjugates(b, &found)?;
    let mut of_results = vec![None; results.len()];
    floats.iter().zip(&found[first..]).for_each(|(&result, &tangent)| of_results[result] = tangent);
    Ok((results, of_results))
}

/// What a function that is to be computed again keeps for the way back.
pub(in crate::differentiate) struct Replay {
    name: String,
    region: Graph,
    operands: Vec<Value>,
    varied: Vec<bool>,
}

pub(super) fn record_again(
    b: &mut Builder,
    site: &Site<'_>,
    name: &str,
) -> Result<(Results, Replay), BuildError> {
    let results = b.copy_node(site.node, site.operands)?;
    let (region, operands) = (site.node.regions[0].clone(), site.operands.to_vec());
    Ok((results, Replay { name: format!("{name}_vjp"), region, operands, varied: site.varied.to_vec() }))
}

impl Replay {
    /// Cotangents of the operands.
    pub(super) fn back(
        &self,
        b: &mut Builder,
        cotangents: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>, DifferentiateError> {
        let given = cotangents.iter().flatten().copied();
        let inputs: Vec<Value> = self.operands.iter().copied().chain(given).collect();
        let mut inner = Builder::new(&self.name);
        inner.set_location(b.location().cloned());
        let mut own: Vec<Value> = inputs.iter().map(|&v| inner.input(b.ty(v).clone())).collect();
        let mut of_results = own.split_off(self.operands.len()).into_iter();
        let cotangents: Vec<Option<Value>> =
            cotangents.iter().map(|cotangent| cotangent.and_then(|_| of_results.next())).collect();
        let found = append_vjp(&mut inner, &self.region, &own, &cotangents, &self.varied)?.derivatives;
        let outputs: Vec<Value> = found.iter().flatten().copied().collect();
        let op = Checkpoint { name: self.name.clone(), again: CheckpointRun::Again };
        let values = b.push_with_regions(op, &inputs, vec![inner.finish(&outputs)])?;
        let mut values = values.into_iter();
        Ok(found.iter().map(|there| there.and_then(|_| values.next())).collect())
    }
}
