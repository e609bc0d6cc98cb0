//! Positions: whatever an iterator has given, one that is restored gives the rest, also over a dataset that was built anew.

use tensorwright::prelude::*;
use tensorwright_data::{
    BatchOptions, DataError, Dataset, InterleaveOptions, Item, Parallel, Passes, Position, Result,
    SampleOptions, WindowOptions,
};

/// Elements and errors as text.
fn shown(outcome: Result<Item>) -> String {
    match outcome {
        Ok(item) => match item.to_tensor() {
            Ok(tensor) => tensor.to_string(),
            Err(_) => format!("{item:?}"),
        },
        Err(error) => error.to_string(),
    }
}

fn failing(x: i64) -> Result<i64> {
    if x % 7 == 3 { Err(DataError::invalid("a multiple of 7, and 3")) } else { Ok(x * 2) }
}

type Build = fn() -> Dataset;

/// Pipelines, with the most bytes that a position may take.
const PIPELINES: [(&str, Build, usize); 18] = [
    ("range", || Dataset::range(20), 64),
    ("map, errors", || Dataset::range(20).map(failing), 64),
    ("batch", || Dataset::range(20).map(failing).batch(3), 64),
    ("shuffle", || Dataset::range(60).shuffle((16, 1)), 64),
    ("shuffle, errors", || Dataset::range(60).map(failing).shuffle((16, 1)), 96),
    ("shuffle of repeats", || Dataset::range(11).repeat(5).shuffle((16, 1)).batch(4), 96),
    ("repeats of shuffles", || Dataset::range(11).shuffle((16, 1)).repeat(4).batch(4), 96),
    ("shuffle without a seed", || Dataset::range(40).shuffle(16), 64),
    ("shuffle of shuffles", || Dataset::range(40).shuffle((8, 1)).shuffle((8, 2)), 160),
    ("parallel", || Dataset::range(50).map_parallel(3, failing).batch(2), 64),
    ("prefetch", || Dataset::range(50).map(failing).prefetch(4), 64),
    (
        "all of them",
        || {
            let parallel = Dataset::range(40).shuffle((8, 1)).map_parallel(Parallel::Auto, failing);
            parallel.batch(BatchOptions::new(3).drop_remainder()).prefetch(2).repeat(3)
        },
        160,
    ),
    (
        "interleave",
        || {
            let body = |x: i64| Dataset::range(x).map(move |y: i64| x * 100 + y);
            Dataset::range(7).interleave(InterleaveOptions::new(3).block(2).parallel(3), body)
        },
        200,
    ),
    (
        "windows",
        || {
            let windows = Dataset::range(12).window(WindowOptions::new(3).shift(2));
            windows.flat_map(|window| Dataset::from_window(&window).batch(2))
        },
        128,
    ),
    ("cache", || Dataset::range(9).shuffle((9, 1)).cache().repeat(3), 128),
    (
        "sample",
        || {
            let parts = [Dataset::range(9), Dataset::range_by(100i64, 109, 1)];
            Dataset::sample(&parts, &SampleOptions::new().weights([1.0, 2.0]).seed(1))
        },
        160,
    ),
    ("random", || Dataset::random(None, Passes::Different).take(9), 64),
    (
        "concatenate and zip",
        || {
            let first = Dataset::range(5).concatenate(&Dataset::range(6));
            Dataset::zip((first.clone(), first.skip(2)))
                .map(|(x, y): (i64, i64)| x * 100 + y)
                .enumerate(0)
                .unbatched()
        },
        96,
    ),
];

/// Pairs as their second parts.
trait Unbatched {
    fn unbatched(&self) -> Dataset;
}

impl Unbatched for Dataset {
    fn unbatched(&self) -> Dataset {
        self.map(|(i, x): (i64, i64)| i * 10_000 + x)
    }
}

