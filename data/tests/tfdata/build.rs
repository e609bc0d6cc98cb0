//! Pipelines of the case language as datasets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tensorwright::DType;
use tensorwright_data::{
    BatchOptions, BucketOptions, Dataset, Extents, InterleaveOptions, Item, OnEmpty, OnError, PadOptions,
    Parallel, Passes, ResampleOptions, Result, SampleOptions, ShuffleOptions, Spec, Window, WindowOptions,
    Zipped,
};

use crate::expression::{Env, eval, infer, text};
use crate::value::{self, bad};

/// How often each place with a name was computed.
pub(crate) type Taps = Arc<Mutex<BTreeMap<String, u64>>>;

/// Builds datasets; files that they need are in `folder`.
#[derive(Clone)]
pub(crate) struct Builder {
    folder: Arc<PathBuf>,
    files: Arc<Mutex<u64>>,
    pub(crate) taps: Taps,
}

fn int(value: &Value, otherwise: i64) -> i64 {
    value.as_i64().unwrap_or(otherwise)
}

fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or(false)
}

/// A number that is to be a size, where what is negative is as wrong as 0.
fn size(value: &Value, otherwise: i64) -> usize {
    int(value, otherwise).max(0) as usize
}

fn floats(value: &Value) -> Option<Vec<f64>> {
    value.as_array().map(|all| all.iter().filter_map(Value::as_f64).collect())
}

fn passes(differ: bool) -> Passes {
    if differ { Passes::Different } else { Passes::Alike }
}

fn on_empty(stop: bool) -> OnEmpty {
    if stop { OnEmpty::Stop } else { OnEmpty::Skip }
}

fn batch(stage: &Value) -> BatchOptions {
    let options = BatchOptions::new(size(&stage["size"], 0));
    if flag(&stage["drop_remainder"]) { options.drop_remainder() } else { options }
}

fn parallel(stage: &Value) -> Option<Parallel> {
    let parallel = match &stage["parallel"] {
        Value::Null => return None,
        Value::String(_) => Parallel::Auto,
        number => Parallel::new(size(number, 0)),
    };
    Some(if stage["deterministic"] == false { parallel.any_order() } else { parallel })
}

impl Builder {
    pub(crate) fn new(folder: PathBuf) -> Builder {
        Builder { folder: Arc::new(folder), files: Arc::default(), taps: Taps::default() }
    }

    /// A path that nobody has used.
    pub(crate) fn path(&self, suffix: &str) -> PathBuf {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        *files += 1;
        self.folder.join(format!("{:04}{suffix}", *files))
    }

    /// Writes the inline files of a source.
    pub(crate) fn write(&self, stage: &Value) -> Result<Vec<PathBuf>> {
        let files = stage["files"].as_array().into_iter().flatten();
        files
            .map(|file| {
                let path = self.path("");
                std::fs::write(&path, value::bytes(file)?).map_err(bad)?;
                Ok(path)
            })
            .collect()
    }

    /// The dataset of a pipeline. Errors are carried by it.
    pub(crate) fn build(&self, stages: &Value, env: &Env) -> Dataset {
        let stages = stages.as_array().map_or(&[][..], Vec::as_slice);
        let Some((source, rest)) = stages.split_first() else { return Dataset::failed(bad("no source")) };
        let source = self.source(source, env).unwrap_or_else(Dataset::failed);
        rest.iter().fold(source, |dataset, stage| match dataset.error() {
            Some(_) => dataset,
            None => self.stage(&dataset, stage, env).unwrap_or_else(Dataset::failed),
        })
    }

    /// The value of a source, or what it will look like.
    fn given(&self, stage: &Value, env: &Env) -> Result<(Spec, Option<Item>)> {
        match (&stage["expr"], &env.items) {
            (Value::Null, _) => value::item(&stage["value"]).map(|item| (item.spec(), Some(item))),
            (expr, Some(items)) => Ok((infer(expr, env)?, Some(eval(expr, items)?))),
            (expr, None) => Ok((infer(expr, env)?, None)),
        }
    }

