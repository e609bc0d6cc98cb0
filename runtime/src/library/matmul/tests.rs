//! Products against plain sums: all element types, odd shapes, all layouts.

use super::*;
use half::{bf16, f16};
use tensorwright_ir::op::Random;

/// An element for tests: made from random bits, compared by a tolerance relative to the sum of magnitudes.
trait Sample: Copy + Default + PartialEq + std::fmt::Debug {
    const ELEMENT: Element;
    fn sample(source: &mut Random) -> Self;
    fn exact(self) -> f64;
    /// One rounding of the sum of `terms` products to this type.
    fn epsilon() -> f64;
}

macro_rules! sample {
    ($($element:ident $number:ty, $exact:expr, $epsilon:expr;)*) => {$(
        impl Sample for $number {
            const ELEMENT: Element = Element::$element;
            fn sample(source: &mut Random) -> Self {
                let from: fn(f64) -> Self = $exact;
                from(source.symmetric())
            }
            fn exact(self) -> f64 {
                let to: fn(Self) -> f64 = |x| f64::from(x);
                to(self)
            }
            fn epsilon() -> f64 {
                $epsilon
            }
        }
    )*};
}

sample! {
    F32 f32, |x| x as f32, f64::from(f32::EPSILON);
    F64 f64, |x| x, f64::EPSILON;
    F16 f16, f16::from_f64, 1.0 / 1024.0;
    Bf16 bf16, bf16::from_f64, 1.0 / 128.0;
    I32 i32, |x| (x * 100.0) as i32, 0.0;
    I16 i16, |x| (x * 20.0) as i16, 0.0;
    I8 i8, |x| (x * 128.9) as i8, 0.0;
    U8 u8, |x| (x * 128.0 + 128.0) as u8, 0.0;
}

/// A matrix with gaps and any order of axes; the gaps hold NaN-like garbage that must not be read or written.
struct Matrix<T> {
    data: Vec<T>,
    first: usize,
    strides: Strides,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    RowMajor,
    ColumnMajor,
    Gaps,
    Reversed,
}

const ORDERS: [Order; 4] = [Order::RowMajor, Order::ColumnMajor, Order::Gaps, Order::Reversed];

impl<T: Sample> Matrix<T> {
    fn new(order: Order, [batch, rows, columns]: [usize; 3], source: &mut Random) -> Self {
        let strides = match order {
            Order::RowMajor => Strides::row_major(rows, columns),
            Order::ColumnMajor => Strides::row_major(columns, rows).transposed(),
            Order::Gaps => {
                Strides { batch: (rows * columns * 3 + 7) as i64, row: columns as i64 * 3, column: 2 }
            }
            Order::Reversed => Strides { batch: (rows * columns) as i64, row: -(columns as i64), column: 1 },
        };
        let first = match order {
            Order::Reversed => rows.saturating_sub(1) * columns,
            _ => 0,
        };
        let length = batch * (rows * columns * 3 + 7) + 1;
        let data = (0..length).map(|_| T::sample(source)).collect();
        Self { data, first, strides }
    }

    fn at(&self, batch: usize, row: usize, column: usize) -> usize {
        let offset = self.strides.offset(batch as u64, row as u64, column as u64);
        self.first.wrapping_add_signed(offset)
    }

    fn pointer(&self) -> *const u8 {
        self.data[self.first..].as_ptr().cast()
    }
}

fn run_all(plan: &MatMul, out: *mut u8, lhs: *const u8, rhs: *const u8) {
    let mut scratch = vec![[0u64; 8]; plan.scratch_bytes() / 64 + 1];
    let aligned = scratch.as_mut_ptr().cast::<u8>();
    let aligned = aligned.wrapping_add(aligned.align_offset(64));
    for tile in (0..plan.tiles()).rev() {
        // SAFETY: the tests pass whole matrices, and the scratch vector has 64 bytes to spare for the alignment.
        unsafe { plan.run_tile(tile, out, lhs, rhs, aligned) };
    }
}

