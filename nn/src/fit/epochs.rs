//! The loop over epochs and batches.

use std::ops::Range;

use tensorwright::{RandomKey, Tensor};

use super::step::Steps;
use super::{Arrays, Fit, History, Logs, Model};
use crate::error::Result;

pub(super) fn fit(model: &Model, data: Arrays, options: Fit) -> Result<History> {
    let count = data.count()?;
    let held = (count as f64 * options.validation_split).floor() as usize;
    let (data, validation) = match (&options.validation, held) {
        (Some(validation), _) => (data, Some(validation.clone())),
        (None, 0) => (data, None),
        (None, held) => {
            let [train, validation] = data.split(count - held);
            (train, Some(validation))
        }
    };
    let steps = model.steps(&data.inputs)?;
    steps.reseed(options.seed)?;
    let mut history = History::default();
    for epoch in options.initial_epoch..options.epochs {
        let mut logs = train_epoch(&steps, &data, epoch, &options)?;
        if let Some(validation) = &validation {
            logs.extend("val_", &evaluate_steps(&steps, validation, options.batch_size)?);
        }
        history.push(epoch, logs);
    }
    Ok(history)
}

fn train_epoch(steps: &Steps, data: &Arrays, epoch: usize, options: &Fit) -> Result<Logs> {
    let order = order(data.count()?, epoch, options)?;
    let batches = order.chunks(options.batch_size);
    steps.reset()?;
    let mut batch = (data.inputs.clone(), data.targets.clone(), data.weights.clone(), None);
    for rows in batches.take(options.steps_per_epoch.unwrap_or(usize::MAX)) {
        batch.3 = Some(Tensor::from_slice(rows, [rows.len()]));
        steps.train(&batch)?;
    }
    Ok(steps.logs()?)
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
    let steps = model.steps(inputs)?;
    let count = Arrays::new(inputs.to_vec(), Vec::new()).count()?;
    let mut parts: Vec<Vec<Tensor>> = Vec::new();
    for range in batches(count, batch_size) {
        for (i, part) in steps.predict(inputs, Some(rows(range)))?.into_iter().enumerate() {
            match parts.get_mut(i) {
                Some(own) => own.push(part),
                None => parts.push(vec![part]),
            }
        }
    }
    Ok(parts.iter().map(|parts| Tensor::concat(parts, 0)).collect())
}
