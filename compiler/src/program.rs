//! A program: a flat list of steps over slots of memory, ready to run.
//!
//! Slots are what the steps read and write. A slot is an input, an output, a constant, or a place in the arena; places in
//! the arena are reused as soon as nobody reads them any more.

use std::fmt;

use tensorwright_ir::{LiteralRef, Location, Op, Type};

use crate::contraction::MatMul;
use crate::kernel::{Access, Kernel};

/// A compiled graph, but for the machine code.
#[derive(Clone, Debug)]
pub struct Program {
    /// Name of the graph.
    pub name: String,
    /// Types of the inputs.
    pub inputs: Vec<Type>,
    /// Types of the outputs, and the slots that hold them. Several outputs may share a slot; a slot may be an input's or a constant's.
    pub outputs: Vec<(Type, usize)>,
    /// Memory.
    pub slots: Vec<Slot>,
    /// Distinct kernels.
    pub kernels: Vec<Kernel>,
    /// What to run, in order.
    pub steps: Vec<Step>,
    /// Inputs that steps write to: outputs have their memory.
    pub overwritten: Vec<usize>,
    /// Size of the arena.
    pub arena_bytes: usize,
}

/// Dense row-major memory.
#[derive(Clone, Debug)]
pub struct Slot {
    /// What it holds.
    pub ty: Type,
    /// Where it is.
    pub place: Place,
}

/// Where a slot is.
#[derive(Clone, Debug)]
pub enum Place {
    /// The caller's, at this position; only read, unless it is overwritten.
    Input(usize),
    /// Part of the program.
    Constant(LiteralRef),
    /// A buffer of its own that the caller gets.
    Output,
    /// At this offset of the arena, in bytes, a multiple of 64.
    Arena(usize),
}

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    /// A kernel on all its tiles.
    Kernel(KernelCall),
    /// A matrix product, and a kernel that finishes each of its tiles.
    MatMul {
        /// The product.
        product: MatMul,
        /// Slot of the left operand.
        lhs: usize,
        /// Slot of the right operand.
        rhs: usize,
        /// Whether that is the operand as [`Step::Pack`] makes it.
        packed: bool,
        /// Slot of the result.
        out: usize,
        /// What is done to each tile of the result as soon as it is there. Its grid has the tiles of the product.
        epilogue: Option<KernelCall>,
    },
    /// The right operand of a product that a loop computes in each run, put into the order in which the product reads it.
    Pack {
        /// The product.
        product: MatMul,
        /// Slot of the operand.
        matrix: usize,
        /// Slot of the packed operand, bytes.
        out: usize,
    },
    /// A routine of the runtime's library.
    Routine {
        /// What it computes.
        op: Op,
        /// Slots of its operands.
        operands: Vec<usize>,
        /// Types of its operands: a slot may be known under another shape, or as elements of another dtype.
        operand_types: Vec<Type>,
        /// Slots of its results.
        results: Vec<usize>,
        /// Types of its results.
        result_types: Vec<Type>,
        /// The source line that wrote it.
        location: Option<Location>,
    },
    /// An op on lists. The slot of a list holds a handle, and so does its place in the arena, which it shares with no other slot.
    List {
        /// What to do.
        op: Op,
        /// Slots of its operands.
        operands: Vec<usize>,
        /// Types of its operands.
        operand_types: Vec<Type>,
        /// Slots of its results.
        results: Vec<usize>,
        /// The source line that wrote it.
        location: Option<Location>,
    },
    /// Control flow.
    Control(Box<Control>),
    /// An effect, such as a print.
    Effect {
        /// What to do.
        op: Op,
        /// Slots of its operands.
        operands: Vec<usize>,
        /// Types of its operands.
        operand_types: Vec<Type>,
        /// The source line that wrote it.
        location: Option<Location>,
    },
}

/// An op with regions.
#[derive(Clone, Debug)]
pub struct Control {
    /// The op.
    pub op: Op,
    /// Its regions. Their inputs and outputs are what the op says of its operands and results.
    pub regions: Vec<Program>,
    /// Slots of its operands.
    pub operands: Vec<usize>,
    /// Types of its operands.
    pub operand_types: Vec<Type>,
    /// Slots of its results.
    pub results: Vec<usize>,
    /// Types of its results.
    pub result_types: Vec<Type>,
    /// The slot of its workspace, see [`crate::control`].
    pub workspace: usize,
    /// The source line that wrote it.
    pub location: Option<Location>,
}

/// A kernel with its memory.
#[derive(Clone, Debug)]
pub struct KernelCall {
    /// Which of [`Program::kernels`].
    pub kernel: usize,
    /// Slots of its params.
    pub args: Vec<usize>,
}

impl Step {
    /// Slots that the step reads or writes.
    pub fn slots(&self) -> Vec<usize> {
        match self {
            Step::Kernel(call) => call.args.clone(),
            Step::MatMul { lhs, rhs, out, epilogue, .. } => {
                let more = epilogue.iter().flat_map(|call| call.args.iter().copied());
                [*lhs, *rhs, *out].into_iter().chain(more).collect()
            }
            Step::Pack { matrix, out, .. } => vec![*matrix, *out],
            Step::Routine { operands, results, .. } | Step::List { operands, results, .. } => {
                operands.iter().chain(results).copied().collect()
            }
            Step::Control(c) => c.operands.iter().chain(&c.results).chain([&c.workspace]).copied().collect(),
            Step::Effect { operands, .. } => operands.clone(),
        }
    }

    /// Slots of the results, of steps whose results are values of the graph.
    fn results(&self) -> &[usize] {
        match self {
            Step::Routine { results, .. } | Step::List { results, .. } => results,
            Step::Control(control) => &control.results,
            Step::Kernel(_) | Step::MatMul { .. } | Step::Pack { .. } | Step::Effect { .. } => &[],
        }
    }

