//! Control flow: against differences, forward against reverse mode, to second order, and after the optimiser.

use tensorwright_compiler::differentiate::{jvp, vjp};
use tensorwright_compiler::passes::{PassOptions, run_pipeline};
use tensorwright_ir::eval::{Evaluator, evaluate};
use tensorwright_ir::{DType, Graph, Literal, Scalar, TensorType, Type, text};
use tensorwright_testkit::literals::Random;
use tensorwright_testkit::tolerance::same_values;

use super::numeric::{Case, Rigour, direction};

pub(crate) fn graph(code: &str) -> Graph {
    text::parse(code).unwrap_or_else(|e| panic!("{e}\n{code}"))
}

/// Inputs for a graph: floats from -1 to 1, and the integers and bools given.
fn inputs(graph: &Graph, others: &[Literal], random: &mut Random) -> Vec<Literal> {
    let mut others = others.iter();
    let of_type = |ty: Type| match ty.is_differentiable() {
        true => direction(random, ty.tensor()),
        false => others.next().expect("a value for each input that is no float").clone(),
    };
    graph.input_types().into_iter().map(of_type).collect()
}

fn floats(inputs: &[Literal]) -> Vec<usize> {
    (0..inputs.len()).filter(|&i| inputs[i].ty().dtype.is_differentiable()).collect()
}

/// The graph is valid, reads back as it prints, and the optimiser keeps its values.
pub(crate) fn check_graph(graph: &Graph, inputs: &[Literal]) -> Graph {
    tensorwright_ir::verify(graph).unwrap_or_else(|e| panic!("{e:?}\n{graph}"));
    let printed = graph.to_string();
    assert_eq!(self::graph(&printed).to_string(), printed);
    let expected = evaluate(graph, inputs).unwrap();
    let optimised =
        run_pipeline(graph.clone(), &PassOptions::default()).unwrap_or_else(|e| panic!("{e}\n{graph}"));
    assert_eq!(optimised.output_types(), graph.output_types());
    let found = evaluate(&optimised, inputs).unwrap();
    for (e, f) in expected.iter().zip(&found) {
        assert!(same_values(e, f), "{graph}was {e:?}\noptimised {f:?}\n{optimised}");
    }
    optimised
}

/// Both modes, to second order, of the graph for these integers and bools.
#[track_caller]
pub(crate) fn check(code: &str, others: &[Literal]) {
    let (graph, mut random) = (graph(code), Random::new(9));
    let inputs = inputs(&graph, others, &mut random);
    let wrt = floats(&inputs);
    let name = || code.to_owned();
    Case { graph: &graph, inputs: &inputs, wrt: &wrt, name: &name }.check(&mut random, 2, Rigour::Strict);
    let forward = jvp(&graph, &wrt).unwrap();
    let tangents = wrt.iter().map(|&i| inputs[i].clone());
    check_graph(&forward.graph, &inputs.iter().cloned().chain(tangents).collect::<Vec<_>>());
    let reverse = vjp(&graph, &wrt).unwrap();
    let types = graph.output_types().into_iter().filter(Type::is_differentiable);
    let cotangents = types.map(|ty| direction(&mut random, ty.tensor()));
    let all: Vec<Literal> = inputs.iter().cloned().chain(cotangents).collect();
    check_graph(&reverse.graph, &all);
    let again = vjp(&reverse.graph, &floats(&all)).unwrap();
    let types = reverse.graph.output_types().into_iter().filter(Type::is_differentiable);
    let all: Vec<Literal> =
        all.iter().cloned().chain(types.map(|ty| direction(&mut random, ty.tensor()))).collect();
    check_graph(&again.graph, &all);
}

fn bools(values: &[bool]) -> Vec<Literal> {
    values.iter().map(|&v| Literal::scalar(v)).collect()
}

pub(crate) fn count(graph: &Graph, name: &str) -> usize {
    let inner = |node: &tensorwright_ir::Node| node.regions.iter().map(|r| count(r, name)).sum::<usize>();
    graph.nodes().iter().map(|node| usize::from(node.op.name() == name) + inner(node)).sum()
}

