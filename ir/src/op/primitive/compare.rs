//! Element-wise comparisons.

use std::cmp::Ordering;

use crate::op::sample::Operand;
use crate::op::{
    Arity, AttrMap, AttrValue, AttributeError, Attributes, Batching, Derivative, Draw, Lowering, OpDef,
    Sample, TensorTypes, TypeError, rule,
};
use crate::{DType, DTypeClass, Literal, Scalar, TensorType};

/// The columns of the table. Comparisons take all dtypes that have an order, and those for equality complex numbers too; they are cheap and
/// exact, and have no derivative.
struct Row {
    holds: Holds,
    /// The comparison that says the same of the operands in opposite order.
    mirrored: Option<CompareFn>,
}

/// Whether a comparison holds, by how its operands are ordered.
enum Holds {
    /// In the order of numbers, in which NaN has no place.
    Of(fn(Option<Ordering>) -> bool),
    /// In the total order.
    OfTotal(fn(Ordering) -> bool),
}

/// Calls `$callback!` with the table of comparisons: `method => Variant { columns };`, each with its documentation.
#[macro_export]
macro_rules! for_each_compare {
    ($callback:path) => {
        $callback! {
            /// `lhs == rhs`; false if one is NaN.
            #[doc(alias = "equal")]
            eq => Eq {
                holds: Holds::Of(|order| order == Some(Ordering::Equal)),
                mirrored: Some(CompareFn::Eq),
            };
            /// `lhs != rhs`; true if one is NaN.
            #[doc(alias = "not_equal")]
            ne => Ne {
                holds: Holds::Of(|order| order != Some(Ordering::Equal)),
                mirrored: Some(CompareFn::Ne),
            };
            /// `lhs < rhs`; false if one is NaN.
            #[doc(alias = "less")]
            lt => Lt {
                holds: Holds::Of(|order| order == Some(Ordering::Less)),
                mirrored: Some(CompareFn::Gt),
            };
            /// `lhs <= rhs`; false if one is NaN.
            #[doc(alias = "less_equal")]
            le => Le {
                holds: Holds::Of(|order| matches!(order, Some(Ordering::Less | Ordering::Equal))),
                mirrored: Some(CompareFn::Ge),
            };
            /// `lhs > rhs`; false if one is NaN.
            #[doc(alias = "greater")]
            gt => Gt {
                holds: Holds::Of(|order| order == Some(Ordering::Greater)),
                mirrored: Some(CompareFn::Lt),
            };
            /// `lhs >= rhs`; false if one is NaN.
            #[doc(alias = "greater_equal")]
            ge => Ge {
                holds: Holds::Of(|order| matches!(order, Some(Ordering::Greater | Ordering::Equal))),
                mirrored: Some(CompareFn::Le),
            };
            /// `lhs < rhs` in the total order -inf < .. < -0 < +0 < .. < inf < NaN, in which all NaNs are equal: the order of `sort`.
            lt_total => LtTotal { holds: Holds::OfTotal(Ordering::is_lt), mirrored: None };
            /// `lhs <= rhs` in the total order of `lt_total`.
            le_total => LeTotal { holds: Holds::OfTotal(Ordering::is_le), mirrored: None };
        }
    };
}