    fn source(&self, stage: &Value, env: &Env) -> Result<Dataset> {
        Ok(match text(&stage["op"])? {
            "range" => self.range(stage, env)?,
            "from_tensors" => match self.given(stage, env)? {
                (spec, Some(item)) => Dataset::from_element(item).with_spec(spec),
                (spec, None) => Dataset::from_items(spec, Vec::new()),
            },
            "from_tensor_slices" => match self.given(stage, env)? {
                (_, Some(item)) => Dataset::from_slices(item),
                (spec, None) => Dataset::from_items(spec, Vec::new()).unbatch(),
            },
            "from_generator" => {
                let spec = value::spec(&stage["spec"])?;
                let items = stage["items"].as_array().cloned().unwrap_or_default();
                let own = spec.clone();
                let items = move || {
                    let (items, own) = (items.clone(), own.clone());
                    // A generator whose element has another structure is given up.
                    let last = items
                        .iter()
                        .position(|item| value::generated(item, &own).is_err() && item.is_object());
                    items
                        .into_iter()
                        .take(last.map_or(usize::MAX, |last| last + 1))
                        .map(move |item| value::generated(&item, &own))
                };
                Dataset::from_generator(spec, items)
            }
            "counter" => {
                let (start, step) = (int(&stage["start"], 0), int(&stage["step"], 1));
                match stage["dtype"].as_str().map_or(Ok(DType::I64), value::dtype)? {
                    DType::I32 => Dataset::count_from(start as i32, step as i32),
                    DType::F32 => Dataset::count_from(start as f32, step as f32),
                    _ => Dataset::count_from(start, step),
                }
            }
            "random" => {
                Dataset::random(stage["seed"].as_u64(), passes(flag(&stage["rerandomize_each_iteration"])))
            }
            "zip" => Dataset::zip(self.zipped(&stage["inputs"], env)?),
            "sample_from_datasets" => self.sample(stage, env),
            "choose_from_datasets" => {
                let stop = stage["stop_on_empty"].as_bool().unwrap_or(true);
                Dataset::choose(
                    &self.all(&stage["inputs"], env),
                    &self.build(&stage["choice"], env),
                    on_empty(stop),
                )
            }
            "dataset" => match (infer(&stage["of"], env)?, &env.items) {
                (Spec::Window(_), Some(items)) => match eval(&stage["of"], items)? {
                    Item::Window(window) => Dataset::from_window(&window),
                    _ => return Err(bad("no dataset")),
                },
                (Spec::Window(inner), None) => Dataset::from_items(*inner, Vec::new()),
                (other, _) => return Err(bad(format!("{other} is no dataset"))),
            },
            _ => self.file_source(stage)?,
        })
    }

    fn range(&self, stage: &Value, env: &Env) -> Result<Dataset> {
        let args = stage["args"].as_array().ok_or_else(|| bad("no args"))?;
        let dtype = stage["dtype"].as_str().map_or(Ok(DType::I64), value::dtype)?;
        let Some(items) = &env.items else {
            args.iter().try_for_each(|arg| infer(arg, env).map(drop))?;
            return Ok(Dataset::from_items(Spec::scalar(dtype), Vec::new()));
        };
        let args = args.iter().map(|arg| Ok(eval(arg, items)?.to_number()?.to_i128() as i64));
        let (start, stop, step) = match args.collect::<Result<Vec<i64>>>()?[..] {
            [stop] => (0, stop, 1),
            [start, stop] => (start, stop, 1),
            [start, stop, step] => (start, stop, step),
            _ => return Err(bad("one to three args")),
        };
        Ok(match dtype {
            DType::I32 => Dataset::range_by(start as i32, stop as i32, step as i32),
            DType::F32 => Dataset::range_by(start as f32, stop as f32, step as f32),
            DType::F64 => Dataset::range_by(start as f64, stop as f64, step as f64),
            DType::I64 => Dataset::range_by(start, stop, step),
            other => return Err(bad(format!("no ranges of {other}"))),
        })
    }

    fn all(&self, pipelines: &Value, env: &Env) -> Vec<Dataset> {
        pipelines.as_array().into_iter().flatten().map(|stages| self.build(stages, env)).collect()
    }

