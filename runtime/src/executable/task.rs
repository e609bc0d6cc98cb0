//! Steps, ready to run: kernels, routines that run tile by tile, routines of the library, control flow, effects and calls of the program.

use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;
use tensorwright_compiler::CompileError;
use tensorwright_compiler::cost;
use tensorwright_compiler::program::{KernelCall, OperandForm, Program, Step};
use tensorwright_ir::op::Lowering;

use super::block::Block;
use super::control::ControlTask;
use super::effect::EffectTask;
use super::host::HostTask;
use super::list::ListTask;
use super::shared::Shared;
use super::{BuildExecutableError, RunError};
use crate::buffer::OutOfMemory;
use crate::cancel::Limits;
use crate::jit::CompiledKernel;
use crate::library::error::RoutineError;
use crate::library::routine::Routine;
use crate::library::tiled::{self, Packing, TiledKernel};
use crate::workers::{Failure, Workers, with_scratch};

/// Estimated nanoseconds of work from which on a second thread pays for being woken.
const MIN_SHARED_NS: u64 = 20_000;
/// Estimated nanoseconds of the pieces that threads take.
const PIECE_NS: u64 = 10_000;

/// One step.
#[derive(Debug)]
pub(super) enum Task {
    Kernel(KernelTask),
    Tiled(Box<TiledTask>),
    Pack(Box<PackTask>),
    Routine { routine: Routine, operands: Vec<usize>, results: Vec<usize> },
    Control(Box<ControlTask>),
    Effect(Box<EffectTask>),
    Host(Box<HostTask>),
    List(Box<ListTask>),
}

#[derive(Debug)]
pub(super) struct KernelTask {
    pub(super) kernel: Arc<CompiledKernel>,
    args: SmallVec<[usize; 8]>,
    tiles: u64,
    tile_ns: u64,
    scratch_bytes: usize,
}

#[derive(Debug)]
pub(super) struct TiledTask {
    kernel: Box<dyn TiledKernel>,
    operands: SmallVec<[usize; 2]>,
    out: usize,
    pub(super) epilogue: Option<KernelTask>,
}

/// An operand that is packed for later steps.
#[derive(Debug)]
pub(super) struct PackTask {
    kernel: Box<dyn TiledKernel>,
    packing: Packing,
    /// Which operand of the kernel.
    operand: usize,
    from: usize,
    out: usize,
}

/// A step of the program, by its number, ready to run.
pub(super) fn task(
    (program, at): (&Program, usize),
    kernels: &[Arc<CompiledKernel>],
    last_uses: &[usize],
) -> Result<Task, BuildExecutableError> {
    let kernel_task = |call: &KernelCall| {
        let kernel = &program.kernels[call.kernel];
        KernelTask {
            kernel: kernels[call.kernel].clone(),
            args: call.args.iter().copied().collect(),
            tiles: kernel.tiles(),
            tile_ns: cost::tile_ns(kernel),
            scratch_bytes: kernel.scratch_bytes(),
        }
    };
    Ok(match &program.steps[at] {
        Step::Kernel(call) => Task::Kernel(kernel_task(call)),
        Step::Pack { routine, operand, from, out } => {
            let kernel = tiled::planned_strided(routine)?;
            let what = "operands are packed for routines that gain by it";
            let packing = kernel.packing(*operand).ok_or(CompileError::Internal { what })?;
            Task::Pack(Box::new(PackTask { kernel, packing, operand: *operand, from: *from, out: *out }))
        }
        Step::Tiled(call) => {
            let forms: SmallVec<[OperandForm; 2]> =
                call.operands.iter().map(|operand| operand.form).collect();
            Task::Tiled(Box::new(TiledTask {
                kernel: tiled::planned(&call.routine, &forms)?,
                operands: call.operand_slots().collect(),
                out: call.out,
                epilogue: call.epilogue.as_ref().map(kernel_task),
            }))
        }
        Step::Routine { op, operands, operand_types, results, location, .. }
            if op.lowering() == Lowering::Host =>
        {
            Task::Host(Box::new(HostTask::new(op, operands, operand_types, results, location.clone())?))
        }
        Step::Routine { op, operands, operand_types, results, result_types, .. } => {
            let routine = Routine::prepare(op, operand_types, result_types)?;
            Task::Routine { routine, operands: operands.clone(), results: results.clone() }
        }
        Step::List { op, operands, operand_types, results, location, .. } => {
            let operands = (&operands[..], &operand_types[..]);
            let takes = operands.0.first().is_some_and(|&list| program.is_last_use(at, list, last_uses));
            let task = ListTask::new(op, operands, results, location.clone(), takes);
            Task::List(Box::new(task.ok_or(RoutineError::NoRoutine { op: op.name() })?))
        }
        Step::Control(control) => Task::Control(Box::new(ControlTask::new(control, |slot| {
            program.is_last_use(at, slot, last_uses)
        })?)),
        Step::Effect { op, operands, operand_types, location } => {
            Task::Effect(Box::new(EffectTask::new(op, operands, operand_types, location.clone())?))
        }
    })
}

