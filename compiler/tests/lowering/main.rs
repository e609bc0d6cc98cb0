//! Properties of every stage of lowering, on random graphs: what it makes verifies, and its text parses back to the same program. Run step by
//! step the program gives what the graph means: each node is held against the evaluator, within the tolerance of its op.
//!
//! `GRAPH_CASES` sets the number of graphs per property.

mod convolved;
mod donation;
mod machine;

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tensorwright_compiler::lower::{LowerOptions, Promises, STAGES, StageRun, lower_observed};
use tensorwright_compiler::passes::{PassOptions, run_pipeline};
use tensorwright_compiler::program::{Product, Program, Target, TileSize, Tiled};
use tensorwright_ir::eval::Datum;
use tensorwright_ir::op::{Lowering, Tolerance};
use tensorwright_ir::{Builder, Graph, Literal, Type, Value, eval};
use tensorwright_testkit::graphs::{GraphOptions, RandomGraph};
use tensorwright_testkit::properties::for_random_graphs;
use tensorwright_testkit::tolerance::{first_difference, same_values};

/// A runtime with small tiles, which packs if it is to.
struct Tiles {
    packed: Option<usize>,
}

impl Target for Tiles {
    fn tile(&self, _routine: &Tiled) -> Option<TileSize> {
        Some(TileSize::from_slice(&[2, 4]))
    }

    /// So many that contractions are rather code of kernels.
    fn partial_sums(&self, _product: &Product) -> Option<usize> {
        Some(16)
    }

    fn packed_bytes(&self, routine: &Tiled, operand: usize) -> Option<usize> {
        let Tiled::Product(product) = routine else { return None };
        self.packed.filter(|_| operand == 1 && product.outer.is_empty())
    }
}

/// All that may be promised: donated are pairs, and inputs that are not among them last.
fn promises(graph: &Graph) -> Promises {
    let donated = pairs(graph);
    let lasts = |input: &usize| donated.iter().all(|(given, _)| given != input);
    Promises { lasting: (0..graph.inputs().len()).filter(lasts).collect(), donated }
}

/// Each output with an input of its type, if one is left.
fn pairs(graph: &Graph) -> Vec<(usize, usize)> {
    let inputs = graph.input_types();
    let mut free: Vec<bool> = vec![true; inputs.len()];
    let mut pairs = Vec::new();
    for (output, ty) in graph.output_types().iter().enumerate() {
        if let Some(input) = (0..inputs.len()).find(|&i| free[i] && inputs[i] == *ty) {
            free[input] = false;
            pairs.push((input, output));
        }
    }
    pairs
}

fn check(graph: &Graph) -> Result<(), TestCaseError> {
    let fail = |error: String| TestCaseError::fail(format!("{error}\n{graph}"));
    let optimised =
        run_pipeline(graph.clone(), &PassOptions::default()).map_err(|error| fail(error.to_string()))?;
    let reassociate = graph.nodes().len().is_multiple_of(2);
    let options = LowerOptions { verify: true, reassociate, promises: promises(&optimised) };
    let mut texts: Vec<(&str, String, Program)> = Vec::new();
    lower_observed(&optimised, &options, &Tiles { packed: Some(256) }, &mut |run: &StageRun<'_>| {
        texts.extend(run.program.map(|program| (run.stage.name, run.text.to_string(), program.clone())));
    })
    .map_err(|error| fail(error.to_string()))?;
    prop_assert_eq!(texts.len(), STAGES.iter().skip_while(|stage| stage.name != "plan").count());
    for (stage, text, program) in texts {
        let parsed: Program = text.parse().map_err(|error| fail(format!("{stage}: {error}\n{text}")))?;
        prop_assert!(parsed == program, "{}: {}", stage, text);
    }
    Ok(())
}

