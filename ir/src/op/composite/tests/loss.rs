//! Golden values of losses.

use super::{assert_close, assert_f64, cast, error, f64s, run, tensor};
use crate::DType;
use crate::op::composite::LossReduction;

#[test]
fn softmax_cross_entropy() {
    // F.cross_entropy(t(a), t(b), reduction='none')
    let a = f64s([2, 3], [1.0, -2.0, 3.0, 100.0, 0.5, -700.0]);
    let b = f64s([2, 3], [0.25, 0.5, 0.25, 0.0, 1.0, 0.0]);
    let y = run(&[a, b], |b, x| b.softmax_cross_entropy(x[0], x[1], 1usize, LossReduction::None));
    assert_f64(&y, [2], &[3.1328452337275756, 99.5]);
}

#[test]
fn softmax_cross_entropy_mean() {
    // F.cross_entropy(t(a), t(b))
    let a = f64s([2, 3], [1.0, -2.0, 3.0, 100.0, 0.5, -700.0]);
    let b = f64s([2, 3], [0.25, 0.5, 0.25, 0.0, 1.0, 0.0]);
    let y = run(&[a, b], |b, x| b.softmax_cross_entropy(x[0], x[1], 1usize, LossReduction::Mean));
    assert_f64(&y, (), &[51.31642261686378]);
}

#[test]
fn softmax_cross_entropy_of_the_first_axis() {
    // F.cross_entropy(t(a).T, t(b).T, reduction='sum')
    let a = f64s([3, 2], [1.0, 100.0, -2.0, 0.5, 3.0, -700.0]);
    let b = f64s([3, 2], [0.25, 0.0, 0.5, 1.0, 0.25, 0.0]);
    let y = run(&[a, b], |b, x| b.softmax_cross_entropy(x[0], x[1], 0usize, LossReduction::Sum));
    assert_f64(&y, (), &[102.63284523372756]);
}

#[test]
fn sparse_softmax_cross_entropy() {
    // F.cross_entropy(t(a), t(b).long(), reduction='none')
    let a = f64s([2, 3], [1.0, -2.0, 3.0, 100.0, 0.5, -700.0]);
    let b = tensor([2], [2_i32, 2]);
    let y = run(&[a, b], |b, x| b.sparse_softmax_cross_entropy(x[0], x[1], 1usize, LossReduction::None));
    assert_f64(&y, [2], &[0.13284523372757556, 800.0]);
}

#[test]
fn sparse_softmax_cross_entropy_mean() {
    // F.cross_entropy(t(a), t(b).long())
    let a = f64s([2, 3], [1.0, -2.0, 3.0, 100.0, 0.5, -700.0]);
    let b = tensor([2], [0_i32, 1]);
    let y = run(&[a, b], |b, x| b.sparse_softmax_cross_entropy(x[0], x[1], 1usize, LossReduction::Mean));
    assert_f64(&y, (), &[50.81642261686379]);
}

#[test]
fn nll() {
    // F.nll_loss(t(a), t(b).long(), reduction="sum")
    let a = f64s([2, 3], [1.0, -2.0, 3.0, 100.0, 0.5, -700.0]);
    let b = tensor([2], [0_i32, 1]);
    let y = run(&[a, b], |b, x| b.nll(x[0], x[1], 1usize, LossReduction::Sum));
    assert_f64(&y, (), &[-1.5]);
}

#[test]
fn sigmoid_cross_entropy() {
    // F.binary_cross_entropy_with_logits(t(a), t(b), reduction='none')
    let a = f64s([5], [-800.0, -2.0, 0.0, 0.5, 800.0]);
    let b = f64s([5], [0.0, 1.0, 0.5, 0.25, 1.0]);
    let y = run(&[a, b], |b, x| b.sigmoid_cross_entropy(x[0], x[1], LossReduction::None));
    assert_f64(&y, [5], &[0.0, 2.1269280110429727, 0.6931471805599453, 0.8490769841801067, 0.0]);
}

#[test]
fn mse() {
    // F.mse_loss(t(a), t(b))
    let a = f64s([3], [0.5, -3.0, 2.0]);
    let b = f64s([3], [1.0, 1.0, 2.25]);
    let y = run(&[a, b], |b, x| b.mse(x[0], x[1], LossReduction::Mean));
    assert_f64(&y, (), &[5.4375]);
}

#[test]
fn mae() {
    // F.l1_loss(t(a), t(b), reduction='sum')
    let a = f64s([3], [0.5, -3.0, 2.0]);
    let b = f64s([3], [1.0, 1.0, 2.25]);
    let y = run(&[a, b], |b, x| b.mae(x[0], x[1], LossReduction::Sum));
    assert_f64(&y, (), &[4.75]);
}

#[test]
fn huber() {
    // F.huber_loss(t(a), t(b), reduction='none', delta=0.5)
    let a = f64s([3], [0.5, -3.0, 2.0]);
    let b = f64s([3], [1.0, 1.0, 2.25]);
    let y = run(&[a, b], |b, x| b.huber(x[0], x[1], 0.5, LossReduction::None));
    assert_f64(&y, [3], &[0.125, 1.875, 0.03125]);
}

