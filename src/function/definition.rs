//! The function: its cache of signatures, and its calls.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tensorwright_runtime::cache::{self, Cache, CacheStats, Key, LookupError, MissReason, Signature};

use super::compiled::{self, Compiled};
use super::config::Config;
use super::describe;
use super::flatten::Flat;
use super::miss::{Miss, MissLog};
use super::output::Output;
use crate::error::{CallSite, Error, Result, caller};
use crate::interpret::tape;
use crate::settings;
use crate::tensor::Tensor;
use crate::tensor::traced::is_tracing;
use crate::tree::{Argument, LeafRef, Tree, TreeLike};

/// Function calls in a trace may be nested this deep; each takes some of the thread's stack.
const MAX_NESTING: usize = 128;

pub(super) type Closure<A, R> = dyn Fn(A) -> Result<R, Error> + Send + Sync;
pub(super) type Entry<R> = cache::Entry<Key, Compiled<R>>;

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
/// # Ok::<(), tensorwright::Error>(())
/// ```
pub fn function<A, O, F>(body: F) -> Function<A, O::Tree>
where
    A: Tree,
    O: Output,
    F: Fn(A) -> O + Send + Sync + 'static,
{
    Function::new(Arc::new(move |argument| body(argument).into_result()), Config::default())
}

/// A traced function from `A` to `R`; see [`function()`]. Clones share the cache.
pub struct Function<A, R> {
    pub(super) inner: Arc<Inner<A, R>>,
}

pub(super) struct Inner<A, R> {
    pub(super) body: Arc<Closure<A, R>>,
    pub(super) config: Config,
    pub(super) threads: AtomicUsize,
    eagerly: AtomicBool,
    traces: AtomicU64,
    pub(super) cache: Cache<Key, Compiled<R>, Error>,
    misses: MissLog,
}

impl<A, R> Clone for Function<A, R> {
    fn clone(&self) -> Self {
        Function { inner: Arc::clone(&self.inner) }
    }
}

impl<A: Tree, R: Tree> Function<A, R> {
    pub(super) fn new(body: Arc<Closure<A, R>>, config: Config) -> Self {
        let inner = Inner {
            body,
            threads: AtomicUsize::new(config.threads),
            eagerly: AtomicBool::new(false),
            traces: AtomicU64::new(0),
            cache: Cache::new(config.budget),
            misses: MissLog::default(),
            config,
        };
        Function { inner: Arc::new(inner) }
    }

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
        self.inner.call(&argument.hold(at), self.inner.threads.load(Ordering::Relaxed), at)
    }

    /// Calls the function on this many threads; 0 means the default. The result does not depend on it.
    ///
    /// # Errors
    /// As [`Function::call`].
    #[track_caller]
    pub fn call_with_threads<B: Argument<A>>(&self, threads: usize, argument: B) -> Result<R> {
        let at = caller();
        self.inner.call(&argument.hold(at), threads, at)
    }

    /// How often the closure has been traced.
    pub fn trace_count(&self) -> u64 {
        self.inner.traces.load(Ordering::Relaxed)
    }

    /// The signatures that are cached, least recently used first.
    pub fn signatures(&self) -> Vec<Signature> {
        self.inner.cache.entries().iter().map(|entry| entry.signature.clone()).collect()
    }

    /// The latest calls that had to trace and compile, oldest first, each with its reason.
    pub fn misses(&self) -> Vec<Miss> {
        self.inner.misses.to_vec()
    }

    /// Counters of the cache.
    pub fn cache_stats(&self) -> CacheStats {
        self.inner.cache.stats()
    }

    /// Changes the bytes that the cache may hold.
    pub fn set_cache_budget(&self, bytes: usize) {
        self.inner.cache.set_budget(bytes);
    }

    /// Drops all that is compiled.
    pub fn clear_cache(&self) {
        self.inner.cache.clear();
    }

    /// Runs the closure op by op from now on, without tracing or compiling it, or goes back to that: for debugging.
    pub fn run_eagerly(&self, eagerly: bool) {
        self.inner.eagerly.store(eagerly, Ordering::Relaxed);
    }

    /// Sets how many threads calls use that do not say; 0 means the process's default.
    pub fn set_threads(&self, threads: usize) {
        self.inner.threads.store(threads, Ordering::Relaxed);
    }

    /// The function's name.
    pub fn name(&self) -> &str {
        &self.inner.config.name
    }
}

