//! Attention: means of values, weighted by how well their keys fit to queries.
//!
//! What the ops mean is written out in `written`: products of all queries with all keys, a softmax, products with the values. A routine of the
//! library gives the same without ever having all of these scores in memory; so the way back is an op too, which computes them again from what
//! the way forward says about each query.

mod derivative;
mod extents;
mod sample;
mod written;

use smallvec::smallvec;

use self::written::Written;
use crate::builder::BuildError;
use crate::op::batching::{BatchRule, Examples, Items};
use crate::op::sample::Draw;
use crate::op::{
    Arity, Batching, Derivative, Lowering, OpDef, Results, Sample, TensorTypes, TypeError, definition,
};
use crate::{Builder, Dim, Literal, Scalar, Shape, TensorType, Value, attributes, word_attribute};

pub use extents::Attended;
pub use written::drop_bound;

word_attribute! {
    /// What a query gets that sees no key.
    pub enum Unseen {
        /// 0.
        Zero = "zero",
        /// NaN, as the softmax of no numbers has it.
        Nan = "nan",
    }
}

word_attribute! {
    /// Whether the derivative by the scores is a result of its own.
    pub enum ScoreCotangent {
        /// No.
        Dropped = "dropped",
        /// Yes: as many numbers as there are scores.
        Kept = "kept",
    }
}

attributes! {
    /// Attention, and the logarithms of the sums that its softmax divides by:
    /// `T[b.., h, n, d], T[b.., g, m, d], T[b.., g, m, e], .. -> T[b.., h, n, e], T[b.., h, n]`, f32 or f64, where `h` is a multiple of `g`.
    ///
    /// The scores `s[b.., h, n, m]` are products of queries with keys, times `scale`, divided by `divisor`, bent by `soft_cap`, plus what further operands say. Each of these may be there, in this order:
    /// a *bias* `T[b.., h, n, m]`, which is added; a *mask* `bool[b.., h, n, m]`, where `fill` takes the place of scores at false; *slopes* `T[b.., h]`, of which one times the
    /// distance of query and key is subtracted; and, if `rate` is not 0, a *key* `u32[2]` of random bits. An axis of the first three may also have the extent 1.
    /// Where a query does not look the score is minus infinity. Weights are the softmax of the scores along the keys; of them `rate` are dropped, as `dropout` would.
    pub struct Attend {
        /// What products are multiplied with.
        pub scale: Scalar,
        /// What products, scaled, are divided by.
        pub divisor: Scalar,
        /// Scores `s` become `soft_cap tanh(s / soft_cap)`, unless it is 0.
        pub soft_cap: Scalar,
        /// The score at places that the mask hides.
        pub fill: Scalar,
        /// How far before its own place a query looks, -1 for all the way.
        pub left: i64,
        /// How far behind its own place a query looks, -1 for all the way; 0 is causal.
        pub right: i64,
        /// The place of the first query among the keys.
        pub offset: i64,
        /// The share of weights that is dropped, from 0 to 1.
        pub rate: Scalar,
        /// What a query gets that sees no key.
        pub unseen: Unseen,
    }
}

attributes! {
    /// Cotangents of the queries, keys and values of an [`Attend`], and perhaps of its scores.
    ///
    /// Operands are those of the op, then its logarithms `T[b.., h, n]`, then for each query `T[b.., h, n]` the sum of the products of results with their cotangents, less the cotangent of
    /// the logarithm, then the cotangents `T[b.., h, n, e]` of the results. Attributes are those of the op.
    pub struct AttendBack {
        /// As of [`Attend`].
        pub scale: Scalar,
        /// As of [`Attend`].
        pub divisor: Scalar,
        /// As of [`Attend`].
        pub soft_cap: Scalar,
        /// As of [`Attend`].
        pub fill: Scalar,
        /// As of [`Attend`].
        pub left: i64,
        /// As of [`Attend`].
        pub right: i64,
        /// As of [`Attend`].
        pub offset: i64,
        /// As of [`Attend`].
        pub rate: Scalar,
        /// As of [`Attend`].
        pub unseen: Unseen,
        /// Whether the cotangent of the scores, with all but the products in them, is the last result: `T[b.., h, n, m]`.
        pub scores: ScoreCotangent,
    }
}

impl Attend {
    /// The op that takes cotangents back.
    pub fn back(&self, scores: ScoreCotangent) -> AttendBack {
        let Attend { scale, divisor, soft_cap, fill, left, right, offset, rate, unseen } = *self;
        AttendBack { scale, divisor, soft_cap, fill, left, right, offset, rate, unseen, scores }
    }

