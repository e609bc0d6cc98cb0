//! Code of the program around graphs, which they call: closures, and kernels that are registered under a name.
//!
//! A closure is another for each [`HostFunction`] that is made of it, lives as long as a graph holds it, and has no text. A kernel is found by
//! its name, in a table of the process, so that a graph that calls it can be written down and read by a program that registers it too.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use crate::op::{AttrValue, Attribute, CallAttributes};
use crate::{Literal, TensorType};

/// What the program's code says when it fails.
pub type HostError = Box<dyn std::error::Error + Send + Sync>;

type Function = dyn Fn(&[Literal]) -> Result<Vec<Literal>, HostError> + Send + Sync;

/// A closure that graphs call. Each one is equal to its clones alone.
#[derive(Clone)]
pub struct HostFunction {
    id: u64,
    function: Arc<Function>,
}

impl HostFunction {
    /// A function that is equal to no other one.
    pub fn new(
        function: impl Fn(&[Literal]) -> Result<Vec<Literal>, HostError> + Send + Sync + 'static,
    ) -> HostFunction {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        HostFunction { id: NEXT.fetch_add(1, Ordering::Relaxed), function: Arc::new(function) }
    }

    /// What the function gives for these values. Fails with what it says, a panic included.
    pub fn call(&self, values: &[Literal]) -> Result<Vec<Literal>, String> {
        guarded(|| (self.function)(values))
    }
}

impl fmt::Debug for HostFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "closure_{}", self.id)
    }
}

impl PartialEq for HostFunction {
    fn eq(&self, other: &HostFunction) -> bool {
        self.id == other.id
    }
}

impl Eq for HostFunction {}

impl Hash for HostFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl Attribute for HostFunction {
    const EXPECTED: &'static str = "a closure, which is part of the program that printed this and cannot be read: register it as a kernel for `custom_call`";

    fn to_value(&self) -> AttrValue {
        AttrValue::Word(format!("{self:?}"))
    }

    fn from_value(_value: &AttrValue) -> Option<HostFunction> {
        None
    }
}

/// A kernel that graphs call by its name, with `custom_call`.
pub trait CustomKernel: Any + Send + Sync {
    /// Types of the results, for operands of these types: part of the typing judgement. Fails if it does not take them.
    fn result_types(
        &self,
        operands: &[TensorType],
        attributes: &CallAttributes,
    ) -> Result<Vec<TensorType>, HostError>;

    /// Results of these types, for operands of types that [`CustomKernel::result_types`] accepted; the same each time for the same operands.
    fn run(&self, operands: &[Literal], attributes: &CallAttributes) -> Result<Vec<Literal>, HostError>;
}

/// A kernel's name is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a kernel is registered as `{name}` already: what is compiled may call it, so it stays")]
pub struct NameTaken {
    /// The name.
    pub name: String,
}

static KERNELS: LazyLock<RwLock<BTreeMap<String, Arc<dyn CustomKernel>>>> =
    LazyLock::new(|| RwLock::new(BTreeMap::from([("identity".to_owned(), Arc::new(Identity) as Arc<_>)])));

/// Registers a kernel for the rest of the process. Fails if the name is taken; `identity`, which gives its operands, is from the start.
pub fn register_kernel(name: &str, kernel: Arc<dyn CustomKernel>) -> Result<(), NameTaken> {
    let mut kernels = KERNELS.write().unwrap_or_else(PoisonError::into_inner);
    if kernels.contains_key(name) {
        return Err(NameTaken { name: name.to_owned() });
    }
    kernels.insert(name.to_owned(), kernel);
    Ok(())
}

/// The kernel that is registered under this name.
pub fn registered_kernel(name: &str) -> Option<Arc<dyn CustomKernel>> {
    KERNELS.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
}

/// Gives what it takes.
struct Identity;

impl CustomKernel for Identity {
    fn result_types(
        &self,
        operands: &[TensorType],
        _attributes: &CallAttributes,
    ) -> Result<Vec<TensorType>, HostError> {
        Ok(operands.to_vec())
    }

    fn run(&self, operands: &[Literal], _attributes: &CallAttributes) -> Result<Vec<Literal>, HostError> {
        Ok(operands.to_vec())
    }
}

/// What code of the program's gives. What it says when it fails, or panics, is the error.
pub(crate) fn guarded<T>(code: impl FnOnce() -> Result<T, HostError>) -> Result<T, String> {
    // Code that panics is not called again in the state that it left by this call: the run ends.
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(payload) => Err(format!("it panicked: {}", said(&*payload))),
    }
}

fn said(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_equals_its_clones_alone() {
        let [one, other] = [(); 2].map(|()| HostFunction::new(|x| Ok(x.to_vec())));
        assert_eq!(one, one.clone());
        assert_ne!(one, other);
        assert_eq!(HostFunction::from_value(&one.to_value()), None);
    }

    #[test]
    fn what_fails_or_panics_is_an_error() {
        assert_eq!(HostFunction::new(|_| Err("no".into())).call(&[]), Err("no".to_owned()));
        let panics = HostFunction::new(|x| panic!("with {}", x.len()));
        assert_eq!(panics.call(&[]), Err("it panicked: with 0".to_owned()));
    }

    #[test]
    fn a_name_is_registered_once() {
        let taken = Err(NameTaken { name: "identity".to_owned() });
        assert_eq!(register_kernel("identity", Arc::new(Identity)), taken);
        assert_eq!(register_kernel("host_tests", Arc::new(Identity)), Ok(()));
        assert!(registered_kernel("host_tests").is_some() && registered_kernel("host").is_none());
    }
}
