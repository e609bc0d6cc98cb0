//! What loops keep for the way back, and what that costs: nothing for what is linear, flat memory where lengths are known, pages where they
//! are not, and windows where windows are read.

use tensorwright_compiler::differentiate::vjp;
use tensorwright_compiler::passes::{PassOptions, run_pipeline};
use tensorwright_compiler::program::Untiled;
use tensorwright_compiler::{CompileOptions, compile};
use tensorwright_ir::eval::evaluate;
use tensorwright_ir::{Graph, Literal, Type};

use super::control::{check, check_graph, count, graph};

/// A loop of this condition, in which a float, a counter and a bool change.
fn repeated(condition: &str, body: &str) -> String {
    format!(
        "graph @f(%x: f64[], %w: f64[], %n: i32[]) {{
  %zero = constant() {{value = 0:i32}} %yes = constant() {{value = true:bool}}
  %y, %j, %q = while(%x, %zero, %yes, %w, %n) {{carried = 3}} (
    graph @condition(%x: f64[], %i: i32[], %p: bool[], %w: f64[], %n: i32[]) {{
      %six = constant() {{value = 6:i32}} {condition} return %go
    }},
    graph @body(%x: f64[], %i: i32[], %p: bool[], %w: f64[], %n: i32[]) {{
      %one = constant() {{value = 1:i32}} %j = add(%i, %one) %q = lt(%j, %n) {body} return %y, %j, %q
    }}
  )
  return %y
}}"
    )
}

const KNOWN: &str = "%go = lt(%i, %six)";
const BOUNDED: &str = "%a = lt(%i, %six) %go = and(%a, %p)";
const UNKNOWN: &str = "%go = lt(%i, %n)";
/// What the way back needs is the state and the counter.
const CURVED: &str = "%k = cast(%i) {dtype = f64} %a = mul(%x, %x) %b = mul(%a, %w) %y = mul(%b, %k)";
const LINEAR: &str =
    "%k = cast(%i) {dtype = f64} %a = mul(%x, %k) %half = constant() {value = 0.5:f64} %y = mul(%a, %half)";

fn optimised(code: &str, wrt: &[usize]) -> Graph {
    let gradient = vjp(&graph(code), wrt).unwrap().graph;
    run_pipeline(gradient, &PassOptions::default()).unwrap()
}

/// Shapes of results of loops, in regions too.
fn kept(graph: &Graph, name: &str) -> Vec<String> {
    let loops = graph.nodes().iter().filter(|node| node.op.name() == name);
    loops.flat_map(|node| &node.results).map(|&v| graph.ty(v).to_string()).collect()
}

#[test]
fn loops_have_derivatives_however_much_is_known_of_their_length() {
    for condition in [KNOWN, BOUNDED, UNKNOWN] {
        for body in [CURVED, LINEAR] {
            for runs in [0, 1, 4i32] {
                check(&repeated(condition, body), &[Literal::scalar(runs)]);
            }
        }
    }
}

#[test]
fn a_loop_of_known_length_stacks_its_state_alone() {
    let gradient = optimised(&repeated(KNOWN, CURVED), &[0, 1]);
    assert_eq!((count(&gradient, "while"), count(&gradient, "list_new")), (0, 0), "{gradient}");
    // The state and the counter, the stack of the state; its cotangent, that of the factor, the counter again.
    assert_eq!(
        kept(&gradient, "scan"),
        ["f64[]", "i32[]", "f64[6]", "f64[]", "f64[]", "i32[]"],
        "{gradient}"
    );
}

#[test]
fn a_loop_of_few_runs_at_most_keeps_one_page() {
    let gradient = optimised(&repeated(BOUNDED, CURVED), &[0, 1]);
    assert_eq!((count(&gradient, "while"), count(&gradient, "list_new")), (2, 0), "{gradient}");
    assert!(kept(&gradient, "while").contains(&"f64[6]".to_owned()), "{gradient}");
}

#[test]
fn a_loop_of_any_length_keeps_pages_on_a_list() {
    let gradient = optimised(&repeated(UNKNOWN, CURVED), &[0, 1]);
    assert_eq!((count(&gradient, "while"), count(&gradient, "list_new")), (4, 1), "{gradient}");
    assert!(kept(&gradient, "while").contains(&"list<f64[256]>".to_owned()), "{gradient}");
}

