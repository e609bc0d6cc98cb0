//! `while`, `loop` and `for`: iteration by iteration, or once for all of them where a tensor decides.

use super::carry::{Carrier, Decision};
use super::choice::Phase;
use super::logic::Condition;
use super::record::Recorder;
use super::trip::Trip;
use crate::Tensor;
use crate::error::{CallSite, Result, caller};
use crate::tensor::traced::is_tracing;

/// The driver of a loop.
///
/// Jumps out of the body raise flags, which are among what is carried. A loop ends when one is up. A `loop` whose flags depend on a
/// tensor after some iteration goes on as a traced loop from there.
pub struct Loop {
    at: CallSite,
    kind: Kind,
    phase: Phase,
    /// What the last test said.
    holds: bool,
    predicate: Option<Tensor>,
    recorder: Option<Recorder>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    While,
    Forever,
    For,
}

impl Loop {
    /// A `while` loop, whose condition is a tensor or not.
    #[track_caller]
    pub fn while_loop(is_tensor: bool) -> Loop {
        let is_traced = is_tensor && is_tracing();
        let mut driver = Loop::new(Kind::While, if is_traced { Phase::Start } else { Phase::Test }, caller());
        driver.recorder = is_traced.then(|| Recorder::new(Trip::While, driver.at));
        driver
    }

    /// A `loop`.
    #[track_caller]
    pub fn forever() -> Loop {
        Loop::new(Kind::Forever, Phase::Body, caller())
    }

    /// A `for` loop; `jumps` if its body may leave it.
    ///
    /// # Errors
    /// When it goes over something that has no axis, or is no number of iterations.
    #[track_caller]
    pub fn for_loop(trip: Result<Option<Trip>>, jumps: bool) -> Result<Loop> {
        let at = caller();
        let Some(trip) = trip? else { return Ok(Loop::new(Kind::For, Phase::Body, at)) };
        let mut driver = Loop::new(Kind::For, Phase::Start, at);
        driver.recorder = Some(Recorder::new(trip.with_jumps(jumps), at));
        Ok(driver)
    }

    fn new(kind: Kind, phase: Phase, at: CallSite) -> Loop {
        Loop { at, kind, phase, holds: true, predicate: None, recorder: None }
    }

    /// What to do now.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What the condition says.
    pub fn test(&mut self, condition: Condition) {
        match condition {
            Condition::Known(holds) => self.holds = holds,
            Condition::Traced(predicate) => self.predicate = Some(predicate),
        }
    }

    /// The item of a traced iteration.
    pub(super) fn item(&self) -> Option<Result<Tensor>> {
        self.recorder.as_ref().map(Recorder::item)
    }

    /// Ends a phase.
    ///
    /// # Errors
    /// When a variable changes its type in an iteration, or carries an error.
    pub fn step(&mut self, carriers: &mut [Carrier<'_>]) -> Result<()> {
        match &mut self.recorder {
            Some(recorder) => {
                self.phase = match self.phase {
                    Phase::Start => recorder.start(carriers)?,
                    Phase::Body => recorder.end_body(carriers)?,
                    _ => recorder.end_test(carriers, self.predicate.take())?,
                };
            }
            None => self.step_plainly(carriers)?,
        }
        Ok(())
    }

    fn step_plainly(&mut self, carriers: &mut [Carrier<'_>]) -> Result<()> {
        let flags = || carriers.iter().filter_map(Carrier::is_raised);
        let is_up = flags().any(|flag| flag == Decision::Yes);
        let is_open = flags().any(|flag| flag == Decision::Open);
        self.phase = match (self.phase, self.kind) {
            _ if is_up => Phase::Done,
            (Phase::Test, _) if !self.holds => Phase::Done,
            (Phase::Body, Kind::While) => Phase::Test,
            (Phase::Body, Kind::Forever) if is_open => {
                let mut recorder = Recorder::new(Trip::Forever, self.at);
                let phase = recorder.start(carriers)?;
                self.recorder = Some(recorder);
                phase
            }
            _ => Phase::Body,
        };
        Ok(())
    }
}
