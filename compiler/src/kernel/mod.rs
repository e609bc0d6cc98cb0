//! Kernel IR: a kernel is a small program over tiles.
//!
//! ```text
//! for each tile of the grid (in parallel, any order):        GridDim { extent, tile }
//!     stage 0; stage 1; ..                                   over params (memory) and locals (scratch of the tile)
//! ```
//!
//! A [`TileStage`] is a loop nest that evaluates a scalar expression DAG at each point, or a call of a vector math function
//! on contiguous elements. All addresses are [`Affine`] in the grid variables and the loop variables of the stage, so
//! broadcasts have stride 0, transposes permuted strides and reversals negative ones. Stages of a tile run one after
//! the other; tiles are independent of each other, so that any number of threads gives the same bits.
//!
//! Scratch (`locals`) is meant to stay in L1: the schedule chooses tiles so that it does.

pub mod bounds;
pub mod interpret;
pub mod loops;
mod parse;
pub mod range;
mod text;
mod update;
pub mod verify;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, ReduceKind, SpecialFn, UnaryFn};
use tensorwright_ir::{DType, Scalar};

pub use interpret::{InterpretError, interpret};
pub use verify::{InvalidKernel, verify};

/// A compiled unit: native code that computes any range of its tiles.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// Memory that the caller passes, in order.
    pub params: Vec<Param>,
    /// Scratch of one tile, uninitialised at its start.
    pub locals: Vec<Local>,
    /// Parallel loops, outermost first; empty means one tile.
    pub grid: Vec<GridDim>,
    /// What one tile does, in order.
    pub stages: Vec<TileStage>,
}

/// Memory that the caller passes: dense elements, addressed from its start.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Param {
    /// Element type.
    pub dtype: DType,
    /// Number of elements.
    pub len: u64,
    /// How the kernel uses the memory. Two params never overlap, unless both are only read.
    pub access: Access,
}

/// How a kernel uses a param.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Only loads.
    Read,
    /// Stores, and loads of what the same tile stored before.
    Write,
    /// Loads of what the caller left there, and stores.
    ReadWrite,
}

/// Scratch of one tile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Local {
    /// Element type.
    pub dtype: DType,
    /// Number of elements.
    pub len: u64,
}

/// One parallel loop: `extent` indices, taken `tile` at a time. Its variable is the first index of the tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GridDim {
    /// Number of indices, at least 1.
    pub extent: u64,
    /// Indices per tile, at least 1; the last tile may have fewer.
    pub tile: u64,
}

impl GridDim {
    /// Number of tiles along this loop.
    pub fn tiles(self) -> u64 {
        self.extent.div_ceil(self.tile)
    }
}

/// A place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Buffer {
    /// The param at this position.
    Param(u32),
    /// The local at this position.
    Local(u32),
}

/// An index variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Var {
    /// First index of the tile along this grid loop.
    Grid(u32),
    /// Loop variable of the stage, from 0.
    Dim(u32),
}

/// `offset + sum of coefficient * variable`, in elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Affine {
    /// The constant part.
    pub offset: i64,
    /// Coefficients, none of them 0, in ascending order of the variables, each variable once.
    pub terms: SmallVec<[(Var, i64); 4]>,
}

impl Affine {
    /// A constant.
    pub fn constant(offset: i64) -> Affine {
        Affine { offset, terms: SmallVec::new() }
    }

    /// One variable.
    pub fn var(var: Var) -> Affine {
        Affine::default().plus(var, 1)
    }

    /// `self + coefficient * var`.
    pub fn plus(mut self, var: Var, coefficient: i64) -> Affine {
        match self.terms.binary_search_by_key(&var, |t| t.0) {
            Ok(at) => self.terms[at].1 += coefficient,
            Err(at) => self.terms.insert(at, (var, coefficient)),
        }
        self.terms.retain(|t| t.1 != 0);
        self
    }

    /// `self + other`.
    pub fn added(&self, other: &Affine) -> Affine {
        let start = Affine { offset: self.offset + other.offset, terms: self.terms.clone() };
        other.terms.iter().fold(start, |sum, &(var, coefficient)| sum.plus(var, coefficient))
    }

    /// `self * factor`.
    pub fn scaled(&self, factor: i64) -> Affine {
        let scale = |&(var, coefficient): &(Var, i64)| (var, coefficient * factor);
        let terms = if factor == 0 { SmallVec::new() } else { self.terms.iter().map(scale).collect() };
        Affine { offset: self.offset * factor, terms }
    }

