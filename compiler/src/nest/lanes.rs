//! How many points vector code handles at once, and how many blocks of them one iteration.

use smallvec::SmallVec;
use tensorwright_ir::op::primitive::CostClass;

use super::form::LoopNest;
use super::machine::{FusedMultiplyAdd, Machine, Vectors};
use crate::cost;
use crate::kernel::loops::BodyLoop;
use crate::kernel::{Instr, Reg};

/// Machine instructions that the main loop may have before it is no longer unrolled.
const BODY_BUDGET: u32 = 48;
/// Machine instructions of a fused multiply-add of a vector, by a call for each element.
const FMA_CALLS: u32 = 40;
/// Most vectors of one value in an iteration: additions of so many do not wait for each other.
const MAX_VECTORS: u32 = 4;

/// The shape of an iteration of the main loop. Both are powers of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocks {
    /// Points of a block.
    pub(super) lanes: u32,
    /// Blocks in an iteration.
    pub(super) unroll: u32,
}

/// Vectors are full in the narrowest type, unless the widest would need more than four of them.
pub(super) fn choose(nest: &LoopNest<'_>, machine: Machine) -> Blocks {
    let widths = widths(nest);
    let narrowest = widths.iter().copied().min().unwrap_or(4);
    let widest = widths.iter().copied().max().unwrap_or(4);
    if !nest.spans.is_empty() {
        return Blocks { lanes: lanes_of_loops(nest, widest, machine), unroll: 1 };
    }
    let (lanes, vectors) = match machine.vectors {
        Vectors::None => (1, 1),
        Vectors::Bytes(bytes) => {
            let lanes = (bytes / narrowest).min(MAX_VECTORS * bytes / widest);
            (lanes, lanes * widest / bytes)
        }
    };
    let cost: u32 =
        nest.body.iter().map(|&reg| instructions(nest, reg, machine)).sum::<u32>() * vectors.max(1);
    let unroll = (BODY_BUDGET / cost.max(1)).clamp(1, MAX_VECTORS / vectors.clamp(1, MAX_VECTORS));
    Blocks { lanes, unroll: 1 << unroll.ilog2() }
}

/// Bytes of the lanes that the innermost loop handles.
fn widths(nest: &LoopNest<'_>) -> SmallVec<[u32; 16]> {
    let varying = nest.body.iter().filter(|&&reg| nest.varies(reg)).map(|&reg| nest.value(reg).width);
    let stored = nest.source.stores.iter().map(|s| nest.dtype(s.value).size() as u32);
    let folded = nest.source.folds.iter().map(|f| nest.value(f.value).width);
    varying.chain(stored).chain(folded).collect()
}

/// Loops of points are not unrolled, but run for several vectors at once, so that these need not wait for each other; for
/// fewer if there is more state, which is to stay in registers.
fn lanes_of_loops(nest: &LoopNest<'_>, widest: u32, machine: Machine) -> u32 {
    let Vectors::Bytes(bytes) = machine.vectors else { return 1 };
    let states = nest.spans.iter().flat_map(BodyLoop::state).filter(|&state| nest.varies(Reg(state as u32)));
    // A vector math function needs all registers for itself, a call does too.
    let work = |reg: Reg| cost::work(nest.instr(reg), nest.dtype(reg));
    let math = nest.body.iter().any(|&reg| nest.varies(reg) && work(reg) >= CostClass::VectorMath);
    let vectors = match states.count() {
        _ if math => 1,
        0..=2 => 4,
        3..=4 => 2,
        _ => 1,
    };
    let most = nest.inner_trip().full.min(u64::from(vectors * bytes / widest)).max(1);
    1 << most.ilog2()
}

/// Roughly how many machine instructions a vector of it takes.
fn instructions(nest: &LoopNest<'_>, reg: Reg, machine: Machine) -> u32 {
    match nest.instr(reg) {
        Instr::Fma(..) if machine.fma == FusedMultiplyAdd::Call => FMA_CALLS,
        instr => cost::instructions(instr, nest.dtype(reg)),
    }
}
