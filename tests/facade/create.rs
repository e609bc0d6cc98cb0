//! New tensors.

use half::f16;
use tensorwright::prelude::*;
use tensorwright::{Literal, Result};

#[test]
fn from_rust_values() -> Result<()> {
    assert_eq!(Tensor::from(2.5f64).item::<f64>()?, 2.5);
    assert_eq!(Tensor::from([[1u8, 2], [3, 4]]).shape()?, &[2, 2].into());
    assert_eq!(Tensor::from(vec![vec![1i16], vec![2]]).to_vec::<i16>()?, [1, 2]);
    assert_eq!(Tensor::from(&[1i32, 2][..]).to_vec::<i32>()?, [1, 2]);
    assert_eq!(Tensor::from([[0i8; 0]; 3]).shape()?, &[3, 0].into());
    assert_eq!(Tensor::from_slice(&[true, false], [2, 1]).to_vec::<bool>()?, [true, false]);
    assert_eq!(Tensor::from(f16::from_f32(1.5)).dtype()?, DType::F16);
    assert_eq!(Tensor::scalar(1u64).to_scalar()?, 1u64.into());
    Ok(())
}

#[test]
fn patterns() -> Result<()> {
    assert_eq!(Tensor::full([2], 7i32).to_vec::<i32>()?, [7, 7]);
    assert_eq!(Tensor::ones([2], DType::Bool).to_vec::<bool>()?, [true, true]);
    assert_eq!(Tensor::eye(2, DType::F32).to_vec::<f32>()?, [1.0, 0.0, 0.0, 1.0]);
    assert_eq!(Tensor::linspace(1.0f64, 2.0, 5).to_vec::<f64>()?, [1.0, 1.25, 1.5, 1.75, 2.0]);
    assert_eq!(Tensor::range(0.0f32, 1.0, 0.25).to_vec::<f32>()?, [0.0, 0.25, 0.5, 0.75]);
    assert!(Tensor::range(0i32, 5, 0).ok().is_err());
    let x = Tensor::from([1.5f32, 2.5]);
    assert_eq!(x.zeros_like().to_vec::<f32>()?, [0.0, 0.0]);
    assert_eq!(x.full_like(3).to_vec::<f32>()?, [3.0, 3.0]);
    Ok(())
}

#[test]
fn numbers_in_a_row_of_every_dtype() -> Result<()> {
    for dtype in DType::REAL.into_iter().filter(|dtype| dtype.is_number()) {
        let row = Tensor::arange(5, dtype);
        assert_eq!(row.dtype()?, dtype);
        assert_eq!(row.cast(DType::I32).to_vec::<i32>()?, [0, 1, 2, 3, 4], "{dtype}");
    }
    Ok(())
}

#[test]
fn the_same_while_tracing() -> Result<()> {
    let f = function(|x: Tensor| {
        let table = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
        let sum = x + table + Tensor::ones([2, 2], DType::F32) + Tensor::eye(2, DType::F32);
        (sum, Tensor::arange(3, DType::I32), Tensor::linspace(0.0f32, 1.0, 3), Tensor::full([2], true))
    });
    let (sum, index, line, full) = f.call(0.0f32)?;
    assert_eq!(sum.to_vec::<f32>()?, [3.0, 3.0, 4.0, 6.0]);
    assert_eq!(index.to_vec::<i32>()?, [0, 1, 2]);
    assert_eq!(line.to_vec::<f32>()?, [0.0, 0.5, 1.0]);
    assert_eq!(full.to_vec::<bool>()?, [true, true]);
    assert_eq!(f.concretes()[0].graph().inputs().len(), 1, "small tensors become constants");
    Ok(())
}

#[test]
fn literals_go_in_and_out() -> Result<()> {
    let literal = Literal::new([2, 2], &[1i32, 2, 3, 4]).unwrap();
    let x = Tensor::from(&literal);
    assert_eq!(x.to_literal()?, literal);
    assert!(Tensor::from_bytes(&[2], tensorwright::TensorType::new(DType::Bool, [1])).ok().is_err());
    Ok(())
}

#[test]
fn text() {
    let x = Tensor::from([[1.0f32, -2.5], [10.25, 0.0]]);
    assert_eq!(x.to_string(), "[[ 1.   -2.5 ]\n [10.25  0.  ]] f32[2,2]");
    let wrong = x.reshape([3]);
    assert!(format!("{wrong:?}").contains("error: "));
}
