//! Linear algebra, one matrix after the other: a tile is a number of matrices, and one thread computes a matrix, so that threads change no
//! bits. Small ones go side by side (`small`).

mod small;

use std::fmt;
use std::mem::MaybeUninit;
use std::ops::Range;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::op::primitive::{self as op, Basis, Diagonal, TriangularSolve, Turned};
use tensorwright_ir::{DType, Op, TensorType};
use tensorwright_linalg::{Form, Real, Side, Triangle};

use super::{Memory, Phase, RoutineKernel};

/// Nanoseconds of a tile, if matrices are small.
const TILE_NS: u64 = 10_000;
/// Operations in a nanosecond, and nanoseconds of a matrix besides them.
const FLOPS_PER_NS: u64 = 4;
const MATRIX_NS: u64 = 200;

/// An op that takes the matrices of its operands one by one.
struct PerMatrix {
    name: &'static str,
    count: usize,
    per_tile: usize,
    matrix_ns: u64,
    /// Bytes of a matrix of each operand and of each result.
    inputs: SmallVec<[usize; 2]>,
    outputs: SmallVec<[usize; 3]>,
    job: Job,
}

/// What is done with one matrix.
struct Job {
    flops: u64,
    scratch_bytes: usize,
    each: Box<dyn Fn(&One<'_>) + Send + Sync>,
}

impl Job {
    fn some(flops: u64, scratch_bytes: usize, each: Box<dyn Fn(&One<'_>) + Send + Sync>) -> Option<Job> {
        Some(Job { flops, scratch_bytes, each })
    }
}

/// A matrix of each operand and of each result, and scratch memory. Whoever makes it vouches for the pointers, and that elements have
/// values.
struct One<'a> {
    inputs: &'a [(*const u8, usize)],
    outputs: &'a [(*mut u8, usize)],
    scratch: (*mut u8, usize),
}

impl One<'_> {
    fn input<T>(&self, operand: usize) -> &[T] {
        let (start, bytes) = self.inputs[operand];
        // SAFETY: what is promised of the pointers.
        unsafe { std::slice::from_raw_parts(start.cast(), bytes / size_of::<T>()) }
    }

    #[expect(clippy::mut_from_ref, reason = "each result is asked for once")]
    fn output<T>(&self, result: usize) -> &mut [T] {
        let (start, bytes) = self.outputs[result];
        // SAFETY: what is promised of the pointers; nobody else has this part of the result.
        unsafe { std::slice::from_raw_parts_mut(start.cast(), bytes / size_of::<T>()) }
    }

    #[expect(clippy::mut_from_ref, reason = "it is asked for once")]
    fn scratch(&self) -> &mut [MaybeUninit<u8>] {
        let (start, bytes) = self.scratch;
        if bytes == 0 {
            return &mut [];
        }
        // SAFETY: what is promised of the pointers; the memory is this thread's.
        unsafe { std::slice::from_raw_parts_mut(start.cast(), bytes) }
    }
}

/// The kernel of an op on matrices; `None` for any other op.
pub(super) fn kernel(
    op: &Op,
    operands: &[TensorType],
    results: &[TensorType],
) -> Option<Box<dyn RoutineKernel>> {
    match small::SmallMatrices::new(op, operands) {
        Some(kernel) => Some(Box::new(kernel)),
        None => Some(Box::new(PerMatrix::new(op, operands, results)?)),
    }
}

impl PerMatrix {
    fn new(op: &Op, operands: &[TensorType], results: &[TensorType]) -> Option<Self> {
        let job = match operands.first()?.dtype {
            DType::F32 => job::<f32>(op, operands)?,
            DType::F64 => job::<f64>(op, operands)?,
            _ => return None,
        };
        let sizes = operands[0].shape.sizes();
        let count: usize = sizes[..sizes.len() - 2].iter().product();
        let matrix_ns = MATRIX_NS + job.flops / FLOPS_PER_NS;
        let bytes = |ty: &TensorType| ty.bytes() / count.max(1);
        Some(Self {
            name: op.name(),
            count,
            per_tile: (TILE_NS / matrix_ns).max(1) as usize,
            matrix_ns,
            inputs: operands.iter().map(bytes).collect(),
            outputs: results.iter().map(bytes).collect(),
            job,
        })
    }
}

impl fmt::Debug for PerMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} matrices", self.name, self.count)
    }
}

impl RoutineKernel for PerMatrix {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        let tiles = self.count.div_ceil(self.per_tile) as u64;
        smallvec![Phase { tiles, tile_ns: self.matrix_ns * self.per_tile as u64 }]
    }

    fn scratch_bytes(&self) -> usize {
        self.job.scratch_bytes
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, scratch: *mut u8) {
        let matrices =
            tiles.start as usize * self.per_tile..(tiles.end as usize * self.per_tile).min(self.count);
        for index in matrices {
            // SAFETY: the matrix is one of the tile's, within operands and results, and elements of results are written before they are read.
            let inputs: SmallVec<[(*const u8, usize); 2]> = unsafe {
                let at = |(i, &bytes): (usize, &usize)| (memory.inputs[i].add(index * bytes), bytes);
                self.inputs.iter().enumerate().map(at).collect()
            };
            // SAFETY: as above.
            let outputs: SmallVec<[(*mut u8, usize); 3]> = unsafe {
                let at = |(i, &bytes): (usize, &usize)| {
                    let start = memory.outputs[i].add(index * bytes);
                    start.write_bytes(0, bytes);
                    (start, bytes)
                };
                self.outputs.iter().enumerate().map(at).collect()
            };
            (self.job.each)(&One {
                inputs: &inputs,
                outputs: &outputs,
                scratch: (scratch, self.job.scratch_bytes),
            });
        }
    }
}

/// Rows and columns.
fn size(ty: &TensorType) -> (usize, usize) {
    let rank = ty.rank();
    (ty.shape.size(rank - 2), ty.shape.size(rank - 1))
}

fn job<T: Real>(op: &Op, operands: &[TensorType]) -> Option<Job> {
    factorisation::<T>(op, operands).or_else(|| system::<T>(op, operands))
}

fn factorisation<T: Real>(op: &Op, operands: &[TensorType]) -> Option<Job> {
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

fn system<T: Real>(op: &Op, operands: &[TensorType]) -> Option<Job> {
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