const IF: &str = "graph @f(%p: bool[], %x: f64[3], %k: f64[3]) {
  %y, %n = if(%p, %x, %k) (
    graph @then(%x: f64[3], %k: f64[3]) {
      %e = exp(%x) %y = mul(%e, %k) %z = mul(%y, %y) %n = constant() {value = 1:i32} return %z, %n
    },
    graph @else(%x: f64[3], %k: f64[3]) {
      %s = sin(%x) %c = cos(%s) %z = mul(%c, %x) %n = constant() {value = 2:i32} return %z, %n
    }
  )
  %z = tanh(%y)
  return %z, %n
}";

#[test]
fn branches_have_derivatives() {
    check(IF, &bools(&[true]));
    check(IF, &bools(&[false]));
}

const CASE: &str = "graph @f(%i: i32[], %x: f64[2], %y: f64[2]) {
  %a, %b = case(%i, %x, %y) (
    graph @zero(%x: f64[2], %y: f64[2]) { %z = mul(%x, %y) return %z, %x },
    graph @one(%x: f64[2], %y: f64[2]) { %z = logistic(%y) return %z, %y },
    graph @two(%x: f64[2], %y: f64[2]) { %c = constant() {value = f64[2] [1.0, 2.0]} return %c, %c }
  )
  return %a, %b
}";

#[test]
fn all_branches_have_derivatives() {
    for index in -1..4i32 {
        check(CASE, &[Literal::scalar(index)]);
    }
}

const CALL: &str = "graph @f(%x: f64[3], %y: f64[3]) {
  %a, %b = call(%x, %y) {name = \"g\"} (
    graph @g(%x: f64[3], %y: f64[3]) {
      %s = mish(%x) %z = call(%s, %y) {name = \"h\"} (
        graph @h(%x: f64[3], %y: f64[3]) { %e = exp(%x) %z = mul(%e, %y) return %z }
      )
      return %z, %s
    }
  )
  return %a, %b
}";

#[test]
fn calls_have_derivatives() {
    check(CALL, &[]);
}

const MAP: &str = "graph @f(%x: f64[4,3], %y: f64[4], %w: f64[3], %k: i32[]) {
  %a, %b = map(%x, %y, %w, %k) {mapped = 2, length = 4} (
    graph @body(%x: f64[3], %y: f64[], %w: f64[3], %k: i32[]) {
      %p = mul(%x, %w) %t = tanh(%p) %s = reduce(%t) {kind = sum, axes = [0]}
      %z = mul(%s, %y) %q = sin(%w)
      return %z, %q
    }
  )
  return %a, %b
}";

#[test]
fn maps_have_derivatives() {
    check(MAP, &[Literal::scalar(3i32)]);
    let graph = graph(MAP);
    // Without sums to carry the way back is a map.
    let slices = vjp(&graph, &[0, 1]).unwrap().graph;
    assert_eq!((count(&slices, "map"), count(&slices, "scan")), (2, 0));
    let invariants = vjp(&graph, &[2]).unwrap().graph;
    assert_eq!((count(&invariants, "map"), count(&invariants, "scan")), (1, 1));
}

/// A recurrent cell with a counter in the state, a state that no result needs, and one that the body overwrites.
fn scan(reverse: bool, length: usize) -> String {
    format!(
        "graph @f(%h: f64[3], %u: f64[3], %o: f64[3], %x: f64[{length},3], %w: f64[3], %n: i32[]) {{
  %last, %count, %unused, %old, %ys, %is = scan(%h, %n, %u, %o, %x, %w) {{carried = 4, scanned = 1, length = {length}, reverse = {reverse}}} (
    graph @body(%h: f64[3], %n: i32[], %u: f64[3], %o: f64[3], %x: f64[3], %w: f64[3]) {{
      %a = mul(%h, %w) %b = add(%a, %x) %c = tanh(%b)
      %one = constant() {{value = 1:i32}} %next = add(%n, %one)
      %f = cast(%n) {{dtype = f64}} %fs = broadcast_in_dim(%f) {{shape = [3], axes = []}}
      %d = mul(%c, %o) %y = mul(%d, %fs) %v = exp(%u)
      return %c, %next, %v, %x, %y, %n
    }}
  )
  return %last, %count, %ys, %is, %old
}}"
    )
}

