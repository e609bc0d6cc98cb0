//! Names, arguments and small functions that users of other libraries expect.

use tensorwright::prelude::*;
use tensorwright::{Result, SearchSide};

fn floats(x: &Tensor) -> Vec<f64> {
    x.to_vec().unwrap()
}

#[test]
fn names_of_other_libraries() -> Result<()> {
    let x = Tensor::from([0.25f64, 2.5]);
    assert_eq!(floats(&x.sigmoid()), floats(&x.logistic()));
    assert_eq!(floats(&x.ln()), floats(&x.log()));
    assert_eq!(floats(&x.powf(0.5)), floats(&x.sqrt()));
    assert_eq!(floats(&x.powi(-1)), floats(&x.reciprocal()));
    assert_eq!(floats(&x.round()), [0.0, 3.0]);
    assert_eq!(floats(&x.log10()), [0.25f64.ln() / 10f64.ln(), 2.5f64.ln() / 10f64.ln()]);
    assert_eq!(x.dot(&x).item::<f64>()?, 6.3125);
    let y = Tensor::zeros((2, 3, 4), DType::F32);
    assert_eq!(y.permute([2, 0, 1]).shape()?, y.permute((2, 0, 1)).shape()?);
    assert_eq!(y.unsqueeze(-1).shape()?, &[2, 3, 4, 1].into());
    assert_eq!(y.move_axis(0, -1).shape()?, &[3, 4, 2].into());
    assert_eq!(Tensor::cat(&[&y, &y], -1).shape()?, &[2, 3, 8].into());
    assert_eq!((y.extent(0)?, y.extent(-1)?), (2, 4));
    assert!(y.extent(3).is_err() && y.extent(-4).is_err() && y.move_axis(0, 3).ok().is_err());
    Ok(())
}

#[test]
fn shapes_and_axes_are_numbers_tuples_and_lists() -> Result<()> {
    let (sizes, axes) = (vec![2usize, 3], vec![-1]);
    for x in [
        Tensor::zeros((2, 3), DType::F32),
        Tensor::zeros([2, 3], DType::F32),
        Tensor::zeros(&sizes, DType::F32),
        Tensor::zeros(&sizes[..], DType::F32),
        Tensor::ones(6, DType::F32).reshape((2, -1)),
        Tensor::ones((6,), DType::F32).reshape([-1, 3]),
        Tensor::full(6, 1.0f32).reshape(&sizes),
        Tensor::from(1.0f32).broadcast_to((2, 3)),
    ] {
        assert_eq!(x.shape()?, &[2, 3].into());
        assert_eq!(x.reshape(6).shape()?, &[6].into());
        assert_eq!(x.reshape(-1).shape()?, &[6].into());
        assert_eq!(x.sum((0, 1)).rank()?, 0);
        assert_eq!(x.sum(&axes).rank()?, 1);
        assert_eq!(x.sum(&axes[..]).rank()?, 1);
    }
    Ok(())
}

#[test]
fn lists_are_operands() -> Result<()> {
    let x = Tensor::from([1.0f32, 2.0]);
    let weights = vec![0.5, 0.25];
    assert_eq!((&x * &weights).to_vec::<f32>()?, [0.5, 0.5]);
    assert_eq!((&x + &weights[..]).to_vec::<f32>()?, [1.5, 2.25]);
    assert_eq!((&x + [1, 2]).to_vec::<f32>()?, [2.0, 4.0]);
    assert_eq!((&x + [[1], [2]]).shape()?, &[2, 2].into());
    assert_eq!((&x / x.extent(0)?).to_vec::<f32>()?, [0.5, 1.0]);
    assert_eq!(x.gt(1).select([5, 6], &x).to_vec::<f32>()?, [1.0, 6.0]);
    assert_eq!(x.take([1, 0], 0).to_vec::<f32>()?, [2.0, 1.0]);
    assert_eq!(x.take(1, 0).item::<f32>()?, 2.0);
    let compiled = function(move |x: Tensor| x * &weights + vec![1, 2]);
    assert_eq!(compiled.call(&x)?.to_vec::<f32>()?, [1.5, 2.5]);
    assert!((Tensor::from([1, 2]) + [0.5, 1.0]).ok().is_err());
    assert!((&x + vec![vec![1.0], vec![]]).ok().is_err());
    Ok(())
}

#[test]
fn comparisons_of_whole_tensors() -> Result<()> {
    let x = Tensor::from([1.0f64, f64::INFINITY, f64::NAN]);
    assert_eq!(x.isclose(&x, 1e-5, 1e-8).to_vec::<bool>()?, [true, true, false]);
    assert!(!x.allclose(&x, 1e-5, 1e-8).item::<bool>()?);
    let close = |x: &Tensor, y: f64| x.allclose(y, 1e-3, 0.0).item::<bool>();
    assert!(close(&Tensor::from(1000.5), 1000.0)? && !close(&Tensor::from(1002.0), 1000.0)?);
    assert!(Tensor::from([3, 4]).allclose([3, 4], 0, 0).item::<bool>()?);
    assert!(Tensor::zeros([0], DType::F32).allclose(1.0, 0.0, 0.0).item::<bool>()?);
    Ok(())
}

