//! What became of weights that were read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use tensorwright::{Tensor, Variable};

use super::weights::NamedTensors;
use crate::error::{Error, Result};

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

    /// Nothing, if model and file had the same weights.
    ///
    /// # Errors
    /// When they had not.
    pub fn complete(&self) -> Result<()> {
        match self.is_complete() {
            true => Ok(()),
            false => Err(Error::Model(format!("weights do not fit the model: {self}"))),
        }
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

/// Gives variables the values that stand under the names that `name` says for their paths; those for which it says none are left out.
pub(crate) fn assign(
    variables: &[(String, Variable)],
    values: &impl NamedTensors,
    name: &dyn Fn(&str) -> Option<String>,
) -> Result<LoadReport> {
    let mut report = LoadReport::default();
    let mut unexpected: BTreeSet<String> = values.all().into_iter().collect();
    for (path, variable) in variables {
        let Some(name) = name(path) else { continue };
        unexpected.remove(&name);
        match values.type_of(&name)? {
            None => report.missing.push(path.clone()),
            Some(ty) if ty != *variable.ty() => {
                report.misfits.push(format!("{path} ({}, in the file {ty})", variable.ty()));
            }
            Some(_) => {
                variable.assign(values.tensor(&name)?)?;
                report.loaded.push(path.clone());
            }
        }
    }
    report.unexpected = unexpected.into_iter().collect();
    Ok(report)
}

/// Gives variables the values that stand under their paths, all of them.
///
/// # Errors
/// When one is missing, is too many, or has another type.
pub(crate) fn assign_all(variables: &[(String, Variable)], values: Vec<(String, Tensor)>) -> Result<()> {
    let values: BTreeMap<String, Tensor> = values.into_iter().collect();
    assign(variables, &values, &|path| Some(path.to_owned()))?.complete()
}
