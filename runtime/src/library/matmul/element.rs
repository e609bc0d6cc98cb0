//! Element types of matrices: reading them as the numbers that products are computed in, and writing results back.

use super::blocks::{self, CopyBlock};
use super::vector::Number;
use half::{bf16, f16};
use tensorwright_ir::DType;

/// The element type of a matrix in memory.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names of the types say it")]
pub enum Element {
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    Bf16,
    F32,
    F64,
}

/// The types that products are computed in. Integers up to 32 bits share one, as wrapping arithmetic
/// gives the same low bits, whatever the width and sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Accumulator {
    I32,
    I64,
    F32,
    F64,
}

impl Element {
    /// Bytes per element.
    pub fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 | Self::Bf16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    pub(crate) fn accumulator(self) -> Accumulator {
        match self {
            Self::I8 | Self::I16 | Self::I32 | Self::U8 | Self::U16 | Self::U32 => Accumulator::I32,
            Self::I64 | Self::U64 => Accumulator::I64,
            Self::F16 | Self::Bf16 | Self::F32 => Accumulator::F32,
            Self::F64 => Accumulator::F64,
        }
    }

    /// Whether the element in memory is, bit for bit, the number that is computed with.
    pub(crate) fn is_number(self, accumulator: Accumulator) -> bool {
        let narrow = matches!(self, Self::I8 | Self::I16 | Self::U8 | Self::U16 | Self::F16 | Self::Bf16);
        self.accumulator() == accumulator && !narrow
    }
}

/// A bool counts as the number that it is stored as.
impl From<DType> for Element {
    fn from(dtype: DType) -> Self {
        match dtype {
            DType::Bool | DType::U8 => Self::U8,
            DType::I8 => Self::I8,
            DType::I16 => Self::I16,
            DType::I32 => Self::I32,
            DType::I64 => Self::I64,
            DType::U16 => Self::U16,
            DType::U32 => Self::U32,
            DType::U64 => Self::U64,
            DType::F16 => Self::F16,
            DType::BF16 => Self::Bf16,
            DType::F32 => Self::F32,
            DType::F64 => Self::F64,
            DType::C64 | DType::C128 => unreachable!("the compiler takes complex numbers apart"),
        }
    }
}

/// An element type as seen from its accumulator.
pub(crate) trait Stored<N>: Copy {
    fn read(self) -> N;
    fn write(number: N) -> Self;

    /// Reads adjacent elements. All of them before any is written: only so does the compiler use vectors.
    ///
    /// # Safety
    /// `COUNT` elements are readable.
    #[inline(always)]
    unsafe fn read_run<const COUNT: usize>(from: *const Self) -> [N; COUNT] {
        // SAFETY: the caller's promise.
        unsafe { from.cast::<[Self; COUNT]>().read() }.map(Self::read)
    }

    /// Writes adjacent elements.
    ///
    /// # Safety
    /// `COUNT` elements are writable.
    #[inline(always)]
    unsafe fn write_run<const COUNT: usize>(numbers: &[N; COUNT], to: *mut Self)
    where
        N: Copy,
    {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[Self; COUNT]>().write(numbers.map(Self::write)) };
    }
}

macro_rules! stored {
    ($($stored:ty => $number:ty;)*) => {$(
        impl Stored<$number> for $stored {
            #[inline(always)]
            fn read(self) -> $number {
                self as $number
            }
            #[inline(always)]
            fn write(number: $number) -> Self {
                number as Self
            }
        }
    )*};
}

stored! {
    i8 => i32; i16 => i32; i32 => i32; u8 => i32; u16 => i32; u32 => i32;
    i8 => i64; i16 => i64; i32 => i64; u8 => i64; u16 => i64; u32 => i64; i64 => i64; u64 => i64;
    f32 => f32; f32 => f64; f64 => f64;
}

impl Stored<f32> for bf16 {
    #[inline(always)]
    fn read(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }
    /// To the nearest, ties to even, without branches, so that a loop becomes vectors.
    #[inline(always)]
    fn write(number: f32) -> Self {
        let bits = number.to_bits();
        let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
        bf16::from_bits(if number.is_nan() { bits >> 16 | 0x40 } else { rounded } as u16)
    }
}

