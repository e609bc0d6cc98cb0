//! A model in the user's hands.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tensorwright::{DType, Module, Tensor, TensorType, Variable};

use super::epochs;
use super::measured::Measured;
use super::parts::Parts;
use super::plan::{self, OutputLoss, Plan};
use super::plot;
use super::step::{Predict, Steps, predictor};
use super::summary::{self, LayerRow};
use super::{Arrays, Examples, Fit, History, Logs, Names};
use crate::error::{Error, Result};
use crate::layer::is_low_rank;
use crate::losses::Loss;
use crate::optimizers::Optimizer;
use crate::store::{self, Archive, LoadReport, WeightsFile, write_weights};
use crate::{Context, Inputs, LayerRef, Sequential, layer_from_json};

/// A layer that is trained, evaluated and saved as a whole. Clones are the same model.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::nn::layers::*;
/// use tensorwright::nn::losses::MeanSquaredError;
/// use tensorwright::nn::optimizers::{Adam, Optimizer};
/// use tensorwright::nn::{Activation, Fit, Model, Sequential};
///
/// let x = RandomKey::new(1).normal((64, 4), 0.0f32, 1.0);
/// let y = x.sum(-1).expand_dims(-1);
/// let model = Model::new(Sequential::new().add(Dense::new(8).activation(Activation::Tanh)).add(Dense::new(1)));
/// model.compile(Optimizer::from(Adam::default()).learning_rate(0.03), MeanSquaredError, &["mae"]);
/// let history = model.fit((&x, &y), Fit::new().epochs(20))?;
/// let losses = history.curve("loss");
/// assert!(losses[19] < losses[0] / 4.0);
/// assert_eq!(model.predict(&x)?.shape()?, &[64, 1].into());
/// # Ok::<(), tensorwright::nn::Error>(())
/// ```
#[derive(Clone)]
pub struct Model {
    layer: LayerRef,
    training: Arc<Mutex<Training>>,
}

/// What a model is trained with; its functions are compiled once inputs are known.
#[derive(Default)]
struct Training {
    plan: Option<Plan>,
    steps: Option<Arc<Steps>>,
    predict: Option<Predict>,
    /// The types of the inputs that the weights were made for, with a batch of 1.
    inputs: Vec<TensorType>,
}

impl Model {
    /// A model of a layer: a [`Sequential`], a [`Functional`](crate::Functional), or any other.
    pub fn new(layer: impl Into<LayerRef>) -> Model {
        Model { layer: layer.into(), training: Arc::default() }
    }

    /// A model of layers in a row.
    pub fn sequential(layers: impl IntoIterator<Item = LayerRef>) -> Model {
        Model::new(layers.into_iter().collect::<Sequential>())
    }

    /// The layer.
    pub fn layer(&self) -> &LayerRef {
        &self.layer
    }

    /// Says what the model is trained with: an optimiser, a loss, and metrics by their names.
    ///
    /// What does not fit is found when inputs are known.
    pub fn compile(&self, optimizer: impl Into<Optimizer>, loss: impl Into<Loss>, metrics: &[&str]) {
        let plan = Plan::new(optimizer, loss);
        self.compile_with(metrics.iter().fold(plan, |plan, name| plan.metric_named(name)));
    }

    /// Says what the model is trained with.
    pub fn compile_with(&self, plan: Plan) {
        let mut training = self.lock();
        (training.plan, training.steps) = (Some(plan), None);
    }

    /// Makes the weights, for inputs of these types: calls the layer with zeros.
    ///
    /// # Errors
    /// When the layer does not take such inputs.
    pub fn build(&self, inputs: &[Tensor]) -> Result<()> {
        let single = |x: &Tensor| {
            let ty = x.ty()?;
            let shape: Vec<usize> = [1].into_iter().chain(ty.shape.sizes().iter().skip(1).copied()).collect();
            Ok(TensorType::new(ty.dtype, shape))
        };
        self.build_for(inputs.iter().map(single).collect::<Result<_>>()?)
    }

