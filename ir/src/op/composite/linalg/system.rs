//! Systems of equations.

use smallvec::smallvec;

use super::{identity_like, sample_matrices, size, square_type};
use crate::op::composite::build::other_axes;
use crate::op::primitive::{Diagonal, Matrices, Side, Triangle, Turned};
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, Dim, Shape, TensorType, Value, attributes};

attributes! {
    /// The solution `x` of `a x = b`: `T[.., n, n], T[.., n, k] -> T[.., n, k]`, or `T[.., n, n], T[n] -> T[.., n]`; batch axes broadcast.
    pub struct Solve {}
}

impl CompositeDef for Solve {
    const NAME: &'static str = "solve";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        with_system(b, operands, |b, a, right| Ok(b.linear_solve(a, right, Turned::No)?))
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Solve> {
        let operands = sample_system(draw, hint);
        Sample::epsilons(Solve {}, 64, operands)
    }
}

attributes! {
    /// The solution `x` of `l l^H x = b`, with the Cholesky factor `l` in the lower triangle: types as of [`Solve`].
    pub struct CholeskySolve {}
}

impl CompositeDef for CholeskySolve {
    const NAME: &'static str = "cholesky_solve";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        with_system(b, operands, |b, l, right| {
            let conjugate = b.conjugate(l)?;
            let mut solve = |l, right, turned| {
                b.triangular_solve(l, right, Side::Left, Triangle::Lower, turned, Diagonal::Stored)
            };
            let middle = solve(l, right, Turned::No)?;
            Ok(solve(conjugate, middle, Turned::Yes)?)
        })
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<CholeskySolve> {
        let operands = sample_system(draw, hint);
        Sample::epsilons(CholeskySolve {}, 64, operands)
    }
}

/// Solves with operands of one batch shape, the right-hand side as columns.
fn with_system(
    b: &mut Builder,
    operands: &[Value],
    solve: impl FnOnce(&mut Builder, Value, Value) -> Result<Value, TypeError>,
) -> Result<Results, TypeError> {
    let (a, right) = (square_type(b, operands, 0)?, b.type_of(operands[1]));
    rule::same_dtype(&[&a, &right], 0, 1)?;
    let is_vector = right.rank() == 1;
    let columns = if is_vector { b.expand_dims(operands[1], [1])? } else { operands[1] };
    let shape = b.shape(columns);
    let fits = shape.rank() >= 2 && shape[shape.rank() - 2] == a.shape[a.rank() - 1];
    let batch = |shape: &Shape| shape[..shape.rank() - 2].iter().copied().collect::<Shape>();
    let common = if fits { batch(&a.shape).broadcast(&batch(&shape)) } else { None };
    let Some(common) = common else {
        let what = "batch axes, and columns of operand 0 and rows of operand 1,".to_owned();
        return Err(TypeError::ShapeMismatch { what, left: a.shape, right: right.shape });
    };
    let with = |shape: &Shape| common.iter().chain(&shape[shape.rank() - 2..]).copied().collect::<Shape>();
    let (a_shape, right_shape) = (with(&a.shape), with(&shape));
    let left = b.broadcast_to(operands[0], &a_shape)?;
    let columns = b.broadcast_to(columns, &right_shape)?;
    let x = solve(b, left, columns)?;
    Ok(smallvec![if is_vector { b.squeeze(x, [right_shape.rank() - 1])? } else { x }])
}

/// Square matrices, and a right-hand side with the same batch axes, fewer, or as a vector.
fn sample_system(draw: &mut Draw<'_>, hint: &TensorType) -> [Operand; 2] {
    let (ty, a) = sample_matrices(draw, hint, |_, n| (n, n));
    let n = ty.shape[ty.rank() - 1];
    let columns = Dim::known(draw.choose(&[1, 2, 0, 3]));
    let batch = &ty.shape[..ty.rank() - 2];
    let right: Shape = match draw.below(3) {
        0 => batch.iter().copied().chain([n, columns]).collect(),
        1 => [n, columns].into_iter().collect(),
        _ => [n].into_iter().collect(),
    };
    [a, Operand::moderate(ty.with_shape(right))]
}