impl Stored<f32> for f16 {
    #[inline(always)]
    fn read(self) -> f32 {
        self.to_f32()
    }
    #[inline(always)]
    fn write(number: f32) -> Self {
        f16::from_f32(number)
    }
    #[inline(always)]
    unsafe fn read_run<const COUNT: usize>(from: *const Self) -> [f32; COUNT] {
        // SAFETY: the caller's promise.
        let halves = unsafe { from.cast::<[Self; COUNT]>().read() };
        #[cfg(target_arch = "x86_64")]
        if COUNT.is_multiple_of(8) && is_x86_feature_detected!("f16c") {
            let mut numbers = [0.0; COUNT];
            // SAFETY: both arrays hold `COUNT` values, a multiple of 8, and the instructions are there.
            unsafe { read_f16_eights(halves.as_ptr(), numbers.as_mut_ptr(), COUNT) };
            return numbers;
        }
        halves.map(Self::to_f32)
    }
    #[inline(always)]
    unsafe fn write_run<const COUNT: usize>(numbers: &[f32; COUNT], to: *mut Self) {
        #[cfg(target_arch = "x86_64")]
        if COUNT.is_multiple_of(8) && is_x86_feature_detected!("f16c") {
            // SAFETY: the array holds `COUNT` values, a multiple of 8, as many can be written, and the instructions are there.
            return unsafe { write_f16_eights(numbers.as_ptr(), to, COUNT) };
        }
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[Self; COUNT]>().write(numbers.map(Self::write)) };
    }
}

macro_rules! half_as_f64 {
    ($($half:ty)*) => {$(
        impl Stored<f64> for $half {
            #[inline(always)]
            fn read(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn write(number: f64) -> Self {
                Self::from_f32(number as f32)
            }
        }
    )*};
}

half_as_f64! { f16 bf16 }

/// # Safety
/// The instruction set is there; both ranges are valid for `count` values, a multiple of 8.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "f16c,avx")]
unsafe fn read_f16_eights(from: *const f16, to: *mut f32, count: usize) {
    use std::arch::x86_64::{_mm_loadu_si128, _mm256_cvtph_ps, _mm256_storeu_ps};
    for i in (0..count).step_by(8) {
        // SAFETY: eight values from `i` are in range.
        unsafe {
            let halves = _mm_loadu_si128(from.add(i).cast());
            _mm256_storeu_ps(to.add(i), _mm256_cvtph_ps(halves));
        }
    }
}

/// # Safety
/// The instruction set is there; both ranges are valid for `count` values, a multiple of 8.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "f16c,avx")]
unsafe fn write_f16_eights(from: *const f32, to: *mut f16, count: usize) {
    use std::arch::x86_64::{_MM_FROUND_TO_NEAREST_INT, _mm_storeu_si128, _mm256_cvtps_ph, _mm256_loadu_ps};
    for i in (0..count).step_by(8) {
        // SAFETY: eight values from `i` are in range.
        unsafe {
            let halves = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(_mm256_loadu_ps(from.add(i)));
            _mm_storeu_si128(to.add(i).cast(), halves);
        }
    }
}

/// Vectors to be packed: `lanes` of them, each of `depth` elements, at any strides. They become panels of `width` lanes
/// one after the other, each panel `depth` rows of `width` numbers. Missing lanes of the last panel are zero.
#[derive(Clone, Copy)]
pub(crate) struct Panels {
    pub(crate) from: *const u8,
    pub(crate) lane_stride: isize,
    pub(crate) depth_stride: isize,
    pub(crate) lanes: usize,
    pub(crate) depth: usize,
    pub(crate) width: usize,
}

/// Packs panels.
pub(crate) type Pack<N> = unsafe fn(&Panels, *mut N);

/// A finished tile of sums that goes to its place: rows of `pitch` numbers to any strides.
#[derive(Clone, Copy)]
pub(crate) struct Finished<N> {
    pub(crate) sums: *const N,
    pub(crate) pitch: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) row_stride: isize,
    pub(crate) column_stride: isize,
    /// Whether the sums are added to what is there.
    pub(crate) adds: bool,
}

/// Writes a finished tile.
pub(crate) type Unpack<N> = unsafe fn(&Finished<N>, *mut u8);

/// # Safety
/// The elements are readable, and `to` is writable for whole panels.
unsafe fn pack<E: Stored<N>, N: Number>(panels: &Panels, to: *mut N) {
    let Panels { lanes, depth, width, .. } = *panels;
    let rest = lanes % width;
    // SAFETY: the caller's promise; `Number`s are plain, and zero bytes are their zero.
    unsafe {
        if rest > 0 {
            to.add((lanes - rest) * depth).write_bytes(0, width * depth);
        }
        if panels.lane_stride != 1 {
            return pack_transposed::<E, N>(panels, to);
        }
        match width {
            4 => pack_lanes::<E, N, 4>(panels, to),
            5 => pack_lanes::<E, N, 5>(panels, to),
            6 => pack_lanes::<E, N, 6>(panels, to),
            8 => pack_lanes::<E, N, 8>(panels, to),
            12 => pack_lanes::<E, N, 12>(panels, to),
            16 => pack_lanes::<E, N, 16>(panels, to),
            32 => pack_lanes::<E, N, 32>(panels, to),
            64 => pack_lanes::<E, N, 64>(panels, to),
            _ => pack_lanes::<E, N, 1>(panels, to),
        }
    }
}

