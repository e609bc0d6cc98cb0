//! The cost model: what an element of work costs, for everybody who decides by it.
//!
//! There are two measures, because there are two questions.
//!
//! *Steps* are time: what one element costs, vectors and latencies taken into account. One step is a simple instruction on one 32-bit
//! element of a vector, a sixteenth of a nanosecond on one core (four lanes, nearly four instructions a nanosecond).
//! *Instructions* are code: machine instructions for one vector of elements, by which loops are unrolled and bodies limited.
//!
//! | [`CostClass`]     | steps | instructions | |
//! |--------------|------:|-------------:|-|
//! | `Simple`     |     1 |            1 | an addition |
//! | `Slow`       |     5 |            1 | a division of floats: one instruction, but the next one waits |
//! | `VectorMath` |    16 |           24 | a series in line, on vectors of 128 bits; 8 steps as a strip, on the widest vectors there are |
//! | `ByElement`  |    24 |           24 | a division of integers, a call: lane by lane |
//! | `Iteration`  |  1000 |           24 | a call that iterates: a special function |
//!
//! What class a function is of is a column of its row in `ir`. Who asks:
//!
//! | who | what |
//! |---|---|
//! | `passes` | steps of a graph, which no pass may increase; the work that constant folding may do |
//! | `differentiate` | steps, whether a value is computed again on the way back or saved |
//! | `fusion` | steps, whether a value is computed again by each of its readers or stored |
//! | `schedule` | steps, whether a value is kept in scratch; which functions are called as strips |
//! | `native` | instructions of a loop's body; steps of math in line against strips and a walk over program steps |
//! | `nest` | instructions, how often a body is unrolled |
//! | `fusion` | nanoseconds of a product of few terms, whether it is code of a kernel or one of the library |
//! | `passes` | extents of attention, whether it is written out |
//! | the runtime | [`tile_ns`], how many tiles are worth a thread |
//!
//! Routines of the library know their own cost. One that competes with an ordinary kernel compares it with [`tile_ns`] of that
//! kernel, or with `contraction` before there is one.

use tensorwright_ir::op::primitive::{Attended, CostClass};
use tensorwright_ir::{DType, Graph, Node, Op};

use crate::kernel::{Extent, Instr, Kernel, Loop, TileStage};
use crate::program::Product;

/// Steps in a nanosecond.
const STEPS_PER_NS: u64 = 16;
/// Nanoseconds that a tile takes besides its stages.
const TILE_NS: u64 = 10;
/// Machine instructions in a nanosecond, at best.
const INSTRUCTIONS_PER_NS: u64 = 12;
/// Bytes of a vector in generated code.
const VECTOR_BYTES: u64 = 16;
/// Machine instructions that widen an element.
const WIDENING: u64 = 12;
/// Machine instructions of a row of a loop nest besides its points.
const ROW_INSTRUCTIONS: u64 = 10;
/// Machine instructions of a call of a strip.
const CALL: u64 = 8;
/// Nanoseconds in which the library adds up a result in partial sums, if there are terms for all of them, and if some are left over.
const JOINED_NS: u64 = 1;
const LEFT_OVER_NS: u64 = 3;
/// Rows and columns of the library's register blocks.
const BLOCK_ROWS: u64 = 12;
const BLOCK_COLUMNS: u64 = 32;
/// Nanoseconds of a register block and of each of its terms, and of a product besides its blocks.
const BLOCK_NS: u64 = 20;
const BLOCK_TERM_NS: u64 = 3;
const PRODUCT_NS: u64 = 50;
/// Nanoseconds that a run must gain by a kernel instead of a product of the library: the kernel is compiled first, in about half a millisecond.
const KERNEL_GAIN_NS: u64 = 2000;
/// Queries and keys from which on attention goes strip by strip.
const STRIP_QUERIES: usize = 16;
/// Steps of an element of a strip of vector math.
pub(crate) const STRIP: u32 = 8;
/// Steps up to which an element is rather computed again than stored in memory and loaded.
pub(crate) const MEMORY: u32 = 5;
/// Steps up to which an element is rather computed again than stored in scratch, which is near the core, and loaded.
pub(crate) const SCRATCH: u32 = 4;
/// How often a loop is taken to run if nothing is known about it.
pub(crate) const TRIPS: u64 = 16;

