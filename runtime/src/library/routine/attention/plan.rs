//! What of an op is known before it runs.

use tensorwright_ir::op::primitive::{Attend, Attended, Unseen};
use tensorwright_ir::{Shape, TensorType};

/// An op, its extents, and where its further operands are.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) op: Attend,
    pub(super) extents: Attended,
    pub(super) bias: Option<Spread>,
    pub(super) mask: Option<Spread>,
    pub(super) slopes: Option<Spread>,
}

/// An operand with any axes of extent 1, which stand for as many as there are.
#[derive(Debug)]
pub(super) struct Spread {
    pub(super) operand: usize,
    /// The first element for each head of each batch entry.
    heads: Vec<usize>,
    /// From a query to the next, and from a key to the next.
    pub(super) query: usize,
    pub(super) key: usize,
}

impl Plan {
    /// `None` if the op does not take operands of these types.
    pub(super) fn new(op: &Attend, operands: &[TensorType]) -> Option<Plan> {
        let types: Vec<&TensorType> = operands.iter().collect();
        let extents = Attended::of(op, &types).ok()?;
        let heads = extents.ty(&[]).shape;
        let spread = |operand: Option<usize>| operand.map(|at| Spread::new(at, &operands[at].shape, &heads));
        let (bias, mask, slopes) = (spread(extents.bias), spread(extents.mask), spread(extents.slopes));
        Some(Plan { op: op.clone(), extents, bias, mask, slopes })
    }

    /// Heads of all batch entries.
    pub(super) fn heads(&self) -> usize {
        self.extents.batch.elements() * self.extents.heads
    }

    /// Heads of keys of all batch entries.
    pub(super) fn groups(&self) -> usize {
        self.extents.batch.elements() * self.extents.groups
    }

    /// The head of keys, among those of all batch entries, that a head of queries looks at.
    pub(super) fn group(&self, head: usize) -> usize {
        head / self.extents.shared().max(1)
    }

    /// The most keys that so many queries in a row see together.
    pub(super) fn most_seen(&self, queries: usize) -> usize {
        let (left, right, keys) = (self.op.left, self.op.right, self.extents.keys);
        if left < 0 || right < 0 || self.op.unseen == Unseen::Nan {
            return keys;
        }
        usize::try_from(left + right).map_or(keys, |reach| reach.saturating_add(queries).min(keys))
    }

    /// Nanoseconds of a query by itself, if it sees this many keys, and `products` numbers of each are multiplied.
    pub(super) fn query_ns(&self, products: usize) -> u64 {
        let keys = self.most_seen(1).max(1) as u64;
        keys.saturating_mul(10 + products as u64).div_ceil(20)
    }
}

impl Spread {
    fn new(operand: usize, shape: &Shape, heads: &Shape) -> Spread {
        let sizes = shape.sizes();
        let strides: Vec<usize> = sizes
            .iter()
            .zip(shape.strides())
            .map(|(&size, stride)| if size == 1 { 0 } else { stride })
            .collect();
        let (outer, last) = strides.split_at(heads.rank());
        let at = |flat: usize| {
            let index = tensorwright_ir::op::rule::unravel(flat, heads);
            index.iter().zip(outer).map(|(i, stride)| i * stride).sum()
        };
        let [query, key] = [0, 1].map(|axis| last.get(axis).copied().unwrap_or(0));
        Spread { operand, heads: (0..heads.elements()).map(at).collect(), query, key }
    }

    /// The element for a query and a key of a head.
    pub(super) fn at(&self, head: usize, query: usize, key: usize) -> usize {
        self.heads[head] + query * self.query + key * self.key
    }
}
