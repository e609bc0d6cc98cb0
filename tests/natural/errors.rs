//! Errors of tracing name the variable and show both sides.

use tensorwright::prelude::*;
use tensorwright::{Result, function};

#[function]
fn branches(x: Tensor) -> Tensor {
    let mut acc = x.clone();
    if x.sum(..) > 0.0 {
        acc = x.sum(..);
    } else {
        acc = x;
    }
    acc
}

#[function]
fn grows(x: Tensor) -> Tensor {
    let mut acc = x.clone();
    while acc.sum(..) < 100.0 {
        acc = Tensor::concat(&[&acc, &x], 0);
    }
    acc
}

#[function]
fn plain(x: Tensor) -> Result<Tensor> {
    let mut count = 0;
    if x > 0.0 {
        count += 1;
    }
    Ok(x * count)
}

#[function]
fn no_scalar(x: Tensor) -> Result<Tensor> {
    if x > 0.0 { Ok(x) } else { Ok(-x) }
}

fn message(result: Result<Tensor>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn branches_that_disagree() {
    let message = message(branches(Tensor::from([1.0f32, 2.0])).ok());
    assert!(message.contains("the branches disagree about `acc`"), "{message}");
    assert!(message.contains("f32[]") && message.contains("f32[2]"), "{message}");
    assert!(message.contains("errors.rs:9:"), "it shows the `if`: {message}");
    assert!(message.contains("errors.rs:10:"), "it shows the first side: {message}");
}

#[test]
fn a_loop_variable_that_changes() {
    let message = message(grows(Tensor::from([1.0f32, 2.0])).ok());
    assert!(message.contains("the loop variable `acc` changes in an iteration"), "{message}");
    assert!(message.contains("f32[2]") && message.contains("f32[4]"), "{message}");
    assert!(message.contains("errors.rs:20:") && message.contains("errors.rs:21:"), "{message}");
}

#[test]
fn a_plain_value_that_a_tensor_decides() {
    let message = message(plain(Tensor::from(1.0f32)));
    assert!(
        message.contains("`count`") && message.contains("i32 1") && message.contains("i32 0"),
        "{message}"
    );
}

#[test]
fn a_condition_that_is_no_scalar() {
    let message = message(no_scalar(Tensor::from([1.0f32, 2.0])));
    assert!(message.contains("bool[]") && message.contains("bool[2]"), "{message}");
}
