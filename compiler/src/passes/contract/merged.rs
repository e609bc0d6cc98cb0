//! Axes that are merged for a product only to be split behind it.

use std::ops::Range;

use smallvec::SmallVec;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::DotGeneral;
use tensorwright_ir::{Graph, Op, Shape, Value};

use crate::passes::chunks::common_chunks;
use crate::passes::pattern::Rewritten;
use crate::passes::rewriter::{Rewriter, Site};

/// An operand before its axes were merged.
struct Unmerged<'g> {
    source: Value,
    shape: &'g Shape,
    /// For each axis of the operand the axes of `source` that were merged into it.
    parts: SmallVec<[Range<usize>; 6]>,
}

/// A reshape of a product of reshaped operands, as a product of operands that are not reshaped, if its result has the shape
/// wanted as it is.
pub(super) fn kept_apart<'g>(
    r: &mut Rewriter<'g>,
    graph: &'g Graph,
    uses: &[u32],
    site: &Site<'g>,
    wanted: &Shape,
) -> Rewritten {
    let product = site.node.operands[0];
    let Some((_, node)) = graph.producer(product) else { return Ok(None) };
    let (Op::DotGeneral(dot), &[lhs, rhs], 1) = (&node.op, &node.operands[..], uses[product.index()]) else {
        return Ok(None);
    };
    let (left, right) = (unmerged(graph, lhs), unmerged(graph, rhs));
    let Some((new, shape)) = product_of(dot, &left, &right) else { return Ok(None) };
    if shape != *wanted {
        return Ok(None);
    }
    let operands = [r.current(left.source), r.current(right.source)];
    r.build_at(node.location.clone()).push_one(new, &operands).map(Some)
}

fn unmerged(graph: &Graph, value: Value) -> Unmerged<'_> {
    let shape = &graph.tensor(value).shape;
    if let Some((_, node)) = graph.producer(value)
        && matches!(node.op, Op::Reshape(_))
    {
        let source = node.operands[0];
        let before = &graph.tensor(source).shape;
        let chunks = common_chunks(before, shape).unwrap_or_default();
        let only_merges =
            !chunks.is_empty() && chunks.iter().all(|(old, new)| new.len() == 1 && !old.is_empty());
        if only_merges {
            return Unmerged {
                source,
                shape: before,
                parts: chunks.into_iter().map(|(old, _)| old).collect(),
            };
        }
    }
    Unmerged { source: value, shape, parts: (0..shape.rank()).map(|axis| axis..axis + 1).collect() }
}

/// The product of the unmerged operands and its shape. `None` if paired axes are made of different ones.
fn product_of(dot: &DotGeneral, left: &Unmerged<'_>, right: &Unmerged<'_>) -> Option<(DotGeneral, Shape)> {
    let [lhs_batch, rhs_batch] = paired(&dot.lhs_batch, &dot.rhs_batch, left, right)?;
    let [lhs_contract, rhs_contract] = paired(&dot.lhs_contract, &dot.rhs_contract, left, right)?;
    let new = DotGeneral { lhs_batch, rhs_batch, lhs_contract, rhs_contract, dtype: dot.dtype };
    let batch = new.lhs_batch.iter().map(|&axis| left.shape[axis]);
    let rows = new.lhs_free(left.shape.rank()).into_iter().map(|axis| left.shape[axis]);
    let columns = new.rhs_free(right.shape.rank()).into_iter().map(|axis| right.shape[axis]);
    let shape = batch.chain(rows).chain(columns).collect();
    Some((new, shape))
}

fn paired(lhs: &[usize], rhs: &[usize], left: &Unmerged<'_>, right: &Unmerged<'_>) -> Option<[Axes; 2]> {
    let mut axes = [Axes::new(), Axes::new()];
    for (&l, &r) in lhs.iter().zip(rhs) {
        let (l, r) = (left.parts[l].clone(), right.parts[r].clone());
        if left.shape[l.clone()] != right.shape[r.clone()] {
            return None;
        }
        axes[0].extend(l);
        axes[1].extend(r);
    }
    Some(axes)
}
