//! Variables that are declared without a value.

use tensorwright::prelude::*;

#[function]
fn a_variable_that_changes(x: Tensor) -> Tensor {
    let mut y;
    if x > 0.0 {
        y = x.clone();
    } else {
        y = -x;
    }
    y += 1.0;
    y
}

#[function]
fn a_pattern(x: Tensor) -> Tensor {
    let (a, b): (Tensor, Tensor);
    (a, b) = (x.clone(), x);
    a + b
}

#[function]
fn given_on_one_path(x: Tensor) -> Tensor {
    let y;
    if x > 0.0 {
        y = x.clone();
    } else if x < -5.0 {
        return x;
    }
    y * 2.0
}

#[function]
fn given_in_a_loop(x: Tensor) -> Tensor {
    let y;
    while x > 0.0 {
        y = x.clone();
    }
    x + &y
}

#[function]
fn never_given(x: Tensor) -> Tensor {
    let y: Tensor;
    if y > 0.0 {
        return x;
    }
    -x
}

fn main() {}
