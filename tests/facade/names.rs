//! Names, arguments and small functions that users of other libraries expect.

use tensorwright::prelude::*;
use tensorwright::{Interpolation, SearchSide};

fn floats(x: &Tensor) -> Vec<f64> {
    x.to_vec().unwrap()
}

fn close(found: &Tensor, expected: &[f64]) {
    assert!(found.allclose(expected, 1e-12, 0.0).item::<bool>().unwrap(), "{found}, not {expected:?}");
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

#[test]
fn quantiles_are_those_of_numpy() -> Result<()> {
    use Interpolation::{Higher, Linear, Lower, Midpoint, Nearest};
    let x = Tensor::from([3.0f64, 1.0, 2.0, 10.0]);
    // np.quantile(x, q, method=..)
    let q = [0.0, 0.25, 0.5, 0.9, 1.0];
    let expected = [
        (Linear, [1.0, 1.75, 2.5, 7.9, 10.0]),
        (Lower, [1.0, 1.0, 2.0, 3.0, 10.0]),
        (Higher, [1.0, 2.0, 3.0, 10.0, 10.0]),
        (Nearest, [1.0, 2.0, 3.0, 10.0, 10.0]),
        (Midpoint, [1.0, 1.5, 2.5, 6.5, 10.0]),
    ];
    for (between, expected) in expected {
        close(&x.quantile(q, 0, between), &expected);
        let compiled = function(move |(x, q): (Tensor, Tensor)| x.quantile(q, 0, between));
        close(&compiled.call((&x, q))?, &expected);
    }
    let y = Tensor::from([[4.0f64, 8.0, 6.0], [1.0, 5.0, 3.0]]);
    assert_eq!(y.quantile([[0.0, 0.5]], 1, Linear).to_vec::<f64>()?, [4.0, 1.0, 6.0, 3.0]);
    assert_eq!(y.quantile([[0.0, 0.5]], 1, Linear).shape()?, &[1, 2, 2].into());
    assert_eq!(y.quantile([0.0, 0.5], keep([0, -1]), Linear).shape()?, &[2, 1, 1].into());
    assert_eq!(y.median(..).item::<f64>()?, 4.5);
    assert_eq!(y.median(0).to_vec::<f64>()?, [2.5, 6.5, 4.5]);
    assert_eq!(Tensor::from(7.0f32).median(()).item::<f32>()?, 7.0);
    // 0.1 of 11 elements is the second one, whatever the dtype.
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        let x = Tensor::arange(11, dtype);
        assert_eq!(x.quantile(0.1, 0, Higher).cast(DType::F64).item::<f64>()?, 1.0, "{dtype}");
    }
    Ok(())
}

#[test]
fn quantiles_of_what_is_no_number() -> Result<()> {
    use Interpolation::Linear;
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let all_nan = |x: Tensor| x.is_nan().all(..).item::<bool>();
    assert!(all_nan(Tensor::from([1.0, nan]).median(0))?);
    assert!(all_nan(Tensor::zeros(0, DType::F64).quantile([0.0, 0.5], 0, Linear))?);
    assert!(all_nan(Tensor::from([1.0, 2.0]).quantile([-0.1, 1.1, nan], 0, Linear))?);
    assert_eq!(Tensor::zeros((0, 3), DType::F64).median(1).shape()?, &[0].into());
    assert_eq!(
        Tensor::from([1.0, inf]).quantile([0.0, 0.25, 1.0], 0, Linear).to_vec::<f64>()?,
        [1.0, inf, inf]
    );
    assert_eq!(Tensor::from([inf, inf]).median(0).item::<f64>()?, inf);
    // The difference overflows, the median does not.
    let wide = Tensor::from([-f64::MAX, f64::MAX]).quantile([0.5, 0.75], 0, Linear);
    close(&wide, &[0.0, f64::MAX / 2.0]);
    let error = Tensor::from([1, 2]).median(0).ok().unwrap_err().to_string();
    assert!(error.contains("`median`") && error.contains("float"), "{error}");
    assert!(Tensor::from([1.0, 2.0]).quantile(0.5, 3, Linear).ok().is_err());
    Ok(())
}

