//! Routines: ops that are not programs over tiles, compiled by rustc for each element type.
//!
//! [`Routine::prepare`] turns an op and its operand types into plain numbers once; [`Routine::run`] works on raw dense
//! row-major memory. A routine is a list of phases, one after the other; a phase is a number of tiles that do not depend on
//! each other, so that threads can share them. Shapes decide the tiles, and results are those of the op's evaluator,
//! bit for bit but for the accuracy of prefix sums, of linear algebra and of Fourier transforms.
//!
//! | module | ops |
//! |---|---|
//! | `sort` | `sort`, `top_k` |
//! | `scan` | `cumulative` |
//! | `windows`, `gather`, `scatter`, `listed`, `joining` | `gather`, `scatter` |
//! | `section` | `dynamic_slice`, `dynamic_update_slice` |
//! | `pooling` | `reduce_window`, `arg_window`, `gather_window`, `scatter_window` |
//! | `random` | `rng_bits` |
//! | `fourier` | `dft`, `real_dft`, `real_dft_back` |
//! | `linalg` | `cholesky`, `lu_factor`, `qr`, `eigh`, `eig`, `svd` and their kin, of complex matrices too; `triangular_solve`, `linear_solve`, `inverse` |
//! | `attention` | `attend`, `attend_back` |
//! | `copy` | `bitcast`, `transpose` |

mod attention;
mod copy;
mod fourier;
mod gather;
mod joining;
mod linalg;
mod lines;
mod listed;
mod pooling;
mod random;
mod scan;
mod scatter;
mod section;
mod slices;
mod sort;
mod value;
mod windows;

use std::fmt;
use std::ops::Range;

use smallvec::SmallVec;
use tensorwright_ir::{Op, TensorType};

use super::error::RoutineError;
use crate::buffer::OutOfMemory;
use crate::workers::{Failure, Workers, with_scratch};

/// Estimated nanoseconds of work from which on a second thread pays for being woken.
const MIN_SHARED_NS: u64 = 20_000;
/// Estimated nanoseconds of the pieces that threads take.
const PIECE_NS: u64 = 10_000;

/// An op made ready to run.
pub struct Routine {
    kernel: Box<dyn RoutineKernel>,
    phases: SmallVec<[Phase; 2]>,
    scratch_bytes: usize,
}

/// A number of independent tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Number of tiles; 0 if there is nothing to do.
    pub tiles: u64,
    /// Estimated time of one.
    pub tile_ns: u64,
}

/// What a routine works on.
#[derive(Clone, Copy)]
struct Memory<'a> {
    inputs: &'a [*const u8],
    outputs: &'a [*mut u8],
}

// SAFETY: operands are only read, and tiles that run at the same time write to different parts of the results.
unsafe impl Sync for Memory<'_> {}

/// An op for certain types.
trait RoutineKernel: fmt::Debug + Send + Sync {
    /// The phases, in order.
    fn phases(&self) -> SmallVec<[Phase; 2]>;

    /// Scratch memory that each thread needs for itself.
    fn scratch_bytes(&self) -> usize {
        0
    }

    /// Whether the phase has nothing to do, as this memory is.
    fn is_done(&self, _phase: usize, _memory: &Memory<'_>) -> bool {
        false
    }

    /// Does some tiles of a phase.
    ///
    /// # Safety
    /// `memory` is as [`Routine::run`] says, `scratch` is aligned to 64 bytes and writable for as much as was asked for, the tiles are
    /// of the phase, no other thread does them, and earlier phases are over.
    unsafe fn run(&self, phase: usize, tiles: Range<u64>, memory: &Memory<'_>, scratch: *mut u8);
}

impl Memory<'_> {
    /// Whether the first result is in the memory of the first operand.
    fn is_in_place(&self) -> bool {
        self.inputs[0] == self.outputs[0].cast_const()
    }
}

