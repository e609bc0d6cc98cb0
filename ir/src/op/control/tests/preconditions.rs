//! What is not accepted, one text per precondition.

use crate::text::parse;

/// The error of a text, which must contain `expected`.
#[track_caller]
fn rejects(text: &str, expected: &str) {
    let error = match parse(text) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(error) => error,
    };
    let label = error.label();
    assert!(label.contains(expected), "found `{label}`, not `{expected}`, in\n{text}");
}

const X: &str = "%p: bool[], %i: i32[], %x: f32[2], %y: f32[3], %t: token, %s: f32[]";

#[track_caller]
fn node_rejected(node: &str, expected: &str) {
    rejects(&format!("graph @f({X}) {{ {node} return }}"), expected);
}

#[test]
fn regions_are_counted() {
    let one = "graph(%x: f32[2]) { return %x }";
    node_rejected(&format!("%r = if(%p, %x) ({one})"), "takes 2 regions, found 1");
    node_rejected("%r = case(%i, %x)", "takes 1 or more regions, found 0");
    node_rejected(&format!("%r = while(%x) {{carried = 1}} ({one})"), "takes 2 regions, found 1");
    node_rejected(&format!("%r = neg(%x) ({one})"), "takes 0 regions, found 1");
    node_rejected(&format!("%r = call(%x) {{name = \"f\"}} ({one}, {one})"), "takes 1 regions, found 2");
    node_rejected(&format!("%r = print(%t) {{format = \"\"}} ({one})"), "takes 0 regions, found 1");
}

#[test]
fn what_chooses_has_its_type() {
    let one = "graph(%x: f32[2]) { return %x }";
    node_rejected(
        &format!("%r = if(%i, %x) ({one}, {one})"),
        "operand 0, the predicate, must be bool[], found i32[]",
    );
    node_rejected(&format!("%r = case(%x, %x) ({one})"), "operand 0, the index, must be i32[], found f32[2]");
    node_rejected("%r = if() (graph() { return }, graph() { return })", "takes 1 or more operands, found 0");
}

#[test]
fn branches_take_the_operands_and_agree() {
    node_rejected(
        "%r = if(%p, %x) (graph(%x: f32[2]) { return %x }, graph(%x: f32[3]) { return %x })",
        "input 0 of region `else` must be f32[2], like operand 1, found f32[3]",
    );
    node_rejected(
        "%r = if(%p, %x) (graph() { return }, graph(%x: f32[2]) { return })",
        "region `then` must have 1 inputs, found 0",
    );
    node_rejected(
        "%r = case(%i, %x, %y) (
           graph(%x: f32[2], %y: f32[3]) { return %x, %y },
           graph(%x: f32[2], %y: f32[3]) { return %x, %x }
         )",
        "output 1 of region `branch 1` must be f32[3], like output 1 of region `branch 0`, found f32[2]",
    );
    node_rejected(
        "%r = if(%p, %x) (graph(%x: f32[2]) { return %x }, graph(%x: f32[2]) { return })",
        "region `else` must have 1 outputs, found 0",
    );
}

#[test]
fn while_keeps_its_state() {
    let condition = "graph(%x: f32[2], %i: i32[]) { %c = constant() {value = true:bool} return %c }";
    let body = "graph(%x: f32[2], %i: i32[]) { return %x }";
    let with = |condition: &str, body: &str, carried: usize| {
        format!("%r = while(%x, %i) {{carried = {carried}}} ({condition}, {body})")
    };
    let state = "graph(%x: f32[2], %i: i32[]) { return %i }";
    node_rejected(
        &with(condition, state, 1),
        "output 0 of region `body` must be f32[2], like operand 0, found i32[]",
    );
    node_rejected(&with(condition, body, 2), "region `body` must have 2 outputs, found 1");
    node_rejected(&with(condition, body, 3), "attribute `carried`: there are only 2 operands");
    node_rejected(
        &with(state, body, 1),
        "output 0 of region `condition` must be bool[], like every condition, found i32[]",
    );
    let none = "graph(%x: f32[2], %i: i32[]) { return }";
    node_rejected(&with(none, body, 1), "region `condition` must have 1 outputs, found 0");
    let other = "graph(%x: f32[2], %i: i64[]) { return %x }";
    node_rejected(
        &with(condition, other, 1),
        "input 1 of region `body` must be i32[], like operand 1, found i64[]",
    );
}

