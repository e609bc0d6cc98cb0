//! What is recognised, as what, and what only looks like it.

use tensorwright_ir::Op;
use tensorwright_ir::op::primitive::Attend;

use super::Recognise;
use crate::passes::testing::{check_unchanged, graph, run};

/// Attention of two heads, with something between the products and the softmax, and something behind it.
fn written(between: &str, behind: &str) -> String {
    format!(
        "graph @f(%q: f32[2,64,8], %k: f32[2,64,8], %v: f32[2,64,16], %bias: f32[2,64,64], %m: bool[64]) {{
           %p = dot_general(%q, %k) {{lhs_batch = [0], rhs_batch = [0], lhs_contract = [2], rhs_contract = [2], dtype = f32}}
           {between}
           %max = reduce(%s) {{kind = max, axes = [2]}}
           %from = broadcast_in_dim(%max) {{shape = [2,64,64], axes = [0,1]}}
           %less = sub(%s, %from)
           %e = exp(%less)
           %sum = reduce(%e) {{kind = sum, axes = [2]}}
           %by = broadcast_in_dim(%sum) {{shape = [2,64,64], axes = [0,1]}}
           %w = div(%e, %by)
           {behind}
         }}"
    )
}

const SCALED: &str = "%c = constant() {value = f32[] 3.0}
   %by3 = broadcast_in_dim(%c) {shape = [2,64,64], axes = []}
   %x = div(%p, %by3)";
const MIXED: &str = "%y = dot_general(%w, %v) {lhs_batch = [0], rhs_batch = [0], lhs_contract = [2], rhs_contract = [1], dtype = f32}
   return %y";

/// The op that becomes of it, and how many operands it has.
fn recognised(between: &str, behind: &str) -> (Attend, usize) {
    let new = run(&Recognise, &graph(&written(between, behind))).expect("is recognised");
    let found = new.nodes().iter().find_map(|node| match &node.op {
        Op::Attend(op) => Some((op.clone(), node.operands.len())),
        _ => None,
    });
    found.expect("has the op")
}

fn masked(mask: &str, fill: &str, order: &str) -> String {
    format!(
        "{SCALED}
         {mask}
         %f = constant() {{value = f32[] {fill}}}
         %fill = broadcast_in_dim(%f) {{shape = [2,64,64], axes = []}}
         %s = select({order})"
    )
}

/// A mask that compares the place of a query, `%i`, with that of a key, `%j`.
fn places(compare: &str) -> String {
    format!(
        "%i = iota() {{dtype = i32, shape = [64,64], axis = 0}}
         %j = iota() {{dtype = i32, shape = [64,64], axis = 1}}
         {compare}
         %mask = broadcast_in_dim(%looks) {{shape = [2,64,64], axes = [1,2]}}"
    )
}

#[test]
fn numbers_and_biases_become_attributes_and_operands() {
    let (op, operands) = recognised(&format!("{SCALED}\n%s = add(%bias, %x)"), MIXED);
    assert_eq!((op.scale.to_f64(), op.divisor.to_f64(), operands), (1.0, 3.0, 4));
    assert_eq!((op.left, op.right), (-1, -1));
}

#[test]
fn comparisons_of_places_become_windows() {
    let window = |compare: &str, order: &str| {
        let (op, operands) = recognised(&masked(&places(compare), "-inf", order), MIXED);
        assert_eq!(operands, 3);
        (op.left, op.right, op.offset)
    };
    let shown = "%mask, %x, %fill";
    assert_eq!(window("%looks = le(%j, %i)", shown), (-1, 0, 0));
    assert_eq!(window("%looks = lt(%j, %i)", shown), (-1, 0, -1));
    assert_eq!(window("%looks = ge(%j, %i)", shown), (0, -1, 0));
    assert_eq!(window("%looks = gt(%j, %i)", "%mask, %fill, %x"), (-1, 0, 0));
}

#[test]
fn other_masks_stay_masks() {
    let rows = "%mask = broadcast_in_dim(%m) {shape = [2,64,64], axes = [2]}";
    let (op, operands) = recognised(&masked(rows, "-1e9", "%mask, %x, %fill"), MIXED);
    assert_eq!((op.fill.to_f64(), operands), (f64::from(-1e9f32), 4));
    // A number that is not minus infinity leaves hidden keys some weight where nothing else is seen.
    let (op, operands) =
        recognised(&masked(&places("%looks = le(%j, %i)"), "-1e9", "%mask, %x, %fill"), MIXED);
    assert_eq!((op.right, operands), (-1, 4));
    // Both: the window is taken out of what has to hold.
    let both = format!(
        "{}\n%row = broadcast_in_dim(%m) {{shape = [2,64,64], axes = [2]}}\n%all = and(%mask, %row)",
        places("%looks = le(%j, %i)")
    );
    let (op, operands) = recognised(&masked(&both, "-inf", "%all, %x, %fill"), MIXED);
    assert_eq!((op.right, operands), (0, 4));
    // A query compared with queries says nothing about keys.
    let (op, operands) =
        recognised(&masked(&places("%looks = le(%i, %i)"), "-inf", "%mask, %x, %fill"), MIXED);
    assert_eq!((op.left, op.right, operands), (-1, -1, 4));
}

#[test]
fn what_is_not_attention_stays() {
    let plain = "%s = add(%p, %bias)";
    let unchanged = |between: &str, behind: &str| check_unchanged(&Recognise, &written(between, behind));
    // Somebody else reads the weights, the scores or the products.
    unchanged(plain, &MIXED.replace("return %y", "return %y, %w"));
    unchanged(plain, &MIXED.replace("return %y", "return %y, %s"));
    unchanged(plain, &MIXED.replace("return %y", "return %y, %p"));
    // The values are summed over the queries.
    unchanged(plain, &MIXED.replace("lhs_contract = [2]", "lhs_contract = [1]"));
    // The batch axis is one of keys to one product and of queries to the other.
    unchanged("%s = transpose(%p) {permutation = [0,2,1]}", MIXED);
    // Scores that are no products, and a sum of two products.
    unchanged("%s = mul(%bias, %bias)", MIXED);
    unchanged("%two = exp(%p)\n%s = add(%two, %bias)", MIXED);
    // Two biases would be added in another order, and a mask inside of a bias is no mask.
    unchanged("%one = add(%p, %bias)\n%s = add(%one, %bias)", MIXED);
    // Few keys and queries are written out.
    let few = written(plain, MIXED).replace("64", "8");
    check_unchanged(&Recognise, &few);
    // Few values are added up in another order.
    check_unchanged(&Recognise, &written(plain, MIXED).replace("[2,64,16]", "[2,64,8]"));
}

#[test]
fn a_softmax_of_something_else_stays() {
    let text = written("%s = add(%p, %bias)", MIXED);
    for (from, to) in [
        ("%sum = reduce(%e) {kind = sum", "%sum = reduce(%e) {kind = max"),
        ("%max = reduce(%s) {kind = max, axes = [2]}", "%max = reduce(%s) {kind = max, axes = [1]}"),
        ("%max = reduce(%s)", "%max = reduce(%bias)"),
        ("%e = exp(%less)", "%e = exp2(%less)"),
        ("%less = sub(%s, %from)", "%less = sub(%from, %s)"),
        ("%w = div(%e, %by)", "%w = mul(%e, %by)"),
    ] {
        let other = text.replace(from, to);
        assert_ne!(other, text);
        check_unchanged(&Recognise, &other);
    }
}
