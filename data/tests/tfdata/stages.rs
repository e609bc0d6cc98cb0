//! Transformations of the case language.

use std::sync::PoisonError;

use serde_json::Value;
use tensorwright::DType;
use tensorwright_data::{
    Dataset, InterleaveOptions, Item, OnError, ResampleOptions, Result, ShuffleOptions, Spec, WindowOptions,
};

use crate::build::{Builder, Function, batch, flag, floats, int, padding, parallel, passes, size};
use crate::expression::{Env, text};
use crate::value::{self, bad};

impl Builder {
    /// What a transformation makes of a dataset.
    pub(crate) fn stage(&self, dataset: &Dataset, stage: &Value, env: &Env) -> Result<Dataset> {
        let op = text(&stage["op"])?;
        Ok(match op {
            "map" | "filter" | "take_while" | "scan" | "rejection_resample" | "tap" => {
                self.by_function(op, dataset, stage, env)?
            }
            "flat_map" | "interleave" | "group_by_window" | "concatenate" => {
                self.nested(op, dataset, stage, env)?
            }
            "take" | "skip" | "shard" | "repeat" | "prefetch" | "enumerate" | "shuffle" => {
                picked(op, dataset, stage)?
            }
            "bucket_by_sequence_length" => self.buckets(dataset, stage, env)?,
            "unbatch" => dataset.unbatch(),
            "unique" => dataset.unique(),
            "ignore_errors" => dataset.on_error(OnError::Skip),
            "assert_cardinality" => dataset.assert_cardinality(size(&stage["count"], 0) as u64),
            "options" => dataset.clone(),
            _ => match gathered(op, dataset, stage)? {
                Some(dataset) => dataset,
                None => self.storage(dataset, stage)?,
            },
        })
    }

    /// What applies a function to elements one by one.
    fn by_function(&self, op: &str, dataset: &Dataset, stage: &Value, env: &Env) -> Result<Dataset> {
        let function = |name: &str| Function::new(&stage[name], env, &[("x", dataset.spec()?)]);
        Ok(match op {
            "map" => {
                let f = function("fn")?;
                let spec = f.spec.clone();
                let call = move |item| f.call([("x", item)]);
                match parallel(stage) {
                    Some(parallel) => dataset.map_items_parallel(parallel, spec, call),
                    None => dataset.map_items(spec, call),
                }
            }
            "scan" => {
                let first = value::item(&stage["init"])?;
                let (spec, f) = scan(stage, dataset.spec()?, &first, env)?;
                dataset.scan_items(first, spec, move |pair| match pair.parts() {
                    Some([state, item]) => f.call([("state", state.clone()), ("x", item.clone())]),
                    _ => Err(bad("no pair")),
                })
            }
            "rejection_resample" => resampled(dataset, stage, function("class")?),
            "tap" => self.tapped(dataset, stage)?,
            _ => {
                let f = function("fn")?;
                f.must_be(&Spec::scalar(DType::Bool))?;
                let holds = move |item| Ok(f.call([("x", item)])?.to_number()?.to_bool());
                if op == "filter" { dataset.filter_items(holds) } else { dataset.take_while_items(holds) }
            }
        })
    }

    /// Counts how often elements are computed.
    fn tapped(&self, dataset: &Dataset, stage: &Value) -> Result<Dataset> {
        let (name, taps) = (text(&stage["name"])?.to_owned(), self.taps.clone());
        taps.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_insert(0);
        Ok(dataset.map_items(dataset.spec()?.clone(), move |item| {
            *taps.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default() += 1;
            Ok(item)
        }))
    }

    /// What reads other datasets.
    fn nested(&self, op: &str, dataset: &Dataset, stage: &Value, env: &Env) -> Result<Dataset> {
        Ok(match op {
            "concatenate" => dataset.concatenate(&self.build(&stage["with"], env)),
            "group_by_window" => self.group(dataset, stage, env)?,
            "flat_map" => {
                let (spec, body) = self.body(dataset, &stage["body"], env)?;
                dataset.flat_map_items(spec, body)
            }
            _ => {
                let (spec, body) = self.body(dataset, &stage["body"], env)?;
                let cycle = size(&stage["cycle_length"], int(&stage["parallel"], 16));
                let options = InterleaveOptions::new(cycle).block(size(&stage["block_length"], 1));
                let options = parallel(stage).map_or(options, |parallel| options.parallel(parallel));
                dataset.interleave_items(options, spec, body)
            }
        })
    }
}

