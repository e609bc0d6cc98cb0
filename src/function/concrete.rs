//! One compiled signature in the user's hands.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tensorwright_ir::{Graph, Type};
use tensorwright_runtime::cache::{MissReason, Signature, explain};

use super::flatten::Flat;
use super::{Entry, Function, Stage, describe, run};
use crate::error::{Error, Place, Result, caller};
use crate::tree::{Argument, Tree, TreeLike};
use crate::{settings, trace};

/// A function for one signature: compiled, callable, open to inspection. It stays alive when the cache evicts it.
pub struct Concrete<A, R> {
    function: Function<A, R>,
    entry: Arc<Entry<R>>,
}

impl<A, R> Clone for Concrete<A, R> {
    fn clone(&self) -> Self {
        Concrete { function: self.function.clone(), entry: Arc::clone(&self.entry) }
    }
}

impl<A: Tree, R: Tree> Concrete<A, R> {
    pub(super) fn new(function: Function<A, R>, entry: Arc<Entry<R>>) -> Self {
        Concrete { function, entry }
    }

    /// Calls the function. Never traces or compiles.
    ///
    /// # Errors
    /// When the argument has another signature, carries an error, or belongs to a trace that is not being recorded.
    #[track_caller]
    pub fn call<B: Argument<A>>(&self, argument: B) -> Result<R> {
        let at = caller();
        let held = argument.hold(at);
        if trace::is_active() {
            return self.function.inner.inline(&held, at);
        }
        Flat::with(|flat| {
            held.visit(flat);
            if let Some(error) = flat.error(at) {
                return Err(error);
            }
            if flat.key.words() != &**self.entry.key() {
                return Err(self.mismatch(&held, at));
            }
            run(&self.entry, flat, self.threads(), at)
        })
    }

    fn threads(&self) -> usize {
        match self.function.inner.threads.load(Ordering::Relaxed) {
            0 => settings::threads(),
            threads => threads,
        }
    }

    fn mismatch<H: TreeLike<A>>(&self, argument: &H, at: Place) -> Error {
        let names = &self.function.inner.config.argument_names;
        let found = describe::signature(argument, names, at);
        let expected = self.signature();
        let first = explain::differences(expected, &found).into_iter().next();
        let argument = first.map_or(String::new(), |difference| difference.path);
        Error::Signature {
            at: at.into(),
            argument,
            expected: format!("as in {expected}"),
            found: found.to_string(),
        }
    }

    /// The signature.
    pub fn signature(&self) -> &Signature {
        &self.entry.signature
    }

    /// The graph as it was traced: the argument's tensors are its first inputs, captured tensors the others.
    pub fn graph(&self) -> &Graph {
        self.entry.executable.graph()
    }

    /// Types of the result's tensors, in order.
    pub fn output_types(&self) -> &[Type] {
        self.entry.executable.output_types()
    }

    /// How long tracing and compiling took.
    pub fn compile_time(&self) -> Duration {
        self.entry.compile_time()
    }

    /// Bytes that it takes in the cache.
    pub fn bytes(&self) -> usize {
        self.entry.bytes()
    }

    /// Keeps the signature from being evicted.
    pub fn pin(&self) {
        self.entry.set_pinned(true);
    }

    /// Allows the signature to be evicted again.
    pub fn unpin(&self) {
        self.entry.set_pinned(false);
    }

    /// What it looks like at a stage of compilation.
    ///
    /// # Errors
    /// When there is no such stage.
    #[track_caller]
    pub fn dump(&self, stage: Stage) -> Result<String> {
        self.dump_at(stage, caller())
    }

    pub(super) fn dump_at(&self, stage: Stage, at: Place) -> Result<String> {
        self.entry
            .executable
            .dump(stage.name())
            .map_err(|error| Error::Compile { at: at.into(), message: error.to_string().into() })
    }

    /// What differs from another signature.
    pub fn compare(&self, other: &Concrete<A, R>) -> MissReason {
        MissReason::find(other.signature(), [self.signature()])
    }
}

impl<A: Tree, R: Tree> fmt::Debug for Concrete<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Concrete({}{})", self.function.name(), self.signature())
    }
}

impl<A: Tree, R: Tree> fmt::Debug for Function<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({}, {})", self.name(), self.cache_stats())
    }
}
