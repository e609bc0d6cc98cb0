//! Executables: compiled graphs, and how their steps run.
//!
//! A run takes one arena and the output buffers from the pool and walks the steps. Steps that are worth it are shared among
//! threads by their tiles; what a tile computes depends on shapes only.

mod block;
mod control;
mod effect;
mod host;
mod kept;
mod list;
mod literals;
mod pieces;
mod rows;
mod shared;
mod task;

use smallvec::SmallVec;
use tensorwright_compiler::lower::Promises;
use tensorwright_compiler::program::{Product, Program, TileSize, Tiled};
use tensorwright_compiler::{CompileError, CompileOptions, Target, compile_promised};
use tensorwright_ir::eval::EvalError;
use tensorwright_ir::{DType, Graph, TensorType, Type};

use self::block::{Block, OutputPlace};
pub use self::effect::set_printer;
use crate::buffer::{Buffer, BufferPool, OutOfMemory, SharedBuffer};
use crate::cancel::{Limits, StopReason};
use crate::jit::{CompiledKernel, JitError};
use crate::library::error::RoutineError;
use crate::library::tiled::{self, ProductKernel};

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
    inputs: Vec<TensorType>,
    outputs: Vec<TensorType>,
    block: Block,
    program: Program,
    pub(crate) graph: Graph,
    pub(crate) options: CompileOptions,
    pub(crate) promises: Promises,
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

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no memory for outputs or intermediates.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// An assertion or check of the graph failed.
    #[error(transparent)]
    Effect(#[from] EvalError),
    /// Somebody stopped the run.
    #[error("the run was stopped: {0}")]
    Stopped(#[from] StopReason),
}

/// What the compiler must know of this runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostLibrary;

impl Target for HostLibrary {
    fn tile(&self, routine: &Tiled) -> Option<TileSize> {
        tiled::planned_strided(routine).ok().map(|kernel| kernel.tile_size())
    }

    fn partial_sums(&self, product: &Product) -> Option<usize> {
        ProductKernel::plan(product, &[]).ok().map(|kernel| kernel.partial_sums())
    }

    fn packed_bytes(&self, routine: &Tiled, operand: usize) -> Option<usize> {
        tiled::planned_strided(routine).ok()?.packing(operand).map(|packing| packing.bytes)
    }
}

/// An input of a run.
#[derive(Debug)]
pub enum Operand<'a> {
    /// The caller keeps it.
    Borrowed(&'a SharedBuffer),
    /// The caller donates it: it may be overwritten if this is the only handle.
    Donated(&'a mut SharedBuffer),
}

impl Operand<'_> {
    fn buffer(&self) -> &SharedBuffer {
        match self {
            Operand::Borrowed(buffer) => buffer,
            Operand::Donated(buffer) => buffer,
        }
    }

    fn may_be_overwritten(&self) -> bool {
        matches!(self, Operand::Donated(buffer) if buffer.is_unique())
    }
}

impl Executable {
    /// Compiles a graph.
    ///
    /// # Errors
    /// If memory for its constants runs out, or through a bug of the compiler.
    pub fn compile(graph: &Graph, options: &CompileOptions) -> Result<Executable, BuildExecutableError> {
        Executable::compile_promised(graph, options, &Promises::default())
    }

    /// Compiles a graph for a caller who donates inputs, or gives the same ones in every run. Of each pair of an input and an output of the same type, the
    /// output may get the memory of the input, see [`Operand::Donated`]. A run that fails on the way would leave half of a
    /// result there, so graphs whose runs may fail, with assertions or lists in them, overwrite nothing. What depends on inputs that last alone is computed in the first
    /// run and kept, in memory that counts as that of constants.
    ///
    /// # Errors
    /// As [`Executable::compile`].
    pub fn compile_promised(
        graph: &Graph,
        options: &CompileOptions,
        promises: &Promises,
    ) -> Result<Executable, BuildExecutableError> {
        Executable::compile_for(&HostLibrary, graph, options, promises)
    }

    fn compile_for(
        target: &dyn Target,
        graph: &Graph,
        options: &CompileOptions,
        promises: &Promises,
    ) -> Result<Executable, BuildExecutableError> {
        let program = compile_promised(graph, options, target, promises)?;
        // The compiler refuses functions that take or give anything else. What is complex here is pairs of real numbers in the program.
        let tensor = |ty: Type| ty.tensor().clone();
        let inputs = graph.input_types().into_iter().map(tensor).collect();
        let outputs = graph.output_types().into_iter().map(tensor).collect();
        let block = Block::new(&program)?;
        let (graph, options, promises) = (graph.clone(), options.clone(), promises.clone());
        Ok(Executable { inputs, outputs, block, program, graph, options, promises })
    }

    /// Types of the inputs.
    pub fn input_types(&self) -> &[TensorType] {
        &self.inputs
    }

    /// Types of the outputs.
    pub fn output_types(&self) -> &[TensorType] {
        &self.outputs
    }

    /// The program that it runs.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Bytes of machine code, counting kernels shared with other executables.
    pub fn code_bytes(&self) -> usize {
        self.block.kernels().into_iter().map(CompiledKernel::code_bytes).sum()
    }

    /// Bytes of constants, and of what is computed from them once.
    pub fn constant_bytes(&self) -> usize {
        self.block.constant_bytes()
    }

    /// The graph that was compiled.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Bytes of the graph and what describes it, about.
    pub fn graph_bytes(&self) -> usize {
        self.graph.nodes().len() * NODE_BYTES + self.graph.inputs().len() * VALUE_BYTES
    }

    /// Bytes that dropping the executable gives back, about: pages of code, constants, and what describes
    /// them. Kernels shared with other executables count in full; memory of runs is the pool's.
    pub fn held_bytes(&self) -> usize {
        let kernels = self.block.kernels().into_iter().map(|kernel| kernel.memory_bytes() + KERNEL_BYTES);
        let slots = self.block.slots() * SLOT_BYTES;
        EXECUTABLE_BYTES + kernels.sum::<usize>() + self.constant_bytes() + self.graph_bytes() + slots
    }

    /// Bytes that a run takes at most, besides its inputs: arena and outputs.
    pub fn peak_bytes(&self) -> usize {
        self.block.arena_bytes + self.block.fresh_bytes.iter().sum::<usize>()
    }

    /// Runs on `inputs`, with at most `threads` threads. Each output is a buffer of the pool, or one of the inputs or constants if it is
    /// the same memory.
    ///
    /// # Errors
    /// When there is no memory for outputs or intermediates, or an assertion or check of the graph fails.
    ///
    /// # Panics
    /// If the number or the sizes of the inputs are not those of [`Executable::input_types`], or a byte of a bool is neither 0 nor 1:
    /// that is the caller's bug.
    pub fn run(
        &self,
        inputs: &[&SharedBuffer],
        threads: usize,
    ) -> Result<SmallVec<[SharedBuffer; 2]>, RunError> {
        if !self.program.overwritten.is_empty() {
            let mut operands: Vec<Operand<'_>> =
                inputs.iter().map(|&input| Operand::Borrowed(input)).collect();
            return self.run_donating(&mut operands, threads);
        }
        self.check_inputs(inputs.iter().copied());
        let mut memory = self.memory()?;
        // SAFETY: the inputs were checked, the memory was made for the block, and it overwrites no input.
        Limits::here(threads, |limits| unsafe {
            self.run_block(|i| inputs[i].as_ptr().cast_mut(), &mut memory, limits)
        })?;
        // SAFETY: the program has written its outputs (rule 10 of `program::verify`), and no step runs any more.
        let fresh = unsafe { memory.outputs() };
        Ok(self.collect_outputs(|i| inputs[i].clone(), &fresh))
    }

    /// Runs on inputs some of which the caller donates; see [`Executable::run`]. What is donated and overwritten holds the output that got its
    /// memory afterwards, unless others have handles of it: then it is left alone, and the output is new memory. Nothing is
    /// overwritten by a run that fails.
    ///
    /// # Errors
    /// As [`Executable::run`].
    ///
    /// # Panics
    /// As [`Executable::run`].
    pub fn run_donating(
        &self,
        inputs: &mut [Operand<'_>],
        threads: usize,
    ) -> Result<SmallVec<[SharedBuffer; 2]>, RunError> {
        Limits::here(threads, |limits| self.run_donating_within(inputs, limits))
    }

    fn run_donating_within(
        &self,
        inputs: &mut [Operand<'_>],
        limits: Limits<'_>,
    ) -> Result<SmallVec<[SharedBuffer; 2]>, RunError> {
        self.check_inputs(inputs.iter().map(Operand::buffer));
        let mut memory = self.memory()?;
        let mut copies: SmallVec<[(usize, SharedBuffer); 4]> = SmallVec::new();
        for &input in &self.program.overwritten {
            // What may be stopped half-way overwrites nothing.
            if limits.may_stop() || !inputs[input].may_be_overwritten() {
                copies.push((input, BufferPool::global().copy_of(inputs[input].buffer())?));
            }
        }
        let mut pointers: SmallVec<[*mut u8; 16]> =
            inputs.iter().map(|input| input.buffer().as_ptr().cast_mut()).collect();
        for &input in &self.program.overwritten {
            if !limits.may_stop()
                && let Operand::Donated(buffer) = &mut inputs[input]
                && let Some(bytes) = buffer.get_mut()
            {
                pointers[input] = bytes.as_mut_ptr();
            }
        }
        for (input, copy) in &mut copies {
            pointers[*input] = copy.get_mut().map_or(std::ptr::null_mut(), <[u8]>::as_mut_ptr);
        }
        // SAFETY: the inputs were checked, and the memory was made for the block. What it overwrites is a copy, or its only handle is
        // borrowed by this call.
        unsafe { self.run_block(|i| pointers[i], &mut memory, limits)? };
        // SAFETY: the program has written its outputs (rule 10 of `program::verify`), and no step runs any more.
        let fresh = unsafe { memory.outputs() };
        let copied = |i: usize| copies.iter().find(|(input, _)| *input == i).map(|(_, copy)| copy);
        Ok(self.collect_outputs(|i| copied(i).unwrap_or(inputs[i].buffer()).clone(), &fresh))
    }

    fn check_inputs<'i>(&self, inputs: impl ExactSizeIterator<Item = &'i SharedBuffer>) {
        assert_eq!(inputs.len(), self.inputs.len(), "number of inputs");
        for (buffer, ty) in inputs.zip(&self.inputs) {
            assert_eq!(buffer.len(), ty.bytes(), "bytes of an input of type {ty}");
            assert!(
                ty.dtype != DType::Bool || buffer.holds_bools(),
                "an input of type {ty} holds other bytes than 0 and 1"
            );
        }
    }

    fn memory(&self) -> Result<Memory, OutOfMemory> {
        let arena = self.arena()?;
        let mut fresh = SmallVec::<[Buffer; 2]>::new();
        for &bytes in &self.block.fresh_bytes {
            fresh.push(BufferPool::global().get(bytes)?);
        }
        Ok(Memory { arena, fresh })
    }

    fn arena(&self) -> Result<Option<Buffer>, OutOfMemory> {
        let bytes = self.block.arena_bytes;
        (bytes > 0).then(|| BufferPool::global().get(bytes)).transpose()
    }

    /// # Safety
    /// `input` points to an input of each number, which nobody changes, and nobody else uses if the program overwrites it. The
    /// memory is that of [`Executable::memory`].
    #[inline]
    unsafe fn run_block(
        &self,
        input: impl Fn(usize) -> *mut u8,
        memory: &mut Memory,
        limits: Limits<'_>,
    ) -> Result<(), RunError> {
        let base = pointer_to(&mut memory.arena);
        let pointers: SmallVec<[*mut u8; 2]> = memory.fresh.iter_mut().map(Buffer::as_mut_ptr).collect();
        // SAFETY: as of this function.
        unsafe { self.block.run(input, |i| pointers[i], base, limits) }
    }

    fn collect_outputs(
        &self,
        input: impl Fn(usize) -> SharedBuffer,
        fresh: &[SharedBuffer],
    ) -> SmallVec<[SharedBuffer; 2]> {
        let output = |place: &OutputPlace| match *place {
            OutputPlace::Input(i) => input(i),
            OutputPlace::Constant(i) => self.block.constants[i].clone(),
            OutputPlace::Fresh(i) => fresh[i].clone(),
        };
        let outputs: SmallVec<[SharedBuffer; 2]> = self.block.output_places.iter().map(output).collect();
        let bools = outputs.iter().zip(&self.outputs).filter(|(_, ty)| ty.dtype == DType::Bool);
        bools.for_each(|(buffer, _)| buffer.vouch_for_bools());
        outputs
    }
}

fn pointer_to(arena: &mut Option<Buffer>) -> *mut u8 {
    arena.as_mut().map_or(std::ptr::null_mut(), Buffer::as_mut_ptr)
}

/// What a run needs besides its inputs.
struct Memory {
    arena: Option<Buffer>,
    /// Outputs that are neither inputs nor constants.
    fresh: SmallVec<[Buffer; 2]>,
}

impl Memory {
    /// # Safety
    /// The outputs have been written, and nobody writes to them any more.
    unsafe fn outputs(self) -> SmallVec<[SharedBuffer; 2]> {
        // SAFETY: as of this function.
        self.fresh.into_iter().map(|buffer| unsafe { buffer.assume_init() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts how often the compiler asks about the tiles of a routine.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Target for Counting {
        fn tile(&self, routine: &Tiled) -> Option<TileSize> {
            self.0.fetch_add(1, Ordering::Relaxed);
            HostLibrary.tile(routine)
        }

        fn partial_sums(&self, product: &Product) -> Option<usize> {
            HostLibrary.partial_sums(product)
        }

        fn packed_bytes(&self, routine: &Tiled, operand: usize) -> Option<usize> {
            HostLibrary.packed_bytes(routine, operand)
        }
    }

    /// That a run may fail is known before: nothing is compiled for overwriting inputs, and then once more without.
    #[test]
    fn a_graph_that_may_fail_is_compiled_once() {
        let text = "graph @f(%x: f32[64,64]) {
            %y = dot_general(%x, %x) {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0], dtype = f32}
            %z = exp(%y)
            %o = token_new()
            %p = check_finite(%o, %x) {message = \"x\"}
            return %z
        }";
        let graph: Graph = text.parse().unwrap_or_else(|error| panic!("{error}"));
        let questions = |pairs: &[(usize, usize)]| {
            let target = Counting::default();
            let promises = Promises::donated(pairs);
            let compiled = Executable::compile_for(&target, &graph, &CompileOptions::default(), &promises);
            assert!(compiled.expect("compiles").program().overwritten.is_empty());
            target.0.into_inner()
        };
        assert!(questions(&[]) > 0);
        assert_eq!(questions(&[(0, 0)]), questions(&[]));
    }
}