    /// `self + offset`.
    pub fn shifted(&self, offset: i64) -> Affine {
        Affine { offset: self.offset + offset, terms: self.terms.clone() }
    }

    /// The index with its loop variables renumbered by `by`: that of the same loops inside `by` others.
    pub fn moved(&self, by: u32) -> Affine {
        let rename = |&(var, coefficient): &(Var, i64)| match var {
            Var::Dim(i) => (Var::Dim(i + by), coefficient),
            grid => (grid, coefficient),
        };
        Affine { offset: self.offset, terms: self.terms.iter().map(rename).collect() }
    }

    /// The coefficient of `var`, 0 if it does not occur.
    pub fn coefficient(&self, var: Var) -> i64 {
        self.terms.iter().find(|t| t.0 == var).map_or(0, |t| t.1)
    }
}

/// Number of iterations of a stage's loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    /// Always that many.
    Fixed(u64),
    /// As many as the tile has along this grid loop: `min(tile, extent - grid variable)`.
    Tile(u32),
}

/// A step of a tile: a loop nest or a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TileStage {
    /// A loop nest.
    Loop(Loop),
    /// A vector math function on contiguous elements.
    Math(Math),
}

/// A loop nest with a scalar expression DAG as its body.
///
/// Without folds, the body is evaluated and stored at each point; points are independent along the last dim (which is
/// vectorised), and run in order along the others, so that an outer-axis reduction is written as a load, an addition and a
/// store of the same element. With folds, the last `folded` dims are reduced.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Loop {
    /// Extents, outermost first; the last is vectorised. Empty means one point.
    pub dims: Vec<Extent>,
    /// The expression DAG: an instruction's operands are earlier instructions.
    pub body: Vec<Instr>,
    /// Values written at each point; with `folded > 0`, there are none.
    pub stores: Vec<Store>,
    /// How many trailing dims the folds reduce; 0 if there are no folds.
    pub folded: u32,
    /// Values reduced.
    pub folds: Vec<Fold>,
}

/// An instruction of a body, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reg(pub u32);

/// One scalar computation. Arithmetic is defined as by the ops of the graph IR. On f16 and bf16 there are only loads,
/// stores, casts, bitcasts and selects; the schedule puts casts to f32 and back around everything else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Instr {
    /// A constant.
    Const(Scalar),
    /// An index as a number: integers wrap, floats round.
    Index {
        /// Dtype of the result.
        dtype: DType,
        /// The index.
        index: Affine,
    },
    /// An element of memory.
    Load {
        /// Where from; its dtype is the result's.
        buffer: Buffer,
        /// Index of the element that is written.
        index: Affine,
    },
    /// An element of memory at a computed place: `at` elements after `index`, where `at`, an i64 that is the same along the innermost
    /// loop, is clamped to be at least 0 and below `count`.
    LoadAt {
        /// Where from; its dtype is the result's.
        buffer: Buffer,
        /// The first element that may be read.
        index: Affine,
        /// Which one after it.
        at: Reg,
        /// How many there are.
        count: u64,
    },
    /// Writes an element of memory at a computed place, which is that of a [`LoadAt`](Instr::LoadAt), or nothing if there is no such element. It has no
    /// value. Loads from the buffer find what was written before them; the stages of such a body have one point at a time.
    StoreAt {
        /// Where to; its dtype is the value's.
        buffer: Buffer,
        /// The first element that may be written.
        index: Affine,
        /// Which one after it.
        at: Reg,
        /// How many there are.
        count: u64,
        /// The register that is stored.
        value: Reg,
        /// What a place that there is not stands for.
        outside: Outside,
    },
    /// A function of one operand.
    Unary(UnaryFn, Reg),
    /// A function of two operands of the same dtype.
    Binary(BinaryFn, Reg, Reg),
    /// A special function of operands of the same dtype.
    Special(SpecialFn, SmallVec<[Reg; 3]>),
    /// A comparison of two operands of the same dtype.
    Compare(CompareFn, Reg, Reg),
    /// `if .0 { .1 } else { .2 }`.
    Select(Reg, Reg, Reg),
    /// `.0 * .1 + .2`, rounded once.
    Fma(Reg, Reg, Reg),
    /// Conversion, as the `cast` op.
    Cast(DType, Reg),
    /// The same bits as another dtype of the same width.
    Bitcast(DType, Reg),
    /// Begins a loop that each point runs by itself, see [`loops`]. It has no value, like `While` and `Repeat`.
    Loop,
    /// A state variable of a loop: `.0` at first.
    State(Reg),
    /// Leaves the loop unless the bool holds, which must be the same along the innermost loop of the stage, or the state is frozen.
    While(Reg),
    /// Ends a loop, and gives the next values of its state variables.
    Repeat(SmallVec<[Reg; 4]>),
}

