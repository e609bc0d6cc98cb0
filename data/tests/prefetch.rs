//! What `prefetch` costs, and that nobody waits for what is there.
#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tensorwright_data::Dataset;

/// How often this thread has waited.
fn waits() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/status").expect("Linux says it");
    let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|line| line.trim().parse().ok()).expect("a number")
}

#[test]
fn small_batches_wake_nobody_for_each() {
    let batches = 10_000;
    let dataset = Dataset::range(8 * batches).batch(8).prefetch(2);
    let before = waits();
    assert_eq!(dataset.iter().expect("it can be built").count(), batches as usize);
    let waited = waits() - before;
    println!("{waited} waits for {batches} batches");
    assert!(waited < batches as u64 / 2, "{waited} waits for {batches} batches");
}

#[test]
fn what_is_there_is_given_while_the_next_one_takes_long() {
    let taken = Arc::new(AtomicBool::new(false));
    let slow = {
        let taken = Arc::clone(&taken);
        move |i: u64| {
            // Until those before it were taken; not for ever, or a failure would hang.
            let mut left = 3000;
            while i == 40 && !taken.load(Ordering::Acquire) && left > 0 {
                left -= 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            (i as i64, left > 0)
        }
    };
    let mut iter = Dataset::from_fn(60, slow).prefetch(1).iter_as::<(i64, bool)>().expect("pairs");
    for expected in 0..40 {
        assert_eq!(iter.next().expect("an element").expect("no error").0, expected);
    }
    taken.store(true, Ordering::Release);
    let rest: Vec<(i64, bool)> = iter.collect::<Result<_, _>>().expect("no error");
    assert!(rest[0].1, "what was ready was held back for element 40");
    assert_eq!(rest.len(), 20);
}
