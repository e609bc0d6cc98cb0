//! Loops that become kernels: which do, and that they give what the evaluator gives.

use tensorwright_compiler::CompileOptions;
use tensorwright_compiler::program::Step;
use tensorwright_ir::{Graph, Literal, Scalar, TensorType};
use tensorwright_runtime::Executable;

fn graph(text: &str) -> Graph {
    text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn run(executable: &Executable, inputs: &[Literal]) -> Vec<Literal> {
    executable.run_literals(inputs, 2).expect("it runs")
}

/// Numbers between 0 and 1, or small integers.
fn inputs(graph: &Graph) -> Vec<Literal> {
    let number = |ty: &TensorType, i: usize| {
        let unit = ((i * 7919 + 13) % 1009) as f64 / 1009.0;
        Scalar::from_f64(ty.dtype, if ty.dtype.is_float() { unit } else { (unit * 7.0).floor() })
    };
    let types = graph.input_types();
    types.iter().map(|ty| ty.tensor()).map(|ty| Literal::from_fn(ty.clone(), |i| number(ty, i))).collect()
}

fn control_steps(executable: &Executable) -> usize {
    executable.program().steps.iter().filter(|step| matches!(step, Step::Control(_))).count()
}

/// The graph's loops become kernels, and its results are those of the evaluator.
pub(crate) fn check(text: &str) {
    let graph = graph(text);
    let executable = Executable::compile(&graph, &CompileOptions::default()).expect("it compiles");
    assert_eq!(control_steps(&executable), 0, "{}", executable.program());
    let inputs = inputs(&graph);
    let expected = tensorwright_ir::eval::evaluate(&graph, &inputs).expect("it evaluates");
    for (found, expected) in run(&executable, &inputs).iter().zip(&expected) {
        assert_eq!(found.ty(), expected.ty());
        for (k, (found, expected)) in found.iter().zip(expected.iter()).enumerate() {
            let (x, y) = (found.to_f64(), expected.to_f64());
            let same = found == expected || (x.is_nan() && y.is_nan());
            let near = found.dtype().is_float() && (x - y).abs() <= 1e-5 * y.abs().max(1.0);
            assert!(same || near, "element {k}: {found:?}, expected {expected:?}\n{}", executable.program());
        }
    }
}

/// The graph's loop stays a loop over steps.
pub(crate) fn check_stays(text: &str) {
    let executable = Executable::compile(&graph(text), &CompileOptions::default()).expect("it compiles");
    assert_eq!(control_steps(&executable), 1, "{}", executable.program());
}

/// A loop that counts to `count`, with state of type `ty` from which `body` makes `%n`.
pub(crate) fn counted(ty: &str, count: u32, body: &str) -> String {
    format!(
        "graph @f(%x: {ty}) {{
           %zero = constant() {{value = 0:i32}}
           %i, %y = while(%zero, %x) {{carried = 2}} (
             graph @condition(%i: i32[], %x: {ty}) {{
               %limit = constant() {{value = {count}:i32}}
               %more = lt(%i, %limit)
               return %more
             }},
             graph @body(%i: i32[], %x: {ty}) {{
               %one = constant() {{value = 1:i32}}
               %next = add(%i, %one)
               {body}
               return %next, %n
             }}
           )
           return %i, %y
         }}"
    )
}

const LOGISTIC: &str = "%r = constant() {value = 3.7:f32}
  %k = constant() {value = 1.0:f32}
  %a = mul(%r, %x)
  %b = sub(%k, %x)
  %n = mul(%a, %b)";

#[test]
fn scalars_stay_in_registers() {
    for count in [0, 1, 1000] {
        check(&counted("f32[]", count, LOGISTIC));
    }
}

#[test]
fn element_wise_bodies_of_any_size_run_point_by_point() {
    for n in [1, 2, 3, 7, 16, 33, 1000, 1024, 1025, 5000] {
        let ty = format!("f32[{n}]");
        let body = format!(
            "%half = constant() {{value = 0.5:f32}}
             %h = broadcast_in_dim(%half) {{shape = [{n}], axes = []}}
             %f = cast(%i) {{dtype = f32}}
             %g = broadcast_in_dim(%f) {{shape = [{n}], axes = []}}
             %t = mul(%x, %h)
             %inside = lt(%t, %h)
             %u = add(%t, %g)
             %n = select(%inside, %u, %x)"
        );
        check(&counted(&ty, 5, &body));
    }
}

