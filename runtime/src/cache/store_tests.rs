//! The cache under eviction, failure, panic and many threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;
use std::thread;

use super::*;

struct Heavy(usize);

impl Weigh for Heavy {
    fn bytes(&self) -> usize {
        self.0
    }
}

type TestCache = Cache<Box<[u64]>, Heavy, String>;

fn put(cache: &TestCache, key: u64, bytes: usize) -> Arc<Entry<Box<[u64]>, Heavy>> {
    cache.get_or_make(&[key][..], || Ok(Heavy(bytes))).unwrap()
}

fn holds(cache: &TestCache, key: u64) -> bool {
    cache.entries().iter().any(|entry| entry.key()[0] == key)
}

#[test]
fn the_least_recently_used_goes_first() {
    let cache = TestCache::new(30);
    for key in 0..3 {
        put(&cache, key, 10);
    }
    put(&cache, 0, 10);
    put(&cache, 3, 10);
    assert!(holds(&cache, 0) && !holds(&cache, 1) && holds(&cache, 2) && holds(&cache, 3));
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.evictions, stats.bytes, stats.entries), (1, 4, 1, 30, 3));
    assert!(cache.was_evicted(&[1u64][..]) && !cache.was_evicted(&[2u64][..]));
}

#[test]
fn an_evicted_entry_lives_as_long_as_it_runs() {
    let cache = TestCache::new(10);
    let running = put(&cache, 0, 10);
    put(&cache, 1, 10);
    assert_eq!(Arc::strong_count(&running), 1, "the cache let go of it");
    assert_eq!(running.0, 10);
}

#[test]
fn pinned_entries_stay() {
    let cache = TestCache::new(20);
    put(&cache, 0, 10).set_pinned(true);
    for key in 1..10 {
        put(&cache, key, 10);
    }
    assert!(holds(&cache, 0));
    assert_eq!(cache.stats().pinned, 1);
}

#[test]
fn an_entry_above_the_budget_is_kept_until_the_next() {
    let cache = TestCache::new(5);
    put(&cache, 0, 10);
    assert!(holds(&cache, 0));
    put(&cache, 1, 1);
    assert!(!holds(&cache, 0));
}

#[test]
fn a_smaller_budget_takes_effect_at_once() {
    let cache = TestCache::new(100);
    let entry = Arc::downgrade(&put(&cache, 0, 10));
    cache.set_budget(0);
    assert!(entry.upgrade().is_none());
    assert!(cache.last(&[0u64][..]).is_none());
}

#[test]
fn the_last_entry_needs_no_lookup() {
    let cache = TestCache::new(100);
    put(&cache, 7, 10);
    let held = cache.lock();
    assert_eq!(cache.last(&[7u64][..]).unwrap().bytes(), 10);
    drop(held);
    assert!(cache.last(&[8u64][..]).is_none());
    assert_eq!(cache.stats().hits, 1);
}

#[test]
fn many_threads_one_compilation() {
    let (cache, made, barrier) = (TestCache::new(100), AtomicUsize::new(0), Barrier::new(16));
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                barrier.wait();
                let entry = cache.get_or_make(&[1u64][..], || {
                    made.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(20));
                    Ok(Heavy(1))
                });
                assert_eq!(entry.unwrap().0, 1);
            });
        }
    });
    assert_eq!(made.into_inner(), 1);
    let stats = cache.stats();
    assert_eq!((stats.misses, stats.hits + stats.waits), (1, 15));
}

#[test]
fn other_keys_are_not_blocked() {
    let cache = TestCache::new(100);
    let inner = cache.get_or_make(&[1u64][..], || {
        thread::scope(|scope| scope.spawn(|| put(&cache, 2, 5).bytes()).join().unwrap());
        Ok(Heavy(1))
    });
    assert_eq!(inner.unwrap().0, 1);
    assert_eq!(cache.stats().entries, 2);
}

#[test]
fn a_failure_is_shared_and_not_kept() {
    let cache = TestCache::new(100);
    let failed = cache.get_or_make(&[1u64][..], || Err("no".to_owned()));
    assert_eq!(failed.err(), Some(LookupError::Failed("no".to_owned())));
    assert_eq!(put(&cache, 1, 3).0, 3);
    assert_eq!(cache.stats().failures, 1);
}

#[test]
fn a_panic_does_not_poison() {
    let cache = TestCache::new(100);
    let panicking = AssertUnwindSafe(|| cache.get_or_make(&[1u64][..], || panic!("in the closure")).is_ok());
    assert!(catch_unwind(panicking).is_err());
    assert_eq!(put(&cache, 1, 3).0, 3);
}

#[test]
fn who_waits_for_a_panicking_leader_tries_again() {
    let (cache, barrier) = (TestCache::new(100), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            let panicking = AssertUnwindSafe(|| {
                cache
                    .get_or_make(&[1u64][..], || {
                        barrier.wait();
                        thread::sleep(Duration::from_millis(20));
                        panic!("in the closure")
                    })
                    .is_ok()
            });
            assert!(catch_unwind(panicking).is_err());
        });
        barrier.wait();
        assert_eq!(put(&cache, 1, 3).0, 3);
    });
}

#[test]
fn asking_for_oneself_is_an_error() {
    let cache = TestCache::new(100);
    let outer = cache.get_or_make(&[1u64][..], || {
        let inner = cache.get_or_make(&[1u64][..], || Ok(Heavy(1)));
        assert_eq!(inner.err(), Some(LookupError::Cycle));
        Ok(Heavy(2))
    });
    assert_eq!(outer.unwrap().0, 2);
}

#[test]
fn a_hundred_thousand_keys_stay_in_bounds() {
    let cache = TestCache::new(10_000);
    for key in 0..100_000 {
        put(&cache, key, 10);
    }
    let stats = cache.stats();
    assert!(stats.bytes <= 10_000 && stats.entries <= 1000, "{stats}");
    assert_eq!(stats.evictions as usize + stats.entries, 100_000);
}
