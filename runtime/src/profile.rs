//! Profiles: where the time of a run goes, step by step.
//!
//! A run under [`with_recorder`] has a recorder among its limits; other runs pay nothing.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::time::Duration;

use tensorwright_compiler::program::{Program, Step};
use tensorwright_ir::Op;

use crate::cancel::with_recorder;
use crate::executable::Executable;
use crate::recorder::{Recorder, StepTime};

/// Where the time of runs of an executable goes: the fastest of many runs, step by step.
///
/// Printed, it is a table of the steps, the longest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The steps, in their order. A step of control flow is one, with all that its regions do.
    pub steps: Vec<ProfiledStep>,
    /// How long the run took, without what comes before its first step and after its last one.
    pub time: Duration,
}

/// A step of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfiledStep {
    /// Its number in the program, as in the dump of stage `kernels`.
    pub number: usize,
    /// What it does, as in that dump.
    pub text: String,
    /// When it began, after the first one.
    pub start: Duration,
    /// How long it took.
    pub time: Duration,
    /// Bytes of the memory that it reads and writes, each slot once. What it reads of a slot may be less, or the same several times.
    pub bytes: usize,
    /// Floating-point operations of a product or a convolution: a multiplication and an addition for each term. Of other steps 0.
    pub flops: u64,
    /// The name of a mark: such a step does nothing but say that the run has come so far.
    pub mark: Option<String>,
}

impl Profile {
    /// The profile of what `run` does with the executable on this thread: the fastest of so many runs, after a first one.
    ///
    /// # Errors
    /// Those of `run`.
    pub fn of<E>(
        executable: &Executable,
        runs: usize,
        mut run: impl FnMut() -> Result<(), E>,
    ) -> Result<Profile, E> {
        run()?;
        let mut best: Vec<StepTime> = Vec::new();
        for _ in 0..runs.max(1) {
            let steps = recorded(&mut run)?;
            if best.is_empty() || length(&steps) < length(&best) {
                best = steps;
            }
        }
        let begin = best.first().map_or(Duration::ZERO, |step| step.start);
        let program = executable.program();
        let steps = best.iter().map(|step| profiled(program, step, begin)).collect();
        Ok(Profile { steps, time: length(&best) })
    }

    /// The profile in the form of Chrome's trace viewer and of Perfetto, as JSON.
    pub fn trace(&self) -> String {
        let event = |step: &ProfiledStep| {
            let (start, time) = (step.start.as_secs_f64() * 1e6, step.time.as_secs_f64() * 1e6);
            let name = step.text.replace('\\', "/").replace('"', "'");
            if let Some(mark) = &step.mark {
                let mark = mark.replace('\\', "/").replace('"', "'").replace('\n', " ");
                return format!(r#"{{"name":"{mark}","ph":"i","s":"t","pid":1,"tid":1,"ts":{start:.3}}}"#);
            }
            format!(
                r#"{{"name":"{name}","ph":"X","pid":1,"tid":1,"ts":{start:.3},"dur":{time:.3},"args":{{"step":{},"bytes":{},"flops":{}}}}}"#,
                step.number, step.bytes, step.flops
            )
        };
        let events: Vec<String> = self.steps.iter().map(event).collect();
        format!("{{\"traceEvents\":[\n{}\n]}}\n", events.join(",\n"))
    }
}

impl Display for Profile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut steps: Vec<&ProfiledStep> = self.steps.iter().collect();
        steps.sort_by_key(|step| std::cmp::Reverse(step.time));
        let total = self.time.as_secs_f64();
        writeln!(f, "{} steps in {:.3?}", steps.len(), self.time)?;
        writeln!(f, "{:>10} {:>6} {:>7} {:>8} step", "us", "share", "GB/s", "GFLOP/s")?;
        for step in steps {
            let seconds = step.time.as_secs_f64().max(1e-9);
            let (rate, work) = (step.bytes as f64 / seconds / 1e9, step.flops as f64 / seconds / 1e9);
            let share = 100.0 * seconds / total.max(1e-9);
            let us = seconds * 1e6;
            writeln!(f, "{us:>10.1} {share:>5.1}% {rate:>7.1} {work:>8.1} {} {}", step.number, step.text)?;
        }
        let marks = self.steps.iter().filter_map(|step| Some((step.start, step.mark.as_ref()?)));
        for (start, mark) in marks {
            writeln!(f, "{mark:?} reached after {start:.3?}")?;
        }
        Ok(())
    }
}

fn profiled(program: &Program, time: &StepTime, begin: Duration) -> ProfiledStep {
    let step = &program.steps[time.step];
    ProfiledStep {
        number: time.step,
        text: step.to_string(),
        start: time.start.saturating_sub(begin),
        time: time.time,
        bytes: bytes(program, step),
        flops: flops(step),
        mark: match step {
            Step::Effect { op: Op::TraceMark(mark), .. } => Some(mark.name.clone()),
            _ => None,
        },
    }
}

/// From the start of the first step to the end of the last one.
fn length(steps: &[StepTime]) -> Duration {
    match (steps.first(), steps.last()) {
        (Some(first), Some(last)) => (last.start + last.time).saturating_sub(first.start),
        _ => Duration::ZERO,
    }
}

/// Runs `run` once, and gives the steps that ran, in their order.
fn recorded<E>(run: &mut impl FnMut() -> Result<(), E>) -> Result<Vec<StepTime>, E> {
    let recorder = Arc::new(Recorder::new());
    with_recorder(Arc::clone(&recorder), run)?;
    Ok(recorder.take())
}

fn bytes(program: &Program, step: &Step) -> usize {
    let mut slots = step.slots();
    slots.sort_unstable();
    slots.dedup();
    slots.into_iter().map(|slot| program.slots[slot].ty.bytes()).sum()
}

fn flops(step: &Step) -> u64 {
    match step {
        Step::Tiled(call) => call.routine.products().saturating_mul(2),
        _ => 0,
    }
}
