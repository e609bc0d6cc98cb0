//! Control flow of many examples.
//!
//! What they share decides for all of them: the node remains, its regions are batched. Where what decides differs, a branch becomes
//! a selection, and a `while` goes on as long as one example does: the others keep their state, whatever the body makes of it. What a
//! branch or a body computes for an example that does not take it has no consequences: see [`guard`](super::guard).

use tensorwright_ir::op::primitive::{CompareFn, ReduceKind};
use tensorwright_ir::op::{Derivative, Ports, RegionRule, Runs, Selector};
use tensorwright_ir::{BuildError, Builder, DType, Graph, Op, TensorType, Type, Value};

use super::depend::{self, Set, meets};
use super::lists::swapped;
use super::rules::{self, Site};
use super::spread::spread;
use super::{BatchError, Item, Many, append_active, guard};
use crate::passes::has_effect;

impl Site<'_> {
    pub(super) fn control(&mut self, op: &Op) -> Result<Vec<Item>, BatchError> {
        match (op.derivative(), op.ports()) {
            (Derivative::Region(rule), _) => self.with_rule(rule),
            (_, Some(ports)) => self.runs(&ports),
            (_, None) => self.expanded(),
        }
    }

    fn runs(&mut self, ports: &Ports) -> Result<Vec<Item>, BatchError> {
        match ports.runs {
            Runs::Selected(selector) if self.has(0) => self.all_branches(selector),
            Runs::Once | Runs::Again | Runs::Selected(_) => self.regions(ports.selectors()),
            Runs::While => self.while_loop(ports.carried),
            Runs::ForEach { .. } => self.slices(ports.carried, ports.sliced),
        }
    }

    /// For each operand whether it differs.
    fn mask(&self) -> Vec<bool> {
        self.x.iter().map(|item| item.per_example).collect()
    }

    /// For each result whether it differs, as far as `depend` knows. Tokens never do.
    fn result_mask(&self, sets: &[Set], types: &[Type]) -> Vec<bool> {
        let mask = self.mask();
        sets.iter().zip(types).map(|(set, ty)| meets(set, &mask) && !matches!(ty, Type::Token)).collect()
    }

    /// The node with batched regions, which see the operands from `first` on.
    fn regions(&mut self, first: usize) -> Result<Vec<Item>, BatchError> {
        let types = self.node.regions[0].output_types();
        let given = self.result_mask(&depend::results(self.node), &types);
        let taken = &self.mask()[first..];
        let regions = self.node.regions.iter().map(|region| self.region(region, taken, &given));
        let regions = regions.collect::<Result<Vec<_>, _>>()?;
        let operands: Vec<Value> = self.x.iter().map(|item| item.value).chain(self.active).collect();
        let results = self.b.push_with_regions(self.node.op.clone(), &operands, regions)?;
        Ok(items(&results, &given))
    }

    /// The region for many examples; inputs and outputs in the masks have the new axis. The last input says which examples are active,
    /// unless all are.
    fn region(&self, region: &Graph, taken: &[bool], given: &[bool]) -> Result<Graph, BatchError> {
        let mut b = self.inner(region);
        let inputs = rules::inputs(&mut b, region, self.size, taken);
        let active = self.active_input(&mut b);
        let found = append_active(&mut b, region, self.many, &inputs, active)?;
        let found = found.into_iter().zip(given);
        let outputs = found.map(|(item, &own)| as_asked(&mut b, self.size, item, own));
        let outputs = outputs.collect::<Result<Vec<_>, BatchError>>()?;
        Ok(b.finish(&outputs))
    }

    /// An input for what says which examples are active.
    fn active_input(&self, b: &mut Builder) -> Option<Value> {
        self.active.map(|_| b.input(TensorType::new(DType::Bool, [self.size])))
    }

    fn inner(&self, region: &Graph) -> Builder {
        let mut b = Builder::new(region.name());
        b.set_location(self.b.location().cloned());
        b
    }

    /// All branches, and for each example the results of one of them: the last one where no other is selected.
    fn all_branches(&mut self, selector: Selector) -> Result<Vec<Item>, BatchError> {
        self.no_effects()?;
        let node = self.node;
        let value = self.value(0);
        let last = node.regions.len() - 1;
        let chosen = (0..last).map(|branch| is_selected(self.b, selector, value, branch));
        let chosen = chosen.collect::<Result<Vec<Value>, _>>()?;
        let rest = none_of(self.b, &chosen)?;
        let mut results = self.branch(&node.regions[last], rest)?;
        for (region, chosen) in node.regions[..last].iter().zip(chosen) {
            let found = self.branch(region, Some(chosen))?;
            for (result, item) in results.iter_mut().zip(found) {
                *result = self.selected(chosen, item, *result)?;
            }
        }
        Ok(results)
    }

    /// A branch that the chosen examples take, of those that are active; all of them if it is the only one.
    fn branch(&mut self, region: &Graph, chosen: Option<Value>) -> Result<Vec<Item>, BatchError> {
        let active = both(self.b, self.active, chosen)?;
        let inputs = guard::entering(self.b, active, &self.x[1..])?;
        append_active(self.b, region, self.many, &inputs, active)
    }

    /// The first item for the examples in `chosen`, else the second.
    fn selected(&mut self, chosen: Value, yes: Item, no: Item) -> Result<Item, BatchError> {
        match self.b.ty(yes.value) {
            _ if yes == no => return Ok(yes),
            Type::Token => return Ok(yes),
            Type::List(_) => return Err(self.lists_differ()),
            Type::Tensor(_) => {}
        }
        let (yes, no) = (spread(self.b, self.size, yes)?, spread(self.b, self.size, no)?);
        Ok(Item::batched(select_rows(self.b, chosen, yes, no)?))
    }

    fn no_effects(&self) -> Result<(), BatchError> {
        match has_effect(self.node) {
            true => Err(BatchError::Effect { op: self.node.op.name(), location: self.node.location.clone() }),
            false => Ok(()),
        }
    }

    fn while_loop(&mut self, carried: usize) -> Result<Vec<Item>, BatchError> {
        let [condition, body] = &self.node.regions[..] else { unreachable!("a while has two regions") };
        let types = body.output_types();
        let given = self.result_mask(&depend::results(self.node), &types);
        let taken = [&given[..], &self.mask()[carried..]].concat();
        if meets(&depend::outputs(condition)[0], &taken) {
            return self.masked_while(condition, body, &taken);
        }
        let regions = vec![self.common_condition(condition, &taken)?, self.region(body, &taken, &given)?];
        let operands = self.operands(&taken)?;
        let results = self.b.push_with_regions(self.node.op.clone(), &operands, regions)?;
        Ok(items(&results, &given))
    }

    /// The condition that all examples share. Where none is active, the loop ends at once: nobody would miss what it gives, and it might
    /// not end by itself.
    fn common_condition(&self, condition: &Graph, taken: &[bool]) -> Result<Graph, BatchError> {
        let mut b = self.inner(condition);
        let inputs = rules::inputs(&mut b, condition, self.size, taken);
        let active = self.active_input(&mut b);
        let go = append_active(&mut b, condition, self.many, &inputs, active)?;
        let go = as_asked(&mut b, self.size, go[0], false)?;
        let any = active.map(|active| b.reduce(active, ReduceKind::Any, [0usize])).transpose()?;
        let go = both(&mut b, any, Some(go))?;
        Ok(b.finish(go.as_slice()))
    }

    /// The operands, with the new axis where the mask has it, and what says which examples are active.
    fn operands(&mut self, mask: &[bool]) -> Result<Vec<Value>, BatchError> {
        let (b, size) = (&mut *self.b, self.size);
        let operands = self.x.iter().zip(mask).map(|(&item, &own)| as_asked(b, size, item, own));
        operands.chain(self.active.map(Ok)).collect()
    }

    /// A loop that goes on as long as one example does.
    fn masked_while(
        &mut self,
        condition: &Graph,
        body: &Graph,
        taken: &[bool],
    ) -> Result<Vec<Item>, BatchError> {
        self.no_effects()?;
        if let Some(results) = self.alone(taken)? {
            return Ok(results);
        }
        let (many, size, carried) = (self.many, self.size, body.outputs().len());
        let go = {
            let mut b = self.inner(condition);
            let inputs = rules::inputs(&mut b, condition, size, taken);
            let active = self.active_input(&mut b);
            let goes = goes_on(&mut b, many, condition, &inputs, active)?;
            let any = b.reduce(goes, ReduceKind::Any, [0usize])?;
            b.finish(&[any])
        };
        let mut b = self.inner(body);
        let inputs = rules::inputs(&mut b, body, size, taken);
        let active = self.active_input(&mut b);
        let goes = goes_on(&mut b, many, condition, &inputs, active)?;
        let entering = guard::entering(&mut b, Some(goes), &inputs)?;
        let found = append_active(&mut b, body, many, &entering, Some(goes))?;
        let mut outputs = Vec::new();
        for (old, new) in inputs[..carried].iter().zip(found) {
            let mut site = Site { b: &mut b, active, ..*self };
            let next = site.selected(goes, new, *old)?;
            outputs.push(as_asked(&mut b, size, next, old.per_example)?);
        }
        let regions = vec![go, b.finish(&outputs)];
        let operands = self.operands(taken)?;
        let results = self.b.push_with_regions(self.node.op.clone(), &operands, regions)?;
        Ok(items(&results, &taken[..carried]))
    }

    /// A loop over slices: what is sliced has the axis of slices first and that of the examples second.
    fn slices(&mut self, carried: usize, sliced: usize) -> Result<Vec<Item>, BatchError> {
        let body = &self.node.regions[0];
        let types = body.output_types();
        let given = self.result_mask(&depend::results(self.node), &types);
        let taken = [&given[..carried], &self.mask()[carried..]].concat();
        let region = self.region(body, &taken, &given)?;
        let mut operands = self.operands(&taken)?;
        for i in carried..carried + sliced {
            if taken[i] {
                operands[i] = swapped(self.b, operands[i])?;
            }
        }
        let results = self.b.push_with_regions(self.node.op.clone(), &operands, vec![region])?;
        let mut results = items(&results, &given);
        for item in results[carried..].iter_mut().filter(|item| item.per_example) {
            item.value = swapped(self.b, item.value)?;
        }
        Ok(results)
    }

    /// A node with a derivative of its own: cotangents of what the examples share are summed up.
    fn with_rule(&mut self, rule: RegionRule) -> Result<Vec<Item>, BatchError> {
        let [forward, backward] = &self.node.regions[..] else { unreachable!("it has two regions") };
        let (mask, types) = (self.mask(), forward.output_types());
        let sets = depend::outputs(forward);
        let given = self.result_mask(&sets, &types);
        let results = types.len() - rule.saved;
        let floats = (0..rule.results).filter(|&i| types[i].is_differentiable());
        let mut taken = mask[rule.arguments..].to_vec();
        taken.extend_from_slice(&given[results..]);
        taken.extend(floats.map(|i| given[i]));
        let region = self.region(forward, &mask, &given)?;
        let arguments = (0..rule.arguments).filter(|&i| self.types[i].is_differentiable());
        let wanted: Vec<bool> = arguments.map(|i| mask[i]).collect();
        let mut b = self.inner(backward);
        let inputs = rules::inputs(&mut b, backward, self.size, &taken);
        let found = append_active(&mut b, backward, self.many, &inputs, None)?;
        let mut outputs = Vec::new();
        for (item, own) in found.into_iter().zip(wanted) {
            outputs.push(match item.per_example && !own {
                true if b.ty(item.value).as_list().is_some() => return Err(self.lists_differ()),
                true => b.reduce(item.value, ReduceKind::Sum, [0usize])?,
                false => as_asked(&mut b, self.size, item, own)?,
            });
        }
        let regions = vec![region, b.finish(&outputs)];
        let operands: Vec<Value> = self.x.iter().map(|item| item.value).collect();
        let found = self.b.push_with_regions(self.node.op.clone(), &operands, regions)?;
        Ok(items(&found, &given[..results]))
    }
}

