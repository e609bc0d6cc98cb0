//! A graph of layers as a layer.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tensorwright::{DType, Result as TensorResult};

use super::keras_json;
use super::symbol::{Node, Symbol, SymbolArgument, missing};
use crate::error::{Error, Result};
use crate::{Argument, Configuration, Inputs, Layer, LayerClass, LayerRef, Outputs, Scope, Signal};

/// A graph of layers: any number of inputs and outputs, layers that are used several times.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::nn::{Functional, Input, OnSymbols, layers::*};
///
/// let (left, right) = (Input::new([4]), Input::new([4]));
/// let shared = Dense::new(8).layer();
/// let both = Concatenate::new().on([&shared.on(&left), &shared.on(&right)]);
/// let model = Functional::new([&left, &right], [&Dense::new(1).on(&both)])?.layer();
///
/// let x = Tensor::ones((2, 4), DType::F32);
/// assert_eq!(model.infer(vec![x.clone(), x])?.shape()?, &[2, 1].into());
/// assert_eq!(model.variables().len(), 4); // the shared layer has its weights once
/// # Ok::<(), tensorwright::nn::Error>(())
/// ```
#[derive(Clone)]
pub struct Functional {
    pub(super) inputs: Vec<GraphInput>,
    /// The layers with their names, each once.
    pub(super) layers: Vec<(String, LayerRef)>,
    /// Calls in an order in which each finds what it takes.
    pub(super) steps: Vec<Step>,
    pub(super) outputs: Vec<Place>,
}

/// An input of the graph.
#[derive(Clone)]
pub(super) struct GraphInput {
    pub(super) name: String,
    pub(super) shape: Vec<Option<usize>>,
    pub(super) dtype: DType,
}

/// A call of one of the layers.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) layer: usize,
    pub(super) arguments: Vec<(String, StepArgument)>,
}

/// Where a tensor of the graph comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Input(usize),
    Step { step: usize, output: usize },
}

/// An argument of a call.
#[derive(Clone)]
pub(super) enum StepArgument {
    Place(Place),
    List(Vec<StepArgument>),
    Plain(Value),
}

impl Functional {
    /// The graph from these inputs to these outputs.
    ///
    /// # Errors
    /// When an output depends on an input that is not among them.
    pub fn new<'s>(
        inputs: impl IntoIterator<Item = &'s Symbol>,
        outputs: impl IntoIterator<Item = &'s Symbol>,
    ) -> Result<Functional> {
        let mut build = Build::default();
        for (i, input) in inputs.into_iter().enumerate() {
            build.input(i, input)?;
        }
        let outputs: Vec<&Symbol> = outputs.into_iter().collect();
        outputs.iter().try_for_each(|output| build.add(output))?;
        let places = outputs.iter().map(|output| build.place(output)).collect::<Result<_>>()?;
        let Build { inputs, layers, steps, .. } = build;
        Ok(Functional { inputs, layers, steps, outputs: places })
    }

    /// The layer, to be called and shared.
    pub fn layer(self) -> LayerRef {
        self.into()
    }
}

/// A graph in the making.
#[derive(Default)]
struct Build {
    inputs: Vec<GraphInput>,
    layers: Vec<(String, LayerRef)>,
    steps: Vec<Step>,
    /// Where nodes are, by their addresses, which the symbols keep alive.
    places: HashMap<*const Node, Place>,
}

impl Build {
    fn input(&mut self, i: usize, symbol: &Symbol) -> Result<()> {
        let Node::Input { name, shape, dtype } = &*symbol.node else {
            return Err(Error::Model(format!("input {i} is what a layer gives, no `Input`")));
        };
        let name = name.clone().unwrap_or_else(|| format!("input_{i}"));
        self.inputs.push(GraphInput { name, shape: shape.clone(), dtype: *dtype });
        self.places.insert(Arc::as_ptr(&symbol.node), Place::Input(i));
        Ok(())
    }

    /// Adds what a symbol needs, and its own call behind it: a walk with a stack of its own, since graphs may be deep.
    fn add(&mut self, symbol: &Symbol) -> Result<()> {
        let mut open = vec![symbol.clone()];
        while let Some(top) = open.last().cloned() {
            let Node::Call { layer, arguments } = &*top.node else {
                self.place(&top)?;
                open.pop();
                continue;
            };
            if self.places.contains_key(&Arc::as_ptr(&top.node)) {
                open.pop();
                continue;
            }
            let before = open.len();
            for (_, argument) in arguments {
                argument.visit(&mut |needed| {
                    if !self.places.contains_key(&Arc::as_ptr(&needed.node)) {
                        open.push(needed.clone());
                    }
                });
            }
            if open.len() > before {
                continue;
            }
            self.step(&top, layer, arguments)?;
            open.pop();
        }
        Ok(())
    }

