//! Attention: means of values, weighted by how well their keys fit to queries.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::primitive::ReduceKind;
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// Scaled dot-product attention (Vaswani et al. 2017): `softmax(scale q k^T + bias) v`, head by head.
    ///
    /// Operands `q, k, v` and possibly `bias`: `T[b.., h, n, d], T[b.., g, m, d], T[b.., g, m, e], bool[b.., h, n, m] -> T[b.., h, n, e]`, floats, where `h` is a multiple of `g`: so many
    /// heads in a row share keys and values (Ainslie et al. 2023). The bias is added, or, as bool, says which pairs there are; a query without any gets 0. Half precision is computed in
    /// f32.
    pub struct Attention {
        /// What products of queries and keys are multiplied with.
        pub scale: Scalar,
        /// Scores `s` become `soft_cap tanh(s / soft_cap)`, unless it is 0.
        pub soft_cap: Scalar,
        /// How far before its own place a query looks, -1 for all the way.
        pub left: i64,
        /// How far behind its own place a query looks, -1 for all the way; 0 is causal.
        pub right: i64,
        /// The place of the first query among the keys.
        pub offset: i64,
    }
}

impl CompositeDef for Attention {
    const NAME: &'static str = "attention";
    const ARITY: Arity = Arity::AtLeast(3);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let types: Vec<TensorType> = operands.iter().map(|&x| b.type_of(x)).collect();
        let heads = Heads::of(&types)?;
        let [q, k, v] = [0, 1, 2].map(|i| operands[i]);
        let (q, k, v) = (b.widen(q)?, b.widen(k)?, b.widen(v)?);
        let scaled = b.mul_number(q, self.scale.to_f64())?;
        // Heads that share keys are one after the other: their queries are those of one.
        let grouped = b.reshape(scaled, heads.shape(heads.groups, heads.queries_of_group(), heads.width))?;
        let products = b.matmul_nt(grouped, k)?;
        let mut scores = b.reshape(products, heads.scores())?;
        let cap = self.soft_cap.to_f64();
        if cap != 0.0 {
            let share = b.div_number(scores, cap)?;
            let bent = b.tanh(share)?;
            scores = b.mul_number(bent, cap)?;
        }
        scores = self.windowed(b, scores, &heads)?;
        if let Some(&bias) = operands.get(3) {
            scores = biased(b, scores, bias)?;
        }
        let weights = weights(b, scores)?;
        let weights = b.reshape(weights, heads.shape(heads.groups, heads.queries_of_group(), heads.keys))?;
        let mixed = b.matmul(weights, v)?;
        let result = b.reshape(mixed, heads.shape(heads.heads, heads.queries, heads.values))?;
        Ok(smallvec![b.convert(result, types[0].dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Attention> {
        let dtype = draw.dtype(hint.dtype, DTypeClass::Float);
        let mut extent = || 1 + draw.below(3);
        let (batch, groups, shared, queries, keys) = (extent(), extent(), extent(), extent(), extent());
        let (width, values) = (extent(), extent());
        let of = |heads: usize, rows: usize, columns: usize| {
            Operand::moderate(TensorType::new(dtype, [batch, heads, rows, columns]))
        };
        let mut operands =
            vec![of(groups * shared, queries, width), of(groups, keys, width), of(groups, keys, values)];
        match draw.below(3) {
            0 => {}
            1 => operands.push(of(groups * shared, queries, keys)),
            _ => operands
                .push(Operand::any(TensorType::new(DType::Bool, [batch, groups * shared, queries, keys]))),
        }
        let (left, right) = draw.choose(&[(-1, -1), (-1, 0), (1, 1)]);
        let soft_cap = draw.choose(&[0.0, 5.0]).into();
        let op = Attention { scale: 0.5.into(), soft_cap, left, right, offset: draw.choose(&[0, 1]) };
        Sample::epsilons(op, 256, operands)
    }
}

/// Extents of attention.
struct Heads {
    batch: Shape,
    heads: usize,
    groups: usize,
    queries: usize,
    keys: usize,
    width: usize,
    values: usize,
}

impl Heads {
    fn of(types: &[TensorType]) -> Result<Heads, TypeError> {
        let refs: Vec<&TensorType> = types.iter().collect();
        rule::require_class(&refs, 0, DTypeClass::Float)?;
        for other in [1, 2] {
            rule::same_dtype(&refs, 0, other)?;
        }
        let wrong = || {
            let found: Vec<String> = types.iter().map(ToString::to_string).collect();
            let reason = "takes queries [b.., h, n, d], keys [b.., g, m, d], values [b.., g, m, e], where h is a multiple of g, and possibly a bias [b.., h, n, m], of the dtype of the others or bool";
            TypeError::Other(format!("{reason}; found {}", found.join(", ")))
        };
        let rank = types[0].rank();
        if rank < 3 || types.len() > 4 || types.iter().any(|ty| ty.rank() != rank) {
            return Err(wrong());
        }
        let [q, k, v] = [0, 1, 2].map(|i| types[i].shape.sizes());
        let at = rank - 3;
        let heads = Heads {
            batch: q[..at].iter().copied().collect(),
            heads: q[at],
            groups: k[at],
            queries: q[at + 1],
            keys: k[at + 1],
            width: q[at + 2],
            values: v[at + 2],
        };
        let shared =
            heads.groups > 0 && heads.heads.is_multiple_of(heads.groups) || heads.heads == heads.groups;
        let keys_fit = types[1].shape == heads.shape(heads.groups, heads.keys, heads.width);
        let values_fit = types[2].shape == heads.shape(heads.groups, heads.keys, heads.values);
        let bias_fits = types.get(3).is_none_or(|ty| {
            ty.shape == heads.scores() && (ty.dtype == types[0].dtype || ty.dtype == DType::Bool)
        });
        if shared && keys_fit && values_fit && bias_fits { Ok(heads) } else { Err(wrong()) }
    }

    fn shape(&self, heads: usize, rows: usize, columns: usize) -> Shape {
        self.batch.sizes().iter().copied().chain([heads, rows, columns]).collect()
    }

    fn scores(&self) -> Shape {
        self.shape(self.heads, self.queries, self.keys)
    }

    fn queries_of_group(&self) -> usize {
        self.heads / self.groups.max(1) * self.queries
    }
}

impl Attention {
    /// Minus infinity where a query does not look.
    fn windowed(&self, b: &mut Builder, scores: Value, heads: &Heads) -> Result<Value, BuildError> {
        if self.left < 0 && self.right < 0 {
            return Ok(scores);
        }
        let square = Shape::from([heads.queries, heads.keys]);
        let (row, column) =
            (b.iota(DType::I64, square.clone(), 0usize)?, b.iota(DType::I64, square.clone(), 1usize)?);
        let distance = b.sub(column, row)?;
        let number = |b: &mut Builder, n: i64| b.full(Scalar::I64(n), &square);
        let mut looks = None;
        if self.right >= 0 {
            let most = number(b, self.offset.saturating_add(self.right))?;
            looks = Some(b.le(distance, most)?);
        }
        if self.left >= 0 {
            let least = number(b, self.offset.saturating_sub(self.left))?;
            let near = b.ge(distance, least)?;
            looks = Some(match looks {
                Some(looks) => b.and(looks, near)?,
                None => near,
            });
        }
        let Some(looks) = looks else { return Ok(scores) };
        let shape = heads.scores();
        let rank = shape.rank();
        let looks = b.broadcast_in_dim(looks, shape, [rank - 2, rank - 1])?;
        only(b, looks, scores)
    }
}

/// Minus infinity where `predicate` does not hold.
fn only(b: &mut Builder, predicate: Value, scores: Value) -> Result<Value, BuildError> {
    let none = b.full_like(f64::NEG_INFINITY, scores)?;
    b.select(predicate, scores, none)
}

fn biased(b: &mut Builder, scores: Value, bias: Value) -> Result<Value, BuildError> {
    if b.tensor(bias).dtype == DType::Bool {
        return only(b, bias, scores);
    }
    let bias = b.widen(bias)?;
    b.add(scores, bias)
}

/// The softmax along the last axis, 0 in rows of minus infinities.
fn weights(b: &mut Builder, scores: Value) -> Result<Value, BuildError> {
    let axis = b.shape(scores).rank() - 1;
    let max = b.fold_like(ReduceKind::Max, scores, &[axis])?;
    let infinite = b.equals(max, f64::NEG_INFINITY)?;
    let max = b.number_where(infinite, 0.0, max)?;
    // It makes no difference to the result, so its derivative is not asked for.
    let max = b.stop_gradient(max)?;
    let shifted = b.sub(scores, max)?;
    let exp = b.exp(shifted)?;
    let sum = b.fold_like(ReduceKind::Sum, exp, &[axis])?;
    let divisor = b.number_where(infinite, 1.0, sum)?;
    b.div(exp, divisor)
}
