//! Random chains of transformations against plain iterators over vectors, on one thread and on several, whole and resumed at every element.

mod links;
mod model;

use links::{LINKS, Threads};
use model::{Chain, Random, Slot, Value, slot, taken};
use tensorwright_data::{Dataset, Position};

/// More elements are cut off.
const MOST: usize = 60;

/// The chain of a seed, and the names of its links.
fn chain(seed: u64, threads: Threads) -> (Chain, Vec<&'static str>) {
    let mut r = Random(seed);
    let count = r.below(16);
    let mut chain = Chain::new(Dataset::range(count), (0..count).map(|x| Ok(Value::number(x))).collect());
    let mut names = Vec::new();
    for _ in 0..1 + r.below(5) {
        let (name, link) = LINKS[r.below(LINKS.len() as i64) as usize];
        let Some(longer) = link(&chain, &mut r, threads) else { continue };
        chain = longer;
        names.push(name);
        if chain.slots.len() > MOST {
            chain = Chain::new(chain.dataset.take(MOST as u64 / 2), taken(chain.slots, MOST / 2));
        }
    }
    (chain, names)
}

/// The rest from a position on.
fn rest(dataset: &Dataset, position: &Position) -> Vec<Slot> {
    let mut iter = dataset.iter().expect("it can be built");
    let position = Position::from_bytes(position.as_bytes()).expect("a position");
    iter.restore(&position).expect("the same pipeline");
    iter.map(slot).collect()
}

fn check(seed: u64, threads: Threads) {
    let (Chain { dataset, slots: expected }, names) = chain(seed, threads);
    let what = format!("seed {seed}, {threads:?}: {names:?}");
    let mut iter = dataset.iter().unwrap_or_else(|error| panic!("{what}: {error}"));
    let (mut found, mut positions) = (Vec::new(), Vec::new());
    loop {
        positions.push(iter.save().expect("elements have values"));
        let Some(outcome) = iter.next() else { break };
        found.push(slot(outcome));
        assert!(found.len() <= expected.len(), "{what}: more than {expected:?}");
    }
    assert_eq!(found, expected, "{what}");
    assert!(iter.next().is_none(), "{what}: the end is the end");
    drop(iter);
    for (at, position) in positions.iter().enumerate() {
        assert_eq!(rest(&dataset, position), expected[at..], "{what}, from {at}");
    }
    // A pipeline that is built anew, as in another process.
    let at = Random(seed + 1).below(positions.len() as i64) as usize;
    assert_eq!(
        rest(&chain(seed, threads).0.dataset, &positions[at]),
        expected[at..],
        "{what}, anew from {at}"
    );
    assert_eq!(
        dataset.iter().expect("it can be built").map(slot).collect::<Vec<_>>(),
        expected,
        "{what}, again"
    );
}

/// So many chains.
pub(crate) fn run(count: u64) {
    for seed in 0..count {
        check(seed, Threads::One);
        check(seed, Threads::Several);
    }
    // Nothing depends on it.
    let _ = std::fs::remove_dir_all(links::folder());
}

#[test]
fn chains_are_what_plain_iterators_are() {
    run(600);
}
