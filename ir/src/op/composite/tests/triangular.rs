//! Golden values of triangles and diagonals.

use super::{assert_f64, error, f64s, run};

#[test]
fn tril() {
    // np.tril(a)
    let a = f64s([3, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let y = run(&[a], |b, x| b.tril(x[0], 0i64));
    assert_f64(&y, [3, 4], &[1.0, 0.0, 0.0, 0.0, 5.0, 6.0, 0.0, 0.0, 9.0, 10.0, 11.0, 0.0]);
}

#[test]
fn tril_above() {
    // np.tril(a, 1)
    let a = f64s([3, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let y = run(&[a], |b, x| b.tril(x[0], 1i64));
    assert_f64(&y, [3, 4], &[1.0, 2.0, 0.0, 0.0, 5.0, 6.0, 7.0, 0.0, 9.0, 10.0, 11.0, 12.0]);
}

#[test]
fn triu_of_a_batch() {
    // np.triu(a, -1)
    let a = f64s([2, 3, 2], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let y = run(&[a], |b, x| b.triu(x[0], -1i64));
    assert_f64(&y, [2, 3, 2], &[1.0, 2.0, 3.0, 4.0, 0.0, 6.0, 7.0, 8.0, 9.0, 10.0, 0.0, 12.0]);
}

#[test]
fn band_part() {
    // np.triu(np.tril(a, 0), -1)
    let a = f64s([3, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let y = run(&[a], |b, x| b.band_part(x[0], Some(1usize), Some(0usize)));
    assert_f64(&y, [3, 4], &[1.0, 0.0, 0.0, 0.0, 5.0, 6.0, 0.0, 0.0, 0.0, 10.0, 11.0, 0.0]);
}

#[test]
fn band_part_without_bound() {
    // np.tril(a, 1)
    let a = f64s([3, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let y = run(&[a], |b, x| b.band_part(x[0], None, Some(1usize)));
    assert_f64(&y, [3, 4], &[1.0, 2.0, 0.0, 0.0, 5.0, 6.0, 7.0, 0.0, 9.0, 10.0, 11.0, 12.0]);
}

#[test]
fn diag() {
    // np.diag(a)
    let a = f64s([2], [1.0, 2.0]);
    let y = run(&[a], |b, x| b.diag(x[0], 0i64));
    assert_f64(&y, [2, 2], &[1.0, 0.0, 0.0, 2.0]);
}

#[test]
fn diag_above() {
    // np.diag(a, 1)
    let a = f64s([2], [1.0, 2.0]);
    let y = run(&[a], |b, x| b.diag(x[0], 1i64));
    assert_f64(&y, [3, 3], &[0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0]);
}

#[test]
fn diag_below() {
    // np.diag(a, -2)
    let a = f64s([2], [1.0, 2.0]);
    let y = run(&[a], |b, x| b.diag(x[0], -2i64));
    assert_f64(&y, [4, 4], &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0]);
}

#[test]
fn diag_of_a_batch() {
    // torch.diag_embed(t(a), 1)
    let a = f64s([2, 2], [1.0, 2.0, 3.0, 4.0]);
    let y = run(&[a], |b, x| b.diag(x[0], 1i64));
    assert_f64(
        &y,
        [2, 3, 3],
        &[0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0],
    );
}

#[test]
fn diag_part() {
    // np.diag(a)
    let a = f64s([3, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let y = run(&[a], |b, x| b.diag_part(x[0], 0i64));
    assert_f64(&y, [3], &[1.0, 6.0, 11.0]);
}

#[test]
fn diag_part_above() {
    // np.diag(a, 2)
    let a = f64s([3, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let y = run(&[a], |b, x| b.diag_part(x[0], 2i64));
    assert_f64(&y, [2], &[3.0, 8.0]);
}

#[test]
fn diag_part_below() {
    // np.diag(a.T, -1)
    let a = f64s([3, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let y = run(&[a], |b, x| b.transpose(x[0], [1, 0]).and_then(|y| b.diag_part(y, -1i64)));
    assert_f64(&y, [3], &[2.0, 7.0, 12.0]);
}

#[test]
fn diag_part_of_a_batch() {
    // np.diagonal(a, 0, 1, 2)
    let a = f64s([2, 3, 2], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let y = run(&[a], |b, x| b.diag_part(x[0], 0i64));
    assert_f64(&y, [2, 2], &[0.0, 3.0, 6.0, 9.0]);
}

#[test]
fn diag_part_beyond() {
    // np.diag(a, 4)
    let a = f64s([3, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let y = run(&[a], |b, x| b.diag_part(x[0], 4i64));
    assert_f64(&y, [0], &[]);
}

#[test]
fn set_diag() {
    // torch.diagonal_scatter(t(a), t(b), 0)
    let a = f64s([3, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let b = f64s([3], [-1.0, -2.0, -3.0]);
    let y = run(&[a, b], |b, x| b.set_diag(x[0], x[1], 0i64));
    assert_f64(&y, [3, 4], &[-1.0, 2.0, 3.0, 4.0, 5.0, -2.0, 7.0, 8.0, 9.0, 10.0, -3.0, 12.0]);
}

#[test]
fn set_diag_above() {
    // torch.diagonal_scatter(t(a), t(b), 2)
    let a = f64s([3, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let b = f64s([2], [-1.0, -2.0]);
    let y = run(&[a, b], |b, x| b.set_diag(x[0], x[1], 2i64));
    assert_f64(&y, [3, 4], &[1.0, 2.0, -1.0, 4.0, 5.0, 6.0, 7.0, -2.0, 9.0, 10.0, 11.0, 12.0]);
}

#[test]
fn set_diag_below() {
    // torch.diagonal_scatter(t(a), t(b), -1)
    let a = f64s([3, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let b = f64s([2], [-1.0, -2.0]);
    let y = run(&[a, b], |b, x| b.set_diag(x[0], x[1], -1i64));
    assert_f64(&y, [3, 4], &[1.0, 2.0, 3.0, 4.0, -1.0, 6.0, 7.0, 8.0, 9.0, -2.0, 11.0, 12.0]);
}

#[test]
fn trace() {
    // np.trace(a)
    let a = f64s([3, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let y = run(&[a], |b, x| b.trace(x[0], 0i64));
    assert_f64(&y, (), &[18.0]);
}

#[test]
fn trace_of_a_batch() {
    // np.trace(a, 1, 1, 2)
    let a = f64s([2, 2, 3], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let y = run(&[a], |b, x| b.trace(x[0], 1i64));
    assert_f64(&y, [2], &[6.0, 18.0]);
}

/// What is cut off may be anything.
#[test]
fn nan_outside_the_triangle_is_gone() {
    let y = run(&[f64s([2, 2], [1.0, f64::NAN, 3.0, 4.0])], |b, x| b.tril(x[0], 0i64));
    assert_f64(&y, [2, 2], &[1.0, 0.0, 3.0, 4.0]);
}

#[test]
fn extreme_diagonals() {
    let x = || [f64s([1, 2], [1.0, 2.0])];
    assert_f64(&run(&x(), |b, x| b.tril(x[0], i64::MAX)), [1, 2], &[1.0, 2.0]);
    assert_f64(&run(&x(), |b, x| b.tril(x[0], i64::MIN)), [1, 2], &[0.0, 0.0]);
    assert_f64(&run(&x(), |b, x| b.triu(x[0], i64::MIN)), [1, 2], &[1.0, 2.0]);
    assert_f64(&run(&x(), |b, x| b.trace(x[0], i64::MIN)), (), &[0.0]);
    assert_f64(&run(&x(), |b, x| b.band_part(x[0], Some(usize::MAX), None)), [1, 2], &[1.0, 2.0]);
}

#[test]
fn errors() {
    let x = || f64s([2], [1.0, 2.0]);
    assert_eq!(
        error(&[x()], |b, x| b.tril(x[0], 0i64)),
        "`tril`(f64[2]): operand 0 must have rows and columns, found f64[2]"
    );
    assert_eq!(
        error(&[x()], |b, x| b.diag(x[0], i64::MIN)),
        "`diag`(f64[2]): the result of shape [9223372036854775810,9223372036854775810] is too large"
    );
    assert_eq!(
        error(&[f64s([1, 2], [1.0, 2.0]), x()], |b, x| b.set_diag(x[0], x[1], 0i64)),
        "`set_diag`(f64[1,2], f64[2]): the shape of operand 1 and that of the diagonal must agree, found [2] and [1]"
    );
}
