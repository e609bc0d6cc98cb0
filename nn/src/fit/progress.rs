//! The progress of an epoch on a terminal; nothing where there is none.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tensorwright::{DType, Tensor};

use super::Logs;

/// How often the loss is shown: reading it waits for the step.
const PAUSE: Duration = Duration::from_millis(200);

/// A bar for one epoch.
pub(super) struct Progress {
    bar: ProgressBar,
    shown: Instant,
}

impl Progress {
    /// For an epoch of so many steps, if that is known.
    pub(super) fn new(epoch: usize, epochs: usize, steps: Option<usize>) -> Progress {
        let (bar, template) = match steps {
            Some(steps) => {
                (ProgressBar::new(steps as u64), "{prefix} [{bar:30}] {pos}/{len} {per_sec} eta {eta} {msg}")
            }
            None => (ProgressBar::no_length(), "{prefix} {spinner} {pos} {per_sec} {msg}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(format!("epoch {}/{epochs}", epoch + 1));
        Progress { bar, shown: Instant::now() }
    }

    /// After a step.
    pub(super) fn step(&mut self, loss: &Tensor) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.inc(1);
        if self.shown.elapsed() > PAUSE {
            self.shown = Instant::now();
            if let Ok(loss) = loss.cast(DType::F64).item::<f64>() {
                self.bar.set_message(format!("loss: {loss:.4}"));
            }
        }
    }

    /// After the epoch.
    pub(super) fn end(&self, logs: &Logs) {
        self.bar.finish_with_message(logs.to_string());
    }
}
