//! Random chains of transformations against plain iterators over vectors, on one thread and on several, whole and resumed.

use tensorwright_data::{
    BatchOptions, DataError, Dataset, InterleaveOptions, Item, Parallel, Position, Result, WindowOptions,
};

/// Numbers that look random: a linear congruence.
struct Random(u64);

impl Random {
    fn below(&mut self, n: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n as u64) as i64
    }
}

/// An element, or the error in its place.
type Slot = Result<i64, ()>;

fn oks(slots: Vec<Slot>, f: impl Fn(i64) -> Slot) -> Vec<Slot> {
    slots.into_iter().map(|slot| slot.and_then(&f)).collect()
}

/// Sums of batches: an error loses what was gathered.
fn batch_sums(slots: &[Slot], size: usize, drops: bool) -> Vec<Slot> {
    let (mut out, mut batch) = (Vec::new(), Vec::new());
    for slot in slots {
        match slot {
            Ok(x) => batch.push(*x),
            Err(()) => {
                batch.clear();
                out.push(Err(()));
            }
        }
        if batch.len() == size {
            out.push(Ok(batch.drain(..).sum()));
        }
    }
    if !batch.is_empty() && !drops {
        out.push(Ok(batch.into_iter().sum()));
    }
    out
}

/// Turns of so many datasets, `0..x % 4` above `x`, one element each.
fn interleaved(slots: &[Slot], cycle: usize) -> Vec<Slot> {
    let mut input = slots.iter();
    let mut open: Vec<Option<std::ops::Range<i64>>> = vec![None; cycle];
    let (mut out, mut turn, mut has_ended) = (Vec::new(), 0, false);
    loop {
        if open[turn].is_none() && !has_ended {
            match input.next() {
                None => has_ended = true,
                Some(Err(())) => {
                    out.push(Err(()));
                    continue;
                }
                Some(Ok(x)) => open[turn] = Some(*x..*x + x.rem_euclid(4)),
            }
        }
        if open.iter().all(Option::is_none) {
            return out;
        }
        match open[turn].as_mut().map(Iterator::next) {
            Some(Some(x)) => out.push(Ok(x)),
            _ => open[turn] = None,
        }
        turn = (turn + 1) % cycle;
    }
}

fn total(item: Item) -> Result<i64> {
    Ok(item.to_tensor()?.to_vec::<i64>()?.iter().sum())
}

