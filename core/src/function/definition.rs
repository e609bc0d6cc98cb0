//! The function: its cache of signatures, and its calls.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tensorwright_runtime::buffer::SharedBuffer;
use tensorwright_runtime::cache::{self, Cache, CacheStats, Key, Last, LookupError, MissReason, Signature};

use super::callable::{Body, Callable, Site, body};
use super::compiled::{AnyCall, Compiled, Traced};
use super::config::Config;
use super::describe;
use super::flatten::Flat;
use super::miss::{Miss, MissLog};
use super::subgraphs::{End, NewSize, Outputs, Run, Subgraph, Tracing};
use crate::error::{CallSite, Error, Result, caller};
use crate::interpret::tape;
use crate::settings;
use crate::state::Variable;
use crate::tensor::Tensor;
use crate::tensor::traced::is_tracing;
use crate::tree::erased::Erased;
use crate::tree::tensors::{first_error, rebuilt};
use crate::tree::{Argument, LeafRef, Tree, TreeLike};

/// Function calls in a trace may be nested this deep; each takes some of the thread's stack.
const MAX_NESTING: usize = 128;

pub(super) type Entry = cache::Entry<Key, Compiled>;

/// Wraps a closure over tensors, so that it is traced and compiled once per signature of its argument, and
/// then just run.
///
/// The closure takes one [`Tree`]: a tensor, a tuple of trees, a vector, a struct that derives `Tree` and so
/// on; plain values in it are static. It runs only to be traced: what it does besides tensor ops happens once
/// per signature. Tensors that it captures are shared with the graph. Functions called in it are inlined.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let f = function(|x: Tensor| x + 1);
/// f.call(1.0f32)?; // traced and compiled for f32[]
/// f.call([1.0f32, 2.0])?; // for f32[2]
/// f.call([[1.0f32, 2.0], [3.0, 4.0]])?; // for f32[2,2]
/// f.call(5.0f32)?; // f32[] is there
/// assert_eq!(f.trace_count(), 3);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("jit", "compile"))]
pub fn function<A, M, F>(f: F) -> Function<A, F::Tree>
where
    A: Tree,
    F: Callable<A, M>,
    F::Kept: Send + Sync + 'static,
{
    Function::of(body(f))
}

/// A traced function from `A` to `R`; see [`function()`]. Clones share the cache.
pub struct Function<A, R> {
    pub(super) body: Body<A, R>,
    pub(super) core: Arc<Core>,
}

/// What functions of all types have.
pub(super) struct Core {
    pub(super) config: Config,
    pub(super) threads: AtomicUsize,
    eagerly: AtomicBool,
    traces: AtomicU64,
    pub(super) cache: Cache<Key, Compiled, Error>,
    misses: MissLog,
}

impl<A, R> Clone for Function<A, R> {
    fn clone(&self) -> Self {
        Function { body: Arc::clone(&self.body), core: Arc::clone(&self.core) }
    }
}

impl<A, R> Function<A, R> {
    pub(super) fn new(body: Body<A, R>, config: Config) -> Self {
        Function { body, core: Arc::new(Core::new(config)) }
    }

    /// The function of a body, whose names its arguments have.
    #[inline(never)]
    pub(crate) fn of(body: Body<A, R>) -> Self {
        let argument_names = body.names().to_vec();
        Function::new(body, Config { argument_names, ..Config::default() })
    }

    pub(super) fn argument_names(&self) -> &[String] {
        &self.core.config.argument_names
    }
}

impl<A: Tree, R: Tree> Function<A, R> {
    /// Calls the function. The argument is an `A`, a container of references that stands for one, or has Rust
    /// numbers and arrays in place of tensors: `f.call((&x, &w, 0.5f32))`.
    ///
    /// # Errors
    /// The first error of an op in the closure, when the signature is new; an argument that carries an error
    /// or belongs to a trace; an argument outside the declared signature.
    #[inline]
    #[track_caller]
    pub fn call<B: Argument<A>>(&self, argument: B) -> Result<R> {
        let at = caller();
        self.call_at(&argument.hold(at), at)
    }

    /// Calls the function on this many threads; 0 means the default. The result does not depend on it.
    ///
    /// # Errors
    /// As [`Function::call`].
    #[track_caller]
    pub fn call_with_threads<B: Argument<A>>(&self, threads: usize, argument: B) -> Result<R> {
        let at = caller();
        self.call_on(&argument.hold(at), threads, at)
    }

