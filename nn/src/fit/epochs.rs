//! The loop over epochs and batches.

use std::sync::Arc;

use serde_json::{Value, json};
use tensorwright::Tensor;

use super::backup::Backup;
use super::batch::Batch;
use super::callbacks::{Callback, Flow};
use super::examples::Examples;
use super::feed::{Feed, no_position};
use super::progress::Progress;
use super::step::Steps;
use super::{Arrays, Fit, History, Logs, Model};
use crate::error::{Error, Result};

/// How many examples make a batch, if nothing is said.
pub(super) const BATCH_SIZE: usize = 32;

pub(super) fn fit(model: &Model, data: Examples, mut options: Fit) -> Result<History> {
    let validation = options.validation.take();
    let size = options.batch_size.unwrap_or(BATCH_SIZE);
    let (data, held) = held_out(data, &options)?;
    let validation = validation.or(held).map(|data| finite(data, model, size)).transpose()?;
    let (data, classes) = class_weighted(data, options.class_weights.take())?;
    let feed = data.feed(&model.names()?, size, options.shuffle.then_some(options.seed))?;
    if !feed.is_finite() && options.steps_per_epoch.is_none() {
        return Err(Error::Model("the dataset never ends: say `steps_per_epoch`".to_owned()));
    }
    let place = Place { epoch: options.initial_epoch, done: 0, pass: options.initial_epoch, is_over: false };
    let callbacks = std::mem::take(&mut options.callbacks);
    let mut going = Going { place, history: History::default(), feed, callbacks };
    let backup = options.backup.take();
    let is_resumed = backup.as_ref().map_or(Ok(false), |backup| backup.restore(model, &mut going))?;
    if !is_resumed {
        going.feed.begin(place.pass)?;
    }
    let steps = started(model, &mut *going.feed)?;
    steps.reseed(options.seed)?;
    Run { model, steps, going, validation, classes, backup, options }.whole()
}

/// Arrays with the weights of their classes, or those weights for the batches of a dataset.
fn class_weighted(data: Examples, weights: Option<Vec<f32>>) -> Result<(Examples, Option<Vec<f32>>)> {
    Ok(match (data, weights) {
        (Examples::Arrays(arrays), Some(weights)) => {
            (Examples::Arrays(Arrays(arrays.0.class_weighted(&weights)?)), None)
        }
        other => other,
    })
}

/// A training, as far as a backup knows it.
pub(super) struct Going {
    pub(super) place: Place,
    pub(super) history: History,
    pub(super) feed: Box<dyn Feed>,
    pub(super) callbacks: Vec<Box<dyn Callback>>,
}

/// Where a training is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The epoch.
    pub(super) epoch: usize,
    /// The steps of it that were done.
    pub(super) done: usize,
    /// The pass over the data.
    pub(super) pass: usize,
    /// Whether a callback has ended the training.
    pub(super) is_over: bool,
}

impl Place {
    pub(super) fn written(&self) -> Value {
        json!({"epoch": self.epoch, "done": self.done, "pass": self.pass, "over": self.is_over})
    }

    pub(super) fn read(json: &Value) -> Result<Place> {
        let number = |field: &str| usize::try_from(json[field].as_u64()?).ok();
        let place = || {
            let (epoch, done, pass) = (number("epoch")?, number("done")?, number("pass")?);
            Some(Place { epoch, done, pass, is_over: json["over"] == true })
        };
        place().ok_or_else(no_position)
    }
}

/// The examples to train with, and those that are held out to validate with.
fn held_out(data: Examples, options: &Fit) -> Result<(Examples, Option<Examples>)> {
    let wrong =
        |what: &str| Err(Error::Model(format!("{what} is for arrays: a dataset has batches of its own")));
    match data {
        Examples::Batches(_) if options.validation_split > 0.0 => wrong("a validation split"),
        Examples::Batches(_) if options.batch_size.is_some() => wrong("a batch size"),
        Examples::Arrays(arrays) if options.validation_split > 0.0 => {
            let count = arrays.count()?;
            let held = (count as f64 * options.validation_split).floor() as usize;
            if held == 0 {
                return Ok((Examples::Arrays(arrays), None));
            }
            let [train, held] = arrays.0.split(count - held);
            Ok((Examples::Arrays(Arrays(train)), Some(Examples::Arrays(Arrays(held)))))
        }
        data => Ok((data, None)),
    }
}

/// What gives the batches of examples in order, which must end.
fn finite(data: Examples, model: &Model, size: usize) -> Result<Box<dyn Feed>> {
    let feed = data.feed(&model.names()?, size, None)?;
    match feed.is_finite() {
        true => Ok(feed),
        false => Err(Error::Model(
            "the dataset never ends: `take` as many of its batches as are wanted".to_owned(),
        )),
    }
}

/// The compiled functions of the model: made for inputs like those of the next batch, if they are not made yet.
fn started(model: &Model, feed: &mut dyn Feed) -> Result<Arc<Steps>> {
    if let Some(steps) = model.steps_so_far() {
        return Ok(steps);
    }
    match feed.peek()? {
        Some(batch) => {
            let inputs = batch.inputs.clone();
            model.steps(&inputs).map_err(|error| feed.blame(error))
        }
        None => Err(no_examples()),
    }
}

fn no_examples() -> Error {
    Error::Model("there are no examples".to_owned())
}

/// When a backup may be written.
#[derive(Clone, Copy)]
enum Moment {
    Step,
    Epoch,
}

/// A training on its way.
struct Run<'m> {
    model: &'m Model,
    steps: Arc<Steps>,
    going: Going,
    validation: Option<Box<dyn Feed>>,
    /// Weights of classes that batches do not have yet.
    classes: Option<Vec<f32>>,
    backup: Option<Backup>,
    options: Fit,
}