impl Task {
    /// # Safety
    /// `memory` has a valid pointer for each slot, large enough for its type, and a cell for each list; slots that are written are
    /// used by nobody else.
    #[inline]
    pub(super) unsafe fn run(&self, memory: &[*mut u8], limits: Limits<'_>) -> Result<(), RunError> {
        match self {
            // SAFETY: as of this function.
            Task::Kernel(task) => unsafe { task.run(memory, limits)? },
            // SAFETY: as of this function.
            Task::Tiled(task) => unsafe { task.run(memory, limits)? },
            // SAFETY: as of this function.
            Task::Pack(task) => unsafe { task.run(memory, limits.threads) },
            // SAFETY: as of this function.
            Task::Control(task) => return unsafe { task.run(memory, limits) },
            // SAFETY: as of this function.
            Task::List(task) => return unsafe { task.run(memory) },
            // SAFETY: as of this function.
            Task::Effect(task) => return unsafe { task.run(memory) },
            // SAFETY: as of this function.
            Task::Host(task) => return unsafe { task.run(memory) },
            Task::Routine { routine, operands, results } => {
                let inputs: SmallVec<[*const u8; 8]> =
                    operands.iter().map(|&s| memory[s].cast_const()).collect();
                let outputs: SmallVec<[*mut u8; 4]> = results.iter().map(|&s| memory[s]).collect();
                // SAFETY: the routine was prepared for the types of these slots.
                unsafe { routine.run(&inputs, &outputs, limits.threads)? };
            }
        }
        Ok(())
    }

    /// The blocks of control flow.
    pub(super) fn regions(&self) -> &[Block] {
        match self {
            Task::Control(task) => &task.regions,
            _ => &[],
        }
    }

    /// Estimated nanoseconds on one thread.
    pub(super) fn estimated_ns(&self) -> u64 {
        match self {
            Task::Kernel(task) => task.tiles.saturating_mul(task.tile_ns),
            Task::Tiled(task) => task.estimated_ns(),
            Task::Pack(task) => task.packing.parts.saturating_mul(task.packing.part_ns),
            Task::Routine { routine, .. } => {
                routine.phases().iter().map(|phase| phase.tiles.saturating_mul(phase.tile_ns)).sum()
            }
            Task::Control(task) => task.estimated_ns(),
            Task::List(task) => task.estimated_ns(),
            Task::Effect(_) | Task::Host(_) => 0,
        }
    }
}

/// Runs `body` on all tiles; on several threads if the estimated work is worth it.
pub(super) fn share(tiles: u64, tile_ns: u64, threads: usize, body: &(dyn Fn(Range<u64>) + Sync)) {
    if threads <= 1 || tiles <= 1 || tiles.saturating_mul(tile_ns) < MIN_SHARED_NS {
        body(0..tiles);
    } else {
        Workers::global().run(tiles, threads, (PIECE_NS / tile_ns.max(1)).max(1), body);
    }
}

