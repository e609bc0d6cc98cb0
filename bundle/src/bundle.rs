//! Bundles: what is put in, written, read, and taken out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tensorwright::tree::Argument;
use tensorwright::{Capture, Concrete, Function, Tensor, TensorType, Tree, Variable};
use tensorwright_data::{Safetensors, write_safetensors};

use crate::endpoint::Endpoint;
use crate::error::{BundleError, Result};
use crate::files::{self, MANIFEST, Source};
use crate::manifest::{FORMAT, Manifest, Signed, Sum, WarmUp, Weighted};
use crate::open::{self, MOST_OPEN};
use crate::variant::{Variant, Weight, is_same};

const WEIGHTS: &str = "weights.safetensors";
const WARM_UP: &str = "warm_up.safetensors";
const ASSETS: &str = "assets/";

/// Bytes of a manifest, at most.
const MOST_MANIFEST: u64 = 1 << 26;

/// Functions with their weights, to be written to a file or read from one; see the [module](crate).
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    endpoints: BTreeMap<String, Vec<Variant>>,
    weights: Vec<Weight>,
    /// Endpoints with their inputs by name.
    warm_up: Vec<(String, Vec<(String, Tensor)>)>,
    assets: BTreeMap<String, Vec<u8>>,
    metadata: BTreeMap<String, String>,
}

impl Bundle {
    /// An empty one.
    pub fn new() -> Bundle {
        Bundle::default()
    }

    /// Adds a function under a name, for each signature that it has been compiled for and keeps.
    ///
    /// Functions of one bundle share the variables that they use, and what one of them assigns another one reads: a step of training is an endpoint as well, and the state of its optimiser is among the weights.
    ///
    /// ```
    /// use tensorwright::bundle::Bundle;
    /// use tensorwright::prelude::*;
    ///
    /// let w = Variable::named("w", 1.0f32)?;
    /// let (read, step) = (w.clone(), w.clone());
    /// let predict = function(move |x: Tensor| x * read.value());
    /// let train = function(move |by: Tensor| {
    ///     step.assign_sub(&by)?;
    ///     Ok(step.value())
    /// });
    /// predict.concrete(TensorSpec::f32([3]))?;
    /// train.concrete(TensorSpec::f32([0; 0]))?;
    /// let bundle = Bundle::new().with_function("predict", &predict)?.with_function("train", &train)?;
    ///
    /// let folder = tempfile::tempdir()?;
    /// bundle.save(folder.path().join("model"))?;
    /// let read = Bundle::load(folder.path().join("model"))?;
    /// read.endpoint("train")?.call(&[("input", Tensor::from(0.5f32))])?;
    /// let found = read.endpoint("predict")?.call(&[("input", Tensor::from([1.0f32, 2.0, 3.0]))])?;
    /// assert_eq!(found[0].1.to_vec::<f32>()?, [0.5, 1.0, 1.5]);
    /// assert_eq!(w.value().item::<f32>()?, 1.0); // The bundle that was read has a variable of its own.
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When it has not been compiled yet, data decide a size in it, or it takes what is no tensor.
    pub fn with_function<A: Tree, R: Tree>(
        mut self,
        name: &str,
        function: &Function<A, R>,
    ) -> Result<Bundle> {
        let concretes = function.concretes();
        if concretes.is_empty() {
            let reason = "has no signature yet: call the function, or compile it with `concrete`";
            return Err(BundleError::endpoint(name, reason));
        }
        for concrete in &concretes {
            self.add(name, concrete)?;
        }
        Ok(self)
    }

    /// Adds one signature of a function.
    ///
    /// # Errors
    /// As of [`Bundle::with_function`].
    pub fn with_concrete<A: Tree, R: Tree>(
        mut self,
        name: &str,
        concrete: &Concrete<A, R>,
    ) -> Result<Bundle> {
        self.add(name, concrete)?;
        Ok(self)
    }

