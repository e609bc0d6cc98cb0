//! Loops over nothing, eagerly and traced.

use tensorwright::prelude::*;

#[function]
fn rows_until(x: Tensor) -> Tensor {
    let mut sum = Tensor::from(0.0f64);
    for row in x {
        if row.sum(..) < 0.0 {
            break;
        }
        sum += row.sum(..);
    }
    sum
}

#[function]
fn cells_until(x: Tensor) -> Tensor {
    let mut sum = Tensor::from(0.0f64);
    for row in &x {
        for cell in row {
            if cell < 0.0 {
                return sum;
            }
            sum += cell;
        }
        sum += 1.0;
    }
    sum
}

#[function]
fn by_number(x: Tensor) -> Tensor {
    let mut sum = Tensor::from(0.0f64);
    let rows = x.shape().map_or(0, |shape| shape.size(0)) as i64;
    for i in range(0..rows) {
        sum += x.i(&i).sum(..);
    }
    for i in range(rows) {
        sum += x.i(&i).sum(..);
    }
    for i in range(1..=rows).rev().step_by(2) {
        sum += x.i(&(i - 1)).sum(..);
    }
    sum
}

#[test]
fn loops_over_nothing_do_nothing() {
    let zeros = |shape: [usize; 2]| Tensor::zeros(shape, DType::F64);
    for eagerly in [false, true] {
        rows_until::function().run_eagerly(eagerly);
        cells_until::function().run_eagerly(eagerly);
        by_number::function().run_eagerly(eagerly);
        let value = |x: Tensor| x.item::<f64>().unwrap();
        assert_eq!(value(rows_until(zeros([0, 2]))), 0.0);
        assert_eq!(value(rows_until(zeros([2, 0]))), 0.0);
        assert_eq!(value(cells_until(zeros([0, 2]))), 0.0);
        assert_eq!(value(cells_until(zeros([3, 0]))), 3.0);
        assert_eq!(value(by_number(zeros([0, 2]))), 0.0);
        assert_eq!(value(by_number(Tensor::from([[1.0f64, 2.0], [3.0, 4.0]]))), 27.0);
    }
}
