//! Pools as users write them.

use tensorwright::prelude::*;
use tensorwright::{Element, ImageLayout, Padding, PaddingCount, PoolOptions, PoolRounding};

fn values<T: Element>(x: &Tensor) -> Vec<T> {
    x.to_vec().expect("it has elements")
}

fn image(shape: &[usize]) -> Tensor {
    let count = shape.iter().product::<usize>() as u32;
    let values: Vec<f64> = (0..count).map(|i| f64::from((i * 37) % 101) / 7.0 - 5.0).collect();
    Tensor::from(values).reshape(shape.to_vec())
}

/// What each window of a line sees, as it is written down: places inside, and how many places there are, padding included.
fn windows(
    n: usize,
    size: usize,
    stride: usize,
    (low, high): (i64, i64),
    ceil: bool,
) -> Vec<(Vec<usize>, usize)> {
    let (n, size, stride) = (n as i64, size as i64, stride as i64);
    let mut found = Vec::new();
    let mut start = -low;
    while start + size <= n + high || (ceil && start < n && start + size - stride < n + high) {
        let inside = (start..start + size).filter(|place| (0..n).contains(place));
        let counted = (start..start + size).filter(|place| *place < n + high).count();
        found.push((inside.map(|place| place as usize).collect(), counted));
        start += stride;
    }
    found
}

#[test]
fn pools_are_folds_of_what_windows_see() {
    for (n, size, stride, padding, ceil) in [
        (9, 2, 2, (0, 0), false),
        (9, 2, 2, (0, 0), true),
        (8, 3, 2, (1, 1), false),
        (8, 3, 2, (1, 1), true),
        (7, 3, 1, (0, 2), false),
        (10, 4, 3, (1, 0), true),
        (5, 5, 5, (0, 0), false),
    ] {
        let x = image(&[2, n, 3]);
        let xs = values::<f64>(&x);
        let rounding = if ceil { PoolRounding::Ceil } else { PoolRounding::Floor };
        let options = || PoolOptions::new().strides(stride).padding([padding]).rounding(rounding);
        let mut expected: [Vec<f64>; 5] = Default::default();
        for image in 0..2 {
            for (inside, counted) in windows(n, size, stride, padding, ceil) {
                for channel in 0..3 {
                    let seen: Vec<f64> = inside.iter().map(|at| xs[(image * n + at) * 3 + channel]).collect();
                    let sum: f64 = seen.iter().sum();
                    expected[0].push(seen.iter().copied().fold(f64::NEG_INFINITY, f64::max));
                    expected[1].push(seen.iter().copied().fold(f64::INFINITY, f64::min));
                    expected[2].push(sum / seen.len() as f64);
                    expected[3].push(sum / counted as f64);
                    expected[4].push(seen.iter().map(|x| x.abs().powi(3)).sum::<f64>().cbrt());
                }
            }
        }
        let found = [
            x.max_pool(size, options()),
            x.min_pool(size, options()),
            x.avg_pool(size, options()),
            x.avg_pool(size, options().count(PaddingCount::Included)),
            x.lp_pool(3.0, size, options()),
        ];
        for (found, expected) in found.iter().zip(&expected) {
            let found = values::<f64>(found);
            assert_eq!(found.len(), expected.len(), "{n} {size} {stride} {padding:?} {ceil}");
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-9, "{n} {size} {stride}: {found} {expected}");
            }
        }
    }
}

#[test]
fn layouts_are_orders_of_the_same_numbers() {
    let x = image(&[2, 33, 41, 5]);
    let first = x.transpose([0, 3, 1, 2]);
    for options in [
        PoolOptions::new(),
        PoolOptions::new().strides((1, 2)).padding(1),
        PoolOptions::new().strides(3).padding(Padding::Same).dilation(2),
    ] {
        let nchw = first.max_pool((3, 2), options.clone().layout(ImageLayout::Nchw)).transpose([0, 2, 3, 1]);
        assert_eq!(values::<f64>(&nchw), values::<f64>(&x.max_pool((3, 2), options.clone())));
        let nchw = first.sum_pool((3, 2), options.clone().layout(ImageLayout::Nchw)).transpose([0, 2, 3, 1]);
        assert_eq!(values::<f64>(&nchw), values::<f64>(&x.sum_pool((3, 2), options)));
    }
}

#[test]
fn blocks_of_long_lines_and_wide_units_meet() {
    let line = image(&[1, 20_000, 1]);
    let pooled = values::<f64>(&line.max_pool(3, PoolOptions::new().strides(2).padding(1)));
    let xs = values::<f64>(&line);
    for (i, found) in pooled.iter().enumerate() {
        let seen = (2 * i).saturating_sub(1)..(2 * i + 2).min(xs.len());
        assert_eq!(*found, xs[seen].iter().copied().fold(f64::NEG_INFINITY, f64::max));
    }
    let wide = image(&[1, 3, 10_000]);
    let sums = values::<f64>(&wide.sum_pool(2, PoolOptions::new().strides(1)));
    let xs = values::<f64>(&wide);
    assert!((0..20_000).all(|i| sums[i] == xs[i] + xs[i + 10_000]));
}

#[test]
fn the_first_of_equal_elements_has_the_derivative() {
    let x = Tensor::from([2.0f32, 2.0, 1.0, 5.0, 5.0, 5.0]).reshape((1, 6, 1));
    let weights = Tensor::from([1.0f32, 10.0, 100.0, 1000.0]).reshape((1, 4, 1));
    let loss = move |x: Tensor| (x.max_pool(3, PoolOptions::new().strides(1)) * &weights).sum(..);
    assert_eq!(values::<f32>(&grad(loss).call(&x).unwrap()), [1.0, 0.0, 0.0, 1110.0, 0.0, 0.0]);
}

#[test]
fn averages_have_the_derivative_of_their_counts() {
    let x = image(&[1, 3, 1]);
    let options = || PoolOptions::new().strides(1).padding(1);
    let of = |options: PoolOptions| {
        values::<f64>(&grad(move |x: Tensor| x.avg_pool(3, options.clone()).sum(..)).call(&x).unwrap())
    };
    let close = |found: Vec<f64>, expected: [f64; 3]| {
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12), "{found:?}");
    };
    close(of(options()), [0.5 + 1.0 / 3.0, 0.5 + 1.0 / 3.0 + 0.5, 1.0 / 3.0 + 0.5]);
    close(of(options().count(PaddingCount::Included)), [2.0 / 3.0, 1.0, 2.0 / 3.0]);
}

#[test]
fn what_does_not_fit_is_named() {
    let x = image(&[1, 4, 4, 1]);
    let message = |y: Tensor| y.shape().unwrap_err().to_string();
    let found = message(x.max_pool([2, 2, 2], PoolOptions::new()));
    assert!(found.contains("3 numbers for 2 spatial axes"), "{found}");
    let found = message(x.avg_pool(0, PoolOptions::new()));
    assert!(found.contains("at least 1"), "{found}");
    let found = message(x.max_pool(2, PoolOptions::new().padding([(1, 1)])));
    assert!(found.contains("1 pairs for 2 spatial axes"), "{found}");
    let found = message(x.reshape(16).max_pool(2, PoolOptions::new()));
    assert!(found.contains("found rank 1"), "{found}");
}
