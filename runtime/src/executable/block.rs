//! Blocks: programs with their machine code, as functions of memory. A graph is one block, and each region of control flow.

use smallvec::SmallVec;
use tensorwright_compiler::program::{Place, Program};
use tensorwright_ir::Type;

use super::kept::Kept;
use super::list::{Cell, Cells};
use super::task::{Task, task};
use super::{BuildExecutableError, RunError};
use crate::buffer::{BufferPool, OutOfMemory, SharedBuffer};
use crate::cancel::Limits;
use crate::jit::{CompiledKernel, compile_kernels};
use crate::recorder::Recorder;

/// A program, ready to run.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) outputs: Vec<Type>,
    pub(super) output_places: Vec<OutputPlace>,
    places: Vec<SlotPlace>,
    /// Sizes of the buffers that are made for outputs.
    pub(super) fresh_bytes: Vec<usize>,
    /// For each of these the first output that it is.
    fresh_outputs: Vec<usize>,
    pub(super) constants: Vec<SharedBuffer>,
    /// Steps that run once.
    pub(super) ahead: Vec<Task>,
    pub(super) kept: Kept,
    tasks: Vec<Task>,
    /// Slots of lists that are the block's own.
    lists: Vec<usize>,
    pub(super) arena_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
enum SlotPlace {
    Input(usize),
    Constant(usize),
    Fresh(usize),
    Arena(usize),
    Kept(usize),
}

/// Where an output is after a run.
#[derive(Clone, Copy, Debug)]
pub(super) enum OutputPlace {
    Input(usize),
    Constant(usize),
    Fresh(usize),
}

impl Block {
    pub(super) fn new(program: &Program) -> Result<Block, BuildExecutableError> {
        let kernels = compile_kernels(&program.kernels)?;
        let mut block = Block {
            outputs: program.outputs.iter().map(|(ty, _)| ty.clone()).collect(),
            output_places: Vec::new(),
            places: Vec::new(),
            fresh_bytes: Vec::new(),
            fresh_outputs: Vec::new(),
            constants: Vec::new(),
            ahead: Vec::new(),
            kept: Kept::new(program.kept_bytes),
            tasks: Vec::new(),
            lists: program.own_lists(),
            arena_bytes: program.arena_bytes,
        };
        block.place_slots(program)?;
        let last_uses = program.last_uses();
        for at in 0..program.steps.len() {
            let tasks = if at < program.ahead { &mut block.ahead } else { &mut block.tasks };
            tasks.push(task((program, at), &kernels, &last_uses)?);
        }
        Ok(block)
    }

