//! What layers take and give.

use serde_json::Value;
use tensorwright::{Result, Tensor};

use crate::error::Error;

/// The layer of an error that does not know it.
pub(super) const NO_LAYER: &str = "inputs";

/// A tensor on its way through a model, and the mask that travels with it.
#[derive(Clone)]
pub struct Signal {
    /// The tensor.
    pub value: Tensor,
    /// Which steps count: a bool for each of the first axes.
    pub mask: Option<Tensor>,
}

impl From<Tensor> for Signal {
    fn from(value: Tensor) -> Signal {
        Signal { value, mask: None }
    }
}

impl From<&Tensor> for Signal {
    fn from(value: &Tensor) -> Signal {
        value.clone().into()
    }
}

/// Strings in the shape of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strings {
    /// The strings, row major.
    pub values: Vec<String>,
    /// Their shape.
    pub shape: Vec<usize>,
}

/// An argument of a layer.
#[derive(Clone)]
pub enum Argument {
    /// A tensor.
    Signal(Signal),
    /// Several arguments, such as the operands of a sum.
    List(Vec<Argument>),
    /// Strings, for lookups.
    Strings(Strings),
    /// A plain value, such as `use_causal_mask`; null is what is not there.
    Plain(Value),
}

impl Argument {
    /// The tensors in it, in order.
    pub fn signals(&self) -> Vec<Signal> {
        match self {
            Argument::Signal(signal) => vec![signal.clone()],
            Argument::List(list) => list.iter().flat_map(Argument::signals).collect(),
            Argument::Strings(_) | Argument::Plain(_) => Vec::new(),
        }
    }

    /// The same argument with other tensors.
    pub(crate) fn map(&self, change: &mut dyn FnMut(&Signal) -> Signal) -> Argument {
        match self {
            Argument::Signal(signal) => Argument::Signal(change(signal)),
            Argument::List(list) => Argument::List(list.iter().map(|item| item.map(change)).collect()),
            other => other.clone(),
        }
    }
}

/// The arguments of a call by name; the first is what the layer is applied to.
#[derive(Clone)]
pub struct Inputs {
    arguments: Vec<(String, Argument)>,
}

impl Inputs {
    /// A call with this argument alone.
    pub fn of(first: Argument) -> Inputs {
        Inputs { arguments: vec![("inputs".to_owned(), first)] }
    }

    /// A call with these arguments.
    pub fn named(arguments: Vec<(String, Argument)>) -> Inputs {
        Inputs { arguments }
    }

    /// The call with one more argument.
    #[must_use]
    pub fn with(mut self, name: &str, argument: impl Into<Argument>) -> Inputs {
        self.arguments.push((name.to_owned(), argument.into()));
        self
    }

    /// The arguments by name, in order.
    pub fn arguments(&self) -> &[(String, Argument)] {
        &self.arguments
    }

    /// The tensor that the layer is applied to.
    ///
    /// # Errors
    /// When there is none, or several.
    pub fn tensor(&self) -> Result<Tensor> {
        self.signal().map(|signal| signal.value)
    }

    /// The tensor that the layer is applied to, with its mask.
    ///
    /// # Errors
    /// As [`Inputs::tensor`].
    pub fn signal(&self) -> Result<Signal> {
        match <[Signal; 1]>::try_from(self.list()) {
            Ok([signal]) => Ok(Signal { mask: self.mask(), ..signal }),
            Err(list) => Err(misfit(format!("one tensor is wanted, found {}", list.len()))),
        }
    }

    /// The tensors that the layer is applied to.
    pub fn list(&self) -> Vec<Signal> {
        self.arguments.first().map_or_else(Vec::new, |(_, first)| first.signals())
    }

    /// The mask of a call with one tensor: the argument `mask`, else the one that came with the tensor.
    pub fn mask(&self) -> Option<Tensor> {
        let own = || self.list().into_iter().next().and_then(|signal| signal.mask);
        self.optional("mask").or_else(own)
    }

    /// The argument of this name.
    pub fn argument(&self, name: &str) -> Option<&Argument> {
        self.arguments.iter().find(|(own, _)| own == name).map(|(_, argument)| argument)
    }

    /// The tensor of this name, if there is one.
    pub fn optional(&self, name: &str) -> Option<Tensor> {
        match self.argument(name)? {
            Argument::Signal(signal) => Some(signal.value.clone()),
            _ => None,
        }
    }

    /// The tensors of this name.
    pub fn several(&self, name: &str) -> Vec<Signal> {
        self.argument(name).map_or_else(Vec::new, Argument::signals)
    }

    /// Whether the plain argument of this name is true.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.argument(name), Some(Argument::Plain(Value::Bool(true))))
    }

    /// The strings that the layer is applied to.
    pub fn strings(&self) -> Option<&Strings> {
        match self.arguments.first() {
            Some((_, Argument::Strings(strings))) => Some(strings),
            _ => None,
        }
    }

    /// The call with other tensors.
    #[must_use]
    pub fn map(&self, change: &mut dyn FnMut(&Signal) -> Signal) -> Inputs {
        let changed = |(name, argument): &(String, Argument)| (name.clone(), argument.map(change));
        Inputs { arguments: self.arguments.iter().map(changed).collect() }
    }

    /// What a layer gives that leaves steps where they are: `value` with the mask of the tensor that it is applied to.
    pub fn masked_like(&self, value: Tensor) -> Outputs {
        Signal { value, mask: self.mask() }.into()
    }
}