/// Where a store goes whose place is not at least 0 and below its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outside {
    /// To the nearest place that is.
    Nearest,
    /// Nowhere: nothing is stored.
    Nowhere,
}

impl Instr {
    /// Registers that the instruction reads.
    pub fn operands(&self) -> SmallVec<[Reg; 3]> {
        match *self {
            Instr::Const(_) | Instr::Index { .. } | Instr::Load { .. } | Instr::Loop => SmallVec::new(),
            Instr::Unary(_, x) | Instr::Cast(_, x) | Instr::Bitcast(_, x) => smallvec![x],
            Instr::State(x) | Instr::While(x) | Instr::LoadAt { at: x, .. } => smallvec![x],
            Instr::StoreAt { at, value, .. } => smallvec![at, value],
            Instr::Binary(_, x, y) | Instr::Compare(_, x, y) => smallvec![x, y],
            Instr::Select(x, y, z) | Instr::Fma(x, y, z) => smallvec![x, y, z],
            Instr::Special(_, ref x) => x.clone(),
            Instr::Repeat(ref next) => next.iter().copied().collect(),
        }
    }

    /// The instruction with its registers replaced.
    pub fn with_operands(&self, mut f: impl FnMut(Reg) -> Reg) -> Instr {
        match self.clone() {
            Instr::Unary(op, x) => Instr::Unary(op, f(x)),
            Instr::Cast(dtype, x) => Instr::Cast(dtype, f(x)),
            Instr::Bitcast(dtype, x) => Instr::Bitcast(dtype, f(x)),
            Instr::Binary(op, x, y) => Instr::Binary(op, f(x), f(y)),
            Instr::Special(op, x) => Instr::Special(op, x.into_iter().map(f).collect()),
            Instr::Compare(op, x, y) => Instr::Compare(op, f(x), f(y)),
            Instr::Select(x, y, z) => Instr::Select(f(x), f(y), f(z)),
            Instr::Fma(x, y, z) => Instr::Fma(f(x), f(y), f(z)),
            Instr::LoadAt { buffer, index, at, count } => Instr::LoadAt { buffer, index, at: f(at), count },
            Instr::StoreAt { buffer, index, at, count, value, outside } => {
                Instr::StoreAt { buffer, index, at: f(at), count, value: f(value), outside }
            }
            Instr::State(x) => Instr::State(f(x)),
            Instr::While(x) => Instr::While(f(x)),
            Instr::Repeat(next) => Instr::Repeat(next.into_iter().map(f).collect()),
            leaf => leaf,
        }
    }

    /// Whether there is a value: loops, tests, repeats and stores have none.
    pub fn has_value(&self) -> bool {
        !matches!(self, Instr::Loop | Instr::While(_) | Instr::Repeat(_) | Instr::StoreAt { .. })
    }

    /// The memory that the instruction reads or writes.
    pub fn buffer(&self) -> Option<Buffer> {
        match *self {
            Instr::Load { buffer, .. } | Instr::LoadAt { buffer, .. } | Instr::StoreAt { buffer, .. } => {
                Some(buffer)
            }
            _ => None,
        }
    }

    /// The memory that the instruction writes.
    pub fn written(&self) -> Option<Buffer> {
        match *self {
            Instr::StoreAt { buffer, .. } => Some(buffer),
            _ => None,
        }
    }
}

impl Loop {
    /// The memory that the body itself writes, as it goes.
    pub fn written(&self) -> impl Iterator<Item = Buffer> + '_ {
        self.body.iter().filter_map(Instr::written)
    }
}

/// A value written to memory at each point.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Store {
    /// The buffer that is written to; its dtype is the value's.
    pub buffer: Buffer,
    /// Index of the element that is written.
    pub index: Affine,
    /// The register that is stored.
    pub value: Reg,
}

