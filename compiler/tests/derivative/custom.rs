//! Functions with a rule of their own, and functions that are computed again.

use tensorwright_compiler::differentiate::{DifferentiateError, jvp, vjp};
use tensorwright_compiler::passes::{PassOptions, run_pipeline};
use tensorwright_ir::eval::{Evaluator, evaluate};
use tensorwright_ir::{Graph, Literal};

use super::control::{check, check_graph, count, graph};

/// `sin(x) w + k` with the right rule for `x` and `w`: all checks must hold.
const RIGHT: &str = "graph @f(%x: f64[3], %w: f64[3], %k: i32[3]) {
  %y, %n = custom_gradient(%x, %w, %k) {arguments = 2, results = 1, saved = 2} (
    graph @forward(%x: f64[3], %w: f64[3], %k: i32[3]) {
      %s = sin(%x) %c = cos(%x) %p = mul(%s, %w) %q = mul(%c, %w) %m = neg(%k)
      return %p, %m, %s, %q
    },
    graph @backward(%k: i32[3], %s: f64[3], %q: f64[3], %d: f64[3]) {
      %dx = mul(%d, %q) %dw = mul(%d, %s) return %dx, %dw
    }
  )
  %z = exp(%y)
  return %z, %n
}";

#[test]
fn a_right_rule_agrees_with_differences_in_both_modes() {
    check(RIGHT, &[Literal::new([3], &[1i32, 2, 3]).unwrap()]);
}

#[test]
fn loops_and_branches_follow_the_rule() {
    let code = "graph @f(%s: f64[], %x: f64[4], %p: bool[]) {
      %last = scan(%s, %x, %p) {carried = 1, scanned = 1, length = 4, reverse = false} (
        graph @body(%s: f64[], %x: f64[], %p: bool[]) {
          %y = if(%p, %s, %x) (
            graph @then(%s: f64[], %x: f64[]) {
              %y = custom_gradient(%s, %x) {arguments = 2, results = 1, saved = 2} (
                graph @forward(%s: f64[], %x: f64[]) { %y = mul(%s, %x) return %y, %s, %x },
                graph @backward(%s: f64[], %x: f64[], %d: f64[]) { %ds = mul(%d, %x) %dx = mul(%d, %s) return %ds, %dx }
              )
              %t = tanh(%y)
              return %t
            },
            graph @else(%s: f64[], %x: f64[]) { %y = add(%s, %x) return %y }
          )
          return %y
        }
      )
      return %last
    }";
    for holds in [true, false] {
        check(code, &[Literal::scalar(holds)]);
    }
}

/// Rounding that lets cotangents through, times 2 so that the rule cannot be mistaken for another.
const STRAIGHT: &str = "graph @f(%x: f64[]) {
  %y = custom_gradient(%x) {arguments = 1, results = 1, saved = 0} (
    graph @forward(%x: f64[]) { %y = floor(%x) return %y },
    graph @backward(%d: f64[]) { %e = add(%d, %d) return %e }
  )
  %z = mul(%y, %y)
  return %z
}";

fn values(graph: &Graph, inputs: &[f64]) -> Vec<f64> {
    let inputs: Vec<Literal> = inputs.iter().map(|&x| Literal::scalar(x)).collect();
    let optimised = check_graph(graph, &inputs);
    evaluate(&optimised, &inputs).unwrap().iter().map(|y| y.get(0).to_f64()).collect()
}

#[test]
fn the_rule_is_followed_to_any_order() {
    let graph = graph(STRAIGHT);
    let reverse = vjp(&graph, &[0]).unwrap().graph;
    // The square of 2, and twice that times the slope, which is 2.
    assert_eq!(values(&reverse, &[2.5, 1.0]), [4.0, 8.0]);
    assert_eq!(values(&jvp(&graph, &[0]).unwrap().graph, &[2.5, 1.0]), [4.0, 8.0]);
    let again = vjp(&reverse, &[0]).unwrap();
    // (2 y^2)' = 2 y' y' = 8.
    let found = values(&again.graph, &[2.5, 1.0, 0.0, 1.0]);
    assert_eq!(found[again.derivatives[0].unwrap()], 8.0);
    let forward = jvp(&reverse, &[0]).unwrap();
    assert_eq!(values(&forward.graph, &[2.5, 1.0, 1.0])[forward.derivatives[1].unwrap()], 8.0);
}

