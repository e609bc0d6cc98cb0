//! A graph of an endpoint, with the signature that it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use tensorwright::{Capture, Concrete, Graph, Leaf, LeafValue, Signature, TensorType, Tree, Type, Variable};
use tensorwright_ir::text::{parse_bytes, print_with_weights};

use crate::error::{BundleError, Result};
use crate::manifest::{Dim, Port};
use crate::open;

/// A graph as text, for sizes that may be open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    /// Weights by their places, in the order of the last inputs.
    pub(crate) captures: Vec<usize>,
    /// Those whose new values are the last outputs.
    pub(crate) assigned: Vec<usize>,
    pub(crate) text: String,
    /// Its large constants.
    pub(crate) constants: Option<Vec<u8>>,
}

impl Variant {
    /// The graph of a signature. `place` says which weight something is.
    pub(crate) fn of<A: Tree, R: Tree>(
        name: &str,
        concrete: &Concrete<A, R>,
        place: &mut dyn FnMut(Capture) -> Result<usize>,
    ) -> Result<Variant> {
        if let Some(op) = without_text(concrete.graph()) {
            let reason =
                format!("calls a closure of the program (`{op}`), which no file holds: see `custom_call`");
            return Err(BundleError::endpoint(name, reason));
        }
        let captures = concrete.captures()?.into_iter().map(&mut *place).collect::<Result<_>>()?;
        let assigned = concrete.assigned().iter().cloned().map(Capture::Variable);
        let assigned = assigned.map(place).collect::<Result<_>>()?;
        let (text, constants) = print_with_weights(concrete.graph());
        let constants = constants.into_bytes();
        let (inputs, outputs) = (concrete.signature(), concrete.result_signature()?);
        Ok(Variant {
            inputs: ports(name, "input", inputs)?,
            outputs: ports(name, "output", &outputs)?,
            captures,
            assigned,
            text,
            constants: (!constants.is_empty()).then_some(constants),
        })
    }

    /// One for all of these, which are those of [`open::probes`].
    pub(crate) fn joined(name: &str, variants: &[Variant], sizes: &[&str]) -> Result<Variant> {
        let failed = |reason: String| BundleError::endpoint(name, reason);
        let first = &variants[0];
        let same = |other: &Variant| {
            (&other.captures, &other.assigned, &other.constants)
                == (&first.captures, &first.assigned, &first.constants)
        };
        if !variants.iter().all(same) {
            return Err(failed("holds other tensors for other sizes".to_owned()));
        }
        let texts: Vec<String> = variants.iter().map(|variant| variant.text.clone()).collect();
        let text = open::joined(&texts, sizes).map_err(failed)?;
        let ports = |of: fn(&Variant) -> &Vec<Port>| -> Result<Vec<Port>> {
            (0..of(first).len())
                .map(|at| port(variants, |variant| &of(variant)[at], sizes))
                .map(|port| {
                    port.ok_or_else(|| failed("has tensors of other forms for other sizes".to_owned()))
                })
                .collect()
        };
        let (inputs, outputs) = (ports(|v| &v.inputs)?, ports(|v| &v.outputs)?);
        let is_there = |size: &&str| {
            inputs.iter().flat_map(|port| &port.shape).any(|dim| dim == &Dim::Open((*size).to_owned()))
        };
        if let Some(size) = sizes.iter().find(|size| !is_there(size)) {
            return Err(failed(format!("has no input of which `{size}` is a size")));
        }
        Ok(Variant { inputs, outputs, text, ..first.clone() })
    }