    /// Adds a function whose inputs have open sizes, at most three: `specs` gives what stands for the argument when they have these values. The function is compiled for a few sizes from 5 to 18, and keeps these signatures.
    ///
    /// ```
    /// use tensorwright::bundle::Bundle;
    /// use tensorwright::prelude::*;
    ///
    /// let product = function(|(x, y): (Tensor, Tensor)| x.matmul(y).tanh());
    /// let specs = |[rows, columns]: [usize; 2]| (TensorSpec::f32([rows, 3]), TensorSpec::f32([3, columns]));
    /// let bundle = Bundle::new().with_open("product", &product, ["rows", "columns"], specs)?;
    /// let product = bundle.endpoint("product")?;
    /// assert_eq!(product.to_string(), "product(input_0: f32[rows, 3], input_1: f32[3, columns]) -> (output: f32[rows, columns])");
    /// let inputs = [("input_0", Tensor::ones((1, 3), DType::F32)), ("input_1", Tensor::zeros((3, 100), DType::F32))];
    /// assert_eq!(product.call(&inputs)?[0].1.ty()?.to_string(), "f32[1,100]");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As of [`Bundle::with_function`], when the function cannot be traced for some sizes, or when its graph has another form for some: the message has the first line that differs.
    pub fn with_open<A: Tree, R: Tree, B: Argument<A>, const N: usize>(
        mut self,
        name: &str,
        function: &Function<A, R>,
        sizes: [&str; N],
        specs: impl Fn([usize; N]) -> B,
    ) -> Result<Bundle> {
        let is_name = |size: &&str| {
            size.starts_with(|c: char| c.is_alphabetic())
                && size.chars().all(|c| c.is_alphanumeric() || c == '_')
        };
        if N == 0 || N > MOST_OPEN || !sizes.iter().all(is_name) {
            let reason = format!("has the open sizes {sizes:?}, where one to {MOST_OPEN} names are wanted");
            return Err(BundleError::endpoint(name, reason));
        }
        let mut variants = Vec::new();
        for probe in open::probes(N) {
            let probe: [usize; N] = std::array::from_fn(|at| probe[at]);
            let failed = |error: tensorwright::Error| {
                BundleError::endpoint(name, format!("cannot be traced for {sizes:?} of {probe:?}: {error}"))
            };
            let concrete = function.concrete(specs(probe)).map_err(failed)?;
            let weights = &mut self.weights;
            variants.push(Variant::of(name, &concrete, &mut |capture| place(weights, capture))?);
        }
        let joined = Variant::joined(name, &variants, &sizes)?;
        self.insert(name, joined);
        Ok(self)
    }

    fn add<A: Tree, R: Tree>(&mut self, name: &str, concrete: &Concrete<A, R>) -> Result<()> {
        let weights = &mut self.weights;
        let variant = Variant::of(name, concrete, &mut |capture| place(weights, capture))?;
        self.insert(name, variant);
        Ok(())
    }

    /// Puts a graph among those of an endpoint: before open ones, which take what no other one does.
    fn insert(&mut self, name: &str, variant: Variant) {
        let variants = self.endpoints.entry(name.to_owned()).or_default();
        variants.retain(|other| other.inputs != variant.inputs);
        let at = match variant.is_open() {
            true => variants.len(),
            false => variants.iter().take_while(|other| !other.is_open()).count(),
        };
        variants.insert(at, variant);
    }

    /// Adds inputs that [`Bundle::warm_up`] runs an endpoint with.
    pub fn with_warm_up(mut self, endpoint: &str, inputs: &[(&str, Tensor)]) -> Bundle {
        let inputs = inputs.iter().map(|(name, tensor)| ((*name).to_owned(), tensor.clone())).collect();
        self.warm_up.push((endpoint.to_owned(), inputs));
        self
    }