    /// As [`Step::slots`], to be changed.
    pub(crate) fn slots_mut(&mut self) -> Vec<&mut usize> {
        match self {
            Step::Kernel(call) => call.args.iter_mut().collect(),
            Step::MatMul { lhs, rhs, out, epilogue, .. } => {
                let more = epilogue.iter_mut().flat_map(|call| call.args.iter_mut());
                [lhs, rhs, out].into_iter().chain(more).collect()
            }
            Step::Pack { matrix, out, .. } => vec![matrix, out],
            Step::Routine { operands, results, .. } | Step::List { operands, results, .. } => {
                operands.iter_mut().chain(results).collect()
            }
            Step::Control(c) => {
                let Control { operands, results, workspace, .. } = &mut **c;
                operands.iter_mut().chain(results).chain([workspace]).collect()
            }
            Step::Effect { operands, .. } => operands.iter_mut().collect(),
        }
    }
}

impl Program {
    /// The slots that a step writes to.
    pub fn written(&self, step: &Step) -> Vec<usize> {
        let by_kernel = |call: &KernelCall| {
            let params = &self.kernels[call.kernel].params;
            let written = call.args.iter().zip(params).filter(|(_, param)| param.access != Access::Read);
            written.map(|(&slot, _)| slot).collect::<Vec<_>>()
        };
        match step {
            Step::Kernel(call) => by_kernel(call),
            Step::Pack { out, .. } => vec![*out],
            Step::MatMul { out, epilogue, .. } => epilogue.iter().flat_map(by_kernel).chain([*out]).collect(),
            other => other.results().to_vec(),
        }
    }

    /// Whether nothing needs the value in `slot` after step number `at`: it is no output, and later steps do not touch it, or
    /// the step itself replaces it.
    pub fn is_last_use(&self, at: usize, slot: usize) -> bool {
        let step = &self.steps[at];
        let uses = step.slots().into_iter().filter(|&used| used == slot).count();
        if step.results().contains(&slot) {
            return uses == 2;
        }
        let later = self.steps[at + 1..].iter().any(|step| step.slots().contains(&slot));
        uses == 1 && !later && self.outputs.iter().all(|&(_, output)| output != slot)
    }

    /// The slots that hold lists, but for those of inputs and outputs, whose handles are the caller's.
    pub fn own_lists(&self) -> Vec<usize> {
        let mut touched = vec![false; self.slots.len()];
        for slot in self.steps.iter().flat_map(Step::slots) {
            touched[slot] = true;
        }
        let is_own = |slot: &Slot| slot.ty.is_list() && matches!(slot.place, Place::Arena(_));
        (0..self.slots.len()).filter(|&slot| touched[slot] && is_own(&self.slots[slot])).collect()
    }

    /// The program and those of all regions in it, outermost first.
    pub fn with_regions(&self) -> Vec<&Program> {
        let mut found = vec![self];
        let mut next = 0;
        while let Some(&program) = found.get(next) {
            for step in &program.steps {
                if let Step::Control(control) = step {
                    found.extend(&control.regions);
                }
            }
            next += 1;
        }
        found
    }
}

/// The program as text: slots, then steps.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "program @{} arena {} bytes {{", self.name, self.arena_bytes)?;
        for (i, slot) in self.slots.iter().enumerate() {
            write!(f, "  s{i}: {} = ", slot.ty)?;
            match &slot.place {
                Place::Input(i) if self.overwritten.contains(i) => writeln!(f, "input {i}, overwritten")?,
                Place::Input(position) => writeln!(f, "input {position}")?,
                Place::Constant(_) => writeln!(f, "constant")?,
                Place::Output => writeln!(f, "output")?,
                Place::Arena(offset) => writeln!(f, "arena +{offset}")?,
            }
        }
        for step in &self.steps {
            writeln!(f, "  {step}")?;
        }
        let outputs: Vec<String> = self.outputs.iter().map(|(ty, slot)| format!("s{slot}: {ty}")).collect();
        writeln!(f, "  return {}\n}}", outputs.join(", "))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Kernel(call) => write!(f, "run {call}"),
            Step::Pack { product, matrix, out } => write!(f, "pack {product} s{matrix} -> s{out}"),
            Step::MatMul { product, lhs, rhs, packed, out, epilogue } => {
                let packed = if *packed { "packed " } else { "" };
                write!(f, "matmul {product} s{lhs}, {packed}s{rhs} -> s{out}")?;
                epilogue.iter().try_for_each(|call| write!(f, " then {call}"))
            }
            Step::Routine { op, operands, results, .. } => {
                write!(f, "routine {} {} -> {}", op.name(), slots(operands), slots(results))
            }
            Step::List { op, operands, results, .. } => {
                write!(f, "{} {} -> {}", op.name(), slots(operands), slots(results))
            }
            Step::Control(c) => {
                let regions: Vec<String> = c.regions.iter().map(|r| format!("@{}", r.name)).collect();
                let (name, operands, results) = (c.op.name(), slots(&c.operands), slots(&c.results));
                write!(f, "{name} {operands} -> {results} running {} in s{}", regions.join(", "), c.workspace)
            }
            Step::Effect { op, operands, .. } => write!(f, "{} {}", op.name(), slots(operands)),
        }
    }
}

impl fmt::Display for KernelCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kernel {} ({})", self.kernel, slots(&self.args))
    }
}

fn slots(slots: &[usize]) -> String {
    slots.iter().map(|s| format!("s{s}")).collect::<Vec<_>>().join(", ")
}
