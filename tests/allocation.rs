//! A warm call allocates nothing, and takes next to no time.
//!
//! A test binary of its own, one test at a time: buffers come from the pool of the process, and a buffer that another test
//! holds would have to be allocated.

#[path = "../runtime/tests/counting/mod.rs"]
mod counting;

use std::hint::black_box;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tensorwright::Result;
use tensorwright::prelude::*;

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn affine() -> Function<Tensor, Tensor> {
    function(|x: Tensor| x * 2.0 + 1.0)
}

fn allocations_in(mut work: impl FnMut()) -> u64 {
    for _ in 0..3 {
        work();
    }
    let before = counting::allocations();
    (0..100).for_each(|_| work());
    counting::allocations() - before
}

#[test]
fn a_warm_call_allocates_nothing() -> Result<()> {
    let _alone = alone();
    let f = affine().with_threads(1);
    let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0]);
    let own = allocations_in(|| drop(black_box(f.call(black_box(&x)))));
    assert_eq!(own, 0);
    Ok(())
}

#[test]
fn a_warm_call_with_many_arguments_allocates_nothing() -> Result<()> {
    let _alone = alone();
    let f = function(|xs: Vec<(Tensor, Tensor)>| xs[0].0.clone() + &xs[39].1).with_threads(1);
    let x = Tensor::from([1.0f32, 2.0]);
    let xs = vec![(x.clone(), x.clone()); 40];
    assert_eq!(allocations_in(|| drop(black_box(f.call(black_box(&xs))))), 0);
    Ok(())
}

/// Prints the cost of a warm call; run it with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_warm_call() -> Result<()> {
    let _alone = alone();
    let f = affine().with_threads(1);
    let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0]);
    let mut best = f64::INFINITY;
    for _ in 0..100 {
        let start = Instant::now();
        for _ in 0..10_000 {
            drop(black_box(f.call(black_box(&x))?));
        }
        best = best.min(start.elapsed().as_secs_f64() / 1e4);
    }
    println!("call and drop: {:.1} ns", best * 1e9);
    Ok(())
}

#[test]
fn eager_effects_and_loops_compile_once() -> Result<()> {
    let _alone = alone();
    let x = Tensor::from([1.0f32, 2.0, 3.0]);
    let work = |x: &Tensor| -> Result<()> {
        print("once {}", &[x])?;
        assert_that(&x.gt(0.0).all(..), "positive")?;
        check_finite(x, "finite")?;
        // A gradient by hand, whose graph has a loop in it.
        let (_, pullback) = vjp(|x: Tensor| fori_loop(0i32, 3i32, x, |_, x| x.sin()), x.clone())?;
        pullback.call(x).map(drop)
    };
    // Until sizes that run in pieces at first have code of their own.
    for _ in 0..8 {
        work(&x)?;
    }
    let before = tensorwright::eager_cache_stats();
    for _ in 0..5 {
        work(&x)?;
    }
    let after = tensorwright::eager_cache_stats();
    assert_eq!(after.misses, before.misses, "{after}");
    assert!(after.hits >= before.hits + 5 * 5, "{after}");
    Ok(())
}

#[test]
fn new_sizes_and_new_places_compile_nothing() -> Result<()> {
    let _alone = alone();
    let misses = |work: &dyn Fn(usize) -> Tensor| -> Result<u64> {
        (0..5).try_for_each(|k| work(k).ok().map(drop))?;
        let before = tensorwright::eager_cache_stats();
        (5..200).try_for_each(|k| work(k).ok().map(drop))?;
        Ok(tensorwright::eager_cache_stats().misses - before.misses)
    };
    let of_size = |k: usize| Tensor::ones([600 + k, 2], DType::F32);
    assert_eq!(misses(&|k| of_size(k) + of_size(k))?, 0);
    assert_eq!(misses(&|k| of_size(k).gt(0.5))?, 0);
    let x = Tensor::ones([1000, 8], DType::F32);
    assert_eq!(misses(&|k| x.i(k..k + 31))?, 0);
    assert_eq!(misses(&|k| x.i((k, ..)))?, 0);
    assert_eq!(misses(&|k| x.i(((k..k + 31).by(3), 1..3)))?, 0);
    Ok(())
}
