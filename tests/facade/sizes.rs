//! Sizes that data decide, eagerly and in traced functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tensorwright::prelude::*;
use tensorwright::{Error, SizeRounding, Stage, vmap};

fn picked(x: Tensor) -> Tensor {
    let doubled = &x * 2.0;
    let kept = doubled.compress(x.gt(0.0), 0);
    kept.sum(..) + kept.shape().map_or(0.0, |shape| shape.size(0) as f64) + doubled.sum(..)
}

#[test]
fn a_traced_function_gives_what_it_gives_eagerly() -> Result<()> {
    let f = function(picked);
    for x in [vec![1.0f64, -2.0, 3.0], vec![-1.0, -2.0, -3.0], vec![5.0, 6.0, 7.0], vec![-1.0, 2.0, 3.0]] {
        let x = Tensor::from(&x);
        assert_eq!(f.call(&x)?.item::<f64>()?, picked(x.clone()).item::<f64>()?);
        assert_eq!(f.call(&x)?.item::<f64>()?, picked(x).item::<f64>()?);
    }
    // One signature; two elements came twice.
    assert_eq!((f.signatures().len(), f.trace_count()), (1, 3));
    let mut sizes = f.concretes()[0].sizes();
    sizes.sort();
    assert_eq!(sizes, [[0], [2], [3]]);
    Ok(())
}

#[test]
fn cuts_follow_one_another() -> Result<()> {
    let f = |x: Tensor| {
        let positive = x.compress(x.gt(0), 0);
        let distinct = positive.unique();
        let places = x.nonzero();
        (distinct.elements.repeat_each(distinct.counts, 0), places.sum(..), positive)
    };
    let compiled = function(f);
    for x in
        [vec![3, 1, 3, 0, -1], vec![0, 0, 0, 0, 1], vec![1, 1, 1, 1, 1], vec![3, 1, 3, 0, -1], vec![-1; 5]]
    {
        let x = Tensor::from(&x);
        let (a, b, c) = compiled.call(&x)?;
        let (d, e, g) = f(x);
        assert_eq!(a.to_vec::<i32>()?, d.to_vec::<i32>()?);
        assert_eq!(b.to_vec::<i64>()?, e.to_vec::<i64>()?);
        assert_eq!(c.to_vec::<i32>()?, g.to_vec::<i32>()?);
    }
    assert_eq!(compiled.trace_count(), 4);
    Ok(())
}

#[test]
fn nothing_runs_twice() -> Result<()> {
    let traced = Arc::new(AtomicUsize::new(0));
    let (count, calls) = (traced.clone(), Variable::new(0i32)?);
    let seen = calls.clone();
    let f = function(move |x: Tensor| {
        count.fetch_add(1, Ordering::Relaxed);
        seen.assign_add(1)?;
        let kept = x.compress(x.gt(0), 0);
        seen.assign_add(10)?;
        Ok((kept.sum(..), seen.value()))
    });
    let mut expected = 0;
    for (x, sum) in [([1, 2], 3), ([1, -2], 1), ([2, 2], 4), ([-1, -1], 0)] {
        expected += 11;
        let (found, counter) = f.call(x)?;
        assert_eq!((found.item::<i32>()?, counter.item::<i32>()?), (sum, expected));
        assert_eq!(calls.value().item::<i32>()?, expected);
    }
    assert_eq!(traced.load(Ordering::Relaxed), 3);
    Ok(())
}

