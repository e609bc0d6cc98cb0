//! One graph per rewrite, and one per precondition.

use super::Contract;
use crate::passes::testing;

fn check(before: &str, after: &str) {
    testing::check(&Contract, before, after);
}

fn check_unchanged(text: &str) {
    testing::check_unchanged(&Contract, text);
}

fn dot(operands: &str, axes: [&str; 4]) -> String {
    let [lb, rb, lc, rc] = axes;
    format!(
        "dot_general({operands}) {{lhs_batch = [{lb}], rhs_batch = [{rb}], lhs_contract = [{lc}], rhs_contract = [{rc}], dtype = f32}}"
    )
}

#[test]
fn transposed_operands_are_read_as_they_are() {
    let inputs = "graph @f(%x: f32[4,8], %w: f32[5,8])";
    check(
        &format!(
            "{inputs} {{ %t = transpose(%w) {{permutation = [1,0]}} %y = {} return %y }}",
            dot("%x, %t", ["", "", "1", "0"])
        ),
        &format!("{inputs} {{ %y = {} return %y }}", dot("%x, %w", ["", "", "1", "1"])),
    );
    check(
        &format!(
            "graph @f(%x: f32[8,2,4], %w: f32[8,5]) {{ %t = transpose(%x) {{permutation = [1,2,0]}} %y = {} return %y }}",
            dot("%t, %w", ["", "", "2", "0"])
        ),
        &format!(
            "graph @f(%x: f32[8,2,4], %w: f32[8,5]) {{ %y = {} return %y }}",
            dot("%x, %w", ["", "", "0", "0"])
        ),
    );
    // The result's axes would come in another order.
    check_unchanged(&format!(
        "graph @f(%x: f32[8,2,4], %w: f32[8,5]) {{ %t = transpose(%x) {{permutation = [2,1,0]}} %y = {} return %y }}",
        dot("%t, %w", ["", "", "2", "0"])
    ));
}

#[test]
fn repeated_operands_are_not_repeated() {
    check(
        &format!(
            "graph @f(%x: f32[3,4,8], %w: f32[8,5]) {{ %b = broadcast_in_dim(%w) {{shape = [3,8,5], axes = [1,2]}} %y = {} return %y }}",
            dot("%x, %b", ["0", "0", "2", "1"])
        ),
        &format!(
            "graph @f(%x: f32[3,4,8], %w: f32[8,5]) {{ %y = {} return %y }}",
            dot("%x, %w", ["", "", "2", "0"])
        ),
    );
    check(
        &format!(
            "graph @f(%x: f32[8], %w: f32[8,5]) {{ %b = broadcast_in_dim(%x) {{shape = [4,8], axes = [1]}} %y = {} return %y }}",
            dot("%b, %w", ["", "", "1", "0"])
        ),
        &format!(
            "graph @f(%x: f32[8], %w: f32[8,5]) {{ %a = {} %y = broadcast_in_dim(%a) {{shape = [4,5], axes = [1]}} return %y }}",
            dot("%x, %w", ["", "", "0", "0"])
        ),
    );
    // Both repeat themselves along the batch axis.
    check(
        &format!(
            "graph @f(%x: f32[4,8], %w: f32[8,5]) {{ %a = broadcast_in_dim(%x) {{shape = [3,4,8], axes = [1,2]}} %b = broadcast_in_dim(%w) {{shape = [3,8,5], axes = [1,2]}} %y = {} return %y }}",
            dot("%a, %b", ["0", "0", "2", "1"])
        ),
        &format!(
            "graph @f(%x: f32[4,8], %w: f32[8,5]) {{ %a = {} %y = broadcast_in_dim(%a) {{shape = [3,4,5], axes = [1,2]}} return %y }}",
            dot("%x, %w", ["", "", "1", "0"])
        ),
    );
    // The batch axis would come behind the rows; a contracted axis is not dropped.
    check_unchanged(&format!(
        "graph @f(%x: f32[4,8], %w: f32[3,8,5]) {{ %a = broadcast_in_dim(%x) {{shape = [3,4,8], axes = [1,2]}} %y = {} return %y }}",
        dot("%a, %w", ["0", "0", "2", "1"])
    ));
    check_unchanged(&format!(
        "graph @f(%x: f32[4], %w: f32[8,5]) {{ %a = broadcast_in_dim(%x) {{shape = [4,8], axes = [0]}} %y = {} return %y }}",
        dot("%a, %w", ["", "", "1", "0"])
    ));
}

