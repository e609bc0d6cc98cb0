//! Control flow of many examples.

use tensorwright_compiler::batch::{BatchError, batch};
use tensorwright_ir::eval::evaluate;
use tensorwright_ir::{DType, Graph, Literal, text};

use super::{check, slice};

fn graph(code: &str) -> Graph {
    text::parse(code).unwrap_or_else(|e| panic!("{e}\n{code}"))
}

fn floats(shape: &[usize], values: &[f64]) -> Literal {
    Literal::new(shape.iter().copied().collect::<tensorwright_ir::Shape>(), values).unwrap()
}

fn ints(values: &[i32]) -> Literal {
    Literal::new([values.len()], values).unwrap()
}

const IF: &str = "graph @f(%p: bool[], %x: f64[2], %w: f64[2]) {
  %y, %z = if(%p, %x, %w) (
    graph @then(%x: f64[2], %w: f64[2]) { %y = mul(%x, %w) return %y, %w },
    graph @else(%x: f64[2], %w: f64[2]) { %y = sin(%x) return %y, %w }
  )
  return %y, %z
}";

#[test]
fn branches() {
    let (p, x, w) =
        (Literal::scalar(true), floats(&[2, 2], &[1.0, 2.0, 3.0, 4.0]), floats(&[2], &[5.0, 6.0]));
    check(&graph(IF), 2, &[false, true, false], &[p, x.clone(), w.clone()]);
    let p = Literal::new([2], &[true, false]).unwrap();
    check(&graph(IF), 2, &[true, true, false], &[p.clone(), x, w.clone()]);
    check(&graph(IF), 2, &[true, false, false], &[p, floats(&[2], &[1.0, 2.0]), w]);
    // A choice that all share leaves the op in place, and what does not differ is not repeated.
    let batched = batch(&graph(IF), 2, &[false, true, false]).unwrap();
    assert_eq!(batched.per_example, [true, false]);
    assert!(batched.graph.to_string().contains("if("));
}

#[test]
fn cases() {
    let code = "graph @f(%i: i32[], %x: f64[]) {
      %y = case(%i, %x) (
        graph @zero(%x: f64[]) { return %x },
        graph @one(%x: f64[]) { %y = neg(%x) return %y },
        graph @two(%x: f64[]) { %y = exp(%x) return %y }
      )
      return %y
    }";
    let x = floats(&[5], &[1.0, 2.0, 3.0, 4.0, 5.0]);
    check(&graph(code), 5, &[true, true], &[ints(&[0, 1, 2, 7, -1]), x.clone()]);
    check(&graph(code), 5, &[false, true], &[Literal::scalar(1i32), x]);
}

const WHILE: &str = "graph @f(%n: i32[], %x: f64[], %w: f64[]) {
  %zero = constant() {value = 0:i32}
  %i, %y = while(%zero, %x, %n, %w) {carried = 2} (
    graph @condition(%i: i32[], %x: f64[], %n: i32[], %w: f64[]) { %go = lt(%i, %n) return %go },
    graph @body(%i: i32[], %x: f64[], %n: i32[], %w: f64[]) {
      %one = constant() {value = 1:i32} %j = add(%i, %one) %y = mul(%x, %w) return %j, %y
    }
  )
  return %i, %y
}";

#[test]
fn loops_of_common_and_of_own_length() {
    let x = floats(&[3], &[1.0, 2.0, 3.0]);
    check(&graph(WHILE), 3, &[false, true, false], &[Literal::scalar(4i32), x.clone(), Literal::scalar(2.0)]);
    check(&graph(WHILE), 3, &[true, true, false], &[ints(&[0, 5, 2]), x.clone(), Literal::scalar(2.0)]);
    check(&graph(WHILE), 3, &[true, false, true], &[ints(&[3, 0, 1]), Literal::scalar(1.5), x]);
    // A counter that all share is not repeated.
    assert_eq!(batch(&graph(WHILE), 3, &[false, true, false]).unwrap().per_example, [false, true]);
}