#[test]
fn what_follows_a_position_is_what_would_have_followed() {
    for (name, build, most) in PIPELINES {
        let dataset = build();
        let mut iter = dataset.iter().unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut positions = Vec::new();
        let mut given = Vec::new();
        loop {
            positions.push(iter.save().expect("elements have values"));
            let Some(outcome) = iter.next() else { break };
            given.push(shown(outcome));
        }
        for (at, position) in positions.iter().enumerate() {
            let bytes = position.as_bytes();
            assert!(bytes.len() <= most, "{name}: {} bytes at {at}", bytes.len());
            let position = Position::from_bytes(bytes).expect("a position");
            let mut other = build().iter().expect("it can be built");
            other.by_ref().take(at % 3).for_each(drop);
            other.restore(&position).unwrap_or_else(|error| panic!("{name} at {at}: {error}"));
            let rest: Vec<String> = other.map(shown).collect();
            assert_eq!(rest, given[at..], "{name} at {at}");
        }
    }
}

#[test]
fn a_position_of_a_large_shuffle_takes_few_bytes() {
    let build = || {
        Dataset::range(100_000).repeat(None).shuffle((10_000, 3)).map(|x: i64| x + 1).batch(128).prefetch(2)
    };
    let mut iter = build().iter().expect("it can be built");
    iter.by_ref().take(1500).for_each(drop);
    let position = iter.save().expect("elements have values");
    assert!(position.as_bytes().len() < 300, "{}", position.as_bytes().len());
    let mut other = build().iter().expect("it can be built");
    other.restore(&position).expect("the same pipeline");
    for _ in 0..100 {
        assert_eq!(iter.next().map(shown), other.next().map(shown));
    }
}

#[test]
fn results_in_any_order_are_all_there() {
    let build = || Dataset::range(200).map_parallel(Parallel::new(3).any_order(), |x: i64| x * 2).prefetch(5);
    let number =
        |outcome: Result<Item>| outcome.and_then(|item| item.to_number()).map(|number| number.to_i128()).ok();
    for at in [0, 1, 17, 199] {
        let mut iter = build().iter().expect("it can be built");
        let mut numbers: Vec<Option<i128>> = iter.by_ref().take(at).map(number).collect();
        let position = iter.save().expect("elements have values");
        let mut other = build().iter().expect("it can be built");
        other.restore(&position).expect("the same pipeline");
        numbers.extend(other.map(number));
        numbers.sort_unstable();
        assert_eq!(numbers, (0..200).map(|x| Some(x * 2)).collect::<Vec<_>>(), "at {at}");
    }
}

#[test]
fn positions_of_other_pipelines_and_damaged_ones_are_refused() {
    let mut iter = Dataset::range(9).shuffle((4, 1)).batch(2).iter().expect("it can be built");
    iter.next();
    let position = iter.save().expect("elements have values");
    let mut other = Dataset::range(9).batch(2).iter().expect("it can be built");
    assert!(other.restore(&position).is_err());
    assert_eq!(other.count(), 5, "it stands where it stood");
    let bytes = position.as_bytes();
    assert!(Position::from_bytes(b"nothing").is_err());
    for cut in 4..bytes.len() {
        let mut iter = Dataset::range(9).shuffle((4, 1)).batch(2).iter().expect("it can be built");
        assert!(
            Position::from_bytes(&bytes[..cut]).and_then(|position| iter.restore(&position)).is_err(),
            "{cut}"
        );
    }
    for at in 4..bytes.len() {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 0x55;
        let mut iter = Dataset::range(9).shuffle((4, 1)).batch(2).iter().expect("it can be built");
        if Position::from_bytes(&bytes).and_then(|position| iter.restore(&position)).is_ok() {
            iter.take(100).for_each(drop);
        }
    }
}

#[test]
fn maps_of_tensors_are_traced_and_compiled_once() {
    let rows = Dataset::from_slices((Tensor::ones([6, 3], DType::F32), Tensor::arange(6, DType::I64)));
    let mapped = rows.map(|(x, y): (Tensor, Tensor)| (x * 2.0, y + 1)).batch(4);
    assert_eq!(mapped.spec().expect("it can be built").to_string(), "(f32[?,3], i64[?])");
    let batches: Vec<(Tensor, Tensor)> =
        mapped.iter_as().expect("pairs").collect::<Result<_>>().expect("no errors");
    assert_eq!(batches[0].0.to_vec::<f32>().expect("values"), [2.0; 12]);
    assert_eq!(batches[1].1.to_vec::<i64>().expect("values"), [5, 6]);
    let wrong = rows.map(|(x, y): (Tensor, Tensor)| x + y);
    assert!(wrong.error().expect("dtypes differ").location().is_some());
}
