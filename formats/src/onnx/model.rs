//! Models: what a file holds, ready to be called.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use tensorwright::{CompileOptions, Function, function};

use super::error::{Error, Reason};
use super::file;
use super::function::{Functions, versions};
use super::graph::{Action, Graph, Reading};
use super::ops::pictures;
use super::saved;
use super::schema::{MapProto, OptionalProto, SequenceProto, TensorProto};
use super::spec::{Extent, Spec};
use super::tensor;
use super::value::Value;
use crate::mapped::Mapped;

/// A trained model of an ONNX file.
///
/// It is a function that is traced and compiled once for each signature of its inputs: their types, and strings among them. Clones share what is
/// compiled.
///
/// Results may differ from those of the operators one by one in their last bits, as they do in other runtimes: weights take in the scale of their channels, and convolutions add up in
/// another order. They are the same in each run, on any number of threads. [`Model::exact`] is the model whose results are those of the operators, bit for bit; so is what calls the model's function while
/// it is traced itself, unless it is compiled with such options.
#[derive(Clone)]
pub struct Model {
    body: Body,
    function: ModelFunction,
    inputs: Vec<Spec>,
    outputs: Vec<Spec>,
    optional: Vec<bool>,
    /// Operators that are not there, with how often each occurs.
    unsupported: Vec<(String, usize)>,
    about: About,
    /// Whether results are those of the operators bit for bit.
    is_exact: bool,
    /// Whether some node reads pictures in files.
    decodes: bool,
}

type ModelFunction = Function<Vec<Option<Value>>, Vec<Value>>;

/// What a model computes.
#[derive(Clone)]
enum Body {
    /// The nodes of a file.
    Nodes(Arc<Graph>),
    /// A graph for inputs of one signature.
    Saved(Arc<tensorwright::Graph>),
}

/// What a file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// The program that wrote it, with its version.
    pub producer: String,
    /// The version of the format.
    pub format: i64,
    /// Versions of operators by domain; the standard's is empty.
    pub operators: Vec<(String, i64)>,
    /// What its author says.
    pub description: String,
    /// Anything else, by name.
    pub properties: Vec<(String, String)>,
}

impl Model {
    /// Reads a file. Weights in other files must be in its folder or below.
    ///
    /// # Errors
    /// When a file cannot be opened, is no model, or contradicts itself. Operators that are not there are no error yet: see
    /// [`Model::unsupported`].
    ///
    /// The folder of a model that was [saved](Model::save_tw) is read too.
    pub fn load(path: impl AsRef<Path>) -> Result<Model, Error> {
        let path = path.as_ref();
        if path.is_dir() {
            return Ok(Model::of_graph(saved::read(path)?));
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let mapped = file::mapped(path)?;
        Model::read(Bytes::from_owner(mapped.clone()), Some(folder), Some(&mapped))
    }

    /// Reads a model from memory, whose weights must all be in it.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Result<Model, Error> {
        Model::read(bytes.into(), None, None)
    }

    fn read(bytes: Bytes, folder: Option<&Path>, file: Option<&Mapped>) -> Result<Model, Error> {
        let proto = super::file::model(bytes)?;
        let graph = proto.graph.as_ref().ok_or_else(|| Error::Format("it has no graph".to_owned()))?;
        let functions = Functions::of(&proto.functions);
        let nodes = Cell::new(0);
        let reading = Reading {
            versions: versions(&proto.opset_import),
            functions: &functions,
            folder,
            file,
            given: None,
            depth: 0,
            nodes: &nodes,
        };
        let graph = tensorwright::eagerly(|| Graph::read(graph, &reading))?;
        let about = About {
            producer: [proto.producer_name.as_str(), proto.producer_version.as_str()]
                .join(" ")
                .trim()
                .to_owned(),
            format: proto.ir_version,
            operators: proto.opset_import.iter().map(|set| (set.domain.clone(), set.version)).collect(),
            description: proto.doc_string.clone(),
            properties: proto
                .metadata_props
                .iter()
                .map(|pair| (pair.key.clone(), pair.value.clone()))
                .collect(),
        };
        Ok(Model::of(graph, about))
    }