#[test]
fn what_is_linear_saves_nothing() {
    for condition in [KNOWN, BOUNDED, UNKNOWN] {
        let gradient = optimised(&repeated(condition, LINEAR), &[0]);
        assert_eq!(count(&gradient, "list_new") + count(&gradient, "dynamic_update_slice"), 0, "{gradient}");
        let flat = |ty: &String| ty.ends_with("[]");
        assert!(kept(&gradient, "scan").iter().chain(&kept(&gradient, "while")).all(flat), "{gradient}");
    }
}

/// Loops that run step by step in the program of a graph.
fn stepped(graph: &Graph) -> usize {
    let program = compile(graph, &CompileOptions::default(), &Untiled).unwrap().to_string();
    let is_loop =
        |line: &&str| ["while ", "scan ", "if"].iter().any(|name| line.trim_start().starts_with(name));
    program.lines().filter(is_loop).count()
}

#[test]
fn the_gradient_of_a_native_loop_is_native() {
    for (condition, body) in [(KNOWN, CURVED), (KNOWN, LINEAR), (BOUNDED, LINEAR), (UNKNOWN, LINEAR)] {
        assert_eq!(stepped(&optimised(&repeated(condition, body), &[0])), 0, "{condition} {body}");
    }
    for code in [&repeated(BOUNDED, CURVED), TABLE, CHOSEN] {
        assert_eq!(stepped(&optimised(code, &[0, 1])), 0, "{code}");
    }
    // One step of each of two loops is a page.
    assert_eq!(stepped(&optimised(&repeated(UNKNOWN, CURVED), &[0, 1])), 2);
}

/// However runs are kept, the gradient has the same bits.
#[test]
fn pages_and_stacks_hold_the_same_rows() {
    let body = "%a = mul(%x, %x) %b = mul(%a, %w) %c = constant() {value = 0.4:f64} %y = sub(%c, %b)";
    for runs in [0, 1, 2, 255, 256, 257, 600] {
        let known =
            repeated(&KNOWN.replace("%six", "%n"), body).replace(", %n: i32[]) {\n  %zero", ") {\n  %zero");
        let known = known.replacen("%zero =", &format!("%n = constant() {{value = {runs}:i32}} %zero ="), 1);
        let inputs = |others: &[i32]| -> Vec<Literal> {
            let others = others.iter().map(|&n| Literal::scalar(n));
            [0.3, 1.1].map(Literal::scalar).into_iter().chain(others).chain([Literal::scalar(1.0)]).collect()
        };
        let of = |code: &str, inputs: &[Literal]| {
            let gradient = vjp(&graph(code), &[0, 1]).unwrap().graph;
            check_graph(&gradient, inputs);
            (count(&gradient, "scan"), evaluate(&gradient, inputs).unwrap())
        };
        let (scans, expected) = of(&known, &inputs(&[]));
        let (none, found) = of(&repeated(UNKNOWN, body), &inputs(&[runs]));
        assert_eq!((scans, none), (2, 0));
        assert_eq!(found, expected, "{runs} runs");
    }
}

/// A row of numbers, each made of the one before it and one of a table, as dynamic programming has it.
const TABLE: &str = "graph @f(%row: f64[40], %table: f64[50], %w: f64[]) {
  %zero = constant() {value = 0:i32}
  %last, %j = scan(%row, %zero, %table, %w) {carried = 2, scanned = 0, length = 39, reverse = false} (
    graph @body(%row: f64[40], %i: i32[], %table: f64[50], %w: f64[]) {
      %one = constant() {value = 1:i32} %j = add(%i, %one)
      %at = reshape(%i) {shape = [1]} %next = reshape(%j) {shape = [1]}
      %old = dynamic_slice(%row, %at) {sizes = [1]}
      %read = gather(%table, %next) {offset_axes = [], collapsed = [0], batch = [], index_batch = [], indexed = [0], sizes = [1]}
      %value = reshape(%old) {shape = []} %s = sin(%value) %p = mul(%s, %read) %q = mul(%p, %w)
      %new = reshape(%q) {shape = [1]} %updated = dynamic_update_slice(%row, %new, %next)
      return %updated, %j
    }
  )
  return %last
}";

/// Types of the results of element-wise additions and of constants in the bodies of loops.
fn spread(graph: &Graph, in_loop: bool) -> Vec<Type> {
    let is_dense = |name: &str| matches!(name, "add" | "broadcast_in_dim" | "pad");
    let mut types = Vec::new();
    for node in graph.nodes() {
        if in_loop && is_dense(node.op.name()) {
            types.push(graph.ty(node.results[0]).clone());
        }
        node.regions.iter().for_each(|region| types.extend(spread(region, true)));
    }
    types
}

