//! Products of tensors, all defined by `dot_general`.

use smallvec::smallvec;

use super::build::other_axes;
use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::primitive::DotGeneral;
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DTypeClass, Dim, Shape, TensorType, Value, attributes};

attributes! {
    /// The matrix product, by NumPy's rules: `T[b.., m, k], T[c.., k, n] -> T[d.., m, n]`, where `d` is what `b` and `c`
    /// broadcast to. An operand with one axis is a row vector on the left, a column vector on the right, and its axis of
    /// one element is not in the result: `[k], [k] -> []`, `[k], [c.., k, n] -> [c.., n]`, `[b.., m, k], [k] -> [b.., m]`.
    pub struct Matmul {}
}

impl CompositeDef for Matmul {
    const NAME: &'static str = "matmul";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (lhs, rhs) = number_pair(b, operands)?;
        for (operand, ty) in [(0, &lhs), (1, &rhs)] {
            if ty.rank() == 0 {
                return Err(TypeError::Other(format!("operand {operand} must have an axis, found {ty}")));
            }
        }
        let (k_left, k_right) = (lhs.rank() - 1, rhs.rank().saturating_sub(2));
        if lhs.shape[k_left] != rhs.shape[k_right] {
            let what = format!("extents of lhs axis {k_left} and rhs axis {k_right}");
            return Err(TypeError::ShapeMismatch { what, left: lhs.shape, right: rhs.shape });
        }
        let result = match rhs.rank() {
            1 | 2 => contract(b, operands[0], operands[1], &[k_left], &[0])?,
            _ if lhs.rank() == 1 => contract(b, operands[0], operands[1], &[0], &[k_right])?,
            _ => batched(b, operands[0], operands[1], 2)?,
        };
        Ok(smallvec![result])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Matmul> {
        let lhs = draw.like(hint, DTypeClass::Number, 1);
        let k = lhs.shape[lhs.rank() - 1];
        let mut rhs: Vec<Dim> = vec![k];
        if draw.below(4) != 1 {
            rhs.push(Dim::known(draw.extent()));
            let batch = &lhs.shape[..lhs.rank().saturating_sub(2)];
            let shared = draw.below(batch.len() + 1);
            for &dim in batch[batch.len() - shared..].iter().rev() {
                rhs.insert(0, if draw.flip() { Dim::ONE } else { dim });
            }
        }
        sample_product(Matmul {}, lhs.clone(), lhs.with_shape(Shape::from_iter(rhs)))
    }
}

attributes! {
    /// Products of matrices with vectors: `T[b.., m, k], T[c.., k] -> T[d.., m]`, where `d` is what `b` and `c` broadcast to.
    pub struct Matvec {}
}

impl CompositeDef for Matvec {
    const NAME: &'static str = "matvec";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (matrix, vector) = number_pair(b, operands)?;
        if matrix.rank() < 2 || vector.rank() < 1 {
            return Err(TypeError::Other(format!("takes matrices and vectors, found {matrix} and {vector}")));
        }
        let (k_left, k_right) = (matrix.rank() - 1, vector.rank() - 1);
        if matrix.shape[k_left] != vector.shape[k_right] {
            let what = format!("extents of matrix axis {k_left} and vector axis {k_right}");
            return Err(TypeError::ShapeMismatch { what, left: matrix.shape, right: vector.shape });
        }
        let result = match vector.rank() {
            1 => contract(b, operands[0], operands[1], &[k_left], &[0])?,
            _ => batched(b, operands[0], operands[1], 1)?,
        };
        Ok(smallvec![result])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Matvec> {
        let matrix = draw.like(hint, DTypeClass::Number, 2);
        let rank = matrix.rank();
        let from = draw.choose(&[rank - 2, 0]);
        let dims = matrix.shape[from..rank - 2].iter().chain([&matrix.shape[rank - 1]]);
        let vector = matrix.with_shape(dims.copied().collect::<Shape>());
        sample_product(Matvec {}, matrix, vector)
    }
}

attributes! {
    /// All products of an element of `lhs` and an element of `rhs`: `T[s..], T[t..] -> T[s.., t..]`.
    pub struct Outer {}
}

