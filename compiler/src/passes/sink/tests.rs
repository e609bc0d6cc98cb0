//! One graph per rewrite, and one per precondition.

use super::Sink;
use crate::passes::testing;

fn check(before: &str, after: &str) {
    testing::check(&Sink, before, after);
}

fn check_unchanged(text: &str) {
    testing::check_unchanged(&Sink, text);
}

#[test]
fn functions_of_broadcasts_are_computed_before() {
    check(
        "graph @f(%x: f32[4], %y: f32[8]) { %a = broadcast_in_dim(%x) {shape = [2,4,8], axes = [1]} %b = broadcast_in_dim(%y) {shape = [2,4,8], axes = [2]} %c = add(%a, %b) return %c }",
        "graph @f(%x: f32[4], %y: f32[8]) { %a = broadcast_in_dim(%x) {shape = [4,8], axes = [0]} %b = broadcast_in_dim(%y) {shape = [4,8], axes = [1]} %c = add(%a, %b) %d = broadcast_in_dim(%c) {shape = [2,4,8], axes = [1,2]} return %d }",
    );
    check(
        "graph @f(%x: f32[1,8], %s: f32[]) { %a = broadcast_in_dim(%x) {shape = [4,8], axes = [0,1]} %b = broadcast_in_dim(%s) {shape = [4,8], axes = []} %c = mul(%a, %b) return %c }",
        "graph @f(%x: f32[1,8], %s: f32[]) { %a = reshape(%x) {shape = [8]} %b = broadcast_in_dim(%s) {shape = [8], axes = []} %c = mul(%a, %b) %d = broadcast_in_dim(%c) {shape = [4,8], axes = [1]} return %d }",
    );
    // The mask of causal attention is made once for all heads.
    check(
        "graph @f() { %a = iota() {dtype = i32, shape = [2,8,8], axis = 1} %b = iota() {dtype = i32, shape = [2,8,8], axis = 2} %c = le(%b, %a) return %c }",
        "graph @f() { %a = iota() {dtype = i32, shape = [8,8], axis = 1} %b = iota() {dtype = i32, shape = [8,8], axis = 0} %c = le(%a, %b) %d = broadcast_in_dim(%c) {shape = [2,8,8], axes = [1,2]} return %d }",
    );
    // One operand varies along all axes, or both together do.
    check_unchanged(
        "graph @f(%x: f32[4,8], %y: f32[8]) { %b = broadcast_in_dim(%y) {shape = [4,8], axes = [1]} %c = add(%x, %b) return %c }",
    );
    check_unchanged(
        "graph @f(%x: f32[4], %y: f32[8]) { %a = broadcast_in_dim(%x) {shape = [4,8], axes = [0]} %b = broadcast_in_dim(%y) {shape = [4,8], axes = [1]} %c = add(%a, %b) return %c }",
    );
}

#[test]
fn index_maps_meet() {
    check(
        "graph @f(%x: f32[4,8], %y: f32[8,4]) { %a = transpose(%x) {permutation = [1,0]} %b = exp(%a) %c = mul(%b, %y) %d = transpose(%c) {permutation = [1,0]} return %d }",
        "graph @f(%x: f32[4,8], %y: f32[8,4]) { %b = exp(%x) %c = transpose(%y) {permutation = [1,0]} %d = mul(%b, %c) return %d }",
    );
    check(
        "graph @f(%x: f32[4,6]) { %a = reshape(%x) {shape = [24]} %s = constant() {value = f32[] 2} %t = broadcast_in_dim(%s) {shape = [24], axes = []} %b = mul(%a, %t) %c = exp(%b) %d = reshape(%c) {shape = [8,3]} return %d }",
        "graph @f(%x: f32[4,6]) { %a = reshape(%x) {shape = [8,3]} %s = constant() {value = f32[] 2} %t = broadcast_in_dim(%s) {shape = [8,3], axes = []} %b = mul(%a, %t) %c = exp(%b) return %c }",
    );
    check(
        "graph @f(%x: f32[4,6]) { %a = reverse(%x) {axes = [0]} %b = exp(%a) %c = reverse(%b) {axes = [0]} return %c }",
        "graph @f(%x: f32[4,6]) { %b = exp(%x) return %b }",
    );
    // Nothing to meet; an operand that would need an index map of its own; a value that is needed as it is.
    check_unchanged(
        "graph @f(%x: f32[4,8]) { %b = exp(%x) %d = transpose(%b) {permutation = [1,0]} return %d }",
    );
    check_unchanged(
        "graph @f(%x: f32[4,8], %y: f32[8,4], %z: f32[8,4]) { %a = transpose(%x) {permutation = [1,0]} %b = mul(%a, %y) %c = mul(%b, %z) %d = transpose(%c) {permutation = [1,0]} return %d }",
    );
    check_unchanged(
        "graph @f(%x: f32[4,8]) { %a = transpose(%x) {permutation = [1,0]} %b = exp(%a) %d = transpose(%b) {permutation = [1,0]} return %b, %d }",
    );
}