#[test]
fn gradients_go_through() -> Result<()> {
    let loss = |x: Tensor| x.compress(x.gt(1.0), 0).square().sum(..) + x.sum(..);
    let expected =
        |x: &[f64]| x.iter().map(|&x| if x > 1.0 { 2.0 * x + 1.0 } else { 1.0 }).collect::<Vec<_>>();
    let (eager, compiled) = (grad(loss), function(grad(loss)));
    let of_function = grad(function(loss));
    for x in [[0.0, 2.0, 3.0], [0.5, 0.25, 4.0], [0.0, 0.0, 0.0], [2.0, 2.0, 2.0]] {
        assert_eq!(eager.call(x)?.to_vec::<f64>()?, expected(&x));
        assert_eq!(compiled.call(x)?.to_vec::<f64>()?, expected(&x));
        assert_eq!(of_function.call(x)?.to_vec::<f64>()?, expected(&x));
        let (_, pullback) = vjp(loss, Tensor::from(x))?;
        assert_eq!(pullback.call(&Tensor::from(1.0))?.to_vec::<f64>()?, expected(&x));
        let tape = GradientTape::new();
        let x = Tensor::from(x);
        tape.watch(&x);
        let found = tape.gradient(&function(loss).call(&x)?, &[&x])?;
        assert_eq!(found[0].as_ref().unwrap().to_vec::<f64>()?, expected(&x.to_vec::<f64>()?));
    }
    let second = grad(move |x: Tensor| Ok(grad(loss).call(x)?.square().sum(..)));
    assert_eq!(second.call([0.0, 2.0])?.to_vec::<f64>()?, [0.0, 20.0]);
    Ok(())
}

#[test]
fn masks_index_traced_tensors() -> Result<()> {
    let f = function(|x: Tensor| {
        let mask = x.gt(2);
        (x.i(&mask), x.i((.., x.i(0).gt(0))))
    });
    let (picked, columns) = f.call([[1, 0, 3], [4, 5, 6]])?;
    assert_eq!(picked.to_vec::<i32>()?, [3, 4, 5, 6]);
    assert_eq!(columns.to_vec::<i32>()?, [1, 3, 4, 6]);
    Ok(())
}

#[test]
fn sizes_are_rounded_up_if_asked() -> Result<()> {
    let f = function(|x: Tensor| x.compress(x.gt(0), 0)).with_size_rounding(SizeRounding::PowerOfTwo);
    assert_eq!(f.call([1, 2, 3, -1, -1, -1, 9])?.to_vec::<i32>()?, [1, 2, 3, 9]);
    assert_eq!(f.call([1, 2, 3, -1, -1, -1, -9])?.to_vec::<i32>()?, [1, 2, 3, 0]);
    assert_eq!(f.call([1, 2, 3, 4, 5, -1, -9])?.to_vec::<i32>()?, [1, 2, 3, 4, 5, 0, 0, 0]);
    assert_eq!(f.trace_count(), 2);
    let unique = function(|x: Tensor| x.unique().elements).with_size_rounding(SizeRounding::PowerOfTwo);
    assert_eq!(unique.call([4, 4, 5, 6, 7, 8])?.to_vec::<i32>()?, [4, 5, 6, 7, 8, 0, 0, 0]);
    Ok(())
}

#[test]
fn misses_and_dumps_tell_of_sizes() -> Result<()> {
    let f = function(|x: Tensor| x.compress(x.gt(0), 0) * 2);
    f.call([1, 2, -3])?;
    f.call([1, 2, 3])?;
    let miss = f.misses().pop().unwrap().to_string();
    assert!(miss.contains("the data decide size 3 at ") && miss.contains("sizes.rs"), "{miss}");
    assert!(miss.contains("cached are 2"), "{miss}");
    let dump = f.dump(Stage::Optimized)?;
    assert!(dump.contains("// the subgraph after the sizes []"), "{dump}");
    assert!(dump.contains("// the subgraph after the sizes [2]") && dump.contains("sizes [3]"), "{dump}");
    let (before, bytes) = (f.cache_stats().bytes, f.concretes()[0].bytes());
    f.call([1, -2, -3])?;
    assert!(f.cache_stats().bytes > before && f.concretes()[0].bytes() > bytes);
    Ok(())
}

#[test]
fn a_small_budget_holds_few_sizes() -> Result<()> {
    let f = function(|x: Tensor| x.compress(x.gt(0), 0) * 2).with_cache_budget(1);
    for n in [1usize, 2, 3, 4, 3, 2, 1] {
        let x: Vec<i32> = (0..5).map(|i| if i < n { 1 } else { -1 }).collect();
        assert_eq!(f.call(Tensor::from(&x))?.to_vec::<i32>()?, vec![2; n]);
        assert_eq!(f.concretes()[0].sizes(), [[n]]);
    }
    let twice = function(|x: Tensor| x.compress(x.gt(0), 0).unique().elements).with_cache_budget(1);
    for (x, sizes) in [([1, 2, 2], [3, 2]), ([1, 2, 3], [3, 3]), ([1, 1, -1], [2, 1])] {
        twice.call(x)?;
        assert_eq!(twice.concretes()[0].sizes(), [sizes]);
        // It is there to be called again.
        twice.call(x)?;
    }
    assert_eq!(twice.trace_count(), 3);
    assert_eq!((twice.cache_stats().hits, twice.cache_stats().misses), (5, 1));
    Ok(())
}