    pub(super) fn build_for(&self, inputs: Vec<TensorType>) -> Result<()> {
        self.layer.call(zeros(&inputs), &Context::inference())?;
        self.lock().inputs = inputs;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Training> {
        self.training.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the weights, if they are not made.
    pub(super) fn build_once(&self, inputs: &[Tensor]) -> Result<()> {
        let is_built = !self.lock().inputs.is_empty();
        if is_built { Ok(()) } else { self.build(inputs) }
    }

    /// The names of inputs, and of the outputs that have losses.
    pub(super) fn names(&self) -> Result<Names> {
        let (names, training) = (Names::of(&self.layer), self.lock());
        let numbers: Vec<usize> = match (&training.steps, &training.plan) {
            (Some(steps), _) => steps.parts.outputs.iter().map(|(output, _)| *output).collect(),
            (None, Some(plan)) => sorted(plan.numbered(&names)?),
            (None, None) => Vec::new(),
        };
        Ok(if numbers.is_empty() { names } else { names.with_outputs(&numbers) })
    }

    /// The compiled functions, for inputs of these types.
    pub(super) fn steps(&self, inputs: &[Tensor]) -> Result<Arc<Steps>> {
        if let Some(steps) = self.steps_so_far() {
            return Ok(steps);
        }
        self.build(inputs)?;
        self.begin()
    }

    /// The compiled functions of a model with weights.
    fn begin(&self) -> Result<Arc<Steps>> {
        let mut training = self.lock();
        let plan = training.plan.take();
        let plan = plan.ok_or_else(|| Error::Model("the model is trained after `compile`".to_owned()))?;
        let parts = Parts::new(self.layer.clone(), plan)?;
        let steps = Arc::new(Steps::new(parts));
        training.steps = Some(steps.clone());
        Ok(steps)
    }

    /// The compiled function from inputs to outputs, which needs no plan.
    pub(super) fn predictor(&self) -> Predict {
        let made = || predictor(self.layer.clone());
        self.lock().predict.get_or_insert_with(made).clone()
    }

    /// Trains the model with arrays or a dataset of batches, see [`Examples`]. [`Fit`] says how.
    ///
    /// # Errors
    /// When it was not compiled, or data do not fit the model and its loss; of a dataset the error names the element.
    pub fn fit(&self, data: impl Into<Examples>, options: Fit) -> Result<History> {
        epochs::fit(self, data.into(), options)
    }

    /// The loss and metrics of examples: arrays, in batches of 32, or a dataset of batches.
    ///
    /// # Errors
    /// As [`Model::fit`], and when the dataset never ends.
    pub fn evaluate(&self, data: impl Into<Examples>) -> Result<Logs> {
        epochs::evaluate(self, data.into())
    }

    /// What the model gives for inputs, batch by batch; targets and weights are left out.
    ///
    /// # Errors
    /// When inputs do not fit the model, it gives several tensors, or the dataset never ends.
    pub fn predict(&self, inputs: impl Into<Examples>) -> Result<Tensor> {
        let mut outputs = self.predict_all(inputs)?;
        match outputs.len() {
            1 => Ok(outputs.remove(0)),
            count => {
                Err(Error::Model(format!("the model gives {count} tensors: ask for them by `predict_all`")))
            }
        }
    }

    /// All tensors that the model gives for inputs, batch by batch.
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn predict_all(&self, inputs: impl Into<Examples>) -> Result<Vec<Tensor>> {
        epochs::predict(self, inputs.into())
    }

    /// One step of training with these examples. Gives the loss before it.
    ///
    /// # Errors
    /// As [`Model::fit`].
    pub fn train_on_batch(&self, data: impl Into<Arrays>) -> Result<f64> {
        let Arrays(batch) = data.into();
        let loss = self.steps(&batch.inputs)?.train(&batch)?;
        Ok(loss.cast(tensorwright::DType::F64).item::<f64>()?)
    }

    /// The variables that training changes, with their paths.
    pub fn parameters(&self) -> Vec<(String, tensorwright::Variable)> {
        Module::parameters(&self.layer)
    }

    /// The paths of the parameters on which the loss does not depend: training leaves them as they are.
    ///
    /// # Errors
    /// Before the first step.
    pub fn unused_parameters(&self) -> Result<Vec<String>> {
        Ok(self.begun()?.parts.optimizer.unused())
    }

    /// The learning rate of the next step.
    ///
    /// # Errors
    /// Before the first step.
    pub fn learning_rate(&self) -> Result<f64> {
        let rate = self.begun()?.parts.optimizer.learning_rate()?;
        Ok(rate.cast(tensorwright::DType::F64).item::<f64>()?)
    }

    /// Sets the learning rate; nothing is compiled again.
    ///
    /// # Errors
    /// Before the first step, or when a schedule says what it is.
    pub fn set_learning_rate(&self, rate: f64) -> Result<()> {
        Ok(self.begun()?.parts.optimizer.set_learning_rate(rate)?)
    }

    /// The compiled functions, if they are made.
    pub(super) fn steps_so_far(&self) -> Option<Arc<Steps>> {
        self.lock().steps.clone()
    }

    pub(super) fn begun(&self) -> Result<Arc<Steps>> {
        self.steps_so_far().ok_or_else(|| Error::Model("training has not begun".to_owned()))
    }

    /// Freezes the matrices of all layers that can learn an update of low rank beside them, and lets them learn it, see
    /// [`LayerRef::enable_lora`]. To be called before training begins; [`Model::save`] keeps both.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    /// use tensorwright::nn::{Fit, Model, Sequential, layers::Dense, losses::MeanSquaredError, optimizers::Adam};
    ///
    /// let (x, y) = (Tensor::ones((8, 4), DType::F32), Tensor::ones((8, 1), DType::F32));
    /// let model = Model::new(Sequential::new().add(Dense::new(4)).add(Dense::new(1)));
    /// model.build(&[x.clone()])?;
    /// let before = model.layer().variables()[0].1.value();
    /// model.enable_lora(2, None)?;
    /// model.compile(Adam::default(), MeanSquaredError::default(), &[]);
    /// model.fit((&x, &y), Fit::new().quiet())?;
    /// let (path, kernel) = &model.layer().variables()[0];
    /// assert_eq!((&**path, kernel.value().to_vec::<f32>()?), ("dense.kernel", before.to_vec::<f32>()?));
    /// # Ok::<(), tensorwright::nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// When training has begun, and as [`LayerRef::enable_lora`].
    pub fn enable_lora(&self, rank: usize, alpha: impl Into<Option<f64>>) -> Result<()> {
        let mut training = self.lock();
        if training.steps.is_some() {
            return Err(Error::Model("updates of low rank are enabled before training begins".to_owned()));
        }
        self.layer.enable_lora(rank, alpha)?;
        training.predict = None;
        Ok(())
    }

    /// A table of the layers: what they give, and how many numbers they have learnt.
    ///
    /// # Errors
    /// Before the weights are made, by [`Model::build`] or the first call.
    pub fn summary(&self) -> Result<String> {
        Ok(summary::table(&self.layer, &self.rows()?))
    }

    /// A picture of the layers as SVG: boxes with what they give, and how many numbers they have learnt, from the inputs down.
    ///
    /// ```
    /// use tensorwright::nn::{Functional, Input, Model, OnSymbols, layers::*};
    ///
    /// let x = Input::new([4]);
    /// let y = Add::new().on([&Dense::new(4).on(&x), &x]);
    /// let model = Model::new(Functional::new([&x], [&y])?);
    /// model.build(&[tensorwright::Tensor::zeros((1, 4), tensorwright::DType::F32)])?;
    /// let svg = model.plot()?;
    /// assert_eq!((svg.matches("<path").count(), svg.contains("dense (Dense)")), (3, true));
    /// # Ok::<(), tensorwright::nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::summary`].
    pub fn plot(&self) -> Result<String> {
        Ok(plot::picture(&self.layer, &self.rows()?))
    }

    /// The layers, with what they give.
    fn rows(&self) -> Result<Vec<LayerRow>> {
        let context = Context::recording();
        self.layer.call(zeros(&self.inputs()?), &context)?;
        let records = context.records();
        let mut rows = Vec::new();
        self.layer.visit_layers(&mut |name, layer| {
            let outputs = records.iter().find(|(own, _)| own.is(layer)).map(|(_, types)| types.clone());
            rows.push(LayerRow {
                name: name.to_owned(),
                layer: layer.clone(),
                outputs: outputs.unwrap_or_default(),
            });
        });
        Ok(rows)
    }

    pub(super) fn inputs(&self) -> Result<Vec<TensorType>> {
        let inputs = self.lock().inputs.clone();
        match inputs.is_empty() {
            true => {
                Err(Error::Model("the weights are not made: call `build`, or train the model".to_owned()))
            }
            false => Ok(inputs),
        }
    }

    /// Saves the model as one file, whole or not at all: configuration, weights, what it is trained with (unless that is a closure), and the
    /// state of the optimiser.
    ///
    /// # Errors
    /// Before the weights are made, when a layer is a closure without a name, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        store::write_archive(path.as_ref(), &self.archive()?)
    }

    /// Work on what the model is trained with, if that is known.
    pub(super) fn with_plan<R>(
        &self,
        work: impl FnOnce(&Optimizer, &[OutputLoss], &[Measured]) -> R,
    ) -> Option<R> {
        let training = self.lock();
        match (&training.steps, &training.plan) {
            (Some(steps), _) => {
                let parts = &steps.parts;
                Some(work(parts.optimizer.optimizer(), &parts.losses, &parts.metrics))
            }
            (None, Some(plan)) => Some(work(&plan.optimizer, &plan.losses, &plan.metrics)),
            (None, None) => None,
        }
    }

    /// What the model is in a file.
    pub(super) fn archive(&self) -> Result<Archive> {
        self.layer.check_written()?;
        let inputs: Vec<Value> = self.inputs()?.iter().map(written_type).collect();
        let training = self.lock();
        let (plan, state) = match (&training.steps, &training.plan) {
            (Some(steps), _) => {
                let parts = &steps.parts;
                (plan::written(parts.optimizer.optimizer(), &parts.losses, &parts.metrics), parts.state())
            }
            (None, Some(plan)) => (plan::written(&plan.optimizer, &plan.losses, &plan.metrics), Vec::new()),
            (None, None) => (Value::Null, Vec::new()),
        };
        let model = json!({
            "format": FORMAT,
            "library": concat!("tensorwright-nn ", env!("CARGO_PKG_VERSION")),
            "layer": self.layer.to_json(),
            "inputs": inputs,
            "training": plan,
        });
        let values = |variables: Vec<(String, Variable)>| {
            variables.into_iter().map(|(path, v)| (path, v.value())).collect()
        };
        let (weights, optimizer) = (values(self.layer.variables()), values(state));
        Ok(Archive { model, weights, optimizer, training: None })
    }

    /// Gives the model, which this process has compiled, the weights and the optimiser's state of a file.
    pub(super) fn resume(
        &self,
        json: &Value,
        weights: Vec<(String, Tensor)>,
        optimizer: Vec<(String, Tensor)>,
    ) -> Result<()> {
        if json["format"] != FORMAT {
            return Err(Error::Model(format!("format {} is not known, but {FORMAT}", json["format"])));
        }
        if self.lock().steps.is_none() {
            let inputs = json["inputs"].as_array().into_iter().flatten().map(read_type);
            self.build_for(inputs.collect::<Result<_>>()?)?;
            self.begin()?;
        }
        store::assign_all(&self.layer.variables(), weights)?;
        store::assign_all(&self.begun()?.parts.state(), optimizer)
    }

    /// Calls the layer with zeros of these types.
    pub(super) fn call_with_zeros(&self, inputs: &[TensorType]) -> Result<()> {
        self.layer.call(zeros(inputs), &Context::inference())?;
        Ok(())
    }

    /// The model of a file, without the code that built it; layers of one's own are [registered](crate::register()) first.
    ///
    /// # Errors
    /// When the file cannot be read or is broken, or its weights are not those of its layers.
    pub fn load(path: impl AsRef<Path>) -> Result<Model> {
        let Archive { model: json, weights, optimizer, .. } = store::read_archive(path.as_ref())?;
        if json["format"] != FORMAT {
            return Err(Error::Model(format!("format {} is not known, but {FORMAT}", json["format"])));
        }
        let model = Model::new(layer_from_json(&json["layer"])?);
        let inputs = json["inputs"].as_array().into_iter().flatten().map(read_type);
        model.build_for(inputs.collect::<Result<_>>()?)?;
        store::assign_all(&model.layer.variables(), weights)?;
        if !json["training"].is_null() {
            model.compile_with(Plan::read(&json["training"])?);
            if !optimizer.is_empty() {
                store::assign_all(&model.begin()?.parts.state(), optimizer)?;
            }
        }
        Ok(model)
    }

    /// Writes the weights to a file, whole or not at all: as Keras 3 does if its name ends with `.h5`, for NumPy if it ends with `.npz`, as a checkpoint of TensorFlow if it ends with `.index`, else as safetensors.
    ///
    /// # Errors
    /// Before the weights are made, when the file cannot be written, or when it has no place for a weight.
    pub fn save_weights(&self, path: impl AsRef<Path>) -> Result<()> {
        self.inputs()?;
        let path = path.as_ref();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("h5")) {
            return store::write_whole(path, &store::keras_weights(&self.layer)?);
        }
        let values = self.layer.variables().into_iter().map(|(path, variable)| (path, variable.value()));
        write_weights(path, &values.collect::<Vec<_>>())
    }

