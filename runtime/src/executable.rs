//! Executables: compiled graphs, and how their steps run.
//!
//! A run takes one arena and the output buffers from the pool and walks the steps. Steps that are worth it are shared among
//! threads by their tiles; what a tile computes depends on shapes only.

use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;
use tensorwright_compiler::contraction::{self, MatMul as Product};
use tensorwright_compiler::program::{KernelCall, Place, Program, Step};
use tensorwright_compiler::{CompileError, CompileOptions, Target, compile};
use tensorwright_ir::{Graph, Type};

use crate::buffer::{Buffer, BufferPool, OutOfMemory, SharedBuffer};
use crate::dump::{DumpError, dump};
use crate::jit::{CompiledKernel, JitError, compile_kernels};
use crate::library::matmul;
use crate::library::routine::{Routine, RoutineError};
use crate::workers::{Workers, with_scratch};

/// Estimated nanoseconds of work from which on a second thread pays for being woken.
const MIN_SHARED_NS: u64 = 20_000;
/// Estimated nanoseconds of the pieces that threads take.
const PIECE_NS: u64 = 10_000;

/// About what parts of an executable take on the heap, measured: the rest of it, a kernel besides its code (the
/// module and two copies of its text), a node with its results, a graph input, a slot of the program.
const EXECUTABLE_BYTES: usize = 3072;
const KERNEL_BYTES: usize = 4096;
const NODE_BYTES: usize = 592;
const VALUE_BYTES: usize = 128;
const SLOT_BYTES: usize = 512;

/// A compiled graph, ready to run on any thread.
#[derive(Debug)]
pub struct Executable {
    inputs: Vec<Type>,
    outputs: Vec<Type>,
    output_places: Vec<OutputPlace>,
    places: Vec<SlotPlace>,
    /// Sizes of the buffers that are made for outputs.
    fresh_bytes: Vec<usize>,
    constants: Vec<SharedBuffer>,
    steps: Vec<Task>,
    arena_bytes: usize,
    program: Program,
    graph: Graph,
    options: CompileOptions,
}