/// How many rows ahead memory is asked for: rows of a matrix are far from each other, and no hardware sees the next one coming.
const AHEAD: usize = 8;
/// Bytes of a line of the caches.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// Asks for the memory of a row that will be read soon.
fn prefetch<E>(row: *const E, lanes: usize) {
    #[cfg(target_arch = "x86_64")]
    for at in (0..lanes * size_of::<E>()).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which reads nothing, wherever the pointer points.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(row.cast::<i8>().wrapping_add(at)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (row, lanes);
}

/// Adjacent lanes, `WIDTH` at once. One depth after the other, so that memory is read in long runs.
///
/// # Safety
/// As for [`pack`]; `WIDTH` is the width of the panels, or 1.
unsafe fn pack_lanes<E: Stored<N>, N: Number, const WIDTH: usize>(panels: &Panels, to: *mut N) {
    let width = if WIDTH > 1 { WIDTH } else { panels.width };
    let rest = panels.lanes % width;
    for row in 0..panels.depth {
        let mut from = panels.from.cast::<E>();
        from = from.wrapping_offset(row as isize * panels.depth_stride);
        if row + AHEAD < panels.depth {
            prefetch(from.wrapping_offset(AHEAD as isize * panels.depth_stride), panels.lanes);
        }
        let mut to = to.wrapping_add(row * width);
        // SAFETY: the caller's promise.
        unsafe {
            for _ in 0..panels.lanes / width {
                if WIDTH > 1 {
                    copy_run::<E, N, WIDTH>(from, to);
                } else {
                    pack_rest(from, to, width);
                }
                from = from.add(width);
                to = to.wrapping_add(width * panels.depth);
            }
            pack_rest(from, to, rest);
        }
    }
}

/// Any number of lanes, in runs of powers of two.
///
/// # Safety
/// Both ranges are valid.
pub(super) unsafe fn pack_rest<E: Stored<N>, N: Number>(mut from: *const E, mut to: *mut N, lanes: usize) {
    // SAFETY: the runs add up to the lanes.
    unsafe {
        for _ in 0..lanes / 8 {
            copy_run::<E, N, 8>(from, to);
            (from, to) = (from.add(8), to.add(8));
        }
        if lanes & 4 != 0 {
            copy_run::<E, N, 4>(from, to);
            (from, to) = (from.add(4), to.add(4));
        }
        if lanes & 2 != 0 {
            copy_run::<E, N, 2>(from, to);
            (from, to) = (from.add(2), to.add(2));
        }
        if lanes & 1 != 0 {
            copy_run::<E, N, 1>(from, to);
        }
    }
}

/// # Safety
/// Both ranges are valid.
#[inline(always)]
pub(super) unsafe fn copy_run<E: Stored<N>, N: Number, const COUNT: usize>(from: *const E, to: *mut N) {
    // SAFETY: the caller's promise.
    unsafe { to.cast::<[N; COUNT]>().write(E::read_run::<COUNT>(from)) };
}

/// Depth that a transposing copy takes at once: what it writes stays in L1.
pub(super) const RUN: usize = 16;
/// Lanes that it takes at once.
pub(super) const GROUP: usize = 4;

/// Lanes that are apart, panel by panel.
///
/// # Safety
/// As for [`pack`].
unsafe fn pack_transposed<E: Stored<N>, N: Number>(panels: &Panels, to: *mut N) {
    for first in (0..panels.lanes).step_by(panels.width) {
        let end = (first + panels.width).min(panels.lanes);
        for depth in (0..panels.depth).step_by(RUN) {
            let count = RUN.min(panels.depth - depth);
            for lane in (first..end).step_by(GROUP) {
                let lanes = GROUP.min(end - lane);
                let at = first * panels.depth + depth * panels.width + lane - first;
                // SAFETY: the block is within the panel.
                unsafe { pack_block::<E, N>(panels, [lane, depth], [lanes, count], to.add(at)) };
            }
        }
    }
}

/// A block of up to [`GROUP`] lanes and [`RUN`] depth, transposed in registers if it is whole.
///
/// # Safety
/// As for [`pack`]; the block is within a panel.
pub(super) unsafe fn pack_block<E: Stored<N>, N: Number>(
    panels: &Panels,
    [lane, depth]: [usize; 2],
    [lanes, count]: [usize; 2],
    to: *mut N,
) {
    let from = panels.from.cast::<E>();
    let mut runs = [[N::ZERO; RUN]; GROUP];
    for (l, run) in runs[..lanes].iter_mut().enumerate() {
        let at = (lane + l) as isize * panels.lane_stride + depth as isize * panels.depth_stride;
        // SAFETY: the run is within the panel.
        unsafe { read_apart(from.offset(at), panels.depth_stride, &mut run[..count]) };
    }
    // SAFETY: the caller's promise.
    unsafe {
        if lanes == GROUP && count == RUN {
            return N::write_transposed(&runs, to, panels.width);
        }
        for (l, run) in runs[..lanes].iter().enumerate() {
            for (i, &number) in run[..count].iter().enumerate() {
                *to.add(i * panels.width + l) = number;
            }
        }
    }
}

/// Reads elements at a distance.
///
/// # Safety
/// All of them are readable.
#[inline(always)]
unsafe fn read_apart<E: Stored<N>, N: Number>(from: *const E, stride: isize, to: &mut [N]) {
    // SAFETY: the caller's promise.
    unsafe {
        if stride == 1 && to.len() == RUN {
            copy_run::<E, N, RUN>(from, to.as_mut_ptr());
            return;
        }
        if stride == 1 {
            pack_rest(from, to.as_mut_ptr(), to.len());
            return;
        }
        for (i, number) in to.iter_mut().enumerate() {
            *number = (*from.offset(i as isize * stride)).read();
        }
    }
}

/// # Safety
/// The sums are readable, and `to` is writable at the strides for all rows and columns.
unsafe fn unpack<E: Stored<N>, N: Number>(finished: &Finished<N>, to: *mut u8) {
    let to = to.cast::<E>();
    let is_dense = finished.column_stride == 1 && !finished.adds;
    let whole = if is_dense { finished.columns / RUN * RUN } else { 0 };
    for row in 0..finished.rows {
        for column in (0..whole).step_by(RUN) {
            // SAFETY: the caller's promise.
            unsafe {
                let sums = finished.sums.add(row * finished.pitch + column).cast::<[N; RUN]>();
                E::write_run(&*sums, to.offset(row as isize * finished.row_stride).add(column));
            }
        }
        for column in whole..finished.columns {
            let at = row as isize * finished.row_stride + column as isize * finished.column_stride;
            // SAFETY: the caller's promise.
            unsafe {
                let place = to.offset(at);
                let sum = *finished.sums.add(row * finished.pitch + column);
                let before = if finished.adds { (*place).read().plus(sum) } else { sum };
                *place = E::write(before);
            }
        }
    }
}

/// Numbers with their packing routines per element type.
pub(crate) trait Packs: Number {
    /// The routine for an element type that converts to this number, `None` for the others.
    fn pack(element: Element) -> Option<Pack<Self>>;
    /// Copies blocks of elements of a type that converts to this number; of other types it makes zeros.
    fn copy_block(element: Element) -> CopyBlock<Self>;
    /// The routine for an element type that this number converts to, `None` for the others.
    fn unpack(element: Element) -> Option<Unpack<Self>>;
}

macro_rules! packs {
    ($($number:ident: $($element:ident $stored:ident),*;)*) => {$(
        impl Packs for $number {
            fn pack(element: Element) -> Option<Pack<Self>> {
                match element {
                    $(Element::$element => Some(pack::<$stored, $number>),)*
                    _ => None,
                }
            }
            fn copy_block(element: Element) -> CopyBlock<Self> {
                match element {
                    $(Element::$element => blocks::copy::<$stored, $number>,)*
                    _ => blocks::zeros::<$number>,
                }
            }
            fn unpack(element: Element) -> Option<Unpack<Self>> {
                match element {
                    $(Element::$element => Some(unpack::<$stored, $number>),)*
                    _ => None,
                }
            }
        }
    )*};
}

packs! {
    i32: I8 i8, I16 i16, I32 i32, U8 u8, U16 u16, U32 u32;
    i64: I8 i8, I16 i16, I32 i32, U8 u8, U16 u16, U32 u32, I64 i64, U64 u64;
    f32: F16 f16, Bf16 bf16, F32 f32;
    f64: F16 f16, Bf16 bf16, F32 f32, F64 f64;
}