    /// Gives the model the weights of a file, of any format that [`WeightsFile`] reads, that stand under the paths of its own. Those of a file of Keras 3 (`.weights.h5`, `.keras`) are found by the classes of layers and
    /// their order, as Keras itself finds them.
    ///
    /// # Errors
    /// When the file cannot be read or is broken, or the weights of the model are not made.
    pub fn load_weights(&self, path: impl AsRef<Path>) -> Result<LoadReport> {
        let file = WeightsFile::open(path)?;
        if !store::is_keras(&file) {
            return self.load_weights_as(&file, |path| Some(path.to_owned()));
        }
        let names = store::keras_names(&self.layer, &file);
        let unknown = |path: &str| format!("a dataset for {path}");
        // Keras writes matrices with what was learnt beside them: there is nothing beside them then.
        let name = |path: &str| {
            let own = || names.get(path).cloned().unwrap_or_else(|| unknown(path));
            (!is_low_rank(path)).then(own)
        };
        let report = self.load_weights_as(&file, name)?;
        for (path, variable) in self.layer.variables() {
            if is_low_rank(&path) && path.ends_with("_b") {
                variable.assign(variable.value().zeros_like())?;
            }
        }
        // What Keras keeps beside weights: states of optimisers, seeds, weights once more.
        let copies = store::keras_copies(&self.layer).unwrap_or_default();
        let is_weight = |name: &String| {
            !name.starts_with("optimizer/") && !name.contains("seed_generator") && !copies.contains(name)
        };
        Ok(LoadReport { unexpected: report.unexpected.into_iter().filter(is_weight).collect(), ..report })
    }

