//! Zeros, infinities, NaN and the edges of ranges, in both widths; and how strips are cut.

use tensorwright_compiler::math::{Float, MathFn};
use tensorwright_ir::op::Random;
use tensorwright_runtime::library::math::symbols;

use super::inputs;
use super::strips::Strip;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// Function, argument, result; exact and by sign.
const UNARY: &[(MathFn, f64, f64)] = &[
    (MathFn::Exp, -INF, 0.0),
    (MathFn::Exp, INF, INF),
    (MathFn::Exp, 0.0, 1.0),
    (MathFn::Exp, -0.0, 1.0),
    (MathFn::Exp, -1e4, 0.0),
    (MathFn::Exp, 1e4, INF),
    (MathFn::Expm1, -INF, -1.0),
    (MathFn::Expm1, INF, INF),
    (MathFn::Expm1, 0.0, 0.0),
    (MathFn::Expm1, -0.0, -0.0),
    (MathFn::Exp2, -INF, 0.0),
    (MathFn::Exp2, INF, INF),
    (MathFn::Exp2, 10.0, 1024.0),
    (MathFn::Exp2, -3.0, 0.125),
    (MathFn::Log, 0.0, -INF),
    (MathFn::Log, -0.0, -INF),
    (MathFn::Log, 1.0, 0.0),
    (MathFn::Log, INF, INF),
    (MathFn::Log, -1.0, NAN),
    (MathFn::Log, -INF, NAN),
    (MathFn::Log1p, 0.0, 0.0),
    (MathFn::Log1p, -0.0, -0.0),
    (MathFn::Log1p, -1.0, -INF),
    (MathFn::Log1p, INF, INF),
    (MathFn::Log1p, -2.0, NAN),
    (MathFn::Log2, 0.0, -INF),
    (MathFn::Log2, 1.0, 0.0),
    (MathFn::Log2, 1024.0, 10.0),
    (MathFn::Log2, 0.125, -3.0),
    (MathFn::Log2, -1.0, NAN),
    (MathFn::Logistic, -INF, 0.0),
    (MathFn::Logistic, INF, 1.0),
    (MathFn::Logistic, 0.0, 0.5),
    (MathFn::Tanh, INF, 1.0),
    (MathFn::Tanh, -INF, -1.0),
    (MathFn::Tanh, 0.0, 0.0),
    (MathFn::Tanh, -0.0, -0.0),
    (MathFn::Sin, 0.0, 0.0),
    (MathFn::Sin, -0.0, -0.0),
    (MathFn::Sin, INF, NAN),
    (MathFn::Sin, -INF, NAN),
    (MathFn::Cos, -0.0, 1.0),
    (MathFn::Cos, INF, NAN),
    (MathFn::Tan, 0.0, 0.0),
    (MathFn::Tan, -0.0, -0.0),
    (MathFn::Tan, -INF, NAN),
    (MathFn::Asin, -0.0, -0.0),
    (MathFn::Asin, 1.5, NAN),
    (MathFn::Acos, 1.0, 0.0),
    (MathFn::Acos, -1.5, NAN),
    (MathFn::Atan, 0.0, 0.0),
    (MathFn::Atan, -0.0, -0.0),
    (MathFn::Sinh, -INF, -INF),
    (MathFn::Sinh, -0.0, -0.0),
    (MathFn::Sinh, 1e4, INF),
    (MathFn::Cosh, -INF, INF),
    (MathFn::Cosh, 0.0, 1.0),
    (MathFn::Cosh, -1e4, INF),
    (MathFn::Asinh, -INF, -INF),
    (MathFn::Asinh, -0.0, -0.0),
    (MathFn::Acosh, 1.0, 0.0),
    (MathFn::Acosh, INF, INF),
    (MathFn::Acosh, 0.5, NAN),
    (MathFn::Acosh, -INF, NAN),
    (MathFn::Atanh, -0.0, -0.0),
    (MathFn::Atanh, 1.0, INF),
    (MathFn::Atanh, -1.0, -INF),
    (MathFn::Atanh, 2.0, NAN),
    (MathFn::Erf, INF, 1.0),
    (MathFn::Erf, -INF, -1.0),
    (MathFn::Erf, -0.0, -0.0),
    (MathFn::Erfc, INF, 0.0),
    (MathFn::Erfc, -INF, 2.0),
    (MathFn::Erfc, 0.0, 1.0),
    (MathFn::Cbrt, -0.0, -0.0),
    (MathFn::Cbrt, -INF, -INF),
    (MathFn::Cbrt, 27.0, 3.0),
    (MathFn::Cbrt, -8.0, -2.0),
];