    /// The open sizes for inputs of these types, if it takes such.
    pub(crate) fn sizes(&self, types: &[TensorType]) -> Option<BTreeMap<&str, usize>> {
        if types.len() != self.inputs.len() {
            return None;
        }
        let mut sizes = BTreeMap::new();
        for (port, ty) in self.inputs.iter().zip(types) {
            if port.dtype != ty.dtype || port.shape.len() != ty.rank() {
                return None;
            }
            for (dim, size) in port.shape.iter().zip(ty.shape.sizes()) {
                if let Dim::Open(name) = dim
                    && is_name(name)
                    && *sizes.entry(name.as_str()).or_insert(size) != size
                {
                    return None;
                }
            }
        }
        let fits = |(dim, size): (&Dim, usize)| match dim {
            Dim::Size(expected) => *expected == size,
            Dim::Open(sum) => open::value(sum, &sizes) == Some(size),
        };
        let ports = self.inputs.iter().zip(types);
        let fits = ports.into_iter().all(|(port, ty)| port.shape.iter().zip(ty.shape.sizes()).all(fits));
        fits.then_some(sizes)
    }

    /// Whether any size is open.
    pub(crate) fn is_open(&self) -> bool {
        self.inputs.iter().flat_map(|port| &port.shape).any(|dim| matches!(dim, Dim::Open(_)))
    }

    /// The graph for some sizes.
    pub(crate) fn graph(&self, sizes: &BTreeMap<&str, usize>) -> Result<Graph, String> {
        let filled;
        let text = match self.is_open() {
            true => {
                filled =
                    open::filled(&self.text, sizes).ok_or_else(|| format!("has no graph for {sizes:?}"))?;
                &filled
            }
            false => &self.text,
        };
        parse_bytes(text.as_bytes(), self.constants.as_deref())
            .map_err(|error| format!("has a graph that cannot be read: {error}"))
    }

    /// Whether the graph takes and gives what the signature says, and weights of these types.
    ///
    /// # Errors
    /// What is not so.
    pub(crate) fn check(&self, weights: &[TensorType]) -> Result<(), String> {
        let names: BTreeSet<&str> = self.open_names();
        if names.len() > open::MOST_OPEN {
            return Err("has too many open sizes".to_owned());
        }
        let sizes = names.iter().enumerate().map(|(at, name)| (*name, open::PROBES[at][2])).collect();
        let graph = self.graph(&sizes)?;
        let weight = |at: &usize| weights.get(*at).cloned().map(Type::Tensor);
        let ports = |ports: &[Port]| -> Option<Vec<Type>> {
            ports.iter().map(|port| port.ty(&sizes).map(Type::Tensor)).collect()
        };
        let with = |own: &[Port], places: &[usize]| -> Option<Vec<Type>> {
            let mut types = ports(own)?;
            types.extend(places.iter().map(weight).collect::<Option<Vec<_>>>()?);
            Some(types)
        };
        let of = |values: &[tensorwright_ir::Value]| -> Vec<Type> {
            values.iter().map(|&value| graph.ty(value).clone()).collect()
        };
        let takes = with(&self.inputs, &self.captures).is_some_and(|types| types == of(graph.inputs()));
        let gives = with(&self.outputs, &self.assigned).is_some_and(|types| types == of(graph.outputs()));
        if takes && gives { Ok(()) } else { Err("has a graph of another signature than it says".to_owned()) }
    }

    fn open_names(&self) -> BTreeSet<&str> {
        let dims = self.inputs.iter().flat_map(|port| &port.shape);
        dims.filter_map(|dim| match dim {
            Dim::Open(name) if is_name(name) => Some(name.as_str()),
            _ => None,
        })
        .collect()
    }
}

/// The name of an op that cannot be written down, if the graph has one.
fn without_text(graph: &Graph) -> Option<&'static str> {
    graph.nodes().iter().find_map(|node| match node.op.has_text() {
        true => node.regions.iter().find_map(without_text),
        false => Some(node.op.name()),
    })
}

/// Whether an open size is one by itself, and no sum.
fn is_name(sum: &str) -> bool {
    sum.starts_with(|c: char| c.is_alphabetic() || c == '_') && !sum.contains(['+', '-', '*'])
}

