//! Running passes: order, budgets, verification, timing, bisecting, observation.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use tensorwright_ir::{BuildError, Graph, Violations};

use super::everywhere::run_everywhere;
use super::{Context, Failure, PIPELINE, Pass, PassOptions, PipelineStep, StopAfter};
use crate::complex::in_reals;

/// Why passes could not be run. Each is a bug of the pass named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassError {
    /// A rewrite had to be taken back. Reported if [`PassOptions::verify`] is set.
    #[error(transparent)]
    Rewrite(#[from] Box<Failure>),
    /// The pass made a graph that does not verify.
    #[error("pass `{pass}` made an invalid graph: {violations}")]
    Invalid {
        /// The pass.
        pass: &'static str,
        /// What the verifier says.
        violations: Violations,
    },
    /// Complex numbers could not be taken apart.
    #[error(transparent)]
    Complex(#[from] Box<BuildError>),
    /// The pass changed the types of inputs or outputs.
    #[error("pass `{pass}` changed the signature from {before} to {after}")]
    Signature {
        /// The pass.
        pass: &'static str,
        /// Types of inputs and outputs before.
        before: String,
        /// Types of inputs and outputs after.
        after: String,
    },
}

/// One run of a pass, as observers see it.
#[derive(Debug)]
pub struct PassRun<'a> {
    /// Counts runs, from 1: the number that [`StopAfter::Runs`] takes.
    pub number: usize,
    /// The pass.
    pub pass: &'static dyn Pass,
    /// The graph before.
    pub before: &'a Graph,
    /// The graph after; `None` if the pass changed nothing.
    pub after: Option<&'a Graph>,
    /// Time that the run took.
    pub elapsed: Duration,
    /// What the pass counted.
    pub counters: &'a [(&'static str, u64)],
}

/// Somebody who watches passes run: dumps, timings, checks against the evaluator.
pub trait PassObserver {
    /// A pass has run.
    fn ran(&mut self, run: &PassRun<'_>);
}

impl<F: FnMut(&PassRun<'_>)> PassObserver for F {
    fn ran(&mut self, run: &PassRun<'_>) {
        self(run);
    }
}

/// Time that one pass took, over all its runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The pass.
    pub pass: &'static str,
    /// Number of runs of the pass.
    pub runs: usize,
    /// Runs that changed the graph.
    pub changed: usize,
    /// Time of all runs.
    pub elapsed: Duration,
    /// Events that the pass counted.
    pub counters: Vec<(&'static str, u64)>,
}

/// An observer that sums up time and counters per pass, in order of first run.
#[derive(Clone, Debug, Default)]
pub struct Timings {
    entries: Vec<Timing>,
}

impl Timings {
    /// The sums, in order of first run.
    pub fn entries(&self) -> &[Timing] {
        &self.entries
    }

