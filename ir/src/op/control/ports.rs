//! Ports of ops with regions: how the inputs of the regions come from the operands, how the results come from their outputs, and how
//! often each of them runs. What an op says here the type rule, the passes, differentiation, batching and the executor read.
//!
//! Operands stand in this order, and so do the inputs of each region, which takes all of them but the first kind:
//!
//! | operands | what a region takes |
//! |---|---|
//! | selectors | nothing: they choose the region that runs |
//! | carried | state: the operand in the first run, then what the body gave |
//! | sliced | the slice of the run along axis 0 |
//! | invariants | the operand |
//!
//! A body gives the next state, then one output for each other result: the result itself, or a slice of it if the op runs once for
//! each slice. Results are in the same order. A condition gives one bool, and a rule is there for differentiation alone.

use super::rule::{self, Expected};
use crate::op::{RegionName, TypeError, Types};
use crate::{DType, Graph, TensorType, Type};

/// The ports of an op with regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Which regions run, and how often.
    pub runs: Runs,
    /// The number of operands that are state.
    pub carried: usize,
    /// The number of operands that are taken slice by slice.
    pub sliced: usize,
    /// The number of outputs of the body, its last ones, that are no results.
    pub hidden: usize,
}

/// Which regions of an op run, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// The first region, once. Other regions are rules.
    Once,
    /// The only region, once, apart from what is around it: it computes again what may be known there.
    Again,
    /// One of the regions, once: the one that operand 0 selects.
    Selected(Selector),
    /// The second region, as long as the first, the condition, gives true: never, or any number of times.
    While,
    /// The only region, once for each slice.
    ForEach {
        /// The number of slices.
        length: usize,
        /// Which slice comes first.
        order: Order,
    },
}

/// An operand that selects a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// A bool scalar: the first region if it holds, else the second.
    Predicate,
    /// An i32 scalar: the region of this number, or the last one if there is none.
    Index,
}

/// The order of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The first slice first.
    Forward,
    /// The last slice first.
    Backward,
    /// Any, or all at a time: runs do not depend on each other.
    Any,
}

/// The part that a region has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its outputs are the next state and the results.
    Body,
    /// Its only output, a bool, says whether the body runs. It takes what the body takes.
    Condition,
    /// It does not run: differentiation asks for it.
    Rule,
}

/// The way of an operand into the regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// State, which changes from run to run.
    Carried,
    /// A slice, another one in each run.
    Sliced,
    /// The operand, the same in each run.
    Invariant,
}

impl Selector {
    /// The region that this value selects, of so many.
    pub fn region(self, value: i128, regions: usize) -> usize {
        match self {
            Selector::Predicate => usize::from(value == 0),
            Selector::Index => usize::try_from(value).unwrap_or(usize::MAX).min(regions.saturating_sub(1)),
        }
    }

    fn ty(self) -> TensorType {
        TensorType::scalar(match self {
            Selector::Predicate => DType::Bool,
            Selector::Index => DType::I32,
        })
    }

    fn role(self) -> &'static str {
        match self {
            Selector::Predicate => "the predicate",
            Selector::Index => "the index",
        }
    }
}

impl Order {
    /// The slice of run number `run`, of so many.
    pub fn slice(self, run: usize, length: usize) -> usize {
        match self {
            Order::Forward | Order::Any => run,
            Order::Backward => length - 1 - run,
        }
    }

    /// The order of the way back.
    pub fn reversed(self) -> Order {
        match self {
            Order::Forward => Order::Backward,
            Order::Backward => Order::Forward,
            Order::Any => Order::Any,
        }
    }
}

impl Ports {
    /// Ports without state and slices.
    pub const fn plain(runs: Runs) -> Ports {
        Ports { runs, carried: 0, sliced: 0, hidden: 0 }
    }

    /// The number of operands in front that no region takes.
    pub fn selectors(&self) -> usize {
        usize::from(matches!(self.runs, Runs::Selected(_)))
    }

    /// The first input that is an invariant.
    pub fn first_invariant(&self) -> usize {
        self.carried + self.sliced
    }

    /// The way by which this input of the regions comes from its operand.
    pub fn feed(&self, input: usize) -> Feed {
        match input {
            _ if input < self.carried => Feed::Carried,
            _ if input < self.first_invariant() => Feed::Sliced,
            _ => Feed::Invariant,
        }
    }

    /// The type of this input of the regions, for an operand of the type. What has no slices keeps its type; the op will say so.
    pub fn input_type(&self, input: usize, operand: &Type) -> Type {
        if self.feed(input) == Feed::Sliced { slice_of(operand) } else { operand.clone() }
    }

    /// The type of this output of a body, for a result of the type.
    pub fn output_type(&self, output: usize, result: &Type) -> Type {
        if self.stacks() && output >= self.carried { slice_of(result) } else { result.clone() }
    }

    /// The part that the region number `region` has.
    pub fn role(&self, region: usize) -> Role {
        match (self.runs, region) {
            (Runs::While, 0) => Role::Condition,
            (Runs::Once, 1..) => Role::Rule,
            _ => Role::Body,
        }
    }