/// What a function of a layer takes: [`derive(Layer)`](crate::Layer) hands it on.
pub trait FromInputs: Sized {
    /// The value, out of the arguments of a call.
    ///
    /// # Errors
    /// When the arguments are others.
    fn from_inputs(inputs: &Inputs) -> Result<Self>;
}

impl FromInputs for Inputs {
    fn from_inputs(inputs: &Inputs) -> Result<Inputs> {
        Ok(inputs.clone())
    }
}

impl FromInputs for Tensor {
    fn from_inputs(inputs: &Inputs) -> Result<Tensor> {
        inputs.tensor()
    }
}

impl FromInputs for Signal {
    fn from_inputs(inputs: &Inputs) -> Result<Signal> {
        inputs.signal()
    }
}

impl FromInputs for Vec<Tensor> {
    fn from_inputs(inputs: &Inputs) -> Result<Vec<Tensor>> {
        Ok(inputs.list().into_iter().map(|signal| signal.value).collect())
    }
}

impl<const N: usize> FromInputs for [Tensor; N] {
    fn from_inputs(inputs: &Inputs) -> Result<[Tensor; N]> {
        let refused = |list: Vec<Tensor>| misfit(format!("{N} tensors are wanted, found {}", list.len()));
        <[Tensor; N]>::try_from(Vec::from_inputs(inputs)?).map_err(refused)
    }
}

/// An error whose layer is not known yet: its call says which it is.
fn misfit(reason: String) -> tensorwright::Error {
    Error::Inputs { layer: NO_LAYER.to_owned(), reason }.into()
}

impl From<Tensor> for Argument {
    fn from(value: Tensor) -> Argument {
        Argument::Signal(value.into())
    }
}

impl From<&Tensor> for Argument {
    fn from(value: &Tensor) -> Argument {
        value.clone().into()
    }
}

impl From<bool> for Argument {
    fn from(value: bool) -> Argument {
        Argument::Plain(value.into())
    }
}

impl From<Vec<Tensor>> for Argument {
    fn from(list: Vec<Tensor>) -> Argument {
        Argument::List(list.into_iter().map(Argument::from).collect())
    }
}

impl From<Signal> for Argument {
    fn from(signal: Signal) -> Argument {
        Argument::Signal(signal)
    }
}

impl From<Vec<Signal>> for Argument {
    fn from(list: Vec<Signal>) -> Argument {
        Argument::List(list.into_iter().map(Argument::Signal).collect())
    }
}

impl From<Strings> for Argument {
    fn from(strings: Strings) -> Argument {
        Argument::Strings(strings)
    }
}

impl<A: Into<Argument>> From<A> for Inputs {
    fn from(first: A) -> Inputs {
        Inputs::of(first.into())
    }
}

/// What one layer gives, for the next.
impl From<Outputs> for Inputs {
    fn from(outputs: Outputs) -> Inputs {
        let mut signals: Vec<Argument> = outputs.signals.into_iter().map(Argument::Signal).collect();
        Inputs::of(if signals.len() == 1 { signals.remove(0) } else { Argument::List(signals) })
    }
}

/// What a layer gives: one tensor, or several, each with its mask.
#[derive(Clone)]
pub struct Outputs {
    signals: Vec<Signal>,
}

impl Outputs {
    /// The only tensor.
    ///
    /// # Errors
    /// When there are several.
    pub fn tensor(self) -> Result<Tensor> {
        self.signal().map(|signal| signal.value)
    }

    /// The only tensor, with its mask.
    ///
    /// # Errors
    /// When there are several.
    pub fn signal(self) -> Result<Signal> {
        match <[Signal; 1]>::try_from(self.signals) {
            Ok([signal]) => Ok(signal),
            Err(list) => Err(misfit(format!("the layer gives {} tensors where one is wanted", list.len()))),
        }
    }

    /// The first error that one of the tensors carries.
    pub(super) fn check(&self) -> Result<()> {
        self.signals.iter().try_for_each(|signal| signal.value.ty().map(|_| ()))
    }

    /// The tensors with their masks.
    pub fn signals(self) -> Vec<Signal> {
        self.signals
    }

    /// The tensors.
    pub fn tensors(self) -> Vec<Tensor> {
        self.signals.into_iter().map(|signal| signal.value).collect()
    }
}

impl From<Signal> for Outputs {
    fn from(signal: Signal) -> Outputs {
        Outputs { signals: vec![signal] }
    }
}

impl From<Tensor> for Outputs {
    fn from(value: Tensor) -> Outputs {
        Signal::from(value).into()
    }
}

impl From<Vec<Signal>> for Outputs {
    fn from(signals: Vec<Signal>) -> Outputs {
        Outputs { signals }
    }
}

impl From<Vec<Tensor>> for Outputs {
    fn from(values: Vec<Tensor>) -> Outputs {
        values.into_iter().map(Signal::from).collect::<Vec<_>>().into()
    }
}