#[test]
fn hinge() {
    // np.maximum(1 - a * b, 0)
    let a = f64s([3], [0.5, -3.0, 2.0]);
    let b = f64s([3], [1.0, -1.0, -1.0]);
    let y = run(&[a, b], |b, x| b.hinge(x[0], x[1], LossReduction::None));
    assert_f64(&y, [3], &[0.5, 0.0, 3.0]);
}

#[test]
fn kl_divergence() {
    // scipy.special.rel_entr(a, b).sum(1)
    let a = f64s([2, 3], [0.25, 0.75, 0.0, 0.5, 0.25, 0.25]);
    let b = f64s([2, 3], [0.5, 0.25, 0.25, 0.0, 0.5, 0.5]);
    let y = run(&[a, b], |b, x| b.kl_divergence(x[0], x[1], 1usize, LossReduction::None));
    assert_f64(&y, [2], &[0.6506724213610959, f64::INFINITY]);
}

#[test]
fn cosine_similarity() {
    // F.cosine_similarity(t(a), t(b), 1, 1e-8)
    let a = f64s([3, 2], [1.0, 2.0, 0.0, 0.0, 3.0, -1.0]);
    let b = f64s([3, 2], [2.0, 1.0, 1.0, 1.0, -3.0, 1.0]);
    let y = run(&[a, b], |b, x| b.cosine_similarity(x[0], x[1], 1usize, 1e-8));
    assert_f64(&y, [3], &[0.7999999999999999, 0.0, -0.9999999999999999]);
}

#[test]
fn cosine_loss() {
    // (1 - F.cosine_similarity(t(a), t(b), 1, 1e-8)).mean()
    let a = f64s([3, 2], [1.0, 2.0, 0.0, 0.0, 3.0, -1.0]);
    let b = f64s([3, 2], [2.0, 1.0, 1.0, 1.0, -3.0, 1.0]);
    let y = run(&[a, b], |b, x| b.cosine_loss(x[0], x[1], 1usize, 1e-8, LossReduction::Mean));
    assert_f64(&y, (), &[1.0666666666666667]);
}

#[test]
fn l2_loss() {
    // np.sum(a ** 2) / 2
    let a = f64s([2, 2], [1.0, 2.0, 3.0, -4.0]);
    let y = run(&[a], |b, x| b.l2_loss(x[0]));
    assert_f64(&y, (), &[15.0]);
}

/// A masked class has a logit of minus infinity and a label of 0.
#[test]
fn masked_classes_do_not_matter() {
    let logits = f64s([1, 3], [1.0, f64::NEG_INFINITY, 1.0]);
    let labels = f64s([1, 3], [0.5, 0.0, 0.5]);
    let y = run(&[logits, labels], |b, x| b.softmax_cross_entropy(x[0], x[1], 1usize, LossReduction::None));
    assert_f64(&y, [1], &[std::f64::consts::LN_2]);
}

#[test]
fn a_label_that_is_no_class_gives_nan() {
    let logits = f64s([3, 2], [1.0; 6]);
    let y = run(&[logits, tensor([3], [-1i32, 2, 1])], |b, x| {
        b.sparse_softmax_cross_entropy(x[0], x[1], 1usize, LossReduction::None)
    });
    assert_f64(&y, [3], &[f64::NAN, f64::NAN, std::f64::consts::LN_2]);
}

/// In f16 the squares alone would overflow.
#[test]
fn half_precision_is_computed_wide() {
    let [x, y] = [cast(&f64s([2], [300.0, 2.0]), DType::F16), cast(&f64s([2], [0.0, 2.0]), DType::F16)];
    let loss = run(&[x, y], |b, x| b.mse(x[0], x[1], LossReduction::Mean));
    assert_close(&loss, (), &[45000.0], 1e-3);
}

#[test]
fn errors() {
    let x = || f64s([1, 2], [1.0, 2.0]);
    assert_eq!(
        error(&[x(), tensor([2], [0i32, 1])], |b, x| b.nll(x[0], x[1], 1usize, LossReduction::None)),
        "`nll`(f64[1,2], i32[2]): the shape of the labels and that of operand 0 without axis 1 must agree, found [2] and [1]"
    );
    assert_eq!(
        error(&[x(), x()], |b, x| b.nll(x[0], x[1], 1usize, LossReduction::None)),
        "`nll`(f64[1,2], f64[1,2]): operand 1 must have an integer dtype, found f64"
    );
    assert_eq!(
        error(&[x(), x()], |b, x| b.kl_divergence(x[0], x[1], 2usize, LossReduction::None)),
        "`kl_divergence`(f64[1,2], f64[1,2]): axis 2 is not valid for rank 2"
    );
    assert_eq!(
        error(&[x(), f64s([2], [1.0, 2.0])], |b, x| b.mse(x[0], x[1], LossReduction::None)),
        "`mse`(f64[1,2], f64[2]): shapes of operands 0 and 1 must agree, found [1,2] and [2]"
    );
}