#[test]
fn every_stage_makes_valid_programs_that_parse_back() {
    let tensors = |types: &[Type]| types.iter().all(|ty| ty.as_tensor().is_some());
    let property = |graph: Graph| match tensors(&graph.input_types()) && tensors(&graph.output_types()) {
        true => check(&graph),
        false => Ok(()),
    };
    for_random_graphs(&GraphOptions::default(), 150, |drawn| property(drawn.graph));
    for_random_graphs(&GraphOptions::with_control(), 150, |drawn| property(drawn.graph));
}

/// The outputs as the program of the graph gives them, with outputs over inputs; `None` if it has steps that are not run here.
fn compiled(graph: &Graph, inputs: &[Literal]) -> Result<Option<Vec<Literal>>, TestCaseError> {
    let fail = |error: String| TestCaseError::fail(format!("{error}\n{graph}"));
    let optimised =
        run_pipeline(graph.clone(), &PassOptions::default()).map_err(|error| fail(error.to_string()))?;
    let options = LowerOptions { verify: true, promises: promises(&optimised), ..LowerOptions::default() };
    let program = lower_observed(&optimised, &options, &Tiles { packed: None }, &mut |_: &StageRun<'_>| {})
        .map_err(|error| fail(error.to_string()))?;
    Ok(machine::run(&program, inputs))
}

/// Compiles the graph with all its values as outputs, and holds each node against the evaluator.
fn nodes_are_right(drawn: &RandomGraph) -> Result<(), TestCaseError> {
    let RandomGraph { graph, inputs, tolerances } = drawn;
    let outputs: Vec<Value> = graph.values().collect();
    let all = Builder::continuing(graph, graph.nodes().len()).expect("all nodes are there").finish(&outputs);
    let Some(found) = compiled(&all, inputs)? else { return Ok(()) };
    let found: HashMap<Value, Datum> = outputs.into_iter().zip(found.into_iter().map(Datum::from)).collect();
    for ((id, node), &tolerance) in graph.iter().zip(tolerances) {
        let operands: Vec<&Datum> = node.operands.iter().map(|v| &found[v]).collect();
        let types: Vec<Type> = node.results.iter().map(|&v| graph.ty(v).clone()).collect();
        let Ok(expected) = eval::Evaluator::new().evaluate_node(node, &operands, &types) else {
            return Ok(());
        };
        let tensors: Vec<&Literal> = operands.iter().map(|x| x.tensor()).collect();
        for (expected, v) in expected.iter().zip(&node.results) {
            let difference = first_difference(expected.tensor(), found[v].tensor(), tolerance, &tensors);
            prop_assert!(
                difference.is_none(),
                "{} of {:?}: {}\n{}",
                id,
                operands,
                difference.unwrap(),
                graph
            );
        }
    }
    Ok(())
}

/// Compiles the graph as it is. Sums of floats depend on what is fused, everything else does not.
fn outputs_are_right(drawn: &RandomGraph) -> Result<(), TestCaseError> {
    let RandomGraph { graph, inputs, tolerances } = drawn;
    let mut nodes = graph.nodes().iter().zip(tolerances);
    if nodes.any(|(node, t)| *t != Tolerance::Exact && node.op.lowering() != Lowering::Map) {
        return Ok(());
    }
    let Ok(expected) = eval::evaluate(graph, inputs) else { return Ok(()) };
    let Some(found) = compiled(graph, inputs)? else { return Ok(()) };
    for (e, f) in expected.iter().zip(&found) {
        prop_assert!(same_values(e, f), "{:?} and {:?} of {}", e, f, graph);
    }
    Ok(())
}

#[test]
fn programs_give_what_graphs_mean() {
    let property = |drawn: RandomGraph| {
        if drawn.graph.values().any(|v| drawn.graph.ty(v).as_tensor().is_none()) {
            return Ok(());
        }
        nodes_are_right(&drawn)?;
        outputs_are_right(&drawn)
    };
    let options = |options: GraphOptions| GraphOptions { max_elements: 64, ..options };
    for_random_graphs(&options(GraphOptions::default()), 100, property);
    for_random_graphs(&options(GraphOptions::with_control()), 100, property);
}
