//! `print`, `assert` and `check_finite`.

use super::{graph, run, tensor};
use crate::eval::EvalError;
use crate::{Literal, Location};

#[test]
fn print_formats_tensors() {
    let graph = graph(
        "graph @f(%t: token, %x: f32[2,1], %n: i8[], %e: bool[0,3]) {
           %u = print(%t, %x, %n, %e) {format = \"{{x}} = {}, n={}{}!\"}
           return %u
         }",
    );
    let inputs = [tensor([2, 1], &[1.5f32, f32::NAN]), Literal::scalar(crate::Scalar::I8(-3))];
    let (results, printed) = run(&graph, &[&inputs[..], &[tensor::<bool>([0, 3], &[])]].concat());
    assert!(results.unwrap().is_empty());
    assert_eq!(printed, ["{x} = [[1.5], [nan]], n=-3[]!"]);
}

#[test]
fn a_failed_assertion_names_its_message_and_the_nearest_place() {
    let graph = graph(
        "graph @f(%t: token, %p: bool[]) {
           %u = call(%t, %p) {name = \"g\"} (
             graph(%t: token, %p: bool[]) {
               %v = print(%t, %p) {format = \"{}\"}
               %u = assert(%v, %p) {message = \"p holds\"}
               return %u
             }
           ) @ \"a.rs\":3:4
           %w = print(%u) {format = \"after\"}
           return %w
         }",
    );
    assert_eq!(run(&graph, &[Literal::scalar(true)]).1, ["true", "after"]);
    let (result, printed) = run(&graph, &[Literal::scalar(false)]);
    let error = result.unwrap_err();
    assert_eq!(printed, ["false"]);
    assert_eq!(error.to_string(), "assertion failed: p holds (written at a.rs:3:4)");
    let location = Some(Location::new("a.rs", 3, 4));
    assert_eq!(error, EvalError::Assertion { message: "p holds".to_owned(), location });
}

#[test]
fn check_finite_finds_the_first_bad_element() {
    let graph =
        graph("graph @f(%t: token, %x: f64[3]) { %u = check_finite(%t, %x) {message = \"loss\"} return %u }");
    let check = |x: [f64; 3]| run(&graph, &[tensor([3], &x)]).0;
    assert!(check([1.0, -0.0, f64::MAX]).is_ok());
    assert_eq!(check([1.0, f64::NAN, 0.0]).unwrap_err().to_string(), "loss: element 1 is nan");
    assert_eq!(check([1.0, 0.0, f64::NEG_INFINITY]).unwrap_err().to_string(), "loss: element 2 is -inf");
}

#[test]
fn an_effect_takes_place_though_nobody_uses_its_token() {
    let graph = graph("graph @f(%t: token) { %u = print(%t) {format = \"x\"} return }");
    assert_eq!(run(&graph, &[]).1, ["x"]);
}