/// A vector turned and stretched until it is long.
const TURNING: &str = "graph @f(%x: f64[2], %limit: f64[], %w: f64[]) {
  %zero = constant() {value = 0:i32}
  %y, %n = while(%x, %zero, %limit, %w) {carried = 2} (
    graph(%x: f64[2], %n: i32[], %limit: f64[], %w: f64[]) {
      %s = mul(%x, %x) %r = reduce(%s) {kind = sum, axes = [0]} %go = lt(%r, %limit) return %go
    },
    graph(%x: f64[2], %n: i32[], %limit: f64[], %w: f64[]) {
      %one = constant() {value = 1:i32} %m = add(%n, %one)
      %a = slice(%x) {starts = [0], limits = [1], strides = [1]} %b = slice(%x) {starts = [1], limits = [2], strides = [1]}
      %c = neg(%b) %turned = concat(%c, %a) {axis = 0}
      %v = broadcast_in_dim(%w) {shape = [2], axes = []} %y = mul(%turned, %v)
      return %y, %m
    })
  return %y, %n
}";

#[test]
fn a_loop_over_a_vector_goes_by_itself() {
    let x = floats(&[3, 2], &[1.0, 2.0, 0.1, -0.2, 30.0, 1.0]);
    let limits = floats(&[3], &[50.0, 5.0, 400.0]);
    let inputs = [x, limits, Literal::scalar(1.1)];
    check(&graph(TURNING), 3, &[true, true, false], &inputs);
    let batched = batch(&graph(TURNING), 3, &[true, true, false]).unwrap().graph;
    let names = |graph: &Graph| graph.nodes().iter().map(|node| node.op.name()).collect::<Vec<_>>();
    assert!(names(&batched).contains(&"map") && !names(&batched).contains(&"while"), "{batched}");
    // The way back saves rows of all examples.
    let vjp = |graph: &Graph| tensorwright_compiler::differentiate::vjp(graph, &[0]).unwrap().graph;
    let back = vjp(&batched);
    assert!(names(&back).contains(&"while") && !names(&back).contains(&"map"), "{back}");
    let ones = |shape: &[usize]| floats(shape, &vec![1.0; shape.iter().product()]);
    let found = evaluate(&back, &[&inputs[..], &[ones(&[3, 2])]].concat()).unwrap();
    for example in 0..3 {
        let own = [slice(&inputs[0], example), slice(&inputs[1], example), inputs[2].clone(), ones(&[2])];
        let expected = evaluate(&vjp(&graph(TURNING)), &own).unwrap();
        assert_eq!(slice(found.last().unwrap(), example), *expected.last().unwrap());
    }
}

#[test]
fn scans_and_maps() {
    let code = "graph @f(%s: f64[2], %x: f64[4,2], %w: f64[2]) {
      %last, %ys = scan(%s, %x, %w) {carried = 1, scanned = 1, length = 4, reverse = true} (
        graph @body(%s: f64[2], %x: f64[2], %w: f64[2]) { %p = mul(%s, %w) %t = add(%p, %x) %y = sin(%t) return %t, %y }
      )
      %m = map(%ys, %s) {mapped = 1, length = 4} (
        graph @body(%y: f64[2], %s: f64[2]) { %z = mul(%y, %s) %r = reduce(%z) {kind = sum, axes = [0]} return %r }
      )
      return %last, %ys, %m
    }";
    let value = |n: usize| (0..n).map(|i| (i as f64 * 0.7).sin()).collect::<Vec<f64>>();
    let of = |own: bool, shape: &[usize]| {
        let shape: Vec<usize> = if own { [&[3], shape].concat() } else { shape.to_vec() };
        floats(&shape, &value(shape.iter().product()))
    };
    for choice in 1..8 {
        let mask = [choice & 1 == 1, choice & 2 == 2, choice & 4 == 4];
        let inputs = [of(mask[0], &[2]), of(mask[1], &[4, 2]), of(mask[2], &[2])];
        check(&graph(code), 3, &mask, &inputs);
    }
}

