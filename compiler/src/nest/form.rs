//! The parts of a loop nest.

use smallvec::SmallVec;
use tensorwright_ir::{DType, Scalar};

use super::machine::Machine;
use crate::kernel::loops::{BodyLoop, is_frozen};
use crate::kernel::{Affine, Buffer, Extent, GridDim, Instr, Loop, Reg, Var};

/// A stage of a kernel with all decisions made. See the [module documentation](super) for what the parts mean together.
#[derive(Clone, Debug)]
pub struct LoopNest<'k> {
    /// The loop of the kernel IR that the nest computes. Registers are positions in its body.
    pub source: &'k Loop,
    /// How often each loop runs, outermost first; at least one.
    pub trips: Vec<Trip>,
    /// What each instruction of the body has become.
    pub values: Vec<NestValue>,
    /// Loops that each point runs by itself.
    pub spans: Vec<BodyLoop>,
    /// Addresses that accesses share.
    pub addresses: Vec<Address>,
    /// For each level but the innermost: the instructions evaluated there, once, as scalars.
    pub scalars: Vec<Vec<Reg>>,
    /// Indices that vary: the part that other loops decide is computed in front of the innermost one.
    pub index_bases: Vec<Reg>,
    /// Invariant scalars copied to all lanes of a vector in front of the innermost loop.
    pub splats: Vec<Splat>,
    /// The instructions evaluated for each block of points, in order.
    pub body: Vec<Reg>,
    /// What is done with the points.
    pub work: Work,
}

/// How often a loop runs: `full` times, but in the last tile of the grid loop `last` times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// Iterations in all tiles but the last.
    pub full: u64,
    /// Iterations in the last tile.
    pub last: u64,
    /// The grid loop on which it depends, if `full` and `last` differ.
    pub grid: Option<u32>,
}

/// One instruction of a nest.
#[derive(Clone, Debug)]
pub struct NestValue {
    /// Dtype of the value.
    pub dtype: DType,
    /// The level of the nest at which the value is evaluated.
    pub variation: Variation,
    /// Bytes of a lane in vector code. A bool is a mask there, as wide as what it was made from.
    pub width: u32,
    /// Registers that the instruction reads, each with the width in which it wants it.
    pub operands: SmallVec<[(Reg, u32); 3]>,
    /// The memory that a load reads.
    pub access: Option<MemoryAccess>,
    /// Whether a computed place is known to be in range, so that it need not be brought there.
    pub in_range: bool,
    /// The integers in which a varying index is counted in vector code, before it becomes the dtype.
    pub counter: DType,
}

/// How a value changes within a nest; the words are those of SPMD compilers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variation {
    /// Nothing needs it.
    Unused,
    /// Loop-invariant from this level on: evaluated once at the level, which counts the loops around it.
    Invariant(usize),
    /// A scalar that is the same for all points of the innermost loop, but changes in a loop that points run by themselves.
    Uniform,
    /// Different from point to point of the innermost loop.
    Varying,
}

/// The part of addresses that does not change along the innermost loop. Accesses that differ in a small constant or along
/// that loop share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The memory.
    pub buffer: Buffer,
    /// The element, without the innermost variable.
    pub index: Affine,
}

/// A load or a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryAccess {
    /// Position among the nest's addresses of the one that the access starts from.
    pub address: usize,
    /// Bytes to add.
    pub displacement: i32,
    /// Elements per step of the innermost loop.
    pub stride: i64,
    /// Dtype of the elements.
    pub dtype: DType,
}

/// How the elements of one block lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// One element.
    Element,
    /// Whole vectors, one after the other.
    Vectors,
    /// Contiguous elements that fill a part of a vector.
    PartOfVector,
    /// Whole vectors backwards.
    Reversed,
    /// Elements apart from each other.
    Strided,
}

/// A scalar in all lanes of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Splat {
    /// The scalar.
    pub value: Reg,
    /// Bytes of a lane.
    pub width: u32,
}

