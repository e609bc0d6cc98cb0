//! A layer with its weights.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value, json};
use tensorwright::module::Path;
use tensorwright::{Error as Failed, Module, Result as TensorResult, Tensor, Variable};

use super::inputs::NO_LAYER;
use super::low_rank::LowRank;
use super::{Argument, Context, Inputs, Layer, Outputs, Policy, Scope, Signal, Strings, Weight, Weights};
use crate::error::{Error, Result};
use crate::regularizers::Regularizer;

/// A layer with its weights, and a name. Clones are the same layer: what one learns the others know.
#[derive(Clone)]
pub struct LayerRef {
    inner: Arc<Inner>,
}

struct Inner {
    /// No other layer of the program has it, or has had it.
    number: u64,
    layer: Box<dyn Layer>,
    name: Option<String>,
    policy: Option<Policy>,
    trainable: AtomicBool,
    weights: Weights,
    low_rank: OnceLock<LowRank>,
    /// What it gives adds this to the loss, beside what its own settings say.
    activity_regularizer: Option<Regularizer>,
}

impl<L: Layer> From<L> for LayerRef {
    fn from(layer: L) -> LayerRef {
        LayerRef::new(layer)
    }
}

/// A layer is itself alone, whatever its settings: so it can be an argument of a traced function, as `Static<LayerRef>`.
impl PartialEq for LayerRef {
    fn eq(&self, other: &LayerRef) -> bool {
        self.is(other)
    }
}

impl Eq for LayerRef {}

impl Hash for LayerRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.number.hash(state);
    }
}

impl fmt::Debug for LayerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.class_name(), self.name())
    }
}

impl LayerRef {
    /// A new layer, without weights yet.
    pub fn new(layer: impl Layer) -> LayerRef {
        LayerRef::boxed(Box::new(layer), None, None)
    }

    pub(crate) fn boxed(layer: Box<dyn Layer>, name: Option<String>, policy: Option<Policy>) -> LayerRef {
        static LAYERS: AtomicU64 = AtomicU64::new(0);
        let (number, trainable) = (LAYERS.fetch_add(1, Ordering::Relaxed), AtomicBool::new(true));
        let (weights, low_rank, activity_regularizer) = Default::default();
        let inner = Inner { number, layer, name, policy, trainable, weights, low_rank, activity_regularizer };
        LayerRef { inner: Arc::new(inner) }
    }

    /// The layer under a name, if nobody else holds it.
    ///
    /// # Errors
    /// When it is held elsewhere too.
    pub fn with_name(self, name: &str) -> Result<LayerRef> {
        self.remade(|inner| inner.name = Some(name.to_owned()))
    }

    /// The layer with dtypes of its own, if nobody else holds it; else it has those of the layer around it.
    ///
    /// # Errors
    /// When it is held elsewhere too.
    pub fn with_policy(self, policy: impl Into<Policy>) -> Result<LayerRef> {
        let policy = policy.into();
        self.remade(|inner| inner.policy = Some(policy))
    }

    /// The layer, whose results add this to the loss, if nobody else holds it: for layers that have no such setting of their own.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    /// use tensorwright::nn::{Context, layers::MaxPooling1D, regularizers::Regularizer};
    ///
    /// let sparse: Regularizer = "l1".parse()?;
    /// let layer = MaxPooling1D::new().layer().with_activity_regularizer(sparse)?;
    /// let context = Context::inference();
    /// layer.call(Tensor::ones((1, 4, 3), DType::F32), &context)?;
    /// assert!((context.losses()[0].item::<f32>()? - 6.0 * 0.01).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When it is held elsewhere too.
    pub fn with_activity_regularizer(self, rule: Regularizer) -> Result<LayerRef> {
        self.remade(|inner| inner.activity_regularizer = Some(rule))
    }

    fn remade(mut self, change: impl FnOnce(&mut Inner)) -> Result<LayerRef> {
        match Arc::get_mut(&mut self.inner) {
            Some(inner) => change(inner),
            None => return Err(Error::Model(format!("{} is in use already", self.name()))),
        }
        Ok(self)
    }

    /// The name that it was given, or that of its class in lower case: `conv2d`.
    pub fn name(&self) -> String {
        self.inner.name.clone().unwrap_or_else(|| snake_case(self.class_name()))
    }

    /// The dtypes that it has of its own.
    pub(crate) fn policy(&self) -> Option<Policy> {
        self.inner.policy
    }

