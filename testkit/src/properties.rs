//! Properties of random graphs, with shrinking.
//!
//! `GRAPH_CASES` in the environment sets how many graphs a property is tried on, `GRAPH_SEED` (0 to 255) chooses others.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use tensorwright_ir::op::Draw;

use crate::graphs::{GraphOptions, RandomGraph, random_graph};

/// Random graphs as a strategy of `proptest`. A failing graph shrinks to one with fewer and simpler ops.
pub fn graphs(options: GraphOptions) -> impl Strategy<Value = RandomGraph> {
    proptest::collection::vec(any::<u32>(), 0..400)
        .prop_map(move |choices| random_graph(&mut Draw::new(&choices), &options))
}

/// Checks a property on `cases` random graphs, the same ones each time, and panics with the smallest that lacks it.
pub fn for_random_graphs(
    options: &GraphOptions,
    cases: u32,
    property: impl Fn(RandomGraph) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases: from_environment("GRAPH_CASES").unwrap_or(cases),
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..Config::default()
    };
    let seed = from_environment("GRAPH_SEED").unwrap_or(1u8);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    if let Err(error) = TestRunner::new_with_rng(config, rng).run(&graphs(options.clone()), property) {
        panic!("{error}");
    }
}

fn from_environment<T: std::str::FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_shrink_to_the_smallest_graph() {
        let options = GraphOptions::of(|kind| matches!(kind.name, "add" | "neg" | "reshape"));
        let outcome = std::panic::catch_unwind(|| {
            for_random_graphs(&options, 500, |drawn| {
                let negations = drawn.graph.nodes().iter().filter(|node| node.op.name() == "neg").count();
                prop_assert!(negations == 0);
                Ok(())
            });
        });
        let message = *outcome.expect_err("some graph negates").downcast::<String>().expect("a message");
        assert_eq!(message.matches(" = neg(").count(), 1, "one negation is left: {message}");
        assert!(message.matches("\n  %").count() <= 4, "little else is left: {message}");
    }
}
