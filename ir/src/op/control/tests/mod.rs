//! Control flow, effects and lists: what they compute, what they accept, how they are built.

mod building;
mod effects;
mod host;
mod lists;
mod loops;
mod preconditions;
mod switch;

use crate::eval::{Datum, EvalError, Evaluator};
use crate::text::parse;
use crate::{Element, Graph, Literal, Shape, Type};

fn graph(text: &str) -> Graph {
    let graph = parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    crate::verify(&graph).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(parse(&graph.to_string()).unwrap(), graph, "{graph}");
    graph
}

/// Outputs, and what was printed. Tokens that the graph takes are given to it, and those that it gives are left out.
fn run(graph: &Graph, inputs: &[Literal]) -> (Result<Vec<Literal>, EvalError>, Vec<String>) {
    let mut printed = Vec::new();
    let mut sink = |text: &str| printed.push(text.to_owned());
    let mut inputs = inputs.iter().cloned();
    let input = |&v| match graph.ty(v) {
        Type::Token => Datum::Token,
        _ => inputs.next().expect("an input for each tensor").into(),
    };
    let inputs = graph.inputs().iter().map(input).collect();
    let outputs = Evaluator::new().with_sink(&mut sink).evaluate_data(graph, inputs);
    (outputs.map(|outputs| outputs.into_iter().flat_map(Datum::into_tensor).collect()), printed)
}

fn outputs(graph: &Graph, inputs: &[Literal]) -> Vec<Literal> {
    run(graph, inputs).0.unwrap_or_else(|error| panic!("{error}"))
}

fn tensor<T: Element>(shape: impl Into<Shape>, elements: &[T]) -> Literal {
    Literal::new(shape, elements).expect("as many elements as the shape has")
}

fn elements<T: Element>(literal: &Literal) -> Vec<T> {
    literal.to_vec().expect("of this dtype")
}