/// Where the values of a selector select a branch other than the last.
fn is_selected(
    b: &mut Builder,
    selector: Selector,
    values: Value,
    branch: usize,
) -> Result<Value, BuildError> {
    match selector {
        Selector::Predicate => Ok(values),
        Selector::Index => {
            let number = b.scalar(branch as i32);
            let shape = b.shape(values);
            let number = b.broadcast_to(number, &shape)?;
            b.push_one(CompareFn::Eq, &[values, number])
        }
    }
}

/// Where the loop goes on.
fn goes_on(
    b: &mut Builder,
    many: Many,
    condition: &Graph,
    inputs: &[Item],
    active: Option<Value>,
) -> Result<Value, BatchError> {
    let go = append_active(b, condition, many, inputs, active)?[0];
    let go = spread(b, many.size, go)?;
    Ok(both(b, active, Some(go))?.unwrap_or(go))
}

/// Where both predicates hold; those that are not there hold everywhere.
fn both(b: &mut Builder, one: Option<Value>, other: Option<Value>) -> Result<Option<Value>, BuildError> {
    match (one, other) {
        (Some(one), Some(other)) => b.and(one, other).map(Some),
        (one, other) => Ok(one.or(other)),
    }
}

/// Where none of the predicates holds, if there are any.
fn none_of(b: &mut Builder, predicates: &[Value]) -> Result<Option<Value>, BuildError> {
    let Some((&first, rest)) = predicates.split_first() else { return Ok(None) };
    let any = rest.iter().try_fold(first, |any, &predicate| b.or(any, predicate))?;
    b.not(any).map(Some)
}

/// The value with the new axis, or without it.
pub(super) fn as_asked(b: &mut Builder, size: usize, item: Item, own: bool) -> Result<Value, BatchError> {
    match own {
        true => Ok(spread(b, size, item)?),
        false => {
            debug_assert!(!item.per_example, "`depend` has said what differs");
            Ok(item.value)
        }
    }
}

pub(super) fn items(values: &[Value], mask: &[bool]) -> Vec<Item> {
    values.iter().zip(mask).map(|(&value, &per_example)| Item { value, per_example }).collect()
}

/// Rows of one tensor or another.
pub(super) fn select_rows(
    b: &mut Builder,
    chosen: Value,
    yes: Value,
    no: Value,
) -> Result<Value, BuildError> {
    let shape = b.shape(yes);
    let chosen = match shape.rank() {
        1 => chosen,
        _ => b.broadcast_in_dim(chosen, shape, [0usize])?,
    };
    b.select(chosen, yes, no)
}