    /// Adds a file of the user's, such as a vocabulary.
    pub fn with_asset(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Bundle {
        self.assets.insert(name.to_owned(), bytes.into());
        self
    }

    /// Adds a line about the bundle.
    pub fn with_metadata(mut self, key: &str, value: &str) -> Bundle {
        self.metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Whether a path is a bundle, by the names of files there: what is in them is seen when it is loaded.
    pub fn is_at(path: impl AsRef<Path>) -> bool {
        Source::open(path.as_ref()).is_ok_and(|source| source.has(MANIFEST))
    }

    /// Names of endpoints.
    pub fn endpoints(&self) -> impl Iterator<Item = &str> {
        self.endpoints.keys().map(String::as_str)
    }

    /// The endpoint of a name. Each call makes one with a cache of its own; clones of it share what is compiled.
    ///
    /// # Errors
    /// When there is none.
    pub fn endpoint(&self, name: &str) -> Result<Endpoint> {
        let Some(variants) = self.endpoints.get(name) else {
            let names: Vec<&str> = self.endpoints().collect();
            let reason = format!("is not there; there are {}", names.join(", "));
            return Err(BundleError::endpoint(name, reason));
        };
        Ok(Endpoint::new(name, variants, &Arc::from(&self.weights[..])))
    }

    /// Variables with their names: what endpoints read and assign.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &Variable)> {
        self.weights.iter().filter_map(|weight| Some((weight.name.as_str(), weight.variable()?)))
    }

    /// Files of the user's, by name.
    pub fn assets(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.assets
    }

    /// Lines about the bundle.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Runs these endpoints with the inputs that were recorded for them, so that later calls of the same signatures compile nothing. Variables that they assign change.
    ///
    /// # Errors
    /// As of [`Endpoint::call`].
    pub fn warm_up(&self, endpoint: &Endpoint) -> Result<()> {
        for (_, inputs) in self.warm_up.iter().filter(|(name, _)| name == endpoint.name()) {
            let inputs: Vec<(&str, Tensor)> =
                inputs.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())).collect();
            endpoint.call(&inputs)?;
        }
        Ok(())
    }

    /// Writes it with the values that variables have now: one archive if the name ends with `.zip`, else a folder. What stands there is replaced as a whole, if it is a bundle.
    ///
    /// # Errors
    /// When it cannot be written, or a tensor has a dtype that files of weights do not have.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let failed = |error: &dyn std::fmt::Display| BundleError::file(path, error);
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        let mut endpoints = BTreeMap::new();
        for (name, variants) in &self.endpoints {
            let signed = variants.iter().map(|variant| signed(variant, &mut files)).collect::<Vec<_>>();
            endpoints.insert(name.clone(), signed);
        }
        let weights: Vec<(String, Tensor)> =
            self.weights.iter().map(|weight| (weight.name.clone(), weight.tensor())).collect();
        files.push((WEIGHTS.to_owned(), write_safetensors(&weights).map_err(|error| failed(&error))?));
        let (mut warm_up, mut tensors) = (Vec::new(), Vec::new());
        for (number, (endpoint, inputs)) in self.warm_up.iter().enumerate() {
            let inputs = inputs.iter().map(|(input, tensor)| {
                let name = format!("{number}/{input}");
                tensors.push((name.clone(), tensor.clone()));
                (input.clone(), name)
            });
            warm_up.push(WarmUp { endpoint: endpoint.clone(), inputs: inputs.collect() });
        }
        if !tensors.is_empty() {
            files.push((WARM_UP.to_owned(), write_safetensors(&tensors).map_err(|error| failed(&error))?));
        }
        files.extend(self.assets.iter().map(|(name, bytes)| (format!("{ASSETS}{name}"), bytes.clone())));
        let sums = files.iter().map(|(name, bytes)| Ok((name.clone(), Sum::of(&mut &bytes[..])?)));
        let manifest = Manifest {
            format: FORMAT,
            library: concat!("tensorwright ", env!("CARGO_PKG_VERSION")).to_owned(),
            endpoints,
            weights: self.weights.iter().map(Weighted::of).collect(),
            warm_up,
            metadata: self.metadata.clone(),
            files: sums.collect::<std::io::Result<_>>().map_err(|error| failed(&error))?,
        };
        let manifest = serde_json::to_vec_pretty(&manifest).map_err(|error| failed(&error))?;
        files.insert(0, (MANIFEST.to_owned(), manifest));
        files::write(path, &files)
    }

    /// Reads a bundle. Nothing of it is run.
    ///
    /// # Errors
    /// When it cannot be read, was written by a later version in a format that this one does not know, or is not what it says.
    pub fn load(path: impl AsRef<Path>) -> Result<Bundle> {
        let source = Source::open(path.as_ref())?;
        let at = source.path().join(MANIFEST);
        let failed = |error: &dyn std::fmt::Display| BundleError::file(&at, error);
        let manifest: Manifest = serde_json::from_slice(&source.unchecked(MANIFEST, MOST_MANIFEST)?)
            .map_err(|error| failed(&error))?;
        if manifest.format > FORMAT {
            let reason = format!(
                "it was written by {} in format {}, and this version reads formats up to {FORMAT}",
                manifest.library, manifest.format
            );
            return Err(failed(&reason));
        }
        let weights = weights(&source, &manifest)?;
        let types = weights.iter().map(Weight::ty).collect::<Result<Vec<_>>>()?;
        let mut endpoints = BTreeMap::new();
        for (name, signed) in &manifest.endpoints {
            let variants = signed.iter().map(|signed| variant(&source, &manifest, name, signed, &types));
            endpoints.insert(name.clone(), variants.collect::<Result<Vec<_>>>()?);
        }
        let assets = manifest.files.keys().filter_map(|file| Some((file, file.strip_prefix(ASSETS)?)));
        let assets = assets.map(|(file, name)| Ok((name.to_owned(), source.bytes(file, &manifest.files)?)));
        Ok(Bundle {
            endpoints,
            weights,
            warm_up: warm_up(&source, &manifest)?,
            assets: assets.collect::<Result<_>>()?,
            metadata: manifest.metadata,
        })
    }
}

