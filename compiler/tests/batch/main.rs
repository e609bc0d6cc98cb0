//! Batching: what the graph for many examples computes is what the graph for one computes for each.

mod control;
mod derivatives;
mod random;

use std::borrow::Cow;

use tensorwright_compiler::batch::batch;
use tensorwright_compiler::complex::in_reals;
use tensorwright_compiler::passes::{PassOptions, run_pipeline};
use tensorwright_ir::eval::evaluate;
use tensorwright_ir::op::Tolerance;
use tensorwright_ir::{Dim, Graph, Literal, TensorType};
use tensorwright_testkit::tolerance::first_difference;

/// The slice of a tensor at an index of axis 0.
fn slice(x: &Literal, index: usize) -> Literal {
    let ty = x.ty().with_shape(x.ty().shape.without(&[0]));
    let size = ty.elements();
    Literal::from_fn(ty, |i| x.get(index * size + i))
}

/// The type with a new axis 0.
fn wide(ty: &TensorType, size: usize) -> TensorType {
    ty.with_shape(ty.shape.with_leading(Dim::known(size)))
}

/// What the optimised graph gives, unless it takes complex numbers apart, which has tests of its own.
fn optimised(graph: &Graph, inputs: &[Literal]) -> Option<Vec<Literal>> {
    if matches!(in_reals(graph).expect("complex numbers are taken apart"), Cow::Owned(_)) {
        return None;
    }
    let optimised = run_pipeline(graph.clone(), &PassOptions::default());
    let optimised = optimised.unwrap_or_else(|e| panic!("{e}\n{graph}"));
    Some(evaluate(&optimised, inputs).unwrap())
}

/// The batched graph against the graph for each example. `inputs` are those of the batched graph.
fn check(graph: &Graph, size: usize, mask: &[bool], inputs: &[Literal]) {
    let batched = batch(graph, size, mask).unwrap_or_else(|e| panic!("{e}\n{graph}"));
    tensorwright_ir::verify(&batched.graph).unwrap_or_else(|e| panic!("{e:?}\n{}", batched.graph));
    let found =
        evaluate(&batched.graph, inputs).unwrap_or_else(|e| panic!("{e}\n{graph}\n{}", batched.graph));
    let again = optimised(&batched.graph, inputs);
    for example in 0..size {
        let own: Vec<Literal> = inputs
            .iter()
            .zip(mask)
            .map(|(x, &own)| if own { slice(x, example) } else { x.clone() })
            .collect();
        let expected = evaluate(graph, &own).unwrap_or_else(|e| panic!("{e}\n{graph}"));
        let operands: Vec<&Literal> = own.iter().collect();
        for (i, expected) in expected.iter().enumerate() {
            for all in std::iter::once(&found).chain(&again) {
                let found = if batched.per_example[i] { slice(&all[i], example) } else { all[i].clone() };
                if let Some(difference) =
                    first_difference(expected, &found, Tolerance::Epsilons(256), &operands)
                {
                    panic!(
                        "output {i} of example {example}, {difference}\n{graph}\nof {own:?}\nbatched\n{}",
                        batched.graph
                    );
                }
            }
        }
    }
}