impl Run<'_> {
    fn whole(mut self) -> Result<History> {
        let model = self.model;
        self.going.callbacks.iter_mut().try_for_each(|callback| callback.train_begin(model))?;
        while self.going.place.epoch < self.options.epochs && !self.going.place.is_over {
            self.epoch()?;
        }
        self.going.callbacks.iter_mut().try_for_each(|callback| callback.train_end(model))?;
        self.backup.as_ref().map_or(Ok(()), Backup::end)?;
        Ok(self.going.history)
    }

    /// An epoch, or the rest of one.
    fn epoch(&mut self) -> Result<()> {
        let (epoch, length) =
            (self.going.place.epoch, self.options.steps_per_epoch.or(self.going.feed.steps()));
        let mut progress = (!self.options.quiet).then(|| Progress::new(epoch, self.options.epochs, length));
        if self.going.place.done == 0 {
            self.going
                .callbacks
                .iter_mut()
                .try_for_each(|callback| callback.epoch_begin(epoch, self.model))?;
            self.steps.reset()?;
        }
        let mut flow = self.all_steps(progress.as_mut())?;
        let mut logs = self.steps.logs()?;
        if let Some(validation) = &mut self.validation {
            logs.extend("val_", &evaluate_steps(&self.steps, &mut **validation)?);
        }
        if let Some(progress) = &progress {
            progress.end(&logs);
        }
        self.going.history.push(epoch, logs.clone());
        for callback in &mut self.going.callbacks {
            flow = stopped(flow, callback.epoch_end(epoch, &logs, self.model)?);
        }
        (self.going.place.epoch, self.going.place.done, self.going.place.is_over) =
            (epoch + 1, 0, flow == Flow::Stop);
        self.keep(Moment::Epoch)
    }

    /// The steps of an epoch: of a pass, or as many as were asked for, through as many passes as that takes.
    fn all_steps(&mut self, mut progress: Option<&mut Progress>) -> Result<Flow> {
        let wanted = self.options.steps_per_epoch;
        while wanted.is_none_or(|wanted| self.going.place.done < wanted) {
            let Some(loss) = self.step()? else {
                self.going.place.pass += 1;
                self.going.feed.begin(self.going.place.pass)?;
                match wanted {
                    None if self.going.place.done > 0 => break,
                    Some(_) if self.going.feed.peek()?.is_some() => continue,
                    _ => return Err(no_examples()),
                }
            };
            if let Some(progress) = &mut progress {
                progress.step(&loss);
            }
            self.going.place.done += 1;
            if self.batch_end(self.going.place.done - 1, &loss)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
            self.keep(Moment::Step)?;
        }
        Ok(Flow::Continue)
    }

    /// Writes the backup, if it is time.
    fn keep(&mut self, moment: Moment) -> Result<()> {
        let Some(backup) = &self.backup else { return Ok(()) };
        let is_due = match moment {
            Moment::Epoch => true,
            Moment::Step => backup.every.is_some_and(|every| self.going.place.done.is_multiple_of(every)),
        };
        if !is_due {
            return Ok(());
        }
        backup.write(self.model, &self.steps, &mut self.going)
    }

    /// One step with the next batch, nothing at the end of the pass. Gives the loss before it.
    fn step(&mut self) -> Result<Option<Tensor>> {
        let Some(batch) = self.going.feed.next()? else { return Ok(None) };
        let loss = match &self.classes {
            None => self.steps.train(batch).map_err(Error::from),
            Some(classes) => {
                batch.clone().class_weighted(classes).and_then(|batch| Ok(self.steps.train(&batch)?))
            }
        };
        loss.map(Some).map_err(|error| self.going.feed.blame(error))
    }

    fn batch_end(&mut self, batch: usize, loss: &Tensor) -> Result<Flow> {
        for callback in &mut self.going.callbacks {
            if callback.batch_end(batch, loss, self.model)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }
}

fn stopped(first: Flow, second: Flow) -> Flow {
    if first == Flow::Stop { first } else { second }
}

pub(super) fn evaluate(model: &Model, data: Examples) -> Result<Logs> {
    let mut feed = finite(data, model, BATCH_SIZE)?;
    feed.begin(0)?;
    let steps = started(model, &mut *feed)?;
    evaluate_steps(&steps, &mut *feed)
}

/// The loss and metrics of a pass.
fn evaluate_steps(steps: &Steps, feed: &mut dyn Feed) -> Result<Logs> {
    steps.reset()?;
    feed.begin(0)?;
    while let Some(batch) = feed.next()? {
        steps.evaluate(batch).map_err(|error| feed.blame(error.into()))?;
    }
    let logs = steps.logs()?;
    steps.reset()?;
    Ok(logs)
}

pub(super) fn predict(model: &Model, data: Examples) -> Result<Vec<Tensor>> {
    let mut feed = finite(data, model, BATCH_SIZE)?;
    feed.begin(0)?;
    let first = feed.peek()?.ok_or_else(no_examples)?.inputs.clone();
    model.build_once(&first).map_err(|error| feed.blame(error))?;
    let predict = model.predictor();
    let mut parts: Vec<Vec<Tensor>> = Vec::new();
    while let Some(Batch { inputs, rows, .. }) = feed.next()?.cloned() {
        let outputs = predict.call((inputs, rows)).map_err(|error| feed.blame(error.into()))?;
        parts.resize_with(outputs.len(), Vec::new);
        parts.iter_mut().zip(outputs).for_each(|(part, output)| part.push(output));
    }
    Ok(parts.iter().map(|parts| Tensor::concat(parts, 0)).collect())
}