    fn of(graph: Graph, about: About) -> Model {
        let decodes = graph.nodes.iter().any(|node| node.op == "ImageDecoder");
        let graph = Arc::new(graph);
        let spec = |port: &super::graph::Port| Spec::of(&port.name, port.ty.as_ref());
        let has_default = |name: &str| graph.constants.contains_key(name);
        let is_optional = |spec: &Spec| has_default(&spec.name) || spec.kind.starts_with("optional");
        let inputs: Vec<Spec> = graph.inputs.iter().map(spec).collect();
        let body = Arc::clone(&graph);
        let run = move |inputs: Vec<Option<Value>>| -> tensorwright::Result<Vec<Value>> {
            body.run(inputs, None).map_err(tensorwright::Error::other)
        };
        Model {
            optional: inputs.iter().map(is_optional).collect(),
            outputs: graph.outputs.iter().map(spec).collect(),
            function: compiled(run, if graph.name.is_empty() { "model" } else { &graph.name }, false),
            inputs,
            unsupported: counted(&graph, |action| matches!(action, Action::Unknown)),
            body: Body::Nodes(graph),
            about,
            is_exact: false,
            decodes,
        }
    }

    /// The model that a saved graph is.
    fn of_graph(graph: tensorwright::Graph) -> Model {
        let graph = Arc::new(graph);
        let body = Arc::clone(&graph);
        let run = move |inputs: Vec<Option<Value>>| -> tensorwright::Result<Vec<Value>> {
            let tensor = |value: Value| match value {
                Value::Tensor(tensor) => Ok(tensor),
                other => Err(tensorwright::Error::other(format!(
                    "a saved model takes tensors, not {}",
                    other.kind()
                ))),
            };
            let tensors: Vec<_> =
                inputs.into_iter().flatten().map(tensor).collect::<tensorwright::Result<_>>()?;
            Ok(tensorwright::run_graph(&body, &tensors)?.into_iter().map(Value::from).collect())
        };
        let (inputs, outputs) = saved::specs(&graph);
        Model {
            optional: vec![false; inputs.len()],
            unsupported: Vec::new(),
            function: compiled(run, graph.name(), false),
            inputs,
            outputs,
            body: Body::Saved(graph),
            about: About::default(),
            is_exact: false,
            decodes: false,
        }
    }

    /// The model with these inputs as constants: they may be left out, and what depends on them and on weights alone is computed once.
    ///
    /// # Errors
    /// As [`Model::call`], but for inputs that are missing.
    pub fn with_constants<N: AsRef<str>, V: Into<Value> + Clone>(
        &self,
        inputs: &[(N, V)],
    ) -> Result<Model, Error> {
        let constants = self.values(inputs)?;
        let mut model = self.clone();
        for (optional, constant) in model.optional.iter_mut().zip(&constants) {
            *optional |= constant.is_some();
        }
        let body = self.function.clone();
        let run = move |inputs: Vec<Option<Value>>| {
            let whole = inputs
                .into_iter()
                .zip(&constants)
                .map(|(input, constant)| input.or_else(|| constant.clone()));
            body.call(whole.collect::<Vec<_>>())
        };
        model.function = compiled(run, self.function.name(), self.is_exact);
        Ok(model)
    }

    /// The model whose results are those of its operators one by one, bit for bit, for more time.
    pub fn exact(&self) -> Model {
        let function = self.function.clone().with_compile_options(CompileOptions::default());
        Model { function, is_exact: true, ..self.clone() }
    }

