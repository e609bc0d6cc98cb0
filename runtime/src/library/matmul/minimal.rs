//! Transforms of Winograd's minimal filtering F(4x4, 3x3), for 36 matrices of which the products are those of a convolution with 3 x 3 taps.
//!
//! A window of 6 x 6 elements gives 4 x 4 results, which take 36 multiplications for each pair of channels where they take 144 term by term (A. Lavin and S. Gray, Fast Algorithms for
//! Convolutional Neural Networks, 2016, section 4.3). Its polynomials are taken at 0, 3/4, -3/4, 3/2, -3/2 and infinity, where errors are half of those at 1, -1, 2 and -2.

use super::kernel::MAX_COLUMNS;
use super::vector::{Number, Vector};

/// Elements of a window along an axis, and results.
pub(crate) const WINDOW: usize = 6;
pub(crate) const RESULTS: usize = 4;
/// Taps along an axis.
pub(crate) const TAPS: usize = 3;
/// The points besides 0 and infinity, each with both signs, and their squares. All constants below are exact in binary.
const NEAR: f32 = 0.75;
const FAR: f32 = 1.5;
const NEAR_SQUARE: f32 = NEAR * NEAR;
const FAR_SQUARE: f32 = FAR * FAR;
const SQUARES: [f32; 2] = [NEAR_SQUARE + FAR_SQUARE, NEAR_SQUARE * FAR_SQUARE];
/// Matrices that are multiplied.
pub(crate) const MATRICES: usize = WINDOW * WINDOW;

/// A window of an image, at steps from row to row and from column to column, that becomes one row in each of the matrices, which are so many numbers apart.
#[derive(Clone, Copy)]
pub(crate) struct Window<T> {
    pub(crate) from: *const T,
    pub(crate) row: isize,
    pub(crate) column: isize,
    pub(crate) to: *mut T,
    pub(crate) matrix: usize,
    /// Channels, which are adjacent: at least as many as a register has lanes.
    pub(crate) lanes: usize,
}

/// A row of the products of all matrices, which are so many numbers apart, that becomes results at steps from row to row and from column to column.
#[derive(Clone, Copy)]
pub(crate) struct Filtered<T> {
    pub(crate) from: *const T,
    pub(crate) matrix: usize,
    pub(crate) out: *mut T,
    pub(crate) row: isize,
    pub(crate) column: isize,
    /// Rows and columns that are wanted.
    pub(crate) results: [usize; 2],
    /// Channels, which are adjacent. `from` has room for whole registers.
    pub(crate) lanes: usize,
}

// No closures below: one is compiled without the instruction set of the function that it is in.

/// # Safety
/// The instruction set of `V` is there. The window is readable, and the rows of the matrices are writable, for the lanes.
#[inline(always)]
pub(super) unsafe fn window<V: Vector>(window: &Window<V::Number>) {
    let last = window.lanes.saturating_sub(V::LANES);
    let mut lane = 0;
    // SAFETY: the lanes are the caller's; those of the last register may be computed twice.
    unsafe {
        while lane < last {
            window_lanes::<V>(window, lane);
            lane += V::LANES;
        }
        window_lanes::<V>(window, last);
    }
}

/// # Safety
/// The instruction set of `V` is there. The rows of the products are readable for whole registers, and the wanted results are writable for the lanes.
#[inline(always)]
pub(super) unsafe fn filtered<V: Vector>(filtered: &Filtered<V::Number>) {
    // SAFETY: the lanes are the caller's; those of the last register may be computed twice.
    unsafe {
        if filtered.lanes < V::LANES {
            return few_lanes::<V>(filtered);
        }
        let last = filtered.lanes - V::LANES;
        let mut lane = 0;
        while lane < last {
            results::<V>(filtered, lane, filtered.out.add(lane), [filtered.row, filtered.column]);
            lane += V::LANES;
        }
        results::<V>(filtered, last, filtered.out.add(last), [filtered.row, filtered.column]);
    }
}

/// Fewer lanes than a register has, through memory that has room for whole ones.
///
/// # Safety
/// As of [`filtered`].
#[inline(always)]
unsafe fn few_lanes<V: Vector>(filtered: &Filtered<V::Number>) {
    let mut whole = [V::Number::ZERO; RESULTS * RESULTS * MAX_COLUMNS];
    let [row, column] = [RESULTS * MAX_COLUMNS, MAX_COLUMNS];
    // SAFETY: there is room for all results; those that are wanted are the caller's promise.
    unsafe {
        results::<V>(filtered, 0, whole.as_mut_ptr(), [row as isize, column as isize]);
        for y in 0..filtered.results[0] {
            for x in 0..filtered.results[1] {
                let to = filtered.out.offset(y as isize * filtered.row + x as isize * filtered.column);
                let from = whole.as_ptr().add(y * row + x * column);
                from.copy_to_nonoverlapping(to, filtered.lanes);
            }
        }
    }
}

