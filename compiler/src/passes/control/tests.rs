//! Control flow pass by pass: what each does on minimal graphs, and what it leaves alone.

use super::{Forward, Hoist, Inline, Localise, Prune};
use crate::passes::testing::{check, check_unchanged, graph, run};
use crate::passes::{Cse, Dce, FoldConstants, PassOptions, run_pipeline};
use tensorwright_ir::Graph;

/// A graph of `%p: bool[], %i: i32[], %t: token, %x: f32[4], %y: f32[4], %m: f32[3,4]`.
fn of(body: &str) -> String {
    format!("graph @f(%p: bool[], %i: i32[], %t: token, %x: f32[4], %y: f32[4], %m: f32[3,4]) {{ {body} }}")
}

const NEGATE: &str = "graph(%x: f32[4]) { %y = neg(%x) return %y }";
const KEEP: &str = "graph(%x: f32[4]) { return %x }";
const ASSERT: &str = "graph(%t: token, %p: bool[]) { %u = assert(%t, %p) {message = \"p\"} return %u }";

#[test]
fn a_known_index_chooses_its_branch_or_the_last() {
    for (index, result) in [(0, "%y"), (1, "%x"), (7, "%x"), (-1, "%x")] {
        let before = of(&format!(
            "%c = constant() {{value = {index}:i32}} %r = case(%c, %x) ({NEGATE}, {KEEP}) return %r"
        ));
        check(&Inline, &before, &of(&format!("%y2 = neg(%x) return {}", result.replace("%y", "%y2"))));
    }
}

#[test]
fn an_unknown_choice_stays_unless_all_branches_agree() {
    check_unchanged(&Inline, &of(&format!("%r = if(%p, %x) ({NEGATE}, {KEEP}) return %r")));
    check(
        &Inline,
        &of(&format!("%r = if(%p, %x) ({NEGATE}, {NEGATE}) return %r")),
        &of("%r = neg(%x) return %r"),
    );
}

#[test]
fn effects_of_the_branch_taken_stay() {
    check(
        &Inline,
        &of(&format!(
            "%c = constant() {{value = false:bool}} %r = if(%c, %t, %p) (graph(%t: token, %p: bool[]) {{ return %t }}, {ASSERT}) return"
        )),
        &of("%u = assert(%t, %p) {message = \"p\"} return"),
    );
}

#[test]
fn a_loop_whose_condition_is_false_goes() {
    let looped = |condition: &str| {
        of(&format!(
            "%r = while(%x, %p) {{carried = 1}} (
               graph(%x: f32[4], %p: bool[]) {{ {condition} return %c }},
               graph(%x: f32[4], %p: bool[]) {{ %y = neg(%x) return %y }}
             ) return %r"
        ))
    };
    check(&Inline, &looped("%c = constant() {value = false:bool}"), &of("return %x"));
    check_unchanged(&Inline, &looped("%c = constant() {value = true:bool}"));
    check_unchanged(&Inline, &looped("%c = not(%p)"));
    check_unchanged(
        &Inline,
        &looped("%t = token_new() %u = print(%t) {format = \"\"} %c = constant() {value = false:bool}"),
    );
}

#[test]
fn scans_and_maps_of_few_slices_go() {
    let scan = |length: usize| {
        format!(
            "graph @f(%s: f32[4], %m: f32[{length},4]) {{
               %r, %q = scan(%s, %m) {{carried = 1, scanned = 1, length = {length}, reverse = false}} (
                 graph(%s: f32[4], %x: f32[4]) {{ %y = add(%s, %x) return %y, %s }}
               ) return %r, %q }}"
        )
    };
    check(
        &Inline,
        &scan(0),
        "graph @f(%s: f32[4], %m: f32[0,4]) { %z = constant() {value = 0:f32} %q = broadcast_in_dim(%z) {shape = [0,4], axes = []} return %s, %q }",
    );
    check(
        &Inline,
        &scan(1),
        "graph @f(%s: f32[4], %m: f32[1,4]) { %x = reshape(%m) {shape = [4]} %y = add(%s, %x) %q = reshape(%s) {shape = [1,4]} return %y, %q }",
    );
    check_unchanged(&Inline, &scan(2));
}

