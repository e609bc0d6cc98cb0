//! Loops inside of bodies: state in registers and state in memory.

use hashbrown::HashMap;
use smallvec::smallvec;
use tensorwright_ir::op::primitive::{BinaryFn, ReduceKind};
use tensorwright_ir::op::{Ports, Runs};
use tensorwright_ir::{DType, Graph, Op, TensorType};

use super::lower::{Elements, Lowerer, Tensor};
use super::memory::{Memory, Owner};
use super::slices::Slices;
use crate::kernel::{Buffer, Instr, Reg};
use crate::schedule::scalar::Instructions;

impl Lowerer {
    /// A loop, run by run; the operands are its state, slices and invariants. Gives the last state, and the memory in which slices of results are
    /// stacked: that of `stacks`, of which nobody needs those that are missing.
    pub(super) fn in_turns(
        &mut self,
        ports: &Ports,
        operands: &[Tensor],
        regions: &[Graph],
        stacks: &[Option<Memory>],
    ) -> Option<Vec<Tensor>> {
        let (state, others) = operands.split_at(ports.carried);
        let (sliced, invariants) = others.split_at(ports.sliced);
        let invariants: Vec<Tensor> = invariants.iter().map(Tensor::kept).collect();
        match ports.runs {
            Runs::While => self.while_loop(state, &invariants, regions),
            Runs::ForEach { length, order } => {
                let slices = Slices { length, order, body: &regions[0], sliced, stacks };
                self.for_each(&slices, state, &invariants)
            }
            _ => None,
        }
    }

    fn while_loop(
        &mut self,
        state: &[Tensor],
        invariants: &[Tensor],
        regions: &[Graph],
    ) -> Option<Vec<Tensor>> {
        let runs = self.runs;
        let types = state_types(&regions[1], state.len());
        self.repeat(
            state,
            &types,
            |lowerer, state| {
                lowerer.runs = runs;
                let state: Vec<Tensor> = state.iter().map(Tensor::kept).collect();
                let holds = lowerer.condition(&regions[0], &[&state, invariants].concat());
                lowerer.runs = None;
                holds
            },
            |lowerer, state| lowerer.region(&regions[1], &[state, invariants].concat()),
        )
    }

    /// Whether a loop goes on. One that goes on as long as some element of a wide tensor holds goes on at each point by itself, which the
    /// kernel's verifier admits if its state is frozen where the element does not hold.
    fn condition(&mut self, region: &Graph, inputs: &[Tensor]) -> Option<Reg> {
        let output = region.outputs()[0];
        let any = region.producer(output).and_then(|(_, node)| match &node.op {
            Op::Reduce(reduce) if reduce.kind == ReduceKind::Any => Some(node.operands[0]),
            _ => None,
        });
        match any.filter(|&of| self.form.is_wide(region.tensor(of))) {
            Some(of) => self.value_of(region, inputs, of)?.as_scalar(),
            None => self.region(region, inputs)?[0].as_scalar(),
        }
    }

    /// A loop with this state at first, a condition and a body, which does not run at all where its region would not.
    pub(super) fn repeat(
        &mut self,
        state: &[Tensor],
        types: &[&TensorType],
        condition: impl FnOnce(&mut Lowerer, &[Tensor]) -> Option<Reg>,
        body: impl FnOnce(&mut Lowerer, &[Tensor]) -> Option<Vec<Tensor>>,
    ) -> Option<Vec<Tensor>> {
        let first = state.iter().zip(types).map(|(tensor, ty)| self.first(tensor, ty));
        let first: Vec<Tensor> = first.collect::<Option<_>>()?;
        let runs = self.runs.take();
        let begin = self.push(Instr::Loop, DType::Bool);
        let states: Vec<Tensor> = first.iter().map(|tensor| self.state(tensor)).collect();
        let before = self.changes();
        let mut holds = condition(self, &states)?;
        if let Some(runs) = runs {
            holds = self.binary(BinaryFn::And, runs, holds, DType::Bool);
        }
        self.push(Instr::While(holds), DType::Bool);
        let results = body(self, &states)?;
        let next = self.settle(&states, &results, types)?;
        self.push(Instr::Repeat(next), DType::Bool);
        if !self.changes_only(&states, &before) {
            return None;
        }
        // What was computed inside is not known behind the loop.
        self.known.retain(|_, reg| reg.0 < begin.0);
        self.runs = runs;
        Some(states.iter().map(|tensor| tensor.map_memory(|memory| self.changed(memory))).collect())
    }