    #[inline]
    pub(super) fn call_at<H: TreeLike<A>>(&self, argument: &H, at: CallSite) -> Result<R> {
        self.call_on(argument, self.core.threads.load(Ordering::Relaxed), at)
    }

    #[inline(never)]
    fn call_on<H: TreeLike<A>>(&self, argument: &H, threads: usize, at: CallSite) -> Result<R> {
        let call = Call { function: self, argument };
        if is_tracing() {
            return call.inline(at);
        }
        let threads = if threads == 0 { settings::threads() } else { threads };
        if self.core.runs_op_by_op() {
            return call.run_op_by_op(threads, at);
        }
        Flat::with(|flat| {
            argument.visit(flat);
            let (found, outputs) = self.core.run(flat, &call, threads, at)?;
            Ok(found.rebuilt(outputs))
        })
    }

    /// Within another trace: the closure's ops join it.
    pub(super) fn inline<H: TreeLike<A>>(&self, argument: &H, at: CallSite) -> Result<R> {
        Call { function: self, argument }.inline(at)
    }

    pub(super) fn run_op_by_op<H: TreeLike<A>>(
        &self,
        argument: &H,
        threads: usize,
        at: CallSite,
    ) -> Result<R> {
        Call { function: self, argument }.run_op_by_op(threads, at)
    }

    /// The compiled signature, out of the cache or made now.
    pub(super) fn entry<H: TreeLike<A>>(
        &self,
        argument: &H,
        key: &[u64],
        at: CallSite,
    ) -> Result<Arc<Entry>> {
        self.core.entry(&Call { function: self, argument }, key, at)
    }

    /// Runs a signature whose sizes data decide.
    pub(super) fn run_subgraphs<H: TreeLike<A>>(
        &self,
        argument: &H,
        entry: &Arc<Entry>,
        inputs: &[&SharedBuffer],
        threads: usize,
        at: CallSite,
    ) -> Result<R> {
        let call = Call { function: self, argument };
        let (found, outputs) = self.core.run_subgraphs(entry, &call, inputs, threads, at)?;
        Ok(found.rebuilt(outputs))
    }
}

/// What all functions have, of whatever types.
impl<A, R> Function<A, R> {
    /// How often the closure has been traced.
    pub fn trace_count(&self) -> u64 {
        self.core.traces.load(Ordering::Relaxed)
    }

    /// The signatures that are cached, least recently used first.
    pub fn signatures(&self) -> Vec<Signature> {
        self.core.cache.entries().iter().map(|entry| entry.signature.clone()).collect()
    }

    /// The latest calls that had to trace and compile, oldest first, each with its reason.
    pub fn misses(&self) -> Vec<Miss> {
        self.core.misses.to_vec()
    }

    /// Counters of the cache.
    pub fn cache_stats(&self) -> CacheStats {
        self.core.cache.stats()
    }

    /// Changes the bytes that the cache may hold.
    pub fn set_cache_budget(&self, bytes: usize) {
        self.core.cache.set_budget(bytes);
    }

    /// Drops all that is compiled.
    pub fn clear_cache(&self) {
        self.core.cache.clear();
    }

    /// Runs the closure op by op from now on, without tracing or compiling it, or goes back to that: for debugging.
    pub fn run_eagerly(&self, eagerly: bool) {
        self.core.eagerly.store(eagerly, Ordering::Relaxed);
    }

    /// Sets how many threads calls use that do not say; 0 means the process's default.
    pub fn set_threads(&self, threads: usize) {
        self.core.threads.store(threads, Ordering::Relaxed);
    }

    /// The function's name.
    pub fn name(&self) -> &str {
        &self.core.config.name
    }
}

struct Call<'c, A, R, H> {
    function: &'c Function<A, R>,
    argument: &'c H,
}

impl<A: Tree, R: Tree, H: TreeLike<A>> AnyCall for Call<'_, A, R, H> {
    fn signature(&self, names: &[String], at: CallSite) -> Signature {
        describe::signature(self.argument, names, at)
    }

    fn trace(&self, tensors: Vec<Tensor>, site: Site<'_>) -> Result<Erased> {
        Ok(Box::new(self.function.body.call_from(rebuilt(self.argument, tensors), site)?))
    }
}

