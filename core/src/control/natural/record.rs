//! How a loop that a tensor decides becomes one op: its body is traced once, then its condition.

use tensorwright_ir::op::control::{Scan, While};
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, UnaryFn};
use tensorwright_ir::{DType, Scalar, TensorType, Type, Value};

use super::super::agree::{self, Parties};
use super::super::branch::check_scalar;
use super::super::region::{self, Captures};
use super::carry::{Carrier, Content, Copied, Saved, filler, flag_element};
use super::choice::{Phase, save};
use super::trip::Trip;
use crate::Tensor;
use crate::error::{CallSite, Result};
use crate::interpret::Operand;
use crate::interpret::one;
use crate::interpret::trace::{Input, Output, Region, Session};
use crate::tensor::identity::same;
use crate::tree::tensors::{type_of, types_of};

/// The record of a loop.
pub(super) struct Recorder {
    trip: Trip,
    at: CallSite,
    before: Vec<Saved>,
    session: Option<Session>,
    inputs: Inputs,
    body: Option<LoopBody>,
}

/// What a region's arguments stand for. They are numbered variable by variable, then come the counter and the slice.
#[derive(Default)]
struct Inputs {
    /// For each variable, its tensors' placeholders.
    variables: Vec<Vec<Tensor>>,
    counter: Option<Tensor>,
    slice: Option<Tensor>,
    flags: Vec<Tensor>,
    count: usize,
}

/// The traced body.
struct LoopBody {
    after: Vec<Saved>,
    region: Region,
    /// State of the op, in order.
    states: Vec<State>,
    /// Variables that the body reads only: numbers of arguments, and tensors.
    invariants: Vec<(usize, Tensor)>,
    /// How many arguments the regions share.
    arguments: usize,
}

/// One tensor that the loop carries.
struct State {
    place: Owner,
    ty: Type,
    /// The argument of the body that it is, if it reads it.
    argument: Option<usize>,
    output: Output,
    initial: Tensor,
}

/// Whose tensor it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Variable { carrier: usize, tensor: usize },
    Slot { carrier: usize },
    Flag { carrier: usize },
    Counter,
}

impl Recorder {
    pub(super) fn new(trip: Trip, at: CallSite) -> Recorder {
        Recorder { trip, at, before: Vec::new(), session: None, inputs: Inputs::default(), body: None }
    }

    /// The item of the iteration that is traced.
    pub(super) fn item(&self) -> Result<Tensor> {
        let item = match (&self.trip, &self.inputs.slice, &self.inputs.counter) {
            (_, Some(slice), _) => slice.clone(),
            (Trip::Slices { xs, .. }, _, Some(counter)) => xs.i_at(counter, self.at),
            (Trip::Count(range), _, Some(counter)) => range.item(counter),
            (_, _, Some(counter)) => counter.clone(),
            _ => unreachable!("`for` counts or slices"),
        };
        item.ok()
    }

