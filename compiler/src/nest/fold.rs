//! Accumulators: how many partials a fold has, and what they are joined by.

use tensorwright_ir::DType;
use tensorwright_ir::op::primitive::ReduceKind;

use super::form::{Accumulator, FoldOrder, Joining, LoopNest};
use super::lanes::Blocks;
use super::machine::Machine;
use crate::kernel::{Fold, fold_lanes};

/// Registers of partials of a fold of which the order is free.
const FREE_REGISTERS: u32 = 4;

fn order(fold: &Fold, dtype: DType) -> FoldOrder {
    if fold.kind.depends_on_order(dtype) { FoldOrder::Fixed } else { FoldOrder::Free }
}

/// The blocks, unrolled until an iteration has an element for each partial of a fold of fixed order.
pub(super) fn unrolled(nest: &LoopNest<'_>, blocks: Blocks) -> Blocks {
    let dtypes = nest.source.folds.iter().map(|fold| (fold, nest.dtype(fold.value)));
    let fixed = dtypes.filter(|(fold, dtype)| order(fold, *dtype) == FoldOrder::Fixed);
    let least = fixed.map(|(_, dtype)| fold_lanes(dtype) as u32 / blocks.lanes).max();
    Blocks { unroll: blocks.unroll.max(least.unwrap_or(1)), ..blocks }
}

/// The accumulators of all folds.
pub(super) fn accumulators(nest: &LoopNest<'_>, blocks: Blocks, machine: Machine) -> Vec<Accumulator> {
    nest.source.folds.iter().map(|fold| accumulator(nest, fold, blocks, machine)).collect()
}

fn accumulator(nest: &LoopNest<'_>, fold: &Fold, blocks: Blocks, machine: Machine) -> Accumulator {
    let (dtype, width) = (nest.dtype(fold.value), nest.value(fold.value).width);
    let (order, register) = (order(fold, dtype), machine.register(width));
    let partials = match order {
        FoldOrder::Fixed => fold_lanes(dtype) as u32,
        // Next to much wider values a vector is filled in part; what is in its other lanes is no element.
        FoldOrder::Free if blocks.lanes * width < register => blocks.lanes,
        FoldOrder::Free => (blocks.lanes * blocks.unroll).min(FREE_REGISTERS * register / width),
    };
    let extreme = matches!(fold.kind, ReduceKind::Max | ReduceKind::Min) && dtype.is_float();
    let joining = if extreme && machine.has_vectors() { Joining::Mended } else { Joining::Exact };
    let registers = (partials * width).div_ceil(register);
    Accumulator { dtype, width, partials, registers, order, joining }
}
