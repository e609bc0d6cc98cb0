//! Where the requests for one signature wait.
//!
//! A request that finds nobody at work starts a runner, which takes one batch after the other until nothing waits. So requests gather while a batch runs, and nobody waits for
//! a clock unless a time to wait is set. The queue is bounded: a request that finds it full is refused at once. Who has gone away in the meantime is skipped.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::BatchOptions;
use super::run;
use crate::error::{Code, Error, Result};
use crate::metrics::ModelMetrics;
use crate::servable::{Servable, Signature};
use crate::value::Value;

/// A request that waits.
pub(super) struct Task {
    pub(super) inputs: Vec<Value>,
    /// Its rows, or 1 for a signature without them.
    pub(super) rows: usize,
    since: Instant,
    deadline: Instant,
    reply: oneshot::Sender<Result<Vec<Value>>>,
}

/// The requests for one signature.
pub(crate) struct Queue {
    servable: Arc<dyn Servable>,
    signature: String,
    /// Whether requests run together.
    is_batched: bool,
    options: Arc<BatchOptions>,
    metrics: ModelMetrics,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Task>,
    rows: usize,
    runners: usize,
}

impl Queue {
    pub(crate) fn new(
        servable: Arc<dyn Servable>,
        signature: &str,
        options: Arc<BatchOptions>,
        metrics: ModelMetrics,
    ) -> Queue {
        let is_batched = options.enabled
            && !servable.changes(signature)
            && servable.signatures().get(signature).is_some_and(Signature::is_batched);
        Queue {
            signature: signature.to_owned(),
            servable,
            is_batched,
            options,
            metrics,
            state: Mutex::default(),
            arrived: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().rows
    }

    /// Whether requests run together.
    pub(crate) fn is_batched(&self) -> bool {
        self.is_batched
    }

    /// The most rows of one run.
    fn most(&self) -> usize {
        if self.is_batched { self.options.max_batch_size } else { 1 }
    }

    /// Runs the signature; inputs are what it says, in its order. A caller that goes away gives up its place.
    pub(crate) async fn call(self: &Arc<Self>, inputs: Vec<Value>, deadline: Instant) -> Result<Vec<Value>> {
        let rows = if self.is_batched { run::rows(&inputs)? } else { 1 };
        let (reply, answer) = oneshot::channel();
        let task = Task { inputs, rows, since: Instant::now(), deadline, reply };
        if self.enqueue(task)? {
            let queue = self.clone();
            tokio::task::spawn_blocking(move || queue.work());
        }
        match tokio::time::timeout_at(deadline.into(), answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Error::internal("the run of the model was given up")),
            Err(_) => Err(too_late()),
        }
    }

    /// Adds a request. Gives whether a runner must be started for it.
    fn enqueue(&self, task: Task) -> Result<bool> {
        let mut state = self.lock();
        let most = self.options.max_enqueued_batches * self.most();
        if state.rows + task.rows > most && !state.tasks.is_empty() {
            self.metrics.refused.inc();
            let message = format!("{} rows wait for the model already, the most are {most}", state.rows);
            return Err(Error::new(Code::ResourceExhausted, message));
        }
        state.rows += task.rows;
        state.tasks.push_back(task);
        self.metrics.queued_rows.set(state.rows as i64);
        // A second runner is for what fills a batch alone: else batches would be small.
        let wants_another = state.runners == 0 || state.rows >= self.most();
        let starts = wants_another && state.runners < self.options.threads;
        if starts {
            state.runners += 1;
        } else {
            self.arrived.notify_one();
        }
        Ok(starts)
    }

    /// Runs batches until nothing waits.
    fn work(&self) {
        while let Some(tasks) = self.next() {
            let late = Instant::now();
            let (tasks, gone): (Vec<Task>, Vec<Task>) =
                tasks.into_iter().partition(|task| !task.reply.is_closed() && task.deadline > late);
            for task in gone {
                self.metrics.dropped.inc();
                // Nobody may be listening.
                let _ = task.reply.send(Err(too_late()));
            }
            if !tasks.is_empty() {
                self.answer(tasks);
            }
        }
    }

