//! A `scan` over slices as stages: the state goes to scratch, each run of the body takes it from there and leaves the next, and in
//! the end it goes to the results.
//!
//! The loop over slices is the outer one, so that every run goes through memory as it lies there. Each point of a wide loop has
//! state of its own, scalars too.

use smallvec::SmallVec;
use tensorwright_ir::Value;
use tensorwright_ir::op::{Feed, Order, Ports};

use super::Build;
use super::form::{Places, TILE};
use super::lower::{Elements, Tensor};
use super::repeat::state_types;
use crate::kernel::{Affine, Buffer, Extent, Instr, Local, Reg, Store, TileStage, Var};
use crate::schedule::scalar::Instructions;

/// The stages.
pub(super) fn stages(
    build: &mut Build<'_>,
    ports: &Ports,
    slices: Slices,
    stored: &dyn Fn(Value) -> bool,
) -> Option<Vec<TileStage>> {
    let state = State::of(build, ports)?;
    let first = state.begin(build, ports)?;
    let run = body(build, ports, slices, &state, stored)?;
    let last = state.end(build, ports, stored);
    Some([first, Some(run), last].into_iter().flatten().collect())
}

/// The slices that a loop takes and gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slices {
    pub(super) length: usize,
    pub(super) order: Order,
}

impl Slices {
    /// The places of a slice in the memory of all, in the order of runs.
    fn places(self, of_first: Places, elements: usize) -> Places {
        let (step, last) = (elements as i64, self.length as i64 - 1);
        let at = |place: Affine| match self.order {
            Order::Forward | Order::Any => place.plus(Var::Dim(0), step),
            Order::Backward => place.plus(Var::Dim(0), -step).shifted(last * step),
        };
        of_first.into_iter().map(at).collect()
    }
}

/// The state in scratch, and in memory.
struct State {
    /// For each element of each state variable where it is at the first point; points lie side by side.
    places: Vec<SmallVec<[(Buffer, i64); 4]>>,
    /// How many points have state of their own.
    points: u64,
}

impl State {
    fn of(build: &mut Build<'_>, ports: &Ports) -> Option<State> {
        let points = match build.form.points()[..] {
            [] => 1,
            [Extent::Fixed(n)] => n,
            _ => TILE,
        };
        let mut state = State { places: Vec::new(), points };
        for &operand in &build.node.operands[..ports.carried] {
            let ty = build.graph.tensor(operand);
            let registers = build.form.registers(ty)?;
            let locals = &mut build.lowerer.locals;
            let local = Buffer::Local(locals.len() as u32);
            let first = |k: u64| (local, (k * points) as i64);
            state.places.push((0..registers as u64).map(first).collect());
            if registers > 0 {
                locals.push(Local { dtype: ty.dtype, len: registers as u64 * points });
            }
        }
        Some(state)
    }

    /// The elements of a state variable, in a stage whose points are numbered by the loop `dim`.
    fn elements(&self, variable: usize, dim: u32) -> impl Iterator<Item = (Buffer, Affine)> + '_ {
        let of_point = if self.points > 1 { Affine::var(Var::Dim(dim)) } else { Affine::default() };
        self.places[variable].iter().map(move |&(local, k)| (local, of_point.shifted(k)))
    }

    fn stores(&self, variable: usize, dim: u32, values: &[Reg]) -> Vec<Store> {
        let store = |((buffer, index), &value)| Store { buffer, index, value };
        self.elements(variable, dim).zip(values).map(store).collect()
    }

    fn loads(&self, build: &mut Build<'_>, variable: usize, dim: u32) -> Elements {
        let dtype = build.graph.tensor(build.node.operands[variable]).dtype;
        let load = |(buffer, index)| build.lowerer.instr(Instr::Load { buffer, index }, dtype);
        self.elements(variable, dim).map(load).collect()
    }

    /// The stage that brings the first state to scratch, if there is any.
    fn begin(&self, build: &mut Build<'_>, ports: &Ports) -> Option<Option<TileStage>> {
        let mut stores = Vec::new();
        for (variable, &operand) in build.node.operands[..ports.carried].iter().enumerate() {
            let values = build.load(operand, 0)?;
            stores.extend(self.stores(variable, 0, &values));
        }
        let stage = build.stage(build.form.points(), stores, 1);
        let is_needed = matches!(&stage, TileStage::Loop(nest) if !nest.stores.is_empty());
        Some(is_needed.then_some(stage))
    }

    /// The stage that takes the last state away.
    fn end(&self, build: &mut Build<'_>, ports: &Ports, stored: &dyn Fn(Value) -> bool) -> Option<TileStage> {
        let mut stores = Vec::new();
        for (variable, &result) in build.node.results[..ports.carried].iter().enumerate() {
            if stored(result) {
                let values = self.loads(build, variable, 0);
                let places = build.form.places(build.graph.tensor(result), 0);
                stores.extend(build.store(result, places, &values));
            }
        }
        (!stores.is_empty()).then(|| build.stage(build.form.points(), stores, 0))
    }
}

/// The stage that runs the body for each slice.
fn body(
    build: &mut Build<'_>,
    ports: &Ports,
    slices: Slices,
    state: &State,
    stored: &dyn Fn(Value) -> bool,
) -> Option<TileStage> {
    let node = build.node;
    let region = &node.regions[0];
    let mut inputs: Vec<Tensor> = Vec::new();
    for (i, &operand) in node.operands.iter().enumerate() {
        let ty = region.tensor(region.inputs()[i]);
        inputs.push(match ports.feed(i) {
            Feed::Carried => Tensor::Registers(state.loads(build, i, 1)),
            Feed::Sliced => {
                let places = match build.form.registers(ty)? {
                    0 => Places::new(),
                    _ => slices.places(build.form.places(ty, 1), ty.elements()),
                };
                Tensor::Registers(build.load_at(operand, ty, places))
            }
            Feed::Invariant => build.invariant(operand, 1),
        });
    }
    let before = build.lowerer.changes();
    let results = build.lowerer.region(region, &inputs)?;
    let mut stores = Vec::new();
    for (k, tensor) in results.iter().enumerate().skip(ports.carried) {
        let (result, ty) = (node.results[k], region.tensor(region.outputs()[k]));
        let values = build.lowerer.registers(tensor, ty)?;
        if stored(result) {
            let places = slices.places(build.form.places(ty, 1), ty.elements());
            stores.extend(build.store(result, places, &values));
        }
    }
    let (states, results) = (&inputs[..ports.carried], &results[..ports.carried]);
    let next = build.lowerer.settle(states, results, &state_types(region, ports.carried))?;
    let mut rest = &next[..];
    for variable in 0..ports.carried {
        let (own, others) = rest.split_at(state.places[variable].len());
        stores.extend(state.stores(variable, 1, own));
        rest = others;
    }
    if !build.lowerer.changes_only(states, &before) {
        return None;
    }
    let mut dims = vec![Extent::Fixed(slices.length as u64)];
    match &build.form.points()[..] {
        // Points of the innermost loop are independent of each other, so it cannot be the loop over slices.
        [] => dims.push(Extent::Fixed(1)),
        points => dims.extend(points),
    }
    Some(build.stage(dims, stores, 0))
}
