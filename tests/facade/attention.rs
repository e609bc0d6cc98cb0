//! Attention against what is written out, and what is known of it.

use tensorwright::prelude::*;
use tensorwright::{AttentionOptions, Result};

fn drawn(seed: u64, shape: [usize; 4]) -> Tensor {
    RandomKey::new(seed).normal(shape, 0.0, 1.0)
}

/// Head by head, row by row, in plain Rust.
fn plainly(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    scale: f64,
    score: impl Fn(usize, usize, usize, f64) -> f64,
) -> Result<Vec<f64>> {
    let sizes =
        |x: &Tensor| -> Result<[usize; 4]> { Ok(x.shape()?.sizes().to_vec().try_into().expect("four axes")) };
    let ([batch, heads, queries, width], [_, groups, keys, _], [.., values]) =
        (sizes(q)?, sizes(k)?, sizes(v)?);
    let (q, k, v) = (q.to_vec::<f64>()?, k.to_vec::<f64>()?, v.to_vec::<f64>()?);
    let mut result = Vec::new();
    for b in 0..batch {
        for h in 0..heads {
            let g = h / (heads / groups);
            for i in 0..queries {
                let scores: Vec<f64> = (0..keys)
                    .map(|j| {
                        let at = |x: &[f64], row: usize, d: usize| x[row * width + d];
                        let row = ((b * heads + h) * queries + i, (b * groups + g) * keys + j);
                        let product: f64 = (0..width).map(|d| at(&q, row.0, d) * at(&k, row.1, d)).sum();
                        score(h, i, j, product * scale)
                    })
                    .collect();
                let weights: Vec<f64> = scores.iter().map(|s| s.exp()).collect();
                let sum: f64 = weights.iter().sum();
                for e in 0..values {
                    let mixed: f64 =
                        (0..keys).map(|j| weights[j] * v[((b * groups + g) * keys + j) * values + e]).sum();
                    result.push(if sum == 0.0 { 0.0 } else { mixed / sum });
                }
            }
        }
    }
    Ok(result)
}

#[test]
fn all_options_are_what_is_written_out() -> Result<()> {
    let none = f64::NEG_INFINITY;
    let (q, k, v) = (drawn(1, [2, 4, 5, 3]), drawn(2, [2, 2, 7, 3]), drawn(3, [2, 2, 7, 6]));
    let root = 1.0 / 3f64.sqrt();
    let check = |options: AttentionOptions,
                 scale: f64,
                 score: &dyn Fn(usize, usize, usize, f64) -> f64|
     -> Result<()> {
        let expected = Tensor::from(plainly(&q, &k, &v, scale, score)?.as_slice()).reshape([2, 4, 5, 6]);
        let own = options.clone();
        let compiled = function(move |(q, k, v): (Tensor, Tensor, Tensor)| q.attention(k, v, own.clone()));
        for found in [q.attention(&k, &v, options), compiled.call((&q, &k, &v))?] {
            assert!(found.allclose(&expected, 1e-12, 1e-12).item::<bool>()?, "{found} {expected}");
        }
        Ok(())
    };
    let new = AttentionOptions::new;
    check(new(), root, &|_, _, _, s| s)?;
    check(new().scale(0.7).soft_cap(2.0), 0.7, &|_, _, _, s| 2.0 * (s / 2.0).tanh())?;
    check(new().causal(), root, &|_, i, j, s| if j <= i { s } else { none })?;
    check(new().causal().offset(2), root, &|_, i, j, s| if j <= i + 2 { s } else { none })?;
    check(new().window(1, 2), root, &|_, i, j, s| if j + 1 >= i && j <= i + 2 { s } else { none })?;
    check(new().bias(Tensor::alibi(4, 5, 7).cast(DType::F64)), root, &|h, i, j, s| {
        s - (-2.0 * (h + 1) as f64).exp2() * (j as f64 - i as f64).abs()
    })?;
    // The third query looks at nothing.
    let mask = Tensor::arange(5, DType::I32).ne(2).expand_dims(-1);
    check(new().bias(mask), root, &|_, i, _, s| if i == 2 { none } else { s })
}

#[test]
fn gradients_are_finite_where_nothing_is_looked_at() -> Result<()> {
    let (q, k, v) = (drawn(1, [1, 2, 3, 4]), drawn(2, [1, 2, 3, 4]), drawn(3, [1, 2, 3, 4]));
    let loss = |(q, k, v): (Tensor, Tensor, Tensor)| {
        let mask = Tensor::from([[true, true, false], [false, false, false], [true, true, true]]);
        q.attention(k, v, AttentionOptions::new().bias(mask).causal()).square().sum(..)
    };
    let (dq, dk, dv) = grad(loss).call((&q, &k, &v))?;
    for d in [&dq, &dk, &dv] {
        assert!(d.is_finite().all(..).item::<bool>()?);
    }
    assert_eq!(dq.i((0, .., 1)).abs().sum(..).item::<f64>()?, 0.0);
    Ok(())
}

#[test]
fn turned_queries_and_keys_know_only_how_far_apart_they_are() -> Result<()> {
    let (q, k) = (drawn(4, [1, 1, 1, 6]), drawn(5, [1, 1, 1, 6]));
    let product = |a: i64, b: i64| (q.rotary_embedding([a], 100.0) * k.rotary_embedding([b], 100.0)).sum(..);
    assert!(product(3, 7).allclose(product(13, 17), 1e-10, 1e-10).item::<bool>()?);
    let both = |a: i64, b: i64| {
        (q.rotary_embedding_interleaved([a], 100.0) * k.rotary_embedding_interleaved([b], 100.0)).sum(..)
    };
    assert!(both(3, 7).allclose(both(13, 17), 1e-10, 1e-10).item::<bool>()?);
    assert!(drawn(1, [1, 1, 2, 3]).rotary_embedding([0, 1], 100.0).ty().is_err());
    Ok(())
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let (q, k) = (drawn(1, [1, 4, 2, 3]), drawn(2, [1, 3, 2, 3]));
    let error = q.attention(&k, &k, AttentionOptions::new()).ty().expect_err("4 heads, 3 groups").to_string();
    assert!(error.contains("multiple"), "{error}");
}