#[test]
fn windows_of_long_tensors_are_gone_back_through_as_windows() {
    check(TABLE, &[]);
    let gradient = optimised(TABLE, &[0, 1, 2]);
    assert!(spread(&gradient, false).iter().all(|ty| ty.tensor().elements() == 1), "{gradient}");
}

/// The same in a loop in a loop, in a `while`, and twice in one run.
#[test]
fn sums_of_windows_go_through_loops_inside() {
    let nested = TABLE
        .replace("%last, %j = scan(%row, %zero, %table, %w) {carried = 2, scanned = 0, length = 39, reverse = false} (", "
  %last = scan(%row, %table, %w) {carried = 1, scanned = 0, length = 2, reverse = false} (
    graph @outer(%row: f64[40], %table: f64[50], %w: f64[]) {
  %zero = constant() {value = 0:i32}
  %last, %j = scan(%row, %zero, %table, %w) {carried = 2, scanned = 0, length = 3, reverse = false} (")
        .replace("  return %last\n}", "  return %last\n}\n)\n return %last\n}")
        .replacen("  %zero = constant() {value = 0:i32}\n", "", 1);
    check(&nested, &[]);
    let twice = TABLE.replace("%s = sin(%value)", "
      %again = gather(%table, %at) {offset_axes = [], collapsed = [0], batch = [], index_batch = [], indexed = [0], sizes = [1]}
      %t = add(%value, %again) %s = sin(%t)");
    check(&twice, &[]);
    for code in [nested, twice] {
        let gradient = optimised(&code, &[0, 1, 2]);
        assert!(spread(&gradient, false).iter().all(|ty| ty.tensor().elements() == 1), "{gradient}");
    }
}

/// A branch in a loop reads a window of one tensor and writes one of another; the other branch reads nothing.
const CHOSEN: &str = "graph @f(%row: f64[40], %table: f64[50], %w: f64[]) {
  %zero = constant() {value = 0:i32}
  %last, %j = scan(%row, %zero, %table, %w) {carried = 2, scanned = 0, length = 5, reverse = false} (
    graph @body(%row: f64[40], %i: i32[], %table: f64[50], %w: f64[]) {
      %one = constant() {value = 1:i32} %j = add(%i, %one) %two = constant() {value = 2:i32}
      %k = rem(%i, %two) %odd = eq(%k, %one)
      %next = if(%odd, %row, %table, %w, %i) (
        graph @then(%row: f64[40], %table: f64[50], %w: f64[], %i: i32[]) {
          %at = reshape(%i) {shape = [1]}
          %old = dynamic_slice(%row, %at) {sizes = [1]} %read = dynamic_slice(%table, %at) {sizes = [1]}
          %again = dynamic_slice(%table, %at) {sizes = [1]}
          %s = sin(%old) %p = mul(%s, %read) %q = mul(%p, %again)
          %updated = dynamic_update_slice(%row, %q, %at)
          return %updated
        },
        graph @else(%row: f64[40], %table: f64[50], %w: f64[], %i: i32[]) {
          %at = reshape(%i) {shape = [1]} %wide = reshape(%w) {shape = [1]}
          %updated = dynamic_update_slice(%row, %wide, %at)
          return %updated
        }
      )
      return %next, %j
    }
  )
  return %last
}";

#[test]
fn branches_hand_sums_of_windows_on() {
    check(CHOSEN, &[]);
    let gradient = optimised(CHOSEN, &[0, 1, 2]);
    // The windows are kept, not what they were read from.
    assert!(!kept(&gradient, "scan").contains(&"f64[5,40]".to_owned()), "{gradient}");
    assert!(spread(&gradient, false).iter().all(|ty| ty.tensor().elements() == 1), "{gradient}");
    // Outside of loops the sum begins with zeros.
    let alone = "graph @f(%p: bool[], %x: f64[9], %i: i32[1]) {
  %y = if(%p, %x, %i) (
    graph @then(%x: f64[9], %i: i32[1]) { %a = dynamic_slice(%x, %i) {sizes = [1]} %b = exp(%a) return %b },
    graph @else(%x: f64[9], %i: i32[1]) { %a = dynamic_slice(%x, %i) {sizes = [1]} %b = mul(%a, %a) return %b }
  )
  return %y
}";
    for holds in [true, false] {
        check(alone, &[Literal::scalar(holds), Literal::new([1], &[3i32]).unwrap()]);
    }
}