#[test]
fn half_precision_rounds_after_each_op() {
    check(&counted("f16[40]", 6, "%y = mul(%x, %x) %n = sub(%y, %x)"));
    check(&counted("bf16[]", 6, "%y = mul(%x, %x) %n = sub(%y, %x)"));
}

#[test]
fn the_number_of_iterations_may_depend_on_data() {
    // Newton's square root of each scalar, to convergence.
    check(
        "graph @f(%a: f64[]) {
           %x = while(%a, %a) {carried = 1} (
             graph(%x: f64[], %a: f64[]) {
               %s = mul(%x, %x) %d = sub(%s, %a) %e = abs(%d)
               %tiny = constant() {value = 0.000001:f64}
               %far = gt(%e, %tiny)
               return %far
             },
             graph(%x: f64[], %a: f64[]) {
               %q = div(%a, %x) %s = add(%x, %q)
               %half = constant() {value = 0.5:f64}
               %n = mul(%s, %half)
               return %n
             }
           )
           return %x
         }",
    );
}

#[test]
fn choices_and_loops_nest() {
    // The inner loop runs only where the branch is taken; there alone it ends.
    let body = "%two = constant() {value = 2:i32}
      %rest = rem(%i, %two)
      %zero = constant() {value = 0:i32}
      %even = eq(%rest, %zero)
      %n = if(%even, %x, %i) (
        graph(%x: i32[], %i: i32[]) {
          %k = constant() {value = 0:i32}
          %j, %y = while(%k, %x, %i) {carried = 2} (
            graph(%j: i32[], %x: i32[], %i: i32[]) { %c = ne(%j, %i) return %c },
            graph(%j: i32[], %x: i32[], %i: i32[]) {
              %two = constant() {value = 2:i32}
              %m = add(%j, %two) %y = add(%x, %j) return %m, %y
            }
          )
          return %y
        },
        graph(%x: i32[], %i: i32[]) {
          %y = case(%i, %x) (
            graph(%x: i32[]) { %y = neg(%x) return %y },
            graph(%x: i32[]) { %y = add(%x, %x) return %y },
            graph(%x: i32[]) { return %x }
          )
          return %y
        }
      )";
    check(&counted("i32[]", 9, body));
}

#[test]
fn small_tensors_are_registers() {
    let body = "%t = transpose(%x) {permutation = [1, 0]}
      %p = dot_general(%x, %t) {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0], dtype = f32}
      %s = reduce(%p) {kind = sum, axes = [1]}
      %b = broadcast_in_dim(%s) {shape = [2, 2], axes = [0]}
      %q = div(%p, %b)
      %first = slice(%q) {starts = [0, 0], limits = [1, 2], strides = [1, 1]}
      %second = slice(%x) {starts = [1, 0], limits = [2, 2], strides = [1, 1]}
      %n = concat(%second, %first) {axis = 0}";
    check(&counted("f32[2,2]", 5, body));
    let body = "%v = reverse(%x) {axes = [0]}
      %m = reduce(%v) {kind = max, axes = [0]}
      %b = broadcast_in_dim(%m) {shape = [3], axes = []}
      %i3 = iota() {dtype = f32, shape = [3], axis = 0}
      %c = constant() {value = f32[3] [0.25, 0.5, 0.75]}
      %d = mul(%i3, %c)
      %e = sub(%b, %x)
      %n = add(%e, %d)";
    check(&counted("f32[3]", 4, body));
}

#[test]
fn scans_without_slices_count() {
    check(
        "graph @f(%x: f32[300], %k: f32[]) {
           %y = scan(%x, %k) {carried = 1, scanned = 0, length = 7, reverse = false} (
             graph(%x: f32[300], %k: f32[]) {
               %b = broadcast_in_dim(%k) {shape = [300], axes = []}
               %n = mul(%x, %b)
               return %n
             }
           )
           return %y
         }",
    );
}

