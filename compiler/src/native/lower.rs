//! Regions as instructions.

use hashbrown::HashMap;
use smallvec::{SmallVec, smallvec};
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, UnaryFn};
use tensorwright_ir::op::{Lowering, Ports, Runs, Selector};
use tensorwright_ir::{DType, Graph, Node, Op, Scalar, TensorType, Value};

use super::form::Form;
use crate::cost;
use crate::fusion;
use crate::kernel::{Affine, Buffer, Instr, Reg};
use crate::schedule::scalar::Instructions;

/// Machine instructions of one kernel: beyond this number compiling takes longer than it is worth.
const MAX_INSTRUCTIONS: usize = 1024;

/// The registers of a tensor.
pub(super) type Elements = SmallVec<[Reg; 4]>;

/// A tensor: registers, or memory that only loads at computed places may read. A tensor that is neither is not to be known here.
#[derive(Clone, Debug, Default)]
pub(super) struct Tensor {
    pub(super) elements: Elements,
    pub(super) memory: Option<Buffer>,
}

impl Tensor {
    pub(super) fn of(elements: Elements) -> Tensor {
        Tensor { elements, memory: None }
    }

    pub(super) fn in_memory(buffer: Buffer) -> Tensor {
        Tensor { elements: Elements::new(), memory: Some(buffer) }
    }

    /// Its registers; `None` if it is memory.
    fn registers(self) -> Option<Elements> {
        self.memory.is_none().then_some(self.elements)
    }
}

fn tensors(elements: &[Elements]) -> Vec<Tensor> {
    elements.iter().cloned().map(Tensor::of).collect()
}

/// The registers of tensors; `None` if one is memory.
pub(super) fn registers(tensors: &[Tensor]) -> Option<Vec<Elements>> {
    tensors.iter().cloned().map(Tensor::registers).collect()
}

/// Appends the instructions of regions.
pub(super) struct Lowerer {
    pub(super) form: Form,
    /// The element of a wide tensor that a point has.
    pub(super) point: Affine,
    instrs: Vec<Instr>,
    dtypes: Vec<DType>,
    /// How many instructions there are, by [`MAX_INSTRUCTIONS`].
    weight: usize,
    /// Instructions that are known where the next one goes.
    known: HashMap<Instr, Reg>,
    /// Whether the region that is being lowered would run at all; none if it certainly does.
    runs: Option<Reg>,
}

impl Instructions for Lowerer {
    fn instr(&mut self, instr: Instr, dtype: DType) -> Reg {
        match self.known.get(&instr) {
            Some(&reg) => reg,
            None => {
                let reg = self.push(instr.clone(), dtype);
                self.known.insert(instr, reg);
                reg
            }
        }
    }

    fn dtype(&self, reg: Reg) -> DType {
        self.dtypes[reg.0 as usize]
    }
}

impl Lowerer {
    /// For a stage whose points are numbered by the loop `dim`.
    pub(super) fn new(form: Form, dim: u32) -> Lowerer {
        let point = form.point(dim);
        Lowerer {
            form,
            point,
            instrs: Vec::new(),
            dtypes: Vec::new(),
            weight: 0,
            known: HashMap::new(),
            runs: None,
        }
    }

    pub(super) fn finish(self) -> Vec<Instr> {
        self.instrs
    }

    fn push(&mut self, instr: Instr, dtype: DType) -> Reg {
        self.weight += cost::instructions(&instr, dtype) as usize;
        self.instrs.push(instr);
        self.dtypes.push(dtype);
        Reg(self.instrs.len() as u32 - 1)
    }

    pub(super) fn constant(&mut self, scalar: Scalar) -> Reg {
        self.instr(Instr::Const(scalar), scalar.dtype())
    }

    /// A loop over no slices, run by run; the operands are its state and its invariants. Gives the last state.
    pub(super) fn in_turns(
        &mut self,
        ports: &Ports,
        operands: &[Tensor],
        regions: &[Graph],
    ) -> Option<Vec<Elements>> {
        let (state, invariants) = operands.split_at(ports.carried);
        match ports.runs {
            Runs::While => self.while_loop(state, invariants, regions),
            Runs::ForEach { length, .. } if ports.sliced == 0 => {
                self.counted_loop(length, state, invariants, &regions[0])
            }
            _ => None,
        }
    }

    fn while_loop(
        &mut self,
        state: &[Tensor],
        invariants: &[Tensor],
        regions: &[Graph],
    ) -> Option<Vec<Elements>> {
        let runs = self.runs;
        self.repeat(
            &registers(state)?,
            |lowerer, state| {
                lowerer.runs = runs;
                let holds = lowerer.region(&regions[0], &[&tensors(state), invariants].concat());
                lowerer.runs = None;
                holds?[0].elements.first().copied()
            },
            |lowerer, state| {
                registers(&lowerer.region(&regions[1], &[&tensors(state), invariants].concat())?)
            },
        )
    }

