//! One graph per rewrite, and one per precondition.

use super::Canonicalise;
use crate::passes::testing;

fn check(before: &str, after: &str) {
    testing::check(&Canonicalise, before, after);
}

fn check_unchanged(text: &str) {
    testing::check_unchanged(&Canonicalise, text);
}

/// `%y = $body` of `%x: f32[4,8]`.
fn of_x(body: &str) -> String {
    format!("graph @f(%x: f32[4,8]) {{ {body} return %y }}")
}

fn check_x(before: &str, after: &str) {
    check(&of_x(before), &of_x(after));
}

fn check_nothing_left(before: &str) {
    check(&of_x(before), "graph @f(%x: f32[4,8]) { return %x }");
}

#[test]
fn what_moves_nothing_goes() {
    check_nothing_left("%y = reshape(%x) {shape = [4,8]}");
    check_nothing_left("%y = transpose(%x) {permutation = [0,1]}");
    check_nothing_left("%y = broadcast_in_dim(%x) {shape = [4,8], axes = [0,1]}");
    check_nothing_left("%y = slice(%x) {starts = [0,0], limits = [4,8], strides = [1,1]}");
    check_nothing_left("%y = reverse(%x) {axes = []}");
    check_nothing_left("%y = concat(%x) {axis = 0}");
    check_nothing_left("%y = cast(%x) {dtype = f32}");
    check_nothing_left(
        "%v = constant() {value = f32[] 1} %y = pad(%x, %v) {low = [0,0], high = [0,0], interior = [0,0]}",
    );
    check_nothing_left("%i = constant() {value = i32[2] [1,2]} %y = dynamic_slice(%x, %i) {sizes = [4,8]}");
}

#[test]
fn chains_become_one() {
    check_x(
        "%a = reshape(%x) {shape = [2,16]} %y = reshape(%a) {shape = [32]}",
        "%y = reshape(%x) {shape = [32]}",
    );
    check_nothing_left("%a = transpose(%x) {permutation = [1,0]} %y = transpose(%a) {permutation = [1,0]}");
    check_x(
        "%a = broadcast_in_dim(%x) {shape = [4,3,8], axes = [0,2]} %y = broadcast_in_dim(%a) {shape = [2,4,3,8], axes = [1,2,3]}",
        "%y = broadcast_in_dim(%x) {shape = [2,4,3,8], axes = [1,3]}",
    );
    check_x(
        "%a = slice(%x) {starts = [1,1], limits = [4,8], strides = [1,2]} %y = slice(%a) {starts = [0,3], limits = [2,0], strides = [1,-2]}",
        "%y = slice(%x) {starts = [1,7], limits = [3,2], strides = [1,-4]}",
    );
    check_nothing_left("%a = reverse(%x) {axes = [1]} %y = reverse(%a) {axes = [1]}");
    check_x(
        "%a = reverse(%x) {axes = [1]} %y = slice(%a) {starts = [0,0], limits = [4,2], strides = [1,1]}",
        "%y = slice(%x) {starts = [0,7], limits = [4,5], strides = [1,-1]}",
    );
    check_x(
        "%a = slice(%x) {starts = [0,0], limits = [4,2], strides = [1,1]} %y = reverse(%a) {axes = [1]}",
        "%y = slice(%x) {starts = [0,1], limits = [4,-1], strides = [1,-1]}",
    );
    check_x(
        "%v = constant() {value = f32[] 1} %a = pad(%x, %v) {low = [1,0], high = [0,0], interior = [0,0]} %y = pad(%a, %v) {low = [0,0], high = [0,2], interior = [0,0]}",
        "%v = constant() {value = f32[] 1} %y = pad(%x, %v) {low = [1,0], high = [0,2], interior = [0,0]}",
    );
    check_x(
        "%a = concat(%x, %x) {axis = 0} %y = concat(%x, %a) {axis = 0}",
        "%y = concat(%x, %x, %x) {axis = 0}",
    );
}