/// Function, arguments, result.
const BINARY: &[(MathFn, f64, f64, f64)] = &[
    (MathFn::Pow, NAN, 0.0, 1.0),
    (MathFn::Pow, 1.0, NAN, 1.0),
    (MathFn::Pow, NAN, 1.0, NAN),
    (MathFn::Pow, 2.0, NAN, NAN),
    (MathFn::Pow, -1.0, INF, 1.0),
    (MathFn::Pow, -1.0, -INF, 1.0),
    (MathFn::Pow, -1.0, NAN, NAN),
    (MathFn::Pow, 0.0, 3.0, 0.0),
    (MathFn::Pow, -0.0, 3.0, -0.0),
    (MathFn::Pow, -0.0, 2.0, 0.0),
    (MathFn::Pow, -0.0, 2.5, 0.0),
    (MathFn::Pow, 0.0, -3.0, INF),
    (MathFn::Pow, -0.0, -3.0, -INF),
    (MathFn::Pow, -0.0, -2.0, INF),
    (MathFn::Pow, 0.0, -INF, INF),
    (MathFn::Pow, -2.0, 3.0, -8.0),
    (MathFn::Pow, -2.0, 4.0, 16.0),
    (MathFn::Pow, -2.0, 0.5, NAN),
    (MathFn::Pow, -INF, 3.0, -INF),
    (MathFn::Pow, -INF, -3.0, -0.0),
    (MathFn::Pow, -INF, 0.5, INF),
    (MathFn::Pow, INF, -1.0, 0.0),
    (MathFn::Pow, 0.5, INF, 0.0),
    (MathFn::Pow, 0.5, -INF, INF),
    (MathFn::Pow, 2.0, INF, INF),
    (MathFn::Pow, 2.0, -INF, 0.0),
    (MathFn::Pow, 3.0, 4.0, 81.0),
    (MathFn::Pow, 10.0, 4.0, 10000.0),
    (MathFn::Atan2, 0.0, 1.0, 0.0),
    (MathFn::Atan2, -0.0, 1.0, -0.0),
    (MathFn::Atan2, 0.0, 0.0, 0.0),
    (MathFn::Atan2, -0.0, 0.0, -0.0),
    (MathFn::Atan2, 1.0, INF, 0.0),
    (MathFn::Atan2, -1.0, INF, -0.0),
    (MathFn::Atan2, NAN, 1.0, NAN),
    (MathFn::Atan2, 1.0, NAN, NAN),
    (MathFn::Atan2, NAN, INF, NAN),
];

/// `atan2` where the result is this many quarters of pi.
const ANGLES: &[(f64, f64, f64)] = &[
    (0.0, -0.0, 4.0),
    (-0.0, -0.0, -4.0),
    (0.0, -1.0, 4.0),
    (-0.0, -1.0, -4.0),
    (1.0, 0.0, 2.0),
    (-1.0, -0.0, -2.0),
    (INF, 1.0, 2.0),
    (-INF, -1.0, -2.0),
    (INF, INF, 1.0),
    (INF, -INF, 3.0),
    (-INF, INF, -1.0),
    (-INF, -INF, -3.0),
    (1.0, -INF, 4.0),
    (1.0, 1.0, 1.0),
];

