//! Linear algebra, one matrix after the other: a tile is a number of matrices, and one thread computes a matrix, so that threads change no
//! bits. Small ones go side by side (`small`).

mod small;

use tensorwright_ir::op::primitive::{self as op, Basis, Diagonal, Numbers, TriangularSolve, Turned};
use tensorwright_ir::{DType, Op, TensorType};
use tensorwright_linalg::{Element, Form, Side, Triangle, c32, c64};

use super::RoutineKernel;
use super::slices::{Job, PerSlice};

/// Operations of real numbers that one of complex numbers takes.
const COMPLEX: u64 = 4;

/// The kernel of an op on matrices; `None` for any other op.
pub(super) fn kernel(
    op: &Op,
    operands: &[TensorType],
    results: &[TensorType],
) -> Option<Box<dyn RoutineKernel>> {
    if let Some(kernel) = small::SmallMatrices::new(op, operands) {
        return Some(Box::new(kernel));
    }
    let (op, numbers) = match op {
        Op::MatricesOfPairs(op) => (op.op.to_op(), op.numbers),
        op => (op.clone(), Numbers::Real),
    };
    let types: Vec<TensorType> = operands.iter().map(|ty| matrices(ty, numbers)).collect();
    let job = match (operands.first()?.dtype, numbers) {
        (DType::F32, Numbers::Real) => job::<f32>(&op, &types)?,
        (DType::F64, Numbers::Real) => job::<f64>(&op, &types)?,
        (DType::F32, Numbers::Pairs) => job::<c32>(&op, &types)?.times(COMPLEX),
        (DType::F64, Numbers::Pairs) => job::<c64>(&op, &types)?.times(COMPLEX),
        _ => return None,
    };
    let sizes = types[0].shape.sizes();
    let count = sizes[..sizes.len() - 2].iter().product();
    Some(Box::new(PerSlice::new(op.name(), count, job, operands, results)))
}

/// The type of the matrices, without the axis of pairs.
fn matrices(ty: &TensorType, numbers: Numbers) -> TensorType {
    match numbers {
        Numbers::Real => ty.clone(),
        Numbers::Pairs => ty.with_shape(ty.shape.without(&[ty.rank() - 1])),
    }
}

/// Rows and columns.
fn size(ty: &TensorType) -> (usize, usize) {
    let rank = ty.rank();
    (ty.shape.size(rank - 2), ty.shape.size(rank - 1))
}

fn job<T: Element>(op: &Op, operands: &[TensorType]) -> Option<Job> {
    factorisation::<T>(op, operands).or_else(|| system::<T>(op, operands))
}

fn factorisation<T: Element>(op: &Op, operands: &[TensorType]) -> Option<Job> {
    let first @ (m, n) = size(&operands[0]);
    let (k, cube) = (m.min(n), cube(first));
    match op {
        Op::Cholesky(_) => Job::some(
            cube / 3,
            T::cholesky_bytes(n),
            Box::new(move |one| T::cholesky(n, one.input(0), one.output(0), one.scratch())),
        ),
        Op::LuFactor(_) => Job::some(
            cube * 2 / 3,
            T::lu_bytes(first),
            Box::new(move |one| {
                let is_odd = T::lu(first, one.input(0), one.output(0), one.output(1), one.scratch());
                one.output::<T>(2)[0] = T::sign(is_odd);
            }),
        ),
        Op::Qr(qr) => {
            let columns = if qr.basis == Basis::Complete { m } else { k };
            Job::some(
                cube * 4,
                T::qr_bytes(first, columns),
                Box::new(move |one| {
                    T::qr(first, columns, one.input(0), one.output(0), one.output(1), one.scratch());
                }),
            )
        }
        Op::Eigh(_) => Job::some(
            cube * 9,
            T::eigh_bytes(n),
            Box::new(move |one| {
                T::eigh(n, one.input(0), one.output(0), Some(one.output(1)), one.scratch());
            }),
        ),
        Op::Eigvalsh(_) => Job::some(
            cube * 2,
            T::eigh_bytes(n),
            Box::new(move |one| T::eigh(n, one.input(0), one.output(0), None, one.scratch())),
        ),
        Op::Eig(_) => Job::some(
            cube * 25,
            T::eig_bytes(n),
            Box::new(move |one| {
                T::eig(n, one.input(0), one.output(0), Some(one.output(1)), one.scratch());
            }),
        ),
        Op::Eigvals(_) => Job::some(
            cube * 10,
            T::eig_bytes(n),
            Box::new(move |one| T::eig(n, one.input(0), one.output(0), None, one.scratch())),
        ),
        Op::Svd(_) => Job::some(
            cube * 20,
            T::svd_bytes(first),
            Box::new(move |one| {
                let vectors = Some((one.output(0), one.output(2)));
                T::svd(first, one.input(0), one.output(1), vectors, one.scratch());
            }),
        ),
        Op::Svdvals(_) => Job::some(
            cube * 4,
            T::svd_bytes(first),
            Box::new(move |one| T::svd(first, one.input(0), one.output(0), None, one.scratch())),
        ),
        _ => None,
    }
}

fn system<T: Element>(op: &Op, operands: &[TensorType]) -> Option<Job> {
    let first @ (_, n) = size(&operands[0]);
    let cube = cube(first);
    match op {
        Op::TriangularSolve(solve) => {
            let (form, right) = (form(solve), size(&operands[1]));
            Job::some(
                (n * right.0 * right.1) as u64,
                0,
                Box::new(move |one| {
                    one.output::<T>(0).copy_from_slice(one.input(1));
                    T::solve_triangular(form, one.input(0), one.output(0), right);
                }),
            )
        }
        Op::LinearSolve(solve) => {
            let (is_turned, right) = (solve.turned == Turned::Yes, size(&operands[1]));
            Job::some(
                cube * 2 / 3 + 2 * (n * n * right.1) as u64,
                T::solve_bytes(right),
                Box::new(move |one| {
                    one.output::<T>(0).copy_from_slice(one.input(1));
                    T::solve(is_turned, right, one.input(0), one.output(0), one.scratch());
                }),
            )
        }
        Op::Inverse(_) => Job::some(
            cube * 2,
            T::solve_bytes(first),
            Box::new(move |one| {
                let out = one.output::<T>(0);
                (0..n).for_each(|i| out[i * n + i] = T::sign(false));
                T::solve(false, first, one.input(0), out, one.scratch());
            }),
        ),
        _ => None,
    }
}

/// What the operations of a factorisation are a multiple of.
fn cube((m, n): (usize, usize)) -> u64 {
    (m * n * m.min(n)) as u64
}

fn form(op: &TriangularSolve) -> Form {
    Form {
        side: match op.side {
            op::Side::Left => Side::Left,
            op::Side::Right => Side::Right,
        },
        triangle: match op.triangle {
            op::Triangle::Lower => Triangle::Lower,
            op::Triangle::Upper => Triangle::Upper,
        },
        is_transposed: op.turned == Turned::Yes,
        has_unit_diagonal: op.diagonal == Diagonal::Unit,
    }
}