/// One more transformation, of a dataset and of what it should give. With `threads`, what can be is parallel.
fn link(dataset: &Dataset, slots: Vec<Slot>, r: &mut Random, threads: bool) -> (Dataset, Vec<Slot>) {
    let (n, m) = (1 + r.below(4), r.below(5));
    let size = n as usize;
    match r.below(13) {
        0 => {
            let f = move |x: i64| x * (m - 2) + n;
            let mapped = if threads { dataset.map_parallel(3, f) } else { dataset.map(f) };
            (mapped, oks(slots, |x| Ok(f(x))))
        }
        1 => {
            let fails = move |x: i64| x.rem_euclid(n + 3) == m;
            let f = move |x: i64| if fails(x) { Err(DataError::invalid("refused")) } else { Ok(x) };
            let mapped = if threads { dataset.map_parallel(2, f) } else { dataset.map(f) };
            (mapped, oks(slots, |x| if fails(x) { Err(()) } else { Ok(x) }))
        }
        2 => {
            let keeps = move |x: i64| x.rem_euclid(n + 1) != 0;
            (
                dataset.filter(keeps),
                slots.into_iter().filter(|slot| slot.is_err() || slot.is_ok_and(keeps)).collect(),
            )
        }
        3 => {
            let mut left = 3 * m;
            let taken = slots.into_iter().take_while(|slot| {
                let goes_on = left > 0;
                left -= i64::from(slot.is_ok());
                goes_on
            });
            (dataset.take(3 * m as u64), taken.collect())
        }
        4 => {
            let skipped = slots.into_iter().enumerate().filter(|(i, slot)| *i as i64 >= m || slot.is_err());
            (dataset.skip(m as u64), skipped.map(|(_, slot)| slot).collect())
        }
        5 => (dataset.repeat(n as u64), vec![slots; size].concat()),
        6 => {
            let kept =
                slots.into_iter().enumerate().filter(|(i, slot)| *i % size == size - 1 || slot.is_err());
            (dataset.shard(n as u64, n as u64 - 1), kept.map(|(_, slot)| slot).collect())
        }
        7 => {
            let drops = m % 2 == 0;
            let options =
                if drops { BatchOptions::new(size).drop_remainder() } else { BatchOptions::new(size) };
            (dataset.batch(options).map(|item: Item| total(item)), batch_sums(&slots, size, drops))
        }
        8 => {
            let options = InterleaveOptions::new(size);
            let options = if threads { options.parallel(Parallel::Auto) } else { options };
            let body = |x: i64| Dataset::range_by(x, x + x.rem_euclid(4), 1);
            (dataset.interleave(options, body).map(|x: i64| x), interleaved(&slots, size))
        }
        9 => {
            let with = if threads { dataset.prefetch(size) } else { dataset.clone() };
            (with, slots)
        }
        10 => {
            let windows = dataset.window(WindowOptions::new(size).shift(1).drop_remainder());
            let sums = windows
                .flat_map(move |window| Dataset::from_window(&window).batch(size))
                .map(|item: Item| total(item));
            let whole = |window: &[Slot]| window.iter().copied().sum::<Result<i64, ()>>();
            (sums, slots.windows(size).map(whole).collect())
        }
        11 => {
            let sums = dataset.scan(n, |(sum, x): (i64, i64)| (sum + x, sum));
            let mut sum = n;
            let states = slots.into_iter().map(|slot| {
                slot.map(|x| {
                    sum += x;
                    sum - x
                })
            });
            (sums, states.collect())
        }
        _ => {
            let more = Dataset::range(m);
            (dataset.concatenate(&more), slots.into_iter().chain((0..m).map(Ok)).collect())
        }
    }
}

fn chain(seed: u64, threads: bool) -> (Dataset, Vec<Slot>) {
    let mut r = Random(seed);
    let count = r.below(16);
    let (mut dataset, mut slots) = (Dataset::range(count), (0..count).map(Ok).collect::<Vec<_>>());
    for _ in 0..1 + r.below(5) {
        (dataset, slots) = link(&dataset, slots, &mut r, threads);
        if slots.len() > 200 {
            let mut left = 100;
            dataset = dataset.take(100);
            slots.retain(|slot| {
                let goes_on = left > 0;
                left -= i64::from(slot.is_ok());
                goes_on
            });
        }
    }
    (dataset, slots)
}

fn slot(outcome: Result<Item>) -> Slot {
    outcome.and_then(|item| item.to_number()).map(|number| number.to_i128() as i64).map_err(drop)
}

fn check(seed: u64) {
    for threads in [false, true] {
        let (dataset, expected) = chain(seed, threads);
        let mut iter = dataset.iter().unwrap_or_else(|error| panic!("{seed}: {error}"));
        let at = Random(seed + 1).below(1 + expected.len() as i64) as usize;
        let mut found: Vec<Slot> = iter.by_ref().take(at).map(slot).collect();
        let position = iter.save().expect("elements have values");
        found.extend(iter.map(slot));
        assert_eq!(found, expected, "{seed}, threads: {threads}");
        let mut other = chain(seed, threads).0.iter().expect("it can be built");
        let position = Position::from_bytes(position.as_bytes()).expect("a position");
        other.restore(&position).unwrap_or_else(|error| panic!("{seed}: {error}"));
        assert_eq!(
            other.map(slot).collect::<Vec<_>>(),
            expected[at..],
            "{seed} from {at}, threads: {threads}"
        );
    }
}

#[test]
fn chains_are_what_plain_iterators_are() {
    let count = std::env::var("TENSORWRIGHT_CHAINS").ok().and_then(|count| count.parse().ok()).unwrap_or(400);
    (0..count).for_each(check);
}