/// # Safety
/// As of [`window`], for a register from `lane` on.
#[inline(always)]
unsafe fn window_lanes<V: Vector>(window: &Window<V::Number>, lane: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut rows = [[V::splat(V::Number::ZERO); WINDOW]; WINDOW];
        for x in 0..WINDOW {
            let from = window.from.offset(x as isize * window.column).add(lane);
            let mut line = [V::splat(V::Number::ZERO); WINDOW];
            for (y, element) in line.iter_mut().enumerate() {
                *element = V::load(from.offset(y as isize * window.row));
            }
            let line = window_line(line);
            for (row, number) in rows.iter_mut().zip(line) {
                row[x] = number;
            }
        }
        for (y, row) in rows.into_iter().enumerate() {
            for (x, number) in window_line(row).into_iter().enumerate() {
                number.store(window.to.add((y * WINDOW + x) * window.matrix + lane));
            }
        }
    }
}

/// The results of a register from `lane` on, to `out` with steps from row to row and from column to column.
///
/// # Safety
/// As of [`filtered`]; the wanted results are writable for a register.
#[inline(always)]
unsafe fn results<V: Vector>(
    filtered: &Filtered<V::Number>,
    lane: usize,
    out: *mut V::Number,
    steps: [isize; 2],
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut rows = [[V::splat(V::Number::ZERO); WINDOW]; RESULTS];
        for x in 0..WINDOW {
            let mut line = [V::splat(V::Number::ZERO); WINDOW];
            for (y, product) in line.iter_mut().enumerate() {
                *product = V::load(filtered.from.add((y * WINDOW + x) * filtered.matrix + lane));
            }
            for (row, number) in rows.iter_mut().zip(result_line(line)) {
                row[x] = number;
            }
        }
        for (y, row) in rows.into_iter().enumerate().take(filtered.results[0]) {
            for (x, number) in result_line(row).into_iter().enumerate().take(filtered.results[1]) {
                number.store(out.offset(y as isize * steps[0] + x as isize * steps[1]));
            }
        }
    }
}

/// # Safety
/// The instruction set of `V` is there.
#[inline(always)]
unsafe fn times<V: Vector>(factor: f32, x: V, addend: V) -> V {
    // SAFETY: the caller's promise.
    unsafe { V::splat(V::Number::constant(factor)).times_plus(x, addend) }
}

/// # Safety
/// The instruction set of `V` is there.
#[inline(always)]
unsafe fn window_line<V: Vector>(d: [V; WINDOW]) -> [V; WINDOW] {
    // SAFETY: the caller's promise.
    unsafe {
        let (near_even, near_odd) = (times(-FAR_SQUARE, d[2], d[4]), times(-FAR_SQUARE, d[1], d[3]));
        let (far_even, far_odd) = (times(-NEAR_SQUARE, d[2], d[4]), times(-NEAR_SQUARE, d[1], d[3]));
        [
            times(SQUARES[1], d[0], times(-SQUARES[0], d[2], d[4])),
            times(NEAR, near_odd, near_even),
            times(-NEAR, near_odd, near_even),
            times(FAR, far_odd, far_even),
            times(-FAR, far_odd, far_even),
            times(SQUARES[1], d[1], times(-SQUARES[0], d[3], d[5])),
        ]
    }
}

/// # Safety
/// The instruction set of `V` is there.
#[inline(always)]
unsafe fn result_line<V: Vector>(m: [V; WINDOW]) -> [V; RESULTS] {
    // SAFETY: the caller's promise.
    unsafe {
        let (near_even, far_even) = (m[1].plus(m[2]), m[3].plus(m[4]));
        let (near_odd, far_odd) = (times(-1.0, m[2], m[1]), times(-1.0, m[4], m[3]));
        let none = V::splat(V::Number::ZERO);
        [
            m[0].plus(near_even).plus(far_even),
            times(FAR, far_odd, times(NEAR, near_odd, none)),
            times(FAR_SQUARE, far_even, times(NEAR_SQUARE, near_even, none)),
            times(FAR * FAR_SQUARE, far_odd, times(NEAR * NEAR_SQUARE, near_odd, m[5])),
        ]
    }
}

/// Taps of one pair of channels as they are multiplied with what [`window`] makes: rows and columns of taps become rows and columns of matrices.
pub(crate) fn taps(g: [[f32; TAPS]; TAPS]) -> [[f32; WINDOW]; WINDOW] {
    const APART: f32 = 2.0 * (FAR_SQUARE - NEAR_SQUARE);
    let line = |g: [f32; TAPS]| -> [f32; WINDOW] {
        let (near, far) = (g[0] + NEAR_SQUARE * g[2], g[0] + FAR_SQUARE * g[2]);
        let (near_by, far_by) = (-NEAR_SQUARE * APART, FAR_SQUARE * APART);
        [
            g[0] / SQUARES[1],
            (near + NEAR * g[1]) / near_by,
            (near - NEAR * g[1]) / near_by,
            (far + FAR * g[1]) / far_by,
            (far - FAR * g[1]) / far_by,
            g[2],
        ]
    };
    let rows = g.map(line);
    let columns: [[f32; WINDOW]; WINDOW] =
        std::array::from_fn(|x| line([rows[0][x], rows[1][x], rows[2][x]]));
    std::array::from_fn(|y| std::array::from_fn(|x| columns[x][y]))
}
