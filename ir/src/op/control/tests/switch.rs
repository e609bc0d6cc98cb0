//! `if`, `case` and `call`.

use super::{elements, graph, outputs};
use crate::Literal;

#[test]
fn if_runs_one_region() {
    let graph = graph(
        "graph @f(%p: bool[], %x: f32[], %y: f32[]) {
           %z, %w = if(%p, %x, %y) (
             graph @then(%a: f32[], %b: f32[]) { %c = add(%a, %b) return %c, %a },
             graph @else(%a: f32[], %b: f32[]) { %c = sub(%a, %b) return %c, %b }
           )
           return %z, %w
         }",
    );
    let run = |p: bool| {
        let results = outputs(&graph, &[p.into(), 3f32.into(), 5f32.into()].map(scalar));
        results.iter().map(|x| elements::<f32>(x)[0]).collect::<Vec<_>>()
    };
    assert_eq!(run(true), [8.0, 3.0]);
    assert_eq!(run(false), [-2.0, 5.0]);
}

fn scalar(value: crate::Scalar) -> Literal {
    Literal::scalar(value)
}

#[test]
fn case_runs_the_last_region_for_an_index_out_of_range() {
    let graph = graph(
        "graph @f(%i: i32[], %x: i32[2]) {
           %y = case(%i, %x) (
             graph(%x: i32[2]) { return %x },
             graph(%x: i32[2]) { %y = neg(%x) return %y },
             graph(%x: i32[2]) { %y = mul(%x, %x) return %y }
           )
           return %y
         }",
    );
    let x = Literal::new([2], &[3, -4]).unwrap();
    for (index, expected) in
        [(0, [3, -4]), (1, [-3, 4]), (2, [9, 16]), (3, [9, 16]), (-1, [9, 16]), (i32::MIN, [9, 16])]
    {
        let results = outputs(&graph, &[Literal::scalar(index), x.clone()]);
        assert_eq!(elements::<i32>(&results[0]), expected, "{index}");
    }
}

#[test]
fn call_runs_its_region() {
    let graph = graph(
        "graph @f(%x: f32[]) {
           %y = call(%x) {name = \"square\"} (graph @square(%x: f32[]) { %y = mul(%x, %x) return %y })
           return %y
         }",
    );
    assert_eq!(elements::<f32>(&outputs(&graph, &[Literal::scalar(3f32)])[0]), [9.0]);
}
