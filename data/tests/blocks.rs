//! Maps over tensors give the same bits in blocks as element by element, and the same errors, in the same places.

use tensorwright::Scalar;
use tensorwright::prelude::*;
use tensorwright_data::{DataError, Dataset, Item, Parallel, Result, Spec};

/// Numbers of all magnitudes, NaN, infinities and zeros among them.
fn numbers(count: usize) -> Vec<f32> {
    let special = [0.0, -0.0, f32::NAN, f32::INFINITY, -f32::INFINITY, f32::MIN_POSITIVE, 1.0];
    let number = |i: usize| match i % 11 {
        0 => special[i / 11 % special.len()],
        _ => f32::from_bits((i as u32).wrapping_mul(2_654_435_761)),
    };
    (0..count).map(number).collect()
}

/// Sizes and bits of the tensors of an element; NaN is like every other NaN.
fn bits(item: &Item) -> Vec<(Vec<usize>, Vec<u64>)> {
    let canonical = |number: Scalar| match number.dtype().is_float() && number.to_f64().is_nan() {
        true => u64::MAX,
        false => number.bits(),
    };
    let bits = |item: &&Item| {
        let tensor = item.to_tensor().expect("a tensor");
        let dtype = tensor.dtype().expect("no error");
        let bytes = tensor.as_bytes().expect("values").chunks_exact(dtype.size());
        let numbers = bytes.map(|bytes| canonical(Scalar::from_le_bytes(dtype, bytes))).collect();
        (tensor.shape().expect("no error").sizes().to_vec(), numbers)
    };
    item.components().iter().map(bits).collect()
}

fn all(dataset: &Dataset) -> Vec<Vec<(Vec<usize>, Vec<u64>)>> {
    dataset.iter().expect("it can be built").map(|item| bits(&item.expect("no errors"))).collect()
}

/// The same elements from a generator, which is not read ahead: so there are no blocks.
fn one_by_one(rows: &Dataset) -> Dataset {
    let (spec, rows) = (rows.spec().expect("it can be built").clone(), rows.clone());
    Dataset::from_generator(spec, move || rows.iter().expect("it can be built"))
}

fn agrees<R: tensorwright_data::IntoItem>(
    name: &str,
    shape: &[usize],
    f: impl Fn(Tensor) -> R + Clone + Send + Sync + 'static,
) {
    let count = 700;
    let sizes: Vec<usize> = [count].iter().chain(shape).copied().collect();
    let rows = Dataset::from_slices(Tensor::from_slice(&numbers(sizes.iter().product()), sizes));
    let expected = all(&one_by_one(&rows).map(f.clone()));
    assert_eq!(expected.len(), count);
    let found = all(&rows.map(f.clone()));
    let wrong = (0..count).find(|i| found[*i] != expected[*i]);
    assert_eq!(wrong.map(|i| (i, &found[i], &expected[i])), None, "{name} of {shape:?}");
    assert!(all(&rows.map_parallel(Parallel::new(2), f)) == expected, "{name} of {shape:?} on threads");
}

#[test]
fn blocks_have_the_bits_of_elements() {
    for shape in [&[][..], &[3], &[2, 5]] {
        agrees("exp", shape, |x: Tensor| x.exp());
        agrees("log and sqrt", shape, |x: Tensor| (x.abs().log(), x.sqrt()));
        agrees("sine", shape, |x: Tensor| x.sin() * x.cos());
        agrees("tanh and sigmoid", shape, |x: Tensor| x.tanh() + x.sigmoid());
        agrees("error function", shape, |x: Tensor| x.erf() * 0.5);
        agrees("power", shape, |x: Tensor| x.abs().pow(1.7f32) / (x + 3.0));
        agrees("casts", shape, |x: Tensor| {
            (x.cast(DType::I32), x.cast(DType::F16), x.cast(DType::F64) * 0.1)
        });
        agrees("comparison", shape, |x: Tensor| x.gt(0.5f32).select(&x * 2.0, &x - 1.0));
        agrees("a constant", shape, |_: Tensor| Tensor::from([1.0f32, 2.0]));
    }
    let bias = Tensor::from([0.5f32, 1.5, 2.5, 3.5, 4.5]);
    agrees("movement", &[2, 5], move |x: Tensor| (x.t().reshape(10), &x + &bias, x.i(1)));
}

#[test]
fn errors_stay_in_their_places_and_positions_within_blocks_are_exact() {
    let refused = |x: i64| if x % 7 == 3 { Err(DataError::invalid("refused")) } else { Ok(x) };
    let dataset = Dataset::range(1000).map(refused).map(|x: Tensor| x * 3 + 1);
    let outcomes: Vec<Result<i64>> = dataset.iter_as().expect("numbers").collect();
    for (x, outcome) in (0i64..).zip(&outcomes) {
        match outcome {
            Ok(y) => assert!(x % 7 != 3 && *y == 3 * x + 1),
            Err(error) => assert_eq!((x % 7, error.element()), (3, Some(x as u64))),
        }
    }
    let mut iter = dataset.iter().expect("it can be built");
    let mut given = 0;
    for at in [0, 1, 5, 8, 9, 30, 100, 500, 900, 1000] {
        given += iter.by_ref().take(at - given).count();
        let position = iter.save().expect("places");
        assert!(position.as_bytes().len() < 64);
        let mut other = dataset.iter_as::<i64>().expect("numbers");
        other.restore(&position).expect("the same pipeline");
        let rest: Vec<Option<i64>> = other.map(Result::ok).collect();
        let own: Vec<Option<i64>> =
            outcomes[at..].iter().map(|outcome| outcome.as_ref().ok().copied()).collect();
        assert_eq!(rest, own, "from {at}");
    }
}

#[test]
fn a_generator_is_not_kept_waiting() {
    let (sender, receiver) = std::sync::mpsc::channel::<i64>();
    let receiver = std::sync::Arc::new(std::sync::Mutex::new(receiver));
    let events = Dataset::from_generator(Spec::scalar(DType::I64), move || {
        let receiver = receiver.clone();
        std::iter::from_fn(move || {
            receiver.lock().expect("nobody panics").recv().ok().map(|x| Ok(Item::number(x)))
        })
    });
    let mut iter = events.map(|x: Tensor| x + 1).iter_as::<i64>().expect("numbers");
    for x in 0..5 {
        sender.send(x).expect("it is read");
        assert_eq!(iter.next().expect("an event").expect("no error"), x + 1, "before the next one is sent");
    }
}
