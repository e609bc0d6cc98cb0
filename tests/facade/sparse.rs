//! Sparse matrices against dense ones, ragged rows against vectors of vectors, prefixes by associative functions against loops.

use tensorwright::prelude::*;
use tensorwright::{Ragged, Result, Sparse, associative_reduce, associative_scan};

fn random_sparse(key: &RandomKey, rows: usize, columns: usize) -> Tensor {
    let [values, places] = key.split();
    let kept = places.uniform([rows, columns], 0.0, 1.0).lt(0.3);
    kept.select(values.normal([rows, columns], 0.0, 1.0), 0.0)
}

#[test]
fn products_and_their_gradients_are_those_of_dense_matrices() -> Result<()> {
    for (seed, rows, columns, width) in [(1, 5, 7, 3), (2, 1, 4, 1), (3, 6, 1, 2), (4, 30, 20, 8)] {
        let [a, b] = RandomKey::new(seed).split();
        let dense = random_sparse(&a, rows, columns);
        let sparse = Sparse::from_dense(&dense)?;
        let x = b.normal([columns, width], 0.0, 1.0);
        assert!(sparse.matmul(&x)?.allclose(dense.matmul(&x), 1e-12, 1e-12).item::<bool>()?);
        assert_eq!(sparse.to_dense()?.to_vec::<f64>()?, dense.to_vec::<f64>()?);
        assert_eq!(sparse.transpose()?.to_dense()?.to_vec::<f64>()?, dense.t().to_vec::<f64>()?);
        let by_sparse = function(|(s, x): (Sparse, Tensor)| Ok(s.matmul(x)?.sin().sum(..)));
        let by_dense = move |x: Tensor| dense.matmul(x).sin().sum(..);
        let (_, of_x) = grad(&by_sparse).call((&sparse, &x))?;
        assert!(of_x.allclose(grad(by_dense).call(&x)?, 1e-12, 1e-12).item::<bool>()?);
    }
    Ok(())
}

#[test]
fn what_is_outside_does_not_count_and_wrong_shapes_are_errors() -> Result<()> {
    let x = Sparse::new([0, 5, -1, 1], [0, 0, 1, 9], [1.0, 2.0, 3.0, 4.0], [2, 2])?;
    assert_eq!(x.to_dense()?.to_vec::<f64>()?, [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(x.matmul([10.0, 100.0])?.to_vec::<f64>()?, [10.0, 0.0]);
    let error = x.matmul([1.0, 2.0, 3.0]).expect_err("three elements for two columns").to_string();
    assert!(error.contains("[2,2]") || error.contains("[2, 2]"), "{error}");
    assert!(Sparse::new([0, 1], [0], [1.0], [2, 2]).is_err());
    assert!(Sparse::from_csr([0, 1], [0], [1.0], [2, 2]).is_err());
    Ok(())
}

#[test]
fn ragged_rows_come_back() -> Result<()> {
    let rows: [&[f64]; 5] = [&[1.0, 2.0], &[], &[3.0], &[4.0, 5.0, 6.0], &[]];
    let (flat, lengths) = (rows.concat(), rows.iter().map(|r| r.len() as i64).collect::<Vec<_>>());
    let x = Ragged::from_lengths(flat.as_slice(), lengths.as_slice())?;
    assert_eq!(x.sum().to_vec::<f64>()?, rows.iter().map(|r| r.iter().sum()).collect::<Vec<f64>>());
    let padded = x.to_padded(3, 0.0)?;
    let back = Ragged::from_padded(&padded, x.lengths())?;
    assert_eq!(back.values().to_vec::<f64>()?, flat);
    assert_eq!(back.splits().to_vec::<i64>()?, x.splits().to_vec::<i64>()?);
    let softmax = x.softmax()?.sum().to_vec::<f64>()?;
    assert!(softmax.iter().zip(rows).all(|(s, r)| (s - f64::from(u8::from(!r.is_empty()))).abs() < 1e-12));
    let f = function(|x: Ragged| x.map(|v| v.square())?.to_padded(2, -1.0));
    assert_eq!(f.call(&x)?.to_vec::<f64>()?, [1.0, 4.0, -1.0, -1.0, 9.0, -1.0, 16.0, 25.0, -1.0, -1.0]);
    let empty = Ragged::from_lengths(Tensor::zeros([0, 2], DType::F32), [0, 0])?;
    assert_eq!(empty.to_padded(1, 7.0f32)?.to_vec::<f32>()?, [7.0; 4]);
    Ok(())
}

#[test]
fn prefixes_of_any_length() -> Result<()> {
    for n in [1usize, 2, 3, 4, 5, 7, 8, 13, 16, 33] {
        let x = RandomKey::new(n as u64).normal([n, 2, 2], 0.0, 1.0);
        let found = associative_scan(x.clone(), |a: Tensor, b: Tensor| a.matmul(b))?;
        let compiled =
            function(|x: Tensor| associative_scan(x, |a: Tensor, b: Tensor| a.matmul(b))).call(&x)?;
        let start = Tensor::eye(2, DType::F64);
        let (_, expected) = scan(start, x.clone(), |sum: Tensor, x: Tensor| {
            let next = sum.matmul(x);
            (next.clone(), next)
        })?;
        assert!(found.allclose(&expected, 1e-9, 1e-9).item::<bool>()?, "{n}");
        assert!(compiled.allclose(&expected, 1e-9, 1e-9).item::<bool>()?, "{n}");
        let whole = associative_reduce(x, |a: Tensor, b: Tensor| a.matmul(b))?;
        assert!(whole.allclose(expected.i(n - 1), 1e-9, 1e-9).item::<bool>()?, "{n}");
    }
    let empty = associative_scan(Tensor::zeros([0, 2], DType::F64), |a: Tensor, b: Tensor| a + b)?;
    assert_eq!(empty.shape()?, &[0, 2].into());
    let none =
        associative_reduce(Tensor::zeros([0, 2], DType::F64), |a: Tensor, b: Tensor| a + b).unwrap_err();
    assert!(none.to_string().contains("an element along axis 0"), "{none}");
    let narrower =
        associative_reduce(Tensor::zeros([4], DType::F64), |a: Tensor, _: Tensor| a.cast(DType::F32))
            .unwrap_err();
    assert!(narrower.to_string().contains("associative_reduce"), "{narrower}");
    let slope =
        grad(|x: Tensor| associative_reduce(x, |a: Tensor, b: Tensor| a * b)).call([2.0, 3.0, 5.0])?;
    assert_eq!(slope.to_vec::<f64>()?, [15.0, 10.0, 6.0]);
    let slope = grad(|x: Tensor| Ok(associative_scan(x, |a: Tensor, b: Tensor| a * b)?.sum(..)))
        .call([2.0, 3.0, 5.0])?;
    assert_eq!(slope.to_vec::<f64>()?, [19.0, 12.0, 6.0]);
    Ok(())
}
