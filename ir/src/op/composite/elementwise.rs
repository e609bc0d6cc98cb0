//! The form that element-wise composites share: operands and result of one type.

use smallvec::{SmallVec, smallvec};

use crate::builder::BuildError;
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{
    Arity, Attributes, Batching, CompositeDef, Derivative, OwnRules, Results, Sample, TypeError, rule,
};
use crate::{Builder, DTypeClass, TensorType, Value};

/// What half-precision operands are computed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// f32, with one rounding at the end: for definitions of several steps.
    Wide,
    /// Their own dtype: for definitions that round once anyway, or not at all.
    Own,
}

/// An element-wise composite: `T[s], .. -> T[s]`, all operands of the same type.
pub trait ElementWise: Attributes {
    /// The mnemonic of the text form.
    const NAME: &'static str;
    /// How many operands it takes.
    const OPERANDS: usize = 1;
    /// Dtypes that it takes.
    const CLASS: DTypeClass = DTypeClass::Float;
    /// What half-precision operands are computed in.
    const PRECISION: Precision = Precision::Wide;
    /// Operand values of samples.
    const VALUES: Values = Values::Moderate;

    /// An error if an attribute's value is not possible.
    fn check(&self) -> Result<(), TypeError> {
        Ok(())
    }

    /// Appends the definition, for operands of the type that it computes in.
    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError>;

    /// As [`OwnRules::derivative`].
    fn derivative(&self) -> Derivative<'_> {
        Derivative::Expansion
    }

    /// Draws attributes.
    fn draw(draw: &mut Draw<'_>) -> Self;
}

impl<T: ElementWise> CompositeDef for T {
    const NAME: &'static str = <T as ElementWise>::NAME;
    const ARITY: Arity = Arity::Exact(T::OPERANDS);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let dtype = same_types(b, operands, T::CLASS)?.dtype;
        self.check()?;
        let operands = match T::PRECISION {
            Precision::Wide => b.widen_all(operands)?,
            Precision::Own => operands.into(),
        };
        let result = self.compute(b, &operands)?;
        Ok(smallvec![b.convert(result, dtype)?])
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<T> {
        let ty = draw.like(hint, T::CLASS, 0);
        let operand = Operand::new(ty, T::VALUES);
        Sample::epsilons(T::draw(draw), 32, vec![operand; T::OPERANDS])
    }
}

impl<T: ElementWise> OwnRules for T {
    fn derivative(&self) -> Derivative<'_> {
        ElementWise::derivative(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::ElementWise
    }
}

/// All operands must have one type, of a dtype of `class`.
pub(super) fn same_types(
    b: &Builder,
    operands: &[Value],
    class: DTypeClass,
) -> Result<TensorType, TypeError> {
    let types: SmallVec<[&TensorType; 4]> = operands.iter().map(|&x| b.tensor(x)).collect();
    rule::require_class(&types, 0, class)?;
    for other in 1..types.len() {
        rule::same_dtype(&types, 0, other)?;
        rule::same_shape(&types, 0, other)?;
    }
    Ok(types[0].clone())
}