#[test]
fn axes_merged_only_for_the_product_stay_apart() {
    let inputs = "graph @f(%x: f32[3,4,8], %w: f32[8,5])";
    let merged = format!("%m = reshape(%x) {{shape = [12,8]}} %p = {}", dot("%m, %w", ["", "", "1", "0"]));
    check(
        &format!("{inputs} {{ {merged} %y = reshape(%p) {{shape = [3,4,5]}} return %y }}"),
        &format!("{inputs} {{ %y = {} return %y }}", dot("%x, %w", ["", "", "2", "0"])),
    );
    check(
        &format!(
            "graph @f(%x: f32[3,2,4,8], %w: f32[3,2,8,5]) {{ %a = reshape(%x) {{shape = [6,4,8]}} %b = reshape(%w) {{shape = [6,8,5]}} %p = {} %y = reshape(%p) {{shape = [3,2,4,5]}} return %y }}",
            dot("%a, %b", ["0", "0", "2", "1"])
        ),
        &format!(
            "graph @f(%x: f32[3,2,4,8], %w: f32[3,2,8,5]) {{ %y = {} return %y }}",
            dot("%x, %w", ["0,1", "0,1", "3", "2"])
        ),
    );
    // Split otherwise; needed as it is.
    check_unchanged(&format!("{inputs} {{ {merged} %y = reshape(%p) {{shape = [2,6,5]}} return %y }}"));
    check_unchanged(&format!("{inputs} {{ {merged} %y = reshape(%p) {{shape = [3,4,5]}} return %y, %p }}"));
    // The contracted axes are merged of different ones.
    check_unchanged(&format!(
        "graph @f(%x: f32[2,3,4,8], %w: f32[32,5]) {{ %m = reshape(%x) {{shape = [6,32]}} %p = {} %y = reshape(%p) {{shape = [2,3,5]}} return %y }}",
        dot("%m, %w", ["", "", "1", "0"])
    ));
}

#[test]
fn trivial_sums_are_no_products() {
    let zero = "%z = constant() {value = f32[] 0} %o = broadcast_in_dim(%z) {shape = [4,5], axes = []}";
    check(
        &format!("graph @f(%x: f32[4], %w: f32[5]) {{ %y = {} return %y }}", dot("%x, %w", ["", "", "", ""])),
        &format!(
            "graph @f(%x: f32[4], %w: f32[5]) {{ %a = broadcast_in_dim(%x) {{shape = [4,5], axes = [0]}} %b = broadcast_in_dim(%w) {{shape = [4,5], axes = [1]}} %p = mul(%a, %b) {zero} %y = add(%p, %o) return %y }}"
        ),
    );
    check(
        "graph @f(%x: i8[4,1], %w: i8[4,1]) { %y = dot_general(%x, %w) {lhs_batch = [0], rhs_batch = [0], lhs_contract = [1], rhs_contract = [1], dtype = i32} return %y }",
        "graph @f(%x: i8[4,1], %w: i8[4,1]) { %a = cast(%x) {dtype = i32} %c = reshape(%a) {shape = [4]} %b = cast(%w) {dtype = i32} %d = reshape(%b) {shape = [4]} %y = mul(%c, %d) return %y }",
    );
    check(
        &format!(
            "graph @f(%x: f32[4,0], %w: f32[0,5]) {{ %y = {} return %y }}",
            dot("%x, %w", ["", "", "1", "0"])
        ),
        &format!("graph @f(%x: f32[4,0], %w: f32[0,5]) {{ {zero} return %o }}"),
    );
    check_unchanged(&format!(
        "graph @f(%x: f32[4,2], %w: f32[2,5]) {{ %y = {} return %y }}",
        dot("%x, %w", ["", "", "1", "0"])
    ));
}

#[test]
fn integers_are_read_as_they_are() {
    let product = |a: &str, b: &str, dtype: &str| {
        format!(
            "dot_general({a}, {b}) {{lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0], dtype = {dtype}}}"
        )
    };
    let wide = |from: [&str; 2], to: &str| {
        format!(
            "graph @f(%x: {}[4,2], %w: {}[2,5]) {{ %a = cast(%x) {{dtype = {to}}} %b = cast(%w) {{dtype = {to}}} %y = {} return %y }}",
            from[0],
            from[1],
            product("%a", "%b", to)
        )
    };
    check(
        &wide(["u8", "u8"], "i32"),
        &format!("graph @f(%x: u8[4,2], %w: u8[2,5]) {{ %y = {} return %y }}", product("%x", "%w", "i32")),
    );
    // Two dtypes, numbers that do not all fit, and floats, whose sums may be in another order.
    check_unchanged(&wide(["u8", "i8"], "i32"));
    check_unchanged(&wide(["i8", "i8"], "u32"));
    check_unchanged(&wide(["bf16", "bf16"], "f32"));
}

/// What has no elements is not computed.
#[test]
fn results_without_elements_are_constants() {
    check(
        &format!(
            "graph @f(%x: f32[2], %w: f32[2,5]) {{ %a = broadcast_in_dim(%x) {{shape = [0,2], axes = [1]}} %y = {} return %y }}",
            dot("%a, %w", ["", "", "1", "0"])
        ),
        "graph @f(%x: f32[2], %w: f32[2,5]) { %z = constant() {value = f32[] 0.0} %y = broadcast_in_dim(%z) {shape = [0,5], axes = []} return %y }",
    );
}
