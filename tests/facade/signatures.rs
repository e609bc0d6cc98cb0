//! One graph per signature: the contract of traced functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tensorwright::prelude::*;
use tensorwright::{Error, Result, Scalar};

#[test]
fn a_scalar_a_vector_and_a_matrix_make_three_graphs() -> Result<()> {
    let f = function(|x: Tensor| x + 1);
    assert_eq!(f.call(1.0f32)?.item::<f32>()?, 2.0);
    assert_eq!(f.call([1.0f32, 2.0])?.to_vec::<f32>()?, [2.0, 3.0]);
    assert_eq!(f.call([[1.0f32, 2.0], [3.0, 4.0]])?.to_vec::<f32>()?, [2.0, 3.0, 4.0, 5.0]);
    assert_eq!(f.trace_count(), 3);
    assert_eq!(f.call(5.0f32)?.item::<f32>()?, 6.0);
    assert_eq!(f.trace_count(), 3);
    assert_eq!(f.call(5i32)?.item::<i32>()?, 6);
    assert_eq!(f.trace_count(), 4);
    let stats = f.cache_stats();
    assert_eq!((stats.misses, stats.hits, stats.entries), (4, 1, 4));
    Ok(())
}

#[test]
fn the_closure_runs_at_trace_time_only() -> Result<()> {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let f = function(move |x: Tensor| {
        counter.fetch_add(1, Ordering::Relaxed);
        x.neg()
    });
    for _ in 0..5 {
        f.call([1.0f32, 2.0])?;
    }
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    Ok(())
}

#[test]
fn static_values_are_part_of_the_signature_by_type_and_bits() -> Result<()> {
    let f = function(|(x, s): (Tensor, Scalar)| x.full_like(s.cast(DType::F32)));
    let x = Tensor::from([0.0f32, 0.0]);
    let values: [Scalar; 5] = [1i32.into(), true.into(), 1.0f32.into(), 0.0f32.into(), (-0.0f32).into()];
    for value in values {
        f.call((&x, value))?;
    }
    assert_eq!(f.trace_count(), 5);
    for value in values {
        f.call((&x, value))?;
    }
    assert_eq!(f.trace_count(), 5);
    assert!(f.call((&x, values[4]))?.to_vec::<f32>()?[0].is_sign_negative());
    Ok(())
}

#[test]
fn a_declared_signature_is_kept_to() -> Result<()> {
    let f = function(|(x, w): (Tensor, Tensor)| x * w)
        .with_signature([TensorSpec::f32([None, Some(3)]), TensorSpec::f32([3])])
        .with_argument_names(["x", "w"]);
    let w = Tensor::from([1.0f32, 2.0, 3.0]);
    f.call((&Tensor::ones([2, 3], DType::F32), &w))?;
    f.call((&Tensor::ones([5, 3], DType::F32), &w))?;
    let error = f.call((&Tensor::ones([2, 4], DType::F32), &w)).unwrap_err();
    assert!(matches!(&error, Error::Signature { argument, .. } if argument == "x"), "{error}");
    assert!(error.to_string().contains("argument `x` must be f32[?,3], found f32[2,4]"), "{error}");
    let error = f.call((&Tensor::ones([2, 3], DType::F64), &w)).unwrap_err();
    assert!(error.to_string().contains("found f64[2,3]"), "{error}");
    assert_eq!(f.trace_count(), 2);
    Ok(())
}

#[test]
fn concrete_functions_compile_ahead_and_can_be_looked_at() -> Result<()> {
    let f = function(|(x, k): (Tensor, i32)| x * k).with_name("scale").with_argument_names(["x", "k"]);
    let concrete = f.concrete((TensorSpec::f32([2, 2]), 3))?;
    assert_eq!(f.trace_count(), 1);
    assert_eq!(concrete.signature().to_string(), "(x: f32[2,2], k: 3 (i32))");
    assert_eq!(concrete.output_types()[0].to_string(), "f32[2,2]");
    assert_eq!(concrete.graph().inputs().len(), 1);
    assert_eq!(format!("{concrete:?}"), "Concrete(scale(x: f32[2,2], k: 3 (i32)))");

    let x = Tensor::ones([2, 2], DType::F32);
    assert_eq!(f.call((&x, 3))?.to_vec::<f32>()?, [3.0; 4]);
    assert_eq!(concrete.call((&x, 3))?.to_vec::<f32>()?, [3.0; 4]);
    assert_eq!(f.trace_count(), 1, "the call found what was compiled ahead");

    let error = concrete.call((&x, 4)).unwrap_err();
    assert!(error.to_string().contains("argument `k`"), "{error}");
    assert!(f.concrete((TensorSpec::f32([None, Some(2)]), 3)).is_err());
    assert!(!f.dump(Stage::Traced)?.is_empty());
    Ok(())
}