    fn zipped(&self, inputs: &Value, env: &Env) -> Result<Zipped> {
        if let Value::Array(parts) = &inputs["tuple"] {
            return Ok(Zipped::Tuple(
                parts.iter().map(|part| self.zipped(part, env)).collect::<Result<_>>()?,
            ));
        }
        if let Value::Object(parts) = &inputs["dict"] {
            let parts = parts.iter().map(|(name, part)| Ok((name.clone(), self.zipped(part, env)?)));
            return Ok(Zipped::Dict(parts.collect::<Result<_>>()?));
        }
        Ok(Zipped::Dataset(self.build(inputs, env)))
    }

    fn sample(&self, stage: &Value, env: &Env) -> Dataset {
        let mut options = SampleOptions::new()
            .on_empty(on_empty(flag(&stage["stop_on_empty"])))
            .passes(passes(flag(&stage["rerandomize_each_iteration"])));
        if let Some(seed) = stage["seed"].as_u64() {
            options = options.seed(seed);
        }
        if let Some(weights) = floats(&stage["weights"]) {
            options = options.weights(weights);
        }
        Dataset::sample(&self.all(&stage["inputs"], env), &options)
    }

    fn stage(&self, dataset: &Dataset, stage: &Value, env: &Env) -> Result<Dataset> {
        Ok(match text(&stage["op"])? {
            "map" => {
                let f = Function::new(&stage["fn"], env, &[("x", dataset.spec()?)])?;
                let spec = f.spec.clone();
                let call = move |item| f.call([("x", item)]);
                match parallel(stage) {
                    Some(parallel) => dataset.map_items_parallel(parallel, spec, call),
                    None => dataset.map_items(spec, call),
                }
            }
            "filter" | "take_while" => {
                let f = Function::new(&stage["fn"], env, &[("x", dataset.spec()?)])?;
                f.must_be(&Spec::scalar(DType::Bool))?;
                let holds = move |item| Ok(f.call([("x", item)])?.to_number()?.to_bool());
                if stage["op"] == "filter" {
                    dataset.filter_items(holds)
                } else {
                    dataset.take_while_items(holds)
                }
            }
            "flat_map" => {
                let (spec, body) = self.body(dataset, &stage["body"], env)?;
                dataset.flat_map_items(spec, body)
            }
            "interleave" => {
                let (spec, body) = self.body(dataset, &stage["body"], env)?;
                let cycle = size(&stage["cycle_length"], int(&stage["parallel"], 16));
                let options = InterleaveOptions::new(cycle).block(size(&stage["block_length"], 1));
                let options = parallel(stage).map_or(options, |parallel| options.parallel(parallel));
                dataset.interleave_items(options, spec, body)
            }
            "batch" => dataset.batch(batch(stage)),
            "ragged_batch" => dataset.ragged_batch(batch(stage)),
            "padded_batch" => dataset.padded_batch(batch(stage), padding(stage, dataset.spec()?)?),
            "sparse_batch" => {
                let row: Vec<usize> =
                    stage["row_shape"].as_array().into_iter().flatten().map(|n| size(n, 0)).collect();
                dataset.sparse_batch(batch(stage), &row)
            }
            "bucket_by_sequence_length" => self.buckets(dataset, stage, env)?,
            "unbatch" => dataset.unbatch(),
            "unique" => dataset.unique(),
            "ignore_errors" => dataset.on_error(OnError::Skip),
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
                dataset.window(if flag(&stage["drop_remainder"]) {
                    options.drop_remainder()
                } else {
                    options
                })
            }
            "group_by_window" => self.group(dataset, stage, env)?,
            "shuffle" => {
                let options = ShuffleOptions::new(size(&stage["buffer"], 0));
                let options =
                    options.passes(passes(stage["reshuffle_each_iteration"].as_bool().unwrap_or(true)));
                dataset.shuffle(stage["seed"].as_u64().map_or(options, |seed| options.seed(seed)))
            }
            "repeat" => {
                dataset.repeat(stage["count"].as_i64().filter(|count| *count >= 0).map(|count| count as u64))
            }
            "take" => match int(&stage["count"], -1) {
                count if count < 0 => dataset.clone(),
                count => dataset.take(count as u64),
            },
            "skip" => match int(&stage["count"], 0) {
                count if count < 0 => dataset.take(0),
                count => dataset.skip(count as u64),
            },
            "shard" => dataset.shard(
                size(&stage["num"], 0) as u64,
                u64::try_from(int(&stage["index"], 0)).unwrap_or(u64::MAX),
            ),
            "prefetch" => match int(&stage["size"], 0) {
                ahead if ahead < -1 => return Err(bad("a number of elements is wanted, or -1")),
                0 => dataset.clone(),
                ahead => dataset.prefetch(ahead.max(0) as usize),
            },
            "concatenate" => dataset.concatenate(&self.build(&stage["with"], env)),
            "enumerate" => dataset.enumerate(int(&stage["start"], 0)),
            "scan" => {
                let first = value::item(&stage["init"])?;
                let (spec, f) = scan(stage, dataset.spec()?, &first, env)?;
                dataset.scan_items(first, spec, move |pair| match pair.parts() {
                    Some([state, item]) => f.call([("state", state.clone()), ("x", item.clone())]),
                    _ => Err(bad("no pair")),
                })
            }
            "rejection_resample" => {
                let f = Function::new(&stage["class"], env, &[("x", dataset.spec()?)])?;
                let mut options = ResampleOptions::new(floats(&stage["target"]).unwrap_or_default());
                if let Some(initial) = floats(&stage["initial"]) {
                    options = options.initial(initial);
                }
                if let Some(seed) = stage["seed"].as_u64() {
                    options = options.seed(seed);
                }
                let spec = f.spec.clone();
                dataset.rejection_resample_items(&options, spec, move |item| f.call([("x", item)]))
            }
            "assert_cardinality" => dataset.assert_cardinality(size(&stage["count"], 0) as u64),
            "options" => dataset.clone(),
            "tap" => {
                let (name, taps) = (text(&stage["name"])?.to_owned(), self.taps.clone());
                taps.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_insert(0);
                dataset.map_items(dataset.spec()?.clone(), move |item| {
                    *taps.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default() +=
                        1;
                    Ok(item)
                })
            }
            _ => self.storage(dataset, stage)?,
        })
    }

    /// What makes a dataset of an element `x`, and what its elements look like.
    fn body(
        &self,
        dataset: &Dataset,
        stages: &Value,
        env: &Env,
    ) -> Result<(Spec, impl Fn(Item) -> Result<Dataset> + use<>)> {
        let spec = self.build(stages, &env.with_spec("x", dataset.spec()?.clone())).spec()?.clone();
        let (builder, stages, env) = (self.clone(), stages.clone(), env.clone());
        Ok((spec, move |item| builder.build(&stages, &env.with_item("x", item)).ok()))
    }

    fn group(&self, dataset: &Dataset, stage: &Value, env: &Env) -> Result<Dataset> {
        let key = Function::new(&stage["key"], env, &[("x", dataset.spec()?)])?;
        key.must_be(&Spec::scalar(DType::I64))?;
        let window = Spec::Window(Box::new(dataset.spec()?.clone()));
        let inside = env.with_spec("key", Spec::scalar(DType::I64)).with_spec("window", window);
        let spec = self.build(&stage["body"], &inside).spec()?.clone();
        let (builder, stages, outer) = (self.clone(), stage["body"].clone(), env.clone());
        let body = move |key: i64, window: Arc<Window>| {
            let env = outer.with_item("key", Item::number(key)).with_item("window", Item::Window(window));
            builder.build(&stages, &env).ok()
        };
        let (fixed, size_fn, outer) = (stage["size"].as_i64(), stage["size_fn"].clone(), env.clone());
        let size = move |key: i64| match fixed {
            Some(size) => Ok(size.max(0) as usize),
            None => {
                let env = outer.with_item("key", Item::number(key));
                Ok(eval(&size_fn, env.items.as_ref().unwrap_or(&BTreeMap::new()))?.to_number()?.to_i128()
                    as usize)
            }
        };
        let key = move |item| Ok(key.call([("x", item)])?.to_number()?.to_i128() as i64);
        Ok(dataset.group_by_window(spec, key, size, body))
    }

    fn buckets(&self, dataset: &Dataset, stage: &Value, env: &Env) -> Result<Dataset> {
        let f = Function::new(&stage["length"], env, &[("x", dataset.spec()?)])?;
        let sizes =
            |value: &Value| value.as_array().into_iter().flatten().map(|n| size(n, 0)).collect::<Vec<_>>();
        let options = BucketOptions::new(sizes(&stage["boundaries"]), sizes(&stage["batch_sizes"]));
        let padding = || padding(stage, dataset.spec()?);
        let options = match (flag(&stage["no_padding"]), flag(&stage["pad_to_bucket_boundary"])) {
            (true, _) => options.no_padding(),
            (_, true) => options.pad_to_boundary(padding()?),
            _ => options.padding(padding()?),
        };
        let options = if flag(&stage["drop_remainder"]) { options.drop_remainder() } else { options };
        let length = move |item: &Item| Ok(f.call([("x", item.clone())])?.to_number()?.to_i128() as i64);
        Ok(dataset.bucket_by_length(options, length))
    }
}