/// What a nest does with its points.
#[derive(Clone, Debug)]
pub enum Work {
    /// Nothing: one of the loops around never runs.
    Nothing,
    /// Stores them.
    Map(Map),
    /// Folds them.
    Fold(Reduction),
    /// Copies them with rows and columns exchanged, both innermost loops together.
    Transpose(TransposedCopy),
}

/// Stores at each point.
#[derive(Clone, Debug)]
pub struct Map {
    /// Where each store of the source goes.
    pub stores: Vec<MemoryAccess>,
    /// How the innermost loop is cut up.
    pub sections: Vec<Section>,
}

/// Folds of the last loops.
#[derive(Clone, Debug)]
pub struct Reduction {
    /// Loops that are kept: the folded ones are inside of them.
    pub kept: usize,
    /// What folds each value, in the order of the source.
    pub accumulators: Vec<Accumulator>,
    /// Accesses that store the results.
    pub stores: Vec<MemoryAccess>,
    /// How the innermost loop is cut up. Empty if the folded loops never run, so that results are identities.
    pub sections: Vec<Section>,
}

/// The partial results of a fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accumulator {
    /// Dtype of the result.
    pub dtype: DType,
    /// Bytes of a partial. A bool in vectors is a mask.
    pub width: u32,
    /// Number of partials.
    pub partials: u32,
    /// Registers that the partials take.
    pub registers: u32,
    /// Which element goes to which.
    pub order: FoldOrder,
    /// How a vector joins the partials.
    pub joining: Joining,
}

/// Which partial an element is folded into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoldOrder {
    /// Element `j` of the innermost loop into partial `j % partials`: another order would change the result.
    Fixed,
    /// Any.
    Free,
}

/// How whole registers of elements are joined with partials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// By the monoid's function.
    Exact,
    /// By the hardware's maximum or minimum of floats, which is wrong about NaN and the signs of zeros; these are noted and mended
    /// after the loop.
    Mended,
}

/// A part of the innermost loop, done in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Blocks of `lanes` points, `unroll` of them in each iteration.
    Blocks {
        /// The points.
        range: SectionRange,
        /// Points of a block.
        lanes: u32,
        /// Copies of the body.
        unroll: u32,
    },
    /// The last `lanes` points, some of which an earlier section may have done: twice does no harm.
    LastBlock {
        /// Points of the block.
        lanes: u32,
    },
    /// One point at a time; accumulators are in memory, because the partial is not known beforehand.
    Elements {
        /// The points.
        range: SectionRange,
    },
}

/// The points of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionRange {
    /// The edge at which the section begins.
    pub from: Edge,
    /// The one behind the last.
    pub to: Edge,
    /// Whether there are any.
    pub entry: Entry,
}

/// A position along the innermost loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// This one.
    At(u64),
    /// The length in the tile, rounded down to a multiple of a power of two.
    Whole(u64),
}

/// Whether a section has points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// In each tile.
    Always,
    /// Not in each tile, or it is not known.
    Perhaps,
}

/// A copy whose two innermost loops exchange rows and columns: square blocks are read as vectors, transposed in
/// registers, and written as vectors; then what is left of each row, then the rows that are left, element by element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransposedCopy {
    /// Where the first element is read.
    pub load: MemoryAccess,
    /// Access that stores the transposed tile.
    pub store: MemoryAccess,
    /// Bytes from one row that is read to the next.
    pub load_row: i64,
    /// Bytes from one row that is written to the next.
    pub store_row: i64,
    /// Rows and columns of a block.
    pub block: u64,
}

impl Trip {
    /// The same number of iterations in all tiles.
    pub(super) fn fixed(n: u64) -> Trip {
        Trip { full: n, last: n, grid: None }
    }

