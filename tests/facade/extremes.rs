//! Values and derivatives where something on the way would overflow, underflow or lose its digits.

use tensorwright::prelude::*;
use tensorwright::{GeluForm, NormOrder};

/// The derivative at a point.
fn slope(f: impl Fn(Tensor) -> Tensor + Send + Sync + 'static, x: f32) -> f64 {
    f64::from(grad(move |x: Tensor| f(x)).call(x).unwrap().item::<f32>().unwrap())
}

/// Whether the numbers are the same but for a few roundings of f32.
#[track_caller]
fn close(found: f64, expected: f64) {
    let error = (found - expected).abs() / expected.abs().max(f64::from(f32::MIN_POSITIVE));
    assert!(error < 2e-6, "found {found:e}, expected {expected:e}");
}

#[test]
fn slopes_of_inverse_functions_far_out() {
    close(slope(|x| x.asinh(), 1e25), 1e-25);
    close(slope(|x| x.asinh(), -1e25), 1e-25);
    close(slope(|x| x.asinh(), 1.0), 0.5f64.sqrt());
    close(slope(|x| x.acosh(), 1e25), 1e-25);
    close(slope(|x| x.acosh(), 2.0), 1.0 / 3f64.sqrt());
    close(slope(|x| x.atan(), 1e18), 1e-36);
    close(slope(|x| x.atan(), 0.5), 0.8);
    let atan2 = |y: f32, x: f32| {
        let gradient = grad(|(y, x): (Tensor, Tensor)| y.atan2(x)).call((y, x)).unwrap();
        [gradient.0, gradient.1].map(|g| f64::from(g.item::<f32>().unwrap()))
    };
    for (y, x, scale) in [(3e25f32, 4e25f32, 1e25), (3e-25, 4e-25, 1e-25), (3.0, 4.0, 1.0)] {
        let [by_y, by_x] = atan2(y, x);
        close(by_y, 0.16 / scale);
        close(by_x, -0.12 / scale);
    }
    assert_eq!(atan2(0.0, 0.0), [0.0, 0.0]);
}

#[test]
fn slopes_in_tails() {
    close(slope(|x| x.expm1(), -25.0), (-25f64).exp());
    close(slope(|x| x.expm1(), 0.5), 0.5f64.exp());
    for x in [-30.0f32, -2.0, 0.25, 12.0, 40.0] {
        let e = (-f64::from(x).abs()).exp();
        close(slope(|x| x.logistic(), x), e / (1.0 + e).powi(2));
        let e = (-2.0 * f64::from(x).abs()).exp();
        close(slope(|x| x.tanh(), x), 4.0 * e / (1.0 + e).powi(2));
    }
    assert_eq!(slope(|x| x.tanh(), 0.0), 1.0);
    assert_eq!(slope(|x| x.logistic(), 0.0), 0.25);
}

#[test]
fn norms_neither_overflow_nor_vanish() {
    let norm = |x: Tensor| x.norm(NormOrder::L2, 0);
    for scale in [1e25f32, 1e-25, 1.0, 1e-42] {
        let x = [3.0 * scale, 4.0 * scale];
        for found in [norm(x.into()), function(norm).call(x).unwrap()] {
            let error = (found.item::<f32>().unwrap() - 5.0 * scale).abs();
            assert!(error <= 1e-6 * 5.0 * scale + 3e-45, "{scale:e}: off by {error:e}");
        }
        let gradient = grad(norm).call(x).unwrap().to_vec::<f32>().unwrap();
        let tolerance = if scale < 1e-40 { 2e-3 } else { 1e-6 };
        assert!(
            (gradient[0] - 0.6).abs() < tolerance && (gradient[1] - 0.8).abs() < tolerance,
            "{gradient:?}"
        );
    }
    let of = |x: [f32; 2]| norm(x.into()).item::<f32>().unwrap();
    assert_eq!(of([f32::INFINITY, 1.0]), f32::INFINITY);
    assert_eq!(of([3e38, 3e38]), f32::INFINITY);
    assert!(of([f32::NAN, f32::INFINITY]).is_nan());
    assert_eq!(of([0.0, 0.0]), 0.0);
    for scale in [1e200f64, 1e-300] {
        let found = norm(Tensor::from([3.0 * scale, 4.0 * scale])).item::<f64>().unwrap();
        assert!((found / (5.0 * scale) - 1.0).abs() < 1e-15, "{found:e}");
    }
}

