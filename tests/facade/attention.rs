//! Attention against what is written out, and what is known of it.

use tensorwright::prelude::*;
use tensorwright::{AttentionOptions, Result};

use crate::fixture::{self, Case};

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

/// The options of a case.
fn options(case: &Case<'_>, bias: Option<&Tensor>) -> AttentionOptions {
    let number = |key: &str| case.keys[key].parse::<f64>().expect("a number");
    let place = |key: &str| case.keys[key].parse::<i64>().expect("a place");
    let mut options = AttentionOptions::new().scale(number("scale")).soft_cap(number("cap"));
    options = match (place("left"), place("right")) {
        (-1, -1) => options,
        (-1, 0) => options.causal(),
        (left, right) => {
            let all = |n: i64| usize::try_from(n).unwrap_or(1000);
            options.window(all(left), all(right))
        }
    };
    options = options.offset(place("offset") as usize);
    if case.keys.contains_key("mask") {
        options = options.mask(Case::operand(6, &case.list("mask")).ge(-1.0));
    }
    if let Some(slopes) = case.keys.get("slopes") {
        options = options.slopes(Tensor::from(fixture::numbers::<f64>(slopes).as_slice()));
    }
    match bias {
        Some(bias) => options.bias(bias.clone()),
        None => options,
    }
}

/// What a line of the file says.
fn as_jax_computes_it(line: &'static str) -> Result<()> {
    let case = Case::parse(line);
    let shapes = ["q", "k", "v"].map(|key| case.list(key));
    let bias = case.keys.contains_key("bias").then(|| Case::operand(4, &case.list("bias")));
    let [q, k, v] = [1, 2, 3].map(|i| Case::operand(i, &shapes[i as usize - 1]));
    let found = if case.what.starts_with("attention") {
        q.attention(&k, &v, options(&case, bias.as_ref()))
    } else {
        let mut result = shapes[0].clone();
        result[3] = shapes[2][3];
        let cotangent = Case::operand(5, &result);
        let has_bias = bias.is_some();
        let some = bias.unwrap_or_else(|| Tensor::zeros((), DType::F64));
        let by_all = grad(move |(q, k, v, b): (Tensor, Tensor, Tensor, Tensor)| {
            let options = options(&Case::parse(line), has_bias.then_some(&b));
            // The bias is connected, there or not.
            (q.attention(k, v, options) * &cotangent).sum(..) + b.sum(..) * 0.0
        });
        let (by_q, by_k, by_v, by_bias) = by_all.call((&q, &k, &v, &some))?;
        match case.what {
            "by_q" => by_q,
            "by_k" => by_k,
            "by_v" => by_v,
            _ => by_bias,
        }
    };
    assert_eq!(found.shape()?.sizes().to_vec(), case.shape, "{line}");
    let tolerance = if case.what == "attention_by_f32" { 1e-6 } else { 1e-11 };
    for (found, expected) in found.to_vec::<f64>()?.into_iter().zip(case.values) {
        assert!((found - expected).abs() < tolerance * expected.abs().max(1.0), "{found} {expected}: {line}");
    }
    Ok(())
}

#[test]
fn another_library_computes_the_same() -> Result<()> {
    let mut lines = include_str!("attention.txt").lines().filter(|line| !line.starts_with('#'));
    assert!(lines.clone().count() >= 70);
    lines.try_for_each(as_jax_computes_it)
}

#[test]
fn dropped_weights_are_those_of_dropout() -> Result<()> {
    for tokens in [5, 40] {
        let [q, k] = [drawn(1, [2, 3, tokens, 4]), drawn(2, [2, 3, tokens, 4])];
        let key = RandomKey::new(9);
        let weights = q.attention(
            &k,
            Tensor::eye(tokens, DType::F64).broadcast_to([2, 3, tokens, tokens]),
            AttentionOptions::new(),
        );
        let v = drawn(3, [2, 3, tokens, 6]);
        let expected = weights.dropout(&key, 0.3).matmul(&v);
        let found = q.attention(&k, &v, AttentionOptions::new().dropout(0.3, &key));
        assert!(found.allclose(&expected, 1e-12, 1e-12).item::<bool>()?);
        assert_eq!(
            q.attention(&k, &v, AttentionOptions::new().dropout(1.0, &key)).abs().max(..).item::<f64>()?,
            0.0
        );
    }
    assert!(
        drawn(1, [1, 1, 2, 3])
            .attention(
                drawn(1, [1, 1, 2, 3]),
                drawn(1, [1, 1, 2, 3]),
                AttentionOptions::new().dropout(1.5, RandomKey::new(1))
            )
            .ty()
            .is_err()
    );
    Ok(())
}

#[test]
fn half_precision_is_computed_in_f32() -> Result<()> {
    for dtype in [DType::BF16, DType::F16] {
        let [q, k, v] = [1, 2, 3].map(|seed| drawn(seed, [1, 2, 40, 16]).cast(dtype));
        let wide = |x: &Tensor| x.cast(DType::F32);
        let expected = wide(&q).attention(wide(&k), wide(&v), AttentionOptions::new().causal()).cast(dtype);
        let found = q.attention(&k, &v, AttentionOptions::new().causal());
        assert_eq!(wide(&found).to_vec::<f32>()?, wide(&expected).to_vec::<f32>()?);
    }
    Ok(())
}

#[test]
fn slopes_are_the_biases_that_are_not_written_out() -> Result<()> {
    for tokens in [6, 50] {
        let [q, k, v] = [1, 2, 3].map(|seed| drawn(seed, [2, 4, tokens, 8]).cast(DType::F32));
        let new = AttentionOptions::new;
        let expected = q.attention(&k, &v, new().bias(Tensor::alibi(4, tokens, tokens)));
        let found = q.attention(&k, &v, new().slopes(Tensor::alibi_slopes(4)));
        assert!(found.allclose(&expected, 1e-6, 1e-6).item::<bool>()?);
    }
    Ok(())
}

#[test]
fn examples_are_one_more_axis() -> Result<()> {
    for tokens in [3, 33] {
        let [q, k, v] = [1, 2, 3].map(|seed| drawn(seed, [4, 2, tokens, 8]));
        let whole = q.attention(&k, &v, AttentionOptions::new().causal());
        let first = k.i(0);
        let one = move |(q, v): (Tensor, Tensor)| q.attention(&first, v, AttentionOptions::new().causal());
        let shared =
            q.attention(k.i(0).broadcast_to([4, 2, tokens, 8]), &v, AttentionOptions::new().causal());
        let each = |(q, k, v): (Tensor, Tensor, Tensor)| q.attention(k, v, AttentionOptions::new().causal());
        assert!(vmap(each).call((&q, &k, &v))?.allclose(&whole, 1e-12, 1e-12).item::<bool>()?);
        assert!(vmap(one).call((&q, &v))?.allclose(&shared, 1e-12, 1e-12).item::<bool>()?);
    }
    Ok(())
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
