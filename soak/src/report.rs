//! Checks and what became of them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

/// A check that panics when something disagrees.
pub(crate) struct Check {
    pub(crate) name: String,
    /// Inputs of a full run.
    pub(crate) full: u64,
    /// What the inputs are.
    pub(crate) of: &'static str,
    run: Box<dyn Fn(u64)>,
}

impl Check {
    pub(crate) fn new(
        name: impl Into<String>,
        full: u64,
        of: &'static str,
        run: impl Fn(u64) + 'static,
    ) -> Check {
        Check { name: name.into(), full, of, run: Box::new(run) }
    }

    /// The disagreement that ends the run, if there is one.
    fn disagreement(&self, inputs: u64) -> Option<String> {
        let said = |payload: Box<dyn Any + Send>| match payload.downcast::<String>() {
            Ok(message) => *message,
            Err(payload) => payload.downcast_ref::<&str>().map_or("it panics", |message| message).to_owned(),
        };
        catch_unwind(AssertUnwindSafe(|| (self.run)(inputs))).err().map(said)
    }
}

/// Runs a share of each check and reports; the exit code says whether all agree.
pub(crate) fn run_all(checks: &[Check], share: f64) -> ExitCode {
    let mut failures = Vec::new();
    for check in checks {
        let inputs = ((check.full as f64 * share) as u64).max(1);
        let start = Instant::now();
        let disagreement = check.disagreement(inputs);
        let outcome = if disagreement.is_some() { "DISAGREES" } else { "agrees" };
        println!("{:24} {inputs:>10} {}: {outcome}, {:.1?}", check.name, check.of, start.elapsed());
        failures.extend(disagreement.map(|message| (&check.name, message)));
    }
    println!("\n{} checks, {} disagreements", checks.len(), failures.len());
    for (name, message) in &failures {
        println!("\n{name}:\n{message}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