#[test]
fn ranges_of_integers_are_counted_exactly() {
    let first = 1i64 << 53;
    assert_eq!(Tensor::range(first, first + 3, 1).to_vec::<i64>().unwrap(), [first, first + 1, first + 2]);
    let last = i64::MAX;
    assert_eq!(Tensor::range(last - 5, last, 2).to_vec::<i64>().unwrap(), [last - 5, last - 3, last - 1]);
    assert_eq!(Tensor::range(i64::MIN, i64::MIN + 2, 1).shape().unwrap(), &[2].into());
    assert_eq!(Tensor::range(5u64, 0, 1).shape().unwrap(), &[0].into());
    assert_eq!(Tensor::range(5i32, -1, -2).to_vec::<i32>().unwrap(), [5, 3, 1]);
    assert_eq!(Tensor::range(0.0f32, 1.0, 0.25).shape().unwrap(), &[4].into());
    assert!(Tensor::range(0i32, 5, 0).error().is_some());
    assert!(Tensor::range(i64::MIN, i64::MAX, 1).error().is_some());
}

#[test]
fn spans_may_be_wider_than_the_largest_number() {
    let found = Tensor::linspace(-3e38f32, 3e38, 5).to_vec::<f32>().unwrap();
    assert_eq!(found, [-3e38, -1.5e38, 0.0, 1.5e38, 3e38]);
    assert_eq!(Tensor::linspace(-3e38f32, 3e38, 2).to_vec::<f32>().unwrap(), [-3e38, 3e38]);
    assert_eq!(Tensor::linspace(0.0f64, 1.0, 5).to_vec::<f64>().unwrap(), [0.0, 0.25, 0.5, 0.75, 1.0]);
}

#[test]
fn new_axes_count_from_the_end_of_the_result() {
    let hot = Tensor::from([2i32, 0, 1, 1]).one_hot(3, -1, DType::F32);
    assert_eq!(hot.shape().unwrap(), &[4, 3].into());
    assert_eq!(hot.to_vec::<f32>().unwrap(), [0., 0., 1., 1., 0., 0., 0., 1., 0., 0., 1., 0.]);
    assert_eq!(Tensor::from(1i32).one_hot(3, -1, DType::I32).to_vec::<i32>().unwrap(), [0, 1, 0]);
    let wide = Tensor::from([1.0f32, 2.0]).broadcast_in_dim([3, 2], [-1]);
    assert_eq!(wide.to_vec::<f32>().unwrap(), [1., 2., 1., 2., 1., 2.]);
    assert_eq!(Tensor::iota(DType::I32, [2, 2], -1).to_vec::<i32>().unwrap(), [0, 1, 0, 1]);
}

#[test]
fn a_product_with_zeros_has_slope_zero_however_large_the_rest_is() {
    let x = [1e30f32, 1e30, 2.0, 0.0, 0.0];
    assert_eq!(grad(|x: Tensor| x.prod(0)).call(x).unwrap().to_vec::<f32>().unwrap(), [0.0; 5]);
    let along = jvp(|x: Tensor| x.prod(0), Tensor::from(x), Tensor::from([1.0f32; 5])).unwrap();
    assert_eq!(along.1.item::<f32>().unwrap(), 0.0);
    let one = grad(|x: Tensor| x.prod(0)).call([2.0f32, 0.0, 3.0]).unwrap();
    assert_eq!(one.to_vec::<f32>().unwrap(), [0.0, 6.0, 0.0]);
    let infinite = grad(|x: Tensor| x.prod(0)).call([f32::INFINITY, 0.0, 3.0]).unwrap();
    assert!(infinite.to_vec::<f32>().unwrap()[2].is_nan());
}

#[test]
fn equal_extrema_are_counted_in_a_wide_dtype() {
    let x = Tensor::full([70_000], half::f16::ONE);
    let gradient = grad(|x: Tensor| x.max(0)).call(x).unwrap();
    assert!(gradient.to_vec::<half::f16>().unwrap().iter().all(|g| (g.to_f32() * 7e4 - 1.0).abs() < 1e-2));
    let x = Tensor::full([512], half::bf16::ONE);
    let gradient = grad(|x: Tensor| x.max(0)).call(x).unwrap();
    assert!(gradient.to_vec::<half::bf16>().unwrap().iter().all(|g| g.to_f32() == 1.0 / 512.0));
}

/// The gradient of the sum of a running product, and the tangent of its last element along ones.
fn running(x: &[f32]) -> (Vec<f32>, f32) {
    let gradient = grad(|x: Tensor| x.cumprod(0).sum(..)).call(x.to_vec()).unwrap();
    let ones = vec![1.0f32; x.len()];
    let along = jvp(|x: Tensor| x.cumprod(0).i(-1), Tensor::from(x.to_vec()), Tensor::from(ones)).unwrap();
    (gradient.to_vec().unwrap(), along.1.item().unwrap())
}

