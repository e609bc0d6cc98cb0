//! Tensors by name that are read: those of a file, and those in memory.

use std::collections::BTreeMap;

use tensorwright::{Tensor, TensorType};

use super::WeightsFile;
use crate::error::{Error, Result};

/// Tensors by name that are read, as a file is.
pub(crate) trait NamedTensors {
    /// The type of one, if it is there.
    fn type_of(&self, name: &str) -> Result<Option<TensorType>>;

    /// One of them.
    fn tensor(&self, name: &str) -> Result<Tensor>;

    /// All names.
    fn all(&self) -> Vec<String>;
}

impl NamedTensors for WeightsFile {
    fn type_of(&self, name: &str) -> Result<Option<TensorType>> {
        Ok(self.ty(name).cloned())
    }

    fn tensor(&self, name: &str) -> Result<Tensor> {
        Ok(self.read(name)?)
    }

    fn all(&self) -> Vec<String> {
        self.names().map(str::to_owned).collect()
    }
}

impl NamedTensors for BTreeMap<String, Tensor> {
    fn type_of(&self, name: &str) -> Result<Option<TensorType>> {
        Ok(self.get(name).map(Tensor::ty).transpose()?.cloned())
    }

    fn tensor(&self, name: &str) -> Result<Tensor> {
        self.get(name).cloned().ok_or_else(|| Error::Model(format!("there is no `{name}`")))
    }

    fn all(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}
