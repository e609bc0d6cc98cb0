//! Golden values of prefix folds.

use super::{assert_f64, f64s, run};
use crate::Literal;

#[test]
fn cumulative_logsumexp() {
    // torch.logcumsumexp(t(a), 1)
    let a = f64s(
        [2, 5],
        [0.0, 1.0, -2.0, 700.0, 3.0, f64::NEG_INFINITY, f64::NEG_INFINITY, 2.0, f64::INFINITY, 1.0],
    );
    let y = run(&[a], |b, x| b.cumulative_logsumexp(x[0], 1usize, false, false));
    assert_f64(
        &y,
        [2, 5],
        &[
            0.0,
            1.3132616875182228,
            1.3490122167681864,
            700.0,
            700.0,
            f64::NEG_INFINITY,
            f64::NEG_INFINITY,
            2.0,
            f64::INFINITY,
            f64::INFINITY,
        ],
    );
}

#[test]
fn cumulative_logsumexp_reverse() {
    // torch.logcumsumexp(t(a).flip(0), 0).flip(0)
    let a = f64s([4], [0.0, 1.0, -2.0, 3.0]);
    let y = run(&[a], |b, x| b.cumulative_logsumexp(x[0], 0usize, false, true));
    assert_f64(&y, [4], &[3.1755153626167147, 3.1328452337275756, 3.0067153484891183, 3.0]);
}

#[test]
fn cumulative_logsumexp_exclusive() {
    // torch.cat([t([-inf]), torch.logcumsumexp(t(a)[:-1], 0)])
    let a = f64s([4], [0.0, 1.0, -2.0, 3.0]);
    let y = run(&[a], |b, x| b.cumulative_logsumexp(x[0], 0usize, true, false));
    assert_f64(&y, [4], &[f64::NEG_INFINITY, 0.0, 1.3132616875182228, 1.3490122167681864]);
}

#[test]
fn nothing_to_scan() {
    let empty = Literal::new([2, 0], &[0f64; 0]).unwrap();
    for exclusive in [false, true] {
        let y = run(&[empty.clone()], |b, x| b.cumulative_logsumexp(x[0], 1usize, exclusive, false));
        assert_f64(&y, [2, 0], &[]);
    }
}