#[test]
fn nested_calls_are_inlined_and_keep_their_order_of_effects() {
    let text = "graph @f(%t: token) {
      %u = call(%t) {name = \"a\"} (graph(%t: token) {
        %u = call(%t) {name = \"b\"} (graph(%t: token) { %u = print(%t) {format = \"1\"} return %u })
        %v = print(%u) {format = \"2\"}
        return %v
      })
      %w = print(%u) {format = \"3\"}
      return %w
    }";
    check(
        &Inline,
        text,
        "graph @f(%t: token) { %u = print(%t) {format = \"1\"} %v = print(%u) {format = \"2\"} %w = print(%v) {format = \"3\"} return %w }",
    );
}

#[test]
fn results_that_are_the_same_operand_in_each_branch_go_around() {
    check(
        &Forward,
        &of("%a, %b = if(%p, %x, %y, %x) (
               graph(%x: f32[4], %y: f32[4], %z: f32[4]) { %n = neg(%y) return %x, %n },
               graph(%x: f32[4], %y: f32[4], %z: f32[4]) { return %z, %y }
             ) return %a, %b"),
        &of("%b = if(%p, %x, %y, %x) (
               graph(%x: f32[4], %y: f32[4], %z: f32[4]) { %n = neg(%y) return %n },
               graph(%x: f32[4], %y: f32[4], %z: f32[4]) { return %y }
             ) return %x, %b"),
    );
    check_unchanged(
        &Forward,
        &of("%a = if(%p, %x, %y) (
               graph(%x: f32[4], %y: f32[4]) { return %x },
               graph(%x: f32[4], %y: f32[4]) { return %y }
             ) return %a"),
    );
}

#[test]
fn state_that_becomes_an_invariant_of_another_value_stays() {
    let scan = |second: &str| {
        of(&format!(
            "%r = scan(%x, {second}) {{carried = 1, scanned = 0, length = 3, reverse = false}} (
               graph(%s: f32[4], %k: f32[4]) {{ return %k }}
             ) return %r"
        ))
    };
    check_unchanged(&Forward, &scan("%y"));
    check(&Forward, &scan("%x"), &of("return %x"));
}

#[test]
fn stacks_of_invariants_are_broadcasts_and_stacks_of_state_stay() {
    let map = of(
        "%r = map(%m, %x) {mapped = 1, length = 3} (graph(%s: f32[4], %x: f32[4]) { return %x }) return %r",
    );
    check(&Forward, &map, &of("%r = broadcast_in_dim(%x) {shape = [3,4], axes = [1]} return %r"));
    check_unchanged(
        &Forward,
        &of("%l, %r = scan(%x, %m) {carried = 1, scanned = 1, length = 3, reverse = false} (
               graph(%s: f32[4], %m: f32[4]) { return %m, %s }
             ) return %l, %r"),
    );
}

#[test]
fn constants_stay_outside_as_initial_state_and_as_slices() {
    check_unchanged(
        &Localise,
        "graph @f() {
           %c = constant() {value = f32[2] [1, 2]}
           %s = constant() {value = 1:f32}
           %l = scan(%s, %c) {carried = 1, scanned = 1, length = 2, reverse = false} (
             graph(%s: f32[], %c: f32[]) { %n = add(%s, %c) return %n }
           ) return %l }",
    );
}

#[test]
fn slices_of_equal_elements_are_constants_inside() {
    check(
        &Localise,
        "graph @f(%m: f32[3]) {
           %c = constant() {value = 2:f32}
           %b = broadcast_in_dim(%c) {shape = [3], axes = []}
           %r = map(%m, %b) {mapped = 2, length = 3} (graph(%x: f32[], %y: f32[]) { %z = mul(%x, %y) return %z })
           return %r }",
        "graph @f(%m: f32[3]) {
           %r = map(%m) {mapped = 1, length = 3} (
             graph(%x: f32[]) { %y = constant() {value = 2:f32} %z = mul(%x, %y) return %z }
           ) return %r }",
    );
}

#[test]
fn only_what_is_the_same_each_time_moves_out() {
    let scan = |body: &str| {
        of(&format!(
            "%l = scan(%x, %m, %y) {{carried = 1, scanned = 1, length = 3, reverse = false}} (
               graph(%s: f32[4], %m: f32[4], %k: f32[4]) {{ {body} return %r }}
             ) return %l"
        ))
    };
    check_unchanged(&Hoist, &scan("%e = exp(%m) %r = add(%e, %k)"));
    check_unchanged(&Hoist, &scan("%b = reverse(%k) {axes = [0]} %r = add(%m, %b)"));
    check_unchanged(
        &Hoist,
        &scan("%t = token_new() %u = check_finite(%t, %k) {message = \"k\"} %r = add(%m, %k)"),
    );
    check_unchanged(
        &Hoist,
        &scan(
            "%e = while(%k) {carried = 1} (
               graph(%k: f32[4]) { %c = constant() {value = true:bool} return %c },
               graph(%k: f32[4]) { return %k }
             ) %r = add(%m, %e)",
        ),
    );
    check_unchanged(
        &Hoist,
        &of(
            "%r = if(%p, %x) (graph(%x: f32[4]) { %e = exp(%x) return %e }, graph(%x: f32[4]) { return %x }) return %r",
        ),
    );
}

