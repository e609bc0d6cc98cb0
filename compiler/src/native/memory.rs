//! Tensors in memory: what a loop reads and writes at computed places, in place.
//!
//! Memory changes and tensors don't, so a tensor in memory is a *version*: it can be read as long as nothing has been stored there since.
//! Who wants to change memory must own it, as the last one who needs what is there; everybody else gets a copy in scratch.

use smallvec::smallvec;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn};
use tensorwright_ir::{DType, Scalar, TensorType};

use super::lower::{Elements, Lowerer, Tensor};
use crate::kernel::{Affine, Buffer, Instr, Local, Outside, Reg};
use crate::schedule::scalar::Instructions;

/// Bytes of scratch for tensors that a kernel copies or makes.
const MAX_SCRATCH: u64 = 256 << 10;

/// A tensor in memory, row-major.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) buffer: Buffer,
    /// Elements of the whole buffer.
    pub(super) len: u64,
    /// Its first element, if it is a section of the buffer.
    pub(super) first: Option<Reg>,
    /// What was stored last when the tensor was made.
    pub(super) version: u32,
    pub(super) owner: Owner,
}

/// Whether a tensor's memory may be changed by the next one who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// It may: nobody else needs what is there.
    Reader,
    /// It may not.
    Others,
}

/// An element of memory: so many elements behind a computed place, of which there are so many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) buffer: Buffer,
    pub(super) at: Reg,
    pub(super) offset: u64,
    pub(super) places: u64,
}

impl Memory {
    /// The whole of a buffer, as it is before the kernel changes it.
    pub(super) fn whole(buffer: Buffer, ty: &TensorType, owner: Owner) -> Memory {
        Memory { buffer, len: ty.elements() as u64, first: None, version: 0, owner }
    }
}

impl Lowerer {
    pub(super) fn version(&self, buffer: Buffer) -> u32 {
        self.versions.get(&buffer).copied().unwrap_or_default()
    }

    /// Whether memory still holds the tensor.
    pub(super) fn is_current(&self, memory: Memory) -> bool {
        self.version(memory.buffer) == memory.version
    }

    /// The tensor that is in the memory from here on.
    pub(super) fn changed(&mut self, memory: Memory) -> Memory {
        self.last_version += 1;
        self.versions.insert(memory.buffer, self.last_version);
        self.forget(memory.buffer);
        Memory { version: self.last_version, owner: Owner::Reader, ..memory }
    }

    /// What has been loaded from a buffer is not what is there.
    pub(super) fn forget(&mut self, buffer: Buffer) {
        self.known.retain(|instr, _| instr.buffer() != Some(buffer));
    }

    pub(super) fn number(&mut self, n: u64) -> Reg {
        self.constant(Scalar::I64(n as i64))
    }

    /// The cell of element `offset` behind the place `at` of a tensor, whose places reach so far that `reach` elements follow each.
    pub(super) fn cell(&mut self, memory: Memory, at: Reg, offset: usize, reach: u64) -> Cell {
        let at = match memory.first {
            Some(first) => self.binary(BinaryFn::Add, first, at, DType::I64),
            None => at,
        };
        let Memory { buffer, len, .. } = memory;
        Cell { buffer, at, offset: offset as u64, places: len - reach }
    }

    pub(super) fn read(&mut self, cell: Cell, dtype: DType) -> Reg {
        let Cell { buffer, at, offset, places } = cell;
        let index = Affine::constant(offset as i64);
        self.instr(Instr::LoadAt { buffer, index, at, count: places }, dtype)
    }

    /// Stores a value, but only if `holds`, and only where the region runs. What was loaded from the buffer is no longer known.
    pub(super) fn write(&mut self, cell: Cell, value: Reg, holds: Option<Reg>) {
        let dtype = self.dtype(value);
        let holds = match (holds, self.runs) {
            (Some(holds), Some(runs)) => Some(self.binary(BinaryFn::And, runs, holds, DType::Bool)),
            (holds, runs) => holds.or(runs),
        };
        let value = match holds {
            Some(holds) => {
                let old = self.read(cell, dtype);
                self.instr(Instr::Select(holds, value, old), dtype)
            }
            None => value,
        };
        let Cell { buffer, at, offset, places } = cell;
        let index = Affine::constant(offset as i64);
        let (index, outside) = (index.clone(), Outside::Nearest);
        let store = Instr::StoreAt { buffer, index: index.clone(), at, count: places, value, outside };
        self.push(store, DType::Bool);
        self.forget(buffer);
        self.known.insert(Instr::LoadAt { buffer, index, at, count: places }, value);
    }

