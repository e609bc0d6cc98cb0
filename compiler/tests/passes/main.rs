//! Properties of every pass, on random graphs: what it makes verifies and has the same meaning, running it again changes nothing,
//! cost does not grow, and the result is the same each time.
//!
//! `GRAPH_CASES` sets the number of graphs per property.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tensorwright_compiler::passes::{self, Pass, PassOptions, PassRun, cost, run_passes, run_pipeline};
use tensorwright_ir::eval::{EvalError, Evaluator};
use tensorwright_ir::text::{Style, print};
use tensorwright_ir::{Graph, Literal};
use tensorwright_testkit::graphs::{GraphOptions, RandomGraph};
use tensorwright_testkit::properties::for_random_graphs;
use tensorwright_testkit::tolerance::same_values;

/// Graphs of ordinary ops, and graphs with control flow and effects.
fn for_graphs(property: impl Fn(RandomGraph) -> Result<(), TestCaseError>) {
    for_random_graphs(&GraphOptions::default(), 150, &property);
    for_random_graphs(&GraphOptions::with_control(), 150, &property);
}

fn options() -> PassOptions {
    PassOptions { verify: true, fold_work: usize::MAX, ..PassOptions::default() }
}

fn apply(pass: &'static dyn Pass, graph: &Graph) -> Result<Option<Graph>, TestCaseError> {
    let mut changed = false;
    let mut observe = |run: &PassRun<'_>| changed |= run.after.is_some();
    match run_passes(graph.clone(), &[pass], &options(), &mut observe) {
        Ok(new) => Ok(changed.then_some(new)),
        Err(error) => Err(TestCaseError::fail(format!("{error}\n{}", text(graph)))),
    }
}

fn text(graph: &Graph) -> String {
    print(graph, Style::default())
}

/// Outputs and what was printed, in an order that does not depend on that of independent effects.
fn evaluate(graph: &Graph, inputs: &[Literal]) -> Result<(Vec<Literal>, Vec<String>), EvalError> {
    let mut printed = Vec::new();
    let mut sink = |text: &str| printed.push(text.to_owned());
    let outputs = Evaluator::new().with_sink(&mut sink).evaluate(graph, inputs)?;
    printed.sort();
    Ok((outputs, printed))
}

/// Same outputs and same texts printed, or an effect that fails in both.
fn check_meaning(before: &Graph, after: &Graph, inputs: &[Literal]) -> Result<(), TestCaseError> {
    let both = || format!("before {}after {}", text(before), text(after));
    let (expected, found) = match (evaluate(before, inputs), evaluate(after, inputs)) {
        (Ok((expected, printed)), Ok((found, printed_after))) => {
            prop_assert_eq!(printed, printed_after, "{}", both());
            (expected, found)
        }
        (Err(_), Err(_)) => return Ok(()),
        (before, after) => {
            return Err(TestCaseError::fail(format!("{before:?}\nand then {after:?}\n{}", both())));
        }
    };
    for (i, (e, f)) in expected.iter().zip(&found).enumerate() {
        if !same_values(e, f) {
            return Err(TestCaseError::fail(format!(
                "output {i} was {e:?}\nand is {f:?}\nbefore {}after {}",
                text(before),
                text(after)
            )));
        }
    }
    Ok(())
}

fn check_pass(pass: &'static dyn Pass, graph: &Graph, inputs: &[Literal]) -> Result<(), TestCaseError> {
    let Some(new) = apply(pass, graph)? else { return Ok(()) };
    check_meaning(graph, &new, inputs)?;
    let both = || format!("before {}after {}", text(graph), text(&new));
    if let Some(newer) = apply(pass, &new)? {
        return Err(TestCaseError::fail(format!("runs twice: {} then {}", both(), text(&newer))));
    }
    if !["expand", "adjoin"].contains(&pass.name()) && cost(&new) > cost(graph) {
        return Err(TestCaseError::fail(format!("cost grows: {}", both())));
    }
    let again = apply(pass, graph)?;
    prop_assert_eq!(again.as_ref(), Some(&new));
    Ok(())
}

fn expanded(graph: &Graph) -> Result<Graph, TestCaseError> {
    Ok(apply(passes::by_name("expand").expect("a pass"), graph)?.unwrap_or_else(|| graph.clone()))
}

fn check_everywhere(pass: &'static dyn Pass) {
    for_graphs(|drawn| {
        check_pass(pass, &drawn.graph, &drawn.inputs)?;
        check_pass(pass, &expanded(&drawn.graph)?, &drawn.inputs)
    });
}

#[test]
fn each_pass_keeps_meaning_and_settles() {
    std::thread::scope(|scope| {
        for pass in passes::all() {
            let thread = std::thread::Builder::new().name(pass.name().to_owned());
            thread.spawn_scoped(scope, || check_everywhere(pass)).expect("a thread");
        }
    });
}

#[test]
fn the_pipeline_keeps_meaning_and_settles() {
    for_graphs(|RandomGraph { graph, inputs, .. }| {
        let run = |graph: &Graph| {
            run_pipeline(graph.clone(), &options())
                .map_err(|error| TestCaseError::fail(format!("{error}\n{}", text(graph))))
        };
        let new = run(&graph)?;
        check_meaning(&graph, &new, &inputs)?;
        prop_assert_eq!(text(&run(&graph)?), text(&new));
        // What a checkpoint computes again is merged if it goes through the pipeline once more.
        if !text(&graph).contains("again = true") {
            prop_assert_eq!(text(&run(&new)?), text(&new));
        }
        Ok(())
    });
}
