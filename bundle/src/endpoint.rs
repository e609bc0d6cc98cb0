//! A function of a bundle.

use std::fmt;
use std::sync::Arc;

use tensorwright::{Function, Tensor, TensorType, function, run_graph};

use crate::error::{BundleError, Result};
use crate::manifest::Port;
use crate::variant::{Variant, Weight};

/// A function of a bundle, under a name. Clones share what is compiled.
#[derive(Clone)]
pub struct Endpoint {
    name: String,
    variants: Arc<[Variant]>,
    function: Function<Vec<Tensor>, Vec<Tensor>>,
}

impl Endpoint {
    pub(crate) fn new(name: &str, variants: &[Variant], weights: &Arc<[Weight]>) -> Endpoint {
        let variants: Arc<[Variant]> = variants.into();
        let (own, weights, called) = (Arc::clone(&variants), Arc::clone(weights), name.to_owned());
        let run = move |inputs: Vec<Tensor>| {
            run(&called, &own, &weights, inputs).map_err(|error| match error {
                BundleError::Tensor(error) => error,
                error => tensorwright::Error::other(error),
            })
        };
        Endpoint { name: name.to_owned(), variants, function: function(run).with_name(name) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it takes and gives, for each of its graphs. Shapes of one graph may hold open sizes, which are the same wherever they have the same name.
    pub fn signatures(&self) -> impl Iterator<Item = (&[Port], &[Port])> {
        self.variants.iter().map(|variant| (&variant.inputs[..], &variant.outputs[..]))
    }

    /// Whether calls change variables, as a step of training does.
    pub fn assigns(&self) -> bool {
        self.variants.iter().any(|variant| !variant.assigned.is_empty())
    }

    /// The function: inputs and outputs in the order of the signature. It can be called in functions, transformed and compiled ahead as any other one.
    ///
    /// ```
    /// use tensorwright::bundle::Bundle;
    /// use tensorwright::prelude::*;
    ///
    /// let square = function(|x: Tensor| &x * &x);
    /// square.call([1.0f32, 2.0])?;
    /// let bundle = Bundle::new().with_function("square", &square)?;
    ///
    /// let square = bundle.endpoint("square")?.function().clone();
    /// let slope = grad(move |x: Tensor| Ok(square.call(vec![x])?.remove(0).sum(..)));
    /// assert_eq!(slope.call([3.0f32, 4.0])?.to_vec::<f32>()?, [6.0, 8.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn function(&self) -> &Function<Vec<Tensor>, Vec<Tensor>> {
        &self.function
    }

    /// Calls it with inputs by name, in any order, and gives outputs by name.
    ///
    /// # Errors
    /// When an input is missing or unknown, no signature has these types, or the call fails.
    pub fn call(&self, inputs: &[(&str, Tensor)]) -> Result<Vec<(String, Tensor)>> {
        for variant in &*self.variants {
            let ordered: Option<Vec<Tensor>> =
                variant.inputs.iter().map(|port| named(inputs, port)).collect();
            let Some(ordered) = ordered.filter(|ordered| ordered.len() == inputs.len()) else { continue };
            if variant.sizes(&types(&ordered)?).is_some() {
                let found = self.function.call(&ordered).map_err(own)?;
                return Ok(variant.outputs.iter().map(|port| port.name.clone()).zip(found).collect());
            }
        }
        let given = inputs.iter().map(|(name, x)| Ok(format!("{name}: {}", x.ty()?)));
        let given = given.collect::<Result<Vec<_>>>()?.join(", ");
        Err(BundleError::endpoint(&self.name, format!("takes {}, found ({given})", taken(&self.variants))))
    }
}

fn named(inputs: &[(&str, Tensor)], port: &Port) -> Option<Tensor> {
    inputs.iter().find(|(name, _)| *name == port.name).map(|(_, tensor)| tensor.clone())
}

fn types(tensors: &[Tensor]) -> Result<Vec<TensorType>> {
    tensors.iter().map(|tensor| Ok(tensor.ty()?.clone())).collect()
}

/// The signatures of all graphs, for messages.
fn taken(variants: &[Variant]) -> String {
    let all: Vec<String> = variants
        .iter()
        .map(|variant| {
            let ports: Vec<String> = variant.inputs.iter().map(Port::to_string).collect();
            format!("({})", ports.join(", "))
        })
        .collect();
    all.join(" or ")
}

/// The error of a bundle, if that is what went wrong.
fn own(error: tensorwright::Error) -> BundleError {
    match error.other_as::<BundleError>() {
        Some(found) => found.clone(),
        None => BundleError::Tensor(error),
    }
}

/// Applies the graph for inputs of these types, and assigns what it assigns.
fn run(name: &str, variants: &[Variant], weights: &[Weight], mut inputs: Vec<Tensor>) -> Result<Vec<Tensor>> {
    let types = types(&inputs)?;
    let found = variants.iter().find_map(|variant| Some((variant, variant.sizes(&types)?)));
    let (variant, sizes) = found.ok_or_else(|| {
        let given: Vec<String> = types.iter().map(TensorType::to_string).collect();
        BundleError::endpoint(name, format!("takes {}, found ({})", taken(variants), given.join(", ")))
    })?;
    let graph = variant.graph(&sizes).map_err(|reason| BundleError::endpoint(name, reason))?;
    inputs.extend(variant.captures.iter().map(|&at| weights[at].tensor()));
    let mut outputs = run_graph(&graph, &inputs)?;
    let new = outputs.split_off(outputs.len() - variant.assigned.len());
    for (&at, value) in variant.assigned.iter().zip(new) {
        if let Some(variable) = weights[at].variable() {
            variable.assign(value)?;
        }
    }
    Ok(outputs)
}

/// As in `score(x: f32[batch, 2]) -> (output: f32[batch])`, a line for each graph.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, variant) in self.variants.iter().enumerate() {
            write!(f, "{}{}{variant}", if number > 0 { "\n" } else { "" }, self.name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