/// What puts several elements in one, if the op does.
fn gathered(op: &str, dataset: &Dataset, stage: &Value) -> Result<Option<Dataset>> {
    Ok(Some(match op {
        "batch" => dataset.batch(batch(stage)),
        "ragged_batch" => dataset.ragged_batch(batch(stage)),
        "padded_batch" => dataset.padded_batch(batch(stage), padding(stage, dataset.spec()?)?),
        "sparse_batch" => {
            let sizes = stage["row_shape"].as_array().into_iter().flatten();
            let row: Vec<usize> = sizes.map(|n| size(n, 0)).collect();
            dataset.sparse_batch(batch(stage), &row)
        }
        "rebatch" => {
            let sizes = match &stage["size"] {
                Value::Array(sizes) => sizes.iter().map(|n| size(n, 0)).collect(),
                one => vec![size(one, 0)],
            };
            dataset.rebatch(&sizes, flag(&stage["drop_remainder"]))
        }
        "window" => {
            let own = size(&stage["size"], 0);
            let options = WindowOptions::new(own)
                .shift(size(&stage["shift"], own as i64))
                .stride(size(&stage["stride"], 1));
            dataset.window(if flag(&stage["drop_remainder"]) { options.drop_remainder() } else { options })
        }
        _ => return Ok(None),
    }))
}

/// What gives elements as they are: some of them, or in another order.
fn picked(op: &str, dataset: &Dataset, stage: &Value) -> Result<Dataset> {
    Ok(match op {
        "take" => match int(&stage["count"], -1) {
            count if count < 0 => dataset.clone(),
            count => dataset.take(count as u64),
        },
        "skip" => match int(&stage["count"], 0) {
            count if count < 0 => dataset.take(0),
            count => dataset.skip(count as u64),
        },
        "shard" => {
            let index = u64::try_from(int(&stage["index"], 0)).unwrap_or(u64::MAX);
            dataset.shard(size(&stage["num"], 0) as u64, index)
        }
        "repeat" => {
            let count = stage["count"].as_i64().filter(|count| *count >= 0);
            dataset.repeat(count.map(|count| count as u64))
        }
        "prefetch" => match int(&stage["size"], 0) {
            ahead if ahead < -1 => return Err(bad("a number of elements is wanted, or -1")),
            0 => dataset.clone(),
            ahead => dataset.prefetch(ahead.max(0) as usize),
        },
        "enumerate" => dataset.enumerate(int(&stage["start"], 0)),
        _ => {
            let differ = passes(stage["reshuffle_each_iteration"].as_bool().unwrap_or(true));
            let options = ShuffleOptions::new(size(&stage["buffer"], 0)).passes(differ);
            dataset.shuffle(stage["seed"].as_u64().map_or(options, |seed| options.seed(seed)))
        }
    })
}

fn resampled(dataset: &Dataset, stage: &Value, class: Function) -> Dataset {
    let mut options = ResampleOptions::new(floats(&stage["target"]).unwrap_or_default());
    if let Some(initial) = floats(&stage["initial"]) {
        options = options.initial(initial);
    }
    if let Some(seed) = stage["seed"].as_u64() {
        options = options.seed(seed);
    }
    let spec = class.spec.clone();
    dataset.rejection_resample_items(&options, spec, move |item| class.call([("x", item)]))
}

/// The function of a scan, with the state's sizes relaxed until they stay.
fn scan(stage: &Value, input: &Spec, first: &Item, env: &Env) -> Result<(Spec, Function)> {
    let mut state = first.spec();
    loop {
        let f = Function::new(&stage["fn"], env, &[("state", &state), ("x", input)])?;
        let Spec::Tuple(parts) = &f.spec else { return Err(bad("a pair is wanted")) };
        let [next, _] = &parts[..] else { return Err(bad("a pair is wanted")) };
        let relaxed = state.relaxed(next).ok_or_else(|| bad("the state becomes something else"))?;
        if relaxed == state {
            let spec = Spec::Tuple(vec![state, parts[1].clone()]);
            return Ok((spec, f));
        }
        state = relaxed;
    }
}