impl<A: Tree, R: Tree> Inner<A, R> {
    #[inline]
    fn call<H: TreeLike<A>>(&self, argument: &H, threads: usize, at: CallSite) -> Result<R> {
        if is_tracing() {
            return self.inline(argument, at);
        }
        let threads = if threads == 0 { settings::threads() } else { threads };
        if tape::is_active() {
            // A tape records the function's ops one by one.
            return self.run_closure(argument, threads);
        }
        if self.eagerly.load(Ordering::Relaxed) || settings::runs_eagerly() {
            return self.run_closure(argument, threads);
        }
        Flat::with(|flat| {
            argument.visit(flat);
            if let Some(error) = flat.error(at) {
                return Err(error);
            }
            match self.cache.last(flat.key.words()) {
                Some(entry) => run(&entry, flat, threads, at),
                None => run(&*self.entry(argument, flat.key.words(), at)?, flat, threads, at),
            }
        })
    }

    /// The compiled signature, out of the cache or made now.
    pub(super) fn entry<H: TreeLike<A>>(
        &self,
        argument: &H,
        key: &[u64],
        at: CallSite,
    ) -> Result<Arc<Entry<R>>> {
        self.cache.get_or_make(key, || self.compile(argument, key, at)).map_err(|error| match error {
            LookupError::Failed(error) => error,
            LookupError::Cycle => Error::Recursion { at: at.into(), depth: 1 },
        })
    }

    fn compile<H: TreeLike<A>>(&self, argument: &H, key: &[u64], at: CallSite) -> Result<Compiled<R>> {
        let signature = describe::signature(argument, &self.config.argument_names, at);
        self.config.check(&signature, at)?;
        let earlier_traces = self.traces.fetch_add(1, Ordering::Relaxed);
        self.misses.push(Miss {
            at: at.into(),
            function: self.config.name.clone(),
            earlier_traces,
            reason: self.miss_reason(&signature, key),
            signature: signature.clone(),
        });
        Compiled::new(&self.config.name, signature, argument, &*self.body, &self.config.options, at)
    }

    fn miss_reason(&self, signature: &Signature, key: &[u64]) -> MissReason {
        if self.cache.was_evicted(key) {
            return MissReason::Evicted;
        }
        let recent = self.cache.recent();
        MissReason::find(signature, recent.iter().map(|entry| &entry.signature))
    }

    /// Within another trace: the closure's ops join it.
    pub(super) fn inline<H: TreeLike<A>>(&self, argument: &H, at: CallSite) -> Result<R> {
        thread_local! {
            static NESTING: Cell<usize> = const { Cell::new(0) };
        }
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                NESTING.set(NESTING.get() - 1);
            }
        }
        let depth = NESTING.get() + 1;
        if depth > MAX_NESTING {
            return Err(Error::Recursion { at: at.into(), depth });
        }
        NESTING.set(depth);
        let _leave = Leave;
        (self.body)(argument.rebuild(&mut |leaf| same_tensor(leaf, at)))
    }

    /// Without a trace: the closure's ops run one by one.
    fn run_closure<H: TreeLike<A>>(&self, argument: &H, threads: usize) -> Result<R> {
        let argument = argument.rebuild(&mut |leaf| same_tensor(leaf, caller()));
        compiled::checked(settings::with_eager_threads(threads, || (self.body)(argument))?)
    }
}

/// Runs a compiled signature on the buffers of an argument.
#[inline]
pub(super) fn run<R: Tree>(
    compiled: &Compiled<R>,
    flat: &mut Flat<'_>,
    threads: usize,
    at: CallSite,
) -> Result<R> {
    let result = flat.with_inputs(|inputs| compiled.run(inputs, threads));
    result.map_err(|error| Error::run(at, error))
}

fn same_tensor(leaf: LeafRef<'_>, at: CallSite) -> Tensor {
    match leaf {
        LeafRef::Tensor(tensor) => tensor.clone(),
        LeafRef::Spec(spec) => Tensor::failed(Error::UnknownDims { at: at.into(), spec: spec.to_string() }),
    }
}