    /// Gives some weights of the model those of a file, which may have other names there: `name` says which it is for a path of the model, or nothing for those that stay as they
    /// are. No other tensor of the file is read.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    /// use tensorwright::nn::layers::Dense;
    /// use tensorwright::nn::{Model, Sequential, WeightsFile, write_weights};
    ///
    /// let path = std::env::temp_dir().join(format!("encoder-{}.npz", std::process::id()));
    /// write_weights(&path, &[("encoder.kernel".to_owned(), Tensor::ones((3, 2), DType::F32))])?;
    /// let model = Model::new(Sequential::new().add(Dense::new(2)).add(Dense::new(1)));
    /// model.build(&[Tensor::zeros((1, 3), DType::F32)])?;
    /// let report = model.load_weights_as(&WeightsFile::open(&path)?, |path| match path {
    ///     "dense.kernel" => Some("encoder.kernel".to_owned()),
    ///     _ => None,
    /// })?;
    /// assert_eq!((report.loaded, report.missing), (vec!["dense.kernel".to_owned()], vec![]));
    /// # std::fs::remove_file(path).unwrap();
    /// # Ok::<(), tensorwright::nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a tensor cannot be read, or the weights of the model are not made.
    pub fn load_weights_as(
        &self,
        file: &WeightsFile,
        name: impl Fn(&str) -> Option<String>,
    ) -> Result<LoadReport> {
        self.inputs()?;
        store::assign(&self.layer.variables(), file, &name)
    }
}

