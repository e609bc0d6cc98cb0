//! Steps, ready to run: kernels, matrix products, routines of the library, control flow and effects.

use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;
use tensorwright_compiler::CompileError;
use tensorwright_compiler::cost;
use tensorwright_compiler::program::{self, KernelCall, Product, Program, Step};

use super::block::Block;
use super::control::ControlTask;
use super::effect::EffectTask;
use super::list::ListTask;
use super::shared::Shared;
use super::{BuildExecutableError, RunError};
use crate::buffer::OutOfMemory;
use crate::jit::CompiledKernel;
use crate::library::matmul;
use crate::library::routine::{Routine, RoutineError};
use crate::workers::{Failure, Workers, with_scratch};

/// Estimated nanoseconds of work from which on a second thread pays for being woken.
const MIN_SHARED_NS: u64 = 20_000;
/// Estimated nanoseconds of the pieces that threads take.
const PIECE_NS: u64 = 10_000;

/// One step.
#[derive(Debug)]
pub(super) enum Task {
    Kernel(KernelTask),
    MatMul(Box<MatMulTask>),
    Pack(Box<PackTask>),
    Routine { routine: Routine, operands: Vec<usize>, results: Vec<usize> },
    Control(Box<ControlTask>),
    Effect(Box<EffectTask>),
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
pub(super) struct MatMulTask {
    plan: matmul::MatMul,
    product: Product,
    element_bytes: [i64; 3],
    lhs: usize,
    rhs: usize,
    out: usize,
    pub(super) epilogue: Option<KernelTask>,
    /// Iterations of the loops around the batch.
    outer: u64,
}

/// A right operand that is packed for later products.
#[derive(Debug)]
pub(super) struct PackTask {
    plan: matmul::MatMul,
    offset_bytes: isize,
    matrix: usize,
    out: usize,
}

pub(super) fn planned(product: &Product) -> Result<matmul::MatMul, RoutineError> {
    let element = matmul::Element::from;
    let loops = [product.batch, product.rows, product.columns, product.depth];
    let [batch, rows, columns, depth] = loops.map(|l| l.extent as usize);
    let Product { batch: b, rows: r, columns: c, depth: d, .. } = product;
    let product = matmul::Product {
        batch,
        rows,
        columns,
        depth,
        input: element(product.input),
        output: element(product.output),
        lhs: matmul::Strides { batch: b.lhs, row: r.lhs, column: d.lhs },
        rhs: matmul::Strides { batch: b.rhs, row: d.rhs, column: c.rhs },
        out: matmul::Strides { batch: b.out, row: r.out, column: c.out },
        accumulate: false,
    };
    Ok(matmul::MatMul::plan(&product)?)
}

fn planned_packed(product: &Product) -> Result<matmul::MatMul, BuildExecutableError> {
    let what = "operands are packed for products that gain by it";
    planned(product)?.prepacked().ok_or(CompileError::Internal { what }.into())
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
        Step::Pack { product, matrix, out } => Task::Pack(Box::new(PackTask {
            plan: planned_packed(product)?,
            offset_bytes: product.rhs_offset as isize * product.input.size() as isize,
            matrix: *matrix,
            out: *out,
        })),
        Step::MatMul { product, lhs, rhs, packed, out, epilogue } => {
            let plan = if *packed { planned_packed(product)? } else { planned(product)? };
            let rhs_offset = if *packed { 0 } else { product.rhs_offset };
            let (input, output) = (product.input.size() as i64, product.output.size() as i64);
            Task::MatMul(Box::new(MatMulTask {
                plan,
                product: Product { rhs_offset, ..product.clone() },
                element_bytes: [input, input, output],
                lhs: *lhs,
                rhs: *rhs,
                out: *out,
                epilogue: epilogue.as_ref().map(kernel_task),
                outer: product.outer.iter().map(|l: &program::Loop| l.extent).product(),
            }))
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
            Task::Effect(Box::new(EffectTask::new(op, operands, operand_types, location.clone())))
        }
    })
}

