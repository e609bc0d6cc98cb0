//! What is connected, what is computed, and what `explain` says.

use tensorwright_compiler::differentiate::{DifferentiateError, append_jvp, explain, jvp, vjp};
use tensorwright_ir::eval::evaluate;
use tensorwright_ir::op::primitive::ReduceKind;
use tensorwright_ir::{Builder, DType, Graph, Literal, Location, TensorType, Value};

fn f64s(shape: impl Into<tensorwright_ir::Shape>) -> TensorType {
    TensorType::new(DType::F64, shape)
}

/// `x` goes to an integer and on, `y` through a comparison, `z` is used, `n` is an integer, `u` is not used.
fn mixed() -> Graph {
    let mut b = Builder::new("mixed");
    let named = |b: &mut Builder, name: &str| b.named_input(name, f64s([3]));
    let (x, y, z) = (named(&mut b, "x"), named(&mut b, "y"), named(&mut b, "z"));
    let n = b.named_input("n", TensorType::new(DType::I32, [3]));
    named(&mut b, "u");
    let at = |b: &mut Builder, line| b.set_location(Some(Location::new("model.rs", line, 5)));
    at(&mut b, 10);
    let scaled = b.mul(x, x).unwrap();
    at(&mut b, 11);
    let rounded = b.cast(scaled, DType::I32).unwrap();
    at(&mut b, 12);
    let sum = b.add(rounded, n).unwrap();
    let back = b.cast(sum, DType::F64).unwrap();
    at(&mut b, 13);
    let mask = b.gt(y, z).unwrap();
    let result = b.select(mask, back, z).unwrap();
    b.finish(&[result])
}

#[test]
fn unconnected_inputs_have_no_derivative() {
    let derived = vjp(&mixed(), &[0, 1, 2, 3, 4]).unwrap();
    assert_eq!(derived.derivatives, [None, None, Some(1), None, None]);
    assert_eq!(derived.graph.inputs().len(), 6);
    assert_eq!(derived.graph.outputs().len(), 2);
    let forward = jvp(&mixed(), &[0]).unwrap();
    assert_eq!(forward.derivatives, [None]);
    assert_eq!(jvp(&mixed(), &[2]).unwrap().derivatives, [Some(1)]);
}

#[test]
fn explanations_show_the_way() {
    let says = |input| explain(&mixed(), input).unwrap().map(|u| u.to_string());
    assert_eq!(
        says(0).unwrap(),
        "x -> mul at model.rs:10:5 -> cast to i32 at model.rs:11:5 is not differentiable"
    );
    assert_eq!(says(1).unwrap(), "y -> gt at model.rs:13:5 is not differentiable");
    assert_eq!(says(2), None);
    assert_eq!(says(3).unwrap(), "n is i32, which has no derivatives");
    assert_eq!(says(4).unwrap(), "no output depends on u");
}

/// The composite's result is a float, but nothing in it is differentiable.
#[test]
fn explanations_look_into_definitions() {
    let mut b = Builder::new("f");
    let x = b.input(f64s([3]));
    let count = b.count_nonzero(x, [0], tensorwright_ir::op::composite::Dims::Drop, DType::F64).unwrap();
    let graph = b.finish(&[count]);
    assert_eq!(
        explain(&graph, 0).unwrap().unwrap().to_string(),
        "input 0 -> cast to bool is not differentiable"
    );
    assert_eq!(vjp(&graph, &[0]).unwrap().derivatives, [None]);
}

#[test]
fn stopped_gradients_are_explained() {
    let mut b = Builder::new("f");
    let x = b.named_input("x", f64s([]));
    let stopped = b.stop_gradient(x).unwrap();
    let graph = b.finish(&[stopped]);
    assert_eq!(vjp(&graph, &[0]).unwrap().derivatives, [None]);
    assert_eq!(explain(&graph, 0).unwrap().unwrap().to_string(), "x -> stop_gradient is not differentiable");
    let mut b = Builder::new("f");
    let x = b.input(f64s([]));
    let stopped = b.stop_gradient(x).unwrap();
    let product = b.mul(x, stopped).unwrap();
    let derived = vjp(&b.finish(&[product]), &[0]).unwrap();
    let found = evaluate(&derived.graph, &[Literal::scalar(3.0), Literal::scalar(1.0)]).unwrap();
    assert_eq!(found[1], Literal::scalar(3.0));
}