#[test]
fn what_is_captured_has_no_derivative() {
    let code = "graph @f(%x: f64[], %w: f64[]) {
      %y = custom_gradient(%x, %w) {arguments = 1, results = 1, saved = 0} (
        graph @forward(%x: f64[], %w: f64[]) { %y = mul(%x, %w) return %y },
        graph @backward(%w: f64[], %d: f64[]) { %e = mul(%d, %w) return %e }
      )
      return %y
    }";
    let graph = graph(code);
    assert_eq!(values(&vjp(&graph, &[0]).unwrap().graph, &[2.0, 3.0, 1.0]), [6.0, 3.0]);
    for failed in [vjp(&graph, &[0, 1]), jvp(&graph, &[1])] {
        let failed = failed.unwrap_err();
        assert!(matches!(failed, DifferentiateError::Captured { .. }));
        assert!(failed.to_string().contains("make it an argument"), "{failed}");
    }
}

const LAYER: &str = "graph @f(%x: f64[4], %w: f64[4]) {
  %y, %z = checkpoint(%x, %w) {name = \"layer\", again = false} (
    graph @layer(%x: f64[4], %w: f64[4]) {
      %a = mul(%x, %w) %b = sin(%a) %c = exp(%b) %d = mish(%c) return %d, %b
    }
  )
  %u = mul(%y, %z)
  return %u
}";

#[test]
fn checkpoints_have_derivatives() {
    check(LAYER, &[]);
    let reverse = vjp(&graph(LAYER), &[0, 1]).unwrap().graph;
    assert_eq!(count(&reverse, "checkpoint"), 2);
    let optimised = run_pipeline(reverse, &PassOptions::default()).unwrap();
    assert_eq!((count(&optimised, "checkpoint"), count(&optimised, "sin")), (0, 2), "{optimised}");
}

#[test]
fn a_checkpoint_in_a_loop_saves_what_enters_it() {
    let body = |checkpointed: bool| {
        let layer = "%a = mul(%s, %x) %b = sin(%a) %c = exp(%b) %d = tanh(%c)";
        match checkpointed {
            false => format!("{layer} return %d"),
            true => format!(
                "%y = checkpoint(%s, %x) {{name = \"layer\", again = false}} (
                  graph @layer(%s: f64[8], %x: f64[8]) {{ {layer} return %d }}
                )
                return %y"
            ),
        }
    };
    let code = |checkpointed: bool| {
        format!(
            "graph @f(%s: f64[8], %x: f64[5,8]) {{
              %last = scan(%s, %x) {{carried = 1, scanned = 1, length = 5, reverse = false}} (
                graph @body(%s: f64[8], %x: f64[8]) {{ {} }}
              )
              return %last
            }}",
            body(checkpointed)
        )
    };
    check(&code(true), &[]);
    let saved = |code: &str| {
        let reverse = vjp(&graph(code), &[0, 1]).unwrap().graph;
        let optimised = run_pipeline(reverse, &PassOptions::default()).unwrap();
        let scan = optimised.nodes().iter().find(|node| node.op.name() == "scan").unwrap();
        scan.results.len() - 1
    };
    assert_eq!(saved(&code(true)), 1);
    assert_eq!(saved(&code(false)), 2);
}

#[test]
fn effects_of_a_checkpoint_take_place_once() {
    let code = "graph @f(%x: f64[]) {
      %t = token_new()
      %y, %u = checkpoint(%t, %x) {name = \"f\", again = false} (
        graph @f(%t: token, %x: f64[]) {
          %y = exp(%x) %u = print(%t, %y) {format = \"{}\"} %z = mul(%y, %y) return %z, %u
        }
      )
      return %y
    }";
    let reverse = vjp(&graph(code), &[0]).unwrap().graph;
    let inputs = [Literal::scalar(0.0), Literal::scalar(1.0)];
    let mut lines = 0;
    let mut sink = |_: &str| lines += 1;
    let found = Evaluator::new().with_sink(&mut sink).evaluate(&reverse, &inputs).unwrap();
    assert_eq!(lines, 1);
    assert_eq!(found.last().unwrap().get(0).to_f64(), 2.0);
}