    /// The name of its class.
    pub fn class_name(&self) -> &'static str {
        self.inner.layer.class_name()
    }

    /// The layer as JSON: its class and its settings.
    pub fn to_json(&self) -> Value {
        let mut config = self.inner.layer.config();
        if let Some(name) = &self.inner.name {
            config.insert("name".to_owned(), json!(name));
        }
        if let Some(policy) = &self.inner.policy {
            config.insert("dtype".to_owned(), json!(policy.name()));
        }
        if let Some(rule) = &self.inner.activity_regularizer {
            config.insert("activity_regularizer".to_owned(), json!(rule));
        }
        if !self.trainable() {
            config.insert("trainable".to_owned(), json!(false));
        }
        if let Some(LowRank { rank, alpha }) = self.inner.low_rank.get() {
            config.insert("lora_rank".to_owned(), json!(rank));
            config.insert("lora_alpha".to_owned(), json!(alpha));
        }
        json!({ "class_name": self.class_name(), "config": config })
    }

    /// Whether JSON says all of it, and of the layers in it: closures cannot be written down.
    ///
    /// # Errors
    /// When it does not.
    pub fn check_written(&self) -> Result<()> {
        self.inner.layer.check_written()?;
        let mut checked = Ok(());
        self.visit_layers(&mut |_, layer| {
            if checked.is_ok() {
                checked = layer.check_written();
            }
        });
        checked
    }

    /// Its settings.
    pub fn config(&self) -> Map<String, Value> {
        self.inner.layer.config()
    }

    /// What it makes of inputs. The first call makes the weights.
    ///
    /// # Errors
    /// When the layer does not take such inputs, or an op fails.
    pub fn call(&self, inputs: impl Into<Inputs>, context: &Context) -> TensorResult<Outputs> {
        self.call_within(&inputs.into(), context, Policy::default())
    }

    /// What it makes of one tensor, or several, with what it has learnt.
    ///
    /// # Errors
    /// As [`LayerRef::call`], and when it gives several tensors.
    pub fn infer(&self, inputs: impl Into<Inputs>) -> TensorResult<Tensor> {
        self.call(inputs, &Context::inference())?.tensor()
    }

    /// What it makes of one tensor where it has these dtypes, unless it has some of its own.
    pub(crate) fn call_with_policy(
        &self,
        x: &Tensor,
        context: &Context,
        policy: Policy,
    ) -> TensorResult<Outputs> {
        self.call_within(&x.into(), context, policy)
    }

    pub(super) fn call_within(
        &self,
        inputs: &Inputs,
        context: &Context,
        around: Policy,
    ) -> TensorResult<Outputs> {
        let called = self.scoped(context, around, |scope| {
            let outputs = self.inner.layer.call(&in_dtype(inputs, scope)?, scope)?;
            // Tensors may carry errors, which are those of the layer that gives them.
            outputs.check()?;
            scope.regularize_all(&self.inner.activity_regularizer, &outputs)?;
            Ok(outputs)
        });
        let outputs = called.map_err(|error| within(&self.name(), error))?;
        context.record(self, &outputs)?;
        Ok(outputs)
    }

    fn scoped<R>(&self, context: &Context, around: Policy, work: impl FnOnce(&Scope<'_>) -> R) -> R {
        let (name, policy) = (self.name(), self.inner.policy.unwrap_or(around));
        let (weights, trainable, prefix) = (&self.inner.weights, self.trainable(), String::new());
        let low_rank = self.inner.low_rank.get().map(|update| (*update, self.inner.layer.low_rank()));
        let losses_before = context.count_losses();
        work(&Scope { name: &name, prefix, weights, trainable, policy, context, losses_before, low_rank })
    }

    /// Learns from data, outside training, see [`Layer::adapt`].
    ///
    /// # Errors
    /// When the data are not what the layer learns from, or there is nothing that it learns so.
    pub fn adapt(&self, data: &[Argument]) -> TensorResult<()> {
        let context = Context::inference();
        self.scoped(&context, Policy::default(), |scope| self.inner.layer.adapt(data, scope))
    }

    /// The words at these places of its vocabulary, see [`Layer::words`].
    ///
    /// # Errors
    /// When it knows no words.
    pub fn words(&self, places: &Tensor) -> TensorResult<Strings> {
        let context = Context::inference();
        self.scoped(&context, Policy::default(), |scope| self.inner.layer.words(places, scope))
    }

    /// The words or numbers that it knows, special ones first, if it looks things up.
    pub fn vocabulary(&self) -> Option<Value> {
        self.inner.layer.vocabulary()
    }

    /// The shapes of its states, see [`Layer::state_shapes`].
    pub fn state_shapes(&self, inputs: &[usize]) -> Option<Vec<Vec<usize>>> {
        self.inner.layer.state_shapes(inputs)
    }

    /// What it and the layers in it keep from call to call.
    pub fn states(&self) -> Vec<Variable> {
        let mut found = self.inner.weights.states();
        self.visit_layers(&mut |_, layer| found.extend(layer.states()));
        found
    }

    /// Forgets what it keeps from call to call, as stateful layers do.
    ///
    /// # Errors
    /// In a traced function, whose variables are in use.
    pub fn reset_state(&self) -> TensorResult<()> {
        self.states().iter().try_for_each(|state| state.assign(state.value().zeros_like()))
    }

    /// Whether its weights are trained, those that training changes at all.
    pub fn trainable(&self) -> bool {
        self.inner.trainable.load(Ordering::Relaxed)
    }

    /// Freezes the weights of the layer and of those in it, or thaws them.
    pub fn set_trainable(&self, trainable: bool) {
        self.inner.trainable.store(trainable, Ordering::Relaxed);
        for weight in self.inner.weights.all() {
            weight.variable.set_trainable(trainable && weight.learnt);
        }
        self.visit_layers(&mut |_, layer| layer.set_trainable(trainable));
    }

    /// Freezes the matrices of the layer, and learns beside each of them the product of two narrow ones, of this rank: `kernel + alpha / rank * a b`
    /// (Hu et al. 2021, "LoRA"), with `alpha` the rank if nothing is said. At first it changes nothing: `b` is zeros. A layer of layers does so with
    /// all in it that can: `Dense`, `EinsumDense`, `Embedding`, `ReversibleEmbedding`, convolutions, and queries and values of attention by heads.
    ///
    /// Other weights, such as biases, are trained as before. A function that was traced before goes on without the product: of a model, call
    /// [`Model::enable_lora`](crate::Model::enable_lora).
    ///
    /// ```
    /// use tensorwright::prelude::*;
    /// use tensorwright::nn::layers::Dense;
    ///
    /// let (layer, x) = (Dense::new(5).layer(), Tensor::ones((2, 4), DType::F32));
    /// let before = layer.infer(&x)?;
    /// layer.enable_lora(2, None)?;
    /// assert_eq!(layer.infer(&x)?.to_vec::<f32>()?, before.to_vec::<f32>()?);
    /// let trained: Vec<String> = Module::parameters(&layer).into_iter().map(|(path, _)| path).collect();
    /// assert_eq!(trained, ["bias", "lora_kernel_a", "lora_kernel_b"]);
    /// # Ok::<(), tensorwright::nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the rank is 0, no layer in it can, one does already, or a matrix has a constraint.
    pub fn enable_lora(&self, rank: usize, alpha: impl Into<Option<f64>>) -> Result<()> {
        let update = LowRank { rank, alpha: alpha.into().unwrap_or(rank as f64) };
        match (rank, self.learn_beside(update)?) {
            (0, _) => Err(Error::Model("an update of low rank has at least rank 1".to_owned())),
            (_, 0) => Err(Error::Model(format!("nothing in {} can have an update of low rank", self.name()))),
            _ => Ok(()),
        }
    }

    /// How many layers learn such an update from now on.
    fn learn_beside(&self, update: LowRank) -> Result<usize> {
        let paths = self.inner.layer.low_rank();
        if update.rank == 0 {
            return Ok(0);
        }
        let mut found: Result<usize> = Ok(0);
        self.visit_layers(&mut |_, layer| {
            if let Ok(count) = found {
                found = layer.learn_beside(update).map(|more| count + more);
            }
        });
        if paths.is_empty() {
            return found;
        }
        let made: Vec<&str> =
            paths.iter().copied().filter(|path| self.inner.weights.find(path).is_some()).collect();
        for path in &made {
            update.matrices(&self.name(), &self.inner.weights, path, self.trainable())?;
        }
        if self.inner.low_rank.set(update).is_err() {
            return Err(Error::Model(format!("{} has an update of low rank already", self.name())));
        }
        made.iter().for_each(|path| self.inner.weights.freeze(path));
        Ok(found? + 1)
    }

    /// The values of its weights by path, without those of the layers in it, each with the update of low rank that was learnt beside it.
    ///
    /// # Errors
    /// When memory could not be had.
    pub(crate) fn merged_weights(&self) -> Result<Vec<(String, Tensor)>> {
        let update = self.inner.low_rank.get().map(|update| (update, self.inner.layer.low_rank()));
        let mut found = Vec::new();
        for Weight { name, variable, .. } in self.inner.weights.all() {
            let value = match update.filter(|(_, paths)| paths.contains(&&*name)) {
                Some((update, _)) => {
                    let weights = &self.inner.weights;
                    update.added(
                        &variable.value(),
                        &update.matrices(&self.name(), weights, &name, self.trainable())?,
                    )?
                }
                None => variable.value(),
            };
            if !is_low_rank(&name) {
                found.push((name, value));
            }
        }
        Ok(found)
    }

    /// Calls `visit` with each layer in it, under names that are unlike.
    pub fn visit_layers(&self, visit: &mut dyn FnMut(&str, &LayerRef)) {
        let mut seen: HashMap<String, usize> = HashMap::new();
        self.inner.layer.visit_layers(&mut |name, layer| {
            let count = seen.entry(name.to_owned()).or_default();
            match *count {
                0 => visit(name, layer),
                count => visit(&format!("{name}_{count}"), layer),
            }
            *count += 1;
        });
    }

    /// Its weights and those of the layers in it, in order.
    pub fn weights(&self) -> Vec<Weight> {
        let mut found = self.inner.weights.all();
        self.visit_layers(&mut |_, layer| found.extend(layer.weights()));
        found
    }

    /// Its weights without those of the layers in it.
    pub(crate) fn own_weights(&self) -> &Weights {
        &self.inner.weights
    }

    /// What its weights add to the loss, those that training changes.
    ///
    /// # Errors
    /// When a regulariser fails.
    pub fn regularization(&self) -> TensorResult<Vec<Tensor>> {
        let weights = self.weights();
        let trained = weights.iter().filter(|weight| weight.variable.trainable());
        let terms = trained.filter_map(|weight| Some((weight.regularizer.as_ref()?, weight)));
        terms.map(|(rule, weight)| rule.call(&weight.variable.value())).collect()
    }

    /// Whether this is the same layer.
    pub fn is(&self, other: &LayerRef) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// The variables with their paths, in order.
    pub fn variables(&self) -> Vec<(String, Variable)> {
        Module::variables(self)
    }
}

