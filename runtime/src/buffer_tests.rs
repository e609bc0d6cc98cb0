//! The pool's promises: alignment, reuse, budget, uniqueness, lifetime.

use super::*;

#[test]
fn classes_cover_requests_with_little_waste() {
    for bytes in (0..100_000).chain([1 << 20, (1 << 20) + 1, (1 << 40) + 12345]) {
        let (class, capacity) = class_of(bytes).unwrap();
        assert!(capacity >= bytes && class < CLASSES);
        assert_eq!(class_of(capacity), Some((class, capacity)), "{bytes}");
        assert!(capacity <= bytes + bytes / 4 + ALIGNMENT, "{bytes}");
    }
    assert!(class_of(1 << LARGEST_LOG2).is_some_and(|(class, _)| class == CLASSES - 1));
    assert_eq!(class_of((1 << LARGEST_LOG2) + 1), None);
    assert_eq!(class_of(usize::MAX), None);
}

#[test]
fn memory_is_aligned_and_reused() {
    let pool = BufferPool::new(1 << 20);
    let first = pool.copy_of(&[7; 1000]).unwrap();
    assert_eq!(first.as_ptr() as usize % ALIGNMENT, 0);
    assert_eq!(&first[..], [7; 1000]);
    let address = first.as_ptr();
    drop(first);
    let second = pool.get(990).unwrap();
    assert_eq!((second.as_ptr(), second.len()), (address, 990));
    let stats = pool.stats();
    assert_eq!((stats.allocated, stats.reused, stats.idle_bytes), (1, 1, 0));
    assert_eq!(stats.live_bytes, second.capacity());
}

#[test]
fn impossible_requests_are_errors() {
    let pool = BufferPool::new(0);
    let bytes = usize::MAX;
    assert_eq!(pool.get(bytes).unwrap_err(), OutOfMemory { bytes });
    assert!(pool.get((1 << 46) - 1).is_err());
    assert_eq!(pool.stats(), PoolStats::default());
}

#[test]
fn only_the_last_handle_may_write() {
    let pool = BufferPool::new(1 << 20);
    let mut first = pool.zeroed(16).unwrap();
    let second = first.clone();
    assert!(first.same_memory(&second) && !first.is_unique());
    assert!(first.get_mut().is_none());
    drop(second);
    first.get_mut().unwrap()[..2].copy_from_slice(&[1, 2]);
    assert_eq!(first.as_slice::<u16>()[..2], [0x0201, 0]);
}

#[test]
fn idle_memory_stays_within_the_budget_and_stale_sizes_go_first() {
    let pool = BufferPool::new(10_000);
    let old: Vec<_> = (0..4).map(|_| pool.get(2048).unwrap()).collect();
    drop(old);
    assert_eq!(pool.stats().idle_bytes, 8192);
    for _ in 0..3 {
        drop(pool.get(4096).unwrap());
        assert!(pool.stats().idle_bytes <= 10_000);
    }
    let stats = pool.stats();
    assert_eq!((stats.allocated, stats.reused), (5, 2), "{stats:?}");
    drop(pool.get(20_000).unwrap());
    assert!(pool.stats().idle_bytes <= 10_000);
    pool.trim(0);
    assert_eq!(pool.stats().idle_bytes, 0);
    assert_eq!(pool.stats().allocated, pool.stats().released);
}

#[test]
fn buffers_may_outlive_their_pool() {
    let pool = BufferPool::new(1 << 20);
    let kept = pool.copy_of(b"kept").unwrap();
    drop(pool.get(1 << 14).unwrap());
    drop(pool);
    let again = kept.clone();
    drop(kept);
    assert_eq!(&again[..], b"kept");
}

#[test]
fn handles_cross_threads() {
    let pool = BufferPool::new(1 << 20);
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let pool = &pool;
            scope.spawn(move || {
                for size in 0..300usize {
                    let buffer = pool.copy_of(&vec![thread; size * 7]).unwrap();
                    let other = buffer.clone();
                    scope.spawn(move || assert!(other.iter().all(|&byte| byte == thread)));
                    assert!(buffer.iter().all(|&byte| byte == thread));
                }
            });
        }
    });
    assert_eq!(pool.stats().live_bytes, 0);
}

#[test]
fn bytes_are_bools_until_somebody_writes() {
    let pool = BufferPool::new(1 << 20);
    let mut bools = pool.copy_of(&[0, 1, 1, 0]).unwrap();
    assert!(bools.holds_bools() && bools.clone().holds_bools());
    bools.get_mut().unwrap()[2] = 2;
    assert!(!bools.holds_bools());
    bools.get_mut().unwrap()[2] = 1;
    assert!(bools.holds_bools());
    drop(bools);
    assert!(!pool.copy_of(&[255; 4]).unwrap().holds_bools(), "what is known goes with the contents");
}

#[test]
fn requests_beyond_the_limit_fail() {
    let pool = BufferPool::new(0);
    pool.set_limit(10_000);
    let first = pool.get(6_000).unwrap();
    assert_eq!(pool.get(6_000).unwrap_err(), OutOfMemory { bytes: 6_000 });
    drop(first);
    assert!(pool.get(6_000).is_ok());
}
