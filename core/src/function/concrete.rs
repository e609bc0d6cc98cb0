//! One compiled signature in the user's hands.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tensorwright_ir::{Graph, TensorType};
use tensorwright_runtime::cache::{KeyWriter, MissReason, Signature, explain};
use tensorwright_runtime::profile::Profile;

use super::capture::Capture;
use super::definition::{Entry, Function, run};
use super::describe;
use super::flatten::{Flat, KeyOf};
use super::stage::Stage;
use crate::error::{CallSite, Error, Result, caller};
use crate::interpret::tape;
use crate::settings;
use crate::state::Variable;
use crate::tensor::traced::is_tracing;
use crate::tree::{Argument, Tree, TreeLike};

/// A function for one signature: compiled, callable, open to inspection. It stays alive when the cache evicts it.
pub struct Concrete<A, R> {
    function: Function<A, R>,
    entry: Arc<Entry>,
}

impl<A, R> Clone for Concrete<A, R> {
    fn clone(&self) -> Self {
        Concrete { function: self.function.clone(), entry: Arc::clone(&self.entry) }
    }
}

impl<A: Tree, R: Tree> Concrete<A, R> {
    pub(super) fn new(function: Function<A, R>, entry: Arc<Entry>) -> Self {
        Concrete { function, entry }
    }

    /// Calls the function. Never traces or compiles, but where data decide a size that was not met before.
    ///
    /// # Errors
    /// When the argument has another signature, carries an error, or belongs to a trace that is not being recorded.
    #[track_caller]
    pub fn call<B: Argument<A>>(&self, argument: B) -> Result<R> {
        let at = caller();
        self.call_at(&argument.hold(at), at)
    }

    pub(super) fn call_at<H: TreeLike<A>>(&self, argument: &H, at: CallSite) -> Result<R> {
        if is_tracing() {
            return self.function.inline(argument, at);
        }
        Flat::with(|flat| {
            argument.visit(flat);
            if let Some(error) = flat.error(at) {
                return Err(error);
            }
            if flat.key.words() != &**self.entry.key() {
                return Err(self.mismatch(argument, at));
            }
            if tape::is_active() {
                // A tape records the function's ops one by one.
                return self.function.run_op_by_op(argument, self.threads(), at);
            }
            if !self.entry.is_whole() {
                return self.function.run_subgraphs(argument, &self.entry, &flat.inputs, self.threads(), at);
            }
            Ok(self.entry.first.rebuilt(run(&self.entry, flat, self.threads(), at)?))
        })
    }

    pub(super) fn argument_names(&self) -> &[String] {
        self.function.argument_names()
    }

    fn threads(&self) -> usize {
        match self.function.core.threads.load(Ordering::Relaxed) {
            0 => settings::threads(),
            threads => threads,
        }
    }

    fn mismatch<H: TreeLike<A>>(&self, argument: &H, at: CallSite) -> Error {
        let names = &self.function.core.config.argument_names;
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

    /// The graph as it was traced: the argument's tensors are its first inputs, captured tensors the others. Where data decide a size it is
    /// the graph up to there: its outputs are that size, and what is used later.
    pub fn graph(&self) -> &Graph {
        self.entry.first.executable.graph()
    }

    /// What the last inputs of [`Concrete::graph`] stand for, in their order.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    /// use tensorwright::Capture;
    ///
    /// let scale = Variable::named("scale", 2.0f32)?;
    /// let f = function(move |x: Tensor| x * scale.value());
    /// let concrete = f.concrete(&TensorSpec::f32([3]))?;
    /// assert!(matches!(&concrete.captures()?[..], [Capture::Variable(v)] if v.name() == "scale"));
    /// assert!(concrete.assigned().is_empty());
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// When data decide a size: it is not one graph.
    #[track_caller]
    pub fn captures(&self) -> Result<Vec<Capture>> {
        let at = caller();
        if !self.entry.is_whole() {
            return Err(refusal(at, "data decide a size in it: it is not one graph"));
        }
        Ok(self.entry.first.captured())
    }

    /// The variables that a call assigns, in the order of their new values, which are the last outputs of [`Concrete::graph`].
    ///
    /// ```
    /// use tensorwright::prelude::*;
    ///
    /// let count = Variable::named("count", 0i32)?;
    /// let f = function(move |by: Tensor| {
    ///     count.assign_add(&by)?;
    ///     Ok(count.value())
    /// });
    /// assert_eq!(f.concrete(&TensorSpec::i32([0; 0]))?.assigned()[0].name(), "count");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn assigned(&self) -> &[Variable] {
        &self.entry.first.assigned
    }

    /// The result as a signature: a leaf for each of its tensors, with its path.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    ///
    /// let f = function(|x: Tensor| (x.sum(..), &x * 2.0));
    /// let found = f.concrete(&TensorSpec::f32([3]))?.result_signature()?;
    /// assert_eq!(found.to_string(), "(0: f32[], 1: f32[3])");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Concrete::captures`].
    #[track_caller]
    pub fn result_signature(&self) -> Result<Signature> {
        let at = caller();
        let whole = || refusal(at, "data decide a size in it: it is not one graph");
        self.entry.first.template().map(|result| describe::tree(&**result, at)).ok_or_else(whole)
    }

