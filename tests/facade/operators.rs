//! Operators and methods.

use tensorwright::prelude::*;
use tensorwright::{NormOrder, Result};

#[test]
fn all_combinations_of_operands() -> Result<()> {
    let (a, b) = (Tensor::from([6i32, 7]), Tensor::from([2i32, 3]));
    for sum in [&a + &b, a.clone() + &b, &a + b.clone(), a.clone() + b.clone()] {
        assert_eq!(sum.to_vec::<i32>()?, [8, 10]);
    }
    assert_eq!((10 - &a).to_vec::<i32>()?, [4, 3]);
    assert_eq!((10 - a.clone()).to_vec::<i32>()?, [4, 3]);
    assert_eq!((&a - 10).to_vec::<i32>()?, [-4, -3]);
    assert_eq!((&a / &b).to_vec::<i32>()?, [3, 2]);
    assert_eq!((&a % 4).to_vec::<i32>()?, [2, 3]);
    assert_eq!(((&a & 3) | 8).to_vec::<i32>()?, [10, 11]);
    assert_eq!((&a ^ &b).to_vec::<i32>()?, [4, 4]);
    assert_eq!((&a << 1).to_vec::<i32>()?, [12, 14]);
    assert_eq!((-&a >> 1).to_vec::<i32>()?, [-3, -4]);
    assert_eq!((!&b).to_vec::<i32>()?, [-3, -4]);
    assert_eq!((!Tensor::from([true, false])).to_vec::<bool>()?, [false, true]);
    let mut c = a.clone();
    c += &b;
    c *= 2;
    assert_eq!(c.to_vec::<i32>()?, [16, 20]);
    assert_eq!((Tensor::from(0x80u8) >> 7).item::<u8>()?, 1);
    Ok(())
}

#[test]
fn literals_adopt_the_dtype() -> Result<()> {
    let x = Tensor::from([1.0f32, 2.0]);
    assert_eq!((2 * &x + 0.5).to_vec::<f32>()?, [2.5, 4.5]);
    assert_eq!((&x / 2).dtype()?, DType::F32);
    assert_eq!((Tensor::from([1i64]) + 1).dtype()?, DType::I64);
    assert_eq!((x.cast(DType::BF16) * 0.5).dtype()?, DType::BF16);
    assert_eq!(x.maximum(1.5).to_vec::<f32>()?, [1.5, 2.0]);
    assert_eq!(x.gt(1).to_vec::<bool>()?, [false, true]);
    Ok(())
}