fn check<T: Sample>([batch, rows, depth, columns]: [usize; 4], orders: [Order; 3], accumulate: bool) {
    let source = &mut Random::new(rows as u64 * 31 + depth as u64 * 7 + columns as u64);
    let lhs = Matrix::<T>::new(orders[0], [batch, rows, depth], source);
    let rhs = Matrix::<T>::new(orders[1], [batch, depth, columns], source);
    let mut out = Matrix::<T>::new(orders[2], [batch, rows, columns], source);
    let plan = MatMul::plan(&MatMulDescriptor {
        batch,
        rows,
        columns,
        depth,
        input: T::ELEMENT,
        output: T::ELEMENT,
        lhs: lhs.strides,
        rhs: rhs.strides,
        out: out.strides,
        accumulate,
    });
    let before = out.data.clone();
    let pointer = out.data[out.first..].as_mut_ptr().cast();
    run_all(&plan.unwrap(), pointer, lhs.pointer(), rhs.pointer());
    let mut untouched = vec![true; before.len()];
    for b in 0..batch {
        for i in 0..rows {
            for j in 0..columns {
                let place = out.at(b, i, j);
                untouched[place] = false;
                let start = if accumulate { before[place].exact() } else { 0.0 };
                let (mut sum, mut size) = (start, start.abs());
                for k in 0..depth {
                    let term = lhs.data[lhs.at(b, i, k)].exact() * rhs.data[rhs.at(b, k, j)].exact();
                    (sum, size) = (sum + term, size + term.abs());
                }
                let got = out.data[place].exact();
                let bound = size * T::epsilon() * (1.0 + (depth as f64).sqrt() / 4.0);
                assert!(
                    (got - sum).abs() <= bound,
                    "{:?} {batch}x{rows}x{depth}x{columns} {orders:?} [{b},{i},{j}]: {got} for {sum}",
                    T::ELEMENT
                );
            }
        }
    }
    for (place, untouched) in untouched.into_iter().enumerate() {
        assert!(!untouched || out.data[place] == before[place], "{orders:?} writes a gap at {place}");
    }
}

#[test]
fn all_layouts_and_methods() {
    for lhs in ORDERS {
        for rhs in ORDERS {
            for out in ORDERS {
                for rows in [1, 2, 3, 5, 37] {
                    check::<f32>([2, rows, 19, 35], [lhs, rhs, out], rows == 3);
                    check::<f32>([1, 35, 19, rows], [lhs, rhs, out], rows == 2);
                }
                check::<f16>([2, 7, 33, 18], [lhs, rhs, out], true);
                check::<i16>([2, 7, 33, 18], [lhs, rhs, out], true);
            }
        }
    }
}

#[test]
fn odd_shapes_in_all_types() {
    let orders = [Order::RowMajor; 3];
    for rows in [1, 2, 4, 6, 7, 13, 241] {
        for columns in [1, 3, 8, 17, 33] {
            for depth in [1, 2, 15, 17, 256, 257, 600] {
                check::<f32>([1, rows, depth, columns], orders, false);
            }
            check::<f64>([1, rows, 300, columns], orders, false);
            check::<f16>([1, rows, 300, columns], orders, false);
            check::<bf16>([1, rows, 300, columns], orders, false);
            check::<i32>([1, rows, 300, columns], orders, false);
        }
    }
    check::<f32>([1, 1, 700, 1100], orders, false);
    check::<f32>([1, 3, 700, 1100], [Order::RowMajor, Order::ColumnMajor, Order::RowMajor], false);
}

#[test]
fn empty_sides() {
    let orders = [Order::RowMajor; 3];
    for [batch, rows, depth, columns] in
        [[1, 5, 0, 7], [1, 1, 0, 9], [1, 0, 3, 4], [1, 3, 4, 0], [0, 2, 2, 2]]
    {
        for accumulate in [false, true] {
            check::<f32>([batch, rows, depth, columns], orders, accumulate);
            check::<bf16>([batch, rows, depth, columns], orders, accumulate);
        }
    }
}