#[test]
fn interp_is_that_of_numpy_and_has_slopes() -> Result<()> {
    // np.interp([-1, 0, 0.5, 2, 3.5, 4, 9], [0, 1, 3, 4], [1, 3, -1, 5])
    let (xs, ys) = ([0.0, 1.0, 3.0, 4.0], [1.0, 3.0, -1.0, 5.0]);
    let x = Tensor::from([-1.0, 0.0, 0.5, 2.0, 3.5, 4.0, 9.0]);
    assert_eq!(floats(&x.interp(xs, ys)), [1.0, 1.0, 2.0, 1.0, 2.0, 5.0, 5.0]);
    let slope = grad(move |x: Tensor| x.interp(xs, ys).sum(..)).call(&x)?;
    assert_eq!(floats(&slope)[..5], [0.0, 2.0, 2.0, -2.0, 6.0]);
    assert_eq!(floats(&slope)[6], 0.0);
    assert!(Tensor::from([f64::NAN]).interp(xs, ys).is_nan().all(..).item::<bool>()?);
    assert_eq!(floats(&Tensor::from([f64::INFINITY, -1.0]).interp([2.0], [7.0])), [7.0, 7.0]);
    assert!(x.interp([0.0; 0], [0.0; 0]).ok().is_err());
    Ok(())
}

#[test]
fn places_and_counts() -> Result<()> {
    let sorted = Tensor::from([1.0f32, 2.0, 2.0, 5.0, f32::NAN]);
    let x = [0.0, 1.0, 2.0, 3.0, 6.0, f32::NAN];
    // np.searchsorted(sorted, x, side)
    assert_eq!(sorted.searchsorted(x, SearchSide::Left).to_vec::<i32>()?, [0, 0, 1, 3, 4, 4]);
    assert_eq!(sorted.searchsorted(x, SearchSide::Right).to_vec::<i32>()?, [0, 1, 3, 3, 4, 5]);
    assert_eq!(Tensor::zeros(0, DType::F32).searchsorted(x, SearchSide::Left).to_vec::<i32>()?, [0; 6]);
    assert_eq!(Tensor::from([2, -1, 9, 0, 2]).bincount(3).to_vec::<i32>()?, [1, 0, 2]);
    assert_eq!(Tensor::from([2u64, u64::MAX]).bincount(3).to_vec::<i32>()?, [0, 0, 1]);
    assert_eq!(Tensor::from([2, 1]).bincount(0).to_vec::<i32>()?, [0; 0]);
    // np.histogram([..], 4, (0, 2))
    let x = Tensor::from([-0.1, 0.0, 0.4, 0.5, 1.99, 2.0, 2.01, f64::NAN]);
    assert_eq!(x.histogram(4, 0, 2).to_vec::<i32>()?, [2, 1, 0, 2]);
    assert_eq!(Tensor::from([1, 2, 2, 3]).histogram(2, 1, 3).to_vec::<i32>()?, [1, 3]);
    assert!(x.histogram(4, 2, 0).ok().is_err());
    Ok(())
}

#[test]
fn products_and_repetitions() -> Result<()> {
    let x = Tensor::from([[1, 2], [3, 4]]);
    // np.kron
    let expected = [0, 5, 0, 10, 6, 7, 12, 14, 0, 15, 0, 20, 18, 21, 24, 28];
    assert_eq!(x.kron([[0, 5], [6, 7]]).to_vec::<i32>()?, expected);
    assert_eq!(x.kron([1, 10]).to_vec::<i32>()?, [1, 10, 2, 20, 3, 30, 4, 40]);
    // np.cross
    assert_eq!(Tensor::from([1, 2, 3]).cross([4, 5, 6], -1).to_vec::<i32>()?, [-3, 6, -3]);
    assert!(x.cross(&x, 0).ok().is_err());
    assert_eq!(x.repeat(2, 1).to_vec::<i32>()?, [1, 1, 2, 2, 3, 3, 4, 4]);
    assert_eq!(x.repeat([0, 2], 0).to_vec::<i32>()?, [3, 4, 3, 4]);
    assert!(x.repeat([1, 2, 3], 0).ok().is_err() && x.repeat(usize::MAX, 0).ok().is_err());
    assert_eq!(x.diff(1, -1).to_vec::<i32>()?, [1, 1]);
    assert_eq!(x.diff(5, 0).shape()?, &[0, 2].into());
    let grid = Tensor::meshgrid(&[Tensor::from([1, 2]), Tensor::from(7), Tensor::from([3, 4])]);
    assert_eq!(grid[2].shape()?, &[2, 1, 2].into());
    assert_eq!(grid[0].to_vec::<i32>()?, [1, 1, 2, 2]);
    assert!(Tensor::meshgrid(&[&x])[0].error().is_some());
    Ok(())
}