    /// The part of the keys `first..end` that some of these queries look at: none if it is empty.
    pub fn seen(&self, queries: std::ops::Range<usize>, keys: usize) -> std::ops::Range<usize> {
        let bound = |place: usize, way: i64| {
            let place = i128::from(self.offset) + place as i128 + i128::from(way);
            place.clamp(0, keys as i128) as usize
        };
        let first = if self.left < 0 { 0 } else { bound(queries.start, -self.left) };
        let end = if self.right < 0 { keys } else { bound(queries.end, self.right) };
        first..end.max(first)
    }
}

impl AttendBack {
    /// How many operands it has behind those of the op.
    pub const BEHIND: usize = 3;

    /// The op whose cotangents it takes back.
    pub fn forward(&self) -> Attend {
        let AttendBack { scale, divisor, soft_cap, fill, left, right, offset, rate, unseen, .. } = *self;
        Attend { scale, divisor, soft_cap, fill, left, right, offset, rate, unseen }
    }
}

impl OpDef for Attend {
    const NAME: &'static str = "attend";
    const ARITY: Arity = Arity::AtLeast(3);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let extents = Attended::of(self, operands)?;
        Ok(smallvec![extents.ty(&[extents.queries, extents.values]), extents.ty(&[extents.queries])])
    }

    fn eval(&self, operands: &[&Literal], _results: &[TensorType]) -> Vec<Literal> {
        definition::evaluated(Self::NAME, operands, |b, operands| OpDef::expand(self, b, operands))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        batching(self, &self.rate)
    }

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Option<Result<Results, TypeError>> {
        Some(Written::new(b, self, operands).and_then(|written| Ok(written.forward(b)?)))
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Attend> {
        sample::forward(draw, hint)
    }
}

impl OpDef for AttendBack {
    const NAME: &'static str = "attend_back";
    const ARITY: Arity = Arity::AtLeast(3 + Self::BEHIND);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let (own, behind) = operands.split_at(operands.len() - Self::BEHIND);
        let extents = Attended::of(&self.forward(), own)?;
        let per_query = extents.ty(&[extents.queries]);
        let expected = [per_query.clone(), per_query, extents.ty(&[extents.queries, extents.values])];
        if let Some((found, expected)) = behind.iter().zip(&expected).find(|(found, ty)| **found != *ty) {
            let reason =
                format!("what comes behind the operands of attend must be {expected}, found {found}");
            return Err(TypeError::Other(reason));
        }
        let mut types: TensorTypes = own[..3].iter().map(|&ty| ty.clone()).collect();
        if self.scores == ScoreCotangent::Kept {
            types.push(extents.ty(&[extents.queries, extents.keys]));
        }
        Ok(types)
    }

    fn eval(&self, operands: &[&Literal], _results: &[TensorType]) -> Vec<Literal> {
        definition::evaluated(Self::NAME, operands, |b, operands| OpDef::expand(self, b, operands))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Expansion
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        batching(self, &self.rate)
    }

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Option<Result<Results, TypeError>> {
        let (own, behind) = operands.split_at(operands.len() - Self::BEHIND);
        let forward = self.forward();
        Some(Written::new(b, &forward, own).and_then(|written| Ok(written.back(b, behind, self.scores)?)))
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<AttendBack> {
        sample::back(draw, hint)
    }
}

/// Examples are one more batch axis, unless each of them draws its own random bits.
fn batching<'a>(rule: &'a dyn BatchRule, rate: &Scalar) -> Batching<'a> {
    if rate.to_f64() == 0.0 { Batching::Rule(rule) } else { Batching::Map }
}

impl BatchRule for Attend {
    fn batch(&self, node: &mut Examples<'_>) -> Result<Items, BuildError> {
        let operands = with_examples(node, 0)?;
        node.push(self.clone(), &operands)
    }
}

impl BatchRule for AttendBack {
    fn batch(&self, node: &mut Examples<'_>) -> Result<Items, BuildError> {
        let operands = with_examples(node, Self::BEHIND)?;
        node.push(self.clone(), &operands)
    }
}

/// All operands with an axis for the examples; that of an operand which they share has the extent 1 where that will do.
fn with_examples(node: &mut Examples<'_>, behind: usize) -> Result<Vec<Value>, BuildError> {
    let count = node.operands.len();
    (0..count)
        .map(|operand| {
            let may_be_one = (3..count - behind).contains(&operand);
            if may_be_one && !node.has(operand) {
                let shape: Shape = node.tensor(operand).shape.with_leading(Dim::known(1));
                node.b.reshape(node.value(operand), shape)
            } else {
                node.spread(operand)
            }
        })
        .collect()
}
