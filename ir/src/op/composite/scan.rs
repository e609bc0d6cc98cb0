//! Prefix folds beyond the monoids of `cumulative`, and what undoes a sum.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::attribute::{Axes, Offsets};
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DTypeClass, Scalar, TensorType, Value, attributes};

attributes! {
    /// Running `log(sum(e^x))` along `axis`: element `i` of the result is that of elements `0..=i`, or `0..i` if exclusive, or
    /// from `i` to the end if reverse. No prefix loses digits to a later, larger element.
    ///
    /// By doubling (Hillis and Steele 1986): each of `log2(n)` steps joins every partial result with the one that ends where
    /// it begins.
    pub struct CumulativeLogsumexp {
        /// The axis along which to run.
        pub axis: usize,
        /// Whether an element's own value is left out.
        pub exclusive: bool,
        /// Whether to run from the last element to the first.
        pub reverse: bool,
    }
}

impl CompositeDef for CumulativeLogsumexp {
    const NAME: &'static str = "cumulative_logsumexp";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        rule::require_class(&[&ty], 0, DTypeClass::Float)?;
        rule::check_axis(self.axis, ty.rank())?;
        let extent = ty.shape.size(self.axis);
        let mut running = b.widen(x[0])?;
        if self.exclusive {
            running = self.shifted(b, running, 1)?;
        }
        let mut distance = 1;
        while distance < extent {
            let before = self.shifted(b, running, distance)?;
            running = b.log_add_exp(running, before)?;
            distance *= 2;
        }
        Ok(smallvec![b.convert(running, ty.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<CumulativeLogsumexp> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let axis = draw.axis(ty.rank());
        let op = CumulativeLogsumexp { axis, exclusive: draw.flip(), reverse: draw.flip() };
        Sample::epsilons(op, 64, [Operand::moderate(ty)])
    }
}

impl CumulativeLogsumexp {
    /// `x` moved by `distance` in the direction of the scan; minus infinity, the logarithm of nothing, comes in.
    fn shifted(&self, b: &mut Builder, x: Value, distance: usize) -> Result<Value, BuildError> {
        let ty = b.type_of(x);
        let nothing = b.scalar(Scalar::lowest(ty.dtype));
        let mut low = Offsets::from_elem(0, ty.rank());
        low[self.axis] = if self.reverse { -(distance as i64) } else { distance as i64 };
        let high = low.iter().map(|n| -n).collect::<Offsets>();
        // More than the extent cannot be cut off, but then nothing is left anyway.
        if ty.shape.size(self.axis) < distance {
            return Ok(x);
        }
        b.pad(x, nothing, low, high, Axes::from_elem(0, ty.rank()))
    }
}

attributes! {
    /// Differences of neighbours along `axis`, `order` times over: `T[.., n, ..] -> T[.., n - order, ..]`, numbers.
    pub struct Diff {
        /// How often differences are taken.
        pub order: usize,
        /// The axis.
        pub axis: usize,
    }
}

impl CompositeDef for Diff {
    const NAME: &'static str = "diff";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        rule::require_class(&[&ty], 0, DTypeClass::Number)?;
        let extent = ty.shape.size(rule::check_axis(self.axis, ty.rank())?);
        let mut differences = x[0];
        for taken in 0..self.order.min(extent) {
            let left = extent - taken;
            let (later, earlier) = (
                b.section(differences, self.axis, 1, left)?,
                b.section(differences, self.axis, 0, left - 1)?,
            );
            differences = b.sub(later, earlier)?;
        }
        Ok(smallvec![differences])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Diff> {
        let ty = draw.like(hint, DTypeClass::Number, 1);
        let axis = draw.axis(ty.rank());
        Sample::exact(Diff { order: draw.choose(&[1, 2, 0, 3]), axis }, [Operand::moderate(ty)])
    }
}