#[test]
fn quantiles_have_slopes_and_batches() -> Result<()> {
    use Interpolation::Linear;
    let x = Tensor::from([3.0f64, 1.0, 2.0, 10.0]);
    assert_eq!(grad(|x: Tensor| x.median(0)).call(&x)?.to_vec::<f64>()?, [0.5, 0.0, 0.5, 0.0]);
    let (dx, dq) = grad(|(x, q): (Tensor, Tensor)| x.quantile(q, 0, Linear)).call((&x, 0.75))?;
    close(&dx, &[0.75, 0.0, 0.0, 0.25]);
    close(&dq, &[21.0]);
    let rows = Tensor::from([[1.0, 5.0, 2.0], [9.0, 7.0, 8.0]]);
    assert_eq!(vmap(|row: Tensor| row.median(0)).call(&rows)?.to_vec::<f64>()?, [2.0, 8.0]);
    let slopes = vmap(grad(|row: Tensor| row.median(0))).call(&rows)?;
    assert_eq!(slopes.to_vec::<f64>()?, [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    Ok(())
}

#[test]
fn chunks_are_those_of_pytorch() -> Result<()> {
    let sizes = |n: usize, count| -> Result<Vec<usize>> {
        Tensor::zeros((2, n), DType::F32).chunk(count, -1).iter().map(|part| part.extent(1)).collect()
    };
    // torch.chunk
    assert_eq!(sizes(6, 3)?, [2, 2, 2]);
    assert_eq!(sizes(5, 3)?, [2, 2, 1]);
    assert_eq!(sizes(5, 4)?, [2, 2, 1]);
    assert_eq!(sizes(2, 5)?, [1, 1]);
    assert_eq!(sizes(0, 3)?, [0, 0, 0]);
    for wrong in [Tensor::from(1.0f32).chunk(2, 0), Tensor::from([1.0f32]).chunk(0, 0)] {
        let error = wrong[0].clone().ok().unwrap_err().to_string();
        assert!(error.contains("`chunk`"), "{error}");
    }
    let halves = grad(|x: Tensor| x.chunk(2, 0)[1].square().sum(..));
    assert_eq!(halves.call([1.0f64, 2.0, 3.0, 4.0])?.to_vec::<f64>()?, [0.0, 0.0, 6.0, 8.0]);
    Ok(())
}

#[test]
fn sizes_are_numbers() -> Result<()> {
    let n = vec![1usize, 2, 3].len();
    assert_eq!(Tensor::from(n).item::<u64>()?, 3);
    assert_eq!(Tensor::from(vec![n, 1]).to_vec::<u64>()?, [3, 1]);
    assert_eq!(Tensor::from(-(n as isize)).item::<i64>()?, -3);
    assert_eq!(Tensor::full(2, n).to_vec::<u64>()?, [3, 3]);
    assert_eq!(Tensor::zeros(2, DType::F32).full_like(n).to_vec::<f32>()?, [3.0, 3.0]);
    let x = Tensor::from([5, 6, 7, 8]);
    let places = vec![2usize, 0];
    assert_eq!(x.take(&places, 0).to_vec::<i32>()?, [7, 5]);
    assert_eq!(x.i(Tensor::from(&places)).to_vec::<i32>()?, [7, 5]);
    assert_eq!(x.scatter_add(0, &places[..], [1, 2]).to_vec::<i32>()?, [7, 6, 8, 8]);
    assert_eq!(Tensor::from(places).one_hot(3, -1, DType::I32).to_vec::<i32>()?, [0, 0, 1, 1, 0, 0]);
    let f = function(|n: Tensor| n * 2);
    assert_eq!(f.call(n)?.item::<u64>()?, 6);
    let sum = fori_loop(0, n as i32, Tensor::from(0i32), |i, sum| sum + i)?;
    assert_eq!(sum.item::<i32>()?, 3);
    Ok(())
}

#[test]
fn messages_call_ops_what_the_program_calls_them() {
    let x = Tensor::from([1.0f32, 2.0]);
    let cases = [
        ("sum", x.sum(3)),
        ("any", x.any(0)),
        ("argmax", x.argmax(2)),
        ("cumsum", x.cumsum(2)),
        ("dot", x.dot([1.0, 2.0, 3.0])),
        ("powf", x.gt(1.0).powf(2.0)),
        ("sigmoid", x.gt(1.0).sigmoid()),
        ("broadcast_to", x.broadcast_to([2, 3])),
        ("sort_descending", x.sort_descending(1)),
        ("median", x.median(1)),
    ];
    for (name, wrong) in cases {
        let error = wrong.ok().unwrap_err().to_string();
        assert!(error.contains(&format!("`{name}`")), "{name}: {error}");
    }
}

#[test]
fn names_of_rusts_own_numbers() -> Result<()> {
    let x = Tensor::from([1.25f64, -2.5]);
    assert_eq!(floats(&x.recip()), [0.8, -0.4]);
    assert_eq!(floats(&x.signum()), [1.0, -1.0]);
    assert_eq!(floats(&x.fract()), [0.25, -0.5]);
    close(&x.to_degrees().to_radians(), &[1.25, -2.5]);
    assert_eq!(floats(&x.lerp([2.25, -4.5], 0.5)), [1.75, -3.5]);
    assert_eq!(floats(&x.lerp(&x, [[0.5], [1.0]])), [1.25, -2.5, 1.25, -2.5]);
    let error = x.lerp([1.0, 2.0, 3.0], 0.5).ok().unwrap_err().to_string();
    assert!(error.contains("`lerp`"), "{error}");
    Ok(())
}

#[test]
fn places_of_what_is_true() -> Result<()> {
    let x = Tensor::from([[5, 0, 6], [0, 7, 0]]);
    assert_eq!(x.ne(0).nonzero().to_vec::<i64>()?, [0, 0, 0, 2, 1, 1]);
    assert_eq!(x.gt(9).nonzero().shape()?, &[0, 2].into());
    assert_eq!(x.i(0).ne(0).nonzero().to_vec::<i64>()?, [0, 2]);
    Ok(())
}

#[test]
fn numbers_that_a_dtype_does_not_have_are_not_counted() -> Result<()> {
    assert_eq!(Tensor::arange(128, DType::I8).i(-1).item::<i8>()?, 127);
    assert_eq!(Tensor::iota(DType::U8, [256], 0).i(-1).item::<u8>()?, 255);
    for wrong in [Tensor::arange(129, DType::I8), Tensor::iota(DType::U8, [2, 257], 1)] {
        let error = wrong.ok().unwrap_err().to_string();
        assert!(error.contains("is no i8") || error.contains("is no u8"), "{error}");
    }
    Ok(())
}
