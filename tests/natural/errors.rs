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

#[function]
fn another_dtype(x: Tensor) -> Tensor {
    let mut count = Tensor::from(0i32);
    let mut y = x;
    while y < 10.0 {
        count = y.clone();
        y += 1.0;
    }
    count
}

#[test]
fn a_loop_variable_that_changes_its_dtype() {
    let message = message(another_dtype(Tensor::from(1.0f32)).ok());
    for part in ["the loop variable `count` changes", "i32[]", "f32[]", "errors.rs:78:", "errors.rs:80:"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[function]
fn another_result(x: Tensor) -> Tensor {
    if x.sum(..) > 0.0 {
        return x.sum(..);
    }
    x * 2.0
}

#[function]
fn another_value(x: Tensor) -> Tensor {
    let y = if x.sum(..) > 0.0 { x.cast(DType::F64) } else { x.clone() };
    y
}

#[test]
fn results_and_values_that_disagree() {
    let result = message(another_result(Tensor::from([1.0f32, 2.0])).ok());
    for part in ["about the result", "f32[]", "f32[2]", "errors.rs:98:", "errors.rs:100:"] {
        assert!(result.contains(part), "{part}: {result}");
    }
    let value = message(another_value(Tensor::from([1.0f32, 2.0])).ok());
    for part in ["about the value", "f64[2]", "f32[2]", "errors.rs:105:"] {
        assert!(value.contains(part), "{part}: {value}");
    }
}

#[derive(Clone, Tree)]
struct State {
    position: Tensor,
    trail: Vec<Tensor>,
}

#[function]
fn longer_trail(x: Tensor) -> Tensor {
    let mut state = State { position: x.clone(), trail: vec![x] };
    while state.position < 10.0 {
        state.position = &state.position + 1.0;
        state.trail.push(state.position.clone());
    }
    state.position
}

#[function]
fn other_field(x: Tensor) -> Tensor {
    let mut state = State { position: x.clone(), trail: vec![x] };
    if state.position < 10.0 {
        state.position = state.position.reshape([1]);
    }
    state.position
}

#[test]
fn parts_of_a_variable_are_named() {
    let longer = message(longer_trail(Tensor::from(1.0f32)).ok());
    assert!(longer.contains("state") && longer.contains("trail"), "{longer}");
    let other = message(other_field(Tensor::from(1.0f32)).ok());
    for part in ["`state.position`", "f32[1]", "f32[]"] {
        assert!(other.contains(part), "{part}: {other}");
    }
}

#[function]
fn grown(xs: Tensor) -> Tensor {
    let mut rows = vec![xs.i(0)];
    for x in &xs {
        rows.push(x * 2.0);
    }
    Tensor::stack(&rows, 0)
}

#[test]
fn vectors_do_not_grow_in_traced_loops() {
    let error = message(grown(Tensor::from([1.0f32, 2.0])).ok());
    for part in
        ["`rows`", "before it is 1 element ", "after it 2 elements", "`map` and `scan`", "`TensorList`"]
    {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[function]
fn opaque(x: Tensor) -> Tensor {
    let mut log: Vec<std::time::Instant> = Vec::new();
    if x > 0.0 {
        log = vec![std::time::Instant::now()];
    }
    x
}

#[test]
fn what_is_assigned_must_be_a_tree() {
    let message = message(opaque(Tensor::from(1.0f32)).ok());
    assert!(message.contains("`log` is assigned where a tensor decides"), "{message}");
}

#[function]
fn checked(x: Tensor) -> Result<Tensor> {
    assert!(x < 10.0, "too large: {}", x);
    assert!(x > -10.0, "{{x}} is {x}, {:?} of {}", 1, 2);
    Ok(x)
}

#[test]
fn assertions_show_values() {
    for eagerly in [false, true] {
        checked::function().run_eagerly(eagerly);
        assert_eq!(checked(Tensor::from(1.0f64)).unwrap().item::<f64>().unwrap(), 1.0);
        let error = checked(Tensor::from(11.0f64)).unwrap_err().to_string();
        assert!(error.contains("assertion failed: too large: 11"), "{error}");
        let error = checked(Tensor::from(-11.5f64)).unwrap_err().to_string();
        assert!(error.contains("assertion failed: {x} is -11.5, 1 of 2"), "{error}");
    }
    let error = function(|x: Tensor| tensorwright::assert_that(&x.lt(1.0), "{x} < 1").map(|()| x));
    assert!(error.call(2.0f64).unwrap_err().to_string().contains("assertion failed: {x} < 1"));
}

#[function]
fn same(x: Tensor, y: Tensor, n: i32) -> Result<Tensor> {
    assert_eq!(x, y, "n is {n}");
    assert_eq!(n, 1);
    assert_ne!(&x, 0.0);
    debug_assert!(x.sum(..) < 100.0, "too much: {:?}", x);
    debug_assert_eq!(x.extent(0)?, 2);
    Ok(x)
}

#[test]
fn assertions_of_equality_are_about_all_elements() {
    for eagerly in [false, true] {
        same::function().run_eagerly(eagerly);
        let call = |x: [f64; 2], y: [f64; 2], n| same(Tensor::from(x), Tensor::from(y), n);
        assert!(call([1.0, 2.0], [1.0, 2.0], 1).is_ok());
        // One element that differs is enough for both.
        assert!(call([0.0, 2.0], [0.0, 2.0], 1).is_ok());
        let message = |x, y, n| call(x, y, n).unwrap_err().to_string();
        let error = message([1.0, 2.0], [1.0, 3.0], 1);
        assert!(error.contains("assertion failed: n is 1: left is [1."), "{error}");
        assert!(error.contains("right is [1."), "{error}");
        let error = message([1.0, 2.0], [1.0, 2.0], 2);
        assert!(error.contains("n == 1: left is 2, right is 1"), "{error}");
        let error = message([0.0, 0.0], [0.0, 0.0], 1);
        assert!(error.contains("& x != 0.0: left is [0."), "{error}");
        if cfg!(debug_assertions) {
            let error = message([100.0, 2.0], [100.0, 2.0], 1);
            assert!(error.contains("too much: [100."), "{error}");
        }
    }
}