#[test]
fn lists_of_common_length() {
    let code = "graph @f(%x: f64[3,2], %w: f64[]) {
      %new = list_new() {dtype = f64, shape = [2]}
      %full = scan(%new, %x, %w) {carried = 1, scanned = 1, length = 3, reverse = false} (
        graph @body(%l: list<f64[2]>, %x: f64[2], %w: f64[]) {
          %b = broadcast_in_dim(%w) {shape = [2], axes = []} %p = mul(%x, %b) %m = list_push(%l, %p) return %m
        }
      )
      %rest, %last = list_pop(%full) %n = list_len(%rest) %i = constant() {value = 0:i32} %first = list_get(%rest, %i)
      %stack = list_stack(%rest) {length = 2} %set = list_set(%rest, %n, %first) %back = list_stack(%set) {length = 2}
      return %last, %n, %first, %stack, %back
    }";
    let x = floats(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    check(&graph(code), 2, &[false, true], &[x, floats(&[2], &[1.0, -1.0])]);
    let own = "graph @f(%i: i32[], %x: f64[]) {
      %new = list_new() {dtype = f64, shape = []} %l = list_push(%new, %x) %y = list_get(%l, %i) return %y
    }";
    // Rows of the examples' own are read one example after the other.
    check(&graph(own), 2, &[true, true], &[ints(&[0, 3]), floats(&[2], &[1.0, 2.0])]);
    let given = "graph @f(%i: i32[], %x: f64[]) {
      %new = list_new() {dtype = f64, shape = []} %l = list_push(%new, %x) %y = list_get(%l, %i) return %y, %l
    }";
    let failed = batch(&graph(given), 2, &[true, true]).unwrap_err();
    assert!(matches!(failed, BatchError::List { op: "list_get", .. }), "{failed}");
}

#[test]
fn gradients_of_loops_of_own_length() {
    let gradient = tensorwright_compiler::differentiate::vjp(&graph(WHILE), &[1, 2]).unwrap().graph;
    let x = floats(&[3], &[1.0, 2.0, 3.0]);
    let inputs = [ints(&[0, 5, 2]), x, Literal::scalar(2.0), Literal::scalar(1.0)];
    check(&gradient, 3, &[true, true, false, false], &inputs);
}

#[test]
fn rules_of_their_own() {
    let code = "graph @f(%x: f64[2], %w: f64[2]) {
      %y = custom_gradient(%x, %w) {arguments = 2, results = 1, saved = 2} (
        graph @forward(%x: f64[2], %w: f64[2]) { %y = mul(%x, %w) return %y, %x, %w },
        graph @backward(%x: f64[2], %w: f64[2], %d: f64[2]) { %dx = mul(%d, %w) %dw = mul(%d, %x) return %dx, %dw }
      )
      %z = checkpoint(%y) {name = \"f\", again = false} (graph @f(%y: f64[2]) { %z = exp(%y) return %z })
      return %z
    }";
    let (x, w) = (floats(&[2, 2], &[1.0, 2.0, 3.0, 4.0]), floats(&[2], &[0.5, -1.0]));
    let graph = graph(code);
    check(&graph, 2, &[true, false], &[x.clone(), w.clone()]);
    // The gradient by what the examples share is the sum of theirs.
    let batched = batch(&graph, 2, &[true, false]).unwrap().graph;
    let gradient = tensorwright_compiler::differentiate::vjp(&batched, &[1]).unwrap().graph;
    let ones = floats(&[2, 2], &[1.0; 4]);
    let found = tensorwright_ir::eval::evaluate(&gradient, &[x.clone(), w.clone(), ones]).unwrap();
    let slope = |x: f64, w: f64| x * (x * w).exp();
    let expected = [slope(1.0, 0.5) + slope(3.0, 0.5), slope(2.0, -1.0) + slope(4.0, -1.0)];
    for (found, expected) in found[1].to_vec::<f64>().unwrap().iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
    }
}

#[test]
fn effects_take_place_once() {
    let code = "graph @f(%t: token, %p: bool[], %x: f64[]) {
      %u = if(%p, %t, %x) (
        graph @then(%t: token, %x: f64[]) { %u = print(%t, %x) {format = \"{}\"} return %u },
        graph @else(%t: token, %x: f64[]) { return %t }
      )
      return %u
    }";
    let failed = batch(&graph(code), 2, &[false, true, true]).unwrap_err();
    assert!(matches!(failed, BatchError::Effect { op: "if", .. }), "{failed}");
    assert!(batch(&graph(code), 2, &[false, false, true]).is_ok());
    let all = "graph @f(%p: bool[]) { %t = token_new() %u = assert(%t, %p) {message = \"all\"} return }";
    let batched = batch(&graph(all), 2, &[true]).unwrap().graph;
    let run = |p: [bool; 2]| tensorwright_ir::eval::evaluate(&batched, &[Literal::new([2], &p).unwrap()]);
    assert!(run([true, true]).is_ok() && run([true, false]).is_err());
    assert_eq!(batched.tensor(batched.inputs()[0]).dtype, DType::Bool);
}