    /// Begins the body.
    pub(super) fn start(&mut self, carriers: &mut [Carrier<'_>]) -> Result<Phase> {
        self.before = save(carriers, self.at)?;
        let session = Session::begin_region("body");
        self.inputs = self.arguments(&session)?;
        if let Trip::Slices { slice, jumps: false, .. } = &self.trip {
            self.inputs.slice = Some(session.input(slice.clone(), "", self.at));
            self.inputs.count += 1;
        }
        self.session = Some(session);
        self.show_placeholders(carriers);
        Ok(Phase::Body)
    }

    /// Arguments for the variables and the counter.
    fn arguments(&self, session: &Session) -> Result<Inputs> {
        let mut inputs = Inputs::default();
        for before in &self.before {
            let tensors = match &before.0 {
                Content::Variable(copied) => copied.tensors.as_slice(),
                _ => &[],
            };
            let types = types_of(tensors)?;
            inputs.count += types.len();
            inputs.variables.push(types.into_iter().map(|ty| session.input(ty, "", self.at)).collect());
        }
        if let Some(dtype) = self.trip.counter() {
            inputs.counter = Some(session.input(TensorType::scalar(dtype), "", self.at));
            inputs.count += 1;
        }
        Ok(inputs)
    }

    fn show_placeholders(&self, carriers: &mut [Carrier<'_>]) {
        for ((carrier, before), inputs) in carriers.iter_mut().zip(&self.before).zip(&self.inputs.variables) {
            match &before.0 {
                Content::Variable(_) => carrier.load_with(before, inputs.clone()),
                _ => carrier.clear(),
            }
        }
    }

    fn restore(&self, carriers: &mut [Carrier<'_>]) {
        carriers.iter_mut().zip(&self.before).for_each(|(carrier, before)| carrier.load(before));
    }

    /// Ends the body, and begins the condition if there is one.
    pub(super) fn end_body(&mut self, carriers: &mut [Carrier<'_>]) -> Result<Phase> {
        let after = save(carriers, self.at)?;
        let mut found = Found { states: Vec::new(), results: Vec::new(), invariants: Vec::new() };
        let session = self.session.take().expect("the body has a region");
        let mut argument = 0;
        for (i, (before, after)) in self.before.iter().zip(&after).enumerate() {
            let inputs = &self.inputs.variables[i];
            found.carrier(i, before, after, (argument, inputs), &session, self.at)?;
            argument += inputs.len();
        }
        if let Some(counter) = &self.inputs.counter {
            let ty = counter.ty()?.clone();
            let step = Tensor::scalar_at(Scalar::one(ty.dtype), self.at);
            let next = one(BinaryFn::Add, &[counter, &step], self.at);
            let output = found.result(&next, &session, self.at)?;
            let initial = Scalar::zero(ty.dtype);
            // Its constant is made outside, when the op is recorded.
            let initial = Initial::Element(initial);
            found.states.push((Owner::Counter, ty.into(), Some(argument), output, initial));
        }
        let region = session.finish_region(self.inputs.count, &found.results);
        self.restore(carriers);
        let states = found.states.into_iter().map(|(place, ty, argument, output, initial)| {
            let initial = initial.tensor(&ty, self.at);
            State { place, ty, argument, output, initial }
        });
        let states = states.collect();
        let arguments = self.inputs.count;
        self.body = Some(LoopBody { after, region, states, invariants: found.invariants, arguments });
        match &self.trip {
            Trip::Slices { jumps: false, .. } => self.record_scan(carriers),
            Trip::While => self.begin_test(carriers).map(|()| Phase::Test),
            _ => {
                self.begin_test(carriers)?;
                self.end_test(carriers, None)
            }
        }
    }

    fn begin_test(&mut self, carriers: &mut [Carrier<'_>]) -> Result<()> {
        let session = Session::begin_region("condition");
        let mut inputs = self.arguments(&session)?;
        let is_flag = |state: &&State| matches!(state.place, Owner::Flag { .. });
        let flags = self.body().states.iter().filter(is_flag);
        inputs.flags = flags.map(|flag| session.input(flag.ty.clone(), "", self.at)).collect();
        self.inputs = inputs;
        self.session = Some(session);
        self.show_placeholders(carriers);
        Ok(())
    }

    fn body(&self) -> &LoopBody {
        self.body.as_ref().expect("the body is traced first")
    }

    /// Ends the condition, and records the loop.
    pub(super) fn end_test(
        &mut self,
        carriers: &mut [Carrier<'_>],
        predicate: Option<Tensor>,
    ) -> Result<Phase> {
        let predicate = self.whole_predicate(predicate)?;
        let session = self.session.take().expect("the condition has a region");
        let value = session.output(&predicate, self.at).map_err(|failure| (*failure).clone())?;
        let arguments = self.inputs.count + self.inputs.flags.len();
        let condition = session.finish_region(arguments, &[value]);
        self.restore(carriers);
        self.record_while(&condition, carriers)
    }

    /// The user's condition, the counter's, and that no jump was taken.
    fn whole_predicate(&self, predicate: Option<Tensor>) -> Result<Tensor> {
        let at = self.at;
        let mut parts: Vec<Tensor> = Vec::new();
        if let Some(predicate) = predicate {
            check_scalar(&predicate, "while", DType::Bool, at)?;
            parts.push(predicate);
        }
        if let Some(counter) = &self.inputs.counter {
            parts.push(one(CompareFn::Lt, &[counter, &self.trip.limit(at)], at));
        }
        parts.extend(self.inputs.flags.iter().map(|flag| one(UnaryFn::Not, &[flag], at)));
        let both = |l: Tensor, r: Tensor| one(BinaryFn::And, &[&l, &r], at);
        Ok(parts.into_iter().reduce(both).unwrap_or_else(|| Tensor::scalar_at(Scalar::one(DType::Bool), at)))
    }

    fn record_while(&mut self, condition: &Region, carriers: &mut [Carrier<'_>]) -> Result<Phase> {
        let body = self.body();
        let captures = Captures::of(&[condition, &body.region]);
        if body.states.iter().all(|state| state.place == Owner::Counter) && captures.changes.is_empty() {
            return Ok(Phase::Done);
        }
        let mut flag = body.arguments;
        let of_condition = |state: &State| match state.place {
            Owner::Flag { .. } => {
                flag += 1;
                Input::Argument(flag - 1)
            }
            _ => state.input(),
        };
        let for_condition: Vec<Input> = body.states.iter().map(of_condition).collect();
        let for_body: Vec<Input> = body.states.iter().map(State::input).collect();
        let outputs = body.outputs(&captures);
        let graphs = vec![
            region::graph(
                condition,
                &body.inputs(for_condition, &captures, &[]),
                &[Output::Result(0)],
                self.at,
            )?,
            region::graph(&body.region, &body.inputs(for_body, &captures, &[]), &outputs, self.at)?,
        ];
        let operands = body.operands(&captures, &[]);
        let op = While { carried: outputs.len() };
        let results = region::record(op, &operands, graphs, &captures, body.states.len(), self.at)?;
        self.give(&results, carriers);
        Ok(Phase::Done)
    }

    fn record_scan(&mut self, carriers: &mut [Carrier<'_>]) -> Result<Phase> {
        let Trip::Slices { xs, length, .. } = &self.trip else { unreachable!("slices are scanned") };
        let body = self.body();
        let captures = Captures::of(&[&body.region]);
        if body.states.is_empty() && captures.changes.is_empty() {
            return Ok(Phase::Done);
        }
        let slice = Input::Argument(body.arguments - 1);
        let inputs = body.inputs(body.states.iter().map(State::input).collect(), &captures, &[slice]);
        let outputs = body.outputs(&captures);
        let graph = region::graph(&body.region, &inputs, &outputs, self.at)?;
        let operands = body.operands(&captures, &[xs]);
        let scan = Scan { carried: outputs.len(), scanned: 1, length: *length, reverse: false };
        let results = region::record(scan, &operands, vec![graph], &captures, body.states.len(), self.at)?;
        self.give(&results, carriers);
        Ok(Phase::Done)
    }

    /// Gives the variables what the loop makes of them.
    fn give(&self, results: &[Tensor], carriers: &mut [Carrier<'_>]) {
        let body = self.body();
        let mut tensors: Vec<Vec<Tensor>> =
            self.before.iter().map(|saved| saved.tensors().to_vec()).collect();
        let mut slots: Vec<Vec<Tensor>> = vec![Vec::new(); carriers.len()];
        for (state, result) in body.states.iter().zip(results) {
            match state.place {
                Owner::Variable { carrier, tensor } => tensors[carrier][tensor] = result.clone(),
                Owner::Slot { carrier } => slots[carrier].push(result.clone()),
                Owner::Flag { carrier } => carriers[carrier].set_flag(result.clone()),
                Owner::Counter => {}
            }
        }
        for (i, (tensors, slots)) in tensors.into_iter().zip(slots).enumerate() {
            match (&self.before[i].0, &body.after[i].0) {
                (Content::Variable(_), _) => carriers[i].load_with(&self.before[i], tensors),
                (_, Content::Full(_)) => carriers[i].load_with(&body.after[i], slots),
                _ => {}
            }
        }
    }
}

impl State {
    fn input(&self) -> Input {
        match self.argument {
            Some(argument) => Input::Argument(argument),
            None => Input::Unused(self.ty.clone()),
        }
    }
}

impl LoopBody {
    /// Inputs of a region: state, what ops change, slices, what is only read, what is captured.
    fn inputs(&self, states: Vec<Input>, captures: &Captures, slices: &[Input]) -> Vec<Input> {
        let captured = captures.inputs(0, 0);
        let (changes, captured) = captured.split_at(captures.changes.len());
        let invariants = self.invariants.iter().map(|(argument, _)| Input::Argument(*argument));
        let mut inputs = states;
        inputs.extend(changes.iter().chain(slices).cloned());
        inputs.extend(invariants.chain(captured.iter().cloned()));
        inputs
    }

    /// The operands that go with [`LoopBody::inputs`].
    fn operands<'b>(&'b self, captures: &'b Captures, slices: &[&'b Tensor]) -> Vec<Operand<'b>> {
        let captured = captures.operands(&[], &[]);
        let (changes, captured) = captured.split_at(captures.changes.len());
        let states = self.states.iter().map(|state| Operand::Tensor(&state.initial));
        let slices = slices.iter().map(|&slice| Operand::Tensor(slice));
        let invariants = self.invariants.iter().map(|(_, tensor)| Operand::Tensor(tensor));
        let rest = slices.chain(invariants).chain(captured.iter().copied());
        states.chain(changes.iter().copied()).chain(rest).collect()
    }

    fn outputs(&self, captures: &Captures) -> Vec<Output> {
        self.states.iter().map(|state| state.output.clone()).chain(captures.outputs(0, 0)).collect()
    }
}

/// What a state is at first; constants belong to the trace around the loop, and are made there.
enum Initial {
    Tensor(Tensor),
    Element(Scalar),
}

impl Initial {
    fn tensor(self, ty: &Type, at: CallSite) -> Tensor {
        match self {
            Initial::Tensor(tensor) => tensor,
            Initial::Element(element) => Tensor::scalar_at(element, at).broadcast_at(&ty.tensor().shape, at),
        }
    }
}

/// What the end of a body shows.
struct Found {
    states: Vec<(Owner, Type, Option<usize>, Output, Initial)>,
    results: Vec<Value>,
    invariants: Vec<(usize, Tensor)>,
}

impl Found {
    fn result(&mut self, tensor: &Tensor, session: &Session, at: CallSite) -> Result<Output> {
        self.results.push(session.output(tensor, at).map_err(|failure| (*failure).clone())?);
        Ok(Output::Result(self.results.len() - 1))
    }

    fn carrier(
        &mut self,
        carrier: usize,
        before: &Saved,
        after: &Saved,
        (first, inputs): (usize, &[Tensor]),
        session: &Session,
        at: CallSite,
    ) -> Result<()> {
        match (&before.0, &after.0) {
            (Content::Variable(before), Content::Variable(after)) => {
                agree::check_shown(&before.shown, &after.shown, Parties::Iteration, at)?;
                self.variable(carrier, (before, after), (first, inputs), session, at)
            }
            (_, Content::Full(after)) => {
                if let Content::Full(before) = &before.0 {
                    agree::check_shown(&before.shown, &after.shown, Parties::Iteration, at)?;
                }
                self.slot(carrier, before, after, session, at)
            }
            (before, Content::Known(true)) => {
                let (element, shape) = flag_element(true);
                self.flag(carrier, before, Output::Fill(element, shape));
                Ok(())
            }
            (before, Content::Flag(flag)) => {
                let output = self.result(flag, session, at)?;
                self.flag(carrier, before, output);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn variable(
        &mut self,
        carrier: usize,
        (before, after): (&Copied, &Copied),
        (first, inputs): (usize, &[Tensor]),
        session: &Session,
        at: CallSite,
    ) -> Result<()> {
        for (i, tensor) in after.tensors.iter().enumerate() {
            let initial = before.tensors[i].clone();
            if same(tensor, &inputs[i]) {
                self.invariants.push((first + i, initial));
                continue;
            }
            let output = self.result(tensor, session, at)?;
            let place = Owner::Variable { carrier, tensor: i };
            self.states.push((place, type_of(tensor)?, Some(first + i), output, Initial::Tensor(initial)));
        }
        Ok(())
    }

    fn slot(
        &mut self,
        carrier: usize,
        before: &Saved,
        after: &Copied,
        session: &Session,
        at: CallSite,
    ) -> Result<()> {
        for (i, tensor) in after.tensors.iter().enumerate() {
            let output = self.result(tensor, session, at)?;
            let initial = match before.tensors().get(i) {
                Some(tensor) => Initial::Tensor(tensor.clone()),
                None => Initial::Element(filler(tensor)?.0),
            };
            self.states.push((Owner::Slot { carrier }, type_of(tensor)?, None, output, initial));
        }
        Ok(())
    }

    fn flag(&mut self, carrier: usize, before: &Content, output: Output) {
        let initial = match before {
            Content::Flag(flag) => Initial::Tensor(flag.clone()),
            Content::Known(known) => Initial::Element(flag_element(*known).0),
            _ => unreachable!("a flag stays a flag"),
        };
        self.states.push((
            Owner::Flag { carrier },
            TensorType::scalar(DType::Bool).into(),
            None,
            output,
            initial,
        ));
    }
}
