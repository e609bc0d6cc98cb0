//! What a layer learns from data before training.

use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use crate::{Field, Setting};

/// A setting that data can fill in later: clones are one.
#[derive(Clone)]
pub struct Learned<T> {
    value: Arc<RwLock<Option<T>>>,
}

impl<T> Default for Learned<T> {
    fn default() -> Learned<T> {
        Learned { value: Arc::default() }
    }
}

impl<T: Clone> Learned<T> {
    /// What is known, if anything is.
    pub fn get(&self) -> Option<T> {
        self.value.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Learns something else.
    pub fn set(&self, value: T) {
        *self.value.write().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }
}

impl<T: Clone> Setting<Learned<T>> for T {
    fn setting(self) -> Learned<T> {
        let learned = Learned::default();
        learned.set(self);
        learned
    }
}

impl<const N: usize> Setting<Learned<Vec<String>>> for [&str; N] {
    fn setting(self) -> Learned<Vec<String>> {
        self.map(str::to_owned).to_vec().setting()
    }
}

impl<T: Field + Clone> Field for Learned<T> {
    fn to_json(&self) -> Value {
        self.get().to_json()
    }

    fn from_json(value: &Value) -> Result<Learned<T>, String> {
        let learned = Learned::default();
        if let Some(value) = <Option<T> as Field>::from_json(value)? {
            learned.set(value);
        }
        Ok(learned)
    }
}