/// As [`share`], with scratch memory for each piece.
fn share_with_scratch(
    (tiles, tile_ns): (u64, u64),
    threads: usize,
    scratch_bytes: usize,
    body: &(dyn Fn(Range<u64>, *mut u8) + Sync),
) -> Result<(), OutOfMemory> {
    let failure = Failure::none();
    share(tiles, tile_ns, threads, &|range| {
        failure.keep(with_scratch(scratch_bytes, |scratch| body(range, scratch)));
    });
    failure.outcome()
}

impl KernelTask {
    /// # Safety
    /// As of [`Task::run`].
    #[inline]
    unsafe fn run(&self, memory: &[*mut u8], limits: Limits<'_>) -> Result<(), OutOfMemory> {
        let params: SmallVec<[*mut u8; 8]> = self.args.iter().map(|&slot| memory[slot]).collect();
        let params = Shared::new(params);
        let work = (self.tiles, self.tile_ns);
        share_with_scratch(work, limits.threads, self.scratch_bytes, &|tiles, scratch| {
            // SAFETY: the params are those of the kernel, in its order; tiles are disjoint.
            unsafe { self.kernel.run(params.get().as_ptr(), scratch, tiles, limits.stop) }
        })
    }
}

impl PackTask {
    /// # Safety
    /// As of [`Task::run`].
    unsafe fn run(&self, memory: &[*mut u8], threads: usize) {
        let shared = Shared::new((memory[self.from], memory[self.out]));
        share(self.packing.parts, self.packing.part_ns, threads, &|parts| {
            let &(from, out) = shared.get();
            for part in parts {
                // SAFETY: the operand is that of the routine, the slot was made for it when packed, and parts are disjoint.
                unsafe { self.kernel.pack_part(self.operand, part, from, out) };
            }
        });
    }
}

impl TiledTask {
    /// # Safety
    /// As of [`Task::run`].
    unsafe fn run(&self, memory: &[*mut u8], limits: Limits<'_>) -> Result<(), OutOfMemory> {
        let operands: SmallVec<[*const u8; 2]> =
            self.operands.iter().map(|&slot| memory[slot].cast_const()).collect();
        let params: SmallVec<[*mut u8; 8]> =
            self.epilogue.iter().flat_map(|e| e.args.iter().map(|&slot| memory[slot])).collect();
        let shared = Shared::new((operands, memory[self.out], params));
        let scratch_bytes =
            self.kernel.scratch_bytes().max(self.epilogue.as_ref().map_or(0, |e| e.scratch_bytes));
        let work = (self.kernel.tiles(), self.kernel.tile_ns());
        share_with_scratch(work, limits.threads, scratch_bytes, &|range, scratch| {
            let (operands, out, params) = shared.get();
            for tile in range {
                // SAFETY: the routine stays inside its operands and result (rule 5 of `program::verify`); tiles are disjoint.
                unsafe {
                    self.kernel.run_tile(tile, operands, *out, scratch);
                    self.finish_tile(tile, params, scratch, limits);
                }
            }
        })
    }

    /// Estimated nanoseconds on one thread.
    fn estimated_ns(&self) -> u64 {
        let epilogue_ns = self.epilogue.as_ref().map_or(0, |epilogue| epilogue.tile_ns);
        self.kernel.tiles().saturating_mul(self.kernel.tile_ns() + epilogue_ns)
    }

    /// # Safety
    /// `params` are those of the epilogue, and the tile has been computed.
    unsafe fn finish_tile(&self, tile: u64, params: &[*mut u8], scratch: *mut u8, limits: Limits<'_>) {
        let Some(epilogue) = &self.epilogue else { return };
        let index = self.kernel.position(tile);
        // SAFETY: the epilogue's grid has the tiles of the routine, in row-major order (rule 5 of `program::verify`).
        unsafe { epilogue.kernel.run(params.as_ptr(), scratch, index..index + 1, limits.stop) };
    }
}