    /// The graph with captured tensors, and the values that variables have now, as constants. It stands for itself: it can be written down, and
    /// run elsewhere by [`run_graph`](crate::run_graph).
    ///
    /// ```
    /// use tensorwright::prelude::*;
    /// use tensorwright::{Graph, run_graph};
    ///
    /// let weights = Tensor::from([2.0f32, 3.0]);
    /// let f = function(move |x: Tensor| (x * &weights).sum(..));
    /// let graph = f.concrete(&TensorSpec::f32([Some(2)]))?.frozen_graph()?;
    /// let read: Graph = graph.to_string().parse().expect("what was written can be read");
    /// assert_eq!(run_graph(&read, &[Tensor::from([1.0f32, 1.0])])?[0].item::<f32>()?, 5.0);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// When the function assigns variables, or data decide a size.
    #[doc(alias("freeze", "convert_variables_to_constants"))]
    #[track_caller]
    pub fn frozen_graph(&self) -> Result<Graph> {
        let at = caller();
        if !self.entry.is_whole() {
            return Err(refusal(at, "data decide a size in it: it is not one graph"));
        }
        if !self.entry.first.assigned.is_empty() {
            return Err(refusal(at, "it assigns variables, which a graph by itself does not have"));
        }
        self.entry.first.frozen(at)
    }

    /// Where the time of a call goes, step by step: the fastest of so many calls, after a first one. Effects of the function happen in each.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    ///
    /// let f = function(|(x, y): (Tensor, Tensor)| x.matmul(y).tanh().sum(..));
    /// let x = Tensor::full((128, 128), 0.1f32);
    /// let profile = f.concrete((&x, &x))?.profile((&x, &x), 10)?;
    /// assert!(profile.steps.iter().any(|step| step.flops == 2 * 128 * 128 * 128));
    /// println!("{profile}");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Concrete::call`], and when data decide a size.
    #[track_caller]
    pub fn profile<B: Argument<A>>(&self, argument: B, runs: usize) -> Result<Profile> {
        let at = caller();
        if !self.entry.is_whole() {
            return Err(refusal(at, "data decide a size in it: it is not one graph"));
        }
        let argument = argument.hold(at);
        Profile::of(&self.entry.first.executable, runs, || self.call_at(&argument, at).map(drop))
    }

    /// Types of the result's tensors, in order. There are none where data decide a size, on which they may depend.
    pub fn output_types(&self) -> &[TensorType] {
        match self.entry.is_whole() {
            true => self.entry.first.executable.output_types(),
            false => &[],
        }
    }

    /// The sizes that data have decided on the way to each result that is compiled: a row for each.
    pub fn sizes(&self) -> Vec<Vec<usize>> {
        let mut found = Vec::new();
        self.entry.first.each(&[], &mut |sizes, subgraph| {
            if subgraph.template().is_some() {
                found.push(sizes.to_vec());
            }
        });
        found
    }

    /// How long tracing and compiling took.
    pub fn compile_time(&self) -> Duration {
        self.entry.compile_time()
    }

    /// Bytes that the signature takes in the cache.
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

    /// Text of the function at a stage of compilation.
    ///
    /// # Errors
    /// When there is no such stage.
    #[track_caller]
    pub fn dump(&self, stage: Stage) -> Result<String> {
        self.dump_at(stage, caller())
    }

    pub(super) fn dump_at(&self, stage: Stage, at: CallSite) -> Result<String> {
        let (mut text, mut error) = (String::new(), None);
        self.entry.first.each(&[], &mut |sizes, subgraph| match subgraph.executable.dump(stage.name()) {
            Ok(dump) if self.entry.is_whole() => text = dump,
            Ok(dump) => {
                let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
                text += &format!("// the subgraph after the sizes [{}]\n{dump}\n", sizes.join(", "));
            }
            Err(found) => drop(error.get_or_insert(found)),
        });
        error.map_or(Ok(text), |error| Err(Error::dump(at, error)))
    }

    /// What differs from another signature.
    pub fn compare(&self, other: &Concrete<A, R>) -> MissReason {
        MissReason::find(other.signature(), [self.signature()])
    }
}

/// Signatures in the user's hands.
impl<A: Tree, R: Tree> Function<A, R> {
    /// Compiles the function for a signature without running it. In the argument, [`TensorSpec`](crate::TensorSpec)s may stand
    /// for tensors.
    ///
    /// # Errors
    /// As [`Function::call`], and if a spec has open extents.
    #[track_caller]
    pub fn concrete<B: Argument<A>>(&self, specs: B) -> Result<Concrete<A, R>> {
        let at = caller();
        let held = specs.hold(at);
        let mut key = KeyOf { key: KeyWriter::default(), at, error: None };
        held.visit(&mut key);
        if let Some(error) = key.error {
            return Err(error);
        }
        let entry = self.entry(&held, key.key.words(), at)?;
        Ok(Concrete::new(self.clone(), entry))
    }

    /// What is cached, least recently used first.
    pub fn concretes(&self) -> Vec<Concrete<A, R>> {
        let entries = self.core.cache.entries().into_iter();
        entries.map(|entry| Concrete::new(self.clone(), entry)).collect()
    }

    /// The signature used last, as it looks at a stage of compilation.
    ///
    /// # Errors
    /// When nothing is compiled yet, or there is no such stage.
    #[track_caller]
    pub fn dump(&self, stage: Stage) -> Result<String> {
        let at = caller();
        match self.concretes().pop() {
            Some(concrete) => concrete.dump_at(stage, at),
            None => Err(Error::NothingCompiled { at: at.into() }),
        }
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

fn refusal(at: CallSite, reason: &str) -> Error {
    Error::Other { at: at.into(), source: Arc::from(Box::from(reason)) }
}