/// Steps of one element.
pub(crate) const fn steps(work: CostClass) -> u32 {
    match work {
        CostClass::Simple => 1,
        CostClass::Slow => 5,
        CostClass::VectorMath => 16,
        CostClass::ByElement => 24,
        CostClass::Iteration => 1000,
    }
}

/// Steps of one element of an element-wise op whose result has `dtype`. Constants and indices are free.
pub(crate) fn of_op(op: &Op, dtype: DType) -> u32 {
    match op {
        Op::Constant(_) | Op::Iota(_) => 0,
        Op::Unary(f) => steps(f.work(dtype)),
        Op::Binary(f) => steps(f.work(dtype)),
        Op::Special(_) => steps(CostClass::Iteration),
        _ => steps(CostClass::Simple),
    }
}

/// Steps of a contraction as an ordinary loop: a product and a sum for each of the contracted elements of each result.
pub(crate) fn contraction(results: u64, contracted: u64) -> u64 {
    let pair = 2 * u64::from(steps(CostClass::Simple));
    results.saturating_mul(contracted).saturating_mul(pair)
}

/// Steps of an element of an element-wise op.
pub(crate) fn element_cost(graph: &Graph, node: &Node) -> u32 {
    of_op(&node.op, graph.tensor(node.results[0]).dtype)
}

/// Whether a product of few terms is rather code of a kernel than one of the library, which adds up `partial_sums` partial sums.
pub(crate) fn prefers_kernel(product: &Product, partial_sums: usize) -> bool {
    product_in_kernel(product).saturating_add(KERNEL_GAIN_NS) < product_in_library(product, partial_sums)
}

/// Nanoseconds of a product by the library: of results that are joined from partial sums one by one, else of register blocks, and of the packing
/// before them.
fn product_in_library(product: &Product, partial_sums: usize) -> u64 {
    let (results, terms) = (product.results(), product.depth.extent);
    if partial_sums > 1 {
        let is_even = terms.is_multiple_of(partial_sums as u64);
        return results.saturating_mul(if is_even { JOINED_NS } else { LEFT_OVER_NS });
    }
    let (rows, columns) = (product.rows.extent, product.columns.extent);
    let products = results / rows.saturating_mul(columns).max(1);
    let blocks = rows.div_ceil(BLOCK_ROWS).saturating_mul(columns.div_ceil(BLOCK_COLUMNS));
    let block = BLOCK_NS + BLOCK_TERM_NS * terms;
    products.saturating_mul(blocks.saturating_mul(block).saturating_add(PRODUCT_NS))
}

/// Nanoseconds of a product as a loop over its results that spells out the terms of each: vectors along the innermost axis, if it is as long as one.
/// About twice what is measured, because rows overlap.
fn product_in_kernel(product: &Product) -> u64 {
    let loops = [product.columns, product.rows, product.batch];
    let inner = loops.into_iter().find(|l| l.extent > 1).unwrap_or(product.columns);
    let lanes = VECTOR_BYTES / (product.output.size() as u64).clamp(4, VECTOR_BYTES);
    let is_vector = inner.extent >= lanes;
    let elements = if is_vector { lanes } else { 1 };
    let is_wide = product.input == product.output && product.output.size() >= 4;
    let widening = if is_wide { 0 } else { WIDENING * elements };
    let load = |stride: i64| match stride {
        -1..=1 => 1 + widening,
        _ if !is_vector => 1 + widening,
        _ => 2 * lanes + widening,
    };
    let term = load(inner.lhs) + load(inner.rhs) + 1;
    let points = if is_vector { inner.extent.div_ceil(lanes) } else { inner.extent };
    let terms = product.depth.extent;
    let row = ROW_INSTRUCTIONS + 2 * terms + points.saturating_mul(terms * term);
    let rows = product.results() / inner.extent.max(1);
    rows.saturating_mul(row) / INSTRUCTIONS_PER_NS
}

/// Whether attention is rather written out than computed strip by strip: a strip has many queries, and what is written is little.
pub(crate) fn prefers_written_attention(extents: &Attended) -> bool {
    extents.queries < STRIP_QUERIES || extents.keys < STRIP_QUERIES
}