#[test]
fn equal_index_maps_of_all_operands_become_one() {
    check(
        "graph @f(%x: f32[4,8], %y: f32[4,8]) { %a = transpose(%x) {permutation = [1,0]} %b = transpose(%y) {permutation = [1,0]} %c = add(%a, %b) return %c }",
        "graph @f(%x: f32[4,8], %y: f32[4,8]) { %c = add(%x, %y) %d = transpose(%c) {permutation = [1,0]} return %d }",
    );
    check_unchanged(
        "graph @f(%x: f32[8,8], %y: f32[8,8]) { %a = transpose(%x) {permutation = [1,0]} %b = reverse(%y) {axes = [0]} %c = add(%a, %b) return %c }",
    );
    check_unchanged(
        "graph @f(%x: f32[4,8], %y: f32[2,16]) { %a = reshape(%x) {shape = [32]} %b = reshape(%y) {shape = [32]} %c = add(%a, %b) return %c }",
    );
    check_unchanged(
        "graph @f(%x: f32[4,8], %y: f32[4,8]) { %a = transpose(%x) {permutation = [1,0]} %b = transpose(%y) {permutation = [1,0]} %c = add(%a, %b) return %c, %a }",
    );
}

#[test]
fn sections_are_taken_first() {
    let section = "slice(%c) {starts = [1,0], limits = [3,8], strides = [1,1]}";
    check(
        &format!(
            "graph @f(%x: f32[4,8], %y: f32[8]) {{ %b = broadcast_in_dim(%y) {{shape = [4,8], axes = [1]}} %a = exp(%x) %c = add(%a, %b) %d = {section} return %d }}"
        ),
        "graph @f(%x: f32[4,8], %y: f32[8]) { %s = slice(%x) {starts = [1,0], limits = [3,8], strides = [1,1]} %a = exp(%s) %b = broadcast_in_dim(%y) {shape = [2,8], axes = [1]} %c = add(%a, %b) return %c }",
    );
    // The rest is needed too.
    check_unchanged(&format!("graph @f(%x: f32[4,8]) {{ %c = exp(%x) %d = {section} return %c, %d }}"));
    check(
        "graph @f(%x: f32[4,8,3]) { %c = reduce(%x) {kind = sum, axes = [1]} %d = slice(%c) {starts = [2,0], limits = [4,2], strides = [1,1]} return %d }",
        "graph @f(%x: f32[4,8,3]) { %s = slice(%x) {starts = [2,0,0], limits = [4,8,2], strides = [1,1,1]} %c = reduce(%s) {kind = sum, axes = [1]} return %c }",
    );
    check(
        "graph @f(%x: f32[2,4,8], %w: f32[8,5]) { %c = dot_general(%x, %w) {lhs_batch = [], rhs_batch = [], lhs_contract = [2], rhs_contract = [0], dtype = f32} %d = slice(%c) {starts = [0,3,1], limits = [2,4,3], strides = [1,1,1]} return %d }",
        "graph @f(%x: f32[2,4,8], %w: f32[8,5]) { %a = slice(%x) {starts = [0,3,0], limits = [2,4,8], strides = [1,1,1]} %b = slice(%w) {starts = [0,1], limits = [8,3], strides = [1,1]} %c = dot_general(%a, %b) {lhs_batch = [], rhs_batch = [], lhs_contract = [2], rhs_contract = [0], dtype = f32} return %c }",
    );
}