#[test]
fn integers_wrap_in_every_width() {
    fn wrapped<T>(element: Element, factor: T, expected: T)
    where
        T: Copy + Default + PartialEq + std::fmt::Debug,
    {
        let (rows, depth, columns) = (5, 300, 9);
        let plan = MatMul::plan(&MatMulDescriptor::row_major(element, rows, depth, columns)).unwrap();
        let (lhs, rhs) = (vec![factor; rows * depth], vec![factor; depth * columns]);
        let mut out = vec![T::default(); rows * columns];
        run_all(&plan, out.as_mut_ptr().cast(), lhs.as_ptr().cast(), rhs.as_ptr().cast());
        assert!(out.iter().all(|&x| x == expected), "{element:?}: {out:?} for {expected:?}");
    }
    macro_rules! wraps {
        ($($element:ident $integer:ty;)*) => {$(
            let factor = <$integer>::MAX - 2;
            let expected = (factor as u128).wrapping_mul(factor as u128).wrapping_mul(300) as $integer;
            wrapped(Element::$element, factor, expected);
        )*};
    }
    wraps! { I8 i8; I16 i16; I32 i32; I64 i64; U8 u8; U16 u16; U32 u32; U64 u64; }
}

fn one_product<T, U>(input: Element, output: Element, lhs: T, rhs: T, expected: &[U], zero: U)
where
    T: Copy,
    U: Copy + PartialEq + std::fmt::Debug,
{
    for rows in [1, 4] {
        let product = MatMulDescriptor { output, ..MatMulDescriptor::row_major(input, rows, 100, 4) };
        let plan = MatMul::plan(&product).unwrap();
        let (lhs, rhs) = (vec![lhs; rows * 100], vec![rhs; 400]);
        let mut out = vec![zero; rows * 4];
        run_all(&plan, out.as_mut_ptr().cast(), lhs.as_ptr().cast(), rhs.as_ptr().cast());
        assert!(out.iter().all(|x| expected.contains(x)), "{input:?} to {output:?}: {out:?}");
    }
}

#[test]
fn outputs_of_another_type() {
    use Element::{Bf16, F16, F32, F64, I8, I32, I64, U32};
    one_product(I8, I32, -128i8, 127i8, &[-128 * 127 * 100], 0i32);
    one_product(I8, I64, -128i8, 127i8, &[-128 * 127 * 100], 0i64);
    one_product(U32, I64, u32::MAX, 2u32, &[i64::from(u32::MAX) * 200], 0i64);
    one_product(F32, F64, 1e30f32, 1e30f32, &[f64::from(1e30f32).powi(2) * 100.0], 0f64);
    one_product(F16, F32, f16::from_f32(300.0), f16::from_f32(300.0), &[9e6], 0f32);
    one_product(Bf16, F64, bf16::from_f32(0.5), bf16::from_f32(0.5), &[25.0], 0f64);
    for (input, output) in [(F64, F32), (I64, I32), (F32, I32)] {
        let mixed = MatMulDescriptor { output, ..MatMulDescriptor::row_major(input, 4, 4, 4) };
        assert_eq!(MatMul::plan(&mixed), Err(UnsupportedProduct { input, output }));
    }
}

#[test]
fn a_row_has_the_same_bits_alone_and_in_a_batch() {
    let (depth, columns) = (700, 90);
    let source = &mut Random::new(5);
    let lhs = Matrix::<f32>::new(Order::RowMajor, [1, 50, depth], source);
    let rhs = Matrix::<f32>::new(Order::RowMajor, [1, depth, columns], source);
    let results = [1, 2, 6, 50].map(|rows| {
        let plan = MatMul::plan(&MatMulDescriptor::row_major(Element::F32, rows, depth, columns)).unwrap();
        let mut out = vec![f32::NAN; rows * columns];
        run_all(&plan, out.as_mut_ptr().cast(), lhs.pointer(), rhs.pointer());
        out[..columns].iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    });
    assert!(results.iter().all(|row| *row == results[0]));
}