#[test]
fn running_products_that_overflow_before_a_zero_have_slopes() {
    let (gradient, last) = running(&[1e30, 1e30, 2.0, 0.0, 0.0]);
    // 1 + x1 + x1 x2 + 0 and so on; what overflows is infinite.
    assert_eq!(gradient, [3e30, 3e30, f32::INFINITY, f32::INFINITY, 0.0]);
    assert_eq!(last, 0.0);
    let (gradient, last) = running(&[2.0, 0.0, 3.0]);
    assert_eq!((gradient, last), (vec![1.0, 8.0, 0.0], 6.0));
}

#[test]
fn products_may_overflow_on_the_way() {
    let x = [1e30f32, 1e30, 1e-30, 1e-30, 5.0, 7.0];
    let relative = |found: &[f32], expected: &[f64]| {
        assert_eq!(found.len(), expected.len());
        found.iter().zip(expected).for_each(|(&f, &e)| close(f64::from(f), e));
    };
    let gradient = grad(|x: Tensor| x.prod(0)).call(x).unwrap().to_vec::<f32>().unwrap();
    relative(&gradient, &[35e-30, 35e-30, 35e30, 35e30, 7.0, 5.0]);
    let long: Vec<f32> = (0..400).map(|i| if i % 2 == 0 { 1e-30 } else { 1e30 }).rev().chain([3.0]).collect();
    let gradient = grad(|x: Tensor| x.prod(0)).call(long).unwrap().to_vec::<f32>().unwrap();
    // Neither pairs up to 1 exactly.
    let pairs = (f64::from(1e30f32) * f64::from(1e-30f32)).powi(200);
    relative(&gradient[399..], &[pairs * 3.0 / f64::from(1e-30f32), pairs]);
    // The last prefix alone.
    let last = |x: Tensor| x.cumprod(0).i(-1);
    let gradient = grad(last).call(x).unwrap().to_vec::<f32>().unwrap();
    relative(&gradient, &[35e-30, 35e-30, 35e30, 35e30, 7.0, 5.0]);
    let back = grad(|x: Tensor| x.reverse([0]).cumprod(0).i(-1)).call(x).unwrap().to_vec::<f32>().unwrap();
    relative(&back, &[35e-30, 35e-30, 35e30, 35e30, 7.0, 5.0]);
    let tangent = jvp(last, Tensor::from(x), Tensor::from([0.0f32, 0.0, 0.0, 0.0, 1.0, 0.0])).unwrap().1;
    close(f64::from(tangent.item::<f32>().unwrap()), 7.0);
}