    /// A loop of fixed length over no slices.
    fn counted_loop(
        &mut self,
        length: usize,
        state: &[Tensor],
        invariants: &[Tensor],
        body: &Graph,
    ) -> Option<Vec<Elements>> {
        if body.outputs().len() > state.len() {
            return None;
        }
        let number = |lowerer: &mut Lowerer, n: i64| lowerer.constant(Scalar::I64(n));
        let (zero, one, length) = (number(self, 0), number(self, 1), number(self, length as i64));
        let counter: Elements = smallvec![zero];
        let state: Vec<Elements> = [counter].into_iter().chain(registers(state)?).collect();
        let mut results = self.repeat(
            &state,
            |lowerer, state| Some(lowerer.compare(CompareFn::Lt, state[0][0], length)),
            |lowerer, state| {
                let next = lowerer.binary(BinaryFn::Add, state[0][0], one, DType::I64);
                let all = [&tensors(&state[1..]), invariants].concat();
                let results = registers(&lowerer.region(body, &all)?)?;
                Some([smallvec![next]].into_iter().chain(results).collect())
            },
        )?;
        results.remove(0);
        Some(results)
    }

    /// A loop with this state at first, a condition and a body, which does not run at all where its region would not.
    fn repeat(
        &mut self,
        state: &[Elements],
        condition: impl FnOnce(&mut Lowerer, &[Elements]) -> Option<Reg>,
        body: impl FnOnce(&mut Lowerer, &[Elements]) -> Option<Vec<Elements>>,
    ) -> Option<Vec<Elements>> {
        let runs = self.runs.take();
        let begin = self.push(Instr::Loop, DType::Bool);
        let variable = |first: Reg, lowerer: &mut Lowerer| {
            let dtype = lowerer.dtype(first);
            lowerer.push(Instr::State(first), dtype)
        };
        let states: Vec<Elements> = state
            .iter()
            .map(|elements| elements.iter().map(|&first| variable(first, self)).collect())
            .collect();
        let mut holds = condition(self, &states)?;
        if let Some(runs) = runs {
            holds = self.binary(BinaryFn::And, runs, holds, DType::Bool);
        }
        self.push(Instr::While(holds), DType::Bool);
        let next = body(self, &states)?.into_iter().flatten().collect();
        self.push(Instr::Repeat(next), DType::Bool);
        // What was computed inside is not known behind the loop.
        self.known.retain(|_, reg| reg.0 < begin.0);
        self.runs = runs;
        Some(states)
    }

    /// The results of a region; `None` if some op in it has no native form.
    pub(super) fn region(&mut self, graph: &Graph, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let mut values: Vec<Tensor> = vec![Tensor::default(); graph.values().len()];
        for (value, tensor) in graph.inputs().iter().zip(inputs) {
            values[value.index()] = tensor.clone();
        }
        for node in graph.nodes() {
            let operands: Vec<Tensor> = node.operands.iter().map(|v| values[v.index()].clone()).collect();
            let results = self.node(graph, node, &operands)?;
            if self.weight > MAX_INSTRUCTIONS {
                return None;
            }
            for (value, tensor) in node.results.iter().zip(results) {
                values[value.index()] = tensor;
            }
        }
        Some(graph.outputs().iter().map(|v| values[v.index()].clone()).collect())
    }

    fn node(&mut self, graph: &Graph, node: &Node, operands: &[Tensor]) -> Option<Vec<Tensor>> {
        if node.results.iter().any(|&v| graph.ty(v).as_tensor().is_none()) {
            return None;
        }
        if let Some(ports) = node.op.ports() {
            return self.control(&ports, operands, &node.regions);
        }
        match &node.op {
            Op::Gather(op) => Some(vec![Tensor::of(self.gather(op, graph, node, operands)?)]),
            Op::DynamicSlice(op) => Some(vec![Tensor::of(self.dynamic_slice(op, graph, node, operands)?)]),
            op if matches!(op.lowering(), Lowering::Region | Lowering::Effect | Lowering::List) => None,
            _ => Some(vec![Tensor::of(self.plain(graph, node, &registers(operands)?)?)]),
        }
    }

    fn control(&mut self, ports: &Ports, operands: &[Tensor], regions: &[Graph]) -> Option<Vec<Tensor>> {
        match ports.runs {
            Runs::Once | Runs::Again => self.region(&regions[0], operands),
            Runs::Selected(selector) => {
                let value = operands[0].elements.first().copied()?;
                match selector {
                    Selector::Predicate => self.branches(value, &operands[1..], regions),
                    Selector::Index => self.cases(value, &operands[1..], regions),
                }
            }
            Runs::While | Runs::ForEach { .. } => Some(tensors(&self.in_turns(ports, operands, regions)?)),
        }
    }

