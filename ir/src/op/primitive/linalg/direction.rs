//! How vectors turn whose direction a convention settles: their first component of about the greatest magnitude is real and positive. The signs of
//! real vectors do not change; complex ones turn so that this component stays real.

use crate::builder::BuildError;
use crate::op::primitive::{ArgKind, ArgReduce, ReduceKind};
use crate::{Builder, DType, Value};

/// Part of the greatest magnitude from which on a component decides.
const DECISIVE: f64 = 0.7;

/// Columns of a matrix, and which component of each decides about its direction.
pub(super) struct Directions {
    v: Value,
    mask: Value,
    /// The components, as real numbers.
    decisive: Value,
    rows: usize,
}

impl Directions {
    /// `None` for real vectors, and where there are none.
    pub(super) fn of(b: &mut Builder, v: Value) -> Result<Option<Directions>, BuildError> {
        let shape = b.shape(v);
        let rows = shape.rank() - 2;
        if !b.tensor(v).dtype.is_complex() || shape.size(rows) == 0 {
            return Ok(None);
        }
        let magnitudes = b.abs(v)?;
        let magnitudes = b.stop_gradient(magnitudes)?;
        let greatest = b.fold_like(ReduceKind::Max, magnitudes, &[rows])?;
        let bound = b.mul_number(greatest, DECISIVE)?;
        let is_great = b.ge(magnitudes, bound)?;
        let is_great = b.cast(is_great, DType::I32)?;
        let first = ArgReduce { kind: ArgKind::Max, axis: rows, dtype: DType::I32 };
        let first = b.push_one(first, &[is_great])?;
        let first = b.spread(first, &[rows], &shape)?;
        let places = b.iota(DType::I32, shape.clone(), rows)?;
        let mask = b.eq(first, places)?;
        let real = b.real(v)?;
        let decisive = sum_where(b, mask, real, rows)?;
        Ok(Some(Directions { v, mask, decisive, rows }))
    }

    /// The angles by which vectors that change by `tangent` have to turn back, times `i`.
    pub(super) fn angles(&self, b: &mut Builder, tangent: Value) -> Result<Value, BuildError> {
        let imaginary = b.imag(tangent)?;
        let change = sum_where(b, self.mask, imaginary, self.rows)?;
        let angles = b.div(change, self.decisive)?;
        b.times_i(angles)
    }

    /// What turning back does to the change of vectors that turn along.
    pub(super) fn without(
        &self,
        b: &mut Builder,
        v: Value,
        tangent: Value,
        angles: Value,
    ) -> Result<Value, BuildError> {
        let turned = b.scale_columns(v, angles)?;
        b.sub(tangent, turned)
    }

    /// How much a gradient by the vectors asks them to turn: `Im(v^H g)`, column by column.
    pub(super) fn torque(b: &mut Builder, v: Value, gradient: Value) -> Result<Value, BuildError> {
        let rows = b.shape(v).rank() - 2;
        let conjugate = b.conj(v)?;
        let products = b.mul(conjugate, gradient)?;
        let imaginary = b.imag(products)?;
        b.sum_over(imaginary, &[rows])
    }

    /// The gradient by vectors before they turn back, out of the one behind it. `torque` is that of all vectors that turn along.
    pub(super) fn gradient(
        &self,
        b: &mut Builder,
        gradient: Value,
        torque: Value,
    ) -> Result<Value, BuildError> {
        let shape = b.shape(self.v);
        let ratio = b.div(torque, self.decisive)?;
        let ratio = b.times_i(ratio)?;
        let ratio = b.spread(ratio, &[self.rows], &shape)?;
        let at_decisive = b.zero_unless(self.mask, ratio)?;
        b.sub(gradient, at_decisive)
    }
}

fn sum_where(b: &mut Builder, mask: Value, x: Value, axis: usize) -> Result<Value, BuildError> {
    let kept = b.zero_unless(mask, x)?;
    b.sum_over(kept, &[axis])
}
