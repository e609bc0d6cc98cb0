//! What a function is set up with.

use tensorwright_compiler::CompileOptions;
use tensorwright_runtime::cache::{Leaf, LeafValue, Signature};

use crate::error::{CallSite, Error, Result};
use crate::tree::TensorSpec;

/// The bytes that a function's cache may hold unless told otherwise: 256 MiB.
pub const DEFAULT_BUDGET: usize = 256 << 20;

#[derive(Clone)]
pub(super) struct Config {
    pub(super) name: String,
    pub(super) argument_names: Vec<String>,
    pub(super) specs: Option<Vec<TensorSpec>>,
    pub(super) budget: usize,
    pub(super) threads: usize,
    pub(super) options: CompileOptions,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            name: "f".to_owned(),
            argument_names: Vec::new(),
            specs: None,
            budget: DEFAULT_BUDGET,
            threads: 0,
            options: CompileOptions::default(),
        }
    }
}

impl Config {
    /// Fails if the signature is not what was declared.
    pub(super) fn check(&self, signature: &Signature, at: CallSite) -> Result<()> {
        let Some(specs) = &self.specs else { return Ok(()) };
        let tensors: Vec<&Leaf> =
            signature.leaves.iter().filter(|leaf| matches!(leaf.value, LeafValue::Tensor(_))).collect();
        if tensors.len() != specs.len() {
            let count = |number: usize| format!("{number} tensor{}", if number == 1 { "" } else { "s" });
            let expected = format!("{}, as declared", count(specs.len()));
            return Err(mismatch("", expected, count(tensors.len()), at));
        }
        for (leaf, spec) in tensors.iter().zip(specs) {
            match &leaf.value {
                LeafValue::Tensor(ty) if !spec.accepts(ty) => {
                    return Err(mismatch(&leaf.path, spec.to_string(), ty.to_string(), at));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn mismatch(argument: &str, expected: String, found: String, at: CallSite) -> Error {
    Error::Signature { at: at.into(), argument: argument.to_owned(), expected, found }
}
