//! The cache keeps within its budget.

use tensorwright::Result;
use tensorwright::prelude::*;

#[test]
fn the_budget_holds_and_eviction_frees() -> Result<()> {
    let f = crate::affine();
    let entry = f.concrete(TensorSpec::f32([1]))?;
    let bytes = entry.bytes();
    drop(entry);
    let f = f.with_cache_budget(bytes * 4);
    for n in 1..=40 {
        f.call(Tensor::zeros([n], DType::F32))?;
        assert!(f.cache_stats().bytes <= bytes * 4 + bytes);
    }
    let stats = f.cache_stats();
    assert!(stats.evictions >= 35 && stats.entries <= 5, "{stats}");
    assert_eq!(f.trace_count(), 40);
    f.call(Tensor::zeros([40], DType::F32))?;
    assert_eq!(f.trace_count(), 40, "the newest is there");
    f.call(Tensor::zeros([1], DType::F32))?;
    assert!(f.misses().last().unwrap().to_string().contains("evicted"));
    Ok(())
}

#[test]
fn eviction_drops_what_was_compiled() -> Result<()> {
    const BYTES: usize = 64 << 20;
    let live = || tensorwright_runtime::buffer::BufferPool::global().stats().live_bytes;
    // Data that is made while tracing belongs to the compiled graph alone.
    let f = function(|x: Tensor| x + Tensor::from_slice(&vec![1u8; BYTES], [BYTES]).i(0));
    assert_eq!(f.call(1u8)?.item::<u8>()?, 2);
    assert!(f.cache_stats().bytes >= BYTES);
    let before = live();
    f.clear_cache();
    assert!(live() + BYTES / 2 < before);
    assert_eq!((f.cache_stats().entries, f.cache_stats().bytes), (0, 0));
    Ok(())
}

#[test]
fn pinned_signatures_stay() -> Result<()> {
    let f = crate::affine().with_cache_budget(1);
    let pinned = f.concrete(TensorSpec::f32([7]))?;
    pinned.pin();
    for n in 10..20 {
        f.call(Tensor::zeros([n], DType::F32))?;
    }
    let traces = f.trace_count();
    f.call([0.0f32; 7])?;
    assert_eq!(f.trace_count(), traces);
    assert_eq!(f.cache_stats().pinned, 1);
    pinned.unpin();
    Ok(())
}

#[test]
fn a_concrete_function_outlives_its_eviction() -> Result<()> {
    let f = crate::affine().with_cache_budget(1);
    let old = f.concrete(TensorSpec::f32([2]))?;
    f.call([1.0f32; 5])?;
    f.call([1.0f32; 6])?;
    assert_eq!(f.cache_stats().entries, 1);
    assert_eq!(old.call([1.0f32, 2.0])?.to_vec::<f32>()?, [3.0, 5.0]);
    Ok(())
}

fn many_shapes(count: usize, budget: usize) -> Result<()> {
    let f = function(|x: Tensor| x * 2 + 1).with_cache_budget(budget);
    for n in 0..count {
        f.call(Tensor::zeros([n % 1000 + 1, n / 1000 + 1], DType::U8))?;
    }
    let stats = f.cache_stats();
    assert_eq!(stats.misses as usize, count);
    assert!(stats.bytes <= budget, "{stats}");
    Ok(())
}

#[test]
fn a_thousand_shapes_are_bounded() -> Result<()> {
    many_shapes(1000, 1 << 20)
}

/// Resident memory in bytes, on Linux.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(text.split_whitespace().nth(1)?.parse::<usize>().ok()? * 4096)
}

/// Calls a function with this many shapes and watches what the process takes.
pub(crate) fn memory_stays_flat(count: usize) -> Result<()> {
    const BUDGET: usize = 32 << 20;
    let f = function(|x: Tensor| x * 2 + 1).with_cache_budget(BUDGET);
    let before = resident();
    let mut samples = Vec::new();
    for n in 0..count {
        f.call(Tensor::zeros([n % 317 + 1, n / 317 + 1], DType::U8))?;
        if n % 10_000 == 9_999 || n + 1 == count {
            samples.extend(resident());
        }
    }
    let stats = f.cache_stats();
    println!("resident at first: {before:?}, then {samples:?}; {stats}");
    assert!(stats.bytes <= BUDGET, "{stats}");
    if let ([_, _, early, .., late], Some(before)) = (&samples[..], before) {
        assert!(*late < early + (8 << 20), "resident memory grows: {samples:?}");
        assert!(*late < before + 2 * BUDGET, "what the cache holds is not what it counts: {samples:?}");
    }
    Ok(())
}

#[test]
fn some_shapes_keep_memory_flat() -> Result<()> {
    memory_stays_flat(2000)
}
