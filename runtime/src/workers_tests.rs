//! Jobs cover all tiles once, whatever the threads do.

use super::*;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

fn covers_all(workers: &Workers, tiles: u64, threads: usize, min_chunk: u64) {
    let hits: Vec<AtomicU8> = (0..tiles).map(|_| AtomicU8::new(0)).collect();
    workers.run(tiles, threads, min_chunk, &|piece| {
        let short = piece.end - piece.start < min_chunk && piece.end != tiles;
        assert!(!short, "{piece:?}");
        piece.for_each(|tile| _ = hits[tile as usize].fetch_add(1, Relaxed));
    });
    assert!(hits.iter().all(|hit| hit.load(Relaxed) == 1));
}

#[test]
fn each_tile_runs_once() {
    let workers = Workers::new();
    for threads in 0..5 {
        for tiles in [0, 1, 2, 3, 7, 64, 1000] {
            for min_chunk in [0, 1, 3, 64, u64::MAX] {
                covers_all(&workers, tiles, threads, min_chunk);
            }
        }
    }
    assert_eq!(workers.started(), 3);
}

#[test]
fn no_thread_starts_before_it_is_wanted() {
    let workers = Workers::new();
    covers_all(&workers, 100, 1, 1);
    covers_all(&workers, 1, 8, 1);
    covers_all(&workers, 100, 8, 100);
    assert_eq!(workers.started(), 0);
    covers_all(&workers, 100, 2, 1);
    assert_eq!(workers.started(), 1);
}

#[test]
fn jobs_after_a_pause_find_sleeping_helpers() {
    let workers = Workers::new();
    for pause in [0, 1, 30, 45, 200] {
        for _ in 0..50 {
            covers_all(&workers, 16, 3, 1);
            thread::sleep(Duration::from_micros(pause));
        }
    }
}

#[test]
fn a_long_piece_lets_the_leader_sleep() {
    let workers = Workers::new();
    let caller = thread::current().id();
    let slow = AtomicU8::new(0);
    workers.run(2, 2, 1, &|_| {
        if thread::current().id() != caller {
            slow.fetch_add(1, Relaxed);
            thread::sleep(Duration::from_millis(20));
        }
        // The helper takes the other tile as soon as the machine lets it.
        let end = Instant::now() + Duration::from_secs(20);
        while slow.load(Relaxed) == 0 && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
    });
    assert_eq!(slow.load(Relaxed), 1);
}

#[test]
fn many_callers_share_the_pool() {
    let workers = Workers::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..200).for_each(|_| covers_all(&workers, 37, 3, 1)));
        }
    });
}

#[test]
fn jobs_inside_jobs_run_inline() {
    let (workers, other) = (Workers::new(), Workers::new());
    let total = AtomicU64::new(0);
    workers.run(8, 2, 1, &|outer| {
        for _ in outer {
            let thread = thread::current().id();
            for pool in [&workers, &other] {
                pool.run(10, 2, 1, &|inner| {
                    assert_eq!(thread::current().id(), thread);
                    total.fetch_add(inner.end - inner.start, Relaxed);
                });
            }
        }
    });
    assert_eq!(total.load(Relaxed), 160);
    assert_eq!(other.started(), 0);
}

#[test]
fn a_panic_reaches_the_caller_and_the_pool_survives() {
    let workers = Workers::new();
    for bad in [0, 5, 99] {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            workers.run(100, 3, 1, &|piece| assert!(!piece.contains(&bad), "tile {bad}"));
        }));
        let message = *outcome.unwrap_err().downcast::<String>().unwrap();
        assert_eq!(message, format!("tile {bad}"));
        covers_all(&workers, 100, 3, 1);
    }
}

/// Prints how long a job of two empty tiles takes; run it with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_an_empty_job() {
    let workers = Workers::new();
    let caller = thread::current().id();
    for pause in [0, 10, 200] {
        let (mut times, mut helped) = (Vec::new(), 0);
        for _ in 0..2000 {
            let joined = AtomicU8::new(0);
            let start = Instant::now();
            workers.run(2, 2, 1, &|_| {
                joined.fetch_add((thread::current().id() != caller) as u8, Relaxed);
            });
            times.push(start.elapsed());
            helped += u32::from(joined.load(Relaxed));
            thread::sleep(Duration::from_micros(pause));
        }
        times.sort();
        let (best, median) = (times[0], times[times.len() / 2]);
        println!("pause {pause} us: best {best:?}, median {median:?}, tiles on the helper: {helped} of 4000");
        // Both threads must meet: the time until a helper has really started.
        let mut meet = Vec::new();
        for _ in 0..500 {
            let there = AtomicU8::new(0);
            let start = Instant::now();
            workers.run(2, 2, 1, &|_| {
                there.fetch_add(1, Relaxed);
                while there.load(Relaxed) < 2 {
                    std::hint::spin_loop();
                }
            });
            meet.push(start.elapsed());
            thread::sleep(Duration::from_micros(pause));
        }
        meet.sort();
        println!("  both threads at work: best {:?}, median {:?}", meet[0], meet[250]);
    }
}