#[test]
fn both_regions_of_a_loop_are_looked_at_and_loops_in_loops() {
    let before = "graph @f(%i: i32[], %n: i32[]) {
      %r = while(%i, %n) {carried = 1} (
        graph(%i: i32[], %n: i32[]) { %m = mul(%n, %n) %c = lt(%i, %m) return %c },
        graph(%i: i32[], %n: i32[]) {
          %s = scan(%i, %n) {carried = 1, scanned = 0, length = 5, reverse = false} (
            graph(%i: i32[], %n: i32[]) { %k = add(%n, %n) %j = add(%i, %k) return %j }
          )
          return %s
        }
      )
      return %r
    }";
    let after = "graph @f(%i: i32[], %n: i32[]) {
      %m = mul(%n, %n)
      %k = add(%n, %n)
      %r = while(%i, %n, %m, %k) {carried = 1} (
        graph(%i: i32[], %n: i32[], %m: i32[], %k: i32[]) { %c = lt(%i, %m) return %c },
        graph(%i: i32[], %n: i32[], %m: i32[], %k: i32[]) {
          %s = scan(%i, %n, %k) {carried = 1, scanned = 0, length = 5, reverse = false} (
            graph(%i: i32[], %n: i32[], %k: i32[]) { %j = add(%i, %k) return %j }
          )
          return %s
        }
      )
      return %r
    }";
    check(&Hoist, before, after);
}

#[test]
fn what_effects_need_is_not_pruned() {
    check_unchanged(
        &Prune,
        &of("%u, %a = scan(%t, %x, %m) {carried = 2, scanned = 1, length = 3, reverse = false} (
               graph(%t: token, %s: f32[4], %m: f32[4]) {
                 %u = check_finite(%t, %s) {message = \"s\"}
                 %n = add(%s, %m)
                 return %u, %n
               }
             ) return"),
    );
}

#[test]
fn what_only_hands_a_token_on_is_moved_merged_and_dropped_like_anything_else() {
    let call = |x: &str| {
        format!(
            "call(%t, {x}) {{name = \"g\"}} (graph(%t: token, %x: f32[4]) {{ %e = exp(%x) return %t, %e }})"
        )
    };
    let scan = |operands: &str, inputs: &str, body: &str| {
        format!(
            "%l = scan({operands}) {{carried = 1, scanned = 1, length = 3, reverse = false}} (
               graph({inputs}) {{ {body} %r = add(%m, %e) return %r }}
             ) return %l"
        )
    };
    let inputs = "%s: f32[4], %m: f32[4], %k: f32[4]";
    let inside = format!("%t = token_new() %u, %e = {}", call("%k"));
    check(
        &Hoist,
        &of(&scan("%x, %m, %y", inputs, &inside)),
        &of(&format!(
            "%n = token_new() %u, %e = {} {}",
            call("%y").replace("call(%t", "call(%n"),
            scan("%x, %m, %y, %e", &format!("{inputs}, %e: f32[4]"), "")
        )),
    );
    let [one, other] = [call("%x"), call("%x")];
    check(
        &Cse,
        &of(&format!("%u, %e = {one} %v, %f = {other} %w = print(%u) {{format = \"\"}} return %e, %f")),
        &of(&format!("%u, %e = {one} %w = print(%u) {{format = \"\"}} return %e, %e")),
    );
    let unused = of(&format!("%u, %e = {one} return"));
    check_unchanged(&Prune, &unused);
    check(&Dce, &unused, &of("return"));
}

#[test]
fn an_operand_taken_twice_is_taken_once() {
    check(
        &Prune,
        &of("%r = map(%m, %x, %m, %x) {mapped = 1, length = 3} (
               graph(%a: f32[4], %b: f32[4], %c: f32[3,4], %d: f32[4]) {
                 %s = reduce(%c) {kind = max, axes = [0]} %e = add(%a, %b) %f = sub(%e, %d) %r = mul(%f, %s) return %r
               }
             ) return %r"),
        &of("%r = map(%m, %x, %m) {mapped = 1, length = 3} (
               graph(%a: f32[4], %b: f32[4], %c: f32[3,4]) {
                 %s = reduce(%c) {kind = max, axes = [0]} %e = add(%a, %b) %f = sub(%e, %b) %r = mul(%f, %s) return %r
               }
             ) return %r"),
    );
}