impl Routine {
    /// Makes an op ready for operands of these types.
    ///
    /// # Errors
    /// When the library has no routine for the op: only ops that lower to `Library`, and `transpose`, have one.
    pub fn prepare(op: &Op, operands: &[TensorType], results: &[TensorType]) -> Result<Self, RoutineError> {
        let kernel: Box<dyn RoutineKernel> = match op {
            Op::Sort(op) => Box::new(sort::SortLines::new(op, operands)),
            Op::TopK(op) => Box::new(sort::Greatest::new(op, &operands[0])),
            Op::Cumulative(op) => Box::new(scan::Scan::new(op, &operands[0])),
            Op::Gather(op) => Box::new(gather::Gathering::new(op, operands, &results[0])),
            Op::Scatter(op) => Box::new(scatter::Scattering::new(op, operands)),
            Op::DynamicSlice(_) => Box::new(section::Reading::new(operands, &results[0])),
            Op::DynamicUpdateSlice(_) => Box::new(section::Writing::new(operands)),
            Op::ReduceWindow(op) => Box::new(pooling::Pooling::reduce(op, &operands[0], &results[0])?),
            Op::ArgWindow(op) => Box::new(pooling::Pooling::arg(op, &operands[0], &results[0])?),
            Op::GatherWindow(op) => Box::new(pooling::Pooling::gather(op, &operands[0], &results[0])?),
            Op::ScatterWindow(op) => Box::new(pooling::Pooling::scatter(op, &operands[0], &results[0])?),
            Op::RngBits(op) => Box::new(random::Random::new(op)),
            Op::Bitcast(_) => Box::new(copy::Bytes { bytes: results[0].bytes() }),
            Op::Transpose(op) => Box::new(copy::Strided::transpose(&op.permutation, &operands[0])),
            Op::Dft(_) | Op::RealDft(_) | Op::RealDftBack(_) => {
                let kernel = fourier::kernel(op, operands, results);
                kernel.ok_or(RoutineError::NoRoutine { op: op.name() })?
            }
            _ => match attention::kernel(op, operands).or_else(|| linalg::kernel(op, operands, results)) {
                Some(kernel) => kernel,
                None => return Err(RoutineError::NoRoutine { op: op.name() }),
            },
        };
        let (phases, scratch_bytes) = (kernel.phases(), kernel.scratch_bytes());
        Ok(Self { kernel, phases, scratch_bytes })
    }

    /// The phases, one after the other.
    pub fn phases(&self) -> &[Phase] {
        &self.phases
    }

    /// Computes the op on at most `threads` threads.
    ///
    /// The first output of `scatter`, `dynamic_update_slice` and `bitcast` may be the same memory as the first input: then
    /// what would only be copied stays where it is.
    ///
    /// # Errors
    /// When there is no scratch memory; what results hold is unspecified then.
    ///
    /// # Safety
    /// There is a pointer for each operand and each result, in order, to dense row-major memory aligned to its elements; bools
    /// are 0 or 1. Nobody writes to operands or touches results meanwhile. Memory of results overlaps nothing else, but for the
    /// exception above.
    pub unsafe fn run(
        &self,
        inputs: &[*const u8],
        outputs: &[*mut u8],
        threads: usize,
    ) -> Result<(), OutOfMemory> {
        let memory = Memory { inputs, outputs };
        for (index, &phase) in self.phases.iter().enumerate() {
            let failure = Failure::none();
            let body = |tiles: Range<u64>| {
                failure.keep(with_scratch(self.scratch_bytes, |scratch| {
                    // SAFETY: the caller's promise; the scratch memory is this thread's, and each tile is done once.
                    unsafe { self.kernel.run(index, tiles, &memory, scratch) };
                }));
            };
            let small = phase.tiles.saturating_mul(phase.tile_ns) < MIN_SHARED_NS;
            if phase.tiles == 0 || self.kernel.is_done(index, &memory) {
                continue;
            } else if threads <= 1 || phase.tiles == 1 || small {
                body(0..phase.tiles);
            } else {
                let piece = (PIECE_NS / phase.tile_ns.max(1)).max(1);
                Workers::global().run(phase.tiles, threads, piece, &body);
            }
            failure.outcome()?;
        }
        Ok(())
    }
}

impl fmt::Debug for Routine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kernel.fmt(f)
    }
}

#[cfg(test)]
mod tests;