#[test]
fn products_with_zeros_have_second_derivatives() {
    for f in [|x: Tensor| x.prod(0), |x: Tensor| x.cumprod(0).i(-1)] {
        let found = hessian(f).call([2.0f64, 0.0, 3.0]).unwrap();
        assert_eq!(found.to_vec::<f64>().unwrap(), [0.0, 3.0, 0.0, 3.0, 0.0, 2.0, 0.0, 2.0, 0.0]);
        let found = hessian(f).call([0.0f64, 0.0, 3.0]).unwrap();
        assert_eq!(found.to_vec::<f64>().unwrap(), [0.0, 3.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }
}

#[test]
fn products_are_differentiated_by_what_is_zero_for_now() {
    // The sum of products times numbers, of which some are 0: by both, in both orders.
    let f = |x: Tensor| (x.i(..3).cumprod(0) * x.i(3..)).sum(..);
    let found = hessian(f).call([2.0f64, 0.0, 3.0, 0.0, 1.0, 0.0]).unwrap();
    let found: Vec<f64> = found.to_vec().unwrap();
    // f = a p + b a q + c a q r with (a, q, r) = (2, 0, 3) and the weights (0, 1, 0).
    let expected = [
        [0.0, 1.0, 0.0, 1.0, 0.0, 0.0],
        [1.0, 0.0, 0.0, 0.0, 2.0, 6.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 2.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 6.0, 0.0, 0.0, 0.0, 0.0],
    ];
    assert_eq!(found, expected.concat());
}

#[test]
fn slopes_of_norms_and_shares_far_out() {
    let gradient = |f: fn(Tensor) -> Tensor, x: [f32; 2]| grad(f).call(x).unwrap().to_vec::<f32>().unwrap();
    let check = |f: fn(Tensor) -> Tensor, x: [f32; 2], expected: [f64; 2]| {
        gradient(f, x).iter().zip(expected).for_each(|(&f, e)| close(f64::from(f), e));
    };
    let half = 0.5f64.sqrt();
    check(|x| x.norm(NormOrder::L2, 0), [3e38, 3e38], [half, half]);
    check(|x| x.norm(NormOrder::L2, 0), [3e-44, 4e-44], [21.0, 29.0].map(|x: f64| x / 1282f64.sqrt()));
    check(|x| x.norm(NormOrder::Inf, 0), [3e38, -1.0], [1.0, 0.0]);
    check(|x| x.norm(NormOrder::L1, 0), [3e38, -3e38], [1.0, -1.0]);
    check(|x| x.i(0).hypot(x.i(1)), [3e38, 3e38], [half, half]);
    let infinite = gradient(|x| x.i(0).hypot(x.i(1)), [f32::INFINITY, 1.0]);
    assert!(infinite[0] == 1.0 && infinite[1] < 1e-38, "{infinite:?}");
    check(|x| x.logsumexp(0), [1e8, 1e8], [0.5, 0.5]);
    check(|x| x.logsumexp(0), [1000.0, 999.0], [0.731_058_578_630_004_9, 0.268_941_421_369_995_1]);
    check(|x| x.i(0).log_add_exp(x.i(1)), [1e8, 1e8], [0.5, 0.5]);
    check(|x| x.cumulative_logsumexp(0, false, false).i(-1), [1e8, 1e8], [0.5, 0.5]);
    check(|x| x.std(0, 0), [1e25, 3e25], [-0.5, 0.5]);
    check(|x| x.std(0, 0), [1e-30, 3e-30], [-0.5, 0.5]);
    check(|x| x.l2_normalize([0], 1e-12).i(0), [3e25, 4e25], [0.64 / 5e25, -0.48 / 5e25]);
    let length = Tensor::from([3e25f32, 4e25]).l2_normalize([0], 1e-12).to_vec::<f32>().unwrap();
    assert!((length[0] - 0.6).abs() < 1e-6 && (length[1] - 0.8).abs() < 1e-6, "{length:?}");
    let deviation = Tensor::from([1e25f32, 3e25]).std(0, 0).item::<f32>().unwrap();
    close(f64::from(deviation), 1e25);
}

#[test]
fn tails_of_curves_keep_their_slopes() {
    close(slope(|x| x.elu(1.0), -25.0), (-25f64).exp());
    close(slope(|x| x.celu(2.0), -50.0), (-25f64).exp());
    close(slope(|x| x.erfc(), 9.0), -std::f64::consts::FRAC_2_SQRT_PI * (-81f64).exp());
    close(slope(|x| x.exp2(), 128.25), 2f64.powf(128.25) * 2f64.ln());
    close(slope(|x| Tensor::from(1e-40f32).pow(x), 2.0), 0.0);
    let pow = |(x, y): (Tensor, Tensor)| x.pow(y);
    let by_base = grad(pow).call((1e-40f32, 1e-10f32)).unwrap().0.item::<f32>().unwrap();
    assert!((by_base / 1e30 - 1.0).abs() < 1e-4, "{by_base:e}");
    assert_eq!(grad(pow).call((1e-40f32, 0.0f32)).unwrap().0.item::<f32>().unwrap(), 0.0);
}

/// Both ways to run a function give these values.
#[track_caller]
fn gives(f: fn(Tensor) -> Tensor, x: Tensor, expected: &[f64]) {
    for found in [f(x.clone()), function(f).call(&x).unwrap()] {
        let found = found.cast(DType::F64).to_vec::<f64>().unwrap();
        let close = |(found, expected): (&f64, &f64)| {
            found == expected || (found - expected).abs() <= 4.0 * f64::EPSILON * expected.abs().min(f64::MAX)
        };
        assert!(
            found.len() == expected.len() && found.iter().zip(expected).all(close),
            "{found:?}, not {expected:?}"
        );
    }
}

/// 0 times an infinity that comes from behind would be NaN: where the slope is 0, nothing goes back.
#[test]
fn an_infinity_that_meets_a_slope_of_0_gives_0() {
    fn total(f: impl Fn(Tensor) -> Tensor + Send + Sync + 'static, x: Tensor) -> Tensor {
        grad(move |x: Tensor| f(x).sum(..)).call(x).unwrap()
    }
    let x = || Tensor::from([-4.0f64, 0.0, 4.0]);
    gives(|x| total(|x| x.abs().sqrt(), x), x(), &[-0.25, 0.0, 0.25]);
    gives(|x| total(|x| x.maximum(0.0).log(), x), x(), &[0.0, f64::INFINITY, 0.25]);
    gives(|x| total(|x| x.minimum(0.0).neg().sqrt(), x), x(), &[-0.25, f64::NEG_INFINITY, 0.0]);
    gives(|x| total(|x| x.relu().log(), x), x(), &[0.0, 0.0, 0.25]);
    gives(|x| total(|x| (x * 0.0).norm(NormOrder::L2, 0).sqrt(), x), x(), &[0.0; 3]);
    gives(|x| total(|x| (x * 0.0).std(0, 0).sqrt(), x), x(), &[0.0; 3]);
    gives(|x| total(|x| x.relu6().sqrt(), x), x(), &[0.0, 0.0, 0.25]);
    gives(|x| total(|x| x.clamp(0.0, 9.0).log(), x), x(), &[0.0, f64::INFINITY, 0.25]);
    gives(|x| total(|x| x.hard_sigmoid().log(), x), x(), &[0.0, 1.0 / 3.0, 0.0]);
    gives(|x| total(|x| x.hard_swish().reciprocal(), x), x(), &[0.0, f64::NEG_INFINITY, -1.0 / 16.0]);
    gives(|x| total(|x| (x.hard_tanh() + 1.0).sqrt(), x), x(), &[0.0, 0.5, 0.0]);
}

#[test]
fn counts_are_of_all_elements_whatever_the_dtype() {
    for (dtype, expected) in [
        (DType::U8, 255.0),
        (DType::I8, 127.0),
        (DType::I16, 3001.0),
        (DType::F16, 3000.0),
        (DType::BF16, 3008.0),
        (DType::F32, 3001.0),
        (DType::U64, 3001.0),
    ] {
        let graph = format!(
            "graph @f(%x: f32[3001]) {{ %n = count_nonzero(%x) {{axes = [0], dims = drop, dtype = {dtype}}} return %n }}"
        );
        let graph: tensorwright::Graph = graph.parse().unwrap();
        let ones = Tensor::ones(3001, DType::F32);
        let count = move |x: Tensor| Ok(tensorwright::run_graph(&graph, &[x])?.remove(0).cast(DType::F64));
        for found in [count(ones.clone()), function(count).call(&ones)] {
            assert_eq!(found.unwrap().item::<f64>().unwrap(), expected, "{dtype}");
        }
    }
}

#[test]
fn the_tail_of_gelu_has_all_its_digits() {
    let (x, y) = (Tensor::from([-5.0f64, -10.1, -36.6]), Tensor::from([-5.0f32, -7.31, -12.7]));
    let gelu = |x: Tensor| x.gelu(GeluForm::Erf);
    let slopes = |x: Tensor| grad(|x: Tensor| x.gelu(GeluForm::Erf).sum(..)).call(x).unwrap();
    let values = [-1.433_257_859_395_969_5e-6, -2.789_730_566_482_162e-23, -5.233_935_576_510_957e-292];
    let by_x = [-7.146_946_001_792_295e-6, -2.817_111_115_001_356_3e-22, -1.915_618_293_843_929_3e-290];
    let narrow = [-1.433_257_859e-6, -9.764_058_268e-13, -3.754_745_508e-36];
    let by_y = [-7.146_946_002e-6, -7.132_939_809e-12, -4.768_170_99e-35];
    let near = |found: Tensor, expected: [f64; 3], epsilon: f64| {
        let found = found.cast(DType::F64).to_vec::<f64>().unwrap();
        let error = |(found, expected): (&f64, &f64)| (found / expected - 1.0).abs() / epsilon;
        let errors: Vec<f64> = found.iter().zip(&expected).map(error).collect();
        assert!(errors.iter().all(|&error| error < 8.0), "{found:?}: off by {errors:.1?} roundings");
    };
    let compiled = (function(gelu), function(slopes));
    let compiled = (|x| compiled.0.call(x).unwrap(), |x| compiled.1.call(x).unwrap());
    let all: [[&dyn Fn(Tensor) -> Tensor; 2]; 2] = [[&gelu, &slopes], [&compiled.0, &compiled.1]];
    for [gelu, slopes] in all {
        near(gelu(x.clone()), values, f64::EPSILON);
        near(slopes(x.clone()), by_x, f64::EPSILON);
        near(gelu(y.clone()), narrow, f64::from(f32::EPSILON));
        near(slopes(y.clone()), by_y, f64::from(f32::EPSILON));
    }
}
