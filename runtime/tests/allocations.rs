//! A warm pool and a warm worker pool allocate nothing.

mod counting;

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tensorwright_runtime::buffer::BufferPool;
use tensorwright_runtime::workers::Workers;

fn allocations_in(work: impl FnOnce()) -> u64 {
    let before = counting::allocations();
    work();
    counting::allocations() - before
}

#[test]
fn a_warm_pool_allocates_nothing() {
    let pool = BufferPool::new(64 << 20);
    let sizes = [4, 1000, 4 << 20];
    let turn = || {
        for size in sizes {
            let buffer = pool.zeroed(size).unwrap();
            black_box(buffer.clone());
        }
    };
    turn();
    assert_eq!(allocations_in(|| (0..100).for_each(|_| turn())), 0);
}

#[test]
fn a_warm_worker_pool_allocates_nothing() {
    let workers = Workers::new();
    let sum = AtomicU64::new(0);
    let turn = || {
        workers.run(64, 2, 1, &|tiles| {
            sum.fetch_add(tiles.sum(), Ordering::Relaxed);
        });
    };
    turn();
    assert_eq!(allocations_in(|| (0..100).for_each(|_| turn())), 0);
    assert_eq!(sum.load(Ordering::Relaxed), 101 * 64 * 63 / 2);
}

/// Prints the cost of a warm request; run it with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_warm_buffer() {
    let pool = BufferPool::global();
    let mut best = f64::INFINITY;
    for _ in 0..50 {
        let start = Instant::now();
        for _ in 0..10_000 {
            drop(black_box(pool.get(black_box(64)).unwrap()));
        }
        best = best.min(start.elapsed().as_secs_f64() / 1e4);
    }
    println!("get and drop: {:.1} ns", best * 1e9);
}