#[test]
fn scans_agree_with_their_length_and_body() {
    let scan = |attributes: &str, body: &str| {
        format!("%r = scan(%s, %x, %y) {{{attributes}, reverse = false}} ({body})")
    };
    let body = "graph(%s: f32[], %x: f32[], %y: f32[3]) { return %s }";
    node_rejected(
        &scan("carried = 1, scanned = 2, length = 2", body),
        "attribute `length`: operand 2 has 3 slices, found 2",
    );
    node_rejected(
        &scan("carried = 0, scanned = 1, length = 2", body),
        "operand 0 is a scalar and has no slices",
    );
    node_rejected(
        &scan("carried = 1, scanned = 3, length = 2", body),
        "attribute `scanned`: there are only 3 operands",
    );
    node_rejected(
        &scan("carried = 4, scanned = 0, length = 2", body),
        "attribute `carried`: there are only 3 operands",
    );
    node_rejected(
        &scan("carried = 18446744073709551615, scanned = 2, length = 2", body),
        "attribute `carried`",
    );
    node_rejected(
        &scan(
            "carried = 1, scanned = 1, length = 2",
            "graph(%s: f32[], %x: f32[2], %y: f32[3]) { return %s }",
        ),
        "input 1 of region `body` must be f32[], like a slice of operand 1, found f32[2]",
    );
    node_rejected(
        &scan(
            "carried = 1, scanned = 1, length = 2",
            "graph(%s: f32[], %x: f32[], %y: f32[3]) { return %y }",
        ),
        "output 0 of region `body` must be f32[], like operand 0, found f32[3]",
    );
    node_rejected(
        &scan("carried = 1, scanned = 1, length = 2", "graph(%s: f32[], %x: f32[], %y: f32[3]) { return }"),
        "region `body` must have 1 outputs, found 0",
    );
    node_rejected(
        "%r = scan(%x) {carried = 0, scanned = 0, length = 1152921504606846975, reverse = false} (
           graph(%x: f32[2]) { return %x })",
        "the result of shape [1152921504606846975,2] is too large",
    );
}

#[test]
fn maps_agree_with_their_length_and_body() {
    node_rejected(
        "%r = map(%x, %y) {mapped = 2, length = 2} (graph(%x: f32[], %y: f32[]) { return })",
        "attribute `length`: operand 1 has 3 slices, found 2",
    );
    node_rejected(
        "%r = map(%x) {mapped = 2, length = 2} (graph(%x: f32[]) { return })",
        "attribute `mapped`: there are only 1 operands",
    );
    node_rejected(
        "%r = map(%x, %y) {mapped = 1, length = 2} (graph(%x: f32[], %y: f32[]) { return })",
        "input 1 of region `body` must be f32[3], like operand 1, found f32[]",
    );
}

#[test]
fn calls_take_their_operands() {
    node_rejected(
        "%r = call(%x) {name = \"f\"} (graph(%y: f32[3]) { return %y })",
        "input 0 of region `body` must be f32[3]"
            .replace("f32[3]", "f32[2], like operand 0, found f32[3]")
            .as_str(),
    );
}

#[test]
fn effects_take_a_token_first() {
    let token = "operand 0, the token, must be token, found ";
    node_rejected("%r = print(%x) {format = \"\"}", token);
    node_rejected("%r = assert(%p, %p) {message = \"\"}", token);
    node_rejected("%r = check_finite(%x, %x) {message = \"\"}", token);
    node_rejected(
        "%r = assert(%t, %i) {message = \"\"}",
        "operand 1, the predicate, must be bool[], found i32[]",
    );
    node_rejected(
        "%r = check_finite(%t, %i) {message = \"\"}",
        "operand 1 must have a float or complex dtype, found i32",
    );
    node_rejected("%r = assert(%t) {message = \"\"}", "takes 2 or more operands, found 1");
    node_rejected("%r = assert(%t, %p, %x) {message = \"x\"}", "attribute `message`: 0 places for 1 values");
    node_rejected("%r = assert(%t, %p) {message = \"{x}\"}", "a single `{`: write `{{`");
}

#[test]
fn formats_are_well_formed_and_have_a_place_for_each_value() {
    let print = |format: &str| format!("%r = print(%t, %x) {{format = \"{format}\"}}");
    node_rejected(&print("x"), "attribute `format`: 0 places for 1 values");
    node_rejected(&print("{} {}"), "attribute `format`: 2 places for 1 values");
    node_rejected(&print("{x}"), "a single `{`: write `{{`");
    node_rejected(&print("{} }"), "a single `}`: write `}}`");
    node_rejected(&print("{} {"), "a single `{`: write `{{`");
}