    /// The requests of the next batch; nothing if none waits, and this runner ends.
    fn next(&self) -> Option<Vec<Task>> {
        let mut state = self.lock();
        let Some(first) = state.tasks.front() else {
            state.runners -= 1;
            return None;
        };
        let until = first.since + self.options.timeout;
        while self.is_batched && state.rows < self.most() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut taken: Vec<Task> = state.tasks.pop_front().into_iter().collect();
        let mut rows = taken.first().map_or(0, |task| task.rows);
        let mut at = 0;
        while self.is_batched && rows < self.most() && at < state.tasks.len() {
            let task = &state.tasks[at];
            if rows + task.rows > self.most() || !run::fit(&taken[0].inputs, &task.inputs) {
                // Others may still fit; who does not keeps its place.
                at += 1;
                continue;
            }
            rows += task.rows;
            taken.extend(state.tasks.remove(at));
        }
        state.rows -= rows;
        self.metrics.queued_rows.set(state.rows as i64);
        // Another runner may have taken everything while this one waited.
        match taken.is_empty() {
            true => {
                state.runners -= 1;
                None
            }
            false => Some(taken),
        }
    }

    /// Runs requests together and answers them. If that fails they run one by one, so that only who is at fault is told so.
    fn answer(&self, tasks: Vec<Task>) {
        let inputs: Vec<&[Value]> = tasks.iter().map(|task| &task.inputs[..]).collect();
        let together = match self.is_batched {
            true => run::together(&inputs, &self.options, |inputs| self.run(inputs)),
            false => self.run(inputs[0]).map(|outputs| vec![outputs]),
        };
        match together {
            Ok(results) => {
                for (task, result) in tasks.into_iter().zip(results) {
                    let _ = task.reply.send(Ok(result));
                }
            }
            Err(error) if tasks.len() == 1 => {
                for task in tasks {
                    let _ = task.reply.send(Err(error.clone()));
                }
            }
            Err(_) => {
                for task in tasks {
                    self.answer(vec![task]);
                }
            }
        }
    }

    /// Runs the model once.
    fn run(&self, inputs: &[Value]) -> Result<Vec<Value>> {
        let since = Instant::now();
        // A panic is a bug, but it must not end the server.
        let outputs = catch_unwind(AssertUnwindSafe(|| self.servable.call(&self.signature, inputs)))
            .unwrap_or_else(|_| Err(Error::internal("the model panicked")))?;
        self.metrics.runtime_latency.observe(since.elapsed().as_secs_f64() * 1e6);
        self.metrics
            .batch_rows
            .observe(inputs.first().and_then(|x| x.shape().first()).copied().unwrap_or(1) as f64);
        Ok(outputs)
    }

    /// Compiles what requests will need, by running zeros: all sizes of batches, or one row. Extents inside that are not known are 1.
    pub(crate) fn warm_up(&self) -> Result<()> {
        if self.servable.changes(&self.signature) {
            return Ok(());
        }
        let sizes = if self.is_batched { self.options.sizes() } else { vec![1] };
        let Some(signature) = self.servable.signatures().get(&self.signature) else { return Ok(()) };
        for size in sizes {
            let zeros = signature.inputs.iter().map(|port| {
                let extents = port.shape.iter().flatten().enumerate();
                let extent = |(axis, extent): (usize, &Option<usize>)| {
                    extent.unwrap_or(if axis == 0 { size } else { 1 })
                };
                Value::zeros(port.ty, extents.map(extent).collect())
            });
            self.run(&zeros.collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

fn too_late() -> Error {
    Error::new(Code::DeadlineExceeded, "the request's time was up before the model had answered")
}