#[test]
fn where_no_size_is_known_the_error_names_the_form_with_a_bound() {
    let says = |error: Error, what: &str| {
        let text = error.to_string();
        assert!(
            text.contains(what) && text.contains("nonzero_within") && text.contains("sizes.rs"),
            "{text}"
        );
    };
    let looped = function(|x: Tensor| fori_loop(0, 3, x, |_, x| &x + x.nonzero().sum(..)));
    says(looped.call([1i64, 0]).unwrap_err(), "a branch or a loop");
    let mapped = vmap(|x: Tensor| x.nonzero().sum(..));
    says(mapped.call([[1i64, 0], [2, 3]]).unwrap_err(), "a function under `vmap`");
    let f = function(|x: Tensor| x.nonzero());
    says(f.concrete(TensorSpec::f32([Some(3)])).unwrap_err(), "compiled without values");
    let negative = function(|n: Tensor| Ok(Tensor::ones([n.to_size()?], DType::F32)));
    let error = negative.call(-1).unwrap_err().to_string();
    assert!(error.contains("at least 0, found -1"), "{error}");
    assert!(Tensor::from(1.5).to_size().unwrap_err().to_string().contains("integer of rank 0"));
}

#[test]
fn a_size_from_outside_a_loop_is_known_in_it() -> Result<()> {
    let f = function(|x: Tensor| {
        let count = x.gt(0).count_nonzero(0);
        fori_loop(0, 3, Tensor::from(0i32), move |_, sum| {
            let n = count.to_size()?;
            Ok(sum + Tensor::ones([n], DType::I32).sum(..))
        })
    });
    assert_eq!(f.call([1, -1, 2])?.item::<i32>()?, 6);
    assert_eq!(f.call([1, 1, 2])?.item::<i32>()?, 9);
    Ok(())
}

#[test]
fn a_function_that_is_traced_otherwise_says_so() -> Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let f = function(move |x: Tensor| {
        let shifted = if calls.fetch_add(1, Ordering::Relaxed) == 0 { &x + 1 } else { &x * 3 };
        shifted.compress(x.gt(0), 0)
    });
    assert_eq!(f.call([1, -1])?.to_vec::<i32>()?, [2]);
    let error = f.call([1, 1]).unwrap_err();
    assert!(matches!(error, Error::TracedOtherwise { .. }), "{error}");
    Ok(())
}

#[test]
fn concrete_functions_and_threads_share_the_tree() -> Result<()> {
    let f = function(picked);
    f.call([1.0f64, -2.0, 3.0])?;
    let concrete = f.concretes().remove(0);
    std::thread::scope(|scope| {
        for start in 0..4 {
            let concrete = &concrete;
            scope.spawn(move || {
                for k in 0..20 {
                    let x: Vec<f64> =
                        (0..3).map(|i| if (k + start) >> i & 1 == 1 { 1.0 } else { -1.0 }).collect();
                    let found = concrete.call(Tensor::from(&x)).unwrap().item::<f64>().unwrap();
                    assert_eq!(found, picked(Tensor::from(&x)).item::<f64>().unwrap());
                }
            });
        }
    });
    Ok(())
}

#[test]
fn behind_a_size_that_is_none_there_is_nothing() {
    let f = function(|n: Tensor| {
        let negative = (&n - 10).to_size();
        let other = n.to_size().unwrap_or(2);
        Ok(Tensor::ones([negative.unwrap_or(1) + other], DType::F32) * n.cast(DType::F32))
    });
    let error = f.call(3i64).unwrap_err();
    assert!(matches!(error, Error::NoSize { found: -7, .. }), "{error}");
    assert_eq!(f.call(12i64).unwrap().elements().unwrap(), 14);
}