#[test]
fn chains_of_other_kinds_stay() {
    check_unchanged(&of_x("%a = concat(%x, %x) {axis = 0} %y = concat(%a, %a) {axis = 1}"));
    check_unchanged(&of_x("%a = reshape(%x) {shape = [2,16]} %y = transpose(%a) {permutation = [1,0]}"));
    // The second pads by another value.
    check_unchanged(&of_x(
        "%v = constant() {value = f32[] 1} %w = constant() {value = f32[] 2} \
         %a = pad(%x, %v) {low = [1,0], high = [0,0], interior = [0,0]} %y = pad(%a, %w) {low = [1,0], high = [0,0], interior = [0,0]}",
    ));
    // The second cuts off what the first put on.
    check_unchanged(&of_x(
        "%v = constant() {value = f32[] 1} \
         %a = pad(%x, %v) {low = [1,0], high = [0,0], interior = [0,0]} %y = pad(%a, %v) {low = [-2,1], high = [0,0], interior = [0,0]}",
    ));
}

#[test]
fn index_maps_have_one_spelling() {
    check_x(
        "%a = reshape(%x) {shape = [1,4,8]} %y = transpose(%a) {permutation = [1,0,2]}",
        "%y = reshape(%x) {shape = [4,1,8]}",
    );
    check_x(
        "%y = broadcast_in_dim(%x) {shape = [4,1,8], axes = [0,2]}",
        "%y = reshape(%x) {shape = [4,1,8]}",
    );
    check_x(
        "%a = reshape(%x) {shape = [4,1,8]} %y = broadcast_in_dim(%a) {shape = [4,3,8], axes = [0,1,2]}",
        "%y = broadcast_in_dim(%x) {shape = [4,3,8], axes = [0,2]}",
    );
    check_x(
        "%a = broadcast_in_dim(%x) {shape = [4,8,3], axes = [0,1]} %y = transpose(%a) {permutation = [0,2,1]}",
        "%y = broadcast_in_dim(%x) {shape = [4,3,8], axes = [0,2]}",
    );
    check_x(
        "%y = slice(%x) {starts = [3,0], limits = [-1,8], strides = [-1,1]}",
        "%y = reverse(%x) {axes = [0]}",
    );
    check_x(
        "%y = slice(%x) {starts = [0,0], limits = [4,8], strides = [1,5]}",
        "%y = slice(%x) {starts = [0,0], limits = [4,6], strides = [1,5]}",
    );
    check_x(
        "%v = constant() {value = f32[] 1} %y = pad(%x, %v) {low = [-1,0], high = [0,-2], interior = [0,0]}",
        "%y = slice(%x) {starts = [1,0], limits = [4,6], strides = [1,1]}",
    );
    check(
        "graph @f(%i: f32[]) { %y = reshape(%i) {shape = [1,1]} return %y }",
        "graph @f(%i: f32[]) { %y = broadcast_in_dim(%i) {shape = [1,1], axes = []} return %y }",
    );
    check_unchanged(&of_x("%y = transpose(%x) {permutation = [1,0]}"));
    // Transposing the broadcast would have to transpose its operand.
    check_unchanged(&of_x(
        "%a = broadcast_in_dim(%x) {shape = [4,8,3], axes = [0,1]} %y = transpose(%a) {permutation = [1,2,0]}",
    ));
}

#[test]
fn iota_takes_in_what_moves_it() {
    check(
        "graph @f() { %a = iota() {dtype = i32, shape = [4], axis = 0} %b = broadcast_in_dim(%a) {shape = [4,8], axes = [0]} %c = transpose(%b) {permutation = [1,0]} return %c }",
        "graph @f() { %c = iota() {dtype = i32, shape = [8,4], axis = 1} return %c }",
    );
}

#[test]
fn sections_of_what_is_put_together_are_taken_from_the_parts() {
    check(
        "graph @f(%a: f32[2,3], %b: f32[2,5]) { %c = concat(%a, %b) {axis = 1} %y = slice(%c) {starts = [0,4], limits = [2,7], strides = [1,2]} return %y }",
        "graph @f(%a: f32[2,3], %b: f32[2,5]) { %y = slice(%b) {starts = [0,1], limits = [2,4], strides = [1,2]} return %y }",
    );
    check_unchanged(
        "graph @f(%a: f32[2,3], %b: f32[2,5]) { %c = concat(%a, %b) {axis = 1} %y = slice(%c) {starts = [0,2], limits = [2,4], strides = [1,1]} return %y }",
    );
    check_x(
        "%a = broadcast_in_dim(%x) {shape = [4,5,8], axes = [0,2]} %y = slice(%a) {starts = [0,1,2], limits = [4,3,4], strides = [1,1,1]}",
        "%s = slice(%x) {starts = [0,2], limits = [4,4], strides = [1,1]} %y = broadcast_in_dim(%s) {shape = [4,2,2], axes = [0,2]}",
    );
    check_nothing_left(
        "%a = slice(%x) {starts = [0,0], limits = [4,3], strides = [1,1]} %b = slice(%x) {starts = [0,3], limits = [4,8], strides = [1,1]} %y = concat(%a, %b) {axis = 1}",
    );
    // There is a gap between the two.
    check_unchanged(&of_x(
        "%a = slice(%x) {starts = [0,0], limits = [4,3], strides = [1,1]} %b = slice(%x) {starts = [0,4], limits = [4,8], strides = [1,1]} %y = concat(%a, %b) {axis = 1}",
    ));
}

