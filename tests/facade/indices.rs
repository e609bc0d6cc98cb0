//! Indices of every integer dtype, at the ends of the dtype and of the tensor: by themselves, in a function that is given them, and in one that
//! knows them when it is compiled.

use tensorwright::Result;
use tensorwright::prelude::*;

const DTYPES: [DType; 8] =
    [DType::U8, DType::U16, DType::U32, DType::U64, DType::I8, DType::I16, DType::I32, DType::I64];

/// Numbers that the dtype has.
fn numbers(dtype: DType, size: i128) -> Vec<i128> {
    let bits = dtype.size() as u32 * 8;
    let (low, high) = match dtype.is_signed_int() {
        true => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
        false => (0, (1i128 << bits) - 1),
    };
    let all = [low, low + 1, -size - 1, -size, -1, 0, 1, size - 1, size, size + 1, 127, 128, high - 1, high];
    let mut all: Vec<i128> = all.into_iter().filter(|i| (low..=high).contains(i)).collect();
    all.dedup();
    all
}

fn tensor(dtype: DType, numbers: &[i128]) -> Tensor {
    let wide: Vec<u64> = numbers.iter().map(|&i| i as u64).collect();
    let unsigned = Tensor::from_slice(&wide, wide.len());
    if dtype.is_signed_int() { unsigned.bitcast(DType::I64).cast(dtype) } else { unsigned.cast(dtype) }
}

/// Checks the function by itself, with indices as an argument, and with indices that are known.
fn check(
    what: &str,
    indices: &Tensor,
    f: impl Fn(&Tensor) -> Tensor + Copy + Send + Sync + 'static,
    expected: &[i64],
) -> Result<()> {
    let shown = format!("{what} {indices}");
    let known = indices.clone();
    let zero = Tensor::from(0i64);
    let found = [
        ("by itself", f(indices)),
        ("compiled", function(move |i: Tensor| f(&i)).call(indices)?),
        ("known", function(move |zero: Tensor| f(&known) + zero).call(&zero)?),
    ];
    for (how, found) in found {
        let found = found.to_vec::<i64>()?;
        assert_eq!(found, expected, "{how}: {shown}");
    }
    Ok(())
}

#[test]
fn indices_of_every_dtype_are_numbers_not_bits() -> Result<()> {
    for size in [3i128, 200, 300] {
        let within = |i: i128| i.clamp(0, size - 1) as i64;
        for dtype in DTYPES {
            let numbers = numbers(dtype, size);
            let each = |f: &dyn Fn(i128) -> i64| numbers.iter().map(|&i| f(i)).collect::<Vec<i64>>();
            let indices = tensor(dtype, &numbers);
            let count = size as usize;
            let x = move || Tensor::arange(count, DType::I64) * 10;
            check("take", &indices, move |i| x().take(i, 0), &each(&|i| within(i) * 10))?;
            check(
                "take_along_axis",
                &indices,
                move |i| x().take_along_axis(i, 0),
                &each(&|i| within(i) * 10),
            )?;
            let vectors = move |i: &Tensor| x().gather_nd(i.expand_dims(1), 0);
            check("gather_nd", &indices, vectors, &each(&|i| within(i) * 10))?;
            let place = move |i: &Tensor| {
                let hot = i.one_hot(count, -1, DType::I64);
                (hot * (x() + 1)).sum(-1)
            };
            let hot = |i: i128| if (0..size).contains(&i) { i as i64 * 10 + 1 } else { 0 };
            check("one_hot", &indices, place, &each(&hot))?;
            for &i in &numbers {
                let one = tensor(dtype, &[i]);
                check("dynamic_slice", &one, move |i| x().dynamic_slice(i, 2), &{
                    let first = i.clamp(0, size - 2) as i64 * 10;
                    [first, first + 10]
                })?;
                let mut updated: Vec<i64> = (0..size as i64).map(|i| i * 10).collect();
                updated[within(i) as usize] = -1;
                check("dynamic_update_slice", &one, move |i| x().dynamic_update_slice([-1i64], i), &updated)?;
                let mut added = vec![0i64; size as usize];
                // Those below 0 are from the end here, and what is out of range is left out.
                let place = if i < 0 { i + size } else { i };
                if let Some(cell) = usize::try_from(place).ok().and_then(|place| added.get_mut(place)) {
                    *cell = 1;
                }
                let zeros = move || Tensor::zeros(count, DType::I64);
                check("scatter_add", &one, move |i| zeros().scatter_add(0, i, 1), &added)?;
            }
        }
    }
    Ok(())
}

macro_rules! ranges {
    ($($native:ident)*) => {$(
        let (low, high) = ($native::MIN, $native::MAX);
        let range = |start: $native, end: $native, step: $native| {
            Tensor::range(start, end, step).to_vec::<$native>().unwrap()
        };
        assert_eq!(range(high - 5, high, 2), [high - 5, high - 3, high - 1]);
        assert_eq!(range(high - 1, high, high), [high - 1]);
        assert_eq!(range(low, low + 3, 1), [low, low + 1, low + 2]);
        assert_eq!(range(low, high, high / 2 + 1).len() as u64, if low == 0 { 2 } else { 4 });
        assert!(range(high, low, 1).is_empty());
    )*};
}

#[test]
fn ranges_reach_both_ends_of_every_dtype() {
    ranges!(u8 u16 u32 u64 i8 i16 i32 i64);
    assert_eq!(Tensor::range(i8::MIN, i8::MAX, 1).to_vec::<i8>().unwrap().len(), 255);
    assert_eq!(Tensor::range(i64::MAX, i64::MIN, i64::MIN).to_vec::<i64>().unwrap(), [i64::MAX, -1]);
    assert_eq!(Tensor::arange(256, DType::U8).i(-1).item::<u8>().unwrap(), 255);
    assert_eq!(Tensor::arange(2051, DType::F16).i(-1).cast(DType::F32).item::<f32>().unwrap(), 2050.0);
    for (count, dtype) in [(257, DType::U8), (129, DType::I8), (70_000, DType::I16)] {
        assert!(Tensor::arange(count, dtype).ok().is_err(), "{count} numbers of {dtype}");
    }
    assert_eq!(Tensor::range(120i8, -128, -100).to_vec::<i8>().unwrap(), [120, 20, -80]);
}

/// Derivatives go back to where was read, whatever the dtype of the indices.
#[test]
fn gradients_of_reads_at_indices_of_every_dtype() -> Result<()> {
    for dtype in DTYPES {
        let numbers = numbers(dtype, 200);
        let indices = tensor(dtype, &numbers);
        let mut expected = vec![0.0; 200];
        numbers.iter().for_each(|&i| expected[i.clamp(0, 199) as usize] += 1.0);
        let gradient =
            grad(move |x: Tensor| x.take(&indices, 0).sum(..)).call(Tensor::ones(200, DType::F64))?;
        assert_eq!(gradient.to_vec::<f64>()?, expected, "{dtype}");
    }
    Ok(())
}