    fn entry(&mut self, pass: &'static str) -> &mut Timing {
        let at = self.entries.iter().position(|t| t.pass == pass).unwrap_or_else(|| {
            self.entries.push(Timing {
                pass,
                runs: 0,
                changed: 0,
                elapsed: Duration::ZERO,
                counters: Vec::new(),
            });
            self.entries.len() - 1
        });
        &mut self.entries[at]
    }
}

impl PassObserver for Timings {
    fn ran(&mut self, run: &PassRun<'_>) {
        let entry = self.entry(run.pass.name());
        entry.runs += 1;
        entry.changed += usize::from(run.after.is_some());
        entry.elapsed += run.elapsed;
        for &(name, count) in run.counters {
            match entry.counters.iter_mut().find(|(n, _)| *n == name) {
                Some((_, sum)) => *sum += count,
                None => entry.counters.push((name, count)),
            }
        }
    }
}

/// Optimises a graph by the [`PIPELINE`]. Complex numbers are [taken apart](crate::complex) first, so that passes see real ones alone. Fails if
/// that makes a tensor too large, else only on a bug in a pass, and only if the options ask for verification.
pub fn run_pipeline(graph: Graph, options: &PassOptions) -> Result<Graph, PassError> {
    run_pipeline_observed(graph, options, &mut |_: &PassRun<'_>| {})
}

/// Optimises a graph, watched by `observer`; see [`run_pipeline`].
pub fn run_pipeline_observed(
    graph: Graph,
    options: &PassOptions,
    observer: &mut dyn PassObserver,
) -> Result<Graph, PassError> {
    let graph = match in_reals(&graph).map_err(Box::new)? {
        Cow::Borrowed(_) => graph,
        Cow::Owned(real) => real,
    };
    let mut driver = Driver::new(graph, options, observer);
    for step in PIPELINE {
        match step {
            PipelineStep::Once { pass, .. } => driver.run(*pass)?,
            PipelineStep::UntilStable { rounds, passes } => {
                driver.run_until_stable(passes.iter().map(|&(pass, _)| pass), *rounds)?;
            }
        }
    }
    Ok(driver.graph)
}

/// Runs these passes once, in this order, watched by `observer`. Fails as [`run_pipeline`] does.
pub fn run_passes(
    graph: Graph,
    passes: &[&'static dyn Pass],
    options: &PassOptions,
    observer: &mut dyn PassObserver,
) -> Result<Graph, PassError> {
    let mut driver = Driver::new(graph, options, observer);
    for &pass in passes {
        driver.run(pass)?;
    }
    Ok(driver.graph)
}

struct Driver<'a> {
    graph: Graph,
    /// Counts the graphs so far.
    version: usize,
    cx: Context<'a>,
    observer: &'a mut dyn PassObserver,
    runs: usize,
    stopped: bool,
}

impl<'a> Driver<'a> {
    fn new(graph: Graph, options: &'a PassOptions, observer: &'a mut dyn PassObserver) -> Driver<'a> {
        let stopped = options.stop_after == Some(StopAfter::Runs(0));
        Driver { graph, version: 0, cx: Context::new(options, ""), observer, runs: 0, stopped }
    }

    /// A pass that left this very graph as it is does not look at it again.
    fn run_until_stable(
        &mut self,
        passes: impl Iterator<Item = &'static dyn Pass> + Clone,
        rounds: usize,
    ) -> Result<(), PassError> {
        let mut settled: Vec<Option<usize>> = vec![None; passes.clone().count()];
        for _ in 0..rounds {
            for (pass, settled) in passes.clone().zip(&mut settled) {
                let before = self.version;
                if *settled != Some(before) {
                    self.run(pass)?;
                    *settled = (self.version == before).then_some(before);
                }
            }
            if settled.iter().all(|s| *s == Some(self.version)) {
                break;
            }
        }
        Ok(())
    }

    fn run(&mut self, pass: &'static dyn Pass) -> Result<(), PassError> {
        if self.stopped {
            return Ok(());
        }
        self.cx.enter(pass.name());
        let start = Instant::now();
        let after = run_everywhere(pass, &self.graph, &mut self.cx);
        let elapsed = start.elapsed();
        self.runs += 1;
        self.observer.ran(&PassRun {
            number: self.runs,
            pass,
            before: &self.graph,
            after: after.as_ref(),
            elapsed,
            counters: self.cx.counters(),
        });
        self.stopped = match &self.cx.options.stop_after {
            Some(StopAfter::Runs(runs)) => self.runs >= *runs,
            Some(StopAfter::Pass(name)) => name == pass.name(),
            None => false,
        };
        self.accept(pass, after)
    }

    fn accept(&mut self, pass: &'static dyn Pass, after: Option<Graph>) -> Result<(), PassError> {
        if self.cx.options.verify {
            if let Some(failure) = self.cx.failures().first() {
                return Err(Box::new(failure.clone()).into());
            }
            if let Some(after) = &after {
                verify(pass.name(), &self.graph, after)?;
            }
        }
        if let Some(after) = after {
            self.graph = after;
            self.version += 1;
        }
        Ok(())
    }
}

fn verify(pass: &'static str, before: &Graph, after: &Graph) -> Result<(), PassError> {
    let signature = |graph: &Graph| (graph.input_types(), graph.output_types());
    if signature(before) != signature(after) {
        let write = |graph: &Graph| format!("{:?} -> {:?}", graph.input_types(), graph.output_types());
        return Err(PassError::Signature { pass, before: write(before), after: write(after) });
    }
    tensorwright_ir::verify(after).map_err(|violations| PassError::Invalid { pass, violations })
}

#[cfg(test)]
mod tests {
    use tensorwright_ir::{Builder, DType, TensorType};

    use super::*;
    use crate::passes::by_name;

    fn softmax_and_dead_code() -> Graph {
        let mut b = Builder::new("f");
        let x = b.input(TensorType::new(DType::F32, [2, 3]));
        b.exp(x).unwrap();
        let y = b.softmax(x, 1usize).unwrap();
        b.finish(&[y])
    }

    #[test]
    fn the_pipeline_runs_and_is_observed() {
        let mut timings = Timings::default();
        let graph =
            run_pipeline_observed(softmax_and_dead_code(), &PassOptions::default(), &mut timings).unwrap();
        assert!(graph.nodes().iter().all(|n| n.op.name() != "softmax"));
        assert_eq!(graph.nodes().iter().filter(|n| n.op.name() == "exp").count(), 1);
        let expand = &timings.entries()[0];
        assert_eq!((expand.pass, expand.runs, expand.changed), ("expand", 1, 1));
        assert!(timings.entries().iter().all(|t| t.runs > 0));
    }

    #[test]
    fn stopping_after_runs_or_passes_bisects() {
        let count = |stop_after| {
            let options = PassOptions { stop_after: Some(stop_after), ..PassOptions::default() };
            let mut runs = 0;
            run_pipeline_observed(softmax_and_dead_code(), &options, &mut |_: &PassRun<'_>| runs += 1)
                .unwrap();
            runs
        };
        assert_eq!(count(StopAfter::Runs(0)), 0);
        assert_eq!(count(StopAfter::Runs(2)), 2);
        assert_eq!(count(StopAfter::Pass("expand".to_owned())), 1);
    }

    #[test]
    fn passes_are_found_by_name() {
        assert_eq!(by_name("cse").unwrap().name(), "cse");
        assert!(by_name("no such pass").is_none());
    }

    struct Wrong;

    impl Pass for Wrong {
        fn name(&self) -> &'static str {
            "wrong"
        }
        fn description(&self) -> &'static str {
            "changes the output's type"
        }
        fn run(&self, _graph: &Graph, _cx: &mut Context<'_>) -> Option<Graph> {
            Some(Builder::new("f").finish(&[]))
        }
    }

    #[test]
    fn a_pass_that_changes_the_signature_is_caught() {
        let options = PassOptions { verify: true, ..PassOptions::default() };
        let result = run_passes(softmax_and_dead_code(), &[&Wrong], &options, &mut |_: &PassRun<'_>| {});
        assert!(matches!(result, Err(PassError::Signature { pass: "wrong", .. })));
    }
}
