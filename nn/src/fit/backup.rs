//! Where a training is, in a file: after a process has died, the same program goes on from there with the same bits.
//!
//! Beside what a saved model has there are the place in the data, what was added up in the epoch, the history, and what callbacks remember. The file is written whole
//! or not at all, so that a process may die while it writes it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tensorwright::{Tensor, Variable};

use super::callbacks::{Callback, CallbackState};
use super::epochs::{Going, Place};
use super::model::{read_type, written_type};
use super::parts::Parts;
use super::step::Steps;
use super::{History, Model};
use crate::error::{Error, Result};
use crate::store::{self, Archive};

/// A file, and how often it is written.
pub(super) struct Backup {
    pub(super) path: PathBuf,
    /// After how many steps; else after each epoch.
    pub(super) every: Option<usize>,
    /// Whether it stays after the training has ended.
    pub(super) stays: bool,
}

impl Backup {
    /// Writes where the training is.
    pub(super) fn write(&self, model: &Model, steps: &Steps, going: &mut Going) -> Result<()> {
        let parts = &steps.parts;
        let states: Vec<CallbackState> = going.callbacks.iter().map(|callback| callback.state()).collect();
        let callbacks: Vec<&Value> = states.iter().map(|state| &state.values).collect();
        let training = json!({
            "place": going.place.written(),
            "data": going.feed.position()?,
            "history": going.history.written(),
            "metrics": parts.metrics.iter().map(|metric| metric.state()).collect::<Vec<Value>>(),
            "logged": parts.logged_names(),
            "batch": steps.batch_types().iter().map(written_type).collect::<Vec<Value>>(),
            "callbacks": callbacks,
        });
        let variables = sums(model, parts).into_iter().map(|(path, variable)| (path, variable.value()));
        let tensors = variables.chain(states.iter().enumerate().flat_map(|(i, state)| {
            state.tensors.iter().map(move |(name, tensor)| (format!("callbacks.{i}.{name}"), tensor.clone()))
        }));
        let archive = Archive { training: Some((training, tensors.collect())), ..model.archive()? };
        store::write_archive(&self.path, &archive)
    }

    /// Goes back to where the training was, if there is a file; whether there is one.
    pub(super) fn restore(&self, model: &Model, going: &mut Going) -> Result<bool> {
        if !self.path.exists() {
            return Ok(false);
        }
        restore(&self.path, model, going)
            .map_err(|error| Error::Model(format!("{}: {error}", self.path.display())))?;
        Ok(true)
    }

    /// Removes the file, if it is not to stay: the training has ended.
    pub(super) fn end(&self) -> Result<()> {
        if self.stays || !self.path.exists() {
            return Ok(());
        }
        std::fs::remove_file(&self.path)
            .map_err(|error| Error::Model(format!("{}: {error}", self.path.display())))
    }
}

fn restore(path: &Path, model: &Model, going: &mut Going) -> Result<()> {
    let Archive { model: json, weights, optimizer, training } = store::read_archive(path)?;
    let (state, tensors) = training.ok_or_else(|| Error::Model("it is a model, but no backup".to_owned()))?;
    model.resume(&json, weights, optimizer)?;
    let steps = model.begun()?;
    let list = |field: &str| state[field].as_array().cloned().unwrap_or_default();
    for (metric, row) in steps.parts.metrics.iter().zip(list("metrics")) {
        metric.restore(&row)?;
    }
    list("logged").iter().filter_map(Value::as_str).try_for_each(|name| steps.parts.logs_too(name))?;
    let batch = list("batch").iter().map(read_type).collect::<Result<Vec<_>>>()?;
    steps.set_batch_types(batch.clone());
    let (of_callbacks, sums_then): (Vec<_>, Vec<_>) =
        tensors.into_iter().partition(|(path, _)| path.starts_with("callbacks."));
    // States of layers are made by a call with a batch of their size.
    if sums_then.iter().any(|(path, _)| path.starts_with("states.")) {
        model.call_with_zeros(&batch)?;
    }
    store::assign_all(&sums(model, &steps.parts), sums_then)?;
    restore_callbacks(&mut going.callbacks, &list("callbacks"), &of_callbacks)?;
    going.history = History::read(&state["history"])?;
    going.place = Place::read(&state["place"])?;
    going.feed.restore(&state["data"])
}

/// What is added up, and what layers keep from call to call.
fn sums(model: &Model, parts: &Parts) -> Vec<(String, Variable)> {
    let states = model.layer().states().into_iter().enumerate();
    let states = states.map(|(i, state)| (format!("states.{i}"), state));
    parts.sums().into_iter().chain(states).collect()
}

fn restore_callbacks(
    callbacks: &mut [Box<dyn Callback>],
    values: &[Value],
    tensors: &[(String, Tensor)],
) -> Result<()> {
    if callbacks.len() != values.len() {
        let (now, then) = (callbacks.len(), values.len());
        return Err(Error::Model(format!("there are {now} callbacks, and there were {then}")));
    }
    for (i, (callback, values)) in callbacks.iter_mut().zip(values).enumerate() {
        let prefix = format!("callbacks.{i}.");
        let own = tensors
            .iter()
            .filter_map(|(path, tensor)| Some((path.strip_prefix(&prefix)?.to_owned(), tensor.clone())));
        callback.restore(CallbackState { values: values.clone(), tensors: own.collect() })?;
    }
    Ok(())
}
