//! What a function is set up with.

use tensorwright_compiler::CompileOptions;
use tensorwright_runtime::cache::{Leaf, LeafValue, Signature};

use crate::error::{CallSite, Error, Result};
use crate::tree::TensorSpec;

/// The bytes that a function's cache may hold unless told otherwise: 256 MiB.
pub const DEFAULT_BUDGET: usize = 256 << 20;

/// How the sizes that data decide are rounded up, so that a function meets fewer of them.
///
/// What is rounded is larger than it need be: results of ops with a size that data decide hold what their forms with a bound
/// hold beyond the end, zeros or what their docs say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SizeRounding {
    /// Not at all.
    #[default]
    Exact,
    /// To the next power of two; 0 stays 0.
    PowerOfTwo,
    /// To the next multiple of this number; 0 stays 0.
    MultipleOf(std::num::NonZeroUsize),
}

impl SizeRounding {
    /// The size, rounded. One that cannot be rounded stays as it is.
    pub fn round(self, size: usize) -> usize {
        match self {
            SizeRounding::Exact => size,
            SizeRounding::PowerOfTwo if size == 0 => 0,
            SizeRounding::PowerOfTwo => size.checked_next_power_of_two().unwrap_or(size),
            SizeRounding::MultipleOf(step) => size.checked_next_multiple_of(step.get()).unwrap_or(size),
        }
    }
}

#[derive(Clone)]
pub(super) struct Config {
    pub(super) name: String,
    pub(super) argument_names: Vec<String>,
    pub(super) specs: Option<Vec<TensorSpec>>,
    pub(super) budget: usize,
    pub(super) threads: usize,
    pub(super) options: CompileOptions,
    pub(super) rounding: SizeRounding,
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
            rounding: SizeRounding::Exact,
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
