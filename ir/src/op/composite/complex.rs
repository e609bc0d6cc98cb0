//! Complex numbers as pairs along a last axis, and their angles.

use smallvec::smallvec;

use super::elementwise::same_types;
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, Batching, CompositeDef, Derivative, OwnRules, Results, Sample, TypeError};
use crate::{Builder, DType, DTypeClass, Shape, TensorType, Value, attributes};

attributes! {
    /// Complex numbers as pairs of real and imaginary part along a new last axis: `c64[s] -> f32[s, 2]`.
    pub struct AsReal {}
}

attributes! {
    /// Pairs of real and imaginary part along the last axis as complex numbers: `f32[s, 2] -> c64[s]`.
    pub struct AsComplex {}
}

attributes! {
    /// The angles of complex numbers, in radians from -pi to pi: `c64[s] -> f32[s]`.
    pub struct Angle {}
}

impl CompositeDef for AsReal {
    const NAME: &'static str = "as_real";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let parts = [b.real(x[0])?, b.imag(x[0])?];
        let axis = b.shape(x[0]).rank();
        Ok(smallvec![b.stack(&parts, axis)?])
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<AsReal> {
        Sample::exact(AsReal {}, [Operand::any(draw.like(hint, DTypeClass::Complex, 0))])
    }
}

impl OwnRules for AsReal {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::Expansion
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(AsReal {})
    }
}

impl CompositeDef for AsComplex {
    const NAME: &'static str = "as_complex";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        let Some(axis) = ty.rank().checked_sub(1).filter(|&axis| ty.shape.size(axis) == 2) else {
            return Err(TypeError::Other(format!(
                "operand 0 must have pairs along its last axis, found {ty}"
            )));
        };
        let shape = ty.shape.without(&[axis]);
        let mut parts = [x[0]; 2];
        for (place, part) in parts.iter_mut().enumerate() {
            let section = b.section(x[0], axis, place, place + 1)?;
            *part = b.reshape(section, shape.clone())?;
        }
        Ok(smallvec![b.complex(parts[0], parts[1])?])
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<AsComplex> {
        let dtype =
            if hint.dtype == DType::F32 { DType::F32 } else { draw.choose(&[DType::F64, DType::F32]) };
        let shape: Shape = hint.shape.dims().iter().copied().take(5).chain([2.into()]).collect();
        Sample::exact(AsComplex {}, [Operand::any(TensorType { dtype, shape })])
    }
}

impl OwnRules for AsComplex {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::Expansion
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(AsComplex {})
    }
}

impl CompositeDef for Angle {
    const NAME: &'static str = "angle";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        same_types(b, x, DTypeClass::Complex)?;
        let (re, im) = (b.real(x[0])?, b.imag(x[0])?);
        Ok(smallvec![b.atan2(im, re)?])
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Angle> {
        Sample::ulps(Angle {}, 4, [Operand::any(draw.like(hint, DTypeClass::Complex, 0))])
    }
}

impl OwnRules for Angle {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::Expansion
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::ElementWise
    }
}