    /// The registers of a tensor, which are loaded if it is small and in memory.
    pub(super) fn registers(&mut self, tensor: &Tensor, ty: &TensorType) -> Option<Elements> {
        match *tensor {
            Tensor::Registers(ref elements) => Some(elements.clone()),
            // Each point has an element of its own of what is wide, not the first one.
            Tensor::Memory(memory) if self.is_current(memory) && !self.form.is_wide(ty) => {
                let count = self.form.registers(ty)?;
                Some(self.loaded(memory, count, ty.dtype))
            }
            Tensor::Memory(_) | Tensor::Splat(_) => None,
        }
    }

    /// The first elements of memory, whatever is there.
    pub(super) fn loaded(&mut self, memory: Memory, count: usize, dtype: DType) -> Elements {
        let zero = self.number(0);
        let reach = count as u64 - 1;
        let load = |k| {
            let cell = self.cell(memory, zero, k, reach);
            self.read(cell, dtype)
        };
        (0..count).map(load).collect()
    }

    /// Memory that holds the tensor and may be changed: its own, or a copy.
    pub(super) fn owned(&mut self, tensor: &Tensor, ty: &TensorType) -> Option<Memory> {
        match *tensor {
            Tensor::Memory(memory) if memory.owner == Owner::Reader && memory.first.is_none() => {
                self.is_current(memory).then_some(memory)
            }
            _ => self.copied(tensor, ty),
        }
    }

    /// A copy in scratch.
    fn copied(&mut self, tensor: &Tensor, ty: &TensorType) -> Option<Memory> {
        let scratch = self.scratch(ty)?;
        self.fill(scratch, tensor, ty)
    }

    /// Scratch for a tensor, in which nothing is yet.
    pub(super) fn scratch(&mut self, ty: &TensorType) -> Option<Memory> {
        let len = ty.elements() as u64;
        let taken: u64 = self.locals.iter().map(|local| local.len * local.dtype.size() as u64).sum();
        if taken + len * ty.dtype.size() as u64 > MAX_SCRATCH {
            return None;
        }
        let buffer = Buffer::Local(self.locals.len() as u32);
        self.locals.push(Local { dtype: ty.dtype, len });
        Some(Memory::whole(buffer, ty, Owner::Reader))
    }

    /// Puts a tensor into memory that has place for it, if it is not there; returns what is there then.
    pub(super) fn fill(&mut self, to: Memory, tensor: &Tensor, ty: &TensorType) -> Option<Memory> {
        let zero = self.number(0);
        match tensor {
            Tensor::Registers(elements) => {
                for (k, &value) in elements.iter().enumerate() {
                    let cell = self.cell(to, zero, k, elements.len() as u64 - 1);
                    self.write(cell, value, None);
                }
            }
            Tensor::Memory(from) if from.buffer == to.buffer && from.first.is_none() => {
                return self.is_current(*from).then_some(Memory { owner: Owner::Reader, ..*from });
            }
            tensor => self.write_all(to, zero, tensor, ty)?,
        }
        Some(self.changed(to))
    }

    /// Stores all elements of a tensor from the place `at` of other memory on, in a loop.
    pub(super) fn write_all(&mut self, to: Memory, at: Reg, tensor: &Tensor, ty: &TensorType) -> Option<()> {
        if matches!(tensor, Tensor::Memory(from) if from.buffer == to.buffer || !self.is_current(*from)) {
            return None;
        }
        let len = ty.elements() as u64;
        let (zero, one, end) = (self.number(0), self.number(1), self.number(len));
        let counter = Tensor::Registers(smallvec![zero]);
        self.repeat(
            &[counter],
            &[&TensorType::scalar(DType::I64)],
            |lowerer, state| {
                let [Tensor::Registers(k)] = state else { return None };
                Some(lowerer.compare(CompareFn::Lt, k[0], end))
            },
            |lowerer, state| {
                let [Tensor::Registers(k)] = state else { return None };
                let value = match tensor {
                    Tensor::Splat(value) => *value,
                    Tensor::Memory(from) => {
                        let cell = lowerer.cell(*from, k[0], 0, 0);
                        lowerer.read(cell, ty.dtype)
                    }
                    Tensor::Registers(_) => return None,
                };
                let place = lowerer.binary(BinaryFn::Add, at, k[0], DType::I64);
                let cell = lowerer.cell(to, place, 0, 0);
                lowerer.write(cell, value, None);
                let next = lowerer.binary(BinaryFn::Add, k[0], one, DType::I64);
                Some(vec![Tensor::Registers(smallvec![next])])
            },
        )?;
        Some(())
    }
}