    fn step(
        &mut self,
        symbol: &Symbol,
        layer: &LayerRef,
        arguments: &[(String, SymbolArgument)],
    ) -> Result<()> {
        let found = self.layers.iter().position(|(_, own)| own.is(layer));
        let at = found.unwrap_or_else(|| {
            self.layers.push((self.free_name(&layer.name()), layer.clone()));
            self.layers.len() - 1
        });
        let arguments = arguments.iter().map(|(name, argument)| Ok((name.clone(), self.argument(argument)?)));
        let arguments = arguments.collect::<Result<_>>()?;
        let place = Place::Step { step: self.steps.len(), output: 0 };
        self.places.insert(Arc::as_ptr(&symbol.node), place);
        self.steps.push(Step { layer: at, arguments });
        Ok(())
    }

    fn free_name(&self, name: &str) -> String {
        let taken = |name: &str| self.layers.iter().any(|(own, _)| own == name);
        let numbered = (1..).map(|n| format!("{name}_{n}"));
        [name.to_owned()].into_iter().chain(numbered).find(|name| !taken(name)).unwrap_or_default()
    }

    fn argument(&self, argument: &SymbolArgument) -> Result<StepArgument> {
        Ok(match argument {
            SymbolArgument::Symbol(symbol) => StepArgument::Place(self.place(symbol)?),
            SymbolArgument::List(list) => {
                StepArgument::List(list.iter().map(|item| self.argument(item)).collect::<Result<_>>()?)
            }
            SymbolArgument::Plain(value) => StepArgument::Plain(value.clone()),
        })
    }

    fn place(&self, symbol: &Symbol) -> Result<Place> {
        match self.places.get(&Arc::as_ptr(&symbol.node)) {
            Some(Place::Step { step, .. }) => Ok(Place::Step { step: *step, output: symbol.output }),
            Some(place) => Ok(*place),
            None => {
                Err(Error::Model("an output depends on an `Input` that is not among the inputs".to_owned()))
            }
        }
    }
}

impl Configuration for Functional {
    fn class_name(&self) -> &'static str {
        Self::CLASS
    }

    fn config(&self) -> Map<String, Value> {
        keras_json::write(self)
    }

    fn visit_layers(&self, visit: &mut dyn FnMut(&str, &LayerRef)) {
        self.layers.iter().for_each(|(name, layer)| visit(name, layer));
    }
}

impl LayerClass for Functional {
    const CLASS: &'static str = "Functional";

    fn from_config(config: &Map<String, Value>) -> Result<Functional> {
        keras_json::read(config)
    }
}

impl Layer for Functional {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> TensorResult<Outputs> {
        let given = inputs.list();
        if given.len() != self.inputs.len() {
            return Err(scope.refuse(format!(
                "{} inputs are wanted, found {}",
                self.inputs.len(),
                given.len()
            )));
        }
        let mut run = Run { given, results: Vec::new() };
        for step in &self.steps {
            let arguments =
                step.arguments.iter().map(|(name, argument)| Ok((name.clone(), run.argument(argument)?)));
            let call = Inputs::named(arguments.collect::<TensorResult<_>>()?);
            let outputs = scope.call(&self.layers[step.layer].1, call)?;
            run.results.push(outputs.signals());
        }
        let outputs = self.outputs.iter().map(|place| run.signal(*place));
        Ok(outputs.collect::<TensorResult<Vec<Signal>>>()?.into())
    }
}

/// A call of the graph on its way.
struct Run {
    given: Vec<Signal>,
    results: Vec<Vec<Signal>>,
}

impl Run {
    fn signal(&self, place: Place) -> TensorResult<Signal> {
        let found = match place {
            Place::Input(i) => self.given.get(i),
            Place::Step { step, output } => self.results.get(step).and_then(|results| results.get(output)),
        };
        found.cloned().ok_or_else(|| missing(&format!("{place:?}")))
    }

    fn argument(&self, argument: &StepArgument) -> TensorResult<Argument> {
        Ok(match argument {
            StepArgument::Place(place) => self.signal(*place)?.into(),
            StepArgument::List(list) => {
                Argument::List(list.iter().map(|item| self.argument(item)).collect::<TensorResult<_>>()?)
            }
            StepArgument::Plain(value) => Argument::Plain(value.clone()),
        })
    }
}