#[test]
fn a_tile_can_go_to_a_buffer_of_its_own() {
    let (rows, depth, columns) = (130, 40, 300);
    let source = &mut Random::new(9);
    let lhs = Matrix::<f32>::new(Order::RowMajor, [1, rows, depth], source);
    let rhs = Matrix::<f32>::new(Order::RowMajor, [1, depth, columns], source);
    let whole = MatMulDescriptor::row_major(Element::F32, rows, depth, columns);
    let mut out = vec![0f32; rows * columns];
    let plan = MatMul::plan(&whole).unwrap();
    run_all(&plan, out.as_mut_ptr().cast(), lhs.pointer(), rhs.pointer());
    let (tile_rows, tile_columns) = plan.tile_size();
    let local =
        MatMulDescriptor { out: Strides::row_major(tile_rows as usize, tile_columns as usize), ..whole };
    let local = MatMul::plan(&local).unwrap();
    let mut buffer = vec![0f32; (tile_rows * tile_columns) as usize];
    let mut scratch = vec![[0u64; 8]; plan.scratch_bytes() / 64 + 1];
    for index in 0..local.tiles() {
        let tile = local.tile(index);
        // SAFETY: the buffer holds one tile; scratch memory need not be aligned for f32 kernels to be right, only fast.
        unsafe {
            local.run_tile_to(
                index,
                buffer.as_mut_ptr().cast(),
                lhs.pointer(),
                rhs.pointer(),
                scratch.as_mut_ptr().cast(),
            );
        }
        for (i, row) in tile.rows.enumerate() {
            for (j, column) in tile.columns.clone().enumerate() {
                let expected = out[row as usize * columns + column as usize];
                assert_eq!(buffer[i * tile_columns as usize + j].to_bits(), expected.to_bits());
            }
        }
    }
}

#[test]
fn packed_ahead_the_bits_are_the_same() {
    fn check<T: Sample>([rows, depth, columns]: [usize; 3], order: Order) {
        let source = &mut Random::new(rows as u64 + 3 * depth as u64);
        let lhs = Matrix::<T>::new(Order::RowMajor, [1, rows, depth], source);
        let rhs = Matrix::<T>::new(order, [1, depth, columns], source);
        let product = MatMulDescriptor {
            rhs: rhs.strides,
            ..MatMulDescriptor::row_major(T::ELEMENT, rows, depth, columns)
        };
        let plan = MatMul::plan(&product).unwrap();
        let ahead = plan.prepacked().unwrap_or_else(|| panic!("{rows}x{depth}x{columns} {order:?}"));
        let mut memory = vec![[0u64; 8]; ahead.packed_bytes() / 64 + 1];
        let packed = memory.as_mut_ptr().cast::<u8>();
        for part in (0..ahead.packing_parts()).rev() {
            // SAFETY: the operand is the product's, and the memory as large as it is to be.
            unsafe { ahead.pack_part(part, rhs.pointer(), packed) };
        }
        let results = [(plan, rhs.pointer()), (ahead, packed.cast_const())].map(|(plan, rhs)| {
            let mut out = vec![T::default(); rows * columns];
            run_all(&plan, out.as_mut_ptr().cast(), lhs.pointer(), rhs);
            out
        });
        assert_eq!(results[0], results[1], "{:?} {rows}x{depth}x{columns} {order:?}", T::ELEMENT);
    }
    for order in [Order::RowMajor, Order::Gaps, Order::Reversed] {
        for shape in [[7, 5, 64], [16, 300, 130], [96, 513, 97], [33, 256, 300]] {
            check::<f32>(shape, order);
            check::<f64>(shape, order);
            check::<bf16>(shape, order);
            check::<i16>(shape, order);
        }
    }
    let many_rows = MatMul::plan(&MatMulDescriptor::row_major(Element::F32, 500, 64, 64)).unwrap();
    assert_eq!(many_rows.prepacked(), None);
}

