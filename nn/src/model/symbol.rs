//! Tensors of a graph that is described before there are any.

use std::sync::Arc;

use serde_json::Value;
use tensorwright::DType;

use crate::LayerRef;

/// What a layer will give: a tensor of a graph of layers.
///
/// [`Functional`](super::Functional) has an example.
#[derive(Clone)]
pub struct Symbol {
    pub(super) node: Arc<Node>,
    pub(super) output: usize,
}

/// A call of a layer, or an input.
pub(super) enum Node {
    Input { name: Option<String>, shape: Vec<Option<usize>>, dtype: DType },
    Call { layer: LayerRef, arguments: Vec<(String, SymbolArgument)> },
}

/// An argument of a call.
#[derive(Clone)]
pub(super) enum SymbolArgument {
    Symbol(Symbol),
    List(Vec<SymbolArgument>),
    Plain(Value),
}

impl SymbolArgument {
    pub(super) fn visit(&self, visit: &mut dyn FnMut(&Symbol)) {
        match self {
            SymbolArgument::Symbol(symbol) => visit(symbol),
            SymbolArgument::List(list) => list.iter().for_each(|item| item.visit(visit)),
            SymbolArgument::Plain(_) => {}
        }
    }
}

/// Inputs of graphs of layers.
pub struct Input;

impl Input {
    /// An input of floats, whose examples have this shape.
    #[expect(clippy::new_ret_no_self, reason = "what is made is handed on as other tensors of the graph are")]
    pub fn new(shape: impl IntoIterator<Item = usize>) -> Symbol {
        Input::of(shape.into_iter().map(Some), DType::F32)
    }

    /// An input of this dtype, whose examples have these extents; `None` is any.
    pub fn of<D: Into<Option<usize>>>(shape: impl IntoIterator<Item = D>, dtype: DType) -> Symbol {
        let shape = shape.into_iter().map(Into::into).collect();
        Symbol { node: Arc::new(Node::Input { name: None, shape, dtype }), output: 0 }
    }
}

impl Symbol {
    /// The input under a name; what is no input has none.
    #[must_use]
    pub fn named(self, name: &str) -> Symbol {
        match &*self.node {
            Node::Input { shape, dtype, .. } => {
                let node = Node::Input { name: Some(name.to_owned()), shape: shape.clone(), dtype: *dtype };
                Symbol { node: Arc::new(node), output: self.output }
            }
            Node::Call { .. } => self,
        }
    }

    /// Another of the tensors that the same call gives.
    #[must_use]
    pub fn output(&self, output: usize) -> Symbol {
        Symbol { node: self.node.clone(), output }
    }
}

/// What a layer of a graph is called with.
pub struct SymbolCall {
    arguments: Vec<(String, SymbolArgument)>,
}

impl SymbolCall {
    /// The call with one more tensor.
    #[must_use]
    pub fn with(mut self, name: &str, symbol: &Symbol) -> SymbolCall {
        self.arguments.push((name.to_owned(), SymbolArgument::Symbol(symbol.clone())));
        self
    }

    /// The call with one more plain value, such as `use_causal_mask`.
    #[must_use]
    pub fn with_value(mut self, name: &str, value: impl Into<Value>) -> SymbolCall {
        self.arguments.push((name.to_owned(), SymbolArgument::Plain(value.into())));
        self
    }

    fn of(first: SymbolArgument) -> SymbolCall {
        SymbolCall { arguments: vec![("inputs".to_owned(), first)] }
    }
}

impl From<&Symbol> for SymbolCall {
    fn from(symbol: &Symbol) -> SymbolCall {
        SymbolCall::of(SymbolArgument::Symbol(symbol.clone()))
    }
}

impl From<&[&Symbol]> for SymbolCall {
    fn from(symbols: &[&Symbol]) -> SymbolCall {
        let list = symbols.iter().map(|&symbol| SymbolArgument::Symbol(symbol.clone()));
        SymbolCall::of(SymbolArgument::List(list.collect()))
    }
}

impl<const N: usize> From<[&Symbol; N]> for SymbolCall {
    fn from(symbols: [&Symbol; N]) -> SymbolCall {
        SymbolCall::from(&symbols[..])
    }
}

impl LayerRef {
    /// What the layer will give for these tensors of a graph: the first, if there are several.
    pub fn on(&self, inputs: impl Into<SymbolCall>) -> Symbol {
        let node = Node::Call { layer: self.clone(), arguments: inputs.into().arguments };
        Symbol { node: Arc::new(node), output: 0 }
    }
}

/// Layers that are not shared are used in a graph as they are written.
pub trait OnSymbols: Into<LayerRef> {
    /// What the layer will give for these tensors of a graph. To use the layer again, with the same weights, make a
    /// [`LayerRef`] of it.
    fn on(self, inputs: impl Into<SymbolCall>) -> Symbol {
        let layer: LayerRef = self.into();
        layer.on(inputs)
    }
}

impl<L: crate::Layer> OnSymbols for L {}

/// A tensor of a graph has no value.
pub(super) fn missing(what: &str) -> tensorwright::Error {
    crate::Error::Model(format!("the graph of layers has no {what}")).into()
}