    fn place_slots(&mut self, program: &Program) -> Result<(), OutOfMemory> {
        for slot in &program.slots {
            let place = match &slot.place {
                Place::Input(i) => SlotPlace::Input(*i),
                Place::Arena(offset) => SlotPlace::Arena(*offset),
                Place::Kept(offset) => SlotPlace::Kept(*offset),
                // The verifier makes sure that nothing is there.
                Place::Unplaced => SlotPlace::Arena(0),
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
        for &(_, slot) in &program.outputs {
            self.output_places.push(match self.places[slot] {
                SlotPlace::Input(i) => OutputPlace::Input(i),
                SlotPlace::Constant(i) => OutputPlace::Constant(i),
                SlotPlace::Fresh(i) => OutputPlace::Fresh(i),
                SlotPlace::Arena(_) | SlotPlace::Kept(_) => {
                    unreachable!("outputs are neither in the arena nor kept")
                }
            });
        }
        let mut first: Vec<Option<usize>> = vec![None; self.fresh_bytes.len()];
        for (at, place) in self.output_places.iter().enumerate() {
            if let OutputPlace::Fresh(fresh) = *place {
                first[fresh].get_or_insert(at);
            }
        }
        self.fresh_outputs = first.into_iter().flatten().collect();
        Ok(())
    }

    /// Runs the steps until somebody stops the run. `input` and `fresh` give the memory of inputs and of outputs that are neither inputs nor constants.
    ///
    /// # Safety
    /// Each pointer is to memory of as many bytes as its type takes, the arena to as many as the program says. Nobody else writes
    /// to inputs or touches the rest. Inputs whose memory the program gives to outputs are writable. Lists among inputs and outputs are
    /// cells, and those of inputs are given to the block, see [`list`](super::list).
    #[inline]
    pub(super) unsafe fn run(
        &self,
        input: impl Fn(usize) -> *mut u8,
        fresh: impl Fn(usize) -> *mut u8,
        arena: *mut u8,
        limits: Limits<'_>,
    ) -> Result<(), RunError> {
        limits.check()?;
        // SAFETY: the caller's promise.
        let kept = unsafe { self.kept(&input, &fresh, arena, limits)? };
        let memory = self.memory(input, fresh, arena, kept);
        // SAFETY: places of lists in the arena are for nothing else while the block runs.
        let _lists = unsafe { Cells::start(self.lists.iter().map(|&slot| memory[slot])) };
        // SAFETY: the memory is that of the block, and what is kept has been written.
        unsafe { run_all((&self.tasks, self.ahead.len()), &memory, limits) }
    }

    /// A pointer for each slot.
    #[inline]
    pub(super) fn memory(
        &self,
        input: impl Fn(usize) -> *mut u8,
        fresh: impl Fn(usize) -> *mut u8,
        arena: *mut u8,
        kept: *mut u8,
    ) -> SmallVec<[*mut u8; 128]> {
        let mut memory = SmallVec::<[*mut u8; 128]>::with_capacity(self.places.len());
        for &place in &self.places {
            memory.push(match place {
                SlotPlace::Input(i) => input(i),
                SlotPlace::Constant(i) => self.constants[i].as_ptr().cast_mut(),
                SlotPlace::Fresh(i) => fresh(i),
                SlotPlace::Arena(offset) => arena.wrapping_add(offset),
                SlotPlace::Kept(offset) => kept.wrapping_add(offset),
            });
        }
        memory
    }

    /// Runs the steps, and has each output where `output` says, copied if need be.
    ///
    /// # Safety
    /// As of [`Block::run`], with memory for each output. An output may be the memory of the input that the program makes it.
    pub(super) unsafe fn run_into(
        &self,
        input: impl Fn(usize) -> *mut u8,
        output: impl Fn(usize) -> *mut u8,
        arena: *mut u8,
        limits: Limits<'_>,
    ) -> Result<(), RunError> {
        // SAFETY: as of this function.
        unsafe { self.run(&input, |k| output(self.fresh_outputs[k]), arena, limits)? };
        for (at, (place, ty)) in self.output_places.iter().zip(&self.outputs).enumerate() {
            let from = match *place {
                OutputPlace::Input(i) => input(i).cast_const(),
                OutputPlace::Constant(i) => self.constants[i].as_ptr(),
                OutputPlace::Fresh(k) => output(self.fresh_outputs[k]).cast_const(),
            };
            // SAFETY: both have the bytes of the type, and different values do not overlap; both are cells if it is a list.
            unsafe {
                match ty {
                    Type::List(_) if from == output(at).cast_const() => {}
                    Type::List(_) => Cell::another(from).put(output(at)),
                    Type::Tensor(ty) => copy(from, output(at), ty.bytes()),
                    Type::Token => {}
                }
            }
        }
        Ok(())
    }

    /// Kernels of the block and of its regions.
    pub(super) fn kernels(&self) -> Vec<&CompiledKernel> {
        let own = self.ahead.iter().chain(&self.tasks).flat_map(|task| match task {
            Task::Kernel(task) => vec![&*task.kernel],
            Task::Tiled(task) => task.epilogue.iter().map(|epilogue| &*epilogue.kernel).collect(),
            Task::Control(task) => task.regions.iter().flat_map(Block::kernels).collect(),
            Task::Pack(_) | Task::Routine { .. } | Task::List(_) | Task::Effect(_) | Task::Host(_) => {
                Vec::new()
            }
        });
        own.collect()
    }

    /// Bytes of constants and of what is kept, those of regions among them.
    pub(super) fn constant_bytes(&self) -> usize {
        let own: usize = self.constants.iter().map(SharedBuffer::len).sum();
        own + self.kept.bytes() + self.regions().map(Block::constant_bytes).sum::<usize>()
    }

    /// Slots, those of regions among them.
    pub(super) fn slots(&self) -> usize {
        self.places.len() + self.regions().map(Block::slots).sum::<usize>()
    }

    fn regions(&self) -> impl Iterator<Item = &Block> {
        self.tasks.iter().flat_map(Task::regions)
    }

    /// Whether a step here or in a region has an effect.
    pub(super) fn has_effects(&self) -> bool {
        self.tasks.iter().any(|task| matches!(task, Task::Effect(_)))
            || self.regions().any(Block::has_effects)
    }

    /// Estimated nanoseconds on one thread.
    pub(super) fn estimated_ns(&self) -> u64 {
        self.tasks.iter().map(Task::estimated_ns).fold(0, u64::saturating_add)
    }
}

/// Runs steps one after the other, until somebody stops the run. They are those of the program from a number on.
///
/// # Safety
/// `memory` has a pointer for each slot of the block, to as many bytes as its type takes, as of [`Block::run`].
#[inline]
pub(super) unsafe fn run_all(
    (tasks, first): (&[Task], usize),
    memory: &[*mut u8],
    limits: Limits<'_>,
) -> Result<(), RunError> {
    if let Some(recorder) = limits.recorder {
        // SAFETY: as of this function.
        return unsafe { run_recorded((tasks, first), memory, limits.unrecorded(), recorder) };
    }
    for task in tasks {
        // SAFETY: slots in the arena that are needed at the same time do not overlap (rule 12 of `program::verify`), and programs only write to outputs, to the
        // arena, to inputs that were given to them (rule 8), and ahead to what is kept (rule 15). What steps do within their slots is in rules 3 to 7, and that they
        // read what was written in rules 9 and 15.
        unsafe { task.run(memory, limits)? };
        // Loops of a step that was stopped have left their results unfinished.
        limits.check()?;
    }
    Ok(())
}

/// As [`run_all`], with a record of each step.
///
/// # Safety
/// As of [`run_all`].
unsafe fn run_recorded(
    (tasks, first): (&[Task], usize),
    memory: &[*mut u8],
    limits: Limits<'_>,
    recorder: &Recorder,
) -> Result<(), RunError> {
    for (at, task) in tasks.iter().enumerate() {
        let task = std::slice::from_ref(task);
        // SAFETY: as of this function.
        recorder.time(first + at, || unsafe { run_all((task, 0), memory, limits) })?;
    }
    Ok(())
}

/// Copies unless source and destination are the same.
///
/// # Safety
/// Both are valid for so many bytes, and are the same or do not overlap.
pub(super) unsafe fn copy(from: *const u8, to: *mut u8, bytes: usize) {
    if from != to.cast_const() && bytes > 0 {
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(from, to, bytes) };
    }
}