/// A scan of `ty` over slices of another type `slice`, from which `body` makes the state `%n` and the result `%y`.
fn scanned(ty: &str, xs: &str, slice: &str, reverse: bool, length: usize, body: &str) -> String {
    format!(
        "graph @f(%s: {ty}, %x: {xs}, %k: {ty}) {{
           %last, %all = scan(%s, %x, %k) {{carried = 1, scanned = 1, length = {length}, reverse = {reverse}}} (
             graph(%s: {ty}, %x: {slice}, %k: {ty}) {{ {body} return %n, %y }}
           )
           return %last, %all
         }}"
    )
}

#[test]
fn scans_over_slices_keep_their_state_in_scratch() {
    let body = "%a = mul(%s, %k) %n = add(%a, %x) %y = sub(%n, %s)";
    for reverse in [false, true] {
        check(&scanned("f32[]", "f32[50]", "f32[]", reverse, 50, body));
        for n in [2, 5, 17, 100, 1024, 3000] {
            let ty = format!("f32[{n}]");
            check(&scanned(&ty, &format!("f32[6,{n}]"), &ty, reverse, 6, body));
        }
        let broadcast = format!(
            "%b = broadcast_in_dim(%x) {{shape = [2000], axes = []}} {} ",
            body.replace("add(%a, %x)", "add(%a, %b)").replace("%y = sub(%n, %s)", "%y = neg(%x)")
        );
        check(&scanned("f32[2000]", "f32[6]", "f32[]", reverse, 6, &broadcast));
    }
    // A rotation: small matrices.
    check(&scanned(
        "f32[2,2]",
        "f32[9,2,2]",
        "f32[2,2]",
        false,
        9,
        "%d = dot_general(%x, %s) {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0], dtype = f32}
         %n = mul(%d, %k) %t = transpose(%n) {permutation = [1, 0]} %y = add(%t, %x)",
    ));
}

#[test]
fn large_invariants_are_read_at_computed_places() {
    // Element by element, and rows into a wide sum; places beyond the end are clamped.
    let reads = |x: &str, table: &str, count: u32, body: &str| {
        format!(
            "graph @f(%t: {table}, %x: {x}) {{
               %zero = constant() {{value = -2:i32}}
               %i, %y = while(%zero, %x, %t) {{carried = 2}} (
                 graph(%i: i32[], %x: {x}, %t: {table}) {{
                   %limit = constant() {{value = {count}:i32}} %more = lt(%i, %limit) return %more
                 }},
                 graph(%i: i32[], %x: {x}, %t: {table}) {{
                   %one = constant() {{value = 1:i32}}
                   %next = add(%i, %one)
                   %k = reshape(%i) {{shape = [1]}}
                   {body}
                   %n = add(%x, %e)
                   return %next, %n
                 }}
               )
               return %y, %i
             }}"
        )
    };
    let element =
        "offset_axes = [], collapsed = [0], batch = [], index_batch = [], indexed = [0], sizes = [1]";
    check(&reads("f32[]", "f32[100]", 110, &format!("%e = gather(%t, %k) {{{element}}}")));
    check(&reads("f32[]", "f32[5]", 7, &format!("%e = gather(%t, %k) {{{element}}}")));
    let row =
        "offset_axes = [0], collapsed = [0], batch = [], index_batch = [], indexed = [0], sizes = [1, 40]";
    check(&reads("f32[40]", "f32[9,40]", 12, &format!("%e = gather(%t, %k) {{{row}}}")));
    let wide = row.replace("40", "2000");
    check(&reads("f32[2000]", "f32[9,2000]", 12, &format!("%e = gather(%t, %k) {{{wide}}}")));
    let window = "%j = concat(%k, %k) {axis = 0}
      %s = dynamic_slice(%t, %j) {sizes = [2, 2]}
      %e = reshape(%s) {shape = [4]}";
    check(&reads("f32[4]", "f32[6,7]", 9, window));
    check(&reads("f32[4]", "f32[3,4]", 5, window));
    check(&reads(
        "f32[4]",
        "u8[6,7]",
        9,
        &window.replace("%e = reshape(%s)", "%r = cast(%s) {dtype = f32} %e = reshape(%r)"),
    ));
}

