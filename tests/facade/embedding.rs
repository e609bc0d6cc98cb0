//! Bags of rows against plain loops.

use tensorwright::BagFold;
use tensorwright::prelude::*;

const ROWS: usize = 7;
const WIDTH: usize = 3;
const BAGS: usize = 4;

fn table() -> Tensor {
    (Tensor::arange(ROWS * WIDTH, DType::F64) * 1.7 - 9.0).sin().reshape((ROWS, WIDTH))
}

/// Numbers of rows with their bags; one of the bags is empty, and one number is no bag.
const INDICES: [i64; 6] = [3, 0, 6, 3, 1, 2];
const IN_BAGS: [i64; 6] = [2, 0, 2, 2, 3, 9];

fn expected(fold: BagFold) -> Vec<f64> {
    let table = table().to_vec::<f64>().unwrap();
    let mut found = Vec::new();
    for bag in 0..BAGS as i64 {
        for column in 0..WIDTH {
            let rows = INDICES.iter().zip(IN_BAGS).filter(|(_, own)| *own == bag);
            let values: Vec<f64> = rows.map(|(&row, _)| table[row as usize * WIDTH + column]).collect();
            let sum: f64 = values.iter().sum();
            found.push(match fold {
                BagFold::Sum => sum,
                BagFold::Mean => sum / values.len().max(1) as f64,
                BagFold::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            });
        }
    }
    found
}

#[test]
fn bags_are_folded() -> Result<()> {
    for fold in [BagFold::Sum, BagFold::Mean, BagFold::Max] {
        let bag = move |table: Tensor| table.embedding_bag(INDICES, IN_BAGS, BAGS, fold);
        for found in [bag(table()), function(bag).call(table())?] {
            let found = found.to_vec::<f64>()?;
            assert!(
                found.iter().zip(expected(fold)).all(|(x, y)| *x == y || (x - y).abs() < 1e-12),
                "{fold:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn each_row_has_the_slope_of_its_bags() -> Result<()> {
    let sum = |table: Tensor| table.embedding_bag(INDICES, IN_BAGS, BAGS, BagFold::Sum).sum(..);
    let slope = grad(sum).call(table())?.i((.., 0)).to_vec::<f64>()?;
    assert_eq!(slope, [1.0, 1.0, 0.0, 2.0, 0.0, 0.0, 1.0]);
    Ok(())
}