#[test]
fn scans_have_derivatives() {
    for reverse in [false, true] {
        for length in [4, 1, 0] {
            check(&scan(reverse, length), &[Literal::scalar(2i32)]);
        }
    }
}

const NESTED: &str = "graph @f(%s: f64[2], %x: f64[3,2], %w: f64[2]) {
  %last, %sums = scan(%s, %x, %w) {carried = 1, scanned = 1, length = 3, reverse = false} (
    graph @outer(%s: f64[2], %x: f64[2], %w: f64[2]) {
      %zero = constant() {value = 0.0:f64}
      %total = reduce(%x) {kind = sum, axes = [0]}
      %p = gt(%total, %zero)
      %y = if(%p, %s, %x, %w) (
        graph @then(%s: f64[2], %x: f64[2], %w: f64[2]) {
          %i = scan(%s, %x, %w) {carried = 1, scanned = 1, length = 2, reverse = true} (
            graph @inner(%s: f64[2], %x: f64[], %w: f64[2]) {
              %b = broadcast_in_dim(%x) {shape = [2], axes = []} %a = mul(%s, %b) %c = sin(%a) %d = mul(%c, %w)
              return %d
            }
          )
          return %i
        },
        graph @else(%s: f64[2], %x: f64[2], %w: f64[2]) {
          %m = map(%s, %x) {mapped = 2, length = 2} (
            graph @inner(%s: f64[], %x: f64[]) { %a = mul(%s, %x) %e = exp(%a) return %e }
          )
          return %m
        }
      )
      return %y, %total
    }
  )
  return %last, %sums
}";

#[test]
fn nested_control_flow_has_derivatives() {
    check(NESTED, &[]);
}

/// Newton's method for the square root, with a counter, until it changes little.
const WHILE: &str = "graph @f(%a: f64[]) {
  %one = constant() {value = 1.0:f64} %n = constant() {value = 0:i32}
  %root, %last, %count, %k = while(%a, %one, %n, %a) {carried = 3} (
    graph @condition(%x: f64[], %d: f64[], %n: i32[], %a: f64[]) {
      %m = abs(%d) %small = constant() {value = 1e-12:f64} %go = gt(%m, %small) return %go
    },
    graph @body(%x: f64[], %d: f64[], %n: i32[], %a: f64[]) {
      %q = div(%a, %x) %s = add(%x, %q) %half = constant() {value = 0.5:f64} %next = mul(%s, %half)
      %d2 = sub(%next, %x) %i = constant() {value = 1:i32} %m = add(%n, %i)
      return %next, %d2, %m
    }
  )
  return %root, %count
}";

fn newton() -> Graph {
    graph(&WHILE.replace("%root, %last, %count, %k =", "%root, %last, %count ="))
}

#[test]
fn while_loops_carry_tangents() {
    let first = jvp(&newton(), &[0]).unwrap();
    assert_eq!(first.derivatives, [Some(2), None]);
    let inputs = [2.0, 1.0].map(Literal::scalar);
    let optimised = check_graph(&first.graph, &inputs);
    let found = evaluate(&optimised, &inputs).unwrap();
    assert!((found[2].get(0).to_f64() - 0.5 / 2f64.sqrt()).abs() < 1e-15);
    let second = jvp(&first.graph, &[0]).unwrap();
    let inputs = [2.0, 1.0, 1.0].map(Literal::scalar);
    check_graph(&second.graph, &inputs);
    let found = evaluate(&second.graph, &inputs).unwrap();
    let curvature = found[second.derivatives[2].unwrap()].get(0).to_f64();
    assert!((curvature + 0.25 / 2f64.powf(1.5)).abs() < 1e-14, "{curvature}");
}