fn same(a: f64, b: f64) -> bool {
    a.is_nan() && b.is_nan() || a.to_bits() == b.to_bits()
}

fn check(function: MathFn, x: f64, y: f64, expected: f64) {
    let wide = Strip::of(function).run(&[x], &[y])[0];
    assert!(same(wide, expected), "{function:?} of {x}, {y} in f64: {wide}, not {expected}");
    let narrow = Strip::of(function).run(&[x as f32], &[y as f32])[0];
    let expected = expected as f32;
    assert!(
        same(narrow.into(), expected.into()),
        "{function:?} of {x}, {y} in f32: {narrow}, not {expected}"
    );
}

#[test]
fn special_values() {
    for &(function, x, expected) in UNARY {
        check(function, x, 0.0, expected);
    }
    for &(function, x, y, expected) in BINARY {
        check(function, x, y, expected);
    }
    for &(y, x, quarters) in ANGLES {
        let expected = quarters * std::f64::consts::FRAC_PI_4;
        let wide = Strip::of(MathFn::Atan2).run(&[y], &[x])[0];
        let narrow = Strip::of(MathFn::Atan2).run(&[y as f32], &[x as f32])[0];
        assert!((wide / expected - 1.0).abs() <= f64::EPSILON, "atan2 of {y}, {x} in f64: {wide}");
        assert!(
            (f64::from(narrow) / expected - 1.0).abs() <= f64::from(f32::EPSILON),
            "atan2 of {y}, {x} in f32: {narrow}"
        );
    }
}

#[test]
fn nan_goes_through() {
    for &function in MathFn::ALL {
        check(function, NAN, 2.0, NAN);
    }
}

/// Odd functions give the negated bits for a negated argument, even ones the same bits.
#[test]
fn symmetric() {
    use MathFn::{Asin, Asinh, Atan, Atanh, Cbrt, Cos, Cosh, Erf, Sin, Sinh, Tan, Tanh};
    let (xs, _) = inputs::narrow(2000);
    let negated: Vec<f32> = xs.iter().map(|x| -x).collect();
    for function in [Sin, Tan, Asin, Atan, Sinh, Tanh, Asinh, Atanh, Erf, Cbrt, Cos, Cosh] {
        let strip = Strip::of(function);
        for ((&x, a), b) in xs.iter().zip(strip.run(&xs, &xs)).zip(strip.run(&negated, &xs)) {
            let b = if matches!(function, Cos | Cosh) { b } else { -b };
            assert!(same(a.into(), b.into()), "{function:?} of {x:e} and its negation: {a:e}, {b:e}");
        }
    }
}

/// Neither the length of a strip nor the position in it changes a result, nor does working in place.
#[test]
fn position_does_not_matter() {
    let mut random = Random::new(5);
    for &function in MathFn::ALL {
        let (xs, ys): (Vec<f32>, Vec<f32>) = inputs::narrow(0);
        let strip = Strip::of(function);
        let whole = strip.run(&xs, &ys);
        for _ in 0..200 {
            let start = random.bits() as usize % xs.len();
            let end = start + random.bits() as usize % (xs.len() - start).min(100);
            let part = strip.run(&xs[start..end], &ys[start..end]);
            let in_place = strip.run_in_place(&xs[start..end], &ys[start..end]);
            for (i, expected) in whole[start..end].iter().enumerate() {
                assert!(same(part[i].into(), (*expected).into()), "{function:?} at {start} + {i}");
                assert!(
                    same(in_place[i].into(), (*expected).into()),
                    "{function:?} in place at {start} + {i}"
                );
            }
        }
    }
}

#[test]
fn all_symbols_are_there() {
    let names: Vec<_> = symbols().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 2 * MathFn::ALL.len());
    for &function in MathFn::ALL {
        for float in [Float::F32, Float::F64] {
            assert!(names.contains(&function.symbol(float)), "{function:?}");
        }
    }
    assert_eq!(MathFn::Atan2.symbol(Float::F32), "tw_math_atan2_f32");
}
