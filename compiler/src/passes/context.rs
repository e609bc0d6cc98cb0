//! What passes are given besides the graph: options, budgets, counters, and a place for what went wrong.

use tensorwright_ir::{Location, Node};

use super::rewriter::RewriteError;

/// Options of the pass driver.
#[derive(Clone, Debug)]
pub struct PassOptions {
    /// Verify the graph after every pass, and treat a rewrite that had to be taken back as an error. On in debug builds.
    pub verify: bool,
    /// Allow rules that change results: reassociation, reciprocals, fused multiply-add contraction, weights that take in the scale of their channels,
    /// and routines that [add up in another order](crate::lower::LowerOptions::reassociate).
    pub value_changing: bool,
    /// Inputs that are the same in every run; compiling sets them to those of which the caller [promises](crate::lower::Promises) it.
    pub lasting: Vec<usize>,
    /// The most elements that a folded constant may have.
    pub fold_elements: usize,
    /// The most scalar operations that constant folding may spend on a graph.
    pub fold_work: usize,
    /// Where to stop, for bisecting.
    pub stop_after: Option<StopAfter>,
}

impl Default for PassOptions {
    fn default() -> PassOptions {
        PassOptions {
            verify: cfg!(debug_assertions),
            value_changing: false,
            lasting: Vec::new(),
            fold_elements: 4096,
            fold_work: 32 * 1024,
            stop_after: None,
        }
    }
}

/// Where the driver stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopAfter {
    /// After this many runs of passes; 0 runs none.
    Runs(usize),
    /// After the first run of the pass of this name.
    Pass(String),
}

/// A rewrite that was taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pass `{pass}` at `{op}`: {error}")]
pub struct Failure {
    /// The pass.
    pub pass: &'static str,
    /// Mnemonic of the node that was to be rewritten.
    pub op: &'static str,
    /// The source line that wrote the node.
    pub location: Option<Location>,
    /// Error of the rewrite.
    pub error: RewriteError,
}

/// The state of one run of the driver that passes see.
#[derive(Debug)]
pub struct Context<'o> {
    /// The options.
    pub options: &'o PassOptions,
    /// What is left of [`PassOptions::fold_work`].
    pub fold_work_left: usize,
    pass: &'static str,
    counters: Vec<(&'static str, u64)>,
    failures: Vec<Failure>,
}

impl<'o> Context<'o> {
    /// A fresh context whose first pass is `pass`.
    pub fn new(options: &'o PassOptions, pass: &'static str) -> Context<'o> {
        Context {
            options,
            fold_work_left: options.fold_work,
            pass,
            counters: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Makes counts and failures from now on those of `pass`.
    pub(super) fn enter(&mut self, pass: &'static str) {
        self.pass = pass;
        self.counters.clear();
    }

    /// Counts an event: a rule that applied, a budget that ran out.
    pub fn count(&mut self, event: &'static str) {
        match self.counters.iter_mut().find(|(name, _)| *name == event) {
            Some((_, count)) => *count += 1,
            None => self.counters.push((event, 1)),
        }
    }

    /// What the current pass has counted, in order of first occurrence.
    pub fn counters(&self) -> &[(&'static str, u64)] {
        &self.counters
    }

    /// Notes a rewrite that was taken back.
    pub fn report(&mut self, node: &Node, error: RewriteError) {
        let (pass, op, location) = (self.pass, node.op.name(), node.location.clone());
        self.failures.push(Failure { pass, op, location, error });
    }

    /// Rewrites that were taken back so far.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