impl<A: Tree, R: Tree, H: TreeLike<A>> Call<'_, A, R, H> {
    fn run_body(&self, at: CallSite) -> Result<R> {
        let site = Site { at, names: self.function.argument_names() };
        self.function.body.call_from(self.argument.rebuild(&mut same_tensors(at)), site)
    }

    fn inline(&self, at: CallSite) -> Result<R> {
        let _nested = Nested::enter(at)?;
        self.run_body(at)
    }

    /// Without a trace: the closure's ops run one by one.
    fn run_op_by_op(&self, threads: usize, at: CallSite) -> Result<R> {
        let result = settings::with_eager_threads(threads, || self.run_body(at))?;
        match first_error(&result) {
            Some(error) => Err(error.clone()),
            None => Ok(result),
        }
    }
}

/// The leaves as they are. A function of its own, so that the closure's type is the same for all trees.
fn same_tensors(at: CallSite) -> impl FnMut(LeafRef<'_>) -> Tensor {
    move |leaf| match leaf {
        LeafRef::Tensor(tensor) => tensor.clone(),
        LeafRef::Spec(spec) => Tensor::failed(Error::UnknownDims { at: at.into(), spec: spec.to_string() }),
    }
}

/// A call in a trace, while it runs.
struct Nested(());

thread_local! {
    static NESTING: Cell<usize> = const { Cell::new(0) };
}

impl Nested {
    fn enter(at: CallSite) -> Result<Nested> {
        let depth = NESTING.get() + 1;
        if depth > MAX_NESTING {
            return Err(Error::Recursion { at: at.into(), depth });
        }
        NESTING.set(depth);
        Ok(Nested(()))
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        NESTING.set(NESTING.get() - 1);
    }
}

/// What has run last, with what it gave.
type Ran = (Found, Outputs);

/// What gives the result of a call.
pub(super) enum Found {
    /// The signature of the last call.
    Last(Last<Key, Compiled>),
    /// A signature in the cache, or made now.
    Cached(Arc<Entry>),
    /// The last subgraph of a signature.
    Subgraph(Arc<Subgraph>),
}

impl Found {
    #[inline]
    fn rebuilt<R: Tree>(&self, outputs: Outputs) -> R {
        let subgraph = match self {
            Found::Last(entry) => &entry.first,
            Found::Cached(entry) => &entry.first,
            Found::Subgraph(subgraph) => subgraph,
        };
        subgraph.rebuilt(outputs)
    }
}

impl Core {
    fn new(config: Config) -> Core {
        Core {
            threads: AtomicUsize::new(config.threads),
            eagerly: AtomicBool::new(false),
            traces: AtomicU64::new(0),
            cache: Cache::new(config.budget),
            misses: MissLog::default(),
            config,
        }
    }

    /// A tape records the function's ops one by one.
    fn runs_op_by_op(&self) -> bool {
        tape::is_active() || self.eagerly.load(Ordering::Relaxed) || settings::runs_eagerly()
    }

    fn run(&self, flat: &mut Flat<'_>, call: &dyn AnyCall, threads: usize, at: CallSite) -> Result<Ran> {
        if let Some(error) = flat.error(at) {
            return Err(error);
        }
        if let Some(entry) = self.cache.last(flat.key.words()) {
            if !entry.is_whole() {
                return self.run_subgraphs(&entry, call, &flat.inputs, threads, at);
            }
            let outputs = run(&entry, flat, threads, at)?;
            return Ok((Found::Last(entry), outputs));
        }
        let mut ran = None;
        let values = Values { inputs: &flat.inputs, threads, ran: &mut ran };
        let key = flat.key.words();
        let entry = self.get_or_make(key, || self.compile(call, key, Some(values), at), at)?;
        if let Some((subgraph, outputs)) = ran {
            return Ok((Found::Subgraph(subgraph), outputs));
        }
        if !entry.is_whole() {
            return self.run_subgraphs(&entry, call, &flat.inputs, threads, at);
        }
        let outputs = run(&entry, flat, threads, at)?;
        Ok((Found::Cached(entry), outputs))
    }

    /// The compiled signature, out of the cache or made now.
    pub(super) fn entry(&self, call: &dyn AnyCall, key: &[u64], at: CallSite) -> Result<Arc<Entry>> {
        self.get_or_make(key, || self.compile(call, key, None, at), at)
    }

    fn get_or_make(
        &self,
        key: &[u64],
        make: impl FnOnce() -> Result<Compiled>,
        at: CallSite,
    ) -> Result<Arc<Entry>> {
        self.cache.get_or_make(key, make).map_err(|error| match error {
            LookupError::Failed(error) => error,
            LookupError::Cycle => Error::Recursion { at: at.into(), depth: 1 },
        })
    }