/// The class of an instruction whose result has `dtype`.
pub(crate) fn work(instr: &Instr, dtype: DType) -> CostClass {
    match instr {
        Instr::Unary(f, _) => f.work(dtype),
        Instr::Binary(f, ..) => f.work(dtype),
        Instr::Special(..) => CostClass::Iteration,
        Instr::Const(_) | Instr::Index { .. } | Instr::Load { .. } | Instr::LoadAt { .. } => {
            CostClass::Simple
        }
        Instr::Compare(..) | Instr::Select(..) | Instr::Fma(..) => CostClass::Simple,
        Instr::Cast(..) | Instr::Bitcast(..) => CostClass::Simple,
        Instr::Loop | Instr::State(_) | Instr::While(_) | Instr::Repeat(_) => CostClass::Simple,
        Instr::StoreAt { .. } => CostClass::Simple,
    }
}

/// Machine instructions of a vector of results, in line.
pub(crate) fn instructions(instr: &Instr, dtype: DType) -> u32 {
    match (instr, work(instr, dtype)) {
        (Instr::Cast(..), _) => 3,
        (_, CostClass::Simple | CostClass::Slow) => 1,
        (_, CostClass::VectorMath | CostClass::ByElement | CostClass::Iteration) => 24,
    }
}

/// Machine instructions of a kernel, if no loop is unrolled.
pub(crate) fn code(kernel: &Kernel) -> u64 {
    let of_stage = |stage: &TileStage| match stage {
        TileStage::Loop(nest) => {
            let body = nest.body.iter().zip(kernel.dtypes(nest));
            body.map(|(instr, dtype)| u64::from(instructions(instr, dtype))).sum()
        }
        TileStage::Math(_) => CALL,
    };
    kernel.stages.iter().map(of_stage).sum()
}

/// Nanoseconds of one tile of a kernel.
pub fn tile_ns(kernel: &Kernel) -> u64 {
    let steps: u64 = kernel.stages.iter().map(|stage| stage_steps(kernel, stage)).sum();
    steps / STEPS_PER_NS + TILE_NS
}

fn stage_steps(kernel: &Kernel, stage: &TileStage) -> u64 {
    let extent = |e: &Extent| match *e {
        Extent::Fixed(n) => n,
        Extent::Tile(g) => kernel.grid[g as usize].tile,
    };
    let points = |dims: &[Extent]| dims.iter().map(extent).product::<u64>();
    match stage {
        TileStage::Loop(l) => points(&l.dims).saturating_mul(body_steps(kernel, l) + l.stores.len() as u64),
        TileStage::Math(m) => points(&m.dims).saturating_mul(STRIP.into()),
    }
}

/// Steps of a point of a loop nest, if each loop in its body runs [`TRIPS`] times.
fn body_steps(kernel: &Kernel, nest: &Loop) -> u64 {
    let mut each = 1u64;
    let mut sum = 0u64;
    for (instr, dtype) in nest.body.iter().zip(kernel.dtypes(nest)) {
        match instr {
            Instr::Loop => each = each.saturating_mul(TRIPS),
            Instr::Repeat(_) => each /= TRIPS,
            _ => sum = sum.saturating_add(each.saturating_mul(steps(work(instr, dtype)).into())),
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use tensorwright_ir::op::primitive::{BinaryFn, UnaryFn};

    use super::*;
    use crate::kernel::Reg;

    #[test]
    fn what_tests_tolerate_costs_nothing() {
        let (root, inverse) = (UnaryFn::Sqrt, UnaryFn::Rsqrt);
        assert!(root.ulps() == 0 && inverse.ulps() > 0);
        assert_eq!(of_op(&inverse.into(), DType::F32), of_op(&root.into(), DType::F32));
        assert_eq!(instructions(&Instr::Unary(inverse, Reg(0)), DType::F32), 1);
    }

    #[test]
    fn a_power_of_integers_is_no_strip() {
        let power = Instr::Binary(BinaryFn::Pow, Reg(0), Reg(1));
        assert_eq!(work(&power, DType::F32), CostClass::VectorMath);
        assert_eq!(work(&power, DType::I32), CostClass::ByElement);
    }
}