    /// The iterations that an extent stands for.
    pub fn new(extent: Extent, grid: &[GridDim]) -> Trip {
        match extent {
            Extent::Fixed(n) => Trip::fixed(n),
            Extent::Tile(g) => {
                let GridDim { extent, tile } = grid[g as usize];
                match (extent <= tile, extent % tile) {
                    (true, _) => Trip::fixed(extent),
                    (_, 0) => Trip::fixed(tile),
                    (_, last) => Trip { full: tile, last, grid: Some(g) },
                }
            }
        }
    }

    /// The number of iterations, if it is the same in all tiles.
    pub fn constant(self) -> Option<u64> {
        (self.full == self.last).then_some(self.full)
    }

    /// Whether a condition holds for each number of iterations.
    pub(super) fn all(self, holds: impl Fn(u64) -> bool) -> bool {
        holds(self.full) && holds(self.last)
    }

    /// The edge at the length rounded down to a multiple of `step`.
    pub(super) fn whole(self, step: u64) -> Edge {
        self.constant().map_or(Edge::Whole(step), |n| Edge::At(n / step * step))
    }
}

impl Edge {
    /// The position in a loop of so many iterations.
    pub fn within(self, length: u64) -> u64 {
        match self {
            Edge::At(n) => n,
            Edge::Whole(step) => length / step * step,
        }
    }
}

impl MemoryAccess {
    /// How a block of `lanes` points lies in memory.
    pub fn pattern(self, machine: Machine, lanes: u32) -> Pattern {
        let size = self.dtype.size() as u32;
        let whole = lanes * size >= machine.register(size);
        match self.stride {
            _ if lanes == 1 => Pattern::Element,
            1 if whole => Pattern::Vectors,
            1 => Pattern::PartOfVector,
            -1 if whole => Pattern::Reversed,
            _ => Pattern::Strided,
        }
    }

    /// Bytes per step of the innermost loop.
    pub fn step(self) -> i64 {
        self.stride.wrapping_mul(self.dtype.size() as i64)
    }
}

impl Section {
    /// Points of a block.
    pub fn lanes(self) -> u32 {
        match self {
            Section::Blocks { lanes, .. } | Section::LastBlock { lanes } => lanes,
            Section::Elements { .. } => 1,
        }
    }
}

impl LoopNest<'_> {
    /// The innermost level: the number of loops.
    pub fn inner(&self) -> usize {
        self.trips.len()
    }

    /// The variable of the innermost loop.
    pub fn inner_var(&self) -> Var {
        Var::Dim(self.inner() as u32 - 1)
    }

    /// How often the innermost loop runs.
    pub fn inner_trip(&self) -> Trip {
        self.trips[self.inner() - 1]
    }

    /// What has become of a register.
    pub fn value(&self, reg: Reg) -> &NestValue {
        &self.values[reg.0 as usize]
    }

    /// The instruction of a register.
    pub fn instr(&self, reg: Reg) -> &Instr {
        &self.source.body[reg.0 as usize]
    }

    /// Dtype of a register.
    pub fn dtype(&self, reg: Reg) -> DType {
        self.value(reg).dtype
    }

    /// How a register changes.
    pub fn variation(&self, reg: Reg) -> Variation {
        self.value(reg).variation
    }

    /// Whether a register differs from point to point.
    pub fn varies(&self, reg: Reg) -> bool {
        self.variation(reg) == Variation::Varying
    }

    /// The constant that a register is.
    pub fn constant(&self, reg: Reg) -> Option<Scalar> {
        match *self.instr(reg) {
            Instr::Const(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Whether the instruction tests a loop whose state is frozen at the points where the test fails.
    pub fn is_frozen(&self, test: Reg) -> bool {
        let span = self.spans.iter().find(|span| span.test == test.0 as usize);
        span.is_some_and(|span| is_frozen(&self.source.body, span))
    }

    /// The sections of the innermost loop.
    pub fn sections(&self) -> &[Section] {
        match &self.work {
            Work::Map(map) => &map.sections,
            Work::Fold(fold) => &fold.sections,
            Work::Nothing | Work::Transpose(_) => &[],
        }
    }
}