/// What has an effect has it once, before the way back.
const EFFECTS: &str = "graph @f(%s: f64[], %x: f64[3]) {
  %t = token_new()
  %last, %end = scan(%s, %t, %x) {carried = 2, scanned = 1, length = 3, reverse = false} (
    graph @body(%s: f64[], %t: token, %x: f64[]) {
      %a = mul(%s, %x) %u = print(%t, %a) {format = \"a {}\"}
      %zero = constant() {value = 0.0:f64} %p = gt(%x, %zero)
      %b, %v = if(%p, %a, %u) (
        graph @then(%a: f64[], %u: token) { %b = sin(%a) %v = print(%u, %b) {format = \"b {}\"} return %b, %v },
        graph @else(%a: f64[], %u: token) { return %a, %u }
      )
      return %b, %v
    }
  )
  return %last
}";

fn printed(graph: &Graph, inputs: &[Literal]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut sink = |line: &str| lines.push(line.to_owned());
    Evaluator::new().with_sink(&mut sink).evaluate(graph, inputs).unwrap();
    lines
}

#[test]
fn effects_take_place_once() {
    let (graph, mut random) = (graph(EFFECTS), Random::new(4));
    let inputs = inputs(&graph, &[], &mut random);
    let expected = printed(&graph, &inputs);
    assert!(expected.len() > 3);
    let reverse = vjp(&graph, &[0, 1]).unwrap().graph;
    let inputs: Vec<Literal> = inputs.into_iter().chain([Literal::scalar(1.0)]).collect();
    assert_eq!(printed(&reverse, &inputs), expected);
    assert_eq!(printed(&check_graph(&reverse, &inputs), &inputs), expected);
    let again = vjp(&reverse, &[0, 1, 2]).unwrap().graph;
    let ones = again
        .input_types()
        .into_iter()
        .skip(3)
        .map(|ty| Literal::full(ty.tensor().shape.clone(), Scalar::one(ty.tensor().dtype)));
    let inputs: Vec<Literal> = inputs.into_iter().chain(ones).collect();
    assert_eq!(printed(&again, &inputs), expected);
}

/// A loop over three layers: what the gradient saves and what the optimiser makes of it.
const LAYERS: &str = "graph @f(%x: f64[4,8], %w: f64[3,8,8], %b: f64[3,8]) {
  %y = scan(%x, %w, %b) {carried = 1, scanned = 2, length = 3, reverse = false} (
    graph @layer(%x: f64[4,8], %w: f64[8,8], %b: f64[8]) {
      %p = matmul(%x, %w) %bs = broadcast_in_dim(%b) {shape = [4,8], axes = [1]} %s = add(%p, %bs) %y = tanh(%s)
      return %y
    }
  )
  return %y
}";

fn nodes(graph: &Graph) -> usize {
    let inner = |node: &tensorwright_ir::Node| node.regions.iter().map(nodes).sum::<usize>();
    graph.nodes().iter().map(|node| 1 + inner(node)).sum()
}

fn node<'g>(graph: &'g Graph, name: &str) -> &'g tensorwright_ir::Node {
    graph.nodes().iter().find(|node| node.op.name() == name).expect("there is one")
}

#[test]
fn a_loop_over_layers_saves_what_its_gradient_needs() {
    check(LAYERS, &[]);
    let graph = graph(LAYERS);
    let mut random = Random::new(2);
    let mut inputs = inputs(&graph, &[], &mut random);
    inputs.push(direction(&mut random, &TensorType::new(DType::F64, [4, 8])));
    let gradient = vjp(&graph, &[0, 1, 2]).unwrap().graph;
    let optimised = check_graph(&gradient, &inputs);
    // The input of the layer and its result.
    assert_eq!(node(&optimised, "scan").results.len(), 3, "{optimised}");
    assert_eq!(count(&optimised, "dot_general"), 3, "{optimised}");
    assert!(nodes(&optimised) <= nodes(&gradient), "{} of {}", nodes(&optimised), nodes(&gradient));
    // The cotangent of the bias alone needs neither the weights' gradient nor what enters a layer.
    let bias = check_graph(&vjp(&graph, &[2]).unwrap().graph, &inputs);
    assert_eq!(node(&bias, "scan").results.len(), 2, "{bias}");
}

