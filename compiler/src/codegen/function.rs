//! The function around the stages: its parameters, the loop over tiles, the grid variables.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::control::{Bound, Range};
use super::loops::LoopEmitter;
use super::value::{Emitter, memory};
use super::{CodegenError, math};
use crate::kernel::{Affine, Buffer, GridDim, Kernel, Var};
use crate::nest::{Address, Entry, NestProgram, NestStage, Trip};

/// What stages know of the tile.
pub(super) struct Frame<'k> {
    kernel: &'k Kernel,
    params: Vec<Value>,
    scratch: Value,
    /// Where the flag is that stops loops.
    stop: Value,
    /// The grid variables; `None` if there is one tile, so that it is always 0.
    grid: Vec<Option<Value>>,
    /// Indices in the tile along each grid loop, where that is not constant.
    lengths: Vec<Option<Value>>,
}

/// Emits the whole body, into an entry block that has the function's parameters.
pub(super) fn emit(e: &mut Emitter<'_, '_>, program: &NestProgram<'_>) -> Result<(), CodegenError> {
    let kernel = program.kernel;
    let entry = e.builder.create_block();
    e.builder.append_block_params_for_function_params(entry);
    e.builder.switch_to_block(entry);
    e.builder.seal_block(entry);
    let [table, scratch, begin, end, stop] = *e.builder.block_params(entry) else {
        return Err(CodegenError::Internal { what: "the signature has five parameters" });
    };
    let pointer = e.type_of(table);
    let step = pointer.bytes() as i32;
    let params =
        (0..kernel.params.len()).map(|i| e.ins().load(pointer, memory(), table, step * i as i32)).collect();
    let mut frame = Frame { kernel, params, scratch, stop, grid: Vec::new(), lengths: Vec::new() };
    let range = Range { from: Bound::Dyn(begin), to: Bound::Dyn(end), step: 1, entry: Entry::Perhaps };
    let (tiles, _) = e.open_loop(range, &[]);
    frame.enter_tile(e, tiles.index);
    for stage in &program.stages {
        match stage {
            NestStage::Nest(nest) => LoopEmitter::emit(e, &frame, nest)?,
            NestStage::Strip(call) => math::emit(e, &frame, call)?,
        }
    }
    e.close_loop(tiles, &[]);
    e.ins().return_(&[]);
    Ok(())
}

impl<'k> Frame<'k> {
    pub(super) fn kernel(&self) -> &'k Kernel {
        self.kernel
    }

    /// Whether loops are to be left: 0 or 1.
    pub(super) fn is_stopped(&self, e: &mut Emitter<'_, '_>) -> Value {
        e.ins().load(types::I8, memory(), self.stop, 0)
    }

    /// Splits the number of the tile, row-major, into first indices.
    fn enter_tile(&mut self, e: &mut Emitter<'_, '_>, tile: Value) {
        let grid = &self.kernel.grid;
        self.grid = vec![None; grid.len()];
        let mut rest = tile;
        let moving: Vec<usize> = (0..grid.len()).filter(|&g| grid[g].tiles() > 1).collect();
        for (k, &g) in moving.iter().enumerate().rev() {
            let number = if k == 0 {
                rest
            } else {
                let (quotient, remainder) = divide(e, rest, grid[g].tiles());
                rest = quotient;
                remainder
            };
            self.grid[g] = Some(e.ins().imul_imm_s(number, grid[g].tile as i64));
        }
        self.lengths =
            (0..grid.len()).map(|g| self.grid[g].and_then(|first| length(e, grid[g], first))).collect();
    }

    /// Iterations of a loop in this tile.
    pub(super) fn length(&self, trip: Trip) -> Bound {
        match trip.grid.and_then(|g| self.lengths[g as usize]) {
            Some(length) => Bound::Dyn(length),
            None => Bound::Const(trip.full),
        }
    }

    /// The first index of the tile along a grid loop.
    pub(super) fn grid(&self, g: u32) -> Option<Value> {
        self.grid[g as usize]
    }

    /// Address of an element at the loop's beginning, as far as the tile decides it. The constant part is left out.
    pub(super) fn pointer(&self, e: &mut Emitter<'_, '_>, buffer: Buffer, index: &Affine) -> Value {
        let mut pointer = match buffer {
            Buffer::Param(i) => self.params[i as usize],
            Buffer::Local(i) => {
                let offset = self.kernel.local_offset(i) as i64;
                if offset == 0 { self.scratch } else { e.ins().iadd_imm_s(self.scratch, offset) }
            }
        };
        let size = self.kernel.dtype(buffer).size() as i64;
        for &(var, coefficient) in &index.terms {
            if let Var::Grid(g) = var
                && let Some(first) = self.grid[g as usize]
            {
                pointer = e.advance(pointer, first, coefficient * size);
            }
        }
        pointer
    }

    /// Address of an element that a nest addresses, with its constant part.
    pub(super) fn address(&self, e: &mut Emitter<'_, '_>, address: &Address) -> Value {
        let pointer = self.pointer(e, address.buffer, &address.index);
        let bytes = address.index.offset * self.kernel.dtype(address.buffer).size() as i64;
        if bytes == 0 { pointer } else { e.ins().iadd_imm_s(pointer, bytes) }
    }
}

impl Emitter<'_, '_> {
    /// `base + count * stride`, in a form that the code generator can fold into an address.
    pub(super) fn advance(&mut self, base: Value, count: Value, stride: i64) -> Value {
        match stride {
            0 => base,
            1 => self.ins().iadd(base, count),
            _ if stride.count_ones() == 1 => {
                let scaled = self.shl(count, stride.trailing_zeros());
                self.ins().iadd(base, scaled)
            }
            _ => {
                let scaled = self.ins().imul_imm_s(count, stride);
                self.ins().iadd(base, scaled)
            }
        }
    }
}

/// Quotient and remainder of unsigned division by a constant.
fn divide(e: &mut Emitter<'_, '_>, x: Value, by: u64) -> (Value, Value) {
    if by.is_power_of_two() {
        let quotient = e.ushr(x, by.trailing_zeros());
        return (quotient, e.ins().band_imm_u(x, (by - 1) as i64));
    }
    let quotient = e.ins().udiv_imm_u(x, by as i64);
    let whole = e.ins().imul_imm_s(quotient, by as i64);
    (quotient, e.ins().isub(x, whole))
}

/// Indices of the tile that begins at `first`, if that is not always the same.
fn length(e: &mut Emitter<'_, '_>, dim: GridDim, first: Value) -> Option<Value> {
    if dim.extent.is_multiple_of(dim.tile) {
        return None;
    }
    let extent = e.ins().iconst(types::I64, dim.extent as i64);
    let tile = e.ins().iconst(types::I64, dim.tile as i64);
    let left = e.ins().isub(extent, first);
    let partial = e.icmp(IntCC::UnsignedLessThan, left, tile);
    Some(e.ins().select(partial, left, tile))
}