/// Why a graph has no executable.
#[derive(Debug, thiserror::Error)]
pub enum BuildExecutableError {
    /// The compiler failed.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// Code generation failed.
    #[error(transparent)]
    Jit(#[from] JitError),
    /// The library has no such routine.
    #[error(transparent)]
    Routine(#[from] RoutineError),
    /// There is no memory for the constants.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
}

#[derive(Clone, Copy, Debug)]
enum SlotPlace {
    Input(usize),
    Constant(usize),
    Fresh(usize),
    Arena(usize),
}

#[derive(Clone, Copy, Debug)]
enum OutputPlace {
    Input(usize),
    Constant(usize),
    Fresh(usize),
}

#[derive(Debug)]
enum Task {
    Kernel(KernelTask),
    MatMul(Box<MatMulTask>),
    Routine { routine: Routine, operands: Vec<usize>, results: Vec<usize> },
}

#[derive(Debug)]
struct KernelTask {
    kernel: Arc<CompiledKernel>,
    args: SmallVec<[usize; 8]>,
    tiles: u64,
    tile_ns: u64,
    scratch_bytes: usize,
}

#[derive(Debug)]
struct MatMulTask {
    plan: matmul::MatMul,
    product: Product,
    element_bytes: [i64; 3],
    lhs: usize,
    rhs: usize,
    out: usize,
    epilogue: Option<KernelTask>,
    /// Iterations of the loops around the batch.
    outer: u64,
}

/// What the compiler must know of this runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct Native;

impl Target for Native {
    fn matmul_tile(&self, product: &Product) -> Option<(u64, u64)> {
        planned(product).ok().map(|plan| plan.tile_size())
    }
}

fn planned(product: &Product) -> Result<matmul::MatMul, RoutineError> {
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

impl Executable {
    /// Compiles a graph.
    ///
    /// # Errors
    /// If memory for its constants runs out, or through a bug of the compiler.
    pub fn compile(graph: &Graph, options: &CompileOptions) -> Result<Executable, BuildExecutableError> {
        let program = compile(graph, options, &Native)?;
        let kernels = compile_kernels(&program.kernels)?;
        let mut executable = Executable {
            inputs: program.inputs.clone(),
            outputs: program.outputs.iter().map(|(ty, _)| ty.clone()).collect(),
            output_places: Vec::new(),
            places: Vec::new(),
            fresh_bytes: Vec::new(),
            constants: Vec::new(),
            steps: Vec::new(),
            arena_bytes: program.arena_bytes,
            program,
            graph: graph.clone(),
            options: options.clone(),
        };
        executable.place_slots()?;
        for step in &executable.program.steps {
            let task = task(step, &executable.program, &kernels)?;
            executable.steps.push(task);
        }
        Ok(executable)
    }

    fn place_slots(&mut self) -> Result<(), OutOfMemory> {
        for slot in &self.program.slots {
            let place = match &slot.place {
                Place::Input(i) => SlotPlace::Input(*i),
                Place::Arena(offset) => SlotPlace::Arena(*offset),
                Place::Output => {
                    self.fresh_bytes.push(slot.ty.bytes());
                    SlotPlace::Fresh(self.fresh_bytes.len() - 1)
                }
                Place::Constant(literal) => {
                    self.constants.push(BufferPool::global().copy_of(literal.bytes())?);
                    SlotPlace::Constant(self.constants.len() - 1)
                }
            };
            self.places.push(place);
        }
        for &(_, slot) in &self.program.outputs {
            self.output_places.push(match self.places[slot] {
                SlotPlace::Input(i) => OutputPlace::Input(i),
                SlotPlace::Constant(i) => OutputPlace::Constant(i),
                SlotPlace::Fresh(i) => OutputPlace::Fresh(i),
                SlotPlace::Arena(_) => unreachable!("outputs are not in the arena"),
            });
        }
        Ok(())
    }

    /// Types of the inputs.
    pub fn input_types(&self) -> &[Type] {
        &self.inputs
    }

    /// Types of the outputs.
    pub fn output_types(&self) -> &[Type] {
        &self.outputs
    }

    /// The program that it runs.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The graph at a stage of compilation, as text; see [`dump`].
    ///
    /// # Errors
    /// If there is no such stage.
    pub fn dump(&self, stage: &str) -> Result<String, DumpError> {
        dump(&self.graph, &self.options, stage)
    }

    /// Bytes of machine code, counting kernels shared with other executables.
    pub fn code_bytes(&self) -> usize {
        self.kernels().map(|k| k.kernel.code_bytes()).sum()
    }

    fn kernels(&self) -> impl Iterator<Item = &KernelTask> {
        self.steps.iter().filter_map(|task| match task {
            Task::Kernel(kernel) => Some(kernel),
            Task::MatMul(matmul) => matmul.epilogue.as_ref(),
            Task::Routine { .. } => None,
        })
    }

    /// Bytes of constants.
    pub fn constant_bytes(&self) -> usize {
        self.constants.iter().map(SharedBuffer::len).sum()
    }

    /// The graph that was compiled.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Bytes that dropping the executable gives back, about: pages of code, constants, and what describes
    /// them. Kernels shared with other executables count in full; memory of runs is the pool's.
    pub fn held_bytes(&self) -> usize {
        let kernels = self.kernels().map(|k| k.kernel.memory_bytes() + KERNEL_BYTES);
        let graph = self.graph.nodes().len() * NODE_BYTES + self.graph.inputs().len() * VALUE_BYTES;
        let slots = self.places.len() * SLOT_BYTES;
        EXECUTABLE_BYTES + kernels.sum::<usize>() + self.constant_bytes() + graph + slots
    }

    /// Bytes that a run takes at most, besides its inputs: arena and outputs.
    pub fn peak_bytes(&self) -> usize {
        self.arena_bytes + self.fresh_bytes.iter().sum::<usize>()
    }

    /// Runs on `inputs`, with at most `threads` threads. Each output is a buffer of the pool, or one of the inputs or constants if it is
    /// the same memory.
    ///
    /// # Errors
    /// When there is no memory for outputs or intermediates.
    ///
    /// # Panics
    /// If the number or the sizes of the inputs are not those of [`Executable::input_types`]: that is the caller's bug.
    pub fn run(
        &self,
        inputs: &[&SharedBuffer],
        threads: usize,
    ) -> Result<SmallVec<[SharedBuffer; 2]>, OutOfMemory> {
        assert_eq!(inputs.len(), self.inputs.len(), "number of inputs");
        for (buffer, ty) in inputs.iter().zip(&self.inputs) {
            assert_eq!(buffer.len(), ty.bytes(), "bytes of an input of type {ty}");
        }
        let pool = BufferPool::global();
        let mut arena = (self.arena_bytes > 0).then(|| pool.get(self.arena_bytes)).transpose()?;
        let mut fresh = SmallVec::<[Buffer; 2]>::new();
        for &bytes in &self.fresh_bytes {
            fresh.push(pool.get(bytes)?);
        }
        let base = arena.as_mut().map_or(std::ptr::null_mut(), Buffer::as_mut_ptr);
        let mut memory = SmallVec::<[*mut u8; 128]>::with_capacity(self.places.len());
        for &place in &self.places {
            memory.push(match place {
                SlotPlace::Input(i) => inputs[i].as_ptr().cast_mut(),
                SlotPlace::Constant(i) => self.constants[i].as_ptr().cast_mut(),
                SlotPlace::Fresh(i) => fresh[i].as_mut_ptr(),
                SlotPlace::Arena(offset) => base.wrapping_add(offset),
            });
        }
        for task in &self.steps {
            // SAFETY: `memory` has a pointer for each slot, to as many bytes as its type takes: inputs were checked,
            // the rest was made for it. Arena slots that live at the same time do not overlap, and programs only
            // write to slots that are outputs or in the arena.
            unsafe { task.run(&memory, threads) };
        }
        // SAFETY: the program has written every element of its outputs, and no step runs any more.
        let fresh: SmallVec<[SharedBuffer; 2]> =
            fresh.into_iter().map(|b| unsafe { b.assume_init() }).collect();
        Ok(self.collect_outputs(inputs, fresh))
    }

    fn collect_outputs(
        &self,
        inputs: &[&SharedBuffer],
        fresh: SmallVec<[SharedBuffer; 2]>,
    ) -> SmallVec<[SharedBuffer; 2]> {
        let output = |place: &OutputPlace| match *place {
            OutputPlace::Input(i) => inputs[i].clone(),
            OutputPlace::Constant(i) => self.constants[i].clone(),
            OutputPlace::Fresh(i) => fresh[i].clone(),
        };
        self.output_places.iter().map(output).collect()
    }
}

fn task(
    step: &Step,
    program: &Program,
    kernels: &[Arc<CompiledKernel>],
) -> Result<Task, BuildExecutableError> {
    let kernel_task = |call: &KernelCall| {
        let kernel = &program.kernels[call.kernel];
        KernelTask {
            kernel: kernels[call.kernel].clone(),
            args: call.args.iter().copied().collect(),
            tiles: kernel.tiles(),
            tile_ns: kernel.tile_cost(),
            scratch_bytes: kernel.scratch_bytes(),
        }
    };
    Ok(match step {
        Step::Kernel(call) => Task::Kernel(kernel_task(call)),
        Step::MatMul { product, lhs, rhs, out, epilogue } => {
            let plan = planned(product)?;
            let (input, output) = (product.input.size() as i64, product.output.size() as i64);
            Task::MatMul(Box::new(MatMulTask {
                plan,
                product: product.clone(),
                element_bytes: [input, input, output],
                lhs: *lhs,
                rhs: *rhs,
                out: *out,
                epilogue: epilogue.as_ref().map(kernel_task),
                outer: product.outer.iter().map(|l: &contraction::Loop| l.extent).product(),
            }))
        }
        Step::Routine { op, operands, operand_types, results, .. } => {
            let result_types: Vec<Type> = results.iter().map(|&s| program.slots[s].ty.clone()).collect();
            let routine = Routine::prepare(op, operand_types, &result_types)?;
            Task::Routine { routine, operands: operands.clone(), results: results.clone() }
        }
    })
}

/// Pointers that threads share while they work on disjoint tiles.
struct Shared<T>(T);

// SAFETY: the tiles of a step touch disjoint parts of what they write, and only read what others read.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    fn get(&self) -> &T {
        &self.0
    }
}

impl Task {
    /// # Safety
    /// `memory` has a valid pointer for each slot, large enough for its type; slots that are written are used by nobody else.
    #[inline]
    unsafe fn run(&self, memory: &[*mut u8], threads: usize) {
        match self {
            // SAFETY: as of this function.
            Task::Kernel(task) => unsafe { task.run(memory, threads) },
            // SAFETY: as of this function.
            Task::MatMul(task) => unsafe { task.run(memory, threads) },
            Task::Routine { routine, operands, results } => {
                let inputs: SmallVec<[*const u8; 8]> =
                    operands.iter().map(|&s| memory[s].cast_const()).collect();
                let outputs: SmallVec<[*mut u8; 4]> = results.iter().map(|&s| memory[s]).collect();
                // SAFETY: the routine was prepared for the types of these slots.
                unsafe { routine.run(&inputs, &outputs, threads) };
            }
        }
    }
}

/// Runs `body` on all tiles; on several threads if the estimated work is worth it.
fn share(tiles: u64, tile_ns: u64, threads: usize, body: &(dyn Fn(Range<u64>) + Sync)) {
    if threads <= 1 || tiles <= 1 || tiles.saturating_mul(tile_ns) < MIN_SHARED_NS {
        body(0..tiles);
    } else {
        Workers::global().run(tiles, threads, (PIECE_NS / tile_ns.max(1)).max(1), body);
    }
}

impl KernelTask {
    /// # Safety
    /// As of [`Task::run`].
    #[inline]
    unsafe fn run(&self, memory: &[*mut u8], threads: usize) {
        let params: SmallVec<[*mut u8; 8]> = self.args.iter().map(|&slot| memory[slot]).collect();
        let params = Shared(params);
        share(self.tiles, self.tile_ns, threads, &|tiles| {
            with_scratch(self.scratch_bytes, |scratch| {
                // SAFETY: the params are those of the kernel, in its order; tiles are disjoint.
                unsafe { self.kernel.run(params.get().as_ptr(), scratch, tiles.start, tiles.end) }
            });
        });
    }
}

impl MatMulTask {
    /// # Safety
    /// As of [`Task::run`].
    unsafe fn run(&self, memory: &[*mut u8], threads: usize) {
        let [lhs_bytes, rhs_bytes, _] = self.element_bytes;
        let lhs = memory[self.lhs].wrapping_offset((self.product.lhs_offset * lhs_bytes) as isize);
        let rhs = memory[self.rhs].wrapping_offset((self.product.rhs_offset * rhs_bytes) as isize);
        let params: SmallVec<[*mut u8; 8]> =
            self.epilogue.iter().flat_map(|e| e.args.iter().map(|&slot| memory[slot])).collect();
        let shared = Shared((lhs, rhs, memory[self.out], params));
        let scratch_bytes =
            self.plan.scratch_bytes().max(self.epilogue.as_ref().map_or(0, |e| e.scratch_bytes));
        let tiles = self.plan.tiles();
        // About 50 multiplications per nanosecond.
        let tile_ns = self.plan.work_per_tile() / 50 + 50;
        share(tiles * self.outer, tile_ns, threads, &|range| {
            with_scratch(scratch_bytes, |scratch| {
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
            });
        });
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
        // SAFETY: the epilogue's grid has the tiles of the product, in row-major order.
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
