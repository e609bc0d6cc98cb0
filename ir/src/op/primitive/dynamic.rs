//! Sections of fixed size at computed places.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::derivative::Transpose;
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TypeError, Types, rule};
use crate::{Builder, DTypeClass, Literal, Shape, Type, Value, attributes};

attributes! {
    /// The section of `x` of the shape `sizes` that begins at `starts`: `T[..], I[rank of x] -> T[sizes]`.
    ///
    /// Starts are clamped so that the section lies within `x`; a section larger than `x` is an error.
    pub struct DynamicSlice {
        /// Shape of the section.
        pub sizes: Shape,
    }
}

impl OpDef for DynamicSlice {
    const NAME: &'static str = "dynamic_slice";
    const ARITY: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        rule::check_per_axis("sizes", self.sizes.rank(), operands[0].rank())?;
        check_starts(operands, 1)?;
        check_fits(&self.sizes, &operands[0].shape)?;
        rule::one(operands[0].dtype, self.sizes.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[Type]) -> Vec<Literal> {
        let from = &operands[0].ty().shape;
        let starts = clamped(operands[1], &self.sizes, from);
        let read = |flat| {
            let source = shifted(&rule::unravel(flat, &results[0].shape), &starts);
            operands[0].get(rule::ravel(&source, from))
        };
        vec![Literal::from_fn(results[0].clone(), read)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &Type) -> Sample<DynamicSlice> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let (sizes, starts) = sample(draw, &ty);
        Sample::exact(DynamicSlice { sizes }, [Operand::any(ty), starts])
    }
}

attributes! {
    /// `x` with the section that begins at `starts` replaced by `update`: `T[s], T[..], I[rank of x] -> T[s]`, operands `x,
    /// update, starts`.
    ///
    /// Starts are clamped so that the section lies within `x`; an update larger than `x` is an error.
    pub struct DynamicUpdateSlice {}
}

impl OpDef for DynamicUpdateSlice {
    const NAME: &'static str = "dynamic_update_slice";
    const ARITY: Arity = Arity::Exact(3);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        let dtype = rule::same_dtype(operands, 0, 1)?;
        let (x, update) = (&operands[0].shape, &operands[1].shape);
        if x.rank() != update.rank() {
            let what = "ranks of operands 0 and 1".to_owned();
            return Err(TypeError::ShapeMismatch { what, left: x.clone(), right: update.clone() });
        }
        check_starts(operands, 2)?;
        check_fits(update, x)?;
        rule::one(dtype, x.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[Type]) -> Vec<Literal> {
        let [x, update, starts] = [0, 1, 2].map(|i| operands[i]);
        let shape = &x.ty().shape;
        let starts = clamped(starts, &update.ty().shape, shape);
        let mut elements: Vec<_> = x.iter().collect();
        for (flat, element) in update.iter().enumerate() {
            let target = shifted(&rule::unravel(flat, &update.ty().shape), &starts);
            elements[rule::ravel(&target, shape)] = element;
        }
        vec![Literal::from_scalars(results[0].clone(), elements)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &Type) -> Sample<DynamicUpdateSlice> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let (sizes, starts) = sample(draw, &ty);
        let update = Operand::any(ty.with_shape(sizes));
        Sample::exact(DynamicUpdateSlice {}, [Operand::any(ty), update, starts])
    }
}

/// There must be one start for each axis of operand 0.
fn check_starts(operands: &[&Type], starts: usize) -> Result<(), TypeError> {
    rule::require_class(operands, starts, DTypeClass::Index)?;
    let expected = Shape::from([operands[0].rank()]);
    if operands[starts].shape == expected {
        return Ok(());
    }
    let found = &operands[starts].shape;
    Err(TypeError::Other(format!(
        "operand {starts} must have the shape {expected}, one start per axis, found {found}"
    )))
}

fn check_fits(section: &Shape, x: &Shape) -> Result<(), TypeError> {
    match (0..x.rank()).find(|&axis| section.size(axis) > x.size(axis)) {
        Some(axis) => Err(TypeError::Other(format!(
            "a section of shape {section} does not fit into {x}: axis {axis} is too long"
        ))),
        None => Ok(()),
    }
}

fn clamped(starts: &Literal, sizes: &Shape, from: &Shape) -> Axes {
    let last = |axis| (from.size(axis) - sizes.size(axis)) as i128;
    starts.iter().enumerate().map(|(axis, s)| s.to_i128().clamp(0, last(axis)) as usize).collect()
}

fn shifted(index: &[usize], starts: &[usize]) -> Axes {
    index.iter().zip(starts).map(|(&i, &start)| i + start).collect()
}

/// Draws the shape of a section of a tensor and its starts.
fn sample(draw: &mut Draw<'_>, ty: &Type) -> (Shape, Operand) {
    let sizes = ty.shape.iter().map(|&extent| draw.below(extent.size() + 1)).collect();
    let members: Vec<_> = DTypeClass::Index.members().collect();
    let bound = ty.shape.sizes().into_iter().max().unwrap_or(1);
    let starts = Type::new(draw.choose(&members), [ty.rank()]);
    (sizes, Operand { ty: starts, values: Values::Index(bound) })
}

impl Transpose for DynamicSlice {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let (x, starts) = (primal.operands[0], primal.operands[1]);
        let spread = |b: &mut Builder| {
            let zeros = b.full_like(0.0, x)?;
            b.dynamic_update_slice(zeros, cotangent, starts)
        };
        Ok(smallvec![primal.when_wanted(0, spread)?, None])
    }
}

impl Transpose for DynamicUpdateSlice {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let (update, starts) = (primal.operands[1], primal.operands[2]);
        let kept = |b: &mut Builder| {
            let zeros = b.full_like(0.0, update)?;
            b.dynamic_update_slice(cotangent, zeros, starts)
        };
        let x = primal.when_wanted(0, kept)?;
        let sizes = primal.operand_type(1).shape;
        let update = primal.when_wanted(1, |b| b.dynamic_slice(cotangent, starts, sizes))?;
        Ok(smallvec![x, update, None])
    }
}
