//! What became of weights that were read.

use std::collections::HashMap;
use std::fmt;

use tensorwright::{Tensor, Variable};

use crate::error::Result;

/// What became of weights that were read for a model, by their paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Those that the model has now.
    pub loaded: Vec<String>,
    /// Those of the model that were not in the file, and are as before.
    pub missing: Vec<String>,
    /// Those of the file that the model does not have.
    pub unexpected: Vec<String>,
    /// Those that have another type in the file, and are as before.
    pub misfits: Vec<String>,
}

impl LoadReport {
    /// Whether model and file had the same weights.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.misfits.is_empty()
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} loaded", self.loaded.len())?;
        let parts = [
            ("missing", &self.missing),
            ("unexpected", &self.unexpected),
            ("of another type", &self.misfits),
        ];
        for (what, paths) in parts.into_iter().filter(|(_, paths)| !paths.is_empty()) {
            write!(f, "; {what}: {}", paths.join(", "))?;
        }
        Ok(())
    }
}

/// Gives variables the values that stand under their paths.
pub(crate) fn assign(variables: &[(String, Variable)], values: Vec<(String, Tensor)>) -> Result<LoadReport> {
    let mut values: HashMap<String, Tensor> = values.into_iter().collect();
    let mut report = LoadReport::default();
    for (path, variable) in variables {
        match values.remove(path) {
            None => report.missing.push(path.clone()),
            Some(value) if value.ty()? != variable.ty() => {
                report.misfits.push(format!("{path} ({}, in the file {})", variable.ty(), value.ty()?));
            }
            Some(value) => {
                variable.assign(value)?;
                report.loaded.push(path.clone());
            }
        }
    }
    report.unexpected = values.into_keys().collect();
    report.unexpected.sort();
    Ok(report)
}