#[test]
fn what_nobody_needs_is_not_saved() {
    let graph = graph(LAYERS);
    let mut b = tensorwright_ir::Builder::new("value");
    let derived = vjp(&graph, &[0, 1]).unwrap().graph;
    let inputs: Vec<_> = derived.input_types().into_iter().map(|ty| b.input(ty)).collect();
    let outputs = b.inline(&derived, &inputs).unwrap();
    let value = b.finish(&outputs[..1]);
    let optimised = run_pipeline(value, &PassOptions::default()).unwrap();
    assert_eq!(node(&optimised, "scan").results.len(), 1, "{optimised}");
    assert_eq!(count(&optimised, "scan"), 1);
}

/// The optimised value of each derivative of the first output.
fn gradient(graph: &Graph, wrt: &[usize], inputs: &[f64]) -> Vec<f64> {
    let derived = vjp(graph, wrt).unwrap();
    let inputs: Vec<Literal> = inputs.iter().chain([&1.0]).map(|&x| Literal::scalar(x)).collect();
    let optimised = check_graph(&derived.graph, &inputs);
    let found = evaluate(&optimised, &inputs).unwrap();
    derived.derivatives.iter().map(|output| found[output.unwrap()].get(0).to_f64()).collect()
}

#[test]
fn newtons_square_root_is_gone_back_through() {
    for a in [2.0, 0.01, 1.0, 1e6] {
        let found = gradient(&newton(), &[0], &[a]);
        let expected = 0.5 / f64::sqrt(a);
        assert!((found[0] - expected).abs() < 1e-12 * expected, "{found:?} at {a}, not {expected}");
    }
}

/// Euler's method for `y' = -k y` up to a time, with as many steps as that takes.
const ODE: &str = "graph @f(%y: f64[], %k: f64[], %end: f64[]) {
  %zero = constant() {value = 0.0:f64}
  %last, %time = while(%y, %zero, %k, %end) {carried = 2} (
    graph @condition(%y: f64[], %t: f64[], %k: f64[], %end: f64[]) { %go = lt(%t, %end) return %go },
    graph @body(%y: f64[], %t: f64[], %k: f64[], %end: f64[]) {
      %h = constant() {value = 0.125:f64}
      %slope = mul(%k, %y) %change = mul(%slope, %h) %next = sub(%y, %change) %u = add(%t, %h)
      return %next, %u
    }
  )
  return %last
}";

#[test]
fn an_ode_solver_is_gone_back_through_its_steps() {
    let (y, k) = (3.0f64, 0.7f64);
    for (end, steps) in [(0.0, 0), (0.1, 1), (1.0, 8), (4.05, 33)] {
        let factor = 1.0 - 0.125 * k;
        let expected = [factor.powi(steps), y * f64::from(steps) * factor.powi((steps - 1).max(0)) * -0.125];
        let found = gradient(&graph(ODE), &[0, 1], &[y, k, end]);
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() <= 1e-13 * expected.abs(),
                "{found} after {steps}, not {expected}"
            );
        }
    }
}

/// Nothing but a product: of its state a row is saved for each run.
const SIMPLE: &str = "graph @f(%n: i32[], %x: f64[], %w: f64[]) {
  %zero = constant() {value = 0:i32}
  %y, %m = while(%x, %zero, %n, %w) {carried = 2} (
    graph @condition(%x: f64[], %i: i32[], %n: i32[], %w: f64[]) { %go = lt(%i, %n) return %go },
    graph @body(%x: f64[], %i: i32[], %n: i32[], %w: f64[]) {
      %one = constant() {value = 1:i32} %j = add(%i, %one) %a = mul(%x, %w) return %a, %j
    }
  )
  return %y
}";

#[test]
fn while_loops_have_derivatives_to_second_order() {
    for runs in [0, 1, 3i32] {
        check(SIMPLE, &[Literal::scalar(runs)]);
    }
}