#[test]
fn shapes_broadcast() -> Result<()> {
    let column = Tensor::from([[1i32], [2]]);
    let row = Tensor::from([10i32, 20, 30]);
    assert_eq!((&column + &row).to_vec::<i32>()?, [11, 21, 31, 12, 22, 32]);
    assert_eq!(row.broadcast_to([2, 3]).to_vec::<i32>()?, [10, 20, 30, 10, 20, 30]);
    let sum = Tensor::from([[0.0f32], [1.0]]).log_add_exp(Tensor::from([f32::NEG_INFINITY; 3]));
    assert_eq!(sum.to_vec::<f32>()?, [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    assert_eq!(column.lt(&row).shape()?, &[2, 3].into());
    assert_eq!(column.ge(2).select(&row, 0).to_vec::<i32>()?, [0, 0, 0, 10, 20, 30]);
    Ok(())
}

#[test]
fn reductions_take_axes_in_many_forms() -> Result<()> {
    let x = Tensor::arange(24, DType::F32).reshape([2, 3, 4]);
    assert_eq!(x.sum(..).item::<f32>()?, 276.0);
    assert_eq!(x.sum(-1).shape()?, &[2, 3].into());
    assert_eq!(x.sum([0, -1]).to_vec::<f32>()?, [60.0, 92.0, 124.0]);
    assert_eq!(x.max(keep([1, 2])).shape()?, &[2, 1, 1].into());
    assert_eq!(x.mean(vec![0usize, 1, 2]).item::<f32>()?, 11.5);
    assert_eq!(x.var(.., 0).item::<f32>()?, 47.916668);
    assert_eq!(x.i((0, 0)).norm(NormOrder::L1, 0).item::<f32>()?, 6.0);
    assert_eq!(x.i((0, 0)).cumsum(0).to_vec::<f32>()?, [0.0, 1.0, 3.0, 6.0]);
    assert_eq!(x.i((0, 0)).argmax(-1).item::<i32>()?, 3);
    assert_eq!(x.moments(..).0.item::<f32>()?, 11.5);
    assert_eq!(x.gt(20).count_nonzero(..).item::<i32>()?, 3);
    Ok(())
}

#[test]
fn shapes_change() -> Result<()> {
    let x = Tensor::arange(6, DType::I32).reshape([2, 3]);
    assert_eq!(x.t().to_vec::<i32>()?, [0, 3, 1, 4, 2, 5]);
    assert_eq!(x.transpose([-1, 0]).shape()?, &[3, 2].into());
    assert_eq!(x.expand_dims(-1).shape()?, &[2, 3, 1].into());
    assert_eq!(x.expand_dims([0, 1]).squeeze([0, 1]).shape()?, &[2, 3].into());
    assert_eq!(Tensor::concat(&[&x, &x], -1).shape()?, &[2, 6].into());
    assert_eq!(Tensor::stack(&[&x, &x], -1).shape()?, &[2, 3, 2].into());
    let rows = x.unstack(0);
    assert_eq!(rows[1].to_vec::<i32>()?, [3, 4, 5]);
    let parts = x.split(-1, [1, 2]);
    assert_eq!(parts[1].to_vec::<i32>()?, [1, 2, 4, 5]);
    assert_eq!(x.swap_axes(0, 1).shape()?, &[3, 2].into());
    assert_eq!(x.reverse(-1).to_vec::<i32>()?, [2, 1, 0, 5, 4, 3]);
    Ok(())
}

#[test]
fn linear_algebra() -> Result<()> {
    let a = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    assert_eq!(a.matmul(&a).to_vec::<f32>()?, [7.0, 10.0, 15.0, 22.0]);
    assert_eq!(Tensor::einsum(&[&a, &a], "ij,kj->ik").to_vec::<f32>()?, [5.0, 11.0, 11.0, 25.0]);
    assert_eq!(a.tensordot(&a, [-1], [-1]).to_vec::<f32>()?, [5.0, 11.0, 11.0, 25.0]);
    let normal = a.layer_norm(1.0, 0.0, -1, 0.0);
    assert!(normal.ok().is_err(), "scale and offset have the shape of the row");
    Ok(())
}

#[test]
fn sorting() -> Result<()> {
    let x = Tensor::from([2.0f32, f32::NAN, -1.0, 5.0]);
    assert_eq!(x.sort(0).to_vec::<f32>()?[..3], [-1.0, 2.0, 5.0]);
    assert_eq!(x.argsort(-1).to_vec::<i32>()?, [2, 0, 3, 1]);
    assert_eq!(x.sort_descending(0).to_vec::<f32>()?[1..], [5.0, 2.0, -1.0]);
    let (values, indices) = Tensor::from([2i32, 9, 4]).top_k(2, 0);
    assert_eq!((values.to_vec::<i32>()?, indices.to_vec::<i32>()?), (vec![9, 4], vec![1, 2]));
    let sorted = Tensor::sort_together(&[Tensor::from([2i32, 1]), Tensor::from([10i32, 20])], 0, 1, false);
    assert_eq!(sorted[1].to_vec::<i32>()?, [20, 10]);
    Ok(())
}

#[test]
fn variables_are_operands_on_either_side() -> Result<()> {
    let (w, x) = (Variable::new([1.0f32, -2.0])?, Tensor::from([3.0f32, 5.0]));
    let floats = |x: Tensor| x.to_vec::<f32>();
    assert_eq!(floats(2.0 * &w)?, [2.0, -4.0]);
    assert_eq!(floats(2 * w.clone() - 1.0)?, [1.0, -5.0]);
    assert_eq!(floats(&w * &x + &w)?, [4.0, -12.0]);
    assert_eq!(floats(&x * &w)?, [3.0, -10.0]);
    assert_eq!(floats(x.clone() / w.clone())?, [3.0, -2.5]);
    assert_eq!(floats(&w - &w)?, [0.0, 0.0]);
    assert_eq!(floats(-&w)?, [-1.0, 2.0]);
    assert_eq!(floats((2.0 * &w).exp().log())?, [2.0, -4.0]);
    assert_eq!(floats(x.maximum(&w))?, [3.0, 5.0]);
    assert_eq!(x.matmul(&w).item::<f32>()?, -7.0);
    assert_eq!(floats(x.gt(4).select(&w, 0.5))?, [0.5, -2.0]);
    assert_eq!(floats(x.gt(4).select(1.5, &w))?, [1.0, 1.5]);
    let mut y = x.clone();
    y += &w;
    assert_eq!(floats(y)?, [4.0, 3.0]);
    let mask = Variable::new([true, false])?;
    assert_eq!((!&mask & &mask).to_vec::<bool>()?, [false, false]);
    let f = {
        let w = w.clone();
        function(move |x: Tensor| 1.0 - &w * x)
    };
    w.assign(Tensor::from([10.0f32, 0.0]))?;
    assert_eq!(floats(f.call(&x)?)?, [-29.0, 1.0]);
    let wrong = (&w + Tensor::zeros([3], DType::F32)).ok().unwrap_err().to_string();
    assert!(wrong.contains("operators.rs") && wrong.contains("do not broadcast"), "{wrong}");
    Ok(())
}
