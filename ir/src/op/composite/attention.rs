//! Attention of any floats.

use smallvec::{SmallVec, smallvec};

use crate::op::primitive::{Attend, Unseen};
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Scalar, TensorType, Value, attributes};

attributes! {
    /// Scaled dot-product attention (Vaswani et al. 2017): `softmax(scale q k^T + bias) v`, head by head.
    ///
    /// Operands `q, k, v`, then those that [`Attend`] may have, bias, mask, slopes and key: `T[b.., h, n, d], T[b.., g, m, d], T[b.., g, m, e], .. -> T[b.., h, n, e]`, floats, where `h` is a multiple of `g`: so many
    /// heads in a row share keys and values (Ainslie et al. 2023). A query that sees no key gets 0. Half precision is computed in f32.
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
        /// The share of weights that is dropped, from 0 to 1; if it is not 0, there is a key.
        pub rate: Scalar,
    }
}

impl CompositeDef for Attention {
    const NAME: &'static str = "attention";
    const ARITY: Arity = Arity::AtLeast(3);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let types: Vec<TensorType> = operands.iter().map(|&x| b.type_of(x)).collect();
        let types: Vec<&TensorType> = types.iter().collect();
        let dtype = rule::require_class(&types, 0, DTypeClass::Float)?;
        // Integers and bools among the operands behind the values are no numbers to compute with.
        for other in (1..types.len()).filter(|&other| other < 3 || types[other].dtype.is_float()) {
            rule::same_dtype(&types, 0, other)?;
        }
        let widened = operands.iter().map(|&x| match b.tensor(x).dtype.is_float() {
            true => b.widen(x),
            false => Ok(x),
        });
        let widened = widened.collect::<Result<SmallVec<[Value; 4]>, _>>()?;
        let Attention { scale, soft_cap, left, right, offset, rate } = *self;
        let (divisor, fill) = (Scalar::F64(1.0), Scalar::F64(f64::NEG_INFINITY));
        let op = Attend { scale, divisor, soft_cap, fill, left, right, offset, rate, unseen: Unseen::Zero };
        let result = b.push(op, &widened).map_err(|error| *error.source)?[0];
        Ok(smallvec![b.convert(result, dtype)?])
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
        let (scale, offset, rate) = (0.5.into(), draw.choose(&[0, 1]), 0.0.into());
        let op = Attention { scale, soft_cap, left, right, offset, rate };
        Sample::epsilons(op, 256, operands)
    }
}
