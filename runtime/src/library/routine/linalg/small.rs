//! Matrices of at most eight rows, as many side by side as a vector has elements.
//!
//! A group of matrices is turned around: element `(i, j)` of all of them is one vector of whatever instruction set `pulp` finds, and the algorithm is
//! straight code on such vectors. Matrices of a group do not depend on each other: the greatest pivot is found, and rows are
//! swapped, by selections. So a matrix gives the same bits wherever it stands, and alone.

use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use pulp::{Arch, Simd, WithSimd, bytemuck};
use smallvec::{SmallVec, smallvec};
use tensorwright_ir::op::primitive::Turned;
use tensorwright_ir::{DType, Op, TensorType};

use super::size;
use crate::library::routine::{Memory, Phase, RoutineKernel};

/// The most rows.
const MOST: usize = 8;
/// Matrices of a tile: a multiple of what any vector holds.
const TILE: usize = 256;

/// The instruction set to use, found out once.
static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// An element of a matrix, and vectors of them.
trait Number: bytemuck::Pod + Send + Sync {
    type Vector<S: Simd>: bytemuck::Pod;
    type Mask<S: Simd>: Copy;
    const NAN: Self;
    fn of(index: usize) -> Self;
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;
    fn add<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S>;
    fn sub<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S>;
    fn mul<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S>;
    fn div<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S>;
    fn abs<S: Simd>(simd: S, x: Self::Vector<S>) -> Self::Vector<S>;
    fn sqrt<S: Simd>(simd: S, x: Self::Vector<S>) -> Self::Vector<S>;
    fn greater<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Mask<S>;
    fn equal<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Mask<S>;
    fn select<S: Simd>(
        simd: S,
        mask: Self::Mask<S>,
        x: Self::Vector<S>,
        y: Self::Vector<S>,
    ) -> Self::Vector<S>;
}

macro_rules! numbers {
    ($($number:ident $vector:ident $mask:ident $splat:ident $add:ident $sub:ident $mul:ident $div:ident $abs:ident $sqrt:ident $greater:ident
        $equal:ident $select:ident;)*) => {$(
        impl Number for $number {
            type Vector<S: Simd> = S::$vector;
            type Mask<S: Simd> = S::$mask;
            const NAN: $number = $number::NAN;

            #[inline(always)]
            fn of(index: usize) -> $number {
                index as $number
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: $number) -> S::$vector {
                simd.$splat(x)
            }

            #[inline(always)]
            fn add<S: Simd>(simd: S, x: S::$vector, y: S::$vector) -> S::$vector {
                simd.$add(x, y)
            }

            #[inline(always)]
            fn sub<S: Simd>(simd: S, x: S::$vector, y: S::$vector) -> S::$vector {
                simd.$sub(x, y)
            }

            #[inline(always)]
            fn mul<S: Simd>(simd: S, x: S::$vector, y: S::$vector) -> S::$vector {
                simd.$mul(x, y)
            }

            #[inline(always)]
            fn div<S: Simd>(simd: S, x: S::$vector, y: S::$vector) -> S::$vector {
                simd.$div(x, y)
            }

            #[inline(always)]
            fn abs<S: Simd>(simd: S, x: S::$vector) -> S::$vector {
                simd.$abs(x)
            }

            #[inline(always)]
            fn sqrt<S: Simd>(simd: S, x: S::$vector) -> S::$vector {
                simd.$sqrt(x)
            }

            #[inline(always)]
            fn greater<S: Simd>(simd: S, x: S::$vector, y: S::$vector) -> S::$mask {
                simd.$greater(x, y)
            }

            #[inline(always)]
            fn equal<S: Simd>(simd: S, x: S::$vector, y: S::$vector) -> S::$mask {
                simd.$equal(x, y)
            }

            #[inline(always)]
            fn select<S: Simd>(simd: S, mask: S::$mask, x: S::$vector, y: S::$vector) -> S::$vector {
                simd.$select(mask, x, y)
            }
        }
    )*};
}
numbers! {
    f32 f32s m32s splat_f32s add_f32s sub_f32s mul_f32s div_f32s abs_f32s sqrt_f32s greater_than_f32s equal_f32s select_f32s;
    f64 f64s m64s splat_f64s add_f64s sub_f64s mul_f64s div_f64s abs_f64s sqrt_f64s greater_than_f64s equal_f64s select_f64s;
}

/// What is computed of each matrix.
#[derive(Clone, Copy, Debug)]
enum Task {
    Cholesky,
    Inverse,
    /// With so many right-hand sides.
    Solve {
        turned: bool,
        columns: usize,
    },
}

