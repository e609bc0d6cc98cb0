//! Scores: products of queries and keys, and what is done with them.

use std::ops::Range;

use smallvec::SmallVec;
use tensorwright_ir::op::primitive::{BinaryFn, DotGeneral};
use tensorwright_ir::{Op, Scalar, Value};

use super::Uses;
use crate::passes::pattern::splat;

/// Masks that are looked for, one around the other.
const MOST_MASKS: usize = 3;

/// Scores that a softmax is taken of.
pub(super) struct Scores<'g> {
    pub(super) products: &'g DotGeneral,
    pub(super) operands: [Value; 2],
    /// Free axes of each operand, among those of the scores.
    free: [Range<usize>; 2],
    pub(super) scale: Option<Scalar>,
    pub(super) divisor: Option<Scalar>,
    pub(super) bias: Option<Value>,
    /// Masks, the outermost first.
    pub(super) masks: SmallVec<[Masked; 2]>,
}

/// A mask, and what it puts in the place of scores.
#[derive(Clone, Copy, Debug)]
pub(super) struct Masked {
    pub(super) mask: Value,
    pub(super) shows: Shows,
    pub(super) fill: Scalar,
}

/// Where a mask leaves scores as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    WhereTrue,
    WhereFalse,
}

impl Scores<'_> {
    /// The operand whose free axis this one of the scores is, if it has no other.
    pub(super) fn key_side(&self, keys: usize) -> Option<usize> {
        [0, 1].into_iter().find(|&side| self.free[side] == (keys..keys + 1))
    }

    /// The other axes that are not batch axes: those of queries, the last one, and of heads that share keys.
    pub(super) fn query_axes(&self, keys: usize) -> Range<usize> {
        let side = self.key_side(keys).unwrap_or(0);
        self.free[1 - side].clone()
    }
}

impl<'g> Uses<'g> {
    /// The scores that a value with the softmax as its reader is.
    pub(super) fn scores(&self, value: Value) -> Option<Scores<'g>> {
        let (mut masks, mut inner) = (SmallVec::<[Masked; 2]>::new(), value);
        while let Some((masked, next)) = self.masked(inner).filter(|_| masks.len() < MOST_MASKS) {
            if !self.is_read_once(next) {
                return None;
            }
            masks.push(masked);
            inner = next;
        }
        Some(Scores { masks, ..self.biased(inner)? })
    }

    fn masked(&self, value: Value) -> Option<(Masked, Value)> {
        let (Op::Select(_), &[mask, shown, hidden]) = self.made_by(value)? else { return None };
        match (splat(self.graph, hidden), splat(self.graph, shown)) {
            (Some(fill), _) => Some((Masked { mask, shows: Shows::WhereTrue, fill }, shown)),
            (_, Some(fill)) => Some((Masked { mask, shows: Shows::WhereFalse, fill }, hidden)),
            _ => None,
        }
    }

    fn biased(&self, value: Value) -> Option<Scores<'g>> {
        let (Op::Binary(BinaryFn::Add), &[x, y]) = self.made_by(value)? else { return self.scaled(value) };
        [(x, y), (y, x)].into_iter().find_map(|(inner, bias)| {
            let scores = self.is_read_once(inner).then(|| self.scaled(inner))??;
            Some(Scores { bias: Some(bias), ..scores })
        })
    }

    fn scaled(&self, value: Value) -> Option<Scores<'g>> {
        let by = |function| {
            let (Op::Binary(f), &[inner, number]) = self.made_by(value)? else { return None };
            let number = splat(self.graph, number)?;
            (*f == function && self.is_read_once(inner)).then_some((inner, number))
        };
        if let Some((inner, divisor)) = by(BinaryFn::Div) {
            let scores = self.multiplied(inner)?;
            return Some(Scores { divisor: Some(divisor), ..scores });
        }
        self.multiplied(value)
    }

    fn multiplied(&self, value: Value) -> Option<Scores<'g>> {
        let (Op::Binary(BinaryFn::Mul), &[inner, number]) = self.made_by(value)? else {
            return self.products(value);
        };
        let scale = splat(self.graph, number)?;
        let scores = self.is_read_once(inner).then(|| self.products(inner))??;
        Some(Scores { scale: Some(scale), ..scores })
    }

    fn products(&self, value: Value) -> Option<Scores<'g>> {
        let (Op::DotGeneral(products), &[lhs, rhs]) = self.made_by(value)? else { return None };
        if self.graph.tensor(lhs).dtype != products.dtype {
            return None;
        }
        let batch = products.lhs_batch.len();
        let left = batch + products.lhs_free(self.graph.tensor(lhs).rank()).len();
        let all = self.graph.tensor(value).rank();
        let free = [batch..left, left..all];
        let (scale, divisor, bias, masks) = (None, None, None, SmallVec::new());
        Some(Scores { products, operands: [lhs, rhs], free, scale, divisor, bias, masks })
    }

    fn is_read_once(&self, value: Value) -> bool {
        self.counts[value.index()] == 1
    }
}