/// Rows of a list are gone back through by lists of their cotangents.
const LISTS: &str = "graph @f(%x: f64[3,2], %w: f64[2]) {
  %new = list_new() {dtype = f64, shape = [2]}
  %full = scan(%new, %x, %w) {carried = 1, scanned = 1, length = 3, reverse = false} (
    graph @body(%l: list<f64[2]>, %x: f64[2], %w: f64[2]) { %p = mul(%x, %w) %s = sin(%p) %m = list_push(%l, %s) return %m }
  )
  %less, %last = list_pop(%full)
  %stack = list_stack(%less) {length = 2}
  return %stack, %last
}";

#[test]
fn lists_have_derivatives() {
    check(LISTS, &[]);
}

/// Rows read by index, in a loop, out of a list that the loop does not change, and one that it does.
const READS: &str = "graph @f(%x: f64[4], %k: i32[4]) {
  %new = list_new() {dtype = f64, shape = []}
  %full = scan(%new, %x) {carried = 1, scanned = 1, length = 4, reverse = false} (
    graph @body(%l: list<f64[]>, %x: f64[]) { %s = sin(%x) %m = list_push(%l, %s) return %m }
  )
  %zero = constant() {value = 0.5:f64}
  %sum, %last, %ys = scan(%zero, %full, %k, %full) {carried = 2, scanned = 1, length = 4, reverse = false} (
    graph @body(%s: f64[], %l: list<f64[]>, %k: i32[], %f: list<f64[]>) {
      %a = list_get(%f, %k) %b = list_get(%l, %k) %c = mul(%a, %s) %d = add(%c, %b) %m = list_push(%l, %d)
      return %d, %m, %b
    }
  )
  %rest, %top = list_pop(%last)
  %n = list_len(%rest)
  return %sum, %ys, %top, %n
}";

#[test]
fn rows_by_index_have_derivatives() {
    check(READS, &[Literal::new([4], &[1i32, 7, -3, 2]).unwrap()]);
}

/// Rows are set in a list that grows, at indices within, beyond and before it, and what is read of it counts; an empty list stays empty.
const SETS: &str = "graph @f(%x: f64[4], %k: i32[4]) {
  %none = list_new() {dtype = f64, shape = []}
  %zero = constant() {value = 0.5:f64}
  %first = constant() {value = 0:i32}
  %still = list_set(%none, %first, %zero)
  %sum, %last = scan(%zero, %still, %x, %k) {carried = 2, scanned = 2, length = 4, reverse = false} (
    graph @body(%s: f64[], %l: list<f64[]>, %x: f64[], %k: i32[]) {
      %y = sin(%x) %m = list_push(%l, %y) %p = mul(%x, %s) %n = list_set(%m, %k, %p) %a = list_get(%n, %k) %b = add(%s, %a)
      return %b, %n
    }
  )
  %rest, %top = list_pop(%last)
  %set = list_set(%rest, %first, %sum)
  %low = list_get(%set, %first)
  %all = list_stack(%rest) {length = 3}
  return %sum, %all, %top, %low
}";

#[test]
fn rows_that_are_set_have_derivatives() {
    for k in [[0i32, 1, 2, 3], [1, 7, -3, 2], [0, 0, 0, 0]] {
        check(SETS, &[Literal::new([4], &k).unwrap()]);
    }
}

/// A `while` that runs as often as a number says, in a loop.
const INNER: &str = "%z = constant() {value = 0:i32}
      %y, %j = while(%s, %z, %n, %w) {carried = 2} (
        graph @condition(%s: f64[], %i: i32[], %n: i32[], %w: f64[]) { %go = lt(%i, %n) return %go },
        graph @body(%s: f64[], %i: i32[], %n: i32[], %w: f64[]) {
          %one = constant() {value = 1:i32} %j = add(%i, %one) %a = mul(%s, %w) %b = sin(%a) return %b, %j
        }
      )";

#[test]
fn while_in_scan_has_derivatives() {
    let code = format!(
        "graph @f(%s: f64[], %x: f64[3], %n: i32[3], %w: f64[]) {{
  %last, %ys = scan(%s, %x, %n, %w) {{carried = 1, scanned = 2, length = 3, reverse = false}} (
    graph @body(%s: f64[], %x: f64[], %n: i32[], %w: f64[]) {{
      {INNER}
      %p = mul(%y, %x)
      return %p, %y
    }}
  )
  return %last, %ys
}}"
    );
    check(&code, &[Literal::new([3], &[2i32, 0, 3]).unwrap()]);
    check(&code.replace("reverse = false", "reverse = true"), &[Literal::new([3], &[1i32, 2, 1]).unwrap()]);
}

