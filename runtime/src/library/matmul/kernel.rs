//! The innermost loops, one instance per instruction set, and their choice at run time.
//!
//! Every kernel adds the products of one *depth block* (at most [`DEPTH`] terms) in ascending order, starting from zero,
//! in an accumulator of its own, and then adds that to what the earlier blocks gave. A result therefore depends neither
//! on the instruction set (as long as it multiplies and adds in one rounding) nor on how the matrix is cut into tiles. The
//! exception is [`dot`], which keeps [`DOT_LANES`] partial sums, each of up to [`DEPTH`] terms.

use super::minimal::{Filtered, Window};
use super::sliding::{Slid, Weighted};
use super::vector::{Number, Scalars, Vector};
#[cfg(target_arch = "x86_64")]
use super::vector::{Pairs256, Quads512};
use std::sync::OnceLock;

/// Terms that are summed in registers before the sum goes to memory. Shorter chains of additions are
/// more accurate, and the panels of a block fit the caches: 16 KiB of the right operand in L1.
pub(crate) const DEPTH: usize = 256;

/// Partial sums that a dot product keeps; their number does not depend on the instruction set.
pub(crate) const DOT_LANES: usize = 16;

/// Registers that make up the width of a micro-kernel's block.
const WIDE: usize = 2;

/// The most rows of any micro-kernel, and the most columns.
pub(crate) const MAX_ROWS: usize = 12;
pub(crate) const MAX_COLUMNS: usize = 32;

/// Columns of the right operand that are packed together, so that its rows are read in runs of several cache lines. The
/// panels of a block wait in L2.
pub(crate) const PACKED_COLUMNS: usize = 64;

/// Rows up to which streaming the right operand with adjacent columns beats register blocks.
pub(crate) const STREAM_ROWS: usize = 3;
/// Rows up to which dot products beat register blocks if the right operand has adjacent depth.
pub(crate) const DOT_ROWS: usize = 8;
/// Rows up to which register blocks read the right operand in place, if its columns are adjacent.
pub(crate) const UNPACKED_ROWS: usize = 12;

/// One product of blocks: `out (+)= a * b`, with strides in numbers. Columns of `b` and `out` are adjacent, except for
/// [`dot`], where the rows of `b` are.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a, T> {
    pub(crate) depth: usize,
    pub(crate) a: *const T,
    pub(crate) a_row: isize,
    pub(crate) a_depth: isize,
    /// Where the numbers of `a` are for each term, if these are not at one step: for register blocks alone.
    pub(crate) a_terms: &'a [isize],
    pub(crate) b: *const T,
    /// Step of `b` from one depth to the next; for [`dot`], from one column to the next.
    pub(crate) b_step: isize,
    pub(crate) out: *mut T,
    pub(crate) out_row: isize,
    /// Whether `out` already holds a part of the sum.
    pub(crate) adds: bool,
    /// The blocks that follow: for register blocks alone.
    pub(crate) repeat: Repeat,
}

/// How often a block is computed, and how far `a` and `out` are then from where they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeat {
    pub(crate) count: usize,
    pub(crate) a: isize,
    pub(crate) out: isize,
}

impl Repeat {
    pub(crate) const ONCE: Repeat = Repeat { count: 1, a: 0, out: 0 };
}

