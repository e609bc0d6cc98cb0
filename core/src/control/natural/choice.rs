//! `if`: one side of a plain condition; both sides, and what they make of variables, of a tensor.

use hashbrown::HashMap;
use tensorwright_ir::op::control::If;
use tensorwright_ir::{Scalar, Shape, Value};

use super::super::agree::{self, Parties};
use super::super::branch::check_scalar;
use super::super::region::{self, Captures};
use super::carry::{Carrier, Content, Copied, Saved, filler, flag_element};
use super::logic::Condition;
use crate::error::{CallSite, Result, caller};
use crate::interpret::Operand;
use crate::interpret::trace::{CaptureId, Captured, Input, Output, Region, Session};
use crate::tensor::identity::{made_as, same};
use crate::{DType, Tensor};

/// Where a driver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before anything has run.
    Start,
    /// The first side of an `if`.
    Then,
    /// The other side.
    Else,
    /// The condition of a loop.
    Test,
    /// The body of a loop.
    Body,
    /// After everything.
    Done,
}

/// The driver of an `if`.
pub struct Choice {
    at: CallSite,
    phase: Phase,
    /// The condition, if a run decides.
    traced: Option<Traced>,
    /// Whether it guards what a jump skips. Then there is nothing on the other side.
    guards: bool,
}

struct Traced {
    predicate: Tensor,
    before: Vec<Saved>,
    session: Option<Session>,
    sides: Vec<Side>,
}

/// What a side made of the variables.
struct Side {
    after: Vec<Saved>,
    /// For each variable for each of its tensors.
    outlets: Vec<Vec<Outlet>>,
    region: Region,
}

#[derive(Clone, Copy)]
enum Outlet {
    /// It is what it was.
    Same,
    /// A result of the region.
    Result(usize),
}

impl Choice {
    /// An `if`.
    ///
    /// # Errors
    /// When the condition is a tensor, but no bool scalar.
    #[track_caller]
    pub fn new(condition: Condition) -> Result<Choice> {
        Choice::begin(condition, false, caller())
    }

    /// What runs unless a jump was taken.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn guard(condition: Condition) -> Result<Choice> {
        Choice::begin(condition, true, caller())
    }

    fn begin(condition: Condition, guards: bool, at: CallSite) -> Result<Choice> {
        let (phase, traced) = match condition {
            Condition::Known(true) => (Phase::Then, None),
            Condition::Known(false) => (Phase::Else, None),
            Condition::Traced(predicate) => {
                check_scalar(&predicate, "if", DType::Bool, at)?;
                let traced = Traced { predicate, before: Vec::new(), session: None, sides: Vec::new() };
                (Phase::Start, Some(traced))
            }
        };
        Ok(Choice { at, phase, traced, guards })
    }

    /// What to do now.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Ends a phase.
    ///
    /// # Errors
    /// When the sides disagree about a variable, or a variable carries an error.
    pub fn step(&mut self, carriers: &mut [Carrier<'_>]) -> Result<()> {
        let Some(traced) = &mut self.traced else {
            self.phase = Phase::Done;
            return Ok(());
        };
        match self.phase {
            Phase::Start => {
                traced.before = save(carriers, self.at)?;
                traced.session = Some(Session::begin_region("then"));
                self.phase = Phase::Then;
            }
            Phase::Then => {
                traced.end_side(carriers, self.at)?;
                traced.session = Some(Session::begin_region("else"));
                self.phase = Phase::Else;
                if self.guards {
                    return self.step(carriers);
                }
            }
            _ => {
                traced.end_side(carriers, self.at)?;
                traced.merge(carriers, self.guards, self.at)?;
                self.phase = Phase::Done;
            }
        }
        Ok(())
    }
}