/// A value reduced along the last dims of a loop.
///
/// The order is fixed by the shape: element `j` of the innermost dim (within one iteration of the dims around it) goes
/// to partial accumulator `j % LANES`; all partials start at the identity, run on through the outer folded dims, and
/// are joined in a balanced tree at the end: `p[i] = p[i] op p[i + LANES/2]`, then `LANES/4`, and so on. See [`fold_lanes`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fold {
    /// The monoid.
    pub kind: ReduceKind,
    /// The register that is reduced.
    pub value: Reg,
    /// The buffer that the result goes to; its dtype is the value's.
    pub buffer: Buffer,
    /// Which element, by the grid variables and the dims that are not folded.
    pub index: Affine,
}

/// Number of partial accumulators of a fold over elements of `dtype`: four 128-bit vectors of them.
pub const fn fold_lanes(dtype: DType) -> usize {
    64 / dtype.size()
}

/// A vector math function on contiguous elements, called in the runtime's library: `out[i] = function(args[0][i], ..)` for
/// `i` below the product of `dims`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Math {
    /// The function.
    pub function: MathOp,
    /// f32 or f64.
    pub dtype: DType,
    /// Result; it may be one of the arguments.
    pub out: Span,
    /// Arguments.
    pub args: SmallVec<[Span; 2]>,
    /// Number of elements, as a product.
    pub dims: Vec<Extent>,
}

/// Functions that may stand in [`Math`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MathOp {
    /// Of one operand.
    Unary(UnaryFn),
    /// Of two operands.
    Binary(BinaryFn),
}

/// The start of contiguous elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The buffer that holds the elements.
    pub buffer: Buffer,
    /// The first element, by the grid variables.
    pub start: Affine,
}

impl Kernel {
    /// Number of tiles.
    pub fn tiles(&self) -> u64 {
        self.grid.iter().map(|d| d.tiles()).product()
    }

    /// The dtypes of the instructions of a verified loop; those without a value count as bool.
    pub fn dtypes(&self, body: &Loop) -> Vec<DType> {
        let mut dtypes: Vec<DType> = Vec::with_capacity(body.body.len());
        for instr in &body.body {
            let of = |reg: Reg| dtypes[reg.0 as usize];
            dtypes.push(match *instr {
                Instr::Const(scalar) => scalar.dtype(),
                Instr::Index { dtype, .. } | Instr::Cast(dtype, _) | Instr::Bitcast(dtype, _) => dtype,
                Instr::Load { buffer, .. } | Instr::LoadAt { buffer, .. } => self.dtype(buffer),
                Instr::Unary(f, x) => {
                    if f.is_predicate() {
                        DType::Bool
                    } else {
                        of(x)
                    }
                }
                Instr::Binary(_, x, _) | Instr::Select(_, x, _) | Instr::Fma(x, _, _) => of(x),
                Instr::Special(_, ref x) => of(x[0]),
                // The others have no value.
                Instr::Compare(..) => DType::Bool,
                Instr::Loop | Instr::While(_) | Instr::Repeat(_) | Instr::StoreAt { .. } => DType::Bool,
                Instr::State(x) => of(x),
            });
        }
        dtypes
    }

    /// The dtype of a buffer's elements.
    pub fn dtype(&self, buffer: Buffer) -> DType {
        match buffer {
            Buffer::Param(i) => self.params[i as usize].dtype,
            Buffer::Local(i) => self.locals[i as usize].dtype,
        }
    }

    /// The number of a buffer's elements.
    pub fn len(&self, buffer: Buffer) -> u64 {
        match buffer {
            Buffer::Param(i) => self.params[i as usize].len,
            Buffer::Local(i) => self.locals[i as usize].len,
        }
    }

    /// Bytes of scratch that one tile needs, each local aligned to 64 bytes.
    pub fn scratch_bytes(&self) -> usize {
        self.locals.iter().map(Local::aligned_bytes).sum()
    }

    /// Where in the scratch a local begins, in bytes.
    pub fn local_offset(&self, local: u32) -> usize {
        self.locals[..local as usize].iter().map(Local::aligned_bytes).sum()
    }
}

impl Local {
    fn aligned_bytes(&self) -> usize {
        (self.len as usize * self.dtype.size()).next_multiple_of(64)
    }
}
