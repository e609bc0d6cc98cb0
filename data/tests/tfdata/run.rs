//! Reading datasets as cases say.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tensorwright_data::{Cardinality, DataError, Dataset, Iter, Position, Result};

use crate::build::{Builder, reduce};
use crate::encode;
use crate::expression::Env;
use crate::value::bad;

/// Errors in a row after which reading is given up.
const STUCK: usize = 6;

pub(crate) fn cardinality(dataset: &Dataset) -> Result<Value> {
    Ok(match dataset.cardinality()? {
        Cardinality::Known(count) => json!(count),
        Cardinality::Infinite => json!("INFINITE"),
        Cardinality::Unknown => json!("UNKNOWN"),
    })
}

/// Up to `limit` elements and errors, and how it ended.
pub(crate) fn drain(iter: &mut Iter, limit: usize) -> Value {
    let (mut out, mut in_a_row) = (Vec::new(), 0);
    while out.len() < limit {
        let Some(outcome) = iter.next() else { return json!({"elements": out, "end": "end"}) };
        in_a_row = if outcome.is_err() { in_a_row + 1 } else { 0 };
        out.push(encode::outcome(&outcome));
        if in_a_row == STUCK {
            return json!({"elements": out, "end": "stuck"});
        }
    }
    json!({"elements": out, "end": "limit"})
}

/// One pass from the start.
pub(crate) fn pass(dataset: &Dataset, limit: usize) -> Result<Value> {
    Ok(drain(&mut dataset.iter()?, limit))
}

/// Carries out steps.
struct Steps<'c> {
    builder: Builder,
    pipeline: &'c Value,
    dataset: Dataset,
    limit: usize,
    iterators: BTreeMap<String, Iter>,
    saved: BTreeMap<String, Position>,
}

/// The log of the steps.
pub(crate) fn steps(case: &Value, builder: &Builder, dataset: Dataset, limit: usize) -> Vec<Value> {
    let (builder, pipeline) = (builder.clone(), &case["pipeline"]);
    let mut steps =
        Steps { builder, pipeline, dataset, limit, iterators: BTreeMap::new(), saved: BTreeMap::new() };
    let all = case["steps"].as_array().into_iter().flatten();
    all.map(|step| steps.run(step).unwrap_or_else(|error| json!({"error": encode::error(&error)}))).collect()
}

fn name(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Steps<'_> {
    fn iter(&mut self, step: &Value) -> Result<&mut Iter> {
        self.iterators.get_mut(&name(&step["it"])).ok_or_else(|| bad("no such iterator"))
    }

    fn run(&mut self, step: &Value) -> Result<Value> {
        Ok(match step["do"].as_str().unwrap_or_default() {
            "iter" => {
                let iter = self.dataset.iter()?;
                self.iterators.insert(name(&step["it"]), iter);
                Value::Null
            }
            "next" => {
                let mut got = drain(self.iter(step)?, step["n"].as_u64().unwrap_or(1) as usize);
                if got["end"] == "limit" {
                    got.as_object_mut().map(|got| got.remove("end"));
                }
                got
            }
            "rest" => {
                let limit = step["limit"].as_u64().map_or(self.limit, |limit| limit as usize);
                drain(self.iter(step)?, limit)
            }
            "save" => {
                let position = self.iter(step)?.save()?;
                self.saved.insert(name(&step["as"]), Position::from_bytes(position.as_bytes())?);
                Value::Null
            }
            "restore" => {
                let position =
                    self.saved.get(&name(&step["from"])).cloned().ok_or_else(|| bad("nothing saved"))?;
                self.iter(step)?.restore(&position)?;
                Value::Null
            }
            "rebuild" => {
                self.dataset = self.builder.build(self.pipeline, &Env::top()).ok()?;
                Value::Null
            }
            "taps" => json!({"taps": *self.builder.taps.lock().map_err(bad)?}),
            "cardinality" => json!({"cardinality": cardinality(&self.dataset)?}),
            "len" => match self.dataset.cardinality()? {
                Cardinality::Known(count) => json!({"len": count}),
                other => return Err(DataError::invalid(format!("the number of elements is {other}"))),
            },
            "single" => json!({"result": encode::element(&self.dataset.single()?)}),
            "reduce" => json!({"result": encode::element(&reduce(&self.dataset, step)?)}),
            other => return Err(bad(format!("no step {other}"))),
        })
    }
}
