//! Reverse mode through `if`, `case` and `call`.
//!
//! The forward node has further results: *slots* that the regions share. A region puts what it saves into slots of the right
//! type, in their order, and zeros into those that are left. The backward node takes them, and the operands that a region needs
//! again. Example, with the cotangent `y^` of the result:
//!
//! ```text
//! y = if(p, x) (then(x) { y = exp(x) return y }, else(x) { y = sin(x) return y })
//! ```
//!
//! becomes
//!
//! ```text
//! y, s = if(p, x) (then(x) { y = exp(x) return y, y }, else(x) { y = sin(x) z = 0 return y, z })
//! x^ = if(p, x, s, y^) (then(x, s, y^) { x^ = mul(y^, s) return x^ },
//!                       else(x, s, y^) { c = cos(x) x^ = mul(y^, c) return x^ })
//! ```

use tensorwright_ir::op::control::Call;
use tensorwright_ir::op::{Derivative, Results};
use tensorwright_ir::{BuildError, Builder, Graph, Op, Type, Value};

use super::split::Back;
use super::{Fate, Gone, Request, Site, Split, or_zeros, set_positions};
use crate::differentiate::DifferentiateError;

/// Residuals of a node that runs one of its regions: what it keeps for the way back.
pub(in crate::differentiate) struct BranchResiduals {
    op: Op,
    splits: Vec<Split>,
    /// For each region the slot of each saved value.
    slots: Vec<Vec<usize>>,
    /// Values in front of the regions' inputs.
    selector: Vec<Value>,
    /// What stands for the regions' inputs.
    inputs: Vec<Value>,
    /// Values of the slots.
    saved: Vec<Value>,
    /// Positions and types of the results that have cotangents.
    active: Vec<(usize, Type)>,
}

pub(super) fn record(
    b: &mut Builder,
    site: &Site<'_>,
) -> Result<(Results, BranchResiduals), DifferentiateError> {
    let flow = site.flow();
    let selector = flow.ports.selectors();
    let wanted = flow.varied_inputs(site.varied);
    let (fates, summed) = (vec![Fate::AtHand; wanted.len()], vec![false; wanted.len()]);
    let (active, kept_outputs) = (site.active, usize::MAX);
    let request = Request { wanted: &wanted, active, fates: &fates, runs: 1, summed: &summed, kept_outputs };
    let splits = split(&site.node.regions, &request)?;
    let (types, slots) = share(&splits);
    let forward = splits.iter().zip(&slots);
    let forward = forward.map(|(split, slots)| with_slots(split, slots, &types, site.node.results.len()));
    let forward = forward.collect::<Result<Vec<_>, _>>()?;
    let mut results = b.push_with_regions(site.node.op.clone(), site.operands, forward)?;
    let saved = results.drain(site.node.results.len()..).collect();
    let active = set_positions(active).into_iter().map(|i| (i, b.ty(results[i]).clone())).collect();
    let (selector, inputs) = site.operands.split_at(selector);
    let (selector, inputs) = (selector.to_vec(), inputs.to_vec());
    let op = site.node.op.clone();
    Ok((results, BranchResiduals { op, splits, slots, selector, inputs, saved, active }))
}

/// The regions taken apart. Cotangents that are zeros, but for what some region adds to them here and there, are sums of all regions: one
/// that adds nothing hands them on.
fn split(regions: &[Graph], request: &Request<'_>) -> Result<Vec<Split>, DifferentiateError> {
    let gone = regions.iter().map(|region| Gone::through(region, request)).collect::<Result<Vec<_>, _>>()?;
    let back = gone.iter().map(|gone| gone.back(request.summed)).collect::<Result<Vec<_>, _>>()?;
    let mut summed = vec![false; request.wanted.len()];
    for back in &back {
        summed.iter_mut().zip(back.spread()).for_each(|(summed, spread)| *summed |= spread);
    }
    if !summed.contains(&true) {
        return back.into_iter().map(Back::split).collect();
    }
    gone.iter().map(|gone| gone.back(&summed)?.split()).collect()
}

/// Types of the slots, and for each region the slot of each of its saved values.
fn share(splits: &[Split]) -> (Vec<Type>, Vec<Vec<usize>>) {
    let mut types: Vec<Type> = Vec::new();
    let mut slots_of = |split: &Split| {
        let mut taken = vec![false; types.len()];
        let mut slot = |&output: &usize| {
            let ty = split.forward.ty(split.forward.outputs()[output]);
            let found = (0..types.len()).find(|&i| !taken[i] && types[i] == *ty);
            let slot = found.unwrap_or_else(|| {
                types.push(ty.clone());
                taken.push(false);
                types.len() - 1
            });
            taken[slot] = true;
            slot
        };
        split.saved.iter().map(&mut slot).collect()
    };
    let slots = splits.iter().map(&mut slots_of).collect();
    (types, slots)
}