/// How arrays are padded.
fn padding(stage: &Value, spec: &Spec) -> Result<PadOptions> {
    let mut options = PadOptions::new();
    if !stage["shapes"].is_null() {
        let mut shapes = Vec::new();
        shapes_of(&stage["shapes"], spec, &mut shapes)?;
        options = options.shapes(shapes);
    }
    if !stage["values"].is_null() {
        let item = value::item(&stage["values"])?;
        options = options.values(item.components().into_iter().cloned());
    }
    Ok(options)
}

/// Shapes in the structure of a spec.
fn shapes_of(value: &Value, spec: &Spec, found: &mut Vec<Extents>) -> Result<()> {
    match (value, spec) {
        (Value::Array(sizes), Spec::Dense(..) | Spec::Ragged(..) | Spec::Sparse(..)) => {
            found.push(Extents::new(sizes.iter().map(|size| size.as_u64().map(|size| size as usize))));
            Ok(())
        }
        (_, Spec::Tuple(specs)) => {
            let parts = value["tuple"].as_array().filter(|parts| parts.len() == specs.len());
            let parts = parts.ok_or_else(|| bad("another structure"))?;
            parts.iter().zip(specs).try_for_each(|(part, spec)| shapes_of(part, spec, found))
        }
        (_, Spec::Dict(specs)) => {
            specs.iter().try_for_each(|(name, spec)| shapes_of(&value["dict"][&**name], spec, found))
        }
        _ => Err(bad("another structure")),
    }
}