fn count(graph: &Graph, name: &str) -> usize {
    graph.nodes().iter().filter(|n| n.op.name() == name).count()
}

#[test]
fn nothing_is_computed_for_inputs_that_are_not_asked_for() {
    let mut b = Builder::new("f");
    let (x, w) = (b.input(f64s([4, 5])), b.input(f64s([5, 6])));
    let y = b.matmul(x, w).unwrap();
    let graph = b.finish(&[y]);
    assert_eq!(count(&vjp(&graph, &[1]).unwrap().graph, "dot_general"), 2);
    let both = vjp(&graph, &[0, 1]).unwrap().graph;
    assert_eq!(count(&both, "dot_general"), 3);
    // Factors are put in the order that gives the axes of the operand.
    assert_eq!(count(&both, "transpose"), 0);
}

#[test]
fn tangents_that_no_output_needs_are_not_computed() {
    let mut b = Builder::new("f");
    let x = b.input(f64s([]));
    let y = b.exp(x).unwrap();
    let unused = b.sin(x).unwrap();
    b.cos(unused).unwrap();
    let derived = jvp(&b.finish(&[y]), &[0]).unwrap();
    assert_eq!(derived.graph.nodes().len(), 4);
}

#[test]
fn inactive_composites_stay_whole() {
    let mut b = Builder::new("f");
    let (x, c) = (b.input(f64s([3])), b.input(f64s([3])));
    let constant = b.mish(c).unwrap();
    let y = b.mul(x, constant).unwrap();
    let graph = vjp(&b.finish(&[y]), &[0]).unwrap().graph;
    assert_eq!(count(&graph, "mish"), 1);
}

#[test]
fn outputs_that_are_inputs_or_there_twice_count_as_often() {
    let mut b = Builder::new("f");
    let x = b.input(f64s([]));
    let y = b.neg(x).unwrap();
    let graph = b.finish(&[x, y, y]);
    let derived = vjp(&graph, &[0]).unwrap();
    let inputs = [5.0, 1.0, 10.0, 100.0].map(Literal::scalar);
    let found = evaluate(&derived.graph, &inputs).unwrap();
    assert_eq!(found[derived.derivatives[0].unwrap()], Literal::scalar(-109.0));
}

#[test]
fn derivatives_go_to_any_order() {
    let mut b = Builder::new("f");
    let x = b.input(f64s([]));
    let y = b.sin(x).unwrap();
    let mut graph = b.finish(&[y]);
    // Forward mode, with only the tangent kept as the output.
    for _ in 0..4 {
        let derived = jvp(&graph, &[0]).unwrap();
        let last = derived.derivatives[0].unwrap();
        let mut b = Builder::new("next");
        let x = b.input(f64s([]));
        let one = b.scalar(1.0);
        let outputs = b.inline(&derived.graph, &[x, one]).unwrap();
        graph = b.finish(&[outputs[last]]);
    }
    let found = evaluate(&graph, &[Literal::scalar(0.7)]).unwrap()[0].get(0).to_f64();
    assert!((found - 0.7f64.sin()).abs() < 1e-14);
}

#[test]
fn the_builder_keeps_its_location() {
    let mut b = Builder::new("outer");
    let x = b.input(f64s([3]));
    let here = Location::new("outer.rs", 1, 1);
    b.set_location(Some(here.clone()));
    let mut inner = Builder::new("inner");
    let y = inner.input(f64s([3]));
    inner.set_location(Some(Location::new("inner.rs", 7, 1)));
    let z = inner.exp(y).unwrap();
    let appended = append_jvp(&mut b, &inner.finish(&[z]), &[x], &[Some(x)]).unwrap();
    assert_eq!(b.location(), Some(&here));
    let tangent: Value = appended.derivatives[0].unwrap();
    let node = b.graph().producer(tangent).unwrap().1;
    assert_eq!(node.location.as_ref().unwrap().to_string(), "inner.rs:7:1");
}

