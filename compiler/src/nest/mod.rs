//! Loop nests: how the loops of a kernel run, decided before any code is emitted and apart from who emits it.
//!
//! A [kernel](crate::kernel) says what is computed at each point. A nest says how: what is hoisted out of which loop, how many
//! points one block of vector code has and how often it is unrolled, what is copied to all lanes, which addresses accesses share, what
//! partial results a fold has, what is called as a strip. It is chosen for a [`Machine`], knows nothing of a code generator, prints, and
//! is checked by a [verifier](mod@verify) and an [interpreter](interpret). An emitter reads it and decides nothing: [`codegen`](crate::codegen)
//! for Cranelift.
//!
//! # Notation
//!
//! The loops of a nest are numbered from the outermost, `d0`; `i` is the variable of the innermost one. *Level* `k` is the place inside of
//! `k` loops, in front of the next one. A *block* is a number of neighbouring points, the *lanes*, that are computed
//! together; the main loop does several blocks in each iteration. A value is *invariant* from a level on, *uniform* if it
//! changes within the innermost loop but is the same for all lanes, or *varying*. A *partial* is one of the results that a
//! fold keeps side by side and joins at the end.
//!
//! # Invariant
//!
//! A nest computes the bits of its kernel, whatever the machine. Three things keep that true. Everything is evaluated once, no earlier
//! than what it needs and no later than its readers. Sections cover the innermost loop once, except where twice does no harm. And
//! an element is folded into the partial that [`Fold`](crate::kernel::Fold) says, `j % lanes`, wherever the order changes the
//! result, although blocks know only their distance from the beginning of an iteration: so iterations begin at multiples of the number of
//! partials, and points that do not fill an iteration are either blocks at a known place or single elements.
//!
//! # Phases
//!
//! 1. `variation`: the level of an instruction is the innermost loop that its index or an operand depends on. What a stage stores is not
//!    read before the loop around the innermost one. Loops that points run by themselves stay in the innermost loop as a whole.
//! 2. `lower`: a bool in vectors is a mask as wide as what it was made from, so that comparisons and choices need no conversion. Accesses
//!    that differ by a constant or along the innermost loop share an address.
//! 3. `lanes`: vectors are full in the narrowest dtype; the body is unrolled while it is short.
//! 4. `fold`: partials fill four registers, which hides the latency of an addition; sums of floats have as many as the kernel IR says.
//! 5. `sections`, or `transpose`: the main loop, single blocks, and the rest: the last block once more if points may be done twice, else
//!    elements.
//! 6. `lower` again: what the innermost loop needs in vectors, and does not change in it, is splat in front of it.
//!
//! # Example
//!
//! Each row of a matrix is scaled by an element of a vector. The factor is hoisted to level 1 and splat there; a row of 50 is three
//! iterations of four blocks of four lanes, and a last block that begins at 46, two points of which are done already.
//!
//! ```
//! use tensorwright_compiler::kernel::Kernel;
//! use tensorwright_compiler::nest::{self, Machine};
//!
//! let kernel: Kernel = "kernel {
//!   param p0: read f32[200]
//!   param p1: read f32[4]
//!   param p2: write f32[200]
//!   loop d0 < 4, d1 < 50 {
//!     r0 = load p0[50*d0 + d1]
//!     r1 = load p1[d0]
//!     r2 = mul r0 r1
//!     store p2[50*d0 + d1] = r2
//!   }
//! }".parse()?;
//! let program = nest::lower(&kernel, Machine::SIMD128)?;
//! nest::verify(&program)?;
//! assert_eq!(program.to_string(), "\
//! nests for vectors of 16 bytes {
//!   nest {
//!     a0 = p0[50*d0]
//!     a1 = p1[d0]
//!     a2 = p2[50*d0]
//!     for d0 < 4 {
//!       r1 = load f32 a1
//!       splat r1 as 4 bytes
//!       each i = d1 < 50 {
//!         4 x 4 lanes: 0..48
//!         4 lanes: the last 4
//!         r0 = varying load f32 a0 + 4*i
//!         r2 = varying mul r0 r1
//!         store f32 a2 + 4*i = r2
//!       }
//!     }
//!   }
//! }
//! ");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`codegen`](crate::codegen) follows this nest into Cranelift's instructions.

mod calls;
mod fold;
mod form;
pub mod interpret;
mod lanes;
mod lower;
mod machine;
mod sections;
mod text;
mod transpose;
mod variation;
pub mod verify;

use tensorwright_ir::DType;

pub use calls::Import;
pub(crate) use calls::{of_binary, of_special};
pub use form::{
    Accumulator, Address, Edge, Entry, FoldOrder, Joining, LoopNest, Map, MemoryAccess, NestValue, Pattern,
    Reduction, Section, SectionRange, Splat, TransposedCopy, Trip, Variation, Work,
};
pub use machine::{FusedMultiplyAdd, Machine, Vectors};
pub use verify::{InvalidNest, verify};

use crate::kernel::{Kernel, Math, TileStage};

/// A kernel with all decisions about its loops made, for a machine.
#[derive(Clone, Debug)]
pub struct NestProgram<'k> {
    /// The kernel that the nests compute.
    pub kernel: &'k Kernel,
    /// The machine that runs the nests.
    pub machine: Machine,
    /// What one tile does, in order.
    pub stages: Vec<NestStage<'k>>,
    /// Functions that the code calls, in ascending order of symbols.
    pub imports: Vec<Import>,
}

/// A step of a tile, with the decisions about its loops.
#[derive(Clone, Debug)]
pub enum NestStage<'k> {
    /// Loops.
    Nest(Box<LoopNest<'k>>),
    /// A call of a strip.
    Strip(StripCall<'k>),
}

/// A call of a vector math function on contiguous elements.
#[derive(Clone, Debug)]
pub struct StripCall<'k> {
    /// The callee.
    pub function: Import,
    /// The stage whose arguments the call has.
    pub stage: &'k Math,
    /// For each loop of which the elements are, how often it runs.
    pub trips: Vec<Trip>,
}

/// A function that the runtime has no strip for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{function}` is not supported for {dtype}")]
pub struct Unsupported {
    /// The function.
    pub function: &'static str,
    /// The dtype.
    pub dtype: DType,
}

/// Decides how the loops of a valid kernel run on a machine.
///
/// # Errors
///
/// If a stage calls a function of which there are no strips.
pub fn lower(kernel: &Kernel, machine: Machine) -> Result<NestProgram<'_>, Unsupported> {
    let stages: Vec<NestStage<'_>> =
        kernel.stages.iter().map(|stage| lower_stage(kernel, stage, machine)).collect::<Result<_, _>>()?;
    let imports = calls::imports(&stages);
    Ok(NestProgram { kernel, machine, stages, imports })
}

fn lower_stage<'k>(
    kernel: &'k Kernel,
    stage: &'k TileStage,
    machine: Machine,
) -> Result<NestStage<'k>, Unsupported> {
    Ok(match stage {
        TileStage::Loop(body) => NestStage::Nest(Box::new(lower::lower(kernel, body, machine))),
        TileStage::Math(math) => NestStage::Strip(StripCall {
            function: calls::strip(math)?,
            stage: math,
            trips: math.dims.iter().map(|&extent| Trip::new(extent, &kernel.grid)).collect(),
        }),
    })
}