/// An op on small matrices.
pub(super) struct SmallMatrices {
    task: Task,
    count: usize,
    rows: usize,
    run: Run,
}

/// Computes matrices of a range.
type Run = unsafe fn(Task, Range<usize>, &Memory<'_>);

impl SmallMatrices {
    /// `None` for an op without such code, and for matrices that are too large.
    pub(super) fn new(op: &Op, operands: &[TensorType]) -> Option<Self> {
        let task = match op {
            Op::Cholesky(_) => Task::Cholesky,
            Op::Inverse(_) => Task::Inverse,
            Op::LinearSolve(solve) => {
                Task::Solve { turned: solve.turned == Turned::Yes, columns: size(&operands[1]).1 }
            }
            _ => return None,
        };
        let first = operands.first()?;
        let sizes = first.shape.sizes();
        let rows = size(first).0;
        let run = match first.dtype {
            DType::F32 => instance::<f32>(rows)?,
            DType::F64 => instance::<f64>(rows)?,
            _ => return None,
        };
        Some(Self { task, count: sizes[..sizes.len() - 2].iter().product(), rows, run })
    }
}

/// The code for so many rows.
fn instance<T: Number>(rows: usize) -> Option<Run> {
    const { assert!(MOST == 8) };
    Some(match rows {
        1 => run::<T, 1>,
        2 => run::<T, 2>,
        3 => run::<T, 3>,
        4 => run::<T, 4>,
        5 => run::<T, 5>,
        6 => run::<T, 6>,
        7 => run::<T, 7>,
        8 => run::<T, 8>,
        _ => return None,
    })
}

impl fmt::Debug for SmallMatrices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} matrices of {} rows", self.task, self.count, self.rows)
    }
}

impl RoutineKernel for SmallMatrices {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        let per_matrix = self.rows * self.rows * (self.rows + 4) / 8 + 2;
        let tile_ns = (per_matrix * TILE) as u64;
        smallvec![Phase { tiles: self.count.div_ceil(TILE) as u64, tile_ns }]
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, _scratch: *mut u8) {
        let matrices = tiles.start as usize * TILE..(tiles.end as usize * TILE).min(self.count);
        // SAFETY: the matrices are those of the tiles, within operands and results.
        unsafe { (self.run)(self.task, matrices, memory) }
    }
}

/// # Safety
/// As of [`RoutineKernel::run`], for these matrices.
unsafe fn run<T: Number, const N: usize>(task: Task, matrices: Range<usize>, memory: &Memory<'_>) {
    let (first, count) = (matrices.start, matrices.len());
    let columns = if let Task::Solve { columns, .. } = task { columns } else { N };
    // SAFETY: the caller's promise; what results hold is written before it is read.
    let (a, right, out) = unsafe {
        let a = memory.inputs[0].cast::<T>().add(first * N * N);
        let out = memory.outputs[0].cast::<T>().add(first * N * columns);
        out.write_bytes(0, count * N * columns);
        let right = match task {
            Task::Solve { .. } => {
                let right = memory.inputs[1].cast::<T>().add(first * N * columns);
                std::slice::from_raw_parts(right, count * N * columns)
            }
            _ => &[],
        };
        let out = std::slice::from_raw_parts_mut(out, count * N * columns);
        (std::slice::from_raw_parts(a, count * N * N), right, out)
    };
    ARCH.dispatch(Groups::<T, N> { task, columns, a, right, out });
}

/// All groups of some matrices.
struct Groups<'a, T, const N: usize> {
    task: Task,
    columns: usize,
    a: &'a [T],
    right: &'a [T],
    out: &'a mut [T],
}

impl<T: Number, const N: usize> WithSimd for Groups<'_, T, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (wide, per_out) = (lanes::<T, S>(), N * self.columns);
        if per_out == 0 {
            return;
        }
        for (group, a) in self.a.chunks(wide * N * N).enumerate() {
            let from = group * wide * per_out;
            let end = self.out.len().min(from + wide * per_out);
            let out = &mut self.out[from..end];
            match self.task {
                Task::Cholesky => cholesky::<T, S, N>(simd, a, out),
                Task::Inverse => {
                    let factors = Factors::<T, S, N>::of(simd, load(simd, a, false));
                    let mut columns = [[T::splat(simd, T::of(0)); N]; N];
                    for (i, x) in columns.iter_mut().enumerate() {
                        x[i] = T::splat(simd, T::of(1));
                        *x = factors.solve(simd, *x);
                    }
                    store_columns::<T, S, N>(&columns, out);
                }
                Task::Solve { turned, columns } => {
                    let factors = Factors::<T, S, N>::of(simd, load(simd, a, turned));
                    let right = &self.right[from..end];
                    for column in 0..columns {
                        let x = load_column::<T, S, N>(simd, right, column, columns);
                        store::<T, S, N>(&factors.solve(simd, x), column, columns, out);
                    }
                }
            }
        }
    }
}