/// A function of the case language.
pub(crate) struct Function {
    pub(crate) spec: Spec,
    expr: Value,
    env: Env,
}

impl Function {
    pub(crate) fn new(expr: &Value, env: &Env, arguments: &[(&str, &Spec)]) -> Result<Function> {
        let inner =
            arguments.iter().fold(env.clone(), |env, (name, spec)| env.with_spec(name, (*spec).clone()));
        Ok(Function { spec: infer(expr, &inner)?, expr: expr.clone(), env: env.clone() })
    }

    fn must_be(&self, spec: &Spec) -> Result<()> {
        if self.spec == *spec { Ok(()) } else { Err(bad(format!("{spec} is wanted, not {}", self.spec))) }
    }

    pub(crate) fn call<const N: usize>(&self, arguments: [(&str, Item); N]) -> Result<Item> {
        let mut items = self.env.items.clone().unwrap_or_default();
        items.extend(arguments.map(|(name, item)| (name.to_owned(), item)));
        eval(&self.expr, &items)
    }
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

/// What a reduction gives.
pub(crate) fn reduce(dataset: &Dataset, step: &Value) -> Result<Item> {
    let first = value::item(&step["init"])?;
    let (spec, mut state) = (dataset.spec()?, first.spec());
    loop {
        let f = Function::new(&step["fn"], &Env::top(), &[("state", &state), ("x", spec)])?;
        let relaxed = state.relaxed(&f.spec).ok_or_else(|| bad("the state becomes something else"))?;
        if relaxed == state {
            return dataset.reduce_items(first, |state, item| f.call([("state", state), ("x", item)]));
        }
        state = relaxed;
    }
}