    /// Writes the model for inputs of the types of these to a folder: its graph as text (`model.tw`), with the weights beside it (`model.tww`). [`Model::load`]
    /// reads the folder.
    ///
    /// # Errors
    /// As [`Model::call`], and when the model takes or gives more than tensors, data decide a size in it, or the folder cannot be written.
    pub fn save_tw<N: AsRef<str>, V: Into<Value> + Clone>(
        &self,
        folder: impl AsRef<Path>,
        inputs: &[(N, V)],
    ) -> Result<(), Error> {
        let values = self.whole(inputs)?;
        let concrete = self.function.concrete(&values).map_err(own)?;
        let graph = concrete.frozen_graph()?;
        let given = self.inputs.iter().zip(&values).filter(|(_, value)| value.is_some());
        let inputs: Vec<&str> = given.map(|(spec, _)| spec.name.as_str()).collect();
        let outputs: Vec<&str> = self.outputs.iter().map(|spec| spec.name.as_str()).collect();
        saved::write(folder.as_ref(), &saved::named(&graph, &inputs, &outputs)?)
    }

    /// Inputs in the order of the file, those with a value in the file too.
    pub fn inputs(&self) -> &[Spec] {
        &self.inputs
    }

    /// Outputs in the order of the file.
    pub fn outputs(&self) -> &[Spec] {
        &self.outputs
    }

    /// What the file says of itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Whether an input may be left out.
    pub fn is_optional(&self, input: usize) -> bool {
        self.optional.get(input).copied().unwrap_or(false)
    }

    /// Operators with how often each occurs, also in functions and in graphs of branches and loops.
    pub fn operators(&self) -> Vec<(String, usize)> {
        match &self.body {
            Body::Nodes(graph) => counted(graph, |_| true),
            Body::Saved(graph) => saved::operators(graph),
        }
    }

    /// Operators that are not there, with how often each occurs; none if the model can be run.
    pub fn unsupported(&self) -> &[(String, usize)] {
        &self.unsupported
    }

    /// Elements of all tensors in the file.
    pub fn parameters(&self) -> usize {
        let elements = |value: &Value| value.tensor().and_then(|x| x.elements().ok()).unwrap_or(0);
        match &self.body {
            Body::Nodes(graph) => graph.constants.values().map(elements).sum(),
            Body::Saved(graph) => saved::parameters(graph),
        }
    }

    /// The model as a function of its inputs, in the order of the file; those that are left out are `None`.
    ///
    /// It can be called in functions and transformed, as any other one.
    pub fn function(&self) -> &Function<Vec<Option<Value>>, Vec<Value>> {
        &self.function
    }

    /// Runs the model: outputs by name, in the order of the file.
    ///
    /// # Errors
    /// When operators are not there, an input is missing, unknown or of another type than the file says, or a node does not accept what it is given.
    pub fn call<N: AsRef<str>, V: Into<Value> + Clone>(
        &self,
        inputs: &[(N, V)],
    ) -> Result<Vec<(String, Value)>, Error> {
        let values = self.whole(inputs)?;
        let found = self.function.call(&values).map_err(own)?;
        Ok(self.outputs.iter().map(|spec| spec.name.clone()).zip(found).collect())
    }

    /// The inputs by their places, those that must be there too.
    fn whole<N: AsRef<str>, V: Into<Value> + Clone>(
        &self,
        inputs: &[(N, V)],
    ) -> Result<Vec<Option<Value>>, Error> {
        let mut values = self.values(inputs)?;
        self.decode(&mut values)?;
        match (0..values.len()).find(|&at| values[at].is_none() && !self.optional[at]) {
            Some(at) => {
                let reason = format!("is missing; it is {}", self.inputs[at]);
                Err(Error::Input { name: self.inputs[at].name.clone(), reason })
            }
            None => Ok(values),
        }
    }

    /// Puts pixels in the places of files of pictures.
    fn decode(&self, values: &mut [Option<Value>]) -> Result<(), Error> {
        let Body::Nodes(graph) = &self.body else { return Ok(()) };
        if !self.decodes {
            return Ok(());
        }
        for (spec, value) in self.inputs.iter().zip(values) {
            let Some(Value::Tensor(file)) = value else { continue };
            let failed =
                |reason: Reason| Error::Input { name: spec.name.clone(), reason: reason.to_string() };
            if let Some(pixels) = pictures::decoded(graph, &spec.name, file).map_err(failed)? {
                *value = Some(pixels.into());
            }
        }
        Ok(())
    }

