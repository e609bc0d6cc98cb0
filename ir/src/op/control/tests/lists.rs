//! Lists: their ops, lists as values of control flow, and what is not accepted.

use super::{elements, graph, outputs, run, tensor};
use crate::text::parse;
use crate::{Builder, DType, Literal, TensorType, Type};

#[test]
fn a_list_is_a_stack_with_random_access() {
    let graph = graph(
        "graph @f(%x: f32[2], %y: f32[2], %i: i32[]) {
           %e = list_new() {dtype = f32, shape = [2]} : list<f32[2]>
           %a = list_push(%e, %x) : list<f32[2]>
           %b = list_push(%a, %y)
           %n = list_len(%b) : i32[]
           %g = list_get(%b, %i) : f32[2]
           %s = list_stack(%b) {length = 2} : f32[2,2]
           %c, %last = list_pop(%b)
           %d, %first = list_pop(%c)
           %f, %none = list_pop(%d)
           %h = list_get(%f, %i)
           return %n, %g, %s, %last, %first, %none, %h
         }",
    );
    let (x, y) = (tensor([2], &[1.0f32, 2.0]), tensor([2], &[3.0f32, 4.0]));
    for (index, expected) in [(0, &x), (1, &y), (7, &y), (-3, &x)] {
        let found = outputs(&graph, &[x.clone(), y.clone(), Literal::scalar(index)]);
        assert_eq!(elements::<i32>(&found[0]), [2]);
        assert_eq!(found[1], *expected);
        assert_eq!(elements::<f32>(&found[2]), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(found[3..5], [y.clone(), x.clone()]);
        assert_eq!(elements::<f32>(&found[5]), [0.0, 0.0]);
        assert_eq!(elements::<f32>(&found[6]), [0.0, 0.0]);
    }
}

#[test]
fn nothing_changes_a_list() {
    let graph = graph(
        "graph @f(%x: i32[]) {
           %e = list_new() {dtype = i32, shape = []}
           %a = list_push(%e, %x)
           %b, %y = list_pop(%a)
           %c = list_push(%a, %x)
           %na = list_len(%a) %nb = list_len(%b) %nc = list_len(%c)
           return %na, %nb, %nc
         }",
    );
    let found = outputs(&graph, &[Literal::scalar(5i32)]);
    assert_eq!(found, [1, 0, 2].map(Literal::scalar));
}

#[test]
fn loops_carry_lists_and_branches_give_them() {
    let graph = graph(
        "graph @f(%n: i32[]) {
           %zero = constant() {value = 0:i32}
           %e = list_new() {dtype = i32, shape = []}
           %i, %odd = while(%zero, %e, %n) {carried = 2} (
             graph(%i: i32[], %l: list<i32[]>, %n: i32[]) { %go = lt(%i, %n) return %go },
             graph(%i: i32[], %l: list<i32[]>, %n: i32[]) {
               %one = constant() {value = 1:i32}
               %next = add(%i, %one)
               %bit = and(%i, %one)
               %p = cast(%bit) {dtype = bool}
               %m = if(%p, %l, %i) (
                 graph(%l: list<i32[]>, %i: i32[]) { %m = list_push(%l, %i) return %m },
                 graph(%l: list<i32[]>, %i: i32[]) { return %l }
               )
               return %next, %m
             }
           )
           %s = list_stack(%odd) {length = 3}
           return %s
         }",
    );
    assert_eq!(elements::<i32>(&outputs(&graph, &[Literal::scalar(7i32)])[0]), [1, 3, 5]);
    let error = run(&graph, &[Literal::scalar(3i32)]).0.unwrap_err();
    assert_eq!(error.to_string(), "the list must have 3 rows to be stacked, found 1");
}

#[test]
fn rows_without_elements_count() {
    let mut b = Builder::new("f");
    let x = b.input(TensorType::new(DType::F64, [0, 3]));
    let empty = b.list_new(&TensorType::new(DType::F64, [0, 3])).unwrap();
    let one = b.list_push(empty, x).unwrap();
    let (none, popped) = b.list_pop(one).unwrap();
    let (len, left) = (b.list_len(one).unwrap(), b.list_len(none).unwrap());
    let found = outputs(&b.finish(&[len, left, popped]), &[tensor::<f64>([0, 3], &[])]);
    assert_eq!((elements::<i32>(&found[0]), elements::<i32>(&found[1])), (vec![1], vec![0]));
    assert_eq!(found[2].ty(), &TensorType::new(DType::F64, [0, 3]));
}

#[track_caller]
fn rejected(node: &str, expected: &str) {
    let inputs = "%l: list<f32[2]>, %x: f32[2], %y: f32[3], %i: i32[], %k: list<i32[]>, %t: token";
    let error = parse(&format!("graph @f({inputs}) {{ {node} return }}")).expect_err(node);
    assert!(error.label().contains(expected), "found `{}`, not `{expected}`, in {node}", error.label());
}

#[test]
fn rows_have_the_type_of_the_list() {
    rejected("%r = list_push(%l, %y)", "operand 1, the row, must be f32[2], found f32[3]");
    rejected("%r = list_push(%l, %l)", "operand 1, the row, must be f32[2], found list<f32[2]>");
    rejected("%r = list_push(%x, %x)", "operand 0 must be a list, found f32[2]");
    rejected("%r = list_len(%x)", "operand 0 must be a list, found f32[2]");
    rejected("%r, %q = list_pop(%x)", "operand 0 must be a list, found f32[2]");
}

#[test]
fn indices_are_integer_scalars() {
    rejected("%r = list_get(%l, %x)", "operand 1 must have i32, i64, u32 or u64, found f32");
    rejected("%r = list_get(%l, %k)", "operand 1 is a list<i32[]>");
}

#[test]
fn other_ops_take_no_lists() {
    rejected("%r = neg(%l)", "operand 0 is a list<f32[2]>: lists are for the operations on lists");
    rejected("%r = add(%x, %l)", "operand 1 is a list<f32[2]>");
    rejected("%r = print(%t, %l) {format = \"{}\"}", "operand 1 is a list<f32[2]>");
    rejected("%r = reshape(%l) {shape = [2]}", "operand 0 is a list<f32[2]>");
}

#[test]
fn lists_are_neither_sliced_nor_stacked() {
    rejected(
        "%r = map(%l) {mapped = 1, length = 2} (graph(%x: f32[]) { return %x })",
        "operand 0 is a list<f32[2]> and has no slices",
    );
    rejected(
        "%r = map(%x, %l) {mapped = 1, length = 2} (graph(%x: f32[], %l: list<f32[2]>) { return %l })",
        "a list<f32[2]> cannot be stacked",
    );
}

#[test]
fn a_list_with_too_large_a_stack_is_refused() {
    rejected(&format!("%r = list_stack(%l) {{length = {}}}", usize::MAX / 2), "too large");
}

#[test]
fn types_of_lists_are_their_own() {
    let row = TensorType::new(DType::F32, [4, 8]);
    let list = Type::List(row.clone());
    assert_eq!(list.to_string(), "list<f32[4,8]>");
    assert_ne!(list, Type::Tensor(row.clone()));
    assert_eq!((list.as_list(), list.as_tensor(), list.bytes()), (Some(&row), None, 8));
    for bad in ["list", "list<>", "list<f32[4]", "list<list<f32[]>>", "list<f32>"] {
        assert!(parse(&format!("graph @f(%l: {bad}) {{ return }}")).is_err(), "{bad}");
    }
}
