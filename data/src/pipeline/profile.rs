//! Where the time of a pipeline goes: stage by stage, and how long its reader waits.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::stage::{BoxCursor, Cursor, Outcome};
use crate::error::Result;
use crate::state::{Reader, Writer};

/// What is counted of a stage.
#[derive(Default)]
pub(crate) struct Row {
    name: &'static str,
    depth: usize,
    elements: AtomicU64,
    /// Nanoseconds in the stage itself, and with its inputs.
    own: AtomicU64,
    whole: AtomicU64,
    threads: AtomicU64,
}

impl Row {
    /// Notes how many threads a stage has.
    pub(crate) fn note_threads(&self, threads: usize) {
        self.threads.fetch_max(threads as u64, Ordering::Relaxed);
    }
}

/// The stages of a pass, by their places in the pipeline, in the order in which they were opened: each before its inputs.
#[derive(Default)]
pub(crate) struct Sheet(Mutex<Vec<(u64, Arc<Row>)>>);

impl Sheet {
    /// The row of the stage at a place.
    pub(super) fn row(&self, path: u64, name: &'static str, depth: usize) -> Arc<Row> {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, row)) = rows.iter().find(|(own, row)| *own == path && row.name == name) {
            return Arc::clone(row);
        }
        let row = Arc::new(Row { name, depth, ..Row::default() });
        rows.push((path, Arc::clone(&row)));
        row
    }
}

thread_local! {
    /// Nanoseconds that inputs of the stage which runs on this thread have taken.
    static INPUTS: Cell<u64> = const { Cell::new(0) };
}

/// A cursor whose time is taken.
pub(super) struct Timed {
    pub(super) cursor: BoxCursor,
    pub(super) row: Arc<Row>,
}

impl Cursor for Timed {
    fn next(&mut self) -> Option<Outcome> {
        let outer = INPUTS.replace(0);
        let start = Instant::now();
        let outcome = self.cursor.next();
        let took = start.elapsed().as_nanos() as u64;
        self.row.own.fetch_add(took.saturating_sub(INPUTS.get()), Ordering::Relaxed);
        self.row.whole.fetch_add(took, Ordering::Relaxed);
        self.row.elements.fetch_add(u64::from(outcome.is_some()), Ordering::Relaxed);
        INPUTS.set(outer + took);
        outcome
    }

    fn advance(&mut self, count: u64) -> u64 {
        self.cursor.advance(count)
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        self.cursor.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.cursor.restore(from)
    }
}

/// What a stage has taken.
#[derive(Clone, Debug)]
pub struct StageProfile {
    /// The name of the stage.
    pub name: &'static str,
    /// How far it is from the end of the pipeline.
    pub depth: usize,
    /// How many elements it has given.
    pub elements: u64,
    /// The time in the stage itself, on the thread that reads it. Of one that reads ahead: how long its reader waited for it.
    pub time: Duration,
    /// The most threads that it had, if it has threads of its own.
    pub threads: Option<usize>,
}

/// Where the time of a pass goes: see [`Dataset::iter_profiled`](crate::Dataset::iter_profiled).
pub struct Profile {
    pub(super) sheet: Arc<Sheet>,
    pub(super) start: Instant,
}

impl Profile {
    /// The stages, the last one of the pipeline first.
    pub fn stages(&self) -> Vec<StageProfile> {
        let rows = self.sheet.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stage = |(_, row): &(u64, Arc<Row>)| StageProfile {
            name: row.name,
            depth: row.depth,
            elements: row.elements.load(Ordering::Relaxed),
            time: Duration::from_nanos(row.own.load(Ordering::Relaxed)),
            threads: Some(row.threads.load(Ordering::Relaxed) as usize).filter(|threads| *threads > 0),
        };
        rows.iter().map(stage).collect()
    }

    /// How long whoever reads the iterator has waited for elements.
    pub fn waited(&self) -> Duration {
        let rows = self.sheet.0.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_nanos(rows.first().map_or(0, |(_, row)| row.whole.load(Ordering::Relaxed)))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<32} {:>10} {:>12} {:>8}", "stage", "elements", "time", "threads")?;
        for stage in self.stages() {
            let name = format!("{}{}", "  ".repeat(stage.depth), stage.name);
            let threads = stage.threads.map_or(String::new(), |threads| threads.to_string());
            writeln!(
                f,
                "{name:<32} {:>10} {:>9.3} ms {threads:>8}",
                stage.elements,
                stage.time.as_secs_f64() * 1e3
            )?;
        }
        let (waited, all) = (self.waited().as_secs_f64(), self.start.elapsed().as_secs_f64());
        write!(
            f,
            "the reader waited {:.3} ms of {:.3} ms ({:.0} %)",
            waited * 1e3,
            all * 1e3,
            100.0 * waited / all.max(1e-9)
        )
    }
}