pub(super) fn save(carriers: &[Carrier<'_>], at: CallSite) -> Result<Vec<Saved>> {
    carriers.iter().map(|carrier| carrier.save(at)).collect()
}

impl Traced {
    /// Ends a side's region, and puts the variables back.
    fn end_side(&mut self, carriers: &mut [Carrier<'_>], at: CallSite) -> Result<()> {
        let session = self.session.take().expect("a side has a region");
        let after = save(carriers, at)?;
        let (mut results, mut outlets) = (Vec::new(), Vec::new());
        for (before, after) in self.before.iter().zip(&after) {
            outlets.push(outlets_of(&session, before, after, &mut results, at)?);
        }
        self.sides.push(Side { after, outlets, region: session.finish_region(0, &results) });
        carriers.iter_mut().zip(&self.before).for_each(|(carrier, before)| carrier.load(before));
        Ok(())
    }

    fn merge(&mut self, carriers: &mut [Carrier<'_>], guards: bool, at: CallSite) -> Result<()> {
        let (mut outputs, mut plans) = (Vec::new(), Vec::new());
        for (i, before) in self.before.iter().enumerate() {
            let sides = [&self.sides[0], &self.sides[1]];
            plans.push(plan(i, before, sides, guards, &mut outputs, at)?);
        }
        let results = self.record(&outputs, at)?;
        for (i, (carrier, plan)) in carriers.iter_mut().zip(plans).enumerate() {
            match plan {
                Merged::Keep => {}
                Merged::Load { side } => carrier.load(&self.sides[side].after[i]),
                Merged::Flag { result } => carrier.set_flag(results[result].clone()),
                Merged::Tree { side, sources } => {
                    let made = self.sides[side].after[i].tensors();
                    let tensors = sources.into_iter().zip(made).map(|(source, made)| match source {
                        Source::Kept(tensor) => tensor,
                        // Messages show where the value was made, not where the sides meet.
                        Source::Result(result) => made_as(&results[result], made),
                    });
                    carrier.load_with(&self.sides[side].after[i], tensors.collect());
                }
            }
        }
        Ok(())
    }

    fn record(&self, outputs: &[[Sided; 2]], at: CallSite) -> Result<Vec<Tensor>> {
        let regions: Vec<&Region> = self.sides.iter().map(|side| &side.region).collect();
        let mut captures = Captures::of(&regions);
        if outputs.is_empty() && captures.changes.is_empty() {
            return Ok(Vec::new());
        }
        captures.add(outputs.iter().flatten().filter_map(|sided| match sided {
            Sided::Before(tensor) => Some(Captured::Tensor(tensor.clone())),
            Sided::Result(_) | Sided::Fill(..) => None,
        }));
        let inputs = captures.inputs(0, 0);
        let positions: Positions = inputs.iter().map(captured_id).zip(0..).collect();
        let graphs = regions.iter().enumerate().map(|(side, region)| {
            let output = |sided: &[Sided; 2]| sided[side].output(&positions);
            let outputs: Vec<Output> = outputs.iter().map(output).chain(captures.outputs(0, 0)).collect();
            region::graph(region, &inputs, &outputs, at)
        });
        let graphs = graphs.collect::<Result<Vec<_>>>()?;
        let operands: Vec<Operand<'_>> =
            [Operand::Tensor(&self.predicate)].into_iter().chain(captures.operands(&[], &[])).collect();
        Ok(region::record(If {}, &operands, graphs, &captures, outputs.len(), at)?.into_vec())
    }
}

/// The values that a region gives for a variable.
fn outlets_of(
    session: &Session,
    before: &Saved,
    after: &Saved,
    results: &mut Vec<Value>,
    at: CallSite,
) -> Result<Vec<Outlet>> {
    let mut outlets = Vec::new();
    for (i, tensor) in after.tensors().iter().enumerate() {
        if before.tensors().get(i).is_some_and(|before| same(before, tensor)) {
            outlets.push(Outlet::Same);
            continue;
        }
        outlets.push(Outlet::Result(results.len()));
        results.push(session.output(tensor, at).map_err(|failure| (*failure).clone())?);
    }
    Ok(outlets)
}

/// What becomes of a variable after both sides.
enum Merged {
    /// It stays what it was.
    Keep,
    /// It is what it was after the side.
    Load { side: usize },
    /// A run decides.
    Flag { result: usize },
    /// As after the side, with other tensors.
    Tree { side: usize, sources: Vec<Source> },
}

enum Source {
    Kept(Tensor),
    Result(usize),
}

/// One output of the op, as one of its regions gives it.
#[derive(Clone)]
enum Sided {
    Result(usize),
    Before(Tensor),
    Fill(Scalar, Shape),
}

impl Sided {
    fn output(&self, positions: &Positions) -> Output {
        match self {
            Sided::Result(i) => Output::Result(*i),
            Sided::Fill(element, shape) => Output::Fill(*element, shape.clone()),
            Sided::Before(tensor) => {
                let id = Captured::Tensor(tensor.clone()).id();
                Output::Input(*positions.get(&id).expect("it is among the captures"))
            }
        }
    }
}

/// Inputs by what they capture.
type Positions = HashMap<Option<CaptureId>, usize>;

fn captured_id(input: &Input) -> Option<CaptureId> {
    match input {
        Input::Captured(captured) => captured.id(),
        Input::Argument(_) | Input::Unused(_) => None,
    }
}

fn plan(
    i: usize,
    before: &Saved,
    sides: [&Side; 2],
    guards: bool,
    outputs: &mut Vec<[Sided; 2]>,
    at: CallSite,
) -> Result<Merged> {
    match [&sides[0].after[i].0, &sides[1].after[i].0] {
        [Content::Opaque, _] | [_, Content::Opaque] => Ok(Merged::Keep),
        [Content::Known(l), Content::Known(r)] if l == r => Ok(Merged::Load { side: 0 }),
        // What is guarded is skipped because a flag is up: it stays up.
        [Content::Known(false), Content::Flag(_)] if guards => Ok(Merged::Keep),
        [Content::Known(_) | Content::Flag(_), _] => {
            outputs.push([0, 1].map(|side| sides[side].flag(i, before)));
            Ok(Merged::Flag { result: outputs.len() - 1 })
        }
        [Content::Empty, Content::Empty] => Ok(Merged::Load { side: 0 }),
        [Content::Full(full), Content::Empty] => one_sided(i, full, sides, 0, before, outputs),
        [Content::Empty, Content::Full(full)] => one_sided(i, full, sides, 1, before, outputs),
        [Content::Full(l), Content::Full(r)] | [Content::Variable(l), Content::Variable(r)] => {
            agree::check_shown(&l.shown, &r.shown, Parties::Branches(0, 1), at)?;
            let tensors = before.tensors();
            let sources = (0..l.tensors.len()).map(|j| {
                let outlets = [0, 1].map(|side| sides[side].outlets[i][j]);
                if let [Outlet::Same, Outlet::Same] = outlets {
                    return Source::Kept(tensors[j].clone());
                }
                outputs.push(outlets.map(|outlet| sided(outlet, tensors, j)));
                Source::Result(outputs.len() - 1)
            });
            Ok(Merged::Tree { side: 0, sources: sources.collect() })
        }
        _ => unreachable!("a variable stays a variable, a flag a flag, a slot a slot"),
    }
}

/// A slot that one side filled: the other gives something that nobody reads.
fn one_sided(
    i: usize,
    full: &Copied,
    sides: [&Side; 2],
    side: usize,
    before: &Saved,
    outputs: &mut Vec<[Sided; 2]>,
) -> Result<Merged> {
    let mut sources = Vec::new();
    for (j, tensor) in full.tensors.iter().enumerate() {
        let (element, shape) = filler(tensor)?;
        let mut pair = [Sided::Fill(element, shape.clone()), Sided::Fill(element, shape)];
        pair[side] = sided(sides[side].outlets[i][j], before.tensors(), j);
        outputs.push(pair);
        sources.push(Source::Result(outputs.len() - 1));
    }
    Ok(Merged::Tree { side, sources })
}

fn sided(outlet: Outlet, before: &[Tensor], j: usize) -> Sided {
    match outlet {
        Outlet::Same => Sided::Before(before[j].clone()),
        Outlet::Result(result) => Sided::Result(result),
    }
}

impl Side {
    fn flag(&self, i: usize, before: &Saved) -> Sided {
        match &self.after[i].0 {
            Content::Known(known) => {
                let (element, shape) = flag_element(*known);
                Sided::Fill(element, shape)
            }
            _ => sided(self.outlets[i][0], before.tensors(), 0),
        }
    }
}
