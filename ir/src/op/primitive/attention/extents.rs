//! The type rule: extents, and which operands are there.

use super::Attend;
use crate::op::{TypeError, rule};
use crate::{DType, Shape, TensorType};

/// Extents of an [`Attend`], and the numbers of the operands that need not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attended {
    /// f32 or f64.
    pub dtype: DType,
    /// Axes before the heads.
    pub batch: Shape,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values.
    pub groups: usize,
    /// Queries of a head.
    pub queries: usize,
    /// Keys of a head.
    pub keys: usize,
    /// Numbers of a query and of a key.
    pub width: usize,
    /// Numbers of a value.
    pub values: usize,
    /// The bias.
    pub bias: Option<usize>,
    /// The mask.
    pub mask: Option<usize>,
    /// The slopes.
    pub slopes: Option<usize>,
    /// The key of random bits.
    pub key: Option<usize>,
}

/// How many places a window may reach or be off: sums of a few such numbers are exact, floats too.
const FARTHEST: i64 = 1 << 50;

/// What is asked of operands.
const OPERANDS: &str = "takes queries [b.., h, n, d], keys [b.., g, m, d], values [b.., g, m, e], all f32 or all f64, where h is a multiple of g; then possibly \
a bias of their dtype and a mask of bools, [b.., h, n, m], and slopes [b.., h], with any axis of extent 1 instead; and a key u32[2] if weights are dropped";

impl Attended {
    /// Extents of an op with operands of these types. Fails if it does not take them.
    pub fn of(op: &Attend, types: &[&TensorType]) -> Result<Attended, TypeError> {
        let rate = op.rate.to_f64();
        if !(0.0..=1.0).contains(&rate) {
            return Err(TypeError::attribute("rate", format!("must be from 0 to 1, found {}", op.rate)));
        }
        for (name, places) in [("left", op.left), ("right", op.right), ("offset", op.offset)] {
            if !(-FARTHEST..=FARTHEST).contains(&places) {
                let reason = format!("must be from {} to {FARTHEST}, found {places}", -FARTHEST);
                return Err(TypeError::attribute(name, reason));
            }
        }
        Attended::found(types, rate != 0.0).ok_or_else(|| {
            let found: Vec<String> = types.iter().map(ToString::to_string).collect();
            TypeError::Other(format!("{OPERANDS}; found {}", found.join(", ")))
        })
    }

    fn found(types: &[&TensorType], drops: bool) -> Option<Attended> {
        let [q, k, v, behind @ ..] = types else { return None };
        let dtype = q.dtype;
        let (batch, [heads, queries, width]) = split(&q.shape)?;
        let (_, [groups, keys, _]) = split(&k.shape)?;
        let (_, [.., values]) = split(&v.shape)?;
        let none = None;
        let mut extents = Attended {
            dtype,
            batch,
            heads,
            groups,
            queries,
            keys,
            width,
            values,
            bias: none,
            mask: none,
            slopes: none,
            key: none,
        };
        let shares = if groups == 0 { heads == 0 } else { heads.is_multiple_of(groups) };
        let fits = matches!(dtype, DType::F32 | DType::F64)
            && shares
            && **k == extents.grouped(&[keys, width])
            && **v == extents.grouped(&[keys, values]);
        (fits && extents.take_behind(behind, drops) && extents.is_possible()).then_some(extents)
    }

    /// Takes the operands behind the values in their order; false if one is left over or missing.
    fn take_behind(&mut self, behind: &[&TensorType], drops: bool) -> bool {
        let mut next = 0;
        let mut take = |fits: bool| {
            next += usize::from(fits);
            fits.then_some(next + 2)
        };
        let at = |place: Option<usize>| behind.get(place.map_or(0, |operand| operand - 2)).copied();
        let (scores, head) = (self.ty(&[self.queries, self.keys]), self.ty(&[]));
        let is = |found: Option<&TensorType>, dtype: DType, shape: &Shape| {
            found.is_some_and(|ty| ty.dtype == dtype && broadcasts(&ty.shape, shape))
        };
        self.bias = take(is(at(None), self.dtype, &scores.shape));
        self.mask = take(is(at(self.bias), DType::Bool, &scores.shape));
        let before = self.mask.or(self.bias);
        self.slopes = take(is(at(before), self.dtype, &head.shape));
        let before = self.slopes.or(before);
        self.key = take(drops && at(before) == Some(&TensorType::new(DType::U32, [2])));
        next == behind.len() && self.key.is_some() == drops
    }

    /// Whether the scores, which may be written out, are of a possible size.
    fn is_possible(&self) -> bool {
        rule::one(self.dtype, self.ty(&[self.queries, self.keys]).shape).is_ok()
    }

    /// A type with the batch axes, the heads, and these axes.
    pub fn ty(&self, axes: &[usize]) -> TensorType {
        self.with_heads(self.heads, axes)
    }

    /// A type with the batch axes, the heads of keys, and these axes.
    pub fn grouped(&self, axes: &[usize]) -> TensorType {
        self.with_heads(self.groups, axes)
    }

    fn with_heads(&self, heads: usize, axes: &[usize]) -> TensorType {
        let sizes = self.batch.sizes().into_iter().chain([heads]).chain(axes.iter().copied());
        TensorType::new(self.dtype, sizes.collect::<Shape>())
    }

    /// Heads of queries that share a head of keys.
    pub fn shared(&self) -> usize {
        self.heads / self.groups.max(1)
    }
}

/// The last three axes and those before.
fn split(shape: &Shape) -> Option<(Shape, [usize; 3])> {
    let sizes = shape.sizes();
    let (batch, last) = sizes.split_at(sizes.len().checked_sub(3)?);
    Some((batch.iter().copied().collect(), [last[0], last[1], last[2]]))
}

/// Whether each axis is that of the other shape, or of extent 1.
fn broadcasts(shape: &Shape, to: &Shape) -> bool {
    shape.rank() == to.rank()
        && shape.iter().zip(to.iter()).all(|(own, other)| own == other || own.size() == 1)
}