/// A kernel for a fixed number of rows and columns.
pub(crate) type Micro<T> = unsafe fn(&Block<'_, T>);
/// A kernel for a fixed number of rows and any number of columns, which is the second argument.
pub(crate) type Strip<T> = unsafe fn(&Block<'_, T>, usize);

/// The kernels of one number type on this machine.
pub(crate) struct Kernels<T: 'static> {
    /// Columns of a micro-kernel.
    pub(crate) columns: usize,
    /// The micro-kernel with `i + 1` rows; all columns are computed and written.
    pub(crate) micro: &'static [Micro<T>],
    /// The same for half of the columns, with `b` as the others have it, and as many rows or more: for narrow matrices, and the last columns of others.
    half: &'static [Micro<T>],
    /// The streaming kernel with `i + 1` rows.
    pub(crate) stream: [Strip<T>; STREAM_ROWS],
    /// The kernel of sums of weighted vectors.
    pub(crate) weighted: unsafe fn(&Weighted<'_, T>),
    /// The kernel of sums of elements that slide.
    pub(crate) slid: unsafe fn(&Slid<'_, T>),
    /// The transform of a window of an image, and that of the products of such.
    pub(crate) window: unsafe fn(&Window<T>),
    pub(crate) filtered: unsafe fn(&Filtered<T>),
    /// The dot product kernel for any number of rows, the second argument, and of columns, the third.
    pub(crate) dot: unsafe fn(&Block<'_, T>, usize, usize),
}

impl<T> Kernels<T> {
    /// The most rows of a block of so many columns.
    pub(crate) fn rows_for(&self, columns: usize) -> usize {
        if columns <= self.columns / 2 { self.half.len() } else { self.micro.len() }
    }

    /// How many of some rows are multiplied at once with so many columns: about equal parts.
    pub(crate) fn panel_rows(&self, rows: usize, columns: usize) -> usize {
        equal_parts(rows, self.rows_for(columns))
    }

    /// The micro-kernel for so many rows that computes the fewest columns that are enough, and how many these are.
    pub(crate) fn micro_for(&self, rows: usize, columns: usize) -> (Micro<T>, usize) {
        let half = self.columns / 2;
        let (micro, width) = if columns <= half { (self.half, half) } else { (self.micro, self.columns) };
        (micro[rows - 1], width)
    }
}

/// How much of a number is in each of the fewest about equal parts of at most so much.
pub(crate) fn equal_parts(number: usize, most: usize) -> usize {
    number.div_ceil(number.div_ceil(most).max(1)).max(1)
}

/// Rows of the left operand that have an offset register of their own; the others share them, from a second pointer.
const FAN: usize = 6;

/// `ROWS` by `WIDTH` registers of results, as often as the block says.
///
/// # Safety
/// The instruction set of `V` is there; `a` is readable for `ROWS` by `depth` numbers, `b` for `depth` by the columns,
/// and `out` writable for `ROWS` by the columns, at the block's strides.
#[inline(always)]
unsafe fn micro<V: Vector, const ROWS: usize, const WIDTH: usize>(block: &Block<'_, V::Number>) {
    // Row by row from one pointer, the additions would form a chain as long as the arithmetic takes. The
    // compiler must not see that the offsets are multiples, or it makes that chain again.
    let offsets: [isize; FAN] = std::array::from_fn(|row| std::hint::black_box(row as isize * block.a_row));
    let half = std::hint::black_box(FAN as isize * block.a_row);
    let (mut first, mut out) = (block.a, block.out);
    for _ in 0..block.repeat.count {
        let mut b = block.b;
        // SAFETY: all accesses are those that the caller vouches for.
        unsafe {
            let mut sums = [[V::splat(V::Number::ZERO); WIDTH]; ROWS];
            if block.a_terms.is_empty() {
                let mut a = first;
                for _ in 0..block.depth {
                    term::<V, ROWS, WIDTH>([a, b], &offsets, half, &mut sums);
                    a = a.wrapping_offset(block.a_depth);
                    b = b.wrapping_offset(block.b_step);
                }
            } else {
                for &at in block.a_terms {
                    term::<V, ROWS, WIDTH>([first.wrapping_offset(at), b], &offsets, half, &mut sums);
                    b = b.wrapping_offset(block.b_step);
                }
            }
            for (row, sums) in sums.into_iter().enumerate() {
                let out = out.offset(row as isize * block.out_row);
                for (w, sum) in sums.into_iter().enumerate() {
                    let out = out.add(w * V::LANES);
                    let sum = if block.adds { V::load(out).plus(sum) } else { sum };
                    sum.store(out);
                }
            }
        }
        (first, out) = (first.wrapping_offset(block.repeat.a), out.wrapping_offset(block.repeat.out));
    }
}

/// Adds a term to all sums of a register block.
///
/// # Safety
/// As of [`micro`].
#[inline(always)]
unsafe fn term<V: Vector, const ROWS: usize, const WIDTH: usize>(
    [a, b]: [*const V::Number; 2],
    offsets: &[isize; FAN],
    half: isize,
    sums: &mut [[V; WIDTH]; ROWS],
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut right = [V::splat(V::Number::ZERO); WIDTH];
        for (w, right) in right.iter_mut().enumerate() {
            *right = V::load(b.add(w * V::LANES));
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            let a = if row < FAN { a } else { a.offset(half) };
            let left = V::splat(*a.offset(offsets[row % FAN]));
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum = left.times_plus(right, *sum);
            }
        }
    }
}

/// Few rows, any columns: rows of `b` stream past, `UNROLL` at a time, and the sums wait in L1.
///
/// # Safety
/// As for [`micro`], with `columns` columns; `columns` is at most [`STREAM_COLUMNS`].
#[inline(always)]
unsafe fn stream<V: Vector, const ROWS: usize, const UNROLL: usize>(
    block: &Block<'_, V::Number>,
    columns: usize,
) {
    let mut sums = [[V::Number::ZERO; STREAM_COLUMNS]; ROWS];
    let mut depth = 0;
    // SAFETY: all accesses are those that the caller vouches for, and `sums` has room for all columns.
    unsafe {
        while depth + UNROLL <= block.depth {
            stream_step::<V, ROWS, UNROLL>(block, depth, columns, &mut sums);
            depth += UNROLL;
        }
        while depth < block.depth {
            stream_step::<V, ROWS, 1>(block, depth, columns, &mut sums);
            depth += 1;
        }
        for (row, sums) in sums.iter().enumerate() {
            let out = block.out.offset(row as isize * block.out_row);
            for (column, &sum) in sums[..columns].iter().enumerate() {
                let out = out.add(column);
                *out = if block.adds { (*out).plus(sum) } else { sum };
            }
        }
    }
}

/// The most columns that [`stream`] takes at once: three rows of sums fit L1, and memory is read by the page.
pub(crate) const STREAM_COLUMNS: usize = 1024;

/// # Safety
/// As for [`stream`], with `depth + UNROLL <= block.depth`.
#[inline(always)]
unsafe fn stream_step<V: Vector, const ROWS: usize, const UNROLL: usize>(
    block: &Block<'_, V::Number>,
    depth: usize,
    columns: usize,
    sums: &mut [[V::Number; STREAM_COLUMNS]; ROWS],
) {
    // SAFETY: see the caller.
    unsafe {
        let mut left = [[V::splat(V::Number::ZERO); UNROLL]; ROWS];
        for (row, left) in left.iter_mut().enumerate() {
            for (u, left) in left.iter_mut().enumerate() {
                let at = row as isize * block.a_row + (depth + u) as isize * block.a_depth;
                *left = V::splat(*block.a.offset(at));
            }
        }
        let b = block.b.offset(depth as isize * block.b_step);
        let mut column = 0;
        while column + V::LANES <= columns {
            let mut right = [V::splat(V::Number::ZERO); UNROLL];
            for (u, right) in right.iter_mut().enumerate() {
                *right = V::load(b.offset(u as isize * block.b_step).add(column));
            }
            for (left, sums) in left.iter().zip(sums.iter_mut()) {
                let place = sums.as_mut_ptr().add(column);
                let mut sum = V::load(place);
                for (left, right) in left.iter().zip(right) {
                    sum = left.times_plus(right, sum);
                }
                sum.store(place);
            }
            column += V::LANES;
        }
        if column < columns {
            stream_rest::<V, ROWS, UNROLL>(&left, b, block.b_step, column..columns, sums);
        }
    }
}

/// The columns that do not fill a register, through a padded copy, so that they are computed as the others are.
///
/// # Safety
/// As for [`stream_step`].
#[inline(always)]
unsafe fn stream_rest<V: Vector, const ROWS: usize, const UNROLL: usize>(
    left: &[[V; UNROLL]; ROWS],
    b: *const V::Number,
    b_step: isize,
    columns: std::ops::Range<usize>,
    sums: &mut [[V::Number; STREAM_COLUMNS]; ROWS],
) {
    let mut padded = [[V::Number::ZERO; MAX_COLUMNS]; UNROLL];
    // SAFETY: see `stream_step`; a register is at most MAX_COLUMNS wide, and STREAM_COLUMNS is a multiple of it.
    unsafe {
        for (u, padded) in padded.iter_mut().enumerate() {
            let b = b.offset(u as isize * b_step);
            for column in columns.clone() {
                padded[column - columns.start] = *b.add(column);
            }
        }
        for (left, sums) in left.iter().zip(sums.iter_mut()) {
            let place = sums.as_mut_ptr().add(columns.start);
            let mut sum = V::load(place);
            for (left, padded) in left.iter().zip(&padded) {
                sum = left.times_plus(V::load(padded.as_ptr()), sum);
            }
            sum.store(place);
        }
    }
}

/// Columns of `b` that a dot product kernel handles together.
const DOT_COLUMNS: usize = 4;

/// Few rows against columns whose numbers are adjacent. `a_depth` is 1.
///
/// # Safety
/// The instruction set of `V` is there; `a` is readable for `rows` by `depth` numbers, `b` for `columns` runs of
/// `depth` numbers, and `out` writable for `rows` by `columns`.
#[inline(always)]
unsafe fn dot<V: Vector, const WIDTH: usize>(block: &Block<'_, V::Number>, rows: usize, columns: usize) {
    const { assert!(WIDTH * V::LANES == DOT_LANES) };
    let whole = columns / DOT_COLUMNS * DOT_COLUMNS;
    // SAFETY: the columns are within the caller's bounds.
    unsafe {
        for column in (0..whole).step_by(DOT_COLUMNS) {
            for row in 0..rows {
                dot_columns::<V, WIDTH, DOT_COLUMNS>(block, row, column);
            }
        }
        for column in whole..columns {
            for row in 0..rows {
                dot_columns::<V, WIDTH, 1>(block, row, column);
            }
        }
    }
}

/// # Safety
/// As for [`dot`]; `row` and the `COUNT` columns from `column` are in range.
#[inline(always)]
unsafe fn dot_columns<V: Vector, const WIDTH: usize, const COUNT: usize>(
    block: &Block<'_, V::Number>,
    row: usize,
    column: usize,
) {
    // SAFETY: see the caller.
    unsafe {
        let a = block.a.offset(row as isize * block.a_row);
        let b: [_; COUNT] = std::array::from_fn(|c| block.b.offset((column + c) as isize * block.b_step));
        let mut sums = [[V::splat(V::Number::ZERO); WIDTH]; COUNT];
        let mut depth = 0;
        while depth + DOT_LANES <= block.depth {
            for w in 0..WIDTH {
                let at = depth + w * V::LANES;
                let left = V::load(a.add(at));
                for (sums, b) in sums.iter_mut().zip(b) {
                    sums[w] = left.times_plus(V::load(b.add(at)), sums[w]);
                }
            }
            depth += DOT_LANES;
        }
        let rest = depth..block.depth;
        for (c, (sums, b)) in sums.into_iter().zip(b).enumerate() {
            let total = dot_total::<V, WIDTH>(sums, a, b, rest.clone());
            let out = block.out.offset(row as isize * block.out_row);
            let out = out.add(column + c);
            *out = if block.adds { (*out).plus(total) } else { total };
        }
    }
}

/// Adds the terms that do not fill all lanes, and then the lanes, pairwise.
///
/// # Safety
/// As for [`dot`]; `a` and `b` are readable over `rest`.
#[inline(always)]
unsafe fn dot_total<V: Vector, const WIDTH: usize>(
    sums: [V; WIDTH],
    a: *const V::Number,
    b: *const V::Number,
    rest: std::ops::Range<usize>,
) -> V::Number {
    let mut lanes = [V::Number::ZERO; DOT_LANES];
    let (mut left, mut right) = (lanes, lanes);
    // SAFETY: see the caller; the arrays hold WIDTH registers.
    unsafe {
        for (lane, depth) in rest.enumerate() {
            (left[lane], right[lane]) = (*a.add(depth), *b.add(depth));
        }
        for (w, sum) in sums.into_iter().enumerate() {
            let at = w * V::LANES;
            let (left, right) = (V::load(left.as_ptr().add(at)), V::load(right.as_ptr().add(at)));
            left.times_plus(right, sum).store(lanes.as_mut_ptr().add(at));
        }
    }
    let mut half = DOT_LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = lanes[lane].plus(lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// Makes a module with the kernels compiled for an instruction set, and the table of them.
macro_rules! instruction_set {
    ($name:ident, $($features:literal)?, rows: [$($rows:literal)*], rows_of_half: [$($half:literal)*]) => {
        mod $name {
            use super::*;

            /// # Safety
            /// As for `super::micro`.
            $(#[target_feature(enable = $features)])?
            unsafe fn micro<V: Vector, const ROWS: usize, const WIDTH: usize>(block: &Block<'_, V::Number>) {
                // SAFETY: the caller's promise.
                unsafe { super::micro::<V, ROWS, WIDTH>(block) };
            }

            /// # Safety
            /// As for `super::stream`.
            $(#[target_feature(enable = $features)])?
            unsafe fn stream<V: Vector, const ROWS: usize, const UNROLL: usize>(
                block: &Block<'_, V::Number>,
                columns: usize,
            ) {
                // SAFETY: the caller's promise.
                unsafe { super::stream::<V, ROWS, UNROLL>(block, columns) };
            }

            /// # Safety
            /// As for `sliding::weighted`.
            $(#[target_feature(enable = $features)])?
            unsafe fn weighted<V: Vector>(sum: &Weighted<'_, V::Number>) {
                // SAFETY: the caller's promise.
                unsafe { super::super::sliding::weighted::<V>(sum) };
            }

            /// # Safety
            /// As for `sliding::slid`.
            $(#[target_feature(enable = $features)])?
            unsafe fn slid<V: Vector>(sum: &Slid<'_, V::Number>) {
                // SAFETY: the caller's promise.
                unsafe { super::super::sliding::slid::<V>(sum) };
            }

            /// # Safety
            /// As for `minimal::window`.
            $(#[target_feature(enable = $features)])?
            unsafe fn window<V: Vector>(window: &Window<V::Number>) {
                // SAFETY: the caller's promise.
                unsafe { super::super::minimal::window::<V>(window) };
            }

            /// # Safety
            /// As for `minimal::filtered`.
            $(#[target_feature(enable = $features)])?
            unsafe fn filtered<V: Vector>(filtered: &Filtered<V::Number>) {
                // SAFETY: the caller's promise.
                unsafe { super::super::minimal::filtered::<V>(filtered) };
            }

            /// # Safety
            /// As for `super::dot`.
            $(#[target_feature(enable = $features)])?
            unsafe fn dot<V: Vector, const WIDTH: usize>(
                block: &Block<'_, V::Number>,
                rows: usize,
                columns: usize,
            ) {
                // SAFETY: the caller's promise.
                unsafe { super::dot::<V, WIDTH>(block, rows, columns) };
            }

            pub(super) fn kernels<V: Vector, const DOT_WIDTH: usize>() -> Kernels<V::Number> {
                Kernels {
                    columns: WIDE * V::LANES,
                    micro: const { &[$(micro::<V, $rows, WIDE> as Micro<V::Number>),*] },
                    half: const { &[$(micro::<V, $half, { WIDE / 2 }> as Micro<V::Number>),*] },
                    stream: [stream::<V, 1, 4>, stream::<V, 2, 4>, stream::<V, 3, 4>],
                    weighted: weighted::<V>,
                    slid: slid::<V>,
                    window: window::<V>,
                    filtered: filtered::<V>,
                    dot: dot::<V, DOT_WIDTH>,
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
instruction_set!(avx512, "avx512f,avx2,fma", rows: [1 2 3 4 5 6 7 8 9 10 11 12], rows_of_half: [1 2 3 4 5 6 7 8 9 10 11 12]);
#[cfg(target_arch = "x86_64")]
instruction_set!(vnni, "avx512f,avx512vnni,avx2,fma", rows: [1 2 3 4 5 6 7 8 9 10 11 12], rows_of_half: [1 2 3 4 5 6 7 8 9 10 11 12]);
#[cfg(target_arch = "x86_64")]
instruction_set!(avx2, "avx2,fma", rows: [1 2 3 4 5 6], rows_of_half: [1 2 3 4 5 6 7 8 9 10 11 12]);
#[cfg(target_arch = "aarch64")]
instruction_set!(neon, "neon", rows: [1 2 3 4 5 6 7 8 9 10 11 12], rows_of_half: [1 2 3 4 5 6 7 8 9 10 11 12]);
instruction_set!(portable, , rows: [1 2 3 4], rows_of_half: [1 2 3 4]);

/// Number types that have kernels.
pub(crate) trait Kernel: Number {
    /// The best kernels of this machine.
    fn kernels() -> &'static Kernels<Self>;

    /// The kernels of this machine that multiply numbers of two narrow terms each, if it has such for this type.
    fn pair_kernels() -> Option<&'static Kernels<Self>> {
        None
    }

    /// Two narrow terms as one number for [`Self::pair_kernels`].
    fn paired(even: Self, _odd: Self) -> Self {
        even
    }
}

macro_rules! kernels {
    ($($number:ident: $avx512:ident/$wide512:literal $avx2:ident/$wide256:literal $neon:ident/$wide128:literal $({ $($pairs:item)* })?;)*) => {$(
        impl Kernel for $number {
            $($($pairs)*)?

            fn kernels() -> &'static Kernels<Self> {
                static KERNELS: OnceLock<Kernels<$number>> = OnceLock::new();
                KERNELS.get_or_init(|| {
                    #[cfg(target_arch = "x86_64")]
                    {
                        #[allow(unused_imports, reason = "the 64-bit integers have no register type")]
                        use std::arch::x86_64::*;
                        let fma = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
                        if fma && is_x86_feature_detected!("avx512f") {
                            return avx512::kernels::<$avx512, $wide512>();
                        }
                        if fma {
                            return avx2::kernels::<$avx2, $wide256>();
                        }
                    }
                    #[cfg(target_arch = "aarch64")]
                    if std::arch::is_aarch64_feature_detected!("neon") {
                        #[allow(unused_imports, reason = "the 64-bit integers have no register type")]
                        use std::arch::aarch64::*;
                        return neon::kernels::<$neon, $wide128>();
                    }
                    portable::kernels::<Scalars<$number, 4>, 4>()
                })
            }
        }
    )*};
}

/// How many terms a number of four bytes has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grouping {
    /// Four bytes, unsigned on the left and signed on the right.
    Quads,
    /// Two 16-bit integers.
    Pairs,
}

/// The kernels of products of bytes, which are added up in 32 bits.
pub(crate) struct ByteKernels {
    pub(crate) kernels: Kernels<i32>,
    pub(crate) grouping: Grouping,
}

/// The best kernels of this machine for bytes; `None` if it has none but those for 32 bits.
pub(crate) fn byte_kernels() -> Option<&'static ByteKernels> {
    static KERNELS: OnceLock<Option<ByteKernels>> = OnceLock::new();
    KERNELS.get_or_init(found_byte_kernels).as_ref()
}

#[cfg(not(target_arch = "x86_64"))]
fn found_byte_kernels() -> Option<ByteKernels> {
    None
}

#[cfg(target_arch = "x86_64")]
fn found_byte_kernels() -> Option<ByteKernels> {
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni") {
        let kernels = vnni::kernels::<Quads512, 1>();
        return Some(ByteKernels { kernels, grouping: Grouping::Quads });
    }
    pairs()
}

/// There are none but for x86-64.
#[cfg(not(target_arch = "x86_64"))]
fn pairs() -> Option<ByteKernels> {
    None
}

/// The kernels that any machine with AVX2 has.
#[cfg(target_arch = "x86_64")]
pub(super) fn pairs() -> Option<ByteKernels> {
    let has_pairs = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    has_pairs.then(|| ByteKernels { kernels: avx2::kernels::<Pairs256, 2>(), grouping: Grouping::Pairs })
}

type Longs = Scalars<i64, 4>;

kernels! {
    f32: __m512/1 __m256/2 float32x4_t/4;
    f64: __m512d/2 __m256d/4 float64x2_t/8;
    i32: __m512i/1 __m256i/2 int32x4_t/4 {
        fn pair_kernels() -> Option<&'static Kernels<i32>> {
            static PAIRS: OnceLock<Option<ByteKernels>> = OnceLock::new();
            PAIRS.get_or_init(pairs).as_ref().map(|bytes| &bytes.kernels)
        }

        fn paired(even: i32, odd: i32) -> i32 {
            even & 0xffff | odd << 16
        }
    };
    i64: Longs/4 Longs/4 Longs/4;
}