/// Elements of a vector.
#[inline(always)]
fn lanes<T: Number, S: Simd>() -> usize {
    size_of::<T::Vector<S>>() / size_of::<T>()
}

/// A group of matrices.
type Group<T, S, const N: usize> = [[<T as Number>::Vector<S>; N]; N];

/// A group, or its transposes; the first matrix stands in for those that are missing.
#[inline(always)]
fn load<T: Number, S: Simd, const N: usize>(simd: S, a: &[T], turned: bool) -> Group<T, S, N> {
    let wide = lanes::<T, S>();
    let mut group = [[T::splat(simd, T::of(0)); N]; N];
    let elements: &mut [T] = bytemuck::cast_slice_mut(group.as_flattened_mut());
    let (matrices, _) = a.as_chunks::<N>();
    for (w, rows) in matrices.chunks_exact(N).chain(std::iter::repeat(&matrices[..N])).take(wide).enumerate()
    {
        for (i, row) in rows.iter().enumerate() {
            for (j, &element) in row.iter().enumerate() {
                let place = if turned { j * N + i } else { i * N + j };
                elements[place * wide + w] = element;
            }
        }
    }
    group
}

/// One column of each right-hand side.
#[inline(always)]
fn load_column<T: Number, S: Simd, const N: usize>(
    simd: S,
    right: &[T],
    column: usize,
    columns: usize,
) -> [T::Vector<S>; N] {
    let last = right.len() / (N * columns) - 1;
    let mut x = [T::splat(simd, T::of(0)); N];
    for (i, vector) in x.iter_mut().enumerate() {
        let elements: &mut [T] = bytemuck::cast_slice_mut(std::slice::from_mut(vector));
        for (w, element) in elements.iter_mut().enumerate() {
            *element = right[(w.min(last) * N + i) * columns + column];
        }
    }
    x
}

/// One column of each result.
#[inline(always)]
fn store<T: Number, S: Simd, const N: usize>(
    x: &[T::Vector<S>; N],
    column: usize,
    columns: usize,
    out: &mut [T],
) {
    for (i, vector) in x.iter().enumerate() {
        let elements: &[T] = bytemuck::cast_slice(std::slice::from_ref(vector));
        for (matrix, &element) in out.chunks_exact_mut(N * columns).zip(elements) {
            matrix[i * columns + column] = element;
        }
    }
}

/// All columns of square results.
#[inline(always)]
fn store_columns<T: Number, S: Simd, const N: usize>(columns: &Group<T, S, N>, out: &mut [T]) {
    let wide = lanes::<T, S>();
    let elements: &[T] = bytemuck::cast_slice(columns.as_flattened());
    let (matrices, _) = out.as_chunks_mut::<N>();
    for (w, rows) in matrices.chunks_exact_mut(N).take(wide).enumerate() {
        for (i, row) in rows.iter_mut().enumerate() {
            for (j, element) in row.iter_mut().enumerate() {
                *element = elements[(j * N + i) * wide + w];
            }
        }
    }
}

/// `x - y z`.
#[inline(always)]
fn less_product<T: Number, S: Simd>(
    simd: S,
    x: T::Vector<S>,
    y: T::Vector<S>,
    z: T::Vector<S>,
) -> T::Vector<S> {
    T::sub(simd, x, T::mul(simd, y, z))
}

/// Swaps elements where `mask` holds.
#[inline(always)]
fn swap_where<T: Number, S: Simd>(simd: S, mask: T::Mask<S>, x: &mut T::Vector<S>, y: &mut T::Vector<S>) {
    (*x, *y) = (T::select(simd, mask, *y, *x), T::select(simd, mask, *x, *y));
}

/// Factors of a group of matrices with permuted rows.
struct Factors<T: Number, S: Simd, const N: usize> {
    lu: Group<T, S, N>,
    /// The row that each step swaps with its own.
    pivots: [T::Vector<S>; N],
    /// 1 divided by the diagonal.
    inverses: [T::Vector<S>; N],
    /// 0, or NaN for a matrix with an element that is not finite.
    spoilt: T::Vector<S>,
}

