//! Random numbers: the streams they come from, and their distributions.

use super::{assert_close, assert_f64, error, f64s, run, tensor};
use crate::builder::BuildError;
use crate::op::composite::quantile::normal_quantile;
use crate::{Builder, DType, Literal, Value};

fn key() -> Literal {
    tensor([2], [17u32, 4])
}

#[test]
fn uniform_f32() {
    // [(w >> 8) / 2**24 for w in words(key, 5)]
    let a = tensor([2], [1u32, 2]);
    let y = run(&[a], |b, x| b.uniform(x[0], DType::F32, [5], 0.0, 1.0));
    assert_f64(
        &y,
        [5],
        &[
            0.021863818168640137,
            0.5969619750976562,
            0.15258115530014038,
            0.9168553948402405,
            0.3711315989494324,
        ],
    );
}

#[test]
fn uniform_f64() {
    // [(w >> 11) / 2**53 for w in words64(key, 3)]
    let a = tensor([2], [1u32, 2]);
    let y = run(&[a], |b, x| b.uniform(x[0], DType::F64, [3], 0.0, 1.0));
    assert_f64(&y, [3], &[0.5969619858129563, 0.9168554440030318, 0.6966416715577085]);
}

#[test]
fn uniform_bf16() {
    // [(w >> 24) / 2**8 for w in words(key, 5)]
    let a = tensor([2], [1u32, 2]);
    let y = run(&[a], |b, x| b.uniform(x[0], DType::BF16, [5], 0.0, 1.0));
    assert_f64(&y, [5], &[0.01953125, 0.59375, 0.15234375, 0.9140625, 0.37109375]);
}

#[test]
fn uniform_scaled() {
    // [(w >> 11) / 2**53 * 5 - 2 for w in words64(key, 3)]
    let a = tensor([2], [1u32, 2]);
    let y = run(&[a], |b, x| b.uniform(x[0], DType::F64, [3], -2.0, 3.0));
    assert_f64(&y, [3], &[0.9848099290647818, 2.584277220015159, 1.4832083577885427]);
}

#[test]
fn uniform_integers() {
    // [w % 7 - 3 for w in words64(key, 6)]
    let a = tensor([2], [1u32, 2]);
    let y = run(&[a], |b, x| b.uniform(x[0], DType::I8, [6], -3, 4));
    assert_f64(&y, [6], &[-3.0, -2.0, -2.0, -3.0, 1.0, 3.0]);
}

#[test]
fn normal_f64() {
    // [np.sqrt(-2 * np.log(1 - (u >> 11) / 2**53)) * np.cos(2 * np.pi * (v >> 11) / 2**53) for u, v in zip(words64(key, 3), words64(key, 3, 2))]
    let a = tensor([2], [1u32, 2]);
    let y = run(&[a], |b, x| b.normal(x[0], DType::F64, [3], 0.0, 1.0));
    assert_close(&y, [3], &[0.3842441539240463, -1.9764363410565586, 0.5046165871887468], 1e-12);
}

#[test]
fn normal_f32() {
    // [np.sqrt(-2 * np.log((w % 2**32 + 0.5) / 2**32)) * np.cos(2 * np.pi * (w >> 40) / 2**24) * 2 + 10 for w in words64(key, 4)]
    let a = tensor([2], [1u32, 2]);
    let y = run(&[a], |b, x| b.normal(x[0], DType::F32, [4], 10.0, 2.0));
    assert_close(
        &y,
        [4],
        &[5.464725352618918, 13.36092035695823, 9.073508723890544, 8.389691515954153],
        1e-6,
    );
}

#[test]
fn truncated_normal() {
    // [scipy.special.ndtri(0.5 + ((w >> 11) / 2**53 - 0.5) * scipy.special.erf(2**0.5)) for w in words64(key, 5)]
    let a = tensor([2], [1u32, 2]);
    let y = run(&[a], |b, x| b.truncated_normal(x[0], DType::F64, [5], 0.0, 1.0));
    assert_close(
        &y,
        [5],
        &[
            0.23410995169485133,
            1.2696111452218162,
            0.48932566639843345,
            0.4481714557664134,
            -0.7807734580988092,
        ],
        1e-12,
    );
}

