//! The op in place of what is written out.

use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{Attend, Attended, Unseen};
use tensorwright_ir::{BuildError, Builder, DType, Graph, Op, Scalar, Shape, TensorType, Value};

use super::Attention;
use super::mask::{self, Window};
use super::scores::Shows;
use crate::cost::prefers_written_attention;
use crate::passes::pattern::made_by;
use crate::passes::rewriter::{Rewrite, Rewriter};

/// Columns up to which the library keeps partial sums of a product's results.
const FEW_COLUMNS: usize = 8;

/// Axes of the scores in the order of the op: batch axes, perhaps heads, queries, keys.
struct Order {
    axes: Axes,
    /// Axes before the heads.
    batch: usize,
    has_heads: bool,
}

impl Attention<'_> {
    pub(super) fn build(&self, r: &mut Rewriter<'_>, graph: &Graph) -> Result<Rewrite, BuildError> {
        let order = self.order();
        let query = order.axes[order.axes.len() - 2];
        let Some(window) = mask::window(graph, &self.scores.masks, [query, self.keys]) else {
            return Ok(Rewrite::Keep);
        };
        // A window that nothing is seen through has no such numbers.
        let is_open = window.least.zip(window.most).is_none_or(|(least, most)| least <= most);
        let op = self.op(&window);
        if !is_open || !self.is_worth_it(graph, &op, &order) {
            return Ok(Rewrite::Keep);
        }
        let mut operands = self.rows(r, graph, &order)?;
        let shape = self.shape(graph);
        if let Some(bias) = self.scores.bias {
            operands.push(order.beside(r, graph, bias, &shape)?);
        }
        if let Some(masked) = window.mask {
            let mask = order.beside(r, graph, masked.mask, &shape)?;
            operands.push(match masked.shows {
                Shows::WhereTrue => mask,
                Shows::WhereFalse => r.build().not(mask)?,
            });
        }
        let b = r.build();
        let result = b.push(op, &operands)?[0];
        self.as_written(b, result, &order).map(Rewrite::with)
    }

    fn order(&self) -> Order {
        let batch = self.scores.products.lhs_batch.len();
        let queries = self.scores.query_axes(self.keys);
        let has_heads = queries.len() == 2;
        Order { axes: (0..batch).chain(queries).chain([self.keys]).collect(), batch, has_heads }
    }

    fn op(&self, window: &Window) -> Attend {
        let float = Scalar::F64;
        // The window's right end is the place that is counted from.
        let (offset, left, right) = match (window.least, window.most) {
            (None, None) => (0, -1, -1),
            (None, Some(most)) => (most, -1, 0),
            (Some(least), None) => (least, 0, -1),
            (Some(least), Some(most)) => (most, most - least, 0),
        };
        let fill = window.mask.map_or(float(f64::NEG_INFINITY), |masked| masked.fill);
        Attend {
            scale: self.scores.scale.unwrap_or(float(1.0)),
            divisor: self.scores.divisor.unwrap_or(float(1.0)),
            soft_cap: float(0.0),
            fill,
            left,
            right,
            offset,
            rate: float(0.0),
            unseen: Unseen::Nan,
        }
    }

    /// The shape of the scores.
    fn shape(&self, graph: &Graph) -> Shape {
        let products = self.scores.products;
        let [lhs, rhs] = self.scores.operands.map(|operand| &graph.tensor(operand).shape);
        let batch = products.lhs_batch.iter().map(|&axis| lhs[axis]);
        let left = products.lhs_free(lhs.rank()).into_iter().map(|axis| lhs[axis]);
        let right = products.rhs_free(rhs.rank()).into_iter().map(|axis| rhs[axis]);
        batch.chain(left).chain(right).collect()
    }

    /// Whether the op takes it, and rather computes it strip by strip.
    fn is_worth_it(&self, graph: &Graph, op: &Attend, order: &Order) -> bool {
        let is_wide = matches!(self.mix.dtype, DType::F32 | DType::F64);
        let shape = self.shape(graph);
        let extent = |axis: usize| shape.size(axis);
        let [queries, keys] = [2, 1].map(|back| extent(order.axes[order.axes.len() - back]));
        let batch: Shape = order.axes[..order.batch].iter().map(|&axis| shape[axis]).collect();
        let heads = if order.has_heads { extent(order.axes[order.batch]) } else { 1 };
        let rows = |heads: usize, tokens: usize| {
            let sizes = batch.sizes().into_iter().chain([heads, tokens, 1]);
            TensorType::new(self.mix.dtype, sizes.collect::<Shape>())
        };
        let types = [rows(heads, queries), rows(1, keys), rows(1, keys)];
        // Products of fewer columns are added up in another order.
        let values = self.values_of_a_key(graph) > FEW_COLUMNS;
        is_wide
            && values
            && Attended::of(op, &types.iter().collect::<Vec<_>>())
                .is_ok_and(|extents| heads > 0 && !prefers_written_attention(&extents))
    }

    fn values_of_a_key(&self, graph: &Graph) -> usize {
        let [batch, summed] = self.value_axes();
        let shape = &graph.tensor(self.values).shape;
        let free = (0..shape.rank()).find(|axis| !batch.contains(axis) && !summed.contains(axis));
        free.map_or(0, |axis| shape.size(axis))
    }

    /// Queries, keys and values, each with heads before its rows.
    fn rows(&self, r: &mut Rewriter<'_>, graph: &Graph, order: &Order) -> Result<Vec<Value>, BuildError> {
        let products = self.scores.products;
        let key_side = self.scores.key_side(self.keys).expect("one side has the keys");
        let mut rows = Vec::new();
        for side in [1 - key_side, key_side] {
            let operand = self.scores.operands[side];
            let rank = graph.tensor(operand).rank();
            let (batch, free, summed) = match side {
                0 => (&products.lhs_batch, products.lhs_free(rank), &products.lhs_contract),
                _ => (&products.rhs_batch, products.rhs_free(rank), &products.rhs_contract),
            };
            let permutation: Axes = batch.iter().chain(&free).chain(summed).copied().collect();
            let has_heads = side != key_side && order.has_heads;
            rows.push(with_heads(r, operand, permutation, order.batch, has_heads)?);
        }
        let ([weights, _], [batch, summed]) = (self.weight_axes(), self.value_axes());
        // Batch axes in the order of the scores.
        let mut paired: Vec<(usize, usize)> = weights.iter().copied().zip(batch.iter().copied()).collect();
        paired.sort_unstable();
        let rank = graph.tensor(self.values).rank();
        let free = (0..rank).filter(|axis| !batch.contains(axis) && !summed.contains(axis));
        let permutation: Axes =
            paired.iter().map(|&(_, axis)| axis).chain(summed.iter().copied()).chain(free).collect();
        rows.push(with_heads(r, self.values, permutation, order.batch, false)?);
        Ok(rows)
    }

    /// The op's result with its axes where the product had them.
    fn as_written(&self, b: &mut Builder, result: Value, order: &Order) -> Result<Value, BuildError> {
        let mut result = result;
        if !order.has_heads {
            let shape = b.shape(result).without(&[order.batch]);
            result = b.reshape(result, shape)?;
        }
        // Axes of the scores, in the order of the op, with that of values in place of keys.
        let [paired, _] = self.weight_axes();
        let place =
            |axis: &usize| order.axes.iter().position(|of| of == axis).expect("an axis of the scores");
        let mut free: Axes = order.axes[order.batch..order.axes.len() - 1].into();
        free.sort_unstable();
        let values = order.axes.len() - 1;
        let (batch, free) = (paired.iter().map(place), free.iter().map(place));
        let permutation: Axes = match self.weights {
            0 => batch.chain(free).chain([values]).collect(),
            _ => batch.chain([values]).chain(free).collect(),
        };
        if permutation.is_sorted() { Ok(result) } else { b.transpose(result, permutation) }
    }
}