fn sorted(mut numbers: Vec<usize>) -> Vec<usize> {
    numbers.sort_unstable();
    numbers
}

/// The version of files.
const FORMAT: u64 = 1;

/// Inputs of these types.
pub(super) fn zeros(inputs: &[TensorType]) -> Inputs {
    let mut zeros: Vec<Tensor> = inputs.iter().map(|ty| Tensor::zeros(ty.shape.clone(), ty.dtype)).collect();
    Inputs::of(if zeros.len() == 1 { zeros.remove(0).into() } else { zeros.into() })
}

/// A type as JSON.
pub(super) fn written_type(ty: &TensorType) -> Value {
    json!({"dtype": ty.dtype.to_string(), "shape": ty.shape.sizes().to_vec()})
}

/// The type of JSON.
pub(super) fn read_type(json: &Value) -> Result<TensorType> {
    let wrong = || Error::Model(format!("the type of a tensor is {json}"));
    let dtype =
        json["dtype"].as_str().and_then(|name| DTYPES.into_iter().find(|dtype| dtype.to_string() == name));
    let shape = json["shape"].as_array().ok_or_else(wrong)?;
    let shape: Option<Vec<usize>> = shape.iter().map(|n| usize::try_from(n.as_u64()?).ok()).collect();
    let shape = shape.filter(|shape| shape.iter().product::<usize>() < 1 << 40);
    Ok(TensorType::new(dtype.ok_or_else(wrong)?, shape.ok_or_else(wrong)?))
}

/// Dtypes of inputs.
const DTYPES: [DType; 8] =
    [DType::F32, DType::F64, DType::I32, DType::I64, DType::U8, DType::Bool, DType::F16, DType::BF16];
