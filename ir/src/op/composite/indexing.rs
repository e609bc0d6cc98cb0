//! Reading at computed indices, and the opposite, one-hot vectors. Indices are of any integer dtype; those out of range are clamped into it, as in
//! `gather`.

use smallvec::smallvec;

use crate::op::attribute::Axes;
use crate::op::primitive::{Gather, Scatter, ScatterKind};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Dim, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// The slices of `x` at `indices` along `axis`: `T[a.., n, b..], I[i..] -> T[a.., i.., b..]`.
    pub struct Take {
        /// The axis that is indexed.
        pub axis: usize,
    }
}

impl CompositeDef for Take {
    const NAME: &'static str = "take";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (x, indices) = index_pair(b, operands)?;
        rule::check_axis(self.axis, x.rank())?;
        Ok(smallvec![take(b, operands[0], indices, self.axis)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Take> {
        let x = nonempty(draw.like(hint, DTypeClass::Any, 1));
        let axis = draw.axis(x.rank());
        let rank = if x.elements() > 512 { 0 } else { draw.below(3) };
        let shape: Shape = (0..rank).map(|_| draw.extent().min(4)).collect();
        let indices = draw_indices(draw, shape, x.shape.size(axis));
        Sample::exact(Take { axis }, [Operand::any(x), indices])
    }
}

attributes! {
    /// One element of `x` for each index, at the index's own place along all axes but `axis`:
    /// `T[a.., n, b..], I[a.., m, b..] -> T[a.., m, b..]`.
    pub struct TakeAlongAxis {
        /// The axis that is indexed.
        pub axis: usize,
    }
}

impl CompositeDef for TakeAlongAxis {
    const NAME: &'static str = "take_along_axis";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (x, places) = index_pair(b, operands)?;
        let indices = b.type_of(places);
        rule::check_axis(self.axis, x.rank())?;
        if indices.rank() != x.rank() || indices.shape.with_dim(self.axis, x.shape[self.axis]) != x.shape {
            let what = format!("shapes of operands 0 and 1 apart from axis {}", self.axis);
            return Err(TypeError::ShapeMismatch { what, left: x.shape, right: indices.shape });
        }
        let op = Gather::along_axis(x.rank(), self.axis);
        let vectors = index_vectors(b, places)?;
        Ok(smallvec![gather(b, op, operands[0], vectors, &indices.shape)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<TakeAlongAxis> {
        let x = nonempty(draw.like(hint, DTypeClass::Any, 1));
        let axis = draw.axis(x.rank());
        let count = if x.elements() > 512 { 1 } else { draw.extent() };
        let indices = draw_indices(draw, x.shape.with_dim(axis, Dim::known(count)), x.shape.size(axis));
        Sample::exact(TakeAlongAxis { axis }, [Operand::any(x), indices])
    }
}

attributes! {
    /// The slices of `x` at index vectors: `T[b.., d.., r..], I[b.., g.., k] -> T[b.., g.., r..]`, where `b` has `batch_dims`
    /// axes and `d` has `k` (TensorFlow's `gather_nd`).
    pub struct GatherNd {
        /// How many leading axes go together.
        pub batch_dims: usize,
    }
}

impl CompositeDef for GatherNd {
    const NAME: &'static str = "gather_nd";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (x, vectors) = index_pair(b, operands)?;
        let (indices, batch) = (b.type_of(vectors), self.batch_dims);
        let Some((depth, positions)) = indices.shape.split_last() else {
            return Err(TypeError::Other(
                "operand 1 must have an axis of index vectors, found a scalar".to_owned(),
            ));
        };
        if batch > positions.len() || batch.checked_add(depth.size()).is_none_or(|n| n > x.rank()) {
            let reason =
                format!("{batch} and index vectors of {depth} numbers are too many for {x} and {indices}");
            return Err(TypeError::attribute("batch_dims", reason));
        }
        if x.shape[..batch] != positions[..batch] {
            let what = format!("the first {batch} extents of operands 0 and 1");
            return Err(TypeError::ShapeMismatch { what, left: x.shape, right: indices.shape });
        }
        let rest = batch + depth.size();
        let mut sizes: Axes = x.shape.sizes();
        sizes[..rest].fill(1);
        let op = Gather {
            offset_axes: (positions.len()..positions.len() + x.rank() - rest).collect(),
            collapsed: (batch..rest).collect(),
            batch: (0..batch).collect(),
            index_batch: (0..batch).collect(),
            indexed: (batch..rest).collect(),
            sizes,
        };
        let result: Shape = positions.iter().chain(&x.shape[rest..]).copied().collect();
        Ok(smallvec![gather(b, op, operands[0], vectors, &result)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<GatherNd> {
        let x = nonempty(draw.like(hint, DTypeClass::Any, 1));
        let batch_dims = draw.below(x.rank());
        let depth = draw.below(x.rank() - batch_dims + 1);
        let mut dims: Vec<Dim> = x.shape[..batch_dims].to_vec();
        if draw.flip() && x.elements() <= 512 {
            dims.push(Dim::known(draw.extent().min(4)));
        }
        dims.push(Dim::known(depth));
        let indices = draw_indices(draw, Shape::from_iter(dims), 3);
        Sample::exact(GatherNd { batch_dims }, [Operand::any(x), indices])
    }
}

attributes! {
    /// Rows of a table: `T[v, d], I[i..] -> T[i.., d]`.
    pub struct Embedding {}
}

impl CompositeDef for Embedding {
    const NAME: &'static str = "embedding";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (table, indices) = index_pair(b, operands)?;
        if table.rank() != 2 {
            return Err(TypeError::Other(format!("operand 0 must have rows and columns, found {table}")));
        }
        Ok(smallvec![take(b, operands[0], indices, 0)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Embedding> {
        let shape = [draw.extent().max(1), draw.extent()];
        let ids: Shape = (0..draw.below(3)).map(|_| draw.extent().min(4)).collect();
        let indices = draw_indices(draw, ids, shape[0]);
        Sample::exact(Embedding {}, [Operand::any(TensorType::new(hint.dtype, shape)), indices])
    }
}

attributes! {
    /// Vectors with 1 at the index and 0 elsewhere, along a new axis: `I[a.., b..] -> dtype[a.., depth, b..]`. An index out
    /// of range gives zeros.
    pub struct OneHot {
        /// Extent of the new axis.
        pub depth: usize,
        /// The new axis of the result.
        pub axis: usize,
        /// Dtype of the result, any.
        pub dtype: DType,
    }
}

impl CompositeDef for OneHot {
    const NAME: &'static str = "one_hot";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, indices: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(indices[0]);
        rule::require_class(&[&ty], 0, DTypeClass::Int)?;
        rule::check_axis(self.axis, ty.rank() + 1)?;
        let hot = one_hot(b, indices[0], self.axis, Dim::known(self.depth))?;
        Ok(smallvec![b.convert(hot, self.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<OneHot> {
        let ty = draw.like(hint, DTypeClass::Int, 0);
        let axis = draw.below(ty.rank() + 1);
        let depth = if ty.elements() > 512 { 1 } else { draw.extent() };
        let dtype = draw.choose(&[DType::F32, DType::Bool, DType::I64, DType::BF16]);
        Sample::exact(OneHot { depth, axis, dtype }, [Operand::new(ty, Values::Index(depth))])
    }
}

/// `indices` along a new axis compared with the numbers `0..depth`: true at the index.
pub(super) fn one_hot(b: &mut Builder, indices: Value, axis: usize, depth: Dim) -> Result<Value, TypeError> {
    let from = b.type_of(indices);
    let (before, after) = from.shape.split_at(axis);
    let shape: Shape = before.iter().chain([&depth]).chain(after).copied().collect();
    rule::one(DType::Bool, shape.clone())?;
    // A dtype too narrow for all numbers would count from the start again.
    let narrow = depth.size() as i128 - 1 > Scalar::highest(from.dtype).to_i128();
    let indices = if narrow { b.convert(indices, DType::I64)? } else { indices };
    let number = b.iota(b.tensor(indices).dtype, shape.clone(), axis)?;
    let indices = b.spread(indices, &[axis], &shape)?;
    Ok(b.eq(indices, number)?)
}

/// The type of a tensor, and indices into it, in a dtype in which they are read.
fn index_pair(b: &mut Builder, operands: &[Value]) -> Result<(TensorType, Value), TypeError> {
    let types = [b.type_of(operands[0]), b.type_of(operands[1])];
    let dtype = rule::require_class(&[&types[0], &types[1]], 1, DTypeClass::Int)?;
    let indices =
        if DTypeClass::Index.contains(dtype) { operands[1] } else { b.cast(operands[1], DType::I32)? };
    let [x, _] = types;
    Ok((x, indices))
}

/// The definition of [`Take`].
pub(super) fn take(b: &mut Builder, x: Value, indices: Value, axis: usize) -> Result<Value, TypeError> {
    let (shape, positions) = (b.shape(x), b.shape(indices));
    let after = axis + 1..shape.rank();
    let op = Gather {
        offset_axes: (0..axis).chain(after.clone().map(|a| a - 1 + positions.rank())).collect(),
        collapsed: smallvec![axis],
        batch: Axes::new(),
        index_batch: Axes::new(),
        indexed: smallvec![axis],
        sizes: shape.with_dim(axis, Dim::ONE).sizes(),
    };
    let result: Shape = shape[..axis].iter().chain(positions.iter()).chain(&shape[after]).copied().collect();
    let vectors = index_vectors(b, indices)?;
    gather(b, op, x, vectors, &result)
}

/// `x` with `slices` joined to its slices along axis 0 by their numbers: the opposite of [`take`]. Those whose number is out of range are left out.
pub(super) fn scatter_slices(
    b: &mut Builder,
    kind: ScatterKind,
    x: Value,
    numbers: Value,
    slices: Value,
) -> Result<Value, TypeError> {
    let vectors = index_vectors(b, numbers)?;
    let scatter = Scatter {
        kind,
        offset_axes: (1..b.shape(x).rank()).collect(),
        collapsed: smallvec![0],
        batch: Axes::new(),
        index_batch: Axes::new(),
        indexed: smallvec![0],
    };
    Ok(b.push_one(scatter, &[x, vectors, slices])?)
}

/// Indices as vectors of one number.
fn index_vectors(b: &mut Builder, indices: Value) -> Result<Value, TypeError> {
    let shape: Shape = b.shape(indices).iter().copied().chain([Dim::ONE]).collect();
    Ok(b.reshape(indices, shape)?)
}

/// The gather, unless there is nothing to read: from an axis without elements, nothing can be.
fn gather(b: &mut Builder, op: Gather, x: Value, vectors: Value, result: &Shape) -> Result<Value, TypeError> {
    let ty = b.type_of(x);
    if let Some(&axis) = op.indexed.iter().find(|&&axis| ty.shape.size(axis) == 0) {
        if result.elements() != 0 {
            return Err(TypeError::Other(format!("axis {axis} of operand 0 has no elements to read")));
        }
        rule::one(ty.dtype, result.clone())?;
        return Ok(b.reshape(x, result.clone())?);
    }
    Ok(b.push_one(op, &[x, vectors])?)
}

/// The type with at least one element along each axis.
fn nonempty(ty: TensorType) -> TensorType {
    let sizes: Vec<usize> = ty.shape.sizes().iter().map(|&n| n.max(1)).collect();
    ty.with_shape(sizes)
}

fn draw_indices(draw: &mut Draw<'_>, shape: Shape, bound: usize) -> Operand {
    let dtype = draw.choose(&[DType::I32, DType::I64, DType::U32, DType::U64, DType::I16]);
    Operand::new(TensorType { dtype, shape }, Values::Index(bound))
}