impl Task {
    /// # Safety
    /// `memory` has a valid pointer for each slot, large enough for its type, and a cell for each list; slots that are written are
    /// used by nobody else.
    #[inline]
    pub(super) unsafe fn run(&self, memory: &[*mut u8], threads: usize) -> Result<(), RunError> {
        match self {
            // SAFETY: as of this function.
            Task::Kernel(task) => unsafe { task.run(memory, threads)? },
            // SAFETY: as of this function.
            Task::MatMul(task) => unsafe { task.run(memory, threads)? },
            // SAFETY: as of this function.
            Task::Pack(task) => unsafe { task.run(memory, threads) },
            // SAFETY: as of this function.
            Task::Control(task) => return unsafe { task.run(memory, threads) },
            // SAFETY: as of this function.
            Task::List(task) => return unsafe { task.run(memory) },
            // SAFETY: as of this function.
            Task::Effect(task) => return unsafe { task.run(memory) },
            Task::Routine { routine, operands, results } => {
                let inputs: SmallVec<[*const u8; 8]> =
                    operands.iter().map(|&s| memory[s].cast_const()).collect();
                let outputs: SmallVec<[*mut u8; 4]> = results.iter().map(|&s| memory[s]).collect();
                // SAFETY: the routine was prepared for the types of these slots.
                unsafe { routine.run(&inputs, &outputs, threads)? };
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
            Task::MatMul(task) => {
                (task.plan.tiles() * task.outer).saturating_mul(task.tile_ns() + task.epilogue_ns())
            }
            Task::Pack(task) => task.plan.packing_parts().saturating_mul(PackTask::PART_NS),
            Task::Routine { routine, .. } => {
                routine.phases().iter().map(|phase| phase.tiles.saturating_mul(phase.tile_ns)).sum()
            }
            Task::Control(task) => task.estimated_ns(),
            Task::List(task) => task.estimated_ns(),
            Task::Effect(_) => 0,
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
    unsafe fn run(&self, memory: &[*mut u8], threads: usize) -> Result<(), OutOfMemory> {
        let params: SmallVec<[*mut u8; 8]> = self.args.iter().map(|&slot| memory[slot]).collect();
        let params = Shared::new(params);
        let work = (self.tiles, self.tile_ns);
        share_with_scratch(work, threads, self.scratch_bytes, &|tiles, scratch| {
            // SAFETY: the params are those of the kernel, in its order; tiles are disjoint.
            unsafe { self.kernel.run(params.get().as_ptr(), scratch, tiles.start, tiles.end) }
        })
    }
}

impl PackTask {
    /// Estimated nanoseconds of a part: 64 KiB are read and written.
    const PART_NS: u64 = 8_000;

    /// # Safety
    /// As of [`Task::run`].
    unsafe fn run(&self, memory: &[*mut u8], threads: usize) {
        let shared = Shared::new((memory[self.matrix].wrapping_offset(self.offset_bytes), memory[self.out]));
        share(self.plan.packing_parts(), PackTask::PART_NS, threads, &|parts| {
            let &(matrix, out) = shared.get();
            for part in parts {
                // SAFETY: the operand is that of the product, the slot was made for it when packed, and parts are disjoint.
                unsafe { self.plan.pack_part(part, matrix, out) };
            }
        });
    }
}

impl MatMulTask {
    /// # Safety
    /// As of [`Task::run`].
    unsafe fn run(&self, memory: &[*mut u8], threads: usize) -> Result<(), OutOfMemory> {
        let [lhs_bytes, rhs_bytes, _] = self.element_bytes;
        let lhs = memory[self.lhs].wrapping_offset((self.product.lhs_offset * lhs_bytes) as isize);
        let rhs = memory[self.rhs].wrapping_offset((self.product.rhs_offset * rhs_bytes) as isize);
        let params: SmallVec<[*mut u8; 8]> =
            self.epilogue.iter().flat_map(|e| e.args.iter().map(|&slot| memory[slot])).collect();
        let shared = Shared::new((lhs, rhs, memory[self.out], params));
        let scratch_bytes =
            self.plan.scratch_bytes().max(self.epilogue.as_ref().map_or(0, |e| e.scratch_bytes));
        let tiles = self.plan.tiles();
        let work = (tiles * self.outer, self.tile_ns());
        share_with_scratch(work, threads, scratch_bytes, &|range, scratch| {
            let (lhs, rhs, out, params) = shared.get();
            for index in range {
                let [l, r, o] = self.outer_offset(index / tiles);
                let tile = index % tiles;
                // SAFETY: offsets stay inside the operands, because the product does; tiles are disjoint.
                unsafe {
                    let (lhs, rhs) = (lhs.wrapping_offset(l), rhs.wrapping_offset(r));
                    self.plan.run_tile(tile, out.wrapping_offset(o), lhs, rhs, scratch);
                    self.finish_tile(tile, params, scratch);
                }
            }
        })
    }

    /// Estimated nanoseconds of a tile: about 50 multiplications per nanosecond.
    fn tile_ns(&self) -> u64 {
        self.plan.work_per_tile() / 50 + 50
    }

    fn epilogue_ns(&self) -> u64 {
        self.epilogue.as_ref().map_or(0, |epilogue| epilogue.tile_ns)
    }

    /// # Safety
    /// `params` are those of the epilogue, and the tile has been computed.
    unsafe fn finish_tile(&self, tile: u64, params: &[*mut u8], scratch: *mut u8) {
        let Some(epilogue) = &self.epilogue else { return };
        let part = self.plan.tile(tile);
        let (rows, columns) = self.plan.tile_size();
        let down = self.product.rows.extent.div_ceil(rows);
        let across = self.product.columns.extent.div_ceil(columns);
        let index = (part.batch * down + part.rows.start / rows) * across + part.columns.start / columns;
        // SAFETY: the epilogue's grid has the tiles of the product, in row-major order (rule 5 of `program::verify`).
        unsafe { epilogue.kernel.run(params.as_ptr(), scratch, index, index + 1) };
    }

    /// Bytes to add to the operands and the result in an iteration of the outer loops.
    fn outer_offset(&self, mut index: u64) -> [isize; 3] {
        let mut offset = [0i64; 3];
        for l in self.product.outer.iter().rev() {
            let i = (index % l.extent.max(1)) as i64;
            index /= l.extent.max(1);
            for (sum, (step, bytes)) in
                offset.iter_mut().zip([l.lhs, l.rhs, l.out].into_iter().zip(self.element_bytes))
            {
                *sum += i * step * bytes;
            }
        }
        offset.map(|o| o as isize)
    }
}