    /// The regions whose outputs are the state and the results.
    pub fn bodies<'g>(&self, regions: &'g [Graph]) -> &'g [Graph] {
        match self.runs {
            Runs::Once => &regions[..1],
            Runs::While => &regions[1..],
            Runs::Again | Runs::Selected(_) | Runs::ForEach { .. } => regions,
        }
    }

    /// The region that says whether the body runs.
    pub fn condition<'g>(&self, regions: &'g [Graph]) -> Option<&'g Graph> {
        regions.first().filter(|_| self.role(0) == Role::Condition)
    }

    /// Whether a region runs in turns, with slices or until a condition fails.
    pub fn is_loop(&self) -> bool {
        matches!(self.runs, Runs::While | Runs::ForEach { .. })
    }

    /// Whether the op is a loop whose runs come one after the other.
    pub fn is_sequential(&self) -> bool {
        self.is_loop() && !matches!(self.runs, Runs::ForEach { order: Order::Any, .. })
    }

    /// Whether a region can run more than once.
    pub fn repeats(&self) -> bool {
        match self.runs {
            Runs::Once | Runs::Again | Runs::Selected(_) => false,
            Runs::While => true,
            Runs::ForEach { length, .. } => length > 1,
        }
    }

    /// Whether a body runs at least once in any case.
    pub fn surely_runs(&self) -> bool {
        match self.runs {
            Runs::Once | Runs::Again | Runs::Selected(_) => true,
            Runs::While => false,
            Runs::ForEach { length, .. } => length > 0,
        }
    }

    /// Whether results behind the state are stacks of what the runs give.
    pub fn stacks(&self) -> bool {
        matches!(self.runs, Runs::ForEach { .. })
    }

    /// What the type rule calls a region.
    fn name(&self, region: usize) -> RegionName {
        match (self.runs, self.role(region)) {
            (_, Role::Condition) => RegionName::Condition,
            (_, Role::Rule) => RegionName::Backward,
            (Runs::Selected(Selector::Predicate), _) if region == 0 => RegionName::Then,
            (Runs::Selected(Selector::Predicate), _) => RegionName::Else,
            (Runs::Selected(Selector::Index), _) => RegionName::Branch(region),
            (Runs::Once | Runs::Again | Runs::While | Runs::ForEach { .. }, Role::Body) => RegionName::Body,
        }
    }

    /// What the op's attribute with the number of sliced operands is called.
    fn sliced_attribute(&self) -> &'static str {
        match self.runs {
            Runs::ForEach { order: Order::Any, .. } => "mapped",
            _ => "scanned",
        }
    }
}

/// The type of a slice of a tensor. What has no slices is its own.
fn slice_of(ty: &Type) -> Type {
    match ty {
        Type::Tensor(ty) if ty.rank() > 0 => rule::slice_of(ty).into(),
        ty => ty.clone(),
    }
}

/// The typing judgement of ports: result types out of operand types and regions. Both have been counted.
pub(in crate::op) fn infer(ports: &Ports, operands: &[&Type], regions: &[Graph]) -> Result<Types, TypeError> {
    let (inputs, state) = inputs(ports, operands)?;
    let mut outputs: Option<Vec<Expected>> = None;
    for (position, region) in regions.iter().enumerate().filter(|(i, _)| ports.role(*i) != Role::Rule) {
        let name = ports.name(position);
        rule::takes(region, name, &inputs)?;
        match (ports.role(position), &outputs) {
            (Role::Condition, _) => rule::decides(region)?,
            (_, Some(outputs)) => rule::gives(region, name, outputs)?,
            (_, None) if ports.runs == Runs::While => rule::gives(region, name, &state)?,
            (_, None) => rule::gives_first(region, name, &state)?,
        }
        if ports.role(position) == Role::Body && outputs.is_none() {
            outputs = Some(rule::of_outputs(region, name));
        }
    }
    results(ports, outputs.unwrap_or_default())
}

/// The types that each region takes, and those of the state.
fn inputs(ports: &Ports, operands: &[&Type]) -> Result<(Vec<Expected>, Vec<Expected>), TypeError> {
    if let Runs::Selected(selector) = ports.runs {
        rule::operand_is(operands, 0, selector.role(), selector.ty())?;
    }
    let first = ports.selectors();
    rule::has_operands("carried", ports.carried.checked_add(first), operands)?;
    let all = ports.carried.checked_add(ports.sliced).and_then(|n| n.checked_add(first));
    rule::has_operands(ports.sliced_attribute(), all, operands)?;
    let (first_slice, first_invariant) = (first + ports.carried, first + ports.first_invariant());
    let state = rule::of_operands(&operands[first..first_slice], first);
    let mut inputs = state.clone();
    if let Runs::ForEach { length, .. } = ports.runs {
        inputs.extend(rule::slices(&operands[first_slice..first_invariant], first_slice, length)?);
    }
    inputs.extend(rule::of_operands(&operands[first_invariant..], first_invariant));
    Ok((inputs, state))
}

/// The types of the results of a body with these outputs.
fn results(ports: &Ports, outputs: Vec<Expected>) -> Result<Types, TypeError> {
    let mut types: Types = outputs.into_iter().map(|(ty, _)| ty).collect();
    let given = types.len().checked_sub(ports.hidden).filter(|&given| given >= ports.carried);
    let Some(given) = given else {
        let what = format!("the body gives {} values, fewer than results and what is saved", types.len());
        return Err(TypeError::attribute("saved", what));
    };
    types.truncate(given);
    if let Runs::ForEach { length, .. } = ports.runs {
        let stacks = rule::stacks(&types[ports.carried..], length)?;
        types.truncate(ports.carried);
        types.extend(stacks);
    }
    Ok(types)
}