    /// An op without regions.
    fn plain(&mut self, graph: &Graph, node: &Node, operands: &[Elements]) -> Option<Elements> {
        let ty = |value: Value| graph.tensor(value);
        let result = ty(node.results[0]);
        let count = self.form.registers(result)?;
        let types: Vec<&TensorType> = node.operands.iter().map(|&v| ty(v)).collect();
        Some(match &node.op {
            _ if count == 0 => Elements::new(),
            Op::Constant(c) => match c.value.splat() {
                Some(scalar) => SmallVec::from_elem(self.constant(scalar), count),
                None if !self.form.is_wide(result) => c.value.iter().map(|x| self.constant(x)).collect(),
                None => return None,
            },
            _ if fusion::is_elementwise(graph, node) => (0..count)
                .map(|k| {
                    let x: Option<SmallVec<[Reg; 3]>> = operands.iter().map(|x| x.get(k).copied()).collect();
                    Some(match &node.op {
                        Op::Reduce(_) => x?[0],
                        op => self.scalar_code(op, &x?, result.dtype),
                    })
                })
                .collect::<Option<_>>()?,
            Op::BroadcastInDim(_) if types[0].elements() == 1 => {
                SmallVec::from_elem(operands[0].first().copied()?, count)
            }
            // Between wide tensors only a reshape keeps the order.
            Op::Reshape(_) => operands[0].clone(),
            op if !self.form.is_wide(result) && !types.iter().any(|ty| self.form.is_wide(ty)) => {
                self.small(op, operands, &types, result)?
            }
            _ => return None,
        })
    }

    /// Both branches, and a choice between their results.
    fn branches(&mut self, holds: Reg, operands: &[Tensor], regions: &[Graph]) -> Option<Vec<Tensor>> {
        let then = self.guarded(holds, &regions[0], operands)?;
        let not = self.instr(Instr::Unary(UnaryFn::Not, holds), DType::Bool);
        let otherwise = self.guarded(not, &regions[1], operands)?;
        self.choose(holds, &then, &otherwise)
    }

    /// All regions, and a choice between their results: the last one, unless an earlier one is meant.
    fn cases(&mut self, index: Reg, operands: &[Tensor], regions: &[Graph]) -> Option<Vec<Tensor>> {
        let (last, others) = regions.split_last()?;
        let mut chosen: Vec<Reg> = Vec::new();
        let mut none = self.constant(Scalar::Bool(true));
        for number in 0..others.len() {
            let number = self.constant(Scalar::from_i128(DType::I32, number as i128));
            let holds = self.compare(CompareFn::Eq, index, number);
            let not = self.instr(Instr::Unary(UnaryFn::Not, holds), DType::Bool);
            none = self.binary(BinaryFn::And, none, not, DType::Bool);
            chosen.push(holds);
        }
        let mut results = self.guarded(none, last, operands)?;
        for (holds, region) in chosen.into_iter().zip(others) {
            let these = self.guarded(holds, region, operands)?;
            results = self.choose(holds, &these, &results)?;
        }
        Some(results)
    }

    /// A region of which the results matter only if `holds`: no loop in it may run on if it does not.
    fn guarded(&mut self, holds: Reg, region: &Graph, operands: &[Tensor]) -> Option<Vec<Tensor>> {
        let outside = self.runs;
        self.runs = Some(match outside {
            Some(runs) if has_loop(region) => self.binary(BinaryFn::And, runs, holds, DType::Bool),
            _ => holds,
        });
        let results = self.region(region, operands);
        self.runs = outside;
        results
    }

    fn choose(&mut self, holds: Reg, then: &[Tensor], otherwise: &[Tensor]) -> Option<Vec<Tensor>> {
        let select = |lowerer: &mut Lowerer, x: Reg, y: Reg| match x == y {
            true => x,
            false => lowerer.instr(Instr::Select(holds, x, y), lowerer.dtype(x)),
        };
        let (then, otherwise) = (registers(then)?, registers(otherwise)?);
        let pairs = then.iter().zip(&otherwise);
        let chosen = pairs.map(|(x, y)| x.iter().zip(y).map(|(&x, &y)| select(self, x, y)).collect());
        Some(chosen.map(Tensor::of).collect())
    }
}

fn has_loop(graph: &Graph) -> bool {
    let is_loop = |node: &Node| node.op.ports().is_some_and(|ports| ports.is_loop());
    graph.nodes().iter().any(|node| is_loop(node) || node.regions.iter().any(has_loop))
}