impl Module for LayerRef {
    fn visit_variables(&self, path: &mut Path, visit: &mut dyn FnMut(&str, &Variable)) {
        self.inner.weights.visit_variables(path, visit);
        self.visit_layers(&mut |name, layer| path.within(name, |path| layer.visit_variables(path, visit)));
    }
}

/// Whether a weight of this path is a part of an update of low rank.
pub(crate) fn is_low_rank(path: &str) -> bool {
    path.rsplit('.').next().is_some_and(|name| name.starts_with("lora_"))
}

/// An error under the name of the layer in whose call it came up, with those of the layers around it before.
fn within(layer: &str, error: Failed) -> Failed {
    let named = |layer: String, reason: String| Error::Inputs { layer, reason }.into();
    match error.other_as::<Error>() {
        Some(Error::Inputs { layer: own, .. }) if own == layer => error,
        Some(Error::Inputs { layer: own, reason }) if own == NO_LAYER => {
            named(layer.to_owned(), reason.clone())
        }
        Some(Error::Inputs { layer: own, reason }) => named(format!("{layer}/{own}"), reason.clone()),
        Some(_) => error,
        None => match error {
            Failed::Op { .. }
            | Failed::Literal { .. }
            | Failed::DType { .. }
            | Failed::Disagreement { .. } => named(layer.to_owned(), error.to_string()),
            Failed::Other { ref source, .. } => named(layer.to_owned(), source.to_string()),
            error => error,
        },
    }
}

/// The inputs with floats in the dtype that the layer computes in.
fn in_dtype(inputs: &Inputs, scope: &Scope<'_>) -> TensorResult<Inputs> {
    let mut failed = None;
    let cast = inputs.map(&mut |signal| match scope.computed(signal.value.clone()) {
        Ok(value) => Signal { value, mask: signal.mask.clone() },
        Err(error) => {
            failed = Some(error);
            signal.clone()
        }
    });
    failed.map_or(Ok(cast), Err)
}

/// `SeparableConv2D` as `separable_conv2d`, `GRUCell` as `gru_cell`.
pub(crate) fn snake_case(class: &str) -> String {
    let letters: Vec<char> = class.chars().collect();
    let mut name = String::new();
    for (i, &letter) in letters.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| letters[i]);
        let after = letters.get(i + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
                    || (before.is_ascii_digit() && after.is_some_and(|after| after.is_lowercase()))
            });
        if begins {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}
