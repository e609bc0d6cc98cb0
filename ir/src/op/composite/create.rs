//! Tensors out of nothing, or out of scalars.

use smallvec::smallvec;

use super::build::wide_dtype;
use crate::op::primitive::CompareFn;
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Shape, TensorType, Value, attributes};

attributes! {
    /// A tensor with the same element everywhere: `T[] -> T[shape]`.
    pub struct Fill {
        /// Shape of the result.
        pub shape: Shape,
    }
}

impl CompositeDef for Fill {
    const NAME: &'static str = "fill";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, value: &[Value]) -> Result<Results, TypeError> {
        rule::require_scalar(&[b.tensor(value[0])], 0)?;
        Ok(smallvec![b.broadcast_in_dim(value[0], self.shape.clone(), [])?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Fill> {
        Sample::exact(Fill { shape: draw.shape(3) }, [Operand::any(TensorType::scalar(hint.dtype))])
    }
}

attributes! {
    /// A tensor of the type of `x` with 0 (or false) everywhere.
    pub struct ZerosLike {}
}

impl CompositeDef for ZerosLike {
    const NAME: &'static str = "zeros_like";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        Ok(smallvec![b.full_like(0.0, x[0])?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<ZerosLike> {
        Sample::exact(ZerosLike {}, [Operand::any(draw.like(hint, DTypeClass::Any, 0))])
    }
}

attributes! {
    /// A tensor of the type of `x` with 1 (or true) everywhere.
    pub struct OnesLike {}
}

impl CompositeDef for OnesLike {
    const NAME: &'static str = "ones_like";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        Ok(smallvec![b.full_like(1.0, x[0])?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<OnesLike> {
        Sample::exact(OnesLike {}, [Operand::any(draw.like(hint, DTypeClass::Any, 0))])
    }
}

attributes! {
    /// A matrix with ones on one diagonal and zeros elsewhere: `-> dtype[rows, columns]`.
    pub struct Eye {
        /// Dtype of the result, any.
        pub dtype: DType,
        /// Number of rows.
        pub rows: usize,
        /// Number of columns.
        pub columns: usize,
        /// Column minus row of the ones: 0 for the main diagonal. Beyond the matrix there are none.
        pub diagonal: i64,
    }
}

impl CompositeDef for Eye {
    const NAME: &'static str = "eye";
    const ARITY: Arity = Arity::Exact(0);

    fn expand(&self, b: &mut Builder, _operands: &[Value]) -> Result<Results, TypeError> {
        let shape = Shape::from([self.rows, self.columns]);
        let ones = b.diagonal_mask(&shape, CompareFn::Eq, self.diagonal)?;
        Ok(smallvec![b.convert(ones, self.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Eye> {
        let (rows, columns) = (draw.extent(), draw.extent());
        let diagonal = draw.choose(&[0, 1, -1, 3, i64::MIN, i64::MAX]);
        Sample::exact(Eye { dtype: hint.dtype, rows, columns, diagonal }, [])
    }
}

attributes! {
    /// `count` numbers at equal distances from `start` to `stop`, both included: `T[], T[] -> T[count]`. A single one is
    /// `start`. Counted from the nearer end, so that both ends are exact and the numbers lie symmetrically.
    pub struct Linspace {
        /// Number of points.
        pub count: usize,
    }
}

impl CompositeDef for Linspace {
    const NAME: &'static str = "linspace";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let dtype = scalar_pair(b, operands, DTypeClass::Float)?;
        let shape = Shape::from([self.count]);
        let [start, stop] = [b.widen(operands[0])?, b.widen(operands[1])?];
        // A span that overflows does not in halves.
        let span = b.sub(stop, start)?;
        let overflows = b.is_inf(span)?;
        let one = b.full_like(1.0, span)?;
        let [scale, back] = [b.number_where(overflows, 0.5, one)?, b.number_where(overflows, 2.0, one)?];
        let [start, stop] = [b.mul(start, scale)?, b.mul(stop, scale)?];
        let span = b.sub(stop, start)?;
        let step = b.div_number(span, self.count.saturating_sub(1).max(1) as f64)?;
        let [start, stop, step] =
            [b.broadcast_to(start, &shape)?, b.broadcast_to(stop, &shape)?, b.broadcast_to(step, &shape)?];
        let back = b.broadcast_to(back, &shape)?;
        let number = b.iota(wide_dtype(dtype), shape, 0usize)?;
        let from_start = b.mul(number, step)?;
        let from_start = b.add(start, from_start)?;
        let left = b.number_minus(self.count.saturating_sub(1) as f64, number)?;
        let from_stop = b.mul(left, step)?;
        let from_stop = b.sub(stop, from_stop)?;
        let near_start = b.full_like(self.count.div_ceil(2) as f64, number)?;
        let near_start = b.lt(number, near_start)?;
        let result = b.select(near_start, from_start, from_stop)?;
        let result = b.mul(result, back)?;
        Ok(smallvec![b.convert(result, dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Linspace> {
        let ty = TensorType::scalar(draw.dtype(hint.dtype, DTypeClass::Float));
        let op = Linspace { count: draw.extent() };
        Sample::epsilons(op, 8, [Operand::moderate(ty.clone()), Operand::moderate(ty)])
    }
}

attributes! {
    /// `start, start + step, start + 2 step, ..`, `count` numbers: `T[], T[] -> T[count]`. Integers wrap; floats are products,
    /// not running sums, so that errors do not add up.
    pub struct Range {
        /// Number of points.
        pub count: usize,
    }
}

impl CompositeDef for Range {
    const NAME: &'static str = "range";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let dtype = scalar_pair(b, operands, DTypeClass::Real)?;
        let shape = Shape::from([self.count]);
        let [start, step] = [b.widen(operands[0])?, b.widen(operands[1])?];
        let [start, step] = [b.broadcast_to(start, &shape)?, b.broadcast_to(step, &shape)?];
        let number = b.iota(wide_dtype(dtype), shape, 0usize)?;
        let distance = b.mul(number, step)?;
        let result = b.add(start, distance)?;
        Ok(smallvec![b.convert(result, dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Range> {
        let ty = TensorType::scalar(draw.dtype(hint.dtype, DTypeClass::Real));
        let op = Range { count: draw.extent() };
        Sample::epsilons(op, 8, [Operand::moderate(ty.clone()), Operand::moderate(ty)])
    }
}

/// The dtype of two scalars, which must be the same.
fn scalar_pair(b: &Builder, operands: &[Value], class: DTypeClass) -> Result<DType, TypeError> {
    let types = [b.tensor(operands[0]), b.tensor(operands[1])];
    rule::require_class(&types, 0, class)?;
    rule::require_scalar(&types, 0)?;
    rule::require_scalar(&types, 1)?;
    rule::same_dtype(&types, 0, 1)
}