#[test]
fn rng_split() {
    // np.reshape(words(key, 6, 2**63), (3, 2))
    let a = tensor([2], [1u32, 2]);
    let y = run(&[a], |b, x| b.rng_split(x[0], 3usize));
    assert_f64(
        &y,
        [3, 2],
        &[2363053626.0, 3625900914.0, 1780751495.0, 1219572669.0, 755964985.0, 3147891793.0],
    );
}

#[test]
fn keys_of_numbers_differ() {
    let fold = |number: Literal| run(&[key(), number], |b, x| b.rng_fold_in(x[0], x[1]));
    let keys = [0i64, 1, 2, -1, 1 << 40].map(|n| fold(tensor((), [n])));
    for (i, key) in keys.iter().enumerate() {
        assert!(!keys[..i].contains(key));
    }
    // The same number of another dtype is the same number.
    assert_eq!(keys[2], fold(tensor((), [2u8])));
    assert_eq!(keys[3], fold(tensor((), [-1i8])));
}

/// Against mpmath.sqrt(2) * mpmath.erfinv(2 * q).
#[test]
fn quantiles() {
    let q = [-0.477, -0.4251, -0.4249, -0.25, -1e-9, 0.0, 1e-3, 0.3, 0.425, 0.47];
    let expected = [
        -1.9953933101678245,
        -1.4402382675279635,
        -1.43882539275254,
        -0.6744897501960818,
        -2.506628274631001e-09,
        0.0,
        0.0025066308995717644,
        0.8416212335729143,
        1.439531470938456,
        1.8807936081512506,
    ];
    let y = run(&[f64s([10], q)], |b, x| normal_quantile(b, x[0]));
    assert_close(&y, [10], &expected, 1e-14);
    let y = run(&[tensor([10], q.map(|q| q as f32))], |b, x| normal_quantile(b, x[0]));
    assert_close(&y, [10], &expected, 2e-6);
}

/// Mean and variance of many numbers, to within five standard errors.
fn check_moments(
    mean: f64,
    variance: f64,
    build: impl FnOnce(&mut Builder, &[Value]) -> Result<Value, BuildError>,
) {
    let numbers: Vec<f64> = run(&[key()], build).iter().map(|s| s.to_f64()).collect();
    let n = numbers.len() as f64;
    let found = numbers.iter().sum::<f64>() / n;
    assert!((found - mean).abs() < 5.0 * (variance / n).sqrt(), "mean {found}, expected {mean}");
    let found = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    assert!((found - variance).abs() < 10.0 * variance / n.sqrt(), "variance {found}, expected {variance}");
}

#[test]
fn moments_of_distributions() {
    for dtype in [DType::F32, DType::F64, DType::BF16, DType::F16] {
        check_moments(0.5, 1.0 / 12.0, |b, x| b.uniform(x[0], dtype, [4000], 0.0, 1.0));
        check_moments(1.0, 4.0, |b, x| b.normal(x[0], dtype, [4000], 1.0, 2.0));
        // scipy.stats.truncnorm(-2, 2).var()
        check_moments(0.0, 0.7737413, |b, x| b.truncated_normal(x[0], dtype, [4000], 0.0, 1.0));
    }
    check_moments(4.5, 8.25, |b, x| b.uniform(x[0], DType::I32, [4000], 0, 10));
    check_moments(0.3, 0.21, |b, x| {
        let probability = b.full(0.3, &[4000].into())?;
        b.bernoulli(probability, x[0])
    });
}

#[test]
fn bounds_hold() {
    let y = run(&[key()], |b, x| b.uniform(x[0], DType::F16, [5000], 1.0, 1.01));
    assert!(y.iter().all(|s| (1.0..1.01).contains(&s.to_f64())));
    let y = run(&[key()], |b, x| b.uniform(x[0], DType::F32, [5000], -1e-3, 0.0));
    assert!(y.iter().all(|s| (-1e-3..0.0).contains(&(s.to_f64()))));
    let y = run(&[key()], |b, x| b.truncated_normal(x[0], DType::F32, [5000], 0.0, 1.0));
    assert!(y.iter().all(|s| s.to_f64().abs() <= 2.0));
}