/// The forward part, with what it saves in its slots.
fn with_slots(split: &Split, slots: &[usize], types: &[Type], results: usize) -> Result<Graph, BuildError> {
    let mut b = Builder::continuing(&split.forward, split.forward.nodes().len()).expect("inputs come first");
    let mut values: Vec<Option<Value>> = vec![None; types.len()];
    for (&slot, &output) in slots.iter().zip(&split.saved) {
        values[slot] = Some(split.forward.outputs()[output]);
    }
    let mut outputs = split.forward.outputs()[..results].to_vec();
    for (value, ty) in values.into_iter().zip(types) {
        outputs.push(or_zeros(&mut b, value, ty)?);
    }
    Ok(b.finish(&outputs))
}

/// Inputs of the regions that the way back is about.
struct Taken {
    /// Those that a region takes again.
    given: Vec<usize>,
    /// Those with cotangents that the regions add to a sum.
    summed: Vec<usize>,
    /// Those with cotangents.
    wanted: Vec<usize>,
}

impl BranchResiduals {
    /// Cotangents of the operands, added to `sums`.
    pub(super) fn back(
        &self,
        b: &mut Builder,
        cotangents: &[Option<Value>],
        sums: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>, BuildError> {
        let has = |of_input: &dyn Fn(&Split, usize) -> bool| -> Vec<usize> {
            (0..self.inputs.len()).filter(|&i| self.splits.iter().any(|split| of_input(split, i))).collect()
        };
        let given = has(&|split, input| split.given.contains(&input));
        let taken = Taken {
            given,
            summed: has(&|split, input| split.sums.contains(&input)),
            wanted: has(&|split, input| split.cotangents[input].is_some()),
        };
        let mut operands: Vec<Value> = taken.given.iter().map(|&input| self.inputs[input]).collect();
        operands.extend(&self.saved);
        for (result, ty) in &self.active {
            operands.push(or_zeros(b, cotangents[*result], ty)?);
        }
        let first = self.selector.len();
        for &input in &taken.summed {
            let ty = b.ty(self.inputs[input]).clone();
            operands.push(or_zeros(b, sums[first + input], &ty)?);
        }
        let types: Vec<Type> = operands.iter().map(|&v| b.ty(v).clone()).collect();
        let regions = (0..self.splits.len()).map(|i| self.region(b, i, &types, &taken));
        let regions = regions.collect::<Result<Vec<_>, _>>()?;
        let operands = [&self.selector[..], &operands].concat();
        let found = b.push_with_regions(self.backward_op(), &operands, regions)?;
        let mut results = sums.to_vec();
        for (input, &value) in taken.wanted.iter().zip(&found) {
            let sum = results[first + input].filter(|_| !taken.summed.contains(input));
            results[first + input] = b.add_derivatives(sum, Some(value))?;
        }
        Ok(results)
    }

    fn backward_op(&self) -> Op {
        match (&self.op, self.op.derivative()) {
            (Op::Call(Call { name }), _) => Call { name: format!("{name}_vjp") }.into(),
            (_, Derivative::Again { name }) => Call { name: format!("{name}_vjp") }.into(),
            (other, _) => other.clone(),
        }
    }

    /// The backward region for a region: its backward part, on its own among the inputs.
    fn region(
        &self,
        b: &Builder,
        position: usize,
        types: &[Type],
        taken: &Taken,
    ) -> Result<Graph, BuildError> {
        let split = &self.splits[position];
        b.region(split.backward.name(), types, |b, inputs| {
            let (of_given, rest) = inputs.split_at(taken.given.len());
            let (slots, rest) = rest.split_at(self.saved.len());
            let (cotangents, sums) = rest.split_at(self.active.len());
            let own = taken.given.iter().zip(of_given).filter(|(input, _)| split.given.contains(input));
            let mut own: Vec<Value> = own.map(|(_, &value)| value).collect();
            own.extend(self.slots[position].iter().map(|&slot| slots[slot]));
            own.extend(cotangents);
            let of_sums = taken.summed.iter().zip(sums);
            own.extend(of_sums.clone().filter(|(input, _)| split.sums.contains(input)).map(|(_, &sum)| sum));
            let found = b.inline(&split.backward, &own)?;
            let of_input = |&input: &usize| {
                let ty = self.input_type(split, input);
                let cotangent = split.cotangents[input].map(|output| found[output]);
                let sum = of_sums.clone().find(|(summed, _)| **summed == input).map(|(_, &sum)| sum);
                or_zeros(b, cotangent.or(sum), &ty)
            };
            taken.wanted.iter().map(of_input).collect::<Result<Vec<_>, _>>()
        })
    }

    fn input_type(&self, split: &Split, input: usize) -> Type {
        split.forward.ty(split.forward.inputs()[input]).clone()
    }
}