macro_rules! define_compare {
    ($($(#[$meta:meta])* $name:ident => $variant:ident $row:tt;)*) => {
        /// An element-wise comparison.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum CompareFn { $($(#[$meta])* $variant),* }

        static ROWS: &[Row] = &[$(Row $row),*];

        impl CompareFn {
            /// Every comparison, in the order of the table.
            pub const ALL: &'static [CompareFn] = &[$(CompareFn::$variant),*];

            /// The mnemonic.
            pub const fn name(self) -> &'static str {
                match self { $(CompareFn::$variant => stringify!($name)),* }
            }
        }

        /// One method per comparison. Each fails unless both operands have the same type.
        impl crate::Builder {
            $($(#[$meta])*
            pub fn $name(&mut self, lhs: crate::Value, rhs: crate::Value) -> Result<crate::Value, crate::BuildError> {
                self.push_one(CompareFn::$variant, &[lhs, rhs])
            })*
        }
    };
}
for_each_compare!(define_compare);

/// The order of two elements of the same dtype; `None` if one is NaN.
fn partial_order(lhs: Scalar, rhs: Scalar) -> Option<Ordering> {
    if lhs.dtype().is_float() {
        lhs.to_f64().partial_cmp(&rhs.to_f64())
    } else {
        Some(lhs.to_i128().cmp(&rhs.to_i128()))
    }
}

/// The total order of two elements of the same dtype, by which `sort` goes. For floats it is that of the sign-magnitude
/// bits, -inf < .. < -0 < +0 < .. < inf, with NaN above all. All NaNs are equal: what sign and payload an operation gives
/// to a NaN differs between machines, and no order may depend on it.
pub(crate) fn total_order(lhs: Scalar, rhs: Scalar) -> Ordering {
    total_key(lhs).cmp(&total_key(rhs))
}

/// An integer that sorts as the element does.
fn total_key(x: Scalar) -> i128 {
    if !x.dtype().is_float() {
        return x.to_i128();
    }
    if x.to_f64().is_nan() {
        return i128::MAX;
    }
    let sign = 1u64 << (x.dtype().bits() - 1);
    let magnitude = i128::from(x.bits() & (sign - 1));
    if x.bits() & sign != 0 { -1 - magnitude } else { magnitude }
}

impl CompareFn {
    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The comparison of two elements of the same dtype.
    pub fn eval(self, lhs: Scalar, rhs: Scalar) -> bool {
        match self.row().holds {
            Holds::Of(holds) if lhs.dtype().is_complex() => {
                holds((lhs.to_c128() == rhs.to_c128()).then_some(Ordering::Equal))
            }
            Holds::Of(holds) => holds(partial_order(lhs, rhs)),
            Holds::OfTotal(holds) => holds(total_order(lhs, rhs)),
        }
    }

    /// Dtypes that it takes.
    pub fn class(self) -> DTypeClass {
        if matches!(self, CompareFn::Eq | CompareFn::Ne) { DTypeClass::Any } else { DTypeClass::Ordered }
    }

    /// The comparison that says the same of the operands in opposite order, if there is one.
    pub fn mirrored(self) -> Option<CompareFn> {
        self.row().mirrored
    }
}

impl Attributes for CompareFn {
    const FIELDS: &'static [&'static str] = &[];

    fn to_attrs(&self) -> Vec<(&'static str, AttrValue)> {
        Vec::new()
    }

    fn from_attrs(_attrs: &mut AttrMap) -> Result<CompareFn, AttributeError> {
        Err(AttributeError::Missing { name: "function" })
    }
}

impl OpDef for CompareFn {
    const NAME: &'static str = "compare";
    const ARITY: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::Map;

    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn names() -> Vec<&'static str> {
        CompareFn::ALL.iter().map(|f| f.name()).collect()
    }

    fn parse(name: &str, _attrs: &mut AttrMap) -> Option<Result<CompareFn, AttributeError>> {
        CompareFn::ALL.iter().find(|f| f.name() == name).copied().map(Ok)
    }

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        rule::require_class(operands, 0, self.class())?;
        rule::same_dtype(operands, 0, 1)?;
        rule::one(DType::Bool, rule::same_shape(operands, 0, 1)?.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let pairs = operands[0].iter().zip(operands[1].iter());
        let bits = pairs.map(|(x, y)| Scalar::Bool((*self).eval(x, y)));
        vec![Literal::from_scalars(results[0].clone(), bits)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::ElementWise
    }

    fn sample(name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<CompareFn> {
        let function = *CompareFn::ALL.iter().find(|f| f.name() == name).expect("a name of the family");
        let ty = draw.like(hint, function.class(), 0);
        Sample::exact(function, [Operand::any(ty.clone()), Operand::any(ty)])
    }
}