/// Sums of products of bytes, by the kernels of this machine, or by these.
fn check_bytes<T: Sample>(
    [rows, depth, columns]: [usize; 3],
    orders: [Order; 3],
    kernels: Option<&kernel::ByteKernels>,
) {
    let source = &mut Random::new(rows as u64 + 5 * depth as u64);
    let lhs = Matrix::<T>::new(orders[0], [1, rows, depth], source);
    let rhs = Matrix::<T>::new(orders[1], [1, depth, columns], source);
    let mut out = Matrix::<i32>::new(orders[2], [1, rows, columns], source);
    let layouts = MatMulDescriptor {
        lhs: lhs.strides,
        rhs: rhs.strides,
        out: out.strides,
        output: Element::I32,
        ..MatMulDescriptor::row_major(T::ELEMENT, rows, depth, columns)
    };
    let plan = MatMul::plan(&layouts).unwrap();
    let to = out.data[out.first..].as_mut_ptr().cast::<u8>();
    match kernels {
        None => run_all(&plan, to, lhs.pointer(), rhs.pointer()),
        Some(kernels) => {
            let (left, right) =
                if plan.transposed { (rhs.pointer(), lhs.pointer()) } else { (lhs.pointer(), rhs.pointer()) };
            let mut scratch = vec![[0u64; 8]; plan.scratch_bytes() / 64 + 1];
            assert_eq!(plan.tiles(), 1);
            let operands = run::Operands {
                left,
                right,
                out: to,
                scratch: scratch.as_mut_ptr().cast(),
                rows: plan.rows as usize,
                columns: plan.columns as usize,
                first_column: 0,
            };
            // SAFETY: the operands are the whole product, which is one tile.
            unsafe { plan.run_bytes(&operands, kernels) };
        }
    }
    for i in 0..rows {
        for j in 0..columns {
            let terms =
                (0..depth).map(|k| lhs.data[lhs.at(0, i, k)].exact() * rhs.data[rhs.at(0, k, j)].exact());
            let expected = terms.sum::<f64>() as i32;
            assert_eq!(
                out.data[out.at(0, i, j)],
                expected,
                "{:?} {rows}x{depth}x{columns} {orders:?}",
                T::ELEMENT
            );
        }
    }
}

#[test]
fn bytes_are_added_up_in_32_bits() {
    for lhs in ORDERS {
        for rhs in ORDERS {
            for out in ORDERS {
                for shape in [[13, 19, 35], [37, 70, 66]] {
                    check_bytes::<i8>(shape, [lhs, rhs, out], None);
                    check_bytes::<u8>(shape, [lhs, rhs, out], None);
                }
            }
        }
    }
    for shape in [[4, 16, 4], [5, 1500, 33], [250, 1025, 40], [3, 40, 64], [64, 2048, 64]] {
        check_bytes::<i8>(shape, [Order::RowMajor; 3], None);
        check_bytes::<u8>(shape, [Order::RowMajor; 3], None);
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn pairs_of_bytes_give_the_same() {
    let Some(kernels) = kernel::pairs() else { return };
    for shape in [[13, 19, 35], [12, 517, 20], [5, 1030, 16]] {
        for orders in [[Order::RowMajor; 3], [Order::Gaps, Order::ColumnMajor, Order::ColumnMajor]] {
            check_bytes::<i8>(shape, orders, Some(&kernels));
            check_bytes::<u8>(shape, orders, Some(&kernels));
        }
    }
}

#[test]
fn halves_are_rounded_as_everywhere() {
    let source = &mut Random::new(11);
    let special = [
        0.0,
        -0.0,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
        f32::MIN_POSITIVE,
        1e-40,
        65520.0,
        65519.9,
    ];
    let numbers: Vec<f32> =
        special.into_iter().chain((0..4086).map(|_| f32::from_bits(source.bits() as u32))).collect();
    for run in numbers.chunks_exact(16) {
        let run: &[f32; 16] = run.try_into().expect("sixteen");
        let (mut halves, mut brains) = ([f16::ZERO; 16], [bf16::ZERO; 16]);
        // SAFETY: the arrays have room for sixteen.
        unsafe {
            element::Stored::<f32>::write_run(run, halves.as_mut_ptr());
            element::Stored::<f32>::write_run(run, brains.as_mut_ptr());
        }
        for (i, &number) in run.iter().enumerate() {
            let same = |found: f32, expected: f32| {
                found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan()
            };
            assert!(same(halves[i].to_f32(), f16::from_f32(number).to_f32()), "{number}");
            assert!(same(brains[i].to_f32(), bf16::from_f32(number).to_f32()), "{number}");
        }
    }
}
