//! Regions as instructions.

use hashbrown::HashMap;
use smallvec::SmallVec;
use tensorwright_ir::op::{Lowering, Ports, Runs};
use tensorwright_ir::{DType, Graph, Node, Op, Scalar, TensorType, Value};

use super::form::Form;
use super::memory::{Memory, Owner};
use crate::cost;
use crate::fusion;
use crate::kernel::{Affine, Buffer, Instr, Local, Reg};
use crate::schedule::scalar::Instructions;

/// Machine instructions of one kernel: beyond this number compiling takes longer than it is worth.
pub(super) const MAX_INSTRUCTIONS: usize = 1024;

/// The registers of a tensor.
pub(super) type Elements = SmallVec<[Reg; 4]>;

/// Where a tensor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tensor {
    /// In registers. A tensor without any is not to be known here.
    Registers(Elements),
    /// In memory, for reads and writes at computed places.
    Memory(Memory),
    /// Nowhere yet: a tensor too large for registers that is the same element everywhere.
    Splat(Reg),
}

impl Default for Tensor {
    fn default() -> Tensor {
        Tensor::Registers(Elements::new())
    }
}

impl Tensor {
    /// The tensor for somebody who must leave it as it is.
    pub(super) fn kept(&self) -> Tensor {
        self.map_memory(|memory| Memory { owner: Owner::Others, ..memory })
    }

    pub(super) fn memory(&self) -> Option<Memory> {
        match *self {
            Tensor::Memory(memory) => Some(memory),
            Tensor::Registers(_) | Tensor::Splat(_) => None,
        }
    }

    pub(super) fn buffer(&self) -> Option<Buffer> {
        self.memory().map(|memory| memory.buffer)
    }

    pub(super) fn map_memory(&self, f: impl FnOnce(Memory) -> Memory) -> Tensor {
        match self {
            Tensor::Memory(memory) => Tensor::Memory(f(*memory)),
            other => other.clone(),
        }
    }
}

/// Appends the instructions of regions.
pub(super) struct Lowerer {
    pub(super) form: Form,
    /// The element of a wide tensor that a point has.
    pub(super) point: Affine,
    instrs: Vec<Instr>,
    dtypes: Vec<DType>,
    /// How many instructions there are, by [`MAX_INSTRUCTIONS`].
    pub(super) weight: usize,
    /// Instructions that are known where the next one goes.
    pub(super) known: HashMap<Instr, Reg>,
    /// Whether the region that is being lowered would run at all; none if it certainly does.
    pub(super) runs: Option<Reg>,
    /// Scratch of the kernel.
    pub(super) locals: Vec<Local>,
    /// For each buffer that has changed the version that it holds.
    pub(super) versions: HashMap<Buffer, u32>,
    pub(super) last_version: u32,
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
            locals: Vec::new(),
            versions: HashMap::new(),
            last_version: 0,
        }
    }

    pub(super) fn finish(self) -> Vec<Instr> {
        self.instrs
    }

    pub(super) fn push(&mut self, instr: Instr, dtype: DType) -> Reg {
        self.weight += cost::instructions(&instr, dtype) as usize;
        self.instrs.push(instr);
        self.dtypes.push(dtype);
        Reg(self.instrs.len() as u32 - 1)
    }

    pub(super) fn constant(&mut self, scalar: Scalar) -> Reg {
        self.instr(Instr::Const(scalar), scalar.dtype())
    }

    /// The results of a node; `None` if it has no native form.
    pub(super) fn node(&mut self, graph: &Graph, node: &Node, operands: &[Tensor]) -> Option<Vec<Tensor>> {
        if node.results.iter().any(|&v| graph.ty(v).as_tensor().is_none()) {
            return None;
        }
        if let Some(ports) = node.op.ports() {
            return self.control(&ports, operands, &node.regions);
        }
        let tensor = match &node.op {
            Op::Gather(op) => self.gather(op, graph, node, operands),
            Op::DynamicSlice(op) => self.dynamic_slice(op, graph, node, operands),
            Op::DynamicUpdateSlice(_) => self.dynamic_update_slice(graph, node, operands),
            Op::Scatter(op) => self.scatter(op, graph, node, operands),
            Op::RngBits(op) if self.form.registers(graph.tensor(node.results[0])).is_some() => {
                self.random(op, graph, node, operands)
            }
            op if matches!(
                op.lowering(),
                Lowering::Region | Lowering::Effect | Lowering::List | Lowering::Host
            ) =>
            {
                None
            }
            // Nobody sees what happens within a kernel.
            Op::TraceMark(_) => operands.first().cloned(),
            _ => self.moved_in_memory(graph, node, operands).or_else(|| {
                let types = node.operands.iter().map(|&v| graph.tensor(v));
                let registers = operands.iter().zip(types).map(|(tensor, ty)| self.registers(tensor, ty));
                let registers: Vec<Elements> = registers.collect::<Option<_>>()?;
                self.plain(graph, node, &registers).map(Tensor::Registers)
            }),
        };
        Some(vec![tensor?])
    }

    fn control(&mut self, ports: &Ports, operands: &[Tensor], regions: &[Graph]) -> Option<Vec<Tensor>> {
        match ports.runs {
            Runs::Once | Runs::Again => self.region(&regions[0], operands),
            Runs::Selected(selector) => {
                let value = operands[0].as_scalar()?;
                self.selected(selector, value, &operands[1..], regions)
            }
            Runs::While => self.in_turns(ports, operands, regions, &[]),
            Runs::ForEach { length, .. } => {
                let stacks = self.stacks(length, &regions[0], ports.carried)?;
                self.in_turns(ports, operands, regions, &stacks)
            }
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
}
