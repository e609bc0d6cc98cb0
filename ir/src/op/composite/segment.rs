//! Reductions of segments: slices that have the same number are folded into one.

use smallvec::smallvec;

use super::build::wide_dtype;
use super::indexing::scatter_slices;
use crate::op::primitive::ScatterKind;
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Dim, Scalar, Shape, TensorType, Value, attributes};

macro_rules! segment_folds {
    ($($(#[$doc:meta])* $name:ident = $mnemonic:literal: $kind:ident from $identity:expr;)*) => {$(
        attributes! {
            $(#[$doc])*
            ///
            /// `T[n, b..], I[n] -> T[segments, b..]`, numbers; slices whose number is not below `segments` are left out.
            pub struct $name {
                /// How many segments.
                pub segments: usize,
            }
        }

        impl CompositeDef for $name {
            const NAME: &'static str = $mnemonic;
            const ARITY: Arity = Arity::Exact(2);

            fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
                let (x, shape) = checked(b, operands, self.segments)?;
                let identity: fn(DType) -> Scalar = $identity;
                let none = b.full(identity(x.dtype), &shape)?;
                Ok(smallvec![folded(b, ScatterKind::$kind, none, operands[0], operands[1])?])
            }

            fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<$name> {
                let (segments, operands) = sampled(draw, hint, ScatterKind::$kind.class());
                Sample::epsilons($name { segments }, 16, operands)
            }
        }
    )*};
}
segment_folds! {
    /// The sum of the slices of each segment, 0 if there are none.
    SegmentSum = "segment_sum": Add from Scalar::zero;
    /// The product of the slices of each segment, 1 if there are none.
    SegmentProd = "segment_prod": Mul from Scalar::one;
    /// The greatest elements of the slices of each segment, the least of the dtype if there are none (minus infinity for floats).
    SegmentMax = "segment_max": Max from Scalar::lowest;
    /// The least elements of the slices of each segment, the greatest of the dtype if there are none (infinity for floats).
    SegmentMin = "segment_min": Min from Scalar::highest;
}

attributes! {
    /// The mean of the slices of each segment, 0 if there are none.
    ///
    /// `T[n, b..], I[n] -> T[segments, b..]`, floats; slices whose number is not below `segments` are left out.
    pub struct SegmentMean {
        /// How many segments.
        pub segments: usize,
    }
}

impl CompositeDef for SegmentMean {
    const NAME: &'static str = "segment_mean";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (x, shape) = checked(b, operands, self.segments)?;
        rule::require_class(&[&x], 0, DTypeClass::Float)?;
        let dtype = wide_dtype(x.dtype);
        let slices = b.convert(operands[0], dtype)?;
        let none = b.full(Scalar::zero(dtype), &shape)?;
        let sum = folded(b, ScatterKind::Add, none, slices, operands[1])?;
        // Counted in integers, which hold each count.
        let ones = b.full(Scalar::I64(1), &b.shape(operands[1]))?;
        let none = b.full(Scalar::I64(0), &[self.segments].into())?;
        let count = folded(b, ScatterKind::Add, none, ones, operands[1])?;
        let count = b.at_least(count, 1.0)?;
        let count = b.cast(count, dtype)?;
        let count = b.broadcast_in_dim(count, shape, [0])?;
        let mean = b.div(sum, count)?;
        Ok(smallvec![b.convert(mean, x.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<SegmentMean> {
        let (segments, operands) = sampled(draw, hint, DTypeClass::Float);
        Sample::epsilons(SegmentMean { segments }, 16, operands)
    }
}

/// The type of the slices, and the shape of the result.
fn checked(b: &Builder, operands: &[Value], segments: usize) -> Result<(TensorType, Shape), TypeError> {
    let (x, numbers) = (b.type_of(operands[0]), b.type_of(operands[1]));
    rule::require_class(&[&x, &numbers], 1, DTypeClass::Index)?;
    rule::check_axis(0, x.rank())?;
    if *numbers.shape != [x.shape[0]] {
        return Err(TypeError::Other(format!(
            "operand 1 must have one number for each of the {} slices, found {numbers}",
            x.shape[0]
        )));
    }
    let shape = x.shape.with_dim(0, Dim::known(segments));
    rule::one(x.dtype, shape.clone())?;
    Ok((x, shape))
}

/// `none` with each slice folded into that of its number.
fn folded(
    b: &mut Builder,
    kind: ScatterKind,
    none: Value,
    slices: Value,
    numbers: Value,
) -> Result<Value, TypeError> {
    if b.shape(none).size(0) == 0 {
        // No slices, but of the operand's, so that derivatives find it.
        return Ok(b.section(slices, 0, 0, 0)?);
    }
    scatter_slices(b, kind, none, numbers, slices)
}

fn sampled(draw: &mut Draw<'_>, hint: &TensorType, class: DTypeClass) -> (usize, [Operand; 2]) {
    let x = draw.like(hint, class, 1);
    let segments = if x.elements() > 512 { 1 } else { draw.extent() };
    let numbers = TensorType::new(draw.choose(&[DType::I32, DType::I64]), [x.shape.size(0)]);
    (segments, [Operand::moderate(x), Operand::new(numbers, Values::Index(segments))])
}