#[test]
fn while_in_map_has_derivatives() {
    let code = format!(
        "graph @f(%s: f64[3], %n: i32[3], %w: f64[]) {{
  %ys = map(%s, %n, %w) {{mapped = 2, length = 3}} (
    graph @body(%s: f64[], %n: i32[], %w: f64[]) {{
      {INNER}
      return %y
    }}
  )
  return %ys
}}"
    );
    check(&code, &[Literal::new([3], &[2i32, 0, 3]).unwrap()]);
}

#[test]
fn while_in_while_has_derivatives() {
    let code = format!(
        "graph @f(%s: f64[], %w: f64[], %m: i32[]) {{
  %zero = constant() {{value = 0:i32}}
  %last, %count = while(%s, %zero, %m, %w) {{carried = 2}} (
    graph @condition(%s: f64[], %n: i32[], %m: i32[], %w: f64[]) {{ %go = lt(%n, %m) return %go }},
    graph @body(%s: f64[], %n: i32[], %m: i32[], %w: f64[]) {{
      {INNER}
      %one = constant() {{value = 1:i32}} %k = add(%n, %one) %t = tanh(%y)
      return %t, %k
    }}
  )
  return %last, %count
}}"
    );
    for runs in [0, 1, 3i32] {
        check(&code, &[Literal::scalar(runs)]);
    }
}

#[test]
fn while_in_a_branch_in_while_has_derivatives() {
    let code = format!(
        "graph @f(%s: f64[], %w: f64[], %m: i32[]) {{
  %zero = constant() {{value = 0:i32}}
  %last, %count = while(%s, %zero, %m, %w) {{carried = 2}} (
    graph @condition(%s: f64[], %n: i32[], %m: i32[], %w: f64[]) {{ %go = lt(%n, %m) return %go }},
    graph @body(%s: f64[], %n: i32[], %m: i32[], %w: f64[]) {{
      %two = constant() {{value = 2:i32}} %odd = rem(%n, %two) %none = constant() {{value = 0:i32}} %p = eq(%odd, %none)
      %b = if(%p, %s, %n, %w) (
        graph @then(%s: f64[], %n: i32[], %w: f64[]) {{ %c = cos(%s) %d = mul(%c, %w) return %d }},
        graph @else(%s: f64[], %n: i32[], %w: f64[]) {{
          {INNER}
          return %y
        }}
      )
      %one = constant() {{value = 1:i32}} %k = add(%n, %one)
      return %b, %k
    }}
  )
  return %last, %count
}}"
    );
    check(&code, &[Literal::scalar(4i32)]);
}

#[test]
fn newtons_square_root_is_gone_back_through_twice() {
    let first = vjp(&newton(), &[0]).unwrap();
    let slope = first.derivatives[0].unwrap();
    let again = vjp(&first.graph, &[0]).unwrap();
    let curvature = again.derivatives[0].unwrap();
    for a in [2.0f64, 0.25, 9.0] {
        let types = again.graph.output_types();
        let mut inputs: Vec<Literal> = [a, 1.0].map(Literal::scalar).to_vec();
        let floats =
            first.graph.output_types().into_iter().enumerate().filter(|(_, ty)| ty.is_differentiable());
        inputs.extend(floats.map(|(i, _)| Literal::scalar(if i == slope { 1.0 } else { 0.0 })));
        assert_eq!(types.len(), again.graph.outputs().len());
        let optimised = check_graph(&again.graph, &inputs);
        let found = evaluate(&optimised, &inputs).unwrap()[curvature].get(0).to_f64();
        let expected = -0.25 * a.powf(-1.5);
        assert!((found - expected).abs() < 1e-11 * expected.abs(), "{found} at {a}, not {expected}");
    }
}
