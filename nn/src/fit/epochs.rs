//! The loop over epochs and batches.

use std::ops::Range;

use tensorwright::{RandomKey, Tensor};

use super::callbacks::{Callback, Flow};
use super::progress::Progress;
use super::step::Steps;
use super::{Arrays, Fit, History, Logs, Model};
use crate::error::Result;

pub(super) fn fit(model: &Model, data: Arrays, mut options: Fit) -> Result<History> {
    let data = weighted(data, &options)?;
    let count = data.count()?;
    let held = (count as f64 * options.validation_split).floor() as usize;
    let (data, validation) = match (options.validation.take(), held) {
        (Some(validation), _) => (data, Some(validation)),
        (None, 0) => (data, None),
        (None, held) => {
            let [train, validation] = data.split(count - held);
            (train, Some(validation))
        }
    };
    let steps = model.steps(&data.inputs)?;
    steps.reseed(options.seed)?;
    let mut run = Run { model, steps: &steps, callbacks: std::mem::take(&mut options.callbacks), options };
    let history = run.epochs(&data, validation.as_ref())?;
    run.callbacks.iter_mut().try_for_each(|callback| callback.train_end(model))?;
    Ok(history)
}

/// The examples with the weights of their classes.
fn weighted(data: Arrays, options: &Fit) -> Result<Arrays> {
    let (Some(classes), Some(target)) = (&options.class_weights, data.targets.first()) else {
        return Ok(data);
    };
    let count = data.count()?;
    let classes = Tensor::from_slice(classes, [classes.len()]);
    let own = classes.take(target.reshape([count]).cast(tensorwright::DType::I32), 0);
    let weights = data.weights.as_ref().map_or_else(|| own.clone(), |weights| weights * &own).ok()?;
    Ok(data.weighted(&weights))
}

/// A training on its way.
struct Run<'m> {
    model: &'m Model,
    steps: &'m Steps,
    callbacks: Vec<Box<dyn Callback>>,
    options: Fit,
}

impl Run<'_> {
    fn epochs(&mut self, data: &Arrays, validation: Option<&Arrays>) -> Result<History> {
        let mut history = History::default();
        for epoch in self.options.initial_epoch..self.options.epochs {
            self.callbacks.iter_mut().try_for_each(|callback| callback.epoch_begin(epoch, self.model))?;
            let flow = self.epoch(data, epoch)?;
            let mut logs = self.steps.logs()?;
            if let Some(validation) = validation {
                logs.extend("val_", &evaluate_steps(self.steps, validation, self.options.batch_size)?);
            }
            if let Some(progress) = &flow.1 {
                progress.end(&logs);
            }
            history.push(epoch, logs.clone());
            let mut flow = flow.0;
            for callback in &mut self.callbacks {
                flow = stopped(flow, callback.epoch_end(epoch, &logs, self.model)?);
            }
            if flow == Flow::Stop {
                break;
            }
        }
        Ok(history)
    }

    /// The steps of an epoch.
    fn epoch(&mut self, data: &Arrays, epoch: usize) -> Result<(Flow, Option<Progress>)> {
        let options = &self.options;
        let order = order(data.count()?, epoch, options)?;
        let batches = order.chunks(options.batch_size).take(options.steps_per_epoch.unwrap_or(usize::MAX));
        let mut progress = (!options.quiet).then(|| Progress::new(epoch, options.epochs, batches.len()));
        self.steps.reset()?;
        let mut batch = (data.inputs.clone(), data.targets.clone(), data.weights.clone(), None);
        for (i, rows) in batches.enumerate() {
            batch.3 = Some(Tensor::from_slice(rows, [rows.len()]));
            let loss = self.steps.train(&batch)?;
            if let Some(progress) = &mut progress {
                progress.step(&loss);
            }
            for callback in &mut self.callbacks {
                if callback.batch_end(i, &loss, self.model)? == Flow::Stop {
                    return Ok((Flow::Stop, progress));
                }
            }
        }
        Ok((Flow::Continue, progress))
    }
}

fn stopped(first: Flow, second: Flow) -> Flow {
    if first == Flow::Stop { first } else { second }
}

/// The examples in the order of an epoch.
fn order(count: usize, epoch: usize, options: &Fit) -> Result<Vec<i32>> {
    if !options.shuffle {
        return Ok((0..count as i32).collect());
    }
    let key = RandomKey::new(options.seed).fold_in(epoch);
    Ok(key.permutation(count).cast(tensorwright::DType::I32).to_vec::<i32>()?)
}

/// The rows of batches, in order.
fn batches(count: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(size).map(move |start| start..count.min(start + size))
}

fn rows(range: Range<usize>) -> Tensor {
    let rows: Vec<i32> = range.map(|row| row as i32).collect();
    Tensor::from_slice(&rows, [rows.len()])
}

pub(super) fn evaluate(model: &Model, data: &Arrays, batch_size: usize) -> Result<Logs> {
    evaluate_steps(&*model.steps(&data.inputs)?, data, batch_size)
}

fn evaluate_steps(steps: &Steps, data: &Arrays, batch_size: usize) -> Result<Logs> {
    steps.reset()?;
    let mut batch = (data.inputs.clone(), data.targets.clone(), data.weights.clone(), None);
    for range in batches(data.count()?, batch_size) {
        batch.3 = Some(rows(range));
        steps.evaluate(&batch)?;
    }
    let logs = steps.logs()?;
    steps.reset()?;
    Ok(logs)
}

pub(super) fn predict(model: &Model, inputs: &[Tensor], batch_size: usize) -> Result<Vec<Tensor>> {
    let predict = model.predictor();
    let count = Arrays::new(inputs.to_vec(), Vec::new()).count()?;
    let mut parts: Vec<Vec<Tensor>> = Vec::new();
    for range in batches(count, batch_size) {
        for (i, part) in predict.call((inputs.to_vec(), Some(rows(range))))?.into_iter().enumerate() {
            match parts.get_mut(i) {
                Some(own) => own.push(part),
                None => parts.push(vec![part]),
            }
        }
    }
    Ok(parts.iter().map(|parts| Tensor::concat(parts, 0)).collect())
}
