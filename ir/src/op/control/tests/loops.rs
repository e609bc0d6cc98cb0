//! `while`, `scan` and `map`.

use super::{elements, graph, outputs, run, tensor};
use crate::Literal;
use crate::eval::{EvalError, Evaluator};

/// The greatest power of `%base` below `%limit`, and how many factors it has.
const POWERS: &str = "graph @f(%base: i64[], %limit: i64[]) {
    %one = constant() {value = 1:i64}
    %zero = constant() {value = 0:i32}
    %n, %count = while(%one, %zero, %base, %limit) {carried = 2} (
      graph @condition(%n: i64[], %count: i32[], %base: i64[], %limit: i64[]) {
        %next = mul(%n, %base)
        %go = lt(%next, %limit)
        return %go
      },
      graph @body(%n: i64[], %count: i32[], %base: i64[], %limit: i64[]) {
        %next = mul(%n, %base)
        %one = constant() {value = 1:i32}
        %counted = add(%count, %one)
        return %next, %counted
      }
    )
    return %n, %count
  }";

#[test]
fn while_runs_until_its_condition_fails() {
    let powers = graph(POWERS);
    let run = |base: i64, limit: i64| {
        let results = outputs(&powers, &[Literal::scalar(base), Literal::scalar(limit)]);
        (elements::<i64>(&results[0])[0], elements::<i32>(&results[1])[0])
    };
    assert_eq!(run(2, 1000), (512, 9));
    assert_eq!(run(10, 11), (10, 1));
    assert_eq!(run(10, 10), (1, 0));
}

#[test]
fn an_endless_loop_uses_up_the_budget() {
    let graph = graph(
        "graph @f() { while() {carried = 0} (
            graph() { %go = constant() {value = true:bool} return %go },
            graph() { return }
          ) return }",
    );
    let mut evaluator = Evaluator::new().with_budget(10_000);
    assert_eq!(evaluator.evaluate(&graph, &[]), Err(EvalError::Budget));
    let powers = super::graph(POWERS);
    let inputs = [Literal::scalar(2i64), Literal::scalar(1000i64)];
    let mut evaluator = Evaluator::new().with_budget(10_000);
    assert!(evaluator.evaluate(&powers, &inputs).is_ok());
    assert!(evaluator.budget_left().unwrap() < 10_000);
}

/// Running sums, and the state before each.
fn running_sums(reverse: bool) -> crate::Graph {
    graph(&format!(
        "graph @f(%s: f32[2], %x: f32[3,2], %k: f32[2]) {{
           %last, %before, %after = scan(%s, %x, %k) {{carried = 1, scanned = 1, length = 3, reverse = {reverse}}} (
             graph @body(%s: f32[2], %x: f32[2], %k: f32[2]) {{
               %scaled = mul(%x, %k)
               %next = add(%s, %scaled)
               return %next, %s, %next
             }}
           )
           return %last, %before, %after
         }}"
    ))
}

#[test]
fn scan_carries_state_and_stacks_slices() {
    let inputs = [
        tensor([2], &[100f32, 200.0]),
        tensor([3, 2], &[1f32, 2.0, 3.0, 4.0, 5.0, 6.0]),
        tensor([2], &[1f32, 10.0]),
    ];
    let results = outputs(&running_sums(false), &inputs);
    assert_eq!(elements::<f32>(&results[0]), [109.0, 320.0]);
    assert_eq!(elements::<f32>(&results[1]), [100.0, 200.0, 101.0, 220.0, 104.0, 260.0]);
    assert_eq!(elements::<f32>(&results[2]), [101.0, 220.0, 104.0, 260.0, 109.0, 320.0]);
    let results = outputs(&running_sums(true), &inputs);
    assert_eq!(elements::<f32>(&results[0]), [109.0, 320.0]);
    assert_eq!(elements::<f32>(&results[1]), [108.0, 300.0, 105.0, 260.0, 100.0, 200.0]);
    assert_eq!(elements::<f32>(&results[2]), [109.0, 320.0, 108.0, 300.0, 105.0, 260.0]);
}

#[test]
fn scan_of_no_slices_gives_the_initial_state_and_empty_stacks() {
    let graph = graph(
        "graph @f(%s: f32[], %x: f32[0,2]) {
           %last, %stack = scan(%s, %x) {carried = 1, scanned = 1, length = 0, reverse = false} (
             graph @body(%s: f32[], %x: f32[2]) { %n = neg(%s) return %n, %x }
           )
           return %last, %stack
         }",
    );
    let results = outputs(&graph, &[Literal::scalar(7f32), tensor::<f32>([0, 2], &[])]);
    assert_eq!(elements::<f32>(&results[0]), [7.0]);
    assert_eq!(results[1].ty().to_string(), "f32[0,2]");
}

#[test]
fn scan_counts_without_slices() {
    let graph = graph(
        "graph @f(%s: i32[]) {
           %last, %powers = scan(%s) {carried = 1, scanned = 0, length = 4, reverse = false} (
             graph @body(%s: i32[]) { %n = add(%s, %s) return %n, %s }
           )
           return %last, %powers
         }",
    );
    let results = outputs(&graph, &[Literal::scalar(3)]);
    assert_eq!(elements::<i32>(&results[0]), [48]);
    assert_eq!(elements::<i32>(&results[1]), [3, 6, 12, 24]);
}

#[test]
fn map_runs_each_slice() {
    let graph = graph(
        "graph @f(%x: i32[3], %y: i32[3], %k: i32[]) {
           %sums, %keys = map(%x, %y, %k) {mapped = 2, length = 3} (
             graph @body(%x: i32[], %y: i32[], %k: i32[]) {
               %p = mul(%y, %k)
               %s = add(%x, %p)
               return %s, %k
             }
           )
           return %sums, %keys
         }",
    );
    let results = outputs(&graph, &[tensor([3], &[1, 2, 3]), tensor([3], &[4, 5, 6]), Literal::scalar(10)]);
    assert_eq!(elements::<i32>(&results[0]), [41, 52, 63]);
    assert_eq!(elements::<i32>(&results[1]), [10, 10, 10]);
}

#[test]
fn effects_in_a_loop_happen_each_time_in_order() {
    let graph = graph(
        "graph @f(%t: token, %x: i32[3]) {
           %u, %sum = scan(%t, %x) {carried = 1, scanned = 1, length = 3, reverse = true} (
             graph @body(%t: token, %x: i32[]) {
               %u = print(%t, %x) {format = \"x = {}\"}
               return %u, %x
             }
           )
           %v = print(%u) {format = \"done\"}
           return %v
         }",
    );
    let (results, printed) = run(&graph, &[tensor([3], &[1, 2, 3])]);
    assert!(results.is_ok());
    assert_eq!(printed, ["x = 3", "x = 2", "x = 1", "done"]);
}
