//! Recorders: when each step of a run began, and how long it took.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When a step ran.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepTime {
    /// Its number in the program.
    pub(crate) step: usize,
    /// After the recording began.
    pub(crate) start: Duration,
    pub(crate) time: Duration,
}

/// What is recorded.
#[derive(Debug)]
pub(crate) struct Recorder {
    begin: Instant,
    steps: Mutex<Vec<StepTime>>,
}

impl Recorder {
    pub(crate) fn new() -> Recorder {
        Recorder { begin: Instant::now(), steps: Mutex::default() }
    }

    /// Runs a step.
    pub(crate) fn time<R>(&self, step: usize, work: impl FnOnce() -> R) -> R {
        let start = self.begin.elapsed();
        let result = work();
        let time = self.begin.elapsed().saturating_sub(start);
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(StepTime { step, start, time });
        result
    }

    /// The steps so far, in their order.
    pub(crate) fn take(&self) -> Vec<StepTime> {
        std::mem::take(&mut self.steps.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