#[test]
fn certain_and_impossible_events() {
    let y = run(&[key(), f64s([2], [0.0, 1.0])], |b, x| b.bernoulli(x[1], x[0]));
    assert_eq!(y.to_vec::<bool>().unwrap(), [false, true]);
    let x = f64s([2], [3.0, f64::INFINITY]);
    assert_f64(&run(&[key(), x.clone()], |b, x| b.dropout(x[1], x[0], 1.0)), [2], &[0.0, 0.0]);
    assert_eq!(run(&[key(), x.clone()], |b, x| b.dropout(x[1], x[0], 0.0)), x);
}

#[test]
fn classes_come_as_often_as_their_weights_say() {
    let y = run(&[key()], |b, x| {
        let logits = b.literal(f64s([3], [0.5f64.ln(), 0.125f64.ln(), 0.375f64.ln()]));
        let logits = b.broadcast_to(logits, &[4000, 3].into())?;
        b.categorical(logits, x[0], 1usize)
    });
    let counts = [0, 1, 2].map(|class| y.iter().filter(|s| s.to_i128() == class).count() as f64 / 4000.0);
    for (found, expected) in counts.into_iter().zip([0.5f64, 0.125, 0.375]) {
        assert!((found - expected).abs() < 5.0 * (expected * (1.0 - expected) / 4000.0).sqrt(), "{counts:?}");
    }
}

#[test]
fn dropout_keeps_the_mean() {
    check_moments(1.0, 1.0 / 3.0, |b, x| {
        let ones = b.full(1.0, &[4000].into())?;
        b.dropout(ones, x[0], 0.25)
    });
}

#[test]
fn permutations_hold_each_number_once() {
    let order = run(&[key()], |b, x| b.permutation(x[0], 100usize)).to_vec::<i32>().unwrap();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..100).collect::<Vec<i32>>());
    assert_ne!(order, sorted);
    let x = Literal::new([2, 100], &(0..200).collect::<Vec<i32>>()).unwrap();
    let y = run(&[key(), x], |b, x| b.shuffle(x[1], x[0], 1usize)).to_vec::<i32>().unwrap();
    assert_eq!(y[..100], order);
    assert!(y[100..].iter().zip(&order).all(|(y, i)| *y == i + 100));
}

#[test]
fn errors() {
    let x = || f64s([2], [1.0, 2.0]);
    for (found, expected) in [
        (
            error(&[x()], |b, x| b.normal(x[0], DType::F32, [2], 0.0, 1.0)),
            "`normal`(f64[2]): the key (operand 0) must be u32[2], found f64[2]",
        ),
        (
            error(&[key()], |b, x| b.normal(x[0], DType::I32, [2], 0.0, 1.0)),
            "`normal`(u32[2]): attribute `dtype`: must be a float dtype, found i32",
        ),
        (
            error(&[key()], |b, x| b.uniform(x[0], DType::F32, [2], 1.0, 1.0)),
            "`uniform`(u32[2]): attribute `high`: must be above low, by a finite amount; found 1.0 and 1.0",
        ),
        (
            error(&[key()], |b, x| b.uniform(x[0], DType::F64, [2], f64::MIN, f64::MAX)),
            "`uniform`(u32[2]): attribute `high`: must be above low, by a finite amount; found \
             -1.7976931348623157e308 and 1.7976931348623157e308",
        ),
        (
            error(&[key()], |b, x| b.uniform(x[0], DType::I32, [2], 5, 3)),
            "`uniform`(u32[2]): attribute `high`: must be above low, found 5 and 3",
        ),
        (
            error(&[key(), x()], |b, x| b.dropout(x[1], x[0], f64::NAN)),
            "`dropout`(f64[2], u32[2]): attribute `rate`: must be from 0 to 1, found nan:0x7ff8000000000000",
        ),
        (
            error(&[key()], |b, x| b.permutation(x[0], usize::MAX)),
            "`permutation`(u32[2]): attribute `count`: i32 cannot hold the indices of 18446744073709551615 elements",
        ),
        (
            error(&[key()], |b, x| b.rng_split(x[0], usize::MAX)),
            "`rng_split`(u32[2]): in its definition, `rng_bits`: the result of shape [18446744073709551615,2] is too large",
        ),
    ] {
        assert_eq!(found, expected);
    }
}
