//! Sets that are generated: element `i` is a function of the seed and of `i`.

use tensorwright::{DType, Scalar};

use crate::error::Result;
use crate::item::Item;
use crate::pipeline::Dataset;
use crate::random::{Rng, mix2};
use crate::spec::Spec;

/// A normal number (Box and Muller, 1958).
fn normal(rng: &mut Rng) -> f64 {
    (-2.0 * (1.0 - rng.unit()).ln()).sqrt() * (std::f64::consts::TAU * rng.unit()).cos()
}

fn floats(values: &[f64]) -> Result<Item> {
    Item::numbers(DType::F32, &[values.len()], values.iter().map(|value| Scalar::F32(*value as f32)))
}

fn ints(values: &[u64]) -> Result<Item> {
    Item::numbers(DType::I64, &[values.len()], values.iter().map(|value| Scalar::I64(*value as i64)))
}

/// Pairs that a function makes of a generator and a number.
fn pairs(
    count: u64,
    seed: u64,
    spec: [Spec; 2],
    f: impl Fn(&mut Rng, u64) -> Result<[Item; 2]> + Send + Sync + 'static,
) -> Dataset {
    let spec = Spec::Tuple(spec.into());
    Dataset::from_fn(count, move |i| f(&mut Rng::new(mix2(seed, i)), i).map(Item::tuple)).with_spec(spec)
}

/// Points of the plane around as many centres as there are classes, which lie on a circle: `(f32[2], i64[])`.
///
/// ```
/// # use tensorwright::prelude::*;
/// let points = tensorwright::data::sets::blobs(300, 3, 0.5, 1);
/// assert_eq!(points.spec()?.to_string(), "(f32[2], i64[])");
/// # Ok::<(), tensorwright::data::DataError>(())
/// ```
pub fn blobs(count: u64, classes: u64, spread: f64, seed: u64) -> Dataset {
    let classes = classes.max(1);
    pairs(count, seed, [Spec::number(DType::F32, [2]), Spec::scalar(DType::I64)], move |rng, i| {
        let class = i % classes;
        let angle = std::f64::consts::TAU * class as f64 / classes as f64;
        let point = [3.0 * angle.cos() + spread * normal(rng), 3.0 * angle.sin() + spread * normal(rng)];
        Ok([floats(&point)?, Item::number(class as i64)])
    })
}

/// Points of two half circles that reach into each other: `(f32[2], i64[])`.
pub fn moons(count: u64, noise: f64, seed: u64) -> Dataset {
    pairs(count, seed, [Spec::number(DType::F32, [2]), Spec::scalar(DType::I64)], move |rng, i| {
        let angle = std::f64::consts::PI * rng.unit();
        let point =
            if i % 2 == 0 { [angle.cos(), angle.sin()] } else { [1.0 - angle.cos(), 0.5 - angle.sin()] };
        Ok([floats(&point.map(|x| x + noise * normal(rng)))?, Item::number((i % 2) as i64)])
    })
}

/// Points of spirals around each other, one for each class: `(f32[2], i64[])`.
pub fn spirals(count: u64, classes: u64, noise: f64, seed: u64) -> Dataset {
    let classes = classes.max(1);
    pairs(count, seed, [Spec::number(DType::F32, [2]), Spec::scalar(DType::I64)], move |rng, i| {
        let (class, radius) = (i % classes, rng.unit());
        let angle = std::f64::consts::TAU * (class as f64 / classes as f64 + radius) + noise * normal(rng);
        Ok([floats(&[radius * angle.cos(), radius * angle.sin()])?, Item::number(class as i64)])
    })
}

/// Sine waves of random frequency and phase with noise, and the value that comes next: `(f32[length, 1], f32[1])`.
pub fn sines(count: u64, length: usize, noise: f64, seed: u64) -> Dataset {
    let spec = [Spec::number(DType::F32, [length, 1]), Spec::number(DType::F32, [1])];
    pairs(count, seed, spec, move |rng, _| {
        let (step, phase) = (0.1 + 0.4 * rng.unit(), std::f64::consts::TAU * rng.unit());
        let mut wave: Vec<f64> = (0..=length).map(|t| (phase + step * t as f64).sin()).collect();
        wave.iter_mut().for_each(|value| *value += noise * normal(rng));
        let numbers = wave[..length].iter().map(|value| Scalar::F32(*value as f32));
        Ok([Item::numbers(DType::F32, &[length, 1], numbers)?, floats(&wave[length..])?])
    })
}

/// The copy task: symbols of 1 to `symbols`, zeros to wait, and the symbols again as what is to be said: `(i64[2 length], i64[2 length])`.
pub fn copy_task(count: u64, length: usize, symbols: u64, seed: u64) -> Dataset {
    let spec = || Spec::number(DType::I64, [2 * length]);
    pairs(count, seed, [spec(), spec()], move |rng, _| {
        let own: Vec<u64> = (0..length).map(|_| 1 + rng.below(symbols.max(1))).collect();
        let zeros = vec![0; length];
        Ok([ints(&[&own[..], &zeros].concat())?, ints(&[&zeros[..], &own].concat())?])
    })
}

/// The addition task: numbers of [0, 1), two of which are marked, and the sum of these: `(f32[length, 2], f32[1])`. Lengths are at least 2.
pub fn addition_task(count: u64, length: usize, seed: u64) -> Dataset {
    let length = length.max(2);
    let spec = [Spec::number(DType::F32, [length, 2]), Spec::number(DType::F32, [1])];
    pairs(count, seed, spec, move |rng, _| {
        let half = length as u64 / 2;
        let marked = [rng.below(half), half + rng.below(length as u64 - half)];
        let numbers: Vec<f64> = (0..length).map(|_| rng.unit()).collect();
        let mark = |i: usize| f64::from(u8::from(marked.contains(&(i as u64))));
        let rows = numbers.iter().enumerate().flat_map(|(i, number)| [*number, mark(i)]);
        let sum: f64 = marked.iter().map(|place| numbers[*place as usize]).sum();
        Ok([
            Item::numbers(DType::F32, &[length, 2], rows.map(|value| Scalar::F32(value as f32)))?,
            floats(&[sum])?,
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Cardinality;

    #[test]
    fn generated_sets_are_as_many_as_asked_for_and_the_same_again() {
        let all = [
            blobs(10, 3, 0.1, 1),
            moons(10, 0.1, 1),
            spirals(10, 2, 0.1, 1),
            sines(10, 8, 0.0, 1),
            copy_task(10, 4, 8, 1),
            addition_task(10, 6, 1),
        ];
        for set in all {
            assert_eq!(set.cardinality().expect("it can be built"), Cardinality::Known(10));
            let read = || {
                set.iter()
                    .expect("it can be built")
                    .map(|item| format!("{:?}", item.expect("an element")))
                    .collect::<Vec<_>>()
            };
            assert_eq!(read(), read());
        }
    }

    #[test]
    fn sums_are_of_the_marked_numbers() {
        for pair in
            addition_task(20, 7, 3).iter_as::<(tensorwright::Tensor, tensorwright::Tensor)>().expect("pairs")
        {
            let (rows, sum) = pair.expect("an element");
            let rows = rows.to_vec::<f32>().expect("values");
            let marked: Vec<f32> = rows.chunks(2).filter(|row| row[1] == 1.0).map(|row| row[0]).collect();
            assert_eq!(marked.len(), 2);
            assert!((marked[0] + marked[1] - sum.to_vec::<f32>().expect("values")[0]).abs() < 1e-6);
        }
    }
}