#[test]
fn a_wide_scan_may_have_scalar_state_and_loops_in_it() {
    let inner = |bound: &str| {
        format!(
            "graph @f(%i: i32[], %s: f32[70], %x: f32[4,70], %b: i32[]) {{
               %n, %last, %y = scan(%i, %s, %x, %b) {{carried = 2, scanned = 1, length = 4, reverse = false}} (
                 graph(%i: i32[], %s: f32[70], %x: f32[70], %b: i32[]) {{
                   %zero = constant() {{value = 0:i32}}
                   %j, %t = while(%zero, %s, %x, {bound}) {{carried = 2}} (
                     graph(%j: i32[], %s: f32[70], %x: f32[70], %b: i32[]) {{ %c = lt(%j, %b) return %c }},
                     graph(%j: i32[], %s: f32[70], %x: f32[70], %b: i32[]) {{
                       %one = constant() {{value = 1:i32}}
                       %n = add(%j, %one) %t = mul(%s, %x) return %n, %t
                     }}
                   )
                   %one = constant() {{value = 1:i32}}
                   %n = add(%i, %one)
                   %u = add(%t, %x)
                   return %n, %u, %n
                 }}
               )
               return %n, %last, %y
             }}"
        )
    };
    check(&inner("%b"));
    // Whether the inner loop goes on depends on state, of which each point has its own.
    check(&inner("%i"));
}

#[test]
fn a_wide_scan_may_have_small_state() {
    // A window of the last two numbers beside a long sum.
    check(
        "graph @f(%w: f32[2], %s: f32[70], %x: f32[4,70], %k: f32[4,1]) {
           %m, %last = scan(%w, %s, %x, %k) {carried = 2, scanned = 2, length = 4, reverse = false} (
             graph(%w: f32[2], %s: f32[70], %x: f32[70], %k: f32[1]) {
               %old = slice(%w) {starts = [1], limits = [2], strides = [1]}
               %m = concat(%old, %k) {axis = 0}
               %r = reshape(%old) {shape = []}
               %b = broadcast_in_dim(%r) {shape = [70], axes = []}
               %p = mul(%x, %b)
               %n = add(%s, %p)
               return %m, %n
             }
           )
           return %m, %last
         }",
    );
}

#[test]
fn what_has_no_native_form_stays() {
    // Vector math on many elements, which strips do faster.
    check(&counted("f32[40]", 5, "%y = exp(%x) %n = sin(%y)"));
    check(&scanned("f32[40]", "f32[3,40]", "f32[40]", false, 3, "%y = exp(%x) %n = sin(%s)"));
    check_stays(&counted("f32[600]", 5, "%y = exp(%x) %n = sin(%y)"));
    // A condition that depends on all elements, effects, and large products.
    check_stays(
        "graph @f(%x: f32[100]) {
           %y = while(%x) {carried = 1} (
             graph(%x: f32[100]) {
               %m = reduce(%x) {kind = max, axes = [0]}
               %k = constant() {value = 0.5:f32}
               %c = gt(%m, %k) return %c
             },
             graph(%x: f32[100]) { %y = mul(%x, %x) return %y }
           )
           return %y
         }",
    );
    check_stays(&counted(
        "f32[20,20]",
        3,
        "%n = dot_general(%x, %x) {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0], dtype = f32}",
    ));
    check_stays(
        "graph @f(%x: f32[]) {
           %t = token_new()
           %u, %y = scan(%t, %x) {carried = 2, scanned = 0, length = 3, reverse = false} (
             graph(%t: token, %x: f32[]) {
               %k = constant() {value = 9.0:f32}
               %c = lt(%x, %k)
               %u = assert(%t, %c) {message = \"small\"}
               %y = add(%x, %x) return %u, %y
             }
           )
           return %y
         }",
    );
}