impl<T: Number, S: Simd, const N: usize> Factors<T, S, N> {
    #[inline(always)]
    fn of(simd: S, lu: Group<T, S, N>) -> Self {
        let zero = T::splat(simd, T::of(0));
        let mut spoilt = zero;
        for &x in lu.as_flattened() {
            spoilt = T::add(simd, spoilt, T::mul(simd, x, zero));
        }
        let mut factors = Self { lu, pivots: [zero; N], inverses: [zero; N], spoilt };
        for step in 0..N {
            factors.step(simd, step);
        }
        factors
    }

    #[inline(always)]
    fn step(&mut self, simd: S, j: usize) {
        let mut greatest = T::abs(simd, self.lu[j][j]);
        let mut pivot = T::splat(simd, T::of(j));
        for i in j + 1..N {
            let magnitude = T::abs(simd, self.lu[i][j]);
            let is_greater = T::greater(simd, magnitude, greatest);
            greatest = T::select(simd, is_greater, magnitude, greatest);
            pivot = T::select(simd, is_greater, T::splat(simd, T::of(i)), pivot);
        }
        self.pivots[j] = pivot;
        let (above, below) = self.lu.split_at_mut(j + 1);
        let own = &mut above[j];
        for (i, row) in below.iter_mut().enumerate() {
            let mask = T::equal(simd, pivot, T::splat(simd, T::of(j + 1 + i)));
            for (x, y) in own.iter_mut().zip(row) {
                swap_where::<T, S>(simd, mask, x, y);
            }
        }
        let (zero, one) = (T::splat(simd, T::of(0)), T::splat(simd, T::of(1)));
        let inverse = T::div(simd, one, own[j]);
        self.inverses[j] = inverse;
        // A column without a pivot has nothing to take away.
        let scale = T::select(simd, T::equal(simd, own[j], zero), zero, inverse);
        for row in below {
            let factor = T::mul(simd, row[j], scale);
            row[j] = factor;
            for column in j + 1..N {
                row[column] = less_product::<T, S>(simd, row[column], factor, own[column]);
            }
        }
    }

    #[inline(always)]
    fn solve(&self, simd: S, mut x: [T::Vector<S>; N]) -> [T::Vector<S>; N] {
        for j in 0..N {
            for i in j + 1..N {
                let mask = T::equal(simd, self.pivots[j], T::splat(simd, T::of(i)));
                let (above, below) = x.split_at_mut(i);
                swap_where::<T, S>(simd, mask, &mut above[j], &mut below[0]);
            }
        }
        for i in 1..N {
            for j in 0..i {
                x[i] = less_product::<T, S>(simd, x[i], self.lu[i][j], x[j]);
            }
        }
        for i in (0..N).rev() {
            for j in i + 1..N {
                x[i] = less_product::<T, S>(simd, x[i], self.lu[i][j], x[j]);
            }
            x[i] = T::mul(simd, x[i], self.inverses[i]);
        }
        x.map(|x| T::add(simd, x, self.spoilt))
    }
}

/// Row by row, of the symmetric part.
#[inline(always)]
fn cholesky<T: Number, S: Simd, const N: usize>(simd: S, a: &[T], out: &mut [T]) {
    let (zero, one) = (T::splat(simd, T::of(0)), T::splat(simd, T::of(1)));
    let half = T::div(simd, one, T::splat(simd, T::of(2)));
    let a: Group<T, S, N> = load(simd, a, false);
    let mut l = [[zero; N]; N];
    let mut inverses = [zero; N];
    let mut spoilt = zero;
    for i in 0..N {
        for j in 0..=i {
            let mut rest = T::mul(simd, T::add(simd, a[i][j], a[j][i]), half);
            for (&x, &y) in l[i].iter().zip(&l[j]).take(j) {
                rest = less_product::<T, S>(simd, rest, x, y);
            }
            if i > j {
                l[i][j] = T::mul(simd, rest, inverses[j]);
                continue;
            }
            let root = T::sqrt(simd, rest);
            (l[i][i], inverses[i]) = (root, T::div(simd, one, root));
            let is_positive = T::greater(simd, root, zero);
            let wrong = T::select(simd, is_positive, T::mul(simd, root, zero), T::splat(simd, T::NAN));
            spoilt = T::add(simd, spoilt, wrong);
        }
    }
    let columns: Group<T, S, N> =
        std::array::from_fn(|j| std::array::from_fn(|i| T::add(simd, l[i][j], spoilt)));
    store_columns::<T, S, N>(&columns, out);
}