    /// Traces and compiles a signature. If data decide sizes, its subgraphs run as they are found.
    fn compile(
        &self,
        call: &dyn AnyCall,
        key: &[u64],
        values: Option<Values<'_>>,
        at: CallSite,
    ) -> Result<Compiled> {
        let signature = call.signature(&self.config.argument_names, at);
        self.config.check(&signature, at)?;
        self.note_miss(&signature, self.miss_reason(&signature, key), at);
        let tracing = values
            .as_ref()
            .map(|values| Tracing::new(&self.config, Run::new(values.inputs, values.threads), at));
        let traced = Traced::new(&self.config, &signature, call, tracing.as_ref(), at)?;
        match (tracing, values) {
            (Some(tracing), Some(values)) if tracing.is_cut() => {
                let (subgraph, outputs) = traced.finish(&tracing)?;
                *values.ran = Some((Arc::clone(&subgraph), assigned(&subgraph, outputs)));
                Ok(Compiled { signature, first: tracing.first() })
            }
            _ => Compiled::whole(&self.config, signature, traced, at),
        }
    }

    /// Runs a signature whose sizes data decide, and compiles the subgraphs that it lacks.
    fn run_subgraphs(
        &self,
        entry: &Arc<Entry>,
        call: &dyn AnyCall,
        inputs: &[&SharedBuffer],
        threads: usize,
        at: CallSite,
    ) -> Result<Ran> {
        let (variables, assigned_variables) = entry.first.variables();
        let turns = Variable::take_turns(&assigned_variables);
        let mut run = Run::new(inputs, threads);
        let (subgraph, outputs) = match run.descend(&entry.first, &variables, &self.config, at)? {
            End::Result(subgraph, outputs) => (subgraph, outputs),
            End::New(new) => {
                drop(turns);
                return self.extend(entry, call, run, new, at);
            }
        };
        let outputs = assigned(&subgraph, outputs);
        Ok((Found::Subgraph(subgraph), outputs))
    }

    /// Compiles and runs the subgraphs of a signature behind those that a run has gone through.
    fn extend(
        &self,
        entry: &Arc<Entry>,
        call: &dyn AnyCall,
        run: Run,
        new: NewSize,
        at: CallSite,
    ) -> Result<Ran> {
        let NewSize { at: line, size, known } = new;
        self.note_miss(&entry.signature, MissReason::Size { at: line, size, known }, at);
        if entry.first.bytes() > self.cache.stats().budget {
            run.forget_others();
        }
        let tracing = Tracing::new(&self.config, run, at);
        let traced = Traced::new(&self.config, &entry.signature, call, Some(&tracing), at)?;
        let (subgraph, outputs) = traced.finish(&tracing)?;
        self.cache.weigh_again(entry);
        let outputs = assigned(&subgraph, outputs);
        Ok((Found::Subgraph(subgraph), outputs))
    }

    fn note_miss(&self, signature: &Signature, reason: MissReason, at: CallSite) {
        let earlier_traces = self.traces.fetch_add(1, Ordering::Relaxed);
        self.misses.push(Miss {
            at: at.into(),
            function: self.config.name.clone(),
            earlier_traces,
            reason,
            signature: signature.clone(),
        });
    }

    fn miss_reason(&self, signature: &Signature, key: &[u64]) -> MissReason {
        if self.cache.was_evicted(key) {
            return MissReason::Evicted;
        }
        let recent = self.cache.recent();
        MissReason::find(signature, recent.iter().map(|entry| &entry.signature))
    }
}

/// What a call knows while its signature is traced.
struct Values<'c> {
    inputs: &'c [&'c SharedBuffer],
    threads: usize,
    /// What its last subgraph has given, if it has run already.
    ran: &'c mut Option<(Arc<Subgraph>, Outputs)>,
}

/// The outputs that are the result of a last subgraph, when variables have what it has made of them.
fn assigned(subgraph: &Subgraph, mut outputs: Outputs) -> Outputs {
    Run::assign(subgraph, &mut outputs);
    outputs
}

/// Runs a compiled signature on the buffers of an argument.
#[inline]
pub(super) fn run(compiled: &Compiled, flat: &mut Flat<'_>, threads: usize, at: CallSite) -> Result<Outputs> {
    let result = flat.with_inputs(|inputs| compiled.first.run(inputs, threads));
    result.map_err(|error| Error::run(at, error))
}
