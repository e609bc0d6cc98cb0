//! Random orders with random options: shuffles, samples and resamples give what they may give, the same again, and resume exactly at every element.

use tensorwright_data::{
    DataError, Dataset, Item, OnEmpty, Passes, ResampleOptions, Result, SampleOptions, ShuffleOptions,
};

/// Numbers that look random: a linear congruence.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// The last number of an element, or the error in its place.
fn number(outcome: Result<Item>) -> Result<i64, ()> {
    let number = |item: &Item| item.to_number().map(|number| number.to_i128() as i64);
    outcome.and_then(|item| item.components().last().map_or(Ok(0), |last| number(last))).map_err(drop)
}

/// All elements; from every place on, a position gives the rest.
fn resumable(what: &str, build: &dyn Fn() -> Dataset) -> Vec<Result<i64, ()>> {
    let dataset = build();
    let mut iter = dataset.iter().unwrap_or_else(|error| panic!("{what}: {error}"));
    let (mut all, mut positions) = (Vec::new(), Vec::new());
    loop {
        positions.push(iter.save().expect("elements have values"));
        let Some(outcome) = iter.next() else { break };
        all.push(number(outcome));
    }
    for (at, position) in positions.iter().enumerate() {
        let mut other = build().iter().expect("it can be built");
        other.restore(position).unwrap_or_else(|error| panic!("{what} at {at}: {error}"));
        assert_eq!(other.map(number).collect::<Vec<_>>(), all[at..], "{what} at {at}");
    }
    all
}

/// One epoch: each element once, none earlier than the buffer lets it.
fn is_shuffled(what: &str, epoch: &[Result<i64, ()>], whole: &[Result<i64, ()>], buffer: usize) {
    let good: Vec<i64> = whole.iter().flatten().copied().collect();
    let given: Vec<i64> = epoch.iter().flatten().copied().collect();
    let mut sorted = given.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, good, "{what}");
    assert_eq!(epoch.len(), whole.len(), "{what}: errors come out once each");
    for (at, value) in given.iter().enumerate() {
        let place = good.iter().position(|own| own == value).expect("it is there");
        assert!(place < at + buffer, "{what}: {value} at {at} from {place}");
    }
}

fn shuffle(seed: u64) {
    let mut r = Random(seed);
    let (count, buffer, times) = (r.below(40), 1 + r.below(50), 1 + r.below(3));
    let (fails, passes) = (r.below(9), if r.flag() { Passes::Alike } else { Passes::Different });
    let own = if r.flag() { Some(r.below(99)) } else { None };
    let what = format!("seed {seed}: {count} by {buffer}, {times} times, {passes:?}, {own:?}");
    let f = move |x: i64| if x as u64 % 9 == fails { Err(DataError::invalid("refused")) } else { Ok(x) };
    let options = ShuffleOptions::new(buffer as usize).passes(passes);
    let options = own.map_or(options, |own| options.seed(own));
    let dataset = Dataset::range(count as i64).map(f).shuffle(options).repeat(times);
    let whole: Vec<Result<i64, ()>> = (0..count as i64).map(|x| f(x).map_err(drop)).collect();
    let all = resumable(&what, &|| dataset.clone());
    let epochs: Vec<_> = all.chunks(whole.len().max(1)).collect();
    assert_eq!(epochs.len() as u64, if count == 0 { 0 } else { times }, "{what}");
    epochs.iter().for_each(|epoch| is_shuffled(&what, epoch, &whole, buffer as usize));
    let values = |epoch: &[Result<i64, ()>]| epoch.iter().flatten().copied().collect::<Vec<i64>>();
    for pair in epochs.windows(2) {
        let same = values(pair[0]) == values(pair[1]);
        match passes {
            Passes::Alike => assert!(same, "{what}"),
            Passes::Different if count > 20 && buffer > 10 => assert!(!same, "{what}"),
            Passes::Different => {}
        }
    }
    if own.is_some() {
        let anew = Dataset::range(count as i64).map(f).shuffle(options).repeat(times);
        assert_eq!(anew.iter().expect("it can be built").map(number).collect::<Vec<_>>(), all, "{what}");
    }
}

fn sample(seed: u64) {
    let mut r = Random(seed);
    let counts: Vec<u64> = (0..1 + r.below(4)).map(|_| r.below(9)).collect();
    let mut weights: Vec<f64> = counts.iter().map(|_| r.below(4) as f64).collect();
    weights[0] += 1.0;
    let on_empty = if r.flag() { OnEmpty::Skip } else { OnEmpty::Stop };
    let what = format!("seed {seed}: {counts:?} by {weights:?}, {on_empty:?}");
    let parts: Vec<Dataset> = (0i64..)
        .zip(&counts)
        .map(|(i, count)| Dataset::range_by(100 * i, 100 * i + *count as i64, 1))
        .collect();
    let options = SampleOptions::new().weights(weights.clone()).seed(seed).on_empty(on_empty);
    let all = resumable(&what, &|| Dataset::sample(&parts, &options));
    let mut whole = 0;
    for (i, (count, weight)) in counts.iter().zip(&weights).enumerate() {
        let own: Vec<i64> = all.iter().flatten().filter(|x| **x / 100 == i as i64).copied().collect();
        let expected: Vec<i64> = (0..own.len() as i64).map(|x| 100 * i as i64 + x).collect();
        assert_eq!(own, expected, "{what}: in order, none twice");
        let is_whole = own.len() as u64 == *count && *weight > 0.0;
        whole += u64::from(is_whole);
        assert!(own.is_empty() || *weight > 0.0, "{what}");
        assert!(is_whole || *weight == 0.0 || on_empty == OnEmpty::Stop, "{what}: nothing is lost");
    }
    assert!(whole > 0, "{what}: it ends where one ends");
}

fn resample(seed: u64) {
    let mut r = Random(seed);
    let (count, classes) = (r.below(60) as i64, 2 + r.below(3) as i64);
    let target: Vec<f64> = (0..classes).map(|class| r.below(4) as f64 + f64::from(class == 0)).collect();
    let options = ResampleOptions::new(target.clone()).seed(seed);
    let options = if r.flag() { options.initial(vec![1.0; classes as usize]) } else { options };
    let what = format!("seed {seed}: {count} to {target:?}");
    let build = || Dataset::range(count).rejection_resample(&options, move |x: i64| x % classes);
    let all: Vec<i64> = resumable(&what, &build).into_iter().map(|x| x.expect("no errors")).collect();
    assert!(all.is_sorted_by(|a, b| a < b), "{what}: in order, none twice");
    assert!(all.iter().all(|x| *x < count && target[(x % classes) as usize] > 0.0), "{what}");
}

#[test]
fn shuffles_are_permutations_within_their_buffer() {
    (0..60).for_each(shuffle);
}

#[test]
fn samples_are_the_datasets_in_their_order() {
    (0..60).for_each(sample);
}

#[test]
fn resamples_leave_elements_out() {
    (0..40).for_each(resample);
}
