//! Words and integers as bins of a hash function.

use serde_json::{Value, json};
use tensorwright::{DType, Result, Tensor};

use super::digest::{fingerprint, joined, sip_hash};
use super::encode::{OutputMode, encoded};
use crate::{Argument, Field, Inputs, Layer, Outputs, Scope, Setting, Strings, layer};

/// The key of a hash function: two numbers, or one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt([u64; 2]);

impl Setting<Option<Salt>> for u64 {
    fn setting(self) -> Option<Salt> {
        Some(Salt([self; 2]))
    }
}

impl Setting<Option<Salt>> for [u64; 2] {
    fn setting(self) -> Option<Salt> {
        Some(Salt(self))
    }
}

impl Field for Salt {
    fn to_json(&self) -> Value {
        json!(self.0)
    }

    fn from_json(value: &Value) -> Result<Salt, String> {
        // Negative numbers are written as such, and mean their bits.
        let number = |value: &Value| value.as_u64().or_else(|| value.as_i64().map(i64::cast_unsigned));
        let found = match value.as_array().map(Vec::as_slice) {
            Some([first, second]) => number(first).zip(number(second)).map(|(a, b)| [a, b]),
            Some(_) => None,
            None => number(value).map(|one| [one; 2]),
        };
        found.map(Salt).ok_or_else(|| format!("one or two whole numbers are wanted, found {value}"))
    }
}

/// What is hashed: words as they are, integers as their digits.
struct Tokens {
    words: Vec<String>,
    shape: Vec<usize>,
    /// Whether they were integers.
    are_numbers: bool,
}

impl Tokens {
    fn read(argument: &Argument, scope: &Scope<'_>) -> Result<Tokens> {
        match argument {
            Argument::Strings(Strings { values, shape }) => {
                Ok(Tokens { words: values.clone(), shape: shape.clone(), are_numbers: false })
            }
            Argument::Signal(signal) => {
                let known = signal.value.cast(DType::I64).to_vec::<i64>();
                let known = known
                    .map_err(|error| scope.refuse(format!("values are hashed outside traces: {error}")))?;
                let words = known.iter().map(i64::to_string).collect();
                Ok(Tokens { words, shape: signal.value.shape()?.sizes().to_vec(), are_numbers: true })
            }
            _ => Err(scope.refuse("strings or integers are wanted")),
        }
    }
}

/// Bins as what the layer's mode says.
fn as_mode(
    bins: &[u64],
    shape: &[usize],
    mode: OutputMode,
    depth: usize,
    scope: &Scope<'_>,
) -> Result<Outputs> {
    let bins: Vec<i64> = bins.iter().map(|&bin| bin as i64).collect();
    let bins = Tensor::from_slice(&bins, shape);
    let dtype = match mode {
        OutputMode::Int if scope.dtype() == DType::I32 => DType::I32,
        OutputMode::Int => DType::I64,
        _ => scope.dtype(),
    };
    Ok(encoded(&bins, mode, depth, dtype, None)?.ok()?.into())
}

layer! {
    /// Words or integers as bins of a hash function, TensorFlow's: integers are hashed as their digits. Values are hashed where they are known,
    /// outside traces.
    pub struct Hashing(
        /// How many bins there are.
        num_bins: usize,
    ) {
        /// What stands for padding, and has bin 0 for itself: a word or an integer.
        mask_value: Option<Value> = None,
        /// The key, of a function that nobody can turn round without it.
        salt: Option<Salt> = None,
        /// What becomes of bins.
        output_mode: OutputMode = OutputMode::Int,
        /// Read and kept: vectors are dense.
        sparse: bool = false,
    }
}

impl Layer for Hashing {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        if self.num_bins == 0 || self.output_mode == OutputMode::TfIdf {
            return Err(scope.refuse("there is at least one bin, and nobody knows how rare it is"));
        }
        let first = inputs.arguments().first().map(|(_, first)| first);
        let tokens = Tokens::read(first.ok_or_else(|| scope.refuse("there is no input"))?, scope)?;
        let padding = self.mask_value.as_ref().filter(|_| self.num_bins > 1);
        let padding = padding.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let bins = (self.num_bins - usize::from(padding.is_some())) as u64;
        let bin = |word: &String| match &padding {
            Some(padding) if padding == word => 0,
            padding => self.hash(word) % bins + u64::from(padding.is_some()),
        };
        let bins: Vec<u64> = tokens.words.iter().map(bin).collect();
        as_mode(&bins, &tokens.shape, self.output_mode, self.num_bins, scope)
    }
}

impl Hashing {
    fn hash(&self, word: &str) -> u64 {
        match self.salt {
            Some(Salt(key)) => sip_hash(key, word.as_bytes()),
            None => fingerprint(word.as_bytes()),
        }
    }
}

layer! {
    /// Several words or integers of an example together as a bin of a hash function, TensorFlow's. Values are hashed where they are known, outside traces.
    pub struct HashedCrossing(
        /// How many bins there are.
        num_bins: usize,
    ) {
        /// What becomes of bins: integers or vectors.
        output_mode: OutputMode = OutputMode::Int,
        /// Read and kept: vectors are dense.
        sparse: bool = false,
    }
}

/// What TensorFlow begins with.
const START: u64 = 0xDE_CAFC_AFFE;

impl Layer for HashedCrossing {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        if self.num_bins == 0 || !matches!(self.output_mode, OutputMode::Int | OutputMode::OneHot) {
            return Err(scope.refuse("there is at least one bin, as an integer or a vector"));
        }
        let parts = match inputs.arguments().first() {
            Some((_, Argument::List(parts))) if parts.len() > 1 => parts,
            _ => return Err(scope.refuse("a list of at least two inputs is wanted")),
        };
        let parts: Vec<Tokens> = parts.iter().map(|part| Tokens::read(part, scope)).collect::<Result<_>>()?;
        let shape = &parts[0].shape;
        if parts.iter().any(|part| part.shape != *shape) {
            return Err(scope.refuse("the inputs have different shapes"));
        }
        let bin = |i: usize| {
            parts.iter().fold(START, |before, part| joined(before, part.number(i))) % self.num_bins as u64
        };
        let bins: Vec<u64> = (0..parts[0].words.len()).map(bin).collect();
        as_mode(&bins, shape, self.output_mode, self.num_bins, scope)
    }
}

impl Tokens {
    /// What stands for a token: an integer itself, or the fingerprint of a word.
    fn number(&self, i: usize) -> u64 {
        let word = &self.words[i];
        match word.parse::<i64>() {
            Ok(number) if self.are_numbers => number.cast_unsigned(),
            _ => fingerprint(word.as_bytes()),
        }
    }
}