/// Where something is among the weights, to which it is added if it is not there.
fn place(weights: &mut Vec<Weight>, value: Capture) -> Result<usize> {
    for (at, weight) in weights.iter().enumerate() {
        if is_same(&weight.value, &value)? {
            return Ok(at);
        }
    }
    let (own, kind) = match &value {
        Capture::Tensor(_) => ("", "constant"),
        Capture::Variable(variable) => (variable.name(), "variable"),
    };
    let is_free = |name: &str| weights.iter().all(|weight| weight.name != name);
    let mut name = if own.is_empty() { format!("{kind}_{}", weights.len()) } else { own.to_owned() };
    let mut number = 1;
    while !is_free(&name) {
        name = format!("{}_{number}", if own.is_empty() { kind } else { own });
        number += 1;
    }
    weights.push(Weight { name, value });
    Ok(weights.len() - 1)
}

/// A graph in the manifest, with its files.
fn signed(variant: &Variant, files: &mut Vec<(String, Vec<u8>)>) -> Signed {
    let number = files.len();
    let graph = format!("graphs/{number}.tw");
    files.push((graph.clone(), variant.text.clone().into_bytes()));
    let constants = variant.constants.as_ref().map(|constants| {
        let name = format!("graphs/{number}.tww");
        files.push((name.clone(), constants.clone()));
        name
    });
    Signed {
        inputs: variant.inputs.clone(),
        outputs: variant.outputs.clone(),
        captures: variant.captures.clone(),
        assigned: variant.assigned.clone(),
        graph,
        constants,
    }
}

fn variant(
    source: &Source,
    manifest: &Manifest,
    name: &str,
    signed: &Signed,
    weights: &[TensorType],
) -> Result<Variant> {
    let constants = signed.constants.as_ref().map(|file| source.bytes(file, &manifest.files)).transpose()?;
    let variant = Variant {
        inputs: signed.inputs.clone(),
        outputs: signed.outputs.clone(),
        captures: signed.captures.clone(),
        assigned: signed.assigned.clone(),
        text: source.text(&signed.graph, &manifest.files)?,
        constants,
    };
    let is_variable = |at: &usize| manifest.weights.get(*at).is_some_and(|weight| weight.variable);
    if !variant.assigned.iter().all(is_variable) {
        return Err(BundleError::endpoint(name, "assigns what is no variable"));
    }
    variant.check(weights).map_err(|reason| BundleError::endpoint(name, reason))?;
    Ok(variant)
}

impl Weighted {
    fn of(weight: &Weight) -> Weighted {
        let trainable = weight.variable().is_some_and(Variable::trainable);
        Weighted { name: weight.name.clone(), variable: weight.variable().is_some(), trainable }
    }
}

fn weights(source: &Source, manifest: &Manifest) -> Result<Vec<Weight>> {
    let at = source.path().join(WEIGHTS);
    let failed = |error: tensorwright_data::DataError| BundleError::file(&at, error);
    let tensors = Safetensors::new(source.checked(WEIGHTS, &manifest.files)?).map_err(failed)?;
    let read = |own: &Weighted| -> Result<Weight> {
        let tensor = tensors.read(&own.name).map_err(failed)?;
        let value = match own.variable {
            false => Capture::Tensor(tensor),
            true => {
                let variable = Variable::named(&own.name, tensor)?;
                variable.set_trainable(own.trainable);
                Capture::Variable(variable)
            }
        };
        Ok(Weight { name: own.name.clone(), value })
    };
    manifest.weights.iter().map(read).collect()
}

/// Endpoints with inputs by name.
type Calls = Vec<(String, Vec<(String, Tensor)>)>;

fn warm_up(source: &Source, manifest: &Manifest) -> Result<Calls> {
    if manifest.warm_up.is_empty() {
        return Ok(Vec::new());
    }
    let at = source.path().join(WARM_UP);
    let failed = |error: tensorwright_data::DataError| BundleError::file(&at, error);
    let tensors = Safetensors::new(source.checked(WARM_UP, &manifest.files)?).map_err(failed)?;
    let call = |own: &WarmUp| {
        let inputs = own.inputs.iter();
        let inputs = inputs.map(|(input, name)| Ok((input.clone(), tensors.read(name).map_err(failed)?)));
        Ok((own.endpoint.clone(), inputs.collect::<Result<Vec<_>>>()?))
    };
    manifest.warm_up.iter().map(call).collect()
}