#[test]
fn empty_sections_are_not_moved() {
    check_unchanged(
        "graph @f(%x: u32[4], %y: u32[4]) { %c = ge(%x, %y) %d = cast(%c) {dtype = f32} %e = slice(%d) {starts = [0], limits = [0], strides = [1]} return %e }",
    );
}

#[test]
fn index_maps_of_broadcasts_are_of_the_smaller_operand() {
    check(
        "graph @f(%x: f32[4,8]) { %a = broadcast_in_dim(%x) {shape = [4,8,3], axes = [0,1]} %b = transpose(%a) {permutation = [1,2,0]} return %b }",
        "graph @f(%x: f32[4,8]) { %a = transpose(%x) {permutation = [1,0]} %b = broadcast_in_dim(%a) {shape = [8,3,4], axes = [0,2]} return %b }",
    );
    check(
        "graph @f(%x: f32[4,8]) { %a = broadcast_in_dim(%x) {shape = [4,8,6], axes = [0,1]} %b = reshape(%a) {shape = [2,16,2,3]} return %b }",
        "graph @f(%x: f32[4,8]) { %a = reshape(%x) {shape = [2,16]} %b = broadcast_in_dim(%a) {shape = [2,16,2,3], axes = [0,1]} return %b }",
    );
    // Repeated and other axes merge.
    check_unchanged(
        "graph @f(%x: f32[4,8]) { %a = broadcast_in_dim(%x) {shape = [4,8,6], axes = [0,1]} %b = reshape(%a) {shape = [4,48]} return %b }",
    );
}

#[test]
fn reductions_take_in_index_maps() {
    let reduce =
        |kind: &str, axes: &str| format!("%b = reduce(%a) {{kind = {kind}, axes = {axes}}} return %b }}");
    let x = "graph @f(%x: f32[4,8,3]) {";
    check(
        &format!("{x} %a = transpose(%x) {{permutation = [2,0,1]}} {}", reduce("sum", "[1]")),
        &format!(
            "{x} %a = reduce(%x) {{kind = sum, axes = [0]}} %b = transpose(%a) {{permutation = [1,0]}} return %b }}"
        ),
    );
    check(
        &format!("{x} %a = transpose(%x) {{permutation = [1,0,2]}} {}", reduce("max", "[0,1]")),
        &format!("{x} %b = reduce(%x) {{kind = max, axes = [0,1]}} return %b }}"),
    );
    // The sum would be taken in another order.
    check_unchanged(&format!("{x} %a = transpose(%x) {{permutation = [1,0,2]}} {}", reduce("sum", "[0,1]")));
    check(
        &format!("{x} %a = reshape(%x) {{shape = [4,24]}} {}", reduce("sum", "[1]")),
        &format!("{x} %b = reduce(%x) {{kind = sum, axes = [1,2]}} return %b }}"),
    );
    // Reduced and other axes merge.
    check_unchanged(&format!("{x} %a = reshape(%x) {{shape = [4,3,8]}} {}", reduce("sum", "[1]")));
    check(
        &format!(
            "{x} %a = broadcast_in_dim(%x) {{shape = [4,8,5,3], axes = [0,1,3]}} {}",
            reduce("max", "[1,2]")
        ),
        &format!("{x} %b = reduce(%x) {{kind = max, axes = [1]}} return %b }}"),
    );
    check_unchanged(&format!(
        "{x} %a = broadcast_in_dim(%x) {{shape = [4,8,5,3], axes = [0,1,3]}} {}",
        reduce("sum", "[2]")
    ));
    check(
        "graph @f(%x: i32[4]) { %a = broadcast_in_dim(%x) {shape = [4,5], axes = [0]} %b = reduce(%a) {kind = sum, axes = [1]} return %b }",
        "graph @f(%x: i32[4]) { %s = constant() {value = i32[] 5} %a = broadcast_in_dim(%s) {shape = [4], axes = []} %b = mul(%x, %a) return %b }",
    );
}