impl CompositeDef for Outer {
    const NAME: &'static str = "outer";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (lhs, rhs) = number_pair(b, operands)?;
        let shape: Shape = lhs.shape.iter().chain(rhs.shape.iter()).copied().collect();
        let left = b.broadcast_in_dim(operands[0], shape.clone(), (0..lhs.rank()).collect::<Axes>())?;
        let right_axes: Axes = (lhs.rank()..shape.rank()).collect();
        let right = b.broadcast_in_dim(operands[1], shape, right_axes)?;
        Ok(smallvec![b.mul(left, right)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Outer> {
        let lhs = draw.like(hint, DTypeClass::Number, 0);
        let rank = if lhs.elements() > 256 { 0 } else { draw.below(3) };
        let rhs = lhs.with_shape((0..rank).map(|_| draw.extent().min(4)).collect::<Shape>());
        Sample::exact(Outer {}, [Operand::any(lhs), Operand::any(rhs)])
    }
}

attributes! {
    /// The sum of products over pairs of axes: `lhs_axes[i]` of `lhs` with `rhs_axes[i]` of `rhs`. The result has the other
    /// axes of `lhs`, then the other axes of `rhs`.
    pub struct Tensordot {
        /// Axes of `lhs` to sum over, distinct.
        pub lhs_axes: Axes,
        /// Their partners in `rhs`, in the same order.
        pub rhs_axes: Axes,
    }
}

impl CompositeDef for Tensordot {
    const NAME: &'static str = "tensordot";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (lhs, rhs) = number_pair(b, operands)?;
        rule::check_axes(&self.lhs_axes, lhs.rank())?;
        rule::check_axes(&self.rhs_axes, rhs.rank())?;
        if self.lhs_axes.len() != self.rhs_axes.len() {
            let reason = format!("{} axes to go with {} of lhs", self.rhs_axes.len(), self.lhs_axes.len());
            return Err(TypeError::attribute("rhs_axes", reason));
        }
        let mut pairs = self.lhs_axes.iter().zip(&self.rhs_axes);
        if let Some((l, r)) = pairs.find(|&(&l, &r)| lhs.shape[l] != rhs.shape[r]) {
            let what = format!("extents of lhs axis {l} and rhs axis {r}");
            return Err(TypeError::ShapeMismatch { what, left: lhs.shape, right: rhs.shape });
        }
        Ok(smallvec![contract(b, operands[0], operands[1], &self.lhs_axes, &self.rhs_axes)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Tensordot> {
        let lhs = draw.like(hint, DTypeClass::Number, 0);
        let lhs_axes = draw.axes(lhs.rank(), 0);
        let mut dims: Vec<Dim> = lhs_axes.iter().map(|&axis| lhs.shape[axis]).collect();
        let mut rhs_axes: Axes = (0..dims.len()).collect();
        if draw.flip() && lhs.elements() < 1024 {
            dims.insert(0, Dim::known(draw.extent().min(4)));
            rhs_axes.iter_mut().for_each(|axis| *axis += 1);
        }
        let rhs = lhs.with_shape(Shape::from_iter(dims));
        sample_product(Tensordot { lhs_axes, rhs_axes }, lhs, rhs)
    }
}

/// TensorTypes of two operands that must be numbers of the same dtype.
fn number_pair(b: &Builder, operands: &[Value]) -> Result<(TensorType, TensorType), TypeError> {
    let types = [b.tensor(operands[0]), b.tensor(operands[1])];
    rule::require_class(&types, 0, DTypeClass::Number)?;
    rule::same_dtype(&types, 0, 1)?;
    Ok((types[0].clone(), types[1].clone()))
}

/// The product summed over pairs of axes, without batch axes.
pub(super) fn contract(
    b: &mut Builder,
    lhs: Value,
    rhs: Value,
    lhs_axes: &[usize],
    rhs_axes: &[usize],
) -> Result<Value, BuildError> {
    let dtype = b.tensor(lhs).dtype;
    let op = DotGeneral {
        lhs_batch: Axes::new(),
        rhs_batch: Axes::new(),
        lhs_contract: lhs_axes.into(),
        rhs_contract: rhs_axes.into(),
        dtype,
    };
    b.push_one(op, &[lhs, rhs])
}

/// The product summed over the last axis of `lhs` and the first of the last `tail` axes of `rhs`. The axes before the last
/// two of `lhs` and the last `tail` of `rhs` are batch axes, which broadcast.
fn batched(b: &mut Builder, lhs: Value, rhs: Value, tail: usize) -> Result<Value, TypeError> {
    let (left, right) = (b.shape(lhs), b.shape(rhs));
    let (left_batch, left_tail) = left.split_at(left.rank() - 2);
    let (right_batch, right_tail) = right.split_at(right.rank() - tail);
    let [left_batch, right_batch]: [Shape; 2] =
        [left_batch, right_batch].map(|dims| dims.iter().copied().collect());
    let batch = left_batch.broadcast(&right_batch).ok_or_else(|| {
        let what = "batch axes of the operands".to_owned();
        TypeError::ShapeMismatch { what, left: left_batch.clone(), right: right_batch.clone() }
    })?;
    let with_tail = |tail: &[Dim]| batch.iter().chain(tail).copied().collect::<Shape>();
    let (left, right) = (with_tail(left_tail), with_tail(right_tail));
    let (lhs, rhs) = (b.broadcast_to(lhs, &left)?, b.broadcast_to(rhs, &right)?);
    let axes: Axes = (0..batch.rank()).collect();
    let op = DotGeneral {
        lhs_batch: axes.clone(),
        rhs_batch: axes,
        lhs_contract: smallvec![batch.rank() + 1],
        rhs_contract: smallvec![batch.rank()],
        dtype: b.tensor(lhs).dtype,
    };
    Ok(b.push_one(op, &[lhs, rhs])?)
}

fn sample_product<T>(op: T, lhs: TensorType, rhs: TensorType) -> Sample<T> {
    if lhs.dtype.is_differentiable() {
        Sample::epsilons(op, 64, [Operand::moderate(lhs), Operand::moderate(rhs)])
    } else {
        Sample::exact(op, [Operand::any(lhs), Operand::any(rhs)])
    }
}

/// The diagonal of axes `first` and `second`, of the same extent, as the last axis. No element is looked at that is not in
/// the result: the two axes become one, in which neighbours on the diagonal are `extent + 1` apart.
pub(super) fn diagonal(b: &mut Builder, x: Value, first: usize, second: usize) -> Result<Value, BuildError> {
    let shape = b.shape(x);
    let kept = other_axes(shape.rank(), &[first, second]);
    let order: Axes = kept.iter().copied().chain([first, second]).collect();
    let moved = if order.is_sorted() { x } else { b.transpose(x, order)? };
    b.diagonal_of_last(moved, 0, 0, shape.size(first))
}

attributes! {
    /// The Kronecker product: `T[m.., n], T[p.., q] -> T[mp.., nq]`, each element of `lhs` times all of `rhs`. An operand of
    /// lower rank has axes of extent 1 in front.
    pub struct Kron {}
}

impl CompositeDef for Kron {
    const NAME: &'static str = "kron";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (lhs, rhs) = number_pair(b, operands)?;
        let rank = lhs.rank().max(rhs.rank());
        let extents = |ty: &TensorType| -> Vec<Dim> {
            std::iter::repeat_n(Dim::ONE, rank - ty.rank()).chain(ty.shape.iter().copied()).collect()
        };
        let (left, right) = (extents(&lhs), extents(&rhs));
        let result: Shape =
            left.iter().zip(&right).map(|(l, r)| l.times(*r).unwrap_or(Dim::known(usize::MAX))).collect();
        rule::one(lhs.dtype, result.clone())?;
        // Each axis is one of `lhs` and one of `rhs`, which are merged afterwards.
        let all: Shape = left.iter().zip(&right).flat_map(|(&l, &r)| [l, r]).collect();
        let axes = |ty: &TensorType, side: usize| -> Axes {
            (rank - ty.rank()..rank).map(|axis| 2 * axis + side).collect()
        };
        let lhs = b.broadcast_in_dim(operands[0], all.clone(), axes(&lhs, 0))?;
        let rhs = b.broadcast_in_dim(operands[1], all, axes(&rhs, 1))?;
        let product = b.mul(lhs, rhs)?;
        Ok(smallvec![b.reshape(product, result)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Kron> {
        let lhs = draw.like(hint, DTypeClass::Number, 0);
        let rank = draw.below(3);
        let small = lhs.elements() <= 256;
        let rhs: Shape = (0..rank).map(|_| if small { draw.choose(&[2usize, 1, 3]) } else { 1 }).collect();
        sample_product(Kron {}, lhs.clone(), lhs.with_shape(rhs))
    }
}

attributes! {
    /// The cross product of vectors of three along `axis`: `T[.., 3, ..], T[.., 3, ..] -> T[.., 3, ..]`, numbers.
    pub struct Cross {
        /// The axis of the vectors' components.
        pub axis: usize,
    }
}

impl CompositeDef for Cross {
    const NAME: &'static str = "cross";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = super::elementwise::same_types(b, operands, DTypeClass::Number)?;
        if ty.shape.size(rule::check_axis(self.axis, ty.rank())?) != 3 {
            return Err(TypeError::Other(format!("axis {} must have extent 3, found {ty}", self.axis)));
        }
        let component = |b: &mut Builder, operand: usize, at: usize| {
            b.section(operands[operand], self.axis, at % 3, at % 3 + 1)
        };
        let mut parts = Vec::new();
        for i in 0..3 {
            let (left, right) = (component(b, 0, i + 1)?, component(b, 1, i + 2)?);
            let plus = b.mul(left, right)?;
            let (left, right) = (component(b, 0, i + 2)?, component(b, 1, i + 1)?);
            let minus = b.mul(left, right)?;
            parts.push(b.sub(plus, minus)?);
        }
        Ok(smallvec![b.concat(&parts, self.axis)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Cross> {
        let ty = draw.like(hint, DTypeClass::Number, 1);
        let axis = draw.axis(ty.rank());
        let ty = ty.with_shape(ty.shape.with_dim(axis, Dim::known(3)));
        sample_product(Cross { axis }, ty.clone(), ty)
    }
}