    /// The inputs by their places, as far as they are given.
    fn values<N: AsRef<str>, V: Into<Value> + Clone>(
        &self,
        inputs: &[(N, V)],
    ) -> Result<Vec<Option<Value>>, Error> {
        if !self.unsupported.is_empty() {
            return Err(Error::Unsupported(self.unsupported.clone()));
        }
        let mut values: Vec<Option<Value>> = vec![None; self.inputs.len()];
        for (name, value) in inputs {
            let name = name.as_ref();
            let refuse = |reason: String| Error::Input { name: name.to_owned(), reason };
            let at = self.inputs.iter().position(|spec| spec.name == name);
            let at = at.ok_or_else(|| refuse(format!("the model has the inputs {}", self.names())))?;
            let value = value.clone().into();
            self.inputs[at].accepts(&value).map_err(refuse)?;
            if values[at].replace(value).is_some() {
                return Err(refuse("it is given twice".to_owned()));
            }
        }
        Ok(values)
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.inputs.iter().map(|spec| spec.name.as_str()).collect();
        names.join(", ")
    }
}

/// The function of a model: as other runtimes do, it may change results in their last bits.
fn compiled(
    run: impl Fn(Vec<Option<Value>>) -> tensorwright::Result<Vec<Value>> + Send + Sync + 'static,
    name: &str,
    is_exact: bool,
) -> ModelFunction {
    let mut options = CompileOptions::default();
    options.passes.value_changing = !is_exact;
    function(run).with_name(name).with_compile_options(options)
}

/// Operators that count, with how often each occurs, also in functions and in graphs of branches and loops.
fn counted(graph: &Graph, counts: impl Fn(&Action) -> bool) -> Vec<(String, usize)> {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    graph.for_each_node(&mut |node| {
        if counts(&node.action) {
            *found.entry(node.operator()).or_default() += 1;
        }
    });
    found.into_iter().collect()
}

/// The error of a node, if that is what went wrong.
fn own(error: tensorwright::Error) -> Error {
    match error.other_as::<Error>() {
        Some(found) => found.clone(),
        None => Error::Tensor(error),
    }
}

impl Spec {
    /// Whether a value is what the file says.
    fn accepts(&self, value: &Value) -> Result<(), String> {
        let (Some(dtype), Value::Tensor(tensor)) = (self.dtype, value) else { return Ok(()) };
        let ty = tensor.ty().map_err(|error| error.to_string())?;
        let fits = |(extent, size): (&Extent, usize)| match extent {
            Extent::Size(expected) => *expected == size,
            Extent::Any(_) => true,
        };
        let has_shape = self
            .shape
            .as_ref()
            .is_none_or(|shape| shape.len() == ty.rank() && shape.iter().zip(ty.shape.sizes()).all(fits));
        if ty.dtype == dtype && has_shape { Ok(()) } else { Err(format!("must be {self}, found {ty}")) }
    }
}

/// A value of a file of its own, as conformance cases have them: a `TensorProto`, or what this type says.
///
/// # Errors
/// When the bytes are no such value.
pub fn read_value(bytes: impl Into<Bytes>, like: &Spec) -> Result<Value, Error> {
    let bytes = bytes.into();
    let wrong = |error: prost::DecodeError| Error::Format(error.to_string());
    if like.kind.starts_with("seq") {
        return tensor::sequence(&SequenceProto::decode(bytes).map_err(wrong)?);
    }
    if like.kind.starts_with("map") {
        return tensor::map(&MapProto::decode(bytes).map_err(wrong)?);
    }
    if like.kind.starts_with("optional") {
        return tensor::optional(&OptionalProto::decode(bytes).map_err(wrong)?);
    }
    tensor::value(&TensorProto::decode(bytes).map_err(wrong)?, None)
}

impl From<Error> for Reason {
    fn from(error: Error) -> Reason {
        Reason::Inner(Box::new(error))
    }
}