#[test]
fn wrong_positions_are_errors() {
    let graph = mixed();
    assert_eq!(vjp(&graph, &[9]), Err(DifferentiateError::NoSuchInput { position: 9, inputs: 5 }));
    assert_eq!(jvp(&graph, &[0, 0]), Err(DifferentiateError::DuplicateInput { position: 0 }));
    assert!(explain(&graph, 5).is_err());
}

#[test]
fn derivatives_print_and_parse() {
    let mut b = Builder::new("f");
    let x = b.named_input("x", f64s([2, 3]));
    let y = b.softmax(x, 1usize).unwrap();
    let y = b.reduce(y, ReduceKind::Max, [1]).unwrap();
    let graph = vjp(&b.finish(&[y]), &[0]).unwrap().graph;
    let text = graph.to_string();
    assert_eq!(tensorwright_ir::text::parse(&text).unwrap().to_string(), text);
}

/// Of loops and branches the way through them is shown: state also by way of the state that brought the input there.
#[test]
fn explanations_go_through_regions() {
    let code = "graph @f(%x: f64[], %y: f64[], %n: i32[], %z: f64[]) {
      %last, %other, %count = while(%y, %z, %n, %x) {carried = 3} (
        graph @condition(%a: f64[], %b: f64[], %n: i32[], %x: f64[]) {
          %limit = constant() {value = 3:i32} %go = lt(%n, %limit) return %go
        },
        graph @body(%a: f64[], %b: f64[], %n: i32[], %x: f64[]) {
          %one = constant() {value = 1:i32} %m = add(%n, %one)
          %p = gt(%x, %a)
          %c = if(%p, %b) (
            graph @then(%b: f64[]) { %r = floor(%b) @ \"model.rs\":7:3 return %r },
            graph @else(%b: f64[]) { %s = sign(%b) @ \"model.rs\":9:3 return %s }
          ) @ \"model.rs\":6:3
          return %c, %x, %m
        }
      ) @ \"model.rs\":4:1
      return %last, %count
    }";
    let graph = tensorwright_ir::text::parse(code).unwrap();
    let says = |input| explain(&graph, input).unwrap().map(|u| u.to_string());
    assert_eq!(
        says(0).unwrap(),
        "x -> while at model.rs:4:1 -> gt is not differentiable\n\
         x -> while at model.rs:4:1 -> if at model.rs:6:3 -> floor at model.rs:7:3 is not differentiable\n\
         x -> while at model.rs:4:1 -> if at model.rs:6:3 -> sign at model.rs:9:3 is not differentiable"
    );
    // It is the result if the loop runs never.
    assert_eq!(says(1), None);
    assert_eq!(
        says(3).unwrap(),
        "z -> while at model.rs:4:1 -> if at model.rs:6:3 -> floor at model.rs:7:3 is not differentiable\n\
         z -> while at model.rs:4:1 -> if at model.rs:6:3 -> sign at model.rs:9:3 is not differentiable"
    );
    assert_eq!(vjp(&graph, &[0, 3]).unwrap().derivatives, [None, None]);
    assert_eq!(says(2).unwrap(), "n is i32, which has no derivatives");
}

/// A definition in a region is looked into; a result that is of no use gives nobody a derivative.
#[test]
fn explanations_look_into_definitions_in_regions() {
    let code = "graph @f(%x: f64[3], %u: f64[3]) {
      %y, %unused = call(%x, %u) {name = \"g\"} (
        graph @g(%x: f64[3], %u: f64[3]) {
          %c = count_nonzero(%x) {axes = [0], dims = drop, dtype = f64} return %c, %u
        }
      )
      return %y
    }";
    let graph = tensorwright_ir::text::parse(code).unwrap();
    let says = |input| explain(&graph, input).unwrap().map(|u| u.to_string());
    assert_eq!(says(0).unwrap(), "x -> call -> cast to bool is not differentiable");
    assert_eq!(says(1).unwrap(), "no output depends on u");
}