attributes! {
    /// Triangular factors of matrices with permuted rows: `T[.., m, n] -> i32[.., m], T[.., m, k], T[.., k, n]`, with `k` the lesser of `m` and `n`.
    ///
    /// The results are `permutation`, `l`, with ones on its diagonal, and `u`: rows `permutation` of `x` are `l u`.
    pub struct Lu {}
}

impl CompositeDef for Lu {
    const NAME: &'static str = "lu";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = super::matrices_type(b, x, 0)?;
        let ((m, n), rank) = (size(&ty.shape), ty.rank());
        let k = m.min(n);
        let factors = b.lu_factor(x[0])?;
        let left = b.section(factors[0], rank - 1, 0, k)?;
        let below = b.tril(left, -1)?;
        let ones = b.eye(ty.dtype, m, k, 0)?;
        let ones = b.broadcast_to(ones, &b.shape(below))?;
        let l = b.add(below, ones)?;
        let above = b.section(factors[0], rank - 2, 0, k)?;
        Ok(smallvec![factors[1], l, b.triu(above, 0)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Lu> {
        let (_, x) = sample_matrices(draw, hint, |m, n| (m, n));
        Sample::epsilons(Lu {}, 64, [x])
    }
}

attributes! {
    /// The solution `x` of the Sylvester equation `a x + x b = c`: `T[.., m, m], T[.., n, n], T[.., m, n] -> T[.., m, n]`.
    ///
    /// By one system of `m n` unknowns, which takes `(m n)^3` operations: for small matrices. No sum of an eigenvalue of `a` and one of `b` may be 0.
    pub struct SylvesterSolve {}
}

impl CompositeDef for SylvesterSolve {
    const NAME: &'static str = "sylvester_solve";
    const ARITY: Arity = Arity::Exact(3);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let types: Vec<TensorType> = operands.iter().map(|&x| b.type_of(x)).collect();
        let types: Vec<&TensorType> = types.iter().collect();
        let (left, right) = (Matrices::square(&types, 0)?, Matrices::square(&types, 1)?);
        rule::same_dtype(&types, 0, 1)?;
        rule::same_dtype(&types, 0, 2)?;
        let expected = left.with(&[left.rows, right.rows])?;
        if left.batch != right.batch || expected.shape != types[2].shape {
            let what = "the shape of operand 2, and what operands 0 and 1 ask for,".to_owned();
            return Err(TypeError::ShapeMismatch {
                what,
                left: types[2].shape.clone(),
                right: expected.shape,
            });
        }
        // The system's matrix has a row for each element (i, j) of the result, and a column for each (k, l).
        let (m, n, rank) = (left.rows, right.rows, types[0].rank());
        let cube = left.with(&[m, n, m, n])?.shape;
        let all = rank + 2;
        let spread = |b: &mut Builder, x: Value, axes: [usize; 2]| {
            let missing: Vec<usize> = (rank - 2..all).filter(|axis| !axes.contains(axis)).collect();
            b.broadcast_in_dim(x, cube.clone(), other_axes(all, &missing))
        };
        let (i, j, k, l) = (rank - 2, rank - 1, rank, rank + 1);
        let turned = b.swapped(operands[1])?;
        let (one, other) = (spread(b, operands[0], [i, k])?, spread(b, turned, [j, l])?);
        let (ones_m, ones_n) = (identity_like(b, operands[0])?, identity_like(b, operands[1])?);
        let (ones_m, ones_n) = (spread(b, ones_m, [i, k])?, spread(b, ones_n, [j, l])?);
        let (one, other) = (b.mul(one, ones_n)?, b.mul(other, ones_m)?);
        let sum = b.add(one, other)?;
        let unknowns = rule::product(&[m, n]).unwrap_or(Dim::known(usize::MAX));
        let system = b.reshape(sum, left.with(&[unknowns, unknowns])?.shape)?;
        let wanted = b.reshape(operands[2], left.with(&[unknowns, Dim::ONE])?.shape)?;
        let x = b.linear_solve(system, wanted, Turned::No)?;
        Ok(smallvec![b.reshape(x, expected.shape)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<SylvesterSolve> {
        let (ty, a) = sample_matrices(draw, hint, |m, _| (m.min(3), m.min(3)));
        let (m, n) = (ty.shape[ty.rank() - 1], Dim::known(draw.choose(&[2, 1, 3, 0])));
        let batch = &ty.shape[..ty.rank() - 2];
        let with = |rows: Dim, columns: Dim| {
            ty.with_shape(batch.iter().copied().chain([rows, columns]).collect::<Shape>())
        };
        let right = Operand::new(with(n, n), a.values);
        let wanted = Operand::moderate(with(m, n));
        Sample::epsilons(SylvesterSolve {}, 256, [a, right, wanted])
    }
}

attributes! {
    /// The solution `x` of a system with a band matrix: `T[.., l + u + 1, n], T[.., n, k] -> T[.., n, k]`.
    ///
    /// Row `u + i - j` of the first operand holds at `j` the element `(i, j)` of the matrix, as LAPACK and SciPy store it: its `u` upper diagonals,
    /// the main one and its `l` lower ones. What lies beyond the matrix is not looked at.
    pub struct BandSolve {
        /// Number of lower diagonals.
        pub lower: usize,
    }
}

impl CompositeDef for BandSolve {
    const NAME: &'static str = "band_solve";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = super::matrices_type(b, operands, 0)?;
        let ((rows, n), rank) = (size(&ty.shape), ty.rank());
        if self.lower >= rows {
            let reason = format!("must be less than the {rows} diagonals of operand 0, found {}", self.lower);
            return Err(TypeError::attribute("lower", reason));
        }
        let upper = rows - 1 - self.lower;
        let mut matrix = None;
        for row in 0..rows {
            // Column minus row.
            let diagonal = upper as i64 - row as i64;
            let distance = diagonal.unsigned_abs() as usize;
            if distance >= n {
                continue;
            }
            let band = b.section(operands[0], rank - 2, row, row + 1)?;
            let band = b.squeeze(band, [rank - 2])?;
            let (start, end) = if diagonal < 0 { (0, n - distance) } else { (distance, n) };
            let band = b.section(band, rank - 2, start, end)?;
            let part = b.diag(band, diagonal)?;
            matrix = b.add_derivatives(matrix, Some(part))?;
        }
        // The main diagonal is among them, unless it has no elements.
        let matrix = match matrix {
            Some(matrix) => matrix,
            None => b.section(operands[0], rank - 2, 0, 0)?,
        };
        Ok(smallvec![b.linear_solve(matrix, operands[1], Turned::No)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<BandSolve> {
        let (ty, _) = sample_matrices(draw, hint, |_, n| (1, n));
        // With diagonals on both sides it may be singular.
        let (lower, upper) = draw.choose(&[(0, 1), (1, 0), (0, 0), (2, 0), (0, 2)]);
        let n = ty.shape[ty.rank() - 1];
        let batch = &ty.shape[..ty.rank() - 2];
        let with = |rows: usize, columns: Dim| {
            ty.with_shape(batch.iter().copied().chain([Dim::known(rows), columns]).collect::<Shape>())
        };
        let columns = Dim::known(draw.choose(&[1, 2, 0]));
        let diagonals = Operand::new(with(lower + upper + 1, n), crate::op::Values::Range(1.0, 2.0));
        let right = Operand::moderate(with(n.size(), columns));
        Sample::epsilons(BandSolve { lower }, 1 << 14, [diagonals, right])
    }
}
