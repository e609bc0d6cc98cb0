//! How a function is set up, before it is called.

use std::sync::Arc;

use tensorwright_compiler::CompileOptions;

use super::config::{Config, SizeRounding};
use super::definition::Function;
use crate::tree::TensorSpec;

/// Setting up. Each of these returns a function with an empty cache.
impl<A, R> Function<A, R> {
    /// The function under a name, for messages and dumps.
    pub fn with_name(self, name: impl Into<String>) -> Self {
        self.configured(|config| config.name = name.into())
    }

    /// The function with names for its arguments, for messages and dumps: one for each field of the closure's
    /// tuple, or one for its single argument.
    pub fn with_argument_names<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        self.configured(|config| config.argument_names = names.into_iter().map(Into::into).collect())
    }

    /// The function for one declared signature: a spec for each tensor of the argument, in order. Calls
    /// outside it are errors. Extents that the specs leave open are specialised per call.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    ///
    /// let f = function(|x: Tensor| x.sum(-1)).with_signature([TensorSpec::f32([None, Some(3)])]);
    /// assert!(f.call([[1.0f32, 2.0, 3.0]]).is_ok());
    /// assert!(f.call([[1.0f32, 2.0]]).is_err());
    /// ```
    pub fn with_signature(self, specs: impl IntoIterator<Item = TensorSpec>) -> Self {
        self.configured(|config| config.specs = Some(specs.into_iter().collect()))
    }

    /// The function compiled in another way.
    pub fn with_compile_options(self, options: CompileOptions) -> Self {
        self.configured(|config| config.options = options)
    }

    /// The function with a cache that holds at most this many bytes of code, constants, graphs, and captured
    /// tensors that nobody else has.
    pub fn with_cache_budget(self, bytes: usize) -> Self {
        self.configured(|config| config.budget = bytes)
    }

    /// The function on this many threads, where a call does not say; 0 means the process's default.
    pub fn with_threads(self, threads: usize) -> Self {
        self.configured(|config| config.threads = threads)
    }

    /// The function with sizes that data decide rounded up: as many graphs are compiled as there are rounded sizes.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    /// use tensorwright::SizeRounding;
    ///
    /// let f = function(|x: Tensor| x.compress(&x.gt(0), 0)).with_size_rounding(SizeRounding::PowerOfTwo);
    /// assert_eq!(f.call([3, -1, 5, 7])?.to_vec::<i32>()?, [3, 5, 7, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with_size_rounding(self, rounding: SizeRounding) -> Self {
        self.configured(|config| config.rounding = rounding)
    }

    fn configured(self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.core.config.clone();
        change(&mut config);
        Function::new(Arc::clone(&self.body), config)
    }
}