impl Port {
    fn ty(&self, sizes: &BTreeMap<&str, usize>) -> Option<TensorType> {
        let size = |dim: &Dim| match dim {
            Dim::Size(size) => Some(*size),
            Dim::Open(sum) => open::value(sum, sizes),
        };
        let shape = self.shape.iter().map(size).collect::<Option<Vec<_>>>()?;
        Some(TensorType::new(self.dtype, &shape[..]))
    }
}

/// As in `(x: f32[batch, 2]) -> (output: f32[batch])`.
impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |ports: &[Port]| -> String {
            let ports: Vec<String> = ports.iter().map(Port::to_string).collect();
            ports.join(", ")
        };
        write!(f, "({}) -> ({})", of(&self.inputs), of(&self.outputs))
    }
}

/// One for what is in the same place for all probes; `None` if sizes are no sums.
fn port<'v>(variants: &'v [Variant], of: impl Fn(&'v Variant) -> &'v Port, names: &[&str]) -> Option<Port> {
    let own: Vec<&Port> = variants.iter().map(of).collect();
    let size = |axis: usize| -> Option<Dim> {
        let size = |port: &&Port| match port.shape.get(axis) {
            Some(Dim::Size(size)) => Some(*size),
            _ => None,
        };
        let sizes = own.iter().map(size).collect::<Option<Vec<_>>>()?;
        match sizes.iter().all(|size| *size == sizes[0]) {
            true => Some(Dim::Size(sizes[0])),
            false => open::sum(&sizes, names).map(Dim::Open),
        }
    };
    let shape = (0..own[0].shape.len()).map(size).collect::<Option<_>>()?;
    Some(Port { shape, ..own[0].clone() })
}

/// The tensors of a signature, under the names of their places.
fn ports(name: &str, kind: &str, signature: &Signature) -> Result<Vec<Port>> {
    let port = |leaf: &Leaf| -> Option<Result<Port>> {
        let ty = match &leaf.value {
            LeafValue::Tensor(ty) => ty,
            LeafValue::Static { .. } if kind == "input" => {
                let reason =
                    format!("takes `{leaf}`, which is no tensor: fix it in a closure around the function");
                return Some(Err(BundleError::endpoint(name, reason)));
            }
            _ => return None,
        };
        let name = match leaf.path.as_str() {
            "" => kind.to_owned(),
            path if path.starts_with(|c: char| c.is_ascii_digit()) => format!("{kind}_{path}"),
            path => path.to_owned(),
        };
        let shape = ty.shape.sizes().into_iter().map(Dim::Size).collect();
        Some(Ok(Port { name, dtype: ty.dtype, shape }))
    };
    signature.leaves.iter().filter_map(port).collect()
}

/// A weight of a bundle.
#[derive(Clone, Debug)]
pub(crate) struct Weight {
    pub(crate) name: String,
    pub(crate) value: Capture,
}

impl Weight {
    pub(crate) fn ty(&self) -> Result<TensorType> {
        Ok(match &self.value {
            Capture::Tensor(tensor) => tensor.ty()?.clone(),
            Capture::Variable(variable) => variable.ty().clone(),
        })
    }

    /// Its value, in a traced function at this place of the program.
    pub(crate) fn tensor(&self) -> tensorwright::Tensor {
        match &self.value {
            Capture::Tensor(tensor) => tensor.clone(),
            Capture::Variable(variable) => variable.value(),
        }
    }

    pub(crate) fn variable(&self) -> Option<&Variable> {
        match &self.value {
            Capture::Tensor(_) => None,
            Capture::Variable(variable) => Some(variable),
        }
    }
}

/// Whether two captures are one weight.
pub(crate) fn is_same(a: &Capture, b: &Capture) -> Result<bool> {
    Ok(match (a, b) {
        (Capture::Variable(a), Capture::Variable(b)) => a == b,
        (Capture::Tensor(a), Capture::Tensor(b)) => a.ty()? == b.ty()? && a.as_bytes()? == b.as_bytes()?,
        _ => false,
    })
}
