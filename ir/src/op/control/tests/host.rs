//! Calls of the program's code: `host_callback`, `pure_callback`, `custom_call`.

use std::sync::{Arc, Mutex};

use super::{elements, graph, outputs, tensor};
use crate::eval::{Datum, Evaluator, evaluate};
use crate::host::HostFunction;
use crate::op::CallAttributes;
use crate::op::control::CallBatching;
use crate::text::parse;
use crate::{Builder, DType, Graph, Literal, TensorType};

fn ty(dtype: DType) -> TensorType {
    TensorType::new(dtype, [2])
}

/// A graph that calls a closure for a result of this type.
fn calling(callback: HostFunction, result: DType) -> Graph {
    let mut b = Builder::new("f");
    let x = b.input(ty(DType::F32));
    let y = b.pure_callback(callback, &[x], &[ty(result)], CallBatching::Sequential).unwrap();
    b.finish(&y)
}

#[test]
fn a_closure_gives_the_results_that_were_said() {
    let doubled = HostFunction::new(|x| {
        let numbers: Vec<f32> = x[0].to_vec::<f32>().expect("f32").iter().map(|x| 2.0 * x).collect();
        Ok(vec![Literal::new([2], &numbers).expect("two")])
    });
    let input = [tensor([2], &[1.0f32, -3.0])];
    let found = outputs(&calling(doubled.clone(), DType::F32), &input);
    assert_eq!(elements::<f32>(&found[0]), [2.0, -6.0]);
    let error = evaluate(&calling(doubled, DType::I32), &input).unwrap_err().to_string();
    assert_eq!(error, "`pure_callback` failed: it gave f32[2], not i32[2]");
}

#[test]
fn callbacks_run_in_the_order_of_their_tokens() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noting = |number: i32| {
        let seen = seen.clone();
        HostFunction::new(move |x| {
            seen.lock().expect("nobody panics").push((number, x.len()));
            Ok(Vec::new())
        })
    };
    let mut b = Builder::new("f");
    let x = b.input(ty(DType::F32));
    let token = b.token();
    let first = b.host_callback(token, noting(1), &[x, x]).unwrap();
    b.host_callback(first, noting(2), &[]).unwrap();
    let graph = b.finish(&[]);
    let input = Datum::from(tensor([2], &[0.0f32; 2]));
    assert!(Evaluator::new().evaluate_data(&graph, vec![input]).unwrap().is_empty());
    assert_eq!(*seen.lock().expect("nobody panics"), [(1, 2), (2, 0)]);
}

#[test]
fn a_closure_has_no_text_that_can_be_read() {
    let graph = calling(HostFunction::new(|x| Ok(x.to_vec())), DType::F32);
    assert!(!graph.nodes()[0].op.has_text());
    let error = parse(&graph.to_string()).unwrap_err().to_string();
    assert!(error.contains("`pure_callback`: attribute `callback` must be a closure"), "{error}");
}

#[test]
fn a_call_by_name_is_read_and_checked_when_it_runs() {
    let text = |name: &str, result: &str| {
        format!(
            "graph @f(%x: f32[2]) {{
               %y = custom_call(%x) {{name = \"{name}\", attributes = [[\"n\", 1], [\"w\", [1, -2]], [\"s\", 1.5:f32], [\"t\", \"x\"]],
                 results = [{result}], batching = broadcast_all, pairs = []}}
               return %y
             }}"
        )
    };
    let input = [tensor([2], &[1.0f32, 2.0])];
    assert_eq!(outputs(&graph(&text("identity", "f32[2]")), &input), input);
    let failure = |text: &str| evaluate(&graph(text), &input).unwrap_err().to_string();
    let unknown = failure(&text("nobody", "f32[2]"));
    assert!(unknown.contains("`custom_call` failed: no kernel is registered as `nobody`"), "{unknown}");
    let other = failure(&text("identity", "i8[]"));
    assert!(other.contains("the kernel registered as `identity` gives f32[2], not i8[]"), "{other}");
}

#[test]
fn pairs_are_complex_numbers_for_the_program() {
    let text = "graph @f(%x: f32[3,2]) {
        %y = custom_call(%x) {name = \"identity\", attributes = [], results = [c64[3]], batching = sequential, pairs = [0, 1]}
        return %y
    }";
    let input = [tensor([3, 2], &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0])];
    assert_eq!(outputs(&graph(text), &input), input);
    for (from, to) in [("pairs = [0, 1]", "pairs = [1, 0]"), ("[3,2]", "[2,3]"), ("c64[3]", "f32[3]")] {
        let error = parse(&text.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains("attribute `pairs`"), "{error}");
    }
}

#[test]
fn attributes_are_found_by_their_names() {
    let attributes = CallAttributes::from_iter([("axis", 1), ("count", -2)]);
    assert_eq!(attributes.get("count"), Some(&(-2).into()));
    assert_eq!(attributes.get("other"), None);
    assert_eq!(attributes.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["axis", "count"]);
}