#[test]
fn dynamic_sections_at_constant_places_are_static() {
    check_x(
        "%i = constant() {value = i32[2] [1,99]} %y = dynamic_slice(%x, %i) {sizes = [2,3]}",
        "%y = slice(%x) {starts = [1,5], limits = [3,8], strides = [1,1]}",
    );
    check_unchanged(
        "graph @f(%x: f32[4], %i: i32[1]) { %y = dynamic_slice(%x, %i) {sizes = [2]} return %y }",
    );
    check(
        "graph @f(%x: f32[4], %u: f32[4], %i: i32[1]) { %y = dynamic_update_slice(%x, %u, %i) return %y }",
        "graph @f(%x: f32[4], %u: f32[4], %i: i32[1]) { return %u }",
    );
}

#[test]
fn operands_have_one_order() {
    let constant = "%c = constant() {value = f32[4,8] 2} ";
    let scalar = "%s = constant() {value = f32[] 2} %c = broadcast_in_dim(%s) {shape = [4,8], axes = []} ";
    check_x(&format!("{constant} %y = add(%c, %x)"), &format!("{scalar} %y = add(%x, %c)"));
    check_x(&format!("{constant} %y = lt(%c, %x)"), &format!("{scalar} %y = gt(%x, %c)"));
    check_unchanged(&of_x(&format!("{scalar} %y = sub(%c, %x)")));
    check_unchanged(&of_x(&format!("{scalar} %y = ge(%x, %c)")));
    check(
        "graph @f(%x: f32[4], %y: f32[4]) { %z = gt(%x, %y) return %z }",
        "graph @f(%x: f32[4], %y: f32[4]) { %z = lt(%y, %x) return %z }",
    );
}

#[test]
fn reductions_name_axes_once_and_in_order() {
    check(
        "graph @f(%x: f32[4,1,8]) { %y = reduce(%x) {kind = sum, axes = [2,1,0]} return %y }",
        "graph @f(%x: f32[4,1,8]) { %r = reshape(%x) {shape = [4,8]} %y = reduce(%r) {kind = sum, axes = [0,1]} return %y }",
    );
    check(
        "graph @f(%x: f32[4,8]) { %y = reduce(%x) {kind = max, axes = []} return %y }",
        "graph @f(%x: f32[4,8]) { return %x }",
    );
    // A sum begins with +0, which -0 does not survive.
    check(
        "graph @f(%x: f32[4,8]) { %y = reduce(%x) {kind = sum, axes = []} return %y }",
        "graph @f(%x: f32[4,8]) { %z = constant() {value = f32[] 0} %c = broadcast_in_dim(%z) {shape = [4,8], axes = []} %y = add(%x, %c) return %y }",
    );
    check(
        "graph @f(%x: f32[4,8,2]) { %a = reduce(%x) {kind = max, axes = [1]} %y = reduce(%a) {kind = max, axes = [1]} return %y }",
        "graph @f(%x: f32[4,8,2]) { %y = reduce(%x) {kind = max, axes = [1,2]} return %y }",
    );
    check_unchanged(
        "graph @f(%x: f32[4,8,2]) { %a = reduce(%x) {kind = sum, axes = [1]} %y = reduce(%a) {kind = sum, axes = [1]} return %y }",
    );
}

#[test]
fn tensors_without_elements_are_like_others() {
    check(
        "graph @f(%x: bool[0]) { %y = reshape(%x) {shape = [0]} return %y }",
        "graph @f(%x: bool[0]) { return %x }",
    );
}
