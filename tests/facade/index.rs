//! `x.i(..)`.

use tensorwright::Result;
use tensorwright::prelude::*;

fn cube() -> Tensor {
    Tensor::arange(24, DType::I32).reshape([2, 3, 4])
}

#[track_caller]
fn check(y: Tensor, shape: &[usize], elements: &[i32]) {
    assert_eq!(y.shape().unwrap(), &shape.into());
    assert_eq!(y.to_vec::<i32>().unwrap(), elements);
}

#[test]
fn numbers_and_ranges() {
    let x = cube();
    check(x.i((1, 2, 3)), &[], &[23]);
    check(x.i((-1, 0)), &[4], &[12, 13, 14, 15]);
    check(x.i((0, 1..3, 2)), &[2], &[6, 10]);
    check(x.i((.., 0, (..).by(3))), &[2, 2], &[0, 3, 12, 15]);
    check(x.i((0, (..).by(-1), 0)), &[3], &[8, 4, 0]);
    check(x.i((0, 0, ..=-2)), &[3], &[0, 1, 2]);
    check(x.i((0, 0, 2..2)), &[0], &[]);
    check(x.i(()).i((1, 1, 1)), &[], &[17]);
}

#[test]
fn new_axes_and_ellipses() {
    let x = cube();
    check(x.i((Ellipsis, 0)), &[2, 3], &[0, 4, 8, 12, 16, 20]);
    check(x.i((0, Ellipsis, 0)), &[3], &[0, 4, 8]);
    check(x.i((0, NewAxis, 0, NewAxis)), &[1, 1, 4], &[0, 1, 2, 3]);
    check(x.i((1, 2, Ellipsis, 3)), &[], &[23]);
}

#[test]
fn tensors() {
    let x = cube();
    check(x.i((0, 0, [3, 0, -1])), &[3], &[3, 0, 3]);
    check(x.i((1, [2, 0])), &[2, 4], &[20, 21, 22, 23, 12, 13, 14, 15]);
    check(x.i((0, [0, 1, 2], [1, 2, 3])), &[3], &[1, 6, 11]);
    let pairs = Tensor::from([[0i64, 1], [1, 0]]);
    check(x.i((0, .., &pairs)), &[3, 2, 2], &[0, 1, 1, 0, 4, 5, 5, 4, 8, 9, 9, 8]);
    // Tensors that are not neighbours: their axes come first.
    check(x.i(([0, 1], .., [0, 3])), &[2, 3], &[0, 4, 8, 15, 19, 23]);
}

#[test]
fn indices_work_while_tracing() -> Result<()> {
    let f = function(|(x, rows): (Tensor, Tensor)| x.i((1.., rows, -1)));
    let y = f.call((cube(), [2i32, 0]))?;
    assert_eq!(y.to_vec::<i32>()?, [23, 15]);
    Ok(())
}

#[test]
fn impossible_indices_are_errors() {
    let x = cube();
    for wrong in [x.i(2), x.i((0, -4)), x.i((Ellipsis, Ellipsis)), x.i((..).by(0)), x.i(Tensor::from(0.5f32))]
    {
        assert!(wrong.ok().is_err());
    }
    let error = x.i((0, 3)).ok().unwrap_err().to_string();
    assert!(error.contains("index 3 is out of range for axis 1 of extent 3"), "{error}");
}
