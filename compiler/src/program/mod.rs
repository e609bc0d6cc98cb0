//! A program: a flat list of steps over slots of memory, ready to run.
//!
//! Slots are what the steps read and write. A slot is an input, an output, a constant, or a place in the arena; places in
//! the arena are reused as soon as nobody reads them any more. Steps that depend on nothing that changes from run to run are
//! ahead of the others: they run once, and what they leave is kept.
//!
//! A program has a text form that parses back ([`text`]) and a specification that is checked ([`verify`](mod@verify)).

pub mod control;
mod convolution;
mod parse;
mod product;
mod target;
pub mod text;
mod tiled;
mod uses;
pub mod verify;

use tensorwright_ir::{LiteralRef, Location, Op, TensorType, Type};

pub use self::convolution::{Convolution, ConvolutionAxis, ConvolutionLoop, ConvolutionSum, Slide};
pub use self::product::{Product, ProductLoop};
pub use self::target::{Target, Untiled};
pub(crate) use self::tiled::TiledRoutine;
pub use self::tiled::{OperandForm, Reach, TileSize, Tiled, TiledCall, TiledOperand};
pub use self::verify::{InvalidProgram, verify};
use crate::kernel::Kernel;

/// A compiled graph, but for the machine code.
#[derive(Clone, Debug, PartialEq)]
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
    /// Inputs that steps write to, ascending: outputs have their memory.
    pub overwritten: Vec<usize>,
    /// Size of the arena.
    pub arena_bytes: usize,
    /// Inputs that the caller promises to be the same in every run, ascending.
    pub lasting: Vec<usize>,
    /// The steps, from the first on, that depend on constants and on inputs that last, and run once.
    pub ahead: usize,
    /// Size of the memory that is kept from run to run, for what the steps ahead leave to the others.
    pub kept_bytes: usize,
}

/// Dense row-major memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// What it holds.
    pub ty: Type,
    /// Where it is.
    pub place: Place,
}

/// Where a slot is.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// The caller's, at this position; only read, unless it is overwritten.
    Input(usize),
    /// Part of the program.
    Constant(LiteralRef),
    /// A buffer of its own that the caller gets.
    Output,
    /// At this offset of the arena, in bytes, a multiple of [`ALIGNMENT`].
    Arena(usize),
    /// Somewhere in the arena: it has not been decided where.
    Unplaced,
    /// At this offset of the memory that is kept, in bytes, a multiple of [`ALIGNMENT`].
    Kept(usize),
}

/// Bytes of places in the arena are multiples of this, and so are their offsets.
pub const ALIGNMENT: usize = 64;

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A kernel on all its tiles.
    Kernel(KernelCall),
    /// A routine of the library that computes its result tile by tile, and a kernel that finishes each tile.
    Tiled(Box<TiledCall>),
    /// An operand of such a routine that runs again and again, put into the order in which the routine reads it.
    Pack {
        /// The routine.
        routine: Tiled,
        /// Which operand.
        operand: usize,
        /// Slot of the operand.
        from: usize,
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
        operand_types: Vec<TensorType>,
        /// Slots of its results.
        results: Vec<usize>,
        /// Types of its results.
        result_types: Vec<TensorType>,
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
        /// Types of its results.
        result_types: Vec<Type>,
        /// The source line that wrote it.
        location: Option<Location>,
    },
    /// Control flow.
    Control(Box<Control>),
    /// An effect, such as a print, or a mark.
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
#[derive(Clone, Debug, PartialEq)]
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
    /// The slot of its workspace, see [`control`].
    pub workspace: usize,
    /// The source line that wrote it.
    pub location: Option<Location>,
}

/// A kernel with its memory.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelCall {
    /// Which of [`Program::kernels`].
    pub kernel: usize,
    /// Slots of its params.
    pub args: Vec<usize>,
}
