//! Loops of fixed length in a body: they count their runs, read slices at the places of these, and stack slices of results in memory.

use smallvec::SmallVec;
use tensorwright_ir::op::Order;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn};
use tensorwright_ir::{DType, Dim, Graph, TensorType, Value};

use super::lower::{Lowerer, Tensor};
use super::memory::{Memory, Owner};
use super::repeat::state_types;
use crate::kernel::Reg;
use crate::schedule::scalar::Instructions;

/// A loop of fixed length.
pub(super) struct Slices<'a> {
    pub(super) length: usize,
    pub(super) order: Order,
    pub(super) body: &'a Graph,
    /// What each run takes a slice of.
    pub(super) sliced: &'a [Tensor],
    /// Where slices of results go; nobody needs the others.
    pub(super) stacks: &'a [Option<Memory>],
}

/// A run of a loop of fixed length.
#[derive(Clone, Copy)]
struct Run {
    /// The number of its slices.
    number: Reg,
    /// How many runs there are.
    length: usize,
}

impl Lowerer {
    /// The last state, and the stacks.
    pub(super) fn for_each(
        &mut self,
        slices: &Slices<'_>,
        state: &[Tensor],
        invariants: &[Tensor],
    ) -> Option<Vec<Tensor>> {
        let (body, carried) = (slices.body, state.len());
        let of_slices =
            body.inputs()[carried..].iter().take(slices.sliced.len()).chain(&body.outputs()[carried..]);
        let mut of_slices = of_slices.map(|&slice| body.tensor(slice).elements() * slices.length);
        if of_slices.any(|elements| elements == 0) {
            return None;
        }
        let stacked: Vec<TensorType> =
            body.outputs()[carried..].iter().map(|&v| whole(body, v, slices.length)).collect();
        let (zero, one, length) = (self.number(0), self.number(1), self.number(slices.length as u64));
        let wanted = || slices.stacks.iter().zip(&stacked).filter_map(|(stack, ty)| Some(((*stack)?, ty)));
        let stacks = wanted().map(|(memory, _)| Tensor::Memory(memory));
        let state: Vec<Tensor> =
            [Tensor::scalar(zero)].into_iter().chain(state.iter().cloned()).chain(stacks).collect();
        let counter = TensorType::scalar(DType::I64);
        let types: Vec<&TensorType> = [&counter]
            .into_iter()
            .chain(state_types(body, carried))
            .chain(wanted().map(|(_, ty)| ty))
            .collect();
        let mut results = self.repeat(
            &state,
            &types,
            |lowerer, state| Some(lowerer.compare(CompareFn::Lt, state[0].as_scalar()?, length)),
            |lowerer, state| {
                let count = state[0].as_scalar()?;
                let next = lowerer.binary(BinaryFn::Add, count, one, DType::I64);
                let given = lowerer.run(slices, count, (&state[1..], carried), invariants)?;
                Some([vec![Tensor::scalar(next)], given].concat())
            },
        )?;
        results.remove(0);
        let mut stacks = results.split_off(carried).into_iter();
        results
            .extend(slices.stacks.iter().map(|stack| stack.and_then(|_| stacks.next()).unwrap_or_default()));
        Some(results)
    }

    /// Scratch for slices of results of a loop that is inside of another one.
    pub(super) fn stacks(
        &mut self,
        length: usize,
        body: &Graph,
        carried: usize,
    ) -> Option<Vec<Option<Memory>>> {
        let outputs = body.outputs()[carried..].iter();
        let scratch = outputs.map(|&output| self.scratch(&whole(body, output, length)).map(Some));
        scratch.collect()
    }

    /// One run: its state, of which the first `carried` are the body's and the others stacks.
    fn run(
        &mut self,
        slices: &Slices<'_>,
        count: Reg,
        (state, carried): (&[Tensor], usize),
        invariants: &[Tensor],
    ) -> Option<Vec<Tensor>> {
        let body = slices.body;
        let number = match slices.order {
            Order::Forward | Order::Any => count,
            Order::Backward => {
                let last = self.number(slices.length as u64 - 1);
                self.binary(BinaryFn::Sub, last, count, DType::I64)
            }
        };
        let run = Run { number, length: slices.length };
        let mut inputs: Vec<Tensor> = state[..carried].to_vec();
        for (x, &input) in slices.sliced.iter().zip(&body.inputs()[carried..]) {
            inputs.push(self.slice_of(x, run, body.tensor(input))?);
        }
        inputs.extend_from_slice(invariants);
        let mut given = self.region(body, &inputs)?;
        let slices_given = given.split_off(carried);
        let mut stacks = state[carried..].iter();
        for ((stack, tensor), &output) in
            slices.stacks.iter().zip(slices_given).zip(&body.outputs()[carried..])
        {
            if stack.is_some() {
                given.push(self.stacked(stacks.next()?, &tensor, run, body.tensor(output))?);
            }
        }
        Some(given)
    }

    /// The slice of a run.
    fn slice_of(&mut self, x: &Tensor, run: Run, ty: &TensorType) -> Option<Tensor> {
        let count = self.form.registers(ty);
        match x {
            Tensor::Splat(value) => Some(match count {
                Some(count) => Tensor::Registers(SmallVec::from_elem(*value, count)),
                None => x.clone(),
            }),
            Tensor::Memory(memory) if self.is_current(*memory) => {
                let (at, reach) = (self.place_of_run(run, ty), ty.elements() as u64 - 1);
                let Some(count) = count else {
                    let first = self.cell(*memory, at, 0, reach).at;
                    return Some(Tensor::Memory(Memory {
                        first: Some(first),
                        owner: Owner::Others,
                        ..*memory
                    }));
                };
                let load = |k| {
                    let cell = self.cell(*memory, at, k, reach);
                    self.read(cell, ty.dtype)
                };
                Some(Tensor::Registers((0..count).map(load).collect()))
            }
            Tensor::Memory(_) => None,
            Tensor::Registers(elements) => {
                let n = ty.elements();
                let choose = |k| {
                    let places: Vec<Reg> = elements.iter().skip(k).step_by(n).copied().collect();
                    self.choose_register(&places, run.number, ty.dtype)
                };
                (elements.len() == n * run.length).then(|| Tensor::Registers((0..n).map(choose).collect()))
            }
        }
    }

    /// The stack with the slice of a run.
    fn stacked(&mut self, stack: &Tensor, slice: &Tensor, run: Run, ty: &TensorType) -> Option<Tensor> {
        let memory = stack.memory()?;
        let (at, reach) = (self.place_of_run(run, ty), ty.elements() as u64 - 1);
        match self.registers(slice, ty) {
            Some(elements) => {
                for (k, &value) in elements.iter().enumerate() {
                    let cell = self.cell(memory, at, k, reach);
                    self.write(cell, value, None);
                }
            }
            None => self.write_all(memory, at, slice, ty)?,
        }
        Some(Tensor::Memory(self.changed(memory)))
    }

    fn place_of_run(&mut self, run: Run, ty: &TensorType) -> Reg {
        match ty.elements() {
            1 => run.number,
            n => {
                let n = self.number(n as u64);
                self.binary(BinaryFn::Mul, run.number, n, DType::I64)
            }
        }
    }
}

/// The type of a result of which runs give slices.
fn whole(body: &Graph, slice: Value, length: usize) -> TensorType {
    let ty = body.tensor(slice);
    ty.with_shape(ty.shape.with_leading(Dim::known(length)))
}
