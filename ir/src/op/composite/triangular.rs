//! Triangles and diagonals of matrices. The last two axes are rows and columns, the others batch axes. Diagonals have
//! numbers: column minus row, so 0 is the main diagonal and positive ones are above it.

use smallvec::smallvec;

use super::build::other_axes;
use crate::op::attribute::{Axes, Offsets};
use crate::op::primitive::CompareFn;
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DTypeClass, Dim, Shape, TensorType, Value, attributes};

attributes! {
    /// The lower triangle: elements above the diagonal become 0. `T[.., m, n] -> T[.., m, n]`.
    pub struct Tril {
        /// The last diagonal that is kept.
        pub diagonal: i64,
    }
}

impl CompositeDef for Tril {
    const NAME: &'static str = "tril";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let shape = matrix_type(b, x[0])?.shape;
        let kept = b.diagonal_mask(&shape, CompareFn::Le, self.diagonal)?;
        Ok(smallvec![b.zero_unless(kept, x[0])?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Tril> {
        let ty = draw.like(hint, DTypeClass::Any, 2);
        Sample::exact(Tril { diagonal: draw_diagonal(draw) }, [Operand::any(ty)])
    }
}

attributes! {
    /// The upper triangle: elements below the diagonal become 0. `T[.., m, n] -> T[.., m, n]`.
    pub struct Triu {
        /// The first diagonal that is kept.
        pub diagonal: i64,
    }
}

impl CompositeDef for Triu {
    const NAME: &'static str = "triu";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let shape = matrix_type(b, x[0])?.shape;
        let kept = b.diagonal_mask(&shape, CompareFn::Ge, self.diagonal)?;
        Ok(smallvec![b.zero_unless(kept, x[0])?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Triu> {
        let ty = draw.like(hint, DTypeClass::Any, 2);
        Sample::exact(Triu { diagonal: draw_diagonal(draw) }, [Operand::any(ty)])
    }
}

attributes! {
    /// A band around the main diagonal: all other elements become 0. `T[.., m, n] -> T[.., m, n]`.
    pub struct BandPart {
        /// How many diagonals below the main one are kept; `none` for all.
        pub lower: Option<usize>,
        /// How many diagonals above the main one are kept; `none` for all.
        pub upper: Option<usize>,
    }
}

impl CompositeDef for BandPart {
    const NAME: &'static str = "band_part";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let shape = matrix_type(b, x[0])?.shape;
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let mut result = x[0];
        if let Some(lower) = self.lower {
            let kept = b.diagonal_mask(&shape, CompareFn::Ge, -count(lower))?;
            result = b.zero_unless(kept, result)?;
        }
        if let Some(upper) = self.upper {
            let kept = b.diagonal_mask(&shape, CompareFn::Le, count(upper))?;
            result = b.zero_unless(kept, result)?;
        }
        Ok(smallvec![result])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<BandPart> {
        let ty = draw.like(hint, DTypeClass::Any, 2);
        let mut width = || draw.choose(&[Some(1), None, Some(0), Some(usize::MAX)]);
        Sample::exact(BandPart { lower: width(), upper: width() }, [Operand::any(ty)])
    }
}

attributes! {
    /// Square matrices with the elements of `x` on one diagonal, 0 elsewhere: `T[.., n] -> T[.., n + |d|, n + |d|]`.
    pub struct Diag {
        /// Number of the diagonal, `d`.
        pub diagonal: i64,
    }
}

impl CompositeDef for Diag {
    const NAME: &'static str = "diag";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        let Some((&length, batch)) = ty.shape.split_last() else {
            return Err(TypeError::Other(format!("operand 0 must have an axis, found {ty}")));
        };
        let (row, column) = offsets(self.diagonal);
        let size = length.plus(Dim::known(row.max(column))).unwrap_or(Dim::known(usize::MAX));
        let shape: Shape = batch.iter().copied().chain([size, size]).collect();
        rule::one(ty.dtype, shape.clone())?;
        let spread = spread_diagonal(b, x[0], &shape, row, column)?;
        let mask = b.diagonal_mask(&shape, CompareFn::Eq, self.diagonal)?;
        Ok(smallvec![b.zero_unless(mask, spread)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Diag> {
        let ty = draw.like(hint, DTypeClass::Any, 1);
        Sample::exact(Diag { diagonal: draw.choose(&[0, 1, -2]) }, [Operand::any(ty)])
    }
}

attributes! {
    /// The elements of one diagonal: `T[.., m, n] -> T[.., k]`, with `k` the length of the diagonal, 0 if it is beyond the
    /// matrix.
    pub struct DiagPart {
        /// Number of the diagonal.
        pub diagonal: i64,
    }
}

impl CompositeDef for DiagPart {
    const NAME: &'static str = "diag_part";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let shape = matrix_type(b, x[0])?.shape;
        let (row, column, length) = diagonal_place(&shape, self.diagonal);
        Ok(smallvec![b.diagonal_of_last(x[0], row, column, length)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<DiagPart> {
        let ty = draw.like(hint, DTypeClass::Any, 2);
        Sample::exact(DiagPart { diagonal: draw_diagonal(draw) }, [Operand::any(ty)])
    }
}

attributes! {
    /// `x` with one diagonal replaced: `T[.., m, n], T[.., k] -> T[.., m, n]`, with `k` the length of the diagonal.
    pub struct SetDiag {
        /// Number of the diagonal.
        pub diagonal: i64,
    }
}

impl CompositeDef for SetDiag {
    const NAME: &'static str = "set_diag";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = matrix_type(b, operands[0])?;
        rule::same_dtype(&[b.tensor(operands[0]), b.tensor(operands[1])], 0, 1)?;
        let (row, column, length) = diagonal_place(&ty.shape, self.diagonal);
        let expected = diagonal_shape(&ty.shape, length);
        if b.shape(operands[1]) != expected {
            let what = "the shape of operand 1 and that of the diagonal".to_owned();
            return Err(TypeError::ShapeMismatch { what, left: b.shape(operands[1]), right: expected });
        }
        let spread = spread_diagonal(b, operands[1], &ty.shape, row, column)?;
        let mask = b.diagonal_mask(&ty.shape, CompareFn::Eq, self.diagonal)?;
        Ok(smallvec![b.select(mask, spread, operands[0])?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<SetDiag> {
        let ty = draw.like(hint, DTypeClass::Any, 2);
        let diagonal = draw_diagonal(draw);
        let (_, _, length) = diagonal_place(&ty.shape, diagonal);
        let part = ty.with_shape(diagonal_shape(&ty.shape, length));
        Sample::exact(SetDiag { diagonal }, [Operand::any(ty), Operand::any(part)])
    }
}

attributes! {
    /// The sum of one diagonal: `T[.., m, n] -> T[..]`.
    pub struct Trace {
        /// Number of the diagonal.
        pub diagonal: i64,
    }
}

impl CompositeDef for Trace {
    const NAME: &'static str = "trace";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = matrix_type(b, x[0])?;
        rule::require_class(&[&ty], 0, DTypeClass::Number)?;
        let (row, column, length) = diagonal_place(&ty.shape, self.diagonal);
        let part = b.diagonal_of_last(x[0], row, column, length)?;
        Ok(smallvec![b.sum_over(part, &[ty.rank() - 2])?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Trace> {
        let ty = draw.like(hint, DTypeClass::Number, 2);
        Sample::epsilons(Trace { diagonal: draw_diagonal(draw) }, 64, [Operand::moderate(ty)])
    }
}

fn draw_diagonal(draw: &mut Draw<'_>) -> i64 {
    draw.choose(&[0, 1, -1, 3, -2, i64::MAX, i64::MIN])
}

/// The type of an operand that must have rows and columns.
fn matrix_type(b: &Builder, x: Value) -> Result<TensorType, TypeError> {
    let ty = b.type_of(x);
    if ty.rank() >= 2 {
        Ok(ty)
    } else {
        Err(TypeError::Other(format!("operand 0 must have rows and columns, found {ty}")))
    }
}

/// Row and column where a diagonal starts.
fn offsets(diagonal: i64) -> (usize, usize) {
    let distance = usize::try_from(diagonal.unsigned_abs()).unwrap_or(usize::MAX);
    if diagonal < 0 { (distance, 0) } else { (0, distance) }
}

/// Row and column where a diagonal of the last two axes starts, and its length; an empty one starts at the first element.
fn diagonal_place(shape: &Shape, diagonal: i64) -> (usize, usize, usize) {
    let (rows, columns) = (shape.size(shape.rank() - 2), shape.size(shape.rank() - 1));
    let (row, column) = offsets(diagonal);
    let length = rows.saturating_sub(row).min(columns.saturating_sub(column));
    if length == 0 { (0, 0, 0) } else { (row, column, length) }
}

fn diagonal_shape(matrix: &Shape, length: usize) -> Shape {
    matrix[..matrix.rank() - 2].iter().copied().chain([Dim::known(length)]).collect()
}

/// Matrices of `shape` all of whose rows have the diagonal's elements in the columns they belong to.
fn spread_diagonal(
    b: &mut Builder,
    diagonal: Value,
    shape: &Shape,
    row: usize,
    column: usize,
) -> Result<Value, TypeError> {
    let ty = b.type_of(diagonal);
    let (last, columns) = (ty.rank() - 1, shape.size(shape.rank() - 1));
    let rest = columns.saturating_sub(ty.shape.size(last)).saturating_sub(column);
    let mut padded = diagonal;
    // An element's column minus its place on the diagonal is the column of the first, whatever row that is in.
    debug_assert!(row == 0 || column == 0);
    if column + rest > 0 {
        let zero = b.scalar(crate::Scalar::zero(ty.dtype));
        let mut low = Offsets::from_elem(0, ty.rank());
        let mut high = low.clone();
        (low[last], high[last]) = (column as i64, rest as i64);
        padded = b.pad(diagonal, zero, low, high, Axes::from_elem(0, ty.rank()))?;
    }
    Ok(b.broadcast_in_dim(padded, shape.clone(), other_axes(shape.rank(), &[shape.rank() - 2]))?)
}