/// The operand with its axes in this order, and an axis for heads before the last two, unless it has one.
fn with_heads(
    r: &mut Rewriter<'_>,
    operand: Value,
    permutation: Axes,
    batch: usize,
    has_heads: bool,
) -> Result<Value, BuildError> {
    let operand = r.current(operand);
    let b = r.build();
    let turned = if permutation.is_sorted() { operand } else { b.transpose(operand, permutation)? };
    if has_heads {
        return Ok(turned);
    }
    let mut sizes = b.shape(turned).sizes().to_vec();
    sizes.insert(batch, 1);
    b.reshape(turned, sizes.into_iter().collect::<Shape>())
}

impl Order {
    /// A bias or a mask of scores of this shape, as small as it is before it is repeated, with its axes in the order of the op.
    fn beside(
        &self,
        r: &mut Rewriter<'_>,
        graph: &Graph,
        value: Value,
        scores: &Shape,
    ) -> Result<Value, BuildError> {
        let mut source = value;
        let mut sizes: Vec<usize> = scores.sizes().to_vec();
        if let Some((Op::BroadcastInDim(op), operands)) = made_by(graph, value) {
            let from = &graph.tensor(operands[0]).shape;
            if op.axes.is_sorted() {
                source = operands[0];
                sizes = vec![1; scores.rank()];
                op.axes.iter().zip(from.iter()).for_each(|(&to, dim)| sizes[to] = dim.size());
            }
        }
        let source = r.current(source);
        let b = r.build();
        let spread = match b.shape(source).sizes().to_vec() == sizes {
            true => source,
            false => b.reshape(source, sizes.into_iter().collect::<Shape>())?,
        };
        let turned = if self.axes.is_sorted() { spread } else { b.transpose(spread, self.axes.clone())? };
        if self.has_heads {
            return Ok(turned);
        }
        let mut sizes = b.shape(turned).sizes().to_vec();
        sizes.insert(self.batch, 1);
        b.reshape(turned, sizes.into_iter().collect::<Shape>())
    }
}