#[test]
fn misses_are_explained() -> Result<()> {
    let f = function(|(x, w, train): (Tensor, Tensor, bool)| if train { x + w } else { x })
        .with_name("step")
        .with_argument_names(["x", "w", "train"]);
    let w = Tensor::from(1.0f32);
    f.call(([0.0f32; 31], &w, true))?;
    let line = line!() + 1;
    f.call(([0.0f32; 37], &w, true))?;
    f.call(([0.0f32; 37], &w, false))?;
    let misses = f.misses();
    let texts: Vec<String> = misses.iter().map(ToString::to_string).collect();
    assert!(
        texts[0].contains("trace 1 of `step`") && texts[0].contains("no signature was cached"),
        "{texts:?}"
    );
    assert!(texts[1].contains("argument `x`, dim 0: 31 -> 37"), "{texts:?}");
    assert!(texts[1].starts_with(&format!("{}:{line}:", file!())), "{texts:?}");
    assert!(texts[1].contains("help: "), "{texts:?}");
    assert!(texts[2].contains("argument `train`, true (bool) -> false (bool)"), "{texts:?}");
    Ok(())
}

#[test]
fn captured_tensors_are_shared_inputs() -> Result<()> {
    let big = Tensor::ones([1000], DType::F32);
    let captured = big.clone();
    let f = function(move |x: Tensor| x + &captured + &captured);
    let concrete = f.concrete(TensorSpec::f32([1000]))?;
    assert_eq!(concrete.graph().inputs().len(), 2, "one argument, one captured tensor");
    assert_eq!(f.call(&big)?.to_vec::<f32>()?[999], 3.0);
    Ok(())
}

#[test]
fn nested_functions_are_inlined() -> Result<()> {
    let inner = function(|x: Tensor| x * 2);
    let nested = inner.clone();
    let outer = function(move |x: Tensor| -> Result<Tensor> { Ok(nested.call(&x)? + 1) });
    assert_eq!(outer.call([1.0f32, 2.0])?.to_vec::<f32>()?, [3.0, 5.0]);
    assert_eq!(inner.trace_count(), 0, "the inner function's cache is not touched");
    assert_eq!(inner.call([1.0f32])?.to_vec::<f32>()?, [2.0]);
    Ok(())
}

#[test]
fn recursion_without_end_is_an_error() {
    use std::sync::OnceLock;
    static F: OnceLock<Function<Tensor, Tensor>> = OnceLock::new();
    let f = F.get_or_init(|| {
        function(|x: Tensor| -> Result<Tensor> { F.get().map_or(Ok(x.clone()), |f| f.call(&x)) })
    });
    let error = f.call(1.0f32).unwrap_err();
    assert!(matches!(error, Error::Recursion { .. }), "{error}");
}

#[test]
fn functions_in_a_struct_have_a_cache_each() -> Result<()> {
    struct Model {
        forward: Function<Tensor, Tensor>,
    }
    let model = |k: f32| Model { forward: function(move |x: Tensor| x * k) };
    let (a, b) = (model(2.0), model(3.0));
    assert_eq!(a.forward.call(1.0f32)?.item::<f32>()?, 2.0);
    assert_eq!(b.forward.call(1.0f32)?.item::<f32>()?, 3.0);
    assert_eq!((a.forward.trace_count(), b.forward.trace_count()), (1, 1));
    Ok(())
}

#[test]
fn results_may_be_arguments_and_constants() -> Result<()> {
    let constant = Tensor::from([7i32]);
    let f = function(move |x: Tensor| (x.clone(), x, constant.clone()));
    let (a, b, c) = f.call(5i32)?;
    assert_eq!((a.item::<i32>()?, b.item::<i32>()?, c.item::<i32>()?), (5, 5, 7));
    Ok(())
}

#[test]
fn thread_counts_can_be_chosen() -> Result<()> {
    let f = crate::affine().with_threads(1);
    let x = Tensor::ones([64], DType::F32);
    let one = f.call(&x)?.to_vec::<f32>()?;
    assert_eq!(f.call_with_threads(2, &x)?.to_vec::<f32>()?, one);
    f.set_threads(2);
    assert_eq!(f.call(&x)?.to_vec::<f32>()?, one);
    assert_eq!(f.trace_count(), 1);
    Ok(())
}
