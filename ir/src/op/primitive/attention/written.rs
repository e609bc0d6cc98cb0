//! What attention means, written out.

use smallvec::smallvec;

use super::{Attend, Attended, ScoreCotangent, Unseen};
use crate::builder::BuildError;
use crate::op::primitive::{CompareFn, ReduceKind, RngAlgorithm};
use crate::op::{Results, TypeError};
use crate::{Builder, DType, Scalar, Shape, TensorType, Value};

/// An op with its operands, to be written out.
pub(super) struct Written<'a> {
    pub(super) op: &'a Attend,
    pub(super) extents: Attended,
    pub(super) operands: &'a [Value],
    scores: Shape,
}

/// Scores, and what they are made of.
pub(super) struct Scores {
    /// Products times the scale, bent by the cap.
    capped: Value,
    /// With bias, slopes, mask and window.
    pub(super) all: Value,
}

impl<'a> Written<'a> {
    pub(super) fn new(b: &Builder, op: &'a Attend, operands: &'a [Value]) -> Result<Written<'a>, TypeError> {
        let types: Vec<&TensorType> = operands.iter().map(|&x| b.tensor(x)).collect();
        let extents = Attended::of(op, &types)?;
        let scores = extents.ty(&[extents.queries, extents.keys]).shape;
        Ok(Written { op, extents, operands, scores })
    }

    fn last(&self) -> usize {
        self.scores.rank() - 1
    }

    /// Results, and the logarithms of what the softmax divides by.
    pub(super) fn forward(&self, b: &mut Builder) -> Result<Results, BuildError> {
        let scores = self.scores(b)?.all;
        let axis = self.last();
        let max = b.reduce(scores, ReduceKind::Max, [axis])?;
        let infinite = b.equals(max, f64::NEG_INFINITY)?;
        let from = self.unless_unseen(b, infinite, 0.0, max)?;
        let spread = b.spread(from, &[axis], &self.scores)?;
        let shifted = b.sub(scores, spread)?;
        let exp = b.exp(shifted)?;
        let sum = b.sum_over(exp, &[axis])?;
        let divisor = self.unless_unseen(b, infinite, 1.0, sum)?;
        let divisor = b.spread(divisor, &[axis], &self.scores)?;
        let weights = b.div(exp, divisor)?;
        let mixed = self.mixed(b, weights, self.operands[2])?;
        let log = b.log(sum)?;
        Ok(smallvec![mixed, b.add(max, log)?])
    }

    /// `number` where a query sees nothing, if that is to be told apart.
    fn unless_unseen(
        &self,
        b: &mut Builder,
        unseen: Value,
        number: f64,
        x: Value,
    ) -> Result<Value, BuildError> {
        match self.op.unseen {
            Unseen::Zero => b.number_where(unseen, number, x),
            Unseen::Nan => Ok(x),
        }
    }

    /// Values times the weights that are not dropped.
    pub(super) fn mixed(&self, b: &mut Builder, weights: Value, values: Value) -> Result<Value, BuildError> {
        let kept = self.dropped(b, weights)?;
        let kept = self.by_group(b, kept)?;
        let mixed = b.matmul(kept, values)?;
        b.reshape(mixed, self.extents.ty(&[self.extents.queries, self.extents.values]).shape)
    }

    /// Products of queries and keys.
    pub(super) fn products(&self, b: &mut Builder, q: Value, k: Value) -> Result<Value, BuildError> {
        let q = self.by_group(b, q)?;
        let products = b.matmul_nt(q, k)?;
        b.reshape(products, self.scores.clone())
    }

    /// Queries of heads that share keys, as those of one head: they are one after the other.
    fn by_group(&self, b: &mut Builder, x: Value) -> Result<Value, BuildError> {
        let rows = self.extents.shared() * self.extents.queries;
        let last = b.shape(x).size(self.last());
        b.reshape(x, self.extents.grouped(&[rows, last]).shape)
    }

    pub(super) fn scores(&self, b: &mut Builder) -> Result<Scores, BuildError> {
        let products = self.products(b, self.operands[0], self.operands[1])?;
        let scaled = self.scaled(b, products)?;
        let cap = self.op.soft_cap.to_f64();
        let capped = if cap == 0.0 {
            scaled
        } else {
            let share = b.div_number(scaled, cap)?;
            let bent = b.tanh(share)?;
            b.mul_number(bent, cap)?
        };
        let mut all = capped;
        if let Some(bias) = self.extents.bias {
            let bias = b.broadcast_to(self.operands[bias], &self.scores)?;
            all = b.add(all, bias)?;
        }
        if let Some(slopes) = self.extents.slopes {
            let slopes = self.slopes(b, self.operands[slopes])?;
            all = b.sub(all, slopes)?;
        }
        if let Some(mask) = self.mask(b)? {
            let fill = b.full_like(self.op.fill.to_f64(), all)?;
            all = b.select(mask, all, fill)?;
        }
        if let Some(window) = self.window(b)? {
            let none = b.full_like(f64::NEG_INFINITY, all)?;
            all = b.select(window, all, none)?;
        }
        Ok(Scores { capped, all })
    }

    /// Slopes times distances.
    pub(super) fn slopes(&self, b: &mut Builder, slopes: Value) -> Result<Value, BuildError> {
        let slopes = b.broadcast_to(slopes, &self.extents.ty(&[]).shape)?;
        let (row, column) = (self.last() - 1, self.last());
        let slopes = b.spread(slopes, &[row, column], &self.scores)?;
        let distance = self.distance(b)?;
        let distance = b.abs(distance)?;
        let distance = b.cast(distance, self.extents.dtype)?;
        let distance = b.broadcast_in_dim(distance, self.scores.clone(), [row, column])?;
        b.mul(slopes, distance)
    }

    /// How far a key is behind a query: `i64[n, m]`.
    fn distance(&self, b: &mut Builder) -> Result<Value, BuildError> {
        let square = Shape::from([self.extents.queries, self.extents.keys]);
        let (row, column) =
            (b.iota(DType::I64, square.clone(), 0usize)?, b.iota(DType::I64, square.clone(), 1usize)?);
        let distance = b.sub(column, row)?;
        let offset = b.full(Scalar::I64(self.op.offset), &square)?;
        b.sub(distance, offset)
    }

    fn mask(&self, b: &mut Builder) -> Result<Option<Value>, BuildError> {
        self.extents.mask.map(|mask| b.broadcast_to(self.operands[mask], &self.scores)).transpose()
    }

    /// Where queries look, if not everywhere.
    fn window(&self, b: &mut Builder) -> Result<Option<Value>, BuildError> {
        let Attend { left, right, .. } = *self.op;
        let sides = [(CompareFn::Le, right, right), (CompareFn::Ge, left, -left)];
        let mut looks = None;
        for (compare, _, bound) in sides.into_iter().filter(|&(_, way, _)| way >= 0) {
            let distance = self.distance(b)?;
            let bound = b.full(Scalar::I64(bound), &b.shape(distance))?;
            let side = b.push_one(compare, &[distance, bound])?;
            looks = Some(match looks {
                Some(looks) => b.and(looks, side)?,
                None => side,
            });
        }
        let Some(looks) = looks else { return Ok(None) };
        let last = self.last();
        b.broadcast_in_dim(looks, self.scores.clone(), [last - 1, last]).map(Some)
    }

    /// Of weights, or of their cotangents, those that are not dropped.
    pub(super) fn dropped(&self, b: &mut Builder, weights: Value) -> Result<Value, BuildError> {
        let (Some(key), rate) = (self.extents.key, self.op.rate.to_f64()) else { return Ok(weights) };
        let Some(bound) = drop_bound(rate) else { return b.full_like(0.0, weights) };
        let block = b.scalar(0u64);
        let words =
            b.rng_bits(self.operands[key], block, RngAlgorithm::Philox, DType::U32, self.scores.clone())?;
        let bound = b.full(bound, &self.scores)?;
        let kept = b.ge(words, bound)?;
        let grown = b.mul_number(weights, 1.0 / (1.0 - rate))?;
        b.zero_unless(kept, grown)
    }

    /// The weights before any is dropped, from scores and the logarithms that go with them.
    pub(super) fn weights(&self, b: &mut Builder, scores: Value, logs: Value) -> Result<Value, BuildError> {
        let unseen = b.equals(logs, f64::NEG_INFINITY)?;
        let logs = self.unless_unseen(b, unseen, 0.0, logs)?;
        let logs = b.spread(logs, &[self.last()], &self.scores)?;
        let shifted = b.sub(scores, logs)?;
        b.exp(shifted)
    }

    /// What becomes of a tangent or cotangent of scores where they are not those of products.
    pub(super) fn where_looked(&self, b: &mut Builder, x: Value) -> Result<Value, BuildError> {
        let mut x = x;
        for looks in [self.mask(b)?, self.window(b)?].into_iter().flatten() {
            x = b.zero_unless(looks, x)?;
        }
        Ok(x)
    }

    /// A tangent or cotangent through cap and scale.
    pub(super) fn through_scale(
        &self,
        b: &mut Builder,
        scores: &Scores,
        x: Value,
    ) -> Result<Value, BuildError> {
        let cap = self.op.soft_cap.to_f64();
        let mut x = x;
        if cap != 0.0 {
            let bent = b.div_number(scores.capped, cap)?;
            let square = b.mul(bent, bent)?;
            let slope = b.number_minus(1.0, square)?;
            x = b.mul(x, slope)?;
        }
        self.scaled(b, x)
    }

    fn scaled(&self, b: &mut Builder, x: Value) -> Result<Value, BuildError> {
        let scaled = b.mul_number(x, self.op.scale.to_f64())?;
        match self.op.divisor.to_f64() {
            1.0 => Ok(scaled),
            divisor => b.div_number(scaled, divisor),
        }
    }

    /// Cotangents of queries, keys and values, and of scores if they are kept.
    pub(super) fn back(
        &self,
        b: &mut Builder,
        behind: &[Value],
        kept: ScoreCotangent,
    ) -> Result<Results, BuildError> {
        let &[logs, sums, cotangent] = behind else { unreachable!("the type rule counts operands") };
        let [q, k, v] = [0, 1, 2].map(|i| self.operands[i]);
        let scores = self.scores(b)?;
        let weights = self.weights(b, scores.all, logs)?;
        let by_weight = self.products(b, cotangent, v)?;
        let by_weight = self.dropped(b, by_weight)?;
        let sums = b.spread(sums, &[self.last()], &self.scores)?;
        let rest = b.sub(by_weight, sums)?;
        let by_score = b.mul(weights, rest)?;
        let by_score = self.where_looked(b, by_score)?;
        let by_product = self.through_scale(b, &scores, by_score)?;
        let by_product = self.by_group(b, by_product)?;
        let by_q = b.matmul(by_product, k)?;
        let by_q = b.reshape(by_q, b.shape(q))?;
        let q = self.by_group(b, q)?;
        let by_k = b.matmul_tn(by_product, q)?;
        let mixed = self.dropped(b, weights)?;
        let (mixed, cotangent) = (self.by_group(b, mixed)?, self.by_group(b, cotangent)?);
        let by_v = b.matmul_tn(mixed, cotangent)?;
        let mut results: Results = smallvec![by_q, by_k, by_v];
        results.extend((kept == ScoreCotangent::Kept).then_some(by_score));
        Ok(results)
    }
}

/// Random words below this number stand for weights that are dropped; `None` if that is all of them.
pub fn drop_bound(rate: f64) -> Option<u32> {
    u32::try_from((rate * 2f64.powi(32)).round() as u64).ok()
}