    /// State before the loop: registers, or memory that the loop may change.
    fn first(&mut self, tensor: &Tensor, ty: &TensorType) -> Option<Tensor> {
        match tensor {
            Tensor::Registers(_) => Some(tensor.clone()),
            Tensor::Memory(_) | Tensor::Splat(_) => self.owned(tensor, ty).map(Tensor::Memory),
        }
    }

    /// State in each run.
    fn state(&mut self, first: &Tensor) -> Tensor {
        match first {
            Tensor::Registers(elements) => {
                let variable = |&first: &Reg| self.push(Instr::State(first), self.dtype(first));
                Tensor::Registers(elements.iter().map(variable).collect())
            }
            // Loops begin with their state variables; this is none.
            other => other.map_memory(|memory| self.changed(memory)),
        }
    }

    /// What has changed so far.
    pub(super) fn changes(&self) -> Changes {
        Changes { versions: self.versions.clone(), scratch: self.locals.len() as u32 }
    }

    /// Whether nothing has changed since then but state, and scratch that is new: the next run finds everything else as this one did.
    pub(super) fn changes_only(&self, states: &[Tensor], before: &Changes) -> bool {
        self.versions.iter().all(|(buffer, version)| {
            let is_state = states.iter().any(|tensor| tensor.buffer() == Some(*buffer));
            let is_new = matches!(buffer, Buffer::Local(local) if *local >= before.scratch);
            is_state || is_new || before.versions.get(buffer) == Some(version)
        })
    }

    /// Puts the next state where the state is; gives that of the state variables.
    pub(super) fn settle(
        &mut self,
        states: &[Tensor],
        results: &[Tensor],
        types: &[&TensorType],
    ) -> Option<Elements> {
        let mut next = Elements::new();
        let mut moves: Vec<(Memory, Tensor, &TensorType)> = Vec::new();
        for ((state, result), &ty) in states.iter().zip(results).zip(types) {
            match state {
                Tensor::Registers(_) => next.extend(self.registers(result, ty)?),
                Tensor::Memory(to) => moves.push((*to, result.clone(), ty)),
                Tensor::Splat(_) => return None,
            }
        }
        // What is in the place of other state is taken out before that is overwritten.
        for at in 0..moves.len() {
            let (to, ref result, ty) = moves[at];
            let elsewhere = result.buffer().filter(|&buffer| buffer != to.buffer);
            if elsewhere.is_some_and(|buffer| moves.iter().any(|(to, ..)| to.buffer == buffer)) {
                let result = result.map_memory(|memory| Memory { owner: Owner::Others, ..memory });
                moves[at].1 = Tensor::Memory(self.owned(&result, ty)?);
            }
        }
        for (to, result, ty) in moves {
            self.fill(to, &result, ty)?;
        }
        Some(next)
    }
}

/// The versions of buffers at some place, and how much scratch there was.
pub(super) struct Changes {
    versions: HashMap<Buffer, u32>,
    scratch: u32,
}

pub(super) fn state_types(body: &Graph, carried: usize) -> Vec<&TensorType> {
    body.inputs()[..carried].iter().map(|&input| body.tensor(input)).collect()
}

impl Tensor {
    /// A tensor of one element.
    pub(super) fn scalar(element: Reg) -> Tensor {
        Tensor::Registers(smallvec![element])
    }

    /// The register of a scalar.
    pub(super) fn as_scalar(&self) -> Option<Reg> {
        match self {
            Tensor::Registers(elements) => elements.first().copied(),
            Tensor::Memory(_) | Tensor::Splat(_) => None,
        }
    }
}