#[test]
fn branches_lose_unused_results_and_operands() {
    check(
        &Prune,
        &of("%a, %b = if(%p, %x, %y) (
               graph(%x: f32[4], %y: f32[4]) { %e = exp(%y) return %x, %e },
               graph(%x: f32[4], %y: f32[4]) { %n = neg(%x) return %n, %y }
             ) return %a"),
        &of("%a = if(%p, %x) (
               graph(%x: f32[4]) { return %x },
               graph(%x: f32[4]) { %n = neg(%x) return %n }
             ) return %a"),
    );
}

#[test]
fn effects_are_neither_merged_nor_dropped_nor_folded() {
    let twice = of(&format!(
        "%u = call(%t, %p) {{name = \"g\"}} ({ASSERT}) %v = call(%t, %p) {{name = \"g\"}} ({ASSERT}) %w = print(%t) {{format = \"\"}} %x2 = print(%t) {{format = \"\"}} return"
    ));
    check_unchanged(&Cse, &twice);
    check_unchanged(&Dce, &twice);
    // No token outside, and the effect is known to fail.
    let inside = "graph @f() { %p = constant() {value = false:bool} %r = if(%p, %p) (
        graph(%p: bool[]) { %t = token_new() %u = assert(%t, %p) {message = \"\"} return %p },
        graph(%p: bool[]) { %t = token_new() %u = assert(%t, %p) {message = \"\"} return %p }
      ) return }";
    check_unchanged(&Dce, inside);
    check_unchanged(&FoldConstants, inside);
}

#[test]
fn pure_control_flow_is_merged_dropped_and_folded() {
    let branch = format!("if(%p, %x) ({NEGATE}, {KEEP})");
    let merged = run(&Cse, &graph(&of(&format!("%a = {branch} %b = {branch} return %a, %b")))).unwrap();
    assert_eq!(merged.nodes().len(), 1);
    check(&Dce, &of(&format!("%a = {branch} return %x")), &of("return %x"));
    let counted = "graph @f() {
        %zero = constant() {value = 0:i32}
        %n = while(%zero) {carried = 1} (
          graph(%i: i32[]) { %ten = constant() {value = 10:i32} %c = lt(%i, %ten) return %c },
          graph(%i: i32[]) { %three = constant() {value = 3:i32} %n = add(%i, %three) return %n }
        ) return %n }";
    check(&FoldConstants, counted, "graph @f() { %n = constant() {value = 12:i32} return %n }");
    check_unchanged(&FoldConstants, &counted.replace("value = 3:i32", "value = 0:i32"));
}

#[test]
fn composites_in_regions_are_expanded_even_without_results() {
    let text = "graph @f(%t: token, %p: bool[], %x: f32[]) {
      if(%p, %t, %x) (
        graph(%t: token, %x: f32[]) { %s = square(%x) %u = print(%t, %s) {format = \"{}\"} return },
        graph(%t: token, %x: f32[]) { return }
      ) return }";
    let expanded = run(&crate::passes::Expand, &graph(text)).unwrap();
    assert_eq!(expanded.nodes()[0].regions[0].nodes()[0].op.name(), "mul");
}

/// The whole pipeline on a loop written the long way.
#[test]
fn a_loop_with_everything_in_it_becomes_small() {
    let text = "graph @f(%n: i32[], %x: f32[4]) {
      %zero = constant() {value = 0:i32}
      %scale = constant() {value = 2:f32}
      %yes = constant() {value = true:bool}
      %i, %sum, %k, %unused = while(%zero, %x, %scale, %x, %yes, %n) {carried = 4} (
        graph @condition(%i: i32[], %sum: f32[4], %k: f32[], %u: f32[4], %yes: bool[], %n: i32[]) {
          %c = lt(%i, %n)
          return %c
        },
        graph @body(%i: i32[], %sum: f32[4], %k: f32[], %u: f32[4], %yes: bool[], %n: i32[]) {
          %one = constant() {value = 1:i32}
          %next = add(%i, %one)
          %more = if(%yes, %sum, %k) (
            graph(%s: f32[4], %k: f32[]) { %b = broadcast_in_dim(%k) {shape = [4], axes = []} %m = mul(%s, %b) return %m },
            graph(%s: f32[4], %k: f32[]) { return %s }
          )
          %dead = exp(%u)
          return %next, %more, %k, %dead
        }
      )
      return %sum
    }";
    let new: Graph = run_pipeline(graph(text), &PassOptions::default()).unwrap();
    let looped = new.nodes().iter().find(|node| !node.regions.is_empty()).unwrap();
    assert_eq!(looped.operands.len(), 3, "{new}");
    let ops: Vec<&str> = looped.regions[1].nodes().iter().map(|node| node.op.name()).collect();
    assert!(!ops.contains(&"if") && !ops.contains(&"exp") && ops.contains(&"mul"), "{new}");
}
