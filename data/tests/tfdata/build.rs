//! Pipelines of the case language as datasets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tensorwright::DType;
use tensorwright_data::{
    BatchOptions, BucketOptions, Dataset, Extents, Item, OnEmpty, PadOptions, Parallel, Passes, Result,
    SampleOptions, Spec, Window, Zipped,
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

pub(crate) fn int(value: &Value, otherwise: i64) -> i64 {
    value.as_i64().unwrap_or(otherwise)
}

pub(crate) fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or(false)
}

/// A number that is to be a size, where what is negative is as wrong as 0.
pub(crate) fn size(value: &Value, otherwise: i64) -> usize {
    int(value, otherwise).max(0) as usize
}

pub(crate) fn floats(value: &Value) -> Option<Vec<f64>> {
    value.as_array().map(|all| all.iter().filter_map(Value::as_f64).collect())
}

pub(crate) fn passes(differ: bool) -> Passes {
    if differ { Passes::Different } else { Passes::Alike }
}

fn on_empty(stop: bool) -> OnEmpty {
    if stop { OnEmpty::Stop } else { OnEmpty::Skip }
}

pub(crate) fn batch(stage: &Value) -> BatchOptions {
    let options = BatchOptions::new(size(&stage["size"], 0));
    if flag(&stage["drop_remainder"]) { options.drop_remainder() } else { options }
}

pub(crate) fn parallel(stage: &Value) -> Option<Parallel> {
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

    /// What makes a dataset of an element `x`, and what its elements look like.
    pub(crate) fn body(
        &self,
        dataset: &Dataset,
        stages: &Value,
        env: &Env,
    ) -> Result<(Spec, impl Fn(Item) -> Result<Dataset> + use<>)> {
        let spec = self.build(stages, &env.with_spec("x", dataset.spec()?.clone())).spec()?.clone();
        let (builder, stages, env) = (self.clone(), stages.clone(), env.clone());
        Ok((spec, move |item| builder.build(&stages, &env.with_item("x", item)).ok()))
    }

    pub(crate) fn group(&self, dataset: &Dataset, stage: &Value, env: &Env) -> Result<Dataset> {
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

    pub(crate) fn buckets(&self, dataset: &Dataset, stage: &Value, env: &Env) -> Result<Dataset> {
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
pub(crate) fn padding(stage: &Value, spec: &Spec) -> Result<PadOptions> {
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

    pub(crate) fn must_be(&self, spec: &Spec) -> Result<()> {
        if self.spec == *spec { Ok(()) } else { Err(bad(format!("{spec} is wanted, not {}", self.spec))) }
    }

    pub(crate) fn call<const N: usize>(&self, arguments: [(&str, Item); N]) -> Result<Item> {
        let mut items = self.env.items.clone().unwrap_or_default();
        items.extend(arguments.map(|(name, item)| (name.to_owned(), item)));
        eval(&self.expr, &items)
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
