//! Eager and compiled give the same results.

use tensorwright::Result;
use tensorwright::prelude::*;

fn network() -> Function<(Tensor, Tensor, Tensor), (Tensor, Tensor)> {
    function(|(x, w, b): (Tensor, Tensor, Tensor)| {
        let hidden = (x.matmul(&w) + b).tanh();
        let shares = hidden.softmax(-1);
        (hidden.sum(keep(-1)), shares)
    })
}

fn arguments() -> (Tensor, Tensor, Tensor) {
    let numbers = |n: usize| Tensor::arange(n, DType::F32) * 0.1 - 0.7;
    (numbers(6).reshape([2, 3]), numbers(12).reshape([3, 4]), numbers(4))
}

#[test]
fn running_eagerly_gives_the_same_bits() -> Result<()> {
    let (f, args) = (network(), arguments());
    let compiled = f.call(&args)?;
    f.run_eagerly(true);
    let eager = f.call(&args)?;
    assert_eq!(f.trace_count(), 1, "eager calls do not trace");
    assert_eq!(compiled.0.to_vec::<f32>()?, eager.0.to_vec::<f32>()?);
    assert_eq!(compiled.1.to_vec::<f32>()?, eager.1.to_vec::<f32>()?);
    f.run_eagerly(false);
    f.call(&args)?;
    assert_eq!(f.cache_stats().hits, 1);
    Ok(())
}

#[test]
fn values_can_be_looked_at_when_running_eagerly() -> Result<()> {
    let f = function(|x: Tensor| -> Result<Tensor> {
        let value = x.item::<f32>()?;
        Ok(x * value)
    });
    f.run_eagerly(true);
    assert_eq!(f.call(3.0f32)?.item::<f32>()?, 9.0);
    Ok(())
}

#[test]
fn eager_ops_reuse_their_code() -> Result<()> {
    let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    // Until this size has code of its own.
    (0..8).try_for_each(|k| (&x * k).ok().map(drop))?;
    let before = tensorwright::eager_cache_stats();
    for k in 0..10 {
        (&x * k).ok()?;
    }
    let after = tensorwright::eager_cache_stats();
    assert!(after.hits >= before.hits + 10);
    Ok(())
}

/// Sizes run in pieces from the third on, and have code of their own when they come again and again.
#[test]
fn eager_ops_on_many_sizes_give_the_same_bits() -> Result<()> {
    let ops: [fn(&Tensor) -> Tensor; 6] = [
        |x| x + x,
        |x| x * 1.1f32 - 0.3,
        Tensor::exp,
        |x| x.gt(0.5).not(),
        |x| x.cast(DType::F16).logistic(),
        |x| x.gt(1.0).select(x.sin(), x.cast(DType::F64).cast(DType::F32)),
    ];
    let sizes = [1, 2, 3, 15, 16, 17, 100, 255, 256, 257, 300, 4095, 4096, 4097, 5000, 65_537, 140_000];
    for op in ops {
        let compiled = function(move |x: Tensor| op(&x));
        for _ in 0..6 {
            for size in sizes {
                let x = Tensor::linspace(-3f32, 5.0, size).reshape([1, size]);
                let (found, expected) = (op(&x), compiled.call(&x)?);
                assert_eq!(found.ty()?, expected.ty()?);
                assert!(found.as_bytes()? == expected.as_bytes()?, "{size} elements");
            }
        }
    }
    Ok(())
}

#[test]
fn an_eager_reshape_shares_memory() -> Result<()> {
    let x = Tensor::zeros([4, 4], DType::F32);
    assert_eq!(x.as_bytes()?.as_ptr(), x.reshape([16]).as_bytes()?.as_ptr());
    Ok(())
}

/// Random graphs run the same, bit for bit, op by op and compiled as a whole.
pub(crate) fn graphs_agree(count: u64, seed: u64) {
    use tensorwright::run_graph;
    use tensorwright_ir::op::primitive::{BinaryFn, UnaryFn};
    use tensorwright_ir::op::{Draw, Lowering};
    use tensorwright_testkit::graphs::{GraphOptions, random_graph};
    use tensorwright_testkit::literals::Random;
    use tensorwright_testkit::tolerance::same_values;

    // What folds to a constant is computed by the evaluator, which compiled functions may be some ULPs off.
    let inexact = |name: &str| {
        UnaryFn::ALL.iter().any(|f| f.name() == name && f.ulps() > 0)
            || BinaryFn::ALL.iter().any(|f| f.name() == name && f.ulps() > 0)
    };
    let exact = |kind: &tensorwright_ir::op::OpKind| {
        matches!(kind.lowering, Lowering::Map | Lowering::View) && !inexact(kind.name)
    };
    let options = GraphOptions { max_ops: 8, max_elements: 64, ..GraphOptions::of(exact) };
    let mut random = Random::new(seed);
    for number in 0..count {
        let choices: Vec<u32> = (0..200).map(|_| random.bits() as u32).collect();
        let drawn = random_graph(&mut Draw::new(&choices), &options);
        let inputs: Vec<Tensor> = drawn.inputs.iter().map(Tensor::from).collect();
        let eager = run_graph(&drawn.graph, &inputs).expect("the graph is typed");
        let graph = drawn.graph.clone();
        let f = function(move |x: Vec<Tensor>| run_graph(&graph, &x));
        let compiled = f.call(&inputs).expect("the graph is typed");
        for (e, c) in eager.iter().zip(&compiled) {
            let (e, c) = (e.to_literal().unwrap(), c.to_literal().unwrap());
            assert!(same_values(&e, &c), "graph {number}: {e:?} and {c:?} of {}", drawn.graph);
        }
    }
}

#[test]
fn random_graphs_agree() {
    graphs_agree(60, 1);
}
